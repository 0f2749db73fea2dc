-- What usage_mgmt.usage is compared with: the same table bare, and with the rules
-- and the ledger written in PL/pgSQL by somebody who wants them fast.

CREATE SCHEMA bare;
CREATE SCHEMA procedural;

DO $$
DECLARE
	rival text;
	leaf record;
BEGIN
	FOREACH rival IN ARRAY '{bare,procedural}'::text[] LOOP
		EXECUTE format('CREATE TABLE %I.usage (LIKE usage_mgmt.usage INCLUDING ALL)
			PARTITION BY RANGE (usage_date)', rival);
		FOR leaf IN
			SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
			FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'usage_mgmt.usage'::regclass
		LOOP
			EXECUTE format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.usage %3$s',
				rival, leaf.name, leaf.bound);
		END LOOP;
	END LOOP;
END
$$;

CREATE TABLE procedural.usage_key (LIKE usage_mgmt.usage_key INCLUDING ALL);
CREATE TABLE procedural.move (
	from_status usage_mgmt.usage_status, to_status usage_mgmt.usage_status,
	PRIMARY KEY (from_status, to_status));
INSERT INTO procedural.move
	SELECT from_status::usage_mgmt.usage_status, to_status::usage_mgmt.usage_status
	FROM usage_mgmt.status_transition WHERE resource = 'usage';
ANALYZE procedural.move;

CREATE FUNCTION procedural.usage_check() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
	rated boolean;
	completed boolean;
	party usage_mgmt.related_party;
	rating usage_mgmt.rated_product_usage;
	i integer;
BEGIN
	NEW.status := coalesce(NEW.status, 'received');
	NEW.received_at := coalesce(NEW.received_at, now());
	IF TG_OP = 'UPDATE' THEN
		IF NEW.id <> OLD.id THEN
			RAISE EXCEPTION 'id cannot change' USING ERRCODE = 'UM002';
		END IF;
		IF NEW.status <> OLD.status AND NOT EXISTS (
			SELECT FROM procedural.move WHERE from_status = OLD.status AND to_status = NEW.status)
		THEN
			RAISE EXCEPTION 'cannot move from "%" to "%"', OLD.status, NEW.status
				USING ERRCODE = 'UM001';
		END IF;
		IF OLD.status = 'billed' AND
			(NEW.usage_date, NEW.usage_type, NEW.usage_specification_id,
			 NEW.usage_specification_href, NEW.usage_specification_name,
			 NEW.usage_characteristic::text, NEW.related_party, NEW.rated_product_usage)
			IS DISTINCT FROM
			(OLD.usage_date, OLD.usage_type, OLD.usage_specification_id,
			 OLD.usage_specification_href, OLD.usage_specification_name,
			 OLD.usage_characteristic::text, OLD.related_party, OLD.rated_product_usage)
		THEN
			RAISE EXCEPTION 'the content of a billed usage cannot change' USING ERRCODE = 'UM003';
		END IF;
		NEW.changed_at := now();
	END IF;
	IF NEW.id IS NULL OR NEW.id ~ '^\s*$' OR NEW.usage_date IS NULL
		OR NEW.usage_type IS NULL OR NEW.usage_type ~ '^\s*$'
	THEN
		RAISE EXCEPTION 'id, date and type are mandatory' USING ERRCODE = '23502';
	END IF;
	IF octet_length(NEW.id) > 512 THEN
		RAISE EXCEPTION 'id has more than 512 bytes' USING ERRCODE = '23514';
	END IF;
	IF NEW.usage_date < '0001-01-01 00:00+00' OR NEW.usage_date >= '10000-01-01 00:00+00' THEN
		RAISE EXCEPTION 'date is not of the years 1 to 9999' USING ERRCODE = '22008';
	END IF;
	NEW.usage_specification_id := coalesce(NEW.usage_specification_id,
		substring(NEW.usage_specification_href FROM '[^/]+$'));
	IF NEW.usage_characteristic IS NOT NULL AND EXISTS (
		SELECT FROM json_array_elements(NEW.usage_characteristic::json) c
		WHERE c ->> 'name' IS NULL OR c ->> 'name' ~ '^\s*$' OR c -> 'value' IS NULL)
	THEN
		RAISE EXCEPTION 'a characteristic has a name and a value' USING ERRCODE = '23502';
	END IF;

	i := 0;
	FOREACH party IN ARRAY coalesce(NEW.related_party, '{}') LOOP
		i := i + 1;
		IF party.role IS NULL OR party.role ~ '^\s*$' THEN
			RAISE EXCEPTION 'a party has a role' USING ERRCODE = '23502';
		END IF;
		IF party.valid_to < party.valid_from THEN
			RAISE EXCEPTION 'a period ends before it starts' USING ERRCODE = '23514';
		END IF;
		IF party.id IS NULL AND party.href IS NOT NULL THEN
			party.id := substring(party.href FROM '[^/]+$');
			NEW.related_party[i] := party;
		END IF;
	END LOOP;

	rated := NEW.status IN ('rated', 'rerated', 'billed');
	IF rated AND coalesce(cardinality(NEW.rated_product_usage), 0) = 0 THEN
		RAISE EXCEPTION 'a rated usage has a rating' USING ERRCODE = '23502';
	END IF;
	i := 0;
	FOREACH rating IN ARRAY coalesce(NEW.rated_product_usage, '{}') LOOP
		i := i + 1;
		IF rating.tax_included_rating_amount IN ('NaN', 'Infinity', '-Infinity')
			OR rating.tax_excluded_rating_amount IN ('NaN', 'Infinity', '-Infinity')
			OR rating.tax_rate IN ('NaN', 'Infinity', '-Infinity')
			OR rating.bucket_value_converted_in_amount IN ('NaN', 'Infinity', '-Infinity')
		THEN
			RAISE EXCEPTION 'an amount is a finite number' USING ERRCODE = '22003';
		END IF;
		IF rating.currency_code !~ '^[A-Z]{3}$' THEN
			RAISE EXCEPTION 'a currency is a code of ISO 4217' USING ERRCODE = '23514';
		END IF;
		CONTINUE WHEN NOT rated;
		IF rating.rating_date IS NULL OR rating.tax_included_rating_amount IS NULL
			OR rating.tax_excluded_rating_amount IS NULL OR rating.tax_rate IS NULL
			OR rating.currency_code IS NULL
			OR rating.product_ref IS NULL AND rating.product_ref_id IS NULL
		THEN
			RAISE EXCEPTION 'a rating is complete' USING ERRCODE = '23502';
		END IF;
		IF rating.usage_rating_tag IS NULL OR rating.is_billed IS NULL
			OR rating.rating_amount_type IS NULL OR rating.is_tax_exempt IS NULL
			OR rating.offer_tariff_type IS NULL OR rating.product_ref_id IS NULL
		THEN
			rating.usage_rating_tag := coalesce(rating.usage_rating_tag, 'usage');
			rating.is_billed := coalesce(rating.is_billed, false);
			rating.rating_amount_type := coalesce(rating.rating_amount_type, 'total');
			rating.is_tax_exempt := coalesce(rating.is_tax_exempt, false);
			rating.offer_tariff_type := coalesce(rating.offer_tariff_type, 'normal');
			rating.product_ref_id := coalesce(rating.product_ref_id,
				substring(rating.product_ref FROM '[^/]+$'));
			NEW.rated_product_usage[i] := rating;
		END IF;
	END LOOP;
	RETURN NEW;
END
$$;

CREATE FUNCTION procedural.usage_keys() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO procedural.usage_key (id, usage_date, content_hash, hash_version)
		SELECT id, usage_date,
			md5(ROW(usage_date, usage_type, description, status,
				usage_specification_id, usage_specification_href, usage_specification_name,
				usage_characteristic, related_party, rated_product_usage, extra)::text)::uuid, 1
		FROM new_rows ORDER BY id;
	RETURN NULL;
END
$$;

CREATE FUNCTION procedural.forget_keys() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE procedural.usage_key;
	RETURN NULL;
END
$$;

CREATE TRIGGER usage_check BEFORE INSERT OR UPDATE ON procedural.usage
	FOR EACH ROW EXECUTE FUNCTION procedural.usage_check();
CREATE TRIGGER usage_keys AFTER INSERT ON procedural.usage REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION procedural.usage_keys();
CREATE TRIGGER forget_keys BEFORE TRUNCATE ON procedural.usage
	FOR EACH STATEMENT EXECUTE FUNCTION procedural.forget_keys();
