-- Statements of the projection: what applying recorded events reads and writes.

-- lock_checkpoint: where the projection stands; whoever applies locks it first
SELECT position, evaluated FROM notifier.checkpoint FOR UPDATE;

-- checkpoint: where the projection stands
SELECT position, evaluated FROM notifier.checkpoint;

-- move_checkpoint: how far the log is applied
UPDATE notifier.checkpoint SET position = :position;

-- mark_evaluated: how far the rules have judged, only onwards
UPDATE notifier.checkpoint SET evaluated = greatest(evaluated, position);

-- wipe: forget all that the log can tell again; alerts, deliveries and subscriptions stay
TRUNCATE notifier.subject, notifier.fact, notifier.succession, notifier.placement, notifier.target, notifier.tally,
         notifier.coverage;

-- put_facts: facts in the order of the log
INSERT INTO notifier.fact (position, subject, event_id, type, effectiveon, time, data)
SELECT * FROM unnest(CAST(:position AS bigint[]), CAST(:subject AS text[]), CAST(:event_id AS uuid[]),
                     CAST(:type AS text[]), CAST(:effectiveon AS date[]), CAST(:time AS timestamptz[]),
                     CAST(:data AS text[]));

-- timeline: facts about a subject that were recorded before a position
SELECT position, subject, event_id, type, effectiveon, time, data FROM notifier.fact
WHERE subject = :subject AND position < :before ORDER BY position;

-- subjects: the stored folds of these subjects
SELECT subject, folded FROM notifier.subject WHERE subject = ANY (CAST(:subjects AS text[]));

-- put_subjects: folds as they are now
INSERT INTO notifier.subject (subject, folded)
SELECT * FROM unnest(CAST(:subject AS text[]), CAST(:folded AS bytea[]))
ON CONFLICT (subject) DO UPDATE SET folded = excluded.folded;

-- successions: all of them
SELECT organisation_id, day, successor_id FROM notifier.succession;

-- put_successions: organisations that ended with a successor
INSERT INTO notifier.succession (organisation_id, day, successor_id)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:day AS date[]), CAST(:successor_id AS text[]))
ON CONFLICT (organisation_id) DO UPDATE SET day = excluded.day, successor_id = excluded.successor_id;

-- tallies: the changes of an organisation
SELECT measure, day, amount FROM notifier.tally WHERE organisation_id = :organisation_id;

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

-- clear_coverage: before that of these places is written anew
DELETE FROM notifier.coverage WHERE place_id = ANY (CAST(:places AS text[]));

-- put_coverage: places and their cells
INSERT INTO notifier.coverage (place_id, since, until, organisation_id, cell_id)
SELECT * FROM unnest(CAST(:place_id AS text[]), CAST(:since AS date[]), CAST(:until AS date[]),
                     CAST(:organisation_id AS text[]), CAST(:cell_id AS text[]));

-- covered_by: whose places these cells cover
SELECT DISTINCT organisation_id FROM notifier.coverage WHERE cell_id = ANY (CAST(:cells AS text[]));

-- clear_targets: before those of these organisations are written anew
DELETE FROM notifier.target WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- put_targets: targets of organisations
INSERT INTO notifier.target (target_id, organisation_id, since, metric, basis, issuer_id, first, last, comparison, value)
SELECT * FROM unnest(CAST(:target_id AS text[]), CAST(:organisation_id AS text[]), CAST(:since AS date[]),
                     CAST(:metric AS text[]), CAST(:basis AS text[]), CAST(:issuer_id AS text[]),
                     CAST(:first AS date[]), CAST(:last AS date[]), CAST(:comparison AS text[]),
                     CAST(:value AS bigint[]));
