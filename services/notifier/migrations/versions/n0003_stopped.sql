-- An event that cannot be applied, and the version that made the projections: see `ketnap projections status`.

ALTER TABLE notifier.checkpoint
    ADD COLUMN stopped_at bigint,
    ADD COLUMN stopped_why text,
    ADD COLUMN version integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN notifier.checkpoint.stopped_at IS 'The position of an event that cannot be applied; null while it goes on.';
COMMENT ON COLUMN notifier.checkpoint.version IS 'VERSION in store.py as it was when these tables were filled from the beginning.';
