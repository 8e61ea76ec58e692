/*
 * A connection of the pool: prepares the whole statement table, then carries jobs in pipeline
 * mode. It decides nothing about retries: the pool does.
 */
#ifndef OTKLIK_DB_CONN_H
#define OTKLIK_DB_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "db/hosts.h"
#include "db/sqlstate.h"
#include "db/unit_private.h"

struct db_conn;

/* A unit on its way: the pool's own memory, so that it outlives a caller who left. */
struct db_job {
	struct db_job *next;
	struct db_job *prev;
	struct db_unit *unit; /* NULL once the caller left */
	int64_t deadline;     /* loop time */
	int64_t not_before;   /* of a retry */
	int64_t sent_at;
	size_t bytes;
	enum db_mode mode;
	unsigned attempts; /* rolled back and run again */
	unsigned prepares; /* of them for a stale plan */
	unsigned losses;   /* connections lost with this unit in front */
	/* reading its results */
	int at; /* statement, the scope's is -1 */
	bool seen;
	enum db_remedy remedy; /* of its failure */
	bool broken;           /* failed */
};

/* Jobs in order; a ring with the list itself as head. */
struct db_jobs {
	struct db_job head;
	unsigned count;
};

void db_jobs_init(struct db_jobs *jobs);
void db_jobs_append(struct db_jobs *jobs, struct db_job *job);
void db_jobs_prepend(struct db_jobs *jobs, struct db_job *job);
void db_jobs_remove(struct db_jobs *jobs, struct db_job *job);
struct db_job *db_jobs_first(const struct db_jobs *jobs); /* NULL if empty */
struct db_job *db_jobs_last(const struct db_jobs *jobs);
/* NULL after the last. */
struct db_job *db_jobs_next(const struct db_jobs *jobs, const struct db_job *job);

struct db_channel {
	const char *name;
	db_notified *notified;
	void *context;
};

struct db_conn_options {
	const struct db_hosts *hosts;
	const struct sql_statement *statements;
	size_t statement_count;
	const struct db_channel *channels; /* of the pool; listened to when `listens` */
	const size_t *channel_count;
	unsigned connect_timeout_ms;
	unsigned silence_ms; /* without an answer while units fly: the server is gone */
	bool listens;
};

/* Called from the loop, or from db_conn_send when sending breaks the connection. */
struct db_conn_events {
	void (*ready)(void *context, struct db_conn *conn);
	/* The job's Sync has come: it is off the connection and the pool's to finish. */
	void (*finished)(void *context, struct db_conn *conn, struct db_job *job);
	/*
	 * The jobs in flight, first sent first; the pool takes them off the list. `served`
	 * tells a loss from an attempt that failed.
	 */
	void (*lost)(void *context, struct db_jobs *flying, bool served);
};

/* The options must outlive it. NULL when memory is out. */
struct db_conn *db_conn_new(struct loop *loop, const struct db_conn_options *options,
        const struct db_conn_events *events, void *context);
/* Jobs in flight are forgotten, not freed. */
void db_conn_free(struct db_conn *conn);
void db_conn_start(struct db_conn *conn);

bool db_conn_ready(const struct db_conn *conn);
const struct db_jobs *db_conn_flying(const struct db_conn *conn);
size_t db_conn_bytes(const struct db_conn *conn);
unsigned db_conn_drifted(const struct db_conn *conn);

/*
 * Sends the job's unit. 0; or negative with the unit's error set when the unit does not suit
 * its statements (nothing was sent; the job stays the caller's). A broken connection is told by
 * `lost`, which has the job among those in flight.
 */
int db_conn_send(struct db_conn *conn, struct db_job *job);

/* Takes no more jobs, and once idle connects and prepares anew. */
void db_conn_retire(struct db_conn *conn);

#endif
