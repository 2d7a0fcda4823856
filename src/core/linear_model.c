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
#include <string.h>

static CoreStatus
make_feature(CoreEnv *env, const LinearState *state, int j, const char *name, Feature *feature, FeatureTransform *transform)
{
	feature->name = name != NULL ? env_strdup(env, name) : env_sprintf(env, "x%d", j + 1);
	feature->type_name = env_strdup(env, "double precision");
	if (feature->name == NULL || feature->type_name == NULL)
		return CORE_NO_MEMORY;
	feature->kind = FEATURE_NUMERIC;
	feature->width = 1;

	transform->feature = j;
	transform->first_term = j;
	transform->nterms = 1;
	transform->impute = IMPUTE_MEAN;
	transform->scale = SCALE_NONE;
	transform->reference = -1;
	CORE_ALLOC(env, transform->impute_value, 1);
	CORE_ALLOC(env, transform->low, 1);
	CORE_ALLOC(env, transform->high, 1);
	*transform->impute_value = state->data[j];
	/* a state does not know the range of its rows */
	*transform->low = -DBL_MAX;
	*transform->high = DBL_MAX;
	return CORE_OK;
}

CoreStatus
linear_model_from_state(CoreEnv *env, const LinearState *state, const ParamSet *params, const char *const *names, const char *target, Model **result)
{
	int			p = state->nterms;
	LinearOptions options = linear_options(params);
	Transform  *transform;
	Model	   *model;

	CORE_ALLOC(env, model, 1);
	CORE_ALLOC(env, transform, 1);
	CORE_ALLOC(env, model->schema.features, (size_t) p);
	CORE_ALLOC(env, transform->features, (size_t) p);
	for (int j = 0; j < p; j++)
		CORE_TRY(make_feature(env, state, j, names != NULL ? names[j] : NULL, &model->schema.features[j], &transform->features[j]));
	model->schema.count = p;
	transform->nfeatures = p;
	transform->nterms = p;
	CORE_TRY(transform_name_terms(env, transform, &model->schema));

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
	*result = model;
	return CORE_OK;
}
