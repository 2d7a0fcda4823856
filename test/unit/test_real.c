/*
 * test_real.c: transcendental functions of our own, against the wider arithmetic of long double.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "core/real.h"

#define POINTS 200000

/* Distance in units of the last place of the nearest double; `wanted` is good to 2^-10 of one. */
static double
error_in_ulps(double actual, long double wanted)
{
	double		nearest = (double) wanted;
	double		size = fabs(nearest);
	double		ulp;

	if (!isfinite(nearest) || isnan(actual))
		return actual == nearest || (isnan(actual) && isnan(nearest)) ? 0 : INFINITY;
	ulp = nextafter(size, INFINITY) - size;
	/* below a power of two the step is finer */
	if (size > DBL_MIN && fabsl(wanted) < size && size - nextafter(size, 0) < ulp)
		ulp = size - nextafter(size, 0);
	return (double) (fabsl((long double) actual - wanted) / ulp);
}

typedef double (*Function) (double x);
typedef long double (*Wide) (long double x);

/* Largest error over uniform points of [low, high], or log-uniform ones of both signs with exponents in [low, high]. */
static void
check_range(const char *name, Function function, Wide wide, double low, double high, bool exponents, double allowed)
{
	TestRandom	random = {211};
	double		worst = 0;
	double		where = 0;

	for (int i = 0; i < POINTS; i++)
	{
		double		u = test_random_uniform(&random);
		double		x = exponents ? ldexp(u + 0.5, (int) (low + floor((high - low + 1) * test_random_uniform(&random)))) : low + (high - low) * u;
		double		error = error_in_ulps(function(x), wide(x));

		if (!(error <= worst))
		{
			worst = error;
			where = x;
		}
	}
	print_message("%-14s on %s[%g, %g]: %.4f ulp at %a\n", name, exponents ? "2^" : "", low, high, worst, where);
	assert_true(worst <= allowed);
}

static long double
wide_logistic(long double x)
{
	return 1 / (1 + expl(-x));
}

static long double
wide_softplus(long double x)
{
	return log1pl(expl(x));
}

static long double
wide_cdf(long double x)
{
	return erfcl(-x / sqrtl(2)) / 2;
}

static double
negative_log1p(double x)
{
	return real_log1p(-x);
}

static long double
wide_negative_log1p(long double x)
{
	return log1pl(-x);
}

static double
negative_expm1(double x)
{
	return real_expm1(-x);
}

static long double
wide_negative_expm1(long double x)
{
	return expm1l(-x);
}

static void
exponential(void **state)
{
	(void) state;
	check_range("exp", real_exp, expl, -708, 709.7, false, 0.52);
	check_range("exp", real_exp, expl, -745, -708, false, 0.76);
	check_range("exp", real_exp, expl, -1, 1, false, 0.52);
	check_range("exp", real_exp, expl, -60, 3, true, 0.52);
	check_range("expm1", real_expm1, expm1l, -50, 60, false, 0.6);
	check_range("expm1", real_expm1, expm1l, -0.5, 0.5, false, 0.6);
	check_range("expm1", real_expm1, expm1l, -1000, -2, true, 0.6);
	check_range("expm1(-x)", negative_expm1, wide_negative_expm1, -1000, 5, true, 0.6);

	assert_true(real_exp(0) == 1);
	assert_true(real_exp(-INFINITY) == 0);
	assert_true(real_exp(INFINITY) == INFINITY);
	assert_true(real_exp(709.782712893384) < INFINITY && real_exp(709.782712893385) == INFINITY);
	assert_true(real_exp(-745.13) == DBL_TRUE_MIN && real_exp(-745.14) == 0);
	assert_true(real_exp(1e308) == INFINITY && real_exp(-1e308) == 0);
	assert_true(isnan(real_exp(NAN)) && isnan(real_expm1(NAN)));
	assert_true(real_expm1(-INFINITY) == -1 && real_expm1(INFINITY) == INFINITY);
	assert_true(real_expm1(0) == 0 && signbit(real_expm1(-0.0)) && real_expm1(DBL_TRUE_MIN) == DBL_TRUE_MIN);
}

static void
logarithm(void **state)
{
	(void) state;
	check_range("log", real_log, logl, 0.5, 2, false, 0.52);
	check_range("log", real_log, logl, 0.98, 1.02, false, 0.52);
	check_range("log", real_log, logl, -1074, 1023, true, 0.52);
	check_range("log1p", real_log1p, log1pl, -0.99, 3, false, 0.52);
	check_range("log1p", real_log1p, log1pl, -0.02, 0.02, false, 0.52);
	check_range("log1p", real_log1p, log1pl, -1000, 1000, true, 0.52);
	check_range("log1p(-x)", negative_log1p, wide_negative_log1p, -1000, -1, true, 0.52);

	assert_true(real_log(1) == 0 && !signbit(real_log(1)));
	assert_true(real_log(0) == -INFINITY && real_log(-0.0) == -INFINITY);
	assert_true(isnan(real_log(-1)) && isnan(real_log(NAN)) && isnan(real_log(-INFINITY)));
	assert_true(real_log(INFINITY) == INFINITY);
	assert_true(error_in_ulps(real_log(DBL_TRUE_MIN), logl(DBL_TRUE_MIN)) < 0.52);
	assert_true(real_log1p(-1) == -INFINITY && isnan(real_log1p(-1.5)) && isnan(real_log1p(NAN)));
	assert_true(real_log1p(INFINITY) == INFINITY && real_log1p(DBL_TRUE_MIN) == DBL_TRUE_MIN);
	assert_true(signbit(real_log1p(-0.0)));
}

/* Around every table boundary the function must not step the wrong way. */
static void
monotonic_at_table_boundaries(void **state)
{
	(void) state;
	for (int k = -20 * 128; k <= 20 * 128; k++)
	{
		/* boundaries of exp lie half-way between multiples of log 2 / 128 */
		double		x = (k + 0.5) * 0.69314718055994530942 / 128;

		for (int i = 0; i < 40; i++)
			x = nextafter(x, -INFINITY);
		for (int i = 0; i < 80; i++)
		{
			double		next = nextafter(x, INFINITY);

			assert_true(real_exp(next) >= real_exp(x));
			assert_true(real_expm1(next) >= real_expm1(x));
			x = next;
		}
	}
	for (int exponent = -5; exponent <= 5; exponent++)
	{
		for (int k = 0; k < 256; k++)
		{
			double		x = ldexp(1 + k / 256.0, exponent);

			for (int i = 0; i < 40; i++)
				x = nextafter(x, -INFINITY);
			for (int i = 0; i < 80; i++)
			{
				double		next = nextafter(x, INFINITY);

				assert_true(real_log(next) >= real_log(x));
				assert_true(real_log1p(next) >= real_log1p(x));
				x = next;
			}
		}
	}
	/* where expm1, log1p and the normal tail change formulas */
	assert_true(real_expm1(0.1) >= real_expm1(nextafter(0.1, 0)) && real_expm1(-0.1) <= real_expm1(nextafter(-0.1, 0)));
	assert_true(real_log1p(0x1p-7) >= real_log1p(nextafter(0x1p-7, 0)));
	for (double x = -38; x < 9; x += 1.0 / 128)
		assert_true(real_normal_cdf(x) <= real_normal_cdf(x + 1.0 / 128));
}

static void
powers(void **state)
{
	TestRandom	random = {223};
	double		worst = 0;

	(void) state;
	for (int i = 0; i < POINTS; i++)
	{
		double		x = ldexp(0.5 + test_random_uniform(&random), (int) (test_random_bits(&random) % 60) - 30);
		double		y = (test_random_uniform(&random) - 0.5) * 60;
		double		error = i % 3 == 0 ? 0 : error_in_ulps(real_pow(x, y), powl(x, y));

		if (i % 3 == 0)
		{
			/* near one, where the exponent is large */
			x = 1 + ldexp(test_random_uniform(&random) - 0.5, -(int) (test_random_bits(&random) % 50));
			y = x == 1 ? 1 : (test_random_uniform(&random) - 0.5) * 1400 / log(x);
			/* long double has 64 bits: its own error grows with the exponent */
			error = error_in_ulps(real_pow(x, y), powl(x, y));
		}
		worst = fmax(worst, error);
	}
	print_message("pow: %.4f ulp\n", worst);
	assert_true(worst < 1);
}

/* C's own table of special cases of pow. */
static void
special_powers(void **state)
{
	static const double xs[] = {0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, INFINITY, -INFINITY, NAN, DBL_TRUE_MIN, DBL_MAX, -8};
	static const double ys[] = {0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, INFINITY, -INFINITY, NAN, 1e300, -1e300, 1.0 / 3, 0x1p53, 0x1p53 + 2, 51};

	(void) state;
	for (int i = 0; i < (int) (sizeof(xs) / sizeof(xs[0])); i++)
	{
		for (int j = 0; j < (int) (sizeof(ys) / sizeof(ys[0])); j++)
		{
			double		expected = pow(xs[i], ys[j]);
			double		actual = real_pow(xs[i], ys[j]);

			assert_close(actual, expected, 4e-16, 0);
			/* the sign of zero results counts, except for odd integers to which C adds -0 */
			if (!isnan(expected))
				assert_int_equal(signbit(actual) != 0, signbit(expected) != 0);
		}
	}
	assert_true(real_pow(10, 3) == 1000 && real_pow(2, 0.5) == sqrt(2) && real_pow(2, -1074) == DBL_TRUE_MIN);
}

static void
logistic_and_softplus(void **state)
{
	(void) state;
	check_range("logistic", real_logistic, wide_logistic, -700, 700, false, 2.5);
	check_range("logistic", real_logistic, wide_logistic, -5, 5, false, 2.5);
	check_range("softplus", real_softplus, wide_softplus, -700, 30, false, 2);
	assert_true(real_logistic(0) == 0.5 && real_logistic(INFINITY) == 1 && real_logistic(-INFINITY) == 0);
	assert_true(real_logistic(-740) > 0 && isnan(real_logistic(NAN)));
	assert_true(real_softplus(1e300) == 1e300 && real_softplus(-INFINITY) == 0 && real_softplus(INFINITY) == INFINITY);
	for (double x = -40; x < 40; x += 0.37)
		assert_close(real_logistic(x) + real_logistic(-x), 1, 3e-16, 0);
}

static void
softmax(void **state)
{
	double		margins[5] = {1, 2, 3, -1000, 2};
	double		infinite[3] = {INFINITY, 0, INFINITY};
	double		large[2] = {1e308, 1e308};
	double		sum = 0;

	(void) state;
	real_softmax(margins, 5);
	for (int i = 0; i < 5; i++)
		sum += margins[i];
	assert_close(sum, 1, 1e-15, 0);
	assert_close(margins[1] / margins[0], exp(1), 1e-15, 0);
	assert_true(margins[3] == 0 && margins[1] == margins[4]);
	real_softmax(infinite, 3);
	assert_true(infinite[0] == 0.5 && infinite[1] == 0 && infinite[2] == 0.5);
	real_softmax(large, 2);
	assert_true(large[0] == 0.5 && large[1] == 0.5);
}

static void
normal_distribution(void **state)
{
	(void) state;
	/* in the lower tail to a relative 2e-15; above, one minus that */
	check_range("normal_cdf", real_normal_cdf, wide_cdf, -37, 0, false, 10);
	check_range("normal_cdf", real_normal_cdf, wide_cdf, -8, 8, false, 10);
	assert_true(real_normal_cdf(0) == 0.5 && real_normal_cdf(INFINITY) == 1 && real_normal_cdf(-INFINITY) == 0);
	assert_true(isnan(real_normal_cdf(NAN)));
	assert_true(real_normal_upper(38) > 0 && real_normal_upper(40) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exponential),
		cmocka_unit_test(logarithm),
		cmocka_unit_test(monotonic_at_table_boundaries),
		cmocka_unit_test(powers),
		cmocka_unit_test(special_powers),
		cmocka_unit_test(logistic_and_softplus),
		cmocka_unit_test(softmax),
		cmocka_unit_test(normal_distribution),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
