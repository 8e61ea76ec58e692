/* Which child gets the next connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/deal.h"

static void nobody_ready_means_nobody(void **state)
{
	struct deal_seat seats[3] = {{0}};

	(void)state;
	assert_int_equal(deal_choose(seats, 3, 0), -1);
	assert_int_equal(deal_choose(seats, 0, 0), -1);
	seats[1] = (struct deal_seat){.ready = true, .draining = true};
	assert_int_equal(deal_choose(seats, 3, 0), -1);
}

static void the_least_loaded_is_chosen(void **state)
{
	struct deal_seat seats[3] = {{.ready = true, .live = 5}, {.ready = true, .live = 2},
	        {.ready = true, .live = 9}};

	(void)state;
	assert_int_equal(deal_choose(seats, 3, 1), 1);
}

static void equals_take_turns(void **state)
{
	struct deal_seat seats[3] = {{.ready = true}, {.ready = true}, {.ready = true}};

	(void)state;
	assert_int_equal(deal_choose(seats, 3, 0), 1);
	assert_int_equal(deal_choose(seats, 3, 1), 2);
	assert_int_equal(deal_choose(seats, 3, 2), 0);
}

static void one_with_four_unconfirmed_gets_no_more(void **state)
{
	struct deal_seat seats[2] = {{.ready = true, .live = 4, .unconfirmed = 4},
	        {.ready = true, .live = 100, .unconfirmed = 3}};

	(void)state;
	assert_int_equal(deal_choose(seats, 2, 0), 1);
	seats[1].unconfirmed = DEAL_UNCONFIRMED_MAX;
	assert_int_equal(deal_choose(seats, 2, 0), -1);
}

static void forty_over_four_are_ten_each(void **state)
{
	struct deal_seat seats[4] = {
	        {.ready = true}, {.ready = true}, {.ready = true}, {.ready = true}};
	size_t last = 0;

	(void)state;
	for (int i = 0; i < 40; i++) {
		int at = deal_choose(seats, 4, last);

		assert_in_range(at, 0, 3);
		seats[at].live++;
		last = (size_t)at;
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(seats[i].live, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nobody_ready_means_nobody),
	        cmocka_unit_test(the_least_loaded_is_chosen),
	        cmocka_unit_test(equals_take_turns),
	        cmocka_unit_test(one_with_four_unconfirmed_gets_no_more),
	        cmocka_unit_test(forty_over_four_are_ten_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
