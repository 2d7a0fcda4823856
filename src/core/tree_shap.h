/*
 * tree_shap.h
 *	  Exact path-dependent Shapley values of the features of a model of trees.
 */
#ifndef CORE_TREE_SHAP_H
#define CORE_TREE_SHAP_H

#include "core/tree_model.h"

typedef struct TreeShap TreeShap;

/* O(nodes); a bound model, which must live as long. */
extern CoreStatus tree_shap_create(CoreEnv *env, const Model *model, TreeShap **result);
/* Mean of margin `output` over leaves by cover. */
extern double tree_shap_baseline(const TreeShap *shap, int output);
/* attribution[schema.count] is set; features that no tree uses get 0.  Allocates nothing. */
extern void tree_shap_attribute(TreeShap *shap, const double *terms, int output, double *attribution);

#endif							/* CORE_TREE_SHAP_H */
