/*
 * explain.c
 *	  Attributions by kind of model; see explain.h.
 */
#include "core/explain.h"

#include <math.h>

#include <string.h>

#include "core/algorithm.h"
#include "core/bayes_explain.h"
#include "core/tree_shap.h"

struct Explainer
{
	const Model *model;
	TreeShap   *shap;			/* models of trees */
	BayesExplainer *bayes;		/* naive Bayes; neither: a linear model */
	const double *estimate;		/* [noutputs or noutputs - 1][1 + nterms] */
	int			first;			/* outputs before this one have margin 0 */
	const double *mean;			/* [nterms] */
	bool		centered;		/* less the mean over outputs */
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
	if (strcmp(model->algorithm->name, "naive_bayes") == 0)
		return bayes_explainer_create(env, model, &explainer->bayes);
	if (estimate == NULL)
		return env_hint(env, env_fail(env, CORE_UNSUPPORTED, "predictions of algorithm \"%s\" have no exact explanation", model->algorithm->name),
						"Linear models, models of trees and naive Bayes have one.");
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
	explainer->centered = model->task == TASK_MULTICLASS && model->link == LINK_SOFTMAX;
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

/* The margin at the means. */
static double
linear_baseline(const Explainer *explainer, int output)
{
	const double *coefficient = coefficients(explainer, output);
	double		sum;

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

double
explainer_baseline(const Explainer *explainer, int output)
{
	double		sum;
	double		mean = 0;

	if (explainer->shap != NULL)
		return tree_shap_baseline(explainer->shap, output);
	if (explainer->bayes != NULL)
		return bayes_explainer_baseline(explainer->bayes, output);
	sum = linear_baseline(explainer, output);
	if (!explainer->centered)
		return sum;
	for (int k = 0; k < explainer->model->noutputs; k++)
		mean += linear_baseline(explainer, k) / explainer->model->noutputs;
	return sum - mean;
}

/* Adds `factor` times what the features add to the margin of an output. */
static void
linear_add(const Explainer *explainer, const double *terms, int output, double factor, double *attribution)
{
	const Transform *transform = explainer->model->transform;
	const double *coefficient = coefficients(explainer, output);

	for (int j = 0; coefficient != NULL && j < transform->nterms; j++)
	{
		/* aliased terms have none */
		if (!isnan(coefficient[j + 1]))
			attribution[transform->terms[j].feature] += factor * coefficient[j + 1] * (terms[j] - explainer->mean[j]);
	}
}

void
explainer_attribute(Explainer *explainer, const double *terms, int output, double *attribution)
{
	int			noutputs = explainer->model->noutputs;

	if (explainer->shap != NULL)
	{
		tree_shap_attribute(explainer->shap, terms, output, attribution);
		return;
	}
	if (explainer->bayes != NULL)
	{
		bayes_explainer_attribute(explainer->bayes, terms, output, attribution);
		return;
	}
	for (int i = 0; i < explainer->model->schema.count; i++)
		attribution[i] = 0;
	linear_add(explainer, terms, output, 1, attribution);
	for (int k = 0; k < noutputs && explainer->centered; k++)
		linear_add(explainer, terms, k, -1.0 / noutputs, attribution);
}
