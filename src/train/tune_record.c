/*
 * tune_record.c
 *	  Searches and their trials in the extension's tables; see tune_record.h.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/catalog_exec.h"
#include "pg/compat.h"
#include "train/tune_record.h"

void
tuning_id_make(pg_uuid_t *id)
{
	*id = *DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid, (Datum) 0));
}

static CatalogArg
arg_number(double value)
{
	CatalogArg	arg = arg_float8(value);

	arg.isnull = isnan(value);
	return arg;
}

static char *
id_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

/* What an earlier call has done; between catalog_begin and catalog_end. */
static void
check_same(const TuningRecord *tuning, Oid user, Oid author, bool same_arguments, bool same_rows)
{
	if (!has_privs_of_role(user, author))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for tuning \"%s\"", id_text(&tuning->tuning_id)),
				 errdetail("Another role began it.")));
	if (!same_arguments)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tuning \"%s\" was begun with other arguments", id_text(&tuning->tuning_id)),
				 errhint("Only n_trials may change; use a new tuning_id for another search.")));
	if (!same_rows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the rows of tuning \"%s\" have changed since it was begun", id_text(&tuning->tuning_id)),
				 errhint("Trials on other rows do not compare: use a new tuning_id.")));
}

static void
read_trials(const pg_uuid_t *tuning_id, TrialRecord *trials, int count)
{
	CatalogArg	id = arg_uuid(tuning_id);
	uint64		found = catalog_execute("SELECT trial_id, score FROM mlops.tuning_trials "
										"WHERE tuning_id = $1 ORDER BY trial_id", 1, &id);

	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	descriptor = SPI_tuptable->tupdesc;
		bool		isnull;
		int			trial = DatumGetInt32(SPI_getbinval(tuple, descriptor, 1, &isnull)) - 1;
		Datum		score = SPI_getbinval(tuple, descriptor, 2, &isnull);

		if (trial < 0 || trial >= count)
			continue;
		trials[trial].done = true;
		trials[trial].succeeded = !isnull;
		trials[trial].score = isnull ? NAN : DatumGetFloat8(score);
	}
}

int32
tuning_open(const TuningRecord *tuning, TrialRecord *trials, int count)
{
	Oid			user = GetUserId();
	CatalogWork work;
	bool		isnull;
	int32		version = 0;
	CatalogArg	args[] = {
		arg_uuid(&tuning->tuning_id), arg_text(tuning->model), arg_text(tuning->algorithm), arg_role(user),
		arg_text(tuning->arguments_json), arg_text(tuning->digest), arg_text(tuning->metric), arg_time(tuning->started)
	};
	CatalogArg	known[] = {args[0], args[4], args[5]};

	catalog_begin(&work);
	if (catalog_execute("INSERT INTO mlops.tunings (tuning_id, model, algorithm, user_id, arguments, digest, metric, start_time) "
						"VALUES ($1, $2, $3, $4, $5::pg_catalog.jsonb, $6, $7, $8) ON CONFLICT DO NOTHING",
						lengthof(args), args) == 0)
	{
		catalog_execute("SELECT user_id::pg_catalog.oid, arguments = $2::pg_catalog.jsonb, digest = $3, "
						"COALESCE(version, 0) FROM mlops.tunings WHERE tuning_id = $1 FOR UPDATE", lengthof(known), known);
		check_same(tuning, user, DatumGetObjectId(catalog_result(1, &isnull)), DatumGetBool(catalog_result(2, &isnull)),
				   DatumGetBool(catalog_result(3, &isnull)));
		version = DatumGetInt32(catalog_result(4, &isnull));
		read_trials(&tuning->tuning_id, trials, count);
	}
	catalog_end(&work);
	return version;
}

void
tuning_add_trial(const pg_uuid_t *tuning_id, int trial_id, const TrialRecord *trial)
{
	CatalogWork work;
	CatalogArg	args[] = {
		arg_uuid(tuning_id), arg_int4(trial_id), arg_text(trial->params), arg_text(trial->succeeded ? "SUCCEEDED" : "FAILED"),
		arg_text(trial->metrics_json), arg_number(trial->score), arg_number(trial->training_loss),
		arg_number(trial->eval_loss), arg_text(trial->error), arg_float8(trial->seconds)
	};

	catalog_begin(&work);
	catalog_execute("INSERT INTO mlops.tuning_trials (tuning_id, trial_id, hyperparameters, status, metrics, score, "
					"training_loss, eval_loss, error_message, seconds) "
					"VALUES ($1, $2, $3::pg_catalog.jsonb, $4, $5::pg_catalog.jsonb, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
					lengthof(args), args);
	catalog_end(&work);
}

void
tuning_close(const pg_uuid_t *tuning_id, const AddedVersion *added)
{
	CatalogWork work;
	CatalogArg	args[] = {arg_uuid(tuning_id), arg_uuid(&added->model_id), arg_int4(added->version)};

	catalog_begin(&work);
	catalog_execute("UPDATE mlops.tunings SET end_time = pg_catalog.clock_timestamp(), model_id = $2, version = $3 "
					"WHERE tuning_id = $1", lengthof(args), args);
	catalog_end(&work);
}
