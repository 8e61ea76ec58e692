/* A ticket in memory, the journal it grows, and the next instant at which time acts on it. */
#include "core/change.h"

#include <string.h>

#include "core/promise_steps.h"
#include "core/sla.h"

void change_init(struct change *c, struct arena *arena, const struct reference *ref)
{
	memset(c, 0, sizeof *c);
	c->arena = arena;
	c->ref = ref;
	for (int kind = 0; kind < CLOCK_KIND_COUNT; kind++)
		c->clocks[kind].kind = (enum clock_kind)kind;
}

void event_init(struct event *e, enum event_kind kind, const struct actor *actor, int64_t now)
{
	*e = (struct event){
	        .kind = kind,
	        .actor_id = actor->principal_id,
	        .side = actor->side,
	        .occurred_at = now,
	        .recorded_at = now,
	        .state = -1,
	        .pending_reason = -1,
	        .until_at = -1,
	        .type = -1,
	        .impact = -1,
	        .urgency = -1,
	        .priority = -1,
	        .site_id = -1,
	        .service_id = -1,
	        .team_id = -1,
	        .assignee_id = -1,
	        .requester_id = -1,
	        .contract_id = -1,
	        .clock = -1,
	        .level = -1,
	        .clock_state = -1,
	        .target_us = -1,
	        .consumed_us = -1,
	        .due_at = -1,
	        .old_due_at = -1,
	        .related_id = -1,
	        .flags = -1,
	        .person_id = -1,
	};
}

/* Doubles the array inside the arena: the old copy stays until the arena goes. */
static int events_grow(struct change *c)
{
	size_t cap = c->event_cap == 0 ? 8 : c->event_cap * 2;
	struct event *events = arena_calloc(c->arena, cap, sizeof *events);

	if (events == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	if (c->event_count > 0)
		memcpy(events, c->events, c->event_count * sizeof *events);
	c->events = events;
	c->event_cap = cap;
	return 0;
}

struct event *change_append(struct change *c, const struct event *e)
{
	struct event *copy;

	if (c->event_count == c->event_cap && events_grow(c) != 0)
		return NULL;
	copy = &c->events[c->event_count++];
	*copy = *e;
	copy->seq = ++c->ticket.version;
	c->ticket.updated_at = e->occurred_at;
	return copy;
}

static void take_earlier(int64_t *next, int64_t at)
{
	if (at != 0 && (*next == 0 || at < *next))
		*next = at;
}

int64_t change_next_timer(const struct change *c)
{
	const struct ref_contract *contract = sla_contract(c);
	int64_t edited;
	int64_t next = 0;

	for (int kind = 1; kind < CLOCK_KIND_COUNT; kind++) {
		const struct sla_clock *clock = &c->clocks[kind];

		if (!clock_is_open(clock))
			continue;
		if (sla_edited_at(c, clock, &edited) == 0)
			take_earlier(&next, edited);
		if (contract != NULL)
			take_earlier(&next, contract->withdrawn_at);
		if (clock->breached_at == 0)
			take_earlier(&next, clock->due_at);
		for (int i = 0; i < clock->level_count; i++) {
			if (clock->levels[i].state == LEVEL_ARMED)
				take_earlier(&next, clock->levels[i].at);
		}
	}
	if (c->ticket.state == TICKET_PENDING)
		take_earlier(&next, c->ticket.pending_until);
	take_earlier(&next, c->ticket.auto_close_at);
	take_earlier(&next, c->ticket.recheck_at);
	take_earlier(&next, promise_warning_due(&c->ticket));
	take_earlier(&next, promise_breach_due(&c->ticket));
	return next;
}
