/* One connection: a socket, TLS over it, and frames over that. Knows nothing of calls. */
#ifndef OTKLIK_CLIENT_LIB_CONN_H
#define OTKLIK_CLIENT_LIB_CONN_H

#include <sys/socket.h>

#include "lib/tls.h"
#include "loop/loop.h"
#include "wire/frame.h"

struct conn;

struct conn_events {
	/* TLS is up and otklik/1 agreed: the Hello may be sent. */
	void (*open)(void *arg);
	/* A whole frame. The payload lives until the return. May free the connection. */
	void (*frame)(void *arg, const struct frame_header *header, const uint8_t *payload);
	/* The connection is of no use any more; told once. The owner frees it. */
	void (*closed)(void *arg, const struct otk_error *err);
};

/*
 * Starts to connect. `identity` is borrowed. NULL with err filled; then no event comes. Events
 * come from the loop only.
 */
struct conn *conn_new(struct loop *loop, const struct sockaddr *address, socklen_t size,
        const struct tls_identity *identity, const struct conn_events *events, void *arg,
        struct otk_error *err);
void conn_free(struct conn *conn);

/*
 * What the peer may send from now on; `greeted`: its Hello was good, so pings begin and a
 * close is no refusal.
 */
void conn_expect(struct conn *conn, unsigned allowed, uint32_t payload_max, bool greeted);

/*
 * Queues bytes; everything queued in one turn of the loop goes out in one write. 0, or
 * -OTK_RESOURCE_EXHAUSTED.
 */
int conn_send(
        struct conn *conn, const struct frame_header *header, const ProtobufCMessage *message);
int conn_send_bytes(struct conn *conn, const uint8_t *frames, size_t size);

/* Bytes queued and not written, and write calls so far. */
size_t conn_backlog(const struct conn *conn);
uint64_t conn_writes(const struct conn *conn);

#endif
