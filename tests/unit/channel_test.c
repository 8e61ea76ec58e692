/* Messages and descriptors between master and child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/status.h"
#include "net/channel.h"

static void a_message_arrives_whole_with_its_descriptor(void **state)
{
	const struct channel_message sent = {CHANNEL_DEAL, UINT64_C(0x1122334455667788)};
	struct channel_message got;
	int ends[2];
	int pipes[2];
	int fd;
	char c = 0;

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(channel_receive(ends[1], &got, &fd), 0);
	assert_int_equal(channel_send(ends[0], &sent, pipes[1]), 0);
	assert_int_equal(channel_receive(ends[1], &got, &fd), 1);
	assert_int_equal(got.type, CHANNEL_DEAL);
	assert_true(got.token == sent.token);
	assert_true(fd >= 0 && fd != pipes[1]);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(pipes[0]), 0);
	assert_int_equal(close(pipes[1]), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(channel_receive(ends[1], &got, &fd), -OTK_UNAVAILABLE);
	assert_int_equal(channel_send(ends[1], &sent, -1), -OTK_UNAVAILABLE);
	assert_int_equal(close(ends[1]), 0);
}

static void messages_without_descriptor_say_so(void **state)
{
	const struct channel_message sent = {CHANNEL_READY, 0};
	struct channel_message got;
	int ends[2];
	int fd = 7;

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(channel_send(ends[0], &sent, -1), 0);
	assert_int_equal(channel_receive(ends[1], &got, &fd), 1);
	assert_int_equal(got.type, CHANNEL_READY);
	assert_int_equal(fd, -1);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

static void what_is_not_ours_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} BAD[] = {{"\1", 1}, {"\2\1\0\0\0\0\0\0........", 16},
	        {"\1\0\0\0\0\0\0\0........", 16}, {"\1\1\0\0\0\0\0\0.........", 17}};
	struct channel_message got;
	int ends[2];
	int fd;

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		assert_int_equal(send(ends[0], BAD[i].bytes, BAD[i].size, 0), BAD[i].size);
		assert_int_equal(channel_receive(ends[1], &got, &fd), -OTK_DATA_LOSS);
	}
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

static void a_full_channel_says_come_again(void **state)
{
	const struct channel_message sent = {CHANNEL_CLOSED, 1};
	struct channel_message got;
	int ends[2];
	int fd;
	int count = 0;
	int rc;

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	while ((rc = channel_send(ends[0], &sent, -1)) == 0)
		count++;
	assert_int_equal(rc, -OTK_RESOURCE_EXHAUSTED);
	assert_true(count > 16);
	while ((rc = channel_receive(ends[1], &got, &fd)) > 0)
		count--;
	assert_int_equal(rc, 0);
	assert_int_equal(count, 0);
	assert_int_equal(channel_send(ends[0], &sent, -1), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_arrives_whole_with_its_descriptor),
	        cmocka_unit_test(messages_without_descriptor_say_so),
	        cmocka_unit_test(what_is_not_ours_is_refused),
	        cmocka_unit_test(a_full_channel_says_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
