/* Who the caller is to a customer: side, scope, and which customer is meant. */
#ifndef OTKLIK_RPC_CALLER_H
#define OTKLIK_RPC_CALLER_H

#include "core/reference.h"
#include "core/ticket.h"
#include "rpc/request.h"

/*
 * True where the caller may see what is internal of this customer's tickets: whoever works on
 * them, and the provider's own managers and administrators. Everybody else is the customer's
 * side and sees public entries only; when in doubt that is the answer.
 */
bool caller_is_provider(const struct principal *principal, int32_t customer_id);

struct actor caller_actor(const struct principal *principal, int32_t customer_id);

/*
 * The customers whose internal entries the caller may see, ascending: -1 for all of them, else
 * how many were written to `out` (ACCESS_GRANTS_MAX has room for any).
 */
int caller_internal_scope(const struct principal *principal, int32_t *out);

/*
 * The customer with that code, or for "" the caller's own or the only one of its scope. One
 * that the caller may not touch looks like one that does not exist.
 * 0, -OTK_NOT_FOUND, -OTK_INVALID_ARGUMENT ("" and no single answer).
 */
int caller_customer(const struct request *r, const struct reference *ref, const char *code,
        enum permission permission, const struct ref_customer **out, struct otk_error *err);

/* Replies that must look the same wherever they come from. */
enum step caller_ticket_not_found(struct request *r, int64_t ticket_id);
enum step caller_no_reference(struct request *r);

#endif
