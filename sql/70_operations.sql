-- The operations of TMF630 on each resource. They need the caller's own rights.

CREATE FUNCTION usage_mgmt.post_usage(body json, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_post_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.post_usage(json, text) IS
'Creates a usage from its TMF JSON and returns it as stored. Delivered again it is found and returned; its id with other content is 23505. Without an id it gets one. A client''s href is ignored.';

CREATE FUNCTION usage_mgmt.post_usage(body jsonb, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_post_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.post_usage(jsonb, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.post_usage(body text, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_post_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.post_usage(text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.get_usage(id text, fields text DEFAULT NULL, version text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'um_get_usage' LANGUAGE C STABLE;
COMMENT ON FUNCTION usage_mgmt.get_usage(text, text, text) IS
'The usage as TMF JSON, NULL when there is none. fields selects attributes (id,date,relatedParty.role,extra.priority; none for the identity alone); 22023 for a name that leads nowhere.';

CREATE FUNCTION usage_mgmt.put_usage(id text, body json, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_put_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.put_usage(text, json, text) IS
'Complete update of a usage, returned as stored. Without status it keeps its own, and what the version has no shape for stays. P0002 when there is none, UM002 when id or href would change.';

CREATE FUNCTION usage_mgmt.put_usage(id text, body jsonb, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_put_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.put_usage(text, jsonb, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.put_usage(id text, body text, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_put_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.put_usage(text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.delete_usage(id text, billed boolean DEFAULT false) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_delete_usage' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.delete_usage(text, boolean) IS
'Deletes a usage; false when there was none. A billed one is refused (UM003) unless billed.';

CREATE FUNCTION usage_mgmt.post_usage_specification(body json, version text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'um_post_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.post_usage_specification(json, text) IS
'Creates a usage specification from its TMF JSON and returns it as stored; the same again is found, its id with other content is 23505.';

CREATE FUNCTION usage_mgmt.post_usage_specification(body jsonb, version text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'um_post_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.post_usage_specification(jsonb, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.post_usage_specification(body text, version text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'um_post_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.post_usage_specification(text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.get_usage_specification(
	id text, fields text DEFAULT NULL, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_get_usage_specification' LANGUAGE C STABLE;
COMMENT ON FUNCTION usage_mgmt.get_usage_specification(text, text, text) IS
'The usage specification as TMF JSON, NULL when there is none.';

CREATE FUNCTION usage_mgmt.put_usage_specification(id text, body json, version text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'um_put_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.put_usage_specification(text, json, text) IS
'Complete update of a usage specification, returned as stored. P0002 when there is none, UM002 when id or href would change.';

CREATE FUNCTION usage_mgmt.put_usage_specification(id text, body jsonb, version text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'um_put_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.put_usage_specification(text, jsonb, text) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.put_usage_specification(id text, body text, version text DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'um_put_usage_specification' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.put_usage_specification(text, text, text) IS 'The same of text and plain literals.';

CREATE FUNCTION usage_mgmt.delete_usage_specification(id text) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_delete_usage_specification' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.delete_usage_specification(text) IS
'Deletes a usage specification; false when there was none. Usages keep their reference.';

CREATE FUNCTION usage_mgmt.to_tmf("row" anyelement, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_to_tmf' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.to_tmf(anyelement, text) IS
'A row of usage, of a partition of it, or of usage_specification as TMF JSON: SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u. Any other row type is 42804.';

CREATE FUNCTION usage_mgmt.attribute_names(resource text, column_name text) RETURNS text[]
AS 'MODULE_PATHNAME', 'um_attribute_names' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.attribute_names(text, text) IS
'Every spelling of the attribute behind a column of usage or usage_specification that is understood in JSON, the versions'' own first; null when there is none.';
