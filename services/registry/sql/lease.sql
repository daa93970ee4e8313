-- Statements about which registry writes. Each is a transaction of its own.

-- take_lease: become the writer unless another one's lease runs. A lease longer than any is one from before the clock
-- was set back.
UPDATE registry.lease SET epoch = greatest(epoch, (SELECT epoch FROM registry.head)) + 1,
    until = clock_timestamp() + CAST(:lease AS interval)
WHERE until < now() OR until > now() + 2 * CAST(:lease AS interval) OR epoch = :epoch
RETURNING epoch;

-- end_sessions: end the sessions of the writer before, which keep the head row locked if it fell silent in its commit
SELECT pg_terminate_backend(pid) FROM (
    SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE relation = CAST('registry.head' AS regclass) AND mode = 'RowExclusiveLock' AND granted
      AND usename = current_user AND pid <> pg_backend_pid()
) AS holding;

-- fence: every earlier epoch is outdated from now on, and so is this one if there is a later one already
UPDATE registry.head SET epoch = :epoch WHERE epoch < :epoch
RETURNING epoch, position, recordedat;

-- renew: stay the writer; none is returned to one who is it no more
UPDATE registry.lease SET until = clock_timestamp() + CAST(:lease AS interval) WHERE epoch = :epoch
RETURNING epoch, (SELECT id FROM registry.master_key ORDER BY since DESC, id LIMIT 1) AS master;

-- step_down: let another one take over at once
UPDATE registry.lease SET until = '-infinity' WHERE epoch = :epoch;

-- seize_lease: become the writer while another one's lease runs: that one is fenced, and stands by
UPDATE registry.lease SET epoch = greatest(epoch, (SELECT epoch FROM registry.head)) + 1,
    until = clock_timestamp() + CAST(:lease AS interval)
RETURNING epoch;
