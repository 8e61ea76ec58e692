/* What changed on a ticket since the version a caller knows, as sentences. */
#ifndef OTKLIK_RPC_TICKET_CHANGES_H
#define OTKLIK_RPC_TICKET_CHANGES_H

#include "base/arena.h"
#include "core/reference.h"
#include "db/rows.h"

/*
 * A sentence for each row of event_list, in the arena; a last one says how many entries up to
 * `current` are not among them. NULL when the arena is out.
 */
char **ticket_changes(struct arena *arena, const struct reference *ref,
        const struct db_rows *rows, int64_t known, int64_t current, size_t *count);

#endif
