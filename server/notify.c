/* The role `notify`: what is in the outbox goes out by e-mail and webhook. */
#include "notify/deliver.h"

#include "worker.h"

static int notify_start(struct worker *worker, struct otk_error *err)
{
	const struct settings *s = worker->settings;
	const struct deliver_options options = {
	        .jobs = {.loop = worker->loop,
	                .clock = worker->clock,
	                .pool = worker->pool,
	                .desk = worker->desk,
	                .database = s->database,
	                .mail = s->smtp_url[0] != '\0',
	                .customer_hooks = s->webhook_secret_dir[0] != '\0',
	                .webhook_url = s->webhook_url},
	        .installation = s->installation,
	        .mail = {.url = s->smtp_url,
	                .from = s->smtp_from,
	                .user = s->smtp_user,
	                .password_file = s->smtp_password_file,
	                .tls = s->smtp_tls},
	        .webhook_secret_file = s->webhook_secret_file,
	        .webhook_secret_dir = s->webhook_secret_dir,
	        .webhook_allow_private = s->webhook_allow_private,
	        .attempts = (int)s->notify_attempts,
	        .burst = (int)s->notify_burst,
	        .window_us = s->notify_window * CLOCK_SECOND};

	worker->role_state = deliver_new(&options, err);
	return worker->role_state == NULL ? -(int)err->code : 0;
}

static void drained(void *context)
{
	worker_done(context);
}

static void notify_drain(struct worker *worker)
{
	deliver_drain(worker->role_state, drained, worker);
}

static void notify_abandon(struct worker *worker)
{
	(void)worker;
}

static void notify_stop(struct worker *worker)
{
	deliver_free(worker->role_state);
	worker->role_state = NULL;
}

const struct worker_role worker_notify = {.name = "notify",
        .start = notify_start,
        .connection = NULL,
        .drain = notify_drain,
        .abandon = notify_abandon,
        .stop = notify_stop};
