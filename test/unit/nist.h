/*
 * nist.h: reference data for least squares with certified results, from NIST's Statistical Reference Datasets;
 * the same as test/data/nist, whose certified.md tells the origin.
 */
#ifndef MLOPS_TEST_NIST_H
#define MLOPS_TEST_NIST_H

#include <stdbool.h>

#define NIST_PROBLEMS 9
#define NIST_MAX_ROWS 82
#define NIST_MAX_TERMS 10

typedef struct NistProblem
{
	const char *name;
	int			nrows;
	int			ncolumns;		/* of x as stored */
	int			degree;			/* terms are x .. x^degree; 0: the columns as they are */
	bool		intercept;
	const double *data;			/* rows of y, x... */
	double		coefficient[NIST_MAX_TERMS + 1];	/* intercept first, if there is one */
	double		std_error[NIST_MAX_TERMS + 1];
	double		residual_sd;
	double		r_squared;
} NistProblem;

extern const NistProblem nist_problems[NIST_PROBLEMS];

#endif							/* MLOPS_TEST_NIST_H */
