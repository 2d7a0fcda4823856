/*
 * metric_aggregates.c
 *	  Metrics as SQL aggregates over (truth, prediction [, weight]).
 *
 * The transition value is a bytea that is changed in place: either a few
 * ExactSums (results do not depend on the order of rows or on the plan), or,
 * for the areas under curves, the scored rows themselves, 16 bytes each.  Rows
 * with a NULL argument are ignored; empty groups give NULL.
 *
 * A state may come from anywhere (transition functions can be called by hand),
 * so its length and header are checked at each call.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/exact_sum.h"
#include "core/metrics.h"
#include "pg/compat.h"
#include "pg/pg_env.h"

#define SUMS_MAGIC 0x6d6c7331	/* "mls1" */
#define CURVE_MAGIC 0x6d6c6331	/* "mlc1" */

typedef struct SumsState
{
	int32		vl_len_;
	uint32		magic;
	int32		nsums;
	int32		reserved;
	ExactSum	sums[FLEXIBLE_ARRAY_MEMBER];
} SumsState;

/* Negatives carry a negative weight. */
typedef struct CurveRow
{
	double		score;
	double		signed_weight;
} CurveRow;

typedef struct CurveState
{
	int32		vl_len_;
	uint32		magic;
	int64		nrows;
	int64		capacity;
	CurveRow	rows[FLEXIBLE_ARRAY_MEMBER];
} CurveState;

#define SUM_PARTS 48			/* doubles that hold any exact sum */
#define CURVE_FIRST_ROWS 64
#define POLL_ROWS 65536
#define CURVE_MAX_ROWS ((int64) ((MaxAllocSize - sizeof(CurveState)) / sizeof(CurveRow)))

/*
 * New and larger states are made in the memory of the row: the executor copies
 * a state that has moved into the memory of the aggregate and frees the old one.
 */
static void
require_aggregate(FunctionCallInfo fcinfo)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this function is part of an aggregate and cannot be called by itself")));
}

static void
invalid_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid state of a metric aggregate")));
}

static SumsState *
sums_new(int nsums)
{
	Size		size = offsetof(SumsState, sums) + nsums * sizeof(ExactSum);
	SumsState  *state = palloc0(size);

	SET_VARSIZE(state, size);
	state->magic = SUMS_MAGIC;
	state->nsums = nsums;
	return state;
}

static SumsState *
sums_check(Datum datum, int nsums)
{
	SumsState  *state = (SumsState *) DatumGetPointer(datum);

	if (VARATT_IS_EXTENDED(state) || VARSIZE(state) < offsetof(SumsState, sums) ||
		state->magic != SUMS_MAGIC || state->nsums <= 0 || state->nsums > 8 ||
		(nsums > 0 && state->nsums != nsums) ||
		VARSIZE(state) != offsetof(SumsState, sums) + state->nsums * sizeof(ExactSum))
		invalid_state();
	return state;
}

/* The running state, made at the first row. */
static SumsState *
sums_state(FunctionCallInfo fcinfo, int nsums)
{
	require_aggregate(fcinfo);
	return PG_ARGISNULL(0) ? sums_new(nsums) : sums_check(PG_GETARG_DATUM(0), nsums);
}

/* Weight of this row: argument 3 where the aggregate has one. Any NULL: the row does not count. */
static bool
row_weight(FunctionCallInfo fcinfo, double *weight)
{
	*weight = 1;
	for (int i = 1; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			return false;
	if (PG_NARGS() > 3)
	{
		*weight = PG_GETARG_FLOAT8(3);
		if (!(*weight >= 0) || isinf(*weight))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight %g is not a finite number of zero or more", *weight)));
	}
	return true;
}

/* A row that does not count: the state as it was, NULL before the first row that does. */
#define RETURN_UNCHANGED() \
	do { \
		if (PG_ARGISNULL(0)) \
			PG_RETURN_NULL(); \
		PG_RETURN_DATUM(PG_GETARG_DATUM(0)); \
	} while (0)

PG_FUNCTION_INFO_V1(mlops_metric_sums_merge);

Datum
mlops_metric_sums_merge(PG_FUNCTION_ARGS)
{
	SumsState  *state;
	SumsState  *other;

	require_aggregate(fcinfo);
	if (PG_ARGISNULL(1))
		RETURN_UNCHANGED();
	other = sums_check(PointerGetDatum(PG_GETARG_BYTEA_P(1)), 0);
	if (PG_ARGISNULL(0))
		state = sums_new(other->nsums);
	else
		state = sums_check(PG_GETARG_DATUM(0), other->nsums);
	for (int i = 0; i < state->nsums; i++)
		exact_sum_merge(&state->sums[i], &other->sums[i]);
	PG_RETURN_POINTER(state);
}

/*
 * Regression: sums of weight and of weight times the loss of a row.
 */
#define DEFINE_LOSS_TRANSITION(name, loss) \
PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	double		weight; \
	double		y; \
	double		prediction; \
	SumsState  *state; \
	if (!row_weight(fcinfo, &weight)) \
		RETURN_UNCHANGED(); \
	y = PG_GETARG_FLOAT8(1); \
	prediction = PG_GETARG_FLOAT8(2); \
	state = sums_state(fcinfo, 2); \
	exact_sum_add(&state->sums[0], weight); \
	exact_sum_add(&state->sums[1], weight * (loss)); \
	PG_RETURN_POINTER(state); \
}

DEFINE_LOSS_TRANSITION(mlops_squared_error_add, (y - prediction) * (y - prediction))
DEFINE_LOSS_TRANSITION(mlops_absolute_error_add, fabs(y - prediction))
DEFINE_LOSS_TRANSITION(mlops_percentage_error_add,
					   fabs(y - prediction) / Max(fabs(y), 2.220446049250313e-16))

static double
check_probability(double p)
{
	if (!(p >= 0 && p <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probability %g is not between 0 and 1", p)));
	return p;
}

#define DEFINE_PROBABILITY_TRANSITION(name, loss) \
PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	double		weight; \
	bool		label; \
	double		p; \
	SumsState  *state; \
	if (!row_weight(fcinfo, &weight)) \
		RETURN_UNCHANGED(); \
	label = PG_GETARG_BOOL(1); \
	p = check_probability(PG_GETARG_FLOAT8(2)); \
	state = sums_state(fcinfo, 2); \
	exact_sum_add(&state->sums[0], weight); \
	exact_sum_add(&state->sums[1], weight * (loss)); \
	PG_RETURN_POINTER(state); \
}

DEFINE_PROBABILITY_TRANSITION(mlops_log_loss_add, metrics_log_loss_of(label ? p : 1 - p))
DEFINE_PROBABILITY_TRANSITION(mlops_brier_add, (p - label) * (p - label))

/* Weighted mean of the loss; NULL without weight. */
static bool
mean_loss(FunctionCallInfo fcinfo, double *mean)
{
	SumsState  *state;
	double		weight;

	if (PG_ARGISNULL(0))
		return false;
	state = sums_check(PG_GETARG_DATUM(0), 2);
	weight = exact_sum_value(&state->sums[0]);
	if (!(weight > 0))
		return false;
	*mean = exact_sum_value(&state->sums[1]) / weight;
	return true;
}

PG_FUNCTION_INFO_V1(mlops_mean_loss_final);

Datum
mlops_mean_loss_final(PG_FUNCTION_ARGS)
{
	double		mean;

	if (!mean_loss(fcinfo, &mean))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(mean);
}

PG_FUNCTION_INFO_V1(mlops_root_mean_loss_final);

Datum
mlops_root_mean_loss_final(PG_FUNCTION_ARGS)
{
	double		mean;

	if (!mean_loss(fcinfo, &mean))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sqrt(mean));
}

/* sum += a * b * c exactly, where b * c has no more than 106 bits. */
static void
add_triple_product(ExactSum *sum, double a, double b, double c)
{
	double		high = b * c;
	double		low = fma(b, c, -high);

	exact_sum_add_product(sum, a, high);
	if (isfinite(high))
		exact_sum_add_product(sum, a, low);
}

/* r2: sums of w, w y, w y^2 and w (y - prediction)^2, all exact but the last. */
PG_FUNCTION_INFO_V1(mlops_r2_add);

Datum
mlops_r2_add(PG_FUNCTION_ARGS)
{
	double		weight;
	double		y;
	double		error;
	SumsState  *state;

	if (!row_weight(fcinfo, &weight))
		RETURN_UNCHANGED();
	y = PG_GETARG_FLOAT8(1);
	error = y - PG_GETARG_FLOAT8(2);
	state = sums_state(fcinfo, 4);
	exact_sum_add(&state->sums[0], weight);
	exact_sum_add_product(&state->sums[1], weight, y);
	add_triple_product(&state->sums[2], weight, y, y);
	exact_sum_add(&state->sums[3], weight * error * error);
	PG_RETURN_POINTER(state);
}

/* An exact sum times 2^exponent as doubles that add up to it; their number. */
static int
sum_parts(const ExactSum *sum, int exponent, double parts[SUM_PARTS])
{
	ExactSum	rest = *sum;
	double		part = exact_sum_value(&rest);
	int			count = 0;

	for (; count < SUM_PARTS && part != 0 && isfinite(part); part = exact_sum_value(&rest))
	{
		parts[count++] = ldexp(part, exponent);
		exact_sum_add(&rest, -part);
	}
	return count;
}

/* total += sign * a * b, exactly while the products are in range. */
static void
add_parts_product(ExactSum *total, double sign, const double *a, int na, const double *b, int nb)
{
	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
			exact_sum_add_product(total, sign * a[i], b[j]);
}

/*
 * Weighted sum of squares about the mean from sums of w, w y and w y^2:
 * (sum w sum w y^2 - (sum w y)^2) / sum w with an exact difference, so that a
 * constant has none, however large.  Scaled by powers of two to products near 1.
 */
static double
spread_about_mean(const ExactSum *sums)
{
	double		weight = exact_sum_value(&sums[0]);
	double		squares = exact_sum_value(&sums[2]);
	double		weight_parts[SUM_PARTS];
	double		moment_parts[SUM_PARTS];
	double		square_parts[SUM_PARTS];
	int			weight_exponent;
	int			square_exponent;
	int			nmoments;
	ExactSum	difference;

	if (!isfinite(weight) || !isfinite(squares) || squares == 0)
		return squares == 0 ? 0 : NAN;
	frexp(weight, &weight_exponent);
	frexp(squares, &square_exponent);
	square_exponent += (weight_exponent + square_exponent) & 1;
	exact_sum_init(&difference);
	add_parts_product(&difference, 1, weight_parts, sum_parts(&sums[0], -weight_exponent, weight_parts),
					  square_parts, sum_parts(&sums[2], -square_exponent, square_parts));
	nmoments = sum_parts(&sums[1], -(weight_exponent + square_exponent) / 2, moment_parts);
	add_parts_product(&difference, -1, moment_parts, nmoments, moment_parts, nmoments);
	return ldexp(exact_sum_value(&difference) / ldexp(weight, -weight_exponent), square_exponent);
}

PG_FUNCTION_INFO_V1(mlops_r2_final);

Datum
mlops_r2_final(PG_FUNCTION_ARGS)
{
	SumsState  *state;
	double		total;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = sums_check(PG_GETARG_DATUM(0), 4);
	if (!(exact_sum_value(&state->sums[0]) > 0))
		PG_RETURN_NULL();
	total = spread_about_mean(state->sums);
	if (!(total > 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(1 - exact_sum_value(&state->sums[3]) / total);
}

/* Labels against labels: weights of the four cells, index 2 * truth + prediction. */
PG_FUNCTION_INFO_V1(mlops_cells_add);

Datum
mlops_cells_add(PG_FUNCTION_ARGS)
{
	double		weight;
	SumsState  *state;

	if (!row_weight(fcinfo, &weight))
		RETURN_UNCHANGED();
	state = sums_state(fcinfo, 4);
	exact_sum_add(&state->sums[2 * PG_GETARG_BOOL(1) + PG_GETARG_BOOL(2)], weight);
	PG_RETURN_POINTER(state);
}

/* The same for labels of any number of classes: only equal or not. */
PG_FUNCTION_INFO_V1(mlops_text_cells_add);

Datum
mlops_text_cells_add(PG_FUNCTION_ARGS)
{
	double		weight;
	SumsState  *state;
	text	   *truth;
	text	   *prediction;
	bool		same;

	if (!row_weight(fcinfo, &weight))
		RETURN_UNCHANGED();
	truth = PG_GETARG_TEXT_PP(1);
	prediction = PG_GETARG_TEXT_PP(2);
	same = VARSIZE_ANY_EXHDR(truth) == VARSIZE_ANY_EXHDR(prediction) &&
		memcmp(VARDATA_ANY(truth), VARDATA_ANY(prediction), VARSIZE_ANY_EXHDR(truth)) == 0;
	state = sums_state(fcinfo, 4);
	exact_sum_add(&state->sums[same ? 3 : 1], weight);
	PG_RETURN_POINTER(state);
}

static Datum
cells_ratio(FunctionCallInfo fcinfo, const int numerator[4], const int denominator[4])
{
	SumsState  *state;
	double		top = 0;
	double		bottom = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = sums_check(PG_GETARG_DATUM(0), 4);
	for (int i = 0; i < 4; i++)
	{
		double		cell = exact_sum_value(&state->sums[i]);

		top += numerator[i] * cell;
		bottom += denominator[i] * cell;
	}
	if (!(bottom > 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(top / bottom);
}

/* Cells in order: true negatives, false positives, false negatives, true positives. */
#define DEFINE_CELLS_FINAL(name, n0, n1, n2, n3, d0, d1, d2, d3) \
PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	static const int numerator[4] = {n0, n1, n2, n3}; \
	static const int denominator[4] = {d0, d1, d2, d3}; \
	return cells_ratio(fcinfo, numerator, denominator); \
}

DEFINE_CELLS_FINAL(mlops_accuracy_final, 1, 0, 0, 1, 1, 1, 1, 1)
DEFINE_CELLS_FINAL(mlops_precision_final, 0, 0, 0, 1, 0, 1, 0, 1)
DEFINE_CELLS_FINAL(mlops_recall_final, 0, 0, 0, 1, 0, 0, 1, 1)
DEFINE_CELLS_FINAL(mlops_f1_final, 0, 0, 0, 2, 0, 1, 1, 2)

static CurveState *
curve_new(int64 capacity)
{
	Size		size = offsetof(CurveState, rows) + capacity * sizeof(CurveRow);
	CurveState *state = palloc(size);

	SET_VARSIZE(state, size);
	state->magic = CURVE_MAGIC;
	state->nrows = 0;
	state->capacity = capacity;
	/* unused rows travel between processes too: nothing of this one's memory may */
	for (int64 i = 0; i < capacity; i += POLL_ROWS)
	{
		CHECK_FOR_INTERRUPTS();
		memset(state->rows + i, 0, Min(POLL_ROWS, capacity - i) * sizeof(CurveRow));
	}
	return state;
}

static CurveState *
curve_check(Datum datum)
{
	CurveState *state = (CurveState *) DatumGetPointer(datum);

	if (VARATT_IS_EXTENDED(state) || VARSIZE(state) < offsetof(CurveState, rows) ||
		state->magic != CURVE_MAGIC || state->capacity < 0 || state->capacity > CURVE_MAX_ROWS ||
		state->nrows < 0 || state->nrows > state->capacity ||
		VARSIZE(state) != offsetof(CurveState, rows) + state->capacity * sizeof(CurveRow))
		invalid_state();
	return state;
}

/* Appends rows for which there is space. */
static void
curve_append(CurveState *state, const CurveRow *rows, int64 nrows)
{
	for (int64 i = 0; i < nrows; i += POLL_ROWS)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(state->rows + state->nrows + i, rows + i, Min(POLL_ROWS, nrows - i) * sizeof(CurveRow));
	}
	state->nrows += nrows;
}

/* The same rows with space for `more` of them. */
static CurveState *
curve_reserve(CurveState *state, int64 more)
{
	int64		needed = (state != NULL ? state->nrows : 0) + more;
	CurveState *larger;

	if (state != NULL && needed <= state->capacity)
		return state;
	if (needed > CURVE_MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a group has more than " INT64_FORMAT " rows", CURVE_MAX_ROWS),
				 errhint("Take the metric over a sample of the rows.")));
	larger = curve_new(Min(CURVE_MAX_ROWS, Max(2 * needed, CURVE_FIRST_ROWS)));
	if (state != NULL)
		curve_append(larger, state->rows, state->nrows);
	return larger;
}

PG_FUNCTION_INFO_V1(mlops_curve_add);

Datum
mlops_curve_add(PG_FUNCTION_ARGS)
{
	double		weight;
	double		score;
	CurveState *old;
	CurveState *state;

	require_aggregate(fcinfo);
	if (!row_weight(fcinfo, &weight))
		RETURN_UNCHANGED();
	score = PG_GETARG_FLOAT8(2);
	if (isnan(score))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a score is NaN")));
	old = PG_ARGISNULL(0) ? NULL : curve_check(PG_GETARG_DATUM(0));
	state = curve_reserve(old, 1);
	state->rows[state->nrows].score = score;
	state->rows[state->nrows].signed_weight = PG_GETARG_BOOL(1) ? weight : -weight;
	state->nrows++;
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(mlops_curve_merge);

Datum
mlops_curve_merge(PG_FUNCTION_ARGS)
{
	CurveState *other;
	CurveState *state;

	require_aggregate(fcinfo);
	if (PG_ARGISNULL(1))
		RETURN_UNCHANGED();
	other = curve_check(PointerGetDatum(PG_GETARG_BYTEA_P(1)));
	state = curve_reserve(PG_ARGISNULL(0) ? NULL : curve_check(PG_GETARG_DATUM(0)), other->nrows);
	curve_append(state, other->rows, other->nrows);
	PG_RETURN_POINTER(state);
}

typedef CoreStatus (*CurveMetric) (CoreEnv *env, const double *score, const double *y, const double *w, int64_t n,
								   double *value);

static Datum
curve_final(FunctionCallInfo fcinfo, CurveMetric metric)
{
	MemoryContext context;
	PgEnv		env;
	CurveState *state;
	double	   *score;
	double	   *y;
	double	   *w;
	double		value;

	require_aggregate(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = curve_check(PG_GETARG_DATUM(0));
	context = AllocSetContextCreate(CurrentMemoryContext, "mlops curve", ALLOCSET_DEFAULT_SIZES);
	pg_env_init(&env, context, 0, NULL);
	score = env_alloc(&env.core, state->nrows, sizeof(double));
	y = env_alloc(&env.core, state->nrows, sizeof(double));
	w = env_alloc(&env.core, state->nrows, sizeof(double));
	for (int64 i = 0; i < state->nrows; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		score[i] = state->rows[i].score;
		y[i] = state->rows[i].signed_weight > 0;
		w[i] = fabs(state->rows[i].signed_weight);
	}
	pg_env_check(&env.core, metric(&env.core, score, y, w, state->nrows, &value));
	MemoryContextDelete(context);
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

PG_FUNCTION_INFO_V1(mlops_roc_auc_final);

Datum
mlops_roc_auc_final(PG_FUNCTION_ARGS)
{
	return curve_final(fcinfo, metrics_roc_auc);
}

PG_FUNCTION_INFO_V1(mlops_average_precision_final);

Datum
mlops_average_precision_final(PG_FUNCTION_ARGS)
{
	return curve_final(fcinfo, metrics_average_precision);
}
