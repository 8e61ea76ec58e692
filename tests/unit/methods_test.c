/* The generated method table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/limits.h"
#include "wire/methods.h"
#include "wire/schema.h"

static void a_method_is_found_by_id_and_by_name(void **state)
{
	const struct method *method = method_find(METHOD_CREATE_TICKET);

	(void)state;
	assert_non_null(method);
	assert_string_equal(method->name, "create_ticket");
	assert_int_equal(method->id, 10);
	assert_int_equal(method->flags, METHOD_MUTATION);
	assert_int_equal(method->timeout_ms, 30000);
	assert_int_equal(method->permission, WIRE_PERMISSION_TICKET_CREATE);
	assert_ptr_equal(method->in, &otklik__v1__create_ticket_request__descriptor);
	assert_ptr_equal(method->out, &otklik__v1__create_ticket_response__descriptor);
	assert_ptr_equal(method_find_name("create_ticket"), method);
	assert_int_equal(method_find(METHOD_WATCH)->flags, METHOD_STREAM);
}

static void what_does_not_exist_is_not_found(void **state)
{
	(void)state;
	assert_null(method_find(0));
	assert_null(method_find(3));
	assert_null(method_find(65535));
	assert_null(method_find(65536 + METHOD_CREATE_TICKET));
	assert_null(method_find_name("create"));
	assert_null(method_at(method_count()));
}

static void methods_are_in_order_and_complete(void **state)
{
	(void)state;
	assert_true(method_count() > 20);
	for (size_t i = 0; i < method_count(); i++) {
		const struct method *method = method_at(i);

		if (i > 0)
			assert_true(method->id > method_at(i - 1)->id);
		assert_ptr_equal(method_find(method->id), method);
		assert_true(method->permission != WIRE_PERMISSION_UNSPECIFIED);
		assert_true(method->timeout_ms <= WIRE_DEADLINE_MAX_MS);
		/* Only a stream may go on without an end. */
		assert_true(method->timeout_ms != 0 || (method->flags & METHOD_STREAM) != 0);
	}
}

static void exceptions_to_the_limits_name_fields_that_exist(void **state)
{
	(void)state;
	assert_int_equal(
	        limits_count_max("otklik.v1.SubmitReportsRequest", "reports", 1000), 64);
	assert_int_equal(
	        limits_count_max("otklik.v1.SubmitReportsRequest", "other", 1000), 1000);
	assert_int_equal(limits_length_max("otklik.v1.Hello", "build", 5000), 256);
	assert_int_equal(limits_length_max("otklik.v1.Ticket", "build", 5000), 5000);
	assert_int_equal(limits_length_max("otklik.v1.ListTicketsRequest", "states", 7), 7);
	for (size_t i = 0; limits_at(i, NULL, NULL); i++) {
		const char *type, *field;
		bool found = false;

		assert_true(limits_at(i, &type, &field));
		for (size_t m = 0; m < method_count(); m++)
			found |= strcmp(method_at(m)->in->name, type) == 0 &&
			         protobuf_c_message_descriptor_get_field_by_name(
			                 method_at(m)->in, field) != NULL;
		found |= strcmp(type, "otklik.v1.Hello") == 0 &&
		         protobuf_c_message_descriptor_get_field_by_name(
		                 &otklik__v1__hello__descriptor, field) != NULL;
		if (!found)
			fail_msg("%s.%s does not exist", type, field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_method_is_found_by_id_and_by_name),
	        cmocka_unit_test(what_does_not_exist_is_not_found),
	        cmocka_unit_test(methods_are_in_order_and_complete),
	        cmocka_unit_test(exceptions_to_the_limits_name_fields_that_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
