/* The master's life: start, reload, stop. */
#include "net/master_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/wake.h"

/* A child that does not end by itself gets this much more than the drain time. */
enum { STOP_GRACE_S = 2 };

/* A connection takes a descriptor here only until it is confirmed; still, have many. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void generation_start(struct master *m)
{
	m->generation++;
	if (child_start_all(m) != 0)
		log_error("not all children could be started");
}

void master_checked(struct master *m, bool good)
{
	struct master_settings settings;
	struct otk_error err;

	if (m->stopping)
		return;
	if (!good) {
		log_error("the new settings are not usable; the old ones stay in force",
		        "config", m->options->config);
	} else if (m->options->load(m->options->config, &settings, &err) != 0 ||
	           listeners_open(m, &settings, &err) != 0) {
		log_error("the new settings are not usable; the old ones stay in force",
		        "config", m->options->config, "error", err.message);
	} else {
		/* Where the pid file and the socket are is decided once. */
		memcpy(settings.run_dir, m->settings.run_dir, sizeof settings.run_dir);
		m->settings = settings;
		callers_limit(m->callers, &settings.limits);
		child_drop_unready(m); /* a generation that never came up */
		generation_start(m);
		log_info("reloaded", "config", m->options->config);
		if (settings.api_processes + settings.jobs_processes +
		                settings.notify_processes ==
		        0)
			child_drain_old(m);
	}
	supervisor_tell("READY=1");
	if (m->reload_again) {
		m->reload_again = false;
		(void)raise(SIGHUP);
	}
}

/* In a process of its own: the master never holds keys, and a crash there costs nothing. */
static void reload(evutil_socket_t number, short what, void *context)
{
	struct master *m = context;
	const char *const arguments[] = {m->options->program, "check-config", "--quiet",
	        "--config", m->options->config, NULL};

	(void)number;
	(void)what;
	if (m->stopping)
		return;
	if (m->checker != 0) {
		m->reload_again = true;
		return;
	}
	supervisor_tell("RELOADING=1");
	m->checker = child_exec(m, arguments, -1);
	if (m->checker < 0) {
		m->checker = 0;
		log_error("cannot check the new settings", "error", strerror(errno));
		supervisor_tell("READY=1");
	}
}

static void end_if_alone(struct master *m)
{
	if (m->stopping && child_count(m) == 0)
		(void)event_base_loopbreak(m->base);
}

static void child_ended(evutil_socket_t number, short what, void *context)
{
	struct master *m = context;

	(void)number;
	(void)what;
	child_reap(m);
	end_if_alone(m);
}

static void stop_now(evutil_socket_t number, short what, void *context)
{
	struct master *m = context;

	(void)number;
	(void)what;
	log_warn("children did not end in time; killing them");
	child_kill_all(m);
	end_if_alone(m);
}

static void stop(evutil_socket_t number, short what, void *context)
{
	struct master *m = context;
	const struct timeval limit = {(time_t)m->settings.drain_s + STOP_GRACE_S, 0};

	if (m->stopping) {
		stop_now(number, what, m);
		return;
	}
	log_info("stopping");
	supervisor_tell("STOPPING=1");
	m->stopping = true;
	listeners_close(m);
	child_drain_all(m);
	(void)evtimer_add(m->stop_timer, &limit);
	end_if_alone(m);
}

static int signals_watch(struct master *m)
{
	const struct {
		int number;
		event_callback_fn function;
	} wanted[] = {
	        {SIGTERM, stop}, {SIGINT, stop}, {SIGHUP, reload}, {SIGCHLD, child_ended}};

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		m->signals[i] = evsignal_new(m->base, wanted[i].number, wanted[i].function, m);
		if (m->signals[i] == NULL || event_add(m->signals[i], NULL) != 0)
			return -OTK_RESOURCE_EXHAUSTED;
	}
	m->stop_timer = evtimer_new(m->base, stop_now, m);
	return m->stop_timer == NULL ? -OTK_RESOURCE_EXHAUSTED : 0;
}

struct master *master_new(const struct master_options *options, struct otk_error *err)
{
	struct master *m = calloc(1, sizeof *m);

	if (m == NULL)
		goto out_no_memory;
	m->options = options;
	m->pid = getpid();
	m->pid_file = -1;
	if (wake_pair(m->wake) != 0)
		m->wake[0] = m->wake[1] = -1;
	m->started_at = clock_monotonic();
	TAILQ_INIT(&m->waiting);
	if (options->load(options->config, &m->settings, err) != 0)
		goto out_free;
	descriptors_raise();
	m->base = event_base_new();
	m->callers = callers_new(&m->settings.limits);
	if (m->base == NULL || m->callers == NULL)
		goto out_no_memory;
	if (pid_file_take(m, err) != 0 || listeners_open(m, &m->settings, err) != 0)
		goto out_free;
	/* Bound, but nobody could serve yet. */
	listeners_pause(m);
	return m;
out_no_memory:
	(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
out_free:
	master_free(m);
	return NULL;
}

void master_free(struct master *m)
{
	if (m == NULL)
		return;
	report_close(m);
	listeners_close(m);
	child_free_all(m);
	connection_table_free(m);
	callers_free(m->callers);
	for (size_t i = 0; i < sizeof m->signals / sizeof m->signals[0]; i++) {
		if (m->signals[i] != NULL)
			event_free(m->signals[i]);
	}
	if (m->stop_timer != NULL)
		event_free(m->stop_timer);
	if (m->base != NULL)
		event_base_free(m->base);
	for (int i = 0; i < 2; i++) {
		if (m->wake[i] >= 0)
			(void)close(m->wake[i]);
	}
	pid_file_drop(m);
	free(m);
}

int master_run(struct master *m)
{
	int rc = signals_watch(m);

	if (rc != 0)
		return rc;
	if (report_open(m) != 0)
		log_warn("no status socket", "run_dir", m->settings.run_dir, "error",
		        strerror(errno));
	generation_start(m);
	listeners_resume(m);
	supervisor_tell("READY=1");
	if (event_base_dispatch(m->base) < 0)
		rc = -OTK_INTERNAL;
	log_info("stopped");
	return rc;
}
