/* What the actions of an escalation level do to the ticket. Private to server/core. */
#ifndef OTKLIK_CORE_ESCALATION_H
#define OTKLIK_CORE_ESCALATION_H

#include "core/clocks.h"

/*
 * Does to the ticket what the level asks: assigns, raises, makes watch, as events of cause
 * ESCALATED by the system. What cannot be done (somebody disabled since, a team retired) is
 * noted on the ticket; what is so already is left alone. 0 or a negative status, error filled.
 */
int escalation_effects(const struct act *act, enum clock_kind kind, const char *actions);

/* Whether the level, NULL for none, tells a lead or a manager. */
bool escalation_tells_above(const struct ref_level *level);

#endif
