/*
 * model.c
 *	  The TMF model, declared once.
 *
 * Each resource, and each kind of object below it, is a table of attributes:
 * what each version of the standard calls it, what else is understood, its
 * kind, the column that holds it.  Reading, writing, checking and hashing are
 * loops over these tables; a new version is a new column of names, a new
 * resource a new table.  The order of a table is the order of the output, of
 * the faults, and of the content hash: rows may be appended, not moved.
 *
 * Where a version has no name for an attribute, the other version's name is
 * written, so that no face of the store hides what another one took in.  What
 * a face has no shape for (the name of a product where the reference is a
 * mere string) stays in the store unseen.
 *
 * An attribute with members can be one object in one version and a scalar in
 * another: a price is a number beside a currency code in R14.5 and an object
 * of both in v4.  The reader tells them apart by what it finds.
 */
#include "postgres.h"

#include "resource.h"

#define BOTH(name) {name, name}
#define END {.kind = UM_END}

/* What a mandatory text is that nothing is known of. */
#define UNSPECIFIED "unspecified"

/* What a table keeps beside what is known of it; f are flags of each. */
#define EXTRA(f) {.kind = UM_EXTRA, .column = "extra", .flags = (f), \
	.about = "attributes that the model does not know, a JSON object"}
#define KEPT(column_, about_, f) {.kind = UM_INTERNAL, .column = column_, .about = about_, \
	.flags = UM_NOT_CONTENT | (f)}
#define TIMES(f) \
	KEPT("received_at", "when it was stored", f), \
	KEPT("changed_at", "when it was changed last", f)
#define LOAD(f) KEPT("load_id", "the import_load that brought it", f)

/* Shapes that tables above their own speak of. */
static UmModel related_party;
static UmModel rated_product_usage;
static UmModel characteristic_value;

/* TimePeriod: the seeds write startTime, startPeriod and startDateTime. */
static UmAttribute period[] = {
	{.name = BOTH("startDateTime"), .alias = {"startTime", "startPeriod"},
	.kind = UM_TIME, .column = "valid_from", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("endDateTime"), .alias = {"endTime", "endPeriod"},
	.kind = UM_TIME, .column = "valid_to", .flags = UM_BLANK_IS_NONE, .not_before = "valid_from"},
	END
};

#define VALID_FOR {.name = BOTH("validFor"), .kind = UM_OBJECT, \
	.members = period, .object_in = UM_ALL_VERSIONS}

/* What v4 lets each resource say of its type. */
#define EXTENSIBLE \
	{.name = BOTH("@type"), .kind = UM_TEXT, .column = "type"}, \
	{.name = BOTH("@baseType"), .kind = UM_TEXT, .column = "base_type"}, \
	{.name = BOTH("@schemaLocation"), .kind = UM_TEXT, .column = "schema_location"}

static UmAttribute usage_specification_ref[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "usage_specification_id",
	.about = "the specification it follows, which may be another server's",
	.flags = UM_BLANK_IS_NONE, .last_segment_of = "usage_specification_href"},
	{.name = BOTH("href"), .alias = {"ref"}, .kind = UM_URI,
	.column = "usage_specification_href", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "usage_specification_name"},
	END
};

/* A reference of v4; without an id it is none. */
#define REFERENCE(list, column_) \
static UmAttribute list[] = { \
	{.name = BOTH("id"), .kind = UM_TEXT, .column = column_ "_id", \
	.flags = UM_BLANK_IS_NONE | UM_MANDATORY_WITH, .last_segment_of = column_ "_href"}, \
	{.name = BOTH("href"), .alias = {"ref"}, .kind = UM_URI, .column = column_ "_href", \
	.flags = UM_BLANK_IS_NONE}, \
	{.name = BOTH("name"), .kind = UM_TEXT, .column = column_ "_name"}, \
	{.name = BOTH("version"), .kind = UM_TEXT, .column = column_ "_version"}, \
	{.name = BOTH("@referredType"), .kind = UM_TEXT, .column = column_ "_referred_type"}, \
	{.name = BOTH("@type"), .kind = UM_TEXT, .column = column_ "_type"}, \
	{.name = BOTH("@baseType"), .kind = UM_TEXT, .column = column_ "_base_type"}, \
	{.name = BOTH("@schemaLocation"), .kind = UM_TEXT, .column = column_ "_schema_location"}, \
	END \
}

REFERENCE(service_ref, "service");
REFERENCE(service_specification_ref, "service_specification");
REFERENCE(service_usage_specification_ref, "usage_specification");

static UmAttribute usage_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id",
	.flags = UM_FIXED | UM_BLANK_IS_NONE | UM_NOT_CONTENT},
	{.name = BOTH("href"), .kind = UM_HREF, .flags = UM_FIXED},
	{.name = {"date", "usageDate"}, .kind = UM_TIME, .column = "usage_date", .about = "when it happened",
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE, .filled_in = UM_ONLY_V4},
	{.name = {"type", "usageType"}, .kind = UM_TEXT, .column = "usage_type",
	.flags = UM_MANDATORY, .filled_in = UM_ONLY_V4, .filled_with = UNSPECIFIED,
	.filled_from = {"usage_specification_name", "usage_specification_id"}},
	{.name = BOTH("description"), .alias = {"usageDescription"}, .kind = UM_TEXT,
	.column = "description", .flags = UM_FREE_WHEN_BILLED},
	{.name = BOTH("status"), .kind = UM_STATUS, .column = "status",
	.flags = UM_BLANK_IS_NONE},
	{.name = BOTH("usageSpecification"), .kind = UM_OBJECT,
	.members = usage_specification_ref, .object_in = UM_ALL_VERSIONS},
	{.name = BOTH("usageCharacteristic"), .kind = UM_CHARACTERISTICS,
	.column = "usage_characteristic", .of = &um_characteristic},
	{.name = BOTH("relatedParty"), .kind = UM_LIST, .column = "related_party",
	.of = &related_party},
	{.name = BOTH("ratedProductUsage"), .kind = UM_LIST, .column = "rated_product_usage",
	.flags = UM_MANDATORY_RATED, .of = &rated_product_usage},
	KEPT("rejection", "why it was rejected: the faults and the delivered_status of one that the "
		 "specification check marked", UM_FREE_WHEN_BILLED),
	EXTRA(UM_FREE_WHEN_BILLED),
	TIMES(UM_FREE_WHEN_BILLED),
	LOAD(UM_FREE_WHEN_BILLED),
	EXTENSIBLE,
	END
};

static UmModel usage_model = {
	.noun = "usage", .label = "usage", .attributes = usage_attributes
};

/* What the check against a specification asks the rest of a characteristic for. */
static UmAttribute measure_attributes[] = {
	{.name = BOTH("unitOfMeasure"), .alias = {"unit", "units"}, .kind = UM_TEXT,
	.column = "unit_of_measure"},
	END
};

static UmModel measure = {
	.noun = "measure", .label = "measure", .attributes = measure_attributes
};

/* The rest of an element is kept by the type characteristics itself. */
static UmAttribute characteristic_attributes[] = {
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name", .flags = UM_MANDATORY},
	{.name = BOTH("value"), .kind = UM_ANY, .column = "value", .flags = UM_MANDATORY},
	{.kind = UM_EXTRA, .column = "extra", .of = &measure},
	END
};

UmModel		um_characteristic = {
	.noun = "characteristic", .label = "characteristic", .attributes = characteristic_attributes
};

/* What is asked of the role, and of the id and @referredType. */
#define RELATED_PARTY(list, role_flags, id_flags) \
static UmAttribute list[] = { \
	{.name = BOTH("role"), .kind = UM_TEXT, .column = "role", .flags = (role_flags), \
	.filled_in = (role_flags) != 0 ? UM_ONLY_V4 : 0, .filled_from = {"referred_type"}, \
	.filled_with = UNSPECIFIED}, \
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id", .flags = UM_BLANK_IS_NONE | (id_flags), \
	.last_segment_of = "href"}, \
	{.name = BOTH("href"), .alias = {"ref"}, .kind = UM_URI, .column = "href", \
	.flags = UM_BLANK_IS_NONE}, \
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name"}, \
	{.name = BOTH("status"), .kind = UM_TEXT, .column = "status"}, \
	{.name = BOTH("alias"), .kind = UM_JSON, .column = "alias"}, \
	VALID_FOR, \
	{.name = BOTH("@referredType"), .kind = UM_TEXT, .column = "referred_type", .flags = (id_flags)}, \
	EXTENSIBLE, \
	{.kind = UM_EXTRA, .column = "extra"}, \
	END \
}

RELATED_PARTY(related_party_attributes, UM_MANDATORY, 0);

static UmModel related_party = {
	.noun = "related_party", .label = "related party", .attributes = related_party_attributes,
	.type = {"related_party"}, .view = "party", .ids = "party_ids"
};

/* TMF727 asks who it is, not in which role. */
RELATED_PARTY(service_party_attributes, 0, UM_MANDATORY);

static UmModel service_party = {
	.noun = "related_party", .label = "related party", .attributes = service_party_attributes,
	.type = {"related_party"}, .view = "party", .ids = "party_ids"
};

/* Money of v4; the seeds' own Money says amount and currencyCode. */
#define MONEY(list, amount, currency, other, shared) \
static UmAttribute list[] = { \
	{.name = BOTH("unit"), .alias = {"currencyCode"}, .kind = UM_TEXT, .column = currency, \
	.flags = UM_BLANK_IS_NONE | (shared), .fallback = other}, \
	{.name = BOTH("value"), .alias = {"amount"}, .kind = UM_NUMBER, .column = amount, \
	.flags = UM_BLANK_IS_NONE}, \
	END \
}

MONEY(tax_included_money, "tax_included_rating_amount", "currency_code", NULL, UM_SHARED);
MONEY(tax_excluded_money, "tax_excluded_rating_amount", "currency_code", NULL, UM_SHARED);
MONEY(bucket_money, "bucket_value_converted_in_amount", "bucket_currency_code", "currency_code", 0);

static UmAttribute product_ref[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "product_ref_id",
	.flags = UM_BLANK_IS_NONE, .last_segment_of = "product_ref"},
	{.name = BOTH("href"), .alias = {"ref"}, .kind = UM_URI, .column = "product_ref",
	.flags = UM_BLANK_IS_NONE},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "product_ref_name"},
	{.name = BOTH("@referredType"), .kind = UM_TEXT, .column = "product_ref_referred_type"},
	{.name = BOTH("@type"), .kind = UM_TEXT, .column = "product_ref_type"},
	{.name = BOTH("@baseType"), .kind = UM_TEXT, .column = "product_ref_base_type"},
	{.name = BOTH("@schemaLocation"), .kind = UM_TEXT, .column = "product_ref_schema_location"},
	END
};

static UmAttribute rated_product_usage_attributes[] = {
	{.name = BOTH("ratingDate"), .kind = UM_TIME, .column = "rating_date",
	.flags = UM_MANDATORY_RATED | UM_BLANK_IS_NONE},
	{.name = BOTH("usageRatingTag"), .kind = UM_TEXT, .column = "usage_rating_tag",
	.preset = "usage", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("isBilled"), .kind = UM_BOOL, .column = "is_billed",
	.preset = "false", .flags = UM_BLANK_IS_NONE | UM_TRUE_WHEN_BILLED},
	{.name = BOTH("ratingAmountType"), .kind = UM_TEXT, .column = "rating_amount_type",
	.preset = "total", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("taxIncludedRatingAmount"), .alias = {"taxIncludedAmount"},
		.kind = UM_NUMBER, .column = "tax_included_rating_amount",
		.flags = UM_MANDATORY_RATED | UM_BLANK_IS_NONE | UM_AMOUNT,
	.members = tax_included_money, .object_in = UM_ONLY_V4},
	{.name = BOTH("taxExcludedRatingAmount"), .alias = {"taxExcludedAmount"},
		.kind = UM_NUMBER, .column = "tax_excluded_rating_amount",
		.flags = UM_MANDATORY_RATED | UM_BLANK_IS_NONE,
	.members = tax_excluded_money, .object_in = UM_ONLY_V4},
	{.name = BOTH("taxRate"), .kind = UM_NUMBER, .column = "tax_rate",
	.flags = UM_MANDATORY_RATED | UM_BLANK_IS_NONE},
	{.name = BOTH("isTaxExempt"), .kind = UM_BOOL, .column = "is_tax_exempt",
	.preset = "false", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("offerTariffType"), .kind = UM_TEXT, .column = "offer_tariff_type",
	.preset = "normal", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("bucketValueConvertedInAmount"), .kind = UM_NUMBER,
		.column = "bucket_value_converted_in_amount", .flags = UM_BLANK_IS_NONE,
	.members = bucket_money, .object_in = UM_ONLY_V4},
	{.name = {"currencyCode", NULL}, .kind = UM_TEXT, .column = "currency_code",
	.flags = UM_MANDATORY_RATED | UM_BLANK_IS_NONE | UM_CURRENCY},
	{.name = BOTH("productRef"), .kind = UM_URI, .column = "product_ref",
		.flags = UM_MANDATORY_RATED | UM_BLANK_IS_NONE, .fallback = "product_ref_id",
	.members = product_ref, .object_in = UM_ONLY_V4},
	EXTENSIBLE,
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel rated_product_usage = {
	.noun = "rated_product_usage", .label = "rated product usage",
	.attributes = rated_product_usage_attributes, .type = {"rated_product_usage"}, .view = "rating"
};

static UmAttribute characteristic_value_attributes[] = {
	{.name = BOTH("valueType"), .kind = UM_TEXT, .column = "value_type",
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE},
	{.name = {"default", "isDefault"}, .kind = UM_BOOL, .column = "is_default",
	.flags = UM_BLANK_IS_NONE},
	{.name = BOTH("value"), .kind = UM_ANY, .column = "value", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("valueFrom"), .kind = UM_TEXT, .column = "value_from",
	.flags = UM_BLANK_IS_NONE, .number_in = UM_ONLY_V4},
	{.name = BOTH("valueTo"), .kind = UM_TEXT, .column = "value_to",
	.flags = UM_BLANK_IS_NONE, .number_in = UM_ONLY_V4},
	{.name = BOTH("unitOfMeasure"), .kind = UM_TEXT, .column = "unit_of_measure"},
	{.name = BOTH("rangeInterval"), .kind = UM_TEXT, .column = "range_interval"},
	{.name = BOTH("regex"), .kind = UM_TEXT, .column = "regex"},
	VALID_FOR,
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel characteristic_value = {
	.noun = "characteristic_value", .label = "characteristic value",
	.attributes = characteristic_value_attributes
};

static UmAttribute characteristic_specification_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name", .flags = UM_MANDATORY},
	{.name = BOTH("description"), .kind = UM_TEXT, .column = "description"},
	{.name = BOTH("configurable"), .alias = {"isConfigurable"}, .kind = UM_BOOL,
	.column = "configurable", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("extensible"), .kind = UM_BOOL, .column = "extensible", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("isUnique"), .kind = UM_BOOL, .column = "is_unique", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("minCardinality"), .kind = UM_NUMBER, .column = "min_cardinality",
	.flags = UM_BLANK_IS_NONE},
	{.name = BOTH("maxCardinality"), .kind = UM_NUMBER, .column = "max_cardinality",
	.flags = UM_BLANK_IS_NONE},
	{.name = BOTH("regex"), .kind = UM_TEXT, .column = "regex"},
	{.name = BOTH("valueType"), .kind = UM_TEXT, .column = "value_type", .flags = UM_BLANK_IS_NONE},
	VALID_FOR,
	{.name = {"usageSpecCharacteristicValue", "characteristicValueSpecification"},
	.kind = UM_TREE, .column = "values", .of = &characteristic_value, .gives = "value_type"},
	{.kind = UM_EXTRA, .column = "extra"},
	/* of any kind: no document of the standard says what they hold */
	{.name = BOTH("category"), .kind = UM_ANY, .column = "category"},
	{.name = BOTH("presence"), .kind = UM_ANY, .column = "presence"},
	END
};

static UmModel characteristic_specification = {
	.noun = "characteristic_specification", .label = "characteristic specification",
	.attributes = characteristic_specification_attributes
};

static UmAttribute attachment_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id"},
	{.name = BOTH("href"), .kind = UM_URI, .column = "href"},
	{.name = BOTH("attachmentType"), .kind = UM_TEXT, .column = "attachment_type"},
	{.name = BOTH("content"), .kind = UM_TEXT, .column = "content"},
	{.name = BOTH("description"), .kind = UM_TEXT, .column = "description"},
	{.name = BOTH("mimeType"), .kind = UM_TEXT, .column = "mime_type"},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name"},
	{.name = BOTH("url"), .kind = UM_URI, .column = "url"},
	VALID_FOR,
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel attachment = {
	.noun = "attachment", .label = "attachment", .attributes = attachment_attributes
};

static UmAttribute constraint_ref_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id"},
	{.name = BOTH("href"), .kind = UM_URI, .column = "href"},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name"},
	{.name = BOTH("version"), .kind = UM_TEXT, .column = "version"},
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel constraint_ref = {
	.noun = "constraint_ref", .label = "constraint", .attributes = constraint_ref_attributes
};

static UmAttribute relationship_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id"},
	{.name = BOTH("href"), .kind = UM_URI, .column = "href"},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name"},
	{.name = BOTH("relationshipType"), .kind = UM_TEXT, .column = "relationship_type"},
	{.name = BOTH("role"), .kind = UM_TEXT, .column = "role"},
	VALID_FOR,
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel relationship = {
	.noun = "relationship", .label = "relationship", .attributes = relationship_attributes
};

static UmAttribute target_schema_attributes[] = {
	{.name = BOTH("@type"), .kind = UM_TEXT, .column = "type"},
	{.name = BOTH("@schemaLocation"), .kind = UM_TEXT, .column = "schema_location"},
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

static UmModel target_schema = {
	.noun = "target_schema", .label = "target schema", .attributes = target_schema_attributes
};

static UmAttribute usage_specification_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id",
	.flags = UM_FIXED | UM_BLANK_IS_NONE | UM_NOT_CONTENT},
	{.name = BOTH("href"), .kind = UM_HREF, .flags = UM_FIXED},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name"},
	{.name = BOTH("description"), .kind = UM_TEXT, .column = "description"},
	{.name = BOTH("version"), .kind = UM_TEXT, .column = "version"},
	{.name = BOTH("isBundle"), .kind = UM_BOOL, .column = "is_bundle", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("lastUpdate"), .kind = UM_TIME, .column = "last_update", .flags = UM_BLANK_IS_NONE},
	{.name = {"status", "lifecycleStatus"}, .kind = UM_STATUS, .column = "status",
	.flags = UM_BLANK_IS_NONE},
	VALID_FOR,
	{.name = {"usageSpecCharacteristic", "specCharacteristic"}, .kind = UM_TREE,
	.column = "usage_spec_characteristic",
	.about = "the characteristics and their allowed values, a JSON array under the names of R14.5",
	.of = &characteristic_specification},
	{.name = BOTH("relatedParty"), .kind = UM_LIST, .column = "related_party",
	.of = &related_party},
	{.name = BOTH("attachment"), .kind = UM_TREE, .column = "attachment", .of = &attachment},
	{.name = BOTH("constraint"), .kind = UM_TREE, .column = "constraint_ref", .of = &constraint_ref},
	{.name = BOTH("entitySpecRelationship"), .kind = UM_TREE,
	.column = "entity_spec_relationship", .of = &relationship},
	{.name = BOTH("targetEntitySchema"), .kind = UM_BRANCH,
	.column = "target_entity_schema", .of = &target_schema},
	EXTRA(0),
	TIMES(0),
	EXTENSIBLE,
	END
};

static UmModel usage_specification_model = {
	.noun = "usage_specification", .label = "usage specification",
	.attributes = usage_specification_attributes
};

static UmAttribute service_usage_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id",
	.flags = UM_FIXED | UM_BLANK_IS_NONE | UM_NOT_CONTENT},
	{.name = BOTH("href"), .kind = UM_HREF, .flags = UM_FIXED},
	{.name = BOTH("usageDate"), .kind = UM_TIME, .column = "usage_date", .about = "when it happened",
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE | UM_NOT_PATCHED, .filled_in = UM_ALL_VERSIONS},
	{.name = BOTH("usageType"), .kind = UM_TEXT, .column = "usage_type"},
	{.name = BOTH("description"), .alias = {"usageDescription"}, .kind = UM_TEXT, .column = "description"},
	{.name = BOTH("status"), .kind = UM_STATUS, .column = "status",
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE},
	{.name = BOTH("usageSpecification"), .kind = UM_OBJECT,
	.members = service_usage_specification_ref, .object_in = UM_ALL_VERSIONS},
	{.name = BOTH("service"), .kind = UM_OBJECT, .members = service_ref, .object_in = UM_ALL_VERSIONS},
	{.name = BOTH("usageCharacteristic"), .kind = UM_CHARACTERISTICS,
	.column = "usage_characteristic", .of = &um_characteristic},
	{.name = BOTH("relatedParty"), .kind = UM_LIST, .column = "related_party", .of = &service_party},
	EXTENSIBLE,
	EXTRA(0),
	TIMES(0),
	LOAD(0),
	END
};

static UmModel service_usage_model = {
	.noun = "service_usage", .label = "service usage", .attributes = service_usage_attributes
};

static UmAttribute service_usage_specification_attributes[] = {
	{.name = BOTH("id"), .kind = UM_TEXT, .column = "id",
	.flags = UM_FIXED | UM_BLANK_IS_NONE | UM_NOT_CONTENT},
	{.name = BOTH("href"), .kind = UM_HREF, .flags = UM_FIXED},
	{.name = BOTH("name"), .kind = UM_TEXT, .column = "name", .flags = UM_MANDATORY},
	{.name = BOTH("description"), .kind = UM_TEXT, .column = "description"},
	{.name = BOTH("version"), .kind = UM_TEXT, .column = "version"},
	{.name = BOTH("isBundle"), .kind = UM_BOOL, .column = "is_bundle", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("lastUpdate"), .kind = UM_TIME, .column = "last_update", .flags = UM_BLANK_IS_NONE},
	{.name = BOTH("lifecycleStatus"), .alias = {"status"}, .kind = UM_STATUS, .column = "status",
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE},
	VALID_FOR,
	{.name = BOTH("specCharacteristic"), .alias = {"usageSpecCharacteristic"}, .kind = UM_TREE, .column = "spec_characteristic",
	.of = &characteristic_specification},
	{.name = BOTH("relatedParty"), .kind = UM_LIST, .column = "related_party",
	.of = &related_party},
	{.name = BOTH("attachment"), .kind = UM_TREE, .column = "attachment", .of = &attachment},
	{.name = BOTH("constraint"), .kind = UM_TREE, .column = "constraint_ref", .of = &constraint_ref},
	{.name = BOTH("entitySpecRelationship"), .kind = UM_TREE,
	.column = "entity_spec_relationship", .of = &relationship},
	{.name = BOTH("serviceUsageSpecRelationship"), .kind = UM_TREE,
	.column = "service_usage_spec_relationship", .of = &relationship},
	{.name = BOTH("serviceSpecification"), .kind = UM_OBJECT, .members = service_specification_ref,
	.object_in = UM_ALL_VERSIONS},
	{.name = BOTH("targetEntitySchema"), .kind = UM_BRANCH,
	.column = "target_entity_schema", .of = &target_schema},
	EXTENSIBLE,
	EXTRA(0),
	TIMES(0),
	END
};

static UmModel service_usage_specification_model = {
	.noun = "service_usage_specification", .label = "service usage specification",
	.attributes = service_usage_specification_attributes
};

enum
{
	RECEIVED, REJECTED, RECYCLED, GUIDED, RATED, RERATED, BILLED
};

/* The moves of the TMF635 life-cycle diagram. */
static UmLifeCycle usage_life = {
	.type = {"usage_status"},
	.count = 7,
	.status = {"received", "rejected", "recycled", "guided", "rated", "rerated", "billed"},
	.alias = {[RERATED] = "rerate"},
	.moves = {
		[RECEIVED] = UM_STATUS_BIT(GUIDED) | UM_STATUS_BIT(REJECTED),
		[REJECTED] = UM_STATUS_BIT(RECYCLED),
		[RECYCLED] = UM_STATUS_BIT(GUIDED) | UM_STATUS_BIT(REJECTED),
		[GUIDED] = UM_STATUS_BIT(RATED) | UM_STATUS_BIT(REJECTED),
		[RATED] = UM_STATUS_BIT(RERATED) | UM_STATUS_BIT(BILLED),
		[RERATED] = UM_STATUS_BIT(RATED),
		[BILLED] = 0
	},
	.first = RECEIVED,
	.rated = UM_STATUS_BIT(RATED) | UM_STATUS_BIT(RERATED) | UM_STATUS_BIT(BILLED),
	.closed = UM_STATUS_BIT(BILLED),
	.rejected = UM_STATUS_BIT(REJECTED),
	.recycled = UM_STATUS_BIT(RECYCLED),
	.open = UM_STATUS_BIT(RECEIVED) | UM_STATUS_BIT(REJECTED) | UM_STATUS_BIT(RECYCLED) |
	UM_STATUS_BIT(GUIDED) | UM_STATUS_BIT(RERATED)
};

enum
{
	IN_STUDY, IN_DESIGN, IN_TEST, WITHDRAWN, ACTIVE, LAUNCHED, RETIRED, OBSOLETE
};

/* Those of R14.5's description of the specification. */
static UmLifeCycle specification_life = {
	.type = {"usage_specification_status"},
	.count = 8,
	.status = {"in study", "in design", "in test", "rejected", "active", "launched",
	"retired", "obsolete"},
	.moves = {
		[IN_STUDY] = UM_STATUS_BIT(IN_DESIGN),
		[IN_DESIGN] = UM_STATUS_BIT(IN_TEST),
		[IN_TEST] = UM_STATUS_BIT(IN_DESIGN) | UM_STATUS_BIT(ACTIVE) | UM_STATUS_BIT(WITHDRAWN),
		[WITHDRAWN] = 0,
		[ACTIVE] = UM_STATUS_BIT(LAUNCHED) | UM_STATUS_BIT(RETIRED),
		[LAUNCHED] = UM_STATUS_BIT(RETIRED),
		[RETIRED] = UM_STATUS_BIT(OBSOLETE),
		[OBSOLETE] = 0
	},
	.first = IN_STUDY,
	.barred = UM_STATUS_BIT(WITHDRAWN) | UM_STATUS_BIT(OBSOLETE)
};

static UmResource usage_specification = {
	.plural = "usage_specifications", .model = &usage_specification_model,
	.about = "What usages of a type look like (TMF635: UsageSpecification).",
	.life = &specification_life, .faces = UM_ALL_VERSIONS,
	.path = {"/usageManagement/usageSpecification/",
	"/tmf-api/usageManagement/v4/usageSpecification/"}
};

static UmResource usage = {
	.plural = "usages", .model = &usage_model, .life = &usage_life, .faces = UM_ALL_VERSIONS,
	.about = "Events that can be charged (TMF635: Usage). One usage is one row; partitions are months "
	"in UTC.",
	.path = {"/usageManagement/usage/", "/tmf-api/usageManagement/v4/usage/"},
	.date = "usage_date", .ledger = "usage_key", .conflict = "usage_conflict",
	.specification = &usage_specification, .specification_id = "usage_specification_id"
};

enum
{
	GENERATED, ARCHIVED
};

/* Of TMF727's enumeration; its example archives what was generated. */
static UmLifeCycle service_usage_life = {
	.type = {"service_usage_status"},
	.count = 2,
	.status = {"generated", "archived"},
	.moves = {[GENERATED] = UM_STATUS_BIT(ARCHIVED),[ARCHIVED] = 0},
	.first = GENERATED
};

/* The same states as those of a usage specification, in an enum of the same name. */
static UmResource service_usage_specification = {
	.plural = "service_usage_specifications", .model = &service_usage_specification_model,
	.about = "What service usages of a type look like (TMF727: ServiceUsageSpecification).",
	.life = &specification_life, .faces = UM_ONLY_V4,
	.path = {[UM_V4] = "/tmf-api/serviceUsage/v4/serviceUsageSpecification/"}
};

static UmResource service_usage = {
	.plural = "service_usages", .model = &service_usage_model, .life = &service_usage_life,
	.about = "Usage of services (TMF727: ServiceUsage). One is one row; partitions are months in UTC.",
	.faces = UM_ONLY_V4, .path = {[UM_V4] = "/tmf-api/serviceUsage/v4/serviceUsage/"},
	.date = "usage_date", .ledger = "service_usage_key", .conflict = "service_usage_conflict",
	.specification = &service_usage_specification, .specification_id = "usage_specification_id"
};

/* The list of resources. */
UmResource *const um_declared_resources[] = {
	&usage, &usage_specification, &service_usage, &service_usage_specification, NULL
};

/*
 * The common entities of seed 002, which no table holds: a name that the seed
 * gives each, and what it makes mandatory.  Where it leaves the multiplicity
 * blank, mandatory is what no reader could do without: op and path of an
 * ArrayUpdate, the callback of a listener.
 */
#define ENTITY(model, entity, ...) \
static UmAttribute model##_attributes[] = {__VA_ARGS__, {.kind = UM_EXTRA, .column = "extra"}, END}; \
static UmModel model = { \
	.noun = entity, .label = entity, .attributes = model##_attributes \
}

#define CALLBACK \
	{.name = BOTH("callback"), .kind = UM_URI, .column = "callback", \
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE}
#define NEEDED(attribute_name, attribute_kind, slot_name) \
	{.name = BOTH(attribute_name), .kind = attribute_kind, .column = slot_name, .flags = UM_MANDATORY}
#define OPTIONAL(attribute_name, attribute_kind, slot_name) \
	{.name = BOTH(attribute_name), .kind = attribute_kind, .column = slot_name}

#define HREF \
	{.name = BOTH("href"), .alias = {"ref"}, .kind = UM_URI, .column = "href", \
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE}

static const char *const array_operations[] = {
	"test", "remove", "add", "replace", "move", "copy", NULL
};

ENTITY(alias, "Alias",
	   OPTIONAL("type", UM_TEXT, "type"),
	   OPTIONAL("value", UM_TEXT, "value"));

ENTITY(array_update, "ArrayUpdate",
	   {.name = BOTH("op"), .kind = UM_TEXT, .column = "op", .flags = UM_MANDATORY,
		.allowed = array_operations},
	   NEEDED("path", UM_URI, "path"),	/* "" is the whole document */
	   OPTIONAL("value", UM_ANY, "value"));

ENTITY(billing_account_ref, "BillingAccountRef",
	   HREF);

ENTITY(individual_characteristic, "Characteristic",
	   NEEDED("name", UM_TEXT, "name"),
	   OPTIONAL("value", UM_ANY, "value"));

ENTITY(medium, "Medium",
	   OPTIONAL("city", UM_TEXT, "city"),
	   OPTIONAL("country", UM_TEXT, "country"),
	   OPTIONAL("emailAddress", UM_TEXT, "email_address"),
	   OPTIONAL("number", UM_TEXT, "number"),
	   OPTIONAL("postcode", UM_TEXT, "postcode"),
	   OPTIONAL("stateOrProvince", UM_TEXT, "state_or_province"),
	   OPTIONAL("street1", UM_TEXT, "street1"),
	   OPTIONAL("street2", UM_TEXT, "street2"),
	   OPTIONAL("type", UM_TEXT, "type"));

ENTITY(time_period, "TimePeriod",
	   {.name = {"startTime", "startDateTime"}, .alias = {"startPeriod"}, .kind = UM_TIME,
		.column = "valid_from", .flags = UM_MANDATORY | UM_BLANK_IS_NONE},
	   {.name = {"endTime", "endDateTime"}, .alias = {"endPeriod"}, .kind = UM_TIME,
		.column = "valid_to", .flags = UM_BLANK_IS_NONE, .not_before = "valid_from"});

ENTITY(period_entity, "Period",
	   {.name = {"startPeriod", "startDateTime"}, .alias = {"startTime"}, .kind = UM_TIME,
		.column = "valid_from", .flags = UM_MANDATORY | UM_BLANK_IS_NONE},
	   {.name = {"endPeriod", "endDateTime"}, .alias = {"endTime"}, .kind = UM_TIME,
		.column = "valid_to", .flags = UM_BLANK_IS_NONE, .not_before = "valid_from"});

ENTITY(contact_medium, "ContactMedium",
	   {.name = BOTH("isPreferred"), .kind = UM_BOOL, .column = "is_preferred",
		.flags = UM_BLANK_IS_NONE},
	   {.name = BOTH("medium"), .kind = UM_BRANCH, .column = "medium", .of = &medium},
	   NEEDED("type", UM_TEXT, "type"),
	   {.name = BOTH("validFor"), .kind = UM_BRANCH, .column = "valid_for", .of = &time_period});

ENTITY(create_listener, "CreateListener",
	   CALLBACK,
	   OPTIONAL("query", UM_TEXT, "query"));

ENTITY(listener, "Listener",
	   CALLBACK,
	   HREF,
	   NEEDED("id", UM_TEXT, "id"),
	   OPTIONAL("query", UM_TEXT, "query"));

ENTITY(credential, "Credential",
	   OPTIONAL("login", UM_TEXT, "login"),
	   OPTIONAL("password", UM_TEXT, "password"),
	   OPTIONAL("updateType", UM_TEXT, "update_type"));

ENTITY(header, "Header",
	   OPTIONAL("key", UM_TEXT, "key"),
	   OPTIONAL("value", UM_TEXT, "value"));

ENTITY(money, "Money",
	   {.name = {"amount", "value"}, .kind = UM_NUMBER, .column = "amount",
		.flags = UM_MANDATORY | UM_BLANK_IS_NONE, .digits_in = "digits"},
	   {.name = {"currencyCode", "unit"}, .kind = UM_TEXT, .column = "currency_code",
		.flags = UM_MANDATORY | UM_BLANK_IS_NONE | UM_CURRENCY},
	   {.name = BOTH("digits"), .kind = UM_NUMBER, .column = "digits",
		.flags = UM_BLANK_IS_NONE | UM_COUNT});

ENTITY(note, "Note",
	   OPTIONAL("author", UM_TEXT, "author"),
	   {.name = BOTH("date"), .kind = UM_TIME, .column = "date", .flags = UM_BLANK_IS_NONE},
	   NEEDED("text", UM_TEXT, "text"));

ENTITY(payment_mean_ref, "PaymentMeanRef",
	   HREF,
	   OPTIONAL("name", UM_TEXT, "name"));

ENTITY(place_ref, "PlaceRef",
	   HREF,
	   NEEDED("role", UM_TEXT, "role"));

/* Stricter than a usage's related party, which may be known by its id alone. */
ENTITY(related_party_ref, "RelatedPartyRef",
	   {.name = BOTH("alias"), .kind = UM_TREE, .column = "alias", .of = &alias},
	   HREF,
	   OPTIONAL("name", UM_TEXT, "name"),
	   NEEDED("role", UM_TEXT, "role"),
	   OPTIONAL("status", UM_TEXT, "status"),
	   {.name = BOTH("validFor"), .kind = UM_BRANCH, .column = "valid_for", .of = &time_period});

UmModel *const um_entities[] = {
	&alias, &array_update, &billing_account_ref, &individual_characteristic, &contact_medium,
	&create_listener, &credential, &header, &listener, &medium, &money, &note, &payment_mean_ref,
	&period_entity, &place_ref, &related_party_ref, &time_period, NULL
};
