/* Addresses to listen on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "net/address.h"

static const struct {
	const char *text;
	const char *formatted; /* NULL: refused */
} CASES[] = {
        {"127.0.0.1:7543", "127.0.0.1:7543"},
        {"[2001:db8::1]:7543", "[2001:db8::1]:7543"},
        {"[::1]:0", "[::1]:0"},
        {"*:65535", "[::]:65535"},
        {"[::ffff:192.0.2.1]:1", "192.0.2.1:1"},
        {"2001:db8::1:7543", NULL},
        {"127.0.0.1", NULL},
        {"127.0.0.1:", NULL},
        {"127.0.0.1:65536", NULL},
        {"127.0.0.1:-1", NULL},
        {"127.0.0.1:7a", NULL},
        {"127.0.0.1:000001", NULL},
        {"localhost:7543", NULL},
        {"[]:7543", NULL},
        {":7543", NULL},
        {"", NULL},
        {"[1111111111111111111111111111111111111111111111111111111111]:1", NULL},
};

static void addresses_parse_and_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct otk_error err;
		struct address address;
		char text[ADDRESS_TEXT_SIZE];
		int rc = address_parse(CASES[i].text, strlen(CASES[i].text), &address, &err);

		if (CASES[i].formatted == NULL) {
			assert_int_equal(rc, -OTK_INVALID_ARGUMENT);
			assert_string_equal(err.reason, "BAD_ADDRESS");
			continue;
		}
		assert_int_equal(rc, 0);
		assert_string_equal(
		        address_format((const struct sockaddr *)&address.storage, text),
		        CASES[i].formatted);
	}
}

static void lists_are_separated_by_commas(void **state)
{
	struct address list[ADDRESS_LIST_MAX];
	struct otk_error err;
	size_t count = 99;

	(void)state;
	assert_int_equal(
	        address_list_parse("127.0.0.1:1, [::1]:2 ,*:3", list, &count, &err), 0);
	assert_int_equal(count, 3);
	assert_int_equal(list[1].storage.ss_family, AF_INET6);
	assert_int_equal(list[0].length, sizeof(struct sockaddr_in));
	assert_int_equal(address_list_parse("127.0.0.1:1 127.0.0.1:2", list, &count, &err),
	        -OTK_INVALID_ARGUMENT);
	assert_int_equal(
	        address_list_parse("127.0.0.1:1,", list, &count, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(address_list_parse("", list, &count, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(
	        address_list_parse("*:1,*:2,*:3,*:4,*:5,*:6,*:7,*:8,*:9,*:10,*:11,*:12,*:"
	                           "13,*:14,*:15,*:16,*:17",
	                list, &count, &err),
	        -OTK_INVALID_ARGUMENT);
	assert_int_equal(count, 3);
}

static void other_families_are_called_unix(void **state)
{
	const struct sockaddr local = {.sa_family = AF_UNIX};
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	assert_string_equal(address_format(&local, text), "unix");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(addresses_parse_and_format),
	        cmocka_unit_test(lists_are_separated_by_commas),
	        cmocka_unit_test(other_families_are_called_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
