/* Waiting between attempts. */
#include "agent/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void waits_grow_by_1_6_up_to_120_s(void **state)
{
	static const int64_t MIDDLE_MS[] = {1000, 1600, 2560, 4096, 6553, 10485, 16777, 26843,
	        42949, 68719, 109951, 120000, 120000};
	struct backoff backoff = {0};

	(void)state;
	for (size_t i = 0; i < sizeof MIDDLE_MS / sizeof MIDDLE_MS[0]; i++) {
		int64_t got = backoff_next(&backoff, 0, UINT32_MAX / 2) / 1000;

		assert_in_range(got, MIDDLE_MS[i] - 2, MIDDLE_MS[i] + 2);
	}
}

static void jitter_is_a_fifth_either_way(void **state)
{
	struct backoff least = {0};
	struct backoff most = {0};

	(void)state;
	assert_int_equal(backoff_next(&least, 0, 0), 800000);
	assert_int_equal(backoff_next(&most, 0, UINT32_MAX), 1200000);
	least.failures = most.failures = UINT32_MAX;
	assert_int_equal(backoff_next(&least, 0, 0), 96000000);
	assert_int_equal(backoff_next(&most, 0, UINT32_MAX), 144000000);
	assert_int_equal(most.failures, UINT32_MAX);
}

static void the_servers_pushback_is_honoured(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	assert_int_equal(backoff_next(&backoff, 30000, 0), 30000000);
	assert_int_equal(backoff_next(&backoff, 30000, UINT32_MAX), 36000000);
	backoff.failures = 20;
	assert_in_range(backoff_next(&backoff, 1000, UINT32_MAX / 2), 119000000, 121000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(waits_grow_by_1_6_up_to_120_s),
	        cmocka_unit_test(jitter_is_a_fifth_either_way),
	        cmocka_unit_test(the_servers_pushback_is_honoured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
