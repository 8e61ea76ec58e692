/* Outcomes of many tickets, gathered. */
#include "core/simulation.h"

#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "base/tz.h"
#include "core/calendar_history.h"
#include "core/sla.h"
#include "core/statistics.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US (24 * HOUR_US)
enum { WEEK_HOURS = 168 };

void simulation_clear(struct simulation *s)
{
	for (size_t i = 0; i < s->cell_count; i++)
		free(s->cells[i].consumed);
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
	       a->service_id == b->service_id;
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

/* Services are told apart only where a target does. */
static int32_t told_service(
        const struct ref_contract *contract, const struct simulated_outcome *o)
{
	for (size_t i = 0; i < contract->target_count; i++) {
		if (contract->targets[i].service_id != 0 &&
		        contract->targets[i].service_id == o->service_id)
			return o->service_id;
	}
	return 0;
}

static int keep_consumed(struct simulation *s, struct simulation_cell *cell, int64_t us)
{
	int64_t *times = room(cell->consumed, cell->count, &cell->cap, SIMULATION_OUTCOMES_MAX,
	        sizeof *times);

	if (times == NULL || ++s->outcomes > SIMULATION_OUTCOMES_MAX)
		return -OTK_RESOURCE_EXHAUSTED;
	cell->consumed = times;
	times[cell->count++] = us;
	return 0;
}

static int64_t over(const struct simulated_outcome *o)
{
	return o->consumed_us > o->target_us ? o->consumed_us - o->target_us : 0;
}

static int add_cell(struct simulation *s, const struct ref_contract *contract,
        const struct simulated_outcome *o)
{
	struct simulation_key key = {.clock = o->clock,
	        .type = o->type,
	        .priority = o->priority,
	        .service_id = told_service(contract, o)};
	struct simulation_cell *cell = cell_at(s, &key);

	if (cell == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	cell->target_us = o->target_us;
	cell->wall = o->wall;
	if (o->breached_at != 0) {
		cell->breached++;
		cell->breach_us += over(o);
	} else if (o->state == CLOCK_MET) {
		cell->met++;
	} else if (o->state == CLOCK_VOID) {
		cell->silent++;
	} else {
		cell->open++;
	}
	if (o->state == CLOCK_MET || o->state == CLOCK_LATE)
		return keep_consumed(s, cell, o->consumed_us);
	return 0;
}

/* --- months ------------------------------------------------------------------------------- */

static const struct tz *zone_of(const struct reference *ref, int32_t calendar_id, int64_t at)
{
	struct calendar_history history = sla_history(ref, calendar_id, at);
	const struct tz *tz = NULL;

	return history_zone(&history, at, &tz) < 0 ? NULL : tz;
}

static int add_month(
        struct simulation *s, const struct reference *ref, const struct simulated_outcome *o)
{
	int64_t at = o->breached_at != 0 ? o->breached_at : o->ended_at;
	const struct tz *tz = zone_of(ref, o->calendar_id, at);
	int64_t local = tz == NULL ? at : tz_to_local(tz, at);
	struct simulation_month *months;
	int64_t year;
	int32_t number;
	int month, day;
	size_t i = 0;

	if (o->breached_at == 0 && o->state != CLOCK_MET)
		return 0;
	time_civil_from_days(
	        local / DAY_US - (local % DAY_US < 0 ? 1 : 0), &year, &month, &day);
	number = (int32_t)(year * 12 + month - 1);
	while (i < s->month_count &&
	        (s->months[i].month != number || s->months[i].clock != o->clock ||
	                s->months[i].priority != o->priority))
		i++;
	if (i == s->month_count) {
		months = room(s->months, s->month_count, &s->month_cap, SIMULATION_CELLS_MAX,
		        sizeof *months);
		if (months == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		s->months = months;
		months[s->month_count++] = (struct simulation_month){
		        .month = number, .clock = o->clock, .priority = o->priority};
	}
	if (o->breached_at != 0)
		s->months[i].breached++;
	else
		s->months[i].met++;
	s->months[i].breach_us += o->breached_at != 0 ? over(o) : 0;
	return 0;
}

/* --- reasons ------------------------------------------------------------------------------ */

static int add_reason(struct simulation *s, enum simulation_reason_kind kind, int32_t id,
        int32_t sub, int64_t us)
{
	struct simulation_reason *reasons;
	size_t i = 0;

	if (us <= 0)
		return 0;
	while (i < s->reason_count && (s->reasons[i].kind != kind || s->reasons[i].id != id ||
	                                      s->reasons[i].sub != sub))
		i++;
	if (i == s->reason_count) {
		reasons = room(s->reasons, s->reason_count, &s->reason_cap,
		        SIMULATION_CELLS_MAX, sizeof *reasons);
		if (reasons == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		s->reasons = reasons;
		reasons[s->reason_count++] =
		        (struct simulation_reason){.kind = kind, .id = id, .sub = sub};
	}
	s->reasons[i].counted_us += us;
	s->reasons[i].clocks++;
	return 0;
}

/* Counted time by hour of the local week: whole weeks at once, the rest hour by hour. */
static void spread_hours(
        int64_t from, int64_t to, const struct tz *tz, int64_t hours[WEEK_HOURS])
{
	int64_t weeks = (to - from) / (7 * DAY_US);
	int64_t local = tz == NULL ? from : tz_to_local(tz, from);
	int64_t left = to - from - weeks * 7 * DAY_US;

	for (int i = 0; weeks > 0 && i < WEEK_HOURS; i++)
		hours[i] += weeks * HOUR_US;
	while (left > 0) {
		int64_t piece = HOUR_US - local % HOUR_US;

		if (piece > left)
			piece = left;
		/* 1970-01-01 was a Thursday. */
		hours[(local / HOUR_US + 3 * 24) % WEEK_HOURS] += piece;
		local += piece;
		left -= piece;
	}
}

static int stretch_hours(const struct reference *ref, const struct simulated_outcome *o,
        const struct simulated_stretch *stretch, int64_t hours[WEEK_HOURS])
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
	int64_t states[TICKET_STATE_COUNT * PENDING_REASON_COUNT];
	int64_t hours[WEEK_HOURS];
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
		rc = add_reason(s, kind, id, 0, sum);
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

		s->broken_us += stretch->counted_us;
		places.states[(int)stretch->state * PENDING_REASON_COUNT +
		              (int)stretch->reason] += stretch->counted_us;
		rc = stretch_hours(ref, o, stretch, places.hours);
	}
	for (int i = 0; rc == 0 && i < TICKET_STATE_COUNT * PENDING_REASON_COUNT; i++)
		rc = add_reason(s, REASON_STATE, i / PENDING_REASON_COUNT,
		        i % PENDING_REASON_COUNT, places.states[i]);
	for (int i = 0; rc == 0 && i < WEEK_HOURS; i++)
		rc = add_reason(s, REASON_HOUR, i, 0, places.hours[i]);
	if (rc == 0)
		rc = add_runs(s, o, REASON_TEAM);
	return rc == 0 ? add_runs(s, o, REASON_SITE) : rc;
}

/* --- all of it ---------------------------------------------------------------------------- */

int simulation_add(struct simulation *s, const struct reference *ref,
        const struct ref_contract *contract, const struct simulated *ticket)
{
	int rc = 0;

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

		rc = add_cell(s, contract, o);
		if (rc == 0)
			rc = add_month(s, ref, o);
		if (rc == 0 && o->breached_at != 0)
			rc = add_reasons(s, ref, o);
	}
	return rc;
}

static int compare_cells(const void *a, const void *b)
{
	const struct simulation_key *x = &((const struct simulation_cell *)a)->key;
	const struct simulation_key *y = &((const struct simulation_cell *)b)->key;

	if (x->clock != y->clock)
		return (int)x->clock - (int)y->clock;
	if (x->type != y->type)
		return (int)x->type - (int)y->type;
	if (x->priority != y->priority)
		return x->priority - y->priority;
	return x->service_id < y->service_id ? -1 : x->service_id > y->service_id;
}

static int compare_months(const void *a, const void *b)
{
	const struct simulation_month *x = a, *y = b;

	if (x->month != y->month)
		return x->month - y->month;
	if (x->clock != y->clock)
		return (int)x->clock - (int)y->clock;
	return x->priority - y->priority;
}

static int compare_reasons(const void *a, const void *b)
{
	const struct simulation_reason *x = a, *y = b;

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
