/* The frame codec: every byte of the header, every judgement, every way bytes can arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "otklik/v1/session.pb-c.h"
#include "wire/frame.h"
#include "wire/limits.h"

static const unsigned ALL = FRAMES_BEFORE_HELLO | FRAMES_FROM_CLIENT | FRAMES_FROM_SERVER;

static void a_header_survives_writing_and_reading(void **state)
{
	struct frame_header in = {.length = 0x01020304,
	        .type = FRAME_REQUEST,
	        .flags = 0x5a,
	        .method = 0x0a0b,
	        .request_id = 0x1122334455667788,
	        .deadline_ms = 0xf0e0d0c0,
	        .key = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
	static const uint8_t EXPECTED[FRAME_HEADER_SIZE] = {1, 2, 3, 4, 2, 0x5a, 0x0a, 0x0b,
	        0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0xf0, 0xe0, 0xd0, 0xc0, 1, 2, 3,
	        4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	uint8_t bytes[FRAME_HEADER_SIZE];
	struct frame_header out;

	(void)state;
	frame_header_write(&in, bytes);
	assert_memory_equal(bytes, EXPECTED, sizeof bytes);
	frame_header_read(bytes, &out);
	assert_int_equal(out.length, in.length);
	assert_int_equal(out.type, in.type);
	assert_int_equal(out.flags, in.flags);
	assert_int_equal(out.method, in.method);
	assert_true(out.request_id == in.request_id);
	assert_int_equal(out.deadline_ms, in.deadline_ms);
	assert_memory_equal(out.key, in.key, sizeof in.key);
}

static const struct judged {
	const char *what;
	struct frame_header header;
	unsigned allowed;
	const char *reason; /* NULL: good */
} JUDGED[] = {
        {"a request", {.type = 2, .method = 1, .request_id = 1, .length = 7}, ALL, NULL},
        {"a ping with an id", {.type = 8, .request_id = 9}, ALL, NULL},
        {"a ping without", {.type = 8}, ALL, NULL},
        {"a hello", {.type = 1, .length = 3}, ALL, NULL},
        {"type 0", {.type = 0}, ~0u, "UNKNOWN_FRAME_TYPE"},
        {"type 11", {.type = 11}, ~0u, "UNKNOWN_FRAME_TYPE"},
        {"type 255", {.type = 255}, ~0u, "UNKNOWN_FRAME_TYPE"},
        {"a request before hello", {.type = 2, .method = 1, .request_id = 1},
                FRAMES_BEFORE_HELLO, "UNEXPECTED_FRAME"},
        {"a second hello", {.type = 1}, FRAMES_FROM_CLIENT, "UNEXPECTED_FRAME"},
        {"a response from a client", {.type = 3, .request_id = 1}, FRAMES_FROM_CLIENT,
                "UNEXPECTED_FRAME"},
        {"a request from a server", {.type = 2, .method = 1, .request_id = 1},
                FRAMES_FROM_SERVER, "UNEXPECTED_FRAME"},
        {"a reserved flag", {.type = 8, .flags = 1}, ALL, "RESERVED_FLAGS"},
        {"one byte too many", {.type = 1, .length = 101}, ALL, "FRAME_TOO_LARGE"},
        {"the greatest length", {.type = 1, .length = 0xffffffff}, ALL, "FRAME_TOO_LARGE"},
        {"a cancel with a payload", {.type = 7, .request_id = 1, .length = 1}, ALL,
                "UNEXPECTED_PAYLOAD"},
        {"a request with id 0", {.type = 2, .method = 1}, ALL, "BAD_REQUEST_ID"},
        {"a hello with an id", {.type = 1, .request_id = 1}, ALL, "BAD_REQUEST_ID"},
        {"a request without a method", {.type = 2, .request_id = 1}, ALL, "BAD_FRAME_FIELD"},
        {"a response with a method", {.type = 3, .request_id = 1, .method = 1}, ALL,
                "BAD_FRAME_FIELD"},
        {"a cancel with a deadline", {.type = 7, .request_id = 1, .deadline_ms = 1}, ALL,
                "BAD_FRAME_FIELD"},
        {"a status with a key", {.type = 4, .request_id = 1, .key = {[15] = 1}}, ALL,
                "BAD_FRAME_FIELD"},
};

static void headers_are_judged_before_the_payload(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof JUDGED / sizeof JUDGED[0]; i++) {
		struct otk_error err;
		int rc = frame_header_check(&JUDGED[i].header, JUDGED[i].allowed, 100, &err);

		if (JUDGED[i].reason == NULL) {
			if (rc != 0)
				fail_msg("%s: %s", JUDGED[i].what, err.message);
		} else if (rc >= 0 || strcmp(err.reason, JUDGED[i].reason) != 0) {
			fail_msg(
			        "%s: %d %s", JUDGED[i].what, rc, rc < 0 ? err.reason : "taken");
		}
	}
}

/* Three frames one after another: with payload, without, with. */
static size_t three_frames(uint8_t *out)
{
	struct frame_header header = {.type = FRAME_CREDIT, .request_id = 5};
	struct frame_header ping = {.type = FRAME_PING, .request_id = 6};
	Otklik__V1__Credit credit = OTKLIK__V1__CREDIT__INIT;
	size_t size;

	credit.items = 300;
	assert_int_equal(frame_size(&credit.base), FRAME_HEADER_SIZE + 3);
	size = frame_pack(&header, &credit.base, out);
	size += frame_pack(&ping, NULL, out + size);
	credit.items = 1;
	size += frame_pack(&header, &credit.base, out + size);
	return size;
}

static void check_chunks(size_t chunk)
{
	uint8_t bytes[200], payload[16];
	size_t size = three_frames(bytes), at = 0, headers = 0, frames = 0;
	struct frame_decoder decoder;
	struct otk_error err;

	frame_decoder_init(&decoder, FRAMES_FROM_CLIENT, WIRE_PAYLOAD_MAX);
	assert_false(frame_decoder_midway(&decoder));
	while (at < size) {
		size_t left = size - at < chunk ? size - at : chunk;

		for (;;) {
			size_t used;
			int rc = frame_decode(&decoder, bytes + at, left, &used, &err);

			at += used;
			left -= used;
			assert_true(rc >= 0);
			if (rc == FRAME_MORE)
				break;
			if (rc == FRAME_AT_HEADER) {
				headers++;
				frame_decoder_place(&decoder, payload);
			} else {
				frames++;
				assert_int_equal(decoder.have, decoder.header.length);
				if (frames == 1)
					assert_memory_equal(payload, "\x08\xac\x02", 3);
				if (frames == 2)
					assert_true(decoder.header.request_id == 6);
				if (frames == 3)
					assert_memory_equal(payload, "\x08\x01", 2);
			}
		}
		assert_int_equal(left, 0);
	}
	assert_int_equal(headers, 3);
	assert_int_equal(frames, 3);
	assert_false(frame_decoder_midway(&decoder));
}

static void frames_come_out_whole_however_the_bytes_come(void **state)
{
	(void)state;
	for (size_t chunk = 1; chunk < 130; chunk++)
		check_chunks(chunk);
}

static void a_decoder_stays_at_the_header_until_told_where_to_put_the_payload(void **state)
{
	uint8_t bytes[200];
	size_t used;
	struct frame_decoder decoder;
	struct otk_error err;

	(void)state;
	(void)three_frames(bytes);
	frame_decoder_init(&decoder, FRAMES_FROM_CLIENT, WIRE_PAYLOAD_MAX);
	assert_int_equal(frame_decode(&decoder, bytes, 39, &used, &err), FRAME_AT_HEADER);
	assert_int_equal(used, FRAME_HEADER_SIZE);
	assert_true(frame_decoder_midway(&decoder));
	assert_int_equal(frame_decode(&decoder, bytes + 36, 3, &used, &err), FRAME_AT_HEADER);
	assert_int_equal(used, 0);
	frame_decoder_skip(&decoder);
	assert_int_equal(frame_decode(&decoder, bytes + 36, 2, &used, &err), FRAME_MORE);
	assert_int_equal(frame_decode(&decoder, bytes + 38, 1, &used, &err), FRAME_COMPLETE);
	assert_null(decoder.payload);
	assert_int_equal(frame_decode(&decoder, bytes, 0, &used, &err), FRAME_MORE);
}

static void a_bad_header_is_refused_with_its_last_byte(void **state)
{
	uint8_t bytes[FRAME_HEADER_SIZE];
	struct frame_header header = {.type = FRAME_HELLO, .length = 20000};
	struct frame_decoder decoder;
	struct otk_error err;
	size_t used;

	(void)state;
	frame_header_write(&header, bytes);
	frame_decoder_init(&decoder, FRAMES_BEFORE_HELLO, WIRE_PAYLOAD_BEFORE_HELLO);
	assert_int_equal(frame_decode(&decoder, bytes, 35, &used, &err), FRAME_MORE);
	assert_int_equal(
	        frame_decode(&decoder, bytes + 35, 1, &used, &err), -OTK_RESOURCE_EXHAUSTED);
	assert_string_equal(err.reason, "FRAME_TOO_LARGE");
}

static void every_type_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(frame_type_name(FRAME_HELLO), "HELLO");
	assert_string_equal(frame_type_name(FRAME_GOAWAY), "GOAWAY");
	assert_string_equal(frame_type_name(0), "?");
	assert_string_equal(frame_type_name(11), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_header_survives_writing_and_reading),
	        cmocka_unit_test(headers_are_judged_before_the_payload),
	        cmocka_unit_test(frames_come_out_whole_however_the_bytes_come),
	        cmocka_unit_test(
	                a_decoder_stays_at_the_header_until_told_where_to_put_the_payload),
	        cmocka_unit_test(a_bad_header_is_refused_with_its_last_byte),
	        cmocka_unit_test(every_type_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
