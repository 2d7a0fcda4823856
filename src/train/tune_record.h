/*
 * tune_record.h
 *	  Searches and their trials in the extension's tables.
 */
#ifndef TRAIN_TUNE_RECORD_H
#define TRAIN_TUNE_RECORD_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "pg/catalog.h"

typedef struct TuningRecord
{
	pg_uuid_t	tuning_id;
	const char *model;
	const char *algorithm;
	const char *arguments_json;
	const char *digest;
	const char *metric;
	TimestampTz started;
} TuningRecord;

typedef struct TrialRecord
{
	const char *params;			/* JSON */
	bool		done;
	bool		succeeded;
	const char *metrics_json;	/* NULL where it failed */
	double		score;			/* more is better; NaN: none */
	double		training_loss;
	double		eval_loss;
	const char *error;
	double		seconds;
} TrialRecord;

/* NULL id: makes one. */
extern void tuning_id_make(pg_uuid_t *id);

/*
 * Adds the search, or finds that it goes on: then trials[0 .. count-1] that were
 * done get their scores.  ERROR 42501 when it is another role's, 22023 when it
 * was made with other arguments or on other rows.  Returns the version that the
 * best of its trials became, 0 while there is none.
 */
extern int32 tuning_open(const TuningRecord *tuning, TrialRecord *trials, int count);
extern void tuning_add_trial(const pg_uuid_t *tuning_id, int trial_id, const TrialRecord *trial);
extern void tuning_close(const pg_uuid_t *tuning_id, const AddedVersion *added);

#endif							/* TRAIN_TUNE_RECORD_H */
