\echo Use "CREATE EXTENSION usage_mgmt" to load this file. \quit
-- Statuses and their life cycles

-- Enums, because their operators live in pg_catalog: status = 'rated' works
-- with any search_path and uses an index.
CREATE TYPE usage_mgmt.usage_status AS ENUM
	('received', 'rejected', 'recycled', 'guided', 'rated', 'rerated', 'billed');
COMMENT ON TYPE usage_mgmt.usage_status IS
'Status of a usage (TMF635: status). The legal moves are in the view status_transition.';

CREATE TYPE usage_mgmt.usage_specification_status AS ENUM
	('in study', 'in design', 'in test', 'rejected', 'active', 'launched', 'retired', 'obsolete');
COMMENT ON TYPE usage_mgmt.usage_specification_status IS
'Status of a usage specification (TMF635 R14.5: status, v4: lifecycleStatus) and of a service usage specification (TMF727: lifecycleStatus).';

CREATE TYPE usage_mgmt.service_usage_status AS ENUM ('generated', 'archived');
COMMENT ON TYPE usage_mgmt.service_usage_status IS
'Status of a service usage (TMF727: status).';

CREATE TYPE usage_mgmt.job_status AS ENUM ('not started', 'running', 'succeeded', 'failed');
COMMENT ON TYPE usage_mgmt.job_status IS
'Status of an import job and of an export job (TMF635: status; v4 writes Not Started and so on).';

CREATE FUNCTION usage_mgmt.status_transitions(
	OUT resource text, OUT from_status text, OUT to_status text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_status_transitions'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.status_transitions() IS
'Every legal move of every life cycle; keeping a status is no move. The view status_transition reads it.';

CREATE VIEW usage_mgmt.status_transition AS
	SELECT resource, from_status, to_status FROM usage_mgmt.status_transitions();
COMMENT ON VIEW usage_mgmt.status_transition IS
'Every legal move of a status: resource is the noun of a resource. Any other move is refused with UM001.';
GRANT SELECT ON usage_mgmt.status_transition TO PUBLIC;
-- The type characteristics: an ordered list of named values.

CREATE TYPE usage_mgmt.characteristics;

CREATE FUNCTION usage_mgmt.characteristics_in(cstring) RETURNS usage_mgmt.characteristics
	AS 'MODULE_PATHNAME', 'um_characteristics_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_in(cstring) IS 'I/O';

CREATE FUNCTION usage_mgmt.characteristics_out(usage_mgmt.characteristics) RETURNS cstring
	AS 'MODULE_PATHNAME', 'um_characteristics_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_out(usage_mgmt.characteristics) IS 'I/O';

CREATE FUNCTION usage_mgmt.characteristics_recv(internal) RETURNS usage_mgmt.characteristics
	AS 'MODULE_PATHNAME', 'um_characteristics_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_recv(internal) IS 'I/O';

CREATE FUNCTION usage_mgmt.characteristics_send(usage_mgmt.characteristics) RETURNS bytea
	AS 'MODULE_PATHNAME', 'um_characteristics_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_send(usage_mgmt.characteristics) IS 'I/O';

CREATE FUNCTION usage_mgmt.characteristics_typanalyze(internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_typanalyze' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.characteristics_typanalyze(internal) IS 'ANALYZE support';

CREATE TYPE usage_mgmt.characteristics (
	INPUT = usage_mgmt.characteristics_in,
	OUTPUT = usage_mgmt.characteristics_out,
	RECEIVE = usage_mgmt.characteristics_recv,
	SEND = usage_mgmt.characteristics_send,
	ANALYZE = usage_mgmt.characteristics_typanalyze,
	INTERNALLENGTH = variable,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE usage_mgmt.characteristics IS
	'ordered list of characteristics; its text is the TMF array of objects, an object is read as a list of its pairs';

-- Casts

CREATE FUNCTION usage_mgmt.characteristics(jsonb) RETURNS usage_mgmt.characteristics
	AS 'MODULE_PATHNAME', 'um_jsonb_to_characteristics' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics(jsonb) IS 'the list that the array holds, or the list of the objects pairs';

CREATE FUNCTION usage_mgmt.characteristics_to_jsonb(usage_mgmt.characteristics) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'um_characteristics_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_to_jsonb(usage_mgmt.characteristics) IS 'the object of the lists pairs; of a repeated name the last';

CREATE FUNCTION usage_mgmt.characteristics_to_json(usage_mgmt.characteristics) RETURNS json
	AS 'MODULE_PATHNAME', 'um_characteristics_to_json' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_to_json(usage_mgmt.characteristics) IS 'the TMF array, with all that the elements carry';

CREATE CAST (jsonb AS usage_mgmt.characteristics)
	WITH FUNCTION usage_mgmt.characteristics(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS usage_mgmt.characteristics) IS 'from the TMF array or an object of pairs';

CREATE CAST (usage_mgmt.characteristics AS jsonb)
	WITH FUNCTION usage_mgmt.characteristics_to_jsonb(usage_mgmt.characteristics) AS IMPLICIT;
COMMENT ON CAST (usage_mgmt.characteristics AS jsonb) IS 'the object of the pairs, so that every jsonb operator and function reads it';

CREATE CAST (usage_mgmt.characteristics AS json)
	WITH FUNCTION usage_mgmt.characteristics_to_json(usage_mgmt.characteristics) AS ASSIGNMENT;
COMMENT ON CAST (usage_mgmt.characteristics AS json) IS 'the TMF array; to_json and row_to_json use it';

-- Operators that mean what they mean on the jsonb object of the pairs

CREATE FUNCTION usage_mgmt.characteristics_field(usage_mgmt.characteristics, text) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'um_characteristics_field' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_field(usage_mgmt.characteristics, text) IS 'value of a name';

CREATE FUNCTION usage_mgmt.characteristics_field_text(usage_mgmt.characteristics, text) RETURNS text
	AS 'MODULE_PATHNAME', 'um_characteristics_field_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_field_text(usage_mgmt.characteristics, text) IS 'value of a name as text';

CREATE FUNCTION usage_mgmt.characteristics_exists(usage_mgmt.characteristics, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_exists' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_exists(usage_mgmt.characteristics, text) IS 'is there this name?';

CREATE FUNCTION usage_mgmt.characteristics_exists_any(usage_mgmt.characteristics, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_exists_any' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_exists_any(usage_mgmt.characteristics, text[]) IS 'is there any of these names?';

CREATE FUNCTION usage_mgmt.characteristics_exists_all(usage_mgmt.characteristics, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_exists_all' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_exists_all(usage_mgmt.characteristics, text[]) IS 'are there all of these names?';

CREATE FUNCTION usage_mgmt.characteristics_contains(usage_mgmt.characteristics, usage_mgmt.characteristics) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_contains(usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'does the first contain the pairs of the second?';

CREATE FUNCTION usage_mgmt.characteristics_contained(usage_mgmt.characteristics, usage_mgmt.characteristics) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_contained' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_contained(usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'are the pairs of the first contained in the second?';

CREATE FUNCTION usage_mgmt.characteristics_match(usage_mgmt.characteristics, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_match' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION usage_mgmt.characteristics_match(usage_mgmt.characteristics, text[]) IS
	'is there the name that is the first of the array, with one of the values behind it? Compared as a query string does';

CREATE FUNCTION usage_mgmt.characteristics_sel(internal, oid, internal, integer) RETURNS double precision
	AS 'MODULE_PATHNAME', 'um_characteristics_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_sel(internal, oid, internal, integer) IS
	'restriction selectivity of @>, ?, ?|, ?& and ?= by the statistics of a column';

-- ANALYZE and the planner need no right to call them, and nobody else can.
REVOKE EXECUTE ON FUNCTION
	usage_mgmt.characteristics_typanalyze(internal),
	usage_mgmt.characteristics_sel(internal, oid, internal, integer)
	FROM PUBLIC;

CREATE OPERATOR usage_mgmt.-> (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = text,
	FUNCTION = usage_mgmt.characteristics_field
);
COMMENT ON OPERATOR usage_mgmt.-> (usage_mgmt.characteristics, text) IS 'value of a name';

CREATE OPERATOR usage_mgmt.->> (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = text,
	FUNCTION = usage_mgmt.characteristics_field_text
);
COMMENT ON OPERATOR usage_mgmt.->> (usage_mgmt.characteristics, text) IS 'value of a name as text';

CREATE OPERATOR usage_mgmt.? (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = text,
	FUNCTION = usage_mgmt.characteristics_exists,
	RESTRICT = usage_mgmt.characteristics_sel, JOIN = contjoinsel
);
COMMENT ON OPERATOR usage_mgmt.? (usage_mgmt.characteristics, text) IS 'name exists';

CREATE OPERATOR usage_mgmt.?| (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = text[],
	FUNCTION = usage_mgmt.characteristics_exists_any,
	RESTRICT = usage_mgmt.characteristics_sel, JOIN = contjoinsel
);
COMMENT ON OPERATOR usage_mgmt.?| (usage_mgmt.characteristics, text[]) IS 'any name exists';

CREATE OPERATOR usage_mgmt.?& (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = text[],
	FUNCTION = usage_mgmt.characteristics_exists_all,
	RESTRICT = usage_mgmt.characteristics_sel, JOIN = contjoinsel
);
COMMENT ON OPERATOR usage_mgmt.?& (usage_mgmt.characteristics, text[]) IS 'all names exist';

CREATE OPERATOR usage_mgmt.?= (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = text[],
	FUNCTION = usage_mgmt.characteristics_match,
	RESTRICT = usage_mgmt.characteristics_sel, JOIN = contjoinsel
);
COMMENT ON OPERATOR usage_mgmt.?= (usage_mgmt.characteristics, text[]) IS 'name with one of the values, as a query string compares them';

CREATE OPERATOR usage_mgmt.@> (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = usage_mgmt.characteristics,
	FUNCTION = usage_mgmt.characteristics_contains,
	COMMUTATOR = OPERATOR(usage_mgmt.<@),
	RESTRICT = usage_mgmt.characteristics_sel, JOIN = contjoinsel
);
COMMENT ON OPERATOR usage_mgmt.@> (usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'contains';

CREATE OPERATOR usage_mgmt.<@ (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = usage_mgmt.characteristics,
	FUNCTION = usage_mgmt.characteristics_contained,
	COMMUTATOR = OPERATOR(usage_mgmt.@>),
	RESTRICT = usage_mgmt.characteristics_sel, JOIN = contjoinsel
);
COMMENT ON OPERATOR usage_mgmt.<@ (usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'is contained by';

-- Equality of lists, for comparing, DISTINCT, GROUP BY and hash joins

CREATE FUNCTION usage_mgmt.characteristics_eq(usage_mgmt.characteristics, usage_mgmt.characteristics) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_eq(usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'are the lists equal, in names, values, other members and order?';

CREATE FUNCTION usage_mgmt.characteristics_ne(usage_mgmt.characteristics, usage_mgmt.characteristics) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_ne(usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'do the lists differ?';

CREATE FUNCTION usage_mgmt.characteristics_hash(usage_mgmt.characteristics) RETURNS integer
	AS 'MODULE_PATHNAME', 'um_characteristics_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_hash(usage_mgmt.characteristics) IS 'hash';

CREATE FUNCTION usage_mgmt.characteristics_hash_extended(usage_mgmt.characteristics, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'um_characteristics_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_hash_extended(usage_mgmt.characteristics, bigint) IS 'hash with a seed';

CREATE OPERATOR usage_mgmt.= (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = usage_mgmt.characteristics,
	FUNCTION = usage_mgmt.characteristics_eq,
	COMMUTATOR = OPERATOR(usage_mgmt.=), NEGATOR = OPERATOR(usage_mgmt.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR usage_mgmt.= (usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'equal as lists';

CREATE OPERATOR usage_mgmt.<> (
	LEFTARG = usage_mgmt.characteristics, RIGHTARG = usage_mgmt.characteristics,
	FUNCTION = usage_mgmt.characteristics_ne,
	COMMUTATOR = OPERATOR(usage_mgmt.<>), NEGATOR = OPERATOR(usage_mgmt.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR usage_mgmt.<> (usage_mgmt.characteristics, usage_mgmt.characteristics) IS 'different as lists';

CREATE OPERATOR CLASS usage_mgmt.characteristics_ops
	DEFAULT FOR TYPE usage_mgmt.characteristics USING hash AS
	OPERATOR 1 usage_mgmt.= (usage_mgmt.characteristics, usage_mgmt.characteristics),
	FUNCTION 1 usage_mgmt.characteristics_hash(usage_mgmt.characteristics),
	FUNCTION 2 usage_mgmt.characteristics_hash_extended(usage_mgmt.characteristics, bigint);
COMMENT ON OPERATOR FAMILY usage_mgmt.characteristics_ops USING hash IS 'equality of lists of characteristics';
COMMENT ON OPERATOR CLASS usage_mgmt.characteristics_ops USING hash IS 'equality of lists of characteristics';

-- GIN: which rows have a name, or a name with a value

CREATE FUNCTION usage_mgmt.characteristics_gin_extract_value(usage_mgmt.characteristics, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'um_characteristics_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_gin_extract_value(usage_mgmt.characteristics, internal) IS 'GIN support';

CREATE FUNCTION usage_mgmt.characteristics_gin_extract_query(usage_mgmt.characteristics, internal, smallint, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'um_characteristics_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_gin_extract_query(usage_mgmt.characteristics, internal, smallint, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION usage_mgmt.characteristics_gin_consistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'um_characteristics_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_gin_consistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION usage_mgmt.characteristics_gin_triconsistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal) RETURNS "char"
	AS 'MODULE_PATHNAME', 'um_characteristics_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_gin_triconsistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal) IS 'GIN support';

-- An index needs no right to call them, and nobody else can.
REVOKE EXECUTE ON FUNCTION
	usage_mgmt.characteristics_gin_extract_value(usage_mgmt.characteristics, internal),
	usage_mgmt.characteristics_gin_extract_query(usage_mgmt.characteristics, internal, smallint, internal, internal, internal, internal),
	usage_mgmt.characteristics_gin_consistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal, internal),
	usage_mgmt.characteristics_gin_triconsistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal)
	FROM PUBLIC;

CREATE OPERATOR CLASS usage_mgmt.characteristics_ops
	DEFAULT FOR TYPE usage_mgmt.characteristics USING gin AS
	OPERATOR 7 usage_mgmt.@> (usage_mgmt.characteristics, usage_mgmt.characteristics),
	OPERATOR 9 usage_mgmt.? (usage_mgmt.characteristics, text),
	OPERATOR 10 usage_mgmt.?| (usage_mgmt.characteristics, text[]),
	OPERATOR 11 usage_mgmt.?& (usage_mgmt.characteristics, text[]),
	OPERATOR 63 usage_mgmt.?= (usage_mgmt.characteristics, text[]),
	FUNCTION 1 pg_catalog.btint8cmp(bigint, bigint),
	FUNCTION 2 usage_mgmt.characteristics_gin_extract_value(usage_mgmt.characteristics, internal),
	FUNCTION 3 usage_mgmt.characteristics_gin_extract_query(usage_mgmt.characteristics, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 usage_mgmt.characteristics_gin_consistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal, internal),
	FUNCTION 6 usage_mgmt.characteristics_gin_triconsistent(internal, smallint, usage_mgmt.characteristics, integer, internal, internal, internal),
	STORAGE bigint;
COMMENT ON OPERATOR FAMILY usage_mgmt.characteristics_ops USING gin IS 'names and values in lists of characteristics';
COMMENT ON OPERATOR CLASS usage_mgmt.characteristics_ops USING gin IS 'names and values in lists of characteristics';

-- One row for each element

CREATE FUNCTION usage_mgmt.characteristics_each(c usage_mgmt.characteristics,
	OUT ordinal bigint, OUT name text, OUT value text, OUT element json)
	RETURNS SETOF record LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT e.ordinal, e.element OPERATOR(pg_catalog.->>) 'name', e.element OPERATOR(pg_catalog.->>) 'value', e.element
	FROM pg_catalog.json_array_elements(usage_mgmt.characteristics_to_json(c)) WITH ORDINALITY AS e (element, ordinal);
END;
COMMENT ON FUNCTION usage_mgmt.characteristics_each(usage_mgmt.characteristics) IS
	'the elements in their order, from 1; element is the whole TMF object';

-- A list changed as a list: what jsonb has no place for stays

CREATE FUNCTION usage_mgmt.characteristics_set(c usage_mgmt.characteristics, name text, value text)
RETURNS usage_mgmt.characteristics
	AS 'MODULE_PATHNAME', 'um_characteristics_set' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_set(usage_mgmt.characteristics, text, text) IS
	'the list with that value, a string, in the last element of the name, or in a new one at the end; all else stays. A null list counts as an empty one, a null name is 22004';

CREATE FUNCTION usage_mgmt.characteristics_set(c usage_mgmt.characteristics, name text, value jsonb)
RETURNS usage_mgmt.characteristics
	AS 'MODULE_PATHNAME', 'um_characteristics_set' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_set(usage_mgmt.characteristics, text, jsonb) IS
	'The same of any JSON value.';

CREATE FUNCTION usage_mgmt.characteristics_remove(c usage_mgmt.characteristics, name text)
RETURNS usage_mgmt.characteristics
	AS 'MODULE_PATHNAME', 'um_characteristics_remove' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.characteristics_remove(usage_mgmt.characteristics, text) IS
	'the list without the elements of that name; null of a null list, a null name is 22004';
-- Composite types of the arrays in a usage. Frozen: rows on disk and dumps have
-- their columns in this order, so no column is ever added, moved or dropped.

CREATE TYPE usage_mgmt.related_party AS (
	role text,
	id text,
	href text,
	name text,
	status text,
	alias jsonb,
	valid_from timestamptz,
	valid_to timestamptz,
	referred_type text,
	type text,
	base_type text,
	schema_location text,
	extra jsonb
);
COMMENT ON TYPE usage_mgmt.related_party IS
'A party linked to a usage, with its role (TMF635: RelatedParty).';
COMMENT ON COLUMN usage_mgmt.related_party.role IS 'Role of the party (mandatory in a stored usage)';
COMMENT ON COLUMN usage_mgmt.related_party.id IS 'Id of the party; defaults to the last segment of href';
COMMENT ON COLUMN usage_mgmt.related_party.href IS 'Address of the party';
COMMENT ON COLUMN usage_mgmt.related_party.name IS 'Name of the party';
COMMENT ON COLUMN usage_mgmt.related_party.status IS 'Status of the relationship (R14.5)';
COMMENT ON COLUMN usage_mgmt.related_party.alias IS 'Aliases, a JSON array of {type, value} (R14.5)';
COMMENT ON COLUMN usage_mgmt.related_party.valid_from IS 'Start of validFor';
COMMENT ON COLUMN usage_mgmt.related_party.valid_to IS 'End of validFor, not before its start';
COMMENT ON COLUMN usage_mgmt.related_party.referred_type IS '@referredType (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.type IS '@type (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.base_type IS '@baseType (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.schema_location IS '@schemaLocation (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.extra IS 'Attributes that no version knows, a JSON object';

CREATE FUNCTION usage_mgmt.related_party(
	role text DEFAULT NULL,
	id text DEFAULT NULL,
	href text DEFAULT NULL,
	name text DEFAULT NULL,
	status text DEFAULT NULL,
	alias jsonb DEFAULT NULL,
	valid_from timestamptz DEFAULT NULL,
	valid_to timestamptz DEFAULT NULL,
	referred_type text DEFAULT NULL,
	type text DEFAULT NULL,
	base_type text DEFAULT NULL,
	schema_location text DEFAULT NULL,
	extra jsonb DEFAULT NULL)
RETURNS usage_mgmt.related_party
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ROW($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)::usage_mgmt.related_party $$;
COMMENT ON FUNCTION usage_mgmt.related_party(text, text, text, text, text, jsonb, timestamptz, timestamptz, text, text, text, text, jsonb) IS
'Builds a related_party from named arguments; what is not given is null.';

CREATE TYPE usage_mgmt.rated_product_usage AS (
	rating_date timestamptz,
	usage_rating_tag text,
	is_billed boolean,
	rating_amount_type text,
	tax_included_rating_amount numeric,
	tax_excluded_rating_amount numeric,
	tax_rate numeric,
	is_tax_exempt boolean,
	offer_tariff_type text,
	bucket_value_converted_in_amount numeric,
	bucket_currency_code text,
	currency_code text,
	product_ref text,
	product_ref_id text,
	product_ref_name text,
	product_ref_referred_type text,
	product_ref_type text,
	product_ref_base_type text,
	product_ref_schema_location text,
	type text,
	base_type text,
	schema_location text,
	extra jsonb
);
COMMENT ON TYPE usage_mgmt.rated_product_usage IS
'One rating of a usage: its date, amounts, tax and product (TMF635: RatedProductUsage).';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.rating_date IS 'When the usage was rated';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.usage_rating_tag IS 'usage, included usage or non included usage; defaults to usage';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.is_billed IS 'Whether it has been billed; defaults to false';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.rating_amount_type IS 'Type of the amount; defaults to total';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.tax_included_rating_amount IS 'Amount with all taxes, in currency_code';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.tax_excluded_rating_amount IS 'Amount without taxes, in currency_code';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.tax_rate IS 'Tax rate in percent';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.is_tax_exempt IS 'Whether the amount is exempt of tax; defaults to false';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.offer_tariff_type IS 'Type of tariff applied; defaults to normal';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.bucket_value_converted_in_amount IS 'Monetary value of the bucket';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.bucket_currency_code IS 'Unit of that value where it is not currency_code (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.currency_code IS 'ISO 4217 code (R14.5: currencyCode, v4: unit of the amounts)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref IS 'Address of the product (R14.5: productRef, v4: productRef.href)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_id IS 'Id of the product; defaults to the last segment of product_ref';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_name IS 'Name of the product (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_referred_type IS 'productRef.@referredType (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_type IS 'productRef.@type (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_base_type IS 'productRef.@baseType (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_schema_location IS 'productRef.@schemaLocation (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.type IS '@type (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.base_type IS '@baseType (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.schema_location IS '@schemaLocation (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.extra IS 'Attributes that no version knows, a JSON object';

CREATE FUNCTION usage_mgmt.rated_product_usage(
	rating_date timestamptz DEFAULT NULL,
	usage_rating_tag text DEFAULT NULL,
	is_billed boolean DEFAULT NULL,
	rating_amount_type text DEFAULT NULL,
	tax_included_rating_amount numeric DEFAULT NULL,
	tax_excluded_rating_amount numeric DEFAULT NULL,
	tax_rate numeric DEFAULT NULL,
	is_tax_exempt boolean DEFAULT NULL,
	offer_tariff_type text DEFAULT NULL,
	bucket_value_converted_in_amount numeric DEFAULT NULL,
	bucket_currency_code text DEFAULT NULL,
	currency_code text DEFAULT NULL,
	product_ref text DEFAULT NULL,
	product_ref_id text DEFAULT NULL,
	product_ref_name text DEFAULT NULL,
	product_ref_referred_type text DEFAULT NULL,
	product_ref_type text DEFAULT NULL,
	product_ref_base_type text DEFAULT NULL,
	product_ref_schema_location text DEFAULT NULL,
	type text DEFAULT NULL,
	base_type text DEFAULT NULL,
	schema_location text DEFAULT NULL,
	extra jsonb DEFAULT NULL)
RETURNS usage_mgmt.rated_product_usage
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ROW($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)::usage_mgmt.rated_product_usage $$;
COMMENT ON FUNCTION usage_mgmt.rated_product_usage(timestamptz, text, boolean, text, numeric, numeric, numeric, boolean, text, numeric, text, text, text, text, text, text, text, text, text, text, text, text, jsonb) IS
'Builds a rated_product_usage from named arguments; what is not given is null.';
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
-- The tables. They belong to the user, not to the extension: a dump carries
-- them with their data and, behind the data, their triggers.

CREATE FUNCTION usage_mgmt.install_tables() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning	-- IF NOT EXISTS tells what is there
AS $install$
BEGIN
	PERFORM usage_mgmt.install_setting();
	PERFORM usage_mgmt.install_loads();
	PERFORM usage_mgmt.install_hub();
	PERFORM usage_mgmt.install_delivery();
	PERFORM usage_mgmt.install_table(noun) FROM usage_mgmt.resources();
	PERFORM usage_mgmt.install_jobs();
	PERFORM usage_mgmt.install_files();
	PERFORM usage_mgmt.install_native_books();
	PERFORM usage_mgmt.install_stat();
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_tables() IS
'Makes the tables, or brings older ones up to date; does nothing to what is as it should be. They belong to whoever calls. Makes partitions from three months back to twelve ahead.';

CREATE FUNCTION usage_mgmt.install_setting() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.setting (
		name text COLLATE "C" NOT NULL,
		value text NOT NULL,
		CONSTRAINT setting_pkey PRIMARY KEY (name)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.setting', NULL,
		'What the owner of the tables orders for every session. A row that is missing means its default.');
	PERFORM usage_mgmt.install_trigger('setting', 'setting_check',
		'BEFORE INSERT OR UPDATE', 'FOR EACH ROW', 'setting_check');
	-- For each row, since that is what replication fires. TRUNCATE invalidates by itself.
	PERFORM usage_mgmt.install_trigger('setting', 'setting_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'setting_changed', always => true);
	-- A statement that fails takes back only what was announced before it could be seen.
	PERFORM usage_mgmt.install_trigger('setting', 'setting_changing',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', 'setting_changed', always => true);
	INSERT INTO usage_mgmt.setting SELECT * FROM usage_mgmt.setting_defaults() ON CONFLICT DO NOTHING;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_setting() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_resource(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $install$
BEGIN
	PERFORM usage_mgmt.resource_columns(resource);	-- one that is not known is 22023
	PERFORM usage_mgmt.install_functions(resource);
	PERFORM usage_mgmt.install_table(resource);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_resource(text) IS
'Makes the functions and tables of a resource that another module has registered. Its type of statuses must be there.';

CREATE FUNCTION usage_mgmt.install_table(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	r record;
	relation regclass;
BEGIN
	SELECT * INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I (%s, CONSTRAINT %I PRIMARY KEY (%s)) %s',
		resource,
		(SELECT string_agg(format('%I %s', name, declaration), ', ')
			FROM usage_mgmt.resource_columns(resource) WHERE name IN ('id', r.date_column)),
		resource || '_pkey', concat_ws(', ', 'id', r.date_column),
		'PARTITION BY RANGE (' || r.date_column || ')');
	relation := format('usage_mgmt.%I', resource);
	PERFORM usage_mgmt.install_comment(relation, NULL, r.about);
	PERFORM usage_mgmt.install_columns(relation, array_agg(name), array_agg(declaration))
		FROM usage_mgmt.resource_columns(resource);
	PERFORM usage_mgmt.install_comment(relation, name, comment)
		FROM usage_mgmt.resource_columns(resource) WHERE comment <> '';
	-- An older one may not see what is deleted.
	IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = 'zz_' || resource || '_check' AND tgtype & 8 = 0) THEN
		EXECUTE format('DROP TRIGGER %I ON %s', 'zz_' || resource || '_check', relation);
	END IF;
	PERFORM usage_mgmt.install_trigger(resource, 'zz_' || resource || '_check',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', resource || '_check');
	IF r.date_column IS NOT NULL THEN
		PERFORM usage_mgmt.install_partitioning(r.noun, r.date_column, r.open);
		PERFORM usage_mgmt.install_ledger(r.noun, r.date_column, r.ledger);
		PERFORM usage_mgmt.install_conflicts(r.noun, r.label, r.conflict);
		PERFORM usage_mgmt.ensure_partitions(now() - interval '3 months', now() + interval '12 months', resource);
	END IF;
	IF EXISTS (SELECT FROM usage_mgmt.resources() WHERE specification = resource) THEN
		-- Replicated changes must reach the sessions' caches, too.
		PERFORM usage_mgmt.install_trigger(resource, resource || '_changed',
			'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', resource || '_changed', always => true);
		PERFORM usage_mgmt.install_trigger(resource, resource || '_changing',
			'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', resource || '_changed', always => true);
	END IF;
	PERFORM usage_mgmt.install_outbox(resource);
	IF NOT r.orders THEN
		PERFORM usage_mgmt.install_views(resource, r.label);
	END IF;
	PERFORM usage_mgmt.install_native(resource);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_table(text) IS
'Makes the tables and views of a resource, or brings them up to date. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_partitioning(resource text, date_column text, open text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I PARTITION OF usage_mgmt.%I DEFAULT',
		resource || '_default', resource);
	PERFORM usage_mgmt.install_comment(format('usage_mgmt.%I', resource || '_default'), NULL,
		'Months without a partition; ensure_partitions() moves them out.');
	PERFORM usage_mgmt.install_index(resource || '_date_idx', resource, format('(%I)', date_column));
	IF open <> '{}' THEN
		-- What waits for work: few rows, whatever the size of the table.
		PERFORM usage_mgmt.install_index(resource || '_open_idx', resource,
			format('(status, %I) WHERE status IN (%s)', date_column,
				(SELECT string_agg(quote_literal(status), ', ') FROM unnest(open) status)));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_partitioning(text, text, text[]) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_ledger(resource text, date_column text, ledger text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	-- In this order nothing is lost to alignment.
	EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I (
		%I timestamptz NOT NULL,
		content_hash uuid NOT NULL,
		hash_version smallint NOT NULL,
		id text COLLATE "C" NOT NULL,
		CONSTRAINT %I PRIMARY KEY (id))', ledger, date_column, ledger || '_pkey');
	PERFORM usage_mgmt.install_comment(format('usage_mgmt.%I', ledger), name, comment)
		FROM (VALUES (NULL, format('The ledger: every id once, whatever the partition. Written by the triggers of %s alone.', resource)),
			(date_column, 'The date of the row, which names its partition.'),
			('content_hash', 'Hash of the row as it was first stored.'),
			('hash_version', 'The algorithm of the hash.')) AS c(name, comment);
	PERFORM usage_mgmt.install_key_triggers(relid, resource)
		FROM pg_partition_tree(format('usage_mgmt.%I', resource)::regclass);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_ledger(text, text, text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_views(resource text, label text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	document text := resource || '_document';
BEGIN
	PERFORM usage_mgmt.install_view(name, query, about) FROM usage_mgmt.resource_views(resource);
	PERFORM usage_mgmt.install_view(document,
		format('SELECT usage_mgmt.to_tmf(r)::text AS document FROM usage_mgmt.%I r', resource),
		format('Each %s as TMF JSON. COPY into it loads newline-delimited JSON: WITH (FORMAT csv, QUOTE E''\x01'', DELIMITER E''\x02'').',
			label));
	PERFORM usage_mgmt.install_document_triggers(document);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_views(text, text) IS 'Part of install_tables().';

-- Older tables get what they lack. There is no lock where nothing is missing.
CREATE FUNCTION usage_mgmt.install_columns(relation regclass, names text[], declarations text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	missing text[];
	additions text;
BEGIN
	SELECT array_agg(name), string_agg(format('ADD COLUMN %I %s', name, declaration), ', ' ORDER BY place)
		INTO missing, additions
		FROM unnest(names, declarations) WITH ORDINALITY AS d(name, declaration, place)
		WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = name);
	IF missing IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', relation, additions);
		PERFORM usage_mgmt.empty_extra(relation, missing);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_columns(regclass, text[], text[]) IS
'Adds the columns that a table lacks. Part of install_tables().';

-- A comment of the user's stays.
CREATE FUNCTION usage_mgmt.install_comment(relation regclass, column_name text, comment text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF column_name IS NULL AND obj_description(relation, 'pg_class') IS NULL THEN
		EXECUTE format('COMMENT ON %s %s IS %L',
			(SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END FROM pg_class WHERE oid = relation),
			relation, comment);
	ELSIF col_description(relation, (SELECT attnum FROM pg_attribute
			WHERE attrelid = relation AND attname = column_name)) IS NULL AND column_name <> '' THEN
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, column_name, comment);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_comment(regclass, text, text) IS
'Comments a table or view, or a column of it, that has no comment. Part of install_tables().';

-- CREATE INDEX IF NOT EXISTS would wait for every writer before it looks.
CREATE FUNCTION usage_mgmt.install_index(name text, relation text, definition text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF to_regclass(format('usage_mgmt.%I', name)) IS NULL THEN
		EXECUTE format('CREATE INDEX %I ON usage_mgmt.%I %s', name, relation, definition);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_index(text, text, text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_view(name text, query text, comment text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	view text := format('usage_mgmt.%I', name);
BEGIN
	IF to_regclass(view) IS NULL THEN
		EXECUTE format('CREATE VIEW %s WITH (security_invoker = true) AS %s', view, query);
	END IF;
	PERFORM usage_mgmt.install_comment(view, NULL, comment);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_view(text, text, text) IS 'Part of install_tables().';

-- What an older version did not know is in extra, where it may not stay.
CREATE FUNCTION usage_mgmt.empty_extra(relation regclass, columns text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET row_security = off		-- all rows or an error
AS $install$
DECLARE
	names text[];
	assignments text;
	found boolean;
	enable text[] := '{}';
	statement text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = 'extra') THEN
		RETURN;		-- no resource
	END IF;
	SELECT array_agg(n.name), string_agg(format('%I = extra ->> %L', attname, n.name), ', ')
		INTO names, assignments
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,
			LATERAL (SELECT (usage_mgmt.attribute_names(relname, attname))[1] AS name) n
		WHERE c.oid = relation AND attname = ANY (columns) AND atttypid = 'text'::regtype
		AND n.name IS NOT NULL;
	IF names IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE extra ?| $1)', relation) INTO found USING names;
	IF NOT found THEN
		RETURN;
	END IF;
	-- The records stay what they are, billed or not: no trigger may fire.
	FOR statement IN
		SELECT unnest(usage_mgmt.disable_triggers(r.relation))
		FROM (SELECT relation UNION SELECT relid FROM pg_partition_tree(relation)) r
	LOOP
		enable := enable || statement;
	END LOOP;
	EXECUTE format('UPDATE %s SET %s, extra = nullif(extra - $1, ''{}'') WHERE extra ?| $1',
		relation, assignments) USING names;
	FOREACH statement IN ARRAY enable LOOP
		EXECUTE statement;
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.empty_extra(regclass, text[]) IS
'Moves out of extra what has a text column now. Part of install_tables().';

CREATE FUNCTION usage_mgmt.disable_triggers(relation regclass) RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	enable text[] := ARRAY(SELECT format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', relation,
			CASE tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, tgname)
		FROM pg_trigger
		WHERE tgrelid = relation AND NOT tgisinternal AND tgenabled <> 'D');
BEGIN
	EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER USER', relation);
	RETURN enable;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.disable_triggers(regclass) IS
'Disables the triggers of a table, and returns the statements that make them as they were. Part of install_tables() and ensure_partitions().';

CREATE FUNCTION usage_mgmt.install_trigger(
	relation text, trigger_name text, fires text, level text, function text, always boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	enabled text := (SELECT tgenabled FROM pg_trigger
		WHERE tgrelid = format('usage_mgmt.%I', relation)::regclass AND tgname = trigger_name);
BEGIN
	IF enabled IS NULL THEN
		EXECUTE format('CREATE TRIGGER %I %s ON usage_mgmt.%I %s EXECUTE FUNCTION usage_mgmt.%I()',
			trigger_name, fires, relation, level, function);
	END IF;
	IF always AND enabled IS DISTINCT FROM 'A' THEN
		EXECUTE format('ALTER TABLE usage_mgmt.%I ENABLE ALWAYS TRIGGER %I', relation, trigger_name);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_trigger(text, text, text, text, text, boolean) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_key_triggers(relation regclass, resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	leaf boolean := (SELECT relkind = 'r' FROM pg_class WHERE oid = relation);
	name text;
	fires text;
	present record;
BEGIN
	FOR name, fires IN
		SELECT resource || '_keys_' || event, timing
		FROM (VALUES ('insert', 'AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows'),
			('update', 'AFTER UPDATE ON %s'),
			('delete', 'AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows'),
			('truncate', 'BEFORE TRUNCATE ON %s')) AS t(event, timing)
		-- A TRUNCATE of the parent fires the triggers of its leaves.
		WHERE leaf OR event <> 'truncate'
	LOOP
		SELECT * INTO present FROM pg_trigger WHERE tgrelid = relation AND tgname = name;
		IF FOUND THEN
			-- An older one of an UPDATE has all rows written to a file; no other is replaced.
			CONTINUE WHEN fires LIKE '%REFERENCING%' OR coalesce(present.tgoldtable, present.tgnewtable) IS NULL;
			EXECUTE format('DROP TRIGGER %I ON %s', name, relation);
		END IF;
		EXECUTE format('CREATE TRIGGER %I ' || fires
			|| ' FOR EACH STATEMENT EXECUTE FUNCTION usage_mgmt.%I()', name, relation, resource || '_keys');
		IF present.tgenabled <> 'O' THEN
			EXECUTE format('ALTER TABLE ONLY %s %s TRIGGER %I', relation,
				CASE present.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END, name);
		END IF;
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_key_triggers(regclass, text) IS
'Gives the table of a resource or a partition of it the triggers that keep the ledger, in place of older ones.';
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
-- Partitions by month, and the ledger's health

CREATE FUNCTION usage_mgmt.ensure_partitions(
	from_date timestamptz, to_date timestamptz, resource text DEFAULT 'usage')
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	months timestamp[];
	month timestamp;
	made integer := 0;
BEGIN
	PERFORM usage_mgmt.date_column(resource);
	IF NOT isfinite(from_date) OR NOT isfinite(to_date) THEN
		RAISE EXCEPTION 'partitions from % to % would have no end', from_date, to_date
			USING ERRCODE = 'datetime_field_overflow';
	ELSIF from_date < '0001-01-01 00:00+00' OR to_date >= '10000-01-01 00:00+00' THEN
		RAISE EXCEPTION 'nothing is of all the months from % to %', from_date, to_date
			USING ERRCODE = 'datetime_field_overflow', HINT = 'Dates are of the years 1 to 9999.';
	END IF;
	months := ARRAY(
		SELECT m FROM generate_series(date_trunc('month', from_date AT TIME ZONE 'UTC'),
			to_date AT TIME ZONE 'UTC', interval '1 month') m
		WHERE (SELECT bool_and(usage_mgmt.keeps_ledger(relid, resource))
			FROM pg_partition_tree(to_regclass(usage_mgmt.partition_name(resource, m)))) IS NOT TRUE);
	IF months = '{}' THEN
		RETURN 0;
	END IF;
	-- One at a time makes or drops partitions; loads and readers go on.
	EXECUTE format('LOCK TABLE ONLY usage_mgmt.%I IN SHARE UPDATE EXCLUSIVE MODE', resource);
	FOREACH month IN ARRAY months LOOP
		made := made + usage_mgmt.ensure_partition(resource, month)::integer;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION usage_mgmt.ensure_partitions(timestamptz, timestamptz, text) IS
'Makes a resource''s partitions of the months (in UTC) that hold these dates and all between; moves what the default partition has of them. Returns how many it made. Must not run inside a load.';

CREATE FUNCTION usage_mgmt.date_column(resource text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found text := (SELECT date_column FROM usage_mgmt.resources() WHERE noun = resource);
BEGIN
	IF found IS NULL THEN
		RAISE EXCEPTION 'resource "%" has no partitions', resource
			USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Those that have are %s.', (SELECT string_agg(noun, ', ')
				FROM usage_mgmt.resources() WHERE date_column IS NOT NULL));
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION usage_mgmt.date_column(text) IS
'The column by which a resource is partitioned; 22023 for one that is not.';

CREATE FUNCTION usage_mgmt.partition_name(resource text, month timestamp) RETURNS text
LANGUAGE sql STABLE
RETURN format('usage_mgmt.%I', resource || '_p' || to_char(month, 'YYYYMM'));
COMMENT ON FUNCTION usage_mgmt.partition_name(text, timestamp) IS
'What the partition of the month that starts there (UTC) is called. Part of ensure_partitions().';

-- A leaf has four triggers; a partition that has partitions itself hands a TRUNCATE down.
CREATE FUNCTION usage_mgmt.keeps_ledger(relation regclass, resource text) RETURNS boolean
LANGUAGE sql STABLE
RETURN (SELECT count(*) FROM pg_trigger
		WHERE tgrelid = relation AND starts_with(tgname::text, resource || '_keys_') AND tgenabled <> 'D')
	>= (SELECT CASE relkind WHEN 'p' THEN 3 ELSE 4 END FROM pg_class WHERE oid = relation);
COMMENT ON FUNCTION usage_mgmt.keeps_ledger(regclass, text) IS
'Whether a partition has the triggers that keep the ledger. Part of ensure_partitions() and check_keys().';

CREATE FUNCTION usage_mgmt.ensure_partition(resource text, month timestamp) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent regclass := format('usage_mgmt.%I', resource);
	rest regclass := format('usage_mgmt.%I', resource || '_default');
	leaf text := usage_mgmt.partition_name(resource, month);
	first_day text := to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00';
	last_day text := to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00';
	owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = parent);
	parts regclass[];
BEGIN
	IF to_regclass(leaf) IS NOT NULL THEN
		parts := ARRAY(SELECT relid FROM pg_partition_tree(leaf::regclass));
		IF parts = '{}' THEN
			RAISE EXCEPTION 'table "%" is there, but no partition of %', leaf, resource
				USING ERRCODE = 'duplicate_table',
				HINT = 'Attach it, or give it another name.';
		END IF;
		PERFORM usage_mgmt.install_key_triggers(part, resource) FROM unnest(parts) part;
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', leaf, parent);
	EXECUTE format('ALTER TABLE %s OWNER TO %s', leaf, owner);
	-- ATTACH would take this lock, behind which nobody adds to what is to move.
	EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', rest);
	PERFORM usage_mgmt.empty_default(parent, rest, usage_mgmt.date_column(resource), leaf,
		first_day::timestamptz, last_day::timestamptz);
	EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
		parent, leaf, first_day, last_day);
	PERFORM usage_mgmt.install_key_triggers(leaf::regclass, resource);
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.ensure_partition(text, timestamp) IS
'Makes the partition of the month that starts there (UTC); true where there was none. Part of ensure_partitions().';

CREATE FUNCTION usage_mgmt.empty_default(
	parent regclass, rest regclass, date_column text, leaf text, from_date timestamptz, to_date timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reference pg_constraint;
	columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
		FROM pg_attribute
		WHERE attrelid = parent AND attnum > 0
		AND NOT attisdropped AND attgenerated = '');
	occupied boolean;
	enable text[];
	statement text;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I >= $1 AND %2$I < $2)', rest, date_column)
		INTO occupied USING from_date, to_date;
	IF NOT occupied THEN
		RETURN;
	END IF;
	-- The action of a foreign key fires where no other trigger may.
	SELECT * INTO reference FROM pg_constraint
		WHERE contype = 'f' AND confrelid = parent AND conparentid = 0
		ORDER BY conname LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'rows that a foreign key may refer to cannot move from the default partition to their own'
			USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = format('Constraint "%s" of table %s refers to %s; the rows are from %s to %s.',
				reference.conname, reference.conrelid::regclass, parent, from_date, to_date),
			HINT = 'Drop the foreign key, call ensure_partitions() and add the foreign key again.';
	END IF;
	-- The rows stay what they are, and so do their keys: no trigger may fire.
	enable := usage_mgmt.disable_triggers(rest);
	EXECUTE format('WITH moved AS (DELETE FROM %s WHERE %I >= $1 AND %2$I < $2 RETURNING *)
		INSERT INTO %s (%s) SELECT %4$s FROM moved', rest, date_column, leaf, columns)
		USING from_date, to_date;
	FOREACH statement IN ARRAY enable LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.empty_default(regclass, regclass, text, text, timestamptz, timestamptz) IS
'Moves a month''s rows from the default partition to its coming own. Part of ensure_partitions().';

CREATE FUNCTION usage_mgmt.drop_partitions(
	before timestamptz, forget_ids boolean DEFAULT false, billed boolean DEFAULT false,
	unbilled boolean DEFAULT false, resource text DEFAULT 'usage')
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = ISO	-- others write bounds with zones that cannot be read back
SET row_security = off	-- what a policy hides would be dropped unseen
AS $$
DECLARE
	parent regclass := CASE WHEN usage_mgmt.date_column(resource) <> '' THEN format('usage_mgmt.%I', resource) END;
	ledger text := (SELECT r.ledger FROM usage_mgmt.resources() r WHERE noun = resource);
	leaves regclass[];
	leaf regclass;
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'partitions cannot be dropped in a transaction that does not see what others stored meanwhile'
			USING ERRCODE = 'feature_not_supported',
			HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', parent);
	leaves := ARRAY(
		SELECT c.oid::regclass
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = parent
		AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''(.*)''\)')::timestamptz <= before
		ORDER BY 1);
	IF leaves = '{}' THEN
		RETURN 0;
	END IF;
	-- Refused, if so, before anybody waits; and again when nobody can add to them.
	PERFORM usage_mgmt.refuse_drop(resource, leaves, billed, unbilled);
	EXECUTE format('LOCK TABLE ONLY %s, %s IN ACCESS EXCLUSIVE MODE', parent, array_to_string(leaves, ', '));
	PERFORM usage_mgmt.refuse_drop(resource, leaves, billed, unbilled);
	FOREACH leaf IN ARRAY leaves LOOP
		IF forget_ids THEN
			EXECUTE format('DELETE FROM usage_mgmt.%I k USING %s u WHERE k.id = u.id', ledger, leaf);
		END IF;
		PERFORM usage_mgmt.hub_dropped(resource, leaf);
		-- A foreign key that refers to the parent lets none be dropped that is attached.
		EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, leaf);
		EXECUTE format('DROP TABLE %s', leaf);
	END LOOP;
	RETURN cardinality(leaves);
END
$$;
COMMENT ON FUNCTION usage_mgmt.drop_partitions(timestamptz, boolean, boolean, boolean, text) IS
'Drops the partitions of a resource that end at or before that time, all or none, and returns how many. Their ids stay known, so that none is taken again, unless forget_ids. Refused (UM003) where they hold what is billed, unless billed, or what is neither billed nor rejected, unless unbilled; a resource that no status closes is not asked about. Each row is a delete event, unless the setting drop_events is off.';

CREATE FUNCTION usage_mgmt.refuse_drop(resource text, leaves regclass[], billed boolean, unbilled boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	rows text;
	places text;
	arguments text;
BEGIN
	SELECT *, (SELECT name FROM usage_mgmt.resource_columns(noun) WHERE view = 'rating') AS ratings
		INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	IF billed AND unbilled OR r.closed = '{}' THEN
		RETURN;
	END IF;
	EXECUTE format($sql$
		WITH one AS NOT MATERIALIZED (SELECT leaf, status, status = ANY (%L) AS closed, ratings FROM (%s) u
			WHERE status <> ALL (%L) AND NOT CASE WHEN status = ANY (%1$L) THEN $1 ELSE $2 END),
		number AS (SELECT leaf, status, closed, count(*) AS n FROM one GROUP BY leaf, status, closed),
		amount AS (SELECT leaf, currency_code, sum(tax_included_rating_amount) AS amount
			FROM one, unnest(ratings) GROUP BY leaf, currency_code)
		SELECT (SELECT string_agg(n || ' ' || status, ', ' ORDER BY status)
				FROM (SELECT status, sum(n) AS n FROM number GROUP BY status) s),
			(SELECT string_agg(concat(leaf, ': ', statuses, '; ' || amounts), E'\n' ORDER BY leaf)
				FROM (SELECT leaf, string_agg(n || ' ' || status, ', ' ORDER BY status) AS statuses
					FROM number GROUP BY leaf) s
				LEFT JOIN (SELECT leaf, string_agg(currency_code || ' ' || amount, ', ' ORDER BY currency_code) AS amounts
					FROM amount GROUP BY leaf) a USING (leaf)),
			(SELECT concat(CASE WHEN bool_or(closed) THEN ', billed => true' END,
				CASE WHEN bool_or(NOT closed) THEN ', unbilled => true' END) FROM number)
		$sql$, r.closed,
		(SELECT string_agg(format('SELECT %L AS leaf, status, %s AS ratings FROM %s', leaf,
			coalesce(quote_ident(r.ratings), 'NULL::usage_mgmt.rated_product_usage[]'), leaf), ' UNION ALL ')
			FROM unnest(leaves) leaf), r.rejected)
		INTO rows, places, arguments USING coalesce(billed, false), coalesce(unbilled, false);
	IF rows IS NOT NULL THEN
		RAISE EXCEPTION 'partitions to be dropped hold %s: %', r.label, rows
			USING ERRCODE = 'UM003', DETAIL = places,
			HINT = format('drop_partitions(before%s%s) drops them all the same.', arguments,
				CASE resource WHEN 'usage' THEN '' ELSE format(', resource => %L', resource) END);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.refuse_drop(text, regclass[], boolean, boolean) IS
'Raises UM003 where these partitions hold what must not be dropped; says how many and what amounts. Part of drop_partitions().';

CREATE FUNCTION usage_mgmt.check_keys(resource text DEFAULT 'usage')
RETURNS TABLE (id text, usage_date timestamptz, fault text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
	date_column text := usage_mgmt.date_column(resource);
	ledger text := (SELECT r.ledger FROM usage_mgmt.resources() r WHERE noun = resource);
BEGIN
	RETURN QUERY EXECUTE format($sql$
		SELECT u.id, u.%2$I,
			CASE WHEN k.id IS NULL THEN 'has no key' ELSE 'its key has another date' END
		FROM usage_mgmt.%1$I u LEFT JOIN usage_mgmt.%3$I k ON k.id = u.id
		WHERE k.%2$I IS DISTINCT FROM u.%2$I$sql$, resource, date_column, ledger);
	RETURN QUERY EXECUTE format($sql$
		SELECT u.id, min(u.%2$I), 'has ' || count(*) || ' rows'
		FROM usage_mgmt.%1$I u GROUP BY u.id HAVING count(*) > 1$sql$, resource, date_column);
	RETURN QUERY
		SELECT NULL::text, NULL::timestamptz, format('partition %s does not keep the ledger', p.relid)
		FROM pg_partition_tree(format('usage_mgmt.%I', resource)::regclass) p
		WHERE p.level > 0 AND NOT usage_mgmt.keeps_ledger(p.relid, resource);
END
$$;
COMMENT ON FUNCTION usage_mgmt.check_keys(text) IS
'What a resource''s ledger has wrong, as it can be after logical replication, session_replication_role = replica or a partition attached by hand; no rows when all is well. A key without a row, kept by drop_partitions(), is no fault.';

CREATE FUNCTION usage_mgmt.rebuild_keys(resource text DEFAULT 'usage') RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
	date_column text := usage_mgmt.date_column(resource);
	ledger text := (SELECT r.ledger FROM usage_mgmt.resources() r WHERE noun = resource);
	mended bigint;
	added bigint;
BEGIN
	PERFORM usage_mgmt.install_key_triggers(relid, resource)
		FROM pg_partition_tree(format('usage_mgmt.%I', resource)::regclass);
	EXECUTE format($sql$
		UPDATE usage_mgmt.%3$I k SET %2$I = u.%2$I
		FROM usage_mgmt.%1$I u
		WHERE u.id = k.id AND u.%2$I <> k.%2$I
		AND NOT EXISTS (SELECT FROM usage_mgmt.%1$I v WHERE v.id = k.id AND v.%2$I = k.%2$I)
		$sql$, resource, date_column, ledger);
	GET DIAGNOSTICS mended = ROW_COUNT;
	-- An id on two rows is 23505 here: only a person can say which is right.
	EXECUTE format($sql$
		INSERT INTO usage_mgmt.%3$I (id, %2$I, content_hash, hash_version)
		SELECT u.id, u.%2$I, usage_mgmt.content_hash(u), usage_mgmt.hash_version()
		FROM usage_mgmt.%1$I u
		WHERE NOT EXISTS (SELECT FROM usage_mgmt.%3$I k WHERE k.id = u.id)
		ORDER BY u.id$sql$, resource, date_column, ledger);
	GET DIAGNOSTICS added = ROW_COUNT;
	RETURN mended + added;
END
$$;
COMMENT ON FUNCTION usage_mgmt.rebuild_keys(text) IS
'Mends what check_keys() tells, but for an id on two rows, and returns how many keys it changed. An existing hash never changes.';
-- The hub: who listens, the outbox of each resource, and how events are read

CREATE FUNCTION usage_mgmt.install_hub() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE SEQUENCE IF NOT EXISTS usage_mgmt.hub_listener_id_seq;
	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_listener (
		id text COLLATE "C" NOT NULL DEFAULT nextval('usage_mgmt.hub_listener_id_seq')::text,
		resource text NOT NULL,
		callback text,
		query text NOT NULL,
		version text NOT NULL,
		owner text NOT NULL,
		kinds text[] NOT NULL,
		state text NOT NULL,
		reason text,
		next_xid bigint,
		life bigint NOT NULL,
		registered_at timestamptz NOT NULL DEFAULT now(),
		changed_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT hub_listener_pkey PRIMARY KEY (id),
		CONSTRAINT hub_listener_state CHECK (state IN ('starting', 'active', 'paused', 'quarantined', 'gone'))
	);
	PERFORM usage_mgmt.install_columns('usage_mgmt.hub_listener', '{hub}', ARRAY['text COLLATE "C"']);
	ALTER SEQUENCE usage_mgmt.hub_listener_id_seq OWNED BY usage_mgmt.hub_listener.id;
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_listener', name, comment)
		FROM (VALUES (NULL, 'Who listens to the events of a resource. Written by the functions of the hub alone.'),
			('resource', 'The noun of the resource: usage, usage_specification and so on.'),
			('callback', 'Where the agent delivers; null for who reads with next_events().'),
			('query', 'What it asks for, in TMF630 form.'),
			('version', 'The version of the standard that its events speak.'),
			('owner', 'The role that registered it, by whose rights events are read.'),
			('kinds', 'Changes of which writers keep an event for it: create, change, status, delete.'),
			('state', 'starting, active, paused, quarantined or gone.'),
			('reason', 'Why it is paused, quarantined or gone.'),
			('life', 'Of the database in which it may be read; a restored one is another.'),
			('next_xid', 'While it is starting: complete from the first transaction on that began behind this one.'),
			('hub', 'Of those that were registered together, at the hub of an API, the id of the first; null for that one, and for one by itself.')
		) AS c(name, comment);
	-- A callback is told once what it asks for.
	IF to_regclass('usage_mgmt.hub_listener_callback_key') IS NULL THEN
		CREATE UNIQUE INDEX hub_listener_callback_key
			ON usage_mgmt.hub_listener (owner, resource, callback, hashtextextended(query, 0)) WHERE state <> 'gone';
	END IF;
	-- What writers keep of it is forgotten as what they keep of settings is.
	PERFORM usage_mgmt.install_trigger('hub_listener', 'hub_listener_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'hub_changed', always => true);
	PERFORM usage_mgmt.install_trigger('hub_listener', 'hub_listener_changing',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', 'hub_changed', always => true);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_cursor (
		listener text COLLATE "C" NOT NULL,
		position text NOT NULL,
		confirmed_at timestamptz NOT NULL DEFAULT now(),
		lost bigint NOT NULL DEFAULT 0,
		lost_from timestamptz,
		lost_at timestamptz,
		CONSTRAINT hub_cursor_pkey PRIMARY KEY (listener),
		CONSTRAINT hub_cursor_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_cursor', name, comment)
		FROM (VALUES (NULL, 'How far each listener has come.'),
			('position', 'All events up to there are confirmed.'),
			('lost', 'How many changes retention has taken away that it had not confirmed.'),
			('lost_from', 'When the first of these was.'),
			('lost_at', 'When the last of these were taken; next_events() warns until more is confirmed.')) AS c(name, comment);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_outbox (
		resource text NOT NULL,
		turn integer NOT NULL DEFAULT 0,
		next_xid bigint,
		life bigint,
		switched_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT hub_outbox_pkey PRIMARY KEY (resource)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_outbox', name, comment)
		FROM (VALUES (NULL, 'Which of a resource''s tables of events is written to.'),
			('turn', 'The number of that table.'),
			('next_xid', 'Transactions from there on write to no other; null while that is not known.'),
			('life', 'Of the database that these transactions are of.'),
			('switched_at', 'Since when.')) AS c(name, comment);
	PERFORM usage_mgmt.install_trigger('hub_outbox', 'hub_outbox_changed',
		'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'hub_changed', always => true);
	PERFORM usage_mgmt.install_trigger('hub_outbox', 'hub_outbox_changing',
		'BEFORE INSERT OR UPDATE OR DELETE', 'FOR EACH STATEMENT', 'hub_changed', always => true);

	-- Numbers of events must never come again, so it is not that of a table that anybody would empty.
	CREATE SEQUENCE IF NOT EXISTS usage_mgmt.hub_event_seq;
	ALTER SEQUENCE usage_mgmt.hub_event_seq OWNED BY usage_mgmt.hub_outbox.resource;

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_tick (
		seq bigint NOT NULL DEFAULT nextval('usage_mgmt.hub_event_seq'),
		at timestamptz NOT NULL DEFAULT clock_timestamp(),
		position text NOT NULL,
		CONSTRAINT hub_tick_pkey PRIMARY KEY (seq)
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_tick', name, comment)
		FROM (VALUES (NULL, 'Positions that were reached at a time, for replay_events().'),
			('seq', 'The number that was given to an event last, of whatever resource.')) AS c(name, comment);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_hub() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_outbox(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	outbox text;
	missing text;
BEGIN
	FOR turn IN 0 .. 2 LOOP
		outbox := format('%s_event_%s', resource, turn);
		EXECUTE format('CREATE TABLE IF NOT EXISTS usage_mgmt.%I (
			event_seq bigint NOT NULL,
			event_xid xid8 NOT NULL,
			event_life bigint NOT NULL,
			event_timeline integer NOT NULL,
			event_at timestamptz NOT NULL,
			event_kind "char" NOT NULL,
			event_old_status text,
			event_changed text[])', outbox);
		PERFORM usage_mgmt.install_comment(format('usage_mgmt.%I', outbox), name, comment)
			FROM (VALUES (NULL, format('Events of %s that somebody listens to, in turn with others of the name.', resource)),
				('event_seq', 'Number; of one transaction in their order.'),
				('event_life', 'Of the database in which it happened: a restored one is another.'),
				('event_kind', 'c created, u updated, d deleted.'),
				('event_old_status', 'Of an update.'),
				('event_changed', 'Columns that an update changed.')) AS c(name, comment);
		-- Later columns of the resource's follow; what is older than they lacks them.
		SELECT string_agg(format('ADD COLUMN %I %s', c.name,
				regexp_replace(declaration, ' (NOT NULL|DEFAULT .*)', '', 'g')), ', ')
			INTO missing
			FROM usage_mgmt.resource_columns(resource) c
			WHERE NOT EXISTS (SELECT FROM pg_attribute
				WHERE attrelid = format('usage_mgmt.%I', outbox)::regclass AND attname = c.name);
		IF missing IS NOT NULL THEN
			EXECUTE format('ALTER TABLE usage_mgmt.%I %s', outbox, missing);
		END IF;
		PERFORM usage_mgmt.install_index(outbox || '_seq_idx', outbox, '(event_seq)');
		PERFORM usage_mgmt.install_index(outbox || '_xid_idx', outbox, '(event_xid, event_seq)');
	END LOOP;
	INSERT INTO usage_mgmt.hub_outbox (resource) VALUES (install_outbox.resource) ON CONFLICT DO NOTHING;
	-- What has a ledger writes events by the ledger's triggers.
	IF (SELECT ledger FROM usage_mgmt.resources() WHERE noun = install_outbox.resource) IS NULL THEN
		PERFORM usage_mgmt.install_event_triggers(resource);
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_outbox(text) IS
'Makes the tables that hold the events of a resource, three in turn. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_event_triggers(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	PERFORM usage_mgmt.install_trigger(resource, resource || '_events_' || lower(event), 'AFTER ' || event,
			rows || 'FOR EACH STATEMENT', resource || '_events')
		FROM (VALUES ('INSERT', 'REFERENCING NEW TABLE AS new_rows '), ('UPDATE', ''),
			('DELETE', 'REFERENCING OLD TABLE AS old_rows ')) AS t(event, rows);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_event_triggers(text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.next_events(
	listener text, max integer DEFAULT 100, OUT "position" text, OUT event json) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_next_events' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.next_events(text, integer) IS
'The events behind what a listener of the caller''s has confirmed, in order, at most max; the same again until confirm_events() is given the position of one. 55000 while the listener is paused, P0002 for none of the caller''s.';

CREATE FUNCTION usage_mgmt.confirm_events(listener text, "position" text) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_confirm_events' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.confirm_events(text, text) IS
'Confirms all events up to a position that next_events() gave; false where they were confirmed before.';

CREATE FUNCTION usage_mgmt.replay_events(listener text, "from" text) RETURNS void
AS 'MODULE_PATHNAME', 'um_replay_events' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.replay_events(text, text) IS
'Lets a listener go on behind a position, back or forth.';

CREATE FUNCTION usage_mgmt.replay_events(listener text, "from" timestamptz) RETURNS void
AS 'MODULE_PATHNAME', 'um_replay_events_since' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.replay_events(text, timestamptz) IS
'Lets a listener go on with what was written since that time, as far as it is kept, and maybe a little before.';

CREATE FUNCTION usage_mgmt.hub_read(
	listener text, from_position text, max integer,
	OUT "position" text, OUT event_id text, OUT resource_id text, OUT event json) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_hub_read' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_read(text, text, integer) IS
'For the agent: events behind a position, null for what is confirmed, with their ids. A last row without an event says that nothing more is wanted up to its position.';

CREATE FUNCTION usage_mgmt.hub_event(listener text, event_id text) RETURNS json
AS 'MODULE_PATHNAME', 'um_hub_event' LANGUAGE C STABLE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_event(text, text) IS
'One event again, as the listener is told it; null where it is not kept any more.';

CREATE FUNCTION usage_mgmt.hub_lag("position" text, resource text, OUT events bigint, OUT seconds double precision)
AS 'MODULE_PATHNAME', 'um_hub_lag' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_lag(text, text) IS
'How many changes of a resource are behind a position, above 1,000 about, and how long the first has been there; nulls to who may not select from its table or is kept from rows of it, and on a standby.';

CREATE FUNCTION usage_mgmt.hub_position() RETURNS text
AS 'MODULE_PATHNAME', 'um_hub_position' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_position() IS
'The position of a reader that has been told all that is committed now.';

CREATE FUNCTION usage_mgmt.hub_life() RETURNS bigint
AS 'MODULE_PATHNAME', 'um_hub_life_of' LANGUAGE C STABLE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_life() IS
'The life of the database: another one in another cluster, or under another OID.';
-- Retention of the outboxes. Each resource has three tables of events: the one that
-- is written to, the one before, which is kept for replays, and the next, which is
-- emptied as soon as everybody has read it, or the limit says so.

CREATE FUNCTION usage_mgmt.hub_upkeep(OUT outbox text, OUT done text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_hub_upkeep' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_upkeep() IS
'Switches outboxes to their next tables, and empties tables that nobody needs; returns what it did. For the owner of the tables and agents, outside a transaction block: it empties one table a call, and readers wait for it until the commit. confirm_events() does it, too, in a session at most once in ten seconds.';

CREATE FUNCTION usage_mgmt.hub_outboxes(
	OUT resource text, OUT outbox text, OUT rows bigint, OUT bytes bigint,
	OUT oldest timestamptz, OUT newest timestamptz, OUT kept text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'um_hub_outboxes' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_outboxes() IS
'The tables of events: about how many rows each has, how large it is, when its first and last events were written, and why it is kept. For the owner of the tables and agents.';

CREATE FUNCTION usage_mgmt.hub_missed(
	"position" text, resource text, turn integer, most bigint, OUT events bigint, OUT since timestamptz)
AS 'MODULE_PATHNAME', 'um_hub_missed' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_missed(text, text, integer, bigint) IS
'How many rows of a table of events are behind a position, where they are more than most about, and when the first was written. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_next_xid() RETURNS bigint
AS 'MODULE_PATHNAME', 'um_hub_next_xid' LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_next_xid() IS
'A transaction id from which on writers know which tables of events are written to; null while somebody who has switched is not over. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_dropped(resource text, leaf regclass) RETURNS void
AS 'MODULE_PATHNAME', 'um_hub_dropped' LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.hub_dropped(text, regclass) IS
'Writes that all rows of a partition are deleted, if somebody listens and the setting drop_events is on. Part of drop_partitions().';

CREATE FUNCTION usage_mgmt.setting_value(name text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce((SELECT s.value FROM usage_mgmt.setting s WHERE s.name = setting_value.name),
		(SELECT d.value FROM usage_mgmt.setting_defaults() d WHERE d.name = setting_value.name));
END
$$;
COMMENT ON FUNCTION usage_mgmt.setting_value(text) IS
'What is ordered, or else the default, for who may read the table setting.';

CREATE FUNCTION usage_mgmt.hub_upkeep_all(OUT outbox text, OUT done text) RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine text[];
	next bigint;
	t record;
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'outboxes cannot be kept up in a transaction that does not see what others do meanwhile'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	IF NOT EXISTS (SELECT FROM usage_mgmt.hub_listener WHERE state <> 'gone')
		AND NOT EXISTS (SELECT FROM usage_mgmt.hub_outbox o, generate_series(0, 2) n
			WHERE pg_relation_size(usage_mgmt.hub_outbox_table(o.resource, n)) > 0) THEN
		RETURN;
	END IF;
	PERFORM usage_mgmt.hub_note_time(), usage_mgmt.hub_prune_attempts();
	-- Where another one is at it, it is done.
	mine := ARRAY(SELECT o.resource FROM usage_mgmt.hub_outbox o
		WHERE o.resource IN (SELECT noun FROM usage_mgmt.resources()) ORDER BY 1 FOR UPDATE SKIP LOCKED);
	-- Before this transaction switches, and behind the locks: then no other does.
	next := usage_mgmt.hub_next_xid();
	UPDATE usage_mgmt.hub_outbox o SET next_xid = next, life = usage_mgmt.hub_life()
		WHERE o.resource = ANY (mine) AND next IS NOT NULL
		AND (o.next_xid IS NULL OR o.life <> usage_mgmt.hub_life());
	FOR t IN SELECT h.* FROM unnest(mine) r, usage_mgmt.hub_tables(r) h WHERE h.due LOOP
		UPDATE usage_mgmt.hub_outbox o SET turn = (t.turn + 1) % 3, next_xid = NULL, switched_at = clock_timestamp()
			WHERE o.resource = t.noun;
		outbox := usage_mgmt.hub_outbox_table(t.noun, t.turn);
		done := 'is written to no more';
		RETURN NEXT;
	END LOOP;
	-- Last of all and one alone, since readers wait from here on.
	FOR t IN SELECT h.* FROM unnest(mine) r, usage_mgmt.hub_tables(r) h
		WHERE h.filled AND h.drained AND h.place <> 'written to'
		AND (h.over OR h.place = 'next' AND usage_mgmt.hub_waited_for(h.noun, h.turn) IS NULL)
	LOOP
		outbox := usage_mgmt.hub_outbox_table(t.noun, t.turn);
		done := usage_mgmt.hub_empty(t.noun, t.turn);
		RETURN NEXT;
		EXIT WHEN done = 'emptied';
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_upkeep_all() IS 'hub_upkeep() as the owner of the tables.';

CREATE FUNCTION usage_mgmt.hub_outbox_table(resource text, turn integer) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN format('usage_mgmt.%I', format('%s_event_%s', resource, turn));
COMMENT ON FUNCTION usage_mgmt.hub_outbox_table(text, integer) IS
'The name of a table of events. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_note_time() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last record;
	oldest timestamptz;
	-- a tick draws no number itself: usage_mgmt_stat counts events by these
	drawn bigint := (SELECT s.last_value - (NOT s.is_called)::integer FROM usage_mgmt.hub_event_seq s);
BEGIN
	SELECT t.seq, t.at INTO last FROM usage_mgmt.hub_tick t ORDER BY t.seq DESC LIMIT 1;
	IF (NOT FOUND OR last.at < clock_timestamp() - interval '10 s'
		-- without a number drawn since, nothing has happened
		AND last.seq < drawn)
		-- another one would be waited for, who notes the same
		AND pg_try_advisory_xact_lock(hashtextextended('usage_mgmt.hub_tick', 0)) THEN
		INSERT INTO usage_mgmt.hub_tick (seq, position) VALUES (drawn, usage_mgmt.hub_position()) ON CONFLICT DO NOTHING;
	END IF;
	oldest := (SELECT coalesce(min(h.oldest), now()) FROM usage_mgmt.resources() r, usage_mgmt.hub_tables(r.noun) h);
	-- The last that lies before all that is kept is the first that is asked for.
	IF (SELECT t.at <= oldest FROM usage_mgmt.hub_tick t ORDER BY t.seq OFFSET 1 LIMIT 1) THEN
		DELETE FROM usage_mgmt.hub_tick d
			WHERE d.seq < (SELECT max(t.seq) FROM usage_mgmt.hub_tick t WHERE t.at <= oldest);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_note_time() IS
'Notes the position that is reached now, for replay_events(), at most once in ten seconds; forgets those from before all that is kept. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_tables(
	resource text, OUT noun text, OUT turn integer, OUT place text, OUT bytes bigint, OUT filled boolean,
	OUT oldest timestamptz, OUT newest timestamptz, OUT drained boolean, OUT over boolean, OUT due boolean)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	age interval := usage_mgmt.setting_value('event_retention_age');
	size bigint := pg_size_bytes(usage_mgmt.setting_value('event_retention_size'));
	small CONSTANT bigint := 64 * 1024 * 1024;	-- not worth a switch, but for age
	total bigint := (SELECT sum(pg_total_relation_size(usage_mgmt.hub_outbox_table(resource, n)))
		FROM generate_series(0, 2) n);
	o record;
	older boolean := false;
	next_filled boolean;
BEGIN
	SELECT b.turn, b.life = usage_mgmt.hub_life()
			AND b.next_xid <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS drained
		INTO STRICT o FROM usage_mgmt.hub_outbox b WHERE b.resource = hub_tables.resource;
	FOR n IN 1 .. 3 LOOP
		noun := resource;
		turn := (o.turn + n) % 3;
		place := (ARRAY['next', 'before', 'written to'])[n];
		bytes := pg_total_relation_size(usage_mgmt.hub_outbox_table(resource, turn));
		filled := pg_relation_size(usage_mgmt.hub_outbox_table(resource, turn)) > 0;
		EXECUTE format('SELECT (SELECT event_at FROM %1$s ORDER BY event_seq LIMIT 1),
			(SELECT event_at FROM %1$s ORDER BY event_seq DESC LIMIT 1)',
			usage_mgmt.hub_outbox_table(resource, turn)) INTO oldest, newest;
		drained := coalesce(o.drained, false);
		-- The oldest goes first, also where it cannot.
		over := filled AND NOT older AND place <> 'written to'
			AND coalesce(newest < now() - age OR total > size, true);
		due := filled AND place = 'written to' AND NOT coalesce(next_filled, true) AND (oldest < now() - age / 3 OR bytes > size / 3
			OR bytes > small AND usage_mgmt.hub_waited_for(resource, (turn + 2) % 3) IS NULL);
		older := older OR filled;
		next_filled := coalesce(next_filled, filled);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_tables(text) IS
'The three tables of events of a resource, the oldest first: drained, nothing comes to them any more; over, they are beyond what is to be kept; due, the next one is to be written to. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_waited_for(resource text, turn integer) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT w.id FROM (SELECT l.id, c.position FROM usage_mgmt.hub_listener l
				LEFT JOIN usage_mgmt.hub_cursor c ON c.listener = l.id
				WHERE l.resource = hub_waited_for.resource AND l.state <> 'gone' ORDER BY l.id OFFSET 0) w
		WHERE w.position IS NULL OR (SELECT m.events > 0 FROM usage_mgmt.hub_missed(w.position, resource, turn, 1) m)
		LIMIT 1);
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_waited_for(text, integer) IS
'A listener that has not confirmed all that a table of events holds; null for none. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_empty(resource text, turn integer) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '50ms'	-- whoever comes later waits behind us
AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT k.listener, k.position FROM usage_mgmt.hub_listener l JOIN usage_mgmt.hub_cursor k ON k.listener = l.id
		WHERE l.resource = hub_empty.resource AND l.state <> 'gone'
		AND (SELECT m.events > 0 FROM usage_mgmt.hub_missed(k.position, l.resource, hub_empty.turn, 1) m)
		ORDER BY 1 FOR UPDATE OF k
	LOOP
		UPDATE usage_mgmt.hub_cursor k
			SET lost = k.lost + m.events, lost_from = least(k.lost_from, m.since), lost_at = clock_timestamp()
			FROM usage_mgmt.hub_missed(c.position, resource, turn, 1000) m
			WHERE k.listener = c.listener AND m.events > 0;
	END LOOP;
	EXECUTE format('TRUNCATE %s', usage_mgmt.hub_outbox_table(resource, turn));
	RETURN 'emptied';
EXCEPTION WHEN lock_not_available OR object_in_use OR deadlock_detected THEN
	RETURN 'is locked';
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_empty(text, integer) IS
'Empties a table of events, and marks the listeners that lose some by it; later, where somebody has it locked. Part of hub_upkeep().';

CREATE FUNCTION usage_mgmt.hub_outboxes_all(
	OUT resource text, OUT outbox text, OUT rows bigint, OUT bytes bigint,
	OUT oldest timestamptz, OUT newest timestamptz, OUT kept text) RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
	listener text;
	holder integer;
BEGIN
	FOR t IN SELECT h.* FROM usage_mgmt.resources() r, usage_mgmt.hub_tables(r.noun) h ORDER BY h.noun, h.turn LOOP
		resource := t.noun;
		outbox := usage_mgmt.hub_outbox_table(t.noun, t.turn);
		rows := CASE WHEN t.filled THEN pg_stat_get_live_tuples(outbox::regclass) ELSE 0 END;
		bytes := t.bytes;
		oldest := t.oldest;
		newest := t.newest;
		listener := CASE WHEN t.filled AND t.place = 'next' THEN usage_mgmt.hub_waited_for(t.noun, t.turn) END;
		holder := (SELECT min(l.pid) FROM pg_locks l WHERE l.locktype = 'relation' AND l.granted
			AND l.relation = outbox::regclass AND l.pid <> pg_backend_pid()
			AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
		kept := CASE WHEN t.place = 'written to' THEN 'written to'
			WHEN NOT t.filled THEN NULL
			WHEN NOT t.drained THEN 'transactions from before the switch are open'
			WHEN t.place = 'before' AND NOT t.over THEN 'for replays'
			WHEN listener IS NOT NULL AND NOT t.over THEN format('listener %s has not confirmed all', listener)
			WHEN holder IS NOT NULL THEN format('process %s has locked it', holder)
			ELSE 'to be emptied' END;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_outboxes_all() IS 'hub_outboxes() as the owner of the tables.';
-- Delivery: what an agent knows of each listener, and what its owner may do with it

-- A member that no dump carries: what is restored elsewhere has no secrets, and sends nothing. No
-- constraint but the key, since the error of one tells the row.
CREATE TABLE usage_mgmt.hub_secret (
	listener text COLLATE "C" NOT NULL,
	secret text,
	old_secret text,
	old_until timestamptz,
	headers jsonb DEFAULT '{}',
	username text,
	password text,
	CONSTRAINT hub_secret_pkey PRIMARY KEY (listener)
);
-- ANALYZE keeps examples, which views and some dumps show.
ALTER TABLE usage_mgmt.hub_secret ALTER secret SET STATISTICS 0, ALTER old_secret SET STATISTICS 0,
	ALTER headers SET STATISTICS 0, ALTER username SET STATISTICS 0, ALTER password SET STATISTICS 0;
COMMENT ON TABLE usage_mgmt.hub_secret IS
'What a listener''s events are signed and sent with. No dump has it; agents read it, the owner of a listener reaches his own by functions.';
COMMENT ON COLUMN usage_mgmt.hub_secret.secret IS 'Of Standard Webhooks: whsec_ and 32 bytes in base64.';
COMMENT ON COLUMN usage_mgmt.hub_secret.old_secret IS 'The one before, which signs, too, until old_until.';
COMMENT ON COLUMN usage_mgmt.hub_secret.headers IS 'Sent with each event, by their names in lower case.';
COMMENT ON COLUMN usage_mgmt.hub_secret.username IS 'With password, for basic authentication.';

CREATE FUNCTION usage_mgmt.install_delivery() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_delivery (
		listener text COLLATE "C" NOT NULL,
		agent text,
		leased_until timestamptz,
		delivered bigint NOT NULL DEFAULT 0,
		failed bigint NOT NULL DEFAULT 0,
		rate double precision NOT NULL DEFAULT 0,
		rate_at timestamptz NOT NULL DEFAULT now(),
		last_success_at timestamptz,
		last_error_at timestamptz,
		last_error text,
		CONSTRAINT hub_delivery_pkey PRIMARY KEY (listener),
		CONSTRAINT hub_delivery_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_delivery', name, comment)
		FROM (VALUES (NULL, 'Which agent delivers to a listener, and how that goes. Who may UPDATE it is an agent.'),
			('leased_until', 'Until then no other agent takes the listener.'),
			('delivered', 'Attempts that were answered with 2xx.'),
			('failed', 'Attempts that were not.'),
			('rate', 'Deliveries a second at rate_at; halves in 42 seconds without any.')) AS c(name, comment);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_parked (
		id bigserial NOT NULL,
		listener text COLLATE "C" NOT NULL,
		event_id text COLLATE "C" NOT NULL,
		resource_id text COLLATE "C" NOT NULL,
		event text NOT NULL,
		attempts integer NOT NULL DEFAULT 0,
		next_at timestamptz NOT NULL DEFAULT now(),
		last_error text,
		parked_at timestamptz NOT NULL DEFAULT now(),
		CONSTRAINT hub_parked_pkey PRIMARY KEY (listener, id),
		CONSTRAINT hub_parked_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_index('hub_parked_resource_idx', 'hub_parked', '(listener, resource_id, id)');
	PERFORM usage_mgmt.install_index('hub_parked_due_idx', 'hub_parked', '(listener, next_at)');
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_parked', name, comment)
		FROM (VALUES (NULL, 'Events that the cursor has passed and that wait for another attempt. Of one resource id they are sent in the order of id.'),
			('event', 'As it is sent.'),
			('next_at', 'Not before that, nor before an earlier one of the same resource id is gone; infinity while that is all it waits for.')) AS c(name, comment);

	CREATE TABLE IF NOT EXISTS usage_mgmt.hub_attempt (
		id bigserial NOT NULL,
		listener text COLLATE "C" NOT NULL,
		event_id text COLLATE "C" NOT NULL,
		at timestamptz NOT NULL DEFAULT now(),
		status integer,
		ms integer,
		error text,
		CONSTRAINT hub_attempt_pkey PRIMARY KEY (listener, id),
		CONSTRAINT hub_attempt_listener_fkey FOREIGN KEY (listener)
			REFERENCES usage_mgmt.hub_listener ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.hub_attempt', name, comment)
		FROM (VALUES (NULL, 'The last attempts to deliver to each listener; hub_prune_attempts() bounds it.'),
			('status', 'The HTTP status of the answer; null where there was none.'),
			('ms', 'Milliseconds until then.')) AS c(name, comment);
	PERFORM usage_mgmt.install_trigger('hub_listener', 'hub_listener_gone', 'AFTER DELETE', 'FOR EACH ROW', 'hub_listener_gone');
	PERFORM usage_mgmt.install_listener_rights();
	PERFORM usage_mgmt.install_hub_status();
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_delivery() IS 'Part of install_tables().';

-- An event may tell what the owner of its listener must not see any more: that column is the agents'.
CREATE FUNCTION usage_mgmt.install_listener_rights() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	name text;
	columns text;
	own text;
BEGIN
	FOR name, columns, own IN VALUES
		('hub_listener', '', 'owner = ANY (ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE pg_has_role(r.oid, ''USAGE'')))'),
		('hub_cursor', '', NULL),
		('hub_delivery', '', NULL),
		('hub_parked', '(id, listener, event_id, attempts, next_at, last_error, parked_at)', NULL),
		('hub_attempt', '', NULL)
	LOOP
		CONTINUE WHEN EXISTS (SELECT FROM pg_policy
			WHERE polrelid = format('usage_mgmt.%I', name)::regclass AND polname = 'own_listeners');
		EXECUTE format('ALTER TABLE usage_mgmt.%I ENABLE ROW LEVEL SECURITY', name);
		-- Each is asked once in a statement, and the second one of who is no agent.
		EXECUTE format('CREATE POLICY own_listeners ON usage_mgmt.%I USING
			((SELECT has_table_privilege(''usage_mgmt.hub_delivery'', ''UPDATE'')) OR %s)', name,
			coalesce(own, 'listener = ANY (ARRAY(SELECT l.id FROM usage_mgmt.hub_listener l))'));
		EXECUTE format('GRANT SELECT %s ON usage_mgmt.%I TO PUBLIC', columns, name);
	END LOOP;
	-- What is of a listener is seen by who sees it; what may be done with it is its owner's still.
	IF NOT EXISTS (SELECT FROM pg_policy
			WHERE polrelid = 'usage_mgmt.hub_listener'::regclass AND polname = 'operators_see') THEN
		CREATE POLICY operators_see ON usage_mgmt.hub_listener FOR SELECT
			USING ((SELECT has_table_privilege('usage_mgmt.import_load', 'DELETE')));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_listener_rights() IS
'Lets everybody see his own listeners, and agents and operators all. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_hub_status() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF to_regclass('usage_mgmt.hub_status') IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM usage_mgmt.install_view('hub_status', $view$
		SELECT l.id AS listener, l.resource, l.callback, l.state, l.reason,
			lag.events AS lag_events, lag.seconds AS lag_seconds,
			(SELECT count(*) FROM usage_mgmt.hub_parked p WHERE p.listener = l.id) AS parked,
			coalesce(d.delivered, 0) AS delivered, coalesce(d.failed, 0) AS failed,
			coalesce(d.rate * exp(-extract(epoch FROM greatest(now() - d.rate_at, '0')) / 60), 0) AS rate,
			d.last_success_at, d.last_error, d.last_error_at, c.lost_from, coalesce(c.lost, 0) AS lost
		FROM usage_mgmt.hub_listener l
			LEFT JOIN usage_mgmt.hub_cursor c ON c.listener = l.id
			LEFT JOIN usage_mgmt.hub_delivery d ON d.listener = l.id
			LEFT JOIN LATERAL usage_mgmt.hub_lag(c."position", l.resource) lag ON true$view$,
		'The listeners that one may see, and how their deliveries go. rate: deliveries a second, of about the last minute.');
	GRANT SELECT ON usage_mgmt.hub_status TO PUBLIC;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_hub_status() IS 'Part of install_tables().';

-- What the owner of a listener calls

CREATE FUNCTION usage_mgmt.listener_secret(id text, renew boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'um_listener_secret' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.listener_secret(text, boolean) IS
'The secret that a listener of one''s own has its events signed with; null where it has none, as after a restore. renew makes another one; for a day events are signed with both.';

CREATE FUNCTION usage_mgmt.listener_header(id text, name text, value text) RETURNS void
AS 'MODULE_PATHNAME', 'um_listener_header' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.listener_header(text, text, text) IS
'A header that is sent with each event to a listener of one''s own, a null value for none; Authorization takes the place of a credential. Send the value as a parameter: the text of a statement can be logged.';

CREATE FUNCTION usage_mgmt.listener_credential(id text, username text, password text) RETURNS void
AS 'MODULE_PATHNAME', 'um_listener_credential' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.listener_credential(text, text, text) IS
'Username and password for basic authentication at a listener of one''s own, null ones for none; takes the place of a header Authorization. Send the password as a parameter: the text of a statement can be logged.';

CREATE FUNCTION usage_mgmt.listener_test(id text) RETURNS text
AS 'MODULE_PATHNAME', 'um_listener_test' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.listener_test(text) IS
'Has a sample sent, signed as every event, to a listener of one''s own; gives its eventId, by which hub_attempt tells what became of it.';

CREATE FUNCTION usage_mgmt.resend_event(id text, event_id text) RETURNS json
AS 'MODULE_PATHNAME', 'um_resend_event' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.resend_event(text, text) IS
'Has an event sent once more to a listener of one''s own, behind what waits of the same resource; gives the event. P0002 where it is not kept any more.';

CREATE FUNCTION usage_mgmt.pause_listener(id text, reason text DEFAULT 'paused by its owner') RETURNS boolean
AS 'MODULE_PATHNAME', 'um_pause_listener' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.pause_listener(text, text) IS
'Stops deliveries to a listener of one''s own; its events are kept. False where they have stopped already.';

CREATE FUNCTION usage_mgmt.resume_listener(id text) RETURNS boolean
AS 'MODULE_PATHNAME', 'um_resume_listener' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.resume_listener(text) IS
'Goes on with deliveries to a listener of one''s own, whatever stopped them; what waited for another attempt is due at once. False where they go on.';

CREATE FUNCTION usage_mgmt.hub_new_secret(listener text) RETURNS void
AS 'MODULE_PATHNAME', 'um_hub_new_secret' LANGUAGE C STRICT;
COMMENT ON FUNCTION usage_mgmt.hub_new_secret(text) IS
'Gives a listener of one''s own its first secret, and forgets whatever its id was sent with before. Part of registering.';

CREATE FUNCTION usage_mgmt.hub_listener_gone() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_hub_listener_gone' LANGUAGE C;
COMMENT ON FUNCTION usage_mgmt.hub_listener_gone() IS 'AFTER DELETE of a listener, for each row: forgets its secret.';
REVOKE EXECUTE ON FUNCTION usage_mgmt.hub_listener_gone() FROM PUBLIC;

-- A random UUID has 122 bits of the server's strong random numbers.
CREATE FUNCTION usage_mgmt.hub_random_secret() RETURNS text
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT 'whsec_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64');
END;
COMMENT ON FUNCTION usage_mgmt.hub_random_secret() IS 'A secret in the form of Standard Webhooks, of 32 bytes. Part of listener_secret().';

CREATE FUNCTION usage_mgmt.hub_test_event(OUT event_id text, OUT event text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	event_id := 'test-' || gen_random_uuid();
	event := json_build_object('eventId', event_id,
		'eventTime', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
		'eventType', 'ListenerTest', 'event', '{}'::json);
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_test_event() IS 'A sample. Part of listener_test().';

-- Where the listener's fields leave the id out, the event is in order with itself alone.
CREATE FUNCTION usage_mgmt.hub_resource_id(event json, event_id text) RETURNS text
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
	SELECT coalesce((SELECT min(resource.value ->> 'id') FROM json_each(event -> 'event') resource), event_id);
END;
COMMENT ON FUNCTION usage_mgmt.hub_resource_id(json, text) IS 'The id of the resource that an event tells of. Part of resend_event().';

-- What an agent calls, with the rights that grant_access(role, 'agent') gives

CREATE FUNCTION usage_mgmt.hub_claim(agent text, lease interval, most integer)
RETURNS TABLE (listener text, callback text, version text, query text, resource text, "position" text,
	secret text, old_secret text, headers jsonb, username text, password text, parked bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF coalesce($1 = '' OR $2 <= '0', true) THEN
		RAISE EXCEPTION 'an agent needs a name and a lease that lasts' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF usage_mgmt.setting_value('delivery') = 'off' THEN
		PERFORM usage_mgmt.hub_release($1);
		RETURN;
	END IF;
	-- Nobody waits for anybody here, so agents cannot lock each other out.
	PERFORM usage_mgmt.hub_pause_others();
	INSERT INTO usage_mgmt.hub_delivery (listener)
		SELECT l.id FROM usage_mgmt.hub_listener l
		WHERE l.callback IS NOT NULL AND NOT EXISTS (SELECT FROM usage_mgmt.hub_delivery d WHERE d.listener = l.id)
		ORDER BY l.id FOR NO KEY UPDATE OF l SKIP LOCKED
		ON CONFLICT DO NOTHING;
	-- its own first
	WITH mine AS MATERIALIZED (
		SELECT d.listener FROM usage_mgmt.hub_delivery d JOIN usage_mgmt.hub_listener l ON l.id = d.listener
		WHERE l.callback IS NOT NULL AND l.state IN ('starting', 'active')
			AND (d.agent = $1 OR d.leased_until IS NULL OR d.leased_until < now())
		ORDER BY d.agent IS NOT DISTINCT FROM $1 DESC, d.leased_until NULLS FIRST, d.listener
		LIMIT $3 FOR UPDATE OF d SKIP LOCKED)
	UPDATE usage_mgmt.hub_delivery d SET agent = $1, leased_until = now() + $2
		FROM mine WHERE d.listener = mine.listener;
	RETURN QUERY
		SELECT l.id, l.callback, l.version, l.query, l.resource, c.position, s.secret,
			CASE WHEN s.old_until > now() THEN s.old_secret END, coalesce(s.headers, '{}'), s.username, s.password,
			(SELECT count(*) FROM usage_mgmt.hub_parked p WHERE p.listener = l.id)
		FROM usage_mgmt.hub_delivery d JOIN usage_mgmt.hub_listener l ON l.id = d.listener
			JOIN usage_mgmt.hub_secret s ON s.listener = l.id AND s.secret IS NOT NULL
			LEFT JOIN usage_mgmt.hub_cursor c ON c.listener = l.id
		WHERE d.agent = $1 AND d.leased_until > now()
			AND l.callback IS NOT NULL AND l.state IN ('starting', 'active')
		ORDER BY l.id;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_claim(text, interval, integer) IS
'For agents: renews the leases of the agent of that name, takes free listeners up to so many in all, null for any number, and gives all that it holds now, with what to sign and send by. None while the setting delivery is off.';

CREATE FUNCTION usage_mgmt.hub_pause_others() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH unsigned AS MATERIALIZED (
		SELECT l.id FROM usage_mgmt.hub_listener l
		WHERE l.callback IS NOT NULL AND l.state IN ('starting', 'active') AND (l.life <> usage_mgmt.hub_life()
			OR NOT EXISTS (SELECT FROM usage_mgmt.hub_secret s WHERE s.listener = l.id AND s.secret IS NOT NULL)
			OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = l.owner AND has_table_privilege(r.oid,
				(SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'usage_mgmt'::regnamespace AND c.relname = l.resource), 'SELECT')))
		ORDER BY l.id FOR NO KEY UPDATE OF l SKIP LOCKED)
	UPDATE usage_mgmt.hub_listener l SET state = 'paused', changed_at = now(),
		reason = CASE WHEN l.life <> usage_mgmt.hub_life() THEN 'restored'
			WHEN EXISTS (SELECT FROM usage_mgmt.hub_secret s WHERE s.listener = l.id AND s.secret IS NOT NULL)
				THEN 'its owner may not select from the table any more'
			ELSE 'its secret is missing: listener_secret(id, renew => true) makes one, resume_listener(id) goes on' END
		FROM unsigned WHERE l.id = unsigned.id;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_pause_others() IS
'Pauses the listeners that were restored, those without a secret, whose events could not be signed, and those whose owner may not read what has been parked. Part of hub_claim().';

CREATE FUNCTION usage_mgmt.hub_checkpoint(agent text, listener text, "position" text, done bigint[],
	retry jsonb, park jsonb, attempts jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	-- The listener first, as whoever deletes it does. A lease that ran out counts while nobody else has taken it.
	PERFORM FROM usage_mgmt.hub_listener l WHERE l.id = $2 FOR KEY SHARE;
	PERFORM FROM usage_mgmt.hub_delivery d WHERE d.listener = $2 AND d.agent = $1 FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF $3 IS NOT NULL THEN
		PERFORM usage_mgmt.confirm_events($2, $3);
	END IF;
	WITH done AS (
		DELETE FROM usage_mgmt.hub_parked p WHERE p.listener = $2 AND p.id = ANY ($4) RETURNING p.resource_id)
	UPDATE usage_mgmt.hub_parked p SET next_at = now()
		FROM (SELECT DISTINCT resource_id FROM done) d
		WHERE p.listener = $2 AND p.next_at = 'infinity'
			AND p.id = (SELECT min(b.id) FROM usage_mgmt.hub_parked b
				WHERE b.listener = $2 AND b.resource_id = d.resource_id AND b.id <> ALL ($4));
	UPDATE usage_mgmt.hub_parked p
		SET attempts = p.attempts + 1, last_error = r.error,
			next_at = now() + coalesce(r.delay_ms, 0) * interval '1 ms'
		FROM jsonb_to_recordset($5) AS r(id bigint, delay_ms bigint, error text)
		WHERE p.listener = $2 AND p.id = r.id;
	INSERT INTO usage_mgmt.hub_parked (listener, event_id, resource_id, event, attempts, next_at, last_error)
		-- Those behind another are out of the way of who looks for what is due.
		SELECT $2, n.event_id, n.resource_id, n.event, (n.error IS NOT NULL)::integer,
			CASE WHEN n.error IS NULL AND (row_number() OVER (PARTITION BY n.resource_id ORDER BY n.ordinality) > 1
				OR EXISTS (SELECT FROM usage_mgmt.hub_parked p WHERE p.listener = $2 AND p.resource_id = n.resource_id))
				THEN 'infinity' ELSE now() + coalesce(n.delay_ms, 0) * interval '1 ms' END, n.error
		FROM ROWS FROM (jsonb_to_recordset($6)
			AS (event_id text, resource_id text, event text, delay_ms bigint, error text)) WITH ORDINALITY AS n
		ORDER BY n.ordinality;
	PERFORM usage_mgmt.hub_count_attempts($2, $7);
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_checkpoint(text, text, text, bigint[], jsonb, jsonb, jsonb) IS
'For agents, all or nothing: moves the cursor to a position, forgets the parked events that are done, times others anew ([{id, delay_ms, error}]), parks more, in that order ([{event_id, resource_id, event, delay_ms, error}]; one without an error has not been attempted), and logs attempts ([{event_id, at, status, ms, error}]). False, and nothing done, where another agent has the listener.';

CREATE FUNCTION usage_mgmt.hub_count_attempts(listener text, attempts jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	WITH logged AS (
		INSERT INTO usage_mgmt.hub_attempt AS a (listener, event_id, at, status, ms, error)
		SELECT $1, n.event_id, coalesce(n.at, now()), n.status, n.ms, n.error
		FROM ROWS FROM (jsonb_to_recordset($2)
			AS (event_id text, at timestamptz, status integer, ms integer, error text)) WITH ORDINALITY AS n
		ORDER BY n.ordinality
		RETURNING a.id, a.at, a.status, a.error, coalesce(a.status BETWEEN 200 AND 299 AND a.error IS NULL, false) AS good),
	counted AS (
		SELECT count(*) FILTER (WHERE good) AS delivered, count(*) FILTER (WHERE NOT good) AS failed,
			max(at) FILTER (WHERE good) AS success_at, max(at) FILTER (WHERE NOT good) AS error_at,
			(array_agg(coalesce(error, 'HTTP ' || status, 'no answer') ORDER BY id DESC) FILTER (WHERE NOT good))[1] AS error
		FROM logged HAVING count(*) > 0)
	UPDATE usage_mgmt.hub_delivery d SET delivered = d.delivered + n.delivered, failed = d.failed + n.failed,
			rate = d.rate * exp(-extract(epoch FROM greatest(now() - d.rate_at, '0')) / 60) + n.delivered / 60.0,
			rate_at = greatest(now(), d.rate_at),
			last_success_at = coalesce(n.success_at, d.last_success_at),
			last_error_at = coalesce(n.error_at, d.last_error_at), last_error = coalesce(n.error, d.last_error)
		FROM counted n WHERE d.listener = $1;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_count_attempts(text, jsonb) IS 'Logs attempts and counts them. Part of hub_checkpoint().';

CREATE FUNCTION usage_mgmt.hub_due(listener text, most integer)
RETURNS TABLE (id bigint, event_id text, resource_id text, event text, attempts integer)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT p.id, p.event_id, p.resource_id, p.event, p.attempts
		FROM usage_mgmt.hub_parked p
		WHERE p.listener = $1 AND p.next_at <= now()
			AND NOT EXISTS (SELECT FROM usage_mgmt.hub_parked before
				WHERE before.listener = $1 AND before.resource_id = p.resource_id AND before.id < p.id)
		ORDER BY p.next_at, p.id LIMIT $2;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_due(text, integer) IS
'For agents: the parked events of a listener whose time has come, of each resource id the first alone; those first that came first.';

CREATE FUNCTION usage_mgmt.hub_parked_ids(listener text) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT DISTINCT p.resource_id FROM usage_mgmt.hub_parked p WHERE p.listener = $1;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_parked_ids(text) IS
'For agents: the resource ids of which a listener has parked events; what comes of them later waits behind these.';

CREATE FUNCTION usage_mgmt.hub_stop(agent text, listener text, state text, reason text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF coalesce($3 NOT IN ('paused', 'quarantined', 'gone'), true) THEN
		RAISE EXCEPTION 'a listener cannot be stopped as "%"', $3
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is stopped as paused, quarantined or gone.';
	END IF;
	PERFORM FROM usage_mgmt.hub_listener l WHERE l.id = $2 FOR NO KEY UPDATE;
	UPDATE usage_mgmt.hub_delivery d SET agent = NULL, leased_until = NULL WHERE d.listener = $2 AND d.agent = $1;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE usage_mgmt.hub_listener l SET state = $3, reason = $4, changed_at = now()
		WHERE l.id = $2 AND l.state IN ('starting', 'active');
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_stop(text, text, text, text) IS
'For agents: stops deliveries to a listener, with the reason, and gives it back. False where another agent has it, or it has been stopped already.';

CREATE FUNCTION usage_mgmt.hub_release(agent text) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	released integer;
BEGIN
	UPDATE usage_mgmt.hub_delivery d SET agent = NULL, leased_until = NULL WHERE d.agent = $1;
	GET DIAGNOSTICS released = ROW_COUNT;
	RETURN released;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_release(text) IS 'For agents: gives all listeners back; how many.';

CREATE FUNCTION usage_mgmt.hub_prune_attempts() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pruned bigint := 0;
	counted bigint;
	name text;
BEGIN
	-- one by one: joined to all of them each row could look for its bound anew
	FOR name IN SELECT l.id FROM usage_mgmt.hub_listener l LOOP
		DELETE FROM usage_mgmt.hub_attempt a WHERE a.listener = name
			AND (a.at < now() - interval '7 days' OR a.id <= (SELECT k.id FROM usage_mgmt.hub_attempt k
				WHERE k.listener = name ORDER BY k.id DESC OFFSET 1000 LIMIT 1));
		GET DIAGNOSTICS counted = ROW_COUNT;
		pruned := pruned + counted;
	END LOOP;
	RETURN pruned;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hub_prune_attempts() IS
'Forgets all but the last 1,000 attempts of each listener, and those older than 7 days; how many. Part of hub_upkeep().';
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
-- Jobs: whose an order is, and how agents take, do and end what is ordered

CREATE FUNCTION usage_mgmt.install_jobs() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	noun text;
BEGIN
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		-- What has not ended: few rows, whatever is kept. Nothing in it changes while a job runs, and beside
		-- row security the planner knows how few, which it does not of a status.
		PERFORM usage_mgmt.install_index(noun || '_due_idx', noun, '(next_at) WHERE completion_date IS NULL');
		PERFORM usage_mgmt.install_trigger(noun, noun || '_ordered', 'AFTER INSERT', 'FOR EACH STATEMENT', 'job_notify');
		PERFORM usage_mgmt.install_trigger(noun, noun || '_cancelled', 'AFTER UPDATE',
			'FOR EACH ROW WHEN (old.cancelled_at IS DISTINCT FROM new.cancelled_at OR old.life IS DISTINCT FROM new.life)', 'job_notify');
		PERFORM usage_mgmt.install_trigger(noun, noun || '_deleted', 'AFTER DELETE',
			$$FOR EACH ROW WHEN (old.status = 'running')$$, 'job_notify');
		PERFORM usage_mgmt.install_job_rights(noun, 'own_orders',
			format('(SELECT has_table_privilege(%L, ''UPDATE'') OR has_table_privilege(''usage_mgmt.import_load'', ''DELETE''))
				OR ordered_by = ANY (ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE pg_has_role(r.oid, ''USAGE'')))
				AND (claims IS NULL OR usage_mgmt.job_is_callers(claims))', 'usage_mgmt.' || noun));
	END LOOP;
	CREATE TABLE IF NOT EXISTS usage_mgmt.export_result (
		job text COLLATE "C" NOT NULL,
		part integer NOT NULL,
		data bytea NOT NULL,
		CONSTRAINT export_result_pkey PRIMARY KEY (job, part),
		CONSTRAINT export_result_job_fkey FOREIGN KEY (job)
			REFERENCES usage_mgmt.export_job ON DELETE CASCADE
	);
	PERFORM usage_mgmt.install_comment('usage_mgmt.export_result', name, comment)
		FROM (VALUES (NULL, 'What export jobs without a url have written, for a day. get_export_result() reads it.'),
			('part', 'From 0; each but the last has 1,048,576 bytes.')) AS c(name, comment);
	PERFORM usage_mgmt.install_job_rights('export_result', 'own_results',
		'EXISTS (SELECT FROM usage_mgmt.export_job j WHERE j.id = job)');
	PERFORM usage_mgmt.install_job_progress();
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_jobs() IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_job_rights(name text, policy text, condition text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF EXISTS (SELECT FROM pg_policy WHERE polrelid = format('usage_mgmt.%I', name)::regclass AND polname = policy) THEN
		RETURN;
	END IF;
	EXECUTE format('ALTER TABLE usage_mgmt.%I ENABLE ROW LEVEL SECURITY', name);
	EXECUTE format('CREATE POLICY %I ON usage_mgmt.%I USING (%s)', policy, name, condition);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_job_rights(text, text, text) IS
'Lets everybody see the orders of roles that he is a member of, and agents (who may UPDATE the whole table) and operators all. Part of install_tables().';

-- Roles are shared by those whom tokens name; what one of them has exported is not the next one's.
CREATE FUNCTION usage_mgmt.job_is_callers(claims text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine text := nullif(current_setting('request.jwt.claims', true), '');
BEGIN
	-- in one expression what is no JSON would be found at planning already
	IF mine IS NULL THEN
		RETURN true;
	END IF;
	RETURN usage_mgmt.job_caller(mine::jsonb) = usage_mgmt.job_caller(claims::jsonb);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN false;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_is_callers(text) IS
'Whether an order with these claims is of whom the claims of this request name; true outside a request. Part of the policies of jobs.';

CREATE FUNCTION usage_mgmt.job_caller(claims jsonb) RETURNS jsonb
LANGUAGE sql STABLE
RETURN CASE WHEN claims ->> 'sub' IS NOT NULL THEN jsonb_build_array(claims -> 'iss', claims ->> 'sub')
	ELSE claims - '{exp,iat,nbf,jti}'::text[] END;
COMMENT ON FUNCTION usage_mgmt.job_caller(jsonb) IS
'Whom claims name: sub, of that iss; where there is none all that does not change from token to token, since policies may go by any of it. Part of job_is_callers().';

CREATE FUNCTION usage_mgmt.job_notify() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- anybody may listen, and which job it was is for those who see it
	PERFORM pg_notify('usage_mgmt_job', CASE WHEN TG_OP = 'INSERT' THEN '' ELSE TG_TABLE_NAME END);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_notify() IS
'AFTER INSERT of jobs, for each statement: wakes agents. AFTER a cancel, a resume or the deletion of one, for each row: tells them of which resource.';
REVOKE EXECUTE ON FUNCTION usage_mgmt.job_notify() FROM PUBLIC;

CREATE FUNCTION usage_mgmt.install_job_progress() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	PERFORM usage_mgmt.install_view('job_progress', $view$
		WITH job AS (
			SELECT 'import_job' AS resource, id, status, url, ordered_by, agent, attempts, read_count AS records, byte_count AS bytes,
				started_at, completion_date, error_log, cancelled_at, leased_until, life, total_bytes
			FROM usage_mgmt.import_job
			UNION ALL
			SELECT 'export_job' AS resource, id, status, url, ordered_by, agent, attempts, record_count, byte_count,
				started_at, completion_date, error_log, cancelled_at, leased_until, life, total_bytes
			FROM usage_mgmt.export_job),
		timed AS (
			SELECT *, completion_date IS NULL AS open,
				nullif(extract(epoch FROM greatest(coalesce(completion_date, now()) - started_at, '0')), 0) AS seconds
			FROM job)
		SELECT resource, id AS job,
			CASE WHEN cancelled_at IS NOT NULL AND status <> 'succeeded' THEN 'cancelled'
				WHEN open AND life <> (SELECT usage_mgmt.hub_life()) THEN 'held'
				WHEN status = 'running' AND (agent IS NULL OR leased_until < now()) THEN 'waiting'
				ELSE status::text END AS state,
			url, ordered_by, agent, attempts, records, bytes,
			CASE WHEN status = 'succeeded' THEN 100
				WHEN total_bytes > 0 THEN least(round(100.0 * bytes / total_bytes, 1), 100) END AS percent,
			round(records / seconds, 1) AS records_per_second, round(bytes / seconds, 1) AS bytes_per_second,
			CASE WHEN open AND bytes > 0 THEN round(greatest(total_bytes - bytes, 0) * seconds / bytes, 1) END AS seconds_left,
			started_at, error_log AS error
		FROM timed$view$,
		'The jobs that one may see, and how they go. state is their status, or waiting (no agent has it now), held (it was restored: resume_job() lets it go on) or cancelled; rates are since it was started.');
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_job_progress() IS 'Part of install_tables().';

-- What whoever ordered a job calls

CREATE FUNCTION usage_mgmt.resume_job(resource text, id text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	resumed integer;
BEGIN
	EXECUTE format($sql$UPDATE usage_mgmt.%I j SET life = usage_mgmt.hub_life()
		WHERE j.id = $1 AND j.completion_date IS NULL AND j.life <> usage_mgmt.hub_life()$sql$,
		usage_mgmt.job_resource($1)) USING $2;
	GET DIAGNOSTICS resumed = ROW_COUNT;
	RETURN resumed > 0;
END
$$;
COMMENT ON FUNCTION usage_mgmt.resume_job(text, text) IS
'Lets a job go on that is held since it came into this database by a restore; false where none that the caller sees is. resource is import_job or export_job.';

CREATE FUNCTION usage_mgmt.job_resource(resource text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM usage_mgmt.resources() r WHERE r.orders AND r.noun = resource) THEN
		RAISE EXCEPTION 'there are no jobs "%"', resource
			USING ERRCODE = 'invalid_parameter_value',
			HINT = format('There are %s.', (SELECT string_agg(r.noun, ', ') FROM usage_mgmt.resources() r WHERE r.orders));
	END IF;
	RETURN resource;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_resource(text) IS
'The same, where it is a resource of jobs; 22023 for any other. Part of the functions of jobs.';

CREATE FUNCTION usage_mgmt.get_export_result(id text, "from" bigint DEFAULT 0) RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF coalesce($2 < 0, true) THEN
		RAISE EXCEPTION 'a result is read from byte 0 on, not from %', $2 USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT EXISTS (SELECT FROM usage_mgmt.export_job j WHERE j.id = $1 AND j.status = 'succeeded'
			AND j.completion_date > now() - interval '1 day'
			AND EXISTS (SELECT FROM usage_mgmt.export_result r WHERE r.job = j.id)) THEN
		RAISE EXCEPTION 'there is no result of an export job "%"', $1 USING ERRCODE = 'no_data_found',
			HINT = 'A job without a url keeps what it has exported for a day from when it has succeeded.';
	END IF;
	RETURN (SELECT substring(r.data FROM ($2 % 1048576)::integer + 1) FROM usage_mgmt.export_result r
		WHERE r.job = $1 AND r.part = $2 / 1048576 AND octet_length(r.data) > $2 % 1048576);
END
$$;
COMMENT ON FUNCTION usage_mgmt.get_export_result(text, bigint) IS
'The result of an export job without a url from that byte on, a megabyte at most; null at its end. P0002 where the caller sees no such job, or it keeps no result: it does for a day.';

-- What an agent calls, with the rights that grant_access(role, 'agent') gives. A job is its as long
-- as agent and attempts are still what they were when it took it: whoever comes too late gets false.

CREATE FUNCTION usage_mgmt.job_claim(agent text, lease interval, most integer, retries integer)
RETURNS TABLE (resource text, job text, attempt integer, ordered_by text, claims text, cancelled boolean,
	failures integer, about json)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	noun text;
	held integer := 0;
BEGIN
	IF coalesce($1 = '' OR $2 <= '0' OR $4 < 0, true) THEN
		RAISE EXCEPTION 'an agent needs a name, a lease that lasts and a number of retries'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- Nobody waits for anybody here, so agents cannot lock each other out.
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		held := held + usage_mgmt.job_renew($1, noun, $2);
		PERFORM usage_mgmt.job_give_up(noun, $4);
	END LOOP;
	-- those first of which one waits longest
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r, usage_mgmt.job_due_since(r.noun) since
		WHERE r.orders AND since IS NOT NULL ORDER BY since
	LOOP
		held := held + usage_mgmt.job_take($1, noun, $2, $3 - held);
	END LOOP;
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		RETURN QUERY EXECUTE format($sql$
			SELECT %1$L::text, j.id::text, j.attempts::integer, j.ordered_by::text, j.claims, j.cancelled_at IS NOT NULL,
				j.failures, (to_jsonb(j) || jsonb_build_object('noun', usage_mgmt.job_noun(j.path)))::json
			FROM usage_mgmt.%1$I j WHERE %2$s ORDER BY j.next_at, j.id$sql$, noun, usage_mgmt.job_leased()) USING $1;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_claim(text, interval, integer, integer) IS
'For agents: renews the leases of the agent of that name, takes free jobs that are due up to so many in all, null for any number, and gives all that it holds now; about is the row with the noun of the resource that path names. A job that has failed more than so many times without getting on is ended.';

CREATE FUNCTION usage_mgmt.job_noun(path text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.order_resource(path);
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN NULL;	-- of a module that is not there any more
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_noun(text) IS
'order_resource(), null where there is none. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_renew(agent text, resource text, lease interval) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	held integer;
BEGIN
	EXECUTE format($sql$
		WITH mine AS MATERIALIZED (
			SELECT j.id FROM usage_mgmt.%1$I j WHERE %2$s FOR NO KEY UPDATE SKIP LOCKED)
		UPDATE usage_mgmt.%1$I j SET leased_until = now() + $2 FROM mine WHERE j.id = mine.id$sql$,
		resource, usage_mgmt.job_leased()) USING agent, lease;
	EXECUTE format($sql$
		SELECT count(*) FROM usage_mgmt.%I j WHERE %s$sql$, resource, usage_mgmt.job_leased()) INTO held USING agent;
	RETURN held;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_renew(text, text, interval) IS
'Renews an agent''s leases, but those that somebody has locked just now; how many jobs it holds. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_give_up(resource text, retries integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
		WITH ended AS MATERIALIZED (
			SELECT j.id, CASE WHEN NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = j.ordered_by)
					THEN format('the role "%%s" that ordered it does not exist any more', j.ordered_by)
				ELSE format('gave up after %%s attempts; the last error: %%s', j.attempts,
					CASE WHEN j.agent IS NOT NULL THEN format('agent "%%s" was lost', j.agent) ELSE j.error_log END) END AS reason
			FROM usage_mgmt.%1$I j
			WHERE j.completion_date IS NULL AND j.life = usage_mgmt.hub_life()
				AND (j.agent IS NULL OR j.leased_until < now())
				AND (j.cancelled_at IS NOT NULL OR j.failures + (j.agent IS NOT NULL)::integer > $1
					OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = j.ordered_by))
			FOR NO KEY UPDATE OF j SKIP LOCKED)
		UPDATE usage_mgmt.%1$I j SET status = 'failed', error_log = ended.reason
			FROM ended WHERE j.id = ended.id$sql$, resource) USING retries;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_give_up(text, integer) IS
'Ends the jobs that no agent has and none is to take: cancelled ones, those that have failed too often, and those of a role that is gone. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_due() RETURNS text
LANGUAGE sql IMMUTABLE
RETURN $$j.completion_date IS NULL AND j.cancelled_at IS NULL AND j.life = usage_mgmt.hub_life()
	AND j.next_at <= now() AND (j.agent IS NULL OR j.leased_until < now())$$;
COMMENT ON FUNCTION usage_mgmt.job_due() IS 'The condition on a job j that an agent may take. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_leased() RETURNS text
LANGUAGE sql IMMUTABLE
RETURN $$j.completion_date IS NULL AND j.agent = $1 AND j.life = usage_mgmt.hub_life()$$;
COMMENT ON FUNCTION usage_mgmt.job_leased() IS 'The condition on a job j that agent $1 has. Part of the functions of jobs.';

CREATE FUNCTION usage_mgmt.job_due_since(resource text) RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	since timestamptz;
BEGIN
	EXECUTE format('SELECT j.next_at FROM usage_mgmt.%I j WHERE %s ORDER BY j.next_at LIMIT 1', resource, usage_mgmt.job_due())
		INTO since;
	RETURN since;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_due_since(text) IS
'Since when a job waits for an agent; null where none does. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_take(agent text, resource text, lease interval, most integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	taken integer;
BEGIN
	EXECUTE format($sql$
		WITH due AS MATERIALIZED (
			SELECT j.id FROM usage_mgmt.%1$I j WHERE %2$s
			ORDER BY j.next_at, j.id LIMIT CASE WHEN $3 < 0 THEN 0 ELSE $3 END FOR NO KEY UPDATE SKIP LOCKED)
		UPDATE usage_mgmt.%1$I j SET status = 'running', attempts = j.attempts + 1, agent = $1, leased_until = now() + $2,
				failures = j.failures + (j.agent IS NOT NULL)::integer,
				error_log = CASE WHEN j.agent IS NULL THEN j.error_log ELSE format('agent "%%s" was lost', j.agent) END, %3$s
			FROM due WHERE j.id = due.id$sql$, resource, usage_mgmt.job_due(),
		CASE resource WHEN 'export_job' THEN 'started_at = now(), record_count = 0, byte_count = 0, total_bytes = NULL'
			ELSE 'started_at = coalesce(j.started_at, now())' END) USING agent, lease, most;
	GET DIAGNOSTICS taken = ROW_COUNT;
	RETURN taken;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_take(text, text, interval, integer) IS
'Takes up to so many jobs that are due, those first that wait longest; how many. One whose agent has not come back counts that as a failure; an export starts anew. Part of job_claim().';

CREATE FUNCTION usage_mgmt.job_checkpoint(agent text, resource text, job text, attempt integer, progress jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.job_write($1, $2, $3, $4, 'running', NULL, $5);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_checkpoint(text, text, text, integer, jsonb) IS
'For agents: notes how far a job has come: load, read, stored, repeated, conflicting, rejected, position and report of an import, records of an export, bytes, and total of bytes. An import that gets on has not failed. False, and nothing done, where it has been cancelled or deleted, or another agent or attempt has it.';

CREATE FUNCTION usage_mgmt.job_end(agent text, resource text, job text, attempt integer, status text, error_log text,
	progress jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce($5 NOT IN ('succeeded', 'failed'), true) THEN
		RAISE EXCEPTION 'a job cannot end as "%"', $5
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It ends as succeeded or failed.';
	END IF;
	RETURN usage_mgmt.job_write($1, $2, $3, $4, $5, coalesce($6, ''), $7);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_end(text, text, text, integer, text, text, jsonb) IS
'For agents: ends a job as succeeded or failed, with what an operator should know. False, and nothing done, where it has been deleted, or another agent or attempt has it.';

CREATE FUNCTION usage_mgmt.job_write(agent text, resource text, job text, attempt integer, status text, error_log text,
	progress jsonb) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	import boolean := usage_mgmt.job_resource($2) = 'import_job';
	known text[] := CASE WHEN import THEN '{load,read,stored,repeated,conflicting,rejected,bytes,position,total,report}'::text[]
		ELSE '{records,bytes,total}' END;
	columns text[] := CASE WHEN import THEN '{load,read_count,stored_count,repeated_count,conflicting_count,rejected_count,byte_count,position,total_bytes,report}'::text[]
		ELSE '{record_count,byte_count,total_bytes}' END;
	counts jsonb;
	written integer;
BEGIN
	IF NOT ARRAY(SELECT jsonb_object_keys($7)) <@ known THEN
		RAISE EXCEPTION 'the progress of % does not have %', $2, (SELECT string_agg(k, ', ') FROM jsonb_object_keys($7) k WHERE k <> ALL (known))
			USING ERRCODE = 'invalid_parameter_value', HINT = format('It has %s.', array_to_string(known, ', '));
	END IF;
	SELECT jsonb_object_agg(c, $7 -> k) INTO counts FROM unnest(known, columns) u(k, c) WHERE $7 -> k <> 'null';
	EXECUTE format($sql$UPDATE usage_mgmt.%I j SET (%s, failures) = (SELECT n.%s, CASE WHEN %s THEN 0 ELSE j.failures END
			FROM jsonb_populate_record(j, $4) n), status = $5,
			error_log = coalesce($6, j.error_log)
		WHERE j.id = $2 AND j.attempts = $3 AND %s AND ($5 <> 'running' OR j.cancelled_at IS NULL)$sql$,
		$2, array_to_string(columns, ', '), array_to_string(columns, ', n.'),
		-- an export starts anew each time
		CASE WHEN import THEN 'n.position > j.position OR n.read_count > j.read_count' ELSE 'false' END,
		usage_mgmt.job_leased())
		USING $1, $3, $4, coalesce(counts, '{}'), $5::usage_mgmt.job_status, $6;
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written > 0;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_write(text, text, text, integer, text, text, jsonb) IS
'Writes how far a job is, or that it has ended, where it is the agent''s. Part of job_checkpoint() and job_end().';

CREATE FUNCTION usage_mgmt.job_retry(agent text, resource text, job text, attempt integer, delay interval, error_log text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.job_give_back($1, $2, $3, $4, coalesce($5, '0'), 'j.failures + 1', $6);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_retry(text, text, text, integer, interval, text) IS
'For agents: gives a job back that has failed, to be tried again after a delay. False, and nothing done, as job_end().';

CREATE FUNCTION usage_mgmt.job_again(agent text, resource text, job text, attempt integer, delay interval) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN usage_mgmt.job_give_back($1, $2, $3, $4, coalesce($5, '0'), '0', '');
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_again(text, text, text, integer, interval) IS
'For agents: gives a standing order back until its next run. False, and nothing done, as job_end().';

CREATE FUNCTION usage_mgmt.job_release(agent text, resource text, job text, attempt integer) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_notify('usage_mgmt_job', '');
	RETURN usage_mgmt.job_give_back($1, $2, $3, $4, NULL, 'j.failures', NULL);
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_release(text, text, text, integer) IS
'For agents: gives a job back for any agent to go on with at once. False, and nothing done, as job_end().';

CREATE FUNCTION usage_mgmt.job_release(agent text) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine record;
	noun text;
	released integer := 0;
BEGIN
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		-- What somebody has locked just now is free when its lease runs out.
		FOR mine IN EXECUTE format($sql$SELECT j.id, j.attempts FROM usage_mgmt.%I j
			WHERE %s FOR NO KEY UPDATE SKIP LOCKED$sql$, noun, usage_mgmt.job_leased()) USING $1
		LOOP
			released := released + usage_mgmt.job_release($1, noun, mine.id, mine.attempts::integer)::integer;
		END LOOP;
	END LOOP;
	RETURN released;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_release(text) IS
'For agents: gives all jobs of the agent of that name back; how many. It leaves, or has come back and begins anew.';

CREATE FUNCTION usage_mgmt.job_give_back(agent text, resource text, job text, attempt integer, delay interval, failures text,
	error_log text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	written integer;
BEGIN
	EXECUTE format($sql$UPDATE usage_mgmt.%I j SET agent = NULL, leased_until = NULL,
			error_log = coalesce($5, j.error_log),
			next_at = CASE WHEN $4 IS NULL THEN j.next_at ELSE now() + $4 END, failures = %s
		WHERE j.id = $2 AND j.attempts = $3 AND %s$sql$,
		usage_mgmt.job_resource($2), $6, usage_mgmt.job_leased()) USING $1, $3, $4, $5, $7;
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written > 0;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_give_back(text, text, text, integer, interval, text, text) IS
'Gives a job back; without a delay it keeps its place. One that has been cancelled ends. Part of job_retry(), job_again() and job_release().';

CREATE FUNCTION usage_mgmt.job_put_result(agent text, job text, attempt integer, part integer, data bytea) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	most bigint := pg_size_bytes(usage_mgmt.setting_value('export_result_max'));
BEGIN
	-- The job first, as whoever deletes it does.
	PERFORM FROM usage_mgmt.export_job j
		WHERE j.id = $2 AND j.agent = $1 AND j.attempts = $3 AND j.completion_date IS NULL AND j.cancelled_at IS NULL
			AND j.life = usage_mgmt.hub_life()
		FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF coalesce($4 < 0 OR octet_length($5) > 1048576, true) OR $4 > 0 AND NOT EXISTS (SELECT FROM usage_mgmt.export_result r
			WHERE r.job = $2 AND r.part = $4 - 1 AND octet_length(r.data) = 1048576) THEN
		RAISE EXCEPTION 'part % of the result of export job "%" does not follow', $4, $2
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Parts have 1048576 bytes, the last one any less.';
	ELSIF $4::bigint * 1048576 + octet_length($5) > most THEN
		RAISE EXCEPTION 'the result of export job "%" is larger than export_result_max, %', $2, usage_mgmt.setting_value('export_result_max')
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Give the job a url to export to, or a query that names less.';
	END IF;
	IF $4 = 0 THEN
		DELETE FROM usage_mgmt.export_result r WHERE r.job = $2;	-- of an attempt before
	END IF;
	-- who did not hear that it is here says it again
	INSERT INTO usage_mgmt.export_result (job, part, data) VALUES ($2, $4, $5)
		ON CONFLICT ON CONSTRAINT export_result_pkey DO NOTHING;
	RETURN true;
END
$$;
COMMENT ON FUNCTION usage_mgmt.job_put_result(text, text, integer, integer, bytea) IS
'For agents: keeps a part of what an export job without a url writes; part 0 begins anew. 54000 beyond the setting export_result_max. False, and nothing done, as job_checkpoint().';

CREATE FUNCTION usage_mgmt.jobs_upkeep() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	noun text;
	forgotten bigint;
	total bigint := 0;
BEGIN
	-- What somebody has locked waits for the next time.
	WITH ended AS MATERIALIZED (
		SELECT j.id FROM usage_mgmt.export_job j
		WHERE (j.status = 'failed' OR j.completion_date <= now() - interval '1 day')
			AND EXISTS (SELECT FROM usage_mgmt.export_result r WHERE r.job = j.id)
		FOR NO KEY UPDATE OF j SKIP LOCKED)
	DELETE FROM usage_mgmt.export_result r USING ended WHERE r.job = ended.id;
	FOR noun IN SELECT r.noun FROM usage_mgmt.resources() r WHERE r.orders LOOP
		EXECUTE format($sql$
			WITH old AS MATERIALIZED (
				SELECT j.id FROM usage_mgmt.%1$I j
				WHERE j.completion_date < now() - $1 FOR UPDATE SKIP LOCKED)
			DELETE FROM usage_mgmt.%1$I j USING old WHERE j.id = old.id$sql$, noun)
			USING usage_mgmt.setting_value('job_retention')::interval;
		GET DIAGNOSTICS forgotten = ROW_COUNT;
		total := total + forgotten;
	END LOOP;
	RETURN total;
END
$$;
COMMENT ON FUNCTION usage_mgmt.jobs_upkeep() IS
'For agents: forgets the jobs that ended longer ago than the setting job_retention says, and results after a day; how many jobs.';
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
-- What has happened in numbers: the view usage_mgmt_stat. A counter is what the books
-- count now, and what stat_offset has beside them: counts of rows that were deleted,
-- less those of the last reset. So whoever loads or delivers counts nothing twice.

CREATE FUNCTION usage_mgmt.stat_counters(OUT name text, OUT source text, OUT expression text, OUT comment text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	VALUES
	('loads_started', 'import_load', 'count(*)', 'Loads that were begun: each COPY into a document view, each file of usagectl.'),
	('loads_finished', 'import_load', 'count(finished_at)', 'Of these, the finished ones.'),
	('records_read', 'import_load', 'sum(read)', 'Records that loads have read: stored, repeated, conflicting and rejected.'),
	('records_stored', 'import_load', 'sum(stored + undone)', 'Of these, those that were stored, also where they were taken back.'),
	('records_filled', 'import_load', 'sum(filled)', 'Of those stored, those in which something was filled in.'),
	('records_repeated', 'import_load', 'sum(repeated)', 'Records that were there already.'),
	('records_conflicting', 'import_load', 'sum(conflicting)', 'Records whose id was there with other content.'),
	('records_rejected', 'import_load', 'sum(rejected)', 'Records that were at fault.'),
	('records_undone', 'import_load', 'sum(undone)', 'Of those stored, those that undo_load() has taken back.'),
	('events_written', 'hub_event_seq', 'sum(last_value - (NOT is_called)::integer)',
		'Numbers that events were given, those of transactions that were rolled back among them.'),
	('events_lost', 'hub_cursor', 'sum(lost)', 'Events that retention has taken from listeners who had not confirmed them, one for each listener.'),
	('deliveries_succeeded', 'hub_delivery', 'sum(delivered)', 'Attempts of agents to deliver an event that were answered with 2xx.'),
	('deliveries_failed', 'hub_delivery', 'sum(failed)', 'Attempts that were not.'),
	('import_jobs_ordered', 'import_job', 'count(*)', 'Import jobs that were ordered.'),
	('import_jobs_succeeded', 'import_job', 'count(*) FILTER (WHERE status = ''succeeded'')', 'Import jobs that have succeeded.'),
	('import_jobs_failed', 'import_job', 'count(*) FILTER (WHERE status = ''failed'' AND (cancelled_at <= completion_date) IS NOT TRUE)', 'Import jobs that have failed.'),
	('import_jobs_cancelled', 'import_job', 'count(*) FILTER (WHERE status = ''failed'' AND cancelled_at <= completion_date)',
		'Import jobs that were cancelled, and have ended so.'),
	('export_jobs_ordered', 'export_job', 'count(*)', 'Export jobs that were ordered.'),
	('export_jobs_succeeded', 'export_job', 'count(*) FILTER (WHERE status = ''succeeded'')', 'Export jobs that have succeeded.'),
	('export_jobs_failed', 'export_job', 'count(*) FILTER (WHERE status = ''failed'' AND (cancelled_at <= completion_date) IS NOT TRUE)', 'Export jobs that have failed.'),
	('export_jobs_cancelled', 'export_job', 'count(*) FILTER (WHERE status = ''failed'' AND cancelled_at <= completion_date)',
		'Export jobs that were cancelled, and have ended so.')
$$;
COMMENT ON FUNCTION usage_mgmt.stat_counters() IS
'The counters of usage_mgmt_stat, and how each is counted of the rows of a table, or of a sequence. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_stat() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = 'usage_mgmt.import_load'::regclass);
	source text;
BEGIN
	CREATE TABLE IF NOT EXISTS usage_mgmt.stat_offset (
		id bigserial NOT NULL,
		reset_at timestamptz,
		CONSTRAINT stat_offset_pkey PRIMARY KEY (id)
	);
	PERFORM usage_mgmt.install_columns('usage_mgmt.stat_offset'::regclass, array_agg(c.name), array_agg('bigint NOT NULL DEFAULT 0'::text))
		FROM usage_mgmt.stat_counters() c;
	PERFORM usage_mgmt.install_comment('usage_mgmt.stat_offset', c.name, c.comment)
		FROM (VALUES (NULL, 'What usage_mgmt_stat adds, in all rows, to what the books count: the counts of rows that were deleted, less those of resets. Written by triggers and stat_reset() alone.'),
			('reset_at', 'When a reset was.')) AS c(name, comment);
	-- A trigger writes as the owner of the table that it is of, whoever brings tables up to date.
	IF owner <> (SELECT relowner::regrole::text FROM pg_class WHERE oid = 'usage_mgmt.stat_offset'::regclass) THEN
		EXECUTE format('ALTER TABLE usage_mgmt.stat_offset OWNER TO %s', owner);
	END IF;
	FOR source IN SELECT DISTINCT c.source FROM usage_mgmt.stat_counters() c JOIN pg_class ON oid = to_regclass('usage_mgmt.' || c.source) AND relkind = 'r' LOOP
		PERFORM usage_mgmt.install_trigger(source, source || '_counted', 'AFTER DELETE',
			'REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT', 'stat_keep');
		PERFORM usage_mgmt.install_trigger(source, source || '_counted_all', 'BEFORE TRUNCATE', 'FOR EACH STATEMENT', 'stat_keep');
	END LOOP;
	PERFORM usage_mgmt.install_stat_view(owner);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_stat() IS 'Part of install_tables().';

-- Who watches a server is a member of it, often by way of pg_monitor.
GRANT USAGE ON SCHEMA usage_mgmt TO pg_read_all_stats;

-- By its owner's rights: sums of what each role may see would be of no use to who watches all, and
-- a sum tells of nobody's order or file.
CREATE FUNCTION usage_mgmt.install_stat_view(owner text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	IF to_regclass('usage_mgmt.usage_mgmt_stat') IS NULL THEN
		EXECUTE (SELECT format('CREATE VIEW usage_mgmt.usage_mgmt_stat AS SELECT %s, o.stats_reset FROM %s, '
				'(SELECT max(reset_at) AS stats_reset, %s FROM usage_mgmt.stat_offset) o',
			string_agg(format('(coalesce(%I.%I, 0) + coalesce(o.%2$I, 0))::bigint AS %2$I', c.source, c.name), ', ' ORDER BY c.place),
			(SELECT string_agg(format('(%s) %I', usage_mgmt.stat_sums(s.source, format('usage_mgmt.%I', s.source)), s.source), ', ' ORDER BY s.source)
				FROM (SELECT DISTINCT d.source FROM usage_mgmt.stat_counters() d) s),
			string_agg(format('sum(%I) AS %1$I', c.name), ', ' ORDER BY c.place))
			FROM usage_mgmt.stat_counters() WITH ORDINALITY c(name, source, expression, comment, place));
		EXECUTE format('ALTER VIEW usage_mgmt.usage_mgmt_stat OWNER TO %s', owner);
		GRANT SELECT ON usage_mgmt.usage_mgmt_stat TO pg_read_all_stats;
	END IF;
	PERFORM usage_mgmt.install_comment('usage_mgmt.usage_mgmt_stat', c.name, c.comment)
		FROM (SELECT s.name, s.comment FROM usage_mgmt.stat_counters() s
			UNION ALL VALUES ('stats_reset', 'When the counters were set to 0 last; null for never: then they are of all since the tables were made.'),
				(NULL, 'One row: what loads, events and jobs have come to, as counters that only grow, of all roles.')) c;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_stat_view(text) IS 'Part of install_tables().';

CREATE FUNCTION usage_mgmt.stat_sums(source text, rows text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('SELECT %s FROM %s', string_agg(format('%s AS %I', c.expression, c.name), ', ' ORDER BY c.name), $2)
	FROM usage_mgmt.stat_counters() c WHERE c.source = $1
$$;
COMMENT ON FUNCTION usage_mgmt.stat_sums(text, text) IS
'The query for the counters of a table, of rows of it by that name. Part of install_tables() and stat_keep().';

CREATE FUNCTION usage_mgmt.stat_keep() RETURNS trigger
AS 'MODULE_PATHNAME', 'um_stat_keep' LANGUAGE C
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION usage_mgmt.stat_keep() IS
'AFTER DELETE with a transition table old_rows, and BEFORE TRUNCATE, for each statement: keeps what the counters of usage_mgmt_stat have of the rows.';
REVOKE EXECUTE ON FUNCTION usage_mgmt.stat_keep() FROM PUBLIC;

CREATE FUNCTION usage_mgmt.stat_keeping(source text, rows text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('INSERT INTO usage_mgmt.stat_offset (%s) SELECT %s FROM (%s) s RETURNING id',
		string_agg(format('%I', c.name), ', ' ORDER BY c.name), string_agg(format('coalesce(s.%I, 0)', c.name), ', ' ORDER BY c.name),
		usage_mgmt.stat_sums($1, $2))
	FROM usage_mgmt.stat_counters() c WHERE c.source = $1 HAVING count(*) > 0
$$;
COMMENT ON FUNCTION usage_mgmt.stat_keeping(text, text) IS 'The statement that keeps counts of rows of a table; null for one that counts nothing. Part of stat_keep().';

-- Nobody waits here: what another one has just put or is putting together is left for the next time.
CREATE FUNCTION usage_mgmt.stat_merge() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text := (SELECT string_agg(format('%I', c.name), ', ') FROM usage_mgmt.stat_counters() c);
	sums text := (SELECT string_agg(format('sum(%I)', c.name), ', ') FROM usage_mgmt.stat_counters() c);
BEGIN
	EXECUTE format('WITH mine AS MATERIALIZED (SELECT id FROM usage_mgmt.stat_offset FOR UPDATE SKIP LOCKED),
		gone AS (DELETE FROM usage_mgmt.stat_offset o USING mine WHERE o.id = mine.id RETURNING o.*)
		INSERT INTO usage_mgmt.stat_offset (reset_at, %s) SELECT max(reset_at), %s FROM gone HAVING count(*) > 0', names, sums);
END
$$;
COMMENT ON FUNCTION usage_mgmt.stat_merge() IS
'Makes one row of those of stat_offset that nobody has locked. Part of stat_reset() and stat_keep().';

CREATE FUNCTION usage_mgmt.stat_reset() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text := (SELECT string_agg(format('%I', c.name), ', ') FROM usage_mgmt.stat_counters() c);
	less text := (SELECT string_agg(format('-%I', c.name), ', ') FROM usage_mgmt.stat_counters() c);
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION 'counters cannot be reset in a transaction that does not see what others do meanwhile'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	-- One at a time: two would each take away what there is. Whoever deletes or loads goes on.
	LOCK TABLE usage_mgmt.stat_offset IN SHARE UPDATE EXCLUSIVE MODE;
	EXECUTE format('INSERT INTO usage_mgmt.stat_offset (reset_at, %s)
		SELECT clock_timestamp(), %s FROM usage_mgmt.usage_mgmt_stat', names, less);
	PERFORM usage_mgmt.stat_merge();
END
$$;
COMMENT ON FUNCTION usage_mgmt.stat_reset() IS
'Sets the counters of usage_mgmt_stat to 0. For the owner of the tables.';
-- A row as JSON, and what queries call

CREATE FUNCTION usage_mgmt.to_tmf("row" anyelement, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_to_tmf' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.to_tmf(anyelement, text) IS
'A row of the table of a resource, or of a partition of it, as TMF JSON: SELECT usage_mgmt.to_tmf(u) FROM usage_mgmt.usage u. Any other row type is 42804.';

CREATE FUNCTION usage_mgmt.attribute_json("row" anyelement, name text, version text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'um_attribute_json' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.attribute_json(anyelement, text, text) IS
'One attribute of such a row, by any of its names, as to_tmf() writes it; null where it does not. 22023 for a name that the resource has not.';

CREATE FUNCTION usage_mgmt.event_of(
	"row" anyelement, kind text, old_status text DEFAULT NULL, changed text[] DEFAULT NULL,
	query text DEFAULT '', version text DEFAULT NULL) RETURNS SETOF json
AS 'MODULE_PATHNAME', 'um_event_of' LANGUAGE C STABLE PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION usage_mgmt.event_of(anyelement, text, text, text[], text, text) IS
'What a listener of that query would be sent of a row that was just created, updated (from that status, in those columns) or deleted (kind: create, update, delete), at the time when it was changed last: SELECT usage_mgmt.event_of(u, ''create'') FROM usage_mgmt.usage u. No row where it wants none; 22023 for what a listener''s query cannot mean. Nothing is sent.';

CREATE FUNCTION usage_mgmt.error_status(code text) RETURNS integer
AS 'MODULE_PATHNAME', 'um_error_status' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.error_status(text) IS
'The HTTP status that an SQLSTATE becomes, as TMF630 would have it.';

CREATE FUNCTION usage_mgmt.check_entity(name text, body json) RETURNS json
AS 'MODULE_PATHNAME', 'um_check_entity' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.check_entity(text, json) IS
'The faults of an entity of the standard that is not stored by itself (Note, Money, Listener), as the JSON array that DETAIL holds elsewhere; [] when it is sound. 22023 for an entity that is not known.';

CREATE FUNCTION usage_mgmt.check_entity(name text, body jsonb) RETURNS json
AS 'MODULE_PATHNAME', 'um_check_entity' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.check_entity(text, jsonb) IS 'The same of jsonb.';

CREATE FUNCTION usage_mgmt.check_entity(name text, body text) RETURNS json
AS 'MODULE_PATHNAME', 'um_check_entity' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION usage_mgmt.check_entity(text, text) IS 'The same of text and plain literals.';

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

CREATE FUNCTION usage_mgmt.rating_refs(ratings usage_mgmt.rated_product_usage[]) RETURNS text[]
AS 'MODULE_PATHNAME', 'um_rating_refs' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION usage_mgmt.rating_refs(usage_mgmt.rated_product_usage[]) IS
'The products of the ratings, their ids and their addresses. CREATE INDEX ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage)) serves ratedProductUsage.productRef=45.';

CREATE FUNCTION usage_mgmt.rating_refs(ratings usage_mgmt.rated_product_usage[], name text) RETURNS text[]
AS 'MODULE_PATHNAME', 'um_rating_refs_by_name' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION usage_mgmt.rating_refs(usage_mgmt.rated_product_usage[], text) IS
'What the ratings have by a name that the model does not know, numbers in their plain spelling, too. CREATE INDEX ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage, ''billRef'')) serves ratedProductUsage.extra.billRef=45.';
-- The lists of a resource as rows: views, and functions that reach an index

CREATE FUNCTION usage_mgmt.elements(list anyarray) RETURNS SETOF anyelement
	AS 'array_unnest' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION usage_mgmt.elements(anyarray) IS
'unnest() for lists of one or two: the planner expects ten rows of that, and one of this. The views of a resource''s lists are made with it.';

-- In the queries r is the row of the resource, an element is called as its view.
CREATE FUNCTION usage_mgmt.resource_views(
	resource text, OUT view text, OUT name text, OUT columns text, OUT query text, OUT about text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH own AS (
		SELECT c.name, split_part(c.declaration, ' ', 1) AS type, c.view, c.place
		FROM usage_mgmt.resource_columns(resource) WITH ORDINALITY c(name, declaration, comment, view, place)),
	head AS (
		SELECT format('%I text', noun || '_id') || coalesce(', ' || quote_ident(date_column) || ' timestamptz', '') AS columns,
			format('SELECT r.id AS %I', noun || '_id') || coalesce(', r.' || quote_ident(date_column), '') AS selected,
			format(' FROM usage_mgmt.%I r, ', noun) AS relation
		FROM usage_mgmt.resources() WHERE noun = resource),
	list AS (
		SELECT own.view, own.name,
			', ordinal bigint' || string_agg(format(', %I %s', attname, format_type(atttypid, atttypmod)), '' ORDER BY attnum) AS columns,
			format(', %I.ordinality AS ordinal', own.view) || string_agg(format(', %I.%I', own.view, attname), '' ORDER BY attnum) AS selected,
			format('usage_mgmt.elements(r.%I) WITH ORDINALITY %I', own.name, own.view) AS elements
		FROM own JOIN pg_type element ON element.typarray = own.type::regtype JOIN pg_attribute a ON a.attrelid = element.typrelid
		WHERE own.view IS NOT NULL AND NOT attisdropped
		GROUP BY own.view, own.name),
	kind AS (
		SELECT string_agg(format(', %I %s', own.name, type), '' ORDER BY place) AS columns,
			string_agg(format(', r.%I', own.name), '' ORDER BY place) AS selected
		FROM own WHERE own.name IN ('usage_type', 'status', 'usage_specification_id'))
	SELECT list.view, resource || '_' || list.view, head.columns || list.columns,
		head.selected || list.selected || head.relation || list.elements,
		format('Each element of %s.%s as a row, with the columns of its type; ordinal counts from 1.', resource, list.name)
	FROM list, head
	UNION ALL
	SELECT 'charge', resource || '_charge', head.columns || kind.columns || ', party_role text, party_id text' || rating.columns,
		head.selected || kind.selected || ', party.role AS party_role, party.id AS party_id' || rating.selected
			|| head.relation || party.elements || ', ' || rating.elements,
		format('Each rating of a %s beside each of its parties, for sums by one role of them; ordinal is the rating''s and counts from 1.', resource)
	FROM list party, list rating, kind, head
	WHERE party.view = 'party' AND rating.view = 'rating'
$$;
COMMENT ON FUNCTION usage_mgmt.resource_views(text) IS
'The views that make rows of the lists of a resource. Part of install_tables() and install_functions().';

-- No SET and not STRICT: then they are inlined, and bounds on the date still choose
-- the partitions. left(x, 500) is what party_ids and rating_refs gather of a text.
CREATE FUNCTION usage_mgmt.install_lists(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET check_function_bodies = off		-- the tables may come later
AS $install$
DECLARE
	of_party text := 'usage_mgmt.party_ids(r.%1$I) OPERATOR(pg_catalog.@>) ARRAY[pg_catalog.left($2, 500)]
		AND party.id OPERATOR(pg_catalog.=) $2 AND ($1 IS NULL OR party.role OPERATOR(pg_catalog.=) $1)';
	f record;
BEGIN
	FOR f IN
		SELECT resource || '_' || c.plural AS name, c.arguments, v.columns,
			v.query || ' WHERE ' || format(c.condition, list.name) AS body,
			format('The rows of %s %s', v.name, format(c.about, list.name)) AS about
		FROM (VALUES
			('party', 'parties', 'by_role text, by_id text', 'party', of_party,
			'with that role, or any for null, and that id, found by an index on party_ids(%s).'),
			('charge', 'charges', 'by_role text, by_id text', 'party', of_party,
			'of each party with that role, or any for null, and that id, found by an index on party_ids(%s): a rating once for each such party.'),
			('rating', 'ratings', 'by_product text', 'rating',
			'usage_mgmt.rating_refs(r.%1$I) OPERATOR(pg_catalog.@>) ARRAY[pg_catalog.left($1, 500)]
				AND (rating.product_ref_id OPERATOR(pg_catalog.=) $1 OR rating.product_ref OPERATOR(pg_catalog.=) $1)',
			'with a product of that id or address, found by an index on rating_refs(%s).'),
			('rating', 'ratings', 'by_name text, by_ref text', 'rating',
			'usage_mgmt.rating_refs(r.%1$I, $1) OPERATOR(pg_catalog.@>) ARRAY[pg_catalog.left($2, 500)]
				AND rating.extra OPERATOR(pg_catalog.#>>) pg_catalog.string_to_array($1, ''.'') OPERATOR(pg_catalog.=) $2',
			'that have exactly that text by a name that the model does not know, with dots for inner ones, found by an index on rating_refs(%s, name).')
		) AS c(view, plural, arguments, list, condition, about)
		JOIN usage_mgmt.resource_views(resource) v USING (view)
		JOIN usage_mgmt.resource_columns(resource) list ON list.view = c.list
	LOOP
		EXECUTE format('CREATE OR REPLACE FUNCTION usage_mgmt.%I(%s) RETURNS TABLE (%s) AS %L LANGUAGE sql STABLE PARALLEL SAFE',
			f.name, f.arguments, f.columns, f.body);
		EXECUTE format('COMMENT ON FUNCTION usage_mgmt.%I(%s) IS %L', f.name, f.arguments, f.about);
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_lists(text) IS
'Makes the functions over the lists of a resource. Part of install_functions().';
-- The functions of each resource: the operations of TMF630, and its triggers

-- One text for all: %1$s is the noun, %2$s the plural, %3$s what messages call it, and %4$s one of it.
CREATE FUNCTION usage_mgmt.resource_functions(
	resource text, OUT name text, OUT arguments text, OUT returns text, OUT symbol text, OUT kind text,
	OUT about text) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	billed text := '';
	refused text := '';
	cancelled text := '';
BEGIN
	SELECT * INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	IF r.closed <> '{}' THEN
		billed := ', billed boolean DEFAULT false';
		refused := ' What is billed is refused (UM003) unless billed.';
	END IF;
	IF r.orders THEN
		cancelled := ' What has not ended is cancelled first.';
	END IF;
	RETURN QUERY
		SELECT format(f.name, r.noun, r.plural), f.arguments, f.returns, f.symbol, f.kind,
			format(f.about, r.noun, r.plural, r.label,
				CASE WHEN r.label ~ '^[aeio]' THEN 'an ' ELSE 'a ' END || r.label)
		FROM (VALUES
			('post_%1$s', 'body json, version text DEFAULT NULL', 'json', 'um_post', 'VOLATILE',
			'Creates %4$s from its TMF JSON and returns it as stored. Delivered again it is found and returned; its id with other content is 23505. Without an id it gets one. A client''s href is ignored.'),

			('get_%1$s', 'id text, fields text DEFAULT NULL, version text DEFAULT NULL', 'json', 'um_get', 'STABLE',
			'The %3$s as TMF JSON, NULL when there is none. fields selects attributes (id,relatedParty.role,extra.priority; none for the identity alone); 22023 for a name that leads nowhere.'),

			('put_%1$s', 'id text, body json, version text DEFAULT NULL', 'json', CASE WHEN NOT r.orders THEN 'um_put' END, 'VOLATILE',
			'Complete update of %4$s, returned as stored. Without status it keeps its own, and what the version has no shape for stays. P0002 when there is none, UM002 when id or href would change.'),

			('patch_%1$s', 'id text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL',
			'json', CASE WHEN NOT r.orders THEN 'um_patch' END, 'VOLATILE',
			'Partial update of %4$s, returned as stored: application/merge-patch+json (default), application/json-patch+json, application/json-patch-query+json, or the seeds'' ArrayUpdate. The rules see the result. P0002 when there is none, 22023 when an operation names what is not there.'),

			('delete_%1$s', 'id text' || billed, 'boolean', 'um_delete', 'VOLATILE',
			'Deletes %4$s; false when there was none.' || refused || cancelled),

			('cancel_%1$s', 'id text', 'boolean', CASE WHEN r.orders THEN 'um_cancel' END, 'VOLATILE',
			'Cancels %4$s, which ends failed: at once, or where an agent is at it as soon as that hears of it. False when there was none, or it had ended.'),

			('get_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL', 'SETOF json', 'um_list', 'STABLE ROWS 1000',
			'Each %3$s that a TMF630 query string names, one at a time: SELECT usage_mgmt.get_%2$s(''...''). In FROM, PostgreSQL collects them first. 22023 for what the string cannot mean.'),

			('count_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL', 'bigint', 'um_count', 'STABLE',
			'How many a query string names, whatever its limit, offset and after.'),

			('summarize_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL, OUT records bigint, OUT first_date timestamptz, OUT last_date timestamptz, OUT amounts jsonb',
			'record', CASE WHEN NOT r.orders THEN 'um_summarize' END, 'STABLE',
			'What a query string names amounts to, its limit and offset considered: how many, from when to when, and the tax-included amounts by currency, {"EUR": 12.00}. In one snapshot of the very ones that get_%2$s() gives.'),

			('explain_%2$s', 'query text DEFAULT '''', version text DEFAULT NULL', 'SETOF text', 'um_explain', 'VOLATILE',
			'The plan behind a query string.'),

			('patch_%2$s', 'query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL',
			'bigint', CASE WHEN NOT r.orders THEN 'um_patch_list' END, 'VOLATILE',
			'Partial update of all that a query string names, in one statement, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true.'),

			('patch_%2$s_each', 'query text, patch json, content_type text DEFAULT NULL, version text DEFAULT NULL, OUT id text, OUT code text, OUT errors text',
			'SETOF record', CASE WHEN NOT r.orders THEN 'um_patch_list_each' END, 'VOLATILE',
			'Partial update of each by itself; returns what was refused: its id, the SQLSTATE, and all faults.'),

			('delete_%2$s', 'query text' || billed, 'bigint', 'um_delete_list', 'VOLATILE',
			'Deletes all that a query string names, all or nothing; returns how many. A string without a condition is 22023 unless it says all=true.' || refused || cancelled),

			('register_%1$s_listener', 'callback text, query text DEFAULT '''', version text DEFAULT NULL', 'json', 'um_register_listener',
			'VOLATILE SET search_path = pg_catalog, pg_temp',
			'Registers a listener of the caller''s to the events of %1$s, and returns it as the standard''s hub does. callback is a URL, or null for who reads with next_events(); query names types of events and conditions (eventType=...&%1$s.status=...&fields=...). The same again is 23505; 42501 without SELECT on the table, 0A000 where row security hides rows of it.'),

			('unregister_%1$s_listener', 'id text', 'void', 'um_unregister_listener', 'VOLATILE SET search_path = pg_catalog, pg_temp',
			'Forgets a listener to the events of %1$s. P0002 when the caller has none of that id.'),

			('%1$s_check', '', 'trigger', 'um_check_row', 'VOLATILE',
			'BEFORE INSERT OR UPDATE OR DELETE of %4$s, for each row: completes and checks it. All faults come in one error (23502, 23514, 22003, 22008, UM001, UM002, UM003), DETAIL lists them as JSON.'),

			('%1$s_keys', '', 'trigger', CASE WHEN r.date_column IS NOT NULL THEN 'um_keys' END, 'VOLATILE',
			'For each statement: keeps the ledger of %1$s, as the owner of the table that fired. An id that another %3$s has is 23505.'),

			('%1$s_events', '', 'trigger', CASE WHEN r.ledger IS NULL THEN 'um_events' END, 'VOLATILE',
			'AFTER any change of %1$s, for each statement: keeps the events that somebody listens to.'),

			('%1$s_changed', '', 'trigger', CASE WHEN EXISTS (SELECT FROM usage_mgmt.resources() s
				WHERE s.specification = resource) THEN 'um_specification_changed' END, 'VOLATILE',
			'AFTER any change of %4$s: tells every session to read it anew.'),

			('%1$s_document_begin', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_begin' END, 'VOLATILE',
			'BEFORE INSERT ON %1$s_document, for each statement: opens a batch.'),

			('%1$s_document_row', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_row' END, 'VOLATILE',
			'INSTEAD OF INSERT ON %1$s_document, for each row: reads a document into the batch.'),

			('%1$s_document_end', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_end' END, 'VOLATILE',
			'AFTER INSERT ON %1$s_document, for each statement: stores the rest of the batch.'),

			('%1$s_document_refuse', '', 'trigger', CASE WHEN NOT r.orders THEN 'um_document_refuse' END, 'VOLATILE',
			'UPDATE or DELETE ON %1$s_document, for each row and statement: refuses it (0A000).')
		) AS f(name, arguments, returns, symbol, kind, about)
		WHERE f.symbol IS NOT NULL;
END
$$;
COMMENT ON FUNCTION usage_mgmt.resource_functions(text) IS
'The functions that a resource has, with their C symbols. Part of install_functions().';

-- What takes json takes jsonb and text, too: so a literal, a parameter and what
-- jsonb's functions make are taken alike.
CREATE FUNCTION usage_mgmt.install_functions(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	f record;
	signature text;
BEGIN
	FOR f IN
		SELECT name, replace(arguments, ' json,', format(' %s,', type)) AS arguments, returns, symbol, kind,
			CASE type WHEN 'json' THEN about
			WHEN 'jsonb' THEN 'The same of jsonb.' ELSE 'The same of text and plain literals.' END AS about
		FROM usage_mgmt.resource_functions(resource), unnest('{json,jsonb,text}'::text[]) type
		WHERE type = 'json' OR arguments LIKE '% json,%'
	LOOP
		EXECUTE format('CREATE OR REPLACE FUNCTION usage_mgmt.%I(%s) RETURNS %s AS %L, %L LANGUAGE C %s',
			f.name, f.arguments, f.returns, 'MODULE_PATHNAME', f.symbol, f.kind);
		signature := format('usage_mgmt.%I(%s)', f.name,
			regexp_replace(f.arguments, ' DEFAULT [^,]*', '', 'g'));
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature, f.about);
		-- Whoever makes a trigger of one of these must own the table's design.
		IF f.returns = 'trigger' THEN
			EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', signature);
		END IF;
	END LOOP;
	PERFORM usage_mgmt.install_lists(resource);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_functions(text) IS
'Makes the functions of a resource. Part of install_resource().';

DO $install$
BEGIN
	PERFORM usage_mgmt.install_functions(noun) FROM usage_mgmt.resources();
END
$install$;
-- The schema that PostgREST exposes

CREATE SCHEMA usage_api;
COMMENT ON SCHEMA usage_api IS
'What is open to HTTP, by way of PostgREST: read() and write() for the URIs of TM Forum, views for clients of its own.';

CREATE DOMAIN usage_api."*/*" AS bytea;
COMMENT ON DOMAIN usage_api."*/*" IS
'The body of an answer, whose media type the answer itself tells. PostgREST goes by the name.';

CREATE FUNCTION usage_api.read() RETURNS usage_api."*/*"
AS 'MODULE_PATHNAME', 'um_gateway_read' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION usage_api.read() IS
'Answers GET, HEAD and OPTIONS of the URIs of TMF635 and TMF727. The request is the setting request.headers: x-um-method, x-um-uri and so on, as nginx sends them; status and headers of the answer are the settings response.status and response.headers. Raises nothing: an error is an answer.';
REVOKE EXECUTE ON FUNCTION usage_api.read() FROM PUBLIC;

CREATE FUNCTION usage_api.write(bytea) RETURNS usage_api."*/*"
AS 'MODULE_PATHNAME', 'um_gateway_write' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION usage_api.write(bytea) IS
'Answers POST, PUT, PATCH and DELETE, with the body as it came; else as read(). What fails leaves nothing.';
REVOKE EXECUTE ON FUNCTION usage_api.write(bytea) FROM PUBLIC;
-- Who may do what with the tables, in levels

CREATE FUNCTION usage_mgmt.grant_access(role_name text, level text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known CONSTANT text := 'The level of a role is reader, loader, writer, operator, agent or owner.';
	right_of record;
BEGIN
	IF coalesce(level NOT IN ('reader', 'loader', 'writer', 'operator', 'agent', 'owner'), true) THEN
		RAISE EXCEPTION 'level "%" is not known', level
			USING ERRCODE = 'invalid_parameter_value', HINT = known;
	ELSIF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) OR role_name IS NULL THEN
		RAISE EXCEPTION 'role "%" does not exist', role_name
			USING ERRCODE = 'undefined_object', HINT = known;
	ELSIF level = 'owner' THEN
		PERFORM usage_mgmt.hand_over(role_name);
		RETURN;
	END IF;
	IF has_schema_privilege('usage_mgmt', 'USAGE WITH GRANT OPTION') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA usage_mgmt TO %I', role_name);
	ELSIF NOT has_schema_privilege(role_name, 'usage_mgmt', 'USAGE') THEN
		RAISE EXCEPTION 'permission denied to grant usage of schema usage_mgmt'
			USING ERRCODE = 'insufficient_privilege',
			HINT = format('A superuser does it, or gives you what an owner needs: SELECT usage_mgmt.grant_access(%L, ''owner'').', current_user);
	END IF;
	FOR right_of IN
		SELECT kind, format(name, r.noun, r.ledger, r.conflict) AS relation, string_agg(privilege, ', ') AS privileges
		FROM usage_mgmt.resources() r, (VALUES
			('{reader,writer,operator}', 'TABLE', '%1$s', 'SELECT', '{t,f}'),
			('{reader,writer,operator}', 'TABLE', '%1$s_document', 'SELECT', '{t,f}'),
			-- Events come by the load, specifications are written.
			('{loader,writer,operator}', 'TABLE', '%1$s', 'INSERT', '{t}'),
			('{loader,writer,operator}', 'TABLE', '%1$s_document', 'INSERT', '{t}'),
			('{writer,operator}', 'TABLE', '%1$s', 'UPDATE, DELETE', '{t}'),
			('{writer,operator}', 'TABLE', '%1$s', 'INSERT, UPDATE, DELETE', '{f}'),
			('{writer,operator}', 'TABLE', '%1$s_document', 'INSERT', '{f}'),
			-- usagectl keeps books. What others' loads had refused is for operators' eyes.
			('{loader,writer}', 'TABLE', '%3$s', 'SELECT (load_id, record_number), UPDATE (record_number)', '{t}'),
			('{operator}', 'TABLE', '%3$s', 'SELECT, INSERT, UPDATE, DELETE', '{t}'),
			('{operator}', 'TABLE', '%2$s', 'SELECT', '{t}')
		) AS p(levels, kind, name, privilege, dated)
		WHERE NOT orders AND level = ANY (levels::text[]) AND (date_column IS NOT NULL) = ANY (dated::boolean[])
		GROUP BY kind, relation
		UNION ALL
		SELECT 'TABLE', v.name, 'SELECT'
		FROM usage_mgmt.resources() r, usage_mgmt.resource_views(r.noun) v
		WHERE level IN ('reader', 'writer', 'operator')
		UNION ALL
		SELECT kind, relation, string_agg(privilege, ', ')
		FROM (VALUES
			('{loader,writer,operator}', 'TABLE', 'import_load', 'SELECT'),
			('{loader,writer}', 'TABLE', 'import_load', 'INSERT (source, declared), UPDATE (declared, position, finished_at, read, rejected)'),
			('{operator}', 'TABLE', 'import_load', 'INSERT, UPDATE'),
			('{loader,writer}', 'TABLE', 'import_reject', 'INSERT, SELECT (load_id, record_number), UPDATE (record_number)'),
			('{loader,writer,operator}', 'SEQUENCE', 'import_load_id_seq', 'USAGE'),
			('{loader,writer,operator}', 'SEQUENCE', 'import_reject_id_seq', 'USAGE'),
			('{operator}', 'TABLE', 'import_load', 'DELETE'),
			('{operator}', 'TABLE', 'import_reject', 'SELECT, INSERT, UPDATE, DELETE'),
			-- Row security shows orders to whose they are; of his own a client changes nothing but whether they go on.
			('{reader,loader,writer,operator}', 'TABLE', 'import_job', 'SELECT'),
			('{reader,loader,writer,operator}', 'TABLE', 'export_job', 'SELECT'),
			('{loader,writer,operator}', 'TABLE', 'import_job', 'INSERT, DELETE, UPDATE (cancelled_at, life)'),
			('{reader,writer,operator}', 'TABLE', 'export_job', 'INSERT, DELETE, UPDATE (cancelled_at, life)'),
			('{reader,writer,operator}', 'TABLE', 'export_result', 'SELECT'),
			('{reader,loader,writer,operator,agent}', 'TABLE', 'job_progress', 'SELECT'),
			('{operator}', 'TABLE', 'usage_mgmt_stat', 'SELECT'),
			('{agent}', 'TABLE', 'import_job', 'SELECT, UPDATE, DELETE'),
			('{agent}', 'TABLE', 'export_job', 'SELECT, UPDATE, DELETE'),
			('{agent}', 'TABLE', 'export_result', 'SELECT, INSERT, DELETE'),
			('{agent}', 'TABLE', 'import_file', 'SELECT, INSERT, UPDATE'),
			('{agent}', 'TABLE', 'import_load', 'SELECT'),
			('{agent}', 'SEQUENCE', 'import_file_id_seq', 'USAGE'),
			('{loader,writer}', 'TABLE', 'import_file', 'SELECT'),
			('{operator}', 'TABLE', 'import_file', 'SELECT, DELETE'),
			('{agent}', 'TABLE', 'hub_listener', 'SELECT, UPDATE (state, reason, changed_at)'),
			('{agent}', 'TABLE', 'hub_cursor', 'SELECT'),
			('{agent}', 'TABLE', 'setting', 'SELECT'),
			('{agent}', 'TABLE', 'hub_delivery', 'SELECT, INSERT, UPDATE'),
			('{agent}', 'TABLE', 'hub_parked', 'SELECT, INSERT, UPDATE, DELETE'),
			('{agent}', 'TABLE', 'hub_attempt', 'SELECT, INSERT, DELETE'),
			('{agent}', 'TABLE', 'hub_secret', 'SELECT'),
			('{agent}', 'SEQUENCE', 'hub_parked_id_seq', 'USAGE'),
			('{agent}', 'SEQUENCE', 'hub_attempt_id_seq', 'USAGE')
		) AS p(levels, kind, relation, privilege)
		WHERE level = ANY (levels::text[])
		GROUP BY kind, relation
		ORDER BY 1, 2
	LOOP
		IF to_regclass('usage_mgmt.' || right_of.relation) IS NULL THEN
			RAISE EXCEPTION 'relation "usage_mgmt.%" does not exist', right_of.relation
				USING ERRCODE = 'undefined_table', HINT = 'Run SELECT usage_mgmt.install_tables().';
		ELSIF NOT pg_has_role((SELECT relowner FROM pg_class
							   WHERE oid = ('usage_mgmt.' || right_of.relation)::regclass), 'USAGE')
			AND NOT (right_of.relation = 'hub_secret' AND has_table_privilege('usage_mgmt.hub_secret', 'SELECT WITH GRANT OPTION')) THEN
			-- GRANT would only warn a role that has a right itself
			RAISE EXCEPTION 'must be owner of relation usage_mgmt.%', right_of.relation
				USING ERRCODE = 'insufficient_privilege';
		END IF;
		EXECUTE format('GRANT %s ON %s usage_mgmt.%I TO %I',
			right_of.privileges, right_of.kind, right_of.relation, role_name);
	END LOOP;
	IF level IN ('reader', 'loader', 'writer', 'operator') THEN
		PERFORM usage_mgmt.grant_api(role_name);
		PERFORM usage_mgmt.grant_native(role_name, level);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.grant_access(text, text) IS
'Grants a role what its level needs: reader, loader, writer (a reader, too), operator (all of these), agent (what delivers events, and reads the secrets to sign them, and does jobs), or as a superuser owner, which hands the tables over. For the owner of the tables or a superuser. Takes nothing away; unknown levels are 22023.';

-- What somebody may do by HTTP his rights on the tables say.
CREATE FUNCTION usage_mgmt.grant_api(role_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF has_schema_privilege('usage_api', 'USAGE WITH GRANT OPTION') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA usage_api TO %I', role_name);
		EXECUTE format('GRANT EXECUTE ON FUNCTION usage_api.read(), usage_api.write(bytea) TO %I', role_name);
	ELSIF NOT has_schema_privilege(role_name, 'usage_api', 'USAGE') THEN
		RAISE EXCEPTION 'permission denied to grant usage of schema usage_api'
			USING ERRCODE = 'insufficient_privilege',
			HINT = format('A superuser does it, or gives you what an owner needs: SELECT usage_mgmt.grant_access(%L, ''owner'').', current_user);
	END IF;
END
$$;
COMMENT ON FUNCTION usage_mgmt.grant_api(text) IS
'Lets a role call what answers HTTP. Part of grant_access(); a role that is to see nothing but errors, as the one of requests without a token may be, is given it alone.';

CREATE FUNCTION usage_mgmt.hand_over(role_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statement text;
BEGIN
	IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
		RAISE EXCEPTION 'only a superuser can hand over the tables of usage_mgmt'
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	EXECUTE format('GRANT USAGE, CREATE ON SCHEMA usage_mgmt TO %I WITH GRANT OPTION', role_name);
	EXECUTE format('GRANT USAGE, CREATE ON SCHEMA usage_api TO %I WITH GRANT OPTION', role_name);
	EXECUTE format('GRANT EXECUTE ON FUNCTION usage_api.read(), usage_api.write(bytea) TO %I WITH GRANT OPTION', role_name);
	-- the secrets stay the extension's, but who makes agents lets them read
	EXECUTE format('GRANT SELECT ON usage_mgmt.hub_secret TO %I WITH GRANT OPTION', role_name);
	FOR statement IN
		-- who makes triggers of the tables and partitions executes their functions
		SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, role_name)
		FROM pg_proc p
		WHERE pronamespace = 'usage_mgmt'::regnamespace AND NOT has_function_privilege(role_name, p.oid, 'EXECUTE')
		UNION ALL
		SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, role_name)
		FROM pg_class c
		WHERE relkind IN ('r', 'p', 'v') AND relowner <> (SELECT oid FROM pg_roles WHERE rolname = role_name)
		AND (relnamespace IN ('usage_mgmt'::regnamespace, 'usage_api'::regnamespace)
			 OR c.oid IN (SELECT relid FROM usage_mgmt.resources(), pg_partition_tree(to_regclass('usage_mgmt.' || noun))))
		AND NOT EXISTS (SELECT FROM pg_depend
						WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.hand_over(text) IS
'Makes a role the owner of the tables and views, and of those to come. Part of grant_access().';
REVOKE EXECUTE ON FUNCTION usage_mgmt.hand_over(text) FROM PUBLIC;
-- The native views: what PostgREST's own clients read, in the names of the standard's JSON

CREATE FUNCTION usage_mgmt.camel_case(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN left(name, 1) || substr(replace(initcap(replace(name, '_', ' ') COLLATE "C"), ' ', ''), 2);
COMMENT ON FUNCTION usage_mgmt.camel_case(text) IS
'changed_at as changedAt: what a native view calls a column that no version of the standard names. Part of install_native().';

-- By the names of the newest version that the resource has. In the expressions r is its row.
CREATE FUNCTION usage_mgmt.native_columns(resource text, OUT name text, OUT expression text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH spoken AS (
		SELECT * FROM usage_mgmt.resource_attributes(resource)
			WITH ORDINALITY a(version, name, columns, plain, pairs, gathered, place)),
	attribute AS (
		SELECT s.*, columns[1] AS first, (SELECT orders FROM usage_mgmt.resources() WHERE noun = resource) AS orders
		FROM spoken s
		WHERE version = (SELECT version FROM spoken ORDER BY place DESC LIMIT 1)),
	member AS (
		SELECT a.place, m.name, m.place AS inner_place,
			m.name LIKE '%\_id' AS id, bool_or(m.name LIKE '%\_id') OVER (PARTITION BY a.place) AS has_id
		FROM attribute a, unnest(columns) WITH ORDINALITY m(name, place)
		WHERE cardinality(columns) > 1),
	shown AS (
		SELECT place, 0 AS inner_place, coalesce(a.name, usage_mgmt.camel_case(first)) AS name,
			CASE WHEN plain THEN format('r.%I', first)
				-- a status is compared with, which json is not
				WHEN first = 'status' THEN format('usage_mgmt.attribute_json(r, %L, %L) #>> ''{}''', a.name, a.version)
				ELSE format('usage_mgmt.attribute_json(r, %L, %L)', a.name, a.version) END AS expression
		FROM attribute a
		-- how an order is carried out is the agents' affair
		WHERE a.name IS NOT NULL OR NOT a.orders OR first IN ('extra', 'received_at', 'changed_at')
		UNION ALL
		SELECT place, 1, pairs, format('r.%I::jsonb', first) FROM attribute WHERE pairs IS NOT NULL
		UNION ALL
		SELECT place, 1, usage_mgmt.camel_case(gathered), format('usage_mgmt.%I(r.%I)', gathered, first)
		FROM attribute WHERE gathered IS NOT NULL
		UNION ALL
		-- of a reference its id, of a period its ends
		SELECT place, inner_place, usage_mgmt.camel_case(member.name), format('r.%I', member.name)
		FROM member WHERE id OR NOT has_id),
	-- a resource of somebody's own may call an attribute as we call a column
	single AS (SELECT DISTINCT ON (s.name) * FROM shown s ORDER BY s.name, inner_place, place)
	SELECT s.name, s.expression FROM single s ORDER BY place, inner_place
$$;
COMMENT ON FUNCTION usage_mgmt.native_columns(text) IS
'The columns of a resource''s native view, and what each is of the row r. Part of install_native().';

CREATE FUNCTION usage_mgmt.install_native(resource text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	r record;
BEGIN
	SELECT * INTO r FROM usage_mgmt.resources() WHERE noun = resource;
	PERFORM usage_mgmt.install_native_view(resource, array_agg(name), array_agg(expression),
			format('usage_mgmt.%I r', resource),
			format('Each %s for clients of PostgREST''s own, read-only: the attributes as the newest version of the standard calls and writes them, and beside them what can be filtered by. What is no attribute is called as its column, as changedAt.', r.label))
		FROM usage_mgmt.native_columns(resource);
	IF r.date_column IS NOT NULL THEN
		-- In one go: day by day would be a visit of the table for each row where they came in no order.
		PERFORM usage_mgmt.install_native_view(resource || '_count', '{day,status,n}', '{c.day,c.status,c.n}',
			format($sql$
				(SELECT (r.%2$I AT TIME ZONE 'UTC')::date AS day, r.status, count(*) AS n FROM usage_mgmt.%1$I r
					WHERE r.%2$I >= ((now() AT TIME ZONE 'UTC')::date - 30)::timestamp AT TIME ZONE 'UTC'
					AND r.%2$I < ((now() AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC'
					GROUP BY 1, 2) c$sql$, resource, r.date_column),
			format('How many %s there are of each status on each of the last 31 days, in UTC.', r.plural));
	END IF;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_native(text) IS
'Makes the native views of a resource in the schema usage_api, or brings older ones up to date. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_native_books() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
BEGIN
	PERFORM usage_mgmt.install_native_view(v.name,
			(SELECT array_agg(usage_mgmt.camel_case(c) ORDER BY place) FROM unnest(columns) WITH ORDINALITY u(c, place)),
			(SELECT array_agg(format('r.%I', c) ORDER BY place) FROM unnest(columns) WITH ORDINALITY u(c, place)),
			format('usage_mgmt.%I r', relation), about)
		FROM (VALUES
			('load', 'import_load', '{id,source,started_at,finished_at,read,stored,repeated,conflicting,rejected,filled,first_date,last_date,amounts,loaded_by}'::text[],
			'The loads, and what became of their records.'),
			('reject', 'import_reject', '{id,load_id,record_number,resource,document_length,errors,rejected_at,recycled_at}',
			'Records that could not be stored, and why, without what came.'),
			('listener', 'hub_status', '{listener,resource,callback,state,reason,lag_events,lag_seconds,parked,delivered,failed,rate,last_success_at,last_error,last_error_at,lost_from,lost}',
			'The listeners that one may see, and how their deliveries go.')
		) AS v(name, relation, columns, about);
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_native_books() IS
'Makes the native views of loads, rejects and listeners. Part of install_tables().';

CREATE FUNCTION usage_mgmt.install_native_view(name text, columns text[], expressions text[], source text, comment text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $install$
DECLARE
	view text := format('usage_api.%I', name);
	made record;
	present text[] := ARRAY(SELECT attname::text FROM pg_attribute
		WHERE attrelid = to_regclass(view) AND attnum > 0 AND NOT attisdropped ORDER BY attnum);
BEGIN
	-- One that somebody else has made under that name is not ours to change.
	IF to_regclass(view) IS NOT NULL AND (NOT present <@ columns
			OR (SELECT relkind <> 'v' FROM pg_class WHERE oid = to_regclass(view))) THEN
		RAISE EXCEPTION 'relation "%" is there, but is no view of ours', view
			USING ERRCODE = 'duplicate_table', HINT = 'Give it another name, and run SELECT usage_mgmt.install_tables() again.';
	END IF;
	IF NOT columns <@ present THEN
		-- What an older one has stays in its place.
		EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s', view,
			(SELECT string_agg(format('%s AS %I', expression, c), ', ' ORDER BY array_position(present, c), place)
				FROM unnest(columns, expressions) WITH ORDINALITY u(c, expression, place)), source);
	END IF;
	PERFORM usage_mgmt.install_comment(view, NULL, comment);
	-- The one makes the view no table to its statements, the other speaks where no row is met.
	FOR made IN SELECT * FROM (VALUES ('native_refuse_row', 'INSTEAD OF', 'ROW'), ('native_refuse', 'BEFORE', 'STATEMENT')) AS t(trigger, timing, level) LOOP
		IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = view::regclass AND tgname = made.trigger) THEN
			EXECUTE format('CREATE TRIGGER %I %s INSERT OR UPDATE OR DELETE ON %s FOR EACH %s EXECUTE FUNCTION usage_mgmt.native_refuse()',
				made.trigger, made.timing, view, made.level);
		END IF;
	END LOOP;
END
$install$;
COMMENT ON FUNCTION usage_mgmt.install_native_view(text, text[], text[], text, text) IS
'Makes a view in usage_api that has these columns, or adds those that an older one lacks. Part of install_native().';

CREATE FUNCTION usage_mgmt.native_refuse() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'view "%.%" is only read', TG_TABLE_SCHEMA, TG_TABLE_NAME
		USING ERRCODE = 'feature_not_supported',
		HINT = 'Resources are written by their own URIs, or by the functions of usage_mgmt.';
END
$$;
COMMENT ON FUNCTION usage_mgmt.native_refuse() IS
'Before and instead of whatever would write to a native view: refuses it (0A000).';
REVOKE EXECUTE ON FUNCTION usage_mgmt.native_refuse() FROM PUBLIC;

-- A view asks for the caller's own rights on the tables behind it, too.
CREATE FUNCTION usage_mgmt.grant_native(role_name text, level text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	view text;
BEGIN
	FOR view IN
		SELECT format('usage_api.%I', v.name)
		FROM (SELECT noun, '{reader,writer,operator}'::text[] FROM usage_mgmt.resources() WHERE NOT orders
			UNION ALL
			SELECT noun, '{reader,loader,writer,operator}' FROM usage_mgmt.resources() WHERE orders
			UNION ALL
			SELECT noun || '_count', '{reader,writer,operator}' FROM usage_mgmt.resources() WHERE date_column IS NOT NULL
			UNION ALL
			VALUES ('load', '{loader,operator}'::text[]), ('reject', '{operator}'), ('listener', '{reader,writer,operator}')
		) AS v(name, levels)
		WHERE level = ANY (levels)
		ORDER BY 1
	LOOP
		IF to_regclass(view) IS NULL THEN
			RAISE EXCEPTION 'relation "%" does not exist', view
				USING ERRCODE = 'undefined_table', HINT = 'Run SELECT usage_mgmt.install_tables().';
		END IF;
		EXECUTE format('GRANT SELECT ON %s TO %I', view, role_name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION usage_mgmt.grant_native(text, text) IS
'Grants a role the native views of its level. Part of grant_access().';
-- Make the tables and release them

DO $install$
DECLARE
	-- What a dump sets before anything else; nobody else sets both.
	restoring boolean := (SELECT count(*) = 2 FROM pg_catalog.pg_settings
		WHERE name IN ('row_security', 'xmloption') AND source = 'session');
	r record;
BEGIN
	IF restoring
	   OR pg_catalog.current_setting('usage_mgmt.install_tables', true) = 'off'
	   OR pg_catalog.current_setting('citus.enable_ddl_propagation', true) = 'off' THEN
		RETURN;
	END IF;
	PERFORM usage_mgmt.install_tables();
	FOR r IN
		SELECT c.oid::pg_catalog.regclass AS name,
			CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid
		WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
		AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
		AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'usage_mgmt')
		AND d.deptype = 'e' AND c.relkind IN ('r', 'p', 'v', 'S')
		AND c.relname NOT IN ('status_transition', 'hub_secret')
	LOOP
		EXECUTE pg_catalog.format('ALTER EXTENSION usage_mgmt DROP %s %s', r.kind, r.name);
	END LOOP;
END
$install$;
