/* Decoding when memory runs out, though the budget would have sufficed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "wire/decode.h"
#include "wire/schema.h"

static void memory_that_is_out_is_told_as_such(void **state)
{
	/* A report with 20,000 bytes of text: more than the first block of an arena. */
	enum { TEXT = 20000, SIZE = TEXT + 8 };
	uint8_t *bytes = calloc(1, SIZE);
	size_t at = 0;

	(void)state;
	assert_non_null(bytes);
	/* reports = 1 message { output = text } */
	for (const char *c = "\x22\xa4\x9c\x01\x4a\xa0\x9c\x01"; *c != '\0'; c++)
		bytes[at++] = (uint8_t)*c;
	for (; at < SIZE; at++)
		bytes[at] = 'x';
	for (long n = 0; alloc_fail_next(n); n++) {
		struct arena *arena = arena_new(1 << 20);
		ProtobufCMessage *message = NULL;
		struct otk_error err;
		int rc;

		if (arena == NULL)
			continue;
		rc = decode_message(&otklik__v1__submit_reports_request__descriptor, bytes,
		        SIZE, arena, &message, &err);
		assert_int_equal(rc != 0, alloc_failed());
		if (rc != 0) {
			assert_int_equal(rc, -OTK_RESOURCE_EXHAUSTED);
			assert_string_equal(err.reason, "OUT_OF_MEMORY");
		}
		arena_free(arena);
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(memory_that_is_out_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
