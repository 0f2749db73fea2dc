-- What must hold of every answer of usage_api.read() and usage_api.write(), in a database
-- of its own; 503 is that time was up. fuzz.request() asks and gives what does not; fuzz.settle() ends a batch.
CREATE SCHEMA fuzz;
GRANT USAGE ON SCHEMA fuzz TO PUBLIC;

-- All that a request could leave behind. A session knows it from the last one.
CREATE FUNCTION fuzz.state() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
	state text := '';
	part text;
	table_name regclass;
BEGIN
	FOR table_name IN SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relnamespace = 'usage_mgmt'::regnamespace
		AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname !~ '^import_(?!job)|^setting$' ORDER BY c.relname
	LOOP
		EXECUTE pg_catalog.format(CASE WHEN table_name::text ~ '_event_' THEN 'SELECT pg_catalog.count(*) FROM %s'
			ELSE 'SELECT pg_catalog.count(*) || '':'' || coalesce(pg_catalog.sum(pg_catalog.hashtextextended(r::text, 0)), 0) FROM %s r' END, table_name) INTO part;
		state := state || table_name::text || ' ' || part || E'\n';
	END LOOP;
	RETURN state;
END
$$;

-- One request: its door, whether it was raised to the caller, and the answer.
CREATE FUNCTION fuzz.ask(headers jsonb, body bytea, writes boolean, OUT raised text, OUT status text, OUT given jsonb, OUT answer text)
LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea;
BEGIN
	PERFORM set_config('response.status', '', true), set_config('response.headers', '[]', true), set_config('request.headers', headers::text, true);
	BEGIN
		bytes := CASE WHEN writes THEN usage_api.write(body) ELSE usage_api.read() END;
	EXCEPTION WHEN OTHERS THEN
		raised := SQLSTATE || ': ' || SQLERRM;
	END;
	status := current_setting('response.status');
	SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO given
	FROM jsonb_array_elements(current_setting('response.headers')::jsonb) h, jsonb_each_text(h.value) e;
	answer := convert_from(bytes, 'UTF8');
END
$$;

CREATE FUNCTION fuzz.get(uri text, headers jsonb, OUT raised text, OUT status text, OUT given jsonb, OUT answer text)
LANGUAGE sql AS $$
	SELECT a.* FROM fuzz.ask(headers - '{if-match,if-none-match,if-modified-since,if-unmodified-since,if-range,x-um-range}'::text[] || jsonb_build_object('x-um-method', 'GET', 'x-um-uri', uri), NULL, false) a
$$;

CREATE FUNCTION fuzz.request(headers jsonb, body bytea) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	method text := headers->>'x-um-method';
	uri text := headers->>'x-um-uri';
	path text := split_part(uri, '?', 1);
	reads boolean := coalesce(method, '') IN ('GET', 'HEAD', 'OPTIONS');
	before text := coalesce(nullif(current_setting('fuzz.state', true), ''), fuzz.state());
	after text;
	named text := headers->>'if-match';
	is_item boolean := path ~ '^/.*/(usage|usageSpecification|serviceUsage|serviceUsageSpecification)/[^/]+$';
	asked record;
	again record;
	element json;
	found bigint := 0;
BEGIN
	-- what the caller means by it is looked for now
	IF named ~ 'CURRENT' THEN
		again := fuzz.get(path, headers);
		headers := headers || jsonb_build_object('if-match', replace(named, 'CURRENT', coalesce(again.given->>'ETag', 'none')));
	END IF;
	asked := fuzz.ask(headers, body, NOT reads);
	IF asked.raised IS NOT NULL THEN
		RETURN NEXT 'raised ' || asked.raised;
		RETURN;
	END IF;
	after := fuzz.state();
	PERFORM set_config('fuzz.state', after, false),
		set_config('fuzz.answers', coalesce(current_setting('fuzz.answers', true), '') || ' ' || CASE WHEN method ~ '^[A-Z]+$' THEN method ELSE 'none' END || '-' || asked.status, false);
	IF asked.status NOT IN ('200', '201', '204', '206', '304', '400', '401', '403', '404', '405', '409', '412', '413', '415', '416', '501', '503') THEN
		RETURN NEXT 'status ' || asked.status || ' ' || asked.answer;
	END IF;
	IF (reads OR asked.status >= '400') AND before <> after THEN
		RETURN NEXT asked.status || ' has left something: ' || before || 'is now ' || after;
	END IF;
	IF method = 'HEAD' OR asked.status IN ('204', '304') THEN
		IF asked.answer <> '' THEN
			RETURN NEXT asked.status || ' with a body';
		END IF;
		IF method = 'HEAD' AND asked.status <> '503' THEN
			again := fuzz.ask(headers || '{"x-um-method": "GET"}', NULL, false);
			IF again.status <> '503' AND (again.status, again.given) IS DISTINCT FROM (asked.status, asked.given) THEN
				RETURN NEXT 'HEAD is ' || asked.status || ' ' || asked.given::text || ', GET is ' || again.status || ' ' || again.given::text;
			END IF;
		END IF;
	ELSE
		-- raises what is no JSON
		element := asked.answer::json;
		IF asked.status >= '400' AND (element->>'status' IS DISTINCT FROM asked.status OR element->>'@type' IS DISTINCT FROM 'Error'
			OR coalesce(element->>'code', '') !~ '^[0-9A-Z]{5}$' OR element->>'message' IS NULL) THEN
			RETURN NEXT 'an error that is none: ' || asked.answer;
		END IF;
		IF asked.status IN ('200', '206') AND method = 'GET' AND asked.given ? 'X-Result-Count' THEN
			found := json_array_length(element);
			IF found <> (asked.given->>'X-Result-Count')::bigint OR found > (asked.given->>'X-Total-Count')::bigint THEN
				RETURN NEXT found || ' are shown, and told is ' || asked.given::text;
			END IF;
			IF asked.given->>'Link' ~ 'rel="next"' THEN
				again := fuzz.get(substring(asked.given->>'Link' FROM '<([^>]*)>; rel="next"'), headers);
				IF again.status NOT IN ('200', '206', '503') OR again.answer = '[]' THEN
					RETURN NEXT 'the next page is ' || again.status || ' ' || again.answer;
				END IF;
			END IF;
		END IF;
	END IF;
	-- what is said to be done is done
	IF asked.status = '201' AND asked.given ? 'Location' OR asked.status = '200' AND is_item AND method IN ('PUT', 'PATCH') THEN
		again := fuzz.get(coalesce(asked.given->>'Location', path) || CASE WHEN position('?' IN uri) > 0 THEN substr(uri, position('?' IN uri)) ELSE '' END, headers);
		IF coalesce(asked.given->>'Location', '') !~ '/hub/' AND (again.answer, again.given->>'ETag') IS DISTINCT FROM (asked.answer, asked.given->>'ETag') AND again.status <> '503'
			OR again.status NOT IN ('200', '503') THEN
			RETURN NEXT 'stored was ' || asked.answer || ', and now it is ' || again.status || ' ' || again.answer;
		END IF;
	ELSIF method = 'DELETE' AND asked.status = '204' THEN
		again := fuzz.get(path, headers);
		IF again.status NOT IN ('404', '503') THEN
			RETURN NEXT 'deleted, and now it is ' || again.status || ' ' || again.answer;
		END IF;
	ELSIF method = 'POST' AND asked.status IN ('200', '201') AND left(asked.answer, 1) = '[' THEN
		FOR element IN SELECT e FROM json_array_elements(asked.answer::json) e LOOP
			again := fuzz.get(element->>'href' || CASE WHEN position('?' IN uri) > 0 THEN substr(uri, position('?' IN uri)) ELSE '' END, headers);
			IF again.status <> '503' AND (again.status, again.answer) IS DISTINCT FROM ('200', element::text) THEN
				RETURN NEXT 'stored was ' || element::text || ', and now it is ' || again.status || ' ' || again.answer;
			END IF;
		END LOOP;
	END IF;
	IF is_item AND NOT reads AND method <> 'POST' AND named IS NOT NULL AND asked.status < '300' AND named !~ 'CURRENT|^\s*\*\s*$' THEN
		RETURN NEXT 'changed in spite of If-Match ' || named;
	END IF;
	IF is_item AND NOT reads AND named = 'CURRENT' AND NOT headers ? 'if-none-match' AND asked.status = '412' THEN
		RETURN NEXT 'refused in spite of If-Match ' || (headers->>'if-match');
	END IF;
	RETURN;
END
$$;

-- What triggers of users may do: refuse, leave out, change what comes, and ask themselves.
CREATE FUNCTION fuzz.interfere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 'u5' THEN
		RAISE EXCEPTION USING MESSAGE = 'no', ERRCODE = ('{P0001,P0002,22012,23505,23514,40001,42501,55P03,UM001,UM003}'::text[])[1 + abs(hashtext(NEW::text) % 10)];
	ELSIF NEW.id = 'u6' THEN
		RETURN NULL;
	ELSIF NEW.id = 'u7' AND TG_OP = 'INSERT' THEN
		NEW.id := 'u1';
	ELSIF NEW.id = 'u8' THEN
		NEW.usage_date := NEW.usage_date + interval '1 month';
	END IF;
	RETURN NEW;
END
$$;

CREATE FUNCTION fuzz.ask_within() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	before text := current_setting('request.headers');
BEGIN
	IF NEW.id IN ('u4', 'u9') THEN
		PERFORM set_config('request.headers', '{"x-um-method": "' || CASE WHEN NEW.id = 'u4' THEN 'POST", "x-um-uri": "/usageManagement/usage"}' ELSE 'DELETE", "x-um-uri": "/usageManagement/usage/within"}' END, true);
		PERFORM usage_api.write('[{"id": "within", "date": "2001-01-01", "type": "X"}, {"id": "within", "date": "2001-01-01", "type": "X"}]');
		PERFORM set_config('request.headers', before, true);
	END IF;
	RETURN NEW;
END
$$;

CREATE PROCEDURE fuzz.plant(there boolean) LANGUAGE plpgsql AS $$
BEGIN
	DROP TRIGGER IF EXISTS a_fuzz ON usage_mgmt.usage;
	DROP TRIGGER IF EXISTS z_fuzz ON usage_mgmt.usage;
	IF there THEN
		CREATE TRIGGER a_fuzz BEFORE INSERT OR UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION fuzz.interfere();
		CREATE TRIGGER z_fuzz AFTER INSERT OR UPDATE ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION fuzz.ask_within();
	END IF;
END
$$;

-- At the end of a batch: the ledger is sound, and the session has not grown. What was answered is counted.
CREATE FUNCTION fuzz.settle(n int, most bigint) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	fault text;
BEGIN
	RETURN QUERY SELECT 'answered ' || a || ' ' || count(*) FROM regexp_split_to_table(trim(current_setting('fuzz.answers', true)), ' ') a GROUP BY a;
	FOR fault IN
		SELECT 'ledger: ' || k::text FROM usage_mgmt.check_keys() k
		UNION ALL SELECT 'ledger: ' || k::text FROM usage_mgmt.check_keys('service_usage') k
		UNION ALL SELECT 'the session has ' || sum(c.total_bytes) || ' bytes' FROM pg_backend_memory_contexts c HAVING sum(c.total_bytes) > most
	LOOP
		RETURN NEXT n || ': ' || fault;
	END LOOP;
END
$$;
