/*
 * approvals.h
 *	  Approvals of versions by somebody else than their author.
 */
#ifndef REGISTRY_APPROVALS_H
#define REGISTRY_APPROVALS_H

#include "registry/registry.h"

/*
 * Whether target->version may enter Production as far as approvals go: the model
 * requires none, or it has one.  Approvals of roles that have been dropped, or
 * that lost the privilege since, count: they were valid when given.
 */
extern bool approval_satisfied(const Registered *target);

#endif							/* REGISTRY_APPROVALS_H */
