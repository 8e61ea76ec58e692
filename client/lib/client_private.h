/* What the files of the client share: the connection's side and the calls' side. */
#ifndef OTKLIK_CLIENT_LIB_CLIENT_PRIVATE_H
#define OTKLIK_CLIENT_LIB_CLIENT_PRIVATE_H

#include <sys/queue.h>

#include "lib/client.h"
#include "lib/transport.h"
#include "lib/resolve.h"
#include "wire/frame.h"

enum call_state {
	CALL_WAITING, /* for the connection, or for a place in flight */
	CALL_SENT,
	CALL_BACKOFF, /* to be sent again at retry_at */
	CALL_GHOST,   /* given up; the server has not said its last word yet */
	CALL_DOOMED   /* its end is about to be told */
};

struct client_call {
	struct client *client;
	const struct method *method;
	enum call_state state;
	uint64_t id; /* on the wire; a new one for each attempt */
	unsigned attempts;
	bool no_retry;
	bool got_item;
	int64_t deadline; /* loop time; 0: none */
	int64_t retry_at;
	uint32_t credit;  /* the stream's window */
	uint32_t granted; /* items that may still come */
	void (*item)(void *arg, const ProtobufCMessage *item);
	void (*done)(void *arg, const ProtobufCMessage *reply, const struct otk_error *err);
	void *arg;
	TAILQ_ENTRY(client_call) all;   /* every call, oldest first; or the doomed */
	TAILQ_ENTRY(client_call) queue; /* while WAITING */
	LIST_ENTRY(client_call) hash;   /* while SENT or GHOST */
	size_t size;                    /* of the frame, header included */
	uint8_t frame[];
};

TAILQ_HEAD(call_list, client_call);
LIST_HEAD(call_chain, client_call);

enum { CALL_CHAINS = 256 };

struct client {
	struct loop *loop;
	struct client_options options;
	char *texts; /* one block that the options' strings point into */
	struct tls_identity identity;

	/* The connection's side: client.c. */
	enum client_state state;
	struct resolver *resolver;
	struct resolved addresses;
	size_t address; /* being tried */
	struct transport *conn;
	bool draining; /* GOAWAY was read: no new requests on this connection */
	bool resolving;
	bool wanted;       /* connect (again) even if no call waits */
	unsigned failures; /* in a row, for the backoff */
	int64_t ready_at;
	struct loop_timer *connect_timer;
	struct loop_task connect_task;
	struct otk_error last_error; /* why there is no connection; code OTK_OK: none */
	Otklik__V1__Hello *hello;
	uint32_t in_flight_max;
	uint32_t frame_max;
	uint64_t connects;
	uint64_t writes_before; /* of earlier connections */
	void (*changed)(void *arg, enum client_state state, const struct otk_error *err);
	void *changed_arg;

	/* The calls' side: calls.c. */
	struct call_list calls;
	struct call_list waiting;
	struct call_list doomed;
	struct call_chain chains[CALL_CHAINS];
	uint64_t next_id;
	uint32_t in_flight;
	double retry_tokens;
	int64_t wake_at; /* what call_timer is set for */
	struct loop_timer *call_timer;
	struct loop_task pump_task;
	struct arena *decode_arena;
	uint64_t calls_count;
	uint64_t retries_count;

	/* Replies of the waiting calls: wait.c. */
	struct arena *replies;
};

/* client.c */
void client_need(struct client *client); /* a call waits: see to a connection */
void client_idle(struct client *client); /* nothing in flight any more */
int64_t client_jitter(int64_t us);       /* ±20 % */

/* calls.c */
int calls_init(struct client *client);
void calls_free(struct client *client);
bool calls_any(const struct client *client);
void calls_pump(struct client *client);
void calls_frame(
        struct client *client, const struct frame_header *header, const uint8_t *payload);
/* The connection went: what may be sent again waits, the rest ends with err. */
void calls_connection_lost(struct client *client, const struct otk_error *err);
/* Everything that waits ends with err. */
void calls_fail_waiting(struct client *client, const struct otk_error *err);

#endif
