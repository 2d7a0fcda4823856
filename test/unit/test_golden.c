/*
 * test_golden.c: values written by every released format version still decode and predict the same bits.
 *
 * test/data/golden/vN/NAME.model holds the bytes, NAME.scores the responses to the probe rows of fixture.c as hexadecimal
 * floating-point numbers. Files are never changed. To add one: a line in the table, then
 *
 *     MLOPS_WRITE_GOLDEN=1 build/unit/test_golden
 *
 * from the top directory, which writes what is missing, and the seeds of the fuzzers with it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "format/base64.h"
#include "format/model_format.h"
#include "fixture.h"
#include "support.h"

#define MAX_RESPONSES 3
#define PROBES 40				/* half of them rows that training saw, half not */
#define PATH_SIZE 200
#define STATE_ROWS 20
#define STATE_MAX 4

typedef struct Golden
{
	int			version;
	const char *name;
	const char *algorithm;
	Task		task;
	FixtureVariant variant;
	const char *params[4];
} Golden;

static const Golden goldens[] = {
	{1, "linear", "linear", TASK_REGRESSION, FIXTURE_PLAIN, {NULL}},
	{1, "linear_rich", "linear", TASK_REGRESSION, FIXTURE_RICH, {"reg_lambda=0.5", NULL}},
	{1, "elastic_net", "elastic_net", TASK_REGRESSION, FIXTURE_PLAIN, {"alpha=0.05", NULL}},
	{1, "lasso_path", "elastic_net", TASK_REGRESSION, FIXTURE_RICH, {"l1_ratio=1", "n_alphas=20", NULL}},
	{1, "logistic", "logistic", TASK_BINARY, FIXTURE_PLAIN, {NULL}},
	{1, "logistic_rich", "logistic", TASK_BINARY, FIXTURE_RICH, {"C=2", "class_weight=balanced", NULL}},
	{1, "logistic_weights", "logistic", TASK_BINARY, FIXTURE_PLAIN, {"class_weight:y\xC3\xA9s=5", NULL}},
	{1, "multinomial", "logistic", TASK_MULTICLASS, FIXTURE_RICH, {"reg_lambda=1", NULL}},
	{1, "poisson", "glm", TASK_REGRESSION, FIXTURE_PLAIN, {"family=poisson", NULL}},
	{1, "gamma", "glm", TASK_REGRESSION, FIXTURE_PLAIN, {"family=gamma", "link=log", NULL}},
	{1, "probit", "glm", TASK_BINARY, FIXTURE_PLAIN, {"family=binomial", "link=probit", NULL}},
	{1, "cloglog", "glm", TASK_BINARY, FIXTURE_RICH, {"family=binomial", "link=cloglog", NULL}},
	{1, "naive_bayes", "naive_bayes", TASK_BINARY, FIXTURE_PLAIN, {NULL}},
	{1, "gbm", "gbm", TASK_BINARY, FIXTURE_PLAIN, {"n_estimators=5", NULL}},
	{1, "gbm_huber", "gbm", TASK_REGRESSION, FIXTURE_RICH, {"n_estimators=4", "objective=huber", NULL}},
	{1, "gbm_classes", "gbm", TASK_MULTICLASS, FIXTURE_PLAIN, {"n_estimators=3", "num_leaves=4", NULL}},
	{1, "isolation", "isolation_forest", TASK_ANOMALY, FIXTURE_PLAIN, {"n_estimators=5", "contamination=0.1", NULL}},
	{1, "isolation_forest", "isolation_forest", TASK_ANOMALY, FIXTURE_PLAIN, {"n_estimators=5", "max_samples=32", NULL}},
	{1, "forest", "random_forest", TASK_REGRESSION, FIXTURE_RICH, {"n_estimators=3", "min_samples_leaf=10", NULL}},
	{1, "forest_binary", "random_forest", TASK_BINARY, FIXTURE_PLAIN, {"n_estimators=3", "max_depth=4", NULL}},
	{1, "forest_classes", "random_forest", TASK_MULTICLASS, FIXTURE_PLAIN, {"n_estimators=2", "max_leaf_nodes=12", NULL}},
	{1, "tree", "decision_tree", TASK_REGRESSION, FIXTURE_PLAIN, {"ccp_alpha=0.05", NULL}},
	{1, "tree_binary", "decision_tree", TASK_BINARY, FIXTURE_RICH, {"max_depth=4", NULL}},
	{1, "tree_classes", "decision_tree", TASK_MULTICLASS, FIXTURE_PLAIN, {"min_samples_leaf=20", NULL}},
	{1, "naive_bayes_rich", "naive_bayes", TASK_MULTICLASS, FIXTURE_RICH, {"alpha=0.5", NULL}},
};

#define GOLDEN_COUNT (sizeof(goldens) / sizeof(goldens[0]))

static int64_t
probe(int i)
{
	return FIXTURE_ROWS - PROBES / 2 + i;
}

static const char *
path(const Golden *golden, const char *suffix)
{
	static char text[PATH_SIZE];

	snprintf(text, sizeof(text), "test/data/golden/v%d/%s.%s", golden->version, golden->name, suffix);
	return text;
}

static uint8_t *
read_file(CoreEnv *env, const char *name, size_t *length)
{
	FILE	   *file = fopen(name, "rb");
	uint8_t    *bytes;
	long		size;

	if (file == NULL)
		fail_msg("%s is missing", name);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes = env_alloc(env, (size_t) size + 1, 1);
	assert_int_equal(fread(bytes, 1, (size_t) size, file), size);
	fclose(file);
	*length = (size_t) size;
	return bytes;
}

static void
write_file(const char *name, const void *bytes, size_t length)
{
	FILE	   *file = fopen(name, "wb");

	if (file == NULL)
		fail_msg("%s cannot be written", name);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

/* The bytes of a golden model, the seeds of the fuzzers that they make, and its predictions. */
static void
write_golden(CoreEnv *env, const Golden *golden)
{
	Model	   *model = fixture_model(env, algorithm_find(golden->algorithm), golden->task, golden->variant, golden->params);
	uint8_t    *bytes;
	size_t		length;
	char	   *text;
	char		name[PATH_SIZE];
	FILE	   *scores;

	assert_ok(env, model_encode(env, model, 0, &bytes, &length));
	write_file(path(golden, "model"), bytes, length);
	snprintf(name, sizeof(name), "test/fuzz/corpus/model/%s", golden->name);
	write_file(name, bytes, length);
	text = env_alloc(env, base64_length(length), 1);
	base64_encode(env, bytes, length, text);
	snprintf(name, sizeof(name), "test/fuzz/corpus/text/%s", golden->name);
	write_file(name, text, base64_length(length));

	scores = fopen(path(golden, "scores"), "w");
	assert_non_null(scores);
	for (int i = 0; i < PROBES; i++)
	{
		double		response[MAX_RESPONSES];

		fixture_response(env, model, probe(i), response);
		for (int k = 0; k < model_response_count(model); k++)
			fprintf(scores, "%s%a", k > 0 ? " " : "", response[k]);
		fprintf(scores, "\n");
	}
	fclose(scores);
}

/* Rows (i, i^2 % 7, ...) -> i % 5 with weights 1 and 2. */
static LinearState *
golden_state(CoreEnv *env, int nterms)
{
	double		x[4 * STATE_ROWS];
	double		y[STATE_ROWS];
	double		w[STATE_ROWS];
	size_t		size;
	size_t		doubles;
	LinearState *state;

	for (int i = 0; i < STATE_ROWS; i++)
	{
		for (int j = 0; j < nterms; j++)
			x[j * STATE_ROWS + i] = j % 2 ? i * i % (7 + j) : (i * (j + 3)) % 11;
		y[i] = i % 5;
		w[i] = 1 + i % 2;
	}
	assert_true(linear_state_size(nterms, &size) && linear_workspace_size(nterms, STATE_ROWS, &doubles));
	state = env_alloc(env, size, 1);
	linear_state_init(state, nterms);
	assert_ok(env, linear_state_add(env, state, STATE_ROWS, x, STATE_ROWS, y, w, env_alloc(env, doubles, sizeof(double))));
	return state;
}

static void
write_states(CoreEnv *env)
{
	for (int nterms = 0; nterms <= STATE_MAX; nterms++)
	{
		char		name[PATH_SIZE];
		uint8_t    *bytes;
		size_t		length;

		assert_ok(env, state_encode(env, golden_state(env, nterms), 0, &bytes, &length));
		snprintf(name, sizeof(name), "test/fuzz/corpus/state/terms_%d", nterms);
		write_file(name, bytes, length);
		snprintf(name, sizeof(name), "test/data/golden/v1/terms_%d.state", nterms);
		write_file(name, bytes, length);
	}
}

static void
write_missing(CoreEnv *env)
{
	static const char *const directories[] = {
		"test/data/golden", "test/data/golden/v1", "test/fuzz/corpus", "test/fuzz/corpus/model", "test/fuzz/corpus/state",
		"test/fuzz/corpus/text"
	};
	FILE	   *states;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		mkdir(directories[i], 0777);
	for (size_t i = 0; i < GOLDEN_COUNT; i++)
	{
		FILE	   *file = fopen(path(&goldens[i], "model"), "rb");

		if (file == NULL)
			write_golden(env, &goldens[i]);
		else
			fclose(file);
	}
	states = fopen("test/data/golden/v1/terms_0.state", "rb");
	if (states == NULL)
		write_states(env);
	else
		fclose(states);
}

/* The state of the same rows today, up to rounding of other BLAS builds; its sums of squares, which no rotation changes. */
static void
same_states(void **state)
{
	CoreEnv    *env = *state;

	for (int nterms = 0; nterms <= STATE_MAX; nterms++)
	{
		LinearState *expected = golden_state(env, nterms);
		LinearState *found;
		char		name[PATH_SIZE];
		uint8_t    *bytes;
		size_t		length;

		snprintf(name, sizeof(name), "test/data/golden/v1/terms_%d.state", nterms);
		bytes = read_file(env, name, &length);
		assert_ok(env, state_decode(env, bytes, length, false, &found));
		assert_int_equal(found->nterms, nterms);
		assert_true(found->nrows == expected->nrows && found->weight == expected->weight);
		for (int j = 0; j <= nterms; j++)
		{
			double		found_squares = 0;
			double		expected_squares = 0;

			assert_close(found->data[j], expected->data[j], 1e-14, 1.0);
			for (int i = 0; i <= j; i++)
			{
				found_squares += linear_state_column(found, j)[i] * linear_state_column(found, j)[i];
				expected_squares += linear_state_column(expected, j)[i] * linear_state_column(expected, j)[i];
			}
			assert_close(found_squares, expected_squares, 1e-13, 1.0);
		}
	}
}

static void
same_predictions(void **state)
{
	CoreEnv    *env = *state;

	for (size_t i = 0; i < GOLDEN_COUNT; i++)
	{
		const Golden *golden = &goldens[i];
		Model	   *model;
		uint8_t    *bytes;
		size_t		length;
		char	   *next;

		bytes = read_file(env, path(golden, "model"), &length);
		assert_ok(env, model_decode(env, bytes, length, false, &model));
		assert_string_equal(model->algorithm->name, golden->algorithm);
		assert_int_equal(model->task, golden->task);
		next = (char *) read_file(env, path(golden, "scores"), &length);
		for (int row = 0; row < PROBES; row++)
		{
			double		response[MAX_RESPONSES];

			fixture_response(env, model, probe(row), response);
			for (int k = 0; k < model_response_count(model); k++)
			{
				double		expected = strtod(next, &next);

				if (response[k] != expected && !(isnan(response[k]) && isnan(expected)))
					fail_msg("%s, row %d: %a instead of %a", golden->name, row, response[k], expected);
			}
		}
		assert_int_equal(*next, '\n');
		assert_int_equal(next[1], '\0');
	}
}

/* Whatever can be fitted has its golden value. */
static void
require_golden(CoreEnv *env, const Algorithm *algorithm, Task task, FixtureVariant variant)
{
	(void) env;
	(void) variant;
	for (size_t i = 0; i < GOLDEN_COUNT; i++)
	{
		if (strcmp(goldens[i].algorithm, algorithm->name) == 0 && goldens[i].task == task)
			return;
	}
	fail_msg("algorithm \"%s\" has no golden model of task %s: see the top of this file", algorithm->name, task_name(task));
}

static void
every_algorithm_has_one(void **state)
{
	fixture_each(*state, require_golden);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(same_predictions),
		TEST(same_states),
		TEST(every_algorithm_has_one),
	};

	if (getenv("MLOPS_WRITE_GOLDEN") != NULL)
	{
		TestEnv		env;

		write_missing(test_env_init(&env));
		test_env_free(&env);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
