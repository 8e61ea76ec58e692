/*
 * The desk of one process: reference data, ticket numbers, and the write path they serve.
 * Handlers (rpc) and jobs use the same one.
 */
#ifndef OTKLIK_DESK_DESK_H
#define OTKLIK_DESK_DESK_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/status.h"
#include "core/access.h"
#include "core/reference.h"
#include "db/pool.h"

struct desk;
struct loop;

/* Starts loading reference data at once. Call before the loop runs: it listens. NULL with err.
 */
struct desk *desk_new(struct loop *loop, struct db_pool *pool, struct otk_clock *clock,
        struct otk_error *err);
void desk_free(struct desk *desk); /* NULL is harmless; before its pool and loop */

/* Calls `ready` once, from the loop, when the first reference data are there. */
void desk_on_ready(struct desk *desk, void (*ready)(void *context), void *context);

/*
 * The reference data in force as far as this process knows; NULL before the first load.
 * Replaced ones live on for REFERENCE_GRACE_US: longer than any request or run of a job may
 * last, so a borrower that ends with its request needs no count.
 */
const struct reference *desk_reference(const struct desk *desk);
#define REFERENCE_GRACE_US (INT64_C(300) * 1000000)

/*
 * The installation's secret, the same in all its processes: authenticates what clients keep for
 * the server. *size 0 before the first load. Borrowed as reference data are.
 */
const void *desk_secret(const struct desk *desk, size_t *size);

/* One who waits for the desk. Zero-initialise; touch nothing while it waits. */
struct desk_wait {
	struct wait_list *list; /* private; NULL: does not wait */
	struct desk_wait *next;
	struct desk_wait *prev;
	void (*done)(void *context);
	void *context;
};

/*
 * A write was refused as stale: reads the data again and calls `done` from the loop when that
 * has ended, well or not; the caller tries again under desk_reference().
 */
void desk_reference_renew(
        struct desk *desk, struct desk_wait *wait, void (*done)(void *context), void *context);

/*
 * A ticket id never given before, or 0 when the block is used up (a new one has been asked
 * for): then join the wait and take again.
 */
int64_t desk_number(struct desk *desk);
void desk_number_wait(
        struct desk *desk, struct desk_wait *wait, void (*done)(void *context), void *context);

/* Stops waiting for either; harmless when it does not. */
void desk_wait_leave(struct desk_wait *wait);

/*
 * The customers for which `permission` holds, as db_unit_scope wants them: "*" or "{1,7}". NULL
 * when the arena is out.
 */
const char *desk_scope(
        struct arena *arena, const struct access *access, enum permission permission);

/*
 * Calls `saved` from the loop each time this process has committed journal entries: whoever
 * sequences them may look at once. NULL: nobody is told.
 */
void desk_on_saved(struct desk *desk, void (*saved)(void *context), void *context);
/* For units of a caller's own that wrote the journal: they have committed. */
void desk_saved(struct desk *desk);

#endif
