/* Connections: TLS, frames in and out, and the absolute timers of the protocol. */
#include "net/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

#include "base/buf.h"
#include "net/tls.h"
#include "otklik/v1/session.pb-c.h"
#include "wire/limits.h"

#define MS(value) ((int64_t)(value)*1000)

enum {
	/* Decoder steps (two or three a frame) before others have their turn. */
	STEPS_AT_ONCE = 96,
	/* The peer takes nothing of what waits for it, or for so long not enough. */
	STUCK_MS = 30 * 1000,
	SLOW_MS = 120 * 1000,
	FINISH_MS = 5 * 1000,
	FINISH_UNKNOWN_MS = 1000 /* …of somebody who has not even done the handshake */
};

enum conn_state { CONN_HANDSHAKE, CONN_HELLO, CONN_OPEN, CONN_FINISHING, CONN_CLOSED };

struct conn {
	struct loop *loop;
	struct bufferevent *bev;
	const struct conn_ops *ops;
	void *context;
	enum conn_state state;
	const char *why;
	char uri[CERT_URI_MAX + 1]; /* plain connections: given; TLS: from the certificate */
	bool plain;
	bool stalled; /* at a header, until conn_resume */
	bool choked;  /* too much output: not reading */

	struct frame_decoder decoder;
	uint8_t *payload;

	struct buf out; /* this turn's frames */
	struct loop_task flush;
	struct loop_task work; /* more input is there than one turn may handle */
	struct loop_task end;

	struct loop_timer *timer;
	int64_t timer_at;
	int patience_ms; /* while finishing */
	int64_t opened_at;
	int64_t phase_at;  /* the present state began */
	int64_t heard_at;  /* last bytes from the peer */
	int64_t frame_at;  /* first byte of the frame that is not complete; 0 = none */
	int64_t sent_at;   /* last progress of the output */
	int64_t choked_at; /* output has been past its bound since; 0 = is not */
	int64_t pinged_at; /* a PING was sent for this silence */

	char peer[ADDRESS_TEXT_SIZE];
	char serial[CERT_SERIAL_SIZE];
};

/* ---- timers ---------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the next thing may be due. It only ever gets later by itself, so it is looked at late.
 */
static int64_t next_due(const struct conn *conn)
{
	int64_t due;

	switch (conn->state) {
	case CONN_HANDSHAKE:
		return conn->phase_at + MS(WIRE_HANDSHAKE_TIMEOUT_MS);
	case CONN_HELLO:
		return conn->phase_at + MS(WIRE_HELLO_TIMEOUT_MS);
	case CONN_FINISHING:
		return conn->phase_at + MS(conn->patience_ms);
	case CONN_CLOSED:
		return INT64_MAX;
	case CONN_OPEN:
		break;
	}
	due = conn->heard_at +
	      MS(conn->pinged_at > conn->heard_at ? WIRE_DEAD_MS : WIRE_PING_IDLE_MS);
	if (conn->stalled || conn->choked) /* we do not listen: silence proves nothing */
		due = loop_now(conn->loop) + MS(WIRE_PING_IDLE_MS);
	else if (conn->frame_at != 0)
		due = earlier(due, conn->frame_at + MS(WIRE_FRAME_TIMEOUT_MS));
	if (conn_output(conn) > 0)
		due = earlier(due, conn->sent_at + MS(STUCK_MS));
	if (conn->choked_at != 0)
		due = earlier(due, conn->choked_at + MS(SLOW_MS));
	return due;
}

/* Sets the timer if something became due sooner; otherwise it finds out when it fires. */
static void timer_update(struct conn *conn)
{
	int64_t due = next_due(conn);
	int64_t now;

	if (due >= conn->timer_at || due == INT64_MAX)
		return;
	now = loop_now(conn->loop);
	conn->timer_at = due;
	loop_timer_set(conn->timer, due > now ? due - now : 0);
}

static const char *expired(struct conn *conn, int64_t now)
{
	if (conn->state == CONN_HANDSHAKE)
		return "TLS handshake took too long";
	if (conn->state == CONN_HELLO)
		return "no Hello in time";
	if (conn->state == CONN_FINISHING)
		return conn->why;
	if (conn_output(conn) > 0 && now >= conn->sent_at + MS(STUCK_MS))
		return "peer takes no data";
	if (conn->choked_at != 0 && now >= conn->choked_at + MS(SLOW_MS))
		return "peer takes data too slowly";
	if (conn->stalled || conn->choked)
		return NULL;
	if (conn->frame_at != 0 && now >= conn->frame_at + MS(WIRE_FRAME_TIMEOUT_MS))
		return "a frame took too long";
	if (now >= conn->heard_at + MS(WIRE_DEAD_MS))
		return "peer is silent";
	if (conn->pinged_at <= conn->heard_at &&
	        now >= conn->heard_at + MS(WIRE_PING_IDLE_MS)) {
		const struct frame_header ping = {.type = FRAME_PING};

		conn->pinged_at = now;
		conn_send(conn, &ping, NULL);
	}
	return NULL;
}

static void timer_fired(void *arg)
{
	struct conn *conn = arg;
	int64_t now = loop_now(conn->loop);

	conn->timer_at = INT64_MAX;
	if (now >= next_due(conn)) {
		const char *why = expired(conn, now);

		if (why != NULL) {
			conn_close(conn, why);
			return;
		}
	}
	timer_update(conn);
}

static void phase(struct conn *conn, enum conn_state state)
{
	conn->state = state;
	conn->phase_at = loop_now(conn->loop);
	timer_update(conn);
}

/* ---- end ------------------------------------------------------------------------------- */

static void conn_end(void *arg)
{
	struct conn *conn = arg;

	conn->ops->closed(conn->context, conn->why);
	loop_unpost(conn->loop, &conn->flush);
	loop_unpost(conn->loop, &conn->work);
	loop_timer_free(conn->timer);
	bufferevent_free(conn->bev);
	buf_free(&conn->out);
	free(conn->payload);
	free(conn);
}

void conn_close(struct conn *conn, const char *why)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn->state = CONN_CLOSED;
	conn->why = why;
	bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
	(void)bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
	loop_timer_clear(conn->timer);
	loop_post(conn->loop, &conn->end);
}

/* Everything is with the kernel: the goodbye is the last record. */
static void farewell(struct conn *conn)
{
	SSL *ssl = conn->plain ? NULL : bufferevent_openssl_get_ssl(conn->bev);

	if (ssl != NULL) {
		ERR_clear_error();
		(void)SSL_shutdown(ssl);
		ERR_clear_error();
	}
	conn_close(conn, conn->why);
}

void conn_finish(struct conn *conn, const char *why)
{
	if (conn->state == CONN_CLOSED || conn->state == CONN_FINISHING)
		return;
	conn->why = why;
	conn->patience_ms = conn->state == CONN_HANDSHAKE ? FINISH_UNKNOWN_MS : FINISH_MS;
	(void)bufferevent_disable(conn->bev, EV_READ);
	phase(conn, CONN_FINISHING);
	/* From the loop, like everything that ends: the flush goes before. */
	loop_post(conn->loop, &conn->flush);
}

/* ---- output ---------------------------------------------------------------------------- */

size_t conn_output(const struct conn *conn)
{
	return conn->out.len + evbuffer_get_length(bufferevent_get_output(conn->bev));
}

/* Each piece given to libevent becomes a TLS record: one piece for all of this turn. */
static void flush(void *arg)
{
	struct conn *conn = arg;

	if (conn->state == CONN_CLOSED)
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
	if (conn->state == CONN_FINISHING && conn_output(conn) == 0)
		farewell(conn);
	else
		timer_update(conn);
}

void conn_send(
        struct conn *conn, const struct frame_header *header, const ProtobufCMessage *message)
{
	uint8_t small[1024];
	size_t size = frame_size(message);
	uint8_t *place = small;

	if (conn->state == CONN_CLOSED || conn->state == CONN_FINISHING)
		return;
	if (conn_output(conn) == 0) /* the peer's patience is measured from here */
		conn->sent_at = loop_now(conn->loop);
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
		conn->choked_at = loop_now(conn->loop);
		(void)bufferevent_disable(conn->bev, EV_READ);
	}
	loop_post(conn->loop, &conn->flush);
}

static void output_moved(
        struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct conn *conn = context;

	(void)buffer;
	if (info->n_deleted > 0)
		conn->sent_at = loop_now(conn->loop);
}

static void listen_again(struct conn *conn)
{
	if (conn->state == CONN_CLOSED || conn->state == CONN_FINISHING)
		return;
	conn->heard_at = loop_now(conn->loop); /* silence counts from here */
	(void)bufferevent_enable(conn->bev, EV_READ);
	loop_post(conn->loop, &conn->work);
}

static void on_written(struct bufferevent *bev, void *context)
{
	struct conn *conn = context;

	(void)bev;
	if (conn->state == CONN_FINISHING && conn_output(conn) == 0) {
		farewell(conn);
		return;
	}
	if (conn->choked && conn_output(conn) <= CONN_OUTPUT_HIGH / 2) {
		conn->choked = false;
		conn->choked_at = 0;
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

	message.reason = (char *)(uintptr_t)err->reason;
	message.message = (char *)(uintptr_t)err->message;
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
	return (conn->state == CONN_HELLO || conn->state == CONN_OPEN) && !conn->stalled &&
	       !conn->choked;
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

static void read_frames(struct conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	unsigned steps = 0;

	if (conn->stalled && (conn->state == CONN_HELLO || conn->state == CONN_OPEN)) {
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
		if (conn->frame_at == 0)
			conn->frame_at = loop_now(conn->loop);
	} else {
		conn->frame_at = 0;
	}
	timer_update(conn);
}

static void on_readable(struct bufferevent *bev, void *context)
{
	struct conn *conn = context;

	(void)bev;
	conn->heard_at = loop_now(conn->loop);
	read_frames(conn);
}

/* ---- beginning ------------------------------------------------------------------------- */

static void connected(struct conn *conn)
{
	struct otk_error err = {0};
	int rc = 0;

	if (!conn->plain) {
		SSL *ssl = bufferevent_openssl_get_ssl(conn->bev);
		X509 *cert = SSL_get0_peer_certificate(ssl);

		if (!tls_protocol_agreed(ssl) || cert == NULL ||
		        SSL_get_verify_result(ssl) != X509_V_OK) {
			conn_close(conn, "TLS without " WIRE_ALPN " or without certificate");
			return;
		}
		cert_serial(cert, conn->serial);
		rc = cert_uri(cert, conn->uri, &err);
	}
	conn->heard_at = loop_now(conn->loop);
	phase(conn, CONN_HELLO);
	conn->ops->ready(conn->context, rc == 0 ? conn->uri : NULL, &err);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
	struct conn *conn = context;
	const char *why = "peer closed";

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		connected(conn);
		return;
	}
	if ((what & BEV_EVENT_ERROR) != 0) {
		unsigned long code = conn->plain ? 0 : bufferevent_get_openssl_error(bev);
		const char *reason = ERR_reason_error_string(code); /* static text */

		why = code == 0 || reason == NULL ? "connection lost" : reason;
	} else if (conn->state == CONN_HANDSHAKE) {
		why = "peer closed during the handshake";
	}
	ERR_clear_error();
	conn_close(conn, why);
}

static void work(void *arg)
{
	struct conn *conn = arg;

	if (conn->state == CONN_HANDSHAKE && conn->plain)
		connected(conn);
	read_frames(conn);
}

static struct bufferevent *bev_new(struct loop *loop, int fd, SSL_CTX *tls)
{
	/* Deferred: enabling or writing must not call us back from within. */
	const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
	struct bufferevent *bev;
	SSL *ssl;

	if (tls == NULL)
		return bufferevent_socket_new(loop_base(loop), fd, options);
	ssl = SSL_new(tls);
	if (ssl == NULL)
		return NULL;
	bev = bufferevent_openssl_socket_new(
	        loop_base(loop), fd, ssl, BUFFEREVENT_SSL_ACCEPTING, options);
	if (bev == NULL)
		SSL_free(ssl);
	else
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

static void peer_name(struct conn *conn, int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof address;

	(void)getpeername(fd, (struct sockaddr *)&address, &length);
	(void)address_format((const struct sockaddr *)&address, conn->peer);
}

struct conn *conn_new(struct loop *loop, int fd, SSL_CTX *tls, const char *plain_uri,
        const struct conn_ops *ops, void *context)
{
	struct conn *conn = calloc(1, sizeof *conn);
	int on = 1;

	if (conn == NULL)
		goto out_close;
	conn->loop = loop;
	conn->ops = ops;
	conn->context = context;
	conn->plain = tls == NULL;
	if (conn->plain)
		(void)snprintf(conn->uri, sizeof conn->uri, "%s", plain_uri);
	conn->timer_at = INT64_MAX;
	conn->opened_at = loop_now(loop);
	loop_task_init(&conn->flush, flush, conn);
	loop_task_init(&conn->work, work, conn);
	loop_task_init(&conn->end, conn_end, conn);
	frame_decoder_init(&conn->decoder, FRAMES_BEFORE_HELLO, WIRE_PAYLOAD_BEFORE_HELLO);
	peer_name(conn, fd);
	conn->timer = loop_timer_new(loop, timer_fired, conn);
	if (conn->timer == NULL)
		goto out_free;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	conn->bev = bev_new(loop, fd, tls);
	if (conn->bev == NULL)
		goto out_free_timer;
	bufferevent_setcb(conn->bev, on_readable, on_written, on_event, conn);
	if (evbuffer_add_cb(bufferevent_get_output(conn->bev), output_moved, conn) == NULL ||
	        bufferevent_enable(conn->bev, EV_READ | EV_WRITE) != 0)
		goto out_free_bev;
	phase(conn, CONN_HANDSHAKE);
	if (conn->plain)
		loop_post(loop, &conn->work);
	return conn;
out_free_bev:
	bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
	bufferevent_free(conn->bev);
	fd = -1;
out_free_timer:
	loop_timer_free(conn->timer);
out_free:
	free(conn);
out_close:
	if (fd >= 0)
		(void)close(fd);
	return NULL;
}

void conn_greeted(struct conn *conn)
{
	conn->decoder.allowed = FRAMES_FROM_CLIENT;
	conn->decoder.payload_max = WIRE_PAYLOAD_MAX;
	if (conn->state == CONN_HELLO) {
		conn->heard_at = loop_now(conn->loop);
		phase(conn, CONN_OPEN);
	}
}

void conn_resume(struct conn *conn)
{
	if (conn->stalled)
		loop_post(conn->loop, &conn->work);
}

const char *conn_peer(const struct conn *conn)
{
	return conn->peer;
}

const char *conn_serial(const struct conn *conn)
{
	return conn->serial;
}

int64_t conn_opened_at(const struct conn *conn)
{
	return conn->opened_at;
}
