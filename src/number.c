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
 * So many digits a plain spelling has at most before the point, and behind it:
 * 1e131071 takes eight bytes in a query, which may name thousands.  In place of a
 * longer one stands the number rounded: others may share it, but what an index
 * proposes is compared.
 */
#define MOST_DIGITS 256
#define TOO_MANY_DIGITS "1e256"
#define ROUNDED_TO 32

static bool has_long_spelling(Datum number);

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
	if (p == digits || (*digits == '0' && p > digits + 1) || p - digits > MOST_DIGITS)
		return false;
	if (p == end)
		return !negative || *digits != '0';
	point = p++;
	for (; p < end && isdigit((unsigned char) *p); p++)
		;
	return *point == '.' && p == end && p > point + 1 && p - point <= MOST_DIGITS + 1 &&
		p[-1] != '0';
}

/*
 * What all texts of a number that are not plain have in common with the plain one,
 * which is that itself; any other text as it is.
 */
UmSlice
um_plain(UmSlice text)
{
	UmSlice		number;
	Datum		trimmed;
	char	   *plain;

	if (um_is_plain_number(text) || !um_number_in(text, &number))
		return text;
	trimmed = DirectFunctionCall1(numeric_trim_scale, um_numeric(number));
	plain = has_long_spelling(trimmed) ? numeric_out_sci(DatumGetNumeric(trimmed), ROUNDED_TO)
		: DatumGetCString(DirectFunctionCall1(numeric_out, trimmed));
	return (UmSlice) {plain, strlen(plain)};
}

/* Whether a number without trailing zeros has too many digits for a plain spelling. */
static bool
has_long_spelling(Datum number)
{
	UmSlice		text = {TOO_MANY_DIGITS, strlen(TOO_MANY_DIGITS)};
	Datum		size = DirectFunctionCall1(numeric_abs, number);

	return DatumGetInt32(DirectFunctionCall1(numeric_scale, number)) > MOST_DIGITS ||
		DatumGetBool(DirectFunctionCall2(numeric_ge, size, um_numeric(text)));
}
