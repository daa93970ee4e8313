-- Statements and pieces of `services.reporting.reports.walking`: a vast tree's events in log order; and the tree of
-- some organisations, which is found from below.
--
-- `walked…` and `next_…` say from where and up to where so many rows that a figure may count come after a position, and
-- whether there are so many.

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

-- walked_edges: edges of spells of some kinds and days between two positions, and organisations that they name
WITH RECURSIVE walked_edge AS MATERIALIZED (
    SELECT * FROM reporting.spell_edge
    WHERE position > :after AND position <= :until AND kind = ANY (CAST(:kinds AS text[]))
      AND how = ANY (CAST(:hows AS text[])) AND day < :upper
      AND greatest(day, coalesce(last, 'infinity')) >= :since_day
), named (organisation_id) AS MATERIALIZED (SELECT DISTINCT organisation_id FROM walked_edge);

-- held_on_days: the same as in spells.sql; the planner sees more organisations than none, and makes no loop over all
-- pairs of these and of edges
, held_active AS MATERIALIZED (
    SELECT h.part, h.organisation_id, e.day AS on_day
    FROM held h
    CROSS JOIN LATERAL (
        SELECT e.day
        FROM unnest(CAST(:days AS date[])) AS e (day)
        WHERE h.from_day <= e.day AND e.day < h.to_day AND EXISTS (
            SELECT FROM reporting.holding_version a
            JOIN reporting.organisation_version v ON v.organisation_id = a.holder_id
            WHERE a.organisation_id = h.organisation_id
              AND a.valid_from <= e.day AND e.day < a.valid_to AND a.known_from <= :known AND :known < a.known_to
              AND v.active AND v.valid_from <= e.day AND e.day < v.valid_to
              AND v.known_from <= :known AND :known < v.known_to
        )
        OFFSET 0
    ) e
);

-- walked_steps: all steps of some persons, as known, and organisations that they name
WITH RECURSIVE walked_step AS MATERIALIZED (
    SELECT s.*
    FROM unnest(CAST(:walked AS uuid[])) AS p (person)
    -- OFFSET 0: looked up one by one.
    CROSS JOIN LATERAL (
        SELECT * FROM reporting.person_step WHERE person = p.person AND known_from <= :known AND :known < known_to
        OFFSET 0
    ) s
), named (organisation_id) AS MATERIALIZED (
    SELECT DISTINCT organisation_id FROM walked_step WHERE organisation_id IS NOT NULL
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
    FROM up
    WHERE at = :organisation_id AND EXISTS (
        SELECT FROM reporting.organisation_version
        WHERE organisation_id = :organisation_id
          AND known_from <= :known AND :known < known_to AND valid_from <= :today AND :today < valid_to
    )
);

-- walked: of deltas of some measures and days
SELECT min(position) AS first, max(position) AS until, count(*) AS rows
FROM (
    SELECT position FROM reporting.delta
    WHERE position > :after AND position <= :end AND measure = ANY (CAST(:kinds AS text[]))
      AND day >= :since_day AND day < :upper
    ORDER BY position LIMIT :some
) AS next;

-- walked_often: the same of measures and days that an index of their own has, see migration p0010
SELECT min(position) AS first, max(position) AS until, count(*) AS rows
FROM (
    SELECT position
    FROM (
        -- OFFSET 0: those of the days, and not all in log order until some are found.
        SELECT position FROM reporting.delta
        WHERE measure = ANY (CAST(:kinds AS text[])) AND day >= :since_day AND day < :upper
          AND split_part(measure, '.', 1) IN ('members', 'balance', 'candidates', 'admissions', 'confirmations', 'candidates_identified', 'training_completions')
        OFFSET 0
    ) AS of_days
    WHERE position > :after AND position <= :end
    ORDER BY position LIMIT :some
) AS next;

-- walked_rare: the same of measures that an index of their own has, see migration p0009
SELECT min(position) AS first, max(position) AS until, count(*) AS rows
FROM (
    SELECT d.position
    FROM unnest(CAST(:kinds AS text[])) AS k (kind)
    CROSS JOIN LATERAL (
        SELECT position FROM reporting.delta
        WHERE measure = k.kind AND position > :after AND position <= :end AND day >= :since_day AND day < :upper
          AND split_part(measure, '.', 1) <> ALL ('{candidates,members,admissions,confirmations,candidates_identified,training_completions}')
        ORDER BY position LIMIT :some
    ) d
    ORDER BY d.position LIMIT :some
) AS next;

-- next_edges: of edges of spells, see `walked_edges`
SELECT min(position) AS first, max(position) AS until, count(*) AS rows
FROM (
    SELECT position
    FROM (
        -- OFFSET 0: in log order, and no further than needed.
        SELECT * FROM reporting.spell_edge WHERE position > :after AND position <= :end ORDER BY position OFFSET 0
    ) AS e
    WHERE kind = ANY (CAST(:kinds AS text[])) AND how = ANY (CAST(:hows AS text[])) AND day < :upper
      AND greatest(day, coalesce(last, 'infinity')) >= :since_day
    ORDER BY position LIMIT :some
) AS next;

-- next_steps: of steps that may count, with the persons whose they are. `names` or `turns` say which do: a turn is
-- from which stage to which; with `began_until` of candidacies that began on the days from `since_day` to that one.
-- Belated ones are all taken; `positions` and `persons` are those that have no waymarks yet. WITH TIES: of a position
-- all its persons or none.
SELECT min(position) AS first, max(position) AS until, count(*) AS rows, coalesce(array_agg(DISTINCT person), '{}') AS walked
FROM (
    SELECT position, person
    FROM (
        (
            SELECT s.known_from AS position, s.person
            FROM (
                -- OFFSET 0: in log order, and no further than needed.
                SELECT * FROM reporting.person_step WHERE known_from > :after AND known_from <= :end
                ORDER BY known_from OFFSET 0
            ) s
            WHERE s.day >= :since_day AND s.day <= :until_day
              AND (s.name = ANY (CAST(:names AS text[]))
                   OR (coalesce(s.stage_before, -1) + 1) * 11 + coalesce(s.stage, -1) + 1
                      = ANY (CAST(:turns AS integer[])))
              AND (CAST(:began_until AS date) IS NULL OR EXISTS (
                  SELECT FROM reporting.person_step b
                  WHERE b.person = s.person AND b.name = 'CandidateIdentified'
                    AND b.day >= :since_day AND b.day <= CAST(:began_until AS date) AND b.day <= s.day
              ))
            ORDER BY s.known_from FETCH FIRST (CAST(:some AS bigint)) ROWS WITH TIES
        )
        UNION ALL
        (
            SELECT position, person FROM reporting.belated_step WHERE position > :after AND position <= :end
            ORDER BY position FETCH FIRST (CAST(:some AS bigint)) ROWS WITH TIES
        )
        UNION ALL
        SELECT position, person
        FROM unnest(CAST(:positions AS bigint[]), CAST(:persons AS uuid[])) AS u (position, person)
        WHERE position > :after AND position <= :end
    ) AS each
    ORDER BY position FETCH FIRST (CAST(:some AS bigint)) ROWS WITH TIES
) AS next;

-- events: the events behind it, in log order
SELECT c.position, f.source, f.event_id, c.change
FROM (
    SELECT position, sum(change)::bigint AS change
    -- OFFSET 0: else the planner goes through the log in this order, to find some that belong to the tree.
    FROM (SELECT position, change FROM contribution WHERE part = '*' OFFSET 0) AS behind_it
    WHERE position > :after
    GROUP BY position
    HAVING sum(change) <> 0
    ORDER BY position
    LIMIT :limit
) AS c
JOIN reporting.fact f USING (position)
ORDER BY c.position;

-- changes_by_measure: what each event changes, measure by measure, in log order
SELECT position, measure, sum(change)::bigint AS change
FROM (SELECT position, measure, change FROM contribution WHERE part = '*' OFFSET 0) AS behind_it
GROUP BY position, measure
HAVING sum(change) <> 0
ORDER BY position;

-- events_of_walked: the events of steps behind it, in log order; each the step's own, and how many days the step took
SELECT f.position, f.source, f.event_id, sum(c.change)::bigint AS change, max(c.days) AS days
FROM contribution c
-- OFFSET 0: looked up one by one.
CROSS JOIN LATERAL (
    SELECT position, source, event_id FROM reporting.fact WHERE source = c.source AND event_id = c.event_id OFFSET 0
) f
WHERE c.part = '*' AND f.position > :after AND f.position <= :until
GROUP BY f.position, f.source, f.event_id
HAVING sum(c.change) <> 0
ORDER BY f.position
LIMIT :limit;

-- told: events by their positions, with what each changed
SELECT c.position, f.source, f.event_id, f.type, f.effectiveon, m.recordedat, c.change
FROM unnest(CAST(:positions AS bigint[]), CAST(:changes AS bigint[])) AS c (position, change)
JOIN reporting.fact f USING (position)
CROSS JOIN LATERAL (
    SELECT recordedat FROM reporting.moment WHERE position >= c.position ORDER BY position LIMIT 1
) m
ORDER BY c.position;
