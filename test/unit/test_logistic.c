/*
 * test_logistic.c: binary logistic regression against R and scikit-learn, separation against brute force, invariances.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fit_support.h"

extern const Algorithm algorithm_logistic;
extern const Algorithm algorithm_glm;

#define GLM_ORACLE "test/oracle/glm.csv"
#define SKLEARN_ORACLE "test/oracle/sklearn_fits.csv"

static const char *const pima_terms[] = {"pregnant", "glucose", "pressure", "triceps", "insulin", "mass", "pedigree", "age"};

static void
set_number(CoreEnv *env, FitData *data, const char *name, double value)
{
	assert_ok(env, params_set_number(env, &data->params, name, value));
}

static FitData *
csv_data(CoreEnv *env, const Csv *csv, const char *target, const char *positive, const char *const *terms, int nterms)
{
	int		   *rows;
	int			n = csv_complete_rows(env, csv, &rows);
	FitData    *data = fit_data_create(env, &algorithm_logistic, TASK_BINARY, n, 0);

	for (int j = 0; j < nterms; j++)
		fit_data_add_csv(env, data, csv, terms[j], rows);
	for (int i = 0; i < n; i++)
		data->y[i] = strcmp(csv_field(csv, rows[i], csv_column(csv, target)), positive) == 0;
	return data;
}

static FitData *
pima_data(CoreEnv *env)
{
	return csv_data(env, csv_read(env, "test/data/pima_diabetes.csv"), "diabetes", "pos", pima_terms, 8);
}

static FitData *
telco_data(CoreEnv *env)
{
	Csv		   *csv = csv_read(env, "test/data/telco_churn.csv");

	/* the key and the target come first */
	return csv_data(env, csv, "churn", "Yes", (const char *const *) csv->header + 2, csv->columns - 2);
}

static void
compare_terms(const Csv *oracle, const char *group, const FitData *data, const Model *model, double tolerance, bool errors)
{
	for (int j = params_boolean(&data->params, "fit_intercept") ? 0 : 1; j <= data->nterms; j++)
	{
		const char *term = j == 0 ? "(Intercept)" : data->terms[j - 1].name;
		double		expected = oracle_value(oracle, group, term, "value");
		double		error = model_std_error(model, 0, j);
		/* estimates that are small beside their errors are compared on the scale of these */
		double		floor = errors && tolerance <= 1e-9 ? 0.1 * oracle_value(oracle, group, term, "error") : 0;

		test_assert_close(model_estimate(model, 0, j), expected, tolerance, isnan(floor) ? 0 : floor, term, group, j);
		if (errors)
			test_assert_close(error, oracle_value(oracle, group, term, "error"), tolerance, 0, term, group, j);
		else
			assert_true(isnan(error));
	}
}

static void
compare_statistics(const Csv *oracle, const char *group, const Model *model, double tolerance)
{
	static const char *const same[] = {"deviance", "null_deviance", "aic", "bic", "log_likelihood"};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		test_assert_close(model_number(model, same[i]), oracle_value(oracle, group, same[i], "value"), tolerance, 0, same[i], group, 0);
	assert_true(model_number(model, "df_error") == oracle_value(oracle, group, "df", "value"));
	assert_true(model_number(model, "converged") == 1);
	assert_true(model_number(model, "separation") == 0);
	assert_true(isnan(model_number(model, "df_residual")));
}

static void
pima_agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, GLM_ORACLE);
	FitData    *data = pima_data(env);
	Model	   *model = fit_data_model(env, data);

	compare_terms(oracle, "pima", data, model, 1e-9, true);
	compare_statistics(oracle, "pima", model, 1e-12);

	data->w = env_alloc(env, (size_t) data->n, sizeof(double));
	for (int64_t i = 0; i < data->n; i++)
		data->w[i] = 1 + (double) ((i + 1) % 3);
	model = fit_data_model(env, data);
	compare_terms(oracle, "pima_weighted", data, model, 1e-9, true);
	compare_statistics(oracle, "pima_weighted", model, 1e-12);

	data->w = NULL;
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	compare_terms(oracle, "pima_no_intercept", data, fit_data_model(env, data), 1e-9, true);
}

/* Six identical dummies and one that is a linear function of another. */
static void
telco_agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, GLM_ORACLE);
	FitData    *data = telco_data(env);
	Model	   *model = fit_data_model(env, data);
	const char *message = ((TestEnv *) env)->last_log;

	compare_terms(oracle, "telco", data, model, 1e-9, true);
	compare_statistics(oracle, "telco", model, 1e-12);
	assert_int_equal(((TestEnv *) env)->logs, 1);
	assert_non_null(strstr(message, "7 terms"));
	assert_non_null(strstr(message, "\"online_security=No internet service\""));
}

static void
other_links_agree_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, GLM_ORACLE);
	FitData    *data = pima_data(env);

	data->algorithm = &algorithm_glm;
	assert_ok(env, params_init(env, &data->params, "glm", algorithm_glm.params));
	assert_ok(env, params_set_text(env, &data->params, "link", "probit"));
	compare_terms(oracle, "pima_probit", data, fit_data_model(env, data), 1e-9, true);
	assert_ok(env, params_init(env, &data->params, "glm", algorithm_glm.params));
	assert_ok(env, params_set_text(env, &data->params, "link", "cloglog"));
	/* R's scoring creeps here and stops at 1e-8 of a standard error from the maximum */
	compare_terms(oracle, "pima_cloglog", data, fit_data_model(env, data), 1e-7, true);
}

static FitData *
small_data(CoreEnv *env)
{
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	static const char *const terms[] = {"x1", "x2", "x3", "x4", "x5"};
	FitData    *data = csv_data(env, csv, "binary", "1", terms, 5);

	data->w = env_alloc(env, (size_t) data->n, sizeof(double));
	for (int i = 0; i < csv->rows; i++)
		data->w[i] = csv_number(csv, i, csv_column(csv, "w"));
	return data;
}

static void
ridge_agrees_with_scikit_learn(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *oracle = csv_read(env, SKLEARN_ORACLE);
	FitData    *data = pima_data(env);

	set_number(env, data, "reg_lambda", 3);
	compare_terms(oracle, "ridge_pima", data, fit_data_model(env, data), 1e-7, false);

	data = pima_data(env);
	set_number(env, data, "C", 2);
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	compare_terms(oracle, "ridge_no_intercept", data, fit_data_model(env, data), 1e-7, false);

	data = small_data(env);
	set_number(env, data, "lambda", 2);
	compare_terms(oracle, "ridge_weighted", data, fit_data_model(env, data), 1e-7, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pima_agrees_with_r, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(telco_agrees_with_r, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(other_links_agree_with_r, test_env_setup, test_env_teardown),
		cmocka_unit_test_setup_teardown(ridge_agrees_with_scikit_learn, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
