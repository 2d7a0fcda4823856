/*
 * irls_step.c
 *	  From the sums of a pass to the next iterate; see irls.h.
 *
 * Order of decisions after a pass over all rows: is the data usable; did the
 * last step help (else halve it); is the fit separated; where does Newton's
 * method go from here; is that near enough.
 */
#include "core/irls.h"

#include <math.h>
#include <string.h>

#define RISE_TOLERANCE 1e-10	/* of the deviance: rounding, not a bad step */
#define MAX_HALVINGS 25
#define SMALL_RETREATS 4		/* halvings before steps are cut by more: where heavy rows are nearly separated they are too long by 1e10 */
#define LARGE_RETREAT 0.1
#define POLL_TERMS 64
#define SEPARATION_TOLERANCE 1e-9	/* of the largest move: rounding, not overlap */
#define DIVERGENT_TOLERANCE 1e-6	/* of the largest scaled component of the direction */
#define SEPARATED_DECREMENT 1e-9	/* of the deviance: separated rows have no say in the other estimates any more */
#define SEPARATED_DEVIANCE 1e-6 /* per unit of weight: perfectly classified rows are fitted as closely as this */
#define SAMPLE_ITERATIONS 8
#define FIRST_DECREMENT 1e-2	/* of the deviance: the first part of the sample is not much nearer to the whole ... */
#define SAMPLE_DECREMENT 1e-3	/* ... nor is the sample itself */
#define SAMPLE_RIDGE 1.0		/* keeps estimates finite where the sample alone is separated */
#define QR_DECREMENT 1e-10		/* of the deviance: the next step is the last but rounding */
#define QR_MARGIN 0.1			/* of tol^2: the decrement expected of the last step */
#define OBSERVED_DECREMENT 1e-2 /* of the deviance: near enough for the observed information to be positive */

/* The linear predictor of rows without terms and offset that has the mean of the target. */
static double
mean_predictor(const IrlsOptions *options, double mean)
{
	double		eta = options->intercept ? glm_link(options->spec.link, mean) : 0.0;

	return isfinite(eta) ? eta : 0.0;
}

static double
target_mean(const FitPlan *plan, const IrlsIterate *iterate, const IrlsState *state)
{
	double		negative;
	double		positive;

	if (plan->input.task != TASK_BINARY)
		return state->target / state->weight;
	negative = state->class_weight[0] * iterate->class_factor[0];
	positive = state->class_weight[1] * iterate->class_factor[1];
	return positive / (negative + positive);
}

static CoreStatus
check_rows(CoreEnv *env, const FitPlan *plan, const IrlsState *state)
{
	CoreStatus	status;

	if (state->rows == 0)
		return env_fail(env, CORE_NUMERIC, "no training row has a positive weight");
	if (state->not_finite)
		return env_fail(env, CORE_NUMERIC, "a term has values that are not finite");
	if (plan->input.task == TASK_BINARY && (state->class_weight[0] == 0.0 || state->class_weight[1] == 0.0))
	{
		int			code = state->class_weight[1] > 0.0 ? 1 : 0;

		status = env_fail(env, CORE_NUMERIC, "all training rows have class \"%s\"",
						  plan->input.classes != NULL && code < plan->input.nclasses ? plan->input.classes[code] : code ? "1" : "0");
		return env_hint(env, status, "Train on rows that have both classes, with positive weights.");
	}
	return CORE_OK;
}

/* Centre and spread of every term that is not aliased. */
static CoreStatus
choose_terms(CoreEnv *env, const FitPlan *plan, IrlsIterate *iterate, const LinearState *state, bool *complete)
{
	const IrlsOptions *options = irls_options(plan);
	IrlsVectors v = irls_vectors(plan, iterate);
	LinearOptions linear = {.intercept = options->intercept, .ridge = options->ridge, .tolerance = LINEAR_TOLERANCE, .inference = false};
	LinearSolution solution;
	double		smallest = 1.0;

	CORE_TRY(linear_state_solve(env, state, &linear, &solution));
	iterate->nkept = 0;
	for (int j = 0; j < state->nterms; j++)
	{
		double		mean = state->data[j];
		double		norm = 0.0;
		const double *column = linear_state_column(state, j);
		int			k;

		if (j % POLL_TERMS == 0)
			env_poll(env);
		for (int i = 0; i <= j; i++)
			norm = hypot(norm, column[i]);
		if (!isfinite(mean) || !isfinite(norm))
			return env_fail(env, CORE_NUMERIC, "term \"%s\" has values that are not finite", plan->input.terms[j].name);
		if (solution.aliased[j])
			continue;
		k = ++iterate->nkept;
		v.kept[k] = j;
		v.centre[k] = options->intercept ? mean : 0.0;
		v.spread[k] = norm / sqrt(state->weight);
		if (!options->intercept)
			v.spread[k] = hypot(v.spread[k], mean);
		smallest = fmin(smallest, fabs(column[j]) / norm);
	}
	*complete = iterate->nkept == state->nterms;
	/* the cross-product would lose half of its digits */
	iterate->basis = smallest > 1e-4 || options->ridge > 0.0 ? IRLS_CROSS_PRODUCT : IRLS_QR;
	return CORE_OK;
}

static CoreStatus
survey_step(CoreEnv *env, const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state)
{
	const IrlsOptions *options = irls_options(plan);
	bool		binary = plan->input.task == TASK_BINARY;
	bool		one_class = binary && (state->class_weight[0] == 0.0 || state->class_weight[1] == 0.0);
	bool		complete = false;

	if (iterate->sampled && (one_class || state->rows == 0))
	{
		iterate->sampled = 0;	/* survey all rows */
		return CORE_OK;
	}
	CORE_TRY(check_rows(env, plan, state));
	CORE_TRY(choose_terms(env, plan, iterate, irls_linear_sums(state), &complete));
	if (iterate->sampled && !complete)
	{
		/* terms that depend on others in the sample may not do so in all rows */
		iterate->sampled = 0;
		iterate->basis = IRLS_SURVEY;
		return CORE_OK;
	}
	if (iterate->nkept == 0 && !options->intercept)
		return env_fail(env, CORE_NUMERIC, "there is no term to fit: every term is zero in all training rows");

	for (int code = 0; code < 2; code++)
	{
		iterate->class_factor[code] = options->class_weight[code];
		if (binary && options->balanced)
			iterate->class_factor[code] *= state->weight / (2.0 * state->class_weight[code]);
	}
	iterate->has_offset |= state->has_offset;
	iterate->start_mean = target_mean(plan, iterate, state);
	iterate->null_eta = iterate->null_previous = mean_predictor(options, iterate->start_mean);
	iterate->null_previous_deviance = INFINITY;
	iterate->sampled = (int32_t) ((const IrlsPlan *) plan->private)->first_blocks;
	iterate->starting = 1;
	return CORE_OK;
}

/* Restarts over all rows from the family's starting means. */
static void
start_over(const FitPlan *plan, IrlsIterate *iterate)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	size_t		size = ((size_t) iterate->nkept + 1) * sizeof(double);

	memset(v.beta, 0, size);
	memset(v.previous, 0, size);
	memset(v.direction, 0, size);
	iterate->sampled = 0;
	iterate->correction = IRLS_NO_CORRECTION;
	iterate->starting = 1;
	iterate->observed = 0;
	iterate->moved = 0;
	iterate->iteration = 0;
	iterate->decrement = 0.0;
	iterate->halvings = 0;
	iterate->objective = INFINITY;
}

/* What a mean on the boundary fits exactly: all targets are 0, or all are 1. */
static double
boundary_deviance(const GlmSpec *spec)
{
	return spec->family == GLM_BINOMIAL || spec->family == GLM_POISSON ? 0.0 : NAN;
}

/*
 * The null model has the intercept alone (without one: nothing), beside the
 * offset.  Its mean is that of the target unless there are offsets, when
 * Newton's method runs beside the main fit.
 */
static void
advance_null_model(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state)
{
	const IrlsOptions *options = irls_options(plan);
	bool		evaluated = iterate->has_offset || iterate->basis == IRLS_QR;
	double		tolerance = RISE_TOLERANCE * fabs(state->null_deviance);

	if (state->has_offset && !iterate->has_offset)
	{
		iterate->has_offset = 1;
		evaluated = iterate->basis == IRLS_QR;
	}
	if (options->intercept && !isfinite(glm_link(options->spec.link, target_mean(plan, iterate, state))))
	{
		iterate->null_deviance = boundary_deviance(&options->spec);
		iterate->null_settled = 1;
		return;
	}
	if (!iterate->has_offset || !options->intercept)
	{
		double		eta = iterate->has_offset ? 0.0 : mean_predictor(options, target_mean(plan, iterate, state));

		iterate->null_settled = evaluated && iterate->null_eta == eta;
		iterate->null_eta = eta;
		iterate->null_deviance = state->null_deviance;
		return;
	}
	if (!evaluated || iterate->null_settled)
		return;
	if (state->null_invalid && !isfinite(iterate->null_previous_deviance))
	{
		iterate->null_deviance = NAN;
		iterate->null_settled = 1;
		return;
	}
	if (state->null_invalid || state->null_deviance > iterate->null_previous_deviance + tolerance)
	{
		iterate->null_eta = 0.5 * (iterate->null_eta + iterate->null_previous);
		return;
	}
	iterate->null_settled = !(state->null_score * state->null_score > 1e-18 * state->null_information * state->null_deviance);
	iterate->null_deviance = iterate->null_previous_deviance = state->null_deviance;
	iterate->null_previous = iterate->null_eta;
	iterate->null_eta += state->null_information > 0.0 ? state->null_score / state->null_information : 0.0;
}

static double
penalty(const FitPlan *plan, const IrlsIterate *iterate, double ridge)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	double		sum = 0.0;

	for (int k = 1; k <= iterate->nkept; k++)
		sum += v.beta[k] * v.beta[k];
	return ridge * sum;
}

static bool
step_failed(const IrlsIterate *iterate, const IrlsState *state, double objective)
{
	if (state->invalid || !isfinite(objective))
		return true;
	return objective > iterate->objective + RISE_TOLERANCE * fabs(iterate->objective) + 1e-14 * state->scale;
}

/* Goes back towards the last good coefficients: half of the way, later most of it. */
static CoreStatus
retreat(CoreEnv *env, const FitPlan *plan, IrlsIterate *iterate)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	CoreStatus	status;
	bool		give_up = iterate->halvings >= MAX_HALVINGS || iterate->iteration >= irls_options(plan)->max_iter;
	double		kept = iterate->halvings < SMALL_RETREATS ? 0.5 : LARGE_RETREAT;

	if (!iterate->moved || (iterate->sampled && iterate->halvings >= SAMPLE_ITERATIONS))
	{
		start_over(plan, iterate);
		return CORE_OK;
	}
	if (give_up && !isfinite(iterate->objective))
	{
		status = env_fail(env, CORE_NUMERIC, "no coefficients were found that give family \"%s\" with link \"%s\" means in its range",
						  glm_family_name(irls_options(plan)->spec.family), link_name(irls_options(plan)->spec.link));
		return env_hint(env, status, "Try the link \"log\", or fewer terms.");
	}
	for (int k = 0; k <= iterate->nkept; k++)
	{
		v.beta[k] = give_up ? v.previous[k] : kept * v.beta[k] + (1.0 - kept) * v.previous[k];
		v.direction[k] *= kept;
	}
	iterate->halvings++;
	iterate->iteration++;
	if (give_up)
	{
		iterate->basis = IRLS_QR;
		iterate->observed = 0;
		iterate->last = 1;
		iterate->objective = INFINITY;
	}
	return CORE_OK;
}

static void
advance(const FitPlan *plan, IrlsIterate *iterate, const IrlsStep *step)
{
	IrlsVectors v = irls_vectors(plan, iterate);

	for (int k = 0; k <= iterate->nkept; k++)
	{
		v.previous[k] = v.beta[k];
		v.beta[k] += step->delta[k];
		v.direction[k] = step->delta[k];
	}
	iterate->moved = 1;
}

/*
 * After the starting step: should its means be out of range, the way back leads
 * to the null model, whose are not.
 */
static void
leave_start(const FitPlan *plan, IrlsIterate *iterate, const IrlsStep *step)
{
	IrlsVectors v = irls_vectors(plan, iterate);

	advance(plan, iterate, step);
	v.previous[0] = mean_predictor(irls_options(plan), iterate->start_mean);
	v.direction[0] -= v.previous[0];
	iterate->objective = INFINITY;
	iterate->starting = 0;
	if (irls_options(plan)->spec.family == GLM_GAUSSIAN && irls_options(plan)->spec.link == LINK_IDENTITY)
		iterate->basis = IRLS_QR;	/* least squares: that was all but rounding */
}

/* Marks the terms that the direction moves, in the user's units. */
static void
mark_divergent(const FitPlan *plan, IrlsIterate *iterate, const double *direction)
{
	IrlsVectors v = irls_vectors(plan, iterate);
	double		largest = 0.0;
	double		intercept = direction[0];
	double		size = fabs(direction[0]);

	for (int k = 1; k <= iterate->nkept; k++)
	{
		double		shift = v.centre[k] / v.spread[k] * direction[k];

		largest = fmax(largest, fabs(direction[k]));
		intercept -= shift;
		size = fmax(size, fabs(shift));
	}
	for (int k = 1; k <= iterate->nkept; k++)
		v.divergent[k] = fabs(direction[k]) > DIVERGENT_TOLERANCE * largest;
	v.divergent[0] = irls_options(plan)->intercept && fabs(intercept) > DIVERGENT_TOLERANCE * size;
}

static void
find_separation(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state)
{
	const IrlsOptions *options = irls_options(plan);
	IrlsVectors v = irls_vectors(plan, iterate);
	double		tolerance = SEPARATION_TOLERANCE * state->max_move;

	if (options->ridge > 0.0 || !glm_can_separate(&options->spec) || !iterate->moved)
		return;
	if (state->max_move > 0.0 && state->min_gain >= -tolerance && state->max_stray <= tolerance)
	{
		if (iterate->separation == IRLS_OVERLAP)
			iterate->separation = state->min_gain > tolerance ? IRLS_SEPARATED : IRLS_QUASI_SEPARATED;
		mark_divergent(plan, iterate, v.direction);
	}
	if (state->min_margin > 1e-12 * state->max_eta)
	{
		if (iterate->separation == IRLS_OVERLAP)
			mark_divergent(plan, iterate, v.beta);
		iterate->separation = IRLS_SEPARATED;
	}
}

static bool
near_enough(const FitPlan *plan, const IrlsIterate *iterate, const IrlsState *state, double objective, double decrement)
{
	const IrlsOptions *options = irls_options(plan);
	double		tol = options->tol;

	/* rounding alone makes steps of about this size */
	if (decrement <= 1e-28 * state->scale)
		return true;
	if (decrement > tol * tol * objective)
		return false;
	/* steps that vanish in the information but not in the linear predictor run off to infinity */
	return options->ridge > 0.0 || !glm_can_separate(&options->spec) || !iterate->moved || state->max_move < 0.1;
}

/* The last pass: results into the iterate. */
static void
conclude(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state, const IrlsStep *step, bool converged)
{
	IrlsVectors v = irls_vectors(plan, iterate);

	iterate->converged = converged && iterate->separation == IRLS_OVERLAP;
	for (int k = 0; k <= iterate->nkept; k++)
	{
		if (converged)
			v.beta[k] += step->delta[k];
		v.error[k] = v.divergent[k] > 0.0 ? NAN : step->error[k];
	}
	iterate->rank = step->rank;
	iterate->condition = step->condition;
	iterate->rows = state->rows;
	iterate->weight = state->weight;
	iterate->deviance = state->deviance;
	iterate->pearson = state->pearson;
	iterate->likelihood_constant = state->likelihood_constant;
	iterate->max_eta = state->max_eta;
}

/*
 * When to leave the cross-product for QR.  With the canonical link expected and
 * observed information are the same and steps shrink quadratically.  Otherwise
 * scoring may creep, so the observed information takes over near the maximum.
 */
static void
choose_basis(const FitPlan *plan, IrlsIterate *iterate, bool near, double relative_decrement)
{
	const IrlsOptions *options = irls_options(plan);
	bool		canonical = options->spec.link == glm_canonical_link(options->spec.family);
	double		growth = relative_decrement / (iterate->decrement * iterate->decrement);
	double		expected = growth * relative_decrement * relative_decrement;
	double		tol = options->tol;

	iterate->decrement = relative_decrement;
	if (iterate->basis == IRLS_QR)
		return;
	if (near || (canonical && (relative_decrement <= QR_DECREMENT || expected <= QR_MARGIN * tol * tol)))
	{
		iterate->basis = IRLS_QR;
		iterate->observed = 0;
	}
	else if (!canonical && !iterate->expected_only && relative_decrement <= OBSERVED_DECREMENT)
		iterate->observed = 1;
}

/* After a usable step on the sample: on with it, or on to more rows. */
static void
proceed_sampled(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state, const IrlsStep *step, double objective)
{
	const IrlsPlan *private = plan->private;
	bool		first = iterate->sampled < private->sample_blocks;

	if (step->decrement > (first ? FIRST_DECREMENT : SAMPLE_DECREMENT) * objective && iterate->iteration < SAMPLE_ITERATIONS)
	{
		advance(plan, iterate, step);
		return;
	}
	iterate->objective = INFINITY;
	iterate->iteration = 0;
	if (first)
	{
		advance(plan, iterate, step);
		iterate->sampled = (int32_t) private->sample_blocks;
		return;
	}
	/* all rows are looked at where the sample has been looked at */
	if (private->corrects)
		irls_keep_sample(plan, iterate, state);
	else
		advance(plan, iterate, step);
	iterate->sampled = 0;
	iterate->moved = 0;
	iterate->decrement = 0.0;
}

/* Decides what the next pass does, given a usable step. */
static void
proceed(const FitPlan *plan, IrlsIterate *iterate, const IrlsState *state, const IrlsStep *step, double objective, bool *done)
{
	const IrlsOptions *options = irls_options(plan);
	bool		near = near_enough(plan, iterate, state, objective, step->decrement);
	bool		separated = iterate->separation != IRLS_OVERLAP &&
		(step->decrement <= SEPARATED_DECREMENT * objective || state->deviance <= SEPARATED_DEVIANCE * state->weight);
	bool		stop = iterate->last || separated || iterate->iteration >= options->max_iter;

	if (iterate->sampled)
	{
		proceed_sampled(plan, iterate, state, step, objective);
		return;
	}
	if (iterate->basis == IRLS_QR && (stop || (near && iterate->null_settled)))
	{
		conclude(plan, iterate, state, step, near && !separated);
		*done = true;
		return;
	}
	if (stop)
	{
		iterate->basis = IRLS_QR;
		iterate->observed = 0;
		iterate->last = 1;
		return;
	}
	choose_basis(plan, iterate, near, step->decrement / objective);
	advance(plan, iterate, step);
	if (iterate->correction == IRLS_SAMPLE_KNOWN && iterate->basis == IRLS_CROSS_PRODUCT)
		irls_keep_difference(plan, iterate, state);
	else
		iterate->correction = IRLS_NO_CORRECTION;
}

CoreStatus
irls_step(CoreEnv *env, const FitPlan *plan, void *iterate_, const void *state_, bool *done)
{
	IrlsIterate *iterate = iterate_;
	const IrlsState *state = state_;
	double		ridge = irls_options(plan)->ridge;
	double		objective;
	IrlsStep	step;

	if (iterate->basis == IRLS_SURVEY)
		return survey_step(env, plan, iterate, state);
	if (iterate->correction == IRLS_DIFFERENCE_KNOWN)
		return irls_correct(env, plan, iterate, state);
	if (iterate->sampled)
		ridge = fmax(ridge, SAMPLE_RIDGE);
	if (iterate->starting && (state->invalid || state->not_finite))
		return env_fail(env, CORE_NUMERIC, "the target gives no starting values for family \"%s\" with link \"%s\"",
						glm_family_name(irls_options(plan)->spec.family), link_name(irls_options(plan)->spec.link));
	if (!iterate->sampled)
		CORE_TRY(check_rows(env, plan, state));
	objective = state->deviance + penalty(plan, iterate, ridge);
	if (!iterate->starting)
	{
		if (step_failed(iterate, state, objective))
			return retreat(env, plan, iterate);
		iterate->halvings = 0;
		iterate->objective = objective;
		if (!iterate->sampled)
		{
			advance_null_model(plan, iterate, state);
			find_separation(plan, iterate, state);
		}
	}

	CORE_TRY(irls_solve(env, plan, iterate, state, ridge, &step));
	if (step.failed)
	{
		/* the same pass again: with the expected information or, if that was it, by factorization */
		if (iterate->observed)
			iterate->expected_only = 1;
		else
			iterate->basis = IRLS_QR;
		iterate->observed = 0;
		iterate->correction = IRLS_NO_CORRECTION;
		return CORE_OK;
	}
	iterate->iteration++;
	if (iterate->starting)
		leave_start(plan, iterate, &step);
	else
		proceed(plan, iterate, state, &step, objective, done);
	env_release(env, step.delta);
	env_release(env, step.error);
	return CORE_OK;
}
