/*
 * multinomial_step.c
 *	  From the sums of a pass to the next iterate; see multinomial.h.
 */
#include "core/multinomial.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "core/lbfgs.h"

#define RISE_TOLERANCE 1e-10	/* of the deviance: rounding, not a bad step */
#define MAX_HALVINGS 25
#define SMALL_RETREATS 4		/* halvings before steps are cut by more, as in irls_step.c */
#define LARGE_RETREAT 0.1
#define SEPARATION_TOLERANCE 1e-9	/* of the largest move: rounding, not overlap */
#define DIVERGENT_TOLERANCE 1e-6
#define SEPARATED_DECREMENT 1e-9	/* of the deviance: separated rows have no say in the other estimates any more */
#define SEPARATED_DEVIANCE 1e-6 /* per unit of weight: perfectly classified rows are fitted as closely as this */
#define SAMPLE_ITERATIONS 8
#define SAMPLE_DECREMENT 1e-3	/* of the deviance: the sample itself is not nearer to the whole */
#define SAMPLE_RIDGE 1.0
#define LBFGS_TOL 1e-7			/* as tight as first-order steps get in reasonable time */
#define PIVOT_TOLERANCE 1e-13
#define ARMIJO 1e-4

/* A proposed step over the 1 + nkept coefficients of each active class. */
typedef struct Step
{
	double	   *delta;
	double		decrement;		/* of the deviance, to first order */
	int			size;			/* free coefficients */
	double	   *factor;			/* Newton: Cholesky factor of the information, size x size */
	bool		damped;			/* the information was singular */
} Step;

static inline int
first_column(const FitPlan *plan)
{
	return multinomial_plan(plan)->options.intercept ? 0 : 1;
}

static CoreStatus
check_rows(CoreEnv *env, const FitPlan *plan, const MultinomialIterate *iterate, const MultinomialState *state)
{
	CoreStatus	status;

	if (state->rows == 0)
		return env_fail(env, CORE_NUMERIC, "no training row has a positive weight");
	if (state->not_finite)
		return env_fail(env, CORE_NUMERIC, "a term has values that are not finite");
	if (iterate->present < 2)
	{
		int			code = 0;

		while (code < plan->input.nclasses - 1 && state->data[code] == 0.0)
			code++;
		status = env_fail(env, CORE_NUMERIC, "all training rows have class \"%s\"", plan->input.classes[code]);
		return env_hint(env, status, "Train on rows of at least two classes, with positive weights.");
	}
	return CORE_OK;
}

/* Which classes have rows, their weights, and the deviance of the null model. */
static void
choose_classes(const FitPlan *plan, MultinomialIterate *iterate, const MultinomialState *state)
{
	const MultinomialOptions *options = &multinomial_plan(plan)->options;
	MultinomialVectors v = multinomial_vectors(plan, iterate);

	iterate->present = 0;
	for (int c = 0; c < plan->input.nclasses; c++)
	{
		v.active[c] = state->data[c] > 0.0 ? iterate->present++ - 1 : -2;
		v.factor[c] = options->class_weight[c];
	}
	for (int c = 0; c < plan->input.nclasses && options->balanced; c++)
		v.factor[c] = state->data[c] > 0.0 ? state->weight / (iterate->present * state->data[c]) : 0.0;
}

static double
null_deviance(const FitPlan *plan, const MultinomialIterate *iterate, const MultinomialState *state)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	double		total = 0.0;
	double		sum = 0.0;

	for (int c = 0; c < plan->input.nclasses; c++)
		total += state->data[c] * v.factor[c];
	if (!multinomial_plan(plan)->options.intercept)
		return 2.0 * total * log(iterate->present);
	for (int c = 0; c < plan->input.nclasses; c++)
	{
		double		weight = state->data[c] * v.factor[c];

		sum -= weight > 0.0 ? 2.0 * weight * log(weight / total) : 0.0;
	}
	return sum;
}

/* basis = inverse of the triangle of the centred and scaled kept terms; and their condition. */
static CoreStatus
choose_basis(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const LinearState *state)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	int			n = iterate->nkept;
	int			ld = state->nterms + 1;
	double		root = sqrt(state->weight);
	double	   *triangle;
	double	   *work;
	int		   *iwork;
	double		reciprocal = 1.0;

	iterate->condition = 1.0;
	if (n == 0 || !multinomial_plan(plan)->uncorrelated)
		return CORE_OK;
	CORE_ALLOC(env, triangle, (size_t) ld * (size_t) n);
	CORE_ALLOC(env, work, 64 * (size_t) n);
	CORE_ALLOC(env, iwork, (size_t) n);
	for (int k = 0; k < n; k++)
	{
		int			j = v.kept[1 + k];
		double		scale = 1.0 / (v.spread[1 + k] * root);
		double	   *column = triangle + (size_t) k * (size_t) ld;

		for (int i = 0; i <= j; i++)
			column[i] = linear_state_column(state, j)[i] * scale;
		column[state->nterms] = first_column(plan) == 0 ? 0.0 : state->data[j] / v.spread[1 + k];
	}
	if (LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, ld, n, triangle, ld, work, work + n, 63 * n) != 0)
		return env_fail(env, CORE_NUMERIC, "LAPACK routine dgeqrf failed");
	for (int k = 0; k < n; k++)
		memcpy(v.basis + (size_t) k * (size_t) n, triangle + (size_t) k * (size_t) ld, ((size_t) k + 1) * sizeof(double));
	LAPACKE_dtrcon_work(LAPACK_COL_MAJOR, '1', 'U', 'N', n, v.basis, n, &reciprocal, work, iwork);
	iterate->condition = 1.0 / reciprocal;
	env_poll(env);
	if (LAPACKE_dtrtri(LAPACK_COL_MAJOR, 'U', 'N', n, v.basis, n) != 0)
		return env_fail(env, CORE_NUMERIC, "LAPACK routine dtrtri failed");
	env_release(env, iwork);
	env_release(env, work);
	env_release(env, triangle);
	return CORE_OK;
}

static CoreStatus
choose_terms(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const LinearState *state)
{
	const MultinomialOptions *options = &multinomial_plan(plan)->options;
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	LinearOptions linear = {.intercept = options->intercept, .ridge = options->ridge, .tolerance = LINEAR_TOLERANCE, .inference = false};
	LinearSolution solution;

	CORE_TRY(linear_state_solve(env, state, &linear, &solution));
	iterate->nkept = 0;
	for (int j = 0; j < state->nterms; j++)
	{
		double		mean = state->data[j];
		double		norm = cblas_dnrm2(j + 1, linear_state_column(state, j), 1);

		if (!isfinite(mean) || !isfinite(norm))
			return env_fail(env, CORE_NUMERIC, "term \"%s\" has values that are not finite", plan->input.terms[j].name);
		if (solution.aliased[j])
			continue;
		iterate->nkept++;
		v.kept[iterate->nkept] = j;
		v.centre[iterate->nkept] = options->intercept ? mean : 0.0;
		v.spread[iterate->nkept] = norm / sqrt(state->weight);
		if (!options->intercept)
			v.spread[iterate->nkept] = hypot(v.spread[iterate->nkept], mean);
	}
	if (iterate->nkept == 0 && !options->intercept)
		return env_fail(env, CORE_NUMERIC, "there is no term to fit: every term is zero in all training rows");
	return choose_basis(env, plan, iterate, state);
}

static CoreStatus
survey_step(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const MultinomialState *state)
{
	const MultinomialPlan *private = multinomial_plan(plan);

	if (state->rows > 0)
		choose_classes(plan, iterate, state);
	if (iterate->sampled && iterate->present < plan->input.nclasses)
	{
		iterate->sampled = 0;	/* survey all rows */
		return CORE_OK;
	}
	CORE_TRY(check_rows(env, plan, iterate, state));
	CORE_TRY(choose_terms(env, plan, iterate, multinomial_linear_state(plan, state)));
	if (iterate->sampled && iterate->nkept < plan->input.nterms)
	{
		/* terms that depend on others in the sample may not do so in all rows */
		iterate->sampled = 0;
		iterate->nkept = 0;
		return CORE_OK;
	}
	iterate->surveyed = 1;
	iterate->sampled = private->newton && private->sample_blocks > 0;
	return CORE_OK;
}

/* Twice the penalty, and its gradient subtracted from `gradient` (NULL: not wanted). */
static double
penalise(const MultinomialIterate *iterate, const double *beta, double ridge, double *gradient)
{
	int			actives = iterate->present - 1;
	int			columns = iterate->nkept + 1;
	double		sum = 0.0;

	for (int k = 1; k < columns && ridge > 0.0; k++)
	{
		double		total = 0.0;
		double		squares = 0.0;

		for (int a = 0; a < actives; a++)
		{
			double		b = beta[(size_t) a * (size_t) columns + (size_t) k];

			total += b;
			squares += b * b;
		}
		sum += ridge * (squares - total * total / iterate->present);
		for (int a = 0; a < actives && gradient != NULL; a++)
			gradient[(size_t) a * (size_t) columns + (size_t) k] -=
				ridge * (beta[(size_t) a * (size_t) columns + (size_t) k] - total / iterate->present);
	}
	return sum;
}

/* The information of the free coefficients, m of each class: upper triangle by columns. */
static void
assemble(const FitPlan *plan, const MultinomialIterate *iterate, const MultinomialState *state, double ridge, int m, double *matrix)
{
	int			first = first_column(plan);
	int			actives = iterate->present - 1;
	size_t		columns = (size_t) iterate->nkept + 1;
	size_t		all = (size_t) actives * columns;
	size_t		size = (size_t) actives * (size_t) m;
	const double *products = multinomial_payload(plan, state) + all;
	const double *blocks = products + all * all;

	for (int b = 0; b < actives; b++)
	{
		for (int j = 0; j < m; j++)
		{
			size_t		column = (size_t) (j + first);
			double	   *target = matrix + ((size_t) b * (size_t) m + (size_t) j) * size;
			const double *product = products + ((size_t) b * columns + column) * all;

			for (int a = 0; a < b; a++)
			{
				for (int i = 0; i < m; i++)
					target[(size_t) a * (size_t) m + (size_t) i] = -product[(size_t) a * columns + (size_t) (i + first)];
				if (column > 0)
					target[(size_t) a * (size_t) m + (size_t) j] -= ridge / iterate->present;
			}
			for (int i = 0; i <= j; i++)
				target[(size_t) b * (size_t) m + (size_t) i] = blocks[((size_t) b * columns + column) * columns + (size_t) (i + first)];
			if (column > 0)
				target[(size_t) b * (size_t) m + (size_t) j] += ridge * (1.0 - 1.0 / iterate->present);
		}
	}
}

/* Cholesky factorization in place; false when a pivot shows that the matrix is singular but for rounding. */
static bool
factorise(double *matrix, int size, const double *diagonal)
{
	if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', size, matrix, size) != 0)
		return false;
	for (int i = 0; i < size; i++)
	{
		double		pivot = matrix[(size_t) i * (size_t) size + (size_t) i];

		if (!(pivot * pivot > PIVOT_TOLERANCE * diagonal[i]))
			return false;
	}
	return true;
}

static CoreStatus
newton_step(CoreEnv *env, const FitPlan *plan, const MultinomialIterate *iterate, const MultinomialState *state, double ridge, const double *gradient, Step *step)
{
	int			first = first_column(plan);
	int			actives = iterate->present - 1;
	int			columns = iterate->nkept + 1;
	int			m = columns - first;
	int			size = actives * m;
	double	   *diagonal;
	double	   *rhs;
	double		damping = 0.0;

	CORE_ALLOC(env, step->factor, (size_t) size * (size_t) size);
	CORE_ALLOC(env, diagonal, (size_t) size);
	CORE_ALLOC(env, rhs, (size_t) size);
	step->size = size;
	for (;;)
	{
		env_poll(env);
		assemble(plan, iterate, state, ridge, m, step->factor);
		for (int i = 0; i < size; i++)
		{
			double	   *entry = &step->factor[(size_t) i * (size_t) size + (size_t) i];

			*entry += damping * (*entry > 0.0 ? *entry : 1.0);
			diagonal[i] = *entry;
		}
		if (factorise(step->factor, size, diagonal))
			break;
		damping = damping > 0.0 ? damping * 10.0 : 1e-10;
		if (damping > 1.0)
			return env_fail(env, CORE_NUMERIC, "the information matrix is not finite");
	}
	step->damped = damping > 0.0;
	for (int a = 0; a < actives; a++)
		memcpy(rhs + (size_t) a * (size_t) m, gradient + (size_t) a * (size_t) columns + first, (size_t) m * sizeof(double));
	LAPACKE_dpotrs(LAPACK_COL_MAJOR, 'U', size, 1, step->factor, size, rhs, size);
	for (int a = 0; a < actives; a++)
		memcpy(step->delta + (size_t) a * (size_t) columns + first, rhs + (size_t) a * (size_t) m, (size_t) m * sizeof(double));
	env_release(env, rhs);
	env_release(env, diagonal);
	return CORE_OK;
}

typedef struct BohningContext
{
	const MultinomialIterate *iterate;
	int			first;
	double		intercept;		/* curvature of an intercept and of a slope over I - 11'/K */
	double		slope;
} BohningContext;

/* Multiplies by the inverse of Bohning's bound, (I - 11'/K) x curvature, K classes with the reference. */
static void
bohning_metric(const void *context_, double *vector)
{
	const BohningContext *context = context_;
	int			actives = context->iterate->present - 1;
	int			columns = context->iterate->nkept + 1;

	for (int k = 0; k < columns; k++)
	{
		double		total = 0.0;
		double		factor = 1.0 / (k == 0 ? context->intercept : context->slope);

		for (int a = 0; a < actives; a++)
			total += vector[(size_t) a * (size_t) columns + (size_t) k];
		for (int a = 0; a < actives; a++)
		{
			double	   *entry = &vector[(size_t) a * (size_t) columns + (size_t) k];

			*entry = k < context->first ? 0.0 : factor * (*entry + total);
		}
	}
}

static CoreStatus
lbfgs_step(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const MultinomialState *state, double ridge, const double *gradient, Step *step)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	size_t		n = (size_t) (iterate->present - 1) * ((size_t) iterate->nkept + 1);
	BohningContext context = {iterate, first_column(plan), 0.5 * state->weight, 0.5 * state->weight + ridge};
	double	   *change;

	CORE_ALLOC(env, change, n);
	if (iterate->moved)
	{
		for (size_t i = 0; i < n; i++)
			change[i] = v.gradient[i] - gradient[i];
		lbfgs_store(v.pairs, &iterate->history, (int64_t) n, v.direction, change);
	}
	memcpy(v.gradient, gradient, n * sizeof(double));
	lbfgs_direction(v.pairs, iterate->history, (int64_t) n, gradient, bohning_metric, &context, step->delta);
	env_release(env, change);
	return CORE_OK;
}

static bool
step_failed(const MultinomialIterate *iterate, const MultinomialState *state, double objective)
{
	return !isfinite(objective) ||
		objective > iterate->objective - ARMIJO * iterate->promise + RISE_TOLERANCE * fabs(iterate->objective) + 1e-14 * state->scale;
}

static size_t
coefficients(const MultinomialIterate *iterate)
{
	return (size_t) (iterate->present - 1) * ((size_t) iterate->nkept + 1);
}

/* Goes back towards the last good coefficients: half of the way, later most of it. */
static void
retreat(const FitPlan *plan, MultinomialIterate *iterate)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	bool		give_up = iterate->halvings >= MAX_HALVINGS;
	double		kept = iterate->halvings < SMALL_RETREATS ? 0.5 : LARGE_RETREAT;

	for (size_t i = 0; i < coefficients(iterate); i++)
	{
		v.beta[i] = give_up ? v.previous[i] : kept * v.beta[i] + (1.0 - kept) * v.previous[i];
		v.direction[i] = give_up ? 0.0 : kept * v.direction[i];
	}
	iterate->promise *= kept;
	iterate->halvings++;
	iterate->iteration++;
	if (give_up)
	{
		iterate->objective = INFINITY;
		iterate->promise = 0.0;
		iterate->moved = 0;
		if (iterate->sampled)
			iterate->sampled = 0;
		else
			iterate->last = 1;
	}
}

static void
advance(const FitPlan *plan, MultinomialIterate *iterate, const Step *step)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);

	for (size_t i = 0; i < coefficients(iterate); i++)
	{
		v.previous[i] = v.beta[i];
		v.direction[i] = step->delta[i];
		v.beta[i] += step->delta[i];
	}
	iterate->moved = 1;
	iterate->promise = multinomial_plan(plan)->newton ? 0.0 : step->decrement;
}

/*
 * In the user's units: slope j of class a is sum_l basis[j, l] b_l / spread_j,
 * and the intercept takes what the centres move.  `out` is [1 + nkept].
 */
static void
to_user_units(const FitPlan *plan, const MultinomialIterate *iterate, const double *scaled, double *out)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	int			n = iterate->nkept;

	memcpy(out, scaled, ((size_t) n + 1) * sizeof(double));
	if (multinomial_plan(plan)->uncorrelated && n > 0)
		cblas_dtrmv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, n, v.basis, n, out + 1, 1);
	for (int k = 1; k <= n; k++)
	{
		out[k] /= v.spread[k];
		out[0] -= v.centre[k] * out[k];
	}
}

static CoreStatus
mark_divergent(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const double *direction)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	int			columns = iterate->nkept + 1;
	int			actives = iterate->present - 1;
	double	   *user;
	double		largest = 0.0;

	CORE_ALLOC(env, user, (size_t) actives * (size_t) columns);
	for (int a = 0; a < actives; a++)
	{
		double	   *row = user + (size_t) a * (size_t) columns;

		to_user_units(plan, iterate, direction + (size_t) a * (size_t) columns, row);
		for (int k = 1; k < columns; k++)
			largest = fmax(largest, fabs(row[k] * v.spread[k]));
	}
	for (int a = 0; a < actives; a++)
	{
		double	   *row = user + (size_t) a * (size_t) columns;
		double	   *mark = v.divergent + (size_t) a * (size_t) columns;
		double		size = fabs(row[0]);

		for (int k = 1; k < columns; k++)
		{
			mark[k] = fabs(row[k] * v.spread[k]) > DIVERGENT_TOLERANCE * largest;
			size = fmax(size, fabs(row[k] * v.centre[k]));
		}
		mark[0] = first_column(plan) == 0 && fabs(row[0]) > DIVERGENT_TOLERANCE * fmax(size, largest);
	}
	env_release(env, user);
	return CORE_OK;
}

static CoreStatus
find_separation(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const MultinomialState *state)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);

	if (multinomial_plan(plan)->options.ridge > 0.0 || !iterate->moved)
		return CORE_OK;
	if (state->max_move > 0.0 && state->min_gain >= -SEPARATION_TOLERANCE * state->max_move)
	{
		if (iterate->separation == 0)
			iterate->separation = state->min_gain > SEPARATION_TOLERANCE * state->max_move ? 2 : 1;
		CORE_TRY(mark_divergent(env, plan, iterate, v.direction));
	}
	if (state->min_margin > 1e-12 * state->max_eta)
	{
		if (iterate->separation == 0)
			CORE_TRY(mark_divergent(env, plan, iterate, v.beta));
		iterate->separation = 2;
	}
	return CORE_OK;
}

/*
 * Standard errors from the factor U of the information, U'U: the variance of
 * c'b is |U^-T c|^2 with c the row that takes scaled to user's coefficients.
 */
static CoreStatus
standard_errors(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const Step *step)
{
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	int			first = first_column(plan);
	int			columns = iterate->nkept + 1;
	int			m = columns - first;
	bool		uncorrelated = multinomial_plan(plan)->uncorrelated;
	double	   *row;
	double	   *c;

	CORE_ALLOC(env, row, (size_t) columns);
	CORE_ALLOC(env, c, (size_t) step->size);
	for (int a = 0; a < iterate->present - 1; a++)
	{
		for (int k = first; k < columns; k++)
		{
			size_t		at = (size_t) a * (size_t) columns + (size_t) k;

			env_poll(env);
			memset(row, 0, (size_t) columns * sizeof(double));
			memset(c, 0, (size_t) step->size * sizeof(double));
			row[k] = k > 0 ? 1.0 / v.spread[k] : 1.0;
			for (int l = 1; l < columns && k == 0; l++)
				row[l] = -v.centre[l] / v.spread[l];
			if (uncorrelated && iterate->nkept > 0)
				cblas_dtrmv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, iterate->nkept, v.basis, iterate->nkept, row + 1, 1);
			memcpy(c + (size_t) a * (size_t) m, row + first, (size_t) m * sizeof(double));
			cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, step->size, step->factor, step->size, c, 1);
			v.error[at] = v.divergent[at] > 0.0 || step->damped ? NAN : cblas_dnrm2(step->size, c, 1);
		}
	}
	env_release(env, c);
	env_release(env, row);
	return CORE_OK;
}

/* The last pass: results, in the user's units, into the iterate. */
static CoreStatus
conclude(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const MultinomialState *state, const Step *step, bool converged)
{
	const MultinomialPlan *private = multinomial_plan(plan);
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	size_t		columns = (size_t) iterate->nkept + 1;

	iterate->converged = converged && iterate->separation == 0;
	for (size_t i = 0; i < coefficients(iterate); i++)
	{
		v.error[i] = NAN;
		if (converged && private->newton)
			v.beta[i] += step->delta[i];
	}
	if (private->newton && private->options.ridge == 0.0)
		CORE_TRY(standard_errors(env, plan, iterate, step));
	for (int a = 0; a < iterate->present - 1; a++)
	{
		to_user_units(plan, iterate, v.beta + (size_t) a * columns, v.previous + (size_t) a * columns);
		memcpy(v.beta + (size_t) a * columns, v.previous + (size_t) a * columns, columns * sizeof(double));
	}
	iterate->rows = state->rows;
	iterate->weight = state->weight;
	iterate->deviance = state->deviance;
	iterate->max_eta = state->max_eta;
	iterate->null_deviance = null_deviance(plan, iterate, state);
	return CORE_OK;
}

static bool
near_enough(const FitPlan *plan, const MultinomialIterate *iterate, const MultinomialState *state, double objective, double decrement)
{
	const MultinomialPlan *private = multinomial_plan(plan);
	double		tol = private->newton ? private->options.tol : fmax(private->options.tol, LBFGS_TOL);

	if (decrement <= 1e-28 * state->scale)
		return true;
	if (decrement > tol * tol * objective)
		return false;
	return private->options.ridge > 0.0 || !iterate->moved || state->max_move < 0.1;
}

static CoreStatus
proceed(CoreEnv *env, const FitPlan *plan, MultinomialIterate *iterate, const MultinomialState *state, const Step *step, double objective, bool *done)
{
	const MultinomialPlan *private = multinomial_plan(plan);
	bool		near = near_enough(plan, iterate, state, objective, step->decrement);
	bool		separated = iterate->separation != 0 &&
		(step->decrement <= SEPARATED_DECREMENT * objective || state->deviance <= SEPARATED_DEVIANCE * state->weight);
	int			most = private->options.max_iter * (private->newton ? 1 : MULTINOMIAL_LBFGS_FACTOR);

	if (iterate->sampled)
	{
		advance(plan, iterate, step);
		if (step->decrement <= SAMPLE_DECREMENT * objective || iterate->iteration >= SAMPLE_ITERATIONS)
		{
			iterate->sampled = 0;
			iterate->moved = 0;
			iterate->iteration = 0;
			iterate->objective = INFINITY;
		}
		return CORE_OK;
	}
	if (near || separated || iterate->last || iterate->iteration >= most)
	{
		*done = true;
		return conclude(env, plan, iterate, state, step, near && !separated);
	}
	advance(plan, iterate, step);
	return CORE_OK;
}

CoreStatus
multinomial_step(CoreEnv *env, const FitPlan *plan, void *iterate_, const void *state_, bool *done)
{
	MultinomialIterate *iterate = iterate_;
	const MultinomialState *state = state_;
	MultinomialVectors v = multinomial_vectors(plan, iterate);
	double		ridge = multinomial_plan(plan)->options.ridge;
	double		objective;
	double	   *gradient;
	Step		step = {0};
	size_t		n;

	if (!iterate->surveyed)
		return survey_step(env, plan, iterate, state);
	if (iterate->sampled)
		ridge = fmax(ridge, SAMPLE_RIDGE);
	CORE_TRY(check_rows(env, plan, iterate, state));

	n = coefficients(iterate);
	CORE_ALLOC(env, gradient, n);
	memcpy(gradient, multinomial_payload(plan, state), n * sizeof(double));
	objective = state->deviance + penalise(iterate, v.beta, ridge, gradient);
	if (step_failed(iterate, state, objective))
	{
		retreat(plan, iterate);
		return CORE_OK;
	}
	iterate->halvings = 0;
	iterate->objective = objective;
	if (!iterate->sampled)
		CORE_TRY(find_separation(env, plan, iterate, state));

	CORE_ALLOC(env, step.delta, n);
	CORE_TRY(multinomial_plan(plan)->newton ? newton_step(env, plan, iterate, state, ridge, gradient, &step) :
			 lbfgs_step(env, plan, iterate, state, ridge, gradient, &step));
	for (size_t i = 0; i < n; i++)
		step.decrement += gradient[i] * step.delta[i];
	iterate->iteration++;
	CORE_TRY(proceed(env, plan, iterate, state, &step, objective, done));
	env_release(env, step.factor);
	env_release(env, step.delta);
	env_release(env, gradient);
	return CORE_OK;
}
