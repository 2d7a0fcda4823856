/*
 * type_model.h
 *	  The SQL types mlops.model and mlops.state: between Datums and the core.
 *
 * A value is a varlena whose bytes docs/MODEL_FORMAT.md specifies.  Stored
 * values are decoded with the same distrust as bytes from a client.
 * Strings inside a model are UTF-8 whatever the encoding of the database.
 */
#ifndef PG_TYPE_MODEL_H
#define PG_TYPE_MODEL_H

#include "postgres.h"

#include "core/linear_state.h"
#include "core/model.h"
#include "pg/pg_env.h"

/* A new mlops.model, palloc'd in env->context. */
extern Datum model_make_datum(PgEnv *env, const Model *model);
/* Decoded into env->context; ERROR XX001 if the bytes are no model. */
extern Model *model_from_datum(PgEnv *env, Datum value);

/* The same for mlops.state. */
extern Datum state_make_datum(PgEnv *env, const LinearState *state);
extern LinearState *state_from_datum(PgEnv *env, Datum value);

#endif							/* PG_TYPE_MODEL_H */
