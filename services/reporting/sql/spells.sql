-- Pieces about edges of spells (`services.reporting.projector.spells`), behind `held` of `reports.sql`.
--
-- An edge `s` of a spell is counted by what it adds to which measures, and from which day `c.day`, never one before
-- its own. Measures are `open`, `overdue` (levels), `due`, `missed`, `on_time` and `late` (flows) of each
-- `deadline.RULE`; the levels `without_mentor.STANDING`, `certificates.valid`, `.expired`, `.in_use`, and
-- `certificates.YYYY-MM` for the month in which unused ones expire; `charges`, a level of those whose reports are due
-- then, `reports_in`, a level that holds on the day on which the report is due only, and `reports_late`, a flow.
-- Running sums are kept of the same: what stands before the first dot says in `running_sums.py` how it counts.

-- counted_edge: what an edge adds to a level, and the day on which it is due where it stands, or no longer is
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.how IN ('begins', 'comes') THEN s.change ELSE -s.change END AS change,
           CASE WHEN s.how = 'begins' THEN greatest(s.day, s.last) WHEN s.day <= s.last THEN s.last END AS due_on
) AS edge;

-- counted_open: deadlines that run
SELECT 'open.' || s.kind AS measure, greatest(s.day, s.first) AS day, edge.change AS change
WHERE starts_with(s.kind, 'deadline.');

-- counted_overdue: those of them that are over
SELECT 'overdue.' || s.kind AS measure, greatest(s.day, s.last) AS day, edge.change AS change
WHERE starts_with(s.kind, 'deadline.');

-- counted_due: deadlines by their last day, whatever becomes of them
SELECT 'due.' || s.kind AS measure, edge.due_on AS day, edge.change AS change
WHERE starts_with(s.kind, 'deadline.') AND s.how <> 'kept' AND edge.due_on IS NOT NULL;

-- counted_missed: those of them that were not kept by then
SELECT 'missed.' || s.kind AS measure, edge.due_on AS day, edge.change AS change
WHERE starts_with(s.kind, 'deadline.') AND edge.due_on IS NOT NULL;

-- counted_on_time: those that were
SELECT 'on_time.' || s.kind AS measure, s.last AS day, s.change AS change
WHERE starts_with(s.kind, 'deadline.') AND s.how = 'kept' AND s.day <= s.last;

-- counted_late: what was made up for afterwards
SELECT 'late.' || s.kind AS measure, s.day AS day, s.change AS change
WHERE starts_with(s.kind, 'deadline.') AND s.how = 'kept' AND s.day > s.last;

-- counted_certificates: certificates by whether they are used, and still count
SELECT m.measure, m.day, m.change
FROM (VALUES
    ('certificates.valid', CASE WHEN s.last IS NULL OR s.day <= s.last THEN s.day END, edge.change),
    ('certificates.valid', CASE WHEN s.day <= s.last THEN s.last + 1 END, -edge.change),
    ('certificates.expired', CASE WHEN s.last IS NOT NULL THEN greatest(s.day, s.last + 1) END, edge.change),
    -- The first and the last day that there are stand as infinite ones.
    ('certificates.' || to_char(s.last, 'YYYY-MM'), CASE WHEN isfinite(s.last) THEN s.day END, edge.change)
) AS m (measure, day, change)
WHERE s.kind = 'certificate.unused' AND isfinite(m.day)
UNION ALL
SELECT 'certificates.in_use', s.day, edge.change WHERE s.kind = 'certificate.in_use';

-- counted_without_mentor: persons whom nobody mentors
SELECT s.kind AS measure, s.day AS day, edge.change AS change WHERE starts_with(s.kind, 'without_mentor.');

-- counted_charges: charges whose reports are due
SELECT 'charges' AS measure, greatest(s.day, s.first) AS day, edge.change AS change
WHERE s.kind = 'charge' AND s.first IS NOT NULL;

-- counted_reports_in: reports that are in on the day on which they are due
SELECT m.measure, m.day, m.change
FROM (VALUES
    ('reports_in', CASE WHEN s.day <= s.last THEN s.last END, edge.change),
    ('reports_in', CASE WHEN s.day <= s.last THEN s.last + 1 END, -edge.change)
) AS m (measure, day, change)
WHERE s.kind = 'report' AND m.day IS NOT NULL;

-- counted_reports_late: reports that came afterwards
SELECT 'reports_late' AS measure, s.day AS day, s.change AS change
WHERE s.kind = 'report' AND s.day > s.last AND s.how = 'begins';

-- held_on_days: organisations whose facts are in the hands of active ones on the evening of days, on each of these
, held_active AS MATERIALIZED (
    -- By itself: each organisation is looked up once and not for each of its edges.
    SELECT h.part, h.organisation_id, e.day AS on_day
    FROM held h
    JOIN unnest(CAST(:days AS date[])) AS e (day) ON h.from_day <= e.day AND e.day < h.to_day
    JOIN reporting.holding_version a ON a.organisation_id = h.organisation_id
    JOIN reporting.organisation_version v ON v.organisation_id = a.holder_id
    WHERE a.valid_from <= e.day AND e.day < a.valid_to AND a.known_from <= :known AND :known < a.known_to
      AND v.active AND v.valid_from <= e.day AND e.day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
);

-- held_edges: their edges up to that evening
, held_edge AS NOT MATERIALIZED (
    SELECT h.part, h.on_day, s.*
    FROM held_active h
    JOIN reporting.spell_edge s ON s.organisation_id = h.organisation_id
    WHERE s.kind = ANY (CAST(:kinds AS text[])) AND s.day <= h.on_day AND s.position <= :known
);

-- held_edges_summed: the same, for levels: those that the evening cannot tell apart as one; what has ended cancels out
, held_edge AS NOT MATERIALIZED (
    SELECT h.part, h.on_day, s.kind, 'begins' AS how, min(s.day) AS day, s.first, s.last,
           CAST(NULL AS bigint) AS position, sum(CASE WHEN s.how IN ('begins', 'comes') THEN s.change ELSE -s.change END) AS change
    FROM held_active h
    JOIN reporting.spell_edge s ON s.organisation_id = h.organisation_id
    WHERE s.kind = ANY (CAST(:kinds AS text[])) AND s.day <= h.on_day AND s.position <= :known
    GROUP BY h.part, h.on_day, s.kind, s.first, s.last, s.day <= s.last
    HAVING sum(CASE WHEN s.how IN ('begins', 'comes') THEN s.change ELSE -s.change END) <> 0
);

-- spell_levels: levels of spells, once for each of the days; what `counted_…` say goes into it
, contribution (part, measure, position, change, day) AS (
    SELECT s.part, c.measure, s.position, c.change, s.on_day
    FROM held_edge s
    --counted
    WHERE c.measure = ANY (CAST(:measures AS text[])) AND c.day <= s.on_day
);

-- spell_flows: flows of spells, on the days on which the organisation is in the hands of the scope
, contribution (part, measure, position, change, day) AS (
    SELECT h.part, c.measure, s.position, c.change, c.day
    FROM held h
    JOIN reporting.spell_edge s ON s.organisation_id = h.organisation_id
    --counted
    WHERE s.kind = ANY (CAST(:kinds AS text[])) AND s.day < h.to_day AND s.position <= :known
      AND (s.day >= :first OR s.last >= :first)
      AND c.measure = ANY (CAST(:measures AS text[]))
      AND c.day >= h.from_day AND c.day < h.to_day AND c.day >= :first
);

-- mentors_held: persons of the scope in the charge of each mentor on the evening of days
, item AS MATERIALIZED (
    -- Those who have nobody any more stand here too: what happened to them is asked for.
    SELECT part, on_day AS day, mentor, max(position) AS position,
           sum(CASE WHEN how IN ('begins', 'comes') THEN change ELSE -change END)::bigint AS persons
    FROM held_edge
    GROUP BY part, on_day, mentor
);

-- mentors: mentors by how many persons of the scope are in their charge
, contribution (part, measure, position, change, day, unit) AS (
    SELECT i.part, m.measure, i.position, 1::bigint, i.day, 'person/' || i.mentor
    FROM item i
    CROSS JOIN LATERAL (VALUES
        ('load.' || least(i.persons, CAST(:many AS bigint)), true),
        ('load.over_limit', i.persons > (
            SELECT l.most FROM unnest(CAST(:days AS date[]), CAST(:most AS bigint[])) AS l (day, most) WHERE l.day = i.day
        ))
    ) AS m (measure, holds)
    WHERE i.persons > 0 AND m.holds AND m.measure = ANY (CAST(:measures AS text[]))
);

-- listed_mentors: what each measure amounts to in each part, and a page of the mentors of each, those with the most
-- persons first
SELECT part, measure, sum(change)::bigint AS amount, CAST(NULL AS uuid) AS mentor, CAST(NULL AS bigint) AS persons
FROM contribution
GROUP BY part, measure
UNION ALL
SELECT part, NULL, NULL, mentor, persons
FROM (
    SELECT *, row_number() OVER (PARTITION BY part ORDER BY persons DESC, mentor) AS number
    FROM item
    WHERE persons > 0
      AND (CAST(:after_persons AS bigint) IS NULL OR persons < CAST(:after_persons AS bigint)
           OR (persons = CAST(:after_persons AS bigint) AND mentor > CAST(:after_id AS uuid)))
) AS l
WHERE number <= :limit
ORDER BY part, persons DESC, mentor;
