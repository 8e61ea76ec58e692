/*
 * A private PostgreSQL cluster for a test binary, and a real loop. cmocka fails by longjmp: the
 * callbacks here only record, tests assert outside of the loop.
 */
#ifndef OTKLIK_TESTS_DB_FIXTURE_H
#define OTKLIK_TESTS_DB_FIXTURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "db/pool.h"
#include "db/rows.h"
#include "db/unit.h"
#include "loop/loop.h"

/* Group setup and teardown of cmocka: the cluster with the tables of db_fixture.c. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

const char *fixture_conninfo(void);

/* `command` of deploy/pg_cluster on the cluster: "kill", "start", "stop". */
void fixture_cluster(const char *command);

/* Runs SQL on a connection of its own; a failure fails the test. */
void fixture_sql(const char *sql);
/* First column of the first row as text, in static storage. */
const char *fixture_value(const char *sql);

/* Turns the loop until *flag is at least `wanted`; false after `ms`. */
bool fixture_wait(struct loop *loop, const int *flag, int wanted, int ms);
/* Turns the loop for that long. */
void fixture_idle(struct loop *loop, int ms);

/* A pool of the test statements, ready to use; NULL options: defaults. */
struct db_pool *fixture_pool(struct loop *loop, const struct db_pool_options *options);

/* A unit submitted, and what came back. */
struct answer {
	int done; /* how often the callback came */
	struct db_unit *unit;
};
void answer_done(void *context, struct db_unit *unit);

/* Submits, waits up to 10 s, returns the status code. */
enum otk_status fixture_run(struct loop *loop, struct db_pool *pool, struct db_unit *unit);

#endif
