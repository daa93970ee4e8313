-- Statements of the projection: what applying recorded events reads and writes.

-- lock_checkpoint: where the projection stands; whoever applies locks it first
SELECT position, evaluated, tableoid::bigint AS tables FROM notifier.checkpoint FOR UPDATE;

-- checkpoint: where the projection stands
SELECT position, evaluated, tableoid::bigint AS tables FROM notifier.checkpoint;

-- move_checkpoint: how far the log is applied; by the oldest version of those that did any of it
UPDATE notifier.checkpoint
SET position = :position, stopped_at = NULL, stopped_why = NULL,
    version = CASE WHEN position = 0 THEN CAST(:version AS integer) ELSE least(version, CAST(:version AS integer)) END;

-- stop: the event that cannot be applied, unless another process has done it
UPDATE notifier.checkpoint SET stopped_at = :position, stopped_why = :why
WHERE position < :position AND (stopped_at, stopped_why) IS DISTINCT FROM (:position, CAST(:why AS text));

-- mark_evaluated: how far the rules have judged, only onwards
UPDATE notifier.checkpoint SET evaluated = greatest(evaluated, position);

-- timelines: all facts that name these subjects, as their own or besides it
SELECT subject AS wanted, position, source, subject, event_id, type, effectiveon, time, data
FROM notifier.fact WHERE subject = ANY (CAST(:subjects AS text[]))
UNION ALL
SELECT a.subject, position, source, f.subject, event_id, type, effectiveon, time, data
FROM notifier.also_about a JOIN notifier.fact f USING (position)
WHERE a.subject = ANY (CAST(:subjects AS text[]))
ORDER BY position;

-- fact: one fact by its id
SELECT position, source, subject, event_id, type, effectiveon, time, data
FROM notifier.fact WHERE source = :source AND event_id = :event_id;

-- travellers: persons with a transfer or a split that names these organisations
SELECT organisation_id, subject FROM notifier.traveller WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- subjects: the stored folds of these subjects
SELECT subject, folded FROM notifier.subject WHERE subject = ANY (CAST(:subjects AS text[]));

-- put_subjects: folds as they are now
INSERT INTO notifier.subject (subject, folded)
SELECT * FROM unnest(CAST(:subject AS text[]), CAST(:folded AS bytea[]))
ON CONFLICT (subject) DO UPDATE SET folded = excluded.folded;

-- successions: all of them
SELECT organisation_id, day, successor_id, targets FROM notifier.succession;

-- drop_successions: organisations whose end the batch changes
DELETE FROM notifier.succession WHERE organisation_id = ANY (CAST(:organisation_id AS text[]));

-- put_successions: organisations that end with a successor
INSERT INTO notifier.succession (organisation_id, day, successor_id, targets)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:day AS date[]), CAST(:successor_id AS text[]),
                     CAST(:targets AS text[]));

-- put_about: subjects that facts are about besides their own
INSERT INTO notifier.also_about (subject, position)
SELECT * FROM unnest(CAST(:subject AS text[]), CAST(:position AS bigint[]));

-- put_travellers: persons with a transfer or in a split, and the organisations that it names
INSERT INTO notifier.traveller (organisation_id, subject)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:subject AS text[]))
ON CONFLICT DO NOTHING;

-- add_tallies: signed changes, added to what stands there
INSERT INTO notifier.tally AS t (organisation_id, measure, day, amount)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:measure AS text[]), CAST(:day AS date[]),
                     CAST(:amount AS bigint[]))
ON CONFLICT (organisation_id, measure, day) DO UPDATE SET amount = t.amount + excluded.amount;

-- seated_under: organisations and places that an ended organisation had
SELECT 'organisation/' || organisation_id AS subject FROM notifier.placement
WHERE parent_id = ANY (CAST(:organisations AS text[]))
UNION
SELECT 'place/' || place_id FROM notifier.coverage
WHERE organisation_id = ANY (CAST(:organisations AS text[])) OR cell_id = ANY (CAST(:organisations AS text[]));

-- clear_placements: before those of these organisations are written anew
DELETE FROM notifier.placement WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- put_placements: the tree
INSERT INTO notifier.placement (organisation_id, since, until, parent_id)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:since AS date[]), CAST(:until AS date[]),
                     CAST(:parent_id AS text[]));

-- clear_holdings: before those of these organisations are written anew
DELETE FROM notifier.holding WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- put_holdings: who holds what was whose
INSERT INTO notifier.holding (organisation_id, since, until, holder)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:since AS date[]), CAST(:until AS date[]),
                     CAST(:holder AS text[]));

-- put_active_days: when organisations are active
INSERT INTO notifier.active_days (organisation_id, founded, ended)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:founded AS date[]), CAST(:ended AS date[]))
ON CONFLICT (organisation_id) DO UPDATE SET founded = excluded.founded, ended = excluded.ended;

-- clear_coverage: before that of these places is written anew
DELETE FROM notifier.coverage WHERE place_id = ANY (CAST(:places AS text[]));

-- put_coverage: places and their cells
INSERT INTO notifier.coverage (place_id, since, until, organisation_id, cell_id)
SELECT * FROM unnest(CAST(:place_id AS text[]), CAST(:since AS date[]), CAST(:until AS date[]),
                     CAST(:organisation_id AS text[]), CAST(:cell_id AS text[]));

-- covered_by: whose places these cells cover
SELECT DISTINCT organisation_id FROM notifier.coverage WHERE cell_id = ANY (CAST(:cells AS text[]));

-- clear_targets: before those of these organisations are written anew; which they are
DELETE FROM notifier.target WHERE organisation_id = ANY (CAST(:organisations AS text[])) RETURNING target_id;

-- put_targets: targets of organisations
INSERT INTO notifier.target (target_id, organisation_id, since, metric, basis, issuer_id, first, last, comparison,
                             value, holder, until)
SELECT * FROM unnest(CAST(:target_id AS text[]), CAST(:organisation_id AS text[]), CAST(:since AS date[]),
                     CAST(:metric AS text[]), CAST(:basis AS text[]), CAST(:issuer_id AS text[]),
                     CAST(:first AS date[]), CAST(:last AS date[]), CAST(:comparison AS text[]),
                     CAST(:value AS bigint[]), CAST(:holder AS text[]), CAST(:until AS date[]));
