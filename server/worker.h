/*
 * What every child process is: a loop, a clock, a database pool, a desk, and a channel to the
 * master. A role adds what it does with them.
 */
#ifndef OTKLIK_SERVER_WORKER_H
#define OTKLIK_SERVER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "db/pool.h"
#include "desk/desk.h"
#include "loop/loop.h"
#include "net/intake.h"
#include "settings.h"

struct worker;

struct worker_role {
	const char *name; /* "api", "jobs", "notify" */
	/* Makes what the role needs in worker->role_state. 0, or a negative status with err. */
	int (*start)(struct worker *worker, struct otk_error *err);
	/* A connection from the master; NULL: the role takes none. */
	void (*connection)(struct worker *worker, int fd, uint64_t token);
	/* Finish: then call worker_done. */
	void (*drain)(struct worker *worker);
	/* The drain time is over: drop what is left. */
	void (*abandon)(struct worker *worker);
	void (*stop)(struct worker *worker); /* frees; the loop does not run any more */
};

struct worker {
	const struct worker_role *role;
	const struct settings *settings;
	struct loop *loop;
	struct otk_clock *clock;
	struct db_pool *pool;
	struct desk *desk;
	struct intake *intake;
	void *role_state;
	bool draining;

	struct loop_timer *limit; /* of the drain */
	struct loop_signal *term;
};

/* Runs the role until it has drained or the master is gone. The process's exit status. */
int worker_run(const struct worker_role *role, const struct settings *settings, int channel);

/* Drained: the loop ends. */
void worker_done(struct worker *worker);

/* The role `compute`, which is no worker: one job that an api process hands over, then its end.
 * The process's exit status. */
int compute_process_run(const struct settings *settings);

extern const struct worker_role worker_api;
extern const struct worker_role worker_jobs;
extern const struct worker_role worker_notify;

#endif
