/*
 * tree_params.h
 *	  From parameters to the rules of growing: what tree algorithms share.
 */
#ifndef CORE_TREE_PARAMS_H
#define CORE_TREE_PARAMS_H

#include "core/tree_grow.h"

/* Limits and penalties; those left to the data are set by tree_defaults. */
extern void tree_rules_from_params(const ParamSet *params, TreeRules *rules);
/* Parameters class_weight and scale_pos_weight: rows->weight becomes the product; it stays as it is where they change nothing. */
extern CoreStatus tree_weigh_classes(CoreEnv *env, const FitInput *input, FitRows *rows);
/* A parameter's value, or what the data choose, which the model then records. */
extern double tree_choose(Model *model, const char *name, double automatic);
/* What a parameter came to, for the model's record. */
extern void tree_record(Model *model, const char *name, double value);
extern CoreStatus tree_record_word(CoreEnv *env, Model *model, const char *name, const char *word);
/*
 * Values that the data choose: learning_rate, num_leaves, min_child_samples and
 * smoothing of categories, from the number of training rows.  They are recorded
 * in the model's parameters.
 */
extern void tree_defaults(Model *model, int64_t nrows, TreeJob *job);
/*
 * Parameters monotone_constraints ("price: -1, age: 1") and
 * interaction_constraints ("price, area; age, sex") into `features`; sets
 * *interacting.  INVALID names what is not a term.
 */
extern CoreStatus tree_constraints_parse(CoreEnv *env, const FitInput *input, TreeFeature *features, bool *interacting);

#endif							/* CORE_TREE_PARAMS_H */
