/* One connection: socket, TLS, frames. */
#include "lib/transport.h"

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

enum transport_state {
	TRANSPORT_CONNECTING,
	TRANSPORT_HANDSHAKE,
	TRANSPORT_OPEN,
	TRANSPORT_CLOSED
};

struct transport {
	struct loop *loop;
	const struct tls_identity *identity;
	const struct transport_events *events;
	void *arg;
	enum transport_state state;
	bool greeted;
	bool ping_sent;
	bool busy; /* inside an entry point: the owner's transport_free must wait for its end */
	bool dead; /* transport_free was called meanwhile */
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

static void transport_close(struct transport *transport, const struct otk_error *err)
{
	if (transport->state == TRANSPORT_CLOSED)
		return;
	transport->state = TRANSPORT_CLOSED;
	(void)loop_watch_set(transport->watch, 0);
	loop_timer_clear(transport->timer);
	loop_unpost(transport->loop, &transport->flush);
	loop_unpost(transport->loop, &transport->read_more);
	transport->events->closed(transport->arg, err);
}

static void close_tls(struct transport *transport, int ssl_error)
{
	struct otk_error err;

	(void)tls_explain(
	        transport->ssl, ssl_error, transport->identity, !transport->greeted, &err);
	transport_close(transport, &err);
}

static void watch_update(struct transport *transport)
{
	unsigned events = LOOP_READ;

	if (transport->out.len > transport->out_at || transport->read_wants_write)
		events |= LOOP_WRITE;
	(void)loop_watch_set(transport->watch, events);
}

/* Memory for a payload; grows by need and is kept for the next frames. */
static uint8_t *payload_place(struct transport *transport, uint32_t size)
{
	uint8_t *grown;
	size_t cap = transport->payload_cap == 0 ? 4096 : transport->payload_cap;

	while (cap < size)
		cap *= 2;
	if (cap == transport->payload_cap)
		return transport->payload;
	grown = realloc(transport->payload, cap);
	if (grown == NULL)
		return NULL;
	transport->payload = grown;
	transport->payload_cap = cap;
	return grown;
}

static void deliver(struct transport *transport)
{
	const struct frame_header *header = &transport->decoder.header;

	if (header->type == FRAME_PING) {
		struct frame_header pong = {
		        .type = FRAME_PONG, .request_id = header->request_id};

		(void)transport_send(transport, &pong, NULL);
	} else if (header->type != FRAME_PONG) {
		transport->events->frame(transport->arg, header, transport->payload);
	}
}

/* False when the connection is gone, by an error or by its owner's hand. */
static bool take_input(struct transport *transport, const uint8_t *data, size_t size)
{
	struct otk_error err;

	for (;;) {
		size_t used;
		int rc = frame_decode(&transport->decoder, data, size, &used, &err);

		data += used;
		size -= used;
		if (rc == FRAME_MORE)
			return true;
		if (rc == FRAME_AT_HEADER) {
			uint8_t *place =
			        payload_place(transport, transport->decoder.header.length);

			if (place == NULL)
				rc = error_set(&err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
				        "memory is out for a reply of %u bytes",
				        transport->decoder.header.length);
			else
				frame_decoder_place(&transport->decoder, place);
		}
		if (rc < 0) {
			transport_close(transport, &err);
			return false;
		}
		if (rc != FRAME_COMPLETE)
			continue;
		deliver(transport);
		if (transport->state == TRANSPORT_CLOSED)
			return false;
	}
}

static int64_t next_check(const struct transport *transport, int64_t now)
{
	int64_t due = transport->last_read +
	              (transport->ping_sent ? WIRE_DEAD_MS : WIRE_PING_IDLE_MS) * INT64_C(1000);

	if (transport->frame_began != 0 &&
	        transport->frame_began + WIRE_FRAME_TIMEOUT_MS * INT64_C(1000) < due)
		due = transport->frame_began + WIRE_FRAME_TIMEOUT_MS * INT64_C(1000);
	return due > now ? due - now : 0;
}

/* The timer is moved only where its next look would come too late. */
static void note_read(struct transport *transport)
{
	bool sooner = transport->ping_sent;

	transport->last_read = loop_now(transport->loop);
	transport->ping_sent = false;
	if (!frame_decoder_midway(&transport->decoder)) {
		transport->frame_began = 0;
	} else if (transport->frame_began == 0) {
		transport->frame_began = transport->last_read;
		sooner = true;
	}
	if (sooner && transport->greeted)
		loop_timer_set(transport->timer, next_check(transport, transport->last_read));
}

static void transport_read(struct transport *transport)
{
	for (int i = 0; i < READS_PER_TURN; i++) {
		size_t got = 0;
		int ok;

		errno = 0;
		ok = SSL_read_ex(
		        transport->ssl, transport->input, sizeof transport->input, &got);
		if (ok != 1) {
			int why = SSL_get_error(transport->ssl, ok);

			transport->read_wants_write = why == SSL_ERROR_WANT_WRITE;
			if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
				watch_update(transport);
			else
				close_tls(transport, why);
			return;
		}
		if (!take_input(transport, transport->input, got))
			return;
		note_read(transport);
		/* A short read has most likely emptied the socket: spares a system call. */
		if (got < 8192 && SSL_has_pending(transport->ssl) == 0)
			return;
	}
	loop_post(transport->loop, &transport->read_more);
}

/* Writes what the socket takes; 0, or the SSL error that ends the connection. */
static int transport_write_out(struct transport *transport)
{
	while (transport->out_at < transport->out.len) {
		size_t wrote = 0;
		int ok;

		errno = 0;
		ok = SSL_write_ex(transport->ssl, transport->out.data + transport->out_at,
		        transport->out.len - transport->out_at, &wrote);
		transport->writes++;
		if (ok != 1) {
			int why = SSL_get_error(transport->ssl, ok);

			return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0
			                                                                 : why;
		}
		transport->out_at += wrote;
	}
	transport->out_at = 0;
	if (transport->out.cap > OUTPUT_KEEP)
		buf_free(&transport->out);
	else
		buf_reset(&transport->out);
	return 0;
}

static void transport_flush(struct transport *transport)
{
	int why = transport_write_out(transport);

	if (why != 0)
		close_tls(transport, why);
	else
		watch_update(transport);
}

static void check_time(struct transport *transport)
{
	int64_t now = loop_now(transport->loop);
	struct otk_error err;

	if (transport->state != TRANSPORT_OPEN || !transport->greeted) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECT_TIMEOUT",
		        "the server did not answer in time; is it running, and reachable?");
		transport_close(transport, &err);
	} else if (now - transport->last_read >= WIRE_DEAD_MS * INT64_C(1000)) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECTION_LOST",
		        "the server has been silent for %d s", WIRE_DEAD_MS / 1000);
		transport_close(transport, &err);
	} else if (transport->frame_began != 0 &&
	           now - transport->frame_began >= WIRE_FRAME_TIMEOUT_MS * INT64_C(1000)) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECTION_LOST",
		        "a frame of the server did not end within %d s",
		        WIRE_FRAME_TIMEOUT_MS / 1000);
		transport_close(transport, &err);
	} else {
		if (!transport->ping_sent &&
		        now - transport->last_read >= WIRE_PING_IDLE_MS * INT64_C(1000)) {
			struct frame_header ping = {.type = FRAME_PING};

			transport->ping_sent = transport_send(transport, &ping, NULL) == 0;
		}
		loop_timer_set(transport->timer, next_check(transport, now));
	}
}

static void handshake(struct transport *transport)
{
	const unsigned char *protocol;
	unsigned length;
	struct otk_error err;
	int ok;

	errno = 0;
	ok = SSL_do_handshake(transport->ssl);
	if (ok != 1) {
		int why = SSL_get_error(transport->ssl, ok);

		if (why == SSL_ERROR_WANT_READ)
			(void)loop_watch_set(transport->watch, LOOP_READ);
		else if (why == SSL_ERROR_WANT_WRITE)
			(void)loop_watch_set(transport->watch, LOOP_WRITE);
		else
			close_tls(transport, why);
		return;
	}
	SSL_get0_alpn_selected(transport->ssl, &protocol, &length);
	if (length != strlen(WIRE_ALPN) || memcmp(protocol, WIRE_ALPN, length) != 0) {
		(void)error_set(&err, OTK_FAILED_PRECONDITION, "VERSION_MISMATCH",
		        "the server does not speak " WIRE_ALPN "; is this the otklik port?");
		transport_close(transport, &err);
		return;
	}
	transport->state = TRANSPORT_OPEN;
	transport->last_read = loop_now(transport->loop);
	loop_timer_set(transport->timer, WIRE_HELLO_TIMEOUT_MS * INT64_C(1000));
	watch_update(transport);
	transport->events->open(transport->arg);
}

static void connected(struct transport *transport)
{
	int code = 0;
	socklen_t size = sizeof code;
	struct otk_error err;

	if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		code = errno;
	if (code != 0) {
		(void)error_set(&err, OTK_UNAVAILABLE, "CONNECT_FAILED",
		        "cannot reach the server: %s", strerror(code));
		transport_close(transport, &err);
		return;
	}
	transport->state = TRANSPORT_HANDSHAKE;
	handshake(transport);
}

static void transport_destroy(struct transport *transport)
{
	loop_unpost(transport->loop, &transport->flush);
	loop_unpost(transport->loop, &transport->read_more);
	loop_watch_free(transport->watch);
	loop_timer_free(transport->timer);
	SSL_free(transport->ssl);
	SSL_CTX_free(transport->context);
	if (transport->fd >= 0)
		(void)close(transport->fd);
	free(transport->payload);
	buf_free(&transport->out);
	free(transport);
}

/* What the loop calls; between enter and leave the owner may free the connection. */
static void enter(struct transport *transport)
{
	transport->busy = true;
}

static void leave(struct transport *transport)
{
	transport->busy = false;
	if (transport->dead)
		transport_destroy(transport);
}

static void on_ready(void *arg, unsigned events)
{
	struct transport *transport = arg;

	enter(transport);
	if (transport->state == TRANSPORT_CONNECTING) {
		connected(transport);
	} else if (transport->state == TRANSPORT_HANDSHAKE) {
		handshake(transport);
	} else {
		if ((events & LOOP_READ) != 0 || transport->read_wants_write)
			transport_read(transport);
		if ((events & LOOP_WRITE) != 0 && transport->state == TRANSPORT_OPEN)
			transport_flush(transport);
	}
	leave(transport);
}

static void on_flush(void *arg)
{
	struct transport *transport = arg;

	enter(transport);
	transport_flush(transport);
	leave(transport);
}

static void on_read_more(void *arg)
{
	struct transport *transport = arg;

	enter(transport);
	transport_read(transport);
	leave(transport);
}

static void on_timer(void *arg)
{
	struct transport *transport = arg;

	enter(transport);
	check_time(transport);
	leave(transport);
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

struct transport *transport_new(struct loop *loop, const struct sockaddr *address,
        socklen_t size, const struct tls_identity *identity,
        const struct transport_events *events, void *arg, struct otk_error *err)
{
	struct transport *transport = calloc(1, sizeof *transport);

	if (transport == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
		return NULL;
	}
	transport->loop = loop;
	transport->identity = identity;
	transport->events = events;
	transport->arg = arg;
	transport->fd = -1;
	loop_task_init(&transport->flush, on_flush, transport);
	loop_task_init(&transport->read_more, on_read_more, transport);
	frame_decoder_init(&transport->decoder, FRAMES_BEFORE_HELLO, WIRE_PAYLOAD_BEFORE_HELLO);
	transport->fd = socket_open(address, size, err);
	if (transport->fd < 0)
		goto out_free;
	transport->context = tls_client_context(identity, err);
	if (transport->context == NULL)
		goto out_free;
	transport->ssl =
	        tls_client_new(transport->context, transport->fd, identity->server_name);
	transport->watch = loop_watch_new(loop, transport->fd, on_ready, transport);
	transport->timer = loop_timer_new(loop, on_timer, transport);
	if (transport->ssl == NULL || transport->watch == NULL || transport->timer == NULL) {
		(void)error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "memory is out");
		goto out_free;
	}
	(void)loop_watch_set(transport->watch, LOOP_WRITE);
	loop_timer_set(transport->timer, WIRE_HANDSHAKE_TIMEOUT_MS * INT64_C(1000));
	return transport;
out_free:
	transport_free(transport);
	return NULL;
}

void transport_free(struct transport *transport)
{
	if (transport == NULL)
		return;
	if (transport->state == TRANSPORT_OPEN) {
		(void)transport_write_out(transport);
		(void)SSL_shutdown(transport->ssl);
		ERR_clear_error();
	}
	transport->state = TRANSPORT_CLOSED;
	if (!transport->busy) {
		transport_destroy(transport);
		return;
	}
	transport->dead = true;
	(void)loop_watch_set(transport->watch, 0);
	loop_timer_clear(transport->timer);
	loop_unpost(transport->loop, &transport->flush);
	loop_unpost(transport->loop, &transport->read_more);
}

void transport_expect(
        struct transport *transport, unsigned allowed, uint32_t payload_max, bool greeted)
{
	transport->decoder.allowed = allowed;
	transport->decoder.payload_max = payload_max;
	transport->greeted = greeted;
	if (greeted)
		loop_timer_set(
		        transport->timer, next_check(transport, loop_now(transport->loop)));
}

int transport_send_bytes(struct transport *transport, const uint8_t *frames, size_t size)
{
	int rc = buf_append(&transport->out, frames, size);

	if (rc == 0)
		loop_post(transport->loop, &transport->flush);
	return rc;
}

int transport_send(struct transport *transport, const struct frame_header *header,
        const ProtobufCMessage *message)
{
	uint8_t small[512];
	size_t size = frame_size(message);
	uint8_t *bytes = size <= sizeof small ? small : malloc(size);
	int rc;

	if (bytes == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	(void)frame_pack(header, message, bytes);
	rc = transport_send_bytes(transport, bytes, size);
	if (bytes != small)
		free(bytes);
	return rc;
}

size_t transport_backlog(const struct transport *transport)
{
	return transport->out.len - transport->out_at;
}

uint64_t transport_writes(const struct transport *transport)
{
	return transport->writes;
}
