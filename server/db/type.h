/* The PostgreSQL types that cross the boundary, and how they look on its wire. */
#ifndef OTKLIK_DB_TYPE_H
#define OTKLIK_DB_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* Of parameters and arrays. Everything travels in PostgreSQL's binary format. */
enum db_type {
	DB_BOOL,
	DB_INT2,
	DB_INT4,
	DB_INT8,
	DB_FLOAT8,
	DB_TEXT,
	DB_BYTEA,
	DB_TIME, /* timestamptz; in C int64 microseconds since 1970 UTC */
	DB_DATE, /* date; in C int64 days since 1970-01-01 */
	DB_UUID,
	DB_TYPE_COUNT
};

/* Instants outside PostgreSQL's range; they travel as 'infinity' and '-infinity'. */
#define DB_TIME_INFINITY INT64_MAX
#define DB_TIME_MINUS_INFINITY INT64_MIN

/* SQL name ("int8"), for messages. */
const char *db_type_name(enum db_type type);

/* Oid of the type and of its array; `oid` maps back: 0 and *out, or -OTK_NOT_FOUND. */
uint32_t db_type_oid(enum db_type type);
uint32_t db_type_array_oid(enum db_type type);
int db_type_of_oid(uint32_t oid, enum db_type *out, bool *is_array);

/* Bytes of one value in binary format; -1: varies. */
int db_type_size(enum db_type type);

/* PostgreSQL counts from 2000-01-01: converts both ways, infinities included. */
int64_t db_time_to_wire(int64_t us);
int64_t db_time_from_wire(int64_t wire);

/* Days likewise. 0, or -OTK_OUT_OF_RANGE with *wire 0. */
int db_date_to_wire(int64_t days, int32_t *wire);
int64_t db_date_from_wire(int32_t wire);

#endif
