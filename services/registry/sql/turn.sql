-- Statements of the writer: what a turn reads before it decides, and what it writes when it has decided.

-- masters_in_use: the master keys that wrap any person's key
SELECT id FROM registry.master_key m WHERE EXISTS (SELECT FROM registry.person_key k WHERE k.master = m.id);

-- unnamed: one of the keys that were wrapped before master keys had ids
SELECT person, master, wrapped FROM registry.person_key WHERE master IS NULL LIMIT 1;

-- register_master: note that keys may be wrapped by this master key
INSERT INTO registry.master_key (id) VALUES (:id) ON CONFLICT DO NOTHING;

-- advance_head: move the head, only while this writer is the writer and the head is where it was left
UPDATE registry.head SET position = :new_position, recordedat = :recordedat
WHERE epoch = :epoch AND position = :position
RETURNING position;

-- claim_head: lock the head for what is appended before it is moved. An update, and no lock alone: whoever takes over
-- looks for sessions that write to it
UPDATE registry.head SET position = position WHERE epoch = :epoch AND position = :position RETURNING position;

-- held_ids: which of these ids are held, by the log or by the quarantine
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(CAST(CAST(:sources AS text) AS text[]), CAST(CAST(:ids AS text) AS uuid[]))
           AS wanted (source, event_id)
)
SELECT l.source, l.event_id, l.content_hash, l.position FROM wanted JOIN registry.log l USING (source, event_id)
UNION ALL
SELECT q.source, q.event_id, q.content_hash, NULL FROM wanted JOIN registry.quarantine q USING (source, event_id);

-- subjects: the stored folds of these subjects
SELECT subject, folded FROM registry.subject WHERE subject = ANY (CAST(CAST(:subjects AS text) AS text[]));

-- timelines: all facts on record that name these subjects, as their own or besides it
SELECT subject AS wanted, position, event::text FROM registry.log WHERE subject = ANY (CAST(:subjects AS text[]))
UNION ALL
SELECT a.subject, position, l.event::text
FROM registry.also_about a JOIN registry.log l USING (position)
WHERE a.subject = ANY (CAST(:subjects AS text[]))
ORDER BY position;

-- attached: active organisations and places that belong to these; for dry runs only, it looks at every fold of them
SELECT subject
FROM registry.subject, LATERAL (SELECT convert_from(folded, 'UTF8')::json -> 'state') AS folded_as (state)
WHERE subject LIKE 'organisation/%' AND state ->> 'ended_on' IS NULL
  AND state #>> '{segments,-1,parent_id}' = ANY (CAST(:organisations AS text[]))
UNION ALL
SELECT subject
FROM registry.subject, LATERAL (SELECT convert_from(folded, 'UTF8')::json -> 'state') AS folded_as (state)
WHERE subject LIKE 'place/%'
  AND (state ->> 'organisation_id' = ANY (CAST(:organisations AS text[]))
       OR state #>> '{coverage,-1,cell_id}' = ANY (CAST(:organisations AS text[])));

-- recorded_event: one event by its id
SELECT event::text FROM registry.log WHERE source = :source AND event_id = :event_id;

-- travellers: persons with a transfer or a split that names these organisations
SELECT organisation_id, subject FROM registry.traveller WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- target_owners: which organisation holds each of these targets
SELECT target_id, organisation_id FROM registry.target WHERE target_id = ANY (CAST(:ids AS text[]));

-- headcounts: the signed changes of these organisations
SELECT organisation_id, measure, day, amount FROM registry.headcount
WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- successions: all of them; there are as many as organisations that ever ended with a successor
SELECT organisation_id, day, successor_id, targets FROM registry.succession;

-- sources: the registered sources and how far each is settled
SELECT source, root, removed_at, settled, last_seen, sequences::text AS sequences, lost::text AS lost
FROM registry.source ORDER BY source;

-- anyone_waits: whether any event waits
SELECT EXISTS (SELECT FROM registry.quarantine);

-- waited_for: the keys that any event waits for
SELECT DISTINCT unnest(waits_for) FROM registry.quarantine LIMIT :limit;

-- quarantined_ids: what waits
SELECT source, event_id FROM registry.quarantine LIMIT :limit;

-- waiting_for: events that wait for any of these subjects, in timeline order
SELECT source, event_id, stream_sequence, batch_index, content_hash, code, message, waits_for, event::text AS event, at
FROM registry.quarantine
WHERE waits_for && CAST(:keys AS text[])
ORDER BY effectiveon, time, event_id;

-- waiting_ones: these waiting events
SELECT source, event_id, stream_sequence, batch_index, content_hash, code, message, waits_for, event::text AS event, at
FROM registry.quarantine
JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS uuid[])) AS wanted (source, event_id) USING (source, event_id);

-- person_keys: wrapped keys of these persons, and a row without one for each who is erased
SELECT person, master, wrapped FROM registry.person_key WHERE person = ANY (CAST(CAST(:persons AS text) AS text[]))
UNION ALL
SELECT person, NULL, NULL FROM registry.erased_person WHERE person = ANY (CAST(CAST(:persons AS text) AS text[]));

-- append_refused: deliveries that end without a place in the log
INSERT INTO registry.refused (source, stream_sequence, batch_index, event_id, outcome, position, code, message, path, at)
SELECT * FROM unnest(CAST(:source AS text[]), CAST(:stream_sequence AS bigint[]), CAST(:batch_index AS int[]),
                     CAST(:event_id AS uuid[]), CAST(:outcome AS text[]), CAST(:position AS bigint[]),
                     CAST(:code AS text[]), CAST(:message AS text[]), CAST(:path AS text[]),
                     CAST(:at AS timestamptz[]));

-- hold: events that start to wait, or wait for another reason now
INSERT INTO registry.quarantine (source, event_id, stream_sequence, batch_index, type, subject, effectiveon, time,
                                 content_hash, code, message, waits_for, event, at)
SELECT source, event_id, stream_sequence, batch_index, type, subject, effectiveon, time, content_hash, code, message,
       ARRAY(SELECT json_array_elements_text(waits_for)), event, at
FROM unnest(CAST(:source AS text[]), CAST(:event_id AS uuid[]), CAST(:stream_sequence AS bigint[]),
            CAST(:batch_index AS int[]), CAST(:type AS text[]), CAST(:subject AS text[]),
            CAST(:effectiveon AS date[]), CAST(:time AS timestamptz[]), CAST(:content_hash AS bytea[]),
            CAST(:code AS text[]), CAST(:message AS text[]), CAST(:waits_for AS json[]), CAST(:event AS json[]),
            CAST(:at AS timestamptz[]))
     AS held (source, event_id, stream_sequence, batch_index, type, subject, effectiveon, time, content_hash, code,
              message, waits_for, event, at)
ON CONFLICT (source, event_id) DO UPDATE
SET code = excluded.code, message = excluded.message, waits_for = excluded.waits_for;

-- let_go: events that wait no more
DELETE FROM registry.quarantine q
USING unnest(CAST(:source AS text[]), CAST(:event_id AS uuid[])) AS gone (source, event_id)
WHERE q.source = gone.source AND q.event_id = gone.event_id;

-- count_outcomes: how the numbers of current outcomes change
INSERT INTO registry.outcome_count AS c (source, outcome, number)
SELECT * FROM unnest(CAST(:source AS text[]), CAST(:outcome AS text[]), CAST(:number AS bigint[]))
ON CONFLICT (source, outcome) DO UPDATE SET number = c.number + excluded.number;

-- put_subjects: the folds after this turn
INSERT INTO registry.subject (subject, folded)
SELECT * FROM unnest(CAST(CAST(:subject AS text) AS text[]), CAST(:folded AS bytea[]))
ON CONFLICT (subject) DO UPDATE SET folded = excluded.folded;

-- put_targets: targets assigned in this turn
INSERT INTO registry.target (target_id, organisation_id)
SELECT * FROM unnest(CAST(:target_id AS text[]), CAST(:organisation_id AS text[]))
ON CONFLICT (target_id) DO UPDATE SET organisation_id = excluded.organisation_id;

-- drop_successions: organisations whose end this turn changes
DELETE FROM registry.succession WHERE organisation_id = ANY (CAST(:organisation_id AS text[]));

-- put_successions: organisations that end with a successor
INSERT INTO registry.succession (organisation_id, day, successor_id, targets)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:day AS date[]), CAST(:successor_id AS text[]),
                     CAST(:targets AS text[]));

-- put_about: subjects that events of this turn are about besides their own
INSERT INTO registry.also_about (subject, position)
SELECT * FROM unnest(CAST(:subject AS text[]), CAST(:position AS bigint[]));

-- put_travellers: persons with a transfer or in a split, and the organisations that it names
INSERT INTO registry.traveller (organisation_id, subject)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:subject AS text[]))
ON CONFLICT DO NOTHING;

-- add_headcounts: signed changes of this turn, added to what stands there
INSERT INTO registry.headcount AS h (organisation_id, measure, day, amount)
SELECT * FROM unnest(CAST(CAST(:organisation_id AS text) AS text[]), CAST(CAST(:measure AS text) AS text[]),
                     CAST(CAST(:day AS text) AS date[]), CAST(CAST(:amount AS text) AS bigint[]))
ON CONFLICT (organisation_id, measure, day) DO UPDATE SET amount = h.amount + excluded.amount;

-- sealed_profiles: what recorded events about these persons bring as profiles, in log order
SELECT subject, event_id, profile
FROM (
    SELECT position, subject, event_id,
           coalesce(event -> 'data' ->> 'profile', event -> 'data' -> 'replacement' -> 'data' ->> 'profile') AS profile
    FROM registry.log
    WHERE subject = ANY (CAST(CAST(:persons AS text) AS text[]))
      AND split_part(type, '.', 1) IN ('CandidateIdentified', 'MemberAdmitted', 'FactCorrected')
) AS brought
WHERE starts_with(profile, 'sealed:')
ORDER BY position;

-- put_person_keys: keys made in this turn
INSERT INTO registry.person_key (person, master, wrapped)
SELECT * FROM unnest(CAST(:person AS text[]), CAST(:master AS text[]), CAST(:wrapped AS bytea[]));

-- bury: note for good who is erased, so that no key is ever made again
INSERT INTO registry.erased_person (person, erased_at)
SELECT unnest(CAST(:persons AS text[])), CAST(:at AS timestamptz)
ON CONFLICT DO NOTHING;

-- destroy_keys: the keys of those who are erased, locked in the order in which a rotation locks them
DELETE FROM registry.person_key WHERE person IN (
    SELECT person FROM registry.person_key WHERE person = ANY (CAST(:persons AS text[])) ORDER BY person FOR UPDATE
);

-- settle: how far each source is settled, only onwards
UPDATE registry.source s
SET settled = n.settled, last_seen = n.last_seen, sequences = n.sequences::jsonb,
    lost = n.lost::jsonb
FROM unnest(CAST(:source AS text[]), CAST(:settled AS bigint[]), CAST(:last_seen AS timestamptz[]),
            CAST(:sequences AS text[]), CAST(:lost AS text[])) AS n (source, settled, last_seen, sequences, lost)
WHERE s.source = n.source AND s.settled <= n.settled;

-- post: the receipts of what this turn did not record
INSERT INTO registry.outbox (receipts) VALUES (CAST(:receipts AS json));
