-- Statements and pieces of `services.reporting.reports.walking`: a vast tree's events in log order; and the tree of
-- some organisations, which is found from below.

-- named_by_deltas: organisations that the deltas of some measures and days between two positions name
WITH RECURSIVE named (organisation_id) AS MATERIALIZED (
    SELECT organisation_id FROM reporting.delta
    WHERE position > :after AND position <= :until AND measure = ANY (CAST(:kinds AS text[]))
      AND day >= :since_day AND day < :upper
    UNION
    SELECT counterpart FROM reporting.delta
    WHERE position > :after AND position <= :until AND measure = ANY (CAST(:kinds AS text[]))
      AND day >= :since_day AND day < :upper AND counterpart IS NOT NULL
);

-- named_by_admissions: organisations that admissions of the period name
WITH RECURSIVE named (organisation_id) AS MATERIALIZED (
    SELECT DISTINCT organisation_id FROM reporting_person.admission
    WHERE day >= :first AND day < :upper AND known_from <= :known AND :known < known_to
);

-- named_by_versions: organisations that became known as something else between two positions, and at which
WITH RECURSIVE turned (organisation_id, position) AS MATERIALIZED (
    SELECT organisation_id, known_from FROM reporting.organisation_version
    WHERE known_from > :since AND known_from <= :until
    UNION
    SELECT organisation_id, known_to FROM reporting.organisation_version
    WHERE known_to > :since AND known_to <= :until AND known_to < 9223372036854775807
    UNION
    SELECT organisation_id, known_from FROM reporting.holding_version
    WHERE known_from > :since AND known_from <= :until
    UNION
    SELECT organisation_id, known_to FROM reporting.holding_version
    WHERE known_to > :since AND known_to <= :until AND known_to < 9223372036854775807
), named (organisation_id) AS MATERIALIZED (SELECT DISTINCT organisation_id FROM turned);

-- named_ones: these
WITH RECURSIVE named (organisation_id) AS (SELECT DISTINCT unnest(CAST(:named AS text[])));

-- tree_as_was_of_some: the same as tree_as_was, but only of what is named, found on the way up
, up (organisation_id, at, via, from_day, to_day) AS (
    SELECT e.organisation_id, e.organisation_id, CAST(NULL AS text), CAST(:lower AS date), CAST(:upper AS date)
    FROM (
        SELECT organisation_id FROM named
        UNION
        SELECT h.holder_id
        FROM named JOIN reporting.holding_version h USING (organisation_id)
        WHERE h.known_from <= :known AND :known < h.known_to
    ) AS e
    UNION
    SELECT u.organisation_id, v.parent_id, u.at, greatest(u.from_day, v.valid_from), least(u.to_day, v.valid_to)
    FROM up u
    CROSS JOIN LATERAL (
        SELECT parent_id, valid_from, valid_to
        FROM reporting.organisation_version
        WHERE organisation_id = u.at AND parent_id IS NOT NULL AND known_from <= :known AND :known < known_to
          AND valid_from < u.to_day AND u.from_day < valid_to
        OFFSET 0
    ) v
    WHERE u.at <> CAST(:organisation_id AS text)
), tree (organisation_id, from_day, to_day, child) AS (
    SELECT u.organisation_id, greatest(u.from_day, f.day), u.to_day, u.via
    FROM up u
    CROSS JOIN (
        SELECT min(valid_from) AS day FROM reporting.organisation_version
        WHERE organisation_id = :organisation_id AND known_from <= :known AND :known < known_to
    ) AS f
    WHERE u.at = :organisation_id AND f.day < u.to_day
);

-- tree_current_of_some: the same as tree_current, but only of what is named, found on the way up
, up (organisation_id, at, via) AS (
    SELECT n.organisation_id, h.holder_id, CAST(NULL AS text)
    FROM named n
    JOIN reporting.holding_version h USING (organisation_id)
    WHERE h.known_from <= :known AND :known < h.known_to AND h.valid_from <= :today AND :today < h.valid_to
    UNION
    SELECT u.organisation_id, v.parent_id, u.at
    FROM up u
    CROSS JOIN LATERAL (
        SELECT parent_id
        FROM reporting.organisation_version
        WHERE organisation_id = u.at AND parent_id IS NOT NULL AND successor_id IS NULL
          AND known_from <= :known AND :known < known_to AND valid_from <= :today AND :today < valid_to
        OFFSET 0
    ) v
    WHERE u.at <> CAST(:organisation_id AS text)
), tree (organisation_id, from_day, to_day, child) AS (
    SELECT organisation_id, CAST(:lower AS date), CAST(:upper AS date), via
    FROM up WHERE at = :organisation_id
);

-- walked: the position up to which so many deltas of some measures come after another
SELECT max(position) AS until, count(*) AS deltas
FROM (
    SELECT position FROM reporting.delta
    WHERE position > :after AND position <= :known AND measure = ANY (CAST(:kinds AS text[]))
      AND day >= :since_day AND day < :upper
    ORDER BY position LIMIT :deltas
) AS next;

-- walked_often: the same of measures and days that an index of their own has, see migration p0010
SELECT max(position) AS until, count(*) AS deltas
FROM (
    SELECT position
    FROM (
        -- OFFSET 0: those of the days, and not all in log order until some are found.
        SELECT position FROM reporting.delta
        WHERE measure = ANY (CAST(:kinds AS text[])) AND day >= :since_day AND day < :upper
          AND split_part(measure, '.', 1) IN ('members', 'balance', 'candidates', 'admissions', 'confirmations', 'candidates_identified', 'training_completions')
        OFFSET 0
    ) AS of_days
    WHERE position > :after AND position <= :known
    ORDER BY position LIMIT :deltas
) AS next;

-- walked_rare: the same of measures that an index of their own has, see migration p0009
SELECT max(position) AS until, count(*) AS deltas
FROM (
    SELECT d.position
    FROM unnest(CAST(:kinds AS text[])) AS k (kind)
    CROSS JOIN LATERAL (
        SELECT position FROM reporting.delta
        WHERE measure = k.kind AND position > :after AND position <= :known AND day >= :since_day AND day < :upper
          AND split_part(measure, '.', 1) <> ALL ('{candidates,members,admissions,confirmations,candidates_identified,training_completions}')
        ORDER BY position LIMIT :deltas
    ) d
    ORDER BY d.position LIMIT :deltas
) AS next;

-- told: events by their positions, with what each changed
SELECT c.position, f.source, f.event_id, f.type, f.effectiveon, m.recordedat, c.change
FROM unnest(CAST(:positions AS bigint[]), CAST(:changes AS bigint[])) AS c (position, change)
JOIN reporting.fact f USING (position)
CROSS JOIN LATERAL (
    SELECT recordedat FROM reporting.moment WHERE position >= c.position ORDER BY position LIMIT 1
) m
ORDER BY c.position;
