/*
 * test_transform_time.c: calendar parts against a calendar counted day by day.
 */
#include "support.h"

#include <math.h>
#include <string.h>

#include "core/transform_time.h"

#define FIRST_YEAR (-4800)
#define LAST_YEAR 5200

static bool
leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
month_days(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 2000-01-01 to the first day of a year, year by year. */
static int64_t
days_to_year(int64_t year)
{
	int64_t		days = 0;

	for (int64_t y = 2000; y < year; y++)
		days += leap(y) ? 366 : 365;
	for (int64_t y = year; y < 2000; y++)
		days -= leap(y) ? 366 : 365;
	return days;
}

static void
every_day_of_ten_thousand_years(void **state)
{
	int64_t		day = days_to_year(FIRST_YEAR);
	int			weekday;

	(void) state;
	/* 2000-01-01 was a Saturday (6) */
	weekday = (int) ((((day + 5) % 7) + 7) % 7) + 1;
	for (int64_t year = FIRST_YEAR; year < LAST_YEAR; year++)
	{
		int			yearday = 1;

		for (int month = 1; month <= 12; month++)
		{
			for (int d = 1; d <= month_days(year, month); d++, day++, yearday++)
			{
				CivilDate	date;

				/* the last microsecond of odd days, the first of even ones */
				time_civil(day * TIME_DAY + (day % 2 != 0 ? TIME_DAY - 1 : 0), &date);
				if (date.year != year || date.month != month || date.day != d || date.yearday != yearday || date.weekday != weekday)
					fail_msg("%lld-%d-%d is read as %lld-%d-%d", (long long) year, month, d, (long long) date.year, date.month, date.day);
				weekday = weekday % 7 + 1;
			}
		}
	}
	assert_int_equal(day, days_to_year(LAST_YEAR));
}

/* Dates that PostgreSQL's extract() was asked about. */
static void
known_dates(void **state)
{
	CivilDate	date;

	(void) state;
	time_civil(INT64_C(837774245123456), &date);	/* 2026-07-19 11:04:05.123456, a Sunday */
	assert_int_equal(date.year, 2026);
	assert_int_equal(date.month, 7);
	assert_int_equal(date.day, 19);
	assert_int_equal(date.weekday, 7);
	assert_int_equal(date.yearday, 200);
	assert_int_equal(time_hour(INT64_C(837774245123456)), 11);
	time_civil(INT64_C(-1), &date);	/* 1999-12-31 23:59:59.999999, a Friday */
	assert_int_equal(date.year, 1999);
	assert_int_equal(date.day, 31);
	assert_int_equal(date.weekday, 5);
	assert_int_equal(time_hour(-1), 23);
	assert_int_equal(time_hour(0), 0);
	assert_true(time_is_midnight(-TIME_DAY));
	assert_false(time_is_midnight(-1));
}

static void
ends_of_the_range(void **state)
{
	CivilDate	date;

	(void) state;
	time_civil(INT64_MAX - 1, &date);
	assert_int_equal(date.year, 294277);
	time_civil(INT64_MIN + 1, &date);
	assert_true(date.month >= 1 && date.month <= 12 && date.weekday >= 1 && date.weekday <= 7);
	assert_in_range(time_hour(INT64_MIN + 1), 0, 23);
}

static void
parts_as_numbers(void **state)
{
	int64_t		day = days_to_year(2024) + 59;	/* 2024-02-29, a Thursday */
	int64_t		time = day * TIME_DAY + TIME_DAY / 4;

	(void) state;
	assert_true(time_part_value(PART_YEAR, time, 0) == 2024);
	assert_true(time_part_value(PART_QUARTER, time, 0) == 1);
	assert_true(time_part_value(PART_MONTH, time, 0) == 2);
	assert_true(time_part_value(PART_DAY, time, 0) == 29);
	assert_true(time_part_value(PART_WEEKDAY, time, 0) == 4);
	assert_true(time_part_value(PART_YEARDAY, time, 0) == 60);
	assert_true(time_part_value(PART_HOUR, time, 0) == 6);
	assert_true(time_part_value(PART_WEEKEND, time, 0) == 0);
	assert_true(time_part_value(PART_WEEKEND, time + 2 * TIME_DAY, 0) == 1);
	assert_true(time_part_value(PART_EPOCH, time, 0) == (double) day + 0.25);
	assert_true(time_part_value(PART_AGE, time, time + 10 * TIME_DAY) == 10);
	assert_true(time_part_value(PART_AGE, time, time - TIME_DAY / 2) == -0.5);
	/* quarters of all months */
	for (int month = 1; month <= 12; month++)
		assert_true(time_part_value(PART_QUARTER, (days_to_year(2023) + 31 * (month - 1)) * TIME_DAY, 0) == (month - 1) / 3 + 1);
}

static void
infinite_times(void **state)
{
	(void) state;
	for (int i = 0; i < TIME_PARTS; i++)
	{
		TimePart	part = (TimePart) (1 << i);
		bool		amount = part == PART_YEAR || part == PART_EPOCH;

		if (part == PART_AGE)
			continue;
		assert_true(amount ? time_part_value(part, INT64_MAX, 0) == INFINITY : isnan(time_part_value(part, INT64_MAX, 0)));
		assert_true(amount ? time_part_value(part, INT64_MIN, 0) == -INFINITY : isnan(time_part_value(part, INT64_MIN, 0)));
	}
	assert_true(time_part_value(PART_AGE, 0, INT64_MAX) == INFINITY);
	assert_true(time_part_value(PART_AGE, 0, INT64_MIN) == -INFINITY);
	assert_true(time_part_value(PART_AGE, INT64_MAX, 0) == -INFINITY);
	assert_true(time_part_value(PART_AGE, INT64_MIN, 0) == INFINITY);
	assert_true(isnan(time_part_value(PART_AGE, INT64_MAX, INT64_MAX)));
	assert_true(time_part_value(PART_AGE, INT64_MIN, INT64_MAX) == INFINITY);
	/* beyond 64 bits of microseconds, still finite */
	assert_close(time_part_value(PART_AGE, INT64_MIN + 1, INT64_MAX - 1), 0x1p64 / 86400e6, 1e-15, 0);
}

static void
levels_of_parts(void **state)
{
	char		before[4] = "";
	char		text[4];

	(void) state;
	for (int i = 0; i < TIME_PARTS; i++)
	{
		TimePart	part = (TimePart) (1 << i);
		int			first;
		int			count = time_part_levels(part, &first);

		before[0] = '\0';
		for (int value = first; value < first + count; value++)
		{
			int			length = time_part_level_text(part, value, text);

			assert_int_equal(length, strlen(text));
			assert_true(strcmp(before, text) < 0);
			strcpy(before, text);
		}
		assert_int_equal(time_part_is_level(part), count > 0);
	}
	time_part_level_text(PART_MONTH, 3, text);
	assert_string_equal(text, "03");
	time_part_level_text(PART_WEEKDAY, 7, text);
	assert_string_equal(text, "7");
	assert_string_equal(time_part_name(PART_YEARDAY), "yearday");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_ten_thousand_years),
		cmocka_unit_test(known_dates),
		cmocka_unit_test(ends_of_the_range),
		cmocka_unit_test(parts_as_numbers),
		cmocka_unit_test(infinite_times),
		cmocka_unit_test(levels_of_parts),
	};

	return cmocka_run_group_tests_name("transform_time", tests, NULL, NULL);
}
