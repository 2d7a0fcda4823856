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

/* What other software calls them; the first match tells. */
static const struct
{
	const char *names;			/* without underscores, blanks and hyphens */
	const char *hint;
}			foreign[] = {
	{"|lr|", "Use \"logistic\" for classes, \"linear\" for numbers."},
	{"|logit|logreg|logisticregression|logisticreg|multinomial|softmax|", "Use \"logistic\"."},
	{"|ols|lm|linreg|leastsquares|linearregression|linearreg|regression|", "Use \"linear\"."},
	{"|lasso|", "Use \"elastic_net\" with params => '{\"l1_ratio\": 1}'."},
	{"|ridge|ridgeregression|", "Use \"linear\" or \"logistic\" with params => '{\"reg_lambda\": 1}'."},
	{"|glmnet|elasticnet|enet|elasticnetcv|lassocv|", "Use \"elastic_net\"."},
	{"|poisson|gamma|inversegaussian|probit|binomial|gaussian|", "Use \"glm\" with params => '{\"family\": \"poisson\"}' and the like."},
	{"|tweedie|quantile|huber|", "Use \"gbm\" with params => '{\"objective\": \"tweedie\"}' and the like."},
	{"|xgboost|xgb|lightgbm|lgbm|lgb|catboost|gbt|gbdt|gbrt|boosting|gradientboosting|histgradientboosting|boostedtree|boostedtrees|"
	"boostedtreeclassifier|boostedtreeregressor|adaboost|gbtree|", "Use \"gbm\"."},
	{"|rf|randomforests|forest|extratrees|ranger|randomforestclassifier|randomforestregressor|", "Use \"random_forest\"."},
	{"|tree|cart|dt|decisiontrees|rpart|decisiontreeclassifier|", "Use \"decision_tree\"."},
	{"|nb|bayes|gaussiannb|naivebayes|", "Use \"naive_bayes\"."},
	{"|iforest|isolation|outlier|anomaly|", "Use \"isolation_forest\"."},
	{"|svm|svc|svr|mlp|nn|dnn|neuralnetwork|deeplearning|knn|", "There is no such algorithm here: \"gbm\" is the usual choice."},
};

/* A hint for a name that another software has, or NULL. */
static const char *
foreign_hint(const char *name)
{
	char		plain[40] = "|";
	size_t		length = 1;

	for (; *name != '\0'; name++)
	{
		if (strchr("_- .", *name) != NULL)
			continue;
		if (length + 2 >= sizeof(plain))
			return NULL;
		plain[length++] = *name >= 'A' && *name <= 'Z' ? (char) (*name - 'A' + 'a') : *name;
	}
	plain[length] = '|';
	for (size_t i = 0; length > 1 && i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strstr(foreign[i].names, plain) != NULL)
			return foreign[i].hint;
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
	if (foreign_hint(name) != NULL)
		return env_hint(env, status, "%s", foreign_hint(name));
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
