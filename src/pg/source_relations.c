/*
 * source_relations.c
 *	  The relations behind a query, with their definitions; see source_relations.h.
 *
 * Recorded beside a model so that a later reader can tell whether the query
 * still means the same: a view's text may change while its name does not.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/column_names.h"
#include "pg/source_relations.h"

static bool
collect_relations(Node *node, void *context)
{
	List	  **oids = context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		if (entry->rtekind == RTE_RELATION && !list_member_oid(*oids, entry->relid))
		{
			*oids = lappend_oid(*oids, entry->relid);
			if (entry->relkind == RELKIND_VIEW)
			{
				Relation	view = relation_open(entry->relid, AccessShareLock);
				Query	   *definition = copyObject(get_view_query(view));

				relation_close(view, NoLock);
				check_stack_depth();
				query_tree_walker(definition, collect_relations, context, QTW_EXAMINE_RTES_BEFORE);
			}
		}
		return false;
	}
	if (IsA(node, Query))
	{
		check_stack_depth();
		return query_tree_walker((Query *) node, collect_relations, context, QTW_EXAMINE_RTES_BEFORE);
	}
	return expression_tree_walker(node, collect_relations, context);
}

static const char *
relation_kind(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
			return "table";
		case RELKIND_PARTITIONED_TABLE:
			return "partitioned table";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		case RELKIND_SEQUENCE:
			return "sequence";
		default:
			return "relation";
	}
}

static void
append_relation(StringInfo json, Oid oid)
{
	Relation	relation = relation_open(oid, AccessShareLock);
	TupleDesc	descriptor = RelationGetDescr(relation);
	char		relkind = relation->rd_rel->relkind;
	bool		first = true;

	appendStringInfoString(json, "{\"relation\": ");
	escape_json(json, quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												 RelationGetRelationName(relation)));
	appendStringInfoString(json, ", \"kind\": ");
	escape_json(json, relation_kind(relkind));
	appendStringInfoString(json, ", \"columns\": [");
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped)
			continue;
		if (!first)
			appendStringInfoString(json, ", ");
		first = false;
		appendStringInfoString(json, "{\"name\": ");
		escape_json(json, NameStr(attribute->attname));
		appendStringInfoString(json, ", \"type\": ");
		escape_json(json, format_type_with_typemod(attribute->atttypid, attribute->atttypmod));
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
	relation_close(relation, NoLock);

	if (relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW)
	{
		Datum		definition = DirectFunctionCall1(pg_get_viewdef, ObjectIdGetDatum(oid));

		appendStringInfoString(json, ", \"definition\": ");
		escape_json(json, TextDatumGetCString(definition));
	}
	appendStringInfoChar(json, '}');
}

char *
relations_json(Query *query)
{
	List	   *oids = NIL;
	ListCell   *cell;
	StringInfoData json;
	int			guc_level;

	collect_relations((Node *) query, &oids);

	/* names in definitions are qualified, whatever the caller's search_path */
	guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(cell, oids)
	{
		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		append_relation(&json, lfirst_oid(cell));
	}
	appendStringInfoChar(&json, ']');

	AtEOXact_GUC(true, guc_level);
	return json.data;
}

/* The output name of column `attribute` of the range table entry `rtindex`, or NULL. */
static char *
output_name(const Query *query, int rtindex, AttrNumber attribute)
{
	ListCell   *cell;

	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		Var		   *var = (Var *) entry->expr;

		if (!entry->resjunk && IsA(var, Var) && var->varno == rtindex && var->varattno == attribute &&
			var->varlevelsup == 0)
			return entry->resname;
	}
	return NULL;
}

char *
relations_primary_key(Query *query)
{
	FromExpr   *from = query->jointree;
	int			rtindex;
	RangeTblEntry *entry;
	Oid			constraint;
	Bitmapset  *columns;
	char	  **names;
	int			count = 0;
	int			member = -1;

	/* one table, each of whose rows comes out at most once */
	if (query->commandType != CMD_SELECT || query->setOperations != NULL || query->groupClause != NIL ||
		query->hasTargetSRFs || list_length(from->fromlist) != 1 || !IsA(linitial(from->fromlist), RangeTblRef))
		return NULL;
	rtindex = linitial_node(RangeTblRef, from->fromlist)->rtindex;
	entry = rt_fetch(rtindex, query->rtable);
	if (entry->rtekind != RTE_RELATION ||
		(entry->relkind != RELKIND_RELATION && entry->relkind != RELKIND_PARTITIONED_TABLE))
		return NULL;
	columns = get_primary_key_attnos(entry->relid, false, &constraint);
	if (columns == NULL)
		return NULL;
	names = palloc(sizeof(char *) * bms_num_members(columns));
	while ((member = bms_next_member(columns, member)) >= 0)
	{
		names[count] = output_name(query, rtindex, (AttrNumber) (member + FirstLowInvalidHeapAttributeNumber));
		if (names[count++] == NULL)
			return NULL;
	}
	return column_names_join(names, count);
}
