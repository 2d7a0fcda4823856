/*
 * multinomial.h
 *	  Multinomial logistic regression (softmax) by maximum likelihood.
 *
 * With classes 0 .. K-1, the first one (that has rows) being the reference with
 * margin 0, minimises
 *
 *		- sum_i w_i log P(y_i | x_i) + lambda/2 sum_j sd_j^2 sum_k (b_kj - mean_k b_kj)^2,
 *		P(k | x) = exp(b_k0 + x'b_k) / sum_l exp(b_l0 + x'b_l)
 *
 * The penalty, over all classes with the reference's zeros among them, does not
 * depend on which class is the reference: the probabilities are those of the
 * symmetric formulation, in which the penalty is lambda/2 times the sum of
 * squares over all classes.
 *
 * A first pass takes the least squares state of the design; its triangle
 * decides which terms are aliased and gives a basis in which the terms are
 * uncorrelated, so that cross-products lose no digits to collinearity.  Up to
 * MULTINOMIAL_NEWTON_LIMIT free coefficients: Newton's method with the full
 * information matrix, and standard errors from it.  Above: L-BFGS (Nocedal
 * 1980) with Bohning's bound of the information (1992) as the initial metric,
 * and no standard errors.
 *
 * Separation as in irls.h: a direction is a certificate when no row's own class
 * loses against another one, and some row's wins.
 */
#ifndef CORE_MULTINOMIAL_H
#define CORE_MULTINOMIAL_H

#include "core/algorithm.h"
#include "core/linear_state.h"

#define MULTINOMIAL_NEWTON_LIMIT 600	/* (classes - 1) x (1 + terms) */

typedef struct MultinomialOptions
{
	bool		intercept;
	double		ridge;
	double		tol;
	int			max_iter;
	bool		balanced;		/* classes weigh the same in total */
} MultinomialOptions;

extern CoreStatus multinomial_begin(CoreEnv *env, const FitInput *input, const MultinomialOptions *options, FitPlan *plan);
extern CoreStatus multinomial_start(CoreEnv *env, const FitPlan *plan, void *iterate);
extern void multinomial_state_init(const FitPlan *plan, const void *iterate, void *state);
extern CoreStatus multinomial_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate, void *state, const DesignBlock *block);
extern CoreStatus multinomial_merge(CoreEnv *env, const FitPlan *plan, void *state, const void *other);
extern CoreStatus multinomial_step(CoreEnv *env, const FitPlan *plan, void *iterate, const void *state, bool *done);
extern CoreStatus multinomial_finish(CoreEnv *env, const FitPlan *plan, const void *iterate, Model *model);
extern CoreStatus multinomial_bind(CoreEnv *env, Model *model);
extern void multinomial_score(const Model *model, const double *terms, double *scratch, double *out);
extern int64_t multinomial_pass_blocks(const FitPlan *plan, const void *iterate, int64_t nblocks);

#endif							/* CORE_MULTINOMIAL_H */
