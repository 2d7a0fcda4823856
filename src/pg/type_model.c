/*
 * type_model.c
 *	  Input, output, casts and comparison of mlops.model and mlops.state; see
 *	  type_model.h and sql/10_types.sql.
 *
 * Text form: base64.  Binary form: the bytes.  Whatever comes from outside is
 * decoded completely before it becomes a value, then kept byte for byte, so
 * that a dump restores the same bytes and the same SHA-256.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "format/base64.h"
#include "format/model_format.h"
#include "format/running_state.h"
#include "pg/compat.h"
#include "pg/type_model.h"

PG_FUNCTION_INFO_V1(mlops_bytes_hash);
PG_FUNCTION_INFO_V1(mlops_bytes_hash_extended);

typedef enum ValueType
{
	VALUE_MODEL,
	VALUE_STATE
} ValueType;

static const char *const type_names[] = {"mlops.model", "mlops.state"};

/* The transition value of a fit, which is a mlops.state too, checked; NULL for everything else. */
static const RunningState *
as_running_state(CoreEnv *env, struct varlena *bytes)
{
	if (VARATT_IS_SHORT(bytes) || !running_state_is(bytes, VARSIZE(bytes)))
		return NULL;
	if ((uintptr_t) bytes % MAXIMUM_ALIGNOF != 0)
		bytes = memcpy(palloc(VARSIZE(bytes)), bytes, VARSIZE(bytes));
	pg_env_check(env, running_state_check(env, bytes, VARSIZE(bytes)));
	return (const RunningState *) bytes;
}

/*
 * The bytes of a value, detoasted; valid while `value` is.  A transition value,
 * which may reach a user through an aggregate of his own or a distributed
 * query, becomes the state that it stands for.
 */
static const uint8 *
value_bytes(Datum value, Size *length)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);
	PgEnv		env;
	const RunningState *running = as_running_state(pg_env_init(&env, CurrentMemoryContext, 0, "mlops.state"), bytes);
	LinearState *state;

	if (running != NULL)
	{
		pg_env_check(&env.core, running_state_join(&env.core, running, &state));
		bytes = (struct varlena *) DatumGetPointer(state_make_datum(&env, state));
	}
	*length = VARSIZE_ANY_EXHDR(bytes);
	return (const uint8 *) VARDATA_ANY(bytes);
}

/*
 * Gives back what value_bytes made, if it made anything: comparing and hashing
 * happen many times in one memory context.
 */
static void
value_release(Datum value, const uint8 *bytes)
{
	if ((const char *) bytes != VARDATA_ANY(DatumGetPointer(value)))
		pfree(unconstify(uint8 *, bytes) - VARHDRSZ);
}

/* A memory context for decoding a value and throwing the result away. */
static MemoryContext
scratch_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "mlops value", ALLOCSET_DEFAULT_SIZES);
}

/* ERROR unless the bytes, given by a user, are a value of the type. */
static void
validate(ValueType type, const uint8 *bytes, Size length)
{
	MemoryContext scratch = scratch_context();
	PgEnv		env;
	CoreEnv    *core = pg_env_init(&env, scratch, 0, type_names[type]);
	Model	   *model;
	LinearState *state;

	if (type == VALUE_MODEL)
		pg_env_check_input(core, model_decode(core, bytes, length, false, &model));
	else
		pg_env_check_input(core, state_decode(core, bytes, length, false, &state));
	MemoryContextDelete(scratch);
}

static Datum
value_in(ValueType type, const char *text)
{
	PgEnv		env;
	CoreEnv    *core = pg_env_init(&env, CurrentMemoryContext, 0, type_names[type]);
	uint8	   *bytes;
	Size		length;
	struct varlena *value;

	if (base64_decode(core, text, strlen(text), VARHDRSZ, &bytes, &length) != CORE_OK)
	{
		core->message[0] = pg_toupper((unsigned char) core->message[0]);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", type_names[type]),
				 errdetail_internal("%s.", core->message)));
	}
	validate(type, bytes + VARHDRSZ, length - VARHDRSZ);
	value = pg_env_detach(core, bytes, length);
	SET_VARSIZE(value, length);
	return PointerGetDatum(value);
}

static Datum
value_out(Datum value)
{
	PgEnv		env;
	CoreEnv    *core = pg_env_init(&env, CurrentMemoryContext, 0, NULL);
	Size		length;
	const uint8 *bytes = value_bytes(value, &length);
	char	   *text = palloc(base64_length(length) + 1);

	base64_encode(core, bytes, length, text);
	text[base64_length(length)] = '\0';
	return CStringGetDatum(text);
}

/* A varlena of its own with these bytes: a bytea, a model or a state. */
static Datum
make_varlena(const void *bytes, Size length)
{
	struct varlena *value = palloc(VARHDRSZ + length);

	SET_VARSIZE(value, VARHDRSZ + length);
	memcpy(VARDATA(value), bytes, length);
	return PointerGetDatum(value);
}

static Datum
value_recv(ValueType type, StringInfo buffer)
{
	int			length = buffer->len - buffer->cursor;
	const uint8 *bytes = (const uint8 *) pq_getmsgbytes(buffer, length);

	validate(type, bytes, length);
	return make_varlena(bytes, length);
}

static Datum
value_to_bytea(Datum value)
{
	Size		length;
	const uint8 *bytes = value_bytes(value, &length);

	return make_varlena(bytes, length);
}

static Datum
value_from_bytea(ValueType type, Datum value)
{
	/* a bytea: transition values do not come this way */
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	validate(type, (const uint8 *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	return make_varlena(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

/* jsonb of JSON in UTF-8. */
static Datum
jsonb_from_utf8(char *json)
{
	char	   *text = pg_any_to_server(json, strlen(json), PG_UTF8);

	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

static Datum
value_to_jsonb(ValueType type, Datum value)
{
	MemoryContext scratch = scratch_context();
	PgEnv		env;
	CoreEnv    *core = pg_env_init(&env, scratch, 0, type_names[type]);
	char	   *json;
	Datum		result;

	if (type == VALUE_MODEL)
		pg_env_check(core, model_to_json(core, model_from_datum(&env, value), &json));
	else
		pg_env_check(core, state_to_json(core, state_from_datum(&env, value), &json));
	result = jsonb_from_utf8(json);
	MemoryContextDelete(scratch);
	return result;
}

Datum
model_make_datum(PgEnv *env, const Model *model)
{
	uint8	   *bytes;
	Size		length;
	struct varlena *value;

	pg_env_check(&env->core, model_encode(&env->core, model, VARHDRSZ, &bytes, &length));
	value = pg_env_detach(&env->core, bytes, length);
	SET_VARSIZE(value, length);
	return PointerGetDatum(value);
}

Model *
model_from_datum(PgEnv *env, Datum value)
{
	Size		length;
	const uint8 *bytes = value_bytes(value, &length);
	Model	   *model;

	pg_env_check(&env->core, model_decode(&env->core, bytes, length, false, &model));
	return model;
}

Datum
state_make_datum(PgEnv *env, const LinearState *state)
{
	uint8	   *bytes;
	Size		length;
	struct varlena *value;

	pg_env_check(&env->core, state_encode(&env->core, state, VARHDRSZ, &bytes, &length));
	value = pg_env_detach(&env->core, bytes, length);
	SET_VARSIZE(value, length);
	return PointerGetDatum(value);
}

LinearState *
state_from_datum(PgEnv *env, Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);
	const RunningState *running = as_running_state(&env->core, bytes);
	LinearState *state;

	if (running != NULL)
		pg_env_check(&env->core, running_state_join(&env->core, running, &state));
	else
		pg_env_check(&env->core, state_decode(&env->core, (const uint8 *) VARDATA_ANY(bytes),
											  VARSIZE_ANY_EXHDR(bytes), false, &state));
	return state;
}

/* The functions of one type, as CREATE TYPE and CREATE CAST name them. */
#define VALUE_FUNCTION(name, result) \
	PG_FUNCTION_INFO_V1(name); \
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_DATUM(result); \
	} \
	extern int	no_such_variable

#define VALUE_FUNCTIONS(name, type) \
	VALUE_FUNCTION(mlops_##name##_in, value_in(type, PG_GETARG_CSTRING(0))); \
	VALUE_FUNCTION(mlops_##name##_out, value_out(PG_GETARG_DATUM(0))); \
	VALUE_FUNCTION(mlops_##name##_recv, value_recv(type, (StringInfo) PG_GETARG_POINTER(0))); \
	VALUE_FUNCTION(mlops_##name##_send, value_to_bytea(PG_GETARG_DATUM(0))); \
	VALUE_FUNCTION(mlops_##name##_to_bytea, value_to_bytea(PG_GETARG_DATUM(0))); \
	VALUE_FUNCTION(mlops_##name##_from_bytea, value_from_bytea(type, PG_GETARG_DATUM(0))); \
	VALUE_FUNCTION(mlops_##name##_to_jsonb, value_to_jsonb(type, PG_GETARG_DATUM(0)))

VALUE_FUNCTIONS(model, VALUE_MODEL);
VALUE_FUNCTIONS(state, VALUE_STATE);

/* Order of two values by their bytes, shorter first where one begins the other. */
static int
compare(FunctionCallInfo fcinfo)
{
	Size		a_length;
	Size		b_length;
	const uint8 *a = value_bytes(PG_GETARG_DATUM(0), &a_length);
	const uint8 *b = value_bytes(PG_GETARG_DATUM(1), &b_length);
	int			order = memcmp(a, b, Min(a_length, b_length));

	if (order == 0 && a_length != b_length)
		order = a_length < b_length ? -1 : 1;
	value_release(PG_GETARG_DATUM(0), a);
	value_release(PG_GETARG_DATUM(1), b);
	return order;
}

VALUE_FUNCTION(mlops_bytes_eq, BoolGetDatum(compare(fcinfo) == 0));
VALUE_FUNCTION(mlops_bytes_ne, BoolGetDatum(compare(fcinfo) != 0));
VALUE_FUNCTION(mlops_bytes_lt, BoolGetDatum(compare(fcinfo) < 0));
VALUE_FUNCTION(mlops_bytes_le, BoolGetDatum(compare(fcinfo) <= 0));
VALUE_FUNCTION(mlops_bytes_gt, BoolGetDatum(compare(fcinfo) > 0));
VALUE_FUNCTION(mlops_bytes_ge, BoolGetDatum(compare(fcinfo) >= 0));
VALUE_FUNCTION(mlops_bytes_cmp, Int32GetDatum(compare(fcinfo)));

Datum
mlops_bytes_hash(PG_FUNCTION_ARGS)
{
	Size		length;
	const uint8 *bytes = value_bytes(PG_GETARG_DATUM(0), &length);
	Datum		hash = hash_any(bytes, (int) length);

	value_release(PG_GETARG_DATUM(0), bytes);
	return hash;
}

Datum
mlops_bytes_hash_extended(PG_FUNCTION_ARGS)
{
	Size		length;
	const uint8 *bytes = value_bytes(PG_GETARG_DATUM(0), &length);
	Datum		hash = hash_any_extended(bytes, (int) length, PG_GETARG_INT64(1));

	value_release(PG_GETARG_DATUM(0), bytes);
	return hash;
}
