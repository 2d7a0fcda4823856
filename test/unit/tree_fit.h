/*
 * tree_fit.h: fits of tree algorithms on data sets made in memory.
 */
#ifndef MLOPS_TEST_TREE_FIT_H
#define MLOPS_TEST_TREE_FIT_H

#include "core/algorithm.h"
#include "core/team.h"
#include "core/tree_model.h"
#include "rows.h"

typedef struct TreeFit
{
	Rows		rows;			/* fill it before tree_fit_run */
	const char *algorithm;
	Task		task;
	int			nclasses;
	double	   *weight;			/* NULL: all 1 */
	double	   *offset;
	uint64_t	seed;
	bool		helpers_have_rows;	/* so that they bin them, too; true at first */
	ParamSet	params;
	Model		model;			/* bound */
	Transform  *transform;
} TreeFit;

extern void tree_fit_init(TreeFit *fit, CoreEnv *env, int64_t nrows, const char *algorithm, Task task, int nclasses);
extern void tree_fit_set(TreeFit *fit, const char *name, double value);
extern void tree_fit_set_text(TreeFit *fit, const char *name, const char *value);
/* Fits with so many processes (forked over shared memory), decodes nothing, binds; fails the test on error. */
extern void tree_fit_run(TreeFit *fit, int processes);
/* The status instead; the message is in the environment. */
extern CoreStatus tree_fit_try(TreeFit *fit, int processes);
/* Margins [nrows][noutputs] of all rows. */
extern double *tree_fit_margins(TreeFit *fit);
/* A hash of all arrays and numbers. */
extern uint64_t tree_fit_digest(const TreeFit *fit);
/* Features "a" and "b" in x[2n] and a target that is a function of them, all of few values. */
extern void tree_fit_fill_regression(TreeFit *fit, uint64_t seed, int64_t n, double *x);
extern const double *tree_fit_array(const TreeFit *fit, const char *name, int64_t *count);

#endif							/* MLOPS_TEST_TREE_FIT_H */
