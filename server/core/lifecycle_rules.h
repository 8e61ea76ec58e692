/* What a command must satisfy before anything is journalled. Private to server/core. */
#ifndef OTKLIK_CORE_LIFECYCLE_RULES_H
#define OTKLIK_CORE_LIFECYCLE_RULES_H

#include "core/lifecycle.h"

/* -OTK_INVALID_ARGUMENT with a violation for each wrong field. */
int rules_check_fields(
        const struct change *c, const struct command *cmd, int64_t now, struct otk_error *err);
int rules_check_new(
        const struct new_ticket *in, const struct actor *actor, struct otk_error *err);

/* Which side may do it: -OTK_PERMISSION_DENIED. */
int rules_check_actor(const struct change *c, const struct command *cmd, struct otk_error *err);

/* -OTK_FAILED_PRECONDITION naming the state and what is allowed from it. */
int rules_check_state(
        const struct change *c, const struct command *cmd, int64_t now, struct otk_error *err);

/* -OTK_FAILED_PRECONDITION where it is too late to reopen. */
int rules_reopen_window(const struct change *c, int64_t now, struct otk_error *err);

/* Why an assignment changes nothing: -OTK_FAILED_PRECONDITION. */
int rules_assigned_already(
        const struct change *c, const struct command *cmd, struct otk_error *err);

#endif
