/*
 * model_cache.c
 *	  Decoded registry models of a backend; see model_cache.h.
 *
 * Keyed by the SHA-256 that we computed over the stored bytes, so an entry can
 * never be stale or somebody else's: what may be stale is only which hash a
 * reference means, and that is not kept here.  Least recently used entries go
 * when mlops.model_cache_size is exceeded; pinned ones stay.  A model that finds
 * no room even so is decoded into the context of whoever asked.
 *
 * Invalidations free memory only: at each invalidation of the table of versions
 * (promotions send one) entries that were not used since the last one go.
 *
 * A hit costs one hash lookup of 32 bytes; a miss reads, verifies and decodes
 * the bytes, once per backend.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "format/model_format.h"
#include "pg/guc.h"
#include "pg/encoding.h"
#include "pg/model_cache.h"
#include "pg/pg_env.h"

typedef struct CacheEntry
{
	CachedModel cached;
	int			pins;
	bool		used;			/* since the last invalidation */
	dlist_node	recency;		/* most recent first */
} CacheEntry;

typedef struct CacheSlot
{
	uint8		sha256[32];		/* hash key */
	CacheEntry *entry;
} CacheSlot;

typedef struct CachePin
{
	MemoryContextCallback callback;
	CacheEntry *entry;
} CachePin;

static MemoryContext cache_context = NULL;
static HTAB *cache_table = NULL;
static dlist_head cache_recency = DLIST_STATIC_INIT(cache_recency);
static Oid	versions_relation = InvalidOid;
static ModelCacheStats stats;

static void
entry_drop(CacheEntry *entry)
{
	Assert(entry->pins == 0);
	hash_search(cache_table, entry->cached.sha256, HASH_REMOVE, NULL);
	dlist_delete(&entry->recency);
	stats.models--;
	stats.bytes -= (int64) entry->cached.size;
	MemoryContextDelete(entry->cached.context);
}

static void
entry_unpin(void *arg)
{
	CacheEntry *entry = arg;

	Assert(entry->pins > 0);
	if (--entry->pins == 0)
		stats.pinned--;
}

static void
versions_invalidated(Datum arg, Oid relation)
{
	dlist_mutable_iter iter;

	if (OidIsValid(relation) && relation != versions_relation)
		return;
	dlist_foreach_modify(iter, &cache_recency)
	{
		CacheEntry *entry = dlist_container(CacheEntry, recency, iter.cur);

		if (entry->pins == 0 && !entry->used)
			entry_drop(entry);
		else
			entry->used = false;
	}
}

void
model_cache_watch(Oid relation)
{
	versions_relation = relation;
}

void
model_cache_init(void)
{
	model_resolve_init();
	CacheRegisterRelcacheCallback(versions_invalidated, (Datum) 0);
}

static void
cache_create(void)
{
	HASHCTL		control;

	if (cache_table != NULL)
		return;
	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "mlops model cache", ALLOCSET_DEFAULT_SIZES);
	memset(&control, 0, sizeof(control));
	control.keysize = sizeof(((CacheSlot *) NULL)->sha256);
	control.entrysize = sizeof(CacheSlot);
	control.hcxt = cache_context;
	cache_table = hash_create("mlops decoded models", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Drops unpinned entries, oldest first, until `size` more bytes fit; false when they cannot. */
static bool
make_room(Size size)
{
	int64		limit = (int64) guc_model_cache_kb * 1024;
	dlist_node *node;

	if ((int64) size > limit)
		return false;
	node = dlist_is_empty(&cache_recency) ? NULL : dlist_tail_node(&cache_recency);
	while (stats.bytes + (int64) size > limit && node != NULL)
	{
		CacheEntry *entry = dlist_container(CacheEntry, recency, node);

		node = dlist_has_prev(&cache_recency, node) ? dlist_prev_node(&cache_recency, node) : NULL;
		if (entry->pins == 0)
			entry_drop(entry);
	}
	return stats.bytes + (int64) size <= limit;
}

static void
entry_pin(CacheEntry *entry, CachePin *pin, MemoryContext context)
{
	pin->entry = entry;
	pin->callback.func = entry_unpin;
	pin->callback.arg = entry;
	MemoryContextRegisterResetCallback(context, &pin->callback);
	if (entry->pins++ == 0)
		stats.pinned++;
	entry->used = true;
	dlist_move_head(&cache_recency, &entry->recency);
}

const Model *
model_decode_in(MemoryContext parent, const uint8 *bytes, Size length, const char *name, bool stored, MemoryContext *context)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "mlops model", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	PgEnv		env;
	Model	   *model = NULL;
	CoreStatus	status;

	pg_env_init(&env, work, 0, "decoding a model");
	status = model_decode(&env.core, bytes, length, false, &model);
	if (status == CORE_CORRUPT)
		ereport(ERROR,
				(errcode(stored ? ERRCODE_DATA_CORRUPTED : ERRCODE_INVALID_BINARY_REPRESENTATION),
				 stored ? errmsg("stored bytes of model \"%s\" are damaged", name) : errmsg("value of type mlops.model is damaged"),
				 errdetail_internal("%s", env.core.message)));
	pg_env_check(&env.core, status);
	old = MemoryContextSwitchTo(work);
	model_text_from_utf8(model);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(work, parent);
	*context = work;
	return model;
}

/* Damage is found deep below; the message must still say whose bytes they are. */
static void
reading_context(void *arg)
{
	const ResolvedModel *resolved = arg;

	errcontext("reading version %d of model \"%s\"", resolved->version.version, resolved->model.name);
}

/* The entry for a model that is not in the table: decoded, and shared if there is room. */
static CacheEntry *
entry_create(const ResolvedModel *resolved, MemoryContext context, bool *shared)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "mlops model bytes", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	MemoryContext home;
	const Model *model;
	ErrorContextCallback callback = {error_context_stack, reading_context, unconstify(ResolvedModel *, resolved)};
	CacheEntry *entry;
	Size		length;
	uint8	   *bytes;

	error_context_stack = &callback;
	bytes = catalog_read_blob(resolved->version.sha256, &length);
	model = model_decode_in(scratch, bytes, length, resolved->model.name, true, &home);
	error_context_stack = callback.previous;
	entry = MemoryContextAllocZero(home, sizeof(CacheEntry));
	memcpy(entry->cached.sha256, resolved->version.sha256, sizeof(entry->cached.sha256));
	entry->cached.model = model;
	entry->cached.context = home;
	entry->cached.size = MemoryContextMemAllocated(home, true);
	stats.decodes++;

	cache_create();
	*shared = make_room(entry->cached.size);
	if (*shared)
	{
		bool		found;
		CacheSlot  *slot = hash_search(cache_table, entry->cached.sha256, HASH_ENTER, &found);

		/* no error can happen from here on */
		slot->entry = entry;
		dlist_push_head(&cache_recency, &entry->recency);
		stats.models++;
		stats.bytes += (int64) entry->cached.size;
		MemoryContextSetParent(home, cache_context);
	}
	else
		MemoryContextSetParent(home, context);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return entry;
}

const CachedModel *
model_cache_pin(const ResolvedModel *resolved, MemoryContext context)
{
	CachePin   *pin = MemoryContextAlloc(context, sizeof(CachePin));
	CacheSlot  *slot = NULL;
	CacheEntry *entry;
	bool		shared = true;

	if (cache_table != NULL)
		slot = hash_search(cache_table, resolved->version.sha256, HASH_FIND, NULL);
	if (slot != NULL)
	{
		entry = slot->entry;
		stats.hits++;
	}
	else
		entry = entry_create(resolved, context, &shared);
	if (shared)
		entry_pin(entry, pin, context);
	return &entry->cached;
}

ModelCacheStats
model_cache_stats(void)
{
	return stats;
}
