/*
 * linear_scorer.c
 *	  What every model whose margins are linear shares; see linear_scorer.h.
 *
 * Four running sums hide the latency of additions; which term goes to which
 * sum, and the order in which they are joined, is fixed, so the bits are too.
 */
#include "core/linear_scorer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LISTED_BYTES 360		/* of names in a notice; the other terms are counted */

CoreStatus
linear_scorer_bind(CoreEnv *env, Model *model, int rows)
{
	const ModelArray *estimate;
	int64_t		cols = (int64_t) model->transform->nterms + 1;
	const double *source;
	double	   *coefficients;

	if (model->noutputs != rows)
		return env_fail(env, CORE_CORRUPT, "the model has %d outputs instead of %d", model->noutputs, rows);
	CORE_TRY(model_require(env, model, "estimate", ARRAY_F64, rows, cols, &estimate));
	source = estimate->data;
	CORE_ALLOC(env, coefficients, (size_t) (rows * cols));
	for (int64_t i = 0; i < rows * cols; i++)
	{
		if (isinf(source[i]))
			return env_fail(env, CORE_CORRUPT, "coefficient %lld of the model is infinite", (long long) i);
		coefficients[i] = isnan(source[i]) ? 0 : source[i];
	}
	model->scorer = coefficients;
	return CORE_OK;
}

void
linear_scorer_score(const Model *model, const double *terms, double *scratch, double *out)
{
	int			nterms = model->transform->nterms;
	const double *coefficient = model->scorer;

	(void) scratch;
	for (int k = 0; k < model->noutputs; k++)
	{
		double		sum[4] = {coefficient[0], 0, 0, 0};
		int			j = 0;

		coefficient++;
		for (; j + 4 <= nterms; j += 4)
		{
			sum[0] += coefficient[j] * terms[j];
			sum[1] += coefficient[j + 1] * terms[j + 1];
			sum[2] += coefficient[j + 2] * terms[j + 2];
			sum[3] += coefficient[j + 3] * terms[j + 3];
		}
		for (; j < nterms; j++)
			sum[j & 3] += coefficient[j] * terms[j];
		out[k] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
		coefficient += nterms;
	}
}

CoreStatus
linear_check_estimates(CoreEnv *env, const Term *terms, int nterms, const double *estimate, bool aliases)
{
	CoreStatus	status;

	for (int j = 0; j < nterms; j++)
	{
		if (isfinite(estimate[1 + j]) || (aliases && isnan(estimate[1 + j])))
			continue;
		status = env_fail(env, CORE_NUMERIC, "the coefficient of \"%s\" is beyond the range of numbers", terms[j].name);
		return env_hint(env, status, "Its values are too small or too close together: multiply them by a power of ten.");
	}
	if (!isfinite(estimate[0]))
	{
		status = env_fail(env, CORE_NUMERIC, "the intercept is beyond the range of numbers");
		return env_hint(env, status, "Values of the features or of the target are too large or too small: multiply them by a power of ten.");
	}
	return CORE_OK;
}

CoreStatus
linear_report_aliased(CoreEnv *env, const Term *terms, int nterms, const bool *aliased)
{
	char		list[LISTED_BYTES] = "";
	size_t		used = 0;
	int			count = 0;
	int			listed = 0;

	for (int j = 0; j < nterms; j++)
	{
		size_t		left = sizeof(list) - used;

		if (!aliased[j])
			continue;
		count++;
		/* whole names only, so that no character is cut in half */
		if (strlen(terms[j].name) + 5 > left)
			continue;
		used += (size_t) snprintf(list + used, left, "%s\"%s\"", listed > 0 ? ", " : "", terms[j].name);
		listed++;
	}
	if (count == 1 && listed == 1)
		env_log(env, CORE_NOTICE, "term %s is constant or a linear combination of other terms and has no coefficient", list);
	else if (count > listed)
		env_log(env, CORE_NOTICE, "%d terms are constant or linear combinations of other terms and have no coefficients: %s and %d more",
				count, list, count - listed);
	else if (count > 0)
		env_log(env, CORE_NOTICE, "%d terms are constant or linear combinations of other terms and have no coefficients: %s",
				count, list);
	return CORE_OK;
}
