/*
 * ForecastSla: how likely open clocks are to break, by how long similar ones took.
 *
 *	forecast_begin → history_read → open_read → told
 *
 * Similar is what has most in common and is still enough to say something: at least ENOUGH
 * tickets, ENOUGH_LEFT of which lasted longer than this one has.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "compute/run.h"
#include "core/sla.h"
#include "core/survival.h"
#include "sql/statements.h"
#include "wire/schema.h"

enum { HISTORY_MAX = 300000, OPEN_MAX = 50000, ROWS_DEFAULT = 100 };
enum { ENOUGH = 30, ENOUGH_LEFT = 10 };
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)

/* What a clock has in common with others, the closest first. */
enum likeness {
	LIKE_TEAM,     /* type, priority, service, team */
	LIKE_SERVICE,  /* type, priority, service */
	LIKE_PRIORITY, /* type, priority */
	LIKE_TYPE,
	LIKE_ALL,
	LIKE_COUNT
};

static const char *const LIKENESS_TEXTS[LIKE_COUNT] = {
        "type, priority, service, team",
        "type, priority, service",
        "type, priority",
        "type",
        "all",
};

/* One clock of the past or of now. */
struct timed {
	int16_t clock;
	int16_t type;
	int16_t priority;
	bool wall; /* its time is not that of the others */
	bool ended;
	int32_t service_id;
	int32_t team_id;
	int64_t consumed_us;
};

/* The past clocks like one: those of a likeness lie together in the order of compare_timed. */
struct group {
	bool made;
	struct timed key;
	struct survival survival;
};

struct open_clock {
	struct timed timed;
	int32_t customer_id;
	enum clock_state state;
	int64_t ticket_id;
	char *title;
	int64_t target_us;
	int64_t due_at;
	bool breached;
	struct survival_forecast forecast;
	const char *likeness;
	size_t similar;
};

struct forecasting {
	struct run *run;
	const Otklik__V1__ForecastSlaRequest *in;
	struct timed *history;
	size_t history_count;
	struct open_clock *open;
	size_t open_count;
	struct group groups[LIKE_COUNT]; /* of the clock looked at, in their order */
};

static void history_read(struct run *run);
static void open_read(struct run *run);

void forecast_free(struct run *run)
{
	struct forecasting *f = run->state;

	if (f == NULL)
		return;
	for (int like = 0; like < LIKE_COUNT; like++)
		survival_free(&f->groups[like].survival);
	free(f->history);
	free(f->open);
	free(f);
	run->state = NULL;
}

/* --- reading ------------------------------------------------------------------------------ */

enum column {
	COL_KIND,
	COL_TYPE,
	COL_PRIORITY,
	COL_SERVICE,
	COL_TEAM,
	COL_CUSTOMER,
	COL_STATE,
	COL_WALL,
	COL_CONSUMED,
	COL_ANCHOR,
	COL_CALENDAR,
	COL_TICKET,
	COL_TITLE,
	COL_TARGET,
	COL_DUE,
	COL_BREACHED,
};

/* What it has consumed by now, where it runs. */
static int64_t consumed_now(const struct run *run, const struct db_rows *rows)
{
	const struct change c = {.ref = run->ref};
	const struct sla_clock clock = {
	        .state = (enum clock_state)db_get_int(rows, 0, COL_STATE),
	        .wall = db_get_bool(rows, 0, COL_WALL),
	        .consumed_us = db_get_int(rows, 0, COL_CONSUMED),
	        .anchor_at = db_get_time(rows, 0, COL_ANCHOR),
	        .calendar_id = (int32_t)db_get_int(rows, 0, COL_CALENDAR)};
	int64_t us;

	return sla_consumed(&c, &clock, run->job->now, &us) == 0 ? us : clock.consumed_us;
}

static struct timed timed_of(const struct run *run, const struct db_rows *rows)
{
	enum clock_state state = (enum clock_state)db_get_int(rows, 0, COL_STATE);

	return (struct timed){.clock = (int16_t)db_get_int(rows, 0, COL_KIND),
	        .type = (int16_t)db_get_int(rows, 0, COL_TYPE),
	        .priority = (int16_t)db_get_int(rows, 0, COL_PRIORITY),
	        .wall = db_get_bool(rows, 0, COL_WALL),
	        .ended = state == CLOCK_MET || state == CLOCK_LATE,
	        .service_id = (int32_t)db_get_int(rows, 0, COL_SERVICE),
	        .team_id = (int32_t)db_get_int(rows, 0, COL_TEAM),
	        .consumed_us = consumed_now(run, rows)};
}

static void history_came(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct run *run = context;
	struct forecasting *f = run->state;

	(void)stream;
	if (f->history_count < HISTORY_MAX)
		f->history[f->history_count++] = timed_of(run, rows);
}

static void open_came(void *context, struct db_stream *stream, const struct db_rows *rows)
{
	struct run *run = context;
	struct forecasting *f = run->state;

	(void)stream;
	if (f->open_count == OPEN_MAX)
		return;
	f->open[f->open_count++] = (struct open_clock){.timed = timed_of(run, rows),
	        .customer_id = (int32_t)db_get_int(rows, 0, COL_CUSTOMER),
	        .state = (enum clock_state)db_get_int(rows, 0, COL_STATE),
	        .ticket_id = db_get_int(rows, 0, COL_TICKET),
	        .title = arena_strdup(run->arena, db_get_text_or_empty(rows, 0, COL_TITLE)),
	        .target_us = db_get_int(rows, 0, COL_TARGET),
	        .due_at = db_get_time(rows, 0, COL_DUE),
	        .breached = !db_is_null(rows, 0, COL_BREACHED)};
}

void forecast_begin(struct run *run)
{
	struct forecasting *f = calloc(1, sizeof *f);
	struct db_unit *unit = run_unit(run, SQL_FORECAST_HISTORY);
	int64_t history;

	run->state = f;
	if (f == NULL || unit == NULL) {
		run_no_memory(run);
		return;
	}
	f->run = run;
	f->in = (const void *)run->job->message;
	f->history = calloc(HISTORY_MAX, sizeof *f->history);
	f->open = calloc(OPEN_MAX, sizeof *f->open);
	if (f->history == NULL || f->open == NULL) {
		run_no_memory(run);
		return;
	}
	history = f->in->history_us != 0 ? f->in->history_us : 180 * DAY_US;
	db_put_time(unit, run->job->now > history ? run->job->now - history : 0);
	db_put_int(unit, HISTORY_MAX);
	run_query(run, unit, history_came, history_read);
}

static void history_read(struct run *run)
{
	const struct forecasting *f = run->state;
	const struct ref_customer *customer =
	        reference_customer_by_code(run->ref, f->in->customer);
	const struct ref_team *team = reference_team_by_code(run->ref, f->in->team);
	struct db_unit *unit = run_unit(run, SQL_FORECAST_OPEN);

	if (unit != NULL) {
		db_put_int_if(
		        unit, *f->in->customer != '\0', customer == NULL ? -1 : customer->id);
		db_put_int_if(unit, *f->in->team != '\0', team == NULL ? -1 : team->id);
		db_put_time_if(unit, f->in->within_us != 0, run->job->now + f->in->within_us);
		db_put_int(unit, OPEN_MAX);
	}
	run_query(run, unit, open_came, open_read);
}

/* --- similar ones ------------------------------------------------------------------------- */

/* Orders by what two have in common, as far as the likeness looks; 0: alike. */
static int compare_alike(const struct timed *a, const struct timed *b, enum likeness like)
{
	if (a->clock != b->clock)
		return a->clock - b->clock;
	if (a->wall != b->wall)
		return (int)a->wall - (int)b->wall;
	if (like <= LIKE_TYPE && a->type != b->type)
		return a->type - b->type;
	if (like <= LIKE_PRIORITY && a->priority != b->priority)
		return a->priority - b->priority;
	if (like <= LIKE_SERVICE && a->service_id != b->service_id)
		return a->service_id < b->service_id ? -1 : 1;
	if (like <= LIKE_TEAM && a->team_id != b->team_id)
		return a->team_id < b->team_id ? -1 : 1;
	return 0;
}

static int compare_timed(const void *a, const void *b)
{
	return compare_alike(a, b, LIKE_TEAM);
}

static int compare_open_timed(const void *a, const void *b)
{
	const struct open_clock *x = a, *y = b;

	return compare_alike(&x->timed, &y->timed, LIKE_TEAM);
}

/* The first of the past that is not before the key, or, `after`, that is behind all like it. */
static size_t bound(
        const struct forecasting *f, const struct timed *key, enum likeness like, bool after)
{
	size_t low = 0, high = f->history_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_alike(&f->history[middle], key, like);

		if (order < 0 || (after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_group(struct forecasting *f, struct group *group, enum likeness like)
{
	size_t first = bound(f, &group->key, like, false);
	size_t count = bound(f, &group->key, like, true) - first;
	struct survival_time *times = calloc(count + 1, sizeof *times);
	int rc;

	if (times == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < count; i++) {
		const struct timed *past = &f->history[first + i];

		times[i] =
		        (struct survival_time){.us = past->consumed_us, .ended = past->ended};
	}
	rc = survival_make(times, count, &group->survival);
	free(times);
	return rc;
}

/* Clocks are looked at in order, so that each group is made once and only the last is kept. */
static const struct group *group_of(
        struct forecasting *f, const struct timed *timed, enum likeness like)
{
	struct group *group = &f->groups[like];

	if (group->made && compare_alike(&group->key, timed, like) == 0)
		return group;
	survival_free(&group->survival);
	*group = (struct group){.key = *timed};
	if (make_group(f, group, like) != 0)
		return NULL;
	group->made = true;
	return group;
}

static int forecast_one(struct forecasting *f, struct open_clock *open)
{
	for (int like = LIKE_TEAM; like < LIKE_COUNT; like++) {
		const struct group *group = group_of(f, &open->timed, (enum likeness)like);

		if (group == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		open->forecast = survival_forecast(
		        &group->survival, open->timed.consumed_us, open->target_us);
		open->likeness = LIKENESS_TEXTS[like];
		open->similar = group->survival.n;
		if (group->survival.n >= ENOUGH && open->forecast.at_risk >= ENOUGH_LEFT)
			break;
	}
	if (open->breached) {
		open->forecast.probability = open->forecast.low = open->forecast.high = 1;
		open->forecast.beyond = false;
	}
	return 0;
}

/* --- telling ------------------------------------------------------------------------------ */

/* The likeliest first, then the sooner due; what has no due comes last. */
static int compare_open(const void *a, const void *b)
{
	const struct open_clock *x = a, *y = b;

	if (x->breached != y->breached)
		return x->breached ? -1 : 1;
	if (x->forecast.probability > y->forecast.probability)
		return -1;
	if (x->forecast.probability < y->forecast.probability)
		return 1;
	if ((x->due_at == 0) != (y->due_at == 0))
		return x->due_at == 0 ? 1 : -1;
	if (x->due_at != y->due_at)
		return x->due_at < y->due_at ? -1 : 1;
	if (x->ticket_id != y->ticket_id)
		return x->ticket_id < y->ticket_id ? -1 : 1;
	return x->timed.clock - y->timed.clock;
}

static char *code_text(const char *code)
{
	return (char *)(uintptr_t)code;
}

static bool tell_row(struct run *run, const struct open_clock *open)
{
	const struct ref_customer *customer = reference_customer(run->ref, open->customer_id);
	const struct ref_team *team = reference_team(run->ref, open->timed.team_id);
	Otklik__V1__ForecastSlaResponse item = OTKLIK__V1__FORECAST_SLA_RESPONSE__INIT;
	Otklik__V1__ForecastRow row = OTKLIK__V1__FORECAST_ROW__INIT;

	row.ticket_id = open->ticket_id;
	row.customer = code_text(customer == NULL ? "" : customer->code);
	row.title = open->title == NULL ? row.title : open->title;
	row.team = code_text(team == NULL ? "" : team->code);
	row.priority = (uint32_t)open->timed.priority;
	row.type = (Otklik__V1__TicketType)open->timed.type;
	row.clock = (Otklik__V1__ClockKind)open->timed.clock;
	row.state = (Otklik__V1__ClockState)open->state;
	row.due_at_us = open->due_at;
	row.consumed_us = open->timed.consumed_us;
	row.target_us = open->target_us;
	row.probability = open->forecast.probability;
	row.low = open->forecast.low;
	row.high = open->forecast.high;
	row.at_risk = (int64_t)open->forecast.at_risk;
	row.similar = (int64_t)open->similar;
	row.group = code_text(open->likeness);
	row.beyond = open->forecast.beyond;
	row.breached = open->breached;
	item.row = &row;
	return run_tell(run, &item.base);
}

static void open_read(struct run *run)
{
	struct forecasting *f = run->state;
	size_t limit = f->in->limit == 0 ? ROWS_DEFAULT : f->in->limit;
	Otklik__V1__ForecastSlaResponse last = OTKLIK__V1__FORECAST_SLA_RESPONSE__INIT;

	if (f->history_count > 1)
		qsort(f->history, f->history_count, sizeof *f->history, compare_timed);
	if (f->open_count > 1)
		qsort(f->open, f->open_count, sizeof *f->open, compare_open_timed);
	for (size_t i = 0; i < f->open_count; i++) {
		if (forecast_one(f, &f->open[i]) != 0) {
			run_no_memory(run);
			return;
		}
	}
	if (f->open_count > 1)
		qsort(f->open, f->open_count, sizeof *f->open, compare_open);
	for (size_t i = 0; i < f->open_count && i < limit; i++) {
		if (!tell_row(run, &f->open[i]))
			return;
	}
	last.done = true;
	last.clocks = (int64_t)f->open_count;
	last.history = (int64_t)f->history_count;
	if (run_tell(run, &last.base))
		run_end(run);
}
