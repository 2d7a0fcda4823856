/*
 * explain.h
 *	  Why a margin is what it is: attributions of features to one prediction.
 *
 * baseline + sum of attributions = margin, to rounding.  The margin is before
 * link, calibration and target inverse: log-odds of the positive class for two
 * classes.  For several, linear models and naive Bayes tell classes apart by the
 * differences of their margins alone, so what is explained is the margin of one
 * class less the mean of all; trees: the margin of one class.  Forests average
 * values, so theirs is the value or the share of the class itself.
 *
 * Linear models: the term's coefficient times its distance from the training
 * mean; the baseline is the margin at the means.  Models of trees: Shapley
 * values of the features, where a feature that is not known sends a row to both
 * sides in proportion to the training rows (path-dependent, as in TreeSHAP);
 * the baseline is the mean over leaves by cover.  Naive Bayes: the logarithm of
 * how much likelier the value is under the class; the baseline is the prior's.
 */
#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include "core/model.h"

typedef struct Explainer Explainer;

/*
 * Once for each model, which must live as long; CORE_UNSUPPORTED for algorithms
 * without exact attributions.
 */
extern CoreStatus explainer_create(CoreEnv *env, const Model *model, Explainer **result);
extern double explainer_baseline(const Explainer *explainer, int output);
/* attribution[schema.count] to margin `output` of a row of terms.  Allocates nothing. */
extern void explainer_attribute(Explainer *explainer, const double *terms, int output, double *attribution);

#endif							/* CORE_EXPLAIN_H */
