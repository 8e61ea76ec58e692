/* Status messages and struct otk_error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "wire/decode.h"
#include "wire/status_message.h"

static struct otk_error sample(void)
{
	struct otk_error err = {0};

	(void)error_field(&err, "ticket.title", "must not be empty");
	(void)error_field(&err, "ticket.site", "is not known");
	err.retry_after_ms = 250;
	return err;
}

static void an_error_survives_the_wire(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	struct otk_error in = sample(), out;
	Otklik__V1__Status *message = status_message_new(arena, &in);
	uint8_t bytes[4096];
	size_t size;
	ProtobufCMessage *again;

	(void)state;
	assert_non_null(message);
	size = protobuf_c_message_pack(&message->base, bytes);
	assert_int_equal(decode_message(&otklik__v1__status__descriptor, bytes, size, arena,
	                         &again, &out),
	        0);
	assert_int_equal(
	        status_message_read((Otklik__V1__Status *)again, &out), -OTK_INVALID_ARGUMENT);
	assert_string_equal(out.reason, in.reason);
	assert_string_equal(out.message, in.message);
	assert_int_equal(out.retry_after_ms, 250);
	assert_int_equal(out.violation_count, 2);
	assert_string_equal(out.violations[1].field, "ticket.site");
	assert_string_equal(out.violations[1].description, "is not known");
	arena_free(arena);
}

static void an_ok_status_reads_as_zero(void **state)
{
	Otklik__V1__Status message = OTKLIK__V1__STATUS__INIT;
	struct otk_error err;

	(void)state;
	assert_int_equal(status_message_read(&message, &err), 0);
}

static void what_does_not_fit_is_cut_between_characters(void **state)
{
	Otklik__V1__Status message = OTKLIK__V1__STATUS__INIT;
	char text[2001];
	struct otk_error err;

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i += 2)
		memcpy(text + i, "ж", 2);
	text[sizeof text - 1] = '\0';
	message.code = 99;
	message.reason = text;
	message.message = text;
	assert_int_equal(status_message_read(&message, &err), -OTK_UNKNOWN);
	assert_int_equal(strlen(err.message), OTK_MESSAGE_SIZE - 2);
	assert_true(text_is_utf8(err.message, strlen(err.message)));
	assert_true(text_is_utf8(err.reason, strlen(err.reason)));
}

static void what_happened_since_is_told_as_far_as_it_fits(void **state)
{
	Otklik__V1__Status message = OTKLIK__V1__STATUS__INIT;
	char *changes[40];
	struct otk_error err;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		changes[i] = (char *)(uintptr_t) "eve replied";
	message.code = OTK_ABORTED;
	message.message = (char *)(uintptr_t) "it has changed";
	message.changes = changes;
	message.n_changes = 2;
	assert_int_equal(status_message_read(&message, &err), -OTK_ABORTED);
	assert_string_equal(
	        err.message, "it has changed; since then: eve replied; eve replied");
	message.n_changes = 40;
	assert_int_equal(status_message_read(&message, &err), -OTK_ABORTED);
	assert_int_equal(strlen(err.message), OTK_MESSAGE_SIZE - 1);
}

static void violations_past_the_last_place_are_dropped(void **state)
{
	Otklik__V1__FieldViolation one = OTKLIK__V1__FIELD_VIOLATION__INIT;
	Otklik__V1__FieldViolation *list[OTK_VIOLATIONS_MAX + 2];
	Otklik__V1__Status message = OTKLIK__V1__STATUS__INIT;
	struct otk_error err;

	(void)state;
	for (size_t i = 0; i < OTK_VIOLATIONS_MAX + 2; i++)
		list[i] = &one;
	message.code = OTK_INVALID_ARGUMENT;
	message.violations = list;
	message.n_violations = OTK_VIOLATIONS_MAX + 2;
	assert_int_equal(status_message_read(&message, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(err.violation_count, OTK_VIOLATIONS_MAX);
}

/* Every allocation of status_message_new is refused once. */
static void a_spent_arena_gives_no_status(void **state)
{
	struct otk_error err = sample();
	size_t budget;

	(void)state;
	for (budget = 0; budget < 4096; budget++) {
		struct arena *arena = arena_new(budget);
		bool made = status_message_new(arena, &err) != NULL;

		assert_true(made || arena_exhausted(arena));
		arena_free(arena);
		if (made)
			break;
	}
	assert_in_range(budget, 100, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_error_survives_the_wire),
	        cmocka_unit_test(an_ok_status_reads_as_zero),
	        cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
	        cmocka_unit_test(what_happened_since_is_told_as_far_as_it_fits),
	        cmocka_unit_test(violations_past_the_last_place_are_dropped),
	        cmocka_unit_test(a_spent_arena_gives_no_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
