/*
 * test_glm_logit.c: the loops for two classes against those for any family.
 */
#include "support.h"

#include <math.h>

#include "core/glm_logit.h"

#define ROWS 2001

static const GlmSpec logit = {.family = GLM_BINOMIAL, .link = LINK_LOGIT};

/* Linear predictors up to `size`, some of them beyond what a probability can hold. */
static void
fill(TestRandom *random, double size, double *eta, double *y, double *w, double weight)
{
	for (int i = 0; i < ROWS; i++)
	{
		eta[i] = size * test_random_normal(random);
		y[i] = (double) (test_random_bits(random) % 2);
		w[i] = weight;
	}
}

static void
rows_are_those_of_the_family(void **state)
{
	TestRandom	random = {3};
	static const double sizes[] = {0, 1e-9, 1, 30, 400};
	static double eta[ROWS], y[ROWS], w[ROWS], root[ROWS], residual[ROWS], expected_root[ROWS], expected[ROWS];

	(void) state;
	for (size_t k = 0; k < 2 * sizeof(sizes) / sizeof(sizes[0]); k++)
	{
		GlmSums		sums = {0};
		GlmSums		family = {0};
		double		weight = k % 2 == 0 ? 1 : 2.75;

		fill(&random, sizes[k / 2], eta, y, w, weight);
		assert_true(glm_logit_applies(&logit, ROWS, y, w));
		glm_logit_rows(ROWS, eta, y, weight, root, residual, &sums);
		glm_rows(&logit, ROWS, eta, y, w, expected_root, expected, &family);
		for (int i = 0; i < ROWS; i++)
		{
			assert_close(root[i], expected_root[i], 1e-14, 0);
			assert_close(residual[i], expected_root[i] * expected[i], 1e-14, 0);
		}
		assert_close(sums.deviance, family.deviance, 1e-12, 0);
		assert_close(sums.scale, family.scale, 1e-13, 0);
		assert_true(sums.max_eta == family.max_eta);
		assert_false(sums.not_finite);
	}
}

/* Where every row is fitted almost perfectly, the deviance is the sum of many tiny terms. */
static void
tiny_deviances_add_up(void **state)
{
	static double eta[ROWS], y[ROWS], w[ROWS], root[ROWS], residual[ROWS], expected_root[ROWS], expected[ROWS];

	(void) state;
	for (double size = 10; size < 60; size += 7)
	{
		GlmSums		sums = {0};
		GlmSums		family = {0};

		for (int i = 0; i < ROWS; i++)
		{
			y[i] = i % 2;
			w[i] = 1;
			eta[i] = (2 * y[i] - 1) * (size + i * 1e-3);
		}
		glm_logit_rows(ROWS, eta, y, 1, root, residual, &sums);
		glm_rows(&logit, ROWS, eta, y, w, expected_root, expected, &family);
		/* to the rounding of a sum of rows near 1 */
		assert_close(sums.deviance, family.deviance, 1e-11, 1e-3);
	}
}

static void
others_are_left_to_the_family(void **state)
{
	double		y[] = {0, 1, 1};
	double		half[] = {0, 0.5, 1};
	double		ones[] = {1, 1, 1};
	double		uneven[] = {1, 1, 2};
	double		zeros[] = {0, 0, 0};
	double		eta[] = {1, NAN, 1};
	double		root[3];
	double		residual[3];
	GlmSpec		probit = {.family = GLM_BINOMIAL, .link = LINK_PROBIT};
	GlmSums		sums = {0};

	(void) state;
	assert_true(glm_logit_applies(&logit, 3, y, ones));
	assert_false(glm_logit_applies(&probit, 3, y, ones));
	assert_false(glm_logit_applies(&logit, 3, half, ones));
	assert_false(glm_logit_applies(&logit, 3, y, uneven));
	assert_false(glm_logit_applies(&logit, 3, y, zeros));
	assert_false(glm_logit_applies(&logit, 0, y, ones));
	glm_logit_rows(3, eta, y, 1, root, residual, &sums);
	assert_true(sums.not_finite);
}

static void
separation_is_the_extremes(void **state)
{
	TestRandom	random = {4};
	static double eta[ROWS], y[ROWS], w[ROWS], move[ROWS];
	double		largest = 0;
	double		gain = INFINITY;
	double		margin = INFINITY;
	double		expected_largest = 0;
	double		expected_gain = INFINITY;
	double		expected_margin = INFINITY;

	(void) state;
	fill(&random, 5, eta, y, w, 1);
	for (int i = 0; i < ROWS; i++)
	{
		int			sign = glm_recession_sign(&logit, y[i]);

		move[i] = test_random_normal(&random);
		expected_largest = fmax(expected_largest, fabs(move[i]));
		expected_gain = fmin(expected_gain, sign * move[i]);
		expected_margin = fmin(expected_margin, sign * eta[i]);
	}
	glm_logit_separation(ROWS, eta, move, y, &largest, &gain, &margin);
	assert_true(largest == expected_largest && gain == expected_gain && margin == expected_margin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_those_of_the_family),
		cmocka_unit_test(tiny_deviances_add_up),
		cmocka_unit_test(others_are_left_to_the_family),
		cmocka_unit_test(separation_is_the_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
