/*
 * elastic_path.h
 *	  The elastic net from LinearStates: one penalty, or a path and cross-validation.
 */
#ifndef CORE_ELASTIC_PATH_H
#define CORE_ELASTIC_PATH_H

#include "core/coordinate_descent.h"
#include "core/linear_state.h"

typedef struct ElasticOptions
{
	bool		intercept;
	DescentOptions descent;
	double		alpha;			/* NaN: chosen from the path by cross-validation */
	const double *alphas;		/* [nalphas] the path, in any order; NULL: geometric from alpha_max to eps * alpha_max */
	int			nalphas;
	double		eps;
	bool		one_standard_error; /* the largest alpha within one standard error of the best */
	int			folds;
} ElasticOptions;

/* One entry per alpha, descending. */
typedef struct ElasticPath
{
	int			count;			/* 0: alpha was given, or nothing to choose */
	int			chosen;
	double	   *alpha;
	double	   *loss;			/* mean squared error over held-out folds */
	double	   *loss_se;		/* its standard error over folds */
	double	   *nonzero;		/* coefficients of the fit on all rows */
	double	   *r_squared;
} ElasticPath;

typedef struct ElasticFit
{
	double	   *coefficient;	/* [1 + p] in the user's units; 0 where a term is not in the model */
	double		alpha;
	double		alpha_max;
	int			nonzero;
	double		rss;			/* weighted */
	double		tss;			/* about the mean (about 0 without intercept) */
	int64_t		nrows;
	double		weight;
	int			sweeps;			/* at alpha */
	bool		converged;
	ElasticPath path;
} ElasticFit;

/*
 * folds[options->folds]: states of disjoint rows with the same terms.
 * workspace: linear_workspace_size(nterms, 0).  CORE_NUMERIC without rows, or
 * when fewer than two folds have rows and alpha must be chosen.
 */
extern CoreStatus elastic_path_fit(CoreEnv *env, const LinearState *const *folds, const ElasticOptions *options, double *workspace, ElasticFit *fit);

#endif							/* CORE_ELASTIC_PATH_H */
