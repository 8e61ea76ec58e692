/* Calls of the forwarder over libotklik. */
#include "agent/link.h"

#include <stdlib.h>

#include "base/log.h"
#include "lib/client.h"
#include "lib/profile.h"

struct link {
	struct client *client;
	struct client_call *call; /* the open one */
	char *host;
	struct forward *forward;
	forward_mark_done *mark_done;
	forward_submit_done *submit_done;
	void *arg;
};

static void mark_replied(void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct link *link = arg;

	link->call = NULL;
	link->mark_done(
	        link->arg, (const Otklik__V1__GetMarkResponse *)(const void *)reply, err);
}

static void submit_replied(
        void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct link *link = arg;

	link->call = NULL;
	link->submit_done(
	        link->arg, (const Otklik__V1__SubmitReportsResponse *)(const void *)reply, err);
}

/* The forwarder has its own patience, so the library shall not retry by itself. */
static const struct client_call_options CALL = {.no_retry = true};

static int link_mark(void *arg, const Otklik__V1__GetMarkRequest *request,
        forward_mark_done *done, void *done_arg, struct otk_error *err)
{
	struct link *link = arg;

	link->mark_done = done;
	link->arg = done_arg;
	link->call = client_start(
	        link->client, METHOD_GET_MARK, &request->base, &CALL, mark_replied, link, err);
	return link->call == NULL ? -(int)err->code : 0;
}

static int link_submit(void *arg, const Otklik__V1__SubmitReportsRequest *request,
        forward_submit_done *done, void *done_arg, struct otk_error *err)
{
	struct link *link = arg;

	link->submit_done = done;
	link->arg = done_arg;
	link->call = client_start(link->client, METHOD_SUBMIT_REPORTS, &request->base, &CALL,
	        submit_replied, link, err);
	return link->call == NULL ? -(int)err->code : 0;
}

static void link_cancel(void *arg)
{
	struct link *link = arg;

	if (link->call != NULL)
		client_cancel(link->call);
	link->call = NULL;
}

const struct forward_link LINK = {
        .mark = link_mark, .submit = link_submit, .cancel = link_cancel};

static void state_changed(void *arg, enum client_state state, const struct otk_error *err)
{
	struct link *link = arg;

	if (state == CLIENT_READY) {
		log_info("connected", "server", link->host, "as",
		        client_hello(link->client)->principal);
		forward_online(link->forward);
		return;
	}
	forward_offline(link->forward);
	if (err != NULL) {
		forward_error_note(link->forward, err->message);
		log_warn("not connected", "server", link->host, "error", err->message);
	}
}

struct link *link_new(struct loop *loop, const struct settings *settings, struct otk_error *err)
{
	struct client_options options = {
	        .server_name = settings->server_name[0] != '\0' ? settings->server_name : NULL,
	        .ca_file = settings->ca,
	        .cert_file = settings->certificate,
	        .key_file = settings->key,
	        .build = "otklik-agent/" OTKLIK_VERSION,
	};
	struct link *link = calloc(1, sizeof *link);

	if (link == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
		return NULL;
	}
	if (profile_split_server(settings->server, &link->host, &options.port) != 0) {
		(void)error_set(err, OTK_INVALID_ARGUMENT, "BAD_VALUE",
		        "server = %.200s: must be host, host:port or [address]:port",
		        settings->server);
		goto fail;
	}
	options.host = link->host;
	link->client = client_new(loop, &options, err);
	if (link->client != NULL)
		return link;
fail:
	link_free(link);
	return NULL;
}

void link_start(struct link *link, struct forward *forward)
{
	link->forward = forward;
	client_on_state(link->client, state_changed, link);
	client_connect(link->client);
}

void link_free(struct link *link)
{
	if (link == NULL)
		return;
	if (link->client != NULL)
		client_on_state(link->client, NULL, NULL);
	client_free(link->client);
	free(link->host);
	free(link);
}
