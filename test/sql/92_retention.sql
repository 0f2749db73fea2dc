-- How long events are kept: by age and size, and until everybody has confirmed them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';
\pset format unaligned
\pset tuples_only on
ALTER SEQUENCE usage_mgmt.hub_listener_id_seq RESTART 900;
CREATE FUNCTION pg_temp.state(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION public.load(prefix text, n int) RETURNS void LANGUAGE sql AS $$
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type)
	SELECT prefix || i, '2001-01-15 12:00+00', 'T' FROM generate_series(1, n) i
$$;
CREATE FUNCTION public.read(listener text) RETURNS TABLE (events bigint, last text) LANGUAGE sql AS $$
SELECT count(*), (array_agg("position" ORDER BY n DESC))[1]
FROM usage_mgmt.next_events(listener, 1000000) WITH ORDINALITY e ("position", event, n)
$$;
CREATE FUNCTION public.confirm_all(listener text) RETURNS bigint LANGUAGE sql AS $$
SELECT events FROM read(listener) r WHERE usage_mgmt.confirm_events(listener, r.last)
$$;
-- Calls it until nothing is left to do; other sessions of the server may have transactions open.
CREATE TABLE public.did (n serial, outbox text, done text);
CREATE PROCEDURE public.keep_up() LANGUAGE plpgsql AS $$
BEGIN
	FOR try IN 1 .. 1000 LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		INSERT INTO did (outbox, done) SELECT * FROM usage_mgmt.hub_upkeep();
		EXIT WHEN NOT FOUND AND NOT EXISTS (SELECT FROM usage_mgmt.hub_outboxes()
			WHERE kept IN ('transactions from before the switch are open', 'to be emptied'));
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
CREATE VIEW public.kept AS SELECT outbox, bytes > 100000 AS large, kept FROM usage_mgmt.hub_outboxes() WHERE resource = 'usage';

-- What there is to set
SELECT * FROM usage_mgmt.setting WHERE name ~ 'event' ORDER BY name;
\set VERBOSITY default
UPDATE usage_mgmt.setting SET value = 'a week' WHERE name = 'event_retention_age';
UPDATE usage_mgmt.setting SET value = '10 GiBi' WHERE name = 'event_retention_size';
\set VERBOSITY terse
SELECT pg_temp.state(format('UPDATE usage_mgmt.setting SET value = %L WHERE name = %L', value, name))
FROM (VALUES ('event_retention_age', ''), ('event_retention_age', '0'), ('event_retention_age', '-1 day'),
	('event_retention_age', '12:00'), ('event_retention_size', '-1'), ('event_retention_size', '0 GB'),
	('event_retention_size', '7 days'), ('event_retention_size', '5000000'), ('drop_events', 'no'),
	('drop_events', 'off')) v (name, value);
-- a missing row means the default
DELETE FROM usage_mgmt.setting WHERE name ~ '^event_retention';
SELECT usage_mgmt.setting_value(name) FROM usage_mgmt.setting_defaults() WHERE name ~ '^event_retention';
SELECT usage_mgmt.install_tables();
UPDATE usage_mgmt.setting SET value = 'on' WHERE name = 'drop_events';
UPDATE usage_mgmt.setting SET value = '1 MB' WHERE name = 'event_retention_size';

-- Here who confirms does no upkeep beside ours
SET default_transaction_isolation = 'repeatable read';

-- Nobody listens: nothing is written, nothing to do, and no transaction id is taken for it
SELECT public.load('nobody ', 1);
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT * FROM usage_mgmt.hub_upkeep();
SELECT pg_current_xact_id_if_assigned() IS NULL;
COMMIT;

-- One that is full is written to no more; a listener that has confirmed all lets the next but one be emptied
SELECT usage_mgmt.register_usage_listener(NULL) ->> 'id' AS listener \gset
SELECT public.load('a ', 3000);
CALL public.keep_up();
TABLE public.kept;
SELECT public.confirm_all(:'listener');
SELECT public.load('b ', 3000);
CALL public.keep_up();
TABLE public.kept;
SELECT outbox, done FROM public.did ORDER BY n;
SELECT lost, lost_from, lost_at FROM usage_mgmt.hub_cursor WHERE listener = :'listener';

-- Within the limits nothing goes that somebody has not confirmed, be he away or paused
TRUNCATE public.did;
UPDATE usage_mgmt.setting SET value = '1 GB' WHERE name = 'event_retention_size';
UPDATE usage_mgmt.hub_listener SET state = 'paused', reason = 'by hand' WHERE id = :'listener';
SELECT public.load('c ', 1);
CALL public.keep_up();
TABLE public.kept;
-- a third of the age is a reason to switch, as long as there is an empty one
UPDATE usage_mgmt.usage_event_2 SET event_at = event_at - interval '3 days';
CALL public.keep_up();
SELECT public.load('c again ', 1);
UPDATE usage_mgmt.usage_event_0 SET event_at = event_at - interval '3 days';
CALL public.keep_up();
TABLE public.kept;
-- a position within a window, as of a reader that is behind, counts as far as it goes
UPDATE usage_mgmt.hub_listener SET state = 'active' WHERE id = :'listener';
SELECT usage_mgmt.confirm_events(:'listener', (SELECT "position" FROM usage_mgmt.next_events(:'listener', 10000) OFFSET 2998 LIMIT 1));
CALL public.keep_up();
TABLE public.kept;
SELECT usage_mgmt.confirm_events(:'listener', (SELECT "position" FROM usage_mgmt.next_events(:'listener', 1)));
CALL public.keep_up();
TABLE public.kept;
SELECT outbox, done FROM public.did ORDER BY n;
SELECT lost FROM usage_mgmt.hub_cursor WHERE listener = :'listener';

-- Beyond the size the oldest goes; who had not confirmed it is told until he confirms what is there
TRUNCATE public.did;
SELECT public.confirm_all(:'listener');
UPDATE usage_mgmt.setting SET value = '1 MB' WHERE name = 'event_retention_size';
SELECT public.load('d ', 3000);
CALL public.keep_up();
SELECT public.load('e ', 3000);
CALL public.keep_up();
SELECT public.load('f ', 3000);
CALL public.keep_up();
SELECT outbox, done FROM public.did ORDER BY n;
TABLE public.kept;
SELECT lost, lost_from < lost_at, lost_at > confirmed_at FROM usage_mgmt.hub_cursor WHERE listener = :'listener';
SELECT count(*) FROM usage_mgmt.next_events(:'listener', 10);
SELECT public.confirm_all(:'listener') < 9000;
SELECT count(*) FROM usage_mgmt.next_events(:'listener', 10);

-- Beyond the age, too; one that has only a part of it to read loses that part
TRUNCATE public.did;
UPDATE usage_mgmt.setting SET value = '1 GB' WHERE name = 'event_retention_size';
UPDATE usage_mgmt.hub_cursor SET lost = 0, lost_from = NULL WHERE listener = :'listener';
SELECT public.load('g ', 10);
SELECT usage_mgmt.confirm_events(:'listener', (SELECT "position" FROM usage_mgmt.next_events(:'listener', 10) OFFSET 3 LIMIT 1));
UPDATE usage_mgmt.usage_event_0 SET event_at = event_at - interval '8 days';
UPDATE usage_mgmt.usage_event_1 SET event_at = event_at - interval '8 days';
UPDATE usage_mgmt.usage_event_2 SET event_at = event_at - interval '8 days';
CALL public.keep_up();
SELECT done, count(*) FROM public.did GROUP BY done ORDER BY done;
SELECT large, kept, count(*) FROM public.kept GROUP BY large, kept ORDER BY kept;
SELECT lost, lost_from < now() - interval '7 days' FROM usage_mgmt.hub_cursor WHERE listener = :'listener';

-- One that is gone, or of another resource, holds back nothing
TRUNCATE public.did;
SELECT usage_mgmt.register_usage_specification_listener(NULL) ->> 'id' AS other \gset
UPDATE usage_mgmt.hub_listener SET state = 'gone' WHERE id = :'listener';
UPDATE usage_mgmt.setting SET value = '100 MB' WHERE name = 'event_retention_size';
SELECT usage_mgmt.register_usage_listener(NULL) ->> 'id' AS second \gset
SELECT public.load('h ', 10);
SELECT usage_mgmt.unregister_usage_listener(:'second');
UPDATE usage_mgmt.usage_event_0 SET event_at = event_at - interval '3 days';
UPDATE usage_mgmt.usage_event_1 SET event_at = event_at - interval '3 days';
UPDATE usage_mgmt.usage_event_2 SET event_at = event_at - interval '3 days';
CALL public.keep_up();
UPDATE usage_mgmt.hub_listener SET state = 'active' WHERE id = :'listener';
SELECT public.load('i ', 10);
UPDATE usage_mgmt.hub_listener SET state = 'gone' WHERE id = :'listener';
UPDATE usage_mgmt.usage_event_0 SET event_at = event_at - interval '3 days' WHERE id ~ '^i';
UPDATE usage_mgmt.usage_event_1 SET event_at = event_at - interval '3 days' WHERE id ~ '^i';
UPDATE usage_mgmt.usage_event_2 SET event_at = event_at - interval '3 days' WHERE id ~ '^i';
CALL public.keep_up();
SELECT done, count(*) FROM public.did GROUP BY done ORDER BY done;
UPDATE usage_mgmt.hub_listener SET state = 'active' WHERE id = :'listener';

-- Positions are noted by time, for replays, and forgotten with what they lie before
SELECT public.confirm_all(:'listener') IS NULL;
UPDATE usage_mgmt.hub_tick SET at = at - interval '1 minute';
SELECT count(*) AS before FROM usage_mgmt.hub_tick \gset
SELECT public.load('j ', 10);
CALL public.keep_up();
SELECT count(*) - :before FROM usage_mgmt.hub_tick;
CALL public.keep_up();
SELECT count(*) - :before FROM usage_mgmt.hub_tick;
SELECT max(at) AS noted FROM usage_mgmt.hub_tick \gset
SELECT public.load('k ', 5);
SELECT public.confirm_all(:'listener');
SELECT usage_mgmt.replay_events(:'listener', :'noted'::timestamptz);
SELECT public.confirm_all(:'listener');
SELECT usage_mgmt.replay_events(:'listener', :'noted'::timestamptz - interval '1 second');
SELECT public.confirm_all(:'listener') >= 15;
TRUNCATE usage_mgmt.usage_event_0, usage_mgmt.usage_event_1, usage_mgmt.usage_event_2;
CALL public.keep_up();
SELECT count(*) FROM usage_mgmt.hub_tick;

-- What was restored is of another life: its transaction ids mean nothing, and its listener has not read on
UPDATE usage_mgmt.hub_outbox SET life = 1, next_xid = 9000000000000;
UPDATE usage_mgmt.hub_cursor SET position = '1.5-0-0..0.0' WHERE listener = :'listener';
SELECT public.load('l ', 10);
UPDATE usage_mgmt.usage_event_0 SET event_at = event_at - interval '3 days';
UPDATE usage_mgmt.usage_event_1 SET event_at = event_at - interval '3 days';
UPDATE usage_mgmt.usage_event_2 SET event_at = event_at - interval '3 days';
CALL public.keep_up();
SELECT DISTINCT life = usage_mgmt.hub_life() FROM usage_mgmt.hub_outbox WHERE resource = 'usage';
SELECT events, since IS NULL FROM generate_series(0, 2) turn, usage_mgmt.hub_missed('1.5-0-0..0.0', 'usage', turn, 100) ORDER BY 1;
SELECT usage_mgmt.replay_events(:'listener', usage_mgmt.hub_position());

-- drop_partitions() tells of each row, if somebody wants it and it is so ordered
SELECT usage_mgmt.ensure_partitions('2001-01-01', '2001-03-01') >= 0;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
	SELECT 'm ' || i, timestamptz '2001-02-15 12:00+00', 'T', 'of m ' || i FROM generate_series(1, 3) i;
SELECT public.confirm_all(:'listener') >= 3;
DELETE FROM usage_mgmt.usage WHERE usage_date < '2001-02-01';
SELECT public.confirm_all(:'listener') > 1000;
SET default_transaction_isolation = 'read committed';
SELECT usage_mgmt.drop_partitions('2001-03-01', unbilled => true) > 0;
SELECT event ->> 'eventType', event #>> '{event,usage,id}', event #>> '{event,usage,description}' FROM usage_mgmt.next_events(:'listener');
SELECT public.confirm_all(:'listener');
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'drop_events';
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('n', '2001-03-15 12:00+00', 'T');
SELECT usage_mgmt.drop_partitions('2001-04-01', unbilled => true) > 0;
SELECT event ->> 'eventType' FROM usage_mgmt.next_events(:'listener');
UPDATE usage_mgmt.setting SET value = 'on' WHERE name = 'drop_events';
SELECT usage_mgmt.unregister_usage_listener(:'listener');
SELECT usage_mgmt.register_usage_listener(NULL, 'eventType=UsageCreateNotification') ->> 'id' AS listener \gset
SELECT usage_mgmt.ensure_partitions('2001-03-01', '2001-03-01') >= 0;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES ('o', '2001-03-15 12:00+00', 'T');
SELECT usage_mgmt.drop_partitions('2001-04-01', unbilled => true) > 0;
SELECT count(*) FILTER (WHERE event_kind = 'd' AND id = 'o') FROM (SELECT event_kind, id FROM usage_mgmt.usage_event_0
	UNION ALL SELECT event_kind, id FROM usage_mgmt.usage_event_1 UNION ALL SELECT event_kind, id FROM usage_mgmt.usage_event_2) e;

-- Not with an old snapshot; and not by everybody
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.state('SELECT * FROM usage_mgmt.hub_upkeep()');
COMMIT;
CREATE ROLE regress_consumer;
GRANT USAGE ON SCHEMA usage_mgmt TO regress_consumer;
GRANT SELECT ON usage_mgmt.usage TO regress_consumer;
GRANT USAGE ON SCHEMA public TO regress_consumer;
SET ROLE regress_consumer;
SELECT pg_temp.state(statement) FROM (VALUES ('SELECT * FROM usage_mgmt.hub_upkeep()'),
	('SELECT * FROM usage_mgmt.hub_outboxes()'), ('SELECT * FROM usage_mgmt.hub_upkeep_all()'),
	('SELECT usage_mgmt.hub_empty($$usage$$, 0)'),
	('SELECT * FROM usage_mgmt.hub_missed(usage_mgmt.hub_position(), $$usage$$, 0, 1)')) v (statement);
RESET ROLE;

-- But everybody does it who confirms, with his commit: in a block, from a function, from a procedure that commits
CREATE TABLE public.writes (turn int);
CREATE PROCEDURE public.consume(listener text) LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
	PERFORM public.confirm_all(listener);
	COMMIT;
END
$$;
SET ROLE regress_consumer;
SELECT usage_mgmt.register_usage_listener(NULL) ->> 'id' AS mine \gset
SELECT pg_temp.state('SELECT usage_mgmt.hub_dropped($$usage$$, $$usage_mgmt.usage$$)');
RESET ROLE;
CREATE FUNCTION public.fill() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.load('p ' || (SELECT count(*) FROM usage_mgmt.usage) || ' ', 10);
	FOR n IN 0 .. 2 LOOP
		EXECUTE format('UPDATE usage_mgmt.usage_event_%s SET event_at = event_at - interval %L WHERE event_at > now() - interval %2$L', n, '3 days');
	END LOOP;
	UPDATE usage_mgmt.hub_tick SET at = at - interval '1 minute';
	TRUNCATE public.writes;
	INSERT INTO public.writes SELECT turn FROM usage_mgmt.hub_outbox WHERE resource = 'usage';
END
$$;
CREATE VIEW public.switched AS SELECT o.turn <> w.turn FROM usage_mgmt.hub_outbox o, public.writes w WHERE resource = 'usage';
UPDATE usage_mgmt.hub_listener SET state = 'gone' WHERE id = :'listener';
CALL public.keep_up();
SELECT public.fill();
\c -
\set VERBOSITY terse
SET ROLE regress_consumer;
SELECT public.confirm_all(:'mine') > 0;
RESET ROLE;
TABLE public.switched;
CALL public.keep_up();
SELECT public.fill();
\c -
SET ROLE regress_consumer;
BEGIN;
SELECT public.confirm_all(:'mine') > 0;
SELECT 'in the block', * FROM usage_mgmt.next_events(:'mine');
RESET ROLE;
TABLE public.switched;
COMMIT;
TABLE public.switched;
CALL public.keep_up();
SELECT public.fill();
\c -
SET ROLE regress_consumer;
CALL public.consume(:'mine');
RESET ROLE;
TABLE public.switched;
-- as the owner of the tables, with nothing of the session's search_path
CREATE SCHEMA regress_trap;
CREATE FUNCTION regress_trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'run as %', current_user; END $$;
CREATE FUNCTION regress_trap.greater(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'run as %', current_user; END $$;
CREATE OPERATOR regress_trap.> (FUNCTION = regress_trap.greater, LEFTARG = timestamptz, RIGHTARG = timestamptz);
GRANT USAGE ON SCHEMA regress_trap TO regress_consumer;
CALL public.keep_up();
SELECT public.fill();
\c -
SET ROLE regress_consumer;
SET search_path = regress_trap, pg_catalog;
SELECT usage_mgmt.confirm_events(:'mine', (SELECT "position" FROM usage_mgmt.next_events(:'mine', 1)));
RESET search_path;
RESET ROLE;
TABLE public.switched;
SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
RESET client_min_messages;
-- also where it fails: what is confirmed is confirmed
CALL public.keep_up();
SELECT public.fill();
ALTER TABLE usage_mgmt.setting DISABLE TRIGGER setting_check;
UPDATE usage_mgmt.setting SET value = 'nonsense' WHERE name = 'event_retention_age';
ALTER TABLE usage_mgmt.setting ENABLE TRIGGER setting_check;
\c -
\set VERBOSITY terse
SET ROLE regress_consumer;
SELECT public.confirm_all(:'mine') > 0;
SELECT count(*) FROM usage_mgmt.next_events(:'mine');
RESET ROLE;
TABLE public.switched;
SELECT public.load('q', 1);
SELECT * FROM usage_mgmt.hub_upkeep();

SET client_min_messages = warning;
UPDATE usage_mgmt.setting d SET value = s.value FROM usage_mgmt.setting_defaults() s WHERE d.name = s.name;
DELETE FROM usage_mgmt.hub_listener;
DELETE FROM usage_mgmt.hub_cursor;
TRUNCATE usage_mgmt.usage_event_0, usage_mgmt.usage_event_1, usage_mgmt.usage_event_2,
	usage_mgmt.usage_specification_event_0, usage_mgmt.hub_tick, usage_mgmt.usage, usage_mgmt.usage_key;
DROP VIEW public.switched, public.kept;
DROP TABLE public.writes, public.did;
DROP FUNCTION public.fill, public.load, public.read, public.confirm_all;
DROP PROCEDURE public.consume, public.keep_up;
DROP OWNED BY regress_consumer;
DROP ROLE regress_consumer;
