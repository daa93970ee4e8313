-- Pieces of report statements about persons' steps; they stand behind `held` of `reports.sql`, and before what is
-- asked of a contribution there or here. Which step counts, and how it is known, see `projector/person_steps.py`.
--
-- held_step(part, …): steps in the hands of the scope, each on its own day, as known.
-- contribution(…, source, event_id, until, days): as in `reports.sql`; with the step's own event, up to before which
--   position it is known to count so, and how long it took.

-- held_steps: persons' steps in the hands of the scope on their own days, as known
, held_step AS (
    SELECT h.part, s.*
    FROM held h
    JOIN reporting.person_step s
      ON s.organisation_id = h.organisation_id AND s.day >= h.from_day AND s.day < h.to_day
    WHERE s.known_from <= :known AND :known < s.known_to
);

-- cohort: candidacies that began on days of the period, and where each of their steps up to an evening left them
, began AS (
    SELECT part, person, day, time, event_id, known_from, known_to
    FROM held_step
    WHERE name = 'CandidateIdentified' AND day >= :first
), item AS (
    SELECT b.part, greatest(b.known_from, s.known_from) AS position, least(b.known_to, s.known_to) AS until, s.day, s.source, s.event_id, s.name, s.stage_before, s.stage
    FROM began b
    CROSS JOIN LATERAL (
        SELECT n.*, count(*) FILTER (WHERE n.name = 'CandidateIdentified')
                    OVER (ORDER BY n.day, n.time, n.event_id ROWS UNBOUNDED PRECEDING) AS candidacies
        FROM reporting.person_step n
        WHERE n.person = b.person AND n.day >= b.day AND n.day <= :day
          AND (n.day, n.time, n.event_id) >= (b.day, b.time, b.event_id)
          AND n.known_from <= :known AND :known < n.known_to
    ) s
    -- Steps without a candidacy before or after them are a member's.
    WHERE s.candidacies = 1 AND s.stage_before IS DISTINCT FROM s.stage
), contribution (part, measure, position, change, day, source, event_id, until, days) AS (
    SELECT i.part, m.measure, i.position, m.change, i.day, i.source, i.event_id, i.until, CAST(NULL AS integer)
    FROM item i
    CROSS JOIN LATERAL (
        SELECT 'cohort.reached.' || k, 1
        FROM generate_series(coalesce(i.stage_before + 1, 0), CASE WHEN i.stage <= 8 THEN i.stage WHEN i.stage = 9 THEN 8 END) k
        UNION ALL
        SELECT 'cohort.went_on.' || k, 1 FROM generate_series(i.stage_before, i.stage - 1) k
        UNION ALL
        SELECT CASE i.name WHEN 'CandidateClosed' THEN 'cohort.closed.' ELSE 'cohort.otherwise.' END || i.stage_before, 1
        WHERE i.stage IS NULL
        UNION ALL
        SELECT 'cohort.waiting.' || i.stage, 1 WHERE i.stage <= 8
        UNION ALL
        SELECT 'cohort.waiting.' || i.stage_before, -1 WHERE i.stage_before IS NOT NULL
    ) AS m (measure, change)
    WHERE m.measure = ANY (CAST(:measures AS text[]))
);

-- went_on: steps by which candidates went on from a stage, on days of the period, and after how many days there
, item AS (
    SELECT s.part, greatest(b.known_from, s.known_from) AS position, least(b.known_to, s.known_to) AS until, s.day,
           s.source, s.event_id, s.stage_before AS stage, s.day - b.day AS days
    FROM held_step s
    CROSS JOIN LATERAL (
        SELECT p.day, p.known_from, p.known_to
        FROM reporting.person_step p
        WHERE p.person = s.person AND p.day <= s.day AND p.stage = s.stage_before
          AND p.stage_before IS DISTINCT FROM p.stage
          AND (p.day, p.time, p.event_id) < (s.day, s.time, s.event_id)
          AND p.known_from <= :known AND :known < p.known_to
        ORDER BY p.day DESC, p.time DESC, p.event_id DESC
        LIMIT 1
    ) b
    WHERE s.day >= :first AND s.stage > s.stage_before
), contribution (part, measure, position, change, day, source, event_id, until, days) AS (
    SELECT part, 'went_on.' || stage, position, 1, day, source, event_id, until, days
    FROM item
    WHERE 'went_on.' || stage = ANY (CAST(:measures AS text[]))
);

-- retention: admissions of some days, and the ends of these memberships up to an evening
, admission AS (
    SELECT part, person, day, time, event_id, source, known_from, known_to
    FROM held_step
    WHERE name = 'MemberAdmitted' AND day >= :first
), item AS (
    SELECT a.part, CAST(extract(year FROM a.day) AS integer) AS cohort, w.what,
           greatest(a.known_from, w.known_from) AS position, least(a.known_to, w.known_to) AS until,
           w.day, w.source, w.event_id
    FROM admission a
    CROSS JOIN LATERAL (
        SELECT 'admitted', a.known_from, a.known_to, a.day, a.source, a.event_id
        UNION ALL
        (
            SELECT s.detail ->> 'reason', s.known_from, s.known_to, s.day, s.source, s.event_id
            FROM reporting.person_step s
            WHERE s.person = a.person AND s.day >= a.day AND s.day <= :day
              AND (s.day, s.time, s.event_id) > (a.day, a.time, a.event_id)
              AND s.name IN ('MembershipEnded', 'LinkedAway')
              AND s.known_from <= :known AND :known < s.known_to
            ORDER BY s.day, s.time, s.event_id
            LIMIT 1
        )
    ) AS w (what, known_from, known_to, day, source, event_id)
), contribution (part, measure, position, change, day, source, event_id, until, days) AS (
    SELECT i.part, m.measure, i.position, m.change, i.day, i.source, i.event_id, i.until, CAST(NULL AS integer)
    FROM item i
    CROSS JOIN LATERAL (VALUES
        ('retention.' || i.what, 1),
        ('retention.still_members', CASE i.what WHEN 'admitted' THEN 1 ELSE -1 END)
    ) AS m (measure, change)
    WHERE m.measure = ANY (CAST(:measures AS text[]))
);

-- blocked_cells: active cells of an evening with their open candidates, and whether any of late was admitted
, item AS MATERIALIZED (
    SELECT s.part, CAST(:day AS date) AS day, v.organisation_id AS id, v.name, v.kind, v.parent_id,
           v.known_from AS position, o.open,
           o.open >= CAST(:at_least AS bigint) AS has_candidates,
           o.open >= CAST(:at_least AS bigint) AND NOT EXISTS (
               SELECT FROM reporting.holding_version h
               JOIN reporting.delta d
                 ON d.organisation_id = h.organisation_id AND d.day >= h.valid_from AND d.day < h.valid_to
               WHERE h.holder_id = v.organisation_id AND h.known_from <= :known AND :known < h.known_to
                 AND d.measure = 'admissions' AND d.day >= :no_admission_since AND d.day <= :day
                 AND d.position <= :known
               GROUP BY d.day
               HAVING sum(d.change) > 0
           ) AS is_blocked
    FROM scope s
    JOIN reporting.organisation_version v ON v.organisation_id = s.organisation_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(d.change), 0)::bigint AS open
        FROM reporting.holding_version h
        JOIN reporting.delta d ON d.organisation_id = h.organisation_id
        WHERE h.holder_id = v.organisation_id AND h.valid_from <= :day AND :day < h.valid_to
          AND h.known_from <= :known AND :known < h.known_to
          AND d.measure = ANY (CAST(:candidate_levels AS text[])) AND d.day <= :day AND d.position <= :known
    ) o
    WHERE s.from_day <= :day AND :day < s.to_day
      AND v.active AND v.kind IN ('cell', 'grassroots_cell') AND v.valid_from <= :day AND :day < v.valid_to
      AND v.known_from <= :known AND :known < v.known_to
);

-- blocked: what these cells come to
, contribution (part, measure, position, change, day, unit) AS (
    SELECT i.part, m.measure, i.position, 1::bigint, i.day, 'organisation/' || i.id
    FROM item i
    CROSS JOIN LATERAL (VALUES
        ('blocked.cells', true),
        ('blocked.with_candidates', i.has_candidates),
        ('blocked.blocked', i.is_blocked)
    ) AS m (measure, holds)
    WHERE m.holds AND m.measure = ANY (CAST(:measures AS text[]))
    UNION ALL
    SELECT i.part, 'blocked.candidates', d.position, d.change, d.day, 'position/' || d.position
    FROM item i
    JOIN reporting.holding_version h ON h.holder_id = i.id
    JOIN reporting.delta d ON d.organisation_id = h.organisation_id
    WHERE i.is_blocked AND 'blocked.candidates' = ANY (CAST(:measures AS text[]))
      AND h.valid_from <= :day AND :day < h.valid_to AND h.known_from <= :known AND :known < h.known_to
      AND d.measure = ANY (CAST(:candidate_levels AS text[])) AND d.day <= :day AND d.position <= :known
);

-- blocked_summed: the same where it is not asked by which events their candidates came
, contribution (part, measure, position, change, day) AS (
    SELECT i.part, m.measure, i.position, m.change, i.day
    FROM item i
    CROSS JOIN LATERAL (VALUES
        ('blocked.cells', 1::bigint),
        ('blocked.with_candidates', CASE WHEN i.has_candidates THEN 1 ELSE 0 END),
        ('blocked.blocked', CASE WHEN i.is_blocked THEN 1 ELSE 0 END),
        ('blocked.candidates', CASE WHEN i.is_blocked THEN i.open ELSE 0 END)
    ) AS m (measure, change)
    WHERE m.change <> 0 AND m.measure = ANY (CAST(:measures AS text[]))
);

-- evidence_of_steps: what all measures amount to in the whole, and a page of the events behind it, in log order; each
-- the step's own, and how many days the step took. Where there is none, one row without a position
, behind_it AS MATERIALIZED (
    SELECT f.position, f.source, f.event_id, sum(c.change)::bigint AS change, max(c.days) AS days
    FROM contribution c
    JOIN reporting.fact f USING (source, event_id)
    WHERE c.part = '*'
    GROUP BY f.position
    HAVING sum(c.change) <> 0
)
SELECT whole.value, c.*
FROM (SELECT coalesce(sum(change), 0)::bigint AS value FROM behind_it) AS whole
LEFT JOIN (SELECT * FROM behind_it WHERE position > :after ORDER BY position LIMIT :limit) AS c ON true
ORDER BY c.position;

-- days_taken: how many steps went on from each stage after how many days
SELECT part, stage, days, count(*) AS steps FROM item GROUP BY part, stage, days ORDER BY part, stage, days;

-- cohorts: of the admissions of each year, how many, and how many ended and why
SELECT part, cohort, what, count(*) AS memberships FROM item GROUP BY part, cohort, what ORDER BY part, cohort;

-- listed_blocked: the counts of each part, and a page of its blocked cells, those with the most open candidates first
SELECT c.part, c.cells, c.with_candidates, c.blocked, c.candidates,
       i.id, i.name, i.kind, i.open, l.last_admission, p.organisation_id AS parent_id, p.name AS parent_name
FROM (
    SELECT part, count(*) AS cells, count(*) FILTER (WHERE has_candidates) AS with_candidates,
           count(*) FILTER (WHERE is_blocked) AS blocked,
           coalesce(sum(open) FILTER (WHERE is_blocked), 0)::bigint AS candidates
    FROM item
    GROUP BY part
) c
LEFT JOIN (
    SELECT *, row_number() OVER (PARTITION BY part ORDER BY open DESC, id COLLATE "C") AS number
    FROM item
    WHERE is_blocked
      AND (CAST(:after_open AS bigint) IS NULL OR open < CAST(:after_open AS bigint)
           OR (open = CAST(:after_open AS bigint) AND id COLLATE "C" > CAST(:after_id AS text) COLLATE "C"))
) i ON i.part = c.part AND i.number <= :limit
LEFT JOIN LATERAL (
    SELECT max(a.day) AS last_admission
    FROM (
        SELECT d.day
        FROM reporting.holding_version h
        -- OFFSET 0: those of a page are looked up one by one.
        CROSS JOIN LATERAL (
            SELECT day, change FROM reporting.delta
            WHERE organisation_id = h.organisation_id AND measure = 'admissions'
              AND day >= h.valid_from AND day < h.valid_to AND day <= i.day AND position <= :known
            OFFSET 0
        ) d
        WHERE h.holder_id = i.id AND h.known_from <= :known AND :known < h.known_to
        GROUP BY d.day
        HAVING sum(d.change) > 0
    ) a
) l ON true
-- Of who is above, only what lies within the scope is told.
LEFT JOIN LATERAL (
    SELECT organisation_id, name FROM reporting.organisation_version
    WHERE organisation_id = i.parent_id AND valid_from <= i.day AND i.day < valid_to
      AND known_from <= :known AND :known < known_to
    OFFSET 0
) p ON (i.parent_id IN (SELECT organisation_id FROM tree WHERE from_day <= :day AND :day < to_day)) IS TRUE
ORDER BY c.part, i.open DESC, i.id COLLATE "C";

-- waiting_in: open candidates of these cells on an evening, by stage and the day on which they reached it
SELECT s.id, s.stage, b.day AS since, count(*) AS candidates
FROM (
    -- The last step there of each: few of these are not the last one of all.
    SELECT DISTINCT ON (s.organisation_id, s.person)
           h.holder_id AS id, s.person, s.day, s.time, s.event_id, s.stage, s.standing
    FROM reporting.holding_version h
    JOIN reporting.person_step s ON s.organisation_id = h.organisation_id
    WHERE h.holder_id = ANY (CAST(:cells AS text[]))
      AND h.valid_from <= :day AND :day < h.valid_to AND h.known_from <= :known AND :known < h.known_to
      AND s.day <= :day AND s.known_from <= :known AND :known < s.known_to
    ORDER BY s.organisation_id, s.person, s.day DESC, s.time DESC, s.event_id DESC
) s
CROSS JOIN LATERAL (
    SELECT p.day
    FROM reporting.person_step p
    WHERE p.person = s.person AND p.day <= s.day AND p.stage = s.stage AND p.stage_before IS DISTINCT FROM p.stage
      AND (p.day, p.time, p.event_id) <= (s.day, s.time, s.event_id)
      AND p.known_from <= :known AND :known < p.known_to
    ORDER BY p.day DESC, p.time DESC, p.event_id DESC
    LIMIT 1
) b
WHERE s.standing = 'candidate'
  AND NOT EXISTS (
      SELECT FROM reporting.person_step n
      WHERE n.person = s.person AND n.day >= s.day AND n.day <= :day
        AND (n.day, n.time, n.event_id) > (s.day, s.time, s.event_id)
        AND n.known_from <= :known AND :known < n.known_to
  )
GROUP BY s.id, s.stage, b.day
ORDER BY s.id, s.stage, b.day;
