/*
 * libotklik: one connection to a server, kept up; calls multiplexed over it.
 *
 * The life of a call: client_start packs the request → it waits until the connection is ready
 * (TLS done and the server's Hello read) → it goes out with others in one write → its reply,
 * items or status come back in any order → `done` is called, exactly once, from the loop.
 * A call whose connection was lost is sent again on the next one, with the same idempotency
 * key, while its deadline and the retry budget last.
 */
#ifndef OTKLIK_CLIENT_LIB_CLIENT_H
#define OTKLIK_CLIENT_LIB_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/uuid.h"
#include "loop/loop.h"
#include "otklik/v1/session.pb-c.h"
#include "wire/methods.h"

struct client;
struct client_call;

/* Where to, and as whom. Strings are copied by client_new. */
struct client_options {
	const char *host;        /* name or address */
	uint16_t port;           /* 0: 7432 */
	const char *server_name; /* in the server's certificate; NULL: host */
	const char *ca_file;     /* PEM: whom to trust */
	const char *cert_file;   /* PEM: our certificate, then its intermediates */
	const char *key_file;    /* PEM */
	const char *build;       /* "otklik/0.1.0", told to the server */
	/*
	 * Set: when the server cannot be reached all waiting calls fail at once, or after two
	 * more attempts where it says when to come again; there is no reconnect until the next
	 * call (a person waits). Unset: calls wait for their
	 * deadline, reconnects back off 1 s × 1.6 up to 120 s, ±20 % (a program runs on).
	 */
	bool fail_fast;
	int64_t backoff_first_us; /* 0: 1 s */
	int64_t backoff_most_us;  /* 0: 120 s */
};

enum { CLIENT_PORT_DEFAULT = 7432 };

enum client_state {
	CLIENT_OFFLINE,    /* no connection, none being tried (or waiting to try again) */
	CLIENT_CONNECTING, /* up to the server's Hello */
	CLIENT_READY
};

/*
 * A client that connects at its first call or client_connect. The files are read anew at each
 * connect, so renewed certificates are taken up by client_reconnect. NULL with err filled when
 * memory is out or an option is missing.
 */
struct client *client_new(
        struct loop *loop, const struct client_options *options, struct otk_error *err);

/* Every call still open ends first with CANCELLED, inside this call. NULL is harmless. */
void client_free(struct client *client);

void client_connect(struct client *client);
/* Finishes nothing: open calls are sent again on the new connection where they may be. */
void client_reconnect(struct client *client);
enum client_state client_state(const struct client *client);
/* The server's Hello of the connection now ready; NULL when not ready. */
const Otklik__V1__Hello *client_hello(const struct client *client);
/* Told of every change of state; err says why a connection was lost or not made, else NULL. */
void client_on_state(struct client *client,
        void (*changed)(void *arg, enum client_state state, const struct otk_error *err),
        void *arg);

/* How one call is to be made; all zero is right for most. */
struct client_call_options {
	uint32_t deadline_ms;   /* 0: the method's own; streams: none */
	const struct uuid *key; /* idempotency key; NULL: a new one for mutations */
	bool no_retry;          /* a status that may be retried is told at once */
	/*
	 * Streams: called for each item; `item` lives until it returns. Credit is granted as
	 * items are taken, so at most `credit` (0: 64) are on their way.
	 */
	void (*item)(void *arg, const ProtobufCMessage *item);
	uint32_t credit;
};

/*
 * Starts a call. `request` is packed before client_start returns. `done` is called once, from
 * the loop: with the reply (err NULL), which lives until it returns; with reply NULL and err
 * NULL at the good end of a stream; or with err. It may start other calls and cancel any but
 * its own. NULL, with err filled and done never called, when the request breaks a limit of the
 * wire or memory is out.
 */
struct client_call *client_start(struct client *client, uint16_t method,
        const ProtobufCMessage *request, const struct client_call_options *options,
        void (*done)(void *arg, const ProtobufCMessage *reply, const struct otk_error *err),
        void *arg, struct otk_error *err);

/* Gives the call up and tells the server; `done` will not be called. Not from its own done. */
void client_cancel(struct client_call *call);

/*
 * For programs that wait: runs the loop until the call has ended. *reply (may be NULL) belongs
 * to the client and lives until client_release or client_free. 0, or the negative status with
 * err filled.
 */
int client_call(struct client *client, uint16_t method, const ProtobufCMessage *request,
        const ProtobufCMessage **reply, struct otk_error *err);
int client_call_with(struct client *client, uint16_t method, const ProtobufCMessage *request,
        const struct client_call_options *options, const ProtobufCMessage **reply,
        struct otk_error *err);
/* A stream to its end; `item` returns false to stop early (then the result is 0). */
int client_stream(struct client *client, uint16_t method, const ProtobufCMessage *request,
        bool (*item)(void *arg, const ProtobufCMessage *item), void *arg,
        struct otk_error *err);
void client_release(struct client *client);

/*
 * A watch: a stream that is started again whenever it breaks for a reason that passes. Before
 * each start `request(arg)` gives the message with the newest resume token. `ended` is called
 * once, when the server refuses for good (RELIST, permission). client_watch_free stops it.
 */
struct client_watch;
struct client_watch_events {
	const ProtobufCMessage *(*request)(void *arg);
	void (*item)(void *arg, const ProtobufCMessage *item);
	void (*ended)(void *arg, const struct otk_error *err);
};
struct client_watch *client_watch_new(struct client *client, uint16_t method,
        const struct client_watch_events *events, void *arg);
void client_watch_free(struct client_watch *watch);

/* Sent and received since client_new. */
struct client_counters {
	uint64_t calls;
	uint64_t retries;
	uint64_t connects;
	uint64_t writes; /* write system calls, as many frames share one */
};
void client_counters(const struct client *client, struct client_counters *out);

#endif
