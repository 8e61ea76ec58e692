/* Sessions: Hello, the principal, frames to requests, flow of a connection. See session.h. */
#include "rpc/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/pool.h"
#include "net/conn.h"
#include "rpc/dispatch.h"
#include "rpc/principal.h"
#include "rpc/request_internal.h"
#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/status_message.h"

enum {
	LOOKUP_MS = 4000, /* less than the client's patience for our Hello */
	LOOKUP_BUDGET = 256 * 1024,
	SMALL_BUDGET = 256 * 1024, /* Hello, Credit, Status */
	RETRY_MS = 1000
};

struct session {
	TAILQ_ENTRY(session) link;
	struct service *service;
	struct conn *conn;
	const struct session_ops *ops;
	void *context;
	uint64_t token;

	char uri[PRINCIPAL_URI_MAX + 1];
	struct principal *principal;
	struct arena *lookup_arena;
	struct db_unit *lookup;
	uint32_t version; /* chosen from the client's Hello; 0 = none came */
	bool known;
	bool unsure;  /* the principal may have changed since it was read */
	bool leaving; /* GOAWAY was sent or received */
	bool stalled;

	struct loop_timer *age;
	struct life_list requests;
	uint32_t in_flight;
	uint64_t requests_total;
};

/* ---- output ---------------------------------------------------------------------------- */

void session_send(struct session *session, const struct frame_header *header,
        const ProtobufCMessage *message)
{
	conn_send(session->conn, header, message);
}

bool session_has_room(const struct session *session)
{
	return conn_output(session->conn) < CONN_OUTPUT_HIGH;
}

static void goaway_send(struct session *session, enum otk_status code, const char *reason,
        const char *message, uint32_t retry_after_ms)
{
	const struct frame_header header = {.type = FRAME_GOAWAY};
	Otklik__V1__GoAway goaway = OTKLIK__V1__GO_AWAY__INIT;

	goaway.code = (uint32_t)code;
	goaway.reason = (char *)reason;
	goaway.message = (char *)message;
	goaway.retry_after_ms = retry_after_ms;
	conn_send(session->conn, &header, &goaway.base);
}

/* Tells why there will be no session, and leaves. */
static void refuse(struct session *session, const struct otk_error *err)
{
	log_info("connection refused", "peer", conn_peer(session->conn), "uri", session->uri,
	        "reason", err->reason, "why", err->message);
	goaway_send(session, err->code, err->reason, err->message,
	        err->code == OTK_UNAVAILABLE && err->retry_after_ms == 0 ? RETRY_MS
	                                                                 : err->retry_after_ms);
	session->leaving = true;
	conn_finish(session->conn, "refused");
}

static void status_send(
        struct session *session, uint64_t request_id, const struct otk_error *err)
{
	const struct frame_header header = {.type = FRAME_STATUS, .request_id = request_id};
	Otklik__V1__Status plain = OTKLIK__V1__STATUS__INIT;
	struct arena *arena = arena_new(SMALL_BUDGET);
	Otklik__V1__Status *message = NULL;

	if (arena != NULL)
		message = status_message_new(arena, err);
	plain.code = err->code;
	conn_send(session->conn, &header, message == NULL ? &plain.base : &message->base);
	arena_free(arena);
}

/* ---- who it is ------------------------------------------------------------------------- */

static void greet(struct session *session)
{
	struct service *service = session->service;
	const struct frame_header header = {.type = FRAME_HELLO};
	Otklik__V1__Hello hello = OTKLIK__V1__HELLO__INIT;
	Otklik__V1__Limits limits = OTKLIK__V1__LIMITS__INIT;

	if (session->principal == NULL || session->version == 0 || session->known)
		return;
	limits.frame_bytes = WIRE_PAYLOAD_MAX;
	limits.in_flight = service->in_flight_per_connection;
	limits.timeout_ms = WIRE_DEADLINE_MAX_MS;
	limits.ping_after_ms = WIRE_PING_IDLE_MS;
	hello.version_min = WIRE_VERSION_MIN;
	hello.version_max = WIRE_VERSION_MAX;
	hello.version = session->version;
	hello.limits = &limits;
	hello.build = (char *)service->build;
	hello.server_time_us = clock_now(service->clock);
	hello.principal = session->uri;
	session->known = true;
	conn_send(session->conn, &header, &hello.base);
	conn_greeted(session->conn);
	log_info("connected", "peer", conn_peer(session->conn), "principal",
	        session->principal->code, "serial", conn_serial(session->conn));
	session->ops->known(session->context, session);
}

static void lookup_end(struct session *session)
{
	session->lookup = NULL;
	arena_free(session->lookup_arena);
	session->lookup_arena = NULL;
}

/* A stream would go on for weeks with the rights of its first day: let it begin anew. */
static void streams_end(
        struct session *session, enum otk_status code, const char *reason, const char *message)
{
	struct request_life *life;
	struct request_life *next;

	for (life = TAILQ_FIRST(&session->requests); life != NULL; life = next) {
		next = TAILQ_NEXT(life, link);
		if (life->long_lived)
			request_abort(life, code, reason, message);
	}
}

static void lookup_done(void *context, struct db_unit *unit)
{
	struct session *session = context;
	struct otk_error err;
	struct principal *found = principal_read(unit, session->uri, &err);

	/* Its arena holds the unit, which the pool still looks at: freed with the session or
	 * by the next lookup. */
	session->lookup = NULL;
	if (found == NULL && session->known && err.code != OTK_UNAUTHENTICATED) {
		session->unsure = true; /* cannot be told now: the next look asks again */
		return;
	}
	if (session->leaving || (found != NULL && session->principal != NULL &&
	                                principal_equal(session->principal, found))) {
		principal_release(found);
	} else if (found == NULL) {
		refuse(session, &err);
	} else {
		principal_release(session->principal);
		session->principal = found;
		streams_end(session, OTK_UNAVAILABLE, "GRANTS_CHANGED",
		        "what you may see has changed; begin again");
		greet(session);
	}
}

static void lookup_start(struct session *session)
{
	lookup_end(session);
	session->unsure = false;
	session->lookup_arena = arena_new(LOOKUP_BUDGET);
	if (session->lookup_arena != NULL)
		session->lookup = principal_unit(session->lookup_arena, session->uri);
	if (session->lookup == NULL) {
		conn_close(session->conn, "out of memory");
		return;
	}
	db_pool_submit(
	        session->service->pool, session->lookup, LOOKUP_MS, lookup_done, session);
}

void sessions_recheck(struct service *service)
{
	struct session *session;

	TAILQ_FOREACH(session, &service->sessions, link)
	session->unsure = true;
	sessions_recheck_unsure(service);
}

/* One whose lookup is under way has its turn afterwards: that may have read too early. */
void sessions_recheck_unsure(struct service *service)
{
	struct session *session;

	TAILQ_FOREACH(session, &service->sessions, link)
	{
		if (session->unsure && !session->leaving && session->lookup == NULL &&
		        session->principal != NULL)
			lookup_start(session);
	}
}

static void on_ready(void *context, const char *uri, const struct otk_error *err)
{
	struct session *session = context;

	if (uri == NULL) {
		refuse(session, err);
		return;
	}
	(void)snprintf(session->uri, sizeof session->uri, "%s", uri);
	lookup_start(session);
}

static void on_hello(
        struct session *session, const struct frame_header *header, const uint8_t *payload)
{
	struct arena *arena = arena_new(SMALL_BUDGET);
	const Otklik__V1__Hello *hello;
	ProtobufCMessage *message;
	struct otk_error err;

	if (arena == NULL) {
		conn_close(session->conn, "out of memory");
		return;
	}
	if (decode_message(&otklik__v1__hello__descriptor, payload, header->length, arena,
	            &message, &err) != 0) {
		refuse(session, &err);
		goto out_free;
	}
	hello = (const void *)message;
	if (session->version != 0) {
		(void)error_set(
		        &err, OTK_FAILED_PRECONDITION, "UNEXPECTED_FRAME", "a second HELLO");
		refuse(session, &err);
		goto out_free;
	}
	if (hello->version_min > WIRE_VERSION_MAX || hello->version_max < WIRE_VERSION_MIN) {
		(void)error_set(&err, OTK_FAILED_PRECONDITION, "VERSION_MISMATCH",
		        "this server speaks protocol versions %d to %d, the client %u to %u; "
		        "update the older one",
		        WIRE_VERSION_MIN, WIRE_VERSION_MAX, hello->version_min,
		        hello->version_max);
		refuse(session, &err);
		goto out_free;
	}
	session->version =
	        hello->version_max < WIRE_VERSION_MAX ? hello->version_max : WIRE_VERSION_MAX;
	greet(session);
out_free:
	arena_free(arena);
}

/* ---- requests -------------------------------------------------------------------------- */

static struct request_life *life_find(struct session *session, uint64_t id)
{
	struct request_life *life;

	TAILQ_FOREACH(life, &session->requests, link)
	{
		if (life->request->id == id)
			return life;
	}
	return NULL;
}

static bool in_flight_full(const struct session *session)
{
	return session->in_flight >= session->service->in_flight_per_connection ||
	       session->service->in_flight >= session->service->in_flight_max;
}

/* While the database is away nothing is begun that would only wait for it. */
static int database_needed(const struct method *method, struct otk_error *err)
{
	if (method->id == METHOD_GET_SERVER_STATUS)
		return 0;
	(void)error_set(err, OTK_UNAVAILABLE, "DB_DOWN",
	        "the database is away; the server waits for it: try again");
	err->retry_after_ms = RETRY_MS;
	return -OTK_UNAVAILABLE;
}

static enum conn_verdict request_judge(
        struct session *session, const struct frame_header *header)
{
	const struct method *method;
	struct otk_error err;

	if (life_find(session, header->request_id) != NULL) {
		/* An answer by id would be taken for the other one's. */
		(void)error_set(&err, OTK_INVALID_ARGUMENT, "DUPLICATE_REQUEST_ID",
		        "request id %llu is in flight already",
		        (unsigned long long)header->request_id);
		refuse(session, &err);
		return CONN_SKIP;
	}
	if (session->leaving || session->service->draining) {
		(void)error_set(&err, OTK_UNAVAILABLE, "SHUTTING_DOWN",
		        "this server process takes no new requests; connect again");
		err.retry_after_ms = RETRY_MS / 10;
		status_send(session, header->request_id, &err);
		return CONN_SKIP;
	}
	if (dispatch_judge(session->principal, header, &method, &err) != 0 ||
	        (session->service->database_away && database_needed(method, &err) != 0)) {
		log_info("request refused", "peer", conn_peer(session->conn), "principal",
		        session->principal->code, "reason", err.reason, "why", err.message);
		status_send(session, header->request_id, &err);
		return CONN_SKIP;
	}
	if (in_flight_full(session)) {
		if (!session->stalled)
			session->service->stalled++;
		session->stalled = true;
		return CONN_STALL;
	}
	return CONN_TAKE;
}

static enum conn_verdict on_header(void *context, const struct frame_header *header)
{
	struct session *session = context;

	if (header->type == FRAME_REQUEST)
		return request_judge(session, header);
	return CONN_TAKE;
}

static void on_request(
        struct session *session, const struct frame_header *header, const uint8_t *payload)
{
	struct request_life *life;
	struct otk_error err;

	if (request_new(session, session->service, session->principal,
	            method_find(header->method), header, payload, conn_peer(session->conn),
	            &life, &err) != 0) {
		log_info("request refused", "peer", conn_peer(session->conn), "principal",
		        session->principal->code, "method", method_find(header->method)->name,
		        "reason", err.reason, "why", err.message);
		status_send(session, header->request_id, &err);
		return;
	}
	TAILQ_INSERT_TAIL(&session->requests, life, link);
	session->in_flight++;
	session->requests_total++;
}

void sessions_unstall(struct service *service)
{
	struct session *session;

	if (service->stalled == 0)
		return;
	TAILQ_FOREACH(session, &service->sessions, link)
	{
		if (session->stalled && !in_flight_full(session)) {
			session->stalled = false;
			service->stalled--;
			conn_resume(session->conn);
		}
	}
}

static void finish_when_idle(struct session *session)
{
	if (session->leaving && session->in_flight == 0)
		conn_finish(session->conn, "drained");
}

void session_request_over(struct session *session, struct request_life *life)
{
	TAILQ_REMOVE(&session->requests, life, link);
	session->in_flight--;
	sessions_unstall(session->service);
	finish_when_idle(session);
}

static void on_credit(
        struct session *session, const struct frame_header *header, const uint8_t *payload)
{
	struct request_life *life = life_find(session, header->request_id);
	struct arena *arena = arena_new(SMALL_BUDGET);
	ProtobufCMessage *message;
	struct otk_error err;

	if (arena == NULL) {
		conn_close(session->conn, "out of memory");
	} else if (decode_message(&otklik__v1__credit__descriptor, payload, header->length,
	                   arena, &message, &err) != 0) {
		refuse(session, &err);
	} else if (life != NULL) { /* else it has just ended: both may cross */
		request_credit(
		        life, ((const Otklik__V1__Credit *)(const void *)message)->items);
	}
	arena_free(arena);
}

static void on_frame(void *context, const struct frame_header *header, const uint8_t *payload)
{
	struct session *session = context;
	struct request_life *life;

	switch (header->type) {
	case FRAME_HELLO:
		on_hello(session, header, payload);
		break;
	case FRAME_REQUEST:
		on_request(session, header, payload);
		break;
	case FRAME_CREDIT:
		on_credit(session, header, payload);
		break;
	case FRAME_CANCEL:
		life = life_find(session, header->request_id);
		if (life != NULL)
			request_abort(life, OTK_CANCELLED, "CANCELLED",
			        "the request was cancelled by its caller");
		break;
	case FRAME_GOAWAY:
		session->leaving = true;
		finish_when_idle(session);
		break;
	default:
		break;
	}
}

static void on_drained(void *context)
{
	struct session *session = context;
	struct request_life *life;
	struct request_life *next;

	for (life = TAILQ_FIRST(&session->requests); life != NULL; life = next) {
		next = TAILQ_NEXT(life, link);
		request_credit(life, 0);
	}
}

void sessions_database_away(struct service *service)
{
	struct session *session;
	struct request_life *life;

	TAILQ_FOREACH(session, &service->sessions, link)
	{
		TAILQ_FOREACH(life, &session->requests, link)
		request_database_away(life);
	}
}

/* ---- end ------------------------------------------------------------------------------- */

static void session_drain(struct session *session, const char *reason, const char *message)
{
	if (session->leaving)
		return;
	session->leaving = true;
	goaway_send(session, OTK_UNAVAILABLE, reason, message, RETRY_MS / 10);
	streams_end(session, OTK_UNAVAILABLE, reason, message);
	finish_when_idle(session);
}

void sessions_drain(struct service *service, const char *reason, const char *message)
{
	struct session *session;

	TAILQ_FOREACH(session, &service->sessions, link)
	session_drain(session, reason, message);
}

void sessions_abort(struct service *service)
{
	struct session *session;

	TAILQ_FOREACH(session, &service->sessions, link)
	conn_close(session->conn, "server stops");
}

static void on_aged(void *arg)
{
	session_drain(arg, "CONNECTION_AGE", "this connection is old; connect again");
}

static void on_closed(void *context, const char *why)
{
	struct session *session = context;
	struct service *service = session->service;
	struct request_life *life;
	char counts[24];

	(void)snprintf(
	        counts, sizeof counts, "%llu", (unsigned long long)session->requests_total);
	if (session->known)
		log_info("disconnected", "peer", conn_peer(session->conn), "principal",
		        session->principal->code, "requests", counts, "why", why);
	else
		log_debug("disconnected before authentication", "peer",
		        conn_peer(session->conn), "why", why);
	TAILQ_REMOVE(&service->sessions, session, link);
	service->connections--;
	if (session->stalled)
		service->stalled--;
	while ((life = TAILQ_FIRST(&session->requests)) != NULL) {
		TAILQ_REMOVE(&session->requests, life, link);
		request_orphan(life);
	}
	if (session->lookup != NULL)
		db_pool_detach(service->pool, session->lookup);
	lookup_end(session);
	session->ops->closed(session->context, session);
	loop_timer_free(session->age);
	principal_release(session->principal);
	free(session);
}

/* ---- begin ----------------------------------------------------------------------------- */

static const struct conn_ops CONN_OPS = {.ready = on_ready,
        .header = on_header,
        .frame = on_frame,
        .drained = on_drained,
        .closed = on_closed};

/* Up to a tenth earlier, so that those who came together do not leave together. */
static int64_t age_jittered(int64_t age, uint64_t token)
{
	uint64_t mixed = (token + 1) * UINT64_C(0x9E3779B97F4A7C15);

	return age - (int64_t)((double)age * 0.1 * (double)(mixed >> 40) / (double)(1 << 24));
}

struct session *session_new(struct service *service, int fd, SSL_CTX *tls,
        const char *plain_uri, const struct session_ops *ops, void *context, uint64_t token)
{
	struct session *session = calloc(1, sizeof *session);

	if (session != NULL)
		session->age = loop_timer_new(service->loop, on_aged, session);
	if (session == NULL || session->age == NULL) {
		(void)close(fd);
		free(session);
		return NULL;
	}
	session->service = service;
	session->ops = ops;
	session->context = context;
	session->token = token;
	TAILQ_INIT(&session->requests);
	session->conn = conn_new(service->loop, fd, tls, plain_uri, &CONN_OPS, session);
	if (session->conn == NULL) {
		loop_timer_free(session->age);
		free(session);
		return NULL;
	}
	loop_timer_set(session->age, age_jittered(service->connection_age, token));
	TAILQ_INSERT_TAIL(&service->sessions, session, link);
	service->connections++;
	return session;
}

uint64_t session_token(const struct session *session)
{
	return session->token;
}
