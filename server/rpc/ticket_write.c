/* Saving and its second tries; r->state is a struct that begins with struct ticket_write. */
#include "rpc/ticket_write.h"

#include <string.h>

#include "base/clock.h"
#include "rpc/service.h"

/* Unlinks whatever may still wake the request. */
static void unlink_write(struct request *r)
{
	struct ticket_write *write = r->state;

	save_leave(r->service->desk, &write->save);
	desk_wait_leave(&write->wait);
}

static void woken(void *context)
{
	request_wake(context);
}

static void saved(void *context, struct save *save, const struct otk_error *err)
{
	struct request *r = context;
	struct ticket_write *write = r->state;

	(void)save;
	write->err = *err;
	request_wake(r);
}

enum step ticket_write_save(struct request *r, struct ticket_write *write, request_step *next)
{
	struct save *save = &write->save;
	struct otk_error err;

	memset(save, 0, sizeof *save);
	save->change = &write->change;
	save->principal_id = r->principal->id;
	save->has_key = r->has_key;
	save->key = r->key;
	memcpy(save->hash, r->hash, sizeof save->hash);
	request_on_cancel(r, unlink_write);
	if (save_join(r->service->desk, save, saved, r, &err) < 0)
		return request_fail(r, &err);
	return request_wait(r, next);
}

static void turn_leave(struct request *r)
{
	struct ticket_write *write = r->state;
	struct ticket_turn *turn = &write->turn, **at = &r->service->turns, *heir;

	while (*at != turn)
		at = &(*at)->next;
	*at = turn->next;
	if (turn->waits)
		return;
	for (heir = *at; heir != NULL && heir->ticket_id != turn->ticket_id;)
		heir = heir->next;
	if (heir != NULL) {
		heir->waits = false;
		request_wake(heir->request);
	}
}

/* Joins the line; whether it is our turn at once. One that has a turn keeps it. */
static bool turn_take(struct request *r, struct ticket_write *write)
{
	struct ticket_turn *turn = &write->turn, **at = &r->service->turns;

	if (turn->request != NULL)
		return !turn->waits;
	*turn = (struct ticket_turn){.request = r, .ticket_id = write->change.ticket.ticket_id};
	for (; *at != NULL; at = &(*at)->next)
		turn->waits = turn->waits || (*at)->ticket_id == turn->ticket_id;
	*at = turn;
	request_on_end(r, turn_leave);
	return !turn->waits;
}

enum step ticket_write_again(struct request *r, struct ticket_write *write, request_step *again)
{
	if (++write->attempts >= TICKET_WRITE_ATTEMPTS)
		return request_error(r, OTK_ABORTED, "TOO_MANY_CONFLICTS",
		        "others kept changing the ticket; try again");
	request_on_cancel(r, unlink_write);
	if (write->save.outcome == SAVE_CONFLICT && !turn_take(r, write))
		return request_wait(r, again);
	if (write->save.outcome != SAVE_STALE_REFERENCE)
		return request_go(r, again);
	desk_reference_renew(r->service->desk, &write->wait, woken, r);
	return request_wait(r, again);
}

enum step ticket_write_number(
        struct request *r, struct ticket_write *write, request_step *again)
{
	/* each round ends with a fetch: well, or failed while the database is away */
	if (++write->attempts >= TICKET_WRITE_ATTEMPTS)
		return request_error(r, OTK_UNAVAILABLE, "NO_NUMBERS",
		        "ticket numbers are not to be had now; try again");
	request_on_cancel(r, unlink_write);
	desk_number_wait(r->service->desk, &write->wait, woken, r);
	return request_wait(r, again);
}

enum step ticket_write_other_hash(struct request *r)
{
	return request_error(r, OTK_FAILED_PRECONDITION, "KEY_REUSED",
	        "this idempotency key was used by another request; make a new one");
}

int64_t ticket_write_now(const struct request *r, const struct ticket *ticket)
{
	int64_t now = clock_now(r->service->clock);

	return now > ticket->updated_at ? now : ticket->updated_at;
}
