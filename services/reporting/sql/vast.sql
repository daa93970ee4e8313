-- Pieces of report statements for vast trees, in the place of those of the same names in `reports.sql`,
-- `person_reports.sql` and `spells.sql`. They say the same. Those look each organisation, place or cell up by an index,
-- which is right for a few; these go through whole tables once and join them, which is right where nearly all belong.
-- CTEs that are MATERIALIZED cannot be looked up one by one: the planner knows no sizes here, and would. For the same
-- reason statements about standing sums are planned `of_whole_tables` (`planning.sql`).
--
-- held_by(id, amount): members or open candidates, as `kind` says, on the evening of `day`, as known, in the hands of
--   each organisation; `kept` is the position that the standing sums are of, and `mark` too where they
--   are kept as they stood then.

-- tree_as_was: those that have ever had others below them one level after the other, and then all that never had
WITH RECURSIVE stood AS MATERIALIZED (
    SELECT organisation_id, parent_id, valid_from, valid_to,
           organisation_id IN (
               SELECT parent_id FROM reporting.organisation_version WHERE parent_id IS NOT NULL
           ) AS is_branch
    FROM reporting.organisation_version
    WHERE known_from <= :known AND :known < known_to
      AND valid_from < CAST(:upper AS date) AND CAST(:lower AS date) < valid_to
      AND parent_id IS NOT NULL AND organisation_id <> CAST(:organisation_id AS text)
), branch AS MATERIALIZED (
    SELECT organisation_id, parent_id, valid_from, valid_to FROM stood WHERE is_branch
), trunk (organisation_id, from_day, to_day, child) AS (
    SELECT v.organisation_id, greatest(CAST(:lower AS date), min(v.valid_from)), CAST(:upper AS date), CAST(NULL AS text)
    FROM reporting.organisation_version v
    WHERE v.organisation_id = :organisation_id AND v.known_from <= :known AND :known < v.known_to
    GROUP BY v.organisation_id
    HAVING min(v.valid_from) < :upper
    UNION
    SELECT b.organisation_id, greatest(t.from_day, b.valid_from), least(t.to_day, b.valid_to),
           coalesce(t.child, b.organisation_id)
    FROM trunk t
    JOIN branch b ON b.parent_id = t.organisation_id
    WHERE b.valid_from < t.to_day AND t.from_day < b.valid_to
), tree (organisation_id, from_day, to_day, child) AS (
    SELECT organisation_id, from_day, to_day, child FROM trunk
    UNION ALL
    SELECT s.organisation_id, greatest(t.from_day, s.valid_from), least(t.to_day, s.valid_to),
           coalesce(t.child, s.organisation_id)
    FROM trunk t
    JOIN stood s ON s.parent_id = t.organisation_id
    WHERE NOT s.is_branch AND s.valid_from < t.to_day AND t.from_day < s.valid_to
);

-- tree_current: the same of the tree of today
WITH RECURSIVE stood AS MATERIALIZED (
    SELECT organisation_id, parent_id,
           organisation_id IN (
               SELECT parent_id FROM reporting.organisation_version WHERE parent_id IS NOT NULL
           ) AS is_branch
    FROM reporting.organisation_version
    WHERE known_from <= :known AND :known < known_to AND valid_from <= :today AND :today < valid_to
      AND parent_id IS NOT NULL AND successor_id IS NULL AND organisation_id <> CAST(:organisation_id AS text)
), branch AS MATERIALIZED (
    SELECT organisation_id, parent_id FROM stood WHERE is_branch
), trunk (organisation_id, child) AS (
    SELECT organisation_id, CAST(NULL AS text)
    FROM reporting.organisation_version
    WHERE organisation_id = :organisation_id
      AND known_from <= :known AND :known < known_to AND valid_from <= :today AND :today < valid_to
    UNION
    SELECT b.organisation_id, coalesce(t.child, b.organisation_id)
    FROM trunk t
    JOIN branch b ON b.parent_id = t.organisation_id
), today_tree (organisation_id, child) AS MATERIALIZED (
    SELECT organisation_id, child FROM trunk
    UNION ALL
    SELECT s.organisation_id, coalesce(t.child, s.organisation_id)
    FROM trunk t
    JOIN stood s ON s.parent_id = t.organisation_id
    WHERE NOT s.is_branch
), held_today AS MATERIALIZED (
    SELECT organisation_id, holder_id
    FROM reporting.holding_version
    WHERE known_from <= :known AND :known < known_to AND valid_from <= :today AND :today < valid_to
), tree (organisation_id, from_day, to_day, child) AS (
    SELECT h.organisation_id, CAST(:lower AS date), CAST(:upper AS date), t.child
    FROM today_tree t
    JOIN held_today h ON h.holder_id = t.organisation_id
);

-- held_as_was: whose facts count for the scope on which days
, holding AS MATERIALIZED (
    SELECT organisation_id, holder_id, valid_from, valid_to
    FROM reporting.holding_version
    WHERE known_from <= :known AND :known < known_to AND valid_from < CAST(:upper AS date)
      AND CAST(:lower AS date) < valid_to
), held (organisation_id, from_day, to_day, part) AS (
    SELECT h.organisation_id, greatest(s.from_day, h.valid_from), least(s.to_day, h.valid_to), s.part
    FROM scope s
    JOIN holding h ON h.holder_id = s.organisation_id
    WHERE h.valid_from < s.to_day AND s.from_day < h.valid_to
);

-- held_by: from the standing sums, less what came after the day or became known after the position, or since
, held_by AS MATERIALIZED (
    SELECT h.holder_id AS id, sum(s.amount)::bigint AS amount
    FROM (
        SELECT organisation_id, amount FROM reporting.standing_sum
        WHERE kind = CAST(:kind AS text) AND CAST(:mark AS bigint) IS NULL
        UNION ALL
        SELECT organisation_id, amount FROM reporting.standing_mark
        WHERE kind = CAST(:kind AS text) AND position = CAST(:mark AS bigint)
        UNION ALL
        SELECT organisation_id, sum(amount)
        FROM (
            SELECT organisation_id, -change AS amount FROM reporting.delta
            WHERE day > :day AND position <= :kept
              AND split_part(measure, '.', 1) IN ('members', 'balance', 'candidates', 'admissions', 'confirmations', 'candidates_identified', 'training_completions')
              AND measure = ANY (CAST(:kind_levels AS text[]))
            UNION ALL
            SELECT organisation_id, -change FROM reporting.delta
            WHERE position > :known AND position <= :kept AND day <= :day
              AND measure = ANY (CAST(:kind_levels AS text[]))
            UNION ALL
            SELECT organisation_id, change FROM reporting.delta
            WHERE position > :kept AND position <= :known AND day <= :day
              AND measure = ANY (CAST(:kind_levels AS text[]))
        ) AS other
        GROUP BY organisation_id
    ) AS s
    JOIN reporting.holding_version h ON h.organisation_id = s.organisation_id
    WHERE h.valid_from <= :day AND :day < h.valid_to AND h.known_from <= :known AND :known < h.known_to
    GROUP BY h.holder_id
);

-- standing_scope: organisations that are active on the evening of the day, and the scope of it
, active_there AS (
    SELECT organisation_id, name, kind, sector, parent_id, known_from
    FROM reporting.organisation_version
    WHERE active AND valid_from <= :day AND :day < valid_to AND known_from <= :known AND :known < known_to
), standing_scope AS (
    SELECT part, organisation_id FROM scope WHERE from_day <= :day AND :day < to_day
);

-- first_places: organisations of those places, of any tree, that come first behind a page
, covers_others AS (
    SELECT cell_id FROM reporting.place_version
    WHERE CAST(:flag AS text) = 'shared' AND cell_id IS NOT NULL
      AND valid_from <= :day AND :day < valid_to AND known_from <= :known AND :known < known_to
    GROUP BY cell_id
    HAVING count(*) > 1
), placed AS (
    SELECT p.organisation_id, p.place_id AS id, p.cell_id, coalesce(m.amount, 0) AS members,
           p.shared AND p.cell_id IS NOT NULL OR o.cell_id IS NOT NULL AS shared
    FROM reporting.place_version p
    LEFT JOIN held_by m ON m.id = p.cell_id
    LEFT JOIN covers_others o ON o.cell_id = p.cell_id
    WHERE p.valid_from <= :day AND :day < p.valid_to AND p.known_from <= :known AND :known < p.known_to
)
SELECT organisation_id, members AS number, id
FROM placed
WHERE (CAST(:flag AS text) IS NULL
       OR CASE CAST(:flag AS text) WHEN 'without_members' THEN members = 0 WHEN 'fewer_than_3' THEN members < 3
               WHEN 'uncovered' THEN cell_id IS NULL ELSE shared END)
  AND (CAST(:after_members AS bigint) IS NULL OR members > CAST(:after_members AS bigint)
       OR (members = CAST(:after_members AS bigint) AND id COLLATE "C" > CAST(:after_id AS text) COLLATE "C"))
ORDER BY number, id COLLATE "C"
LIMIT :some;

-- places: each place with the members of the cell that covers it; shared where its cell covers others too
, placed AS NOT MATERIALIZED (
    SELECT place_id, name, kind, organisation_id, cell_id, shared AND cell_id IS NOT NULL AS shared, known_from
    FROM reporting.place_version
    WHERE valid_from <= :day AND :day < valid_to AND known_from <= :known AND :known < known_to
), covers_others AS (
    SELECT cell_id FROM placed WHERE cell_id IS NOT NULL GROUP BY cell_id HAVING count(*) > 1
), item AS (
    SELECT s.part, CAST(:day AS date) AS day, 'place' AS what, p.place_id AS id, p.name, p.kind, p.organisation_id,
           p.cell_id, p.known_from AS position, p.shared OR o.cell_id IS NOT NULL AS shared,
           coalesce(m.amount, 0) AS members
    FROM placed p
    JOIN active_there v ON v.organisation_id = p.organisation_id
    JOIN standing_scope s ON s.organisation_id = p.organisation_id
    LEFT JOIN held_by m ON m.id = p.cell_id
    LEFT JOIN covers_others o ON o.cell_id = p.cell_id
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

-- places_without_members: one for each place whose covering cell has no members, or that none covers
, contribution (part, measure, position, change, day, unit) AS (
    SELECT s.part, 'places_without_members', p.known_from, 1, CAST(:day AS date), 'place/' || p.place_id
    FROM (
        SELECT place_id, organisation_id, cell_id, known_from
        FROM reporting.place_version
        WHERE valid_from <= :day AND :day < valid_to AND known_from <= :known AND :known < known_to
        OFFSET 0
    ) p
    LEFT JOIN held_by m ON m.id = p.cell_id
    JOIN active_there v ON v.organisation_id = p.organisation_id
    JOIN standing_scope s ON s.organisation_id = p.organisation_id
    WHERE m.amount IS NULL OR m.amount = 0
);

-- enterprises: organisations of private enterprises, and private enterprises that are places, with their members
, placed AS NOT MATERIALIZED (
    SELECT place_id, name, kind, organisation_id, cell_id, known_from
    FROM reporting.place_version
    WHERE kind = 'private_enterprise'
      AND valid_from <= :day AND :day < valid_to AND known_from <= :known AND :known < known_to
), item AS (
    SELECT s.part, CAST(:day AS date) AS day, 'organisation' AS what, v.organisation_id AS id, v.name, v.kind,
           v.parent_id AS organisation_id, CAST(NULL AS text) AS cell_id, v.known_from AS position,
           true AS has_organisation, coalesce(m.amount, 0) AS members
    FROM active_there v
    JOIN standing_scope s ON s.organisation_id = v.organisation_id
    LEFT JOIN held_by m ON m.id = v.organisation_id
    WHERE v.sector = 'private_enterprise'
    UNION ALL
    SELECT s.part, CAST(:day AS date), 'place', p.place_id, p.name, p.kind, p.organisation_id, p.cell_id, p.known_from,
           c.organisation_id IS NOT NULL, coalesce(m.amount, 0)
    FROM placed p
    JOIN active_there v ON v.organisation_id = p.organisation_id
    JOIN standing_scope s ON s.organisation_id = p.organisation_id
    LEFT JOIN held_by m ON m.id = p.cell_id
    LEFT JOIN active_there c ON c.organisation_id = p.cell_id AND c.sector = 'private_enterprise'
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

-- blocked_cells: active cells of an evening with their open candidates, and whether any of late was admitted
, admitted_in AS MATERIALIZED (
    SELECT DISTINCT a.id
    FROM (
        SELECT h.holder_id AS id
        FROM reporting.delta d
        JOIN reporting.holding_version h
          ON h.organisation_id = d.organisation_id AND h.valid_from <= d.day AND d.day < h.valid_to
        WHERE d.measure = 'admissions' AND d.day >= :no_admission_since AND d.day <= :day AND d.position <= :known
          AND split_part(d.measure, '.', 1) IN ('members', 'balance', 'candidates', 'admissions', 'confirmations', 'candidates_identified', 'training_completions')
          AND h.known_from <= :known AND :known < h.known_to
        GROUP BY h.holder_id, d.day
        HAVING sum(d.change) > 0
    ) a
), item AS (
    SELECT s.part, CAST(:day AS date) AS day, v.organisation_id AS id, v.name, v.kind, v.parent_id,
           v.known_from AS position, coalesce(o.amount, 0) AS open,
           coalesce(o.amount, 0) >= CAST(:at_least AS bigint) AS has_candidates,
           coalesce(o.amount, 0) >= CAST(:at_least AS bigint) AND a.id IS NULL AS is_blocked
    FROM active_there v
    JOIN standing_scope s ON s.organisation_id = v.organisation_id
    LEFT JOIN held_by o ON o.id = v.organisation_id
    LEFT JOIN admitted_in a ON a.id = v.organisation_id
    WHERE v.kind IN ('cell', 'grassroots_cell')
);

-- mentors_held: persons of the scope, or of its parts, in the charge of a mentor on the evening of the day; by which
-- events is not known
, in_charge AS MATERIALIZED (
    SELECT organisation_id, mentor, sum(persons)::bigint AS persons
    FROM (
        SELECT organisation_id, mentor, persons FROM reporting.standing_charge WHERE CAST(:mark AS bigint) IS NULL
        UNION ALL
        SELECT organisation_id, mentor, persons FROM reporting.standing_charge_mark
        WHERE position = CAST(:mark AS bigint)
        UNION ALL
        SELECT e.organisation_id, e.mentor, -(CASE WHEN e.how IN ('begins', 'comes') THEN e.change ELSE -e.change END)
        FROM reporting.spell_edge e
        WHERE e.kind = 'charge' AND e.day > :day AND e.position <= :kept
        UNION ALL
        SELECT e.organisation_id, e.mentor,
               (CASE WHEN e.how IN ('begins', 'comes') THEN e.change ELSE -e.change END)
               * CASE WHEN e.position > :kept THEN 1 ELSE -1 END
        FROM reporting.spell_edge e
        WHERE e.kind = 'charge' AND e.day <= :day
          AND e.position > least(CAST(:known AS bigint), CAST(:kept AS bigint))
          AND e.position <= greatest(CAST(:known AS bigint), CAST(:kept AS bigint))
    ) AS each
    GROUP BY organisation_id, mentor
    HAVING sum(persons) <> 0
), in_active_hands AS (
    SELECT h.organisation_id
    FROM reporting.holding_version h
    JOIN reporting.organisation_version v ON v.organisation_id = h.holder_id
    WHERE h.valid_from <= :day AND :day < h.valid_to AND h.known_from <= :known AND :known < h.known_to
      AND v.active AND v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
), held_charge AS (
    SELECT h.part, c.mentor, c.persons
    FROM in_charge c
    JOIN in_active_hands USING (organisation_id)
    JOIN held h USING (organisation_id)
    WHERE h.from_day <= :day AND :day < h.to_day
);

-- mentors_whole: these of the whole
, item AS (
    SELECT part, CAST(:day AS date) AS day, mentor, CAST(NULL AS bigint) AS position, sum(persons)::bigint AS persons
    FROM held_charge
    GROUP BY part, mentor
);

-- mentors_by_part: of the parts, and of the whole, where who has persons of several is one mentor
, item AS (
    SELECT CASE WHEN grouping(part) = 1 THEN '*' ELSE part END AS part, CAST(:day AS date) AS day, mentor,
           CAST(NULL AS bigint) AS position, sum(persons)::bigint AS persons
    FROM held_charge
    GROUP BY GROUPING SETS ((part, mentor), (mentor))
);
