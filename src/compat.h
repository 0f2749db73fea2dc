/*
 * compat.h
 *	  The only place that asks which PostgreSQL this is.
 *
 * Older servers are given the newer interface, so that no other file needs a
 * condition.
 */
#ifndef UM_COMPAT_H
#define UM_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "usage_mgmt needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 180000
#include "access/htup_details.h"

#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#define pg_noreturn pg_attribute_noreturn()
#define heap_form_minimal_tuple(desc, values, nulls, extra) \
	heap_form_minimal_tuple(desc, values, nulls)
#define ExecutorRun(query, direction, count) ExecutorRun(query, direction, count, false)
#define vacuum_delay_point(is_analyze) vacuum_delay_point()
#endif

#if PG_VERSION_NUM < 190000
#define pg_plan_query(query, string, options, params, explain) \
	pg_plan_query(query, string, options, params)
#define um_copy_is_binary(form) ((form)->binary)
#define um_copy_is_csv(form) ((form)->csv_mode)
#else
#define um_copy_is_binary(form) ((form)->format == COPY_FORMAT_BINARY)
#define um_copy_is_csv(form) ((form)->format == COPY_FORMAT_CSV)
#endif

/* How much ANALYZE is to keep of a column. */
#if PG_VERSION_NUM >= 170000
#define um_statistics_target(stats) ((stats)->attstattarget)
#else
#define um_statistics_target(stats) ((stats)->attr->attstattarget)
#endif

/* Options of COPY, newer than 15, by which it leaves rows out. */
#if PG_VERSION_NUM >= 170000
#define um_copy_leaves_out(form) \
	((form)->default_print != NULL || (form)->on_error != COPY_ON_ERROR_STOP)
#elif PG_VERSION_NUM >= 160000
#define um_copy_leaves_out(form) ((form)->default_print != NULL)
#else
#define um_copy_leaves_out(form) false
#endif

/* Symbols are hidden, as 16 and later build modules, but for what SQL calls. */
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(function) \
extern PGDLLEXPORT Datum function(PG_FUNCTION_ARGS); \
extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_,function)(void); \
const Pg_finfo_record * \
CppConcat(pg_finfo_,function) (void) \
{ \
	static const Pg_finfo_record info = {1}; \
	return &info; \
} \
extern int	no_such_variable
#endif

#endif
