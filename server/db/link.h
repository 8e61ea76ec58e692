/*
 * A link: one libpq connection on the loop, made without blocking, remade with backoff when it
 * is lost. What travels over it is its owner's business (conn.c, stream.c).
 */
#ifndef OTKLIK_DB_LINK_H
#define OTKLIK_DB_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/hosts.h"
#include "loop/loop.h"

struct db_link;

struct db_link_events {
	void (*up)(void *context); /* logged in, non-blocking */
	void (*io)(void *context); /* readable or writable */
	void (*down)(void *context,
	        const char *reason); /* an attempt failed, or the link was lost */
};

/* The hosts must outlive it. NULL when memory is out. Does nothing until db_link_start. */
struct db_link *db_link_new(struct loop *loop, const struct db_hosts *hosts,
        const struct db_link_events *events, void *context, unsigned timeout_ms);
void db_link_free(struct db_link *link);

/* Connects now. */
void db_link_start(struct db_link *link);

/*
 * The owner is content with the connection: stops the timer that runs from the start of the
 * attempt, and the next backoff starts small.
 */
void db_link_settle(struct db_link *link);

/*
 * Closes, reports down(reason), and connects again: at once when `now`, else to the next host,
 * and after all hosts failed with a backoff of 20 ms doubling up to 1 s.
 */
void db_link_drop(struct db_link *link, const char *reason, bool now);

/* NULL while not up. */
PGconn *db_link_pg(const struct db_link *link);
const char *db_link_host(const struct db_link *link);

/*
 * Flushes and watches for what the flush leaves: read, and write while bytes remain; nothing to
 * read while paused. 0, or negative when the connection is broken (the caller drops it).
 */
int db_link_flush(struct db_link *link);
void db_link_pause(struct db_link *link, bool paused);

#endif
