/*
 * A connection: bytes on one side, frames on the other. It does the TLS handshake, cuts frames
 * and judges their headers, gathers output into one write per turn of the loop, keeps the
 * timers of the protocol, and knows nothing of requests.
 *
 * Nothing is freed while a callback runs: conn_close only marks, and `closed` comes later from
 * the loop, exactly once, as the last callback.
 */
#ifndef OTKLIK_NET_CONN_H
#define OTKLIK_NET_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <protobuf-c/protobuf-c.h>

#include "loop/loop.h"
#include "net/address.h"
#include "net/cert.h"
#include "wire/frame.h"

struct conn;

/* What to do with a frame whose header is known. */
enum conn_verdict {
	CONN_TAKE, /* read its payload and call `frame` */
	CONN_SKIP, /* throw its payload away as it comes; the frame has been answered */
	CONN_STALL /* stop reading until conn_resume, then ask again */
};

struct conn_ops {
	/*
	 * The handshake is done; `uri` is who the certificate names. With uri NULL the
	 * certificate names nobody and err says why: the owner says so and finishes.
	 */
	void (*ready)(void *context, const char *uri, const struct otk_error *err);
	enum conn_verdict (*header)(void *context, const struct frame_header *header);
	/* `payload` lives through the call only. PING and PONG do not come here. */
	void (*frame)(void *context, const struct frame_header *header, const uint8_t *payload);
	/* Output that was past CONN_OUTPUT_HIGH has drained: streams may go on. */
	void (*drained)(void *context);
	/* The last call: the connection is gone when it returns. `why` is for the log. */
	void (*closed)(void *context, const char *why);
};

/* Bytes waiting to be sent past which nothing more is read from this peer. */
enum { CONN_OUTPUT_HIGH = 256 * 1024 };

/*
 * Takes over `fd` (also on failure). With `tls` NULL the bytes are plain and `plain_uri` is
 * the peer's name: for tests over a socketpair. NULL when memory is out.
 */
struct conn *conn_new(struct loop *loop, int fd, SSL_CTX *tls, const char *plain_uri,
        const struct conn_ops *ops, void *context);

/* At once, dropping what is not sent; `why` is a constant text. `closed` follows. */
void conn_close(struct conn *conn, const char *why);

/* Sends what is queued, says goodbye in TLS, closes. Nothing more is read. */
void conn_finish(struct conn *conn, const char *why);

/* The Hello of the peer is accepted: from now on requests may come, with greater frames. */
void conn_greeted(struct conn *conn);

/* Queues a frame; header->length is set from the message (NULL: no payload). Harmless when the
 * connection is closing. */
void conn_send(
        struct conn *conn, const struct frame_header *header, const ProtobufCMessage *message);

/* Bytes queued and not yet given to the kernel. */
size_t conn_output(const struct conn *conn);

/* After CONN_STALL: asks about the same header again, soon. */
void conn_resume(struct conn *conn);

const char *conn_peer(const struct conn *conn);   /* "192.0.2.1:4711" */
const char *conn_serial(const struct conn *conn); /* of the certificate; "" before `ready` */

#endif
