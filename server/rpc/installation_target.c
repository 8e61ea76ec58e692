/* Targets of a declared contract. */
#include <string.h>

#include "core/duration.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "rpc/installation_contract_internal.h"

enum { TARGETS_MAX = 200 };

static void read_target(const struct contract_reading *r, size_t i)
{
	const Otklik__V1__Target *in = r->in->targets[i];
	struct term_target *out = &r->terms->targets[r->terms->target_count];
	const char *prefix = declare_path(r->d, "contracts[%zu].targets[%zu]", r->index, i);
	struct declare *d = r->d;
	char text[DURATION_TEXT_SIZE];
	struct target length;

	*out = (struct term_target){.priority = (int16_t)in->priority, .service = in->service};
	if (strcmp(in->type, "incident") == 0)
		out->type = TICKET_INCIDENT;
	else if (strcmp(in->type, "service_request") == 0)
		out->type = TICKET_SERVICE_REQUEST;
	else if (*in->type != '\0')
		error_field(d->err, declare_path(d, "%s.type", prefix),
		        "'%.40s' must be incident or service_request, or left out for both",
		        in->type);
	if (in->priority > PRIORITY_MAX)
		error_field(d->err, declare_path(d, "%s.priority", prefix),
		        "must be 1 to %d, or left out for every priority", PRIORITY_MAX);
	if (*in->service != '\0')
		(void)declare_known(d, &d->services,
		        declare_pair(d, r->in->customer, in->service),
		        declare_path(d, "%s.service", prefix), "service");
	if (!contract_clock(d, declare_path(d, "%s.clock", prefix), in->clock, &out->clock))
		return;
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
		const struct term_target *other = &r->terms->targets[k];

		if (other->type == out->type && other->priority == out->priority &&
		        other->clock == out->clock && strcmp(other->service, out->service) == 0)
			error_field(d->err, declare_path(d, "%s.target", prefix),
			        "there is one for this type, priority, service and clock "
			        "already: %s",
			        other->target);
	}
	r->terms->target_count++;
}

void contract_read_targets(const struct contract_reading *r)
{
	if (r->in->n_targets > TARGETS_MAX)
		error_field(r->d->err, contract_at(r, "targets"), "at most %d", TARGETS_MAX);
	r->terms->targets = declare_take(r->d, r->in->n_targets, sizeof *r->terms->targets);
	for (size_t i = 0; !r->d->no_memory && i < r->in->n_targets && i < TARGETS_MAX; i++)
		read_target(r, i);
}

/* A response later than the resolution of the same tickets is allowed, but told. */
const char *contract_remark(const struct contract_reading *r)
{
	const struct contract_terms *terms = r->terms;

	for (size_t i = 0; i < terms->target_count; i++) {
		for (size_t k = 0; k < terms->target_count; k++) {
			const struct term_target *a = &terms->targets[i],
			                         *b = &terms->targets[k];
			struct target response, resolution;

			if (a->clock != CLOCK_RESPONSE || b->clock != CLOCK_RESOLUTION ||
			        a->type != b->type || a->priority != b->priority ||
			        strcmp(a->service, b->service) != 0 ||
			        target_parse(a->target, "", &response, NULL) < 0 ||
			        target_parse(b->target, "", &resolution, NULL) < 0 ||
			        response.wall != resolution.wall)
				continue;
			if ((response.business_days != 0) != (resolution.business_days != 0))
				continue;
			if (response.us > resolution.us ||
			        response.business_days > resolution.business_days)
				return arena_printf(r->d->arena,
				        "warning: the response target %s is longer than the "
				        "resolution "
				        "target %s",
				        a->target, b->target);
		}
	}
	return NULL;
}
