/*
 * model_resolve.c
 *	  References against the catalog, and when an answer may be used again; see
 *	  model_ref.h and model_cache.h.
 *
 * A resolution is two or three index lookups and the privilege check.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/params.h"
#include "pg/catalog_scan.h"
#include "pg/extension.h"
#include "pg/model_cache.h"
#include "pg/model_ref.h"
#include "pg/pg_env.h"
#include "pg/value_text.h"

#define MEMO_ENTRIES 16
#define MEMO_TEXT 112			/* longer references are resolved each time */

/* Raised whenever a lookup under an equal snapshot could see other rows. */
static uint64 resolve_epoch = 1;

/* Answers that hold while their token equals the present one; replaced in turn. */
typedef struct ResolveMemo
{
	Size		length;			/* 0: unused */
	char		text[MEMO_TEXT];
	Privilege	privilege;
	ResolveToken token;
	ResolvedModel resolved;
} ResolveMemo;

static ResolveMemo memo[MEMO_ENTRIES];
static int	memo_next = 0;

/*
 * Only a transaction that wrote can change what an equal snapshot sees of its
 * own changes; what other sessions do changes the snapshot.
 */
static void
end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
				resolve_epoch++;
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			resolve_epoch++;
			break;
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			break;
	}
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId self, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		resolve_epoch++;
}

void
model_resolve_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
}

bool
resolve_token_take(ResolveToken *token)
{
	Snapshot	snapshot;

	if (!ActiveSnapshotSet())
		return false;
	snapshot = GetActiveSnapshot();
	token->xmin = snapshot->xmin;
	token->xmax = snapshot->xmax;
	token->xcnt = snapshot->xcnt;
	token->subxcnt = snapshot->subxcnt;
	token->curcid = snapshot->curcid;
	token->role = GetUserId();
	token->epoch = resolve_epoch;
	return true;
}

bool
resolve_token_equal(const ResolveToken *a, const ResolveToken *b)
{
	return a->xmin == b->xmin && a->xmax == b->xmax && a->xcnt == b->xcnt && a->subxcnt == b->subxcnt &&
		a->curcid == b->curcid && a->role == b->role && a->epoch == b->epoch;
}

const char *
stage_canonical(const char *stage)
{
	static const char *const stages[] = {"None", "Staging", "Production", "Archived"};
	const char *canonical = model_stage(stage);
	const char *nearest;

	if (canonical != NULL)
		return canonical;
	nearest = nearest_word(stage, stages, lengthof(stages));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown stage \"%s\"", stage),
			 nearest != NULL ?
			 errhint("Perhaps you meant %s. The stages are None, Staging, Production and Archived.", nearest) :
			 errhint("The stages are None, Staging, Production and Archived.")));
}

/* False when the time zone of a time is unknown. */
static bool
ref_from_name(const ModelName *name, ModelRef *ref)
{
	memset(ref, 0, sizeof(*ref));
	ref->kind = name->kind;
	ref->version = name->version;
	strlcpy(ref->name, name->name, sizeof(ref->name));
	strlcpy(ref->alias, name->alias, sizeof(ref->alias));
	if (name->stage != NULL)
		strlcpy(ref->stage, name->stage, sizeof(ref->stage));
	return name->kind != REF_TIME || iso_time_utc(&name->time, NULL, &ref->at);
}

void
model_ref_parse(const char *text, ModelRef *ref)
{
	PgEnv		env;
	ModelName	name;

	pg_env_init(&env, CurrentMemoryContext, 0, "model reference");
	pg_env_check(&env.core, model_name_parse(&env.core, text, &name));
	if (!ref_from_name(&name, ref))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model reference \"%s\": unknown time zone \"%s\"", text, name.time.zone_name),
				 errhint("Write an offset (+01:00) or a name of pg_timezone_names; without one the time is UTC.")));
}

bool
model_ref_try_parse(const char *text, ModelRef *ref)
{
	PgEnv		env;
	ModelName	name;

	pg_env_init(&env, CurrentMemoryContext, 0, "model reference");
	return model_name_parse(&env.core, text, &name) == CORE_OK && ref_from_name(&name, ref);
}

/* The version that `ref` means; false when there is none. */
static bool
find_version(const ModelRef *ref, const ModelRow *model, VersionRow *version)
{
	switch (ref->kind)
	{
		case REF_PRODUCTION:
			return catalog_find_production(&model->model_id, version);
		case REF_VERSION:
			return catalog_find_version(&model->model_id, ref->version, version);
		case REF_LATEST:
			return catalog_find_latest(&model->model_id, version);
		case REF_STAGE:
			return catalog_find_stage(&model->model_id, ref->stage, version);
		case REF_ALIAS:
			return catalog_find_alias(&model->model_id, ref->alias, version);
		case REF_TIME:
			return catalog_find_production_at(&model->model_id, ref->at, version);
	}
	return false;
}

static void
no_such_version(const ModelRef *ref, const ModelRow *model)
{
	const char *name = model->name;

	switch (ref->kind)
	{
		case REF_PRODUCTION:
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" has no version in Production", name),
					 model->last_version > 0 ?
					 errhint("Put one there with SELECT mlops.promote('%s', %d), or write '%s/latest' for the newest version.",
							 name, model->last_version, name) : 0));
			break;
		case REF_VERSION:
			catalog_unknown_version(model, ref->version);
			break;
		case REF_LATEST:
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" has no versions", name),
					 errhint("Train one with mlops.train('%s', ...).", name)));
			break;
		case REF_STAGE:
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" has no version in stage %s", name, ref->stage),
					 errhint("Put one there with mlops.promote('%s', version, '%s'), or write '%s/latest' for the newest version.",
							 name, ref->stage, name)));
			break;
		case REF_ALIAS:
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" has no alias \"%s\"", name, ref->alias),
					 errhint("Set it with mlops.set_alias('%s', '%s', version).", name, ref->alias)));
			break;
		case REF_TIME:
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" had no version in Production at %s", name, timestamptz_to_str(ref->at)),
					 errhint("A time without a zone is UTC. The view mlops.history shows what was in Production when.")));
			break;
	}
}

/* Reports what is wrong, or with `quiet` returns false. */
static bool
resolve(const char *text, Privilege privilege, bool quiet, ResolvedModel *resolved)
{
	ModelRef	ref;
	ModelRow   *model = &resolved->model;

	if (!quiet)
		model_ref_parse(text, &ref);
	else if (!model_ref_try_parse(text, &ref))
		return false;
	memset(resolved, 0, sizeof(*resolved));
	if (!catalog_find_model(ref.name, model))
	{
		if (quiet)
			return false;
		catalog_unknown_model(ref.name);
	}
	if (!quiet)
		access_require(&model->model_id, model->name, model->owner, privilege);
	else if (!access_allowed(&model->model_id, model->owner, privilege))
		return false;
	if (ref.kind != REF_VERSION && catalog_is_copy())
	{
		if (quiet)
			return false;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" may mean another version of the model on another node", text),
				 errhint("In what runs on workers of Citus name the version ('%s/1'), or pass the value: "
						 "mlops.predict((SELECT mlops.model_value('%s')), t).", model->name, text)));
	}
	if (!find_version(&ref, model, &resolved->version))
	{
		if (quiet)
			return false;
		no_such_version(&ref, model);
	}
	model_cache_watch(extension_relation("model_versions"));
	return true;
}

static const ResolvedModel *
memo_find(const char *text, Size length, Privilege privilege, const ResolveToken *token)
{
	for (int i = 0; i < MEMO_ENTRIES; i++)
	{
		if (memo[i].length == length && memcmp(memo[i].text, text, length) == 0 &&
			memo[i].privilege == privilege && resolve_token_equal(&memo[i].token, token))
			return &memo[i].resolved;
	}
	return NULL;
}

static void
memo_add(const char *text, Size length, Privilege privilege, const ResolveToken *token, const ResolvedModel *resolved)
{
	ResolveMemo *entry = &memo[memo_next];

	memo_next = (memo_next + 1) % MEMO_ENTRIES;
	entry->length = length;
	memcpy(entry->text, text, length);
	entry->privilege = privilege;
	entry->token = *token;
	entry->resolved = *resolved;
}

static bool
resolve_or_remember(const char *text, Privilege privilege, bool quiet, ResolvedModel *resolved)
{
	ResolveToken token;
	Size		length = strlen(text);
	bool		pushed = !ActiveSnapshotSet();
	bool		remember;
	bool		found = true;
	const ResolvedModel *known;

	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	remember = resolve_token_take(&token) && length > 0 && length <= MEMO_TEXT;
	known = remember ? memo_find(text, length, privilege, &token) : NULL;
	if (known != NULL)
		*resolved = *known;
	else
	{
		found = resolve(text, privilege, quiet, resolved);
		if (found && remember)
			memo_add(text, length, privilege, &token, resolved);
	}
	if (pushed)
		PopActiveSnapshot();
	return found;
}

void
model_ref_resolve(const char *text, Privilege privilege, ResolvedModel *resolved)
{
	(void) resolve_or_remember(text, privilege, false, resolved);
}

bool
model_ref_try_resolve(const char *text, Privilege privilege, ResolvedModel *resolved)
{
	return resolve_or_remember(text, privilege, true, resolved);
}
