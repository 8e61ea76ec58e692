/*
 * What commands and time do to the clocks of a ticket, as events. Private to server/core: the
 * public face is lifecycle.h.
 */
#ifndef OTKLIK_CORE_CLOCKS_H
#define OTKLIK_CORE_CLOCKS_H

#include "core/change.h"

/* One act: who, at which instant it happens, and when it is written down. */
struct act {
	struct change *c;
	struct actor actor;
	int64_t at;
	int64_t now; /* later than `at` where time's own act is journalled late */
	struct otk_error *err;
	int64_t until; /* of a tick: what is owed before; 0: before `now` */
	/* Not NONE: levels that time reaches are skipped, for this reason. */
	enum event_cause quiet;
};

/* An event of the act that touches nothing yet; it is public unless made internal. */
struct event act_event(const struct act *act, enum event_kind kind);

/* Appends the event and projects it; where it gives the ticket to another team the operational
 * clock goes round. 0, or a negative status with the error filled. */
int act_emit(const struct act *act, const struct event *e);

/* Fills the error for a status that came from arithmetic or memory; returns it. */
int act_fail(const struct act *act, int status);

/* All return 0 or a negative status with the error filled; clocks that do not exist or are not
 * in the needed state are left alone. */
int clock_start(const struct act *act, enum clock_kind kind, enum event_cause cause);
int clock_stop(const struct act *act, enum clock_kind kind);
int clock_breach(const struct act *act, enum clock_kind kind, enum event_cause cause);
/* Fires a level, with what its actions do to the ticket. */
int clock_fire(const struct act *act, enum clock_kind kind, int level);

/* What the team that has the ticket may keep it begins; without a team nothing does. */
int clock_hold(const struct act *act, enum event_cause cause);

/* Pauses and resumes every clock as the ticket's state and the contract say; the supplier's
 * starts and ends with the waiting. */
int clocks_follow_state(const struct act *act);

/*
 * A public message of a provider's human: stops the response and the update round; the next
 * one starts if the work goes on.
 */
int clocks_answered(const struct act *act, bool goes_on);

/* A human's resolve, and everything that ends without an outcome. */
int clocks_resolved(const struct act *act);
int clocks_void(const struct act *act, enum event_cause cause);

/* Runs the resolution again and arms the update clock. */
int clocks_reopened(const struct act *act);

/* Re-aims what runs after a change of what its targets depend on. */
int clock_reaim(const struct act *act, enum clock_kind kind, enum event_cause cause);
int clocks_retarget(const struct act *act, enum event_cause cause);

#endif
