/*
 * Frames: the 36-byte header, an incremental decoder that judges the header before the
 * payload has a place, and the encoder. The layout is specified in proto/README.md.
 */
#ifndef OTKLIK_WIRE_FRAME_H
#define OTKLIK_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/status.h"

enum frame_type {
	FRAME_HELLO = 1,    /* Hello; the first frame each way */
	FRAME_REQUEST = 2,  /* client: the method's request message */
	FRAME_RESPONSE = 3, /* server: the method's reply message; ends the request */
	FRAME_STATUS = 4,   /* server: Status; an error, or code 0 ends a stream well */
	FRAME_ITEM = 5,     /* server: one item of a stream */
	FRAME_CREDIT = 6,   /* client: Credit; as many more items may be sent */
	FRAME_CANCEL = 7,   /* client: stop the request; it is answered all the same */
	FRAME_PING = 8,     /* either: answer with PONG of the same request id */
	FRAME_PONG = 9,
	FRAME_GOAWAY = 10 /* either: GoAway; no new requests, the connection will close */
};

#define FRAME_BIT(type) (1u << (type))

/* What a peer may send, by phase: for frame_decoder.allowed. */
#define FRAMES_BEFORE_HELLO (FRAME_BIT(FRAME_HELLO) | FRAME_BIT(FRAME_GOAWAY))
#define FRAMES_FROM_CLIENT                                                                     \
	(FRAME_BIT(FRAME_REQUEST) | FRAME_BIT(FRAME_CREDIT) | FRAME_BIT(FRAME_CANCEL) |        \
	        FRAME_BIT(FRAME_PING) | FRAME_BIT(FRAME_PONG) | FRAME_BIT(FRAME_GOAWAY))
#define FRAMES_FROM_SERVER                                                                     \
	(FRAME_BIT(FRAME_RESPONSE) | FRAME_BIT(FRAME_STATUS) | FRAME_BIT(FRAME_ITEM) |         \
	        FRAME_BIT(FRAME_PING) | FRAME_BIT(FRAME_PONG) | FRAME_BIT(FRAME_GOAWAY))

enum { FRAME_HEADER_SIZE = 36, FRAME_KEY_SIZE = 16 };

struct frame_header {
	uint32_t length; /* payload bytes after the header */
	uint8_t type;    /* enum frame_type */
	uint8_t flags;   /* all bits reserved: 0 */
	uint16_t method; /* REQUEST: method id; else 0 */
	uint64_t request_id;
	uint32_t deadline_ms;        /* REQUEST: relative, 0 = the method's own; else 0 */
	uint8_t key[FRAME_KEY_SIZE]; /* REQUEST of a mutation: idempotency key; else zero */
};

/* The 36 bytes and back. No judgement. */
void frame_header_write(const struct frame_header *header, uint8_t out[FRAME_HEADER_SIZE]);
void frame_header_read(const uint8_t in[FRAME_HEADER_SIZE], struct frame_header *header);

/*
 * Judges a header: type known and in the set `allowed` (FRAME_BIT), flags zero, length at most
 * `payload_max`, and the fields its type does not use zero. 0, or a negative status with err
 * filled: such a connection is told so by GOAWAY and closed, as the stream cannot be trusted.
 */
int frame_header_check(const struct frame_header *header, unsigned allowed,
        uint32_t payload_max, struct otk_error *err);

/* What frame_decode has come to. */
enum frame_progress {
	FRAME_MORE = 0,      /* all bytes taken, frame not complete */
	FRAME_AT_HEADER = 1, /* header judged good; now call frame_decoder_place or _skip */
	FRAME_COMPLETE = 2 /* header and payload are whole; the next call starts a new frame */
};

/* Plain data; frame_decoder_init to start. `allowed` and `payload_max` may be set at any time.
 */
struct frame_decoder {
	unsigned allowed;     /* FRAMES_… */
	uint32_t payload_max; /* WIRE_PAYLOAD_… */
	struct frame_header header;
	uint8_t *payload; /* where frame_decoder_place said; NULL when skipped */
	uint32_t have;    /* payload bytes so far */
	/* private */
	uint8_t state;
	uint8_t header_have;
	uint8_t raw[FRAME_HEADER_SIZE];
};

void frame_decoder_init(struct frame_decoder *decoder, unsigned allowed, uint32_t payload_max);

/*
 * Takes bytes as they come, one at a time or many frames at once. *used is how many were taken;
 * call again with the rest until FRAME_MORE. Returns enum frame_progress, or a negative status
 * with err filled, after which the decoder must not be used again. A frame without payload
 * still passes through FRAME_AT_HEADER. The decoder allocates nothing.
 */
int frame_decode(struct frame_decoder *decoder, const uint8_t *data, size_t size, size_t *used,
        struct otk_error *err);

/* At FRAME_AT_HEADER: header.length bytes go to `payload` (may be NULL when it is 0) … */
void frame_decoder_place(struct frame_decoder *decoder, uint8_t *payload);
/* … or are counted and thrown away. */
void frame_decoder_skip(struct frame_decoder *decoder);

/* True inside a frame: the absolute frame timer must run. */
int frame_decoder_midway(const struct frame_decoder *decoder);

/* Bytes of a whole frame with `message` (NULL: no payload). */
size_t frame_size(const ProtobufCMessage *message);

/*
 * Writes header and packed message to `out`, frame_size(message) bytes; header->length is
 * ignored and set from the message. Returns the number of bytes.
 */
size_t frame_pack(
        const struct frame_header *header, const ProtobufCMessage *message, uint8_t *out);

/* "REQUEST" and so on, "?" for an unknown type. */
const char *frame_type_name(unsigned type);

#endif
