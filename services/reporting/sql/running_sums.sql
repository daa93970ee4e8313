-- Running sums: pieces of the statements that keep them, put together in `services.reporting.projector.running_sums`.
--
-- chosen_delta, chosen_edge: the deltas and edges of spells that a statement is about.
-- selected(organisation_id, measure, day, change, counterpart): these deltas, and what these edges come to.
-- place(organisation_id, role, at, from_day, to_day): for whose figures what facts say of an organisation counts,
--   on the days from from_day to before to_day. Role `held`: whoever holds its things, and all above; `active`: the
--   same while the holder is active; `own`: itself and all above, whoever holds its things.
-- contribution(at, measure, day, change): what comes of it in the figures of `at`, from which day.

-- progress: up to which position deltas are in the sums, held until the transaction ends
SELECT position, position = whole_position AND position = whole_years_position AS is_whole
FROM reporting.running_sum_progress FOR UPDATE;

-- begin: the first time there is no progress yet
INSERT INTO reporting.running_sum_progress DEFAULT VALUES ON CONFLICT DO NOTHING;

-- move: everything up to here is in the sums
UPDATE reporting.running_sum_progress
SET position = :position, whole_position = :position, whole_years_position = :position;

-- forget_sums: begin anew
DELETE FROM reporting.running_sum;

-- forget_yearly_sums: begin anew
DELETE FROM reporting.yearly_sum;

-- forget_known_sums: begin anew
DELETE FROM reporting.known_sum;

-- forget_summed: begin anew
DELETE FROM reporting.summed;

-- affected: organisations whose place, or that of who holds their things, is another one at `upto` than at `after`
WITH RECURSIVE touched AS (
    SELECT organisation_id FROM reporting.organisation_version WHERE known_from > :after AND known_from <= :upto
    UNION
    SELECT organisation_id FROM reporting.organisation_version
    WHERE known_to > :after AND known_to <= :upto AND known_to < 9223372036854775807
    UNION
    SELECT organisation_id FROM reporting.holding_version WHERE known_from > :after AND known_from <= :upto
    UNION
    SELECT organisation_id FROM reporting.holding_version
    WHERE known_to > :after AND known_to <= :upto AND known_to < 9223372036854775807
), stood (organisation_id, at, active, known, days) AS (
    SELECT v.organisation_id, v.parent_id, v.active, k.known, range_agg(daterange(v.valid_from, v.valid_to))
    FROM touched
    JOIN reporting.organisation_version v USING (organisation_id)
    JOIN (VALUES (CAST(:after AS bigint)), (CAST(:upto AS bigint))) k (known)
      ON v.known_from <= k.known AND k.known < v.known_to
    GROUP BY v.organisation_id, v.parent_id, v.active, k.known
    UNION ALL
    SELECT h.organisation_id, h.holder_id, NULL, k.known, range_agg(daterange(h.valid_from, h.valid_to))
    FROM touched
    JOIN reporting.holding_version h USING (organisation_id)
    JOIN (VALUES (CAST(:after AS bigint)), (CAST(:upto AS bigint))) k (known)
      ON h.known_from <= k.known AND k.known < h.known_to
    GROUP BY h.organisation_id, h.holder_id, k.known
), below (organisation_id) AS (
    -- A renaming makes versions too, but what was at one place on the same days before and after did not move.
    SELECT organisation_id FROM stood GROUP BY organisation_id, at, active, days HAVING count(*) = 1
    UNION
    SELECT v.organisation_id
    FROM below b
    JOIN reporting.organisation_version v ON v.parent_id = b.organisation_id
    WHERE v.known_from <= :upto AND v.known_to > :after
)
SELECT organisation_id FROM below
UNION
SELECT h.organisation_id
FROM below b
JOIN reporting.holding_version h ON h.holder_id = b.organisation_id
WHERE h.known_from <= :upto AND h.known_to > :after;

-- put_below: so many more have been put below who stands above these
WITH RECURSIVE up (organisation_id, at) AS (
    SELECT h.organisation_id, h.holder_id
    FROM reporting.holding_version h
    WHERE h.organisation_id = ANY (CAST(:affected AS text[])) AND h.known_from <= :upto AND :upto < h.known_to
    UNION
    SELECT u.organisation_id, v.parent_id
    FROM up u
    JOIN reporting.organisation_version v ON v.organisation_id = u.at
    WHERE v.parent_id IS NOT NULL AND v.known_from <= :upto AND :upto < v.known_to
)
INSERT INTO reporting.summed AS s (organisation_id, below)
SELECT at, count(*) FROM up WHERE at <> organisation_id GROUP BY at
ON CONFLICT (organisation_id) DO UPDATE SET below = s.below + excluded.below;

-- grown: organisations with enough below them that sums pay, and that have none yet, or not all; the largest of them
SELECT organisation_id, below >= :large AS is_large FROM reporting.summed
WHERE NOT is_summed AND (below >= :large OR below >= :least AND NOT is_partly)
ORDER BY below DESC, organisation_id
LIMIT :limit;

-- forget_of: what a small organisation had is begun anew when it is large
WITH yearly AS (DELETE FROM reporting.yearly_sum WHERE organisation_id = ANY (CAST(:only AS text[])))
DELETE FROM reporting.running_sum WHERE organisation_id = ANY (CAST(:only AS text[]));

-- put_partly: these have sums from now on, but not all
UPDATE reporting.summed SET is_partly = true WHERE organisation_id = ANY (CAST(:only AS text[]));

-- put_summed: these have all sums from now on, and those of what was known when
UPDATE reporting.summed SET is_summed = true, known_since = :upto WHERE organisation_id = ANY (CAST(:only AS text[]));

-- new_ones: what came between two positions, but for what `of_affected` selects
WITH RECURSIVE chosen_delta AS (
    SELECT organisation_id, measure, day, change, counterpart
    FROM reporting.delta
    WHERE position > :after AND position <= :known
      AND organisation_id <> ALL (CAST(:affected AS text[]))
      AND (counterpart IS NULL OR counterpart <> ALL (CAST(:affected AS text[])))
), chosen_edge AS NOT MATERIALIZED (
    SELECT * FROM reporting.spell_edge
    WHERE position > :after AND position <= :known AND organisation_id <> ALL (CAST(:affected AS text[]))
);

-- of_affected: all up to a position that names one of these organisations
WITH RECURSIVE chosen_delta AS (
    SELECT organisation_id, measure, day, change, counterpart
    FROM reporting.delta
    WHERE organisation_id = ANY (CAST(:affected AS text[])) AND position <= :known
    UNION ALL
    SELECT organisation_id, measure, day, change, counterpart
    FROM reporting.delta
    WHERE counterpart = ANY (CAST(:affected AS text[])) AND position <= :known
      AND organisation_id <> ALL (CAST(:affected AS text[]))
), chosen_edge AS NOT MATERIALIZED (
    SELECT * FROM reporting.spell_edge
    WHERE organisation_id = ANY (CAST(:affected AS text[])) AND position <= :known
);

-- of_trees: all up to a position of organisations that ever stand below these, or whose things they hold
WITH RECURSIVE below (organisation_id) AS (
    SELECT unnest(CAST(:only AS text[]))
    UNION
    SELECT v.organisation_id
    FROM below b
    JOIN reporting.organisation_version v ON v.parent_id = b.organisation_id
    WHERE v.known_from <= :known AND :known < v.known_to
), named AS (
    SELECT organisation_id FROM below
    UNION
    SELECT h.organisation_id
    FROM below b
    JOIN reporting.holding_version h ON h.holder_id = b.organisation_id
    WHERE h.known_from <= :known AND :known < h.known_to
), chosen_delta AS (
    SELECT d.organisation_id, d.measure, d.day, d.change, d.counterpart
    FROM named JOIN reporting.delta d USING (organisation_id)
    WHERE d.position <= :known
), chosen_edge AS NOT MATERIALIZED (
    SELECT e.* FROM named JOIN reporting.spell_edge e USING (organisation_id) WHERE e.position <= :known
);

-- selected: what all of these come to; what `counted_…` of spells.sql say goes into it
, selected AS (
    SELECT organisation_id, measure, day, change, counterpart FROM chosen_delta
    UNION ALL
    SELECT s.organisation_id, c.measure, c.day, c.change, NULL
    FROM chosen_edge s
    --counted
);

-- places: where what is selected counts
-- The planner cannot know how little is selected; OFFSET 0 keeps it from going through all organisations for it.
, about (organisation_id) AS (
    SELECT organisation_id FROM selected
    UNION
    SELECT counterpart FROM selected WHERE counterpart IS NOT NULL
), holder (organisation_id, holder_id, from_day, to_day) AS (
    SELECT a.organisation_id, h.holder_id, h.valid_from, h.valid_to
    FROM about a
    CROSS JOIN LATERAL (
        SELECT holder_id, valid_from, valid_to
        FROM reporting.holding_version
        WHERE organisation_id = a.organisation_id AND known_from <= :known AND :known < known_to
        OFFSET 0
    ) h
), above (organisation_id, at, from_day, to_day) AS (
    -- The way up is the same for every role: it is gone once.
    SELECT organisation_id, organisation_id, CAST('-infinity' AS date), CAST('infinity' AS date)
    FROM (SELECT organisation_id FROM about UNION SELECT holder_id FROM holder) AS each
    UNION
    SELECT a.organisation_id, v.parent_id, greatest(a.from_day, v.valid_from), least(a.to_day, v.valid_to)
    FROM above a
    CROSS JOIN LATERAL (
        SELECT parent_id, valid_from, valid_to
        FROM reporting.organisation_version
        WHERE organisation_id = a.at AND parent_id IS NOT NULL AND known_from <= :known AND :known < known_to
          AND valid_from < a.to_day AND a.from_day < valid_to
        OFFSET 0
    ) v
), up (organisation_id, role, at, from_day, to_day) AS (
    SELECT organisation_id, 'own', at, from_day, to_day
    FROM above JOIN about USING (organisation_id)
    UNION ALL
    SELECT h.organisation_id, 'held', a.at, greatest(h.from_day, a.from_day), least(h.to_day, a.to_day)
    FROM holder h
    JOIN above a ON a.organisation_id = h.holder_id
    WHERE h.from_day < a.to_day AND a.from_day < h.to_day
    UNION ALL
    SELECT h.organisation_id, 'active', a.at, greatest(h.from_day, a.from_day, v.valid_from),
           least(h.to_day, a.to_day, v.valid_to)
    FROM holder h
    CROSS JOIN LATERAL (
        SELECT valid_from, valid_to
        FROM reporting.organisation_version
        WHERE organisation_id = h.holder_id AND active AND known_from <= :known AND :known < known_to
          AND valid_from < h.to_day AND h.from_day < valid_to
        OFFSET 0
    ) v
    JOIN above a ON a.organisation_id = h.holder_id
    WHERE greatest(h.from_day, a.from_day, v.valid_from) < least(h.to_day, a.to_day, v.valid_to)
);

-- places_today: the same on the tree of `today`, for all days; `active` on the days on which the holder was
, about (organisation_id) AS (
    SELECT organisation_id FROM selected
    UNION
    SELECT counterpart FROM selected WHERE counterpart IS NOT NULL
), up (organisation_id, role, at, from_day, to_day) AS (
    SELECT a.organisation_id, r.role, t.holder_id,
           CASE WHEN r.role = 'active' THEN greatest(h.valid_from, v.valid_from) ELSE '-infinity' END,
           CASE WHEN r.role = 'active' THEN least(h.valid_to, v.valid_to) ELSE 'infinity' END
    FROM about a
    CROSS JOIN LATERAL (
        SELECT holder_id
        FROM reporting.holding_version
        WHERE organisation_id = a.organisation_id AND known_from <= :known AND :known < known_to
          AND valid_from <= :today AND :today < valid_to
        OFFSET 0
    ) t
    CROSS JOIN (VALUES ('held'), ('own'), ('active')) r (role)
    LEFT JOIN reporting.holding_version h
      ON r.role = 'active' AND h.organisation_id = a.organisation_id
     AND h.known_from <= :known AND :known < h.known_to
    LEFT JOIN reporting.organisation_version v
      ON v.organisation_id = h.holder_id AND v.active AND v.known_from <= :known AND :known < v.known_to
     AND v.valid_from < h.valid_to AND h.valid_from < v.valid_to
    WHERE r.role <> 'active' OR v.organisation_id IS NOT NULL
    UNION
    SELECT u.organisation_id, u.role, v.parent_id, u.from_day, u.to_day
    FROM up u
    CROSS JOIN LATERAL (
        SELECT parent_id
        FROM reporting.organisation_version
        WHERE organisation_id = u.at AND parent_id IS NOT NULL AND successor_id IS NULL
          AND known_from <= :known AND :known < known_to AND valid_from <= :today AND :today < valid_to
        OFFSET 0
    ) v
);

-- wanted_summed: for all that have sums already; small ones have none of spells
, wanted (at, is_large) AS (
    SELECT organisation_id, is_summed FROM reporting.summed WHERE is_summed OR is_partly
);

-- wanted_only: for some
, wanted (at, is_large) AS (
    SELECT o.at, coalesce(s.is_summed, true)
    FROM unnest(CAST(:only AS text[])) AS o (at)
    LEFT JOIN reporting.summed s ON s.organisation_id = o.at
);

-- from_founding: nothing counts for an organisation before it is founded
, founded (at, is_large, day) AS (
    SELECT w.at, w.is_large, min(v.valid_from)
    FROM wanted w
    JOIN reporting.organisation_version v ON v.organisation_id = w.at
    WHERE v.known_from <= :known AND :known < v.known_to
    GROUP BY w.at, w.is_large
);

-- from_ever: on the tree of today everything counts that was ever
, founded (at, is_large, day) AS (SELECT at, is_large, CAST('-infinity' AS date) FROM wanted);

-- contributions: of levels, flows, own flows, and of members that come and go with their organisation
, place AS (
    SELECT organisation_id, role, at, is_large, lower(days) AS from_day, upper(days) AS to_day
    FROM (
        SELECT organisation_id, role, at, is_large,
               unnest(range_agg(daterange(greatest(from_day, day), to_day))) AS days
        FROM up JOIN founded USING (at)
        WHERE day < to_day
        GROUP BY organisation_id, role, at, is_large
    ) AS each
), said AS (
    SELECT organisation_id, measure, day, counterpart, change,
           split_part(measure, '.', 1) = ANY (CAST(:levels AS text[])) AS is_level,
           split_part(measure, '.', 1) = ANY (CAST(:own_flows AS text[])) AS is_own,
           measure = ANY (CAST(:member_levels AS text[])) AS is_members,
           split_part(measure, '.', 1) = ANY (CAST(:spells AS text[])) AS is_spell
    FROM selected
), contribution (at, measure, day, change) AS (
    -- One join: of a join for each kind the planner makes loops over all pairs, since it knows no sizes here.
    SELECT p.at, c.measure, c.day, c.change
    FROM said d
    JOIN place p
      ON p.organisation_id = d.organisation_id
     AND CASE p.role WHEN 'active' THEN d.is_level WHEN 'own' THEN d.is_own ELSE d.is_members OR NOT d.is_level END
     AND (p.is_large OR NOT d.is_spell)
    LEFT JOIN place other
      ON other.organisation_id = d.counterpart AND other.at = p.at AND other.role = 'held'
     AND other.from_day <= d.day AND d.day < other.to_day
    CROSS JOIN LATERAL (
        SELECT d.measure, greatest(d.day, p.from_day), d.change
        WHERE p.role = 'active' AND d.is_level AND p.to_day > d.day
        UNION ALL
        SELECT d.measure, p.to_day, -d.change
        WHERE p.role = 'active' AND d.is_level AND p.to_day > d.day AND p.to_day < 'infinity'
        UNION ALL
        SELECT d.measure, d.day, d.change
        WHERE p.role = 'held' AND NOT d.is_level AND p.from_day <= d.day AND d.day < p.to_day
          AND other.at IS NULL
        UNION ALL
        SELECT 'own.' || d.measure, d.day, d.change
        WHERE p.role = 'own' AND d.is_own AND p.from_day <= d.day AND d.day < p.to_day
        UNION ALL
        SELECT 'entered', p.from_day, d.change
        WHERE p.role = 'held' AND d.is_members AND p.from_day > d.day
        UNION ALL
        SELECT 'left', p.to_day, d.change
        WHERE p.role = 'held' AND d.is_members AND p.to_day > d.day AND p.to_day < 'infinity'
    ) c (measure, day, change)
);

-- add: into the sums of each day, month and year, and of large organisations into those of the block
, daily AS (
    SELECT at, measure, day, sum(change)::bigint AS amount
    FROM contribution
    GROUP BY at, measure, day
    HAVING sum(change) <> 0
)
, added AS (
    SELECT at, measure, false AS is_month, day, amount * :sign AS amount FROM daily
    UNION ALL
    SELECT at, measure, true, date_trunc('month', day)::date, sum(amount)::bigint * :sign
    FROM daily
    GROUP BY at, measure, date_trunc('month', day)
    HAVING sum(amount) <> 0
), known AS (
    INSERT INTO reporting.known_sum AS s (organisation_id, measure, is_month, day, block, amount)
    SELECT at, measure, is_month, day, :block, amount
    FROM added JOIN reporting.summed w ON w.organisation_id = at AND w.is_summed
    ON CONFLICT (organisation_id, measure, is_month, day, block) DO UPDATE SET amount = s.amount + excluded.amount
), yearly AS (
    INSERT INTO reporting.yearly_sum AS s (organisation_id, measure, year, amount)
    SELECT at, measure, date_trunc('year', day)::date, sum(amount)::bigint * :sign
    FROM daily
    GROUP BY at, measure, date_trunc('year', day)
    HAVING sum(amount) <> 0
    ON CONFLICT (organisation_id, measure, year) DO UPDATE SET amount = s.amount + excluded.amount
)
INSERT INTO reporting.running_sum AS s (organisation_id, measure, is_month, day, amount)
SELECT at, measure, is_month, day, amount FROM added
ON CONFLICT (organisation_id, measure, is_month, day) DO UPDATE SET amount = s.amount + excluded.amount;

-- rest: what is not in the sums
SELECT at, measure, day, sum(change)::bigint AS amount
FROM contribution
GROUP BY at, measure, day
HAVING sum(change) <> 0;

-- standing: up to where an organisation's sums are kept, and from where on what was known when
SELECT p.position, s.known_since, s.below, s.is_summed
FROM reporting.running_sum_progress p
JOIN reporting.summed s ON s.organisation_id = :organisation_id AND (s.is_summed OR s.is_partly)
WHERE p.whole_position = p.position AND p.whole_years_position = p.position;

-- with_sums: which of these have sums
SELECT organisation_id, known_since, is_summed FROM reporting.summed
WHERE organisation_id = ANY (CAST(:children AS text[])) AND (is_summed OR is_partly);

-- elsewhere: organisations whose place in the tree of today may be another than it was on some day
WITH RECURSIVE candidate (organisation_id) AS (
    SELECT organisation_id FROM reporting.organisation_version
    WHERE valid_to < 'infinity' AND known_from <= :known AND :known < known_to
    UNION
    SELECT organisation_id FROM reporting.organisation_version
    WHERE valid_from > :today AND known_from <= :known AND :known < known_to
    UNION
    SELECT organisation_id FROM reporting.organisation_version
    WHERE successor_id IS NOT NULL AND known_from <= :known AND :known < known_to
    UNION
    SELECT organisation_id FROM reporting.organisation_version
    WHERE known_to <= :known AND known_to < 9223372036854775807
    UNION
    SELECT organisation_id FROM reporting.holding_version
    WHERE valid_to < 'infinity' AND known_from <= :known AND :known < known_to
    UNION
    SELECT organisation_id FROM reporting.holding_version
    WHERE known_to <= :known AND known_to < 9223372036854775807
), below (organisation_id) AS (
    -- Who was only renamed stands where it stood, from the day on that it was first known to be founded.
    SELECT c.organisation_id
    FROM candidate c
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT (v.parent_id, v.active, v.successor_id)) + count(v.successor_id) AS places,
               min(v.valid_from) AS founded
        FROM reporting.organisation_version v
        WHERE v.organisation_id = c.organisation_id AND v.known_from <= :known AND :known < v.known_to
    ) AS now
    WHERE now.places <> 1 OR now.founded > :today
       OR EXISTS (
           SELECT FROM reporting.holding_version h
           WHERE h.organisation_id = c.organisation_id AND h.known_from <= :known AND h.valid_to < 'infinity'
       )
       OR EXISTS (
           SELECT FROM reporting.organisation_version v
           WHERE v.organisation_id = c.organisation_id AND v.known_from <= :known AND v.valid_from < now.founded
       )
    UNION
    SELECT v.organisation_id
    FROM below b
    JOIN reporting.organisation_version v ON v.parent_id = b.organisation_id
    WHERE v.known_from <= :known AND :known < v.known_to
)
SELECT organisation_id FROM below
UNION
SELECT h.organisation_id
FROM below b
JOIN reporting.holding_version h ON h.holder_id = b.organisation_id
WHERE h.known_from <= :known AND :known < h.known_to
LIMIT :limit;

-- places_of: places that belong to any of these
SELECT DISTINCT place_id FROM reporting.place_version
WHERE organisation_id = ANY (CAST(:affected AS text[])) AND known_from <= :known AND :known < known_to;

-- read: whole years, months and days, see `reports/whole_spans.py`; a span that is empty is not looked for
SELECT organisation_id AS at, measure, sum(amount)::bigint AS amount
FROM (
    SELECT organisation_id, measure, amount FROM reporting.yearly_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND year >= :years_from AND year < :years_to AND CAST(:years_from AS date) < CAST(:years_to AS date)
    UNION ALL
    SELECT organisation_id, measure, amount FROM reporting.running_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND is_month AND day >= :months_from AND day < :years_from AND CAST(:months_from AS date) < CAST(:years_from AS date)
    UNION ALL
    SELECT organisation_id, measure, CAST(:months_sign AS bigint) * amount FROM reporting.running_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND is_month AND day >= :more_months_from AND day < :more_months_to AND CAST(:more_months_from AS date) < CAST(:more_months_to AS date)
    UNION ALL
    SELECT organisation_id, measure, amount FROM reporting.running_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND NOT is_month AND day >= :first AND day < :months_from AND CAST(:first AS date) < CAST(:months_from AS date)
    UNION ALL
    SELECT organisation_id, measure, CAST(:days_sign AS bigint) * amount FROM reporting.running_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND NOT is_month AND day >= :more_days_from AND day < :more_days_to AND CAST(:more_days_from AS date) < CAST(:more_days_to AS date)
) AS each (organisation_id, measure, amount)
GROUP BY organisation_id, measure;

-- read_known: the same by months and days, as known at the end of a block
SELECT organisation_id AS at, measure, sum(amount)::bigint AS amount
FROM (
    SELECT organisation_id, measure, amount FROM reporting.known_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND is_month AND day >= :months_from AND day < :months_to AND CAST(:months_from AS date) < CAST(:months_to AS date) AND block < :block
    UNION ALL
    SELECT organisation_id, measure, amount FROM reporting.known_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND NOT is_month AND day >= :first AND day < :months_from AND CAST(:first AS date) < CAST(:months_from AS date) AND block < :block
    UNION ALL
    SELECT organisation_id, measure, CAST(:days_sign AS bigint) * amount FROM reporting.known_sum
    WHERE organisation_id = ANY (CAST(:only AS text[])) AND measure = ANY (CAST(:measures AS text[]))
      AND NOT is_month AND day >= :more_days_from AND day < :more_days_to AND CAST(:more_days_from AS date) < CAST(:more_days_to AS date) AND block < :block
) AS each (organisation_id, measure, amount)
GROUP BY organisation_id, measure;

-- read_days: an organisation's sums day by day
SELECT day, sum(amount)::bigint AS amount
FROM reporting.running_sum
WHERE organisation_id = :organisation_id AND measure = ANY (CAST(:measures AS text[]))
  AND NOT is_month AND day >= :first AND day <= :last
GROUP BY day;

-- read_days_known: the same as known at the end of a block
SELECT day, sum(amount)::bigint AS amount
FROM reporting.known_sum
WHERE organisation_id = :organisation_id AND measure = ANY (CAST(:measures AS text[]))
  AND NOT is_month AND day >= :first AND day <= :last AND block < :block
GROUP BY day;
