/* The life of a request: steps, waits, replies, cancellation. See request.h. */
#include "rpc/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/pool.h"
#include "rpc/dispatch.h"
#include "rpc/request_internal.h"
#include "rpc/session.h"
#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/status_message.h"

enum {
	STEPS_AT_ONCE = 16,     /* STEP_MOREs before others have their turn */
	RETRY_DATABASE_MS = 500 /* where the database does not say when to come again */
};

/* ---- end ------------------------------------------------------------------------------- */

static void life_log(const struct request_life *life)
{
	const struct request *r = life->request;
	bool changes = (r->method->flags & METHOD_MUTATION) != 0;
	enum log_level level = LOG_DEBUG_LEVEL;
	char id[24];
	char took[24];

	if (life->status == OTK_INTERNAL || life->status == OTK_DATA_LOSS)
		level = LOG_ERROR_LEVEL;
	else if (changes || life->status != OTK_OK)
		level = LOG_INFO_LEVEL;
	(void)snprintf(id, sizeof id, "%" PRIu64, r->id);
	(void)snprintf(took, sizeof took, "%.3f",
	        (double)(loop_now(r->service->loop) - life->started_at) / 1000.0);
	log_kv(level, "request", "peer", r->peer, "principal", r->principal->code, "request_id",
	        id, "method", r->method->name, "status", status_name(life->status), "reason",
	        life->reason, "ms", took, NULL);
}

static void life_end(struct request_life *life)
{
	struct request *r = life->request;
	struct service *service = r->service;

	life_log(life);
	if (life->on_end != NULL)
		life->on_end(r);
	loop_unpost(service->loop, &life->task);
	loop_timer_free(life->timer);
	service->in_flight--;
	if (life->session != NULL)
		session_request_over(life->session, life);
	else
		sessions_unstall(service);
	principal_release(r->principal);
	arena_free(r->arena); /* holds the request and its life */
}

/* The last frame of a request. */
static void reply_send(
        struct request_life *life, enum frame_type type, const ProtobufCMessage *message)
{
	const struct frame_header header = {
	        .type = (uint8_t)type, .request_id = life->request->id};

	if (life->session != NULL)
		session_send(life->session, &header, message);
	life->state = LIFE_OVER;
}

static void reply_error(struct request_life *life, const struct otk_error *err)
{
	Otklik__V1__Status plain = OTKLIK__V1__STATUS__INIT;
	Otklik__V1__Status *message = status_message_new(life->request->arena, err);
	const char *reason = arena_strdup(life->request->arena, err->reason);

	if (message == NULL) {
		plain.code = err->code;
		plain.retry_after_ms = err->retry_after_ms;
		message = &plain;
	}
	life->status = err->code;
	life->reason = reason == NULL ? "" : reason;
	reply_send(life, FRAME_STATUS, &message->base);
}

/* ---- steps ----------------------------------------------------------------------------- */

static void steps_run(void *arg)
{
	struct request_life *life = arg;
	struct request *r = life->request;

	for (unsigned i = 0; life->state == LIFE_QUEUED; i++) {
		enum step step;

		if (!life->started && loop_now(r->service->loop) >= r->deadline)
			request_abort(life, OTK_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
			        "the request waited too long to be started");
		if (life->cancelled) {
			reply_error(life, life->why);
			break;
		}
		life->started = true;
		if (i == STEPS_AT_ONCE) {
			loop_post(r->service->loop, &life->task);
			return;
		}
		life->state = LIFE_RUNNING;
		step = life->next(r);
		if (life->state == LIFE_OVER)
			break;
		if (step == STEP_DONE) {
			(void)request_error(r, OTK_INTERNAL, "NO_REPLY",
			        "the server ended %s without a reply", r->method->name);
			break;
		}
		life->state = LIFE_WAITING;
		if (step == STEP_MORE || life->woken) {
			life->woken = false;
			life->state = LIFE_QUEUED;
		}
	}
	if (life->state == LIFE_OVER)
		life_end(life);
}

static void life_queue(struct request_life *life)
{
	life->state = LIFE_QUEUED;
	loop_post(life->request->service->loop, &life->task);
}

void *request_state(struct request *r, size_t size)
{
	r->state = arena_calloc(r->arena, 1, size);
	return r->state;
}

enum step request_go(struct request *r, request_step *next)
{
	r->life->next = next;
	return STEP_MORE;
}

enum step request_wait(struct request *r, request_step *next)
{
	r->life->next = next;
	return STEP_WAIT;
}

void request_wake(struct request *r)
{
	struct request_life *life = r->life;

	if (life->state == LIFE_RUNNING)
		life->woken = true;
	else if (life->state == LIFE_WAITING)
		life_queue(life);
}

void request_on_cancel(struct request *r, request_cancel *cancel)
{
	r->life->on_cancel = cancel;
}

void request_on_end(struct request *r, request_cancel *end)
{
	r->life->on_end = end;
}

uint32_t request_time_left_ms(const struct request *r)
{
	int64_t left = (r->deadline - loop_now(r->service->loop)) / 1000;

	if (left < 1)
		return 1;
	return left > WIRE_DEADLINE_MAX_MS ? WIRE_DEADLINE_MAX_MS : (uint32_t)left;
}

/* ---- the database ---------------------------------------------------------------------- */

static void unit_done(void *context, struct db_unit *unit)
{
	struct request_life *life = context;
	const struct otk_error *err = db_unit_error(unit);

	life->in_database = false;
	if (err->code != OTK_OK && !life->any_outcome && !life->cancelled) {
		(void)request_fail(life->request, err);
		/* Freed from its task: the unit, which is ours, is still in the pool's hands.
		 */
		loop_post(life->request->service->loop, &life->task);
		return;
	}
	request_wake(life->request);
}

static enum step query(
        struct request *r, struct db_unit *unit, request_step *next, bool any_outcome)
{
	if (unit == NULL)
		return request_no_memory(r);
	r->unit = unit;
	r->life->in_database = true;
	r->life->any_outcome = any_outcome;
	db_pool_submit(r->service->pool, unit, request_time_left_ms(r), unit_done, r->life);
	return request_wait(r, next);
}

void request_database_away(struct request_life *life)
{
	struct request *r = life->request;

	if (!life->in_database || life->cancelled)
		return;
	db_pool_detach(r->service->pool, r->unit);
	life->in_database = false;
	(void)request_error(r, OTK_UNAVAILABLE, "DB_DOWN",
	        "the database is away; nothing that was not answered is lost: try again");
	loop_post(r->service->loop, &life->task);
}

enum step request_query(struct request *r, struct db_unit *unit, request_step *next)
{
	return query(r, unit, next, false);
}

enum step request_query_any(struct request *r, struct db_unit *unit, request_step *next)
{
	return query(r, unit, next, true);
}

/* ---- replies --------------------------------------------------------------------------- */

enum step request_reply(struct request *r, const ProtobufCMessage *out)
{
	if (frame_size(out) > FRAME_HEADER_SIZE + WIRE_PAYLOAD_MAX)
		return request_error(r, OTK_RESOURCE_EXHAUSTED, "REPLY_TOO_LARGE",
		        "the reply would not fit into a frame; ask for less at once");
	reply_send(r->life, FRAME_RESPONSE, out);
	return STEP_DONE;
}

enum step request_fail(struct request *r, const struct otk_error *err)
{
	struct otk_error copy;

	if (err->code != OTK_UNAVAILABLE || err->retry_after_ms != 0) {
		reply_error(r->life, err);
		return STEP_DONE;
	}
	/* Tell the clients when, or all of them try at once. */
	copy = *err;
	copy.retry_after_ms = RETRY_DATABASE_MS;
	reply_error(r->life, &copy);
	return STEP_DONE;
}

enum step request_error(
        struct request *r, enum otk_status code, const char *reason, const char *format, ...)
{
	struct otk_error err;
	char text[OTK_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)error_set(&err, code, reason, "%s", text); /* parted characters fall away */
	return request_fail(r, &err);
}

enum step request_fail_status(struct request *r, const ProtobufCMessage *status)
{
	const Otklik__V1__Status *message = (const void *)status;

	r->life->status =
	        message->code < OTK_STATUS_COUNT ? (enum otk_status)message->code : OTK_UNKNOWN;
	r->life->reason = arena_strdup(r->arena, message->reason);
	reply_send(r->life, FRAME_STATUS, status);
	return STEP_DONE;
}

enum step request_no_memory(struct request *r)
{
	return request_error(r, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
	        "the request needs more memory than one may have; ask for less at once");
}

/* ---- streams --------------------------------------------------------------------------- */

bool request_stream_ready(const struct request *r)
{
	return r->life->session == NULL ||
	       (r->life->credit > 0 && session_has_room(r->life->session));
}

int request_stream_item(struct request *r, const ProtobufCMessage *item)
{
	const struct frame_header header = {.type = FRAME_ITEM, .request_id = r->id};

	if (!request_stream_ready(r))
		return -OTK_RESOURCE_EXHAUSTED;
	if (r->life->session == NULL)
		return 0;
	r->life->credit--;
	session_send(r->life->session, &header, item);
	return 0;
}

enum step request_wait_credit(struct request *r, request_step *next)
{
	if (request_stream_ready(r))
		return request_go(r, next);
	r->life->wants_credit = true;
	return request_wait(r, next);
}

void request_credit(struct request_life *life, uint32_t items)
{
	uint32_t room = WIRE_STREAM_CREDIT_MAX - life->credit;

	life->credit += items < room ? items : room;
	if (life->wants_credit && request_stream_ready(life->request)) {
		life->wants_credit = false;
		request_wake(life->request);
	}
}

enum step request_stream_end(struct request *r)
{
	Otklik__V1__Status message = OTKLIK__V1__STATUS__INIT;

	reply_send(r->life, FRAME_STATUS, &message.base);
	return STEP_DONE;
}

void request_long_lived(struct request *r)
{
	r->life->long_lived = true;
}

/* ---- cancellation ---------------------------------------------------------------------- */

void request_abort(struct request_life *life, enum otk_status code, const char *reason,
        const char *message)
{
	struct request *r = life->request;
	bool alone = life->wants_credit; /* nobody else will wake it */

	if (life->cancelled || life->state == LIFE_OVER)
		return;
	life->cancelled = true;
	life->why = arena_alloc(r->arena, sizeof *life->why);
	if (life->why == NULL) {
		/* The budget is spent; the code alone must do. */
		static struct otk_error bare;

		life->why = &bare;
	}
	(void)error_set(life->why, code, reason, "%s", message);
	if (code == OTK_UNAVAILABLE)
		life->why->retry_after_ms = RETRY_DATABASE_MS;
	if (life->on_cancel != NULL) {
		request_cancel *cancel = life->on_cancel;

		life->on_cancel = NULL;
		cancel(r);
		alone = true;
	}
	/* A unit under way is drained first; unit_done wakes. */
	if (life->state == LIFE_WAITING && alone && !life->in_database)
		life_queue(life);
}

void request_orphan(struct request_life *life)
{
	bool was_in_database = life->in_database;

	life->session = NULL;
	if (was_in_database) {
		/* The pool drains and drops the result; nobody else needs it. */
		db_pool_detach(life->request->service->pool, life->request->unit);
		life->in_database = false;
	}
	request_abort(life, OTK_CANCELLED, "CONNECTION_LOST", "the connection is gone");
	if (was_in_database && life->state == LIFE_WAITING)
		life_queue(life);
}

static void deadline_passed(void *arg)
{
	request_abort(arg, OTK_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
	        "the request was not done in time");
}

/* ---- begin ----------------------------------------------------------------------------- */

static int deadline_set(struct request_life *life, uint32_t timeout_ms)
{
	struct loop *loop = life->request->service->loop;

	life->started_at = loop_now(loop);
	if (timeout_ms == 0) {
		life->request->deadline = INT64_MAX;
		return 0;
	}
	life->request->deadline = life->started_at + (int64_t)timeout_ms * 1000;
	life->timer = loop_timer_new(loop, deadline_passed, life);
	if (life->timer == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	loop_timer_set(life->timer, (int64_t)timeout_ms * 1000);
	return 0;
}

int request_new(struct session *session, struct service *service, struct principal *principal,
        const struct method *method, const struct frame_header *header, const uint8_t *payload,
        const char *peer, struct request_life **out, struct otk_error *err)
{
	struct arena *arena = arena_new(WIRE_DECODE_BUDGET);
	struct request_life *life = NULL;
	struct request *r = NULL;
	ProtobufCMessage *message;
	int rc;

	if (arena != NULL) {
		r = arena_calloc(arena, 1, sizeof *r);
		life = arena_calloc(arena, 1, sizeof *life);
	}
	if (r == NULL || life == NULL) {
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
		        "the server is out of memory");
		goto out_free;
	}
	rc = decode_message(method->in, payload, header->length, arena, &message, err);
	if (rc != 0)
		goto out_free;
	*r = (struct request){.arena = arena,
	        .service = service,
	        .principal = principal_hold(principal),
	        .method = method,
	        .message = message,
	        .now = clock_now(service->clock),
	        .id = header->request_id,
	        .peer = arena_strdup(arena, peer),
	        .life = life};
	memcpy(r->key.bytes, header->key, sizeof r->key.bytes);
	r->has_key = !uuid_is_nil(&r->key);
	*life = (struct request_life){.request = r,
	        .session = session,
	        .next = dispatch_first(method),
	        .reason = "",
	        .credit = WIRE_STREAM_CREDIT};
	loop_task_init(&life->task, steps_run, life);
	if (dispatch_hash(method->id, payload, header->length, r->hash) != 0 ||
	        deadline_set(life, dispatch_timeout_ms(method, header->deadline_ms)) != 0) {
		principal_release(principal);
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
		        "the server is out of memory");
		goto out_free;
	}
	service->in_flight++;
	service->requests_total++;
	life_queue(life);
	*out = life;
	return 0;
out_free:
	arena_free(arena);
	return rc;
}
