-- Statements that only the dashboard asks.

-- roots: organisations active on a day that have no active parent on it
SELECT v.organisation_id, v.name, v.kind
FROM reporting.organisation_version v
WHERE v.active AND v.valid_from <= :day AND :day < v.valid_to AND v.known_from <= :known AND :known < v.known_to
  AND NOT EXISTS (
      SELECT FROM reporting.organisation_version p
      WHERE p.organisation_id = v.parent_id AND p.active AND p.valid_from <= :day AND :day < p.valid_to
        AND p.known_from <= :known AND :known < p.known_to
  )
ORDER BY coalesce(v.name_order, v.search_name) COLLATE "C", v.organisation_id
LIMIT :limit;

-- names: what organisations are called on a day, else what they were called last, else first
SELECT DISTINCT ON (organisation_id) organisation_id, name
FROM reporting.organisation_version
WHERE organisation_id = ANY (CAST(:organisations AS text[])) AND known_from <= :known AND :known < known_to
ORDER BY organisation_id, valid_from <= :day DESC, abs(valid_from - CAST(:day AS date));

-- known_since: the position from which on an organisation is known
SELECT min(known_from) FROM reporting.organisation_version WHERE organisation_id = :organisation_id;

-- facts: what the events at these positions are, when they took effect and when they were recorded
SELECT f.position, f.source, f.event_id, f.type, f.effectiveon, m.recordedat
FROM reporting.fact f
CROSS JOIN LATERAL (
    SELECT recordedat FROM reporting.moment WHERE position >= f.position ORDER BY position LIMIT 1
) m
WHERE f.position = ANY (CAST(:positions AS bigint[]));

-- where: the organisations in which what was recorded at these positions changed something, some of very many
SELECT p.position, w.organisation_id
FROM unnest(CAST(:positions AS bigint[])) AS p (position)
CROSS JOIN LATERAL (
    SELECT DISTINCT organisation_id FROM reporting.delta WHERE position = p.position
    ORDER BY organisation_id LIMIT :most
) w;

-- of_target: events up to a day that set a target, corrections of them and mergers that added to it included
WITH about AS (
    SELECT f.*
    FROM reporting.fact f
    WHERE f.subject IN (
        SELECT 'organisation/' || assigned_to FROM reporting.target_version WHERE target_id = :target_id
    ) AND f.position <= :known AND f.effectiveon <= :day
), set_by AS (
    SELECT * FROM about
    WHERE data ->> 'target_id' = :target_id
       OR (split_part(type, '.', 1) = 'OrganisationsMerged' AND data ->> 'targets' = 'sum')
)
SELECT a.position, a.source, a.event_id, a.type, a.effectiveon, CAST(a.data AS text) AS data, m.recordedat
FROM about a
CROSS JOIN LATERAL (
    SELECT recordedat FROM reporting.moment WHERE position >= a.position ORDER BY position LIMIT 1
) m
WHERE a.position IN (SELECT position FROM set_by)
   OR a.data ->> 'corrects' IN (SELECT CAST(event_id AS text) FROM set_by)
ORDER BY a.position;

-- nearest_targets: the period nearest to another one, those before it first, for which an organisation has a target,
-- and the last day of it until today
SELECT period_from, period_to, day
FROM (
    SELECT *, least(period_to, CAST(:today AS date)) AS day
    FROM reporting.target_version
    WHERE organisation_id = :organisation_id AND known_from <= :known AND :known < known_to
      AND (period_to < :first OR period_from > :last)
) t
WHERE valid_from <= day AND day < valid_to
ORDER BY period_from > :last, abs(period_from - CAST(:first AS date)), period_to
LIMIT 1;

-- named: organisations active on a day with all these words in name or id, those above before those below
SELECT organisation_id, name, kind, parent_id
FROM reporting.organisation_version
WHERE active AND valid_from <= :day AND :day < valid_to AND known_from <= :known AND :known < known_to
  AND (CAST(:allowed AS text[]) IS NULL OR organisation_id = ANY (CAST(:allowed AS text[])))
  AND (search_name LIKE ALL (CAST(:patterns AS text[])) OR lower(organisation_id) LIKE ALL (CAST(:patterns AS text[])))
ORDER BY array_position(CAST(:kinds AS text[]), kind), coalesce(name_order, search_name) COLLATE "C", organisation_id
LIMIT :limit;

-- named_then: organisations with all these words in name or id on other days only, and the nearest such day; those of
-- before it first
SELECT * FROM (
    SELECT DISTINCT ON (v.organisation_id) v.organisation_id, v.name, v.kind, v.name_order, v.search_name,
           CASE WHEN v.valid_from > :day THEN v.valid_from ELSE v.valid_to - 1 END AS nearest
    FROM reporting.organisation_version v
    WHERE v.active AND v.known_from <= :known AND :known < v.known_to
      AND (CAST(:allowed AS text[]) IS NULL OR v.organisation_id = ANY (CAST(:allowed AS text[])))
      AND (v.search_name LIKE ALL (CAST(:patterns AS text[]))
           OR lower(v.organisation_id) LIKE ALL (CAST(:patterns AS text[])))
      AND NOT EXISTS (
          SELECT FROM reporting.organisation_version n
          WHERE n.organisation_id = v.organisation_id AND n.active AND n.valid_from <= :day AND :day < n.valid_to
            AND n.known_from <= :known AND :known < n.known_to
            AND (n.search_name LIKE ALL (CAST(:patterns AS text[]))
                 OR lower(n.organisation_id) LIKE ALL (CAST(:patterns AS text[])))
      )
    ORDER BY v.organisation_id, v.valid_from <= :day DESC, abs(v.valid_from - CAST(:day AS date))
) o
ORDER BY nearest > :day, coalesce(name_order, search_name) COLLATE "C", organisation_id
LIMIT :limit;
