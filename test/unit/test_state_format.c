/*
 * test_state_format.c: states come back from their bytes bit for bit, have one form, and no other bytes are taken for one.
 */
#include <math.h>
#include <string.h>

#include "format/model_format.h"
#include "format/sections.h"
#include "support.h"

#define TERMS 4
#define ROWS 37

/* Payload of the only section: p, rows, three weights, then the numbers. */
#define PAYLOAD (FRAME_HEADER_BYTES + SECTION_HEADER_BYTES)
#define DATA (PAYLOAD + 4 + 8 + 24)

static LinearState *
new_state(CoreEnv *env, int nterms)
{
	size_t		size;
	LinearState *state;

	assert_true(linear_state_size(nterms, &size));
	state = env_alloc(env, size, 1);
	linear_state_init(state, nterms);
	return state;
}

static double *
new_workspace(CoreEnv *env, int nterms, int nrows)
{
	size_t		doubles;

	assert_true(linear_workspace_size(nterms, nrows, &doubles));
	return env_alloc(env, doubles, sizeof(double));
}

/* Weighted random rows far from zero. */
static LinearState *
random_state(CoreEnv *env, uint64_t seed, int nrows)
{
	LinearState *state = new_state(env, TERMS);
	TestRandom	random = {seed};
	double		x[TERMS * ROWS];
	double		y[ROWS];
	double		w[ROWS];

	for (int i = 0; i < nrows; i++)
	{
		for (int j = 0; j < TERMS; j++)
			x[j * ROWS + i] = 1e6 * j + test_random_normal(&random);
		y[i] = x[i] + test_random_normal(&random);
		w[i] = 0.5 + test_random_uniform(&random);
	}
	assert_ok(env, linear_state_add(env, state, nrows, x, ROWS, y, w, new_workspace(env, TERMS, ROWS)));
	return state;
}

static void
encode(CoreEnv *env, const LinearState *state, uint8_t **bytes, size_t *length)
{
	assert_ok(env, state_encode(env, state, 0, bytes, length));
}

static void
assert_same_bytes(CoreEnv *env, const LinearState *a, const LinearState *b)
{
	uint8_t    *a_bytes;
	uint8_t    *b_bytes;
	size_t		a_length;
	size_t		b_length;

	encode(env, a, &a_bytes, &a_length);
	encode(env, b, &b_bytes, &b_length);
	assert_int_equal(a_length, b_length);
	assert_memory_equal(a_bytes, b_bytes, a_length);
}

static void
round_trip(void **state)
{
	CoreEnv    *env = *state;

	for (int nrows = 0; nrows <= ROWS; nrows += 1 + nrows)
	{
		LinearState *original = random_state(env, 5, nrows);
		LinearState *copy;
		uint8_t    *bytes;
		size_t		length;
		size_t		prefix = 4;

		assert_ok(env, state_encode(env, original, prefix, &bytes, &length));
		assert_int_equal(length, prefix + DATA + 8 * linear_state_doubles(TERMS));
		assert_ok(env, state_decode(env, bytes + prefix, length - prefix, false, &copy));
		/* nothing of the input is needed any more */
		memset(bytes, 0xEE, length);
		assert_int_equal(copy->nterms, TERMS);
		assert_true(copy->nrows == original->nrows);
		assert_true(copy->weight == original->weight && copy->weight_squares == original->weight_squares &&
					copy->log_weight == original->log_weight);
		for (size_t i = 0; i < 2 * (TERMS + 1); i++)
			assert_true(copy->data[i] == original->data[i]);
		for (int j = 0; j <= TERMS; j++)
		{
			for (int i = 0; i <= j; i++)
			{
				double		sign = linear_state_column(original, i)[i] < 0 ? -1 : 1;

				assert_true(linear_state_column(copy, j)[i] == sign * linear_state_column(original, j)[i]);
			}
		}
		assert_same_bytes(env, original, copy);
	}
}

/* The rows of R may be turned without changing R'R: one state, one form. */
static void
signs_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	LinearState *original = random_state(env, 6, ROWS);
	LinearState *turned = random_state(env, 6, ROWS);

	for (int j = 1; j <= TERMS; j++)
	{
		linear_state_column(turned, j)[1] *= -1;
		if (j >= 3)
			linear_state_column(turned, j)[3] *= -1;
	}
	linear_state_column(turned, 4)[2] = -0.0;
	linear_state_column(original, 4)[2] = 0.0;
	turned->data[0] = -0.0;
	original->data[0] = 0.0;
	assert_same_bytes(env, original, turned);
}

/* Days kept as bytes add up to what the rows give at once. */
static void
stored_states_merge(void **state)
{
	CoreEnv    *env = *state;
	LinearState *kept[3];
	LinearState *fresh[3];
	double	   *workspace = new_workspace(env, TERMS, 0);

	for (int i = 0; i < 3; i++)
	{
		uint8_t    *bytes;
		size_t		length;

		fresh[i] = random_state(env, 10 + (uint64_t) i, 5 + 7 * i);
		encode(env, fresh[i], &bytes, &length);
		assert_ok(env, state_decode(env, bytes, length, false, &kept[i]));
	}
	for (int i = 1; i < 3; i++)
	{
		assert_ok(env, linear_state_merge(env, fresh[0], fresh[i], workspace));
		assert_ok(env, linear_state_merge(env, kept[0], kept[i], workspace));
	}
	assert_true(kept[0]->nrows == fresh[0]->nrows && kept[0]->weight == fresh[0]->weight);
	for (int j = 0; j <= TERMS; j++)
	{
		double		own = 0;
		double		other = 0;

		for (int i = 0; i <= j; i++)
		{
			own += linear_state_column(kept[0], j)[i] * linear_state_column(kept[0], j)[i];
			other += linear_state_column(fresh[0], j)[i] * linear_state_column(fresh[0], j)[i];
		}
		assert_close(own, other, 1e-13, 1.0);
	}
}

static void
truncated_or_longer(void **state)
{
	CoreEnv    *env = *state;
	uint8_t    *bytes;
	uint8_t    *longer;
	size_t		length;
	LinearState *result;

	encode(env, random_state(env, 7, ROWS), &bytes, &length);
	for (size_t n = 0; n < length; n++)
	{
		assert_int_equal(state_decode(env, bytes, n, false, &result), CORE_CORRUPT);
		assert_int_equal(state_decode(env, bytes, n, true, &result), CORE_CORRUPT);
	}
	longer = env_alloc(env, length + 1, 1);
	memcpy(longer, bytes, length);
	assert_int_equal(state_decode(env, longer, length + 1, true, &result), CORE_CORRUPT);
	put_u64(longer + FRAME_LENGTH_AT, length + 1);
	assert_int_equal(state_decode(env, longer, length + 1, true, &result), CORE_CORRUPT);
	assert_non_null(strstr(env->message, "follow the last section"));
}

/* A checksum finds every single flipped bit; a version is read before it. */
static void
every_bit_counts(void **state)
{
	CoreEnv    *env = *state;
	uint8_t    *bytes;
	size_t		length;
	LinearState *result;

	encode(env, random_state(env, 8, ROWS), &bytes, &length);
	for (size_t bit = 0; bit < 8 * length; bit++)
	{
		CoreStatus	status;
		bool		version = bit / 8 == FRAME_MAJOR_AT || bit / 8 == FRAME_MAJOR_AT + 1;

		bytes[bit / 8] ^= (uint8_t) (1 << (bit % 8));
		status = state_decode(env, bytes, length, false, &result);
		assert_true(status == CORE_CORRUPT || (version && status == CORE_UNSUPPORTED));
		/* without the checksum: anything but a crash */
		(void) state_decode(env, bytes, length, true, &result);
		bytes[bit / 8] ^= (uint8_t) (1 << (bit % 8));
	}
	assert_ok(env, state_decode(env, bytes, length, false, &result));
}

static void
put_f64(uint8_t *bytes, double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	put_u64(bytes, bits);
}

/* Well-formed bytes of no possible state. */
static void
forged_numbers(void **state)
{
	CoreEnv    *env = *state;
	static const double bad[] = {NAN, INFINITY, -INFINITY, -0.0};
	size_t		r = DATA + 8 * 2 * (TERMS + 1);
	uint8_t    *bytes;
	size_t		length;
	LinearState *result;

	for (int i = 0; i < 4; i++)
	{
		for (size_t at = PAYLOAD + 4 + 8; at < DATA + 8 * linear_state_doubles(TERMS); at += 8)
		{
			encode(env, random_state(env, 9, ROWS), &bytes, &length);
			put_f64(bytes + at, bad[i]);
			assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
			assert_int_equal(strncmp(env->message, "invalid state: ", 15), 0);
		}
	}
	encode(env, random_state(env, 9, ROWS), &bytes, &length);
	put_f64(bytes + r, -1.0);
	assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	for (size_t at = PAYLOAD + 4 + 8; at < PAYLOAD + 4 + 8 + 16; at += 8)
	{
		encode(env, random_state(env, 9, ROWS), &bytes, &length);
		put_f64(bytes + at, -1.0);
		assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	}
	/* rows without weight, and weight without rows */
	encode(env, random_state(env, 9, ROWS), &bytes, &length);
	put_f64(bytes + PAYLOAD + 12, 0.0);
	assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	encode(env, random_state(env, 9, ROWS), &bytes, &length);
	put_u64(bytes + PAYLOAD + 4, 0);
	assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	put_u64(bytes + PAYLOAD + 4, UINT64_MAX);
	assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
}

/* Forged counts of rows may be huge: merging them is an error, not an overflow. */
static void
huge_counts_merge(void **state)
{
	CoreEnv    *env = *state;
	LinearState *forged;
	uint8_t    *bytes;
	size_t		length;

	encode(env, random_state(env, 9, ROWS), &bytes, &length);
	put_u64(bytes + PAYLOAD + 4, (uint64_t) 1 << 62);
	assert_ok(env, state_decode(env, bytes, length, true, &forged));
	assert_int_equal(linear_state_merge(env, forged, random_state(env, 9, ROWS), new_workspace(env, TERMS, 0)), CORE_OK);
	assert_true(forged->nrows == ((int64_t) 1 << 62) + ROWS);
	assert_int_equal(linear_state_merge(env, forged, forged, new_workspace(env, TERMS, 0)), CORE_NUMERIC);
}

/* No memory is taken for terms that the bytes cannot hold. */
static void
forged_sizes(void **state)
{
	TestEnv    *test = *state;
	CoreEnv    *env = &test->core;
	static const uint32_t sizes[] = {0, TERMS - 1, TERMS + 1, LINEAR_MAX_TERMS, LINEAR_MAX_TERMS + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
	uint8_t    *bytes;
	size_t		length;
	LinearState *result;

	encode(env, random_state(env, 9, ROWS), &bytes, &length);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		int64_t		before = test->allocations;

		put_u32(bytes + PAYLOAD, sizes[i]);
		assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
		if (sizes[i] > TERMS)
			assert_int_equal(test->allocations, before);
	}
}

static void
models_are_no_states(void **state)
{
	CoreEnv    *env = *state;
	uint8_t    *bytes;
	size_t		length;
	LinearState *result;
	Model	   *model;

	encode(env, random_state(env, 9, ROWS), &bytes, &length);
	assert_int_equal(model_peek(bytes, length), 0);
	assert_int_equal(model_decode(env, bytes, length, false, &model), CORE_CORRUPT);
	bytes[7] = 'M';
	assert_int_equal(model_peek(bytes, length), 1);
	assert_int_equal(state_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	assert_int_equal(model_decode(env, bytes, length, true, &model), CORE_CORRUPT);
}

static void
refused_memory(void **state)
{
	TestEnv    *test = *state;
	CoreEnv    *env = &test->core;
	LinearState *original = random_state(env, 9, ROWS);
	LinearState *result;
	uint8_t    *bytes;
	size_t		length;

	test->fail_after = test->allocations;
	assert_int_equal(state_encode(env, original, 0, &bytes, &length), CORE_NO_MEMORY);
	test->fail_after = test->allocations + 1;
	assert_int_equal(state_encode(env, original, 0, &bytes, &length), CORE_NO_MEMORY);
	test->fail_after = -1;
	encode(env, original, &bytes, &length);
	test->fail_after = test->allocations;
	assert_int_equal(state_decode(env, bytes, length, false, &result), CORE_NO_MEMORY);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(round_trip),
		TEST(signs_do_not_matter),
		TEST(stored_states_merge),
		TEST(truncated_or_longer),
		TEST(every_bit_counts),
		TEST(forged_numbers),
		TEST(forged_sizes),
		TEST(huge_counts_merge),
		TEST(models_are_no_states),
		TEST(refused_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
