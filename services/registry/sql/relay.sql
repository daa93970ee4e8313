-- Statements of the relay: what it publishes, and how far it has come.

-- to_relay: recorded events that are not known to be published, in order
SELECT position, event::text AS event FROM registry.log
WHERE position > (SELECT relayed FROM registry.head) ORDER BY position LIMIT :limit;

-- relayed: the log is published up to here
UPDATE registry.head SET relayed = :position WHERE relayed < :position;

-- posted: receipts that are not known to be published, in order
SELECT number, receipts::text AS receipts FROM registry.outbox ORDER BY number LIMIT 2;

-- delivered: these receipts are published
DELETE FROM registry.outbox WHERE number = ANY (CAST(:numbers AS bigint[]));
