/*
 * What every handler that changes a ticket shares: saving with the request's key, and what the
 * outcomes mean to the caller.
 */
#ifndef OTKLIK_RPC_TICKET_WRITE_H
#define OTKLIK_RPC_TICKET_WRITE_H

#include "core/change.h"
#include "desk/desk.h"
#include "desk/save.h"
#include "rpc/request.h"

/* Of many processes that change one ticket at once one gets through each time; the deadline
 * ends it anyway. */
enum { TICKET_WRITE_ATTEMPTS = 128 };

/*
 * A place in the line of those of this process who change one ticket. It is joined after a
 * first conflict and left with the end of the request; whoever is first of its ticket goes on,
 * the others wait, or all would read at once and all but one in vain.
 */
struct ticket_turn {
	struct ticket_turn *next; /* in the line of all tickets, in service->turns */
	struct request *request;  /* NULL: not in it */
	int64_t ticket_id;
	bool waits;
};

/* Part of the handler's state. Zero-initialise. */
struct ticket_write {
	struct change change;
	struct save save;
	struct desk_wait wait;
	struct ticket_turn turn;
	struct otk_error err; /* of the save */
	unsigned attempts;
};

/* Joins the batch of saves with r's key; `next` comes with the outcome in write->save. */
enum step ticket_write_save(struct request *r, struct ticket_write *write, request_step *next);

/*
 * After a conflict or stale reference data (write->save.outcome): counts the attempt and goes
 * on with `again`, after a conflict when it is our turn, with fresh reference data where those
 * were stale. Answers ABORTED after too many.
 */
enum step ticket_write_again(
        struct request *r, struct ticket_write *write, request_step *again);

/* Waits for ticket numbers, then goes on with `again`. */
enum step ticket_write_number(
        struct request *r, struct ticket_write *write, request_step *again);

/* The key was used by another request. */
enum step ticket_write_other_hash(struct request *r);

/* Now, but never before what the ticket already says: clocks of two hosts may differ. */
int64_t ticket_write_now(const struct request *r, const struct ticket *ticket);

#endif
