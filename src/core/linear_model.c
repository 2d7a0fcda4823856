/*
 * linear_model.c
 *	  Models of algorithm "linear" from stored or streamed states; see linear_model.h.
 *
 * Such a model knows no table: its features are numbers in the order of the
 * array that the state was built from, taken as they are.  A missing element
 * scores as the mean of its term.
 */
#include "core/linear_model.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A number, or a vector of `width` of them, from term `first` on. */
static CoreStatus
make_feature(CoreEnv *env, const LinearState *state, int first, int width, char *name, Feature *feature, FeatureTransform *transform)
{
	feature->name = name;
	feature->type_name = env_strdup(env, width > 1 ? "double precision[]" : "double precision");
	if (feature->name == NULL || feature->type_name == NULL)
		return CORE_NO_MEMORY;
	feature->kind = width > 1 ? FEATURE_VECTOR : FEATURE_NUMERIC;
	feature->width = width;

	transform->feature = first;
	transform->first_term = first;
	transform->nterms = width;
	transform->impute = IMPUTE_MEAN;
	transform->scale = SCALE_NONE;
	transform->reference = -1;
	CORE_ALLOC(env, transform->impute_value, (size_t) width);
	CORE_ALLOC(env, transform->low, (size_t) width);
	CORE_ALLOC(env, transform->high, (size_t) width);
	for (int j = 0; j < width; j++)
	{
		transform->impute_value[j] = state->data[first + j];
		/* a state does not know the range of its rows */
		transform->low[j] = -DBL_MAX;
		transform->high[j] = DBL_MAX;
	}
	return CORE_OK;
}

static CoreStatus
make_features(CoreEnv *env, const LinearState *state, const char *const *names, Model *model, Transform *transform)
{
	int			p = state->nterms;
	bool		vector = p > LINEAR_MAX_FEATURES && names == NULL;
	int			count = vector ? 1 : p;

	CORE_ALLOC(env, model->schema.features, (size_t) count);
	CORE_ALLOC(env, transform->features, (size_t) count);
	for (int j = 0; j < count; j++)
	{
		char	   *name = names != NULL ? env_strdup(env, names[j]) : vector ? env_strdup(env, "x") : env_sprintf(env, "x%d", j + 1);

		CORE_TRY(make_feature(env, state, j, vector ? p : 1, name, &model->schema.features[j], &transform->features[j]));
	}
	model->schema.count = count;
	transform->nfeatures = count;
	transform->nterms = p;
	return transform_name_terms(env, transform, &model->schema);
}

/* Means and standard deviations of the terms, from which explanations start. */
static CoreStatus
add_moments(CoreEnv *env, const LinearState *state, Model *model)
{
	double	   *mean;
	double	   *spread;

	CORE_TRY(model_add_array(env, model, "term_mean", ARRAY_F64, state->nterms, 1, (void **) &mean));
	CORE_TRY(model_add_array(env, model, "term_sd", ARRAY_F64, state->nterms, 1, (void **) &spread));
	for (int j = 0; j < state->nterms; j++)
	{
		const double *r = linear_state_column(state, j);
		double		squares = 0;

		for (int i = 0; i <= j; i++)
			squares += r[i] * r[i];
		mean[j] = state->data[j];
		spread[j] = sqrt(squares / state->weight);
	}
	return CORE_OK;
}

CoreStatus
linear_model_from_state(CoreEnv *env, const LinearState *state, const ParamSet *params, const char *const *names, const char *target, Model **result)
{
	LinearOptions options = linear_options(params);
	Transform  *transform;
	Model	   *model;

	CORE_ALLOC(env, model, 1);
	CORE_ALLOC(env, transform, 1);
	CORE_TRY(make_features(env, state, names, model, transform));

	model->algorithm = &algorithm_linear;
	model->task = TASK_REGRESSION;
	model->transform = transform;
	model->params = *params;
	model->target.name = env_strdup(env, target);
	model->target.type_name = env_strdup(env, "double precision");
	if (model->target.name == NULL || model->target.type_name == NULL)
		return CORE_NO_MEMORY;
	model->target.threshold = 0.5;
	model->split.sample = 1;
	CORE_TRY(linear_model_fill(env, state, &options, model));
	CORE_TRY(add_moments(env, state, model));
	*result = model;
	return CORE_OK;
}
