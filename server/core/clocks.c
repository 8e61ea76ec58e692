/* What commands and time do to the clocks of a ticket, as events. */
#include "core/clocks.h"

#include "core/escalation.h"
#include "core/lifecycle.h"
#include "core/projection.h"
#include "core/sla.h"

struct event act_event(const struct act *act, enum event_kind kind)
{
	struct event e;

	event_init(&e, kind, &act->actor, act->at);
	e.recorded_at = act->now;
	e.is_public = true;
	return e;
}

int act_fail(const struct act *act, int status)
{
	if (status == -OTK_OUT_OF_RANGE)
		return error_set(act->err, OTK_OUT_OF_RANGE, "TIME_OUT_OF_RANGE",
		        "a time of this ticket lies outside the years 1970 to 2100");
	if (status == -OTK_RESOURCE_EXHAUSTED)
		return error_set(act->err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
		        "out of memory for this request");
	return error_set(act->err, (enum otk_status) - status, "RULES_FAILED",
	        "the rules could not be applied: %s", status_name((enum otk_status) - status));
}

static int ladders_stop(const struct act *act);
static int handed_off(const struct act *act);

int act_emit(const struct act *act, const struct event *e)
{
	bool fresh = act->c->ticket.acknowledged_at == 0;
	int32_t team_id = act->c->ticket.team_id;
	const struct event *kept = change_append(act->c, e);
	int rc = kept == NULL ? -OTK_RESOURCE_EXHAUSTED : projection_apply(act->c, kept);

	if (rc != 0)
		return act_fail(act, rc);
	if (fresh && act->c->ticket.acknowledged_at != 0)
		rc = ladders_stop(act);
	/* Whatever command or level hands it over: what a team may keep begins anew. */
	if (rc == 0 && e->kind == EVENT_ASSIGNED && act->c->ticket.team_id != team_id)
		rc = handed_off(act);
	return rc;
}

/* An event of a clock, with what it has consumed by now. */
static int clock_event(const struct act *act, enum event_kind kind, enum clock_kind which,
        enum event_cause cause, struct event *e)
{
	const struct sla_clock *clock = &act->c->clocks[which];
	int64_t consumed;
	int rc = sla_consumed(act->c, clock, act->at, &consumed);

	if (rc != 0)
		return act_fail(act, rc);
	*e = act_event(act, kind);
	e->is_public = which <= CLOCK_RESOLUTION; /* the provider's own are nobody else's */
	e->clock = (int16_t)which;
	e->cause = cause;
	e->consumed_us = consumed;
	e->due_at = clock->due_at;
	return 0;
}

int clock_start(const struct act *act, enum clock_kind kind, enum event_cause cause)
{
	struct sla_clock fresh = {.kind = kind, .started_at = act->at};
	struct event e = act_event(act, EVENT_CLOCK_STARTED);
	int rc = sla_aim(act->c, kind, act->at, act->at, &fresh);

	if (rc == 0)
		return 0;
	if (rc > 0)
		rc = sla_due(act->c, &fresh, 0, act->at, &e.due_at);
	if (rc != 0)
		return act_fail(act, rc);
	e.is_public = kind <= CLOCK_RESOLUTION;
	e.clock = (int16_t)kind;
	e.cause = cause;
	e.target_us = fresh.target_us;
	e.consumed_us = 0;
	return act_emit(act, &e);
}

static int clock_pause(const struct act *act, enum clock_kind kind)
{
	struct event e;
	int rc = clock_event(act, EVENT_CLOCK_PAUSED, kind, CAUSE_NONE, &e);

	if (rc != 0)
		return rc;
	if (e.due_at > act->at) /* one that was reached stays */
		e.due_at = 0;
	e.pending_reason = (int16_t)act->c->ticket.pending_reason;
	return act_emit(act, &e);
}

/* Runs a clock on from here; a new target applies where `aimed` says so. */
static int clock_run_on(const struct act *act, enum clock_kind kind, enum event_cause cause,
        const struct sla_clock *aimed)
{
	const struct sla_clock *clock = &act->c->clocks[kind];
	struct event e;
	int rc = clock_event(act, EVENT_CLOCK_RESUMED, kind, cause, &e);

	if (rc != 0)
		return rc;
	e.old_due_at = clock->due_at;
	if (aimed->target_us != clock->target_us || aimed->wall != clock->wall ||
	        aimed->calendar_id != clock->calendar_id)
		e.target_us = aimed->target_us;
	else if (e.consumed_us >= clock->target_us && clock->breached_at != 0 &&
	         clock->due_at != 0)
		return act_emit(act, &e);
	rc = sla_due(act->c, aimed, e.consumed_us, act->at, &e.due_at);
	return rc == 0 ? act_emit(act, &e) : act_fail(act, rc);
}

int clock_stop(const struct act *act, enum clock_kind kind)
{
	const struct sla_clock *clock = &act->c->clocks[kind];
	bool late = clock->breached_at != 0 || (clock->due_at != 0 && act->at > clock->due_at);
	struct event e;
	int rc;

	if (!clock_is_open(clock))
		return 0;
	rc = clock_event(act, EVENT_CLOCK_STOPPED, kind, CAUSE_NONE, &e);
	if (rc != 0)
		return rc;
	e.target_us = clock->target_us;
	e.clock_state = late ? CLOCK_LATE : CLOCK_MET;
	return act_emit(act, &e);
}

static int clock_void(const struct act *act, enum clock_kind kind, enum event_cause cause)
{
	struct event e;
	int rc;

	if (!clock_is_open(&act->c->clocks[kind]))
		return 0;
	rc = clock_event(act, EVENT_CLOCK_VOIDED, kind, cause, &e);
	return rc == 0 ? act_emit(act, &e) : rc;
}

int clock_breach(const struct act *act, enum clock_kind kind, enum event_cause cause)
{
	struct event e;
	int rc = clock_event(act, EVENT_CLOCK_BREACHED, kind, cause, &e);

	if (rc != 0)
		return rc;
	e.target_us = act->c->clocks[kind].target_us;
	return act_emit(act, &e);
}

static int level_event(const struct act *act, enum event_kind what, enum clock_kind kind,
        int level, enum event_cause cause)
{
	struct event e;
	int rc = clock_event(act, what, kind, cause, &e);

	if (rc != 0)
		return rc;
	e.level = (int16_t)level;
	e.is_public = false;
	if (what == EVENT_LEVEL_FIRED && escalation_tells_above(sla_level(act->c, kind, level)))
		e.flags = LEVEL_TELLS_ABOVE;
	return act_emit(act, &e);
}

int clock_fire(const struct act *act, enum clock_kind kind, int level)
{
	const struct ref_level *written = sla_level(act->c, kind, level);
	int rc;

	if (act->quiet != CAUSE_NONE)
		return level_event(act, EVENT_LEVEL_SKIPPED, kind, level, act->quiet);
	rc = level_event(act, EVENT_LEVEL_FIRED, kind, level, CAUSE_NONE);
	if (rc != 0 || written == NULL)
		return rc;
	return escalation_effects(act, kind, written->actions);
}

/* Somebody took the ticket up: what is armed of this ladder is not climbed any more. */
static int ladder_stop(const struct act *act, enum clock_kind kind)
{
	const struct sla_clock *clock = &act->c->clocks[kind];
	int rc = 0;

	if (!clock_is_open(clock) || !sla_ladder_stopped(act->c, kind))
		return 0;
	for (int i = 0; rc == 0 && i < clock->level_count; i++) {
		if (clock->levels[i].state == LEVEL_ARMED &&
		        sla_level(act->c, kind, i + 1) != NULL)
			rc = level_event(
			        act, EVENT_LEVEL_SKIPPED, kind, i + 1, CAUSE_ACKNOWLEDGED);
	}
	return rc;
}

static int ladders_stop(const struct act *act)
{
	int rc = 0;

	for (int kind = CLOCK_RESPONSE; rc == 0 && kind < CLOCK_KIND_COUNT; kind++)
		rc = ladder_stop(act, (enum clock_kind)kind);
	return rc;
}

/*
 * After a change re-placed the levels: of those found passed only the highest acts, the others
 * are skipped.
 */
static int settle_levels(const struct act *act, enum clock_kind kind)
{
	const struct sla_clock *clock = &act->c->clocks[kind];
	int64_t threshold[LEVELS_MAX];
	bool passed[LEVELS_MAX];
	int highest = -1;
	int rc = 0;

	for (int i = 0; i < clock->level_count; i++) {
		const struct clock_level *level = &clock->levels[i];

		passed[i] =
		        level->state == LEVEL_ARMED && level->at != 0 && level->at <= act->at;
		if (!passed[i])
			continue;
		threshold[i] = sla_level_threshold(clock, sla_level(act->c, kind, i + 1));
		if (highest < 0 || threshold[i] >= threshold[highest])
			highest = i;
	}
	for (int i = 0; rc == 0 && i < clock->level_count; i++) {
		if (i != highest && passed[i])
			rc = level_event(act, EVENT_LEVEL_SKIPPED, kind, i + 1, CAUSE_NONE);
	}
	if (rc == 0 && highest >= 0)
		rc = clock_fire(act, kind, highest + 1);
	return rc;
}

static bool wants_pause(const struct change *c, enum clock_kind kind)
{
	const struct ref_contract *contract = sla_contract(c);

	return c->ticket.state == TICKET_PENDING && contract != NULL &&
	       (contract->pauses[kind] & (1U << c->ticket.pending_reason)) != 0;
}

/* A round of the update clock ends without an outcome of its own, and the next begins. */
static int update_rearm(const struct act *act)
{
	int rc = clock_void(act, CLOCK_UPDATE, CAUSE_UPDATE);

	if (rc == 0)
		rc = clock_start(act, CLOCK_UPDATE, CAUSE_UPDATE);
	return rc;
}

static int follow_state(const struct act *act, enum clock_kind kind)
{
	const struct sla_clock *clock = &act->c->clocks[kind];
	bool pause = wants_pause(act->c, kind);

	if (clock->state == CLOCK_RUNNING && pause)
		return clock_pause(act, kind);
	if (clock->state != CLOCK_PAUSED || pause)
		return 0;
	if (kind == CLOCK_UPDATE)
		return update_rearm(act);
	return clock_run_on(act, kind, CAUSE_NONE, clock);
}

/* The supplier's clock runs as long as the supplier is waited for, each time anew. */
static int supplier_follow(const struct act *act)
{
	const struct ticket *t = &act->c->ticket;
	bool waiting = t->state == TICKET_PENDING && t->pending_reason == PENDING_SUPPLIER;

	if (!waiting)
		return clock_stop(act, CLOCK_SUPPLIER);
	if (clock_is_open(&act->c->clocks[CLOCK_SUPPLIER]))
		return 0;
	return clock_start(act, CLOCK_SUPPLIER, CAUSE_NONE);
}

int clocks_follow_state(const struct act *act)
{
	int rc = supplier_follow(act); /* first: one that ends has no pause more */

	for (int kind = CLOCK_RESPONSE; rc == 0 && kind < CLOCK_KIND_COUNT; kind++)
		rc = follow_state(act, (enum clock_kind)kind);
	return rc;
}

int clock_hold(const struct act *act, enum event_cause cause)
{
	const struct ticket *t = &act->c->ticket;
	int rc = 0;

	if (t->team_id != 0 && t->state < TICKET_RESOLVED)
		rc = clock_start(act, CLOCK_OPERATIONAL, cause);
	return rc == 0 ? follow_state(act, CLOCK_OPERATIONAL) : rc;
}

/* Another team holds the ticket: the round of the one before ends, met or late. */
static int handed_off(const struct act *act)
{
	int rc = clock_stop(act, CLOCK_OPERATIONAL);

	return rc == 0 ? clock_hold(act, CAUSE_HANDED_OFF) : rc;
}

int clocks_answered(const struct act *act, bool goes_on)
{
	int rc = clock_stop(act, CLOCK_RESPONSE);

	if (rc == 0)
		rc = clock_stop(act, CLOCK_UPDATE);
	if (rc == 0 && goes_on && act->c->ticket.state < TICKET_RESOLVED)
		rc = clock_start(act, CLOCK_UPDATE, CAUSE_UPDATE);
	if (rc == 0)
		rc = follow_state(act, CLOCK_UPDATE);
	return rc;
}

int clocks_resolved(const struct act *act)
{
	int rc = 0;

	for (int kind = CLOCK_RESPONSE; rc == 0 && kind < CLOCK_KIND_COUNT; kind++)
		rc = clock_stop(act, (enum clock_kind)kind);
	return rc;
}

int clocks_void(const struct act *act, enum event_cause cause)
{
	int rc = 0;

	for (int kind = CLOCK_RESPONSE; rc == 0 && kind < CLOCK_KIND_COUNT; kind++)
		rc = clock_void(act, (enum clock_kind)kind, cause);
	return rc;
}

/* A clock that a change finds past its new target is broken now, never back-dated. */
static int breach_if_exceeded(const struct act *act, enum clock_kind kind)
{
	const struct sla_clock *clock = &act->c->clocks[kind];

	if (clock->breached_at != 0 || clock->consumed_us <= clock->target_us)
		return 0;
	return clock_breach(act, kind, CAUSE_RETARGET);
}

/* Runs a stopped or void clock on, under the target that holds now. */
static int clock_reopen(const struct act *act, enum clock_kind kind, enum event_cause cause)
{
	struct sla_clock aimed = act->c->clocks[kind];
	int rc = sla_aim(act->c, kind, aimed.started_at, act->at, &aimed);

	if (rc == 0) /* no longer promised */
		return 0;
	if (rc < 0)
		return act_fail(act, rc);
	rc = clock_run_on(act, kind, cause, &aimed);
	if (rc == 0)
		rc = breach_if_exceeded(act, kind);
	return rc == 0 ? settle_levels(act, kind) : rc;
}

int clocks_reopened(const struct act *act)
{
	enum clock_state state = act->c->clocks[CLOCK_RESOLUTION].state;
	int rc = 0;

	if (state == CLOCK_MET || state == CLOCK_LATE || state == CLOCK_VOID)
		rc = clock_reopen(act, CLOCK_RESOLUTION, CAUSE_REOPEN);
	if (rc == 0 && act->c->ticket.first_reply_at != 0)
		rc = clock_start(act, CLOCK_UPDATE, CAUSE_REOPEN);
	return rc == 0 ? clock_hold(act, CAUSE_REOPEN) : rc;
}

int clock_reaim(const struct act *act, enum clock_kind kind, enum event_cause cause)
{
	const struct sla_clock *clock = &act->c->clocks[kind];
	struct sla_clock aimed = *clock;
	struct event e;
	int rc = sla_aim(act->c, kind, clock->started_at, act->at, &aimed);

	if (rc < 0)
		return act_fail(act, rc);
	if (rc == 0)
		return clock_void(act, kind, cause);
	if (cause != CAUSE_CALENDAR && cause != CAUSE_CONTRACT &&
	        aimed.target_us == clock->target_us && aimed.wall == clock->wall &&
	        aimed.calendar_id == clock->calendar_id)
		return 0;
	rc = ladder_stop(act, kind); /* another version may ask for it */
	if (rc != 0)
		return rc;
	rc = clock_event(act, EVENT_CLOCK_RETARGETED, kind, cause, &e);
	if (rc != 0)
		return rc;
	e.target_us = aimed.target_us;
	e.old_due_at = clock->due_at;
	if (e.consumed_us >= aimed.target_us && clock->due_at != 0 &&
	        clock->due_at <= act->at && aimed.target_us == clock->target_us)
		rc = 0; /* reached under this very target: stays */
	else
		rc = sla_due(act->c, &aimed, e.consumed_us, act->at, &e.due_at);
	if (rc != 0)
		return act_fail(act, rc);
	if (clock->state == CLOCK_PAUSED && e.due_at > act->at)
		e.due_at = 0; /* not known until it runs */
	rc = act_emit(act, &e);
	if (rc == 0)
		rc = breach_if_exceeded(act, kind);
	return rc == 0 ? settle_levels(act, kind) : rc;
}

/*
 * A promise that the change brings into being: a clock that never ran starts now, one that a
 * change without a target had silenced runs on with what it had consumed.
 */
static int clock_appear(const struct act *act, enum clock_kind kind, enum event_cause cause)
{
	const struct ticket *t = &act->c->ticket;
	const struct sla_clock *clock = &act->c->clocks[kind];
	bool wanted = kind == CLOCK_RESOLUTION ||
	              (kind == CLOCK_RESPONSE) == (t->first_reply_at == 0);

	if (kind == CLOCK_OPERATIONAL) /* the team that has it is bound from here on */
		return clock_hold(act, cause);
	if (kind == CLOCK_SUPPLIER) /* clocks_follow_state() looks whether he is waited for */
		return 0;
	if (!wanted || t->state >= TICKET_RESOLVED || sla_target(act->c, kind, act->at) == NULL)
		return 0;
	if (clock->state == CLOCK_VOID && kind == CLOCK_RESOLUTION)
		return clock_reopen(act, kind, cause);
	if (clock->state == CLOCK_VOID && kind == CLOCK_RESPONSE) /* it does not restart */
		return 0;
	return clock_start(act, kind, cause);
}

int clocks_retarget(const struct act *act, enum event_cause cause)
{
	int rc = 0;

	for (int kind = CLOCK_RESPONSE; rc == 0 && kind < CLOCK_KIND_COUNT; kind++) {
		const struct sla_clock *clock = &act->c->clocks[kind];

		if (clock_is_open(clock))
			rc = clock_reaim(act, (enum clock_kind)kind, cause);
		else if (clock->state == CLOCK_NONE || clock->state == CLOCK_VOID ||
		         kind == CLOCK_OPERATIONAL) /* met or late: the team's before */
			rc = clock_appear(act, (enum clock_kind)kind, cause);
	}
	return rc == 0 ? clocks_follow_state(act) : rc;
}
