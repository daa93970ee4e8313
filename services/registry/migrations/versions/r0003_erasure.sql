-- Erasure of persons, and master keys that say which keys they wrap.

CREATE TABLE registry.erased_person (
    person text PRIMARY KEY,
    erased_at timestamptz NOT NULL
);
COMMENT ON TABLE registry.erased_person IS 'Tombstones: whose key was destroyed. None of these ever gets a key again. Belongs into every backup of the data.';

CREATE TABLE registry.master_key (
    id text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE registry.master_key IS 'Master keys that may wrap keys of persons, by an id that gives nothing of them away. The keys themselves are nowhere in here.';

ALTER TABLE registry.person_key ADD COLUMN master text REFERENCES registry.master_key;
COMMENT ON COLUMN registry.person_key.master IS 'The master key that wraps it; null where it was wrapped before master keys had ids.';
CREATE INDEX person_key_unnamed ON registry.person_key (person) WHERE master IS NULL;

CREATE FUNCTION registry.no_key_for_the_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Passed over, not refused: keys come back from an older copy, and those of the erased must stay away.
    IF EXISTS (SELECT FROM registry.erased_person e WHERE e.person = NEW.person) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_key_for_the_erased BEFORE INSERT ON registry.person_key
    FOR EACH ROW EXECUTE FUNCTION registry.no_key_for_the_erased();

GRANT SELECT, INSERT ON registry.erased_person, registry.master_key TO ketnap_registry;
