/*
 * row.h
 *	  A row of a table, or an element of a list in one, as a record and back.
 */
#ifndef UM_ROW_H
#define UM_ROW_H

#include "access/htup.h"
#include "access/tupdesc.h"

#include "record.h"

/* Where a row type has the slots of a model; it may have columns of the user's own. */
typedef struct UmShape
{
	const UmModel *model;
	int			natts;
	int			column[FLEXIBLE_ARRAY_MEMBER];	/* by slot, from 0 */
} UmShape;

extern bool um_fits(const UmModel *model, TupleDesc desc);
extern UmShape *um_shape(const UmModel *model, TupleDesc desc, const char *relation);
extern UmRecord *um_record_from_tuple(const UmShape *shape, TupleDesc desc, HeapTuple tuple);
extern UmRecord *um_record_read(const UmShape *shape, TupleDesc desc, HeapTuple tuple,
								UmFaults *faults, const UmPath *path);
extern UmRecord *um_record_skim(const UmShape *shape, TupleDesc desc, HeapTuple tuple,
								const UmRecord *old);
extern void um_record_read_slots(UmRecord *record, uint64 slots, UmFaults *faults);
extern uint64 um_record_changes(const UmRecord *record, const UmRecord *old, const UmShape *shape,
								TupleDesc desc);
extern void um_name_row(void *arg);
extern void um_refuse_row(const UmRecord *record, UmFaults *faults, Relation table);
extern Datum um_record_datum(const UmRecord *record, int slot);
extern UmList *um_tree_from_jsonb(const UmAttribute *attribute, Datum value,
								  UmFaults *faults, const UmPath *path);
extern UmRecord *um_record_from_values(const UmShape *shape, const Datum *values,
									   const bool *nulls);
extern UmRecord *um_record_read_values(const UmShape *shape, const Datum *values,
									   const bool *nulls, UmFaults *faults, const UmPath *path);
extern Oid	um_slot_type(const UmAttribute *attribute, const UmModel *model);

#endif
