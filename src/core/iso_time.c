/*
 * iso_time.c
 *	  ISO 8601 dates and times from text; see iso_time.h.
 *
 * A cursor over the text and one function per part of the grammar; no copy, no
 * allocation, linear in the length.
 */
#include "core/iso_time.h"

#include <string.h>

#define LAST_YEAR 294276			/* of timestamps */
#define LAST_DATE_YEAR 5874897	/* of dates */

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
take(Cursor *cursor, char wanted)
{
	if (cursor->at < cursor->end && *cursor->at == wanted)
	{
		cursor->at++;
		return true;
	}
	return false;
}

/* Between `least` and `most` digits. */
static bool
take_number(Cursor *cursor, int least, int most, int *value)
{
	int			digits = 0;

	*value = 0;
	while (cursor->at < cursor->end && digits < most && is_digit(*cursor->at))
	{
		*value = *value * 10 + (*cursor->at - '0');
		cursor->at++;
		digits++;
	}
	return digits >= least;
}

static bool
equals_ignoring_case(const char *text, size_t length, const char *word)
{
	for (size_t i = 0; i < length; i++)
	{
		char		c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char) (c - 'A' + 'a');
		if (word[i] == '\0' || c != word[i])
			return false;
	}
	return word[length] == '\0';
}

int64_t
iso_days(int64_t year, int month, int day)
{
	/* years from March, so that the leap day ends the year; eras of 400 years */
	int64_t		y = month <= 2 ? year - 1 : year;
	int64_t		era = (y >= 0 ? y : y - 399) / 400;
	int64_t		of_era = y - era * 400;
	int64_t		of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 730425;
}

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool
take_date(Cursor *cursor, int *year, int *month, int *day)
{
	return take_number(cursor, 4, 7, year) && take(cursor, '-') &&
		take_number(cursor, 2, 2, month) && take(cursor, '-') &&
		take_number(cursor, 2, 2, day);
}

/* HH:MM[:SS[.f…]] as microseconds of the day; 24:00:00 and :60 are the next unit's zero, as in PostgreSQL. */
static bool
take_clock(Cursor *cursor, int64_t *microseconds)
{
	int			hour,
				minute,
				second = 0;
	int64_t		fraction = 0;

	if (!take_number(cursor, 2, 2, &hour) || !take(cursor, ':') || !take_number(cursor, 2, 2, &minute))
		return false;
	if (take(cursor, ':'))
	{
		if (!take_number(cursor, 2, 2, &second))
			return false;
		if (take(cursor, '.'))
		{
			int			digits = 0;

			while (cursor->at < cursor->end && is_digit(*cursor->at))
			{
				if (digits < 6)
					fraction = fraction * 10 + (*cursor->at - '0');
				else if (digits == 6 && *cursor->at >= '5')
					fraction++;
				cursor->at++;
				digits++;
			}
			if (digits == 0)
				return false;
			for (; digits < 6; digits++)
				fraction *= 10;
		}
	}
	if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute > 0 || second > 0 || fraction > 0)))
		return false;
	*microseconds = ((int64_t) hour * 3600 + minute * 60 + second) * MICROSECONDS_PER_SECOND + fraction;
	return true;
}

static bool
take_offset(Cursor *cursor, int32_t *offset)
{
	int			sign = *cursor->at == '-' ? -1 : 1;
	int			hour,
				minute = 0,
				second = 0;

	cursor->at++;
	if (!take_number(cursor, 2, 2, &hour))
		return false;
	if (take(cursor, ':'))
	{
		if (!take_number(cursor, 2, 2, &minute))
			return false;
		if (take(cursor, ':') && !take_number(cursor, 2, 2, &second))
			return false;
	}
	else if (cursor->at < cursor->end && is_digit(*cursor->at) && !take_number(cursor, 2, 2, &minute))
		return false;
	if (hour > 15 || minute > 59 || second > 59)
		return false;
	*offset = sign * (hour * 3600 + minute * 60 + second);
	return true;
}

static bool
take_zone_name(Cursor *cursor, IsoTime *time)
{
	size_t		length = 0;

	while (cursor->at < cursor->end &&
		   (is_letter(*cursor->at) || is_digit(*cursor->at) || strchr("/_+-", *cursor->at) != NULL))
	{
		if (length + 1 >= sizeof(time->zone_name))
			return false;
		time->zone_name[length++] = *cursor->at++;
	}
	time->zone_name[length] = '\0';
	time->zone = ISO_ZONE_NAME;
	if (equals_ignoring_case(time->zone_name, length, "z") ||
		equals_ignoring_case(time->zone_name, length, "utc") ||
		equals_ignoring_case(time->zone_name, length, "gmt"))
	{
		time->zone = ISO_ZONE_OFFSET;
		time->offset = 0;
	}
	return length > 0;
}

static bool
take_zone(Cursor *cursor, IsoTime *time)
{
	take(cursor, ' ');
	if (cursor->at == cursor->end)
		return false;
	if (*cursor->at == '+' || *cursor->at == '-')
	{
		time->zone = ISO_ZONE_OFFSET;
		return take_offset(cursor, &time->offset);
	}
	return is_letter(*cursor->at) && take_zone_name(cursor, time);
}

/* `dates`: also dates after the last timestamp. */
static bool
parse(const char *text, size_t length, bool dates, IsoTime *time)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	Cursor		cursor = {text, text + length};
	int			year,
				month,
				day;
	int64_t		days,
				clock = 0;
	bool		before_christ = false;
	bool		has_clock;

	memset(time, 0, sizeof(*time));
	while (cursor.at < cursor.end && is_blank(*cursor.at))
		cursor.at++;
	while (cursor.end > cursor.at && is_blank(cursor.end[-1]))
		cursor.end--;
	length = (size_t) (cursor.end - cursor.at);

	if (equals_ignoring_case(cursor.at, length, "infinity") || equals_ignoring_case(cursor.at, length, "-infinity"))
	{
		time->local = *cursor.at == '-' ? INT64_MIN : INT64_MAX;
		return true;
	}
	if (length > 3 && equals_ignoring_case(cursor.end - 3, 3, " bc"))
	{
		before_christ = true;
		cursor.end -= 3;
	}

	if (!take_date(&cursor, &year, &month, &day) || year < 1)
		return false;
	if (before_christ)
		year = 1 - year;
	if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0))
		return false;
	has_clock = cursor.at < cursor.end;
	if (has_clock)
	{
		if (!take(&cursor, 'T') && !take(&cursor, 't') && !take(&cursor, ' '))
			return false;
		if (!take_clock(&cursor, &clock))
			return false;
		if (cursor.at < cursor.end && !take_zone(&cursor, time))
			return false;
		if (cursor.at < cursor.end)
			return false;
	}

	days = iso_days(year, month, day);
	if (dates && !has_clock && days > iso_days(LAST_YEAR, 12, 31) && days <= iso_days(LAST_DATE_YEAR, 12, 31))
	{
		if (__builtin_mul_overflow(days, MICROSECONDS_PER_DAY, &time->local))
			time->local = INT64_MAX;
		return true;
	}
	if (days < iso_days(-4713, 11, 24) || days > iso_days(LAST_YEAR, 12, 31))
		return false;
	time->local = days * MICROSECONDS_PER_DAY + clock;
	return time->local < iso_days(LAST_YEAR + 1, 1, 1) * MICROSECONDS_PER_DAY;
}

bool
iso_time_parse(const char *text, size_t length, IsoTime *time)
{
	return parse(text, length, false, time);
}

bool
iso_date_parse(const char *text, size_t length, IsoTime *time)
{
	return parse(text, length, true, time);
}
