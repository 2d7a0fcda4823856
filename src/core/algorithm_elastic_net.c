/*
 * algorithm_elastic_net.c
 *	  Algorithm "elastic_net": least squares with lasso and ridge penalties.
 *
 * Minimises, with W the sum of weights, s_j and s the weighted standard
 * deviations of term j and of the target, and beta_j = b_j s_j / s,
 *
 *	  1 / (2 W) sum_i w_i (y_i - b0 - x_i b)^2 / s^2
 *		+ alpha (l1_ratio |beta|_1 + (1 - l1_ratio) / 2 |beta|_2^2),
 *
 * which is scikit-learn's ElasticNet on standardised terms and target, and glmnet
 * with lambda = alpha s and alpha = l1_ratio.  Neither the units of the terms nor
 * those of the target change the result.
 *
 * One pass over the rows builds a LinearState for each fold; folds, their
 * complements and the whole are then sums of states.  Without `alpha` the mean
 * squared error of each fold under the fit of the others chooses it from a path
 * of n_alphas values, from the smallest that makes all coefficients zero down to
 * eps times that.  The fold of a row is its hash with the seed, modulo cv.
 *
 * Coefficients have no standard errors.  alpha = 0 is least squares and
 * l1_ratio = 0 ridge regression: both are solved by QR.
 *
 * Cost: that of "linear" for the pass; then for each fold p^3 / 3 flops and
 * p for each coefficient that moves.  Memory: cv states of (p + 1)^2 / 2 doubles,
 * three times as many at the end.
 */
#include "core/linear_model.h"

#include <math.h>
#include <string.h>

#include "core/elastic_path.h"
#include "core/hash.h"
#include "core/linear_scorer.h"

static const ParamSpec elastic_net_params[] = {
	{"alpha", PARAM_REAL, NAN, 0, INFINITY, NULL, "lambda|reg_lambda",
	"Weight of the penalty on standardised terms and target; without it, chosen by cross-validation inside the training rows."},
	{"l1_ratio", PARAM_REAL, 0.5, 0, 1, NULL, NULL,
	"Share of the lasso in the penalty: 1 is the lasso, 0 is ridge regression."},
	{"n_alphas", PARAM_INTEGER, 100, 1, 1000, NULL, "nlambda", "Number of values of alpha on the path."},
	{"eps", PARAM_REAL, 1e-4, 1e-10, 1, NULL, "lambda_min_ratio", "Smallest alpha of the path, as a share of the largest."},
	{"alphas", PARAM_REAL_LIST, 0, 0, INFINITY, NULL, "lambdas", "The path itself, instead of n_alphas and eps."},
	{"cv", PARAM_INTEGER, 10, 2, 100, NULL, "folds|nfolds|n_folds", "Number of folds that choose alpha."},
	{"rule", PARAM_CHOICE, 0, 0, 0, "min|1se", "selection_rule",
	"Which alpha is chosen: that of the smallest error, or the largest whose error is within one standard error of it."},
	{"fit_intercept", PARAM_BOOLEAN, 1, 0, 1, NULL, "intercept", "Whether the model has an intercept, which is never penalised."},
	{"tol", PARAM_REAL, 1e-8, 1e-15, 0.1, NULL, "tolerance",
	"Coordinate descent ends when no standardised coefficient moves by more than this share of the target's standard deviation."},
	{"max_iter", PARAM_INTEGER, 10000, 1, 1000000000, NULL, NULL, "Most passes of coordinate descent for one alpha."},
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

typedef struct ElasticPlan
{
	ElasticOptions options;
	size_t		fold_size;		/* bytes of a fold's state */
	double	   *workspace;
	int		   *fold;			/* [BLOCK_ROWS] of each row */
	int		   *row;			/* [BLOCK_ROWS] the rows of one fold */
	double	   *x;				/* what they hold: BLOCK_ROWS x nterms */
	double	   *y;
	double	   *w;
} ElasticPlan;

static LinearState *
fold_state(const ElasticPlan *elastic, const void *state, int fold)
{
	return (LinearState *) ((char *) state + (size_t) fold * elastic->fold_size);
}

static void
read_options(const FitInput *input, ElasticOptions *options)
{
	const ParamSet *params = input->params;
	const ParamValue *alphas = params_get(params, "alphas");

	memset(options, 0, sizeof(*options));
	options->intercept = params_boolean(params, "fit_intercept");
	options->alpha = params_number(params, "alpha");
	options->descent.l1_ratio = params_number(params, "l1_ratio");
	options->descent.tolerance = params_number(params, "tol");
	options->descent.max_sweeps = params_integer(params, "max_iter");
	options->nalphas = alphas->list_length > 0 ? alphas->list_length : params_integer(params, "n_alphas");
	options->alphas = alphas->list_length > 0 ? alphas->list : NULL;
	options->eps = params_number(params, "eps");
	options->one_standard_error = params_number(params, "rule") != 0;
	options->folds = isnan(options->alpha) ? params_integer(params, "cv") : 1;
}

static CoreStatus
elastic_net_begin(CoreEnv *env, const FitInput *input, FitPlan *plan)
{
	ElasticPlan *elastic;
	size_t		size;
	size_t		doubles;

	if (!linear_state_size(input->nterms, &size) || !linear_workspace_size(input->nterms, BLOCK_ROWS, &doubles))
		return env_fail(env, CORE_TOO_LARGE, "algorithm \"elastic_net\" takes at most %d terms, not %d", LINEAR_MAX_TERMS, input->nterms);
	CORE_ALLOC(env, elastic, 1);
	read_options(input, &elastic->options);
	elastic->fold_size = (size + 63) & ~(size_t) 63;
	if (!size_multiply(elastic->fold_size, (size_t) elastic->options.folds, &plan->state_size))
		return env_fail(env, CORE_TOO_LARGE, "%d folds of %d terms are too large", elastic->options.folds, input->nterms);
	CORE_ALLOC(env, elastic->workspace, doubles);
	elastic->x = env_alloc(env, BLOCK_ROWS * (size_t) input->nterms, sizeof(double));
	if (elastic->x == NULL)
		return CORE_NO_MEMORY;
	CORE_ALLOC(env, elastic->fold, BLOCK_ROWS);
	CORE_ALLOC(env, elastic->row, BLOCK_ROWS);
	CORE_ALLOC(env, elastic->y, BLOCK_ROWS);
	CORE_ALLOC(env, elastic->w, BLOCK_ROWS);
	plan->iterate_size = plan->state_size;
	plan->max_passes = 1;
	plan->private = elastic;
	return CORE_OK;
}

static void
init_folds(const FitPlan *plan, void *state)
{
	const ElasticPlan *elastic = plan->private;

	for (int k = 0; k < elastic->options.folds; k++)
		linear_state_init(fold_state(elastic, state, k), plan->input.nterms);
}

static CoreStatus
elastic_net_start(CoreEnv *env, const FitPlan *plan, void *iterate)
{
	(void) env;
	init_folds(plan, iterate);
	return CORE_OK;
}

static void
elastic_net_state_init(const FitPlan *plan, const void *iterate, void *state)
{
	(void) iterate;
	init_folds(plan, state);
}

/* Copies the block's rows of one fold; returns how many. */
static int
gather_fold(const ElasticPlan *elastic, const DesignBlock *block, int fold)
{
	int			count = 0;

	for (int i = 0; i < block->nrows; i++)
	{
		if (elastic->fold[i] == fold)
			elastic->row[count++] = i;
	}
	for (int j = 0; j < block->nterms; j++)
	{
		const double *column = block->x + (size_t) j * block->ld;
		double	   *out = elastic->x + (size_t) j * BLOCK_ROWS;

		for (int i = 0; i < count; i++)
			out[i] = column[elastic->row[i]];
	}
	for (int i = 0; i < count; i++)
	{
		int			row = elastic->row[i];

		elastic->y[i] = block->y[row] - (block->offset != NULL ? block->offset[row] : 0);
		elastic->w[i] = block->w != NULL ? block->w[row] : 1;
	}
	return count;
}

static CoreStatus
elastic_net_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate, void *state, const DesignBlock *block)
{
	const ElasticPlan *elastic = plan->private;
	uint64_t	folds = (uint64_t) elastic->options.folds;

	(void) iterate;
	for (int i = 0; folds > 1 && i < block->nrows; i++)
		elastic->fold[i] = (int) (hash_seeded(block->hash[i], plan->input.seed) % folds);
	for (int k = 0; k < elastic->options.folds; k++)
	{
		int			count = gather_fold(elastic, block, k);

		env_poll(env);
		CORE_TRY(linear_state_add(env, fold_state(elastic, state, k), count, elastic->x, BLOCK_ROWS, elastic->y,
								  block->w != NULL ? elastic->w : NULL, elastic->workspace));
	}
	return CORE_OK;
}

static CoreStatus
elastic_net_merge(CoreEnv *env, const FitPlan *plan, void *state, const void *other)
{
	const ElasticPlan *elastic = plan->private;

	for (int k = 0; k < elastic->options.folds; k++)
		CORE_TRY(linear_state_merge(env, fold_state(elastic, state, k), fold_state(elastic, other, k), elastic->workspace));
	return CORE_OK;
}

static CoreStatus
elastic_net_step(CoreEnv *env, const FitPlan *plan, void *iterate, const void *state, bool *done)
{
	env_copy(env, iterate, state, plan->state_size);
	*done = true;
	return CORE_OK;
}

/* The path of a cross-validation, for plots and for the curious. */
static CoreStatus
add_path(CoreEnv *env, const ElasticPath *path, Model *model)
{
	const struct
	{
		const char *name;
		const double *values;
	}			arrays[] = {
		{"path_alpha", path->alpha},
		{"path_loss", path->loss},
		{"path_loss_se", path->loss_se},
		{"path_nonzero", path->nonzero},
		{"path_r_squared", path->r_squared}
	};

	for (int i = 0; i < (int) (sizeof(arrays) / sizeof(arrays[0])); i++)
	{
		double	   *data;

		CORE_TRY(model_add_array(env, model, arrays[i].name, ARRAY_F64, path->count, 1, (void **) &data));
		memcpy(data, arrays[i].values, (size_t) path->count * sizeof(double));
	}
	CORE_TRY(model_add_number(env, model, "cv_loss", path->loss[path->chosen]));
	return model_add_number(env, model, "cv_loss_se", path->loss_se[path->chosen]);
}

static CoreStatus
elastic_net_finish(CoreEnv *env, const FitPlan *plan, const void *iterate, Model *model)
{
	const ElasticPlan *elastic = plan->private;
	int			nterms = plan->input.nterms;
	const LinearState **folds;
	ElasticFit	fit;
	double	   *estimate;

	CORE_ALLOC(env, folds, (size_t) elastic->options.folds);
	for (int k = 0; k < elastic->options.folds; k++)
		folds[k] = fold_state(elastic, iterate, k);
	CORE_TRY(elastic_path_fit(env, folds, &elastic->options, elastic->workspace, &fit));
	if (!fit.converged)
		env_log(env, CORE_NOTICE, "elastic_net did not converge in %d passes; raise \"max_iter\" or \"tol\"", elastic->options.descent.max_sweeps);

	CORE_TRY(linear_check_estimates(env, plan->input.terms, nterms, fit.coefficient, false));
	model->link = LINK_IDENTITY;
	model->noutputs = 1;
	model->rows_train = fit.nrows;
	model->weight_train = fit.weight;
	CORE_TRY(model_add_array(env, model, "estimate", ARRAY_F64, 1, (int64_t) nterms + 1, (void **) &estimate));
	memcpy(estimate, fit.coefficient, ((size_t) nterms + 1) * sizeof(double));
	if (fit.path.count > 0)
		CORE_TRY(add_path(env, &fit.path, model));
	params_record(&model->params, "alpha", fit.alpha);
	CORE_TRY(model_add_number(env, model, "alpha", fit.alpha));
	CORE_TRY(model_add_number(env, model, "alpha_max", fit.alpha_max));
	CORE_TRY(model_add_number(env, model, "df_model", fit.nonzero));
	CORE_TRY(model_add_number(env, model, "r_squared", fit.tss > 0 ? 1 - fit.rss / fit.tss : NAN));
	CORE_TRY(model_add_number(env, model, "deviance", fit.rss));
	CORE_TRY(model_add_number(env, model, "iterations", fit.sweeps));
	return model_add_number(env, model, "rows", (double) fit.nrows);
}

static CoreStatus
elastic_net_bind(CoreEnv *env, Model *model)
{
	if (model->link != LINK_IDENTITY)
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"elastic_net\" cannot have link \"%s\"", link_name(model->link));
	return linear_scorer_bind(env, model, 1);
}

const Algorithm algorithm_elastic_net = {
	.name = "elastic_net",
	.summary = "Linear regression with lasso and ridge penalties by coordinate descent; chooses the penalty by cross-validation.",
	.tasks = 1u << TASK_REGRESSION,
	.profile = PROFILE_LINEAR,
	.params = elastic_net_params,
	.begin = elastic_net_begin,
	.start = elastic_net_start,
	.state_init = elastic_net_state_init,
	.accumulate = elastic_net_accumulate,
	.merge = elastic_net_merge,
	.step = elastic_net_step,
	.finish = elastic_net_finish,
	.bind = elastic_net_bind,
	.score = linear_scorer_score,
};
