/*
 * team.h
 *	  Processes that run one fit together over shared memory.
 *
 * A team is a leader (rank 0) and helpers.  All of them run the same function:
 * between two synchronisations they take numbered units of work from a shared
 * counter, so a process that gets little of a busy core takes few.  Control is
 * replicated: each process derives the same decisions from the same shared
 * results.  Nothing in shared memory is a pointer; a piece of it is named by
 * the order in which the leader took it.
 *
 * The leader, before the helpers exist: team_share for each piece, then start.
 * A helper finds the pieces in `pieces`.  A team of one needs no other process,
 * shares private memory, and its synchronisations cost a function call.
 *
 * Waiting spins for some 15 us and then sleeps in the callback, which
 * serves cancels and may not return.
 */
#ifndef CORE_TEAM_H
#define CORE_TEAM_H

#include <stdatomic.h>

#include "core/algorithm.h"

#define TEAM_PIECE_MAX ((size_t) 64 * 1024 * 1024)
#define TEAM_MAX_SIZE 64

/* Lives in shared memory, zeroed at first. */
typedef struct TeamSync
{
	_Alignas(64) atomic_uint arrived;
	_Alignas(64) atomic_uint generation;	/* synchronisations completed */
	_Alignas(64) atomic_llong next_unit;
} TeamSync;

struct Team
{
	int			rank;			/* 0: the leader */
	int			size;			/* processes; final once `start` returned */
	int			capacity;		/* most processes that `start` may bring: per-process memory is taken for so many */
	TeamSync   *sync;
	void	  **pieces;
	int			npieces;
	int64_t		units;			/* passes over a block that this process made */
	int64_t		prepared;		/* rows that it made ready for them */
	void	   *context;		/* for the callbacks */
	bool		needs_rows;		/* leader, before `start`: helpers will look for `rows` */
	const FitRows *rows;		/* helper: the rows of the fit, as the leader has them; NULL: it alone has them */

	/*
	 * Leader, before the first piece: these pieces will be asked for in this
	 * order, and each helper takes `own` bytes for itself.  The team may become
	 * smaller.  Where there is no room for them, takes nothing and lowers
	 * `capacity`: to be called again, with the sizes for that.  NULL: no need to know.
	 */
	CoreStatus	(*reserve) (Team *team, CoreEnv *env, const size_t *sizes, int count, size_t own);
	/* Leader: a piece of at most TEAM_PIECE_MAX bytes, aligned to 64, `zeroed` or with anything in it. May fall back to a smaller team. */
	CoreStatus	(*share) (Team *team, CoreEnv *env, size_t size, bool zeroed, void **piece);
	/* Leader: brings the helpers, which call the algorithm's help_rows; NULL for a team of one. */
	void		(*start) (Team *team);
	/* Leader: helpers have left their function or are about to; NULL for a team of one. */
	void		(*stop) (Team *team);
	/* Returns when sync->generation is no longer `generation`. */
	void		(*sleep) (Team *team, unsigned generation);
	/* Called by the process that advanced sync->generation. */
	void		(*wake) (Team *team);
	/* Leader: for progress reports, the first when trees begin to grow or one has; NULL: none. loss NaN: unknown. */
	void		(*progress) (Team *team, int64_t done, int64_t total, double loss);
};

/* A team of one on the memory of `env`. */
extern CoreStatus team_init_serial(CoreEnv *env, Team *team);

/* team->reserve, where there is one. */
extern CoreStatus team_reserve(Team *team, CoreEnv *env, const size_t *sizes, int count, size_t own);
/* team->share with a limit on the size; the piece's number is team->npieces before the call. */
extern CoreStatus team_share(Team *team, CoreEnv *env, size_t size, void **piece);
/* The same with anything in it: pages are first touched by the process that fills them. */
extern CoreStatus team_share_unset(Team *team, CoreEnv *env, size_t size, void **piece);
extern void team_start(Team *team);
extern void team_stop(Team *team);

/* The number of a unit of work that no other process has, counting from 0 after each synchronisation. */
static inline int64_t
team_take(Team *team)
{
	return atomic_fetch_add_explicit(&team->sync->next_unit, 1, memory_order_relaxed);
}

/*
 * Waits until every process of the team is here, then goes on.  The last one
 * to arrive first runs `last` (NULL: nothing) while the others wait: what it
 * writes is seen by all, and nobody reads or writes shared memory meanwhile.
 * A section cannot fail: what goes wrong is a result in shared memory.
 */
typedef void (*TeamSection) (CoreEnv *env, void *argument);
extern void team_synchronize(Team *team, CoreEnv *env, TeamSection last, void *argument);

#endif							/* CORE_TEAM_H */
