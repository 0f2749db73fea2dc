-- The roles of the REST interface, and the agent's. As a superuser, once in each database:
--   psql -d usages -v base_url=https://api.example.com -f deploy/roles.sql
-- It may be run again, for another base_url or another database of the same server.
\set ON_ERROR_STOP on
\if :{?base_url}
\else
	\set base_url ''
\endif
BEGIN;
SET LOCAL client_min_messages = warning;
-- Of another level, or further roles for partners: as these.
SELECT format('CREATE ROLE %I NOLOGIN', name)
FROM unnest('{usage_anonymous,usage_reader,usage_writer,usage_operator}'::text[]) name
WHERE to_regrole(name) IS NULL
\gexec
-- PostgREST logs in as this and becomes what the token says; by itself it may do nothing.
SELECT 'CREATE ROLE usage_authenticator LOGIN NOINHERIT' WHERE to_regrole('usage_authenticator') IS NULL
\gexec
GRANT usage_anonymous, usage_reader, usage_writer, usage_operator TO usage_authenticator;

-- Who comes without a token reads all of the store. If he is to get nothing but errors:
-- SELECT usage_mgmt.grant_api('usage_anonymous') in the place of his level.
SELECT usage_mgmt.grant_access('usage_anonymous', 'reader'), usage_mgmt.grant_access('usage_reader', 'reader'),
	usage_mgmt.grant_access('usage_writer', 'writer'), usage_mgmt.grant_access('usage_operator', 'operator')
\g /dev/null

-- What delivers events and carries out the orders of whoever has a token. It logs in, and its
-- password is yours to set; usagectl agent is run as it.
SELECT 'CREATE ROLE usage_agent LOGIN NOINHERIT' WHERE to_regrole('usage_agent') IS NULL
\gexec
GRANT usage_reader, usage_writer, usage_operator TO usage_agent;
SELECT usage_mgmt.grant_access('usage_agent', 'agent')
\g /dev/null

-- Nothing of a request may run on when nginx has long given up: its limit is 75 seconds.
-- PostgREST sets this for each request, by the role of the token.
ALTER ROLE usage_anonymous SET statement_timeout = '5s';
ALTER ROLE usage_reader SET statement_timeout = '30s';
ALTER ROLE usage_writer SET statement_timeout = '30s';
ALTER ROLE usage_operator SET statement_timeout = '60s';
-- how long PostgREST may be silent inside a transaction
ALTER ROLE usage_authenticator SET idle_in_transaction_session_timeout = '60s';
-- no request is long enough to be worth compiling
ALTER ROLE usage_authenticator SET jit = off;
-- what stands before each href; in events and exports as well
ALTER ROLE usage_authenticator SET usage_mgmt.base_url = :'base_url';
ALTER ROLE usage_agent SET usage_mgmt.base_url = :'base_url';
-- a token must not get into the log
ALTER ROLE usage_authenticator SET log_parameter_max_length = 0;
ALTER ROLE usage_authenticator SET log_parameter_max_length_on_error = 0;
COMMIT;
