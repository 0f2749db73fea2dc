/*
 * tmf_write.h
 *	  Record → JSON text.
 */
#ifndef UM_TMF_WRITE_H
#define UM_TMF_WRITE_H

#include "record.h"

/*
 * Which attributes to write: NULL for all, else dotted names, of which a
 * prefix selects everything below it.
 */
typedef List UmFields;

/* Each attribute of each element is looked for among all of them. */
#define UM_MAX_FIELDS 1000

extern void um_write_record(StringInfo out, const UmRecord *record, UmVersion version,
							const UmFields *fields);
extern Datum um_json_of(const UmRecord *record, UmVersion version, const UmFields *fields);
extern text *um_json_of_attribute(const UmRecord *record, const UmAttribute *attribute,
								  UmVersion version);
extern void um_write_tree(StringInfo out, const UmAttribute *attribute, const UmList *list,
						  UmVersion version);
extern UmFields *um_fields(const char *text, const UmModel *model, UmVersion version);
extern void um_append_encoded(StringInfo out, UmSlice id);
extern char *um_href(const UmModel *model, UmVersion version, const char *id, int len);

#endif
