/*
 * faults.h
 *	  What is wrong with a record: all of it, in the model's order.
 */
#ifndef UM_FAULTS_H
#define UM_FAULTS_H

#include "model.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

/*
 * Where in a record: a chain on the C stack, rendered only when a fault is
 * found.  A link is an attribute, or with attribute == NULL an element of the
 * list that the parent names.
 */
typedef struct UmPath
{
	const struct UmPath *parent;
	const UmAttribute *attribute;
	int			index;			/* of the element, from 0 */
} UmPath;

typedef struct UmFault
{
	uint64		order;			/* faults are reported by this, ascending */
	int			sqlstate;
	char	   *path;			/* usageCharacteristic[2].value; "" for the whole */
	char	   *column;			/* related_party.role where that is its path; NULL for none */
	char	   *message;
	char	   *legal;			/* what would be allowed, or NULL */
} UmFault;

typedef struct UmFaults
{
	UmVersion	version;		/* whose names the paths carry */
	List	   *list;			/* of UmFault */
	int			left_out;		/* faults beyond the first thousand */
} UmFaults;

/* A record with more faults than that is not mended one by one. */
#define UM_MAX_FAULTS 1000

extern UmFault *um_fault(UmFaults *faults, const UmPath *path, int sqlstate,
						 const char *format,...) pg_attribute_printf(4, 5);
extern void um_fault_element(UmFaults *all, const UmFaults *faults, int element);
extern bool um_read_faults(UmFaults *faults, const char *json);
extern void um_raise_faults(UmFaults *faults, const UmModel *model, Relation table);
extern char *um_faults_json(const UmFaults *faults, bool columns);

#endif
