/*
 * Promises: the dates that people give to the customer. Wall time, never paused. The journal is
 * the ledger: every giving, moving and withdrawing is one PROMISED entry that says which way
 * the date went, who asked for it, and how it stood with the date before. Pure arithmetic, and
 * what commands and time do to a promise as events. See "Promises" in the README.
 *
 * Of a PROMISED entry: until_at is the new date (0: withdrawn), old_due_at the one before (0:
 * there was none), due_at when the owner will be warned (0: never), related_id the message that
 * asked for it, flags enum promise_flag of ticket.h, text the reason.
 */
#ifndef OTKLIK_CORE_PROMISE_H
#define OTKLIK_CORE_PROMISE_H

#include "core/change.h"

/* As far ahead as a date may lie: two years. */
#define PROMISE_AHEAD_MAX_US (INT64_C(731) * 86400 * 1000000)

/* A date that is about to be given, moved or withdrawn. Instants in microseconds, 0: none. */
struct promise_move {
	int64_t old_at;   /* the date in force */
	int64_t given_at; /* when that one was given */
	int64_t new_at;   /* 0: withdrawn */
	int64_t now;
	int64_t cadence_us; /* τ; 0 without one */
	bool first;         /* the ticket never had one */
	bool asked;         /* the customer asked for it */
};

/*
 * How long before a date a later one must be announced not to offend: τ or a fifth of the span
 * (from the giving to the date), whichever is longer.
 */
int64_t promise_notice_us(int64_t span_us, int64_t cadence_us);

/* Which flags the move's entry has. */
int16_t promise_flags(const struct promise_move *move);

/*
 * When the owner of a promise given at `given_at` for `at` is warned: half of the notice before
 * the notice begins, so that there is time to speak with the customer while the date can still
 * be moved decently; but not in the first half of the span.
 */
int64_t promise_warn_at(int64_t given_at, int64_t at, int64_t cadence_us);

/*
 * τ of the ticket at an instant: the target of its update clock, as wall time (a business day
 * as 24 hours). 0 without one.
 */
int64_t promise_cadence(const struct change *c, int64_t at);

/* Whether the promise still counts: given, and the ticket not done. */
bool promise_is_open(const struct ticket *t);

/* How a promise stands at an instant, also where the sweep has not looked yet; for people. */
enum promise_state {
	PROMISE_NONE = 0,
	PROMISE_OPEN = 1,
	PROMISE_KEPT = 2,   /* resolved by then */
	PROMISE_BROKEN = 3, /* passed unresolved */
	PROMISE_VOID = 4,   /* cancelled or merged before the date */
	PROMISE_WITHDRAWN = 5,
};
enum promise_state promise_state_of(const struct ticket *t, int64_t now);
const char *promise_state_name(enum promise_state state);

#endif
