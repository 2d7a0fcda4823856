/*
 * cost.h
 *	  How long a prediction takes, for the planner.
 */
#ifndef SCORE_COST_H
#define SCORE_COST_H

#include "core/model.h"

/* One prediction in units of one simple operator (cpu_operator_cost, some 15 ns). */
extern double model_cost(const Model *model);

#endif							/* SCORE_COST_H */
