/*
 * class_weight.c
 *	  Weights of classes by name; see class_weight.h.
 */
#include "core/class_weight.h"

#include <string.h>

bool
class_weight_balanced(const ParamSet *params)
{
	const char *word = params_choice(params, "class_weight");

	return word != NULL && strcmp(word, "balanced") == 0;
}

bool
class_weight_named(const ParamSet *params)
{
	return params_choice(params, "class_weight") == NULL;
}

static CoreStatus
fail_class(CoreEnv *env, const FitInput *input, const char *name)
{
	char		list[256] = "";

	for (int k = 0; k < input->nclasses; k++)
	{
		if (strlen(list) + strlen(input->classes[k]) + 8 > sizeof(list))
		{
			strcat(list, ", ...");
			break;
		}
		strcat(list, k > 0 ? ", \"" : "\"");
		strcat(list, input->classes[k]);
		strcat(list, "\"");
	}
	return env_hint(env, env_fail(env, CORE_INVALID, "parameter \"class_weight\" names \"%.100s\", which is not a class of the target", name),
					"The classes are %s.", list);
}

CoreStatus
class_weight_factors(CoreEnv *env, const FitInput *input, double *factor)
{
	const ParamValue *value = params_get(input->params, "class_weight");

	for (int k = 0; k < input->nclasses; k++)
		factor[k] = 1;
	for (int i = 0; value->names != NULL && i < value->list_length; i++)
	{
		int			k = 0;

		while (k < input->nclasses && strcmp(input->classes[k], value->names[i]) != 0)
			k++;
		if (k == input->nclasses)
			return fail_class(env, input, value->names[i]);
		factor[k] = value->list[i];
	}
	return CORE_OK;
}
