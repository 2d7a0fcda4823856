/*
 * test_model_score.c: from margins to responses and classes, and the arrays and numbers of a model.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

#include "core/algorithm.h"

/* Margin 0 is the sum of the terms, margin k that times k + 1; says when its scratch is missing. */
static void
sum_score(const Model *model, const double *terms, double *scratch, double *out)
{
	double		sum = 0;

	for (int j = 0; j < model->transform->nterms; j++)
		sum += terms[j];
	scratch[0] = sum;
	scratch[2] = 1;
	for (int k = 0; k < model->noutputs; k++)
		out[k] = scratch[0] * (k + scratch[2]);
}

static int
three_doubles(const Model *model)
{
	(void) model;
	return 3;
}

static const Algorithm sum_algorithm = {.name = "sum", .score = sum_score, .scratch = three_doubles};

static Model *
new_model(CoreEnv *env, Task task, Link link, int nclasses)
{
	Model	   *model = env_alloc(env, 1, sizeof(Model));

	model->algorithm = &sum_algorithm;
	model->task = task;
	model->link = link;
	model->noutputs = task == TASK_MULTICLASS ? nclasses : 1;
	model->target.nclasses = nclasses;
	model->target.positive = 1;
	model->target.threshold = 0.5;
	model->transform = env_alloc(env, 1, sizeof(Transform));
	model->transform->nterms = 2;
	return model;
}

static double
respond(const Model *model, double margin)
{
	double		out[2];

	model_respond(model, &margin, out);
	return out[model->task == TASK_BINARY ? model->target.positive : 0];
}

static void
links(void **state)
{
	CoreEnv    *env = *state;

	for (double m = -3; m <= 3; m += 0.37)
	{
		assert_close(respond(new_model(env, TASK_REGRESSION, LINK_IDENTITY, 0), m), m, 0, 0);
		assert_close(respond(new_model(env, TASK_REGRESSION, LINK_LOG, 0), m), exp(m), 1e-15, 0);
		assert_close(respond(new_model(env, TASK_REGRESSION, LINK_INVERSE, 0), m), 1 / m, 1e-15, 0);
		assert_close(respond(new_model(env, TASK_REGRESSION, LINK_SQRT, 0), m), m * m, 1e-15, 0);
		assert_close(respond(new_model(env, TASK_REGRESSION, LINK_INVERSE_SQUARE, 0), m * m), 1 / fabs(m), 1e-15, 0);
		assert_close(respond(new_model(env, TASK_BINARY, LINK_LOGIT, 2), m), 1 / (1 + exp(-m)), 1e-15, 0);
		assert_close(respond(new_model(env, TASK_BINARY, LINK_PROBIT, 2), m), erfc(-m / sqrt(2)) / 2, 1e-14, 0);
		assert_close(respond(new_model(env, TASK_BINARY, LINK_CLOGLOG, 2), m), -expm1(-exp(m)), 1e-15, 0);
	}
}

static void
binary_probabilities_stand_in_the_order_of_classes(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = new_model(env, TASK_BINARY, LINK_LOGIT, 2);
	double		margin = 2;
	double		out[2];

	for (int positive = 0; positive < 2; positive++)
	{
		model->target.positive = positive;
		model_respond(model, &margin, out);
		assert_close(out[positive], 1 / (1 + exp(-2)), 1e-15, 0);
		assert_close(out[0] + out[1], 1, 1e-16, 0);
		assert_int_equal(model_class(model, out), positive);
		model->target.threshold = 0.9;
		assert_int_equal(model_class(model, out), 1 - positive);
		/* the threshold itself counts as positive, an unknown probability does not */
		model->target.threshold = out[positive];
		assert_int_equal(model_class(model, out), positive);
		out[positive] = NAN;
		assert_int_equal(model_class(model, out), 1 - positive);
		model->target.threshold = 0.5;
	}
	assert_int_equal(model_response_count(model), 2);
}

static void
multiclass_probabilities(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = new_model(env, TASK_MULTICLASS, LINK_SOFTMAX, 3);
	double		margins[3] = {1, 3, 2};
	double		out[3];

	model_respond(model, margins, out);
	assert_close(out[0] + out[1] + out[2], 1, 1e-15, 0);
	assert_close(out[1] / out[2], exp(1), 1e-15, 0);
	assert_int_equal(model_class(model, out), 1);
	assert_true(margins[0] == 1);
	out[2] = out[1];
	assert_int_equal(model_class(model, out), 1);
	out[0] = out[1];
	assert_int_equal(model_class(model, out), 0);
	assert_int_equal(model_response_count(model), 3);
}

static void
targets_are_mapped_back(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = new_model(env, TASK_REGRESSION, LINK_IDENTITY, 0);

	model->target.map = TARGET_LOG;
	assert_close(respond(model, 1.5), exp(1.5), 1e-15, 0);
	model->target.map = TARGET_LOG1P;
	assert_close(respond(model, 1.5), expm1(1.5), 1e-15, 0);
	assert_int_equal(model_response_count(model), 1);
	assert_int_equal(model_class(new_model(env, TASK_CLUSTERING, LINK_IDENTITY, 0), (const double[]) {4}), 4);
}

static void
calibration(void **state)
{
	static double x[] = {0.1, 0.4, 0.5, 0.9};
	static double y[] = {0, 0.3, 0.3, 1};
	Calibration isotonic = {CALIBRATE_ISOTONIC, 0, 0, 4, x, y};
	Calibration platt = {CALIBRATE_PLATT, 2, -1, 0, NULL, NULL};
	Calibration none = {CALIBRATE_NONE, 0, 0, 0, NULL, NULL};
	Calibration one_knot = {CALIBRATE_ISOTONIC, 0, 0, 1, x, x + 3};

	(void) state;
	assert_true(calibration_apply(&none, 0.3) == 0.3);
	assert_true(calibration_apply(&isotonic, 0) == 0 && calibration_apply(&isotonic, 0.1) == 0);
	assert_close(calibration_apply(&isotonic, 0.2), 0.1, 1e-15, 0);
	assert_close(calibration_apply(&isotonic, 0.45), 0.3, 1e-15, 0);
	assert_close(calibration_apply(&isotonic, 0.7), 0.65, 1e-15, 0);
	assert_true(calibration_apply(&isotonic, 0.9) == 1 && calibration_apply(&isotonic, 1) == 1);
	assert_true(isnan(calibration_apply(&isotonic, NAN)));
	assert_true(calibration_apply(&one_knot, 0) == 0.9 && calibration_apply(&one_knot, 1) == 0.9);
	for (double p = 0.01; p < 1; p += 0.07)
		assert_close(calibration_apply(&platt, p), 1 / (1 + exp(-(2 * log(p / (1 - p)) - 1))), 1e-14, 0);
	/* certain scores have no infinite logit: they stay in order, and probabilities */
	assert_true(calibration_apply(&platt, 0) >= 0 && calibration_apply(&platt, 0) < 1e-10);
	assert_true(calibration_apply(&platt, 1) <= 1 && calibration_apply(&platt, 1) > 1 - 1e-10);
	platt.slope = 0;
	assert_close(calibration_apply(&platt, 0), 1 / (1 + exp(1)), 1e-15, 0);
	assert_close(calibration_apply(&platt, 1), 1 / (1 + exp(1)), 1e-15, 0);
}

/* Scratch holds terms, margins and what the algorithm asks for; the sanitizer watches its end. */
static void
scratch_is_as_large_as_promised(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = new_model(env, TASK_MULTICLASS, LINK_SOFTMAX, 4);
	const double terms[2] = {0.25, 0.5};
	double	   *scratch;
	double		out[4];

	assert_int_equal(model_scratch_size(model), 2 + 4 + 3);
	scratch = env_alloc(env, (size_t) model_scratch_size(model), sizeof(double));
	model_response_terms(model, terms, scratch, out);
	assert_close(out[3] / out[2], exp(0.75), 1e-15, 0);
}

static void
arrays_and_numbers(void **state)
{
	CoreEnv    *env = *state;
	TestEnv    *test = *state;
	Model	   *model = new_model(env, TASK_REGRESSION, LINK_IDENTITY, 0);
	const ModelArray *array;
	void	   *data;
	char		name[32];

	for (int i = 0; i < 40; i++)
	{
		snprintf(name, sizeof(name), "array_%d", i);
		assert_ok(env, model_add_array(env, model, name, i % 2 ? ARRAY_F64 : ARRAY_I32, i, 3, &data));
		if (i > 0)
			memset(data, i, (size_t) i * 3 * array_type_size(i % 2 ? ARRAY_F64 : ARRAY_I32));
		assert_ok(env, model_add_number(env, model, name, i));
	}
	assert_int_equal(model->narrays, 40);
	assert_string_equal(model->arrays[17].name, "array_17");
	assert_ok(env, model_require(env, model, "array_17", ARRAY_F64, 17, 3, &array));
	assert_int_equal(((const uint8_t *) array->data)[17 * 3 * 8 - 1], 17);
	assert_ok(env, model_require(env, model, "array_17", ARRAY_F64, -1, -1, &array));
	assert_int_equal(model_require(env, model, "array_17", ARRAY_I32, 17, 3, &array), CORE_CORRUPT);
	assert_int_equal(model_require(env, model, "array_17", ARRAY_F64, 16, 3, &array), CORE_CORRUPT);
	assert_int_equal(model_require(env, model, "array_17", ARRAY_F64, 17, 4, &array), CORE_CORRUPT);
	assert_int_equal(model_require(env, model, "array_99", ARRAY_F64, 17, 3, &array), CORE_CORRUPT);
	assert_non_null(strstr(env->message, "array_99"));
	assert_null(model_array(model, "array_99"));
	assert_close(model_number(model, "array_39"), 39, 0, 0);
	assert_true(isnan(model_number(model, "array_99")));

	assert_int_equal(model_add_array(env, model, "huge", ARRAY_F64, INT64_MAX, INT64_MAX, &data), CORE_TOO_LARGE);
	assert_int_equal(model_add_array(env, model, "negative", ARRAY_F64, -1, 1, &data), CORE_TOO_LARGE);
	for (int limit = 0; limit < 2; limit++)
	{
		test->fail_after = test->allocations + limit;
		assert_int_equal(model_add_array(env, model, "refused", ARRAY_U8, 1, 1, &data), CORE_NO_MEMORY);
	}
	assert_null(model_array(model, "refused"));
}

static void
coefficients_of_classes(void **state)
{
	CoreEnv    *env = *state;
	char	   *classes[3] = {env_strdup(env, "a"), env_strdup(env, "b"), env_strdup(env, "c")};

	for (int rows = 2; rows <= 3; rows++)
	{
		Model	   *model = new_model(env, TASK_MULTICLASS, LINK_SOFTMAX, 3);
		Coefficient *table;
		double	   *estimate;
		int			count;

		model->target.classes = classes;
		model->transform->terms = env_alloc(env, 2, sizeof(Term));
		model->transform->terms[0].name = env_strdup(env, "one");
		model->transform->terms[1].name = env_strdup(env, "two");
		assert_int_equal(model_coefficients(env, model, 0.9, &table, &count), CORE_UNSUPPORTED);
		assert_ok(env, model_add_array(env, model, "estimate", ARRAY_F64, rows, 3, (void **) &estimate));
		for (int i = 0; i < 3 * rows; i++)
			estimate[i] = i;
		assert_ok(env, model_coefficients(env, model, 0.9, &table, &count));
		assert_int_equal(count, 3 * rows);
		/* with one row fewer than classes the first class is the reference */
		assert_string_equal(table[0].class_name, rows == 3 ? "a" : "b");
		assert_string_equal(table[3 * rows - 1].class_name, "c");
		assert_string_equal(table[4].term, "one");
		assert_true(table[4].estimate == 4 && isnan(table[4].std_error) && isnan(table[4].p_value) && isnan(table[4].conf_low));
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(links),
		TEST(binary_probabilities_stand_in_the_order_of_classes),
		TEST(multiclass_probabilities),
		TEST(targets_are_mapped_back),
		TEST(calibration),
		TEST(scratch_is_as_large_as_promised),
		TEST(arrays_and_numbers),
		TEST(coefficients_of_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
