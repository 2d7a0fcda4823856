/*
 * linear_scorer.h
 *	  What every model whose margins are linear in the terms shares.
 *
 * The model has the array "estimate", rows x (1 + nterms) of float8, intercept
 * first, one row for each margin.  NaN (an aliased term) counts as 0, infinities
 * are refused.  Cost of a row: nterms multiplications and additions per margin.
 */
#ifndef CORE_LINEAR_SCORER_H
#define CORE_LINEAR_SCORER_H

#include "core/model.h"

/* Checks "estimate" [rows x (1 + nterms)], model->noutputs == rows, and sets model->scorer; CORE_CORRUPT otherwise. */
extern CoreStatus linear_scorer_bind(CoreEnv *env, Model *model, int rows);
/* The `score` of such an algorithm; needs no scratch. */
extern void linear_scorer_score(const Model *model, const double *terms, double *scratch, double *out);

/*
 * Whether the row estimate[1 + nterms] of a fit can be a model: CORE_NUMERIC,
 * naming the first term, where a coefficient or the intercept is beyond the range
 * of numbers.  Aliased terms have NaN; `aliases`: there may be such terms.
 */
extern CoreStatus linear_check_estimates(CoreEnv *env, const Term *terms, int nterms, const double *estimate, bool aliases);

/*
 * One NOTICE that names the terms without a coefficient because they are linear
 * combinations of others before them; nothing when there are none.
 */
extern CoreStatus linear_report_aliased(CoreEnv *env, const Term *terms, int nterms, const bool *aliased);

#endif							/* CORE_LINEAR_SCORER_H */
