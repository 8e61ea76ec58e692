/* What is judged of a request before its message is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/dispatch.h"
#include "wire/limits.h"

static void every_method_has_a_first_step(void **state)
{
	(void)state;
	assert_true(method_count() > 10);
	for (size_t i = 0; i < method_count(); i++)
		assert_true(dispatch_first(method_at(i)) != NULL);
}

static void a_header_is_judged_by_method_permission_and_key(void **state)
{
	static const struct {
		unsigned method;
		enum role role;
		bool key;
		const char *reason; /* NULL: good */
	} CASES[] = {
	        {METHOD_WHO_AM_I, ROLE_REQUESTER, false, NULL},
	        {METHOD_CREATE_TICKET, ROLE_REQUESTER, true, NULL},
	        {METHOD_CREATE_TICKET, ROLE_REQUESTER, false, "IDEMPOTENCY_KEY_REQUIRED"},
	        {METHOD_CREATE_TICKET, ROLE_AGENT, true, "PERMISSION_DENIED"},
	        {METHOD_RESOLVE_TICKET, ROLE_REQUESTER, true, "PERMISSION_DENIED"},
	        {METHOD_RESOLVE_TICKET, ROLE_ENGINEER, true, NULL},
	        {METHOD_APPLY_INSTALLATION, ROLE_MANAGER, true, "PERMISSION_DENIED"},
	        {METHOD_APPLY_INSTALLATION, ROLE_ADMIN, true, NULL},
	        {METHOD_SUBMIT_REPORTS, ROLE_AGENT, false, NULL},
	        {METHOD_SUBMIT_REPORTS, ROLE_ADMIN, false, "PERMISSION_DENIED"},
	        {65535, ROLE_ADMIN, true, "UNKNOWN_METHOD"},
	        {3, ROLE_ADMIN, true, "UNKNOWN_METHOD"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct principal principal = {
		        .code = "p", .access = {.count = 1, .grants = {{CASES[i].role, 7}}}};
		struct frame_header header = {
		        .type = FRAME_REQUEST, .method = (uint16_t)CASES[i].method};
		const struct method *method = NULL;
		struct otk_error err;
		int rc;

		header.key[15] = CASES[i].key;
		rc = dispatch_judge(&principal, &header, &method, &err);
		if (CASES[i].reason == NULL) {
			assert_int_equal(rc, 0);
			assert_int_equal(method->id, CASES[i].method);
		} else {
			assert_true(rc < 0);
			assert_string_equal(err.reason, CASES[i].reason);
			assert_null(method);
		}
	}
}

static void a_deadline_is_bounded_by_the_method(void **state)
{
	const struct method normal = {.timeout_ms = 30000};
	const struct method endless = {.timeout_ms = 0};
	const struct method generous = {.timeout_ms = 600000};

	(void)state;
	assert_int_equal(dispatch_timeout_ms(&normal, 0), 30000);
	assert_int_equal(dispatch_timeout_ms(&normal, 5), 5);
	assert_int_equal(dispatch_timeout_ms(&normal, 90000), 30000);
	assert_int_equal(dispatch_timeout_ms(&endless, 0), 0);
	assert_int_equal(dispatch_timeout_ms(&endless, 7), 7);
	assert_int_equal(dispatch_timeout_ms(&endless, UINT32_MAX), WIRE_DEADLINE_MAX_MS);
	assert_int_equal(dispatch_timeout_ms(&generous, 0), WIRE_DEADLINE_MAX_MS);
}

static void the_hash_covers_method_and_message(void **state)
{
	/* printf '\000\012abc' | sha256sum */
	static const uint8_t EXPECTED[4] = {0xf3, 0xed, 0xd5, 0x6d};
	uint8_t a[REQUEST_HASH_SIZE];
	uint8_t b[REQUEST_HASH_SIZE];

	(void)state;
	assert_int_equal(dispatch_hash(10, (const uint8_t *)"abc", 3, a), 0);
	assert_memory_equal(a, EXPECTED, sizeof EXPECTED);
	assert_int_equal(dispatch_hash(11, (const uint8_t *)"abc", 3, b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(dispatch_hash(10, (const uint8_t *)"abd", 3, b), 0);
	assert_memory_not_equal(a, b, sizeof a);
}

static void principals_are_counted_and_compared(void **state)
{
	struct principal a = {.id = 1,
	        .holders = 2,
	        .code = "a",
	        .access = {.count = 1, .grants = {{ROLE_LEAD, 3}}}};
	struct principal b = a;

	(void)state;
	assert_true(principal_equal(&a, &b));
	b.access.grants[0].customer_id = 4;
	assert_false(principal_equal(&a, &b));
	b = a;
	b.access.count = 0;
	assert_false(principal_equal(&a, &b));
	b = a;
	b.code[0] = 'b';
	assert_false(principal_equal(&a, &b));
	assert_ptr_equal(principal_hold(&a), &a);
	assert_int_equal(a.holders, 3);
	principal_release(&a);
	assert_int_equal(a.holders, 2);
	principal_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_method_has_a_first_step),
	        cmocka_unit_test(a_header_is_judged_by_method_permission_and_key),
	        cmocka_unit_test(a_deadline_is_bounded_by_the_method),
	        cmocka_unit_test(the_hash_covers_method_and_message),
	        cmocka_unit_test(principals_are_counted_and_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
