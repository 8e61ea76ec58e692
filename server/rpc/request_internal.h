/* What request.c and session.c share of a request's life; nobody else includes this. */
#ifndef OTKLIK_RPC_REQUEST_INTERNAL_H
#define OTKLIK_RPC_REQUEST_INTERNAL_H

#include "loop/loop.h"
#include "rpc/request.h"
#include "rpc/service.h"
#include "wire/frame.h"

enum life_state {
	LIFE_QUEUED,  /* its task is posted */
	LIFE_RUNNING, /* in a step */
	LIFE_WAITING, /* for request_wake, the database or credit */
	LIFE_OVER     /* the last reply is given; its task frees it */
};

struct request_life {
	TAILQ_ENTRY(request_life) link; /* of its session's */
	struct request *request;
	struct session *session; /* NULL: the connection is gone, replies go nowhere */
	enum life_state state;
	request_step *next;
	struct loop_task task;
	struct loop_timer *timer; /* the deadline; NULL: none */
	request_cancel *on_cancel;
	request_cancel *on_end;
	bool woken;       /* request_wake came while the step still ran */
	bool in_database; /* a unit is under way */
	bool any_outcome; /* …whose failure the handler wants to see */
	bool wants_credit;
	bool long_lived;
	bool cancelled;
	bool started;          /* its first step has run */
	struct otk_error *why; /* of the cancellation */
	uint32_t credit;
	int64_t started_at; /* loop's clock, us */
	enum otk_status status;
	const char *reason;
};

TAILQ_HEAD(life_list, request_life);

/* Judged header and payload → a request whose first step is queued. 0, or a negative status
 * with err: nothing is left of it, the caller answers. */
int request_new(struct session *session, struct service *service, struct principal *principal,
        const struct method *method, const struct frame_header *header, const uint8_t *payload,
        const char *peer, struct request_life **out, struct otk_error *err);

/* Nobody wants the answer; it ends by itself, at once where that is possible. */
void request_abort(struct request_life *life, enum otk_status code, const char *reason,
        const char *message);

/* The session is gone: aborts, and from now on touches the session no more. */
void request_orphan(struct request_life *life);

/* Credit or room came: an item may be possible now. */
void request_credit(struct request_life *life, uint32_t items);

/* The database has been away for a while: who waits for a unit is answered UNAVAILABLE. */
void request_database_away(struct request_life *life);

/* session.c: called by requests. */
void session_send(struct session *session, const struct frame_header *header,
        const ProtobufCMessage *message);
bool session_has_room(const struct session *session);
void session_request_over(struct session *session, struct request_life *life);

#endif
