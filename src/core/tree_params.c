/*
 * tree_params.c
 *	  Parameters of tree algorithms; see tree_params.h.
 */
#include "core/tree_params.h"

#include <math.h>
#include <string.h>

void
tree_rules_from_params(const ParamSet *params, TreeRules *rules)
{
	rules->reg_lambda = params_number(params, "reg_lambda");
	rules->reg_alpha = params_number(params, "reg_alpha");
	rules->min_split_gain = params_number(params, "min_split_gain");
	rules->min_child_weight = params_number(params, "min_child_weight");
	rules->max_delta_step = params_number(params, "max_delta_step");
	rules->max_cat_threshold = params_integer(params, "max_cat_threshold");
	rules->max_cat_to_onehot = params_integer(params, "max_cat_to_onehot");
}

/* A parameter's value, or what the data choose, which the model then records. */
static double
choose(Model *model, const char *name, double automatic)
{
	const ParamValue *value = params_get(&model->params, name);

	if (value->given)
		return value->number;
	model->params.values[value - model->params.values].number = automatic;
	return automatic;
}

static double
clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

void
tree_defaults(Model *model, int64_t nrows, TreeJob *job)
{
	double		n = (double) nrows;
	TreeRules  *rules = &job->rules;

	job->num_leaves = (int32_t) choose(model, "num_leaves", clamp(floor(n / 1000), 6, 31));
	job->learning_rate = choose(model, "learning_rate", n < 10000 ? 0.05 : 0.1);
	rules->min_child_samples = (int64_t) choose(model, "min_child_samples", clamp(floor(n / 100), 5, 20));
	rules->min_data_per_group = (int64_t) choose(model, "min_data_per_group", clamp(floor(n / 100), 10, 100));
	rules->cat_smooth = choose(model, "cat_smooth", 10);
	rules->cat_l2 = choose(model, "cat_l2", 10);
}

CoreStatus
tree_constraints_parse(CoreEnv *env, const FitInput *input, TreeFeature *features)
{
	(void) env;
	(void) input;
	(void) features;
	return CORE_OK;
}
