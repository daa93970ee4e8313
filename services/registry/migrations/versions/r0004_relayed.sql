-- How far is relayed gets a row of its own, which no turn of the writer locks; what a turn rewrites gets room.

CREATE TABLE registry.relayed (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL
);
COMMENT ON TABLE registry.relayed IS 'One row: the last position that is published to LOG, its receipt too.';
INSERT INTO registry.relayed (position) SELECT relayed FROM registry.head;
COMMENT ON COLUMN registry.head.relayed IS 'Of versions before registry.relayed was there, which may still run beside newer ones; stands still.';
GRANT SELECT, UPDATE ON registry.relayed TO ketnap_registry;

COMMENT ON TABLE registry.outbox IS 'Receipts not yet published of what is not recorded, an array for each turn of the writer.';

-- A fold is rewritten with each fact about its subject: with room on its page no index has to follow.
ALTER TABLE registry.subject SET (fillfactor = 60);
ALTER TABLE registry.headcount SET (fillfactor = 80);
