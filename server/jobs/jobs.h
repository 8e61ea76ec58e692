/* The jobs of one process. Each file of this room is one job, driven by its own timer. */
#ifndef OTKLIK_JOBS_JOBS_H
#define OTKLIK_JOBS_JOBS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/status.h"

struct db_pool;
struct desk;
struct jobs;
struct loop;

struct jobs_options {
	struct loop *loop;
	struct otk_clock *clock;
	struct db_pool *pool;
	struct desk *desk;
	const char *database;    /* conninfo, for the session that holds locks; copied */
	bool mail;               /* people are told by e-mail */
	bool customer_hooks;     /* and programs of customers by their webhooks */
	const char *webhook_url; /* "" or NULL: none; copied */
};

/* Starts them all; they work once the pool is up. NULL with err. */
struct jobs *jobs_new(const struct jobs_options *options, struct otk_error *err);

/*
 * A process of this host, or this one, has committed journal entries. Without it they are found
 * all the same, only later.
 */
void jobs_wake(struct jobs *jobs);

/* What is under way runs to its end in the database; every job goes on where it was left. */
void jobs_free(struct jobs *jobs);

#endif
