/*
 * test_distributions.c: tail probabilities and quantiles against R, and identities between them.
 */
#include <math.h>
#include <string.h>

#include "fit_support.h"

#include "core/real.h"

#define PI 3.14159265358979323846

/* A function of up to three arguments. */
typedef struct Distribution
{
	const char *name;			/* in the file of the oracle */
	double		(*of_one) (double);
	double		(*of_two) (double, double);
	double		(*of_three) (double, double, double);
} Distribution;

/* Every value of the oracle; returns the largest error, relative to the value or to `floor`. */
static double
compare(CoreEnv *env, const Distribution *distribution, double allowed, double floor)
{
	const Csv  *oracle = csv_read(env, "test/oracle/distributions.csv");
	double		worst = 0;
	int			compared = 0;

	for (int i = 0; i < oracle->rows; i++)
	{
		double		a = csv_number(oracle, i, 1);
		double		b = csv_number(oracle, i, 2);
		double		c = csv_number(oracle, i, 3);
		double		expected = csv_number(oracle, i, 4);
		double		actual;
		double		error;

		if (strcmp(csv_field(oracle, i, 0), distribution->name) != 0)
			continue;
		actual = distribution->of_one != NULL ? distribution->of_one(a) :
			distribution->of_two != NULL ? distribution->of_two(a, b) : distribution->of_three(a, b, c);
		error = actual == expected ? 0 : fabs(actual - expected) / fmax(fabs(expected), floor);
		if (!(error <= allowed))
			print_error("%s(%g, %g, %g) is %.17g instead of %.17g: %g\n", distribution->name, a, b, c, actual, expected, error);
		assert_true(error <= allowed);
		worst = fmax(worst, error);
		compared++;
	}
	assert_true(compared > 5);
	return worst;
}

static void
students_t(void **state)
{
	static const Distribution tails = {.name = "student", .of_two = student_two_sided};
	static const Distribution quantiles = {.name = "student_quantile", .of_two = student_quantile};

	print_message("t: %.2g", compare(*state, &tails, 1e-11, 0));
	print_message(", quantile: %.2g\n", compare(*state, &quantiles, 1e-11, 1e-3));

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
	static const Distribution f = {.name = "f", .of_three = f_upper};
	static const Distribution chi_squared = {.name = "chi_squared", .of_two = chi_squared_upper};

	print_message("F: %.2g", compare(*state, &f, 1e-11, 0));
	print_message(", chi-squared: %.2g\n", compare(*state, &chi_squared, 1e-11, 0));
	assert_true(f_upper(0, 2, 3) == 1 && f_upper(-1, 2, 3) == 1 && f_upper(INFINITY, 2, 3) == 0 && isnan(f_upper(NAN, 2, 3)));
	assert_true(isnan(f_upper(1, 0, 3)) && isnan(f_upper(1, 2, NAN)));
	assert_true(chi_squared_upper(0, 3) == 1 && chi_squared_upper(INFINITY, 3) == 0 && isnan(chi_squared_upper(1, 0)));
}

static void
normal(void **state)
{
	static const Distribution tails = {.name = "normal", .of_one = normal_two_sided};
	static const Distribution quantiles = {.name = "normal_quantile", .of_one = normal_quantile};

	compare(*state, &tails, 3e-15, 0);
	compare(*state, &quantiles, 1e-15, 1);
	for (double p = 1e-12; p < 0.5; p *= 1.5)
		assert_close(normal_two_sided(normal_quantile(p)), 2 * p, 1e-13, 0);
	assert_true(normal_quantile(0) == -INFINITY && normal_quantile(1) == INFINITY && isnan(normal_quantile(-0.1)) && isnan(normal_quantile(NAN)));
}

static void
gamma_functions(void **state)
{
	static const Distribution logarithm = {.name = "log_gamma", .of_one = log_gamma};
	static const Distribution derivative = {.name = "digamma", .of_one = digamma};

	print_message("log gamma: %.2g", compare(*state, &logarithm, 2e-15, 1));
	print_message(", digamma: %.2g\n", compare(*state, &derivative, 2e-15, 1));
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
		cmocka_unit_test_setup_teardown(students_t, test_env_setup, test_env_teardown),
		cmocka_unit_test(closed_forms),
		cmocka_unit_test(large_degrees_of_freedom),
		cmocka_unit_test_setup_teardown(f_and_chi_squared, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(normal, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(gamma_functions, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
