/* Messages between master and children. */
#include "net/channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "base/status.h"

/* Version, type, six bytes of padding that are zero, token: all of fixed size. */
enum { CHANNEL_VERSION = 1, CHANNEL_SIZE = 16 };

int channel_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -OTK_UNAVAILABLE;
	return 0;
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void attach(struct msghdr *msg, union control *control, int fd)
{
	struct cmsghdr *header;

	memset(control, 0, sizeof *control);
	msg->msg_control = control->space;
	msg->msg_controllen = sizeof control->space;
	header = CMSG_FIRSTHDR(msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
}

int channel_send(int channel, const struct channel_message *message, int fd)
{
	uint8_t bytes[CHANNEL_SIZE] = {CHANNEL_VERSION, (uint8_t)message->type};
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control;
	ssize_t n;

	memcpy(bytes + 8, &message->token, sizeof message->token);
	if (fd >= 0)
		attach(&msg, &control, fd);
	do {
		n = sendmsg(channel, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	/* ETOOMANYREFS: too many descriptors on their way, which also passes by itself. */
	if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
		return -OTK_RESOURCE_EXHAUSTED;
	return -OTK_UNAVAILABLE;
}

/* The one descriptor of a message, or -1; the kernel never gives more than `control` holds. */
static int detach(struct msghdr *msg)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (header != NULL && header->cmsg_level == SOL_SOCKET &&
	        header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

int channel_receive(int channel, struct channel_message *message, int *fd)
{
	uint8_t bytes[CHANNEL_SIZE];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
	union control control;
	struct msghdr msg = {.msg_iov = &iov,
	        .msg_iovlen = 1,
	        .msg_control = control.space,
	        .msg_controllen = sizeof control.space};
	ssize_t n;
	int got;

	do {
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -OTK_UNAVAILABLE;
	got = detach(&msg);
	if (n != CHANNEL_SIZE || (msg.msg_flags & MSG_TRUNC) != 0 ||
	        bytes[0] != CHANNEL_VERSION || bytes[1] < CHANNEL_DEAL) {
		if (got >= 0)
			(void)close(got);
		return -OTK_DATA_LOSS;
	}
	message->type = (enum channel_type)bytes[1];
	memcpy(&message->token, bytes + 8, sizeof message->token);
	*fd = got;
	return 1;
}
