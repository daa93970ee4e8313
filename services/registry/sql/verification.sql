-- Statements of `ketnap log verify`, all read in one snapshot. What they return at fault is counted row by row.

-- head: where the log should end
SELECT position, recordedat FROM registry.head;

-- log: every row, in order
SELECT position, recordedat, source, event_id, type, subject, content_hash, findings::text AS findings,
       event::text AS event
FROM registry.log ORDER BY position;

-- quarantine: every row that waits
SELECT source, event_id, type, subject, content_hash, event::text AS event FROM registry.quarantine
ORDER BY source, event_id;

-- erased: which of these persons a recorded event erases, under this id or one that was ever linked with it
WITH RECURSIVE ids (person, id) AS (
    SELECT each, each FROM unnest(CAST(:persons AS text[])) AS each
    UNION
    SELECT i.person, near.id
    FROM ids i
    CROSS JOIN LATERAL (
        SELECT a.subject AS id FROM registry.log l JOIN registry.also_about a USING (position)
        WHERE l.subject = i.id AND a.subject LIKE 'person/%'
        UNION
        SELECT l.subject FROM registry.also_about a JOIN registry.log l USING (position)
        WHERE a.subject = i.id AND l.subject LIKE 'person/%'
    ) near
)
SELECT DISTINCT i.person FROM ids i JOIN registry.log l ON l.subject = i.id WHERE l.type LIKE 'PersonErased.%';

-- deliveries: how many there are
SELECT count(*) FROM registry.delivery;

-- twice: deliveries with more than one outcome
SELECT source, stream_sequence, batch_index, array_agg(outcome ORDER BY outcome) AS outcomes FROM registry.delivery
GROUP BY source, stream_sequence, batch_index HAVING count(*) > 1
ORDER BY source, stream_sequence, batch_index;

-- holes: messages whose events with an outcome are not the first n of it
SELECT source, stream_sequence, count(DISTINCT batch_index) AS number, min(batch_index) AS first,
       max(batch_index) AS last
FROM registry.delivery GROUP BY source, stream_sequence
HAVING min(batch_index) <> 0 OR max(batch_index) + 1 <> count(DISTINCT batch_index)
ORDER BY source, stream_sequence;

-- unsettled: outcomes of messages that no source has settled
SELECT d.source, d.stream_sequence, d.batch_index, d.outcome, s.settled
FROM registry.delivery d LEFT JOIN registry.source s USING (source)
WHERE s.source IS NULL OR d.stream_sequence > s.settled OR d.stream_sequence < 1
ORDER BY d.source, d.stream_sequence, d.batch_index;

-- counts: numbers of outcomes as they are, beside those that were kept
SELECT source, outcome, coalesce(k.number, 0) AS kept, coalesce(f.number, 0) AS found
FROM registry.outcome_count k
FULL JOIN (SELECT source, outcome, count(*) AS number FROM registry.delivery GROUP BY source, outcome) f
     USING (source, outcome)
ORDER BY source, outcome;

-- in_both: ids that the log and the quarantine hold at once
SELECT source, event_id, l.position FROM registry.log l JOIN registry.quarantine q USING (source, event_id)
ORDER BY source, event_id;

-- astray: duplicates that name a position where another event stands
SELECT r.source, r.stream_sequence, r.batch_index, r.position
FROM registry.refused r LEFT JOIN registry.log l ON l.position = r.position
WHERE r.position IS NOT NULL AND (l.source, l.event_id) IS DISTINCT FROM (r.source, r.event_id)
ORDER BY r.source, r.stream_sequence, r.batch_index;

-- unburied: persons erased by a recorded event who still have a key, or could get one
SELECT DISTINCT l.subject, l.position, k.person IS NOT NULL AS has_key
FROM registry.log l
LEFT JOIN registry.erased_person e ON e.person = l.subject
LEFT JOIN registry.person_key k ON k.person = l.subject
WHERE l.type LIKE 'PersonErased.%' AND (e.person IS NULL OR k.person IS NOT NULL)
ORDER BY l.position;

-- sources: how far each is settled
SELECT source, settled FROM registry.source ORDER BY source;

-- outcomes_of: outcomes of a range of messages, with the hash of what was delivered where it is kept
SELECT stream_sequence, batch_index, event_id, 'recorded' AS outcome, content_hash FROM registry.log
WHERE source = :source AND stream_sequence BETWEEN :first AND :last
UNION ALL
SELECT stream_sequence, batch_index, event_id, 'quarantined', content_hash FROM registry.quarantine
WHERE source = :source AND stream_sequence BETWEEN :first AND :last
UNION ALL
SELECT stream_sequence, batch_index, event_id, outcome, NULL FROM registry.refused
WHERE source = :source AND stream_sequence BETWEEN :first AND :last;

-- folds: the stored folds of the next subjects
SELECT subject, folded FROM registry.subject WHERE subject > :after ORDER BY subject LIMIT :limit;

-- unfolded: subjects on the log without a fold
SELECT DISTINCT l.subject FROM registry.log l
WHERE NOT EXISTS (SELECT FROM registry.subject s WHERE s.subject = l.subject)
ORDER BY l.subject;

-- number_of_targets: how many are kept
SELECT count(*) FROM registry.target;

-- headcounts: all of them
SELECT organisation_id, measure, day, amount FROM registry.headcount;

-- travellers: all of them
SELECT organisation_id, subject FROM registry.traveller;

-- also_about: all whom events name besides their own subject, but for corrections
SELECT a.subject, a.position FROM registry.also_about a JOIN registry.log l USING (position)
WHERE l.type NOT LIKE 'FactCorrected.%';

-- drop_folds: folds of whom the log does not know
DELETE FROM registry.subject WHERE subject = ANY (CAST(:subjects AS text[]));

-- drop_headcounts: those of organisations that get others
DELETE FROM registry.headcount WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- drop_travellers: those of organisations that get others
DELETE FROM registry.traveller WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- drop_about: what names these subjects besides its own, but for corrections
DELETE FROM registry.also_about a USING registry.log l
WHERE a.subject = ANY (CAST(:subjects AS text[])) AND l.position = a.position AND l.type NOT LIKE 'FactCorrected.%';

-- all_targets: all targets with their owners
SELECT target_id, organisation_id FROM registry.target;

-- drop_targets: targets that the log gives to nobody, or to others
DELETE FROM registry.target WHERE target_id = ANY (CAST(:ids AS text[]));
