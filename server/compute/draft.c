/* Terms of a declared contract → a contract of the rules, by code. */
#include "compute/draft.h"

#include <string.h>

#include "core/duration.h"

struct making {
	const struct reference *live;
	const struct draft *draft;
	const struct contract_terms *terms;
	struct arena *arena;
	struct ref_contract *out;
	struct otk_error *err;
};

static int unknown(const struct making *m, const char *what, const char *code)
{
	return error_set(m->err, OTK_ABORTED, "REFERENCE_CHANGING",
	        "the %s '%s' went while the contract was read; try again", what, code);
}

static int32_t service_of(const struct making *m, const char *code)
{
	const struct ref_service *service =
	        *code == '\0' ? NULL
	                      : reference_service_by_code(m->live, m->out->customer_id, code);

	return service == NULL ? 0 : service->id;
}

static int make_covers(struct making *m)
{
	const struct contract_terms *terms = m->terms;

	m->out->site_ids = arena_calloc(m->arena, terms->site_count + 1, sizeof(int32_t));
	m->out->service_ids = arena_calloc(m->arena, terms->service_count + 1, sizeof(int32_t));
	if (m->out->site_ids == NULL || m->out->service_ids == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < terms->site_count; i++) {
		const struct ref_site *site =
		        reference_site_by_code(m->live, m->out->customer_id, terms->sites[i]);

		if (site == NULL)
			return unknown(m, "site", terms->sites[i]);
		m->out->site_ids[m->out->site_count++] = site->id;
	}
	for (size_t i = 0; i < terms->service_count; i++) {
		int32_t service = service_of(m, terms->services[i]);

		if (service == 0)
			return unknown(m, "service", terms->services[i]);
		m->out->service_ids[m->out->service_count++] = service;
	}
	return 0;
}

static int make_targets(struct making *m)
{
	const struct contract_terms *terms = m->terms;

	m->out->targets =
	        arena_calloc(m->arena, terms->target_count + 1, sizeof *m->out->targets);
	if (m->out->targets == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < terms->target_count; i++) {
		const struct term_target *from = &terms->targets[i];
		struct ref_target *to = &m->out->targets[m->out->target_count++];
		const struct ref_team *team =
		        from->team == NULL || *from->team == '\0'
		                ? NULL
		                : reference_team_by_code(m->live, from->team);
		struct target length;

		if (target_parse(from->target, "target", &length, m->err) != 0)
			return -OTK_INVALID_ARGUMENT;
		*to = (struct ref_target){.type = from->type,
		        .priority = from->priority,
		        .service_id = service_of(m, from->service),
		        .team_id = team == NULL ? 0 : team->id,
		        .clock = from->clock,
		        .target_us = length.us,
		        .target_bd = length.business_days,
		        .wall = length.wall,
		        .text = arena_strdup(m->arena, from->target)};
		if (to->text == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	return 0;
}

static int make_credits(struct making *m)
{
	const struct contract_terms *terms = m->terms;

	m->out->credits =
	        arena_calloc(m->arena, terms->credit_count + 1, sizeof *m->out->credits);
	if (m->out->credits == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < terms->credit_count; i++) {
		const struct term_credit *from = &terms->credits[i];

		m->out->credits[m->out->credit_count++] =
		        (struct ref_credit){.type = from->type,
		                .priority = from->priority,
		                .service_id = service_of(m, from->service),
		                .clock = from->clock,
		                .below = from->below,
		                .credit = from->credit};
	}
	m->out->fee = terms->fee;
	m->out->period = terms->period;
	m->out->credit_cap = terms->credit_cap;
	if (terms->currency != NULL)
		strncpy(m->out->currency, terms->currency, sizeof m->out->currency - 1);
	return 0;
}

static int make_contract(struct making *m, const struct thing *thing)
{
	const struct ref_customer *customer =
	        reference_customer_by_code(m->live, thing_text(thing, CONTRACT_CUSTOMER));
	const struct ref_calendar *calendar =
	        draft_calendar(m->draft, thing_text(thing, CONTRACT_CALENDAR));
	int rc;

	if (customer == NULL)
		return unknown(m, "customer", thing_text(thing, CONTRACT_CUSTOMER));
	if (calendar == NULL)
		return unknown(m, "calendar", thing_text(thing, CONTRACT_CALENDAR));
	m->out->customer_id = customer->id;
	m->out->calendar_id = calendar->id;
	m->out->current = true;
	strncpy(m->out->code, thing->code, CODE_MAX);
	memcpy(m->out->matrix, m->terms->matrix, sizeof m->out->matrix);
	memcpy(m->out->pauses, m->terms->pauses, sizeof m->out->pauses);
	rc = make_covers(m);
	if (rc == 0)
		rc = make_targets(m);
	return rc == 0 ? make_credits(m) : rc;
}

static struct ref_contract *copy_contracts(const struct reference *live, struct arena *arena)
{
	struct ref_contract *all = arena_calloc(arena, live->contract_count + 1, sizeof *all);

	if (all == NULL)
		return NULL;
	if (live->contract_count > 0)
		memcpy(all, live->contracts, live->contract_count * sizeof *all);
	for (size_t i = 0; i < live->contract_count; i++)
		all[i].level_count = 0;
	return all;
}

int draft_make(const struct reference *live, const struct thing *thing,
        const struct thing_list *calendars, struct arena *arena, struct draft *out,
        struct otk_error *err)
{
	struct ref_contract *all = copy_contracts(live, arena);
	struct ref_contract *choosing = copy_contracts(live, arena);
	struct making m = {.live = live,
	        .draft = out,
	        .terms = thing->terms.contract,
	        .arena = arena,
	        .err = err};
	size_t count = live->contract_count;
	int rc;

	out->ref = *live;
	rc = all == NULL || choosing == NULL
	             ? -OTK_RESOURCE_EXHAUSTED
	             : draft_calendars_make(live, calendars, arena, out);
	if (rc < 0)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	m.out = &all[count];
	m.out->id = count == 0 ? 1 : live->contracts[count - 1].id + 1;
	rc = make_contract(&m, thing);
	if (rc != 0)
		return rc;
	choosing[count] = *m.out;
	for (size_t i = 0; i < count; i++) {
		if (choosing[i].customer_id == m.out->customer_id &&
		        strcmp(choosing[i].code, m.out->code) == 0)
			choosing[i].withdrawn = true;
	}
	out->ref.contracts = all;
	out->ref.contract_count = count + 1;
	out->choosing = out->ref;
	out->choosing.contracts = choosing;
	out->contract = m.out;
	return 0;
}

bool draft_covers(const struct draft *draft, int32_t site_id, int32_t service_id, int64_t now)
{
	const struct ref_contract *chosen = reference_contract_for(
	        &draft->choosing, draft->contract->customer_id, site_id, service_id, now);

	return chosen != NULL && chosen->id == draft->contract->id;
}

const struct ref_contract *draft_in_force(const struct draft *draft,
        const struct reference *live, const struct event *created, int64_t now)
{
	int32_t customer = draft->contract->customer_id;
	const struct ref_contract *found = NULL;

	if (created->contract_id > 0)
		return reference_contract(&draft->ref, created->contract_id);
	if (created->cause != CAUSE_IMPORT) /* it was under nothing */
		return NULL;
	found = reference_contract_for(
	        live, customer, created->site_id, created->service_id, created->occurred_at);
	if (found == NULL)
		found = reference_contract_for(
		        live, customer, created->site_id, created->service_id, now);
	return found == NULL ? NULL : reference_contract(&draft->ref, found->id);
}

const struct ref_contract *draft_applied(
        const struct draft *draft, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (events[i].kind == EVENT_CONTRACT_APPLIED &&
		        events[i].cause == CAUSE_CONTRACT && events[i].contract_id > 0)
			return reference_contract(&draft->ref, events[i].contract_id);
	}
	return NULL;
}
