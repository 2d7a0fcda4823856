/*
 * irls.h
 *	  Maximum likelihood for generalized linear models by iteratively reweighted
 *	  least squares.
 *
 * Minimises over (b0, b) the penalised deviance
 *
 *		sum_i w_i d(y_i, mu_i) + lambda sum_j (s_j b_j)^2,   g(mu_i) = b0 + x_i'b + offset_i
 *
 * with s_j the standard deviation of term j under the case weights, that is
 * twice the negative log-likelihood plus lambda/2 sum_j (s_j b_j)^2.
 *
 * Passes.  SURVEY: least squares state of the plain design; it decides which
 * terms are aliased (left to right, as in `linear`) and gives centres and
 * spreads, in which everything else is computed.  CROSS_PRODUCT: Newton steps
 * from the weighted cross-product (with the observed information near the end
 * when the link is not canonical, else with the expected one); cheap, and a step that is slightly wrong is
 * put right by the next one.  QR: the last steps, from the orthogonal
 * factorization of the weighted design, so that estimates and standard errors
 * keep their digits on ill-conditioned designs.  Large data sets start on their
 * leading blocks (a random sample) with a small ridge, and the sample tells how
 * the first step over all rows bends (irls_sample.c).  1M rows x 28 terms: two
 * cheap passes and one by QR over all rows.
 *
 * A step that raises the penalised deviance or leaves the range of the family
 * is shortened.  Newton's method has converged when the decrement, the squared
 * length of the step in the metric of the information, is below tol^2 times the
 * deviance.
 *
 * Separation.  The likelihood has no maximum if and only if there is a
 * direction (d0, d) along which no row's likelihood falls and some row's rises
 * (Albert and Anderson 1984): for 0/1 targets s_i (d0 + x_i'd) >= 0 in every
 * row.  Newton's steps then tend to such a direction, so every pass tests the
 * last step in all rows; a step that passes is a certificate, up to a relative
 * tolerance of 1e-9 of its largest move.
 */
#ifndef CORE_IRLS_H
#define CORE_IRLS_H

#include "core/algorithm.h"
#include "core/glm_family.h"
#include "core/linear_state.h"

#define IRLS_TOL 1e-10
#define IRLS_TOL_LARGE 1e-8		/* where a pass takes a while; standard errors keep eight digits */

typedef struct IrlsOptions
{
	GlmSpec		spec;
	bool		intercept;
	double		ridge;			/* lambda */
	double		tol;			/* NaN: by the number of rows */
	int			max_iter;
	bool		balanced;		/* BINARY: classes weigh the same in total */
	double		class_weight[2];	/* BINARY: factors on the weights of rows, negative and positive */
} IrlsOptions;

/* The members of an Algorithm, for those that are fitted in this way. */
extern CoreStatus irls_begin(CoreEnv *env, const FitInput *input, const IrlsOptions *options, FitPlan *plan);
extern CoreStatus irls_start(CoreEnv *env, const FitPlan *plan, void *iterate);
extern void irls_state_init(const FitPlan *plan, const void *iterate, void *state);
extern CoreStatus irls_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate, void *state, const DesignBlock *block);
extern CoreStatus irls_merge(CoreEnv *env, const FitPlan *plan, void *state, const void *other);
extern CoreStatus irls_step(CoreEnv *env, const FitPlan *plan, void *iterate, const void *state, bool *done);
extern CoreStatus irls_finish(CoreEnv *env, const FitPlan *plan, const void *iterate, Model *model);
extern int64_t irls_pass_blocks(const FitPlan *plan, const void *iterate, int64_t nblocks);

/*
 * Shared by the files irls*.c only.
 */

typedef enum IrlsBasis
{
	IRLS_SURVEY = 0,
	IRLS_CROSS_PRODUCT,
	IRLS_QR
} IrlsBasis;

/* How far the correction of the first full step by the sample has come; see irls_sample.c. */
typedef enum IrlsCorrection
{
	IRLS_NO_CORRECTION = 0,
	IRLS_SAMPLE_KNOWN,			/* the reference is the cross-product of the sample at these coefficients */
	IRLS_DIFFERENCE_KNOWN		/* the reference is that of all rows less its extrapolation from the sample, one step ago */
} IrlsCorrection;

typedef enum IrlsSeparation
{
	IRLS_OVERLAP = 0,
	IRLS_QUASI_SEPARATED,
	IRLS_SEPARATED				/* the fit classifies every row rightly */
} IrlsSeparation;

typedef struct IrlsIterate
{
	int32_t		basis;			/* IrlsBasis of the next pass */
	int32_t		starting;		/* the next pass works from the family's starting means */
	int32_t		sampled;		/* the next pass reads so many leading blocks only; 0: all */
	int32_t		last;			/* the next QR pass is the last whatever it finds */
	int32_t		moved;			/* `direction` is the move that led here */
	int32_t		has_offset;
	int32_t		null_settled;	/* the null deviance is final */
	int32_t		separation;		/* IrlsSeparation */
	int32_t		converged;
	int32_t		nkept;			/* terms that are not aliased */
	int32_t		rank;			/* with intercept */
	int32_t		iteration;
	int32_t		halvings;
	int32_t		observed;		/* CROSS_PRODUCT: Newton's method with the observed information */
	int32_t		expected_only;	/* the observed information was not positive definite */
	int32_t		correction;		/* IrlsCorrection */
	int64_t		rows;			/* with positive weight */
	double		class_factor[2];
	double		weight;
	double		objective;		/* penalised deviance at `previous` */
	double		decrement;		/* of the last step, relative to the deviance; 0: none */
	double		deviance;
	double		pearson;
	double		likelihood_constant;
	double		max_eta;
	double		start_mean;		/* mean of the target, for starting values */
	double		null_eta;
	double		null_previous;
	double		null_previous_deviance;
	double		null_deviance;
	double		condition;
	double		sample_weight;	/* of the rows behind the reference */
	double		data[];			/* see irls_vectors; then the reference */
} IrlsIterate;

/*
 * The vectors behind an iterate, each as long as 1 + nterms, in the order of
 * kept terms.  Coefficients in scaled units belong to z_j = (x_j - centre_j) /
 * spread_j, element 0 being the intercept.
 */
typedef struct IrlsVectors
{
	double	   *centre;			/* [1 + k] is term k of the kept ones */
	double	   *spread;
	double	   *beta;
	double	   *previous;
	double	   *direction;		/* beta - previous */
	double	   *error;			/* unscaled standard errors, in the user's units; NaN: not estimable */
	double	   *divergent;		/* 1 where separation makes the estimate arbitrary */
	int32_t    *kept;			/* index of the term in the design */
} IrlsVectors;

#define IRLS_VECTORS 8

extern IrlsVectors irls_vectors(const FitPlan *plan, const IrlsIterate *iterate);
/* Doubles that a pass over `nterms` kept terms works in. */
extern size_t irls_chunk_doubles(int nterms);

typedef struct IrlsState
{
	int64_t		rows;			/* with positive weight */
	int32_t		invalid;
	int32_t		not_finite;
	int32_t		has_offset;
	int32_t		null_invalid;
	double		weight;
	double		target;			/* sum of w y */
	double		class_weight[2];	/* BINARY: sums of case weights, class factors excluded */
	double		deviance;
	double		pearson;
	double		scale;
	double		max_eta;
	double		likelihood_constant;
	double		null_deviance;
	double		null_score;
	double		null_information;
	double		max_move;		/* largest |d0 + z'd| */
	double		min_gain;		/* smallest s (d0 + z'd) */
	double		max_stray;		/* largest |d0 + z'd| over rows that may not move */
	double		min_margin;		/* smallest s (eta - offset) */
	int32_t		cross_columns;	/* k + 2, or 0 when `data` is a LinearState */
	int32_t		reserved;
	double		padding[4];
	double		data[];			/* LinearState, or the upper triangle of the cross-product of (1, z, residual), by columns */
} IrlsState;

_Static_assert(sizeof(IrlsState) % 64 == 0, "the sums of a pass are aligned");

typedef struct IrlsPlan
{
	IrlsOptions options;
	int64_t		sample_blocks;	/* 0: no sampling */
	int64_t		first_blocks;	/* of the sample: enough for first steps */
	bool		corrects;		/* iterates have room for a reference */
	double	   *chunk;			/* irls_chunk_doubles */
	double	   *workspace;		/* of linear_state_add over a block */
	double	   *square;			/* (2 + terms)^2: cross-product of a block */
} IrlsPlan;

static inline const IrlsOptions *
irls_options(const FitPlan *plan)
{
	return &((const IrlsPlan *) plan->private)->options;
}

/* Column j of the cross-product: its first entry; it has j + 1 of them. */
static inline double *
irls_cross_column(const IrlsState *state, int j)
{
	return (double *) state->data + (size_t) j * ((size_t) j + 1) / 2;
}

static inline LinearState *
irls_linear_state(IrlsState *state)
{
	return (LinearState *) ((char *) state + offsetof(IrlsState, data));
}

static inline const LinearState *
irls_linear_sums(const IrlsState *state)
{
	return (const LinearState *) ((const char *) state + offsetof(IrlsState, data));
}

/* One Newton step from the sums of a pass. */
typedef struct IrlsStep
{
	double	   *delta;			/* [1 + nkept] */
	double		decrement;
	bool		failed;			/* CROSS_PRODUCT: too ill-conditioned, QR must do it */
	/* QR only */
	double	   *error;			/* [1 + nkept] */
	int			rank;
	double		condition;
} IrlsStep;

/* irls_sample.c */
extern double *irls_reference(const FitPlan *plan, const IrlsIterate *iterate);
extern void irls_keep_sample(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state);
extern void irls_keep_difference(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state);
extern CoreStatus irls_correct(CoreEnv *env, const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state);

extern CoreStatus irls_solve(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate, const IrlsState *state, double ridge, IrlsStep *step);

#endif							/* CORE_IRLS_H */
