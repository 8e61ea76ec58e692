/* Starts and stops the jobs of a process. */
#include "jobs/jobs.h"

#include <stdlib.h>

#include "db/pool.h"
#include "desk/desk.h"
#include "jobs/dispatch.h"
#include "jobs/expiry.h"
#include "jobs/fold.h"
#include "jobs/sequencer.h"
#include "jobs/sweep.h"
#include "jobs/zones.h"

struct jobs {
	struct sequencer *sequencer;
	struct sweep *sweep;
	struct fold *fold;
	struct dispatch *dispatch;
	struct expiry *expiry;
	struct zones *zones;
};

/* The sequencer of some process has put entries into the feed. */
static void feed_grew(void *context, const char *channel, const char *payload)
{
	struct jobs *jobs = context;

	(void)channel;
	(void)payload;
	fold_wake(jobs->fold);
	dispatch_wake(jobs->dispatch);
}

static void saved(void *context)
{
	jobs_wake(context);
}

struct jobs *jobs_new(const struct jobs_options *options, struct otk_error *err)
{
	struct jobs *jobs = calloc(1, sizeof *jobs);

	if (jobs == NULL)
		goto no_memory;
	jobs->sequencer = sequencer_new(options);
	jobs->fold = fold_new(options);
	jobs->dispatch = dispatch_new(options);
	jobs->expiry = expiry_new(options);
	jobs->zones = zones_new(options);
	if (jobs->sequencer == NULL || jobs->fold == NULL || jobs->dispatch == NULL ||
	        jobs->expiry == NULL || jobs->zones == NULL)
		goto no_memory;
	if (db_pool_listen(options->pool, "otklik_feed", feed_grew, jobs) < 0)
		goto no_memory;
	jobs->sweep = sweep_new(options, err);
	if (jobs->sweep != NULL) {
		desk_on_saved(options->desk, saved, jobs);
		return jobs;
	}
	jobs_free(jobs);
	return NULL;

no_memory:
	jobs_free(jobs);
	error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "there is no memory for the jobs");
	return NULL;
}

void jobs_wake(struct jobs *jobs)
{
	sequencer_wake(jobs->sequencer);
	sweep_wake(jobs->sweep);
}

void jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	sweep_free(jobs->sweep);
	zones_free(jobs->zones);
	expiry_free(jobs->expiry);
	dispatch_free(jobs->dispatch);
	fold_free(jobs->fold);
	sequencer_free(jobs->sequencer);
	free(jobs);
}
