-- Queries: what a TMF630 query string means, and what it cannot mean.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;

DO $$ BEGIN
	PERFORM usage_mgmt.ensure_partitions('2015-01-01', '2015-02-28');
END $$;
SELECT count(usage_mgmt.post_usage(body)) FROM (VALUES
	('{"id": "a", "date": "2015-01-10T10:00:00Z", "type": "VOICE", "status": "guided", "description": "to Köln",
	  "usageCharacteristic": [{"name": "duration", "value": "100"}, {"name": "unit", "value": "SEC"}],
	  "relatedParty": [{"role": "customer", "id": "45"}, {"role": "payer", "id": "7"}], "priority": 3}'::json),
	('{"id": "b", "date": "2015-01-20", "type": "SMS", "description": "a,b;c", "usageSpecification": {"id": "s1"},
	  "usageCharacteristic": [{"name": "duration", "value": 20}], "location": {"cells": ["x", "y"], "city": {"name": "Bonn"}},
	  "relatedParty": [{"role": "payer", "id": "45", "level": {"n": 2}}]}'),
	('{"id": "c", "date": "2015-02-10", "type": "DATA", "status": "rated",
	  "ratedProductUsage": [{"ratingDate": "2015-02-11", "taxIncludedRatingAmount": 12, "taxExcludedRatingAmount": 10,
	  "taxRate": 20, "currencyCode": "EUR", "productRef": "http://p/1"}]}'),
	('{"id": "d e", "date": "2015-02-10", "type": "a=b", "usageCharacteristic": [{"name": "duration", "value": "long"}, {"name": "a,b", "value": "&"}]}')
	) v (body);
SELECT count(usage_mgmt.post_usage_specification(body)) FROM (VALUES
	('{"id": "s1", "name": "one", "targetEntitySchema": {"@type": "T"},
	  "usageSpecCharacteristic": [{"name": "duration", "usageSpecCharacteristicValue": [{"valueType": "number", "valueFrom": "0"}]}]}'::json),
	('{"id": "s2", "name": "two", "status": "active"}')) v (body);

-- Ids, or the SQLSTATE and message
CREATE FUNCTION pg_temp.ask(query text, version text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN ARRAY(SELECT usage_mgmt.get_usages(query, version) ->> 'id');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
CREATE FUNCTION pg_temp.ask_specifications(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN ARRAY(SELECT usage_mgmt.get_usage_specifications(query) ->> 'id');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;

-- One resource a row, whole or in part; the count takes no heed of the page
SELECT usage_mgmt.get_usages('status=guided');
SELECT usage_mgmt.get_usages('type=SMS&fields=usageType,date,relatedParty.role');
SELECT usage_mgmt.get_usages('usageType=SMS&fields=type,usageDate,relatedParty.role', 'v4');
SELECT usage_mgmt.get_usages('type=SMS&fields=none');
SELECT usage_mgmt.get_usages() ->> 'id' AS id ORDER BY 1;
SELECT usage_mgmt.get_usages(NULL, NULL) ->> 'id' AS id ORDER BY 1;
SELECT usage_mgmt.count_usages('sort=id&limit=1&offset=1'), usage_mgmt.count_usages('status=billed'), usage_mgmt.count_usages();
SELECT usage_mgmt.get_usage_specifications('name=two', 'v4');
SELECT usage_mgmt.count_usage_specifications('name.ne=two');

-- The forms of operators, alternatives and encodings
SELECT query, pg_temp.ask(query || '&sort=id') FROM (VALUES
	(1, '?type=SMS'), (2, '&&type=SMS&'), (3, 'type.eq=SMS'), (4, 'type==SMS'), (5, 'type%3D%3DSMS'), (6, 'type%3DSMS'), (7, 't%79pe=S%4dS'),
	(8, 'type=a%3Db'), (9, 'type=a=b'), (10, 'type%3E=SMS'), (11, 'type%3eSMS'), (12, 'type>SMS'), (13, 'type.ne=SMS'), (14, 'type!=SMS'), (15, 'type%21%3DSMS'),
	(16, 'type*=^[SV]'), (17, 'type=~^[SV]'), (18, 'type%2A%3D%5E%5BSV%5D'), (19, 'type*%3D^[SV]'),
	(20, 'type=SMS,DATA'), (21, 'type=SMS;DATA'), (22, 'type=SMS;type=DATA'), (23, 'type=SMS&type=DATA'), (24, 'type=SMS,type=DATA'),
	(25, 'description=a,b;c'), (26, 'description=a%2Cb%3Bc'), (27, 'description=to+K%C3%B6ln'), (28, 'description=to%20Köln'),
	(29, 'id=d+e'), (30, 'id=d%20e'), (31, 'id=d%2Be'), (32, 'description=%zz'), (33, 'description='), (34, 'description'),
	(35, 'href=/usageManagement/usage/d%2520e'), (36, 'href=/usageManagement/usage/d+e,/usageManagement/usage/a'), (37, 'href.ne=/usageManagement/usage/a'),
	(38, 'href=http://elsewhere/a'), (39, 'status=Guided'), (40, 'status.ne=received')) v (n, query)
ORDER BY n;

-- Elements of lists, characteristics and unknown attributes
SELECT query, pg_temp.ask(query || '&sort=id') FROM (VALUES
	(1, 'relatedParty.id=45'), (2, 'relatedParty.id=45&relatedParty.role=customer'), (3, 'relatedParty.id=7&relatedParty.role=customer'),
	(4, 'status=guided&relatedParty.id=45&usageCharacteristic.unit=SEC&date.lt=2016-01-01'),
	(5, 'relatedParty.role.ne=payer'), (6, 'relatedParty.extra.level.n=2'), (7, 'relatedParty.extra.level.n=2&relatedParty.role=customer'),
	(8, 'usageCharacteristic.duration.gt=60'), (9, 'usageCharacteristic.duration.lt=1e2'), (10, 'usageCharacteristic.duration.gt=l'),
	(11, 'usageCharacteristic.duration=1e2'), (12, 'usageCharacteristic.duration.ne=20'), (13, 'usageCharacteristic.name=duration&usageCharacteristic.value=20'),
	(14, 'usageCharacteristic.name=unit&usageCharacteristic.value=100'), (15, 'usageCharacteristic.a%2Cb=%26'),
	(16, 'usageCharacteristic.a%2Cb=x,a,b=y'), (17, 'usageCharacteristic.unit.ne=SEC&usageCharacteristic.duration.gt=0'),
	(18, 'extra.location.cells=y'), (19, 'extra.location.city.name=Bonn'), (20, 'extra.priority.gte=3'), (21, 'extra.priority.ne=3'), (22, 'usageSpecification.id=s1'),
	(23, 'usageSpecification.id.ne=s1'), (24, 'ratedProductUsage.taxRate.gt=10'), (25, 'ratedProductUsage.taxIncludedRatingAmount.value=12.00')) v (n, query)
ORDER BY n;
SELECT query, pg_temp.ask_specifications(query || '&sort=id') FROM (VALUES
	(1, 'usageSpecCharacteristic.usageSpecCharacteristicValue.valueType=number'), (2, 'specCharacteristic.characteristicValueSpecification.valueFrom.lt=1'),
	(3, 'targetEntitySchema.@type=T'), (4, 'targetEntitySchema.@type.ne=T'), (5, 'lifecycleStatus=active'), (6, 'limit=1&after=s1')) v (n, query)
ORDER BY n;

-- ne finds all that eq does not, whether anything is there or not; of a list, some element that is otherwise
SELECT condition, pg_temp.ask(replace(condition, '@', '') || '&sort=id') AS eq, pg_temp.ask(replace(condition, '@', '.ne') || '&sort=id') AS ne FROM (VALUES
	(1, 'type@=SMS'), (2, 'description@=a%2Cb%3Bc'), (3, 'description@=a%2Cb%3Bc,to+K%C3%B6ln'), (4, 'status@=guided,rated'), (5, 'date@=2015-01-20'),
	(6, 'usageSpecification.id@=s1'), (7, 'href@=/usageManagement/usage/a'), (8, 'extra.priority@=3'), (9, 'extra.location.cells@=x'), (10, 'usageCharacteristic.duration@=20,100'),
	(11, 'relatedParty.id@=45'), (12, 'relatedParty.extra.level.n@=2'), (13, 'usageCharacteristic.value@=20'), (14, 'ratedProductUsage.taxRate@=20')) v (n, condition)
ORDER BY n;
-- A characteristic's value is compared as a number where it is one, its name is text
SELECT count(usage_mgmt.post_usage('{"id": "n", "date": "2015-02-20", "type": "T", "usageCharacteristic": [{"name": "1", "value": "7"}]}'));
SELECT query, pg_temp.ask(query) FROM (VALUES (1, 'usageCharacteristic.name=1'), (2, 'usageCharacteristic.name=1.0'), (3, 'usageCharacteristic.name=1&usageCharacteristic.value=7.0'),
	(4, 'usageCharacteristic.1=7.0'), (5, 'usageCharacteristic.name.gte=1&usageCharacteristic.name.lt=10')) v (n, query)
ORDER BY n;
SELECT usage_mgmt.delete_usage('n');

-- Order and pages: what has no value comes last
SELECT query, pg_temp.ask(query) FROM (VALUES
	(1, 'sort=description'), (2, 'sort=-description'), (3, 'sort=date'), (4, 'sort=-date'), (5, 'sort=-date,id'), (6, 'sort=usageSpecification.id,-id'),
	(7, 'sort=relatedParty.id'), (8, 'sort=usageCharacteristic.duration'), (9, 'sort=-usageCharacteristic.duration'), (10, 'sort=%2Btype'), (11, 'sort=+type'),
	(12, 'sort=-ratedProductUsage.taxIncludedRatingAmount.value'), (13, 'sort=-status'), (14, 'limit=2'), (15, 'limit=2&offset=1'), (16, 'limit=2&after=a'),
	(17, 'after=c'), (18, 'after=c&sort=-date'), (19, 'after=c&sort=-id'), (20, 'after=b&sort=id'), (21, 'limit=0'), (22, 'offset=9')) v (n, query)
ORDER BY n;

-- What a query cannot mean
SELECT query, pg_temp.ask(query) FROM (VALUES
	(1, '=1'), (2, 'date=yesterday'), (3, 'date='), (4, 'date.regex=2015'), (5, 'status=sold'), (6, 'status.gt=rated'), (7, 'status='),
	(8, 'ratedProductUsage.taxRate=high'), (9, 'ratedProductUsage.isBilled=1'), (10, 'ratedProductUsage.taxRate=1e999999'),
	(11, 'relatedParty=45'), (12, 'usageCharacteristic=20'), (13, 'usageSpecification=s1'), (14, 'usageSpecification.id.deep=s1'),
	(15, 'href.gt=a'), (16, 'href.b=a'), (17, 'id.b=a'), (18, 'limit=-1'), (19, 'limit=ten'), (20, 'limit='), (21, 'offset=1e3'), (22, 'limit=99999999999999999999'),
	(23, 'sort=nothing'), (24, 'sort=relatedParty'), (25, 'sort=usageSpecification'), (26, 'sort=href'), (27, 'sort=usageCharacteristic'), (28, 'sort=relatedParty.validFor'),
	(29, 'after=z'), (30, 'after=a&sort=type'), (31, 'after=a&sort=date,type'), (32, 'type.regex=('), (33, 'type.regex=(a)\1'), (34, 'type.regex=***=a'), (35, 'filter=$[?(@.id==1)]')) v (n, query)
ORDER BY n;
SELECT pg_temp.ask_specifications('validFor=2015'), pg_temp.ask_specifications('usageSpecCharacteristic.validFor=2015');
SELECT pg_temp.ask('', 'v9');

-- A name that leads nowhere selects neither everything nor nothing: it is refused, with the nearest one that does
CREATE FUNCTION pg_temp.refused(query text, version text DEFAULT NULL, specifications boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	IF specifications THEN
		RETURN usage_mgmt.count_usage_specifications(query, version);
	END IF;
	RETURN usage_mgmt.count_usages(query, version);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, NULLIF(hint, ''));
END
$$;
SELECT query, pg_temp.refused(query) AS "r14.5", NULLIF(pg_temp.refused(query, 'v4'), pg_temp.refused(query)) AS "otherwise in v4" FROM (VALUES
	(1, 'nosuch.ne=1'), (2, 'nosuch.deep.ne=1'), (3, 'statsu=rated'), (4, 'lmit=1'), (5, 'usage_date.gte=2015-01-01'), (6, 'usage_specification_id=s1'), (7, 'STATUS=rated'), (8, 'currency_code=EUR'),
	(9, 'relatedParty.rol=payer'), (10, 'relatedParty.validFor.startDate.gt=2015-01-01'), (11, 'usageSpecification.nam=x'), (12, 'ratedProductUsage.amount=1'), (13, 'ratedProductUsage.taxIncludedRatingAmount.ammount=1'),
	(14, 'usageDate.gtee=2015-01-01'), (15, 'status.not=rated'), (16, 'id.a.b=1'), (17, 'limit.gt=1'), (18, 'limit>1'), (19, 'limt>1'),
	(20, 'extra=1'), (21, 'extra.ne=1'), (22, 'extra.status=rated'), (23, 'extra.usageDate.gt=2015-01-01'), (24, 'relatedParty.extra=1'), (25, 'relatedParty.extra.role.ne=payer'),
	(26, 'usageSpecification.extra.name=x'), (27, '=1'), (28, '.=1'), (29, 'extra.=1'), (30, 'Straße=1'), (31, 'straße.n=1'),
	(32, 'fields=id,statsu'), (33, 'fields=priority'), (34, 'fields=relatedParty.rol'), (35, 'fields=status.x'), (36, 'sort=statsu'), (37, 'sort=-relatedParty.nam'), (38, 'sort=extra.priority'),
	(39, 'all=false'), (40, 'all='), (41, 'all.ne=true'), (42, 'depth=1'), (43, 'expand=relatedParty'), (44, 'before=a'), (45, 'filter=$'), (46, 'depth.gt=1')) v (n, query)
ORDER BY n;
SELECT query, pg_temp.refused(query, 'r14.5', true) AS "r14.5", NULLIF(pg_temp.refused(query, 'v4', true), pg_temp.refused(query, 'r14.5', true)) AS "otherwise in v4" FROM (VALUES
	(1, 'statsu=active'), (2, 'usageSpecCharacteristic.nam=duration'), (3, 'usageSpecCharacteristic.usageSpecCharacteristicValue.valuetype=number'), (4, 'targetEntitySchema.type=T'),
	(5, 'targetEntitySchema=T'), (6, 'targetEntitySchema.extra=T'), (7, 'targetEntitySchema.extra.@type=T'), (8, 'usageSpecCharacteristic.extra.name=duration'), (9, 'attachment.mime.ne=x'), (10, 'date=2015-01-01')) v (n, query)
ORDER BY n;
-- all=true says nothing more where nothing is changed; what the model does not know may be called as it likes
SELECT query, pg_temp.ask(query || '&sort=id') FROM (VALUES (1, 'all=true'), (2, 'all=true&type=SMS'), (3, 'extra.nosuch.ne=1'), (4, 'extra.nosuch=1'), (5, 'extra.location.city.name.ne=Bonn'),
	(6, 'relatedParty.alias.any.thing=1'), (7, 'usageCharacteristic.any.thing=1'), (8, 'usageCharacteristic.extra.thing.ne=1')) v (n, query)
ORDER BY n;
-- fields are called by any of an attribute's names, older ones and those of the other version too
SELECT name, usage_mgmt.get_usage('a', name) FROM unnest(usage_mgmt.attribute_names('usage', 'description') || usage_mgmt.attribute_names('usage', 'usage_date')) name;
SELECT version, name, usage_mgmt.get_usage('c', replace(name, ':', 'ratedProductUsage.'), version) -> 'ratedProductUsage' -> 0 AS rating
FROM unnest('{r14.5,v4}'::text[]) version, unnest('{:taxIncludedAmount,:taxIncludedRatingAmount.amount,:taxIncludedAmount.currencyCode,:taxExcludedAmount.value}'::text[]) name;
-- by two names of one attribute what either asks for; the whole of it where one does; and of a longer name no shorter one
SELECT usage_mgmt.post_usage_specification('{"id": "named", "name": "n", "usageSpecCharacteristic": [{"name": "duration", "description": "how long", "valueType": "number",
	"usageSpecCharacteristicValue": [{"valueType": "number", "value": "1", "valueFrom": "0"}]}]}') ->> 'id' AS id;
SELECT fields, usage_mgmt.get_usage_specification('named', fields) FROM unnest(ARRAY['usageSpecCharacteristic.name,specCharacteristic.description', 'specCharacteristic.name,usageSpecCharacteristic.description',
	'specCharacteristic.name,usageSpecCharacteristic', 'usageSpecCharacteristic.name,specCharacteristic', 'specCharacteristic.characteristicValueSpecification.valueFrom']) fields;
DELETE FROM usage_mgmt.usage_specification WHERE id = 'named';
-- fields are attributes, or unknown ones below extra
SELECT usage_mgmt.get_usages('type=SMS&fields=type,extra.location,relatedParty.extra.level');
SELECT usage_mgmt.get_usages('type=SMS&fields=extra');
SELECT usage_mgmt.get_usage('b', 'extra.location.city,extra.nosuch');
\set VERBOSITY sqlstate
SELECT usage_mgmt.get_usage('b', 'location');
SELECT usage_mgmt.get_usage_specification('s1', 'usageSpecCharacteristic.nam');
SELECT usage_mgmt.get_usages('fields=location');
\set VERBOSITY default

-- What @type and its like say is an attribute of any version
SELECT count(usage_mgmt.post_usage(body, 'v4')), count(usage_mgmt.post_usage_specification(specification, 'v4')) FROM (VALUES
	('{"id": "t1", "usageDate": "2015-02-20", "@type": "VoiceUsage", "@baseType": "Usage", "@schemaLocation": "http://s/1"}'::json, '{"id": "T", "@type": "VoiceSpecification"}'::json)) v (body, specification);
SELECT type, base_type, schema_location, extra FROM usage_mgmt.usage WHERE id = 't1';
SELECT type, base_type, schema_location, extra FROM usage_mgmt.usage_specification WHERE id = 'T';
SELECT usage_mgmt.get_usages('@type=VoiceUsage', 'v4'), usage_mgmt.get_usages('@type=VoiceUsage&@baseType=Usage&fields=@type', 'r14.5');
SELECT usage_mgmt.get_usage_specifications('@type.regex=^Voice');
SELECT pg_temp.ask('@type.ne=VoiceUsage&sort=-@type');
SELECT usage_mgmt.patch_usage('t1', '{"@type": "Usage", "@baseType": null}');
\set VERBOSITY terse
UPDATE usage_mgmt.usage SET extra = '{"@type": "x"}' WHERE id = 't1';
\set VERBOSITY default
SELECT usage_mgmt.delete_usage('t1'), usage_mgmt.delete_usage_specification('T');

-- Statements on a collection refuse pages
\set VERBOSITY terse
SELECT usage_mgmt.delete_usages('limit=1');
SELECT usage_mgmt.delete_usages('after=a');
-- another name behind a semicolon would be a value that nothing has, or all have not
\set VERBOSITY default
SELECT usage_mgmt.delete_usages('id.ne.ne=1');
\set VERBOSITY terse
SELECT usage_mgmt.delete_usages('id.ne=zz;statsu=rated');
SELECT usage_mgmt.count_usages('type=SMS;status=rated');
SELECT usage_mgmt.count_usages('type=none;a%3Db');
SELECT usage_mgmt.delete_usages('relatedParty.role=payer&type=SMS');
SELECT pg_temp.ask('sort=id');
\set VERBOSITY default

SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
DO $$ BEGIN
	PERFORM usage_mgmt.drop_partitions('2016-01-01');
END $$;
