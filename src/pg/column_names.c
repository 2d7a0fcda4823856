/*
 * column_names.c
 *	  Lists of column names, and columns by name; see column_names.h.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "core/params.h"
#include "pg/column_names.h"

/* Names have NAMEDATALEN - 1 bytes, quoted at most twice as many and two; with some room for blanks. */
#define LIST_BYTES ((Size) MaxTupleAttributeNumber * (4 * NAMEDATALEN))

char **
column_names_split(const char *list, int *count)
{
	const char *p = list;
	Size		length = strlen(list);
	char	  **names = palloc0(sizeof(char *) * (Min(length / 2, MaxTupleAttributeNumber) + 2));

	if (length > LIST_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a list of column names has %zu bytes, but at most %zu are possible", length, LIST_BYTES)));

	*count = 0;
	while (*p != '\0')
	{
		StringInfoData name;
		bool		quoted = false;

		CHECK_FOR_INTERRUPTS();
		if (*count == MaxTupleAttributeNumber)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a list of column names has more than %d names", MaxTupleAttributeNumber)));
		initStringInfo(&name);
		while (*p == ' ' || *p == '\t' || *p == '\n')
			p++;
		if (*p == '"')
		{
			quoted = true;
			for (p++; *p != '\0' && !(p[0] == '"' && p[1] != '"'); p++)
			{
				if (*p == '"')
					p++;
				appendStringInfoChar(&name, *p);
			}
			if (*p == '"')
				p++;
		}
		for (; *p != '\0' && *p != ','; p++)
		{
			if (!quoted)
				appendStringInfoChar(&name, *p);
			else if (strchr(" \t\n", *p) == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("text follows the quoted column name \"%s\"", name.data),
						 errhint("Separate column names by single commas; write a double quote in a name twice.")));
		}
		while (!quoted && name.len > 0 && strchr(" \t\n", name.data[name.len - 1]) != NULL)
			name.data[--name.len] = '\0';
		if (*p == ',')
			p++;
		if (name.len == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("empty column name in \"%s\"", list),
					 errhint("Separate column names by single commas.")));
		names[(*count)++] = name.data;
	}
	return names;
}

bool
column_names_contain(char **names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Letters of ASCII only, not the locale's: lists are in the bytes of models, which are the same everywhere. */
static bool
is_plain(const char *name)
{
	if (*name == '\0')
		return false;
	for (; *name != '\0'; name++)
	{
		if (IS_HIGHBIT_SET(*name) || (!isalnum((unsigned char) *name) && *name != '_'))
			return false;
	}
	return true;
}

char *
column_names_join(char **names, int count)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(&list, ", ");
		if (is_plain(names[i]))
		{
			appendStringInfoString(&list, names[i]);
			continue;
		}
		appendStringInfoChar(&list, '"');
		for (const char *p = names[i]; *p != '\0'; p++)
		{
			if (*p == '"')
				appendStringInfoChar(&list, '"');
			appendStringInfoChar(&list, *p);
		}
		appendStringInfoChar(&list, '"');
	}
	return list.data;
}

int
column_number_by_name(TupleDesc descriptor, const char *name)
{
	const char **names = palloc(sizeof(char *) * Max(descriptor->natts, 1));
	const char *near;
	int			count = 0;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped)
			continue;
		if (strcmp(NameStr(attribute->attname), name) == 0)
		{
			pfree(names);
			return i + 1;
		}
		names[count++] = NameStr(attribute->attname);
	}
	near = nearest_word(name, names, count);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of the source does not exist", name),
			 near != NULL ? errhint("Did you mean \"%s\"?", near) : 0));
	return 0;
}
