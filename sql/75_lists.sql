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
