/*
 * compat.h: every difference between the PostgreSQL versions that mlops supports (15 to 18).
 *
 * The build includes it in front of every file outside core and format (src/pgxs.mk), so that code written against one
 * version compiles on all; no other file may test PG_VERSION_NUM.
 */
#ifndef MLOPS_PG_COMPAT_H
#define MLOPS_PG_COMPAT_H

#include "postgres.h"

#include "fmgr.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "mlops supports PostgreSQL 15 to 18"
#endif

/* Datums of 64-bit numbers are kept longer than the memory context they were made in. */
#ifndef USE_FLOAT8_BYVAL
#error "mlops needs a server of 64 bits"
#endif

/* 16 moved the macros for variable-length values out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Before 16 the macros exported nothing: extensions were built with every symbol visible. We hide symbols by default, so
 * that none of ours can meet another library's, and export what the server looks up by name.
 */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
	extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname)(void); \
	const Pg_finfo_record * \
	CppConcat(pg_finfo_, funcname)(void) \
	{ \
		static const Pg_finfo_record my_finfo = {1}; \
		return &my_finfo; \
	} \
	extern int no_such_variable
#endif

/* 18 writes pg_noreturn in front of a declaration; ours have the older form behind it */
#if PG_VERSION_NUM >= 180000
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* Since 16, membership alone no longer allows SET ROLE. */
#if PG_VERSION_NUM < 160000
#define member_can_set_role(member, role) is_member_of_role(member, role)
#endif

/* 16 has one function for the access lists of all objects */
#if PG_VERSION_NUM >= 160000
#define compat_function_aclcheck(function, role, mode) object_aclcheck(ProcedureRelationId, (function), (role), (mode))
#else
#define compat_function_aclcheck(function, role, mode) pg_proc_aclcheck((function), (role), (mode))
#endif

/* 18 can show an extension's name and version in pg_get_loaded_modules() */
#if PG_VERSION_NUM >= 180000
#define MLOPS_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "mlops", .version = MLOPS_VERSION)
#else
#define MLOPS_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* Since 18 a column in RETURNING can be that of the row before or after the change. */
#if PG_VERSION_NUM >= 180000
#define compat_var_is_current(var) ((var)->varreturningtype == VAR_RETURNING_DEFAULT)
#else
#define compat_var_is_current(var) true
#endif

/* 18 runs every query once: there is no argument that says so */
#if PG_VERSION_NUM >= 180000
#define compat_executor_run(query) ExecutorRun((query), ForwardScanDirection, 0)
#else
#define compat_executor_run(query) ExecutorRun((query), ForwardScanDirection, 0, true)
#endif

/* 16 has one function for privileges on objects of every class */
#if PG_VERSION_NUM >= 160000
#define compat_schema_aclcheck(schema, role, mode) object_aclcheck(NamespaceRelationId, (schema), (role), (mode))
#else
#define compat_schema_aclcheck(schema, role, mode) pg_namespace_aclcheck((schema), (role), (mode))
#endif

#endif /* MLOPS_PG_COMPAT_H */
