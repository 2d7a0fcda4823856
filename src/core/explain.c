/*
 * explain.c
 *	  Attributions by kind of model; see explain.h.
 */
#include "core/explain.h"

#include <math.h>

#include "core/algorithm.h"
#include "core/tree_shap.h"

struct Explainer
{
	const Model *model;
	TreeShap   *shap;			/* NULL: a linear model */
	const double *estimate;		/* [noutputs or noutputs - 1][1 + nterms] */
	int			first;			/* outputs before this one have margin 0 */
	const double *mean;			/* [nterms] */
};

CoreStatus
explainer_create(CoreEnv *env, const Model *model, Explainer **result)
{
	const ModelArray *estimate = model_array(model, "estimate");
	const ModelArray *mean;
	int			nterms = model->transform->nterms;
	Explainer  *explainer;

	CORE_ALLOC(env, explainer, 1);
	explainer->model = model;
	*result = explainer;
	/* all algorithms that tree_model_bind lays out have its scratch, whatever they do with the sums */
	if (model->algorithm->scratch == tree_model_scratch)
		return tree_shap_create(env, model, &explainer->shap);
	if (estimate == NULL)
		return env_hint(env, env_fail(env, CORE_UNSUPPORTED, "predictions of algorithm \"%s\" have no exact explanation", model->algorithm->name),
						"Linear models and models of trees have one.");
	if (model_array(model, "term_mean") == NULL)
		return env_hint(env, env_fail(env, CORE_UNSUPPORTED, "the model holds no means of its terms, from which explanations start"),
						"Train it again.");
	CORE_TRY(model_require(env, model, "term_mean", ARRAY_F64, nterms, 1, &mean));
	CORE_TRY(model_require(env, model, "estimate", ARRAY_F64, -1, (int64_t) nterms + 1, &estimate));
	if (estimate->rows != model->noutputs && estimate->rows != model->noutputs - 1)
		return env_fail(env, CORE_CORRUPT, "the model has coefficients for %lld of %d outputs", (long long) estimate->rows, model->noutputs);
	explainer->estimate = estimate->data;
	explainer->first = model->noutputs - (int) estimate->rows;
	explainer->mean = mean->data;
	return CORE_OK;
}

/* The row of coefficients of an output; NULL: all are 0. */
static const double *
coefficients(const Explainer *explainer, int output)
{
	if (output < explainer->first)
		return NULL;
	return explainer->estimate + (size_t) (output - explainer->first) * ((size_t) explainer->model->transform->nterms + 1);
}

double
explainer_baseline(const Explainer *explainer, int output)
{
	const double *coefficient;
	double		sum;

	if (explainer->shap != NULL)
		return tree_shap_baseline(explainer->shap, output);
	coefficient = coefficients(explainer, output);
	if (coefficient == NULL)
		return 0;
	sum = isnan(coefficient[0]) ? 0 : coefficient[0];
	for (int j = 0; j < explainer->model->transform->nterms; j++)
	{
		if (!isnan(coefficient[j + 1]))
			sum += coefficient[j + 1] * explainer->mean[j];
	}
	return sum;
}

void
explainer_attribute(Explainer *explainer, const double *terms, int output, double *attribution)
{
	const Transform *transform = explainer->model->transform;
	const double *coefficient;

	if (explainer->shap != NULL)
	{
		tree_shap_attribute(explainer->shap, terms, output, attribution);
		return;
	}
	for (int i = 0; i < explainer->model->schema.count; i++)
		attribution[i] = 0;
	coefficient = coefficients(explainer, output);
	for (int j = 0; coefficient != NULL && j < transform->nterms; j++)
	{
		/* aliased terms have none */
		if (!isnan(coefficient[j + 1]))
			attribution[transform->terms[j].feature] += coefficient[j + 1] * (terms[j] - explainer->mean[j]);
	}
}
