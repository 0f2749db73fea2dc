/*
 * declared.c
 *	  What the sender of a file says that it comes to.
 *
 * Amounts stay the digits that they are: the server adds up without rounding.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declared.h"

static bool is_number(const char *text);

/* False where it is no number of records. */
bool
declared_count(Declared *declared, const char *count)
{
	if (strspn(count, "0123456789") != strlen(count) || count[0] == '\0' || strlen(count) > 18)
		return false;
	snprintf(declared->read, sizeof(declared->read), "\"read\": %lld", strtoll(count, NULL, 10));
	return true;
}

/* EUR=12.00 */
bool
declared_amount(Declared *declared, const char *amount)
{
	size_t		used = strlen(declared->amounts);

	if (strlen(amount) > 200 || used + 300 > sizeof(declared->amounts) ||
		strspn(amount, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3 || amount[3] != '=' || !is_number(amount + 4))
		return false;
	snprintf(declared->amounts + used, sizeof(declared->amounts) - used, "%s\"%.3s\": %s",
			 used > 0 ? ", " : "", amount, amount + 4);
	return true;
}

/* Whether there is one in that currency. */
bool
declared_currency(const Declared *declared, const char *amount)
{
	char		member[8];

	snprintf(member, sizeof(member), "\"%.3s\":", amount);
	return strstr(declared->amounts, member) != NULL;
}

bool
declared_any(const Declared *declared)
{
	return declared->read[0] != '\0' || declared->amounts[0] != '\0';
}

/* Count and amounts as one object. */
const char *
declared_all(Declared *declared)
{
	bool		amounts = declared->amounts[0] != '\0';

	snprintf(declared->all, sizeof(declared->all), "{%s%s%s%s%s}", declared->read,
			 declared->read[0] != '\0' && amounts ? ", " : "", amounts ? "\"amounts\": {" : "",
			 declared->amounts, amounts ? "}" : "");
	return declared->all;
}

/* A number as JSON has it, without an exponent. */
static bool
is_number(const char *text)
{
	size_t		whole;

	text += *text == '-';
	whole = strspn(text, "0123456789");
	if (whole == 0 || (whole > 1 && text[0] == '0'))
		return false;
	text += whole;
	return *text == '\0' || (*text == '.' && text[1] != '\0' && strspn(text + 1, "0123456789") == strlen(text + 1));
}
