/*
 * model_ref.h
 *	  From a reference ('churn', 'churn/3', 'churn@champion', …) or a value to a
 *	  decoded model, cached.
 *
 * A call site (one function call of one plan) remembers the models it has met.
 * What a reference resolved to is used again only while nothing that could
 * change the answer has happened: see ResolveToken in model_cache.h.
 */
#ifndef PG_MODEL_REF_H
#define PG_MODEL_REF_H

#include "postgres.h"

#include "fmgr.h"

#include "core/model.h"
#include "core/model_name.h"
#include "pg/access.h"
#include "pg/catalog.h"

typedef struct ModelRef
{
	RefKind		kind;
	char		name[64];
	int32		version;
	char		stage[16];		/* canonical spelling */
	char		alias[64];
	TimestampTz at;
} ModelRef;

/* ERROR 22023 with a hint listing the forms.  Accepts a "models:/" prefix. */
extern void model_ref_parse(const char *text, ModelRef *ref);
/* The same without an error: false when the text is no reference. */
extern bool model_ref_try_parse(const char *text, ModelRef *ref);
/* Canonical spelling of a stage, or ERROR 22023 naming the four. */
extern const char *stage_canonical(const char *stage);

typedef struct ResolvedModel
{
	ModelRow	model;
	VersionRow	version;
} ResolvedModel;

/* Index lookups under the active snapshot, privilege checked; ERROR 42704 / 42501 with hints. */
extern void model_ref_resolve(const char *text, Privilege privilege, ResolvedModel *resolved);

/* The same without an error: false when the text is no reference, nothing has that name, or the privilege is missing. */
extern bool model_ref_try_resolve(const char *text, Privilege privilege, ResolvedModel *resolved);

/*
 * A decoded model that stays valid until the end of the current call (pinned
 * by the call site).  By reference: resolved as model_resolve.c says, decoded models
 * shared in the backend by the SHA-256 we computed.  By value: cached per call
 * site only.
 */
typedef struct ModelHandle
{
	const Model *model;
	bool		by_value;
	ResolvedModel resolved;		/* by reference only */
	const char *name;			/* for messages: the registered name, or "(value)" */

	/*
	 * For what a caller derives from the model (readers, buffers): allocate it
	 * in `context` and hang it on *attachment, which is NULL whenever the model
	 * is new at this call site.  Both go together when the model changes.
	 */
	MemoryContext context;
	void	  **attachment;
} ModelHandle;

/*
 * The model named by argument `argno` (type text or mlops.model, not NULL) of
 * this call.  *slot, NULL at first, lives where the caller keeps its call-site
 * state, fn_extra itself included; what it points to lives in fn_mcxt.  The
 * privilege may be another one in each call.
 */
extern const ModelHandle *model_ref_call(FunctionCallInfo fcinfo, int argno, Privilege privilege, void **slot);
/* For callers without a call site: pinned or decoded for CurrentMemoryContext's lifetime. */
extern const ModelHandle *model_ref_open(const char *text, Privilege privilege);
extern const ModelHandle *model_value_open(Datum value);
/* As model_ref_open; NULL where model_ref_try_resolve says no. */
extern const ModelHandle *model_ref_find(const char *text, Privilege privilege);
/* The hash of a registry model's content as a bytea, in CurrentMemoryContext. */
extern Datum model_ref_sha256(const ModelHandle *handle);

extern void model_cache_init(void);	/* called by _PG_init: callbacks */

#endif							/* PG_MODEL_REF_H */
