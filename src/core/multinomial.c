/*
 * multinomial.c
 *	  Plan, buffers, results and scoring of multinomial logistic regression; see
 *	  multinomial.h.
 *
 * D. Bohning, "Multinomial logistic regression algorithm" (1992); A. Albert and
 * J. A. Anderson (1984) for separation.
 */
#include "core/multinomial.h"

#include <math.h>
#include <string.h>

#include "core/lbfgs.h"
#include "core/linear_scorer.h"
#include "core/term_list.h"

#define SAMPLE_BLOCKS 32
#define SAMPLE_FROM_BLOCKS 128	/* smaller data sets are not worth sampling */
#define SAMPLE_ROWS_PER_COEFFICIENT 50
#define PASSES_BESIDE_ITERATIONS 60 /* surveys, the sample with its halvings */
#define ABSENT_MARGIN (-1e30)	/* of a class without training rows: probability 0 */

/* Takes `count` doubles from the layout. */
static double *
take(double **next, size_t count)
{
	double	   *taken = *next;

	*next += count;
	return taken;
}

static size_t
basis_doubles(const MultinomialPlan *private, int nterms)
{
	return private->uncorrelated ? (size_t) nterms * (size_t) nterms : 0;
}

MultinomialVectors
multinomial_vectors(const FitPlan *plan, const MultinomialIterate *iterate)
{
	const MultinomialPlan *private = plan->private;
	size_t		terms = (size_t) plan->input.nterms + 1;
	size_t		classes = (size_t) plan->input.nclasses;
	size_t		size = (classes - 1) * terms;
	double	   *next = (double *) iterate->data;
	MultinomialVectors v;

	v.centre = take(&next, terms);
	v.spread = take(&next, terms);
	v.beta = take(&next, size);
	v.previous = take(&next, size);
	v.direction = take(&next, size);
	v.error = take(&next, size);
	v.divergent = take(&next, size);
	v.factor = take(&next, classes);
	v.basis = take(&next, basis_doubles(private, plan->input.nterms));
	v.gradient = take(&next, private->newton ? 0 : size);
	v.pairs = take(&next, private->newton ? 0 : 2 * LBFGS_PAIRS * size);
	v.kept = (int32_t *) ((char *) iterate + ((char *) next - (char *) iterate));
	v.active = v.kept + terms;
	return v;
}

/* Bytes of the iterate; false on overflow. */
static bool
iterate_bytes(const MultinomialPlan *private, int nterms, int nclasses, size_t *bytes)
{
	size_t		terms = (size_t) nterms + 1;
	size_t		size;
	size_t		doubles;

	if (!size_multiply((size_t) nclasses - 1, terms, &size) ||
		!size_multiply(size, private->newton ? 5 : 6 + 2 * LBFGS_PAIRS, &doubles) ||
		!size_add(doubles, 3 * terms + 2 * (size_t) nclasses + basis_doubles(private, nterms), &doubles) ||
		!size_multiply(doubles, sizeof(double), bytes))
		return false;
	return size_add(*bytes, sizeof(MultinomialIterate) + 63, bytes);
}

static bool
state_bytes(const MultinomialPlan *private, int nterms, int nclasses, size_t *bytes)
{
	size_t		columns = (size_t) nterms + 1;
	size_t		actives = (size_t) nclasses - 1;
	size_t		linear;
	size_t		doubles;

	if (!linear_state_size(nterms, &linear) || !size_multiply(actives, columns, &doubles))
		return false;
	if (private->newton)		/* there are few of them then */
		doubles += doubles * doubles + actives * columns * columns;
	if (!size_multiply(doubles, sizeof(double), bytes))
		return false;
	if (*bytes < linear)
		*bytes = linear;
	return size_add(*bytes, sizeof(MultinomialState) + multinomial_class_doubles(nclasses) * sizeof(double) + 63, bytes);
}

CoreStatus
multinomial_begin(CoreEnv *env, const FitInput *input, const MultinomialOptions *options, FitPlan *plan)
{
	int64_t		blocks = (input->nrows + BLOCK_ROWS - 1) / BLOCK_ROWS;
	int64_t		size = ((int64_t) input->nclasses - 1) * ((int64_t) input->nterms + 1);
	size_t		workspace;
	MultinomialPlan *private;

	if (input->nclasses < 2)
		return env_fail(env, CORE_NUMERIC, "the target has fewer than two classes");
	CORE_ALLOC(env, private, 1);
	private->options = *options;
	private->newton = size <= MULTINOMIAL_NEWTON_LIMIT;
	private->uncorrelated = options->ridge == 0.0 && input->nterms <= MULTINOMIAL_BASIS_LIMIT;
	if (blocks >= SAMPLE_FROM_BLOCKS && SAMPLE_BLOCKS * BLOCK_ROWS / SAMPLE_ROWS_PER_COEFFICIENT > size)
		private->sample_blocks = SAMPLE_BLOCKS;
	if (isnan(options->tol))
		private->options.tol = blocks >= SAMPLE_FROM_BLOCKS ? MULTINOMIAL_TOL_LARGE : MULTINOMIAL_TOL;
	if (!linear_workspace_size(input->nterms, BLOCK_ROWS, &workspace) ||
		!iterate_bytes(private, input->nterms, input->nclasses, &plan->iterate_size) ||
		!state_bytes(private, input->nterms, input->nclasses, &plan->state_size))
		return env_fail(env, CORE_TOO_LARGE, "%d terms and %d classes are too many", input->nterms, input->nclasses);
	CORE_ALLOC(env, private->chunk, multinomial_chunk_doubles(input->nterms, input->nclasses, private->newton));
	CORE_ALLOC(env, private->workspace, workspace);
	plan->iterate_size = plan->iterate_size / 64 * 64;
	plan->state_size = plan->state_size / 64 * 64;
	plan->input = *input;
	plan->private = private;
	plan->max_passes = options->max_iter * (private->newton ? 1 : MULTINOMIAL_LBFGS_FACTOR) + PASSES_BESIDE_ITERATIONS;
	return CORE_OK;
}

CoreStatus
multinomial_start(CoreEnv *env, const FitPlan *plan, void *iterate_)
{
	const MultinomialPlan *private = plan->private;
	MultinomialIterate *iterate = iterate_;

	(void) env;
	iterate->objective = INFINITY;
	/* the penalty needs the spreads, balancing needs the classes of all rows */
	iterate->sampled = private->sample_blocks > 0 && private->options.ridge == 0.0 && !private->options.balanced;
	return CORE_OK;
}

int64_t
multinomial_pass_blocks(const FitPlan *plan, const void *iterate, int64_t nblocks)
{
	const MultinomialPlan *private = plan->private;

	if (((const MultinomialIterate *) iterate)->sampled && private->sample_blocks < nblocks)
		return private->sample_blocks;
	return nblocks;
}

void
multinomial_state_init(const FitPlan *plan, const void *iterate_, void *state_)
{
	const MultinomialIterate *iterate = iterate_;
	MultinomialState *state = state_;

	state->min_gain = INFINITY;
	state->min_margin = INFINITY;
	if (iterate->surveyed)
	{
		state->columns = iterate->nkept + 1;
		state->actives = iterate->present - 1;
	}
	else
		linear_state_init(multinomial_linear_state(plan, state), plan->input.nterms);
}

static CoreStatus
report(CoreEnv *env, const FitPlan *plan, const MultinomialIterate *iterate)
{
	const MultinomialPlan *private = plan->private;
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	int			columns = iterate->nkept + 1;
	bool	   *chosen;
	char		names[TERM_LIST_SIZE];

	CORE_TRY(term_list_report_aliased(env, &plan->input, v.kept + 1, iterate->nkept));
	for (int c = 0; c < plan->input.nclasses; c++)
	{
		if (v.active[c] == -2)
			env_log(env, CORE_WARNING, "class \"%s\" has no training rows: its probability is always 0", plan->input.classes[c]);
	}
	CORE_ALLOC(env, chosen, (size_t) plan->input.nterms + 1);
	for (int a = 0; a < iterate->present - 1; a++)
	{
		for (int k = 0; k < columns; k++)
		{
			if (v.divergent[(size_t) a * (size_t) columns + (size_t) k] > 0.0)
				chosen[k == 0 ? 0 : 1 + v.kept[k]] = true;
		}
	}
	term_list(&plan->input, chosen, names, sizeof(names));
	if (iterate->separation != 0)
		env_log(env, CORE_WARNING, "the classes are %s separated: estimates of %s have no finite value (with reg_lambda above 0 they would)",
				iterate->separation == 2 ? "completely" : "partly", names);
	else if (!iterate->converged)
		env_log(env, CORE_WARNING, "the fit did not converge in %d iterations: the deviance still changes, the largest margin is %.3g",
				iterate->iteration, iterate->max_eta);
	if (!private->newton && private->options.ridge == 0.0)
		env_log(env, CORE_NOTICE, "no standard errors: the model has more than %d coefficients", MULTINOMIAL_NEWTON_LIMIT);
	env_release(env, chosen);
	return CORE_OK;
}

/*
 * One row for each class but the first, which is the reference.  Should the
 * first class have no rows, one row for each class, zeros for the reference.
 */
static CoreStatus
add_estimates(CoreEnv *env, const FitPlan *plan, const MultinomialIterate *iterate, Model *model)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	int			classes = plan->input.nclasses;
	int			first = v.active[0] == -1 ? 1 : 0;
	int64_t		width = (int64_t) plan->input.nterms + 1;
	double	   *estimate;
	double	   *error;
	void	   *data;

	CORE_TRY(model_add_array(env, model, "estimate", ARRAY_F64, classes - first, width, &data));
	estimate = data;
	CORE_TRY(model_add_array(env, model, "std_error", ARRAY_F64, classes - first, width, &data));
	error = data;
	for (int c = first; c < classes; c++, estimate += width, error += width)
	{
		size_t		row = (size_t) (v.active[c] < 0 ? 0 : v.active[c]) * ((size_t) iterate->nkept + 1);

		for (int64_t j = 0; j < width; j++)
		{
			estimate[j] = v.active[c] == -1 ? 0.0 : NAN;
			error[j] = NAN;
		}
		for (int k = 0; k <= iterate->nkept && v.active[c] >= 0; k++)
		{
			int			j = k == 0 ? 0 : 1 + v.kept[k];

			estimate[j] = v.beta[row + (size_t) k];
			error[j] = v.error[row + (size_t) k];
			if (!isfinite(estimate[j]))
				return env_fail(env, CORE_NUMERIC, "an estimate is not finite");
		}
	}
	return CORE_OK;
}

CoreStatus
multinomial_finish(CoreEnv *env, const FitPlan *plan, const void *iterate_, Model *model)
{
	const MultinomialPlan *private = plan->private;
	const MultinomialIterate *iterate = iterate_;
	double		rows = (double) iterate->rows;
	double		actives = iterate->present - 1;
	double		parameters = actives * (iterate->nkept + (private->options.intercept ? 1 : 0));

	params_record(&model->params, "tol", private->options.tol);
	model->link = LINK_SOFTMAX;
	model->noutputs = plan->input.nclasses;
	model->rows_train = iterate->rows;
	model->weight_train = iterate->weight;
	CORE_TRY(report(env, plan, iterate));
	CORE_TRY(add_estimates(env, plan, iterate, model));
	CORE_TRY(model_add_number(env, model, "rows", rows));
	CORE_TRY(model_add_number(env, model, "null_deviance", iterate->null_deviance));
	CORE_TRY(model_add_number(env, model, "df_null", actives * (rows - (private->options.intercept ? 1 : 0))));
	CORE_TRY(model_add_number(env, model, "deviance", iterate->deviance));
	CORE_TRY(model_add_number(env, model, "df_error", actives * rows - parameters));
	CORE_TRY(model_add_number(env, model, "log_likelihood", -0.5 * iterate->deviance));
	if (private->options.ridge == 0.0)
	{
		CORE_TRY(model_add_number(env, model, "aic", iterate->deviance + 2.0 * parameters));
		CORE_TRY(model_add_number(env, model, "bic", iterate->deviance + parameters * log(rows)));
	}
	CORE_TRY(model_add_number(env, model, "mcfadden_r_squared", 1.0 - iterate->deviance / iterate->null_deviance));
	CORE_TRY(model_add_number(env, model, "separation", iterate->separation != 0));
	CORE_TRY(model_add_number(env, model, "converged", iterate->converged));
	CORE_TRY(model_add_number(env, model, "iterations", iterate->iteration));
	return model_add_number(env, model, "condition_number", iterate->condition);
}

/* The scorer is a full classes x (1 + nterms) table for linear_scorer_score. */
CoreStatus
multinomial_bind(CoreEnv *env, Model *model)
{
	const ModelArray *estimate;
	int			classes = model->target.nclasses;
	size_t		width = (size_t) model->transform->nterms + 1;
	size_t		count;
	int64_t		first;
	double	   *coefficients;

	if (model->link != LINK_SOFTMAX)
		return env_fail(env, CORE_CORRUPT, "the model has link %d instead of softmax", (int) model->link);
	if (classes < 2 || model->noutputs != classes)
		return env_fail(env, CORE_CORRUPT, "the model has %d outputs for %d classes", model->noutputs, classes);
	CORE_TRY(model_require(env, model, "estimate", ARRAY_F64, -1, (int64_t) width, &estimate));
	first = classes - estimate->rows;
	if (first != 0 && first != 1)
		return env_fail(env, CORE_CORRUPT, "the model has coefficients for %lld of %d classes", (long long) estimate->rows, classes);
	if (!size_multiply((size_t) classes, width, &count))
		return env_fail(env, CORE_CORRUPT, "the model has too many coefficients");
	CORE_ALLOC(env, coefficients, count);
	for (size_t i = 0; i < (size_t) estimate->rows * width; i++)
	{
		double		value = ((const double *) estimate->data)[i];

		if (isinf(value))
			return env_fail(env, CORE_CORRUPT, "coefficient %zu of the model is infinite", i);
		if (isnan(value))
			value = i % width == 0 ? ABSENT_MARGIN : 0.0;
		coefficients[(size_t) first * width + i] = value;
	}
	model->scorer = coefficients;
	return CORE_OK;
}

void
multinomial_score(const Model *model, const double *terms, double *scratch, double *out)
{
	linear_scorer_score(model, terms, scratch, out);
}
