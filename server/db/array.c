/*
 * Arrays in PostgreSQL's binary format (array_recv in src/backend/utils/adt/arrayfuncs.c):
 * dimensions, has-null flag, element Oid, size and lower bound of the one dimension, then each
 * element as its length (-1: NULL) and bytes. An empty array has no dimension.
 */
#include <string.h>

#include "db/unit_private.h"
#include "db/wire.h"

enum { HEADER = 20, HEADER_EMPTY = 12, LENGTH = 4 };

struct db_array {
	struct db_unit *unit;
	enum db_type type;
	bool has_null;
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t count;
};

/* Swallows what is added when there is no memory for an array. */
static struct db_array *array_dummy(struct db_unit *unit)
{
	static struct db_unit nobody;
	static struct db_array dummy;

	unit->failed = true;
	dummy = (struct db_array){.unit = &nobody};
	return &dummy;
}

struct db_array *db_array_new(struct db_unit *unit, enum db_type type, size_t expected)
{
	struct db_array *array = arena_calloc(unit->arena, 1, sizeof *array);
	int size = db_type_size(type);
	size_t each = LENGTH + (size > 0 ? (size_t)size : 28);

	if (array == NULL || expected > SIZE_MAX / 64)
		return array_dummy(unit);
	array->unit = unit;
	array->type = type;
	array->cap = HEADER + expected * each;
	array->data = arena_alloc(unit->arena, array->cap);
	if (array->data == NULL)
		return array_dummy(unit);
	array->len = HEADER;
	return array;
}

/* Room for an element of `size` bytes; NULL when the arena is out. */
static uint8_t *array_room(struct db_array *array, size_t size)
{
	size_t need = array->len + LENGTH + size;
	uint8_t *at;

	if (array->data == NULL || array->unit->failed)
		return NULL;
	if (need > array->cap) {
		size_t cap = need > array->cap * 2 ? need : array->cap * 2;
		uint8_t *fresh =
		        need > INT32_MAX / 2 ? NULL : arena_alloc(array->unit->arena, cap);

		if (fresh == NULL) {
			array->unit->failed = true;
			return NULL;
		}
		memcpy(fresh, array->data, array->len);
		array->data = fresh;
		array->cap = cap;
	}
	at = array->data + array->len;
	wire_put32(at, (int32_t)size);
	array->len = need;
	array->count++;
	return at + LENGTH;
}

static uint8_t *array_room_of(struct db_array *array, enum db_type type, size_t size)
{
	if (array->type != type && array->data != NULL) {
		array->unit->wrong = "an element of another type than its array";
		return NULL;
	}
	return array_room(array, size);
}

void db_add_null(struct db_array *array)
{
	uint8_t *at = array_room(array, 0);

	if (at == NULL)
		return;
	wire_put32(at - LENGTH, -1);
	array->has_null = true;
}

void db_add_bool(struct db_array *array, bool value)
{
	uint8_t *at = array_room_of(array, DB_BOOL, 1);

	if (at != NULL)
		*at = value;
}

void db_add_int(struct db_array *array, int64_t value)
{
	uint8_t *at;

	switch (array->type) {
	case DB_INT8:
		at = array_room(array, 8);
		if (at != NULL)
			wire_put64(at, value);
		return;
	case DB_INT4:
		if (value < INT32_MIN || value > INT32_MAX)
			array->unit->out_of_range = true;
		at = array_room(array, 4);
		if (at != NULL)
			wire_put32(at, (int32_t)value);
		return;
	default:
		if (value < INT16_MIN || value > INT16_MAX)
			array->unit->out_of_range = true;
		at = array_room_of(array, DB_INT2, 2);
		if (at != NULL)
			wire_put16(at, (int16_t)value);
	}
}

void db_add_float(struct db_array *array, double value)
{
	uint8_t *at = array_room_of(array, DB_FLOAT8, 8);
	int64_t bits;

	memcpy(&bits, &value, sizeof bits);
	if (at != NULL)
		wire_put64(at, bits);
}

static void add_bytes(struct db_array *array, enum db_type type, const void *data, size_t size)
{
	uint8_t *at;

	if (data == NULL) {
		db_add_null(array);
		return;
	}
	at = array_room_of(array, type, size);
	if (at != NULL && size > 0)
		memcpy(at, data, size);
}

void db_add_text(struct db_array *array, const char *text)
{
	add_bytes(array, DB_TEXT, text, text == NULL ? 0 : strlen(text));
}

void db_add_text_n(struct db_array *array, const char *text, size_t length)
{
	add_bytes(array, DB_TEXT, text, length);
}

void db_add_bytes(struct db_array *array, const void *data, size_t size)
{
	add_bytes(array, DB_BYTEA, data, size);
}

void db_add_time(struct db_array *array, int64_t us)
{
	uint8_t *at = array_room_of(array, DB_TIME, 8);

	if (at != NULL)
		wire_put64(at, db_time_to_wire(us));
}

void db_add_date(struct db_array *array, int64_t days)
{
	uint8_t *at = array_room_of(array, DB_DATE, 4);
	int32_t wire;

	if (db_date_to_wire(days, &wire) < 0)
		array->unit->out_of_range = true;
	if (at != NULL)
		wire_put32(at, wire);
}

void db_add_uuid(struct db_array *array, const struct uuid *id)
{
	add_bytes(array, DB_UUID, id, sizeof id->bytes);
}

void db_add_int_if(struct db_array *array, bool present, int64_t value)
{
	if (present)
		db_add_int(array, value);
	else
		db_add_null(array);
}

void db_add_time_if(struct db_array *array, bool present, int64_t us)
{
	if (present)
		db_add_time(array, us);
	else
		db_add_null(array);
}

size_t db_array_count(const struct db_array *array)
{
	return array->count;
}

void db_put_ints(struct db_unit *unit, enum db_type type, const int64_t *values, size_t count)
{
	struct db_array *array = db_put_array(unit, type, count);

	for (size_t i = 0; i < count; i++) {
		if (type == DB_TIME)
			db_add_time(array, values[i]);
		else if (type == DB_DATE)
			db_add_date(array, values[i]);
		else
			db_add_int(array, values[i]);
	}
}

void db_put_texts(struct db_unit *unit, const char *const *texts, size_t count)
{
	struct db_array *array = db_put_array(unit, DB_TEXT, count);

	for (size_t i = 0; i < count; i++)
		db_add_text(array, texts[i]);
}

const void *db_array_wire(struct db_array *array, int *length)
{
	if (array->data == NULL)
		return NULL;
	wire_put32(array->data, array->count > 0 ? 1 : 0);
	wire_put32(array->data + 4, array->has_null ? 1 : 0);
	wire_put32(array->data + 8, (int32_t)db_type_oid(array->type));
	wire_put32(array->data + 12, (int32_t)array->count);
	wire_put32(array->data + 16, 1);
	*length = array->count > 0 ? (int)array->len : HEADER_EMPTY;
	return array->data;
}

size_t db_array_bytes(const struct db_array *array)
{
	return array->len;
}
