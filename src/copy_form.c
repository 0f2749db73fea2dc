/*
 * copy_form.c
 *	  The form in which a COPY brings documents.
 *
 * JSON is text in which backslash, comma, quote and tab have a meaning of their
 * own.  COPY's text format takes the backslashes away, plain CSV the quotes, a
 * header the first record; what is left may well be JSON, and nobody is told.
 * So a COPY of any form that could change or leave out a document is refused:
 * binary is safe, and CSV whose quote and delimiter no JSON text can hold.  A
 * line that holds one is no JSON, which only the line as it came can tell.
 *
 * The options of the statement that the client sent are known before its first
 * line is read.  Those of a COPY within a function are known with its first
 * row, from the state that COPY keeps for its error messages.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/copyfrom_internal.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "copy_form.h"
#include "errors.h"

/* The COPY into the view that the client sent; NULL where it is another statement. */
static const CopyStmt *
portal_copy(Oid view)
{
	PlannedStmt *statement;
	CopyStmt   *copy;

	if (ActivePortal == NULL || ActivePortal->stmts == NIL)
		return NULL;
	statement = linitial_node(PlannedStmt, ActivePortal->stmts);
	if (statement->utilityStmt == NULL || !IsA(statement->utilityStmt, CopyStmt))
		return NULL;
	copy = castNode(CopyStmt, statement->utilityStmt);
	if (!copy->is_from || RangeVarGetRelid(copy->relation, NoLock, true) != view)
		return NULL;
	return copy;
}

/*
 * COPY is known by its entry in pg_stat_progress_copy, which names its target;
 * where activities are not tracked, by the statement that the client sent.
 */
bool
um_is_copy_into(Oid view)
{
	if (pgstat_track_activities && MyBEEntry != NULL)
		return MyBEEntry->st_progress_command == PROGRESS_COMMAND_COPY &&
			MyBEEntry->st_progress_command_target == view;
	return portal_copy(view) != NULL;
}

/* One that JSON knows neither in a string nor as white space. */
static bool
is_control(const char *character)
{
	unsigned char c = character[0];

	return c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

static void
check_form(const CopyFormatOptions *form, Relation view)
{
	const char *why = NULL;

	if (um_copy_is_binary(form))
		return;
	if (!um_copy_is_csv(form))
		why = "The text format takes backslashes for its own escapes.";
	else if (!is_control(form->quote) || !is_control(form->escape) || !is_control(form->delim))
		why = "Quote, escape and delimiter must be control characters that JSON text cannot hold.";
	else if (form->header_line != COPY_HEADER_FALSE)
		why = "HEADER leaves the first document out.";
	else if (form->null_print_len > 0 || um_copy_leaves_out(form))
		why = "NULL, DEFAULT and ON_ERROR leave documents out.";
	if (why != NULL)
		ereport(ERROR,
				(errcode(UM_PARAMETER),
				 errmsg("COPY in this form would change or lose documents"),
				 errdetail("%s", why),
				 errhint("COPY %s.%s FROM STDIN WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02') "
						 "takes lines as they are; so does usagectl import, which is faster.",
						 get_namespace_name(RelationGetNamespace(view)),
						 RelationGetRelationName(view))));
}

/* At the start of a statement on the view. */
void
um_check_copy(Relation view)
{
	const CopyStmt *copy = portal_copy(RelationGetRelid(view));
	CopyFormatOptions form;

	if (copy == NULL || !um_is_copy_into(RelationGetRelid(view)))
		return;
	memset(&form, 0, sizeof(form));
	ProcessCopyOptions(NULL, &form, true, copy->options);
	check_form(&form, view);
}

/* At its first row; the COPY that brings it, NULL for one of lines that cannot change. */
CopyFromState
um_check_copied_row(Relation view)
{
	const ErrorContextCallback *context = error_context_stack;
	CopyFromState copy;

	while (context != NULL && context->callback != CopyFromErrorCallback)
		context = context->previous;
	copy = context != NULL ? context->arg : NULL;
	/* a trigger of what is copied into another table may write here */
	if (copy == NULL || copy->rel == NULL || RelationGetRelid(copy->rel) != RelationGetRelid(view))
		return NULL;
	check_form(&copy->opts, view);
	return um_copy_is_csv(&copy->opts) ? copy : NULL;
}

/* Whether the row is the line as it was sent: COPY leaves out its quotes and escapes. */
bool
um_is_line_whole(CopyFromState copy)
{
	const StringInfoData *line = &copy->line_buf;

	return memchr(line->data, copy->opts.quote[0], line->len) == NULL &&
		(copy->opts.escape[0] == copy->opts.quote[0] ||
		 memchr(line->data, copy->opts.escape[0], line->len) == NULL);
}
