/* A call's parameters as PQsendQueryPrepared wants them, checked against what it declared. */
#ifndef OTKLIK_DB_ENCODE_H
#define OTKLIK_DB_ENCODE_H

#include <stdint.h>

#include "db/unit_private.h"

/* A statement as this server prepared it. */
struct db_prepared {
	bool ok; /* false: the schema refused it */
	int params;
	uint32_t *types; /* their Oids */
};

/* Room for the parameters of one call; grown as needed, freed by the owner. */
struct db_wire {
	const char **values;
	int *lengths;
	int *formats;
	size_t cap;
};

int db_wire_reserve(struct db_wire *wire, size_t params);
void db_wire_free(struct db_wire *wire);

/*
 * Whether each parameter suits its declared type; narrows integers. 0, or negative with the
 * unit's error set: INTERNAL DB_SCHEMA_DRIFT, DB_MISUSE (logged), INVALID_ARGUMENT
 * VALUE_INVALID for an integer that is too great.
 */
int db_encode_check(struct db_unit *unit, const struct db_call *call,
        const struct sql_statement *statement, const struct db_prepared *prepared);

/* Fills the wire for a checked call. 0, or -OTK_RESOURCE_EXHAUSTED. */
int db_encode(struct db_unit *unit, const struct db_call *call,
        const struct db_prepared *prepared, struct db_wire *wire);

#endif
