-- What is known of single persons by attribute. In a schema of its own: a version of the projections that is built
-- beside the old one leaves it alone, and an erasure rewrites it once and for all.

CREATE SCHEMA reporting_person;

CREATE TABLE reporting_person.admission (
    person uuid NOT NULL,
    source text NOT NULL,
    event_id uuid NOT NULL,
    organisation_id text NOT NULL,
    day date NOT NULL,
    categories text[] NOT NULL,
    profile_source text,
    profile_event uuid,
    profile_person uuid,
    known_from bigint NOT NULL,
    known_to bigint NOT NULL,
    PRIMARY KEY (person, source, event_id, known_from)
);
COMMENT ON TABLE reporting_person.admission IS 'Admissions that count, known from one position to before another, and the event whose profile counts for each. Made from reporting.fact.';
COMMENT ON COLUMN reporting_person.admission.organisation_id IS 'As the fact names it; holding_version says who holds it on a day.';
CREATE INDEX admission_organisation ON reporting_person.admission (organisation_id, day);

-- Not logged: attributes get into no write-ahead log and no copy made of it. After a crash of PostgreSQL the table is
-- empty, and the registry is asked again.
CREATE UNLOGGED TABLE reporting_person.profile (
    source text NOT NULL,
    event_id uuid NOT NULL,
    person uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('unread', 'unsealed', 'absent', 'closed', 'erased')),
    asked_at timestamptz,
    sex text,
    birth_year smallint,
    ethnic_minority boolean,
    occupation text,
    schooling text,
    youth_union boolean,
    PRIMARY KEY (source, event_id),
    CHECK (state = 'unsealed'
           OR num_nonnulls(sex, birth_year, ethnic_minority, occupation, schooling, youth_union) = 0)
);
COMMENT ON TABLE reporting_person.profile IS 'Profiles that count for an admission, as the registry unsealed them. unread: not asked for yet; closed: the key is missing; erased: for good.';
CREATE INDEX profile_person ON reporting_person.profile (person);
CREATE INDEX profile_unread ON reporting_person.profile (asked_at NULLS FIRST) WHERE state IN ('unread', 'closed');

CREATE TABLE reporting_person.erased (
    person uuid PRIMARY KEY
);
COMMENT ON TABLE reporting_person.erased IS 'Ids of those who are erased, linked ones included: nothing is kept of them by attribute any more.';

CREATE TABLE reporting_person.progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE reporting_person.progress IS 'One row: up to where admissions are made from facts; and a number that grows whenever an answer about attributes may change.';
INSERT INTO reporting_person.progress DEFAULT VALUES;

CREATE TABLE reporting_person.read_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    key text NOT NULL,
    role text NOT NULL,
    organisation_id text,
    report text NOT NULL,
    measure text,
    period_from date,
    period_to date,
    as_of date,
    known_at bigint,
    rows bigint
);
COMMENT ON TABLE reporting_person.read_log IS 'Who read rows about single persons, or figures by attribute: only ever added to by the service.';
CREATE INDEX read_log_at ON reporting_person.read_log (at);

GRANT USAGE ON SCHEMA reporting_person TO ketnap_reporting;
GRANT SELECT, INSERT, UPDATE, DELETE ON reporting_person.admission TO ketnap_reporting;
GRANT SELECT, INSERT, UPDATE ON reporting_person.profile TO ketnap_reporting;
GRANT SELECT, INSERT ON reporting_person.erased TO ketnap_reporting;
GRANT SELECT, UPDATE ON reporting_person.progress TO ketnap_reporting;
GRANT SELECT, INSERT ON reporting_person.read_log TO ketnap_reporting;
