/*
 * statement.c
 *	  Text and parameters of an SQL statement under way.
 *
 * The text is made of what the model and the code say.  What a caller says is a
 * parameter, always.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "statement.h"

void
um_statement_start(UmStatement *statement, const UmModel *model)
{
	statement->model = model;
	initStringInfo(&statement->sql);
	statement->nargs = 0;
	statement->room = 64;
	statement->args = palloc(sizeof(Datum) * statement->room);
	statement->types = palloc(sizeof(Oid) * statement->room);
}

/* Adds a parameter and gives its number. */
int
um_statement_arg(UmStatement *statement, Oid type, Datum value)
{
	if (statement->nargs == statement->room)
	{
		statement->room *= 2;
		statement->args = repalloc(statement->args, sizeof(Datum) * statement->room);
		statement->types = repalloc(statement->types, sizeof(Oid) * statement->room);
	}
	statement->args[statement->nargs] = value;
	statement->types[statement->nargs] = type;
	return ++statement->nargs;
}

/* The same of an array of values of that type. */
int
um_statement_array(UmStatement *statement, Oid type, Datum *values, int count)
{
	int16		len;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &len, &by_value, &align);
	return um_statement_arg(statement, get_array_type(type),
							PointerGetDatum(construct_array(values, count, type, len, by_value,
															align)));
}

int
um_statement_text(UmStatement *statement, const char *text)
{
	return um_statement_arg(statement, TEXTOID, CStringGetTextDatum(text));
}

/* Of a list of char *, an array of text. */
int
um_statement_texts(UmStatement *statement, List *texts)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(texts), 1));
	ListCell   *cell;

	foreach(cell, texts)
		values[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	return um_statement_array(statement, TEXTOID, values, list_length(texts));
}
