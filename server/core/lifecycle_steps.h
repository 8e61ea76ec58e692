/* Steps of a ticket's life that commands, checks and time share. Private to server/core. */
#ifndef OTKLIK_CORE_LIFECYCLE_STEPS_H
#define OTKLIK_CORE_LIFECYCLE_STEPS_H

#include "core/clocks.h"

/* What holds without a contract, or where it does not say. Wall time. */
#define AUTO_CLOSE_DAYS 3
#define REOPEN_WINDOW_US (INT64_C(10) * 86400 * 1000000)

/* The state alone; clocks are the caller's. */
int step_to(const struct act *act, enum ticket_state state, enum event_cause cause);

/* To resolved, with the instant at which it will close by itself. */
int step_resolve(const struct act *act, enum event_cause cause);

/*
 * After an ASSIGNED event: the state that goes with it, and the clocks. A person who starts
 * anew has not started: work goes back to assigned.
 */
int step_assigned(const struct act *act, bool person_changed);

/* Back to work, with the clocks. */
int step_reopen(const struct act *act, enum event_cause cause);

/*
 * What time owes strictly before act->until, else act->now, as lifecycle_tick; act->at moves
 * along, and act->quiet has levels skipped.
 */
int tick(struct act *act);

/* Copies into the arena; "" and NULL give NULL. And an event with such a text. */
int step_keep_text(const struct act *act, const char *text, char **out);
int step_emit_text(const struct act *act, struct event *e, const char *text);

/* To a state, with the clocks; only these where it is in it already. */
int step_move(const struct act *act, enum ticket_state state, enum event_cause cause);

/* The last instant at which a resolved or closed ticket may be reopened. */
int64_t reopen_until(const struct change *c);

#endif
