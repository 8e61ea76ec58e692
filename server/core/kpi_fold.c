/* The fold of one ticket's journal into contributions to the rollups. */
#include "core/kpi_fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/tz.h"
#include "core/kpi_bucket.h"
#include "core/kpi_promise.h"

#define QUARTER_US (INT64_C(900) * CLOCK_SECOND)
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)

void kpi_fold_begin(struct kpi_state *s)
{
	memset(s, 0, sizeof *s);
}

void kpi_fold_end(struct kpi_state *s)
{
	free(s->notes);
	memset(s, 0, sizeof *s);
}

/* One event being folded. */
struct fold {
	struct kpi_state *s;
	const struct event *e;
	const struct tz *tz; /* NULL: UTC */
	kpi_emit *emit;
	void *context;
	int rc;
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct kpi_cell_key cell_here(const struct fold *f, int metric, int64_t value)
{
	const struct kpi_state *s = f->s;
	int64_t at = f->e->occurred_at;
	int64_t local = f->tz == NULL ? at : tz_to_local(f->tz, at);

	return (struct kpi_cell_key){
	        .day = (int32_t)floor_div(local, DAY_US),
	        .quarter = (int32_t)floor_div(at, QUARTER_US),
	        .site_id = s->site_id,
	        .team_id = s->team_id,
	        .priority = s->priority,
	        .type = s->type,
	        .metric = (int16_t)metric,
	        .bucket = kpi_metric_is_distribution(metric) ? kpi_bucket_of(value) : 0,
	};
}

static void put(const struct fold *f, const struct kpi_cell_key *key, int32_t n, int64_t value)
{
	struct kpi_delta delta = {.key = *key, .n = n, .value = value};

	f->emit(f->context, &delta);
}

static bool same_cell(const struct kpi_cell_key *a, const struct kpi_cell_key *b)
{
	return a->day == b->day && a->quarter == b->quarter && a->site_id == b->site_id &&
	       a->team_id == b->team_id && a->priority == b->priority && a->type == b->type &&
	       a->metric == b->metric && a->bucket == b->bucket;
}

/* Remembers a contribution so that it can be taken back. */
static int note_add(struct kpi_state *s, const struct kpi_cell_key *key, int64_t value)
{
	for (size_t i = 0; i < s->note_count; i++) {
		if (s->notes[i].value == value && same_cell(&s->notes[i].key, key)) {
			s->notes[i].n++;
			return 0;
		}
	}
	if (s->note_count == s->note_cap) {
		size_t cap = s->note_cap == 0 ? 16 : s->note_cap * 2;
		struct kpi_delta *notes = realloc(s->notes, cap * sizeof *notes);

		if (notes == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		s->notes = notes;
		s->note_cap = cap;
	}
	s->notes[s->note_count++] = (struct kpi_delta){.key = *key, .n = 1, .value = value};
	return 0;
}

/* Counts one, revocably. A cancelled ticket contributes nothing any more. */
static void book_at(struct fold *f, const struct kpi_cell_key *key, int64_t value)
{
	if (f->s->cancelled || f->s->merged || f->rc != 0)
		return;
	f->rc = note_add(f->s, key, value);
	if (f->rc == 0)
		put(f, key, 1, value);
}

static void book(struct fold *f, int metric, int64_t value)
{
	struct kpi_cell_key key = cell_here(f, metric, value);

	book_at(f, &key, value);
}

static void book_count(struct fold *f, int metric)
{
	book(f, metric, 1);
}

static void book_duration(struct fold *f, int metric, int64_t us)
{
	book(f, metric, us > 0 ? us / 1000 : 0);
}

/* Takes back every noted contribution to the metric; 0: to all. */
static void retract(struct fold *f, int metric)
{
	struct kpi_state *s = f->s;
	size_t kept = 0;

	for (size_t i = 0; i < s->note_count; i++) {
		if (metric == 0 || s->notes[i].key.metric == metric)
			put(f, &s->notes[i].key, -s->notes[i].n, s->notes[i].value);
		else
			s->notes[kept++] = s->notes[i];
	}
	s->note_count = kept;
}

void kpi_fold_book(struct fold *f, int metric, int64_t value)
{
	book(f, metric, value);
}

void kpi_fold_retract(struct fold *f, int metric)
{
	retract(f, metric);
}

static void count_state(const struct fold *f, int32_t n)
{
	struct kpi_cell_key key = cell_here(f, KPI_STATE_BASE + f->s->state, 1);

	put(f, &key, n, 1);
}

/* Takes back what the ticket contributed, or gives it again: a merge can be undone. */
static void put_notes(const struct fold *f, int32_t sign)
{
	const struct kpi_state *s = f->s;

	for (size_t i = 0; i < s->note_count; i++)
		put(f, &s->notes[i].key, sign * s->notes[i].n, s->notes[i].value);
}

static void merged(struct fold *f)
{
	put_notes(f, -1);
	book_count(f, KPI_MERGED);
	f->s->merged = true;
}

static void unmerged(struct fold *f)
{
	f->s->merged = false;
	retract(f, KPI_MERGED);
	put_notes(f, 1);
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
	book_duration(f, KPI_MTTA,
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
	book_duration(f, KPI_FIRST_RESPONSE, e->consumed_us >= 0 ? e->consumed_us : wall);
	book_duration(f, KPI_FIRST_RESPONSE_WALL, wall);
}

static void mttr(struct fold *f, int64_t consumed_us)
{
	struct kpi_state *s = f->s;

	book_duration(f, KPI_MTTR, consumed_us);
	if (!s->resolved_once)
		book_duration(f, KPI_FIRST_RESOLVE, consumed_us);
	s->resolved_once = true;
}

static void resolved(struct fold *f)
{
	struct kpi_state *s = f->s;

	book_count(f, KPI_RESOLVES);
	s->cohort = cell_here(f, KPI_RESOLVE_COHORT, 1);
	book_at(f, &s->cohort, 1);
	if (f->e->cause == CAUSE_SELF_RECOVERED || f->e->cause == CAUSE_BACKLOG) {
		static const int EXCLUDED[] = {KPI_MTTA, KPI_FIRST_RESPONSE,
		        KPI_FIRST_RESPONSE_WALL, KPI_RESPONSE_MET, KPI_UPDATE_MET};

		for (size_t i = 0; i < sizeof EXCLUDED / sizeof EXCLUDED[0]; i++)
			retract(f, EXCLUDED[i]);
		book_count(f, KPI_SELF_RECOVERED);
		return;
	}
	book_duration(f, KPI_MTTR_WALL, f->e->occurred_at - s->created_at);
	/* With a clock its own stop event brings the service time. */
	if (!s->resolution_clock)
		mttr(f, s->consumed_us);
}

static void reopened(struct fold *f)
{
	static const int TAKEN_BACK[] = {KPI_RESOLVES, KPI_MTTR, KPI_MTTR_WALL,
	        KPI_RESOLUTION_MET, KPI_SELF_RECOVERED, KPI_CLOSES};
	struct kpi_state *s = f->s;
	struct kpi_cell_key key = s->cohort;

	for (size_t i = 0; i < sizeof TAKEN_BACK / sizeof TAKEN_BACK[0]; i++)
		retract(f, TAKEN_BACK[i]);
	book_count(f, KPI_REOPENS);
	if (!s->reopened)
		book_count(f, KPI_REOPENED_TICKETS);
	s->reopened = true;
	key.metric = KPI_COHORT_REOPENED;
	book_at(f, &key, 1);
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
		book_count(f, KPI_EVER_PENDING);
	}
	if (is_done(s->state) && !is_done(from)) {
		resolved(f);
		kpi_promise_resolved(f, s, e);
	} else if (!is_done(s->state) && is_done(from)) {
		reopened(f);
	}
	if (s->state == TICKET_CLOSED && from != TICKET_CLOSED)
		book_count(f, KPI_CLOSES);
	if (s->state == TICKET_CANCELLED && !s->merged) {
		retract(f, 0);
		book_count(f, KPI_CANCELLED);
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
		book_count(f, KPI_HANDOFFS);
		if (team == s->team_before)
			book_count(f, KPI_PINGPONG);
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

static void clock_stopped(struct fold *f)
{
	const struct event *e = f->e;
	struct kpi_state *s = f->s;
	bool met = e->clock_state == CLOCK_MET;

	switch (e->clock) {
	case CLOCK_RESPONSE:
		if (met && !s->response_breached)
			book_count(f, KPI_RESPONSE_MET);
		break;
	case CLOCK_UPDATE:
		if (met)
			book_count(f, KPI_UPDATE_MET);
		break;
	case CLOCK_RESOLUTION:
		if (e->cause == CAUSE_ARMED) /* by a resolve that was taken back long ago */
			break;
		mttr(f, e->consumed_us);
		if (met && !s->resolution_breached)
			book_count(f, KPI_RESOLUTION_MET);
		break;
	default:
		break;
	}
}

static void clock_breached(struct fold *f)
{
	struct kpi_state *s = f->s;

	switch (f->e->clock) {
	case CLOCK_RESPONSE:
		if (!s->response_breached)
			book_count(f, KPI_RESPONSE_BREACHED);
		s->response_breached = true;
		break;
	case CLOCK_UPDATE:
		book_count(f, KPI_UPDATE_BREACHED);
		break;
	case CLOCK_RESOLUTION:
		if (!s->resolution_breached)
			book_count(f, KPI_RESOLUTION_BREACHED);
		s->resolution_breached = true;
		break;
	default:
		break;
	}
}

/* The breach that is waived: of the rounds of the update clock the one that broke then. */
static size_t find_breach(const struct fold *f, int metric)
{
	const struct kpi_state *s = f->s;
	int32_t quarter = (int32_t)floor_div(f->e->old_due_at, QUARTER_US);

	for (size_t i = s->note_count; i-- > 0;) {
		if (s->notes[i].key.metric == metric && s->notes[i].key.quarter == quarter)
			return i;
	}
	return s->note_count;
}

/* Moved from the breaches to the waived ones, on the breach's own day. Of a merged ticket both
 * are taken back: an undo gives the waived one. */
static void clock_waived(struct fold *f)
{
	static const struct {
		int breached, waived;
	} METRICS[] = {
	        [CLOCK_RESPONSE] = {KPI_RESPONSE_BREACHED, KPI_RESPONSE_WAIVED},
	        [CLOCK_UPDATE] = {KPI_UPDATE_BREACHED, KPI_UPDATE_WAIVED},
	        [CLOCK_RESOLUTION] = {KPI_RESOLUTION_BREACHED, KPI_RESOLUTION_WAIVED},
	};
	struct kpi_state *s = f->s;
	struct kpi_cell_key key;
	size_t at;

	if (f->e->clock < CLOCK_RESPONSE || f->e->clock > CLOCK_RESOLUTION)
		return;
	at = find_breach(f, METRICS[f->e->clock].breached);
	if (at == s->note_count)
		return;
	key = s->notes[at].key;
	if (!s->merged)
		put(f, &key, -1, s->notes[at].value);
	if (--s->notes[at].n == 0) {
		s->note_count--;
		memmove(&s->notes[at], &s->notes[at + 1],
		        (s->note_count - at) * sizeof s->notes[0]);
	}
	key.metric = (int16_t)METRICS[f->e->clock].waived;
	if (s->merged)
		f->rc = note_add(s, &key, 1);
	else
		book_at(f, &key, 1);
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
	book_count(f, KPI_ARRIVALS);
	if (s->observed)
		book_count(f, KPI_OBSERVED);
	else if (e->contract_id <= 0)
		book_count(f, KPI_NO_SLA);
	count_state(f, 1);
	if (e->cause == CAUSE_LIVE_CONTACT) {
		s->acknowledged = true;
		s->replied = true;
		book_duration(f, KPI_MTTA, 0);
		book_duration(f, KPI_FIRST_RESPONSE, 0);
		book_duration(f, KPI_FIRST_RESPONSE_WALL, 0);
	}
	if (s->state == TICKET_PENDING) {
		s->pended = true;
		book_count(f, KPI_EVER_PENDING);
	}
	if (is_done(s->state))
		resolved(f);
	if (s->state == TICKET_CLOSED)
		book_count(f, KPI_CLOSES);
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
	case EVENT_CLASSIFIED:
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
		if (f->e->clock == CLOCK_RESPONSE)
			f->s->response_clock = true;
		else if (f->e->clock == CLOCK_RESOLUTION)
			f->s->resolution_clock = true;
		break;
	case EVENT_CLOCK_STOPPED:
		clock_stopped(f);
		break;
	case EVENT_CLOCK_BREACHED:
		clock_breached(f);
		break;
	case EVENT_CLOCK_WAIVED:
		clock_waived(f);
		break;
	case EVENT_CLOCK_VOIDED:
		if (f->e->clock == CLOCK_RESOLUTION)
			f->s->resolution_clock = false;
		break;
	case EVENT_CLOCK_PAUSED: /* an undone merge brings it back as it stood */
	case EVENT_CLOCK_RESUMED:
		if (f->e->clock == CLOCK_RESOLUTION)
			f->s->resolution_clock = true;
		break;
	case EVENT_NOTED:
	case EVENT_CLOCK_RETARGETED:
	case EVENT_LEVEL_FIRED:
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
