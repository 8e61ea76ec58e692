/* The role `api`: serves the connections that the master deals to it. */
#include <stdlib.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/log.h"
#include "net/master.h"
#include "net/tls.h"
#include "net/wake.h"
#include "rpc/epoch.h"
#include "rpc/service.h"
#include "rpc/session.h"
#include "rpc/watch.h"
#include "worker.h"

struct api {
	struct worker *worker;
	struct service service;
	SSL_CTX *tls;
	struct epoch_watch *epoch;
	int wake; /* -1: there is nobody to wake */
};

static void on_known(void *context, struct session *session)
{
	struct api *api = context;

	intake_tell(api->worker->intake, CHANNEL_KNOWN, session_token(session));
}

static void done_when_idle(struct api *api)
{
	if (api->service.draining && api->service.connections == 0)
		worker_done(api->worker);
}

static void on_closed(void *context, struct session *session)
{
	struct api *api = context;

	intake_tell(api->worker->intake, CHANNEL_CLOSED, session_token(session));
	done_when_idle(api);
}

static const struct session_ops SESSION_OPS = {.known = on_known, .closed = on_closed};

static void api_connection(struct worker *worker, int fd, uint64_t token)
{
	struct api *api = worker->role_state;

	if (session_new(&api->service, fd, api->tls, NULL, &SESSION_OPS, api, token) == NULL) {
		log_error("out of memory; connection dropped");
		intake_tell(worker->intake, CHANNEL_CLOSED, token);
	}
}

/* The jobs of this host need not wait for their next look at the journal. */
static void on_saved(void *context)
{
	struct api *api = context;

	wake_send(api->wake);
}

static int api_start(struct worker *worker, struct otk_error *err)
{
	const struct settings *settings = worker->settings;
	struct api *api = calloc(1, sizeof *api);

	if (api == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	worker->role_state = api;
	api->worker = worker;
	api->service = (struct service){.loop = worker->loop,
	        .clock = worker->clock,
	        .pool = worker->pool,
	        .desk = worker->desk,
	        .database = settings->database,
	        .config = settings->file,
	        .compute_max = (uint32_t)settings->compute_processes,
	        .compute_timeout = settings->compute_timeout * CLOCK_SECOND,
	        .compute_stall = settings->compute_stall * CLOCK_SECOND,
	        .installation = settings->installation,
	        .customer_webhooks = settings->webhook_secret_dir[0] != '\0',
	        .webhook_allow_private = settings->webhook_allow_private,
	        .build = "otklikd/" OTKLIK_VERSION,
	        .in_flight_per_connection = (uint32_t)settings->in_flight_per_connection,
	        .in_flight_max = (uint32_t)settings->in_flight_per_process,
	        .connection_age = settings->connection_age * CLOCK_SECOND};
	TAILQ_INIT(&api->service.sessions);
	api->wake = wake_inherited(MASTER_CHILD_WAKE_OUT);
	desk_on_saved(worker->desk, on_saved, api);
	api->tls = tls_server_context(settings->certificate, settings->key, settings->ca, err);
	if (api->tls == NULL)
		return -OTK_INVALID_ARGUMENT;
	api->epoch = epoch_watch_new(&api->service);
	api->service.watches = watch_hub_new(&api->service);
	if (api->epoch == NULL || api->service.watches == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return 0;
}

static void api_drain(struct worker *worker)
{
	struct api *api = worker->role_state;

	api->service.draining = true;
	sessions_drain(
	        &api->service, "SHUTTING_DOWN", "this server process stops; connect again");
	done_when_idle(api);
}

static void api_abandon(struct worker *worker)
{
	struct api *api = worker->role_state;

	sessions_abort(&api->service);
}

static void api_stop(struct worker *worker)
{
	struct api *api = worker->role_state;

	sessions_abort(&api->service);
	(void)loop_turn(worker->loop, false); /* their ends are queued */
	(void)loop_turn(worker->loop, false);
	epoch_watch_free(api->epoch);
	watch_hub_free(api->service.watches);
	SSL_CTX_free(api->tls);
	free(api);
	worker->role_state = NULL;
}

const struct worker_role worker_api = {.name = "api",
        .start = api_start,
        .connection = api_connection,
        .drain = api_drain,
        .abandon = api_abandon,
        .stop = api_stop};
