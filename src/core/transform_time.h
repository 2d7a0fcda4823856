/*
 * transform_time.h
 *	  Calendar parts of a time: proleptic Gregorian, microseconds since 2000-01-01.
 */
#ifndef CORE_TRANSFORM_TIME_H
#define CORE_TRANSFORM_TIME_H

#include "core/transform.h"

#define TIME_DAY INT64_C(86400000000)	/* microseconds */

typedef struct CivilDate
{
	int64_t		year;			/* astronomical: 0 is 1 BC */
	int			month;			/* 1 .. 12 */
	int			day;			/* 1 .. 31 */
	int			yearday;		/* 1 .. 366 */
	int			weekday;		/* ISO: Monday 1 .. Sunday 7 */
} CivilDate;

static inline bool
time_is_infinite(int64_t time)
{
	return time == INT64_MIN || time == INT64_MAX;
}

extern void time_civil(int64_t time, CivilDate *date);
/* Hour of the day, 0 .. 23. */
extern int	time_hour(int64_t time);
extern bool time_is_midnight(int64_t time);

/*
 * A part as a number.  NaN where it has none: missing times, and calendar parts
 * of infinite ones.  YEAR, EPOCH and AGE of infinite times are infinite; AGE is
 * the days from `time` to `reference`, NaN between equal infinities.
 */
extern double time_part_value(TimePart part, int64_t time, int64_t reference);

/* Parts that are levels rather than amounts: QUARTER, MONTH, WEEKDAY, HOUR. */
extern bool time_part_is_level(TimePart part);
/* Their levels lie in first .. first + count - 1; count 0 for the others. */
extern int	time_part_levels(TimePart part, int *first);
/* The level's text, in equal lengths so that byte order is numeric order; buffer of 4 bytes. */
extern int	time_part_level_text(TimePart part, int value, char *buffer);
extern const char *time_part_name(TimePart part);	/* "month" */

#endif							/* CORE_TRANSFORM_TIME_H */
