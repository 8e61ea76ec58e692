/* One connection: a socket, TLS over it, and frames over that. Knows nothing of calls. */
#ifndef OTKLIK_CLIENT_LIB_TRANSPORT_H
#define OTKLIK_CLIENT_LIB_TRANSPORT_H

#include <sys/socket.h>

#include "lib/tls.h"
#include "loop/loop.h"
#include "wire/frame.h"

struct transport;

struct transport_events {
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
struct transport *transport_new(struct loop *loop, const struct sockaddr *address,
        socklen_t size, const struct tls_identity *identity,
        const struct transport_events *events, void *arg, struct otk_error *err);
void transport_free(struct transport *transport);

/*
 * What the peer may send from now on; `greeted`: its Hello was good, so pings begin and a
 * close is no refusal.
 */
void transport_expect(
        struct transport *transport, unsigned allowed, uint32_t payload_max, bool greeted);

/*
 * Queues bytes; everything queued in one turn of the loop goes out in one write. 0, or
 * -OTK_RESOURCE_EXHAUSTED.
 */
int transport_send(struct transport *transport, const struct frame_header *header,
        const ProtobufCMessage *message);
int transport_send_bytes(struct transport *transport, const uint8_t *frames, size_t size);

/* Bytes queued and not written, and write calls so far. */
size_t transport_backlog(const struct transport *transport);
uint64_t transport_writes(const struct transport *transport);

#endif
