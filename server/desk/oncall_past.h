/*
 * Rotas and overrides as they were in force in a stretch of time that began in the past.
 * Servers hold what now and ahead matters; this is read when somebody asks.
 */
#ifndef OTKLIK_DESK_ONCALL_PAST_H
#define OTKLIK_DESK_ONCALL_PAST_H

#include "base/arena.h"
#include "base/status.h"
#include "core/reference.h"

struct db_unit;

enum { ONCALL_PAST_ROTAS = 2000, ONCALL_PAST_OVERRIDES = 5000 };

/* Two calls: of a team (0: of all) in [from, to). */
void oncall_past_calls(struct db_unit *unit, int32_t team_id, int64_t from, int64_t to);

/*
 * Their rows (from call `first` on) as reference data that are `now` but for rotas and
 * overrides; it borrows from `now`, from the rows and the arena. oncall_past_release frees the
 * rest. 0; -OTK_OUT_OF_RANGE: more than the limits above; -OTK_DATA_LOSS;
 * -OTK_RESOURCE_EXHAUSTED.
 */
int oncall_past_read(const struct db_unit *unit, size_t first, struct arena *arena,
        const struct reference *now, struct reference *out, struct otk_error *err);
void oncall_past_release(struct reference *past);

#endif
