/* Webhooks out of the outbox: lease what is due, post it side by side, say what came of it. */
#ifndef OTKLIK_NOTIFY_HOOKS_H
#define OTKLIK_NOTIFY_HOOKS_H

#include "notify/deliver.h"

struct hooks;
struct transfers;

/* Texts and transfers must outlive it. NULL with err: a secret that cannot be read. */
struct hooks *hooks_new(const struct deliver_options *options, struct transfers *transfers,
        struct otk_error *err);

/* Begins nothing more, gives back what was not begun; `drained` is called from the loop when
 * what is under way is marked. */
void hooks_drain(struct hooks *hooks, void (*drained)(void *context), void *context);

/* What is under way is broken off: its leases run out. */
void hooks_free(struct hooks *hooks);

#endif
