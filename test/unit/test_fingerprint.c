/*
 * test_fingerprint.c: fingerprints as sums of rows; moments and numbers of distinct values against plain definitions.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

#include "core/fingerprint.h"
#include "core/moments.h"

static uint64_t
two_cells(double a, const char *b)
{
	return fingerprint_cell(fingerprint_column("a", 1), fingerprint_number(a)) +
		fingerprint_cell(fingerprint_column("b", 1), hash_bytes(b, strlen(b)));
}

/* Recorded with versions for ever: when this fails, the change is wrong, not the test. */
static void
vectors_never_change(void **state)
{
	Fingerprint print = {0};
	char		text[FINGERPRINT_DIGITS + 1];

	(void) state;
	fingerprint_add_row(&print, two_cells(1, "x"));
	fingerprint_add_row(&print, two_cells(0.5, ""));
	fingerprint_add_row(&print, two_cells(NAN, "Month-to-month"));
	fingerprint_text(&print, text);
	assert_string_equal(text, "3b9eaed7d0a9feea7d020f9c993aa72d");
	assert_int_equal(print.rows, 3);
}

static void
equal_numbers_are_equal(void **state)
{
	(void) state;
	assert_true(fingerprint_number(-0.0) == fingerprint_number(0.0));
	assert_true(fingerprint_number(NAN) == fingerprint_number(-NAN));
	assert_true(fingerprint_integer(7) == fingerprint_number(7));
	assert_true(fingerprint_integer(INT64_MIN) == fingerprint_number(-0x1p63));
	assert_true(fingerprint_integer((INT64_C(1) << 53) + 1) != fingerprint_integer(INT64_C(1) << 53));
	assert_true(fingerprint_integer(INT64_MAX) != fingerprint_number(0x1p63));
	assert_true(fingerprint_integer(INT64_MAX) != fingerprint_integer(INT64_MAX - 1));
	assert_true(fingerprint_number(INFINITY) != fingerprint_number(-INFINITY));
}

static void
parts_add_up_and_come_out_again(void **state)
{
	Fingerprint whole = {0};
	Fingerprint part = {0};
	Fingerprint rest = {0};
	Fingerprint parsed;
	char		text[FINGERPRINT_DIGITS + 1];

	(void) state;
	for (int i = 0; i < 1000; i++)
	{
		fingerprint_add_row(&whole, two_cells(i, "x"));
		fingerprint_add_row(i % 7 == 0 ? &part : &rest, two_cells(999 - i, "x"));
	}
	/* the two parts hold the same rows in the other order */
	fingerprint_merge(&part, &rest);
	assert_memory_equal(&part, &whole, sizeof(whole));
	fingerprint_subtract(&part, &rest);
	fingerprint_merge(&part, &rest);
	assert_memory_equal(&part, &whole, sizeof(whole));

	/* below zero and back: sums are modulo 2^128 */
	memset(&part, 0, sizeof(part));
	fingerprint_subtract(&part, &whole);
	fingerprint_merge(&part, &whole);
	assert_true(part.low == 0 && part.high == 0 && part.rows == 0);

	fingerprint_text(&whole, text);
	assert_true(fingerprint_parse(text, &parsed));
	assert_true(parsed.low == whole.low && parsed.high == whole.high);
	assert_false(fingerprint_parse("", &parsed));
	assert_false(fingerprint_parse("g0000000000000000000000000000000", &parsed));
	text[FINGERPRINT_DIGITS - 1] = '\0';
	assert_false(fingerprint_parse(text, &parsed));
}

/* Small integers in two columns are the hardest everyday case: no two of 40,000 rows may agree. */
static void
rows_do_not_collide(void **state)
{
	static uint64_t cells[40000];

	(void) state;
	for (int i = 0; i < 40000; i++)
		cells[i] = fingerprint_cell(fingerprint_column("a", 1), fingerprint_number(i / 200)) +
			fingerprint_cell(fingerprint_column("b", 1), fingerprint_number(i % 200));
	for (int bit = 0; bit < 64; bit += 9)
	{
		int			ones = 0;

		for (int i = 0; i < 40000; i++)
			ones += (int) (cells[i] >> bit & 1);
		assert_in_range(ones, 19000, 21000);
	}
	for (int i = 1; i < 40000; i++)
		for (int j = i % 200 == 0 ? 0 : i - 200 < 0 ? 0 : i - 200; j < i; j++)
			assert_true(cells[i] != cells[j]);
}

static void
moments_are_those_of_the_definition(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	double		values[1000];
	Moments		moments;

	for (int i = 0; i < 1000; i++)
		values[i] = 1e9 + i;
	moments_of_array(env, values, 1000, &moments);
	assert_true(moments.count == 1000 && moments.mean == 1e9 + 499.5 && moments.min == 1e9 && moments.max == 1e9 + 999);
	/* the variance of 0 .. n-1 is n (n + 1) / 12 */
	assert_true(fabs(moments.sd - sqrt(1000.0 * 1001 / 12)) < 1e-9);

	values[0] = NAN;
	values[1] = INFINITY;
	values[2] = -INFINITY;
	values[3] = 0;
	values[4] = -0.0;
	moments_of_array(env, values, 7, &moments);
	assert_true(moments.count == 4 && moments.nans == 1 && moments.infinities == 2 && moments.zeros == 2 && moments.min == 0);
	moments_of_array(env, values, 3, &moments);
	assert_true(moments.count == 0 && isnan(moments.mean) && isnan(moments.sd) && isnan(moments.min));
	moments_of_array(env, values + 5, 1, &moments);
	assert_true(moments.count == 1 && moments.mean == values[5] && isnan(moments.sd));
	moments_of_array(env, values, 0, &moments);
	assert_true(moments.count == 0);

	/* what is not finite in a later chunk, and sums that overflow */
	for (int i = 0; i < 1000; i++)
		values[i] = i % 10;
	values[600] = NAN;
	values[601] = INFINITY;
	moments_of_array(env, values, 1000, &moments);
	assert_true(moments.count == 998 && moments.nans == 1 && moments.infinities == 1 && moments.zeros == 99);
	assert_true(fabs(moments.mean - 4499.0 / 998) < 1e-12 && moments.min == 0 && moments.max == 9);
	for (int i = 0; i < 1000; i++)
		values[i] = i == 0 ? 0 : 1e308;
	moments_of_array(env, values, 1000, &moments);
	assert_true(moments.count == 1000 && isnan(moments.mean) && isnan(moments.sd) && moments.max == 1e308 && moments.zeros == 1);
}

static void
distinct_values_of_a_sample(void **state)
{
	double		sorted[1000];

	(void) state;
	for (int i = 0; i < 1000; i++)
		sorted[i] = i / 10;
	assert_true(distinct_estimate(sorted, 1000, 1e6) == 100);
	for (int i = 0; i < 1000; i++)
		sorted[i] = i;
	assert_true(distinct_estimate(sorted, 1000, 1e6) == 1e6);
	assert_true(distinct_estimate(sorted, 1000, 1000) == 1000);
	assert_true(distinct_estimate(sorted, 0, 0) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_never_change),
		cmocka_unit_test(equal_numbers_are_equal),
		cmocka_unit_test(parts_add_up_and_come_out_again),
		cmocka_unit_test(rows_do_not_collide),
		cmocka_unit_test_setup_teardown(moments_are_those_of_the_definition, test_env_setup, test_env_teardown),
		cmocka_unit_test(distinct_values_of_a_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
