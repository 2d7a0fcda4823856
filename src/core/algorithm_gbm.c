/*
 * algorithm_gbm.c
 *	  Algorithm "gbm": gradient boosted trees; the default of mlops.train.
 *
 * Minimises sum_i w_i L(y_i, f(x_i)) over sums f of trees, each fitted to the
 * gradients and hessians of L at the trees before it (tree_boost.h), with L from
 * tree_objective.h.  Values are binned once (tree_bins.h), trees grow leaf by
 * leaf from histograms of integers (tree_grow.h, tree_histogram.h), so results
 * do not depend on the number of processes or the physical order of rows.
 *
 * Cost of a tree: about 0.5 ns for each row and feature on the lighter sides of
 * its splits, 3 to 4 ns for each row and level, which is what memory takes to be
 * read and written, and 10 ns for each row.  Memory: see tree_data.h.
 */
#include "core/tree_boost.h"

#include <math.h>
#include <string.h>

#include "core/exact_sum.h"
#include "core/tree_params.h"

#define POLL_ROWS 65536
#define VALIDATION_SEED UINT64_C(0x76616c69646174)	/* apart from the seeds of samples */

static const ParamSpec gbm_params[] = {
	{"objective", PARAM_CHOICE, 0, 0, 0, "auto|squared_error|absolute_error|huber|quantile|poisson|gamma|tweedie|log_loss", "loss",
	"Loss that is minimised; auto: squared_error for regression, log_loss for classification. XGBoost's and LightGBM's words for these are understood."},
	{"n_estimators", PARAM_INTEGER, 100, 1, 100000, NULL, "num_iterations|num_boost_round|num_trees|n_iter|max_iter|num_round|iterations",
	"Number of iterations: trees, or trees for each class."},
	{"learning_rate", PARAM_REAL, NAN, 1e-6, 10, NULL, "eta|shrinkage_rate|shrinkage",
	"Share of each tree's step that is taken; by default from the number of rows."},
	{"num_leaves", PARAM_INTEGER, NAN, 2, 65536, NULL, "max_leaves|max_leaf_nodes|max_leaf",
	"Leaves of a tree at most; by default from the number of rows."},
	{"max_depth", PARAM_INTEGER, -1, -1, TREE_DEPTH_LIMIT, NULL, NULL,
	"Splits between the root of a tree and a leaf at most; 0 or -1: no limit but num_leaves."},
	{"min_child_samples", PARAM_INTEGER, NAN, 1, 1e9, NULL, "min_data_in_leaf|min_samples_leaf|min_data",
	"Rows of a leaf at least; by default from the number of rows."},
	{"min_child_weight", PARAM_REAL, 1e-3, 0, INFINITY, NULL, "min_sum_hessian_in_leaf|min_sum_hessian",
	"Sum of hessians of a leaf at least."},
	{"subsample", PARAM_REAL, 1, 1e-6, 1, NULL, "bagging_fraction|sub_row|bagging",
	"Share of the rows that each iteration sees, chosen by hash."},
	{"colsample_bytree", PARAM_REAL, 1, 1e-6, 1, NULL, "feature_fraction|sub_feature",
	"Share of the features that each tree sees."},
	{"colsample_bylevel", PARAM_REAL, 1, 1e-6, 1, NULL, NULL,
	"Share of a tree's features that each of its levels sees."},
	{"reg_alpha", PARAM_REAL, 0, 0, INFINITY, NULL, "lambda_l1|l1_regularization",
	"L1 penalty on leaf values."},
	{"reg_lambda", PARAM_REAL, 1, 0, INFINITY, NULL, "lambda|lambda_l2|l2_regularization",
	"L2 penalty on leaf values."},
	{"min_split_gain", PARAM_REAL, 0, 0, INFINITY, NULL, "gamma|min_gain_to_split|min_split_loss",
	"Reduction of the loss that a split must bring at least, as twice the second-order estimate."},
	{"max_delta_step", PARAM_REAL, 0, 0, INFINITY, NULL, "max_tree_output",
	"Largest magnitude of a leaf value before the learning rate; 0: no limit."},
	{"max_bin", PARAM_INTEGER, TREE_MAX_BINS, 2, TREE_MAX_BINS, NULL, "max_bins",
	"Bins of a numeric feature at most."},
	{"scale_pos_weight", PARAM_REAL, 1, 1e-9, 1e9, NULL, NULL,
	"Factor on the weights of positive rows of a binary target."},
	{"class_weight", PARAM_WEIGHTS, 0, 1e-9, 1e9, "none|balanced", NULL,
	"balanced: classes have equal total weights. An object of classes and numbers: factors on the weights of their rows."},
	{"early_stopping_rounds", PARAM_INTEGER, 0, 0, 100000, NULL, "early_stopping_round|n_iter_no_change",
	"Iterations without improvement of the validation loss after which the fit stops and keeps the best; 0: never."},
	{"validation_fraction", PARAM_REAL, 0.1, 0.001, 0.9, NULL, NULL,
	"Share of the training rows, chosen by hash, that early stopping holds out."},
	{"quantile_alpha", PARAM_REAL, NAN, 0, 1, NULL, "alpha",
	"Quantile that objective quantile estimates (0.5); for huber the share of residuals that count as ordinary (0.9)."},
	{"tweedie_variance_power", PARAM_REAL, 1.5, 1.001, 1.999, NULL, NULL,
	"Power of objective tweedie: near 1 like poisson, near 2 like gamma."},
	{"monotone_constraints", PARAM_TEXT, 0, 0, 0, NULL, "monotonic_cst|monotone_constraint",
	"Features that predictions may only rise (1) or fall (-1) with: \"price: -1, age: 1\", or an object of these."},
	{"interaction_constraints", PARAM_TEXT, 0, 0, 0, NULL, "interaction_cst",
	"Groups of features that may meet in a branch of a tree: \"price, area; age, sex\", or an array of arrays."},
	{"cat_smooth", PARAM_REAL, 10, 0, INFINITY, NULL, NULL,
	"Hessian that is added to each category when categories are ordered."},
	{"cat_l2", PARAM_REAL, 10, 0, INFINITY, NULL, NULL,
	"L2 penalty, where categories are ordered, on how far a split moves its sides from the node's value."},
	{"max_cat_threshold", PARAM_INTEGER, 32, 1, TREE_MAX_CATEGORIES, NULL, NULL,
	"Categories on one side of a split at most."},
	{"max_cat_to_onehot", PARAM_INTEGER, 4, 0, TREE_MAX_CATEGORIES, NULL, NULL,
	"Up to so many categories are split one against the rest."},
	{"min_data_per_group", PARAM_INTEGER, NAN, 1, 1e9, NULL, NULL,
	"Rows of categories that a split tells apart at least; by default from the number of rows."},
	{"offset", PARAM_TEXT, 0, 0, 0, NULL, "init_score|base_margin",
	"Column that is added to the margin; numbers and two classes only."},
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

/* The leader's fit. */
typedef struct GbmFit
{
	CoreEnv    *env;
	const FitInput *input;
	FitRows		rows;			/* with effective weights */
	Team	   *team;
	Model	   *model;
	TreeJob		job;
	TreeFeature *features;
	TreeBooster booster;
	double	   *base;
	int64_t    *starts;			/* see tree_fill_starts */
} GbmFit;

static TreeLoss
choose_loss(const FitInput *input)
{
	static const TreeLoss losses[] = {
		LOSS_SQUARED, LOSS_SQUARED, LOSS_ABSOLUTE, LOSS_HUBER, LOSS_QUANTILE, LOSS_POISSON, LOSS_GAMMA, LOSS_TWEEDIE
	};

	if (input->task == TASK_BINARY)
		return LOSS_BINARY;
	if (input->task == TASK_MULTICLASS)
		return LOSS_MULTICLASS;
	return losses[(int) params_number(input->params, "objective")];
}

static CoreStatus
choose_objective(GbmFit *fit)
{
	const ParamSet *params = fit->input->params;
	const char *word = params_choice(params, "objective");
	bool		log_loss = strcmp(word, "log_loss") == 0;
	double		alpha = params_number(params, "quantile_alpha");
	TreeObjective *objective = &fit->job.objective;

	if (strcmp(word, "auto") != 0 && log_loss != (fit->input->task != TASK_REGRESSION))
	{
		env_fail(fit->env, CORE_INVALID, "objective \"%s\" does not fit %s", word, task_name(fit->input->task));
		return env_hint(fit->env, CORE_INVALID, "%s", log_loss ? "Objective \"log_loss\" needs a target with classes." :
						"Classification has objective \"log_loss\"; set argument task to \"regression\" if the target is a number.");
	}
	if (fit->input->task == TASK_MULTICLASS && fit->rows.offset != NULL)
		return env_fail(fit->env, CORE_INVALID, "an offset needs a target that is a number or has two classes");
	objective->loss = choose_loss(fit->input);
	objective->alpha = !isnan(alpha) ? alpha : objective->loss == LOSS_HUBER ? 0.9 : 0.5;
	objective->power = params_number(params, "tweedie_variance_power");
	if (params_given(params, "quantile_alpha") && objective->loss != LOSS_QUANTILE && objective->loss != LOSS_HUBER)
		env_log(fit->env, CORE_NOTICE, "parameter \"quantile_alpha\" has no effect on this objective; the L1 penalty is \"reg_alpha\"");
	if (params_given(params, "tweedie_variance_power") && objective->loss != LOSS_TWEEDIE)
		env_log(fit->env, CORE_NOTICE, "parameter \"tweedie_variance_power\" has no effect on this objective");
	return CORE_OK;
}

/* Weights of the training rows and of those held out. */
static void
sum_weights(GbmFit *fit)
{
	TreeJob    *job = &fit->job;
	ExactSum	weights[2];

	exact_sum_init(&weights[0]);
	exact_sum_init(&weights[1]);
	for (int64_t i = 0; i < fit->rows.nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		if (!fit_row_counts(&fit->rows, i))
			continue;
		exact_sum_add(&weights[tree_row_held_out(job, fit->rows.data, i)], fit->rows.weight[i]);
	}
	job->train_weight = exact_sum_value(&weights[0]);
	job->valid_weight = exact_sum_value(&weights[1]);
}

static CoreStatus
count_rows(GbmFit *fit)
{
	TreeJob    *job = &fit->job;
	int64_t		nrows = fit->rows.nrows;
	size_t		nstarts = 2 * (size_t) ((nrows + TREE_FILL_ROWS - 1) / TREE_FILL_ROWS);

	if (params_integer(fit->input->params, "early_stopping_rounds") > 0)
		job->validation = params_number(fit->input->params, "validation_fraction");
	job->validation_seed = fit->input->seed ^ VALIDATION_SEED;
	job->nrows = nrows;
	CORE_ALLOC(fit->env, fit->starts, nstarts + 2);
	tree_fill_starts(fit->env, job, &fit->rows, fit->starts);
	job->shape.ntrain = fit->starts[nstarts];
	job->shape.nvalid = fit->starts[nstarts + 1];
	job->train_weight = (double) job->shape.ntrain;
	job->valid_weight = (double) job->shape.nvalid;
	if (fit->rows.weight != NULL)
		sum_weights(fit);
	if (job->shape.ntrain == 0)
		return env_fail(fit->env, CORE_NUMERIC, "there are no training rows of positive weight");
	if (job->validation > 0 && job->shape.nvalid == 0)
		env_log(fit->env, CORE_NOTICE, "no row was held out for early stopping, so it does not take place");
	return CORE_OK;
}

/* Everything that does not need rows. */
static CoreStatus
configure(GbmFit *fit)
{
	const ParamSet *params = fit->input->params;
	TreeJob    *job = &fit->job;

	CORE_TRY(choose_objective(fit));
	tree_rules_from_params(params, &job->rules);
	job->sampling.subsample = params_number(params, "subsample");
	job->sampling.colsample_bytree = params_number(params, "colsample_bytree");
	job->sampling.colsample_bylevel = params_number(params, "colsample_bylevel");
	job->sampling.seed = fit->input->seed;
	job->max_bin = params_integer(params, "max_bin");
	job->n_estimators = params_integer(params, "n_estimators");
	job->early_stopping_rounds = params_integer(params, "early_stopping_rounds");
	job->max_depth = params_integer(params, "max_depth");
	if (job->max_depth < 1)
		job->max_depth = TREE_DEPTH_LIMIT;
	job->shape.noutputs = fit->input->task == TASK_MULTICLASS ? fit->input->nclasses : 1;
	job->shape.has_weight = fit->rows.weight != NULL;
	job->shape.has_hash = job->sampling.subsample < 1;
	return CORE_OK;
}

/* Takes the memory of the fit; bins are learned, and rows binned, by all processes. */
static CoreStatus
prepare(GbmFit *fit)
{
	TreeJob    *job = &fit->job;
	TreeShape  *shape = &job->shape;
	TreeShared *shared = &fit->booster.grower.shared;
	const double *weight = fit->rows.weight;
	int			nterms = fit->input->nterms;

	CORE_TRY(tree_weigh_classes(fit->env, fit->input, &fit->rows));
	job->own_weights = fit->rows.weight != weight;
	CORE_TRY(configure(fit));
	CORE_TRY(count_rows(fit));
	tree_defaults(fit->model, shape->ntrain, job);
	CORE_ALLOC(fit->env, fit->base, (size_t) shape->noutputs);
	CORE_TRY(tree_objective_start(fit->env, &job->objective, &fit->rows, fit->rows.weight, shape->noutputs, fit->base));
	CORE_ALLOC(fit->env, fit->features, (size_t) nterms);
	CORE_TRY(tree_bins_describe(fit->env, fit->input, fit->features));
	CORE_TRY(tree_bins_place(fit->env, nterms, fit->features, shape));
	CORE_TRY(tree_constraints_parse(fit->env, fit->input, fit->features, &job->interacting));
	job->learner_bytes = tree_learner_bytes(&fit->rows);
	CORE_TRY(tree_shape_complete(fit->env, shape));
	CORE_TRY(tree_job_complete(fit->env, fit->team, fit->features, job));
	CORE_TRY(tree_job_share(fit->env, fit->team, job, fit->features, &fit->booster.grower));
	memcpy(shared->base, fit->base, (size_t) shape->noutputs * sizeof(double));
	memcpy(shared->fill_starts, fit->starts, 2 * (size_t) ((job->nrows + TREE_FILL_ROWS - 1) / TREE_FILL_ROWS) * sizeof(int64_t));
	env_release(fit->env, fit->starts);
	return CORE_OK;
}

static Link
link_of(TreeLoss loss)
{
	switch (loss)
	{
		case LOSS_BINARY:
			return LINK_LOGIT;
		case LOSS_MULTICLASS:
			return LINK_SOFTMAX;
		case LOSS_POISSON:
		case LOSS_GAMMA:
		case LOSS_TWEEDIE:
			return LINK_LOG;
		default:
			return LINK_IDENTITY;
	}
}

static CoreStatus
add_losses(GbmFit *fit)
{
	TreeBooster *booster = &fit->booster;
	size_t		bytes = (size_t) booster->iterations * sizeof(double);
	double	   *loss;

	CORE_TRY(model_add_array(fit->env, fit->model, "training_loss", ARRAY_F64, booster->iterations, 1, (void **) &loss));
	memcpy(loss, booster->training_loss, bytes);
	if (fit->job.shape.nvalid == 0)
		return CORE_OK;
	CORE_TRY(model_add_array(fit->env, fit->model, "eval_loss", ARRAY_F64, booster->iterations, 1, (void **) &loss));
	memcpy(loss, booster->eval_loss, bytes);
	return CORE_OK;
}

/* Where the loss has a share, what it was. */
static void
record_alpha(GbmFit *fit)
{
	const TreeObjective *objective = &fit->job.objective;

	if (objective->loss == LOSS_QUANTILE || objective->loss == LOSS_HUBER)
		params_record(&fit->model->params, "quantile_alpha", objective->alpha);
}

static CoreStatus
finish(GbmFit *fit)
{
	const TreeShape *shape = &fit->job.shape;
	TreeBooster *booster = &fit->booster;
	Model	   *model = fit->model;

	record_alpha(fit);
	model->link = link_of(fit->job.objective.loss);
	model->noutputs = shape->noutputs;
	model->rows_train = shape->ntrain + shape->nvalid;
	CORE_TRY(tree_store_finish(&booster->store, fit->base, shape->noutputs, fit->input->nterms, model));
	CORE_TRY(add_losses(fit));
	CORE_TRY(model_add_number(fit->env, model, "iterations", booster->iterations));
	CORE_TRY(model_add_number(fit->env, model, "best_iteration", booster->best_iteration));
	CORE_TRY(model_add_number(fit->env, model, "rows", (double) (shape->ntrain + shape->nvalid)));
	if (fit->job.objective.loss == LOSS_HUBER)
		CORE_TRY(model_add_number(fit->env, model, "huber_delta", fit->job.objective.delta));
	return model_add_number(fit->env, model, "rows_validation", (double) shape->nvalid);
}

static CoreStatus
gbm_fit_rows(CoreEnv *env, const FitInput *input, const FitRows *rows, Team *team, Model *model)
{
	GbmFit	   *fit;

	CORE_ALLOC(env, fit, 1);
	fit->env = env;
	fit->input = input;
	fit->rows = *rows;
	fit->team = team;
	fit->model = model;
	CORE_TRY(prepare(fit));
	fit->booster.bins = &fit->booster.grower.shared.bins;
	tree_store_init(env, &fit->booster.store, 1);
	team->needs_rows = !fit->booster.grower.job->own_weights;
	team_start(team);
	CORE_TRY(tree_fill(&fit->booster.grower, &fit->rows));
	CORE_TRY(tree_boost(&fit->booster));
	team_stop(team);
	if (fit->booster.diverged)
	{
		env_fail(env, CORE_NUMERIC, "boosting diverged after %d iterations", fit->booster.iterations);
		return env_hint(env, CORE_NUMERIC, "Use a smaller \"learning_rate\".");
	}
	return finish(fit);
}

static CoreStatus
gbm_help_rows(CoreEnv *env, Team *team)
{
	TreeBooster *booster;

	CORE_ALLOC(env, booster, 1);
	CORE_TRY(tree_job_attach(env, team, &booster->grower));
	CORE_TRY(tree_fill(&booster->grower, booster->grower.job->own_weights ? NULL : team->rows));
	return tree_boost(booster);
}

static CoreStatus
gbm_bind(CoreEnv *env, Model *model)
{
	bool		ok = model->link == LINK_IDENTITY || model->link == LINK_LOG;

	if (model->task == TASK_BINARY)
		ok = model->link == LINK_LOGIT;
	else if (model->task == TASK_MULTICLASS)
		ok = model->link == LINK_SOFTMAX;
	if (!ok)
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"gbm\" for %s cannot have link \"%s\"", task_name(model->task), link_name(model->link));
	return tree_model_bind(env, model);
}

const Algorithm algorithm_gbm = {
	.name = "gbm",
	.summary = "Gradient boosted trees: leaf-wise growth on binned features, native missing values and categories.",
	.tasks = 1u << TASK_REGRESSION | 1u << TASK_BINARY | 1u << TASK_MULTICLASS,
	.profile = PROFILE_TREE,
	.params = gbm_params,
	.bind = gbm_bind,
	.score = tree_model_score,
	.scratch = tree_model_scratch,
	.fit_rows = gbm_fit_rows,
	.help_rows = gbm_help_rows,
	.score_rows = tree_model_score_rows,
};
