/*
 * team_table.c
 *	  Taking the pieces of a table; see team_table.h.
 */
#include "core/team_table.h"

#define ALIGNMENT sizeof(double)

/* Sets stride and bits; records of a piece. */
static int64_t
lay_out(int64_t count, size_t size, TeamTable *table)
{
	int64_t		records = 1;

	table->stride = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	table->bits = 0;
	while (2 * (size_t) records * table->stride <= TEAM_PIECE_MAX && records < count)
	{
		records *= 2;
		table->bits++;
	}
	return records;
}

int
team_table_pieces(int64_t count, size_t size, size_t *sizes)
{
	TeamTable	table;
	int64_t		records = lay_out(count, size, &table);
	int			npieces = 0;

	for (int64_t left = count; left > 0; left -= records, npieces++)
	{
		if (sizes != NULL)
			sizes[npieces] = (size_t) (left < records ? left : records) * table.stride;
	}
	return npieces;
}

CoreStatus
team_table_share(Team *team, CoreEnv *env, int64_t count, size_t size, TeamTable *table)
{
	int64_t		records;

	if (size > TEAM_PIECE_MAX)
		return env_fail(env, CORE_TOO_LARGE, "a record of %zu bytes exceeds the limit of shared memory", size);
	records = lay_out(count, size, table);
	table->piece = team->npieces;
	for (int64_t left = count; left > 0; left -= records)
	{
		void	   *piece;

		CORE_TRY(team_share(team, env, (size_t) (left < records ? left : records) * table->stride, &piece));
	}
	return CORE_OK;
}
