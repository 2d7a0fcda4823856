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

/* ERROR 55000 for versions without a training's record. In CurrentMemoryContext. */
extern void version_record_read(const ResolvedModel *resolved, VersionRecord *record);

/* A member of the recorded arguments as text, or NULL. */
extern char *record_argument(const VersionRecord *record, const char *name);

/*
 * The search path and the settings of the training, until AtEOXact_GUC of the
 * level that is returned; messages below WARNING are not shown meanwhile.
 */
extern int	version_record_settings(const VersionRecord *record);

#endif							/* TRAIN_VERSION_RECORD_H */
