-- Statements of the relay: what it publishes, and how far it has come.

-- to_relay: recorded events that are not known to be published, in order, about as many bytes as are asked for
SELECT position, recordedat, source, event_id, stream_sequence, batch_index, findings::text AS findings, event
FROM (
    SELECT position, recordedat, source, event_id, stream_sequence, batch_index, findings, event::text AS event,
           sum(octet_length(event::text)) OVER (ORDER BY position) - octet_length(event::text) AS bytes_before
    FROM registry.log
    WHERE position > (SELECT position FROM registry.relayed) ORDER BY position LIMIT :limit
) AS page
WHERE bytes_before < :bytes ORDER BY position;

-- relayed: the log is published up to here, and so are the receipts of what it holds
UPDATE registry.relayed SET position = :position WHERE position < :position;

-- newest_posted: the last of the receipts that are not known to be published
SELECT max(number) FROM registry.outbox;

-- posted: receipts that are not known to be published, in order
SELECT number, receipts::text AS receipts FROM registry.outbox WHERE number <= :until ORDER BY number LIMIT 2;

-- delivered: these receipts are published
DELETE FROM registry.outbox WHERE number = ANY (CAST(:numbers AS bigint[]));
