/*
 * When somebody has written, and again while there is something: feed_sequence in a transaction
 * of its own, and after its commit a notification. The two stay apart because NOTIFY takes a
 * lock on the whole cluster until its commit, and one that wrote nothing has nothing to flush.
 *
 * Writers of this host say so; for those of other hosts it looks by itself, every 20 ms while
 * there is work and ever less often when there is none, or an idle system would never rest.
 */
#include "jobs/sequencer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "jobs/job.h"
#include "sql/statements.h"

enum { UNIT_MS = 60000, BUDGET = 64 * 1024 };

#define IDLE_MIN_US INT64_C(20000)
#define IDLE_MAX_US INT64_C(640000)
#define BUSY_US INT64_C(5000)

struct sequencer {
	struct job job;
	int64_t idle_us; /* the next sleep, if nothing is found */
};

static void run(void *arg);

static void notified(void *context, struct db_unit *unit)
{
	struct sequencer *s = context;

	(void)unit;
	if (job_succeeded(&s->job))
		job_sleep(&s->job, BUSY_US);
}

static void sequenced(void *context, struct db_unit *unit)
{
	struct sequencer *s = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);
	const char *head;

	if (!job_succeeded(&s->job))
		return;
	if (db_rows_count(rows) == 0 || db_get_int(rows, 0, 1) == 0) {
		job_idle(&s->job, s->idle_us);
		if (s->idle_us < IDLE_MAX_US)
			s->idle_us *= 2;
		return;
	}
	s->idle_us = IDLE_MIN_US;
	head = arena_printf(s->job.arena, "%" PRId64, db_get_int(rows, 0, 0));
	if (head == NULL || job_next(&s->job, DB_REPLAY) == NULL) {
		job_sleep(&s->job, IDLE_MIN_US);
		return;
	}
	db_call(s->job.unit, SQL_FEED_NOTIFY);
	db_put_text(s->job.unit, head);
	job_submit(&s->job, UNIT_MS, notified, s);
}

static void run(void *arg)
{
	struct sequencer *s = arg;

	/* Done twice it finds nothing the second time: it may be sent again. */
	if (job_begin(&s->job, DB_REPLAY) == NULL)
		return;
	db_call(s->job.unit, SQL_FEED_SEQUENCE);
	job_submit(&s->job, UNIT_MS, sequenced, s);
}

struct sequencer *sequencer_new(const struct jobs_options *options)
{
	struct sequencer *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	if (job_init(&s->job, "sequencer", options, BUDGET, run, s) < 0) {
		sequencer_free(s);
		return NULL;
	}
	s->idle_us = IDLE_MIN_US;
	job_sleep(&s->job, 0);
	return s;
}

void sequencer_wake(struct sequencer *s)
{
	job_wake(&s->job, 0);
}

void sequencer_free(struct sequencer *s)
{
	if (s == NULL)
		return;
	job_release(&s->job);
	free(s);
}
