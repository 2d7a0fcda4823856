/*
 * approvals.c
 *	  Approvals of versions by somebody else than their author; see approvals.h.
 *
 * An approval is of one version and its bytes, which never change.  The author
 * cannot give it, whatever his privileges; a superuser who is not the author can.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"

#include "registry/approvals.h"

PG_FUNCTION_INFO_V1(mlops_require_approval);
PG_FUNCTION_INFO_V1(mlops_approve);
PG_FUNCTION_INFO_V1(mlops_withdraw_approval);

bool
approval_satisfied(const Registered *target)
{
	CatalogArg	args[] = {arg_uuid(&target->model.model_id), arg_int4(target->version.version)};
	CatalogWork work;
	bool		satisfied;

	catalog_begin(&work);
	satisfied = catalog_execute("SELECT 1 FROM mlops.registered_models m JOIN mlops.model_versions v USING (model_id) "
								"WHERE m.model_id = $1 AND v.version = $2 AND (NOT m.require_approval "
								"OR EXISTS (SELECT FROM mlops.approvals a WHERE a.model_id = v.model_id "
								"AND a.version = v.version AND a.approver <> v.user_id))", lengthof(args), args) > 0;
	catalog_end(&work);
	return satisfied;
}

/* require_approval(model, required) */
Datum
mlops_require_approval(PG_FUNCTION_ARGS)
{
	char	   *name = registry_bare_name(registry_text(fcinfo, 0, "model"));
	Registered	target;
	CatalogWork work;
	bool		required;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"required\" must not be null")));
	required = PG_GETARG_BOOL(1);
	registry_lock("mlops.require_approval()", name, 0, BARE_NAME_MODEL, PRIVILEGE_MANAGE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {arg_uuid(&target.model.model_id), arg_bool(required)};

		if (catalog_execute("UPDATE mlops.registered_models SET require_approval = $2, last_updated_time = pg_catalog.now() "
							"WHERE model_id = $1 AND require_approval <> $2", lengthof(args), args) > 0)
			catalog_audit(target.user, "require_approval", &target.model.model_id, target.model.name, 0,
						  required ? "{\"required\": true}" : "{\"required\": false}");
	}
	catalog_end(&work);
	PG_RETURN_VOID();
}

static void
refuse_author(const Registered *target)
{
	CatalogArg	args[] = {
		arg_uuid(&target->model.model_id), arg_int4(target->version.version), arg_role(target->user)
	};

	if (catalog_execute("SELECT 1 FROM mlops.model_versions WHERE model_id = $1 AND version = $2 AND user_id = $3",
						lengthof(args), args) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the author of version %d of model \"%s\" cannot approve it", target->version.version,
						target->model.name),
				 errhint("An approval comes from somebody else.")));
}

/* approve(model, version, comment) */
Datum
mlops_approve(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	int32		version = registry_version(fcinfo, 1);
	char	   *comment = PG_ARGISNULL(2) ? NULL : registry_text(fcinfo, 2, "comment");
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.approve()", reference, version, BARE_NAME_ERROR, PRIVILEGE_APPROVE, &target);
	catalog_begin(&work);
	refuse_author(&target);
	{
		CatalogArg	args[] = {
			arg_uuid(&target.model.model_id), arg_int4(target.version.version), arg_role(target.user), arg_text(comment)
		};

		catalog_execute("INSERT INTO mlops.approvals (model_id, version, approver, comment) VALUES ($1, $2, $3, $4) "
						"ON CONFLICT (model_id, version, approver) DO UPDATE SET comment = EXCLUDED.comment, "
						"approved_at = EXCLUDED.approved_at", lengthof(args), args);
		catalog_audit(target.user, "approve", &target.model.model_id, target.model.name, target.version.version,
					  comment != NULL ? registry_detail("comment", comment) : NULL);
	}
	catalog_end(&work);
	PG_RETURN_VOID();
}

/* withdraw_approval(model, version): the caller's own */
Datum
mlops_withdraw_approval(PG_FUNCTION_ARGS)
{
	char	   *reference = registry_text(fcinfo, 0, "model");
	int32		version = registry_version(fcinfo, 1);
	Registered	target;
	CatalogWork work;

	registry_lock("mlops.withdraw_approval()", reference, version, BARE_NAME_ERROR, PRIVILEGE_APPROVE, &target);
	catalog_begin(&work);
	{
		CatalogArg	args[] = {
			arg_uuid(&target.model.model_id), arg_int4(target.version.version), arg_role(target.user)
		};

		if (catalog_execute("DELETE FROM mlops.approvals WHERE model_id = $1 AND version = $2 AND approver = $3",
							lengthof(args), args) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("you have not approved version %d of model \"%s\"", target.version.version, target.model.name),
					 errhint("The view mlops.version_approvals lists the approvals.")));
		catalog_audit(target.user, "withdraw_approval", &target.model.model_id, target.model.name, target.version.version, NULL);
	}
	catalog_end(&work);
	PG_RETURN_VOID();
}
