/* Sides and scopes; the rules are in core/access.c, this is what handlers make of them. */
#include "rpc/caller.h"

#include <inttypes.h>

bool caller_is_provider(const struct principal *principal, int32_t customer_id)
{
	const struct access *access = &principal->access;

	if (access_may(access, PERMISSION_TICKET_WORK, customer_id) ||
	        access_may(access, PERMISSION_ADMIN, customer_id))
		return true;
	return principal->customer_id == 0 &&
	       access_may(access, PERMISSION_KPI_READ, customer_id);
}

struct actor caller_actor(const struct principal *principal, int32_t customer_id)
{
	struct actor actor = {.principal_id = principal->id};

	if (principal->kind == PRINCIPAL_AGENT)
		actor.side = SIDE_AGENT;
	else if (caller_is_provider(principal, customer_id))
		actor.side = SIDE_PROVIDER;
	else
		actor.side = SIDE_CUSTOMER;
	actor.lead = access_may(&principal->access, PERMISSION_TICKET_LEAD, customer_id);
	return actor;
}

int caller_internal_scope(const struct principal *principal, int32_t *out)
{
	const struct access *access = &principal->access;
	int count = 0;

	for (size_t i = 0; i < access->count; i++) {
		int32_t customer_id = access->grants[i].customer_id;
		int at = 0;

		if (!caller_is_provider(principal, customer_id))
			continue;
		/* "every customer" judged as a customer: only global grants gave it */
		if (customer_id == ACCESS_ALL_CUSTOMERS)
			return -1;
		while (at < count && out[at] < customer_id)
			at++;
		if (at < count && out[at] == customer_id)
			continue;
		for (int j = count++; j > at; j--)
			out[j] = out[j - 1];
		out[at] = customer_id;
	}
	return count;
}

int caller_customer(const struct request *r, const struct reference *ref, const char *code,
        enum permission permission, const struct ref_customer **out, struct otk_error *err)
{
	const struct access *access = &r->principal->access;
	const struct ref_customer *customer = NULL;
	int32_t ids[ACCESS_GRANTS_MAX];

	if (code != NULL && *code != '\0')
		customer = reference_customer_by_code(ref, code);
	else if (r->principal->customer_id != 0)
		customer = reference_customer(ref, r->principal->customer_id);
	else if (!access_is_global(access, permission) &&
	         access_customers(access, permission, ids, ACCESS_GRANTS_MAX) == 1)
		customer = reference_customer(ref, ids[0]);
	else
		return error_field(err, "customer", "name a customer: you serve several");
	if (customer != NULL && access_may(access, permission, customer->id)) {
		*out = customer;
		return 0;
	}
	if (code == NULL || *code == '\0')
		return error_set(err, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
		        "you may not do this for your own customer");
	return error_set(
	        err, OTK_NOT_FOUND, "CUSTOMER_NOT_FOUND", "there is no customer '%s'", code);
}

enum step caller_ticket_not_found(struct request *r, int64_t ticket_id)
{
	return request_error(
	        r, OTK_NOT_FOUND, "TICKET_NOT_FOUND", "there is no ticket %" PRId64, ticket_id);
}

enum step caller_no_reference(struct request *r)
{
	return request_error(r, OTK_UNAVAILABLE, "STARTING",
	        "the server is starting and has not read its reference data yet");
}
