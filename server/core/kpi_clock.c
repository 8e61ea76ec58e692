/* What clocks contribute to the rollups. */
#include "core/kpi_clock.h"

#include "base/clock.h"
#include "core/kpi_booking.h"

#define QUARTER_US (INT64_C(900) * CLOCK_SECOND)
#define BIT(clock) ((int16_t)(1 << (clock)))

static const struct {
	int met, breached, waived;
} METRICS[CLOCK_KIND_COUNT] = {
        [CLOCK_RESPONSE] = {KPI_RESPONSE_MET, KPI_RESPONSE_BREACHED, KPI_RESPONSE_WAIVED},
        [CLOCK_UPDATE] = {KPI_UPDATE_MET, KPI_UPDATE_BREACHED, KPI_UPDATE_WAIVED},
        [CLOCK_RESOLUTION] = {KPI_RESOLUTION_MET, KPI_RESOLUTION_BREACHED,
                KPI_RESOLUTION_WAIVED},
        [CLOCK_OPERATIONAL] = {KPI_OPERATIONAL_MET, KPI_OPERATIONAL_BREACHED,
                KPI_OPERATIONAL_WAIVED},
        [CLOCK_SUPPLIER] = {KPI_SUPPLIER_MET, KPI_SUPPLIER_BREACHED, KPI_SUPPLIER_WAIVED},
};

static bool is_set(int16_t bits, int clock)
{
	return (bits & BIT(clock)) != 0;
}

static void set_bit(int16_t *bits, int clock, bool value)
{
	*bits = (int16_t)(value ? *bits | BIT(clock) : *bits & ~BIT(clock));
}

static void book(struct fold *f, int metric, int64_t value)
{
	struct kpi_cell_key key = kpi_cell_here(f, metric, value);

	/* A hand-over moves the ticket before it stops the clock of the team that gave it away.
	 */
	if (f->e->clock == CLOCK_OPERATIONAL)
		key.team_id = f->s->held_team;
	kpi_book_at(f, &key, value);
}

/* --- the overrun ----------------------------------------------------------------------- */

static void overrun_count(struct fold *f)
{
	struct kpi_state *s = f->s;
	int clock = f->e->clock;
	int64_t over = f->e->consumed_us - s->target_us[clock];

	if (is_set(s->waived, clock) || s->cancelled || s->merged)
		return;
	book(f, KPI_OVERRUN_BASE + clock, over > 0 ? over / 1000 : 0);
	set_bit(&s->overrun, clock, true);
}

static void overrun_take_back(struct fold *f)
{
	struct kpi_state *s = f->s;
	int clock = f->e->clock;
	size_t at = kpi_note_last(s, KPI_OVERRUN_BASE + clock);

	if (is_set(s->overrun, clock) && at < s->note_count)
		kpi_note_take(f, at);
	set_bit(&s->overrun, clock, false);
}

/* --- outcomes -------------------------------------------------------------------------- */

static void started(struct fold *f)
{
	struct kpi_state *s = f->s;
	int clock = f->e->clock;

	set_bit(&s->broken, clock, false);
	set_bit(&s->waived, clock, false);
	set_bit(&s->overrun, clock, false);
	if (clock == CLOCK_RESPONSE)
		s->response_clock = true;
	else if (clock == CLOCK_RESOLUTION)
		s->resolution_clock = true;
	else if (clock == CLOCK_OPERATIONAL)
		s->held_team = s->team_id;
}

void kpi_clock_resolved(struct fold *f, int64_t consumed_us)
{
	struct kpi_state *s = f->s;

	kpi_book_duration(f, KPI_MTTR, consumed_us);
	if (!s->resolved_once)
		kpi_book_duration(f, KPI_FIRST_RESOLVE, consumed_us);
	s->resolved_once = true;
}

/* A round of the past of an imported ticket: also what it broke is nobody's. */
static void round_forget(struct fold *f)
{
	struct kpi_state *s = f->s;
	int clock = f->e->clock;
	size_t at = kpi_note_last(s, METRICS[clock].breached);

	if (is_set(s->broken, clock) && at < s->note_count)
		kpi_note_take(f, at);
	set_bit(&s->broken, clock, false);
}

static void stopped(struct fold *f)
{
	const struct event *e = f->e;
	struct kpi_state *s = f->s;
	bool met = e->clock_state == CLOCK_MET;

	if (e->cause == CAUSE_ARMED && e->clock > CLOCK_RESOLUTION) {
		round_forget(f);
		return;
	}
	if (e->cause == CAUSE_ARMED && e->clock == CLOCK_RESOLUTION)
		return; /* by a resolve that was taken back long ago */
	if (e->clock == CLOCK_RESOLUTION)
		kpi_clock_resolved(f, e->consumed_us);
	if ((e->clock == CLOCK_RESPONSE && s->response_breached) ||
	        (e->clock == CLOCK_RESOLUTION && s->resolution_breached))
		met = false;
	if (met)
		book(f, METRICS[e->clock].met, 1);
	if (e->clock_state == CLOCK_LATE)
		overrun_count(f);
}

static void voided(struct fold *f)
{
	if (f->e->clock == CLOCK_RESOLUTION)
		f->s->resolution_clock = false;
	if (is_set(f->s->broken, f->e->clock))
		overrun_count(f);
}

/* Paused or running again, a reopen and an undone merge included. */
static void goes_on(struct fold *f)
{
	if (f->e->clock == CLOCK_RESOLUTION)
		f->s->resolution_clock = true;
	overrun_take_back(f);
}

static void breached(struct fold *f)
{
	struct kpi_state *s = f->s;
	int clock = f->e->clock;
	bool known = (clock == CLOCK_RESPONSE && s->response_breached) ||
	             (clock == CLOCK_RESOLUTION && s->resolution_breached);

	if (!known)
		book(f, METRICS[clock].breached, 1);
	set_bit(&s->broken, clock, true);
	s->response_breached = s->response_breached || clock == CLOCK_RESPONSE;
	s->resolution_breached = s->resolution_breached || clock == CLOCK_RESOLUTION;
}

/* --- waivers --------------------------------------------------------------------------- */

/* The breach that is waived: of the rounds of the update clock the one that broke then, of the
 * provider's own the last. */
static size_t find_breach(const struct fold *f)
{
	const struct kpi_state *s = f->s;
	int64_t at = f->e->old_due_at;
	int32_t quarter = (int32_t)(at / QUARTER_US - (at % QUARTER_US < 0));
	int metric = METRICS[f->e->clock].breached;

	if (f->e->clock > CLOCK_RESOLUTION)
		return is_set(s->broken, f->e->clock) ? kpi_note_last(s, metric)
		                                      : s->note_count;
	for (size_t i = s->note_count; i-- > 0;) {
		if (s->notes[i].key.metric == metric && s->notes[i].key.quarter == quarter)
			return i;
	}
	return s->note_count;
}

/* Moved from the breaches to the waived ones, on the breach's own day. Of a merged ticket both
 * are taken back: an undo gives the waived one. */
static void waived(struct fold *f)
{
	struct kpi_state *s = f->s;
	struct kpi_cell_key key;
	size_t at;

	overrun_take_back(f);
	set_bit(&s->waived, f->e->clock, true);
	at = find_breach(f);
	if (at == s->note_count)
		return;
	key = s->notes[at].key;
	kpi_note_take(f, at);
	key.metric = (int16_t)METRICS[f->e->clock].waived;
	kpi_note_give(f, &key, 1);
}

void kpi_clock_event(struct fold *f)
{
	const struct event *e = f->e;

	if (e->clock < CLOCK_RESPONSE || e->clock >= CLOCK_KIND_COUNT)
		return; /* damaged */
	if (e->target_us >= 0)
		f->s->target_us[e->clock] = e->target_us;
	switch (e->kind) {
	case EVENT_CLOCK_STARTED:
		started(f);
		break;
	case EVENT_CLOCK_PAUSED:
	case EVENT_CLOCK_RESUMED:
		goes_on(f);
		break;
	case EVENT_CLOCK_STOPPED:
		stopped(f);
		break;
	case EVENT_CLOCK_BREACHED:
		breached(f);
		break;
	case EVENT_CLOCK_VOIDED:
		voided(f);
		break;
	case EVENT_CLOCK_WAIVED:
		waived(f);
		break;
	default: /* retargeted: the target is all of it */
		break;
	}
}
