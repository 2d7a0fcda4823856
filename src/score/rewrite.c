/*
 * rewrite.c
 *	  What the planner asks about predict(): a form that fetches no more than it
 *	  needs, and what a call costs.
 *
 * predict(ref, row) becomes
 *
 *	  CASE WHEN mlops.served_is(ref, sha256) THEN predict(ref, column, ...)
 *	  ELSE predict(ref, row) END
 *
 * with the features of the model that ref means while the query is planned, in
 * their order; more than fit an argument list go as a row of them.  Where the
 * reference means another model when the query runs, which no invalidation can
 * rule out (the snapshots differ), the ELSE branch gives its score.  The
 * registry is among the relations that the plan depends on: promotions make
 * cached plans anew.
 *
 * The row may be that of a table, view, subquery or common table expression, or
 * ROW(...).  Nothing is rewritten for a role that may not use the model, as
 * EXPLAIN would show its features to it; nor for what predict would refuse:
 * running it gives the error.
 *
 * Cost: the resolution, and one comparison of names for each feature.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class_d.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "pg/access.h"
#include "pg/extension.h"
#include "pg/compat.h"
#include "pg/model_cache.h"
#include "pg/model_ref.h"
#include "pg/row_binding.h"
#include "score/cost.h"
#include "score/pin.h"

PG_FUNCTION_INFO_V1(mlops_predict_support);
PG_FUNCTION_INFO_V1(mlops_served_is);

/* What a row expression consists of. */
typedef struct RowColumns
{
	int			count;
	const char **names;
	Node	  **values;
	bool		nullable;		/* an outer join may make the row NULL */
	bool		plain;			/* ROW(...) with exactly these columns */

	/* rows of relations */
	Var		   *row;
	List	   *fields;			/* all columns, NULL for those that were dropped */
} RowColumns;

static void
columns_init(RowColumns *columns, int room)
{
	memset(columns, 0, sizeof(*columns));
	columns->names = palloc(sizeof(char *) * Max(room, 1));
	columns->values = palloc(sizeof(Node *) * Max(room, 1));
}

static void
columns_add(RowColumns *columns, const char *name, Node *value)
{
	columns->fields = lappend(columns->fields, value);
	columns->names[columns->count] = name;
	columns->values[columns->count++] = value;
}

/* A column of the relation whose whole row `row` is. */
static Node *
column_of(const Var *row, int number, Oid type, int32 typmod, Oid collation)
{
	Var		   *column = copyObject(unconstify(Var *, row));

	column->varattno = (AttrNumber) number;
	column->vartype = type;
	column->vartypmod = typmod;
	column->varcollid = collation;
	column->varnosyn = column->varno;
	column->varattnosyn = column->varattno;
	return (Node *) column;
}

/* Whether relation `varno` is below the side of an outer join that may be filled with NULLs. */
static bool
may_be_nulled(Node *tree, int varno, bool nullable)
{
	check_stack_depth();
	if (tree == NULL)
		return false;
	if (IsA(tree, RangeTblRef))
		return nullable && ((RangeTblRef *) tree)->rtindex == varno;
	if (IsA(tree, FromExpr))
	{
		ListCell   *cell;

		foreach(cell, ((FromExpr *) tree)->fromlist)
		{
			if (may_be_nulled(lfirst(cell), varno, nullable))
				return true;
		}
		return false;
	}
	if (IsA(tree, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) tree;

		return may_be_nulled(join->larg, varno, nullable || join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL) ||
			may_be_nulled(join->rarg, varno, nullable || (join->jointype != JOIN_INNER && join->jointype != JOIN_RIGHT));
	}
	return true;
}

/* By the row type's own names, which aliases of columns do not change. */
static bool
columns_of_type(Oid type, RowColumns *columns, const Var *row, List *values)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc_noerror(type, -1, true);

	if (descriptor == NULL)
		return false;
	columns_init(columns, descriptor->natts);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped)
		{
			columns->fields = lappend(columns->fields, makeNullConst(INT4OID, -1, InvalidOid));
			continue;
		}
		if (row == NULL && i >= list_length(values))
			break;
		columns_add(columns, pstrdup(NameStr(attribute->attname)),
					row == NULL ? list_nth(values, i) :
					column_of(row, i + 1, attribute->atttypid, attribute->atttypmod, attribute->attcollation));
	}
	ReleaseTupleDesc(descriptor);
	return true;
}

static bool
columns_of_table(const RangeTblEntry *rte, const Var *row, RowColumns *columns)
{
	if (rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_PARTITIONED_TABLE && rte->relkind != RELKIND_FOREIGN_TABLE &&
		rte->relkind != RELKIND_MATVIEW)
		return false;
	return get_rel_type_id(rte->relid) == row->vartype && columns_of_type(row->vartype, columns, row, NIL);
}

static bool
columns_of_subquery(const RangeTblEntry *rte, const Var *row, RowColumns *columns)
{
	TupleDesc	descriptor = NULL;
	ListCell   *cell;

	if (row->vartype != RECORDOID)
	{
		descriptor = lookup_rowtype_tupdesc_noerror(row->vartype, -1, true);
		if (descriptor == NULL)
			return false;
	}
	columns_init(columns, list_length(rte->subquery->targetList));
	foreach(cell, rte->subquery->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		Node	   *value = (Node *) entry->expr;
		int			i = entry->resno - 1;
		int			names = descriptor != NULL ? descriptor->natts : list_length(rte->eref->colnames);

		if (entry->resjunk || i >= names)
			continue;
		columns_add(columns, descriptor != NULL ? pstrdup(NameStr(TupleDescAttr(descriptor, i)->attname)) :
					strVal(list_nth(rte->eref->colnames, i)),
					column_of(row, entry->resno, exprType(value), exprTypmod(value), exprCollation(value)));
	}
	if (descriptor != NULL)
		ReleaseTupleDesc(descriptor);
	return true;
}

static bool
columns_of_cte(const RangeTblEntry *rte, const Var *row, RowColumns *columns)
{
	int			count = list_length(rte->coltypes);

	if (row->vartype != RECORDOID || count != list_length(rte->eref->colnames))
		return false;
	columns_init(columns, count);
	for (int i = 0; i < count; i++)
		columns_add(columns, strVal(list_nth(rte->eref->colnames, i)),
					column_of(row, i + 1, list_nth_oid(rte->coltypes, i), list_nth_int(rte->coltypmods, i),
							  list_nth_oid(rte->colcollations, i)));
	return true;
}

static bool
columns_of_var(PlannerInfo *root, Var *row, RowColumns *columns)
{
	RangeTblEntry *rte;
	bool		found = false;

	if (row->varattno != 0 || row->varlevelsup != 0 || IS_SPECIAL_VARNO(row->varno) || !compat_var_is_current(row) ||
		row->varno > list_length(root->parse->rtable))
		return false;
	rte = rt_fetch(row->varno, root->parse->rtable);
	if (rte->rtekind == RTE_RELATION)
		found = columns_of_table(rte, row, columns);
	else if (rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL)
		found = columns_of_subquery(rte, row, columns);
	else if (rte->rtekind == RTE_CTE)
		found = columns_of_cte(rte, row, columns);
	if (!found)
		return false;
	columns->row = row;
	columns->nullable = may_be_nulled((Node *) root->parse->jointree, row->varno, false);
	/* only rows of tables have something that tells them from no row */
	return !columns->nullable || rte->rtekind == RTE_RELATION;
}

/* A subquery that became part of the query around it has turned into this. */
static bool
columns_of_row(RowExpr *row, RowColumns *columns)
{
	ListCell   *name;
	ListCell   *value;

	/* what is left out must not be missed, and nothing may be done twice */
	if (contain_volatile_functions((Node *) row) || checkExprHasSubLink((Node *) row) || contain_subplans((Node *) row) ||
		expression_returns_set((Node *) row))
		return false;
	if (row->row_typeid != RECORDOID)
		return columns_of_type(row->row_typeid, columns, NULL, row->args);
	if (list_length(row->colnames) != list_length(row->args))
		return false;
	columns_init(columns, list_length(row->args));
	forboth(name, row->colnames, value, row->args)
		columns_add(columns, strVal(lfirst(name)), lfirst(value));
	columns->plain = true;
	return true;
}

static bool
find_columns(PlannerInfo *root, Node *row, RowColumns *columns)
{
	if (IsA(row, Var))
		return columns_of_var(root, (Var *) row, columns);
	if (IsA(row, RowExpr))
		return columns_of_row((RowExpr *) row, columns);
	return false;
}

/* Index of the one column with this name, looked for from `start` on and around; -1: none or several. */
static int
find_name(const RowColumns *columns, const char *name, int start)
{
	int			found = -1;

	for (int k = 0; k < columns->count; k++)
	{
		int			i = (start + k) % columns->count;

		if (strcmp(columns->names[i], name) != 0)
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

/* The features as expressions; NIL when the row lacks one or has it in a type that does not fit. */
static List *
feature_values(const FeatureSchema *schema, const RowColumns *columns)
{
	List	   *values = NIL;
	int			next = 0;

	for (int i = 0; i < schema->count; i++)
	{
		int			found = find_name(columns, schema->features[i].name, next);

		if (found < 0 || !feature_accepts(&schema->features[i], exprType(columns->values[found])))
			return NIL;
		values = lappend(values, columns->values[found]);
		next = found + 1;
	}
	return values;
}

static RowExpr *
row_of(List *values, Oid type)
{
	RowExpr    *row = makeNode(RowExpr);

	row->args = values;
	row->row_typeid = type;
	row->row_format = COERCE_EXPLICIT_CALL;
	row->location = -1;
	return row;
}

static Node *
row_of_features(List *values, const FeatureSchema *schema)
{
	RowExpr    *row = row_of(values, RECORDOID);

	for (int i = 0; i < schema->count; i++)
		row->colnames = lappend(row->colnames, makeString(pstrdup(schema->features[i].name)));
	return (Node *) row;
}

/* The text of a reference that is a constant of the query. */
static char *
constant_reference(const FuncExpr *call)
{
	Const	   *reference = list_length(call->args) > 0 ? linitial(call->args) : NULL;

	if (reference == NULL || !IsA(reference, Const) || reference->constisnull || reference->consttype != TEXTOID)
		return NULL;
	return TextDatumGetCString(reference->constvalue);
}

/* What a call becomes. */
typedef struct Rewrite
{
	Datum		sha256;			/* bytea */
	List	   *arguments;		/* the features, or one row of them */
	RowColumns	columns;
} Rewrite;

/* False when the call stays as it is. */
static bool
plan_rewrite(PlannerInfo *root, const FuncExpr *call, Rewrite *rewrite)
{
	char	   *reference = constant_reference(call);
	MemoryContext work;
	MemoryContext old;
	const ModelHandle *handle;
	bool		fits = false;

	if (reference == NULL || list_length(call->args) != 2 || call->funcvariadic || root == NULL || root->glob == NULL ||
		root->parse == NULL || root->parse->commandType == CMD_MERGE || root->parse->groupingSets != NIL ||
		!ActiveSnapshotSet() || !find_columns(root, lsecond(call->args), &rewrite->columns))
		return false;

	/* also where nothing can be done yet: a promotion may change that */
	root->glob->relationOids = list_append_unique_oid(root->glob->relationOids, extension_relation("model_versions"));

	work = AllocSetContextCreate(CurrentMemoryContext, "mlops planning", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(work);
	handle = model_ref_find(reference, PRIVILEGE_PREDICT);
	MemoryContextSwitchTo(old);
	if (handle != NULL)
	{
		const FeatureSchema *schema = &handle->model->schema;
		List	   *values = feature_values(schema, &rewrite->columns);

		fits = values != NIL;
		if (fits && list_length(values) > FUNC_MAX_ARGS - 1)
		{
			/* nothing would be gained */
			fits = !rewrite->columns.plain || rewrite->columns.count > schema->count;
			values = list_make1(row_of_features(values, schema));
		}
		rewrite->arguments = values;
		rewrite->sha256 = model_ref_sha256(handle);
	}
	MemoryContextDelete(work);
	return fits;
}

/* mlops.served_is(reference, sha256) */
static Expr *
served_is(Node *reference, Datum sha256)
{
	Oid			types[] = {TEXTOID, BYTEAOID};
	Oid			function = LookupFuncName(list_make2(makeString(pstrdup("mlops")), makeString(pstrdup("served_is"))), lengthof(types), types, false);
	Const	   *hash = makeConst(BYTEAOID, -1, InvalidOid, -1, sha256, false, false);

	return (Expr *) makeFuncExpr(function, BOOLOID, list_make2(copyObject(reference), hash), InvalidOid, DEFAULT_COLLATION_OID,
								 COERCE_EXPLICIT_CALL);
}

/* A row of a table has a table: an outer join that found none has not. */
static Expr *
row_exists(const Var *row)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = (Expr *) column_of(row, TableOidAttributeNumber, OIDOID, -1, InvalidOid);
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return (Expr *) test;
}

/* Whether calls are evaluated where the one relation is scanned, and nowhere above: children are appended first. */
static bool
evaluated_in_scan(const Query *query)
{
	const RangeTblRef *only = list_length(query->jointree->fromlist) == 1 ? linitial(query->jointree->fromlist) : NULL;

	return only != NULL && IsA(only, RangeTblRef) && !rt_fetch(only->rtindex, query->rtable)->inh &&
		!query->hasAggs && query->groupClause == NIL && !query->hasWindowFuncs && query->sortClause == NIL &&
		query->distinctClause == NIL && !query->hasTargetSRFs;
}

/*
 * The call by row for the other branch.  Above a scan, a whole-row variable
 * would make the scan put together each row: its columns, from which that
 * branch makes the row, cost nothing there.  In the scan it is the other way
 * round: the variable costs nothing, and columns must be extracted.
 */
static Expr *
call_by_row(PlannerInfo *root, const FuncExpr *call, const RowColumns *columns)
{
	FuncExpr   *copy = copyObject(unconstify(FuncExpr *, call));
	RowExpr    *row;

	if (columns->row == NULL || columns->nullable || evaluated_in_scan(root->parse))
		return (Expr *) copy;
	row = row_of(copyObject(columns->fields), columns->row->vartype);
	if (row->row_typeid == RECORDOID)
	{
		for (int i = 0; i < columns->count; i++)
			row->colnames = lappend(row->colnames, makeString(pstrdup(columns->names[i])));
	}
	copy->args = list_make2(linitial(copy->args), row);
	return (Expr *) copy;
}

static Node *
simplify_call(PlannerInfo *root, const FuncExpr *call)
{
	Rewrite		rewrite;
	CaseWhen   *when;
	CaseExpr   *result;
	Node	   *reference;

	if (!plan_rewrite(root, call, &rewrite))
		return NULL;
	reference = linitial(call->args);
	when = makeNode(CaseWhen);
	when->expr = served_is(reference, rewrite.sha256);
	if (rewrite.columns.nullable)
		when->expr = makeBoolExpr(AND_EXPR, list_make2(when->expr, row_exists(rewrite.columns.row)), -1);
	when->result = (Expr *) makeFuncExpr(call->funcid, call->funcresulttype,
										 lcons(copyObject(reference), copyObject(rewrite.arguments)),
										 call->funccollid, call->inputcollid, COERCE_EXPLICIT_CALL);
	when->location = -1;

	result = makeNode(CaseExpr);
	result->casetype = call->funcresulttype;
	result->casecollid = call->funccollid;
	result->args = list_make1(when);
	result->defresult = call_by_row(root, call, &rewrite.columns);
	result->location = -1;
	return (Node *) result;
}

/*
 * A call by row that could be rewritten is the branch that is not taken: its
 * cost is that of the other branch.
 */
static bool
estimate_cost(SupportRequestCost *request)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	char	   *reference;
	MemoryContext work;
	MemoryContext old;
	const ModelHandle *handle;
	Rewrite		rewrite;

	if (call == NULL || !IsA(call, FuncExpr) || !ActiveSnapshotSet())
		return false;
	reference = constant_reference(call);
	if (reference == NULL)
		return false;
	request->startup = 0;
	request->per_tuple = 0;
	if (plan_rewrite(request->root, call, &rewrite))
		return true;

	work = AllocSetContextCreate(CurrentMemoryContext, "mlops planning", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(work);
	handle = model_ref_find(reference, PRIVILEGE_PREDICT);
	MemoryContextSwitchTo(old);
	if (handle != NULL)
		request->per_tuple = model_cost(handle->model) * cpu_operator_cost;
	MemoryContextDelete(work);
	return handle != NULL;
}

Datum
mlops_predict_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;
		FuncExpr   *pinned = pin_call(simplify->root, simplify->fcall);

		result = simplify_call(simplify->root, pinned != NULL ? pinned : simplify->fcall);
		if (result == NULL)
			result = (Node *) pinned;
	}
	else if (IsA(request, SupportRequestCost) && estimate_cost((SupportRequestCost *) request))
		result = request;
	PG_RETURN_POINTER(result);
}

/* ---------- served_is ---------- */

/* An answer for constant arguments, and what it depends on. */
typedef struct ServedSite
{
	bool		constant;
	bool		valid;
	bool		answer;
	ResolveToken token;
} ServedSite;

static bool
arguments_are_constant(const FmgrInfo *flinfo)
{
	ListCell   *cell;

	if (flinfo->fn_expr == NULL || !IsA(flinfo->fn_expr, FuncExpr))
		return false;
	foreach(cell, ((FuncExpr *) flinfo->fn_expr)->args)
	{
		if (!IsA(lfirst(cell), Const))
			return false;
	}
	return true;
}

static bool
is_served(const char *reference, struct varlena *sha256)
{
	ResolvedModel resolved;

	return VARSIZE_ANY_EXHDR(sha256) == sizeof(resolved.version.sha256) &&
		model_ref_try_resolve(reference, PRIVILEGE_PREDICT, &resolved) &&
		memcmp(resolved.version.sha256, VARDATA_ANY(sha256), sizeof(resolved.version.sha256)) == 0;
}

/*
 * served_is(reference, sha256): whether the reference means a model of that
 * content to the caller, who may use it; never an error.
 */
Datum
mlops_served_is(PG_FUNCTION_ARGS)
{
	ServedSite *site = fcinfo->flinfo->fn_extra;
	ResolveToken token;
	bool		token_valid;

	if (site == NULL && fcinfo->flinfo->fn_mcxt != NULL)
	{
		site = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ServedSite));
		site->constant = arguments_are_constant(fcinfo->flinfo);
	}
	if (site == NULL || !site->constant)
		PG_RETURN_BOOL(is_served(text_to_cstring(PG_GETARG_TEXT_PP(0)), (struct varlena *) PG_GETARG_BYTEA_PP(1)));

	token_valid = resolve_token_take(&token);
	if (!site->valid || !token_valid || !resolve_token_equal(&site->token, &token))
	{
		site->answer = is_served(text_to_cstring(PG_GETARG_TEXT_PP(0)), (struct varlena *) PG_GETARG_BYTEA_PP(1));
		site->token = token;
		site->valid = token_valid;
	}
	PG_RETURN_BOOL(site->answer);
}
