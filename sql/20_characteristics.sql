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
