/* Calls for programs that wait: the loop runs until the call has ended. */
#include "lib/client_private.h"
#include "wire/decode.h"
#include "wire/limits.h"

#include <string.h>

struct waiter {
	struct client *client;
	const ProtobufCMessage **reply;
	struct otk_error *err;
	bool (*item)(void *arg, const ProtobufCMessage *item);
	void *item_arg;
	bool stopped;
	bool ended;
	int rc;
};

/* The reply outlives the callback as a copy in an arena of its own. */
static int reply_keep(struct waiter *waiter, const ProtobufCMessage *reply)
{
	struct client *client = waiter->client;
	size_t size = protobuf_c_message_get_packed_size(reply);
	ProtobufCAllocator allocator;
	uint8_t *bytes;

	if (client->replies == NULL)
		client->replies = arena_new(SIZE_MAX / 2);
	if (client->replies == NULL)
		return -1;
	bytes = arena_alloc(client->replies, size);
	if (bytes == NULL)
		return -1;
	(void)protobuf_c_message_pack(reply, bytes);
	allocator = decode_allocator(client->replies);
	*waiter->reply = protobuf_c_message_unpack(reply->descriptor, &allocator, size, bytes);
	return *waiter->reply == NULL ? -1 : 0;
}

static void on_done(void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct waiter *waiter = arg;

	waiter->ended = true;
	loop_stop(waiter->client->loop);
	if (err != NULL) {
		if (waiter->err != NULL)
			*waiter->err = *err;
		waiter->rc = -(int)err->code;
	} else if (reply != NULL && waiter->reply != NULL && reply_keep(waiter, reply) < 0) {
		waiter->rc = error_set(
		        waiter->err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
	}
}

static void on_item(void *arg, const ProtobufCMessage *item)
{
	struct waiter *waiter = arg;

	if (waiter->stopped || waiter->item(waiter->item_arg, item))
		return;
	waiter->stopped = true;
	loop_stop(waiter->client->loop);
}

static int wait_for(struct waiter *waiter, uint16_t method, const ProtobufCMessage *request,
        const struct client_call_options *options)
{
	struct otk_error ignored;
	struct client_call *call;

	if (waiter->err == NULL)
		waiter->err = &ignored;
	error_clear(waiter->err);
	call = client_start(
	        waiter->client, method, request, options, on_done, waiter, waiter->err);
	if (call == NULL)
		return -(int)waiter->err->code;
	while (!waiter->ended && !waiter->stopped) {
		if (loop_run(waiter->client->loop) < 0)
			break;
	}
	if (waiter->ended)
		return waiter->rc;
	client_cancel(call);
	if (waiter->stopped)
		return 0;
	return error_set(waiter->err, OTK_INTERNAL, "LOOP", "the event loop failed");
}

int client_call_with(struct client *client, uint16_t method, const ProtobufCMessage *request,
        const struct client_call_options *options, const ProtobufCMessage **reply,
        struct otk_error *err)
{
	struct waiter waiter = {.client = client, .reply = reply, .err = err};

	return wait_for(&waiter, method, request, options);
}

int client_call(struct client *client, uint16_t method, const ProtobufCMessage *request,
        const ProtobufCMessage **reply, struct otk_error *err)
{
	return client_call_with(client, method, request, NULL, reply, err);
}

int client_stream(struct client *client, uint16_t method, const ProtobufCMessage *request,
        bool (*item)(void *arg, const ProtobufCMessage *item), void *arg, struct otk_error *err)
{
	struct waiter waiter = {.client = client, .err = err, .item = item, .item_arg = arg};
	struct client_call_options options = {.item = on_item};

	return wait_for(&waiter, method, request, &options);
}

void client_release(struct client *client)
{
	arena_free(client->replies);
	client->replies = NULL;
}
