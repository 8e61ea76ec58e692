/* Arithmetic of one clock over the calendar of its contract. */
#include "core/sla.h"

#include <string.h>

bool clock_is_open(const struct sla_clock *clock)
{
	return clock->state == CLOCK_RUNNING || clock->state == CLOCK_PAUSED;
}

const struct ref_contract *sla_contract(const struct change *c)
{
	return reference_contract(c->ref, c->ticket.contract_id);
}

struct calendar_history sla_history(
        const struct reference *ref, int32_t calendar_id, int64_t at)
{
	const struct ref_calendar *calendar = reference_calendar(ref, calendar_id);
	struct calendar_history known = {0};

	if (calendar == NULL || calendar->history == NULL)
		return known;
	known = *calendar->history;
	while (known.count > 1 && known.editions[known.count - 1].from_at > at)
		known.count--;
	return known;
}

static int target_rank(const struct ref_target *target, const struct ticket *ticket)
{
	if ((target->type != 0 && target->type != (int16_t)ticket->type) ||
	        (target->priority != 0 && target->priority != ticket->priority) ||
	        (target->service_id != 0 && target->service_id != ticket->service_id) ||
	        (target->team_id != 0 && target->team_id != ticket->team_id))
		return -1;
	return (target->team_id != 0 ? 8 : 0) + (target->service_id != 0 ? 4 : 0) +
	       (target->priority != 0 ? 2 : 0) + (target->type != 0 ? 1 : 0);
}

const struct ref_target *sla_target(const struct change *c, enum clock_kind kind, int64_t at)
{
	const struct ref_contract *contract = sla_contract(c);
	const struct ref_target *best = NULL;
	int best_rank = -1;

	if (contract == NULL || c->ticket.observed ||
	        (contract->withdrawn_at != 0 && contract->withdrawn_at <= at))
		return NULL;
	for (size_t i = 0; i < contract->target_count; i++) {
		const struct ref_target *target = &contract->targets[i];
		int rank = target->clock == kind ? target_rank(target, &c->ticket) : -1;

		if (rank > best_rank) {
			best = target;
			best_rank = rank;
		}
	}
	return best;
}

int sla_aim(const struct change *c, enum clock_kind kind, int64_t started_at, int64_t at,
        struct sla_clock *clock)
{
	const struct ref_target *target = sla_target(c, kind, at);
	int32_t calendar_id;
	int64_t us;

	if (target == NULL)
		return 0;
	calendar_id = reference_calendar_at(c->ref, sla_contract(c), c->ticket.site_id, at);
	us = target->target_us;
	if (target->target_bd != 0) {
		struct calendar_history history = sla_history(c->ref, calendar_id, at);
		int64_t place;
		int rc = history_business_days(
		        &history, started_at, target->target_bd, &place, &us);

		if (rc != 0)
			return rc;
	}
	clock->target_us = us;
	clock->target_bd = target->target_bd;
	clock->wall = target->wall;
	clock->calendar_id = calendar_id;
	return 1;
}

int sla_consumed(const struct change *c, const struct sla_clock *clock, int64_t at, int64_t *us)
{
	struct calendar_history history;
	int64_t passed = at - clock->anchor_at;
	int rc;

	if (clock->state != CLOCK_RUNNING || at <= clock->anchor_at) {
		*us = clock->consumed_us;
		return 0;
	}
	if (!clock->wall) {
		history = sla_history(c->ref, clock->calendar_id, at);
		rc = history_open_between(&history, clock->anchor_at, at, &passed);
		if (rc != 0)
			return rc;
	}
	*us = clock->consumed_us + passed;
	return 0;
}

/* The earliest instant from `at` on by which `us` more is consumed. */
static int after(const struct calendar_history *history, const struct sla_clock *clock,
        int64_t at, int64_t us, int64_t *out)
{
	int rc;

	if (us <= 0) {
		*out = at;
		return 0;
	}
	if (clock->wall) {
		*out = us < CALENDAR_END - at ? at + us : CALENDAR_END;
		return 0;
	}
	rc = history_after(history, at, us, out);
	if (rc == -OTK_OUT_OF_RANGE) {
		*out = CALENDAR_END;
		return 0;
	}
	return rc;
}

/*
 * A target of business days that lost no service time to pauses is due at its own place, which
 * may be an opening, not the closing before it.
 */
static int business_place(const struct calendar_history *history, const struct sla_clock *clock,
        int64_t consumed, int64_t at, int64_t *due)
{
	int64_t place;
	int64_t target;
	int64_t left;
	int rc = history_business_days(
	        history, clock->started_at, clock->target_bd, &place, &target);

	if (rc == 0 && place > at && target == clock->target_us) {
		rc = history_open_between(history, at, place, &left);
		if (rc == 0 && consumed + left == target)
			*due = place;
	}
	return rc;
}

static int due_under(const struct calendar_history *history, const struct sla_clock *clock,
        int64_t consumed, int64_t at, int64_t *due)
{
	int rc = after(history, clock, at, clock->target_us - consumed, due);

	if (rc == 0 && clock->target_bd != 0)
		rc = business_place(history, clock, consumed, at, due);
	return rc;
}

int sla_due(const struct change *c, const struct sla_clock *clock, int64_t consumed, int64_t at,
        int64_t *due)
{
	struct calendar_history history = sla_history(c->ref, clock->calendar_id, at);

	return due_under(&history, clock, consumed, at, due);
}

int sla_level_count(const struct change *c, enum clock_kind kind)
{
	const struct ref_contract *contract = sla_contract(c);
	int count = 0;

	for (size_t i = 0; contract != NULL && i < contract->level_count; i++) {
		const struct ref_level *level = &contract->levels[i];

		if (level->clock == kind && level->number > count &&
		        level->number <= LEVELS_MAX)
			count = level->number;
	}
	return count;
}

const struct ref_level *sla_level(const struct change *c, enum clock_kind kind, int number)
{
	const struct ref_contract *contract = sla_contract(c);

	for (size_t i = 0; contract != NULL && i < contract->level_count; i++) {
		const struct ref_level *level = &contract->levels[i];

		if (level->clock == kind && level->number == number)
			return level;
	}
	return NULL;
}

int64_t sla_level_threshold(const struct sla_clock *clock, const struct ref_level *level)
{
	if (level->percent != 0) /* in two parts: ten years × 1000 % would overflow */
		return clock->target_us / 100 * level->percent +
		       clock->target_us % 100 * level->percent / 100;
	return clock->target_us + level->offset_us;
}

static int level_at(const struct calendar_history *history, const struct sla_clock *clock,
        int64_t threshold, int64_t at, int64_t *out)
{
	if (threshold == clock->target_us && clock->due_at > at) {
		*out = clock->due_at;
		return 0;
	}
	return after(history, clock, at, threshold - clock->consumed_us, out);
}

/*
 * Not reached yet. The whole target is reached at due: after business days that may be an
 * opening, when all of the target's service time has been consumed by the closing before.
 */
static bool lies_ahead(const struct sla_clock *clock, int64_t threshold, int64_t at)
{
	if (threshold == clock->target_us)
		return clock->due_at == 0 || clock->due_at > at;
	return threshold > clock->consumed_us;
}

bool sla_ladder_stopped(const struct change *c, enum clock_kind kind)
{
	const struct ref_contract *contract = sla_contract(c);

	return contract != NULL && c->ticket.acknowledged_at != 0 &&
	       (contract->ack_stops & 1U << kind) != 0;
}

static int place_under(const struct change *c, const struct calendar_history *history,
        struct sla_clock *clock, int64_t at, bool rearm)
{
	bool stopped = sla_ladder_stopped(c, clock->kind);

	for (int i = 0; i < clock->level_count; i++) {
		struct clock_level *level = &clock->levels[i];
		const struct ref_level *written = sla_level(c, clock->kind, i + 1);
		int64_t threshold;
		bool future;
		int rc;

		if (written == NULL) { /* of a version that had more: rests until one has */
			if (level->state == LEVEL_ARMED)
				level->at = 0;
			continue;
		}
		if (stopped) {
			if (level->state == LEVEL_ARMED)
				*level = (struct clock_level){at, LEVEL_SKIPPED};
			continue;
		}
		threshold = sla_level_threshold(clock, written);
		future = lies_ahead(clock, threshold, at);
		if (level->state != LEVEL_ARMED && !(rearm && future))
			continue;
		/* One that was reached keeps its instant: it is owed. */
		if (!future && level->state == LEVEL_ARMED && level->at != 0 && level->at <= at)
			continue;
		level->state = LEVEL_ARMED;
		level->at = 0;
		if (clock->state == CLOCK_RUNNING || !future) {
			rc = level_at(history, clock, threshold, at, &level->at);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

int sla_place_levels(const struct change *c, struct sla_clock *clock, int64_t at, bool rearm)
{
	struct calendar_history history = sla_history(c->ref, clock->calendar_id, at);

	return place_under(c, &history, clock, at, rearm);
}

/* Business days are as long as the history makes them, also while the clock is paused. */
static int length_under(
        const struct calendar_history *history, const struct sla_clock *clock, bool *same)
{
	int64_t place;
	int64_t length = clock->target_us;
	int rc = 0;

	if (clock->target_bd != 0)
		rc = history_business_days(
		        history, clock->started_at, clock->target_bd, &place, &length);
	*same = length == clock->target_us;
	return rc;
}

/* Does the clock stand where this history would have put it? */
static int stands_under(const struct change *c, const struct calendar_history *history,
        const struct sla_clock *clock, bool *same)
{
	struct sla_clock other = *clock;
	int rc = length_under(history, clock, same);

	if (rc != 0 || !*same)
		return rc;
	if (clock->due_at > clock->anchor_at)
		rc = due_under(
		        history, clock, clock->consumed_us, clock->anchor_at, &other.due_at);
	if (rc == 0)
		rc = place_under(c, history, &other, clock->anchor_at, false);
	if (rc != 0)
		return rc;
	*same = other.due_at == clock->due_at;
	for (int i = 0; i < clock->level_count; i++)
		*same = *same && other.levels[i].at == clock->levels[i].at;
	return 0;
}

/*
 * The first instant from the clock's last entry on at which its site counts by another calendar
 * than the clock does; 0: none.
 */
static int64_t moved_at(const struct change *c, const struct sla_clock *clock)
{
	const struct ref_contract *contract = sla_contract(c);
	const struct ref_site *site =
	        c->ticket.site_id == 0 ? NULL : reference_site(c->ref, c->ticket.site_id);

	if (contract == NULL || site == NULL || site->calendar_count == 0)
		return 0;
	if (reference_calendar_at(c->ref, contract, site->id, clock->anchor_at) !=
	        clock->calendar_id)
		return clock->anchor_at;
	for (size_t i = 0; i < site->calendar_count; i++) {
		int64_t at = site->calendars[i].from_at;

		if (at > clock->anchor_at && reference_calendar_at(c->ref, contract, site->id,
		                                     at) != clock->calendar_id)
			return at;
	}
	return 0;
}

/* The first edition of the clock's calendar under which it would stand elsewhere. */
static int edition_at(const struct change *c, const struct sla_clock *clock, int64_t *at)
{
	const struct ref_calendar *calendar = reference_calendar(c->ref, clock->calendar_id);
	struct calendar_history known = {0};
	bool same = false;

	*at = 0;
	if (calendar == NULL || calendar->history == NULL || calendar->history->count < 2)
		return 0;
	known = *calendar->history;
	for (; known.count > 0; known.count--) {
		int rc = stands_under(c, &known, clock, &same);

		if (rc != 0)
			return rc;
		if (same)
			break;
	}
	if (known.count < calendar->history->count) {
		*at = calendar->history->editions[known.count].from_at;
		if (*at < clock->anchor_at)
			*at = clock->anchor_at;
	}
	return 0;
}

int sla_edited_at(const struct change *c, const struct sla_clock *clock, int64_t *at)
{
	int64_t moved;
	int rc;

	*at = 0;
	if (!clock_is_open(clock) || clock->wall)
		return 0;
	rc = edition_at(c, clock, at);
	if (rc != 0)
		return rc;
	moved = moved_at(c, clock);
	if (moved != 0 && (*at == 0 || moved < *at))
		*at = moved;
	return 0;
}
