/*
 * design.h: designs of least squares as columns, and their states and solutions.
 */
#ifndef MLOPS_TEST_DESIGN_H
#define MLOPS_TEST_DESIGN_H

#include "core/linear_state.h"
#include "support.h"

/* Column-major design of its own. */
typedef struct Design
{
	int			nrows;
	int			nterms;
	double	   *x;
	double	   *y;
	double	   *w;				/* NULL: all 1 */
} Design;

/* Zeroed. */
extern Design design_create(CoreEnv *env, int nrows, int nterms, bool weighted);
/* Term j has mean offset * (j + 1); the target is linear in the terms, coefficients 0.5 and -0.25, with noise of sd 1. */
extern Design design_random(CoreEnv *env, TestRandom *random, int nrows, int nterms, bool weighted, double offset);
extern LinearState *design_state_new(CoreEnv *env, int nterms);
extern double *design_workspace(CoreEnv *env, int nterms, int nrows);
/* Rows first .. first+count-1 of the design as a state, added `step` rows at a time. */
extern LinearState *design_state(CoreEnv *env, const Design *design, int first, int count, int step);
extern LinearSolution design_solve(CoreEnv *env, const LinearState *state, bool intercept, double ridge);

#endif							/* MLOPS_TEST_DESIGN_H */
