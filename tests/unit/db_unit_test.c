/* Building units without a server: the bytes of arrays, what is refused, what it costs. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/encode.h"
#include "db/unit_private.h"
#include "db_fixture.h"

static struct arena *arena;

static int arena_setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 * 1024 * 1024);
	return arena == NULL;
}

static int arena_teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void an_array_has_the_bytes_postgresql_expects(void **state)
{
	static const uint8_t wanted[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0,
	        0, 1, 0, 0, 0, 4, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF};
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	struct db_array *array;
	const void *wire;
	int length;

	(void)state;
	db_call(unit, 0);
	array = db_put_array(unit, DB_INT4, 0);
	db_add_int(array, -2);
	db_add_null(array);
	assert_int_equal(db_array_count(array), 2);
	wire = db_array_wire(array, &length);
	assert_int_equal(length, sizeof wanted);
	assert_memory_equal(wire, wanted, sizeof wanted);
}

static void an_empty_array_has_no_dimension(void **state)
{
	static const uint8_t wanted[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25};
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	const void *wire;
	int length;

	(void)state;
	db_call(unit, 0);
	wire = db_array_wire(db_put_array(unit, DB_TEXT, 10), &length);
	assert_int_equal(length, sizeof wanted);
	assert_memory_equal(wire, wanted, sizeof wanted);
}

static void refused(struct db_unit *unit, enum otk_status code, const char *reason)
{
	assert_int_equal(db_unit_check(unit), -(int)code);
	assert_string_equal(db_unit_error(unit)->reason, reason);
}

static void misuse_is_remembered_until_submission(void **state)
{
	struct db_unit *unit = db_unit_new(arena, DB_READ);
	struct db_array *array;

	(void)state;
	refused(unit, OTK_INTERNAL, "DB_MISUSE");
	unit = db_unit_new(arena, DB_READ);
	db_put_int(unit, 1);
	db_put_array(unit, DB_INT8, 4);
	refused(unit, OTK_INTERNAL, "DB_MISUSE");
	unit = db_unit_new(arena, DB_READ);
	db_call(unit, 0);
	array = db_put_array(unit, DB_UUID, 1);
	db_add_text(array, "no uuid");
	refused(unit, OTK_INTERNAL, "DB_MISUSE");
	unit = db_unit_new(arena, DB_READ);
	db_call(unit, 0);
	db_add_int(db_put_array(unit, DB_TEXT, 1), 5);
	refused(unit, OTK_INTERNAL, "DB_MISUSE");
}

static void a_number_too_great_is_refused(void **state)
{
	static const struct {
		enum db_type type;
		int64_t value;
		bool fits;
	} cases[] = {{DB_INT2, 32767, true}, {DB_INT2, 32768, false}, {DB_INT2, -32769, false},
	        {DB_INT4, INT32_MIN, true}, {DB_INT4, INT64_C(1) << 31, false},
	        {DB_DATE, 0, true}, {DB_DATE, INT64_MAX, false}, {DB_DATE, INT64_MIN, false}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct db_unit *unit = db_unit_new(arena, DB_READ);

		db_call(unit, 0);
		db_put_ints(unit, cases[i].type, &cases[i].value, 1);
		assert_int_equal(
		        db_unit_check(unit), cases[i].fits ? 0 : -OTK_INVALID_ARGUMENT);
	}
	{
		struct db_unit *unit = db_unit_new(arena, DB_READ);

		db_call(unit, 0);
		db_put_date(unit, INT64_C(1) << 40);
		refused(unit, OTK_INVALID_ARGUMENT, "VALUE_INVALID");
	}
}

static void a_small_arena_is_reported_not_crashed_into(void **state)
{
	char text[100];

	(void)state;
	memset(text, 'x', sizeof text);
	/* Every budget: each allocation on the way fails once. */
	for (size_t budget = 64; budget < 12000; budget += 56) {
		struct arena *small = arena_new(budget);
		struct db_unit *unit = db_unit_new(small, DB_WRITE);

		for (int call = 0; unit != NULL && call < 6; call++) {
			struct db_array *array, *bytes;

			db_call(unit, 0);
			array = db_put_array(unit, DB_TEXT, 1);
			bytes = db_put_array(unit, DB_BYTEA, 1);
			for (int i = 0; i < 6; i++) {
				db_add_text_n(array, text, sizeof text);
				db_add_bytes(bytes, text, 4);
				db_add_null(bytes);
			}
			db_put_text_n(unit, text, 30);
			for (int i = 0; i < 20; i++)
				db_put_int(unit, i);
			db_put_bool(unit, true);
			db_put_float(unit, 1);
			db_put_time(unit, 1);
			db_put_date(unit, 1);
			db_put_uuid(unit, NULL);
			db_put_null(unit);
		}
		if (unit != NULL && db_unit_check(unit) == 0)
			db_unit_restart(unit);
		if (unit != NULL && arena_exhausted(small))
			refused(unit, OTK_RESOURCE_EXHAUSTED, "DB_MEMORY");
		arena_free(small);
	}
}

static void an_unfinished_unit_reads_as_empty(void **state)
{
	struct db_unit *unit = db_unit_new(arena, DB_READ);

	(void)state;
	assert_int_equal(db_unit_error(unit)->code, OTK_OK);
	assert_int_equal(db_rows_count(db_unit_rows(unit, 0)), 0);
	assert_string_equal(db_unit_sqlstate(unit), "");
	assert_string_equal(db_unit_constraint(unit), "");
	assert_int_equal(db_unit_failed_call(unit), -1);
}

static void time_keeps_its_microseconds_and_infinities(void **state)
{
	static const int64_t cases[] = {0, 1, -1, INT64_C(1363860600123456), DB_TIME_INFINITY,
	        DB_TIME_MINUS_INFINITY, INT64_C(946684800000000)};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(db_time_from_wire(db_time_to_wire(cases[i])) == cases[i]);
	assert_true(db_time_to_wire(DB_TIME_MINUS_INFINITY + 1) > INT64_MIN);
	assert_true(db_time_from_wire(INT64_MAX - 1) < INT64_MAX);
}

static void types_map_to_oids_and_back(void **state)
{
	(void)state;
	for (int i = 0; i < DB_TYPE_COUNT; i++) {
		enum db_type type, of_array;
		bool is_array;

		assert_int_equal(
		        db_type_of_oid(db_type_oid((enum db_type)i), &type, &is_array), 0);
		assert_false(is_array);
		assert_int_equal(type, i);
		assert_int_equal(db_type_of_oid(db_type_array_oid((enum db_type)i), &of_array,
		                         &is_array),
		        0);
		assert_true(is_array);
		assert_int_equal(of_array, i);
		assert_true(strlen(db_type_name(type)) > 0);
	}
}

/* The shape of a full batch: 64 tickets, 30 columns, of them 4 texts. */
static void encode_batch(struct arena *from)
{
	struct db_unit *unit = db_unit_new(from, DB_REPLAY);
	struct db_array *columns[30];
	int length;

	db_call(unit, 0);
	for (int c = 0; c < 30; c++)
		columns[c] = db_put_array(unit,
		        c < 20   ? DB_INT8
		        : c < 26 ? DB_TIME
		                 : DB_TEXT,
		        64);
	for (int row = 0; row < 64; row++) {
		for (int c = 0; c < 20; c++)
			db_add_int(columns[c], row * c);
		for (int c = 20; c < 26; c++)
			db_add_time_if(columns[c], row % 2 == 0, row);
		for (int c = 26; c < 30; c++)
			db_add_text(
			        columns[c], "the printer on the third floor does not answer");
	}
	for (int c = 0; c < 30; c++)
		assert_non_null(db_array_wire(columns[c], &length));
	assert_int_equal(db_unit_check(unit), 0);
}

static void a_full_batch_is_encoded_quickly(void **state)
{
	int64_t start, best = INT64_MAX;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct arena *own = arena_new((size_t)4 * 1024 * 1024);

		start = clock_monotonic();
		encode_batch(own);
		if (clock_monotonic() - start < best)
			best = clock_monotonic() - start;
		arena_free(own);
	}
	print_message("64 x 30 columns encoded in %lld us\n", (long long)best);
#ifndef OTKLIK_SANITIZED
	assert_true(best < 200);
#endif
}

static void the_wire_is_grown_as_needed(void **state)
{
	struct db_wire wire = {0};

	(void)state;
	assert_int_equal(db_wire_reserve(&wire, 3), 0);
	assert_int_equal(db_wire_reserve(&wire, 2), 0);
	assert_int_equal(wire.cap, 3);
#ifndef OTKLIK_SANITIZED /* which takes such a request for a mistake */
	assert_int_equal(db_wire_reserve(&wire, SIZE_MAX / 64), -OTK_RESOURCE_EXHAUSTED);
	assert_int_equal(wire.cap, 3);
#endif
	db_wire_free(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_array_has_the_bytes_postgresql_expects),
	        cmocka_unit_test(an_empty_array_has_no_dimension),
	        cmocka_unit_test(misuse_is_remembered_until_submission),
	        cmocka_unit_test(a_number_too_great_is_refused),
	        cmocka_unit_test(a_small_arena_is_reported_not_crashed_into),
	        cmocka_unit_test(an_unfinished_unit_reads_as_empty),
	        cmocka_unit_test(time_keeps_its_microseconds_and_infinities),
	        cmocka_unit_test(types_map_to_oids_and_back),
	        cmocka_unit_test(a_full_batch_is_encoded_quickly),
	        cmocka_unit_test(the_wire_is_grown_as_needed),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
