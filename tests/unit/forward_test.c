/* The forwarder against a fake server and a fake loop. */
#include "agent/forward.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "agent/report.h"
#include "base/log.h"

#define T0 (INT64_C(1700000000) * 1000000)
#define DAY (INT64_C(24) * 3600 * 1000000)

/* A server that holds marks by epoch and can be told to fail. */
static struct {
	struct loop *loop;
	struct loop_task task;
	struct uuid epoch;
	uint64_t mark;
	uint64_t marks_asked;
	uint64_t submits;
	uint64_t reports;
	uint64_t refuse_seq; /* answered REFUSED */
	uint64_t spoils_seq; /* the whole request is INVALID_ARGUMENT while it is inside … */
	bool spoils_by_kind; /* … unless it is a REFUSED note */
	struct otk_error fail; /* of the next call */
	bool stands;           /* answers a submit with the mark unchanged */
	size_t largest;
	uint64_t head_seq;
	int64_t age_us;
	char last_text[300];
	/* the open call */
	bool open;
	bool is_mark;
	forward_mark_done *mark_done;
	forward_submit_done *submit_done;
	void *arg;
	struct otk_error answer;
} server;

static void server_answer(void *unused)
{
	struct otk_error answer = server.answer;
	const struct otk_error *err = answer.code != OTK_OK ? &answer : NULL;

	(void)unused;
	if (!server.open)
		return;
	server.open = false;
	if (server.is_mark) {
		Otklik__V1__GetMarkResponse reply = OTKLIK__V1__GET_MARK_RESPONSE__INIT;

		reply.mark = server.mark;
		server.mark_done(server.arg, err == NULL ? &reply : NULL, err);
	} else {
		Otklik__V1__SubmitReportsResponse reply =
		        OTKLIK__V1__SUBMIT_REPORTS_RESPONSE__INIT;
		Otklik__V1__ReportResult result = OTKLIK__V1__REPORT_RESULT__INIT;
		Otklik__V1__ReportResult *results[] = {&result};

		reply.mark = server.mark;
		result.seq = server.refuse_seq;
		result.outcome = OTKLIK__V1__REPORT_OUTCOME__REPORT_OUTCOME_REFUSED;
		reply.results = results;
		reply.n_results = server.refuse_seq != 0;
		server.submit_done(server.arg, err == NULL ? &reply : NULL, err);
	}
}

static int call_open(bool is_mark, void *arg)
{
	assert_false(server.open);
	server.open = true;
	server.is_mark = is_mark;
	server.arg = arg;
	server.answer = server.fail;
	error_clear(&server.fail);
	loop_post(server.loop, &server.task);
	return 0;
}

static int fake_mark(void *link, const Otklik__V1__GetMarkRequest *request,
        forward_mark_done *done, void *arg, struct otk_error *err)
{
	(void)link;
	(void)err;
	server.marks_asked++;
	server.head_seq = request->head_seq;
	server.mark_done = done;
	if (memcmp(server.epoch.bytes, request->queue_epoch.data, 16) != 0) {
		memcpy(server.epoch.bytes, request->queue_epoch.data, 16);
		if (!uuid_is_nil(&server.epoch) && server.marks_asked > 1)
			server.mark = 0;
	}
	return call_open(true, arg);
}

static int fake_submit(void *link, const Otklik__V1__SubmitReportsRequest *request,
        forward_submit_done *done, void *arg, struct otk_error *err)
{
	bool spoilt = false;

	(void)link;
	(void)err;
	server.submits++;
	server.submit_done = done;
	if (request->n_reports > server.largest)
		server.largest = request->n_reports;
	for (size_t i = 0; i < request->n_reports; i++) {
		const Otklik__V1__Report *report = request->reports[i];

		if (request->first_seq + i == server.spoils_seq &&
		        report->kind != OTKLIK__V1__REPORT_KIND__REPORT_KIND_REFUSED)
			spoilt = true;
	}
	if (spoilt)
		(void)error_set(&server.fail, OTK_INVALID_ARGUMENT, "INVALID_FIELD",
		        "reports[0].host is wrong");
	if (server.fail.code == OTK_OK && !server.stands) {
		if (request->first_seq != server.mark + 1) {
			(void)error_set(&server.fail, OTK_ABORTED, "GAP", "gap");
		} else {
			const Otklik__V1__Report *last =
			        request->reports[request->n_reports - 1];

			server.mark += request->n_reports;
			server.reports += request->n_reports;
			server.age_us = last->age_us;
			(void)snprintf(
			        server.last_text, sizeof server.last_text, "%s", last->text);
		}
	}
	return call_open(false, arg);
}

static void fake_cancel(void *link)
{
	(void)link;
	server.open = false;
}

static const struct forward_link FAKE = {
        .mark = fake_mark, .submit = fake_submit, .cancel = fake_cancel};

static char dir[64];
static struct otk_clock *clock_now_of_test;
static struct queue *queue;
static struct forward *forward;
static struct otk_error err;

static int setup(void **state)
{
	struct queue_options options = {.agent = "a1", .cap_bytes = 1 << 20};
	char clock_path[100];

	(void)state;
	log_setup(
	        open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR_LEVEL, LOG_LOGFMT, "t", "");
	(void)strcpy(dir, "/tmp/otklik-forward.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	options.dir = dir;
	(void)snprintf(clock_path, sizeof clock_path, "%s/clock", dir);
	clock_now_of_test = clock_open_virtual(clock_path, T0);
	if (clock_now_of_test == NULL || queue_open(&options, T0, &queue, &err) != 0)
		return -1;
	memset(&server, 0, sizeof server);
	server.loop = loop_new_fake(0);
	loop_task_init(&server.task, server_answer, NULL);
	forward = forward_new(&(struct forward_options){.loop = server.loop,
	        .queue = queue,
	        .clock = clock_now_of_test,
	        .link = &FAKE});
	return forward == NULL;
}

static int teardown(void **state)
{
	DIR *open_dir;
	struct dirent *item;

	(void)state;
	forward_free(forward);
	loop_unpost(server.loop, &server.task);
	loop_free(server.loop);
	queue_close(queue);
	clock_free(clock_now_of_test);
	open_dir = opendir(dir);
	while (open_dir != NULL && (item = readdir(open_dir)) != NULL) {
		char path[400];

		(void)snprintf(path, sizeof path, "%s/%s", dir, item->d_name);
		(void)unlink(path);
	}
	if (open_dir != NULL)
		(void)closedir(open_dir);
	(void)rmdir(dir);
	return 0;
}

static void put(int count)
{
	for (int i = 0; i < count; i++) {
		struct buf packed = {0};
		struct queue_entry entry;
		int64_t seq;

		assert_int_equal(report_started("x", T0, &packed, &entry), 0);
		assert_int_equal(queue_put(queue, &entry, NULL, T0, &seq, &err), 0);
		buf_free(&packed);
	}
}

static struct queue_state looked(void)
{
	struct queue_state state;

	assert_int_equal(queue_look(queue, &state, &err), 0);
	return state;
}

static void nothing_is_sent_before_there_is_a_connection(void **state)
{
	(void)state;
	put(3);
	forward_poke(forward);
	loop_fake_move(server.loop, 60 * CLOCK_SECOND);
	assert_int_equal(server.marks_asked, 0);
	assert_false(forward_is_online(forward));
}

static void the_backlog_goes_out_in_order_in_batches_of_64(void **state)
{
	(void)state;
	put(150);
	forward_online(forward);
	loop_fake_move(server.loop, CLOCK_SECOND);
	assert_int_equal(server.mark, 150);
	assert_int_equal(server.submits, 3);
	assert_int_equal(server.largest, 64);
	assert_int_equal(server.head_seq, 150);
	assert_int_equal(looked().mark, 150);
	assert_true(server.age_us > 0);
	assert_true(forward_is_online(forward));
}

static void a_new_report_goes_out_at_once_when_poked_and_soon_when_not(void **state)
{
	(void)state;
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	put(1);
	forward_poke(forward);
	loop_fake_move(server.loop, 1000);
	assert_int_equal(server.mark, 1);
	put(1); /* by another process */
	loop_fake_move(server.loop, 3 * CLOCK_SECOND);
	assert_int_equal(server.mark, 2);
}

static void a_new_connection_announces_what_came_meanwhile(void **state)
{
	(void)state;
	put(1);
	forward_online(forward);
	put(2);
	forward_offline(forward);
	forward_online(forward); /* the first question is still open */
	assert_int_equal(server.marks_asked, 2);
	assert_int_equal(server.head_seq, 3);
	loop_fake_move(server.loop, CLOCK_SECOND);
	assert_int_equal(server.mark, 3);
	assert_int_equal(server.submits, 1);
}

static void a_failure_is_waited_out_and_the_mark_asked_again(void **state)
{
	(void)state;
	put(2);
	(void)error_set(&server.fail, OTK_UNAVAILABLE, "BUSY", "busy");
	forward_online(forward);
	loop_fake_move(server.loop, CLOCK_SECOND / 2);
	assert_int_equal(server.marks_asked, 1);
	assert_string_equal(forward_error(forward), "busy");
	assert_false(forward_is_online(forward));
	forward_online(forward); /* a new connection does not cut the wait short */
	loop_fake_move(server.loop, 1000);
	assert_int_equal(server.marks_asked, 1);
	loop_fake_move(server.loop, CLOCK_SECOND);
	assert_int_equal(server.marks_asked, 2);
	assert_int_equal(server.mark, 2);
}

static void the_servers_pushback_is_obeyed(void **state)
{
	(void)state;
	put(1);
	(void)error_set(&server.fail, OTK_RESOURCE_EXHAUSTED, "SLOW", "slow down");
	server.fail.retry_after_ms = 30000;
	forward_online(forward);
	loop_fake_move(server.loop, 29 * CLOCK_SECOND);
	assert_int_equal(server.marks_asked, 1);
	loop_fake_move(server.loop, 8 * CLOCK_SECOND);
	assert_int_equal(server.mark, 1);
}

static void a_lost_reply_leads_to_no_second_delivery(void **state)
{
	(void)state;
	put(5);
	server.mark = 5; /* the server committed, the answer was lost */
	forward_online(forward);
	loop_fake_move(server.loop, CLOCK_SECOND);
	assert_int_equal(server.submits, 0);
	assert_int_equal(looked().mark, 5);
}

static void a_restored_server_gets_again_what_it_lost(void **state)
{
	(void)state;
	put(10);
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	assert_int_equal(server.mark, 10);
	forward_offline(forward);
	server.mark = 4;
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	assert_int_equal(server.mark, 10);
	assert_int_equal(server.reports, 16);
}

static void a_server_restored_too_far_back_gets_a_new_epoch_and_the_gap(void **state)
{
	struct uuid epoch = looked().epoch;

	(void)state;
	put(10);
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	forward_offline(forward);
	assert_int_equal(queue_trim(queue, T0 + 8 * DAY, &err), 0);
	put(2);
	server.mark = 4;
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	assert_memory_not_equal(looked().epoch.bytes, epoch.bytes, 16);
	assert_memory_equal(looked().epoch.bytes, server.epoch.bytes, 16);
	assert_int_equal(server.mark, looked().head);
	assert_int_equal(looked().head, 4); /* two reports, the gap, the end of the epoch */
	assert_int_equal(looked().gaps, 0);
	assert_non_null(strstr(server.last_text, "queue gap"));
}

static void a_mark_beyond_the_head_begins_a_new_epoch(void **state)
{
	struct uuid epoch = looked().epoch;

	(void)state;
	put(2);
	server.mark = 50; /* this queue was restored from a copy */
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	assert_memory_not_equal(looked().epoch.bytes, epoch.bytes, 16);
	assert_int_equal(looked().mark, 3);
	assert_int_equal(server.mark, 3);
}

static void a_report_that_spoils_its_batch_is_replaced_by_a_note(void **state)
{
	(void)state;
	put(10);
	server.spoils_seq = 4;
	forward_online(forward);
	loop_fake_move(server.loop, CLOCK_SECOND);
	assert_int_equal(server.mark, 10);
	assert_int_equal(looked().mark, 10);
	assert_int_equal(server.reports, 10);
}

static void a_refused_report_is_acked(void **state)
{
	(void)state;
	put(2);
	server.refuse_seq = 1;
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	assert_int_equal(looked().mark, 2);
}

static void an_unreadable_report_does_not_block_those_behind_it(void **state)
{
	static const char BROKEN[] = "\xFF\xFF\xFF";
	const struct queue_entry entry = {.payload = BROKEN, .size = 3};
	int64_t seq;

	(void)state;
	assert_int_equal(queue_put(queue, &entry, NULL, T0, &seq, &err), 0);
	forward_online(forward);
	loop_fake_move(server.loop, 1000);
	assert_int_equal(server.mark, 1);
	assert_string_equal(server.last_text, "stored report unreadable");
}

static void a_server_that_stands_still_is_not_flooded(void **state)
{
	(void)state;
	put(1);
	server.stands = true;
	forward_online(forward);
	loop_fake_move(server.loop, 20 * CLOCK_SECOND);
	assert_in_range(server.submits, 2, 8);
	server.stands = false;
	loop_fake_move(server.loop, 200 * CLOCK_SECOND);
	assert_int_equal(server.mark, 1);
}

static void refusals_at_the_cap_reach_the_server(void **state)
{
	static char bulk[4000];
	const struct queue_entry entry = {.payload = bulk, .size = sizeof bulk};
	int64_t seq;

	(void)state;
	while (queue_put(queue, &entry, NULL, T0, &seq, &err) == 0)
		;
	assert_int_equal(looked().refusal.count, 1);
	forward_online(forward);
	loop_fake_move(server.loop, 10 * CLOCK_SECOND);
	assert_int_equal(looked().refusal.count, 0);
	assert_int_equal(server.mark, looked().head);
}

static void sql_run(const char *sql)
{
	char path[100];
	sqlite3 *db;

	(void)snprintf(path, sizeof path, "%s/queue.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

static void reports_that_vanished_from_the_file_do_not_stop_the_others(void **state)
{
	(void)state;
	put(9);
	sql_run("DELETE FROM entry WHERE seq IN (1, 2, 5)");
	forward_online(forward);
	loop_fake_move(server.loop, CLOCK_SECOND);
	assert_int_equal(looked().mark, looked().head);
	assert_int_equal(server.mark, looked().head);
	assert_int_equal(server.reports, 6 + 2); /* the rest, and a note for each new epoch */
}

static void a_file_found_corrupt_while_sending_is_set_aside(void **state)
{
	char path[100];
	static char garbage[16384];
	int fd;

	(void)state;
	put(100);
	queue_close(queue);
	queue = NULL;
	assert_int_equal(queue_open(
	                         &(struct queue_options){
	                                 .dir = dir, .agent = "a1", .cap_bytes = 1 << 20},
	                         T0, &queue, &err),
	        0);
	forward_free(forward);
	forward = forward_new(&(struct forward_options){.loop = server.loop,
	        .queue = queue,
	        .clock = clock_now_of_test,
	        .link = &FAKE});
	(void)snprintf(path, sizeof path, "%s/queue.db", dir);
	fd = open(path, O_WRONLY);
	memset(garbage, 0x5A, sizeof garbage);
	assert_int_equal(pwrite(fd, garbage, sizeof garbage, 12288), sizeof garbage);
	(void)close(fd);
	forward_online(forward);
	loop_fake_move(server.loop, 30 * CLOCK_SECOND);
	assert_true(looked().head > 0); /* at least the gap */
	assert_int_equal(looked().mark, looked().head);
	assert_int_equal(looked().gaps, 0);
}

static void old_reports_are_warned_about_not_dropped(void **state)
{
	(void)state;
	put(1);
	assert_int_equal(clock_move(clock_now_of_test, T0 + 400 * DAY), 0);
	loop_fake_move(server.loop, 130 * CLOCK_SECOND);
	assert_int_equal(looked().oldest, 1);
	assert_int_equal(looked().mark, 0);
}

static void an_open_call_is_given_up_with_the_forwarder(void **state)
{
	(void)state;
	put(1);
	forward_online(forward);
	assert_true(server.open);
	forward_free(forward);
	forward = NULL;
	assert_false(server.open);
	loop_fake_move(server.loop, 1000);
}

#define FORWARD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        FORWARD_TEST(nothing_is_sent_before_there_is_a_connection),
	        FORWARD_TEST(the_backlog_goes_out_in_order_in_batches_of_64),
	        FORWARD_TEST(a_new_report_goes_out_at_once_when_poked_and_soon_when_not),
	        FORWARD_TEST(a_new_connection_announces_what_came_meanwhile),
	        FORWARD_TEST(a_failure_is_waited_out_and_the_mark_asked_again),
	        FORWARD_TEST(the_servers_pushback_is_obeyed),
	        FORWARD_TEST(a_lost_reply_leads_to_no_second_delivery),
	        FORWARD_TEST(a_restored_server_gets_again_what_it_lost),
	        FORWARD_TEST(a_server_restored_too_far_back_gets_a_new_epoch_and_the_gap),
	        FORWARD_TEST(a_mark_beyond_the_head_begins_a_new_epoch),
	        FORWARD_TEST(a_report_that_spoils_its_batch_is_replaced_by_a_note),
	        FORWARD_TEST(a_refused_report_is_acked),
	        FORWARD_TEST(an_unreadable_report_does_not_block_those_behind_it),
	        FORWARD_TEST(a_server_that_stands_still_is_not_flooded),
	        FORWARD_TEST(refusals_at_the_cap_reach_the_server),
	        FORWARD_TEST(reports_that_vanished_from_the_file_do_not_stop_the_others),
	        FORWARD_TEST(a_file_found_corrupt_while_sending_is_set_aside),
	        FORWARD_TEST(old_reports_are_warned_about_not_dropped),
	        FORWARD_TEST(an_open_call_is_given_up_with_the_forwarder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
