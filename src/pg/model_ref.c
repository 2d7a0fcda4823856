/*
 * model_ref.c
 *	  The models that a call site has met; see model_ref.h.
 *
 * A call site keeps the models it has met, most recent first and hashed by key,
 * so that both one model for every row and one model per group are served
 * without decoding twice.  Together they take at most half of
 * mlops.model_cache_size.  Finding a model again costs one comparison of the
 * argument with the most recent key, else a hash.
 *
 * By reference: the key is the text; what it resolved to holds while its
 * ResolveToken equals the present one, and the decoded model stays while it
 * resolves to the same hash.  By value: the key is the argument's bytes as they
 * came, compared in full; for a value that is out of line they are its TOAST
 * pointer, which means the same content only under an equal snapshot.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/ilist.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "core/hash.h"
#include "pg/compat.h"
#include "pg/guc.h"
#include "pg/model_cache.h"
#include "pg/model_ref.h"

#define SITE_BUCKETS 256
#define SITE_MODEL_OVERHEAD (16 * 1024)	/* bytes of contexts, readers and buffers, roughly */

typedef struct SiteModel
{
	dlist_node	recency;		/* in RefSite.models */
	dlist_node	bucket;			/* in RefSite.buckets */
	MemoryContext context;		/* this struct, key, pin or decoded model, and what the caller attached */
	const char *key;
	Size		key_length;
	uint64		key_hash;
	Size		size;			/* bytes of the decoded model, the key and the overhead */
	bool		token_valid;	/* the key alone does not decide */
	ResolveToken token;
	ModelHandle handle;
	void	   *attachment;
} SiteModel;

typedef struct RefSite
{
	MemoryContext context;
	Privilege	privilege;
	bool		by_value;
	bool		constant;		/* the argument is a constant of the plan */
	int			count;
	Size		size;
	dlist_head	models;			/* most recent first */
	dlist_head *buckets;		/* by key_hash; from the second model on */
} RefSite;

/* Whether argument `argno` is a Const node. Parameters of PL/pgSQL change while fn_extra stays. */
static bool
argument_is_constant(FmgrInfo *flinfo, int argno)
{
	List	   *arguments;

	if (flinfo->fn_expr == NULL || !IsA(flinfo->fn_expr, FuncExpr))
		return false;
	arguments = ((FuncExpr *) flinfo->fn_expr)->args;
	return argno < list_length(arguments) && IsA(list_nth(arguments, argno), Const);
}

/* As declared: text or mlops.model; works without a parse tree as well. */
static bool
argument_is_reference(Oid function, int argno)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			type;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	type = ((Form_pg_proc) GETSTRUCT(tuple))->proargtypes.values[argno];
	ReleaseSysCache(tuple);
	return type == TEXTOID;
}

static RefSite *
site_create(FmgrInfo *flinfo, int argno, Privilege privilege)
{
	MemoryContext context = flinfo->fn_mcxt != NULL ? flinfo->fn_mcxt : CurrentMemoryContext;
	RefSite    *site = MemoryContextAllocZero(context, sizeof(RefSite));

	site->context = context;
	site->privilege = privilege;
	site->by_value = !argument_is_reference(flinfo->fn_oid, argno);
	site->constant = argument_is_constant(flinfo, argno);
	dlist_init(&site->models);
	return site;
}

static dlist_head *
site_bucket(const RefSite *site, uint64 hash)
{
	return &site->buckets[hash % SITE_BUCKETS];
}

static void
site_forget(RefSite *site, SiteModel *found)
{
	dlist_delete(&found->recency);
	if (site->buckets != NULL)
		dlist_delete(&found->bucket);
	site->count--;
	site->size -= found->size;
	MemoryContextDelete(found->context);
}

/* Forgets the least recent models until `size` more bytes fit. */
static void
site_trim(RefSite *site, Size size)
{
	while (site->count > 0 && site->size + size > (Size) guc_model_cache_kb * 1024 / 2)
		site_forget(site, dlist_tail_element(SiteModel, recency, &site->models));
}

static bool
key_equal(const SiteModel *model, const char *key, Size length)
{
	return model->key_length == length && memcmp(model->key, key, length) == 0;
}

/* The model with this key, moved to the front; NULL when the site has not met it. */
static SiteModel *
site_find(RefSite *site, const char *key, Size length)
{
	dlist_iter	iter;
	uint64		hash;

	if (dlist_is_empty(&site->models))
		return NULL;
	if (key_equal(dlist_head_element(SiteModel, recency, &site->models), key, length))
		return dlist_head_element(SiteModel, recency, &site->models);
	if (site->buckets == NULL)
		return NULL;
	hash = hash_bytes(key, length);
	dlist_foreach(iter, site_bucket(site, hash))
	{
		SiteModel  *model = dlist_container(SiteModel, bucket, iter.cur);

		if (model->key_hash == hash && key_equal(model, key, length))
		{
			dlist_move_head(&site->models, &model->recency);
			return model;
		}
	}
	return NULL;
}

/* A new member that the site does not list yet: an error until then leaves no trace of it. */
static SiteModel *
site_model_create(MemoryContext parent, const char *key, Size length)
{
	MemoryContext context = AllocSetContextCreate(parent, "mlops model of a call site", ALLOCSET_SMALL_SIZES);
	SiteModel  *model = MemoryContextAllocZero(context, sizeof(SiteModel));
	char	   *copy = MemoryContextAllocExtended(context, length + 1, MCXT_ALLOC_HUGE);

	memcpy(copy, key, length);
	copy[length] = '\0';
	model->context = context;
	model->key = copy;
	model->key_length = length;
	model->key_hash = hash_bytes(key, length);
	model->handle.context = context;
	model->handle.attachment = &model->attachment;
	return model;
}

static void
site_add(RefSite *site, SiteModel *model)
{
	model->size += model->key_length + SITE_MODEL_OVERHEAD;
	site_trim(site, model->size);
	if (site->count > 0 && site->buckets == NULL)
	{
		SiteModel  *first = dlist_head_element(SiteModel, recency, &site->models);

		Assert(site->count == 1);
		site->buckets = MemoryContextAlloc(site->context, sizeof(dlist_head) * SITE_BUCKETS);
		for (int i = 0; i < SITE_BUCKETS; i++)
			dlist_init(&site->buckets[i]);
		dlist_push_head(site_bucket(site, first->key_hash), &first->bucket);
	}
	MemoryContextSetParent(model->context, site->context);
	site->count++;
	site->size += model->size;
	dlist_push_head(&site->models, &model->recency);
	if (site->buckets != NULL)
		dlist_push_head(site_bucket(site, model->key_hash), &model->bucket);
}

/* Pins the decoded model of handle.resolved. */
static void
bind_reference(SiteModel *model)
{
	const CachedModel *cached = model_cache_pin(&model->handle.resolved, model->context);

	model->size = cached->size;
	model->handle.model = cached->model;
	model->handle.by_value = false;
	model->handle.name = model->handle.resolved.model.name;
}

static void
bind_value(SiteModel *model, struct varlena *value)
{
	struct varlena *flat = pg_detoast_datum_packed(value);
	MemoryContext decoded;

	model->handle.model = model_decode_in(model->context, (const uint8 *) VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat),
										  "(value)", false, &decoded);
	model->size = MemoryContextMemAllocated(decoded, true);
	model->handle.by_value = true;
	model->handle.name = "(value)";
	if (flat != value)
		pfree(flat);
}

static const ModelHandle *
call_reference(RefSite *site, Datum argument)
{
	text	   *reference = DatumGetTextPP(argument);
	const char *key = VARDATA_ANY(reference);
	Size		length = VARSIZE_ANY_EXHDR(reference);
	SiteModel  *model = site_find(site, key, length);
	SiteModel  *fresh;
	ResolveToken token;
	bool		token_valid = resolve_token_take(&token);
	ResolvedModel resolved;

	if (model != NULL && model->token_valid && token_valid && resolve_token_equal(&model->token, &token))
		return &model->handle;

	fresh = site_model_create(CurrentMemoryContext, key, length);
	model_ref_resolve(fresh->key, site->privilege, &resolved);
	if (model != NULL &&
		memcmp(model->handle.resolved.version.sha256, resolved.version.sha256, sizeof(resolved.version.sha256)) == 0)
	{
		/* the same content, perhaps under another version or name */
		model->handle.resolved = resolved;
		MemoryContextDelete(fresh->context);
		fresh = model;
	}
	else
	{
		fresh->handle.resolved = resolved;
		bind_reference(fresh);
		if (model != NULL)
			site_forget(site, model);
		site_add(site, fresh);
	}
	fresh->token = token;
	fresh->token_valid = token_valid;
	return &fresh->handle;
}

static const ModelHandle *
call_value(RefSite *site, Datum argument)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(argument);
	SiteModel  *model;
	SiteModel  *fresh;
	ResolveToken token;
	bool		token_needed;
	bool		token_valid;

	if (site->constant && site->count > 0)
		return &dlist_head_element(SiteModel, recency, &site->models)->handle;

	/* in memory, expanded or behind a pointer: nothing that could be compared */
	if (VARATT_IS_EXTERNAL(value) && !VARATT_IS_EXTERNAL_ONDISK(value))
		value = pg_detoast_datum(value);
	token_needed = VARATT_IS_EXTERNAL_ONDISK(value);
	token_valid = token_needed && resolve_token_take(&token);

	model = site_find(site, (const char *) value, VARSIZE_ANY(value));
	if (model != NULL &&
		(!token_needed || (token_valid && model->token_valid && resolve_token_equal(&model->token, &token))))
		return &model->handle;

	/* a constant is never compared, so its bytes need not be kept */
	fresh = site_model_create(CurrentMemoryContext, (const char *) value, site->constant ? 0 : VARSIZE_ANY(value));
	bind_value(fresh, value);
	fresh->token_valid = token_valid;
	if (token_valid)
		fresh->token = token;
	if (model != NULL)
		site_forget(site, model);
	site_add(site, fresh);
	return &fresh->handle;
}

/* What one privilege allowed says nothing about another: everything is resolved anew. */
static void
site_change_privilege(RefSite *site, Privilege privilege)
{
	dlist_iter	iter;

	site->privilege = privilege;
	dlist_foreach(iter, &site->models)
		dlist_container(SiteModel, recency, iter.cur)->token_valid = false;
}

const ModelHandle *
model_ref_call(FunctionCallInfo fcinfo, int argno, Privilege privilege, void **slot)
{
	RefSite    *site = *slot;

	Assert(!PG_ARGISNULL(argno));
	if (site == NULL)
	{
		site = site_create(fcinfo->flinfo, argno, privilege);
		/* a caller without a context for call sites gets what lives as long as the call */
		if (fcinfo->flinfo->fn_mcxt != NULL)
			*slot = site;
	}
	else if (site->privilege != privilege)
		site_change_privilege(site, privilege);
	return site->by_value ? call_value(site, PG_GETARG_DATUM(argno)) : call_reference(site, PG_GETARG_DATUM(argno));
}

const ModelHandle *
model_ref_open(const char *text, Privilege privilege)
{
	SiteModel  *model = site_model_create(CurrentMemoryContext, text, strlen(text));

	model_ref_resolve(text, privilege, &model->handle.resolved);
	bind_reference(model);
	return &model->handle;
}

const ModelHandle *
model_ref_find(const char *text, Privilege privilege)
{
	ResolvedModel resolved;
	SiteModel  *model;

	if (!model_ref_try_resolve(text, privilege, &resolved))
		return NULL;
	model = site_model_create(CurrentMemoryContext, text, strlen(text));
	model->handle.resolved = resolved;
	bind_reference(model);
	return &model->handle;
}

Datum
model_ref_sha256(const ModelHandle *handle)
{
	Size		length = sizeof(handle->resolved.version.sha256);
	bytea	   *value = palloc(length + VARHDRSZ);

	Assert(!handle->by_value);
	SET_VARSIZE(value, length + VARHDRSZ);
	memcpy(VARDATA(value), handle->resolved.version.sha256, length);
	return PointerGetDatum(value);
}

const ModelHandle *
model_value_open(Datum value)
{
	SiteModel  *model = site_model_create(CurrentMemoryContext, "", 0);

	bind_value(model, (struct varlena *) DatumGetPointer(value));
	return &model->handle;
}
