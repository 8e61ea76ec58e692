/*
 * The pool: a few connections in pipeline mode on the loop, that run units and heal.
 *
 * The life of a unit: submitted → waits in a bounded queue until a connection has room →
 * sent, with a Sync behind it → rows are copied into its arena as they come → at the Sync it
 * is committed or rolled back, and the callback is queued on the loop. A lost connection,
 * deadlock or stale plan sends it back to the queue where its mode allows.
 */
#ifndef OTKLIK_DB_POOL_H
#define OTKLIK_DB_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "db/unit.h"
#include "sql/statement.h"

struct loop;
struct db_pool;

struct db_pool_options {
	/* libpq keywords or URI; several hosts and ports as libpq writes them, tried in turn */
	const char *conninfo;
	const struct sql_statement *statements;
	size_t statement_count;
	const char *application_name; /* NULL: "otklikd" */
	/* zero: the default in brackets */
	unsigned connections;        /* [2] */
	unsigned connect_timeout_ms; /* per host, up to all statements prepared [5000] */
	unsigned statement_ms;       /* statement_timeout of the sessions [30000] */
	unsigned depth;              /* units in flight on one connection [4] */
	unsigned waiting_max;        /* units in the queue [1024] */
	size_t bytes_max;            /* parameter bytes in flight on one connection [4 MiB] */
};

/*
 * Starts connecting at once. The options' texts are copied, the statement table is not.
 * NULL with err: INVALID_ARGUMENT for a bad conninfo, RESOURCE_EXHAUSTED.
 */
struct db_pool *db_pool_new(
        struct loop *loop, const struct db_pool_options *options, struct otk_error *err);

/* Closes. Units not completed are forgotten: their callbacks never come. NULL is harmless. */
void db_pool_free(struct db_pool *pool);

typedef void db_unit_done(void *context, struct db_unit *unit);

/*
 * Runs the unit within timeout_ms. `done` is called exactly once, from the loop and never from
 * inside this call, with db_unit_error() telling the outcome — unless db_pool_detach comes
 * first. Outcomes of the pool itself:
 *   DEADLINE_EXCEEDED  DB_DEADLINE         not sent, or sent with its outcome unknown
 *   UNAVAILABLE        DB_OUTCOME_UNKNOWN  DB_WRITE sent, connection lost
 *   UNAVAILABLE        DB_DOWN             connection lost and run again too often
 *   RESOURCE_EXHAUSTED DB_BUSY             the queue is full; retry_after_ms is set
 *   RESOURCE_EXHAUSTED DB_MEMORY           the unit's arena is out
 * and those of db/sqlstate.h. A unit is submitted once.
 */
void db_pool_submit(struct db_pool *pool, struct db_unit *unit, unsigned timeout_ms,
        db_unit_done *done, void *context);

/*
 * The caller is gone: no callback comes, and unit and arena may be freed at once. A waiting
 * unit is dropped, a sent one runs to its end and its result is discarded. Harmless after
 * completion.
 */
void db_pool_detach(struct db_pool *pool, struct db_unit *unit);

/*
 * Listens on a channel (an SQL identifier, not copied) on one of the connections. The callback
 * gets the payload, or NULL each time listening (re)starts: notifications may have been missed
 * before. At most 8 channels, all before the loop runs.
 */
typedef void db_notified(void *context, const char *channel, const char *payload);
int db_pool_listen(
        struct db_pool *pool, const char *channel, db_notified *notified, void *context);

struct db_pool_stats {
	unsigned connections; /* wanted */
	unsigned ready;       /* connected, prepared */
	unsigned drifted;     /* statements the schema refused at the last connect */
	unsigned waiting;     /* units */
	unsigned in_flight;   /* units */
	uint64_t units;       /* completed */
	uint64_t failed;      /* of them not OK */
	uint64_t retried;     /* sent again */
	uint64_t reconnects;  /* connections lost */
	uint64_t refused;     /* queue full */
	uint64_t busy_us;     /* time units were in flight, summed */
};
void db_pool_stats(const struct db_pool *pool, struct db_pool_stats *out);

/*
 * Calls `ready` once, as soon as one connection is up and prepared (soon if it already is). A
 * pool with drifted statements becomes ready too: each is named in the log, units that use one
 * fail with INTERNAL, DB_SCHEMA_DRIFT.
 */
void db_pool_on_ready(struct db_pool *pool, void (*ready)(void *context), void *context);

/* Connections drop their prepared statements and prepare anew, once they are idle. */
void db_pool_reprepare(struct db_pool *pool);

#endif
