-- Statements of alerts, their deliveries and their subscriptions.

-- alerts_of: what has been said about these targets
SELECT id, target_id, status, resolved_at FROM notifier.alert
WHERE rule = :rule AND target_id = ANY (CAST(:targets AS text[]));

-- open_targets: targets about which something is said and not taken back
SELECT DISTINCT target_id FROM notifier.alert WHERE rule = :rule AND resolved_at IS NULL;

-- raise_alert: once for each (rule, target, status); gives its id only the first time
INSERT INTO notifier.alert (id, rule, target_id, status, organisation_id, organisation_name, issuer_id, addressees,
                            metric, basis, comparison, value, actual, attainment_percent, excess_percent, first, last,
                            as_of, raised_at)
VALUES (:id, :rule, :target_id, :status, :organisation_id, :organisation_name, :issuer_id, :addressees, :metric,
        :basis, :comparison, :value, :actual, :attainment_percent, :excess_percent, :first, :last, :as_of, :raised_at)
ON CONFLICT DO NOTHING
RETURNING id;

-- resolve: what these alerts say no longer holds
UPDATE notifier.alert SET resolved_at = :now WHERE id = ANY (CAST(:ids AS uuid[])) AND resolved_at IS NULL;

-- reopen: what these alerts say holds again; nothing is sent again
UPDATE notifier.alert SET resolved_at = NULL WHERE id = ANY (CAST(:ids AS uuid[]));

-- subscribers: who asks for an alert
SELECT subscription_id, channel, recipient, language FROM notifier.asking WHERE alert_id = :alert
ORDER BY subscription_id;

-- put_delivery: one for each alert and recipient
INSERT INTO notifier.delivery (id, alert_id, subscription_id, channel, recipient, language, next_attempt, created_at)
VALUES (:id, :alert_id, :subscription_id, :channel, :recipient, :language, :now, :now)
ON CONFLICT DO NOTHING;

-- lapse: attempts of processes that are gone; one that would last longer than any is from before the clock was set back
DELETE FROM notifier.attempt
WHERE until < now() OR until > now() + 2 * CAST(:lease AS interval);

-- claim: begin an attempt at the first delivery that is due on a channel, to a receiver for whom none is under way; with the subscription that it was made for, or one that asks for the same. Two processes that come to the same receiver at once meet in the key of `attempt`, and one goes away with nothing
WITH due AS (
    SELECT d.* FROM notifier.delivery d JOIN notifier.alert a ON a.id = d.alert_id
    WHERE d.state = 'pending' AND d.channel = :channel AND d.next_attempt <= :now
      AND (a.muted_until IS NULL OR a.muted_until <= :now)
      AND NOT EXISTS (SELECT FROM notifier.attempt t WHERE t.channel = d.channel AND t.recipient = d.recipient)
    ORDER BY d.next_attempt, d.number
    LIMIT 1
    FOR UPDATE OF d SKIP LOCKED
), begun AS (
    INSERT INTO notifier.attempt (channel, recipient, delivery_id, until)
    SELECT channel, recipient, id, clock_timestamp() + CAST(:lease AS interval) FROM due
    ON CONFLICT DO NOTHING
    RETURNING until
)
SELECT d.id AS delivery_id, d.recipient, d.language, d.attempts, begun.until, s.subscription_id, s.secret, a.*
FROM due d
CROSS JOIN begun
JOIN notifier.alert a ON a.id = d.alert_id
LEFT JOIN LATERAL (
    SELECT subscription_id, secret FROM notifier.asking
    WHERE alert_id = d.alert_id AND channel = d.channel AND recipient = d.recipient
    ORDER BY subscription_id = d.subscription_id DESC, subscription_id LIMIT 1
) s ON true;

-- next_due: when the next delivery on a channel is due to a receiver for whom no attempt is under way
SELECT min(greatest(d.next_attempt, coalesce(a.muted_until, d.next_attempt)))
FROM notifier.delivery d JOIN notifier.alert a ON a.id = d.alert_id
WHERE d.state = 'pending' AND d.channel = :channel
  AND NOT EXISTS (SELECT FROM notifier.attempt t WHERE t.channel = d.channel AND t.recipient = d.recipient);

-- conclude: what came of an attempt, which is over. What was given up meanwhile stays so, unless it has arrived
WITH over AS (
    DELETE FROM notifier.attempt WHERE delivery_id = :id AND until = :until
)
UPDATE notifier.delivery
SET state = :state, attempts = attempts + 1, error = :error, sent_at = :sent_at,
    next_attempt = coalesce(:next_attempt, next_attempt)
WHERE id = :id AND (state = 'pending' OR CAST(:state AS text) = 'sent');

-- release: an attempt that is broken off, as if it had not begun
DELETE FROM notifier.attempt WHERE delivery_id = :id AND until = :until;

-- waiting: how many deliveries wait, by channel, and for how many seconds the oldest one does that is not muted; only pending rows are looked at, by the index of those
SELECT d.channel, count(*) AS number,
       extract(epoch FROM :now - min(d.created_at) FILTER (WHERE a.muted_until IS NULL OR a.muted_until <= :now))::float8
           AS seconds
FROM notifier.delivery d JOIN notifier.alert a ON a.id = d.alert_id
WHERE d.state = 'pending' GROUP BY d.channel;

-- pending_count: how many deliveries of a channel wait
SELECT count(*) FROM notifier.delivery WHERE state = 'pending' AND channel = :channel;
