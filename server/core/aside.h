/*
 * What stands beside the work on a ticket: waived breaches, questions, people who follow it.
 * Private to server/core: the public face is lifecycle.h, which says what each does.
 */
#ifndef OTKLIK_CORE_ASIDE_H
#define OTKLIK_CORE_ASIDE_H

#include "core/clocks.h"
#include "core/lifecycle.h"

/* What the command's fields must satisfy; -OTK_INVALID_ARGUMENT with the violations. */
int aside_check_waive(const struct command *cmd, struct otk_error *err);
int aside_check_follow(
        const struct change *c, const struct command *cmd, struct otk_error *err);

/* 0, or -OTK_FAILED_PRECONDITION where there is nothing to do. */
int aside_waive(const struct act *act, const struct command *cmd);
int aside_ask(const struct act *act, const struct command *cmd);
int aside_follow(const struct act *act, const struct command *cmd);

#endif
