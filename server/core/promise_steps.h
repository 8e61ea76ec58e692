/*
 * What commands and time do to a promise, as events. Private to server/core: the public face is
 * lifecycle.h.
 */
#ifndef OTKLIK_CORE_PROMISE_STEPS_H
#define OTKLIK_CORE_PROMISE_STEPS_H

#include "core/clocks.h"
#include "core/lifecycle.h"

/* What the command's fields must satisfy; -OTK_INVALID_ARGUMENT with the violations. */
int promise_check(
        const struct change *c, const struct command *cmd, int64_t now, struct otk_error *err);

/*
 * The PROMISED entry of a command, without its text. -OTK_FAILED_PRECONDITION where it would
 * change nothing, -OTK_INVALID_ARGUMENT where it lacks a reason or cites the wrong message.
 */
int promise_event(const struct act *act, const struct command *cmd, struct event *e);

/* Time's own: when the owner is to be warned, and when the date passes; 0: neither is owed. */
int64_t promise_warning_due(const struct ticket *t);
int64_t promise_breach_due(const struct ticket *t);
int promise_warn(const struct act *act);
int promise_break(const struct act *act, enum event_cause cause);

/* A reopen after the date breaks what a resolve had kept, as of the reopen. */
int promise_reopened(const struct act *act);

#endif
