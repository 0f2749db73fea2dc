-- Query strings against a second opinion: each is also answered by plain SQL over
-- the documents that to_tmf() gives, which shares no code with the queries.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE SCHEMA naive;
SET search_path = naive, pg_catalog;

-- 5,000 usages: every second delivered as v4; six months, one of them without a partition
DO $$ BEGIN
	PERFORM usage_mgmt.ensure_partitions('2015-01-01', '2015-03-31');
	PERFORM usage_mgmt.ensure_partitions('2015-05-01', '2015-06-30');
END $$;
CREATE TABLE delivered AS
SELECT g, CASE g % 2 WHEN 0 THEN 'r14.5' ELSE 'v4' END AS version,
	CASE WHEN g % 97 = 0 THEN 'a b,c;' || g WHEN g % 89 = 0 THEN 'é"' || g
		WHEN g % 83 = 0 THEN 'O''' || g WHEN g % 3 = 0 THEN 'U-' || g ELSE 'u-' || g END AS id,
	timestamp '2015-01-01' + (g * 37 % 180) * interval '1 day'
		+ CASE WHEN g % 4 = 0 THEN 0 ELSE g * 7919 % 86400 END * interval '1 second' AS date,
	(ARRAY['VOICE', 'SMS', 'DATA', 'Cloud Cpu', 'voice', '020', 'a,b', 'x''y', '20'])[g * 31 % 9 + 1] AS type,
	(ARRAY['call to ' || g % 20, 'a+b', '100%', 'Müller & Söhne', ' ', NULL, NULL])[g * 17 % 7 + 1] AS description,
	(ARRAY['received', 'rejected', 'recycled', 'guided', 'rated', 'rerated', 'billed', NULL])[g * 13 % 8 + 1] AS status
FROM generate_series(1, 5000) g;

CREATE FUNCTION party(n int, place int, version text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object(
		'role', (ARRAY['customer', 'serviceProvider', 'payer'])[n % 3 + 1],
		'id', CASE WHEN n % 7 > 0 THEN (n * 7 % 50)::text END,
		'href', CASE WHEN n % 7 = 0 OR n % 5 = 0 THEN 'http://party/' || n * 7 % 50 END,
		'name', CASE WHEN n % 2 = 0 THEN 'Party ' || n % 10 END,
		'status', CASE WHEN n % 3 = 0 THEN 'active' END,
		'validFor', CASE WHEN n % 4 = 0 THEN jsonb_strip_nulls(jsonb_build_object(
			'startDateTime', (date '2014-01-01' + n % 300)::text || 'T00:00:00Z',
			'endDateTime', CASE WHEN n % 8 = 0 THEN '2015-12-31T00:00:00Z' END)) END,
		'@referredType', CASE WHEN version = 'v4' THEN 'Organization' END,
		'level', CASE WHEN n % 5 < 3 THEN n % 5 + place END,
		'contact', CASE WHEN n % 6 = 0 THEN jsonb_build_object('media', 'mail', 'tags', jsonb_build_array('x', n % 4)) END))
$$;
CREATE FUNCTION rating(n int, version text, complete boolean) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object(
		'ratingDate', (timestamp '2015-02-01' + n % 100 * interval '1 day')::date || 'T08:00:00Z',
		'usageRatingTag', CASE WHEN n % 3 = 0 THEN 'usage bundle' END,
		'isBilled', CASE WHEN n % 4 < 3 THEN n % 4 = 1 END,
		'taxRate', n % 4 * 5.5, 'currencyCode', CASE WHEN version = 'r14.5' THEN currency END,
		'taxIncludedRatingAmount', CASE version WHEN 'v4' THEN
			jsonb_build_object('unit', currency, 'value', included) ELSE to_jsonb(included) END,
		'taxExcludedRatingAmount', CASE version WHEN 'v4' THEN
			jsonb_build_object('unit', currency, 'value', excluded) ELSE to_jsonb(excluded) END,
		'productRef', CASE version WHEN 'v4' THEN jsonb_build_object('id', 'p' || n % 9,
			'href', 'http://product/p' || n % 9, 'name', 'Product ' || n % 4,
			'grade', n % 6) ELSE to_jsonb('http://product/p' || n % 9) END,
		'discount', CASE WHEN n % 5 = 0 THEN n % 30 END))
	FROM (SELECT (ARRAY['EUR', 'USD', 'CHF'])[n % 3 + 1] AS currency,
			round(n % 400 / 8.0, 2) AS included, round(n % 400 / 10.0, 2) AS excluded) money
	WHERE complete OR n % 2 = 0
$$;
CREATE FUNCTION characteristic(name text, value anyelement) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('name', name, 'value', value)
$$;
DO $$
DECLARE
	d delivered;
	body jsonb;
	rated boolean;
BEGIN
	FOR d IN SELECT * FROM delivered ORDER BY g LOOP
		rated := d.status IN ('rated', 'rerated', 'billed');
		body := jsonb_build_object(
			'id', d.id,
			CASE d.version WHEN 'v4' THEN 'usageDate' ELSE 'date' END, d.date || 'Z',
			CASE d.version WHEN 'v4' THEN 'usageType' ELSE 'type' END, d.type,
			'description', d.description, 'status', d.status,
			'usageSpecification', CASE d.g % 4
				WHEN 0 THEN NULL
				WHEN 1 THEN jsonb_build_object('id', 's' || d.g % 5, 'name', 'Spec ' || d.g % 3, 'since', d.g % 12)
				WHEN 2 THEN jsonb_build_object('href', 'http://spec/s' || d.g % 5)
				ELSE jsonb_build_object('id', 's' || d.g % 5, 'href', 'http://spec/s' || d.g % 5) END,
			'usageCharacteristic', CASE WHEN d.g % 10 > 0 THEN (
				SELECT jsonb_agg(c) FROM (VALUES
					(CASE d.g % 6 WHEN 0 THEN NULL WHEN 1 THEN characteristic('duration', (d.g % 119)::text)
						WHEN 2 THEN characteristic('duration', to_jsonb(d.g % 119))
						WHEN 3 THEN characteristic('duration', (d.g % 119)::text || '.50')
						WHEN 4 THEN characteristic('duration', 'unknown'::text)
						ELSE characteristic('duration', to_jsonb((d.g % 12)::text || 'e1')) END),
					(characteristic('unit', (ARRAY['SEC', 'MIN', 'GB'])[d.g % 3 + 1])),
					(CASE WHEN d.g % 5 = 0 THEN characteristic('roaming', d.g % 4 = 1) END),
					(CASE WHEN d.g % 7 = 0 THEN characteristic('cell.name', 'c' || d.g % 4) END),
					(CASE WHEN d.g % 8 = 0 THEN characteristic('tag', 'first'::text) END),
					(CASE WHEN d.g % 4 = 0 THEN characteristic('tag', 't' || d.g % 3) END),
					(CASE WHEN d.g % 9 = 0 THEN characteristic('value', '2'::text) END)) v (c)
				WHERE c IS NOT NULL) END,
			'relatedParty', CASE WHEN d.g % 11 > 0 THEN (
				SELECT jsonb_agg(party(d.g * 3 + n * 5, n, d.version)) FROM generate_series(1, d.g % 3 + 1) n) END,
			'ratedProductUsage', (SELECT jsonb_agg(r) FROM (
				SELECT rating(d.g * 7 + n * 13, d.version, rated) AS r FROM generate_series(1, d.g % 2 + 1) n
				WHERE rated OR d.g % 5 = 0) x WHERE r IS NOT NULL),
			'priority', CASE WHEN d.g % 3 > 0 THEN to_jsonb(d.g % 15) ELSE to_jsonb('p' || d.g % 4) END,
			'location', CASE WHEN d.g % 4 = 1 THEN jsonb_build_object('cell', d.g % 25,
				'names', jsonb_build_array('north', 'n' || d.g % 6), 'where', jsonb_build_object('city', 'C' || d.g % 8)) END,
			'tags', CASE WHEN d.g % 6 = 2 THEN jsonb_build_array('red', d.g % 5, 'b,c') END,
			'straße', CASE WHEN d.g % 6 = 3 THEN to_jsonb('Nr ' || d.g % 7) END,
			'hot', CASE WHEN d.g % 10 < 4 THEN to_jsonb(d.g % 10 < 2) END,
			'@type', CASE WHEN d.g % 5 < 2 THEN d.type || 'Usage' END, '@baseType', CASE WHEN d.g % 7 < 3 THEN 'Usage' END,
			'extra', CASE WHEN d.g % 6 = 1 THEN jsonb_build_object('extra', d.g % 9) END);
		PERFORM usage_mgmt.post_usage(jsonb_strip_nulls(body)::json, d.version);
	END LOOP;
	FOR n IN 1..200 LOOP
		PERFORM usage_mgmt.post_usage_specification(jsonb_strip_nulls(jsonb_build_object(
			'id', 'S' || n * 7 % 200, 'name', 'Spec ' || n % 30, 'version', (n % 4) || '.' || n % 3,
			'description', CASE WHEN n % 3 = 0 THEN 'about ' || n END,
			'isBundle', CASE WHEN n % 3 < 2 THEN n % 3 = 1 END,
			'lastUpdate', '2015-0' || n % 9 + 1 || '-01T00:00:00Z',
			CASE n % 2 WHEN 0 THEN 'status' ELSE 'lifecycleStatus' END,
			(ARRAY['in study', 'in design', 'in test', 'rejected', 'active', 'launched', 'retired', 'obsolete'])[n % 8 + 1],
			'validFor', CASE WHEN n % 4 > 0 THEN jsonb_strip_nulls(jsonb_build_object(
				'startDateTime', '2013-04-' || lpad((n % 28 + 1)::text, 2, '0') || 'T00:00:00Z',
				'endDateTime', CASE WHEN n % 4 = 1 THEN '2099-01-01T00:00:00Z' END)) END,
			CASE n % 2 WHEN 0 THEN 'usageSpecCharacteristic' ELSE 'specCharacteristic' END, (
				SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', 'char' || (n + c) % 6,
					CASE n % 2 WHEN 0 THEN 'configurable' ELSE 'isConfigurable' END, c % 2 = 0, 'minCardinality', (n + c) % 3,
					'validFor', CASE WHEN c = 2 THEN jsonb_build_object('startDateTime', '2014-0' || n % 9 + 1 || '-01T00:00:00Z') END,
					'shade', CASE WHEN c = 1 THEN 'dark' || n % 3 END,
					CASE n % 2 WHEN 0 THEN 'usageSpecCharacteristicValue' ELSE 'characteristicValueSpecification' END, (
						SELECT jsonb_agg(jsonb_build_object('valueType', (ARRAY['number', 'string'])[(n + v) % 2 + 1],
							CASE n % 2 WHEN 0 THEN 'default' ELSE 'isDefault' END, v = 1,
							'value', (n + v + c) % 10, 'valueFrom', ((n + v) % 5)::text))
						FROM generate_series(1, 2) v))))
				FROM generate_series(1, n % 3) c),
			'relatedParty', CASE WHEN n % 2 = 0 THEN jsonb_build_array(party(n, 1, 'v4')) END,
			'attachment', CASE WHEN n % 5 = 0 THEN jsonb_build_array(jsonb_build_object('name', 'doc' || n % 4, 'mimeType', 'text/plain')) END,
			'targetEntitySchema', CASE WHEN n % 6 = 0 THEN jsonb_build_object('@type', 'T' || n % 4) END,
			'owner', CASE WHEN n % 2 = 0 THEN jsonb_build_object('team', 'team' || n % 5) END,
			'@type', CASE WHEN n % 4 < 3 THEN 'Specification' || n % 4 END, '@schemaLocation', 'http://schema/' || n % 11))::json, 'r14.5');
	END LOOP;
END
$$;

-- The documents, and every value in them with its path and the numbers of the
-- list elements on the way
CREATE TABLE document AS
SELECT 'usage' AS resource, version, u.id, usage_mgmt.to_tmf(u, version)::jsonb AS document
FROM usage_mgmt.usage u, (VALUES ('r14.5'), ('v4')) v (version)
UNION ALL
SELECT 'usageSpecification', v.version, s.id, usage_mgmt.to_tmf(s, v.version)::jsonb
FROM usage_mgmt.usage_specification s, (VALUES ('r14.5'), ('v4')) v (version);

CREATE TABLE leaf AS
WITH RECURSIVE node AS (
	SELECT resource, version, id, '' AS path, '{}'::int[] AS element, document AS value FROM document
	UNION ALL
	SELECT n.resource, n.version, n.id, below.* FROM node n, LATERAL (
		SELECT n.path || CASE n.path WHEN '' THEN '' ELSE '.' END || key, n.element, value
		FROM jsonb_each(CASE jsonb_typeof(n.value) WHEN 'object' THEN n.value END)
		UNION ALL
		SELECT n.path, n.element || place::int, value
		FROM jsonb_array_elements(CASE jsonb_typeof(n.value) WHEN 'array' THEN n.value END) WITH ORDINALITY e (value, place)
	) below)
SELECT resource, version, id, path, element,
	CASE WHEN jsonb_typeof(value) NOT IN ('array', 'object') THEN value #>> '{}' END AS value
FROM node;
CREATE INDEX ON leaf (resource, version, path);
CREATE INDEX ON leaf (id, path);
CREATE UNIQUE INDEX ON document (resource, version, id);
ANALYZE document, leaf;
SELECT resource, version, count(*) FROM document GROUP BY 1, 2 ORDER BY 1, 2;

-- What the standard declares: lists, types of attributes, and what else they are called
CREATE TABLE list (path text);
INSERT INTO list VALUES ('relatedParty'), ('ratedProductUsage'), ('usageCharacteristic'),
	('usageSpecCharacteristic'), ('specCharacteristic'), ('attachment'),
	('usageSpecCharacteristic.usageSpecCharacteristicValue'),
	('specCharacteristic.characteristicValueSpecification');
CREATE TABLE typed (path text, type text);
INSERT INTO typed VALUES ('date', 'timestamptz'), ('usageDate', 'timestamptz'),
	('id', 'text'), ('@type', 'text'), ('@baseType', 'text'), ('@schemaLocation', 'text'), ('type', 'text'), ('usageType', 'text'), ('description', 'text'), ('name', 'text'), ('version', 'text'),
	('usageSpecification.id', 'text'), ('usageSpecification.name', 'text'), ('usageSpecification.href', 'text'),
	('relatedParty.id', 'text'), ('relatedParty.role', 'text'), ('relatedParty.name', 'text'), ('relatedParty.href', 'text'),
	('relatedParty.validFor.startDateTime', 'timestamptz'), ('relatedParty.validFor.endDateTime', 'timestamptz'),
	('ratedProductUsage.ratingDate', 'timestamptz'), ('ratedProductUsage.taxRate', 'numeric'),
	('ratedProductUsage.isBilled', 'boolean'), ('ratedProductUsage.currencyCode', 'text'),
	('ratedProductUsage.taxIncludedRatingAmount', 'numeric'), ('ratedProductUsage.taxExcludedRatingAmount', 'numeric'),
	('ratedProductUsage.taxIncludedRatingAmount.value', 'numeric'), ('ratedProductUsage.taxIncludedRatingAmount.unit', 'text'),
	('ratedProductUsage.productRef', 'text'), ('ratedProductUsage.productRef.id', 'text'),
	('isBundle', 'boolean'), ('lastUpdate', 'timestamptz'),
	('validFor.startDateTime', 'timestamptz'), ('validFor.endDateTime', 'timestamptz'),
	('usageSpecCharacteristic.minCardinality', 'numeric'), ('specCharacteristic.minCardinality', 'numeric'),
	('usageSpecCharacteristic.validFor.startDateTime', 'timestamptz'), ('specCharacteristic.validFor.startDateTime', 'timestamptz');
CREATE TABLE called (version text, name text, path text);
INSERT INTO called VALUES ('r14.5', 'usageDate', 'date'), ('r14.5', 'usageType', 'type'),
	('v4', 'usageDescription', 'description'), ('v4', 'date', 'usageDate'), ('v4', 'type', 'usageType'),
	('r14.5', 'usageDescription', 'description'),
	('r14.5', 'ratedProductUsage.taxIncludedRatingAmount.value', 'ratedProductUsage.taxIncludedRatingAmount'),
	('r14.5', 'ratedProductUsage.taxIncludedAmount', 'ratedProductUsage.taxIncludedRatingAmount'),
	('v4', 'ratedProductUsage.taxIncludedRatingAmount', 'ratedProductUsage.taxIncludedRatingAmount.value'),
	('r14.5', 'ratedProductUsage.taxIncludedRatingAmount.unit', 'ratedProductUsage.currencyCode'),
	('v4', 'ratedProductUsage.currencyCode', 'ratedProductUsage.taxIncludedRatingAmount.unit'),
	('r14.5', 'ratedProductUsage.productRef.href', 'ratedProductUsage.productRef'),
	('v4', 'ratedProductUsage.productRef', 'ratedProductUsage.productRef.href'),
	('r14.5', 'relatedParty.ref', 'relatedParty.href'), ('v4', 'relatedParty.ref', 'relatedParty.href'),
	('r14.5', 'lifecycleStatus', 'status'),
	('v4', 'usageSpecCharacteristic.name', 'specCharacteristic.name');

-- Percent-decoding, comparison, the leaves that a condition fits
CREATE FUNCTION decoded(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(convert_from(string_agg(CASE WHEN m[1] ~ '^%..$' THEN decode(substr(m[1], 2), 'hex')
		ELSE convert_to(CASE m[1] WHEN '+' THEN ' ' ELSE m[1] END, 'UTF8') END, ''::bytea ORDER BY n), 'UTF8'), '')
	FROM regexp_matches(t, '%[0-9A-Fa-f]{2}|.', 'g') WITH ORDINALITY r (m, n)
$$;
CREATE FUNCTION number_in(t text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN btrim(t) ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$' THEN t::numeric END
$$;
CREATE FUNCTION fits(value text, op text, wanted text, type text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	sign int;
BEGIN
	IF op = 'regex' THEN
		RETURN value ~ wanted;
	ELSIF type = 'timestamptz' THEN
		sign := sign(extract(epoch FROM value::timestamptz) - extract(epoch FROM wanted::timestamptz));
	ELSIF type = 'boolean' THEN
		sign := value::boolean::int - wanted::boolean::int;
	ELSIF coalesce(type, 'numeric') = 'numeric' AND number_in(value) IS NOT NULL AND number_in(wanted) IS NOT NULL THEN
		sign := sign(number_in(value) - number_in(wanted));
	ELSE
		sign := CASE WHEN value COLLATE "C" = wanted THEN 0 WHEN value COLLATE "C" < wanted THEN -1 ELSE 1 END;
	END IF;
	RETURN CASE op WHEN 'eq' THEN sign = 0 WHEN 'gt' THEN sign > 0 WHEN 'gte' THEN sign >= 0
		WHEN 'lt' THEN sign < 0 WHEN 'lte' THEN sign <= 0 END;
END
$$;
CREATE FUNCTION hits(resource text, version text, path text, op text, wanted text[])
RETURNS TABLE (id text, element int[]) LANGUAGE sql STABLE AS $$
	SELECT id, element FROM leaf l
	WHERE l.resource = $1 AND l.version = $2 AND l.path = $3 AND value IS NOT NULL
	AND EXISTS (SELECT FROM unnest($5) w
		WHERE fits(l.value, $4, w, (SELECT type FROM typed t WHERE t.path = $3)))
$$;
-- One condition as SQL for the elements (down to a depth) that meet it
CREATE FUNCTION condition_sql(resource text, version text, path text, op text, wanted text[], list text, depth int)
RETURNS text LANGUAGE sql AS $$
	SELECT CASE
		WHEN op <> 'ne' THEN format('SELECT id, element[1:%s] AS element FROM hits(%L, %L, %L, %L, %L)',
			depth, resource, version, path, op, wanted)
		WHEN depth = 0 THEN format('SELECT id, ''{}''::int[] AS element FROM document WHERE resource = %L AND version = %L'
			|| ' EXCEPT SELECT id, ''{}'' FROM hits(%1$L, %2$L, %L, ''eq'', %L)', resource, version, path, wanted)
		ELSE format('SELECT id, element FROM leaf WHERE resource = %L AND version = %L AND path = %L'
			|| ' AND cardinality(element) = %s EXCEPT SELECT id, element[1:%4$s] FROM hits(%1$L, %2$L, %5$L, ''eq'', %6$L)',
			resource, version, list, depth, path, wanted)
		END
$$;

-- The naive answer: the ids in order
CREATE TABLE condition (name text, op text, wanted text[]);
CREATE TABLE merged (n serial, path text, op text, wanted text[], list text, depth int DEFAULT 0);
CREATE FUNCTION answer(resource text, version text, query text, OUT ids text[], OUT fields text[])
LANGUAGE plpgsql AS $$
DECLARE
	operator CONSTANT text := '(?:%3D|=)(?:%3D|=|~)|(?:%2A|\*|!|%21|<|%3C|>|%3E)(?:%3D|=)|<|%3C|>|%3E|=';
	pair text;
	m text[];
	name text;
	op text;
	c record;
	sort text[] := '{}';
	key text;
	k text;
	"limit" bigint;
	"offset" bigint := 0;
	after text;
	ordered text[];
	sorting text := '';
	selected text := format('SELECT id FROM document WHERE resource = %L AND version = %L', resource, version);
	date_name text := CASE version WHEN 'v4' THEN 'usageDate' ELSE 'date' END;
BEGIN
	DELETE FROM condition;
	DELETE FROM merged;
	FOREACH pair IN ARRAY string_to_array(query, '&') LOOP
		m := regexp_match(pair, '^((?:(?!' || operator || ').)*)(' || operator || ')(.*)$', 'i');
		name := decoded(m[1]);
		op := CASE decoded(m[2]) WHEN '=' THEN 'eq' WHEN '==' THEN 'eq' WHEN '=~' THEN 'regex' WHEN '*=' THEN 'regex'
			WHEN '!=' THEN 'ne' WHEN '>' THEN 'gt' WHEN '>=' THEN 'gte' WHEN '<' THEN 'lt' WHEN '<=' THEN 'lte' END;
		IF name = 'fields' THEN
			fields := string_to_array(regexp_replace(decoded(m[3]), '(^|[.,])extra\.', '\1', 'g'), ',');
		ELSIF name = 'sort' THEN
			sort := sort || string_to_array(m[3], ',');
		ELSIF name = 'limit' THEN
			"limit" := m[3];
		ELSIF name = 'offset' THEN
			"offset" := m[3];
		ELSIF name = 'after' THEN
			after := decoded(m[3]);
		ELSE
			IF name ~ '\.(eq|ne|gt|gte|lt|lte|regex)$' THEN
				op := substring(name FROM '\.(\w+)$');
				name := left(name, -length(op) - 1);
			END IF;
			INSERT INTO condition (name, op, wanted)
				SELECT name, op, array_agg(decoded(CASE WHEN place > 1 AND starts_with(v, name || '=')
					THEN substr(v, length(name) + 2) ELSE v END))
				FROM regexp_split_to_table(m[3], '[,;]') WITH ORDINALITY s (v, place);
		END IF;
	END LOOP;
	-- values of one name and operator are alternatives
	INSERT INTO merged (path, op, wanted)
		SELECT coalesce((SELECT called.path FROM called
				WHERE called.version = answer.version AND called.name = condition.name),
				regexp_replace(condition.name, '(^|\.)extra\.', '\1')),
			condition.op, array_agg(w)
		FROM condition, unnest(wanted) w GROUP BY condition.name, condition.op;
	-- statuses are read whatever their case, with _ for a space, and by their older name
	UPDATE merged SET wanted = ARRAY(SELECT CASE w WHEN 'rerate' THEN 'rerated' ELSE replace(lower(w), '_', ' ') END FROM unnest(wanted) w)
		WHERE path IN ('status', 'lifecycleStatus');
	UPDATE merged SET list = l.path FROM list l WHERE starts_with(merged.path, l.path || '.') AND position('.' IN l.path) = 0;
	UPDATE merged SET depth = 1 WHERE list IS NOT NULL;
	UPDATE merged SET list = l.path, depth = 2 FROM list l WHERE starts_with(merged.path, l.path || '.') AND position('.' IN l.path) > 0;
	FOR c IN SELECT * FROM merged WHERE list IS NULL LOOP
		selected := selected || ' INTERSECT SELECT id FROM ('
			|| condition_sql(resource, version, c.path, c.op, c.wanted, NULL, 0) || ') x';
	END LOOP;
	-- usageCharacteristic.duration: an element of that name with such a value
	FOR c IN SELECT *, substr(path, 21) AS of FROM merged
		WHERE list = 'usageCharacteristic' AND path NOT IN ('usageCharacteristic.name', 'usageCharacteristic.value') LOOP
		selected := selected || CASE c.op WHEN 'ne' THEN ' EXCEPT ' ELSE ' INTERSECT ' END
			|| format('SELECT id FROM (SELECT * FROM hits(%L, %L, ''usageCharacteristic.value'', %L, %L)'
				|| ' INTERSECT SELECT id, element FROM leaf WHERE resource = %1$L AND version = %2$L'
				|| ' AND path = ''usageCharacteristic.name'' AND value = %5$L) x',
				resource, version, CASE c.op WHEN 'ne' THEN 'eq' ELSE c.op END, c.wanted, c.of);
		DELETE FROM merged WHERE n = c.n;
	END LOOP;
	-- all conditions on one list hold for one element, those on a list in it for one of its elements
	FOR c IN SELECT split_part(list, '.', 1) AS list,
			string_agg('SELECT id, element[1:1] FROM (' || conditions || ') y', ' INTERSECT ') AS conditions
		FROM (SELECT list, depth, string_agg('SELECT id, element FROM ('
				|| condition_sql(resource, version, path, merged.op, wanted, list, depth) || ') z', ' INTERSECT ') AS conditions
			FROM merged WHERE list IS NOT NULL GROUP BY list, depth) inner_list
		GROUP BY 1 LOOP
		selected := selected || ' INTERSECT SELECT id FROM (' || c.conditions || ') x';
	END LOOP;

	IF sort = '{}' AND resource = 'usage' AND ("limit" IS NOT NULL OR "offset" > 0 OR after IS NOT NULL) THEN
		sort := ARRAY[date_name];
	END IF;
	FOREACH key IN ARRAY sort LOOP
		CONTINUE WHEN sort IN (ARRAY['id'], ARRAY['-id']);	-- comes last anyway
		k := decoded(ltrim(key, '-+'));
		k := coalesce((SELECT called.path FROM called WHERE called.version = answer.version AND called.name = k), k);
		IF k LIKE 'usageCharacteristic.%' THEN
			k := format('(SELECT v.value FROM leaf n, leaf v WHERE n.id = d.id AND n.path = ''usageCharacteristic.name'''
				|| ' AND n.value = %L AND v.id = d.id AND v.path = ''usageCharacteristic.value'' AND v.element = n.element'
				|| ' AND v.version = %L AND n.version = %2$L AND v.resource = ''usage'' AND n.resource = ''usage'''
				|| ' ORDER BY n.element DESC LIMIT 1)', substr(k, 21), version);
			sorting := sorting || format('number_in(%s) %2$s, (%1$s) COLLATE "C" %2$s, ', k,
				CASE WHEN key LIKE '-%' THEN 'DESC NULLS LAST' ELSE 'NULLS LAST' END);
		ELSE
			sorting := sorting || format('(SELECT value::%s FROM leaf l WHERE l.id = d.id AND l.path = %L AND l.resource = %L AND l.version = %L'
				|| ' AND coalesce(element[1], 1) = 1) %s %s NULLS LAST, ',
				CASE WHEN k IN ('status', 'lifecycleStatus') THEN
					CASE resource WHEN 'usage' THEN 'usage_mgmt.usage_status' ELSE 'usage_mgmt.usage_specification_status' END
					ELSE coalesce((SELECT type FROM typed WHERE path = k), 'text') END,
				k, resource, version,
				CASE WHEN coalesce((SELECT type FROM typed WHERE path = k), 'text') = 'text' AND k NOT IN ('status', 'lifecycleStatus')
					THEN 'COLLATE "C"' ELSE '' END,
				CASE WHEN key LIKE '-%' THEN 'DESC' ELSE '' END);
		END IF;
	END LOOP;
	sorting := sorting || 'id COLLATE "C"' || CASE WHEN sort IN (ARRAY['-id'], ARRAY['-date'], ARRAY['-usageDate']) THEN ' DESC' ELSE '' END;
	EXECUTE format('SELECT array_agg(id ORDER BY %s) FROM document d WHERE resource = %L AND version = %L AND id IN (%s)',
		sorting, resource, version, CASE WHEN after IS NULL THEN selected ELSE 'SELECT id FROM document' END) INTO ordered;
	IF after IS NOT NULL THEN
		ordered := ordered[array_position(ordered, after) + 1:];
		EXECUTE format('SELECT array_agg(o.id ORDER BY place) FROM unnest($1) WITH ORDINALITY o (id, place) WHERE o.id IN (%s)', selected)
			INTO ordered USING ordered;
	END IF;
	ids := coalesce(ordered[("offset" + 1)::int : coalesce("offset" + "limit", 100000)::int], '{}');
END
$$;

-- What fields= leaves of a document; what the standard does not declare stays whole
CREATE FUNCTION projected(document jsonb, fields text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT coalesce(jsonb_object_agg(key, CASE
		WHEN key = ANY (fields) OR key IN ('usageCharacteristic', 'location') THEN value
		WHEN jsonb_typeof(value) = 'array' THEN (SELECT jsonb_agg(projected(e, below)) FROM jsonb_array_elements(value) e)
		ELSE projected(value, below) END), '{}')
	FROM jsonb_each(document), LATERAL (
		SELECT array_agg(substr(f, length(key) + 2)) AS below FROM unnest(fields) f WHERE starts_with(f, key || '.')) b
	WHERE key = ANY (fields) OR below IS NOT NULL
$$;

-- The query strings. $d and $t are the names of date and type in the version.
CREATE TABLE query (n serial, resource text, version text, query text);
CREATE TABLE template (query text);
INSERT INTO template VALUES
	-- equality and alternatives
	('status=rated'), ('status=RATED'), ('status=rerate'), ('status.eq=billed'), ('status.ne=billed'), ('status==guided'),
	('status=rated,billed'), ('status=rated;billed'), ('status=rated;status=guided'), ('status=rated&status=recycled'),
	('status=rated,billed&status.ne=billed'), ('status.ne=rated,billed'), ('status!=rated&status!=billed'),
	('$t=VOICE'), ('$t=voice'), ('$t=Cloud+Cpu'), ('$t=Cloud%20Cpu'), ('$t=VOICE,SMS,DATA'), ('$t=VOICE;DATA'), ('$t=VOICE&$t=SMS&$t=20'),
	('$t=a%2Cb'), ('$t=a,b'), ('$t=x%27y'), ('$t=x''y'), ('$t=020'), ('$t=20'), ('$t.ne=VOICE'), ('$t.ne=VOICE,SMS'), ('$t%3D%3DSMS'),
	('$t%21%3DSMS'), ('$t.gt=D'), ('$t.lt=a'), ('$t.gte=VOICE'), ('$t.lte=SMS'), ('$t%3EVOICE'), ('$t%3E%3DVOICE'), ('$t%3CVOICE'),
	('$t%3C%3DVOICE'), ('$t>VOICE'), ('$t>=VOICE'), ('$t<VOICE'), ('$t<=VOICE'), ('$t%3E=VOICE'), ('$t.gt=VOICE,SMS'),
	('$t.regex=^V'), ('$t.regex=(?i)^v'), ('$t*=%5E%5BVS%5D'), ('$t=~^[0-9]%2B$'), ('$t%3D~ice$'), ('$t%2A%3Doice'), ('$t.regex=^D,^S'),
	('usageType=SMS'), ('type=SMS'),
	('description=a%2Bb'), ('description=a+b'), ('description=100%25'), ('description=100%'), ('description=M%C3%BCller+%26+S%C3%B6hne'),
	('description=Müller+%26+Söhne'), ('description=+'), ('description='), ('description.ne=a%2Bb'), ('description.regex=^call to 1'),
	('description.regex=to+.$'), ('description.gt=b'), ('description=call+to+7,100%25'), ('usageDescription=a%2Bb'),
	('id=u-1'), ('id=u-1,u-2,U-3,none'), ('id=a%20b%2Cc%3B97'), ('id=%C3%A9%22178'), ('id=O%27249'), ('id.gt=u-3'), ('id.regex=^a'), ('id.ne=u-1'),
	-- dates
	('$d.gte=2015-03-01'), ('$d.gte=2015-03-01&$d.lt=2015-04-01'), ('$d.gt=2015-05-31T23:59:59Z'), ('$d.lt=2015-01-02'),
	('$d=2015-01-09'), ('$d=2015-01-09T00:00:00Z,2015-02-14'), ('$d.lte=2015-01-09T00:00:00Z'), ('$d.ne=2015-01-09'),
	('$d%3E2015-06-15'), ('$d>=2015-06-15T12:00:00%2B02:00'), ('$d<2015-01-15T03:00:00-05:00'), ('$d.gte=2015-04-01&$d.lt=2015-05-01'),
	('usageDate.gt=2015-06-20'), ('date.gt=2015-06-20'),
	-- the specification
	('usageSpecification.id=s1'), ('usageSpecification.id=s1,s3'), ('usageSpecification.id.ne=s1'), ('usageSpecification.name=Spec 1'),
	('usageSpecification.name.regex=[02]$'), ('usageSpecification.href=http://spec/s2'), ('usageSpecification.href.ne=http://spec/s2'),
	('usageSpecification.extra.since=7'), ('usageSpecification.extra.since.gt=7'), ('usageSpecification.extra.since.ne=7'), ('usageSpecification.id.gt=s2'),
	-- parties
	('relatedParty.id=45'), ('relatedParty.role=customer'), ('relatedParty.role=customer&relatedParty.id=7'), ('relatedParty.id=7,14,21'),
	('relatedParty.role=customer,payer&relatedParty.id=7,14'), ('relatedParty.role.ne=customer'), ('relatedParty.id.ne=7'),
	('relatedParty.role=payer&relatedParty.id.ne=7'), ('relatedParty.id.gt=40'), ('relatedParty.id.regex=^.$'),
	('relatedParty.name=Party 4'), ('relatedParty.name.regex=y+[0-3]&relatedParty.role=payer'), ('relatedParty.href=http://party/35'),
	('relatedParty.ref=http://party/35'), ('relatedParty.status=active'), ('relatedParty.status=active&relatedParty.role=payer&status=rated'),
	('relatedParty.validFor.startDateTime.gte=2014-06-01'), ('relatedParty.validFor.startDateTime.lt=2014-06-01&relatedParty.role=customer'),
	('relatedParty.validFor.endDateTime=2015-12-31'), ('relatedParty.validFor.endDateTime.ne=2015-12-31&relatedParty.id=7'),
	('relatedParty.extra.level=3'), ('relatedParty.extra.level.gte=3&relatedParty.role=customer'), ('relatedParty.extra.level.ne=3&relatedParty.role=payer'),
	('relatedParty.extra.contact.media=mail'), ('relatedParty.extra.contact.tags=x&relatedParty.role=customer'), ('relatedParty.extra.contact.tags=2'),
	-- ratings
	('ratedProductUsage.taxRate.gt=10'), ('ratedProductUsage.taxRate=5.50'), ('ratedProductUsage.taxRate=5.5,16.5'), ('ratedProductUsage.taxRate.ne=0'),
	('ratedProductUsage.taxIncludedRatingAmount.gt=40'), ('ratedProductUsage.taxIncludedRatingAmount.value.gt=40'),
	('ratedProductUsage.taxIncludedRatingAmount.lt=2&ratedProductUsage.taxRate=0'), ('ratedProductUsage.taxIncludedRatingAmount=12.5'),
	('ratedProductUsage.currencyCode=EUR'), ('ratedProductUsage.taxIncludedRatingAmount.unit=EUR,CHF'),
	('ratedProductUsage.taxIncludedRatingAmount.unit=EUR&ratedProductUsage.taxIncludedRatingAmount.value.gte=30'),
	('ratedProductUsage.productRef=http://product/p3'), ('ratedProductUsage.productRef.href=http://product/p3,http://product/p4'),
	('ratedProductUsage.productRef.regex=p[0-4]$&ratedProductUsage.currencyCode=EUR'), ('ratedProductUsage.isBilled=true'),
	('ratedProductUsage.isBilled=False&status.ne=billed'), ('ratedProductUsage.isBilled.ne=true'), ('ratedProductUsage.ratingDate.gte=2015-04-20'),
	('ratedProductUsage.usageRatingTag=usage+bundle'), ('ratedProductUsage.usageRatingTag=usage&ratedProductUsage.taxRate=16.5'),
	('ratedProductUsage.offerTariffType=normal'), ('ratedProductUsage.extra.discount.gt=20'), ('ratedProductUsage.extra.discount=15'), ('ratedProductUsage.extra.discount.ne=15'),
	('ratedProductUsage.ratingDate.lt=2015-02-10&relatedParty.role=payer'),
	-- characteristics
	('usageCharacteristic.duration=60'), ('usageCharacteristic.duration.gt=60'), ('usageCharacteristic.duration.gte=60.0&usageCharacteristic.duration.lt=70'),
	('usageCharacteristic.duration=unknown'), ('usageCharacteristic.duration.gt=a'), ('usageCharacteristic.duration.lt=6e1'), ('usageCharacteristic.duration=60,70,unknown'),
	('usageCharacteristic.duration.ne=60'), ('usageCharacteristic.duration.ne=60,unknown'), ('usageCharacteristic.duration.regex=^1'), ('usageCharacteristic.duration=100'),
	('usageCharacteristic.unit=SEC'), ('usageCharacteristic.unit=SEC;MIN'), ('usageCharacteristic.unit=GB&usageCharacteristic.duration.lte=20'),
	('usageCharacteristic.unit.gt=GB'), ('usageCharacteristic.unit.gt=SE'), ('usageCharacteristic.roaming=true'), ('usageCharacteristic.roaming.ne=true'), ('usageCharacteristic.cell.name=c3'),
	('usageCharacteristic.cell.name.regex=[12]'), ('usageCharacteristic.tag=first'), ('usageCharacteristic.tag=t1'), ('usageCharacteristic.tag=first&usageCharacteristic.tag.ne=t1'),
	('usageCharacteristic.none=1'), ('usageCharacteristic.none.ne=1'), ('usageCharacteristic.name=roaming'), ('usageCharacteristic.value=2'),
	('usageCharacteristic.name=duration&usageCharacteristic.value=60'), ('usageCharacteristic.name=duration&usageCharacteristic.value.gt=100'),
	('usageCharacteristic.name=unit&usageCharacteristic.value=SEC,GB'), ('usageCharacteristic.name=value&usageCharacteristic.value=2'),
	('usageCharacteristic.name=tag&usageCharacteristic.value.ne=first'), ('usageCharacteristic.name.ne=unit'), ('usageCharacteristic.name.regex=^cell'),
	('usageCharacteristic.name=tag,cell.name&usageCharacteristic.value.regex=1$'), ('usageCharacteristic.duration>60&usageCharacteristic.unit==MIN'),
	('usageCharacteristic.duration%3C10'), ('usageCharacteristic.unit!=SEC'),
	-- what the standard does not know
	('extra.priority=7'), ('extra.priority.gt=7'), ('extra.priority.gt=p'), ('extra.priority.lt=p2'), ('extra.priority=p1,3'), ('extra.priority.ne=7'), ('extra.priority.regex=^p'), ('extra.location.cell=13'),
	('extra.location.cell.gte=20'), ('extra.location.names=n3'), ('extra.location.names=north'), ('extra.location.names.ne=north'), ('extra.location.where.city=C5'), ('extra.location.where.city.regex=[1-5]'),
	('extra.location.cell.lt=5&extra.location.names=n1,n5'), ('extra.tags=red'), ('extra.tags=3'), ('extra.tags=b%2Cc'), ('extra.tags.ne=3'), ('extra.tags.gt=3'), ('extra.stra%C3%9Fe=Nr 3'), ('extra.straße.ne=Nr+3'),
	('extra.stra%C3%9Fe%3ENr+3'), ('extra.stra%C3%9Fe.regex=[45]'), ('extra.hot=true'), ('extra.hot.ne=true'), ('extra.nothing=1'), ('extra.nothing.ne=1'), ('extra.nothing.at.all=1'),
	('extra.extra.extra=3'), ('extra.extra.extra.lt=2'), ('extra.extra.none.ne=1'),
	-- the type
	('@type=VOICEUsage'), ('@type=VOICEUsage,SMSUsage&$d.gte=2015-03-01'), ('@type.ne=VOICEUsage'), ('@baseType=Usage&@type.regex=^S'), ('@baseType.ne=Usage'), ('@schemaLocation=none'),
	-- several at once
	('status=rated&$d.gte=2015-02-01&$d.lt=2015-05-01'), ('status=received,guided&$t=VOICE&$d.lt=2015-03-01'),
	('relatedParty.id=7&usageCharacteristic.duration.gt=30'), ('usageSpecification.id=s2&relatedParty.role=payer&$d.gte=2015-04-15'),
	('status=billed&ratedProductUsage.currencyCode=EUR&usageCharacteristic.unit=MIN'), ('extra.priority.gt=5&extra.hot=false&$t.ne=SMS'),
	('$t=VOICE&usageSpecification.id.ne=s1&relatedParty.name.regex=[1-7]$'),
	('$d.gte=2015-01-10&$d.lt=2015-06-20&status.ne=rejected&usageCharacteristic.duration.lt=50&relatedParty.role=customer'),
	-- fields
	('status=rated&fields=status'), ('status=rated&fields=$d,$t'), ('$t=SMS&fields=none'), ('$t=SMS&fields=id'), ('$t=SMS&fields=relatedParty'),
	('$t=SMS&fields=relatedParty.role'), ('$t=SMS&fields=relatedParty.role,relatedParty.id,status'), ('$t=SMS&fields=relatedParty.validFor.startDateTime'),
	('status=billed&fields=ratedProductUsage.taxRate,ratedProductUsage.productRef'), ('$t=SMS&fields=usageSpecification.name'), ('$t=SMS&fields=extra.priority,extra.tags'),
	('$t=SMS&fields=usageCharacteristic,none'), ('$t=SMS&fields=extra.location,description'), ('$t=SMS&fields=extra.nothing'), ('$t=SMS&fields=relatedParty.extra.level,usageSpecification.extra.since'), ('$t=SMS&fields=extra.extra,@type'),
	-- order
	('$t=SMS&sort=$d'), ('$t=SMS&sort=-$d'), ('status=guided&sort=$t'), ('status=guided&sort=-$t'), ('status=guided&sort=+$t'), ('status=guided&sort=$t,-$d'),
	('status=guided&sort=-$t&sort=$d'), ('$t=SMS&sort=status'), ('$t=SMS&sort=-@type'), ('$t=SMS&sort=-status,$d'), ('$t=DATA&sort=description'), ('$t=DATA&sort=-description,-id'),
	('$t=DATA&sort=usageSpecification.id'), ('$t=DATA&sort=-usageSpecification.name,$d'), ('$t=DATA&sort=relatedParty.id'), ('$t=DATA&sort=-relatedParty.name,relatedParty.role'),
	('$t=DATA&sort=ratedProductUsage.taxRate'), ('$t=DATA&sort=-ratedProductUsage.taxIncludedRatingAmount.value'), ('$t=DATA&sort=ratedProductUsage.ratingDate'),
	('$t=DATA&sort=usageCharacteristic.duration'), ('$t=DATA&sort=-usageCharacteristic.duration'), ('$t=DATA&sort=usageCharacteristic.tag,-$d'),
	('$t=DATA&sort=relatedParty.validFor.startDateTime'), ('sort=-usageCharacteristic.unit,usageCharacteristic.duration,id&$t=20'), ('$t=DATA&sort=ratedProductUsage.productRef'),
	-- pages
	('limit=10'), ('limit=10&offset=20'), ('offset=4990'), ('limit=100&status=rated'), ('limit=5&offset=3&sort=-$d'), ('limit=7&sort=$t,-id'), ('limit=10&offset=6000'),
	('limit=0'), ('after=u-100&limit=10'), ('after=u-100&limit=10&sort=-$d'), ('after=u-100&sort=id&limit=20'), ('after=u-100&sort=-id'), ('after=U-300&status=rated&limit=30'),
	('after=u-4&status=guided'), ('after=u-4&sort=-$d&limit=50'), ('limit=50&offset=10&$t=SMS&sort=usageCharacteristic.duration'), ('after=a%20b%2Cc%3B97&limit=3'), ('limit=3&fields=none&sort=-$d');
INSERT INTO query (resource, version, query)
SELECT 'usage', version, replace(replace(t.query, '$d', CASE version WHEN 'v4' THEN 'usageDate' ELSE 'date' END),
	'$t', CASE version WHEN 'v4' THEN 'usageType' ELSE 'type' END)
FROM template t, (VALUES ('r14.5'), ('v4')) v (version);
INSERT INTO query (resource, version, query) VALUES
	('usage', 'v4', 'ratedProductUsage.productRef.id=p3'), ('usage', 'v4', 'ratedProductUsage.productRef.id.ne=p3'),
	('usage', 'v4', 'ratedProductUsage.productRef.name=Product 2'), ('usage', 'v4', 'ratedProductUsage.productRef.extra.grade.gte=3'),
	('usage', 'v4', 'ratedProductUsage.productRef.id=p3&ratedProductUsage.productRef.extra.grade=3'),
	('usage', 'v4', 'relatedParty.@referredType=Organization'), ('usage', 'v4', 'usageType=SMS&fields=ratedProductUsage.taxIncludedRatingAmount.value'),
	('usage', 'v4', 'usageType=SMS&fields=ratedProductUsage.productRef.name,relatedParty.@referredType');
TRUNCATE template;
INSERT INTO template VALUES
	('name=Spec 7'), ('name.regex=^Spec 1'), ('name=Spec 7,Spec 8&version.ne=0.0'), ('version=1.1'), ('version.gt=1.2'), ('description.ne=about 3'), ('isBundle=true'),
	('isBundle.ne=true'), ('lastUpdate.gte=2015-06-01'), ('$s=active'), ('$s=in+study,in_design'), ('$s.ne=obsolete'),
	('validFor.startDateTime.lt=2013-04-10'), ('validFor.endDateTime=2099-01-01'), ('validFor.endDateTime.ne=2099-01-01&$s=active'),
	('$c.name=char3'), ('$c.name=char3&$c.minCardinality=1'), ('$c.minCardinality.gte=2'), ('$c.$x=true'), ('$c.name.ne=char3'),
	('$c.validFor.startDateTime.gte=2014-05-01'), ('$c.extra.shade=dark1'), ('$c.extra.shade=dark1&$c.name=char2,char4'), ('$c.$v.value=4'), ('$c.$v.valueType=number&$c.$v.value=4'),
	('$c.$v.valueType=number&$c.$v.value.gt=6&$c.name=char1'), ('$c.$v.valueFrom.gte=3&$c.$v.value.lt=3'), ('$c.$v.value.ne=4&$c.$v.valueType=string&$c.name=char5'),
	('$c.$v.$w=true&$c.$v.value=7'), ('relatedParty.role=customer'), ('relatedParty.id=14,28'), ('attachment.name=doc1'), ('attachment.mimeType.ne=text/plain'),
	('targetEntitySchema.@type=T2'), ('targetEntitySchema.@type.ne=T2'), ('@type=Specification1'), ('@schemaLocation.regex=[12]$&@type.ne=Specification0'), ('sort=@type&limit=50'), ('extra.owner.team=team2'), ('extra.owner.team.ne=team2'), ('extra.owner.team.gt=team1&isBundle=true'),
	('sort=name,-version'), ('sort=-lastUpdate,name'), ('sort=$s,id'), ('sort=-validFor.startDateTime'), ('limit=10'), ('limit=10&offset=5&sort=-name'), ('after=S150&limit=20'),
	('after=S50&sort=-id&limit=20'), ('sort=relatedParty.id&limit=30'), ('isBundle=true&fields=name'), ('isBundle=true&fields=$c.name,validFor'), ('isBundle=true&fields=$c.$v.value,extra.owner'), ('sort=isBundle,-id');
INSERT INTO query (resource, version, query)
SELECT 'usageSpecification', 'r14.5', replace(replace(replace(replace(replace(t.query, '$s', 'status'), '$c', 'usageSpecCharacteristic'),
	'$v', 'usageSpecCharacteristicValue'), '$w', 'default'), '$x', 'configurable') FROM template t
UNION ALL
SELECT 'usageSpecification', 'v4', replace(replace(replace(replace(replace(t.query, '$s', 'lifecycleStatus'), '$c', 'specCharacteristic'),
	'$v', 'characteristicValueSpecification'), '$w', 'isDefault'), '$x', 'configurable') FROM template t;

-- Both answers. Without an order of its own a query gets one.
CREATE FUNCTION ask(resource text, version text, query text) RETURNS jsonb[] LANGUAGE plpgsql AS $$
BEGIN
	IF resource = 'usage' THEN
		RETURN ARRAY(SELECT usage_mgmt.get_usages(query, version)::jsonb);
	END IF;
	RETURN ARRAY(SELECT usage_mgmt.get_usage_specifications(query, version)::jsonb);
END
$$;
CREATE TABLE result (n int, found text[], counted bigint, expected text[], wrong bigint, wrong_document jsonb);
DO $$
DECLARE
	q query;
	asked text;
	answer record;
	documents jsonb[];
	r result;
BEGIN
	FOR q IN SELECT * FROM query ORDER BY n LOOP
		asked := q.query || CASE WHEN q.query ~ '(^|&)(sort|limit|offset|after)=' THEN '' ELSE '&sort=id' END;
		documents := ask(q.resource, q.version, asked);
		answer := answer(q.resource, q.version, asked);
		SELECT q.n, array_agg(f ->> 'id' ORDER BY place), CASE
				WHEN asked ~ '(^|&)(limit|offset|after)=' THEN NULL
				WHEN q.resource = 'usage' THEN usage_mgmt.count_usages(q.query, q.version)
				ELSE usage_mgmt.count_usage_specifications(q.query, q.version) END,
			answer.ids, count(*) FILTER (WHERE f <> e), min(f::text) FILTER (WHERE f <> e)
			INTO r
			FROM unnest(documents) WITH ORDINALITY u (f, place)
			LEFT JOIN document d ON d.resource = q.resource AND d.version = q.version AND d.id = f ->> 'id',
			LATERAL (SELECT CASE WHEN answer.fields IS NULL THEN d.document
				ELSE projected(d.document, answer.fields || '{id,href}') END AS e) x;
		INSERT INTO result SELECT r.*;
	END LOOP;
END
$$;
UPDATE result SET found = coalesce(found, '{}');
-- The same ids in the same order
SELECT resource, version, query, cardinality(found) AS found, cardinality(expected) AS expected,
	ARRAY(SELECT unnest(found) EXCEPT SELECT unnest(expected) LIMIT 3) AS too_many,
	ARRAY(SELECT unnest(expected) EXCEPT SELECT unnest(found) LIMIT 3) AS missing
FROM result JOIN query USING (n) WHERE found <> expected ORDER BY n;
-- The same documents
SELECT resource, version, query, wrong, wrong_document FROM result JOIN query USING (n) WHERE wrong > 0 ORDER BY n;
-- The same counts
SELECT resource, version, query, counted, cardinality(expected) FROM result JOIN query USING (n)
WHERE counted <> cardinality(expected) ORDER BY n;
-- What was tested: query strings, and those that choose some of the records but not all
SELECT count(*) >= 300 AS many, count(*) AS strings,
	count(*) FILTER (WHERE cardinality(expected) BETWEEN 1 AND CASE q.resource WHEN 'usage' THEN 4999 ELSE 199 END) AS choosing,
	count(*) FILTER (WHERE q.resource = 'usage') AS of_usages, count(*) FILTER (WHERE q.version = 'v4') AS in_v4
FROM result JOIN query q USING (n);

-- The same ids by the indexes that lists and characteristics can have
CREATE INDEX regress_1 ON usage_mgmt.usage USING gin (usage_characteristic usage_mgmt.characteristics_ops);
CREATE INDEX regress_2 ON usage_mgmt.usage USING gin (usage_mgmt.party_ids(related_party));
CREATE INDEX regress_3 ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage));
CREATE INDEX regress_4 ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage, 'discount'));
CREATE INDEX regress_5 ON usage_mgmt.usage USING gin (usage_mgmt.rating_refs(rated_product_usage, 'productRef.grade'));
SET enable_seqscan = off;
SET jit = off;
CREATE TABLE by_index AS
SELECT n, query, found, ARRAY(SELECT d ->> 'id' FROM unnest(ask(resource, version, query || CASE WHEN query ~ '(^|&)(sort|limit|offset|after)=' THEN '' ELSE '&sort=id' END)) d) AS again
FROM result JOIN query USING (n) WHERE resource = 'usage' AND query ~ '(usageCharacteristic|relatedParty|ratedProductUsage)\.' AND query !~ 'sort=';
SELECT query, cardinality(found) AS found, cardinality(again) AS again FROM by_index WHERE found <> again ORDER BY n;
SELECT count(*) > 100 AS many, count(*) AS strings FROM by_index;
RESET enable_seqscan;
RESET jit;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA naive CASCADE;
DROP INDEX usage_mgmt.regress_1, usage_mgmt.regress_2, usage_mgmt.regress_3, usage_mgmt.regress_4, usage_mgmt.regress_5;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
DO $$ BEGIN
	PERFORM usage_mgmt.drop_partitions('2016-01-01');
END $$;
