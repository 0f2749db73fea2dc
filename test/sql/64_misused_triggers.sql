-- Trigger functions on tables that they are not for, at times that they are not for: each
-- says what is wrong, in words, and nothing else happens.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;

CREATE TABLE misused (id text, name text, value text);
CREATE TABLE outcome (function text, kind text, state text, message text);

DO $$
DECLARE
	f record;
	state text;
	message text;
BEGIN
	FOR f IN
		SELECT p.oid::regprocedure AS call, proname, timing, event, level
		FROM pg_proc p, unnest('{BEFORE,AFTER}'::text[]) timing, unnest('{INSERT,UPDATE,DELETE}'::text[]) event,
			unnest('{ROW,STATEMENT}'::text[]) level
		WHERE pronamespace = 'usage_mgmt'::regnamespace AND prorettype = 'trigger'::regtype
		AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
		ORDER BY proname, timing, event, level
	LOOP
		DELETE FROM misused;
		INSERT INTO misused VALUES ('a', 'b', 'c');
		EXECUTE format('CREATE TRIGGER wrong %s %s ON misused FOR EACH %s EXECUTE FUNCTION %s',
			f.timing, f.event, f.level, f.call);
		BEGIN
			CASE f.event
				WHEN 'INSERT' THEN INSERT INTO misused VALUES ('d', 'e', 'f');
				WHEN 'UPDATE' THEN UPDATE misused SET value = 'g';
				ELSE DELETE FROM misused;
			END CASE;
			INSERT INTO outcome VALUES (f.proname, concat_ws(' ', f.timing, f.event, f.level), '00000', 'nothing is wrong');
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			INSERT INTO outcome VALUES (f.proname, concat_ws(' ', f.timing, f.event, f.level), state, message);
		END;
		DROP TRIGGER wrong ON misused;
	END LOOP;
END $$;

-- Those of one resource as those of any, and in how many of the twelve ways
SELECT * FROM (
	SELECT regexp_replace(function, '^(service_)?usage_(specification_)?|^(im|ex)port_job_', '*_') AS function,
		count(DISTINCT kind) AS ways, state,
		regexp_replace(message, '(service[_ ])?usage([_ ]specification)?|(im|ex)port_job', '*') AS message
	FROM outcome GROUP BY 1, 3, 4) o
ORDER BY function COLLATE "C", state, message COLLATE "C";

DROP TABLE misused, outcome;
