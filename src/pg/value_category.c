/*
 * value_category.c
 *	  Numbers and booleans as categories; see value_category.h.
 *
 * Whole numbers of at most 15 digits, and all integers, are printed at once
 * (about 10 ns); longer ones and fractions go through numeric.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/value_category.h"
#include "pg/value_text.h"

#define LABEL_BYTES 32			/* holds any integer, and any double with the fewest digits */
#define EXACT_WHOLE 1e15		/* below this the fewest digits of a whole double are all its digits */

static bool
type_is(const Feature *feature, const char *const *names, int count)
{
	for (int i = 0; i < count && feature->type_name != NULL; i++)
	{
		if (strcmp(feature->type_name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_floating(const Feature *feature)
{
	static const char *const names[] = {"double precision", "real"};

	return type_is(feature, names, lengthof(names));
}

/* No other type is printed like these: names of users' types that look like them are quoted or have a schema. */
bool
feature_is_number_category(const Feature *feature)
{
	static const char *const names[] = {"integer", "bigint", "smallint", "numeric"};

	if (feature->kind != FEATURE_CATEGORICAL || feature->type_name == NULL)
		return false;
	return type_is(feature, names, lengthof(names)) || is_floating(feature) || strncmp(feature->type_name, "numeric(", 8) == 0;
}

bool
feature_is_boolean_category(const Feature *feature)
{
	return feature->kind == FEATURE_CATEGORICAL && feature->type_name != NULL && strcmp(feature->type_name, "boolean") == 0;
}

bool
value_reader_as_category_of(const Feature *feature, ValueReader *reader)
{
	reader->single = feature_is_single(feature);
	return value_reader_as_category(reader);
}

bool
value_reader_as_category(ValueReader *reader)
{
	switch ((ValueCode) reader->code)
	{
		case VALUE_BOOL:
		case VALUE_INT2:
		case VALUE_INT4:
		case VALUE_INT8:
		case VALUE_FLOAT4:
		case VALUE_FLOAT8:
		case VALUE_NUMERIC:
			break;
		default:
			return false;
	}
	reader->number_code = reader->code;
	reader->code = VALUE_CATEGORY;
	reader->kind = FEATURE_CATEGORICAL;
	reader->label = palloc(LABEL_BYTES);
	return true;
}

static void
set_text(FeatureValue *value, const char *text, int length)
{
	value->text = text;
	value->text_length = length;
}

static void
set_integer(FeatureValue *value, int64 integer, char *label)
{
	set_text(value, label, pg_lltoa(integer, label));
}

static void
set_numeric(FeatureValue *value, Numeric numeric, char *label)
{
	double		number;
	int64		integer;
	char	   *text;

	if (value_numeric(NumericGetDatum(numeric), &number, &integer))
	{
		set_integer(value, integer, label);
		return;
	}
	value->missing = isnan(number);
	if (value->missing)
		return;
	text = numeric_normalize(numeric);
	set_text(value, text, (int) strlen(text));
}

static void
set_numeric_text(FeatureValue *value, char *text, char *label)
{
	Datum		numeric = DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

	set_numeric(value, DatumGetNumeric(numeric), label);
}

static void
set_double(FeatureValue *value, double number, bool single, char *label)
{
	int			length;

	value->missing = isnan(number);
	if (value->missing)
		return;
	if (fabs(number) < EXACT_WHOLE && number == rint(number))
	{
		set_integer(value, (int64) number, label);
		return;
	}
	if (isinf(number))
	{
		strcpy(label, number > 0 ? "Infinity" : "-Infinity");
		set_text(value, label, (int) strlen(label));
		return;
	}
	length = single ? float_to_shortest_decimal_buf((float) number, label) : double_to_shortest_decimal_buf(number, label);
	if (strchr(label, 'e') != NULL)
		set_numeric_text(value, label, label);
	else
		set_text(value, label, length);
}

static void
set_whole(FeatureValue *value, int64 integer, bool single, char *label)
{
	if (single)
		set_double(value, (double) (float) integer, true, label);
	else
		set_integer(value, integer, label);
}

static void
set_rounded(FeatureValue *value, double number, bool single, char *label)
{
	set_double(value, single ? (double) (float) number : number, single, label);
}

static double
nearest_double(Datum numeric)
{
	double		number;
	int64		integer;

	(void) value_numeric(numeric, &number, &integer);
	return number;
}

void
category_read(const ValueReader *reader, Datum datum, FeatureValue *value)
{
	switch ((ValueCode) reader->number_code)
	{
		case VALUE_BOOL:
			category_from_boolean(DatumGetBool(datum), value);
			break;
		case VALUE_INT2:
			set_integer(value, DatumGetInt16(datum), reader->label);
			break;
		case VALUE_INT4:
			set_whole(value, DatumGetInt32(datum), reader->single, reader->label);
			break;
		case VALUE_INT8:
			set_whole(value, DatumGetInt64(datum), reader->single, reader->label);
			break;
		case VALUE_FLOAT4:
			set_double(value, DatumGetFloat4(datum), true, reader->label);
			break;
		case VALUE_FLOAT8:
			set_rounded(value, DatumGetFloat8(datum), reader->single, reader->label);
			break;
		case VALUE_NUMERIC:
			if (reader->single)
				set_rounded(value, nearest_double(datum), true, reader->label);
			else
				set_numeric(value, DatumGetNumeric(datum), reader->label);
			break;
		default:
			elog(ERROR, "value code %d is no number", reader->number_code);
	}
}

/* As a column of the feature's type would hold it. */
void
category_from_numeric(const Feature *feature, Numeric numeric, FeatureValue *value)
{
	char	   *label = palloc(LABEL_BYTES);

	if (is_floating(feature))
		set_rounded(value, nearest_double(NumericGetDatum(numeric)), feature_is_single(feature), label);
	else
		set_numeric(value, numeric, label);
}

void
category_from_boolean(bool boolean, FeatureValue *value)
{
	if (boolean)
		set_text(value, "true", 4);
	else
		set_text(value, "false", 5);
}

void
category_from_text(const Feature *feature, char *text, double number, FeatureValue *value)
{
	char	   *label = palloc(LABEL_BYTES);

	/* digits beyond those of a double tell long integers and numerics apart; hexadecimal numbers are no numerics */
	if (!is_floating(feature) && strspn(text, "+-.0123456789eE \t\n\r\f\v") == strlen(text))
		set_numeric_text(value, text, label);
	else
		set_double(value, number, feature_is_single(feature), label);
}
