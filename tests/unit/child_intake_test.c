/* A child's end of the channel to its master. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"
#include "net/intake.h"

struct seen {
	uint64_t token;
	unsigned connections;
	unsigned drains;
	unsigned gone;
};

static void on_connection(void *context, int fd, uint64_t token)
{
	struct seen *seen = context;

	seen->connections++;
	seen->token = token;
	(void)close(fd);
}

static void on_drain(void *context)
{
	((struct seen *)context)->drains++;
}

static void on_gone(void *context)
{
	((struct seen *)context)->gone++;
}

static const struct intake_ops OPS = {on_connection, on_drain, on_gone};

static void a_connection_is_confirmed_and_handed_on(void **state)
{
	struct loop *loop = loop_new();
	struct seen seen = {0};
	struct channel_message message = {CHANNEL_DEAL, 42};
	struct intake *intake;
	int ends[2];
	int fd;

	(void)state;
	assert_non_null(loop);
	assert_int_equal(channel_pair(ends), 0);
	intake = intake_new(loop, ends[1], &OPS, &seen);
	assert_non_null(intake);
	fd = dup(1);
	assert_int_equal(channel_send(ends[0], &message, fd), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(loop_turn(loop, true), 0);
	assert_int_equal(seen.connections, 1);
	assert_true(seen.token == 42);
	assert_int_equal(channel_receive(ends[0], &message, &fd), 1);
	assert_int_equal(message.type, CHANNEL_CONFIRM);
	assert_true(message.token == 42);

	/* A descriptor lost on its way: the master must not wait for ever. */
	message = (struct channel_message){CHANNEL_DEAL, 43};
	assert_int_equal(channel_send(ends[0], &message, -1), 0);
	assert_int_equal(loop_turn(loop, true), 0);
	assert_int_equal(seen.connections, 1);
	assert_int_equal(channel_receive(ends[0], &message, &fd), 1);
	assert_int_equal(message.type, CHANNEL_DROPPED);
	assert_true(message.token == 43);

	message = (struct channel_message){CHANNEL_DRAIN, 0};
	assert_int_equal(channel_send(ends[0], &message, -1), 0);
	assert_int_equal(loop_turn(loop, true), 0);
	assert_int_equal(seen.drains, 1);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(loop_turn(loop, true), 0);
	assert_int_equal(seen.gone, 1);
	intake_free(intake);
	intake_free(NULL);
	loop_free(loop);
}

static void what_the_channel_cannot_take_is_kept_in_order(void **state)
{
	enum { MANY = 5000 };
	struct loop *loop = loop_new();
	struct seen seen = {0};
	struct channel_message message;
	struct intake *intake;
	uint64_t expected = 0;
	int ends[2];
	int fd;

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	intake = intake_new(loop, ends[1], &OPS, &seen);
	for (uint64_t i = 0; i < MANY; i++)
		intake_tell(intake, CHANNEL_CLOSED, i);
	while (expected < MANY) {
		int rc = channel_receive(ends[0], &message, &fd);

		if (rc == 0) {
			assert_int_equal(loop_turn(loop, false), 0);
			continue;
		}
		assert_int_equal(rc, 1);
		assert_true(message.token == expected);
		expected++;
	}
	intake_free(intake);
	assert_int_equal(close(ends[0]), 0);
	loop_free(loop);
}

static void a_stopped_intake_leaves_connections_to_others(void **state)
{
	struct loop *loop = loop_new();
	struct seen seen = {0};
	struct channel_message message = {CHANNEL_DEAL, 1};
	struct intake *intake;
	int ends[2];
	int fd;

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	intake = intake_new(loop, ends[1], &OPS, &seen);
	intake_stop(intake);
	fd = dup(1);
	assert_int_equal(channel_send(ends[0], &message, fd), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(loop_turn(loop, false), 0);
	assert_int_equal(seen.connections, 0);
	intake_free(intake);
	assert_int_equal(close(ends[0]), 0);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_connection_is_confirmed_and_handed_on),
	        cmocka_unit_test(what_the_channel_cannot_take_is_kept_in_order),
	        cmocka_unit_test(a_stopped_intake_leaves_connections_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
