/*
 * A unit: statements that go to PostgreSQL together as one implicit transaction, and what
 * came back. It lives in the caller's arena and needs no freeing.
 *
 *	struct db_unit *unit = db_unit_new(arena, DB_READ);
 *	db_unit_scope(unit, principal_scope_text);
 *	db_call(unit, SQL_TICKET_GET);
 *	db_put_int(unit, customer_id);
 *	db_put_int(unit, ticket_id);
 *	db_pool_submit(pool, unit, timeout_ms, ticket_read, request);
 *
 * Building never fails on the spot: running out of arena is remembered and reported by the
 * pool as RESOURCE_EXHAUSTED, a wrong count or type of parameters as INTERNAL with a log line
 * that names statement and parameter.
 */
#ifndef OTKLIK_DB_UNIT_H
#define OTKLIK_DB_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/uuid.h"
#include "db/type.h"

/*
 * What may be done when the connection is lost and nobody knows whether the unit committed.
 * (A serialization failure or deadlock rolled it back for certain: every mode is run again.)
 */
enum db_mode {
	DB_READ,  /* run again */
	DB_WRITE, /* UNAVAILABLE, reason DB_OUTCOME_UNKNOWN; the client's idempotency key
	             decides */
	DB_REPLAY /* run again: the unit itself recognises a repetition (keys, version guards)
	           */
};

struct db_unit;
struct db_array;
struct db_rows;

/* An empty unit; NULL when the arena is out. */
struct db_unit *db_unit_new(struct arena *arena, enum db_mode mode);

/*
 * Runs set_config('otklik.scope', scope, true) first in the same transaction: "{1,7}" for these
 * customers, "*" for all. Without it row-level security shows nothing. Not copied.
 */
void db_unit_scope(struct db_unit *unit, const char *scope);

/* Adds a statement of the pool's table (enum of sql/statements.h). Its parameters follow. */
void db_call(struct db_unit *unit, int statement);

/*
 * Next parameter of the last statement. Text and bytes are NOT copied: they must live as long
 * as the unit. Integers fit whatever of int2, int4, int8 the statement declares; one that is
 * too great is INVALID_ARGUMENT. Text goes to any type: PostgreSQL reads it as that type's
 * literal. A NULL pointer is SQL NULL.
 */
void db_put_null(struct db_unit *unit);
void db_put_bool(struct db_unit *unit, bool value);
void db_put_int(struct db_unit *unit, int64_t value);
void db_put_float(struct db_unit *unit, double value);
void db_put_text(struct db_unit *unit, const char *text);
void db_put_text_n(struct db_unit *unit, const char *text, size_t length); /* copied */
void db_put_bytes(struct db_unit *unit, const void *data, size_t size);
void db_put_time(struct db_unit *unit, int64_t us);
void db_put_date(struct db_unit *unit, int64_t days);
void db_put_uuid(struct db_unit *unit, const struct uuid *id);

/* As above when `present`, else NULL. */
void db_put_int_if(struct db_unit *unit, bool present, int64_t value);
void db_put_time_if(struct db_unit *unit, bool present, int64_t us);

/* A whole array of integers of that type (DB_INT2, DB_INT4, DB_INT8, DB_TIME, DB_DATE). */
void db_put_ints(struct db_unit *unit, enum db_type type, const int64_t *values, size_t count);
void db_put_texts(struct db_unit *unit, const char *const *texts, size_t count);

/*
 * Next parameter is an array that is filled by db_add_*; `expected` elements are reserved, more
 * are welcome. Several arrays of a statement may be open at once, so one loop over rows can
 * fill all columns. Elements are copied. Never NULL: without memory a dummy that swallows.
 * A db_add_* of another type than the array's is an error of the unit.
 */
struct db_array *db_put_array(struct db_unit *unit, enum db_type type, size_t expected);
void db_add_null(struct db_array *array);
void db_add_bool(struct db_array *array, bool value);
void db_add_int(struct db_array *array, int64_t value); /* DB_INT2, DB_INT4, DB_INT8 */
void db_add_float(struct db_array *array, double value);
void db_add_text(struct db_array *array, const char *text); /* NULL: SQL NULL */
void db_add_text_n(struct db_array *array, const char *text, size_t length);
void db_add_bytes(struct db_array *array, const void *data, size_t size); /* NULL: SQL NULL */
void db_add_time(struct db_array *array, int64_t us);
void db_add_date(struct db_array *array, int64_t days);
void db_add_uuid(struct db_array *array, const struct uuid *id); /* NULL: SQL NULL */
void db_add_int_if(struct db_array *array, bool present, int64_t value);
void db_add_time_if(struct db_array *array, bool present, int64_t us);
size_t db_array_count(const struct db_array *array);

/* ---- After completion ---- */

/* The outcome; code OTK_OK when all is committed. Valid as long as the arena. */
const struct otk_error *db_unit_error(const struct db_unit *unit);

/* SQLSTATE of the failure ("23505"), "" when it did not come from PostgreSQL. */
const char *db_unit_sqlstate(const struct db_unit *unit);

/* Name of the violated constraint; "" if none. */
const char *db_unit_constraint(const struct db_unit *unit);

/* Index of the statement that failed, in order of db_call; -1 if none. */
int db_unit_failed_call(const struct db_unit *unit);

/*
 * Rows of the call-th db_call (from 0); valid as long as the arena. Never NULL: empty rows
 * after a failure or for an index out of range.
 */
const struct db_rows *db_unit_rows(const struct db_unit *unit, size_t call);

#endif
