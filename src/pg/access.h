/*
 * access.h
 *	  Privileges on models.
 *
 * Every check uses GetUserId().
 */
#ifndef PG_ACCESS_H
#define PG_ACCESS_H

#include "postgres.h"

#include "utils/uuid.h"

typedef enum Privilege
{
	PRIVILEGE_READ = 1 << 0,	/* metrics, coefficients, profile, the value itself */
	PRIVILEGE_PREDICT = 1 << 1,
	PRIVILEGE_WRITE = 1 << 2,	/* new versions, aliases, tags */
	PRIVILEGE_MANAGE = 1 << 3,	/* promote, roll back, grant, drop */
	PRIVILEGE_APPROVE = 1 << 4	/* approve versions for Production */
} Privilege;

#define PRIVILEGE_ALL \
	((unsigned) (PRIVILEGE_READ | PRIVILEGE_PREDICT | PRIVILEGE_WRITE | PRIVILEGE_MANAGE | PRIVILEGE_APPROVE))
#define PRIVILEGE_COUNT 5

/* Whether GetUserId() may do this to the model: superuser, owner's member, or granted (membership honoured, PUBLIC = 0). */
extern bool access_allowed(const pg_uuid_t *model_id, Oid owner, Privilege privilege);
/* ERROR 42501 "permission denied for model \"x\"" with a detail naming the privilege; also LOG to the server log. */
extern void access_require(const pg_uuid_t *model_id, const char *name, Oid owner, Privilege privilege);
/* Bits of every privilege that GetUserId() has on the model, implied ones included: read gives predict, approve gives read, manage gives all. */
extern unsigned access_mask(const pg_uuid_t *model_id, Oid owner);
extern const char *privilege_name(Privilege privilege);
/* In any case of letters; false when there is no such privilege. */
extern bool privilege_lookup(const char *name, Privilege *privilege);

#endif							/* PG_ACCESS_H */
