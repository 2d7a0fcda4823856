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

#define MULTINOMIAL_LBFGS_FACTOR 5		/* L-BFGS may take as many times max_iter steps */

#define MULTINOMIAL_TOL 1e-10
#define MULTINOMIAL_TOL_LARGE 1e-8	/* where a pass takes a while */

typedef struct MultinomialOptions
{
	bool		intercept;
	double		ridge;
	double		tol;			/* NaN: by the number of rows */
	int			max_iter;
	bool		balanced;		/* classes weigh the same in total */
	const double *class_weight; /* factors on the weights of rows; they live as long as the plan */
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

/*
 * Shared by the files multinomial*.c only.
 */

#define MULTINOMIAL_BASIS_LIMIT 1000	/* terms; above, they are only centred and scaled */

typedef struct MultinomialPlan
{
	MultinomialOptions options;
	bool		newton;
	bool		uncorrelated;	/* terms are multiplied by `basis` */
	int64_t		sample_blocks;	/* 0: no sampling */
	double	   *chunk;			/* multinomial_chunk_doubles */
	double	   *workspace;		/* of linear_state_add over a block */
} MultinomialPlan;

typedef struct MultinomialIterate
{
	int32_t		surveyed;		/* `state` of the next pass is about coefficients */
	int32_t		sampled;
	int32_t		moved;
	int32_t		last;
	int32_t		converged;
	int32_t		separation;		/* 0 no, 1 partly, 2 completely */
	int32_t		nkept;
	int32_t		present;		/* classes that have rows */
	int32_t		iteration;
	int32_t		halvings;
	int32_t		history;		/* L-BFGS: pairs stored, ever */
	int32_t		reserved;
	int64_t		rows;
	double		weight;
	double		objective;		/* penalised deviance at `previous` */
	double		promise;		/* L-BFGS: the fall of the deviance that the move promised */
	double		deviance;
	double		null_deviance;
	double		condition;
	double		max_eta;
	double		data[];			/* see multinomial_vectors */
} MultinomialIterate;

/*
 * Coefficients are [active class][1 + nkept], row-major, for terms z = T'((x -
 * centre) / spread), T being `basis`; active classes are those present but the
 * reference.
 */
typedef struct MultinomialVectors
{
	double	   *centre;			/* [1 + nterms]; element 1 + k is kept term k */
	double	   *spread;
	double	   *beta;			/* [(classes - 1) x (1 + nterms)], as are the next three */
	double	   *previous;
	double	   *direction;
	double	   *gradient;		/* of the log-likelihood at `previous`; L-BFGS only */
	double	   *error;			/* in the user's units */
	double	   *divergent;		/* 1 where separation makes the estimate arbitrary */
	double	   *factor;			/* [classes] on the weights */
	double	   *basis;			/* nkept x nkept upper triangle by columns, when uncorrelated */
	double	   *pairs;			/* LBFGS_PAIRS x 2 x coefficients */
	int32_t    *kept;			/* [1 + nterms] index of the term in the design */
	int32_t    *active;			/* [classes] row in `beta`, -1 reference, -2 absent */
} MultinomialVectors;

extern MultinomialVectors multinomial_vectors(const FitPlan *plan, const MultinomialIterate *iterate);
/* Doubles that a pass works in. */
extern size_t multinomial_chunk_doubles(int nterms, int nclasses, bool newton);

typedef struct MultinomialState
{
	int64_t		rows;			/* with positive weight */
	int32_t		not_finite;
	int32_t		columns;		/* 1 + nkept; 0 in the survey */
	int32_t		actives;
	int32_t		reserved;
	double		weight;
	double		deviance;
	double		scale;
	double		max_eta;
	double		max_move;
	double		min_gain;
	double		min_margin;
	double		padding[6];
	double		data[];			/* class weights, padded to 8; then LinearState, or gradient and information */
} MultinomialState;

_Static_assert(sizeof(MultinomialState) % 64 == 0, "the sums of a pass are aligned");

static inline const MultinomialPlan *
multinomial_plan(const FitPlan *plan)
{
	return plan->private;
}

static inline size_t
multinomial_class_doubles(int nclasses)
{
	return ((size_t) nclasses + 7) / 8 * 8;
}

/*
 * What follows the class weights, with m = actives x columns: the gradient [m];
 * for Newton's method the sum of w (p x z)(p x z)' [m x m, upper triangle], and
 * for each active class the sum of w p (1 - p) zz' [columns x columns, upper].
 */
static inline double *
multinomial_payload(const FitPlan *plan, const MultinomialState *state)
{
	return (double *) state->data + multinomial_class_doubles(plan->input.nclasses);
}

static inline LinearState *
multinomial_linear_state(const FitPlan *plan, const MultinomialState *state)
{
	return (LinearState *) ((char *) state + offsetof(MultinomialState, data)
							+ multinomial_class_doubles(plan->input.nclasses) * sizeof(double));
}

#endif							/* CORE_MULTINOMIAL_H */
