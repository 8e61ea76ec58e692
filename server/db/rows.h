/*
 * Rows of one statement, copied into the arena of its unit. Columns are counted from 0. A
 * column of another type than asked for is a mistake in our SQL: it aborts a debug build, and
 * is logged and reads as zero in a release build. NULL reads as 0, false, NULL.
 */
#ifndef OTKLIK_DB_ROWS_H
#define OTKLIK_DB_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/uuid.h"

struct db_rows;

size_t db_rows_count(const struct db_rows *rows);
int db_rows_columns(const struct db_rows *rows);
/* Rows inserted, updated or deleted (of the command tag); of a SELECT: rows read. */
uint64_t db_rows_affected(const struct db_rows *rows);

bool db_is_null(const struct db_rows *rows, size_t row, int column);
bool db_get_bool(const struct db_rows *rows, size_t row, int column);
/* int2, int4, int8, oid, xid8. */
int64_t db_get_int(const struct db_rows *rows, size_t row, int column);
double db_get_float(const struct db_rows *rows, size_t row, int column);
/* text, varchar, name, json, jsonb, enums: NUL-terminated, in the arena. */
const char *db_get_text(const struct db_rows *rows, size_t row, int column);
/* As db_get_text, with "" for NULL. */
const char *db_get_text_or_empty(const struct db_rows *rows, size_t row, int column);
/* Any type's raw bytes; *size 0 and NULL for NULL. */
const void *db_get_bytes(const struct db_rows *rows, size_t row, int column, size_t *size);
/* timestamptz: microseconds since 1970; see DB_TIME_INFINITY. */
int64_t db_get_time(const struct db_rows *rows, size_t row, int column);
/* date: days since 1970-01-01. */
int64_t db_get_date(const struct db_rows *rows, size_t row, int column);
void db_get_uuid(const struct db_rows *rows, size_t row, int column, struct uuid *out);

/*
 * One-dimensional arrays, decoded into the given arena. NULL elements read as 0 / NULL.
 * 0, or -OTK_RESOURCE_EXHAUSTED when the arena is out; a NULL array has count 0.
 * ints: int2[], int4[], int8[], timestamptz[] (µs), date[] (days), bool[].
 */
int db_get_ints(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        int64_t **out, size_t *count);
int db_get_texts(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        const char ***out, size_t *count);
/* uuid[]; NULL elements are nil. */
int db_get_uuids(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        struct uuid **out, size_t *count);
/* bytea[]; sizes and pointers into the rows. */
int db_get_byte_arrays(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        const void ***out, size_t **sizes, size_t *count);

#endif
