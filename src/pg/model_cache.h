/*
 * model_cache.h
 *	  Behind model_ref.h: when an answer may be used again, and decoded models.
 */
#ifndef PG_MODEL_CACHE_H
#define PG_MODEL_CACHE_H

#include "postgres.h"

#include "core/model.h"
#include "pg/model_ref.h"

/*
 * What a catalog lookup depended on.  Two tokens are equal only if the lookup
 * would see the same rows with the same rights:
 *
 * - xmin, xmax, xcnt, subxcnt of the active snapshot.  Whatever completes,
 *   commits of other sessions and of our own included, either raises xmax or
 *   takes a transaction in progress below it away; and below a given xmax those
 *   in progress can only become fewer, so equal counts mean equal sets.  (The
 *   completion counter that the server keeps for this is zero in copied
 *   snapshots, and active snapshots are copies.)
 * - curcid, for what our own transaction has done.
 * - the epoch, which our transaction callbacks raise: curcid is the same before
 *   and after a subtransaction that rolls back, and the next transaction can
 *   start with the snapshot and curcid of one that wrote later on.
 * - the role: privileges are part of the answer.
 *
 * Nothing here expires with a transaction that only read, so a session's
 * statements share answers as long as nobody writes.
 */
typedef struct ResolveToken
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
	Oid			role;
	uint64		epoch;
} ResolveToken;

extern void model_resolve_init(void);	/* registers the callbacks */

/* False when there is no active snapshot: then nothing may be used again. */
extern bool resolve_token_take(ResolveToken *token);
extern bool resolve_token_equal(const ResolveToken *a, const ResolveToken *b);

/* A decoded registry model; `size` counts against mlops.model_cache_size when shared. */
typedef struct CachedModel CachedModel;
struct CachedModel
{
	uint8		sha256[32];
	const Model *model;
	MemoryContext context;
	Size		size;
};

/*
 * The decoded model of a version, pinned until `context` is reset or deleted.
 * Models that find no room in the cache live in `context` itself.  ERROR XX001
 * naming the model when the stored bytes are damaged.
 */
extern const CachedModel *model_cache_pin(const ResolvedModel *resolved, MemoryContext context);

/* The table whose invalidation tells that versions have changed. */
extern void model_cache_watch(Oid relation);

/*
 * Decodes bytes (without varlena header) into a new child of `parent`; `name`
 * is for messages.  *context is the child.  ERROR leaves nothing behind.
 */
extern const Model *model_decode_in(MemoryContext parent, const uint8 *bytes, Size length, const char *name, bool stored, MemoryContext *context);

/* Counters for tests: models in the cache, their bytes, pins, hits, decodes. */
typedef struct ModelCacheStats
{
	int64		models;
	int64		bytes;
	int64		pinned;
	int64		hits;
	int64		decodes;
} ModelCacheStats;

extern ModelCacheStats model_cache_stats(void);

#endif							/* PG_MODEL_CACHE_H */
