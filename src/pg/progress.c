/*
 * progress.c
 *	  What a training is doing; see progress.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pg/guc.h"
#include "pg/progress.h"

static struct
{
	int			depth;			/* nested trainings report to the outermost */
	const char *phase;
	int64		total;
	TimestampTz started;
	TimestampTz announced;
} current;

void
progress_begin(const char *model, const char *algorithm)
{
	if (current.depth++ > 0)
		return;
	current.phase = "starting";
	current.total = 0;
	current.started = GetCurrentTimestamp();
	current.announced = current.started;
}

void
progress_phase(const char *phase, int64 total)
{
	current.phase = phase;
	current.total = total;
}

void
progress_update(int64 done)
{
	TimestampTz now;

	if (current.depth == 0 || guc_progress_interval_ms == 0)
		return;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(current.announced, now, guc_progress_interval_ms))
		return;
	current.announced = now;
	ereport(NOTICE,
			(errmsg("%s: " INT64_FORMAT " of " INT64_FORMAT, current.phase, done, current.total)));
}

void
progress_metric(int iteration, double loss)
{
}

void
progress_end(void)
{
	if (current.depth > 0)
		current.depth--;
}

void
progress_init(void)
{
}
