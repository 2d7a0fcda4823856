/*
 * test_hash.c: the hash of canonical values: frozen vectors, equalities, and how well it mixes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "core/hash.h"

/*
 * Row order, splits, folds and fingerprints of every model ever trained depend on these values: when this test fails,
 * the change is wrong, not the test.
 */
static void
vectors_never_change(void **state)
{
	(void) state;
	assert_true(hash_null() == UINT64_C(0x4cd206e53365438a));
	assert_true(hash_bool(false) == UINT64_C(0x5df40810fd97ee2e));
	assert_true(hash_bool(true) == UINT64_C(0xfac14aa1262601a1));
	assert_true(hash_int64(0) == UINT64_C(0x56592769931306d9));
	assert_true(hash_int64(1) == UINT64_C(0x2dab1912d1b290c9));
	assert_true(hash_int64(-1) == UINT64_C(0x86acce4eab454f28));
	assert_true(hash_int64(INT64_MIN) == UINT64_C(0xfb6693b0e1332eb4));
	assert_true(hash_int64(INT64_MAX) == UINT64_C(0x14d820a60c8f69bc));
	assert_true(hash_double(0.5) == UINT64_C(0x75a31ba18d484b79));
	assert_true(hash_double(-0.1) == UINT64_C(0x9c082959f823f837));
	assert_true(hash_double(1e300) == UINT64_C(0x334ed82a5dfa696a));
	assert_true(hash_double(NAN) == UINT64_C(0x901b73f9fd7af61c));
	assert_true(hash_double(INFINITY) == UINT64_C(0xb94c50827fa52e28));
	assert_true(hash_double(-INFINITY) == UINT64_C(0xdea2b96afba8ba0d));
	assert_true(hash_double(0x1p-1074) == UINT64_C(0x970c65721bef0278));
	assert_true(hash_time(0) == UINT64_C(0xe4f97ea460b076cc));
	assert_true(hash_time(INT64_C(820454400000000)) == UINT64_C(0x480e782771a9db42));
	assert_true(hash_time(INT64_MAX) == UINT64_C(0x438d6de8598b7d99));
	assert_true(hash_bytes("", 0) == UINT64_C(0x177f350039165992));
	assert_true(hash_bytes("a", 1) == UINT64_C(0x25e93f80ab934906));
	assert_true(hash_bytes("abcdefg", 7) == UINT64_C(0xfde2b77201e04ec6));
	assert_true(hash_bytes("abcdefgh", 8) == UINT64_C(0xf65a6084f93df143));
	assert_true(hash_bytes("abcdefghi", 9) == UINT64_C(0xaafe248d97f3468e));
	assert_true(hash_bytes("Month-to-month", 14) == UINT64_C(0x0ec9c5f519ad1ca6));
	assert_true(hash_bytes("0123456789abcdef0123456789abcdef", 32) == UINT64_C(0x64b114532982ecb6));
	assert_true(hash_row_init() == UINT64_C(0x9159015a3070dd17));
	assert_true(hash_row_final(hash_row_init()) == UINT64_C(0xc5ed6c0a6f8d89fd));
	assert_true(hash_row_add(hash_row_init(), hash_int64(7)) == UINT64_C(0xdcdd6ffbfbf90c4a));
	assert_true(hash_row_final(hash_row_add(hash_row_add(hash_row_init(), hash_int64(7)), hash_null())) == UINT64_C(0x819e1ac7b04eded5));
	assert_true(hash_seeded(0, 0) == UINT64_C(0x8450a8b2d2f91579));
	assert_true(hash_seeded(hash_int64(1), 42) == UINT64_C(0x6dd14bdae349da67));
	assert_true(hash_seeded(hash_int64(1), 43) == UINT64_C(0xc2bde1733d239b1b));
}

static void
equal_values_hash_equal(void **state)
{
	double		quiet;
	uint64_t	bits = UINT64_C(0xfff8000000001234);

	(void) state;
	memcpy(&quiet, &bits, sizeof(quiet));
	assert_true(hash_double(1.0) == hash_int64(1));
	assert_true(hash_double(-0.0) == hash_int64(0));
	assert_true(hash_double(-7) == hash_int64(-7));
	assert_true(hash_double(0x1p62) == hash_int64(INT64_C(1) << 62));
	assert_true(hash_double(-0x1p63) == hash_int64(INT64_MIN));
	assert_true(hash_double(NAN) == hash_double(quiet));
	assert_true(hash_double(NAN) == hash_double(-NAN));

	assert_true(hash_double(0x1p63) != hash_int64(INT64_MAX));
	assert_true(hash_double(INFINITY) != hash_double(-INFINITY));
	assert_true(hash_double(0.5) != hash_double(-0.5));
	assert_true(hash_null() != hash_bytes("", 0));
	assert_true(hash_int64(1) != hash_bool(true));
	assert_true(hash_int64(0) != hash_time(0));
	assert_true(hash_bytes("1", 1) != hash_int64(1));
}

static void
bytes_at_any_address(void **state)
{
	char		buffer[64];
	static const char text[] = "the same bytes wherever they lie";

	(void) state;
	for (int shift = 0; shift < 9; shift++)
	{
		memcpy(buffer + shift, text, sizeof(text));
		assert_true(hash_bytes(buffer + shift, sizeof(text)) == hash_bytes(text, sizeof(text)));
	}
	/* zeros count, at the end too */
	memset(buffer, 0, sizeof(buffer));
	for (size_t a = 0; a < 40; a++)
	{
		for (size_t b = 0; b < a; b++)
			assert_true(hash_bytes(buffer, a) != hash_bytes(buffer, b));
	}
}

static void
rows_depend_on_order_and_length(void **state)
{
	uint64_t	a = hash_int64(1);
	uint64_t	b = hash_int64(2);
	uint64_t	start = hash_row_init();

	(void) state;
	assert_true(hash_row_final(hash_row_add(hash_row_add(start, a), b)) != hash_row_final(hash_row_add(hash_row_add(start, b), a)));
	assert_true(hash_row_final(hash_row_add(start, a)) != hash_row_final(hash_row_add(hash_row_add(start, a), hash_null())));
	assert_true(hash_row_final(hash_row_add(start, a)) != hash_row_final(hash_row_add(hash_row_add(start, a), a)));
}

typedef uint64_t (*Mixer) (uint64_t input);

static uint64_t
mix_int64(uint64_t input)
{
	return hash_int64((int64_t) input);
}

static uint64_t
mix_seed(uint64_t input)
{
	return hash_seeded(hash_int64(12345), input);
}

static uint64_t
mix_seeded_hash(uint64_t input)
{
	return hash_seeded(input, 42);
}

static uint64_t
mix_bytes(uint64_t input)
{
	uint64_t	words[2] = {input, 0};

	return hash_bytes(words, sizeof(words));
}

static uint64_t
mix_row(uint64_t input)
{
	return hash_row_final(hash_row_add(hash_row_add(hash_row_init(), input), hash_int64(1)));
}

static uint64_t
mix_fraction(uint64_t input)
{
	return hash_double((double) (input >> 12) + 0.5);
}

/* the last ignores low bits */
static const Mixer mixers[] = {mix_int64, mix_seed, mix_seeded_hash, mix_bytes, mix_row, mix_fraction};

#define MIXERS ((int) (sizeof(mixers) / sizeof(mixers[0])) - 1)

/*
 * Every input bit flips every output bit with probability 1/2: 64 x 64 counts of 4096 trials, standard deviation 32; six
 * of them in any of 20,480 counts has probability 4e-5, and inputs are fixed.
 */
static void
avalanche(void **state)
{
	TestRandom	random = {1};

	(void) state;
	for (int m = 0; m < MIXERS; m++)
	{
		static int	flips[64][64];

		memset(flips, 0, sizeof(flips));
		for (int trial = 0; trial < 4096; trial++)
		{
			/* half of the inputs are small counters, as keys are */
			uint64_t	input = trial % 2 == 0 ? (uint64_t) trial : test_random_bits(&random);
			uint64_t	base = mixers[m](input);

			for (int bit = 0; bit < 64; bit++)
			{
				uint64_t	change = base ^ mixers[m](input ^ (UINT64_C(1) << bit));

				for (int out = 0; out < 64; out++)
					flips[bit][out] += (int) (change >> out & 1);
			}
		}
		for (int bit = 0; bit < 64; bit++)
		{
			for (int out = 0; out < 64; out++)
			{
				if (abs(flips[bit][out] - 2048) > 6 * 32)
					print_error("mixer %d: input bit %d flips output bit %d %d times of 4096\n", m, bit, out, flips[bit][out]);
				assert_true(abs(flips[bit][out] - 2048) <= 6 * 32);
			}
		}
	}
}

/* Chi-squared over 256 cells of the top, middle and bottom bytes for counters: mean 255, sd 22.6. */
static void
counters_fill_cells_evenly(void **state)
{
	static const int steps[] = {1, 4096, 1 << 20};

	(void) state;
	for (int m = 0; m <= MIXERS; m++)
	{
		for (int s = 0; s < 3; s++)
		{
			for (int shift = 0; shift < 64; shift += 28)
			{
				int			counts[256] = {0};
				double		chi = 0;

				/* the fractions are one value for 4096 inputs */
				if (mixers[m] == mix_fraction && steps[s] < 4096)
					continue;
				for (uint64_t i = 0; i < 65536; i++)
					counts[mixers[m](i * (uint64_t) steps[s]) >> shift & 255]++;
				for (int c = 0; c < 256; c++)
					chi += (counts[c] - 256.0) * (counts[c] - 256.0) / 256;
				assert_true(chi > 255 - 6 * 22.6 && chi < 255 + 6 * 22.6);
			}
		}
	}
}

/* Uniforms of different seeds over the same rows are uncorrelated: |r| below 5 / sqrt(n). */
static void
seeds_are_independent(void **state)
{
	enum
	{
		N = 20000, SEEDS = 6
	};
	static double u[SEEDS][N];

	(void) state;
	for (int s = 0; s < SEEDS; s++)
	{
		for (int i = 0; i < N; i++)
		{
			u[s][i] = hash_uniform(hash_int64(i), (uint64_t) s) - 0.5;
			assert_true(u[s][i] >= -0.5 && u[s][i] < 0.5);
		}
	}
	for (int a = 0; a < SEEDS; a++)
	{
		for (int b = 0; b < a; b++)
		{
			double		product = 0;

			for (int i = 0; i < N; i++)
				product += u[a][i] * u[b][i];
			assert_true(fabs(product / N * 12) < 5 / sqrt(N));
		}
	}
}

static int
compare_words(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

/* A million rows of two small columns, texts and fractions: not one collision of 64 bits. */
static void
no_collisions_among_similar_values(void **state)
{
	enum
	{
		N = 1 << 20
	};
	uint64_t   *hashes = malloc(3 * N * sizeof(uint64_t));

	(void) state;
	assert_non_null(hashes);
	for (int i = 0; i < N; i++)
	{
		char		text[24];
		uint64_t	row = hash_row_add(hash_row_init(), hash_int64(i / 1024));

		snprintf(text, sizeof(text), "cust-%d", i);
		hashes[i] = hash_row_final(hash_row_add(row, hash_int64(i % 1024)));
		hashes[N + i] = hash_bytes(text, strlen(text));
		hashes[2 * N + i] = hash_double(i / 1024.0 + 1.0 / 4096);
	}
	qsort(hashes, 3 * N, sizeof(uint64_t), compare_words);
	for (int i = 1; i < 3 * N; i++)
		assert_true(hashes[i] != hashes[i - 1]);
	free(hashes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_never_change),
		cmocka_unit_test(equal_values_hash_equal),
		cmocka_unit_test(bytes_at_any_address),
		cmocka_unit_test(rows_depend_on_order_and_length),
		cmocka_unit_test(avalanche),
		cmocka_unit_test(counters_fill_cells_evenly),
		cmocka_unit_test(seeds_are_independent),
		cmocka_unit_test(no_collisions_among_similar_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
