-- Sums that make `funnel` and `retention` of very large trees fast. They are made from persons' steps, by and by:
-- nothing is projected again.

CREATE TABLE reporting.person_sum_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE reporting.person_sum_progress IS 'One row: the last position whose steps are in the sums.';

CREATE TABLE reporting.person_summed (
    organisation_id text PRIMARY KEY
);
COMMENT ON TABLE reporting.person_summed IS 'Organisations whose sums are kept: those with very many below them.';

CREATE TABLE reporting.person_sum (
    organisation_id text NOT NULL,
    kind text NOT NULL,
    cohort date NOT NULL,
    day date NOT NULL,
    days integer NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (organisation_id, kind, day, cohort, days)
) WITH (fillfactor = 70);
COMMENT ON TABLE reporting.person_sum IS 'How many steps of a kind were taken on a day within an organisation''s tree, by those whose candidacy or membership began in the month or year `cohort`, or after how many `days`: see sql/person_sums.sql.';

CREATE INDEX person_step_known_from ON reporting.person_step (known_from);
CREATE INDEX person_step_known_to ON reporting.person_step (known_to) WHERE known_to < 9223372036854775807;
-- Where candidacies and memberships begin: one step in five or so.
CREATE INDEX person_step_began ON reporting.person_step (organisation_id, name, day)
    WHERE name IN ('CandidateIdentified', 'MemberAdmitted');

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.person_sum_progress, reporting.person_summed, reporting.person_sum
    TO ketnap_reporting;
