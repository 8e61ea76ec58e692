/* The public interface, on a loop of its own. */
#include "otklik/otklik.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/client.h"
#include "lib/profile.h"

struct otklik {
	struct loop *loop;
	struct client *client;
};

static int tell(struct otklik_error *out, const struct otk_error *err)
{
	if (out != NULL) {
		memset(out, 0, sizeof *out);
		out->code = err->code;
		(void)snprintf(out->reason, sizeof out->reason, "%s", err->reason);
		(void)snprintf(out->message, sizeof out->message, "%s", err->message);
		out->retry_after_ms = err->retry_after_ms;
		if (err->violation_count > 0)
			(void)snprintf(
			        out->field, sizeof out->field, "%s", err->violations[0].field);
	}
	return -(int)err->code;
}

static struct otklik *open_client(
        const struct client_options *options, struct otklik_error *err)
{
	struct otklik *desk = calloc(1, sizeof *desk);
	struct otk_error why;

	(void)error_set(&why, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
	if (desk != NULL)
		desk->loop = loop_new();
	if (desk != NULL && desk->loop != NULL)
		desk->client = client_new(desk->loop, options, &why);
	if (desk != NULL && desk->client != NULL)
		return desk;
	(void)tell(err, &why);
	otklik_close(desk);
	return NULL;
}

struct otklik *otklik_open(const char *profile, const char *program, struct otklik_error *err)
{
	struct profile loaded;
	struct client_options options;
	struct otk_error why;
	struct otklik *desk;

	if (profile_load(profile, &loaded, &why) < 0) {
		(void)tell(err, &why);
		return NULL;
	}
	options = profile_options(&loaded, program);
	desk = open_client(&options, err);
	profile_release(&loaded);
	return desk;
}

struct otklik *otklik_open_with(
        const struct otklik_options *options, const char *program, struct otklik_error *err)
{
	struct client_options with = {.host = options->host,
	        .port = options->port,
	        .server_name = options->server_name,
	        .ca_file = options->ca_file,
	        .cert_file = options->cert_file,
	        .key_file = options->key_file,
	        .build = program,
	        .fail_fast = true};

	return open_client(&with, err);
}

void otklik_close(struct otklik *desk)
{
	if (desk == NULL)
		return;
	client_free(desk->client);
	loop_free(desk->loop);
	free(desk);
}

static const struct method *find(const char *name, struct otklik_error *err)
{
	const struct method *method = method_find_name(name);
	struct otk_error why;

	if (method == NULL) {
		(void)error_set(&why, OTK_UNIMPLEMENTED, "UNKNOWN_METHOD",
		        "there is no method %s in this edition of libotklik", name);
		(void)tell(err, &why);
	}
	return method;
}

int otklik_call(struct otklik *desk, const char *method, const ProtobufCMessage *request,
        const uint8_t key[16], const ProtobufCMessage **reply, struct otklik_error *err)
{
	const struct method *found = find(method, err);
	struct client_call_options options = {0};
	struct uuid id;
	struct otk_error why;

	if (found == NULL)
		return -OTK_UNIMPLEMENTED;
	if (key != NULL) {
		memcpy(id.bytes, key, sizeof id.bytes);
		options.key = &id;
	}
	if (client_call_with(desk->client, found->id, request, &options, reply, &why) < 0)
		return tell(err, &why);
	return 0;
}

void otklik_forget(struct otklik *desk)
{
	client_release(desk->client);
}

int otklik_stream(struct otklik *desk, const char *method, const ProtobufCMessage *request,
        bool (*item)(void *arg, const ProtobufCMessage *item), void *arg,
        struct otklik_error *err)
{
	const struct method *found = find(method, err);
	struct otk_error why;

	if (found == NULL)
		return -OTK_UNIMPLEMENTED;
	if (client_stream(desk->client, found->id, request, item, arg, &why) < 0)
		return tell(err, &why);
	return 0;
}
