-- CSV: documents as rows, and rows as documents

CREATE FUNCTION usage_mgmt.csv_columns(resource text, version text DEFAULT NULL) RETURNS text[]
AS 'MODULE_PATHNAME', 'um_csv_columns' LANGUAGE C STABLE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.csv_columns(text, text) IS
'The header of a resource''s CSV: the paths of its attributes as the version calls them (the setting''s, if it is null), of an object those of its members; lists are one column of JSON. The last takes as a JSON object what has no column.';

CREATE FUNCTION usage_mgmt.csv_row(resource text, version text, document json) RETURNS text
AS 'MODULE_PATHNAME', 'um_csv_row' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.csv_row(text, text, json) IS
'A document of a resource in that version as a row of CSV under the header that csv_columns() gives, without the end of the line.';

CREATE FUNCTION usage_mgmt.csv_steps(
	resource text, mapping jsonb, header text[],
	OUT step text, OUT text text, OUT field integer, OUT type text, OUT path text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_csv_steps' LANGUAGE C STABLE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.csv_steps(text, jsonb, text[]) IS
'How a document is made of a row of CSV: texts to write one after the other, each field behind its own. The mapping is an object of paths and columns, {"usageDate": "start", "usageCharacteristic[duration]": {"column": "secs", "type": "number"}, "usageType": {"value": "voice"}}; without one the header''s names are paths. Faults of it are 22023, all at once; with a header that is null the mapping is checked alone. For usagectl import.';
