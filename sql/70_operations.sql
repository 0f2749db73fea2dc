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
