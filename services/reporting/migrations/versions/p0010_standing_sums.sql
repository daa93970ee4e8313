-- Sums for the lists and the persons of large trees. All are made from deltas, edges and steps, by and by: nothing is
-- projected again.

CREATE TABLE reporting.standing_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE reporting.standing_progress IS 'One row: the last position whose changes are in standing_sum and standing_charge.';

CREATE TABLE reporting.standing_sum (
    kind text NOT NULL,
    organisation_id text NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (kind, organisation_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE reporting.standing_sum IS 'What all changes of members or open candidates come to in an organisation as facts name it, whatever their day: see sql/standing_sums.sql.';

CREATE TABLE reporting.standing_charge (
    organisation_id text NOT NULL,
    mentor uuid NOT NULL,
    persons bigint NOT NULL,
    PRIMARY KEY (organisation_id, mentor)
) WITH (fillfactor = 80);
COMMENT ON TABLE reporting.standing_charge IS 'The same of persons in the charge of a mentor.';

-- Which changes come after a day: few, where the day is a recent one. And which flows there were on the days of a
-- period. These are the measures that delta_rare leaves out.
CREATE INDEX delta_often ON reporting.delta (measure, day)
    WHERE split_part(measure, '.', 1) IN ('members', 'balance', 'candidates', 'admissions', 'confirmations', 'candidates_identified', 'training_completions');
CREATE INDEX spell_edge_charge ON reporting.spell_edge (day) WHERE kind = 'charge';

-- Instead of person_sum, which has no blocks and which versions before this one keep on writing: later ones drop it.
CREATE TABLE reporting.step_sum_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE reporting.step_sum_progress IS 'One row: the last position whose steps are in the sums.';

CREATE TABLE reporting.step_summed (
    organisation_id text PRIMARY KEY
);
COMMENT ON TABLE reporting.step_summed IS 'Organisations whose sums of steps are kept: those with many below them.';

CREATE TABLE reporting.step_sum (
    organisation_id text NOT NULL,
    kind text NOT NULL,
    cohort date NOT NULL,
    day date NOT NULL,
    days integer NOT NULL,
    block integer NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (organisation_id, kind, day, cohort, days, block)
) WITH (fillfactor = 80);
COMMENT ON TABLE reporting.step_sum IS 'How many steps of a kind were taken on a day within an organisation''s tree, by those whose candidacy or membership began in the month or year `cohort`, or after how many `days`, by the block of positions by which it became known: see sql/person_sums.sql.';
COMMENT ON COLUMN reporting.step_sum.block IS 'BLOCK of projector/person_sums.py: positions of block n are those after n * BLOCK up to (n + 1) * BLOCK. Those of all blocks up to one are what was known at its end.';

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.standing_progress, reporting.standing_sum, reporting.standing_charge,
    reporting.step_sum_progress, reporting.step_summed, reporting.step_sum TO ketnap_reporting;

-- Who was admitted in a period: `profile` of a large tree begins with these, not with the tree.
CREATE INDEX admission_day ON reporting_person.admission (day);
