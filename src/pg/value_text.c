/*
 * value_text.c
 *	  Features from text; see value_text.h.
 *
 * Numbers are read by strtod under the server's LC_NUMERIC = C; times by
 * core/iso_time.c; only intervals go through the type's own input function, with
 * IntervalStyle held fixed.
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "pg/value.h"
#include "pg/compat.h"
#include "pg/encoding.h"
#include "pg/value_category.h"
#include "pg/value_text.h"

bool
iso_time_utc(const IsoTime *time, const char *default_zone, TimestampTz *result)
{
	struct pg_tm tm;
	fsec_t		fsec;
	pg_tz	   *zone;
	int			offset;
	const char *name = time->zone == ISO_ZONE_NAME ? time->zone_name : default_zone;

	*result = time->local;
	if (TIMESTAMP_NOT_FINITE(time->local))
		return true;
	if (time->zone == ISO_ZONE_OFFSET)
		*result -= (int64) time->offset * USECS_PER_SEC;
	else if (name != NULL)
	{
		zone = pg_tzset(name);
		if (zone == NULL || timestamp2tm(time->local, NULL, &tm, &fsec, NULL, NULL) != 0)
			return false;
		offset = DetermineTimeZoneOffset(&tm, zone);
		if (tm2timestamp(&tm, fsec, &offset, result) != 0)
			return false;
	}
	return IS_VALID_TIMESTAMP(*result);
}

/* Local time in `zone_name` of an instant. */
static bool
local_time(TimestampTz instant, const char *zone_name, int64 *local)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	pg_tz	   *zone = pg_tzset(zone_name);

	*local = instant;
	if (TIMESTAMP_NOT_FINITE(instant))
		return true;
	return zone != NULL && timestamp2tm(instant, &offset, &tm, &fsec, NULL, zone) == 0 &&
		tm2timestamp(&tm, fsec, NULL, local) == 0;
}

static bool
type_starts_with(const Feature *feature, const char *prefix)
{
	return feature->type_name != NULL && strncmp(feature->type_name, prefix, strlen(prefix)) == 0;
}

static bool
type_equals(const Feature *feature, const char *name)
{
	return feature->type_name != NULL && strcmp(feature->type_name, name) == 0;
}

bool
feature_is_interval(const Feature *feature)
{
	return feature->kind == FEATURE_NUMERIC && type_starts_with(feature, "interval");
}

bool
feature_is_single(const Feature *feature)
{
	return type_equals(feature, "real") || type_equals(feature, "real[]") ||
		(feature->kind == FEATURE_VECTOR && type_starts_with(feature, "vector"));
}

static bool
feature_is_blank_padded(const Feature *feature)
{
	return type_starts_with(feature, "character(") || type_equals(feature, "character") || type_equals(feature, "bpchar");
}

static void pg_attribute_noreturn()
invalid_text(const char *text, const char *what, int code, const char *expected)
{
	ereport(ERROR,
			(errcode(code),
			 errmsg("invalid input for %s: \"%s\"", what, text),
			 errdetail("Expected is %s.", expected)));
}

static char *
skip_blanks(char *text)
{
	while (isspace((unsigned char) *text))
		text++;
	return text;
}

/* A number at `text`; *end is where it stops, `text` itself when there is none or it overflows. */
static double
take_number(const Feature *feature, char *text, char **end)
{
	double		number = feature_is_single(feature) ? strtof(text, end) : strtod(text, end);

	if (isinf(number) && *end > text)
	{
		char	   *first = skip_blanks(text);

		/* "infinity" is a value, 1e999 is not */
		if (*first == '+' || *first == '-')
			first++;
		if (isdigit((unsigned char) *first) || *first == '.')
			*end = text;
	}
	return number + 0.0;		/* -0 is 0 */
}

bool
number_from_text(const Feature *feature, char *text, double *number)
{
	char	   *end;

	*number = take_number(feature, text, &end);
	return end > text && *skip_blanks(end) == '\0';
}

static double
interval_seconds(char *text, const char *what)
{
	ValueReader reader;
	FeatureValue value;
	Datum		interval = (Datum) 0;
	int			style = IntervalStyle;

	IntervalStyle = INTSTYLE_POSTGRES;
	PG_TRY();
	{
		interval = DirectFunctionCall3(interval_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}
	PG_FINALLY();
	{
		IntervalStyle = style;
	}
	PG_END_TRY();
	value_reader_init(&reader, INTERVALOID, -1, NULL, what);
	value_read(&reader, interval, false, NULL, &value, what);
	return value.number;
}

static void
read_number(const Feature *feature, char *text, FeatureValue *value, const char *what)
{
	if (number_from_text(feature, text, &value->number))
		return;
	if (!feature_is_interval(feature))
		invalid_text(text, what, ERRCODE_INVALID_TEXT_REPRESENTATION, "a number");
	value->number = interval_seconds(text, what);
}

static void
read_boolean(char *text, FeatureValue *value, const char *what)
{
	char	   *first = skip_blanks(text);
	Size		length = strlen(first);
	bool		result;

	while (length > 0 && isspace((unsigned char) first[length - 1]))
		length--;
	if (!parse_bool_with_len(first, length, &result))
		invalid_text(text, what, ERRCODE_INVALID_TEXT_REPRESENTATION, "true or false");
	value->number = result ? 1 : 0;
}

static void
read_category(const Feature *feature, char *text, FeatureValue *value, const char *what)
{
	if (feature_is_number_category(feature))
	{
		read_number(feature, text, value, what);
		category_from_text(feature, text, value->number, value);
		return;
	}
	if (feature_is_boolean_category(feature))
	{
		read_boolean(text, value, what);
		category_from_boolean(value->number != 0, value);
		return;
	}
	if (type_equals(feature, "uuid"))
		text = DatumGetCString(DirectFunctionCall1(uuid_out, DirectFunctionCall1(uuid_in, CStringGetDatum(text))));
	value->text = text;
	value->text_length = (int) strlen(text);
	if (feature_is_blank_padded(feature))
	{
		while (value->text_length > 0 && text[value->text_length - 1] == ' ')
			value->text_length--;
	}
	value->text = encoding_to_utf8(value->text, value->text_length, &value->text_length);
}

static void
read_time(const Feature *feature, char *text, FeatureValue *value, const char *what)
{
	IsoTime		time;
	TimestampTz instant;

	/* a date may come after the last timestamp, and means what it means in a row */
	if (!(type_equals(feature, "date") ? iso_date_parse : iso_time_parse) (text, strlen(text), &time))
		invalid_text(text, what, ERRCODE_INVALID_DATETIME_FORMAT, "a date or time such as 2026-03-01 or 2026-03-01T12:00:00+01:00");
	value->time = time.local;

	/* without a zone of its own a column holds the clock's reading, whatever zone is written (as a cast to timestamp) */
	if (feature->time_zone == NULL || time.zone == ISO_ZONE_NONE)
		return;
	if (!iso_time_utc(&time, NULL, &instant) || !local_time(instant, feature->time_zone, &value->time))
		invalid_text(text, what, ERRCODE_INVALID_DATETIME_FORMAT, "a time in range, with a known time zone");
}

static void
read_vector(const Feature *feature, char *text, double *scratch, FeatureValue *value, const char *what)
{
	char	   *at = skip_blanks(text);
	char		closing = *at == '{' ? '}' : ']';
	int			count = 0;
	bool		more;

	if (*at != '{' && *at != '[')
		invalid_text(text, what, ERRCODE_INVALID_TEXT_REPRESENTATION, "a list of numbers such as {1,2,3}");
	at = skip_blanks(at + 1);
	more = *at != closing;
	while (more)
	{
		char	   *end;
		double		number;

		CHECK_FOR_INTERRUPTS();
		at = skip_blanks(at);
		if (pg_strncasecmp(at, "null", 4) == 0)
		{
			number = NAN;
			end = at + 4;
		}
		else
			number = take_number(feature, at, &end);
		if (end == at)
			break;
		if (count < feature->width)
			scratch[count] = number;
		count++;
		at = skip_blanks(end);
		more = *at == ',';
		if (more)
			at++;
	}
	if (*at != closing || more)
		invalid_text(text, what, ERRCODE_INVALID_TEXT_REPRESENTATION, "a list of numbers such as {1,2,3}");
	if (*skip_blanks(at + 1) != '\0')
		invalid_text(text, what, ERRCODE_INVALID_TEXT_REPRESENTATION, "a list of numbers such as {1,2,3}");
	if (count != feature->width)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s has %d elements instead of %d", what, count, feature->width)));
	value->vector = scratch;
}

void
value_from_text(const Feature *feature, char *text, double *scratch, FeatureValue *value, const char *what)
{
	memset(value, 0, sizeof(*value));
	switch (feature->kind)
	{
		case FEATURE_NUMERIC:
			read_number(feature, text, value, what);
			break;
		case FEATURE_BOOLEAN:
			read_boolean(text, value, what);
			break;
		case FEATURE_CATEGORICAL:
			read_category(feature, text, value, what);
			break;
		case FEATURE_TIMESTAMP:
			read_time(feature, text, value, what);
			break;
		case FEATURE_VECTOR:
			read_vector(feature, text, scratch, value, what);
			break;
	}
}
