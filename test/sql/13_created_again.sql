-- DROP and CREATE EXTENSION in one session: what it knew of the former types, tables and plans is forgotten.
SELECT current_database() AS home, current_database() || '_again' AS again \gset
\set VERBOSITY terse
SET client_min_messages = warning;
DROP DATABASE IF EXISTS :"again";
CREATE DATABASE :"again";
\c :again
SET client_min_messages = warning;
CREATE EXTENSION usage_mgmt;

-- In by every door and out again; what each says does not depend on how often the extension was made
CREATE TABLE way (n serial, statement text);
INSERT INTO way (statement) VALUES
($$SELECT usage_mgmt.post_usage_specification('{"id": "s", "name": "S", "status": "InTest",
	"usageSpecCharacteristic": [{"name": "a", "usageSpecCharacteristicValue": [{"valueType": "number"}]}]}')::text$$),
($$SELECT usage_mgmt.post_usage('{"id": "u", "date": "2001-01-05", "type": "VOICE", "status": "guided", "usageSpecification": {"id": "s"},
	"usageCharacteristic": {"a": 1}, "relatedParty": [{"role": "r", "id": "p"}]}')::text$$),
($$SELECT usage_mgmt.put_usage('u', '{"date": "2001-01-05", "type": "VOICE", "status": "rated", "usageCharacteristic": {"a": 2}, "ratedProductUsage": [
	{"ratingDate": "2001-02-01", "taxIncludedRatingAmount": 12, "taxExcludedRatingAmount": 10, "taxRate": 20, "currencyCode": "EUR", "productRef": "1"}]}')::text$$),
($$SELECT usage_mgmt.patch_usages('status=rated&usageCharacteristic.a=2', '{"status": "rerated"}')::text$$),
($$INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, status) VALUES ('row', '2001-01-05', 'VOICE', 'recycled') RETURNING id$$),
($$UPDATE usage_mgmt.usage SET status = 'guided', usage_date = '2001-02-05' WHERE id = 'row' RETURNING id$$),
($$INSERT INTO usage_mgmt.usage_document VALUES ('{"id": "loaded", "date": "2001-01-05", "type": "VOICE", "usageCharacteristic": {"a": 3}}') RETURNING NULL::text$$),
($$SELECT usage_mgmt.to_tmf(u, 'v4')::text FROM usage_mgmt.usage u ORDER BY id$$),
($$SELECT usage_mgmt.content_hash(u)::text FROM usage_mgmt.usage u ORDER BY id$$),
($$SELECT usage_mgmt.get_usages('status=rerated,received&relatedParty.id.ne=p')::text$$),
($$SELECT usage_mgmt.delete_usages('all=true')::text$$),
($$SELECT usage_mgmt.delete_usage_specification('s')::text$$);
CREATE FUNCTION said() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	way text;
	answer text;
	answers text[];
BEGIN
	FOR way IN SELECT statement FROM way ORDER BY n LOOP
		FOR answer IN EXECUTE way LOOP
			answers := answers || answer;
		END LOOP;
	END LOOP;
	RETURN answers;
END
$$;
CREATE TABLE before AS SELECT said(), 'usage_mgmt.usage_status'::regtype::oid AS type;
SELECT cardinality(said) AS answers FROM before;

-- made again
DROP EXTENSION usage_mgmt CASCADE;
DROP SCHEMA usage_mgmt CASCADE;
CREATE EXTENSION usage_mgmt;
SELECT 'usage_mgmt.usage_status'::regtype <> type AS another, said() = said AS as_before FROM before;

-- in one transaction, that is taken back: then the former ones are there again
BEGIN;
DROP EXTENSION usage_mgmt CASCADE;
DROP SCHEMA usage_mgmt CASCADE;
CREATE EXTENSION usage_mgmt;
SELECT said() = said AS as_before FROM before;
ROLLBACK;
SELECT said() = said AS as_before FROM before;

\c :home
SET client_min_messages = warning;
DROP DATABASE :"again";
