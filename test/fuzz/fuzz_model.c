/*
 * fuzz_model.c: models from any bytes. What is accepted encodes to a fixed point, shows itself as JSON, scores
 * and explains rows.
 */
#include <math.h>

#include "core/algorithm.h"
#include "core/explain.h"
#include "format/model_format.h"
#include "fuzz_support.h"

#define ROWS 5

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return fuzz_mutate_section(data, size, max_size, seed, model_magic);
}

/* Row 0: all missing; 1: zeros; 2: NaN and empty; 3: huge; 4: infinite. */
static void
fill_value(const Feature *feature, int row, FeatureValue *value, double *vector)
{
	static const double numbers[ROWS] = {0, 0, NAN, -1.7e308, INFINITY};
	static const int64_t times[ROWS] = {0, 0, INT64_MIN, INT64_C(9000000000000000000), INT64_MAX};
	static const char *const texts[ROWS] = {"", "a", "", "zzzzzzzzzzzzzzzzzzzz", "\xF0\x9F\x98\x80"};

	memset(value, 0, sizeof(*value));
	value->missing = row == 0;
	value->number = numbers[row];
	value->time = times[row];
	value->text = texts[row];
	value->text_length = (int) strlen(texts[row]);
	value->vector = vector;
	for (int i = 0; i < feature->width; i++)
		vector[i] = numbers[row];
}

/* Many rows at once give the bits of one after the other. */
static void
check_score_rows(const Model *model, const double *terms)
{
	const Algorithm *algorithm = model->algorithm;
	size_t		nterms = (size_t) model->transform->nterms;
	size_t		noutputs = (size_t) model->noutputs;
	double	   *x = fuzz_doubles(nterms * ROWS);
	double	   *scratch = fuzz_doubles(algorithm->scratch != NULL ? (size_t) algorithm->scratch(model) : 0);
	double	   *together = fuzz_doubles(noutputs * ROWS);
	double	   *alone = fuzz_doubles(noutputs);

	for (size_t row = 0; row < ROWS; row++)
	{
		for (size_t term = 0; term < nterms; term++)
			x[term * ROWS + row] = terms[row * nterms + term];
	}
	algorithm->score_rows(model, x, ROWS, ROWS, scratch, together);
	for (size_t row = 0; row < ROWS; row++)
	{
		algorithm->score(model, terms + row * nterms, scratch, alone);
		for (size_t k = 0; k < noutputs; k++)
		{
			double		other = together[row * noutputs + k];

			fuzz_check(alone[k] == other || (isnan(alone[k]) && isnan(other)));
		}
	}
	free(x);
	free(scratch);
	free(together);
	free(alone);
}

/* The faster copy gives the bits of the model. */
static void
check_hastened(CoreEnv *env, const Model *model, const double *terms)
{
	size_t		nterms = (size_t) model->transform->nterms;
	size_t		noutputs = (size_t) model->noutputs;
	double	   *scratch = fuzz_doubles((size_t) model_scratch_size(model));
	double	   *margins = fuzz_doubles(noutputs);
	double	   *others = fuzz_doubles(noutputs);
	const Model *fast;

	fuzz_check(model_hasten(env, model, &fast) == CORE_OK);
	for (size_t row = 0; row < ROWS && fast != model; row++)
	{
		model->algorithm->score(model, terms + row * nterms, scratch, margins);
		fast->algorithm->score(fast, terms + row * nterms, scratch, others);
		for (size_t k = 0; k < noutputs; k++)
			fuzz_check(margins[k] == others[k] || (isnan(margins[k]) && isnan(others[k])));
	}
	free(scratch);
	free(margins);
	free(others);
}

/* Attributions of any model that has some; their size is for the tests, here they must only stay in bounds. */
static void
explain(CoreEnv *env, const Model *model, const double *terms)
{
	Explainer  *explainer;
	CoreStatus	status = explainer_create(env, model, &explainer);
	double	   *attribution = fuzz_doubles((size_t) model->schema.count);

	fuzz_check(status == CORE_OK || status == CORE_UNSUPPORTED || status == CORE_CORRUPT);
	for (int k = 0; k < model->noutputs && status == CORE_OK; k++)
	{
		(void) explainer_baseline(explainer, k);
		explainer_attribute(explainer, terms, k, attribution);
	}
	free(attribution);
}

static void
score(CoreEnv *env, const Model *model)
{
	const FeatureSchema *schema = &model->schema;
	FeatureValue *values = calloc((size_t) schema->count + 1, sizeof(*values));
	double	  **vectors = calloc((size_t) schema->count + 1, sizeof(*vectors));
	double	   *scratch = fuzz_doubles((size_t) model_scratch_size(model));
	double	   *response = fuzz_doubles((size_t) model_response_count(model));
	double	   *margins = fuzz_doubles((size_t) model->noutputs);
	double	   *terms = fuzz_doubles((size_t) model->transform->nterms * ROWS);

	fuzz_check(values != NULL && vectors != NULL);
	for (int i = 0; i < schema->count; i++)
		vectors[i] = fuzz_doubles((size_t) schema->features[i].width);
	for (int row = 0; row < ROWS; row++)
	{
		for (int i = 0; i < schema->count; i++)
			fill_value(&schema->features[i], row, &values[i], vectors[i]);
		transform_row(model->transform, values, terms + (size_t) row * (size_t) model->transform->nterms);
		model_margin(model, values, scratch, margins);
		model_response(model, values, scratch, response);
		if (model->task == TASK_BINARY || model->task == TASK_MULTICLASS)
			fuzz_check(model_class(model, response) >= 0 && model_class(model, response) < model->target.nclasses);
	}
	if (model->algorithm->score_rows != NULL)
		check_score_rows(model, terms);
	check_hastened(env, model, terms);
	explain(env, model, terms + model->transform->nterms);
	for (int i = 0; i < schema->count; i++)
		free(vectors[i]);
	free(terms);
	free(values);
	free(vectors);
	free(scratch);
	free(response);
	free(margins);
}

static void
examine(FuzzEnv *env, Model *model)
{
	CoreEnv    *core = &env->core;
	uint8_t    *bytes;
	uint8_t    *again;
	size_t		length;
	size_t		again_length;
	Model	   *copy;
	char	   *json;
	Coefficient *table;
	int			count;

	fuzz_check(model_encode(core, model, 0, &bytes, &length) == CORE_OK);
	fuzz_check(model_peek(bytes, length) == FORMAT_MAJOR);
	fuzz_check(model_decode(core, bytes, length, false, &copy) == CORE_OK);
	fuzz_check(model_encode(core, copy, 0, &again, &again_length) == CORE_OK);
	fuzz_check(length == again_length && memcmp(bytes, again, length) == 0);
	fuzz_check(model_to_json(core, model, &json) == CORE_OK && utf8_valid(json, strlen(json)));
	(void) model_coefficients(core, model, 0.95, &table, &count);
	score(core, model);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzEnv		env;
	Model	   *model;
	CoreStatus	status;

	fuzz_env_init(&env, size);
	status = model_decode(&env.core, data, size, true, &model);
	if (status == CORE_OK)
	{
		/* what follows works on copies and on text */
		env.limit *= 16;
		examine(&env, model);
	}
	else
		fuzz_check((status == CORE_CORRUPT || status == CORE_UNSUPPORTED) && env.core.message[0] != '\0');
	fuzz_env_free(&env);
	return 0;
}
