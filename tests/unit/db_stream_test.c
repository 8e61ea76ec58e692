/* Streams against a real server: rows one by one, one snapshot, pausing, failing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/stream.h"
#include "db_fixture.h"
#include "db_test_statements.h"

struct seen {
	int64_t rows;
	int64_t sum;
	int done;
	enum otk_status code;
	int marks;        /* how often it paused or closed */
	int64_t pause_at; /* 0: never */
	int64_t close_at;
	bool close_when_done;
	char text[64];
};

static struct loop *loop;
static struct arena *arena;
static struct db_stream *stream;
static struct seen seen;

static int test_setup(void **state)
{
	(void)state;
	loop = loop_new();
	arena = arena_new(1 << 20);
	stream = db_stream_open(loop, fixture_conninfo(), NULL);
	memset(&seen, 0, sizeof seen);
	fixture_sql("TRUNCATE thing");
	return stream == NULL;
}

static int test_teardown(void **state)
{
	(void)state;
	db_stream_close(stream);
	arena_free(arena);
	loop_free(loop);
	return 0;
}

static void note_row(void *context, struct db_stream *from, const struct db_rows *rows)
{
	struct seen *note = context;

	note->rows++;
	if (db_rows_columns(rows) > 0 && note->text[0] == '\0')
		note->sum += db_get_int(rows, 0, 0);
	else
		(void)snprintf(
		        note->text, sizeof note->text, "%s", db_get_text_or_empty(rows, 0, 0));
	note->marks += note->rows == note->pause_at || note->rows == note->close_at;
	if (note->rows == note->pause_at)
		db_stream_pause(from);
	if (note->rows == note->close_at) {
		db_stream_close(from);
		stream = NULL;
	}
}

static void note_done(void *context, struct db_stream *from, const struct otk_error *err)
{
	struct seen *note = context;

	note->done++;
	note->code = err->code;
	if (note->close_when_done) {
		db_stream_close(from);
		stream = NULL;
	}
}

static struct db_unit *series(int64_t count, int64_t width)
{
	struct db_unit *unit = db_unit_new(arena, DB_READ);

	db_call(unit, DB_TEST_THING_SERIES);
	db_put_int(unit, count);
	db_put_int(unit, width);
	return unit;
}

static int ask(struct db_unit *unit)
{
	return db_stream_query(stream, db_test_statements, unit, note_row, note_done, &seen);
}

static void rows_come_one_by_one_and_queries_follow_each_other(void **state)
{
	(void)state;
	assert_int_equal(ask(series(10000, 10)), 0);
	assert_int_equal(ask(series(1, 1)), -OTK_FAILED_PRECONDITION);
	assert_true(fixture_wait(loop, &seen.done, 1, 10000));
	assert_int_equal(seen.code, OTK_OK);
	assert_int_equal(seen.rows, 10000);
	assert_int_equal(seen.sum, 50005000);
	assert_int_equal(ask(series(5, 1)), 0);
	assert_true(fixture_wait(loop, &seen.done, 2, 10000));
	assert_int_equal(seen.rows, 10005);
}

static void all_queries_see_one_snapshot(void **state)
{
	struct db_unit *unit = db_unit_new(arena, DB_READ);

	(void)state;
	fixture_sql("INSERT INTO thing (id) VALUES (1)");
	db_call(unit, DB_TEST_THING_ALL);
	assert_int_equal(ask(unit), 0);
	assert_true(fixture_wait(loop, &seen.done, 1, 5000));
	assert_int_equal(seen.rows, 1);
	fixture_sql("INSERT INTO thing (id) VALUES (2)");
	unit = db_unit_new(arena, DB_READ);
	db_call(unit, DB_TEST_THING_ALL);
	assert_int_equal(ask(unit), 0);
	assert_true(fixture_wait(loop, &seen.done, 2, 5000));
	assert_int_equal(seen.rows, 2);
}

static void the_scope_is_set(void **state)
{
	struct db_unit *unit;

	(void)state;
	/* Once asked before the connection is up, once on the idle one. */
	for (int i = 0; i < 2; i++) {
		unit = db_unit_new(arena, DB_READ);
		db_unit_scope(unit, "{3}");
		db_call(unit, DB_TEST_SCOPE);
		seen.text[0] = 's';
		assert_int_equal(ask(unit), 0);
		assert_true(fixture_wait(loop, &seen.done, i + 1, 5000));
		assert_int_equal(seen.code, OTK_OK);
		assert_int_equal(seen.rows, i + 1);
		assert_string_equal(seen.text, "{3}");
	}
}

static void a_paused_stream_holds_still(void **state)
{
	(void)state;
	seen.pause_at = 100;
	assert_int_equal(ask(series(20000, 100)), 0);
	assert_true(fixture_wait(loop, &seen.marks, 1, 10000));
	fixture_idle(loop, 100);
	assert_int_equal(seen.rows, 100);
	assert_int_equal(seen.done, 0);
	db_stream_resume(stream);
	assert_true(fixture_wait(loop, &seen.done, 1, 10000));
	assert_int_equal(seen.rows, 20000);
}

static void it_may_be_closed_from_its_callbacks(void **state)
{
	(void)state;
	seen.close_at = 10;
	assert_int_equal(ask(series(1000, 10)), 0);
	assert_true(fixture_wait(loop, &seen.marks, 1, 10000));
	fixture_idle(loop, 20);
	assert_int_equal(seen.rows, 10);
	assert_int_equal(seen.done, 0);
	assert_null(stream);
	stream = db_stream_open(loop, fixture_conninfo(), NULL);
	seen.close_at = 0;
	seen.close_when_done = true;
	assert_int_equal(ask(series(1, 10)), 0);
	assert_true(fixture_wait(loop, &seen.done, 1, 5000));
	assert_null(stream);
}

static void a_failure_ends_the_stream(void **state)
{
	struct db_unit *unit = db_unit_new(arena, DB_READ);

	(void)state;
	db_call(unit, DB_TEST_THING_REFUSE);
	db_put_text(unit, "OT009");
	assert_int_equal(ask(unit), 0);
	assert_true(fixture_wait(loop, &seen.done, 1, 5000));
	assert_int_equal(seen.code, OTK_FAILED_PRECONDITION);
	assert_int_equal(ask(series(1, 1)), -OTK_FAILED_PRECONDITION);
	db_stream_pause(stream);
	db_stream_resume(stream);
}

static void drift_and_misuse_are_failures(void **state)
{
	struct db_unit *unit = db_unit_new(arena, DB_READ);

	(void)state;
	db_call(unit, DB_TEST_DRIFTED);
	db_put_int(unit, 1);
	seen.close_when_done = true;
	assert_int_equal(ask(unit), 0);
	assert_true(fixture_wait(loop, &seen.done, 1, 5000));
	assert_int_equal(seen.code, OTK_INTERNAL);
	stream = db_stream_open(loop, fixture_conninfo(), NULL);
	unit = db_unit_new(arena, DB_READ);
	db_call(unit, DB_TEST_THING_ALL);
	db_put_int(unit, 1);
	assert_int_equal(ask(unit), 0);
	assert_true(fixture_wait(loop, &seen.done, 2, 5000));
	assert_int_equal(seen.code, OTK_INTERNAL);
	stream = db_stream_open(loop, fixture_conninfo(), NULL);
	assert_int_equal(ask(db_unit_new(arena, DB_READ)), -OTK_INVALID_ARGUMENT);
}

static void a_stream_only_reads(void **state)
{
	struct db_unit *unit = db_unit_new(arena, DB_WRITE);

	(void)state;
	db_call(unit, DB_TEST_THING_INSERT);
	db_put_int(unit, 1);
	db_put_text(unit, "x");
	db_put_int(unit, 1);
	assert_int_equal(ask(unit), 0);
	assert_true(fixture_wait(loop, &seen.done, 1, 5000));
	assert_int_equal(seen.code, OTK_UNAVAILABLE);
}

static void a_lost_connection_is_told(void **state)
{
	(void)state;
	seen.pause_at = 10;
	assert_int_equal(ask(series(1000000, 100)), 0);
	assert_true(fixture_wait(loop, &seen.marks, 1, 10000));
	fixture_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	            " WHERE application_name = 'otklik stream'");
	db_stream_resume(stream);
	assert_true(fixture_wait(loop, &seen.done, 1, 10000));
	assert_int_equal(seen.code, OTK_UNAVAILABLE);
}

/* What the server computes for a stream that is gone, or whose process was killed, ends. */
static void nothing_is_computed_for_a_stream_that_is_gone(void **state)
{
	static const char RUNNING[] = "SELECT count(*) FROM pg_stat_activity WHERE "
	                              "application_name = 'otklik stream' AND query LIKE "
	                              "'SELECT pg_sleep%' AND state = 'active'";
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	int tries = 0;

	(void)state;
	db_call(unit, DB_TEST_SLEEP);
	db_put_float(unit, 60);
	assert_int_equal(ask(unit), 0);
	while (strcmp(fixture_value(RUNNING), "1") != 0 && tries++ < 100)
		fixture_idle(loop, 50);
	assert_string_equal(fixture_value(RUNNING), "1");
	db_stream_close(stream);
	stream = NULL;
	for (tries = 0; strcmp(fixture_value(RUNNING), "0") != 0 && tries < 200; tries++)
		fixture_idle(loop, 50);
	assert_string_equal(fixture_value(RUNNING), "0");
}

static void a_bad_connection_string_is_refused(void **state)
{
	struct otk_error err;

	(void)state;
	assert_null(db_stream_open(loop, "nonsense", &err));
	assert_int_equal(err.code, OTK_INVALID_ARGUMENT);
	db_stream_close(NULL);
}

static void without_a_server_it_waits(void **state)
{
	(void)state;
	db_stream_close(stream);
	stream = db_stream_open(loop, "host=127.0.0.1 port=1 user=x", NULL);
	assert_int_equal(ask(series(1, 1)), 0);
	fixture_idle(loop, 100);
	assert_int_equal(seen.done, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(rows_come_one_by_one_and_queries_follow_each_other),
	        TEST(all_queries_see_one_snapshot),
	        TEST(the_scope_is_set),
	        TEST(a_paused_stream_holds_still),
	        TEST(it_may_be_closed_from_its_callbacks),
	        TEST(a_failure_ends_the_stream),
	        TEST(drift_and_misuse_are_failures),
	        TEST(a_stream_only_reads),
	        TEST(a_lost_connection_is_told),
	        TEST(nothing_is_computed_for_a_stream_that_is_gone),
	        TEST(a_bad_connection_string_is_refused),
	        TEST(without_a_server_it_waits),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
