/*
 * lineage.c
 *	  mlops.lineage: from source relations through versions to what uses them.
 *
 * The way up was recorded at training.  The way down is read from the catalogs:
 * whatever depends on a function of ours that takes a model's name has a stored
 * query tree or expression, and in it are the calls with their constants.
 * Bodies of functions that are only text (all PL/pgSQL) have none: there a
 * pattern looks for calls with the model's name in quotes, which neither sees
 * names that are put together nor tells comments apart; such uses are of kind
 * "function text".  Tables that mlops.score_into filled are recorded.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
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
	StringInfoData names;		/* theirs, as alternatives of a pattern */
	List	   *relations;		/* OIDs of relations found to predict with it, or to hold scores of it */
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
"SELECT p.oid, p.proname::text FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'mlops'::pg_catalog.regnamespace"
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
" UNION ALL SELECT 'constraint', COALESCE(c.oid::pg_catalog.regclass::text, k.contypid::pg_catalog.regtype::text) || '.' || pg_catalog.quote_ident(k.conname),"
"  0::pg_catalog.oid, k.conbin::text, pg_catalog.pg_get_constraintdef(k.oid)"
" FROM d JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid AND k.conbin IS NOT NULL"
" LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
" UNION ALL SELECT 'policy', p.polrelid::pg_catalog.regclass || '.' || pg_catalog.quote_ident(p.polname), 0::pg_catalog.oid, x.tree::text,"
"  pg_catalog.pg_get_expr(x.tree, p.polrelid)"
" FROM d JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = d.objid"
" CROSS JOIN LATERAL (VALUES (p.polqual), (p.polwithcheck)) AS x (tree) WHERE x.tree IS NOT NULL"
" UNION ALL SELECT 'function', p.oid::pg_catalog.regprocedure::text, 0::pg_catalog.oid, p.prosqlbody::text, pg_catalog.pg_get_function_sqlbody(p.oid)"
" FROM d JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid AND p.prosqlbody IS NOT NULL"
" ORDER BY 1, 2";

/* Bodies that are text and have the pattern in them: function, reference, body. */
static const char texts_query[] =
"SELECT DISTINCT f.oid::pg_catalog.regprocedure::text, m.r[1], f.prosrc FROM pg_catalog.pg_proc f"
" JOIN pg_catalog.pg_language l ON l.oid = f.prolang"
" CROSS JOIN LATERAL pg_catalog.regexp_matches(f.prosrc, $1, 'gi') AS m (r)"
" WHERE l.lanname NOT IN ('c', 'internal') AND f.prosqlbody IS NULL"
" AND f.pronamespace NOT IN ('pg_catalog'::pg_catalog.regnamespace, 'mlops'::pg_catalog.regnamespace) ORDER BY 1, 2";

/* Tables that were filled with the model, where they are still there. */
static const char score_tables_query[] =
"SELECT s.relation, m.name || s.selector, s.scored_with, s.source, mlops.find_score_table(s.relation)::pg_catalog.oid"
" FROM mlops.registered_models m JOIN mlops.scored_tables s USING (model_id)"
" WHERE m.model_id = $1 AND mlops.find_score_table(s.relation) IS NOT NULL ORDER BY s.relation";

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

	initStringInfo(&lineage->names);
	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];

		lineage->functions = lappend_oid(lineage->functions, DatumGetObjectId(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull)));
		appendStringInfo(&lineage->names, "%s%s", i > 0 ? "|" : "", SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2));
	}
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

/* A reference to this model?  A text that is none at all is an error for whoever uses it, not here. */
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
	if (!model_ref_try_parse(reference, &ref))
		return false;
	*version = current_version(lineage, &ref);
	return true;
}

static void
put_user(Lineage *lineage, const char *kind, const char *object, const char *reference, int32 version, const char *definition)
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};

	values[0] = CStringGetTextDatum("use");
	values[1] = CStringGetTextDatum(kind);
	values[2] = CStringGetTextDatum(object);
	values[3] = CStringGetTextDatum(reference);
	values[4] = Int32GetDatum(version);
	nulls[4] = version == 0;
	nulls[5] = definition == NULL;
	values[5] = definition != NULL ? CStringGetTextDatum(definition) : (Datum) 0;
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
			put_user(lineage, SPI_getvalue(tuple, table->tupdesc, 1), SPI_getvalue(tuple, table->tupdesc, 2), reference, version,
					 SPI_getvalue(tuple, table->tupdesc, 5));
			if (OidIsValid(relation))
				lineage->relations = list_append_unique_oid(lineage->relations, relation);
		}
	}
}

static void
find_texts(Lineage *lineage)
{
	/* a call of a function of ours by the model's name in quotes, also doubled ones */
	CatalogArg	pattern = arg_text(psprintf("\\m(?:%s)\\s*\\(\\s*(?:model\\s*(?:=>|:=)\\s*)?'+((?:models:/)?%s(?:[/@][^']*)?)'",
											lineage->names.data, lineage->model.name));
	uint64		found = catalog_execute(texts_query, 1, &pattern);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < found; i++)
	{
		char	   *reference = SPI_getvalue(table->vals[i], table->tupdesc, 2);
		int32		version;

		CHECK_FOR_INTERRUPTS();
		if (names_model(lineage, reference, &version))
			put_user(lineage, "function text", SPI_getvalue(table->vals[i], table->tupdesc, 1), reference, version,
					 SPI_getvalue(table->vals[i], table->tupdesc, 3));
	}
}

static void
find_score_tables(Lineage *lineage)
{
	CatalogArg	id = arg_uuid(&lineage->model.model_id);
	uint64		found = catalog_execute(score_tables_query, 1, &id);
	bool		isnull;

	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	descriptor = SPI_tuptable->tupdesc;

		put_user(lineage, "score table", SPI_getvalue(tuple, descriptor, 1), SPI_getvalue(tuple, descriptor, 2),
				 DatumGetInt32(SPI_getbinval(tuple, descriptor, 3, &isnull)), SPI_getvalue(tuple, descriptor, 4));
		lineage->relations = list_append_unique_oid(lineage->relations, DatumGetObjectId(SPI_getbinval(tuple, descriptor, 5, &isnull)));
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
	find_texts(&lineage);
	find_score_tables(&lineage);
	if (lineage.relations != NIL)
		put_rows(&lineage, readers_query, arg_oids(lineage.relations));
	catalog_end(&work);
	return (Datum) 0;
}
