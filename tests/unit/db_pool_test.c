/* The pool against a real server: what a unit promises, and how it heals. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "db_fixture.h"
#include "db_test_statements.h"

static struct loop *loop;
static struct arena *arena;

static int test_setup(void **state)
{
	(void)state;
	loop = loop_new();
	arena = arena_new((size_t)256 * 1024 * 1024);
	fixture_sql("TRUNCATE thing, blob; ALTER SEQUENCE tries RESTART");
	return 0;
}

static int test_teardown(void **state)
{
	(void)state;
	arena_free(arena);
	loop_free(loop);
	return 0;
}

static struct db_unit *insert(int64_t id, const char *name, enum db_mode mode)
{
	struct db_unit *unit = db_unit_new(arena, mode);

	db_call(unit, DB_TEST_THING_INSERT);
	db_put_int(unit, id);
	db_put_text(unit, name);
	db_put_int(unit, 1);
	return unit;
}

static struct db_unit *call_int(int statement, int64_t value, enum db_mode mode)
{
	struct db_unit *unit = db_unit_new(arena, mode);

	db_call(unit, statement);
	db_put_int(unit, value);
	return unit;
}

static struct db_unit *call_float(int statement, double value, enum db_mode mode)
{
	struct db_unit *unit = db_unit_new(arena, mode);

	db_call(unit, statement);
	db_put_float(unit, value);
	return unit;
}

/* Turns the loop until that many connections are ready. */
static void wait_ready(struct db_pool *pool, unsigned wanted)
{
	struct db_pool_stats stats = {0};

	for (int i = 0; i < 500 && stats.ready < wanted; i++) {
		fixture_idle(loop, 10);
		db_pool_stats(pool, &stats);
	}
	assert_int_equal(stats.ready, wanted);
}

static void every_type_travels_there_and_back(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	struct uuid id = {{1, 2, 3, 15, [15] = 255}}, back;
	const struct db_rows *rows;
	size_t size;

	(void)state;
	db_call(unit, DB_TEST_ECHO);
	db_put_bool(unit, true);
	db_put_int(unit, -2);
	db_put_int(unit, -70000);
	db_put_int(unit, INT64_MIN);
	db_put_float(unit, 2.5);
	db_put_text(unit, "отклик");
	db_put_bytes(unit, "a\0b", 3);
	db_put_time(unit, 1363860600123456);
	db_put_date(unit, 15785);
	db_put_uuid(unit, &id);
	db_call(unit, DB_TEST_ECHO);
	for (int i = 0; i < 10; i++)
		db_put_null(unit);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_OK);
	rows = db_unit_rows(unit, 0);
	assert_int_equal(db_rows_count(rows), 1);
	assert_int_equal(db_rows_columns(rows), 10);
	assert_true(db_get_bool(rows, 0, 0));
	assert_int_equal(db_get_int(rows, 0, 1), -2);
	assert_int_equal(db_get_int(rows, 0, 2), -70000);
	assert_true(db_get_int(rows, 0, 3) == INT64_MIN);
	assert_true(db_get_float(rows, 0, 4) == 2.5);
	assert_string_equal(db_get_text(rows, 0, 5), "отклик");
	assert_memory_equal(db_get_bytes(rows, 0, 6, &size), "a\0b", 3);
	assert_int_equal(size, 3);
	assert_true(db_get_time(rows, 0, 7) == 1363860600123456);
	assert_int_equal(db_get_date(rows, 0, 8), 15785);
	db_get_uuid(rows, 0, 9, &back);
	assert_memory_equal(&id, &back, sizeof id);
	rows = db_unit_rows(unit, 1);
	for (int i = 0; i < 10; i++)
		assert_true(db_is_null(rows, 0, i));
	assert_false(db_get_bool(rows, 0, 0));
	assert_int_equal(db_get_int(rows, 0, 3), 0);
	assert_null(db_get_text(rows, 0, 5));
	assert_string_equal(db_get_text_or_empty(rows, 0, 5), "");
	assert_null(db_get_bytes(rows, 0, 6, &size));
	assert_int_equal(db_get_time(rows, 0, 7), 0);
	assert_int_equal(db_get_date(rows, 0, 8), 0);
	db_get_uuid(rows, 0, 9, &back);
	assert_true(uuid_is_nil(&back));
	db_pool_free(pool);
}

static void put_test_arrays(struct db_unit *unit, const struct uuid *id)
{
	static const int64_t ints[] = {1, -1, 300};
	struct db_array *array = db_put_array(unit, DB_BOOL, 2);

	db_add_bool(array, true);
	db_add_null(array);
	db_put_ints(unit, DB_INT2, ints, 3);
	db_put_ints(unit, DB_INT4, ints, 3);
	array = db_put_array(unit, DB_INT8, 0);
	for (int i = 0; i < 1000; i++)
		db_add_int_if(array, i % 2 == 0, i);
	array = db_put_array(unit, DB_FLOAT8, 1);
	db_add_float(array, 0.5);
	db_put_texts(unit, (const char *const[]){"раз", NULL, "", "четыре"}, 4);
	array = db_put_array(unit, DB_BYTEA, 2);
	db_add_bytes(array, "\0\1", 2);
	db_add_bytes(array, NULL, 0);
	array = db_put_array(unit, DB_TIME, 2);
	db_add_time(array, 1363860600000001);
	db_add_time(array, DB_TIME_INFINITY);
	db_put_ints(unit, DB_DATE, ints, 2);
	array = db_put_array(unit, DB_UUID, 2);
	db_add_uuid(array, id);
	db_add_uuid(array, NULL);
}

static void every_array_travels_there_and_back(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	struct uuid id = {{9, [15] = 1}}, *ids;
	const struct db_rows *rows;
	const char **texts;
	const void **blocks;
	int64_t *ints;
	size_t count, *sizes;

	(void)state;
	db_call(unit, DB_TEST_ECHO_ARRAYS);
	put_test_arrays(unit, &id);
	db_call(unit, DB_TEST_ECHO_ARRAYS);
	for (int type = 0; type < DB_TYPE_COUNT; type++)
		db_put_array(unit, (enum db_type)type, 0);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_OK);
	rows = db_unit_rows(unit, 0);
	assert_int_equal(db_get_ints(rows, 0, 0, arena, &ints, &count), 0);
	assert_int_equal(count, 2);
	assert_true(ints[0] == 1 && ints[1] == 0);
	for (int column = 1; column < 3; column++) {
		assert_int_equal(db_get_ints(rows, 0, column, arena, &ints, &count), 0);
		assert_int_equal(count, 3);
		assert_true(ints[0] == 1 && ints[1] == -1 && ints[2] == 300);
	}
	assert_int_equal(db_get_ints(rows, 0, 3, arena, &ints, &count), 0);
	assert_int_equal(count, 1000);
	assert_true(ints[998] == 998 && ints[999] == 0);
	assert_int_equal(db_get_texts(rows, 0, 5, arena, &texts, &count), 0);
	assert_int_equal(count, 4);
	assert_string_equal(texts[0], "раз");
	assert_null(texts[1]);
	assert_string_equal(texts[2], "");
	assert_int_equal(db_get_byte_arrays(rows, 0, 6, arena, &blocks, &sizes, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(sizes[0], 2);
	assert_memory_equal(blocks[0], "\0\1", 2);
	assert_null(blocks[1]);
	assert_int_equal(db_get_ints(rows, 0, 7, arena, &ints, &count), 0);
	assert_true(ints[0] == 1363860600000001 && ints[1] == DB_TIME_INFINITY);
	assert_int_equal(db_get_ints(rows, 0, 8, arena, &ints, &count), 0);
	assert_true(ints[0] == 1 && ints[1] == -1);
	assert_int_equal(db_get_uuids(rows, 0, 9, arena, &ids, &count), 0);
	assert_int_equal(count, 2);
	assert_memory_equal(&ids[0], &id, sizeof id);
	assert_true(uuid_is_nil(&ids[1]));
	rows = db_unit_rows(unit, 1);
	assert_int_equal(db_get_texts(rows, 0, 5, arena, &texts, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(db_get_uuids(rows, 0, 9, arena, &ids, &count), 0);
	assert_int_equal(count, 0);
	db_pool_free(pool);
}

static void text_is_a_literal_of_any_type(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	const struct db_rows *rows;

	(void)state;
	db_call(unit, DB_TEST_ECHO_OTHERS);
	db_put_text(unit, "12.50");
	db_put_text(unit, "90 minutes");
	db_put_text_n(unit, "{\"a\": 1}garbage", 8);
	db_put_text(unit, "v");
	db_put_int(unit, 4000000000);
	db_put_text(unit, "n");
	assert_int_equal(fixture_run(loop, pool, unit), OTK_OK);
	rows = db_unit_rows(unit, 0);
	assert_string_equal(db_get_text(rows, 0, 0), "12.50");
	assert_string_equal(db_get_text(rows, 0, 1), "01:30:00");
	assert_string_equal(db_get_text(rows, 0, 2), "{\"a\": 1}");
	assert_string_equal(db_get_text(rows, 0, 3), "v");
	assert_true(db_get_int(rows, 0, 4) == 4000000000);
	assert_string_equal(db_get_text(rows, 0, 5), "n");
	assert_string_equal(db_get_text(rows, 0, 6), "$7");
	db_pool_free(pool);
}

static void a_failed_unit_leaves_its_neighbours_alone(void **state)
{
	struct db_pool_options options = {.connections = 1};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct db_unit *units[3] = {
	        insert(1, "a", DB_WRITE), insert(2, "b", DB_WRITE), insert(3, "c", DB_WRITE)};
	struct answer answers[3] = {0};

	(void)state;
	/* The second inserts 2 and then 1 again: 2 must not stay. */
	db_call(units[1], DB_TEST_THING_INSERT);
	db_put_int(units[1], 1);
	db_put_text(units[1], "again");
	db_put_int(units[1], 0);
	db_call(units[1], DB_TEST_THING_ALL);
	for (int i = 0; i < 3; i++)
		db_pool_submit(pool, units[i], 5000, answer_done, &answers[i]);
	assert_true(fixture_wait(loop, &answers[2].done, 1, 5000));
	assert_int_equal(db_unit_error(units[0])->code, OTK_OK);
	assert_int_equal(db_rows_affected(db_unit_rows(units[0], 0)), 1);
	assert_int_equal(db_unit_error(units[1])->code, OTK_ALREADY_EXISTS);
	assert_string_equal(db_unit_sqlstate(units[1]), "23505");
	assert_string_equal(db_unit_constraint(units[1]), "thing_pkey");
	assert_int_equal(db_unit_failed_call(units[1]), 1);
	assert_int_equal(db_rows_count(db_unit_rows(units[1], 2)), 0);
	assert_int_equal(db_unit_error(units[2])->code, OTK_OK);
	assert_string_equal(
	        fixture_value("SELECT string_agg(name, ',' ORDER BY id) FROM thing"), "a,c");
	db_pool_free(pool);
}

static void the_scope_holds_for_its_unit_only(void **state)
{
	struct db_pool_options options = {.connections = 1};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct db_unit *with = db_unit_new(arena, DB_READ),
	               *without = db_unit_new(arena, DB_READ);

	(void)state;
	db_unit_scope(with, "{1,7}");
	db_call(with, DB_TEST_SCOPE);
	db_call(without, DB_TEST_SCOPE);
	assert_int_equal(fixture_run(loop, pool, with), OTK_OK);
	assert_int_equal(fixture_run(loop, pool, without), OTK_OK);
	assert_string_equal(db_get_text(db_unit_rows(with, 0), 0, 0), "{1,7}");
	assert_string_equal(db_get_text_or_empty(db_unit_rows(without, 0), 0, 0), "");
	db_pool_free(pool);
}

static void wrong_use_of_a_statement_names_it(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *unit = call_int(DB_TEST_THING_ALL, 1, DB_READ);

	(void)state;
	assert_int_equal(fixture_run(loop, pool, unit), OTK_INTERNAL);
	assert_string_equal(db_unit_error(unit)->message,
	        "statement thing_all: it has 0 parameters, 1 were given");
	unit = call_float(DB_TEST_THING_GET, 1, DB_READ);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_INTERNAL);
	assert_string_equal(db_unit_error(unit)->message,
	        "statement thing_get: $1 is int8 (oid 20), float8 was given");
	unit = db_unit_new(arena, DB_READ);
	db_call(unit, DB_TEST_THING_SAVE);
	db_put_ints(unit, DB_INT4, NULL, 0);
	db_put_texts(unit, NULL, 0);
	db_put_int(unit, 1);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_INTERNAL);
	assert_string_equal(db_unit_error(unit)->message,
	        "statement thing_save: $1 is int8[] (oid 1016), int4[] was given");
	unit = call_int(DB_TEST_STATEMENT_COUNT, 1, DB_READ);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_INTERNAL);
	unit = insert(1, "x", DB_WRITE);
	db_call(unit, DB_TEST_THING_INSERT);
	db_put_int(unit, 2);
	db_put_text(unit, "y");
	db_put_int(unit, INT64_C(1) << 40);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_INVALID_ARGUMENT);
	assert_string_equal(fixture_value("SELECT count(*) FROM thing"), "0");
	db_pool_free(pool);
}

static void a_drifted_statement_is_counted_and_refused(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *unit = call_int(DB_TEST_DRIFTED, 1, DB_READ);
	struct db_pool_stats stats;

	(void)state;
	db_pool_stats(pool, &stats);
	assert_int_equal(stats.drifted, 1);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_INTERNAL);
	assert_string_equal(db_unit_error(unit)->reason, "DB_SCHEMA_DRIFT");
	db_pool_free(pool);
}

static void our_functions_answer_with_their_status(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *unit = db_unit_new(arena, DB_READ);

	(void)state;
	db_call(unit, DB_TEST_THING_REFUSE);
	db_put_text(unit, "OT005");
	assert_int_equal(fixture_run(loop, pool, unit), OTK_NOT_FOUND);
	assert_string_equal(db_unit_error(unit)->reason, "THING_REFUSED");
	assert_string_equal(db_unit_error(unit)->message, "no OT005");
	db_pool_free(pool);
}

static void a_deadline_ends_waiting_and_flying_units(void **state)
{
	struct db_pool_options options = {.connections = 1, .depth = 1};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct db_unit *slow = call_float(DB_TEST_SLEEP, 1.2, DB_READ);
	struct db_unit *behind = insert(1, "late", DB_WRITE),
	               *after = insert(2, "ok", DB_WRITE);
	struct answer answers[3] = {0};
	int64_t start = clock_monotonic();

	(void)state;
	db_pool_submit(pool, slow, 100, answer_done, &answers[0]);
	db_pool_submit(pool, behind, 200, answer_done, &answers[1]);
	db_pool_submit(pool, after, 5000, answer_done, &answers[2]);
	assert_true(fixture_wait(loop, &answers[0].done, 1, 5000));
	assert_true(clock_monotonic() - start < 1100000);
	assert_int_equal(db_unit_error(slow)->code, OTK_DEADLINE_EXCEEDED);
	assert_string_equal(db_unit_error(slow)->reason, "DB_DEADLINE");
	assert_true(fixture_wait(loop, &answers[1].done, 1, 5000));
	assert_int_equal(db_unit_error(behind)->code, OTK_DEADLINE_EXCEEDED);
	assert_true(fixture_wait(loop, &answers[2].done, 1, 5000));
	assert_int_equal(db_unit_error(after)->code, OTK_OK);
	assert_int_equal(answers[0].done + answers[1].done, 2);
	assert_string_equal(fixture_value("SELECT string_agg(name, ',') FROM thing"), "ok");
	db_pool_free(pool);
}

static void a_statement_has_its_own_timeout(void **state)
{
	struct db_pool_options options = {.statement_ms = 500};
	struct db_pool *pool = fixture_pool(loop, &options);

	(void)state;
	assert_int_equal(fixture_run(loop, pool, call_float(DB_TEST_SLEEP, 5, DB_WRITE)),
	        OTK_DEADLINE_EXCEEDED);
	db_pool_free(pool);
}

static void a_full_queue_refuses_with_a_delay(void **state)
{
	struct db_pool_options options = {.connections = 1, .depth = 1, .waiting_max = 2};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct answer answers[4] = {0};
	struct db_unit *units[4];
	struct db_pool_stats stats;

	(void)state;
	for (int i = 0; i < 4; i++) {
		units[i] = call_float(DB_TEST_SLEEP, 0.05, DB_READ);
		db_pool_submit(pool, units[i], 5000, answer_done, &answers[i]);
		assert_int_equal(answers[i].done, 0);
	}
	assert_true(fixture_wait(loop, &answers[3].done, 1, 1000));
	assert_int_equal(db_unit_error(units[3])->code, OTK_RESOURCE_EXHAUSTED);
	assert_string_equal(db_unit_error(units[3])->reason, "DB_BUSY");
	assert_int_not_equal(db_unit_error(units[3])->retry_after_ms, 0);
	assert_true(fixture_wait(loop, &answers[2].done, 1, 5000));
	assert_int_equal(db_unit_error(units[2])->code, OTK_OK);
	db_pool_stats(pool, &stats);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.units, 4);
	assert_int_equal(stats.failed, 1);
	assert_int_equal(stats.waiting + stats.in_flight, 0);
	db_pool_free(pool);
}

static void a_detached_unit_may_be_freed_wherever_it_is(void **state)
{
	struct db_pool_options options = {.connections = 1, .depth = 2};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct answer answers[5] = {0};
	struct db_unit *units[5];
	struct arena *own = arena_new(1 << 20), *keep = arena;

	(void)state;
	arena = own;
	units[0] = call_float(DB_TEST_SLEEP, 0.1, DB_WRITE); /* in flight */
	units[1] = insert(1, "sent", DB_WRITE);              /* in flight behind it */
	units[2] = insert(2, "waiting", DB_WRITE);
	units[3] = db_unit_new(arena, DB_READ); /* completed at once: misuse */
	for (int i = 0; i < 4; i++)
		db_pool_submit(pool, units[i], 5000, answer_done, &answers[i]);
	for (int i = 0; i < 4; i++)
		db_pool_detach(pool, units[i]);
	db_pool_detach(pool, units[2]);
	arena = keep;
	arena_free(own);
	units[4] = insert(3, "after", DB_WRITE);
	assert_int_equal(fixture_run(loop, pool, units[4]), OTK_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(answers[i].done, 0);
	/* What was sent runs to its end, what waited never started. */
	assert_string_equal(
	        fixture_value("SELECT string_agg(name, ',' ORDER BY id) FROM thing"),
	        "sent,after");
	db_pool_free(pool);
}

static void a_freed_pool_forgets_everything(void **state)
{
	struct db_pool_options options = {.connections = 1, .depth = 1};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct answer answers[3] = {0};

	(void)state;
	db_pool_submit(
	        pool, call_float(DB_TEST_SLEEP, 0.1, DB_READ), 500, answer_done, answers);
	db_pool_submit(pool, insert(1, "w", DB_WRITE), 500, answer_done, answers + 1);
	db_pool_submit(pool, db_unit_new(arena, DB_READ), 500, answer_done, answers + 2);
	db_pool_free(pool);
	fixture_idle(loop, 50);
	for (int i = 0; i < 3; i++)
		assert_int_equal(answers[i].done, 0);
	db_pool_free(NULL);
}

static void big_values_pass_both_ways_at_once(void **state)
{
	struct db_pool_options options = {
	        .connections = 1, .depth = 8, .bytes_max = (size_t)1 << 30};
	struct db_pool *pool = fixture_pool(loop, &options);
	size_t size = (size_t)8 * 1024 * 1024;
	char *data = arena_alloc(arena, size);
	struct db_unit *units[6];
	struct answer answers[6] = {0};
	size_t back;

	(void)state;
	memset(data, 7, size);
	/* Sent while the answers to those before come in: neither side may stop reading. */
	for (int i = 0; i < 6; i++) {
		units[i] = call_int(DB_TEST_BLOB_PUT, i, DB_WRITE);
		db_put_bytes(units[i], data, size);
		db_pool_submit(pool, units[i], 30000, answer_done, &answers[i]);
	}
	assert_true(fixture_wait(loop, &answers[5].done, 1, 30000));
	for (int i = 0; i < 6; i++) {
		assert_int_equal(db_unit_error(units[i])->code, OTK_OK);
		assert_memory_equal(
		        db_get_bytes(db_unit_rows(units[i], 0), 0, 0, &back), data, 64);
		assert_int_equal(back, size);
	}
	db_pool_free(pool);
}

static void an_answer_greater_than_the_arena_is_an_error(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct arena *own = arena_new(64 * 1024), *keep = arena;
	struct db_unit *unit;

	(void)state;
	arena = own;
	unit = call_int(DB_TEST_THING_SERIES, 1000, DB_READ);
	arena = keep;
	db_put_int(unit, 1000);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_RESOURCE_EXHAUSTED);
	assert_string_equal(db_unit_error(unit)->reason, "DB_MEMORY");
	assert_int_equal(db_rows_count(db_unit_rows(unit, 0)), 0);
	arena_free(own);
	db_pool_free(pool);
}

static void conflicts_and_deadlocks_are_run_again(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *units[2];
	struct answer answers[2] = {0};
	struct db_pool_stats stats;

	(void)state;
	assert_int_equal(
	        fixture_run(loop, pool, call_int(DB_TEST_THING_CONFLICT, 3, DB_WRITE)), OTK_OK);
	fixture_sql("ALTER SEQUENCE tries RESTART");
	assert_int_equal(
	        fixture_run(loop, pool, call_int(DB_TEST_THING_CONFLICT, 50, DB_WRITE)),
	        OTK_ABORTED);
	fixture_sql("INSERT INTO thing (id) VALUES (1), (2)");
	for (int i = 0; i < 2; i++) {
		units[i] = call_int(DB_TEST_THING_DEADLOCK, i + 1, DB_WRITE);
		db_put_int(units[i], 2 - i);
		db_pool_submit(pool, units[i], 10000, answer_done, &answers[i]);
	}
	assert_true(fixture_wait(loop, &answers[0].done, 1, 10000));
	assert_true(fixture_wait(loop, &answers[1].done, 1, 10000));
	assert_int_equal(db_unit_error(units[0])->code, OTK_OK);
	assert_int_equal(db_unit_error(units[1])->code, OTK_OK);
	assert_string_equal(fixture_value("SELECT sum(size) FROM thing"), "4");
	db_pool_stats(pool, &stats);
	assert_true(stats.retried >= 3 + 7 + 1);
	db_pool_free(pool);
}

static void a_migration_makes_statements_prepare_anew(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	struct db_pool_stats stats;

	(void)state;
	fixture_sql("INSERT INTO thing (id) VALUES (1)");
	for (int i = 0; i < 4; i++) {
		unit = db_unit_new(arena, DB_READ);
		db_call(unit, DB_TEST_THING_ALL);
		assert_int_equal(fixture_run(loop, pool, unit), OTK_OK);
	}
	assert_int_equal(db_rows_columns(db_unit_rows(unit, 0)), 4);
	fixture_sql("ALTER TABLE thing ADD COLUMN extra text");
	unit = db_unit_new(arena, DB_WRITE);
	db_call(unit, DB_TEST_THING_ALL);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_OK);
	assert_int_equal(db_rows_columns(db_unit_rows(unit, 0)), 5);
	wait_ready(pool, 2);
	db_pool_stats(pool, &stats);
	assert_int_equal(stats.reconnects, 0);
	fixture_sql("ALTER TABLE thing DROP COLUMN extra");
	db_pool_reprepare(pool);
	wait_ready(pool, 2);
	unit = db_unit_new(arena, DB_READ);
	db_call(unit, DB_TEST_THING_ALL);
	assert_int_equal(fixture_run(loop, pool, unit), OTK_OK);
	assert_int_equal(db_rows_columns(db_unit_rows(unit, 0)), 4);
	/* A feature that truly is not there fails after a few attempts. */
	unit = db_unit_new(arena, DB_READ);
	db_call(unit, DB_TEST_THING_REFUSE);
	db_put_text(unit, "0A000");
	assert_int_equal(fixture_run(loop, pool, unit), OTK_INTERNAL);
	db_pool_free(pool);
}

struct heard {
	int count;
	int restarts;
	char last[64];
};

static void note_heard(void *context, const char *channel, const char *payload)
{
	struct heard *heard = context;

	(void)channel;
	if (payload == NULL) {
		heard->restarts++;
		return;
	}
	heard->count++;
	snprintf(heard->last, sizeof heard->last, "%s", payload);
}

static void notifications_come_and_a_gap_is_told(void **state)
{
	struct db_pool_options options = {.conninfo = fixture_conninfo(),
	        .statements = db_test_statements,
	        .statement_count = DB_TEST_STATEMENT_COUNT};
	struct db_pool *pool = db_pool_new(loop, &options, NULL);
	struct heard heard = {0};

	(void)state;
	assert_int_equal(db_pool_listen(pool, "news", note_heard, &heard), 0);
	for (int i = 0; i < 7; i++)
		assert_int_equal(db_pool_listen(pool, "other", note_heard, &heard), 0);
	assert_int_equal(
	        db_pool_listen(pool, "more", note_heard, &heard), -OTK_RESOURCE_EXHAUSTED);
	assert_true(fixture_wait(loop, &heard.restarts, 8, 5000));
	fixture_sql("NOTIFY news, 'first'; NOTIFY unheard, 'x'");
	assert_true(fixture_wait(loop, &heard.count, 1, 5000));
	assert_string_equal(heard.last, "first");
	fixture_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	            " WHERE application_name = 'otklikd'");
	assert_true(fixture_wait(loop, &heard.restarts, 16, 5000));
	fixture_sql("NOTIFY news, 'second'");
	assert_true(fixture_wait(loop, &heard.count, 2, 5000));
	assert_string_equal(heard.last, "second");
	db_pool_free(pool);
}

/* Kills the backends with SIGKILL, as the kernel would: the whole cluster restarts. */
static void kill_backends(void)
{
	int pid = 0;

	for (int i = 0; i < 50 && pid == 0; i++) {
		fixture_idle(loop, 20);
		pid = atoi(
		        fixture_value("SELECT pid FROM pg_stat_activity WHERE application_name"
		                      " = 'otklikd' AND state = 'active' LIMIT 1"));
	}
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void lost_connections_repeat_what_may_be_repeated(void **state)
{
	struct db_pool_options options = {.connections = 1};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct db_unit *units[4] = {call_float(DB_TEST_SLEEP, 0.5, DB_READ),
	        insert(1, "write", DB_WRITE), insert(2, "replay", DB_REPLAY), NULL};
	struct answer answers[4] = {0};
	struct db_pool_stats stats;

	(void)state;
	for (int i = 0; i < 3; i++)
		db_pool_submit(pool, units[i], 20000, answer_done, &answers[i]);
	kill_backends();
	assert_true(fixture_wait(loop, &answers[1].done, 1, 10000));
	assert_int_equal(db_unit_error(units[1])->code, OTK_UNAVAILABLE);
	assert_string_equal(db_unit_error(units[1])->reason, "DB_OUTCOME_UNKNOWN");
	assert_true(fixture_wait(loop, &answers[2].done, 1, 15000));
	assert_int_equal(db_unit_error(units[0])->code, OTK_OK);
	assert_int_equal(db_unit_error(units[2])->code, OTK_OK);
	assert_string_equal(fixture_value("SELECT string_agg(name, ',') FROM thing"), "replay");
	db_pool_stats(pool, &stats);
	assert_true(stats.reconnects >= 1);
	db_pool_free(pool);
}

static void a_silent_server_is_given_up(void **state)
{
	struct db_pool_options options = {.connections = 1, .statement_ms = 400};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct db_unit *pid = db_unit_new(arena, DB_READ);
	struct db_unit *unit = call_int(DB_TEST_THING_GET, 1, DB_READ);
	struct answer answer = {0};
	int64_t start = clock_monotonic();
	int backend;

	(void)state;
	db_call(pid, DB_TEST_BACKEND);
	assert_int_equal(fixture_run(loop, pool, pid), OTK_OK);
	backend = (int)db_get_int(db_unit_rows(pid, 0), 0, 0);
	assert_true(backend > 1);
	/* Frozen, it takes what is sent and says nothing, as a server behind a dead link. */
	kill(backend, SIGSTOP);
	db_pool_submit(pool, unit, 10000, answer_done, &answer);
	fixture_wait(loop, &answer.done, 1, 5000);
	kill(backend, SIGCONT);
	assert_int_equal(answer.done, 1);
	assert_int_equal(db_unit_error(unit)->code, OTK_OK);
	assert_true(clock_monotonic() - start >= 700000);
	db_pool_free(pool);
}

static void a_host_that_does_not_answer_is_passed_over(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char conninfo[256];
	struct db_pool_options options = {.conninfo = conninfo, .connect_timeout_ms = 500};
	const char *folder = strchr(fixture_conninfo(), '/');
	struct db_pool *pool;

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 5), 0);
	getsockname(listener, (struct sockaddr *)&address, &size);
	snprintf(conninfo, sizeof conninfo,
	        "host=127.0.0.1,%.*s port=%d,5432 user=postgres dbname=postgres"
	        " options='-c work_mem=1MB'",
	        (int)strcspn(folder, " "), folder, ntohs(address.sin_port));
	pool = fixture_pool(loop, &options);
	assert_int_equal(
	        fixture_run(loop, pool, call_int(DB_TEST_THING_GET, 1, DB_READ)), OTK_OK);
	db_pool_free(pool);
	close(listener);
}

static void a_unit_that_kills_its_server_is_given_up(void **state)
{
	struct db_pool_options options = {.connections = 1};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct db_unit *unit = call_float(DB_TEST_SLEEP, 20, DB_READ);
	struct answer answer = {0};

	(void)state;
	db_pool_submit(pool, unit, 30000, answer_done, &answer);
	for (int i = 0; i < 50 && answer.done == 0; i++) {
		fixture_idle(loop, 100);
		fixture_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		            " WHERE application_name = 'otklikd' AND state = 'active'");
	}
	assert_true(fixture_wait(loop, &answer.done, 1, 10000));
	assert_int_equal(db_unit_error(unit)->code, OTK_UNAVAILABLE);
	assert_string_equal(db_unit_error(unit)->reason, "DB_DOWN");
	db_pool_free(pool);
}

static void the_pool_survives_a_crash_of_the_server(void **state)
{
	struct db_pool *pool = fixture_pool(loop, NULL);
	struct db_unit *reads[6];
	struct answer answers[6] = {0};
	int64_t start;

	(void)state;
	for (int i = 0; i < 3; i++) {
		reads[i] = call_float(DB_TEST_SLEEP, 0.3, DB_READ);
		db_pool_submit(pool, reads[i], 20000, answer_done, &answers[i]);
	}
	fixture_idle(loop, 50);
	fixture_cluster("kill");
	fixture_idle(loop, 300);
	for (int i = 3; i < 6; i++) {
		reads[i] = call_int(DB_TEST_THING_GET, 1, DB_WRITE);
		db_pool_submit(pool, reads[i], 20000, answer_done, &answers[i]);
	}
	fixture_cluster("start");
	start = clock_monotonic();
	for (int i = 0; i < 6; i++) {
		assert_true(fixture_wait(loop, &answers[i].done, 1, 20000));
		assert_int_equal(db_unit_error(reads[i])->code, OTK_OK);
	}
	/* At most one backoff, connecting, and the sleeps. */
	assert_true(clock_monotonic() - start < 10000000);
	db_pool_free(pool);
}

static void the_next_host_is_tried(void **state)
{
	char conninfo[256];
	struct db_pool_options options = {.conninfo = conninfo, .connect_timeout_ms = 3000};
	struct db_pool *pool;

	(void)state;
	snprintf(conninfo, sizeof conninfo, "host=/nowhere,%s user=postgres dbname=postgres",
	        strchr(fixture_conninfo(), '/'));
	*strchr(strchr(conninfo, '/') + 10, ' ') = '\0';
	strcat(conninfo, " user=postgres dbname=postgres");
	pool = fixture_pool(loop, &options);
	assert_int_equal(
	        fixture_run(loop, pool, call_int(DB_TEST_THING_GET, 1, DB_READ)), OTK_OK);
	db_pool_free(pool);
}

static void a_read_only_server_is_left(void **state)
{
	struct db_pool_options options = {.connections = 1};
	struct db_pool *pool = fixture_pool(loop, &options);
	struct db_unit *unit = db_unit_new(arena, DB_WRITE);
	struct answer answer = {0};
	struct db_pool_stats stats;

	(void)state;
	db_call(unit, DB_TEST_THING_REFUSE);
	db_put_text(unit, "25006");
	db_pool_submit(pool, unit, 10000, answer_done, &answer);
	assert_true(fixture_wait(loop, &answer.done, 1, 10000));
	assert_int_equal(db_unit_error(unit)->code, OTK_UNAVAILABLE);
	db_pool_stats(pool, &stats);
	assert_int_equal(stats.reconnects, 3);
	db_pool_free(pool);
}

static void a_bad_connection_string_is_explained(void **state)
{
	static const char *const bad[] = {"host", "nonsense=1", "host=a port='"};
	struct otk_error err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct db_pool_options options = {.conninfo = bad[i]};

		assert_null(db_pool_new(loop, &options, &err));
		assert_int_equal(err.code, OTK_INVALID_ARGUMENT);
		assert_string_equal(err.reason, "DB_CONNINFO");
	}
}

static void a_pool_without_a_server_keeps_trying_and_says_so(void **state)
{
	struct db_pool_options options = {.conninfo = "host=127.0.0.1 port=1 user=x",
	        .statements = db_test_statements,
	        .statement_count = DB_TEST_STATEMENT_COUNT};
	struct db_pool *pool = db_pool_new(loop, &options, NULL);
	struct db_unit *unit = call_int(DB_TEST_THING_GET, 1, DB_READ);
	struct answer answer = {0};

	(void)state;
	db_pool_submit(pool, unit, 200, answer_done, &answer);
	assert_true(fixture_wait(loop, &answer.done, 1, 5000));
	assert_int_equal(db_unit_error(unit)->code, OTK_DEADLINE_EXCEEDED);
	db_pool_free(pool);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(every_type_travels_there_and_back),
	        TEST(every_array_travels_there_and_back),
	        TEST(text_is_a_literal_of_any_type),
	        TEST(a_failed_unit_leaves_its_neighbours_alone),
	        TEST(the_scope_holds_for_its_unit_only),
	        TEST(wrong_use_of_a_statement_names_it),
	        TEST(a_drifted_statement_is_counted_and_refused),
	        TEST(our_functions_answer_with_their_status),
	        TEST(a_deadline_ends_waiting_and_flying_units),
	        TEST(a_statement_has_its_own_timeout),
	        TEST(a_full_queue_refuses_with_a_delay),
	        TEST(a_detached_unit_may_be_freed_wherever_it_is),
	        TEST(a_freed_pool_forgets_everything),
	        TEST(big_values_pass_both_ways_at_once),
	        TEST(an_answer_greater_than_the_arena_is_an_error),
	        TEST(conflicts_and_deadlocks_are_run_again),
	        TEST(a_migration_makes_statements_prepare_anew),
	        TEST(notifications_come_and_a_gap_is_told),
	        TEST(lost_connections_repeat_what_may_be_repeated),
	        TEST(a_silent_server_is_given_up),
	        TEST(a_host_that_does_not_answer_is_passed_over),
	        TEST(a_unit_that_kills_its_server_is_given_up),
	        TEST(the_pool_survives_a_crash_of_the_server),
	        TEST(the_next_host_is_tried),
	        TEST(a_read_only_server_is_left),
	        TEST(a_bad_connection_string_is_explained),
	        TEST(a_pool_without_a_server_keeps_trying_and_says_so),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
