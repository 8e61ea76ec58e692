/*
 * Reference data in memory: loaded whole at start and again whenever the epoch has moved, which
 * a notification, a poll every second or a refused write tells. A failed load keeps the old.
 */
#ifndef OTKLIK_DESK_REFERENCE_LOAD_H
#define OTKLIK_DESK_REFERENCE_LOAD_H

#include "base/arena.h"
#include "base/status.h"
#include "core/reference.h"
#include "desk/desk.h"

struct db_unit;
struct reference_store;

/* Listens on "otklik_reference" and starts the first load. NULL: no memory or listening
 * refused. */
struct reference_store *reference_store_new(struct loop *loop, struct db_pool *pool);
void reference_store_free(struct reference_store *store);

const struct reference *reference_store_get(const struct reference_store *store);
/* Of the data got: the installation's secret; *size 0 before the first load. */
const void *reference_store_secret(const struct reference_store *store, size_t *size);
void reference_store_on_ready(
        struct reference_store *store, void (*ready)(void *context), void *context);
void reference_store_renew(struct reference_store *store, struct desk_wait *wait,
        void (*done)(void *context), void *context);

/* Adds the calls that reference_build reads; they must be the only ones of the unit. */
void reference_calls(struct db_unit *unit);

/*
 * Makes a reference of the rows, whose arena must live as long as it. -OTK_ABORTED when the
 * data changed while they were read; -OTK_DATA_LOSS, with err naming the row, when a calendar
 * or contract cannot be understood.
 */
int reference_build(const struct db_unit *unit, struct arena *arena, struct reference **out,
        struct otk_error *err);
/* Frees what is not in the arena. */
void reference_release(struct reference *ref);

#endif
