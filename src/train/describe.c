/*
 * describe.c
 *	  mlops.describe(source) and mlops.training_digest(source): a source as training reads it.
 *
 * Both read the source once with the code that training uses, without a target
 * and without a split, so what they show is what a training would take.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/hash.h"
#include "pg/dataset_reader.h"
#include "pg/guc.h"
#include "pg/value.h"

#define DESCRIBE_COLUMNS 8

PG_FUNCTION_INFO_V1(mlops_describe);
PG_FUNCTION_INFO_V1(mlops_training_digest);

static void
read_all(FunctionCallInfo fcinfo, PgEnv *env, const char *what, Source **source, DatasetResult *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mlops describe", ALLOCSET_DEFAULT_SIZES);
	SplitSpec	split = {0};
	DatasetRequest request = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"source\" of %s must not be null", what)));
	pg_env_init(env, context, (Size) guc_train_memory_kb * 1024, what);
	split.method = SPLIT_NONE;
	split.sample = 1;
	request.split = &split;
	request.quiet = true;
	*source = source_open(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	dataset_read(env, *source, &request, result);
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	CHECK_FOR_INTERRUPTS();
	return x < y ? -1 : x > y;
}

/* Distinct values of a column of numbers, times or vectors: those of their hashes. */
static int64
count_distinct(PgEnv *env, const Dataset *data, const Column *column)
{
	uint64	   *hashes;
	int64		n = 0;
	int64		distinct = 0;

	if (column->storage == STORAGE_CODE)
		return column->nlevels;
	hashes = env_alloc(&env->core, data->nrows, sizeof(uint64));
	for (int64 row = 0; row < data->nrows; row++)
	{
		uint64		hash = hash_row_init();

		CHECK_FOR_INTERRUPTS();
		if (column_is_null(column, row))
			continue;
		if (column->storage == STORAGE_I64)
			hash = hash_row_add(hash, hash_int64(((const int64 *) column->values)[row]));
		else
		{
			for (int e = 0; e < column->feature->width; e++)
				hash = hash_row_add(hash, hash_double(column_number(column, row, e)));
		}
		hashes[n++] = hash;
	}
	qsort(hashes, n, sizeof(uint64), compare_hashes);
	for (int64 i = 0; i < n; i++)
		distinct += i == 0 || hashes[i] != hashes[i - 1] ? 1 : 0;
	env_release(&env->core, hashes);
	return distinct;
}

static const OmittedColumn *
find_omitted(const DatasetResult *result, const char *name)
{
	for (int i = 0; i < result->nomitted; i++)
	{
		if (strcmp(result->omitted[i].name, name) == 0)
			return &result->omitted[i];
	}
	return NULL;
}

static void
describe_column(ReturnSetInfo *rsinfo, PgEnv *env, const DatasetResult *result, Form_pg_attribute attribute)
{
	const char *name = NameStr(attribute->attname);
	const OmittedColumn *omitted = find_omitted(result, name);
	int			feature = schema_find(&result->data.schema, name);
	int64		nulls = omitted != NULL ? omitted->nulls : result->data.columns[feature].nnulls;
	int64		distinct = omitted != NULL ? omitted->distinct :
		count_distinct(env, &result->data, &result->data.columns[feature]);
	FeatureKind kind;
	Datum		values[DESCRIBE_COLUMNS];
	bool		isnull[DESCRIBE_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(name);
	values[1] = CStringGetTextDatum(value_type_name(attribute->atttypid, attribute->atttypmod));
	isnull[2] = !value_supported(attribute->atttypid, &kind);
	values[2] = isnull[2] ? (Datum) 0 : CStringGetTextDatum(feature_kind_name(kind));
	values[3] = CStringGetTextDatum(omitted != NULL ? "omitted" : "feature");
	isnull[4] = isnull[5] = nulls < 0;
	values[4] = Int64GetDatum(result->data.nrows - nulls);
	values[5] = Int64GetDatum(nulls);
	isnull[6] = distinct < 0;
	values[6] = Int64GetDatum(distinct);
	isnull[7] = omitted == NULL;
	values[7] = omitted != NULL ? CStringGetTextDatum(omitted->reason) : (Datum) 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, isnull);
}

Datum
mlops_describe(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PgEnv		env;
	Source	   *source;
	DatasetResult result;
	TupleDesc	descriptor;

	InitMaterializedSRF(fcinfo, 0);
	read_all(fcinfo, &env, "mlops.describe", &source, &result);
	descriptor = source_descriptor(source);
	for (int i = 0; i < descriptor->natts; i++)
		describe_column(rsinfo, &env, &result, TupleDescAttr(descriptor, i));
	MemoryContextDelete(env.context);
	return (Datum) 0;
}

Datum
mlops_training_digest(PG_FUNCTION_ARGS)
{
	PgEnv		env;
	Source	   *source;
	DatasetResult result;
	text	   *digest;

	read_all(fcinfo, &env, "mlops.training_digest", &source, &result);
	digest = cstring_to_text(dataset_digest(&env, &result.data));
	MemoryContextDelete(env.context);
	PG_RETURN_TEXT_P(digest);
}
