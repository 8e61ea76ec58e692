/* The inside of units and rows, shared by the files of this room. */
#ifndef OTKLIK_DB_UNIT_PRIVATE_H
#define OTKLIK_DB_UNIT_PRIVATE_H

#include "db/pool.h"
#include "db/rows.h"
#include "db/unit.h"
#include "loop/loop.h"

enum db_param_kind {
	DB_PARAM_NULL,
	DB_PARAM_INT,    /* wire: 8 bytes, narrowed to what the statement declares */
	DB_PARAM_SCALAR, /* wire: `length` bytes of `type` */
	DB_PARAM_TEXT,   /* at `data`, NUL-terminated */
	DB_PARAM_BYTES,  /* at `data` */
	DB_PARAM_ARRAY
};

struct db_param {
	enum db_param_kind kind;
	enum db_type type;
	int length;
	uint8_t wire[16];
	const void *data;
	struct db_array *array;
};

struct db_call {
	int statement;
	size_t first; /* index of its first parameter */
	size_t params;
};

/* One value of a result; data is NUL-terminated beyond length, NULL for SQL NULL. */
struct db_cell {
	const char *data;
	int length;
};

struct db_rows {
	const char *statement;
	size_t count;
	int columns;
	uint64_t affected;
	const uint32_t *oids;
	const struct db_cell *cells; /* row by row */
};

struct db_unit {
	struct arena *arena;
	enum db_mode mode;
	bool failed;       /* the arena ran out */
	const char *wrong; /* misuse while building, NULL if none */
	bool out_of_range;
	const char *scope;
	struct db_call *calls;
	size_t call_count;
	size_t call_cap;
	struct db_param *params;
	size_t param_count;
	size_t param_cap;
	/* outcome */
	struct otk_error *err; /* NULL: OK */
	char sqlstate[6];
	char constraint[64];
	int failed_call;
	struct db_rows **rows; /* by call */
	/* while submitted */
	struct db_pool *pool;
	struct db_job *job; /* while it waits or flies */
	db_unit_done *done;
	void *context;
	struct loop_task task; /* completion */
	struct db_unit *next;  /* list of the pool's completed ones */
	struct db_unit *prev;
};

/* Writes the array's header; *length of the whole. NULL when it failed. */
const void *db_array_wire(struct db_array *array, int *length);
size_t db_array_bytes(const struct db_array *array);
struct db_array *db_array_new(struct db_unit *unit, enum db_type type, size_t expected);

/* Whether it was built without fault; else fills the outcome. */
int db_unit_check(struct db_unit *unit);

/* Forgets the outcome of an earlier attempt. 0 or -OTK_RESOURCE_EXHAUSTED. */
int db_unit_restart(struct db_unit *unit);

/* The error to fill in; never NULL (a static one when the arena is out). */
struct otk_error *db_unit_fail(struct db_unit *unit);

/* Bytes that sending it takes, roughly. */
size_t db_unit_size(const struct db_unit *unit);

/* Copies a PGresult; NULL when the arena is out. */
struct pg_result;
struct db_rows *db_rows_copy(
        const struct pg_result *result, const char *statement, struct arena *arena);

#endif
