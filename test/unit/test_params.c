/*
 * test_params.c: parameters from their declared tables, and the list of algorithms.
 */
#include <math.h>
#include <string.h>

#include "support.h"

#include "core/algorithm.h"

static const ParamSpec specs[] = {
	{"max_depth", PARAM_INTEGER, 6, 1, 64, NULL, "depth", "Depth."},
	{"learning_rate", PARAM_REAL, 0.1, 0, INFINITY, NULL, "eta|shrinkage", "Rate."},
	{"alpha", PARAM_REAL, NAN, 0, 10, NULL, NULL, "Chosen from the data."},
	{"fit_intercept", PARAM_BOOLEAN, 1, 0, 1, NULL, NULL, "Intercept."},
	{"rule", PARAM_CHOICE, 1, 0, 0, "min|1se|median", NULL, "Rule."},
	{"offset", PARAM_TEXT, 0, 0, 0, NULL, NULL, "Column."},
	{"alphas", PARAM_REAL_LIST, 0, 0, 5, NULL, "lambdas", "Path."},
	{"class_weight", PARAM_WEIGHTS, 0, 0.5, 100, "none|balanced", NULL, "Weights."},
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

static ParamSet
new_set(CoreEnv *env)
{
	ParamSet	set;

	assert_ok(env, params_init(env, &set, "demo", specs));
	return set;
}

static void
defaults(void **state)
{
	ParamSet	set = new_set(*state);

	assert_int_equal(set.count, 8);
	assert_int_equal(params_integer(&set, "max_depth"), 6);
	assert_true(params_number(&set, "learning_rate") == 0.1);
	assert_true(isnan(params_number(&set, "alpha")));
	assert_true(params_boolean(&set, "fit_intercept"));
	assert_string_equal(params_choice(&set, "rule"), "1se");
	assert_null(params_get(&set, "offset")->text);
	assert_int_equal(params_get(&set, "alphas")->list_length, 0);
	for (int i = 0; i < set.count; i++)
		assert_false(params_given(&set, specs[i].name));
}

static void
values(void **state)
{
	CoreEnv    *env = *state;
	ParamSet	set = new_set(env);
	const double list[] = {3, 0, 5};

	assert_ok(env, params_set_number(env, &set, "depth", 64));
	assert_ok(env, params_set_number(env, &set, "shrinkage", 1e300));
	assert_ok(env, params_set_boolean(env, &set, "fit_intercept", false));
	assert_ok(env, params_set_text(env, &set, "rule", "MIN"));
	assert_ok(env, params_set_text(env, &set, "offset", "Exposure"));
	assert_ok(env, params_set_list(env, &set, "lambdas", list, 3));
	assert_int_equal(params_integer(&set, "max_depth"), 64);
	assert_true(params_number(&set, "learning_rate") == 1e300);
	assert_false(params_boolean(&set, "fit_intercept"));
	assert_string_equal(params_choice(&set, "rule"), "min");
	assert_true(params_number(&set, "rule") == 0);
	assert_string_equal(params_get(&set, "offset")->text, "Exposure");
	assert_int_equal(params_get(&set, "alphas")->list_length, 3);
	assert_memory_equal(params_get(&set, "alphas")->list, list, sizeof(list));
	assert_true(params_given(&set, "learning_rate") && !params_given(&set, "alpha"));

	/* one number is a list of one, an empty list is a list */
	set = new_set(env);
	assert_ok(env, params_set_number(env, &set, "alphas", 2));
	assert_true(params_get(&set, "alphas")->list_length == 1 && params_get(&set, "alphas")->list[0] == 2);
	set = new_set(env);
	assert_ok(env, params_set_list(env, &set, "alphas", NULL, 0));
	assert_true(params_given(&set, "alphas"));
}

#define REFUSED(expression, text) \
	do { \
		set = new_set(env); \
		assert_int_equal((expression), CORE_INVALID); \
		assert_string_equal(env->message, (text)); \
	} while (0)

static void
refusals(void **state)
{
	CoreEnv    *env = *state;
	ParamSet	set;
	const double list[] = {1, 6};
	const double nan_list[] = {NAN};

	REFUSED(params_set_number(env, &set, "max_depth", 0), "parameter \"max_depth\" of algorithm \"demo\" must be between 1 and 64, not 0");
	REFUSED(params_set_number(env, &set, "max_depth", 65), "parameter \"max_depth\" of algorithm \"demo\" must be between 1 and 64, not 65");
	REFUSED(params_set_number(env, &set, "max_depth", NAN), "parameter \"max_depth\" of algorithm \"demo\" must be between 1 and 64, not nan");
	REFUSED(params_set_number(env, &set, "max_depth", 2.5), "parameter \"max_depth\" of algorithm \"demo\" must be an integer");
	REFUSED(params_set_number(env, &set, "eta", -0.5), "parameter \"learning_rate\" of algorithm \"demo\" must be at least 0, not -0.5");
	REFUSED(params_set_number(env, &set, "eta", INFINITY), "parameter \"learning_rate\" of algorithm \"demo\" must be a number");
	REFUSED(params_set_number(env, &set, "fit_intercept", 1), "parameter \"fit_intercept\" of algorithm \"demo\" must be true or false");
	REFUSED(params_set_boolean(env, &set, "max_depth", true), "parameter \"max_depth\" of algorithm \"demo\" must be an integer");
	REFUSED(params_set_text(env, &set, "learning_rate", "fast"), "parameter \"learning_rate\" of algorithm \"demo\" must be a number");
	REFUSED(params_set_text(env, &set, "rule", "maximum"), "parameter \"rule\" of algorithm \"demo\" must be one of min|1se|median, not \"maximum\"");
	REFUSED(params_set_text(env, &set, "rule", "mi"), "parameter \"rule\" of algorithm \"demo\" must be one of min|1se|median, not \"mi\"");
	REFUSED(params_set_number(env, &set, "offset", 1), "parameter \"offset\" of algorithm \"demo\" must be a text");
	REFUSED(params_set_list(env, &set, "alpha", list, 2), "parameter \"alpha\" of algorithm \"demo\" must be a number");
	REFUSED(params_set_list(env, &set, "alphas", list, 2), "parameter \"alphas\" of algorithm \"demo\" must be between 0 and 5, not 6");
	REFUSED(params_set_list(env, &set, "alphas", nan_list, 1), "parameter \"alphas\" of algorithm \"demo\" must be between 0 and 5, not nan");
	/* a refused value leaves the default */
	assert_false(params_given(&set, "alphas"));
}

static void
weights_are_words_or_numbers_by_name(void **state)
{
	CoreEnv    *env = *state;
	ParamSet	set = new_set(env);
	ParamSet	words = new_set(env);
	static const char *const names[] = {"yes", "no"};
	const double weights[] = {5, 0.5};
	const double low[] = {5, 0.4};

	assert_string_equal(params_choice(&set, "class_weight"), "none");
	REFUSED(params_set_weights(env, &set, "rule", names, weights, 2), "parameter \"rule\" of algorithm \"demo\" must be a text, not an object");
	REFUSED(params_set_weights(env, &set, "class_weight", names, low, 2),
			"parameter \"class_weight\" of algorithm \"demo\" must be between 0.5 and 100, not 0.4");
	REFUSED(params_set_weights(env, &set, "class_weight", names, weights, 0), "parameter \"class_weight\" of algorithm \"demo\" is an object without members");
	assert_string_equal(params_choice(&set, "class_weight"), "none");
	assert_ok(env, params_set_weights(env, &set, "class_weight", names, weights, 2));
	assert_null(params_choice(&set, "class_weight"));
	assert_int_equal(params_get(&set, "class_weight")->list_length, 2);
	assert_string_equal(params_get(&set, "class_weight")->names[1], "no");
	assert_true(params_get(&set, "class_weight")->list[1] == 0.5);
	assert_int_equal(params_set_text(env, &set, "class_weight", "balanced"), CORE_INVALID);	/* given twice */

	assert_ok(env, params_set_text(env, &words, "class_weight", "BALANCED"));
	assert_string_equal(params_choice(&words, "class_weight"), "balanced");
	words = new_set(env);
	REFUSED(params_set_text(env, &words, "class_weight", "some"), "parameter \"class_weight\" of algorithm \"demo\" must be one of none|balanced, not \"some\"");
}

/* What a fit records stays with its copy, and says that it was chosen only where nothing was given. */
static void
records_tell_what_was_chosen(void **state)
{
	CoreEnv    *env = *state;
	ParamSet	set = new_set(env);
	ParamSet	copy;

	assert_ok(env, params_set_number(env, &set, "learning_rate", 0.3));
	assert_ok(env, params_copy(env, &set, &copy));
	params_record(&copy, "alpha", 2);
	params_record(&copy, "learning_rate", 0.3);
	assert_true(params_get(&copy, "alpha")->chosen && params_number(&copy, "alpha") == 2);
	assert_false(params_get(&copy, "learning_rate")->chosen);
	assert_true(isnan(params_number(&set, "alpha")));
	assert_false(params_get(&set, "alpha")->chosen);
}

static void
foreign_names_of_algorithms_have_hints(void **state)
{
	static const char *const expected[][2] = {
		{"xgboost", "Use \"gbm\"."}, {"LightGBM", "Use \"gbm\"."}, {"rf", "Use \"random_forest\"."}, {"ols", "Use \"linear\"."},
		{"Logistic Regression", "Use \"logistic\"."}, {"lr", "Use \"logistic\" for classes, \"linear\" for numbers."},
		{"lasso", "Use \"elastic_net\" with params => '{\"l1_ratio\": 1}'."}, {"liner", "Perhaps you meant \"linear\"."}
	};
	CoreEnv    *env = *state;
	const Algorithm *algorithm;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
	{
		assert_int_equal(algorithm_lookup(env, expected[i][0], &algorithm), CORE_INVALID);
		assert_string_equal(env->hint, expected[i][1]);
	}
	assert_int_equal(algorithm_lookup(env, "", &algorithm), CORE_INVALID);
	assert_non_null(strstr(env->hint, "The algorithms are"));
	assert_int_equal(algorithm_lookup(env, "|", &algorithm), CORE_INVALID);
	assert_non_null(strstr(env->hint, "The algorithms are"));
	for (int i = 0; algorithm_at(i) != NULL; i++)
		assert_int_equal(algorithm_lookup(env, algorithm_at(i)->name, &algorithm), CORE_OK);
}

static void
unknown_names_have_hints(void **state)
{
	CoreEnv    *env = *state;
	ParamSet	set;

	REFUSED(params_set_number(env, &set, "max_dpeth", 3), "unknown parameter \"max_dpeth\" for algorithm \"demo\"");
	assert_string_equal(env->hint, "Perhaps you meant \"max_depth\".");
	REFUSED(params_set_number(env, &set, "shrinkadge", 3), "unknown parameter \"shrinkadge\" for algorithm \"demo\"");
	assert_string_equal(env->hint, "Perhaps you meant \"learning_rate\".");	/* near a synonym */
	REFUSED(params_set_number(env, &set, "lamdas", 3), "unknown parameter \"lamdas\" for algorithm \"demo\"");
	assert_string_equal(env->hint, "Perhaps you meant \"alphas\".");
	REFUSED(params_set_number(env, &set, "something_else_entirely", 3), "unknown parameter \"something_else_entirely\" for algorithm \"demo\"");
	assert_string_equal(env->hint, "SELECT * FROM mlops.algorithm_parameters() WHERE algorithm = 'demo' lists those that it has.");
	REFUSED(params_set_number(env, &set, "", 3), "unknown parameter \"\" for algorithm \"demo\"");
}

/* What other libraries call parameters, and who says it here. */
static void
names_of_other_libraries(void **state)
{
	static const struct
	{
		const char *algorithm;
		const char *name;
		const char *hint;		/* part of it */
	}			cases[] = {
		{"gbm", "seed", "seed => 42"},
		{"random_forest", "random_state", "seed => 42"},
		{"gbm", "Random_Seed", "seed => 42"},
		{"gbm", "n_jobs", "mlops.train_workers"},
		{"random_forest", "nthread", "mlops.train_workers"},
		{"linear", "num_threads", "mlops.train_workers"},
		{"gbm", "categorical_feature", "transform =>"},
		{"random_forest", "cat_features", "transform =>"},
		{"logistic", "enable_categorical", "transform =>"},
		{"gbm", "eval_metric", "mlops.evaluate()"},
		{"gbm", "verbosity", "mlops.training_progress"},
		{"logistic", "objective", "argument task"},
		{"gbm", "loss_function", "\"objective\""},
		{"gbm", "sample_weight", "argument weight"},
		{"logistic", "is_unbalance", "\"class_weight\": \"balanced\""},
		{"linear", "is_unbalance", "mlops.algorithm_parameters()"},
		{"gbm", "num_class", "values of the target"},
		{"random_forest", "oob_score", "out-of-bag"},
		{"gbm", "tree_method", "histograms"}
	};
	CoreEnv    *env = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Algorithm *algorithm = algorithm_find(cases[i].algorithm);
		ParamSet	set;

		assert_ok(env, params_init(env, &set, algorithm->name, algorithm->params));
		assert_int_equal(params_set_number(env, &set, cases[i].name, 1), CORE_INVALID);
		if (strstr(env->hint, cases[i].hint) == NULL)
			fail_msg("%s of %s: %s", cases[i].name, cases[i].algorithm, env->hint);
	}
}

/* Words for the very same loss. */
static void
objectives_of_other_libraries(void **state)
{
	static const char *const words[][2] = {
		{"reg:squarederror", "squared_error"}, {"mse", "squared_error"}, {"RMSE", "squared_error"}, {"regression", "squared_error"},
		{"regression_l1", "absolute_error"}, {"mae", "absolute_error"}, {"reg:absoluteerror", "absolute_error"},
		{"binary", "log_loss"}, {"binary:logistic", "log_loss"}, {"multi:softprob", "log_loss"}, {"Logloss", "log_loss"},
		{"count:poisson", "poisson"}, {"reg:gamma", "gamma"}, {"reg:tweedie", "tweedie"}, {"reg:quantileerror", "quantile"},
		{"huber", "huber"}
	};
	CoreEnv    *env = *state;
	const Algorithm *gbm = algorithm_find("gbm");
	ParamSet	set;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		assert_ok(env, params_init(env, &set, gbm->name, gbm->params));
		assert_ok(env, params_set_text(env, &set, "objective", words[i][0]));
		assert_string_equal(params_choice(&set, "objective"), words[i][1]);
		assert_int_equal((int) params_number(&set, "objective"), word_in_list(params_find(&set, "objective")->choices, words[i][1]));
	}
	assert_ok(env, params_init(env, &set, gbm->name, gbm->params));
	assert_int_equal(params_set_text(env, &set, "objective", "reg:pseudohubererror"), CORE_INVALID);
	assert_int_equal(params_set_text(env, &set, "class_weight", "mse"), CORE_INVALID);
}

static void
synonyms_count_as_the_name(void **state)
{
	CoreEnv    *env = *state;
	ParamSet	set = new_set(env);

	assert_ok(env, params_set_number(env, &set, "eta", 0.3));
	assert_int_equal(params_set_number(env, &set, "learning_rate", 0.3), CORE_INVALID);
	assert_string_equal(env->message, "parameter \"learning_rate\" of algorithm \"demo\" is given more than once");
	assert_non_null(strstr(env->hint, "synonym"));
	assert_int_equal(params_set_number(env, &set, "shrinkage", 0.3), CORE_INVALID);
}

static void
nearest_words(void **state)
{
	static const char *const words[] = {"linear", "logistic", "glm", "elastic_net", "naive_bayes"};
	char		longest[400];

	(void) state;
	assert_string_equal(nearest_word("liner", words, 5), "linear");
	assert_string_equal(nearest_word("Logistics", words, 5), "logistic");
	assert_string_equal(nearest_word("elasticnet", words, 5), "elastic_net");
	assert_string_equal(nearest_word("niave_bayes", words, 5), "naive_bayes");
	assert_null(nearest_word("xgboost", words, 5));
	assert_string_equal(nearest_word("elastic", words, 5), "elastic_net");	/* begins so, though far by edits */
	assert_string_equal(nearest_word("my_linear", words, 5), "linear");
	assert_null(nearest_word("lin", words, 5));
	assert_null(nearest_word("", words, 5));
	assert_null(nearest_word("linear", words, 0));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(nearest_word(longest, words, 5));
}

/* What every entry of the registry must keep. */
static void
every_algorithm_is_well_formed(void **state)
{
	CoreEnv    *env = *state;
	const Algorithm *algorithm;
	int			count = 0;

	for (; (algorithm = algorithm_at(count)) != NULL; count++)
	{
		ParamSet	set;

		assert_true(algorithm_find(algorithm->name) == algorithm);
		assert_true(algorithm->tasks != 0 && algorithm->summary[0] != '\0');
		/* passes over blocks, or all rows at once */
		if (algorithm->fit_rows == NULL)
		{
			assert_true(algorithm->begin && algorithm->start && algorithm->state_init && algorithm->accumulate && algorithm->merge);
			assert_true(algorithm->step && algorithm->finish);
		}
		else
			assert_true(!algorithm->begin && !algorithm->finish);
		assert_true(algorithm->bind && algorithm->score);
		assert_ok(env, params_init(env, &set, algorithm->name, algorithm->params));
		for (int i = 0; i < set.count; i++)
		{
			const ParamSpec *spec = &algorithm->params[i];

			assert_non_null(spec->summary);
			assert_int_equal(spec->summary[strlen(spec->summary) - 1], '.');
			for (int j = 0; j < i; j++)
				assert_string_not_equal(spec->name, algorithm->params[j].name);
			/* a default that is not chosen from the data can be set */
			if ((spec->type == PARAM_INTEGER || spec->type == PARAM_REAL) && !isnan(spec->default_number))
				assert_ok(env, params_set_number(env, &set, spec->name, spec->default_number));
		}
	}
	assert_true(count >= 2);
	assert_null(algorithm_at(count));
	assert_null(algorithm_at(-1));
	assert_null(algorithm_find("none"));
}

static void
algorithms_by_name(void **state)
{
	CoreEnv    *env = *state;
	const Algorithm *algorithm;

	assert_ok(env, algorithm_lookup(env, "linear", &algorithm));
	assert_string_equal(algorithm->name, "linear");
	assert_int_equal(algorithm_lookup(env, "lineare", &algorithm), CORE_INVALID);
	assert_string_equal(env->message, "unknown algorithm \"lineare\"");
	assert_string_equal(env->hint, "Perhaps you meant \"linear\".");
	assert_int_equal(algorithm_lookup(env, "quantum annealing", &algorithm), CORE_INVALID);
	assert_true(strncmp(env->hint, "The algorithms are linear, ", 27) == 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, test_env_setup, test_env_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults),
		TEST(values),
		TEST(refusals),
		TEST(weights_are_words_or_numbers_by_name),
		TEST(records_tell_what_was_chosen),
		TEST(foreign_names_of_algorithms_have_hints),
		TEST(unknown_names_have_hints),
		TEST(names_of_other_libraries),
		TEST(objectives_of_other_libraries),
		TEST(synonyms_count_as_the_name),
		TEST(nearest_words),
		TEST(every_algorithm_is_well_formed),
		TEST(algorithms_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
