/*
 * One connection: up → prepare every statement, each with a Sync of its own so that one the
 * schema refuses spoils no other → listen → ready. Then per job: Bind/Execute of its
 * statements and one Sync, which makes them one transaction.
 */
#include "db/conn.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/encode.h"
#include "db/link.h"

enum { FAILURES_LOGGED = 20 };
enum state { STATE_DOWN, STATE_PREPARING, STATE_READY };

/* The scope's statement stands behind the table. */
static const struct sql_statement scope_statement = {
        "db_scope", "SELECT set_config('otklik.scope', $1, true)", 1};

struct db_conn {
	struct loop *loop;
	const struct db_conn_options *options;
	const struct db_conn_events *events;
	void *context;
	struct db_link *link;
	struct loop_timer *silence;
	int64_t heard_at; /* when the server last said something, or was first asked */
	enum state state;
	bool retiring;
	struct loop_task drop; /* posted to drop it when not called by the loop */
	const char *doom;      /* why it is going to be dropped; NULL: it is not */
	unsigned failures;     /* attempts in a row */
	struct db_jobs flying;
	size_t bytes;
	struct db_prepared *prepared; /* statement_count + 1 */
	size_t at;                    /* preparing: which Sync is awaited */
	bool described;               /* preparing: the statement's own result has come */
	unsigned drifted;
	struct db_wire wire;
};

static void conn_up(void *context);
static void conn_io(void *context);
static void conn_down(void *context, const char *reason);
static void conn_silent(void *arg);
static void conn_drop(void *arg);

static const struct db_link_events link_events = {conn_up, conn_io, conn_down};

static const struct sql_statement *statement_at(const struct db_conn *conn, size_t index)
{
	return index < conn->options->statement_count ? &conn->options->statements[index]
	                                              : &scope_statement;
}

struct db_conn *db_conn_new(struct loop *loop, const struct db_conn_options *options,
        const struct db_conn_events *events, void *context)
{
	struct db_conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL)
		return NULL;
	conn->loop = loop;
	conn->options = options;
	conn->events = events;
	conn->context = context;
	db_jobs_init(&conn->flying);
	loop_task_init(&conn->drop, conn_drop, conn);
	conn->prepared = calloc(options->statement_count + 1, sizeof *conn->prepared);
	conn->silence = loop_timer_new(loop, conn_silent, conn);
	conn->link = db_link_new(
	        loop, options->hosts, &link_events, conn, options->connect_timeout_ms);
	if (conn->prepared == NULL || conn->silence == NULL || conn->link == NULL) {
		db_conn_free(conn);
		return NULL;
	}
	return conn;
}

void db_conn_free(struct db_conn *conn)
{
	if (conn == NULL)
		return;
	loop_unpost(conn->loop, &conn->drop);
	db_link_free(conn->link);
	loop_timer_free(conn->silence);
	if (conn->prepared != NULL)
		for (size_t i = 0; i <= conn->options->statement_count; i++)
			free(conn->prepared[i].types);
	free(conn->prepared);
	db_wire_free(&conn->wire);
	free(conn);
}

void db_conn_start(struct db_conn *conn)
{
	db_link_start(conn->link);
}

bool db_conn_ready(const struct db_conn *conn)
{
	return conn->state == STATE_READY && !conn->retiring && conn->doom == NULL;
}

const struct db_jobs *db_conn_flying(const struct db_conn *conn)
{
	return &conn->flying;
}

size_t db_conn_bytes(const struct db_conn *conn)
{
	return conn->bytes;
}

unsigned db_conn_drifted(const struct db_conn *conn)
{
	return conn->drifted;
}

/* ---- Coming and going ---- */

static void conn_down(void *context, const char *reason)
{
	struct db_conn *conn = context;

	bool served = conn->state == STATE_READY && !conn->retiring;

	/* Attempts come up to twice a second while the server is away: not each is news. */
	if (served)
		log_warn("database connection lost", "reason", reason);
	else if (conn->state != STATE_READY && conn->failures++ % FAILURES_LOGGED == 0)
		log_warn("database connection failed", "reason", reason);
	conn->state = STATE_DOWN;
	conn->retiring = false;
	conn->doom = NULL;
	conn->bytes = 0;
	loop_unpost(conn->loop, &conn->drop);
	loop_timer_clear(conn->silence);
	conn->events->lost(conn->context, &conn->flying, served);
}

static void conn_break(struct db_conn *conn, const char *reason)
{
	/* One that served until now is worth another attempt at once. */
	db_link_drop(conn->link, reason, conn->state == STATE_READY);
}

static void conn_drop(void *arg)
{
	struct db_conn *conn = arg;

	if (conn->doom != NULL)
		conn_break(conn, conn->doom);
}

/* Drops it from the loop: the caller may be inside a walk over its results. */
static void conn_doom(struct db_conn *conn, const char *reason)
{
	conn->doom = reason;
	loop_post(conn->loop, &conn->drop);
}

/* The connection said nothing for longer than any statement may take: a dead link. */
static void conn_silent(void *arg)
{
	struct db_conn *conn = arg;
	int64_t limit = (int64_t)conn->options->silence_ms * 1000;
	int64_t silent = loop_now(conn->loop) - conn->heard_at;

	if (conn->flying.count == 0)
		return;
	if (silent >= limit)
		conn_break(conn, "no answer");
	else
		loop_timer_set(conn->silence, limit - silent);
}

static int send_prepare(PGconn *pg, const struct sql_statement *statement)
{
	return PQsendPrepare(pg, statement->name, statement->text, 0, NULL) &&
	       PQsendDescribePrepared(pg, statement->name) && PQpipelineSync(pg);
}

static int send_listen(PGconn *pg, const char *channel)
{
	char text[128];

	snprintf(text, sizeof text, "LISTEN \"%s\"", channel);
	return PQsendQueryParams(pg, text, 0, NULL, NULL, NULL, NULL, 1) && PQpipelineSync(pg);
}

static size_t channels(const struct db_conn *conn)
{
	return conn->options->listens ? *conn->options->channel_count : 0;
}

static void conn_up(void *context)
{
	struct db_conn *conn = context;
	PGconn *pg = db_link_pg(conn->link);
	int ok = PQenterPipelineMode(pg);

	conn->state = STATE_PREPARING;
	conn->at = 0;
	conn->drifted = 0;
	conn->described = false;
	for (size_t i = 0; ok && i <= conn->options->statement_count; i++) {
		conn->prepared[i].ok = false;
		ok = send_prepare(pg, statement_at(conn, i));
	}
	for (size_t i = 0; ok && i < channels(conn); i++)
		ok = send_listen(pg, conn->options->channels[i].name);
	if (!ok || db_link_flush(conn->link) < 0)
		conn_break(conn, "cannot send the statements");
}

static void conn_settled(struct db_conn *conn)
{
	char drifted[16];

	db_link_settle(conn->link);
	conn->failures = 0;
	conn->state = STATE_READY;
	snprintf(drifted, sizeof drifted, "%u", conn->drifted);
	log_info("database connection ready", "host", db_link_host(conn->link), "drifted",
	        drifted);
	for (size_t i = 0; i < channels(conn); i++)
		conn->options->channels[i].notified(conn->options->channels[i].context,
		        conn->options->channels[i].name, NULL);
	conn->events->ready(conn->context, conn);
}

/* ---- Preparing ---- */

static void prepared_failed(struct db_conn *conn, const PGresult *result)
{
	const char *name = conn->at <= conn->options->statement_count
	                           ? statement_at(conn, conn->at)->name
	                           : "LISTEN";

	conn->drifted++;
	log_error("database schema does not fit", "statement", name, "sqlstate",
	        PQresultErrorField(result, PG_DIAG_SQLSTATE), "text",
	        PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

static int prepared_described(struct db_conn *conn, const PGresult *result)
{
	struct db_prepared *prepared = &conn->prepared[conn->at];
	int params = PQnparams(result);
	uint32_t *types = realloc(prepared->types, ((size_t)params + 1) * sizeof *types);

	if (types == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	prepared->types = types; /* at once: the old ones are gone */
	if (db_wire_reserve(&conn->wire, (size_t)params + 1) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int i = 0; i < params; i++)
		types[i] = PQparamtype(result, i);
	prepared->params = params;
	prepared->ok = true;
	return 0;
}

/* Whether the SQLSTATE says that this server will not do. */
static bool is_failover(const PGresult *result)
{
	return db_sqlstate_find(PQresultErrorField(result, PG_DIAG_SQLSTATE))->remedy ==
	       DB_FAILOVER;
}

/* One result while preparing; 0, or negative when the connection is to be dropped. */
static int prepare_result(struct db_conn *conn, const PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_PIPELINE_SYNC:
		conn->at++;
		conn->described = false;
		return 0;
	case PGRES_COMMAND_OK:
		if (conn->at > conn->options->statement_count)
			return 0;
		if (conn->described)
			return prepared_described(conn, result);
		conn->described = true;
		return 0;
	case PGRES_FATAL_ERROR:
		if (is_failover(result) || PQstatus(db_link_pg(conn->link)) != CONNECTION_OK)
			return -OTK_UNAVAILABLE;
		prepared_failed(conn, result);
		return 0;
	default:
		return 0;
	}
}

/* A dead connection answers NULL for ever. */
static int conn_alive(const PGconn *pg)
{
	return PQstatus(pg) == CONNECTION_OK ? 0 : -OTK_UNAVAILABLE;
}

static int prepare_results(struct db_conn *conn, PGconn *pg)
{
	size_t syncs = conn->options->statement_count + 1 + channels(conn);

	while (conn->at < syncs && !PQisBusy(pg)) {
		PGresult *result = PQgetResult(pg);
		int status = result == NULL ? conn_alive(pg) : prepare_result(conn, result);

		PQclear(result);
		if (status < 0)
			return status;
	}
	if (conn->at == syncs)
		conn_settled(conn);
	return 0;
}

/* ---- Results of units ---- */

static void copy_field(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text == NULL ? "" : text);
}

static void job_failed(struct db_conn *conn, struct db_job *job, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	const char *name = "db_scope";
	struct db_unit *unit = job->unit;

	job->broken = true;
	job->remedy = db_sqlstate_find(sqlstate)->remedy;
	if (unit == NULL)
		return;
	if (job->at >= 0)
		name = statement_at(conn, (size_t)unit->calls[job->at].statement)->name;
	unit->failed_call = job->at;
	copy_field(unit->sqlstate, sizeof unit->sqlstate, sqlstate);
	copy_field(unit->constraint, sizeof unit->constraint, constraint);
	db_sqlstate_error(db_unit_fail(unit), sqlstate, text,
	        PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL), constraint);
	/* What the caller is not told stands here. */
	if (unit->err->code == OTK_INTERNAL || unit->err->code == OTK_PERMISSION_DENIED)
		log_error("database statement failed", "statement", name, "sqlstate", sqlstate,
		        "text", text, "context", PQresultErrorField(result, PG_DIAG_CONTEXT));
}

static void job_rows(struct db_conn *conn, struct db_job *job, const PGresult *result)
{
	struct db_unit *unit = job->unit;
	const struct sql_statement *statement;

	if (unit == NULL || job->at < 0 || unit->err != NULL)
		return;
	statement = statement_at(conn, (size_t)unit->calls[job->at].statement);
	unit->rows[job->at] = db_rows_copy(result, statement->name, unit->arena);
	if (unit->rows[job->at] == NULL)
		error_set(db_unit_fail(unit), OTK_RESOURCE_EXHAUSTED, "DB_MEMORY",
		        "the answer is greater than the request may use");
}

static void job_finished(struct db_conn *conn, struct db_job *job)
{
	db_jobs_remove(&conn->flying, job);
	conn->bytes -= job->bytes;
	if (job->broken && job->remedy == DB_PREPARE)
		conn->retiring = true;
	conn->events->finished(conn->context, conn, job);
}

/* One result for the first job; negative when the connection is to be dropped. */
static int job_result(struct db_conn *conn, struct db_job *job, const PGresult *result)
{
	if (result == NULL) {
		/* The end of one statement's results. */
		job->at += job->seen;
		job->seen = false;
		return conn_alive(db_link_pg(conn->link));
	}
	job->seen = true;
	switch (PQresultStatus(result)) {
	case PGRES_PIPELINE_SYNC:
		job_finished(conn, job);
		return 0;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		job_rows(conn, job, result);
		return 0;
	case PGRES_PIPELINE_ABORTED:
		return 0;
	default:
		if (PQstatus(db_link_pg(conn->link)) != CONNECTION_OK)
			return -OTK_UNAVAILABLE;
		job_failed(conn, job, result);
		return job->remedy == DB_FAILOVER ? -OTK_UNAVAILABLE : 0;
	}
}

static int job_results(struct db_conn *conn, PGconn *pg)
{
	struct db_job *job;

	while ((job = db_jobs_first(&conn->flying)) != NULL && !PQisBusy(pg)) {
		PGresult *result = PQgetResult(pg);
		int status = job_result(conn, job, result);

		PQclear(result);
		if (status < 0)
			return status;
	}
	return 0;
}

static void conn_notifies(struct db_conn *conn, PGconn *pg)
{
	PGnotify *notify;

	while ((notify = PQnotifies(pg)) != NULL) {
		for (size_t i = 0; i < channels(conn); i++) {
			const struct db_channel *channel = &conn->options->channels[i];

			if (strcmp(channel->name, notify->relname) == 0)
				channel->notified(
				        channel->context, channel->name, notify->extra);
		}
		PQfreemem(notify);
	}
}

static void conn_io(void *context)
{
	struct db_conn *conn = context;
	PGconn *pg = db_link_pg(conn->link);
	int status;

	conn->heard_at = loop_now(conn->loop);
	if (!PQconsumeInput(pg) || PQstatus(pg) != CONNECTION_OK) {
		conn_break(conn, "the server closed the connection");
		return;
	}
	status = conn->state == STATE_READY ? job_results(conn, pg) : prepare_results(conn, pg);
	if (status < 0) {
		conn_break(conn, "the server is shutting down or read-only");
		return;
	}
	conn_notifies(conn, pg);
	if (conn->retiring && conn->flying.count == 0)
		conn_break(conn, "preparing anew");
	else if (db_link_flush(conn->link) < 0)
		conn_break(conn, "cannot send");
}

/* ---- Sending ---- */

static int send_call(struct db_conn *conn, PGconn *pg, struct db_unit *unit, size_t index)
{
	const struct db_call *call = &unit->calls[index];
	const struct sql_statement *statement = statement_at(conn, (size_t)call->statement);
	const struct db_prepared *prepared = &conn->prepared[call->statement];

	if (db_encode(unit, call, prepared, &conn->wire) < 0)
		return 0;
	return PQsendQueryPrepared(pg, statement->name, (int)call->params, conn->wire.values,
	        conn->wire.lengths, conn->wire.formats, 1);
}

static int unit_suits(struct db_conn *conn, struct db_unit *unit)
{
	int status = db_unit_restart(unit);

	for (size_t i = 0; status == 0 && i < unit->call_count; i++) {
		int id = unit->calls[i].statement;

		if (id < 0 || (size_t)id >= conn->options->statement_count)
			status = error_set(db_unit_fail(unit), OTK_INTERNAL, "DB_MISUSE",
			        "there is no statement %d", id);
		else
			status = db_encode_check(unit, &unit->calls[i],
			        &conn->options->statements[id], &conn->prepared[id]);
	}
	return status;
}

int db_conn_send(struct db_conn *conn, struct db_job *job)
{
	PGconn *pg = db_link_pg(conn->link);
	struct db_unit *unit = job->unit;
	int status = unit_suits(conn, unit);
	int ok = 1;

	if (status < 0)
		return status;
	job->at = unit->scope != NULL ? -1 : 0;
	job->seen = job->broken = false;
	job->remedy = DB_FAIL;
	job->sent_at = loop_now(conn->loop);
	if (conn->flying.count == 0) {
		conn->heard_at = job->sent_at;
		if (!loop_timer_is_set(conn->silence))
			loop_timer_set(
			        conn->silence, (int64_t)conn->options->silence_ms * 1000);
	}
	db_jobs_append(&conn->flying, job);
	conn->bytes += job->bytes;
	if (unit->scope != NULL) {
		conn->wire.values[0] = unit->scope;
		conn->wire.formats[0] = 0;
		ok = PQsendQueryPrepared(pg, scope_statement.name, 1, conn->wire.values, NULL,
		        conn->wire.formats, 1);
	}
	for (size_t i = 0; ok && i < unit->call_count; i++)
		ok = send_call(conn, pg, unit, i);
	if (!ok || !PQpipelineSync(pg) || db_link_flush(conn->link) < 0)
		conn_doom(conn, "cannot send");
	return 0;
}

void db_conn_retire(struct db_conn *conn)
{
	if (conn->state != STATE_READY)
		return;
	conn->retiring = true;
	if (conn->flying.count == 0)
		conn_doom(conn, "preparing anew");
}
