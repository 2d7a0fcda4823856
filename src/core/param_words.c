/*
 * param_words.c
 *	  What users of other libraries write; see param_words.h.
 *
 * Names are those of scikit-learn, XGBoost, LightGBM and CatBoost.  Only words
 * that mean the very same loss stand for it; what is merely similar is refused
 * with the list of choices.
 */
#include "core/param_words.h"

#include <string.h>

typedef struct Advice
{
	const char *names;			/* "a|b|c" */
	const char *with;			/* only for algorithms with this parameter; NULL: for all */
	const char *without;		/* only for algorithms without this one */
	const char *advice;
} Advice;

static const Advice advices[] = {
	{"seed|random_state|random_seed|data_random_seed|bagging_seed|feature_fraction_seed|extra_seed", NULL, NULL,
	"The seed is an argument of its own: seed => 42."},
	{"n_jobs|nthread|nthreads|num_thread|num_threads|n_threads|thread_count", NULL, NULL,
	"The number of parallel workers is a setting: SET mlops.train_workers = 2."},
	{"categorical_feature|categorical_features|categorical_column|cat_feature|cat_features|cat_column|enable_categorical|feature_types", NULL, NULL,
	"Texts and enums are categories; numbers are where argument transform says so: transform => '{\"column\": \"categorical\"}'."},
	{"verbose|verbosity|verbose_eval|silent|logging_level", NULL, NULL,
	"The view mlops.training_progress shows what runs; mlops.progress_interval sets how often a NOTICE says so."},
	{"metric|metrics|eval_metric|custom_metric|scoring", NULL, NULL,
	"All metrics of the task are computed on held-out rows; mlops.evaluate() shows them."},
	{"objective|loss|loss_function|application", NULL, "objective",
	"The loss follows from algorithm and task; argument task tells classes from numbers, and algorithm \"gbm\" has objectives."},
	{"weight|weights|sample_weight|sample_weights|weight_column", NULL, NULL,
	"Weights of rows are a column that argument weight names: weight => 'column'."},
	{"is_unbalance|unbalance|unbalanced_sets|auto_class_weights", "class_weight", NULL,
	"Use \"class_weight\": \"balanced\"."},
	{"num_class|num_classes|n_classes|classes_count", NULL, NULL,
	"Classes are the values of the target."},
	{"test_size|train_size|validation_split|eval_set|eval_fraction", NULL, NULL,
	"Rows are held out by argument split: split => '{\"test\": 0.2}'."},
	{"missing|use_missing|nan_mode|zero_as_missing", NULL, NULL,
	"NULL and NaN are missing values; argument transform says what replaces them."},
	{"normalize|standardize|feature_scaling", NULL, NULL,
	"Scales belong to argument transform: transform => '{\"@numeric\": \"standard\"}'."},
	{"tree_method|booster|boosting|boosting_type|grow_policy|device|device_type|task_type|gpu_id", "num_leaves", NULL,
	"There is no choice: trees grow leaf by leaf on histograms."},
	{"oob_score", "bootstrap", NULL,
	"The out-of-bag error is always computed; mlops.fit_statistics() shows it."},
	{"penalty", "reg_lambda", NULL,
	"\"reg_lambda\" is the weight of the ridge penalty."}
};

typedef struct Meaning
{
	const char *words;			/* "a|b|c" */
	const char *choice;
} Meaning;

static const Meaning objectives[] = {
	{"regression|regression_l2|l2|mse|mean_squared_error|rmse|root_mean_squared_error|reg:squarederror|reg:linear|ls", "squared_error"},
	{"regression_l1|l1|mae|mean_absolute_error|reg:absoluteerror|lad", "absolute_error"},
	{"binary|binary:logistic|multiclass|multi:softprob|multi:softmax|softmax|logloss|deviance", "log_loss"},
	{"count:poisson", "poisson"},
	{"reg:gamma", "gamma"},
	{"reg:tweedie", "tweedie"},
	{"reg:quantileerror", "quantile"}
};

const char *
param_advice(const ParamSet *set, const char *name)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
	{
		const Advice *advice = &advices[i];

		if (word_in_list(advice->names, name) >= 0 && (advice->with == NULL || params_find(set, advice->with) != NULL) &&
			(advice->without == NULL || params_find(set, advice->without) == NULL))
			return advice->advice;
	}
	return NULL;
}

const char *
param_choice_meaning(const ParamSpec *spec, const char *word)
{
	if (strcmp(spec->name, "objective") != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(objectives) / sizeof(objectives[0]); i++)
	{
		if (word_in_list(objectives[i].words, word) >= 0 && word_in_list(spec->choices, objectives[i].choice) >= 0)
			return objectives[i].choice;
	}
	return NULL;
}
