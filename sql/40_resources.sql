-- The resources, the settings, and the hash that a ledger keeps

CREATE FUNCTION usage_mgmt.resources(
	OUT noun text, OUT plural text, OUT label text, OUT about text, OUT date_column text,
	OUT ledger text, OUT conflict text, OUT specification text, OUT type text, OUT closed text[],
	OUT rejected text[], OUT open text[], OUT orders boolean) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_resource_list' LANGUAGE C STABLE;
COMMENT ON FUNCTION usage_mgmt.resources() IS
'The resources there are: noun names the table and the functions for one, plural those for many; date_column is null where a resource is neither partitioned nor has a ledger and conflicts; specification is what it is checked against; type is its @type in TMF JSON; closed, rejected and open are the statuses in which it is final, at fault, or waits for work; orders are carried out by an agent, and so neither loaded nor changed.';

CREATE FUNCTION usage_mgmt.order_resource(path text) RETURNS text
AS 'MODULE_PATHNAME', 'um_order_resource_name' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.order_resource(text) IS
'The noun of the resource that the path of an order names: usageSpecification, usageManagement/usage, or an API, whose first resource it then is; usage for null. 22023 for none.';

CREATE FUNCTION usage_mgmt.resource_columns(
	resource text, OUT name text, OUT declaration text, OUT comment text, OUT view text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_resource_columns' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION usage_mgmt.resource_columns(text) IS
'The columns of a resource''s table as the model has them, with what each version of the standard calls them; view is what the name of the view with a list''s elements ends with.';

CREATE FUNCTION usage_mgmt.resource_attributes(
	resource text, OUT version text, OUT name text, OUT columns text[], OUT plain boolean,
	OUT pairs text, OUT gathered text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_resource_attributes' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION usage_mgmt.resource_attributes(text) IS
'The attributes of a resource as each version of the standard that it has calls them; name is null for what no version shows. columns hold it, of an object those of its members; plain where PostgreSQL makes the JSON of it that to_tmf() does; pairs is what an element of named values is called, gathered the function that gathers from a list what an index serves.';

CREATE FUNCTION usage_mgmt.attribute_names(resource text, column_name text) RETURNS text[]
AS 'MODULE_PATHNAME', 'um_attribute_names' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.attribute_names(text, text) IS
'Every spelling of the attribute behind a column of a resource that is understood in JSON, the versions'' own first; null when there is none.';

CREATE FUNCTION usage_mgmt.event_types(resource text, OUT version text, OUT kind text, OUT name text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_event_type_list' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION usage_mgmt.event_types(text) IS
'The types of event that each version of the standard has for a resource: of its creation, of a change of its status, of other attributes, of its deletion, and (any) of whatever has happened to it, which is sent only to who asks for it by its name.';

CREATE FUNCTION usage_mgmt.openapi(path text) RETURNS json
AS 'MODULE_PATHNAME', 'um_openapi' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION usage_mgmt.openapi(text) IS
'What there is at the path of an API, such as /tmf-api/usageManagement/v4/, as an OpenAPI 3.0 document: resources, operations, schemas, examples. 22023 where there is none.';

CREATE FUNCTION usage_mgmt.setting_check() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_setting_check' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.setting_check() IS
'BEFORE INSERT OR UPDATE of setting, for each row: refuses a name or a value that there is not (22023).';

CREATE FUNCTION usage_mgmt.setting_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_setting_changed' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.setting_changed() IS
'AFTER any change of setting: tells every session to read it anew.';

CREATE FUNCTION usage_mgmt.hub_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_setting_changed' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.hub_changed() IS
'AFTER any change of who listens to events or where they go: tells every session to read it anew.';

CREATE FUNCTION usage_mgmt.setting_defaults(OUT name text, OUT value text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_setting_defaults' LANGUAGE C IMMUTABLE;
COMMENT ON FUNCTION usage_mgmt.setting_defaults() IS
'All settings that setting can hold, with what they are where it has no row.';

CREATE FUNCTION usage_mgmt.content_hash("row" record) RETURNS uuid
AS 'MODULE_PATHNAME', 'um_content_hash_of' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.content_hash(record) IS
'Hash of a row''s content in canonical form (SHA-256 cut to 16 bytes), without id and bookkeeping: content_hash(u) FROM usage_mgmt.usage u.';

CREATE FUNCTION usage_mgmt.hash_version() RETURNS smallint
AS 'MODULE_PATHNAME', 'um_hash_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.hash_version() IS
'The algorithm of content_hash(), as a ledger keeps it beside every hash.';

-- Whoever makes a trigger of one of these must own the table's design.
REVOKE EXECUTE ON FUNCTION usage_mgmt.setting_check(), usage_mgmt.setting_changed(), usage_mgmt.hub_changed() FROM PUBLIC;
