-- Pieces that say which events stand between what counted then and what counts now; `services.reporting.reports.changes`
-- puts them behind a contribution as known now, and the same as known then (`then_contribution`).
--
-- caused(path, position, change): what each event changed of each figure. Their sum is the figure's difference.

-- figures: which measures make which figure up; a figure is named by its path
, figure (path, measure) AS (
    SELECT path, measure FROM unnest(CAST(:paths AS text[]), CAST(:path_measures AS text[])) AS u (path, measure)
);

-- by_position: of contributions that are added up by position: what counts now against what counted then
, caused AS (
    SELECT path, position, sum(change)::bigint AS change
    FROM (
        SELECT measure, position, change FROM contribution WHERE part = '*'
        UNION ALL
        SELECT measure, position, -change FROM then_contribution WHERE part = '*'
        -- Else the planner, who takes any two positions for near each other, goes through the log for it.
        OFFSET 0
    ) AS both_times
    JOIN figure USING (measure)
    WHERE position > :after
    GROUP BY path, position
    HAVING sum(change) <> 0
);

-- by_step: of persons' steps: the event by which a step became known to count so, or no longer to; its own where
-- the tree became another. `days`, `days_then`: how long steps took, of those that count now and that counted then
, counted AS (
    SELECT path, source, event_id, position, until, days,
           sum(change) - sum(was) AS change, bool_or(counts) AS counts, bool_or(NOT counts) AS counted
    FROM (
        SELECT measure, source, event_id, position, until, days, change, 0 AS was, true AS counts
        FROM contribution WHERE part = '*'
        UNION ALL
        SELECT measure, source, event_id, position, until, days, 0, change, false
        FROM then_contribution WHERE part = '*'
    ) AS both_times
    JOIN figure USING (measure)
    GROUP BY path, source, event_id, position, until, days
    HAVING sum(change) <> sum(was)
), caused AS (
    SELECT c.path, c.position, sum(c.change)::bigint AS change,
           max(c.days) FILTER (WHERE c.counts) AS days, max(c.days) FILTER (WHERE c.counted) AS days_then
    FROM (
        SELECT s.path, s.change, s.days, s.counts, s.counted,
               CASE WHEN s.counts AND NOT s.counted AND s.position > :then_known THEN s.position
                    WHEN s.counted AND NOT s.counts AND s.until <= :known THEN s.until
                    ELSE f.position END AS position
        FROM counted s
        JOIN reporting.fact f USING (source, event_id)
    ) AS c
    WHERE c.position > :after
    GROUP BY c.path, c.position
    HAVING sum(c.change) <> 0 OR max(c.days) FILTER (WHERE c.counts) <> max(c.days) FILTER (WHERE c.counted)
);

-- by_unit: of what is counted one by one: what happened last to each thing that counts otherwise, else its own event
, flipped AS MATERIALIZED (
    SELECT path, unit, coalesce(n.position, t.position) AS position,
           coalesce(n.change, 0) - coalesce(t.change, 0) AS change
    FROM (
        SELECT path, unit, max(position) AS position, sum(change)::bigint AS change
        FROM contribution JOIN figure USING (measure) WHERE part = '*' GROUP BY path, unit
    ) AS n
    FULL JOIN (
        SELECT path, unit, max(position) AS position, sum(change)::bigint AS change
        FROM then_contribution JOIN figure USING (measure) WHERE part = '*' GROUP BY path, unit
    ) AS t USING (path, unit)
    WHERE coalesce(n.change, 0) <> coalesce(t.change, 0)
), touched (unit, position) AS MATERIALIZED (
    --touched
), caused AS (
    SELECT f.path, coalesce(t.position, f.position) AS position, sum(f.change)::bigint AS change
    FROM flipped f
    LEFT JOIN touched t USING (unit)
    WHERE coalesce(t.position, f.position) > :after
    GROUP BY f.path, coalesce(t.position, f.position)
    HAVING sum(f.change) <> 0
);

-- touched_units: the last event between then and now about a place or an organisation, or about who is counted there
SELECT f.unit, w.position
FROM (SELECT DISTINCT unit FROM flipped WHERE NOT starts_with(unit, 'position/')) f
CROSS JOIN LATERAL (
    -- Looked up organisation by organisation, which OFFSET 0 says: else all that came since is gone through for each.
    WITH made_of (organisation_id) AS (
        SELECT split_part(f.unit, '/', 2) WHERE starts_with(f.unit, 'organisation/')
        UNION
        SELECT o.id
        FROM reporting.place_version p
        CROSS JOIN LATERAL (VALUES (p.organisation_id), (p.cell_id)) AS o (id)
        WHERE starts_with(f.unit, 'place/') AND p.place_id = split_part(f.unit, '/', 2)
          AND p.known_from <= :known AND p.known_to > :then_known AND o.id IS NOT NULL
    ), in_hands AS (
        SELECT h.organisation_id, h.known_from, h.known_to
        FROM made_of m
        CROSS JOIN LATERAL (
            SELECT organisation_id, known_from, known_to FROM reporting.holding_version
            WHERE holder_id = m.organisation_id
            OFFSET 0
        ) h
    )
    SELECT max(t.position) AS position
    FROM (
        SELECT k.position
        FROM made_of m
        CROSS JOIN LATERAL (
            SELECT known_from, known_to FROM reporting.organisation_version
            WHERE organisation_id = m.organisation_id
            OFFSET 0
        ) v
        CROSS JOIN LATERAL (VALUES (v.known_from), (v.known_to)) AS k (position)
        UNION ALL
        SELECT k.position
        FROM in_hands h
        CROSS JOIN LATERAL (VALUES (h.known_from), (h.known_to)) AS k (position)
        UNION ALL
        SELECT k.position
        FROM reporting.place_version p
        CROSS JOIN LATERAL (VALUES (p.known_from), (p.known_to)) AS k (position)
        WHERE starts_with(f.unit, 'place/') AND p.place_id = split_part(f.unit, '/', 2)
        UNION ALL
        SELECT k.position
        FROM made_of m
        CROSS JOIN LATERAL (
            SELECT known_from, known_to FROM reporting.place_version WHERE cell_id = m.organisation_id OFFSET 0
        ) p
        CROSS JOIN LATERAL (VALUES (p.known_from), (p.known_to)) AS k (position)
        WHERE starts_with(f.unit, 'place/')
        UNION ALL
        SELECT d.position
        FROM in_hands h
        CROSS JOIN LATERAL (
            SELECT position FROM reporting.delta
            WHERE organisation_id = h.organisation_id AND measure = ANY (CAST(:touching AS text[])) AND day < :upper
            OFFSET 0
        ) d
        WHERE h.known_from <= :known AND h.known_to > :then_known
    ) AS t
    WHERE t.position > :then_known AND t.position <= :known
) w;

-- touched_mentors: the last event between then and now about a mentor's charges in the scope
SELECT 'person/' || mentor, max(position)
FROM item
WHERE part = '*' AND position > :then_known
GROUP BY mentor;

-- touched_mentors_held: the same of a vast tree, of which no organisation moved since
SELECT 'person/' || e.mentor, max(e.position)
FROM reporting.spell_edge e
JOIN in_active_hands USING (organisation_id)
JOIN held h USING (organisation_id)
WHERE e.kind = 'charge' AND e.position > :then_known AND e.position <= :known AND e.day <= :day
  AND h.from_day <= :day AND :day < h.to_day
GROUP BY e.mentor;

-- changed: a page of the events of each figure, with what is told of each
SELECT c.*, f.source, f.event_id, f.type, f.effectiveon, m.recordedat
FROM (
    SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY path ORDER BY position) AS number FROM caused) AS n
    WHERE number <= :limit
) AS c
-- OFFSET 0: those of a page are looked up one by one.
CROSS JOIN LATERAL (
    SELECT source, event_id, type, effectiveon FROM reporting.fact WHERE position = c.position OFFSET 0
) f
CROSS JOIN LATERAL (
    SELECT recordedat FROM reporting.moment WHERE position >= c.position ORDER BY position LIMIT 1
) m
ORDER BY c.path, c.position;

-- restructured: events between two positions by which organisations of the tree became known as something else
SELECT f.position, f.source, f.event_id, f.type, f.effectiveon
FROM (
    SELECT DISTINCT t.position
    FROM turned t
    WHERE t.organisation_id IN (SELECT organisation_id FROM tree)
) AS c
JOIN reporting.fact f USING (position)
ORDER BY f.position
LIMIT 1000;

-- retargeted: events between two positions by which targets became known as something else
SELECT c.target_id, f.position, f.source, f.event_id, f.type, f.effectiveon, m.recordedat
FROM (
    SELECT t.target_id, k.position
    FROM reporting.target_version t
    CROSS JOIN LATERAL (VALUES (t.known_from), (t.known_to)) AS k (position)
    WHERE t.target_id = ANY (CAST(:targets AS text[])) AND k.position > :since AND k.position <= :until
    GROUP BY t.target_id, k.position
) AS c
JOIN reporting.fact f USING (position)
CROSS JOIN LATERAL (
    SELECT recordedat FROM reporting.moment WHERE position >= c.position ORDER BY position LIMIT 1
) m
ORDER BY c.target_id, c.position;
