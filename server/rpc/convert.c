/* Ids become codes, absent texts become "", numbers keep their values. */
#include "rpc/convert.h"

#include <string.h>

#include "core/duration.h"
#include "core/lifecycle.h"
#include "core/sla.h"

/* protobuf-c wants char *, and never writes to it. */
static char *text(const char *value)
{
	return (char *)(uintptr_t)(value == NULL ? "" : value);
}

static char *customer_code(const struct reference *ref, int32_t id)
{
	const struct ref_customer *customer = reference_customer(ref, id);

	return text(customer == NULL ? NULL : customer->code);
}

static char *site_code(const struct reference *ref, int32_t id)
{
	const struct ref_site *site = id > 0 ? reference_site(ref, id) : NULL;

	return text(site == NULL ? NULL : site->code);
}

static char *service_code(const struct reference *ref, int32_t id)
{
	const struct ref_service *service = id > 0 ? reference_service(ref, id) : NULL;

	return text(service == NULL ? NULL : service->code);
}

static char *team_code(const struct reference *ref, int32_t id)
{
	const struct ref_team *team = id > 0 ? reference_team(ref, id) : NULL;

	return text(team == NULL ? NULL : team->code);
}

static char *principal_code(const struct reference *ref, int32_t id)
{
	const struct ref_principal *principal = id > 0 ? reference_principal(ref, id) : NULL;

	return text(principal == NULL ? NULL : principal->code);
}

/* The requester's, else the site's, else the customer's. */
static char *zone_for_dates(const struct reference *ref, const struct ticket *t)
{
	const struct ref_principal *requester = reference_principal(ref, t->requester_id);
	const struct ref_site *site = reference_site(ref, t->site_id);
	const struct ref_customer *customer = reference_customer(ref, t->customer_id);

	if (requester != NULL && requester->zone != NULL && *requester->zone != '\0')
		return requester->zone;
	if (site != NULL && site->zone != NULL && *site->zone != '\0')
		return site->zone;
	return text(customer == NULL ? "UTC" : customer->zone);
}

int convert_clock(struct arena *arena, const struct sla_clock *clock, bool provider,
        Otklik__V1__Clock *out)
{
	const struct target target = {.us = clock->target_bd == 0 ? clock->target_us : 0,
	        .business_days = clock->target_bd,
	        .wall = clock->wall};
	char buffer[DURATION_TEXT_SIZE];

	out->kind = (Otklik__V1__ClockKind)clock->kind;
	out->state = (Otklik__V1__ClockState)clock->state;
	out->target = arena_strdup(arena, target_format(&target, buffer));
	if (out->target == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	out->target_us = clock->target_us;
	out->consumed_us = clock->consumed_us;
	out->started_at_us = clock->started_at;
	out->due_at_us = clock->due_at;
	out->breached_at_us = clock->breached_at;
	out->detected_at_us = clock->detected_at;
	out->stopped_at_us = clock->stopped_at;
	out->waived_at_us = clock->waived_at;
	/* How the provider escalates within its own house is not the customer's. */
	for (int i = 0; provider && i < clock->level_count; i++) {
		const struct clock_level *level = &clock->levels[i];

		if (level->state == LEVEL_FIRED)
			out->level = (uint32_t)i + 1;
		if (level->state == LEVEL_ARMED && clock_is_open(clock) && level->at != 0 &&
		        (out->next_level == 0 || level->at < out->next_level_at_us)) {
			out->next_level = (uint32_t)i + 1;
			out->next_level_at_us = level->at;
		}
	}
	return 0;
}

static int convert_clocks(struct arena *arena, const struct sla_clock clocks[CLOCK_KIND_COUNT],
        bool provider, Otklik__V1__Ticket *out)
{
	out->clocks = arena_calloc(arena, CLOCK_KIND_COUNT, sizeof(Otklik__V1__Clock *));
	if (out->clocks == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int kind = 1; kind < CLOCK_KIND_COUNT; kind++) {
		Otklik__V1__Clock *clock;
		int rc;

		/* How the provider and its suppliers hold each other is not the customer's. */
		if (clocks[kind].state == CLOCK_NONE || (!provider && kind > CLOCK_RESOLUTION))
			continue;
		clock = arena_alloc(arena, sizeof *clock);
		if (clock == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		otklik__v1__clock__init(clock);
		rc = convert_clock(arena, &clocks[kind], provider, clock);
		if (rc < 0)
			return rc;
		out->clocks[out->n_clocks++] = clock;
	}
	return 0;
}

static int convert_watchers(struct arena *arena, const struct reference *ref,
        const struct ticket *t, Otklik__V1__Ticket *out)
{
	if (t->watcher_count == 0)
		return 0;
	out->watchers = arena_calloc(arena, (size_t)t->watcher_count, sizeof *out->watchers);
	if (out->watchers == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (int i = 0; i < t->watcher_count; i++)
		out->watchers[out->n_watchers++] = principal_code(ref, t->watchers[i]);
	return 0;
}

Otklik__V1__Ticket *convert_ticket(struct arena *arena, const struct reference *ref,
        const struct ticket *t, const struct sla_clock clocks[CLOCK_KIND_COUNT], bool provider)
{
	const struct ref_contract *contract = reference_contract(ref, t->contract_id);
	Otklik__V1__Ticket *out = arena_alloc(arena, sizeof *out);

	if (out == NULL)
		return NULL;
	otklik__v1__ticket__init(out);
	out->id = t->ticket_id;
	out->version = t->version;
	out->customer = customer_code(ref, t->customer_id);
	out->site = site_code(ref, t->site_id);
	out->type = (Otklik__V1__TicketType)t->type;
	out->state = (Otklik__V1__TicketState)t->state;
	if (t->state == TICKET_PENDING) { /* a merged ticket keeps them for an undo */
		out->pending_reason = (Otklik__V1__PendingReason)t->pending_reason;
		out->pending_until_us = t->pending_until;
	}
	out->impact = (uint32_t)t->impact;
	out->urgency = (uint32_t)t->urgency;
	out->priority = (uint32_t)t->priority;
	out->title = text(t->title);
	out->category = text(t->category);
	out->subcategory = text(t->subcategory);
	out->service = service_code(ref, t->service_id);
	out->team = team_code(ref, t->team_id);
	out->assignee = principal_code(ref, t->assignee_id);
	out->requester = principal_code(ref, t->requester_id);
	out->channel = text(t->channel);
	out->contract = text(contract == NULL ? NULL : contract->code);
	out->contract_version = contract == NULL ? 0 : (uint32_t)contract->version;
	out->created_at_us = t->created_at;
	out->updated_at_us = t->updated_at;
	out->first_reply_at_us = t->first_reply_at;
	out->resolved_at_us = t->resolved_at;
	out->closed_at_us = t->closed_at;
	out->reopen_count = (uint32_t)t->reopen_count;
	out->machine_filed = t->machine_filed;
	out->self_recovered = t->self_recovered;
	out->observed = t->observed;
	out->no_sla = t->no_sla;
	out->zone = zone_for_dates(ref, t);
	out->external_ref = text(t->external_ref);
	out->merged_into = t->merged_into;
	out->promise_at_us = t->promise_at;
	out->promise_given_at_us = t->promise_given_at;
	out->promise_first_at_us = t->promise_first_at;
	out->promise_broken = t->promise_broken;
	out->promise_changes = (uint32_t)t->promise_changes;
	if (provider && convert_watchers(arena, ref, t, out) < 0)
		return NULL;
	return convert_clocks(arena, clocks, provider, out) < 0 ? NULL : out;
}

/* -1 is "not touched", which the schema writes as 0. */
static int64_t set(int64_t value)
{
	return value > 0 ? value : 0;
}

void convert_event(const struct reference *ref, int32_t customer_id, int64_t ticket_id,
        const struct event *e, Otklik__V1__TicketEvent *out)
{
	out->ticket_id = ticket_id;
	out->seq = e->seq;
	out->kind = (Otklik__V1__EventKind)e->kind;
	out->actor = e->actor_id == 0 ? text("system") : principal_code(ref, e->actor_id);
	out->occurred_at_us = e->occurred_at;
	out->recorded_at_us = e->recorded_at;
	out->visibility = e->is_public ? OTKLIK__V1__VISIBILITY__VISIBILITY_PUBLIC
	                               : OTKLIK__V1__VISIBILITY__VISIBILITY_INTERNAL;
	out->state = (Otklik__V1__TicketState)set(e->state);
	out->pending_reason = (Otklik__V1__PendingReason)set(e->pending_reason);
	out->until_us = set(e->until_at);
	out->team = team_code(ref, e->team_id);
	out->assignee = principal_code(ref, e->assignee_id);
	out->priority = (uint32_t)set(e->priority);
	out->impact = (uint32_t)set(e->impact);
	out->urgency = (uint32_t)set(e->urgency);
	out->clock = (Otklik__V1__ClockKind)set(e->clock);
	out->level = (uint32_t)set(e->level);
	out->target_us = set(e->target_us);
	out->consumed_us = set(e->consumed_us);
	/* When its owner is warned is the provider's own: GetPromiseRecord tells him. */
	out->due_at_us = e->kind == EVENT_PROMISED ? 0 : set(e->due_at);
	out->old_due_at_us = set(e->old_due_at);
	out->cause = text(event_cause_name(e->cause));
	out->text = text(e->text);
	out->customer = customer_code(ref, customer_id);
	out->category = text(e->category);
	out->service = service_code(ref, e->service_id);
	out->site = site_code(ref, e->site_id);
	out->related_id = set(e->related_id);
	out->flags = (uint32_t)set(e->flags);
	out->person = principal_code(ref, e->person_id);
	if (e->kind == EVENT_CONTRACT_APPLIED && e->contract_id > 0) {
		const struct ref_contract *contract = reference_contract(ref, e->contract_id);

		out->contract = text(contract == NULL ? NULL : contract->code);
		out->contract_version = contract == NULL ? 0 : (uint32_t)contract->version;
	}
}
