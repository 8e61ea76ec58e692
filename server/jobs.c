/* The role `jobs`: due timers, feed, folds and expiry, on one host or several. */
#include "jobs/jobs.h"

#include <stdlib.h>

#include "net/master.h"
#include "net/wake.h"
#include "worker.h"

struct jobs_role {
	struct jobs *jobs;
	struct loop_watch *wake; /* NULL: an older master made no socket */
	int wake_fd;
};

static void wake_readable(void *arg, unsigned events)
{
	struct jobs_role *role = arg;

	(void)events;
	wake_clear(role->wake_fd);
	jobs_wake(role->jobs);
}

static int jobs_start(struct worker *worker, struct otk_error *err)
{
	const struct jobs_options options = {.loop = worker->loop,
	        .clock = worker->clock,
	        .pool = worker->pool,
	        .desk = worker->desk,
	        .database = worker->settings->database,
	        .mail = worker->settings->smtp_url[0] != '\0',
	        .customer_hooks = worker->settings->webhook_secret_dir[0] != '\0',
	        .webhook_url = worker->settings->webhook_url};
	struct jobs_role *role = calloc(1, sizeof *role);

	if (role == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	worker->role_state = role;
	role->jobs = jobs_new(&options, err);
	if (role->jobs == NULL)
		return -(int)err->code;
	role->wake_fd = wake_inherited(MASTER_CHILD_WAKE_IN);
	if (role->wake_fd < 0)
		return 0;
	role->wake = loop_watch_new(worker->loop, role->wake_fd, wake_readable, role);
	if (role->wake == NULL || loop_watch_set(role->wake, LOOP_READ) != 0)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
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
	struct jobs_role *role = worker->role_state;

	if (role->wake != NULL)
		loop_watch_free(role->wake);
	jobs_free(role->jobs);
	free(role);
	worker->role_state = NULL;
}

const struct worker_role worker_jobs = {.name = "jobs",
        .start = jobs_start,
        .connection = NULL,
        .drain = jobs_drain,
        .abandon = jobs_abandon,
        .stop = jobs_stop};
