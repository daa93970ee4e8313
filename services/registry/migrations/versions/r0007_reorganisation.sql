-- Facts about more than one subject, and what a changed succession folds again.

DO $$
BEGIN
    IF EXISTS (SELECT FROM registry.succession) THEN
        RAISE EXCEPTION 'this registry was filled by a version before reorganisations, whose head counts differ'
            USING HINT = 'Start with an empty data directory and publish the events again.';
    END IF;
END $$;

ALTER TABLE registry.succession ADD COLUMN targets text NOT NULL DEFAULT 'keep';
COMMENT ON TABLE registry.succession IS 'How each organisation that ended was taken over; targets: what became of its targets.';

CREATE TABLE registry.also_about (
    subject text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (subject, position)
);
COMMENT ON TABLE registry.also_about IS 'Subjects that a recorded event is about besides its own: sources of a merger, persons of a split or a link.';

CREATE TABLE registry.traveller (
    organisation_id text NOT NULL,
    subject text NOT NULL,
    PRIMARY KEY (organisation_id, subject)
);
COMMENT ON TABLE registry.traveller IS 'Persons with a transfer that names the organisation: folded again when its succession changes.';

COMMENT ON TABLE registry.headcount IS 'Signed changes of members, balances and candidates by the organisation that the facts name; successions say who holds them.';

GRANT SELECT, INSERT, DELETE ON registry.also_about, registry.traveller TO ketnap_registry;
