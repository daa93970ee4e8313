-- Waymarks: of which days a block of positions speaks, by kind; and persons' steps that became known belatedly.
--
-- Kinds are those of edges of spells, with the days on which an edge can be counted (`counted_…` in spells.sql); and of
-- steps, with their own days: `step.stage` of all that lead a candidate from one stage to another, and
-- `step.MemberAdmitted`, `step.MembershipEnded` and `step.LinkedAway`. A step stands in the block of its own event.
-- Waymarks only ever say more: what turns out otherwise widens them. Readers may be led astray, never past anything.

-- progress: up to which position edges and steps are marked, held until the transaction ends
SELECT position FROM reporting.waymark_progress FOR UPDATE;

-- begin: the first time there is no progress yet
INSERT INTO reporting.waymark_progress DEFAULT VALUES ON CONFLICT DO NOTHING;

-- move: everything up to here is marked
UPDATE reporting.waymark_progress SET position = :position;

-- forget_marks: begin anew
DELETE FROM reporting.waymark;

-- forget_belated: begin anew
DELETE FROM reporting.belated_step;

-- mark_edges: those that came between two positions
INSERT INTO reporting.waymark AS w (kind, block, first, last)
SELECT kind, (position - 1) / CAST(:size AS integer), min(day), max(greatest(day, coalesce(last, 'infinity')))
FROM reporting.spell_edge
WHERE position > :after AND position <= :upto
GROUP BY 1, 2
ON CONFLICT (kind, block) DO UPDATE
SET first = least(w.first, excluded.first), last = greatest(w.last, excluded.last);

-- mark_steps: those that became known between two positions, and which of these did so belatedly
WITH known AS MATERIALIZED (
    SELECT s.person, s.name, s.day, s.stage_before IS DISTINCT FROM s.stage AS leads_on, s.known_from,
           CASE WHEN f.event_id = s.event_id AND f.source = s.source THEN s.known_from ELSE (
               SELECT position FROM reporting.fact WHERE source = s.source AND event_id = s.event_id
           ) END AS position
    FROM reporting.person_step s
    JOIN reporting.fact f ON f.position = s.known_from
    WHERE s.known_from > :after AND s.known_from <= :upto AND f.position > :after AND f.position <= :upto
), belated AS (
    INSERT INTO reporting.belated_step (position, person)
    SELECT DISTINCT position, person FROM known WHERE position <> known_from
    ON CONFLICT DO NOTHING
)
INSERT INTO reporting.waymark AS w (kind, block, first, last)
SELECT m.kind, (k.position - 1) / CAST(:size AS integer), min(k.day), max(k.day)
FROM known k
CROSS JOIN LATERAL (VALUES
    ('step.stage', k.leads_on),
    ('step.' || k.name, k.name IN ('MemberAdmitted', 'MembershipEnded', 'LinkedAway'))
) AS m (kind, holds)
WHERE m.holds
GROUP BY 1, 2
ON CONFLICT (kind, block) DO UPDATE
SET first = least(w.first, excluded.first), last = greatest(w.last, excluded.last);

-- marked: up to which position the waymarks are, for readers
SELECT coalesce(max(position), 0) FROM reporting.waymark_progress;

-- blocks: those, from one on, that say anything of some kinds and days
SELECT DISTINCT block FROM reporting.waymark
WHERE kind = ANY (CAST(:kinds AS text[])) AND block >= :from_block AND first <= :last AND last >= :first
ORDER BY block;

-- unmarked: what became known belatedly between two positions, of which there are no waymarks yet
SELECT DISTINCT o.position, s.person
FROM reporting.person_step s
JOIN reporting.fact f ON f.position = s.known_from
-- OFFSET 0: looked up one by one.
CROSS JOIN LATERAL (
    SELECT position FROM reporting.fact WHERE source = s.source AND event_id = s.event_id OFFSET 0
) o
WHERE s.known_from > :after AND s.known_from <= :upto AND f.position > :after AND f.position <= :upto
  AND (f.source, f.event_id) <> (s.source, s.event_id);
