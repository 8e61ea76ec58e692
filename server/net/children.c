/* The master's children: executed, spoken with, reaped, started again, drained. */
#include "net/master_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/channel.h"

const char *child_role_name(enum child_role role)
{
	static const char *const NAMES[] = {"api", "jobs", "notify"};

	return NAMES[role];
}

const char *child_state_name(enum child_state state)
{
	static const char *const NAMES[] = {"free", "waiting", "starting", "ready", "draining"};

	return NAMES[state];
}

struct inherited {
	int from; /* -1: nothing */
	int to;
};

/*
 * Puts descriptors where the child looks for them. A number that is wanted may be another one's
 * now: all are first copied out of the way. The copies are not close-on-exec; the others are.
 */
static void inherit(const struct inherited *wanted, size_t count)
{
	enum { OUT_OF_THE_WAY = 16 };
	int copies[3];

	for (size_t i = 0; i < count; i++) {
		copies[i] = wanted[i].from;
		if (copies[i] >= 0)
			copies[i] = fcntl(wanted[i].from, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	}
	for (size_t i = 0; i < count; i++) {
		if (wanted[i].from >= 0 && (copies[i] < 0 || dup2(copies[i], wanted[i].to) < 0))
			_exit(1);
	}
}

/* In the child, between fork and exec: only what is safe there. */
static _Noreturn void become(const struct master *m, const char *const arguments[], int channel)
{
	const struct inherited wanted[] = {{channel, MASTER_CHILD_CHANNEL},
	        {channel >= 0 ? m->wake[0] : -1, MASTER_CHILD_WAKE_IN},
	        {channel >= 0 ? m->wake[1] : -1, MASTER_CHILD_WAKE_OUT}};
	sigset_t none;

	/* Dies with the master, also if that happened before the call. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != m->pid)
		_exit(1);
	inherit(wanted, sizeof wanted / sizeof wanted[0]);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execv(m->options->program, (char *const *)arguments);
	_exit(127);
}

pid_t child_exec(struct master *m, const char *const arguments[], int channel)
{
	pid_t pid = fork();

	if (pid == 0)
		become(m, arguments, channel);
	return pid;
}

static void child_log(const struct child *child, const char *msg, const char *why)
{
	char pid[24];
	char generation[24];

	(void)snprintf(pid, sizeof pid, "%ld", (long)child->pid);
	(void)snprintf(generation, sizeof generation, "%u", child->generation);
	log_info(msg, "child", pid, "child_role", child_role_name(child->role), "generation",
	        generation, "why", why);
}

static void ready_came(struct child *child)
{
	struct master *m = child->master;

	if (child->state != CHILD_STARTING)
		return;
	child->state = CHILD_READY;
	child_log(child, "child ready", "");
	if (child->generation == m->generation && !m->stopping)
		child_drain_old(m);
}

static void channel_readable(evutil_socket_t fd, short what, void *context)
{
	struct child *child = context;
	struct master *m = child->master;
	struct channel_message message;
	int passed;
	int rc;

	(void)what;
	while ((rc = channel_receive(fd, &message, &passed)) > 0) {
		if (passed >= 0)
			(void)close(passed);
		if (message.type == CHANNEL_READY)
			ready_came(child);
		else
			connection_message(child, (int)message.type, message.token);
	}
	if (child->role == CHILD_API && child->state == CHILD_READY)
		m->seats[child - m->children].ready = true;
	if (rc < 0) {
		/* It is ending or has lost its mind; SIGCHLD tells the rest. */
		(void)event_del(child->event);
		m->seats[child - m->children].ready = false;
		if (rc == -OTK_DATA_LOSS)
			(void)kill(child->pid, SIGKILL);
	}
	connection_deal_waiting(m);
}

static int child_start(struct child *child)
{
	struct master *m = child->master;
	char role[16];
	const char *const arguments[] = {
	        m->options->program, role, "--config", m->options->config, NULL};
	int ends[2];

	(void)snprintf(role, sizeof role, "--role=%s", child_role_name(child->role));
	if (channel_pair(ends) != 0)
		return -OTK_UNAVAILABLE;
	child->event =
	        event_new(m->base, ends[0], EV_READ | EV_PERSIST, channel_readable, child);
	if (child->event == NULL)
		goto out_close;
	child->pid = child_exec(m, arguments, ends[1]);
	if (child->pid < 0)
		goto out_free_event;
	(void)close(ends[1]);
	(void)event_add(child->event, NULL);
	child->channel = ends[0];
	child->state = CHILD_STARTING;
	child->started_at = clock_monotonic();
	TAILQ_INIT(&child->connections);
	m->seats[child - m->children] = (struct deal_seat){0};
	child_log(child, "child started", "");
	return 0;
out_free_event:
	event_free(child->event);
	child->event = NULL;
out_close:
	(void)close(ends[0]);
	(void)close(ends[1]);
	return -OTK_UNAVAILABLE;
}

static void child_release(struct child *child)
{
	if (child->timer != NULL)
		event_free(child->timer);
	child->timer = NULL;
	child->state = CHILD_FREE;
	child->pid = 0;
}

/* Waits by the back-off, then starts again. */
static void child_schedule(struct child *child)
{
	int64_t delay = backoff_next(&child->backoff, clock_monotonic() - child->started_at);
	const struct timeval later = {delay / CLOCK_SECOND, delay % CLOCK_SECOND};

	child->state = CHILD_WAITING;
	child->restarts++;
	(void)evtimer_add(child->timer, &later);
}

static void start_again(evutil_socket_t fd, short what, void *context)
{
	struct child *child = context;

	(void)fd;
	(void)what;
	if (child_start(child) != 0) {
		log_error("cannot start a child", "error", strerror(errno));
		child_schedule(child);
	}
}

static int slot_fill(struct master *m, enum child_role role)
{
	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++) {
		struct child *child = &m->children[i];

		if (child->state != CHILD_FREE)
			continue;
		*child = (struct child){.master = m, .role = role, .generation = m->generation};
		child->timer = evtimer_new(m->base, start_again, child);
		if (child->timer == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		if (child_start(child) != 0) {
			log_error("cannot start a child", "error", strerror(errno));
			child_schedule(child);
		}
		return 0;
	}
	return -OTK_RESOURCE_EXHAUSTED;
}

int child_start_all(struct master *m)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->settings.api_processes; i++)
		rc = slot_fill(m, CHILD_API);
	for (unsigned i = 0; rc == 0 && i < m->settings.jobs_processes; i++)
		rc = slot_fill(m, CHILD_JOBS);
	for (unsigned i = 0; rc == 0 && i < m->settings.notify_processes; i++)
		rc = slot_fill(m, CHILD_NOTIFY);
	return rc;
}

static void child_drain(struct child *child)
{
	const struct channel_message message = {CHANNEL_DRAIN, 0};
	struct master *m = child->master;

	if (child->state == CHILD_WAITING) {
		child_release(child);
		return;
	}
	if (child->state != CHILD_STARTING && child->state != CHILD_READY)
		return;
	child->state = CHILD_DRAINING;
	m->seats[child - m->children].ready = false;
	m->seats[child - m->children].draining = true;
	if (channel_send(child->channel, &message, -1) != 0)
		(void)kill(child->pid, SIGTERM); /* the same to a child, by another way */
}

void child_drain_old(struct master *m)
{
	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++) {
		if (m->children[i].generation != m->generation)
			child_drain(&m->children[i]);
	}
}

void child_drop_unready(struct master *m)
{
	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++) {
		enum child_state state = m->children[i].state;

		if (state == CHILD_WAITING || state == CHILD_STARTING)
			child_drain(&m->children[i]);
	}
}

void child_drain_all(struct master *m)
{
	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++)
		child_drain(&m->children[i]);
}

void child_kill_all(struct master *m)
{
	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++) {
		struct child *child = &m->children[i];

		if (child->state == CHILD_WAITING)
			child_release(child);
		else if (child->state != CHILD_FREE)
			(void)kill(child->pid, SIGKILL);
	}
}

unsigned child_count(const struct master *m)
{
	unsigned count = 0;

	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++)
		count += m->children[i].state != CHILD_FREE;
	return count;
}

static const char *death_text(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, size, "signal %d", WTERMSIG(status));
	else
		(void)snprintf(out, size, "exit %d", WEXITSTATUS(status));
	return out;
}

static void child_died(struct child *child, int status)
{
	struct master *m = child->master;
	bool wanted = child->state != CHILD_DRAINING && child->generation == m->generation &&
	              !m->stopping;
	char why[32];

	/* What it said before it died still counts: a confirmed connection is not dealt again.
	 */
	if (child->state != CHILD_WAITING && event_pending(child->event, EV_READ, NULL))
		channel_readable(child->channel, EV_READ, child);
	child_log(child, wanted ? "child died" : "child ended",
	        death_text(status, why, sizeof why));
	event_free(child->event);
	child->event = NULL;
	(void)close(child->channel);
	connection_child_gone(child);
	if (wanted)
		child_schedule(child);
	else
		child_release(child);
	connection_deal_waiting(m);
}

void child_reap(struct master *m)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == m->checker) {
			m->checker = 0;
			master_checked(m, WIFEXITED(status) && WEXITSTATUS(status) == 0);
			continue;
		}
		for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++) {
			struct child *child = &m->children[i];

			if (child->pid == pid && child->state >= CHILD_STARTING) {
				child_died(child, status);
				break;
			}
		}
	}
}

void child_free_all(struct master *m)
{
	for (size_t i = 0; i < MASTER_CHILDREN_MAX; i++) {
		struct child *child = &m->children[i];

		if (child->event != NULL) {
			event_free(child->event);
			(void)close(child->channel);
		}
		if (child->timer != NULL)
			event_free(child->timer);
	}
}
