-- Events: what a change of a row is in each version, and what a listener's query asks for.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

-- Their names
SELECT noun, string_agg(concat_ws(' ', kind, name), ', ') FILTER (WHERE version = 'r14.5') AS "r14.5",
	string_agg(concat_ws(' ', kind, name), ', ') FILTER (WHERE version = 'v4') AS v4
FROM usage_mgmt.resources(), usage_mgmt.event_types(noun) GROUP BY noun ORDER BY noun;

-- One row of each resource, changed last at a known time
SELECT usage_mgmt.post_usage('{"id": "u 1", "date": "2001-03-01T10:00:00Z", "type": "VOICE", "status": "guided",
	"usageSpecification": {"id": "voice", "href": "/spec/voice"}, "usageCharacteristic": [{"name": "duration", "value": 20, "unit": "s"}],
	"relatedParty": [{"role": "customer", "id": "45"}, {"role": "owner", "id": "7"}], "priority": 1}') ->> 'id',
	usage_mgmt.post_usage_specification('{"id": "s", "name": "voice", "status": "in design"}') ->> 'id',
	usage_mgmt.post_service_usage('{"id": "v", "usageDate": "2001-03-01T10:00:00Z", "status": "archived", "service": {"id": "5"}}') ->> 'id',
	usage_mgmt.post_service_usage_specification('{"id": "t", "name": "line", "lifecycleStatus": "in design"}') ->> 'id';
CREATE FUNCTION pg_temp.at_known_time(anyelement) RETURNS anyelement LANGUAGE sql
AS $$SELECT jsonb_populate_record($1, '{"changed_at": "2001-03-01T11:22:33.5Z"}')$$;

-- Every type in every version, whole: a change of each kind, in all columns
CREATE TEMP TABLE change (kind text, n int);
INSERT INTO change VALUES ('create', 1), ('update', 2), ('delete', 3);
CREATE TEMP TABLE face AS SELECT unnest('{r14.5,v4}'::text[]) AS version;
SELECT usage_mgmt.event_of(pg_temp.at_known_time(u), kind, 'received', '{usage_type,status,extra}', '', version)
FROM usage_mgmt.usage u, face, change ORDER BY version, n;
SELECT usage_mgmt.event_of(pg_temp.at_known_time(s), kind, 'in study', '{name,status}', '', face.version)
FROM usage_mgmt.usage_specification s, face, change ORDER BY face.version, n;
SELECT usage_mgmt.event_of(pg_temp.at_known_time(v), kind, 'generated', '{description,status}')
FROM usage_mgmt.service_usage v, change ORDER BY n;
SELECT usage_mgmt.event_of(pg_temp.at_known_time(t), kind, 'in study', '{name,status}')
FROM usage_mgmt.service_usage_specification t, change ORDER BY n;

-- The notification of any change, for who asks for it: one for each, behind the others
SELECT kind, usage_mgmt.event_of(pg_temp.at_known_time(u), kind, 'received', '{usage_type}',
	'fields=none&eventType=UsageChangeNotification')
FROM usage_mgmt.usage u, change ORDER BY n;
SELECT kind, usage_mgmt.event_of(pg_temp.at_known_time(s), kind, 'in study', '{name}',
	'fields=none&eventType=UsageSpecificationChangeNotification')
FROM usage_mgmt.usage_specification s, change ORDER BY n;
SELECT e ->> 'eventId', e ->> 'eventType' FROM usage_mgmt.usage u, usage_mgmt.event_of(u, 'update', 'received', '{usage_type}',
	'eventType=UsageChangeNotification,UsageUpdateNotification&eventType=UsageStatusChangedNotification') e;

-- What an update is: of the status alone, of others alone, of both, of what no JSON shows, of nothing
CREATE FUNCTION pg_temp.types(events json[]) RETURNS text
RETURN coalesce((SELECT string_agg(concat_ws(' ', e ->> 'eventType', '(' || (e ->> 'fieldPath') || ')'), ', ' ORDER BY n)
	FROM unnest(events) WITH ORDINALITY x (e, n)), 'nothing');
CREATE TEMP TABLE update (n int, moved boolean, changed text[]);
INSERT INTO update VALUES (1, true, '{status}'), (2, false, '{description,valid_from}'), (3, true, '{description,status,valid_from}'),
	(4, false, '{changed_at,received_at}'), (5, false, '{status}'), (6, true, NULL), (7, false, NULL);
SELECT version, moved, changed, pg_temp.types(ARRAY(SELECT usage_mgmt.event_of(u, 'update', CASE WHEN moved THEN 'received' ELSE 'guided' END,
	array_replace(changed, 'valid_from', 'usage_specification_href'), '', version)))
FROM usage_mgmt.usage u, face, update ORDER BY version, n;
SELECT face.version, moved, changed, pg_temp.types(ARRAY(SELECT usage_mgmt.event_of(s, 'update',
	CASE WHEN moved THEN 'in study' ELSE 'in design' END, changed, '', face.version)))
FROM usage_mgmt.usage_specification s, face, update ORDER BY face.version, n;
SELECT moved, changed, pg_temp.types(ARRAY(SELECT usage_mgmt.event_of(v, 'update', CASE WHEN moved THEN 'generated' ELSE 'archived' END,
	array_replace(changed, 'valid_from', 'service_name'))))
FROM usage_mgmt.service_usage v, update ORDER BY n;
SELECT moved, changed, pg_temp.types(ARRAY(SELECT usage_mgmt.event_of(t, 'update', CASE WHEN moved THEN 'in study' ELSE 'in design' END, changed)))
FROM usage_mgmt.service_usage_specification t, update ORDER BY n;

-- Which of them a query asks for
SELECT types, pg_temp.types(ARRAY(SELECT usage_mgmt.event_of(u, 'update', 'received', '{description}', 'eventType=' || types, 'v4')))
FROM usage_mgmt.usage u, unnest('{UsageStateChangeEvent,UsageAttributeValueChangeEvent,UsageCreateEvent,
	"UsageAttributeValueChangeEvent,UsageStateChangeEvent",UsageStateChangeEvent&eventType=UsageAttributeValueChangeEvent}'::text[]) types;

-- Conditions on the row as the event has it; its attributes may be named from the event on
SELECT query, count(e) FROM usage_mgmt.usage u, unnest('{"",type=VOICE,usage.type=VOICE,event.usage.type=VOICE,usageType=DATA,
	"usage.type=DATA,VOICE",usage.type=DATA&usage.type=VOICE,usage.status.ne=received,status=guided&type=DATA,
	usageSpecification.id=voice,usage.usageSpecification.id=voice,usage.usageSpecification.id=data,usage.date.gte=2001-03-01,usage.date%3E2001-04-01,
	relatedParty.role=customer&relatedParty.id=45,relatedParty.role=customer&relatedParty.id=7,
	usage.usageCharacteristic.duration.gt=19,usageCharacteristic.duration.gt=20,extra.priority=1,usage.extra.priority=2,
	usage.id.regex=u.*,usage.href=/usageManagement/usage/u%2520001,usage.href=/usageManagement/usage/u%25201}'::text[]) WITH ORDINALITY q (query, n)
LEFT JOIN LATERAL usage_mgmt.event_of(u, 'create', query => query) e ON true GROUP BY query, n ORDER BY n;
-- of an update both events, or none
SELECT query, count(e) FROM usage_mgmt.usage u, unnest('{status=guided,status=received}'::text[]) query
LEFT JOIN LATERAL usage_mgmt.event_of(u, 'update', 'received', '{description}', query) e ON true GROUP BY query ORDER BY query;
-- a specification is called usageSpecification, and so is what a usage has of it
SELECT query, count(e) FROM usage_mgmt.usage_specification s, unnest('{usageSpecification.name=voice,event.usageSpecification.name=data}'::text[]) query
LEFT JOIN LATERAL usage_mgmt.event_of(s, 'create', query => query) e ON true GROUP BY query ORDER BY query DESC;

-- fields cuts the resource, and nothing around it
SELECT usage_mgmt.event_of(pg_temp.at_known_time(u), 'update', 'guided', '{status,extra}', 'fields=' || fields, version) -> 'event'
FROM usage_mgmt.usage u, face, unnest('{none,all,status,"usage.type,usage.relatedParty.role","event.usage.extra.priority"}'::text[]) fields
ORDER BY version, fields;

-- What a query cannot mean
SELECT usage_mgmt.event_of(u, 'create', query => 'eventType=UsageCreateEvent') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'eventType=usagecreateevent', version => 'v4') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(v, 'update', query => 'eventType=ServiceUsageAttributeValueChangeEvent') FROM usage_mgmt.service_usage v;
SELECT usage_mgmt.event_of(u, 'create', query => 'eventType=') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'eventType.ne=UsageCreateNotification') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'eventTime.gt=2001-01-01') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'event.type=VOICE') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'usage.typ=VOICE') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'usage.usage.type=VOICE') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'fields=usage.typ') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'fields=eventId') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'usage.status=lost') FROM usage_mgmt.usage u;
\set VERBOSITY sqlstate
SELECT usage_mgmt.event_of(u, 'create', query => 'sort=id') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'limit=1') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'offset=1') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'after=x') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'all=true') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'filter=x') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'create', query => 'type.regex=(') FROM usage_mgmt.usage u;
\set VERBOSITY default
SELECT usage_mgmt.event_of(u, 'create', query => 'limit=1') FROM usage_mgmt.usage u;

-- What event_of is asked: of a partition's row as of the table's, and of no other
SELECT count(*) FROM usage_mgmt.usage_default u, usage_mgmt.event_of(u, 'create') e;
SELECT tableoid::regclass, e ->> 'eventId' FROM usage_mgmt.usage u, usage_mgmt.event_of(u, 'create') e;
SELECT count(*) FROM usage_mgmt.event_of(NULL::usage_mgmt.usage, 'create');
SELECT count(*) FROM usage_mgmt.usage u, usage_mgmt.event_of(u, 'create', NULL, NULL, NULL, NULL);
SELECT usage_mgmt.event_of(u, 'insert') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, NULL) FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'update', 'lost') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'update', 'received', '{usageType}') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(u, 'update', 'received', '{NULL}') FROM usage_mgmt.usage u;
SELECT usage_mgmt.event_of(v, 'create', version => 'r14.5') FROM usage_mgmt.service_usage v;
SELECT usage_mgmt.event_of(1, 'create');
SELECT usage_mgmt.event_of(c, 'create') FROM change c;
SELECT usage_mgmt.event_types('letter');

TRUNCATE usage_mgmt.usage;
DELETE FROM usage_mgmt.usage_specification;
DELETE FROM usage_mgmt.service_usage;
DELETE FROM usage_mgmt.service_usage_specification;
