/*
 * row_plan.c
 *	  A transform laid out for single rows; see row_plan.h.
 *
 * What most features need fits one cache line each, in place of a general
 * entry with arrays of one element: 3 ns a term instead of 12.
 */
#include "core/row_plan.h"

#include <math.h>

#include "core/transform_internal.h"

static bool
is_plain(const FeatureTransform *f)
{
	return f->encode == 0 && f->parts == 0 && f->kind != FEATURE_VECTOR && f->map == MAP_NONE && f->dropped == NULL &&
		f->nterms == (f->indicator ? 2 : 1);
}

static void
fill_plain(const FeatureTransform *f, PlainTerm *plain)
{
	plain->feature = f->feature;
	plain->term = f->first_term;
	plain->indicator = f->indicator ? f->first_term + 1 : -1;
	plain->impute = f->impute != IMPUTE_NONE;
	if (plain->impute)
	{
		plain->impute_value = f->impute_value[0];
		plain->low = f->low[0];
		plain->high = f->high[0];
	}
	plain->scale = f->scale != SCALE_NONE;
	if (plain->scale)
	{
		plain->center = f->center[0];
		plain->spread = f->spread[0];
	}
}

CoreStatus
row_plan_create(CoreEnv *env, const Transform *transform, RowPlan **result)
{
	RowPlan    *plan;

	CORE_ALLOC(env, plan, 1);
	CORE_ALLOC(env, plan->plain, (size_t) transform->nfeatures);
	CORE_ALLOC(env, plan->others, (size_t) transform->nfeatures);
	for (int k = 0; k < transform->nfeatures; k++)
	{
		const FeatureTransform *f = &transform->features[k];

		if (is_plain(f))
			fill_plain(f, &plan->plain[plan->nplain++]);
		else
			plan->others[plan->nothers++] = f;
	}
	*result = plan;
	return CORE_OK;
}

void
row_plan_terms(const RowPlan *plan, const FeatureValue *values, double *x)
{
	for (int k = 0; k < plan->nplain; k++)
	{
		const PlainTerm *plain = &plan->plain[k];
		const FeatureValue *value = &values[plain->feature];
		double		number = value->missing ? NAN : value->number;

		if (plain->indicator >= 0)
			x[plain->indicator] = number != number;
		if (plain->impute)
			number = transform_replace_missing(number, plain->impute_value, plain->low, plain->high);
		if (plain->scale)
			number = (number - plain->center) / plain->spread;
		x[plain->term] = number;
	}
	for (int k = 0; k < plan->nothers; k++)
		transform_feature_row(plan->others[k], values, x);
}
