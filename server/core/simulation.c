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

/* Services are told apart only where a target or a credit does. */
static int32_t told_service(
        const struct ref_contract *contract, const struct simulated_outcome *o)
{
	for (size_t i = 0; i < contract->target_count; i++) {
		if (contract->targets[i].service_id != 0 &&
		        contract->targets[i].service_id == o->service_id)
			return o->service_id;
	}
	for (size_t i = 0; i < contract->credit_count; i++) {
		if (contract->credits[i].service_id != 0 &&
		        contract->credits[i].service_id == o->service_id)
			return o->service_id;
	}
	return 0;
}

static int keep_consumed(struct simulation *s, struct simulation_cell *cell, int64_t us)
{
	int64_t *times;

	if (s->outcomes >= SIMULATION_OUTCOMES_MAX)
		return -OTK_RESOURCE_EXHAUSTED;
	times = room(cell->consumed, cell->count, &cell->cap, SIMULATION_OUTCOMES_MAX,
	        sizeof *times);
	if (times == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	cell->consumed = times;
	times[cell->count++] = us;
	s->outcomes++;
	return 0;
}

static int64_t over(const struct simulated_outcome *o)
{
	return o->consumed_us > o->target_us ? o->consumed_us - o->target_us : 0;
}

static struct simulation_key key_of(
        const struct ref_contract *contract, const struct simulated_outcome *o)
{
	return (struct simulation_key){.clock = o->clock,
	        .type = o->type,
	        .priority = o->priority,
	        .service_id = told_service(contract, o)};
}

static int add_cell(struct simulation *s, const struct ref_contract *contract,
        const struct simulated_outcome *o)
{
	struct simulation_key key = key_of(contract, o);
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

static int add_month(struct simulation *s, const struct reference *ref,
        const struct ref_contract *contract, const struct simulated_outcome *o)
{
	bool breached = o->breached_at != 0;
	struct simulation_month month = {.key = key_of(contract, o)};
	struct simulation_month *months;
	size_t i = 0;

	if (!breached && o->state != CLOCK_MET)
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

static bool credit_is_for(const struct ref_credit *credit, const struct simulation_key *key)
{
	return credit->clock == key->clock &&
	       (credit->type == 0 || credit->type == (int16_t)key->type) &&
	       (credit->priority == 0 || credit->priority == key->priority) &&
	       (credit->service_id == 0 || credit->service_id == key->service_id);
}

static bool same_steps(const struct ref_credit *a, const struct ref_credit *b)
{
	return a->clock == b->clock && a->type == b->type && a->priority == b->priority &&
	       a->service_id == b->service_id;
}

/* Whether this step holds in the months [first, end) of cells, which are of one month. */
static bool step_holds(
        const struct simulation *s, size_t first, size_t end, const struct ref_credit *credit)
{
	int64_t met = 0, n = 0;

	for (size_t i = first; i < end; i++) {
		const struct simulation_month *month = &s->months[i];

		if (!credit_is_for(credit, &month->key))
			continue;
		met += month->met;
		n += month->met + month->breached;
	}
	return n > 0 && met * 10000 < (int64_t)credit->below * n;
}

static void give_credit(const struct simulation *s, const struct ref_contract *contract,
        size_t first, size_t end, struct simulation_sum *sum)
{
	int64_t share = 0;

	for (size_t i = 0; i < contract->credit_count; i++) {
		const struct ref_credit *credit = &contract->credits[i];
		bool lowest = step_holds(s, first, end, credit);

		for (size_t k = 0; lowest && k < contract->credit_count; k++) {
			const struct ref_credit *other = &contract->credits[k];

			if (same_steps(credit, other) && other->below < credit->below &&
			        step_holds(s, first, end, other))
				lowest = false;
		}
		share += lowest ? credit->credit : 0;
	}
	if (contract->credit_cap > 0 && share > contract->credit_cap)
		share = contract->credit_cap;
	if (share > 10000)
		share = 10000;
	sum->credit_share = (int32_t)share;
	if (contract->period > 0)
		sum->credit =
		        (contract->fee / contract->period * share +
		                contract->fee % contract->period * share / contract->period +
		                5000) /
		        10000;
}

size_t simulation_sums(const struct simulation *s, const struct ref_contract *contract,
        struct simulation_sum *out, size_t cap)
{
	size_t count = 0;

	for (size_t first = 0, end; first < s->month_count; first = end) {
		struct simulation_sum sum = {.month = s->months[first].month};

		for (end = first; end < s->month_count && s->months[end].month == sum.month;
		        end++) {
			if (s->months[end].key.clock > CLOCK_RESOLUTION)
				continue;
			sum.met += s->months[end].met;
			sum.breached += s->months[end].breached;
		}
		if (contract != NULL)
			give_credit(s, contract, first, end, &sum);
		if (count < cap)
			out[count] = sum;
		count++;
	}
	return count;
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
			rc = add_month(s, ref, contract, o);
		if (rc == 0 && o->breached_at != 0)
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
	return x->service_id < y->service_id ? -1 : x->service_id > y->service_id;
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
