/*
 * settings.c
 *	  The settings that are the session's own, each with its default.
 *
 * What the owner of the tables orders for all sessions is no GUC, which any
 * session could displace before the library is loaded: see setting_table.c.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "settings.h"

int			um_tmf_version = UM_R14_5;
char	   *um_base_url = NULL;
bool		um_install_tables = true;
int			um_on_fault = UM_KEEP_FAULTS;
char	   *um_load_setting = NULL;

static const struct config_enum_entry versions[] = {
	{"r14.5", UM_R14_5, false},
	{"v4", UM_V4, false},
	{NULL, 0, false}
};

static const struct config_enum_entry faults[] = {
	{"keep", UM_KEEP_FAULTS, false},
	{"raise", UM_RAISE_FAULTS, false},
	{NULL, 0, false}
};

/* The id of a load, or nothing. */
static bool
check_load(char **value, void **extra, GucSource source)
{
	(void) extra;
	(void) source;
	return strspn(*value, "0123456789") == strlen(*value) && strlen(*value) <= 18;
}

void
um_settings_init(void)
{
	DefineCustomEnumVariable("usage_mgmt.tmf_version",
							 "Sets the version of the standard that operations speak by default.",
							 NULL, &um_tmf_version, UM_R14_5, versions,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("usage_mgmt.base_url",
							   "Sets what every href starts with.",
							   NULL, &um_base_url, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("usage_mgmt.install_tables",
							 "Sets whether CREATE EXTENSION makes the tables.",
							 "Off where a restore or another node brings them.",
							 &um_install_tables, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("usage_mgmt.on_fault",
							 "Sets what a load does with a faulty document.",
							 "It is kept as a reject (keep) or fails the load (raise).",
							 &um_on_fault, UM_KEEP_FAULTS, faults,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("usage_mgmt.load",
							   "Sets the row of import_load that statements on the document views belong to.",
							   "Empty: each COPY makes its own.",
							   &um_load_setting, "",
							   PGC_USERSET, 0, check_load, NULL, NULL);
	MarkGUCPrefixReserved("usage_mgmt");
}
