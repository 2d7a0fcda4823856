/*
 * forget.c
 *	  mlops.forget: a person's rows, out of what trainings of a model keep.
 *
 * For each version: were rows with the key trained on, by the split's identity;
 * are they in a table that the training kept, from which they are deleted; and what is their fingerprint, which is recorded so
 * that mlops.verify expects the data without them.  Tables that mlops.score_into
 * filled lose the key, too.  Neither the key nor the rows are recorded.  Deleting from the source itself is the caller's; done before
 * this call, the rows are gone and their fingerprint cannot be known.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "pg/catalog_exec.h"
#include "pg/class_label.h"
#include "pg/column_names.h"
#include "pg/compat.h"
#include "pg/extension.h"
#include "pg/row_fingerprint.h"
#include "pg/source.h"
#include "pg/stored_sql.h"
#include "pg/subtransaction.h"
#include "train/version_record.h"

#define COLUMNS 6

PG_FUNCTION_INFO_V1(mlops_forget);
PG_FUNCTION_INFO_V1(mlops_forget_json);

/* One version and what is found about the key in it. */
typedef struct Forgotten
{
	ResolvedModel resolved;
	const char *text;			/* the key, or NULL */
	Jsonb	   *object;			/* the key, or NULL */
	VersionRecord record;
	const Model *model;
	char	   *kept_in;		/* table of the training's rows; NULL: none, or gone */
	char	   *condition;		/* WHERE … */
	RowPrinter	printer;
	ValueReader *key_readers;
	int		   *key_attributes; /* 1-based */
	int			nkeys;
	int			split_attribute;	/* 0: the split has no column */
	ValueReader split_reader;
	int			target_attribute;	/* 0: strata do not matter */
	ValueReader target_reader;
	int64		rows_erased;
	bool		scores;			/* a table of scores, not the data of a training */
	bool		trained;
	bool		held_out;
	bool		unused;
} Forgotten;

/* ---------- the rows with the key ---------- */

static char *
key_value(const Forgotten *forgotten, const char *column)
{
	JsonbValue *value;

	if (forgotten->text != NULL)
		return pstrdup(forgotten->text);
	value = getKeyJsonValueFromContainer(&forgotten->object->root, column, strlen(column), NULL);
	if (value == NULL)
		return NULL;
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

/* The condition that picks the rows; NULL when the key does not fit the version, and `why`. */
static char *
key_condition(const Forgotten *forgotten, char **keys, int nkeys, char **why)
{
	StringInfoData out;

	if (forgotten->text != NULL && nkeys > 1)
	{
		*why = pstrdup("the key has several columns: give an object");
		return NULL;
	}
	initStringInfo(&out);
	for (int i = 0; i < nkeys; i++)
	{
		char	   *value = key_value(forgotten, keys[i]);

		if (value == NULL)
		{
			*why = psprintf("the key has no value for column \"%s\"", keys[i]);
			return NULL;
		}
		appendStringInfo(&out, "%s s.%s OPERATOR(pg_catalog.=) %s", i > 0 ? " AND" : "WHERE", quote_identifier(keys[i]), quote_literal_cstr(value));
	}
	return out.data;
}

/* The table that the training kept, if it is still there. */
static char *
kept_table(const VersionRecord *record)
{
	char	   *name = record_argument(record, "snapshot");
	RangeVar   *relation;

	if (name == NULL)
		return NULL;
	relation = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));
	return OidIsValid(RangeVarGetRelid(relation, NoLock, true)) ? name : NULL;
}

/* ---------- which side they were on ---------- */

static void
bind_columns(Forgotten *forgotten, TupleDesc descriptor, char **keys)
{
	const SplitSpec *split = &forgotten->model->split;

	row_printer_init(&forgotten->printer, descriptor);
	forgotten->key_attributes = palloc(sizeof(int) * forgotten->nkeys);
	forgotten->key_readers = palloc0(sizeof(ValueReader) * forgotten->nkeys);
	for (int i = 0; i < forgotten->nkeys; i++)
	{
		int			attribute = column_number_by_name(descriptor, keys[i]);
		Form_pg_attribute form = TupleDescAttr(descriptor, attribute - 1);

		forgotten->key_attributes[i] = attribute;
		value_hasher_init(&forgotten->key_readers[i], form->atttypid, form->atttypmod);
	}
	if (split->column != NULL)
	{
		Form_pg_attribute form;

		forgotten->split_attribute = column_number_by_name(descriptor, split->column);
		form = TupleDescAttr(descriptor, forgotten->split_attribute - 1);
		value_hasher_init(&forgotten->split_reader, form->atttypid, form->atttypmod);
	}
	if (split->method == SPLIT_STRATIFIED)
	{
		Form_pg_attribute form;

		forgotten->target_attribute = column_number_by_name(descriptor, forgotten->model->target.name);
		form = TupleDescAttr(descriptor, forgotten->target_attribute - 1);
		value_reader_init(&forgotten->target_reader, form->atttypid, form->atttypmod, NULL, "the target");
	}
}

/* Class of the row as the split knows it; -1: none of them. */
static int
row_stratum(const Forgotten *forgotten, TupleTableSlot *slot)
{
	int			i = forgotten->target_attribute - 1;
	FeatureValue value;

	if (forgotten->target_attribute == 0)
		return -1;
	value_read(&forgotten->target_reader, slot->tts_values[i], slot->tts_isnull[i], NULL, &value, "the target");
	return class_of_value(&forgotten->model->target, forgotten->target_reader.kind, &value);
}

static void
note_role(Forgotten *forgotten, RowRole role)
{
	const SplitSpec *split = &forgotten->model->split;

	if (role == ROLE_SKIPPED)
		forgotten->unused = true;
	else if (role == ROLE_TRAIN || split->refit)
		forgotten->trained = true;
	else
		forgotten->held_out = true;
}

static bool
receive_row(TupleTableSlot *slot, void *context)
{
	Forgotten  *forgotten = context;
	const SplitSpec *split = &forgotten->model->split;
	uint64		key = hash_row_init();
	uint64		group = 0;
	int64		time = 0;
	bool		flag = false;
	int			column = forgotten->split_attribute - 1;

	slot_getallattrs(slot);
	row_printer_add(&forgotten->printer, slot->tts_values, slot->tts_isnull);
	for (int i = 0; i < forgotten->nkeys; i++)
	{
		int			attribute = forgotten->key_attributes[i] - 1;

		key = hash_row_add(key, value_hash(&forgotten->key_readers[i], slot->tts_values[attribute], slot->tts_isnull[attribute]));
	}
	if (split->method == SPLIT_GROUP)
		group = value_hash(&forgotten->split_reader, slot->tts_values[column], slot->tts_isnull[column]);
	else if (split->method == SPLIT_TIME && !slot->tts_isnull[column])
		time = value_split_time(&forgotten->split_reader, slot->tts_values[column]);
	else if (split->method == SPLIT_COLUMN && !slot->tts_isnull[column])
	{
		FeatureValue value;

		value_read(&forgotten->split_reader, slot->tts_values[column], false, NULL, &value, "the split column");
		flag = value.number != 0;
	}
	note_role(forgotten, split_role(split, hash_row_final(key), group, time, flag, row_stratum(forgotten, slot)));
	return true;
}

/* ---------- one version ---------- */

/*
 * The caller's right to delete is checked, but triggers and the like run as the
 * table's owner: whoever made the table may not act as whoever calls this.
 */
static void
delete_rows(Forgotten *forgotten)
{
	RangeVar   *name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(forgotten->kept_in)));
	Oid			relation = RangeVarGetRelid(name, RowExclusiveLock, false);
	AclResult	allowed = pg_class_aclcheck(relation, GetUserId(), ACL_DELETE);
	Oid			user;
	int			context;

	if (get_rel_relkind(relation) != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is no table that a training kept", forgotten->kept_in)));
	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_TABLE, forgotten->kept_in);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(extension_owner_of(relation), context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	if (SPI_execute(psprintf("DELETE FROM %s AS s %s", forgotten->kept_in, forgotten->condition), false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete from table %s", forgotten->kept_in);
	forgotten->rows_erased = (int64) SPI_processed;
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

/* Reads the rows as the version's author, and deletes them from the kept table; in a subtransaction. */
static void
find_rows(void *context)
{
	Forgotten  *forgotten = context;
	char	  **keys = column_names_split(record_argument(&forgotten->record, "key"), &forgotten->nkeys);
	const char *item;
	Source	   *source;
	RoleSwitch save;

	stored_sql_begin(&save, forgotten->record.author, forgotten->record.search_path, "the source");
	item = forgotten->kept_in != NULL ? forgotten->kept_in : psprintf("(%s)", source_subquery(forgotten->record.source));
	source = source_open(psprintf("SELECT s.* FROM %s AS s %s", item, forgotten->condition));
	bind_columns(forgotten, source_descriptor(source), keys);
	(void) source_run(source, receive_row, forgotten);
	source_close(source);
	stored_sql_end(&save);
	if (forgotten->kept_in != NULL && forgotten->printer.total.rows > 0)
		delete_rows(forgotten);
}

/* The same rows are recorded once, however often they are forgotten. */
static void
record_erasure(const Forgotten *forgotten, Oid user)
{
	char		digest[FINGERPRINT_DIGITS + 1];
	CatalogWork work;
	CatalogArg	args[4];
	char	   *detail;

	if (forgotten->printer.total.rows == 0)
		return;
	fingerprint_text(&forgotten->printer.total, digest);
	args[0] = arg_uuid(&forgotten->record.dataset_uuid);
	args[1] = arg_int8((int64) forgotten->printer.total.rows);
	args[2] = arg_text(digest);
	args[3] = arg_role(user);
	detail = psprintf("{\"rows\": " UINT64_FORMAT "}", forgotten->printer.total.rows);
	catalog_begin(&work);
	if (catalog_execute("INSERT INTO mlops.erasures (dataset_uuid, rows, digest, erased_by) SELECT $1, $2, $3, $4 "
						"WHERE NOT EXISTS (SELECT FROM mlops.erasures e WHERE e.dataset_uuid = $1 AND e.digest = $3)",
						lengthof(args), args) > 0)
		catalog_audit(user, "forget", &forgotten->resolved.model.model_id, forgotten->resolved.model.name,
					  forgotten->resolved.version.version, detail);
	catalog_end(&work);
}

static void
put_version(ReturnSetInfo *result, const Forgotten *forgotten, const char *detail)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	const char *role = forgotten->scores ? "scored" : forgotten->trained ? "training" : forgotten->held_out ? "held out" : forgotten->unused ? "not used" : NULL;

	values[0] = Int32GetDatum(forgotten->resolved.version.version);
	nulls[1] = role == NULL;
	values[1] = role != NULL ? CStringGetTextDatum(role) : (Datum) 0;
	values[2] = Int64GetDatum((int64) forgotten->printer.total.rows);
	values[3] = Int64GetDatum(forgotten->rows_erased);
	nulls[4] = forgotten->kept_in == NULL;
	values[4] = forgotten->kept_in != NULL ? CStringGetTextDatum(forgotten->kept_in) : (Datum) 0;
	nulls[5] = detail == NULL;
	values[5] = detail != NULL ? CStringGetTextDatum(detail) : (Datum) 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The key is compared as a literal of the column's type; what the type refuses may also be in the source. */
static bool
key_unlike_column(int sqlstate)
{
	return sqlstate == ERRCODE_INVALID_TEXT_REPRESENTATION || sqlstate == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE ||
		sqlstate == ERRCODE_INVALID_DATETIME_FORMAT || sqlstate == ERRCODE_DATETIME_FIELD_OVERFLOW;
}

/* What is to be said of the version, or NULL. */
static const char *
forget_version(Forgotten *forgotten)
{
	char	   *key;
	char	  **keys;
	int			nkeys;
	char	   *why = NULL;
	int			level;
	ErrorData  *error;

	if (!version_record_find(&forgotten->resolved, &forgotten->record))
		return "there is no record of a training";
	key = record_argument(&forgotten->record, "key");
	if (key == NULL)
		return "it was trained without a key: rows of a person cannot be told";
	keys = column_names_split(key, &nkeys);
	forgotten->condition = key_condition(forgotten, keys, nkeys, &why);
	if (forgotten->condition == NULL)
		return why;
	forgotten->model = model_ref_open(psprintf("%s/%d", forgotten->resolved.model.name, forgotten->resolved.version.version),
									  PRIVILEGE_READ)->model;
	level = version_record_settings(&forgotten->record);
	forgotten->kept_in = kept_table(&forgotten->record);
	error = subtransaction_run(find_rows, forgotten);
	AtEOXact_GUC(true, level);
	if (error != NULL)
	{
		if (!version_source_changed(error->sqlerrcode) || forgotten->kept_in != NULL)
			ReThrowError(error);
		return psprintf("%s: %s", key_unlike_column(error->sqlerrcode) ?
						"the key does not fit its column, or the source can no longer be read" :
						"the source can no longer be read", error->message);
	}
	if (forgotten->printer.total.rows == 0)
		return "no row has this key now; what is gone cannot be taken out of the fingerprint";
	record_erasure(forgotten, GetUserId());
	return forgotten->kept_in != NULL ? NULL : "the rows are in the source: delete them there";
}

/* ---------- scores ---------- */

typedef struct ScoredTable
{
	char	   *relation;
	char	   *key;
	int32		version;
} ScoredTable;

static ScoredTable *
list_scored_tables(const ModelRow *model, uint64 *count)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogWork work;
	CatalogArg	id = arg_uuid(&model->model_id);
	ScoredTable *tables;
	bool		isnull;

	catalog_begin(&work);
	*count = catalog_execute("SELECT relation, key, scored_with FROM mlops.scored_tables WHERE model_id = $1 "
							 "AND mlops.find_score_table(relation) IS NOT NULL ORDER BY relation", 1, &id);
	tables = MemoryContextAlloc(caller, sizeof(ScoredTable) * Max(*count, 1));
	for (uint64 i = 0; i < *count; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];

		tables[i].relation = MemoryContextStrdup(caller, SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1));
		tables[i].key = MemoryContextStrdup(caller, SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2));
		tables[i].version = DatumGetInt32(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 3, &isnull));
	}
	catalog_end(&work);
	return tables;
}

static void
delete_scores(void *context)
{
	delete_rows(context);
}

/*
 * What is to be said of the table, or NULL.  Whoever may predict can fill a
 * table, so one that the caller may not delete from, or that is none any more,
 * is told and does not fail the rest.
 */
static const char *
forget_scores(Forgotten *forgotten, const ScoredTable *table)
{
	char	  **keys = column_names_split(table->key, &forgotten->nkeys);
	char	   *why = NULL;
	ErrorData  *error;

	forgotten->kept_in = table->relation;
	forgotten->resolved.version.version = table->version;
	forgotten->condition = key_condition(forgotten, keys, forgotten->nkeys, &why);
	if (forgotten->condition == NULL)
		return why;
	error = subtransaction_run(delete_scores, forgotten);
	if (error == NULL)
	{
		forgotten->printer.total.rows = (uint64) forgotten->rows_erased;
		return NULL;
	}
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTERNAL_ERROR)
		ReThrowError(error);
	return psprintf("its rows could not be deleted: %s", error->message);
}

/* ---------- all versions ---------- */

static int32 *
list_versions(const ModelRow *model, uint64 *count)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogWork work;
	CatalogArg	id = arg_uuid(&model->model_id);
	int32	   *versions;
	bool		isnull;

	catalog_begin(&work);
	*count = catalog_execute("SELECT version FROM mlops.model_versions WHERE model_id = $1 ORDER BY version", 1, &id);
	versions = MemoryContextAlloc(caller, sizeof(int32) * Max(*count, 1));
	for (uint64 i = 0; i < *count; i++)
		versions[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	catalog_end(&work);
	return versions;
}

/*
 * The model, its row locked: no version comes or goes meanwhile, and nobody
 * records the same erasure.  What the lock waited for is seen under the
 * snapshot that this leaves.
 */
static void
lock_model(const char *name, ModelRow *model)
{
	pg_uuid_t	locked;
	CatalogArg	id;
	CatalogWork work;

	if (!catalog_find_model(name, model))
		catalog_unknown_model(name);
	access_require(&model->model_id, model->name, model->owner, PRIVILEGE_MANAGE);
	locked = model->model_id;
	id = arg_uuid(&locked);
	catalog_begin(&work);
	/* an UPDATE, so that a REPEATABLE READ transaction that does not see the erasures cannot drop the model */
	catalog_execute("UPDATE mlops.registered_models SET last_event = last_event WHERE model_id = $1", 1, &id);
	catalog_end(&work);
	catalog_push_snapshot();
	if (!catalog_find_model(name, model))
		catalog_unknown_model(name);
	access_require(&model->model_id, model->name, model->owner, PRIVILEGE_MANAGE);
	if (memcmp(&locked, &model->model_id, sizeof(locked)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the name \"%s\" has just gone to another model", model->name),
				 errhint("Try it again.")));
}

static Datum
forget(FunctionCallInfo fcinfo, const char *key, Jsonb *object)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ModelRef	ref;
	ModelRow	model;
	int32	   *versions;
	ScoredTable *tables;
	uint64		count;

	PreventCommandIfReadOnly("mlops.forget()");
	PreventCommandIfParallelMode("mlops.forget()");
	InitMaterializedSRF(fcinfo, 0);
	model_ref_parse(name, &ref);
	if (ref.kind != REF_PRODUCTION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" names a version of a model", name),
				 errhint("A key is forgotten in all versions: give the model's name, \"%s\".", ref.name)));
	lock_model(ref.name, &model);

	versions = list_versions(&model, &count);
	for (uint64 i = 0; i < count; i++)
	{
		Forgotten  *forgotten = palloc0(sizeof(Forgotten));
		const char *detail;

		CHECK_FOR_INTERRUPTS();
		forgotten->text = key;
		forgotten->object = object;
		forgotten->resolved.model = model;
		if (!catalog_find_version(&model.model_id, versions[i], &forgotten->resolved.version))
			continue;
		detail = forget_version(forgotten);
		put_version((ReturnSetInfo *) fcinfo->resultinfo, forgotten, detail);
	}
	tables = list_scored_tables(&model, &count);
	for (uint64 i = 0; i < count; i++)
	{
		Forgotten  *forgotten = palloc0(sizeof(Forgotten));
		const char *detail;

		CHECK_FOR_INTERRUPTS();
		forgotten->text = key;
		forgotten->object = object;
		forgotten->scores = true;
		detail = forget_scores(forgotten, &tables[i]);
		put_version((ReturnSetInfo *) fcinfo->resultinfo, forgotten, detail);
	}
	catalog_pop_snapshot();
	return (Datum) 0;
}

Datum
mlops_forget(PG_FUNCTION_ARGS)
{
	return forget(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(1)), NULL);
}

Datum
mlops_forget_json(PG_FUNCTION_ARGS)
{
	Jsonb	   *key = PG_GETARG_JSONB_P(1);

	if (!JB_ROOT_IS_OBJECT(key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"key\" of mlops.forget must be a JSON object or a text"),
				 errhint("Write '{\"column\": value}'::jsonb.")));
	return forget(fcinfo, NULL, key);
}
