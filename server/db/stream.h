/*
 * A stream: a connection of its own in one REPEATABLE READ, read-only transaction, for reading
 * more rows than fit in memory. Queries run one after another in the same snapshot.
 */
#ifndef OTKLIK_DB_STREAM_H
#define OTKLIK_DB_STREAM_H

#include "base/status.h"
#include "db/rows.h"
#include "db/unit.h"
#include "sql/statement.h"

struct loop;
struct db_stream;

/* One row, as row 0 of `rows`; valid until the callback returns. May call pause or close. */
typedef void db_stream_row(void *context, struct db_stream *stream, const struct db_rows *rows);

/*
 * The query is over: err->code OTK_OK, or what failed; after a failure the stream can only be
 * closed. May call db_stream_query for the next one, or close.
 */
typedef void db_stream_done(
        void *context, struct db_stream *stream, const struct otk_error *err);

/* Connects in the background (hosts in turn, as the pool). NULL with err. */
struct db_stream *db_stream_open(
        struct loop *loop, const char *conninfo, struct otk_error *err);
void db_stream_close(struct db_stream *stream); /* NULL is harmless */

/*
 * Runs the single db_call of the unit, whose statement index is into `statements`. The unit may
 * be freed when done was called; rows are not stored in it. One query at a time.
 * 0, or -OTK_FAILED_PRECONDITION while one runs or after a failure. Timeouts are the caller's:
 * db_stream_close cancels.
 */
int db_stream_query(struct db_stream *stream, const struct sql_statement *statements,
        struct db_unit *unit, db_stream_row *row, db_stream_done *done, void *context);

/* Stops calling `row` and reading the socket until resumed. */
void db_stream_pause(struct db_stream *stream);
void db_stream_resume(struct db_stream *stream);

#endif
