/* Lives a ticket again: events as they were told, clocks as a contract would have made them. */
#include "core/simulate.h"

#include <string.h>

#include "core/clocks.h"
#include "core/lifecycle.h"
#include "core/lifecycle_steps.h"
#include "core/priority.h"
#include "core/projection.h"
#include "core/sla.h"

/* One clock while it is followed. */
struct track {
	bool followed;
	struct simulated_outcome outcome;
	size_t stretch_cap;
	int64_t seen_us; /* consumed that stretches tell of already */
};

struct replay {
	struct change c;
	struct arena *arena;
	struct simulated *out;
	size_t outcome_cap;
	size_t scanned; /* of c.events */
	int64_t seen_at;
	struct track tracks[CLOCK_KIND_COUNT];
	int16_t told_priority; /* what the journal says, whatever the contract makes of it */
	int32_t told_contract;
	bool follows; /* lives under what it was under: other versions come as they came */
	struct otk_error *err;
};

/* Room for one more of an array in the arena. */
static void *grown(struct arena *arena, void *old, size_t count, size_t *cap, size_t size)
{
	size_t wanted = *cap == 0 ? 4 : *cap * 2;
	void *fresh;

	if (count < *cap)
		return old;
	fresh = arena_calloc(arena, wanted, size);
	if (fresh == NULL)
		return NULL;
	if (count > 0)
		memcpy(fresh, old, count * size);
	*cap = wanted;
	return fresh;
}

static int out_of_memory(const struct replay *r)
{
	return error_set(r->err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
	        "the journal of a ticket does not fit into memory");
}

/* --- following the clocks ----------------------------------------------------------------- */

/* Where the clock stands, as far as the outcome tells. */
static void outcome_takes(struct simulated_outcome *o, const struct change *c)
{
	const struct sla_clock *clock = &c->clocks[o->clock];
	const struct ticket *t = &c->ticket;

	o->state = clock->state;
	o->due_at = clock->due_at;
	o->breached_at = clock->breached_at;
	o->target_us = clock->target_us;
	o->wall = clock->wall;
	o->calendar_id = clock->calendar_id;
	o->type = t->type;
	o->priority = t->priority;
	o->service_id = t->service_id;
	o->site_id = t->site_id;
	o->team_id = t->team_id;
}

/* A team that passed the ticket on, a supplier no longer waited for, at the instant of the
 * start: nobody held anything. Levels act in the midst of a change, but are told after it. */
static bool is_nothing(const struct simulated_outcome *o)
{
	return o->clock > CLOCK_RESOLUTION && o->ended_at == o->started_at &&
	       o->breached_at == 0;
}

static int flush(struct replay *r, struct track *track)
{
	struct simulated *out = r->out;

	if (track->followed && is_nothing(&track->outcome))
		*track = (struct track){0};
	if (!track->followed)
		return 0;
	out->outcomes = grown(
	        r->arena, out->outcomes, out->count, &r->outcome_cap, sizeof *out->outcomes);
	if (out->outcomes == NULL)
		return out_of_memory(r);
	out->outcomes[out->count++] = track->outcome;
	*track = (struct track){0};
	return 0;
}

static int track_event(struct replay *r, const struct event *e)
{
	struct track *track;
	int rc = 0;

	if (e->clock < 1 || e->clock >= CLOCK_KIND_COUNT)
		return 0;
	track = &r->tracks[e->clock];
	switch (e->kind) {
	case EVENT_CLOCK_STARTED:
		rc = flush(r, track);
		track->followed = true;
		track->outcome.clock = (enum clock_kind)e->clock;
		track->outcome.started_at = e->occurred_at;
		break;
	case EVENT_CLOCK_STOPPED:
	case EVENT_CLOCK_VOIDED:
		track->outcome.ended_at = e->occurred_at;
		/* A round that another follows in the same step is not there any more. */
		track->outcome.state = e->kind == EVENT_CLOCK_VOIDED
		                               ? CLOCK_VOID
		                               : (enum clock_state)e->clock_state;
		track->outcome.consumed_us = e->consumed_us;
		break;
	case EVENT_CLOCK_RESUMED:
		track->outcome.ended_at = 0;
		break;
	case EVENT_CLOCK_BREACHED:
		track->outcome.breached_at = e->occurred_at;
		break;
	default:
		break;
	}
	return rc;
}

/* What the rules did since the last look. */
static int track_all(struct replay *r)
{
	const struct change *c = &r->c;
	int rc = 0;

	for (; rc == 0 && r->scanned < c->event_count; r->scanned++)
		rc = track_event(r, &c->events[r->scanned]);
	for (int kind = 1; rc == 0 && kind < CLOCK_KIND_COUNT; kind++) {
		struct track *track = &r->tracks[kind];

		if (!track->followed)
			continue;
		if (clock_is_open(&c->clocks[kind]))
			outcome_takes(&track->outcome, c);
		if (c->clocks[kind].anchor_at == r->seen_at)
			track->seen_us = c->clocks[kind].consumed_us;
	}
	return rc;
}

/* What a paused clock would have counted since the ticket last changed. */
static int measure_pause(
        const struct replay *r, const struct sla_clock *clock, int64_t at, int64_t *paused_us)
{
	struct sla_clock running = *clock;
	int64_t passed;
	int rc;

	running.state = CLOCK_RUNNING;
	running.consumed_us = 0;
	running.anchor_at = r->seen_at > clock->anchor_at ? r->seen_at : clock->anchor_at;
	rc = sla_consumed(&r->c, &running, at, &passed);
	if (rc == 0)
		*paused_us += passed;
	return rc;
}

/* What each running clock counted since the ticket last changed. An undone merge is told as of
 * the instant of the merge: nothing was counted since. */
static int measure(struct replay *r, int64_t at)
{
	const struct ticket *t = &r->c.ticket;

	if (at <= r->seen_at)
		return 0;
	for (int kind = 1; kind < CLOCK_KIND_COUNT; kind++) {
		const struct sla_clock *clock = &r->c.clocks[kind];
		struct track *track = &r->tracks[kind];
		struct simulated_outcome *o = &track->outcome;
		int64_t consumed;
		int rc;

		if (track->followed && clock->state == CLOCK_PAUSED) {
			rc = measure_pause(r, clock, at, &o->paused_us);
			if (rc != 0)
				return rc;
		}
		if (!track->followed || clock->state != CLOCK_RUNNING)
			continue;
		rc = sla_consumed(&r->c, clock, at, &consumed);
		if (rc != 0)
			return rc;
		if (consumed <= track->seen_us)
			continue;
		o->stretches = grown(r->arena, o->stretches, o->stretch_count,
		        &track->stretch_cap, sizeof *o->stretches);
		if (o->stretches == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		o->stretches[o->stretch_count++] = (struct simulated_stretch){
		        .from = r->seen_at > o->started_at ? r->seen_at : o->started_at,
		        .to = at,
		        .counted_us = consumed - track->seen_us,
		        .state = t->state,
		        .reason = t->pending_reason,
		        .team_id = t->team_id,
		        .site_id = t->site_id,
		};
		track->seen_us = consumed;
	}
	r->seen_at = at;
	return 0;
}

/* --- events as this contract would have had them ------------------------------------------ */

/*
 * A priority that the contract of then made of impact and urgency is made by this one anew;
 * what somebody decided otherwise stays decided.
 */
static void priority_anew(struct replay *r, struct event *e)
{
	const struct ticket *t = &r->c.ticket;
	int16_t impact = e->impact > 0 ? e->impact : t->impact;
	int16_t urgency = e->urgency > 0 ? e->urgency : t->urgency;
	const struct ref_contract *then = reference_contract(r->c.ref, r->told_contract);
	const struct ref_contract *now = sla_contract(&r->c);

	if (e->priority > 0)
		r->told_priority = e->priority;
	if (e->priority <= 0 && e->impact <= 0 && e->urgency <= 0)
		return;
	if (impact < 1 || impact > SCALE_MAX || urgency < 1 || urgency > SCALE_MAX)
		return;
	if (e->cause != CAUSE_OVERRIDE &&
	        r->told_priority == priority_of(then, impact, urgency))
		e->priority = priority_of(now, impact, urgency);
}

/* Emits the told event; time's own settings (auto-close, promises and the like) are the
 * journal's. */
static int tell(const struct act *act, const struct event *told)
{
	struct ticket *t = &act->c->ticket;
	int rc = act_emit(act, told);

	t->pending_until = 0;
	t->auto_close_at = 0;
	t->recheck_at = 0;
	t->promise_at = 0;
	t->promise_warn_at = 0;
	return rc;
}

static int created(
        struct replay *r, const struct act *act, struct event *e, int32_t contract_id)
{
	int rc;

	r->out->created_at = e->occurred_at;
	r->out->observed = e->cause == CAUSE_IMPORT;
	r->told_contract = e->contract_id > 0 ? e->contract_id : 0;
	r->follows = r->told_contract == contract_id;
	r->c.ticket.contract_id = contract_id; /* whose matrix it is */
	priority_anew(r, e);
	e->contract_id = contract_id;
	if (r->out->observed)
		e->cause = CAUSE_NONE;
	rc = tell(act, e);
	if (e->cause == CAUSE_BACKLOG) /* a record: over before anybody heard of it */
		return rc;
	if (rc == 0 && !r->out->observed)
		rc = clock_start(act, CLOCK_RESPONSE, CAUSE_NONE);
	if (rc == 0)
		rc = clock_start(act, CLOCK_RESOLUTION, CAUSE_NONE);
	if (rc == 0)
		rc = clock_hold(act, CAUSE_NONE);
	return rc == 0 && e->cause == CAUSE_LIVE_CONTACT ? clocks_answered(act, true) : rc;
}

static bool is_done(enum ticket_state state)
{
	return state == TICKET_RESOLVED || state == TICKET_CLOSED;
}

static int state_changed(const struct act *act, struct event *e)
{
	enum ticket_state from = act->c->ticket.state;
	enum ticket_state to = (enum ticket_state)e->state;
	int rc = tell(act, e);

	/* A merge that stays takes the ticket out; one that is undone never stopped a clock. */
	if (rc != 0 || (to == TICKET_CANCELLED && e->cause == CAUSE_MERGED))
		return rc;
	if (to == TICKET_CANCELLED)
		return clocks_void(act, CAUSE_CANCEL);
	if (is_done(to) && e->cause == CAUSE_SELF_RECOVERED)
		return clocks_void(act, CAUSE_SELF_RECOVERED);
	if (is_done(to))
		return is_done(from) ? 0 : clocks_resolved(act);
	if (is_done(from)) {
		rc = clocks_reopened(act);
		if (rc != 0)
			return rc;
	}
	return clocks_follow_state(act);
}

/* The words of a resolve or cancel are no promise of more to come: its change of state is what
 * comes next, but for clocks. Words of their own at that very instant are. */
static bool goes_on(const struct event *events, size_t count, size_t at)
{
	const struct event *e = &events[at];
	size_t next = at + 1;

	while (next < count && events[next].kind >= EVENT_CLOCK_STARTED &&
	        events[next].kind <= EVENT_LEVEL_SKIPPED)
		next++;
	return next == count || events[next].kind != EVENT_STATE_CHANGED ||
	       events[next].occurred_at != e->occurred_at ||
	       events[next].actor_id != e->actor_id || events[next].state < TICKET_RESOLVED;
}

/* A question of the customer. Where it ends a wait for his answer, that is told next. */
static int asked(const struct replay *r, const struct act *act)
{
	const struct ticket *t = &r->c.ticket;
	int rc = 0;

	if (r->out->observed || t->state >= TICKET_RESOLVED ||
	        clock_is_open(&r->c.clocks[CLOCK_UPDATE]))
		return 0;
	rc = clock_start(act, CLOCK_UPDATE, CAUSE_ASKED);
	return rc == 0 && t->pending_reason != PENDING_CUSTOMER ? clocks_follow_state(act) : rc;
}

/* Forgiven is the breach that the clock has at that instant; under another contract it may have
 * none. */
static void waived(struct replay *r, const struct event *e)
{
	struct track *track;

	if (e->clock < 1 || e->clock >= CLOCK_KIND_COUNT)
		return;
	track = &r->tracks[e->clock];
	if (track->followed && track->outcome.breached_at != 0)
		track->outcome.waived = true;
}

static int replay_event(struct replay *r, const struct event *events, size_t count, size_t i,
        int32_t contract_id)
{
	struct event e = events[i];
	struct act act = {.c = &r->c,
	        .actor = {.principal_id = e.actor_id, .side = e.side},
	        .at = e.occurred_at,
	        .now = e.occurred_at,
	        .err = r->err};

	e.recorded_at = e.occurred_at;
	switch (e.kind) {
	case EVENT_CREATED:
		return created(r, &act, &e, contract_id);
	case EVENT_STATE_CHANGED:
		return state_changed(&act, &e);
	case EVENT_REPLIED:
		if (tell(&act, &e) != 0)
			return -(int)r->err->code;
		return e.side == SIDE_PROVIDER && e.is_public
		               ? clocks_answered(&act, goes_on(events, count, i))
		               : 0;
	case EVENT_PROMISED: /* the customer learns of the date by it */
		return tell(&act, &e) != 0 ? -(int)r->err->code : clocks_answered(&act, true);
	case EVENT_CLASSIFIED:
		priority_anew(r, &e);
		if (tell(&act, &e) != 0)
			return -(int)r->err->code;
		return clocks_retarget(&act, CAUSE_RETARGET);
	case EVENT_CONTRACT_APPLIED:
		if (!r->follows || e.cause != CAUSE_CONTRACT)
			return 0;
		r->told_contract = e.contract_id > 0 ? e.contract_id : 0;
		if (tell(&act, &e) != 0)
			return -(int)r->err->code;
		return clocks_retarget(&act, CAUSE_CONTRACT);
	case EVENT_ASKED: /* how does it stand? News are owed from here on */
		if (tell(&act, &e) != 0)
			return -(int)r->err->code;
		return asked(r, &act);
	case EVENT_CLOCK_WAIVED:
		waived(r, &e);
		return 0;
	case EVENT_ASSIGNED:
	case EVENT_NOTED:
	case EVENT_ACKNOWLEDGED:
	case EVENT_CHECK_REPORTED:
		return tell(&act, &e);
	default:
		return 0; /* clocks and levels are made anew */
	}
}

/* --- the whole life ----------------------------------------------------------------------- */

/* What time owes until then, and what was counted; `through`: also what it owes at that very
 * instant, which comes before what levels do there. */
static int pass_time(struct replay *r, int64_t at, bool through)
{
	struct act act = {.c = &r->c, .at = at, .now = at, .err = r->err};
	int rc;

	act.until = through ? at + 1 : at;
	rc = tick(&act);

	if (rc != 0)
		return rc;
	for (; rc == 0 && r->scanned < r->c.event_count; r->scanned++)
		rc = track_event(r, &r->c.events[r->scanned]);
	if (rc != 0)
		return rc;
	rc = measure(r, at);
	return rc == 0 ? 0 : act_fail(&act, rc);
}

static int finish(struct replay *r, int64_t until)
{
	int rc = r->seen_at < until ? pass_time(r, until, false) : 0;

	for (int kind = 1; rc == 0 && kind < CLOCK_KIND_COUNT; kind++) {
		struct track *track = &r->tracks[kind];

		if (track->followed && clock_is_open(&r->c.clocks[kind])) {
			outcome_takes(&track->outcome, &r->c);
			track->outcome.consumed_us = track->seen_us;
		}
		rc = flush(r, track);
	}
	r->out->cancelled = r->c.ticket.state == TICKET_CANCELLED;
	r->out->self_recovered = r->c.ticket.self_recovered;
	return rc;
}

int simulate_ticket(const struct reference *ref, int32_t contract_id,
        const struct event *events, size_t count, int64_t until, struct arena *arena,
        struct simulated *out, struct otk_error *err)
{
	struct replay r = {.arena = arena, .out = out, .err = err};
	int rc = 0;

	*out = (struct simulated){0};
	if (count == 0 || events[0].kind != EVENT_CREATED)
		return error_set(err, OTK_DATA_LOSS, "JOURNAL_DAMAGED",
		        "a journal does not begin with the creation of its ticket");
	change_init(&r.c, arena, ref);
	for (size_t i = 0; rc == 0 && i < count && events[i].occurred_at < until; i++) {
		if (i > 0)
			rc = pass_time(
			        &r, events[i].occurred_at, events[i].cause == CAUSE_ESCALATED);
		else
			r.seen_at = events[i].occurred_at;
		if (rc == 0)
			rc = replay_event(&r, events, count, i, contract_id);
		if (rc == 0)
			rc = track_all(&r);
	}
	return rc == 0 ? finish(&r, until) : rc;
}
