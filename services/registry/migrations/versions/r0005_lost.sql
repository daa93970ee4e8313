-- Messages that left a source's stream before they were read.

ALTER TABLE registry.source ADD COLUMN lost jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN registry.source.lost IS 'Ranges [from, to] of stream sequences whose messages left the stream before they were read: published, and without an outcome.';
GRANT UPDATE (lost) ON registry.source TO ketnap_registry;
