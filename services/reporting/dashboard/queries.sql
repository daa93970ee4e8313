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
ORDER BY v.search_name, v.organisation_id
LIMIT :limit;

-- names: what organisations are called on a day, else what they were called last, else first
SELECT DISTINCT ON (organisation_id) organisation_id, name
FROM reporting.organisation_version
WHERE organisation_id = ANY (CAST(:organisations AS text[])) AND known_from <= :known AND :known < known_to
ORDER BY organisation_id, valid_from <= :day DESC, abs(valid_from - CAST(:day AS date));
