/* One connection: socket, TLS, frames. */
#include "lib/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/buf.h"
#include "wire/limits.h"

enum { READ_SIZE = 32 * 1024, READS_PER_TURN = 8, OUTPUT_KEEP = 256 * 1024 };

enum conn_state { CONN_CONNECTING, CONN_HANDSHAKE, CONN_OPEN, CONN_CLOSED };

struct conn {
	struct loop *loop;
	const struct tls_identity *identity;
	const struct conn_events *events;
	void *arg;
	enum conn_state state;
	bool greeted;
	bool ping_sent;
	bool busy; /* inside an entry point: the owner's conn_free must wait for its end */
	bool dead; /* conn_free was called meanwhile */
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	struct loop_watch *watch;
	struct loop_timer *timer;
	struct loop_task flush;
	struct loop_task read_more;
	struct frame_decoder decoder;
	uint8_t *payload;
	size_t payload_cap;
	struct buf out;
	size_t out_at; /* bytes of `out` written already */
	bool read_wants_write;
	int64_t last_read;
	int64_t frame_began; /* when the frame at hand began; 0: none */
	uint64_t writes;
	uint8_t input[READ_SIZE];
};

static void conn_close(struct conn *conn, const struct otk_error *err)
{
	if (conn->state == CONN_CLOSED)
		return;
	conn->state = CONN_CLOSED;
	(void)loop_watch_set(conn->watch, 0);
	loop_timer_clear(conn->timer);
	loop_unpost(conn->loop, &conn->flush);
	loop_unpost(conn->loop, &conn->read_more);
	conn->events->closed(conn->arg, err);
}

static void close_tls(struct conn *conn, int ssl_error)
{
	struct otk_error err;

	(void)tls_explain(conn->ssl, ssl_error, conn->identity, !conn->greeted, &err);
	conn_close(conn, &err);
}

static void watch_update(struct conn *conn)
{
	unsigned events = LOOP_READ;

	if (conn->out.len > conn->out_at || conn->read_wants_write)
		events |= LOOP_WRITE;
	(void)loop_watch_set(conn->watch, events);
}

/* Memory for a payload; grows by need and is kept for the next frames. */
static uint8_t *payload_place(struct conn *conn, uint32_t size)
{
	uint8_t *grown;
	size_t cap = conn->payload_cap == 0 ? 4096 : conn->payload_cap;

	while (cap < size)
		cap *= 2;
	if (cap == conn->payload_cap)
		return conn->payload;
	grown = realloc(conn->payload, cap);
	if (grown == NULL)
		return NULL;
	conn->payload = grown;
	conn->payload_cap = cap;
	return grown;
}

static void deliver(struct conn *conn)
{
	const struct frame_header *header = &conn->decoder.header;

	if (header->type == FRAME_PING) {
		struct frame_header pong = {
		        .type = FRAME_PONG, .request_id = header->request_id};

		(void)conn_send(conn, &pong, NULL);
	} else if (header->type != FRAME_PONG) {
		conn->events->frame(conn->arg, header, conn->payload);
	}
}

/* False when the connection is gone, by an error or by its owner's hand. */
static bool take_input(struct conn *conn, const uint8_t *data, size_t size)
{
	struct otk_error err;

	for (;;) {
		size_t used;
		int rc = frame_decode(&conn->decoder, data, size, &used, &err);

		data += used;
		size -= used;
		if (rc == FRAME_MORE)
			return true;
		if (rc == FRAME_AT_HEADER) {
			uint8_t *place = payload_place(conn, conn->decoder.header.length);

			if (place == NULL)
				rc = error_set(&err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
				        "memory is out for a reply of %u bytes",
				        conn->decoder.header.length);
			else
				frame_decoder_place(&conn->decoder, place);
		}
		if (rc < 0) {
			conn_close(conn, &err);
			return false;
		}
		if (rc != FRAME_COMPLETE)
			continue;
		deliver(conn);
		if (conn->state == CONN_CLOSED)
			return false;
	}
}

static int64_t next_check(const struct conn *conn, int64_t now)
{
	int64_t due = conn->last_read +
	              (conn->ping_sent ? WIRE_DEAD_MS : WIRE_PING_IDLE_MS) * INT64_C(1000);

	if (conn->frame_began != 0 &&
	        conn->frame_began + WIRE_FRAME_TIMEOUT_MS * INT64_C(1000) < due)
		due = conn->frame_began + WIRE_FRAME_TIMEOUT_MS * INT64_C(1000);
	return due > now ? due - now : 0;
}

static void note_read(struct conn *conn)
{
	conn->last_read = loop_now(conn->loop);
	conn->ping_sent = false;
	if (!frame_decoder_midway(&conn->decoder)) {
		conn->frame_began = 0;
	} else if (conn->frame_began == 0) {
		conn->frame_began = conn->last_read;
		loop_timer_set(conn->timer, next_check(conn, conn->last_read));
	}
}

static void conn_read(struct conn *conn)
{
	for (int i = 0; i < READS_PER_TURN; i++) {
		size_t got = 0;
		int ok;

		errno = 0;
		ok = SSL_read_ex(conn->ssl, conn->input, sizeof conn->input, &got);
		if (ok != 1) {
			int why = SSL_get_error(conn->ssl, ok);

			conn->read_wants_write = why == SSL_ERROR_WANT_WRITE;
			if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
				watch_update(conn);
			else
				close_tls(conn, why);
			return;
		}
		if (!take_input(conn, conn->input, got))
			return;
		note_read(conn);
		/* A short read has most likely emptied the socket: spares a system call. */
		if (got < 8192 && SSL_has_pending(conn->ssl) == 0)
			return;
	}
	loop_post(conn->loop, &conn->read_more);
}

/* Writes what the socket takes; 0, or the SSL error that ends the connection. */
static int conn_write_out(struct conn *conn)
{
	while (conn->out_at < conn->out.len) {
		size_t wrote = 0;
		int ok;

		errno = 0;
		ok = SSL_write_ex(conn->ssl, conn->out.data + conn->out_at,
		        conn->out.len - conn->out_at, &wrote);
		conn->writes++;
		if (ok != 1) {
			int why = SSL_get_error(conn->ssl, ok);

			return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0
			                                                                 : why;
		}
		conn->out_at += wrote;
	}
	conn->out_at = 0;
	if (conn->out.cap > OUTPUT_KEEP)
		buf_free(&conn->out);
	else
		buf_reset(&conn->out);
	return 0;
}

static void conn_flush(struct conn *conn)
{
	int why = conn_write_out(conn);

	if (why != 0)
		close_tls(conn, why);
	else
		watch_update(conn);
}

static void check_time(struct conn *conn)
{
	int64_t now = loop_now(conn->loop);
	struct otk_error err;

	if (conn->state != CONN_OPEN || !conn->greeted) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECT_TIMEOUT",
		        "the server did not answer in time; is it running, and reachable?");
		conn_close(conn, &err);
	} else if (now - conn->last_read >= WIRE_DEAD_MS * INT64_C(1000)) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECTION_LOST",
		        "the server has been silent for %d s", WIRE_DEAD_MS / 1000);
		conn_close(conn, &err);
	} else if (conn->frame_began != 0 &&
	           now - conn->frame_began >= WIRE_FRAME_TIMEOUT_MS * INT64_C(1000)) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECTION_LOST",
		        "a frame of the server did not end within %d s",
		        WIRE_FRAME_TIMEOUT_MS / 1000);
		conn_close(conn, &err);
	} else {
		if (!conn->ping_sent &&
		        now - conn->last_read >= WIRE_PING_IDLE_MS * INT64_C(1000)) {
			struct frame_header ping = {.type = FRAME_PING};

			conn->ping_sent = conn_send(conn, &ping, NULL) == 0;
		}
		loop_timer_set(conn->timer, next_check(conn, now));
	}
}

static void handshake(struct conn *conn)
{
	const unsigned char *protocol;
	unsigned length;
	struct otk_error err;
	int ok;

	errno = 0;
	ok = SSL_do_handshake(conn->ssl);
	if (ok != 1) {
		int why = SSL_get_error(conn->ssl, ok);

		if (why == SSL_ERROR_WANT_READ)
			(void)loop_watch_set(conn->watch, LOOP_READ);
		else if (why == SSL_ERROR_WANT_WRITE)
			(void)loop_watch_set(conn->watch, LOOP_WRITE);
		else
			close_tls(conn, why);
		return;
	}
	SSL_get0_alpn_selected(conn->ssl, &protocol, &length);
	if (length != strlen(WIRE_ALPN) || memcmp(protocol, WIRE_ALPN, length) != 0) {
		(void)error_set(&err, OTK_FAILED_PRECONDITION, "VERSION_MISMATCH",
		        "the server does not speak " WIRE_ALPN "; is this the otklik port?");
		conn_close(conn, &err);
		return;
	}
	conn->state = CONN_OPEN;
	conn->last_read = loop_now(conn->loop);
	loop_timer_set(conn->timer, WIRE_HELLO_TIMEOUT_MS * INT64_C(1000));
	watch_update(conn);
	conn->events->open(conn->arg);
}

static void connected(struct conn *conn)
{
	int code = 0;
	socklen_t size = sizeof code;
	struct otk_error err;

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		code = errno;
	if (code != 0) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECT_FAILED",
		        "cannot reach the server: %s", strerror(code));
		conn_close(conn, &err);
		return;
	}
	conn->state = CONN_HANDSHAKE;
	handshake(conn);
}

static void conn_destroy(struct conn *conn)
{
	loop_unpost(conn->loop, &conn->flush);
	loop_unpost(conn->loop, &conn->read_more);
	loop_watch_free(conn->watch);
	loop_timer_free(conn->timer);
	SSL_free(conn->ssl);
	SSL_CTX_free(conn->context);
	if (conn->fd >= 0)
		(void)close(conn->fd);
	free(conn->payload);
	buf_free(&conn->out);
	free(conn);
}

/* What the loop calls; between enter and leave the owner may free the connection. */
static void enter(struct conn *conn)
{
	conn->busy = true;
}

static void leave(struct conn *conn)
{
	conn->busy = false;
	if (conn->dead)
		conn_destroy(conn);
}

static void on_ready(void *arg, unsigned events)
{
	struct conn *conn = arg;

	enter(conn);
	if (conn->state == CONN_CONNECTING) {
		connected(conn);
	} else if (conn->state == CONN_HANDSHAKE) {
		handshake(conn);
	} else {
		if ((events & LOOP_READ) != 0 || conn->read_wants_write)
			conn_read(conn);
		if ((events & LOOP_WRITE) != 0 && conn->state == CONN_OPEN)
			conn_flush(conn);
	}
	leave(conn);
}

static void on_flush(void *arg)
{
	struct conn *conn = arg;

	enter(conn);
	conn_flush(conn);
	leave(conn);
}

static void on_read_more(void *arg)
{
	struct conn *conn = arg;

	enter(conn);
	conn_read(conn);
	leave(conn);
}

static void on_timer(void *arg)
{
	struct conn *conn = arg;

	enter(conn);
	check_time(conn);
	leave(conn);
}

static int socket_open(const struct sockaddr *address, socklen_t size, struct otk_error *err)
{
	int on = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (connect(fd, address, size) == 0 || errno == EINPROGRESS)
			return fd;
	}
	(void)error_set(err, OTK_UNAVAILABLE, "CONNECT_FAILED", "cannot reach the server: %s",
	        strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

struct conn *conn_new(struct loop *loop, const struct sockaddr *address, socklen_t size,
        const struct tls_identity *identity, const struct conn_events *events, void *arg,
        struct otk_error *err)
{
	struct conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
		return NULL;
	}
	conn->loop = loop;
	conn->identity = identity;
	conn->events = events;
	conn->arg = arg;
	conn->fd = -1;
	loop_task_init(&conn->flush, on_flush, conn);
	loop_task_init(&conn->read_more, on_read_more, conn);
	frame_decoder_init(&conn->decoder, FRAMES_BEFORE_HELLO, WIRE_PAYLOAD_BEFORE_HELLO);
	conn->fd = socket_open(address, size, err);
	if (conn->fd < 0)
		goto out_free;
	conn->context = tls_client_context(identity, err);
	if (conn->context == NULL)
		goto out_free;
	conn->ssl = tls_client_new(conn->context, conn->fd, identity->server_name);
	conn->watch = loop_watch_new(loop, conn->fd, on_ready, conn);
	conn->timer = loop_timer_new(loop, on_timer, conn);
	if (conn->ssl == NULL || conn->watch == NULL || conn->timer == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
		goto out_free;
	}
	(void)loop_watch_set(conn->watch, LOOP_WRITE);
	loop_timer_set(conn->timer, WIRE_HANDSHAKE_TIMEOUT_MS * INT64_C(1000));
	return conn;
out_free:
	conn_free(conn);
	return NULL;
}

void conn_free(struct conn *conn)
{
	if (conn == NULL)
		return;
	if (conn->state == CONN_OPEN) {
		(void)conn_write_out(conn);
		(void)SSL_shutdown(conn->ssl);
		ERR_clear_error();
	}
	conn->state = CONN_CLOSED;
	if (!conn->busy) {
		conn_destroy(conn);
		return;
	}
	conn->dead = true;
	(void)loop_watch_set(conn->watch, 0);
	loop_timer_clear(conn->timer);
	loop_unpost(conn->loop, &conn->flush);
	loop_unpost(conn->loop, &conn->read_more);
}

void conn_expect(struct conn *conn, unsigned allowed, uint32_t payload_max, bool greeted)
{
	conn->decoder.allowed = allowed;
	conn->decoder.payload_max = payload_max;
	conn->greeted = greeted;
	if (greeted)
		loop_timer_set(conn->timer, next_check(conn, loop_now(conn->loop)));
}

int conn_send_bytes(struct conn *conn, const uint8_t *frames, size_t size)
{
	int rc = buf_append(&conn->out, frames, size);

	if (rc == 0)
		loop_post(conn->loop, &conn->flush);
	return rc;
}

int conn_send(
        struct conn *conn, const struct frame_header *header, const ProtobufCMessage *message)
{
	uint8_t small[512];
	size_t size = frame_size(message);
	uint8_t *bytes = size <= sizeof small ? small : malloc(size);
	int rc;

	if (bytes == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	(void)frame_pack(header, message, bytes);
	rc = conn_send_bytes(conn, bytes, size);
	if (bytes != small)
		free(bytes);
	return rc;
}

size_t conn_backlog(const struct conn *conn)
{
	return conn->out.len - conn->out_at;
}

uint64_t conn_writes(const struct conn *conn)
{
	return conn->writes;
}
