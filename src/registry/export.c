/*
 * export.c
 *	  A version as rows that COPY can write: mlops.export_chunks.
 *
 * Chunk 0 is a manifest, a JSON object in UTF-8: what the registry knows of the
 * version, its run and its data sets, with the SHA-256 of the model.  Chunks 1,
 * 2, … are the bytes of the model as they are stored, at most 8 MB each.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "registry/registry.h"
#include "registry/transfer.h"

PG_FUNCTION_INFO_V1(mlops_export_chunks);

static char *
manifest_text(const ResolvedModel *resolved)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	args[] = {arg_uuid(&resolved->model.model_id), arg_int4(resolved->version.version)};
	CatalogWork work;
	char	   *manifest;
	bool		isnull;

	catalog_begin(&work);
	/* name and bytes are read under the same snapshot */
	catalog_read("SELECT pg_catalog.jsonb_build_object('format', '" EXPORT_FORMAT "', 'format_version', 1, "
				 "'model', m.name, 'version', v.version, 'stage', v.stage, 'algorithm', v.algorithm, 'task', v.task, "
				 "'sha256', pg_catalog.encode(v.model_sha256, 'hex'), 'bytes', v.model_bytes, 'target', v.target, "
				 "'key', v.key, 'source', v.source, 'rows_train', v.rows_train, 'rows_test', v.rows_test, "
				 "'rows_skipped', v.rows_skipped, 'seconds', v.seconds, 'description', v.description, "
				 "'created_at', v.creation_time, 'author', pg_catalog.pg_get_userbyid(v.user_id), "
				 "'tags', (SELECT COALESCE(pg_catalog.jsonb_object_agg(t.key, t.value), '{}') FROM mlops.version_tags t "
				 "WHERE t.model_id = v.model_id AND t.version = v.version), "
				 "'run', pg_catalog.jsonb_build_object('run_id', r.run_uuid, 'name', r.name, 'source_type', r.source_type, "
				 "'source_name', r.source_name, 'entry_point_name', r.entry_point_name, 'status', r.status, "
				 "'start_time', r.start_time, 'end_time', r.end_time, 'source_version', r.source_version, "
				 "'arguments', r.arguments, 'environment', r.environment, "
				 "'params', (SELECT COALESCE(pg_catalog.jsonb_object_agg(p.key, p.value), '{}') FROM mlops.params p "
				 "WHERE p.run_uuid = r.run_uuid), "
				 "'tags', (SELECT COALESCE(pg_catalog.jsonb_object_agg(g.key, g.value), '{}') FROM mlops.tags g "
				 "WHERE g.run_uuid = r.run_uuid), "
				 "'metrics', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('key', k.key, 'step', k.step, "
				 "'value', k.value, 'is_nan', k.is_nan, 'timestamp', k.\"timestamp\") ORDER BY k.key, k.step), '[]') "
				 "FROM mlops.metrics k WHERE k.run_uuid = r.run_uuid)), "
				 "'datasets', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', d.name, "
				 "'digest', d.digest, 'source_type', d.dataset_source_type, 'source', d.dataset_source, "
				 "'schema', d.dataset_schema, 'profile', d.dataset_profile, 'relations', d.source_relations, "
				 "'search_path', d.search_path, 'context', i.context) ORDER BY i.context, d.dataset_uuid), '[]') "
				 "FROM mlops.inputs i JOIN mlops.datasets d USING (dataset_uuid) WHERE i.run_uuid = r.run_uuid)"
				 ")::pg_catalog.text FROM mlops.registered_models m JOIN mlops.model_versions v USING (model_id) "
				 "JOIN mlops.runs r ON r.run_uuid = v.run_id WHERE v.model_id = $1 AND v.version = $2", lengthof(args), args);
	manifest = MemoryContextStrdup(caller, TextDatumGetCString(catalog_result(1, &isnull)));
	catalog_end(&work);
	return pg_server_to_any(manifest, (int) strlen(manifest), PG_UTF8);
}

static void
put_chunk(ReturnSetInfo *set, const ResolvedModel *resolved, int32 number, const uint8 *bytes, Size length)
{
	Datum		values[4] = {
		CStringGetTextDatum(resolved->model.name), Int32GetDatum(resolved->version.version), Int32GetDatum(number),
		arg_bytea(bytes, length).value
	};
	bool		nulls[4] = {false};

	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	pfree(DatumGetPointer(values[3]));
}

/* A standby and a read-only transaction keep no audit log; the server's log has the line in any case. */
static void
record_export(const ResolvedModel *resolved)
{
	Oid			user = GetUserId();
	CatalogWork work;

	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" exported version %d of model \"%s\"", GetUserNameFromId(user, false),
					resolved->version.version, resolved->model.name)));
	if (XactReadOnly || RecoveryInProgress() || IsInParallelMode())
		return;
	catalog_begin(&work);
	catalog_audit(user, "export", &resolved->model.model_id, resolved->model.name, resolved->version.version, NULL);
	catalog_end(&work);
}

/* export_chunks(model) */
Datum
mlops_export_chunks(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	ReturnSetInfo *set;
	ResolvedModel resolved;
	char	   *manifest;
	uint8	   *bytes;
	Size		length;
	int32		number = 0;

	InitMaterializedSRF(fcinfo, 0);
	set = (ReturnSetInfo *) fcinfo->resultinfo;
	model_ref_resolve(reference, PRIVILEGE_READ, &resolved);
	manifest = manifest_text(&resolved);
	bytes = catalog_read_blob(resolved.version.sha256, &length);
	put_chunk(set, &resolved, number++, (const uint8 *) manifest, strlen(manifest));
	for (Size done = 0; done < length; done += EXPORT_CHUNK_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		put_chunk(set, &resolved, number++, bytes + done, Min(EXPORT_CHUNK_BYTES, length - done));
	}
	record_export(&resolved);
	return (Datum) 0;
}
