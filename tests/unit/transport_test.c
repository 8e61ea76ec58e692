/*
 * The client's transport on a fake loop, so that its timers are proved without waiting. The
 * other end of the socket is an SSL object that the test drives by hand.
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
#include <fcntl.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "lib/transport.h"
#include "net/tls.h"
#include "otklik/v1/session.pb-c.h"
#include "wire/limits.h"

static char pki[64], ca[96], cert[96], key[96], server_cert[96], server_key[96];

struct pair {
	struct loop *loop;
	struct transport *transport;
	int listener, fd; /* the server's */
	int client_fd;
	SSL_CTX *context;
	SSL *ssl;
	int opened, frames, closed;
	bool free_at_frame;
	struct frame_header last;
	uint32_t last_size;
	struct otk_error err;
};

static struct pair pair;

static void on_open(void *arg)
{
	(void)arg;
	pair.opened++;
}

static void on_frame(void *arg, const struct frame_header *header, const uint8_t *payload)
{
	(void)arg;
	(void)payload;
	pair.frames++;
	pair.last = *header;
	if (pair.free_at_frame) {
		transport_free(pair.transport);
		pair.transport = NULL;
	}
}

static void on_closed(void *arg, const struct otk_error *err)
{
	(void)arg;
	pair.closed++;
	pair.err = *err;
}

static const struct transport_events EVENTS = {
        .open = on_open, .frame = on_frame, .closed = on_closed};

/* The client's descriptor: the newest one of the process that is connected to our port. */
static int find_client_fd(uint16_t port)
{
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_in peer;
		socklen_t size = sizeof peer;

		if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
		        peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
			return fd;
	}
	return -1;
}

static int setup(void **state)
{
	static struct tls_identity identity;
	struct sockaddr_in address = {
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	struct otk_error err;

	(void)state;
	memset(&pair, 0, sizeof pair);
	identity = (struct tls_identity){
	        .ca_file = ca, .cert_file = cert, .key_file = key, .server_name = "localhost"};
	pair.loop = loop_new_fake(1);
	pair.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(pair.listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(pair.listener, 4), 0);
	assert_int_equal(getsockname(pair.listener, (struct sockaddr *)&address, &size), 0);
	pair.context = tls_server_context(server_cert, server_key, ca, &err);
	assert_non_null(pair.context);
	pair.transport = transport_new(
	        pair.loop, (struct sockaddr *)&address, size, &identity, &EVENTS, NULL, &err);
	assert_non_null(pair.transport);
	pair.client_fd = find_client_fd(ntohs(address.sin_port));
	pair.fd = accept4(pair.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(pair.fd >= 0 && pair.client_fd >= 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	transport_free(pair.transport);
	SSL_free(pair.ssl);
	SSL_CTX_free(pair.context);
	(void)close(pair.fd);
	(void)close(pair.listener);
	loop_free(pair.loop);
	ERR_clear_error();
	return 0;
}

static void pump(void)
{
	for (int i = 0; i < 3; i++) {
		loop_fake_move(pair.loop, 0);
		loop_fake_ready(pair.loop, pair.client_fd, LOOP_READ | LOOP_WRITE);
	}
}

static void shake_hands(void)
{
	pair.ssl = SSL_new(pair.context);
	assert_non_null(pair.ssl);
	assert_int_equal(SSL_set_fd(pair.ssl, pair.fd), 1);
	for (int i = 0; i < 20 && (pair.opened == 0 || !SSL_is_init_finished(pair.ssl)); i++) {
		pump();
		(void)SSL_accept(pair.ssl);
	}
	assert_int_equal(pair.opened, 1);
}

static void greet(void)
{
	shake_hands();
	transport_expect(pair.transport, FRAMES_FROM_SERVER, WIRE_PAYLOAD_MAX, true);
}

static void server_send(const void *bytes, size_t size)
{
	size_t wrote, at = 0;

	while (at < size) {
		if (SSL_write_ex(pair.ssl, (const uint8_t *)bytes + at, size - at, &wrote) == 1)
			at += wrote;
		pump();
	}
}

static void server_send_frame(uint8_t type, uint64_t id)
{
	struct frame_header header = {.type = type, .request_id = id};
	uint8_t bytes[FRAME_HEADER_SIZE];

	(void)frame_pack(&header, NULL, bytes);
	server_send(bytes, sizeof bytes);
}

/* Bytes that have come from the client. */
static size_t server_read(uint8_t *out, size_t size)
{
	size_t got = 0, at = 0;

	while (at < size && SSL_read_ex(pair.ssl, out + at, size - at, &got) == 1)
		at += got;
	return at;
}

static void move(int64_t ms)
{
	loop_fake_move(pair.loop, ms * 1000);
}

static void a_server_that_does_not_shake_hands_is_given_ten_seconds(void **state)
{
	(void)state;
	pump();
	move(WIRE_HANDSHAKE_TIMEOUT_MS - 1);
	assert_int_equal(pair.closed, 0);
	move(1);
	assert_int_equal(pair.closed, 1);
	assert_string_equal(pair.err.reason, "CONNECT_TIMEOUT");
}

static void a_server_that_does_not_greet_is_given_five_seconds(void **state)
{
	(void)state;
	shake_hands();
	move(WIRE_HELLO_TIMEOUT_MS - 1);
	assert_int_equal(pair.closed, 0);
	move(1);
	assert_int_equal(pair.closed, 1);
	assert_string_equal(pair.err.reason, "CONNECT_TIMEOUT");
}

static void silence_is_pinged_and_then_the_end(void **state)
{
	uint8_t bytes[100];

	(void)state;
	greet();
	move(WIRE_PING_IDLE_MS - 1);
	assert_int_equal(server_read(bytes, sizeof bytes), 0);
	move(1);
	assert_int_equal(server_read(bytes, sizeof bytes), FRAME_HEADER_SIZE);
	assert_int_equal(bytes[4], FRAME_PING);
	/* An answer starts the time anew, and is nobody else's business. */
	server_send_frame(FRAME_PONG, 0);
	assert_int_equal(pair.frames, 0);
	move(WIRE_PING_IDLE_MS);
	assert_int_equal(server_read(bytes, sizeof bytes), FRAME_HEADER_SIZE);
	move(WIRE_DEAD_MS - WIRE_PING_IDLE_MS - 1);
	assert_int_equal(pair.closed, 0);
	move(1);
	assert_int_equal(pair.closed, 1);
	assert_string_equal(pair.err.reason, "CONNECTION_LOST");
}

static void a_ping_is_answered(void **state)
{
	uint8_t bytes[100];
	struct frame_header header;

	(void)state;
	greet();
	server_send_frame(FRAME_PING, 77);
	pump();
	assert_int_equal(server_read(bytes, sizeof bytes), FRAME_HEADER_SIZE);
	frame_header_read(bytes, &header);
	assert_int_equal(header.type, FRAME_PONG);
	assert_true(header.request_id == 77);
}

static void a_frame_that_never_ends_is_given_thirty_seconds(void **state)
{
	struct frame_header header = {
	        .type = FRAME_RESPONSE, .request_id = 1, .length = 1000000};
	uint8_t bytes[FRAME_HEADER_SIZE];

	(void)state;
	greet();
	frame_header_write(&header, bytes);
	server_send(bytes, sizeof bytes);
	for (int i = 0; i < 29; i++) {
		move(1000);
		server_send("x", 1);
	}
	assert_int_equal(pair.closed, 0);
	move(1000);
	assert_int_equal(pair.closed, 1);
	assert_non_null(strstr(pair.err.message, "did not end"));
}

static void large_frames_come_and_go_in_pieces(void **state)
{
	enum { SIZE = 900 * 1024 };
	struct frame_header header = {
	        .type = FRAME_RESPONSE, .request_id = 1, .length = SIZE - FRAME_HEADER_SIZE};
	uint8_t *bytes = calloc(1, SIZE), *back = malloc(SIZE);
	size_t got = 0;

	(void)state;
	assert_true(bytes != NULL && back != NULL);
	greet();
	frame_header_write(&header, bytes);
	server_send(bytes, SIZE);
	server_send_frame(FRAME_RESPONSE, 2);
	for (int i = 0; i < 100 && pair.frames < 2; i++)
		pump();
	assert_int_equal(pair.frames, 2);
	/* And the other way, more than the socket takes at once. */
	assert_int_equal(transport_send_bytes(pair.transport, bytes, SIZE), 0);
	assert_int_equal(transport_backlog(pair.transport), SIZE);
	for (int i = 0; i < 1000 && got < SIZE; i++) {
		pump();
		got += server_read(back + got, SIZE - got);
	}
	assert_int_equal(got, SIZE);
	assert_memory_equal(bytes, back, SIZE);
	assert_int_equal(transport_backlog(pair.transport), 0);
	assert_true(transport_writes(pair.transport) > 1);
	free(bytes);
	free(back);
}

static void a_large_message_is_packed_and_sent(void **state)
{
	Otklik__V1__GoAway goaway = OTKLIK__V1__GO_AWAY__INIT;
	struct frame_header header = {.type = FRAME_GOAWAY};
	char text[2001];
	uint8_t back[4000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	goaway.message = text;
	greet();
	assert_int_equal(transport_send(pair.transport, &header, &goaway.base), 0);
	pump();
	assert_int_equal(server_read(back, sizeof back), frame_size(&goaway.base));
}

static void a_frame_that_breaks_a_rule_ends_the_connection(void **state)
{
	(void)state;
	greet();
	server_send_frame(FRAME_REQUEST, 1);
	assert_int_equal(pair.closed, 1);
	assert_string_equal(pair.err.reason, "UNEXPECTED_FRAME");
}

static void the_owner_may_free_the_transport_when_a_frame_comes(void **state)
{
	(void)state;
	greet();
	pair.free_at_frame = true;
	server_send_frame(FRAME_RESPONSE, 1);
	assert_int_equal(pair.frames, 1);
	assert_null(pair.transport);
	assert_int_equal(pair.closed, 0);
}

static void a_reset_is_told_in_words(void **state)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)state;
	greet();
	assert_int_equal(setsockopt(pair.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	(void)close(pair.fd);
	pair.fd = -1;
	pump();
	assert_int_equal(pair.closed, 1);
	assert_string_equal(pair.err.reason, "CONNECTION_LOST");
	assert_non_null(strstr(pair.err.message, "broke"));
}

static void a_write_to_a_closed_connection_raises_no_signal(void **state)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	struct frame_header ping = {.type = FRAME_PING};

	(void)state;
	greet();
	assert_int_equal(setsockopt(pair.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	(void)close(pair.fd);
	pair.fd = -1;
	assert_int_equal(transport_send(pair.transport, &ping, NULL), 0);
	loop_fake_move(pair.loop, 0);
	assert_int_equal(pair.closed, 1);
}

static void what_is_no_tls_is_told(void **state)
{
	(void)state;
	pump();
	assert_int_equal(write(pair.fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
	pump();
	assert_int_equal(pair.closed, 1);
	assert_string_equal(pair.err.reason, "NOT_TLS");
}

static void a_server_without_our_protocol_is_told(void **state)
{
	(void)state;
	SSL_CTX_set_alpn_select_cb(pair.context, NULL, NULL);
	pair.ssl = SSL_new(pair.context);
	assert_int_equal(SSL_set_fd(pair.ssl, pair.fd), 1);
	for (int i = 0; i < 20 && pair.closed == 0; i++) {
		pump();
		(void)SSL_accept(pair.ssl);
	}
	assert_int_equal(pair.opened, 0);
	assert_string_equal(pair.err.reason, "VERSION_MISMATCH");
}

static int pki_make(void **state)
{
	char command[512];

	(void)state;
	(void)snprintf(pki, sizeof pki, "/tmp/otk-transport.XXXXXX");
	if (mkdtemp(pki) == NULL)
		return -1;
	(void)snprintf(ca, sizeof ca, "%s/ca.crt", pki);
	(void)snprintf(cert, sizeof cert, "%s/person-anna.crt", pki);
	(void)snprintf(key, sizeof key, "%s/person-anna.key", pki);
	(void)snprintf(server_cert, sizeof server_cert, "%s/server.crt", pki);
	(void)snprintf(server_key, sizeof server_key, "%s/server.key", pki);
	(void)snprintf(command, sizeof command,
	        "p=%s/deploy/pki d=%s; $p ca $d && $p server $d server && "
	        "$p person $d example anna",
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
	        TEST(a_server_that_does_not_shake_hands_is_given_ten_seconds),
	        TEST(a_server_that_does_not_greet_is_given_five_seconds),
	        TEST(silence_is_pinged_and_then_the_end),
	        TEST(a_ping_is_answered),
	        TEST(a_frame_that_never_ends_is_given_thirty_seconds),
	        TEST(large_frames_come_and_go_in_pieces),
	        TEST(a_large_message_is_packed_and_sent),
	        TEST(a_frame_that_breaks_a_rule_ends_the_connection),
	        TEST(the_owner_may_free_the_transport_when_a_frame_comes),
	        TEST(a_reset_is_told_in_words),
	        TEST(a_write_to_a_closed_connection_raises_no_signal),
	        TEST(what_is_no_tls_is_told),
	        TEST(a_server_without_our_protocol_is_told),
	};

	return cmocka_run_group_tests(tests, pki_make, pki_remove);
}
