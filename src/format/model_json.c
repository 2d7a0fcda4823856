/*
 * model_json.c
 *	  What is inside a model or a state, as JSON for people and queries.
 *
 * A view, not a format: models are stored and moved as bytes.  The keys are
 * listed in docs/MODEL_FORMAT.md.  Long lists are shortened (json_writer.h), so
 * the text stays readable whatever the size of the model.
 */
#include "format/model_format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/algorithm.h"
#include "core/transform_time.h"
#include "format/json_writer.h"

#define NAME(names, value) ((size_t) (value) < sizeof(names) / sizeof((names)[0]) ? (names)[(value)] : NULL)

static const char *const impute_names[] = {NULL, "none", "mean", "median", "mode", "constant"};
static const char *const scale_names[] = {NULL, "none", "standard", "minmax", "robust"};
static const char *const map_names[] = {NULL, "log", "log1p", "bins"};
static const char *const encoding_names[] = {NULL, "reference", "onehot", "ordinal", "target", "code"};
static const char *const target_map_names[] = {NULL, "log", "log1p", "yeo-johnson"};
static const char *const array_type_names[] = {NULL, "u8", "i32", "i64", "f32", "f64"};

/* A time as ISO 8601. */
static void
write_time(JsonWriter *json, const char *key, int64_t time)
{
	char		text[48];
	CivilDate	date;
	int64_t		day = time / TIME_DAY;
	int64_t		rest;

	if (time_is_infinite(time))
	{
		json_string(json, key, time > 0 ? "infinity" : "-infinity");
		return;
	}
	if (day * TIME_DAY > time)
		day--;
	rest = time - day * TIME_DAY;
	time_civil(time, &date);
	snprintf(text, sizeof(text), "%04lld-%02d-%02dT%02d:%02d:%02d.%06d", (long long) date.year, date.month, date.day,
			 (int) (rest / INT64_C(3600000000)), (int) (rest / 60000000 % 60), (int) (rest / 1000000 % 60), (int) (rest % 1000000));
	json_string(json, key, text);
}

static void
write_target(JsonWriter *json, const Model *model)
{
	const TargetInfo *target = &model->target;

	json_open(json, "target", '{');
	json_string(json, "name", target->name);
	json_string(json, "type", target->type_name);
	if (target->nclasses > 0)
		json_strings(json, "classes", target->classes, target->nclasses);
	if (model->task == TASK_BINARY)
	{
		json_string(json, "positive", target->classes[target->positive]);
		json_number(json, "threshold", target->threshold);
	}
	if (target->map != TARGET_NONE)
	{
		json_string(json, "transform", NAME(target_map_names, target->map));
		if (target->map == TARGET_YEO_JOHNSON)
			json_number(json, "lambda", target->lambda);
	}
	json_close(json, '}');
}

static void
write_calibration(JsonWriter *json, const Calibration *calibration)
{
	if (calibration->method == CALIBRATE_NONE)
	{
		json_null(json, "calibration");
		return;
	}
	json_open(json, "calibration", '{');
	if (calibration->method == CALIBRATE_PLATT)
	{
		json_string(json, "method", "platt");
		json_number(json, "slope", calibration->slope);
		json_number(json, "intercept", calibration->intercept);
	}
	else
	{
		json_string(json, "method", "isotonic");
		json_numbers(json, "x", calibration->x, calibration->nknots);
		json_numbers(json, "y", calibration->y, calibration->nknots);
	}
	json_close(json, '}');
}

static void
write_split(JsonWriter *json, const SplitSpec *split)
{
	json_open(json, "split", '{');
	json_string(json, "method", split_method_name(split->method));
	json_number(json, "test", split->test);
	json_number(json, "sample", split->sample);
	json_boolean(json, "refit", split->refit);
	json_integer(json, "seed", (int64_t) split->seed);
	json_string(json, "key", split->key);
	json_string(json, "row_columns", split->row_columns);
	json_string(json, "column", split->column);
	if (split->method == SPLIT_TIME)
		write_time(json, "cutoff", split->cutoff);
	if (split->nstrata > 0)
		json_numbers(json, "limits", split->limits, split->nstrata);
	json_close(json, '}');
}

static void
write_weights(JsonWriter *json, const char *key, const ParamValue *value)
{
	if (value->text != NULL)
	{
		json_string(json, key, value->text);
		return;
	}
	json_open(json, key, '{');
	for (int i = 0; i < value->list_length; i++)
		json_number(json, value->names[i], value->list[i]);
	json_close(json, '}');
}

static void
write_params(JsonWriter *json, const ParamSet *params)
{
	json_open(json, "params", '{');
	for (int i = 0; i < params->count; i++)
	{
		const ParamSpec *spec = &params->specs[i];
		const ParamValue *value = &params->values[i];

		switch (spec->type)
		{
			case PARAM_INTEGER:
			case PARAM_REAL:
				json_number(json, spec->name, value->number);
				break;
			case PARAM_BOOLEAN:
				json_boolean(json, spec->name, value->number != 0);
				break;
			case PARAM_CHOICE:
			case PARAM_TEXT:
				json_string(json, spec->name, value->text);
				break;
			case PARAM_REAL_LIST:
				json_numbers(json, spec->name, value->list, value->list_length);
				break;
			case PARAM_WEIGHTS:
				write_weights(json, spec->name, value);
				break;
		}
	}
	json_close(json, '}');
}

/* One number for features of one element, a list for vectors. */
static void
write_elements(JsonWriter *json, const char *key, const double *values, int width)
{
	if (values == NULL)
		return;
	if (width == 1)
		json_number(json, key, values[0]);
	else
		json_numbers(json, key, values, width);
}

static void
level_element(JsonWriter *json, const void *list, int64_t i)
{
	const FeatureTransform *transform = list;

	json_string_length(json, NULL, transform->levels[i], (size_t) transform->level_lengths[i]);
}

static void
write_number_transform(JsonWriter *json, const FeatureTransform *transform, int width)
{
	int			dropped = 0;

	if (transform->map != MAP_NONE)
		json_string(json, "map", NAME(map_names, transform->map));
	json_string(json, "scale", NAME(scale_names, transform->scale));
	write_elements(json, "impute_value", transform->impute_value, width);
	write_elements(json, "low", transform->low, width);
	write_elements(json, "high", transform->high, width);
	write_elements(json, "center", transform->center, width);
	write_elements(json, "spread", transform->spread, width);
	if (transform->map == MAP_BINS)
	{
		json_string(json, "encode", NAME(encoding_names, transform->bin_encode));
		json_numbers(json, "edges", transform->edges, transform->nedges);
	}
	for (int i = 0; transform->dropped != NULL && i < width; i++)
		dropped += transform->dropped[i];
	if (dropped > 0)
		json_integer(json, "dropped_elements", dropped);
}

static void
write_level_transform(JsonWriter *json, const FeatureTransform *transform)
{
	json_string(json, "encode", NAME(encoding_names, transform->encode));
	json_list(json, "levels", transform, transform->nlevels, level_element);
	json_boolean(json, "has_other", transform->has_other);
	json_boolean(json, "has_missing", transform->has_missing);
	if (transform->encode == ENCODE_TARGET || transform->encode == ENCODE_ORDINAL)
		json_numbers(json, "codes", transform->codes, ((int64_t) transform->nlevels + 3) * transform->ncodes);
}

static void
write_feature_transform(JsonWriter *json, const FeatureSchema *schema, const FeatureTransform *transform)
{
	json_open(json, NULL, '{');
	if (transform->parts != 0)
		json_string(json, "part", time_part_name((TimePart) transform->parts));
	if (transform->reference >= 0)
		json_string(json, "reference", schema->features[transform->reference].name);
	json_integer(json, "first_term", transform->first_term);
	json_integer(json, "terms", transform->nterms);
	json_string(json, "impute", NAME(impute_names, transform->impute));
	json_boolean(json, "indicator", transform->indicator);
	if (transform->encode == ENCODE_AUTO)
		write_number_transform(json, transform, schema->features[transform->feature].width);
	else
		write_level_transform(json, transform);
	json_close(json, '}');
}

static void
write_features(JsonWriter *json, const Model *model)
{
	const Transform *transform = model->transform;
	int			next = 0;		/* transforms stand in schema order */

	json_open(json, "features", '[');
	for (int i = 0; i < model->schema.count; i++)
	{
		const Feature *feature = &model->schema.features[i];

		env_poll(json->out.env);
		json_open(json, NULL, '{');
		json_string(json, "name", feature->name);
		json_string(json, "kind", feature_kind_name(feature->kind));
		json_string(json, "type", feature->type_name);
		if (feature->kind == FEATURE_VECTOR)
			json_integer(json, "width", feature->width);
		if (feature->time_zone != NULL)
			json_string(json, "time_zone", feature->time_zone);
		json_open(json, "transforms", '[');
		for (; next < transform->nfeatures && transform->features[next].feature <= i; next++)
			write_feature_transform(json, &model->schema, &transform->features[next]);
		json_close(json, ']');
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void
term_element(JsonWriter *json, const void *list, int64_t i)
{
	json_string(json, NULL, ((const Term *) list)[i].name);
}

static void
array_element(JsonWriter *json, const void *list, int64_t i)
{
	const ModelArray *array = list;

	switch (array->type)
	{
		case ARRAY_U8:
			json_integer(json, NULL, ((const uint8_t *) array->data)[i]);
			break;
		case ARRAY_I32:
			json_integer(json, NULL, ((const int32_t *) array->data)[i]);
			break;
		case ARRAY_I64:
			json_integer(json, NULL, ((const int64_t *) array->data)[i]);
			break;
		case ARRAY_F32:
			json_number(json, NULL, (double) ((const float *) array->data)[i]);
			break;
		case ARRAY_F64:
			json_number(json, NULL, ((const double *) array->data)[i]);
			break;
	}
}

static void
write_arrays(JsonWriter *json, const Model *model)
{
	json_open(json, "arrays", '{');
	for (int i = 0; i < model->narrays; i++)
	{
		const ModelArray *array = &model->arrays[i];

		json_open(json, array->name, '{');
		json_string(json, "type", NAME(array_type_names, array->type));
		json_integer(json, "rows", array->rows);
		json_integer(json, "cols", array->cols);
		json_list(json, "values", array, array->rows * array->cols, array_element);
		json_close(json, '}');
	}
	json_close(json, '}');
}

CoreStatus
model_to_json(CoreEnv *env, const Model *model, char **text)
{
	JsonWriter	json;

	json_init(&json, env);
	json_open(&json, NULL, '{');
	json_string(&json, "algorithm", model->algorithm->name);
	json_string(&json, "task", task_name(model->task));
	json_string(&json, "link", link_name(model->link));
	json_integer(&json, "outputs", model->noutputs);
	json_integer(&json, "seed", (int64_t) model->seed);
	json_integer(&json, "rows", model->rows_train);
	json_number(&json, "weight", model->weight_train);
	write_target(&json, model);
	write_calibration(&json, &model->calibration);
	write_split(&json, &model->split);
	write_params(&json, &model->params);
	write_features(&json, model);
	json_list(&json, "terms", model->transform->terms, model->transform->nterms, term_element);
	write_arrays(&json, model);
	json_open(&json, "fit_statistics", '{');
	for (int i = 0; i < model->nnumbers; i++)
		json_number(&json, model->numbers[i].name, model->numbers[i].value);
	json_close(&json, '}');
	json_close(&json, '}');
	return json_finish(&json, text);
}

/*
 * Weighted standard deviations of the columns: the squares of a column of R sum
 * up to its centred sum of squares.
 */
static CoreStatus
column_deviations(CoreEnv *env, const LinearState *state, double **result)
{
	int			columns = state->nterms + 1;
	double	   *deviation;

	CORE_ALLOC(env, deviation, (size_t) columns);
	for (int j = 0; j < columns; j++)
	{
		const double *r = linear_state_column(state, j);
		double		largest = 0;
		double		sum = 0;

		env_poll(env);
		for (int i = 0; i <= j; i++)
			largest = fmax(largest, fabs(r[i]));
		/* scaled: squares of large elements would overflow */
		for (int i = 0; largest > 0 && i <= j; i++)
			sum += (r[i] / largest) * (r[i] / largest);
		deviation[j] = largest * sqrt(sum) / sqrt(state->weight);
	}
	*result = deviation;
	return CORE_OK;
}

CoreStatus
state_to_json(CoreEnv *env, const LinearState *state, char **text)
{
	JsonWriter	json;
	double	   *deviation;

	CORE_TRY(column_deviations(env, state, &deviation));
	json_init(&json, env);
	json_open(&json, NULL, '{');
	json_string(&json, "kind", "linear");
	json_integer(&json, "terms", state->nterms);
	json_integer(&json, "rows", state->nrows);
	json_number(&json, "weight", state->weight);
	json_number(&json, "weight_squares", state->weight_squares);
	json_number(&json, "log_weight", state->log_weight);
	json_numbers(&json, "means", state->data, state->nterms);
	json_numbers(&json, "standard_deviations", deviation, state->nterms);
	json_open(&json, "target", '{');
	json_number(&json, "mean", state->data[state->nterms]);
	json_number(&json, "standard_deviation", deviation[state->nterms]);
	json_close(&json, '}');
	json_close(&json, '}');
	return json_finish(&json, text);
}
