/* Every limit of the protocol, in one place. proto/README.md states the same figures. */
#ifndef OTKLIK_WIRE_LIMITS_H
#define OTKLIK_WIRE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_ALPN "otklik/1"

enum {
	/* The range of protocol versions this code speaks. */
	WIRE_VERSION_MIN = 1,
	WIRE_VERSION_MAX = 1,

	/* Frames: bytes after the 36-byte header. */
	WIRE_PAYLOAD_BEFORE_HELLO = 16 * 1024,
	WIRE_PAYLOAD_MAX = 1024 * 1024,

	/* Requests on one connection that the server has not finished. */
	WIRE_IN_FLIGHT_MAX = 256,

	/* Items a stream may send before the first CREDIT frame, and the most it may hold. */
	WIRE_STREAM_CREDIT = 64,
	WIRE_STREAM_CREDIT_MAX = 4096,

	/* Milliseconds. */
	WIRE_DEADLINE_DEFAULT_MS = 30 * 1000,
	WIRE_DEADLINE_MAX_MS = 120 * 1000,
	WIRE_HANDSHAKE_TIMEOUT_MS = 10 * 1000,
	WIRE_HELLO_TIMEOUT_MS = 5 * 1000,
	WIRE_FRAME_TIMEOUT_MS = 30 * 1000, /* first to last byte of one frame */
	WIRE_PING_IDLE_MS = 30 * 1000,
	WIRE_DEAD_MS = 75 * 1000,

	/* Messages: judged on the encoded bytes, before anything is allocated. */
	WIRE_DEPTH_MAX = 16,          /* messages inside messages */
	WIRE_FIELDS_MAX = 128,        /* fields one message type may declare */
	WIRE_ELEMENTS_MAX = 131072,   /* fields and packed elements in one message, in all */
	WIRE_UNKNOWN_MAX = 1024,      /* of them unknown fields */
	WIRE_REPEATED_MAX = 16384,    /* elements of one repeated field */
	WIRE_STRING_MAX = 64 * 1024,  /* bytes of one string */
	WIRE_BYTES_MAX = 1024 * 1024, /* bytes of one bytes field */
	WIRE_CAP_LEAST = 256,         /* lengths up to this are never judged here … */
	WIRE_COUNT_CAP_LEAST = 16,    /* … nor counts: smaller caps are business rules */

	/* Arena budget for one message; protobuf can make a hundred bytes out of one. */
	WIRE_DECODE_BUDGET = 16 * 1024 * 1024
};

/*
 * Exceptions to WIRE_STRING_MAX, WIRE_BYTES_MAX and WIRE_REPEATED_MAX: the greatest length in
 * bytes, or number of elements, of `field` of the message type `type` ("otklik.v1.Comment").
 */
size_t limits_length_max(const char *type, const char *field, size_t fallback);
size_t limits_count_max(const char *type, const char *field, size_t fallback);

/* The index-th exception (the outs may be NULL); false past the last. */
bool limits_at(size_t index, const char **type, const char **field);

#endif
