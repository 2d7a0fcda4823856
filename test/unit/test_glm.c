/*
 * test_glm.c: generalized linear models against R's glm (test/oracle/glm.R), and what must hold of any of them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/glm_family.h"
#include "fit_support.h"

extern const Algorithm algorithm_glm;

/* Largest accepted relative difference from R; for coefficients relative to their standard errors where those are larger. */
#define R_TOLERANCE 1e-9

static void
set_choice(CoreEnv *env, FitData *data, const char *name, const char *value)
{
	assert_ok(env, params_set_text(env, &data->params, name, value));
}

static void
compare_coefficient(const Csv *oracle, const char *group, const char *term, double estimate, double error)
{
	double		expected = oracle_value(oracle, group, term, "value");
	double		expected_error = oracle_value(oracle, group, term, "error");
	char		what[160];

	snprintf(what, sizeof(what), "%s: %s", group, term);
	if (isnan(expected))
	{
		if (!isnan(estimate) || !isnan(error))
			fail_msg("%s is aliased in R, not here", what);
		return;
	}
	test_assert_close(estimate, expected, R_TOLERANCE, expected_error, what, __FILE__, __LINE__);
	test_assert_close(error, expected_error, R_TOLERANCE, 0, what, __FILE__, __LINE__);
}

static void
compare_with_oracle(const Csv *oracle, const char *group, const FitData *data, const Model *model)
{
	static const char *const same[] = {"deviance", "null_deviance", "aic", "bic", "log_likelihood", "dispersion"};
	bool		estimated = !isnan(model_number(model, "df_residual"));

	if (params_boolean(&data->params, "fit_intercept"))
		compare_coefficient(oracle, group, "(Intercept)", model_estimate(model, 0, 0), model_std_error(model, 0, 0));
	for (int j = 0; j < data->nterms; j++)
		compare_coefficient(oracle, group, data->terms[j].name, model_estimate(model, 0, 1 + j), model_std_error(model, 0, 1 + j));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		test_assert_close(model_number(model, same[i]), oracle_value(oracle, group, same[i], "value"), R_TOLERANCE, 0, same[i], group, 0);
	assert_true(model_number(model, estimated ? "df_residual" : "df_error") == oracle_value(oracle, group, "df", "value"));
	assert_true(model_number(model, "converged") == 1);
}

typedef struct Case
{
	const char *name;
	const char *family;
	const char *link;
	const char *target;
	const char *terms;			/* "x1 x4" */
	const char *weight;			/* NULL, "w", "w0.5" (0 becomes 0.5), "trials" */
	bool		offset;
	bool		no_intercept;
} Case;

#define ALL "x1 x2 x3 x4 x5"

static const Case cases[] = {
	{"gaussian", "gaussian", "canonical", "number", ALL, NULL, false, false},
	{"gaussian_weighted", "gaussian", "identity", "number", ALL, "0.5", true, false},
	{"gaussian_log", "gaussian", "log", "number", ALL, NULL, false, false},
	{"gaussian_inverse", "gaussian", "inverse", "number", ALL, NULL, false, false},
	{"logit", "binomial", "logit", "binary", ALL, NULL, true, false},
	{"logit_zero_weights", "binomial", "canonical", "binary", ALL, "0", false, false},
	{"probit", "binomial", "probit", "binary", ALL, NULL, false, false},
	{"cloglog", "binomial", "cloglog", "binary", ALL, NULL, true, false},
	{"binomial_log", "binomial", "log", "rare", "x4", "0", false, false},
	{"proportion", "binomial", "logit", "proportion", ALL, "1", false, false},
	{"proportion_probit", "binomial", "probit", "proportion", ALL, "1", true, false},
	{"poisson", "poisson", "canonical", "counts", ALL, NULL, true, false},
	{"poisson_weighted", "poisson", "log", "counts", ALL, "0.25", false, false},
	{"poisson_no_intercept", "poisson", "log", "counts", ALL, NULL, true, true},
	{"poisson_sqrt", "poisson", "sqrt", "counts", "x4 x3", NULL, false, false},
	{"poisson_identity", "poisson", "identity", "counts", "x4", NULL, false, false},
	{"gamma", "gamma", "canonical", "positive", ALL, NULL, false, false},
	{"gamma_log", "gamma", "log", "positive", ALL, "0.5", true, false},
	{"gamma_identity", "gamma", "identity", "positive", "x1 x4", NULL, false, false},
	{"inverse_gaussian", "inverse_gaussian", "canonical", "inverse_gaussian", ALL, NULL, false, false},
	{"inverse_gaussian_log", "inverse_gaussian", "log", "inverse_gaussian", ALL, NULL, true, false},
	{"inverse_gaussian_inverse", "inverse_gaussian", "inverse", "inverse_gaussian", ALL, "0.5", false, false},
	{"inverse_gaussian_identity", "inverse_gaussian", "identity", "inverse_gaussian", "x1 x4", NULL, false, false},
	{"aliased", "binomial", "logit", "binary", "x1 x2 x12 ones x3 x4 x5 copy", NULL, false, false}
};

#define NCASES ((int) (sizeof(cases) / sizeof(cases[0])))

/* Columns of glm_data.csv and those that glm.R derives from them. */
static double
table_value(const Csv *csv, int row, const char *name)
{
	if (strcmp(name, "x12") == 0)
		return csv_number(csv, row, csv_column(csv, "x1")) + csv_number(csv, row, csv_column(csv, "x2"));
	if (strcmp(name, "ones") == 0)
		return 7;
	if (strcmp(name, "copy") == 0)
		return csv_number(csv, row, csv_column(csv, "x4"));
	if (strcmp(name, "rare") == 0)
		return csv_number(csv, row, csv_column(csv, "counts")) >= 4;
	return csv_number(csv, row, csv_column(csv, name));
}

static double *
table_values(CoreEnv *env, const Csv *csv, const char *name)
{
	double	   *values = env_alloc(env, (size_t) csv->rows, sizeof(double));

	for (int i = 0; i < csv->rows; i++)
		values[i] = table_value(csv, i, name);
	return values;
}

static FitData *
case_data(CoreEnv *env, const Csv *csv, const Case *c)
{
	FitData    *data = fit_data_create(env, &algorithm_glm, TASK_REGRESSION, csv->rows, 0);
	char	   *names = env_strdup(env, c->terms);

	for (char *name = strtok(names, " "); name != NULL; name = strtok(NULL, " "))
		fit_data_add_column(env, data, name, table_values(env, csv, name));
	data->y = table_values(env, csv, c->target);
	if (c->weight != NULL)
	{
		data->w = table_values(env, csv, "w");
		for (int i = 0; i < csv->rows; i++)
			data->w[i] = data->w[i] == 0 ? strtod(c->weight, NULL) : data->w[i];
	}
	if (c->offset)
		data->offset = table_values(env, csv, "offset");
	set_choice(env, data, "family", c->family);
	set_choice(env, data, "link", c->link);
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", !c->no_intercept));
	return data;
}

static void
agrees_with_r(void **state)
{
	CoreEnv    *env = *state;
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	Csv		   *oracle = csv_read(env, "test/oracle/glm.csv");

	for (int i = 0; i < NCASES; i++)
	{
		FitData    *data = case_data(env, csv, &cases[i]);

		compare_with_oracle(oracle, cases[i].name, data, fit_data_model(env, data));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(agrees_with_r, test_env_setup, test_env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
