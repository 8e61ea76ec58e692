/* A known and enabled caller, as its certificate and the database say. */
#ifndef OTKLIK_RPC_PRINCIPAL_H
#define OTKLIK_RPC_PRINCIPAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/access.h"
#include "core/reference.h"

struct db_unit;
struct arena;
struct otk_error;

enum { PRINCIPAL_URI_MAX = 255, PRINCIPAL_ZONE_MAX = 64, PRINCIPAL_NAME_MAX = 800 };

/*
 * Read before the server's Hello, and anew whenever reference data changed; never changed in
 * place. Counted: a connection holds one, each of its requests another.
 */
struct principal {
	int32_t id;
	enum principal_kind kind;
	int32_t customer_id; /* 0: the provider's own */
	int32_t site_id;     /* agents; else 0 */
	int32_t team_id;     /* agents: where incidents go; people: first team; or 0 */
	char code[CODE_MAX + 1];
	char name[PRINCIPAL_NAME_MAX + 1];
	char zone[PRINCIPAL_ZONE_MAX + 1]; /* its own, else its customer's */
	char uri[PRINCIPAL_URI_MAX + 1];
	struct access access;

	unsigned holders; /* private */
};

/* A unit that reads the principal of this URI (which must outlive it); NULL without memory. */
struct db_unit *principal_unit(struct arena *arena, const char *uri);

/*
 * What the unit found. NULL with err: UNAUTHENTICATED, reason PRINCIPAL_UNKNOWN or
 * PRINCIPAL_DISABLED; the unit's own error; RESOURCE_EXHAUSTED. Held once, by the caller.
 */
struct principal *principal_read(
        const struct db_unit *unit, const char *uri, struct otk_error *err);

struct principal *principal_hold(struct principal *principal);
void principal_release(struct principal *principal); /* NULL is harmless */

/* True when both may do and are the same. */
bool principal_equal(const struct principal *a, const struct principal *b);

#endif
