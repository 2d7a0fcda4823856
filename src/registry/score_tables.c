/*
 * score_tables.c
 *	  mlops.score_into: a table of scores by key, and the record of what filled it.
 *
 * Everything is read and written as the caller, in one statement, so under one
 * snapshot; the record is the extension's.  Its row is locked first: sessions
 * that fill the same table queue up there, also when there is no table yet.
 * Cost: the source once, scored, and one index lookup a row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "core/params.h"
#include "pg/column_names.h"
#include "pg/source.h"
#include "registry/registry.h"

#define COLUMNS 7

PG_FUNCTION_INFO_V1(mlops_score_into);

typedef struct Filling
{
	char	   *reference;
	char	   *source;
	char	   *subquery;		/* the source, to stand in parentheses */
	char	   *schema;
	char	   *table;
	char	   *relation;		/* both, quoted */
	bool		exists;
	ResolvedModel resolved;
	const Model *model;
	bool		labels;			/* a classifier */
	char	   *table_key;		/* of the table that is there */
	char	   *key;			/* as it is recorded */
	char	  **keys;
	Oid		   *types;			/* of the keys */
	int32	   *typmods;
	Oid		   *collations;
	int			nkeys;
	int64		rows;
	int64		added;
	int64		changed;
	int64		removed;
} Filling;

/* ---------- the table ---------- */

static Oid
find_table(const Filling *filling)
{
	Oid			schema = get_namespace_oid(filling->schema, false);

	return get_relname_relid(filling->table, schema);
}

/* Where the name leads, and whether the caller may do what is to be done there, before anything is locked. */
static void
name_table(Filling *filling, text *name)
{
	RangeVar   *range = makeRangeVarFromNameList(textToQualifiedNameList(name));
	Oid			relation = RangeVarGetRelid(range, NoLock, true);
	Oid			schema;

	filling->exists = OidIsValid(relation);
	schema = filling->exists ? get_rel_namespace(relation) : RangeVarGetCreationNamespace(range);
	if (isTempOrTempToastNamespace(schema) || (filling->exists && get_rel_persistence(relation) == RELPERSISTENCE_TEMP))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("a table of scores cannot be temporary")));
	filling->schema = get_namespace_name(schema);
	filling->table = pstrdup(range->relname);
	filling->relation = quote_qualified_identifier(filling->schema, filling->table);
	if (filling->exists)
	{
		const AclMode needed[] = {ACL_SELECT, ACL_INSERT, ACL_UPDATE, ACL_DELETE};

		for (size_t i = 0; i < lengthof(needed); i++)
		{
			AclResult	allowed = pg_class_aclcheck(relation, GetUserId(), needed[i]);

			if (allowed != ACLCHECK_OK)
				aclcheck_error(allowed, OBJECT_TABLE, filling->table);
		}
	}
	else
	{
		AclResult	allowed = compat_schema_aclcheck(schema, GetUserId(), ACL_CREATE);

		if (allowed != ACLCHECK_OK)
			aclcheck_error(allowed, OBJECT_SCHEMA, filling->schema);
	}
}

/*
 * Locks the record, or makes it, and the model, so that it is not dropped
 * meanwhile.  Only a table that the record says is this model's is filled again.
 */
static void
lock_record(Filling *filling)
{
	CatalogWork work;
	CatalogArg	args[] = {
		arg_text(filling->relation), arg_uuid(&filling->resolved.model.model_id), arg_text(""),
		arg_bytea(filling->resolved.version.sha256, 32), arg_role(GetUserId())
	};
	MemoryContext caller = CurrentMemoryContext;
	bool		isnull;
	bool		made;
	bool		same;

	catalog_begin(&work);
	if (catalog_execute("SELECT 1 FROM mlops.registered_models WHERE model_id = $1 FOR KEY SHARE", 1, &args[1]) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" was dropped just now", filling->resolved.model.name)));
	catalog_execute("INSERT INTO mlops.scored_tables AS s (relation, model_id, selector, scored_with, scored_bytes, source, key, rows, scored_by) "
					"VALUES ($1, $2, $3, 0, $4, '', '', 0, $5) ON CONFLICT (relation) DO UPDATE SET relation = s.relation "
					"RETURNING (s.xmax = 0), s.model_id = $2, s.key", lengthof(args), args);
	made = DatumGetBool(catalog_result(1, &isnull));
	same = DatumGetBool(catalog_result(2, &isnull));
	filling->table_key = MemoryContextStrdup(caller, TextDatumGetCString(catalog_result(3, &isnull)));
	catalog_end(&work);

	CommandCounterIncrement();
	filling->exists = OidIsValid(find_table(filling));
	if (filling->exists && made)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation %s already exists", filling->relation),
				 errdetail("It was not made by mlops.score_into."),
				 errhint("Name a new table: it gets the columns that scores need.")));
	if (filling->exists && !same)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("table %s holds the scores of another model", filling->relation),
				 errhint("Name another table, or drop this one first.")));
}

/* What the caller named behind the model's name, in one spelling. */
static char *
selector_of(const char *reference)
{
	ModelRef	ref;

	model_ref_parse(reference, &ref);
	switch (ref.kind)
	{
		case REF_PRODUCTION:
			return pstrdup("");
		case REF_VERSION:
			return psprintf("/%d", ref.version);
		case REF_LATEST:
			return pstrdup("/latest");
		case REF_STAGE:
			return psprintf("/%s", ref.stage);
		case REF_ALIAS:
			return psprintf("@%s", ref.alias);
		case REF_TIME:
			return pstrdup(strchr(reference, '@'));
	}
	return NULL;
}

static void
save_record(const Filling *filling)
{
	CatalogWork work;
	CatalogArg	args[] = {
		arg_text(filling->relation), arg_uuid(&filling->resolved.model.model_id), arg_text(selector_of(filling->reference)),
		arg_int4(filling->resolved.version.version), arg_bytea(filling->resolved.version.sha256, 32), arg_text(filling->source),
		arg_text(filling->key), arg_int8(filling->rows), arg_role(GetUserId())
	};

	catalog_begin(&work);
	catalog_execute("UPDATE mlops.scored_tables SET model_id = $2, selector = $3, scored_with = $4, scored_bytes = $5, source = $6, "
					"key = $7, rows = $8, scored_by = $9, scored_at = pg_catalog.now() WHERE relation = $1", lengthof(args), args);
	catalog_end(&work);
}

/* ---------- the key ---------- */

/* The key of the version's training, where none is given. */
static char *
recorded_key(const Filling *filling)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogArg	args[] = {arg_uuid(&filling->resolved.model.model_id), arg_int4(filling->resolved.version.version)};
	CatalogWork work;
	char	   *key = NULL;
	bool		isnull;
	Datum		value;

	catalog_begin(&work);
	catalog_read("SELECT key FROM mlops.model_versions WHERE model_id = $1 AND version = $2", lengthof(args), args);
	value = catalog_result(1, &isnull);
	if (!isnull)
		key = MemoryContextStrdup(caller, TextDatumGetCString(value));
	catalog_end(&work);
	return key;
}

static void
check_key_names(const Filling *filling)
{
	static const char *const taken[] = {"score", "label", "model_version", "scored_at"};

	if (filling->nkeys == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key names no column")));
	for (int i = 0; i < filling->nkeys; i++)
	{
		for (size_t k = 0; k < lengthof(taken); k++)
			if (strcmp(filling->keys[i], taken[k]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("a table of scores has a column \"%s\", which cannot be its key", taken[k]),
						 errhint("Give the key another name in the source: SELECT %s AS id, ...", taken[k])));
		for (int k = 0; k < i; k++)
			if (strcmp(filling->keys[i], filling->keys[k]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is in the key twice", filling->keys[i])));
	}
}

static void
read_key(Filling *filling, const char *given)
{
	Source	   *source = source_open(filling->source);
	TupleDesc	descriptor = source_descriptor(source);
	const char *key = given != NULL ? given : filling->exists ? filling->table_key : recorded_key(filling);

	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the rows of a table of scores need a key"),
				 errdetail("Version %d of model \"%s\" was trained without one.", filling->resolved.version.version,
						   filling->resolved.model.name),
				 errhint("Pass key => 'customer_id', or several columns separated by commas.")));
	filling->keys = column_names_split(key, &filling->nkeys);
	filling->key = column_names_join(filling->keys, filling->nkeys);
	check_key_names(filling);
	if (filling->exists && strcmp(filling->key, filling->table_key) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table %s has the key \"%s\", not \"%s\"", filling->relation, filling->table_key, filling->key),
				 errhint("Name another table, or drop this one first.")));
	filling->types = palloc(sizeof(Oid) * filling->nkeys);
	filling->typmods = palloc(sizeof(int32) * filling->nkeys);
	filling->collations = palloc(sizeof(Oid) * filling->nkeys);
	for (int i = 0; i < filling->nkeys; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, column_number_by_name(descriptor, filling->keys[i]) - 1);

		filling->types[i] = column->atttypid;
		filling->typmods[i] = column->atttypmod;
		filling->collations[i] = column->attcollation;
	}
	source_close(source);
}

/* ---------- the table that is there ---------- */

static void
check_column(const Filling *filling, Oid relation, const char *name, Oid type, int32 typmod, Oid *collation)
{
	AttrNumber	attribute = get_attnum(relation, name);
	Oid			actual = InvalidOid;
	int32		actual_typmod = -1;

	if (attribute > 0)
		get_atttypetypmodcoll(relation, attribute, &actual, &actual_typmod, collation);
	/* a key that is rounded or cut would be another one */
	if (actual == type && (actual_typmod == -1 || actual_typmod == typmod))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("table %s cannot take these scores", filling->relation),
			 attribute > 0 ?
			 errdetail("Column \"%s\" has type %s, but would need %s.", name, format_type_with_typemod(actual, actual_typmod),
					   format_type_with_typemod(type, typmod)) :
			 errdetail("It has no column \"%s\" of type %s.", name, format_type_with_typemod(type, typmod)),
			 errhint("Name another table, or drop this one first.")));
}

/* A name may be that of another table by now, and a source may have other types. */
static void
check_columns(Filling *filling)
{
	Oid			relation = find_table(filling);
	Oid			collation;

	for (int i = 0; i < filling->nkeys; i++)
		check_column(filling, relation, filling->keys[i], filling->types[i], filling->typmods[i], &filling->collations[i]);
	check_column(filling, relation, "score", FLOAT8OID, -1, &collation);
	if (filling->labels)
		check_column(filling, relation, "label", TEXTOID, -1, &collation);
	check_column(filling, relation, "model_version", INT4OID, -1, &collation);
	check_column(filling, relation, "scored_at", TIMESTAMPTZOID, -1, &collation);
	if (get_rel_relkind(relation) != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not a table", filling->relation),
				 errhint("Name a new table: it gets the columns that scores need.")));
}

/* The equality of the key's type, whatever the search path holds. */
static char *
equality(Oid type)
{
	Oid			operator = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	tuple;
	char	   *text;

	if (!OidIsValid(operator))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("a value of type %s cannot be a key", format_type_be(type)),
				 errdetail("The type has no equality.")));
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	text = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace)),
					NameStr(((Form_pg_operator) GETSTRUCT(tuple))->oprname));
	ReleaseSysCache(tuple);
	return text;
}

/* " COLLATE ..." of a key, or nothing: equal here must mean equal in the primary key. */
static const char *
collate_clause(const Filling *filling, int i)
{
	return OidIsValid(filling->collations[i]) ? psprintf(" COLLATE %s", generate_collation_name(filling->collations[i])) : "";
}

/* The keys of the source, compared as the table compares them. */
static char *
source_keys(const Filling *filling)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < filling->nkeys; i++)
	{
		const char *name = quote_identifier(filling->keys[i]);

		appendStringInfo(&out, "%sq.%s%s AS %s", i > 0 ? ", " : "", name, collate_clause(filling, i), name);
	}
	return out.data;
}

/* "alias.k1, alias.k2" */
static char *
key_list(const Filling *filling, const char *alias)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < filling->nkeys; i++)
		appendStringInfo(&out, "%s%s%s", i > 0 ? ", " : "", alias, quote_identifier(filling->keys[i]));
	return out.data;
}

/* ---------- statements ---------- */

static void
create_table(const Filling *filling)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", filling->relation);
	for (int i = 0; i < filling->nkeys; i++)
		appendStringInfo(&sql, "%s %s%s NOT NULL, ", quote_identifier(filling->keys[i]),
						 format_type_extended(filling->types[i], filling->typmods[i],
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY), collate_clause(filling, i));
	appendStringInfo(&sql, "score pg_catalog.float8, %smodel_version pg_catalog.int4 NOT NULL, "
					 "scored_at pg_catalog.timestamptz NOT NULL, PRIMARY KEY (%s))",
					 filling->labels ? "label pg_catalog.text, " : "", key_list(filling, ""));
	if (SPI_execute(sql.data, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not create table %s", filling->relation);
}

/* The score of a row: what predict gives; with more than two classes, the probability of the label. */
static char *
score_expression(const Filling *filling, const char *reference)
{
	if (filling->model->task == TASK_MULTICLASS)
		return psprintf("(SELECT pg_catalog.max(p.p) FROM pg_catalog.unnest(mlops.predict_proba(%s, q)) AS p (p))", reference);
	return psprintf("mlops.predict(%s, q)", reference);
}

/*
 * One statement: score, remove, add and change, count.  Nothing happens while
 * the source has a key twice or an empty one; then its number is told.
 */
static char *
fill_statement(const Filling *filling)
{
	char	   *reference = psprintf("%s::pg_catalog.text", quote_literal_cstr(psprintf("%s/%d", filling->resolved.model.name,
																					 filling->resolved.version.version)));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "WITH s AS MATERIALIZED (SELECT %s, %s AS score%s FROM (%s) AS q), ", source_keys(filling),
					 score_expression(filling, reference),
					 filling->labels ? psprintf(", mlops.predict_label(%s, q) AS label", reference) : "", filling->subquery);
	appendStringInfo(&sql, "bad AS MATERIALIZED (SELECT pg_catalog.count(*) AS n FROM (SELECT 1 FROM s GROUP BY %s HAVING pg_catalog.count(*) "
					 "OPERATOR(pg_catalog.>) 1", key_list(filling, "s."));
	for (int i = 0; i < filling->nkeys; i++)
		appendStringInfo(&sql, " OR s.%s IS NULL", quote_identifier(filling->keys[i]));
	appendStringInfo(&sql, ") AS b), removed AS (DELETE FROM %s AS t WHERE (SELECT b.n FROM bad AS b) OPERATOR(pg_catalog.=) 0 AND "
					 "NOT EXISTS (SELECT FROM s WHERE ", filling->relation);
	for (int i = 0; i < filling->nkeys; i++)
		appendStringInfo(&sql, "%ss.%s %s t.%s", i > 0 ? " AND " : "", quote_identifier(filling->keys[i]), equality(filling->types[i]),
						 quote_identifier(filling->keys[i]));
	appendStringInfo(&sql, ") RETURNING 1), put AS (INSERT INTO %s AS t (%s, score%s, model_version, scored_at) "
					 "SELECT %s, s.score%s, %d, pg_catalog.now() FROM s WHERE (SELECT b.n FROM bad AS b) OPERATOR(pg_catalog.=) 0 "
					 "ON CONFLICT (%s) DO UPDATE SET score = EXCLUDED.score%s, model_version = EXCLUDED.model_version, scored_at = EXCLUDED.scored_at "
					 "WHERE NOT (t.model_version OPERATOR(pg_catalog.=) EXCLUDED.model_version "
					 "AND COALESCE(t.score OPERATOR(pg_catalog.=) EXCLUDED.score, t.score IS NULL AND EXCLUDED.score IS NULL)%s) "
					 "RETURNING t.xmax OPERATOR(pg_catalog.=) '0'::pg_catalog.xid AS added) ",
					 filling->relation, key_list(filling, ""), filling->labels ? ", label" : "", key_list(filling, "s."),
					 filling->labels ? ", s.label" : "", filling->resolved.version.version, key_list(filling, ""),
					 filling->labels ? ", label = EXCLUDED.label" : "",
					 filling->labels ? " AND COALESCE(t.label OPERATOR(pg_catalog.=) EXCLUDED.label, t.label IS NULL AND EXCLUDED.label IS NULL)" : "");
	appendStringInfoString(&sql, "SELECT (SELECT b.n FROM bad AS b), (SELECT pg_catalog.count(*) FROM s), "
						   "(SELECT pg_catalog.count(*) FROM put WHERE added), (SELECT pg_catalog.count(*) FROM put WHERE NOT added), "
						   "(SELECT pg_catalog.count(*) FROM removed)");
	return sql.data;
}

static int64
count_result(int column)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull));
}

/* As the caller.  Compiling to machine code takes longer to begin than it ever saves where predictions are all the work. */
static void
fill_table(Filling *filling)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	if (!filling->exists)
		create_table(filling);
	else if (SPI_execute(psprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", filling->relation), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not lock table %s", filling->relation);
	if (SPI_execute(fill_statement(filling), false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not fill table %s", filling->relation);
	if (count_result(1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("key \"%s\" does not tell the rows of the source apart", filling->key),
				 errdetail("%lld of its values are NULL or there more than once.", (long long) count_result(1))));
	filling->rows = count_result(2);
	filling->added = count_result(3);
	filling->changed = count_result(4);
	filling->removed = count_result(5);
	SPI_finish();
	AtEOXact_GUC(true, level);
}

/* score_into(model, source, target_table, key) */
Datum
mlops_score_into(PG_FUNCTION_ARGS)
{
	Filling		filling = {0};
	char	   *given = PG_ARGISNULL(3) ? NULL : registry_text(fcinfo, 3, "key");
	pg_uuid_t	locked;
	TupleDesc	descriptor;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};

	filling.reference = registry_text(fcinfo, 0, "model");
	filling.source = registry_text(fcinfo, 1, "source");
	(void) registry_text(fcinfo, 2, "target_table");
	PreventCommandIfReadOnly("mlops.score_into()");
	PreventCommandIfParallelMode("mlops.score_into()");
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	model_ref_resolve(filling.reference, PRIVILEGE_PREDICT, &filling.resolved);
	filling.subquery = source_subquery(filling.source);
	name_table(&filling, PG_GETARG_TEXT_PP(2));
	lock_record(&filling);
	/* what the reference means after the wait */
	catalog_push_snapshot();
	locked = filling.resolved.model.model_id;
	model_ref_resolve(filling.reference, PRIVILEGE_PREDICT, &filling.resolved);
	if (memcmp(&locked, &filling.resolved.model.model_id, sizeof(locked)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the name \"%s\" has just gone to another model", filling.resolved.model.name),
				 errhint("Try it again.")));
	filling.model = model_ref_open(psprintf("%s/%d", filling.resolved.model.name, filling.resolved.version.version),
								   PRIVILEGE_PREDICT)->model;
	read_key(&filling, given);
	catalog_pop_snapshot();
	filling.labels = filling.model->task == TASK_BINARY || filling.model->task == TASK_MULTICLASS;
	if (filling.exists)
		check_columns(&filling);
	fill_table(&filling);
	save_record(&filling);

	values[0] = CStringGetTextDatum(filling.resolved.model.name);
	values[1] = Int32GetDatum(filling.resolved.version.version);
	values[2] = CStringGetTextDatum(filling.relation);
	values[3] = Int64GetDatum(filling.rows);
	values[4] = Int64GetDatum(filling.added);
	values[5] = Int64GetDatum(filling.changed);
	values[6] = Int64GetDatum(filling.removed);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/* ---------- what is stale ---------- */

void
registry_tell_stale(const Registered *target, bool served)
{
	Oid			types[] = {TEXTOID, UUIDOID, BOOLOID};
	Datum		values[] = {CStringGetTextDatum(target->model.name), UUIDPGetDatum(&target->model.model_id), BoolGetDatum(served)};
	char	   *objects;

	SPI_connect();
	if (SPI_execute_with_args("SELECT pg_catalog.string_agg(u.object, ', ' ORDER BY u.object COLLATE \"C\") FROM ("
							  "SELECT s.relation FROM mlops.score_tables s WHERE s.model_id OPERATOR(pg_catalog.=) $2 AND s.stale "
							  "UNION SELECT l.object FROM mlops.lineage($1) l "
							  "WHERE $3 AND l.direction OPERATOR(pg_catalog.=) 'use' AND l.kind OPERATOR(pg_catalog.=) 'materialized view' "
							  "AND (l.version IS NULL OR pg_catalog.lower(l.relates_to) OPERATOR(pg_catalog.~) '^(models:/)?[^/@]*(/production)?$') "
							  "UNION SELECT m.tags OPERATOR(pg_catalog.->>) 'score_tables' FROM mlops.models m "
							  "WHERE $3 AND m.model_id OPERATOR(pg_catalog.=) $2) u (object)", 3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "reading the lineage of model \"%s\" failed", target->model.name);
	objects = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (objects != NULL)
		ereport(NOTICE,
				(errmsg("scores stored from model \"%s\" are now those of another version: %s", target->model.name, objects),
				 errhint("Fill the tables again with mlops.score_into, and REFRESH MATERIALIZED VIEW.")));
	SPI_finish();
}
