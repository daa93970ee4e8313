-- What the notifier knows of the log. All of it can be made anew: `wipe` in sql/projection.sql empties it.

CREATE TABLE notifier.checkpoint (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0,
    evaluated bigint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN notifier.checkpoint.position IS 'Last position applied.';
COMMENT ON COLUMN notifier.checkpoint.evaluated IS 'Last position that rules have judged. A rebuild leaves it: on the way there again no rule is asked, or states between two batches that were never judged would raise alerts of their own.';
INSERT INTO notifier.checkpoint DEFAULT VALUES;

CREATE TABLE notifier.subject (
    subject text PRIMARY KEY,
    folded bytea NOT NULL
);
COMMENT ON TABLE notifier.subject IS 'The fold of each subject''s timeline, as JSON.';

CREATE TABLE notifier.fact (
    position bigint PRIMARY KEY,
    subject text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    effectiveon date NOT NULL,
    time timestamptz NOT NULL,
    data text NOT NULL
);
COMMENT ON TABLE notifier.fact IS 'Facts to fold again when a late one arrives; profiles are left out.';
CREATE INDEX fact_subject ON notifier.fact (subject, position);

CREATE TABLE notifier.succession (
    organisation_id text PRIMARY KEY,
    day date NOT NULL,
    successor_id text NOT NULL
);
CREATE INDEX succession_successor ON notifier.succession (successor_id);

CREATE TABLE notifier.placement (
    organisation_id text NOT NULL,
    since date NOT NULL,
    until date NOT NULL,
    parent_id text,
    PRIMARY KEY (organisation_id, since)
);
COMMENT ON TABLE notifier.placement IS 'The tree: whose child an organisation is from `since` to before `until`, after all successions.';
CREATE INDEX placement_parent ON notifier.placement (parent_id);

CREATE TABLE notifier.target (
    target_id text PRIMARY KEY,
    organisation_id text NOT NULL,
    since date NOT NULL,
    metric text NOT NULL,
    basis text NOT NULL,
    issuer_id text NOT NULL,
    first date NOT NULL,
    last date NOT NULL,
    comparison text NOT NULL,
    value bigint NOT NULL
);
COMMENT ON COLUMN notifier.target.organisation_id IS 'To whom it was assigned; lineage says who holds it later.';
CREATE INDEX target_organisation ON notifier.target (organisation_id, metric);

CREATE TABLE notifier.tally (
    organisation_id text NOT NULL,
    measure text NOT NULL,
    day date NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (organisation_id, measure, day)
);
COMMENT ON TABLE notifier.tally IS 'Signed changes of what targets count, added up per day.';

CREATE TABLE notifier.coverage (
    place_id text NOT NULL,
    since date NOT NULL,
    until date NOT NULL,
    organisation_id text NOT NULL,
    cell_id text,
    PRIMARY KEY (place_id, since)
);
COMMENT ON TABLE notifier.coverage IS 'Whose a place is and which cell covers it from `since` to before `until`, after all successions.';
CREATE INDEX coverage_organisation ON notifier.coverage (organisation_id);
CREATE INDEX coverage_cell ON notifier.coverage (cell_id);

-- What has been said. Never removed by a rebuild.

CREATE TABLE notifier.alert (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    rule text NOT NULL,
    target_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('attained', 'exceeded')),
    organisation_id text NOT NULL,
    organisation_name text NOT NULL,
    issuer_id text NOT NULL,
    addressees text[] NOT NULL,
    metric text NOT NULL,
    basis text NOT NULL,
    comparison text NOT NULL,
    value bigint NOT NULL,
    actual bigint NOT NULL,
    attainment_percent double precision,
    excess_percent double precision,
    first date NOT NULL,
    last date NOT NULL,
    as_of date NOT NULL,
    raised_at timestamptz NOT NULL,
    resolved_at timestamptz,
    acknowledged_at timestamptz,
    muted_until timestamptz,
    state text GENERATED ALWAYS AS (
        CASE WHEN resolved_at IS NOT NULL THEN 'resolved' WHEN acknowledged_at IS NOT NULL THEN 'acknowledged'
             ELSE 'open' END) STORED,
    UNIQUE (rule, target_id, status)
);
COMMENT ON TABLE notifier.alert IS 'One row for each (rule, target, status), with the figures of the day it was raised. No names of persons, no ids of persons.';

CREATE TABLE notifier.subscription (
    id uuid PRIMARY KEY,
    organisation text NOT NULL,
    rules text[] NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'webhook')),
    recipient text NOT NULL,
    language text NOT NULL,
    secret text,
    UNIQUE (organisation, channel, recipient)
);

CREATE TABLE notifier.delivery (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    alert_id uuid NOT NULL REFERENCES notifier.alert,
    subscription_id uuid NOT NULL,
    channel text NOT NULL,
    recipient text NOT NULL,
    language text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    attempts int NOT NULL DEFAULT 0,
    next_attempt timestamptz NOT NULL,
    error text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    UNIQUE (alert_id, channel, recipient)
);
COMMENT ON TABLE notifier.delivery IS 'The outbox: one row for each alert and recipient, sent once.';
CREATE INDEX delivery_due ON notifier.delivery (channel, next_attempt) WHERE state = 'pending';

GRANT USAGE ON SCHEMA notifier TO ketnap_notifier;
GRANT SELECT ON ALL TABLES IN SCHEMA notifier TO ketnap_notifier;
GRANT UPDATE ON notifier.checkpoint TO ketnap_notifier;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON notifier.subject, notifier.fact, notifier.succession, notifier.placement,
    notifier.target, notifier.tally, notifier.coverage TO ketnap_notifier;
GRANT INSERT, UPDATE ON notifier.alert, notifier.delivery TO ketnap_notifier;
GRANT INSERT, UPDATE, DELETE ON notifier.subscription TO ketnap_notifier;
