/*
 * test_logistic.c: binary logistic regression against R and scikit-learn, and what must hold of any fit.
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


static void
assert_same_fit(const FitData *data, const Model *a, const Model *b, double tolerance)
{
	for (int j = 0; j <= data->nterms; j++)
	{
		assert_close(model_estimate(a, 0, j), model_estimate(b, 0, j), tolerance, model_std_error(b, 0, j));
		assert_close(model_std_error(a, 0, j), model_std_error(b, 0, j), tolerance, 0);
	}
	assert_close(model_number(a, "deviance"), model_number(b, "deviance"), tolerance, 0);
	assert_close(model_number(a, "null_deviance"), model_number(b, "null_deviance"), tolerance, 0);
}

/* x = scale z + shift must change coefficients by exactly that, whatever the size of both. */
static void
units_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 500, 3, 11);
	FitData    *moved = fit_data_copy(env, data);
	const double scale[] = {1e-9, 3e7, 1};
	const double shift[] = {1e-3, -5, 1e6};
	Model	   *plain = fit_data_model(env, data);
	Model	   *other;
	double		intercept;

	for (int j = 0; j < 3; j++)
	{
		for (int i = 0; i < 500; i++)
			moved->x[j * 500 + i] = data->x[j * 500 + i] * scale[j] + shift[j];
	}
	other = fit_data_model(env, moved);
	intercept = model_estimate(other, 0, 0);
	for (int j = 0; j < 3; j++)
	{
		/* adding 1e6 to numbers of size 1 loses ten digits of them */
		assert_close(model_estimate(other, 0, 1 + j) * scale[j], model_estimate(plain, 0, 1 + j), 1e-8, 0);
		assert_close(model_std_error(other, 0, 1 + j) * scale[j], model_std_error(plain, 0, 1 + j), 1e-8, 0);
		intercept += model_estimate(other, 0, 1 + j) * shift[j];
	}
	assert_close(intercept, model_estimate(plain, 0, 0), 1e-8, 1);
	assert_close(model_number(other, "deviance"), model_number(plain, "deviance"), 1e-10, 0);
}

static void
blocks_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 1000, 4, 12);
	FitData    *split = fit_data_copy(env, data);
	Model	   *whole = fit_data_model(env, data);

	for (int rows = 1; rows < 1000; rows = rows * 3 + 4)
	{
		split->block_rows = rows;
		split->shuffle_tree = rows % 2 == 0;
		assert_same_fit(data, fit_data_model(env, split), whole, 1e-10);
	}
}

/* Weight 3 is three rows, weight 0 is none. */
static void
weights_are_copies(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 200, 2, 13);
	FitData    *copies;
	Model	   *weighted;
	Model	   *repeated;
	int			n = 0;

	data->w = env_alloc(env, 200, sizeof(double));
	for (int i = 0; i < 200; i++)
		n += (int) (data->w[i] = i % 4);
	copies = fit_data_create(env, &algorithm_logistic, TASK_BINARY, n, 2);
	for (int i = 0, row = 0; i < 200; i++)
	{
		for (int k = 0; k < i % 4; k++, row++)
		{
			copies->y[row] = data->y[i];
			copies->x[row] = data->x[i];
			copies->x[n + row] = data->x[200 + i];
		}
	}
	weighted = fit_data_model(env, data);
	repeated = fit_data_model(env, copies);
	assert_same_fit(data, weighted, repeated, 1e-10);
	assert_true(model_number(weighted, "rows") == 150 && model_number(repeated, "rows") == n);
}

static void
class_weights_are_weights(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 300, 2, 14);
	FitData    *explicit = fit_data_copy(env, data);
	double		positive = 0;

	explicit->w = env_alloc(env, 300, sizeof(double));
	for (int i = 0; i < 300; i++)
		positive += data->y[i];
	for (int i = 0; i < 300; i++)
		explicit->w[i] = data->y[i] == 1 ? 150 / positive : 150 / (300 - positive);
	assert_ok(env, params_set_text(env, &data->params, "class_weight", "balanced"));
	assert_same_fit(data, fit_data_model(env, data), fit_data_model(env, explicit), 1e-10);

	data = binary_data_random(env, &algorithm_logistic, 300, 2, 14);
	set_number(env, data, "scale_pos_weight", 2.5);
	for (int i = 0; i < 300; i++)
		explicit->w[i] = data->y[i] == 1 ? 2.5 : 1;
	assert_same_fit(data, fit_data_model(env, data), fit_data_model(env, explicit), 1e-10);
}

/* An offset that is linear in the terms moves the coefficients and nothing else. */
static void
offsets_move_coefficients(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 400, 2, 15);
	Model	   *plain = fit_data_model(env, data);
	Model	   *offset;

	data->offset = env_alloc(env, 400, sizeof(double));
	for (int i = 0; i < 400; i++)
		data->offset[i] = 30 - 2 * data->x[i];
	offset = fit_data_model(env, data);
	assert_close(model_estimate(offset, 0, 0) + 30, model_estimate(plain, 0, 0), 1e-9, 1);
	assert_close(model_estimate(offset, 0, 1) - 2, model_estimate(plain, 0, 1), 1e-9, 0);
	assert_close(model_estimate(offset, 0, 2), model_estimate(plain, 0, 2), 1e-9, 0);
	assert_close(model_std_error(offset, 0, 2), model_std_error(plain, 0, 2), 1e-9, 0);
	assert_close(model_number(offset, "deviance"), model_number(plain, "deviance"), 1e-12, 0);
	/* the null model has the offset too, and one free intercept: its score is 0 */
	assert_true(model_number(offset, "null_deviance") > model_number(offset, "deviance"));
}

/* Large data sets begin on a sample; the result may not show it. */
static void
sampling_does_not_matter(void **state)
{
	CoreEnv    *env = *state;
	int64_t		n = 130 * BLOCK_ROWS + 17;
	FitData    *data = binary_data_random(env, &algorithm_logistic, (int) n, 2, 16);
	int64_t		nblocks = 131;
	Model	   *sampled = fit_data_model(env, data);
	Model	   *whole;

	/* three times all rows, and the sample */
	assert_true(data->blocks_read < 9 * nblocks / 2);
	assert_true(binary_data_score(env, data, sampled) < 1e-8);
	/* a penalty needs all rows from the start; this one is nothing */
	data = binary_data_random(env, &algorithm_logistic, (int) n, 2, 16);
	assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 1e-12));
	whole = fit_data_model(env, data);
	for (int j = 0; j < 3; j++)
		assert_close(model_estimate(sampled, 0, j), model_estimate(whole, 0, j), 1e-9, 0);
	assert_true(model_number(sampled, "converged") == 1);
}

/* Nor may it when the sample is unlike the other rows: perfectly separated, or with a single positive in it. */
static void
misleading_samples_do_not_matter(void **state)
{
	CoreEnv    *env = *state;
	int64_t		n = 130 * BLOCK_ROWS;

	for (int kind = 0; kind < 2; kind++)
	{
		Model	   *model[2];
		FitData    *data = NULL;

		for (int k = 0; k < 2; k++)
		{
			data = binary_data_random(env, &algorithm_logistic, (int) n, 2, 23);
			for (int i = 0; i < 32 * BLOCK_ROWS; i++)
				data->y[i] = kind == 0 ? data->x[i] > 0 : i == 1000;
			if (k == 1)
				assert_ok(env, params_set_number(env, &data->params, "reg_lambda", 1e-12));
			model[k] = fit_data_model(env, data);
		}
		assert_true(binary_data_score(env, data, model[0]) < 1e-8);
		for (int j = 0; j < 3; j++)
			assert_close(model_estimate(model[0], 0, j), model_estimate(model[1], 0, j), 1e-9, 0);
		assert_true(model_number(model[0], "converged") == 1);
		assert_true(model_number(model[0], "separation") == 0);
	}
}

/* Weights over nine orders of magnitude, a handful of positives. */
static void
uneven_rows_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 2000, 3, 27);
	TestRandom	random = {28};
	Model	   *model;
	int			positive = 0;

	data->w = env_alloc(env, 2000, sizeof(double));
	for (int i = 0; i < 2000; i++)
		data->w[i] = pow(10, 9 * test_random_uniform(&random) - 4);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1);
	assert_true(binary_data_score(env, data, model) < 1e-7);

	data->w = NULL;
	for (int i = 0; i < 2000; i++)
		positive += (int) (data->y[i] = data->y[i] == 1 && i % 200 == 7);
	assert_true(positive > 3 && positive < 20);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 1 || binary_data_score(env, data, model) < 1e-8);
}

static void
penalty_has_its_limits(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 300, 2, 20);
	Model	   *plain = fit_data_model(env, data);
	Model	   *model;

	set_number(env, data, "reg_lambda", 1e-9);
	model = fit_data_model(env, data);
	for (int j = 0; j < 3; j++)
	{
		assert_close(model_estimate(model, 0, j), model_estimate(plain, 0, j), 1e-9, 0);
		assert_true(isnan(model_std_error(model, 0, j)));
	}
	assert_true(isnan(model_number(model, "aic")));
	data = binary_data_random(env, &algorithm_logistic, 300, 2, 20);
	set_number(env, data, "C", 1e-10);
	model = fit_data_model(env, data);
	assert_true(fabs(model_estimate(model, 0, 1)) < 1e-7);
	assert_close(model_number(model, "deviance"), model_number(model, "null_deviance"), 1e-7, 0);
}

static void
expect_failure(CoreEnv *env, FitData *data, CoreStatus expected, const char *part)
{
	Model	   *model;
	CoreStatus	status = fit_data_fit(env, data, &model);

	assert_int_equal(status, expected);
	if (strstr(env->message, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", env->message, part);
}

static void
bad_data_is_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 50, 2, 21);

	data->w = env_alloc(env, 50, sizeof(double));
	expect_failure(env, data, CORE_NUMERIC, "no training row has a positive weight");
	for (int i = 0; i < 50; i++)
		data->w[i] = data->y[i];
	expect_failure(env, data, CORE_NUMERIC, "all training rows have class \"c1\"");
	assert_non_null(strstr(env->hint, "both classes"));
	data->w[3] = -1;
	expect_failure(env, data, CORE_INVALID, "weight -1");
	data->w = NULL;
	data->x[60] = INFINITY;
	expect_failure(env, data, CORE_NUMERIC, "");
	data->x[60] = 0;
	data->offset = env_alloc(env, 50, sizeof(double));
	data->offset[7] = NAN;
	expect_failure(env, data, CORE_INVALID, "offset");
	data->offset = NULL;
	set_number(env, data, "C", 1);
	set_number(env, data, "reg_lambda", 1);
	expect_failure(env, data, CORE_INVALID, "exclude each other");
}

static void
degenerate_designs_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 60, 3, 22);
	Model	   *model;

	/* no terms: the log odds */
	data->nterms = 0;
	model = fit_data_model(env, data);
	assert_close(model_number(model, "deviance"), model_number(model, "null_deviance"), 1e-12, 0);
	data->nterms = 3;
	/* constant, zero and duplicate terms have no coefficient */
	for (int i = 0; i < 60; i++)
	{
		data->x[i] = 1e9;
		data->x[120 + i] = 3 * data->x[60 + i] - 7;
	}
	model = fit_data_model(env, data);
	assert_true(isnan(model_estimate(model, 0, 1)) && isfinite(model_estimate(model, 0, 2)) && isnan(model_estimate(model, 0, 3)));
	assert_true(binary_data_score(env, data, model) < 1e-3);
	assert_true(model_number(model, "df_error") == 58);
	/* more terms than rows separate anything */
	data = binary_data_random(env, &algorithm_logistic, 10, 30, 23);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "separation") == 1);
	assert_true(isnan(model_estimate(model, 0, 30)));
	/* but not with a penalty */
	set_number(env, data, "reg_lambda", 1);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 1 && isfinite(model_estimate(model, 0, 30)));
}

/* As wide as several panels of the factorization. */
static void
wide_designs_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 6000, 300, 26);
	Model	   *model = fit_data_model(env, data);
	FitData    *narrow;
	Model	   *expected;

	assert_true(model_number(model, "converged") == 1);
	assert_true(binary_data_score(env, data, model) < 1e-8);
	/* terms that only rotate others: the same fit, and the same errors of what is not rotated */
	narrow = fit_data_copy(env, data);
	for (int i = 0; i < 6000; i++)
	{
		for (int j = 200; j < 300; j++)
			narrow->x[j * 6000 + i] = data->x[j * 6000 + i] + 0.5 * data->x[(j - 100) * 6000 + i];
	}
	expected = fit_data_model(env, narrow);
	for (int j = 201; j <= 300; j++)
		assert_close(model_estimate(model, 0, j), model_estimate(expected, 0, j), 1e-9, model_std_error(model, 0, j));
	for (int j = 0; j <= 100; j++)
		assert_close(model_std_error(model, 0, j), model_std_error(expected, 0, j), 1e-9, 0);
}

static void
too_few_iterations_are_reported(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = pima_data(env);
	Model	   *model;

	set_number(env, data, "max_iter", 2);
	model = fit_data_model(env, data);
	assert_true(model_number(model, "converged") == 0 && model_number(model, "separation") == 0);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "did not converge"));
}

/*
 * Heavy rows that a line separates, and light ones that end up far beyond it:
 * hardly any of these has working weight, all of them count.
 */
static void
wild_weights_are_fitted(void **state)
{
	CoreEnv    *env = *state;
	int			overlapping = 0;
	int			unfinished = 0;

	for (uint64_t seed = 1; seed <= 120; seed++)
	{
		TestRandom	random = {seed};
		FitData    *data = binary_data_random(env, &algorithm_logistic, 12, 3, 1000 + seed);
		Model	   *model;

		data->y[0] = 0;
		data->y[1] = 1;
		data->w = env_alloc(env, (size_t) data->n, sizeof(double));
		for (int64_t i = 0; i < data->n; i++)
			data->w[i] = pow(10, (double) (test_random_bits(&random) % 7) - 3);
		model = fit_data_model(env, data);
		if (model_number(model, "separation") == 1)
			continue;
		overlapping++;
		if (model_number(model, "converged") == 1)
			assert_true(binary_data_score(env, data, model) < 1e-8);
		else
			unfinished++;
	}
	assert_true(overlapping >= 50);
	/* a warning says so */
	assert_true(unfinished <= 4);
}

static void
forged_models_are_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = binary_data_random(env, &algorithm_logistic, 60, 2, 24);
	Model	   *model = fit_data_model(env, data);
	double	   *estimate = ((ModelArray *) model_array(model, "estimate"))->data;
	double		saved = estimate[1];

	estimate[1] = INFINITY;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	estimate[1] = saved;
	assert_ok(env, algorithm_logistic.bind(env, model));
	((ModelArray *) model_array(model, "estimate"))->cols = 2;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	((ModelArray *) model_array(model, "estimate"))->cols = 3;
	model->noutputs = 2;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
	model->noutputs = 1;
	model->link = LINK_PROBIT;
	assert_int_equal(algorithm_logistic.bind(env, model), CORE_CORRUPT);
}

/* Every allocation may be refused: the fit says so and nothing breaks. */
static void
memory_may_be_refused(void **state)
{
	CoreEnv    *env = *state;

	fit_data_refuse_memory(*state, binary_data_random(env, &algorithm_logistic, 60, 3, 25));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pima_agrees_with_r),
		TEST(telco_agrees_with_r),
		TEST(other_links_agree_with_r),
		TEST(ridge_agrees_with_scikit_learn),
		TEST(units_do_not_matter),
		TEST(blocks_do_not_matter),
		TEST(weights_are_copies),
		TEST(class_weights_are_weights),
		TEST(offsets_move_coefficients),
		TEST(sampling_does_not_matter),
		TEST(misleading_samples_do_not_matter),
		TEST(uneven_rows_are_fitted),
		TEST(wild_weights_are_fitted),
		TEST(penalty_has_its_limits),
		TEST(bad_data_is_refused),
		TEST(degenerate_designs_are_fitted),
		TEST(wide_designs_are_fitted),
		TEST(too_few_iterations_are_reported),
		TEST(forged_models_are_refused),
		TEST(memory_may_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
