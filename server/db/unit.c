/* Building units and reading their outcome; arrays are in array.c, rows in rows.c. */
#include "db/unit.h"

#include <string.h>

#include "db/unit_private.h"
#include "db/wire.h"

enum { CALLS_FIRST = 4, PARAMS_FIRST = 16 };

static const struct otk_error no_error = {.code = OTK_OK};
static const struct db_rows no_rows = {.statement = ""};

struct db_unit *db_unit_new(struct arena *arena, enum db_mode mode)
{
	struct db_unit *unit = arena_calloc(arena, 1, sizeof *unit);

	if (unit == NULL)
		return NULL;
	unit->arena = arena;
	unit->mode = mode;
	unit->failed_call = -1;
	return unit;
}

void db_unit_scope(struct db_unit *unit, const char *scope)
{
	unit->scope = scope;
}

/* Makes room for one more in a vector of the arena. */
static void *vector_grow(
        struct db_unit *unit, void *old, size_t count, size_t *cap, size_t size, size_t first)
{
	size_t want = *cap == 0 ? first : *cap * 2;
	void *fresh;

	if (count < *cap)
		return old;
	fresh = arena_alloc(unit->arena, want * size);
	if (fresh == NULL) {
		unit->failed = true;
		return NULL;
	}
	if (count > 0)
		memcpy(fresh, old, count * size);
	*cap = want;
	return fresh;
}

void db_call(struct db_unit *unit, int statement)
{
	struct db_call *calls = vector_grow(unit, unit->calls, unit->call_count,
	        &unit->call_cap, sizeof *unit->calls, CALLS_FIRST);

	if (calls == NULL)
		return;
	unit->calls = calls;
	unit->calls[unit->call_count++] =
	        (struct db_call){.statement = statement, .first = unit->param_count};
}

static struct db_param *param_add(
        struct db_unit *unit, enum db_param_kind kind, enum db_type type)
{
	struct db_param *params;

	if (unit->call_count == 0) {
		unit->wrong = "a parameter before the first db_call";
		return NULL;
	}
	params = vector_grow(unit, unit->params, unit->param_count, &unit->param_cap,
	        sizeof *unit->params, PARAMS_FIRST);
	if (params == NULL)
		return NULL;
	unit->params = params;
	unit->calls[unit->call_count - 1].params++;
	params += unit->param_count++;
	params->kind = kind;
	params->type = type;
	params->length = 0;
	params->data = NULL;
	params->array = NULL;
	return params;
}

void db_put_null(struct db_unit *unit)
{
	param_add(unit, DB_PARAM_NULL, DB_TEXT);
}

void db_put_bool(struct db_unit *unit, bool value)
{
	struct db_param *param = param_add(unit, DB_PARAM_SCALAR, DB_BOOL);

	if (param == NULL)
		return;
	param->wire[0] = value;
	param->length = 1;
}

void db_put_int(struct db_unit *unit, int64_t value)
{
	struct db_param *param = param_add(unit, DB_PARAM_INT, DB_INT8);

	if (param == NULL)
		return;
	wire_put64(param->wire, value);
	param->length = 8;
}

void db_put_float(struct db_unit *unit, double value)
{
	struct db_param *param = param_add(unit, DB_PARAM_SCALAR, DB_FLOAT8);
	int64_t bits;

	if (param == NULL)
		return;
	memcpy(&bits, &value, sizeof bits);
	wire_put64(param->wire, bits);
	param->length = 8;
}

static void put_pointer(struct db_unit *unit, enum db_param_kind kind, enum db_type type,
        const void *data, size_t size)
{
	struct db_param *param = param_add(unit, data == NULL ? DB_PARAM_NULL : kind, type);

	if (param == NULL)
		return;
	if (size > INT32_MAX / 2) {
		unit->out_of_range = true;
		return;
	}
	param->data = data;
	param->length = (int)size;
}

void db_put_text(struct db_unit *unit, const char *text)
{
	put_pointer(unit, DB_PARAM_TEXT, DB_TEXT, text, text == NULL ? 0 : strlen(text));
}

void db_put_text_n(struct db_unit *unit, const char *text, size_t length)
{
	char *copy = text == NULL ? NULL : arena_strndup(unit->arena, text, length);

	if (text != NULL && copy == NULL)
		unit->failed = true;
	db_put_text(unit, copy);
}

void db_put_bytes(struct db_unit *unit, const void *data, size_t size)
{
	put_pointer(unit, DB_PARAM_BYTES, DB_BYTEA, data, size);
}

void db_put_time(struct db_unit *unit, int64_t us)
{
	struct db_param *param = param_add(unit, DB_PARAM_SCALAR, DB_TIME);

	if (param == NULL)
		return;
	wire_put64(param->wire, db_time_to_wire(us));
	param->length = 8;
}

void db_put_date(struct db_unit *unit, int64_t days)
{
	struct db_param *param = param_add(unit, DB_PARAM_SCALAR, DB_DATE);
	int32_t wire;

	if (param == NULL)
		return;
	if (db_date_to_wire(days, &wire) < 0)
		unit->out_of_range = true;
	wire_put32(param->wire, wire);
	param->length = 4;
}

void db_put_uuid(struct db_unit *unit, const struct uuid *id)
{
	struct db_param *param =
	        param_add(unit, id == NULL ? DB_PARAM_NULL : DB_PARAM_SCALAR, DB_UUID);

	if (param == NULL || id == NULL)
		return;
	memcpy(param->wire, id->bytes, sizeof id->bytes);
	param->length = sizeof id->bytes;
}

void db_put_int_if(struct db_unit *unit, bool present, int64_t value)
{
	if (present)
		db_put_int(unit, value);
	else
		db_put_null(unit);
}

void db_put_time_if(struct db_unit *unit, bool present, int64_t us)
{
	if (present)
		db_put_time(unit, us);
	else
		db_put_null(unit);
}

struct db_array *db_put_array(struct db_unit *unit, enum db_type type, size_t expected)
{
	struct db_array *array = db_array_new(unit, type, expected);
	struct db_param *param = param_add(unit, DB_PARAM_ARRAY, type);

	if (param != NULL)
		param->array = array;
	return array;
}

size_t db_unit_size(const struct db_unit *unit)
{
	size_t size = 0;

	for (size_t i = 0; i < unit->param_count; i++) {
		const struct db_param *param = &unit->params[i];
		size_t array = param->array == NULL ? 0 : db_array_bytes(param->array);

		size += 8 + (size_t)param->length + array;
	}
	return size;
}

int db_unit_check(struct db_unit *unit)
{
	if (unit->failed)
		return error_set(db_unit_fail(unit), OTK_RESOURCE_EXHAUSTED, "DB_MEMORY",
		        "the request needs more memory than it may have");
	if (unit->wrong != NULL)
		return error_set(
		        db_unit_fail(unit), OTK_INTERNAL, "DB_MISUSE", "%s", unit->wrong);
	if (unit->out_of_range)
		return error_set(db_unit_fail(unit), OTK_INVALID_ARGUMENT, "VALUE_INVALID",
		        "a value is too great for its field");
	if (unit->call_count == 0)
		return error_set(db_unit_fail(unit), OTK_INTERNAL, "DB_MISUSE",
		        "a unit without statements");
	return 0;
}

int db_unit_restart(struct db_unit *unit)
{
	unit->err = NULL;
	unit->sqlstate[0] = unit->constraint[0] = '\0';
	unit->failed_call = -1;
	if (unit->rows == NULL)
		unit->rows = arena_calloc(unit->arena, unit->call_count, sizeof *unit->rows);
	else
		memset(unit->rows, 0, unit->call_count * sizeof *unit->rows);
	if (unit->rows == NULL) {
		unit->failed = true;
		return db_unit_check(unit);
	}
	return 0;
}

struct otk_error *db_unit_fail(struct db_unit *unit)
{
	/* What a unit says whose arena cannot even hold an error. One thread: no race. */
	static struct otk_error last_resort;

	if (unit->err == NULL)
		unit->err = arena_alloc(unit->arena, sizeof *unit->err);
	if (unit->err == NULL)
		unit->err = &last_resort;
	return unit->err;
}

const struct otk_error *db_unit_error(const struct db_unit *unit)
{
	return unit->err == NULL ? &no_error : unit->err;
}

const char *db_unit_sqlstate(const struct db_unit *unit)
{
	return unit->sqlstate;
}

const char *db_unit_constraint(const struct db_unit *unit)
{
	return unit->constraint;
}

int db_unit_failed_call(const struct db_unit *unit)
{
	return unit->failed_call;
}

const struct db_rows *db_unit_rows(const struct db_unit *unit, size_t call)
{
	if (unit->err != NULL || unit->rows == NULL || call >= unit->call_count ||
	        unit->rows[call] == NULL)
		return &no_rows;
	return unit->rows[call];
}
