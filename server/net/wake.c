/* See wake.h. */
#include "net/wake.h"

#include <fcntl.h>

#include <sys/socket.h>

#include "base/status.h"

int wake_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0
	               ? 0
	               : -OTK_UNAVAILABLE;
}

void wake_send(int fd)
{
	if (fd >= 0)
		(void)send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void wake_clear(int fd)
{
	char byte;

	/* Others read the same socket: bounded, so that they cannot keep this one here. */
	for (int i = 0; i < 64 && recv(fd, &byte, sizeof byte, MSG_DONTWAIT) >= 0; i++)
		;
}

int wake_inherited(int fd)
{
	int type = 0;
	socklen_t size = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_DGRAM)
		return -1;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}
