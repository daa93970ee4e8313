-- Sums of persons' steps: pieces of the statements that keep and read them, put together in
-- `services.reporting.projector.person_sums`, with `places` and `wanted_only` of `running_sums.sql`.
--
-- selected(organisation_id, counterpart, kind, cohort, on_day, day, days, sign): what persons' steps come to. It counts
--   where the organisation stands on on_day. Kinds:
--   cohort.FROM.TO     a candidacy that began in the month `cohort` comes from one stage to another on `day`; FROM is
--                      empty where it begins, TO is 9 with the admission, or `closed` or `otherwise`
--   went_on.STAGE      a candidate goes on from a stage on `day` after so many `days` there
--   retention.WHAT     a membership that began with an admission in the year `cohort` begins (`admitted`), or ends for
--                      that reason, on `day`

-- progress: up to which position steps are in the sums, held until the transaction ends
SELECT position FROM reporting.step_sum_progress FOR UPDATE;

-- begin: the first time there is no progress yet
INSERT INTO reporting.step_sum_progress DEFAULT VALUES ON CONFLICT DO NOTHING;

-- move: everything up to here is in the sums
UPDATE reporting.step_sum_progress SET position = :position;

-- forget_sums: begin anew
DELETE FROM reporting.step_sum;

-- forget_summed: begin anew
DELETE FROM reporting.step_summed;

-- summed: organisations whose sums are kept
SELECT organisation_id FROM reporting.step_summed ORDER BY organisation_id;

-- grown: organisations that have enough below them and no sums yet
SELECT organisation_id FROM reporting.summed
WHERE below >= :least AND organisation_id NOT IN (SELECT organisation_id FROM reporting.step_summed)
ORDER BY organisation_id;

-- put_summed: these have sums from now on
INSERT INTO reporting.step_summed (organisation_id) SELECT unnest(CAST(:only AS text[]));

-- touched: persons of whom another step is known at one position than at another, or who have one where the tree is
SELECT person FROM reporting.person_step WHERE known_from > :after AND known_from <= :upto
UNION
SELECT person FROM reporting.person_step
WHERE known_to > :after AND known_to <= :upto AND known_to < 9223372036854775807
UNION
SELECT person FROM reporting.person_step WHERE organisation_id = ANY (CAST(:affected AS text[]));

-- of_persons: steps of some, as known, to be put in or taken out as `sign` says
WITH RECURSIVE known_step AS (
    SELECT s.*, CAST(:sign AS integer) AS sign
    FROM unnest(CAST(:persons AS uuid[])) AS p (person)
    JOIN reporting.person_step s USING (person)
    WHERE s.known_from <= :known AND :known < s.known_to
);

-- of_persons_between: steps of some as known before, to be taken out, and as known now, to be put in: most cancel out
WITH RECURSIVE known_step AS (
    SELECT s.*, k.sign
    FROM unnest(CAST(:persons AS uuid[])) AS p (person)
    JOIN reporting.person_step s USING (person)
    JOIN (VALUES (CAST(:before AS bigint), -1), (CAST(:known AS bigint), 1)) AS k (position, sign)
      ON s.known_from <= k.position AND k.position < s.known_to
);

-- selected: what these steps come to
-- By windows, not by joins of steps with steps: the planner knows no sizes here, and makes loops over all pairs.
, step AS (
    SELECT person, sign, organisation_id, day, time, event_id, name, stage_before, stage, detail ->> 'reason' AS reason,
           count(*) FILTER (WHERE name = 'CandidateIdentified') OVER upto AS candidacy,
           count(*) FILTER (WHERE name = 'MemberAdmitted') OVER upto AS admission,
           count(*) FILTER (WHERE name IN ('MembershipEnded', 'LinkedAway')) OVER upto AS ended,
           max(day) FILTER (WHERE stage_before IS DISTINCT FROM stage AND stage IS NOT NULL) OVER before AS since
    FROM known_step
    WINDOW upto AS (PARTITION BY person, sign ORDER BY day, time, event_id ROWS UNBOUNDED PRECEDING),
           before AS (PARTITION BY person, sign ORDER BY day, time, event_id
                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), of_candidacy AS (
    -- The first step of each is the one by which it began.
    SELECT *, first_value(organisation_id) OVER began AS began_in, first_value(day) OVER began AS began_on
    FROM step
    WHERE candidacy > 0
    WINDOW began AS (PARTITION BY person, sign, candidacy ORDER BY day, time, event_id)
), of_membership AS (
    SELECT *, first_value(organisation_id) OVER began AS began_in, first_value(day) OVER began AS began_on,
           first_value(ended) OVER began AS ended_before
    FROM step
    WHERE admission > 0
    WINDOW began AS (PARTITION BY person, sign, admission ORDER BY day, time, event_id)
), selected (organisation_id, counterpart, kind, cohort, on_day, day, days, sign) AS (
    SELECT began_in, CAST(NULL AS text),
           'cohort.' || coalesce(CAST(stage_before AS text), '') || '.'
               || CASE WHEN stage IS NOT NULL THEN CAST(stage AS text)
                       WHEN name = 'CandidateClosed' THEN 'closed' ELSE 'otherwise' END,
           CAST(date_trunc('month', began_on) AS date), began_on, day, 0, sign
    FROM of_candidacy
    WHERE stage_before IS DISTINCT FROM stage
    UNION ALL
    SELECT organisation_id, NULL, 'went_on.' || stage_before, DATE '0001-01-01', day, day, day - since, sign
    FROM step
    WHERE stage > stage_before
    UNION ALL
    SELECT organisation_id, NULL, 'retention.admitted', CAST(date_trunc('year', day) AS date), day, day, 0, sign
    FROM step
    WHERE name = 'MemberAdmitted'
    UNION ALL
    SELECT began_in, NULL, 'retention.' || reason, CAST(date_trunc('year', began_on) AS date), began_on, day, 0, sign
    FROM of_membership
    WHERE name IN ('MembershipEnded', 'LinkedAway') AND ended = ended_before + 1
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
    SELECT p.at, s.kind, s.cohort, s.day, s.days, s.sign
    FROM selected s
    JOIN place p ON p.organisation_id = s.organisation_id AND s.on_day <@ p.days
);

-- add: into the sums
INSERT INTO reporting.step_sum AS s (organisation_id, kind, cohort, day, days, block, amount)
SELECT at, kind, cohort, day, days, :block, sum(sign)
FROM contribution
GROUP BY at, kind, cohort, day, days
HAVING sum(sign) <> 0
ON CONFLICT (organisation_id, kind, day, cohort, days, block) DO UPDATE SET amount = s.amount + excluded.amount;

-- rest: what is not in the sums
SELECT at, kind, cohort, days, sum(sign)::bigint AS amount
FROM contribution
WHERE starts_with(kind, CAST(:prefix AS text))
  AND cohort BETWEEN :first_cohort AND :last_cohort AND day BETWEEN :first AND :last
GROUP BY at, kind, cohort, days
HAVING sum(sign) <> 0;

-- read: what is in the sums, as known at the end of a block
SELECT organisation_id AS at, kind, cohort, days, sum(amount)::bigint AS amount
FROM reporting.step_sum
WHERE organisation_id = ANY (CAST(:only AS text[])) AND kind = ANY (CAST(:kinds AS text[]))
  AND cohort BETWEEN :first_cohort AND :last_cohort AND day BETWEEN :first AND :last AND block < :block
GROUP BY organisation_id, kind, cohort, days;

-- standing: up to where sums are kept, and which of these have some
SELECT p.position, s.organisation_id
FROM reporting.step_sum_progress p
JOIN reporting.step_summed s ON s.organisation_id = ANY (CAST(:organisations AS text[]));
