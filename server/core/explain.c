/* Replays a clock's own events into intervals over the calendar. */
#include "core/explain.h"

#include <string.h>

#include "core/sla.h"

/* A stretch between two events of the clock. */
struct stretch {
	bool running;
	struct explain_interval like; /* what it is while not running */
	int64_t from;
};

struct walk {
	const struct change *c;
	const struct sla_clock *clock;
	struct arena *arena;
	struct explanation *out;
	size_t cap;
	int32_t contract_id; /* in force where the walk is */
	int32_t site_id;     /* of the ticket there */
	int32_t calendar_id; /* by which the clock runs there */
};

static int add(struct walk *w, const struct explain_interval *interval)
{
	struct explanation *x = w->out;

	if (interval->from >= interval->to)
		return 0;
	if (x->count == w->cap) {
		size_t cap = w->cap == 0 ? 16 : w->cap * 2;
		struct explain_interval *grown = arena_calloc(w->arena, cap, sizeof *grown);

		if (grown == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		if (x->count > 0)
			memcpy(grown, x->intervals, x->count * sizeof *grown);
		x->intervals = grown;
		w->cap = cap;
	}
	x->intervals[x->count++] = *interval;
	return 0;
}

static int add_counted(struct walk *w, int64_t from, int64_t to)
{
	struct explain_interval interval = {.kind = INTERVAL_COUNTED,
	        .from = from,
	        .to = to,
	        .calendar_id = w->calendar_id};

	w->out->consumed_us += to - from;
	interval.consumed_us = w->out->consumed_us;
	return add(w, &interval);
}

/* One interval of a calendar, in as many as it has days of different names. */
static int add_piece(struct walk *w, const struct calendar_history *history,
        enum interval_kind kind, const struct calendar_interval *piece)
{
	struct explain_interval interval = {.kind = kind, .calendar_id = w->calendar_id};
	int rc = 0;

	for (int64_t from = piece->from; rc == 0 && from < piece->to; from = interval.to) {
		struct calendar_mark mark;

		rc = history_mark(history, piece->kind, from, piece->to, &mark);
		if (rc != 0)
			break;
		interval.from = from;
		interval.to = mark.until;
		interval.mark = mark.kind;
		interval.date = mark.date;
		interval.name = mark.name;
		if (kind == INTERVAL_COUNTED)
			w->out->consumed_us += mark.until - from;
		interval.consumed_us = w->out->consumed_us;
		rc = add(w, &interval);
	}
	return rc;
}

/* Running time, cut by the calendar's editions in force: open, closed, holiday. */
static int add_running(struct walk *w, int64_t from, int64_t to, bool wall)
{
	static const enum interval_kind KINDS[] = {
	        [CALENDAR_OPEN] = INTERVAL_COUNTED,
	        [CALENDAR_CLOSED] = INTERVAL_CLOSED,
	        [CALENDAR_HOLIDAY] = INTERVAL_HOLIDAY,
	};
	struct calendar_history history = sla_history(w->c->ref, w->calendar_id, to);
	struct calendar_iter iter;
	struct calendar_interval piece;
	int rc;

	if (wall)
		return from < to ? add_counted(w, from, to) : 0;
	calendar_iter_start(&iter, &history, from, to);
	while ((rc = calendar_iter_next(&iter, &piece)) == 1) {
		rc = add_piece(w, &history, KINDS[piece.kind], &piece);
		if (rc != 0)
			return rc;
	}
	return rc;
}

/*
 * Whether a stretch that ended with `consumed` behind it ran in wall time. The clock only says
 * what it does now; a change may have turned the one into the other.
 */
static bool ran_by_wall(const struct walk *w, int64_t from, int64_t to, int64_t consumed)
{
	if (consumed < 0)
		return w->clock->wall;
	return consumed - w->out->consumed_us == to - from;
}

/* `consumed`: what the event at the end of the stretch says, -1 for the present. */
static int add_stretch(
        struct walk *w, const struct stretch *stretch, int64_t to, int64_t consumed)
{
	struct explain_interval interval = stretch->like;

	if (stretch->running)
		return add_running(
		        w, stretch->from, to, ran_by_wall(w, stretch->from, to, consumed));
	interval.from = stretch->from;
	interval.to = to;
	interval.consumed_us = w->out->consumed_us;
	return add(w, &interval);
}

/* Another contract or site brings its calendar where the clock is aimed under it. */
static void follow_ticket(struct walk *w, const struct event *e, bool aims)
{
	const struct ref_contract *contract;

	if (e->contract_id >= 0)
		w->contract_id = e->contract_id;
	if (e->site_id >= 0)
		w->site_id = e->site_id;
	contract = reference_contract(w->c->ref, w->contract_id);
	if (aims && contract != NULL)
		w->calendar_id =
		        reference_calendar_at(w->c->ref, contract, w->site_id, e->occurred_at);
}

bool explain_silent(const struct explain_interval *interval)
{
	return interval->kind == INTERVAL_RESOLVED &&
	       (interval->cause == CAUSE_RETARGET || interval->cause == CAUSE_CONTRACT ||
	               interval->cause == CAUSE_CALENDAR || interval->cause == CAUSE_WITHDRAWN);
}

static bool event_aims(const struct event *e)
{
	return e->kind == EVENT_CLOCK_STARTED ||
	       ((e->kind == EVENT_CLOCK_RESUMED || e->kind == EVENT_CLOCK_RETARGETED) &&
	               e->target_us >= 0);
}

/* What the clock does from this event on; false where the event does not change that. */
static bool stretch_begins(
        const struct event *e, const struct stretch *current, struct stretch *next)
{
	struct explain_interval like = {.kind = INTERVAL_RESOLVED,
	        .actor_id = e->actor_id,
	        .side = e->side,
	        .cause = e->kind == EVENT_CLOCK_VOIDED ? e->cause : CAUSE_NONE};

	switch (e->kind) {
	case EVENT_CLOCK_RETARGETED:
		*next = *current;
		next->from = e->occurred_at;
		return true;
	case EVENT_CLOCK_STARTED:
	case EVENT_CLOCK_RESUMED:
		*next = (struct stretch){.running = true, .from = e->occurred_at};
		return true;
	case EVENT_CLOCK_PAUSED:
		like.kind = INTERVAL_PAUSED;
		if (e->pending_reason > 0)
			like.pause = (enum pending_reason)e->pending_reason;
		*next = (struct stretch){.like = like, .from = e->occurred_at};
		return true;
	case EVENT_CLOCK_STOPPED:
	case EVENT_CLOCK_VOIDED:
		*next = (struct stretch){.like = like, .from = e->occurred_at};
		return true;
	default:
		return false;
	}
}

/*
 * Where a change found the target already exceeded, due is the instant of that change; where it
 * found it reached, due stays, though the clock may count otherwise since. The intervals cannot
 * tell either.
 */
static void note_forced_due(const struct event *e, int64_t *forced)
{
	if (e->kind != EVENT_CLOCK_RETARGETED && e->kind != EVENT_CLOCK_RESUMED)
		return;
	if (e->due_at == e->occurred_at || (e->kind == EVENT_CLOCK_RETARGETED &&
	                                           e->due_at > 0 && e->due_at < e->occurred_at))
		*forced = e->due_at;
	else if (e->due_at == 0 || e->due_at > e->occurred_at)
		*forced = 0;
}

/* The instant at which the counted intervals add up to the target. */
static int add_up_due(const struct walk *w, int64_t forced, struct explanation *x)
{
	const struct sla_clock *clock = w->clock;

	x->due_at = forced;
	for (size_t i = 0; x->due_at == 0 && i < x->count; i++) {
		const struct explain_interval *interval = &x->intervals[i];

		if (interval->kind == INTERVAL_COUNTED && interval->consumed_us >= x->target_us)
			x->due_at = interval->to - (interval->consumed_us - x->target_us);
	}
	/* The place of a target in business days may be an opening. */
	if (clock->target_bd != 0 && x->consumed_us >= x->target_us && forced == 0)
		x->due_at = clock->due_at;
	/* Stopped before it was due: what would have been, had it gone on. */
	if (x->due_at == 0 && (clock->state == CLOCK_RUNNING ||
	                              (!clock_is_open(clock) && clock->due_at != 0)))
		return sla_due(w->c, clock, x->consumed_us, x->until, &x->due_at);
	return 0;
}

static bool is_last_round(const struct event *events, size_t count, size_t at)
{
	for (size_t i = at + 1; i < count; i++) {
		if (events[i].kind == EVENT_CLOCK_STARTED &&
		        events[i].clock == events[at].clock)
			return false;
	}
	return true;
}

int explain_clock(const struct change *c, enum clock_kind kind, const struct event *events,
        size_t event_count, int64_t now, struct arena *arena, struct explanation *out)
{
	const struct sla_clock *clock = &c->clocks[kind];
	struct explanation x = {.clock = kind, .from = clock->started_at};
	struct walk w = {.c = c,
	        .clock = clock,
	        .arena = arena,
	        .out = &x,
	        .calendar_id = clock->calendar_id};
	struct stretch stretch = {0};
	int64_t forced = 0;
	bool begun = false;
	int rc = 0;

	if (clock->state == CLOCK_NONE)
		return -OTK_NOT_FOUND;
	x.until = clock_is_open(clock) ? now : clock->stopped_at;
	x.target_us = clock->target_us;
	for (size_t i = 0; rc == 0 && i < event_count; i++) {
		const struct event *e = &events[i];
		struct stretch next;

		if (e->clock != (int16_t)kind || e->occurred_at > x.until) {
			follow_ticket(&w, e, false);
			continue;
		}
		note_forced_due(e, &forced);
		if (!stretch_begins(e, &stretch, &next))
			continue;
		if (!begun && (e->kind != EVENT_CLOCK_STARTED ||
		                      !is_last_round(events, event_count, i)))
			continue;
		if (begun)
			rc = add_stretch(&w, &stretch, e->occurred_at, e->consumed_us);
		else
			forced = 0;
		follow_ticket(&w, e, event_aims(e));
		begun = true;
		stretch = next;
	}
	if (rc == 0 && begun)
		rc = add_stretch(&w, &stretch, x.until, -1);
	if (rc == 0)
		rc = add_up_due(&w, forced, &x);
	if (rc == 0)
		*out = x;
	return rc;
}
