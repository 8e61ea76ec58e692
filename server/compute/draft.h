/* A contract that is not stored, among those that are, as the rules see them. */
#ifndef OTKLIK_COMPUTE_DRAFT_H
#define OTKLIK_COMPUTE_DRAFT_H

#include "base/arena.h"
#include "base/status.h"
#include "core/reference.h"
#include "desk/installation.h"

struct draft {
	/* Every version and behind them the draft, none with levels: nobody is to be told. */
	struct reference ref;
	const struct ref_contract *contract; /* the draft, in `ref` */
	/* As `ref`, where the stored contracts of the draft's code are not in force any more.
	 */
	struct reference choosing;
};

/*
 * `thing` is the contract as contract_declare made it. Borrows from `live`, the rest is the
 * arena's. 0, -OTK_RESOURCE_EXHAUSTED, or another negative status with err.
 */
int draft_make(const struct reference *live, const struct thing *thing, struct arena *arena,
        struct draft *out, struct otk_error *err);

/* Whether the draft is what a ticket of this site and service would be under. */
bool draft_covers(const struct draft *draft, int32_t site_id, int32_t service_id, int64_t now);

/*
 * What a ticket was under: what its journal says, else what was in force when it was made, else
 * what is in force now; NULL: nothing promised. In `draft->ref`.
 */
const struct ref_contract *draft_in_force(const struct draft *draft,
        const struct reference *live, const struct event *created, int64_t now);

#endif
