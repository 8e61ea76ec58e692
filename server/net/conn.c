/* Connections: their beginning, their timers, their end. Frames are in conn_frames.c. */
#include "net/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

#include "net/conn_internal.h"
#include "net/tls.h"
#include "wire/limits.h"

#define MS(value) ((int64_t)(value)*1000)

enum {
	FINISH_MS = 5 * 1000,
	FINISH_UNKNOWN_MS = 1000 /* of somebody who has not even done the handshake */
};

/* ---- timers ---------------------------------------------------------------------------- */

static const struct patience *patience_now(struct conn *conn)
{
	conn->patience.deaf = conn->stalled || conn->choked;
	conn->patience.output = conn_output(conn) > 0;
	return &conn->patience;
}

/*
 * Sets the timer if something became due sooner. What moves away is found out when it fires, so
 * that a busy connection does not set its timer at every frame.
 */
void conn_timer_update(struct conn *conn)
{
	int64_t now = loop_now(conn->loop);
	int64_t due = patience_due(patience_now(conn), now);

	if (due >= conn->timer_at || due == INT64_MAX)
		return;
	conn->timer_at = due;
	loop_timer_set(conn->timer, due > now ? due - now : 0);
}

static void timer_fired(void *arg)
{
	const struct frame_header ping = {.type = FRAME_PING};
	struct conn *conn = arg;
	int64_t now = loop_now(conn->loop);
	const char *why;

	conn->timer_at = INT64_MAX;
	switch (patience_judge(patience_now(conn), now, &why)) {
	case PATIENCE_OVER:
		conn_close(conn, why);
		return;
	case PATIENCE_PING:
		conn->patience.pinged_at = now;
		conn_send(conn, &ping, NULL);
		break;
	case PATIENCE_WAIT:
		break;
	}
	conn_timer_update(conn);
}

void conn_phase(struct conn *conn, enum conn_state state)
{
	conn->patience.state = state;
	conn->patience.since = loop_now(conn->loop);
	conn_timer_update(conn);
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
	if (conn->patience.state == CONN_CLOSED)
		return;
	conn->patience.state = CONN_CLOSED;
	conn->why = why;
	bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
	(void)bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
	loop_timer_clear(conn->timer);
	loop_post(conn->loop, &conn->end);
}

/* Everything is with the kernel: the goodbye is the last record. */
void conn_farewell(struct conn *conn)
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
	if (conn->patience.state == CONN_CLOSED || conn->patience.state == CONN_FINISHING)
		return;
	conn->why = why;
	conn->patience.finish_us =
	        MS(conn->patience.state == CONN_HANDSHAKE ? FINISH_UNKNOWN_MS : FINISH_MS);
	(void)bufferevent_disable(conn->bev, EV_READ);
	conn_phase(conn, CONN_FINISHING);
	/* From the loop, like everything that ends: the flush goes before. */
	loop_post(conn->loop, &conn->flush);
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
	conn->patience.heard_at = loop_now(conn->loop);
	conn_phase(conn, CONN_HELLO);
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
	} else if (conn->patience.state == CONN_HANDSHAKE) {
		why = "peer closed during the handshake";
	}
	ERR_clear_error();
	conn_close(conn, why);
}

static void work(void *arg)
{
	struct conn *conn = arg;

	if (conn->patience.state == CONN_HANDSHAKE && conn->plain)
		connected(conn);
	conn_frames_read(conn);
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
	loop_task_init(&conn->flush, conn_flush, conn);
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
	bufferevent_setcb(conn->bev, conn_on_readable, conn_on_written, on_event, conn);
	if (evbuffer_add_cb(bufferevent_get_output(conn->bev), conn_output_moved, conn) ==
	                NULL ||
	        bufferevent_enable(conn->bev, EV_READ | EV_WRITE) != 0)
		goto out_free_bev;
	conn_phase(conn, CONN_HANDSHAKE);
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
	if (conn->patience.state == CONN_HELLO) {
		conn->patience.heard_at = loop_now(conn->loop);
		conn_phase(conn, CONN_OPEN);
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
