/*
 * score.h
 *	  One row scored by one call: shared by the functions of the predict family.
 */
#ifndef SCORE_SCORE_H
#define SCORE_SCORE_H

#include "postgres.h"

#include "fmgr.h"

#include "score/features.h"

typedef struct Scored
{
	const ModelHandle *handle;
	const Model *model;
	const FeatureValue *values; /* the row, parallel to the schema */
	const double *terms;		/* what the transform made of it */
	const double *margins;		/* [noutputs] */
	double	   *response;		/* as model_response gives it; until the next call */
	void	  **derived;		/* for what a function derives from the model: NULL when the model is new to
								 * the call site; allocate in handle->context */
} Scored;

/*
 * Scores the row that the arguments from `first` on hold with the model that
 * argument 0 names.  False when the model or the row is NULL: so is the result.
 * check_task, called once for each model of a call site, may refuse it.
 * forced_type: see features_create.
 */
typedef void (*CheckTaskFn) (const ModelHandle *handle);
extern bool score_call(FunctionCallInfo fcinfo, int first, Oid forced_type, CheckTaskFn check_task, Scored *scored);

#endif							/* SCORE_SCORE_H */
