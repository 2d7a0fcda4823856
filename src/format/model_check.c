/*
 * model_check.c
 *	  The rules that a model keeps, in memory and in bytes.
 *
 * Encoding checks them so that nothing is stored that could not be read again;
 * decoding checks them because bytes may be forged.  Only what every algorithm
 * shares is checked here: the transform's own rules are transform_validate's,
 * the arrays' those of the algorithm's bind.  Linear in the size of the model,
 * n log n in the number of class labels.
 */
#include "format/model_format.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/algorithm.h"
#include "core/hash.h"
#include "format/bytes.h"

#define POLL_STRINGS 1024

typedef struct Check
{
	CoreEnv    *env;
	CoreStatus	status;			/* of a failure */
	const char *prefix;			/* of its message */
} Check;

static CoreStatus fail(const Check *check, const char *format, ...) CORE_PRINTF(2, 3);

static CoreStatus
fail(const Check *check, const char *format, ...)
{
	char		reason[384];
	va_list		args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return env_fail(check->env, check->status, "%s: %s", check->prefix, reason);
}

#define REQUIRE(condition, ...) \
	do { \
		if (!(condition)) \
			return fail(check, __VA_ARGS__); \
	} while (0)

static CoreStatus
check_string(const Check *check, const char *text, size_t length, const char *what)
{
	REQUIRE(length <= MODEL_MAX_STRING, "%s of %zu bytes exceeds the limit of %d", what, length, MODEL_MAX_STRING);
	if (utf8_valid(text, length))
		return CORE_OK;
	fail(check, "%s is not valid UTF-8", what);
	return env_hint(check->env, check->status,
					"In a database whose encoding is not UTF8, names and labels of models must be plain ASCII.");
}

static CoreStatus
check_optional(const Check *check, const char *text, const char *what)
{
	return text == NULL ? CORE_OK : check_string(check, text, strlen(text), what);
}

static CoreStatus
check_required(const Check *check, const char *text, const char *what)
{
	REQUIRE(text != NULL && text[0] != '\0', "%s is empty", what);
	return check_string(check, text, strlen(text), what);
}

/* [a-z0-9_]+ */
static bool
is_identifier(const char *name, size_t size)
{
	const char *end = memchr(name, '\0', size);

	if (end == NULL || end == name)
		return false;
	for (; name < end; name++)
	{
		if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || *name == '_'))
			return false;
	}
	return true;
}

typedef struct HashedString
{
	uint64_t	hash;
	const char *text;
} HashedString;

static bool
hashed_less(const HashedString *a, const HashedString *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash;
	return strcmp(a->text, b->text) < 0;
}

static void
sift_down(HashedString *items, int root, int count)
{
	HashedString item = items[root];
	int			child;

	while ((child = 2 * root + 1) < count)
	{
		if (child + 1 < count && hashed_less(&items[child], &items[child + 1]))
			child++;
		if (!hashed_less(&item, &items[child]))
			break;
		items[root] = items[child];
		root = child;
	}
	items[root] = item;
}

/*
 * Whether no two of `count` strings are equal.  Heapsort by hash: no input makes
 * it slower than n log n, and strings are compared only where hashes agree.
 */
static CoreStatus
check_distinct(const Check *check, char *const *strings, int count, const char *what)
{
	HashedString *items;

	CORE_ALLOC(check->env, items, count);
	for (int i = 0; i < count; i++)
	{
		if (i % POLL_STRINGS == 0)
			env_poll(check->env);
		items[i].text = strings[i];
		items[i].hash = hash_bytes(strings[i], strlen(strings[i]));
	}
	for (int root = count / 2 - 1; root >= 0; root--)
		sift_down(items, root, count);
	for (int last = count - 1; last > 0; last--)
	{
		HashedString top = items[0];

		if (last % POLL_STRINGS == 0)
			env_poll(check->env);
		items[0] = items[last];
		items[last] = top;
		sift_down(items, 0, last);
	}
	for (int i = 1; i < count; i++)
	{
		if (items[i].hash == items[i - 1].hash && strcmp(items[i].text, items[i - 1].text) == 0)
			return fail(check, "two %s are called \"%.100s\"", what, items[i].text);
	}
	env_release(check->env, items);
	return CORE_OK;
}

static CoreStatus
check_task(const Check *check, const Model *model)
{
	const TargetInfo *target = &model->target;
	bool		classes = model->task == TASK_BINARY || model->task == TASK_MULTICLASS;

	REQUIRE(model->task >= TASK_REGRESSION && model->task <= TASK_ANOMALY, "unknown task %d", (int) model->task);
	REQUIRE(model->link >= LINK_IDENTITY && model->link <= LINK_INVERSE_SQUARE, "unknown link %d", (int) model->link);
	REQUIRE((model->algorithm->tasks & (1u << model->task)) != 0, "algorithm \"%s\" has no task %s",
			model->algorithm->name, task_name(model->task));
	REQUIRE(model->link == LINK_SOFTMAX ? model->task == TASK_MULTICLASS : model->link == LINK_IDENTITY || model->task != TASK_MULTICLASS,
			"link %s does not fit task %s", link_name(model->link), task_name(model->task));
	if (model->task == TASK_MULTICLASS)
	{
		REQUIRE(target->nclasses >= 2 && target->nclasses <= MODEL_MAX_CLASSES, "%d classes; 2 to %d are possible",
				target->nclasses, MODEL_MAX_CLASSES);
		REQUIRE(model->noutputs == target->nclasses, "%d outputs for %d classes", model->noutputs, target->nclasses);
	}
	else
	{
		REQUIRE(model->noutputs == 1, "%d outputs for task %s", model->noutputs, task_name(model->task));
		REQUIRE(target->nclasses == (classes ? 2 : 0), "%d classes for task %s", target->nclasses, task_name(model->task));
	}
	REQUIRE(model->rows_train >= 0, "negative number of rows");
	REQUIRE(isfinite(model->weight_train) && model->weight_train >= 0, "the weight of its rows is not a number >= 0");
	return CORE_OK;
}

static CoreStatus
check_schema(const Check *check, const FeatureSchema *schema)
{
	int64_t		elements = 0;
	char	  **names;

	REQUIRE(schema->count >= 0 && schema->count <= MODEL_MAX_FEATURES, "%d features exceed the limit of %d",
			schema->count, MODEL_MAX_FEATURES);
	CORE_ALLOC(check->env, names, schema->count);
	for (int i = 0; i < schema->count; i++)
	{
		const Feature *feature = &schema->features[i];

		CORE_TRY(check_required(check, feature->name, "a feature's name"));
		REQUIRE(strlen(feature->name) <= MODEL_MAX_NAME, "a feature's name of %zu bytes exceeds the limit of %d", strlen(feature->name), MODEL_MAX_NAME);
		CORE_TRY(check_optional(check, feature->type_name, "a feature's type"));
		CORE_TRY(check_optional(check, feature->time_zone, "a feature's time zone"));
		REQUIRE(feature->kind >= FEATURE_NUMERIC && feature->kind <= FEATURE_VECTOR, "feature \"%.100s\" has unknown kind %d",
				feature->name, (int) feature->kind);
		REQUIRE(feature->width >= 1 && (feature->width == 1 || feature->kind == FEATURE_VECTOR),
				"feature \"%.100s\" has width %d", feature->name, feature->width);
		elements += feature->width;
		names[i] = feature->name;
	}
	REQUIRE(elements <= MODEL_MAX_TERMS, "features of %lld elements exceed the limit of %d", (long long) elements, MODEL_MAX_TERMS);
	CORE_TRY(check_distinct(check, names, schema->count, "features"));
	env_release(check->env, names);
	return CORE_OK;
}

static CoreStatus
check_levels(const Check *check, const FeatureTransform *feature)
{
	REQUIRE(feature->nlevels >= 0 && (feature->nlevels == 0 || feature->levels != NULL), "a feature's levels are absent");
	for (int i = 0; i < feature->nlevels; i++)
	{
		if (i % POLL_STRINGS == 0)
			env_poll(check->env);
		CORE_TRY(check_string(check, feature->levels[i], (size_t) feature->level_lengths[i], "a level"));
	}
	return CORE_OK;
}

static CoreStatus
check_transform(const Check *check, const Model *model)
{
	const Transform *transform = model->transform;

	REQUIRE(transform != NULL, "it has no transform");
	REQUIRE(transform->nterms >= 0 && transform->nterms <= MODEL_MAX_TERMS, "%d terms exceed the limit of %d",
			transform->nterms, MODEL_MAX_TERMS);
	REQUIRE(transform->nfeatures >= 0 && transform->nfeatures <= MODEL_MAX_TRANSFORMS, "%d transforms exceed the limit of %d",
			transform->nfeatures, MODEL_MAX_TRANSFORMS);
	for (int i = 0; i < transform->nfeatures; i++)
	{
		const FeatureTransform *feature = &transform->features[i];

		REQUIRE(feature->feature >= 0 && feature->feature < model->schema.count, "transform %d is of no feature", i);
		REQUIRE(feature->nterms >= 0 && feature->first_term >= 0 && feature->nterms <= transform->nterms &&
				feature->first_term <= transform->nterms - feature->nterms, "transform %d lies outside the terms", i);
		REQUIRE(feature->impute <= IMPUTE_CONSTANT && feature->map <= MAP_BINS && feature->scale <= SCALE_ROBUST &&
				feature->encode <= ENCODE_CODE && feature->bin_encode <= ENCODE_CODE, "transform %d has an unknown method", i);
		REQUIRE((feature->parts & ~(2u * PART_EPOCH - 1)) == 0, "transform %d has unknown date parts", i);
		REQUIRE(feature->reference >= -1 && feature->reference < model->schema.count, "transform %d refers to no feature", i);
		REQUIRE(feature->nedges >= 0 && (feature->nedges == 0 || feature->edges != NULL), "edges of transform %d are absent", i);
		REQUIRE(feature->ncodes >= 0 && feature->ncodes <= MODEL_MAX_TERMS && (feature->ncodes == 0 || feature->codes != NULL),
				"codes of transform %d are absent", i);
		CORE_TRY(check_levels(check, feature));
	}
	return CORE_OK;
}

static CoreStatus
check_target(const Check *check, const Model *model)
{
	const TargetInfo *target = &model->target;

	CORE_TRY(check_optional(check, target->name, "the target's name"));
	CORE_TRY(check_optional(check, target->type_name, "the target's type"));
	for (int i = 0; i < target->nclasses; i++)
	{
		if (i % POLL_STRINGS == 0)
			env_poll(check->env);
		REQUIRE(target->classes[i] != NULL, "class %d has no label", i);
		CORE_TRY(check_string(check, target->classes[i], strlen(target->classes[i]), "a class label"));
	}
	CORE_TRY(check_distinct(check, target->classes, target->nclasses, "classes"));
	REQUIRE(model->task != TASK_BINARY || target->positive == 0 || target->positive == 1,
			"the positive class is number %d", target->positive);
	REQUIRE(model->task != TASK_BINARY || !isnan(target->threshold), "the threshold is not a number");
	REQUIRE(target->map <= TARGET_YEO_JOHNSON, "unknown target transform %d", (int) target->map);
	REQUIRE(target->map == TARGET_NONE || model->task == TASK_REGRESSION, "a target transform with task %s", task_name(model->task));
	REQUIRE(target->map != TARGET_YEO_JOHNSON || isfinite(target->lambda), "lambda of the target transform is not finite");
	return CORE_OK;
}

static CoreStatus
check_calibration(const Check *check, const Model *model)
{
	const Calibration *calibration = &model->calibration;

	REQUIRE(calibration->method <= CALIBRATE_ISOTONIC, "unknown calibration %d", (int) calibration->method);
	REQUIRE(calibration->method == CALIBRATE_NONE || model->task == TASK_BINARY, "a calibration with task %s", task_name(model->task));
	REQUIRE(isfinite(calibration->slope) && isfinite(calibration->intercept), "its calibration is not finite");
	REQUIRE(calibration->nknots >= 0, "a negative number of calibration knots");
	REQUIRE((calibration->method == CALIBRATE_ISOTONIC) == (calibration->nknots > 0), "%d calibration knots do not fit the method",
			calibration->nknots);
	for (int i = 0; i < calibration->nknots; i++)
	{
		REQUIRE(calibration->x[i] >= 0 && calibration->x[i] <= 1 && calibration->y[i] >= 0 && calibration->y[i] <= 1,
				"a calibration knot is not a probability");
		REQUIRE(i == 0 || (calibration->x[i] > calibration->x[i - 1] && calibration->y[i] >= calibration->y[i - 1]),
				"calibration knots do not ascend");
	}
	return CORE_OK;
}

static CoreStatus
check_split(const Check *check, const SplitSpec *split)
{
	REQUIRE(split->method <= SPLIT_COLUMN, "unknown split %d", (int) split->method);
	REQUIRE(split->test >= 0 && split->test <= 1, "the test share of its split is outside 0 .. 1");
	REQUIRE(split->sample >= 0 && split->sample <= 1, "the sample of its split is outside 0 .. 1");
	CORE_TRY(check_optional(check, split->key, "the split's key"));
	CORE_TRY(check_optional(check, split->row_columns, "the split's columns"));
	CORE_TRY(check_optional(check, split->column, "the split's column"));
	REQUIRE(split->column != NULL || (split->method != SPLIT_GROUP && split->method != SPLIT_TIME && split->method != SPLIT_COLUMN),
			"its split names no column");
	REQUIRE(split->nstrata >= 0 && split->nstrata <= MODEL_MAX_CLASSES, "%d strata", split->nstrata);
	for (int i = 0; i < split->nstrata; i++)
		REQUIRE(split->limits[i] >= 0 && split->limits[i] <= 1, "a limit of its split is outside 0 .. 1");
	return CORE_OK;
}

static CoreStatus
check_params(const Check *check, const ParamSet *params)
{
	REQUIRE(params->count >= 0 && params->count <= MODEL_MAX_PARAMS, "%d parameters exceed the limit of %d",
			params->count, MODEL_MAX_PARAMS);
	for (int i = 0; i < params->count; i++)
	{
		CORE_TRY(check_optional(check, params->values[i].text, "a parameter's text"));
		for (int k = 0; params->values[i].names != NULL && k < params->values[i].list_length; k++)
			CORE_TRY(check_optional(check, params->values[i].names[k], "a parameter's name"));
		REQUIRE(params->values[i].list_length >= 0, "parameter \"%s\" has a list of negative length", params->specs[i].name);
	}
	return CORE_OK;
}

static CoreStatus
check_arrays(const Check *check, const Model *model)
{
	REQUIRE(model->narrays >= 0 && model->narrays <= MODEL_MAX_ARRAYS, "%d arrays exceed the limit of %d",
			model->narrays, MODEL_MAX_ARRAYS);
	for (int i = 0; i < model->narrays; i++)
	{
		const ModelArray *array = &model->arrays[i];
		int64_t		count;

		REQUIRE(is_identifier(array->name, sizeof(array->name)), "array %d has no proper name", i);
		REQUIRE(array->type >= ARRAY_U8 && array->type <= ARRAY_F64, "array \"%s\" has unknown type %d", array->name, (int) array->type);
		REQUIRE(array->rows >= 0 && array->cols >= 0 && !__builtin_mul_overflow(array->rows, array->cols, &count) &&
				count <= (int64_t) MODEL_MAX_BYTES, "array \"%s\" of %lld x %lld elements exceeds the limit", array->name,
				(long long) array->rows, (long long) array->cols);
		for (int j = 0; j < i; j++)
			REQUIRE(strcmp(array->name, model->arrays[j].name) != 0, "two arrays are called \"%s\"", array->name);
	}
	return CORE_OK;
}

static CoreStatus
check_numbers(const Check *check, const Model *model)
{
	REQUIRE(model->nnumbers >= 0 && model->nnumbers <= MODEL_MAX_NUMBERS, "%d numbers exceed the limit of %d",
			model->nnumbers, MODEL_MAX_NUMBERS);
	for (int i = 0; i < model->nnumbers; i++)
	{
		REQUIRE(is_identifier(model->numbers[i].name, sizeof(model->numbers[i].name)), "number %d has no proper name", i);
		for (int j = 0; j < i; j++)
			REQUIRE(strcmp(model->numbers[i].name, model->numbers[j].name) != 0, "two numbers are called \"%s\"", model->numbers[i].name);
	}
	return CORE_OK;
}

CoreStatus
model_check(CoreEnv *env, const Model *model, CoreStatus status, const char *prefix)
{
	const Check check = {env, status, prefix};

	CORE_TRY(check_task(&check, model));
	CORE_TRY(check_schema(&check, &model->schema));
	CORE_TRY(check_transform(&check, model));
	CORE_TRY(check_target(&check, model));
	CORE_TRY(check_calibration(&check, model));
	CORE_TRY(check_split(&check, &model->split));
	CORE_TRY(check_params(&check, &model->params));
	CORE_TRY(check_arrays(&check, model));
	return check_numbers(&check, model);
}
