-- Queries, patches and collections, as TMF630 says

CREATE FUNCTION usage_mgmt.value_matches(value text, op text, "values" text[]) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_value_matches' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.value_matches(text, text, text[]) IS
'Whether a value compares (eq, ne, gt, gte, lt, lte, regex) with any of the values: as numbers where both are, else byte by byte. Part of queries.';

CREATE FUNCTION usage_mgmt.characteristic_matches(
	list usage_mgmt.characteristics, name text, op text, "values" text[]) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_characteristic_matches' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION usage_mgmt.characteristic_matches(usage_mgmt.characteristics, text, text, text[]) IS
'Whether a characteristic of that name has a value that matches. Part of queries.';

CREATE FUNCTION usage_mgmt.value_number(value text) RETURNS numeric
AS 'MODULE_PATHNAME', 'um_value_number' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.value_number(text) IS 'The number that a text is, else null.';

CREATE FUNCTION usage_mgmt.party_ids(parties usage_mgmt.related_party[]) RETURNS text[]
AS 'MODULE_PATHNAME', 'um_party_ids' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION usage_mgmt.party_ids(usage_mgmt.related_party[]) IS
'The ids of the parties. CREATE INDEX ON usage_mgmt.usage USING gin (usage_mgmt.party_ids(related_party)) serves relatedParty.id=45.';

CREATE FUNCTION usage_mgmt.get_usages(query text DEFAULT '', version text DEFAULT NULL) RETURNS SETOF json
AS 'MODULE_PATHNAME', 'um_get_usages' LANGUAGE C STABLE ROWS 1000;
COMMENT ON FUNCTION usage_mgmt.get_usages(text, text) IS
'The usages that a TMF630 query string names, one at a time: SELECT usage_mgmt.get_usages(''...''). In FROM, PostgreSQL collects them first. 22023 for what the string cannot mean.';

CREATE FUNCTION usage_mgmt.count_usages(query text DEFAULT '', version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_count_usages' LANGUAGE C STABLE;
COMMENT ON FUNCTION usage_mgmt.count_usages(text, text) IS
'How many usages a query string names, whatever its limit, offset and after.';

CREATE FUNCTION usage_mgmt.explain_usages(query text DEFAULT '', version text DEFAULT NULL) RETURNS SETOF text
AS 'MODULE_PATHNAME', 'um_explain_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.explain_usages(text, text) IS
'The plan behind a query string.';

CREATE FUNCTION usage_mgmt.patch_usage(
	id text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_patch_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage(text, json, text, text) IS
'Partial update, returned as stored: application/merge-patch+json (default), application/json-patch+json, application/json-patch-query+json, or the seeds'' ArrayUpdate. The rules see the result. P0002 when there is none, 22023 when an operation names what is not there.';

CREATE FUNCTION usage_mgmt.patch_usage(
	id text, patch jsonb, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_patch_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage(text, jsonb, text, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.patch_usage(
	id text, patch text, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_patch_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage(text, text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.patch_usages(
	query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_patch_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usages(text, json, text, text) IS
'Partial update of all that a query string names, in one statement, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true.';

CREATE FUNCTION usage_mgmt.patch_usages(
	query text, patch jsonb, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_patch_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usages(text, jsonb, text, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.patch_usages(
	query text, patch text, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_patch_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usages(text, text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.patch_usages_each(
	query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL,
	OUT id text, OUT code text, OUT errors text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_patch_each_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usages_each(text, json, text, text) IS
'Partial update of each by itself; returns what was refused: its id, the SQLSTATE, and all faults.';

CREATE FUNCTION usage_mgmt.patch_usages_each(
	query text, patch jsonb, content_type text DEFAULT NULL, version text DEFAULT NULL,
	OUT id text, OUT code text, OUT errors text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_patch_each_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usages_each(text, jsonb, text, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.patch_usages_each(
	query text, patch text, content_type text DEFAULT NULL, version text DEFAULT NULL,
	OUT id text, OUT code text, OUT errors text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_patch_each_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usages_each(text, text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.delete_usages(query text, billed boolean DEFAULT false) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_delete_usages' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.delete_usages(text, boolean) IS
'Deletes all that a query string names, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true. Billed ones are refused (UM003) unless billed.';

CREATE FUNCTION usage_mgmt.get_usage_specifications(query text DEFAULT '', version text DEFAULT NULL) RETURNS SETOF json
AS 'MODULE_PATHNAME', 'um_get_usage_specifications' LANGUAGE C STABLE ROWS 1000;
COMMENT ON FUNCTION usage_mgmt.get_usage_specifications(text, text) IS
'The usage specifications that a TMF630 query string names, one at a time: SELECT usage_mgmt.get_usage_specifications(''...''). In FROM, PostgreSQL collects them first. 22023 for what the string cannot mean.';

CREATE FUNCTION usage_mgmt.count_usage_specifications(query text DEFAULT '', version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_count_usage_specifications' LANGUAGE C STABLE;
COMMENT ON FUNCTION usage_mgmt.count_usage_specifications(text, text) IS
'How many usage specifications a query string names, whatever its limit, offset and after.';

CREATE FUNCTION usage_mgmt.explain_usage_specifications(query text DEFAULT '', version text DEFAULT NULL) RETURNS SETOF text
AS 'MODULE_PATHNAME', 'um_explain_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.explain_usage_specifications(text, text) IS
'The plan behind a query string.';

CREATE FUNCTION usage_mgmt.patch_usage_specification(
	id text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_patch_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specification(text, json, text, text) IS
'Partial update, returned as stored: application/merge-patch+json (default), application/json-patch+json, application/json-patch-query+json, or the seeds'' ArrayUpdate. The rules see the result. P0002 when there is none, 22023 when an operation names what is not there.';

CREATE FUNCTION usage_mgmt.patch_usage_specification(
	id text, patch jsonb, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_patch_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specification(text, jsonb, text, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.patch_usage_specification(
	id text, patch text, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_patch_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specification(text, text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.patch_usage_specifications(
	query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_patch_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specifications(text, json, text, text) IS
'Partial update of all that a query string names, in one statement, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true.';

CREATE FUNCTION usage_mgmt.patch_usage_specifications(
	query text, patch jsonb, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_patch_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specifications(text, jsonb, text, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.patch_usage_specifications(
	query text, patch text, content_type text DEFAULT NULL, version text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_patch_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specifications(text, text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.patch_usage_specifications_each(
	query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL,
	OUT id text, OUT code text, OUT errors text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_patch_each_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specifications_each(text, json, text, text) IS
'Partial update of each by itself; returns what was refused: its id, the SQLSTATE, and all faults.';

CREATE FUNCTION usage_mgmt.patch_usage_specifications_each(
	query text, patch jsonb, content_type text DEFAULT NULL, version text DEFAULT NULL,
	OUT id text, OUT code text, OUT errors text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_patch_each_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specifications_each(text, jsonb, text, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.patch_usage_specifications_each(
	query text, patch text, content_type text DEFAULT NULL, version text DEFAULT NULL,
	OUT id text, OUT code text, OUT errors text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_patch_each_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.patch_usage_specifications_each(text, text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.delete_usage_specifications(query text) RETURNS bigint
AS 'MODULE_PATHNAME', 'um_delete_usage_specifications' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.delete_usage_specifications(text) IS
'Deletes all that a query string names, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true.';
