/* Outcomes of many tickets, gathered. */
#include "core/simulation.h"

#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "base/tz.h"
#include "core/calendar_history.h"
#include "core/sla.h"
#include "core/statistics.h"
#include "core/survival.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US (24 * HOUR_US)

void simulation_clear(struct simulation *s)
{
	for (size_t i = 0; i < s->cell_count; i++) {
		free(s->cells[i].consumed);
		free(s->cells[i].lasting);
	}
	free(s->services.ids);
	free(s->teams.ids);
	free(s->cells);
	free(s->months);
	free(s->reasons);
	*s = (struct simulation){0};
}

/* Room for one more; NULL where there is none, or past `most`. */
static void *room(void *array, size_t count, size_t *cap, size_t most, size_t size)
{
	size_t wanted = *cap == 0 ? 16 : *cap * 2;
	void *grown;

	if (count < *cap)
		return array;
	if (count >= most)
		return NULL;
	grown = realloc(array, wanted * size);
	if (grown != NULL)
		*cap = wanted;
	return grown;
}

/* --- cells -------------------------------------------------------------------------------- */

static bool same_key(const struct simulation_key *a, const struct simulation_key *b)
{
	return a->clock == b->clock && a->type == b->type && a->priority == b->priority &&
	       a->service_id == b->service_id && a->team_id == b->team_id;
}

const struct simulation_cell *simulation_find(
        const struct simulation *s, const struct simulation_key *key)
{
	for (size_t i = 0; i < s->cell_count; i++) {
		if (same_key(&s->cells[i].key, key))
			return &s->cells[i];
	}
	return NULL;
}

static struct simulation_cell *cell_at(struct simulation *s, const struct simulation_key *key)
{
	struct simulation_cell *found =
	        (struct simulation_cell *)(uintptr_t)simulation_find(s, key);
	struct simulation_cell *cells;

	if (found != NULL)
		return found;
	cells = room(
	        s->cells, s->cell_count, &s->cell_cap, SIMULATION_CELLS_MAX, sizeof *cells);
	if (cells == NULL)
		return NULL;
	s->cells = cells;
	found = &cells[s->cell_count++];
	*found = (struct simulation_cell){.key = *key};
	return found;
}

/* --- what is told apart ------------------------------------------------------------------- */

static bool has_id(const struct simulation_ids *list, int32_t id)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list->count && list->ids[low] == id;
}

static int add_id(struct simulation_ids *list, int32_t id)
{
	int32_t *ids;
	size_t at;

	if (id == 0 || has_id(list, id))
		return 0;
	ids = room(list->ids, list->count, &list->cap, SIMULATION_CELLS_MAX, sizeof *ids);
	if (ids == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	list->ids = ids;
	for (at = list->count++; at > 0 && ids[at - 1] > id; at--)
		ids[at] = ids[at - 1];
	ids[at] = id;
	return 0;
}

int simulation_tell_apart(struct simulation *s, const struct ref_contract *contract)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < contract->target_count; i++) {
		rc = add_id(&s->services, contract->targets[i].service_id);
		if (rc == 0)
			rc = add_id(&s->teams, contract->targets[i].team_id);
	}
	for (size_t i = 0; rc == 0 && i < contract->credit_count; i++)
		rc = add_id(&s->services, contract->credits[i].service_id);
	return rc;
}

static struct simulation_key key_of(
        const struct simulation *s, const struct simulated_outcome *o)
{
	bool team = o->clock == CLOCK_OPERATIONAL && has_id(&s->teams, o->team_id);

	return (struct simulation_key){.clock = o->clock,
	        .type = o->type,
	        .priority = o->priority,
	        .service_id = has_id(&s->services, o->service_id) ? o->service_id : 0,
	        .team_id = team ? o->team_id : 0};
}

/* --- adding to cells ---------------------------------------------------------------------- */

static int keep(struct simulation *s, int64_t **times, size_t *count, size_t *cap, int64_t us)
{
	int64_t *grown;

	if (s->outcomes >= SIMULATION_OUTCOMES_MAX)
		return -OTK_RESOURCE_EXHAUSTED;
	grown = room(*times, *count, cap, SIMULATION_OUTCOMES_MAX, sizeof *grown);
	if (grown == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	*times = grown;
	grown[(*count)++] = us;
	s->outcomes++;
	return 0;
}

static int64_t over(const struct simulated_outcome *o)
{
	return o->consumed_us > o->target_us ? o->consumed_us - o->target_us : 0;
}

static void count_outcome(struct simulation_cell *cell, const struct simulated_outcome *o)
{
	if (o->breached_at != 0 && o->waived) {
		cell->waived++;
		return;
	}
	if (o->breached_at != 0) {
		cell->breached++;
		cell->breach_us += over(o);
	} else if (o->state == CLOCK_MET) {
		cell->met++;
	} else if (o->state == CLOCK_VOID) {
		cell->silent++;
		return;
	} else {
		cell->open++;
		return;
	}
	cell->consumed_us += o->consumed_us;
	cell->paused_us += o->paused_us;
}

static int add_cell(struct simulation *s, const struct simulated_outcome *o)
{
	struct simulation_key key = key_of(s, o);
	struct simulation_cell *cell = cell_at(s, &key);

	if (cell == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	cell->target_us = o->target_us;
	cell->wall = o->wall;
	count_outcome(cell, o);
	if (o->state == CLOCK_MET || o->state == CLOCK_LATE)
		return keep(s, &cell->consumed, &cell->count, &cell->cap, o->consumed_us);
	if (o->state == CLOCK_VOID && o->breached_at == 0)
		return 0;
	return keep(
	        s, &cell->lasting, &cell->lasting_count, &cell->lasting_cap, o->consumed_us);
}

int simulation_safe(const struct simulation_cell *cell, int percent, int64_t *us)
{
	struct survival_time *times =
	        calloc(cell->count + cell->lasting_count + 1, sizeof *times);
	struct survival survival;
	size_t n = 0;
	int rc;

	if (times == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < cell->count; i++)
		times[n++] = (struct survival_time){.us = cell->consumed[i], .ended = true};
	for (size_t i = 0; i < cell->lasting_count; i++)
		times[n++] = (struct survival_time){.us = cell->lasting[i]};
	rc = survival_make(times, n, &survival);
	free(times);
	if (rc != 0)
		return rc;
	rc = survival_quantile(&survival, percent, us) ? 1 : 0;
	survival_free(&survival);
	return rc;
}

/* --- months ------------------------------------------------------------------------------- */

static const struct tz *zone_of(const struct reference *ref, int32_t calendar_id, int64_t at)
{
	struct calendar_history history = sla_history(ref, calendar_id, at);
	const struct tz *tz = NULL;

	return history_zone(&history, at, &tz) < 0 ? NULL : tz;
}

static int32_t month_of(const struct reference *ref, int32_t calendar_id, int64_t at)
{
	const struct tz *tz = zone_of(ref, calendar_id, at);
	int64_t local = tz == NULL ? at : tz_to_local(tz, at);
	int64_t year;
	int month, day;

	time_civil_from_days(
	        local / DAY_US - (local % DAY_US < 0 ? 1 : 0), &year, &month, &day);
	return (int32_t)(year * 12 + month - 1);
}

bool simulation_month_whole(const struct reference *ref, int32_t calendar_id, int32_t month,
        int64_t from, int64_t to)
{
	return month_of(ref, calendar_id, from - 1) < month &&
	       month_of(ref, calendar_id, to) > month;
}

static int add_month(
        struct simulation *s, const struct reference *ref, const struct simulated_outcome *o)
{
	bool breached = o->breached_at != 0;
	struct simulation_month month = {.key = key_of(s, o)};
	struct simulation_month *months;
	size_t i = 0;

	if (breached ? o->waived : o->state != CLOCK_MET)
		return 0;
	month.month = month_of(ref, o->calendar_id, breached ? o->breached_at : o->ended_at);
	while (i < s->month_count &&
	        (s->months[i].month != month.month || !same_key(&s->months[i].key, &month.key)))
		i++;
	if (i == s->month_count) {
		months = room(s->months, s->month_count, &s->month_cap, SIMULATION_CELLS_MAX,
		        sizeof *months);
		if (months == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		s->months = months;
		months[s->month_count++] = month;
	}
	s->months[i].breached += breached;
	s->months[i].met += !breached;
	return 0;
}

/* --- reasons ------------------------------------------------------------------------------ */

static struct simulation_reason *reason_new(
        struct simulation *s, const struct simulation_reason *what)
{
	struct simulation_reason *reasons = room(s->reasons, s->reason_count, &s->reason_cap,
	        SIMULATION_REASONS_MAX, sizeof *reasons);

	if (reasons == NULL)
		return NULL;
	s->reasons = reasons;
	reasons[s->reason_count] = *what;
	return &reasons[s->reason_count++];
}

/* Of hours and states each has its place: there is no need to look for it. */
static struct simulation_reason *reason_of(
        struct simulation *s, const struct simulation_reason *what)
{
	int32_t *place = NULL;

	if (what->kind == REASON_HOUR)
		place = &s->places[what->clock][what->id];
	else if (what->kind == REASON_STATE)
		place = &s->places[what->clock][SIMULATION_HOURS +
		                                what->id * PENDING_REASON_COUNT + what->sub];
	if (place != NULL && *place != 0)
		return &s->reasons[*place - 1];
	for (size_t i = 0; place == NULL && i < s->reason_count; i++) {
		struct simulation_reason *reason = &s->reasons[i];

		if (reason->kind == what->kind && reason->id == what->id &&
		        reason->clock == what->clock)
			return reason;
	}
	if (place != NULL)
		*place = (int32_t)s->reason_count + 1;
	return reason_new(s, what);
}

static int add_reason(struct simulation *s, const struct simulation_reason *what, int64_t us)
{
	struct simulation_reason *reason;

	if (us <= 0)
		return 0;
	reason = reason_of(s, what);
	if (reason == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	reason->counted_us += us;
	reason->clocks++;
	return 0;
}

static int64_t local_of(const struct tz *tz, int64_t at)
{
	return tz == NULL ? at : tz_to_local(tz, at);
}

/* Counted time by hour of the local week: whole weeks at once where the offset from UTC stays,
 * the rest hour by hour of the clock on the wall. */
static void spread_hours(
        int64_t from, int64_t to, const struct tz *tz, int64_t hours[SIMULATION_HOURS])
{
	const int64_t week = 7 * DAY_US;

	while (from < to) {
		int64_t local = local_of(tz, from);
		int64_t piece = HOUR_US - local % HOUR_US;

		if (to - from >= week && local_of(tz, from + week) - local == week) {
			for (int i = 0; i < SIMULATION_HOURS; i++)
				hours[i] += HOUR_US;
			from += week;
			continue;
		}
		if (piece > to - from)
			piece = to - from;
		/* 1970-01-01 was a Thursday. */
		hours[(local / HOUR_US + 3 * 24) % SIMULATION_HOURS] += piece;
		from += piece;
	}
}

static int stretch_hours(const struct reference *ref, const struct simulated_outcome *o,
        const struct simulated_stretch *stretch, int64_t hours[SIMULATION_HOURS])
{
	const struct tz *tz = zone_of(ref, o->calendar_id, stretch->from);
	struct calendar_history history = sla_history(ref, o->calendar_id, stretch->to);
	struct calendar_iter iter;
	struct calendar_interval piece;
	int rc;

	if (o->wall) {
		spread_hours(stretch->from, stretch->to, tz, hours);
		return 0;
	}
	calendar_iter_start(&iter, &history, stretch->from, stretch->to);
	while ((rc = calendar_iter_next(&iter, &piece)) == 1) {
		if (piece.kind == CALENDAR_OPEN)
			spread_hours(piece.from, piece.to, tz, hours);
	}
	return rc;
}

/* Sums of one clock before they are added: it counts once in each place. */
struct places {
	int64_t states[SIMULATION_STATES];
	int64_t hours[SIMULATION_HOURS];
};

/* Stretches of one team or site follow one another: each run of them is added at once. */
static int add_runs(struct simulation *s, const struct simulated_outcome *o,
        enum simulation_reason_kind kind)
{
	int64_t sum = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->stretch_count; i++) {
		const struct simulated_stretch *here = &o->stretches[i];
		const struct simulated_stretch *next =
		        i + 1 < o->stretch_count ? here + 1 : NULL;
		int32_t id = kind == REASON_TEAM ? here->team_id : here->site_id;

		sum += here->counted_us;
		if (next != NULL && id == (kind == REASON_TEAM ? next->team_id : next->site_id))
			continue;
		rc = add_reason(s,
		        &(struct simulation_reason){.clock = o->clock, .kind = kind, .id = id},
		        sum);
		sum = 0;
	}
	return rc;
}

static int add_reasons(
        struct simulation *s, const struct reference *ref, const struct simulated_outcome *o)
{
	struct places places = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->stretch_count; i++) {
		const struct simulated_stretch *stretch = &o->stretches[i];

		s->broken_us[o->clock] += stretch->counted_us;
		places.states[(int)stretch->state * PENDING_REASON_COUNT +
		              (int)stretch->reason] += stretch->counted_us;
		rc = stretch_hours(ref, o, stretch, places.hours);
	}
	for (int i = 0; rc == 0 && i < SIMULATION_STATES; i++)
		rc = add_reason(s,
		        &(struct simulation_reason){.clock = o->clock,
		                .kind = REASON_STATE,
		                .id = i / PENDING_REASON_COUNT,
		                .sub = i % PENDING_REASON_COUNT},
		        places.states[i]);
	for (int i = 0; rc == 0 && i < SIMULATION_HOURS; i++)
		rc = add_reason(s,
		        &(struct simulation_reason){
		                .clock = o->clock, .kind = REASON_HOUR, .id = i},
		        places.hours[i]);
	if (rc == 0)
		rc = add_runs(s, o, REASON_TEAM);
	return rc == 0 ? add_runs(s, o, REASON_SITE) : rc;
}

/* --- all of it ---------------------------------------------------------------------------- */

int simulation_add(struct simulation *s, const struct reference *ref,
        const struct ref_contract *contract, const struct simulated *ticket)
{
	int rc = simulation_tell_apart(s, contract);

	if (ticket->cancelled) {
		s->cancelled++;
		return 0;
	}
	if (ticket->self_recovered)
		s->self_recovered++;
	s->tickets++;
	s->observed += ticket->observed;
	for (size_t i = 0; rc == 0 && i < ticket->count; i++) {
		const struct simulated_outcome *o = &ticket->outcomes[i];

		rc = add_cell(s, o);
		if (rc == 0)
			rc = add_month(s, ref, o);
		if (rc == 0 && o->breached_at != 0 && !o->waived)
			rc = add_reasons(s, ref, o);
	}
	return rc;
}

static int compare_keys(const struct simulation_key *x, const struct simulation_key *y)
{
	if (x->clock != y->clock)
		return (int)x->clock - (int)y->clock;
	if (x->type != y->type)
		return (int)x->type - (int)y->type;
	if (x->priority != y->priority)
		return x->priority - y->priority;
	if (x->service_id != y->service_id)
		return x->service_id < y->service_id ? -1 : 1;
	return x->team_id < y->team_id ? -1 : x->team_id > y->team_id;
}

static int compare_cells(const void *a, const void *b)
{
	const struct simulation_cell *x = a, *y = b;

	return compare_keys(&x->key, &y->key);
}

static int compare_months(const void *a, const void *b)
{
	const struct simulation_month *x = a, *y = b;

	return x->month != y->month ? x->month - y->month : compare_keys(&x->key, &y->key);
}

static int compare_reasons(const void *a, const void *b)
{
	const struct simulation_reason *x = a, *y = b;

	if (x->clock != y->clock)
		return (int)x->clock - (int)y->clock;
	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	return x->counted_us > y->counted_us ? -1 : x->counted_us < y->counted_us;
}

void simulation_finish(struct simulation *s)
{
	for (size_t i = 0; i < s->cell_count; i++)
		sort_i64(s->cells[i].consumed, s->cells[i].count);
	if (s->cell_count > 1)
		qsort(s->cells, s->cell_count, sizeof *s->cells, compare_cells);
	if (s->month_count > 1)
		qsort(s->months, s->month_count, sizeof *s->months, compare_months);
	if (s->reason_count > 1)
		qsort(s->reasons, s->reason_count, sizeof *s->reasons, compare_reasons);
}
