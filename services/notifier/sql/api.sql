-- Statements of the HTTP API.

-- alerts: a page, the newest first
SELECT * FROM notifier.alert
WHERE (CAST(:organisation AS text) IS NULL OR organisation_id = :organisation)
  AND (CAST(:allowed AS text[]) IS NULL OR organisation_id = ANY (CAST(:allowed AS text[])))
  AND (CAST(:rule AS text) IS NULL OR rule = :rule)
  AND (CAST(:state AS text) IS NULL OR state = :state)
  AND (CAST(:before AS bigint) IS NULL OR number < :before)
ORDER BY number DESC LIMIT :limit;

-- organisation_of: whose target an alert is about
SELECT organisation_id FROM notifier.alert WHERE id = :id;

-- acknowledge: somebody has seen it; the first time counts
UPDATE notifier.alert SET acknowledged_at = coalesce(acknowledged_at, :now) WHERE id = :id RETURNING *;

-- mute: send nothing about it until then; null ends that
UPDATE notifier.alert SET muted_until = :until WHERE id = :id RETURNING *;

-- deliveries: a page, the newest first
SELECT d.id, d.number, d.alert_id, d.subscription_id, d.channel, d.recipient, d.language, d.state, d.attempts,
       d.next_attempt, d.error, d.created_at, d.sent_at
FROM notifier.delivery d
WHERE (CAST(:alert AS uuid) IS NULL OR d.alert_id = :alert)
  AND (CAST(:state AS text) IS NULL OR d.state = :state)
  AND (CAST(:before AS bigint) IS NULL OR d.number < :before)
  AND (CAST(:allowed AS text[]) IS NULL OR EXISTS (
      SELECT FROM notifier.subscription s
      WHERE s.id = d.subscription_id AND s.organisation = ANY (CAST(:allowed AS text[]))))
ORDER BY d.number DESC LIMIT :limit;

-- subscriptions: all of them, or those of some organisations
SELECT id, organisation, rules, channel, recipient, language, secret FROM notifier.subscription
WHERE CAST(:allowed AS text[]) IS NULL OR organisation = ANY (CAST(:allowed AS text[]))
ORDER BY organisation, channel, recipient;

-- unknown_organisations: those of these that no recorded event has founded
SELECT id FROM unnest(CAST(:ids AS text[])) AS id
WHERE NOT EXISTS (SELECT FROM notifier.subject WHERE subject = 'organisation/' || id)
ORDER BY id;

-- lock_subscriptions: one replacement at a time
LOCK TABLE notifier.subscription IN SHARE ROW EXCLUSIVE MODE;

-- clear_subscriptions: before the new list is written
DELETE FROM notifier.subscription
WHERE CAST(:allowed AS text[]) IS NULL OR organisation = ANY (CAST(:allowed AS text[]));

-- taken: ids that the lists of others hold
SELECT id FROM notifier.subscription;

-- put_subscription: one of the new list
INSERT INTO notifier.subscription (id, organisation, rules, channel, recipient, language, secret)
VALUES (:id, :organisation, :rules, :channel, :to, :language, :secret);

-- forsake: deliveries that wait and that no subscription asks for any more
UPDATE notifier.delivery d SET state = 'failed', error = 'no subscription asks for it any more'
WHERE state = 'pending' AND NOT EXISTS (
    SELECT FROM notifier.asking s
    WHERE s.alert_id = d.alert_id AND s.channel = d.channel AND s.recipient = d.recipient);
