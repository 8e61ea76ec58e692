/* A watch: a stream that is taken up again after whatever passes. */
#include <stdlib.h>

#include "lib/client_private.h"

enum { AGAIN_FIRST_US = 200 * 1000, AGAIN_MOST_US = 30 * 1000 * 1000 };

struct client_watch {
	struct client *client;
	uint16_t method;
	struct client_watch_events events;
	void *arg;
	struct client_call *call; /* NULL: waiting to start again, or ended */
	struct loop_timer *timer;
	int64_t delay;
};

static void watch_start(void *arg);

static void on_item(void *arg, const ProtobufCMessage *item)
{
	struct client_watch *watch = arg;

	watch->delay = 0;
	watch->events.item(watch->arg, item);
}

static bool passes(const struct otk_error *err)
{
	return err == NULL || err->code == OTK_UNAVAILABLE ||
	       err->code == OTK_DEADLINE_EXCEEDED ||
	       (err->code == OTK_RESOURCE_EXHAUSTED && err->retry_after_ms != 0);
}

static void watch_again(struct client_watch *watch, const struct otk_error *err)
{
	int64_t delay;

	watch->delay = watch->delay == 0 ? AGAIN_FIRST_US : watch->delay * 8 / 5;
	if (watch->delay > AGAIN_MOST_US)
		watch->delay = AGAIN_MOST_US;
	delay = client_jitter(watch->delay);
	if (err != NULL && delay < (int64_t)err->retry_after_ms * 1000)
		delay = client_jitter((int64_t)err->retry_after_ms * 1250);
	loop_timer_set(watch->timer, delay);
}

static void on_done(void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct client_watch *watch = arg;

	(void)reply;
	watch->call = NULL;
	if (err != NULL && err->code == OTK_CANCELLED)
		return; /* the client is being freed */
	if (passes(err))
		watch_again(watch, err);
	else
		watch->events.ended(watch->arg, err);
}

static void watch_start(void *arg)
{
	struct client_watch *watch = arg;
	struct client_call_options options = {.item = on_item};
	struct otk_error err;

	watch->call = client_start(watch->client, watch->method,
	        watch->events.request(watch->arg), &options, on_done, watch, &err);
	if (watch->call != NULL)
		return;
	if (err.code == OTK_RESOURCE_EXHAUSTED)
		watch_again(watch, NULL);
	else
		watch->events.ended(watch->arg, &err);
}

struct client_watch *client_watch_new(struct client *client, uint16_t method,
        const struct client_watch_events *events, void *arg)
{
	struct client_watch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		return NULL;
	watch->client = client;
	watch->method = method;
	watch->events = *events;
	watch->arg = arg;
	watch->timer = loop_timer_new(client->loop, watch_start, watch);
	if (watch->timer == NULL) {
		free(watch);
		return NULL;
	}
	/* From the loop, so that no event comes inside this call. */
	loop_timer_set(watch->timer, 0);
	return watch;
}

void client_watch_free(struct client_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->call != NULL)
		client_cancel(watch->call);
	loop_timer_free(watch->timer);
	free(watch);
}
