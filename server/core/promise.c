/* Promises: which way a date went and whether that offends, and when its owner is warned. */
#include "core/promise.h"

#include "core/sla.h"

#define DAY_US (INT64_C(86400) * 1000000)

int64_t promise_notice_us(int64_t span_us, int64_t cadence_us)
{
	int64_t fifth = span_us / 5;

	return cadence_us > fifth ? cadence_us : fifth;
}

/* A withdrawal takes the date away altogether: that is as late as it gets. */
static bool is_later(const struct promise_move *move)
{
	return move->new_at == 0 || move->new_at > move->old_at;
}

static bool offends(const struct promise_move *move)
{
	int64_t notice = promise_notice_us(move->old_at - move->given_at, move->cadence_us);

	if (move->now > move->old_at) /* broken: nothing makes that right */
		return true;
	return !move->asked && is_later(move) && move->old_at - move->now < notice;
}

int16_t promise_flags(const struct promise_move *move)
{
	int flags = move->first ? PROMISE_FIRST : 0;

	if (move->old_at == 0)
		return (int16_t)flags;
	if (move->new_at > move->old_at)
		flags |= PROMISE_LATER;
	else if (move->new_at != 0)
		flags |= PROMISE_EARLIER;
	if (move->now > move->old_at)
		flags |= PROMISE_AFTER_DATE;
	if (offends(move))
		flags |= PROMISE_OFFENSIVE;
	return (int16_t)flags;
}

int64_t promise_warn_at(int64_t given_at, int64_t at, int64_t cadence_us)
{
	int64_t span = at - given_at;
	int64_t notice = promise_notice_us(span, cadence_us);
	int64_t lead = notice + notice / 2;

	return at - (lead < span / 2 ? lead : span / 2);
}

int64_t promise_cadence(const struct change *c, int64_t at)
{
	const struct ref_target *target = sla_target(c, CLOCK_UPDATE, at);

	if (target == NULL)
		return 0;
	return target->target_bd != 0 ? target->target_bd * DAY_US : target->target_us;
}

static bool is_done(const struct ticket *t)
{
	return t->state == TICKET_RESOLVED || t->state == TICKET_CLOSED;
}

bool promise_is_open(const struct ticket *t)
{
	return t->promise_at != 0 && !is_done(t) && t->state != TICKET_CANCELLED;
}

enum promise_state promise_state_of(const struct ticket *t, int64_t now)
{
	if (t->promise_first_at == 0)
		return PROMISE_NONE;
	if (t->promise_at == 0)
		return PROMISE_WITHDRAWN;
	if (t->promise_broken)
		return PROMISE_BROKEN;
	if (t->state == TICKET_CANCELLED)
		return PROMISE_VOID;
	if (is_done(t))
		return t->resolved_at > t->promise_at ? PROMISE_BROKEN : PROMISE_KEPT;
	return now > t->promise_at ? PROMISE_BROKEN : PROMISE_OPEN;
}

const char *promise_state_name(enum promise_state state)
{
	static const char *const NAMES[] = {
	        "none", "open", "kept", "broken", "void", "withdrawn"};

	return (size_t)state < sizeof NAMES / sizeof *NAMES ? NAMES[state] : "unknown";
}
