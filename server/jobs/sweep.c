/*
 * A round: due timers → their tickets → lifecycle_tick in memory → saves in batches.
 *
 * Exactly once is the version guard's work: of two sweepers (or a sweeper and a command) that
 * did the same, one is refused. A lock, held by the session of one sweeper, only keeps the
 * others from doing work in vain; when the timers do not move for a second although they are
 * due, whoever holds it is frozen, and the others sweep without it.
 *
 * A pass walks the due timers in order of time, so a ticket that cannot be swept does not stand
 * in the way of those behind it.
 */
#include "jobs/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/lifecycle.h"
#include "desk/desk.h"
#include "desk/load.h"
#include "desk/save.h"
#include "jobs/job.h"
#include "sql/statements.h"

enum { UNIT_MS = 30000, ROUND_MAX = 512, REARM_MAX = 64, PAUSE_MAX = 4 };

#define BUDGET ((size_t)256 << 20)
#define LOCK_BUDGET ((size_t)64 << 10)
#define VIRTUAL_US INT64_C(20000)
#define IDLE_US INT64_C(250000)
/* How long to sleep when the next timer is far: others make timers, and those of this host say
 * so. */
#define FAR_US INT64_C(1000000)
/* After somebody said so: not at once, or every save would cost a look at the timers. */
#define SOON_US INT64_C(50000)
#define STUCK_US INT64_C(1000000)
#define LOCK_US INT64_C(1000000)
#define LEAD_US INT64_C(2000000)

struct sweep {
	struct job job;
	struct desk *desk;

	/* the lock: a session of its own, for it is the session that holds it */
	struct db_pool *lock_pool;
	struct job lock;
	bool leads;
	bool asleep; /* for longer than SOON_US */
	bool woken;  /* in this pass */

	/* edits of calendars and contracts */
	int64_t rearmed_epoch; /* reference data whose edits the timers know */
	bool rearming;         /* this pass made a step and there is more to do */
	int64_t step_at;       /* monotonic: when the step began */
	int64_t step_best_us;  /* the shortest of late, which slowly forgets */

	/* the pass */
	int64_t now;
	int64_t after_at; /* the last timer looked at */
	int64_t after_ticket;
	bool last_round; /* nothing is due behind it */
	unsigned fired;  /* tickets saved in this pass */

	/* the round */
	int64_t *ids;
	size_t count;
	const struct reference *ref;
	struct change *changes;
	struct save *saves;
	size_t waiting; /* saves under way */
	struct loop_task over;
	int64_t last_bad; /* ticket last complained about */

	/* what those without the lock look at */
	int64_t first_at;
	int64_t first_ticket;
	int64_t first_since; /* monotonic; 0: nothing is due */
};

static void run(void *arg);
static void read_due(struct sweep *s);

/* ---- the lock -------------------------------------------------------------------------- */

static void locked(void *context, struct db_unit *unit)
{
	struct sweep *s = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);
	bool led = s->leads;

	if (!job_succeeded(&s->lock)) {
		s->leads = false;
		return;
	}
	s->leads = db_rows_count(rows) == 1 && db_get_bool(rows, 0, 0);
	if (s->leads && !led)
		log_info("this process sweeps");
	job_sleep(&s->lock, s->leads ? LEAD_US : LOCK_US);
}

static void take_lock(void *arg)
{
	struct sweep *s = arg;

	if (job_begin(&s->lock, DB_READ) == NULL)
		return;
	db_call(s->lock.unit, 0); /* the only statement of its pool */
	job_submit(&s->lock, UNIT_MS, locked, s);
}

/* Whether to sweep what is due: with the lock, or when nobody else does. */
static bool may_sweep(struct sweep *s, const struct db_rows *due)
{
	int64_t now = clock_monotonic();

	if (s->leads || s->after_at != INT64_MIN)
		return true;
	if (db_rows_count(due) == 0) {
		s->first_since = 0;
		return true;
	}
	if (s->first_since == 0 || db_get_time(due, 0, 0) != s->first_at ||
	        db_get_int(due, 0, 1) != s->first_ticket) {
		s->first_at = db_get_time(due, 0, 0);
		s->first_ticket = db_get_int(due, 0, 1);
		s->first_since = now;
		return false;
	}
	return now - s->first_since >= STUCK_US;
}

/* ---- sleeping -------------------------------------------------------------------------- */

/* Until the next timer, but not long: one that somebody makes meanwhile may come first. */
static void sleep_until(struct sweep *s, int64_t at)
{
	int64_t us = s->woken ? SOON_US : FAR_US;

	if (clock_is_virtual(s->job.clock))
		us = VIRTUAL_US;
	else if (at != 0 && at + 1 - clock_now(s->job.clock) < us)
		us = at + 1 - clock_now(s->job.clock);
	s->asleep = us > SOON_US;
	job_sleep(&s->job, us > 0 ? us : 0);
}

static void next_read(void *context, struct db_unit *unit)
{
	struct sweep *s = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);

	if (job_succeeded(&s->job))
		sleep_until(s, db_rows_count(rows) == 0 ? 0 : db_get_time(rows, 0, 0));
}

/*
 * An edit may move a hundred thousand clocks, and nobody waits for that: after each step the
 * database is left to the others for as long as the step took, and longer when it took longer
 * than steps do undisturbed, which is how others show that they are there.
 */
static void step_over(struct sweep *s)
{
	int64_t took = clock_monotonic() - s->step_at;
	int64_t pause = took;

	s->rearming = false;
	s->step_best_us += s->step_best_us / 64;
	/* A step that found little to do says nothing of how fast a full one is. */
	if (s->fired >= REARM_MAX / 2 && (s->step_best_us == 0 || took < s->step_best_us))
		s->step_best_us = took;
	if (s->step_best_us > 0 && took > 2 * s->step_best_us)
		pause = took * (took / s->step_best_us);
	job_sleep(&s->job, pause < PAUSE_MAX * took ? pause : PAUSE_MAX * took);
}

/*
 * The pass is over. When it did nothing although something was due, what is due cannot be
 * swept now: that must not become a loop without a pause.
 */
static void pass_over(struct sweep *s, bool stuck)
{
	if (!stuck && s->rearming) {
		step_over(s);
		return;
	}
	if (stuck || clock_is_virtual(s->job.clock)) {
		job_sleep(&s->job, stuck ? IDLE_US : VIRTUAL_US);
		return;
	}
	if (job_begin(&s->job, DB_READ) == NULL)
		return;
	db_call(s->job.unit, SQL_TIMER_NEXT);
	job_submit(&s->job, UNIT_MS, next_read, s);
}

static void round_over(void *arg)
{
	struct sweep *s = arg;

	s->saves = NULL;
	if (!s->last_round)
		read_due(s);
	else if (s->rearming)
		step_over(s);
	else if (s->fired > 0)
		job_sleep(&s->job, 0);
	else
		pass_over(s, true);
}

/* ---- saving ---------------------------------------------------------------------------- */

static void saved(void *context, struct save *save, const struct otk_error *err)
{
	struct sweep *s = context;
	char id[24];

	if (err->code == OTK_OK && save->outcome == SAVE_DONE)
		s->fired++;
	if (err->code != OTK_OK) {
		(void)snprintf(id, sizeof id, "%" PRId64, save->change->ticket.ticket_id);
		log_error("sweep could not save", "ticket", id, "reason", err->reason,
		        "message", err->message);
	}
	/*
	 * Anything else was changed by somebody; its timer says what is left to do. The next
	 * round clears the arena in which this save lives: not while somebody looks at it.
	 */
	if (--s->waiting == 0)
		loop_post(s->job.loop, &s->over);
}

static bool ticked(struct sweep *s, struct change *change)
{
	struct otk_error err = {0};
	char id[24];

	if (lifecycle_tick(change, s->now, &err) == 0 &&
	        (change->event_count > 0 || change_next_timer(change) == 0 ||
	                change_next_timer(change) >= s->now))
		return true;
	if (s->last_bad == change->ticket.ticket_id)
		return false;
	s->last_bad = change->ticket.ticket_id;
	(void)snprintf(id, sizeof id, "%" PRId64, change->ticket.ticket_id);
	log_error("sweep cannot do what is due", "ticket", id, "reason", err.reason, "message",
	        err.message);
	return false;
}

static void tickets_read(void *context, struct db_unit *unit)
{
	struct sweep *s = context;
	struct load_cursor rows = load_rows(unit, 0);
	size_t count = 0;

	if (!job_succeeded(&s->job))
		return;
	s->changes = arena_calloc(s->job.arena, s->count, sizeof *s->changes);
	s->saves = arena_calloc(s->job.arena, s->count, sizeof *s->saves);
	if (s->changes == NULL || s->saves == NULL) {
		pass_over(s, true);
		return;
	}
	s->waiting = 1; /* held until all have joined */
	while (count < s->count &&
	        load_next(&rows, s->job.arena, s->ref, &s->changes[count]) == 1) {
		struct save *save = &s->saves[count];
		struct otk_error err;

		if (!ticked(s, &s->changes[count]))
			continue;
		save->change = &s->changes[count++];
		if (save_join(s->desk, save, saved, s, &err) == 0)
			s->waiting++;
	}
	if (--s->waiting == 0)
		round_over(s);
}

/* ---- reading --------------------------------------------------------------------------- */

static void due_read(void *context, struct db_unit *unit)
{
	struct sweep *s = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);

	if (!job_succeeded(&s->job))
		return;
	s->count = db_rows_count(rows);
	s->last_round = s->count < ROUND_MAX;
	s->ref = desk_reference(s->desk);
	if (!may_sweep(s, rows) || s->ref == NULL) {
		job_sleep(&s->job, clock_is_virtual(s->job.clock) ? VIRTUAL_US : IDLE_US);
		return;
	}
	if (s->count == 0) {
		pass_over(s, false);
		return;
	}
	s->ids = arena_calloc(s->job.arena, s->count, sizeof *s->ids);
	if (s->ids == NULL || job_next(&s->job, DB_READ) == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		s->ids[i] = db_get_int(rows, i, 1);
	s->after_at = db_get_time(rows, s->count - 1, 0);
	s->after_ticket = s->ids[s->count - 1];
	load_calls(s->job.unit, s->ids, s->count);
	job_submit(&s->job, UNIT_MS, tickets_read, s);
}

static void read_due(struct sweep *s)
{
	if (job_begin(&s->job, DB_READ) == NULL)
		return;
	db_call(s->job.unit, SQL_TIMER_DUE);
	db_put_time(s->job.unit, s->now);
	db_put_time(s->job.unit, s->after_at);
	db_put_int(s->job.unit, s->after_ticket);
	db_put_int(s->job.unit, ROUND_MAX);
	job_submit(&s->job, UNIT_MS, due_read, s);
}

/* ---- edits of calendars and contracts --------------------------------------------------- */

static void begin_pass(struct sweep *s)
{
	s->asleep = false;
	s->woken = false;
	s->now = clock_now(s->job.clock);
	s->after_at = DB_TIME_MINUS_INFINITY;
	s->after_ticket = 0;
	s->fired = 0;
	read_due(s);
}

static void rearmed(void *context, struct db_unit *unit)
{
	struct sweep *s = context;
	const struct db_rows *rows = db_unit_rows(unit, 0);

	if (!job_succeeded(&s->job))
		return;
	if (db_get_bool(rows, 0, 1))
		s->rearmed_epoch = db_get_int(rows, 0, 0);
	else
		s->rearming = s->leads || db_get_bool(rows, 0, 2);
	begin_pass(s);
}

/*
 * A timer was set under the reference data of its time: new ones may act earlier. They are
 * brought forward a few at a time, and swept before the next few are.
 */
static void rearm(struct sweep *s)
{
	if (job_begin(&s->job, DB_REPLAY) == NULL)
		return;
	s->step_at = clock_monotonic();
	db_call(s->job.unit, SQL_SWEEP_REARM);
	db_put_int(s->job.unit, REARM_MAX);
	db_put_bool(s->job.unit, s->leads);
	job_submit(&s->job, UNIT_MS, rearmed, s);
}

/* A pass begins. */
static void run(void *arg)
{
	struct sweep *s = arg;

	s->ref = desk_reference(s->desk);
	s->rearming = false;
	if (s->ref != NULL && s->ref->epoch != s->rearmed_epoch)
		rearm(s);
	else
		begin_pass(s);
}

/* ---- life ------------------------------------------------------------------------------ */

struct sweep *sweep_new(const struct jobs_options *options, struct otk_error *err)
{
	struct sweep *s = calloc(1, sizeof *s);
	struct jobs_options with_lock = *options;

	if (s == NULL) {
		error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return NULL;
	}
	s->desk = options->desk;
	loop_task_init(&s->over, round_over, s);
	s->lock_pool = db_pool_new(options->loop,
	        &(struct db_pool_options){.conninfo = options->database,
	                .statements = &sql_statements[SQL_SWEEP_LOCK],
	                .statement_count = 1,
	                .application_name = "otklikd sweep",
	                .connections = 1},
	        err);
	if (s->lock_pool == NULL)
		goto out_free;
	with_lock.pool = s->lock_pool;
	if (job_init(&s->job, "sweep", options, BUDGET, run, s) < 0 ||
	        job_init(&s->lock, "sweep lock", &with_lock, LOCK_BUDGET, take_lock, s) < 0) {
		error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		goto out_free;
	}
	job_sleep(&s->lock, 0);
	job_sleep(&s->job, 0);
	return s;

out_free:
	sweep_free(s);
	return NULL;
}

void sweep_wake(struct sweep *s)
{
	s->woken = true;
	if (s->asleep)
		job_sleep(&s->job, SOON_US);
	s->asleep = false;
}

void sweep_free(struct sweep *s)
{
	if (s == NULL)
		return;
	if (s->job.loop != NULL)
		loop_unpost(s->job.loop, &s->over);
	for (size_t i = 0; s->saves != NULL && i < s->count; i++)
		save_leave(s->desk, &s->saves[i]);
	if (s->job.timer != NULL)
		job_release(&s->job);
	if (s->lock.timer != NULL)
		job_release(&s->lock);
	db_pool_free(s->lock_pool);
	free(s);
}
