/*
 * recorded_source.c
 *	  The source that was recorded with a version; see recorded_source.h.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/catalog_exec.h"
#include "pg/recorded_source.h"

#define SOURCE_HINT "Give a table, view or query as argument \"source\"."

static char *
result_text(int column)
{
	bool		isnull;
	Datum		value = catalog_result(column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

void
recorded_source_find(const ModelHandle *handle, RecordedSource *recorded)
{
	CatalogWork work;
	CatalogArg	args[2];
	MemoryContext caller = CurrentMemoryContext;
	uint64		found;
	bool		imported = false;
	bool		isnull;

	if (handle->by_value)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a model value has no recorded source"),
				 errhint(SOURCE_HINT)));
	args[0] = arg_uuid(&handle->resolved.model.model_id);
	args[1] = arg_int4(handle->resolved.version.version);
	catalog_begin(&work);
	found = catalog_execute("SELECT v.source, d.search_path, r.arguments ->> 'weight', v.user_id,"
							" r.entry_point_name IS NOT DISTINCT FROM 'mlops.import_chunks'"
							" FROM mlops.model_versions AS v"
							" JOIN mlops.runs AS r ON r.run_uuid OPERATOR(pg_catalog.=) v.run_id"
							" LEFT JOIN mlops.inputs AS i ON i.run_uuid OPERATOR(pg_catalog.=) v.run_id"
							" AND i.context OPERATOR(pg_catalog.=) 'training'"
							" LEFT JOIN mlops.datasets AS d ON d.dataset_uuid OPERATOR(pg_catalog.=) i.dataset_uuid"
							" WHERE v.model_id OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2",
							2, args);
	if (found > 0)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		recorded->source = result_text(1);
		recorded->search_path = result_text(2);
		recorded->weight = result_text(3);
		MemoryContextSwitchTo(spi);
		recorded->author = DatumGetObjectId(catalog_result(4, &isnull));
		imported = DatumGetBool(catalog_result(5, &isnull));
	}
	catalog_end(&work);
	/* nobody here wrote that text, so it has nobody's rights */
	if (imported)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" was imported, and its source is that of another database",
						handle->resolved.version.version, handle->name),
				 errhint(SOURCE_HINT)));
	if (recorded->source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" has no recorded source",
						handle->resolved.version.version, handle->name),
				 errhint(SOURCE_HINT)));
}

void
given_source_open(const ModelHandle *handle, Datum argument, bool isnull, GivenSource *given)
{
	RecordedSource recorded = {0};

	given->recorded = isnull;
	if (!isnull)
	{
		given->source = source_open(text_to_cstring(DatumGetTextPP(argument)));
		return;
	}
	/* its columns are what read lets see */
	if (!handle->by_value)
		(void) model_ref_open(psprintf("%s/%d", handle->resolved.model.name, handle->resolved.version.version), PRIVILEGE_READ);
	recorded_source_find(handle, &recorded);
	stored_sql_begin(&given->caller, recorded.author, recorded.search_path,
					 psprintf("version %d of model \"%s\"", handle->resolved.version.version, handle->name));
	given->source = source_open(recorded.source);
}

void
given_source_close(GivenSource *given)
{
	source_close(given->source);
	if (given->recorded)
		stored_sql_end(&given->caller);
}
