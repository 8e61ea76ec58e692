/* The role `jobs`: due timers, feed, folds and expiry, on one host or several. */
#include "jobs/jobs.h"

#include "worker.h"

static int jobs_start(struct worker *worker, struct otk_error *err)
{
	const struct jobs_options options = {.loop = worker->loop,
	        .clock = worker->clock,
	        .pool = worker->pool,
	        .desk = worker->desk,
	        .database = worker->settings->database,
	        .mail = worker->settings->smtp_url[0] != '\0',
	        .webhook_url = worker->settings->webhook_url};

	worker->role_state = jobs_new(&options, err);
	return worker->role_state == NULL ? -(int)err->code : 0;
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
	jobs_free(worker->role_state);
	worker->role_state = NULL;
}

const struct worker_role worker_jobs = {.name = "jobs",
        .start = jobs_start,
        .connection = NULL,
        .drain = jobs_drain,
        .abandon = jobs_abandon,
        .stop = jobs_stop};
