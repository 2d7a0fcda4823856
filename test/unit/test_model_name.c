/*
 * test_model_name.c: the grammar of references, and ISO times against a calendar counted day by day.
 */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include "core/model_name.h"

static CoreEnv env;

static CoreStatus
parse(const char *text, ModelName *name)
{
	memset(&env, 0, sizeof(env));
	return model_name_parse(&env, text, name);
}

static void
names_mean_production(void **state)
{
	static const char *const names[] = {"churn", "_a", "A-b_9", "models:/churn", "latest", "Production"};
	ModelName	name;

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const char *bare = strncmp(names[i], "models:/", 8) == 0 ? names[i] + 8 : names[i];

		assert_int_equal(parse(names[i], &name), CORE_OK);
		assert_int_equal(name.kind, REF_PRODUCTION);
		assert_string_equal(name.name, bare);
	}
}

static void
versions_stages_aliases(void **state)
{
	ModelName	name;

	(void) state;
	assert_int_equal(parse("churn/3", &name), CORE_OK);
	assert_int_equal(name.kind, REF_VERSION);
	assert_int_equal(name.version, 3);
	assert_string_equal(name.name, "churn");

	assert_int_equal(parse("models:/churn/2147483647", &name), CORE_OK);
	assert_int_equal(name.version, INT32_MAX);

	assert_int_equal(parse("churn/LATEST", &name), CORE_OK);
	assert_int_equal(name.kind, REF_LATEST);

	assert_int_equal(parse("churn/sTaGiNg", &name), CORE_OK);
	assert_int_equal(name.kind, REF_STAGE);
	assert_string_equal(name.stage, "Staging");
	assert_string_equal(model_stage("ARCHIVED"), "Archived");
	assert_string_equal(model_stage("none"), "None");
	assert_string_equal(model_stage("production"), "Production");
	assert_null(model_stage("Productio"));
	assert_null(model_stage("Productions"));
	assert_null(model_stage(""));

	assert_int_equal(parse("churn@champion", &name), CORE_OK);
	assert_int_equal(name.kind, REF_ALIAS);
	assert_string_equal(name.alias, "champion");

	assert_int_equal(parse("churn@2026-03-01", &name), CORE_OK);
	assert_int_equal(name.kind, REF_TIME);
	assert_int_equal(name.time.zone, ISO_ZONE_NONE);
	assert_true(name.time.local == iso_days(2026, 3, 1) * MICROSECONDS_PER_DAY);

	assert_int_equal(parse("churn@2026-03-01 12:30:15.25 Europe/Berlin", &name), CORE_OK);
	assert_int_equal(name.time.zone, ISO_ZONE_NAME);
	assert_string_equal(name.time.zone_name, "Europe/Berlin");
}

static void
everything_else_is_refused_with_a_hint(void **state)
{
	static const char *const bad[] = {
		"", "/", "@", "3churn", "-churn", "chürn", "churn ", " churn", "churn/", "churn/0", "churn/00", "churn/-1", "churn/+1",
		"churn/3a", "churn/3/4", "churn/3@a", "churn/2147483648", "churn/99999999999999999999", "churn/prod", "churn/latest ",
		"churn@", "churn@_a", "churn@-a", "churn@a b", "churn@a/3", "churn@a@b", "churn@2026", "churn@2026-13-01",
		"churn@2026-02-29", "churn@2026-03-01x", "models:/", "models://churn", "Models:/churn", "models:/models:/churn",
		"a.b", "a;b", "a\"b", "a'b",
	};
	ModelName	name;

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (parse(bad[i], &name) != CORE_INVALID)
			fail_msg("accepted: \"%s\"", bad[i]);
		assert_non_null(strstr(env.message, bad[i]));
		assert_true(env.hint[0] != '\0');
	}
}

static void
lengths(void **state)
{
	char		text[200];
	ModelName	name;

	(void) state;
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(parse(text, &name), CORE_OK);
	assert_int_equal(strlen(name.name), 63);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(parse(text, &name), CORE_INVALID);

	memset(text, 'b', sizeof(text));
	text[1] = '@';
	text[2 + 63] = '\0';
	assert_int_equal(parse(text, &name), CORE_OK);
	assert_int_equal(strlen(name.alias), 63);
	text[2 + 63] = 'b';
	text[2 + 64] = '\0';
	assert_int_equal(parse(text, &name), CORE_INVALID);
}

/* A message never ends inside a character. */
static void
long_texts_are_cut_between_characters(void **state)
{
	ModelName	name;

	(void) state;
	for (int lead = 0; lead < 8; lead++)
	{
		char		text[400] = "";
		const char *quoted;
		int			high = 0;

		for (int i = 0; i < lead; i++)
			strcat(text, "x");
		for (int i = 0; i < 60; i++)
			strcat(text, "\xe2\x82\xac");
		assert_int_equal(parse(text, &name), CORE_INVALID);
		quoted = strchr(env.message, '"') + 1;
		for (; *quoted != '"'; quoted++)
			high += (unsigned char) *quoted >= 0x80;
		assert_int_equal(high % 3, 0);
	}
}

static void
days_follow_the_calendar(void **state)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t		expected = iso_days(-4713, 1, 1);

	(void) state;
	assert_true(iso_days(2000, 1, 1) == 0);
	assert_true(iso_days(1970, 1, 1) == -10957);
	/* PostgreSQL counts Julian days; 2000-01-01 is 2451545 and day 0 is 4714-11-24 BC */
	assert_true(iso_days(-4713, 11, 24) == -2451545);
	for (int year = -4713; year < 3000; year++)
	{
		int			leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		for (int month = 1; month <= 12; month++)
		{
			int			days = lengths[month - 1] + (month == 2 && leap);

			for (int day = 1; day <= days; day++)
			{
				if (iso_days(year, month, day) != expected)
					fail_msg("%d-%d-%d", year, month, day);
				expected++;
			}
		}
	}
}

static int64_t
micros(const char *text)
{
	IsoTime		time;

	if (!iso_time_parse(text, strlen(text), &time))
		fail_msg("refused: \"%s\"", text);
	return time.local;
}

static int
offset_of(const char *text)
{
	IsoTime		time;

	if (!iso_time_parse(text, strlen(text), &time) || time.zone != ISO_ZONE_OFFSET)
		fail_msg("no offset in \"%s\"", text);
	return time.offset;
}

static void
times(void **state)
{
	(void) state;
	assert_true(micros("2000-01-01") == 0);
	assert_true(micros("  2000-01-02  ") == MICROSECONDS_PER_DAY);
	assert_true(micros("2000-01-01T00:01") == 60 * MICROSECONDS_PER_SECOND);
	assert_true(micros("2000-01-01 23:59:59.999999") == MICROSECONDS_PER_DAY - 1);
	assert_true(micros("2000-01-01 23:59:59.9999995") == MICROSECONDS_PER_DAY);
	assert_true(micros("2000-01-01 00:00:00.1") == 100000);
	assert_true(micros("2000-01-01 00:00:00.1234564999") == 123456);
	assert_true(micros("2000-01-01 24:00:00") == MICROSECONDS_PER_DAY);
	assert_true(micros("1999-12-31T23:59:60Z") == 0);
	assert_true(micros("0001-01-01") == micros("0001-12-31 BC") + MICROSECONDS_PER_DAY);
	assert_true(micros("infinity") == INT64_MAX);
	assert_true(micros("-infinity") == INT64_MIN);
	assert_true(micros("294276-12-31T23:59:59.999999") > 0);
	assert_true(micros("4714-11-24 BC") < 0);

	assert_int_equal(offset_of("2026-03-01T12:00Z"), 0);
	assert_int_equal(offset_of("2026-03-01T12:00 utc"), 0);
	assert_int_equal(offset_of("2026-03-01T12:00+01"), 3600);
	assert_int_equal(offset_of("2026-03-01T12:00-0330"), -12600);
	assert_int_equal(offset_of("2026-03-01T12:00:01.5+05:45"), 20700);
	assert_int_equal(offset_of("2026-03-01 12:00 -00:00:17"), -17);
}

static void
dates_after_times(void **state)
{
	IsoTime		time;

	(void) state;
	assert_true(iso_date_parse("294277-01-01", 12, &time) && time.local == micros("294276-12-31") + MICROSECONDS_PER_DAY);
	assert_true(iso_date_parse("294277-01-10", 12, &time) && time.local == INT64_MAX);
	assert_true(iso_date_parse(" 5874897-12-31 ", 15, &time) && time.local == INT64_MAX);
	assert_true(iso_date_parse("2000-01-02", 10, &time) && time.local == MICROSECONDS_PER_DAY);
	assert_false(iso_date_parse("5874898-01-01", 13, &time));
	assert_false(iso_date_parse("294277-01-01T00:00", 18, &time));
	assert_false(iso_date_parse("4714-11-23 BC", 13, &time));
	assert_false(iso_time_parse("5874897-12-31", 13, &time));
}

static void
times_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "now", "2026", "2026-1-1", "26-01-01", "2026-01-01T", "2026-01-01T1:00", "2026-01-01T12", "2026-01-01T12:0",
		"2026-00-01", "2026-13-01", "2026-04-31", "1900-02-29", "2026-01-00", "2026-01-01T24:00:01", "2026-01-01T25:00",
		"2026-01-01T12:60", "2026-01-01T12:00:61", "2026-01-01T12:00:00.", "2026-01-01+01", "2026-01-01 Z", "2026-01-01T12:00+",
		"2026-01-01T12:00+1", "2026-01-01T12:00+16", "2026-01-01T12:00+01:60", "2026-01-01T12:00+01:00:", "2026-01-01T12:00 Z x",
		"0000-01-01", "4714-11-23 BC", "294277-01-01", "294276-12-31T24:00:00", "9999999-01-01", "2026-01-01 BCE", "infinityx",
		"2026-01-01T12:00 Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	IsoTime		time;

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (iso_time_parse(bad[i], strlen(bad[i]), &time))
			fail_msg("accepted: \"%s\"", bad[i]);
	}
}

/* What is printed from its parts is read back to the same instant. */
static void
times_round_trip(void **state)
{
	uint64_t	random = 88172645463325252u;

	(void) state;
	for (int i = 0; i < 200000; i++)
	{
		char		text[80];
		int			year,
					month,
					day,
					second,
					fraction;
		int64_t		expected;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		year = 1 + (int) (random % 294275);
		month = 1 + (int) (random / 7 % 12);
		day = 1 + (int) (random / 101 % 28);
		second = (int) (random / 1009 % 86400);
		fraction = (int) (random / 100003 % 1000000);
		snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06d", year, month, day, second / 3600, second / 60 % 60,
				 second % 60, fraction);
		expected = (iso_days(year, month, day) * 86400 + second) * MICROSECONDS_PER_SECOND + fraction;
		if (micros(text) != expected)
			fail_msg("%s", text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_mean_production),
		cmocka_unit_test(versions_stages_aliases),
		cmocka_unit_test(everything_else_is_refused_with_a_hint),
		cmocka_unit_test(lengths),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(days_follow_the_calendar),
		cmocka_unit_test(times),
		cmocka_unit_test(dates_after_times),
		cmocka_unit_test(times_refused),
		cmocka_unit_test(times_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
