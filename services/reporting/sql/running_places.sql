-- Places in the running sums: what is the matter with a place, and from which day to which, as signed steps of the
-- organisation that it belongs to. They count like other levels, see `running_sums.sql`. Nothing is remembered of
-- them: what they were as known before can be read as well as what they are as known now.

-- touched_places: places of which anything may be known otherwise at `upto` than at `after`
WITH turned (place_id, cell_id) AS (
    SELECT place_id, cell_id FROM reporting.place_version WHERE known_from > :after AND known_from <= :upto
    UNION
    SELECT place_id, cell_id FROM reporting.place_version
    WHERE known_to > :after AND known_to <= :upto AND known_to < 9223372036854775807
), counted (organisation_id, first) AS (
    SELECT organisation_id, min(day) FROM reporting.delta
    WHERE position > :after AND position <= :upto AND measure = ANY (CAST(:member_levels AS text[]))
    GROUP BY organisation_id
), named (organisation_id) AS (
    -- Nearly all have enough members whatever came: what there was on the evening of the first of these changes, less
    -- all that ever went after it, is three at least, before and now. It need not be gone into day by day.
    SELECT c.organisation_id
    FROM counted c
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(lasting) FILTER (WHERE position <= :upto), 0) AS now,
               coalesce(sum(lasting) FILTER (WHERE position <= :after), 0) AS before
        FROM (
            -- OFFSET 0: with a condition on the position the planner goes through the log for each of them.
            SELECT d.position, CASE WHEN d.day <= c.first THEN d.change ELSE least(d.change, 0) END AS lasting
            FROM reporting.delta d
            WHERE d.organisation_id = c.organisation_id AND d.measure = ANY (CAST(:member_levels AS text[]))
            OFFSET 0
        ) AS each
    ) AS members
    WHERE least(members.now, members.before) < 3
       OR EXISTS (
           SELECT FROM reporting.holding_version h
           WHERE (h.organisation_id = c.organisation_id) <> (h.holder_id = c.organisation_id)
             AND c.organisation_id IN (h.organisation_id, h.holder_id)
       )
    UNION
    SELECT unnest(CAST(:affected AS text[]))
), cell (cell_id) AS (
    SELECT h.holder_id
    FROM named
    JOIN reporting.holding_version h USING (organisation_id)
    WHERE h.known_from <= :upto AND h.known_to > :after
    UNION
    SELECT cell_id FROM turned WHERE cell_id IS NOT NULL
)
SELECT place_id FROM turned
UNION
SELECT p.place_id
FROM cell JOIN reporting.place_version p USING (cell_id)
WHERE p.known_from <= :upto AND p.known_to > :after
UNION
SELECT place_id FROM reporting.place_version
WHERE organisation_id = ANY (CAST(:affected AS text[])) AND known_from <= :upto AND known_to > :after;

-- places_of_trees: all places of organisations that ever stand below these
WITH RECURSIVE below (organisation_id) AS (
    SELECT unnest(CAST(:only AS text[]))
    UNION
    SELECT v.organisation_id
    FROM below b
    JOIN reporting.organisation_version v ON v.parent_id = b.organisation_id
    WHERE v.known_from <= :known AND :known < v.known_to
)
SELECT DISTINCT p.place_id
FROM below JOIN reporting.place_version p USING (organisation_id)
WHERE p.known_from <= :known AND :known < p.known_to;

-- flags: what is the matter with these places on which days, as known at each of some positions
WITH RECURSIVE at_place (known, place_id, days, organisation_id, cell_id, shared) AS (
    SELECT k.known, p.place_id, daterange(p.valid_from, p.valid_to), p.organisation_id, p.cell_id,
           p.shared AND p.cell_id IS NOT NULL
    FROM unnest(CAST(:knowns AS bigint[])) AS k (known)
    JOIN reporting.place_version p ON p.known_from <= k.known AND k.known < p.known_to
    WHERE p.place_id = ANY (CAST(:places AS text[]))
), flag (known, place_id, organisation_id, what, days) AS (
    SELECT a.known, a.place_id, a.organisation_id, w.what, unnest(w.days)
    FROM at_place a
    CROSS JOIN LATERAL (
        SELECT range_agg(daterange(day, until)) FILTER (WHERE amount <> 0) AS any_days,
               range_agg(daterange(day, until)) FILTER (WHERE amount >= 3) AS enough_days
        FROM (
            SELECT day, lead(day, 1, 'infinity') OVER by_day AS until, sum(change) OVER by_day AS amount
            FROM (
                SELECT s.day, sum(s.change) AS change
                FROM reporting.holding_version h
                JOIN reporting.delta d ON d.organisation_id = h.organisation_id
                CROSS JOIN LATERAL (
                    VALUES (greatest(d.day, h.valid_from), d.change), (h.valid_to, -d.change)
                ) AS s (day, change)
                WHERE h.holder_id = a.cell_id AND h.known_from <= a.known AND a.known < h.known_to
                  AND d.measure = ANY (CAST(:member_levels AS text[])) AND d.day < h.valid_to
                  AND d.position <= a.known AND s.day < 'infinity'
                GROUP BY s.day
            ) AS steps
            WINDOW by_day AS (ORDER BY day)
        ) AS evenings
    ) AS members
    CROSS JOIN LATERAL (
        SELECT range_agg(daterange(o.valid_from, o.valid_to)) AS days
        FROM reporting.place_version o
        WHERE o.cell_id = a.cell_id AND o.place_id <> a.place_id
          AND o.known_from <= a.known AND a.known < o.known_to
    ) AS beside
    CROSS JOIN LATERAL (VALUES
        ('places.total', datemultirange(a.days)),
        ('places.uncovered', CASE WHEN a.cell_id IS NULL THEN datemultirange(a.days) END),
        ('places.without_members', datemultirange(a.days) - coalesce(members.any_days, '{}')),
        ('places.fewer_than_3', datemultirange(a.days) - coalesce(members.enough_days, '{}')),
        ('places.shared', CASE WHEN a.shared THEN datemultirange(a.days) ELSE datemultirange(a.days) * beside.days END)
    ) AS w (what, days)
);

-- changed_places: those of which something is known otherwise, or whose organisation has moved
SELECT place_id FROM flag GROUP BY place_id, organisation_id, what, days HAVING count(*) = 1
UNION
SELECT place_id FROM at_place WHERE organisation_id = ANY (CAST(:affected AS text[]));

-- of_places: the flags as steps up and down
, selected AS (
    SELECT f.organisation_id, f.what AS measure, s.day, s.change, CAST(NULL AS text) AS counterpart
    FROM flag f
    CROSS JOIN LATERAL (VALUES (lower(f.days), 1), (upper(f.days), -1)) AS s (day, change)
    WHERE s.day < 'infinity'
);
