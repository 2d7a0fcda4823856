/*
 * model_ref.h
 *	  From a reference ('churn', 'churn/3', 'churn@champion', …) or a value to a
 *	  decoded model, cached.
 */
#ifndef PG_MODEL_REF_H
#define PG_MODEL_REF_H

#include "postgres.h"

#include "fmgr.h"

#include "core/model.h"
#include "pg/access.h"
#include "pg/catalog.h"

typedef enum RefKind
{
	REF_PRODUCTION,				/* 'churn' */
	REF_VERSION,				/* 'churn/3' */
	REF_LATEST,					/* 'churn/latest' */
	REF_STAGE,					/* 'churn/Staging' */
	REF_ALIAS,					/* 'churn@champion' */
	REF_TIME					/* 'churn@2026-03-01' */
} RefKind;

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
/* Canonical spelling of a stage, or ERROR 22023 naming the four. */
extern const char *stage_canonical(const char *stage);

typedef struct ResolvedModel
{
	ModelRow	model;
	VersionRow	version;
} ResolvedModel;

/* Index lookups under the active snapshot, privilege checked; ERROR 42704 / 42501 with hints. */
extern void model_ref_resolve(const char *text, Privilege privilege, ResolvedModel *resolved);

/*
 * A decoded model that stays valid until the end of the current call (pinned
 * by the call site).  By reference: resolved per DESIGN.md §6, decoded models
 * shared in the backend by the SHA-256 we computed.  By value: cached per call
 * site only.
 */
typedef struct ModelHandle
{
	const Model *model;
	bool		by_value;
	ResolvedModel resolved;		/* by reference only */
} ModelHandle;

/* The model named by argument `argno` (type text or mlops.model) of this call; uses fn_extra through `slot`. */
extern const ModelHandle *model_ref_call(FunctionCallInfo fcinfo, int argno, Privilege privilege, void **slot);
/* For callers without a call site: decoded into CurrentMemoryContext's lifetime. */
extern const ModelHandle *model_ref_open(const char *text, Privilege privilege);
extern const ModelHandle *model_value_open(Datum value);

extern void model_cache_init(void);	/* called by _PG_init: callbacks */

#endif							/* PG_MODEL_REF_H */
