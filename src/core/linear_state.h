/*
 * linear_state.h
 *	  The mergeable state of least squares: (weight, means, R of the centred block).
 *
 * For rows (x, y) with weights w the state is W = sum w, the weighted means m of
 * the p terms and the target, and the (p+1) x (p+1) upper triangle R with
 * R'R = sum w (z - m)(z - m)', z = (x, y).  Merging a and b is the QR of
 * [Ra; Rb; sqrt(Wa Wb / W) (mb - ma)].  Never by normal equations.
 *
 * Means are kept in two parts, so that R stays exact for data far from zero
 * (y = 1e9 + noise) however many states are merged.
 *
 * Flat and pointer-free; the caller owns linear_state_size(p) bytes.
 */
#ifndef CORE_LINEAR_STATE_H
#define CORE_LINEAR_STATE_H

#include "core/env.h"

typedef struct LinearState
{
	int32_t		nterms;			/* p */
	int32_t		reserved;
	int64_t		nrows;			/* rows with positive weight */
	double		weight;
	double		weight_squares;	/* sum of squared weights, for effective counts */
	double		log_weight;		/* sum of log weights, for the likelihood as in R */
	double		data[];			/* means[p + 1], their low parts[p + 1], then R packed by columns, (p+1)(p+2)/2 */
} LinearState;

#define LINEAR_MAX_TERMS 8000	/* a state is then 256 MB */

/* Doubles in `data`. */
static inline size_t
linear_state_doubles(int nterms)
{
	size_t		k = (size_t) nterms + 1;

	return 2 * k + k * (k + 1) / 2;
}

/* Column j of R (the target is column nterms): its first entry; it has j + 1 of them. */
static inline double *
linear_state_column(const LinearState *state, int j)
{
	size_t		k = (size_t) state->nterms + 1;

	return (double *) state->data + 2 * k + (size_t) j * ((size_t) j + 1) / 2;
}

extern bool linear_state_size(int nterms, size_t *size);	/* bytes; false outside 0 .. LINEAR_MAX_TERMS */
extern void linear_state_init(LinearState *state, int nterms);
/*
 * Checks a state from untrusted bytes, whose size the caller has checked
 * against nterms: counts and weights agree, everything is finite.  CORE_CORRUPT otherwise.
 */
extern CoreStatus linear_state_check(CoreEnv *env, const LinearState *state);

/*
 * Adds a block (column-major x with leading dimension ld; w may be NULL, rows
 * of weight 0 are left out).  Values must be finite; CORE_NUMERIC when a sum
 * leaves the range of double.  After a failure the state is undefined.
 * workspace: linear_workspace_size(nterms, max rows) doubles, aligned to 64
 * bytes for speed; merge needs that of 0 rows.
 */
extern CoreStatus linear_state_add(CoreEnv *env, LinearState *state, int nrows, const double *x, size_t ld, const double *y, const double *w, double *workspace);
extern CoreStatus linear_state_merge(CoreEnv *env, LinearState *state, const LinearState *other, double *workspace);
extern bool linear_workspace_size(int nterms, int nrows, size_t *doubles);

/*
 * A column whose spread is this far below its mean is constant but for rounding:
 * means are known to 2^-106, one row of 1e9 that differs by an ulp gives 1e-21.
 */
#define LINEAR_CONSTANT 1e-24
#define LINEAR_TOLERANCE 1e-11	/* of rank decisions */

typedef struct LinearOptions
{
	bool		intercept;
	double		ridge;			/* penalty on standardised terms, sum of squares + ridge * sum b^2 */
	double		tolerance;		/* rank: |diagonal| < tolerance * column norm; LINEAR_TOLERANCE */
	bool		inference;		/* standard errors (NaN with a ridge) and, with a ridge, degrees of freedom wanted */
} LinearOptions;

typedef struct LinearSolution
{
	int			nterms;
	double	   *coefficient;	/* [1 + p], intercept first, user's units; NaN where aliased */
	double	   *std_error;		/* [1 + p]; NaN where aliased or penalised */
	bool	   *aliased;		/* [p] */
	int			rank;			/* columns kept, intercept included */
	double		rss;			/* weighted residual sum of squares */
	double		tss;			/* about the mean (about 0 without intercept) */
	double		df_residual;	/* rows - rank; with a ridge, rows - trace of the hat matrix */
	double		sigma;			/* residual sd; NaN without degrees of freedom */
	double		condition;		/* of the scaled kept columns, LAPACK's estimate in the 1-norm; 1 when there are none */
} LinearSolution;

/* Everything in `solution` is allocated from env.  CORE_NUMERIC without rows. */
extern CoreStatus linear_state_solve(CoreEnv *env, const LinearState *state, const LinearOptions *options, LinearSolution *solution);

#endif							/* CORE_LINEAR_STATE_H */
