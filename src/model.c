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
 * The types of event of a resource are names, too, each as its version's
 * document has it.  They are of no pattern: TMF727 says StatusChange where
 * TMF635 says StateChange.  Some are not there: R14.5's reference code, whose
 * specifications have no status, tells nothing of one, nor does v4 of those of
 * usages; v4 of TMF727 tells nothing of what is no status.  event.c says what is
 * sent instead.
 *
 * An attribute with members can be one object in one version and a scalar in
 * another: a price is a number beside a currency code in R14.5 and an object
 * of both in v4.  The reader tells them apart by what it finds.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"

#include "resource.h"

#define BOTH(name) {name, name}

/* One that all versions call alike; behind its flags comes what else there is to say. */
#define ATTRIBUTE(name_, kind_, column_, flags_, ...) \
	{.name = BOTH(name_), .kind = kind_, .column = column_, .flags = flags_, __VA_ARGS__}

#define END {.kind = UM_END}

/* A model and its attributes; documents call its shape after its noun, or as they are said to. */
#define SHAPE_CALLED(model, noun_, label_, schema_, ...) \
static UmAttribute model##_attributes[] = {__VA_ARGS__, END}; \
static UmModel model = { \
	.noun = noun_, .label = label_, .schema = schema_, .attributes = model##_attributes \
}

#define SHAPE(model, noun_, label_, ...) SHAPE_CALLED(model, noun_, label_, NULL, __VA_ARGS__)

/* What a mandatory text is that nothing is known of. */
#define UNSPECIFIED "unspecified"

/* What a table keeps beside what is known of it; f are flags of each. */
#define EXTRA(f) {.kind = UM_EXTRA, .column = "extra", .flags = (f), \
	.about = "attributes that the model does not know, a JSON object"}
#define KEPT(column_, type_, about_, f) {.kind = UM_INTERNAL, .column = column_, .type = type_, \
	.about = about_, .flags = UM_NOT_CONTENT | (f)}
#define TIMES(f) \
	KEPT("received_at", TIMESTAMPTZOID, "when it was stored", f), \
	KEPT("changed_at", TIMESTAMPTZOID, "when it was changed last", f)
#define LOAD(f) KEPT("load_id", INT8OID, "the import_load that brought it", f)

/* Shapes that tables above their own speak of. */
static UmModel specification_party;
static UmModel characteristic_value;

/* TimePeriod: the seeds write startTime, startPeriod and startDateTime. */
static UmAttribute period[] = {
	ATTRIBUTE("startDateTime", UM_TIME, "valid_from", UM_BLANK_IS_NONE,
			  .alias = {"startTime", "startPeriod"}),
	ATTRIBUTE("endDateTime", UM_TIME, "valid_to", UM_BLANK_IS_NONE,
			  .alias = {"endTime", "endPeriod"}, .not_before = "valid_from"),
	END
};

/* An object in all versions; schema is what documents call it. */
#define OBJECT(name_, members_, schema_) \
	{.name = BOTH(name_), .kind = UM_OBJECT, .members = members_, .object_in = UM_ALL_VERSIONS, \
	.schema = schema_}

#define VALID_FOR OBJECT("validFor", period, "TimePeriod")

/* What v4 lets each resource say of its type. */
#define EXTENSIBLE \
	ATTRIBUTE("@type", UM_TEXT, "type", 0), \
	ATTRIBUTE("@baseType", UM_TEXT, "base_type", 0), \
	ATTRIBUTE("@schemaLocation", UM_TEXT, "schema_location", 0)

/* What each resource begins with. */
#define IDENTITY \
	ATTRIBUTE("id", UM_TEXT, "id", UM_FIXED | UM_BLANK_IS_NONE | UM_NOT_CONTENT), \
	{.name = BOTH("href"), .kind = UM_HREF, .flags = UM_FIXED}

static UmAttribute usage_specification_ref[] = {
	ATTRIBUTE("id", UM_TEXT, "usage_specification_id", UM_BLANK_IS_NONE,
			  .about = "the specification it follows, which may be another server's",
			  .last_segment_of = "usage_specification_href"),
	ATTRIBUTE("href", UM_URI, "usage_specification_href", UM_BLANK_IS_NONE, .alias = {"ref"}),
	ATTRIBUTE("name", UM_TEXT, "usage_specification_name", 0),
	END
};

/* A reference of v4; without an id it is none. */
#define REFERENCE(list, column_, ...) \
static UmAttribute list[] = { \
	ATTRIBUTE("id", UM_TEXT, column_ "_id", UM_BLANK_IS_NONE | UM_MANDATORY_WITH, \
			  .last_segment_of = column_ "_href"), \
	ATTRIBUTE("href", UM_URI, column_ "_href", UM_BLANK_IS_NONE, .alias = {"ref"}), \
	ATTRIBUTE("name", UM_TEXT, column_ "_name", 0), \
	__VA_ARGS__ \
	ATTRIBUTE("@referredType", UM_TEXT, column_ "_referred_type", 0), \
	ATTRIBUTE("@type", UM_TEXT, column_ "_type", 0), \
	ATTRIBUTE("@baseType", UM_TEXT, column_ "_base_type", 0), \
	ATTRIBUTE("@schemaLocation", UM_TEXT, column_ "_schema_location", 0), \
	END \
}

REFERENCE(service_ref, "service");
REFERENCE(service_specification_ref, "service_specification",
		  ATTRIBUTE("version", UM_TEXT, "service_specification_version", 0),);
REFERENCE(service_usage_specification_ref, "usage_specification");

SHAPE(usage_model, "usage", "usage",
	  IDENTITY,
	  {.name = {"date", "usageDate"}, .kind = UM_TIME, .column = "usage_date",
	   .about = "when it happened", .flags = UM_MANDATORY | UM_BLANK_IS_NONE,
	   .filled_in = UM_ONLY_V4},
	  {.name = {"type", "usageType"}, .kind = UM_TEXT, .column = "usage_type",
	   .flags = UM_MANDATORY, .filled_in = UM_ONLY_V4, .filled_with = UNSPECIFIED,
	   .filled_from = {"usage_specification_name", "usage_specification_id"}},
	  ATTRIBUTE("description", UM_TEXT, "description", UM_FREE_WHEN_BILLED,
				.alias = {"usageDescription"}),
	  ATTRIBUTE("status", UM_STATUS, "status", UM_BLANK_IS_NONE),
	  OBJECT("usageSpecification", usage_specification_ref, "UsageSpecificationRef"),
	  ATTRIBUTE("usageCharacteristic", UM_CHARACTERISTICS, "usage_characteristic", 0,
				.of = &um_characteristic),
	  ATTRIBUTE("relatedParty", UM_LIST, "related_party", 0, .of = &um_usage_party),
	  ATTRIBUTE("ratedProductUsage", UM_LIST, "rated_product_usage", UM_MANDATORY_RATED,
				.of = &um_rated_product_usage),
	  KEPT("rejection", JSONBOID, "why it was rejected: the faults and the delivered_status of one that the "
		   "specification check marked", UM_FREE_WHEN_BILLED),
	  EXTRA(UM_FREE_WHEN_BILLED),
	  TIMES(UM_FREE_WHEN_BILLED),
	  LOAD(UM_FREE_WHEN_BILLED),
	  EXTENSIBLE);

/* What the check against a specification asks the rest of a characteristic for. */
SHAPE(measure, "measure", "measure",
	  ATTRIBUTE("unitOfMeasure", UM_TEXT, "unit_of_measure", 0, .alias = {"unit", "units"}));

/* The rest of an element is kept by the type characteristics itself. */
static UmAttribute characteristic_attributes[] = {
	ATTRIBUTE("name", UM_TEXT, "name", UM_MANDATORY),
	ATTRIBUTE("value", UM_ANY, "value", UM_MANDATORY),
	{.kind = UM_EXTRA, .column = "extra", .of = &measure},
	END
};

UmModel		um_characteristic = {
	.noun = "characteristic", .label = "characteristic", .attributes = characteristic_attributes,
	.told_by = "name", .means = "value"
};

/* What is asked of the role, where it is filled in, what of the id and @referredType. */
#define RELATED_PARTY(scope, model, role_flags, filled, id_flags) \
static UmAttribute model##_attributes[] = { \
	ATTRIBUTE("role", UM_TEXT, "role", (role_flags), .filled_in = (filled), \
			  .filled_from = {"referred_type"}, .filled_with = UNSPECIFIED), \
	ATTRIBUTE("id", UM_TEXT, "id", UM_BLANK_IS_NONE | UM_GATHERED | (id_flags), \
			  .last_segment_of = "href"), \
	ATTRIBUTE("href", UM_URI, "href", UM_BLANK_IS_NONE, .alias = {"ref"}), \
	ATTRIBUTE("name", UM_TEXT, "name", 0), \
	ATTRIBUTE("status", UM_TEXT, "status", 0), \
	ATTRIBUTE("alias", UM_JSON, "alias", 0), \
	VALID_FOR, \
	ATTRIBUTE("@referredType", UM_TEXT, "referred_type", (id_flags)), \
	EXTENSIBLE, \
	{.kind = UM_EXTRA, .column = "extra"}, \
	END \
}; \
scope UmModel model = { \
	.noun = "related_party", .label = "related party", .attributes = model##_attributes, \
	.type = {"related_party"}, .view = "party", .ids = "party_ids", .told_by = "role" \
}

RELATED_PARTY(, um_usage_party, UM_MANDATORY, UM_ONLY_V4, 0);
RELATED_PARTY(static, specification_party, UM_MANDATORY, 0, 0);

/* TMF727 asks who it is, not in which role. */
RELATED_PARTY(static, service_party, 0, 0, UM_MANDATORY);

/* Money of v4; the seeds' own Money says amount and currencyCode. */
#define MONEY(list, amount, currency, other, shared) \
static UmAttribute list[] = { \
	ATTRIBUTE("unit", UM_TEXT, currency, UM_BLANK_IS_NONE | (shared), .alias = {"currencyCode"}, \
			  .fallback = other), \
	ATTRIBUTE("value", UM_NUMBER, amount, UM_BLANK_IS_NONE, .alias = {"amount"}), \
	END \
}

MONEY(tax_included_money, "tax_included_rating_amount", "currency_code", NULL, UM_SHARED);
MONEY(tax_excluded_money, "tax_excluded_rating_amount", "currency_code", NULL, UM_SHARED);
MONEY(bucket_money, "bucket_value_converted_in_amount", "bucket_currency_code", "currency_code", 0);

static UmAttribute product_ref[] = {
	ATTRIBUTE("id", UM_TEXT, "product_ref_id", UM_BLANK_IS_NONE | UM_GATHERED,
			  .last_segment_of = "product_ref"),
	ATTRIBUTE("href", UM_URI, "product_ref", UM_BLANK_IS_NONE | UM_GATHERED, .alias = {"ref"}),
	ATTRIBUTE("name", UM_TEXT, "product_ref_name", 0),
	ATTRIBUTE("@referredType", UM_TEXT, "product_ref_referred_type", 0),
	ATTRIBUTE("@type", UM_TEXT, "product_ref_type", 0),
	ATTRIBUTE("@baseType", UM_TEXT, "product_ref_base_type", 0),
	ATTRIBUTE("@schemaLocation", UM_TEXT, "product_ref_schema_location", 0),
	END
};

static UmAttribute rated_product_usage_attributes[] = {
	ATTRIBUTE("ratingDate", UM_TIME, "rating_date", UM_MANDATORY_RATED | UM_BLANK_IS_NONE),
	ATTRIBUTE("usageRatingTag", UM_TEXT, "usage_rating_tag", UM_BLANK_IS_NONE, .preset = "usage"),
	ATTRIBUTE("isBilled", UM_BOOL, "is_billed", UM_BLANK_IS_NONE | UM_TRUE_WHEN_BILLED,
			  .preset = "false"),
	ATTRIBUTE("ratingAmountType", UM_TEXT, "rating_amount_type", UM_BLANK_IS_NONE,
			  .preset = "total"),
	ATTRIBUTE("taxIncludedRatingAmount", UM_NUMBER, "tax_included_rating_amount",
			  UM_MANDATORY_RATED | UM_BLANK_IS_NONE | UM_AMOUNT, .alias = {"taxIncludedAmount"},
			  .members = tax_included_money, .object_in = UM_ONLY_V4, .schema = "Money"),
	ATTRIBUTE("taxExcludedRatingAmount", UM_NUMBER, "tax_excluded_rating_amount",
			  UM_MANDATORY_RATED | UM_BLANK_IS_NONE, .alias = {"taxExcludedAmount"},
			  .members = tax_excluded_money, .object_in = UM_ONLY_V4, .schema = "Money"),
	ATTRIBUTE("taxRate", UM_NUMBER, "tax_rate", UM_MANDATORY_RATED | UM_BLANK_IS_NONE),
	ATTRIBUTE("isTaxExempt", UM_BOOL, "is_tax_exempt", UM_BLANK_IS_NONE, .preset = "false"),
	ATTRIBUTE("offerTariffType", UM_TEXT, "offer_tariff_type", UM_BLANK_IS_NONE,
			  .preset = "normal"),
	ATTRIBUTE("bucketValueConvertedInAmount", UM_NUMBER, "bucket_value_converted_in_amount",
			  UM_BLANK_IS_NONE, .members = bucket_money, .object_in = UM_ONLY_V4, .schema = "Money"),
	{.name = {"currencyCode", NULL}, .kind = UM_TEXT, .column = "currency_code",
	.flags = UM_MANDATORY_RATED | UM_BLANK_IS_NONE | UM_CURRENCY},
	ATTRIBUTE("productRef", UM_URI, "product_ref",
			  UM_MANDATORY_RATED | UM_BLANK_IS_NONE | UM_GATHERED,
			  .fallback = "product_ref_id", .members = product_ref, .object_in = UM_ONLY_V4,
			  .schema = "ProductRef"),
	EXTENSIBLE,
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

UmModel		um_rated_product_usage = {
	.noun = "rated_product_usage", .label = "rated product usage",
	.attributes = rated_product_usage_attributes, .type = {"rated_product_usage"}, .view = "rating",
	.ids = "rating_refs", .ids_by_name = true
};

SHAPE_CALLED(characteristic_value, "characteristic_value", "characteristic value",
			 "CharacteristicValueSpecification",
			 ATTRIBUTE("valueType", UM_TEXT, "value_type", UM_MANDATORY | UM_BLANK_IS_NONE),
			 {.name = {"default", "isDefault"}, .kind = UM_BOOL, .column = "is_default",
			  .flags = UM_BLANK_IS_NONE},
			 ATTRIBUTE("value", UM_ANY, "value", UM_BLANK_IS_NONE),
			 ATTRIBUTE("valueFrom", UM_TEXT, "value_from", UM_BLANK_IS_NONE, .number_in = UM_ONLY_V4),
			 ATTRIBUTE("valueTo", UM_TEXT, "value_to", UM_BLANK_IS_NONE, .number_in = UM_ONLY_V4),
			 ATTRIBUTE("unitOfMeasure", UM_TEXT, "unit_of_measure", 0),
			 ATTRIBUTE("rangeInterval", UM_TEXT, "range_interval", 0),
			 ATTRIBUTE("regex", UM_TEXT, "regex", 0),
			 VALID_FOR,
			 {.kind = UM_EXTRA, .column = "extra"});

/* category and presence are of any kind: no document of the standard says what they hold */
SHAPE(characteristic_specification, "characteristic_specification", "characteristic specification",
	  ATTRIBUTE("id", UM_TEXT, "id", UM_BLANK_IS_NONE),
	  ATTRIBUTE("name", UM_TEXT, "name", UM_MANDATORY),
	  ATTRIBUTE("description", UM_TEXT, "description", 0),
	  ATTRIBUTE("configurable", UM_BOOL, "configurable", UM_BLANK_IS_NONE,
				.alias = {"isConfigurable"}),
	  ATTRIBUTE("extensible", UM_BOOL, "extensible", UM_BLANK_IS_NONE),
	  ATTRIBUTE("isUnique", UM_BOOL, "is_unique", UM_BLANK_IS_NONE),
	  ATTRIBUTE("minCardinality", UM_NUMBER, "min_cardinality", UM_BLANK_IS_NONE),
	  ATTRIBUTE("maxCardinality", UM_NUMBER, "max_cardinality", UM_BLANK_IS_NONE),
	  ATTRIBUTE("regex", UM_TEXT, "regex", 0),
	  ATTRIBUTE("valueType", UM_TEXT, "value_type", UM_BLANK_IS_NONE),
	  VALID_FOR,
	  {.name = {"usageSpecCharacteristicValue", "characteristicValueSpecification"},
	   .kind = UM_TREE, .column = "values", .of = &characteristic_value, .gives = "value_type"},
	  {.kind = UM_EXTRA, .column = "extra"},
	  ATTRIBUTE("category", UM_ANY, "category", 0),
	  ATTRIBUTE("presence", UM_ANY, "presence", 0));

SHAPE_CALLED(attachment, "attachment", "attachment", "AttachmentRefOrValue",
			 ATTRIBUTE("id", UM_TEXT, "id", 0),
			 ATTRIBUTE("href", UM_URI, "href", 0),
			 ATTRIBUTE("attachmentType", UM_TEXT, "attachment_type", 0),
			 ATTRIBUTE("content", UM_TEXT, "content", 0),
			 ATTRIBUTE("description", UM_TEXT, "description", 0),
			 ATTRIBUTE("mimeType", UM_TEXT, "mime_type", 0),
			 ATTRIBUTE("name", UM_TEXT, "name", 0),
			 ATTRIBUTE("url", UM_URI, "url", 0),
			 VALID_FOR,
			 {.kind = UM_EXTRA, .column = "extra"});

SHAPE(constraint_ref, "constraint_ref", "constraint",
	  ATTRIBUTE("id", UM_TEXT, "id", 0),
	  ATTRIBUTE("href", UM_URI, "href", 0),
	  ATTRIBUTE("name", UM_TEXT, "name", 0),
	  ATTRIBUTE("version", UM_TEXT, "version", 0),
	  {.kind = UM_EXTRA, .column = "extra"});

SHAPE_CALLED(relationship, "relationship", "relationship", "EntitySpecificationRelationship",
			 ATTRIBUTE("id", UM_TEXT, "id", 0),
			 ATTRIBUTE("href", UM_URI, "href", 0),
			 ATTRIBUTE("name", UM_TEXT, "name", 0),
			 ATTRIBUTE("relationshipType", UM_TEXT, "relationship_type", 0),
			 ATTRIBUTE("role", UM_TEXT, "role", 0),
			 VALID_FOR,
			 {.kind = UM_EXTRA, .column = "extra"});

SHAPE_CALLED(target_schema, "target_schema", "target schema", "TargetEntitySchema",
			 ATTRIBUTE("@type", UM_TEXT, "type", 0),
			 ATTRIBUTE("@schemaLocation", UM_TEXT, "schema_location", 0),
			 {.kind = UM_EXTRA, .column = "extra"});

#define RELATED_TO_SPECIFICATION \
	ATTRIBUTE("relatedParty", UM_LIST, "related_party", 0, .of = &specification_party), \
	ATTRIBUTE("attachment", UM_TREE, "attachment", 0, .of = &attachment), \
	ATTRIBUTE("constraint", UM_TREE, "constraint_ref", 0, .of = &constraint_ref), \
	ATTRIBUTE("entitySpecRelationship", UM_TREE, "entity_spec_relationship", 0, .of = &relationship)

SHAPE(usage_specification_model, "usage_specification", "usage specification",
	  IDENTITY,
	  ATTRIBUTE("name", UM_TEXT, "name", 0),
	  ATTRIBUTE("description", UM_TEXT, "description", 0),
	  ATTRIBUTE("version", UM_TEXT, "version", 0),
	  ATTRIBUTE("isBundle", UM_BOOL, "is_bundle", UM_BLANK_IS_NONE),
	  ATTRIBUTE("lastUpdate", UM_TIME, "last_update", UM_BLANK_IS_NONE),
	  {.name = {"status", "lifecycleStatus"}, .kind = UM_STATUS, .column = "status",
	   .flags = UM_BLANK_IS_NONE},
	  VALID_FOR,
	  {.name = {"usageSpecCharacteristic", "specCharacteristic"}, .kind = UM_TREE,
	   .column = "usage_spec_characteristic",
	   .about = "the characteristics and their allowed values, a JSON array under the names of R14.5",
	   .of = &characteristic_specification},
	  RELATED_TO_SPECIFICATION,
	  ATTRIBUTE("targetEntitySchema", UM_BRANCH, "target_entity_schema", 0, .of = &target_schema),
	  EXTRA(0),
	  TIMES(0),
	  EXTENSIBLE);

SHAPE(service_usage_model, "service_usage", "service usage",
	  IDENTITY,
	  ATTRIBUTE("usageDate", UM_TIME, "usage_date",
				UM_MANDATORY | UM_BLANK_IS_NONE | UM_NOT_PATCHED, .about = "when it happened",
				.filled_in = UM_ALL_VERSIONS),
	  ATTRIBUTE("usageType", UM_TEXT, "usage_type", 0),
	  ATTRIBUTE("description", UM_TEXT, "description", 0, .alias = {"usageDescription"}),
	  ATTRIBUTE("status", UM_STATUS, "status", UM_MANDATORY | UM_BLANK_IS_NONE),
	  OBJECT("usageSpecification", service_usage_specification_ref, "ServiceUsageSpecificationRef"),
	  OBJECT("service", service_ref, "ServiceRef"),
	  ATTRIBUTE("usageCharacteristic", UM_CHARACTERISTICS, "usage_characteristic", 0,
				.of = &um_characteristic),
	  ATTRIBUTE("relatedParty", UM_LIST, "related_party", 0, .of = &service_party),
	  EXTENSIBLE,
	  EXTRA(0),
	  TIMES(0),
	  LOAD(0));

SHAPE(service_usage_specification_model, "service_usage_specification",
	  "service usage specification",
	  IDENTITY,
	  ATTRIBUTE("name", UM_TEXT, "name", UM_MANDATORY),
	  ATTRIBUTE("description", UM_TEXT, "description", 0),
	  ATTRIBUTE("version", UM_TEXT, "version", 0),
	  ATTRIBUTE("isBundle", UM_BOOL, "is_bundle", UM_BLANK_IS_NONE),
	  ATTRIBUTE("lastUpdate", UM_TIME, "last_update", UM_BLANK_IS_NONE),
	  ATTRIBUTE("lifecycleStatus", UM_STATUS, "status", UM_MANDATORY | UM_BLANK_IS_NONE,
				.alias = {"status"}),
	  VALID_FOR,
	  ATTRIBUTE("specCharacteristic", UM_TREE, "spec_characteristic", 0,
				.alias = {"usageSpecCharacteristic"}, .of = &characteristic_specification),
	  RELATED_TO_SPECIFICATION,
	  ATTRIBUTE("serviceUsageSpecRelationship", UM_TREE, "service_usage_spec_relationship", 0,
				.of = &relationship),
	  OBJECT("serviceSpecification", service_specification_ref, "ServiceSpecificationRef"),
	  ATTRIBUTE("targetEntitySchema", UM_BRANCH, "target_entity_schema", 0, .of = &target_schema),
	  EXTENSIBLE,
	  EXTRA(0),
	  TIMES(0));

/* What is the server's of an order: a client may repeat it and says nothing by it. */
#define SERVERS (UM_SERVERS | UM_NOT_CONTENT)

#define COUNTED(name_, column_) \
	ATTRIBUTE(name_, UM_NUMBER, column_, SERVERS | UM_COUNT)

/* What the orders of TMF635 R14.5 and of the task resources of v4 have in common; url_flags of their url. */
#define ORDER(url_flags) \
	IDENTITY, \
	ATTRIBUTE("status", UM_STATUS, "status", SERVERS | UM_BLANK_IS_NONE), \
	ATTRIBUTE("path", UM_TEXT, "path", UM_BLANK_IS_NONE, \
			  .about = "what it is of, a resource or its API; usages where it says nothing"), \
	{.name = {"content-type", "contentType"}, .kind = UM_TEXT, .column = "content_type", \
	.flags = UM_BLANK_IS_NONE, .about = "the form of what is at the url"}, \
	ATTRIBUTE("errorLog", UM_TEXT, "error_log", SERVERS, .about = "why it failed, or is tried again"), \
	ATTRIBUTE("creationDate", UM_TIME, "creation_date", SERVERS), \
	ATTRIBUTE("completionDate", UM_TIME, "completion_date", SERVERS), \
	ATTRIBUTE("url", UM_URI, "url", UM_BLANK_IS_NONE | (url_flags))

/* Ours. */
#define ACCESS_TO_URL \
	ATTRIBUTE("credential", UM_TEXT, "credential", UM_BLANK_IS_NONE, \
			  .about = "the name, in the agent's configuration, of what it shows to be let in"), \
	ATTRIBUTE("manifest", UM_BOOL, "manifest", UM_BLANK_IS_NONE, \
			  .about = "whether a file beside it tells its counts, sums and hash")

#define CARRIED_OUT \
	COUNTED("byteCount", "byte_count"), \
	COUNTED("attempts", "attempts"), \
	ATTRIBUTE("orderedBy", UM_TEXT, "ordered_by", SERVERS | UM_FIXED, \
			  .about = "the role that ordered it, by whose rights it is carried out")

/* What agents and the store note of one. */
#define UNDER_WAY \
	KEPT("agent", TEXTOID, "who carries it out", 0), \
	KEPT("leased_until", TIMESTAMPTZOID, "so long nobody else takes it up", 0), \
	KEPT("next_at", TIMESTAMPTZOID, "not before this it is taken up", 0), \
	KEPT("failures", INT4OID, "attempts that failed since it came on last", 0), \
	KEPT("life", INT8OID, "of the database in which it was ordered: in a restored one it waits", 0), \
	KEPT("claims", TEXTOID, "those of the token with which it was ordered", UM_FIXED), \
	KEPT("cancelled_at", TIMESTAMPTZOID, "when it was cancelled", 0), \
	KEPT("started_at", TIMESTAMPTZOID, "when it was first taken up", 0), \
	KEPT("total_bytes", INT8OID, "how many there are, as far as that is known", 0), \
	TIMES(0)

static const char *const afterwards_words[] = {"keep", "rename", "remove", NULL};

SHAPE(import_job_model, "import_job", "import job",
	  ORDER(UM_MANDATORY),
	  ATTRIBUTE("mapping", UM_JSON, "mapping", 0,
				.about = "which column of text/csv is which attribute, a JSON object"),
	  ATTRIBUTE("sequence", UM_TEXT, "sequence", UM_BLANK_IS_NONE,
				.about = "a file's name with # for the number in it"),
	  ATTRIBUTE("afterwards", UM_TEXT, "afterwards", UM_BLANK_IS_NONE, .allowed = afterwards_words,
				.about = "what becomes of each file that a pattern finds"),
	  ATTRIBUTE("every", UM_TEXT, "every", UM_BLANK_IS_NONE,
				.about = "the interval after which a standing order is carried out again"),
	  ATTRIBUTE("parent", UM_TEXT, "parent", UM_BLANK_IS_NONE,
				.about = "the standing order that this one is a run of"),
	  ACCESS_TO_URL,
	  ATTRIBUTE("load", UM_NUMBER, "load", SERVERS, .about = "the import_load of its records"),
	  COUNTED("readCount", "read_count"),
	  COUNTED("storedCount", "stored_count"),
	  COUNTED("repeatedCount", "repeated_count"),
	  COUNTED("conflictingCount", "conflicting_count"),
	  COUNTED("rejectedCount", "rejected_count"),
	  ATTRIBUTE("position", UM_NUMBER, "position", SERVERS | UM_COUNT,
				.about = "bytes, once unpacked, that are done for good"),
	  CARRIED_OUT,
	  ATTRIBUTE("report", UM_JSON, "report", SERVERS, .about = "of a pattern: what became of each file"),
	  EXTENSIBLE,
	  EXTRA(0),
	  UNDER_WAY);

SHAPE(export_job_model, "export_job", "export job",
	  ORDER(0),
	  ATTRIBUTE("query", UM_TEXT, "query", UM_BLANK_IS_NONE,
				.about = "which resources, as a query string of TMF630; all where it says nothing"),
	  ATTRIBUTE("tmfVersion", UM_TEXT, "tmf_version", UM_BLANK_IS_NONE,
				.about = "the version of the standard that they are written in"),
	  ACCESS_TO_URL,
	  COUNTED("recordCount", "record_count"),
	  CARRIED_OUT,
	  EXTENSIBLE,
	  EXTRA(0),
	  UNDER_WAY);

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

/*
 * One of each as a client sends it, which posted as they stand follow each other.
 * What an API's documents show is made of them, in the names of their version.
 */
#define PARTY \
	"\"relatedParty\":[{\"role\":\"customer\",\"id\":\"45\",\"href\":\"https://example.com/party/45\"," \
	"\"name\":\"Jane Doe\",\"@referredType\":\"Individual\"}]"

#define CALL \
	"\"usageDate\":\"2026-03-01T09:30:00Z\",\"usageType\":\"voice\",\"description\":\"A call to Germany\"," \
	"\"usageCharacteristic\":[{\"name\":\"destinationNumber\",\"value\":\"49170123456789\"}," \
	"{\"name\":\"duration\",\"value\":20}]," PARTY

#define VOICE \
	"\"name\":\"Voice\",\"description\":\"Calls by telephone\",\"version\":\"1.0\"," \
	"\"lifecycleStatus\":\"active\",\"validFor\":{\"startDateTime\":\"2026-01-01T00:00:00Z\"}," \
	"\"specCharacteristic\":[{\"name\":\"destinationNumber\",\"description\":\"whom it was to\"," \
	"\"characteristicValueSpecification\":[{\"valueType\":\"string\"}]}," \
	"{\"name\":\"duration\",\"characteristicValueSpecification\":[{\"valueType\":\"number\"," \
	"\"valueFrom\":\"0\",\"unitOfMeasure\":\"SEC\"}]}]"

#define VOICE_REF(of) \
	"{\"id\":\"voice\",\"href\":\"https://example.com/" of "/voice\",\"name\":\"Voice\"}"

static UmResource usage_specification = {
	.plural = "usage_specifications", .model = &usage_specification_model,
	.example = "{" VOICE "}",
	.about = "What usages of a type look like (TMF635: UsageSpecification).",
	.life = &specification_life, .faces = UM_ALL_VERSIONS,
	.path = {"/usageManagement/usageSpecification/",
	"/tmf-api/usageManagement/v4/usageSpecification/"},
	.event = {
		[UM_R14_5] = {
			[UM_CREATE_EVENT] = "UsageSpecificationCreateNotification",
			[UM_CHANGE_EVENT] = "UsageSpecificationUpdateNotification",
			[UM_DELETE_EVENT] = "UsageSpecificationDeleteNotification",
			[UM_ANY_CHANGE_EVENT] = "UsageSpecificationChangeNotification"
		},
		[UM_V4] = {
			[UM_CREATE_EVENT] = "UsageSpecificationCreateEvent",
			[UM_CHANGE_EVENT] = "UsageSpecificationAttributeValueChangeEvent",
			[UM_DELETE_EVENT] = "UsageSpecificationDeleteEvent"
		}
	}
};

static UmResource usage = {
	.plural = "usages", .model = &usage_model, .life = &usage_life, .faces = UM_ALL_VERSIONS,
	.about = "Events that can be charged (TMF635: Usage). One usage is one row; partitions are months "
	"in UTC.",
	.path = {"/usageManagement/usage/", "/tmf-api/usageManagement/v4/usage/"},
	.date = "usage_date", .ledger = "usage_key", .conflict = "usage_conflict",
	.specification = &usage_specification, .specification_id = "usage_specification_id",
	.example = "{" CALL ",\"status\":\"rated\",\"usageSpecification\":" VOICE_REF("usageSpecification")
	",\"ratedProductUsage\":[{\"ratingDate\":\"2026-03-02T00:00:00Z\",\"usageRatingTag\":\"usage\","
	"\"isBilled\":false,\"ratingAmountType\":\"total\",\"taxIncludedRatingAmount\":{\"unit\":\"EUR\",\"value\":12.00},"
	"\"taxExcludedRatingAmount\":{\"unit\":\"EUR\",\"value\":10.00},\"taxRate\":20,\"isTaxExempt\":false,"
	"\"offerTariffType\":\"normal\",\"productRef\":{\"id\":\"7\",\"href\":\"https://example.com/product/7\"}}]}",
	.event = {
		[UM_R14_5] = {
			[UM_CREATE_EVENT] = "UsageCreateNotification",
			[UM_STATUS_EVENT] = "UsageStatusChangedNotification",
			[UM_CHANGE_EVENT] = "UsageUpdateNotification",
			[UM_DELETE_EVENT] = "UsageDeleteNotification",
			[UM_ANY_CHANGE_EVENT] = "UsageChangeNotification"
		},
		[UM_V4] = {
			[UM_CREATE_EVENT] = "UsageCreateEvent",
			[UM_STATUS_EVENT] = "UsageStateChangeEvent",
			[UM_CHANGE_EVENT] = "UsageAttributeValueChangeEvent",
			[UM_DELETE_EVENT] = "UsageDeleteEvent"
		}
	}
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
	.moves = {[GENERATED] = UM_STATUS_BIT(ARCHIVED), [ARCHIVED] = 0},
	.first = GENERATED
};

/* The same states as those of a usage specification, in an enum of the same name. */
static UmResource service_usage_specification = {
	.plural = "service_usage_specifications", .model = &service_usage_specification_model,
	.example = "{" VOICE "}",
	.about = "What service usages of a type look like (TMF727: ServiceUsageSpecification).",
	.life = &specification_life, .faces = UM_ONLY_V4,
	.path = {[UM_V4] = "/tmf-api/serviceUsage/v4/serviceUsageSpecification/"},
	.other_path = {[UM_V4] = "/tmf-api/serviceUsageManagement/v4/serviceUsageSpecification/"},
	.event = {
		[UM_V4] = {
			[UM_CREATE_EVENT] = "ServiceUsageSpecificationCreateEvent",
			[UM_STATUS_EVENT] = "ServiceUsageSpecificationStateChangeEvent",
			[UM_CHANGE_EVENT] = "ServiceUsageSpecificationAttributeValueChangeEvent",
			[UM_DELETE_EVENT] = "ServiceUsageSpecificationDeleteEvent"
		}
	}
};

static UmResource service_usage = {
	.plural = "service_usages", .model = &service_usage_model, .life = &service_usage_life,
	.about = "Usage of services (TMF727: ServiceUsage). One is one row; partitions are months in UTC.",
	.faces = UM_ONLY_V4, .path = {[UM_V4] = "/tmf-api/serviceUsage/v4/serviceUsage/"},
	.other_path = {[UM_V4] = "/tmf-api/serviceUsageManagement/v4/serviceUsage/"},
	.date = "usage_date", .ledger = "service_usage_key", .conflict = "service_usage_conflict",
	.specification = &service_usage_specification, .specification_id = "usage_specification_id",
	.example = "{" CALL ",\"status\":\"generated\",\"service\":{\"id\":\"9\",\"href\":\"https://example.com/service/9\"},"
	"\"usageSpecification\":" VOICE_REF("serviceUsageSpecification") "}",
	.event = {
		[UM_V4] = {
			[UM_CREATE_EVENT] = "ServiceUsageCreateEvent",
			[UM_STATUS_EVENT] = "ServiceUsageStatusChangeEvent",
			[UM_DELETE_EVENT] = "ServiceUsageDeleteEvent"
		}
	}
};

enum
{
	NOT_STARTED, RUNNING, SUCCEEDED, FAILED
};

/* The seeds have a job completed as well. */
static UmLifeCycle job_life = {
	.type = {"job_status"},
	.count = 4,
	.status = {"not started", "running", "succeeded", "failed"},
	.alias = {[SUCCEEDED] = "completed"},
	.written = {[UM_V4] = {"Not Started", "Running", "Succeeded", "Failed"}},
	.moves = {
		[NOT_STARTED] = UM_STATUS_BIT(RUNNING) | UM_STATUS_BIT(FAILED),
		[RUNNING] = UM_STATUS_BIT(SUCCEEDED) | UM_STATUS_BIT(FAILED),
		[SUCCEEDED] = 0,
		[FAILED] = 0
	},
	.first = NOT_STARTED,
	.rejected = UM_STATUS_BIT(FAILED),
	.ended = UM_STATUS_BIT(SUCCEEDED) | UM_STATUS_BIT(FAILED)
};

/* R14.5 tells of a job that it is over, and nothing before. */
#define TOLD_AT_THE_END \
	.told = {[UM_R14_5] = UM_STATUS_BIT(SUCCEEDED) | UM_STATUS_BIT(FAILED)}

static UmResource import_job = {
	.plural = "import_jobs", .model = &import_job_model, .life = &job_life, .orders = true,
	.about = "Orders to take in what is at a URL (TMF635: ImportJob). An agent carries them out.",
	.faces = UM_ALL_VERSIONS,
	.path = {"/usageManagement/importJob/", "/tmf-api/usageManagement/v4/importJob/"},
	.example = "{\"path\":\"usageManagement/usage\",\"contentType\":\"application/x-ndjson\","
	"\"url\":\"https://example.com/usage.ndjson.gz\"}",
	TOLD_AT_THE_END,
	.event = {
		[UM_R14_5] = {
			[UM_STATUS_EVENT] = "ImportJobCompletionNotification"
		},
		[UM_V4] = {
			[UM_CREATE_EVENT] = "ImportJobCreateEvent",
			[UM_STATUS_EVENT] = "ImportJobStateChangeEvent",
			[UM_DELETE_EVENT] = "ImportJobDeleteEvent"
		}
	}
};

static UmResource export_job = {
	.plural = "export_jobs", .model = &export_job_model, .life = &job_life, .orders = true,
	.result = "get_export_result",
	.about = "Orders to put what is stored at a URL (TMF635: ExportJob). An agent carries them out.",
	.faces = UM_ALL_VERSIONS,
	.path = {"/usageManagement/exportJob/", "/tmf-api/usageManagement/v4/exportJob/"},
	.example = "{\"path\":\"usageManagement/usage\",\"contentType\":\"application/x-ndjson\","
	"\"query\":\"usageDate.gte=2026-03-01&usageDate.lt=2026-04-01\","
	"\"url\":\"sftp://example.com/usage-2026-03.ndjson.gz\"}",
	TOLD_AT_THE_END,
	.event = {
		[UM_R14_5] = {
			[UM_STATUS_EVENT] = "ExportJobCompletionNotification"
		},
		[UM_V4] = {
			[UM_CREATE_EVENT] = "ExportJobCreateEvent",
			[UM_STATUS_EVENT] = "ExportJobStateChangeEvent",
			[UM_DELETE_EVENT] = "ExportJobDeleteEvent"
		}
	}
};

/* The list of resources. */
UmResource *const um_declared_resources[] = {
	&usage, &usage_specification, &service_usage, &service_usage_specification, &import_job,
	&export_job, NULL
};

/*
 * The common entities of seed 002, which no table holds: a name that the seed
 * gives each, and what it makes mandatory.  Where it leaves the multiplicity
 * blank, mandatory is what no reader could do without: op and path of an
 * ArrayUpdate, the callback of a listener.
 */
#define ENTITY(model, entity, ...) \
	SHAPE(model, entity, entity, __VA_ARGS__, {.kind = UM_EXTRA, .column = "extra"})

#define CALLBACK \
	ATTRIBUTE("callback", UM_URI, "callback", UM_MANDATORY | UM_BLANK_IS_NONE)

#define HREF \
	ATTRIBUTE("href", UM_URI, "href", UM_MANDATORY | UM_BLANK_IS_NONE, .alias = {"ref"})

static const char *const array_operations[] = {
	"test", "remove", "add", "replace", "move", "copy", NULL
};

ENTITY(alias, "Alias",
	   ATTRIBUTE("type", UM_TEXT, "type", 0),
	   ATTRIBUTE("value", UM_TEXT, "value", 0));

ENTITY(array_update, "ArrayUpdate",
	   ATTRIBUTE("op", UM_TEXT, "op", UM_MANDATORY, .allowed = array_operations),
	   ATTRIBUTE("path", UM_URI, "path", UM_MANDATORY), /* "" is the whole document */
	   ATTRIBUTE("value", UM_ANY, "value", 0));

ENTITY(billing_account_ref, "BillingAccountRef",
	   HREF);

ENTITY(individual_characteristic, "Characteristic",
	   ATTRIBUTE("name", UM_TEXT, "name", UM_MANDATORY),
	   ATTRIBUTE("value", UM_ANY, "value", 0));

ENTITY(medium, "Medium",
	   ATTRIBUTE("city", UM_TEXT, "city", 0),
	   ATTRIBUTE("country", UM_TEXT, "country", 0),
	   ATTRIBUTE("emailAddress", UM_TEXT, "email_address", 0),
	   ATTRIBUTE("number", UM_TEXT, "number", 0),
	   ATTRIBUTE("postcode", UM_TEXT, "postcode", 0),
	   ATTRIBUTE("stateOrProvince", UM_TEXT, "state_or_province", 0),
	   ATTRIBUTE("street1", UM_TEXT, "street1", 0),
	   ATTRIBUTE("street2", UM_TEXT, "street2", 0),
	   ATTRIBUTE("type", UM_TEXT, "type", 0));

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
	   ATTRIBUTE("isPreferred", UM_BOOL, "is_preferred", UM_BLANK_IS_NONE),
	   ATTRIBUTE("medium", UM_BRANCH, "medium", 0, .of = &medium),
	   ATTRIBUTE("type", UM_TEXT, "type", UM_MANDATORY),
	   {.name = BOTH("validFor"), .kind = UM_BRANCH, .column = "valid_for", .of = &time_period});

/* Its order is that of UmCreateListenerSlot. */
static UmAttribute create_listener_attributes[] = {
	CALLBACK,
	ATTRIBUTE("query", UM_TEXT, "query", 0),
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

UmModel		um_create_listener = {
	.noun = "CreateListener", .label = "CreateListener", .attributes = create_listener_attributes
};

/* Its order is that of UmListenerSlot.  The secret is ours, and told once. */
static UmAttribute listener_attributes[] = {
	CALLBACK,
	/* v4 knows none */
	{.name = {"href", NULL}, .alias = {"ref"}, .kind = UM_URI, .column = "href",
	.flags = UM_MANDATORY | UM_BLANK_IS_NONE},
	ATTRIBUTE("id", UM_TEXT, "id", UM_MANDATORY),
	ATTRIBUTE("query", UM_TEXT, "query", 0),
	ATTRIBUTE("secret", UM_TEXT, "secret", 0),
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

UmModel		um_listener_entity = {
	.noun = "Listener", .label = "Listener", .schema = "EventSubscription",
	.attributes = listener_attributes
};

/* Its order is that of UmErrorSlot. */
static UmAttribute error_attributes[] = {
	ATTRIBUTE("code", UM_TEXT, "code", UM_MANDATORY),
	ATTRIBUTE("reason", UM_TEXT, "reason", UM_MANDATORY),
	ATTRIBUTE("message", UM_TEXT, "message", 0),
	ATTRIBUTE("status", UM_TEXT, "status", 0),
	ATTRIBUTE("referenceError", UM_URI, "reference_error", UM_BLANK_IS_NONE),
	ATTRIBUTE("@type", UM_TEXT, "type", 0),
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

UmModel		um_error_entity = {
	.noun = "Error", .label = "Error", .attributes = error_attributes
};

ENTITY(credential, "Credential",
	   ATTRIBUTE("login", UM_TEXT, "login", 0),
	   ATTRIBUTE("password", UM_TEXT, "password", 0),
	   ATTRIBUTE("updateType", UM_TEXT, "update_type", 0));

ENTITY(header, "Header",
	   ATTRIBUTE("key", UM_TEXT, "key", 0),
	   ATTRIBUTE("value", UM_TEXT, "value", 0));

ENTITY(money, "Money",
	   {.name = {"amount", "value"}, .kind = UM_NUMBER, .column = "amount",
		.flags = UM_MANDATORY | UM_BLANK_IS_NONE, .digits_in = "digits"},
	   {.name = {"currencyCode", "unit"}, .kind = UM_TEXT, .column = "currency_code",
		.flags = UM_MANDATORY | UM_BLANK_IS_NONE | UM_CURRENCY},
	   {.name = BOTH("digits"), .kind = UM_NUMBER, .column = "digits",
		.flags = UM_BLANK_IS_NONE | UM_COUNT});

ENTITY(note, "Note",
	   ATTRIBUTE("author", UM_TEXT, "author", 0),
	   ATTRIBUTE("date", UM_TIME, "date", UM_BLANK_IS_NONE),
	   ATTRIBUTE("text", UM_TEXT, "text", UM_MANDATORY));

/* What all events are in; its order is that of UmNotificationSlot. */
static UmAttribute notification_attributes[] = {
	ATTRIBUTE("eventId", UM_TEXT, "event_id", 0),
	ATTRIBUTE("eventTime", UM_TIME, "event_time", UM_MANDATORY | UM_BLANK_IS_NONE),
	ATTRIBUTE("eventType", UM_TEXT, "event_type", UM_MANDATORY),
	{.name = {NULL, "fieldPath"}, .kind = UM_TEXT, .column = "field_path"},
	/* spelled as v4 does, and understood as v5 does */
	{.name = {NULL, "timeOcurred"}, .alias = {"timeOccurred"}, .kind = UM_TIME,
	.column = "time_occurred", .flags = UM_BLANK_IS_NONE},
	ATTRIBUTE("event", UM_ANY, "event", 0),
	{.kind = UM_EXTRA, .column = "extra"},
	END
};

UmModel		um_notification = {
	.noun = "Notification", .label = "Notification", .attributes = notification_attributes
};

ENTITY(payment_mean_ref, "PaymentMeanRef",
	   HREF,
	   ATTRIBUTE("name", UM_TEXT, "name", 0));

ENTITY(place_ref, "PlaceRef",
	   HREF,
	   ATTRIBUTE("role", UM_TEXT, "role", UM_MANDATORY));

/* Stricter than a usage's related party, which may be known by its id alone. */
ENTITY(related_party_ref, "RelatedPartyRef",
	   ATTRIBUTE("alias", UM_TREE, "alias", 0, .of = &alias),
	   HREF,
	   ATTRIBUTE("name", UM_TEXT, "name", 0),
	   ATTRIBUTE("role", UM_TEXT, "role", UM_MANDATORY),
	   ATTRIBUTE("status", UM_TEXT, "status", 0),
	   {.name = BOTH("validFor"), .kind = UM_BRANCH, .column = "valid_for", .of = &time_period});

UmModel    *const um_entities[] = {
	&alias, &array_update, &billing_account_ref, &individual_characteristic, &contact_medium,
	&um_create_listener, &credential, &um_error_entity, &header, &um_listener_entity, &medium, &money, &note, &um_notification,
	&payment_mean_ref, &period_entity, &place_ref, &related_party_ref, &time_period, NULL
};
