/* Scheduling: which unit goes when and where, what is run again, when to give up. */
#include "db/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/conn.h"
#include "db/hosts.h"

enum {
	CONNECTIONS = 2,
	CONNECTIONS_MAX = 16,
	CHANNELS_MAX = 8,
	CONNECT_MS = 5000,
	STATEMENT_MS = 30000,
	SILENCE_MARGIN_MS = 5000,
	DEPTH = 4,
	WAITING_MAX = 1024,
	BYTES_MAX = 4 * 1024 * 1024,
	ATTEMPTS_MAX = 8, /* of a unit that was rolled back */
	PREPARES_MAX = 2, /* of them because of a stale plan */
	/* Connections lost under one unit, which may be what kills them; all of the pool are
	 * lost by one crash. */
	LOSSES_MAX = 3,
	RETRY_US = 4000, /* before the second attempt; doubled for each further */
	BUSY_MS = 100
};

struct db_pool {
	struct loop *loop;
	struct db_pool_options options;
	struct db_hosts *hosts;
	struct db_conn_options conn_options[2]; /* the first connection listens */
	struct db_channel channels[CHANNELS_MAX];
	size_t channel_count;
	struct db_conn *conns[CONNECTIONS_MAX];
	struct db_jobs waiting;
	struct db_jobs resting; /* to be run again a little later */
	struct db_unit *completed;
	struct loop_timer *timer; /* the next deadline or end of a rest */
	int64_t timer_at;
	void (*ready)(void *context);
	void *ready_context;
	struct loop_task ready_task;
	struct loop_task start;
	struct db_pool_stats stats;
};

static void conn_ready(void *context, struct db_conn *conn);
static void conn_finished(void *context, struct db_conn *conn, struct db_job *job);
static void conn_lost(void *context, struct db_jobs *flying, bool served);
static void pool_tick(void *arg);
static void pool_dispatch(struct db_pool *pool);

static const struct db_conn_events conn_events = {conn_ready, conn_finished, conn_lost};

/* ---- Making ---- */

static void option_default(unsigned *value, unsigned fallback)
{
	if (*value == 0)
		*value = fallback;
}

static void pool_start(void *arg)
{
	struct db_pool *pool = arg;

	for (unsigned i = 0; i < pool->options.connections; i++)
		db_conn_start(pool->conns[i]);
}

static int pool_make(struct db_pool *pool, struct otk_error *err)
{
	struct db_pool_options *options = &pool->options;
	char settings[160];
	unsigned margin;

	option_default(&options->connections, CONNECTIONS);
	option_default(&options->connect_timeout_ms, CONNECT_MS);
	option_default(&options->statement_ms, STATEMENT_MS);
	option_default(&options->depth, DEPTH);
	option_default(&options->waiting_max, WAITING_MAX);
	if (options->bytes_max == 0)
		options->bytes_max = BYTES_MAX;
	if (options->connections > CONNECTIONS_MAX)
		options->connections = CONNECTIONS_MAX;
	margin = options->statement_ms < SILENCE_MARGIN_MS ? options->statement_ms
	                                                   : SILENCE_MARGIN_MS;
	snprintf(settings, sizeof settings,
	        "-c statement_timeout=%u -c idle_in_transaction_session_timeout=%u",
	        options->statement_ms, options->statement_ms);
	pool->hosts = db_hosts_parse(options->conninfo,
	        options->application_name == NULL ? "otklikd" : options->application_name,
	        settings, err);
	if (pool->hosts == NULL)
		return err == NULL ? -OTK_INVALID_ARGUMENT : -(int)err->code;
	for (int i = 0; i < 2; i++)
		pool->conn_options[i] = (struct db_conn_options){
		        .hosts = pool->hosts,
		        .statements = options->statements,
		        .statement_count = options->statement_count,
		        .channels = pool->channels,
		        .channel_count = &pool->channel_count,
		        .connect_timeout_ms = options->connect_timeout_ms,
		        .silence_ms = options->statement_ms + margin,
		        .listens = i == 0,
		};
	pool->timer = loop_timer_new(pool->loop, pool_tick, pool);
	for (unsigned i = 0; i < options->connections; i++) {
		pool->conns[i] =
		        db_conn_new(pool->loop, &pool->conn_options[i > 0], &conn_events, pool);
		if (pool->conns[i] == NULL)
			break;
	}
	if (pool->timer == NULL || pool->conns[options->connections - 1] == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "DB_MEMORY", "out of memory");
	return 0;
}

struct db_pool *db_pool_new(
        struct loop *loop, const struct db_pool_options *options, struct otk_error *err)
{
	struct db_pool *pool = calloc(1, sizeof *pool);

	if (pool == NULL) {
		error_set(err, OTK_RESOURCE_EXHAUSTED, "DB_MEMORY", "out of memory");
		return NULL;
	}
	pool->loop = loop;
	pool->options = *options;
	db_jobs_init(&pool->waiting);
	db_jobs_init(&pool->resting);
	if (pool_make(pool, err) < 0) {
		db_pool_free(pool);
		return NULL;
	}
	/* The texts were copied into the hosts. */
	pool->options.conninfo = pool->options.application_name = NULL;
	loop_task_init(&pool->start, pool_start, pool);
	loop_post(loop, &pool->start);
	return pool;
}

static void jobs_free(struct db_jobs *jobs)
{
	struct db_job *job;

	while ((job = db_jobs_first(jobs)) != NULL) {
		db_jobs_remove(jobs, job);
		if (job->unit != NULL)
			job->unit->job = NULL;
		free(job);
	}
}

static void completed_remove(struct db_pool *pool, struct db_unit *unit)
{
	if (unit->prev != NULL)
		unit->prev->next = unit->next;
	else
		pool->completed = unit->next;
	if (unit->next != NULL)
		unit->next->prev = unit->prev;
	unit->next = unit->prev = NULL;
	unit->pool = NULL;
}

void db_pool_free(struct db_pool *pool)
{
	if (pool == NULL)
		return;
	loop_unpost(pool->loop, &pool->start);
	loop_unpost(pool->loop, &pool->ready_task);
	while (pool->completed != NULL) {
		loop_unpost(pool->loop, &pool->completed->task);
		completed_remove(pool, pool->completed);
	}
	jobs_free(&pool->waiting);
	jobs_free(&pool->resting);
	for (unsigned i = 0; i < CONNECTIONS_MAX && pool->conns[i] != NULL; i++) {
		jobs_free((struct db_jobs *)(uintptr_t)db_conn_flying(pool->conns[i]));
		db_conn_free(pool->conns[i]);
	}
	loop_timer_free(pool->timer);
	db_hosts_free(pool->hosts);
	free(pool);
}

/* ---- Completing ---- */

static void unit_done(void *arg)
{
	struct db_unit *unit = arg;

	completed_remove(unit->pool, unit);
	unit->done(unit->context, unit);
}

/* Queues the callback; the unit has its outcome. */
static void unit_complete(struct db_pool *pool, struct db_unit *unit)
{
	pool->stats.units++;
	pool->stats.failed += unit->err != NULL;
	unit->job = NULL;
	unit->next = pool->completed;
	unit->prev = NULL;
	if (unit->next != NULL)
		unit->next->prev = unit;
	pool->completed = unit;
	loop_post(pool->loop, &unit->task);
}

/* The job is on no list any more. */
static void job_complete(struct db_pool *pool, struct db_job *job)
{
	if (job->unit != NULL)
		unit_complete(pool, job->unit);
	free(job);
}

static void job_fail(struct db_pool *pool, struct db_job *job, enum otk_status code,
        const char *reason, const char *message)
{
	if (job->unit != NULL) {
		struct otk_error *err = db_unit_fail(job->unit);

		error_set(err, code, reason, "%s", message);
		if (code == OTK_UNAVAILABLE)
			err->retry_after_ms = BUSY_MS;
	}
	job_complete(pool, job);
}

/* ---- Time ---- */

static void timer_before(struct db_pool *pool, int64_t at)
{
	if (loop_timer_is_set(pool->timer) && pool->timer_at <= at)
		return;
	pool->timer_at = at;
	at -= loop_now(pool->loop);
	loop_timer_set(pool->timer, at > 0 ? at : 0);
}

/* Completes those past their deadline; ones in flight stay on their connection, deserted. */
static void jobs_expire(struct db_pool *pool, struct db_jobs *jobs, bool flying)
{
	int64_t now = loop_now(pool->loop);
	struct db_job *next;

	for (struct db_job *job = db_jobs_first(jobs); job != NULL; job = next) {
		next = db_jobs_next(jobs, job);
		if (job->unit == NULL)
			continue;
		if (job->deadline > now) {
			timer_before(pool, job->deadline);
			continue;
		}
		error_set(db_unit_fail(job->unit), OTK_DEADLINE_EXCEEDED, "DB_DEADLINE",
		        flying ? "the database did not answer in time"
		               : "the database was not free in time");
		unit_complete(pool, job->unit);
		job->unit = NULL;
		if (flying)
			continue;
		db_jobs_remove(jobs, job);
		free(job);
	}
}

static void pool_tick(void *arg)
{
	struct db_pool *pool = arg;
	int64_t now = loop_now(pool->loop);
	struct db_job *next;

	jobs_expire(pool, &pool->waiting, false);
	jobs_expire(pool, &pool->resting, false);
	for (unsigned i = 0; i < pool->options.connections; i++)
		jobs_expire(pool, (struct db_jobs *)(uintptr_t)db_conn_flying(pool->conns[i]),
		        true);
	for (struct db_job *job = db_jobs_first(&pool->resting); job != NULL; job = next) {
		next = db_jobs_next(&pool->resting, job);
		if (job->not_before > now) {
			timer_before(pool, job->not_before);
			continue;
		}
		db_jobs_remove(&pool->resting, job);
		db_jobs_prepend(&pool->waiting, job);
	}
	pool_dispatch(pool);
}

/* ---- Sending ---- */

/* The connection with the fewest units in flight that has room; NULL if none has. */
static struct db_conn *conn_pick(struct db_pool *pool, const struct db_job *job)
{
	struct db_conn *best = NULL;

	for (unsigned i = 0; i < pool->options.connections; i++) {
		struct db_conn *conn = pool->conns[i];
		unsigned flying = db_conn_flying(conn)->count;

		if (!db_conn_ready(conn) || flying >= pool->options.depth)
			continue;
		if (flying > 0 && db_conn_bytes(conn) + job->bytes > pool->options.bytes_max)
			continue;
		if (best == NULL || flying < db_conn_flying(best)->count)
			best = conn;
	}
	return best;
}

static void pool_dispatch(struct db_pool *pool)
{
	struct db_job *job;

	while ((job = db_jobs_first(&pool->waiting)) != NULL) {
		struct db_conn *conn = conn_pick(pool, job);

		if (conn == NULL)
			return;
		db_jobs_remove(&pool->waiting, job);
		if (db_conn_send(conn, job) < 0)
			job_complete(pool, job);
	}
}

static int unit_refuse(struct db_pool *pool, struct db_unit *unit)
{
	struct otk_error *err;
	int status = db_unit_check(unit);

	if (status < 0 || pool->waiting.count < pool->options.waiting_max)
		return status;
	pool->stats.refused++;
	err = db_unit_fail(unit);
	status = error_set(err, OTK_RESOURCE_EXHAUSTED, "DB_BUSY",
	        "too many requests wait for the database");
	err->retry_after_ms = BUSY_MS;
	return status;
}

void db_pool_submit(struct db_pool *pool, struct db_unit *unit, unsigned timeout_ms,
        db_unit_done *done, void *context)
{
	struct db_job *job;

	unit->pool = pool;
	unit->done = done;
	unit->context = context;
	loop_task_init(&unit->task, unit_done, unit);
	if (unit_refuse(pool, unit) < 0) {
		unit_complete(pool, unit);
		return;
	}
	job = calloc(1, sizeof *job);
	if (job == NULL) {
		error_set(db_unit_fail(unit), OTK_RESOURCE_EXHAUSTED, "DB_MEMORY",
		        "out of memory");
		unit_complete(pool, unit);
		return;
	}
	job->unit = unit;
	job->mode = unit->mode;
	job->bytes = db_unit_size(unit);
	job->deadline = loop_now(pool->loop) + (int64_t)timeout_ms * 1000;
	unit->job = job;
	timer_before(pool, job->deadline);
	db_jobs_append(&pool->waiting, job);
	pool_dispatch(pool);
}

/* Which list a job without its unit is on; NULL: it flies. */
static struct db_jobs *jobs_of(struct db_pool *pool, const struct db_job *job)
{
	struct db_jobs *lists[] = {&pool->waiting, &pool->resting};

	for (size_t i = 0; i < 2; i++)
		for (struct db_job *at = db_jobs_first(lists[i]); at != NULL;
		        at = db_jobs_next(lists[i], at))
			if (at == job)
				return lists[i];
	return NULL;
}

void db_pool_detach(struct db_pool *pool, struct db_unit *unit)
{
	struct db_job *job = unit->job;
	struct db_jobs *jobs;

	if (unit->pool == NULL)
		return;
	if (job == NULL) {
		loop_unpost(pool->loop, &unit->task);
		completed_remove(pool, unit);
		return;
	}
	unit->job = NULL;
	unit->pool = NULL;
	job->unit = NULL;
	jobs = jobs_of(pool, job);
	if (jobs == NULL)
		return;
	db_jobs_remove(jobs, job);
	free(job);
}

/* ---- What connections tell ---- */

static void conn_ready(void *context, struct db_conn *conn)
{
	struct db_pool *pool = context;

	pool->stats.drifted = db_conn_drifted(conn);
	if (pool->ready != NULL)
		loop_post(pool->loop, &pool->ready_task);
	pool_dispatch(pool);
}

/* Rolled back for certain: whether to run it again, and then when. */
static bool job_retry(struct db_pool *pool, struct db_job *job)
{
	int64_t rest = RETRY_US << job->attempts;

	if (job->unit == NULL || job->attempts + 1 >= ATTEMPTS_MAX)
		return false;
	if (job->remedy != DB_RETRY && job->remedy != DB_PREPARE)
		return false;
	/* 0A000 may also be what it says: a feature that is not there. */
	if (job->remedy == DB_PREPARE && job->prepares++ >= PREPARES_MAX)
		return false;
	job->attempts++;
	pool->stats.retried++;
	job->not_before = loop_now(pool->loop);
	if (job->remedy == DB_RETRY)
		job->not_before += rest / 2 + rand() % rest; /* NOLINT: spreads, no secret */
	db_jobs_append(&pool->resting, job);
	timer_before(pool, job->not_before);
	return true;
}

static void conn_finished(void *context, struct db_conn *conn, struct db_job *job)
{
	struct db_pool *pool = context;
	bool again = job->broken && job_retry(pool, job);

	pool->stats.busy_us += (uint64_t)(loop_now(pool->loop) - job->sent_at);
	if (again && job->remedy == DB_PREPARE) {
		/* The schema has changed: the other connections' plans are stale as well. */
		for (unsigned i = 0; i < pool->options.connections; i++)
			if (pool->conns[i] != conn)
				db_conn_retire(pool->conns[i]);
	}
	if (!again)
		job_complete(pool, job);
	pool_dispatch(pool);
}

/* A unit whose connection was lost: again, or an unknown outcome. */
static void job_lost(struct db_pool *pool, struct db_job *job)
{
	bool rolled_back =
	        job->broken && job->unit != NULL && strcmp(job->unit->sqlstate, "25006") == 0;

	if (job->unit == NULL)
		free(job);
	else if (job->mode == DB_WRITE && !rolled_back)
		job_fail(pool, job, OTK_UNAVAILABLE, "DB_OUTCOME_UNKNOWN",
		        "the connection to the database was lost; repeat with the same key");
	else if (job->losses >= LOSSES_MAX + pool->options.connections - 1)
		job_fail(pool, job, OTK_UNAVAILABLE, "DB_DOWN",
		        "the connection to the database was lost repeatedly; try again");
	else {
		pool->stats.retried++;
		db_jobs_prepend(&pool->waiting, job);
	}
}

static void conn_lost(void *context, struct db_jobs *flying, bool served)
{
	struct db_pool *pool = context;
	struct db_job *job = db_jobs_first(flying);

	pool->stats.reconnects += served;
	/* Only the one in front can have killed its server. */
	if (job != NULL)
		job->losses++;
	/* From the last on, so that they stand in front in their old order. */
	while ((job = db_jobs_last(flying)) != NULL) {
		db_jobs_remove(flying, job);
		job_lost(pool, job);
	}
	pool_dispatch(pool);
}

/* ---- The rest ---- */

int db_pool_listen(
        struct db_pool *pool, const char *channel, db_notified *notified, void *context)
{
	if (pool->channel_count == CHANNELS_MAX)
		return -OTK_RESOURCE_EXHAUSTED;
	pool->channels[pool->channel_count++] = (struct db_channel){channel, notified, context};
	return 0;
}

void db_pool_stats(const struct db_pool *pool, struct db_pool_stats *out)
{
	*out = pool->stats;
	out->connections = pool->options.connections;
	out->ready = 0;
	out->in_flight = 0;
	out->waiting = pool->waiting.count + pool->resting.count;
	for (unsigned i = 0; i < pool->options.connections; i++) {
		out->ready += db_conn_ready(pool->conns[i]);
		out->in_flight += db_conn_flying(pool->conns[i])->count;
	}
}

static void pool_is_ready(void *arg)
{
	struct db_pool *pool = arg;
	void (*ready)(void *context) = pool->ready;

	pool->ready = NULL;
	if (ready != NULL)
		ready(pool->ready_context);
}

void db_pool_on_ready(struct db_pool *pool, void (*ready)(void *context), void *context)
{
	struct db_pool_stats stats;

	pool->ready = ready;
	pool->ready_context = context;
	loop_task_init(&pool->ready_task, pool_is_ready, pool);
	db_pool_stats(pool, &stats);
	if (stats.ready > 0)
		loop_post(pool->loop, &pool->ready_task);
}

void db_pool_reprepare(struct db_pool *pool)
{
	for (unsigned i = 0; i < pool->options.connections; i++)
		db_conn_retire(pool->conns[i]);
}
