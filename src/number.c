/*
 * number.c
 *	  The number that a text is.
 *
 * Values without a type are compared as numbers where both are numbers, so that
 * 1e2 is 100 however it was written.  An index, which can only compare bytes,
 * finds them by the plain spelling: no two texts of one number are both plain.
 * That spelling is on disk in such indexes: a change of it needs REINDEX.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "number.h"
#include "scalar.h"

/* What numeric holds: 131072 digits before the point, 16383 behind it. */
#define LONGEST_NUMBER (131072 + 16383 + 16)

/*
 * Whether a text counts as a number, and which.  A value of a megabyte is not
 * read as one for each row: none is so long.
 */
bool
um_number_in(UmSlice text, UmSlice *number)
{
	*number = um_trim(text);
	return number->len <= LONGEST_NUMBER && um_is_number(*number);
}

/* Whether a text is a number in its plain spelling: 0, -12, 0.5, but not -0, 1.0, 1e2. */
bool
um_is_plain_number(UmSlice text)
{
	bool		negative = text.len > 0 && *text.ptr == '-';
	const char *digits = text.ptr + negative;
	const char *end = text.ptr + text.len;
	const char *p = digits;
	const char *point;

	for (; p < end && isdigit((unsigned char) *p); p++)
		;
	if (p == digits || (*digits == '0' && p > digits + 1))
		return false;
	if (p == end)
		return !negative || *digits != '0';
	point = p++;
	for (; p < end && isdigit((unsigned char) *p); p++)
		;
	return *point == '.' && p == end && p > point + 1 && p[-1] != '0';
}

/* The plain spelling of a text that is a number in another one, else the text itself. */
UmSlice
um_plain(UmSlice text)
{
	UmSlice		number;
	Datum		trimmed;
	char	   *plain;

	if (um_is_plain_number(text) || !um_number_in(text, &number))
		return text;
	trimmed = DirectFunctionCall1(numeric_trim_scale, um_numeric(number));
	plain = DatumGetCString(DirectFunctionCall1(numeric_out, trimmed));
	return (UmSlice) {plain, strlen(plain)};
}
