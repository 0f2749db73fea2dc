/*
 * usage_mgmt.c
 *	  Where the library is loaded.
 */
#include "postgres.h"

#include "fmgr.h"

#include "bulk.h"
#include "compat.h"
#include "cursor.h"
#include "ledger.h"
#include "resource.h"
#include "rows.h"
#include "setting_table.h"
#include "settings.h"
#include "spec_cache.h"
#include "types.h"

PG_MODULE_MAGIC_EXT(.name = "usage_mgmt");

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	um_resource_init();
	um_settings_init();
	um_types_init();
	um_spec_cache_init();
	um_setting_table_init();
	um_bulk_init();
	um_ledger_init();
	um_rows_init();
	um_cursor_init();
}
