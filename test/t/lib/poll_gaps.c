/*
 * poll_gaps.c
 *	  For tests: the longest stretch of processor time in which a backend would not have noticed a cancel.
 *
 * A timer on the processor time of the process raises InterruptPending, as a cancel does, and nothing else: the next
 * CHECK_FOR_INTERRUPTS() that may act takes it down and goes on.  What has passed when the timer finds it still up is a
 * stretch without polls.  Time that others have on the processor does not count, so a busy machine changes little; a
 * stretch is seen when it is longer than a tick of the kernel (1 to 10 ms), and short of its length by up to two of them.
 *
 * LOAD it into a session.  Parallel workers load what their leader has; they write their longest stretch into the server's
 * log when they end.
 */
#include "postgres.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "access/parallel.h"
#include "fmgr.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

#define TICK_US 1000
#define FRAMES 40

static volatile double raised_at;	/* processor time when the flag was raised; 0: not yet */
static volatile double longest;		/* ms */
static void *frames[FRAMES];		/* where the process was late in that stretch */
static volatile int nframes;

extern PGDLLEXPORT void _PG_init(void);
PG_FUNCTION_INFO_V1(poll_gaps_longest);
PG_FUNCTION_INFO_V1(poll_gaps_where);
PG_FUNCTION_INFO_V1(poll_gaps_spin);

static double
processor_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void
tick(SIGNAL_ARGS)
{
	int			saved = errno;
	double		now = processor_ms();

	if (!InterruptPending || raised_at == 0)
		raised_at = now;
	else if (now - raised_at > longest)
	{
		longest = now - raised_at;
		nframes = backtrace(frames, FRAMES);
	}
	InterruptPending = true;
	errno = saved;
}

static void
report(int code, Datum arg)
{
	ereport(LOG, (errmsg("longest stretch without polls: %.1f ms", longest)));
}

void
_PG_init(void)
{
	struct itimerval interval = {{0, TICK_US}, {0, TICK_US}};

	(void) backtrace(frames, 1);	/* the first call loads a library, which a signal handler must not */
	pqsignal(SIGPROF, tick);
	setitimer(ITIMER_PROF, &interval, NULL);
	if (IsParallelWorker())
		before_shmem_exit(report, 0);
}

/* Since the last call. */
Datum
poll_gaps_longest(PG_FUNCTION_ARGS)
{
	double		result = longest;

	longest = 0;
	raised_at = 0;
	PG_RETURN_FLOAT8(result);
}

Datum
poll_gaps_where(PG_FUNCTION_ARGS)
{
	StringInfoData text;
	char	  **symbols = backtrace_symbols(frames, nframes);

	initStringInfo(&text);
	for (int i = 0; symbols != NULL && i < nframes; i++)
		appendStringInfo(&text, "%s\n", symbols[i]);
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}

/* Takes as much processor time without a poll. */
Datum
poll_gaps_spin(PG_FUNCTION_ARGS)
{
	double		end = processor_ms() + PG_GETARG_FLOAT8(0);

	while (processor_ms() < end)
		;
	PG_RETURN_VOID();
}
