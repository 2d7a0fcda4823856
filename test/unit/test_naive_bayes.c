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
	fit_data_count_classes(env, data, csv);
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


static FitData *
random_data(CoreEnv *env, int n, int nterms, int nclasses, uint64_t seed)
{
	FitData    *data = fit_data_create(env, &algorithm_naive_bayes, nclasses == 2 ? TASK_BINARY : TASK_MULTICLASS, n, nterms);
	TestRandom	random = {seed};

	fit_data_classes(env, data, nclasses);
	for (int i = 0; i < n; i++)
	{
		data->y[i] = (int) (test_random_uniform(&random) * nclasses);
		for (int j = 0; j < nterms; j++)
			data->x[j * n + i] = test_random_normal(&random) * (1 + data->y[i]) + j * data->y[i];
	}
	return data;
}

static void
assert_same_margins(CoreEnv *env, const FitData *a, const Model *model_a, const FitData *b, const Model *model_b, int n, double tolerance)
{
	double		margins_a[8];
	double		margins_b[8];

	for (int i = 0; i < n; i++)
	{
		fit_data_margins(env, a, model_a, i, margins_a);
		fit_data_margins(env, b, model_b, i, margins_b);
		for (int k = 0; k < model_a->noutputs; k++)
		{
			double		base = model_a->noutputs > 1 ? margins_a[0] : 0;
			double		other = model_b->noutputs > 1 ? margins_b[0] : 0;

			assert_close(margins_a[k] - base, margins_b[k] - other, tolerance, 1);
		}
	}
}

/* Differences between classes are the same in any unit, in any blocks. */
static void
units_and_blocks_do_not_matter(void **state)
{
	CoreEnv    *env = *state;

	for (int nclasses = 2; nclasses < 5; nclasses++)
	{
		FitData    *data = random_data(env, 300, 3, nclasses, 60);
		FitData    *moved = fit_data_copy(env, data);

		for (int i = 0; i < 300; i++)
		{
			moved->x[i] = 1e-12 * data->x[i];
			moved->x[300 + i] = 1e9 * data->x[300 + i];
			moved->x[600 + i] = data->x[600 + i] + 1e5;
		}
		moved->block_rows = 7;
		moved->shuffle_tree = true;
		assert_same_margins(env, data, fit_data_model(env, data), moved, fit_data_model(env, moved), 300, 1e-8);
	}
}

static void
weights_are_copies(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 100, 2, 3, 61);
	FitData    *copies;
	int			n = 0;

	data->w = env_alloc(env, 100, sizeof(double));
	for (int i = 0; i < 100; i++)
	{
		data->x[100 + i] = data->x[100 + i] > 1;
		n += (int) (data->w[i] = i % 3);
	}
	copies = fit_data_create(env, &algorithm_naive_bayes, TASK_MULTICLASS, n, 2);
	fit_data_classes(env, copies, 3);
	for (int i = 0, row = 0; i < 100; i++)
	{
		for (int k = 0; k < i % 3; k++, row++)
		{
			copies->y[row] = data->y[i];
			copies->x[row] = data->x[i];
			copies->x[n + row] = data->x[100 + i];
		}
	}
	/* margins of the rows of `data` under both */
	assert_same_margins(env, data, fit_data_model(env, data), data, fit_data_model(env, copies), 100, 1e-11);
}

/* Rows of (term values, class) given as digits; margins by counting. */
static Model *
counted_model(CoreEnv *env, FitData **data, const char *const *rows, int n, const char *const *names, const int *features)
{
	int			nterms = (int) strlen(rows[0]) - 1;

	*data = fit_data_create(env, &algorithm_naive_bayes, TASK_BINARY, n, nterms);
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < nterms; j++)
			(*data)->x[j * n + i] = rows[i][j] - '0';
		(*data)->y[i] = rows[i][nterms] - '0';
	}
	for (int j = 0; j < nterms; j++)
	{
		(*data)->terms[j].name = env_strdup(env, names[j]);
		(*data)->terms[j].feature = features[j];
	}
	return fit_data_model(env, *data);
}

static double
margin_of(CoreEnv *env, const FitData *data, const Model *model, const char *digits)
{
	double		terms[8];
	double		margin;

	(void) env;
	for (int j = 0; j < data->nterms; j++)
		terms[j] = digits[j] - '0';
	algorithm_naive_bayes.score(model, terms, NULL, &margin);
	return margin;
}

static void
categories_are_counted(void **state)
{
	CoreEnv    *env = *state;
	static const char *const names[] = {"c=b", "c=c"};
	static const int features[] = {0, 0};
	/* levels a (00), b (10), c (01): class 0 has a a b, class 1 has b c c c */
	static const char *const rows[] = {"000", "000", "100", "101", "011", "011", "011"};
	/* all levels have a column: a (10), b (01) */
	static const char *const full[] = {"100", "100", "010", "011", "011"};
	/* not exclusive: two independent flags */
	static const char *const flags[] = {"110", "100", "010", "111", "001", "001"};
	FitData    *data;
	Model	   *model = counted_model(env, &data, rows, 7, names, features);
	double		prior = log(4.0 / 3.0);

	assert_close(margin_of(env, data, model, "00"), prior + log((0 + 1) / 7.0) - log((2 + 1) / 6.0), 1e-14, 0);
	assert_close(margin_of(env, data, model, "10"), prior + log((1 + 1) / 7.0) - log((1 + 1) / 6.0), 1e-14, 1);
	assert_close(margin_of(env, data, model, "01"), prior + log((3 + 1) / 7.0) - log((0 + 1) / 6.0), 1e-14, 0);

	model = counted_model(env, &data, full, 5, names, features);
	prior = log(2.0 / 3.0);
	assert_close(margin_of(env, data, model, "10"), prior + log((0 + 1) / 4.0) - log((2 + 1) / 5.0), 1e-14, 0);
	assert_close(margin_of(env, data, model, "01"), prior + log((2 + 1) / 4.0) - log((1 + 1) / 5.0), 1e-14, 1);
	assert_close(margin_of(env, data, model, "00"), prior, 1e-14, 0);	/* an unknown level says nothing */

	model = counted_model(env, &data, flags, 6, names, features);
	assert_close(margin_of(env, data, model, "11"), 2 * (log(2 / 5.0) - log(3 / 5.0)), 1e-14, 0);
	assert_close(margin_of(env, data, model, "01"), log(3 / 5.0) - log(2 / 5.0) + log(2 / 5.0) - log(3 / 5.0), 1e-14, 1);
	assert_close(margin_of(env, data, model, "00"), 2 * (log(3 / 5.0) - log(2 / 5.0)), 1e-14, 0);
}

static void
degenerate_terms_are_harmless(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 60, 3, 2, 62);
	FitData    *without = fit_data_create(env, &algorithm_naive_bayes, TASK_BINARY, 60, 1);
	Model	   *model;
	double		margin;

	memcpy(without->x, data->x, 60 * sizeof(double));
	memcpy(without->y, data->y, 60 * sizeof(double));
	for (int i = 0; i < 60; i++)
	{
		data->x[60 + i] = 1e7;	/* constant */
		data->x[120 + i] = 1;	/* constant 0/1 */
	}
	assert_same_margins(env, data, fit_data_model(env, data), without, fit_data_model(env, without), 60, 1e-12);

	/* constant within a class, and far from everything at scoring */
	for (int i = 0; i < 60; i++)
		data->x[60 + i] = data->y[i] == 1 ? 5 : i;
	model = fit_data_model(env, data);
	for (int i = 0; i < 60; i++)
	{
		fit_data_margins(env, data, model, i, &margin);
		assert_true(isfinite(margin));
	}
	data->x[60] = 1e300;
	data->x[0] = -1e308;
	fit_data_margins(env, data, model, 0, &margin);
	assert_true(isfinite(margin));
}

static void
classes_without_rows_get_no_probability(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 90, 2, 3, 63);
	Model	   *model;
	double		margins[3];

	for (int i = 0; i < 90; i++)
		data->y[i] = data->y[i] == 1 ? 2 : data->y[i];
	model = fit_data_model(env, data);
	assert_non_null(strstr(((TestEnv *) env)->last_log, "class \"c1\" has no training rows"));
	fit_data_margins(env, data, model, 0, margins);
	assert_true(margins[1] < -1e20 && isfinite(margins[1]) && fabs(margins[0]) < 1e6);
}

static void
bad_data_is_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = random_data(env, 30, 2, 3, 64);
	const double priors[] = {0.5, 0.4, 0.2};
	Model	   *model;

	assert_ok(env, params_set_list(env, &data->params, "priors", priors, 3));
	assert_int_equal(fit_data_fit(env, data, &model), CORE_INVALID);
	assert_non_null(strstr(env->hint, "Give 3 probabilities"));
	data = random_data(env, 30, 2, 3, 64);
	data->w = env_alloc(env, 30, sizeof(double));
	assert_int_equal(fit_data_fit(env, data, &model), CORE_NUMERIC);
	data->w[0] = NAN;
	assert_int_equal(fit_data_fit(env, data, &model), CORE_INVALID);
	data->w = NULL;
	data->x[7] = NAN;
	assert_int_equal(fit_data_fit(env, data, &model), CORE_NUMERIC);
	assert_non_null(strstr(env->message, "term \"x1\""));
	data->x[7] = 0;
	data->y[5] = 1.5;
	assert_int_equal(fit_data_fit(env, data, &model), CORE_INVALID);
	for (int i = 0; i < 30; i++)
		data->y[i] = 1;
	assert_int_equal(fit_data_fit(env, data, &model), CORE_NUMERIC);
	assert_non_null(strstr(env->message, "all training rows have class \"c1\""));
}

static void
forged_models_are_refused(void **state)
{
	CoreEnv    *env = *state;
	static const char *const names[] = {"intercept", "mean", "log_odds"};
	FitData    *data = random_data(env, 60, 2, 2, 65);
	Model	   *model = fit_data_model(env, data);
	uint8_t    *kind = ((ModelArray *) model_array(model, "kind"))->data;
	double	   *variance = ((ModelArray *) model_array(model, "variance"))->data;
	double		saved = variance[1];

	for (int i = 0; i < 3; i++)
	{
		double	   *values = ((ModelArray *) model_array(model, names[i]))->data;
		double		kept = values[0];

		values[0] = NAN;
		assert_int_equal(algorithm_naive_bayes.bind(env, model), CORE_CORRUPT);
		values[0] = kept;
	}
	variance[1] = -1;
	assert_int_equal(algorithm_naive_bayes.bind(env, model), CORE_CORRUPT);
	variance[1] = NAN;
	assert_int_equal(algorithm_naive_bayes.bind(env, model), CORE_CORRUPT);
	variance[1] = saved;
	kind[0] = 3;
	assert_int_equal(algorithm_naive_bayes.bind(env, model), CORE_CORRUPT);
	kind[0] = 1;
	assert_ok(env, algorithm_naive_bayes.bind(env, model));
	model->target.nclasses = 3;
	assert_int_equal(algorithm_naive_bayes.bind(env, model), CORE_CORRUPT);
	model->target.nclasses = 2;
	model->link = LINK_SOFTMAX;
	assert_int_equal(algorithm_naive_bayes.bind(env, model), CORE_CORRUPT);
}

static void
memory_may_be_refused(void **state)
{
	CoreEnv    *env = *state;

	fit_data_refuse_memory(*state, random_data(env, 60, 2, 3, 66));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(normal_agrees_with_scikit_learn),
		TEST(categories_agree_with_scikit_learn),
		TEST(units_and_blocks_do_not_matter),
		TEST(weights_are_copies),
		TEST(categories_are_counted),
		TEST(degenerate_terms_are_harmless),
		TEST(classes_without_rows_get_no_probability),
		TEST(bad_data_is_refused),
		TEST(forged_models_are_refused),
		TEST(memory_may_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
