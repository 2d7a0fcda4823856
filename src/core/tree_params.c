/*
 * tree_params.c
 *	  Parameters of tree algorithms; see tree_params.h.
 */
#include "core/tree_params.h"

#include <math.h>

#include "core/class_weight.h"
#include "core/exact_sum.h"

#define POLL_ROWS 65536

void
tree_rules_from_params(const ParamSet *params, TreeRules *rules)
{
	rules->reg_lambda = params_number(params, "reg_lambda");
	rules->reg_alpha = params_number(params, "reg_alpha");
	rules->min_split_gain = params_number(params, "min_split_gain");
	rules->min_child_weight = params_number(params, "min_child_weight");
	rules->max_delta_step = params_number(params, "max_delta_step");
	rules->cat_smooth = params_number(params, "cat_smooth");
	rules->cat_l2 = params_number(params, "cat_l2");
	rules->max_cat_threshold = params_integer(params, "max_cat_threshold");
	rules->max_cat_to_onehot = params_integer(params, "max_cat_to_onehot");
}

CoreStatus
tree_weigh_classes(CoreEnv *env, const FitInput *input, FitRows *rows)
{
	int			nclasses = input->nclasses;
	bool		balanced = class_weight_balanced(input->params);
	double		positive = params_number(input->params, "scale_pos_weight");
	double	   *factor;
	double	   *weight;
	ExactSum   *sums;
	double		total = 0;

	if (input->task == TASK_REGRESSION || (!balanced && !class_weight_named(input->params) && positive == 1))
		return CORE_OK;
	CORE_ALLOC(env, factor, (size_t) nclasses);
	CORE_TRY(class_weight_factors(env, input, factor));
	CORE_ALLOC(env, sums, (size_t) nclasses);
	CORE_ALLOC(env, weight, (size_t) rows->nrows);
	for (int k = 0; k < nclasses; k++)
		exact_sum_init(&sums[k]);
	for (int64_t i = 0; i < rows->nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		exact_sum_add(&sums[(int) rows->target[i]], rows->weight != NULL ? rows->weight[i] : 1);
	}
	for (int k = 0; k < nclasses; k++)
		total += exact_sum_value(&sums[k]);
	for (int k = 0; k < nclasses; k++)
	{
		double		sum = exact_sum_value(&sums[k]);

		if (balanced && sum > 0)
			factor[k] = total / (nclasses * sum);
	}
	if (input->task == TASK_BINARY)
		factor[1] *= positive;
	for (int64_t i = 0; i < rows->nrows; i++)
		weight[i] = factor[(int) rows->target[i]] * (rows->weight != NULL ? rows->weight[i] : 1);
	rows->weight = weight;
	env_release(env, factor);
	env_release(env, sums);
	return CORE_OK;
}

void
tree_record(Model *model, const char *name, double value)
{
	params_record(&model->params, name, value);
}

CoreStatus
tree_record_word(CoreEnv *env, Model *model, const char *name, const char *word)
{
	return params_record_word(env, &model->params, name, word);
}

double
tree_choose(Model *model, const char *name, double automatic)
{
	const ParamValue *value = params_get(&model->params, name);

	if (value->given)
		return value->number;
	params_record(&model->params, name, automatic);
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
	bool		numbers = model->task == TASK_REGRESSION;

	/* a label tells less about a row than a number does, so small sets of them bear smaller trees and steps */
	job->num_leaves = (int32_t) tree_choose(model, "num_leaves", clamp(floor(n / (numbers ? 150 : 1000)), 6, 31));
	job->learning_rate = tree_choose(model, "learning_rate", n < 10000 && !numbers ? 0.05 : 0.1);
	rules->min_child_samples = (int64_t) tree_choose(model, "min_child_samples", clamp(floor(n / (numbers ? 500 : 100)), 5, 20));
	rules->min_data_per_group = (int64_t) tree_choose(model, "min_data_per_group", clamp(floor(n / 100), 10, 100));
}
