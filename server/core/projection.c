/* What each kind of event does to the ticket and its clocks. */
#include "core/projection.h"

#include <string.h>

#include "core/sla.h"

static void created(struct ticket *t, const struct event *e)
{
	t->created_at = e->occurred_at;
	t->state = TICKET_NEW;
	t->zone = e->zone;
	t->machine_filed = e->cause == CAUSE_CHECK || e->cause == CAUSE_BACKLOG;
	t->check_bad = e->cause == CAUSE_CHECK;
	t->observed = e->cause == CAUSE_IMPORT;
	t->no_sla = true; /* until a clock starts */
	if (e->cause == CAUSE_LIVE_CONTACT) {
		t->acknowledged_at = e->occurred_at;
		t->first_reply_at = e->occurred_at;
	}
}

/* Numbers that an event may set, whatever its kind. */
static void attributes(struct ticket *t, const struct event *e)
{
	if (e->type >= 0)
		t->type = (enum ticket_type)e->type;
	if (e->impact >= 0)
		t->impact = e->impact;
	if (e->urgency >= 0)
		t->urgency = e->urgency;
	if (e->priority >= 0) {
		t->priority = e->priority;
		t->priority_overridden =
		        e->cause == CAUSE_OVERRIDE || e->cause == CAUSE_ESCALATED;
	}
	if (e->site_id >= 0)
		t->site_id = e->site_id;
	if (e->service_id >= 0)
		t->service_id = e->service_id;
	if (e->team_id >= 0)
		t->team_id = e->team_id;
	if (e->assignee_id >= 0)
		t->assignee_id = e->assignee_id;
	if (e->requester_id >= 0)
		t->requester_id = e->requester_id;
	if (e->contract_id >= 0)
		t->contract_id = e->contract_id;
	if (e->category != NULL)
		t->category = e->category;
	if (e->subcategory != NULL)
		t->subcategory = e->subcategory;
}

static void resolved(struct ticket *t, const struct event *e)
{
	t->resolved_at = e->occurred_at;
	if (t->first_resolved_at == 0)
		t->first_resolved_at = e->occurred_at;
	t->auto_close_at = e->until_at > 0 ? e->until_at : 0;
	t->recheck_at = t->check_bad ? e->occurred_at + RECHECK_AFTER_US : 0;
	t->self_recovered = e->cause == CAUSE_SELF_RECOVERED || e->cause == CAUSE_BACKLOG;
}

static bool is_done(enum ticket_state state)
{
	return state == TICKET_RESOLVED || state == TICKET_CLOSED;
}

/* A command reopens into in_progress; imported history leaves into any state. */
static void reopened(struct ticket *t, int64_t at)
{
	t->reopen_count++;
	t->resolved_at = 0;
	t->closed_at = 0;
	t->auto_close_at = 0;
	t->recheck_at = 0;
	t->self_recovered = false;
	/* A warning that fell into the time it was resolved is owed now. */
	if (t->promise_warn_at != 0 && t->promise_warn_at < at)
		t->promise_warn_at = at;
}

static void state_changed(struct ticket *t, const struct event *e)
{
	enum ticket_state from = t->state;

	t->state = (enum ticket_state)e->state;
	if (e->cause == CAUSE_MERGED) { /* an undo asks what was before */
		t->merged_state = from;
		t->merged_at = e->occurred_at;
		return;
	}
	t->pending_reason = PENDING_NONE;
	t->pending_until = 0;
	if (is_done(from) && !is_done(t->state))
		reopened(t, e->occurred_at);
	switch (t->state) {
	case TICKET_PENDING:
		t->pending_reason = (enum pending_reason)e->pending_reason;
		t->pending_until = e->until_at > 0 ? e->until_at : 0;
		break;
	case TICKET_RESOLVED:
		if (from != TICKET_CLOSED) /* imported history steps back from closed */
			resolved(t, e);
		break;
	case TICKET_CLOSED:
		if (from != TICKET_RESOLVED && from != TICKET_CLOSED) /* imported: at once */
			resolved(t, e);
		t->closed_at = e->occurred_at;
		t->auto_close_at = 0;
		break;
	default:
		break;
	}
}

static void replied(struct ticket *t, const struct event *e)
{
	if (e->side != SIDE_PROVIDER || !e->is_public)
		return;
	if (t->acknowledged_at == 0)
		t->acknowledged_at = e->occurred_at;
	if (t->first_reply_at == 0)
		t->first_reply_at = e->occurred_at;
}

static void check_reported(struct ticket *t, const struct event *e)
{
	t->check_bad = e->cause != CAUSE_RECOVERY;
	if (!t->check_bad)
		t->recheck_at = 0;
}

/* Each round of the update clock is a new outcome: nothing of the last one is kept. */
static int clock_started(struct change *c, struct sla_clock *clock, const struct event *e)
{
	enum clock_kind kind = clock->kind;
	int rc;

	*clock = (struct sla_clock){.kind = kind};
	clock->started_at = e->occurred_at;
	rc = sla_aim(c, kind, e->occurred_at, e->occurred_at, clock);
	if (rc < 0)
		return rc;
	if (kind <= CLOCK_RESOLUTION) /* what a team may keep is no promise to the customer */
		c->ticket.no_sla = false;
	clock->state = CLOCK_RUNNING;
	clock->level_count = sla_level_count(c, kind);
	return 0;
}

/* Where the clock stands at the instant of the event, as the event says. */
static void clock_stands(struct sla_clock *clock, const struct event *e)
{
	clock->anchor_at = e->occurred_at;
	clock->consumed_us = e->consumed_us;
	clock->due_at = e->due_at;
	if (e->target_us >= 0)
		clock->target_us = e->target_us;
}

/* Another contract version may hang more levels on the clock; where it hangs fewer the others
 * rest: what became of them holds again under a version that has them. */
static void follow_levels(const struct change *c, struct sla_clock *clock)
{
	int count = sla_level_count(c, clock->kind);

	for (int i = clock->level_count; i < count; i++)
		clock->levels[i] = (struct clock_level){.state = LEVEL_ARMED};
	if (clock->level_count < count)
		clock->level_count = count;
}

/* A change of what the clock hangs on: all its levels are placed anew. */
static bool replaces_levels(const struct event *e)
{
	return e->kind == EVENT_CLOCK_RETARGETED || e->cause == CAUSE_REOPEN ||
	       e->cause == CAUSE_RETARGET || e->cause == CAUSE_CONTRACT;
}

static int clock_event(struct change *c, const struct event *e)
{
	struct sla_clock *clock = &c->clocks[e->clock];
	bool rearm = replaces_levels(e);
	int rc = 0;

	switch (e->kind) {
	case EVENT_CLOCK_STARTED:
		rc = clock_started(c, clock, e);
		break;
	case EVENT_CLOCK_PAUSED:
		clock->state = CLOCK_PAUSED;
		clock->stopped_at = 0;
		break;
	case EVENT_CLOCK_RESUMED:
		clock->state = CLOCK_RUNNING;
		clock->stopped_at = 0;
		break;
	default:
		break;
	}
	/* A target in the event is a new one: its kind and calendar are the contract's. */
	if (rc == 0 && e->kind != EVENT_CLOCK_STARTED && e->target_us >= 0)
		rc = sla_aim(c, clock->kind, clock->started_at, e->occurred_at, clock);
	if (rc < 0)
		return rc;
	clock_stands(clock, e);
	if (rearm)
		follow_levels(c, clock);
	return sla_place_levels(c, clock, e->occurred_at, rearm);
}

static void clock_ended(struct change *c, const struct event *e)
{
	struct sla_clock *clock = &c->clocks[e->clock];

	if (e->cause == CAUSE_MERGED)
		c->ticket.merged_clocks |=
		        (int16_t)((clock->state == CLOCK_PAUSED ? 256 : 1) << e->clock);
	clock->anchor_at = e->occurred_at;
	clock->consumed_us = e->consumed_us;
	clock->stopped_at = e->occurred_at;
	clock->state =
	        e->kind == EVENT_CLOCK_VOIDED ? CLOCK_VOID : (enum clock_state)e->clock_state;
}

static void breached(struct sla_clock *clock, const struct event *e)
{
	clock->breached_at = e->occurred_at;
	clock->detected_at = e->recorded_at;
}

static void level_acted(struct sla_clock *clock, const struct event *e)
{
	struct clock_level *level = &clock->levels[e->level - 1];

	level->state = e->kind == EVENT_LEVEL_FIRED ? LEVEL_FIRED : LEVEL_SKIPPED;
	level->at = e->occurred_at;
}

static void waived(struct sla_clock *clock, const struct event *e)
{
	if (clock->waived_at == 0)
		clock->waived_at = e->occurred_at;
}

static void promised(struct ticket *t, const struct event *e)
{
	int64_t date = e->until_at > 0 ? e->until_at : 0;

	if (t->promise_first_at == 0)
		t->promise_first_at = date;
	else
		t->promise_changes++;
	t->promise_at = date;
	t->promise_given_at = e->occurred_at;
	t->promise_broken = false;
	t->promise_warn_at = e->due_at > 0 ? e->due_at : 0;
}

/* Of both tickets only the one that went into the other has a cause. */
static void merged(struct ticket *t, const struct event *e)
{
	if (e->cause == CAUSE_MERGED) {
		t->merged_into = e->related_id;
	} else if (e->cause == CAUSE_UNMERGED) {
		t->merged_into = 0;
		t->merged_at = 0;
		t->merged_state = (enum ticket_state)0;
		t->merged_clocks = 0;
	}
}

static void watcher(struct ticket *t, const struct event *e)
{
	bool add = e->flags == WATCHER_ADDED;
	int at = 0;
	bool there;

	while (at < t->watcher_count && t->watchers[at] < e->person_id)
		at++;
	there = at < t->watcher_count && t->watchers[at] == e->person_id;
	if (there == add || (add && t->watcher_count >= WATCHERS_MAX))
		return;
	if (add) {
		memmove(&t->watchers[at + 1], &t->watchers[at],
		        (size_t)(t->watcher_count - at) * sizeof t->watchers[0]);
		t->watchers[at] = e->person_id;
		t->watcher_count++;
	} else {
		t->watcher_count--;
		memmove(&t->watchers[at], &t->watchers[at + 1],
		        (size_t)(t->watcher_count - at) * sizeof t->watchers[0]);
		t->watchers[t->watcher_count] = 0;
	}
}

/* Kinds come from the database as well: a damaged row must not write outside the arrays. */
static bool event_is_sound(const struct event *e)
{
	if (e->kind == EVENT_STATE_CHANGED)
		return e->state > 0 && e->state < TICKET_STATE_COUNT;
	if (((e->kind >= EVENT_CLOCK_STARTED && e->kind <= EVENT_LEVEL_SKIPPED) ||
	            e->kind == EVENT_CLOCK_WAIVED) &&
	        (e->clock < 1 || e->clock >= CLOCK_KIND_COUNT))
		return false;
	if (e->kind == EVENT_LEVEL_FIRED || e->kind == EVENT_LEVEL_SKIPPED)
		return e->level >= 1 && e->level <= LEVELS_MAX;
	return true;
}

/* Whether a provider's human worked on the ticket, and not only on what surrounds it. */
static bool touches(const struct event *e)
{
	if (e->side != SIDE_PROVIDER ||
	        (e->kind >= EVENT_CLOCK_STARTED && e->kind <= EVENT_LEVEL_SKIPPED))
		return false;
	return e->kind != EVENT_CLOCK_WAIVED && e->kind != EVENT_LINKED &&
	       e->kind != EVENT_WATCHER && e->kind != EVENT_CONTRACT_APPLIED;
}

int projection_apply(struct change *c, const struct event *e)
{
	struct ticket *t = &c->ticket;

	if (!event_is_sound(e))
		return -OTK_DATA_LOSS;
	t->version = e->seq;
	t->updated_at = e->occurred_at;
	if (touches(e))
		t->human_touched = true;
	switch (e->kind) {
	case EVENT_CREATED:
		created(t, e);
		attributes(t, e);
		break;
	case EVENT_STATE_CHANGED:
		state_changed(t, e);
		break;
	case EVENT_ASSIGNED:
		attributes(t, e);
		break;
	case EVENT_CLASSIFIED:
		attributes(t, e);
		if (e->cause == CAUSE_ESCALATED && e->clock > 0 && e->clock < CLOCK_KIND_COUNT)
			t->raised = (int16_t)(t->raised | 1 << e->clock);
		if (e->cause == CAUSE_TITLE && e->text != NULL)
			t->title = e->text;
		break;
	case EVENT_REPLIED:
		replied(t, e);
		break;
	case EVENT_ACKNOWLEDGED:
		if (t->acknowledged_at == 0)
			t->acknowledged_at = e->occurred_at;
		break;
	case EVENT_CHECK_REPORTED:
		check_reported(t, e);
		break;
	case EVENT_CLOCK_STARTED:
	case EVENT_CLOCK_PAUSED:
	case EVENT_CLOCK_RESUMED:
	case EVENT_CLOCK_RETARGETED:
		return clock_event(c, e);
	case EVENT_CLOCK_STOPPED:
	case EVENT_CLOCK_VOIDED:
		clock_ended(c, e);
		break;
	case EVENT_CLOCK_BREACHED:
		breached(&c->clocks[e->clock], e);
		break;
	case EVENT_LEVEL_FIRED:
	case EVENT_LEVEL_SKIPPED:
		level_acted(&c->clocks[e->clock], e);
		break;
	case EVENT_CLOCK_WAIVED:
		waived(&c->clocks[e->clock], e);
		break;
	case EVENT_PROMISED:
		replied(t, e);
		promised(t, e);
		break;
	case EVENT_PROMISE_WARNED:
		t->promise_warn_at = 0;
		break;
	case EVENT_PROMISE_BROKEN:
		t->promise_broken = true;
		break;
	case EVENT_MERGED:
	case EVENT_UNMERGED:
		merged(t, e);
		break;
	case EVENT_WATCHER:
		watcher(t, e);
		break;
	case EVENT_CONTRACT_APPLIED:
		attributes(t, e);
		if (e->cause == CAUSE_ARMED) /* from here on it is like any other */
			t->observed = false;
		break;
	case EVENT_NOTED:
	case EVENT_ASKED:
	case EVENT_LINKED:
	case EVENT_ATTACHED:
	case EVENT_MAIL_RECEIVED:
		break;
	}
	return 0;
}
