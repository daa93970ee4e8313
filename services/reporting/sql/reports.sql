-- Pieces of report statements: a scope, the contributions to a figure within it, and what is asked of them.
-- Each statement is put together from one piece of each kind, see `services.reporting.reports.reading`.
--
-- tree(organisation_id, from_day, to_day, child): which organisations belong to the asked one, on the days from
--   from_day to before to_day, and through which child.
-- scope(organisation_id, from_day, to_day, part): the same for each part of the answer: `*` is the whole, a child
--   its own subtree, the empty part what belongs to no child.
-- contribution(part, measure, position, change): what each position adds to a measure.

-- tree_as_was: on each day the tree of that day
WITH RECURSIVE tree (organisation_id, from_day, to_day, child) AS (
    SELECT CAST(:organisation_id AS text), CAST(:lower AS date), CAST(:upper AS date), CAST(NULL AS text)
    UNION
    SELECT v.organisation_id, greatest(t.from_day, v.valid_from), least(t.to_day, v.valid_to),
           coalesce(t.child, v.organisation_id)
    FROM tree t
    JOIN reporting.organisation_version v ON v.parent_id = t.organisation_id
    WHERE v.known_from <= :known AND :known < v.known_to
      AND v.valid_from < t.to_day AND t.from_day < v.valid_to
      AND v.organisation_id <> CAST(:organisation_id AS text)
);

-- tree_current: on every day the tree of today, with those who ended in the place of their successors
WITH RECURSIVE today_tree (organisation_id, child) AS (
    SELECT CAST(:organisation_id AS text), CAST(NULL AS text)
    UNION
    SELECT v.organisation_id, coalesce(t.child, v.organisation_id)
    FROM today_tree t
    JOIN reporting.organisation_version v ON v.parent_id = t.organisation_id
    WHERE v.known_from <= :known AND :known < v.known_to
      AND v.valid_from <= :today AND :today < v.valid_to
      AND v.successor_id IS NULL
      AND v.organisation_id <> CAST(:organisation_id AS text)
), heir_tree (organisation_id, child) AS (
    SELECT organisation_id, child FROM today_tree
    UNION
    SELECT v.organisation_id, h.child
    FROM heir_tree h
    JOIN reporting.organisation_version v ON v.successor_id = h.organisation_id
    WHERE v.known_from <= :known AND :known < v.known_to
      AND v.valid_from <= :today AND :today < v.valid_to
), tree (organisation_id, from_day, to_day, child) AS (
    SELECT organisation_id, CAST(:lower AS date), CAST(:upper AS date), child FROM heir_tree
);

-- scope: the tree for each part of the answer
, scope (organisation_id, from_day, to_day, part) AS (
    SELECT organisation_id, from_day, to_day, '*' FROM tree
    UNION ALL
    SELECT organisation_id, from_day, to_day,
           CASE WHEN child = ANY (CAST(:children AS text[])) THEN child ELSE '' END
    FROM tree WHERE CAST(:by_child AS boolean)
);

-- levels: sums from the beginning to the evening of a day, of organisations active on it
, contribution (part, measure, position, change) AS (
    SELECT s.part, d.measure, d.position, d.change
    FROM scope s
    JOIN reporting.organisation_version v ON v.organisation_id = s.organisation_id
    JOIN reporting.delta d ON d.organisation_id = s.organisation_id
    WHERE s.from_day <= :day AND :day < s.to_day
      AND v.active AND v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
      AND d.measure = ANY (CAST(:measures AS text[])) AND d.day <= :day AND d.position <= :known
);

-- flows: sums over days, movements only where the other end lies outside
, contribution (part, measure, position, change) AS (
    SELECT s.part, d.measure, d.position, d.change
    FROM scope s
    JOIN reporting.delta d ON d.organisation_id = s.organisation_id
    WHERE d.measure = ANY (CAST(:measures AS text[]))
      AND d.day >= s.from_day AND d.day < s.to_day AND d.day >= :first AND d.position <= :known
      AND NOT EXISTS (
          SELECT FROM scope c
          WHERE c.part = s.part AND c.organisation_id = d.counterpart AND c.from_day <= d.day AND d.day < c.to_day
      )
);

-- movements: flows, and the members of organisations that entered or left the tree as they were the evening before
, crossing (part, organisation_id, day, measure) AS (
    SELECT s.part, s.organisation_id, s.from_day, 'entered'
    FROM scope s
    WHERE s.from_day > :lower AND NOT EXISTS (
        SELECT FROM scope c
        WHERE c.part = s.part AND c.organisation_id = s.organisation_id AND c.to_day = s.from_day)
    UNION ALL
    SELECT s.part, s.organisation_id, s.to_day, 'left'
    FROM scope s
    WHERE s.to_day < :upper AND NOT EXISTS (
        SELECT FROM scope c
        WHERE c.part = s.part AND c.organisation_id = s.organisation_id AND c.from_day = s.to_day)
), contribution (part, measure, position, change) AS (
    SELECT s.part, d.measure, d.position, d.change
    FROM scope s
    JOIN reporting.delta d ON d.organisation_id = s.organisation_id
    WHERE d.measure = ANY (CAST(:measures AS text[]))
      AND d.day >= s.from_day AND d.day < s.to_day AND d.day >= :first AND d.position <= :known
      AND NOT EXISTS (
          SELECT FROM scope c
          WHERE c.part = s.part AND c.organisation_id = d.counterpart AND c.from_day <= d.day AND d.day < c.to_day
      )
    UNION ALL
    SELECT c.part, c.measure, d.position, d.change
    FROM crossing c
    JOIN reporting.delta d ON d.organisation_id = c.organisation_id
    WHERE c.measure = ANY (CAST(:measures AS text[])) AND d.measure = ANY (CAST(:member_levels AS text[]))
      AND d.day < c.day AND d.position <= :known
);

-- places_without_members: one for each place whose covering cell has no members, or that none covers
, contribution (part, measure, position, change) AS (
    SELECT s.part, 'places_without_members', p.known_from, 1
    FROM scope s
    JOIN reporting.organisation_version v ON v.organisation_id = s.organisation_id
    JOIN reporting.place_version p ON p.organisation_id = s.organisation_id
    WHERE s.from_day <= :day AND :day < s.to_day
      AND v.active AND v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
      AND p.valid_from <= :day AND :day < p.valid_to
      AND p.known_from <= :known AND :known < p.known_to
      AND NOT EXISTS (
          SELECT FROM reporting.delta d
          WHERE d.organisation_id = p.cell_id AND d.measure = ANY (CAST(:member_levels AS text[]))
            AND d.day <= :day AND d.position <= :known
          HAVING sum(d.change) <> 0
      )
);

-- sums: what each measure amounts to in each part
SELECT part, measure, sum(change)::bigint AS amount FROM contribution GROUP BY part, measure;

-- value: what all measures amount to in the whole
SELECT coalesce(sum(change), 0)::bigint FROM contribution WHERE part = '*';

-- events: the events behind it, in log order
SELECT c.position, f.source, f.event_id, c.change
FROM (
    SELECT position, sum(change)::bigint AS change
    FROM contribution
    WHERE part = '*' AND position > :after
    GROUP BY position
    HAVING sum(change) <> 0
    ORDER BY position
    LIMIT :limit
) AS c
JOIN reporting.fact f USING (position)
ORDER BY c.position;
