-- Deltas stay with the organisation that facts name; who holds what was whose is a version of its own. All that was
-- projected before is projected again from the log.

TRUNCATE reporting.moment, reporting.fact, reporting.subject, reporting.succession, reporting.delta,
         reporting.organisation_version, reporting.place_version, reporting.target_version;
UPDATE reporting.checkpoint SET position = 0, recordedat = NULL;

ALTER TABLE reporting.succession ADD COLUMN targets text NOT NULL;
COMMENT ON COLUMN reporting.delta.organisation_id IS 'As the fact names it; holding_version says who holds it on a day.';

CREATE TABLE reporting.holding_version (
    organisation_id text NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    known_from bigint NOT NULL,
    known_to bigint NOT NULL DEFAULT 9223372036854775807,
    holder_id text NOT NULL,
    PRIMARY KEY (organisation_id, valid_from, known_from)
);
COMMENT ON TABLE reporting.holding_version IS 'Who holds from day to day what facts say of an organisation: itself, and after its end its successor.';
CREATE INDEX holding_version_holder ON reporting.holding_version (holder_id, known_from);

CREATE TABLE reporting.also_about (
    subject text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (subject, position)
);
COMMENT ON TABLE reporting.also_about IS 'Subjects that a fact is about besides its own: sources of a merger, persons of a split or a link.';

CREATE TABLE reporting.traveller (
    organisation_id text NOT NULL,
    subject text NOT NULL,
    PRIMARY KEY (organisation_id, subject)
);
COMMENT ON TABLE reporting.traveller IS 'Persons with a transfer that names the organisation: folded again when its succession changes.';

CREATE UNIQUE INDEX fact_event ON reporting.fact (source, event_id);
DROP INDEX reporting.delta_counterpart;

GRANT SELECT, INSERT, UPDATE ON reporting.holding_version TO ketnap_reporting;
GRANT SELECT, INSERT, DELETE ON reporting.also_about, reporting.traveller TO ketnap_reporting;
