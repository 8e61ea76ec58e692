/* Local requests: accept, read one frame, answer, close. */
#include "agent/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/local.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/status_message.h"

struct guest {
	struct intake *intake; /* NULL: a free place */
	int fd;
	struct loop_watch *watch;
	struct loop_timer *timer;
	uint8_t *data; /* the request with its length, then the reply */
	size_t size;   /* read so far, then of the whole reply */
	size_t sent;
	bool answering;
};

struct intake {
	struct loop *loop;
	intake_handle *handle;
	void *arg;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *rest; /* after accept failed for want of descriptors */
	char *path;
	struct guest guests[INTAKE_CONNECTIONS];
};

static void guest_leave(struct guest *guest)
{
	struct intake *intake = guest->intake;

	if (intake == NULL)
		return;
	loop_watch_free(guest->watch);
	loop_timer_free(guest->timer);
	(void)close(guest->fd);
	free(guest->data);
	*guest = (struct guest){0};
	(void)loop_watch_set(intake->watch, LOOP_READ); /* there is a place again */
}

static void guest_late(void *arg)
{
	guest_leave(arg);
}

void intake_refuse(Otklik__V1__AgentLocalResponse *response, const struct otk_error *err,
        struct arena *arena)
{
	response->error = status_message_new(arena, err);
}

static void guest_write(struct guest *guest)
{
	ssize_t n = send(guest->fd, guest->data + guest->sent, guest->size - guest->sent,
	        MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		(void)loop_watch_set(guest->watch, LOOP_WRITE);
		return;
	}
	if (n > 0)
		guest->sent += (size_t)n;
	if (n <= 0 || guest->sent == guest->size)
		guest_leave(guest);
	else
		(void)loop_watch_set(guest->watch, LOOP_WRITE);
}

static void guest_answer(struct guest *guest)
{
	Otklik__V1__AgentLocalResponse response = OTKLIK__V1__AGENT_LOCAL_RESPONSE__INIT;
	struct arena *arena = arena_new(WIRE_DECODE_BUDGET);
	struct otk_error err = {0};
	ProtobufCMessage *message = NULL;
	size_t size;
	uint8_t *reply;

	if (arena == NULL) {
		guest_leave(guest);
		return;
	}
	if (decode_message(&otklik__v1__agent_local_request__descriptor, guest->data + 4,
	            guest->size - 4, arena, &message, &err) == 0)
		guest->intake->handle(guest->intake->arg,
		        (const Otklik__V1__AgentLocalRequest *)(const void *)message, &response,
		        arena);
	else
		intake_refuse(&response, &err, arena);
	size = otklik__v1__agent_local_response__get_packed_size(&response);
	reply = size <= LOCAL_REPLY_MAX ? malloc(size + 4) : NULL;
	if (reply != NULL) {
		reply[0] = (uint8_t)(size >> 24);
		reply[1] = (uint8_t)(size >> 16);
		reply[2] = (uint8_t)(size >> 8);
		reply[3] = (uint8_t)size;
		(void)otklik__v1__agent_local_response__pack(&response, reply + 4);
	}
	arena_free(arena);
	free(guest->data);
	guest->data = reply;
	guest->size = size + 4;
	guest->answering = true;
	if (reply == NULL)
		guest_leave(guest);
	else
		guest_write(guest);
}

/* How many bytes of the frame are still wanted; 0: all there; -1: too large. */
static long guest_wants(const struct guest *guest)
{
	size_t body;

	if (guest->size < 4)
		return (long)(4 - guest->size);
	body = (size_t)guest->data[0] << 24 | (size_t)guest->data[1] << 16 |
	       (size_t)guest->data[2] << 8 | guest->data[3];
	return body > LOCAL_REQUEST_MAX ? -1 : (long)(body + 4 - guest->size);
}

static void guest_ready(void *arg, unsigned events)
{
	struct guest *guest = arg;
	long wants;

	(void)events;
	if (guest->answering) {
		guest_write(guest);
		return;
	}
	while ((wants = guest_wants(guest)) > 0) {
		ssize_t n =
		        recv(guest->fd, guest->data + guest->size, (size_t)wants, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			guest_leave(guest);
			return;
		}
		guest->size += (size_t)n;
	}
	if (wants < 0)
		guest_leave(guest);
	else
		guest_answer(guest);
}

static void guest_enter(struct intake *intake, struct guest *guest, int fd)
{
	guest->intake = intake;
	guest->fd = fd;
	guest->data = malloc(LOCAL_REQUEST_MAX + 4);
	guest->watch = loop_watch_new(intake->loop, fd, guest_ready, guest);
	guest->timer = loop_timer_new(intake->loop, guest_late, guest);
	if (guest->data == NULL || guest->watch == NULL || guest->timer == NULL ||
	        loop_watch_set(guest->watch, LOOP_READ) != 0) {
		guest_leave(guest);
		return;
	}
	loop_timer_set(guest->timer, INTAKE_TIMEOUT_S * CLOCK_SECOND);
}

static void rest_over(void *arg)
{
	struct intake *intake = arg;

	(void)loop_watch_set(intake->watch, LOOP_READ);
}

static void intake_ready(void *arg, unsigned events)
{
	struct intake *intake = arg;

	(void)events;
	for (size_t i = 0; i < INTAKE_CONNECTIONS; i++) {
		struct guest *guest = &intake->guests[i];
		int fd;

		if (guest->intake != NULL)
			continue;
		fd = accept4(intake->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			guest_enter(intake, guest, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			(void)loop_watch_set(intake->watch, 0);
			loop_timer_set(intake->rest, CLOCK_SECOND);
		}
		return;
	}
	(void)loop_watch_set(intake->watch, 0); /* full: the rest waits in the backlog */
}

/* True if somebody serves the socket already. */
static bool socket_is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool served =
	        fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;

	if (fd >= 0)
		(void)close(fd);
	return served;
}

static int socket_listen(const char *path, struct otk_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t old;
	int bound;
	int fd;

	if (strlen(path) > LOCAL_PATH_MAX)
		return error_set(err, OTK_INVALID_ARGUMENT, "SOCKET_PATH",
		        "socket = %s: must have at most %d bytes", path, LOCAL_PATH_MAX);
	(void)strcpy(address.sun_path, path);
	if (socket_is_served(&address))
		return error_set(err, OTK_ALREADY_EXISTS, "SOCKET_IN_USE",
		        "socket = %s: another otklik-agent listens there", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, OTK_INTERNAL, "SOCKET", "socket: %s", strerror(errno));
	(void)unlink(path);
	old = umask(0117); /* 0660 from the first instant */
	bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
	(void)umask(old);
	if (bound == 0 && listen(fd, 64) == 0)
		return fd;
	(void)error_set(err, OTK_FAILED_PRECONDITION, "SOCKET", "socket = %s: %s", path,
	        strerror(errno));
	(void)close(fd);
	return -OTK_FAILED_PRECONDITION;
}

struct intake *intake_new(struct loop *loop, const char *path, intake_handle *handle, void *arg,
        struct otk_error *err)
{
	struct intake *intake = calloc(1, sizeof *intake);
	int fd;

	if (intake == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
		return NULL;
	}
	fd = socket_listen(path, err);
	if (fd < 0) {
		free(intake);
		return NULL;
	}
	intake->loop = loop;
	intake->handle = handle;
	intake->arg = arg;
	intake->fd = fd;
	intake->path = strdup(path);
	intake->watch = loop_watch_new(loop, intake->fd, intake_ready, intake);
	intake->rest = loop_timer_new(loop, rest_over, intake);
	if (intake->path == NULL || intake->watch == NULL || intake->rest == NULL ||
	        loop_watch_set(intake->watch, LOOP_READ) != 0) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
		intake_free(intake);
		return NULL;
	}
	return intake;
}

void intake_free(struct intake *intake)
{
	if (intake == NULL)
		return;
	for (size_t i = 0; i < INTAKE_CONNECTIONS; i++)
		guest_leave(&intake->guests[i]);
	loop_watch_free(intake->watch);
	loop_timer_free(intake->rest);
	(void)close(intake->fd);
	if (intake->path != NULL)
		(void)unlink(intake->path);
	free(intake->path);
	free(intake);
}
