-- Statements of the projector: what a batch reads before it is worked out, and what it writes.

-- lock_checkpoint: whoever projects holds this row until its batch is committed
SELECT position, recordedat, tableoid::bigint AS tables FROM reporting.checkpoint FOR UPDATE;

-- checkpoint: how far is projected
SELECT position, recordedat, tableoid::bigint AS tables FROM reporting.checkpoint;

-- move_checkpoint: everything up to here is projected; by the oldest version of those that did any of it
UPDATE reporting.checkpoint
SET position = :position, recordedat = :recordedat, stopped_at = NULL, stopped_why = NULL,
    version = CASE WHEN position = 0 THEN CAST(:version AS integer) ELSE least(version, CAST(:version AS integer)) END;

-- stop: the event that cannot be applied, unless another process has done it
UPDATE reporting.checkpoint SET stopped_at = :position, stopped_why = :why
WHERE position < :position AND (stopped_at, stopped_why) IS DISTINCT FROM (:position, CAST(:why AS text));

-- successions: all of them; there are as many as organisations that ever ended with a successor
SELECT organisation_id, day, successor_id, targets FROM reporting.succession;

-- subjects: the stored folds of these subjects
SELECT subject, folded FROM reporting.subject WHERE subject = ANY (CAST(:subjects AS text[]));

-- timelines: all facts that name these subjects, as their own or besides it
SELECT subject AS wanted, position, source, event_id, type, subject, effectiveon, time, data::text AS data
FROM reporting.fact WHERE subject = ANY (CAST(:subjects AS text[]))
UNION ALL
SELECT a.subject, position, source, event_id, type, f.subject, effectiveon, time, data::text
FROM reporting.also_about a JOIN reporting.fact f USING (position)
WHERE a.subject = ANY (CAST(:subjects AS text[]))
ORDER BY position;

-- fact: one fact by its id
SELECT position, source, event_id, type, subject, effectiveon, time, data::text AS data
FROM reporting.fact WHERE source = :source AND event_id = :event_id;

-- travellers: persons with a transfer or a split that names these organisations
SELECT organisation_id, subject FROM reporting.traveller WHERE organisation_id = ANY (CAST(:organisations AS text[]));

-- dependents: subjects whose known versions these organisations have a part in; a place also if its cell covers nothing
SELECT v.parent_id AS wanted, 'organisation/' || v.organisation_id AS subject
FROM reporting.organisation_version v
WHERE v.parent_id = ANY (CAST(:ids AS text[])) AND v.known_to = 9223372036854775807
UNION
SELECT p.organisation_id, 'place/' || p.place_id
FROM reporting.place_version p
WHERE p.organisation_id = ANY (CAST(:ids AS text[])) AND p.known_to = 9223372036854775807
UNION
SELECT p.named_cell_id, 'place/' || p.place_id
FROM reporting.place_version p
WHERE p.named_cell_id = ANY (CAST(:ids AS text[])) AND p.known_to = 9223372036854775807
UNION
-- What an earlier version projected names none.
SELECT p.cell_id, 'place/' || p.place_id
FROM reporting.place_version p
WHERE p.cell_id = ANY (CAST(:ids AS text[])) AND p.known_to = 9223372036854775807;

-- put_moments: the last position of each moment of recording
INSERT INTO reporting.moment (recordedat, position)
SELECT * FROM unnest(CAST(:recordedat AS timestamptz[]), CAST(:position AS bigint[]))
ON CONFLICT (recordedat) DO UPDATE SET position = excluded.position;

-- put_subjects: the folds after the batch
INSERT INTO reporting.subject (subject, folded)
SELECT * FROM unnest(CAST(:subject AS text[]), CAST(:folded AS bytea[]))
ON CONFLICT (subject) DO UPDATE SET folded = excluded.folded;

-- drop_successions: organisations whose end the batch changes
DELETE FROM reporting.succession WHERE organisation_id = ANY (CAST(:organisation_id AS text[]));

-- put_successions: organisations that end with a successor
INSERT INTO reporting.succession (organisation_id, day, successor_id, targets)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:day AS date[]), CAST(:successor_id AS text[]),
                     CAST(:targets AS text[]));

-- put_about: subjects that facts are about besides their own
INSERT INTO reporting.also_about (subject, position)
SELECT * FROM unnest(CAST(:subject AS text[]), CAST(:position AS bigint[]));

-- put_travellers: persons with a transfer or in a split, and the organisations that it names
INSERT INTO reporting.traveller (organisation_id, subject)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:subject AS text[]))
ON CONFLICT DO NOTHING;

-- close_person_steps: stored steps that are known no more
UPDATE reporting.person_step s SET known_to = c.position
FROM unnest(CAST(:person AS uuid[]), CAST(:source AS text[]), CAST(:event_id AS uuid[]),
            CAST(:position AS bigint[])) AS c (person, source, event_id, position)
WHERE s.person = c.person AND s.source = c.source AND s.event_id = c.event_id
  AND s.known_to = 9223372036854775807;

-- close_organisation_version: stored versions that are known no more
UPDATE reporting.organisation_version v SET known_to = c.position
FROM unnest(CAST(:id AS text[]), CAST(:valid_from AS date[]), CAST(:position AS bigint[]))
     AS c (id, valid_from, position)
WHERE v.organisation_id = c.id AND v.valid_from = c.valid_from AND v.known_to = 9223372036854775807;

-- close_holding_version: stored versions that are known no more
UPDATE reporting.holding_version v SET known_to = c.position
FROM unnest(CAST(:id AS text[]), CAST(:valid_from AS date[]), CAST(:position AS bigint[]))
     AS c (id, valid_from, position)
WHERE v.organisation_id = c.id AND v.valid_from = c.valid_from AND v.known_to = 9223372036854775807;

-- close_place_version: stored versions that are known no more
UPDATE reporting.place_version v SET known_to = c.position
FROM unnest(CAST(:id AS text[]), CAST(:valid_from AS date[]), CAST(:position AS bigint[]))
     AS c (id, valid_from, position)
WHERE v.place_id = c.id AND v.valid_from = c.valid_from AND v.known_to = 9223372036854775807;

-- close_target_version: stored versions that are known no more
UPDATE reporting.target_version v SET known_to = c.position
FROM unnest(CAST(:id AS text[]), CAST(:valid_from AS date[]), CAST(:position AS bigint[]))
     AS c (id, valid_from, position)
WHERE v.target_id = c.id AND v.valid_from = c.valid_from AND v.known_to = 9223372036854775807;

-- add_organisation_version: versions that came to be known
INSERT INTO reporting.organisation_version (organisation_id, valid_from, valid_to, name, search_name, name_order,
                                            kind, sector, parent_id, active, successor_id, known_from, known_to)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:valid_from AS date[]), CAST(:valid_to AS date[]),
                     CAST(:name AS text[]), CAST(:search_name AS text[]), CAST(:name_order AS text[]),
                     CAST(:kind AS text[]),
                     CAST(:sector AS text[]), CAST(:parent_id AS text[]), CAST(:active AS boolean[]),
                     CAST(:successor_id AS text[]), CAST(:known_from AS bigint[]), CAST(:known_to AS bigint[]));

-- add_holding_version: versions that came to be known
INSERT INTO reporting.holding_version (organisation_id, valid_from, valid_to, holder_id, known_from, known_to)
SELECT * FROM unnest(CAST(:organisation_id AS text[]), CAST(:valid_from AS date[]), CAST(:valid_to AS date[]),
                     CAST(:holder_id AS text[]), CAST(:known_from AS bigint[]), CAST(:known_to AS bigint[]));

-- add_place_version: versions that came to be known
INSERT INTO reporting.place_version (place_id, valid_from, valid_to, name, kind, organisation_id, cell_id, shared,
                                     named_cell_id, known_from, known_to)
SELECT * FROM unnest(CAST(:place_id AS text[]), CAST(:valid_from AS date[]), CAST(:valid_to AS date[]),
                     CAST(:name AS text[]), CAST(:kind AS text[]), CAST(:organisation_id AS text[]),
                     CAST(:cell_id AS text[]), CAST(:shared AS boolean[]), CAST(:named_cell_id AS text[]),
                     CAST(:known_from AS bigint[]), CAST(:known_to AS bigint[]));

-- add_target_version: versions that came to be known
INSERT INTO reporting.target_version (target_id, valid_from, valid_to, assigned_to, organisation_id, metric, basis,
                                      issuer_id, period_from, period_to, comparison, value, parent_target_id,
                                      known_from, known_to)
SELECT * FROM unnest(CAST(:target_id AS text[]), CAST(:valid_from AS date[]), CAST(:valid_to AS date[]),
                     CAST(:assigned_to AS text[]), CAST(:organisation_id AS text[]), CAST(:metric AS text[]),
                     CAST(:basis AS text[]), CAST(:issuer_id AS text[]), CAST(:period_from AS date[]),
                     CAST(:period_to AS date[]), CAST(:comparison AS text[]), CAST(:value AS bigint[]),
                     CAST(:parent_target_id AS text[]), CAST(:known_from AS bigint[]), CAST(:known_to AS bigint[]));
