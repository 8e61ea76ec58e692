/* Table of types: names, Oids, sizes (src/include/catalog/pg_type.dat of PostgreSQL). */
#include "db/type.h"

#include <stddef.h>

#include "base/status.h"

/* From 1970-01-01 to 2000-01-01, PostgreSQL's epoch. */
#define PG_EPOCH_US (INT64_C(946684800) * 1000000)
#define PG_EPOCH_DAYS INT64_C(10957)

static const struct {
	const char *name;
	uint32_t oid;
	uint32_t array_oid;
	int size;
} types[DB_TYPE_COUNT] = {
        [DB_BOOL] = {"bool", 16, 1000, 1},
        [DB_INT2] = {"int2", 21, 1005, 2},
        [DB_INT4] = {"int4", 23, 1007, 4},
        [DB_INT8] = {"int8", 20, 1016, 8},
        [DB_FLOAT8] = {"float8", 701, 1022, 8},
        [DB_TEXT] = {"text", 25, 1009, -1},
        [DB_BYTEA] = {"bytea", 17, 1001, -1},
        [DB_TIME] = {"timestamptz", 1184, 1185, 8},
        [DB_DATE] = {"date", 1082, 1182, 4},
        [DB_UUID] = {"uuid", 2950, 2951, 16},
};

const char *db_type_name(enum db_type type)
{
	return types[type].name;
}

uint32_t db_type_oid(enum db_type type)
{
	return types[type].oid;
}

uint32_t db_type_array_oid(enum db_type type)
{
	return types[type].array_oid;
}

int db_type_of_oid(uint32_t oid, enum db_type *out, bool *is_array)
{
	for (int type = 0; type < DB_TYPE_COUNT; type++) {
		if (types[type].oid != oid && types[type].array_oid != oid)
			continue;
		*out = (enum db_type)type;
		*is_array = types[type].array_oid == oid;
		return 0;
	}
	return -OTK_NOT_FOUND;
}

int db_type_size(enum db_type type)
{
	return types[type].size;
}

int64_t db_time_to_wire(int64_t us)
{
	if (us == DB_TIME_INFINITY || us == DB_TIME_MINUS_INFINITY)
		return us;
	return us < INT64_MIN + 1 + PG_EPOCH_US ? INT64_MIN + 1 : us - PG_EPOCH_US;
}

int64_t db_time_from_wire(int64_t wire)
{
	if (wire == INT64_MAX || wire == INT64_MIN)
		return wire;
	return wire > INT64_MAX - 1 - PG_EPOCH_US ? INT64_MAX - 1 : wire + PG_EPOCH_US;
}

int db_date_to_wire(int64_t days, int32_t *wire)
{
	*wire = 0;
	if (days < INT32_MIN + PG_EPOCH_DAYS || days > INT32_MAX)
		return -OTK_OUT_OF_RANGE;
	*wire = (int32_t)(days - PG_EPOCH_DAYS);
	return 0;
}

int64_t db_date_from_wire(int32_t wire)
{
	return wire + PG_EPOCH_DAYS;
}
