-- A post that is sound is not checked twice; what comes between must not get by.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\set VERBOSITY terse
SET TimeZone = 'UTC';

-- a rule that makes another row of it
CREATE RULE other AS ON INSERT TO usage_mgmt.usage DO INSTEAD
	INSERT INTO usage_mgmt.usage_default (id, usage_date, usage_type, status)
	VALUES (NEW.id, NEW.usage_date, '', 'rated') RETURNING usage_default.*;
SELECT usage_mgmt.post_usage('{"id":"rule 1","date":"1999-01-05","type":"t"}');
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"rule 2","date":"1999-01-05","type":"t"}');
DROP RULE other ON usage_mgmt.usage;

-- an order of the owner that comes into force meanwhile
SELECT usage_mgmt.post_usage_specification('{"id":"only a","usageSpecCharacteristic":[{"name":"a"}]}') \gset
CREATE FUNCTION pg_temp.orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE usage_mgmt.setting SET value = 'reject' WHERE name = 'check_specification';
	RETURN NULL;
END
$$;
CREATE TRIGGER orders BEFORE INSERT ON usage_mgmt.usage FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.orders();
SELECT usage_mgmt.post_usage('{"id":"u","date":"1999-01-05","type":"t","usageSpecification":{"id":"only a"},"usageCharacteristic":{"b":"1"}}');
DROP TRIGGER orders ON usage_mgmt.usage;
UPDATE usage_mgmt.setting SET value = 'off' WHERE name = 'check_specification';
DELETE FROM usage_mgmt.usage_specification WHERE id = 'only a';

-- a default that is gone
ALTER TABLE usage_mgmt.usage ALTER changed_at DROP DEFAULT, ALTER received_at DROP DEFAULT;
SELECT usage_mgmt.post_usage('{"id":"stamped","date":"1999-01-05","type":"t"}') \gset
SELECT received_at = changed_at AS stamped FROM usage_mgmt.usage WHERE id = 'stamped';
ALTER TABLE usage_mgmt.usage ALTER changed_at SET DEFAULT now(), ALTER received_at SET DEFAULT now();

-- a trigger that puts another row in its place: the ledger has the hash of that one
CREATE FUNCTION pg_temp.replaces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.usage_type <> 'other' THEN
		DELETE FROM usage_mgmt.usage WHERE id = NEW.id;
		INSERT INTO usage_mgmt.usage (id, usage_date, usage_type) VALUES (NEW.id, NEW.usage_date, 'other');
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER replaces AFTER INSERT ON usage_mgmt.usage FOR EACH ROW EXECUTE FUNCTION pg_temp.replaces();
SELECT usage_mgmt.post_usage('{"id":"replaced","date":"1999-01-05","type":"t"}') \gset
DROP TRIGGER replaces ON usage_mgmt.usage;
SELECT usage_type, content_hash = usage_mgmt.content_hash(u) AS its_hash
FROM usage_mgmt.usage u JOIN usage_mgmt.usage_key k USING (id) WHERE id = 'replaced';

-- the hash of a row that is no longer, or not yet, in the table
CREATE TABLE archive (LIKE usage_mgmt.usage);
INSERT INTO archive SELECT * FROM usage_mgmt.usage WHERE id = 'stamped';
SELECT usage_mgmt.content_hash(a) = content_hash AS the_same FROM archive a JOIN usage_mgmt.usage_key USING (id);
SELECT usage_mgmt.content_hash(s) = content_hash AS the_same
FROM (SELECT * FROM archive) s JOIN usage_mgmt.usage_key USING (id);
SELECT usage_mgmt.content_hash(s) FROM (SELECT 1) s;
DROP TABLE archive;

-- A document that says it is another resource has come to the wrong door, whichever.
SELECT usage_mgmt.post_usage('{"id":"w","date":"1999-01-05","type":"t","@type":"ServiceUsage"}');
SELECT usage_mgmt.post_service_usage('{"id":"w","status":"generated","@type":"Usage"}');
INSERT INTO usage_mgmt.usage_document VALUES ('{"id":"w","date":"1999-01-05","type":"t","@type":"UsageSpecification"}');
INSERT INTO usage_mgmt.usage (id, usage_date, usage_type, type) VALUES ('w', '1999-01-05', 't', 'ServiceUsage');
SELECT usage_mgmt.post_usage('{"id":"mine","date":"1999-01-05","type":"t","@type":"RoamingUsage"}') ->> '@type' AS of_my_own;

-- What is known of a reference by no name at all is no reference.
SELECT usage_mgmt.post_service_usage('{"id":"s","status":"generated","service":{"own":1}}');
-- A specification's parties are not guessed, in any version.
SELECT usage_mgmt.post_usage_specification('{"id":"s","relatedParty":[{"id":"1"}]}', 'v4');
SELECT usage_mgmt.post_service_usage_specification('{"id":"s","name":"n","lifecycleStatus":"active","relatedParty":[{"id":"1"}]}');

SET client_min_messages = error;
SELECT usage_mgmt.delete_usages('all=true') > 0 AS cleaned;
