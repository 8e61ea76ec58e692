/* The client's calls: sending, matching answers, deadlines, retries, stream credit. */
#include <stdlib.h>
#include <string.h>

#include "lib/client_private.h"
#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/status_message.h"

enum {
	ATTEMPTS_MAX = 4,
	RETRY_FIRST_US = 50 * 1000,
	OUTPUT_MAX = 1024 * 1024 /* bytes not written yet, past which calls wait */
};

/* Retries are paid from tokens that successes earn, so that an outage is not made worse. */
#define RETRY_TOKENS_MAX 10.0
#define RETRY_TOKENS_EARNED 0.1

static struct call_chain *chain_of(struct client *client, uint64_t id)
{
	return &client->chains[id % CALL_CHAINS];
}

static struct client_call *find_call(struct client *client, uint64_t id)
{
	struct client_call *call;

	LIST_FOREACH(call, chain_of(client, id), hash)
	{
		if (call->id == id)
			return call;
	}
	return NULL;
}

static void wake_at(struct client *client, int64_t when)
{
	int64_t now;

	if (loop_timer_is_set(client->call_timer) && client->wake_at <= when)
		return;
	now = loop_now(client->loop);
	client->wake_at = when;
	loop_timer_set(client->call_timer, when > now ? when - now : 0);
}

/* Takes the call off the wire or the queue, whatever it was doing; it stays in `calls`. */
static void call_detach(struct client_call *call)
{
	struct client *client = call->client;

	if (call->state == CALL_WAITING) {
		TAILQ_REMOVE(&client->waiting, call, queue);
	} else if (call->state == CALL_SENT || call->state == CALL_GHOST) {
		LIST_REMOVE(call, hash);
		client->in_flight--;
	}
}

static void call_free(struct client_call *call)
{
	TAILQ_REMOVE(&call->client->calls, call, all);
	free(call);
}

/* Tells the end of a call and frees it. */
static void call_end(
        struct client_call *call, const ProtobufCMessage *reply, const struct otk_error *err)
{
	void (*done)(void *, const ProtobufCMessage *, const struct otk_error *) = call->done;
	void *arg = call->arg;

	call_detach(call);
	call_free(call);
	done(arg, reply, err);
}

static void call_wait(struct client_call *call)
{
	call_detach(call);
	call->state = CALL_WAITING;
	TAILQ_INSERT_TAIL(&call->client->waiting, call, queue);
}

static void call_doom(struct client_call *call)
{
	call_detach(call);
	call->state = CALL_DOOMED;
	TAILQ_REMOVE(&call->client->calls, call, all);
	TAILQ_INSERT_TAIL(&call->client->doomed, call, all);
}

/* A callback may cancel other doomed calls and start new ones, so the head is read anew. */
static void tell_doomed(struct client *client, const struct otk_error *err)
{
	struct client_call *call;

	while ((call = TAILQ_FIRST(&client->doomed)) != NULL) {
		void (*done)(void *, const ProtobufCMessage *, const struct otk_error *) =
		        call->done;
		void *arg = call->arg;

		TAILQ_REMOVE(&client->doomed, call, all);
		free(call);
		done(arg, NULL, err);
	}
}

static void send_cancel(struct client_call *call)
{
	struct frame_header header = {.type = FRAME_CANCEL, .request_id = call->id};

	(void)transport_send(call->client->conn, &header, NULL);
}

/* What the server still owes an answer for, though nobody waits for it. */
static void call_ghost(struct client_call *call)
{
	if (call->client->conn != NULL)
		send_cancel(call);
	call->state = CALL_GHOST;
	call->deadline = 0;
}

static void call_send(struct client_call *call, int64_t now)
{
	struct client *client = call->client;
	struct frame_header header;
	uint32_t credit = call->credit;

	frame_header_read(call->frame, &header);
	call->id = header.request_id = client->next_id++;
	if (call->deadline != 0)
		header.deadline_ms = (uint32_t)((call->deadline - now + 999) / 1000);
	frame_header_write(&header, call->frame);
	if (transport_send_bytes(client->conn, call->frame, call->size) < 0)
		return; /* memory is out: it waits on, to its deadline */
	TAILQ_REMOVE(&client->waiting, call, queue);
	LIST_INSERT_HEAD(chain_of(client, call->id), call, hash);
	client->in_flight++;
	call->state = CALL_SENT;
	call->attempts++;
	call->granted = WIRE_STREAM_CREDIT;
	if (credit > WIRE_STREAM_CREDIT) {
		struct frame_header more = {.type = FRAME_CREDIT, .request_id = call->id};
		Otklik__V1__Credit message = OTKLIK__V1__CREDIT__INIT;

		message.items = credit - WIRE_STREAM_CREDIT;
		if (transport_send(client->conn, &more, &message.base) == 0)
			call->granted = credit;
	}
}

void calls_pump(struct client *client)
{
	struct client_call *call;
	int64_t now = loop_now(client->loop);

	if (client->state != CLIENT_READY || client->draining)
		return;
	while ((call = TAILQ_FIRST(&client->waiting)) != NULL &&
	        client->in_flight < client->in_flight_max &&
	        transport_backlog(client->conn) < OUTPUT_MAX) {
		if (call->deadline != 0 && call->deadline <= now) {
			wake_at(client, now);
			break;
		}
		call_send(call, now);
		if (call->state == CALL_WAITING)
			break;
	}
}

static void on_pump(void *arg)
{
	calls_pump(arg);
}

static void expired_error(const struct client *client, struct otk_error *err)
{
	if (client->state != CLIENT_READY && client->last_error.code != OTK_OK)
		(void)error_set(err, OTK_DEADLINE_EXCEEDED, "NOT_CONNECTED",
		        "no connection to the server within the deadline; the last attempt: %s",
		        client->last_error.message);
	else
		(void)error_set(err, OTK_DEADLINE_EXCEEDED, "DEADLINE",
		        "the server did not answer within the deadline; whether it did the "
		        "work "
		        "is not known");
}

/* An expired call that was sent leaves a ghost behind, so that the place stays taken. */
static void call_expire(struct client_call *call)
{
	struct client *client = call->client;
	struct client_call *ghost;

	if (call->state == CALL_SENT) {
		ghost = calloc(1, sizeof *ghost);
		if (ghost != NULL) {
			ghost->client = client;
			ghost->id = call->id;
			LIST_INSERT_HEAD(chain_of(client, ghost->id), ghost, hash);
			TAILQ_INSERT_HEAD(&client->calls, ghost, all);
			client->in_flight++;
			call_ghost(ghost);
		}
	}
	call_doom(call);
}

static void on_call_timer(void *arg)
{
	struct client *client = arg;
	struct client_call *call, *next;
	int64_t now = loop_now(client->loop), soonest = INT64_MAX;
	struct otk_error err;

	for (call = TAILQ_FIRST(&client->calls); call != NULL; call = next) {
		next = TAILQ_NEXT(call, all);
		if (call->deadline != 0 && call->deadline <= now) {
			call_expire(call);
			continue;
		}
		if (call->state == CALL_BACKOFF && call->retry_at <= now)
			call_wait(call);
		if (call->deadline != 0 && call->deadline < soonest)
			soonest = call->deadline;
		if (call->state == CALL_BACKOFF && call->retry_at < soonest)
			soonest = call->retry_at;
	}
	if (soonest != INT64_MAX)
		wake_at(client, soonest);
	calls_pump(client);
	if (!TAILQ_EMPTY(&client->doomed)) {
		expired_error(client, &err);
		tell_doomed(client, &err);
	}
}

/* True when the call will be sent again after this status. */
static bool call_retry(struct client_call *call, const struct otk_error *err)
{
	struct client *client = call->client;
	int64_t delay, now;

	if (call->no_retry || call->got_item || call->attempts >= ATTEMPTS_MAX ||
	        client->retry_tokens < 1)
		return false;
	if (err->code != OTK_UNAVAILABLE &&
	        (err->code != OTK_RESOURCE_EXHAUSTED || err->retry_after_ms == 0))
		return false;
	delay = client_jitter(RETRY_FIRST_US << call->attempts);
	if (delay < (int64_t)err->retry_after_ms * 1000)
		delay = client_jitter((int64_t)err->retry_after_ms * 1250);
	now = loop_now(client->loop);
	if (call->deadline != 0 && now + delay >= call->deadline)
		return false;
	client->retry_tokens -= 1;
	client->retries_count++;
	call_detach(call);
	call->state = CALL_BACKOFF;
	call->retry_at = now + delay;
	wake_at(client, call->retry_at);
	return true;
}

static void bad_reply(
        struct client_call *call, const struct method *method, struct otk_error *err)
{
	char why[OTK_MESSAGE_SIZE];

	(void)call;
	memcpy(why, err->message, sizeof why);
	(void)error_set(err, OTK_INTERNAL, "BAD_REPLY",
	        "the server's answer to %s cannot be read: %.300s; is it of another version?",
	        method->name, why);
}

static void got_response(struct client_call *call, const uint8_t *payload, size_t size)
{
	struct client *client = call->client;
	struct otk_error err;
	ProtobufCMessage *reply = NULL;

	arena_reset(client->decode_arena);
	if (decode_message(
	            call->method->out, payload, size, client->decode_arena, &reply, &err) < 0) {
		bad_reply(call, call->method, &err);
		call_end(call, NULL, &err);
		return;
	}
	if (client->retry_tokens < RETRY_TOKENS_MAX)
		client->retry_tokens += RETRY_TOKENS_EARNED;
	call_end(call, reply, NULL);
}

static void got_status(struct client_call *call, const uint8_t *payload, size_t size)
{
	struct client *client = call->client;
	ProtobufCMessage *message = NULL;
	struct otk_error err;

	arena_reset(client->decode_arena);
	if (decode_message(&otklik__v1__status__descriptor, payload, size, client->decode_arena,
	            &message, &err) < 0) {
		bad_reply(call, call->method, &err);
		call_end(call, NULL, &err);
		return;
	}
	if (status_message_read((const Otklik__V1__Status *)message, &err) == 0) {
		call_end(call, NULL, NULL);
		return;
	}
	if (!call_retry(call, &err))
		call_end(call, NULL, &err);
}

/* Items taken are granted again once half the window is used up. */
static void grant_more(struct client_call *call)
{
	struct frame_header header = {.type = FRAME_CREDIT, .request_id = call->id};
	Otklik__V1__Credit message = OTKLIK__V1__CREDIT__INIT;

	if (call->granted > call->credit / 2)
		return;
	message.items = call->credit - call->granted;
	if (transport_send(call->client->conn, &header, &message.base) == 0)
		call->granted = call->credit;
}

static void got_item(struct client_call *call, const uint8_t *payload, size_t size)
{
	struct client *client = call->client;
	uint64_t id = call->id;
	ProtobufCMessage *item = NULL;
	struct otk_error err;

	arena_reset(client->decode_arena);
	if (call->item == NULL || decode_message(call->method->out, payload, size,
	                                  client->decode_arena, &item, &err) < 0) {
		if (call->item == NULL)
			(void)error_set(&err, OTK_INTERNAL, "BAD_REPLY",
			        "%s is a stream; this call takes no items", call->method->name);
		else
			bad_reply(call, call->method, &err);
		call_expire(call);
		tell_doomed(client, &err);
		return;
	}
	call->got_item = true;
	if (call->granted > 0)
		call->granted--;
	call->item(call->arg, item);
	/* The callback may have cancelled it. */
	call = find_call(client, id);
	if (call != NULL && call->state == CALL_SENT && client->conn != NULL)
		grant_more(call);
}

void calls_frame(
        struct client *client, const struct frame_header *header, const uint8_t *payload)
{
	struct client_call *call = find_call(client, header->request_id);

	/* What answers no call of ours is of one given up long ago. */
	if (call == NULL)
		return;
	if (call->state == CALL_GHOST) {
		if (header->type == FRAME_ITEM)
			return;
		call_detach(call);
		call_free(call);
	} else if (header->type == FRAME_RESPONSE) {
		got_response(call, payload, header->length);
	} else if (header->type == FRAME_STATUS) {
		got_status(call, payload, header->length);
	} else {
		got_item(call, payload, header->length);
	}
	if (!TAILQ_EMPTY(&client->waiting))
		loop_post(client->loop, &client->pump_task);
	if (client->in_flight == 0)
		client_idle(client);
}

void calls_connection_lost(struct client *client, const struct otk_error *err)
{
	struct client_call *call, *next;

	for (call = TAILQ_FIRST(&client->calls); call != NULL; call = next) {
		next = TAILQ_NEXT(call, all);
		if (call->state == CALL_GHOST) {
			call_detach(call);
			call_free(call);
		} else if (call->state == CALL_SENT) {
			if (call->no_retry || call->got_item ||
			        call->attempts >= ATTEMPTS_MAX) {
				call_doom(call);
			} else {
				client->retries_count++;
				call_wait(call);
			}
		}
	}
	tell_doomed(client, err);
}

void calls_fail_waiting(struct client *client, const struct otk_error *err)
{
	struct client_call *call, *next;

	for (call = TAILQ_FIRST(&client->calls); call != NULL; call = next) {
		next = TAILQ_NEXT(call, all);
		if (call->state == CALL_WAITING || call->state == CALL_BACKOFF)
			call_doom(call);
	}
	tell_doomed(client, err);
}

bool calls_any(const struct client *client)
{
	return !TAILQ_EMPTY(&client->calls);
}

int calls_init(struct client *client)
{
	TAILQ_INIT(&client->calls);
	TAILQ_INIT(&client->waiting);
	TAILQ_INIT(&client->doomed);
	client->next_id = 1;
	client->retry_tokens = RETRY_TOKENS_MAX;
	loop_task_init(&client->pump_task, on_pump, client);
	client->call_timer = loop_timer_new(client->loop, on_call_timer, client);
	client->decode_arena = arena_new(WIRE_DECODE_BUDGET);
	return client->call_timer == NULL || client->decode_arena == NULL ? -1 : 0;
}

void calls_free(struct client *client)
{
	struct client_call *call, *next;
	struct otk_error err;

	(void)error_set(&err, OTK_CANCELLED, "CLIENT_CLOSED", "the client was closed");
	for (call = TAILQ_FIRST(&client->calls); call != NULL; call = next) {
		next = TAILQ_NEXT(call, all);
		if (call->state == CALL_GHOST) {
			call_detach(call);
			call_free(call);
		} else {
			call_doom(call);
		}
	}
	tell_doomed(client, &err);
	loop_unpost(client->loop, &client->pump_task);
	loop_timer_free(client->call_timer);
	arena_free(client->decode_arena);
}

/* Fills the frame: header without id, then the message. */
static int call_pack(struct client_call *call, const ProtobufCMessage *request,
        const struct client_call_options *options, struct otk_error *err)
{
	struct frame_header header = {.type = FRAME_REQUEST, .method = call->method->id};
	struct uuid key = {{0}};

	if (options->key != NULL)
		key = *options->key;
	else if ((call->method->flags & METHOD_MUTATION) != 0 && uuid_v4(&key) < 0)
		return error_set(
		        err, OTK_INTERNAL, "NO_RANDOMNESS", "the system gives no randomness");
	memcpy(header.key, key.bytes, FRAME_KEY_SIZE);
	(void)frame_pack(&header, request, call->frame);
	return decode_check(call->method->in, call->frame + FRAME_HEADER_SIZE,
	        call->size - FRAME_HEADER_SIZE, err);
}

static void call_deadline(struct client_call *call, const struct client_call_options *options)
{
	uint32_t ms = options->deadline_ms;

	if (ms == 0)
		ms = call->method->timeout_ms;
	if (ms == 0 && (call->method->flags & METHOD_STREAM) == 0)
		ms = WIRE_DEADLINE_DEFAULT_MS;
	if (ms > WIRE_DEADLINE_MAX_MS)
		ms = WIRE_DEADLINE_MAX_MS;
	if (ms == 0)
		return;
	call->deadline = loop_now(call->client->loop) + (int64_t)ms * 1000;
	wake_at(call->client, call->deadline);
}

struct client_call *client_start(struct client *client, uint16_t method_id,
        const ProtobufCMessage *request, const struct client_call_options *options,
        void (*done)(void *arg, const ProtobufCMessage *reply, const struct otk_error *err),
        void *arg, struct otk_error *err)
{
	static const struct client_call_options NONE;
	const struct method *method = method_find(method_id);
	struct client_call *call;
	size_t size;

	if (options == NULL)
		options = &NONE;
	if (method == NULL || request->descriptor != method->in) {
		(void)error_set(err, OTK_INTERNAL, "BAD_CALL", "method %u does not take a %s",
		        method_id, request->descriptor->name);
		return NULL;
	}
	size = frame_size(request);
	if (size - FRAME_HEADER_SIZE >
	        (client->frame_max == 0 ? WIRE_PAYLOAD_MAX : client->frame_max)) {
		(void)error_set(err, OTK_INVALID_ARGUMENT, "REQUEST_TOO_LARGE",
		        "the request has %zu bytes, the server takes at most %u; send it in "
		        "smaller parts",
		        size, client->frame_max == 0 ? WIRE_PAYLOAD_MAX : client->frame_max);
		return NULL;
	}
	call = calloc(1, sizeof *call + size);
	if (call == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
		return NULL;
	}
	call->client = client;
	call->method = method;
	call->size = size;
	call->done = done;
	call->arg = arg;
	call->item = options->item;
	call->no_retry = options->no_retry;
	call->credit = options->credit == 0 ? WIRE_STREAM_CREDIT : options->credit;
	if (call->credit > WIRE_STREAM_CREDIT_MAX)
		call->credit = WIRE_STREAM_CREDIT_MAX;
	if (call_pack(call, request, options, err) < 0) {
		free(call);
		return NULL;
	}
	call_deadline(call, options);
	call->state = CALL_WAITING;
	TAILQ_INSERT_TAIL(&client->calls, call, all);
	TAILQ_INSERT_TAIL(&client->waiting, call, queue);
	client->calls_count++;
	if (client->state == CLIENT_READY)
		loop_post(client->loop, &client->pump_task);
	else
		client_need(client);
	return call;
}

void client_cancel(struct client_call *call)
{
	struct client *client = call->client;

	if (call->state == CALL_SENT && client->conn != NULL) {
		call_ghost(call);
	} else if (call->state == CALL_DOOMED) {
		TAILQ_REMOVE(&client->doomed, call, all);
		free(call);
	} else {
		call_detach(call);
		call_free(call);
	}
}
