/*
 * iso_time.h
 *	  ISO 8601 dates and times from text, whatever the session's settings.
 *
 * What a reference ('churn@2026-03-01') or a text feature means may not depend
 * on DateStyle or TimeZone, so only the unambiguous form is read:
 *
 *	YYYY-MM-DD [ (T| ) HH:MM [ :SS [ .f… ] ] [ [ ] zone ] ] [ BC ]
 *
 * where zone is Z, +HH, +HHMM, +HH:MM or +HH:MM:SS (east of Greenwich positive, as
 * in ISO 8601), or a name such as Europe/Berlin, which the caller looks up.
 */
#ifndef CORE_ISO_TIME_H
#define CORE_ISO_TIME_H

#include "core/env.h"

#define MICROSECONDS_PER_SECOND INT64_C(1000000)
#define MICROSECONDS_PER_DAY INT64_C(86400000000)

typedef enum IsoZone
{
	ISO_ZONE_NONE = 0,
	ISO_ZONE_OFFSET,			/* Z or numeric */
	ISO_ZONE_NAME
} IsoZone;

typedef struct IsoTime
{
	int64_t		local;			/* microseconds since 2000-01-01 00:00 as written; INT64_MIN/MAX: -infinity, infinity */
	IsoZone		zone;
	int32_t		offset;			/* OFFSET: seconds east of Greenwich */
	char		zone_name[64];	/* NAME: as written; letters, digits, / _ + - */
} IsoTime;

/*
 * Reads all of text[length], blanks around it ignored.  Also "infinity" and
 * "-infinity".  Years 4713 BC (from 24 November) to 294276, PostgreSQL's range
 * of timestamps.  False when the text is anything else; fractions beyond
 * microseconds are rounded.
 */
extern bool iso_time_parse(const char *text, size_t length, IsoTime *time);
/* The same for what stands for a date: also those up to 5874897-12-31, infinity where microseconds do not reach so far. */
extern bool iso_date_parse(const char *text, size_t length, IsoTime *time);

/* Days from 2000-01-01 to a date of the proleptic Gregorian calendar; year 0 is 1 BC. */
extern int64_t iso_days(int64_t year, int month, int day);

#endif							/* CORE_ISO_TIME_H */
