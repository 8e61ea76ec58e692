/*
 * libotklik against a scripted server in the same loop: real TLS over loopback. What the
 * server does with a call is told by the number of the ticket asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <event2/event.h>

#include "alloc_fail.h"
#include "lib/client.h"
#include "net/conn.h"
#include "net/tls.h"
#include "otklik/otklik.h"
#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/schema.h"

enum hello_mode {
	HELLO_GOOD,
	HELLO_GOAWAY,
	HELLO_VERSION,
	HELLO_CLOSE,
	HELLO_GARBAGE,
	HELLO_BUSY_ONCE,
	HELLO_BUSY
};

enum {
	ASK_ANSWER = 1,
	ASK_SILENCE,
	ASK_ERROR,
	ASK_BUSY_TWICE,   /* UNAVAILABLE, twice */
	ASK_BUSY_ALWAYS,  /* RESOURCE_EXHAUSTED with 20 ms */
	ASK_CLOSE_ONCE,   /* the connection breaks */
	ASK_CLOSE_ALWAYS, /* … every time */
	ASK_GOAWAY_ONCE,  /* GOAWAY before the answer */
	ASK_GARBAGE,
	ASK_BAD_STATUS,
	ASK_ITEM /* an item for a call that takes none */
};

enum { ITEMS = 300 };

struct server {
	struct loop *loop;
	int fd;
	uint16_t port;
	struct loop_watch *watch;
	SSL_CTX *tls;
	enum hello_mode mode;
	struct conn *conn; /* one at a time is enough */
	unsigned accepted;
	unsigned requests;
	unsigned cancels;
	unsigned closed_once;
	uint8_t first_key[FRAME_KEY_SIZE];
	uint64_t stream_id;
	unsigned items_sent;
	unsigned credit;
	uint64_t held_id; /* of a request that is answered at its cancel */
};

static char pki[64];
static struct server server;
static struct loop *loop;

/* ---- the server ------------------------------------------------------------------------ */

static void send_to(uint8_t type, uint64_t id, const ProtobufCMessage *message)
{
	struct frame_header header = {.type = type, .request_id = id};

	conn_send(server.conn, &header, message);
}

static void send_status(uint64_t id, uint32_t code, uint32_t retry_after_ms)
{
	Otklik__V1__Status status = OTKLIK__V1__STATUS__INIT;

	status.code = code;
	status.reason = "SCRIPTED";
	status.message = "as the script says";
	status.retry_after_ms = retry_after_ms;
	send_to(FRAME_STATUS, id, &status.base);
}

static void send_ticket(uint64_t id, int64_t version)
{
	Otklik__V1__GetTicketResponse response = OTKLIK__V1__GET_TICKET_RESPONSE__INIT;
	Otklik__V1__Ticket ticket = OTKLIK__V1__TICKET__INIT;

	ticket.version = version;
	ticket.title = "принтер";
	response.ticket = &ticket;
	send_to(FRAME_RESPONSE, id, &response.base);
}

static void send_goaway(uint32_t code, const char *reason, uint32_t retry_after_ms)
{
	Otklik__V1__GoAway goaway = OTKLIK__V1__GO_AWAY__INIT;

	goaway.code = code;
	goaway.retry_after_ms = retry_after_ms;
	goaway.reason = (char *)(uintptr_t)reason;
	send_to(FRAME_GOAWAY, 0, &goaway.base);
}

static void send_items(void)
{
	Otklik__V1__WatchResponse item = OTKLIK__V1__WATCH_RESPONSE__INIT;

	item.feed_epoch = "e";
	for (; server.credit > 0 && server.items_sent < ITEMS; server.credit--) {
		item.rev = ++server.items_sent;
		send_to(FRAME_ITEM, server.stream_id, &item.base);
	}
	if (server.items_sent == ITEMS)
		send_status(server.stream_id, 0, 0);
}

static void on_hello(void)
{
	Otklik__V1__Hello hello = OTKLIK__V1__HELLO__INIT;
	Otklik__V1__Limits limits = OTKLIK__V1__LIMITS__INIT;

	hello.version_min = hello.version_max = hello.version = 1;
	hello.limits = &limits;
	hello.build = "scripted";
	limits.in_flight = 4;
	limits.frame_bytes = 64 * 1024;
	switch (server.mode) {
	case HELLO_GOAWAY:
		send_goaway(OTK_UNAUTHENTICATED, "UNKNOWN_PRINCIPAL", 0);
		conn_finish(server.conn, "refused");
		return;
	case HELLO_BUSY_ONCE:
		server.mode = HELLO_GOOD;
		/* fall through */
	case HELLO_BUSY:
		send_goaway(0, "STARTING", 10);
		conn_finish(server.conn, "busy");
		return;
	case HELLO_CLOSE:
		conn_finish(server.conn, "closed");
		return;
	case HELLO_GARBAGE:
		hello.build = "\xff";
		break;
	case HELLO_VERSION:
		hello.version = 9;
		break;
	case HELLO_GOOD:
		break;
	}
	conn_greeted(server.conn);
	send_to(FRAME_HELLO, 0, &hello.base);
}

static bool once(void)
{
	return server.closed_once++ == 0;
}

static void on_ask(const struct frame_header *header, int64_t what)
{
	uint64_t id = header->request_id;

	server.requests++;
	switch (what) {
	case ASK_ANSWER:
		send_ticket(id, what);
		break;
	case ASK_SILENCE:
		server.held_id = id;
		break;
	case ASK_ERROR:
		send_status(id, OTK_NOT_FOUND, 0);
		break;
	case ASK_BUSY_TWICE:
		if (server.requests <= 2)
			send_status(id, OTK_UNAVAILABLE, 0);
		else
			send_ticket(id, what);
		break;
	case ASK_BUSY_ALWAYS:
		send_status(id, OTK_RESOURCE_EXHAUSTED, 20);
		break;
	case ASK_CLOSE_ONCE:
		if (once())
			conn_close(server.conn, "scripted");
		else
			send_ticket(id, what);
		break;
	case ASK_CLOSE_ALWAYS:
		conn_close(server.conn, "scripted");
		break;
	case ASK_GOAWAY_ONCE:
		if (once())
			send_goaway(0, "SHUTTING_DOWN", 0);
		send_ticket(id, what);
		break;
	case ASK_GARBAGE:
		send_to(FRAME_RESPONSE, id,
		        &(Otklik__V1__Status){
		                PROTOBUF_C_MESSAGE_INIT(&otklik__v1__status__descriptor),
		                .code = 7, .reason = "\xff"}
		                 .base);
		break;
	case ASK_BAD_STATUS:
		send_to(FRAME_STATUS, id,
		        &(Otklik__V1__Status){
		                PROTOBUF_C_MESSAGE_INIT(&otklik__v1__status__descriptor),
		                .reason = "\xff"}
		                 .base);
		break;
	case ASK_ITEM:
		send_to(FRAME_ITEM, id, NULL);
		break;
	default:
		break;
	}
}

static void on_request(const struct frame_header *header, const uint8_t *payload)
{
	struct arena *arena = arena_new(1 << 16);
	const struct method *method = method_find(header->method);
	ProtobufCMessage *message = NULL;

	if (method != NULL)
		(void)decode_message(
		        method->in, payload, header->length, arena, &message, NULL);
	if (header->method == METHOD_GET_TICKET) {
		on_ask(header, ((Otklik__V1__GetTicketRequest *)message)->ticket_id);
	} else if (header->method == METHOD_TAKE_TICKET) {
		server.requests++;
		if (once()) {
			memcpy(server.first_key, header->key, FRAME_KEY_SIZE);
			conn_close(server.conn, "scripted");
		} else {
			send_ticket(header->request_id,
			        memcmp(server.first_key, header->key, FRAME_KEY_SIZE) == 0);
		}
	} else {
		server.stream_id = header->request_id;
		server.items_sent = 0;
		server.credit = WIRE_STREAM_CREDIT;
		send_items();
	}
	arena_free(arena);
}

static void on_frame(void *context, const struct frame_header *header, const uint8_t *payload)
{
	(void)context;
	if (header->type == FRAME_HELLO) {
		on_hello();
	} else if (header->type == FRAME_REQUEST) {
		on_request(header, payload);
	} else if (header->type == FRAME_CREDIT) {
		Otklik__V1__Credit *credit =
		        otklik__v1__credit__unpack(NULL, header->length, payload);

		server.credit += credit->items;
		otklik__v1__credit__free_unpacked(credit, NULL);
		send_items();
	} else if (header->type == FRAME_CANCEL) {
		server.cancels++;
		if (header->request_id == server.held_id)
			send_status(server.held_id, OTK_CANCELLED, 0);
	}
}

static void on_ready(void *context, const char *uri, const struct otk_error *err)
{
	(void)context;
	(void)uri;
	(void)err;
}

static enum conn_verdict on_header(void *context, const struct frame_header *header)
{
	(void)context;
	(void)header;
	return CONN_TAKE;
}

static void on_drained(void *context)
{
	(void)context;
}

static void on_closed(void *context, const char *why)
{
	(void)why;
	if (server.conn == *(struct conn **)context)
		server.conn = NULL;
	free(context);
}

static void on_accept(void *arg, unsigned events)
{
	static const struct conn_ops OPS = {.ready = on_ready,
	        .header = on_header,
	        .frame = on_frame,
	        .drained = on_drained,
	        .closed = on_closed};
	int fd = accept4(server.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn **self = malloc(sizeof *self);

	(void)arg;
	(void)events;
	if (fd < 0 || self == NULL)
		abort();
	server.accepted++;
	*self = server.conn = conn_new(loop, fd, server.tls, NULL, &OPS, self);
}

static void server_open(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_port = htons(port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int on = 1;

	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(server.fd >= 0);
	assert_int_equal(setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server.fd, 16), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
	server.port = ntohs(address.sin_port);
	server.watch = loop_watch_new(loop, server.fd, on_accept, NULL);
	assert_int_equal(loop_watch_set(server.watch, LOOP_READ), 0);
}

static void server_stop_listening(void)
{
	loop_watch_free(server.watch);
	server.watch = NULL;
	if (server.fd >= 0)
		(void)close(server.fd);
	server.fd = -1;
}

static const char *file(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof paths[0], "%s/%s", pki, name);
	return path;
}

static int setup(void **state)
{
	struct otk_error err;

	(void)state;
	memset(&server, 0, sizeof server);
	loop = loop_new();
	server.tls = tls_server_context(
	        file("server.crt"), file("server.key"), file("ca.crt"), &err);
	assert_non_null(server.tls);
	server_open(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (server.conn != NULL)
		conn_close(server.conn, "over");
	for (int i = 0; i < 5; i++)
		(void)loop_turn(loop, false);
	server_stop_listening();
	SSL_CTX_free(server.tls);
	loop_free(loop);
	return 0;
}

/* ---- the client's side ------------------------------------------------------------------ */

static struct client_options options(void)
{
	return (struct client_options){.host = "127.0.0.1",
	        .port = server.port,
	        .ca_file = file("ca.crt"),
	        .cert_file = file("person-anna.crt"),
	        .key_file = file("person-anna.key"),
	        .fail_fast = true};
}

static struct client *open_with(struct client_options with)
{
	struct otk_error err;
	struct client *client = client_new(loop, &with, &err);

	assert_non_null(client);
	return client;
}

static int ask(struct client *client, int64_t what, int64_t *version, struct otk_error *err)
{
	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	int rc;

	request.ticket_id = what;
	rc = client_call(client, METHOD_GET_TICKET, &request.base, &reply, err);
	if (rc == 0 && version != NULL)
		*version = ((const Otklik__V1__GetTicketResponse *)reply)->ticket->version;
	return rc;
}

static void a_call_is_answered(void **state)
{
	struct client *client = open_with(options());
	struct client_counters counters;
	struct otk_error err;
	int64_t version = 0;

	(void)state;
	assert_int_equal(client_state(client), CLIENT_OFFLINE);
	assert_null(client_hello(client));
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(client, ASK_ANSWER, &version, &err), 0);
	assert_int_equal(version, ASK_ANSWER);
	assert_int_equal(client_state(client), CLIENT_READY);
	assert_string_equal(client_hello(client)->build, "scripted");
	client_counters(client, &counters);
	assert_int_equal(counters.calls, 3);
	assert_int_equal(counters.connects, 1);
	assert_int_equal(counters.retries, 0);
	client_release(client);
	client_free(client);
}

static const struct told {
	int64_t what;
	int rc;
	const char *reason;
	unsigned requests;
} TOLD[] = {
        {ASK_ERROR, -OTK_NOT_FOUND, "SCRIPTED", 1},
        {ASK_BUSY_TWICE, 0, "", 3},
        {ASK_BUSY_ALWAYS, -OTK_RESOURCE_EXHAUSTED, "SCRIPTED", 4},
        {ASK_CLOSE_ONCE, 0, "", 2},
        {ASK_CLOSE_ALWAYS, -OTK_UNAVAILABLE, "CONNECTION_LOST", 4},
        {ASK_GOAWAY_ONCE, 0, "", 1},
        {ASK_GARBAGE, -OTK_INTERNAL, "BAD_REPLY", 1},
        {ASK_BAD_STATUS, -OTK_INTERNAL, "BAD_REPLY", 1},
        {ASK_ITEM, -OTK_INTERNAL, "BAD_REPLY", 1},
};

static void calls_end_as_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof TOLD / sizeof TOLD[0]; i++) {
		struct client *client = open_with(options());
		struct otk_error err;
		int rc;

		server.requests = server.closed_once = 0;
		rc = ask(client, TOLD[i].what, NULL, &err);
		if (rc != TOLD[i].rc || strcmp(err.reason, TOLD[i].reason) != 0)
			fail_msg("%d: %d %s: %s", (int)TOLD[i].what, rc, err.reason,
			        err.message);
		assert_int_equal(server.requests, TOLD[i].requests);
		client_free(client);
	}
}

static void after_goaway_calls_go_over_a_new_connection(void **state)
{
	struct client *client = open_with(options());

	(void)state;
	assert_int_equal(ask(client, ASK_GOAWAY_ONCE, NULL, NULL), 0);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, NULL), 0);
	assert_int_equal(server.accepted, 2);
	client_reconnect(client);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, NULL), 0);
	assert_int_equal(server.accepted, 3);
	client_free(client);
}

static void a_repeated_mutation_bears_the_same_key(void **state)
{
	struct client *client = open_with(options());
	Otklik__V1__TakeTicketRequest request = OTKLIK__V1__TAKE_TICKET_REQUEST__INIT;
	struct client_call_options with = {.key = &(struct uuid){{7, 7}}};
	const ProtobufCMessage *reply;
	struct otk_error err;

	(void)state;
	assert_int_equal(
	        client_call(client, METHOD_TAKE_TICKET, &request.base, &reply, &err), 0);
	assert_int_equal(((const Otklik__V1__TakeTicketResponse *)reply)->ticket->version, 1);
	assert_true(server.first_key[0] != 0 || server.first_key[1] != 0);
	assert_int_equal(client_call_with(client, METHOD_TAKE_TICKET, &request.base, &with,
	                         &reply, &err),
	        0);
	assert_int_equal(((const Otklik__V1__TakeTicketResponse *)reply)->ticket->version, 0);
	client_free(client);
}

static void a_deadline_ends_a_call_and_cancels_it(void **state)
{
	struct client *client = open_with(options());
	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	struct client_call_options with = {.deadline_ms = 60};
	struct otk_error err;

	(void)state;
	request.ticket_id = ASK_SILENCE;
	assert_int_equal(
	        client_call_with(client, METHOD_GET_TICKET, &request.base, &with, NULL, &err),
	        -OTK_DEADLINE_EXCEEDED);
	assert_string_equal(err.reason, "DEADLINE");
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	assert_int_equal(server.cancels, 1);
	client_free(client);
}

static bool take_some(void *arg, const ProtobufCMessage *item)
{
	int64_t *last = arg;

	*last = *last + 1 == ((const Otklik__V1__WatchResponse *)item)->rev ? *last + 1 : -1000;
	return *last != 10;
}

static bool take_all(void *arg, const ProtobufCMessage *item)
{
	(void)item;
	++*(int *)arg;
	return true;
}

static void a_stream_goes_on_while_credit_is_granted(void **state)
{
	struct client *client = open_with(options());
	Otklik__V1__WatchRequest request = OTKLIK__V1__WATCH_REQUEST__INIT;
	struct otk_error err;
	int64_t last = 0;
	int count = 0;

	(void)state;
	assert_int_equal(
	        client_stream(client, METHOD_WATCH, &request.base, take_all, &count, &err), 0);
	assert_int_equal(count, ITEMS);
	assert_int_equal(
	        client_stream(client, METHOD_WATCH, &request.base, take_some, &last, &err), 0);
	assert_int_equal(last, 10);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	client_free(client);
}

static const struct refused {
	const char *what;
	enum hello_mode mode;
	const char *cert; /* of the client */
	const char *ca;   /* that the client trusts */
	const char *server_name;
	int code;
	const char *reason;
} REFUSED[] = {
        {"goaway", HELLO_GOAWAY, "person-anna", "ca", NULL, -OTK_UNAUTHENTICATED,
                "UNKNOWN_PRINCIPAL"},
        {"version", HELLO_VERSION, "person-anna", "ca", NULL, -OTK_FAILED_PRECONDITION,
                "VERSION_MISMATCH"},
        {"busy once", HELLO_BUSY_ONCE, "person-anna", "ca", NULL, 0, ""},
        {"busy", HELLO_BUSY, "person-anna", "ca", NULL, -OTK_UNAVAILABLE, "STARTING"},
        {"closed", HELLO_CLOSE, "person-anna", "ca", NULL, -OTK_UNAVAILABLE,
                "CONNECTION_REFUSED"},
        {"garbage", HELLO_GARBAGE, "person-anna", "ca", NULL, -OTK_INVALID_ARGUMENT,
                "INVALID_FIELD"},
        {"self-signed", HELLO_GOOD, "self-signed-eve", "ca", NULL, -OTK_UNAUTHENTICATED,
                "CERTIFICATE_REJECTED"},
        {"wrong name", HELLO_GOOD, "person-anna", "ca", "desk.example", -OTK_UNAUTHENTICATED,
                "SERVER_NAME_MISMATCH"},
        {"wrong address", HELLO_GOOD, "person-anna", "ca", "127.0.0.2", -OTK_UNAUTHENTICATED,
                "SERVER_NAME_MISMATCH"},
        {"wrong ca", HELLO_GOOD, "person-anna", "self-signed-eve", NULL, -OTK_UNAUTHENTICATED,
                "SERVER_NOT_TRUSTED"},
        {"no cert", HELLO_GOOD, "nobody", "ca", NULL, -OTK_FAILED_PRECONDITION,
                "BAD_CREDENTIALS"},
        {"no ca", HELLO_GOOD, "person-anna", "nobody", NULL, -OTK_FAILED_PRECONDITION,
                "BAD_CREDENTIALS"},
        {"a name", HELLO_GOOD, "person-anna", "ca", "localhost", 0, ""},
};

static void a_refusal_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
		const struct refused *one = &REFUSED[i];
		struct client_options with = options();
		char cert[64], key[64], ca[64];
		struct otk_error err;
		struct client *client;
		int rc;

		(void)snprintf(cert, sizeof cert, "%s.crt", one->cert);
		(void)snprintf(key, sizeof key, "%s.key", one->cert);
		(void)snprintf(ca, sizeof ca, "%s.crt", one->ca);
		with.cert_file = file(cert);
		with.key_file = file(key);
		with.ca_file = file(ca);
		with.server_name = one->server_name;
		server.mode = one->mode;
		client = open_with(with);
		rc = ask(client, ASK_ANSWER, NULL, &err);
		if (rc != one->code || strcmp(err.reason, one->reason) != 0)
			fail_msg("%s: %d %s: %s", one->what, rc, err.reason, err.message);
		client_free(client);
	}
}

static void a_key_of_another_certificate_is_refused(void **state)
{
	struct client_options with = options();
	struct client *client;
	struct otk_error err;

	(void)state;
	with.key_file = file("server.key");
	client = open_with(with);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), -OTK_FAILED_PRECONDITION);
	client_free(client);
}

static void nobody_listening_fails_at_once_or_waits(void **state)
{
	struct client_options with = options();
	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	struct client_call_options call = {.deadline_ms = 150};
	struct client *client = open_with(with);
	struct otk_error err;

	(void)state;
	server_stop_listening();
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), -OTK_UNAVAILABLE);
	assert_string_equal(err.reason, "CONNECT_FAILED");
	client_free(client);
	/* A program that runs on: the call waits for its deadline, and says why it was in vain.
	 */
	with.fail_fast = false;
	with.backoff_first_us = 20000;
	with.backoff_most_us = 40000;
	client = open_with(with);
	request.ticket_id = ASK_ANSWER;
	assert_int_equal(
	        client_call_with(client, METHOD_GET_TICKET, &request.base, &call, NULL, &err),
	        -OTK_DEADLINE_EXCEEDED);
	assert_string_equal(err.reason, "NOT_CONNECTED");
	/* … and is answered when the server comes back in time. */
	server_open(server.port);
	call.deadline_ms = 5000;
	assert_int_equal(
	        client_call_with(client, METHOD_GET_TICKET, &request.base, &call, NULL, &err),
	        0);
	client_free(client);
}

static void a_name_that_does_not_exist_is_told(void **state)
{
	struct client_options with = options();
	struct client *client;
	struct otk_error err;

	(void)state;
	with.host = "no-such-host.invalid";
	client = open_with(with);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), -OTK_UNAVAILABLE);
	assert_string_equal(err.reason, "NAME_NOT_FOUND");
	client_free(client);
	with.host = "localhost";
	with.fail_fast = false; /* by way of the loop: /etc/hosts */
	client = open_with(with);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	client_free(client);
}

static void what_cannot_be_sent_is_refused_before_it_is(void **state)
{
	struct client *client = open_with(options());
	Otklik__V1__CreateTicketRequest request = OTKLIK__V1__CREATE_TICKET_REQUEST__INIT;
	struct client_options with = options();
	struct otk_error err;
	char *large = malloc(65 * 1024 + 1);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 65 * 1024);
	large[65 * 1024] = '\0';
	request.title = "\xff";
	assert_int_equal(
	        client_call(client, METHOD_CREATE_TICKET, &request.base, NULL, &err), -3);
	assert_string_equal(err.violations[0].field, "title");
	assert_int_equal(
	        client_call(client, METHOD_GET_TICKET, &request.base, NULL, &err), -13);
	assert_int_equal(client_call(client, 9999, &request.base, NULL, &err), -13);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	/* Now the server's own limit, 64 KiB, is known. */
	request.title = large;
	assert_int_equal(
	        client_call(client, METHOD_CREATE_TICKET, &request.base, NULL, &err), -3);
	assert_string_equal(err.reason, "REQUEST_TOO_LARGE");
	client_free(client);
	free(large);
	with.host = NULL;
	assert_null(client_new(loop, &with, &err));
	assert_string_equal(err.reason, "BAD_OPTIONS");
	client_free(NULL);
}

/* ---- many at once ------------------------------------------------------------------------ */

struct many {
	int done, failed, wanted;
	struct otk_error err;
};

static void on_many(void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct many *many = arg;

	many->done++;
	many->failed += reply == NULL;
	if (err != NULL)
		many->err = *err;
	if (many->done == many->wanted)
		loop_stop(loop);
}

static void many_calls_share_writes_and_stay_within_the_bound(void **state)
{
	struct client *client = open_with(options());
	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	struct client_counters counters;
	struct many many = {.wanted = 200};
	struct otk_error err;

	(void)state;
	request.ticket_id = ASK_ANSWER;
	for (int i = 0; i < many.wanted; i++)
		assert_non_null(client_start(
		        client, METHOD_GET_TICKET, &request.base, NULL, on_many, &many, &err));
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(many.done, 200);
	assert_int_equal(many.failed, 0);
	client_counters(client, &counters);
	/* Four at a time, as the server said: one write for each four. */
	assert_true(counters.writes <= 60);
	client_free(client);
}

static void a_cancelled_call_is_not_told_of(void **state)
{
	struct client *client = open_with(options());
	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	struct many many = {.wanted = 100};
	struct client_call *waiting, *sent;
	struct otk_error err;

	(void)state;
	request.ticket_id = ASK_SILENCE;
	waiting = client_start(
	        client, METHOD_GET_TICKET, &request.base, NULL, on_many, &many, &err);
	client_cancel(waiting);
	sent = client_start(
	        client, METHOD_GET_TICKET, &request.base, NULL, on_many, &many, &err);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	client_cancel(sent);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	assert_int_equal(server.cancels, 1);
	assert_int_equal(many.done, 0);
	client_free(client);
}

static void freeing_the_client_ends_its_calls(void **state)
{
	struct client *client = open_with(options());
	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	struct many many = {.wanted = 100};
	struct otk_error err;

	(void)state;
	request.ticket_id = ASK_SILENCE;
	for (int i = 0; i < 3; i++)
		assert_non_null(client_start(
		        client, METHOD_GET_TICKET, &request.base, NULL, on_many, &many, &err));
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	client_free(client);
	assert_int_equal(many.done, 3);
	assert_int_equal(many.err.code, OTK_CANCELLED);
}

struct watched {
	int starts, items, ended;
	int64_t last;
};

static const ProtobufCMessage *watch_request(void *arg)
{
	static Otklik__V1__WatchRequest request;
	struct watched *watched = arg;

	otklik__v1__watch_request__init(&request);
	request.after_rev = watched->last;
	watched->starts++;
	if (watched->starts == 3)
		loop_stop(loop);
	return &request.base;
}

static void watch_item(void *arg, const ProtobufCMessage *item)
{
	struct watched *watched = arg;

	watched->last = ((const Otklik__V1__WatchResponse *)item)->rev;
	if (++watched->items == ITEMS + 100)
		conn_close(server.conn, "scripted");
}

static void watch_ended(void *arg, const struct otk_error *err)
{
	(void)err;
	((struct watched *)arg)->ended++;
}

static void state_changed(void *arg, enum client_state state, const struct otk_error *err)
{
	(void)err;
	if (state == CLIENT_READY)
		++*(int *)arg;
}

static void a_watch_is_taken_up_again(void **state)
{
	struct client_options with = options();
	static const struct client_watch_events EVENTS = {
	        .request = watch_request, .item = watch_item, .ended = watch_ended};
	struct watched watched = {0};
	struct client_watch *watch;
	struct client *client;
	int ready = 0;

	(void)state;
	with.fail_fast = false;
	client = open_with(with);
	client_on_state(client, state_changed, &ready);
	client_connect(client);
	watch = client_watch_new(client, METHOD_WATCH, &EVENTS, &watched);
	assert_non_null(watch);
	/* The first ends well, the second by a broken connection; the third is about to start.
	 */
	assert_int_equal(loop_run(loop), 0);
	assert_true(watched.items >= ITEMS + 100);
	assert_int_equal(watched.ended, 0);
	assert_int_equal(ready, 2);
	client_watch_free(watch);
	client_watch_free(NULL);
	client_free(client);
}

static void without_memory_calls_are_refused_and_the_client_lives(void **state)
{
	Otklik__V1__GetTicketRequest request = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	static const struct client_watch_events EVENTS = {
	        .request = watch_request, .item = watch_item, .ended = watch_ended};
	struct client_options with = options();
	struct watched watched = {0};
	struct client *client;
	struct many many = {.wanted = 1000};
	struct otk_error err;

	(void)state;
	for (long n = 0; alloc_fail_next(n); n++) {
		client = client_new(loop, &with, &err);
		assert_int_equal(client == NULL, alloc_failed());
		client_free(client);
	}
	for (long n = 0; alloc_fail_next(n); n++) {
		struct otklik_error why;
		struct otklik_options public = {
		        .host = "x", .ca_file = "x", .cert_file = "x", .key_file = "x"};
		struct otklik *desk = otklik_open_with(&public, "test/1", &why);

		assert_int_equal(desk == NULL, alloc_failed());
		otklik_close(desk);
	}
	client = open_with(with);
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	request.ticket_id = ASK_ANSWER;
	for (long n = 0; alloc_fail_next(n); n++) {
		struct client_call *call = client_start(
		        client, METHOD_GET_TICKET, &request.base, NULL, on_many, &many, &err);

		assert_int_equal(call == NULL, alloc_failed());
		if (call != NULL)
			client_cancel(call);
	}
	for (long n = 0; alloc_fail_next(n); n++) {
		struct client_watch *watch =
		        client_watch_new(client, METHOD_WATCH, &EVENTS, &watched);

		assert_int_equal(watch == NULL, alloc_failed());
		client_watch_free(watch);
	}
	assert_int_equal(ask(client, ASK_ANSWER, NULL, &err), 0);
	assert_int_equal(many.done, 0);
	client_free(client);
}

/* ---- the public interface: it waits, so the server is another process -------------------- */

static pid_t server_fork(void)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)alarm(20);
		/* libevent must not share its epoll descriptor with the parent. */
		(void)event_reinit(loop_base(loop));
		_exit(loop_run(loop) == 0 ? 0 : 1);
	}
	return child;
}

static void the_public_interface_calls_and_streams(void **state)
{
	struct otklik_options with = {.host = "127.0.0.1",
	        .port = server.port,
	        .ca_file = file("ca.crt"),
	        .cert_file = file("person-anna.crt"),
	        .key_file = file("person-anna.key")};
	Otklik__V1__GetTicketRequest get = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	Otklik__V1__TakeTicketRequest take = OTKLIK__V1__TAKE_TICKET_REQUEST__INIT;
	Otklik__V1__CreateTicketRequest create = OTKLIK__V1__CREATE_TICKET_REQUEST__INIT;
	Otklik__V1__WatchRequest watch = OTKLIK__V1__WATCH_REQUEST__INIT;
	static const uint8_t key[16] = {1, 2, 3};
	const ProtobufCMessage *reply;
	struct otklik_error err;
	pid_t child = server_fork();
	struct otklik *desk = otklik_open_with(&with, "test/1", &err);
	int count = 0;

	(void)state;
	assert_non_null(desk);
	get.ticket_id = ASK_ANSWER;
	assert_int_equal(otklik_call(desk, "get_ticket", &get.base, NULL, &reply, &err), 0);
	assert_string_equal(
	        ((const Otklik__V1__GetTicketResponse *)reply)->ticket->title, "принтер");
	assert_int_equal(otklik_call(desk, "take_ticket", &take.base, key, &reply, &err), 0);
	assert_int_equal(((const Otklik__V1__TakeTicketResponse *)reply)->ticket->version, 1);
	otklik_forget(desk);
	assert_int_equal(otklik_stream(desk, "watch", &watch.base, take_all, &count, &err), 0);
	assert_int_equal(count, ITEMS);
	get.ticket_id = ASK_ERROR;
	assert_int_equal(otklik_call(desk, "get_ticket", &get.base, NULL, NULL, &err), -5);
	assert_string_equal(err.reason, "SCRIPTED");
	create.title = "\xff";
	assert_int_equal(
	        otklik_call(desk, "create_ticket", &create.base, NULL, NULL, &err), -3);
	assert_string_equal(err.field, "title");
	assert_int_equal(otklik_call(desk, "sing", &get.base, NULL, NULL, &err), -12);
	assert_int_equal(otklik_stream(desk, "sing", &get.base, take_all, NULL, NULL), -12);
	otklik_close(desk);
	otklik_close(NULL);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	with.ca_file = NULL;
	assert_null(otklik_open_with(&with, "test/1", &err));
	assert_int_equal(err.code, 3);
	assert_null(otklik_open("no-such-profile", "test/1", &err));
	assert_int_equal(err.code, 5);
}

static int pki_make(void **state)
{
	char command[512];

	(void)state;
	(void)snprintf(pki, sizeof pki, "/tmp/otk-client.XXXXXX");
	if (mkdtemp(pki) == NULL)
		return -1;
	(void)snprintf(command, sizeof command,
	        "p=%s/deploy/pki d=%s; $p ca $d && $p server $d server && "
	        "$p person $d example anna && $p self-signed $d example eve",
	        OTKLIK_SOURCE_DIR, pki);
	return system(command);
}

static int pki_remove(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", pki);
	return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_call_is_answered),
	        TEST(calls_end_as_they_should),
	        TEST(after_goaway_calls_go_over_a_new_connection),
	        TEST(a_repeated_mutation_bears_the_same_key),
	        TEST(a_deadline_ends_a_call_and_cancels_it),
	        TEST(a_stream_goes_on_while_credit_is_granted),
	        TEST(a_refusal_says_why),
	        TEST(a_key_of_another_certificate_is_refused),
	        TEST(nobody_listening_fails_at_once_or_waits),
	        TEST(a_name_that_does_not_exist_is_told),
	        TEST(what_cannot_be_sent_is_refused_before_it_is),
	        TEST(many_calls_share_writes_and_stay_within_the_bound),
	        TEST(a_cancelled_call_is_not_told_of),
	        TEST(freeing_the_client_ends_its_calls),
	        TEST(a_watch_is_taken_up_again),
	        TEST(without_memory_calls_are_refused_and_the_client_lives),
	        TEST(the_public_interface_calls_and_streams),
	};

	return cmocka_run_group_tests(tests, pki_make, pki_remove);
}
