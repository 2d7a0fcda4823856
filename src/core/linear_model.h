/*
 * linear_model.h
 *	  From a solved LinearState to a Model of algorithm "linear".
 */
#ifndef CORE_LINEAR_MODEL_H
#define CORE_LINEAR_MODEL_H

#include "core/algorithm.h"
#include "core/linear_state.h"

extern const Algorithm algorithm_linear;

/*
 * Solves and fills link, outputs, rows and weight, the arrays "estimate" and
 * "std_error", and the fit statistics of a model whose transform, parameters
 * and target are set.  A NOTICE names aliased terms.
 */
extern CoreStatus linear_model_fill(CoreEnv *env, const LinearState *state, const LinearOptions *options, Model *model);

/* What parameters of algorithm "linear" ask for. */
extern LinearOptions linear_options(const ParamSet *params);

#define LINEAR_MAX_FEATURES 1600	/* as many as a table has columns; more are one vector */

/*
 * A model whose features are the numbers that the state was built from, named
 * names[nterms] or, with NULL, x1, x2, ... (beyond LINEAR_MAX_FEATURES the one
 * vector x); params are those of algorithm "linear" and must live as long as
 * the model.
 */
extern CoreStatus linear_model_from_state(CoreEnv *env, const LinearState *state, const ParamSet *params, const char *const *names, const char *target, Model **result);

#endif							/* CORE_LINEAR_MODEL_H */
