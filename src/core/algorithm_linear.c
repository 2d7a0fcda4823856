/*
 * algorithm_linear.c
 *	  Algorithm "linear": weighted least squares, optionally with a ridge penalty.
 *
 * Minimises  sum_i w_i (y_i - b0 - x_i b)^2 + reg_lambda * sum_j s_j^2 b_j^2,
 * s_j the weighted standard deviation of term j.  One pass builds a LinearState
 * (linear_state.h); everything else follows from it.
 *
 * Statistics are those of R's lm: with weights, sigma^2 = sum w e^2 / (n - p),
 * n counting rows of positive weight, and the log-likelihood of y_i ~
 * N(x_i b, sigma^2 / w_i).  With a penalty, standard errors, tests and
 * information criteria are undefined; df_residual is n minus the trace of the
 * hat matrix.  A constant target has R^2 undefined; a perfect fit has an
 * infinite F statistic, p-value 0, and an infinite likelihood.
 *
 * Cost: 2 (p + 1)^2 flops a row.  Memory: (p + 1)^2 / 2 doubles a state and
 * 4096 (p + 1) doubles of workspace.
 */
#include "core/linear_model.h"

#include <math.h>
#include <string.h>

#include "core/linear_scorer.h"
#include "core/real.h"

#define LOG_2PI 1.8378770664093454836

static const ParamSpec linear_params[] = {
	{"reg_lambda", PARAM_REAL, 0, 0, INFINITY, NULL, "lambda|alpha|ridge|l2",
	"Ridge penalty: added is reg_lambda times the sum of squares of the coefficients of standardised terms."},
	{"fit_intercept", PARAM_BOOLEAN, 1, 0, 1, NULL, "intercept",
	"Whether the model has an intercept, which is never penalised."},
	{NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

typedef struct LinearPlan
{
	LinearOptions options;
	double	   *workspace;
	double	   *target;			/* [BLOCK_ROWS] target minus offset */
} LinearPlan;

static inline size_t
round_up_64(size_t size)
{
	return (size + 63) & ~(size_t) 63;
}

LinearOptions
linear_options(const ParamSet *params)
{
	LinearOptions options = {
		.intercept = params_boolean(params, "fit_intercept"),
		.ridge = params_number(params, "reg_lambda"),
		.tolerance = LINEAR_TOLERANCE,
		.inference = true
	};

	return options;
}

static CoreStatus
linear_begin(CoreEnv *env, const FitInput *input, FitPlan *plan)
{
	LinearPlan *linear;
	size_t		size;
	size_t		doubles;

	if (!linear_state_size(input->nterms, &size) || !linear_workspace_size(input->nterms, BLOCK_ROWS, &doubles))
		return env_fail(env, CORE_TOO_LARGE, "algorithm \"linear\" takes at most %d terms, not %d", LINEAR_MAX_TERMS, input->nterms);
	CORE_ALLOC(env, linear, 1);
	linear->options = linear_options(input->params);
	CORE_ALLOC(env, linear->workspace, doubles);
	CORE_ALLOC(env, linear->target, BLOCK_ROWS);
	plan->state_size = round_up_64(size);
	plan->iterate_size = plan->state_size;
	plan->max_passes = 1;
	plan->private = linear;
	return CORE_OK;
}

static CoreStatus
linear_start(CoreEnv *env, const FitPlan *plan, void *iterate)
{
	(void) env;
	linear_state_init(iterate, plan->input.nterms);
	return CORE_OK;
}

static void
linear_state_start(const FitPlan *plan, const void *iterate, void *state)
{
	(void) iterate;
	linear_state_init(state, plan->input.nterms);
}

static CoreStatus
linear_accumulate(CoreEnv *env, const FitPlan *plan, const void *iterate, void *state, const DesignBlock *block)
{
	const LinearPlan *linear = plan->private;
	const double *y = block->y;

	(void) iterate;
	if (block->offset != NULL)
	{
		for (int i = 0; i < block->nrows; i++)
			linear->target[i] = block->y[i] - block->offset[i];
		y = linear->target;
	}
	return linear_state_add(env, state, block->nrows, block->x, block->ld, y, block->w, linear->workspace);
}

static CoreStatus
linear_merge(CoreEnv *env, const FitPlan *plan, void *state, const void *other)
{
	const LinearPlan *linear = plan->private;

	return linear_state_merge(env, state, other, linear->workspace);
}

static CoreStatus
linear_step(CoreEnv *env, const FitPlan *plan, void *iterate, const void *state, bool *done)
{
	env_copy(env, iterate, state, plan->state_size);
	*done = true;
	return CORE_OK;
}

/* Statistics of an unpenalised fit, as R's lm, summary.lm, logLik, AIC and BIC. */
static CoreStatus
add_inference(CoreEnv *env, const LinearState *state, const LinearOptions *options, const LinearSolution *solution, Model *model)
{
	double		n = (double) state->nrows;
	double		df_model = solution->rank - (options->intercept ? 1 : 0);
	double		explained = solution->tss > solution->rss ? solution->tss - solution->rss : 0;
	double		f = NAN;
	double		p_value = NAN;
	double		log_likelihood = NAN;
	double		aic = NAN;
	double		bic = NAN;

	if (options->ridge == 0)
	{
		double		parameters = solution->rank + 1;

		if (df_model > 0 && solution->df_residual > 0 && solution->tss > 0)
		{
			f = (explained / df_model) / (solution->rss / solution->df_residual);
			p_value = f_upper(f, df_model, solution->df_residual);
		}
		log_likelihood = 0.5 * (state->log_weight - n * (LOG_2PI + 1 - real_log(n) + real_log(solution->rss)));
		aic = 2 * parameters - 2 * log_likelihood;
		bic = real_log(n) * parameters - 2 * log_likelihood;
	}
	else
		df_model = n - solution->df_residual - (options->intercept ? 1 : 0);
	CORE_TRY(model_add_number(env, model, "f_statistic", f));
	CORE_TRY(model_add_number(env, model, "f_p_value", p_value));
	CORE_TRY(model_add_number(env, model, "log_likelihood", log_likelihood));
	CORE_TRY(model_add_number(env, model, "aic", aic));
	CORE_TRY(model_add_number(env, model, "bic", bic));
	return model_add_number(env, model, "df_model", df_model);
}

CoreStatus
linear_model_fill(CoreEnv *env, const LinearState *state, const LinearOptions *options, Model *model)
{
	LinearSolution solution;
	double	   *estimate;
	double	   *std_error;
	int			cols = state->nterms + 1;
	double		r_squared = NAN;
	double		adjusted = NAN;

	CORE_TRY(linear_state_solve(env, state, options, &solution));
	CORE_TRY(linear_check_estimates(env, model->transform->terms, state->nterms, solution.coefficient, true));
	CORE_TRY(linear_report_aliased(env, model->transform->terms, state->nterms, solution.aliased));
	model->link = LINK_IDENTITY;
	model->noutputs = 1;
	model->rows_train = state->nrows;
	model->weight_train = state->weight;

	CORE_TRY(model_add_array(env, model, "estimate", ARRAY_F64, 1, cols, (void **) &estimate));
	CORE_TRY(model_add_array(env, model, "std_error", ARRAY_F64, 1, cols, (void **) &std_error));
	memcpy(estimate, solution.coefficient, (size_t) cols * sizeof(double));
	memcpy(std_error, solution.std_error, (size_t) cols * sizeof(double));

	if (solution.tss > 0)
		r_squared = 1 - solution.rss / solution.tss;
	if (solution.df_residual > 0)
		adjusted = 1 - (1 - r_squared) * (((double) state->nrows - (options->intercept ? 1 : 0)) / solution.df_residual);
	CORE_TRY(model_add_number(env, model, "r_squared", r_squared));
	CORE_TRY(model_add_number(env, model, "adjusted_r_squared", adjusted));
	CORE_TRY(model_add_number(env, model, "residual_sd", solution.sigma));
	CORE_TRY(add_inference(env, state, options, &solution, model));
	CORE_TRY(model_add_number(env, model, "df_residual", solution.df_residual));
	CORE_TRY(model_add_number(env, model, "deviance", solution.rss));
	CORE_TRY(model_add_number(env, model, "condition_number", solution.condition));
	CORE_TRY(model_add_number(env, model, "iterations", 1));
	return model_add_number(env, model, "rows", (double) state->nrows);
}

static CoreStatus
linear_finish(CoreEnv *env, const FitPlan *plan, const void *iterate, Model *model)
{
	const LinearPlan *linear = plan->private;

	return linear_model_fill(env, iterate, &linear->options, model);
}

static CoreStatus
linear_bind(CoreEnv *env, Model *model)
{
	if (model->link != LINK_IDENTITY)
		return env_fail(env, CORE_CORRUPT, "a model of algorithm \"linear\" cannot have link \"%s\"", link_name(model->link));
	return linear_scorer_bind(env, model, 1);
}

const Algorithm algorithm_linear = {
	.name = "linear",
	.summary = "Linear regression by least squares (QR), with standard errors; optional ridge penalty.",
	.tasks = 1u << TASK_REGRESSION,
	.profile = PROFILE_LINEAR,
	.params = linear_params,
	.begin = linear_begin,
	.start = linear_start,
	.state_init = linear_state_start,
	.accumulate = linear_accumulate,
	.merge = linear_merge,
	.step = linear_step,
	.finish = linear_finish,
	.bind = linear_bind,
	.score = linear_scorer_score,
};
