/*
 * irls.c
 *	  Plan, buffers and results of a generalized linear model; see irls.h.
 *
 * A. Albert and J. A. Anderson, "On the existence of maximum likelihood
 * estimates in logistic regression models" (1984); P. McCullagh and J. A.
 * Nelder, "Generalized Linear Models" (1989), section 2.5.
 */
#include "core/irls.h"

#include <math.h>

#include "core/linear_scorer.h"
#include "core/term_list.h"

#define SAMPLE_BLOCKS 32
#define FIRST_BLOCKS 8
#define SAMPLE_FROM_BLOCKS 128	/* smaller data sets are not worth sampling */
#define SAMPLE_ROWS_PER_TERM 50
#define PASSES_BESIDE_ITERATIONS 40 /* surveys, the sample with its halvings, the last pass */

IrlsVectors
irls_vectors(const FitPlan *plan, const IrlsIterate *iterate)
{
	size_t		length = (size_t) plan->input.nterms + 1;
	double	   *data = (double *) iterate->data;
	IrlsVectors v = {
		.centre = data,
		.spread = data + length,
		.beta = data + 2 * length,
		.previous = data + 3 * length,
		.direction = data + 4 * length,
		.error = data + 5 * length,
		.divergent = data + 6 * length,
		.kept = (int32_t *) ((char *) iterate + offsetof(IrlsIterate, data) + 7 * length * sizeof(double)),
	};

	return v;
}

static size_t
round_up(size_t size)
{
	return (size + 63) / 64 * 64;
}

CoreStatus
irls_begin(CoreEnv *env, const FitInput *input, const IrlsOptions *options, FitPlan *plan)
{
	size_t		terms = (size_t) input->nterms;
	size_t		linear;
	size_t		cross;
	size_t		vectors;
	size_t		workspace;
	bool		sampling;
	int64_t		blocks = (input->nrows + BLOCK_ROWS - 1) / BLOCK_ROWS;
	IrlsPlan   *private;

	sampling = blocks >= SAMPLE_FROM_BLOCKS && SAMPLE_BLOCKS * BLOCK_ROWS / SAMPLE_ROWS_PER_TERM > input->nterms;
	if (!linear_state_size(input->nterms, &linear) || !linear_workspace_size(input->nterms, BLOCK_ROWS, &workspace) ||
		!size_multiply((terms + 2) * (terms + 3) / 2, sizeof(double), &cross) ||
		!size_multiply(terms + 1, IRLS_VECTORS * sizeof(double), &vectors) ||
		!size_add(linear > cross ? linear : cross, sizeof(IrlsState) + 64, &plan->state_size) ||
		!size_add(vectors, sizeof(IrlsIterate) + 64, &plan->iterate_size) ||
		(sampling && !size_add(plan->iterate_size, cross, &plan->iterate_size)))
		return env_fail(env, CORE_TOO_LARGE, "generalized linear models take at most %d terms, not %d", LINEAR_MAX_TERMS, input->nterms);
	plan->state_size = round_up(plan->state_size - 64);
	plan->iterate_size = round_up(plan->iterate_size - 64);
	plan->input = *input;
	plan->max_passes = options->max_iter + PASSES_BESIDE_ITERATIONS;
	CORE_ALLOC(env, private, 1);
	private->options = *options;
	CORE_ALLOC(env, private->chunk, irls_chunk_doubles(input->nterms));
	CORE_ALLOC(env, private->workspace, workspace);
	private->square = env_alloc(env, (terms + 2) * (terms + 2), sizeof(double));
	if (private->square == NULL)
		return CORE_NO_MEMORY;
	if (sampling)
	{
		private->sample_blocks = SAMPLE_BLOCKS;
		private->first_blocks = FIRST_BLOCKS * BLOCK_ROWS / SAMPLE_ROWS_PER_TERM > input->nterms ? FIRST_BLOCKS : SAMPLE_BLOCKS;
		/* where expected and observed information are the same */
		private->corrects = options->spec.link == glm_canonical_link(options->spec.family);
	}
	if (isnan(options->tol))
		private->options.tol = blocks >= SAMPLE_FROM_BLOCKS ? IRLS_TOL_LARGE : IRLS_TOL;
	plan->private = private;
	return CORE_OK;
}

CoreStatus
irls_start(CoreEnv *env, const FitPlan *plan, void *iterate_)
{
	const IrlsPlan *private = plan->private;
	IrlsIterate *iterate = iterate_;

	(void) env;
	iterate->basis = IRLS_SURVEY;
	iterate->objective = INFINITY;
	/* the penalty needs the spreads, balancing needs the classes of all rows */
	if (private->options.ridge == 0.0 && !private->options.balanced)
		iterate->sampled = (int32_t) private->sample_blocks;
	return CORE_OK;
}

int64_t
irls_pass_blocks(const FitPlan *plan, const void *iterate, int64_t nblocks)
{
	int64_t		sampled = ((const IrlsIterate *) iterate)->sampled;

	(void) plan;
	return sampled > 0 && sampled < nblocks ? sampled : nblocks;
}

void
irls_state_init(const FitPlan *plan, const void *iterate_, void *state_)
{
	const IrlsIterate *iterate = iterate_;
	IrlsState  *state = state_;

	state->min_gain = INFINITY;
	state->min_margin = INFINITY;
	if (iterate->basis == IRLS_CROSS_PRODUCT)
		state->cross_columns = iterate->nkept + 2;
	else
		linear_state_init(irls_linear_state(state), iterate->basis == IRLS_SURVEY ? plan->input.nterms : iterate->nkept);
}

static CoreStatus
report(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	bool	   *chosen;
	char		names[TERM_LIST_SIZE];

	CORE_TRY(term_list_report_aliased(env, &plan->input, v.kept + 1, iterate->nkept));
	CORE_ALLOC(env, chosen, (size_t) plan->input.nterms + 1);
	chosen[0] = v.divergent[0] > 0.0;
	for (int k = 1; k <= iterate->nkept; k++)
		chosen[1 + v.kept[k]] = v.divergent[k] > 0.0;
	if (iterate->separation != IRLS_OVERLAP)
	{
		term_list(&plan->input, chosen, names, sizeof(names));
		env_log(env, CORE_WARNING, "the classes are %s separated: estimates of %s have no finite value (with reg_lambda above 0 they would)",
				iterate->separation == IRLS_SEPARATED ? "completely" : "partly", names);
	}
	else if (!iterate->converged)
		env_log(env, CORE_WARNING, "the fit did not converge in %d iterations: the deviance still changes, the largest linear predictor is %.3g",
				iterate->iteration, iterate->max_eta);
	env_release(env, chosen);
	return CORE_OK;
}

static CoreStatus
add_estimates(CoreEnv *env, const FitPlan *plan, const IrlsIterate *iterate, double dispersion, Model *model)
{
	const IrlsOptions *options = irls_options(plan);
	IrlsVectors v = irls_vectors(plan, iterate);
	int			columns = plan->input.nterms + 1;
	double		root = options->ridge > 0.0 ? NAN : sqrt(dispersion);
	double	   *estimate;
	double	   *error;
	void	   *data;

	CORE_TRY(model_add_array(env, model, "estimate", ARRAY_F64, 1, columns, &data));
	estimate = data;
	CORE_TRY(model_add_array(env, model, "std_error", ARRAY_F64, 1, columns, &data));
	error = data;
	for (int j = 1; j < columns; j++)
		estimate[j] = error[j] = NAN;
	estimate[0] = options->intercept ? v.beta[0] : 0.0;
	error[0] = options->intercept ? v.error[0] * root : NAN;
	for (int k = 1; k <= iterate->nkept; k++)
	{
		int			j = 1 + v.kept[k];

		estimate[j] = v.beta[k] / v.spread[k];
		error[j] = v.error[k] * root;
		estimate[0] -= v.centre[k] * estimate[j];
	}
	return linear_check_estimates(env, plan->input.terms, columns - 1, estimate, true);
}

CoreStatus
irls_finish(CoreEnv *env, const FitPlan *plan, const void *iterate_, Model *model)
{
	const IrlsIterate *iterate = iterate_;
	const IrlsOptions *options = irls_options(plan);
	bool		estimated = glm_dispersion_estimated(options->spec.family);
	double		rows = (double) iterate->rows;
	double		df_error = rows - iterate->rank;
	double		dispersion = !estimated ? 1.0 : df_error > 0.0 ? iterate->pearson / df_error : NAN;
	double		parameters = iterate->rank + (estimated ? 1 : 0);
	double		log_likelihood;

	params_record(&model->params, "tol", options->tol);
	model->link = options->spec.link;
	model->noutputs = 1;
	model->rows_train = iterate->rows;
	model->weight_train = iterate->weight;
	CORE_TRY(report(env, plan, iterate));
	CORE_TRY(add_estimates(env, plan, iterate, dispersion, model));

	CORE_TRY(model_add_number(env, model, "rows", rows));
	CORE_TRY(model_add_number(env, model, "null_deviance", iterate->null_deviance));
	CORE_TRY(model_add_number(env, model, "df_null", rows - (options->intercept ? 1.0 : 0.0)));
	CORE_TRY(model_add_number(env, model, "deviance", iterate->deviance));
	CORE_TRY(model_add_number(env, model, estimated ? "df_residual" : "df_error", df_error));
	CORE_TRY(model_add_number(env, model, "dispersion", dispersion));
	log_likelihood = glm_log_likelihood(&options->spec, iterate->deviance, iterate->weight, rows, iterate->likelihood_constant);
	CORE_TRY(model_add_number(env, model, "log_likelihood", log_likelihood));
	if (options->ridge == 0.0)
	{
		/* a penalised fit does not have as many free parameters as terms */
		CORE_TRY(model_add_number(env, model, "aic", 2.0 * (parameters - log_likelihood)));
		CORE_TRY(model_add_number(env, model, "bic", parameters * log(rows) - 2.0 * log_likelihood));
	}
	if (options->spec.family == GLM_BINOMIAL)
		CORE_TRY(model_add_number(env, model, "mcfadden_r_squared",
								  iterate->null_deviance > 0.0 ? 1.0 - iterate->deviance / iterate->null_deviance : NAN));
	if (glm_can_separate(&options->spec))
		CORE_TRY(model_add_number(env, model, "separation", iterate->separation != IRLS_OVERLAP));
	CORE_TRY(model_add_number(env, model, "converged", iterate->converged));
	CORE_TRY(model_add_number(env, model, "iterations", iterate->iteration));
	return model_add_number(env, model, "condition_number", iterate->condition);
}
