/*
 * test_distributions.c: tail probabilities and quantiles against R, and identities between them.
 */
#include <math.h>
#include <stdlib.h>

#include "support.h"

#include "core/real.h"
#include "oracle_distributions.h"

#define PI 3.14159265358979323846
#define ROWS(table) ((int) (sizeof(table) / sizeof(table[0])))

/* `worst` collects the largest relative error; a row that misses by more than `allowed` is printed. */
static void
compare(double actual, double expected, double allowed, double floor, const double *row, int columns, double *worst)
{
	double		scale = fmax(fabs(expected), floor);
	double		error = actual == expected ? 0 : fabs(actual - expected) / scale;

	if (!(error <= allowed))
		print_error("(%g, %g%s) is %.17g instead of %.17g: %g\n", row[0], columns > 2 ? row[1] : NAN, columns > 3 ? ", ..." : "", actual, expected, error);
	assert_true(error <= allowed);
	*worst = fmax(*worst, error);
}

static void
students_t(void **state)
{
	double		worst = 0;
	double		worst_quantile = 0;

	(void) state;
	for (int i = 0; i < ROWS(oracle_student); i++)
		compare(student_two_sided(oracle_student[i][0], oracle_student[i][1]), oracle_student[i][2], 1e-11, 0, oracle_student[i], 3, &worst);
	for (int i = 0; i < ROWS(oracle_student_quantile); i++)
		compare(student_quantile(oracle_student_quantile[i][0], oracle_student_quantile[i][1]), oracle_student_quantile[i][2], 1e-11, 1e-3,
				oracle_student_quantile[i], 3, &worst_quantile);
	print_message("t: %.2g, quantile: %.2g\n", worst, worst_quantile);

	assert_true(student_two_sided(INFINITY, 5) == 0 && student_two_sided(-INFINITY, 5) == 0);
	assert_true(student_two_sided(0, 5) == 1);
	assert_true(isnan(student_two_sided(NAN, 5)) && isnan(student_two_sided(1, NAN)) && isnan(student_two_sided(1, 0)));
	assert_true(isnan(student_two_sided(1, -1)));
	assert_close(student_two_sided(2, INFINITY), normal_two_sided(2), 1e-15, 0);
	assert_true(student_quantile(0, 3) == -INFINITY && student_quantile(1, 3) == INFINITY && student_quantile(0.5, 3) == 0);
	assert_true(isnan(student_quantile(1.5, 3)) && isnan(student_quantile(0.5, 0)) && isnan(student_quantile(NAN, 1)));
}

/* Cauchy and two degrees of freedom have closed forms, far out where squares overflow too. */
static void
closed_forms(void **state)
{
	(void) state;
	for (double t = 1e-3; t < 1e300; t *= 7.7)
	{
		assert_close(student_two_sided(t, 1), t > 1 ? 2 / PI * atan(1 / t) : 1 - 2 / PI * atan(t), 1e-12, 0);
		if (t < 1e150)
			assert_close(student_two_sided(t, 2), 2 / (sqrt(2 + t * t) * (sqrt(2 + t * t) + t)), 1e-12, 1e-300);
	}
	for (double x = 0.1; x < 1400; x *= 1.3)
		assert_close(chi_squared_upper(x, 2), exp(-x / 2), 1e-12, 1e-307);
	for (double f = 0.01; f < 1e9; f *= 3)
		assert_close(f_upper(f, 2, 10), pow(1 + f / 5, -5), 1e-12, 0);
}

/* Two formulas meet at a billion degrees of freedom. */
static void
large_degrees_of_freedom(void **state)
{
	(void) state;
	for (double t = 0.1; t < 30; t *= 1.7)
	{
		double		below = student_two_sided(t, 0.99999e9);
		double		above = student_two_sided(t, 1.00001e9);

		assert_close(below, above, 1e-9 + 1e-11 * t * t * t * t * 1e-3, 0);
		assert_close(f_upper(t * t, 1, 1e6), student_two_sided(t, 1e6), 1e-11, 0);
		assert_close(f_upper(t * t, 1, INFINITY), normal_two_sided(t), 1e-12, 0);
	}
}

static void
f_and_chi_squared(void **state)
{
	double		worst = 0;
	double		worst_chi = 0;

	(void) state;
	for (int i = 0; i < ROWS(oracle_f); i++)
		compare(f_upper(oracle_f[i][0], oracle_f[i][1], oracle_f[i][2]), oracle_f[i][3], 1e-11, 0, oracle_f[i], 4, &worst);
	for (int i = 0; i < ROWS(oracle_chi_squared); i++)
		compare(chi_squared_upper(oracle_chi_squared[i][0], oracle_chi_squared[i][1]), oracle_chi_squared[i][2], 1e-11, 0,
				oracle_chi_squared[i], 3, &worst_chi);
	print_message("F: %.2g, chi-squared: %.2g\n", worst, worst_chi);
	assert_true(f_upper(0, 2, 3) == 1 && f_upper(-1, 2, 3) == 1 && f_upper(INFINITY, 2, 3) == 0 && isnan(f_upper(NAN, 2, 3)));
	assert_true(isnan(f_upper(1, 0, 3)) && isnan(f_upper(1, 2, NAN)));
	assert_true(chi_squared_upper(0, 3) == 1 && chi_squared_upper(INFINITY, 3) == 0 && isnan(chi_squared_upper(1, 0)));
}

static void
normal(void **state)
{
	double		worst = 0;

	(void) state;
	for (int i = 0; i < ROWS(oracle_normal); i++)
		compare(normal_two_sided(oracle_normal[i][0]), oracle_normal[i][1], 3e-15, 0, oracle_normal[i], 2, &worst);
	for (int i = 0; i < ROWS(oracle_normal_quantile); i++)
		compare(normal_quantile(oracle_normal_quantile[i][0]), oracle_normal_quantile[i][1], 1e-15, 1, oracle_normal_quantile[i], 2, &worst);
	for (double p = 1e-12; p < 0.5; p *= 1.5)
		assert_close(normal_two_sided(normal_quantile(p)), 2 * p, 1e-13, 0);
	assert_true(normal_quantile(0) == -INFINITY && normal_quantile(1) == INFINITY && isnan(normal_quantile(-0.1)) && isnan(normal_quantile(NAN)));
}

static void
gamma_functions(void **state)
{
	double		worst = 0;
	double		worst_digamma = 0;

	(void) state;
	for (int i = 0; i < ROWS(oracle_log_gamma); i++)
		compare(log_gamma(oracle_log_gamma[i][0]), oracle_log_gamma[i][1], 2e-15, 1, oracle_log_gamma[i], 2, &worst);
	for (int i = 0; i < ROWS(oracle_digamma); i++)
		compare(digamma(oracle_digamma[i][0]), oracle_digamma[i][1], 2e-15, 1, oracle_digamma[i], 2, &worst_digamma);
	print_message("log gamma: %.2g, digamma: %.2g\n", worst, worst_digamma);
	for (double x = 0.05; x < 40; x += 0.173)
	{
		assert_close(log_gamma(x + 1) - log_gamma(x), log(x), 1e-13, 0.1);
		assert_close(digamma(x + 1) - digamma(x), 1 / x, 1e-13, 0.1);
	}
	assert_true(log_gamma(1) == 0 && log_gamma(2) == 0 && log_gamma(0) == INFINITY && isnan(log_gamma(-1)) && isnan(log_gamma(NAN)));
	assert_true(isnan(digamma(0)) && isnan(digamma(-2)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(students_t),
		cmocka_unit_test(closed_forms),
		cmocka_unit_test(large_degrees_of_freedom),
		cmocka_unit_test(f_and_chi_squared),
		cmocka_unit_test(normal),
		cmocka_unit_test(gamma_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
