/*
 * One request, one process.
 *
 *	compute_run → answer_came (as often as bytes come) → the end, an error, or its death
 *
 * Neither side may keep the other for ever: a process that says nothing, a client that takes
 * nothing, and both together are given so long, then the process is killed and the client told.
 */
#include "rpc/compute.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "base/buf.h"
#include "base/log.h"
#include "loop/loop.h"
#include "rpc/compute_frame.h"
#include "rpc/service.h"
#include "wire/methods.h"
#include "wire/status_message.h"

enum { READ_SIZE = 65536, AGAIN_MS = 2000, OUT_OF_THE_WAY = 16 };

extern char **environ;

struct compute {
	struct request *r;
	pid_t pid;
	int fd;
	struct loop_watch *watch;
	struct buf answer;
	size_t used; /* of the answer: passed on already */
	bool eof;
	bool waits_for_client;
	struct loop_timer *total;
	struct loop_timer *stall; /* set anew by every step forward */
	bool too_long;
	bool stalled;
};

static enum step answer_came(struct request *r);

/* Those that were killed take a moment to end, for which nobody waits. */
static void reap(struct service *service)
{
	for (int i = 0; i < COMPUTE_LEFT_MAX; i++) {
		if (service->compute_left[i] != 0 &&
		        waitpid(service->compute_left[i], NULL, WNOHANG) != 0)
			service->compute_left[i] = 0;
	}
}

static void leave(struct service *service, pid_t pid)
{
	int i = 0;

	reap(service);
	while (i < COMPUTE_LEFT_MAX && service->compute_left[i] != 0)
		i++;
	if (i < COMPUTE_LEFT_MAX)
		service->compute_left[i] = pid;
	else
		(void)waitpid(pid, NULL, 0);
	reap(service);
}

/* The process has told all, is not wanted any more, or is dead already. */
static void compute_release(struct request *r)
{
	struct compute *c = r->state;

	loop_watch_free(c->watch);
	c->watch = NULL;
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	loop_timer_free(c->total);
	loop_timer_free(c->stall);
	c->total = c->stall = NULL;
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		leave(r->service, c->pid);
		r->service->computing--;
	}
	c->pid = 0;
	buf_free(&c->answer);
}

static void answer_readable(void *arg, unsigned events)
{
	struct compute *c = arg;
	char data[READ_SIZE];
	ssize_t n = read(c->fd, data, sizeof data);

	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 || buf_append(&c->answer, data, (size_t)n) != 0)
		c->eof = true;
	(void)loop_watch_set(c->watch, 0);
	request_wake(c->r);
}

static void time_is_up(void *arg)
{
	struct compute *c = arg;

	c->too_long = true;
	request_wake(c->r);
}

static void nothing_moved(void *arg)
{
	struct compute *c = arg;

	c->stalled = true;
	request_wake(c->r);
}

/* --- starting it -------------------------------------------------------------------------- */

static pid_t start(const char *config, int job, int answer)
{
	const char *const arguments[] = {
	        "otklikd", "--role", "compute", "--config", config, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	if (posix_spawn_file_actions_adddup2(&actions, job, COMPUTE_JOB_FD) != 0 ||
	        posix_spawn_file_actions_adddup2(&actions, answer, COMPUTE_ANSWER_FD) != 0 ||
	        posix_spawn(&pid, "/proc/self/exe", &actions, NULL,
	                (char *const *)(uintptr_t)arguments, environ) != 0)
		pid = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* Above the numbers that the process looks at, so that one copy does not end another. */
static int moved(int fd)
{
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);

	if (fd >= 0)
		(void)close(fd);
	return copy;
}

static bool timers_made(struct compute *c)
{
	const struct service *service = c->r->service;

	c->total = loop_timer_new(service->loop, time_is_up, c);
	c->stall = loop_timer_new(service->loop, nothing_moved, c);
	if (c->total == NULL || c->stall == NULL)
		return false;
	loop_timer_set(c->total, service->compute_timeout);
	loop_timer_set(c->stall, service->compute_stall);
	return true;
}

static int compute_start(struct request *r, const struct compute_job *job)
{
	struct compute *c = r->state;
	int ends[2] = {-1, -1};
	int file = moved(compute_job_write(job));

	if (file >= 0 && timers_made(c) && pipe2(ends, O_CLOEXEC) == 0) {
		c->fd = ends[0];
		ends[1] = moved(ends[1]);
		(void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
		c->watch = loop_watch_new(r->service->loop, c->fd, answer_readable, c);
		if (c->watch != NULL && ends[1] >= 0)
			c->pid = start(r->service->config, file, ends[1]);
	}
	if (file >= 0)
		(void)close(file);
	if (ends[1] >= 0)
		(void)close(ends[1]);
	if (c->pid <= 0)
		return -OTK_RESOURCE_EXHAUSTED;
	r->service->computing++;
	return 0;
}

static enum step come_again(
        struct request *r, enum otk_status code, const char *reason, const char *message)
{
	struct otk_error err;

	(void)error_set(&err, code, reason, "%s", message);
	err.retry_after_ms = AGAIN_MS;
	return request_fail(r, &err);
}

enum step compute_run(struct request *r, const char *scope)
{
	struct compute *c = request_state(r, sizeof *c);
	const struct compute_job job = {
	        .method = r->method->id, .now = r->now, .scope = scope, .message = r->message};

	if (c == NULL)
		return request_no_memory(r);
	c->r = r;
	c->fd = -1;
	if (r->service->compute_max == 0)
		return request_error(r, OTK_UNIMPLEMENTED, "NOT_ON_THIS_HOST",
		        "this host computes nothing: compute_processes is 0");
	reap(r->service);
	if (r->service->computing >= r->service->compute_max)
		return come_again(r, OTK_RESOURCE_EXHAUSTED, "COMPUTE_BUSY",
		        "this server is at other computations; come again");
	if (compute_start(r, &job) != 0) {
		compute_release(r);
		return come_again(r, OTK_UNAVAILABLE, "COMPUTE_FAILED",
		        "no process could be started for this request");
	}
	request_long_lived(r);
	request_on_cancel(r, compute_release);
	return request_go(r, answer_came);
}

/* --- passing on --------------------------------------------------------------------------- */

static enum step finish(struct request *r)
{
	compute_release(r);
	request_on_cancel(r, NULL);
	return request_stream_end(r);
}

/* `data` is a Status; NULL: what came was none of ours. */
static enum step fail(struct request *r, const void *data, size_t size)
{
	Otklik__V1__Status *status =
	        data == NULL ? NULL : otklik__v1__status__unpack(NULL, size, data);
	struct otk_error err;

	if (status == NULL || status_message_read(status, &err) == 0)
		(void)error_set(&err, OTK_INTERNAL, "COMPUTE_DAMAGED",
		        "the computation's answer cannot be read");
	if (status != NULL)
		otklik__v1__status__free_unpacked(status, NULL);
	compute_release(r);
	request_on_cancel(r, NULL);
	return request_fail(r, &err);
}

/* 1: passed on, 0: the client's credit is used up, negative: it cannot be read. */
static int pass_on(struct request *r, const void *data, size_t size)
{
	ProtobufCMessage *item = protobuf_c_message_unpack(r->method->out, NULL, size, data);
	int rc;

	if (item == NULL)
		return -OTK_DATA_LOSS;
	rc = request_stream_item(r, item);
	protobuf_c_message_free_unpacked(item, NULL);
	return rc == 0 ? 1 : 0;
}

/* Size of the first whole frame that is not yet passed on, with its head; 0: none is whole. */
static size_t whole_frame(const struct compute *c, size_t *payload)
{
	const uint8_t *head = (const uint8_t *)c->answer.data + c->used;
	size_t have = c->answer.len - c->used;

	if (have < COMPUTE_HEAD_SIZE)
		return 0;
	*payload =
	        (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (*payload > COMPUTE_ITEM_MAX)
		return SIZE_MAX;
	return have >= COMPUTE_HEAD_SIZE + *payload ? COMPUTE_HEAD_SIZE + *payload : 0;
}

static void forget_passed(struct compute *c)
{
	size_t left = c->answer.len - c->used;
	struct buf rest = {0};

	if (c->used == 0)
		return;
	if (left > 0)
		(void)buf_append(&rest, c->answer.data + c->used, left);
	c->eof = c->eof || rest.failed;
	buf_free(&c->answer);
	c->answer = rest;
	c->used = 0;
}

/* The bounds of a computation, told so that whoever asked knows what to do. Not to be tried
 * again by itself: it would end the same way. */
static enum step out_of_time(struct request *r)
{
	const struct compute *c = r->state;
	int64_t total = r->service->compute_timeout / 1000000;
	int64_t stall = r->service->compute_stall / 1000000;
	struct otk_error err;

	if (c->too_long)
		(void)error_set(&err, OTK_DEADLINE_EXCEEDED, "COMPUTE_TOO_LONG",
		        "this was not computed in %lld s; ask for a shorter history",
		        (long long)total);
	else if (c->waits_for_client)
		(void)error_set(&err, OTK_DEADLINE_EXCEEDED, "NOT_READ",
		        "the answer was not read for %lld s; ask again and read it",
		        (long long)stall);
	else
		(void)error_set(&err, OTK_DEADLINE_EXCEEDED, "COMPUTE_STALLED",
		        "the computation came no further for %lld s; the database may be "
		        "busy: ask later, or for a shorter history",
		        (long long)stall);
	compute_release(r);
	request_on_cancel(r, NULL);
	return request_fail(r, &err);
}

static enum step answer_came(struct request *r)
{
	struct compute *c = r->state;
	size_t size, payload = 0;

	if (c->too_long || c->stalled)
		return out_of_time(r);
	while ((size = whole_frame(c, &payload)) != 0) {
		const char *frame = c->answer.data + c->used;
		int rc;

		if (size == SIZE_MAX || frame[4] == COMPUTE_ERROR)
			return fail(
			        r, frame + COMPUTE_HEAD_SIZE, size == SIZE_MAX ? 0 : payload);
		if (frame[4] == COMPUTE_END)
			return finish(r);
		rc = pass_on(r, frame + COMPUTE_HEAD_SIZE, payload);
		if (rc < 0)
			return fail(r, NULL, 0);
		c->waits_for_client = rc == 0;
		if (rc == 0)
			return request_wait_credit(r, answer_came);
		loop_timer_set(c->stall, r->service->compute_stall);
		c->used += size;
	}
	forget_passed(c);
	if (c->eof) {
		compute_release(r);
		request_on_cancel(r, NULL);
		return come_again(r, OTK_UNAVAILABLE, "COMPUTE_GONE",
		        "the process that computed this ended; come again");
	}
	(void)loop_watch_set(c->watch, LOOP_READ);
	return request_wait(r, answer_came);
}
