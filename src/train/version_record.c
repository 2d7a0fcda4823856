/*
 * version_record.c
 *	  What was recorded when a version was trained; see version_record.h.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "pg/catalog_exec.h"
#include "pg/compat.h"
#include "train/version_record.h"

static char *
result_text(int column)
{
	bool		isnull;
	Datum		value = catalog_result(column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Sums of fingerprints are not SQL's: row by row. */
static void
read_erasures(VersionRecord *record)
{
	CatalogArg	id = arg_uuid(&record->dataset_uuid);
	uint64		count = catalog_execute("SELECT e.digest, e.rows FROM mlops.erasures e WHERE e.dataset_uuid = $1", 1, &id);

	for (uint64 i = 0; i < count; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;
		char	   *digest = TextDatumGetCString(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
		int64		rows = DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		Fingerprint erased;

		if (!fingerprint_parse(digest, &erased))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored fingerprint of erased rows is damaged")));
		fingerprint_merge(&record->erased, &erased);
		record->erased_rows += rows;
		record->nerasures++;
	}
}

bool
version_record_find(const ResolvedModel *resolved, VersionRecord *record)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogWork work;
	CatalogArg	args[] = {arg_uuid(&resolved->model.model_id), arg_int4(resolved->version.version)};
	bool		isnull;
	bool		found;

	memset(record, 0, sizeof(*record));
	catalog_begin(&work);
	found = catalog_execute("SELECT d.dataset_source, d.search_path, d.source_relations::text, d.dataset_profile::text, d.digest, "
							"r.environment, r.arguments::text, d.dataset_uuid, v.user_id::pg_catalog.oid "
							"FROM mlops.model_versions v JOIN mlops.runs r ON r.run_uuid = v.run_id "
							"JOIN mlops.inputs i ON i.run_uuid = v.run_id AND i.context = 'training' "
							"JOIN mlops.datasets d USING (dataset_uuid) "
							"WHERE v.model_id = $1 AND v.version = $2 AND r.entry_point_name = 'mlops.train' "
							"AND r.arguments IS NOT NULL", lengthof(args), args) > 0;
	if (found)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		record->source = result_text(1);
		record->search_path = result_text(2);
		record->relations = result_text(3);
		record->profile = result_text(4);
		record->digest = result_text(5);
		record->environment = result_text(6);
		record->arguments = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(result_text(7))));
		record->dataset_uuid = *DatumGetUUIDP(catalog_result(8, &isnull));
		record->author = DatumGetObjectId(catalog_result(9, &isnull));
		read_erasures(record);
		MemoryContextSwitchTo(spi);
	}
	catalog_end(&work);
	return found;
}

void
version_record_read(const ResolvedModel *resolved, VersionRecord *record)
{
	if (!version_record_find(resolved, record))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" has no record of a training", resolved->version.version,
						resolved->model.name),
				 errdetail("It was not made by mlops.train in this database.")));
}

char *
record_argument(const VersionRecord *record, const char *name)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&record->arguments->root, name, strlen(name), NULL);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
set_for_now(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Settings in the profile's first object; only those that a profile records. */
static void
apply_settings(Jsonb *profile)
{
	static const char *const names[] = {"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output"};
	JsonbValue *table = getIthJsonbValueFromContainer(&profile->root, 0);
	JsonbValue *settings;

	if (table == NULL || table->type != jbvBinary || !JsonContainerIsObject(table->val.binary.data))
		return;
	settings = getKeyJsonValueFromContainer(table->val.binary.data, "settings", strlen("settings"), NULL);
	if (settings == NULL || settings->type != jbvBinary || !JsonContainerIsObject(settings->val.binary.data))
		return;
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		JsonbValue *value = getKeyJsonValueFromContainer(settings->val.binary.data, names[i], strlen(names[i]), NULL);

		if (value != NULL && value->type == jbvString)
			set_for_now(names[i], pnstrdup(value->val.string.val, value->val.string.len));
	}
}

int
version_record_settings(const VersionRecord *record)
{
	int			level = NewGUCNestLevel();

	if (record->search_path != NULL)
		set_for_now("search_path", record->search_path);
	if (record->profile != NULL)
	{
		Jsonb	   *profile = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(record->profile)));

		if (JB_ROOT_IS_ARRAY(profile) && !JB_ROOT_IS_SCALAR(profile))
			apply_settings(profile);
	}
	if (client_min_messages < WARNING)
		set_for_now("client_min_messages", "warning");
	return level;
}

bool
version_source_changed(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	if (sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return false;
	return category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION || category == ERRCODE_DATA_EXCEPTION ||
		sqlstate == ERRCODE_NO_DATA_FOUND || sqlstate == ERRCODE_INVALID_SCHEMA_NAME;
}
