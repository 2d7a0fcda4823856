/*
 * row_plan.h
 *	  A transform laid out for single rows, for call sites that score many.
 */
#ifndef CORE_ROW_PLAN_H
#define CORE_ROW_PLAN_H

#include "core/transform.h"

/* A number or boolean that becomes one term, and perhaps an indicator. */
typedef struct PlainTerm
{
	int			feature;		/* index into the schema */
	int			term;
	int			indicator;		/* term; -1: none */
	bool		impute;
	bool		scale;
	double		impute_value;
	double		low;
	double		high;
	double		center;
	double		spread;
} PlainTerm;

typedef struct RowPlan
{
	int			nplain;
	PlainTerm  *plain;
	int			nothers;
	const FeatureTransform **others;
} RowPlan;

/* The transform must live as long as the plan. */
extern CoreStatus row_plan_create(CoreEnv *env, const Transform *transform, RowPlan **result);

/* The bits of transform_row. */
extern void row_plan_terms(const RowPlan *plan, const FeatureValue *values, double *x);

#endif							/* CORE_ROW_PLAN_H */
