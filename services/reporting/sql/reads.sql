-- Statements of the read log.

-- noting: from before an entry has its number until it is committed; many may be at it
SELECT pg_advisory_xact_lock_shared(hashtext('reporting_person.read_log'));

-- nobody_notes: waits for those who are, and keeps others from beginning
SELECT pg_advisory_xact_lock(hashtext('reporting_person.read_log'));

-- note: one answer about single persons
INSERT INTO reporting_person.read_log (key, role, organisation_id, report, measure, period_from, period_to, as_of,
                                       known_at, rows)
VALUES (:key, :role, :organisation_id, :report, CAST(:measure AS text), CAST(:period_from AS date),
        CAST(:period_to AS date), CAST(:as_of AS date), CAST(:known_at AS bigint), CAST(:rows AS bigint));

-- reads: a page, in the order of writing
SELECT id, at, key, role, organisation_id AS organisation, report, measure, period_from AS "from", period_to AS "to",
       as_of, known_at, rows
FROM reporting_person.read_log
WHERE id > :after AND at >= CAST(CAST(:since AS date) AS timestamp) AT TIME ZONE 'Asia/Ho_Chi_Minh'
  AND (CAST(:key AS text) IS NULL OR key = :key)
  AND (CAST(:organisation AS text) IS NULL OR organisation_id = :organisation)
ORDER BY id
LIMIT :limit;
