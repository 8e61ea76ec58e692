/*
 * Connecting step by step: PQconnectPoll says what to wait for; its socket may be another after
 * each step, so the watch is made anew. libpq ignores connect_timeout here: the timer is ours.
 */
#include "db/link.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { BACKOFF_FIRST_MS = 20, BACKOFF_MAX_MS = 1000 };

struct db_link {
	struct loop *loop;
	const struct db_hosts *hosts;
	const struct db_link_events *events;
	void *context;
	unsigned timeout_ms;
	PGconn *pg;
	struct loop_watch *watch;
	struct loop_timer *timer; /* of the attempt, or of the backoff */
	size_t host;
	size_t failures; /* hosts that failed in a row */
	unsigned backoff_ms;
	unsigned watched;
	bool up;
	bool paused;
};

static void link_io(void *arg, unsigned events);
static void link_timer(void *arg);

struct db_link *db_link_new(struct loop *loop, const struct db_hosts *hosts,
        const struct db_link_events *events, void *context, unsigned timeout_ms)
{
	struct db_link *link = calloc(1, sizeof *link);

	if (link == NULL)
		return NULL;
	link->loop = loop;
	link->hosts = hosts;
	link->events = events;
	link->context = context;
	link->timeout_ms = timeout_ms;
	link->backoff_ms = BACKOFF_FIRST_MS;
	link->timer = loop_timer_new(loop, link_timer, link);
	if (link->timer == NULL) {
		free(link);
		return NULL;
	}
	return link;
}

static void link_close(struct db_link *link)
{
	/* The watch goes first: libpq closes the descriptor. */
	loop_watch_free(link->watch);
	link->watch = NULL;
	link->watched = 0;
	PQfinish(link->pg);
	link->pg = NULL;
	link->up = false;
	link->paused = false;
}

void db_link_free(struct db_link *link)
{
	if (link == NULL)
		return;
	link_close(link);
	loop_timer_free(link->timer);
	free(link);
}

static int link_watch(struct db_link *link, unsigned events)
{
	if (link->watch == NULL) {
		link->watch = loop_watch_new(link->loop, PQsocket(link->pg), link_io, link);
		link->watched = 0;
	}
	if (link->watch == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	if (link->watched == events)
		return 0;
	link->watched = events;
	return loop_watch_set(link->watch, events);
}

void db_link_drop(struct db_link *link, const char *reason, bool now)
{
	unsigned jitter;

	link_close(link);
	if (!now) {
		link->host = (link->host + 1) % db_hosts_count(link->hosts);
		link->failures++;
	}
	if (now || link->failures % db_hosts_count(link->hosts) != 0) {
		loop_timer_set(link->timer, 0);
	} else {
		jitter = (unsigned)(rand() % 1000); /* NOLINT: spreads load, no secret */
		loop_timer_set(link->timer, (int64_t)link->backoff_ms * (750 + jitter / 2));
		link->backoff_ms *= 2;
		if (link->backoff_ms > BACKOFF_MAX_MS)
			link->backoff_ms = BACKOFF_MAX_MS;
	}
	link->events->down(link->context, reason);
}

/* libpq's words without their line ends. */
static const char *link_reason(const struct db_link *link, char *out, size_t size)
{
	const char *message = PQerrorMessage(link->pg);
	size_t length = strlen(message);

	while (length > 0 && message[length - 1] == '\n')
		length--;
	if (length >= size)
		length = size - 1;
	memcpy(out, message, length);
	out[length] = '\0';
	for (char *at = out; *at != '\0'; at++)
		if (*at == '\n')
			*at = ' ';
	return out;
}

static void link_fail(struct db_link *link)
{
	char reason[256];

	db_link_drop(link, link_reason(link, reason, sizeof reason), false);
}

static void link_notice(void *arg, const PGresult *result)
{
	const struct db_link *link = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (severity != NULL && strcmp(severity, "WARNING") == 0)
		log_warn("database warning", "host", db_link_host(link), "text", text);
	else
		log_debug("database notice", "host", db_link_host(link), "text", text);
}

static void link_step(struct db_link *link, PostgresPollingStatusType next)
{
	if (next == PGRES_POLLING_OK) {
		link->up = true;
		if (PQsetnonblocking(link->pg, 1) != 0 || link_watch(link, LOOP_READ) < 0)
			link_fail(link);
		else
			link->events->up(link->context);
		return;
	}
	if (next == PGRES_POLLING_FAILED ||
	        link_watch(link, next == PGRES_POLLING_READING ? LOOP_READ : LOOP_WRITE) < 0)
		link_fail(link);
}

void db_link_start(struct db_link *link)
{
	link->pg = PQconnectStartParams(db_hosts_keywords(link->hosts, link->host),
	        db_hosts_values(link->hosts, link->host), 0);
	loop_timer_set(link->timer, (int64_t)link->timeout_ms * 1000);
	if (link->pg == NULL) {
		db_link_drop(link, "out of memory", false);
		return;
	}
	if (PQstatus(link->pg) == CONNECTION_BAD) {
		link_fail(link);
		return;
	}
	PQsetNoticeReceiver(link->pg, link_notice, link);
	link_step(link, PGRES_POLLING_WRITING);
}

static void link_io(void *arg, unsigned events)
{
	struct db_link *link = arg;

	(void)events;
	if (link->up) {
		link->events->io(link->context);
		return;
	}
	loop_watch_free(link->watch);
	link->watch = NULL;
	link_step(link, PQconnectPoll(link->pg));
}

static void link_timer(void *arg)
{
	struct db_link *link = arg;

	if (link->pg == NULL)
		db_link_start(link);
	else
		db_link_drop(link, "connecting took too long", false);
}

void db_link_settle(struct db_link *link)
{
	loop_timer_clear(link->timer);
	link->failures = 0;
	link->backoff_ms = BACKOFF_FIRST_MS;
}

PGconn *db_link_pg(const struct db_link *link)
{
	return link->up ? link->pg : NULL;
}

const char *db_link_host(const struct db_link *link)
{
	return db_hosts_name(link->hosts, link->host);
}

int db_link_flush(struct db_link *link)
{
	int left = PQflush(link->pg);
	unsigned events = link->paused ? 0 : LOOP_READ;

	if (left < 0)
		return -OTK_UNAVAILABLE;
	return link_watch(link, left > 0 ? events | LOOP_WRITE : events);
}

void db_link_pause(struct db_link *link, bool paused)
{
	link->paused = paused;
	if (link->up && link->watch != NULL)
		link_watch(link, (link->watched & LOOP_WRITE) | (paused ? 0 : LOOP_READ));
}
