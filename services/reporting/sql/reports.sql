-- Pieces of report statements: a scope, the contributions to a figure within it, and what is asked of them.
-- Each statement is put together from one piece of each kind, see `services.reporting.reports.reading`.
--
-- tree(organisation_id, from_day, to_day, child): which organisations belong to the asked one, on the days from
--   from_day to before to_day, and through which child.
-- scope(organisation_id, from_day, to_day, part): the same for each part of the answer: `*` is the whole, a child
--   its own subtree, the empty part what belongs to no child.
-- held(organisation_id, from_day, to_day, part): organisations as facts name them, on the days on which what facts
--   say of them is in the hands of the scope.
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

-- tree_current: on every day the tree of today, with those who ended in the place of who holds what was theirs
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
), tree (organisation_id, from_day, to_day, child) AS (
    SELECT h.organisation_id, CAST(:lower AS date), CAST(:upper AS date), t.child
    FROM today_tree t
    JOIN reporting.holding_version h ON h.holder_id = t.organisation_id
    WHERE h.known_from <= :known AND :known < h.known_to
      AND h.valid_from <= :today AND :today < h.valid_to
);

-- scope: the tree for each part of the answer
, scope (organisation_id, from_day, to_day, part) AS (
    SELECT organisation_id, from_day, to_day, '*' FROM tree
    UNION ALL
    SELECT organisation_id, from_day, to_day,
           CASE WHEN child = ANY (CAST(:children AS text[])) THEN child ELSE '' END
    FROM tree WHERE CAST(:by_child AS boolean)
);

-- held_as_was: whose facts count for the scope on which days, for it holds what they are about
, held (organisation_id, from_day, to_day, part) AS (
    SELECT h.organisation_id, greatest(s.from_day, h.valid_from), least(s.to_day, h.valid_to), s.part
    FROM scope s
    JOIN reporting.holding_version h ON h.holder_id = s.organisation_id
    WHERE h.known_from <= :known AND :known < h.known_to
      AND h.valid_from < s.to_day AND s.from_day < h.valid_to
);

-- held_current: the tree of today has them in the place of who holds what was theirs already
, held (organisation_id, from_day, to_day, part) AS (
    SELECT organisation_id, from_day, to_day, part FROM scope
);

-- levels: sums from the beginning to the evening of a day, in the hands of organisations active on it
, contribution (part, measure, position, change) AS (
    SELECT h.part, d.measure, d.position, d.change
    FROM held h
    JOIN reporting.holding_version a ON a.organisation_id = h.organisation_id
    JOIN reporting.organisation_version v ON v.organisation_id = a.holder_id
    JOIN reporting.delta d ON d.organisation_id = h.organisation_id
    WHERE h.from_day <= :day AND :day < h.to_day
      AND a.valid_from <= :day AND :day < a.valid_to AND a.known_from <= :known AND :known < a.known_to
      AND v.active AND v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
      AND d.measure = ANY (CAST(:measures AS text[])) AND d.day <= :day AND d.position <= :known
);

-- own_flows: sums over days of what organisations themselves did, wherever what was theirs has gone
, contribution (part, measure, position, change) AS (
    SELECT s.part, d.measure, d.position, d.change
    FROM scope s
    JOIN reporting.delta d ON d.organisation_id = s.organisation_id
    WHERE d.measure = ANY (CAST(:measures AS text[]))
      AND d.day >= s.from_day AND d.day < s.to_day AND d.day >= :first AND d.position <= :known
);

-- flows: sums over days, movements only where the other end lies outside
, contribution (part, measure, position, change) AS (
    SELECT h.part, d.measure, d.position, d.change
    FROM held h
    JOIN reporting.delta d ON d.organisation_id = h.organisation_id
    WHERE d.measure = ANY (CAST(:measures AS text[]))
      AND d.day >= h.from_day AND d.day < h.to_day AND d.day >= :first AND d.position <= :known
      AND NOT EXISTS (
          SELECT FROM held c
          WHERE c.part = h.part AND c.organisation_id = d.counterpart AND c.from_day <= d.day AND d.day < c.to_day
      )
);

-- movements: flows, and the members of organisations that came into other hands or another tree, as they were the
-- evening before
, crossing (part, organisation_id, day, measure) AS (
    SELECT h.part, h.organisation_id, h.from_day, 'entered'
    FROM held h
    WHERE h.from_day > :lower AND NOT EXISTS (
        SELECT FROM held c
        WHERE c.part = h.part AND c.organisation_id = h.organisation_id AND c.to_day = h.from_day)
    UNION ALL
    SELECT h.part, h.organisation_id, h.to_day, 'left'
    FROM held h
    WHERE h.to_day < :upper AND NOT EXISTS (
        SELECT FROM held c
        WHERE c.part = h.part AND c.organisation_id = h.organisation_id AND c.from_day = h.to_day)
), contribution (part, measure, position, change) AS (
    SELECT h.part, d.measure, d.position, d.change
    FROM held h
    JOIN reporting.delta d ON d.organisation_id = h.organisation_id
    WHERE d.measure = ANY (CAST(:measures AS text[]))
      AND d.day >= h.from_day AND d.day < h.to_day AND d.day >= :first AND d.position <= :known
      AND NOT EXISTS (
          SELECT FROM held c
          WHERE c.part = h.part AND c.organisation_id = d.counterpart AND c.from_day <= d.day AND d.day < c.to_day
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
          SELECT FROM reporting.holding_version h
          JOIN reporting.delta d ON d.organisation_id = h.organisation_id
          WHERE h.holder_id = p.cell_id AND h.valid_from <= :day AND :day < h.valid_to
            AND h.known_from <= :known AND :known < h.known_to
            AND d.measure = ANY (CAST(:member_levels AS text[])) AND d.day <= :day AND d.position <= :known
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
