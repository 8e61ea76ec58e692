/*
 * Observed history under a contract: what was seen is told entry by entry, and the clocks do at
 * each what they would have done then.
 */
#include "core/lifecycle.h"

#include "core/lifecycle_steps.h"
#include "core/sla.h"

/* An act of the past, written down now; what time owes in between happens in silence. */
static struct act act_then(struct change *c, const struct actor *actor, int64_t at, int64_t now,
        struct otk_error *err)
{
	return (struct act){.c = c,
	        .actor = *actor,
	        .at = at,
	        .now = now,
	        .err = err,
	        .quiet = CAUSE_ARMED};
}

/* What time owed strictly before `until`, as found out now. */
static int pass(struct change *c, int64_t until, int64_t now, struct otk_error *err)
{
	static const struct actor time = {.side = SIDE_SYSTEM};
	struct act act = act_then(c, &time, until, now, err);

	act.until = until;
	return tick(&act);
}

int lifecycle_arm(struct change *c, int32_t contract_id, bool response,
        const struct actor *actor, int64_t now, struct otk_error *err)
{
	struct act act = act_then(c, actor, c->ticket.created_at, now, err);
	struct event e = act_event(&act, EVENT_CONTRACT_APPLIED);
	int rc;

	e.contract_id = contract_id;
	e.cause = CAUSE_ARMED;
	rc = act_emit(&act, &e);
	if (rc == 0)
		rc = clock_start(&act, CLOCK_RESPONSE, CAUSE_ARMED);
	if (rc == 0 && !response) /* void, not absent: no later change starts it */
		rc = clocks_void(&act, CAUSE_ARMED);
	if (rc == 0)
		rc = clock_start(&act, CLOCK_RESOLUTION, CAUSE_ARMED);
	return rc == 0 ? clock_hold(&act, CAUSE_ARMED) : rc;
}

static bool is_done(enum ticket_state state)
{
	return state == TICKET_RESOLVED || state == TICKET_CLOSED;
}

static int clocks_moved(const struct act *act, enum ticket_state from)
{
	enum ticket_state to = act->c->ticket.state;
	bool ended = is_done(from) || from == TICKET_CANCELLED;
	int rc = 0;

	if (to == TICKET_CANCELLED)
		return clocks_void(act, CAUSE_CANCEL);
	if (is_done(to))
		return ended ? 0 : clocks_resolved(act);
	if (ended)
		rc = clocks_reopened(act);
	return rc == 0 ? clocks_follow_state(act) : rc;
}

int lifecycle_observed(struct change *c, const struct event *e, struct otk_error *err)
{
	struct actor actor = {.principal_id = e->actor_id, .side = e->side};
	struct act act = act_then(c, &actor, e->occurred_at, e->recorded_at, err);
	enum ticket_state from = c->ticket.state;
	int rc = pass(c, e->occurred_at, e->recorded_at, err);

	if (rc == 0)
		rc = act_emit(&act, e);
	if (rc != 0)
		return rc;
	if (act.at < c->ticket.created_at) /* logs know of things seen before the case */
		act.at = c->ticket.created_at;
	if (e->kind == EVENT_STATE_CHANGED)
		return clocks_moved(&act, from);
	return e->kind == EVENT_CLASSIFIED ? clocks_retarget(&act, CAUSE_RETARGET) : 0;
}

int lifecycle_armed(struct change *c, int64_t now, struct otk_error *err)
{
	return pass(c, now, now, err);
}

static bool is_of_arming(const struct event *e)
{
	return e->kind == EVENT_CONTRACT_APPLIED ||
	       (e->kind >= EVENT_CLOCK_STARTED && e->kind <= EVENT_LEVEL_SKIPPED);
}

int lifecycle_arm_stored(
        struct change *stored, const struct change *lived, struct otk_error *err)
{
	struct act act = {.c = stored, .err = err};
	int64_t told = 0;
	int rc = 0;

	for (size_t i = 0; i < lived->event_count; i++)
		told += is_of_arming(&lived->events[i]) ? 0 : 1;
	if (!stored->ticket.observed || lived->ticket.observed ||
	        stored->ticket.state >= TICKET_RESOLVED || stored->ticket.version != told)
		return 0;
	for (size_t i = 0; rc == 0 && i < lived->event_count; i++) {
		struct event e = lived->events[i];

		if (!is_of_arming(&e))
			continue;
		if (e.kind == EVENT_CLOCK_STOPPED) /* the resolve was told before all of this */
			e.cause = CAUSE_ARMED;
		rc = act_emit(&act, &e);
	}
	return rc == 0 ? 1 : rc;
}
