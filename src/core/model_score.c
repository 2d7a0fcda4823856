/*
 * model_score.c
 *	  From raw values or terms to margins, responses and classes; see model.h.
 *
 * No allocation, no libm transcendental, no BLAS: the same bits everywhere.
 */
#include "core/algorithm.h"
#include "core/real.h"
#include "core/tree_model.h"

#include <math.h>

static int
algorithm_scratch_size(const Model *model)
{
	return model->algorithm->scratch != NULL ? model->algorithm->scratch(model) : 0;
}

/* Layout: terms, margins, the algorithm's own. */
int
model_scratch_size(const Model *model)
{
	return model->transform->nterms + model->noutputs + algorithm_scratch_size(model);
}

CoreStatus
model_hasten(CoreEnv *env, const Model *model, const Model **result)
{
	*result = model;
	/* all algorithms that tree_model_bind lays out have its scratch, whatever they do with the sums */
	return model->algorithm->scratch == tree_model_scratch ? tree_model_hasten(env, model, result) : CORE_OK;
}

int
model_response_count(const Model *model)
{
	return model->task == TASK_BINARY || model->task == TASK_MULTICLASS ? model->target.nclasses : 1;
}

static double
link_inverse(Link link, double margin)
{
	switch (link)
	{
		case LINK_IDENTITY:
		case LINK_SOFTMAX:
			return margin;
		case LINK_LOGIT:
			return real_logistic(margin);
		case LINK_LOG:
			return real_exp(margin);
		case LINK_INVERSE:
			return 1 / margin;
		case LINK_PROBIT:
			return real_normal_cdf(margin);
		case LINK_CLOGLOG:
			return -real_expm1(-real_exp(margin));
		case LINK_SQRT:
			return margin * margin;
		case LINK_INVERSE_SQUARE:
			return 1 / sqrt(margin);
	}
	return NAN;
}

/* Margins that are shares, up to rounding, become probabilities. */
static void
normalize_shares(double *share, int n)
{
	double		total = 0;

	for (int k = 0; k < n; k++)
	{
		share[k] = share[k] < 0 ? 0 : share[k];
		total += share[k];
	}
	for (int k = 0; k < n; k++)
		share[k] = total > 0 ? share[k] / total : 1.0 / n;
}

static double
clip_probability(double p)
{
	return p < 0 ? 0 : p > 1 ? 1 : p;
}

void
model_respond(const Model *model, const double *margins, double *out)
{
	switch (model->task)
	{
		case TASK_BINARY:
			{
				double		p = calibration_apply(&model->calibration, clip_probability(link_inverse(model->link, margins[0])));
				int			positive = model->target.positive;

				out[positive] = p;
				out[1 - positive] = 1 - p;
				break;
			}
		case TASK_MULTICLASS:
			for (int k = 0; k < model->noutputs; k++)
				out[k] = margins[k];
			if (model->link == LINK_SOFTMAX)
				real_softmax(out, model->noutputs);
			else
				normalize_shares(out, model->noutputs);
			break;
		case TASK_REGRESSION:
			out[0] = target_map_inverse(model->target.map, model->target.lambda, link_inverse(model->link, margins[0]));
			break;
		case TASK_CLUSTERING:
		case TASK_ANOMALY:
			out[0] = link_inverse(model->link, margins[0]);
			break;
	}
}

void
model_margin(const Model *model, const FeatureValue *values, double *scratch, double *out)
{
	int			nterms = model->transform->nterms;

	transform_row(model->transform, values, scratch);
	model->algorithm->score(model, scratch, scratch + nterms + model->noutputs, out);
}

void
model_response(const Model *model, const FeatureValue *values, double *scratch, double *out)
{
	double	   *margins = scratch + model->transform->nterms;

	model_margin(model, values, scratch, margins);
	model_respond(model, margins, out);
}

void
model_response_terms(const Model *model, const double *terms, double *scratch, double *out)
{
	double	   *margins = scratch + model->transform->nterms;

	model->algorithm->score(model, terms, margins + model->noutputs, margins);
	model_respond(model, margins, out);
}

int
model_class(const Model *model, const double *response)
{
	int			best = 0;

	switch (model->task)
	{
		case TASK_BINARY:
			if (response[model->target.positive] >= model->target.threshold)
				return model->target.positive;
			return 1 - model->target.positive;
		case TASK_MULTICLASS:
			for (int k = 1; k < model->target.nclasses; k++)
			{
				if (response[k] > response[best])
					best = k;
			}
			return best;
		case TASK_CLUSTERING:
			return (int) response[0];
		case TASK_REGRESSION:
		case TASK_ANOMALY:
			break;
	}
	return -1;
}

/* Linear between the knots around p, constant outside them. */
static double
interpolate(const Calibration *calibration, double p)
{
	const double *x = calibration->x;
	const double *y = calibration->y;
	int			low = 0;
	int			high = calibration->nknots - 1;

	if (isnan(p))
		return p;
	if (p <= x[low])
		return y[low];
	if (p >= x[high])
		return y[high];
	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (x[middle] <= p)
			low = middle;
		else
			high = middle;
	}
	return y[low] + (y[high] - y[low]) * ((p - x[low]) / (x[high] - x[low]));
}

/*
 * Probabilities near 1 end at 1 - 2^-53; those near 0 would go on to logits of
 * -700 and rule the fit of a slope, so both ends are the same distance away.
 */
double
calibration_logit(double probability)
{
	double		p = probability < 0x1p-53 ? 0x1p-53 : probability > 1 - 0x1p-53 ? 1 - 0x1p-53 : probability;

	return real_log(p) - real_log1p(-p);
}

double
calibration_apply(const Calibration *calibration, double probability)
{
	switch (calibration->method)
	{
		case CALIBRATE_NONE:
			break;
		case CALIBRATE_PLATT:
			return real_logistic(calibration->slope * calibration_logit(probability) + calibration->intercept);
		case CALIBRATE_ISOTONIC:
			return interpolate(calibration, probability);
	}
	return probability;
}
