/* Smart batching against a real server: gathering, lanes, bisection, leaving. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/batch.h"
#include "db_fixture.h"
#include "db_test_statements.h"

struct save {
	struct db_batch_item item;
	int64_t id;
	const char *name;
	int64_t size;
	char outcome[16];
	int done;
	enum otk_status code;
	int order; /* the how-manieth completed */
};

static struct loop *loop;
static struct db_pool *pool;
static struct db_batch *batch;
static struct save saves[5000];
static int completed;
static int encoded[64]; /* sizes of the units sent */
static int encodes;
static size_t pad;
static bool refuse_encoding;

static int saves_encode(
        void *context, struct db_unit *unit, struct db_batch_item *const items[], size_t count)
{
	struct db_array *ids, *names, *sizes;
	static char padding[4096];

	(void)context;
	if (refuse_encoding)
		return -OTK_FAILED_PRECONDITION;
	if (encodes < 64)
		encoded[encodes++] = (int)count;
	memset(padding, 'p', sizeof padding);
	db_call(unit, DB_TEST_THING_SAVE);
	ids = db_put_array(unit, DB_INT8, count);
	names = db_put_array(unit, DB_TEXT, count);
	sizes = db_put_array(unit, DB_INT4, count);
	for (size_t i = 0; i < count; i++) {
		const struct save *save = (const struct save *)items[i];

		db_add_int(ids, save->id);
		if (pad > 0)
			db_add_text_n(names, padding, pad);
		else
			db_add_text(names, save->name);
		db_add_int(sizes, save->size);
	}
	return 0;
}

static void saves_decode(void *context, const struct db_unit *unit,
        struct db_batch_item *const items[], size_t count)
{
	const struct db_rows *rows = db_unit_rows(unit, 0);

	(void)context;
	for (size_t i = 0; i < count; i++) {
		struct save *save = (struct save *)items[i];

		if (save != NULL && db_get_int(rows, i, 0) == save->id)
			snprintf(save->outcome, sizeof save->outcome, "%s",
			        db_get_text(rows, i, 1));
	}
}

static const struct db_batch_ops ops = {"saves", saves_encode, saves_decode};

static void save_done(void *context, struct db_batch_item *item, const struct otk_error *err)
{
	struct save *save = (struct save *)item;

	(void)context;
	save->done++;
	save->code = err->code;
	save->order = ++completed;
}

static int test_setup(void **state)
{
	(void)state;
	loop = loop_new();
	fixture_sql("TRUNCATE thing");
	pool = fixture_pool(loop, NULL);
	batch = db_batch_new(loop, pool, &ops, NULL, NULL);
	memset(saves, 0, sizeof saves);
	completed = encodes = 0;
	pad = 0;
	refuse_encoding = false;
	return batch == NULL;
}

static int test_teardown(void **state)
{
	(void)state;
	db_batch_free(batch);
	db_pool_free(pool);
	loop_free(loop);
	return 0;
}

static void batch_again(const struct db_batch_options *options)
{
	db_batch_free(batch);
	batch = db_batch_new(loop, pool, &ops, NULL, options);
	assert_non_null(batch);
}

static struct save *join(int index, int64_t id, int64_t size, uint64_t lane)
{
	struct save *save = &saves[index];

	save->id = id;
	save->name = "thing";
	save->size = size;
	assert_int_equal(db_batch_join(batch, &save->item, lane, save_done, NULL, NULL), 0);
	assert_int_equal(save->done, 0);
	return save;
}

static void one_alone_goes_at_once(void **state)
{
	struct save *save = join(0, 1, 1, 1);

	(void)state;
	assert_true(fixture_wait(loop, &save->done, 1, 5000));
	assert_int_equal(save->code, OTK_OK);
	assert_string_equal(save->outcome, "created");
	assert_int_equal(encodes, 1);
	assert_int_equal(encoded[0], 1);
}

static void what_arrives_meanwhile_goes_together(void **state)
{
	struct db_batch_stats stats;

	(void)state;
	for (int i = 0; i < 200; i++)
		join(i, i % 190, 1, (uint64_t)i + 1);
	assert_true(fixture_wait(loop, &completed, 200, 5000));
	for (int i = 0; i < 200; i++) {
		assert_int_equal(saves[i].code, OTK_OK);
		assert_int_equal(saves[i].done, 1);
	}
	assert_string_equal(fixture_value("SELECT count(*) FROM thing"), "190");
	assert_string_equal(saves[195].outcome, "duplicate");
	/* 64, 64, then 64 and 8 as the first two come back. */
	assert_int_equal(encodes, 4);
	assert_int_equal(encoded[0], 64);
	assert_int_equal(encoded[3], 8);
	db_batch_stats(batch, &stats);
	assert_int_equal(stats.items, 200);
	assert_int_equal(stats.units, 4);
	assert_int_equal(stats.items_top, 64);
	assert_int_equal(stats.waiting + stats.runs, 0);
}

static void a_lane_keeps_its_order_one_at_a_time(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		join(i, i, 1, (uint64_t)(i % 3) + 1);
	assert_true(fixture_wait(loop, &completed, 30, 5000));
	/* A unit never held two of one lane: three at most. */
	for (int i = 0; i < encodes; i++)
		assert_true(encoded[i] <= 3);
	for (int i = 3; i < 30; i++)
		assert_true(saves[i].order > saves[i - 3].order);
}

static void items_without_a_lane_do_not_wait_for_each_other(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		join(i, i, 1, 0);
	assert_true(fixture_wait(loop, &completed, 30, 5000));
	assert_int_equal(encodes, 1);
}

static void bad_rows_fail_alone(void **state)
{
	static const int bad[] = {0, 17, 18, 63};
	struct db_batch_stats stats;

	(void)state;
	for (int i = 0; i < 64; i++) {
		bool is_bad = false;

		for (size_t b = 0; b < 4; b++)
			is_bad |= bad[b] == i;
		join(i, i, is_bad ? 5000 : 1, (uint64_t)i + 1);
	}
	assert_true(fixture_wait(loop, &completed, 64, 10000));
	for (int i = 0; i < 64; i++) {
		bool is_bad = saves[i].size > 1;

		assert_int_equal(saves[i].code, is_bad ? OTK_INVALID_ARGUMENT : OTK_OK);
		assert_int_equal(saves[i].done, 1);
		assert_string_equal(saves[i].outcome, is_bad ? "" : "created");
	}
	db_batch_stats(batch, &stats);
	assert_true(stats.bisected > 6 && stats.bisected < 30);
	assert_string_equal(fixture_value("SELECT count(*) FROM thing"), "60");
}

static void a_guard_that_refuses_does_so_for_its_item_alone(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++)
		join(i, i, i == 5 ? -7 : 1, (uint64_t)i + 1);
	assert_true(fixture_wait(loop, &completed, 16, 10000));
	for (int i = 0; i < 16; i++)
		assert_int_equal(saves[i].code, i == 5 ? OTK_ABORTED : OTK_OK);
}

static void a_number_too_great_fails_alone_as_well(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		join(i, i, i == 4 ? INT64_C(1) << 40 : 1, 0);
	assert_true(fixture_wait(loop, &completed, 10, 10000));
	for (int i = 0; i < 10; i++)
		assert_int_equal(saves[i].code, i == 4 ? OTK_INVALID_ARGUMENT : OTK_OK);
}

static void too_much_for_one_unit_is_cut(void **state)
{
	struct db_batch_options options = {.arena_budget = 120000};

	(void)state;
	batch_again(&options);
	pad = 4096;
	for (int i = 0; i < 64; i++)
		join(i, i, 1, 0);
	assert_true(fixture_wait(loop, &completed, 64, 10000));
	for (int i = 0; i < 64; i++)
		assert_int_equal(saves[i].code, OTK_OK);
}

static void who_leaves_hears_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		join(i, i, i == 30 ? 5000 : 1, 0);
	db_batch_leave(batch, &saves[99].item);
	loop_turn(loop, false); /* formed and sent: 0-63 and the rest */
	db_batch_leave(batch, &saves[5].item);
	db_batch_leave(batch, &saves[30].item);
	db_batch_leave(batch, &saves[30].item);
	db_batch_leave(batch, &saves[64].item);
	assert_true(fixture_wait(loop, &completed, 96, 10000));
	fixture_idle(loop, 20);
	for (int i = 0; i < 100; i++) {
		bool left = i == 99 || i == 5 || i == 30 || i == 64;

		assert_int_equal(saves[i].done, left ? 0 : 1);
		assert_int_equal(saves[i].code, OTK_OK);
	}
	assert_int_equal(completed, 96);
	/* 64 had been sent whole; 5 and 30 were in a unit that had to be cut. */
	assert_string_equal(fixture_value("SELECT count(*) FROM thing"), "97");
	db_batch_leave(batch, &saves[7].item);
}

static void all_may_leave_between_two_parts(void **state)
{
	struct db_batch_stats stats;

	(void)state;
	for (int i = 0; i < 4; i++)
		join(i, i, 5000, 0);
	loop_turn(loop, false);
	for (int i = 0; i < 4; i++)
		db_batch_leave(batch, &saves[i].item);
	fixture_idle(loop, 50);
	db_batch_stats(batch, &stats);
	assert_int_equal(stats.runs, 0);
	assert_int_equal(completed, 0);
	join(4, 4, 1, 0);
	assert_true(fixture_wait(loop, &completed, 1, 5000));
	assert_int_equal(saves[4].code, OTK_OK);
}

static void a_full_queue_refuses(void **state)
{
	struct db_batch_options options = {.waiting_max = 2};
	struct otk_error err;

	(void)state;
	batch_again(&options);
	join(0, 0, 1, 0);
	join(1, 1, 1, 0);
	assert_int_equal(db_batch_join(batch, &saves[2].item, 0, save_done, NULL, &err),
	        -OTK_RESOURCE_EXHAUSTED);
	assert_int_not_equal(err.retry_after_ms, 0);
	assert_int_equal(db_batch_join(batch, &saves[2].item, 0, save_done, NULL, NULL),
	        -OTK_RESOURCE_EXHAUSTED);
	assert_true(fixture_wait(loop, &completed, 2, 5000));
}

static void a_refusal_to_encode_fails_the_items(void **state)
{
	(void)state;
	refuse_encoding = true;
	join(0, 0, 1, 0);
	join(1, 1, 1, 0);
	assert_true(fixture_wait(loop, &completed, 2, 5000));
	assert_int_equal(saves[0].code, OTK_FAILED_PRECONDITION);
	assert_int_equal(saves[1].code, OTK_FAILED_PRECONDITION);
	refuse_encoding = false;
	join(2, 2, 1, 0);
	assert_true(fixture_wait(loop, &completed, 3, 5000));
	assert_int_equal(saves[2].code, OTK_OK);
}

static void a_batch_is_replayed_after_a_crash(void **state)
{
	(void)state;
	fixture_sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
	            " $$BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END $$;"
	            "CREATE TRIGGER slow AFTER INSERT ON thing EXECUTE FUNCTION slow()");
	for (int i = 0; i < 100; i++)
		join(i, i, 1, (uint64_t)i + 1);
	fixture_idle(loop, 100);
	fixture_cluster("kill");
	fixture_cluster("start");
	assert_true(fixture_wait(loop, &completed, 100, 15000));
	for (int i = 0; i < 100; i++) {
		assert_int_equal(saves[i].code, OTK_OK);
		assert_string_equal(saves[i].outcome, "created");
	}
	fixture_sql("DROP TRIGGER slow ON thing; DROP FUNCTION slow");
	assert_string_equal(fixture_value("SELECT count(*) FROM thing"), "100");
}

static void a_batch_under_way_may_be_freed(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		join(i, i, 1, 0);
	loop_turn(loop, false);
	db_batch_free(batch);
	fixture_idle(loop, 50);
	assert_int_equal(completed, 0);
	batch = NULL;
	db_batch_free(NULL);
}

static void many_pass_quickly(void **state)
{
	int64_t start = clock_monotonic(), took;

	(void)state;
	for (int i = 0; i < 4000; i++)
		join(i, i, 1, (uint64_t)i + 1);
	assert_true(fixture_wait(loop, &completed, 4000, 20000));
	took = clock_monotonic() - start;
	print_message("4000 saves in %lld ms\n", (long long)took / 1000);
	assert_string_equal(fixture_value("SELECT count(*) FROM thing"), "4000");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(one_alone_goes_at_once),
	        TEST(what_arrives_meanwhile_goes_together),
	        TEST(a_lane_keeps_its_order_one_at_a_time),
	        TEST(items_without_a_lane_do_not_wait_for_each_other),
	        TEST(bad_rows_fail_alone),
	        TEST(a_guard_that_refuses_does_so_for_its_item_alone),
	        TEST(a_number_too_great_fails_alone_as_well),
	        TEST(too_much_for_one_unit_is_cut),
	        TEST(who_leaves_hears_nothing),
	        TEST(all_may_leave_between_two_parts),
	        TEST(a_full_queue_refuses),
	        TEST(a_refusal_to_encode_fails_the_items),
	        TEST(a_batch_is_replayed_after_a_crash),
	        TEST(a_batch_under_way_may_be_freed),
	        TEST(many_pass_quickly),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
