/*
 * The life of one call, from an accepted frame to its last reply.
 *
 * 1. The session judges the header (method, permission, length, in-flight bound), unpacks
 *    the message into the request's arena, validates it and queues the handler's first step.
 * 2. Only the loop calls steps. A step returns STEP_MORE (r->next says which step follows, on
 *    this turn of the loop), STEP_WAIT (somebody will call request_wake, once) or STEP_DONE
 *    (a reply was given). Completions of the database queue the next step; they never call it.
 * 3. After the last reply the request leaves its session and is freed with its arena.
 *
 * A cancelled, expired or orphaned request is not run further: if it waits for the database
 * it stays until the result has been drained, if it waits for an event its on_cancel unlinks
 * it; then it ends by itself. So a step may assume that somebody still wants the answer, but
 * everything it started that outlives the step must be unlinked in on_cancel.
 *
 * A handler is a row of functions in the order in which they run:
 *
 *	enum step get_ticket_begin(struct request *r, const Otklik__V1__GetTicketRequest *in)
 *	{
 *		struct get_ticket *state = request_state(r, sizeof *state);
 *		...
 *		return request_query(r, unit, ticket_found);
 *	}
 *
 *	static enum step ticket_found(struct request *r)
 *	{
 *		...
 *		return get_ticket_reply(r, &out);
 *	}
 */
#ifndef OTKLIK_RPC_REQUEST_H
#define OTKLIK_RPC_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/uuid.h"
#include "rpc/principal.h"

struct request;
struct service;
struct method; /* wire: the entry of the method table */
struct db_unit;

enum step { STEP_MORE, STEP_WAIT, STEP_DONE };

/* One named step of a handler. */
typedef enum step request_step(struct request *r);

/* Called at most once, when nobody wants the answer any more: unlink, stop, free. Also what is
 * called at the end, see request_on_end. */
typedef void request_cancel(struct request *r);

enum { REQUEST_HASH_SIZE = 32 };

/* What a handler may read. Fields are set before the first step and do not change. */
struct request {
	struct arena *arena;         /* lives as long as the request */
	struct service *service;     /* pool, clock, settings: rpc/service.h */
	struct principal *principal; /* who asks, with grants; only to be read */
	const struct method *method;
	const ProtobufCMessage *message; /* the validated input, in the arena */
	int64_t now;                     /* the server's (maybe virtual) clock at receipt, us */
	int64_t deadline;                /* monotonic us; see clock_monotonic() */
	bool has_key;                    /* false only where the method needs no key */
	struct uuid key;                 /* idempotency key of the frame */
	uint8_t hash[REQUEST_HASH_SIZE]; /* SHA-256 of the method id and the message bytes */
	uint64_t id;                     /* the client's, unique within its connection */
	const char *peer;                /* "192.0.2.1:4711", for log lines */
	void *state;                     /* the handler's own, see request_state() */
	struct db_unit *unit;            /* the last one run by request_query() */

	/* Owned by request.c and the session; handlers leave the rest alone. */
	struct request_life *life;
};

/* --- state and waiting ------------------------------------------------------------------ */

/*
 * `size` cleared bytes in the arena, kept in r->state. On the budget's end returns NULL; then
 * `return request_no_memory(r);`.
 */
void *request_state(struct request *r, size_t size);

/* Goes on with `next` on this turn of the loop: `return request_go(r, next);`. STEP_MORE. */
enum step request_go(struct request *r, request_step *next);

/*
 * Waits: `return request_wait(r, next);`. Somebody calls request_wake(r) exactly once for it
 * (before or after the return, never from within another request's step of the same r).
 */
enum step request_wait(struct request *r, request_step *next);
void request_wake(struct request *r);

/*
 * Runs the unit with the time that is left: `return request_query(r, unit, next);`. `next`
 * comes only when the unit is committed, with its rows in r->unit; a unit that failed answers
 * the request with its error (UNAVAILABLE with retry_after_ms while the database is away). A
 * NULL unit answers as request_no_memory.
 */
enum step request_query(struct request *r, struct db_unit *unit, request_step *next);

/* As request_query, but `next` comes in any case and looks at db_unit_error(r->unit). */
enum step request_query_any(struct request *r, struct db_unit *unit, request_step *next);

/*
 * Registers what unlinks `r` from whatever would wake it. With it a cancelled request ends at
 * once; without it, it stays in flight until request_wake (a database unit is always drained).
 * NULL takes it back. The function must not reply and must not wake.
 */
void request_on_cancel(struct request *r, request_cancel *cancel);

/*
 * Registers what is called once when `r` ends, in whatever way, before its memory goes. It may
 * wake other requests. One function at most.
 */
void request_on_end(struct request *r, request_cancel *end);

/* Milliseconds left until the deadline, at least 1. For timeouts of what a step starts. */
uint32_t request_time_left_ms(const struct request *r);

/* --- replies: each returns STEP_DONE, to be returned by the step ------------------------- */

/* The one reply of a unary method; the typed `<handler>_reply` of rpc/handlers.h checks `out`.
 */
enum step request_reply(struct request *r, const ProtobufCMessage *out);

/* An error reply; err is copied. */
enum step request_fail(struct request *r, const struct otk_error *err);
enum step request_error(struct request *r, enum otk_status code, const char *reason,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * An error reply with fields that struct otk_error has not (the current version and changes
 * of a stale command): an Otklik__V1__Status; needs to live only through the call.
 */
enum step request_fail_status(struct request *r, const ProtobufCMessage *status);

/* RESOURCE_EXHAUSTED / REQUEST_TOO_LARGE: the arena's budget ended. */
enum step request_no_memory(struct request *r);

/* --- streams (methods whose reply is `stream`) ------------------------------------------- */

/*
 * Sends one item. 0; -OTK_RESOURCE_EXHAUSTED when the client's credit or the output bound is
 * used up: nothing was sent, `return request_wait_credit(r, next);` and send it then.
 */
int request_stream_item(struct request *r, const ProtobufCMessage *item);

/* True if an item could be sent now. */
bool request_stream_ready(const struct request *r);

/* Waits until an item can be sent, then goes on with `next`. STEP_WAIT or STEP_MORE. */
enum step request_wait_credit(struct request *r, request_step *next);

/* The end of a stream without error. STEP_DONE. */
enum step request_stream_end(struct request *r);

/*
 * A long-lived stream (watch): it ends by cancel, by the deadline if the caller stated one, by
 * the end of the connection, or on a drain of the server with UNAVAILABLE / SHUTTING_DOWN.
 */
void request_long_lived(struct request *r);

#endif
