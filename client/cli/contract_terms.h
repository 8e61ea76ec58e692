/* A contract as a list of terms, one line each, for tables and comparisons. */
#ifndef OTKLIK_CLI_CONTRACT_TERMS_H
#define OTKLIK_CLI_CONTRACT_TERMS_H

#include <stddef.h>

#include "base/arena.h"
#include "otklik/v1/installation.pb-c.h"

/* "target incident P1 response" → "15m". */
struct contract_term {
	const char *name;
	const char *value;
};

/*
 * In the order of the message: fields by their names, of lists an element each, named by what
 * tells it apart. Found by reflection, so that no field is forgotten. Returns how many; *out
 * lives in the arena, NULL when that is out.
 */
size_t contract_terms_of(
        struct arena *arena, const Otklik__V1__Contract *contract, struct contract_term **out);

#endif
