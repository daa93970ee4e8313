-- How PostgreSQL's planner is told about a statement what it cannot know; each holds until `as_usual`.

-- of_whole_tables: tables are joined as wholes; what has to be looked up says so by LATERAL
SET LOCAL enable_nestloop = off;

-- of_each: organisations of a small tree are looked up one by one: the planner cannot know how few they are, and would
-- rather go through all deltas of a nation
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);

-- as_usual: nothing is told
SELECT set_config('enable_nestloop', 'on', true), set_config('enable_hashjoin', 'on', true),
       set_config('enable_mergejoin', 'on', true);
