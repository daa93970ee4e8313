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

-- subscribers: who asked for a rule's alerts to these organisations
SELECT id, channel, recipient, language FROM notifier.subscription
WHERE organisation = ANY (CAST(:organisations AS text[])) AND :rule = ANY (rules)
ORDER BY id;

-- put_delivery: one for each alert and recipient
INSERT INTO notifier.delivery (id, alert_id, subscription_id, channel, recipient, language, next_attempt, created_at)
VALUES (:id, :alert_id, :subscription_id, :channel, :recipient, :language, :now, :now)
ON CONFLICT DO NOTHING;

-- claim: one delivery that is due on a channel and that nobody else is sending; with the subscription that it was made for, or one that asks for the same
SELECT d.id AS delivery_id, d.recipient, d.language, d.attempts, s.id AS subscription_id, s.secret, a.*
FROM notifier.delivery d
JOIN notifier.alert a ON a.id = d.alert_id
LEFT JOIN LATERAL (
    SELECT id, secret FROM notifier.subscription
    WHERE id = d.subscription_id
       OR (channel = d.channel AND recipient = d.recipient AND organisation = ANY (a.addressees) AND a.rule = ANY (rules))
    ORDER BY id = d.subscription_id DESC, id LIMIT 1
) s ON true
WHERE d.state = 'pending' AND d.channel = :channel AND d.next_attempt <= :now
  AND (a.muted_until IS NULL OR a.muted_until <= :now)
ORDER BY d.next_attempt, d.number
LIMIT 1
FOR UPDATE OF d SKIP LOCKED;

-- next_due: when the next delivery on a channel is due
SELECT min(greatest(d.next_attempt, coalesce(a.muted_until, d.next_attempt)))
FROM notifier.delivery d JOIN notifier.alert a ON a.id = d.alert_id
WHERE d.state = 'pending' AND d.channel = :channel;

-- sent: a delivery has arrived
UPDATE notifier.delivery SET state = 'sent', sent_at = :now, attempts = attempts + 1, error = NULL WHERE id = :id;

-- postponed: a delivery has not arrived and is tried again later
UPDATE notifier.delivery SET attempts = attempts + 1, next_attempt = :next_attempt, error = :error WHERE id = :id;

-- failed: a delivery is given up
UPDATE notifier.delivery SET state = 'failed', attempts = attempts + 1, error = :error WHERE id = :id;

-- waiting: how many deliveries wait, by channel, and for how many seconds the oldest one does that is not muted; only pending rows are looked at, by the index of those
SELECT d.channel, count(*) AS number,
       extract(epoch FROM :now - min(d.created_at) FILTER (WHERE a.muted_until IS NULL OR a.muted_until <= :now))::float8
           AS seconds
FROM notifier.delivery d JOIN notifier.alert a ON a.id = d.alert_id
WHERE d.state = 'pending' GROUP BY d.channel;

-- pending_count: how many deliveries of a channel wait
SELECT count(*) FROM notifier.delivery WHERE state = 'pending' AND channel = :channel;
