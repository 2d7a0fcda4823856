/*
 * test_term_moments.c: means and spreads of terms by blocks against long sums over all rows.
 */
#include "support.h"

#include <math.h>

#include "core/term_moments.h"

#define ROWS 9001
#define TERMS 3

/* Column-major design: ordinary numbers, numbers far from zero, a constant. */
static void
fill(TestRandom *random, double *x, double *w)
{
	for (int i = 0; i < ROWS; i++)
	{
		x[i] = test_random_normal(random);
		x[ROWS + i] = 1e9 + test_random_uniform(random);
		x[2 * ROWS + i] = 7;
		/* the third block has no weight at all */
		w[i] = i >= 6000 && i < 8000 ? 0 : (double) (test_random_bits(random) % 4);
	}
}

static void
moments_by_blocks(CoreEnv *env, const double *x, const double *w, int block_rows, double *mean, double *sd)
{
	int			nblocks = (ROWS + block_rows - 1) / block_rows;
	double	   *records = env_alloc(env, (size_t) nblocks, term_moments_doubles(TERMS) * sizeof(double));

	/* in any order */
	for (int b = nblocks - 1; b >= 0; b--)
	{
		int			first = b * block_rows;
		DesignBlock block = {.nrows = ROWS - first < block_rows ? ROWS - first : block_rows, .nterms = TERMS, .x = x + first, .ld = ROWS, .w = w != NULL ? w + first : NULL};
		double	   *record = records + (size_t) b * term_moments_doubles(TERMS);

		assert_false(term_moments_made(record));
		term_moments_record(&block, record);
		assert_true(term_moments_made(record));
	}
	term_moments_join(records, nblocks, TERMS, mean, sd);
	env_release(env, records);
}

static void
blocks_give_what_all_rows_give(void **state)
{
	CoreEnv    *env = &((TestEnv *) *state)->core;
	TestRandom	random = {5};
	double	   *x = env_alloc(env, TERMS * ROWS, sizeof(double));
	double	   *w = env_alloc(env, ROWS, sizeof(double));
	static const int sizes[] = {ROWS, 4096, 1000, 7};

	fill(&random, x, w);
	for (int weighted = 0; weighted < 2; weighted++)
	{
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
		{
			double		mean[TERMS];
			double		sd[TERMS];

			moments_by_blocks(env, x, weighted ? w : NULL, sizes[k], mean, sd);
			for (int j = 0; j < TERMS; j++)
			{
				TestQuad	total = 0;
				TestQuad	sum = 0;
				TestQuad	squares = 0;

				for (int i = 0; i < ROWS; i++)
				{
					total += weighted ? w[i] : 1;
					sum += (weighted ? w[i] : 1) * (TestQuad) x[j * ROWS + i];
				}
				for (int i = 0; i < ROWS; i++)
				{
					TestQuad	d = x[j * ROWS + i] - sum / total;

					squares += (weighted ? w[i] : 1) * d * d;
				}
				assert_close(mean[j], (double) (sum / total), 1e-14, 1);
				/* means near 1e9 are rounded to 1e-7 */
				assert_close(sd[j], sqrt((double) (squares / total)), j == 1 ? 1e-7 : 1e-13, 1e-3);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(blocks_give_what_all_rows_give, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
