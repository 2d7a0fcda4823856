/*
 * predict.c
 *	  predict, predict_label, predict_proba: one row in, one result out.
 *
 * Each SQL name has two overloads, by reference and by value, of one C function:
 * model_ref_call tells them apart.  What is derived from model and arguments is
 * built once for a call site; a row then costs its conversion, the transform
 * and the score.  Results need memory only for labels and probabilities.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/row_plan.h"
#include "pg/compat.h"
#include "pg/pg_env.h"
#include "score/score.h"

PG_FUNCTION_INFO_V1(mlops_predict);
PG_FUNCTION_INFO_V1(mlops_predict_label);
PG_FUNCTION_INFO_V1(mlops_predict_proba);

#define HASTEN_ROWS 1000		/* rows after which a call site is one that scores many */

/* Hangs on the model's handle at this call site. */
typedef struct Scorer
{
	Features   *features;
	const Model *model;			/* that scores: the handle's, later perhaps a faster copy */
	int			rows;			/* scored so far, up to HASTEN_ROWS */
	RowPlan    *plan;
	double	   *scratch;			/* terms first */
	double	   *response;
	void	   *derived;		/* Scored.derived */
} Scorer;

static Scorer *
scorer_create(FunctionCallInfo fcinfo, int first, Oid forced_type, const ModelHandle *handle)
{
	Features   *features = features_create(fcinfo, first, handle, forced_type);
	Scorer	   *scorer = MemoryContextAllocZero(handle->context, sizeof(Scorer));
	PgEnv		env;

	scorer->features = features;
	scorer->model = handle->model;
	pg_env_init(&env, handle->context, 0, handle->name);
	pg_env_check(&env.core, row_plan_create(&env.core, handle->model->transform, &scorer->plan));
	scorer->scratch = MemoryContextAllocExtended(handle->context,
												 sizeof(double) * (Size) Max(model_scratch_size(handle->model), 1),
												 MCXT_ALLOC_HUGE);
	scorer->response = MemoryContextAllocExtended(handle->context,
												  sizeof(double) * (Size) Max(model_response_count(handle->model), 1),
												  MCXT_ALLOC_HUGE);
	return scorer;
}

/* Many rows are worth preparing for; nothing of it is shared between call sites, so that the cache of models stays small. */
static void
scorer_hasten(Scorer *scorer, const ModelHandle *handle)
{
	PgEnv		env;

	pg_env_init(&env, handle->context, 0, handle->name);
	pg_env_check(&env.core, model_hasten(&env.core, handle->model, &scorer->model));
}

bool
score_call(FunctionCallInfo fcinfo, int first, Oid forced_type, CheckTaskFn check_task, Scored *scored)
{
	const ModelHandle *handle;
	Scorer	   *scorer;

	if (PG_ARGISNULL(0))
		return false;
	handle = model_ref_call(fcinfo, 0, PRIVILEGE_PREDICT, &fcinfo->flinfo->fn_extra);
	scorer = *handle->attachment;
	if (scorer == NULL)
	{
		if (check_task != NULL)
			check_task(handle);
		*handle->attachment = scorer = scorer_create(fcinfo, first, forced_type, handle);
	}
	scored->handle = handle;
	scored->model = handle->model;
	scored->response = scorer->response;
	scored->terms = scorer->scratch;
	scored->margins = scorer->scratch + handle->model->transform->nterms;
	scored->derived = &scorer->derived;
	scored->values = features_read(scorer->features, fcinfo);
	if (scored->values == NULL)
		return false;
	row_plan_terms(scorer->plan, scored->values, scorer->scratch);
	if (scorer->rows < HASTEN_ROWS && ++scorer->rows == HASTEN_ROWS)
		scorer_hasten(scorer, handle);
	model_response_terms(scorer->model, scorer->scratch, scorer->scratch, scorer->response);
	return true;
}

static void
check_one_value(const ModelHandle *handle)
{
	if (handle->model->task == TASK_MULTICLASS)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" tells %d classes apart, which one number cannot say",
						handle->name, handle->model->target.nclasses),
				 errhint("Use mlops.predict_label() for the class or mlops.predict_proba() for the probabilities.")));
}

static void
check_label(const ModelHandle *handle)
{
	Task		task = handle->model->task;

	if (task == TASK_REGRESSION || task == TASK_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has no labels: its task is %s", handle->name, task_name(task)),
				 errhint("Use mlops.predict().")));
}

static void
check_classes(const ModelHandle *handle)
{
	Task		task = handle->model->task;

	if (task != TASK_BINARY && task != TASK_MULTICLASS)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has no class probabilities: its task is %s", handle->name, task_name(task)),
				 errhint("Use mlops.predict().")));
}

/* regression: the value; binary: P(positive class); clustering: the cluster; anomaly: the score */
Datum
mlops_predict(PG_FUNCTION_ARGS)
{
	Scored		scored;

	if (!score_call(fcinfo, 1, InvalidOid, check_one_value, &scored))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(scored.response[scored.model->task == TASK_BINARY ? scored.model->target.positive : 0]);
}

/* the class; clustering: the cluster's number */
Datum
mlops_predict_label(PG_FUNCTION_ARGS)
{
	Scored		scored;
	int			class;

	if (!score_call(fcinfo, 1, InvalidOid, check_label, &scored))
		PG_RETURN_NULL();
	if (isnan(scored.response[0]))
		PG_RETURN_NULL();		/* no class is more likely than another */
	class = model_class(scored.model, scored.response);
	if (scored.model->task == TASK_CLUSTERING)
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d", class)));
	PG_RETURN_TEXT_P(cstring_to_text(scored.model->target.classes[class]));
}

/* in the order of mlops.classes() */
Datum
mlops_predict_proba(PG_FUNCTION_ARGS)
{
	Scored		scored;
	int			count;
	Size		size;
	ArrayType  *array;

	if (!score_call(fcinfo, 1, InvalidOid, check_classes, &scored))
		PG_RETURN_NULL();
	count = model_response_count(scored.model);
	size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (Size) count;
	array = palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = count;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), scored.response, sizeof(float8) * (Size) count);
	PG_RETURN_ARRAYTYPE_P(array);
}
