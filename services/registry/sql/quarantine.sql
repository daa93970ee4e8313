-- Statements about what waits: its pages, what it waits for, and how much of it there is.

-- page: waiting events in timeline order after a place, about as many bytes as are asked for; `there` is how many there are up to the limit. The place is never null, so that the index leads to it
SELECT * FROM (
    SELECT page.*, count(*) OVER () AS there,
           sum(bytes) OVER (ORDER BY effectiveon, time, event_id, source) - bytes AS bytes_before
    FROM (
        SELECT source, stream_sequence, batch_index, event_id, 'quarantined' AS outcome, NULL AS position, code,
               message, NULL AS path, NULL AS findings, at, event::text AS event, waits_for, type, subject,
               effectiveon, time, now() - at AS age, octet_length(event::text) + octet_length(waits_for::text) AS bytes
        FROM registry.quarantine
        WHERE (effectiveon, time, event_id, source) >
              (CAST(:after_day AS date), CAST(:after_time AS timestamptz), CAST(:after_id AS uuid),
               CAST(:after_source AS text))
          AND (CAST(:source AS text) IS NULL OR source = :source)
          AND (CAST(:code AS text) IS NULL OR code = :code)
          AND (CAST(:subject AS text) IS NULL OR subject = :subject)
          AND (CAST(:older_than AS interval) IS NULL OR at < now() - CAST(:older_than AS interval))
        ORDER BY effectiveon, time, event_id, source
        LIMIT :limit
    ) AS page
) AS measured
WHERE bytes_before < :bytes
ORDER BY effectiveon, time, event_id, source;

-- one: one waiting event, as a page shows it
SELECT source, stream_sequence, batch_index, event_id, 'quarantined' AS outcome, NULL AS position, code, message,
       NULL AS path, NULL AS findings, at, event::text AS event, waits_for, type, subject, effectiveon, time,
       now() - at AS age
FROM registry.quarantine
WHERE source = :source AND event_id = :event_id;

-- known: which of these keys are on record; of an organisation whose founding was taken back there is a fold without segments
SELECT subject AS key FROM registry.subject
WHERE subject = ANY (CAST(:subjects AS text[]))
  AND (subject NOT LIKE 'organisation/%'
       OR json_array_length(coalesce(convert_from(folded, 'UTF8')::json #> '{state,segments}', '[]')) > 0)
UNION ALL
SELECT 'target/' || target_id FROM registry.target WHERE target_id = ANY (CAST(:targets AS text[]))
UNION ALL
SELECT 'event/' || source || '/' || event_id FROM registry.log
JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS uuid[])) AS wanted (source, event_id) USING (source, event_id);

-- behind: how many events wait for each of these keys
SELECT key, count(*) AS number FROM registry.quarantine, unnest(waits_for) AS key
WHERE waits_for && CAST(:keys AS text[]) AND key = ANY (CAST(:keys AS text[]))
GROUP BY key;

-- counts: how many wait, by source, code and age class, and for how many seconds the oldest of them does
SELECT source, code,
       CASE WHEN at > now() - interval '1 hour' THEN 'under_1h'
            WHEN at > now() - interval '1 day' THEN 'under_1d'
            WHEN at > now() - interval '7 days' THEN 'under_7d'
            ELSE 'over_7d' END AS age,
       count(*) AS number, extract(epoch FROM now() - min(at))::float8 AS seconds
FROM registry.quarantine GROUP BY 1, 2, 3;

-- overdue: how many wait for longer than this, by source, and since when; the one that waits longest first
SELECT source, count(*) AS number, min(at) AS since FROM registry.quarantine
WHERE at < now() - CAST(:older_than AS interval)
GROUP BY source ORDER BY since;

-- rehearsed: events that wait for any of these keys, the first in timeline order; found by key first, for a limit tempts the planner to walk the whole order
WITH found AS MATERIALIZED (
    SELECT source, event_id, effectiveon, time FROM registry.quarantine WHERE waits_for && CAST(:keys AS text[])
), first AS (
    SELECT source, event_id FROM found ORDER BY effectiveon, time, event_id LIMIT :limit
)
SELECT source, event_id, stream_sequence, batch_index, content_hash, code, message, waits_for, event::text AS event, at
FROM first JOIN registry.quarantine USING (source, event_id)
ORDER BY effectiveon, time, event_id;
