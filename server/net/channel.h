/*
 * The socketpair between the master and one child (AF_UNIX, SOCK_SEQPACKET): small messages,
 * one of which carries a connection's descriptor. End of file on either side means that the
 * other process is gone.
 */
#ifndef OTKLIK_NET_CHANNEL_H
#define OTKLIK_NET_CHANNEL_H

#include <stdint.h>

/* Numbers are stable: after an upgrade the master may be older than its children. */
enum channel_type {
	CHANNEL_DEAL = 1,    /* master → child, with a descriptor: serve this connection */
	CHANNEL_DRAIN = 2,   /* master → child: finish what is in flight and exit */
	CHANNEL_READY = 3,   /* child → master: my loop runs */
	CHANNEL_CONFIRM = 4, /* child → master: the connection is mine */
	CHANNEL_KNOWN = 5,   /* child → master: it is authenticated */
	CHANNEL_CLOSED = 6,  /* child → master: it is closed */
	CHANNEL_DROPPED = 7, /* child → master: it could not be taken */
};

struct channel_message {
	enum channel_type type;
	uint64_t token; /* names the connection between the two; 0 where there is none */
};

/* Two ends, close-on-exec and non-blocking. 0, or -OTK_UNAVAILABLE with errno. */
int channel_pair(int ends[2]);

/*
 * Sends one message, with descriptor `fd` unless it is -1 (it stays open here). 0;
 * -OTK_RESOURCE_EXHAUSTED when the socket is full: try again when it is writable;
 * -OTK_UNAVAILABLE when the other side is gone.
 */
int channel_send(int channel, const struct channel_message *message, int fd);

/*
 * Receives one message; *fd is its descriptor (close-on-exec, the caller's to close) or -1.
 * 1 = received, 0 = nothing there now, -OTK_UNAVAILABLE = the other side is gone,
 * -OTK_DATA_LOSS = not a message of ours (any descriptors in it are closed).
 */
int channel_receive(int channel, struct channel_message *message, int *fd);

#endif
