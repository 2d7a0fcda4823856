/*
 * recorded_source.h
 *	  The source that a version was trained on, and sources that default to it.
 */
#ifndef PG_RECORDED_SOURCE_H
#define PG_RECORDED_SOURCE_H

#include "postgres.h"

#include "pg/model_ref.h"
#include "pg/source.h"
#include "pg/stored_sql.h"

/* What was recorded with the version. */
typedef struct RecordedSource
{
	char	   *source;
	char	   *search_path;
	char	   *weight;
	Oid			author;
} RecordedSource;

/* ERROR where there is none: model values, imported versions, versions that were registered. */
extern void recorded_source_find(const ModelHandle *handle, RecordedSource *recorded);

typedef struct GivenSource
{
	Source	   *source;
	bool		recorded;
	RoleSwitch caller;
} GivenSource;

/*
 * Opens the source that a text argument names, with the caller's rights; NULL:
 * the recorded one, for which the caller must have the privilege to read the
 * model, with those of its author (stored_sql.h) until it is closed.
 */
extern void given_source_open(const ModelHandle *handle, Datum argument, bool isnull, GivenSource *given);
extern void given_source_close(GivenSource *given);

#endif							/* PG_RECORDED_SOURCE_H */
