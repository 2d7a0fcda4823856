/*
 * team_table.h
 *	  Records of one size in the shared pieces of a team; see team.h.
 *
 * A piece holds a power of two of them, so that finding one is a shift, a mask
 * and a multiplication.  The struct is flat: helpers find a copy of it in a
 * piece.
 */
#ifndef CORE_TEAM_TABLE_H
#define CORE_TEAM_TABLE_H

#include "core/team.h"

typedef struct TeamTable
{
	size_t		stride;			/* bytes of a record, a multiple of 8 */
	int32_t		piece;			/* the first one */
	int32_t		bits;			/* log2 of the records of a piece */
} TeamTable;

/* Leader: takes the pieces of `count` records of `size` bytes, zeroed, aligned to 8. */
extern CoreStatus team_table_share(Team *team, CoreEnv *env, int64_t count, size_t size, TeamTable *table);

/* Sizes of the pieces that it will take (NULL: not asked for); how many there are. */
extern int	team_table_pieces(int64_t count, size_t size, size_t *sizes);

static inline void *
team_table_at(const Team *team, const TeamTable *table, int64_t index)
{
	char	   *piece = team->pieces[table->piece + (index >> table->bits)];

	return piece + (size_t) (index & (((int64_t) 1 << table->bits) - 1)) * table->stride;
}

#endif							/* CORE_TEAM_TABLE_H */
