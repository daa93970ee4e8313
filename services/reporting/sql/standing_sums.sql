-- Standing sums: what all changes of a kind come to in an organisation as facts name it, whatever their day. What holds
-- on a day, as known at a position, is that less what comes after the day or the position: little, of a recent day.
-- Whose figures it counts in is not asked here, so nothing moves with the tree.

-- progress: up to which position changes are in the sums, held until the transaction ends
SELECT position FROM reporting.standing_progress FOR UPDATE;

-- begin: the first time there is no progress yet
INSERT INTO reporting.standing_progress DEFAULT VALUES ON CONFLICT DO NOTHING;

-- move: everything up to here is in the sums
UPDATE reporting.standing_progress SET position = :position;

-- forget_sums: begin anew
DELETE FROM reporting.standing_sum;

-- forget_charges: begin anew
DELETE FROM reporting.standing_charge;

-- forget_marks: begin anew
DELETE FROM reporting.standing_mark;

-- forget_charge_marks: begin anew
DELETE FROM reporting.standing_charge_mark;

-- add: what came between two positions; a change of a candidate's stage is none of their number
INSERT INTO reporting.standing_sum AS s (kind, organisation_id, amount)
SELECT CASE split_part(measure, '.', 1) WHEN 'candidates' THEN 'candidates' ELSE 'members' END, organisation_id,
       sum(change)
FROM reporting.delta
WHERE position > :after AND position <= :upto
  AND split_part(measure, '.', 1) IN ('members', 'balance', 'candidates')
GROUP BY 1, 2
HAVING sum(change) <> 0
ON CONFLICT (kind, organisation_id) DO UPDATE SET amount = s.amount + excluded.amount;

-- add_charges: the same of mentors' charges
INSERT INTO reporting.standing_charge AS s (organisation_id, mentor, persons)
SELECT organisation_id, mentor, sum(CASE WHEN how IN ('begins', 'comes') THEN change ELSE -change END)
FROM reporting.spell_edge
WHERE position > :after AND position <= :upto AND kind = 'charge'
GROUP BY 1, 2
HAVING sum(CASE WHEN how IN ('begins', 'comes') THEN change ELSE -change END) <> 0
ON CONFLICT (organisation_id, mentor) DO UPDATE SET persons = s.persons + excluded.persons;

-- drop_ended: mentors who, since what came between two positions, have nobody in their charge any more
DELETE FROM reporting.standing_charge c
USING (
    SELECT DISTINCT organisation_id, mentor FROM reporting.spell_edge
    WHERE position > :after AND position <= :upto AND kind = 'charge'
) e
WHERE c.organisation_id = e.organisation_id AND c.mentor = e.mentor AND c.persons = 0;

-- mark: the sums as they stand at a position, for questions about what was known about then
INSERT INTO reporting.standing_mark (position, kind, organisation_id, amount)
SELECT :position, kind, organisation_id, amount FROM reporting.standing_sum WHERE amount <> 0;

-- mark_charges: the same of mentors' charges
INSERT INTO reporting.standing_charge_mark (position, organisation_id, mentor, persons)
SELECT :position, organisation_id, mentor, persons FROM reporting.standing_charge;

-- kept: up to which position the sums are, for readers
SELECT coalesce(max(position), 0) FROM reporting.standing_progress;
