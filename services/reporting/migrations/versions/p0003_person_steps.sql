-- What persons' facts say one by one: how long, whether in time, what became of them. All that was projected before
-- is projected again from the log.

TRUNCATE reporting.moment, reporting.fact, reporting.subject, reporting.succession, reporting.delta,
         reporting.also_about, reporting.traveller, reporting.organisation_version, reporting.holding_version,
         reporting.place_version, reporting.target_version;
UPDATE reporting.checkpoint SET position = 0, recordedat = NULL;

CREATE TABLE reporting.person_step (
    person uuid NOT NULL,
    known_from bigint NOT NULL,
    known_to bigint NOT NULL DEFAULT 9223372036854775807,
    time timestamptz NOT NULL,
    day date NOT NULL,
    stage_before smallint,
    stage smallint,
    mentors smallint NOT NULL,
    issued_on date,
    expires_on date,
    event_id uuid NOT NULL,
    mentor uuid,
    source text NOT NULL,
    name text NOT NULL,
    organisation_id text,
    standing text,
    detail jsonb
);
COMMENT ON TABLE reporting.person_step IS 'Each fact that counts on a person''s timeline, from the first position at which it is known to count so: see projector/person_steps.py.';
COMMENT ON COLUMN reporting.person_step.person IS 'The first of a person''s ids.';
COMMENT ON COLUMN reporting.person_step.organisation_id IS 'As the fact names it; holding_version says who holds it on a day. Where the person stands after it, else stood last.';
COMMENT ON COLUMN reporting.person_step.stage IS 'Place of the milestone in a candidacy, from 0; 9 with the admission itself. Null: no open candidacy.';
CREATE INDEX person_step_person ON reporting.person_step (person, day);
CREATE INDEX person_step_organisation ON reporting.person_step (organisation_id, day);

GRANT SELECT, INSERT, UPDATE ON reporting.person_step TO ketnap_reporting;
