/*
 * test_naive_bayes.c: naive Bayes against scikit-learn, against counting by hand, and what must hold of any fit.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit_support.h"

extern const Algorithm algorithm_naive_bayes;

/* Log joint densities of the oracle, up to the constant that they share with our margins. */
static void
compare_joint(CoreEnv *env, const Csv *oracle, const char *group, const FitData *data, const Model *model, int step, int last)
{
	double		margins[3];
	char		name[40];

	for (int i = 0; i < last; i += step)
	{
		double		base;

		fit_data_margins(env, data, model, i, margins);
		if (data->nclasses == 2)
		{
			margins[1] = margins[0];
			margins[0] = 0;
		}
		snprintf(name, sizeof(name), "%d|0", i);
		base = oracle_value(oracle, group, name, "value");
		for (int k = 1; k < data->nclasses; k++)
		{
			snprintf(name, sizeof(name), "%d|%d", i, k);
			test_assert_close(margins[k] - margins[0], oracle_value(oracle, group, name, "value") - base, 1e-10, 1, name, group, 0);
		}
	}
}

static FitData *
pima_data(CoreEnv *env)
{
	static const char *const terms[] = {"pregnant", "glucose", "pressure", "triceps", "insulin", "mass", "pedigree", "age"};
	Csv		   *csv = csv_read(env, "test/data/pima_diabetes.csv");
	int		   *rows;
	int			n = csv_complete_rows(env, csv, &rows);
	FitData    *data = fit_data_create(env, &algorithm_naive_bayes, TASK_BINARY, n, 0);

	for (int j = 0; j < 8; j++)
		fit_data_add_csv(env, data, csv, terms[j], rows);
	for (int i = 0; i < n; i++)
		data->y[i] = strcmp(csv_field(csv, rows[i], csv_column(csv, "diabetes")), "pos") == 0;
	return data;
}

static FitData *
three_classes(CoreEnv *env)
{
	static const char *const terms[] = {"x1", "x2", "x3", "x5"};
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	FitData    *data = fit_data_create(env, &algorithm_naive_bayes, TASK_MULTICLASS, csv->rows, 0);
	int		   *rows;

	csv_complete_rows(env, csv, &rows);
	for (int j = 0; j < 4; j++)
		fit_data_add_csv(env, data, csv, terms[j], rows);
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

static void
normal_agrees_with_scikit_learn(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, "test/oracle/sklearn_fits.csv");
	FitData    *data = pima_data(env);
	const double priors[] = {0.2, 0.5, 0.3};

	assert_ok(env, params_set_number(env, &data->params, "var_smoothing", 0));
	compare_joint(env, oracle, "gaussian_nb", data, fit_data_model(env, data), 7, 150);

	data = three_classes(env);
	assert_ok(env, params_set_number(env, &data->params, "var_smoothing", 0.01));
	compare_joint(env, oracle, "gaussian_nb_weighted", data, fit_data_model(env, data), 7, 150);

	data->w = NULL;
	assert_ok(env, params_init(env, &data->params, "naive_bayes", algorithm_naive_bayes.params));
	assert_ok(env, params_set_number(env, &data->params, "var_smoothing", 0));
	assert_ok(env, params_set_list(env, &data->params, "priors", priors, 3));
	compare_joint(env, oracle, "gaussian_nb_priors", data, fit_data_model(env, data), 7, 150);
}

static FitData *
telco_data(CoreEnv *env, bool numbers)
{
	static const char *const terms[] = {
		"phone_service", "multiple_lines", "internet_service", "online_security", "contract", "payment_method", "tenure", "monthly_charges"
	};
	Csv		   *csv = csv_read(env, "test/data/telco_churn.csv");
	FitData    *data = fit_data_create(env, &algorithm_naive_bayes, TASK_BINARY, csv->rows, 0);
	int		   *rows = env_alloc(env, (size_t) csv->rows, sizeof(int));

	for (int i = 0; i < csv->rows; i++)
	{
		rows[i] = i;
		data->y[i] = strcmp(csv_field(csv, i, csv_column(csv, "churn")), "Yes") == 0;
	}
	for (int j = 0; j < (numbers ? 8 : 6); j++)
	{
		int			before = data->nterms;

		fit_data_add_csv(env, data, csv, terms[j], rows);
		for (int k = before; k < data->nterms; k++)
			data->terms[k].feature = j;
	}
	return data;
}

static void
categories_agree_with_scikit_learn(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, "test/oracle/sklearn_fits.csv");
	FitData    *data = telco_data(env, false);

	compare_joint(env, oracle, "categorical_nb_1", data, fit_data_model(env, data), 350, 7000);
	assert_ok(env, params_set_number(env, &data->params, "alpha", 0.25));
	compare_joint(env, oracle, "categorical_nb_0.25", data, fit_data_model(env, data), 350, 7000);

	data = telco_data(env, true);
	assert_ok(env, params_set_number(env, &data->params, "var_smoothing", 0));
	compare_joint(env, oracle, "mixed_nb", data, fit_data_model(env, data), 350, 7000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(normal_agrees_with_scikit_learn, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(categories_agree_with_scikit_learn, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
