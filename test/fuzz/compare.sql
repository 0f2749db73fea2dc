-- The scanner of json_scan.c against PostgreSQL's own parser: mutants are loaded, and
-- what became of them must be what jsonb makes of the same text. Both refuse U+0000 and
-- numbers that numeric cannot hold; ours alone what is nested more than 1,000 levels deep.
SET client_min_messages = warning;
CREATE SCHEMA fuzz;
-- value is null where the whole document was broken
CREATE UNLOGGED TABLE fuzz.mutant (n int, value text, document text);
CREATE UNLOGGED TABLE fuzz.disagreement (what text, value text, document text, ours text, theirs text);
CREATE UNLOGGED TABLE fuzz.total (compared bigint, sound bigint, strings bigint, numbers bigint);

CREATE FUNCTION fuzz.read(document text, OUT value jsonb, OUT fault text) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	value := document::jsonb;
EXCEPTION WHEN OTHERS THEN
	fault := SQLSTATE;
END
$$;

-- Loads the batch and notes where the two differ
CREATE FUNCTION fuzz.compare() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	load bigint;
BEGIN
	INSERT INTO usage_mgmt.import_load (source) VALUES ('fuzz') RETURNING id INTO load;
	PERFORM set_config('usage_mgmt.load', load::text, true);
	INSERT INTO usage_mgmt.usage_document SELECT m.document FROM fuzz.mutant m ORDER BY m.n;
	CREATE TEMP TABLE judged ON COMMIT DROP AS
	SELECT m.n, m.value, m.document, r.document IS NOT NULL AS rejected, r.errors -> 0 ->> 'code' AS code,
		-- a fault of the text itself, not of what it says
		coalesce(r.errors -> 0 ->> 'message' LIKE '% at byte %', false) AS refused,
		d.fault, v.value AS theirs, v.fault AS value_fault, r.errors
	FROM fuzz.mutant m
	LEFT JOIN usage_mgmt.import_reject r ON r.load_id = load AND r.record_number = m.n
	CROSS JOIN LATERAL fuzz.read(CASE WHEN m.document LIKE U&'\FEFF%' THEN substr(m.document, 2) ELSE m.document END) d
	LEFT JOIN LATERAL fuzz.read(m.value) v ON m.value IS NOT NULL;
	INSERT INTO fuzz.disagreement
	SELECT CASE WHEN refused THEN 'refused' ELSE 'accepted' END, value, document, errors::text, fault FROM judged
	WHERE CASE WHEN code = '54001' AND refused THEN length(regexp_replace(document, '[^[{]', '', 'g')) <= 1000
		ELSE refused <> (fault IS NOT NULL) END;
	INSERT INTO fuzz.disagreement
	SELECT what, j.value, j.document, ours, wanted FROM judged j LEFT JOIN usage_mgmt.usage u ON u.load_id = load AND u.id = 'value ' || j.n
	CROSS JOIN LATERAL (VALUES
		('stored', (u.id IS NOT NULL)::text, 'true'),
		('kept', u.extra ->> 'x', j.theirs #>> '{}'),
		('kept as', coalesce(jsonb_typeof(u.extra -> 'x'), 'null'), jsonb_typeof(j.theirs)),
		('characteristic', u.usage_characteristic::jsonb ->> 'c', j.theirs #>> '{}'),
		('characteristic, fast', u.usage_characteristic OPERATOR(usage_mgmt.->>) 'c', j.theirs #>> '{}'),
		('description', u.description, CASE WHEN jsonb_typeof(j.theirs) = 'string' THEN j.theirs #>> '{}' END),
		('number', u.rated_product_usage[1].tax_rate::text, CASE WHEN jsonb_typeof(j.theirs) = 'number' THEN j.theirs #>> '{}' END),
		('document', usage_mgmt.to_tmf(u)::jsonb ->> 'x', j.theirs #>> '{}')) v (what, ours, wanted)
	WHERE j.value IS NOT NULL AND j.value_fault IS NULL AND NOT (j.refused AND j.code = '54001')
	AND (ours IS DISTINCT FROM wanted);
	INSERT INTO fuzz.total
	SELECT count(*), count(*) FILTER (WHERE fault IS NULL), count(*) FILTER (WHERE jsonb_typeof(theirs) = 'string'),
		count(*) FILTER (WHERE jsonb_typeof(theirs) = 'number') FROM judged;
	-- each record of the load is accounted for
	INSERT INTO fuzz.disagreement
	SELECT 'books', NULL, NULL, to_jsonb(l)::text, NULL FROM usage_mgmt.import_load l WHERE l.id = load
	AND (read <> (SELECT count(*) FROM fuzz.mutant) OR stored <> (SELECT count(*) FROM usage_mgmt.usage u WHERE u.load_id = load)
		OR rejected <> (SELECT count(*) FROM usage_mgmt.import_reject r WHERE r.load_id = load));
	TRUNCATE fuzz.mutant, usage_mgmt.usage, usage_mgmt.usage_key, usage_mgmt.import_reject, usage_mgmt.usage_conflict;
END
$$;
