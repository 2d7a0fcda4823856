/*
 * value_time.c
 *	  Dates, timestamps and intervals as numbers; see value.h.
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/timestamp.h"

#include "pg/value.h"

double
value_interval_seconds(Datum datum)
{
	const Interval *interval = DatumGetIntervalP(datum);
	int64		microseconds;
	int64		days4;

#ifdef INTERVAL_NOT_FINITE
	if (INTERVAL_IS_NOBEGIN(interval))
		return -get_float8_infinity();
	if (INTERVAL_IS_NOEND(interval))
		return get_float8_infinity();
#endif

	/* as EXTRACT(EPOCH): a year has 365.25 days, a month 30; in quarters of a day to stay exact */
	days4 = (int64) (interval->month / MONTHS_PER_YEAR) * 1461
		+ (int64) (interval->month % MONTHS_PER_YEAR) * (4 * DAYS_PER_MONTH)
		+ (int64) interval->day * 4;
	if (!__builtin_mul_overflow(days4, USECS_PER_DAY / 4, &microseconds) &&
		!__builtin_add_overflow(microseconds, interval->time, &microseconds))
		return (double) microseconds / 1e6;
	return (double) days4 * (SECS_PER_DAY / 4) + (double) interval->time / 1e6;
}

int64
value_date_microseconds(int32 date)
{
	int64		microseconds;

	if (DATE_IS_NOBEGIN(date))
		return PG_INT64_MIN;
	if (DATE_IS_NOEND(date))
		return PG_INT64_MAX;
	if (__builtin_mul_overflow((int64) date, USECS_PER_DAY, &microseconds))
		return date < 0 ? PG_INT64_MIN : PG_INT64_MAX;
	return microseconds;
}

int64
value_local_microseconds(const ValueReader *reader, int64 instant)
{
	pg_time_t	seconds;
	struct pg_tm *local;

	if (TIMESTAMP_NOT_FINITE(instant))
		return instant;
	seconds = instant / USECS_PER_SEC;
	if (instant % USECS_PER_SEC < 0)
		seconds--;
	seconds += (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	local = pg_localtime(&seconds, (const pg_tz *) reader->zone);
	if (local == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return instant + local->tm_gmtoff * USECS_PER_SEC;
}

int64
value_instant_microseconds(const ValueReader *reader, int64 local)
{
	struct pg_tm tm;
	fsec_t		fraction;
	int			west;

	if (TIMESTAMP_NOT_FINITE(local))
		return local;
	if (timestamp2tm(local, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	west = DetermineTimeZoneOffset(&tm, (pg_tz *) reader->zone);
	return local + west * USECS_PER_SEC;
}

int64
value_split_time(const ValueReader *reader, Datum datum)
{
	if (reader->code == VALUE_DATE)
		return value_date_microseconds(DatumGetDateADT(datum));
	return DatumGetTimestamp(datum);
}
