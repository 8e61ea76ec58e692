/*
 * What time alone does to a ticket. Everything owed is done in order of its instant, and is
 * journalled as of that instant, so that the outcome never depends on when somebody looked.
 */
#include "core/lifecycle.h"

#include "core/clocks.h"
#include "core/lifecycle_steps.h"
#include "core/promise_steps.h"
#include "core/sla.h"

/* Far beyond what a ticket can owe: a fault in the rules must not hang the process. */
enum { STEPS_MAX = 10000 };

/* In the order in which things owed at one instant are done: events, breaches, levels. */
enum owed_kind {
	OWED_NOTHING,
	OWED_WITHDRAWAL,
	OWED_EDITION,
	OWED_RESUME,
	OWED_CLOSE,
	OWED_RECHECK,
	OWED_PROMISE_WARNING,
	OWED_PROMISE,
	OWED_BREACH,
	OWED_LEVEL,
};

struct owed {
	enum owed_kind kind;
	int64_t at;
	enum clock_kind clock;
	int level;
	int64_t threshold; /* of the level: at one instant the lower one fires first */
};

static bool is_before(const struct owed *a, const struct owed *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	if (a->clock != b->clock)
		return a->clock < b->clock;
	return a->threshold < b->threshold;
}

static void offer(struct owed *first, struct owed candidate)
{
	if (candidate.at != 0 && (first->kind == OWED_NOTHING || is_before(&candidate, first)))
		*first = candidate;
}

static void offer_levels(const struct change *c, enum clock_kind kind, struct owed *first)
{
	const struct sla_clock *clock = &c->clocks[kind];

	for (int i = 0; i < clock->level_count; i++) {
		const struct ref_level *level = sla_level(c, kind, i + 1);

		if (clock->levels[i].state != LEVEL_ARMED || level == NULL)
			continue;
		offer(first, (struct owed){
		                     .kind = OWED_LEVEL,
		                     .at = clock->levels[i].at,
		                     .clock = kind,
		                     .level = i + 1,
		                     .threshold = sla_level_threshold(clock, level),
		             });
	}
}

static int offer_clock(const struct change *c, enum clock_kind kind, struct owed *first)
{
	const struct sla_clock *clock = &c->clocks[kind];
	const struct ref_contract *contract = sla_contract(c);
	struct owed owed = {.kind = OWED_EDITION, .clock = kind};
	int rc;

	if (!clock_is_open(clock))
		return 0;
	rc = sla_edited_at(c, clock, &owed.at);
	if (rc != 0)
		return rc;
	offer(first, owed);
	if (contract != NULL && contract->withdrawn_at != 0) {
		int64_t at = contract->withdrawn_at;

		if (at < clock->anchor_at)
			at = clock->anchor_at;
		offer(first, (struct owed){.kind = OWED_WITHDRAWAL, .at = at});
	}
	if (clock->breached_at == 0)
		offer(first,
		        (struct owed){.kind = OWED_BREACH, .at = clock->due_at, .clock = kind});
	offer_levels(c, kind, first);
	return 0;
}

static int first_owed(const struct change *c, struct owed *first)
{
	const struct ticket *t = &c->ticket;
	int rc = 0;

	*first = (struct owed){.kind = OWED_NOTHING};
	for (int kind = CLOCK_RESPONSE; rc == 0 && kind < CLOCK_KIND_COUNT; kind++)
		rc = offer_clock(c, (enum clock_kind)kind, first);
	if (t->state == TICKET_PENDING)
		offer(first, (struct owed){.kind = OWED_RESUME, .at = t->pending_until});
	offer(first, (struct owed){.kind = OWED_CLOSE, .at = t->auto_close_at});
	offer(first, (struct owed){.kind = OWED_RECHECK, .at = t->recheck_at});
	offer(first, (struct owed){.kind = OWED_PROMISE_WARNING, .at = promise_warning_due(t)});
	offer(first, (struct owed){.kind = OWED_PROMISE, .at = promise_breach_due(t)});
	return rc;
}

static int pay(const struct act *act, const struct owed *owed)
{
	int rc;

	switch (owed->kind) {
	case OWED_WITHDRAWAL:
		return clocks_void(act, CAUSE_WITHDRAWN);
	case OWED_EDITION:
		return clock_reaim(act, owed->clock, CAUSE_CALENDAR);
	case OWED_RESUME:
		rc = step_to(act, TICKET_IN_PROGRESS, CAUSE_UNTIL_REACHED);
		return rc == 0 ? clocks_follow_state(act) : rc;
	case OWED_CLOSE:
		return step_to(act, TICKET_CLOSED, CAUSE_AUTO_CLOSE);
	case OWED_RECHECK:
		return step_reopen(act, CAUSE_STILL_BAD);
	case OWED_PROMISE_WARNING:
		return promise_warn(act);
	case OWED_PROMISE:
		return promise_break(act, CAUSE_NONE);
	case OWED_BREACH:
		return clock_breach(act, owed->clock, CAUSE_NONE);
	case OWED_LEVEL:
		return clock_fire(act, owed->clock, owed->level);
	case OWED_NOTHING:
		break;
	}
	return 0;
}

/*
 * Commands come before what time does at the same instant, but after the edits that made the
 * reference data they are decided under.
 */
static bool is_owed(const struct owed *owed, int64_t now)
{
	if (owed->kind == OWED_NOTHING)
		return false;
	return owed->at < now || (owed->at == now && owed->kind <= OWED_EDITION);
}

int tick(struct act *act)
{
	struct owed owed;

	for (int step = 0; step < STEPS_MAX; step++) {
		int rc = first_owed(act->c, &owed);

		if (rc != 0)
			return act_fail(act, rc);
		if (!is_owed(&owed, act->until != 0 ? act->until : act->now))
			return 0;
		act->at = owed.at;
		rc = pay(act, &owed);
		if (rc != 0)
			return rc;
	}
	return act_fail(act, -OTK_INTERNAL);
}

int lifecycle_tick(struct change *c, int64_t now, struct otk_error *err)
{
	struct act act = {.c = c, .now = now, .err = err};

	return tick(&act);
}
