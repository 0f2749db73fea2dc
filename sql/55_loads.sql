-- Loads: what came in by COPY, and what became of it

CREATE FUNCTION usage_mgmt.install_loads() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.import_load (
		id bigserial NOT NULL,
		source text,
		started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		finished_at timestamptz,
		read bigint NOT NULL DEFAULT 0,
		stored bigint NOT NULL DEFAULT 0,
		repeated bigint NOT NULL DEFAULT 0,
		conflicting bigint NOT NULL DEFAULT 0,
		rejected bigint NOT NULL DEFAULT 0,
		first_date timestamptz,
		last_date timestamptz,
		amounts jsonb,
		position bigint NOT NULL DEFAULT 0,
		declared jsonb,
		CONSTRAINT import_load_pkey PRIMARY KEY (id)
	);
	PERFORM usage_mgmt.install_columns('usage_mgmt.import_load'::regclass, '{filled,loaded_by,undone}',
		'{bigint NOT NULL DEFAULT 0,text NOT NULL DEFAULT CURRENT_USER,bigint NOT NULL DEFAULT 0}');
	-- An older one knows of nothing that was undone.
	IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'usage_mgmt.import_load'::regclass
			AND conname = 'import_load_balance' AND pg_get_constraintdef(oid) LIKE '%undone%') THEN
		ALTER TABLE usage_mgmt.import_load DROP CONSTRAINT IF EXISTS import_load_balance,
			ADD CONSTRAINT import_load_balance CHECK (read = stored + repeated + conflicting + rejected + undone);
	END IF;
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', NULL,
		'A load, and what became of its records: read = stored + repeated + conflicting + rejected + undone.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', 'undone',
		'How many were stored and taken back by undo_load().');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', 'source',
		'Where it came from: COPY, or the name of a file.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', 'filled',
		'How many of the stored ones lacked what their version does not ask for, so that it was filled in.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', 'loaded_by',
		'The role that opened it; only its members may go on with it.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', 'amounts',
		'Sums of the tax-included amounts of what was stored, by currency: {"EUR": 12.00}.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', 'position',
		'Bytes of the source that are done.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_load', 'declared',
		'What the sender said it would be: {"read": 1000, "amounts": {"EUR": 12.00}}.');

	CREATE TABLE IF NOT EXISTS usage_mgmt.import_reject (
		id bigserial NOT NULL,
		load_id bigint NOT NULL,
		record_number bigint NOT NULL,
		resource text NOT NULL DEFAULT 'usage',
		document text,
		document_raw bytea,
		document_length bigint,
		errors jsonb NOT NULL,
		rejected_at timestamptz NOT NULL DEFAULT now(),
		recycled_at timestamptz,
		CONSTRAINT import_reject_pkey PRIMARY KEY (id)
	);
	PERFORM usage_mgmt.install_index('import_reject_load_idx', 'import_reject', '(load_id, record_number)');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_reject', NULL,
		'Records that could not be stored, whole, with all their faults. recycle_reject() takes a corrected one in.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_reject', 'record_number',
		'Its place in the load, from 1.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_reject', 'document',
		'As received; of one above 64 MB the first megabyte.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_reject', 'document_raw',
		'What is no text in the server''s encoding.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_reject', 'document_length',
		'Bytes of the whole record.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_reject', 'resource',
		'The noun of what it was to be: usage, usage_specification and so on.');
	PERFORM usage_mgmt.install_comment('usage_mgmt.import_reject', 'errors',
		'A JSON array of {path, code, message}.');

	-- The books are kept as the owner of the tables, whom no policy concerns. Rejects have none:
	-- COPY takes no rows where there is one.
	IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = 'usage_mgmt.import_load'::regclass) THEN
		ALTER TABLE usage_mgmt.import_load ENABLE ROW LEVEL SECURITY;
		CREATE POLICY loads_are_seen ON usage_mgmt.import_load FOR SELECT USING (true);
		CREATE POLICY loads_are_their_roles ON usage_mgmt.import_load
			USING (has_table_privilege('usage_mgmt.import_load', 'DELETE')
				OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = loaded_by AND pg_has_role(r.oid, 'USAGE')));
	END IF;
	-- What a job has loaded from where is for those who see the job, and for agents.
	IF EXISTS (SELECT FROM pg_policy WHERE polrelid = 'usage_mgmt.import_load'::regclass AND polname = 'loads_are_seen'
			AND pg_get_expr(polqual, polrelid) = 'true') THEN
		ALTER POLICY loads_are_seen ON usage_mgmt.import_load
			USING (NOT coalesce(declared ?| '{job,file}', false) OR (SELECT has_table_privilege('usage_mgmt.import_file', 'UPDATE')));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_loads() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_conflicts(resource text, label text, conflict text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I (
		id bigserial NOT NULL,
		load_id bigint NOT NULL,
		record_number bigint NOT NULL,
		%I text COLLATE "C" NOT NULL,
		document text,
		document_length bigint,
		stored json,
		found_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT %I PRIMARY KEY (id))', conflict, resource || '_id', conflict || '_pkey');
	PERFORM usage_mgmt.install_index(conflict || '_load_idx', conflict, '(load_id, record_number)');
	PERFORM usage_mgmt.install_comment(format('usage_mgmt.%I', conflict), name, comment)
		FROM (VALUES (NULL, 'Records whose id the store has with other content: what came, and what was there.'),
			('document', 'As received; of one above 64 MB the first megabyte.'),
			('stored', format('The %s as it was stored then; null where only its id was kept.', label))) AS c(name, comment);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_conflicts(text, text, text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_document_triggers(name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	PERFORM usage_mgmt.install_trigger(name, 'document_begin',
		'BEFORE INSERT', 'FOR EACH STATEMENT', name || '_begin');
	PERFORM usage_mgmt.install_trigger(name, 'document_row',
		'INSTEAD OF INSERT', 'FOR EACH ROW', name || '_row');
	PERFORM usage_mgmt.install_trigger(name, 'document_end',
		'AFTER INSERT', 'FOR EACH STATEMENT', name || '_end');
	-- The one makes the view no table to its statements, the other speaks where no row is met.
	PERFORM usage_mgmt.install_trigger(name, 'document_refuse_row',
		'INSTEAD OF UPDATE OR DELETE', 'FOR EACH ROW', name || '_refuse');
	PERFORM usage_mgmt.install_trigger(name, 'document_refuse',
		'BEFORE UPDATE OR DELETE', 'FOR EACH STATEMENT', name || '_refuse');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_document_triggers(text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.recycle_reject(reject_id bigint, corrected_document text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
SET usage_mgmt.load = ''
AS $$
DECLARE
	found_document text;
	found_resource text;
BEGIN
	SELECT coalesce(corrected_document, r.document), r.resource INTO found_document, found_resource
		FROM usage_mgmt.import_reject r
		WHERE r.id OPERATOR(pg_catalog.=) reject_id AND r.recycled_at IS NULL
		FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF found_document IS NULL THEN
		RAISE EXCEPTION 'reject % is no text, it needs a corrected document', reject_id
			USING ERRCODE = 'character_not_in_repertoire';
	ELSIF NOT EXISTS (SELECT FROM usage_mgmt.resources() WHERE noun OPERATOR(pg_catalog.=) found_resource AND NOT orders) THEN
		RAISE EXCEPTION 'resource "%" is not known', found_resource USING ERRCODE = 'invalid_parameter_value';
	END IF;
	EXECUTE pg_catalog.format('INSERT INTO usage_mgmt.%I VALUES ($1)', found_resource OPERATOR(pg_catalog.||) '_document')
		USING found_document;
	UPDATE usage_mgmt.import_reject SET recycled_at = pg_catalog.now()
		WHERE id OPERATOR(pg_catalog.=) reject_id;
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.recycle_reject(bigint, text) IS
'Takes a rejected record in, corrected or, where what was wrong lay elsewhere, as it came. Raises what is still wrong with it; false when there is no such reject or it has been recycled.';

CREATE FUNCTION usage_mgmt.recycle_reject(reject_id bigint, corrected_document json) RETURNS boolean
LANGUAGE sql
BEGIN ATOMIC
	SELECT usage_mgmt.recycle_reject(reject_id, corrected_document::text);
END;
COMMENT ON FUNCTION usage_mgmt.recycle_reject(bigint, json) IS 'The same of json.';

CREATE FUNCTION usage_mgmt.recycle_reject(reject_id bigint, corrected_document jsonb) RETURNS boolean
LANGUAGE sql
BEGIN ATOMIC
	SELECT usage_mgmt.recycle_reject(reject_id, corrected_document::text);
END;
COMMENT ON FUNCTION usage_mgmt.recycle_reject(bigint, jsonb) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.recycle_rejects(load bigint, patch jsonb) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	reject record;
	recycled bigint := 0;
BEGIN
	FOR reject IN
		SELECT r.id, r.document FROM usage_mgmt.import_reject r
		WHERE r.load_id OPERATOR(pg_catalog.=) load AND r.recycled_at IS NULL AND r.document IS NOT NULL
		ORDER BY r.record_number
	LOOP
		BEGIN
			recycled := recycled OPERATOR(pg_catalog.+) usage_mgmt.recycle_reject(reject.id,
				CASE WHEN patch OPERATOR(pg_catalog.=) '{}' THEN reject.document
				ELSE (reject.document::jsonb OPERATOR(pg_catalog.||) patch)::text END)::integer;
		EXCEPTION WHEN data_exception OR integrity_constraint_violation OR SQLSTATE 'UM001'
			OR SQLSTATE 'UM003' OR with_check_option_violation OR insufficient_privilege
			OR raise_exception OR statement_too_complex THEN
			NULL;	-- it stays a reject
		END;
	END LOOP;
	RETURN recycled;
END
$$;
COMMENT ON FUNCTION usage_mgmt.recycle_rejects(bigint, jsonb) IS
'Takes the rejects of a load in, each with the members of patch set in its document; what is still faulty stays a reject. Returns how many came in.';

CREATE FUNCTION usage_mgmt.recycle_rejects(load bigint, patch json) RETURNS bigint
LANGUAGE sql
BEGIN ATOMIC
	SELECT usage_mgmt.recycle_rejects(load, patch::jsonb);
END;
COMMENT ON FUNCTION usage_mgmt.recycle_rejects(bigint, json) IS 'The same of json.';

CREATE FUNCTION usage_mgmt.recycle_rejects(load bigint, patch text DEFAULT '{}') RETURNS bigint
LANGUAGE sql
BEGIN ATOMIC
	SELECT usage_mgmt.recycle_rejects(load, patch::jsonb);
END;
COMMENT ON FUNCTION usage_mgmt.recycle_rejects(bigint, text) IS
'The same of text and plain literals; without a patch the rejects are taken as they came.';

CREATE FUNCTION usage_mgmt.is_as_stored("row" record) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_as_stored' LANGUAGE C STABLE STRICT COST 1000;
COMMENT ON FUNCTION usage_mgmt.is_as_stored(record) IS
'Whether a row is as the ledger has it from when it came. Part of undo_load(), which alone can call it.';

CREATE FUNCTION usage_mgmt.undo_load(
	load bigint, billed boolean DEFAULT false, OUT resource text, OUT undone bigint, OUT kept bigint, OUT changed text[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_undo_load' LANGUAGE C VOLATILE ROWS 2;
COMMENT ON FUNCTION usage_mgmt.undo_load(bigint, boolean) IS
'Takes a load back: deletes its rows that are as they came, forgets their ids and counts them in the books as undone; returns how many of each resource, and how many have changed since and stay, the first 1000 by their ids. What came as billed is refused (UM003) unless billed. Rejects, conflicts and what was repeated stay as they are, and so do specifications, which are of no load. A load that was broken off is finished by it; P0002 for none, 55006 for one under way, 42501 for another role''s.';

CREATE FUNCTION usage_mgmt.load_faults(
	load bigint, most integer DEFAULT 20, OUT code text, OUT path text, OUT message text, OUT records bigint, OUT record_number bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_load_faults' LANGUAGE C STABLE STRICT ROWS 5
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.load_faults(bigint, integer) IS
'What was wrong with the records of a load that are rejects still: each kind of fault with how many records have it and the first of them, whose path and message it is; the commonest first, most of them and never more than 1000. Faults that differ in what they quote, in numbers or in the place in a list are one kind. For the role that loaded and who may read import_reject; 42501 for others, P0002 for no load.';
