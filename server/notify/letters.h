/* E-mail out of the outbox: lease a message, send it, say what came of it. */
#ifndef OTKLIK_NOTIFY_LETTERS_H
#define OTKLIK_NOTIFY_LETTERS_H

#include "notify/deliver.h"

struct letters;
struct transfers;

/* Texts and transfers must outlive it. NULL with err: a password that cannot be read. */
struct letters *letters_new(const struct deliver_options *options, struct transfers *transfers,
        struct otk_error *err);

/* Begins nothing more; `drained` is called from the loop when what is under way is marked. */
void letters_drain(struct letters *letters, void (*drained)(void *context), void *context);

/* What is under way is broken off: its lease runs out. */
void letters_free(struct letters *letters);

#endif
