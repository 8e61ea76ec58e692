/* How long a dead child stays dead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/backoff.h"

static void delays_double_up_to_thirty_seconds(void **state)
{
	static const int64_t MS[] = {
	        50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
	struct backoff backoff = {0};

	(void)state;
	for (size_t i = 0; i < sizeof MS / sizeof MS[0]; i++)
		assert_int_equal(backoff_next(&backoff, 10), MS[i] * 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(backoff_next(&backoff, 10), BACKOFF_LAST_US);
}

static void a_healthy_life_starts_the_count_anew(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	for (int i = 0; i < 8; i++)
		(void)backoff_next(&backoff, 0);
	assert_true(backoff_next(&backoff, BACKOFF_HEALTHY_US - 1) > BACKOFF_FIRST_US);
	assert_int_equal(backoff_next(&backoff, BACKOFF_HEALTHY_US), BACKOFF_FIRST_US);
	assert_int_equal(backoff_next(&backoff, 0), 2 * BACKOFF_FIRST_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(delays_double_up_to_thirty_seconds),
	        cmocka_unit_test(a_healthy_life_starts_the_count_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
