/* The daemon: wiring only. */
#include "agent/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/certificate.h"
#include "agent/forward.h"
#include "agent/intake.h"
#include "agent/link.h"
#include "agent/queue.h"
#include "agent/report.h"
#include "agent/status_local.h"
#include "agent/watcher.h"
#include "base/log.h"

enum { STATUS_CHECKS_MAX = 1000 };

struct daemon {
	const struct settings *settings;
	struct otk_clock *clock;
	struct loop *loop;
	struct queue *queue;
	struct forward *forward;
	struct link *link;
	struct watcher *watcher;
	struct intake *intake;
	struct loop_signal *signals[2];
	struct loop_timer *daily;
	int64_t certificate_until;
	int lock_fd;
};

static void daemon_reported(void *arg)
{
	const struct daemon *daemon = arg;

	forward_poke(daemon->forward);
}

static void take_report(struct daemon *daemon, const Otklik__V1__Report *report,
        Otklik__V1__AgentLocalResponse *response, struct arena *arena)
{
	int64_t now = clock_now(daemon->clock);
	struct otk_error err = {0};
	struct queue_entry entry;
	struct buf packed = {0};
	int64_t seq = 0;
	int rc = report_person(report, now, &packed, &entry, &err);

	if (rc == 0)
		rc = queue_put(daemon->queue, &entry, NULL, now, &seq, &err);
	buf_free(&packed);
	if (rc != 0) {
		err.code = (enum otk_status) - rc;
		intake_refuse(response, &err, arena);
		return;
	}
	response->seq = (uint64_t)seq;
	daemon_reported(daemon);
}

static Otklik__V1__AgentCheckStatus *check_status(
        const struct watcher *watcher, size_t index, struct arena *arena)
{
	Otklik__V1__AgentCheckStatus *status = arena_alloc(arena, sizeof *status);
	struct watcher_look look;

	if (status == NULL)
		return NULL;
	watcher_look(watcher, index, &look);
	otklik__v1__agent_check_status__init(status);
	status->host = look.spec->host;
	status->name = look.spec->name;
	if (look.check->life.ran)
		status->state = (Otklik__V1__CheckState)(look.check->life.state + 1);
	status->hard = look.check->life.hard;
	status->attempt = look.check->life.attempt;
	status->flapping = look.check->life.flapping;
	status->ran_at_us = look.ran_at;
	status->output = arena_strdup(arena, look.output);
	return status->output == NULL ? NULL : status;
}

static void checks_fill(
        const struct daemon *daemon, Otklik__V1__AgentStatus *status, struct arena *arena)
{
	size_t count = watcher_count(daemon->watcher);

	if (count > STATUS_CHECKS_MAX)
		count = STATUS_CHECKS_MAX;
	status->checks = arena_calloc(arena, count + 1, sizeof(Otklik__V1__AgentCheckStatus *));
	for (size_t i = 0; status->checks != NULL && i < count; i++) {
		Otklik__V1__AgentCheckStatus *check = check_status(daemon->watcher, i, arena);

		if (check == NULL)
			return;
		status->checks[status->n_checks++] = check;
	}
}

static void tell_status(
        struct daemon *daemon, Otklik__V1__AgentLocalResponse *response, struct arena *arena)
{
	struct otk_error err = {0};
	struct queue_state state;

	if (queue_look(daemon->queue, &state, &err) != 0) {
		intake_refuse(response, &err, arena);
		return;
	}
	response->status = status_local(&state, arena);
	if (response->status == NULL)
		return;
	response->status->certificate_until_us = daemon->certificate_until;
	response->status->connected = forward_is_online(daemon->forward);
	response->status->last_error = arena_strdup(arena, forward_error(daemon->forward));
	if (response->status->last_error == NULL)
		response->status->last_error = response->status->agent;
	checks_fill(daemon, response->status, arena);
}

static void daemon_handle(void *arg, const Otklik__V1__AgentLocalRequest *request,
        Otklik__V1__AgentLocalResponse *response, struct arena *arena)
{
	struct daemon *daemon = arg;
	struct otk_error err = {0};

	if (request->report != NULL) {
		take_report(daemon, request->report, response, arena);
	} else if (request->status) {
		tell_status(daemon, response, arena);
	} else {
		(void)error_set(&err, OTK_INVALID_ARGUMENT, "EMPTY_REQUEST",
		        "a request must bear a report or ask for the status");
		intake_refuse(response, &err, arena);
	}
}

/* Twice a day: a renewed certificate is seen, an old one warned about. */
static void daemon_daily(void *arg)
{
	struct daemon *daemon = arg;

	daemon->certificate_until =
	        certificate_watch(daemon->settings->certificate, clock_now(daemon->clock));
	loop_timer_set(daemon->daily, 12 * 3600 * CLOCK_SECOND);
}

static void daemon_stop(void *arg, int signo)
{
	const struct daemon *daemon = arg;

	log_info("stopping", "signal", strsignal(signo));
	loop_stop(daemon->loop);
}

int daemon_queue_open(const struct settings *settings, bool verify, int64_t now,
        struct queue **out, struct otk_error *err)
{
	const struct queue_options options = {
	        .dir = settings->data_dir,
	        .agent = settings->agent,
	        .cap_bytes = settings->queue_cap_mib * 1024 * 1024,
	        .verify = verify,
	};

	return queue_open(&options, now, out, err);
}

/* One daemon for a queue: two would forward the same reports against each other. */
static int daemon_lock(struct daemon *daemon, struct otk_error *err)
{
	char path[4200];

	(void)snprintf(path, sizeof path, "%s/agent.lock", daemon->settings->data_dir);
	daemon->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (daemon->lock_fd < 0)
		return error_set(err, OTK_FAILED_PRECONDITION, "DATA_DIR", "%.300s: %s", path,
		        strerror(errno));
	if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return error_set(err, OTK_ALREADY_EXISTS, "RUNNING",
		        "another otklik-agent runs with data_dir = %.300s",
		        daemon->settings->data_dir);
	return 0;
}

static void daemon_announce(struct daemon *daemon)
{
	int64_t now = clock_now(daemon->clock);
	struct otk_error err = {0};
	struct queue_entry entry;
	struct buf packed = {0};
	int64_t seq;

	if (report_started(daemon->settings->agent, now, &packed, &entry) == 0 &&
	        queue_put(daemon->queue, &entry, NULL, now, &seq, &err) != 0)
		log_warn("the start is not reported", "error", err.message);
	buf_free(&packed);
}

static int daemon_open(
        struct daemon *daemon, const struct check_list *checks, struct otk_error *err)
{
	int rc;

	daemon->clock = settings_clock(daemon->settings, err);
	if (daemon->clock == NULL)
		return -OTK_FAILED_PRECONDITION;
	rc = daemon_queue_open(
	        daemon->settings, true, clock_now(daemon->clock), &daemon->queue, err);
	if (rc == 0)
		rc = daemon_lock(daemon, err);
	if (rc != 0)
		return rc;
	daemon->loop = loop_new();
	if (daemon->loop == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "LOOP", "no event loop: %s",
		        strerror(errno));
	daemon->daily = loop_timer_new(daemon->loop, daemon_daily, daemon);
	if (daemon->daily == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	daemon_daily(daemon);
	daemon_announce(daemon);
	daemon->link = link_new(daemon->loop, daemon->settings, err);
	if (daemon->link == NULL)
		return -(int)err->code;
	daemon->forward = forward_new(&(struct forward_options){.loop = daemon->loop,
	        .queue = daemon->queue,
	        .clock = daemon->clock,
	        .link = &LINK,
	        .link_arg = daemon->link});
	if (daemon->forward == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	daemon->watcher =
	        watcher_new(&(struct watcher_options){.loop = daemon->loop,
	                            .queue = daemon->queue,
	                            .clock = daemon->clock,
	                            .checks = checks,
	                            .concurrency = (size_t)daemon->settings->concurrency,
	                            .reported = daemon_reported,
	                            .arg = daemon},
	                err);
	if (daemon->watcher == NULL)
		return -(int)err->code;
	daemon->intake =
	        intake_new(daemon->loop, daemon->settings->socket, daemon_handle, daemon, err);
	return daemon->intake == NULL ? -(int)err->code : 0;
}

static void daemon_close(struct daemon *daemon)
{
	intake_free(daemon->intake);
	watcher_free(daemon->watcher);
	forward_free(daemon->forward);
	link_free(daemon->link);
	loop_timer_free(daemon->daily);
	for (size_t i = 0; i < 2; i++)
		loop_signal_free(daemon->signals[i]);
	loop_free(daemon->loop);
	queue_close(daemon->queue);
	if (daemon->lock_fd >= 0)
		(void)close(daemon->lock_fd);
	clock_free(daemon->clock);
}

int daemon_run(
        const struct settings *settings, const struct check_list *checks, struct otk_error *err)
{
	struct daemon daemon = {.settings = settings, .lock_fd = -1};
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	rc = daemon_open(&daemon, checks, err);
	if (rc == 0) {
		char count[24];

		daemon.signals[0] = loop_signal_new(daemon.loop, SIGTERM, daemon_stop, &daemon);
		daemon.signals[1] = loop_signal_new(daemon.loop, SIGINT, daemon_stop, &daemon);
		(void)snprintf(count, sizeof count, "%zu", checks->count);
		log_info("running", "version", OTKLIK_VERSION, "checks", count, "socket",
		        settings->socket);
		link_start(daemon.link, daemon.forward);
		rc = loop_run(daemon.loop);
	}
	daemon_close(&daemon);
	return rc;
}
