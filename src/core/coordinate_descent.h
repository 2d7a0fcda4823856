/*
 * coordinate_descent.h
 *	  The elastic net on a Gram matrix.
 *
 * Minimises over beta
 *
 *	  beta' G beta / 2 - c' beta + alpha (l1_ratio |beta|_1 + (1 - l1_ratio) / 2 |beta|_2^2)
 *
 * which for standardised terms, G = X'WX / w and c = X'Wy / w, is
 * 1 / (2 w) times the weighted residual sum of squares plus the penalty.
 * At the minimum, with g = c - G beta - alpha (1 - l1_ratio) beta:
 * g_j = alpha l1_ratio sign(beta_j) where beta_j is not 0, |g_j| <= alpha l1_ratio where it is.
 */
#ifndef CORE_COORDINATE_DESCENT_H
#define CORE_COORDINATE_DESCENT_H

#include "core/env.h"

typedef struct GramProblem
{
	int			p;
	const double *gram;			/* p x p, symmetric; diagonal 1, or 0 for a term that is constant */
	const double *c;			/* [p] */
	double		square;			/* y'Wy / w, for the scale of tolerances */
} GramProblem;

typedef struct DescentOptions
{
	double		l1_ratio;		/* 0 .. 1 */
	double		tolerance;		/* largest step of a coefficient in the last sweep, in units of sqrt(square) */
	int			max_sweeps;		/* passes over the active terms, per alpha */
} DescentOptions;

/* A point on the path, warm start of the next one. */
typedef struct DescentState
{
	double	   *beta;			/* [p] */
	double	   *gradient;		/* [p] c - G beta */
	bool	   *candidate;		/* [p] terms that screening lets in */
	int		   *active;			/* scratch: [p], [p], [p x p] */
	double	   *solution;
	double	   *matrix;
	double		alpha;			/* of beta; INFINITY at the start */
	int			sweeps;			/* of the last solve */
	bool		converged;
} DescentState;

/* beta = 0, the solution for any alpha from coordinate_descent_alpha_max on. */
extern CoreStatus descent_state_create(CoreEnv *env, const GramProblem *problem, DescentState *state);
extern void descent_state_release(CoreEnv *env, DescentState *state);
/* The smallest alpha with all coefficients zero; for l1_ratio below 0.001 as if it were that. */
extern double coordinate_descent_alpha_max(const GramProblem *problem, double l1_ratio);
/* Moves the state to a smaller (or any other) alpha. */
extern void coordinate_descent_solve(CoreEnv *env, const GramProblem *problem, const DescentOptions *options, double alpha, DescentState *state);
/* Once more the exact values for the coefficients that are not zero, whatever the tolerance was. */
extern void coordinate_descent_polish(CoreEnv *env, const GramProblem *problem, const DescentOptions *options, DescentState *state);

#endif							/* CORE_COORDINATE_DESCENT_H */
