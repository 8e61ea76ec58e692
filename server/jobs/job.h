/*
 * What the jobs share: one unit at a time in an arena of their own, and a timer between runs.
 *
 *	job_begin → fill job->unit → job_submit → done → job_sleep
 */
#ifndef OTKLIK_JOBS_JOB_H
#define OTKLIK_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/pool.h"
#include "db/rows.h"
#include "db/unit.h"
#include "jobs/jobs.h"
#include "loop/loop.h"

struct job {
	const char *name;
	struct loop *loop;
	struct db_pool *pool;
	struct otk_clock *clock;
	struct loop_timer *timer;
	struct arena *arena;
	struct db_unit *unit;
	bool under_way;
	bool failing; /* said in the log once */
	bool idle;    /* sleeps because there was nothing to do */
	bool woken;   /* while it did not */
	int64_t wake_us;
};

/* 0, or -OTK_RESOURCE_EXHAUSTED; job_release in either case. `run(job_arg)` is called by the
 * timer, which is not set. */
int job_init(struct job *job, const char *name, const struct jobs_options *options,
        size_t arena_budget, void (*run)(void *arg), void *arg);
void job_release(struct job *job);

/* An empty unit that sees every customer, in the cleared arena; NULL: slept instead. */
struct db_unit *job_begin(struct job *job, enum db_mode mode);
/* One more unit in the same arena, for a next step over what the last one read. */
struct db_unit *job_next(struct job *job, enum db_mode mode);
void job_submit(struct job *job, unsigned timeout_ms, db_unit_done *done, void *context);

/*
 * To be called first in `done`: false when the unit failed; then it is logged (once until the
 * next success) and the timer set to try again.
 */
bool job_succeeded(struct job *job);

void job_sleep(struct job *job, int64_t us);

/* The same when nothing was found to do: job_wake ends it, also one that came meanwhile. */
void job_idle(struct job *job, int64_t us);

/*
 * There may be something to do: an idle sleep, this one or the next, ends in delay_us. From the
 * loop. The delay is for jobs that take much at once more cheaply than little often.
 */
void job_wake(struct job *job, int64_t delay_us);

#endif
