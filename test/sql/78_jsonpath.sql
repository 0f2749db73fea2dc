-- filter=, the JSONPath of TMF630, part 6: what it means, and what it cannot mean.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = ISO;

SELECT count(usage_mgmt.post_usage(body)) FROM (VALUES
	('{"id": "a", "date": "2015-01-10T10:00:00Z", "type": "VOICE", "status": "guided", "description": "to Köln",
	  "usageCharacteristic": [{"name": "duration", "value": "100", "unitOfMeasure": "SEC"}, {"name": "unit", "value": "SEC"}],
	  "relatedParty": [{"role": "customer", "id": "45"}, {"role": "payer", "id": "7"}], "priority": 3}'::json),
	('{"id": "b", "date": "2015-01-20", "type": "SMS", "description": "it''s \"a\\b\"", "usageSpecification": {"id": "s1"},
	  "usageCharacteristic": [{"name": "duration", "value": 20}], "location": {"cells": ["x", "y"], "city": {"name": "Bonn"}, "none": null, "nothing": []},
	  "relatedParty": [{"role": "payer", "id": "45", "level": {"n": 2}}, {"role": "carrier", "id": "045", "validFor": {"startDateTime": "2014-01-01"}}]}'),
	('{"id": "c", "date": "2015-02-10", "type": "DATA", "status": "rated", "usageSpecification": {"version": "2"},
	  "ratedProductUsage": [{"ratingDate": "2015-02-11", "taxIncludedRatingAmount": 12, "taxExcludedRatingAmount": 10,
	  "taxRate": 20, "currencyCode": "EUR", "productRef": "http://p/1", "billRef": "B1"}]}'),
	('{"id": "d", "date": "2015-02-10", "type": "20", "priority": "3.0", "hot": true, "my.own": 1,
	  "usageCharacteristic": [{"name": "duration", "value": "long"}, {"name": "cell.name", "value": true}, {"name": "a,b", "value": "&"}]}')
	) v (body);
SELECT count(usage_mgmt.post_usage_specification(body)) FROM (VALUES
	('{"id": "s1", "name": "one", "targetEntitySchema": {"@type": "T"}, "validFor": {"startDateTime": "2014-01-01"},
	  "usageSpecCharacteristic": [{"name": "duration", "validFor": {"endDateTime": "2016-01-01"}, "usageSpecCharacteristicValue": [{"valueType": "number", "valueFrom": "5"}, {"valueType": "string", "valueFrom": "ten"}]},
		{"name": "unit", "usageSpecCharacteristicValue": [{"valueType": "string", "value": "SEC"}]}]}'::json),
	('{"id": "s2", "name": "two", "status": "active"}')) v (body);

-- Ids, or the SQLSTATE, message and hint
CREATE FUNCTION pg_temp.ask(filter text, version text DEFAULT NULL, rest text DEFAULT '&sort=id', resource text DEFAULT 'usage') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
	ids text;
BEGIN
	EXECUTE format('SELECT ARRAY(SELECT usage_mgmt.get_%ss($1, $2) ->> ''id'')', resource) INTO ids USING 'filter=' || filter || rest, version;
	RETURN ids;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE || ': ' || SQLERRM, NULLIF(replace(hint, 'A filter is written $[?(@.name == ''value'')], or $.list[?(@.name == ''value'')] for an element of a list.', ''), ''));
END
$$;

-- The forms of an expression
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, $$$[?(@.status=='guided')]$$), (2, $$[?(@.status=='guided')]$$), (3, $$$.[?(@.status=='guided')]$$), (4, $$ $ [ ? ( @ .status  == "guided" ) ] $$), (5, $$$[?@.status=='guided']$$),
	(6, $$$.relatedParty[?(@.id=='7')]$$), (7, $$relatedParty[?(@.id=='7')]$$), (8, $$$['relatedParty'][?(@['id']=='7')]$$), (9, $$$[*].relatedParty[?(@.id=='7')]$$), (10, $$[*]['relatedParty'][*].id$$),
	(11, $$$[?(@.relatedParty[?(@.id=='7')])]$$), (12, $$$[?(@.relatedParty[*].id=='7')]$$), (13, $$$[?(@.relatedParty.id=='7')]$$), (14, $$$[?(@.relatedParty[?(@.role=='payer')].id=='7')]$$), (15, $$relatedParty[?(@.role=='carrier')].validFor$$),
	(16, $$$[?('guided'==@.status)]$$), (17, $$$[?(60<@.usageCharacteristic.duration)]$$), (18, $$description$$), (19, $$$.usageCharacteristic.unit$$),
	(20, $$$[?(@.id=='a')],$[?(@.id=='c')]$$), (21, $$[?(@.id=='a')];relatedParty[?(@.role=='carrier')]$$), (22, $$$[?(@.type=='VOICE')].relatedParty[?(@.id=='45')]$$), (23, $$$[?(@.type=='VOICE')].usageSpecification$$)) v (n, filter)
ORDER BY n;

-- And, or, not, and what binds closer
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, $$[?(@.id=='a' || @.id=='b' && @.type=='DATA')]$$), (2, $$[?((@.id=='a' || @.id=='b') && @.type=='SMS')]$$), (3, $$[?(!(@.id=='a'))]$$), (4, $$[?(!(@.id=='a' || @.id=='b') && @.type!='DATA')]$$),
	(5, $$[?(!!(@.id=='a'))]$$), (6, $$[?(!@.usageSpecification)]$$), (7, $$[?(!@.usageSpecification.id)]$$), (8, $$[?(!!!@.relatedParty)]$$), (9, $$[?(@.id=='a') || (@.id=='b')]$$), (10, $$[?(@.id=='a' || @.id=='b' || @.id=='c') && !(@.id=='b')]$$),
	(11, $$[?(((@.id))=='a')]$$), (12, $$[?(!@.id=='a')]$$)) v (n, filter)
ORDER BY n;

-- Conditions in the brackets of a list are on one element; without brackets, each on any. Not is of the element, or of the list
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, $$relatedParty[?(@.id=='45' && @.role=='payer')]$$), (2, $$[?(@.relatedParty.id=='45' && @.relatedParty.role=='payer')]$$), (3, $$relatedParty[?(@.role!='payer')]$$), (4, $$[?(@.relatedParty.role!='payer')]$$),
	(5, $$[?(!(@.relatedParty.role=='payer'))]$$), (6, $$[?(!@.relatedParty[?(@.role=='payer')])]$$), (7, $$[?(@.relatedParty[?(@.id=='45')] && !@.relatedParty[?(@.role=='customer')])]$$),
	(8, $$relatedParty[?(@.id=='45' || @.id=='7')]$$), (9, $$usageCharacteristic[?(@.name=='unit' && @.value=='100')]$$), (10, $$usageCharacteristic[?(@.name=='duration' && @.value!=20)]$$), (11, $$ratedProductUsage[?(@.extra.billRef=='B1' && @.taxRate==20)]$$),
	(12, $$relatedParty[?(@.validFor)]$$), (13, $$relatedParty[?(!@.validFor)]$$), (14, $$usageCharacteristic[?(@.extra.unitOfMeasure=='SEC')]$$), (15, $$usageCharacteristic[?(!@.extra.unitOfMeasure)]$$), (16, $$usageCharacteristic[*].extra.unitOfMeasure$$), (17, $$[?(@.usageCharacteristic[*].extra.unitOfMeasure=='SEC')]$$), (18, $$[?(@.usageCharacteristic.extra.unitOfMeasure=='SEC')]$$), (19, $$relatedParty[*]$$)) v (n, filter)
ORDER BY n;
SELECT filter, pg_temp.ask(filter, version, resource => 'usage_specification') FROM (VALUES
	(1, 'r14.5', $$usageSpecCharacteristic[?(@.name=='duration' && @.usageSpecCharacteristicValue[?(@.valueType=='number')])]$$), (2, 'r14.5', $$usageSpecCharacteristic[?(@.name=='unit' && @.usageSpecCharacteristicValue[?(@.valueType=='number')])]$$),
	(3, 'v4', $$specCharacteristic[?(@.name=='duration')].characteristicValueSpecification[?(@.valueType=='number' && @.valueFrom>=5)]$$), (4, 'v4', $$specCharacteristic.characteristicValueSpecification[?(@.value=='SEC')]$$),
	(5, 'v4', $$specCharacteristic[?(@.characteristicValueSpecification[?(@.valueFrom>7)])]$$), (6, 'v4', $$specCharacteristic[?(@.characteristicValueSpecification[?(@.valueFrom>'7')])]$$), (7, 'v4', $$specCharacteristic[?(@.validFor)]$$), (8, 'v4', $$specCharacteristic[?(@.validFor.startDateTime)]$$),
	(9, 'v4', $$[?(@.targetEntitySchema)]$$), (10, 'v4', $$[?(!@.targetEntitySchema['@type'])]$$), (11, 'v4', $$[?(@.validFor)]$$), (12, 'v4', $$[?(@.lifecycleStatus=='active')]$$), (13, 'v4', $$[?(!@.specCharacteristic)]$$)) v (n, version, filter)
ORDER BY n;

-- Values: in quotes as in a query string; a number without is one, and compares with nothing else; null is nothing
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, $$usageCharacteristic[?(@.name=='duration' && @.value>60)]$$), (2, $$usageCharacteristic[?(@.name=='duration' && @.value>'60')]$$), (3, $$[?(@.usageCharacteristic.duration>60)]$$), (4, $$[?(@.usageCharacteristic.duration>'60')]$$),
	(5, $$[?(@.usageCharacteristic.duration==1e2)]$$), (6, $$[?(@.usageCharacteristic.duration=='100.0')]$$), (7, $$[?(@.usageCharacteristic.duration!=20)]$$), (8, $$relatedParty[?(@.id==45)]$$), (9, $$relatedParty[?(@.id=='045')]$$),
	(10, $$relatedParty[?(@.id==45 && @.role=='carrier')]$$), (11, $$relatedParty[?(@.id>=8)]$$), (12, $$[?(@.type==20)]$$), (13, $$[?(@.type<20.5)]$$), (14, $$[?(@.type<'20.5')]$$), (15, $$[?(@.extra.priority==3)]$$), (16, $$[?(@.extra.priority<=-3e0)]$$),
	(17, $$[?(@.extra.hot==true)]$$), (18, $$[?(@.extra.hot!=true)]$$), (19, $$[?(@.extra.hot=='true')]$$), (20, $$[?(@.usageCharacteristic['cell.name']==true)]$$), (21, $$ratedProductUsage[?(@.isBilled==false)]$$), (22, $$ratedProductUsage[?(@.taxRate>='19.5')]$$),
	(23, $$[?(@.description==null)]$$), (24, $$[?(@.description!=null)]$$), (25, $$[?(@.extra.location.none==null && @.id=='b')]$$), (26, $$[?(@.extra.location.none)]$$), (27, $$[?(@.extra.location.nothing)]$$), (28, $$[?(@.extra.location.cells)]$$), (29, $$[?(@.extra.location.cells=='y')]$$),
	(30, $$[?(@.extra['location']["city"].name=='Bonn')]$$), (31, $$[?(@.date<'2015-01-15')]$$), (32, $$[?(@.date=='2015-01-10T11:00:00%2B01:00')]$$), (33, $$[?(@.href=='/usageManagement/usage/a')]$$), (34, $$[?(@.href)]$$), (35, $$[?(@.status=='Guided')]$$),
	(36, $$[?(@.type=~/^v/i)]$$), (37, $$[?(@.type=~/^v/)]$$), (38, $$[?(@.type=~'^V|^S')]$$), (39, $$[?(@.description=~/\\b"$/)]$$), (40, $$[?(@.description=='it\'s "a\\b"')]$$), (41, $$[?(@.description=="it's \"a\\b\"")]$$), (42, $$[?(@.description=='to K\u00f6ln')]$$), (43, $$[?(@.description=='to Köln')]$$),
	(44, $$[?(@.description=='\ud83d\ude00')]$$), (45, $$[?(@.usageCharacteristic['a,b']=='%26')]$$), (46, $$[?(@.date>20150101)]$$), (47, $$[?(@.status==1)]$$), (48, $$ratedProductUsage[?(@.taxRate=='high')]$$), (49, $$ratedProductUsage[?(@.isBilled==1)]$$), (50, $$[?(@.status>'a')]$$), (51, $$[?(@.date=~'2015')]$$),
	(52, $$[?(@.relatedParty=='x')]$$), (53, $$[?(@.href>'a')]$$)) v (n, filter)
ORDER BY n;

-- Several filters, and conditions besides, must all hold; order, page and fields are as ever. && may stand in the open
SELECT n, pg_temp.ask(filter, rest => rest) FROM (VALUES
	(1, $$[?(@.type!='SMS')]$$, $$&filter=[?(@.type!='DATA')]&sort=id$$), (2, $$[?(@.type!='SMS')]$$, '&type.ne=DATA&sort=-id'), (3, $$[?(@.relatedParty)]$$, '&limit=1&sort=-id'), (4, $$[?(@.id=='a'&&@.type=='VOICE')]$$, '&limit=1'), (5, $$[?(@.id=='a'%26%26@.type=='VOICE')]$$, '&limit=1'),
	(6, $$%5B%3F(%40.id%3D%3D'a'&&%40.type%3D%3D'VOICE')%5D$$, '&&limit=1'), (7, $$[?(@.id=='a'$$, $$&type=='VOICE')]$$), (8, $$[?(@.id=='a')]$$, '&&type=SMS'), (9, $$[?(@.date>='2015-01-15')]$$, '&limit=1'), (10, $$[?(@.date>='2015-01-15')]$$, '&after=b&limit=5')) v (n, filter, rest)
ORDER BY n;
SELECT usage_mgmt.get_usages($$filter=[?(@.type=='SMS')]&fields=type$$), usage_mgmt.count_usages($$filter=[?(@.relatedParty)]&limit=1$$);
SELECT usage_mgmt.count_usages($$filter.eq=[?(@.type=='SMS')]$$);
SELECT pg_temp.ask($$[?(@.usageType=='SMS' && @.usageDate<'2015-02-01')]$$, version) FROM (VALUES ('v4'), ('r14.5')) v (version);
SELECT pg_temp.ask($$[?(@.ratedProductUsage[?(@.productRef.href=='http://p/1' && @.taxIncludedRatingAmount.value>=12 && @.taxIncludedRatingAmount.unit=='EUR')])]$$, 'v4');

-- What it means is what a query string means that says the same
SELECT filter, query FROM (VALUES
	($$[?(@.type=='SMS')]$$, 'type=SMS'), ($$[?(@.type!='SMS')]$$, 'type.ne=SMS'), ($$[?(@.type=='SMS'||@.type=='DATA')]$$, 'type=SMS,DATA'), ($$[?(@.description!='x')]$$, 'description.ne=x'), ($$[?(@.date>='2015-01-20' && @.date<'2015-02-10')]$$, 'date.gte=2015-01-20&date.lt=2015-02-10'),
	($$relatedParty[?(@.id=='45' && @.role=='payer')]$$, 'relatedParty.id=45&relatedParty.role=payer'), ($$relatedParty[?(@.role!='payer')]$$, 'relatedParty.role.ne=payer'), ($$[?(@.usageCharacteristic.duration!='20')]$$, 'usageCharacteristic.duration.ne=20'),
	($$[?(@.extra.priority!='3')]$$, 'extra.priority.ne=3'), ($$[?(@.extra.location.cells!='x')]$$, 'extra.location.cells.ne=x'), ($$[?(@.usageSpecification.id!='s1')]$$, 'usageSpecification.id.ne=s1'), ($$[?(@.usageCharacteristic.duration>'20')]$$, 'usageCharacteristic.duration.gt=20'),
	($$usageCharacteristic[?(@.name=='duration' && @.value=~'^1')]$$, 'usageCharacteristic.name=duration&usageCharacteristic.value.regex=^1')) v (filter, query)
WHERE ARRAY(SELECT usage_mgmt.get_usages('sort=id&filter=' || filter) ->> 'id') <> ARRAY(SELECT usage_mgmt.get_usages('sort=id&' || query) ->> 'id');

-- No JSONPath: 22023, with the place in characters
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, ''), (2, ' '), (3, $$@.id$$), (4, $$?(@.id)$$), (5, $$(@.id)$$), (6, $$[]$$), (7, $$[?]$$), (8, $$[?()]$$), (9, $$[?(@.id]$$), (10, $$[?(@.id)$$), (11, $$[?(@.id=='a')]]$$), (12, $$[?(@.id=='a'))]$$), (13, $$[?(@.id=='a')] x$$), (14, $$[?(@.id=a)]$$), (15, $$[?(@.id=='a)]$$), (16, $$[?(@.id==)]$$),
	(17, $$[?(@.id==a)]$$), (18, $$[?(@.id='a')]$$), (19, $$[?(@.id<>'a')]$$), (20, $$[?(@.id=='a' &)]$$), (21, $$[?(@.id=='a' and @.id)]$$), (22, $$[?(@.id=='a' &&%26)]$$), (23, $$[?(@.id=='a' | @.id)]$$), (24, $$[?(@.description=='Köln' @.id)]$$), (25, $$[?(@.)]$$), (26, $$[?(@.id.)]$$),
	(27, $$[?(@['id)]$$), (28, $$[?(@[id]=='a')]$$), (29, $$[?('a')]$$), (30, $$[?(true)]$$), (31, $$[?(id=='a')]$$), (32, $$[?(@.id=='\x')]$$), (33, $$[?(@.id=='\u12')]$$), (34, $$[?(@.id=='\u0000')]$$), (35, $$[?(@.id=='\ud83d')]$$), (36, $$[?(@.id==01)]$$), (37, $$[?(@.id==1.)]$$), (38, $$[?(@.id==1e999999)]$$), (39, $$[?(@.id==.5)]$$), (40, $$[?(@.id==-)]$$),
	(41, $$[?(@.id=~5)]$$), (42, $$[?('a'=~@.id)]$$), (43, $$[?(@.id==/a/)]$$), (44, $$[?(@.id=~/a)]$$), (45, $$[?(@.id=~/(/)]$$), (46, $$[?(@.id=~/(a)\1/)]$$), (47, $$[?(@.extra.hot>true)]$$), (48, $$[?(@.id<null)]$$), (49, $$[?(@.status[?(@.id)])]$$), (50, $$[?(!@.id=='a')]$$), (51, $$[?(@.id!'a')]$$), (52, $$$.status=='guided'$$), (53, $$status=='guided'$$), (55, '$status'), (54, E'[?(@.id==''a\x01b'')]')) v (n, filter)
ORDER BY n;
-- A name that leads nowhere, from where it begins on
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, $$[?(@.statsu=='guided')]$$), (2, $$[?(@.relatedPart[?(@.id=='45')])]$$), (3, $$relatedParty[?(@.rol=='payer')]$$), (4, $$[?(@.relatedParty.rol=='payer')]$$), (5, $$usageCharacteristic[?(@.nam=='duration')]$$), (6, $$[?(@.status.eq=='guided')]$$), (7, $$[?(@.priority==3)]$$), (8, $$[?(@.extra.status=='guided')]$$),
	(9, $$relatedPart[?(@.id=='45')]$$), (10, $$[?(@.usageSpecification.nam)]$$), (11, $$[?(@.extra)]$$), (12, $$[?(@.limit==1)]$$)) v (n, filter)
ORDER BY n;
-- What JSONPath can and we cannot: 0A000
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, '$'), (2, '$[*]'), (3, '$..id'), (4, '$.*'), (5, '$[0]'), (6, '$[1:2]'), (7, '$[-1:]'), (8, '$[:2]'), (9, '$[(@.length-1)]'), (10, $$$['id','type']$$), (11, $$[?(@.id==@.type)]$$), (12, $$[?(@.id==$.type)]$$), (13, $$[?($.id=='a')]$$), (14, $$[?(length(@.id)==1)]$$), (15, $$[?(@.relatedParty.length()==1)]$$), (16, $$[?(@.id==length('a'))]$$),
	(17, $$[?(@.id in ['a'])]$$), (18, $$[?(@.id==['a'])]$$), (19, $$[?(@.id=={})]$$), (20, $$[?(@.extra.priority%2B1==4)]$$), (21, $$[?(@.extra.priority==4-1)]$$), (22, $$[?(@.extra.priority*2>4)]$$), (23, $$[?(@.id==='a')]$$), (24, $$[?(@.relatedParty[0].id=='45')]$$), (25, $$[?(@.relatedParty[0,1].id=='45')]$$), (26, $$[?(@..id=='45')]$$), (27, $$[?(@.*=='45')]$$),
	(28, $$[?(@)]$$), (29, $$[?(@=='a')]$$), (30, $$[?(1==1)]$$), (31, $$[?(@.extra.location[?(@.city)])]$$), (32, $$[?(@.extra['my.own']==1)]$$), (33, $$[?(@.usageSpecification[*]=='s1')]$$), (34, $$[?(@.id=~/a/x)]$$), (35, $$relatedParty[?(@.id=='45')][?(@.role=='payer')]$$), (36, $$[?(@.id)][?(@.type)]$$), (37, $$[?(@.id),?(@.type)]$$), (38, $$[?(@.relatedParty[?(@.id)]=='x')]$$), (39, $$relatedParty[*][?(@.id=='45')]$$)) v (n, filter)
ORDER BY n;
SELECT usage_mgmt.count_usages('depth=1');
SELECT usage_mgmt.count_usages('expand=relatedParty');

-- A filter is a condition of what is changed or deleted
SELECT usage_mgmt.patch_usages($$filter=[?(@.type=='SMS' || @.type=='DATA')]$$, '{"note": "n"}'), usage_mgmt.patch_usages($$filter=[?(@.extra.note)]&type=SMS$$, '{"note": null}');
SELECT pg_temp.ask('[?(@.extra.note)]');
SELECT n, code FROM usage_mgmt.patch_usages_each($$filter=[?(@.type=='DATA')]$$, '{"id": "z"}') WITH ORDINALITY e (id, code, errors, n);
SELECT usage_mgmt.patch_usages('filter=', '{"note": "n"}');
SELECT usage_mgmt.patch_usages('filter=$', '{"note": "n"}');
SELECT usage_mgmt.delete_usages($$filter=[?(@.statsu!='guided')]$$);
SELECT usage_mgmt.delete_usages($$filter=[?(!@.statsu)]$$);
-- and no name that might be misspelt leads to everything: what is denied of it is asked of what has it
CREATE FUNCTION pg_temp.found(filter text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n int;
	id text;
BEGIN
	n := usage_mgmt.patch_usages('filter=' || filter, '{"found": true}');
	id := pg_temp.ask('[?(@.extra.found==true)]');
	PERFORM usage_mgmt.patch_usages('all=true', '{"found": null}');
	RETURN n || ' ' || id;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT filter, pg_temp.ask(filter) AS asked, pg_temp.found(filter) AS changed FROM (VALUES
	(1, $$[?(@.extra.prioriyt!=3)]$$), (2, $$[?(@.extra.priority!=4)]$$), (3, $$[?(!(@.extra.prioriyt==3))]$$), (4, $$[?(!(@.extra.priority==4))]$$), (5, $$[?(!(@.extra.priority==4 || @.type=='SMS'))]$$), (6, $$[?(!(@.type=='SMS'))]$$), (7, $$[?(@.description!='x')]$$),
	(8, $$[?(@.usageCharacteristic.duraton!=20)]$$), (9, $$[?(@.usageCharacteristic.duration!=20)]$$), (10, $$[?(!(@.usageCharacteristic.duration>20))]$$), (26, $$[?(!(@.usageCharacteristic.duraton>20))]$$), (11, $$[?(!@.relatedParty[?(@.extra.level.n==3)])]$$), (12, $$[?(!@.relatedParty[?(@.extra.levle.n==3)])]$$), (13, $$[?(!@.relatedParty[?(@.role=='payer')])]$$),
	(14, $$[?(!@.extra.priority)]$$), (15, $$[?(@.extra.priority==null)]$$), (16, $$[?(!@.relatedParty.extra.levle)]$$), (17, $$[?(!@.usageCharacteristic.duraton)]$$), (18, $$[?(@.extra.priority)]$$), (19, $$[?(!!@.extra.priority)]$$), (20, $$[?(!(!(@.extra.priority==3)))]$$), (21, $$[?(!(@.extra.prioriyt!=3))]$$),
	(22, $$[?(!@.usageSpecification)]$$), (23, $$[?(@.type=='SMS' || !(@.extra.prioriyt==3))]$$), (24, $$usageCharacteristic[?(@.extra.unitOfMeasure!='MIN')]$$), (25, $$[?(!@.usageCharacteristic[?(@.extra.unitOfMeasure=='MIN')])]$$)) v (n, filter)
ORDER BY n;
BEGIN;
SELECT usage_mgmt.delete_usages($$filter=[?(@.type=='SMS')]&filter=[?(@.relatedParty.role=='payer')]$$);
SELECT pg_temp.ask('[?(@.id)]');
ROLLBACK;

-- The query of who listens has one, too
SELECT usage_mgmt.event_of(u, 'create', query => $$filter=[?(@.type=='SMS')]&fields=usage.id$$) IS NOT NULL FROM usage_mgmt.usage u ORDER BY id;
\set VERBOSITY sqlstate
SELECT usage_mgmt.event_of(u, 'create', query => $$filter=[?(@.typ=='SMS')]$$) FROM usage_mgmt.usage u WHERE id = 'a';
SELECT usage_mgmt.event_of(u, 'create', query => $$filter=[?(@.type=='SMS'$$) FROM usage_mgmt.usage u WHERE id = 'a';
\set VERBOSITY default

-- Limits: those of a query string, and nesting
SELECT what, length(filter), left(pg_temp.ask(filter), 90) FROM (VALUES
	(1, 'conditions', '[?(' || repeat($$@.id=='a' || $$, 99) || $$@.id=='b')]$$), (2, 'one more', '[?(' || repeat($$@.id=='a' || $$, 100) || $$@.id=='b')]$$), (3, 'deep', '[?(' || repeat('(', 98) || $$@.id=='a'$$ || repeat(')', 98) || ')]'), (4, 'deeper', '[?(' || repeat('(', 99) || $$@.id=='a'$$ || repeat(')', 99) || ')]'),
	(5, 'nots', '[?(' || repeat('!', 98) || $$(@.id=='a'))]$$), (6, 'many nots', '[?(' || repeat('!', 100000) || $$@.id)]$$), (7, 'parentheses', '[?(' || repeat('(', 100000) || $$@.id=='a'$$ || repeat(')', 100000) || ')]'), (8, 'open', repeat('(', 100000)), (9, 'brackets', repeat('[?(@.relatedParty', 100000)), (10, 'closed', '[?(' || repeat(')', 100000)),
	(11, 'a name', '[?(@.' || repeat('a', 1000000) || ')]'), (12, 'a name of the unknown', '[?(@.extra.' || repeat('a', 1000000) || ')]'), (13, 'names', '[?(@.extra' || repeat('.a', 100000) || ')]'), (14, 'as many names', '[?(@.extra' || repeat('.a', 99) || ')]'), (15, 'a string', $$[?(@.id=='$$ || repeat('a', 1000000) || $$')]$$), (16, 'escapes', $$[?(@.id=='$$ || repeat('\u0061', 100000) || $$')]$$),
	(17, 'a number', '[?(@.extra.priority<' || repeat('9', 1000000) || ')]'), (18, 'a long number', '[?(@.extra.priority<' || repeat('9', 100000) || ')]'), (19, 'spaces', repeat(' ', 1000000)), (20, 'a pattern', '[?(@.id=~/' || repeat('a', 1001) || '/)]'), (21, 'alternatives', $$[?(@.id=='a')]$$ || repeat($$,[?(@.id=='a')]$$, 99)), (22, 'one more', $$[?(@.id=='a')]$$ || repeat($$,[?(@.id=='a')]$$, 100)),
	(23, 'filters', $$[?(@.id=='a')]$$ || repeat($$&filter=[?(@.id=='a')]$$, 99)), (24, 'many filters', $$[?(@.id=='a')]$$ || repeat($$&filter=[?(@.id=='a')]$$, 99999)), (25, 'with conditions', $$[?(@.id=='a')]$$ || (SELECT string_agg('&extra.n' || n || '.ne=1', '') FROM generate_series(1, 100) n)), (26, 'pairs', '[' || repeat('&&', 500000))) v (n, what, filter)
ORDER BY n;

-- Hostile: nothing of it becomes SQL
SELECT filter, pg_temp.ask(filter) FROM (VALUES
	(1, $$[?(@.type=='''; DROP TABLE usage_mgmt.usage; --')]$$), (2, $$[?(@.type=="'; DROP TABLE usage_mgmt.usage; --")]$$), (3, $$[?(@.extra['a''; DROP TABLE usage_mgmt.usage; --']==1)]$$), (4, $$[?(@.extra["x'); DROP TABLE usage_mgmt^usage; --"]==1)]$$), (5, $$[?(@.extra['" ? (1 == 1)']==1)]$$), (6, $$;DROP TABLE x$$), (7, $$[?(@.id=='a')];DROP TABLE x$$),
	(8, $$[?(@.type==$1)]$$), (9, $$[?(@.relatedParty['x''y'])]$$), (10, $$[?(@.usageCharacteristic['x''); SELECT pg_sleep(9)--']=='1')]$$), (11, $$[?(@.id=='%00')]$$), (12, $$[?(@.id=='%FF')]$$), (13, $$[?(@.id=='%C3%28')]$$), (14, $$%00$$), (15, $$[?(@.%C3%A9==1)]$$), (16, $$[?(@.extra.é=='😀')]$$), (17, $$"$$), (18, $$'$$), (19, $$\$$), (20, $$[?(@.id=='\')]$$), (21, $$%5B%3F%28%40.id%3D%3D%27a%27%29%5D$$), (22, $$[?(@.id=='a%2Bb')]$$), (23, '[?(@.id' || chr(160) || $$=='a')]$$)) v (n, filter)
ORDER BY n;
SELECT count(*) FROM usage_mgmt.usage;

-- A cancel is heeded
SET client_min_messages = warning;
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, description)
SELECT 'w' || n, '2016-01-01', 'WAIT', (SELECT string_agg(md5(i::text), '') FROM generate_series(n, n + 3000) i)
FROM generate_series(1, 200) n;
RESET client_min_messages;
SET statement_timeout = '200ms';
\set VERBOSITY sqlstate
SELECT clock_timestamp() AS started \gset
SELECT usage_mgmt.count_usages('filter=[?(@.type==''WAIT'' %26%26 @.description=~/([0-7].{30}[8-9].{30}[a-f].{30}){2}x/)]');
SELECT clock_timestamp() - :'started' < interval '5 s' AS soon;
\set VERBOSITY default
RESET statement_timeout;

-- What is compared as a number is found however it is written: no index is asked, which knows texts alone
SELECT usage_mgmt.post_usage('{"id": "n", "date": "2015-03-01", "type": "NUMBERS", "relatedParty": [{"role": "payer", "id": "8.0"}],
	"ratedProductUsage": [{"ratingAmountType": "Total", "account": "9.0"}], "usageCharacteristic": [{"name": "10.0", "value": "x"}]}') ->> 'id' AS posted;
SELECT filter, pg_temp.ask(filter) FROM unnest(ARRAY['$.relatedParty[?(@.id==8)]', $$$.relatedParty[?(@.id=='8')]$$,
	'$.ratedProductUsage[?(@.extra.account==9)]', '$.usageCharacteristic[?(@.name==10)]', $$$.usageCharacteristic[?(@.name=='10')]$$,
	$$$.usageCharacteristic[?(@.name==10 %26%26 @.value=='x')]$$]) filter;

SET client_min_messages = warning;
TRUNCATE usage_mgmt.usage, usage_mgmt.usage_specification;
