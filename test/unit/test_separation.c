/*
 * test_separation.c: separated classes in binary logistic regression, against exact arithmetic and against the fits that
 * separated ones tend to.
 */
#include <math.h>
#include <string.h>

#include "fit_support.h"

extern const Algorithm algorithm_logistic;

/*
 * Whether integer data (rows of 1, a, b) with classes s = +1, -1 are separated:
 * the cone {d: s_i z_i'd >= 0} is not just 0 exactly when one of its edges, each
 * perpendicular to two rows, is in it.  Exact arithmetic; rank 3 assumed.
 */
static bool
separated_by_brute_force(const int (*z)[3], const int *s, int n)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = i + 1; j < n; j++)
		{
			int			d[3] = {
				z[i][1] * z[j][2] - z[i][2] * z[j][1],
				z[i][2] * z[j][0] - z[i][0] * z[j][2],
				z[i][0] * z[j][1] - z[i][1] * z[j][0]
			};
			bool		up = true;
			bool		down = true;

			if (d[0] == 0 && d[1] == 0 && d[2] == 0)
				continue;
			for (int k = 0; k < n; k++)
			{
				int			gain = s[k] * (z[k][0] * d[0] + z[k][1] * d[1] + z[k][2] * d[2]);

				up = up && gain >= 0;
				down = down && gain <= 0;
			}
			if (up || down)
				return true;
		}
	}
	return false;
}

static bool
has_rank_3(const int (*z)[3], int n)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
		{
			for (int k = 0; k < j; k++)
			{
				if (z[i][0] * (z[j][1] * z[k][2] - z[j][2] * z[k][1]) - z[i][1] * (z[j][0] * z[k][2] - z[j][2] * z[k][0]) +
					z[i][2] * (z[j][0] * z[k][1] - z[j][1] * z[k][0]) != 0)
					return true;
			}
		}
	}
	return false;
}

static void
separation_is_exact(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {17};
	int			found[2] = {0, 0};

	for (int round = 0; round < 600; round++)
	{
		int			n = 5 + (int) (test_random_uniform(&random) * 20);
		int			z[32][3];
		int			s[32];
		int			positive = 0;
		FitData    *data;
		Model	   *model;
		bool		separated;

		for (int i = 0; i < n; i++)
		{
			double		lean;

			z[i][0] = 1;
			z[i][1] = (int) (test_random_uniform(&random) * 7) - 3;
			z[i][2] = round % 2 == 0 ? (int) (test_random_uniform(&random) * 7) - 3 : test_random_uniform(&random) < 0.3;
			lean = z[i][1] + (round % 3) * z[i][2] + 4 * (test_random_uniform(&random) - 0.5);
			s[i] = lean > 0 ? 1 : -1;
			positive += s[i] > 0;
		}
		if (positive == 0 || positive == n || !has_rank_3(z, n))
			continue;
		data = fit_data_create(env, &algorithm_logistic, TASK_BINARY, n, 2);
		for (int i = 0; i < n; i++)
		{
			data->y[i] = s[i] > 0;
			data->x[i] = z[i][1];
			data->x[n + i] = z[i][2];
		}
		separated = separated_by_brute_force(z, s, n);
		model = fit_data_model(env, data);
		found[separated]++;
		if ((model_number(model, "separation") == 1) != separated)
			fail_msg("round %d: separation is %d, found %g", round, separated, model_number(model, "separation"));
		assert_true(model_number(model, "converged") == !separated);
		for (int j = 0; j < 3; j++)
			assert_true(isfinite(model_estimate(model, 0, j)));
		if (!separated)
			assert_true(binary_data_score(env, data, model) < 1e-8);
	}
	assert_true(found[0] > 100 && found[1] > 100);
}

/* One row on the wrong side by a hair: the maximum is far out but finite. */
static void
near_separation_is_not_separation(void **state)
{
	CoreEnv    *env = *state;

	for (double overlap = 0.1; overlap > 1e-7; overlap *= 0.1)
	{
		FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_BINARY, 22, 1);
		Model	   *model;

		for (int i = 0; i < 20; i++)
		{
			data->y[i] = i >= 10;
			data->x[i] = i >= 10 ? i - 9 : i - 10;
		}
		data->y[20] = 0;
		data->x[20] = overlap;
		data->y[21] = 1;
		data->x[21] = -overlap;
		model = fit_data_model(env, data);
		assert_true(model_number(model, "separation") == 0);
		assert_true(model_number(model, "converged") == 1);
		assert_true(binary_data_score(env, data, model) < 1e-7);
		assert_true(isfinite(model_std_error(model, 0, 1)));
	}
}

/*
 * A term that is 1 only in rows of one class: its estimate is infinite, and the
 * others have the estimates and errors of a fit without those rows.
 */
static void
quasi_separation_leaves_the_rest(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 300, 3, 18);
	FitData    *rest = fit_data_create(env, &algorithm_logistic, TASK_BINARY, 300, 2);
	Model	   *model;
	Model	   *expected;

	rest->w = env_alloc(env, 300, sizeof(double));
	for (int i = 0; i < 300; i++)
	{
		bool		marked = data->y[i] == 1 && i % 5 == 0;

		rest->y[i] = data->y[i];
		rest->x[i] = data->x[i];
		rest->x[300 + i] = data->x[600 + i];
		rest->w[i] = marked ? 0 : 1;
		data->x[300 + i] = marked;
	}
	data->terms[1].name = env_strdup(env, "marked");
	model = fit_data_model(env, data);
	expected = fit_data_model(env, rest);
	assert_true(model_number(model, "separation") == 1 && model_number(model, "converged") == 0);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "partly separated: estimates of \"marked\" have"));
	assert_true(model_estimate(model, 0, 2) > 5 && isfinite(model_estimate(model, 0, 2)));
	assert_true(isnan(model_std_error(model, 0, 2)));
	for (int j = 0; j < 3; j++)
	{
		int			at = j == 2 ? 3 : j;

		assert_close(model_estimate(model, 0, at), model_estimate(expected, 0, j), 1e-6, model_std_error(expected, 0, j));
		assert_close(model_std_error(model, 0, at), model_std_error(expected, 0, j), 1e-5, 0);
	}
	/* a penalty makes the estimate finite */
	assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 0.1));
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 0 && model_number(model, "converged") == 1);
}

static void
complete_separation_is_reported(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 100, 2, 19);
	Model	   *model;

	for (int i = 0; i < 100; i++)
		data->y[i] = data->x[i] + data->x[100 + i] > 0.3;
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 1 && model_number(model, "converged") == 0);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "completely separated"));
	assert_true(model_number(model, "deviance") < 1e-3);
	for (int i = 0; i < 100; i++)
	{
		double		margin;

		fit_data_margins(env, data, model, i, &margin);
		assert_true((margin > 0) == (data->y[i] == 1));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(separation_is_exact),
		TEST(near_separation_is_not_separation),
		TEST(quasi_separation_leaves_the_rest),
		TEST(complete_separation_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
