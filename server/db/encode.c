/* Parameters: which C value suits which declared type, and in which form it travels. */
#include "db/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "db/wire.h"

enum { OID_OID = 26, OID_XID8 = 5069, OID_VARCHAR = 1043, OID_NAME = 19 };

int db_wire_reserve(struct db_wire *wire, size_t params)
{
	const char **values;
	int *lengths, *formats;

	if (params <= wire->cap)
		return 0;
	values = realloc(wire->values, params * sizeof *values);
	if (values != NULL)
		wire->values = values;
	lengths = realloc(wire->lengths, params * sizeof *lengths);
	if (lengths != NULL)
		wire->lengths = lengths;
	formats = realloc(wire->formats, params * sizeof *formats);
	if (formats != NULL)
		wire->formats = formats;
	if (values == NULL || lengths == NULL || formats == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	wire->cap = params;
	return 0;
}

void db_wire_free(struct db_wire *wire)
{
	free(wire->values);
	free(wire->lengths);
	free(wire->formats);
	*wire = (struct db_wire){0};
}

/* Bytes of the integer type; 0 for another one. */
static int int_width(uint32_t oid)
{
	if (oid == db_type_oid(DB_INT8) || oid == OID_XID8)
		return 8;
	if (oid == db_type_oid(DB_INT4) || oid == OID_OID)
		return 4;
	if (oid == db_type_oid(DB_INT2))
		return 2;
	return 0;
}

static bool int_fits(int64_t value, uint32_t oid)
{
	switch (int_width(oid)) {
	case 4:
		if (oid == OID_OID)
			return value >= 0 && value <= UINT32_MAX;
		return value >= INT32_MIN && value <= INT32_MAX;
	case 2:
		return value >= INT16_MIN && value <= INT16_MAX;
	default:
		return true;
	}
}

static bool param_suits(const struct db_param *param, uint32_t oid)
{
	switch (param->kind) {
	case DB_PARAM_INT:
		return int_width(oid) > 0;
	case DB_PARAM_SCALAR:
	case DB_PARAM_BYTES:
		return oid == db_type_oid(param->type);
	case DB_PARAM_ARRAY:
		return oid == db_type_array_oid(param->type);
	default: /* text is a literal of any type */
		return true;
	}
}

static const char *param_name(const struct db_param *param, char out[32])
{
	switch (param->kind) {
	case DB_PARAM_INT:
		return "an integer";
	case DB_PARAM_ARRAY:
		snprintf(out, 32, "%s[]", db_type_name(param->type));
		return out;
	default:
		return db_type_name(param->type);
	}
}

static int misuse(struct db_unit *unit, const struct sql_statement *statement, const char *what)
{
	log_error("database statement misused", "statement", statement->name, "problem", what);
	return error_set(db_unit_fail(unit), OTK_INTERNAL, "DB_MISUSE", "statement %s: %s",
	        statement->name, what);
}

int db_encode_check(struct db_unit *unit, const struct db_call *call,
        const struct sql_statement *statement, const struct db_prepared *prepared)
{
	char what[160], name[32];

	if (!prepared->ok)
		return error_set(db_unit_fail(unit), OTK_INTERNAL, "DB_SCHEMA_DRIFT",
		        "the database's schema does not fit this program (statement %s)",
		        statement->name);
	if (call->params != (size_t)prepared->params) {
		snprintf(what, sizeof what, "it has %d parameters, %zu were given",
		        prepared->params, call->params);
		return misuse(unit, statement, what);
	}
	for (size_t i = 0; i < call->params; i++) {
		const struct db_param *param = &unit->params[call->first + i];
		uint32_t oid = prepared->types[i];
		enum db_type declared = DB_TYPE_COUNT;
		bool is_array = false;

		if (!param_suits(param, oid)) {
			db_type_of_oid(oid, &declared, &is_array);
			snprintf(what, sizeof what, "$%zu is %s%s (oid %u), %s was given",
			        i + 1,
			        declared == DB_TYPE_COUNT ? "of another type"
			                                  : db_type_name(declared),
			        is_array ? "[]" : "", oid, param_name(param, name));
			return misuse(unit, statement, what);
		}
		if (param->kind == DB_PARAM_INT && !int_fits(wire_get64(param->wire), oid))
			return error_set(db_unit_fail(unit), OTK_INVALID_ARGUMENT,
			        "VALUE_INVALID", "%" PRId64 " is too great for its field",
			        wire_get64(param->wire));
	}
	return 0;
}

int db_encode(struct db_unit *unit, const struct db_call *call,
        const struct db_prepared *prepared, struct db_wire *wire)
{
	for (size_t i = 0; i < call->params; i++) {
		const struct db_param *param = &unit->params[call->first + i];
		uint32_t oid = prepared->types[i];
		const char *value = NULL;

		wire->lengths[i] = param->length;
		wire->formats[i] = 1;
		switch (param->kind) {
		case DB_PARAM_NULL:
			wire->values[i] = NULL;
			continue;
		case DB_PARAM_INT:
			/* Stored big-endian in eight bytes: a narrower one is their tail. */
			wire->lengths[i] = int_width(oid);
			value = (const char *)param->wire + 8 - int_width(oid);
			break;
		case DB_PARAM_SCALAR:
			value = (const char *)param->wire;
			break;
		case DB_PARAM_TEXT:
			wire->formats[i] = oid == db_type_oid(DB_TEXT) || oid == OID_VARCHAR ||
			                   oid == OID_NAME;
			value = param->data;
			break;
		case DB_PARAM_BYTES:
			value = param->data;
			break;
		case DB_PARAM_ARRAY:
			value = db_array_wire(param->array, &wire->lengths[i]);
			break;
		}
		if (value == NULL)
			return error_set(db_unit_fail(unit), OTK_RESOURCE_EXHAUSTED,
			        "DB_MEMORY", "the request needs more memory than it may have");
		wire->values[i] = value;
	}
	return 0;
}
