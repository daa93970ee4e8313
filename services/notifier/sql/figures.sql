-- Statements of the figures: which targets may have moved, and how far each is.

-- all_targets: every target that stands and whose period has begun
SELECT target_id, organisation_id, since, metric, basis, issuer_id, first, last, comparison, value, holder, until
FROM notifier.target WHERE first <= :today AND since <= :today AND :today < until;

-- targets_above: begun targets, for these metrics, in the hands of these organisations and of those above
WITH RECURSIVE up (organisation_id, metric) AS (
    SELECT * FROM unnest(CAST(:organisations AS text[]), CAST(:metrics AS text[]))
    UNION
    SELECT p.parent_id, up.metric
    FROM up
    JOIN notifier.placement p ON p.organisation_id = up.organisation_id AND p.parent_id IS NOT NULL
)
SELECT t.target_id, t.organisation_id, t.since, t.metric, t.basis, t.issuer_id, t.first, t.last, t.comparison, t.value,
       t.holder, t.until
FROM notifier.target t JOIN up ON up.organisation_id = t.holder AND up.metric = t.metric
WHERE t.first <= :today AND t.since <= :today AND :today < t.until;

-- actuals: for each window (number, organisation, metric, days) what its subtree comes to, on the tree of each day; of
-- levels what those have who are active on it
WITH RECURSIVE asked (number, organisation_id, metric, level, since, until) AS (
    SELECT * FROM unnest(CAST(:number AS int[]), CAST(:organisation_id AS text[]), CAST(:metric AS text[]),
                         CAST(:level AS boolean[]), CAST(:since AS date[]), CAST(:until AS date[]))
), under (number, organisation_id, since, until) AS (
    SELECT number, organisation_id, since, until FROM asked
    UNION ALL
    SELECT u.number, p.organisation_id, greatest(u.since, p.since), least(u.until, p.until)
    FROM under u JOIN notifier.placement p ON p.parent_id = u.organisation_id AND p.since < u.until AND p.until > u.since
) CYCLE organisation_id SET repeats USING path,
counted (metric, measure) AS (
    SELECT * FROM unnest(CAST(:counted_metric AS text[]), CAST(:counted_measure AS text[]))
)
SELECT a.number, CAST(coalesce(sum(t.amount), 0) AS bigint) AS actual
FROM asked a
JOIN under u ON u.number = a.number AND NOT u.repeats
JOIN counted c ON c.metric = a.metric
JOIN notifier.holding h ON h.holder = u.organisation_id AND h.since < u.until AND h.until > u.since
JOIN notifier.tally t ON t.organisation_id = h.organisation_id AND t.measure = c.measure
                     AND t.day < least(u.until, h.until) AND (a.level OR t.day >= greatest(u.since, h.since))
LEFT JOIN notifier.active_days d ON d.organisation_id = u.organisation_id
WHERE NOT a.level OR d.founded IS NULL OR (d.founded <= a.since AND a.since < d.ended)
GROUP BY a.number;

-- empty_places: for each window of one day, the places of its active organisations whose cell has no member, or that
-- have no cell, or one that is not active
WITH RECURSIVE asked (number, organisation_id, day) AS (
    SELECT * FROM unnest(CAST(:number AS int[]), CAST(:organisation_id AS text[]), CAST(:day AS date[]))
), under (number, organisation_id, day) AS (
    SELECT number, organisation_id, day FROM asked
    UNION
    SELECT u.number, p.organisation_id, u.day
    FROM under u JOIN notifier.placement p ON p.parent_id = u.organisation_id AND p.since <= u.day AND p.until > u.day
)
SELECT u.number, count(*) AS actual
FROM under u
JOIN notifier.coverage c ON c.organisation_id = u.organisation_id AND c.since <= u.day AND c.until > u.day
LEFT JOIN notifier.active_days o ON o.organisation_id = c.organisation_id
LEFT JOIN notifier.active_days x ON x.organisation_id = c.cell_id
WHERE (o.founded IS NULL OR (o.founded <= u.day AND u.day < o.ended))
  AND (c.cell_id IS NULL OR NOT (x.founded IS NULL OR (x.founded <= u.day AND u.day < x.ended)) OR NOT EXISTS (
      SELECT FROM notifier.holding h
      JOIN notifier.tally t ON t.organisation_id = h.organisation_id
      WHERE h.holder = c.cell_id AND h.since <= u.day AND u.day < h.until
        AND t.measure = ANY (CAST(:member_measures AS text[])) AND t.day <= u.day
      HAVING sum(t.amount) > 0
  ))
GROUP BY u.number;
