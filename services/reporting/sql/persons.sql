-- Statements about single persons by attribute: what is filled beside the projector, and what an erasure rewrites.

-- only_one: one process fills at a time, until its transaction ends
SELECT pg_advisory_xact_lock(hashtext('reporting_person'));

-- progress: up to where admissions are made
SELECT position, revision FROM reporting_person.progress;

-- begin_again: no admission is made yet; last of all, since whoever projects an erasure waits for this row
UPDATE reporting_person.progress SET position = 0, revision = revision + 1;

-- forget_admissions: all of them, to be made anew
DELETE FROM reporting_person.admission;

-- move_progress: admissions are made up to here
UPDATE reporting_person.progress SET position = :position, revision = revision + :changed;

-- touched: persons of whose admissions facts after a position, up to another, may say something new
WITH said AS MATERIALIZED (
    SELECT subject, bool_or(split_part(type, '.', 1) IN ('FactCorrected', 'PersonsLinked')) AS of_facts
    FROM (
        -- OFFSET 0: by position, never through all persons there are.
        SELECT subject, type FROM reporting.fact WHERE position > :after AND position <= :upto OFFSET 0
    ) f
    WHERE subject LIKE 'person/%'
      AND split_part(type, '.', 1) IN ('FactCorrected', 'PersonsLinked', 'CandidateIdentified', 'CandidateClosed',
                                       'MemberAdmitted', 'MemberEnrolled', 'MembershipEnded')
    GROUP BY subject
)
SELECT s.subject
FROM said s
-- LIMIT: person by person, never all facts at once, which the planner takes for cheaper while tables are new.
LEFT JOIN LATERAL (
    SELECT true AS there FROM reporting.fact a
    WHERE a.subject = s.subject AND a.type LIKE 'MemberAdmitted.%' LIMIT 1
) admitted ON NOT s.of_facts
LEFT JOIN LATERAL (
    SELECT true AS there FROM reporting.also_about o WHERE o.subject = s.subject LIMIT 1
) named ON NOT s.of_facts
WHERE s.of_facts OR admitted.there OR named.there;

-- facts_of_persons: what is recorded about persons, under these ids, up to a position
SELECT w.subject AS wanted, f.position, f.source, f.event_id, f.type, f.subject, f.effectiveon, f.time, f.data
FROM unnest(CAST(:subjects AS text[])) w (subject)
-- OFFSET 0: person by person, as above.
CROSS JOIN LATERAL (
    SELECT position, source, event_id, type, subject, effectiveon, time, data::text AS data
    FROM reporting.fact
    WHERE subject = w.subject AND position <= :upto
    OFFSET 0
) f
UNION ALL
SELECT a.subject, f.position, f.source, f.event_id, f.type, f.subject, f.effectiveon, f.time, f.data
FROM unnest(CAST(:subjects AS text[])) w (subject)
CROSS JOIN LATERAL (
    SELECT subject, position FROM reporting.also_about WHERE subject = w.subject AND position <= :upto OFFSET 0
) a
CROSS JOIN LATERAL (
    SELECT position, source, event_id, type, subject, effectiveon, time, data::text AS data
    FROM reporting.fact
    WHERE position = a.position AND subject LIKE 'person/%'
    OFFSET 0
) f
ORDER BY position;

-- drop_admissions: those of persons who are made anew
DELETE FROM reporting_person.admission WHERE person = ANY (CAST(:persons AS uuid[]));

-- add_admissions: as known from one position to before another
INSERT INTO reporting_person.admission (person, source, event_id, organisation_id, day, categories, profile_source,
                                        profile_event, profile_person, known_from, known_to)
SELECT person, source, event_id, organisation_id, day, coalesce(string_to_array(nullif(categories, ''), ' '), '{}'), profile_source,
       profile_event, profile_person, known_from, known_to
FROM unnest(CAST(:person AS uuid[]), CAST(:source AS text[]), CAST(:event_id AS uuid[]),
            CAST(:organisation_id AS text[]), CAST(:day AS date[]), CAST(:categories AS text[]),
            CAST(:profile_source AS text[]), CAST(:profile_event AS uuid[]), CAST(:profile_person AS uuid[]),
            CAST(:known_from AS bigint[]), CAST(:known_to AS bigint[]))
     AS a (person, source, event_id, organisation_id, day, categories, profile_source, profile_event, profile_person,
           known_from, known_to);

-- expect_profiles: profiles that count, to be asked for; committed before they are, see `filling.py`
INSERT INTO reporting_person.profile (source, event_id, person, state)
SELECT w.source, w.event_id, w.person, CASE WHEN e.person IS NULL THEN 'unread' ELSE 'erased' END
FROM unnest(CAST(:source AS text[]), CAST(:event_id AS uuid[]), CAST(:person AS uuid[]))
     AS w (source, event_id, person)
LEFT JOIN reporting_person.erased e ON e.person = w.person
ON CONFLICT (source, event_id) DO NOTHING;

-- expect_missing: profiles that count and are not expected, as after a crash, which empties a table that is not logged
INSERT INTO reporting_person.profile (source, event_id, person, state)
SELECT DISTINCT a.profile_source, a.profile_event, a.profile_person,
       CASE WHEN e.person IS NULL THEN 'unread' ELSE 'erased' END
FROM reporting_person.admission a
LEFT JOIN reporting_person.erased e ON e.person = a.profile_person
WHERE a.profile_event IS NOT NULL AND NOT EXISTS (
    SELECT FROM reporting_person.profile p WHERE p.source = a.profile_source AND p.event_id = a.profile_event
)
ON CONFLICT (source, event_id) DO NOTHING;

-- unread: profiles to ask for, those not asked for yet first
SELECT source, event_id, person FROM reporting_person.profile
WHERE state = 'unread' OR (state = 'closed' AND asked_at < now() - interval '1 hour')
ORDER BY asked_at NULLS FIRST LIMIT :limit;

-- keep_profiles: what the registry unsealed, unless the person was erased meanwhile
UPDATE reporting_person.profile p
SET state = u.state, asked_at = now(), sex = u.sex, birth_year = u.birth_year, ethnic_minority = u.ethnic_minority,
    occupation = u.occupation, schooling = u.schooling, youth_union = u.youth_union
FROM unnest(CAST(:source AS text[]), CAST(:event_id AS uuid[]), CAST(:state AS text[]), CAST(:sex AS text[]),
            CAST(:birth_year AS smallint[]), CAST(:ethnic_minority AS boolean[]), CAST(:occupation AS text[]),
            CAST(:schooling AS text[]), CAST(:youth_union AS boolean[]))
     AS u (source, event_id, state, sex, birth_year, ethnic_minority, occupation, schooling, youth_union)
WHERE p.source = u.source AND p.event_id = u.event_id AND p.state IN ('unread', 'closed')
  AND NOT EXISTS (SELECT FROM reporting_person.erased e WHERE e.person = p.person);

-- keep_erased: of these, those whose person was erased as they came to be expected, so that neither saw the other
UPDATE reporting_person.profile p
SET state = 'erased', asked_at = now()
FROM unnest(CAST(:source AS text[]), CAST(:event_id AS uuid[])) AS u (source, event_id)
WHERE p.source = u.source AND p.event_id = u.event_id AND p.state IN ('unread', 'closed')
  AND EXISTS (SELECT FROM reporting_person.erased e WHERE e.person = p.person);

-- changed: answers about attributes may be others now
UPDATE reporting_person.progress SET revision = revision + 1;

-- erased_among: who of these is erased
SELECT person FROM reporting_person.erased WHERE person = ANY (CAST(:persons AS uuid[]));

-- bury: these are erased
INSERT INTO reporting_person.erased (person) SELECT unnest(CAST(:persons AS uuid[])) ON CONFLICT DO NOTHING;

-- erase: nothing is kept of these by attribute
UPDATE reporting_person.profile
SET state = 'erased', sex = NULL, birth_year = NULL, ethnic_minority = NULL, occupation = NULL, schooling = NULL,
    youth_union = NULL
WHERE person = ANY (CAST(:persons AS uuid[]));
