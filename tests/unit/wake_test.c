/* The datagram that wakes the jobs: never blocks, never piles up, and does without a master. */
#include "net/wake.h"

#include <poll.h>
#include <unistd.h>

#include "cmocka_test.h"

static int readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0);
}

static void one_word_wakes_and_is_taken(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(wake_pair(ends), 0);
	assert_int_equal(readable(ends[0]), 0);
	wake_send(ends[1]);
	assert_int_equal(readable(ends[0]), 1);
	wake_clear(ends[0]);
	assert_int_equal(readable(ends[0]), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void a_full_queue_does_not_block(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(wake_pair(ends), 0);
	for (int i = 0; i < 100000; i++)
		wake_send(ends[1]);
	assert_int_equal(readable(ends[0]), 1);
	for (int i = 0; i < 100000 && readable(ends[0]) == 1; i++)
		wake_clear(ends[0]);
	assert_int_equal(readable(ends[0]), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void what_is_not_ours_is_not_taken(void **state)
{
	int ends[2];
	int pipes[2];

	(void)state;
	wake_send(-1);
	assert_int_equal(wake_inherited(-1), -1);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(wake_inherited(pipes[0]), -1);
	assert_int_equal(wake_pair(ends), 0);
	assert_int_equal(wake_inherited(ends[0]), ends[0]);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_word_wakes_and_is_taken),
	        cmocka_unit_test(a_full_queue_does_not_block),
	        cmocka_unit_test(what_is_not_ours_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
