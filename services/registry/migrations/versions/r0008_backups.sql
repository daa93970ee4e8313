-- Backups that were taken: `ketnap backup` writes a row once its file is complete.

CREATE TABLE registry.backup (
    at timestamptz PRIMARY KEY,
    position bigint NOT NULL,
    bytes bigint NOT NULL
);
COMMENT ON TABLE registry.backup IS 'When a backup was taken, up to which position it holds the log, and how large its file is. Where the file is now, nobody here knows.';
GRANT SELECT ON registry.backup TO ketnap_registry;
