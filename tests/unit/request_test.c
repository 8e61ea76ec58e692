/*
 * The life of requests through a session over a socketpair, with handlers and a database of the
 * test's own: waits, cancellation, deadlines, lost connections, streams, bounds, draining.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/pool.h"
#include "loop/loop.h"
#include "otklik/v1/session.pb-c.h"
#include "rpc/handlers.h"
#include "rpc/service.h"
#include "rpc/session.h"
#include "wire/frame.h"
#include "wire/limits.h"

/* ---- a database that answers when told ----------------------------------------------------
 */

struct db_unit {
	struct otk_error err;
};

static struct {
	struct db_unit *unit; /* the one under way */
	db_unit_done *done;
	void *context;
	unsigned submitted;
	unsigned detached;
} database;

static struct db_unit units[8];

void db_pool_submit(struct db_pool *pool, struct db_unit *unit, unsigned timeout_ms,
        db_unit_done *done, void *context)
{
	(void)pool;
	assert_true(timeout_ms >= 1 && timeout_ms <= WIRE_DEADLINE_MAX_MS);
	database.unit = unit;
	database.done = done;
	database.context = context;
	database.submitted++;
}

void db_pool_detach(struct db_pool *pool, struct db_unit *unit)
{
	(void)pool;
	if (database.unit == unit)
		database.unit = NULL;
	database.detached++;
}

const struct otk_error *db_unit_error(const struct db_unit *unit)
{
	return &unit->err;
}

static void database_answers(enum otk_status code)
{
	struct db_unit *unit = database.unit;

	assert_non_null(unit);
	error_clear(&unit->err);
	if (code != OTK_OK)
		(void)error_set(&unit->err, code, "TOLD", "as told");
	database.unit = NULL;
	database.done(database.context, unit);
}

/* ---- a principal of the test ---------------------------------------------------------------
 */

static struct principal admin = {.id = 1,
        .kind = PRINCIPAL_PERSON,
        .code = "admin",
        .holders = 1,
        .access = {.count = 2, .grants = {{ROLE_ADMIN, 0}, {ROLE_AGENT, 0}}}};
static struct principal admin_anew = {.id = 1,
        .kind = PRINCIPAL_PERSON,
        .code = "admin",
        .holders = 1,
        .access = {.count = 1, .grants = {{ROLE_ADMIN, 0}}}};
static bool admin_known;
static bool admin_changed;

struct db_unit *principal_unit(struct arena *arena, const char *uri)
{
	(void)arena;
	assert_string_equal(uri, "otklik://demo/person/admin");
	return &units[7];
}

struct principal *principal_read(
        const struct db_unit *unit, const char *uri, struct otk_error *err)
{
	(void)uri;
	if (unit->err.code != OTK_OK) {
		*err = unit->err;
		return NULL;
	}
	if (!admin_known) {
		(void)error_set(err, OTK_UNAUTHENTICATED, "PRINCIPAL_UNKNOWN", "who?");
		return NULL;
	}
	return principal_hold(admin_changed ? &admin_anew : &admin);
}

struct principal *principal_hold(struct principal *principal)
{
	principal->holders++;
	return principal;
}

void principal_release(struct principal *principal)
{
	if (principal != NULL)
		principal->holders--;
}

bool principal_equal(const struct principal *a, const struct principal *b)
{
	return a == b;
}

/* ---- handlers of the test: what each request does is set before it is sent ------------------
 */

static request_step *script;
static struct request *current; /* the last one begun */
static unsigned cancels;
static unsigned items;

#define METHOD(id_, name_, NAME_, In_, in_, Out_, out_, permission_, timeout_, flags_)         \
	enum step name_##_begin(struct request *r, const In_ *in)                              \
	{                                                                                      \
		assert_ptr_equal(in, r->message);                                              \
		current = r;                                                                   \
		return script(r);                                                              \
	}
#include "wire/methods.inc"
#undef METHOD

static enum step step_reply(struct request *r)
{
	Otklik__V1__WhoAmIResponse out = OTKLIK__V1__WHO_AM_IRESPONSE__INIT;

	return who_am_i_reply(r, &out);
}

static enum step step_go_thrice(struct request *r)
{
	int *count = r->state != NULL ? r->state : request_state(r, sizeof *count);

	return request_go(r, ++*count == 40 ? step_reply : step_go_thrice);
}

static enum step step_forget(struct request *r)
{
	(void)r;
	return STEP_DONE;
}

static enum step step_query(struct request *r)
{
	return request_query(r, &units[0], step_reply);
}

static enum step step_look(struct request *r)
{
	return request_error(r, db_unit_error(r->unit)->code == OTK_OK ? OTK_OK : OTK_ABORTED,
	        "LOOKED", "the handler saw it");
}

static enum step step_query_any(struct request *r)
{
	return request_query_any(r, &units[0], step_look);
}

static enum step step_no_unit(struct request *r)
{
	return request_query(r, NULL, step_reply);
}

static void unlink_it(struct request *r)
{
	(void)r;
	cancels++;
}

static enum step step_wait(struct request *r)
{
	request_on_cancel(r, unlink_it);
	return request_wait(r, step_reply);
}

static enum step step_woken_at_once(struct request *r)
{
	request_wake(r);
	return request_wait(r, step_reply);
}

static enum step step_watch(struct request *r)
{
	request_long_lived(r);
	return step_wait(r);
}

static enum step step_items(struct request *r)
{
	Otklik__V1__WatchResponse item = OTKLIK__V1__WATCH_RESPONSE__INIT;

	while (items < 100) {
		if (watch_item(r, &item) != 0)
			return request_wait_credit(r, step_items);
		items++;
	}
	return request_stream_end(r);
}

/* ---- the fixture ---------------------------------------------------------------------------
 */

struct fixture {
	struct service service;
	unsigned known;
	unsigned closed;
	int peer;
};

static void on_known(void *context, struct session *session)
{
	assert_int_equal(session_token(session), 77);
	((struct fixture *)context)->known++;
}

static void on_closed(void *context, struct session *session)
{
	(void)session;
	((struct fixture *)context)->closed++;
}

static const struct session_ops OPS = {on_known, on_closed};

static void turns(struct fixture *f)
{
	for (int i = 0; i < 16; i++)
		assert_int_equal(loop_turn(f->service.loop, false), 0);
}

static void peer_send(struct fixture *f, enum frame_type type, uint64_t id, unsigned method,
        uint32_t deadline_ms, const ProtobufCMessage *message)
{
	struct frame_header header = {.type = (uint8_t)type,
	        .request_id = id,
	        .method = (uint16_t)method,
	        .deadline_ms = deadline_ms};
	uint8_t bytes[512];
	size_t size;

	if (type == FRAME_REQUEST)
		header.key[0] = 1;
	size = frame_pack(&header, message, bytes);
	assert_int_equal(send(f->peer, bytes, size, 0), size);
	turns(f);
}

static void ask(struct fixture *f, uint64_t id, request_step *what)
{
	script = what;
	peer_send(f, FRAME_REQUEST, id, METHOD_WHO_AM_I, 0, NULL);
}

/* The next frame for the peer; type 0 when there is none or the end. */
static struct frame_header answer(struct fixture *f, Otklik__V1__Status **status)
{
	uint8_t bytes[FRAME_HEADER_SIZE];
	uint8_t payload[4096];
	struct frame_header header = {0};

	turns(f);
	if (recv(f->peer, bytes, sizeof bytes, 0) != sizeof bytes)
		return header;
	frame_header_read(bytes, &header);
	assert_true(header.length <= sizeof payload);
	if (header.length > 0)
		assert_int_equal(recv(f->peer, payload, header.length, 0), header.length);
	if (status != NULL && header.type == FRAME_STATUS) {
		*status = otklik__v1__status__unpack(NULL, header.length, payload);
		assert_non_null(*status);
	}
	return header;
}

static void answered(struct fixture *f, uint64_t id, enum otk_status code, const char *reason)
{
	Otklik__V1__Status *status = NULL;
	struct frame_header header = answer(f, &status);

	assert_true(header.request_id == id);
	if (code == OTK_OK && reason == NULL) {
		assert_int_equal(header.type, FRAME_RESPONSE);
		return;
	}
	assert_int_equal(header.type, FRAME_STATUS);
	assert_int_equal(status->code, code);
	assert_string_equal(status->reason, reason);
	if (code == OTK_UNAVAILABLE)
		assert_true(status->retry_after_ms > 0);
	otklik__v1__status__free_unpacked(status, NULL);
}

static void nothing_more(struct fixture *f)
{
	assert_int_equal(answer(f, NULL).type, 0);
}

static int make(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	int ends[2];

	assert_non_null(f);
	memset(&database, 0, sizeof database);
	memset(units, 0, sizeof units);
	admin_known = true;
	admin_changed = false;
	admin.holders = 1;
	cancels = items = 0;
	f->service = (struct service){.loop = loop_new(),
	        .clock = clock_new_real(),
	        .build = "test",
	        .in_flight_per_connection = 3,
	        .in_flight_max = 100,
	        .connection_age = INT64_C(3600) * CLOCK_SECOND};
	TAILQ_INIT(&f->service.sessions);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	f->peer = ends[1];
	assert_non_null(session_new(
	        &f->service, ends[0], NULL, "otklik://demo/person/admin", &OPS, f, 77));
	turns(f);
	*state = f;
	return 0;
}

static void hello(struct fixture *f)
{
	Otklik__V1__Hello message = OTKLIK__V1__HELLO__INIT;

	message.version_min = 1;
	message.version_max = 1;
	peer_send(f, FRAME_HELLO, 0, 0, 0, &message.base);
}

static int make_greeted(void **state)
{
	struct fixture *f;

	(void)make(state);
	f = *state;
	hello(f);
	nothing_more(f); /* not before the database has said who it is */
	database_answers(OTK_OK);
	assert_int_equal(answer(f, NULL).type, FRAME_HELLO);
	assert_int_equal(f->known, 1);
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	sessions_abort(&f->service);
	turns(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->service.connections, 0);
	assert_int_equal(f->service.in_flight, 0);
	assert_int_equal(f->service.stalled, 0);
	assert_int_equal(admin.holders, 1);
	loop_free(f->service.loop);
	clock_free(f->service.clock);
	(void)close(f->peer);
	free(f);
	return 0;
}

/* ---- tests ---------------------------------------------------------------------------------
 */

static void steps_run_to_one_reply(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_reply);
	answered(f, 1, OTK_OK, NULL);
	ask(f, 2, step_go_thrice);
	answered(f, 2, OTK_OK, NULL);
	ask(f, 3, step_woken_at_once);
	answered(f, 3, OTK_OK, NULL);
	ask(f, 4, step_forget);
	answered(f, 4, OTK_INTERNAL, "NO_REPLY");
	nothing_more(f);
	assert_int_equal(f->service.requests_total, 4);
}

static void a_reply_waits_for_the_database(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_query);
	nothing_more(f);
	assert_int_equal(f->service.in_flight, 1);
	database_answers(OTK_OK);
	answered(f, 1, OTK_OK, NULL);
	ask(f, 2, step_query);
	database_answers(OTK_UNAVAILABLE);
	answered(f, 2, OTK_UNAVAILABLE, "TOLD");
	ask(f, 3, step_query_any);
	database_answers(OTK_NOT_FOUND);
	answered(f, 3, OTK_ABORTED, "LOOKED");
	ask(f, 4, step_no_unit);
	answered(f, 4, OTK_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE");
}

static void a_cancelled_unit_is_drained_before_the_answer(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_query);
	peer_send(f, FRAME_CANCEL, 1, 0, 0, NULL);
	peer_send(f, FRAME_CANCEL, 1, 0, 0, NULL);
	nothing_more(f);
	assert_int_equal(f->service.in_flight, 1);
	database_answers(OTK_OK);
	answered(f, 1, OTK_CANCELLED, "CANCELLED");
	assert_int_equal(database.detached, 0);
	peer_send(f, FRAME_CANCEL, 1, 0, 0, NULL); /* crossed with the answer: harmless */
	nothing_more(f);
}

static void a_cancelled_wait_is_unlinked_once(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_wait);
	peer_send(f, FRAME_CANCEL, 1, 0, 0, NULL);
	answered(f, 1, OTK_CANCELLED, "CANCELLED");
	assert_int_equal(cancels, 1);
	ask(f, 1, step_wait); /* the id is free again */
	request_wake(current);
	answered(f, 1, OTK_OK, NULL);
	assert_int_equal(cancels, 1);
}

static void a_deadline_ends_a_request(void **state)
{
	struct fixture *f = *state;

	script = step_wait;
	peer_send(f, FRAME_REQUEST, 1, METHOD_WHO_AM_I, 500, NULL);
	nothing_more(f);
	assert_int_equal(loop_turn(f->service.loop, true), 0); /* nothing else is to come */
	answered(f, 1, OTK_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
	assert_int_equal(cancels, 1);
}

static void a_lost_connection_orphans_what_is_in_flight(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_query);
	ask(f, 2, step_wait);
	assert_int_equal(shutdown(f->peer, SHUT_RDWR), 0);
	turns(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(database.detached, 1);
	assert_int_equal(cancels, 1);
	assert_int_equal(f->service.in_flight, 0);
}

static void past_the_bound_nothing_is_read(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 1; id <= 5; id++)
		ask(f, id, step_wait);
	assert_int_equal(f->service.in_flight, 3);
	assert_int_equal(f->service.stalled, 1);
	assert_true(current->id == 3);
	request_wake(current);
	answered(f, 3, OTK_OK, NULL);
	assert_int_equal(f->service.in_flight, 3);
	assert_true(current->id == 4);
	request_wake(current);
	answered(f, 4, OTK_OK, NULL);
	assert_true(current->id == 5);
	assert_int_equal(f->service.stalled, 0);
}

static void an_id_in_flight_may_not_be_used_again(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_wait);
	ask(f, 1, step_wait);
	assert_int_equal(answer(f, NULL).type, FRAME_GOAWAY);
	turns(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(cancels, 1);
}

static void a_stream_goes_as_far_as_its_credit(void **state)
{
	struct fixture *f = *state;
	Otklik__V1__Credit credit = OTKLIK__V1__CREDIT__INIT;

	script = step_items;
	peer_send(f, FRAME_REQUEST, 1, METHOD_WATCH, 0, NULL);
	for (unsigned i = 0; i < WIRE_STREAM_CREDIT; i++)
		assert_int_equal(answer(f, NULL).type, FRAME_ITEM);
	nothing_more(f);
	credit.items = 10;
	peer_send(f, FRAME_CREDIT, 1, 0, 0, &credit.base);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(answer(f, NULL).type, FRAME_ITEM);
	nothing_more(f);
	assert_int_equal(items, WIRE_STREAM_CREDIT + 10);
	credit.items = UINT32_MAX;
	peer_send(f, FRAME_CREDIT, 1, 0, 0, &credit.base);
	for (unsigned i = items; items < 100 && i < 100; i++)
		turns(f);
	for (unsigned i = WIRE_STREAM_CREDIT + 10; i < 100; i++)
		assert_int_equal(answer(f, NULL).type, FRAME_ITEM);
	answered(f, 1, OTK_OK, "");
	peer_send(f, FRAME_CREDIT, 1, 0, 0, &credit.base);
	nothing_more(f);
}

static void a_stream_without_credit_can_be_cancelled(void **state)
{
	struct fixture *f = *state;

	script = step_items;
	peer_send(f, FRAME_REQUEST, 1, METHOD_WATCH, 0, NULL);
	for (unsigned i = 0; i < WIRE_STREAM_CREDIT; i++)
		assert_int_equal(answer(f, NULL).type, FRAME_ITEM);
	peer_send(f, FRAME_CANCEL, 1, 0, 0, NULL);
	answered(f, 1, OTK_CANCELLED, "CANCELLED");
}

static void a_drain_ends_watches_and_waits_for_the_rest(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_query);
	script = step_watch;
	peer_send(f, FRAME_REQUEST, 2, METHOD_WATCH, 0, NULL);
	f->service.draining = true;
	sessions_drain(&f->service, "SHUTTING_DOWN", "going");
	sessions_drain(&f->service, "SHUTTING_DOWN", "twice is once");
	assert_int_equal(answer(f, NULL).type, FRAME_GOAWAY);
	answered(f, 2, OTK_UNAVAILABLE, "SHUTTING_DOWN");
	assert_int_equal(cancels, 1);
	ask(f, 3, step_reply);
	answered(f, 3, OTK_UNAVAILABLE, "SHUTTING_DOWN");
	assert_int_equal(f->closed, 0);
	database_answers(OTK_OK);
	answered(f, 1, OTK_OK, NULL);
	turns(f);
	assert_int_equal(f->closed, 1);
}

static void while_the_database_is_away_nobody_waits_for_it(void **state)
{
	struct fixture *f = *state;

	ask(f, 1, step_query);
	f->service.database_away = true;
	sessions_database_away(&f->service);
	answered(f, 1, OTK_UNAVAILABLE, "DB_DOWN");
	assert_int_equal(database.detached, 1);
	ask(f, 2, step_reply);
	answered(f, 2, OTK_UNAVAILABLE, "DB_DOWN");
	script = step_reply;
	peer_send(f, FRAME_REQUEST, 3, METHOD_GET_SERVER_STATUS, 0, NULL);
	answered(f, 3, OTK_OK, NULL);
}

static void a_principal_that_is_gone_is_put_out_at_the_next_look(void **state)
{
	struct fixture *f = *state;

	sessions_recheck(&f->service);
	database_answers(OTK_UNAVAILABLE); /* cannot say: stays */
	nothing_more(f);
	assert_int_equal(f->closed, 0);
	sessions_recheck(&f->service);
	database_answers(OTK_OK);
	assert_int_equal(f->closed, 0);
	admin_known = false;
	sessions_recheck(&f->service);
	database_answers(OTK_OK);
	assert_int_equal(answer(f, NULL).type, FRAME_GOAWAY);
	turns(f);
	assert_int_equal(f->closed, 1);
}

static void a_look_that_failed_or_came_too_early_is_made_again(void **state)
{
	struct fixture *f = *state;
	unsigned before = database.submitted;

	sessions_recheck_unsure(&f->service);
	assert_int_equal(database.submitted, before); /* all is known */
	sessions_recheck(&f->service);
	database_answers(OTK_UNAVAILABLE);
	sessions_recheck_unsure(&f->service);
	assert_int_equal(database.submitted, before + 2);
	sessions_recheck(&f->service); /* changed once more while that one is under way */
	assert_int_equal(database.submitted, before + 2);
	database_answers(OTK_OK);
	admin_known = false;
	sessions_recheck_unsure(&f->service);
	assert_int_equal(database.submitted, before + 3);
	database_answers(OTK_OK);
	assert_int_equal(answer(f, NULL).type, FRAME_GOAWAY);
	turns(f);
	assert_int_equal(f->closed, 1);
}

static void new_rights_end_the_streams_that_had_the_old_ones(void **state)
{
	struct fixture *f = *state;

	script = step_watch;
	peer_send(f, FRAME_REQUEST, 1, METHOD_WATCH, 0, NULL);
	sessions_recheck(&f->service);
	database_answers(OTK_OK); /* the same as before */
	nothing_more(f);
	admin_changed = true;
	sessions_recheck(&f->service);
	database_answers(OTK_OK);
	answered(f, 1, OTK_UNAVAILABLE, "GRANTS_CHANGED");
	assert_int_equal(cancels, 1);
	ask(f, 2, step_reply);
	answered(f, 2, OTK_OK, NULL);
}

static void the_unknown_and_the_unlucky_are_told_at_the_door(void **state)
{
	struct fixture *f = *state;

	hello(f);
	database_answers(OTK_UNAVAILABLE);
	assert_int_equal(answer(f, NULL).type, FRAME_GOAWAY);
	turns(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->known, 0);
}

static void a_second_hello_is_a_mistake(void **state)
{
	struct fixture *f = *state;

	hello(f);
	hello(f);
	assert_int_equal(answer(f, NULL).type, FRAME_GOAWAY);
	turns(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(database.detached, 1);
}

static void one_who_leaves_during_the_lookup_is_forgotten(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(shutdown(f->peer, SHUT_RDWR), 0);
	turns(f);
	assert_int_equal(f->closed, 1);
	assert_int_equal(database.detached, 1);
}

#define GREETED(test) cmocka_unit_test_setup_teardown(test, make_greeted, unmake)
#define AT_DOOR(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        GREETED(steps_run_to_one_reply),
	        GREETED(a_reply_waits_for_the_database),
	        GREETED(a_cancelled_unit_is_drained_before_the_answer),
	        GREETED(a_cancelled_wait_is_unlinked_once),
	        GREETED(a_deadline_ends_a_request),
	        GREETED(a_lost_connection_orphans_what_is_in_flight),
	        GREETED(past_the_bound_nothing_is_read),
	        GREETED(an_id_in_flight_may_not_be_used_again),
	        GREETED(a_stream_goes_as_far_as_its_credit),
	        GREETED(a_stream_without_credit_can_be_cancelled),
	        GREETED(a_drain_ends_watches_and_waits_for_the_rest),
	        GREETED(while_the_database_is_away_nobody_waits_for_it),
	        GREETED(a_principal_that_is_gone_is_put_out_at_the_next_look),
	        GREETED(a_look_that_failed_or_came_too_early_is_made_again),
	        GREETED(new_rights_end_the_streams_that_had_the_old_ones),
	        AT_DOOR(the_unknown_and_the_unlucky_are_told_at_the_door),
	        AT_DOOR(a_second_hello_is_a_mistake),
	        AT_DOOR(one_who_leaves_during_the_lookup_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
