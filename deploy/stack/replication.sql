-- The role that a replica connects as, made by the superuser on the server that takes writes.
-- Its password comes in the psql variable `secret`.

SELECT 'CREATE ROLE ketnap_replicator LOGIN REPLICATION'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ketnap_replicator') \gexec
ALTER ROLE ketnap_replicator PASSWORD :'secret';
GRANT pg_monitor TO ketnap_replicator;
