/* Contracts that would fit a ticket equally well: refused, for nobody could say which holds. */
#include <stdio.h>
#include <string.h>

#include "rpc/installation_declare.h"

static bool share(const char **a, size_t a_count, const char **b, size_t b_count)
{
	for (size_t i = 0; i < a_count; i++) {
		for (size_t k = 0; k < b_count; k++) {
			if (strcmp(a[i], b[k]) == 0)
				return true;
		}
	}
	return false;
}

/* Two contracts of one customer that would fit a ticket equally well. */
static const char *tie_of(const struct contract_terms *a, const struct contract_terms *b)
{
	bool sites = share(a->sites, a->site_count, b->sites, b->site_count);
	bool services = share(a->services, a->service_count, b->services, b->service_count);

	if ((a->site_count > 0) != (b->site_count > 0) ||
	        (a->service_count > 0) != (b->service_count > 0))
		return NULL;
	if (a->site_count == 0 && a->service_count == 0)
		return "both are the customer's default, for they name no site and no service";
	if (a->service_count == 0)
		return sites ? "both cover the same site" : NULL;
	if (a->site_count == 0)
		return services ? "both cover the same service" : NULL;
	return sites && services ? "both cover the same service at the same site" : NULL;
}

/* Is there an instant at which both take new tickets? */
static bool meet(const struct contract_terms *a, const struct contract_terms *b)
{
	return (a->valid_until == 0 || b->valid_from < a->valid_until) &&
	       (b->valid_until == 0 || a->valid_from < b->valid_until);
}

static void compare(const struct thing *new, const struct thing *other, struct otk_error *err)
{
	const struct contract_terms *a = new->terms.contract, *b = other->terms.contract;
	char path[OTK_FIELD_SIZE];
	const char *tie;

	if (a == NULL || b == NULL || strcmp(new->code, other->code) == 0 || !meet(a, b) ||
	        strcmp(thing_text(new, CONTRACT_CUSTOMER),
	                thing_text(other, CONTRACT_CUSTOMER)) != 0)
		return;
	tie = tie_of(a, b);
	if (tie == NULL)
		return;
	(void)snprintf(path, sizeof path, "%s%s", new->where,
	        a->site_count > 0      ? "sites"
	        : a->service_count > 0 ? "services"
	                               : "code");
	error_field(err, path, "'%s' ties with '%s': %s", new->code, other->code, tie);
}

static bool is_declared(const struct thing_list *declared, const char *code)
{
	for (size_t i = 0; i < declared->count; i++) {
		if (declared->things[i].kind == THING_CONTRACT &&
		        strcmp(declared->things[i].code, code) == 0)
			return true;
	}
	return false;
}

int declare_ties(const struct thing_list *declared, const struct thing_list *stored, bool whole,
        struct otk_error *err)
{
	for (size_t i = 0; i < declared->count; i++) {
		const struct thing *new = &declared->things[i];

		if (new->kind != THING_CONTRACT)
			continue;
		for (size_t k = 0; stored == NULL && k < i; k++) {
			if (declared->things[k].kind == THING_CONTRACT)
				compare(new, &declared->things[k], err);
		}
		for (size_t k = 0; stored != NULL && k < stored->count; k++) {
			const struct thing *old = &stored->things[k];

			if (old->kind == THING_CONTRACT && !old->retired &&
			        (old->separate || !whole) && !is_declared(declared, old->code))
				compare(new, old, err);
		}
	}
	return err->code == OTK_OK ? 0 : -(int)err->code;
}
