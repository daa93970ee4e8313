-- Roles, database and schemas as they should be, run by psql as the superuser on every start.
-- Each role's password comes in the psql variable of its name. Migrations grant the rest.

SELECT 'CREATE ROLE ' || name || ' LOGIN'
FROM unnest(ARRAY['ketnap_owner', 'ketnap_registry', 'ketnap_reporting', 'ketnap_notifier']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- Always set, so that a secrets file that was replaced holds again.
ALTER ROLE ketnap_owner PASSWORD :'ketnap_owner';
ALTER ROLE ketnap_registry PASSWORD :'ketnap_registry';
ALTER ROLE ketnap_reporting PASSWORD :'ketnap_reporting';
ALTER ROLE ketnap_notifier PASSWORD :'ketnap_notifier';

SELECT 'CREATE DATABASE ketnap OWNER ketnap_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'ketnap') \gexec

-- A certificate that was renewed counts from now on.
SELECT pg_reload_conf();

REVOKE ALL ON DATABASE ketnap FROM PUBLIC;
GRANT CONNECT ON DATABASE ketnap TO ketnap_registry, ketnap_reporting, ketnap_notifier;

\connect ketnap
SET client_min_messages = warning;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS registry AUTHORIZATION ketnap_owner;
CREATE SCHEMA IF NOT EXISTS reporting AUTHORIZATION ketnap_owner;
CREATE SCHEMA IF NOT EXISTS notifier AUTHORIZATION ketnap_owner;
