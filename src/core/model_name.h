/*
 * model_name.h
 *	  The grammar of model references, apart from any catalog.
 *
 *	reference := [ "models:/" ] name [ "/" which | "@" tag ]
 *	name      := [A-Za-z_][A-Za-z0-9_-]{0,62}
 *	which     := version number | latest | None | Staging | Production | Archived   (words in any case)
 *	tag       := alias, which starts with a letter: [A-Za-z][A-Za-z0-9_-]{0,62}
 *	           | time, which starts with a digit: see iso_time.h
 *
 * 'churn' is the Production version, 'churn/3', 'churn/latest', 'churn/Staging',
 * 'churn@champion', 'churn@2026-03-01': what was in Production then.
 */
#ifndef CORE_MODEL_NAME_H
#define CORE_MODEL_NAME_H

#include "core/iso_time.h"

#define MODEL_NAME_MAX 63		/* bytes of a model's name and of an alias */

typedef enum RefKind
{
	REF_PRODUCTION,				/* 'churn' */
	REF_VERSION,				/* 'churn/3' */
	REF_LATEST,					/* 'churn/latest' */
	REF_STAGE,					/* 'churn/Staging' */
	REF_ALIAS,					/* 'churn@champion' */
	REF_TIME					/* 'churn@2026-03-01' */
} RefKind;

typedef struct ModelName
{
	RefKind		kind;
	char		name[MODEL_NAME_MAX + 1];
	int32_t		version;		/* REF_VERSION: > 0 */
	const char *stage;			/* REF_STAGE: canonical spelling, static */
	char		alias[MODEL_NAME_MAX + 1];	/* REF_ALIAS */
	IsoTime		time;			/* REF_TIME */
} ModelName;

/* CORE_INVALID with the reason in the message and the forms in the hint. Allocates nothing. */
extern CoreStatus model_name_parse(CoreEnv *env, const char *text, ModelName *name);

/* Canonical spelling of a stage (static), or NULL. */
extern const char *model_stage(const char *text);

/* Whether text[length] is a valid model name; alias: the same but for a leading underscore. */
extern bool model_name_valid(const char *text, size_t length);
extern bool model_alias_valid(const char *text, size_t length);

#endif							/* CORE_MODEL_NAME_H */
