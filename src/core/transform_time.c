/*
 * transform_time.c
 *	  Calendar parts of a time; see transform_time.h.
 *
 * The Gregorian calendar repeats every 146,097 days (400 years).  Years counted
 * from 1 March put the leap day last, so the day of the year alone gives month
 * and day.  No tables, no time zone: times are local already.
 */
#include "core/transform_time.h"

#include <math.h>

#define DAYS_PER_ERA 146097		/* 400 years */
#define DAYS_PER_CENTURY 36524	/* the last of an era has one more */
#define DAYS_PER_QUAD 1461		/* 4 years */
#define DAYS_BEFORE_EPOCH 730425	/* 0000-03-01 to 2000-01-01 */

static inline int64_t
floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

void
time_civil(int64_t time, CivilDate *date)
{
	int64_t		days = floor_divide(time, TIME_DAY);
	int64_t		era = floor_divide(days + DAYS_BEFORE_EPOCH, DAYS_PER_ERA);
	int			rest = (int) (days + DAYS_BEFORE_EPOCH - era * DAYS_PER_ERA);
	int			century = rest / DAYS_PER_CENTURY;
	int			quad;
	int			year;
	int			month;

	if (century == 4)
		century = 3;			/* 29 February that ends the era */
	rest -= century * DAYS_PER_CENTURY;
	quad = rest / DAYS_PER_QUAD;
	rest -= quad * DAYS_PER_QUAD;
	year = rest / 365;
	if (year == 4)
		year = 3;				/* 29 February that ends the four years */
	rest -= year * 365;

	/* months from March have 31 30 31 30 31 | 31 30 31 30 31 | 31 .. days: 153 in five */
	month = (5 * rest + 2) / 153;
	date->day = rest - (153 * month + 2) / 5 + 1;
	date->month = month < 10 ? month + 3 : month - 9;
	date->year = era * 400 + century * 100 + quad * 4 + year + (month >= 10);
	date->yearday = month >= 10 ? rest - 305 : rest + 60 + is_leap(date->year);
	/* 2000-01-01 was a Saturday */
	date->weekday = (int) (days + 5 - floor_divide(days + 5, 7) * 7) + 1;
}

int
time_hour(int64_t time)
{
	int64_t		of_day = time % TIME_DAY;

	return (int) ((of_day < 0 ? of_day + TIME_DAY : of_day) / INT64_C(3600000000));
}

bool
time_is_midnight(int64_t time)
{
	return time % TIME_DAY == 0;
}

static double
age_days(int64_t time, int64_t reference)
{
	int64_t		difference;

	if (time_is_infinite(time) || time_is_infinite(reference))
	{
		if (time == reference)
			return NAN;
		return time == INT64_MIN || reference == INT64_MAX ? INFINITY : -INFINITY;
	}
	if (__builtin_sub_overflow(reference, time, &difference))
		return ((double) reference - (double) time) / (double) TIME_DAY;
	return (double) difference / (double) TIME_DAY;
}

static double
calendar_part(TimePart part, int64_t time)
{
	CivilDate	date;

	time_civil(time, &date);
	switch (part)
	{
		case PART_YEAR:
			return (double) date.year;
		case PART_QUARTER:
			return (date.month + 2) / 3;
		case PART_MONTH:
			return date.month;
		case PART_DAY:
			return date.day;
		case PART_WEEKDAY:
			return date.weekday;
		case PART_YEARDAY:
			return date.yearday;
		case PART_WEEKEND:
			return date.weekday >= 6;
		default:
			return NAN;
	}
}

double
time_part_value(TimePart part, int64_t time, int64_t reference)
{
	if (part == PART_AGE)
		return age_days(time, reference);
	if (time_is_infinite(time))
	{
		if (part == PART_YEAR || part == PART_EPOCH)
			return time == INT64_MIN ? -INFINITY : INFINITY;
		return NAN;
	}
	if (part == PART_EPOCH)
		return (double) time / (double) TIME_DAY;
	if (part == PART_HOUR)
		return time_hour(time);
	return calendar_part(part, time);
}

int
time_part_levels(TimePart part, int *first)
{
	switch (part)
	{
		case PART_QUARTER:
			*first = 1;
			return 4;
		case PART_MONTH:
			*first = 1;
			return 12;
		case PART_WEEKDAY:
			*first = 1;
			return 7;
		case PART_HOUR:
			*first = 0;
			return 24;
		default:
			*first = 0;
			return 0;
	}
}

bool
time_part_is_level(TimePart part)
{
	int			first;

	return time_part_levels(part, &first) > 0;
}

int
time_part_level_text(TimePart part, int value, char *buffer)
{
	int			length = 0;

	if (part == PART_MONTH || part == PART_HOUR)
		buffer[length++] = (char) ('0' + value / 10 % 10);
	buffer[length++] = (char) ('0' + value % 10);
	buffer[length] = '\0';
	return length;
}

const char *
time_part_name(TimePart part)
{
	static const char *const names[TIME_PARTS] = {
		"year", "quarter", "month", "day", "weekday", "yearday", "hour", "weekend", "age", "epoch"
	};

	for (int i = 0; i < TIME_PARTS; i++)
	{
		if (part == (TimePart) (1 << i))
			return names[i];
	}
	return "none";
}
