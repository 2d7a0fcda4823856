/*
 * irls_sample.c
 *	  What the sample says about the first step over all rows; see irls.h.
 *
 * A Newton step leaves an error that is quadratic in its length, because the
 * information changes on the way.  How it changes, a sample of the rows knows to
 * a few per cent.  With U the score and H the information of all rows, u and h
 * those of the sample times the ratio of weights, both at b0, and b1 the end of
 * the first step, the score at b1 is near
 *
 *		U(b0) + (u(b1) - u(b0)) - (H(b0) - h(b0)) (b1 - b0)
 *
 * and the information near H(b0) + h(b1) - h(b0): one more step from b1 with
 * these, for a pass over the sample alone, leaves some hundredths of the error.
 * (M. I. Jordan, J. D. Lee, Y. Yang, "Communication-efficient distributed
 * statistical inference", 2019, use the same surrogate.)  Nothing depends on it
 * but the number of passes: the next pass over all rows looks at where it led.
 *
 * The sample is evaluated at b0 before all rows are; its cross-product is kept
 * in the iterate, and replaced by the difference H - h, U - u when all rows'
 * are known.
 */
#include "core/irls.h"

#include <string.h>

#define LARGEST_CORRECTION 0.1	/* of the decrement of the step that is corrected */

static size_t
cross_doubles(const IrlsIterate *iterate)
{
	return ((size_t) iterate->nkept + 2) * ((size_t) iterate->nkept + 3) / 2;
}

double *
irls_reference(const FitPlan *plan, const IrlsIterate *iterate)
{
	return (double *) iterate->data + IRLS_VECTORS * ((size_t) plan->input.nterms + 1);
}

void
irls_keep_sample(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state)
{
	memcpy(irls_reference(plan, iterate), state->data, cross_doubles(iterate) * sizeof(double));
	iterate->sample_weight = state->weight;
	iterate->correction = IRLS_SAMPLE_KNOWN;
}

void
irls_keep_difference(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state)
{
	double	   *reference = irls_reference(plan, iterate);
	double		ratio = state->weight / iterate->sample_weight;
	size_t		doubles = cross_doubles(iterate);

	for (size_t i = 0; i < doubles; i++)
		reference[i] = state->data[i] - ratio * reference[i];
	/* now a factor */
	iterate->sample_weight = ratio;
	iterate->sampled = (int32_t) ((const IrlsPlan *) plan->private)->sample_blocks;
	iterate->correction = IRLS_DIFFERENCE_KNOWN;
}

/* Information and score of all rows at these coefficients, as the sample has it, in the form of a pass. */
static void
extrapolate(const FitPlan *plan, const IrlsIterate *iterate, const IrlsState *state, IrlsState *whole)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	int			n = iterate->nkept + 1;
	double	   *score = irls_cross_column(whole, n);
	const double *difference = irls_reference(plan, iterate);
	size_t		doubles = cross_doubles(iterate);

	for (size_t i = 0; i < doubles; i++)
		whole->data[i] = difference[i] + iterate->sample_weight * state->data[i];
	for (int j = 0; j < n; j++)
	{
		const double *column = difference + (size_t) j * ((size_t) j + 1) / 2;

		for (int i = 0; i <= j; i++)
		{
			score[i] -= column[i] * v.direction[j];
			if (i < j)
				score[j] -= column[i] * v.direction[i];
		}
	}
}

CoreStatus
irls_correct(CoreEnv *env, const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	IrlsState  *whole;
	IrlsStep	step;
	double		decrement = iterate->decrement * iterate->objective;

	/* whatever comes of it, all rows are next, and how fast steps shrink is not known */
	iterate->sampled = 0;
	iterate->correction = IRLS_NO_CORRECTION;
	iterate->decrement = 0.0;
	if (state->invalid || state->not_finite)
		return CORE_OK;
	whole = env_alloc(env, 1, plan->state_size);
	if (whole == NULL)
		return CORE_NO_MEMORY;
	whole->cross_columns = iterate->nkept + 2;
	extrapolate(plan, iterate, state, whole);
	CORE_TRY(irls_solve(env, plan, iterate, whole, irls_options(plan)->ridge, &step));
	for (int k = 0; !step.failed && step.decrement <= LARGEST_CORRECTION * decrement && k <= iterate->nkept; k++)
	{
		v.beta[k] += step.delta[k];
		v.direction[k] += step.delta[k];
	}
	env_release(env, step.delta);
	env_release(env, step.error);
	env_release(env, whole);
	return CORE_OK;
}
