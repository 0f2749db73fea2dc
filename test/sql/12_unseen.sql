-- What the r14.5 face cannot show, and that a put there does not lose it
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS usage_mgmt;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

SELECT usage_mgmt.post_usage('{"id": "u", "usageDate": "2026-01-01", "usageType": "t", "status": "rated",
	"ratedProductUsage": [{"ratingDate": "2026-01-02", "taxRate": 20,
		"taxIncludedRatingAmount": {"unit": "EUR", "value": 12.00, "rounded": true},
		"taxExcludedRatingAmount": {"unit": "EUR", "value": 10},
		"bucketValueConvertedInAmount": {"unit": "USD", "value": 3},
		"productRef": {"id": "p", "href": "http://h/product/1", "name": "n", "@referredType": "r", "k": 5}}]}',
	'v4') IS NOT NULL;
CREATE TEMP TABLE before AS SELECT usage_mgmt.get_usage('u', version => 'v4')::text AS document;

-- The r14.5 face shows strings and numbers
SELECT jsonb_pretty(usage_mgmt.get_usage('u', 'ratedProductUsage')::jsonb -> 'ratedProductUsage');

-- Put there as it was got, nothing has changed in v4
SELECT usage_mgmt.put_usage('u', usage_mgmt.get_usage('u')) IS NOT NULL;
SELECT usage_mgmt.get_usage('u', version => 'v4')::text = document FROM before;

-- Another product and another amount have nothing of the former
SELECT usage_mgmt.put_usage('u', replace(replace(usage_mgmt.get_usage('u')::text,
	'product/1', 'product/2'), '12.00', '12.10')::json) IS NOT NULL;
SELECT jsonb_pretty(usage_mgmt.get_usage('u', 'ratedProductUsage', 'v4')::jsonb -> 'ratedProductUsage');

-- Of a product with a name alone, and of an amount without a value, it shows nothing: they stay
SELECT usage_mgmt.post_usage('{"id": "n", "usageDate": "2026-01-01", "usageType": "t",
	"ratedProductUsage": [{"taxRate": 20, "currencyCode": "EUR", "productRef": {"name": "Flat", "k": 5},
		"taxIncludedRatingAmount": {"rounded": true}, "bucketValueConvertedInAmount": {"unit": "USD"}}]}', 'v4') IS NOT NULL;
SELECT usage_mgmt.get_usage('n', 'ratedProductUsage') -> 'ratedProductUsage';
SELECT usage_mgmt.put_usage('n', usage_mgmt.get_usage('n')) IS NOT NULL;
SELECT usage_mgmt.patch_usage('n', '{"description": "patched"}') IS NOT NULL;
SELECT jsonb_pretty(usage_mgmt.get_usage('n', 'ratedProductUsage', 'v4')::jsonb -> 'ratedProductUsage');

-- But not with a product or an amount that r14.5 names
SELECT usage_mgmt.put_usage('n', '{"date": "2026-01-01", "type": "t", "ratedProductUsage": [{"taxRate": 20, "currencyCode": "EUR",
	"productRef": "http://h/product/3", "taxIncludedRatingAmount": 1, "bucketValueConvertedInAmount": 2}]}') IS NOT NULL;
SELECT jsonb_pretty(usage_mgmt.get_usage('n', 'ratedProductUsage', 'v4')::jsonb -> 'ratedProductUsage');

TRUNCATE usage_mgmt.usage;

-- What an attribute may be called, for programs that look into documents
SELECT usage_mgmt.attribute_names('usage', 'usage_date'), usage_mgmt.attribute_names('usage_specification', 'status'),
	usage_mgmt.attribute_names('usage', 'nothing');
SELECT usage_mgmt.attribute_names('nothing', 'id');
