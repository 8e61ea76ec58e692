/* Files on tickets: what the handlers that attach them share. */
#ifndef OTKLIK_RPC_ATTACHMENT_H
#define OTKLIK_RPC_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/change.h"
#include "db/unit.h"
#include "wire/schema.h"

/*
 * Journals that these files hang on the ticket of the change. 0 or negative with err. Their
 * content must be there: attachment_link_call, after the change's save_call in the same unit,
 * fails the unit with ABORTED where it is not.
 */
int attachment_events(struct change *change, const struct actor *actor, bool is_public,
        Otklik__V1__MailAttachment *const *files, size_t count, int64_t now,
        struct otk_error *err);

/* The rows of what the change journalled; `files` as for attachment_events, in that order. */
void attachment_link_call(struct db_unit *unit, const struct change *change,
        Otklik__V1__MailAttachment *const *files, size_t count);

#endif
