/*
 * lineage.c
 *	  mlops.lineage: from source relations through versions to what uses them.
 *
 * The way up was recorded at training.  The way down is read from the catalogs:
 * whatever depends on a function of ours that takes a model's name has a stored
 * query tree or expression, and in it are the calls with their constants.
 * Bodies of functions that are only text (all PL/pgSQL) cannot be seen.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/catalog_exec.h"
#include "pg/compat.h"
#include "pg/model_ref.h"

#define COLUMNS 6

PG_FUNCTION_INFO_V1(mlops_lineage);

typedef struct Lineage
{
	ReturnSetInfo *result;
	MemoryContext context;
	ModelRow	model;
	List	   *functions;		/* OIDs: ours that take a model's name first */
	List	   *relations;		/* OIDs of relations found to predict with it */
	List	   *references;		/* constants found in the tree that is being walked */
} Lineage;

static const char sources_query[] =
"SELECT 'source', e.r ->> 'kind', e.r ->> 'relation', m.name || '/' || v.version, v.version, e.r ->> 'definition'"
" FROM mlops.registered_models m JOIN mlops.model_versions v USING (model_id)"
" JOIN mlops.inputs i ON i.run_uuid = v.run_id JOIN mlops.datasets d USING (dataset_uuid)"
" CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(d.source_relations) WITH ORDINALITY AS e (r, n)"
" WHERE m.model_id = $1 ORDER BY v.version, e.n";

static const char versions_query[] =
"SELECT 'version', 'version', m.name || '/' || v.version, m.name, v.version, v.source"
" FROM mlops.registered_models m JOIN mlops.model_versions v USING (model_id) WHERE m.model_id = $1 ORDER BY v.version";

static const char functions_query[] =
"SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'mlops'::pg_catalog.regnamespace"
" AND p.pronargs > 0 AND p.proargtypes[0] = 'pg_catalog.text'::pg_catalog.regtype AND p.proargnames[1] = 'model'";

/* Stored trees of whatever depends on one of the functions: kind, name, relation, tree, definition. */
static const char users_query[] =
"WITH d AS (SELECT DISTINCT classid, objid FROM pg_catalog.pg_depend"
"  WHERE refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND refobjid = ANY ($1))"
" SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END, c.oid::pg_catalog.regclass::text, c.oid,"
"  r.ev_action::text, CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) ELSE pg_catalog.pg_get_ruledef(r.oid) END"
" FROM d JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid"
" JOIN pg_catalog.pg_class c ON c.oid = r.ev_class"
" UNION ALL SELECT 'column default', c.oid::pg_catalog.regclass || '.' || pg_catalog.quote_ident(t.attname), c.oid, a.adbin::text,"
"  pg_catalog.pg_get_expr(a.adbin, a.adrelid)"
" FROM d JOIN pg_catalog.pg_attrdef a ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid"
" JOIN pg_catalog.pg_class c ON c.oid = a.adrelid JOIN pg_catalog.pg_attribute t ON t.attrelid = a.adrelid AND t.attnum = a.adnum"
" UNION ALL SELECT 'function', p.oid::pg_catalog.regprocedure::text, 0::pg_catalog.oid, p.prosqlbody::text, pg_catalog.pg_get_function_sqlbody(p.oid)"
" FROM d JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid AND p.prosqlbody IS NOT NULL"
" ORDER BY 1, 2";

/* Views that read those relations, directly or not. */
static const char readers_query[] =
"WITH RECURSIVE w (view, parent) AS ("
"  SELECT r.ev_class, d.refobjid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
"  WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"  AND d.refobjid = ANY ($1) AND r.ev_class <> d.refobjid"
"  UNION SELECT r.ev_class, d.refobjid FROM w JOIN pg_catalog.pg_depend d ON d.refobjid = w.view"
"  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid"
"  WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"  AND r.ev_class <> d.refobjid)"
" SELECT 'use', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END, c.oid::pg_catalog.regclass::text,"
"  w.parent::pg_catalog.regclass::text, NULL::pg_catalog.int4, CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END"
" FROM w JOIN pg_catalog.pg_class c ON c.oid = w.view ORDER BY 3, 4";

static CatalogArg
arg_oids(List *oids)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(oids), 1));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, oids)
		elements[n++] = ObjectIdGetDatum(lfirst_oid(cell));
	return (CatalogArg) {
		OIDARRAYOID, PointerGetDatum(construct_array(elements, n, OIDOID, sizeof(Oid), true, TYPALIGN_INT)), false
	};
}

/* Rows of a statement that has the columns of the result. */
static void
put_rows(Lineage *lineage, const char *query, CatalogArg arg)
{
	uint64		found = catalog_execute(query, 1, &arg);

	for (uint64 i = 0; i < found; i++)
		tuplestore_puttuple(lineage->result->setResult, SPI_tuptable->vals[i]);
}

static void
find_functions(Lineage *lineage)
{
	uint64		found = catalog_execute(functions_query, 0, NULL);
	MemoryContext old = MemoryContextSwitchTo(lineage->context);
	bool		isnull;

	for (uint64 i = 0; i < found; i++)
		lineage->functions = lappend_oid(lineage->functions,
										 DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
	MemoryContextSwitchTo(old);
}

/* The text of a constant first argument, through casts that keep it; NULL: known at run time only. */
static char *
constant_text(const FuncExpr *call)
{
	Node	   *node = linitial(call->args);

	if (IsA(node, NamedArgExpr))
		node = (Node *) ((NamedArgExpr *) node)->arg;
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Const) || ((Const *) node)->constisnull)
		return NULL;
	if (((Const *) node)->consttype != TEXTOID && ((Const *) node)->consttype != VARCHAROID)
		return NULL;
	return TextDatumGetCString(((Const *) node)->constvalue);
}

static bool
collect_references(Node *node, void *context)
{
	Lineage    *lineage = context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, FuncExpr))
	{
		FuncExpr   *call = (FuncExpr *) node;

		if (call->args != NIL && list_member_oid(lineage->functions, call->funcid))
		{
			char	   *reference = constant_text(call);

			if (reference != NULL)
				lineage->references = lappend(lineage->references, reference);
		}
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_references, context, 0);
	return expression_tree_walker(node, collect_references, context);
}

/* What the reference means now; 0: nothing, or a moment. */
static int32
current_version(const Lineage *lineage, const ModelRef *ref)
{
	const pg_uuid_t *id = &lineage->model.model_id;
	VersionRow	row = {.version = 0};
	bool		found = false;

	switch (ref->kind)
	{
		case REF_PRODUCTION:
			found = catalog_find_production(id, &row);
			break;
		case REF_VERSION:
			found = catalog_find_version(id, ref->version, &row);
			break;
		case REF_LATEST:
			found = catalog_find_latest(id, &row);
			break;
		case REF_STAGE:
			found = catalog_find_stage(id, ref->stage, &row);
			break;
		case REF_ALIAS:
			found = catalog_find_alias(id, ref->alias, &row);
			break;
		case REF_TIME:
			found = catalog_find_production_at(id, ref->at, &row);
			break;
	}
	return found ? row.version : 0;
}

/* A reference to this model? Texts that are none at all are found when they are used. */
static bool
names_model(const Lineage *lineage, const char *reference, int32 *version)
{
	size_t		length = strlen(lineage->model.name);
	const char *text = reference;
	ModelRef	ref;

	if (strncmp(text, "models:/", 8) == 0)
		text += 8;
	if (strncmp(text, lineage->model.name, length) != 0 || (text[length] != '\0' && text[length] != '/' && text[length] != '@'))
		return false;
	model_ref_parse(reference, &ref);
	*version = current_version(lineage, &ref);
	return true;
}

static void
put_user(Lineage *lineage, HeapTuple tuple, TupleDesc descriptor, const char *reference, int32 version)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};

	values[0] = CStringGetTextDatum("use");
	values[1] = SPI_getbinval(tuple, descriptor, 1, &nulls[1]);
	values[2] = SPI_getbinval(tuple, descriptor, 2, &nulls[2]);
	values[3] = CStringGetTextDatum(reference);
	values[4] = Int32GetDatum(version);
	nulls[4] = version == 0;
	values[5] = SPI_getbinval(tuple, descriptor, 5, &nulls[5]);
	tuplestore_putvalues(lineage->result->setResult, lineage->result->setDesc, values, nulls);
}

static void
find_users(Lineage *lineage)
{
	CatalogArg	functions = arg_oids(lineage->functions);
	uint64		found = catalog_execute(users_query, 1, &functions);
	SPITupleTable *table = SPI_tuptable;
	List	   *seen = NIL;

	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple	tuple = table->vals[i];
		bool		isnull;
		Datum		tree = SPI_getbinval(tuple, table->tupdesc, 4, &isnull);
		Oid			relation = DatumGetObjectId(SPI_getbinval(tuple, table->tupdesc, 3, &isnull));
		ListCell   *cell;

		CHECK_FOR_INTERRUPTS();
		lineage->references = NIL;
		seen = NIL;
		(void) collect_references(stringToNode(TextDatumGetCString(tree)), lineage);
		foreach(cell, lineage->references)
		{
			char	   *reference = lfirst(cell);
			int32		version;

			if (list_member(seen, makeString(reference)) || !names_model(lineage, reference, &version))
				continue;
			seen = lappend(seen, makeString(reference));
			put_user(lineage, tuple, table->tupdesc, reference, version);
			if (OidIsValid(relation))
				lineage->relations = list_append_unique_oid(lineage->relations, relation);
		}
	}
}

Datum
mlops_lineage(PG_FUNCTION_ARGS)
{
	Lineage		lineage = {0};
	ModelRef	ref;
	CatalogWork work;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	InitMaterializedSRF(fcinfo, 0);
	lineage.result = (ReturnSetInfo *) fcinfo->resultinfo;
	lineage.context = CurrentMemoryContext;
	model_ref_parse(name, &ref);
	if (ref.kind != REF_PRODUCTION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" names a version of a model", name),
				 errhint("The lineage is that of all versions: give the model's name, \"%s\".", ref.name)));
	if (!catalog_find_model(ref.name, &lineage.model))
		catalog_unknown_model(ref.name);
	access_require(&lineage.model.model_id, lineage.model.name, lineage.model.owner, PRIVILEGE_READ);

	catalog_begin(&work);
	put_rows(&lineage, sources_query, arg_uuid(&lineage.model.model_id));
	put_rows(&lineage, versions_query, arg_uuid(&lineage.model.model_id));
	find_functions(&lineage);
	find_users(&lineage);
	if (lineage.relations != NIL)
		put_rows(&lineage, readers_query, arg_oids(lineage.relations));
	catalog_end(&work);
	return (Datum) 0;
}
