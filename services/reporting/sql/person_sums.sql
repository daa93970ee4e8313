-- Sums of persons' steps: pieces of the statements that keep and read them, put together in
-- `services.reporting.projector.person_sums`, with `places` and `wanted_only` of `running_sums.sql`.
--
-- selected(organisation_id, counterpart, kind, cohort, on_day, day, days): what persons' steps come to. It counts
--   where the organisation stands on on_day. Kinds:
--   cohort.FROM.TO     a candidacy that began in the month `cohort` comes from one stage to another on `day`; FROM is
--                      empty where it begins, TO is 9 with the admission, or `closed` or `otherwise`
--   went_on.STAGE      a candidate goes on from a stage on `day` after so many `days` there
--   retention.WHAT     a membership that began with an admission in the year `cohort` begins (`admitted`), or ends for
--                      that reason, on `day`

-- progress: up to which position steps are in the sums, held until the transaction ends
SELECT position FROM reporting.person_sum_progress FOR UPDATE;

-- begin: the first time there is no progress yet
INSERT INTO reporting.person_sum_progress DEFAULT VALUES ON CONFLICT DO NOTHING;

-- move: everything up to here is in the sums
UPDATE reporting.person_sum_progress SET position = :position;

-- forget_sums: begin anew
DELETE FROM reporting.person_sum;

-- forget_summed: begin anew
DELETE FROM reporting.person_summed;

-- summed: organisations whose sums are kept
SELECT organisation_id FROM reporting.person_summed ORDER BY organisation_id;

-- grown: organisations that have enough below them and no sums yet
SELECT organisation_id FROM reporting.summed
WHERE below >= :least AND organisation_id NOT IN (SELECT organisation_id FROM reporting.person_summed)
ORDER BY organisation_id;

-- put_summed: these have sums from now on
INSERT INTO reporting.person_summed (organisation_id) SELECT unnest(CAST(:only AS text[]));

-- touched: persons of whom another step is known at one position than at another, or who have one where the tree is
SELECT person FROM reporting.person_step WHERE known_from > :after AND known_from <= :upto
UNION
SELECT person FROM reporting.person_step
WHERE known_to > :after AND known_to <= :upto AND known_to < 9223372036854775807
UNION
SELECT person FROM reporting.person_step WHERE organisation_id = ANY (CAST(:affected AS text[]));

-- of_persons: steps of some, as known
WITH RECURSIVE known_step AS (
    SELECT s.*
    FROM unnest(CAST(:persons AS uuid[])) AS p (person)
    JOIN reporting.person_step s USING (person)
    WHERE s.known_from <= :known AND :known < s.known_to
);

-- selected: what these steps come to
, step AS (
    SELECT person, organisation_id, day, name, stage_before, stage, detail ->> 'reason' AS reason,
           count(*) FILTER (WHERE name = 'CandidateIdentified') OVER upto AS candidacy,
           count(*) FILTER (WHERE name = 'MemberAdmitted') OVER upto AS admission,
           count(*) FILTER (WHERE name IN ('MembershipEnded', 'LinkedAway')) OVER upto AS ended,
           max(day) FILTER (WHERE stage_before IS DISTINCT FROM stage AND stage IS NOT NULL) OVER before AS since
    FROM known_step
    WINDOW upto AS (PARTITION BY person ORDER BY day, time, event_id ROWS UNBOUNDED PRECEDING),
           before AS (PARTITION BY person ORDER BY day, time, event_id
                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), selected (organisation_id, counterpart, kind, cohort, on_day, day, days) AS (
    SELECT b.organisation_id, CAST(NULL AS text),
           'cohort.' || coalesce(CAST(s.stage_before AS text), '') || '.'
               || CASE WHEN s.stage IS NOT NULL THEN CAST(s.stage AS text)
                       WHEN s.name = 'CandidateClosed' THEN 'closed' ELSE 'otherwise' END,
           CAST(date_trunc('month', b.day) AS date), b.day, s.day, 0
    FROM step s
    JOIN step b ON b.person = s.person AND b.candidacy = s.candidacy AND b.name = 'CandidateIdentified'
    WHERE s.stage_before IS DISTINCT FROM s.stage
    UNION ALL
    SELECT organisation_id, NULL, 'went_on.' || stage_before, DATE '0001-01-01', day, day, day - since
    FROM step
    WHERE stage > stage_before
    UNION ALL
    SELECT organisation_id, NULL, 'retention.admitted', CAST(date_trunc('year', day) AS date), day, day, 0
    FROM step
    WHERE name = 'MemberAdmitted'
    UNION ALL
    SELECT a.organisation_id, NULL, 'retention.' || e.reason, CAST(date_trunc('year', a.day) AS date), a.day, e.day, 0
    FROM step a
    JOIN step e ON e.person = a.person AND e.admission = a.admission AND e.ended = a.ended + 1
    WHERE a.name = 'MemberAdmitted' AND e.name IN ('MembershipEnded', 'LinkedAway')
);

-- contributions: in whose figures that counts
, founded (at, day) AS (
    SELECT w.at, min(v.valid_from)
    FROM wanted w
    JOIN reporting.organisation_version v ON v.organisation_id = w.at
    WHERE v.known_from <= :known AND :known < v.known_to
    GROUP BY w.at
), place AS (
    SELECT organisation_id, at, unnest(range_agg(daterange(greatest(from_day, day), to_day))) AS days
    FROM up JOIN founded USING (at)
    WHERE role = 'held' AND day < to_day
    GROUP BY organisation_id, at
), contribution AS (
    SELECT p.at, s.kind, s.cohort, s.day, s.days
    FROM selected s
    JOIN place p ON p.organisation_id = s.organisation_id AND s.on_day <@ p.days
);

-- add: into the sums
INSERT INTO reporting.person_sum AS s (organisation_id, kind, cohort, day, days, amount)
SELECT at, kind, cohort, day, days, count(*) * CAST(:sign AS integer)
FROM contribution
GROUP BY at, kind, cohort, day, days
ON CONFLICT (organisation_id, kind, day, cohort, days) DO UPDATE SET amount = s.amount + excluded.amount;

-- rest: what is not in the sums yet
SELECT kind, cohort, days, count(*) * CAST(:sign AS integer) AS amount
FROM contribution
WHERE starts_with(kind, CAST(:prefix AS text))
  AND cohort BETWEEN :first_cohort AND :last_cohort AND day BETWEEN :first AND :last
GROUP BY kind, cohort, days;

-- read: what is in the sums
SELECT kind, cohort, days, sum(amount)::bigint AS amount
FROM reporting.person_sum
WHERE organisation_id = :organisation_id AND kind = ANY (CAST(:kinds AS text[]))
  AND cohort BETWEEN :first_cohort AND :last_cohort AND day BETWEEN :first AND :last
GROUP BY kind, cohort, days;

-- standing: up to where an organisation's sums are kept, where they are, and nothing has moved since
SELECT p.position
FROM reporting.person_sum_progress p
JOIN reporting.person_summed s ON s.organisation_id = :organisation_id
WHERE p.position <= :known AND (p.position = :known OR NOT (
    EXISTS (SELECT FROM reporting.organisation_version WHERE known_from > p.position AND known_from <= :known)
    OR EXISTS (SELECT FROM reporting.organisation_version
               WHERE known_to > p.position AND known_to <= :known AND known_to < 9223372036854775807)
    OR EXISTS (SELECT FROM reporting.holding_version WHERE known_from > p.position AND known_from <= :known)
    OR EXISTS (SELECT FROM reporting.holding_version
               WHERE known_to > p.position AND known_to <= :known AND known_to < 9223372036854775807)
));
