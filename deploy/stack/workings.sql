-- What `ketnap doctor` asks about the work of a running system. Each looks at few rows, found by an index.

-- clock: the server's time, and when the last event was recorded
SELECT clock_timestamp() AS now, (SELECT nullif(recordedat, '-infinity') FROM registry.head) AS latest;

-- age_after: for how long the first event after a position has been on the log
SELECT extract(epoch FROM now() - recordedat)::float8 AS seconds FROM registry.log WHERE position = $1 + 1;

-- overdue: how many wait for longer than this, by source, and since when
SELECT source, count(*) AS number, min(at) AS since FROM registry.quarantine WHERE at < now() - $1::interval
GROUP BY source ORDER BY since;

-- sources: those that are registered, with what they lost, and when the first event after that was recorded
SELECT s.source, s.last_seen, s.sequences::text AS sequences, s.lost::text AS lost,
       now() - s.last_seen > $1::interval AS silent, l.recordedat AS lost_before
FROM registry.source s
LEFT JOIN LATERAL (
    SELECT recordedat FROM registry.log
    WHERE log.source = s.source AND stream_sequence > (s.lost -> -1 ->> 1)::bigint
    ORDER BY stream_sequence, batch_index LIMIT 1
) l ON true
WHERE s.removed_at IS NULL ORDER BY s.source;

-- backup: the last one, what is on the log since, and when the log began
SELECT b.at, b.position, h.position AS head, now() - b.at > $1::interval AS old,
       (SELECT now() - recordedat > interval '1 day' FROM registry.log WHERE position = 1) AS log_is_old
FROM registry.head h LEFT JOIN LATERAL (SELECT at, position FROM registry.backup ORDER BY at DESC LIMIT 1) b ON true;
