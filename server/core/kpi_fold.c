/* The fold of one ticket's journal into contributions to the rollups. */
#include "core/kpi_fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/tz.h"
#include "core/kpi_booking.h"
#include "core/kpi_clock.h"
#include "core/kpi_escalation.h"
#include "core/kpi_promise.h"

void kpi_fold_begin(struct kpi_state *s)
{
	memset(s, 0, sizeof *s);
}

void kpi_fold_end(struct kpi_state *s)
{
	free(s->notes);
	memset(s, 0, sizeof *s);
}

static void count_state(const struct fold *f, int32_t n)
{
	struct kpi_cell_key key = kpi_cell_here(f, KPI_STATE_BASE + f->s->state, 1);

	kpi_put(f, &key, n, 1);
}

static void merged(struct fold *f)
{
	kpi_put_notes(f, -1);
	kpi_book_count(f, KPI_MERGED);
	f->s->merged = true;
}

static void unmerged(struct fold *f)
{
	f->s->merged = false;
	kpi_retract(f, KPI_MERGED);
	kpi_put_notes(f, 1);
}

static bool is_done(int state)
{
	return state == TICKET_RESOLVED || state == TICKET_CLOSED;
}

/* Whether effective time stands still where no contract says otherwise: the defaults. */
static bool stands_still(int state, int reason)
{
	if (state == TICKET_PENDING)
		return reason == PENDING_CUSTOMER || reason == PENDING_SCHEDULED;
	return is_done(state) || state == TICKET_CANCELLED;
}

static void effective_time_stop(struct kpi_state *s, int64_t at)
{
	if (s->running_since != 0 && at > s->running_since)
		s->consumed_us += at - s->running_since;
	s->running_since = 0;
}

/* From here on time runs, unless the state stands still. Logs know of things seen before the
 * case was opened: nothing runs before that. */
static void effective_time_start(struct kpi_state *s, int64_t at)
{
	if (!stands_still(s->state, s->pending_reason))
		s->running_since = at > s->created_at ? at : s->created_at;
}

static void acknowledged(struct fold *f)
{
	const struct event *e = f->e;

	if (f->s->acknowledged)
		return;
	f->s->acknowledged = true;
	kpi_book_duration(f, KPI_MTTA,
	        e->consumed_us >= 0 ? e->consumed_us : e->occurred_at - f->s->created_at);
}

static void replied(struct fold *f)
{
	const struct event *e = f->e;
	int64_t wall = e->occurred_at - f->s->created_at;

	if (!e->is_public || e->side != SIDE_PROVIDER)
		return;
	acknowledged(f);
	if (f->s->replied)
		return;
	f->s->replied = true;
	kpi_book_duration(f, KPI_FIRST_RESPONSE, e->consumed_us >= 0 ? e->consumed_us : wall);
	kpi_book_duration(f, KPI_FIRST_RESPONSE_WALL, wall);
}

static void resolved(struct fold *f)
{
	struct kpi_state *s = f->s;

	kpi_book_count(f, KPI_RESOLVES);
	s->cohort = kpi_cell_here(f, KPI_RESOLVE_COHORT, 1);
	kpi_book_at(f, &s->cohort, 1);
	if (f->e->cause == CAUSE_SELF_RECOVERED || f->e->cause == CAUSE_BACKLOG) {
		static const int EXCLUDED[] = {KPI_MTTA, KPI_FIRST_RESPONSE,
		        KPI_FIRST_RESPONSE_WALL, KPI_RESPONSE_MET, KPI_UPDATE_MET,
		        KPI_OPERATIONAL_MET, KPI_SUPPLIER_MET};

		for (size_t i = 0; i < sizeof EXCLUDED / sizeof EXCLUDED[0]; i++)
			kpi_retract(f, EXCLUDED[i]);
		kpi_book_count(f, KPI_SELF_RECOVERED);
		return;
	}
	kpi_book_duration(f, KPI_MTTR_WALL, f->e->occurred_at - s->created_at);
	/* With a clock its own stop event brings the service time. */
	if (!s->resolution_clock)
		kpi_clock_resolved(f, s->consumed_us);
}

static void reopened(struct fold *f)
{
	static const int TAKEN_BACK[] = {KPI_RESOLVES, KPI_MTTR, KPI_MTTR_WALL,
	        KPI_RESOLUTION_MET, KPI_SELF_RECOVERED, KPI_CLOSES};
	struct kpi_state *s = f->s;
	struct kpi_cell_key key = s->cohort;

	for (size_t i = 0; i < sizeof TAKEN_BACK / sizeof TAKEN_BACK[0]; i++)
		kpi_retract(f, TAKEN_BACK[i]);
	kpi_book_count(f, KPI_REOPENS);
	if (!s->reopened)
		kpi_book_count(f, KPI_REOPENED_TICKETS);
	s->reopened = true;
	key.metric = KPI_COHORT_REOPENED;
	kpi_book_at(f, &key, 1);
	kpi_promise_reopened(f);
}

static void state_changed(struct fold *f)
{
	const struct event *e = f->e;
	struct kpi_state *s = f->s;
	int from = s->state;

	count_state(f, -1);
	/* Time up to here runs under the old state; through a merge it runs as if there were
	 * none. */
	if (e->cause != CAUSE_MERGED && e->cause != CAUSE_UNMERGED)
		effective_time_stop(s, e->occurred_at);
	s->state = e->state;
	s->pending_reason = e->pending_reason >= 0 ? e->pending_reason : PENDING_NONE;
	if (e->cause != CAUSE_MERGED && e->cause != CAUSE_UNMERGED)
		effective_time_start(s, e->occurred_at);
	count_state(f, 1);
	if (e->cause == CAUSE_MERGED)
		merged(f);
	else if (e->cause == CAUSE_UNMERGED)
		unmerged(f);
	if (s->state == TICKET_PENDING && !s->pended) {
		s->pended = true;
		kpi_book_count(f, KPI_EVER_PENDING);
	}
	if (is_done(s->state) && !is_done(from)) {
		resolved(f);
		kpi_promise_resolved(f, s, e);
	} else if (!is_done(s->state) && is_done(from)) {
		reopened(f);
	}
	if (s->state == TICKET_CLOSED && from != TICKET_CLOSED)
		kpi_book_count(f, KPI_CLOSES);
	if (s->state == TICKET_CANCELLED && !s->merged) {
		kpi_retract(f, 0);
		kpi_book_count(f, KPI_CANCELLED);
		s->cancelled = true;
	}
}

static void team_changed(struct fold *f)
{
	struct kpi_state *s = f->s;
	int32_t team = f->e->team_id;

	s->team_id = team;
	if (team == 0 || team == s->team_last)
		return;
	if (s->team_last != 0) {
		kpi_book_count(f, KPI_HANDOFFS);
		if (team == s->team_before)
			kpi_book_count(f, KPI_PINGPONG);
		s->team_before = s->team_last;
	}
	s->team_last = team;
}

/* Team, site, priority, type: the stock of the state moves along. */
static void dimensions_changed(struct fold *f)
{
	const struct event *e = f->e;
	struct kpi_state *s = f->s;

	if (e->team_id < 0 && e->site_id < 0 && e->priority < 0 && e->type < 0)
		return;
	count_state(f, -1);
	if (e->site_id >= 0)
		s->site_id = e->site_id;
	if (e->priority >= 0)
		s->priority = e->priority;
	if (e->type >= 0)
		s->type = e->type;
	if (e->team_id >= 0)
		team_changed(f);
	count_state(f, 1);
}

static void created(struct fold *f)
{
	const struct event *e = f->e;
	struct kpi_state *s = f->s;

	s->created_at = e->occurred_at;
	s->site_id = e->site_id > 0 ? e->site_id : 0;
	s->team_id = e->team_id > 0 ? e->team_id : 0;
	s->team_last = s->team_id;
	s->priority = e->priority > 0 ? e->priority : 0;
	s->type = e->type > 0 ? e->type : 0;
	s->state = e->state > 0 ? e->state : TICKET_NEW;
	s->pending_reason = e->pending_reason > 0 ? e->pending_reason : PENDING_NONE;
	s->observed = e->cause == CAUSE_IMPORT;
	effective_time_start(s, e->occurred_at);
	kpi_book_count(f, KPI_ARRIVALS);
	if (s->observed)
		kpi_book_count(f, KPI_OBSERVED);
	else if (e->contract_id <= 0)
		kpi_book_count(f, KPI_NO_SLA);
	count_state(f, 1);
	if (e->cause == CAUSE_LIVE_CONTACT) {
		s->acknowledged = true;
		s->replied = true;
		kpi_book_duration(f, KPI_MTTA, 0);
		kpi_book_duration(f, KPI_FIRST_RESPONSE, 0);
		kpi_book_duration(f, KPI_FIRST_RESPONSE_WALL, 0);
	}
	if (s->state == TICKET_PENDING) {
		s->pended = true;
		kpi_book_count(f, KPI_EVER_PENDING);
	}
	if (is_done(s->state))
		resolved(f);
	if (s->state == TICKET_CLOSED)
		kpi_book_count(f, KPI_CLOSES);
}

static void dispatch(struct fold *f)
{
	switch (f->e->kind) {
	case EVENT_CREATED:
		created(f);
		break;
	case EVENT_STATE_CHANGED:
		state_changed(f);
		break;
	case EVENT_ASSIGNED:
		kpi_escalation_assigned(f);
		dimensions_changed(f);
		break;
	case EVENT_CLASSIFIED:
		kpi_escalation_classified(f);
		dimensions_changed(f);
		break;
	case EVENT_ACKNOWLEDGED:
		acknowledged(f);
		break;
	case EVENT_REPLIED:
		replied(f);
		break;
	case EVENT_PROMISED: /* a date is news too */
		replied(f);
		kpi_promise_given(f, f->s, f->e);
		break;
	case EVENT_PROMISE_BROKEN:
		kpi_promise_broken(f, f->s, f->e);
		break;
	case EVENT_CLOCK_STARTED:
	case EVENT_CLOCK_PAUSED:
	case EVENT_CLOCK_RESUMED:
	case EVENT_CLOCK_STOPPED:
	case EVENT_CLOCK_BREACHED:
	case EVENT_CLOCK_RETARGETED:
	case EVENT_CLOCK_VOIDED:
	case EVENT_CLOCK_WAIVED:
		kpi_clock_event(f);
		break;
	case EVENT_LEVEL_FIRED:
		kpi_escalation_fired(f);
		break;
	case EVENT_NOTED:
	case EVENT_LEVEL_SKIPPED:
	case EVENT_CHECK_REPORTED:
	case EVENT_PROMISE_WARNED:
	case EVENT_ASKED:
	case EVENT_MERGED:
	case EVENT_UNMERGED:
	case EVENT_LINKED:
	case EVENT_WATCHER:
	case EVENT_CONTRACT_APPLIED:
	case EVENT_ATTACHED:
	case EVENT_MAIL_RECEIVED:
		break;
	}
}

int kpi_fold_event(struct kpi_state *s, const struct event *e, kpi_emit *emit, void *context)
{
	struct fold f = {.s = s, .e = e, .emit = emit, .context = context};

	if (e->seq != s->seq + 1 || (e->seq == 1) != (e->kind == EVENT_CREATED))
		return -OTK_DATA_LOSS;
	if (e->kind == EVENT_CREATED && e->zone != NULL)
		(void)snprintf(s->zone, sizeof s->zone, "%s", e->zone);
	/* A zone that is not there any more counts in UTC rather than stopping the fold. */
	if (s->zone[0] != '\0')
		(void)tz_find(s->zone, &f.tz, NULL);
	dispatch(&f);
	s->seq = e->seq;
	return f.rc;
}
