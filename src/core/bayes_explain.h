/*
 * bayes_explain.h
 *	  What each feature says for a class in a model of naive Bayes.
 *
 * The log joint density of a class is its log prior plus log P(x_f | class) over
 * the features f, so attributions are exact: for two classes the log of the
 * ratio of the two densities (the weight of evidence), with the prior log-odds
 * as the baseline.  For several classes what all of them have in common says
 * nothing, so each sum is less its mean over the classes that occur.
 */
#ifndef CORE_BAYES_EXPLAIN_H
#define CORE_BAYES_EXPLAIN_H

#include "core/model.h"

typedef struct BayesExplainer BayesExplainer;

extern CoreStatus bayes_explainer_create(CoreEnv *env, const Model *model, BayesExplainer **result);
extern double bayes_explainer_baseline(const BayesExplainer *explainer, int output);
extern void bayes_explainer_attribute(const BayesExplainer *explainer, const double *terms, int output, double *attribution);

#endif							/* CORE_BAYES_EXPLAIN_H */
