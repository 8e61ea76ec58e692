/* Targets of a declared contract. */
#include <string.h>

#include "core/duration.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "rpc/installation_contract_internal.h"

enum { TARGETS_MAX = 200 };

static bool is_same_key(const struct term_target *a, const struct term_target *b)
{
	return a->type == b->type && a->priority == b->priority && a->clock == b->clock &&
	       strcmp(a->service, b->service) == 0 && strcmp(a->team, b->team) == 0;
}

static void read_target(const struct contract_reading *r, size_t i)
{
	const Otklik__V1__Target *in = r->in->targets[i];
	struct term_target *out = &r->terms->targets[r->terms->target_count];
	const char *prefix = contract_path(r, "targets[%zu]", i);
	struct declare *d = r->d;
	char text[DURATION_TEXT_SIZE];
	struct target length;

	*out = (struct term_target){
	        .priority = (int16_t)in->priority, .service = in->service, .team = in->team};
	contract_tickets(r, prefix, in->type, in->priority, in->service, &out->type);
	if (!contract_clock(d, declare_path(d, "%s.clock", prefix), in->clock, &out->clock))
		return;
	if (*in->team != '\0' && out->clock != CLOCK_OPERATIONAL)
		error_field(d->err, declare_path(d, "%s.team", prefix),
		        "only an operational target binds a team");
	else if (*in->team != '\0')
		(void)declare_known(
		        d, &d->teams, in->team, declare_path(d, "%s.team", prefix), "team");
	if (target_parse(in->target, declare_path(d, "%s.target", prefix), &length, d->err) < 0)
		return;
	if (length.us == 0 && length.business_days == 0)
		error_field(d->err, declare_path(d, "%s.target", prefix),
		        "must be longer than nothing");
	out->target = arena_strdup(d->arena, target_format(&length, text));
	if (out->target == NULL) {
		d->no_memory = true;
		return;
	}
	for (size_t k = 0; k < r->terms->target_count; k++) {
		if (is_same_key(&r->terms->targets[k], out))
			error_field(d->err, declare_path(d, "%s.target", prefix),
			        "there is one for this type, priority, service and clock "
			        "already: %s",
			        r->terms->targets[k].target);
	}
	r->terms->target_count++;
}

void contract_read_targets(const struct contract_reading *r)
{
	if (r->in->n_targets > TARGETS_MAX)
		error_field(r->d->err, contract_path(r, "targets"), "at most %d", TARGETS_MAX);
	r->terms->targets = declare_take(r->d, r->in->n_targets, sizeof *r->terms->targets);
	for (size_t i = 0; !r->d->no_memory && i < r->in->n_targets && i < TARGETS_MAX; i++)
		read_target(r, i);
}

const struct term_target *contract_target(const struct contract_terms *terms,
        enum clock_kind clock, int16_t type, int16_t priority, const char *service)
{
	const struct term_target *best = NULL;
	int best_rank = -1;

	for (size_t i = 0; i < terms->target_count; i++) {
		const struct term_target *t = &terms->targets[i];
		int rank = (*t->service != '\0' ? 4 : 0) + (t->priority != 0 ? 2 : 0) +
		           (t->type != 0 ? 1 : 0);

		if (t->clock != clock || (t->type != 0 && t->type != type) ||
		        (t->priority != 0 && t->priority != priority) ||
		        (*t->service != '\0' && strcmp(t->service, service) != 0))
			continue;
		if (rank > best_rank) {
			best = t;
			best_rank = rank;
		}
	}
	return best;
}
