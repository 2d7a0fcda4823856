/*
 * tune.c
 *	  mlops.tune and mlops.run_tuning: a search for parameters.
 *
 * The source is read once, into private memory that outlives transactions where
 * the procedure commits.  Rows that the split holds out take no part in the
 * search: trials are compared on folds of the training rows, the best is fitted
 * on all of them, and its metrics on the held-out rows are as honest as those of
 * a plain training.  What is registered is that plain training, byte for byte.
 *
 * A trial that fails for reasons of its own (data, parameters, memory) is
 * recorded as such and the search goes on; cancels and everything else end it.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/compat.h"
#include "pg/guc.h"
#include "pg/params_json.h"
#include "pg/progress.h"
#include "pg/subtransaction.h"
#include "train/cross_validate.h"
#include "train/profile.h"
#include "train/tune_record.h"
#include "train/tune_space.h"

#define DEFAULT_FOLDS 5

PG_FUNCTION_INFO_V1(mlops_tune);
PG_FUNCTION_INFO_V1(mlops_run_tuning);

/* Order of arguments in sql/47_tune.sql; the procedure has tuning_id first. */
enum
{
	ARG_SPACE = 4,
	ARG_STRATEGY,
	ARG_N_TRIALS,
	ARG_METRIC,
	ARG_FOLDS,
	ARG_HOLDOUT,
	ARG_TUNING_ID = 23,
	ARG_COUNT
};

typedef struct Tuning
{
	PgEnv		env;
	const char *function;
	bool		commits;		/* after each trial */
	TrainInput	input;
	TrainArguments arguments;
	Jsonb	   *fixed;			/* argument params */
	TrialList	list;
	TrialRecord *trials;
	char	   *metric;			/* NULL: chosen by task */
	bool		more_is_better;
	int			folds;			/* 0: holdout */
	double		holdout;
	TuningRecord record;
	char		digest[FINGERPRINT_DIGITS + 1];
	DatasetResult rows;
	Source	   *source;
	Folds		assigned;
} Tuning;

static const struct
{
	const char *name;
	bool		more_is_better;
}			objectives[] = {
	{"roc_auc", true}, {"accuracy", true}, {"precision", true}, {"recall", true}, {"f1_score", true},
	{"average_precision", true}, {"r2_score", true}, {"explained_variance", true},
	{"log_loss", false}, {"brier_score", false}, {"mean_absolute_error", false}, {"mean_squared_error", false},
	{"root_mean_squared_error", false}, {"mean_squared_log_error", false}, {"median_absolute_error", false},
	{"mean_absolute_percentage_error", false}
};

/* ---------- arguments ---------- */

static Datum
argument(FunctionCallInfo fcinfo, const Tuning *tuning, int i, bool *isnull)
{
	int			place = !tuning->commits ? i : i == ARG_TUNING_ID ? 0 : i + 1;

	*isnull = PG_ARGISNULL(place);
	return PG_GETARG_DATUM(place);
}

static Datum
required(FunctionCallInfo fcinfo, const Tuning *tuning, int i, const char *name)
{
	bool		isnull;
	Datum		value = argument(fcinfo, tuning, i, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" of %s must not be null", name, tuning->function)));
	return value;
}

static void
choose_metric(Tuning *tuning, const char *name)
{
	const char *names[lengthof(objectives)];
	const char *near;

	for (int i = 0; i < (int) lengthof(objectives); i++)
	{
		names[i] = objectives[i].name;
		if (strcmp(name, names[i]) != 0)
			continue;
		tuning->metric = pstrdup(name);
		tuning->more_is_better = objectives[i].more_is_better;
		return;
	}
	near = nearest_word(name, names, lengthof(objectives));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("metric \"%s\" cannot be searched by", name),
			 near != NULL ? errhint("Perhaps you meant \"%s\".", near)
			 : errhint("Metrics have the names that mlops.evaluate shows.")));
}

static void
read_folds(FunctionCallInfo fcinfo, Tuning *tuning)
{
	bool		no_folds;
	bool		no_holdout;
	Datum		folds = argument(fcinfo, tuning, ARG_FOLDS, &no_folds);
	Datum		holdout = argument(fcinfo, tuning, ARG_HOLDOUT, &no_holdout);

	if (!no_folds && !no_holdout)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"folds\" and \"holdout\" cannot both be given")));
	if (no_holdout)
	{
		tuning->folds = no_folds ? DEFAULT_FOLDS : DatumGetInt32(folds);
		folds_check_count(tuning->folds);
		return;
	}
	tuning->holdout = DatumGetFloat8(holdout);
	if (!(tuning->holdout > 0 && tuning->holdout <= 0.9))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"holdout\" must be above 0 and at most 0.9, not %g", tuning->holdout)));
}

/* Parameters of a trial on top of the fixed ones; ERROR for what the algorithm does not take. */
static void
trial_params(Tuning *tuning, int trial, ParamSet *params)
{
	CoreEnv    *core = &tuning->env.core;
	const Algorithm *algorithm = tuning->arguments.algorithm;

	pg_env_check(core, params_init(core, params, algorithm->name, algorithm->params));
	params_from_jsonb(core, params, tuning->fixed);
	params_from_jsonb(core, params,
					  DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(tuning->list.params[trial]))));
}

static void
append_jsonb(StringInfo out, const char *name, Jsonb *json)
{
	appendStringInfo(out, ", \"%s\": ", name);
	(void) JsonbToCString(out, &json->root, VARSIZE(json));
}

/* Everything that decides what a trial is, for a later call to compare. */
static char *
record_arguments(const Tuning *tuning, Jsonb *space, const char *strategy)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"train\": %s", tuning->arguments.arguments_json);
	append_jsonb(&out, "space", space);
	appendStringInfoString(&out, ", \"strategy\": ");
	escape_json(&out, strategy);
	if (tuning->metric != NULL)
		appendStringInfo(&out, ", \"metric\": \"%s\"", tuning->metric);
	if (tuning->folds > 0)
		appendStringInfo(&out, ", \"folds\": %d}", tuning->folds);
	else
		appendStringInfo(&out, ", \"holdout\": %s}", double_to_shortest_decimal(tuning->holdout));
	return out.data;
}

static void
read_arguments(FunctionCallInfo fcinfo, Tuning *tuning)
{
	static const TrainArgument order[] = {
		TRAIN_ARG_MODEL, TRAIN_ARG_SOURCE, TRAIN_ARG_TARGET, TRAIN_ARG_ALGORITHM, TRAIN_ARG_COUNT, TRAIN_ARG_COUNT,
		TRAIN_ARG_COUNT, TRAIN_ARG_COUNT, TRAIN_ARG_COUNT, TRAIN_ARG_COUNT, TRAIN_ARG_PARAMS, TRAIN_ARG_FEATURES,
		TRAIN_ARG_EXCLUDE, TRAIN_ARG_KEY, TRAIN_ARG_WEIGHT, TRAIN_ARG_TASK, TRAIN_ARG_POSITIVE, TRAIN_ARG_THRESHOLD,
		TRAIN_ARG_CALIBRATE, TRAIN_ARG_SPLIT, TRAIN_ARG_TRANSFORM, TRAIN_ARG_SEED, TRAIN_ARG_TAGS, TRAIN_ARG_COUNT
	};
	TrainArgument shifted[lengthof(order)];
	Jsonb	   *space;
	char	   *strategy;
	bool		isnull;
	Datum		value;
	int			n_trials;

	for (int i = 0; i < (int) lengthof(order); i++)
		shifted[tuning->commits ? (i == ARG_TUNING_ID ? 0 : i + 1) : i] = order[i];
	train_input_from_call(&tuning->input, fcinfo, tuning->function, shifted, lengthof(shifted));
	train_arguments_read(&tuning->env.core, &tuning->input, &tuning->arguments);
	tuning->source = train_open_source(&tuning->env.core, &tuning->input, &tuning->arguments);
	if (tuning->arguments.target == NULL)
		(void) required(fcinfo, tuning, 2, "target");
	tuning->fixed = DatumGetJsonbP(tuning->input.values[TRAIN_ARG_PARAMS]);

	space = DatumGetJsonbP(required(fcinfo, tuning, ARG_SPACE, "space"));
	strategy = text_to_cstring(DatumGetTextPP(required(fcinfo, tuning, ARG_STRATEGY, "strategy")));
	value = argument(fcinfo, tuning, ARG_N_TRIALS, &isnull);
	n_trials = isnull ? 0 : DatumGetInt32(value);
	if (!isnull && (n_trials < 1 || n_trials > TUNE_MAX_TRIALS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"n_trials\" must be between 1 and %d, not %d", TUNE_MAX_TRIALS, n_trials)));
	tune_space_trials(space, tuning->arguments.algorithm, search_strategy(strategy), n_trials, tuning->arguments.seed,
					  &tuning->list);
	tuning->trials = palloc0(sizeof(TrialRecord) * tuning->list.count);
	for (int i = 0; i < tuning->list.count; i++)
	{
		ParamSet	params;

		trial_params(tuning, i, &params);
		tuning->trials[i].params = tuning->list.params[i];
	}
	value = argument(fcinfo, tuning, ARG_METRIC, &isnull);
	if (!isnull)
		choose_metric(tuning, TextDatumGetCString(value));
	read_folds(fcinfo, tuning);

	value = argument(fcinfo, tuning, ARG_TUNING_ID, &isnull);
	if (isnull)
		tuning_id_make(&tuning->record.tuning_id);
	else
		tuning->record.tuning_id = *DatumGetUUIDP(value);
	tuning->record.arguments_json = record_arguments(tuning, space, strategy);
}

/* ---------- rows ---------- */

static void
read_rows(Tuning *tuning)
{
	DatasetRequest request;
	SplitSpec  *split = &tuning->arguments.split;

	train_request(&tuning->arguments, split, &request);
	request.keep_split = true;
	request.fingerprint = true;
	request.private_memory |= tuning->commits;
	dataset_read(&tuning->env, tuning->source, &request, &tuning->rows);
	if (tuning->metric == NULL)
		choose_metric(tuning, tuning->rows.task == TASK_REGRESSION ? "r2_score" :
					  tuning->rows.task == TASK_BINARY ? "roc_auc" : "log_loss");
	if (tuning->folds > 0)
		folds_assign(&tuning->env, split, &tuning->rows, tuning->folds, tuning->arguments.seed, &tuning->assigned);
	else
		folds_holdout(&tuning->env, split, &tuning->rows, tuning->holdout, tuning->arguments.seed, &tuning->assigned);
	fingerprint_text(&tuning->rows.fingerprint, tuning->digest);
	tuning->record.digest = tuning->digest;
}

/* ---------- trials ---------- */

static double
mean_of(const FoldResult *results, int count, int metric)
{
	double		sum = 0;

	for (int k = 0; k < count; k++)
		sum += results[k].metrics[metric].value;
	return sum / count;
}

static void
summarise(const Tuning *tuning, const FoldResult *results, TrialRecord *trial)
{
	int			count = tuning->assigned.count;
	int			nmetrics = results[0].nmetrics;
	Metric		means[METRIC_MAX];
	StringInfoData json;
	double		value;

	initStringInfo(&json);
	trial->training_loss = 0;
	for (int i = 0; i < nmetrics; i++)
	{
		means[i] = results[0].metrics[i];
		means[i].value = mean_of(results, count, i);
		appendStringInfo(&json, "%s\"%s\": ", i > 0 ? ", " : "{", means[i].name);
		json_append_number(&json, means[i].value);
	}
	appendStringInfoChar(&json, '}');
	for (int k = 0; k < count; k++)
		trial->training_loss += results[k].training_loss / count;
	trial->eval_loss = metric_value(means, nmetrics, loss_metric(tuning->rows.task));
	trial->metrics_json = json.data;
	value = metric_value(means, nmetrics, tuning->metric);
	trial->score = tuning->more_is_better ? value : -value;
	trial->succeeded = !isnan(value);
	if (!trial->succeeded)
		trial->error = psprintf("metric %s is undefined", tuning->metric);
}

static void
run_trial(Tuning *tuning, int number, TrialRecord *trial)
{
	MemoryContext outer = CurrentMemoryContext;
	TrainArguments arguments = tuning->arguments;
	FoldResult *results = palloc0(sizeof(FoldResult) * tuning->assigned.count);
	PgEnv		own = tuning->env;

	own.core.context = &own;
	own.context = AllocSetContextCreate(outer, "mlops trial", ALLOCSET_DEFAULT_SIZES);
	trial_params(tuning, number, &arguments.params);
	folds_evaluate(&own, &arguments, &tuning->rows, &tuning->assigned, true, results);
	MemoryContextDelete(own.context);
	summarise(tuning, results, trial);
}

/* Is this the trial's own trouble, so that the next may do better? */
static bool
is_failure(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED || sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED;
}

typedef struct TrialJob
{
	Tuning	   *tuning;
	int			number;
	TrialRecord *trial;
} TrialJob;

static void
run_job(void *context)
{
	TrialJob   *job = context;

	run_trial(job->tuning, job->number, job->trial);
}

static void
try_trial(Tuning *tuning, int number, TrialRecord *trial)
{
	TimestampTz started = GetCurrentTimestamp();
	TrialJob	job = {tuning, number, trial};
	ErrorData  *error = subtransaction_run(run_job, &job);

	if (error != NULL)
	{
		if (!is_failure(error->sqlerrcode))
			ReThrowError(error);
		trial->succeeded = false;
		trial->score = trial->training_loss = trial->eval_loss = NAN;
		trial->error = error->message;
	}
	trial->done = true;
	trial->seconds = (double) (GetCurrentTimestamp() - started) / 1e6;
}

/* What the caller may do is looked at again: other sessions may have changed it. */
static void
commit_work(Tuning *tuning)
{
	if (!tuning->commits)
		return;
	progress_end();
	SPI_commit();
	EnsurePortalSnapshotExists();
	catalog_check_new_version(tuning->arguments.model);
}

/* Returns how many were run now. */
static int
run_trials(Tuning *tuning)
{
	int			count = 0;

	for (int i = 0; i < tuning->list.count; i++)
	{
		TrialRecord *trial = &tuning->trials[i];
		char	   *subject = psprintf("%s (trial %d of %d)", tuning->arguments.model, i + 1, tuning->list.count);

		CHECK_FOR_INTERRUPTS();
		if (trial->done)
			continue;
		progress_begin(subject, tuning->arguments.algorithm->name);
		try_trial(tuning, i, trial);
		progress_end();
		tuning_add_trial(&tuning->record.tuning_id, i + 1, trial);
		commit_work(tuning);
		count++;
	}
	return count;
}

static int
best_trial(const Tuning *tuning)
{
	int			best = -1;

	for (int i = 0; i < tuning->list.count; i++)
		if (tuning->trials[i].succeeded && (best < 0 || tuning->trials[i].score > tuning->trials[best].score))
			best = i;
	if (best < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no trial for model \"%s\" succeeded", tuning->arguments.model),
				 tuning->trials[0].error != NULL ? errdetail("The first one: %s.", tuning->trials[0].error) : 0));
	return best;
}

/* ---------- the best of them ---------- */

/* The two objects joined; names are distinct, ParamSet has seen to it. */
static Datum
joined_params(const Tuning *tuning, int trial)
{
	Datum		added = DirectFunctionCall1(jsonb_in, CStringGetDatum(tuning->list.params[trial]));

	return DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(tuning->fixed), added);
}

static Datum
joined_tags(const Tuning *tuning)
{
	char	   *id = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&tuning->record.tuning_id)));
	Datum		added = DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"tuning_id\": \"%s\"}", id)));

	return DirectFunctionCall2(jsonb_concat, tuning->input.values[TRAIN_ARG_TAGS], added);
}

/* The arguments of mlops.train that would give this version. */
static void
final_arguments(Tuning *tuning, int best, TrainArguments *arguments)
{
	TrainInput	input = tuning->input;
	SplitSpec	split = tuning->arguments.split;

	train_input_set(&input, TRAIN_ARG_PARAMS, joined_params(tuning, best));
	train_input_set(&input, TRAIN_ARG_TAGS, joined_tags(tuning));
	train_arguments_read(&tuning->env.core, &input, arguments);
	arguments->split = split;	/* what reading the rows has settled */
}

static void
tune(Tuning *tuning, ReturnSetInfo *result)
{
	TrainArguments final;
	Metric		metrics[METRIC_MAX];
	int			nmetrics;
	int			best;
	int32		version;
	int64		rows_test;
	char	   *profile;
	Model	   *model;
	AddedVersion added;
	double		seconds;
	Datum		values[11];
	bool		nulls[11] = {false};

	tuning->record.started = GetCurrentTimestamp();
	tuning->record.model = tuning->arguments.model;
	tuning->record.algorithm = tuning->arguments.algorithm->name;
	catalog_check_new_version(tuning->arguments.model);
	progress_begin(tuning->arguments.model, tuning->arguments.algorithm->name);
	read_rows(tuning);
	progress_end();
	tuning->record.metric = tuning->metric;
	version = tuning_open(&tuning->record, tuning->trials, tuning->list.count);
	commit_work(tuning);

	if (run_trials(tuning) == 0 && version > 0)
	{
		ereport(NOTICE,
				(errmsg("nothing is left to try: the best of these trials is version %d of model \"%s\"", version,
						tuning->arguments.model),
				 errhint("Ask for more trials with n_trials.")));
		return;
	}
	best = best_trial(tuning);
	progress_begin(tuning->arguments.model, tuning->arguments.algorithm->name);
	final_arguments(tuning, best, &final);
	profile = profile_json(&tuning->env, source_descriptor(tuning->source), &tuning->rows);
	rows_test = tuning->rows.data.nrows - tuning->rows.data.ntrain;
	train_warn_leaks(&tuning->env, &tuning->rows.data, tuning->rows.task);
	model = train_fit(&tuning->env, &final, &tuning->rows, metrics, &nmetrics);
	seconds = train_store(&tuning->env, &final, tuning->source, model, &tuning->rows, profile, rows_test, metrics, nmetrics,
						  tuning->record.started, &added);
	tuning_close(&tuning->record.tuning_id, &added);
	progress_end();
	if (result == NULL)
		return;

	values[0] = CStringGetTextDatum(final.model);
	values[1] = Int32GetDatum(added.version);
	values[2] = UUIDPGetDatum(&added.run_uuid);
	values[3] = UUIDPGetDatum(&tuning->record.tuning_id);
	values[4] = Int32GetDatum(tuning->list.count);
	values[5] = Int32GetDatum(best + 1);
	values[6] = DirectFunctionCall1(jsonb_in, CStringGetDatum(tuning->list.params[best]));
	values[7] = CStringGetTextDatum(tuning->metric);
	values[8] = Float8GetDatum(tuning->more_is_better ? tuning->trials[best].score : -tuning->trials[best].score);
	values[9] = train_metrics_jsonb(metrics, nmetrics);
	values[10] = Float8GetDatum(seconds);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Tuning *
tuning_begin(FunctionCallInfo fcinfo, MemoryContext job, bool commits)
{
	Tuning	   *tuning = palloc0(sizeof(Tuning));

	tuning->commits = commits;
	tuning->function = commits ? "mlops.run_tuning" : "mlops.tune";
	pg_env_init(&tuning->env, job, (Size) guc_train_memory_kb * 1024, NULL);
	read_arguments(fcinfo, tuning);
	tuning->env.object = tuning->arguments.model;
	return tuning;
}

Datum
mlops_tune(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext job = AllocSetContextCreate(caller, "mlops tune", ALLOCSET_DEFAULT_SIZES);

	InitMaterializedSRF(fcinfo, 0);
	MemoryContextSwitchTo(job);
	tune(tuning_begin(fcinfo, job, false), (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(job);
	return (Datum) 0;
}

Datum
mlops_run_tuning(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext job = AllocSetContextCreate(PortalContext, "mlops run_tuning", ALLOCSET_DEFAULT_SIZES);
	Tuning	   *tuning;

	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || ((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("mlops.run_tuning cannot run inside a transaction block"),
				 errdetail("It commits after each trial."),
				 errhint("Use mlops.tune, which does the same in one transaction.")));
	MemoryContextSwitchTo(job);
	tuning = tuning_begin(fcinfo, job, true);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(job);
	tune(tuning, NULL);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(job);
	return (Datum) 0;
}
