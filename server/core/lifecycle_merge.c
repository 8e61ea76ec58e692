/* Two tickets that tell of one matter become one, and two again. */
#include "core/lifecycle.h"

#include <string.h>

#include "core/lifecycle_steps.h"
#include "core/sla.h"

#define STOOD(kind) (256 << (kind))
#define RAN(kind) (1 << (kind))

static bool is_older(const struct ticket *a, const struct ticket *b)
{
	return a->created_at != b->created_at ? a->created_at < b->created_at
	                                      : a->ticket_id < b->ticket_id;
}

static int check_side(const struct actor *actor, const char *text, struct otk_error *err)
{
	if (actor->side != SIDE_PROVIDER)
		return error_set(err, OTK_PERMISSION_DENIED, "PROVIDER_ONLY",
		        "only the provider's people may merge tickets");
	if (text != NULL && strlen(text) > TEXT_MAX)
		return error_field(err, "text", "has %zu bytes; at most %d are allowed",
		        strlen(text), TEXT_MAX);
	return 0;
}

static int check_pair(
        const struct ticket *younger, const struct ticket *older, struct otk_error *err)
{
	long long from = (long long)younger->ticket_id, into = (long long)older->ticket_id;

	if (from == into)
		return error_field(err, "into", "is the ticket itself");
	if (younger->customer_id != older->customer_id)
		return error_field(err, "into", "%lld is another customer's", into);
	if (younger->merged_into != 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "MERGED",
		        "ticket %lld was merged into %lld already", from,
		        (long long)younger->merged_into);
	if (younger->state >= TICKET_RESOLVED)
		return error_set(err, OTK_FAILED_PRECONDITION, "WRONG_STATE",
		        "ticket %lld is %s: only one that is not resolved is merged", from,
		        ticket_state_name(younger->state));
	if (older->merged_into != 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "MERGED",
		        "ticket %lld was itself merged into %lld: merge into that one", into,
		        (long long)older->merged_into);
	if (older->state > TICKET_RESOLVED)
		return error_set(err, OTK_FAILED_PRECONDITION, "WRONG_STATE",
		        "ticket %lld is %s: nothing is merged into it", into,
		        ticket_state_name(older->state));
	if (!is_older(older, younger))
		return error_set(err, OTK_FAILED_PRECONDITION, "YOUNGER",
		        "ticket %lld is the younger one: merge it into %lld", into, from);
	return 0;
}

/* The entry that both journals end with; only the younger's has a cause and the words. */
static int emit_pair(struct act *act, struct change *older, enum event_kind kind,
        enum event_cause cause, const char *text)
{
	struct act other = *act;
	struct event e = act_event(act, kind);
	int rc;

	e.related_id = older->ticket.ticket_id;
	e.cause = cause;
	e.is_public = text == NULL || text[0] == '\0'; /* the words are for colleagues */
	rc = step_emit_text(act, &e, text);
	if (rc != 0)
		return rc;
	other.c = older;
	e = act_event(&other, kind);
	e.related_id = act->c->ticket.ticket_id;
	return act_emit(&other, &e);
}

int lifecycle_merge(struct change *younger, struct change *older, const struct actor *actor,
        const char *text, int64_t now, struct otk_error *err)
{
	struct act act = {.c = younger, .actor = *actor, .at = now, .now = now, .err = err};
	int rc = check_side(actor, text, err);

	if (rc == 0)
		rc = lifecycle_tick(younger, now, err);
	if (rc == 0)
		rc = lifecycle_tick(older, now, err);
	if (rc == 0)
		rc = check_pair(&younger->ticket, &older->ticket, err);
	if (rc == 0)
		rc = step_to(&act, TICKET_CANCELLED, CAUSE_MERGED);
	if (rc == 0)
		rc = clocks_void(&act, CAUSE_MERGED);
	return rc == 0 ? emit_pair(&act, older, EVENT_MERGED, CAUSE_MERGED, text) : rc;
}

int lifecycle_link(struct change *newer, struct change *older, const struct actor *actor,
        int64_t now, struct otk_error *err)
{
	struct act act = {.c = newer, .actor = *actor, .at = now, .now = now, .err = err};
	int rc;

	if (newer->ticket.customer_id != older->ticket.customer_id)
		return error_field(err, "linked_ticket_id", "is another customer's");
	rc = lifecycle_tick(older, now, err);
	return rc == 0 ? emit_pair(&act, older, EVENT_LINKED, CAUSE_NONE, NULL) : rc;
}

/* Back into the state it was in, as of the instant at which it left it. */
static int state_back(const struct act *act)
{
	const struct ticket *t = &act->c->ticket;
	struct event e = act_event(act, EVENT_STATE_CHANGED);

	e.state = (int16_t)t->merged_state;
	e.cause = CAUSE_UNMERGED;
	if (t->merged_state == TICKET_PENDING) {
		e.pending_reason = (int16_t)t->pending_reason;
		e.until_at = t->pending_until;
	}
	return act_emit(act, &e);
}

/* The clock as the merge found it. */
static int clock_back(const struct act *act, enum clock_kind kind)
{
	const struct sla_clock *clock = &act->c->clocks[kind];
	int clocks = act->c->ticket.merged_clocks;
	bool stood = (clocks & STOOD(kind)) != 0;
	struct event e = act_event(act, stood ? EVENT_CLOCK_PAUSED : EVENT_CLOCK_RESUMED);

	if ((clocks & (RAN(kind) | STOOD(kind))) == 0 || clock->state != CLOCK_VOID)
		return 0;
	e.clock = (int16_t)kind;
	e.is_public = kind <= CLOCK_RESOLUTION; /* the provider's own are nobody else's */
	e.cause = CAUSE_UNMERGED;
	e.consumed_us = clock->consumed_us;
	e.due_at = clock->due_at;
	if (stood)
		e.pending_reason = (int16_t)act->c->ticket.pending_reason;
	return act_emit(act, &e);
}

int lifecycle_unmerge(struct change *younger, struct change *older, const struct actor *actor,
        const char *text, int64_t now, struct otk_error *err)
{
	const struct ticket *t = &younger->ticket;
	struct act act = {
	        .c = younger, .actor = *actor, .at = t->merged_at, .now = now, .err = err};
	struct act time = {.c = younger, .now = now, .err = err, .quiet = CAUSE_UNMERGED};
	int rc = check_side(actor, text, err);

	if (rc == 0 && t->merged_into == 0)
		rc = error_set(err, OTK_FAILED_PRECONDITION, "NOT_MERGED",
		        "ticket %lld is not merged into another", (long long)t->ticket_id);
	if (rc == 0 && t->merged_into != older->ticket.ticket_id)
		rc = error_set(err, OTK_INTERNAL, "OTHER_TICKET",
		        "the other ticket is not the one it was merged into");
	if (rc == 0)
		rc = lifecycle_tick(older, now, err);
	if (rc == 0)
		rc = state_back(&act);
	for (int kind = CLOCK_RESPONSE; rc == 0 && kind < CLOCK_KIND_COUNT; kind++)
		rc = clock_back(&act, (enum clock_kind)kind);
	if (rc == 0)
		rc = tick(&time);
	act.at = now;
	return rc == 0 ? emit_pair(&act, older, EVENT_UNMERGED, CAUSE_UNMERGED, text) : rc;
}
