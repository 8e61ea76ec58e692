/* Reading rows: typed access over PostgreSQL's binary formats. */
#include "db/rows.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "db/type.h"
#include "db/unit_private.h"
#include "db/wire.h"

enum { OID_OID = 26, OID_XID8 = 5069, OID_JSONB = 3802, OID_CUSTOM = 16384 };
enum { OID_JSON = 114, OID_NAME = 19, OID_BPCHAR = 1042, OID_VARCHAR = 1043, OID_CHAR = 18 };

struct db_rows *db_rows_copy(const PGresult *result, const char *statement, struct arena *arena)
{
	struct db_rows *rows = arena_calloc(arena, 1, sizeof *rows);
	int count = PQntuples(result), columns = PQnfields(result);
	struct db_cell *cells;
	uint32_t *oids;
	size_t bytes = 0;
	char *data;

	if (rows == NULL)
		return NULL;
	for (int r = 0; r < count; r++)
		for (int c = 0; c < columns; c++)
			bytes += (size_t)PQgetlength(result, r, c) + 1;
	cells = arena_alloc(arena, (size_t)count * (size_t)columns * sizeof *cells + 1);
	oids = arena_alloc(arena, (size_t)columns * sizeof *oids + 1);
	data = arena_alloc(arena, bytes + 1);
	if (cells == NULL || oids == NULL || data == NULL)
		return NULL;
	for (int c = 0; c < columns; c++)
		oids[c] = PQftype(result, c);
	rows->statement = statement;
	rows->count = (size_t)count;
	rows->columns = columns;
	rows->affected = strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
	rows->oids = oids;
	rows->cells = cells;
	for (int r = 0; r < count; r++) {
		for (int c = 0; c < columns; c++, cells++) {
			cells->length = PQgetlength(result, r, c);
			cells->data = NULL;
			if (PQgetisnull(result, r, c))
				continue;
			memcpy(data, PQgetvalue(result, r, c), (size_t)cells->length);
			data[cells->length] = '\0';
			cells->data = data;
			data += cells->length + 1;
		}
	}
	return rows;
}

size_t db_rows_count(const struct db_rows *rows)
{
	return rows->count;
}

int db_rows_columns(const struct db_rows *rows)
{
	return rows->columns;
}

uint64_t db_rows_affected(const struct db_rows *rows)
{
	return rows->affected;
}

/* Our own SQL and C disagree: see the contract in rows.h. */
static void mismatch(const struct db_rows *rows, size_t row, int column, const char *wanted)
{
	char at[80];

	snprintf(at, sizeof at, "row %zu column %d of %zux%d, oid %u", row, column, rows->count,
	        rows->columns, column >= 0 && column < rows->columns ? rows->oids[column] : 0);
	log_error("database column read as another type", "statement", rows->statement, "at",
	        at, "wanted", wanted);
#ifndef NDEBUG
	abort();
#endif
}

static const struct db_cell *cell(const struct db_rows *rows, size_t row, int column)
{
	static const struct db_cell nothing = {NULL, 0};

	if (row >= rows->count || column < 0 || column >= rows->columns) {
		mismatch(rows, row, column, "a row and column that exist");
		return &nothing;
	}
	return &rows->cells[row * (size_t)rows->columns + (size_t)column];
}

/* The cell if it is of that type and not NULL. */
static const struct db_cell *cell_of(
        const struct db_rows *rows, size_t row, int column, enum db_type type)
{
	const struct db_cell *found = cell(rows, row, column);

	if (found->data == NULL)
		return NULL;
	if (rows->oids[column] != db_type_oid(type)) {
		mismatch(rows, row, column, db_type_name(type));
		return NULL;
	}
	return found;
}

bool db_is_null(const struct db_rows *rows, size_t row, int column)
{
	return cell(rows, row, column)->data == NULL;
}

bool db_get_bool(const struct db_rows *rows, size_t row, int column)
{
	const struct db_cell *found = cell_of(rows, row, column, DB_BOOL);

	return found != NULL && found->data[0] != 0;
}

int64_t db_get_int(const struct db_rows *rows, size_t row, int column)
{
	const struct db_cell *found = cell(rows, row, column);

	if (found->data == NULL)
		return 0;
	switch (rows->oids[column]) {
	case 21: /* int2 */
		return wire_get16(found->data);
	case 23: /* int4 */
		return wire_get32(found->data);
	case OID_OID:
		return (uint32_t)wire_get32(found->data);
	case 20: /* int8 */
	case OID_XID8:
		return wire_get64(found->data);
	default:
		mismatch(rows, row, column, "int2, int4, int8, oid or xid8");
		return 0;
	}
}

double db_get_float(const struct db_rows *rows, size_t row, int column)
{
	const struct db_cell *found = cell_of(rows, row, column, DB_FLOAT8);
	int64_t bits = found == NULL ? 0 : wire_get64(found->data);
	double value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

const char *db_get_text(const struct db_rows *rows, size_t row, int column)
{
	const struct db_cell *found = cell(rows, row, column);

	if (found->data == NULL)
		return NULL;
	switch (rows->oids[column]) {
	case 25: /* text */
	case OID_NAME:
	case OID_BPCHAR:
	case OID_VARCHAR:
	case OID_CHAR:
	case OID_JSON:
		return found->data;
	case OID_JSONB: /* a version byte comes first */
		return found->data + 1;
	default:
		if (rows->oids[column] >= OID_CUSTOM)
			return found->data;
		mismatch(rows, row, column, "text");
		return NULL;
	}
}

const char *db_get_text_or_empty(const struct db_rows *rows, size_t row, int column)
{
	const char *text = db_get_text(rows, row, column);

	return text == NULL ? "" : text;
}

const void *db_get_bytes(const struct db_rows *rows, size_t row, int column, size_t *size)
{
	const struct db_cell *found = cell(rows, row, column);

	*size = found->data == NULL ? 0 : (size_t)found->length;
	return found->data;
}

int64_t db_get_time(const struct db_rows *rows, size_t row, int column)
{
	const struct db_cell *found = cell_of(rows, row, column, DB_TIME);

	return found == NULL ? 0 : db_time_from_wire(wire_get64(found->data));
}

int64_t db_get_date(const struct db_rows *rows, size_t row, int column)
{
	const struct db_cell *found = cell_of(rows, row, column, DB_DATE);

	return found == NULL ? 0 : db_date_from_wire(wire_get32(found->data));
}

void db_get_uuid(const struct db_rows *rows, size_t row, int column, struct uuid *out)
{
	const struct db_cell *found = cell_of(rows, row, column, DB_UUID);

	memset(out, 0, sizeof *out);
	if (found != NULL)
		memcpy(out->bytes, found->data, sizeof out->bytes);
}

/* A walk over an array's elements, whose format array.c describes. */
struct elements {
	enum db_type type;
	size_t count;
	const char *at;
};

/* False for NULL, for anything that is no array of a known type, and without elements. */
static bool elements_open(
        const struct db_rows *rows, size_t row, int column, struct elements *elements)
{
	const struct db_cell *found = cell(rows, row, column);
	bool is_array;

	elements->count = 0;
	if (found->data == NULL)
		return false;
	if (db_type_of_oid(rows->oids[column], &elements->type, &is_array) < 0 || !is_array) {
		mismatch(rows, row, column, "an array");
		return false;
	}
	if (wire_get32(found->data) == 0)
		return false;
	if (wire_get32(found->data) != 1) {
		mismatch(rows, row, column, "an array of one dimension");
		return false;
	}
	elements->count = (size_t)wire_get32(found->data + 12);
	elements->at = found->data + 20;
	return true;
}

/* The next element's bytes; NULL for SQL NULL. */
static const char *elements_next(struct elements *elements, size_t *size)
{
	int32_t length = wire_get32(elements->at);
	const char *data = elements->at + 4;

	*size = 0;
	elements->at = data;
	if (length < 0)
		return NULL;
	elements->at += length;
	*size = (size_t)length;
	return data;
}

static int64_t element_int(enum db_type type, const char *data)
{
	switch (type) {
	case DB_BOOL:
		return data[0] != 0;
	case DB_INT2:
		return wire_get16(data);
	case DB_INT4:
		return wire_get32(data);
	case DB_INT8:
		return wire_get64(data);
	case DB_TIME:
		return db_time_from_wire(wire_get64(data));
	default:
		return db_date_from_wire(wire_get32(data));
	}
}

int db_get_ints(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        int64_t **out, size_t *count)
{
	struct elements elements;
	int64_t *values;
	size_t size;

	*out = NULL;
	*count = 0;
	if (!elements_open(rows, row, column, &elements))
		return 0;
	if (db_type_size(elements.type) < 0 || elements.type == DB_UUID ||
	        elements.type == DB_FLOAT8) {
		mismatch(rows, row, column, "an array of integers");
		return 0;
	}
	values = arena_calloc(arena, elements.count, sizeof *values);
	if (values == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < elements.count; i++) {
		const char *data = elements_next(&elements, &size);

		if (data != NULL)
			values[i] = element_int(elements.type, data);
	}
	*out = values;
	*count = elements.count;
	return 0;
}

int db_get_texts(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        const char ***out, size_t *count)
{
	struct elements elements;
	const char **texts;
	size_t size;

	*out = NULL;
	*count = 0;
	if (!elements_open(rows, row, column, &elements))
		return 0;
	if (elements.type != DB_TEXT) {
		mismatch(rows, row, column, "text[]");
		return 0;
	}
	texts = arena_calloc(arena, elements.count, sizeof *texts);
	if (texts == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < elements.count; i++) {
		const char *data = elements_next(&elements, &size);

		if (data == NULL)
			continue;
		texts[i] = arena_strndup(arena, data, size);
		if (texts[i] == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	*out = texts;
	*count = elements.count;
	return 0;
}

int db_get_uuids(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        struct uuid **out, size_t *count)
{
	struct elements elements;
	struct uuid *ids;
	size_t size;

	*out = NULL;
	*count = 0;
	if (!elements_open(rows, row, column, &elements))
		return 0;
	if (elements.type != DB_UUID) {
		mismatch(rows, row, column, "uuid[]");
		return 0;
	}
	ids = arena_calloc(arena, elements.count, sizeof *ids);
	if (ids == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < elements.count; i++) {
		const char *data = elements_next(&elements, &size);

		if (data != NULL)
			memcpy(ids[i].bytes, data, sizeof ids[i].bytes);
	}
	*out = ids;
	*count = elements.count;
	return 0;
}

int db_get_byte_arrays(const struct db_rows *rows, size_t row, int column, struct arena *arena,
        const void ***out, size_t **sizes, size_t *count)
{
	struct elements elements;
	const void **blocks;
	size_t *lengths;

	*out = NULL;
	*sizes = NULL;
	*count = 0;
	if (!elements_open(rows, row, column, &elements))
		return 0;
	blocks = arena_calloc(arena, elements.count, sizeof *blocks);
	lengths = arena_calloc(arena, elements.count, sizeof *lengths);
	if (blocks == NULL || lengths == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < elements.count; i++)
		blocks[i] = elements_next(&elements, &lengths[i]);
	*out = blocks;
	*sizes = lengths;
	*count = elements.count;
	return 0;
}
