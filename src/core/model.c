/*
 * model.c
 *	  The arrays, numbers and coefficient table of a model; see model.h.
 */
#include "core/algorithm.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/real.h"

/* Room for one more element; exact, as models have few and may come from a decoder. */
static CoreStatus
grow(CoreEnv *env, void **elements, int count, size_t size)
{
	void	   *larger = env_alloc(env, (size_t) count + 1, size);

	if (larger == NULL)
		return CORE_NO_MEMORY;
	if (count > 0)
		memcpy(larger, *elements, (size_t) count * size);
	env_release(env, *elements);
	*elements = larger;
	return CORE_OK;
}

size_t
array_type_size(ModelArrayType type)
{
	switch (type)
	{
		case ARRAY_U8:
			return 1;
		case ARRAY_I32:
		case ARRAY_F32:
			return 4;
		case ARRAY_I64:
		case ARRAY_F64:
			return 8;
	}
	return 0;
}

CoreStatus
model_add_array(CoreEnv *env, Model *model, const char *name, ModelArrayType type, int64_t rows, int64_t cols, void **data)
{
	ModelArray *array;
	size_t		elements;

	assert(strlen(name) < sizeof(array->name) && model_array(model, name) == NULL);
	if (rows < 0 || cols < 0 || !size_multiply((size_t) rows, (size_t) cols, &elements))
		return env_fail(env, CORE_TOO_LARGE, "model array \"%s\" is too large", name);
	*data = env_alloc(env, elements, array_type_size(type));
	if (*data == NULL)
		return CORE_NO_MEMORY;
	CORE_TRY(grow(env, (void **) &model->arrays, model->narrays, sizeof(ModelArray)));
	array = &model->arrays[model->narrays++];
	strcpy(array->name, name);
	array->type = type;
	array->rows = rows;
	array->cols = cols;
	array->data = *data;
	return CORE_OK;
}

CoreStatus
model_add_number(CoreEnv *env, Model *model, const char *name, double value)
{
	ModelNumber *number;

	assert(strlen(name) < sizeof(number->name));
	for (int i = 0; i < model->nnumbers; i++)
		assert(strcmp(model->numbers[i].name, name) != 0);
	CORE_TRY(grow(env, (void **) &model->numbers, model->nnumbers, sizeof(ModelNumber)));
	number = &model->numbers[model->nnumbers++];
	strcpy(number->name, name);
	number->value = value;
	return CORE_OK;
}

const ModelArray *
model_array(const Model *model, const char *name)
{
	for (int i = 0; i < model->narrays; i++)
	{
		if (strcmp(model->arrays[i].name, name) == 0)
			return &model->arrays[i];
	}
	return NULL;
}

CoreStatus
model_require(CoreEnv *env, const Model *model, const char *name, ModelArrayType type, int64_t rows, int64_t cols, const ModelArray **array)
{
	*array = model_array(model, name);
	if (*array == NULL)
		return env_fail(env, CORE_CORRUPT, "the model has no array \"%s\"", name);
	if ((*array)->type != type)
		return env_fail(env, CORE_CORRUPT, "array \"%s\" of the model has type %d instead of %d",
						name, (int) (*array)->type, (int) type);
	if ((rows >= 0 && (*array)->rows != rows) || (cols >= 0 && (*array)->cols != cols))
		return env_fail(env, CORE_CORRUPT, "array \"%s\" of the model has %lld rows and %lld columns instead of %lld and %lld",
						name, (long long) (*array)->rows, (long long) (*array)->cols, (long long) rows, (long long) cols);
	return CORE_OK;
}

double
model_number(const Model *model, const char *name)
{
	for (int i = 0; i < model->nnumbers; i++)
	{
		if (strcmp(model->numbers[i].name, name) == 0)
			return model->numbers[i].value;
	}
	return NAN;
}

const char *
task_name(Task task)
{
	switch (task)
	{
		case TASK_REGRESSION:
			return "regression";
		case TASK_BINARY:
			return "binary";
		case TASK_MULTICLASS:
			return "multiclass";
		case TASK_CLUSTERING:
			return "clustering";
		case TASK_ANOMALY:
			return "anomaly";
	}
	return "unknown";
}

const char *
link_name(Link link)
{
	switch (link)
	{
		case LINK_IDENTITY:
			return "identity";
		case LINK_LOGIT:
			return "logit";
		case LINK_SOFTMAX:
			return "softmax";
		case LINK_LOG:
			return "log";
		case LINK_INVERSE:
			return "inverse";
		case LINK_PROBIT:
			return "probit";
		case LINK_CLOGLOG:
			return "cloglog";
		case LINK_SQRT:
			return "sqrt";
		case LINK_INVERSE_SQUARE:
			return "inverse_square";
	}
	return "unknown";
}

/* Whether the fit had an intercept: algorithms without the parameter always do. */
static bool
has_intercept(const Model *model)
{
	for (int i = 0; i < model->params.count; i++)
	{
		if (strcmp(model->params.specs[i].name, "fit_intercept") == 0)
			return model->params.values[i].number != 0;
	}
	return true;
}

/* Fills statistic, p-value and limits from estimate and standard error; df NaN: normal. */
static void
complete_coefficient(Coefficient *row, double df, double quantile)
{
	row->statistic = NAN;
	row->p_value = NAN;
	row->conf_low = NAN;
	row->conf_high = NAN;
	if (isnan(row->estimate) || isnan(row->std_error))
		return;
	row->statistic = row->estimate / row->std_error;
	if (!isnan(row->statistic))
		row->p_value = isnan(df) ? normal_two_sided(row->statistic) : student_two_sided(row->statistic, df);
	row->conf_low = row->estimate - quantile * row->std_error;
	row->conf_high = row->estimate + quantile * row->std_error;
}

CoreStatus
model_coefficients(CoreEnv *env, const Model *model, double confidence, Coefficient **table, int *count)
{
	const ModelArray *estimate;
	const ModelArray *std_error = NULL;
	int			cols = model->transform->nterms + 1;
	bool		intercept = has_intercept(model);
	double		df = model_number(model, "df_residual");
	double		quantile;
	int			first_class;
	Coefficient *rows;

	*count = 0;
	if (model_array(model, "estimate") == NULL)
		return env_hint(env, env_fail(env, CORE_UNSUPPORTED, "models of algorithm \"%s\" have no coefficients", model->algorithm->name),
						"Linear models have them; mlops.permutation_importance() tells for every algorithm which features count.");
	if (!(confidence > 0 && confidence < 1))
		return env_fail(env, CORE_INVALID, "confidence must be between 0 and 1, not %.15g", confidence);
	CORE_TRY(model_require(env, model, "estimate", ARRAY_F64, -1, cols, &estimate));
	if (model_array(model, "std_error") != NULL)
		CORE_TRY(model_require(env, model, "std_error", ARRAY_F64, estimate->rows, cols, &std_error));
	if (estimate->rows < 1 || (estimate->rows > 1 && estimate->rows > model->target.nclasses))
		return env_fail(env, CORE_CORRUPT, "the model has coefficients for %lld classes", (long long) estimate->rows);

	quantile = isnan(df) ? normal_quantile(0.5 + confidence / 2) :
		df > 0 ? student_quantile(0.5 + confidence / 2, df) : NAN;
	/* with one row fewer than classes the first class is the reference */
	first_class = model->target.nclasses - (int) estimate->rows;
	CORE_ALLOC(env, rows, (size_t) estimate->rows * (size_t) cols);
	for (int64_t k = 0; k < estimate->rows; k++)
	{
		for (int j = intercept ? 0 : 1; j < cols; j++)
		{
			Coefficient *row = &rows[(*count)++];

			row->class_name = estimate->rows > 1 ? model->target.classes[first_class + k] : NULL;
			row->term = j == 0 ? "(Intercept)" : model->transform->terms[j - 1].name;
			row->estimate = ((const double *) estimate->data)[k * cols + j];
			row->std_error = std_error != NULL ? ((const double *) std_error->data)[k * cols + j] : NAN;
			complete_coefficient(row, df, quantile);
		}
	}
	*table = rows;
	return CORE_OK;
}
