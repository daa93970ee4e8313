-- What belongs to an organisation for whoever asks with a key: its subtree on the tree of a day, and all that those
-- in it took over. An organisation that begins later stands where it will begin.

-- holds: whether the subtree of `within` holds an organisation; found from below, for the way up is short
WITH RECURSIVE up (organisation_id, length) AS (
    SELECT CAST(:organisation_id AS text), 0
    UNION
    SELECT coalesce(s.successor_id, p.parent_id), u.length + 1
    FROM up u
    LEFT JOIN notifier.succession s ON s.organisation_id = u.organisation_id AND s.day <= CAST(:today AS date)
    LEFT JOIN LATERAL (
        SELECT parent_id FROM notifier.placement p
        WHERE p.organisation_id = u.organisation_id AND CAST(:today AS date) < p.until
        ORDER BY p.since LIMIT 1
    ) p ON true
    WHERE coalesce(s.successor_id, p.parent_id) IS NOT NULL AND u.length < 120
)
SELECT EXISTS (SELECT FROM up WHERE organisation_id = CAST(:within AS text));

-- subtree: all organisations in it
WITH RECURSIVE down (organisation_id) AS (
    SELECT CAST(:within AS text)
    UNION
    SELECT next.organisation_id
    FROM down d
    CROSS JOIN LATERAL (
        SELECT p.organisation_id FROM notifier.placement p
        WHERE p.parent_id = d.organisation_id AND CAST(:today AS date) < p.until
          AND NOT EXISTS (
              SELECT FROM notifier.placement e
              WHERE e.organisation_id = p.organisation_id AND CAST(:today AS date) < e.until AND e.since < p.since)
          AND NOT EXISTS (
              SELECT FROM notifier.succession s
              WHERE s.organisation_id = p.organisation_id AND s.day <= CAST(:today AS date))
        UNION ALL
        SELECT s.organisation_id FROM notifier.succession s
        WHERE s.successor_id = d.organisation_id AND s.day <= CAST(:today AS date)
    ) next
)
SELECT organisation_id FROM down;
