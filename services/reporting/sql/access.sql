-- What belongs to an organisation for whoever asks with a key: its subtree on the tree of a day as known now, and
-- all that those in it took over. An organisation that begins later stands where it will begin.

-- holds: whether the subtree of `within` holds an organisation; found from below, for the way up is short
WITH RECURSIVE up (organisation_id, length) AS (
    SELECT CAST(:organisation_id AS text), 0
    UNION
    SELECT coalesce(v.successor_id, v.parent_id), u.length + 1
    FROM up u
    CROSS JOIN LATERAL (
        SELECT successor_id, parent_id FROM reporting.organisation_version v
        WHERE v.organisation_id = u.organisation_id AND CAST(:today AS date) < v.valid_to
          AND v.known_to = 9223372036854775807
        ORDER BY v.valid_from LIMIT 1
    ) v
    WHERE coalesce(v.successor_id, v.parent_id) IS NOT NULL AND u.length < 120
)
SELECT EXISTS (SELECT FROM up WHERE organisation_id = CAST(:within AS text));

-- subtree: all organisations in it
WITH RECURSIVE down (organisation_id) AS (
    SELECT CAST(:within AS text)
    UNION
    SELECT v.organisation_id
    FROM down d
    JOIN reporting.organisation_version v
      ON v.successor_id = d.organisation_id OR (v.successor_id IS NULL AND v.parent_id = d.organisation_id)
    WHERE CAST(:today AS date) < v.valid_to AND v.known_to = 9223372036854775807
      AND (v.valid_from <= CAST(:today AS date) OR NOT EXISTS (
          SELECT FROM reporting.organisation_version e
          WHERE e.organisation_id = v.organisation_id AND e.valid_from < v.valid_from
            AND e.known_to = 9223372036854775807
      ))
)
SELECT organisation_id FROM down;
