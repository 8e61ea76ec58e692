/*
 * From untrusted bytes to a message: the encoded bytes are judged whole against the schema
 * (counts, lengths, UTF-8, NUL, enums, nesting) before anything is allocated, then unpacked
 * into an arena under its budget.
 */
#ifndef OTKLIK_WIRE_DECODE_H
#define OTKLIK_WIRE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"

/*
 * Judges `size` bytes as an encoded message of `type` by the limits of wire/limits.h. Unknown
 * fields are passed over (at most WIRE_UNKNOWN_MAX). A singular field may occur once. Allocates
 * nothing. 0; or -OTK_INVALID_ARGUMENT with the path of the first wrong field as a violation
 * ("items[3].title"), reason MALFORMED_MESSAGE or INVALID_FIELD; or -OTK_RESOURCE_EXHAUSTED,
 * reason MESSAGE_TOO_COMPLEX.
 */
int decode_check(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size,
        struct otk_error *err);

/*
 * decode_check, then unpacks into the arena; *out lives as long as the arena and must not be
 * given to free_unpacked. Also -OTK_RESOURCE_EXHAUSTED, reason MESSAGE_TOO_COMPLEX, when the
 * arena's budget (WIRE_DECODE_BUDGET where nothing else speaks) is spent; or OUT_OF_MEMORY.
 */
int decode_message(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size,
        struct arena *arena, ProtobufCMessage **out, struct otk_error *err);

/* As the protobuf-c functions want it; free does nothing. Lives on the caller's stack. */
ProtobufCAllocator decode_allocator(struct arena *arena);

#endif
