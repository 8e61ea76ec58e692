/*
 * What an edit of a calendar says of days that are over. It changes nothing: time already
 * counted stays. How many clocks it would have touched is told to whoever applies it.
 */
#ifndef OTKLIK_DESK_INSTALLATION_PAST_H
#define OTKLIK_DESK_INSTALLATION_PAST_H

#include "base/arena.h"
#include "db/unit.h"
#include "desk/installation.h"

enum { PAST_YEARS = 5 }; /* so far back it looks */

/* Days that are over, of one changed calendar. */
struct past {
	size_t change; /* index */
	size_t dates;
	int64_t first; /* days since 1970-01-01 */
	int64_t last;
	int64_t *from; /* instants of local midnights, runs of days together */
	int64_t *to;
	size_t runs;
};

/*
 * Finds the changed calendars of which some date that is over is spoken of otherwise than
 * before: holidays, special days, rules. 0; -OTK_RESOURCE_EXHAUSTED.
 */
int past_find(struct arena *arena, const struct thing_change *changes, size_t count,
        int64_t now, struct past **out, size_t *found);

/* A call for each, in order, which counts clocks; for every customer. */
void past_calls(struct db_unit *unit, const struct past *past, size_t count,
        const struct thing_change *changes, int64_t now);

/* Adds what was counted to the details of the changes. 0; -OTK_RESOURCE_EXHAUSTED. */
int past_remark(struct arena *arena, const struct db_unit *unit, const struct past *past,
        size_t count, struct thing_change *changes);

#endif
