-- The event log, the outcomes around it, and the state that decisions need.

CREATE TABLE registry.head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0,
    recordedat timestamptz NOT NULL DEFAULT '-infinity',
    epoch bigint NOT NULL DEFAULT 0,
    relayed bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE registry.head IS 'One row: the last position. Whoever writes updates it first, so commit order is position order. epoch fences a writer that another one has replaced.';
INSERT INTO registry.head DEFAULT VALUES;

CREATE TABLE registry.source (
    source text PRIMARY KEY,
    root text NOT NULL,
    public_key text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    settled bigint NOT NULL DEFAULT 0,
    last_seen timestamptz,
    sequences jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON COLUMN registry.source.settled IS 'Last stream sequence whose events all have an outcome; reading goes on after it.';
COMMENT ON COLUMN registry.source.sequences IS 'Ranges [from, to] of the source''s own sequence that were seen.';

CREATE TABLE registry.log (
    position bigint PRIMARY KEY,
    recordedat timestamptz NOT NULL,
    source text NOT NULL,
    event_id uuid NOT NULL,
    stream_sequence bigint NOT NULL,
    batch_index int NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    content_hash bytea NOT NULL,
    findings json,
    event json NOT NULL,
    UNIQUE (source, event_id)
);
COMMENT ON TABLE registry.log IS 'The record: events as recorded, in order. Closed to update and delete.';
CREATE INDEX log_subject ON registry.log (subject, position);
CREATE INDEX log_delivery ON registry.log (source, stream_sequence, batch_index);

CREATE FUNCTION registry.log_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is closed: % on registry.log is not allowed', TG_OP
        USING HINT = 'Record a FactCorrected event instead; the log keeps all.', ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER log_is_closed BEFORE UPDATE OR DELETE ON registry.log
    FOR EACH ROW EXECUTE FUNCTION registry.log_is_closed();
CREATE TRIGGER log_is_not_emptied BEFORE TRUNCATE ON registry.log
    FOR EACH STATEMENT EXECUTE FUNCTION registry.log_is_closed();

CREATE TABLE registry.quarantine (
    source text NOT NULL,
    event_id uuid NOT NULL,
    stream_sequence bigint NOT NULL,
    batch_index int NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    effectiveon date NOT NULL,
    time timestamptz NOT NULL,
    content_hash bytea NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    waits_for text[] NOT NULL,
    event json NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (source, event_id)
);
COMMENT ON TABLE registry.quarantine IS 'Events that break a hard rule now, and the subjects whose facts they could wait for.';
CREATE INDEX quarantine_waits_for ON registry.quarantine USING gin (waits_for);
CREATE UNIQUE INDEX quarantine_delivery ON registry.quarantine (source, stream_sequence, batch_index);
CREATE INDEX quarantine_order ON registry.quarantine (effectiveon, time, event_id);

CREATE TABLE registry.refused (
    source text NOT NULL,
    stream_sequence bigint NOT NULL,
    batch_index int NOT NULL,
    event_id uuid,
    outcome text NOT NULL CHECK (outcome IN ('rejected', 'duplicate', 'discarded')),
    position bigint,
    code text,
    message text,
    path text,
    at timestamptz NOT NULL,
    PRIMARY KEY (source, stream_sequence, batch_index)
);
COMMENT ON TABLE registry.refused IS 'Deliveries that end without a place of their own in the log. Their bytes are not kept.';
CREATE INDEX refused_event ON registry.refused (source, event_id);

CREATE VIEW registry.delivery AS
    SELECT source, stream_sequence, batch_index, event_id, 'recorded' AS outcome, position,
           NULL::text AS code, NULL::text AS message, NULL::text AS path, findings, recordedat AS at
      FROM registry.log
    UNION ALL
    SELECT source, stream_sequence, batch_index, event_id, 'quarantined', NULL, code, message, NULL, NULL, at
      FROM registry.quarantine
    UNION ALL
    SELECT source, stream_sequence, batch_index, event_id, outcome, position, code, message, path, NULL, at
      FROM registry.refused;
COMMENT ON VIEW registry.delivery IS 'The one current outcome of every delivery.';

CREATE TABLE registry.outcome_count (
    source text NOT NULL,
    outcome text NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (source, outcome)
);
COMMENT ON TABLE registry.outcome_count IS 'How many rows of registry.delivery each source and outcome has, kept in the same transactions.';

CREATE TABLE registry.subject (
    subject text PRIMARY KEY,
    folded bytea NOT NULL
);
COMMENT ON TABLE registry.subject IS 'The fold of each subject''s timeline, as JSON; can be made anew from the log.';

CREATE TABLE registry.target (
    target_id text PRIMARY KEY,
    organisation_id text NOT NULL
);

CREATE TABLE registry.succession (
    organisation_id text PRIMARY KEY,
    day date NOT NULL,
    successor_id text NOT NULL
);

CREATE TABLE registry.headcount (
    organisation_id text NOT NULL,
    measure text NOT NULL,
    day date NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (organisation_id, measure, day)
);
COMMENT ON TABLE registry.headcount IS 'Signed changes of members, balances and candidates that rules about organisations ask for.';

CREATE TABLE registry.person_key (
    person text PRIMARY KEY,
    wrapped bytea NOT NULL
);
COMMENT ON TABLE registry.person_key IS 'The key that seals a person''s profiles, wrapped by the master key. Destroying it erases them everywhere.';

CREATE TABLE registry.outbox (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receipts json NOT NULL
);
COMMENT ON TABLE registry.outbox IS 'Receipts not yet published, an array for each turn of the writer.';

GRANT USAGE ON SCHEMA registry TO ketnap_registry;
GRANT SELECT ON ALL TABLES IN SCHEMA registry TO ketnap_registry;
GRANT INSERT ON registry.log TO ketnap_registry;
GRANT UPDATE ON registry.head TO ketnap_registry;
GRANT UPDATE (settled, last_seen, sequences) ON registry.source TO ketnap_registry;
GRANT INSERT, UPDATE, DELETE ON registry.quarantine, registry.subject, registry.headcount TO ketnap_registry;
GRANT INSERT, UPDATE, DELETE ON registry.target, registry.succession, registry.person_key TO ketnap_registry;
GRANT INSERT ON registry.refused TO ketnap_registry;
GRANT INSERT, UPDATE ON registry.outcome_count TO ketnap_registry;
GRANT INSERT, DELETE ON registry.outbox TO ketnap_registry;
