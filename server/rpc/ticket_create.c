/*
 * CreateTicket, the hot path: nothing is read. The reference data are in memory, the number
 * comes from a block, and the write itself finds out whether the key was used before.
 *
 *	create_ticket_begin → ticket_saved → (created before:) ticket_found
 *
 * One that is linked to another is saved together with that one's entry:
 *
 *	create_ticket_begin → linked_read → linked_found → ticket_make → pair_saved
 */
#include <string.h>

#include "base/text.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/convert.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "rpc/ticket_pair.h"

struct create {
	struct ticket_pair
	        pair; /* first: see ticket_pair.h; unlinked only its `write` is used */
	bool provider;
};

static enum step ticket_make(struct request *r);
static enum step ticket_saved(struct request *r);
static enum step ticket_found(struct request *r);
static enum step linked_read(struct request *r);
static enum step linked_found(struct request *r);
static enum step pair_saved(struct request *r);

static void check_fields(struct otk_error *err, const Otklik__V1__CreateTicketRequest *in)
{
	if (text_is_blank(in->title))
		error_field(err, "title", "say in one line what the matter is");
	field_line(err, "title", in->title, TITLE_MAX);
	field_text(err, "text", in->text, TEXT_MAX);
	field_scale(err, "impact", in->impact, SCALE_MAX);
	field_scale(err, "urgency", in->urgency, SCALE_MAX);
	field_line(err, "category", in->category, CATEGORY_MAX);
	field_line(err, "subcategory", in->subcategory, CATEGORY_MAX);
	field_line(err, "channel", in->channel, CODE_MAX);
	if (in->linked_ticket_id != 0)
		field_ticket_id(err, "linked_ticket_id", in->linked_ticket_id);
}

static const char *given(const char *text)
{
	return *text == '\0' ? NULL : text;
}

/* Resolves codes to ids and fills *out; 0 or a negative status with err. */
static int resolve(const struct request *r, const struct reference *ref,
        const Otklik__V1__CreateTicketRequest *in, struct new_ticket *out, bool *provider,
        struct otk_error *err)
{
	const struct ref_customer *customer;
	int rc =
	        caller_customer(r, ref, in->customer, PERMISSION_TICKET_CREATE, &customer, err);

	if (rc < 0)
		return rc;
	if (customer->retired)
		return error_field(err, "customer", "'%s' is retired", customer->code);
	*provider = caller_is_provider(r->principal, customer->id);
	*out = (struct new_ticket){.customer_id = customer->id,
	        .site_id = field_site(err, "site", ref, customer->id, in->site),
	        .service_id = field_service(err, "service", ref, customer->id, in->service),
	        .team_id = *provider ? field_team(err, "team", ref, in->team) : 0,
	        .requester_id =
	                field_requester(err, "requester", ref, customer->id, in->requester),
	        .type = in->type == 0 ? TICKET_INCIDENT : (enum ticket_type)in->type,
	        .impact = (int16_t)(in->impact == 0 ? IMPACT_DEFAULT : in->impact),
	        .urgency = (int16_t)(in->urgency == 0 ? URGENCY_DEFAULT : in->urgency),
	        .title = in->title,
	        .text = given(in->text),
	        .category = given(in->category),
	        .subcategory = given(in->subcategory),
	        .channel = given(in->channel),
	        .live_contact = in->live_contact};
	/* Its own people, that is: who of the provider serves it is not for it to find out. */
	if (!*provider && out->requester_id != 0 &&
	        reference_principal(ref, out->requester_id)->customer_id != customer->id)
		error_field(
		        err, "requester", "the customer has no requester '%s'", in->requester);
	if (out->requester_id == 0)
		out->requester_id = r->principal->id;
	if (out->site_id == 0 && r->principal->customer_id == customer->id)
		out->site_id = r->principal->site_id;
	if (!*provider && in->live_contact)
		error_field(err, "live_contact", "only the provider's side may say so");
	if (!*provider && *in->team != '\0')
		error_field(err, "team", "only the provider's side may choose the team");
	return err->code == OTK_OK ? 0 : -(int)err->code;
}

enum step create_ticket_begin(struct request *r, const Otklik__V1__CreateTicketRequest *in)
{
	struct otk_error err = {0};

	if (request_state(r, sizeof(struct create)) == NULL)
		return request_no_memory(r);
	check_fields(&err, in);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	return request_go(r, in->linked_ticket_id != 0 ? linked_read : ticket_make);
}

/* Comes again after stale reference data or an empty block of numbers. */
static enum step ticket_make(struct request *r)
{
	const Otklik__V1__CreateTicketRequest *in = (const void *)r->message;
	const struct reference *ref = desk_reference(r->service->desk);
	struct create *state = r->state;
	struct change *change =
	        in->linked_ticket_id != 0 ? &state->pair.changes[0] : &state->pair.write.change;
	struct otk_error err = {0};
	struct new_ticket new;
	struct actor actor;

	if (ref == NULL)
		return caller_no_reference(r);
	if (resolve(r, ref, in, &new, &state->provider, &err) < 0)
		return request_fail(r, &err);
	new.ticket_id = desk_number(r->service->desk);
	if (new.ticket_id == 0)
		return ticket_write_number(r, &state->pair.write, ticket_make);
	actor = caller_actor(r->principal, new.customer_id);
	change_init(change, r->arena, ref);
	if (lifecycle_create(change, &new, &actor, r->now, &err) < 0)
		return request_fail(r, &err);
	if (in->linked_ticket_id != 0) {
		struct change *other = &state->pair.changes[1];

		if (lifecycle_link(change, other, &actor, ticket_write_now(r, &other->ticket),
		            &err) < 0)
			return request_fail(r, &err);
		return ticket_pair_save(r, &state->pair, PERMISSION_TICKET_CREATE, pair_saved);
	}
	return ticket_write_save(r, &state->pair.write, ticket_saved);
}

static enum step reply(struct request *r, const struct change *change, bool provider)
{
	Otklik__V1__CreateTicketResponse out = OTKLIK__V1__CREATE_TICKET_RESPONSE__INIT;

	out.ticket = convert_ticket(
	        r->arena, change->ref, &change->ticket, change->clocks, provider);
	if (out.ticket == NULL)
		return request_no_memory(r);
	return create_ticket_reply(r, &out);
}

/* By the same request before, as it is now. */
static enum step find_created(struct request *r, int64_t ticket_id)
{
	struct create *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);

	if (unit == NULL)
		return request_no_memory(r);
	state->pair.write.save.ticket_id = ticket_id;
	db_unit_scope(
	        unit, desk_scope(r->arena, &r->principal->access, PERMISSION_TICKET_READ));
	load_calls(unit, &ticket_id, 1);
	return request_query(r, unit, ticket_found);
}

static enum step ticket_saved(struct request *r)
{
	struct create *state = r->state;
	struct save *save = &state->pair.write.save;

	if (state->pair.write.err.code != OTK_OK)
		return request_fail(r, &state->pair.write.err);
	switch (save->outcome) {
	case SAVE_DONE:
		return reply(r, &state->pair.write.change, state->provider);
	case SAVE_DUPLICATE:
		/* Its number is lost: gaps are allowed. */
		return find_created(r, save->ticket_id);
	case SAVE_OTHER_HASH:
		return ticket_write_other_hash(r);
	case SAVE_FOREIGN:
		return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "you may not file tickets for this customer any more");
	case SAVE_CONFLICT:
	case SAVE_STALE_REFERENCE:
		break;
	}
	return ticket_write_again(r, &state->pair.write, ticket_make);
}

/* The same request was done before: its ticket, as it is now. */
static enum step ticket_found(struct request *r)
{
	struct create *state = r->state;
	struct load_cursor rows = load_rows(r->unit, 0);
	struct change change;
	int rc = load_next(&rows, r->arena, desk_reference(r->service->desk), &change);

	if (rc < 0)
		return request_no_memory(r);
	if (rc == 0)
		return caller_ticket_not_found(r, state->pair.write.save.ticket_id);
	return reply(r, &change, caller_is_provider(r->principal, change.ticket.customer_id));
}

/* ---- linked to another ------------------------------------------------------------------ */

static enum step linked_read(struct request *r)
{
	const Otklik__V1__CreateTicketRequest *in = (const void *)r->message;
	struct create *state = r->state;

	state->pair.ids[1] = in->linked_ticket_id;
	return ticket_pair_read(r, &state->pair, PERMISSION_TICKET_READ, linked_found);
}

static enum step linked_found(struct request *r)
{
	struct create *state = r->state;
	int64_t done;
	int rc = ticket_pair_loaded(r, &state->pair, &done);

	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return request_no_memory(r);
	if (!state->pair.there[1])
		return caller_ticket_not_found(r, state->pair.ids[1]);
	if (rc <= 0)
		return rc == 0 ? find_created(r, done) : ticket_write_other_hash(r);
	return ticket_make(r);
}

static enum step pair_saved(struct request *r)
{
	struct create *state = r->state;
	enum step out;

	if (!ticket_pair_saved(r, &state->pair, linked_read, &out))
		return out;
	return reply(r, &state->pair.changes[0], state->provider);
}
