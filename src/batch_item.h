/*
 * batch_item.h
 *	  One record of a batch: read, made a row, found to be at fault, or shown.
 */
#ifndef UM_BATCH_ITEM_H
#define UM_BATCH_ITEM_H

#include "batch.h"

extern UmRecord *um_item_read(const UmBatch *batch, UmSlice document, UmFaults *faults,
							  bool *filled);
extern UmRecord *um_item_read_element(const UmBatch *batch, UmScan *scan, UmFaults *faults,
									  bool *filled);
extern void um_item_row(UmBatch *batch, UmBatchItem *item, const UmRecord *record);
extern bool um_item_suspects(const UmBatch *batch, const UmRecord *record, UmFaults *faults);
extern void um_item_judge(UmBatch *batch, UmBatchItem *item, const UmFaults *faults);
extern void um_item_judge_error(UmBatch *batch, UmBatchItem *item, const ErrorData *error);
extern void um_item_refuse_taken(UmBatch *batch, UmBatchItem *item, const UmRecord *record);
extern void um_item_show(UmBatch *batch, UmBatchItem *item, const UmRecord *stored);
extern void um_item_show_repeated(UmBatch *batch, UmBatchItem *item);
extern bool um_is_id_taken(const UmResource *resource, const ErrorData *error);
extern bool um_is_partition_new(const UmResource *resource, const ErrorData *error);
extern bool um_is_record_fault(int sqlstate);

#endif
