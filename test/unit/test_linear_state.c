/*
 * test_linear_state.c: least squares by mergeable triangles: quadruple-precision references, and the
 * invariances that make states worth storing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "design.h"

#include "core/linear_internal.h"

#define MAX_REFERENCE 40

/* Weighted normal equations in quadruple precision: [intercept, terms], and the diagonal of the inverse. */
typedef struct Reference
{
	double		coefficient[MAX_REFERENCE];
	double		std_error[MAX_REFERENCE];
	double		rss;
} Reference;

static TestQuad
reference_value(const Design *design, bool intercept, int row, int column)
{
	if (intercept)
		return column == 0 ? 1 : design->x[(size_t) (column - 1) * (size_t) design->nrows + (size_t) row];
	return design->x[(size_t) column * (size_t) design->nrows + (size_t) row];
}

/* `penalty`: added to the diagonal, or NULL. */
static Reference
reference_solve(const Design *design, bool intercept, const double *penalty)
{
	static TestQuad a[MAX_REFERENCE][2 * MAX_REFERENCE + 1];
	int			k = design->nterms + (intercept ? 1 : 0);
	int			width = 2 * k + 1;
	TestQuad	rss = 0;
	int			shift = intercept ? 0 : 1;
	Reference	result;

	assert_true(k < MAX_REFERENCE);
	memset(a, 0, sizeof(a));
	memset(&result, 0, sizeof(result));
	for (int r = 0; r < design->nrows; r++)
	{
		TestQuad	w = design->w != NULL ? design->w[r] : 1;

		for (int i = 0; i < k; i++)
		{
			TestQuad	value = w * reference_value(design, intercept, r, i);

			for (int j = 0; j < k; j++)
				a[i][j] += value * reference_value(design, intercept, r, j);
			a[i][2 * k] += value * design->y[r];
		}
	}
	for (int i = 0; i < k; i++)
	{
		a[i][k + i] = 1;
		if (penalty != NULL)
			a[i][i] += penalty[i];
	}
	for (int i = 0; i < k; i++)
	{
		TestQuad	pivot = a[i][i];

		for (int j = 0; j < width; j++)
			a[i][j] /= pivot;
		for (int r = 0; r < k; r++)
		{
			TestQuad	factor = a[r][i];

			for (int j = 0; r != i && j < width; j++)
				a[r][j] -= factor * a[i][j];
		}
	}
	for (int r = 0; r < design->nrows; r++)
	{
		TestQuad	residual = design->y[r];

		for (int i = 0; i < k; i++)
			residual -= a[i][2 * k] * reference_value(design, intercept, r, i);
		rss += (design->w != NULL ? design->w[r] : 1) * residual * residual;
	}
	result.rss = (double) rss;
	for (int i = 0; i < k; i++)
	{
		result.coefficient[i + shift] = (double) a[i][2 * k];
		result.std_error[i + shift] = sqrt((double) (a[i][k + i] * rss) / (design->nrows - k));
	}
	return result;
}

static void
compare_with_reference(CoreEnv *env, const Design *design, bool intercept, double tolerance)
{
	Reference	expected = reference_solve(design, intercept, NULL);
	LinearState *fitted = design_state(env, design, 0, design->nrows, 64);
	LinearSolution solution = design_solve(env, fitted, intercept, 0);

	for (int j = intercept ? 0 : 1; j <= design->nterms; j++)
	{
		assert_close(solution.coefficient[j], expected.coefficient[j], tolerance, 1e-3);
		assert_close(solution.std_error[j], expected.std_error[j], tolerance, 0);
	}
	assert_close(solution.rss, expected.rss, tolerance, 0);
	if (!intercept)
	{
		assert_true(solution.coefficient[0] == 0);
		assert_true(isnan(solution.std_error[0]));
	}
}

static void
agrees_with_normal_equations_in_quadruple_precision(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {7};

	for (int nterms = 0; nterms <= 30; nterms += 5)
	{
		for (int variant = 0; variant < 4; variant++)
		{
			Design		design = design_random(env, &random, 200 + 37 * variant, nterms, variant % 2 == 1, variant >= 2 ? 10 : 0);

			compare_with_reference(env, &design, true, 1e-11);
			if (nterms > 0)
				compare_with_reference(env, &design, false, 1e-11);
		}
	}
}

/* Thousands of rows, all code paths of panels and chunks; reference: the same rows one at a time. */
static void
wide_designs_use_panels(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	TestRandom	random = {11};
	static const int widths[] = {1, 7, 8, 63, 64, 65, 257, 530};

	for (int v = 0; v < (int) (sizeof(widths) / sizeof(widths[0])); v++)
	{
		int			nterms = widths[v];
		Design		design = design_random(env, &random, nterms < 100 ? 5000 : 900, nterms, false, 0);
		LinearState *whole = design_state(env, &design, 0, design.nrows, design.nrows);
		LinearState *pieces = design_state(env, &design, 0, design.nrows, nterms < 100 ? 100 : 450);
		LinearSolution a = design_solve(env, whole, true, 0);
		LinearSolution b = design_solve(env, pieces, true, 0);

		assert_int_equal(whole->nrows, design.nrows);
		assert_int_equal(a.rank, nterms + 1);
		for (int j = 0; j <= nterms; j++)
		{
			double		truth = j == 0 ? 0 : (j - 1) % 2 == 0 ? 0.5 : -0.25;

			assert_close(a.coefficient[j], b.coefficient[j], 1e-11, 0.1);
			assert_close(a.std_error[j], b.std_error[j], 1e-11, 0);
			/* six standard errors: once in 10^9 */
			assert_true(fabs(a.coefficient[j] - truth) < 6 * a.std_error[j]);
		}
		/* the triangle keeps the sum of squares of every column */
		for (int j = 0; j < nterms; j += 50)
		{
			double		squares = 0;
			TestQuad	expected = 0;

			for (int i = 0; i <= j; i++)
				squares += linear_state_column(whole, j)[i] * linear_state_column(whole, j)[i];
			for (int i = 0; i < design.nrows; i++)
			{
				TestQuad	d = (TestQuad) design.x[(size_t) j * (size_t) design.nrows + (size_t) i] - whole->data[j];

				expected += d * d;
			}
			assert_close(squares, (double) expected, 1e-12, 0);
		}
		test_env_free(test);
	}
}

static void
merging_equals_one_pass(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {3};
	static const double offsets[] = {0, 1, 1e6, 1e9};

	for (int o = 0; o < 4; o++)
	{
		Design		design = design_random(env, &random, 3000, 6, o % 2 == 1, offsets[o]);
		LinearState *whole = design_state(env, &design, 0, design.nrows, design.nrows);
		LinearState *merged = design_state_new(env, 6);
		double	   *workspace = design_workspace(env, 6, 0);
		static const int cuts[] = {0, 0, 1, 2, 5, 700, 701, 2500, 3000, 3000};
		LinearSolution a = design_solve(env, whole, true, 0);
		LinearSolution b;

		for (int i = 0; i + 1 < (int) (sizeof(cuts) / sizeof(cuts[0])); i++)
		{
			LinearState *part = design_state(env, &design, cuts[i], cuts[i + 1] - cuts[i], 64);

			assert_ok(env, linear_state_merge(env, merged, part, workspace));
		}
		b = design_solve(env, merged, true, 0);
		assert_int_equal(merged->nrows, whole->nrows);
		assert_close(merged->weight, whole->weight, 1e-14, 0);
		assert_close(merged->weight_squares, whole->weight_squares, 1e-14, 0);
		assert_close(merged->log_weight, whole->log_weight, 1e-13, 0);
		for (int j = 1; j <= 6; j++)
		{
			assert_close(b.coefficient[j], a.coefficient[j], 1e-10, 0);
			assert_close(b.std_error[j], a.std_error[j], 1e-10, 0);
		}
		assert_close(b.rss, a.rss, 1e-10, 0);
	}
}

/* y = 1e9 + 2 i exactly: any rounding of means shows at once. */
static void
huge_offsets_do_not_hurt(void **state)
{
	CoreEnv    *env = *state;
	Design		design = design_create(env, 20000, 1, false);
	LinearState *fitted;
	LinearSolution solution;

	for (int i = 0; i < design.nrows; i++)
	{
		design.x[i] = 1e9 + i;
		design.y[i] = 1e9 + 2.0 * i;
	}
	fitted = design_state(env, &design, 0, design.nrows, 100);
	solution = design_solve(env, fitted, true, 0);
	assert_close(solution.coefficient[1], 2, 1e-14, 0);
	assert_close(solution.coefficient[0], -1e9, 1e-5, 0);
	assert_true(solution.rss < 1e-20 * solution.tss);
}

static void
integer_weights_are_repeated_rows(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {5};
	Design		weighted = design_random(env, &random, 300, 4, true, 2);
	Design		repeated = design_create(env, 900, 4, false);
	int			count = 0;
	LinearSolution a;
	LinearSolution b;
	LinearState *fitted;

	for (int i = 0; i < weighted.nrows; i++)
	{
		int			times = i % 4;

		weighted.w[i] = times;
		for (int t = 0; t < times; t++, count++)
		{
			repeated.y[count] = weighted.y[i];
			for (int j = 0; j < 4; j++)
				repeated.x[j * repeated.nrows + count] = weighted.x[j * weighted.nrows + i];
		}
		/* a row without weight may hold anything finite */
		if (times == 0)
			weighted.y[i] = 1e280;
	}
	fitted = design_state(env, &weighted, 0, weighted.nrows, 128);
	a = design_solve(env, fitted, true, 0);
	b = design_solve(env, design_state(env, &repeated, 0, count, 128), true, 0);
	assert_int_equal(fitted->nrows, 225);
	assert_close(fitted->weight, 450, 0, 0);
	assert_close(fitted->weight_squares, 75 * (1 + 4 + 9), 0, 0);
	assert_close(fitted->log_weight, 75 * (log(2) + log(3)), 1e-14, 0);
	for (int j = 0; j <= 4; j++)
		assert_close(a.coefficient[j], b.coefficient[j], 1e-12, 0);
	assert_close(a.rss, b.rss, 1e-12, 0);
	assert_close(a.df_residual, 225 - 5, 0, 0);
}

/* Powers of two change no rounding, so scaled data give scaled results to the bit (away from the ends of the range). */
static void
scaling_columns_scales_coefficients(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {13};
	Design		design = design_random(env, &random, 500, 5, false, 0);
	LinearSolution a = design_solve(env, design_state(env, &design, 0, design.nrows, 100), true, 0);
	LinearSolution b;

	for (int i = 0; i < design.nrows; i++)
	{
		design.y[i] = ldexp(design.y[i], 20);
		for (int j = 0; j < 5; j++)
			design.x[j * design.nrows + i] = ldexp(design.x[j * design.nrows + i], 60 * j - 120);
	}
	b = design_solve(env, design_state(env, &design, 0, design.nrows, 100), true, 0);
	for (int j = 0; j < 5; j++)
	{
		assert_close(ldexp(b.coefficient[j + 1], 60 * j - 140), a.coefficient[j + 1], 1e-13, 0);
		assert_close(ldexp(b.std_error[j + 1], 60 * j - 140), a.std_error[j + 1], 1e-13, 0);
	}
	assert_close(b.condition, a.condition, 1e-10, 0);
}

/* Copies, constants, sums and dummies that add up to one: the later term goes, what stays is what lm would keep. */
static void
aliased_terms_are_found_from_left_to_right(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {17};
	Design		design = design_random(env, &random, 6000, 9, false, 3);
	Design		kept = design_create(env, 6000, 5, false);
	static const bool expected[9] = {false, false, true, true, false, false, true, false, true};
	int			column = 0;
	LinearSolution a;
	LinearSolution b;

	for (int i = 0; i < design.nrows; i++)
	{
		double	   *x = design.x + i;
		int			n = design.nrows;
		int			level = i % 3;

		x[2 * n] = 0.1;			/* constant */
		x[3 * n] = x[0] - 2 * x[1 * n] + 5;
		x[4 * n] = level == 0;
		x[5 * n] = level == 1;
		x[6 * n] = level == 2;	/* with 4 and 5 always 1 */
		x[8 * n] = x[7 * n] * 1e-8;
	}
	for (int j = 0; j < 9; j++)
	{
		if (!expected[j])
			memcpy(kept.x + (size_t) column++ * 6000, design.x + (size_t) j * 6000, 6000 * sizeof(double));
	}
	memcpy(kept.y, design.y, 6000 * sizeof(double));
	a = design_solve(env, design_state(env, &design, 0, 6000, 500), true, 0);
	b = design_solve(env, design_state(env, &kept, 0, 6000, 500), true, 0);
	assert_int_equal(a.rank, 6);
	column = 0;
	for (int j = 0; j < 9; j++)
	{
		assert_int_equal(a.aliased[j], expected[j]);
		assert_int_equal(isnan(a.coefficient[j + 1]), expected[j]);
		assert_int_equal(isnan(a.std_error[j + 1]), expected[j]);
		if (!expected[j])
		{
			column++;
			assert_close(a.coefficient[j + 1], b.coefficient[column], 1e-10, 0);
			assert_close(a.std_error[j + 1], b.std_error[column], 1e-10, 0);
		}
	}
	assert_close(a.rss, b.rss, 1e-11, 0);
	assert_close(a.df_residual, 6000 - 6, 0, 0);

	/* without an intercept the constant and the three dummies have a meaning; the later of them is the sum */
	a = design_solve(env, design_state(env, &design, 0, 6000, 500), false, 0);
	assert_false(a.aliased[2]);
	assert_true(a.aliased[3]);
	assert_true(a.aliased[6]);
	assert_int_equal(a.rank, 6);
}

/* Sum of squares of the inverse of the triangle with columns of length 1. */
static double
inflation_of(const LinearState *state)
{
	int			k = state->nterms + 1;
	double		total = 0;

	for (int j = 0; j < k; j++)
	{
		double		column[MAX_REFERENCE] = {0};

		column[j] = 1;
		for (int i = j; i >= 0; i--)
		{
			const double *r = linear_state_column(state, i);
			double		length = 0;

			for (int l = 0; l <= i; l++)
				length += r[l] * r[l];
			length = sqrt(length);
			column[i] /= r[i] / length;
			total += column[i] * column[i];
			for (int l = 0; l < i; l++)
				column[l] -= column[i] * r[l] / length;
		}
	}
	return total;
}

/* Element i, j of R'R. */
static double
moment(const LinearState *state, int i, int j)
{
	TestQuad	sum = 0;

	for (int l = 0; l <= i && l <= j; l++)
		sum += (TestQuad) linear_state_column(state, i)[l] * linear_state_column(state, j)[l];
	return (double) sum;
}

/* The same moments and means: backward errors, which do not grow with the condition number. */
static void
compare_states(const LinearState *a, const LinearState *b, double tolerance)
{
	for (int j = 0; j <= a->nterms; j++)
	{
		double		length = sqrt(moment(b, j, j));

		for (int i = 0; i <= j; i++)
			assert_close(moment(a, i, j), moment(b, i, j), tolerance, length * sqrt(moment(b, i, i)));
		assert_close(a->data[j], b->data[j], 1e-14, length / sqrt((double) a->nrows));
	}
}

/*
 * Large blocks far from collinearity go through the Gram matrix, blocks of few rows never do.  The closer to collinear,
 * the larger the difference may be, until the short way is not taken any more.
 */
static void
the_short_way_gives_the_same_triangle(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {61};
	int			taken = 0;
	int			refused = 0;

	for (double distance = 100; distance > 1e-9; distance /= 3)
	{
		for (int weighted = 0; weighted < 2; weighted++)
		{
			Design		design = design_random(env, &random, 2000, 12, weighted, 1000);
			LinearState *pieces;
			LinearState *whole;
			LinearState *copy;
			LinearSolution a;
			LinearSolution b;
			double	   *rows = env_alloc(env, 2000 * 13, sizeof(double));
			double	   *work = env_alloc(env, 2 * 13 * 13, sizeof(double));
			double		mean[26] = {0};
			size_t		size;
			bool		short_way;

			/* a target that is not nearly explained, and one term nearly collinear with two others */
			for (int i = 0; i < 2000; i++)
			{
				design.y[i] += 100 * test_random_normal(&random);
				design.x[3 * 2000 + i] = design.x[i] + design.x[2 * 2000 + i] + distance * test_random_normal(&random);
			}
			pieces = design_state(env, &design, 0, 2000, 50);
			whole = design_state(env, &design, 0, 2000, 1000);
			compare_states(whole, pieces, 1e-13);
			a = design_solve(env, whole, true, 0);
			b = design_solve(env, pieces, true, 0);
			for (int j = 1; j <= 12; j++)
				assert_close(a.coefficient[j] / a.std_error[j], b.coefficient[j] / b.std_error[j], 1e-13 * sqrt(inflation_of(pieces)), 1);

			/* called directly it says which way it was, and changes nothing when it was the other one */
			for (int j = 0; j < 13; j++)
			{
				for (int i = 0; i < 2000; i++)
				{
					rows[j * 2000 + i] = j < 12 ? design.x[j * 2000 + i] : design.y[i];
					rows[j * 2000 + i] = (rows[j * 2000 + i] - pieces->data[j]) * (weighted ? sqrt(design.w[i]) : 1);
				}
			}
			assert_true(linear_state_size(12, &size));
			copy = design_state_new(env, 12);
			short_way = linear_gram_join(copy, 2000, rows, 2000, pieces->weight, mean, NULL, work);
			assert_true(short_way == (inflation_of(pieces) < 1000) || fabs(inflation_of(pieces) - 1000) < 10);
			memcpy(copy, pieces, size);
			if (!linear_gram_join(copy, 2000, rows, 2000, pieces->weight, mean, NULL, work))
				assert_memory_equal(copy, pieces, size);
			taken += short_way;
			refused += !short_way;
			test_env_free(*state);
		}
	}
	assert_true(taken > 4 && refused > 10);
}

/*
 * Blocks whose means are where the earlier ones were, a few spreads away, or far away, and a first row that is like no
 * other: centring about what is known before and about the block's own means must come to the same.
 */
static void
means_may_drift(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {62};
	static const double drifts[] = {0, 0.3, 1, 5, 1e6};

	for (size_t k = 0; k < sizeof(drifts) / sizeof(drifts[0]); k++)
	{
		for (int weighted = 0; weighted < 2; weighted++)
		{
			Design		design = design_random(env, &random, 6000, 4, weighted, 1000);
			LinearState *whole;

			for (int i = 0; i < 6000; i++)
			{
				design.y[i] += 100 * test_random_normal(&random);
				for (int j = 0; j < 4; j++)
					design.x[j * 6000 + i] += drifts[k] * ((i / 1000 + j) % 3);
			}
			design.x[0] = drifts[k] * 1e9;
			whole = design_state(env, &design, 0, 6000, 1000);
			compare_states(whole, design_state(env, &design, 0, 6000, 25), 1e-12);
			compare_states(design_state(env, &design, 0, 6000, 6000), whole, 1e-12);
			test_env_free(*state);
		}
	}
}

static void
few_rows(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {19};
	Design		design = design_random(env, &random, 10, 6, false, 1);
	LinearOptions options = {true, 0, LINEAR_TOLERANCE, true};
	LinearSolution solution;

	assert_int_equal(linear_state_solve(env, design_state_new(env, 6), &options, &solution), CORE_NUMERIC);
	assert_string_equal(env->message, "no rows to fit");
	for (int n = 1; n <= 8; n++)
	{
		solution = design_solve(env, design_state(env, &design, 0, n, n), true, 0);
		assert_int_equal(solution.rank, n < 7 ? n : 7);
		assert_close(solution.df_residual, n - solution.rank, 0, 0);
		for (int j = 1; j <= 6; j++)
			assert_int_equal(solution.aliased[j - 1], j >= n);
		if (n <= 7)
		{
			assert_true(isnan(solution.sigma));
			assert_true(isnan(solution.std_error[0]));
			/* as many coefficients as rows: the fit passes through them */
			for (int i = 0; i < n; i++)
			{
				double		fitted = solution.coefficient[0];

				for (int j = 1; j < n && j <= 6; j++)
					fitted += solution.coefficient[j] * design.x[(j - 1) * design.nrows + i];
				assert_close(fitted, design.y[i], 1e-8, 1);
			}
		}
		else
			assert_true(solution.sigma > 0 && solution.std_error[6] > 0);
	}
	solution = design_solve(env, design_state(env, &design, 0, 1, 1), true, 0);
	assert_close(solution.coefficient[0], design.y[0], 1e-15, 0);
}

static void
constant_and_perfect_targets(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {23};
	Design		design = design_random(env, &random, 1000, 3, false, 5);
	LinearSolution solution;

	for (int i = 0; i < design.nrows; i++)
		design.y[i] = 0.1;
	solution = design_solve(env, design_state(env, &design, 0, 1000, 100), true, 0);
	assert_close(solution.coefficient[0], 0.1, 1e-15, 0);
	for (int j = 1; j <= 3; j++)
		assert_true(solution.coefficient[j] == 0);
	assert_true(solution.tss == 0 && solution.rss == 0 && solution.sigma == 0);

	for (int i = 0; i < design.nrows; i++)
		design.y[i] = 3 + 2 * design.x[i] - design.x[2000 + i];
	solution = design_solve(env, design_state(env, &design, 0, 1000, 100), true, 0);
	assert_close(solution.coefficient[0], 3, 1e-12, 0);
	assert_close(solution.coefficient[1], 2, 1e-14, 0);
	assert_close(solution.coefficient[2], 0, 1, 1e-12);
	assert_close(solution.coefficient[3], -1, 1e-13, 0);
	assert_true(solution.rss < 1e-24 * solution.tss);
}

/* The objective written out: penalty ridge * variance on each term's square, none on the intercept. */
static void
ridge_solves_the_penalised_normal_equations(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {29};

	for (int variant = 0; variant < 4; variant++)
	{
		bool		intercept = variant < 2;
		Design		design = design_random(env, &random, 150, 8, variant % 2 == 1, 4);
		LinearState *fitted = design_state(env, &design, 0, design.nrows, 50);
		double		penalty[9] = {0};

		for (int j = 0; j < 8; j++)
		{
			TestQuad	sum = 0;
			TestQuad	squares = 0;
			TestQuad	weight = 0;

			for (int i = 0; i < design.nrows; i++)
			{
				TestQuad	w = design.w != NULL ? design.w[i] : 1;
				TestQuad	value = design.x[j * design.nrows + i];

				weight += w;
				sum += w * value;
				squares += w * value * value;
			}
			penalty[intercept ? j + 1 : j] = 25 * (double) ((squares - (intercept ? sum * sum / weight : 0)) / weight);
		}
		{
			Reference	expected = reference_solve(&design, intercept, penalty);
			LinearSolution solution = design_solve(env, fitted, intercept, 25);
			LinearSolution plain = design_solve(env, fitted, intercept, 0);

			for (int j = intercept ? 0 : 1; j <= 8; j++)
				assert_close(solution.coefficient[j], expected.coefficient[j], 1e-11, 0);
			assert_close(solution.rss, expected.rss, 1e-11, 0);
			assert_true(isnan(solution.std_error[1]));
			/* degrees of freedom lie between those of no terms and of all */
			assert_true(solution.df_residual > plain.df_residual + 0.5 && solution.df_residual < design.nrows);
		}
	}
}

static void
ridge_shares_between_copies(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {31};
	Design		design = design_random(env, &random, 400, 3, false, 0);
	LinearSolution solution;

	memcpy(design.x + 400, design.x, 400 * sizeof(double));
	for (int i = 0; i < 400; i++)
		design.x[800 + i] = 7;
	solution = design_solve(env, design_state(env, &design, 0, 400, 400), true, 1e-3);
	assert_false(solution.aliased[0] || solution.aliased[1]);
	assert_true(solution.aliased[2]);
	assert_close(solution.coefficient[1], solution.coefficient[2], 1e-8, 0);
}

/* With W the weight, ridge = r on [X; sqrt(r) S] is least squares: degrees of freedom from the hat matrix by brute force. */
static void
ridge_degrees_of_freedom_are_the_trace(void **state)
{
	CoreEnv    *env = *state;
	Design		design = design_create(env, 4, 1, false);
	LinearSolution solution;

	/* x centred with sum of squares 20 and variance 5: hat trace 1 + 20 / (20 + 3 * 5) */
	design.x[0] = -3;
	design.x[1] = -1;
	design.x[2] = 1;
	design.x[3] = 3;
	design.y[0] = 1;
	design.y[3] = 2;
	solution = design_solve(env, design_state(env, &design, 0, 4, 4), true, 3);
	assert_close(solution.df_residual, 4 - 1 - 20.0 / 35, 1e-14, 0);
	assert_close(solution.coefficient[1], 3.0 / 35, 1e-14, 0);
	assert_close(solution.coefficient[0], 0.75, 1e-14, 0);
}

static void
bad_input_is_refused(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {37};
	Design		design = design_random(env, &random, 10, 2, true, 0);
	LinearState *fitted = design_state_new(env, 2);
	LinearState *other = design_state_new(env, 3);
	double	   *workspace = design_workspace(env, 3, 10);
	size_t		size;

	assert_int_equal(linear_state_merge(env, fitted, other, workspace), CORE_INVALID);
	assert_non_null(strstr(env->message, "2 and 3"));
	design.x[13] = 1e302;
	assert_int_equal(linear_state_add(env, fitted, 10, design.x, 10, design.y, NULL, workspace), CORE_NUMERIC);
	assert_non_null(strstr(env->message, "column 2"));
	design.x[13] = 1e308;
	design.x[14] = -1e308;
	linear_state_init(fitted, 2);
	assert_int_equal(linear_state_add(env, fitted, 10, design.x, 10, design.y, NULL, workspace), CORE_NUMERIC);
	design.x[13] = design.x[14] = 0;
	design.w[3] = 1e200;
	linear_state_init(fitted, 2);
	assert_int_equal(linear_state_add(env, fitted, 10, design.x, 10, design.y, design.w, workspace), CORE_NUMERIC);
	assert_non_null(strstr(env->message, "weights"));
	assert_false(linear_state_size(-1, &size));
	assert_false(linear_state_size(LINEAR_MAX_TERMS + 1, &size));
	assert_false(linear_workspace_size(LINEAR_MAX_TERMS + 1, 1, &size));
	assert_true(linear_state_size(LINEAR_MAX_TERMS, &size));
}

static void
forged_states_are_refused(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {41};
	Design		design = design_random(env, &random, 50, 2, false, 0);
	LinearState *good = design_state(env, &design, 0, 50, 50);
	LinearState *bad = design_state_new(env, 2);
	size_t		size;

	linear_state_size(2, &size);
	assert_ok(env, linear_state_check(env, good));
	assert_ok(env, linear_state_check(env, bad));
#define REFUSED(change) \
	do { \
		memcpy(bad, good, size); \
		change; \
		assert_int_equal(linear_state_check(env, bad), CORE_CORRUPT); \
	} while (0)
	REFUSED(bad->nrows = -1);
	REFUSED(bad->nrows = 0);
	REFUSED(bad->weight = 0);
	REFUSED(bad->weight = -1);
	REFUSED(bad->weight = NAN);
	REFUSED(bad->weight_squares = INFINITY);
	REFUSED(bad->log_weight = NAN);
	REFUSED(bad->data[0] = NAN);
	REFUSED(bad->data[2 * 3 + 5] = -INFINITY);
	REFUSED(bad->nrows = 0; bad->weight = 0);
}

/* Every allocation that can be refused is, once: a status and no crash. */
static void
refused_memory_is_reported(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	TestRandom	random = {43};
	Design		design = design_random(env, &random, 50, 4, false, 0);
	LinearState *fitted = design_state(env, &design, 0, 50, 50);
	int			refused = 0;

	for (double ridge = 0; ridge <= 1; ridge++)
	{
		for (int limit = 0;; limit++)
		{
			LinearOptions options = {true, ridge, LINEAR_TOLERANCE, true};
			LinearSolution solution;
			CoreStatus	status;

			test->fail_after = test->allocations + limit;
			status = linear_state_solve(env, fitted, &options, &solution);
			test->fail_after = -1;
			if (status == CORE_OK)
				break;
			assert_int_equal(status, CORE_NO_MEMORY);
			refused++;
		}
	}
	assert_true(refused > 15);
}

static void
long_work_polls(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	TestRandom	random = {47};
	Design		design = design_random(env, &random, 600, 600, false, 0);
	int64_t		before = test->polls;

	(void) design_state(env, &design, 0, 600, 600);
	assert_true(test->polls - before > 20);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(agrees_with_normal_equations_in_quadruple_precision),
		TEST(wide_designs_use_panels),
		TEST(merging_equals_one_pass),
		TEST(huge_offsets_do_not_hurt),
		TEST(integer_weights_are_repeated_rows),
		TEST(scaling_columns_scales_coefficients),
		TEST(aliased_terms_are_found_from_left_to_right),
		TEST(the_short_way_gives_the_same_triangle),
		TEST(means_may_drift),
		TEST(few_rows),
		TEST(constant_and_perfect_targets),
		TEST(ridge_solves_the_penalised_normal_equations),
		TEST(ridge_shares_between_copies),
		TEST(ridge_degrees_of_freedom_are_the_trace),
		TEST(bad_input_is_refused),
		TEST(forged_states_are_refused),
		TEST(refused_memory_is_reported),
		TEST(long_work_polls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
