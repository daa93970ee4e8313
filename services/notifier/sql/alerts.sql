-- Statements of the evaluation: what has been said, and who is to be told.

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
