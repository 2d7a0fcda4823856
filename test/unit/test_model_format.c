/*
 * test_model_format.c: a decoded model is the model that was encoded, and nothing else is taken for one.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/model_format.h"
#include "format/sections.h"
#include "fixture.h"
#include "support.h"

#define MAX_RESPONSES 3

/* A model to take apart; any algorithm will do. */
static Model *
some_model(CoreEnv *env, Task task)
{
	const Algorithm *algorithm;

	for (int i = 0; (algorithm = algorithm_at(i)) != NULL; i++)
	{
		if (algorithm->tasks & (1u << task))
			return fixture_model(env, algorithm, task, FIXTURE_PLAIN, NULL);
	}
	fail_msg("no algorithm has task %d", (int) task);
	return NULL;
}

static void
encode(CoreEnv *env, const Model *model, uint8_t **bytes, size_t *length)
{
	assert_ok(env, model_encode(env, model, 0, bytes, length));
}

static void
assert_same_predictions(CoreEnv *env, const Model *a, const Model *b)
{
	double		a_response[MAX_RESPONSES];
	double		b_response[MAX_RESPONSES];

	assert_int_equal(model_response_count(a), model_response_count(b));
	for (int64_t i = 0; i < 2 * FIXTURE_ROWS; i++)
	{
		fixture_response(env, a, i, a_response);
		fixture_response(env, b, i, b_response);
		for (int k = 0; k < model_response_count(a); k++)
			assert_true(a_response[k] == b_response[k] || (isnan(a_response[k]) && isnan(b_response[k])));
	}
}

static void
check_round_trip(CoreEnv *env, const Algorithm *algorithm, Task task, FixtureVariant variant)
{
	Model	   *model = fixture_model(env, algorithm, task, variant, NULL);
	Model	   *copy;
	uint8_t    *bytes;
	uint8_t    *again;
	size_t		length;
	size_t		again_length;

	assert_ok(env, model_encode(env, model, 4, &bytes, &length));
	assert_int_equal(model_peek(bytes + 4, length - 4), 1);
	assert_ok(env, model_decode(env, bytes + 4, length - 4, false, &copy));
	assert_ok(env, model_encode(env, copy, 4, &again, &again_length));
	assert_int_equal(length, again_length);
	assert_memory_equal(bytes + 4, again + 4, length - 4);
	/* nothing of the input is needed any more */
	memset(bytes, 0xEE, length);
	assert_same_predictions(env, model, copy);

	assert_string_equal(copy->algorithm->name, algorithm->name);
	assert_int_equal(copy->task, task);
	assert_int_equal(copy->transform->nterms, model->transform->nterms);
	for (int i = 0; i < model->transform->nterms; i++)
		assert_string_equal(copy->transform->terms[i].name, model->transform->terms[i].name);
	for (int i = 0; i < model->nnumbers; i++)
	{
		double		value = model_number(copy, model->numbers[i].name);

		assert_true(value == model->numbers[i].value || (isnan(value) && isnan(model->numbers[i].value)));
	}
	for (int i = 0; i < model->target.nclasses; i++)
		assert_string_equal(copy->target.classes[i], model->target.classes[i]);
	assert_string_equal(copy->split.column, "signup");
	assert_true(copy->split.cutoff == model->split.cutoff && copy->split.nstrata == model->split.nstrata);
	assert_true(copy->calibration.slope == model->calibration.slope && copy->calibration.intercept == model->calibration.intercept);
	assert_true((copy->split.key == NULL) == (model->split.key == NULL));
	assert_true(copy->split.refit == model->split.refit && copy->target.threshold == (task == TASK_BINARY ? model->target.threshold : 0));
	assert_string_equal(copy->schema.features[4].time_zone, "Europe/Berlin");
}

static void
round_trip(void **state)
{
	fixture_each(*state, check_round_trip);
}

/* The same rows and parameters, given or by default: the same bytes. */
static void
equal_models_equal_bytes(void **state)
{
	CoreEnv    *env = *state;
	Model	   *first = some_model(env, TASK_BINARY);
	Model	   *second = some_model(env, TASK_BINARY);
	uint8_t    *a;
	uint8_t    *b;
	size_t		a_length;
	size_t		b_length;

	for (int i = 0; i < second->params.count; i++)
		second->params.values[i].given = true;
	second->transform->features[0].nfolds = 7;
	encode(env, first, &a, &a_length);
	encode(env, second, &b, &b_length);
	assert_int_equal(a_length, b_length);
	assert_memory_equal(a, b, a_length);
}

static void
truncated(void **state)
{
	CoreEnv    *env = *state;
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;

	encode(env, some_model(env, TASK_BINARY), &bytes, &length);
	for (size_t n = 0; n < length; n++)
	{
		assert_int_equal(model_decode(env, bytes, n, false, &result), CORE_CORRUPT);
		/* even if the header agrees with the length */
		if (n >= FRAME_HEADER_BYTES)
		{
			put_u64(bytes + FRAME_LENGTH_AT, n);
			assert_int_equal(model_decode(env, bytes, n, true, &result), CORE_CORRUPT);
			put_u64(bytes + FRAME_LENGTH_AT, length);
		}
	}
}

static void
every_bit_counts(void **state)
{
	CoreEnv    *env = *state;
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;

	encode(env, some_model(env, TASK_MULTICLASS), &bytes, &length);
	for (size_t at = 0; at < length; at++)
	{
		uint8_t		bit = (uint8_t) (1 << (at % 8));
		bool		version = at == FRAME_MAJOR_AT || at == FRAME_MAJOR_AT + 1;
		CoreStatus	status;

		bytes[at] ^= bit;
		status = model_decode(env, bytes, length, false, &result);
		assert_true(status == CORE_CORRUPT || (version && status == CORE_UNSUPPORTED));
		/* with a checksum that fits: an error with a message, or a model that encodes again */
		status = model_decode(env, bytes, length, true, &result);
		if (status == CORE_OK)
		{
			uint8_t    *again;
			size_t		again_length;

			assert_ok(env, model_encode(env, result, 0, &again, &again_length));
		}
		else if (status == CORE_CORRUPT)
			assert_int_equal(strncmp(env->message, "invalid model: ", 15), 0);
		else
			assert_int_equal(status, CORE_UNSUPPORTED);
		bytes[at] ^= bit;
	}
}

/* The bytes of a model with a section of this tag put in before section number `before`. */
static void
insert_section(CoreEnv *env, const uint8_t *bytes, size_t length, const char *tag, int before, uint8_t **result, size_t *result_length)
{
	static const uint8_t payload[] = {1, 2, 3};
	uint8_t    *out = env_alloc(env, length + SECTION_HEADER_BYTES + sizeof(payload), 1);
	size_t		at = FRAME_HEADER_BYTES;
	size_t		total = length + SECTION_HEADER_BYTES + sizeof(payload);

	for (int i = 0; i < before; i++)
		at += SECTION_HEADER_BYTES + get_u64(bytes + at + 4);
	memcpy(out, bytes, at);
	memcpy(out + at, tag, 4);
	put_u64(out + at + 4, sizeof(payload));
	memcpy(out + at + SECTION_HEADER_BYTES, payload, sizeof(payload));
	memcpy(out + at + SECTION_HEADER_BYTES + sizeof(payload), bytes + at, length - at);
	put_u64(out + FRAME_LENGTH_AT, total);
	put_u32(out + FRAME_SECTIONS_AT, 10);
	*result = out;
	*result_length = total;
}

static void
later_minor_versions(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = some_model(env, TASK_BINARY);
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;
	uint8_t    *extended;
	size_t		extended_length;

	encode(env, model, &bytes, &length);
	for (int before = 0; before <= 9; before++)
	{
		insert_section(env, bytes, length, "note", before, &extended, &extended_length);
		assert_int_equal(model_decode(env, extended, extended_length, true, &result), CORE_CORRUPT);
		assert_non_null(strstr(env->message, "unexpected section \"note\""));
		extended[FRAME_MINOR_AT] = 1;
		assert_ok(env, model_decode(env, extended, extended_length, true, &result));
		assert_same_predictions(env, model, result);

		insert_section(env, bytes, length, "NOTE", before, &extended, &extended_length);
		extended[FRAME_MINOR_AT] = 1;
		assert_int_equal(model_decode(env, extended, extended_length, true, &result), CORE_CORRUPT);
	}
}

static void
headers(void **state)
{
	CoreEnv    *env = *state;
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;

	encode(env, some_model(env, TASK_BINARY), &bytes, &length);
	bytes[FRAME_MAJOR_AT] = 2;
	assert_int_equal(model_decode(env, bytes, length, false, &result), CORE_UNSUPPORTED);
	assert_non_null(strstr(env->message, "format version 2.0"));
	assert_non_null(strstr(env->hint, "Update"));
	assert_int_equal(model_peek(bytes, length), 2);
	bytes[FRAME_MAJOR_AT] = 0;
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	bytes[FRAME_MAJOR_AT] = 1;
	bytes[FRAME_FLAGS_AT] = 1;
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	bytes[FRAME_FLAGS_AT] = 0;
	bytes[0] = 'M';
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	assert_int_equal(model_peek(bytes, length), 0);
	assert_int_equal(model_decode(env, bytes, 0, true, &result), CORE_CORRUPT);
	assert_int_equal(model_peek(bytes, 0), 0);
}

/* Position of the first occurrence of `text` as a string with its length. */
static size_t
find_string(const uint8_t *bytes, size_t length, const char *text)
{
	size_t		n = strlen(text);

	for (size_t at = 0; at + 4 + n <= length; at++)
	{
		if (get_u32(bytes + at) == n && memcmp(bytes + at + 4, text, n) == 0)
			return at;
	}
	fail_msg("no string \"%s\"", text);
	return 0;
}

/* Weights of classes, and that a number was chosen, are read as written; neither mark nor weights fit other types. */
static void
weights_and_choices_are_kept(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = some_model(env, TASK_BINARY);
	ParamSet   *params = &model->params;
	const double weights[] = {5, 0.25};
	static const char *const names[] = {"y\xC3\xA9s", "no"};
	const ParamValue *value;
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;
	size_t		at;

	model->algorithm = algorithm_find("logistic");
	assert_ok(env, params_init(env, params, "logistic", model->algorithm->params));
	assert_ok(env, params_set_weights(env, params, "class_weight", names, weights, 2));
	params_record(params, "tol", 1e-9);
	encode(env, model, &bytes, &length);
	assert_ok(env, model_decode(env, bytes, length, true, &result));
	value = params_get(&result->params, "class_weight");
	assert_true(value->text == NULL && value->number == -1 && value->list_length == 2);
	assert_string_equal(value->names[0], names[0]);
	assert_string_equal(value->names[1], names[1]);
	assert_memory_equal(value->list, weights, sizeof(weights));
	assert_true(params_get(&result->params, "tol")->chosen && params_number(&result->params, "tol") == 1e-9);
	assert_false(params_get(&result->params, "max_iter")->chosen);

	at = find_string(bytes, length, "class_weight") + 4 + strlen("class_weight");
	assert_int_equal(bytes[at], PARAM_WEIGHTS);
	bytes[at] |= PARAM_CHOSEN_BIT;
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	bytes[at] = PARAM_TEXT;
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	bytes[at] = PARAM_WEIGHTS;
	memset(bytes + at + 1, 0xFF, 4);	/* how many */
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	memset(bytes + at + 1, 0, 4);
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
}

/* Strings replaced by others of the same length: what they name is not there. */
static void
forged_names(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = some_model(env, TASK_BINARY);
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;
	size_t		at;

	encode(env, model, &bytes, &length);
	at = find_string(bytes, length, model->algorithm->name);
	bytes[at + 4] ^= 0x20;
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_UNSUPPORTED);
	assert_non_null(strstr(env->message, "algorithm"));
	bytes[at + 4] ^= 0x20;

	if (model->params.count > 0)
	{
		at = find_string(bytes, length, model->params.specs[0].name);
		bytes[at + 4] = '?';
		assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_UNSUPPORTED);
		assert_non_null(strstr(env->message, "parameter"));
	}

	encode(env, model, &bytes, &length);
	at = find_string(bytes, length, "signup");
	bytes[at + 4] = 0xFF;
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	assert_non_null(strstr(env->message, "UTF-8"));
	bytes[at + 4] = 0;
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	encode(env, model, &bytes, &length);
	at = find_string(bytes, length, "active");
	memcpy(bytes + at + 4, "signup", 6);
	assert_int_equal(model_decode(env, bytes, length, true, &result), CORE_CORRUPT);
	assert_non_null(strstr(env->message, "two features"));
}

/* A model that breaks a rule is not stored; `break_it` breaks one. */
static void
assert_refused(CoreEnv *env, Task task, void (*break_it) (Model *model), const char *message)
{
	Model	   *model = some_model(env, task);
	uint8_t    *bytes;
	size_t		length;

	encode(env, model, &bytes, &length);
	break_it(model);
	assert_int_equal(model_encode(env, model, 0, &bytes, &length), CORE_INVALID);
	if (strstr(env->message, message) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", env->message, message);
}

#define BREAK(name, statement) \
	static void name(Model *model) \
	{ \
		statement; \
	}

BREAK(break_task, model->task = (Task) 9)
BREAK(break_link, model->link = LINK_SOFTMAX)
BREAK(break_link_number, model->link = (Link) 99)
BREAK(break_outputs, model->noutputs = 2)
BREAK(break_rows, model->rows_train = -1)
BREAK(break_weight, model->weight_train = NAN)
BREAK(break_positive, model->target.positive = 2)
BREAK(break_threshold, model->target.threshold = NAN)
BREAK(break_labels, model->target.classes[1] = model->target.classes[0])
BREAK(break_label, model->target.classes[1][0] = '\xFF')
BREAK(break_map, model->target.map = TARGET_LOG)
BREAK(break_lambda, model->target.map = TARGET_YEO_JOHNSON; model->target.lambda = INFINITY)
BREAK(break_name, model->schema.features[0].name[0] = '\0')
BREAK(break_width, model->schema.features[6].width = MODEL_MAX_TERMS + 1)
BREAK(break_kind, model->schema.features[0].kind = (FeatureKind) 6)
BREAK(break_terms, model->transform->nterms = 1)
BREAK(break_transform, model->transform = NULL)
BREAK(break_sample, model->split.sample = 1.5)
BREAK(break_split, model->split.column = NULL)
BREAK(break_calibration, model->calibration.method = CALIBRATE_PLATT)
BREAK(break_slope, model->calibration.slope = NAN)
BREAK(break_array, strcpy(model->arrays[0].name, "No"))
BREAK(break_number, strcpy(model->numbers[1].name, model->numbers[0].name))

static void
break_knots(Model *model)
{
	static double knots[] = {0.5, 0.2};

	model->calibration.method = CALIBRATE_ISOTONIC;
	model->calibration.nknots = 2;
	model->calibration.x = model->calibration.y = knots;
}

static void
rules(void **state)
{
	CoreEnv    *env = *state;

	assert_refused(env, TASK_BINARY, break_task, "unknown task");
	assert_refused(env, TASK_BINARY, break_link, "link softmax does not fit task binary");
	assert_refused(env, TASK_BINARY, break_link_number, "unknown link");
	assert_refused(env, TASK_BINARY, break_outputs, "2 outputs");
	assert_refused(env, TASK_MULTICLASS, break_outputs, "2 outputs for 3 classes");
	assert_refused(env, TASK_BINARY, break_rows, "rows");
	assert_refused(env, TASK_BINARY, break_weight, "weight");
	assert_refused(env, TASK_BINARY, break_positive, "positive class");
	assert_refused(env, TASK_BINARY, break_threshold, "threshold");
	assert_refused(env, TASK_BINARY, break_labels, "two classes are called \"no\"");
	assert_refused(env, TASK_BINARY, break_label, "UTF-8");
	assert_refused(env, TASK_BINARY, break_map, "target transform");
	assert_refused(env, TASK_REGRESSION, break_lambda, "lambda");
	assert_refused(env, TASK_BINARY, break_name, "name is empty");
	assert_refused(env, TASK_BINARY, break_width, "limit of 65536");
	assert_refused(env, TASK_BINARY, break_kind, "unknown kind");
	assert_refused(env, TASK_BINARY, break_terms, "outside the terms");
	assert_refused(env, TASK_BINARY, break_transform, "no transform");
	assert_refused(env, TASK_BINARY, break_sample, "sample");
	assert_refused(env, TASK_BINARY, break_split, "names no column");
	assert_refused(env, TASK_REGRESSION, break_calibration, "calibration with task regression");
	assert_refused(env, TASK_BINARY, break_slope, "calibration is not finite");
	assert_refused(env, TASK_BINARY, break_knots, "knots do not ascend");
	assert_refused(env, TASK_BINARY, break_array, "no proper name");
	assert_refused(env, TASK_BINARY, break_number, "two numbers");
}

/* Whatever allocation is refused: a status, no crash, nothing half-made. */
static void
refused_memory(void **state)
{
	TestEnv    *test = *state;
	CoreEnv    *env = &test->core;
	Model	   *model = some_model(env, TASK_BINARY);
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;
	int64_t		before = test->allocations;
	int64_t		needed;

	encode(env, model, &bytes, &length);
	needed = test->allocations - before;
	for (int64_t i = 0; i < needed; i++)
	{
		uint8_t    *ignored;
		size_t		ignored_length;

		test->fail_after = test->allocations + i;
		assert_int_equal(model_encode(env, model, 0, &ignored, &ignored_length), CORE_NO_MEMORY);
	}
	test->fail_after = -1;
	before = test->allocations;
	assert_ok(env, model_decode(env, bytes, length, false, &result));
	needed = test->allocations - before;
	for (int64_t i = 0; i < needed; i++)
	{
		test->fail_after = test->allocations + i;
		assert_int_equal(model_decode(env, bytes, length, false, &result), CORE_NO_MEMORY);
	}
}

/* Many short levels: memory stays a small multiple of the bytes. */
static size_t allocated;
static void *(*plain_alloc) (CoreEnv *env, size_t size);

static void *
counting_alloc(CoreEnv *env, size_t size)
{
	/* what a block costs inside the server */
	allocated += size + 80;
	return plain_alloc(env, size);
}

static void
memory_is_linear(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = some_model(env, TASK_BINARY);
	Model	   *result;
	FeatureTransform *plan = NULL;
	uint8_t    *bytes;
	size_t		length;
	int			n = 20000;
	int			ncodes;
	char	   *text = env_alloc(env, (size_t) n, 8);

	for (int i = 0; i < model->transform->nfeatures; i++)
	{
		if (model->schema.features[model->transform->features[i].feature].kind == FEATURE_CATEGORICAL)
			plan = &model->transform->features[i];
	}
	assert_non_null(plan);
	/* as a target encoding: the same terms, any number of levels */
	ncodes = plan->ncodes;
	plan->encode = ENCODE_TARGET;
	plan->nlevels = n;
	plan->levels = env_alloc(env, (size_t) n, sizeof(char *));
	plan->level_lengths = env_alloc(env, (size_t) n, sizeof(int));
	plan->codes = env_alloc(env, (size_t) (n + 3) * (size_t) ncodes, sizeof(double));
	for (int i = 0; i < n; i++)
	{
		plan->levels[i] = text + 8 * i;
		plan->level_lengths[i] = snprintf(plan->levels[i], 8, "%06d", i);
	}
	encode(env, model, &bytes, &length);
	plain_alloc = env->alloc;
	env->alloc = counting_alloc;
	allocated = 0;
	assert_ok(env, model_decode(env, bytes, length, false, &result));
	env->alloc = plain_alloc;
	assert_true(length > 10 * (size_t) n);
	assert_true(allocated < 3 * length);
	assert_int_equal(transform_level(&result->transform->features[plan - model->transform->features], "012345", 6), 12345);
}

/* Nodes without values of leaves: refused before memory is taken for the values. */
static void
forged_leaves(void **state)
{
	CoreEnv    *env = *state;
	Model	   *model = fixture_model(env, algorithm_find("gbm"), TASK_MULTICLASS, FIXTURE_PLAIN, NULL);
	Model	   *result;
	uint8_t    *bytes;
	size_t		length;
	int			n = 20000;
	char	   *labels = env_alloc(env, (size_t) n, 16);

	model->noutputs = model->target.nclasses = n;
	model->target.classes = env_alloc(env, (size_t) n, sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		model->target.classes[i] = labels + 16 * i;
		snprintf(model->target.classes[i], 16, "%06d", i);
	}
	for (int i = 0; i < model->narrays; i++)
	{
		ModelArray *array = &model->arrays[i];

		if (strcmp(array->name, "base_score") == 0)
		{
			array->rows = n;
			array->data = env_alloc(env, (size_t) n, sizeof(double));
		}
		else if (strcmp(array->name, "leaf_value") == 0)
		{
			array->rows = 0;
			array->cols = n;
		}
	}
	encode(env, model, &bytes, &length);
	plain_alloc = env->alloc;
	env->alloc = counting_alloc;
	allocated = 0;
	assert_int_equal(model_decode(env, bytes, length, false, &result), CORE_CORRUPT);
	env->alloc = plain_alloc;
	assert_non_null(strstr(env->message, "leaves"));
	assert_true(allocated < 6 * length);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_env_setup, test_env_teardown)
	const struct CMUnitTest tests[] = {
		TEST(round_trip),
		TEST(equal_models_equal_bytes),
		TEST(weights_and_choices_are_kept),
		TEST(truncated),
		TEST(every_bit_counts),
		TEST(later_minor_versions),
		TEST(headers),
		TEST(forged_names),
		TEST(rules),
		TEST(refused_memory),
		TEST(memory_is_linear),
		TEST(forged_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
