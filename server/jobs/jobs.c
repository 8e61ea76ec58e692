/* Starts and stops the jobs of a process. */
#include "jobs/jobs.h"

#include <stdlib.h>

#include "jobs/dispatch.h"
#include "jobs/expiry.h"
#include "jobs/fold.h"
#include "jobs/sequencer.h"
#include "jobs/sweep.h"

struct jobs {
	struct sequencer *sequencer;
	struct sweep *sweep;
	struct fold *fold;
	struct dispatch *dispatch;
	struct expiry *expiry;
};

struct jobs *jobs_new(const struct jobs_options *options, struct otk_error *err)
{
	struct jobs *jobs = calloc(1, sizeof *jobs);

	if (jobs == NULL)
		goto no_memory;
	jobs->sequencer = sequencer_new(options);
	jobs->fold = fold_new(options);
	jobs->dispatch = dispatch_new(options);
	jobs->expiry = expiry_new(options);
	if (jobs->sequencer == NULL || jobs->fold == NULL || jobs->dispatch == NULL ||
	        jobs->expiry == NULL)
		goto no_memory;
	jobs->sweep = sweep_new(options, err);
	if (jobs->sweep != NULL)
		return jobs;
	jobs_free(jobs);
	return NULL;

no_memory:
	jobs_free(jobs);
	error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "there is no memory for the jobs");
	return NULL;
}

void jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	sweep_free(jobs->sweep);
	expiry_free(jobs->expiry);
	dispatch_free(jobs->dispatch);
	fold_free(jobs->fold);
	sequencer_free(jobs->sequencer);
	free(jobs);
}
