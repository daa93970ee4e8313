-- Pieces of report statements: a scope, the contributions to a figure within it, and what is asked of them.
-- Each statement is put together from one piece of each kind, see `services.reporting.reports.statements`.
--
-- tree(organisation_id, from_day, to_day, child): which organisations belong to the asked one, on the days from
--   from_day to before to_day, and through which child.
-- scope(organisation_id, from_day, to_day, part): the same for each part of the answer: `*` is the whole, a child
--   its own subtree, the empty part what belongs to no child.
-- held(organisation_id, from_day, to_day, part): organisations as facts name them, on the days on which what facts
--   say of them is in the hands of the scope.
-- item(part, day, id, …, position, members): places or enterprises of the scope on the evening of days.
-- contribution(part, measure, position, change, day): what each position adds to a measure, and from which day; of
--   what is counted one by one also `unit`, the thing that counts: `place/ID`, `organisation/ID`, `person/ID`.

-- few: whether at most so many organisations have ever stood below one
WITH RECURSIVE below (organisation_id) AS (
    SELECT CAST(:organisation_id AS text)
    UNION
    SELECT v.organisation_id
    FROM below b
    JOIN reporting.organisation_version v ON v.parent_id = b.organisation_id
    WHERE v.known_from <= :known AND :known < v.known_to
)
SELECT count(*) <= :most FROM (SELECT FROM below LIMIT CAST(:most AS bigint) + 1) AS first_ones;

-- tree_as_was: on each day the tree of that day, from the founding of the asked one on
WITH RECURSIVE tree (organisation_id, from_day, to_day, child) AS (
    SELECT v.organisation_id, greatest(CAST(:lower AS date), min(v.valid_from)), CAST(:upper AS date), CAST(NULL AS text)
    FROM reporting.organisation_version v
    WHERE v.organisation_id = :organisation_id AND v.known_from <= :known AND :known < v.known_to
    GROUP BY v.organisation_id
    HAVING min(v.valid_from) < :upper
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
    -- Who was founded later, or not at all as was learned since, has no tree today.
    SELECT organisation_id, CAST(NULL AS text)
    FROM reporting.organisation_version
    WHERE organisation_id = :organisation_id
      AND known_from <= :known AND :known < known_to AND valid_from <= :today AND :today < valid_to
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

-- scope_of_parts: without the whole
, scope (organisation_id, from_day, to_day, part) AS (
    SELECT organisation_id, from_day, to_day,
           CASE WHEN child = ANY (CAST(:children AS text[])) THEN child ELSE '' END
    FROM tree
);

-- scope_of_whole: nothing but the whole
, scope (organisation_id, from_day, to_day, part) AS (
    SELECT organisation_id, from_day, to_day, '*' FROM tree
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
, contribution (part, measure, position, change, day) AS (
    SELECT h.part, d.measure, d.position, d.change, d.day
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

-- counting_as_was: whose facts count on a day, in the hands of organisations active on it; in an index's order
, counting (organisation_id, part) AS MATERIALIZED (
    SELECT h.organisation_id, s.part
    FROM scope s
    JOIN reporting.organisation_version v ON v.organisation_id = s.organisation_id
    JOIN reporting.holding_version h ON h.holder_id = s.organisation_id
    WHERE s.from_day <= :day AND :day < s.to_day
      AND v.active AND v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
      AND h.valid_from <= :day AND :day < h.valid_to AND h.known_from <= :known AND :known < h.known_to
    ORDER BY h.organisation_id
);

-- counting_current: the tree of today has them in the place of who holds what was theirs already then
, counting (organisation_id, part) AS MATERIALIZED (
    SELECT h.organisation_id, h.part
    FROM held h
    JOIN reporting.holding_version a ON a.organisation_id = h.organisation_id
    JOIN reporting.organisation_version v ON v.organisation_id = a.holder_id
    WHERE h.from_day <= :day AND :day < h.to_day
      AND a.valid_from <= :day AND :day < a.valid_to AND a.known_from <= :known AND :known < a.known_to
      AND v.active AND v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
    ORDER BY h.organisation_id
);

-- levels_of_each: the same as `levels`, looked up by organisation, whatever sizes the planner sees
, contribution (part, measure, position, change, day) AS (
    SELECT c.part, d.measure, d.position, d.change, d.day
    FROM counting c
    CROSS JOIN LATERAL (
        SELECT d.measure, d.position, d.change, d.day FROM reporting.delta d
        WHERE d.organisation_id = c.organisation_id
          AND d.measure = ANY (CAST(:measures AS text[])) AND d.day <= :day AND d.position <= :known
        OFFSET 0
    ) d
);

-- own_flows: sums over days of what organisations themselves did, wherever what was theirs has gone
, contribution (part, measure, position, change, day) AS (
    SELECT s.part, d.measure, d.position, d.change, d.day
    FROM scope s
    JOIN reporting.delta d ON d.organisation_id = s.organisation_id
    WHERE d.measure = ANY (CAST(:measures AS text[]))
      AND d.day >= s.from_day AND d.day < s.to_day AND d.day >= :first AND d.position <= :known
);

-- flows: sums over days, movements only where the other end lies outside
, contribution (part, measure, position, change, day) AS (
    SELECT h.part, d.measure, d.position, d.change, d.day
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
), contribution (part, measure, position, change, day) AS (
    SELECT h.part, d.measure, d.position, d.change, d.day
    FROM held h
    JOIN reporting.delta d ON d.organisation_id = h.organisation_id
    WHERE d.measure = ANY (CAST(:measures AS text[]))
      AND d.day >= h.from_day AND d.day < h.to_day AND d.day >= :first AND d.position <= :known
      AND NOT EXISTS (
          SELECT FROM held c
          WHERE c.part = h.part AND c.organisation_id = d.counterpart AND c.from_day <= d.day AND d.day < c.to_day
      )
    UNION ALL
    SELECT c.part, c.measure, d.position, d.change, c.day
    FROM crossing c
    JOIN reporting.delta d ON d.organisation_id = c.organisation_id
    WHERE c.measure = ANY (CAST(:measures AS text[])) AND d.measure = ANY (CAST(:member_levels AS text[]))
      AND d.day < c.day AND d.position <= :known
);

-- places_without_members: one for each place whose covering cell has no members, or that none covers
, contribution (part, measure, position, change, day, unit) AS (
    SELECT s.part, 'places_without_members', p.known_from, 1, CAST(:day AS date), 'place/' || p.place_id
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

-- level_steps: levels as steps: up on the day from which a change counts in the scope, down on the day it no longer
-- does; what has been added up to a day is the level of its evening
, contribution (part, measure, position, change, day) AS (
    SELECT h.part, d.measure, d.position, s.sign * d.change, s.day
    FROM held h
    JOIN reporting.holding_version a ON a.organisation_id = h.organisation_id
    JOIN reporting.organisation_version v ON v.organisation_id = a.holder_id
    CROSS JOIN LATERAL (
        SELECT greatest(h.from_day, a.valid_from, v.valid_from) AS since,
               least(h.to_day, a.valid_to, v.valid_to) AS until
    ) w
    JOIN reporting.delta d ON d.organisation_id = h.organisation_id
    CROSS JOIN LATERAL (VALUES (greatest(d.day, w.since), 1), (w.until, -1)) AS s (day, sign)
    WHERE w.since < w.until AND v.active
      AND a.known_from <= :known AND :known < a.known_to
      AND v.known_from <= :known AND :known < v.known_to
      AND d.measure = ANY (CAST(:measures AS text[])) AND d.day < w.until AND d.position <= :known
      AND (s.sign = 1 OR s.day < :upper)
);

-- places: each place with the members of the cell that covers it; shared where its cell covers others too
, item AS MATERIALIZED (
    SELECT s.part, e.day, 'place' AS what, p.place_id AS id, p.name, p.kind, p.organisation_id, p.cell_id,
           p.known_from AS position,
           p.shared AND p.cell_id IS NOT NULL OR EXISTS (
               SELECT FROM reporting.place_version o
               WHERE o.cell_id = p.cell_id AND o.place_id <> p.place_id
                 AND o.valid_from <= e.day AND e.day < o.valid_to
                 AND o.known_from <= :known AND :known < o.known_to
           ) AS shared,
           (
               SELECT coalesce(sum(d.change), 0)::bigint
               FROM reporting.holding_version h
               JOIN reporting.delta d ON d.organisation_id = h.organisation_id
               WHERE h.holder_id = p.cell_id AND h.valid_from <= e.day AND e.day < h.valid_to
                 AND h.known_from <= :known AND :known < h.known_to
                 AND d.measure = ANY (CAST(:member_levels AS text[])) AND d.day <= e.day AND d.position <= :known
           ) AS members
    FROM scope s
    JOIN unnest(CAST(:days AS date[])) AS e (day) ON s.from_day <= e.day AND e.day < s.to_day
    JOIN reporting.organisation_version v ON v.organisation_id = s.organisation_id
    JOIN reporting.place_version p ON p.organisation_id = s.organisation_id
    WHERE v.active AND v.valid_from <= e.day AND e.day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
      AND p.valid_from <= e.day AND e.day < p.valid_to
      AND p.known_from <= :known AND :known < p.known_to
), contribution (part, measure, position, change, day, unit) AS (
    SELECT i.part, m.measure, i.position, 1, i.day, 'place/' || i.id
    FROM item i
    CROSS JOIN LATERAL (VALUES
        ('places.total', true),
        ('places.uncovered', i.cell_id IS NULL),
        ('places.without_members', i.members = 0),
        ('places.fewer_than_3', i.members < 3),
        ('places.shared', i.shared)
    ) AS m (measure, holds)
    WHERE m.holds AND m.measure = ANY (CAST(:measures AS text[]))
);

-- enterprises: organisations of private enterprises, and private enterprises that are places, with their members
, item AS MATERIALIZED (
    SELECT s.part, e.day, 'organisation' AS what, v.organisation_id AS id, v.name, v.kind,
           v.parent_id AS organisation_id, CAST(NULL AS text) AS cell_id, v.known_from AS position,
           true AS has_organisation,
           (
               SELECT coalesce(sum(d.change), 0)::bigint
               FROM reporting.holding_version h
               JOIN reporting.delta d ON d.organisation_id = h.organisation_id
               WHERE h.holder_id = v.organisation_id AND h.valid_from <= e.day AND e.day < h.valid_to
                 AND h.known_from <= :known AND :known < h.known_to
                 AND d.measure = ANY (CAST(:member_levels AS text[])) AND d.day <= e.day AND d.position <= :known
           ) AS members
    FROM scope s
    JOIN unnest(CAST(:days AS date[])) AS e (day) ON s.from_day <= e.day AND e.day < s.to_day
    JOIN reporting.organisation_version v ON v.organisation_id = s.organisation_id
    WHERE v.active AND v.sector = 'private_enterprise' AND v.valid_from <= e.day AND e.day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
    UNION ALL
    SELECT s.part, e.day, 'place', p.place_id, p.name, p.kind, p.organisation_id, p.cell_id, p.known_from,
           EXISTS (
               SELECT FROM reporting.organisation_version c
               WHERE c.organisation_id = p.cell_id AND c.active AND c.sector = 'private_enterprise'
                 AND c.valid_from <= e.day AND e.day < c.valid_to
                 AND c.known_from <= :known AND :known < c.known_to
           ),
           (
               SELECT coalesce(sum(d.change), 0)::bigint
               FROM reporting.holding_version h
               JOIN reporting.delta d ON d.organisation_id = h.organisation_id
               WHERE h.holder_id = p.cell_id AND h.valid_from <= e.day AND e.day < h.valid_to
                 AND h.known_from <= :known AND :known < h.known_to
                 AND d.measure = ANY (CAST(:member_levels AS text[])) AND d.day <= e.day AND d.position <= :known
           )
    FROM scope s
    JOIN unnest(CAST(:days AS date[])) AS e (day) ON s.from_day <= e.day AND e.day < s.to_day
    JOIN reporting.organisation_version v ON v.organisation_id = s.organisation_id
    JOIN reporting.place_version p ON p.organisation_id = s.organisation_id
    WHERE p.kind = 'private_enterprise' AND v.active AND v.valid_from <= e.day AND e.day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
      AND p.valid_from <= e.day AND e.day < p.valid_to
      AND p.known_from <= :known AND :known < p.known_to
), contribution (part, measure, position, change, day, unit) AS (
    SELECT i.part, m.measure, i.position, 1, i.day, i.what || '/' || i.id
    FROM item i
    CROSS JOIN LATERAL (VALUES
        ('enterprises.total', true),
        ('enterprises.with_organisation', i.has_organisation),
        ('enterprises.with_3_members', i.members >= 3),
        ('enterprises.could_be_founded', i.members >= 3 AND NOT i.has_organisation)
    ) AS m (measure, holds)
    WHERE m.holds AND m.measure = ANY (CAST(:measures AS text[]))
);

-- sums: what each measure amounts to in each part
SELECT part, measure, sum(change)::bigint AS amount FROM contribution GROUP BY part, measure;

-- value: what all measures amount to in the whole
SELECT coalesce(sum(change), 0)::bigint FROM contribution WHERE part = '*';

-- evidence: what all measures amount to in the whole, and a page of the events behind it, in log order; where there is
-- none, one row without a position
, behind_it AS MATERIALIZED (
    SELECT position, sum(change)::bigint AS change
    FROM contribution
    WHERE part = '*'
    GROUP BY position
    HAVING sum(change) <> 0
)
SELECT whole.value, c.position, f.source, f.event_id, c.change
FROM (SELECT coalesce(sum(change), 0)::bigint AS value FROM behind_it) AS whole
LEFT JOIN (
    SELECT position, change FROM behind_it WHERE position > :after ORDER BY position LIMIT :limit
) AS c ON true
-- OFFSET 0: those of a page are looked up one by one, however else the statement is planned.
LEFT JOIN LATERAL (SELECT source, event_id FROM reporting.fact WHERE position = c.position OFFSET 0) f ON true
ORDER BY c.position;

-- series: the same for each span of days, by their number from 1; 0 is what lies before the first
SELECT part, width_bucket(day, CAST(:starts AS date[])) AS span, sum(change)::bigint AS amount
FROM contribution GROUP BY part, span;

-- listed_places: a page of the places of each part, those with the fewest members first
SELECT i.part, i.id, i.name, i.kind, i.organisation_id, o.name AS organisation_name, i.cell_id, c.name AS cell_name,
       i.shared, i.members
FROM (
    SELECT *, row_number() OVER (PARTITION BY part ORDER BY members, id COLLATE "C") AS number
    FROM item
    WHERE (CAST(:flag AS text) IS NULL
           OR CASE CAST(:flag AS text) WHEN 'without_members' THEN members = 0 WHEN 'fewer_than_3' THEN members < 3
                   WHEN 'uncovered' THEN cell_id IS NULL ELSE shared END)
      AND (CAST(:after_members AS bigint) IS NULL OR members > CAST(:after_members AS bigint)
           OR (members = CAST(:after_members AS bigint) AND id COLLATE "C" > CAST(:after_id AS text) COLLATE "C"))
) i
-- OFFSET 0: a page of names is looked up one by one, and not among all there are.
LEFT JOIN LATERAL (
    SELECT name FROM reporting.organisation_version
    WHERE organisation_id = i.organisation_id AND valid_from <= i.day AND i.day < valid_to
      AND known_from <= :known AND :known < known_to
    OFFSET 0
) o ON true
LEFT JOIN LATERAL (
    SELECT name FROM reporting.organisation_version
    WHERE organisation_id = i.cell_id AND valid_from <= i.day AND i.day < valid_to
      AND known_from <= :known AND :known < known_to
    OFFSET 0
) c ON true
WHERE i.number <= :limit
ORDER BY i.part, i.members, i.id COLLATE "C";

-- listed_enterprises: the counts of each part, and a page of its enterprises, those where an organisation could be
-- founded first
SELECT c.part, c.total, c.with_organisation, c.with_3_members, c.could_be_founded,
       i.rank, i.what, i.id, i.name, i.kind, i.organisation_id, i.cell_id, i.has_organisation, i.members
FROM (
    SELECT part, count(*) AS total, count(*) FILTER (WHERE has_organisation) AS with_organisation,
           count(*) FILTER (WHERE members >= 3) AS with_3_members,
           count(*) FILTER (WHERE members >= 3 AND NOT has_organisation) AS could_be_founded
    FROM item
    GROUP BY part
) c
LEFT JOIN (
    SELECT *, row_number() OVER (PARTITION BY part ORDER BY rank, id COLLATE "C") AS number
    FROM (
        SELECT *, CASE WHEN has_organisation THEN 1 ELSE 0 END * CAST(1000000000 AS bigint) - members AS rank
        FROM item
    ) ranked
    WHERE CAST(:after_members AS bigint) IS NULL OR rank > CAST(:after_members AS bigint)
       OR (rank = CAST(:after_members AS bigint) AND id COLLATE "C" > CAST(:after_id AS text) COLLATE "C")
) i ON i.part = c.part AND i.number <= :limit
ORDER BY c.part, i.rank, i.id COLLATE "C";
