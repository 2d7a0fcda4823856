/*
 * tree_team.c
 *	  Synchronisation of a team, and the team of one; see team.h.
 *
 * The barrier counts arrivals; the last process resets the counters and
 * advances the generation, which is what the others wait for.
 */
#include "core/team.h"

#include <string.h>

#define SPIN_ROUNDS 1000		/* of a pause instruction each: about 15 us, longer than a unit of searching takes */
#define SERIAL_PIECES 16

static CoreStatus
serial_share(Team *team, CoreEnv *env, size_t size, bool zeroed, void **piece)
{
	(void) team;
	(void) zeroed;
	*piece = env_alloc(env, size, 1);
	return *piece != NULL ? CORE_OK : CORE_NO_MEMORY;
}

CoreStatus
team_init_serial(CoreEnv *env, Team *team)
{
	memset(team, 0, sizeof(*team));
	CORE_ALLOC(env, team->sync, 1);
	team->size = 1;
	team->capacity = 1;
	team->share = serial_share;
	return CORE_OK;
}

CoreStatus
team_reserve(Team *team, CoreEnv *env, const size_t *sizes, int count, size_t own)
{
	return team->reserve != NULL ? team->reserve(team, env, sizes, count, own) : CORE_OK;
}

static CoreStatus
share(Team *team, CoreEnv *env, size_t size, bool zeroed, void **piece)
{
	if (size > TEAM_PIECE_MAX)
		return env_fail(env, CORE_TOO_LARGE, "a piece of %zu bytes exceeds the limit of shared memory", size);
	if (team->npieces % SERIAL_PIECES == 0)
	{
		void	  **larger;

		CORE_ALLOC(env, larger, (size_t) team->npieces + SERIAL_PIECES);
		if (team->npieces > 0)
			memcpy(larger, team->pieces, (size_t) team->npieces * sizeof(void *));
		env_release(env, team->pieces);
		team->pieces = larger;
	}
	CORE_TRY(team->share(team, env, size, zeroed, piece));
	team->pieces[team->npieces++] = *piece;
	return CORE_OK;
}

CoreStatus
team_share(Team *team, CoreEnv *env, size_t size, void **piece)
{
	return share(team, env, size, true, piece);
}

CoreStatus
team_share_unset(Team *team, CoreEnv *env, size_t size, void **piece)
{
	return share(team, env, size, false, piece);
}

void
team_start(Team *team)
{
	if (team->start != NULL)
		team->start(team);
}

void
team_stop(Team *team)
{
	if (team->stop != NULL)
		team->stop(team);
}

static inline void
pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

void
team_synchronize(Team *team, CoreEnv *env, TeamSection last, void *argument)
{
	TeamSync   *sync = team->sync;
	unsigned	generation = atomic_load_explicit(&sync->generation, memory_order_relaxed);

	if (atomic_fetch_add_explicit(&sync->arrived, 1, memory_order_acq_rel) + 1 == (unsigned) team->size)
	{
		if (last != NULL)
			last(env, argument);
		atomic_store_explicit(&sync->arrived, 0, memory_order_relaxed);
		atomic_store_explicit(&sync->next_unit, 0, memory_order_relaxed);
		atomic_store_explicit(&sync->generation, generation + 1, memory_order_release);
		if (team->size > 1)
			team->wake(team);
		return;
	}
	for (int i = 0; i < SPIN_ROUNDS; i++)
	{
		if (atomic_load_explicit(&sync->generation, memory_order_acquire) != generation)
			return;
		pause_briefly();
	}
	team->sleep(team, generation);
	atomic_thread_fence(memory_order_acquire);
}
