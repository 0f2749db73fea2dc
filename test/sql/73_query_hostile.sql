-- Hostile query strings: the right answer or 22023, at once, and nothing else.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SET statement_timeout = '60s';

INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description, usage_characteristic, related_party, extra)
SELECT 'u' || n, timestamptz '2015-01-01 00:00+00' + n * interval '1 hour', 'it''s', repeat('a', 40),
	'{"dur''ation": 7, "big": 1e400}', ARRAY[usage_mgmt.related_party(role => 'x"y', id => '1')], '{"a''b": {"c\"d": "e$f"}, "x.y": 1}'
FROM generate_series(1, 500) n;
INSERT INTO usage_mgmt.usage_specification (id, name, usage_spec_characteristic) VALUES ('s', 'o''x', '[{"name": "n"}]');
CREATE TEMP TABLE before AS
SELECT (SELECT md5(string_agg(u::text, ',' ORDER BY id)) FROM usage_mgmt.usage u) AS usages,
	(SELECT md5(string_agg(s::text, ',' ORDER BY id)) FROM usage_mgmt.usage_specification s) AS specifications,
	(SELECT count(*) FROM pg_class) AS relations, (SELECT count(*) FROM pg_roles) AS roles;

-- How many rows each function finds, or how it fails
CREATE FUNCTION pg_temp.ask(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text := '';
	step text;
	asked text;
BEGIN
	FOREACH step IN ARRAY ARRAY['SELECT count(*) FROM (SELECT usage_mgmt.get_usages($1)) x', 'SELECT usage_mgmt.count_usages($1, ''v4'')',
		'SELECT count(*) FROM (SELECT usage_mgmt.get_usage_specifications($1)) x',
		'SELECT count(*) * 0 FROM usage_mgmt.explain_usages($1)', 'SELECT usage_mgmt.delete_usages($1 || ''&extra.nobody.gt=1'')'] LOOP
		BEGIN
			EXECUTE step INTO asked USING query;
		EXCEPTION WHEN OTHERS THEN
			asked := SQLSTATE;
		END;
		answer := concat_ws(' ', NULLIF(answer, ''), asked);
	END LOOP;
	RETURN answer;
END
$$;

-- Quotes, comments, semicolons and dollars, in names, values, fields and sort keys; %s is where they go
CREATE TEMP TABLE payload (n serial, text text);
INSERT INTO payload (text) VALUES ($$'$$), ($$''$$), ($$%27$$), ($$' OR 1=1 --$$), ($$%27%20OR%201%3D1%20--$$), ($$'; DROP TABLE usage_mgmt.usage; --$$),
	($$%27)%3B+DROP+TABLE+usage_mgmt.usage%3B--$$), ($$;--$$), ($$"$$), ($$%22$$), ($$\$$), ($$\'$$), ($$\\'$$), ($$%5C%27$$), ($$/*$$), ($$*/$$), ($$--$$),
	($$$1$$), ($$$$), ($$%24%24$$), ($q$$x$$q$), ($$:x$$), ($$%$$), ($$%2$$), ($$%zz$$), ($$%25$$), ($$$[*]$$), ($$"] ? (1 == 1)$$), ($$@.a$$), ($$**$$),
	($$u.id$$), ($$pg_sleep(9)$$), ($$(SELECT pg_sleep(9))$$), ($$') OR pg_sleep(9) IS NULL --$$), ($$NULL$$), ($$..$$), ($$.$$), ($$,$$), ($$;$$), ($$=$$), ($$+$$), ($$é$$),
	($$%C3%A9$$), ($$%F0%9F%98%80$$), ($$%01$$), ($$%0A%0D%09$$), ($$%7F$$), ($${}$$), ($$u.ctid::text$$), ($$E'\x27'$$), ($$U&'\0027'$$);
CREATE TEMP TABLE place (n serial, query text);
INSERT INTO place (query) VALUES ('type=%s'), ('type.ne=%s'), ('type.gt=%s'), ('type.regex=%s'), ('id=%s'), ('date.gte=%s'), ('status=%s'), ('%s=1'), ('%s'), ('a.%s=1'), ('%s.b=1'), ('extra.%s=1'), ('extra.%s.ne=1'), ('extra.a.%s=1'), ('relatedParty.extra.%s=1'),
	('usageCharacteristic.%s=1'), ('usageCharacteristic.%s.ne=1'), ('usageCharacteristic.name=%s'), ('relatedParty.%s=1'), ('relatedParty.id=%s'), ('usageSpecification.%s=1'), ('usageSpecification.extra.%s=1'),
	('ratedProductUsage.taxRate=%s'), ('href=%s'), ('fields=%s'), ('fields=a.%s'), ('fields=extra.%s'), ('fields=relatedParty.extra.%s'), ('sort=%s'), ('sort=usageCharacteristic.%s'), ('sort=relatedParty.%s'), ('limit=%s'),
	('offset=%s'), ('after=%s'), ('filter=%s'), ('usageSpecCharacteristic.name=%s'), ('usageSpecCharacteristic.%s=x'), ('usageSpecCharacteristic.extra.%s=x'), ('targetEntitySchema.%s=1'), ('targetEntitySchema.extra.%s=1'),
	('relatedParty.alias.%s=1'), ('%s.gt=2'), ('type%s=2');
CREATE TEMP TABLE answer AS
SELECT replace(place.query, '%s', text) AS query, pg_temp.ask(replace(place.query, '%s', text)) AS answer FROM payload, place;
SELECT count(*) AS queries, count(*) FILTER (WHERE answer ~ '22023') AS refused FROM answer;
SELECT * FROM answer, regexp_split_to_table(answer, ' ') a WHERE length(a) = 5 AND a NOT IN ('22023', CASE WHEN query ~ '^filter' THEN '0A000' END);

-- The right answer where there is one
SELECT query, pg_temp.ask(query) FROM (VALUES (1, 'type=it%27s'), (2, 'type=it''s'), (3, 'type=it%27s'' OR 1=1'), (4, 'usageCharacteristic.dur%27ation=7'),
	(5, 'usageCharacteristic.dur''ation.gt=6'), (6, 'relatedParty.role=x%22y'), (7, 'extra.a''b.c"d=e$f'), (8, 'extra.a%27b.c%22d=e%24f'), (9, 'name=o''x'),
	(10, 'usageCharacteristic.big.gt=1e399'), (11, 'usageCharacteristic.big.gt=1e999999'), (12, 'usageCharacteristic.big.lt=99999')) v (n, query) ORDER BY n;

-- Not UTF-8, and zero bytes
SELECT query, pg_temp.ask(query) FROM (VALUES (1, 'type=%00'), (2, 'type=a%00b'), (3, '%00=1'), (4, 'fields=%00'), (5, 'sort=%00'), (6, 'after=%00'), (7, 'limit=%00'),
	(8, 'type=%FF'), (9, 'type=%C3'), (10, 'type=%C3%28'), (11, 'type=%E2%82'), (12, 'type=%C0%80'), (13, 'type=%ED%A0%80'), (14, 'type=%F4%90%80%80'), (15, '%FF=1'), (16, 'a,%FF'),
	(17, 'type=a,%FF'), (18, 'usageCharacteristic.%FF=1'), (19, 'usageCharacteristic.name=%FF'), (20, 'type.regex=%FF'), (21, '%C3%3E1'), (22, 'href=/usageManagement/usage/%25FF')) v (n, query)
ORDER BY n;

-- Size: a megabyte in every place, ten thousand of everything
SELECT what, pg_temp.ask(query) FROM (VALUES
	(1, 'value', 'type=' || repeat('a', 1000000)), (2, 'value of nobody', 'extra.nobody=' || repeat('''', 1000000)), (3, 'number', 'usageCharacteristic.big=' || repeat('9', 1000000)),
	(4, 'typed number', 'ratedProductUsage.taxRate=' || repeat('9', 1000000)), (5, 'date', 'date=' || repeat('2', 1000000)), (6, 'name', 'extra.' || repeat('a', 1000000) || '=1'),
	(7, 'encoded name', repeat('%61', 300000) || '%3E1'), (8, 'percent signs', repeat('%', 1000000)), (9, 'id', 'id=' || repeat('a', 1000000)), (10, 'after', 'after=' || repeat('a', 1000000)),
	(11, 'limit', 'limit=' || repeat('1', 1000000)), (12, 'sort key', 'sort=' || repeat('a', 1000000)), (13, 'characteristic', 'usageCharacteristic.' || repeat('a', 1000000) || '=1'),
	(14, 'field', 'fields=extra.' || repeat('a', 1000000)), (15, 'empty pairs', repeat('&', 1000000)), (16, 'operators', 'type' || repeat('=', 1000000)), (17, 'dots', repeat('.', 1000000) || '=1'),
	(18, 'deep name', 'extra.' || repeat('a.', 100000) || 'a=1'), (19, 'deep element', 'relatedParty.extra.' || repeat('a.', 100000) || 'a=1'), (20, 'deep schema', 'targetEntitySchema.extra.' || repeat('a.', 100000) || 'a=1'),
	(21, 'deep field', 'fields=extra.' || repeat('a.', 100000) || 'a'), (22, 'deep sort key', 'sort=' || repeat('a.', 100000) || 'a'), (23, 'deep characteristic', 'usageCharacteristic.' || repeat('a.', 100000) || 'a=1'),
	(24, 'commas', 'type=' || repeat(',', 1000000)), (25, 'ten thousand values', 'id=u1' || repeat(',u2', 9998)), (26, 'too many values', 'id=u1' || repeat(',u2', 10000)),
	(27, 'too many fields', 'fields=' || repeat('a,', 10000)), (28, 'too many keys', 'sort=' || repeat('type,', 10000)),
	(29, 'dates', 'date=2015-01-01T01:00:00Z' || repeat(',2015-01-01', 9998)), (30, 'values of nobody', 'extra.nobody=1' || repeat(',2', 9998)),
	(31, 'misspelt', repeat('a', 1000000) || '=1'), (32, 'misspelt field', 'fields=' || repeat('a', 1000000)), (33, 'misspelt in characters of four bytes', repeat('😀', 250000) || '=1')) v (n, what, query)
ORDER BY n;
SELECT what, pg_temp.ask(string_agg(query, '&')) FROM generate_series(1, 10000) i,
	LATERAL (VALUES (1, 'conditions', 'extra.a' || i || '=1'), (2, 'on one list', 'relatedParty.extra.a' || i || '=1'), (3, 'characteristics', 'usageCharacteristic.a' || i || '.gt=1'),
		(4, 'the same one', 'type=it%27s'), (5, 'limits', 'limit=5')) v (n, what, query)
GROUP BY n, what ORDER BY n;
-- as many as are allowed
SELECT what, pg_temp.ask(string_agg(query, '&')) FROM generate_series(1, 99) i,
	LATERAL (VALUES (1, 'conditions', 'extra.a' || i || '.ne=1'), (2, 'on one list', 'relatedParty.extra.a' || i || '.ne=1'), (3, 'characteristics', 'usageCharacteristic.a' || i || '.ne=1')) v (n, what, query)
GROUP BY n, what ORDER BY n;

-- Regular expressions: at most 1,000 characters, no back-references, and cancellable
SELECT what, pg_temp.ask(query) FROM (VALUES
	(1, 'a thousand', 'description.regex=' || repeat('a', 1000)), (2, 'one more', 'description.regex=' || repeat('a', 1001)), (3, 'a thousand of two bytes', 'description.regex=' || repeat('é', 1000)),
	(4, 'back-reference', 'description.regex=(a)%5C1'), (5, 'in BRE', 'description.regex=(?b)%5C(a%5C)%5C1'), (6, 'director', 'description.regex=***:(a)'), (7, 'unbalanced', 'description.regex=(a'),
	(8, 'bad class', 'description.regex=[b-a]'), (9, 'too complex', 'description.regex=((a{1,255}){1,255}){1,255}'), (10, 'nested stars', 'description.regex=^(a%2B)%2B$'),
	(11, 'nested stars, no match', 'description.regex=^(a*)*b$'), (12, 'alternation', 'description.regex=^(a|aa)%2Bc$'), (13, 'nested bounds', 'description.regex=^((a{0,20}){0,20}){0,20}$'),
	(14, 'lookahead', 'description.regex=^(?=(a%2B)%2Bb)(?!b)'), (15, 'parentheses', 'description.regex=' || repeat('(', 499) || 'a' || repeat(')', 499)), (16, 'brackets', 'description.regex=' || repeat('[a]*', 250)),
	(17, 'escaped backslash', 'description.regex=%5C%5C1'), (18, 'on a characteristic', 'usageCharacteristic.dur''ation.regex=(a)%5C1'), (19, 'on the unknown', 'extra.x.regex=(a)%5C1'),
	(20, 'on an element', 'relatedParty.role.regex=(x)%5C1'), (21, 'too complex, on an element', 'relatedParty.role.regex=((a{1,255}){1,255}){1,255}')) v (n, what, query)
ORDER BY n;
SET client_min_messages = warning;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
SELECT 'w' || n, '2016-01-01', 'WAIT', (SELECT string_agg(md5(i::text), '') FROM generate_series(n, n + 3000) i)
FROM generate_series(1, 200) n;
RESET client_min_messages;
SET statement_timeout = '200ms';
\set VERBOSITY sqlstate
SELECT clock_timestamp() AS started \gset
SELECT usage_mgmt.count_usages('type=WAIT&description.regex=([0-7].{30}[8-9].{30}[a-f].{30}){2}x');
SELECT count(*) FROM (SELECT usage_mgmt.get_usages('type=WAIT&description.regex=([0-7].{30}[8-9].{30}[a-f].{30}){2}x')) x;
SELECT clock_timestamp() - :'started' < interval '5 s' AS soon;
\set VERBOSITY default
RESET statement_timeout;
DELETE FROM usage_mgmt.usage WHERE usage_type = 'WAIT';

-- Nothing was changed
SELECT b.usages = (SELECT md5(string_agg(u::text, ',' ORDER BY id)) FROM usage_mgmt.usage u)
	AND b.specifications = (SELECT md5(string_agg(s::text, ',' ORDER BY id)) FROM usage_mgmt.usage_specification s)
	AND b.roles = (SELECT count(*) FROM pg_roles) AS intact
FROM before b;
SELECT count(*) AS portals FROM pg_cursors WHERE name <> '' AND statement !~ 'pg_cursors';

SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
