/*
 * One query at a time, in single-row mode (so not pipelined): unnamed statement prepared,
 * described for the types of its parameters, run, read row by row.
 */
#include "db/stream.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "db/encode.h"
#include "db/hosts.h"
#include "db/link.h"
#include "db/sqlstate.h"

enum { CONNECT_MS = 5000, ROWS_A_TURN = 256 };
#define ROW_BUDGET ((size_t)64 * 1024 * 1024)

enum phase {
	PHASE_CONNECTING,
	PHASE_BEGINNING,
	PHASE_IDLE,
	PHASE_SCOPING,
	PHASE_PREPARING,
	PHASE_DESCRIBING,
	PHASE_ROWS,
	PHASE_FAILED
};

struct db_stream {
	struct loop *loop;
	struct db_hosts *hosts;
	struct db_link *link;
	struct loop_task more; /* goes on reading after a turn's share or a pause */
	enum phase phase;
	bool paused;
	bool in_callback;
	bool closed; /* in a callback: freed behind it */
	struct arena *row_arena;
	/* the query, asked for or running; statement NULL: none */
	const struct sql_statement *statement;
	struct db_unit *unit;
	db_stream_row *row;
	db_stream_done *done;
	void *context;
	struct db_prepared prepared;
	struct db_wire wire;
	struct otk_error err;
};

static void stream_up(void *context);
static void stream_io(void *context);
static void stream_down(void *context, const char *reason);
static void stream_more(void *arg);

static const struct db_link_events link_events = {stream_up, stream_io, stream_down};

struct db_stream *db_stream_open(struct loop *loop, const char *conninfo, struct otk_error *err)
{
	struct db_stream *stream = calloc(1, sizeof *stream);

	if (stream == NULL)
		goto out_memory;
	stream->loop = loop;
	loop_task_init(&stream->more, stream_more, stream);
	stream->hosts = db_hosts_parse(conninfo, "otklik stream",
	        "-c default_transaction_isolation=repeatable\\ read "
	        "-c client_connection_check_interval=1s",
	        err);
	if (stream->hosts == NULL) {
		db_stream_close(stream);
		return NULL;
	}
	stream->row_arena = arena_new(ROW_BUDGET);
	stream->link = db_link_new(loop, stream->hosts, &link_events, stream, CONNECT_MS);
	if (stream->row_arena == NULL || stream->link == NULL)
		goto out_memory;
	db_link_start(stream->link);
	return stream;

out_memory:
	error_set(err, OTK_RESOURCE_EXHAUSTED, "DB_MEMORY", "out of memory");
	db_stream_close(stream);
	return NULL;
}

void db_stream_close(struct db_stream *stream)
{
	if (stream == NULL)
		return;
	if (stream->in_callback) {
		stream->closed = true;
		return;
	}
	loop_unpost(stream->loop, &stream->more);
	db_link_free(stream->link);
	db_hosts_free(stream->hosts);
	arena_free(stream->row_arena);
	db_wire_free(&stream->wire);
	free(stream->prepared.types);
	free(stream);
}

/* ---- Telling the caller ---- */

/* Both leave the stream to be freed when a callback closed it: the caller must then return. */
static bool stream_is_closed(struct db_stream *stream)
{
	stream->in_callback = false;
	if (stream->closed)
		db_stream_close(stream);
	else
		return false;
	return true;
}

static bool tell_done(struct db_stream *stream)
{
	struct otk_error err = stream->err;

	stream->statement = NULL;
	stream->unit = NULL;
	stream->in_callback = true;
	stream->done(stream->context, stream, &err);
	return stream_is_closed(stream);
}

static bool tell_row(struct db_stream *stream, const PGresult *result)
{
	struct db_rows *rows;

	arena_reset(stream->row_arena);
	rows = db_rows_copy(result, stream->statement->name, stream->row_arena);
	if (rows == NULL) {
		error_set(&stream->err, OTK_RESOURCE_EXHAUSTED, "DB_MEMORY",
		        "a row is greater than a stream may hold");
		return false;
	}
	stream->in_callback = true;
	stream->row(stream->context, stream, rows);
	return stream_is_closed(stream);
}

/* The connection is of no use any more; `stream->err` says why. */
static void stream_fail(struct db_stream *stream)
{
	stream->phase = PHASE_FAILED;
	loop_unpost(stream->loop, &stream->more);
	db_link_free(stream->link);
	stream->link = NULL;
	if (stream->statement != NULL)
		tell_done(stream);
}

static void stream_lost(struct db_stream *stream, const char *reason)
{
	log_warn("database stream lost", "reason", reason);
	error_set(&stream->err, OTK_UNAVAILABLE, "DB_DOWN",
	        "the connection to the database was lost; try again");
	stream_fail(stream);
}

static void stream_refused(struct db_stream *stream, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (PQstatus(db_link_pg(stream->link)) != CONNECTION_OK || sqlstate == NULL) {
		error_set(&stream->err, OTK_UNAVAILABLE, "DB_DOWN",
		        "the connection to the database was lost; try again");
		return;
	}
	db_sqlstate_error(&stream->err, sqlstate,
	        PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
	        PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
	        PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
	if (stream->err.code == OTK_INTERNAL)
		log_error("database stream failed", "statement",
		        stream->statement == NULL ? "begin" : stream->statement->name,
		        "sqlstate", sqlstate, "text",
		        PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

/* ---- Phases ---- */

static int send_begin(struct db_stream *stream, PGconn *pg)
{
	stream->phase = PHASE_BEGINNING;
	return PQsendQuery(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
}

static int send_scope(struct db_stream *stream, PGconn *pg)
{
	const char *values[] = {stream->unit->scope};

	stream->phase = PHASE_SCOPING;
	return PQsendQueryParams(pg, "SELECT set_config('otklik.scope', $1, true)", 1, NULL,
	        values, NULL, NULL, 1);
}

static int send_prepare(struct db_stream *stream, PGconn *pg)
{
	stream->phase = PHASE_PREPARING;
	return PQsendPrepare(pg, "", stream->statement->text, 0, NULL);
}

/* The query asked for: first what it may see. */
static int send_query(struct db_stream *stream, PGconn *pg)
{
	return stream->unit->scope != NULL ? send_scope(stream, pg) : send_prepare(stream, pg);
}

static int send_run(struct db_stream *stream, PGconn *pg)
{
	const struct db_call *call = &stream->unit->calls[0];

	stream->phase = PHASE_ROWS;
	return PQsendQueryPrepared(pg, "", (int)call->params, stream->wire.values,
	               stream->wire.lengths, stream->wire.formats, 1) &&
	       PQsetSingleRowMode(pg);
}

/* The types of the parameters are known: checks and encodes them. */
static void query_described(struct db_stream *stream, const PGresult *result)
{
	struct db_prepared *prepared = &stream->prepared;
	size_t params = (size_t)PQnparams(result);
	uint32_t *types = realloc(prepared->types, (params + 1) * sizeof *types);

	if (types != NULL)
		prepared->types = types; /* at once: the old ones are gone */
	if (types == NULL || db_wire_reserve(&stream->wire, params + 1) < 0) {
		error_set(&stream->err, OTK_RESOURCE_EXHAUSTED, "DB_MEMORY", "out of memory");
		return;
	}
	for (size_t i = 0; i < params; i++)
		types[i] = PQparamtype(result, (int)i);
	*prepared = (struct db_prepared){.ok = true, .params = (int)params, .types = types};
	if (db_encode_check(stream->unit, stream->unit->calls, stream->statement, prepared) <
	                0 ||
	        db_encode(stream->unit, stream->unit->calls, prepared, &stream->wire) < 0)
		stream->err = *db_unit_error(stream->unit);
}

/* All results of a phase are read: what comes next. True when the stream was freed. */
static bool phase_over(struct db_stream *stream)
{
	PGconn *pg = db_link_pg(stream->link);
	int ok = 1;

	if (stream->err.code != OTK_OK) {
		stream_fail(stream);
		return true;
	}
	if (PQstatus(pg) != CONNECTION_OK) {
		stream_lost(stream, "the connection broke");
		return true;
	}
	switch (stream->phase) {
	case PHASE_BEGINNING:
		stream->phase = PHASE_IDLE;
		if (stream->statement != NULL)
			ok = send_query(stream, pg);
		break;
	case PHASE_SCOPING:
		ok = send_prepare(stream, pg);
		break;
	case PHASE_PREPARING:
		stream->phase = PHASE_DESCRIBING;
		ok = PQsendDescribePrepared(pg, "");
		break;
	case PHASE_DESCRIBING:
		ok = send_run(stream, pg);
		break;
	default:
		stream->phase = PHASE_IDLE;
		return tell_done(stream);
	}
	if (!ok) {
		stream_lost(stream, "cannot send");
		return true;
	}
	return false;
}

/* True when the stream was freed or the connection is gone. */
static bool stream_result(struct db_stream *stream, const PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
		return stream->err.code == OTK_OK && tell_row(stream, result);
	case PGRES_COMMAND_OK:
		if (stream->phase == PHASE_DESCRIBING)
			query_described(stream, result);
		return false;
	case PGRES_TUPLES_OK:
		return false;
	default:
		if (stream->err.code == OTK_OK)
			stream_refused(stream, result);
		return false;
	}
}

static void stream_read(struct db_stream *stream)
{
	PGconn *pg = db_link_pg(stream->link);

	for (int rows = 0; stream->phase != PHASE_IDLE && !PQisBusy(pg); rows++) {
		PGresult *result;
		bool gone;

		if (stream->paused)
			return;
		if (rows == ROWS_A_TURN) {
			loop_post(stream->loop, &stream->more);
			return;
		}
		result = PQgetResult(pg);
		gone = result == NULL ? phase_over(stream) : stream_result(stream, result);
		PQclear(result);
		if (gone)
			return;
	}
	if (db_link_flush(stream->link) < 0)
		stream_lost(stream, "cannot send");
}

static void stream_more(void *arg)
{
	struct db_stream *stream = arg;

	if (stream->link != NULL && db_link_pg(stream->link) != NULL)
		stream_read(stream);
}

static void stream_io(void *context)
{
	struct db_stream *stream = context;
	PGconn *pg = db_link_pg(stream->link);

	if (!stream->paused && !PQconsumeInput(pg))
		stream_lost(stream, "the server closed the connection");
	else
		stream_read(stream);
}

static void stream_up(void *context)
{
	struct db_stream *stream = context;

	db_link_settle(stream->link);
	if (!send_begin(stream, db_link_pg(stream->link)) || db_link_flush(stream->link) < 0)
		stream_lost(stream, "cannot send");
}

static void stream_down(void *context, const char *reason)
{
	const struct db_stream *stream = context;

	/* The link goes on trying; who waits closes the stream. */
	if (stream->phase == PHASE_CONNECTING)
		log_warn("database stream cannot connect", "reason", reason);
}

/* ---- Asking ---- */

int db_stream_query(struct db_stream *stream, const struct sql_statement *statements,
        struct db_unit *unit, db_stream_row *row, db_stream_done *done, void *context)
{
	if (stream->phase == PHASE_FAILED || stream->statement != NULL)
		return -OTK_FAILED_PRECONDITION;
	if (db_unit_check(unit) < 0 || unit->call_count != 1)
		return -OTK_INVALID_ARGUMENT;
	stream->statement = &statements[unit->calls[0].statement];
	stream->unit = unit;
	stream->row = row;
	stream->done = done;
	stream->context = context;
	error_clear(&stream->err);
	if (stream->phase != PHASE_IDLE)
		return 0;
	/* Results, even of a failure to send, come from the loop. */
	if (!send_query(stream, db_link_pg(stream->link)))
		error_set(&stream->err, OTK_UNAVAILABLE, "DB_DOWN", "the connection was lost");
	loop_post(stream->loop, &stream->more);
	return 0;
}

void db_stream_pause(struct db_stream *stream)
{
	stream->paused = true;
	if (stream->link != NULL)
		db_link_pause(stream->link, true);
}

void db_stream_resume(struct db_stream *stream)
{
	stream->paused = false;
	if (stream->link == NULL)
		return;
	db_link_pause(stream->link, false);
	loop_post(stream->loop, &stream->more);
}
