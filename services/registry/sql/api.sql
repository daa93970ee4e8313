-- Statements of the registry's HTTP API.

-- event: the recorded event and its findings
SELECT position, event::text AS event, findings::text AS findings FROM registry.log
WHERE source = :source AND event_id = :event_id;

-- outcome: current outcomes of all deliveries of this event, the one that holds its id first
SELECT source, stream_sequence, batch_index, event_id, outcome, position, code, message, path,
       findings::text AS findings, at
FROM registry.delivery WHERE source = :source AND event_id = :event_id
ORDER BY array_position(ARRAY['recorded', 'quarantined', 'rejected', 'discarded', 'duplicate'], outcome),
         stream_sequence DESC, batch_index DESC
LIMIT 1;

-- events: recorded events in log order, about as many bytes as are asked for; `there` is how many there are up to the limit
SELECT position, event, there
FROM (
    SELECT position, event, count(*) OVER () AS there,
           sum(octet_length(event)) OVER (ORDER BY position) - octet_length(event) AS bytes_before
    FROM (
        SELECT position, event::text AS event FROM registry.log
        WHERE position > :after
          AND (CAST(:source AS text) IS NULL OR source = :source)
          AND (CAST(:subject AS text) IS NULL OR subject = :subject)
          AND (CAST(:type AS text) IS NULL OR type = :type)
        ORDER BY position LIMIT :limit
    ) AS page
) AS measured
WHERE bytes_before < :bytes ORDER BY position;

-- standing: how far the log is, how far it is relayed, and the last backup; single rows all of them
SELECT h.position, nullif(h.recordedat, '-infinity') AS recordedat, r.position AS relayed,
       b.at AS backup_at, b.position AS backup_position
FROM registry.head h CROSS JOIN registry.relayed r
LEFT JOIN LATERAL (SELECT at, position FROM registry.backup ORDER BY at DESC LIMIT 1) b ON true;

-- receipts: current outcomes of a source's deliveries in stream order, whole messages
WITH page AS (
    SELECT * FROM registry.delivery
    WHERE source = :source AND stream_sequence > :after
    ORDER BY source, stream_sequence, batch_index LIMIT :limit
)
SELECT source, stream_sequence, batch_index, event_id, outcome, position, code, message, path,
       findings::text AS findings, at
FROM registry.delivery
WHERE source = :source AND stream_sequence > :after
  AND stream_sequence <= (SELECT max(stream_sequence) FROM page)
ORDER BY source, stream_sequence, batch_index;

-- sources: all of them
SELECT source, root, removed_at, settled, last_seen, sequences::text AS sequences, lost::text AS lost
FROM registry.source
WHERE CAST(:source AS text) IS NULL OR source = :source
ORDER BY source;

-- outcome_counts: how many deliveries of each source have each outcome
SELECT source, outcome, number FROM registry.outcome_count
WHERE CAST(:source AS text) IS NULL OR source = :source;

-- profiles_of_events: the data of these recorded events
SELECT l.source, l.event_id, l.subject, (l.event -> 'data')::text AS data
FROM unnest(CAST(:sources AS text[]), CAST(:ids AS uuid[])) AS wanted (source, event_id)
JOIN registry.log l USING (source, event_id);

-- profiles_of_persons: the data of all recorded events about these persons that may bring a profile
SELECT source, event_id, subject, (event -> 'data')::text AS data FROM registry.log
WHERE subject = ANY (CAST(:subjects AS text[]))
  AND split_part(type, '.', 1) IN ('CandidateIdentified', 'MemberAdmitted', 'FactCorrected')
ORDER BY position;
