/* From a method's number to its handler, and what is judged before a message is read. */
#ifndef OTKLIK_RPC_DISPATCH_H
#define OTKLIK_RPC_DISPATCH_H

#include "rpc/request.h"
#include "wire/frame.h"
#include "wire/methods.h"

/* The first step of the method's handler. */
request_step *dispatch_first(const struct method *method);

/*
 * Judges a REQUEST header by method, permission, idempotency key. 0 and the method, or a
 * negative status with err: the answer to that request.
 */
int dispatch_judge(const struct principal *principal, const struct frame_header *header,
        const struct method **method, struct otk_error *err);

/*
 * How long the request may take, ms: what the caller states, bounded by the method and by
 * WIRE_DEADLINE_MAX_MS; 0 = as long as it wants (streams that state nothing).
 */
uint32_t dispatch_timeout_ms(const struct method *method, uint32_t stated_ms);

/* SHA-256 of the method id (two bytes, big-endian) and the message bytes. */
int dispatch_hash(
        uint16_t method, const uint8_t *payload, size_t size, uint8_t out[REQUEST_HASH_SIZE]);

#endif
