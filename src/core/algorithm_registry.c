/*
 * algorithm_registry.c
 *	  The algorithms that exist, by name; see algorithm.h.
 *
 * A new algorithm is its own file, a declaration and a line of the table here.
 */
#include "core/algorithm.h"

#include <string.h>

extern const Algorithm algorithm_elastic_net;
extern const Algorithm algorithm_linear;
extern const Algorithm algorithm_logistic;
extern const Algorithm algorithm_glm;
extern const Algorithm algorithm_naive_bayes;
extern const Algorithm algorithm_gbm;
extern const Algorithm algorithm_random_forest;
extern const Algorithm algorithm_decision_tree;
extern const Algorithm algorithm_isolation_forest;

static const Algorithm *const algorithms[] = {
	&algorithm_linear,
	&algorithm_elastic_net,
	&algorithm_logistic,
	&algorithm_glm,
	&algorithm_naive_bayes,
	&algorithm_gbm,
	&algorithm_random_forest,
	&algorithm_decision_tree,
	&algorithm_isolation_forest,
	NULL
};

#define ALGORITHM_COUNT ((int) (sizeof(algorithms) / sizeof(algorithms[0])) - 1)

const Algorithm *
algorithm_at(int i)
{
	return i >= 0 && i < ALGORITHM_COUNT ? algorithms[i] : NULL;
}

const Algorithm *
algorithm_find(const char *name)
{
	const Algorithm *algorithm;

	for (int i = 0; (algorithm = algorithm_at(i)) != NULL; i++)
	{
		if (strcmp(algorithm->name, name) == 0)
			return algorithm;
	}
	return NULL;
}

CoreStatus
algorithm_lookup(CoreEnv *env, const char *name, const Algorithm **algorithm)
{
	CoreStatus	status;
	const char **names;
	const char *nearest;
	char		list[256] = "";

	*algorithm = algorithm_find(name);
	if (*algorithm != NULL)
		return CORE_OK;

	CORE_ALLOC(env, names, ALGORITHM_COUNT);
	for (int i = 0; i < ALGORITHM_COUNT; i++)
	{
		names[i] = algorithms[i]->name;
		if (strlen(list) + strlen(names[i]) + 3 <= sizeof(list))
		{
			strcat(list, i > 0 ? ", " : "");
			strcat(list, names[i]);
		}
	}
	nearest = nearest_word(name, names, ALGORITHM_COUNT);
	env_release(env, names);

	status = env_fail(env, CORE_INVALID, "unknown algorithm \"%s\"", name);
	if (nearest != NULL)
		return env_hint(env, status, "Perhaps you meant \"%s\".", nearest);
	return env_hint(env, status, "The algorithms are %s.", list);
}

CoreStatus
algorithm_bind(CoreEnv *env, Model *model)
{
	const Algorithm *algorithm = model->algorithm;

	if ((int) model->task < 0 || (int) model->task >= 32 || (algorithm->tasks & (1u << model->task)) == 0)
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"%s\" cannot have task %d",
						algorithm->name, (int) model->task);
	return algorithm->bind(env, model);
}
