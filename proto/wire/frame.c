/* Frame header codec and the incremental decoder. */
#include "wire/frame.h"

#include <string.h>

#include "wire/limits.h"

enum { STATE_HEADER, STATE_JUDGED, STATE_PAYLOAD };

static void write_u16(uint8_t *out, uint16_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

static void write_u32(uint8_t *out, uint32_t value)
{
	write_u16(out, (uint16_t)(value >> 16));
	write_u16(out + 2, (uint16_t)value);
}

static uint16_t read_u16(const uint8_t *in)
{
	return (uint16_t)((in[0] << 8) | in[1]);
}

static uint32_t read_u32(const uint8_t *in)
{
	return ((uint32_t)read_u16(in) << 16) | read_u16(in + 2);
}

void frame_header_write(const struct frame_header *header, uint8_t out[FRAME_HEADER_SIZE])
{
	write_u32(out, header->length);
	out[4] = header->type;
	out[5] = header->flags;
	write_u16(out + 6, header->method);
	write_u32(out + 8, (uint32_t)(header->request_id >> 32));
	write_u32(out + 12, (uint32_t)header->request_id);
	write_u32(out + 16, header->deadline_ms);
	memcpy(out + 20, header->key, FRAME_KEY_SIZE);
}

void frame_header_read(const uint8_t in[FRAME_HEADER_SIZE], struct frame_header *header)
{
	header->length = read_u32(in);
	header->type = in[4];
	header->flags = in[5];
	header->method = read_u16(in + 6);
	header->request_id = ((uint64_t)read_u32(in + 8) << 32) | read_u32(in + 12);
	header->deadline_ms = read_u32(in + 16);
	memcpy(header->key, in + 20, FRAME_KEY_SIZE);
}

/* What a header of each type must and must not carry. */
struct rule {
	const char *name;
	unsigned request_id : 1; /* must not be 0; else must be 0 unless `any_id` */
	unsigned any_id : 1;
	unsigned request : 1; /* method, deadline and key are used */
	unsigned empty : 1;   /* no payload */
};

static const struct rule RULES[] = {
        [FRAME_HELLO] = {.name = "HELLO"},
        [FRAME_REQUEST] = {.name = "REQUEST", .request_id = 1, .request = 1},
        [FRAME_RESPONSE] = {.name = "RESPONSE", .request_id = 1},
        [FRAME_STATUS] = {.name = "STATUS", .request_id = 1},
        [FRAME_ITEM] = {.name = "ITEM", .request_id = 1},
        [FRAME_CREDIT] = {.name = "CREDIT", .request_id = 1},
        [FRAME_CANCEL] = {.name = "CANCEL", .request_id = 1, .empty = 1},
        [FRAME_PING] = {.name = "PING", .any_id = 1, .empty = 1},
        [FRAME_PONG] = {.name = "PONG", .any_id = 1, .empty = 1},
        [FRAME_GOAWAY] = {.name = "GOAWAY"},
};

enum { RULE_COUNT = sizeof RULES / sizeof RULES[0] };

const char *frame_type_name(unsigned type)
{
	return type < RULE_COUNT && RULES[type].name != NULL ? RULES[type].name : "?";
}

static int is_zero(const uint8_t *bytes, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= bytes[i];
	return any == 0;
}

int frame_header_check(const struct frame_header *header, unsigned allowed,
        uint32_t payload_max, struct otk_error *err)
{
	const struct rule *rule;

	if (header->type == 0 || header->type >= RULE_COUNT)
		return error_set(err, OTK_INVALID_ARGUMENT, "UNKNOWN_FRAME_TYPE",
		        "frame type %u is not one of this protocol; is the peer "
		        "speaking " WIRE_ALPN "?",
		        header->type);
	rule = &RULES[header->type];
	if ((allowed & FRAME_BIT(header->type)) == 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "UNEXPECTED_FRAME",
		        "a %s frame may not be sent by this side at this point", rule->name);
	if (header->flags != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "RESERVED_FLAGS",
		        "frame flags 0x%02x are reserved and must be 0", header->flags);
	if (header->length > payload_max)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "FRAME_TOO_LARGE",
		        "a %s frame of %u bytes is over the limit of %u", rule->name,
		        header->length, payload_max);
	if (rule->empty && header->length != 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "UNEXPECTED_PAYLOAD",
		        "a %s frame has no payload, but this one states %u bytes", rule->name,
		        header->length);
	if (!rule->any_id && rule->request_id != (header->request_id != 0))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_REQUEST_ID",
		        rule->request_id ? "a %s frame needs a request id other than 0"
		                         : "a %s frame must have request id 0",
		        rule->name);
	if (rule->request ? header->method == 0
	                  : header->method != 0 || header->deadline_ms != 0 ||
	                            !is_zero(header->key, FRAME_KEY_SIZE))
		return error_set(err, OTK_INVALID_ARGUMENT, "BAD_FRAME_FIELD",
		        rule->request ? "a %s frame needs a method"
		                      : "a %s frame must have method, deadline and key 0",
		        rule->name);
	return 0;
}

void frame_decoder_init(struct frame_decoder *decoder, unsigned allowed, uint32_t payload_max)
{
	*decoder = (struct frame_decoder){.allowed = allowed, .payload_max = payload_max};
}

/* Collects header bytes; takes them straight from the input when all are there. */
static int decode_header(struct frame_decoder *decoder, const uint8_t *data, size_t size,
        size_t *used, struct otk_error *err)
{
	size_t want = FRAME_HEADER_SIZE - (size_t)decoder->header_have;
	size_t take = size < want ? size : want;
	int rc;

	memcpy(decoder->raw + decoder->header_have, data, take);
	decoder->header_have = (uint8_t)(decoder->header_have + take);
	*used = take;
	if (take < want)
		return FRAME_MORE;
	frame_header_read(decoder->raw, &decoder->header);
	rc = frame_header_check(&decoder->header, decoder->allowed, decoder->payload_max, err);
	if (rc < 0)
		return rc;
	decoder->state = STATE_JUDGED;
	decoder->payload = NULL;
	decoder->have = 0;
	return FRAME_AT_HEADER;
}

int frame_decode(struct frame_decoder *decoder, const uint8_t *data, size_t size, size_t *used,
        struct otk_error *err)
{
	size_t want, take;

	*used = 0;
	if (decoder->state == STATE_HEADER)
		return size == 0 ? FRAME_MORE : decode_header(decoder, data, size, used, err);
	if (decoder->state == STATE_JUDGED)
		return FRAME_AT_HEADER;
	want = (size_t)decoder->header.length - decoder->have;
	take = size < want ? size : want;
	if (decoder->payload != NULL && take > 0)
		memcpy(decoder->payload + decoder->have, data, take);
	decoder->have += (uint32_t)take;
	*used = take;
	if (take < want)
		return FRAME_MORE;
	decoder->state = STATE_HEADER;
	decoder->header_have = 0;
	return FRAME_COMPLETE;
}

void frame_decoder_place(struct frame_decoder *decoder, uint8_t *payload)
{
	decoder->payload = payload;
	decoder->state = STATE_PAYLOAD;
}

void frame_decoder_skip(struct frame_decoder *decoder)
{
	frame_decoder_place(decoder, NULL);
}

int frame_decoder_midway(const struct frame_decoder *decoder)
{
	return decoder->state != STATE_HEADER || decoder->header_have != 0;
}

size_t frame_size(const ProtobufCMessage *message)
{
	return FRAME_HEADER_SIZE +
	       (message == NULL ? 0 : protobuf_c_message_get_packed_size(message));
}

size_t frame_pack(
        const struct frame_header *header, const ProtobufCMessage *message, uint8_t *out)
{
	struct frame_header full = *header;
	size_t length =
	        message == NULL ? 0 : protobuf_c_message_pack(message, out + FRAME_HEADER_SIZE);

	full.length = (uint32_t)length;
	frame_header_write(&full, out);
	return FRAME_HEADER_SIZE + length;
}
