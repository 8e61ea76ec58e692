/* Connections over a socketpair: frames, order, stalling, limits, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "net/conn.h"
#include "otklik/v1/session.pb-c.h"
#include "wire/limits.h"

enum { SEEN_MAX = 512 };

struct fixture {
	struct loop *loop;
	struct conn *conn; /* NULL once closed */
	int peer;
	char uri[64];
	const char *why;
	enum conn_verdict verdict; /* for REQUEST frames */
	unsigned judged;
	uint64_t ids[SEEN_MAX];
	size_t sizes[SEEN_MAX];
	unsigned frames;
	unsigned drained;
	bool close_at_frame;
};

static void on_ready(void *context, const char *uri, const struct otk_error *err)
{
	struct fixture *f = context;

	(void)err;
	(void)snprintf(f->uri, sizeof f->uri, "%s", uri);
}

static enum conn_verdict on_header(void *context, const struct frame_header *header)
{
	struct fixture *f = context;

	f->judged++;
	return header->type == FRAME_REQUEST ? f->verdict : CONN_TAKE;
}

static void on_frame(void *context, const struct frame_header *header, const uint8_t *payload)
{
	struct fixture *f = context;

	(void)payload;
	if (header->type == FRAME_HELLO)
		conn_greeted(f->conn);
	if (f->frames < SEEN_MAX) {
		f->ids[f->frames] = header->request_id;
		f->sizes[f->frames] = header->length;
	}
	f->frames++;
	if (f->close_at_frame)
		conn_close(f->conn, "as told");
}

static void on_drained(void *context)
{
	((struct fixture *)context)->drained++;
}

static void on_closed(void *context, const char *why)
{
	struct fixture *f = context;

	f->conn = NULL;
	f->why = why;
}

static const struct conn_ops OPS = {on_ready, on_header, on_frame, on_drained, on_closed};

static void turns(struct fixture *f)
{
	for (int i = 0; i < 12; i++)
		assert_int_equal(loop_turn(f->loop, false), 0);
}

static int make(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	int ends[2];

	assert_non_null(f);
	f->loop = loop_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	f->peer = ends[1];
	f->conn = conn_new(f->loop, ends[0], NULL, "otklik://demo/person/x", &OPS, f);
	assert_non_null(f->conn);
	turns(f);
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	if (f->conn != NULL)
		conn_close(f->conn, "test over");
	turns(f);
	assert_null(f->conn);
	loop_free(f->loop);
	(void)close(f->peer);
	free(f);
	return 0;
}

/* Writes a frame of `size` zero bytes as the peer. */
static void peer_send(struct fixture *f, enum frame_type type, uint64_t id, uint32_t size)
{
	uint8_t *bytes = calloc(1, FRAME_HEADER_SIZE + (size_t)size);
	struct frame_header header = {.type = (uint8_t)type,
	        .request_id = id,
	        .method = type == FRAME_REQUEST ? 1 : 0,
	        .length = size};

	assert_non_null(bytes);
	frame_header_write(&header, bytes);
	assert_int_equal(send(f->peer, bytes, FRAME_HEADER_SIZE + (size_t)size, 0),
	        FRAME_HEADER_SIZE + (size_t)size);
	free(bytes);
}

/* Reads one frame as the peer; its header, or type 0 at the end or when there is none. */
static struct frame_header peer_receive(struct fixture *f)
{
	uint8_t bytes[FRAME_HEADER_SIZE];
	uint8_t payload[4096];
	struct frame_header header = {0};

	turns(f);
	if (recv(f->peer, bytes, sizeof bytes, 0) == sizeof bytes) {
		frame_header_read(bytes, &header);
		assert_true(header.length <= sizeof payload);
		if (header.length > 0)
			assert_int_equal(
			        recv(f->peer, payload, header.length, 0), header.length);
	}
	return header;
}

static void greeted(struct fixture *f)
{
	peer_send(f, FRAME_HELLO, 0, 0);
	turns(f);
	assert_int_equal(f->frames, 1);
	f->frames = 0;
	f->judged = 0;
}

static void frames_arrive_in_order_and_whole(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(f->uri, "otklik://demo/person/x");
	assert_string_equal(conn_peer(f->conn), "unix");
	greeted(f);
	for (uint64_t i = 1; i <= 300; i++) {
		peer_send(f, FRAME_REQUEST, i, (uint32_t)(i % 7) * 10);
		if (i % 60 == 0)
			turns(f);
	}
	for (int i = 0; i < 30; i++)
		turns(f);
	assert_int_equal(f->frames, 300);
	for (unsigned i = 0; i < 300; i++) {
		assert_true(f->ids[i] == i + 1);
		assert_int_equal(f->sizes[i], (i + 1) % 7 * 10);
	}
}

static void skipped_frames_do_not_arrive_and_cost_nothing(void **state)
{
	struct fixture *f = *state;

	greeted(f);
	f->verdict = CONN_SKIP;
	peer_send(f, FRAME_REQUEST, 1, 50000);
	turns(f);
	f->verdict = CONN_TAKE;
	peer_send(f, FRAME_REQUEST, 2, 3);
	turns(f);
	assert_int_equal(f->frames, 1);
	assert_true(f->ids[0] == 2);
}

static void a_stalled_connection_reads_nothing_until_resumed(void **state)
{
	struct fixture *f = *state;

	greeted(f);
	f->verdict = CONN_STALL;
	peer_send(f, FRAME_REQUEST, 1, 4);
	peer_send(f, FRAME_REQUEST, 2, 4);
	turns(f);
	assert_int_equal(f->judged, 1);
	conn_resume(f->conn);
	turns(f);
	assert_int_equal(f->judged, 2);
	assert_int_equal(f->frames, 0);
	f->verdict = CONN_TAKE;
	conn_resume(f->conn);
	turns(f);
	assert_int_equal(f->frames, 2);
	peer_send(f, FRAME_REQUEST, 3, 4);
	turns(f);
	assert_int_equal(f->frames, 3);
}

static void pings_are_answered_by_the_connection_itself(void **state)
{
	struct fixture *f = *state;
	struct frame_header header;

	greeted(f);
	peer_send(f, FRAME_PING, 9, 0);
	header = peer_receive(f);
	assert_int_equal(header.type, FRAME_PONG);
	assert_true(header.request_id == 9);
	peer_send(f, FRAME_PONG, 9, 0);
	turns(f);
	assert_int_equal(f->frames, 0);
	assert_non_null(f->conn);
}

static void a_broken_stream_is_told_and_ended(void **state)
{
	struct fixture *f = *state;

	peer_send(f, FRAME_REQUEST, 1, 0); /* before Hello */
	assert_int_equal(peer_receive(f).type, FRAME_GOAWAY);
	turns(f);
	assert_null(f->conn);
	assert_string_equal(f->why, "protocol error");
	assert_int_equal(peer_receive(f).type, 0);
}

static void frames_past_the_limit_are_refused_by_their_header(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[FRAME_HEADER_SIZE];
	const struct frame_header header = {.type = FRAME_REQUEST,
	        .method = 1,
	        .request_id = 1,
	        .length = WIRE_PAYLOAD_MAX + 1};

	greeted(f);
	frame_header_write(&header, bytes);
	assert_int_equal(send(f->peer, bytes, sizeof bytes, 0), sizeof bytes);
	assert_int_equal(peer_receive(f).type, FRAME_GOAWAY);
	turns(f);
	assert_null(f->conn);
	assert_int_equal(f->judged, 0);
}

static void a_callback_may_close_in_the_middle(void **state)
{
	struct fixture *f = *state;

	greeted(f);
	f->close_at_frame = true;
	peer_send(f, FRAME_REQUEST, 1, 5);
	peer_send(f, FRAME_REQUEST, 2, 5);
	turns(f);
	assert_null(f->conn);
	assert_int_equal(f->frames, 1);
	assert_string_equal(f->why, "as told");
}

static void a_slow_reader_is_not_read_from_until_it_takes_what_waits(void **state)
{
	struct fixture *f = *state;
	const struct frame_header header = {.type = FRAME_GOAWAY};
	Otklik__V1__GoAway message = OTKLIK__V1__GO_AWAY__INIT;
	static char text[32768];
	char sink[65536];
	unsigned sent = 0;

	greeted(f);
	memset(text, 'x', sizeof text - 1);
	message.message = text;
	while (conn_output(f->conn) < CONN_OUTPUT_HIGH && sent < 100) {
		conn_send(f->conn, &header, &message.base);
		sent++;
		turns(f);
	}
	assert_true(sent < 100);
	peer_send(f, FRAME_REQUEST, 1, 0);
	turns(f);
	assert_int_equal(f->frames, 0);
	for (int i = 0; i < 200 && f->drained == 0; i++) {
		(void)recv(f->peer, sink, sizeof sink, 0);
		turns(f);
	}
	assert_int_equal(f->drained, 1);
	turns(f);
	assert_int_equal(f->frames, 1);
}

static void finishing_sends_what_is_queued_first(void **state)
{
	struct fixture *f = *state;
	const struct frame_header header = {.type = FRAME_PING};

	greeted(f);
	conn_send(f->conn, &header, NULL);
	conn_finish(f->conn, "enough");
	conn_send(f->conn, &header, NULL); /* too late: dropped */
	assert_int_equal(peer_receive(f).type, FRAME_PING);
	assert_int_equal(peer_receive(f).type, 0);
	assert_null(f->conn);
	assert_string_equal(f->why, "enough");
}

static void the_peers_end_is_ours(void **state)
{
	struct fixture *f = *state;

	greeted(f);
	assert_int_equal(shutdown(f->peer, SHUT_RDWR), 0);
	turns(f);
	assert_null(f->conn);
	assert_string_equal(f->why, "peer closed");
}

#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        IN_FIXTURE(frames_arrive_in_order_and_whole),
	        IN_FIXTURE(skipped_frames_do_not_arrive_and_cost_nothing),
	        IN_FIXTURE(a_stalled_connection_reads_nothing_until_resumed),
	        IN_FIXTURE(pings_are_answered_by_the_connection_itself),
	        IN_FIXTURE(a_broken_stream_is_told_and_ended),
	        IN_FIXTURE(frames_past_the_limit_are_refused_by_their_header),
	        IN_FIXTURE(a_callback_may_close_in_the_middle),
	        IN_FIXTURE(a_slow_reader_is_not_read_from_until_it_takes_what_waits),
	        IN_FIXTURE(finishing_sends_what_is_queued_first),
	        IN_FIXTURE(the_peers_end_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
