/*
 * MergeTicket, UnmergeTicket: the younger ticket of the request and the older one.
 *
 *	merge_ticket_begin ─────────────→ pair_read → pair_found → pair_saved
 *	unmerge_ticket_begin → ticket_read → ticket_found ↑ (whither it was merged)
 */
#include <inttypes.h>

#include "core/lifecycle.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "rpc/ticket_pair.h"

struct merge {
	struct ticket_pair pair; /* first: see ticket_pair.h */
	bool undo;
	int64_t expected_version;
	const char *text;
};

static enum step pair_read(struct request *r);
static enum step pair_found(struct request *r);
static enum step pair_saved(struct request *r);
static enum step ticket_read(struct request *r);
static enum step ticket_found(struct request *r);

static struct merge *begin(struct request *r, int64_t ticket_id, int64_t version,
        const char *text, struct otk_error *err)
{
	struct merge *state = request_state(r, sizeof *state);

	field_ticket_id(err, "ticket_id", ticket_id);
	if (version < 0)
		error_field(err, "expected_version", "must be a version, or 0 for any");
	field_text(err, "text", text, TEXT_MAX);
	if (state == NULL)
		return NULL;
	state->pair.ids[0] = ticket_id;
	state->expected_version = version;
	state->text = text;
	return state;
}

enum step merge_ticket_begin(struct request *r, const Otklik__V1__MergeTicketRequest *in)
{
	struct otk_error err = {0};
	struct merge *state = begin(r, in->ticket_id, in->expected_version, in->text, &err);

	if (state == NULL)
		return request_no_memory(r);
	field_ticket_id(&err, "into_ticket_id", in->into_ticket_id);
	if (in->into_ticket_id == in->ticket_id)
		error_field(&err, "into_ticket_id", "is the ticket itself");
	state->pair.ids[1] = in->into_ticket_id;
	return err.code != OTK_OK ? request_fail(r, &err) : request_go(r, pair_read);
}

enum step unmerge_ticket_begin(struct request *r, const Otklik__V1__UnmergeTicketRequest *in)
{
	struct otk_error err = {0};
	struct merge *state = begin(r, in->ticket_id, in->expected_version, in->text, &err);

	if (state == NULL)
		return request_no_memory(r);
	state->undo = true;
	return err.code != OTK_OK ? request_fail(r, &err) : request_go(r, ticket_read);
}

static enum step reply(struct request *r)
{
	const struct merge *state = r->state;
	const struct change *change = &state->pair.changes[0];
	Otklik__V1__MergeTicketResponse merged = OTKLIK__V1__MERGE_TICKET_RESPONSE__INIT;
	Otklik__V1__UnmergeTicketResponse apart = OTKLIK__V1__UNMERGE_TICKET_RESPONSE__INIT;

	merged.ticket =
	        convert_ticket(r->arena, change->ref, &change->ticket, change->clocks, true);
	apart.ticket = merged.ticket;
	if (merged.ticket == NULL)
		return request_no_memory(r);
	return state->undo ? unmerge_ticket_reply(r, &apart) : merge_ticket_reply(r, &merged);
}

/* True where *out is not the answer yet: the ticket is there and the key is new. */
static bool may_go_on(struct request *r, int loaded, enum step *out)
{
	struct merge *state = r->state;
	const struct ticket *t = &state->pair.changes[0].ticket;

	if (loaded == -OTK_RESOURCE_EXHAUSTED)
		*out = request_no_memory(r);
	else if (!state->pair.there[0])
		*out = caller_ticket_not_found(r, state->pair.ids[0]);
	else if (!access_may(&r->principal->access, PERMISSION_TICKET_WORK, t->customer_id))
		*out = request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "you may read this ticket, but not do this to it");
	else if (loaded < 0)
		*out = ticket_write_other_hash(r);
	else if (loaded == 0)
		*out = reply(r);
	else if (state->expected_version != 0 && state->expected_version != t->version)
		*out = request_error(r, OTK_ABORTED, "STALE_VERSION",
		        "ticket %" PRId64 " is at version %" PRId64
		        " and you knew version %" PRId64 ": look at it and try again",
		        t->ticket_id, t->version, state->expected_version);
	else
		return true;
	return false;
}

/* --- whither it was merged ---------------------------------------------------------------- */

static enum step ticket_read(struct request *r)
{
	struct merge *state = r->state;

	state->pair.ids[1] = 0;
	return ticket_pair_read(r, &state->pair, PERMISSION_TICKET_READ, ticket_found);
}

static enum step ticket_found(struct request *r)
{
	struct merge *state = r->state;
	int64_t done;
	enum step out;

	if (!may_go_on(r, ticket_pair_loaded(r, &state->pair, &done), &out))
		return out;
	if (state->pair.changes[0].ticket.merged_into == 0)
		return request_error(r, OTK_FAILED_PRECONDITION, "NOT_MERGED",
		        "ticket %" PRId64 " is not merged into another", state->pair.ids[0]);
	state->pair.ids[1] = state->pair.changes[0].ticket.merged_into;
	return request_go(r, pair_read);
}

/* --- both --------------------------------------------------------------------------------- */

static enum step pair_read(struct request *r)
{
	struct merge *state = r->state;

	return ticket_pair_read(r, &state->pair, PERMISSION_TICKET_READ, pair_found);
}

static enum step pair_found(struct request *r)
{
	struct merge *state = r->state;
	struct ticket_pair *pair = &state->pair;
	struct change *younger = &pair->changes[0], *older = &pair->changes[1];
	struct otk_error err = {0};
	struct actor actor;
	int64_t now, done;
	enum step out;

	if (!may_go_on(r, ticket_pair_loaded(r, pair, &done), &out))
		return out;
	if (!pair->there[1])
		return caller_ticket_not_found(r, pair->ids[1]);
	/* Another merge came between the two readings. */
	if (state->undo && younger->ticket.merged_into != pair->ids[1])
		return request_go(r, ticket_read);
	actor = caller_actor(r->principal, younger->ticket.customer_id);
	now = ticket_write_now(r, &younger->ticket);
	if (now < older->ticket.updated_at)
		now = older->ticket.updated_at;
	if ((state->undo ? lifecycle_unmerge : lifecycle_merge)(
	            younger, older, &actor, state->text, now, &err) < 0)
		return request_fail(r, &err);
	return ticket_pair_save(r, pair, PERMISSION_TICKET_WORK, pair_saved);
}

static enum step pair_saved(struct request *r)
{
	struct merge *state = r->state;
	enum step out;

	if (!ticket_pair_saved(r, &state->pair, state->undo ? ticket_read : pair_read, &out))
		return out;
	return reply(r);
}
