/*
 * usage_mgmt.c
 *	  Where the library is loaded, and learns that transactions end.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"

#include "bulk.h"
#include "compat.h"
#include "cursor.h"
#include "hub.h"
#include "ledger.h"
#include "order.h"
#include "outbox.h"
#include "resource.h"
#include "rows.h"
#include "setting_table.h"
#include "settings.h"
#include "spec_cache.h"
#include "types.h"
#include "upkeep.h"

PG_MODULE_MAGIC_EXT(.name = "usage_mgmt");

PGDLLEXPORT void _PG_init(void);

/* What statements have under way ends with their subtransaction. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	(void) arg;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		um_bulk_forget(mine);
	if (event == SUBXACT_EVENT_ABORT_SUB)
		um_outbox_forget(mine);
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
		um_outbox_end(mine, parent);
	if (event == SUBXACT_EVENT_ABORT_SUB || event == SUBXACT_EVENT_PRE_COMMIT_SUB)
		um_ledger_forget(mine);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
	{
		um_outbox_at_commit(event == XACT_EVENT_PRE_PREPARE);
		um_upkeep_at_commit(event == XACT_EVENT_PRE_PREPARE);
	}
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT ||
		event == XACT_EVENT_PRE_PREPARE)
		return;
	um_bulk_forget(InvalidSubTransactionId);
	um_ledger_forget(InvalidSubTransactionId);
	um_outbox_forget(InvalidSubTransactionId);
	um_upkeep_forget();
}

void
_PG_init(void)
{
	um_resource_init();
	um_order_init();
	um_settings_init();
	um_types_init();
	um_spec_cache_init();
	um_setting_table_init();
	um_hub_init();
	um_rows_init();
	um_cursor_init();
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	RegisterXactCallback(at_transaction_end, NULL);
}
