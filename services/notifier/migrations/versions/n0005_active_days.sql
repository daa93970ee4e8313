-- Whoever is left in an organisation that has ended, and its places, count no more.

CREATE TABLE notifier.active_days (
    organisation_id text PRIMARY KEY,
    founded date NOT NULL,
    ended date NOT NULL
);
COMMENT ON TABLE notifier.active_days IS 'Organisations are active from `founded` to before `ended`. Of whom nothing stands here, on all days: who was projected by an earlier version, until a rebuild.';
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON notifier.active_days TO ketnap_notifier;
