/* The client's connection: finding the server, greeting, losing it and coming back. */
#include "lib/client.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "lib/client_private.h"
#include "wire/decode.h"
#include "wire/limits.h"

enum {
	BACKOFF_FIRST_US = 1000 * 1000,
	BACKOFF_MOST_US = 120 * 1000 * 1000,
	AGAIN_US = 50 * 1000, /* after the loss of a connection that was good */
	SOON_TRIES = 3,       /* so often, unless it was good for … */
	STEADY_US = 10 * 1000 * 1000,
	FAIL_FAST_TRIES = 2 /* more, where the server says when to come again */
};

static void state_set(
        struct client *client, enum client_state state, const struct otk_error *err)
{
	if (client->state == state && err == NULL)
		return;
	client->state = state;
	if (client->changed != NULL)
		client->changed(client->changed_arg, state, err);
}

int64_t client_jitter(int64_t us)
{
	uint32_t random = 0;

	if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
		return us;
	return us * 4 / 5 + (int64_t)((double)us * 0.4 * ((double)random / UINT32_MAX));
}

static int64_t backoff(const struct client *client)
{
	int64_t first = client->options.backoff_first_us,
	        most = client->options.backoff_most_us;
	double delay;

	if (first == 0)
		first = BACKOFF_FIRST_US;
	if (most == 0)
		most = BACKOFF_MOST_US;
	delay = (double)first * pow(1.6, client->failures == 0 ? 0 : client->failures - 1);
	return client_jitter(delay < (double)most ? (int64_t)delay : most);
}

static void conn_drop(struct client *client)
{
	if (client->conn == NULL)
		return;
	client->writes_before += transport_writes(client->conn);
	transport_free(client->conn);
	client->conn = NULL;
	client->draining = false;
	if (client->hello != NULL)
		otklik__v1__hello__free_unpacked(client->hello, NULL);
	client->hello = NULL;
}

static bool is_wanted(const struct client *client)
{
	return calls_any(client) || (client->wanted && !client->options.fail_fast);
}

/*
 * No connection, and none of the addresses is left to try. The next attempt waits, the longer
 * the more have failed, and at least as long as the server asked for.
 */
static void connect_failed(struct client *client, const struct otk_error *err)
{
	int64_t delay = backoff(client);

	/* A person is not made to wait longer than the server asked for. */
	if (delay < (int64_t)err->retry_after_ms * 1000 ||
	        (client->options.fail_fast && err->retry_after_ms != 0))
		delay = client_jitter((int64_t)err->retry_after_ms * 1250);
	client->failures++;
	client->last_error = *err;
	/* Set first: a call that `changed` starts must not connect at once. */
	loop_timer_set(client->connect_timer, delay);
	state_set(client, CLIENT_OFFLINE, err);
	/* A server that says when to come again is there, after all. */
	if (client->options.fail_fast &&
	        (err->retry_after_ms == 0 || client->failures > FAIL_FAST_TRIES))
		calls_fail_waiting(client, err);
	if (!is_wanted(client))
		loop_timer_clear(client->connect_timer);
}

/*
 * A connection that was good is made anew soon; but one that keeps being lost right after its
 * greeting is a failure like others.
 */
static int64_t delay_after_loss(struct client *client, const struct otk_error *why)
{
	if (loop_now(client->loop) - client->ready_at >= STEADY_US)
		client->failures = 0;
	if (why->retry_after_ms != 0)
		return client_jitter((int64_t)why->retry_after_ms * 1250);
	if (client->failures++ < SOON_TRIES)
		return client_jitter(AGAIN_US);
	return backoff(client);
}

static void try_address(struct client *client);

/* The connection ended, for whatever reason, at whatever stage. */
static void conn_ended(struct client *client, const struct otk_error *err)
{
	bool was_ready = client->state == CLIENT_READY;
	struct otk_error why = *err;

	/* The GOAWAY that went before says more than the close that follows it. */
	if (client->draining)
		why = client->last_error;
	conn_drop(client);
	if (!was_ready && err->code == OTK_UNAVAILABLE && why.retry_after_ms == 0 &&
	        client->address + 1 < client->addresses.count) {
		client->address++;
		try_address(client);
		return;
	}
	client->last_error = why;
	if (was_ready) {
		loop_timer_set(client->connect_timer, delay_after_loss(client, &why));
		state_set(client, CLIENT_OFFLINE, &why);
		calls_connection_lost(client, &why);
		if (!is_wanted(client))
			loop_timer_clear(client->connect_timer);
	} else {
		connect_failed(client, &why);
	}
}

static void on_closed(void *arg, const struct otk_error *err)
{
	conn_ended(arg, err);
}

static void on_open(void *arg)
{
	struct client *client = arg;
	Otklik__V1__Hello hello = OTKLIK__V1__HELLO__INIT;
	Otklik__V1__Limits limits = OTKLIK__V1__LIMITS__INIT;
	struct frame_header header = {.type = FRAME_HELLO};

	limits.frame_bytes = WIRE_PAYLOAD_MAX;
	hello.version_min = WIRE_VERSION_MIN;
	hello.version_max = WIRE_VERSION_MAX;
	hello.limits = &limits;
	hello.build = (char *)(uintptr_t)client->options.build;
	(void)transport_send(client->conn, &header, &hello.base);
}

static uint32_t least_of(uint32_t stated, uint32_t ours)
{
	return stated != 0 && stated < ours ? stated : ours;
}

static void greeted(struct client *client, const uint8_t *payload, size_t size)
{
	struct otk_error err;
	Otklik__V1__Hello *hello;

	if (decode_check(&otklik__v1__hello__descriptor, payload, size, &err) < 0) {
		conn_ended(client, &err);
		return;
	}
	hello = otklik__v1__hello__unpack(NULL, size, payload);
	if (hello == NULL) {
		(void)error_set(&err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
		conn_ended(client, &err);
		return;
	}
	client->hello = hello;
	if (hello->version < WIRE_VERSION_MIN || hello->version > WIRE_VERSION_MAX) {
		(void)error_set(&err, OTK_FAILED_PRECONDITION, "VERSION_MISMATCH",
		        "the server (%s) speaks protocol versions %u to %u, this program %d to "
		        "%d; upgrade the older side",
		        hello->build, hello->version_min, hello->version_max, WIRE_VERSION_MIN,
		        WIRE_VERSION_MAX);
		conn_ended(client, &err);
		return;
	}
	client->in_flight_max = WIRE_IN_FLIGHT_MAX;
	client->frame_max = WIRE_PAYLOAD_MAX;
	if (hello->limits != NULL) {
		client->in_flight_max = least_of(hello->limits->in_flight, WIRE_IN_FLIGHT_MAX);
		client->frame_max = least_of(hello->limits->frame_bytes, WIRE_PAYLOAD_MAX);
	}
	transport_expect(client->conn, FRAMES_FROM_SERVER, WIRE_PAYLOAD_MAX, true);
	client->ready_at = loop_now(client->loop);
	if (client->failures > SOON_TRIES)
		client->failures = SOON_TRIES;
	client->connects++;
	error_clear(&client->last_error);
	state_set(client, CLIENT_READY, NULL);
	calls_pump(client);
}

/* The server will close, or asks us to go. Before its Hello that is a refusal. */
static void goaway(struct client *client, const uint8_t *payload, size_t size)
{
	Otklik__V1__GoAway *message = NULL;
	struct otk_error err;

	if (decode_check(&otklik__v1__go_away__descriptor, payload, size, &err) == 0)
		message = otklik__v1__go_away__unpack(NULL, size, payload);
	(void)error_set(&err, OTK_UNAVAILABLE, "GOAWAY", "the server ended the connection");
	if (message != NULL) {
		bool known = message->code != 0 && message->code < OTK_STATUS_COUNT;

		(void)error_set(&err, known ? (enum otk_status)message->code : OTK_UNAVAILABLE,
		        message->reason[0] == '\0' ? "GOAWAY" : message->reason, "%s",
		        message->message[0] == '\0' ? "the server ended the connection"
		                                    : message->message);
		err.retry_after_ms = message->retry_after_ms;
		otklik__v1__go_away__free_unpacked(message, NULL);
	}
	if (client->state != CLIENT_READY) {
		conn_ended(client, &err);
		return;
	}
	client->draining = true;
	client->last_error = err;
	if (client->in_flight == 0)
		client_idle(client);
}

static void on_frame(void *arg, const struct frame_header *header, const uint8_t *payload)
{
	struct client *client = arg;

	if (header->type == FRAME_HELLO)
		greeted(client, payload, header->length);
	else if (header->type == FRAME_GOAWAY)
		goaway(client, payload, header->length);
	else
		calls_frame(client, header, payload);
}

void client_idle(struct client *client)
{
	if (client->draining) {
		struct otk_error why = client->last_error;

		conn_ended(client, &why);
	}
}

static void try_address(struct client *client)
{
	static const struct transport_events EVENTS = {
	        .open = on_open, .frame = on_frame, .closed = on_closed};
	struct otk_error err;

	for (;; client->address++) {
		const struct resolved *found = &client->addresses;

		client->conn = transport_new(client->loop,
		        (const struct sockaddr *)&found->addresses[client->address],
		        found->sizes[client->address], &client->identity, &EVENTS, client,
		        &err);
		if (client->conn != NULL)
			return;
		if (err.code != OTK_UNAVAILABLE || client->address + 1 >= found->count)
			break;
	}
	connect_failed(client, &err);
}

static void on_resolved(void *arg, const struct resolved *found, const struct otk_error *err)
{
	struct client *client = arg;

	client->resolving = false;
	if (err != NULL) {
		connect_failed(client, err);
		return;
	}
	client->addresses = *found;
	client->address = 0;
	try_address(client);
}

static void connect_begin(void *arg)
{
	struct client *client = arg;

	loop_timer_clear(client->connect_timer);
	if (client->conn != NULL || client->resolving)
		return;
	state_set(client, CLIENT_CONNECTING, NULL);
	client->resolving = true;
	resolver_start(client->resolver, client->options.host, client->options.port);
}

void client_need(struct client *client)
{
	if (client->conn == NULL && !client->resolving &&
	        !loop_timer_is_set(client->connect_timer))
		loop_post(client->loop, &client->connect_task);
}

void client_connect(struct client *client)
{
	client->wanted = true;
	client_need(client);
}

void client_reconnect(struct client *client)
{
	struct otk_error err;

	client->wanted = true;
	(void)error_set(&err, OTK_UNAVAILABLE, "RECONNECT", "the connection is made anew");
	if (client->conn != NULL) {
		conn_drop(client);
		state_set(client, CLIENT_OFFLINE, NULL);
		calls_connection_lost(client, &err);
	}
	loop_timer_clear(client->connect_timer);
	client_need(client);
}

static char *text_copy(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = *at;

	memcpy(copy, text, size);
	*at += size;
	return copy;
}

/* Copies the strings into one block. */
static int options_copy(struct client *client, const struct client_options *from)
{
	struct client_options *to = &client->options;
	const char *server_name = from->server_name == NULL ? from->host : from->server_name;
	const char *build = from->build == NULL ? "libotklik/" OTKLIK_VERSION : from->build;
	char *at;

	at = client->texts =
	        malloc(strlen(from->host) + strlen(server_name) + strlen(from->ca_file) +
	                strlen(from->cert_file) + strlen(from->key_file) + strlen(build) + 6);
	if (at == NULL)
		return -1;
	*to = *from;
	to->host = text_copy(&at, from->host);
	to->server_name = text_copy(&at, server_name);
	to->ca_file = text_copy(&at, from->ca_file);
	to->cert_file = text_copy(&at, from->cert_file);
	to->key_file = text_copy(&at, from->key_file);
	to->build = text_copy(&at, build);
	if (to->port == 0)
		to->port = CLIENT_PORT_DEFAULT;
	client->identity = (struct tls_identity){.ca_file = to->ca_file,
	        .cert_file = to->cert_file,
	        .key_file = to->key_file,
	        .server_name = to->server_name};
	return 0;
}

struct client *client_new(
        struct loop *loop, const struct client_options *options, struct otk_error *err)
{
	struct client *client;

	if (options->host == NULL || options->ca_file == NULL || options->cert_file == NULL ||
	        options->key_file == NULL) {
		(void)error_set(err, OTK_INVALID_ARGUMENT, "BAD_OPTIONS",
		        "a client needs host, ca_file, cert_file and key_file");
		return NULL;
	}
	client = calloc(1, sizeof *client);
	if (client == NULL)
		goto out_of_memory;
	client->loop = loop;
	loop_task_init(&client->connect_task, connect_begin, client);
	client->connect_timer = loop_timer_new(loop, connect_begin, client);
	client->resolver = resolver_new(loop, options->fail_fast, on_resolved, client);
	if (calls_init(client) < 0 || client->connect_timer == NULL ||
	        client->resolver == NULL || options_copy(client, options) < 0) {
		client_free(client);
		goto out_of_memory;
	}
	return client;
out_of_memory:
	(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
	return NULL;
}

void client_free(struct client *client)
{
	if (client == NULL)
		return;
	client->changed = NULL;
	conn_drop(client);
	calls_free(client);
	resolver_free(client->resolver);
	loop_unpost(client->loop, &client->connect_task);
	loop_timer_free(client->connect_timer);
	arena_free(client->replies);
	free(client->texts);
	free(client);
}

enum client_state client_state(const struct client *client)
{
	return client->state;
}

const Otklik__V1__Hello *client_hello(const struct client *client)
{
	return client->state == CLIENT_READY ? client->hello : NULL;
}

void client_on_state(struct client *client,
        void (*changed)(void *arg, enum client_state state, const struct otk_error *err),
        void *arg)
{
	client->changed = changed;
	client->changed_arg = arg;
}

void client_counters(const struct client *client, struct client_counters *out)
{
	*out = (struct client_counters){.calls = client->calls_count,
	        .retries = client->retries_count,
	        .connects = client->connects,
	        .writes = client->writes_before +
	                  (client->conn == NULL ? 0 : transport_writes(client->conn))};
}
