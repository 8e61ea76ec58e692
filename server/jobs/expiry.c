/* Small batches, so that nobody waits behind one; every minute when there is nothing more. */
#include "jobs/expiry.h"

#include <stdlib.h>

#include "jobs/job.h"
#include "sql/statements.h"

enum { UNIT_MS = 30000, BUDGET = 64 * 1024, BATCH = 1000, CONTENT_BATCH = 20 };

#define IDLE_US (INT64_C(60) * 1000000)
#define BUSY_US INT64_C(100000)

struct expiry {
	struct job job;
};

static void expired(void *context, struct db_unit *unit)
{
	struct expiry *e = context;

	if (!job_succeeded(&e->job))
		return;
	if (db_rows_affected(db_unit_rows(unit, 0)) == BATCH ||
	        db_rows_affected(db_unit_rows(unit, 1)) == BATCH ||
	        db_rows_affected(db_unit_rows(unit, 2)) == BATCH ||
	        db_get_int(db_unit_rows(unit, 3), 0, 0) == CONTENT_BATCH)
		job_sleep(&e->job, BUSY_US);
	else
		job_sleep(&e->job, IDLE_US);
}

static void run(void *arg)
{
	struct expiry *e = arg;
	int64_t now = clock_now(e->job.clock);

	if (job_begin(&e->job, DB_REPLAY) == NULL)
		return;
	db_call(e->job.unit, SQL_IDEMPOTENCY_EXPIRE);
	db_put_time(e->job.unit, now - EXPIRY_KEYS_US);
	db_put_int(e->job.unit, BATCH);
	db_call(e->job.unit, SQL_FEED_TRIM);
	db_put_time(e->job.unit, now - EXPIRY_FEED_US);
	db_put_int(e->job.unit, BATCH);
	db_call(e->job.unit, SQL_OUTBOX_EXPIRE);
	db_put_time(e->job.unit, now - EXPIRY_OUTBOX_US);
	db_put_int(e->job.unit, BATCH);
	db_call(e->job.unit, SQL_ATTACHMENT_EXPIRE);
	db_put_time(e->job.unit, now - EXPIRY_CONTENT_US);
	db_put_int(e->job.unit, CONTENT_BATCH);
	job_submit(&e->job, UNIT_MS, expired, e);
}

struct expiry *expiry_new(const struct jobs_options *options)
{
	struct expiry *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	if (job_init(&e->job, "expiry", options, BUDGET, run, e) < 0) {
		expiry_free(e);
		return NULL;
	}
	job_sleep(&e->job, BUSY_US);
	return e;
}

void expiry_free(struct expiry *e)
{
	if (e == NULL)
		return;
	job_release(&e->job);
	free(e);
}
