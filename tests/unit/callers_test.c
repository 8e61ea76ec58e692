/* Connections per remote address, before and after authentication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "net/callers.h"

static const struct sockaddr *address(const char *text)
{
	static struct sockaddr_storage storage;
	struct sockaddr_in *in4 = (void *)&storage;
	struct sockaddr_in6 *in6 = (void *)&storage;

	storage = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
	}
	return (const struct sockaddr *)&storage;
}

static struct callers *made(unsigned total, unsigned per_address, unsigned unknown)
{
	const struct callers_limits limits = {total, per_address, unknown};
	struct callers *callers = callers_new(&limits);

	assert_non_null(callers);
	return callers;
}

static void an_address_has_its_bound_and_others_theirs(void **state)
{
	struct callers *callers = made(100, 2, 2);
	struct caller *a;
	struct caller *b;
	struct caller *c;

	(void)state;
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &a), CALLERS_OK);
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &b), CALLERS_OK);
	assert_ptr_equal(a, b);
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &c), CALLERS_ADDRESS);
	assert_int_equal(callers_enter(callers, address("192.0.2.2"), &c), CALLERS_OK);
	assert_int_equal(callers_total(callers), 3);
	callers_leave(callers, a, 0);
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &a), CALLERS_OK);
	callers_free(callers);
}

static void the_total_is_bounded(void **state)
{
	struct callers *callers = made(2, 10, 10);
	struct caller *caller;

	(void)state;
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &caller), CALLERS_OK);
	assert_int_equal(callers_enter(callers, address("192.0.2.2"), &caller), CALLERS_OK);
	assert_int_equal(callers_enter(callers, address("192.0.2.3"), &caller), CALLERS_TOTAL);
	callers_limit(callers, &(struct callers_limits){3, 10, 10});
	assert_int_equal(callers_enter(callers, address("192.0.2.3"), &caller), CALLERS_OK);
	callers_free(callers);
}

static void who_is_known_no_longer_counts_as_unknown(void **state)
{
	struct callers *callers = made(100, 10, 1);
	struct caller *a;
	struct caller *b;

	(void)state;
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &a), CALLERS_OK);
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &b), CALLERS_UNKNOWN);
	callers_known(a);
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &b), CALLERS_OK);
	callers_leave(callers, a, 1);
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &a), CALLERS_UNKNOWN);
	callers_leave(callers, b, 0);
	assert_int_equal(callers_total(callers), 0);
	assert_int_equal(callers_enter(callers, address("192.0.2.1"), &a), CALLERS_OK);
	callers_free(callers);
}

static void one_ipv6_network_is_one_caller(void **state)
{
	struct callers *callers = made(100, 1, 1);
	struct caller *caller;

	(void)state;
	assert_int_equal(
	        callers_enter(callers, address("2001:db8:1:2::1"), &caller), CALLERS_OK);
	assert_int_equal(callers_enter(callers, address("2001:db8:1:2:ffff::9"), &caller),
	        CALLERS_ADDRESS);
	assert_int_equal(
	        callers_enter(callers, address("2001:db8:1:3::1"), &caller), CALLERS_OK);
	/* A mapped address is the IPv4 one, and not all of IPv4. */
	assert_int_equal(
	        callers_enter(callers, address("::ffff:192.0.2.1"), &caller), CALLERS_OK);
	assert_int_equal(
	        callers_enter(callers, address("192.0.2.1"), &caller), CALLERS_ADDRESS);
	assert_int_equal(
	        callers_enter(callers, address("::ffff:192.0.2.2"), &caller), CALLERS_OK);
	callers_free(callers);
}

static void ten_thousand_come_and_go(void **state)
{
	static struct caller *callers_of[10000];
	struct callers *callers = made(10000, 1, 1);
	char text[32];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 10000; i++) {
			(void)snprintf(text, sizeof text, "10.1.%u.%u", i / 256, i % 256);
			assert_int_equal(callers_enter(callers, address(text), &callers_of[i]),
			        CALLERS_OK);
		}
		assert_int_equal(callers_total(callers), 10000);
		for (unsigned i = 0; i < 10000; i++)
			callers_leave(callers, callers_of[9999 - i], 0);
		assert_int_equal(callers_total(callers), 0);
	}
	callers_free(callers);
	callers_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_address_has_its_bound_and_others_theirs),
	        cmocka_unit_test(the_total_is_bounded),
	        cmocka_unit_test(who_is_known_no_longer_counts_as_unknown),
	        cmocka_unit_test(one_ipv6_network_is_one_caller),
	        cmocka_unit_test(ten_thousand_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
