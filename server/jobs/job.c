/* See job.h. */
#include "jobs/job.h"

#include "base/log.h"

#define RETRY_US INT64_C(500000)

int job_init(struct job *job, const char *name, const struct jobs_options *options,
        size_t arena_budget, void (*run)(void *arg), void *arg)
{
	*job = (struct job){.name = name,
	        .loop = options->loop,
	        .pool = options->pool,
	        .clock = options->clock};
	job->timer = loop_timer_new(options->loop, run, arg);
	job->arena = arena_new(arena_budget);
	return job->timer == NULL || job->arena == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;
}

void job_release(struct job *job)
{
	if (job->under_way)
		db_pool_detach(job->pool, job->unit);
	loop_timer_free(job->timer);
	arena_free(job->arena);
	*job = (struct job){0};
}

struct db_unit *job_next(struct job *job, enum db_mode mode)
{
	job->unit = db_unit_new(job->arena, mode);
	if (job->unit == NULL)
		job_sleep(job, RETRY_US);
	else
		db_unit_scope(job->unit, "*");
	return job->unit;
}

struct db_unit *job_begin(struct job *job, enum db_mode mode)
{
	job->idle = false;
	job->woken = false;
	arena_reset(job->arena);
	return job_next(job, mode);
}

void job_submit(struct job *job, unsigned timeout_ms, db_unit_done *done, void *context)
{
	job->under_way = true;
	db_pool_submit(job->pool, job->unit, timeout_ms, done, context);
}

bool job_succeeded(struct job *job)
{
	const struct otk_error *err = db_unit_error(job->unit);

	job->under_way = false;
	if (err->code == OTK_OK) {
		if (job->failing)
			log_info("job works again", "job", job->name);
		job->failing = false;
		return true;
	}
	if (!job->failing)
		log_error("job failed; it will be tried again", "job", job->name, "reason",
		        err->reason, "message", err->message);
	job->failing = true;
	job_sleep(job, RETRY_US);
	return false;
}

void job_sleep(struct job *job, int64_t us)
{
	loop_timer_set(job->timer, us);
}

void job_idle(struct job *job, int64_t us)
{
	job->idle = !job->woken;
	job_sleep(job, job->woken ? job->wake_us : us);
}

void job_wake(struct job *job, int64_t delay_us)
{
	if (job->idle)
		job_sleep(job, delay_us);
	job->wake_us = delay_us;
	job->idle = false;
	job->woken = true;
}
