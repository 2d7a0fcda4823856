/*
 * class_weight.h
 *	  Parameter class_weight where it names classes: a factor on the weights of
 *	  the rows of each.
 */
#ifndef CORE_CLASS_WEIGHT_H
#define CORE_CLASS_WEIGHT_H

#include "core/algorithm.h"

/* factor[input->nclasses]: as given, 1 for classes that are not named; a name that is no class is an error. */
extern CoreStatus class_weight_factors(CoreEnv *env, const FitInput *input, double *factor);
/* Whether every class is to weigh the same in total. */
extern bool class_weight_balanced(const ParamSet *params);
/* Whether classes are named. */
extern bool class_weight_named(const ParamSet *params);

#endif							/* CORE_CLASS_WEIGHT_H */
