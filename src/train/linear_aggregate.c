/*
 * linear_aggregate.c
 *	  Least squares as aggregates: mlops.linear_fit, mlops.linear_state, mlops.merge,
 *	  and mlops.solve; see sql/45_fit_aggregates.sql.
 *
 * The transition value is a RunningState (format/running_state.h) that is
 * changed in place; it is a value of type mlops.state, not "internal", so that
 * PostgreSQL combines it across workers and distributed databases across
 * machines.  Rows wait in its buffer, which grows with the group: groups of a
 * few rows stay small, and buffers stop growing where the transition values of
 * one aggregate fill work_mem.  Results depend on where blocks are cut in the
 * last bits only.
 *
 * A row with a NULL, in the target or the array, and a row with NaN or an
 * infinity are left out.
 *
 * x is an array of any type of numbers, read by the type in its header: what
 * else a call site knows may be lost where an aggregate is distributed.
 *
 * Cost of a row: copying the array, and least squares (linear_state.h); making
 * the array, which the server does, takes longer than either.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "core/linear_model.h"
#include "format/running_state.h"
#include "pg/compat.h"
#include "pg/encoding.h"
#include "pg/params_json.h"
#include "pg/pg_env.h"
#include "pg/type_model.h"
#include "pg/value.h"

PG_FUNCTION_INFO_V1(mlops_linear_accumulate);
PG_FUNCTION_INFO_V1(mlops_linear_combine);
PG_FUNCTION_INFO_V1(mlops_linear_state_final);
PG_FUNCTION_INFO_V1(mlops_linear_fit_final);
PG_FUNCTION_INFO_V1(mlops_solve);

#define FIRST_ROWS 16			/* capacity of a new group */
#define GROWTH 4
#define LEAST_ROWS 64			/* every group may have that much */
#define MOST_ROWS 2048
#define BUFFER_BYTES (512 * 1024)
#define SHOWN_MESSAGES 3

/* Scratch memory for least squares, kept between calls where the caller keeps fn_extra. */
typedef struct Scratch
{
	Size		doubles;
	double	   *workspace;
} Scratch;

/* Where the transition value lives; ERROR when called by hand. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this function can only be called as part of an aggregate"),
				 errhint("Use the aggregates mlops.linear_fit, mlops.linear_state and mlops.merge.")));
	return context;
}

static double *
workspace_for(FunctionCallInfo fcinfo, int nterms, int rows)
{
	Size		doubles;
	Scratch    *scratch = fcinfo->flinfo->fn_extra;

	if (!linear_workspace_size(nterms, rows, &doubles))
		elog(ERROR, "no workspace for %d terms", nterms);
	if (scratch == NULL)
	{
		scratch = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Scratch));
		fcinfo->flinfo->fn_extra = scratch;
	}
	if (scratch->doubles < doubles)
	{
		if (scratch->workspace != NULL)
			pfree(scratch->workspace);
		scratch->workspace = NULL;
		scratch->doubles = 0;
		scratch->workspace = MemoryContextAllocHuge(fcinfo->flinfo->fn_mcxt, doubles * sizeof(double) + 64);
		scratch->doubles = doubles;
	}
	return (double *) TYPEALIGN(64, scratch->workspace);
}

static RunningState *
running_create(int nterms, int capacity)
{
	Size		size;
	RunningState *running;

	if (!running_state_size(nterms, capacity, &size) || !AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("x has %d elements, but at most %d are possible", nterms, LINEAR_MAX_TERMS)));
	running = palloc0(size);
	SET_VARSIZE(running, size);
	running_state_init(running, nterms, capacity);
	return running;
}

static RunningState *
running_resized(const RunningState *from, int capacity)
{
	RunningState *running = running_create(running_state_linear(from)->nterms, capacity);

	running_state_resize(running, from, capacity);
	return running;
}

/* A transition value that holds this state and no waiting row. */
static RunningState *
running_from_state(const LinearState *state)
{
	RunningState *running = running_create(state->nterms, 0);

	memcpy(running_state_linear(running), state,
		   sizeof(LinearState) + linear_state_doubles(state->nterms) * sizeof(double));
	return running;
}

/* The transition value, whatever form it came in. */
static RunningState *
running_argument(FunctionCallInfo fcinfo)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	PgEnv		env;

	if (!VARATT_IS_SHORT(value) && running_state_is(value, VARSIZE(value)))
		return (RunningState *) value;
	(void) pg_env_init(&env, CurrentMemoryContext, 0, "mlops.state");
	return running_from_state(state_from_datum(&env, PG_GETARG_DATUM(0)));
}

static void
flush(FunctionCallInfo fcinfo, RunningState *running)
{
	PgEnv		env;
	CoreEnv    *core;

	if (running->count == 0)
		return;
	core = pg_env_init(&env, CurrentMemoryContext, 0, "mlops.linear_state");
	pg_env_check(core, running_state_flush(core, running,
										   workspace_for(fcinfo, running_state_linear(running)->nterms, running->count)));
}

static int
row_limit(int nterms)
{
	int			rows = BUFFER_BYTES / (int) sizeof(double) / (nterms + 1);

	return Max(LEAST_ROWS, Min(MOST_ROWS, rows));
}

/* Room for a row: a larger buffer, which the executor copies to where it belongs, or an empty one. */
static RunningState *
make_room(FunctionCallInfo fcinfo, MemoryContext aggregate, RunningState *running)
{
	int			nterms = running_state_linear(running)->nterms;
	int			larger = Min(Max(running->capacity * GROWTH, FIRST_ROWS), row_limit(nterms));
	Size		size;

	if (larger > running->capacity && running_state_size(nterms, larger, &size) &&
		(larger <= LEAST_ROWS || MemoryContextMemAllocated(aggregate, true) + size <= (Size) work_mem * 1024))
		return running_resized(running, larger);
	flush(fcinfo, running);
	return running;
}

/* Number of elements of a vector. */
static int
vector_length(const ArrayType *array)
{
	if (ARR_NDIM(array) == 0)
		return 0;
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("x must be an array of one dimension, not %d", ARR_NDIM(array))));
	return ARR_DIMS(array)[0];
}

Datum
mlops_linear_accumulate(PG_FUNCTION_ARGS)
{
	MemoryContext aggregate = aggregate_context(fcinfo);
	RunningState *running = PG_ARGISNULL(0) ? NULL : running_argument(fcinfo);
	ArrayType  *array;
	double	   *column;
	size_t		stride;
	int			nterms;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		goto done;
	array = PG_GETARG_ARRAYTYPE_P(2);
	nterms = vector_length(array);
	if (running == NULL)
		running = running_create(nterms, FIRST_ROWS);
	if (nterms != running_state_linear(running)->nterms)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("x has %d elements, but earlier rows had %d", nterms, running_state_linear(running)->nterms)));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		goto done;
	if (running->count == running->capacity)
		running = make_room(fcinfo, aggregate, running);

	column = running_state_column(running, 0) + running->count;
	stride = running_state_stride(running->capacity);
	value_array_numbers(array, column, stride);
	column[nterms * stride] = PG_GETARG_FLOAT8(1);
	running->count++;

done:
	if (running == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(running);
}

/* A complete state of an argument, decoded or joined with its waiting rows; NULL for NULL. */
static LinearState *
state_argument(FunctionCallInfo fcinfo, int argument, PgEnv *env)
{
	(void) pg_env_init(env, CurrentMemoryContext, 0, "mlops.state");
	if (PG_ARGISNULL(argument))
		return NULL;
	return state_from_datum(env, PG_GETARG_DATUM(argument));
}

/* Combine function of the fits, and transition function of mlops.merge. */
Datum
mlops_linear_combine(PG_FUNCTION_ARGS)
{
	PgEnv		env;
	LinearState *other = state_argument(fcinfo, 1, &env);
	RunningState *running;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
	{
		if (other == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(running_from_state(other));
	}
	running = running_argument(fcinfo);
	if (other != NULL)
	{
		flush(fcinfo, running);
		pg_env_check(&env.core, linear_state_merge(&env.core, running_state_linear(running), other,
												   workspace_for(fcinfo, other->nterms, 0)));
	}
	PG_RETURN_POINTER(running);
}

Datum
mlops_linear_state_final(PG_FUNCTION_ARGS)
{
	PgEnv		env;
	LinearState *state = state_argument(fcinfo, 0, &env);

	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(state_make_datum(&env, state));
}

/*
 * An environment for fits whose messages are shown for the first groups of a
 * query only: thousands of groups with one flaw need no thousand lines.
 */
typedef struct FitEnv
{
	PgEnv		env;
	int		   *messages;		/* so far; lives as long as the call site */
} FitEnv;

static void
log_first_messages(CoreEnv *core, CoreLogLevel level, const char *message)
{
	FitEnv	   *fit = (FitEnv *) core->context;

	if (++*fit->messages <= SHOWN_MESSAGES)
		pg_env_log(core, level, message);
	else if (*fit->messages == SHOWN_MESSAGES + 1)
		pg_env_log(core, CORE_NOTICE, "further messages about the fits of this query are not shown");
}

static void
limit_messages(FunctionCallInfo fcinfo, FitEnv *fit)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(int));
	fit->messages = fcinfo->flinfo->fn_extra;
	fit->env.core.log = log_first_messages;
}

/* The model as a value; nothing for a state without rows. */
static Datum
solve(FunctionCallInfo fcinfo, PgEnv *env, const LinearState *state, const ParamSet *params,
	  const char *const *names, const char *target)
{
	Model	   *model;

	if (state->nrows == 0)
		PG_RETURN_NULL();
	pg_env_check(&env->core, linear_model_from_state(&env->core, state, params, names, target, &model));
	return model_make_datum(env, model);
}

Datum
mlops_linear_fit_final(PG_FUNCTION_ARGS)
{
	FitEnv		fit;
	PgEnv	   *env = &fit.env;
	LinearState *state = state_argument(fcinfo, 0, env);
	ParamSet	params;

	if (state == NULL)
		PG_RETURN_NULL();
	limit_messages(fcinfo, &fit);
	pg_env_check(&env->core, params_init(&env->core, &params, algorithm_linear.name, algorithm_linear.params));
	return solve(fcinfo, env, state, &params, NULL, "y");
}

static void pg_attribute_noreturn()
fail_names(int nterms)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("parameter \"names\" must be an array of %d texts, one for each element of x", nterms)));
}

/* Member "names" as C strings; NULL when there is none. */
static const char **
read_names(Jsonb *params, int nterms)
{
	JsonbValue	value;
	JsonbValue	element;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	const char **names;
	int			count = 0;

	if (getKeyJsonValueFromContainer(&params->root, "names", 5, &value) == NULL || value.type == jbvNull)
		return NULL;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data) ||
		JsonContainerSize(value.val.binary.data) != (uint32) nterms)
		fail_names(nterms);
	names = palloc(sizeof(char *) * Max(nterms, 1));
	iterator = JsonbIteratorInit(value.val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvString || element.val.string.len == 0)
			fail_names(nterms);
		names[count++] = encoding_text_to_utf8(pnstrdup(element.val.string.val, element.val.string.len));
	}
	return names;
}

/* Member "target", by default "y". */
static const char *
read_target(Jsonb *params)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&params->root, "target", 6, &value) == NULL || value.type == jbvNull)
		return "y";
	if (value.type != jbvString || value.val.string.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"target\" must be a text")));
	return encoding_text_to_utf8(pnstrdup(value.val.string.val, value.val.string.len));
}

static Jsonb *
without_member(Jsonb *params, const char *name)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(params),
											  PointerGetDatum(cstring_to_text(name))));
}

Datum
mlops_solve(PG_FUNCTION_ARGS)
{
	FitEnv		fit;
	PgEnv	   *env = &fit.env;
	LinearState *state = state_argument(fcinfo, 0, env);
	Jsonb	   *json = PG_GETARG_JSONB_P(1);
	ParamSet	params;
	const char **names = NULL;
	const char *target = "y";

	limit_messages(fcinfo, &fit);
	pg_env_check(&env->core, params_init(&env->core, &params, algorithm_linear.name, algorithm_linear.params));
	if (JB_ROOT_IS_OBJECT(json))
	{
		names = read_names(json, state->nterms);
		target = read_target(json);
		json = without_member(without_member(json, "names"), "target");
	}
	params_from_jsonb(&env->core, &params, json);
	return solve(fcinfo, env, state, &params, names, target);
}
