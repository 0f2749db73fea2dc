-- Loads: what came in by COPY, and what became of it

CREATE FUNCTION usage_mgmt.usage_document_begin() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_usage_document_begin' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.usage_document_begin() IS
'BEFORE INSERT ON usage_document, for each statement: opens a batch.';

CREATE FUNCTION usage_mgmt.usage_document_row() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_usage_document_row' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.usage_document_row() IS
'INSTEAD OF INSERT ON usage_document, for each row: reads a document into the batch.';

CREATE FUNCTION usage_mgmt.usage_document_end() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_usage_document_end' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.usage_document_end() IS
'AFTER INSERT ON usage_document, for each statement: stores the rest of the batch.';

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
		CONSTRAINT import_load_pkey PRIMARY KEY (id),
		CONSTRAINT import_load_balance CHECK (read = stored + repeated + conflicting + rejected)
	);
	COMMENT ON TABLE usage_mgmt.import_load IS
	'A load, and what became of its records: read = stored + repeated + conflicting + rejected.';
	COMMENT ON COLUMN usage_mgmt.import_load.source IS 'Where it came from: COPY, or the name of a file.';
	COMMENT ON COLUMN usage_mgmt.import_load.amounts IS
	'Sums of the tax-included amounts of what was stored, by currency: {"EUR": 12.00}.';
	COMMENT ON COLUMN usage_mgmt.import_load.position IS 'Bytes of the source that are done.';
	COMMENT ON COLUMN usage_mgmt.import_load.declared IS
	'What the sender said it would be: {"read": 1000, "amounts": {"EUR": 12.00}}.';

	CREATE TABLE IF NOT EXISTS usage_mgmt.import_reject (
		id bigserial NOT NULL,
		load_id bigint NOT NULL,
		record_number bigint NOT NULL,
		document text,
		document_raw bytea,
		document_length bigint,
		errors jsonb NOT NULL,
		rejected_at timestamptz NOT NULL DEFAULT now(),
		recycled_at timestamptz,
		CONSTRAINT import_reject_pkey PRIMARY KEY (id)
	);
	CREATE INDEX IF NOT EXISTS import_reject_load_idx ON usage_mgmt.import_reject (load_id, record_number);
	COMMENT ON TABLE usage_mgmt.import_reject IS
	'Records that could not be stored, whole, with all their faults. recycle_reject() takes a corrected one in.';
	COMMENT ON COLUMN usage_mgmt.import_reject.record_number IS 'Its place in the load, from 1.';
	COMMENT ON COLUMN usage_mgmt.import_reject.document IS
	'As received; of one above 64 MB the first megabyte.';
	COMMENT ON COLUMN usage_mgmt.import_reject.document_raw IS 'What is no text in the server''s encoding.';
	COMMENT ON COLUMN usage_mgmt.import_reject.document_length IS 'Bytes of the whole record.';
	COMMENT ON COLUMN usage_mgmt.import_reject.errors IS 'A JSON array of {path, code, message}.';

	CREATE TABLE IF NOT EXISTS usage_mgmt.usage_conflict (
		id bigserial NOT NULL,
		load_id bigint NOT NULL,
		record_number bigint NOT NULL,
		usage_id text COLLATE "C" NOT NULL,
		document text,
		document_length bigint,
		stored json,
		found_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT usage_conflict_pkey PRIMARY KEY (id)
	);
	CREATE INDEX IF NOT EXISTS usage_conflict_load_idx ON usage_mgmt.usage_conflict (load_id, record_number);
	COMMENT ON TABLE usage_mgmt.usage_conflict IS
	'Records whose id the store has with other content: what came, and what was there.';
	COMMENT ON COLUMN usage_mgmt.usage_conflict.document IS 'As received; of one above 64 MB the first megabyte.';
	COMMENT ON COLUMN usage_mgmt.usage_conflict.stored IS
	'The usage as it was stored then; null where only its id was kept.';

	CREATE OR REPLACE VIEW usage_mgmt.usage_document WITH (security_invoker = true) AS
		SELECT usage_mgmt.to_tmf(u)::text AS document FROM usage_mgmt.usage u;
	COMMENT ON VIEW usage_mgmt.usage_document IS
	'Usages as TMF JSON. COPY into it loads newline-delimited JSON: WITH (FORMAT csv, QUOTE E''\x01'', DELIMITER E''\x02'').';
	PERFORM usage_mgmt.install_trigger('usage_document', 'usage_document_begin',
		'BEFORE INSERT', 'FOR EACH STATEMENT', 'usage_document_begin');
	PERFORM usage_mgmt.install_trigger('usage_document', 'usage_document_row',
		'INSTEAD OF INSERT', 'FOR EACH ROW', 'usage_document_row');
	PERFORM usage_mgmt.install_trigger('usage_document', 'usage_document_end',
		'AFTER INSERT', 'FOR EACH STATEMENT', 'usage_document_end');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_loads() IS 'Part of install_tables().';
