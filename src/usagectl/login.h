/* login.h: the first connection, and what must be there */
#ifndef USAGECTL_LOGIN_H
#define USAGECTL_LOGIN_H

#include "connection.h"

/* What a command cannot do without, and who has it. */
typedef struct Need
{
	const char *relation;		/* of the schema usage_mgmt */
	const char *privilege;		/* on it, or on a column of it; NULL where the server tells */
	const char *level;			/* of grant_access(), that has the right */
	const char *act;			/* what the right is for, before the database's name */
} Need;

extern PGconn *login_begin(Login *login, const Need *need);

#endif
