-- Files that jobs take out of folders, each content once, and what files are said to hold

CREATE FUNCTION usage_mgmt.install_files() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.import_file (
		id bigserial NOT NULL,
		ordered_by text NOT NULL,
		name text COLLATE "C" NOT NULL,
		url text COLLATE "C" NOT NULL,
		stamp text COLLATE "C",
		size bigint NOT NULL,
		hash text COLLATE "C" NOT NULL,
		series text COLLATE "C",
		number numeric,
		job text COLLATE "C" NOT NULL,
		same_as bigint,
		load_id bigint,
		error text,
		first_seen timestamptz NOT NULL DEFAULT now(),
		finished_at timestamptz,
		undone_at timestamptz,
		CONSTRAINT import_file_pkey PRIMARY KEY (id)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_file', name, comment)
		FROM (VALUES (NULL, 'The register of files that import jobs took out of folders: of each role''s every content once.'),
			('ordered_by', 'The role whose order it was.'),
			('stamp', 'What its folder told of its size and time; while that is so the file is not read again.'),
			('hash', 'SHA-256 of its bytes as they lay there.'),
			('series', 'The url and sequence of the order, where its name has a number of that sequence.'),
			('job', 'The job that took it, or last tried to.'),
			('same_as', 'The file that had the same content before: this one was not loaded.'),
			('load_id', 'The import_load of its records.'),
			('error', 'Why it could not be loaded, or in what it differs from its manifest.'),
			('finished_at', 'When it was done; without it the next run tries again.'),
			('undone_at', 'When its load was taken back: delivered again it is loaded again.')) AS c(name, comment);
	IF to_regclass('usage_mgmt.import_file_hash_idx') IS NULL THEN
		CREATE UNIQUE INDEX import_file_hash_idx ON usage_mgmt.import_file (ordered_by, hash)
			WHERE same_as IS NULL AND undone_at IS NULL;
	END IF;
	PERFORM usage_mgmt.install_index('import_file_url_idx', 'import_file', '(ordered_by, url)');
	PERFORM usage_mgmt.install_index('import_file_job_idx', 'import_file', '(job)');
	PERFORM usage_mgmt.install_index('import_file_series_idx', 'import_file', '(ordered_by, series, number) WHERE series IS NOT NULL');
	PERFORM usage_mgmt.install_index('import_file_load_idx', 'import_file', '(load_id)');
	PERFORM usage_mgmt.install_job_rights('import_file', 'own_files',
		'(SELECT has_table_privilege(''usage_mgmt.import_file'', ''UPDATE'') OR has_table_privilege(''usage_mgmt.import_load'', ''DELETE''))
			OR ordered_by = ANY (ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE pg_has_role(r.oid, ''USAGE'')))');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_files() IS 'Part of install_tables().';

-- What an agent calls, with its own rights

CREATE FUNCTION usage_mgmt.file_known(
	job text, role text, urls text[], stamps text[], OUT place bigint, OUT url text, OUT own boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT l.place, l.url, bool_or(f.job = $1)
	FROM unnest($3, $4) WITH ORDINALITY l(url, stamp, place)
	JOIN usage_mgmt.import_file f ON f.ordered_by = $2 AND f.url = l.url AND f.stamp = l.stamp AND f.finished_at IS NOT NULL
	GROUP BY l.place, l.url
$$;
COMMENT ON FUNCTION usage_mgmt.file_known(text, text, text[], text[]) IS
'Which of these files are done as they lie there; own, by that very job. For agents.';

CREATE FUNCTION usage_mgmt.file_take(
	job text, role text, name text, url text, stamp text, size bigint, hash text, series text, number text, stays boolean,
	OUT file bigint, OUT state text, OUT same_as text, OUT source text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	known usage_mgmt.import_file;
BEGIN
	source := $4;
	LOOP
		INSERT INTO usage_mgmt.import_file AS f (ordered_by, name, url, stamp, size, hash, series, number, job)
			VALUES ($2, $3, $4, $5, $6, $7, $8, $9::numeric, $1)
			ON CONFLICT (ordered_by, hash) WHERE same_as IS NULL AND undone_at IS NULL DO NOTHING
			RETURNING f.id INTO file;
		IF FOUND THEN
			state := 'new';
			RETURN;
		END IF;
		SELECT f.* INTO known FROM usage_mgmt.import_file f
			WHERE f.ordered_by = $2 AND f.hash = $7 AND f.same_as IS NULL AND f.undone_at IS NULL
			FOR UPDATE;
		EXIT WHEN FOUND;	-- its load may have been undone in between
	END LOOP;
	file := known.id;
	IF known.finished_at IS NULL THEN
		UPDATE usage_mgmt.import_file f SET job = $1, stamp = CASE f.url WHEN $4 THEN $5 ELSE f.stamp END WHERE f.id = known.id;
		state := 'new';
		source := known.url;
	ELSIF known.url = $4 AND ($10 OR known.job = $1) THEN
		UPDATE usage_mgmt.import_file f SET stamp = $5 WHERE f.id = known.id;
		state := CASE known.job WHEN $1 THEN 'done' ELSE 'known' END;
	ELSE
		state := 'repeated';
		same_as := known.name;
		-- an earlier attempt may have been here
		UPDATE usage_mgmt.import_file f SET stamp = $5
			WHERE f.job = $1 AND f.url = $4 AND f.hash = $7 AND f.same_as = known.id RETURNING f.id INTO file;
		IF NOT FOUND THEN
			INSERT INTO usage_mgmt.import_file AS f (ordered_by, name, url, stamp, size, hash, series, number, job, same_as, finished_at)
				VALUES ($2, $3, $4, $5, $6, $7, $8, $9::numeric, $1, known.id, now())
				RETURNING f.id INTO file;
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.file_take(text, text, text, text, text, bigint, text, text, text, boolean) IS
'Enters a file into the register. state is new (it is to be loaded, or to be gone on with, under the name source), known (it was, and stays where it is), done (by this job) or repeated (its content was, as same_as). For agents.';

CREATE FUNCTION usage_mgmt.file_end(file bigint, load bigint, error text, finished boolean) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE usage_mgmt.import_file f SET load_id = coalesce($2, f.load_id), error = $3,
		finished_at = CASE WHEN $4 THEN now() END
		WHERE f.id = $1 AND (f.finished_at IS NULL OR $4)
$$;
COMMENT ON FUNCTION usage_mgmt.file_end(bigint, bigint, text, boolean) IS
'Says what became of a file: loaded, or at fault. Where it is not finished the next run tries again; what is finished stays so. For agents.';

CREATE FUNCTION usage_mgmt.folder_progress(
	job text, role text, series text, known bigint, waiting text[], waiting_numbers text[], unread text[], unread_errors text[])
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH mine AS (
		SELECT f.*, o.name AS original FROM usage_mgmt.import_file f LEFT JOIN usage_mgmt.import_file o ON o.id = f.same_as
		WHERE f.job = $1 AND f.ordered_by = $2),
	present AS (
		SELECT f.number FROM usage_mgmt.import_file f
		WHERE f.ordered_by = $2 AND f.series = $3 AND f.undone_at IS NULL
		UNION
		SELECT n::numeric FROM unnest($6) n WHERE n IS NOT NULL),
	gap AS (
		SELECT number + 1 AS first, lead(number) OVER (ORDER BY number) - 1 AS last FROM present),
	twice AS (
		SELECT f.number, array_agg(f.name ORDER BY f.id) AS names FROM usage_mgmt.import_file f
		WHERE f.ordered_by = $2 AND f.series = $3 AND f.same_as IS NULL AND f.undone_at IS NULL
		GROUP BY f.number HAVING count(*) > 1 AND bool_or(f.job = $1)),
	item AS (
		SELECT 'repeated' AS list, NULL::numeric AS number, name, jsonb_build_object('name', name, 'sameAs', original) AS value
			FROM mine WHERE same_as IS NOT NULL
		UNION ALL SELECT 'failed', NULL, name, jsonb_build_object('name', name, 'error', left(error, 1000))
			FROM mine WHERE error IS NOT NULL
		UNION ALL SELECT 'failed', NULL, u, jsonb_build_object('name', u, 'error', left(e, 1000)) FROM unnest($7, $8) x(u, e)
		UNION ALL SELECT 'waiting', NULL, w, to_jsonb(w) FROM unnest($5) w
		UNION ALL SELECT 'gaps', first, NULL, jsonb_build_object('from', first, 'to', last) FROM gap WHERE last >= first
		UNION ALL SELECT 'duplicateNumbers', number, NULL, jsonb_build_object('number', number, 'names', names[:100]) FROM twice),
	placed AS (
		SELECT list, value, row_number() OVER w AS place FROM item
		WINDOW w AS (PARTITION BY list ORDER BY number, name COLLATE "C")),
	listed AS (
		SELECT l.list, coalesce(jsonb_agg(p.value ORDER BY p.place) FILTER (WHERE p.place <= 100), '[]') AS items,
			count(p.place) - 100 AS more
		FROM unnest('{repeated,failed,waiting,gaps,duplicateNumbers}'::text[]) l(list) LEFT JOIN placed p USING (list)
		GROUP BY l.list),
	loaded AS (
		SELECT coalesce(sum(l.read), 0) AS read, coalesce(sum(l.stored + l.undone), 0) AS stored,
			coalesce(sum(l.repeated), 0) AS repeated, coalesce(sum(l.conflicting), 0) AS conflicting,
			coalesce(sum(l.rejected), 0) AS rejected
		FROM usage_mgmt.import_load l WHERE l.id IN (SELECT load_id FROM mine))
	SELECT (SELECT to_jsonb(loaded) FROM loaded) || jsonb_build_object(
		'bytes', (SELECT coalesce(sum(size), 0) FROM mine WHERE load_id IS NOT NULL),
		'report', jsonb_build_object(
			'files', (SELECT count(*) FROM mine) + $4 + cardinality($5)
				+ (SELECT count(*) FROM unnest($7) u WHERE u NOT IN (SELECT name FROM mine)),
			'loaded', (SELECT count(*) FROM mine WHERE same_as IS NULL AND finished_at IS NOT NULL AND error IS NULL),
			'known', $4)
			|| (SELECT jsonb_object_agg(list, items) FROM listed)
			|| coalesce((SELECT jsonb_build_object('more', jsonb_object_agg(list, more)) FROM listed WHERE more > 0 HAVING count(*) > 0), '{}'))
$$;
COMMENT ON FUNCTION usage_mgmt.folder_progress(text, text, text, bigint, text[], text[], text[], text[]) IS
'How far a job has come that takes files out of a folder, as job_checkpoint() takes it: counts of the loads of its files, and its report; unread are the files that could not be read or put away. Lists in the report have 100 items at the most, more says of how many there were others. For agents.';

-- What a file is said to hold

CREATE FUNCTION usage_mgmt.make_manifest(
	name text, resource text, query text, version text, records bigint, bytes bigint, sha256 text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = ISO
AS $$
DECLARE
	sums record;
	of_resource record;
BEGIN
	SELECT * INTO of_resource FROM usage_mgmt.resources() r WHERE r.noun = resource;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'resource "%" is not known', resource USING ERRCODE = 'invalid_parameter_value';
	END IF;
	EXECUTE format('SELECT * FROM usage_mgmt.%I($1, $2)', 'summarize_' || of_resource.plural) INTO sums USING query, version;
	IF sums.records IS DISTINCT FROM records THEN
		RAISE EXCEPTION 'the file has % records, and the query names %', records, sums.records
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'A manifest is made in the transaction of the copy, whose isolation level is REPEATABLE READ.';
	END IF;
	RETURN json_strip_nulls(json_build_object('name', name, 'resource', resource, 'records', records, 'bytes', bytes,
		'sha256', sha256, 'amounts', sums.amounts, 'firstDate', usage_mgmt.manifest_time(sums.first_date),
		'lastDate', usage_mgmt.manifest_time(sums.last_date), 'query', query,
		'tmfVersion', coalesce(version, current_setting('usage_mgmt.tmf_version')),
		'snapshot', pg_current_snapshot()::text, 'createdAt', usage_mgmt.manifest_time(clock_timestamp())))::text;
END
$$;
COMMENT ON FUNCTION usage_mgmt.make_manifest(text, text, text, text, bigint, bigint, text) IS
'What a file holds that was just written of a query, as JSON: its records, bytes and sha256 as they are given, and the sums and dates of what the query names. For the transaction that copied it, of isolation level REPEATABLE READ; 55000 where the number of records is not that of the query.';

CREATE FUNCTION usage_mgmt.manifest_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN rtrim(rtrim(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z';
COMMENT ON FUNCTION usage_mgmt.manifest_time(timestamptz) IS
'A time as a manifest has it. Part of make_manifest() and compare_manifest().';

CREATE FUNCTION usage_mgmt.compare_manifest(manifest jsonb, resource text, load bigint, bytes bigint, sha256 text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
	l usage_mgmt.import_load;
	whole boolean;
BEGIN
	IF jsonb_typeof(manifest) <> 'object' OR jsonb_typeof(coalesce(manifest -> 'amounts', '{}')) <> 'object' THEN
		RAISE EXCEPTION 'the manifest, or its amounts, is no JSON object' USING ERRCODE = 'invalid_text_representation';
	END IF;
	SELECT * INTO l FROM usage_mgmt.import_load i WHERE i.id = load;
	IF NOT FOUND AND load IS NOT NULL THEN
		RAISE EXCEPTION 'load % does not exist', load USING ERRCODE = 'no_data_found';
	END IF;
	-- the books know the amounts and dates of what was stored alone
	whole := l.read = l.stored;
	RETURN (SELECT string_agg(format('%s: the manifest says %s, %s', what, coalesce(said, 'none'), there), '; ' ORDER BY place, what)
		FROM (
			SELECT 1 AS place, 'resource' AS what, manifest ->> 'resource' AS said, 'the job ' || resource AS there
				WHERE manifest ->> 'resource' <> resource
			UNION ALL SELECT 2, 'bytes', manifest ->> 'bytes', 'the file has ' || bytes
				WHERE (manifest ->> 'bytes')::numeric <> bytes
			UNION ALL SELECT 3, 'sha256', manifest ->> 'sha256', 'that of the file is ' || sha256
				WHERE lower(manifest ->> 'sha256') <> sha256
			UNION ALL SELECT 4, 'records', manifest ->> 'records', 'there were ' || l.read
				WHERE (manifest ->> 'records')::numeric <> l.read
			UNION ALL SELECT 5, coalesce(m.key, a.key), m.value, 'what was stored amounts to ' || coalesce(a.value, 'none')
				FROM jsonb_each_text(manifest -> 'amounts') m FULL JOIN jsonb_each_text(l.amounts) a ON a.key = m.key
				WHERE whole AND manifest ? 'amounts' AND coalesce(m.value::numeric, 0) <> coalesce(a.value::numeric, 0)
			UNION ALL SELECT 6, 'firstDate', manifest ->> 'firstDate', 'the first was ' || coalesce(usage_mgmt.manifest_time(l.first_date), 'none')
				WHERE whole AND (manifest ->> 'firstDate')::timestamptz IS DISTINCT FROM l.first_date AND manifest ? 'firstDate'
			UNION ALL SELECT 7, 'lastDate', manifest ->> 'lastDate', 'the last was ' || coalesce(usage_mgmt.manifest_time(l.last_date), 'none')
				WHERE whole AND (manifest ->> 'lastDate')::timestamptz IS DISTINCT FROM l.last_date AND manifest ? 'lastDate'
		) d);
END
$$;
COMMENT ON FUNCTION usage_mgmt.compare_manifest(jsonb, text, bigint, bigint, text) IS
'In what a file, and its load where that is given, differs from its manifest, with both figures of each; null where it does not. What is null, or what the manifest does not say, is not compared; amounts and dates only where all was stored, since the books have those of what was.';
