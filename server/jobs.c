/* The role `jobs`: due timers, feed, folds and expiry, on one host or several. */
#include <stdlib.h>

#include "worker.h"

static int jobs_start(struct worker *worker, struct otk_error *err)
{
	(void)worker;
	(void)err;
	return 0;
}

static void jobs_drain(struct worker *worker)
{
	worker_done(worker);
}

static void jobs_abandon(struct worker *worker)
{
	(void)worker;
}

static void jobs_stop(struct worker *worker)
{
	(void)worker;
}

const struct worker_role worker_jobs = {.name = "jobs",
        .start = jobs_start,
        .connection = NULL,
        .drain = jobs_drain,
        .abandon = jobs_abandon,
        .stop = jobs_stop};
