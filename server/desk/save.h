/*
 * The write path: every change of a ticket, from a handler or a job, goes through here to the
 * SQL function desk_save (migrations/0008).
 *
 *	load → rules of core/lifecycle.h on a struct change → save_join (or save_call) → outcome
 *
 * save_join is for single changes: they travel in batches with those of others. save_call puts
 * changes into a unit of the caller's own, where other statements may stand beside them.
 */
#ifndef OTKLIK_DESK_SAVE_H
#define OTKLIK_DESK_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/uuid.h"
#include "core/change.h"
#include "db/batch.h"
#include "db/unit.h"

struct desk;

/* Numbers are those of desk_save. */
enum save_outcome {
	SAVE_DONE = 0,
	SAVE_DUPLICATE = 1,  /* the key was used by the same request */
	SAVE_OTHER_HASH = 2, /* the key was used by another request */
	SAVE_CONFLICT = 3,   /* somebody else changed the ticket: load and apply again */
	SAVE_STALE_REFERENCE =
	        4,        /* reference data changed: as a conflict, under the new ones */
	SAVE_FOREIGN = 5, /* principal, site or service is not the customer's */
};

enum { SAVE_HASH_SIZE = 32, SAVE_ITEMS_MAX = 64 };

/* One change on its way to the database. Zero-initialise. */
struct save {
	/* in */
	const struct change *change; /* with a ticket_id; lives until the outcome */
	int32_t principal_id; /* whose scope is checked and whose the key is; 0: system */
	bool has_key;
	struct uuid key;
	uint8_t hash[SAVE_HASH_SIZE];

	/* out */
	enum save_outcome outcome;
	int64_t ticket_id; /* of a duplicate: the first one's */
	int64_t version;   /* of a conflict: where the ticket is, 0: nowhere */

	/* private */
	struct db_batch_item batch;
	void (*done)(void *context, struct save *save, const struct otk_error *err);
	void *context;
};

/*
 * Joins the next batch. `done` comes exactly once, from the loop, unless save_leave comes
 * first; err->code is OTK_OK when there is an outcome. Changes of one stored ticket go in the
 * order they came. 0, or -OTK_RESOURCE_EXHAUSTED with err (then no `done`).
 */
int save_join(struct desk *desk, struct save *save,
        void (*done)(void *context, struct save *save, const struct otk_error *err),
        void *context, struct otk_error *err);

/* The caller is gone; what is under way is done all the same. Harmless when not joined. */
void save_leave(struct desk *desk, struct save *save);

/*
 * Adds one call of desk_save to a unit: at most SAVE_ITEMS_MAX changes, each of another ticket.
 * With all_or_nothing the unit fails with ABORTED (STALE_REFERENCE or SAVE_CONFLICT) unless
 * every outcome is DONE or DUPLICATE. The changes must live until the unit is submitted's end.
 * 0, -OTK_INTERNAL without randomness.
 */
int save_call(
        struct db_unit *unit, struct save *const saves[], size_t count, bool all_or_nothing);

/* Copies the outcomes out of the rows of that call; NULL saves are passed over. */
void save_outcomes(
        const struct db_unit *unit, size_t call, struct save *const saves[], size_t count);

/* The operations of the batch; context is unused. */
extern const struct db_batch_ops SAVE_BATCH;

#endif
