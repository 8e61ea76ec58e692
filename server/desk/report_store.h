/*
 * Reports and the database: what a batch of them meets is loaded in one unit; what became of
 * it, tickets and reports and mark, is saved in one transaction.
 *
 *	report_load_calls → report_load_rows → report_decide → report_save_join → outcome
 */
#ifndef OTKLIK_DESK_REPORT_STORE_H
#define OTKLIK_DESK_REPORT_STORE_H

#include "db/batch.h"
#include "db/unit.h"
#include "desk/desk.h"
#include "desk/report.h"

/* Announces a queue; rows: mark, why it is quarantined. The unit may be run again. */
void report_mark_call(struct db_unit *unit, const struct report_batch *batch);

/* Takes nothing more from a queue. `why` must live as long as the unit. */
void report_quarantine_call(
        struct db_unit *unit, const struct report_batch *batch, const char *why);

/* Where a queue stands, and what its reports were before. Borrowed from the rows. */
struct report_position {
	bool known; /* the queue announced itself */
	int64_t mark;
	const char *quarantined; /* NULL: it is not */
};

/* Adds the calls for the batch's queue and reports; they must be the only ones of the unit. */
void report_load_calls(struct db_unit *unit, const struct report_batch *batch);
struct report_position report_load_position(const struct db_unit *unit);

/* The stored one of that number: fills the outcome of *r. False where none is. `occurred_at` is
 * that of the stored one. */
bool report_load_stored(const struct db_unit *unit, struct report *r, int64_t *occurred_at);

/*
 * Checks and their tickets, for the reports of batch->reports that are new; the batch's mark
 * must be set. 0, or -OTK_RESOURCE_EXHAUSTED when its arena is out.
 */
int report_load_rows(const struct db_unit *unit, struct report_batch *batch);

/* Checks that wait for their backlog to be whole, at most REPORT_BATCH_MAX. */
void report_waiting_call(struct db_unit *unit, const struct report_batch *batch);
/* They become the batch's reports, for report_settle. 0 or -OTK_RESOURCE_EXHAUSTED. */
int report_load_waiting(const struct db_unit *unit, size_t call, struct report_batch *batch);
/* True when a check of the loaded batch waits. */
bool report_batch_waits(const struct report_batch *batch);

/* A decided batch on its way. Zero-initialise. */
struct report_save {
	const struct report_batch *batch; /* lives until the outcome */

	/* private */
	struct db_batch_item item;
	void (*done)(void *context, struct report_save *save, const struct otk_error *err);
	void *context;
};

/*
 * Joins the next transaction; those of one queue never travel together. `done` comes once, from
 * the loop, unless report_save_leave comes first. err->code: OTK_OK, all is committed;
 * OTK_ABORTED, somebody else was faster: load and decide again (reason STALE_REFERENCE: under
 * new reference data); OTK_FAILED_PRECONDITION, reason QUEUE_QUARANTINED; others of the pool.
 * 0, or -OTK_RESOURCE_EXHAUSTED with err (then no `done`).
 */
int report_save_join(struct desk *desk, struct report_save *save,
        void (*done)(void *context, struct report_save *save, const struct otk_error *err),
        void *context, struct otk_error *err);
void report_save_leave(struct desk *desk, struct report_save *save);

/* The operations of the batch; context is unused. */
extern const struct db_batch_ops REPORT_SAVE_BATCH;

#endif
