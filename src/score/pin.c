/*
 * pin.c
 *	  References in queries that Citus may send to its workers; see pin.h.
 *
 * A task runs in a session of its own on another node.  It may see a promotion
 * earlier or later than the other tasks of its query, and it does not see what
 * the query's own transaction has changed on another connection: 'churn' could
 * mean a version here and another one there.  So once mlops.citus_share() has
 * made copies of the registry, the coordinator's planner puts the version that
 * it finds into the query ('churn/3'), and workers take nothing else
 * (model_resolve.c).  Privileges are checked where the call runs, as ever.
 *
 * Citus' plans do not depend on the relations that a planner support function
 * adds, so a change of the registry drops all cached plans of the session.  A
 * plan made in a transaction that keeps its first snapshot may name what is
 * outdated already: it is dropped when the transaction ends.
 *
 * Cost: two lookups in system caches for a call; without Citus, one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "pg/access.h"
#include "pg/extension.h"
#include "pg/catalog_scan.h"
#include "pg/model_ref.h"
#include "score/pin.h"

static bool registered = false;
static Oid	versions_relation = InvalidOid;
static bool outdated_at_end = false;

static void
registry_changed_somewhere(Datum arg, Oid relation)
{
	if (!OidIsValid(relation) || relation == versions_relation)
		ResetPlanCache();
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (outdated_at_end && (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE))
	{
		outdated_at_end = false;
		ResetPlanCache();
	}
}

static void
watch(void)
{
	versions_relation = extension_relation("model_versions");
	if (!registered)
	{
		CacheRegisterRelcacheCallback(registry_changed_somewhere, (Datum) 0);
		RegisterXactCallback(end_of_transaction, NULL);
		registered = true;
	}
	if (IsolationUsesXactSnapshot())
		outdated_at_end = true;
}

FuncExpr *
pin_call(PlannerInfo *root, const FuncExpr *call)
{
	Const	   *reference = list_length(call->args) > 0 ? linitial(call->args) : NULL;
	FuncExpr   *pinned;
	ModelRef	ref;
	ResolvedModel resolved;
	char	   *name;

	/* without a root it is an expression that may be kept for longer than a plan */
	if (root == NULL || reference == NULL || !IsA(reference, Const) || reference->constisnull ||
		reference->consttype != TEXTOID || !ActiveSnapshotSet() || !catalog_is_copied())
		return NULL;
	watch();
	name = TextDatumGetCString(reference->constvalue);
	if (!model_ref_try_parse(name, &ref) || ref.kind == REF_VERSION ||
		!model_ref_try_resolve(name, PRIVILEGE_PREDICT, &resolved))
		return NULL;

	pinned = copyObject(unconstify(FuncExpr *, call));
	reference = linitial(pinned->args);
	reference->constvalue = CStringGetTextDatum(psprintf("%s/%d", resolved.model.name, resolved.version.version));
	return pinned;
}
