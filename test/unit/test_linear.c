/*
 * test_linear.c: algorithm "linear" against R's lm, models from states, and scoring.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "design.h"
#include "fit_support.h"

#include "core/linear_model.h"
#include "core/linear_scorer.h"
#include "format/running_state.h"
#include "nist.h"

static FitData *
new_fit(CoreEnv *env, const Csv *csv, const char *const *columns, int count)
{
	int			target = csv_column(csv, "number");
	FitData    *data = fit_data_create(env, algorithm_find("linear"), TASK_REGRESSION, csv->rows, 0);
	int		   *rows = env_alloc(env, (size_t) csv->rows, sizeof(int));

	for (int i = 0; i < csv->rows; i++)
	{
		rows[i] = i;
		data->y[i] = csv_number(csv, i, target);
	}
	for (int j = 0; j < count; j++)
		fit_data_add_csv(env, data, csv, columns[j], rows);
	return data;
}

static void
add_weights(CoreEnv *env, FitData *data, const Csv *csv, double divisor)
{
	int			column = csv_column(csv, "w");

	data->w = env_alloc(env, (size_t) data->n, sizeof(double));
	for (int i = 0; i < data->n; i++)
		data->w[i] = csv_number(csv, i, column) / divisor;
}

static const char *const statistics[] = {
	"r_squared", "adjusted_r_squared", "residual_sd", "f_statistic", "f_p_value", "df_model", "df_residual",
	"log_likelihood", "aic", "bic", "deviance"
};

static void
check_case(CoreEnv *env, FitData *data, const Csv *oracle, const char *name)
{
	Model	   *model = fit_data_model(env, data);

	for (int j = 0; j <= data->nterms; j++)
	{
		const char *term = j == 0 ? "(Intercept)" : data->terms[j - 1].name;

		if (!oracle_has(oracle, name, term))
		{
			assert_true(j == 0 && model_estimate(model, 0, 0) == 0);
			continue;
		}
		assert_close(model_estimate(model, 0, j), oracle_value(oracle, name, term, "value"), 1e-10, 0);
		assert_close(model_std_error(model, 0, j), oracle_value(oracle, name, term, "error"), 1e-10, 0);
	}
	for (int s = 0; s < (int) (sizeof(statistics) / sizeof(statistics[0])); s++)
		assert_close(model_number(model, statistics[s]), oracle_value(oracle, name, statistics[s], "value"), 1e-10, 0);
	assert_close(model_number(model, "iterations"), 1, 0, 0);
	assert_true(model_number(model, "condition_number") >= 1);
}

static void
agrees_with_lm(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	Csv		   *csv = csv_read(env, "test/oracle/glm_data.csv");
	Csv		   *oracle = csv_read(env, "test/oracle/lm.csv");
	static const char *const five[] = {"x1", "x2", "x3", "x4", "x5"};
	static const char *const three[] = {"x1", "x3", "x4"};
	static const char *const two[] = {"x1", "x4"};
	static const char *const one[] = {"x4"};
	FitData    *data;
	double	   *copy;

	check_case(env, new_fit(env, csv, five, 5), oracle, "plain");
	data = new_fit(env, csv, five, 5);
	add_weights(env, data, csv, 1);
	check_case(env, data, oracle, "weights");
	data = new_fit(env, csv, five, 5);
	add_weights(env, data, csv, 7);
	data->block_rows = 13;
	data->shuffle_tree = true;
	check_case(env, data, oracle, "fractions");
	data = new_fit(env, csv, five, 5);
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	check_case(env, data, oracle, "no_intercept");
	data = new_fit(env, csv, three, 3);
	add_weights(env, data, csv, 1);
	assert_ok(env, params_set_boolean(env, &data->params, "fit_intercept", false));
	check_case(env, data, oracle, "no_intercept_weights");
	check_case(env, new_fit(env, csv, one, 1), oracle, "only_intercept_differs");

	assert_int_equal(test->logs, 0);
	data = new_fit(env, csv, two, 2);
	copy = env_alloc(env, (size_t) data->n, sizeof(double));
	for (int i = 0; i < data->n; i++)
		copy[i] = 2 * data->x[i] - data->x[data->n + i];
	fit_data_add_column(env, data, "copy", copy);
	for (int i = 0; i < data->n; i++)
		copy[i] = csv_number(csv, i, csv_column(csv, "x2"));
	fit_data_add_column(env, data, "x2", copy);
	check_case(env, data, oracle, "aliased");
	assert_int_equal(test->logs, 1);
	assert_string_equal(test->last_log, "term \"copy\" is constant or a linear combination of other terms and has no coefficient");
}

/* As many coefficients as rows: nothing is left, not even rounding. */
static void
saturated_designs_leave_nothing(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {44};

	for (int round = 0; round < 40; round++)
	{
		bool		intercept = round % 2 == 0;
		int			rows = 2 + round % 5;
		Design		design = design_random(env, &random, rows, rows - (intercept ? 1 : 0), round % 3 == 0, 10);
		LinearSolution solution = design_solve(env, design_state(env, &design, 0, rows, rows), intercept, 0);

		assert_true(solution.df_residual == 0);
		assert_true(solution.rss == 0);
	}
}

static void
notices_name_whole_terms(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	Term		terms[40];
	bool		aliased[40];

	for (int j = 0; j < 40; j++)
	{
		terms[j].name = env_sprintf(env, "some_rather_long_name_%d", j);
		aliased[j] = j % 2 == 0;
	}
	assert_ok(env, linear_report_aliased(env, terms, 40, aliased));
	assert_int_equal(strncmp(test->last_log, "20 terms are constant or linear combinations", 44), 0);
	assert_non_null(strstr(test->last_log, "\"some_rather_long_name_0\", \"some_rather_long_name_2\""));
	assert_non_null(strstr(test->last_log, "\" and "));
	assert_string_equal(test->last_log + strlen(test->last_log) - 5, " more");
	/* a name that does not fit is counted, not cut */
	terms[0].name = env_alloc(env, 1001, 1);
	memset(terms[0].name, 'n', 1000);
	assert_ok(env, linear_report_aliased(env, terms, 1, aliased));
	assert_null(strstr(test->last_log, "nnnn"));
}

/* Prediction and its parts: intercept and products, the same for any number of terms. */
static void
scores_are_the_linear_form(void **state)
{
	CoreEnv    *env = *state;
	TestRandom	random = {401};

	for (int nterms = 0; nterms <= 11; nterms++)
	{
		FitData    *data = fit_data_create(env, algorithm_find("linear"), TASK_REGRESSION, 60, nterms);
		Model	   *model;

		for (int i = 0; i < 60; i++)
		{
			data->y[i] = test_random_normal(&random);
			for (int j = 0; j < nterms; j++)
				data->x[j * 60 + i] = test_random_normal(&random);
		}
		model = fit_data_model(env, data);
		for (int i = 0; i < 60; i++)
		{
			double		expected = model_estimate(model, 0, 0);
			double		margin;

			for (int j = 0; j < nterms; j++)
				expected += model_estimate(model, 0, j + 1) * data->x[j * 60 + i];
			fit_data_margins(env, data, model, i, &margin);
			assert_close(margin, expected, 1e-14, 1);
		}
	}
}

static void
foreign_arrays_are_refused(void **state)
{
	CoreEnv    *env = *state;
	FitData    *data = fit_data_create(env, algorithm_find("linear"), TASK_REGRESSION, 5, 2);
	Model	   *model;
	double	   *estimate;

	for (int i = 0; i < 5; i++)
	{
		data->y[i] = i * i;
		data->x[i] = i;
		data->x[5 + i] = i % 2;
	}
	model = fit_data_model(env, data);
	estimate = model_array(model, "estimate")->data;
	estimate[1] = NAN;
	assert_ok(env, algorithm_bind(env, model));
	estimate[1] = INFINITY;
	assert_int_equal(algorithm_bind(env, model), CORE_CORRUPT);
	estimate[1] = 1;
	model->noutputs = 2;
	assert_int_equal(algorithm_bind(env, model), CORE_CORRUPT);
	model->noutputs = 1;
	model->link = LINK_LOG;
	assert_int_equal(algorithm_bind(env, model), CORE_CORRUPT);
	model->link = LINK_IDENTITY;
	model->task = TASK_BINARY;
	assert_int_equal(algorithm_bind(env, model), CORE_CORRUPT);
	model->task = TASK_REGRESSION;
	model->transform->nterms = 3;
	assert_int_equal(algorithm_bind(env, model), CORE_CORRUPT);
	assert_non_null(strstr(env->message, "estimate"));
}

/* A state of Longley, with some rows still waiting. */
static RunningState *
longley_state(CoreEnv *env, int waiting)
{
	const NistProblem *problem = &nist_problems[0];
	size_t		size;
	size_t		doubles;
	RunningState *running;
	double	   *workspace;

	assert_true(running_state_size(6, 20, &size));
	running = env_alloc(env, size, 1);
	running_state_init(running, 6, 20);
	assert_true(linear_workspace_size(6, 20, &doubles));
	workspace = env_alloc(env, doubles, sizeof(double));
	for (int i = 0; i < problem->nrows; i++)
	{
		for (int j = 0; j < 7; j++)
			running_state_column(running, j)[running->count] = problem->data[7 * i + (j + 1) % 7];
		running->count++;
		if (i == problem->nrows - 1 - waiting)
			assert_ok(env, running_state_flush(env, running, workspace));
	}
	assert_int_equal(running->count, waiting);
	assert_ok(env, running_state_check(env, running, size));
	return running;
}

static void
models_from_states(void **state)
{
	CoreEnv    *env = *state;
	static const char *const names[] = {"deflator", "gnp", "unemployed", "forces", "population", "year"};
	ParamSet	params;

	assert_ok(env, params_init(env, &params, "linear", algorithm_linear.params));
	for (int waiting = 0; waiting <= 15; waiting += 5)
	{
		LinearState *joined;
		Model	   *model;
		Coefficient *table;
		int			count;

		assert_ok(env, running_state_join(env, longley_state(env, waiting), &joined));
		assert_int_equal(joined->nrows, 16);
		assert_ok(env, linear_model_from_state(env, joined, &params, waiting > 0 ? names : NULL, "employed", &model));
		assert_ok(env, algorithm_bind(env, model));
		assert_ok(env, transform_validate(env, model->transform, &model->schema));
		assert_string_equal(model->target.name, "employed");
		assert_string_equal(model->schema.features[5].name, waiting > 0 ? "year" : "x6");
		assert_ok(env, model_coefficients(env, model, 0.95, &table, &count));
		assert_int_equal(count, 7);
		assert_string_equal(table[0].term, "(Intercept)");
		assert_string_equal(table[2].term, waiting > 0 ? "gnp" : "x2");
		for (int j = 0; j < 7; j++)
		{
			assert_close(table[j].estimate, nist_problems[0].coefficient[j], 1e-12, 0);
			assert_close(table[j].std_error, nist_problems[0].std_error[j], 1e-12, 0);
			assert_close(table[j].statistic, table[j].estimate / table[j].std_error, 1e-15, 0);
			/* qt(0.975, 9) */
			assert_close(table[j].conf_high - table[j].estimate, 2.26215716279820 * table[j].std_error, 1e-12, 0);
			assert_close(table[j].estimate - table[j].conf_low, 2.26215716279820 * table[j].std_error, 1e-12, 0);
		}
		/* as summary.lm prints them */
		assert_close(table[6].p_value, 0.00303680334163, 1e-11, 0);
		assert_int_equal(model_coefficients(env, model, 1, &table, &count), CORE_INVALID);
	}
}

/* More numbers than a table has columns are one vector. */
static void
wide_states_give_a_vector(void **state)
{
	CoreEnv    *env = *state;
	int			p = LINEAR_MAX_FEATURES + 1;
	size_t		size;
	LinearState *wide;
	ParamSet	params;
	Model	   *model;

	assert_ok(env, params_init(env, &params, "linear", algorithm_linear.params));
	assert_true(linear_state_size(p, &size));
	wide = env_alloc(env, 1, size);
	linear_state_init(wide, p);
	wide->nrows = 5;
	wide->weight = wide->weight_squares = 5;
	for (int j = 0; j <= p; j++)
	{
		wide->data[j] = j;
		/* two terms of which the first is half of the target */
		if (j < 2 || j == p)
			linear_state_column(wide, j)[j % p] = j == p ? 6 : 3;
	}
	assert_ok(env, linear_model_from_state(env, wide, &params, NULL, "y", &model));
	assert_ok(env, algorithm_bind(env, model));
	assert_ok(env, transform_validate(env, model->transform, &model->schema));
	assert_int_equal(model->schema.count, 1);
	assert_int_equal(model->schema.features[0].kind, FEATURE_VECTOR);
	assert_int_equal(model->schema.features[0].width, p);
	assert_string_equal(model->transform->terms[1].name, "x[2]");
	assert_close(model_estimate(model, 0, 1), 2, 1e-15, 0);
	assert_true(model_estimate(model, 0, 2) == 0);
	assert_true(isnan(model_estimate(model, 0, 3)));
	assert_close(model_estimate(model, 0, 0), p, 1e-15, 0);
}

static void
running_states(void **state)
{
	CoreEnv    *env = *state;
	RunningState *running = longley_state(env, 3);
	RunningState *larger;
	LinearState *a;
	LinearState *b;
	size_t		size;
	size_t		doubles;

	/* another capacity holds the same rows */
	assert_true(running_state_size(6, 50, &size));
	larger = env_alloc(env, size, 1);
	running_state_resize(larger, running, 50);
	assert_ok(env, running_state_check(env, larger, size));
	assert_ok(env, running_state_join(env, running, &a));
	assert_ok(env, running_state_join(env, larger, &b));
	assert_true(linear_state_size(6, &doubles));
	assert_memory_equal(a, b, doubles);
	assert_int_equal(running->count, 3);

	/* rows that are not finite drop out wherever they are */
	larger->count = 8;
	for (int j = 0; j < 7; j++)
	{
		double	   *column = running_state_column(larger, j);

		column[7] = column[2];
		column[5] = column[1];
		column[2] = column[0];
		column[0] = column[1] = column[3] = column[4] = column[6] = 0;
	}
	running_state_column(larger, 0)[0] = NAN;
	running_state_column(larger, 6)[1] = INFINITY;
	running_state_column(larger, 3)[3] = -INFINITY;
	running_state_column(larger, 5)[4] = NAN;
	running_state_column(larger, 2)[6] = NAN;
	assert_ok(env, running_state_join(env, larger, &b));
	assert_memory_equal(a, b, doubles);

	/* finite values that are too large are an error, not a missing row */
	running_state_column(larger, 0)[2] = 1e305;
	assert_int_equal(running_state_join(env, larger, &b), CORE_NUMERIC);

	assert_false(running_state_size(6, -1, &size));
	assert_false(running_state_size(6, RUNNING_MAX_ROWS + 1, &size));
	assert_false(running_state_size(-1, 10, &size));
}

static void
forged_running_states_are_refused(void **state)
{
	CoreEnv    *env = *state;
	RunningState *good = longley_state(env, 3);
	size_t		size;
	RunningState *bad;

	assert_true(running_state_size(6, 20, &size));
	bad = env_alloc(env, size, 1);
#define REFUSED(change) \
	do { \
		memcpy(bad, good, size); \
		change; \
		assert_int_equal(running_state_check(env, bad, size), CORE_CORRUPT); \
	} while (0)
	REFUSED(bad->magic[3] ^= 1);
	REFUSED(bad->count = 21);
	REFUSED(bad->count = -1);
	REFUSED(bad->capacity = 19);
	REFUSED(bad->capacity = INT32_MAX);
	REFUSED(bad->capacity = -5);
	REFUSED(running_state_linear(bad)->nterms = 7);
	REFUSED(running_state_linear(bad)->nterms = -1);
	REFUSED(running_state_linear(bad)->nterms = INT32_MAX);
	REFUSED(running_state_linear(bad)->weight = NAN);
	REFUSED(running_state_linear(bad)->data[3] = INFINITY);
	for (size_t length = 0; length < size; length += 7)
		assert_int_equal(running_state_check(env, good, length), CORE_CORRUPT);
	assert_false(running_state_is(good, 10));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(agrees_with_lm),
		TEST(saturated_designs_leave_nothing),
		TEST(notices_name_whole_terms),
		TEST(scores_are_the_linear_form),
		TEST(foreign_arrays_are_refused),
		TEST(models_from_states),
		TEST(wide_states_give_a_vector),
		TEST(running_states),
		TEST(forged_running_states_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
