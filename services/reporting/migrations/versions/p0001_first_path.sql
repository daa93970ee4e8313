-- Signed deltas, the versions of organisations, places and targets, and what projecting needs to go on.

CREATE TABLE reporting.checkpoint (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0,
    recordedat timestamptz
);
COMMENT ON TABLE reporting.checkpoint IS 'One row: the last projected position. Whoever projects locks it first.';
INSERT INTO reporting.checkpoint DEFAULT VALUES;

CREATE TABLE reporting.moment (
    recordedat timestamptz PRIMARY KEY,
    position bigint NOT NULL
);
COMMENT ON TABLE reporting.moment IS 'The last position of each moment of recording: from a time to a position and back.';
CREATE INDEX moment_position ON reporting.moment (position);

CREATE TABLE reporting.fact (
    position bigint PRIMARY KEY,
    source text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    effectiveon date NOT NULL,
    time timestamptz NOT NULL,
    data json NOT NULL
);
COMMENT ON TABLE reporting.fact IS 'Recorded facts: timelines that a late fact folds again, and the events behind a figure.';
CREATE INDEX fact_subject ON reporting.fact (subject);

CREATE TABLE reporting.subject (
    subject text PRIMARY KEY,
    folded bytea NOT NULL
);
COMMENT ON TABLE reporting.subject IS 'The fold of each subject''s timeline, as JSON; can be made anew from the facts.';

CREATE TABLE reporting.succession (
    organisation_id text PRIMARY KEY,
    day date NOT NULL,
    successor_id text NOT NULL
);

CREATE TABLE reporting.delta (
    organisation_id text NOT NULL,
    measure text NOT NULL,
    day date NOT NULL,
    position bigint NOT NULL,
    change bigint NOT NULL,
    counterpart text
);
COMMENT ON TABLE reporting.delta IS 'What each position changed, from which day, known from that position: every figure is a sum of these. Rows are only ever added.';
COMMENT ON COLUMN reporting.delta.counterpart IS 'The other end of a movement, which counts only where it crosses a boundary.';
CREATE INDEX delta_sum ON reporting.delta (organisation_id, measure, day, position) INCLUDE (change, counterpart);
CREATE INDEX delta_counterpart ON reporting.delta (counterpart, day) WHERE counterpart IS NOT NULL;

-- A version holds for the days from valid_from to before valid_to, as known from position known_from to before
-- known_to. The largest bigint as known_to: still so known.

CREATE TABLE reporting.organisation_version (
    organisation_id text NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    known_from bigint NOT NULL,
    known_to bigint NOT NULL DEFAULT 9223372036854775807,
    name text NOT NULL,
    search_name text NOT NULL,
    kind text NOT NULL,
    sector text NOT NULL,
    parent_id text,
    active boolean NOT NULL,
    successor_id text,
    PRIMARY KEY (organisation_id, valid_from, known_from)
);
COMMENT ON COLUMN reporting.organisation_version.parent_id IS 'After all successions known; kept after the end, so that the way down the tree stays.';
CREATE INDEX organisation_version_parent ON reporting.organisation_version (parent_id, known_from);
CREATE INDEX organisation_version_successor ON reporting.organisation_version (successor_id) WHERE successor_id IS NOT NULL;

CREATE TABLE reporting.place_version (
    place_id text NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    known_from bigint NOT NULL,
    known_to bigint NOT NULL DEFAULT 9223372036854775807,
    name text NOT NULL,
    kind text NOT NULL,
    organisation_id text NOT NULL,
    cell_id text,
    shared boolean NOT NULL,
    PRIMARY KEY (place_id, valid_from, known_from)
);
CREATE INDEX place_version_organisation ON reporting.place_version (organisation_id, known_from);
CREATE INDEX place_version_cell ON reporting.place_version (cell_id) WHERE cell_id IS NOT NULL;

CREATE TABLE reporting.target_version (
    target_id text NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    known_from bigint NOT NULL,
    known_to bigint NOT NULL DEFAULT 9223372036854775807,
    assigned_to text NOT NULL,
    organisation_id text NOT NULL,
    metric text NOT NULL,
    basis text NOT NULL,
    issuer_id text NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,
    comparison text NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (target_id, valid_from, known_from)
);
COMMENT ON COLUMN reporting.target_version.assigned_to IS 'The organisation of whose timeline the target is; organisation_id holds it after all successions.';
CREATE INDEX target_version_organisation ON reporting.target_version (organisation_id, known_from);

GRANT USAGE ON SCHEMA reporting TO ketnap_reporting;
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO ketnap_reporting;
GRANT UPDATE ON reporting.checkpoint TO ketnap_reporting;
GRANT INSERT, UPDATE, DELETE ON reporting.moment, reporting.subject, reporting.succession TO ketnap_reporting;
GRANT INSERT ON reporting.fact, reporting.delta TO ketnap_reporting;
GRANT INSERT, UPDATE ON reporting.organisation_version, reporting.place_version, reporting.target_version
    TO ketnap_reporting;
