/* curl_multi tells which descriptors and which time it waits for; the loop tells it what came.
 */
#include "notify/transfer.h"

#include <stdlib.h>

#include "base/status.h"
#include "loop/loop.h"

/* Connections kept for the next transfer, of all destinations. */
enum { CONNECTIONS_KEPT = 64 };

struct transfers {
	struct loop *loop;
	struct loop_timer *timer;
	CURLM *multi;
};

struct descriptor {
	struct transfers *transfers;
	curl_socket_t fd;
	struct loop_watch *watch;
};

/* A `done` may start, and stop, others. */
static void finished_tell(struct transfers *t)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(t->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		struct transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)(void *)&transfer);
		(void)curl_multi_remove_handle(t->multi, easy);
		transfer->done(transfer->context, code);
	}
}

static void ready(void *arg, unsigned events)
{
	const struct descriptor *d = arg;
	struct transfers *t = d->transfers; /* the descriptor may not outlive the call */
	int running;

	(void)curl_multi_socket_action(t->multi, d->fd,
	        ((events & LOOP_READ) != 0 ? CURL_CSELECT_IN : 0) |
	                ((events & LOOP_WRITE) != 0 ? CURL_CSELECT_OUT : 0),
	        &running);
	finished_tell(t);
}

static void time_passed(void *arg)
{
	struct transfers *t = arg;
	int running;

	(void)curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finished_tell(t);
}

static void descriptor_free(struct descriptor *d)
{
	if (d == NULL)
		return;
	loop_watch_free(d->watch);
	free(d);
}

static struct descriptor *descriptor_new(struct transfers *t, curl_socket_t fd)
{
	struct descriptor *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->transfers = t;
	d->fd = fd;
	d->watch = loop_watch_new(t->loop, fd, ready, d);
	if (d->watch != NULL)
		return d;
	free(d);
	return NULL;
}

/* One that cannot be watched is not heard of any more: its transfer runs into its time limit.
 */
static int watch_for(CURL *easy, curl_socket_t fd, int what, void *context, void *descriptor)
{
	struct transfers *t = context;
	struct descriptor *d = descriptor;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)curl_multi_assign(t->multi, fd, NULL);
		descriptor_free(d);
		return 0;
	}
	if (d == NULL) {
		d = descriptor_new(t, fd);
		if (d == NULL)
			return 0;
		(void)curl_multi_assign(t->multi, fd, d);
	}
	(void)loop_watch_set(d->watch, ((what & CURL_POLL_IN) != 0 ? LOOP_READ : 0) |
	                                       ((what & CURL_POLL_OUT) != 0 ? LOOP_WRITE : 0));
	return 0;
}

static int wait_for(CURLM *multi, long ms, void *context)
{
	struct transfers *t = context;

	(void)multi;
	if (ms < 0)
		loop_timer_clear(t->timer);
	else
		loop_timer_set(t->timer, (int64_t)ms * 1000);
	return 0;
}

int transfer_start(struct transfers *t, struct transfer *transfer)
{
	if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
	        curl_multi_add_handle(t->multi, transfer->easy) != CURLM_OK)
		return -OTK_RESOURCE_EXHAUSTED;
	return 0;
}

void transfer_stop(struct transfers *t, struct transfer *transfer)
{
	(void)curl_multi_remove_handle(t->multi, transfer->easy);
}

struct transfers *transfers_new(struct loop *loop)
{
	struct transfers *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->loop = loop;
	t->timer = loop_timer_new(loop, time_passed, t);
	t->multi = curl_multi_init();
	if (t->timer == NULL || t->multi == NULL ||
	        curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, watch_for) != CURLM_OK ||
	        curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t) != CURLM_OK ||
	        curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, wait_for) != CURLM_OK ||
	        curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t) != CURLM_OK ||
	        curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT) !=
	                CURLM_OK) {
		transfers_free(t);
		return NULL;
	}
	return t;
}

void transfers_free(struct transfers *t)
{
	if (t == NULL)
		return;
	if (t->multi != NULL)
		(void)curl_multi_cleanup(t->multi);
	loop_timer_free(t->timer);
	free(t);
}
