/*
 * Service time under a calendar that is edited while clocks run: each edition acts from its
 * instant until the next one's. Clocks use these functions; a calendar that was never edited is
 * a history of one edition, and an empty history is open always (no contract).
 *
 * Errors as in calendar.h.
 */
#ifndef OTKLIK_CORE_CALENDAR_HISTORY_H
#define OTKLIK_CORE_CALENDAR_HISTORY_H

#include "core/calendar.h"
#include "core/duration.h"

struct calendar_edition {
	int64_t from_at; /* of the first edition: not looked at, it also holds before */
	struct calendar *calendar;
};

/* Ascending by from_at; of equal ones the last holds. Borrows everything. */
struct calendar_history {
	const struct calendar_edition *editions;
	size_t count;
};

/* The edition in force at an instant; NULL for an empty history. */
struct calendar *history_at(const struct calendar_history *history, int64_t at);

/* The zone in force; UTC for an empty history. */
int history_zone(const struct calendar_history *history, int64_t at, const struct tz **out);

/* Service time within [from, to), 0 if to <= from. */
int history_open_between(
        const struct calendar_history *history, int64_t from, int64_t to, int64_t *us);

int history_is_open(const struct calendar_history *history, int64_t at, bool *open);

/* The first open instant >= at. */
int history_next_open(const struct calendar_history *history, int64_t at, int64_t *open_at);

/* The last closing <= at: an instant that ends open time. */
int history_previous_closing(
        const struct calendar_history *history, int64_t at, int64_t *closed_at);

/* calendar_advance over the editions. */
int history_advance(const struct calendar_history *history, int64_t from, int64_t us,
        int64_t limit, int64_t *at, int64_t *left);

/* The earliest instant with `us` of service time after `from` (a closing, not the next opening;
 * us = 0: `from`). */
int history_after(
        const struct calendar_history *history, int64_t from, int64_t us, int64_t *at);

/* The earliest instant with `us` of service time up to `to` (us = 0: `to`). Knows no pauses:
 * the level "-30m" of a clock that paused is the due of its target less 30 minutes. */
int history_before(const struct calendar_history *history, int64_t to, int64_t us, int64_t *at);

/*
 * Business days: `from` rolls to the next open instant (its date is day 0), then the same local
 * time on the n-th later date that has open time; closed then: that day's preceding closing,
 * else its first opening. A date has open time if some lies between its midnights, whatever
 * date its span started on. *target is the service time from `from` to *at.
 */
int history_business_days(const struct calendar_history *history, int64_t from, int32_t days,
        int64_t *at, int64_t *target);

/*
 * The target in microseconds of service (wall: of wall) time; business days resolve from
 * `from`.
 */
int history_target_us(const struct calendar_history *history, int64_t from,
        const struct target *target, int64_t *us);

/*
 * When a clock started at `from` comes due. Pauses are wall intervals in any order, also
 * overlapping; `to` = CALENDAR_NEVER: not ended yet. Time in them does not count. Due is the
 * earliest instant at which the counted time equals the target; CALENDAR_NEVER if a pause
 * without end comes first. Business days fall where history_business_days says unless a pause
 * took service time before that; then their service time is the target.
 */
int history_due(const struct calendar_history *history, int64_t from,
        const struct target *target, const struct interval *pauses, size_t pause_count,
        int64_t *due);

/* Time counted within [from, to): service time, or wall time, without the pauses. */
int history_consumed(const struct calendar_history *history, int64_t from, int64_t to,
        bool wall, const struct interval *pauses, size_t pause_count, int64_t *us);

enum calendar_kind { CALENDAR_OPEN, CALENDAR_CLOSED, CALENDAR_HOLIDAY };

struct calendar_interval {
	int64_t from;
	int64_t to;
	enum calendar_kind kind; /* holiday: would have been open but for a holiday */
};

/* Walks the intervals that tile [at, to). */
struct calendar_iter {
	const struct calendar_history *history;
	int64_t at;
	int64_t to;
};

void calendar_iter_start(struct calendar_iter *iter, const struct calendar_history *history,
        int64_t from, int64_t to);

/* 1 and the next interval, 0 at the end, or a negative status. */
int calendar_iter_next(struct calendar_iter *iter, struct calendar_interval *out);

#endif
