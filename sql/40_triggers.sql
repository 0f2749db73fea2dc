-- Trigger functions, and the hash that the ledger keeps

CREATE FUNCTION usage_mgmt.usage_check() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_usage_check' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.usage_check() IS
'BEFORE INSERT OR UPDATE OR DELETE of a usage, for each row: completes and checks it. All faults come in one error (23502, 23514, 22003, 22008, UM001, UM002, UM003), DETAIL lists them as JSON.';

CREATE FUNCTION usage_mgmt.usage_keys() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_usage_keys' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.usage_keys() IS
'For each statement: keeps usage_key, as the owner of the table that fired. An id that another usage has is 23505.';

CREATE FUNCTION usage_mgmt.usage_specification_check() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_usage_specification_check' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.usage_specification_check() IS
'BEFORE INSERT OR UPDATE of a usage specification, for each row: completes and checks it.';

CREATE FUNCTION usage_mgmt.usage_specification_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_usage_specification_changed' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.usage_specification_changed() IS
'AFTER any change of usage specifications: tells every session to read them anew.';

CREATE FUNCTION usage_mgmt.setting_check() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_setting_check' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.setting_check() IS
'BEFORE INSERT OR UPDATE of setting, for each row: refuses a name or a value that there is not (22023).';

CREATE FUNCTION usage_mgmt.setting_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_setting_changed' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.setting_changed() IS
'AFTER any change of setting: tells every session to read it anew.';

CREATE FUNCTION usage_mgmt.setting_defaults(OUT name text, OUT value text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_setting_defaults' LANGUAGE C IMMUTABLE;
COMMENT ON FUNCTION usage_mgmt.setting_defaults() IS
'All settings that setting can hold, with what they are where it has no row.';

CREATE FUNCTION usage_mgmt.content_hash(usage record) RETURNS uuid
AS 'MODULE_PATHNAME', 'um_content_hash_of' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.content_hash(record) IS
'Hash of a usage''s content in canonical form (SHA-256 cut to 16 bytes), without id and bookkeeping: content_hash(u) FROM usage_mgmt.usage u.';

CREATE FUNCTION usage_mgmt.hash_version() RETURNS smallint
AS 'MODULE_PATHNAME', 'um_hash_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.hash_version() IS
'The algorithm of content_hash(), as usage_key keeps it beside every hash.';

-- Whoever makes a trigger of one of these must own the table's design.
REVOKE EXECUTE ON FUNCTION usage_mgmt.usage_check(), usage_mgmt.usage_keys(),
	usage_mgmt.usage_specification_check(), usage_mgmt.usage_specification_changed(),
	usage_mgmt.setting_check(), usage_mgmt.setting_changed() FROM PUBLIC;
