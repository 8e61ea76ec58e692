/* A call to the daemon of this machine. */
#include "agent/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/decode.h"
#include "wire/status_message.h"

static int socket_connect(const char *path, int timeout_ms, struct otk_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {
	        .tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
	int fd;

	if (strlen(path) > LOCAL_PATH_MAX)
		return error_set(err, OTK_INVALID_ARGUMENT, "SOCKET_PATH",
		        "the socket's path must have at most %d bytes", LOCAL_PATH_MAX);
	(void)strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, OTK_INTERNAL, "SOCKET", "socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	(void)error_set(err, errno == EACCES ? OTK_PERMISSION_DENIED : OTK_UNAVAILABLE,
	        "NO_DAEMON", "otklik-agent at %s: %s", path, strerror(errno));
	(void)close(fd);
	return -(int)err->code;
}

static int bytes_send(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int bytes_receive(int fd, uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = recv(fd, data, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int request_send(int fd, const Otklik__V1__AgentLocalRequest *request,
        struct arena *arena, struct otk_error *err)
{
	size_t size = otklik__v1__agent_local_request__get_packed_size(request);
	uint8_t *frame = arena_alloc(arena, size + 4);

	if (size > LOCAL_REQUEST_MAX)
		return error_set(err, OTK_INVALID_ARGUMENT, "REPORT_TOO_LARGE",
		        "a report may have at most %d bytes", LOCAL_REQUEST_MAX);
	if (frame == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	frame[0] = (uint8_t)(size >> 24);
	frame[1] = (uint8_t)(size >> 16);
	frame[2] = (uint8_t)(size >> 8);
	frame[3] = (uint8_t)size;
	(void)otklik__v1__agent_local_request__pack(request, frame + 4);
	if (bytes_send(fd, frame, size + 4) != 0)
		return error_set(err, OTK_DATA_LOSS, "BROKEN_OFF",
		        "otklik-agent broke off while the report was sent: %s",
		        strerror(errno));
	return 0;
}

static int reply_receive(int fd, struct arena *arena, Otklik__V1__AgentLocalResponse **out,
        struct otk_error *err)
{
	uint8_t head[4];
	ProtobufCMessage *message;
	uint8_t *body;
	size_t size;
	int rc;

	if (bytes_receive(fd, head, sizeof head) != 0)
		goto broken;
	size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (size > LOCAL_REPLY_MAX)
		return error_set(err, OTK_DATA_LOSS, "BAD_REPLY", "the reply is too large");
	body = arena_alloc(arena, size + 1);
	if (body == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	if (bytes_receive(fd, body, size) != 0)
		goto broken;
	rc = decode_message(&otklik__v1__agent_local_response__descriptor, body, size, arena,
	        &message, err);
	if (rc == 0)
		*out = (Otklik__V1__AgentLocalResponse *)(void *)message;
	return rc;
broken:
	if (errno == EAGAIN)
		return error_set(err, OTK_DEADLINE_EXCEEDED, "NO_REPLY",
		        "otklik-agent did not answer in time; whether it took the request is "
		        "not "
		        "known");
	return error_set(err, OTK_DATA_LOSS, "BROKEN_OFF",
	        "otklik-agent broke off before it answered; whether it took the request is not "
	        "known");
}

int local_call(const char *path, const Otklik__V1__AgentLocalRequest *request, int timeout_ms,
        struct arena *arena, Otklik__V1__AgentLocalResponse **out, struct otk_error *err)
{
	struct otk_error own;
	int fd;
	int rc;

	if (err == NULL)
		err = &own;
	fd = socket_connect(path, timeout_ms, err);
	if (fd < 0)
		return fd;
	rc = request_send(fd, request, arena, err);
	errno = 0;
	if (rc == 0)
		rc = reply_receive(fd, arena, out, err);
	(void)close(fd);
	if (rc == 0 && (*out)->error != NULL)
		rc = status_message_read((*out)->error, err);
	return rc;
}
