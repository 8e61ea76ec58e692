/* Connections: bytes to frames and back. */
#include "net/conn_internal.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "otklik/v1/session.pb-c.h"
#include "wire/limits.h"

/* Decoder steps (two or three a frame) before others have their turn. */
enum { STEPS_AT_ONCE = 96 };

/* ---- output ---------------------------------------------------------------------------- */

size_t conn_output(const struct conn *conn)
{
	return conn->out.len + evbuffer_get_length(bufferevent_get_output(conn->bev));
}

/* Each piece given to libevent becomes a TLS record: one piece for all of this turn. */
void conn_flush(void *arg)
{
	struct conn *conn = arg;

	if (conn->patience.state == CONN_CLOSED)
		return;
	if (conn->out.failed) {
		conn_close(conn, "out of memory");
		return;
	}
	if (conn->out.len > 0) {
		if (bufferevent_write(conn->bev, conn->out.data, conn->out.len) != 0) {
			conn_close(conn, "out of memory");
			return;
		}
		if (conn->out.cap > 64 * 1024)
			buf_free(&conn->out);
		else
			buf_reset(&conn->out);
	}
	if (conn->patience.state == CONN_FINISHING && conn_output(conn) == 0)
		conn_farewell(conn);
	else
		conn_timer_update(conn);
}

void conn_send(
        struct conn *conn, const struct frame_header *header, const ProtobufCMessage *message)
{
	uint8_t small[1024];
	size_t size = frame_size(message);
	uint8_t *place = small;

	if (conn->patience.state == CONN_CLOSED || conn->patience.state == CONN_FINISHING)
		return;
	if (conn_output(conn) == 0) /* the peer's patience is measured from here */
		conn->patience.sent_at = loop_now(conn->loop);
	if (size > sizeof small)
		place = malloc(size);
	if (place == NULL) {
		conn_close(conn, "out of memory");
		return;
	}
	(void)buf_append(&conn->out, place, frame_pack(header, message, place));
	if (place != small)
		free(place);
	if (!conn->choked && conn_output(conn) > CONN_OUTPUT_HIGH) {
		conn->choked = true;
		conn->patience.choked_at = loop_now(conn->loop);
		(void)bufferevent_disable(conn->bev, EV_READ);
	}
	loop_post(conn->loop, &conn->flush);
}

void conn_output_moved(
        struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct conn *conn = context;

	(void)buffer;
	if (info->n_deleted > 0)
		conn->patience.sent_at = loop_now(conn->loop);
}

static void listen_again(struct conn *conn)
{
	if (conn->patience.state == CONN_CLOSED || conn->patience.state == CONN_FINISHING)
		return;
	conn->patience.heard_at = loop_now(conn->loop); /* silence counts from here */
	(void)bufferevent_enable(conn->bev, EV_READ);
	loop_post(conn->loop, &conn->work);
}

void conn_on_written(struct bufferevent *bev, void *context)
{
	struct conn *conn = context;

	(void)bev;
	if (conn->patience.state == CONN_FINISHING && conn_output(conn) == 0) {
		conn_farewell(conn);
		return;
	}
	if (conn->choked && conn_output(conn) <= CONN_OUTPUT_HIGH / 2) {
		conn->choked = false;
		conn->patience.choked_at = 0;
		if (!conn->stalled)
			listen_again(conn);
		conn->ops->drained(conn->context);
	}
}

/* ---- input ----------------------------------------------------------------------------- */

/* The stream cannot be trusted any further: say so and leave. */
static void conn_bad(struct conn *conn, const struct otk_error *err)
{
	const struct frame_header header = {.type = FRAME_GOAWAY};
	Otklik__V1__GoAway message = OTKLIK__V1__GO_AWAY__INIT;

	message.reason = (char *)err->reason;
	message.message = (char *)err->message;
	conn_send(conn, &header, &message.base);
	conn_finish(conn, "protocol error");
}

static void header_judge(struct conn *conn)
{
	const struct frame_header *header = &conn->decoder.header;

	conn->stalled = false;
	switch (conn->ops->header(conn->context, header)) {
	case CONN_STALL:
		conn->stalled = true;
		(void)bufferevent_disable(conn->bev, EV_READ);
		return;
	case CONN_SKIP:
		frame_decoder_skip(&conn->decoder);
		return;
	case CONN_TAKE:
		break;
	}
	conn->payload = malloc((size_t)header->length + 1);
	if (conn->payload == NULL)
		conn_close(conn, "out of memory");
	else
		frame_decoder_place(&conn->decoder, conn->payload);
}

static void frame_whole(struct conn *conn)
{
	const struct frame_header *header = &conn->decoder.header;

	if (header->type == FRAME_PING) {
		const struct frame_header pong = {
		        .type = FRAME_PONG, .request_id = header->request_id};

		/* Not past the bound: somebody who pings without reading gets no memory. */
		if (conn_output(conn) < CONN_OUTPUT_HIGH)
			conn_send(conn, &pong, NULL);
	} else if (header->type != FRAME_PONG && conn->decoder.payload != NULL) {
		conn->ops->frame(conn->context, header, conn->decoder.payload);
	}
	free(conn->payload);
	conn->payload = NULL;
}

static bool may_read(const struct conn *conn)
{
	return (conn->patience.state == CONN_HELLO || conn->patience.state == CONN_OPEN) &&
	       !conn->stalled && !conn->choked;
}

/* One step of the decoder. False when the input is used up. */
static bool read_some(struct conn *conn, struct evbuffer *input)
{
	struct evbuffer_iovec piece = {0};
	struct otk_error err;
	size_t used;
	int progress;

	(void)evbuffer_peek(input, -1, NULL, &piece, 1);
	progress = frame_decode(&conn->decoder, piece.iov_base, piece.iov_len, &used, &err);
	if (progress < 0) {
		conn_bad(conn, &err);
		return false;
	}
	(void)evbuffer_drain(input, used);
	if (progress == FRAME_AT_HEADER) {
		if (conn->decoder.header.type == FRAME_PING ||
		        conn->decoder.header.type == FRAME_PONG)
			frame_decoder_skip(&conn->decoder);
		else
			header_judge(conn);
	} else if (progress == FRAME_COMPLETE) {
		frame_whole(conn);
	}
	/* A frame without payload is complete without a further byte. */
	return progress != FRAME_MORE || evbuffer_get_length(input) > 0;
}

void conn_frames_read(struct conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	unsigned steps = 0;

	if (conn->stalled &&
	        (conn->patience.state == CONN_HELLO || conn->patience.state == CONN_OPEN)) {
		header_judge(conn);
		if (!conn->stalled && !conn->choked)
			listen_again(conn);
	}
	while (may_read(conn) && read_some(conn, input)) {
		if (++steps == STEPS_AT_ONCE) {
			loop_post(conn->loop, &conn->work);
			break;
		}
	}
	if (frame_decoder_midway(&conn->decoder) && !conn->stalled) {
		if (conn->patience.frame_at == 0)
			conn->patience.frame_at = loop_now(conn->loop);
	} else {
		conn->patience.frame_at = 0;
	}
	conn_timer_update(conn);
}

void conn_on_readable(struct bufferevent *bev, void *context)
{
	struct conn *conn = context;

	(void)bev;
	conn->patience.heard_at = loop_now(conn->loop);
	conn_frames_read(conn);
}
