-- Statements about organisations and their targets, and about positions. In the order of names: as Vietnamese has it.

-- position_at: the last position recorded by a time
SELECT position FROM reporting.moment
WHERE recordedat <= :time AND position <= :head ORDER BY recordedat DESC LIMIT 1;

-- time_of: when a position was recorded
SELECT recordedat FROM reporting.moment WHERE position >= :position ORDER BY position LIMIT 1;

-- organisation: what it is on a day, else what it was last, else what it will be first
SELECT organisation_id, name, kind, sector, parent_id, active AND valid_from <= :day AS active, successor_id
FROM reporting.organisation_version
WHERE organisation_id = :organisation_id AND known_from <= :known AND :known < known_to
ORDER BY valid_from <= :day DESC, abs(valid_from - CAST(:day AS date))
LIMIT 1;

-- children: active organisations directly under one on a day
SELECT organisation_id, name, kind
FROM reporting.organisation_version
WHERE parent_id = :organisation_id AND active AND valid_from <= :day AND :day < valid_to
  AND known_from <= :known AND :known < known_to
ORDER BY coalesce(name_order, search_name) COLLATE "C", organisation_id COLLATE "C";

-- children_of: active organisations directly under any of these on a day
SELECT parent_id, organisation_id, name, kind
FROM reporting.organisation_version
WHERE parent_id = ANY (CAST(:parents AS text[])) AND active AND valid_from <= :day AND :day < valid_to
  AND known_from <= :known AND :known < known_to
ORDER BY coalesce(name_order, search_name) COLLATE "C", organisation_id COLLATE "C";

-- stands_for: who holds today what was an organisation's
SELECT holder_id FROM reporting.holding_version
WHERE organisation_id = :organisation_id AND valid_from <= :today AND :today < valid_to
  AND known_from <= :known AND :known < known_to;

-- ancestors: the way up the tree of a day, the nearest first
WITH RECURSIVE up (organisation_id, name, kind, parent_id, length) AS (
    SELECT organisation_id, name, kind, parent_id, 0
    FROM reporting.organisation_version
    WHERE organisation_id = :organisation_id AND valid_from <= :day AND :day < valid_to
      AND known_from <= :known AND :known < known_to
    UNION ALL
    SELECT v.organisation_id, v.name, v.kind, v.parent_id, u.length + 1
    FROM up u
    JOIN reporting.organisation_version v ON v.organisation_id = u.parent_id
    WHERE v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to AND u.length < 20
)
SELECT organisation_id, name, kind FROM up WHERE length > 0 ORDER BY length;

-- had_parent: whether an organisation was under another one on any of some days
SELECT EXISTS (
    SELECT FROM reporting.organisation_version
    WHERE organisation_id = :organisation_id AND parent_id IS NOT NULL
      AND valid_from <= :last AND :first < valid_to AND known_from <= :known AND :known < known_to
);

-- always_children: those of these that belong to an organisation on all of some days on which both are there
SELECT c.organisation_id
FROM unnest(CAST(:children AS text[])) AS c (organisation_id)
CROSS JOIN (
    SELECT min(valid_from) AS day FROM reporting.organisation_version
    WHERE organisation_id = :organisation_id AND known_from <= :known AND :known < known_to
) AS founded
WHERE NOT EXISTS (
    SELECT FROM reporting.organisation_version v
    WHERE v.organisation_id = c.organisation_id AND v.known_from <= :known AND :known < v.known_to
      AND v.valid_from <= :last AND :first < v.valid_to
      AND (v.parent_id IS DISTINCT FROM CAST(:organisation_id AS text)
           -- Before its founding the tree has nothing, whatever is said to have been below it.
           OR greatest(v.valid_from, CAST(:first AS date)) < founded.day)
);

-- search: organisations active on a day, in the order of their names
SELECT organisation_id, name, kind, sector, parent_id
FROM reporting.organisation_version
WHERE active AND valid_from <= :day AND :day < valid_to AND known_from <= :known AND :known < known_to
  AND (CAST(:kind AS text) IS NULL OR kind = :kind)
  AND (CAST(:parent AS text) IS NULL OR parent_id = :parent)
  AND (CAST(:allowed AS text[]) IS NULL OR organisation_id = ANY (CAST(:allowed AS text[])))
  AND (search_name LIKE ALL (CAST(:patterns AS text[])) OR lower(organisation_id) LIKE ALL (CAST(:patterns AS text[])))
  AND (CAST(:after_name AS text) IS NULL
       OR (coalesce(name_order, search_name) COLLATE "C", organisation_id COLLATE "C")
          > (CAST(:after_name AS text), CAST(:after_id AS text)))
ORDER BY coalesce(name_order, search_name) COLLATE "C", organisation_id COLLATE "C"
LIMIT :limit;

-- targets: targets in force on a day whose period overlaps another, in the hands of organisations of that day
SELECT t.target_id, t.organisation_id AS held_by, t.metric, t.basis, t.issuer_id, t.period_from, t.period_to,
       t.comparison, t.value, t.parent_target_id
FROM reporting.target_version t
WHERE t.organisation_id = ANY (CAST(:organisations AS text[]))
  AND t.valid_from <= :day AND :day < t.valid_to AND t.known_from <= :known AND :known < t.known_to
  AND t.period_from <= :last AND :first <= t.period_to
ORDER BY t.period_from, t.target_id;

-- targets_current: the same, in the hands of who holds today what was theirs
SELECT t.target_id, h.holder_id AS held_by, t.metric, t.basis, t.issuer_id, t.period_from, t.period_to, t.comparison,
       t.value, t.parent_target_id
FROM reporting.holding_version h
JOIN reporting.target_version t ON t.organisation_id = h.organisation_id
WHERE h.holder_id = ANY (CAST(:organisations AS text[]))
  AND h.valid_from <= :today AND :today < h.valid_to AND h.known_from <= :known AND :known < h.known_to
  AND t.valid_from <= :day AND :day < t.valid_to AND t.known_from <= :known AND :known < t.known_to
  AND t.period_from <= :last AND :first <= t.period_to
ORDER BY t.period_from, t.target_id;

-- closings: periods closed by any of these organisations, and what corrections say of it
SELECT f.position, f.subject, f.event_id, f.data::text AS data, c.data::text AS correction
FROM reporting.fact f
LEFT JOIN LATERAL (
    SELECT data FROM reporting.fact
    WHERE subject = f.subject AND type LIKE 'FactCorrected.%' AND source = f.source
      AND data ->> 'corrects' = f.event_id::text AND position <= :known
    ORDER BY position DESC LIMIT 1
) c ON true
WHERE f.subject = ANY (CAST(:subjects AS text[])) AND f.type LIKE 'PeriodClosed.%' AND f.position <= :known
ORDER BY f.position;

-- corrected_days: of corrections, the day of what they correct, and what it and the correction before it say of that
SELECT c.position, f.effectiveon, c.data::text AS correction, b.data::text AS before
FROM reporting.fact c
JOIN reporting.fact f ON f.source = c.source AND f.event_id = CAST(c.data ->> 'corrects' AS uuid)
LEFT JOIN LATERAL (
    SELECT data FROM reporting.fact
    WHERE subject = c.subject AND type LIKE 'FactCorrected.%' AND source = c.source
      AND data ->> 'corrects' = c.data ->> 'corrects' AND position < c.position
    ORDER BY position DESC LIMIT 1
) b ON true
WHERE c.position = ANY (CAST(:positions AS bigint[])) AND c.type LIKE 'FactCorrected.%';
