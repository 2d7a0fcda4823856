/*
 * value_text.h
 *	  Features from text: untyped literals, elements of text arrays, JSON strings.
 *
 * Nothing here depends on the session (DateStyle, TimeZone, IntervalStyle): the
 * same text gives the same value everywhere, so that scoring by value may be
 * IMMUTABLE.
 */
#ifndef PG_VALUE_TEXT_H
#define PG_VALUE_TEXT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"

#include "core/iso_time.h"
#include "core/schema.h"

/*
 * The value of `text` (zero-terminated) for a feature:
 *	NUMERIC		a number as float8 accepts it; for a feature of type interval also an interval
 *	BOOLEAN		what boolean accepts
 *	CATEGORICAL	the text itself (uuid in canonical spelling, char(n) without trailing blanks); of numbers and
 *				booleans as these
 *	TIMESTAMP	ISO 8601 (core/iso_time.h); without a zone it is local time of the feature's zone
 *	VECTOR		{1,2,3} or [1,2,3] of feature->width numbers, NULL or null where missing, into `scratch`
 * ERROR 22P02 (22007 for times) naming `what`.  The value may point into `text`.
 */
extern void value_from_text(const Feature *feature, char *text, double *scratch, FeatureValue *value, const char *what);

/* Just a number ("12.5", "NaN", "-Infinity"), rounded as the feature's type would; false when the text is none. */
extern bool number_from_text(const Feature *feature, char *text, double *number);

/*
 * An ISO time as timestamptz: the zone written, else default_zone (NULL: UTC).
 * False for an unknown zone name or a result out of range.
 */
extern bool iso_time_utc(const IsoTime *time, const char *default_zone, TimestampTz *result);

/*
 * Whether columns of the feature's type hold single precision: decimal text is
 * rounded to that, so that to_jsonb(row) scores like the row.
 */
extern bool feature_is_single(const Feature *feature);

/* Whether the feature holds an interval, which no plain number may stand for in a column. */
extern bool feature_is_interval(const Feature *feature);

/* Type at training for messages; models built from states have none. */
static inline const char *
feature_type_name(const Feature *feature)
{
	return feature->type_name != NULL ? feature->type_name : feature_kind_name(feature->kind);
}

#endif							/* PG_VALUE_TEXT_H */
