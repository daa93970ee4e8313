-- Statements of the outbox: which delivery is attempted, and what came of it.

-- lapse: attempts of processes that are gone
-- One that would last longer than any is from before the clock was set back.
DELETE FROM notifier.attempt
WHERE until < now() OR until > now() + 2 * CAST(:lease AS interval);

-- claim: begin an attempt at the first delivery that is due on a channel, to a receiver for whom none is under way; with the subscription that it was made for, or one that asks for the same
-- Two processes that come to the same receiver at once meet in the key of `attempt`, and one goes away with nothing.
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

-- conclude: what came of an attempt, which is over; once, and not when it has lapsed
-- What was given up meanwhile stays so, unless it has arrived.
WITH over AS (
    DELETE FROM notifier.attempt WHERE delivery_id = :id AND until = :until RETURNING delivery_id
)
UPDATE notifier.delivery d
SET state = :state, attempts = attempts + 1, error = :error, sent_at = :sent_at,
    next_attempt = coalesce(:next_attempt, next_attempt)
FROM over
WHERE d.id = over.delivery_id AND (d.state = 'pending' OR CAST(:state AS text) = 'sent');

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
