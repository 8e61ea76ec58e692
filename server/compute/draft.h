/* A contract that is not stored, among those that are, as the rules see them. */
#ifndef OTKLIK_COMPUTE_DRAFT_H
#define OTKLIK_COMPUTE_DRAFT_H

#include "base/arena.h"
#include "base/status.h"
#include "core/reference.h"
#include "desk/installation.h"
#include "wire/schema.h"

struct draft {
	/* Every version and behind them the draft, none with levels: nobody is to be told. */
	struct reference ref;
	const struct ref_contract *contract; /* the draft, in `ref` */
	/* As `ref`, where the stored contracts of the draft's code are not in force any more.
	 */
	struct reference choosing;
	struct ref_calendar *calendars; /* its own, at the end of those of `ref` */
	size_t calendar_count;
};

/*
 * Calendars of a draft, checked as those of an installation are: `out` (an empty list with its
 * arena) has them, and in the sorted `stored` they stand where ones of their codes did. 0 or a
 * negative status with violations ("calendars[0].week").
 */
int draft_calendars_declare(Otklik__V1__Calendar *const *calendars, size_t count,
        struct thing_list *stored, struct thing_list *out, struct otk_error *err);

/* Puts them behind the live ones in `out->ref`. Private to the drafts. 0 or a negative status.
 */
int draft_calendars_make(const struct reference *live, const struct thing_list *calendars,
        struct arena *arena, struct draft *out);

/* What the draft means by a code: its own calendar, else the stored one; NULL. */
const struct ref_calendar *draft_calendar(const struct draft *draft, const char *code);

/*
 * `thing` is the contract as contract_declare made it, `calendars` those of its own. Borrows
 * from `live`, the rest is the arena's but for what draft_free frees (harmless on a cleared
 * one). 0, -OTK_RESOURCE_EXHAUSTED, or another negative status with err.
 */
int draft_make(const struct reference *live, const struct thing *thing,
        const struct thing_list *calendars, struct arena *arena, struct draft *out,
        struct otk_error *err);
void draft_free(struct draft *draft);

/* Whether the draft is what a ticket of this site and service would be under. */
bool draft_covers(const struct draft *draft, int32_t site_id, int32_t service_id, int64_t now);

/*
 * What a ticket was under: what its journal says, else what was in force when it was made, else
 * what is in force now; NULL: nothing promised. In `draft->ref`.
 */
const struct ref_contract *draft_in_force(const struct draft *draft,
        const struct reference *live, const struct event *created, int64_t now);

/* Of a ticket that was made under nothing, the first contract that was applied to it; NULL. */
const struct ref_contract *draft_applied(
        const struct draft *draft, const struct event *events, size_t count);

#endif
