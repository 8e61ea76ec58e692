/* Judging and decoding untrusted messages. Cases are encoded bytes and what is to be said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kinds.pb-c.h"
#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/schema.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define KINDS &kinds__kinds__descriptor
#define MALFORMED "MALFORMED_MESSAGE"
#define FIELD "INVALID_FIELD"

/* Ten bytes each: -1, -5 and 2^63 as varints. */
#define MINUS_1 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
#define MINUS_5 "\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01"

static const struct judged {
	const char *what;
	const uint8_t *bytes;
	size_t size;
	const char *reason; /* NULL: good */
	const char *field;  /* of the violation */
} JUDGED[] = {
        {"nothing", BYTES(""), NULL, NULL},
        {"every scalar",
                BYTES("\x08" MINUS_1 "\x10\x05\x18\x05\x20\x05\x28\x05\x30\x05\x38\x01\x40\x01"
                      "\x4d\1\2\3\4\x55\1\2\3\4\x5d\1\2\3\4\x61\1\2\3\4\5\6\7\x8"
                      "\x69\1\2\3\4\5\6\7\x8\x71\1\2\3\4\5\6\7\x8\x7a\x02\xd0\xb6"
                      "\x82\x01\x01\xff\x8a\x01\x03\x0a\x01x"),
                NULL, NULL},
        {"packed and unpacked numbers",
                BYTES("\x9a\x01\x03\x01\x02\x03\x98\x01\x04\xa2\x01\x08\1\2\3\4\1\2\3\4"
                      "\xaa\x01\x02\x01\x00"),
                NULL, NULL},
        {"a negative enum that is known", BYTES("\x40" MINUS_5), NULL, NULL},
        {"an unknown varint", BYTES("\xf8\x07\x05"), NULL, NULL},
        {"unknown fixed and length",
                BYTES("\xfd\x07\1\2\3\4\xf9\x07\1\2\3\4\5\6\7\x8\xfa\x07\x01x"), NULL, NULL},
        {"a tag alone", BYTES("\x08"), MALFORMED, NULL},
        {"a tag cut", BYTES("\x80"), MALFORMED, NULL},
        {"field number 0", BYTES("\x00\x01"), MALFORMED, NULL},
        {"a field number past 32 bits", BYTES("\xff\xff\xff\xff\x7f\x01"), MALFORMED, NULL},
        {"a varint of eleven bytes", BYTES("\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
                MALFORMED, NULL},
        {"a varint past 64 bits", BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
                MALFORMED, NULL},
        {"a fixed32 cut", BYTES("\x4d\1\2\3"), MALFORMED, NULL},
        {"a fixed64 cut", BYTES("\x61\1\2\3"), MALFORMED, NULL},
        {"a length past the end", BYTES("\x7a\x05xx"), MALFORMED, NULL},
        {"a length of 2^64-1", BYTES("\x7a" MINUS_1 "x"), MALFORMED, NULL},
        {"a length cut", BYTES("\x7a\x80"), MALFORMED, NULL},
        {"a group", BYTES("\x0b\x0c"), MALFORMED, NULL},
        {"an unknown group", BYTES("\xfb\x07\xfc\x07"), MALFORMED, NULL},
        {"an unknown field cut", BYTES("\xfa\x07\x05x"), MALFORMED, NULL},
        {"a number as a string", BYTES("\x78\x01"), MALFORMED, NULL},
        {"a string as a number", BYTES("\x0a\x01x"), MALFORMED, NULL},
        {"a message as a number", BYTES("\x88\x01\x01"), MALFORMED, NULL},
        {"a packed list cut", BYTES("\x9a\x01\x05\x01"), MALFORMED, NULL},
        {"a packed number cut", BYTES("\x9a\x01\x01\x80"), MALFORMED, NULL},
        {"a packed fixed32 cut", BYTES("\xa2\x01\x03\1\2\3"), MALFORMED, NULL},
        {"a singular field twice", BYTES("\x10\x01\x10\x02"), MALFORMED, NULL},
        {"a singular message twice", BYTES("\x8a\x01\x00\x8a\x01\x00"), MALFORMED, NULL},
        {"int32 out of range", BYTES("\x08\x80\x80\x80\x80\x10"), FIELD, "a_int32"},
        {"uint32 out of range", BYTES("\x18\x80\x80\x80\x80\x10"), FIELD, "a_uint32"},
        {"sint32 out of range", BYTES("\x28\x80\x80\x80\x80\x10"), FIELD, "a_sint32"},
        {"a bool of 2", BYTES("\x38\x02"), FIELD, "a_bool"},
        {"an unknown enum value", BYTES("\x40\x02"), FIELD, "a_enum"},
        {"an enum value past 32 bits", BYTES("\x40\x81\x80\x80\x80\x10"), FIELD, "a_enum"},
        {"an unknown enum in a packed list", BYTES("\xaa\x01\x03\x01\x00\x07"), FIELD,
                "colours[2]"},
        {"a zero byte in text", BYTES("\x7a\x03x\0y"), FIELD, "a_string"},
        {"half a character", BYTES("\x7a\x01\xd0"), FIELD, "a_string"},
        {"a surrogate", BYTES("\x7a\x03\xed\xa0\x80"), FIELD, "a_string"},
        {"an overlong slash", BYTES("\x7a\x02\xc0\xaf"), FIELD, "a_string"},
        {"bad text inside", BYTES("\x8a\x01\x03\x0a\x01\xff"), FIELD, "inner.text"},
        {"bad text far inside", BYTES("\x92\x01\x00\x92\x01\x09\x12\x01x\x12\x01y\x12\x01\xff"),
                FIELD, "inners[1].texts[2]"},
};

static void messages_are_judged_on_their_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof JUDGED / sizeof JUDGED[0]; i++) {
		const struct judged *one = &JUDGED[i];
		struct otk_error err;
		int rc = decode_check(KINDS, one->bytes, one->size, &err);

		if (one->reason == NULL) {
			if (rc != 0)
				fail_msg("%s: %s", one->what, err.message);
			continue;
		}
		if (rc != -OTK_INVALID_ARGUMENT || strcmp(err.reason, one->reason) != 0)
			fail_msg("%s: %d %s", one->what, rc, rc < 0 ? err.reason : "taken");
		if (one->field != NULL && strcmp(err.violations[0].field, one->field) != 0)
			fail_msg("%s: field %s", one->what, err.violations[0].field);
	}
}

/* What passes the check, protobuf-c takes too: the judge is never the laxer of the two. */
static void what_is_judged_good_can_be_unpacked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof JUDGED / sizeof JUDGED[0]; i++) {
		struct arena *arena = arena_new(1 << 16);
		ProtobufCMessage *message = NULL;
		int rc = decode_message(
		        KINDS, JUDGED[i].bytes, JUDGED[i].size, arena, &message, NULL);

		assert_int_equal(rc == 0, JUDGED[i].reason == NULL);
		assert_int_equal(message != NULL, JUDGED[i].reason == NULL);
		arena_free(arena);
	}
}

static void the_place_of_malformed_bytes_is_told(void **state)
{
	struct otk_error err;

	(void)state;
	assert_int_equal(
	        decode_check(KINDS, BYTES("\x92\x01\x00\x92\x01\x02\x0a\x05"), &err), -3);
	assert_string_equal(err.message,
	        "kinds.Inner is not a well-formed protobuf message: a length runs past the end "
	        "at inners[1].text");
	/* An unknown field has no name: its message's place is told. */
	assert_int_equal(decode_check(KINDS, BYTES("\x8a\x01\x03\xfa\x07\x05"), &err), -3);
	assert_non_null(strstr(err.message, " at inner"));
}

static void decoding_gives_the_values(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	ProtobufCMessage *message;
	const Kinds__Kinds *kinds;
	struct otk_error err;

	(void)state;
	assert_int_equal(
	        decode_message(KINDS, BYTES("\x08\x07\x7a\x02\xd0\xb6\x92\x01\x03\x0a\x01x"),
	                arena, &message, &err),
	        0);
	kinds = (const Kinds__Kinds *)message;
	assert_int_equal(kinds->a_int32, 7);
	assert_string_equal(kinds->a_string, "ж");
	assert_int_equal(kinds->n_inners, 1);
	assert_string_equal(kinds->inners[0]->text, "x");
	arena_free(arena);
}

/* `count` times the same bytes. */
static void repeat(struct buf *out, const char *bytes, size_t size, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_append(out, bytes, size), 0);
}

static int check_buf(
        const ProtobufCMessageDescriptor *type, struct buf *b, struct otk_error *err)
{
	int rc = decode_check(type, (const uint8_t *)b->data, b->len, err);

	buf_free(b);
	return rc;
}

static void counts_are_capped(void **state)
{
	struct otk_error err;
	struct buf b = {0};

	(void)state;
	repeat(&b, "\x92\x01\x00", 3, WIRE_REPEATED_MAX);
	assert_int_equal(check_buf(KINDS, &b, &err), 0);
	repeat(&b, "\x92\x01\x00", 3, WIRE_REPEATED_MAX + 1);
	assert_int_equal(check_buf(KINDS, &b, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "inners[16384]");
	repeat(&b, "\xf8\x07\x01", 3, WIRE_UNKNOWN_MAX);
	assert_int_equal(check_buf(KINDS, &b, &err), 0);
	repeat(&b, "\xf8\x07\x01", 3, WIRE_UNKNOWN_MAX + 1);
	assert_int_equal(check_buf(KINDS, &b, &err), -OTK_RESOURCE_EXHAUSTED);
	assert_string_equal(err.reason, "MESSAGE_TOO_COMPLEX");
	/* 9 inners, each with 16384 texts. */
	for (int i = 0; i < 9; i++) {
		repeat(&b, "\x92\x01\x80\x80\x02", 5, 1);
		repeat(&b, "\x12\x00", 2, 16384);
	}
	assert_int_equal(check_buf(KINDS, &b, &err), -OTK_RESOURCE_EXHAUSTED);
	assert_string_equal(err.reason, "MESSAGE_TOO_COMPLEX");
	/* A cap of its own: 64 reports. */
	repeat(&b, "\x22\x00", 2, 65);
	assert_int_equal(check_buf(&otklik__v1__submit_reports_request__descriptor, &b, &err),
	        -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "reports[64]");
}

static void lengths_are_capped(void **state)
{
	struct otk_error err;
	struct buf b = {0};

	(void)state;
	repeat(&b, "\x7a\x80\x80\x04", 4, 1);
	repeat(&b, "x", 1, 65536);
	assert_int_equal(check_buf(KINDS, &b, &err), 0);
	repeat(&b, "\x7a\x81\x80\x04", 4, 1);
	repeat(&b, "x", 1, 65537);
	assert_int_equal(check_buf(KINDS, &b, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(
	        err.violations[0].description, "65537 bytes; at most 65536 are taken");
	/* bytes are not text: 65537 of them are fine. */
	repeat(&b, "\x82\x01\x81\x80\x04", 5, 1);
	repeat(&b, "\0", 1, 65537);
	assert_int_equal(check_buf(KINDS, &b, &err), 0);
	/* A cap of its own: the build of a Hello. */
	repeat(&b, "\x2a\x81\x02", 3, 1);
	repeat(&b, "x", 1, 257);
	assert_int_equal(
	        check_buf(&otklik__v1__hello__descriptor, &b, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.violations[0].field, "build");
}

static void nesting_is_capped(void **state)
{
	uint8_t bytes[64];
	struct otk_error err;

	(void)state;
	/* bytes[62..63] is the innermost empty message; each level wraps it. */
	for (int levels = 1; levels <= 17; levels++) {
		uint8_t *at = bytes + sizeof bytes;

		for (int i = 0; i < levels; i++) {
			size_t inner = (size_t)(bytes + sizeof bytes - at);

			*--at = (uint8_t)inner;
			*--at = 0x0a;
		}
		assert_int_equal(decode_check(&kinds__d1__descriptor, at,
		                         (size_t)(bytes + sizeof bytes - at), &err),
		        levels < WIRE_DEPTH_MAX ? 0 : -OTK_RESOURCE_EXHAUSTED);
	}
}

static void a_type_that_is_too_wide_is_refused(void **state)
{
	ProtobufCMessageDescriptor wide = kinds__inner__descriptor;
	struct otk_error err;

	(void)state;
	wide.n_fields = WIRE_FIELDS_MAX + 1;
	assert_int_equal(decode_check(&wide, BYTES("\x0a\x00"), &err), -OTK_RESOURCE_EXHAUSTED);
}

static void a_path_too_long_is_cut(void **state)
{
	ProtobufCFieldDescriptor fields[2];
	ProtobufCMessageDescriptor type = kinds__inner__descriptor;
	char name[200];
	struct otk_error err;

	(void)state;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memcpy(fields, kinds__inner__descriptor.fields, sizeof fields);
	fields[0].name = name;
	type.fields = fields;
	assert_int_equal(decode_check(&type, BYTES("\x0a\x01\xff"), &err), -3);
	assert_int_equal(strlen(err.violations[0].field), OTK_FIELD_SIZE - 1);
}

/* Every allocation of the decoder is refused once, from the first to the last. */
static void a_spent_budget_ends_decoding_cleanly(void **state)
{
	static const char REPORT[] = "\x2a\x05hello\x32\x05world\x4a\x03out";
	struct buf b = {0};
	size_t budget;
	bool made = false;

	(void)state;
	for (int i = 0; i < 40; i++) {
		repeat(&b, "\x22\x13", 2, 1);
		repeat(&b, REPORT, sizeof REPORT - 1, 1);
	}
	for (budget = 0; !made; budget += 64) {
		struct arena *arena = arena_new(budget);
		ProtobufCMessage *message = NULL;
		struct otk_error err;
		int rc = decode_message(&otklik__v1__submit_reports_request__descriptor,
		        (const uint8_t *)b.data, b.len, arena, &message, &err);

		made = rc == 0;
		if (!made) {
			assert_int_equal(rc, -OTK_RESOURCE_EXHAUSTED);
			assert_string_equal(err.reason, "MESSAGE_TOO_COMPLEX");
			assert_null(message);
		}
		arena_free(arena);
	}
	assert_in_range(budget, 8 * 1024, 64 * 1024);
	buf_free(&b);
}

/* The worst that the limits let through stays inside the usual budget, or is refused. */
static void amplification_is_bounded(void **state)
{
	struct arena *arena = arena_new(WIRE_DECODE_BUDGET);
	struct buf b = {0};
	ProtobufCMessage *message;
	struct otk_error err;
	int rc;

	(void)state;
	for (int i = 0; i < 7; i++) {
		repeat(&b, "\x92\x01\x80\x80\x02", 5, 1);
		repeat(&b, "\x12\x00", 2, 16384);
	}
	rc = decode_message(KINDS, (const uint8_t *)b.data, b.len, arena, &message, &err);
	assert_true(rc == 0 || rc == -OTK_RESOURCE_EXHAUSTED);
	assert_true(arena_used(arena) <= WIRE_DECODE_BUDGET);
	arena_free(arena);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(messages_are_judged_on_their_bytes),
	        cmocka_unit_test(what_is_judged_good_can_be_unpacked),
	        cmocka_unit_test(the_place_of_malformed_bytes_is_told),
	        cmocka_unit_test(decoding_gives_the_values),
	        cmocka_unit_test(counts_are_capped),
	        cmocka_unit_test(lengths_are_capped),
	        cmocka_unit_test(nesting_is_capped),
	        cmocka_unit_test(a_type_that_is_too_wide_is_refused),
	        cmocka_unit_test(a_path_too_long_is_cut),
	        cmocka_unit_test(a_spent_budget_ends_decoding_cleanly),
	        cmocka_unit_test(amplification_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
