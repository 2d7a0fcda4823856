/*
 * catalog.h
 *	  Reading and writing the extension's own tables.
 *
 * Reads are index scans under the active snapshot (catalog_scan.h).  Writes run
 * as the extension's owner (extension.h).
 */
#ifndef PG_CATALOG_H
#define PG_CATALOG_H

#include "postgres.h"

#include "core/metrics.h"
#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef struct ModelRow			/* registered_models */
{
	pg_uuid_t	model_id;
	char		name[NAMEDATALEN];
	Oid			owner;
	int32		last_version;
} ModelRow;

typedef struct VersionRow		/* model_versions */
{
	pg_uuid_t	model_id;
	int32		version;
	char		stage[16];
	uint8		sha256[32];
	pg_uuid_t	run_id;
} VersionRow;

extern bool catalog_find_model(const char *name, ModelRow *row);
extern bool catalog_find_model_by_id(const pg_uuid_t *model_id, ModelRow *row);
extern bool catalog_find_version(const pg_uuid_t *model_id, int32 version, VersionRow *row);
extern bool catalog_find_production(const pg_uuid_t *model_id, VersionRow *row);
/* Newest version in that stage. */
extern bool catalog_find_stage(const pg_uuid_t *model_id, const char *stage, VersionRow *row);
extern bool catalog_find_latest(const pg_uuid_t *model_id, VersionRow *row);
extern bool catalog_find_alias(const pg_uuid_t *model_id, const char *alias, VersionRow *row);
/* What was in Production at that time, from stage_history. */
extern bool catalog_find_production_at(const pg_uuid_t *model_id, TimestampTz at, VersionRow *row);
/* Content of a blob, chunks joined, SHA-256 verified (ERROR XX001 otherwise); palloc'd in CurrentMemoryContext. */
extern uint8 *catalog_read_blob(const uint8 sha256[32], Size *length);

extern void catalog_sha256(const uint8 *bytes, Size length, uint8 digest[32]);

/*
 * ERROR 42704.  The hint names the nearest model among those on which the
 * caller has a privilege, never another; catalog_unknown_version names the
 * range that exists, so call it after the privilege was checked.
 */
extern void catalog_unknown_model(const char *name) pg_attribute_noreturn();
extern void catalog_unknown_version(const ModelRow *model, int32 version) pg_attribute_noreturn();
/* ERROR 42602 unless the name (or alias) follows the pattern of names. */
extern void catalog_check_model_name(const char *name);
extern void catalog_check_alias_name(const char *alias);

/* What train hands over; text fields may be NULL where noted. */
typedef struct NewVersion
{
	const char *model;			/* name; created, owned by GetUserId(), when new */
	const char *algorithm;
	const char *task;
	const uint8 *bytes;			/* model bytes (without varlena header) */
	Size		length;
	const char *source;			/* exact text */
	const char *search_path;	/* in force for the caller */
	const char *relations_json; /* source_relations_json */
	const char *target;			/* NULL: unsupervised */
	const char *key;			/* NULL */
	const char *arguments_json; /* every argument of train as given, for verify and retraining */
	const char *params_json;	/* flat object, as used */
	const char *tags_json;
	const char *schema_json;	/* features: name, type, kind */
	const char *profile_json;	/* per-column profile, or NULL */
	const char *digest;			/* fingerprint of the rows, or NULL */
	const char *environment;	/* BLAS build and core type, CPU, server version */
	const Metric *metrics;		/* held-out metrics */
	int			nmetrics;
	int64		rows_train;
	int64		rows_test;
	int64		rows_skipped;
	double		seconds;
	TimestampTz started;
	const pg_uuid_t *run;		/* run of the caller's that made it; NULL: one is recorded from the above */
	const char *action;			/* in the audit log; NULL: "train" */
	int32		number;			/* wanted; the next one is taken when it is 0 or not above all others */
} NewVersion;

typedef struct AddedVersion
{
	pg_uuid_t	model_id;
	pg_uuid_t	run_uuid;
	int32		version;
} AddedVersion;

/* Fails early: name syntax, `write` on an existing model. */
extern void catalog_check_new_version(const char *model);
/* Model, run, params, metrics, tags, dataset, blob and version in one go; version number taken under the model's row lock. */
extern void catalog_add_version(const NewVersion *version, AddedVersion *added);

#endif							/* PG_CATALOG_H */
