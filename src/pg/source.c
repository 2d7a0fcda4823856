/*
 * source.c
 *	  Reading "a table, view or SELECT" as the caller, through the executor; see source.h.
 *
 * The text is parsed by the server's parser and analysed with the caller's
 * rights and search_path.  After rewriting, the whole query tree (views, CTEs
 * and sub-selects included) must only read.  It is planned with parallel plans
 * allowed and run under the active snapshot into a receiver of our own: nothing
 * is materialised, privileges and row security are the executor's.  Functions
 * in the query may have side effects, as in any SELECT.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/xact.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/cost.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "pg/compat.h"
#include "pg/source.h"
#include "pg/source_relations.h"

#define MOST_DOTS 16			/* more of them are in no name; too many names get an error of their own */

struct Source
{
	MemoryContext context;
	char	   *text;			/* as given */
	char	   *query_text;		/* the SELECT that is run */
	Query	   *analysed;		/* before rewriting */
	Query	   *rewritten;
	PlannedStmt *plan;			/* NULL: not planned yet */
	PlannedStmt *aggregate;		/* the plan of an aggregate over it, or NULL */
	TupleDesc	descriptor;
};

typedef struct SourceReceiver
{
	DestReceiver pub;
	SourceRowFn receive;
	void	   *context;
	MemoryContext row_context;
	int64		rows;
} SourceReceiver;

/* ---------- parsing ---------- */

/* Error positions refer to the source's text, not to the user's statement. */
static void
source_error_context(void *arg)
{
	const Source *source = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(source->query_text);
	}
	else
		errcontext("source \"%s\"", source->text);
}

static void
push_error_context(ErrorContextCallback *callback, Source *source)
{
	callback->callback = source_error_context;
	callback->arg = source;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

/* The names of a relation reference, or NIL when the text is not one. */
static List *
relation_names(const char *text)
{
	List	   *names = NIL;
	char	   *copy = pstrdup(text);
	bool		quoted = false;
	int			dots = 0;

	/* the split below takes anything for a name that is not quoted, and any number of names */
	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '.' && ++dots > MOST_DOTS)
			return NIL;
		else if (!quoted && !isalnum((unsigned char) *p) && !IS_HIGHBIT_SET(*p) && strchr("_$. \t\n\r\f\v", *p) == NULL)
			return NIL;
	}
	if (!SplitIdentifierString(copy, '.', &names))
		return NIL;
	return names;
}

/* SELECT * FROM the relation, quoted. */
static char *
relation_query(List *names, const char *text)
{
	StringInfoData query;
	ListCell   *cell;

	if (list_length(names) > 3)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("improper relation name (too many dotted names): %s", text)));
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT * FROM ");
	foreach(cell, names)
	{
		if (cell != list_head(names))
			appendStringInfoChar(&query, '.');
		appendStringInfoString(&query, quote_identifier((char *) lfirst(cell)));
	}
	return query.data;
}

static bool
has_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		return true;
	return raw_expression_tree_walker(node, has_parameter, context);
}

static bool
selects_into(SelectStmt *statement)
{
	if (statement->intoClause != NULL)
		return true;
	return statement->op != SETOP_NONE && selects_into(statement->larg);
}

/* Exactly one SELECT, VALUES, TABLE or WITH, without INTO and parameters. */
static RawStmt *
parse_select(const char *text)
{
	List	   *statements = raw_parser(text, RAW_PARSE_DEFAULT);
	RawStmt    *raw;

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(statements == NIL ? "source is empty" : "source holds more than one statement"),
				 errhint("Give the name of a table or view, or exactly one SELECT.")));
	raw = linitial_node(RawStmt, statements);
	if (!IsA(raw->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source is the command %s, not a query", CreateCommandName(raw->stmt)),
				 errhint("Give the name of a table or view, or exactly one SELECT.")));
	if (selects_into((SelectStmt *) raw->stmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source may not use SELECT INTO"),
				 errhint("Leave out INTO; a source only reads.")));
	if (has_parameter(raw->stmt, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source may not have parameters such as $1"),
				 errhint("Write the value into the text of the source, for example with format() and %%L.")));
	return raw;
}

/* Finds anything but reading in a rewritten query tree. */
static bool
check_read_only(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (query->commandType != CMD_SELECT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("source may not change data: it holds %s",
							query->commandType == CMD_INSERT ? "an INSERT" :
							query->commandType == CMD_UPDATE ? "an UPDATE" :
							query->commandType == CMD_DELETE ? "a DELETE" : "a data-modifying command"),
					 errhint("Change the data in a statement of its own before.")));
		if (query->rowMarks != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("source may not lock rows"),
					 errhint("Leave out FOR UPDATE and FOR SHARE, also in views that it reads.")));
		return query_tree_walker(query, check_read_only, context, 0);
	}
	return expression_tree_walker(node, check_read_only, context);
}

/* The query over all columns of another (statement_text) and one expression. */
static char *
extended_query(const char *query, const char *expression)
{
	return psprintf("SELECT s.*, (%s\n)::pg_catalog.text AS mlops_expression FROM (%s) AS s", expression, query);
}

/* Without the semicolon that may follow; a line break ends a comment. */
static char *
statement_text(const RawStmt *raw, const char *text)
{
	const char *start = text + raw->stmt_location;

	return psprintf("%.*s\n", raw->stmt_len > 0 ? raw->stmt_len : (int) strlen(start), start);
}

char *
source_subquery(const char *text)
{
	List	   *names = relation_names(text);
	const char *query = names != NIL ? relation_query(names, text) : text;

	return statement_text(parse_select(query), query);
}

Source *
source_open(const char *text)
{
	return source_open_extended(text, NULL);
}

void
source_check_expression(const char *expression)
{
	List	   *raw = raw_parser(psprintf("SELECT %s\n", expression), RAW_PARSE_DEFAULT);
	SelectStmt *statement = list_length(raw) == 1 ? (SelectStmt *) linitial_node(RawStmt, raw)->stmt : NULL;

	if (statement == NULL || !IsA(statement, SelectStmt) || statement->op != SETOP_NONE || list_length(statement->targetList) != 1 ||
		linitial_node(ResTarget, statement->targetList)->name != NULL || statement->fromClause != NIL ||
		statement->whereClause != NULL || statement->groupClause != NIL || statement->havingClause != NULL ||
		statement->windowClause != NIL || statement->sortClause != NIL || statement->limitCount != NULL ||
		statement->limitOffset != NULL || statement->lockingClause != NIL || statement->intoClause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not one expression", expression)));
}

Source *
source_open_extended(const char *text, const char *expression)
{
	Source	   *source = palloc0(sizeof(Source));
	List	   *names;
	RawStmt    *raw;
	List	   *rewritten;
	ErrorContextCallback callback;

	source->context = CurrentMemoryContext;
	source->text = pstrdup(text);

	source->query_text = source->text;
	push_error_context(&callback, source);

	if (expression != NULL)
		source_check_expression(expression);
	names = relation_names(text);
	if (names != NIL)
		source->query_text = relation_query(names, text);
	raw = parse_select(source->query_text);
	if (expression != NULL)
	{
		source->query_text = extended_query(statement_text(raw, source->query_text), expression);
		raw = parse_select(source->query_text);
	}

	source->analysed = parse_analyze_fixedparams(raw, source->query_text, NULL, 0, NULL);
	rewritten = pg_rewrite_query(copyObject(source->analysed));
	if (list_length(rewritten) != 1)
		elog(ERROR, "a SELECT was rewritten to %d queries", list_length(rewritten));
	source->rewritten = linitial_node(Query, rewritten);
	check_read_only((Node *) source->rewritten, NULL);
	source->descriptor = ExecCleanTypeFromTL(source->rewritten->targetList);

	error_context_stack = callback.previous;
	return source;
}

TupleDesc
source_descriptor(const Source *source)
{
	return source->descriptor;
}

const char *
source_query(const Source *source)
{
	return source->query_text;
}

char *
source_primary_key(const Source *source)
{
	return relations_primary_key(source->analysed);
}

char *
source_relations_json(const Source *source)
{
	return relations_json(source->analysed);
}

void
source_close(Source *source)
{
	if (source->descriptor != NULL)
		FreeTupleDesc(source->descriptor);
	pfree(source);
}

/* ---------- running ---------- */

static PlannedStmt *
source_plan(Source *source)
{
	if (source->plan == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(source->context);
		bool		pushed = false;

		if (!ActiveSnapshotSet())
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			pushed = true;
		}
		source->plan = pg_plan_query(copyObject(source->rewritten), source->query_text, CURSOR_OPT_PARALLEL_OK, NULL);
		if (pushed)
			PopActiveSnapshot();
		MemoryContextSwitchTo(old);
	}
	return source->plan;
}

double
source_estimate(const Source *source)
{
	/* the plan is a cache: planning does not change what the source is */
	return source_plan((Source *) source)->planTree->plan_rows;
}

static bool
receive_slot(TupleTableSlot *slot, DestReceiver *self)
{
	SourceReceiver *receiver = (SourceReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->row_context);
	bool		more;

	receiver->rows++;
	more = receiver->receive(slot, receiver->context);
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->row_context);
	return more;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc descriptor)
{
}

static void
receive_shutdown(DestReceiver *self)
{
}

static void
execute(QueryDesc *query)
{
	ExecutorStart(query, 0);
	compat_executor_run(query);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

int64
source_run(Source *source, SourceRowFn receive, void *context)
{
	PlannedStmt *plan = source_plan(source);
	SourceReceiver receiver;
	QueryDesc  *query;
	ErrorContextCallback callback;
	bool		pushed = false;

	memset(&receiver, 0, sizeof(receiver));
	receiver.pub.receiveSlot = receive_slot;
	receiver.pub.rStartup = receive_startup;
	receiver.pub.rShutdown = receive_shutdown;
	receiver.pub.rDestroy = receive_shutdown;
	receiver.pub.mydest = DestNone;
	receiver.receive = receive;
	receiver.context = context;
	receiver.row_context = AllocSetContextCreate(CurrentMemoryContext, "mlops source row", ALLOCSET_DEFAULT_SIZES);

	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}

	push_error_context(&callback, source);
	query = CreateQueryDesc(plan, source->query_text, GetActiveSnapshot(), InvalidSnapshot,
							(DestReceiver *) &receiver, NULL, NULL, 0);
	execute(query);
	error_context_stack = callback.previous;

	if (pushed)
		PopActiveSnapshot();
	MemoryContextDelete(receiver.row_context);
	return receiver.rows;
}

/* ---------- as the input of an aggregate ---------- */

/* The source's columns, as expressions over a range table with it alone. */
static List *
column_references(const Source *source)
{
	List	   *references = NIL;
	ListCell   *cell;

	foreach(cell, source->rewritten->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!entry->resjunk)
			references = lappend(references, makeVarFromTargetEntry(1, entry));
	}
	return references;
}

static List *
column_names(const Source *source)
{
	List	   *names = NIL;

	for (int i = 0; i < source->descriptor->natts; i++)
		names = lappend(names, makeString(pstrdup(NameStr(TupleDescAttr(source->descriptor, i)->attname))));
	return names;
}

/* ROW(columns) */
static Expr *
row_reference(const Source *source)
{
	RowExpr    *row = makeNode(RowExpr);

	row->args = column_references(source);
	row->colnames = column_names(source);
	row->row_typeid = RECORDOID;
	row->row_format = COERCE_EXPLICIT_CALL;
	row->location = -1;
	return (Expr *) row;
}

static Aggref *
aggregate_call(const Source *source, Oid aggregate, bool as_row)
{
	Aggref	   *call = makeNode(Aggref);
	Param	   *config = makeNode(Param);
	List	   *arguments;
	ListCell   *cell;

	config->paramkind = PARAM_EXTERN;
	config->paramid = 1;
	config->paramtype = BYTEAOID;
	config->paramtypmod = -1;
	config->location = -1;
	arguments = as_row ? list_make1(row_reference(source)) : column_references(source);
	arguments = lcons(config, arguments);

	call->aggfnoid = aggregate;
	call->aggtype = get_func_rettype(aggregate);
	call->aggkind = AGGKIND_NORMAL;
	call->aggno = -1;
	call->aggtransno = -1;
	call->location = -1;
	foreach(cell, arguments)
	{
		call->args = lappend(call->args, makeTargetEntry(lfirst(cell), (AttrNumber) (foreach_current_index(cell) + 1), NULL, false));
		call->aggargtypes = lappend_oid(call->aggargtypes, exprType(lfirst(cell)));
	}
	return call;
}

static Query *
aggregate_query(const Source *source, Oid aggregate, bool as_row)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	RangeTblRef *reference = makeNode(RangeTblRef);

	entry->rtekind = RTE_SUBQUERY;
	entry->subquery = copyObject(source->rewritten);
	entry->eref = makeAlias("source", column_names(source));
	entry->inFromCl = true;
	reference->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->hasAggs = true;
	query->hasRowSecurity = source->rewritten->hasRowSecurity;
	query->rtable = list_make1(entry);
	query->jointree = makeFromExpr(list_make1(reference), NULL);
	query->targetList = list_make1(makeTargetEntry((Expr *) aggregate_call(source, aggregate, as_row), 1, pstrdup("rows"), false));
	query->stmt_location = -1;
	return query;
}

/* Workers of a plan that adds up what each of them has aggregated. */
static int
partial_workers(const PlannedStmt *plan)
{
	const Plan *top = plan->planTree;

	if (!IsA(top, Agg) || ((const Agg *) top)->aggsplit != AGGSPLIT_FINAL_DESERIAL ||
		outerPlan(top) == NULL || !IsA(outerPlan(top), Gather))
		return 0;
	return ((const Gather *) outerPlan(top))->num_workers;
}

int
source_plan_aggregate(Source *source, Oid aggregate, bool as_row, int workers)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);
	int			level = NewGUCNestLevel();
	bool		pushed = false;

	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}
	/* partitions would have parts of their own, several in each process */
	(void) set_config_option("enable_partitionwise_aggregate", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (workers < max_parallel_workers_per_gather)
		(void) set_config_option("max_parallel_workers_per_gather", psprintf("%d", workers), PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	source->aggregate = pg_plan_query(aggregate_query(source, aggregate, as_row), source->query_text, CURSOR_OPT_PARALLEL_OK, NULL);
	AtEOXact_GUC(true, level);
	if (pushed)
		PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	return partial_workers(source->aggregate);
}

void
source_run_aggregate(Source *source, bytea *config)
{
	ParamListInfo parameters = makeParamList(1);
	QueryDesc  *query;
	ErrorContextCallback callback;
	bool		pushed = false;

	parameters->params[0].value = PointerGetDatum(config);
	parameters->params[0].isnull = false;
	parameters->params[0].pflags = PARAM_FLAG_CONST;
	parameters->params[0].ptype = BYTEAOID;
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}
	push_error_context(&callback, source);
	query = CreateQueryDesc(source->aggregate, source->query_text, GetActiveSnapshot(), InvalidSnapshot,
							None_Receiver, parameters, NULL, 0);
	execute(query);
	error_context_stack = callback.previous;
	if (pushed)
		PopActiveSnapshot();
}
