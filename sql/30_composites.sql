-- Composite types of the arrays in a usage. Frozen: rows on disk and dumps have
-- their columns in this order, so no column is ever added, moved or dropped.

CREATE TYPE usage_mgmt.related_party AS (
	role text,
	id text,
	href text,
	name text,
	status text,
	alias jsonb,
	valid_from timestamptz,
	valid_to timestamptz,
	referred_type text,
	type text,
	base_type text,
	schema_location text,
	extra jsonb
);
COMMENT ON TYPE usage_mgmt.related_party IS
'A party linked to a usage, with its role (TMF635: RelatedParty).';
COMMENT ON COLUMN usage_mgmt.related_party.role IS 'Role of the party (mandatory in a stored usage)';
COMMENT ON COLUMN usage_mgmt.related_party.id IS 'Id of the party; defaults to the last segment of href';
COMMENT ON COLUMN usage_mgmt.related_party.href IS 'Address of the party';
COMMENT ON COLUMN usage_mgmt.related_party.name IS 'Name of the party';
COMMENT ON COLUMN usage_mgmt.related_party.status IS 'Status of the relationship (R14.5)';
COMMENT ON COLUMN usage_mgmt.related_party.alias IS 'Aliases, a JSON array of {type, value} (R14.5)';
COMMENT ON COLUMN usage_mgmt.related_party.valid_from IS 'Start of validFor';
COMMENT ON COLUMN usage_mgmt.related_party.valid_to IS 'End of validFor, not before its start';
COMMENT ON COLUMN usage_mgmt.related_party.referred_type IS '@referredType (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.type IS '@type (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.base_type IS '@baseType (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.schema_location IS '@schemaLocation (v4)';
COMMENT ON COLUMN usage_mgmt.related_party.extra IS 'Attributes that no version knows, a JSON object';

CREATE FUNCTION usage_mgmt.related_party(
	role text DEFAULT NULL,
	id text DEFAULT NULL,
	href text DEFAULT NULL,
	name text DEFAULT NULL,
	status text DEFAULT NULL,
	alias jsonb DEFAULT NULL,
	valid_from timestamptz DEFAULT NULL,
	valid_to timestamptz DEFAULT NULL,
	referred_type text DEFAULT NULL,
	type text DEFAULT NULL,
	base_type text DEFAULT NULL,
	schema_location text DEFAULT NULL,
	extra jsonb DEFAULT NULL)
RETURNS usage_mgmt.related_party
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ROW($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)::usage_mgmt.related_party $$;
COMMENT ON FUNCTION usage_mgmt.related_party(text, text, text, text, text, jsonb, timestamptz, timestamptz, text, text, text, text, jsonb) IS
'Builds a related_party from named arguments; what is not given is null.';

CREATE TYPE usage_mgmt.rated_product_usage AS (
	rating_date timestamptz,
	usage_rating_tag text,
	is_billed boolean,
	rating_amount_type text,
	tax_included_rating_amount numeric,
	tax_excluded_rating_amount numeric,
	tax_rate numeric,
	is_tax_exempt boolean,
	offer_tariff_type text,
	bucket_value_converted_in_amount numeric,
	bucket_currency_code text,
	currency_code text,
	product_ref text,
	product_ref_id text,
	product_ref_name text,
	product_ref_referred_type text,
	product_ref_type text,
	product_ref_base_type text,
	product_ref_schema_location text,
	type text,
	base_type text,
	schema_location text,
	extra jsonb
);
COMMENT ON TYPE usage_mgmt.rated_product_usage IS
'One rating of a usage: its date, amounts, tax and product (TMF635: RatedProductUsage).';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.rating_date IS 'When the usage was rated';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.usage_rating_tag IS 'usage, included usage or non included usage; defaults to usage';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.is_billed IS 'Whether it has been billed; defaults to false';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.rating_amount_type IS 'Type of the amount; defaults to total';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.tax_included_rating_amount IS 'Amount with all taxes, in currency_code';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.tax_excluded_rating_amount IS 'Amount without taxes, in currency_code';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.tax_rate IS 'Tax rate in percent';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.is_tax_exempt IS 'Whether the amount is exempt of tax; defaults to false';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.offer_tariff_type IS 'Type of tariff applied; defaults to normal';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.bucket_value_converted_in_amount IS 'Monetary value of the bucket';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.bucket_currency_code IS 'Unit of that value where it is not currency_code (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.currency_code IS 'ISO 4217 code (R14.5: currencyCode, v4: unit of the amounts)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref IS 'Address of the product (R14.5: productRef, v4: productRef.href)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_id IS 'Id of the product; defaults to the last segment of product_ref';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_name IS 'Name of the product (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_referred_type IS 'productRef.@referredType (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_type IS 'productRef.@type (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_base_type IS 'productRef.@baseType (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.product_ref_schema_location IS 'productRef.@schemaLocation (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.type IS '@type (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.base_type IS '@baseType (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.schema_location IS '@schemaLocation (v4)';
COMMENT ON COLUMN usage_mgmt.rated_product_usage.extra IS 'Attributes that no version knows, a JSON object';

CREATE FUNCTION usage_mgmt.rated_product_usage(
	rating_date timestamptz DEFAULT NULL,
	usage_rating_tag text DEFAULT NULL,
	is_billed boolean DEFAULT NULL,
	rating_amount_type text DEFAULT NULL,
	tax_included_rating_amount numeric DEFAULT NULL,
	tax_excluded_rating_amount numeric DEFAULT NULL,
	tax_rate numeric DEFAULT NULL,
	is_tax_exempt boolean DEFAULT NULL,
	offer_tariff_type text DEFAULT NULL,
	bucket_value_converted_in_amount numeric DEFAULT NULL,
	bucket_currency_code text DEFAULT NULL,
	currency_code text DEFAULT NULL,
	product_ref text DEFAULT NULL,
	product_ref_id text DEFAULT NULL,
	product_ref_name text DEFAULT NULL,
	product_ref_referred_type text DEFAULT NULL,
	product_ref_type text DEFAULT NULL,
	product_ref_base_type text DEFAULT NULL,
	product_ref_schema_location text DEFAULT NULL,
	type text DEFAULT NULL,
	base_type text DEFAULT NULL,
	schema_location text DEFAULT NULL,
	extra jsonb DEFAULT NULL)
RETURNS usage_mgmt.rated_product_usage
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ROW($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)::usage_mgmt.rated_product_usage $$;
COMMENT ON FUNCTION usage_mgmt.rated_product_usage(timestamptz, text, boolean, text, numeric, numeric, numeric, boolean, text, numeric, text, text, text, text, text, text, text, text, text, text, text, text, jsonb) IS
'Builds a rated_product_usage from named arguments; what is not given is null.';
