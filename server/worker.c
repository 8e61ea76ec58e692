/* The frame of a child process. */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/migrate.h"
#include "sql/migration.h"
#include "sql/statements.h"

/* A virtual clock that nobody has set starts here: 2026-01-01T00:00:00Z. */
#define VIRTUAL_START (INT64_C(1767225600) * CLOCK_SECOND)

static void drain(struct worker *worker)
{
	if (worker->draining)
		return;
	worker->draining = true;
	log_info("draining");
	loop_timer_set(worker->limit, worker->settings->drain * CLOCK_SECOND);
	worker->role->drain(worker);
}

static void limit_reached(void *arg)
{
	struct worker *worker = arg;

	log_warn("not drained in time");
	worker->role->abandon(worker);
	loop_stop(worker->loop);
}

static void on_connection(void *context, int fd, uint64_t token)
{
	struct worker *worker = context;

	worker->role->connection(worker, fd, token);
}

static void on_drain(void *context)
{
	drain(context);
}

static void on_master_gone(void *context)
{
	struct worker *worker = context;

	log_error("the master is gone");
	loop_stop(worker->loop);
}

/* Somebody signals the whole group or this process alone: as if the master had said so. */
static void on_term(void *arg, int number)
{
	struct worker *worker = arg;

	(void)number;
	intake_stop(worker->intake);
	drain(worker);
}

static const struct intake_ops INTAKE_OPS = {
        .connection = on_connection, .drain = on_drain, .master_gone = on_master_gone};

void worker_done(struct worker *worker)
{
	loop_stop(worker->loop);
}

static struct otk_clock *clock_open(const struct settings *settings, struct otk_error *err)
{
	struct otk_clock *clock;

	if (strcmp(settings->clock, "real") == 0)
		clock = clock_new_real();
	else
		clock = clock_open_virtual(settings->clock, VIRTUAL_START);
	if (clock == NULL)
		(void)error_set(err, OTK_UNAVAILABLE, "CLOCK", "clock = %s: %s",
		        settings->clock, strerror(errno));
	return clock;
}

/* A database that cannot be asked may come back; one of another schema will not. */
static int schema_check(const struct settings *settings, struct otk_error *err)
{
	int newest = migration_count == 0 ? 0 : migrations[migration_count - 1].number;
	int rc = db_schema_check(settings->database, newest, newest, err);

	if (rc == -OTK_FAILED_PRECONDITION)
		return rc;
	if (rc != 0)
		log_warn("the schema could not be checked", "error", err->message);
	return 0;
}

static int open_all(struct worker *worker, int channel, struct otk_error *err)
{
	const struct settings *settings = worker->settings;
	const struct db_pool_options pool = {.conninfo = settings->database,
	        .statements = sql_statements,
	        .statement_count = SQL_STATEMENT_COUNT,
	        .application_name = worker->role->name,
	        .connections = (unsigned)settings->database_connections};

	if (schema_check(settings, err) != 0)
		return -OTK_FAILED_PRECONDITION;
	worker->clock = clock_open(settings, err);
	if (worker->clock == NULL)
		return -OTK_UNAVAILABLE;
	worker->loop = loop_new();
	if (worker->loop == NULL)
		goto out_no_memory;
	worker->limit = loop_timer_new(worker->loop, limit_reached, worker);
	worker->term = loop_signal_new(worker->loop, SIGTERM, on_term, worker);
	worker->intake = intake_new(worker->loop, channel, &INTAKE_OPS, worker);
	if (worker->limit == NULL || worker->term == NULL || worker->intake == NULL)
		goto out_no_memory;
	worker->pool = db_pool_new(worker->loop, &pool, err);
	if (worker->pool == NULL)
		return -OTK_INVALID_ARGUMENT;
	worker->desk = desk_new(worker->loop, worker->pool, worker->clock, err);
	if (worker->desk == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	return worker->role->start(worker, err);
out_no_memory:
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
}

static void close_all(struct worker *worker)
{
	if (worker->role_state != NULL)
		worker->role->stop(worker);
	desk_free(worker->desk);
	db_pool_free(worker->pool);
	intake_free(worker->intake);
	if (worker->term != NULL)
		loop_signal_free(worker->term);
	if (worker->limit != NULL)
		loop_timer_free(worker->limit);
	loop_free(worker->loop);
	clock_free(worker->clock);
}

int worker_run(const struct worker_role *role, const struct settings *settings, int channel)
{
	struct worker worker = {.role = role, .settings = settings};
	struct otk_error err;
	int status = EXIT_FAILURE;

	/* A terminal's ^C goes to everybody; the master decides. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (open_all(&worker, channel, &err) != 0) {
		log_error("cannot start", "reason", err.reason, "error", err.message);
	} else {
		intake_tell(worker.intake, CHANNEL_READY, 0);
		if (loop_run(worker.loop) == 0)
			status = EXIT_SUCCESS;
	}
	close_all(&worker);
	return status;
}
