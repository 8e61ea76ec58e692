/*
 * The method table, generated from the service files of the schema. One line per rpc in the
 * generated wire/methods.inc, for whoever needs another view of it:
 *
 *   METHOD(id, name, NAME, InType, in_prefix, OutType, out_prefix, PERMISSION, timeout_ms,
 *           flags), as in
 *   METHOD(10, create_ticket, CREATE_TICKET,
 *           Otklik__V1__CreateTicketRequest, otklik__v1__create_ticket_request,
 *           Otklik__V1__CreateTicketResponse, otklik__v1__create_ticket_response,
 *           PERMISSION_TICKET_CREATE, 30000, METHOD_MUTATION)
 *
 * so in_prefix##__descriptor, ##__init and ##__unpack are what protobuf-c made of the type.
 */
#ifndef OTKLIK_WIRE_METHODS_H
#define OTKLIK_WIRE_METHODS_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "wire/method_ids.h" /* generated: METHOD_CREATE_TICKET = 10 …, WIRE_PERMISSION_ANY = 1 … */

enum method_flag {
	METHOD_MUTATION = 1, /* changes something: the frame must bear an idempotency key */
	METHOD_STREAM = 2    /* answers with ITEM frames and a final STATUS */
};

struct method {
	uint16_t id;
	const char *name;                /* "create_ticket" */
	enum wire_permission permission; /* the server's rules have the same numbers */
	uint32_t timeout_ms; /* when the caller states none, and the greatest it may state */
	unsigned flags;      /* enum method_flag */
	const ProtobufCMessageDescriptor *in;
	const ProtobufCMessageDescriptor *out; /* of the reply, or of each item */
};

/* NULL when there is none. */
const struct method *method_find(unsigned id);
const struct method *method_find_name(const char *name);

/* All of them, by ascending id. */
size_t method_count(void);
const struct method *method_at(size_t index);

#endif
