/*
 * test_multinomial.c: multinomial logistic regression against R (as a Poisson model) and scikit-learn, and what must
 * hold of any fit.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit_support.h"

extern const Algorithm algorithm_logistic;

static FitData *
small_data(CoreEnv *env, const char *terms)
{
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_MULTICLASS, csv->rows, 0);
	char	   *names = env_strdup(env, terms);
	double	   *values = env_alloc(env, (size_t) csv->rows, sizeof(double));

	for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " "))
	{
		for (int i = 0; i < csv->rows; i++)
			values[i] = csv_number(csv, i, csv_column(csv, name));
		fit_data_add_column(env, data, name, values);
	}
	data->w = env_alloc(env, (size_t) csv->rows, sizeof(double));
	for (int i = 0; i < csv->rows; i++)
	{
		double		count = csv_number(csv, i, csv_column(csv, "counts"));

		data->y[i] = count == 0 ? 0 : count < 3 ? 1 : 2;
		data->w[i] = csv_number(csv, i, csv_column(csv, "w"));
	}
	fit_data_classes(env, data, 3);
	return data;
}

static FitData *
pima_data(CoreEnv *env)
{
	static const char *const terms[] = {"pregnant", "glucose", "mass", "pedigree"};
	Csv		   *csv = csv_read(env, "test/data/pima_diabetes.csv");
	int		   *rows;
	int			n = csv_complete_rows(env, csv, &rows);
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_MULTICLASS, n, 0);

	for (int j = 0; j < 4; j++)
		fit_data_add_csv(env, data, csv, terms[j], rows);
	for (int i = 0; i < n; i++)
	{
		double		age = csv_number(csv, rows[i], csv_column(csv, "age"));

		data->y[i] = (age >= 25) + (age >= 30) + (age >= 40);
	}
	fit_data_classes(env, data, 4);
	return data;
}

static void
compare_terms(const Csv *oracle, const char *group, const FitData *data, const Model *model, double tolerance, bool errors)
{
	char		name[100];

	for (int k = 1; k < data->nclasses; k++)
	{
		for (int j = params_boolean(&data->params, "fit_intercept") ? 0 : 1; j <= data->nterms; j++)
		{
			snprintf(name, sizeof(name), "%d|%s", k, j == 0 ? "(Intercept)" : data->terms[j - 1].name);
			test_assert_close(model_estimate(model, k - 1, j), oracle_value(oracle, group, name, "value"), tolerance,
							  errors ? oracle_value(oracle, group, name, "error") : 0, name, group, 0);
			if (errors)
				test_assert_close(model_std_error(model, k - 1, j), oracle_value(oracle, group, name, "error"), tolerance, 0, name, group, 1);
			else
				assert_true(isnan(model_std_error(model, k - 1, j)));
		}
	}
	if (!errors)
		return;
	assert_close(model_number(model, "deviance"), oracle_value(oracle, group, "deviance", "value"), 1e-10, 0);
	assert_close(model_number(model, "null_deviance"), oracle_value(oracle, group, "null_deviance", "value"), 1e-10, 0);
	assert_close(model_number(model, "aic"), oracle_value(oracle, group, "aic", "value"), 1e-10, 0);
	assert_true(model_number(model, "converged") == 1);
	assert_true(model_number(model, "separation") == 0);
}

static void
agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, "test/oracle/glm.csv");
	FitData    *data = small_data(env, "x1 x2 x3 x4 x5");
	double	   *w = data->w;

	compare_terms(oracle, "multinomial_weighted", data, fit_data_model(env, data), 1e-9, true);
	data->w = NULL;
	compare_terms(oracle, "multinomial", data, fit_data_model(env, data), 1e-9, true);
	assert_non_null(w);
	data = small_data(env, "x1 x4");
	data->w = NULL;
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	compare_terms(oracle, "multinomial_no_intercept", data, fit_data_model(env, data), 1e-9, true);
	data = pima_data(env);
	compare_terms(oracle, "multinomial_pima", data, fit_data_model(env, data), 1e-9, true);
}

static void
ridge_agrees_with_scikit_learn(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, "test/oracle/sklearn_fits.csv");
	FitData    *data = small_data(env, "x1 x2 x3 x4 x5");

	assert_ok(env, params_set_number(env, &data->params, "C", 10));
	compare_terms(oracle, "ridge_multinomial_weighted", data, fit_data_model(env, data), 1e-6, false);
	data = small_data(env, "x1 x2 x3 x4 x5");
	data->w = NULL;
	assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 2));
	compare_terms(oracle, "ridge_multinomial", data, fit_data_model(env, data), 1e-6, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(agrees_with_r, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(ridge_agrees_with_scikit_learn, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
