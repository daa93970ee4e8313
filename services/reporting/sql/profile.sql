-- Pieces of the report `profile`, put behind the scope that `reports.sql` describes.

-- admitted: persons admitted by state of their profile and by one attribute at a time, the others null there; and by
-- category, where whoever has several is in each
, admitted (part, state, sex, age, ethnic_minority, occupation, schooling, youth_union, categories) AS MATERIALIZED (
    SELECT h.part, CASE WHEN e.person IS NOT NULL THEN 'erased' ELSE coalesce(p.state, 'absent') END,
           p.sex, CAST(date_part('year', a.day) AS integer) - p.birth_year, p.ethnic_minority, p.occupation,
           p.schooling, p.youth_union, a.categories
    FROM held h
    JOIN reporting_person.admission a ON a.organisation_id = h.organisation_id
    LEFT JOIN reporting_person.profile p ON p.source = a.profile_source AND p.event_id = a.profile_event
    LEFT JOIN reporting_person.erased e ON e.person = a.person
    WHERE a.day >= h.from_day AND a.day < h.to_day AND a.day >= :first
      AND a.known_from <= :known AND :known < a.known_to
)
SELECT part, state, sex, age, ethnic_minority, occupation, schooling, youth_union,
       grouping(sex, age, ethnic_minority, occupation, schooling, youth_union) AS others, CAST(NULL AS text) AS category,
       count(*) AS persons
FROM admitted
GROUP BY GROUPING SETS ((part, state), (part, state, sex), (part, state, age), (part, state, ethnic_minority),
                        (part, state, occupation), (part, state, schooling), (part, state, youth_union))
UNION ALL
SELECT a.part, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, c.category, count(*)
FROM admitted a
CROSS JOIN LATERAL unnest(a.categories) AS c (category)
GROUP BY a.part, c.category;

-- revision: grows whenever answers by attribute may change
SELECT revision FROM reporting_person.progress;
