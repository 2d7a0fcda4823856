/*
 * catalog_read.c
 *	  Finding models, versions, aliases and model bytes; see catalog.h.
 *
 * Nothing here checks privileges, writes or takes a transaction id.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type_d.h"
#include "common/cryptohash.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/params.h"
#include "format/model_format.h"
#include "pg/access.h"
#include "pg/catalog.h"
#include "pg/catalog_scan.h"

#define VERSION_COLUMNS \
	.ncolumns = 4, .columns = {"version", "stage", "model_sha256", "run_id"}

static pg_uuid_t
uuid_value(Datum datum)
{
	return *DatumGetUUIDP(datum);
}

static void
copy_text(char *target, size_t size, Datum datum)
{
	text_to_cstring_buffer(DatumGetTextPP(datum), target, size);
}

bool
catalog_find_model(const char *name, ModelRow *row)
{
	CatalogQuery query = {
		.table = "registered_models", .index = "registered_models_name_key",
		.nkeys = 1, .keys = {{"name", TEXTOID, CStringGetTextDatum(name)}},
		.ncolumns = 4, .columns = {"model_id", "name", "owner", "last_version"}
	};
	Datum		values[4];
	bool		isnull[4];

	if (!catalog_scan_first(&query, values, isnull))
		return false;
	row->model_id = uuid_value(values[0]);
	copy_text(row->name, sizeof(row->name), values[1]);
	row->owner = DatumGetObjectId(values[2]);
	row->last_version = DatumGetInt32(values[3]);
	return true;
}

bool
catalog_find_model_by_id(const pg_uuid_t *model_id, ModelRow *row)
{
	CatalogQuery query = {
		.table = "registered_models", .index = "registered_models_pkey",
		.nkeys = 1, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(model_id)}},
		.ncolumns = 3, .columns = {"name", "owner", "last_version"}
	};
	Datum		values[3];
	bool		isnull[3];

	if (!catalog_scan_first(&query, values, isnull))
		return false;
	row->model_id = *model_id;
	copy_text(row->name, sizeof(row->name), values[0]);
	row->owner = DatumGetObjectId(values[1]);
	row->last_version = DatumGetInt32(values[2]);
	return true;
}

static void
fill_version(const pg_uuid_t *model_id, const Datum *values, VersionRow *row)
{
	bytea	   *sha256 = DatumGetByteaPP(values[2]);

	row->model_id = *model_id;
	row->version = DatumGetInt32(values[0]);
	copy_text(row->stage, sizeof(row->stage), values[1]);
	if (VARSIZE_ANY_EXHDR(sha256) != sizeof(row->sha256))
		elog(ERROR, "digest of a model has %d bytes", (int) VARSIZE_ANY_EXHDR(sha256));
	memcpy(row->sha256, VARDATA_ANY(sha256), sizeof(row->sha256));
	row->run_id = uuid_value(values[3]);
}

static bool
find_version(const pg_uuid_t *model_id, const CatalogQuery *query, VersionRow *row)
{
	Datum		values[4];
	bool		isnull[4];

	if (!catalog_scan_first(query, values, isnull))
		return false;
	fill_version(model_id, values, row);
	return true;
}

bool
catalog_find_version(const pg_uuid_t *model_id, int32 version, VersionRow *row)
{
	CatalogQuery query = {
		.table = "model_versions", .index = "model_versions_pkey",
		.nkeys = 2, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(model_id)},
			{"version", INT4OID, Int32GetDatum(version)}},
		VERSION_COLUMNS
	};

	return find_version(model_id, &query, row);
}

bool
catalog_find_production(const pg_uuid_t *model_id, VersionRow *row)
{
	return catalog_find_stage(model_id, "Production", row);
}

/* Production has an index of its own, with one entry; for other stages versions are tried from the newest down. */
bool
catalog_find_stage(const pg_uuid_t *model_id, const char *stage, VersionRow *row)
{
	bool		production = strcmp(stage, "Production") == 0;
	CatalogQuery query = {
		.table = "model_versions", .index = production ? "model_versions_production" : "model_versions_pkey",
		.nkeys = 1, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(model_id)}},
		VERSION_COLUMNS,
		.order = production ? NULL : "version", .descending = true
	};
	CatalogScan *scan;
	Datum		values[4];
	bool		isnull[4];
	bool		found = false;

	scan = catalog_scan_begin(&query);
	while (!found && catalog_scan_next(scan, values, isnull))
	{
		CHECK_FOR_INTERRUPTS();
		fill_version(model_id, values, row);
		found = strcmp(row->stage, stage) == 0;
	}
	catalog_scan_end(scan);
	return found;
}

bool
catalog_find_latest(const pg_uuid_t *model_id, VersionRow *row)
{
	CatalogQuery query = {
		.table = "model_versions", .index = "model_versions_pkey",
		.nkeys = 1, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(model_id)}},
		VERSION_COLUMNS,
		.order = "version", .descending = true
	};

	return find_version(model_id, &query, row);
}

bool
catalog_find_alias(const pg_uuid_t *model_id, const char *alias, VersionRow *row)
{
	CatalogQuery query = {
		.table = "aliases", .index = "aliases_pkey",
		.nkeys = 2, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(model_id)},
			{"alias", TEXTOID, CStringGetTextDatum(alias)}},
		.ncolumns = 1, .columns = {"version"}
	};
	Datum		value;
	bool		isnull;

	return catalog_scan_first(&query, &value, &isnull) &&
		catalog_find_version(model_id, DatumGetInt32(value), row);
}

/*
 * The newest event up to that time that touched Production tells.  A promotion
 * archives its predecessor with an event of lower number and the same time.
 */
bool
catalog_find_production_at(const pg_uuid_t *model_id, TimestampTz at, VersionRow *row)
{
	CatalogQuery query = {
		.table = "stage_history", .index = "stage_history_pkey",
		.nkeys = 1, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(model_id)}},
		.ncolumns = 4, .columns = {"version", "from_stage", "to_stage", "changed_at"},
		.order = "event", .descending = true
	};
	CatalogScan *scan = catalog_scan_begin(&query);
	Datum		values[4];
	bool		isnull[4];
	int32		version = 0;

	while (catalog_scan_next(scan, values, isnull))
	{
		char		from_stage[sizeof(row->stage)];
		char		to_stage[sizeof(row->stage)];

		CHECK_FOR_INTERRUPTS();
		if (DatumGetTimestampTz(values[3]) > at)
			continue;
		copy_text(from_stage, sizeof(from_stage), values[1]);
		copy_text(to_stage, sizeof(to_stage), values[2]);
		if (strcmp(to_stage, "Production") == 0)
			version = DatumGetInt32(values[0]);
		else if (strcmp(from_stage, "Production") != 0)
			continue;
		break;
	}
	catalog_scan_end(scan);
	return version > 0 && catalog_find_version(model_id, version, row);
}

/* Sum of the chunks' lengths without reading them; checks that chunks are 0, 1, 2, … */
static Size
blob_length(const CatalogQuery *query)
{
	CatalogScan *scan = catalog_scan_begin(query);
	Datum		values[2];
	bool		isnull[2];
	int32		expected = 0;
	Size		length = 0;

	while (catalog_scan_next(scan, values, isnull))
	{
		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt32(values[0]) != expected)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored model lacks chunk %d", expected)));
		expected++;
		length += toast_raw_datum_size(values[1]) - VARHDRSZ;
		if (length > MODEL_MAX_BYTES)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored model is larger than %zu MB", (size_t) (MODEL_MAX_BYTES / (1024 * 1024)))));
	}
	catalog_scan_end(scan);
	return length;
}

void
catalog_sha256(const uint8 *bytes, Size length, uint8 digest[32])
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	const Size	step = 4 * 1024 * 1024; /* a few milliseconds between two looks for a cancel */

	/* a cancel leaks nothing: the context is palloc'd, or OpenSSL's and known to the resource owner */
	if (context == NULL || pg_cryptohash_init(context) < 0)
		elog(ERROR, "could not start SHA-256: %s", pg_cryptohash_error(context));
	for (Size done = 0; done < length; done += step)
	{
		if (pg_cryptohash_update(context, bytes + done, Min(step, length - done)) < 0)
			elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
		CHECK_FOR_INTERRUPTS();
	}
	if (pg_cryptohash_final(context, digest, 32) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

uint8 *
catalog_read_blob(const uint8 sha256[32], Size *length)
{
	bytea	   *key = palloc(VARHDRSZ + 32);
	CatalogQuery query = {
		.table = "model_blobs", .index = "model_blobs_pkey",
		.nkeys = 1, .keys = {{"sha256", BYTEAOID, PointerGetDatum(key)}},
		.ncolumns = 2, .columns = {"chunk_no", "data"},
		.order = "chunk_no"
	};
	CatalogScan *scan;
	Datum		values[2];
	bool		isnull[2];
	uint8	   *bytes;
	Size		used = 0;
	uint8		digest[32];

	SET_VARSIZE(key, VARHDRSZ + 32);
	memcpy(VARDATA(key), sha256, 32);

	*length = blob_length(&query);
	bytes = palloc(*length + 1);
	scan = catalog_scan_begin(&query);
	while (catalog_scan_next(scan, values, isnull))
	{
		bytea	   *chunk = DatumGetByteaPP(values[1]);
		Size		size = VARSIZE_ANY_EXHDR(chunk);

		CHECK_FOR_INTERRUPTS();
		if (size > *length - used)
			elog(ERROR, "chunk of a stored model is longer than it was");
		memcpy(bytes + used, VARDATA_ANY(chunk), size);
		used += size;
		if ((Pointer) chunk != DatumGetPointer(values[1]))
			pfree(chunk);
	}
	catalog_scan_end(scan);

	catalog_sha256(bytes, used, digest);
	if (used != *length || used == 0 || memcmp(digest, sha256, sizeof(digest)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored model does not match its SHA-256"),
				 errdetail("Chunks with %zu bytes were found.", used),
				 errhint("Restore table mlops.model_blobs from a backup, or train the version again.")));
	pfree(key);
	return bytes;
}

/* Nearest name among the models on which the caller has any privilege; NULL if none is near. */
static const char *
nearest_visible_model(const char *name)
{
	CatalogQuery query = {
		.table = "registered_models", .index = "registered_models_pkey",
		.ncolumns = 3, .columns = {"model_id", "name", "owner"}
	};
	CatalogScan *scan = catalog_scan_begin(&query);
	Datum		values[3];
	bool		isnull[3];
	int			capacity = 16;
	int			count = 0;
	const char **names = palloc(sizeof(char *) * capacity);

	while (catalog_scan_next(scan, values, isnull))
	{
		pg_uuid_t	model_id = uuid_value(values[0]);

		CHECK_FOR_INTERRUPTS();
		if (access_mask(&model_id, DatumGetObjectId(values[2])) == 0)
			continue;
		if (count == capacity)
		{
			capacity *= 2;
			names = repalloc(names, sizeof(char *) * capacity);
		}
		names[count++] = TextDatumGetCString(values[1]);
	}
	catalog_scan_end(scan);
	return nearest_word(name, names, count);
}

void
catalog_unknown_model(const char *name)
{
	const char *nearest = nearest_visible_model(name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", name),
			 nearest != NULL ? errhint("Perhaps you meant the model \"%s\".", nearest) :
			 errhint("The view mlops.models lists the models that you may use; mlops.train makes new ones.")));
}

void
catalog_unknown_version(const ModelRow *model, int32 version)
{
	CatalogQuery query = {
		.table = "model_versions", .index = "model_versions_pkey",
		.nkeys = 1, .keys = {{"model_id", UUIDOID, UUIDPGetDatum(&model->model_id)}},
		.ncolumns = 1, .columns = {"version"},
		.order = "version"
	};
	Datum		first;
	bool		isnull;
	VersionRow	last;

	if (!catalog_scan_first(&query, &first, &isnull) || !catalog_find_latest(&model->model_id, &last))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" does not exist", version, model->name),
				 errdetail("The model has no versions.")));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("version %d of model \"%s\" does not exist", version, model->name),
			 last.version == DatumGetInt32(first) ?
			 errdetail("Its only version is %d.", last.version) :
			 errdetail("Its versions are %d to %d.", DatumGetInt32(first), last.version),
			 errhint("The view mlops.versions lists them.")));
}
