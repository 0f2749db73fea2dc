-- The diagrams of the life cycles, and whether docs/lifecycle.md shows the same
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\getenv inputdir PG_ABS_SRCDIR
\set committed `cat :'inputdir'/../docs/lifecycle.md`
\set script :inputdir '/../script/lifecycle.sql'
\set ECHO none
\i :script
\set ECHO all

SELECT :'document' = :'committed' AS up_to_date;
