/*
 * grants.c
 *	  Who may do what with a model.
 *
 * Roles are given by exact name, as to has_table_privilege, or as regrole;
 * 'public' is everybody.  Grants to roles that have been dropped are void (no
 * role is a member of them) until prune_grants removes them.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/access.h"
#include "pg/catalog_scan.h"
#include "registry/registry.h"

PG_FUNCTION_INFO_V1(mlops_grant_access);
PG_FUNCTION_INFO_V1(mlops_revoke_access);
PG_FUNCTION_INFO_V1(mlops_prune_grants);
PG_FUNCTION_INFO_V1(mlops_transfer_ownership);
PG_FUNCTION_INFO_V1(mlops_has_access_name);
PG_FUNCTION_INFO_V1(mlops_has_access_id);

static void
unknown_privilege(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown privilege \"%s\"", name),
			 errhint("The privileges are read, predict, write, approve and manage; 'all' stands for all of them.")));
}

/* Bits of a comma-separated list of privileges, or of 'all'. */
static unsigned
parse_privileges(const char *text)
{
	unsigned	mask = 0;
	char	   *rest = pstrdup(text);
	char	   *word;

	if (pg_strcasecmp(text, "all") == 0)
		return PRIVILEGE_ALL;
	while ((word = strsep(&rest, ",")) != NULL)
	{
		Privilege	privilege;
		char	   *end;

		word += strspn(word, " ");
		end = word + strlen(word);
		while (end > word && end[-1] == ' ')
			*--end = '\0';
		if (!privilege_lookup(word, &privilege))
			unknown_privilege(word);
		mask |= privilege;
	}
	return mask;
}

static ArrayType *
privilege_array(unsigned mask)
{
	Datum		names[PRIVILEGE_COUNT];
	int			count = 0;

	for (unsigned bit = 1; bit <= PRIVILEGE_ALL; bit <<= 1)
		if (mask & bit)
			names[count++] = CStringGetTextDatum(privilege_name((Privilege) bit));
	return construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Argument of type regrole or text. */
static Oid
role_argument(FunctionCallInfo fcinfo, int argno, const char *name, bool public_allowed)
{
	char	   *role;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	if (get_fn_expr_argtype(fcinfo->flinfo, argno) == REGROLEOID)
	{
		Oid			oid = PG_GETARG_OID(argno);

		if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(oid)))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("role with OID %u does not exist", oid)));
		return oid;
	}
	role = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	if (public_allowed && pg_strcasecmp(role, "public") == 0)
		return ACL_ID_PUBLIC;
	return get_role_oid(role, false);
}

static const char *
role_label(Oid role)
{
	return role == ACL_ID_PUBLIC ? "public" : GetUserNameFromId(role, false);
}

static char *
grant_detail(Oid role, const char *privileges)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"role\": ");
	escape_json(&json, role_label(role));
	appendStringInfoString(&json, ", \"privilege\": ");
	escape_json(&json, privileges);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* grant_access(model, role, privilege) */
Datum
mlops_grant_access(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	Oid			role = role_argument(fcinfo, 1, "role", true);
	char	   *privileges = registry_text(fcinfo, 2, "privilege");
	unsigned	mask = parse_privileges(privileges);
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.grant_access()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {
			arg_uuid(&target.model.model_id), arg_role(role),
			{TEXTARRAYOID, PointerGetDatum(privilege_array(mask)), false}, arg_role(target.user)
		};

		if (catalog_execute("INSERT INTO mlops.model_grants (model_id, grantee, privilege, granted_by) "
							"SELECT $1, $2, p.privilege, $4 FROM pg_catalog.unnest($3) AS p (privilege) "
							"ON CONFLICT DO NOTHING", lengthof(args), args) > 0)
			catalog_audit(target.user, "grant", &target.model.model_id, target.model.name, 0,
						  grant_detail(role, privileges));
	}
	catalog_end(&work);
	registry_changed();
	PG_RETURN_VOID();
}

/* revoke_access(model, role, privilege) */
Datum
mlops_revoke_access(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	Oid			role = role_argument(fcinfo, 1, "role", true);
	char	   *privileges = registry_text(fcinfo, 2, "privilege");
	unsigned	mask = parse_privileges(privileges);
	Registered	target;
	CatalogWork work;
	uint64		removed;

	registry_lock("mlops.revoke_access()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {
			arg_uuid(&target.model.model_id), arg_role(role),
			{TEXTARRAYOID, PointerGetDatum(privilege_array(mask)), false}
		};

		removed = catalog_execute("DELETE FROM mlops.model_grants WHERE model_id = $1 AND grantee = $2 "
								  "AND privilege = ANY ($3)", lengthof(args), args);
		if (removed > 0)
			catalog_audit(target.user, "revoke", &target.model.model_id, target.model.name, 0,
						  grant_detail(role, privileges));
	}
	catalog_end(&work);
	registry_changed();

	if (removed == 0)
		ereport(NOTICE,
				(errmsg("role \"%s\" was granted no such privilege on model \"%s\"", role_label(role), target.model.name)));
	if (role != ACL_ID_PUBLIC && has_privs_of_role(role, target.model.owner))
		ereport(NOTICE,
				(errmsg("role \"%s\" keeps every privilege on model \"%s\"", role_label(role), target.model.name),
				 errdetail("It is the owner, a member of the owner, or a superuser.")));
	PG_RETURN_VOID();
}

/* Ids of the models that the caller manages. */
static ArrayType *
managed_models(void)
{
	CatalogQuery query = {
		.table = "registered_models", .index = "registered_models_pkey",
		.ncolumns = 2, .columns = {"model_id", "owner"}
	};
	CatalogScan *scan;
	Datum		values[2];
	bool		isnull[2];
	ArrayBuildState *ids = initArrayResult(UUIDOID, CurrentMemoryContext, false);

	catalog_push_snapshot();
	scan = catalog_scan_begin(&query);
	while (catalog_scan_next(scan, values, isnull))
	{
		pg_uuid_t	model_id = *DatumGetUUIDP(values[0]);

		CHECK_FOR_INTERRUPTS();
		if (access_allowed(&model_id, DatumGetObjectId(values[1]), PRIVILEGE_MANAGE))
			accumArrayResult(ids, values[0], false, UUIDOID, CurrentMemoryContext);
	}
	catalog_scan_end(scan);
	catalog_pop_snapshot();
	return DatumGetArrayTypeP(makeArrayResult(ids, CurrentMemoryContext));
}

/* prune_grants(): removes grants to dropped roles on models that the caller manages */
Datum
mlops_prune_grants(PG_FUNCTION_ARGS)
{
	Oid			user = GetUserId();
	CatalogWork work;
	CatalogArg	args[2];
	uint64		removed;

	PreventCommandIfReadOnly("mlops.prune_grants()");
	PreventCommandIfParallelMode("mlops.prune_grants()");
	args[0] = (CatalogArg) {UUIDARRAYOID, PointerGetDatum(managed_models()), false};
	args[1] = arg_role(user);

	catalog_begin(&work);
	removed = catalog_execute("WITH gone AS (DELETE FROM mlops.model_grants g WHERE g.model_id = ANY ($1) AND g.grantee <> 0 "
							  "AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = g.grantee) "
							  "RETURNING g.model_id, g.grantee, g.privilege) "
							  "INSERT INTO mlops.audit_log (role, action, model_id, model, detail) "
							  "SELECT $2, 'revoke', m.model_id, m.name, pg_catalog.jsonb_build_object("
							  "'role', gone.grantee::pg_catalog.oid::pg_catalog.int8, 'privilege', gone.privilege, 'dropped', true) "
							  "FROM gone JOIN mlops.registered_models m USING (model_id)", lengthof(args), args);
	catalog_end(&work);
	PG_RETURN_INT64((int64) removed);
}

/* transfer_ownership(model, new_owner): like ALTER TABLE OWNER, by the owner, to a role that he can become */
Datum
mlops_transfer_ownership(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	Oid			owner = role_argument(fcinfo, 1, "new_owner", false);
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.transfer_ownership()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	if (!has_privs_of_role(target.user, target.model.owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", target.model.name)));
	if (!member_can_set_role(target.user, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be able to SET ROLE \"%s\"", GetUserNameFromId(owner, false)),
				 errhint("A superuser can transfer the model to any role.")));

	catalog_begin(&work);
	{
		CatalogArg	args[] = {arg_uuid(&target.model.model_id), arg_role(owner)};

		catalog_execute("UPDATE mlops.registered_models SET owner = $2, last_updated_time = pg_catalog.now() "
						"WHERE model_id = $1", lengthof(args), args);
		catalog_audit(target.user, "transfer", &target.model.model_id, target.model.name, 0,
					  registry_detail("owner", GetUserNameFromId(owner, false)));
	}
	catalog_end(&work);
	registry_changed();
	PG_RETURN_VOID();
}

/* Bits of a privilege, or of all for 'any'. */
static unsigned
wanted_privileges(FunctionCallInfo fcinfo, int argno)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	Privilege	privilege;

	if (pg_strcasecmp(name, "any") == 0)
		return PRIVILEGE_ALL;
	if (!privilege_lookup(name, &privilege))
		unknown_privilege(name);
	return privilege;
}

/* has_access(model text, privilege): false for models that do not exist, so that it tells nothing about hidden ones */
Datum
mlops_has_access_name(PG_FUNCTION_ARGS)
{
	unsigned	wanted = wanted_privileges(fcinfo, 1);
	ModelRef	ref;
	ModelRow	model;

	model_ref_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &ref);
	PG_RETURN_BOOL(catalog_find_model(ref.name, &model) &&
				   (access_mask(&model.model_id, model.owner) & wanted) != 0);
}

/* has_access(model_id uuid, privilege): the filter of the views; superusers also see what is left of dropped models */
Datum
mlops_has_access_id(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *model_id = PG_GETARG_UUID_P(0);
	unsigned	wanted = wanted_privileges(fcinfo, 1);
	ModelRow	model;

	if (!catalog_find_model_by_id(model_id, &model))
		PG_RETURN_BOOL(superuser_arg(GetUserId()));
	PG_RETURN_BOOL((access_mask(model_id, model.owner) & wanted) != 0);
}
