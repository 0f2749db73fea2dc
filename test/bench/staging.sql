-- The usual way to import documents and keep every promise: COPY into an unlogged
-- staging table, then the lists taken apart in SQL, a chunk at a time, into the typed
-- table with the rules and the ledger of rivals.sql. As somebody writes it who wants it
-- fast: a chunk with a fault in it is rolled back and gone through line by line, so
-- that no other line pays for a subtransaction of its own.
--
-- It does less than usagectl: no numbers of records, no totals, no fault but the first
-- of a record, R14.5's names alone, and it starts at the beginning after a break.

CREATE SCHEMA staging;

CREATE UNLOGGED TABLE staging.line (document text);
CREATE TABLE staging.reject (document text, code text, message text);
CREATE TABLE staging.conflict (id text, document text);

-- OFFSET 0: each document is parsed once, not once an attribute.
CREATE VIEW staging.extracted AS
SELECT l.ctid AS place, l.document,
	d ->> 'id' AS id,
	(d ->> 'date')::timestamptz AS usage_date,
	d ->> 'type' AS usage_type,
	d ->> 'description' AS description,
	(d ->> 'status')::usage_mgmt.usage_status AS status,
	d -> 'usageSpecification' ->> 'id' AS usage_specification_id,
	d -> 'usageSpecification' ->> 'href' AS usage_specification_href,
	d -> 'usageSpecification' ->> 'name' AS usage_specification_name,
	(d ->> 'usageCharacteristic')::usage_mgmt.characteristics AS usage_characteristic,
	CASE WHEN d ? 'relatedParty' THEN ARRAY(
		SELECT ROW(p ->> 'role', p ->> 'id', p ->> 'href', p ->> 'name', p ->> 'status',
			p -> 'alias', (p #>> '{validFor,startDateTime}')::timestamptz,
			(p #>> '{validFor,endDateTime}')::timestamptz, NULL, NULL, NULL, NULL,
			nullif(p - '{role,id,href,name,status,alias,validFor}'::text[], '{}'))::usage_mgmt.related_party
		FROM jsonb_array_elements(d -> 'relatedParty') p) END AS related_party,
	CASE WHEN d ? 'ratedProductUsage' THEN ARRAY(
		SELECT ROW((r ->> 'ratingDate')::timestamptz, r ->> 'usageRatingTag',
			(r ->> 'isBilled')::boolean, r ->> 'ratingAmountType',
			(r ->> 'taxIncludedRatingAmount')::numeric, (r ->> 'taxExcludedRatingAmount')::numeric,
			(r ->> 'taxRate')::numeric, (r ->> 'isTaxExempt')::boolean, r ->> 'offerTariffType',
			(r ->> 'bucketValueConvertedInAmount')::numeric, r ->> 'bucketCurrencyCode',
			r ->> 'currencyCode', r ->> 'productRef', r ->> 'productRefId',
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
			nullif(r - '{ratingDate,usageRatingTag,isBilled,ratingAmountType,taxIncludedRatingAmount,taxExcludedRatingAmount,taxRate,isTaxExempt,offerTariffType,bucketValueConvertedInAmount,bucketCurrencyCode,currencyCode,productRef,productRefId}'::text[], '{}'))::usage_mgmt.rated_product_usage
		FROM jsonb_array_elements(d -> 'ratedProductUsage') r) END AS rated_product_usage,
	nullif(d - '{id,href,date,type,description,status,usageSpecification,usageCharacteristic,relatedParty,ratedProductUsage}'::text[], '{}') AS extra
FROM staging.line l, LATERAL (SELECT l.document::jsonb AS d OFFSET 0) parsed;

CREATE PROCEDURE staging.load()
LANGUAGE plpgsql AS $$
DECLARE
	pages CONSTANT integer := 28;	-- some 200 documents
	last integer := pg_relation_size('staging.line') / current_setting('block_size')::integer;
BEGIN
	FOR page IN 0 .. last BY pages LOOP
		BEGIN
			INSERT INTO procedural.usage (id, usage_date, usage_type, description, status,
					usage_specification_id, usage_specification_href, usage_specification_name,
					usage_characteristic, related_party, rated_product_usage, extra)
				SELECT id, usage_date, usage_type, description, status,
					usage_specification_id, usage_specification_href, usage_specification_name,
					usage_characteristic, related_party, rated_product_usage, extra
				FROM staging.extracted
				WHERE place >= format('(%s,0)', page)::tid AND place < format('(%s,0)', page + pages)::tid;
		EXCEPTION WHEN OTHERS THEN
			CALL staging.load_one_by_one(page, page + pages);
		END;
	END LOOP;
END
$$;

CREATE PROCEDURE staging.load_one_by_one(first integer, past integer)
LANGUAGE plpgsql AS $$
DECLARE
	line record;
BEGIN
	FOR line IN
		SELECT ctid AS place, document FROM staging.line
		WHERE ctid >= format('(%s,0)', first)::tid AND ctid < format('(%s,0)', past)::tid
	LOOP
		BEGIN
			INSERT INTO procedural.usage (id, usage_date, usage_type, description, status,
					usage_specification_id, usage_specification_href, usage_specification_name,
					usage_characteristic, related_party, rated_product_usage, extra)
				SELECT id, usage_date, usage_type, description, status,
					usage_specification_id, usage_specification_href, usage_specification_name,
					usage_characteristic, related_party, rated_product_usage, extra
				FROM staging.extracted WHERE place = line.place;
		EXCEPTION
			WHEN unique_violation THEN
				-- a repeat, unless its content differs
				INSERT INTO staging.conflict
					SELECT e.id, e.document FROM staging.extracted e JOIN procedural.usage_key k USING (id)
					WHERE e.place = line.place AND k.content_hash <>
						md5(ROW(e.usage_date, e.usage_type, e.description, e.status,
							e.usage_specification_id, e.usage_specification_href,
							e.usage_specification_name, e.usage_characteristic, e.related_party,
							e.rated_product_usage, e.extra)::text)::uuid;
			WHEN OTHERS THEN
				INSERT INTO staging.reject VALUES (line.document, SQLSTATE, SQLERRM);
		END;
	END LOOP;
END
$$;
