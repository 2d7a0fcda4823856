/*
 * calibrate.c
 *	  Probability calibration and decision thresholds; see calibrate.h.
 *
 * Platt: slope a and intercept b minimise
 *		sum w (log(1 + exp(z)) - t z),	z = a logit(p) + b
 * with targets t = (N1 + 1) / (N1 + 2) for positives and 1 / (N0 + 2) for
 * negatives, N1 and N0 being their weights scaled to a mean of 1 (Platt,
 * "Probabilistic outputs for support vector machines", 1999), by Newton's
 * method with step halving (Lin, Lin and Weng, "A note on Platt's probabilistic
 * outputs", 2007).  Isotonic: least squares by pooling adjacent violators
 * (Ayer et al., 1955).
 *
 * All work is on rows sorted by (score, label, weight), so results do not
 * depend on the order of rows.  O(n log n) at most.
 */
#include "core/calibrate.h"

#include <math.h>
#include <string.h>

#include "core/real.h"
#include "core/sort.h"

#define POLL_ROWS 8192
#define PLATT_ITERATIONS 100
#define PLATT_HALVINGS 40
#define PLATT_TOLERANCE 1e-10
#define ABOVE_ONE (1 + 0x1p-52) /* a threshold that no probability reaches */

typedef struct ScoredRows
{
	int64_t		n;
	double	   *p;				/* ascending */
	double	   *y;
	double	   *w;
	double		positive;		/* weights */
	double		negative;
} ScoredRows;

static CoreStatus
check_rows(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (!(p[i] >= 0 && p[i] <= 1))
			return env_fail(env, CORE_INVALID, "a score of %g is not a probability", p[i]);
		if (y[i] != 0 && y[i] != 1)
			return env_fail(env, CORE_INVALID, "a label of %g is neither 0 nor 1", y[i]);
		if (w != NULL && !(w[i] >= 0 && isfinite(w[i])))
			return env_fail(env, CORE_INVALID, "a weight of %g is negative or not finite", w[i]);
	}
	return CORE_OK;
}

/* Rows of positive weight, sorted. */
static CoreStatus
sort_rows(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, ScoredRows *rows)
{
	int64_t    *order;

	memset(rows, 0, sizeof(*rows));
	CORE_TRY(check_rows(env, p, y, w, n));
	CORE_ALLOC(env, order, (size_t) n);
	CORE_ALLOC(env, rows->p, (size_t) n);
	CORE_ALLOC(env, rows->y, (size_t) n);
	CORE_ALLOC(env, rows->w, (size_t) n);
	sort_identity(order, n);
	if (w != NULL)
		CORE_TRY(sort_order(env, w, n, order));
	CORE_TRY(sort_order(env, y, n, order));
	CORE_TRY(sort_order(env, p, n, order));
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		row = order[i];

		if (i % POLL_ROWS == 0)
			env_poll(env);
		if (w != NULL && w[row] == 0)
			continue;
		rows->p[rows->n] = p[row];
		rows->y[rows->n] = y[row];
		rows->w[rows->n] = w != NULL ? w[row] : 1;
		if (y[row] == 1)
			rows->positive += rows->w[rows->n];
		else
			rows->negative += rows->w[rows->n];
		rows->n++;
	}
	env_release(env, order);
	return CORE_OK;
}

static void
release_rows(CoreEnv *env, ScoredRows *rows)
{
	env_release(env, rows->p);
	env_release(env, rows->y);
	env_release(env, rows->w);
}

static CoreStatus
require_both_classes(CoreEnv *env, const ScoredRows *rows, const char *what)
{
	if (rows->positive > 0 && rows->negative > 0)
		return CORE_OK;
	env_fail(env, CORE_NUMERIC, "%s needs rows of both classes", what);
	return env_hint(env, CORE_NUMERIC, "Train on more rows, or with a stratified split.");
}

/* ------------------------------------------------------------------- Platt */

/* Weights with a mean of 1: rows, as Platt's targets count them. */
static void
scale_to_rows(ScoredRows *rows)
{
	double		scale = (double) rows->n / (rows->positive + rows->negative);

	for (int64_t i = 0; i < rows->n; i++)
		rows->w[i] *= scale;
	rows->positive *= scale;
	rows->negative *= scale;
}

typedef struct PlattFit
{
	CoreEnv    *env;
	const ScoredRows *rows;
	const double *x;			/* logits, as calibration_apply takes them, less their mean and over their deviation */
	double		target[2];		/* by label */
	double		slope;
	double		intercept;
	bool		one_score;		/* all x are equal: only the intercept is fitted */
} PlattFit;

static double
platt_loss(const PlattFit *fit, double slope, double intercept)
{
	const ScoredRows *rows = fit->rows;
	double		loss = 0;

	for (int64_t i = 0; i < rows->n; i++)
	{
		double		z = slope * fit->x[i] + intercept;

		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		loss += rows->w[i] * (real_softplus(z) - fit->target[(int) rows->y[i]] * z);
	}
	return loss;
}

typedef struct PlattStep
{
	double		slope;
	double		intercept;
	double		decrease;		/* of the loss to first order: gradient times step */
} PlattStep;

static PlattStep
newton_step(const PlattFit *fit)
{
	const ScoredRows *rows = fit->rows;
	double		gradient[2] = {0, 0};
	double		h_slope = 0;
	double		h_both = 0;
	double		h_intercept = 0;
	double		determinant;
	PlattStep	step = {0};

	for (int64_t i = 0; i < rows->n; i++)
	{
		double		x = fit->x[i];
		double		p = real_logistic(fit->slope * x + fit->intercept);
		double		residual = rows->w[i] * (p - fit->target[(int) rows->y[i]]);
		double		curvature = rows->w[i] * p * (1 - p);

		if (i % POLL_ROWS == 0)
			env_poll(fit->env);
		gradient[0] += residual * x;
		gradient[1] += residual;
		h_slope += curvature * x * x;
		h_both += curvature * x;
		h_intercept += curvature;
	}
	/* a small ridge where saturated scores leave no curvature */
	h_slope += 1e-12;
	h_intercept += 1e-12;
	determinant = h_slope * h_intercept - h_both * h_both;
	if (fit->one_score || determinant <= 0)
	{
		step.intercept = -gradient[1] / h_intercept;
		step.slope = fit->one_score ? 0 : -gradient[0] / h_slope;
	}
	else
	{
		step.slope = -(h_intercept * gradient[0] - h_both * gradient[1]) / determinant;
		step.intercept = -(h_slope * gradient[1] - h_both * gradient[0]) / determinant;
	}
	step.decrease = -(gradient[0] * step.slope + gradient[1] * step.intercept);
	return step;
}

static CoreStatus
platt_newton(PlattFit *fit)
{
	double		loss = platt_loss(fit, fit->slope, fit->intercept);

	for (int iteration = 0; iteration < PLATT_ITERATIONS; iteration++)
	{
		PlattStep	step = newton_step(fit);
		double		size = 1;
		bool		better = false;

		for (int halving = 0; halving < PLATT_HALVINGS && !better; halving++, size /= 2)
		{
			double		slope = fit->slope + size * step.slope;
			double		intercept = fit->intercept + size * step.intercept;
			double		next = platt_loss(fit, slope, intercept);

			if (!(next < loss - 1e-4 * size * step.decrease))
				continue;
			better = true;
			loss = next;
			fit->slope = slope;
			fit->intercept = intercept;
		}
		if (!better)
		{
			/* no decrease that doubles can show: the minimum, as good as it gets */
			if (step.decrease <= PLATT_TOLERANCE * loss)
				return CORE_OK;
			break;
		}
		if (fabs(size * step.slope) + fabs(size * step.intercept) <= PLATT_TOLERANCE * (fabs(fit->slope) + fabs(fit->intercept)))
			return CORE_OK;
	}
	return env_fail(fit->env, CORE_NUMERIC, "the calibration did not converge");
}

CoreStatus
calibrate_platt(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, Calibration *calibration)
{
	ScoredRows	rows;
	PlattFit	fit = {.env = env, .rows = &rows};
	double	   *x;
	double		center = 0;
	double		squares = 0;
	double		spread;

	memset(calibration, 0, sizeof(*calibration));
	CORE_TRY(sort_rows(env, p, y, w, n, &rows));
	CORE_TRY(require_both_classes(env, &rows, "calibration"));
	scale_to_rows(&rows);
	CORE_ALLOC(env, x, (size_t) rows.n);
	for (int64_t i = 0; i < rows.n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		x[i] = calibration_logit(rows.p[i]);
		center += rows.w[i] * x[i];
	}
	center /= (double) rows.n;
	for (int64_t i = 0; i < rows.n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		x[i] -= center;
		squares += rows.w[i] * x[i] * x[i];
	}
	fit.one_score = rows.p[0] == rows.p[rows.n - 1] || squares == 0;
	/* scores that hardly differ are told apart as well as others */
	spread = fit.one_score ? 1 : sqrt(squares / (double) rows.n);
	for (int64_t i = 0; i < rows.n; i++)
	{
		if (i % POLL_ROWS == 0)
			env_poll(env);
		x[i] /= spread;
	}
	fit.x = x;
	/* from a flat line, where curvature is largest; a single score keeps its distance to others */
	fit.slope = fit.one_score ? 1 : 0;
	fit.intercept = real_log((rows.positive + 1) / (rows.negative + 1));
	fit.target[1] = (rows.positive + 1) / (rows.positive + 2);
	fit.target[0] = 1 / (rows.negative + 2);
	CORE_TRY(platt_newton(&fit));
	calibration->method = CALIBRATE_PLATT;
	calibration->slope = fit.slope / spread;
	calibration->intercept = fit.intercept - calibration->slope * center;
	if (calibration->slope < 0)
		env_log(env, CORE_NOTICE, "calibration turns the order of the scores around: out of fold they rank worse than chance");
	env_release(env, x);
	release_rows(env, &rows);
	return CORE_OK;
}

/* ---------------------------------------------------------------- isotonic */

typedef struct Pool
{
	double		low;			/* scores that it covers */
	double		high;
	double		weight;
	double		positive;		/* weight of the positive rows */
} Pool;

static inline double
pool_mean(const Pool *pool)
{
	return pool->positive / pool->weight;
}

/* Pools of ascending mean; their number. */
static int64_t
pool_violators(CoreEnv *env, const ScoredRows *rows, Pool *pools)
{
	int64_t		npools = 0;
	int64_t		i = 0;

	while (i < rows->n)
	{
		Pool		pool = {rows->p[i], rows->p[i], 0, 0};

		for (; i < rows->n && rows->p[i] == pool.low; i++)
		{
			if (i % POLL_ROWS == 0)
				env_poll(env);
			pool.weight += rows->w[i];
			pool.positive += rows->w[i] * rows->y[i];
		}
		while (npools > 0 && pool_mean(&pools[npools - 1]) >= pool_mean(&pool))
		{
			npools--;
			pool.low = pools[npools].low;
			pool.weight += pools[npools].weight;
			pool.positive += pools[npools].positive;
		}
		pools[npools++] = pool;
	}
	return npools;
}

CoreStatus
calibrate_isotonic(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, Calibration *calibration)
{
	ScoredRows	rows;
	Pool	   *pools;
	int64_t		npools;
	int64_t		nknots = 0;

	memset(calibration, 0, sizeof(*calibration));
	CORE_TRY(sort_rows(env, p, y, w, n, &rows));
	CORE_TRY(require_both_classes(env, &rows, "calibration"));
	CORE_ALLOC(env, pools, (size_t) rows.n);
	npools = pool_violators(env, &rows, pools);
	if (npools > INT32_MAX / 2)
		return env_fail(env, CORE_TOO_LARGE, "%lld steps of the calibration are too many", (long long) npools);
	CORE_ALLOC(env, calibration->x, (size_t) npools * 2);
	CORE_ALLOC(env, calibration->y, (size_t) npools * 2);
	for (int64_t i = 0; i < npools; i++)
	{
		double		mean = fmin(fmax(pool_mean(&pools[i]), 0), 1);

		calibration->x[nknots] = pools[i].low;
		calibration->y[nknots++] = mean;
		if (pools[i].high > pools[i].low)
		{
			calibration->x[nknots] = pools[i].high;
			calibration->y[nknots++] = mean;
		}
	}
	calibration->method = CALIBRATE_ISOTONIC;
	calibration->nknots = (int) nknots;
	env_release(env, pools);
	release_rows(env, &rows);
	return CORE_OK;
}

/* -------------------------------------------------------------- thresholds */

/* Weights of what a threshold calls positive, from the largest score down. */
typedef struct Sweep
{
	const ScoredRows *rows;
	int64_t		left;			/* rows below the threshold */
	double		threshold;
	double		true_positive;
	double		false_positive;
} Sweep;

/* Lowers the threshold to the next score; false when there is none. */
static bool
sweep_next(Sweep *sweep)
{
	const ScoredRows *rows = sweep->rows;

	if (sweep->left == 0)
		return false;
	sweep->threshold = rows->p[sweep->left - 1];
	for (; sweep->left > 0 && rows->p[sweep->left - 1] == sweep->threshold; sweep->left--)
	{
		if (rows->y[sweep->left - 1] == 1)
			sweep->true_positive += rows->w[sweep->left - 1];
		else
			sweep->false_positive += rows->w[sweep->left - 1];
	}
	return true;
}

CoreStatus
threshold_f1(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, double *threshold)
{
	ScoredRows	rows;
	Sweep		sweep = {.rows = &rows};
	double		best = -1;

	CORE_TRY(sort_rows(env, p, y, w, n, &rows));
	if (rows.positive == 0)
		return env_fail(env, CORE_NUMERIC, "a threshold for f1 needs rows of the positive class");
	sweep.left = rows.n;
	while (sweep_next(&sweep))
	{
		double		f1 = 2 * sweep.true_positive / (rows.positive + sweep.true_positive + sweep.false_positive);

		if (f1 > best)
		{
			best = f1;
			*threshold = sweep.threshold;
		}
	}
	release_rows(env, &rows);
	return CORE_OK;
}

CoreStatus
threshold_cost(CoreEnv *env, const double *p, const double *y, const double *w, int64_t n, double cost_fp, double cost_fn, double *threshold)
{
	ScoredRows	rows;
	Sweep		sweep = {.rows = &rows};
	double		best;

	if (!(cost_fp >= 0 && cost_fn >= 0 && isfinite(cost_fp) && isfinite(cost_fn) && cost_fp + cost_fn > 0))
		return env_fail(env, CORE_INVALID, "costs must be finite, not negative and not both 0");
	CORE_TRY(sort_rows(env, p, y, w, n, &rows));
	if (rows.n == 0)
		return env_fail(env, CORE_NUMERIC, "a threshold for costs needs rows");
	/* nothing is positive: a threshold beyond every score */
	*threshold = rows.p[rows.n - 1] < 1 ? 1 : ABOVE_ONE;
	best = cost_fn * rows.positive;
	sweep.left = rows.n;
	while (sweep_next(&sweep))
	{
		double		cost = cost_fp * sweep.false_positive + cost_fn * (rows.positive - sweep.true_positive);

		if (cost < best)
		{
			best = cost;
			*threshold = sweep.threshold;
		}
	}
	release_rows(env, &rows);
	return CORE_OK;
}
