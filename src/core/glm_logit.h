/*
 * glm_logit.h
 *	  Logistic regression with targets 0 and 1, the commonest model, in loops of
 *	  their own: what glm_family.h and irls_pass.c do row by row for any family.
 */
#ifndef CORE_GLM_LOGIT_H
#define CORE_GLM_LOGIT_H

#include "core/glm_family.h"

/* Whether these are such rows, all of one positive weight. */
extern bool glm_logit_applies(const GlmSpec *spec, int n, const double *y, const double *w);

/*
 * A chunk of such rows for a cross-product: square roots of the working weights,
 * and these times the working residuals.  Adds to `sums`, Pearson's statistic
 * excepted.  One exp a row.
 */
extern void glm_logit_rows(int n, const double *eta, const double *y, double weight, double *root_weight, double *root_residual, GlmSums *sums);

/* Largest |move|, smallest s move and s eta, s = +1 where y is 1 and -1 where it is 0; raised and lowered. */
extern void glm_logit_separation(int n, const double *eta, const double *move, const double *y,
								 double *max_move, double *min_gain, double *min_margin);

#endif							/* CORE_GLM_LOGIT_H */
