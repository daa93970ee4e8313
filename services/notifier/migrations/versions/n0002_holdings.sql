-- Tallies stay with the organisation that facts name; who holds what was whose is said beside them. The projection
-- is made anew from the log; what has been said stays said.

TRUNCATE notifier.subject, notifier.fact, notifier.succession, notifier.placement, notifier.target, notifier.tally,
         notifier.coverage;
UPDATE notifier.checkpoint SET position = 0;

ALTER TABLE notifier.succession ADD COLUMN targets text NOT NULL;
ALTER TABLE notifier.fact ADD COLUMN source text NOT NULL;
CREATE UNIQUE INDEX fact_event ON notifier.fact (source, event_id);

CREATE TABLE notifier.holding (
    organisation_id text NOT NULL,
    since date NOT NULL,
    until date NOT NULL,
    holder text NOT NULL,
    PRIMARY KEY (organisation_id, since)
);
COMMENT ON TABLE notifier.holding IS 'Who holds what facts say of an organisation, from `since` to before `until`.';
CREATE INDEX holding_holder ON notifier.holding (holder);

CREATE TABLE notifier.also_about (
    subject text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (subject, position)
);
COMMENT ON TABLE notifier.also_about IS 'Subjects that a fact is about besides its own: sources of a merger, persons of a split or a link.';

CREATE TABLE notifier.traveller (
    organisation_id text NOT NULL,
    subject text NOT NULL,
    PRIMARY KEY (organisation_id, subject)
);
COMMENT ON TABLE notifier.traveller IS 'Persons with a transfer that names the organisation: folded again when its succession changes.';

ALTER TABLE notifier.target DROP CONSTRAINT target_pkey;
ALTER TABLE notifier.target ADD PRIMARY KEY (target_id, since);
ALTER TABLE notifier.target ADD COLUMN holder text NOT NULL;
ALTER TABLE notifier.target ADD COLUMN until date NOT NULL;
COMMENT ON TABLE notifier.target IS 'Targets at their values and in the hands of their holders, from `since` to before `until`.';
COMMENT ON COLUMN notifier.target.organisation_id IS 'To whom it was assigned.';
DROP INDEX notifier.target_organisation;
CREATE INDEX target_assigned ON notifier.target (organisation_id);
CREATE INDEX target_holder ON notifier.target (holder, metric);

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON notifier.holding, notifier.also_about, notifier.traveller
    TO ketnap_notifier;
