/*
 * Tickets of imported cases, and arming: new ones with the rest, and those that were taken
 * before and that nobody has touched since, whose past is lived again under the contract.
 *
 *	import_cases_ready → stored_found → import_cases_save
 */
#include "core/lifecycle.h"
#include "db/unit.h"
#include "desk/load.h"
#include "rpc/caller.h"
#include "rpc/import_internal.h"
#include "rpc/service.h"

static enum step stored_found(struct request *r);

int import_build(struct request *r, const struct import *state, struct import_item *item,
        const struct reference *ref)
{
	struct change *change = item->stored_id != 0 ? &item->lived : &item->change;
	bool arm = ((const Otklik__V1__ImportCasesRequest *)(const void *)r->message)->arm;
	struct actor actor = caller_actor(r->principal, state->customer_id);
	struct import_case in = {.customer_id = state->customer_id,
	        .ticket_id = item->ticket_id,
	        .ref = item->in->ref,
	        .title = item->in->title,
	        .channel = item->in->channel,
	        .zone = state->zone,
	        .type = (enum ticket_type)item->in->type,
	        .created_at = item->in->created_at_us,
	        .count = item->in->n_observations};

	if (item->observations == NULL && import_resolve(r, state, item) < 0)
		return -OTK_RESOURCE_EXHAUSTED;
	in.observations = item->observations;
	if (arm) {
		const struct ref_contract *contract = reference_contract_for(ref,
		        in.customer_id, item->observations[in.count - 1].site_id, 0, r->now);

		in.arm = contract == NULL ? 0 : contract->id;
	}
	change_init(change, r->arena, ref);
	item->save = (struct save){.change = &item->change, .principal_id = r->principal->id};
	return import_case_build(change, &in, &actor, r->now);
}

/* 1; 0 where it cannot be armed any more, or has no contract. */
static int arm_stored(struct request *r, const struct import *state, struct import_item *item,
        const struct reference *ref)
{
	struct otk_error err = {0};
	int rc;

	if (item->change.ticket.ticket_id != item->stored_id)
		return 0;
	rc = import_build(r, state, item, ref);
	return rc < 0 ? rc : lifecycle_arm_stored(&item->change, &item->lived, &err);
}

enum step import_build_failed(struct request *r, const struct import_item *item, int rc)
{
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return request_no_memory(r);
	return request_error(r, (enum otk_status) - rc, "NOT_ARMED",
	        "case %.100s cannot be armed: its times lie outside of what calendars know",
	        item->in->ref);
}

enum step import_cases_ready(struct request *r)
{
	struct import *state = r->state;
	struct db_unit *unit = db_unit_new(r->arena, DB_READ);
	int64_t ids[IMPORT_CASES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < state->count; i++) {
		if (import_is_open(&state->items[i]) && state->items[i].stored_id != 0)
			ids[count++] = state->items[i].stored_id;
	}
	if (count == 0)
		return request_go(r, import_cases_save);
	if (unit == NULL)
		return request_no_memory(r);
	db_unit_scope(unit, state->scope);
	load_calls(unit, ids, count);
	return request_query(r, unit, stored_found);
}

static enum step stored_found(struct request *r)
{
	const struct reference *ref = desk_reference(r->service->desk);
	struct import *state = r->state;
	struct load_cursor rows = load_rows(r->unit, 0);
	struct change change;
	size_t open = 0;
	int rc;

	while ((rc = load_next(&rows, r->arena, ref, &change)) == 1) {
		for (size_t i = 0; i < state->count; i++) {
			if (state->items[i].stored_id == change.ticket.ticket_id)
				state->items[i].change = change;
		}
	}
	if (rc < 0)
		return request_no_memory(r);
	for (size_t i = 0; i < state->count; i++) {
		struct import_item *item = &state->items[i];

		if (!import_is_open(item))
			continue;
		rc = item->stored_id != 0 ? arm_stored(r, state, item, ref) : 1;
		if (rc < 0)
			return import_build_failed(r, item, rc);
		if (rc == 0)
			import_decide(item,
			        OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNCHANGED,
			        item->stored_id, "");
		open += rc == 1;
	}
	return open == 0 ? import_finish(r) : request_go(r, import_cases_save);
}
