/*
 * tree_params.c
 *	  Parameters of tree algorithms; see tree_params.h.
 */
#include "core/tree_params.h"

#include <math.h>
#include <string.h>

#include "core/class_weight.h"
#include "core/exact_sum.h"

#define POLL_ROWS 65536
#define MAX_GROUPS 63			/* bits; all ones means no constraint */

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
	char	   *copy = env_strdup(env, word);

	if (copy == NULL)
		return CORE_NO_MEMORY;
	model->params.values[params_get(&model->params, name) - model->params.values].text = copy;
	return CORE_OK;
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

/* ------------------------------------------------------------ constraints */

static bool
is_padding(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '"' || c == '{' || c == '}' || c == '[' || c == ']';
}

/* text[*start .. *end - 1] without blanks, quotes and brackets around it. */
static void
trim(const char *text, size_t *start, size_t *end)
{
	while (*start < *end && is_padding(text[*start]))
		(*start)++;
	while (*start < *end && is_padding(text[*end - 1]))
		(*end)--;
}

static CoreStatus
find_term(CoreEnv *env, const FitInput *input, const char *parameter, const char *name, size_t length, int *term)
{
	const char **names;
	const char *near;
	char	   *copy = env_strndup(env, name, length);

	if (copy == NULL)
		return CORE_NO_MEMORY;
	CORE_ALLOC(env, names, (size_t) input->nterms);
	for (int i = 0; i < input->nterms; i++)
	{
		names[i] = input->terms[i].name;
		if (strcmp(names[i], copy) == 0)
		{
			*term = i;
			env_release(env, names);
			env_release(env, copy);
			return CORE_OK;
		}
	}
	near = nearest_word(copy, names, input->nterms);
	env_fail(env, CORE_INVALID, "parameter \"%s\" names \"%s\", which is not a feature of the model", parameter, copy);
	return near != NULL ? env_hint(env, CORE_INVALID, "Perhaps you meant \"%s\".", near) : CORE_INVALID;
}

static CoreStatus
parse_monotone(CoreEnv *env, const FitInput *input, const char *text, size_t start, size_t end, TreeFeature *features)
{
	size_t		colon = end;
	size_t		sign;
	int			term;

	trim(text, &start, &end);
	while (colon > start && text[colon - 1] != ':')
		colon--;
	if (colon == start)
	{
		env_fail(env, CORE_INVALID, "parameter \"monotone_constraints\" cannot be read at \"%.*s\"", (int) (end - start), text + start);
		return env_hint(env, CORE_INVALID, "Write it as \"price: -1, age: 1\".");
	}
	sign = colon;
	colon--;
	trim(text, &sign, &end);
	trim(text, &start, &colon);
	CORE_TRY(find_term(env, input, "monotone_constraints", text + start, colon - start, &term));
	if (end - sign == 1 && text[sign] == '1')
		features[term].monotone = 1;
	else if (end - sign == 2 && (text[sign] == '-' || text[sign] == '+') && text[sign + 1] == '1')
		features[term].monotone = text[sign] == '-' ? -1 : 1;
	else if (!(end - sign == 1 && text[sign] == '0'))
		return env_fail(env, CORE_INVALID, "parameter \"monotone_constraints\" gives \"%s\" a direction that is not -1, 0 or 1", input->terms[term].name);
	if (features[term].categorical && features[term].monotone != 0)
		return env_fail(env, CORE_INVALID, "\"%s\" in parameter \"monotone_constraints\" is a category, which has no direction", input->terms[term].name);
	return CORE_OK;
}

static CoreStatus
parse_group(CoreEnv *env, const FitInput *input, const char *text, size_t start, size_t end, int *group, TreeFeature *features)
{
	bool		empty = true;

	while (start < end)
	{
		size_t		stop = start;
		size_t		last;
		int			term;

		while (stop < end && text[stop] != ',')
			stop++;
		last = stop;
		trim(text, &start, &last);
		if (last > start)
		{
			CORE_TRY(find_term(env, input, "interaction_constraints", text + start, last - start, &term));
			if (*group == MAX_GROUPS)
				return env_fail(env, CORE_INVALID, "parameter \"interaction_constraints\" has more than %d groups", MAX_GROUPS);
			features[term].groups |= UINT64_C(1) << *group;
			empty = false;
		}
		start = stop + 1;
	}
	*group += !empty;
	return CORE_OK;
}

CoreStatus
tree_constraints_parse(CoreEnv *env, const FitInput *input, TreeFeature *features, bool *interacting)
{
	const char *monotone = params_get(input->params, "monotone_constraints")->text;
	const char *groups = params_get(input->params, "interaction_constraints")->text;
	int			group = 0;

	for (size_t start = 0, end = 0; monotone != NULL && end < strlen(monotone); start = end + 1)
	{
		for (end = start; monotone[end] != '\0' && monotone[end] != ','; end++)
			;
		CORE_TRY(parse_monotone(env, input, monotone, start, end, features));
	}
	for (size_t start = 0, end = 0; groups != NULL && end < strlen(groups); start = end + 1)
	{
		/* "a, b; c" or [["a", "b"], ["c"]] */
		for (end = start; groups[end] != '\0' && groups[end] != ';' && groups[end] != ']'; end++)
			;
		CORE_TRY(parse_group(env, input, groups, start, end, &group, features));
	}
	*interacting = group > 0;
	return CORE_OK;
}
