-- Deliveries to different receivers go out beside each other, and to each receiver one at a time.

CREATE TABLE notifier.attempt (
    channel text NOT NULL,
    recipient text NOT NULL,
    delivery_id uuid NOT NULL REFERENCES notifier.delivery,
    until timestamptz NOT NULL,
    PRIMARY KEY (channel, recipient)
);
COMMENT ON TABLE notifier.attempt IS 'Attempts that are under way: one for each receiver at most, whichever process makes it.';
COMMENT ON COLUMN notifier.attempt.until IS 'By the clock of this server. A process that has not said by then what came of it is gone.';
GRANT SELECT, INSERT, DELETE ON notifier.attempt TO ketnap_notifier;

CREATE VIEW notifier.asking AS
SELECT a.id AS alert_id, s.id AS subscription_id, s.channel, s.recipient, s.language, s.secret
FROM notifier.alert a
JOIN notifier.subscription s ON s.organisation = ANY (a.addressees) AND a.rule = ANY (s.rules);
COMMENT ON VIEW notifier.asking IS 'Which subscriptions ask for an alert, as they are now.';
GRANT SELECT ON notifier.asking TO ketnap_notifier;
