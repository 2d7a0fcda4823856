/*
 * version_record.h
 *	  What was recorded when a version was trained.
 */
#ifndef TRAIN_VERSION_RECORD_H
#define TRAIN_VERSION_RECORD_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "core/fingerprint.h"
#include "pg/model_ref.h"

typedef struct VersionRecord
{
	pg_uuid_t	dataset_uuid;
	Oid			author;
	char	   *source;
	char	   *search_path;
	char	   *relations;		/* JSON */
	char	   *profile;		/* JSON, or NULL: trained before profiles were kept */
	char	   *digest;			/* or NULL */
	char	   *environment;
	Jsonb	   *arguments;
	int64		erased_rows;	/* by mlops.forget */
	Fingerprint erased;
	int			nerasures;
} VersionRecord;

/* False for versions without a training's record. In CurrentMemoryContext. */
extern bool version_record_find(const ResolvedModel *resolved, VersionRecord *record);
/* The same with an ERROR 55000. */
extern void version_record_read(const ResolvedModel *resolved, VersionRecord *record);

/* A member of the recorded arguments as text, or NULL. */
extern char *record_argument(const VersionRecord *record, const char *name);

/*
 * The search path and the settings of the training, until AtEOXact_GUC of the
 * level that is returned; messages below WARNING are not shown meanwhile.
 */
extern int	version_record_settings(const VersionRecord *record);

/* Does an error while reading a source say that it is no longer what it was? */
extern bool version_source_changed(int sqlstate);

#endif							/* TRAIN_VERSION_RECORD_H */
