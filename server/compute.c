/*
 * The role `compute`: one computation that an api process handed over, in a process that lives
 * as long as it. It may take its time; it changes nothing.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "compute/run.h"
#include "desk/desk.h"
#include "loop/loop.h"
#include "sql/statements.h"
#include "wire/methods.h"
#include "worker.h"

#define RUN_BUDGET ((size_t)512 * 1024 * 1024)
#define MEMORY_MAX ((rlim_t)2 * 1024 * 1024 * 1024)
enum { NICE = 10, UNREADY_S = 30 };

struct compute_process {
	struct run run;
	struct compute_job job;
	struct desk *desk;
	struct otk_clock *clock;
	struct loop_timer *unready;
};

/* The process asks for little, gives way to those that serve, and dies with the one it is for.
 */
static void be_modest(void)
{
#ifndef __SANITIZE_ADDRESS__
	const struct rlimit memory = {.rlim_cur = MEMORY_MAX, .rlim_max = MEMORY_MAX};

	(void)setrlimit(RLIMIT_AS, &memory);
#endif
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if (nice(NICE) < 0)
		log_debug("the process could not be made nicer");
}

static void reference_ready(void *context)
{
	struct compute_process *c = context;

	loop_timer_clear(c->unready);
	c->run.ref = desk_reference(c->desk);
	if (c->job.method == METHOD_SIMULATE_CONTRACT)
		simulation_begin(&c->run);
	else
		forecast_begin(&c->run);
}

static void still_unready(void *context)
{
	struct compute_process *c = context;
	struct otk_error err;

	(void)error_set(&err, OTK_UNAVAILABLE, "DB_DOWN", "the database does not answer");
	run_fail(&c->run, &err);
}

static int open_all(
        struct compute_process *c, const struct settings *settings, struct otk_error *err)
{
	const struct db_pool_options pool = {.conninfo = settings->database,
	        .statements = sql_statements,
	        .statement_count = SQL_STATEMENT_COUNT,
	        .application_name = "otklik compute",
	        .connections = 1};
	struct run *run = &c->run;
	int rc;

	run->answer = COMPUTE_ANSWER_FD;
	run->job = &c->job;
	run->arena = arena_new(RUN_BUDGET);
	run->loop = loop_new();
	c->clock = clock_new_real();
	if (run->arena == NULL || run->loop == NULL || c->clock == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	rc = compute_job_read(COMPUTE_JOB_FD, run->arena, &c->job, err);
	if (rc != 0)
		return rc;
	if (c->job.method != METHOD_SIMULATE_CONTRACT && c->job.method != METHOD_FORECAST_SLA)
		return error_set(err, OTK_UNIMPLEMENTED, "NO_SUCH_JOB", "nobody computes this");
	c->unready = loop_timer_new(run->loop, still_unready, c);
	run->pool = db_pool_new(run->loop, &pool, err);
	if (run->pool == NULL)
		return -OTK_INVALID_ARGUMENT;
	run->stream = db_stream_open(run->loop, settings->database, err);
	if (run->stream == NULL)
		return -(int)err->code;
	c->desk = desk_new(run->loop, run->pool, c->clock, err);
	if (c->desk == NULL || c->unready == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	loop_timer_set(c->unready, UNREADY_S * CLOCK_SECOND);
	desk_on_ready(c->desk, reference_ready, c);
	return 0;
}

static void close_all(struct compute_process *c)
{
	if (c->job.method == METHOD_SIMULATE_CONTRACT)
		simulation_free(&c->run);
	else
		forecast_free(&c->run);
	desk_free(c->desk);
	db_stream_close(c->run.stream);
	db_pool_free(c->run.pool);
	if (c->unready != NULL)
		loop_timer_free(c->unready);
	loop_free(c->run.loop);
	clock_free(c->clock);
	arena_free(c->run.arena);
}

int compute_process_run(const struct settings *settings)
{
	struct compute_process c = {0};
	struct otk_error err = {0};
	int status = EXIT_FAILURE;

	be_modest();
	if (open_all(&c, settings, &err) != 0) {
		log_error("cannot compute", "reason", err.reason, "error", err.message);
		(void)compute_tell_error(COMPUTE_ANSWER_FD, &err);
	} else if (loop_run(c.run.loop) == 0) {
		status = EXIT_SUCCESS;
	}
	close_all(&c);
	return status;
}
