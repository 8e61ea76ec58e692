/* From the rows of an event log to cases. */
#include <stdlib.h>
#include <string.h>

#include "cli/import_read.h"
#include "cli_capture.h"
#include "cmocka_test.h"

static struct arena *arena;
static struct stage *stage;

static Otklik__V1__ImportState STATES[] = {OTKLIK__V1__IMPORT_STATE__INIT,
        OTKLIK__V1__IMPORT_STATE__INIT, OTKLIK__V1__IMPORT_STATE__INIT};
static Otklik__V1__ImportState *STATE_LIST[] = {&STATES[0], &STATES[1], &STATES[2]};
static Otklik__V1__ImportColumns COLUMNS = OTKLIK__V1__IMPORT_COLUMNS__INIT;
static char *EMPTY[] = {(char *)(uintptr_t) "?"};
static Otklik__V1__ImportMap map = OTKLIK__V1__IMPORT_MAP__INIT;

#define TEXT(t) ((char *)(uintptr_t)(t))

static void map_make(bool carry)
{
	COLUMNS.number = TEXT("number");
	COLUMNS.created = TEXT("created");
	COLUMNS.observed = TEXT("observed");
	COLUMNS.order = TEXT("order");
	COLUMNS.state = TEXT("state");
	COLUMNS.team = TEXT("team");
	COLUMNS.priority = TEXT("priority");
	COLUMNS.title = TEXT("title");
	STATES[0].from = TEXT("New");
	STATES[0].state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_NEW;
	STATES[1].from = TEXT("Wait");
	STATES[1].state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_PENDING;
	STATES[1].reason = OTKLIK__V1__PENDING_REASON__PENDING_REASON_CUSTOMER;
	STATES[2].from = TEXT("-100");
	STATES[2].keep = true;
	map.source = TEXT("log");
	map.zone = TEXT("Europe/Moscow");
	map.columns = &COLUMNS;
	map.states = STATE_LIST;
	map.n_states = 3;
	map.empty = EMPTY;
	map.n_empty = 1;
	map.carry_forward = carry;
}

#define HEADER "number,created,observed,order,state,team,priority,title\n"

/* Stages a log, as the verb does; the number of refused rows. */
static int64_t log_stage(const char *text)
{
	char *path = temporary_file(text, strlen(text));
	struct import_columns columns;
	struct otk_error err;
	struct csv_row row;
	struct csv *csv = csv_open(path, &err);
	int rc;

	assert_int_equal(csv_next(csv, &row, &err), 1);
	assert_int_equal(import_columns_find(&map, &row, &columns, &err), 0);
	stage_free(stage);
	stage = stage_new(&err);
	assert_non_null(stage);
	while ((rc = csv_next(csv, &row, &err)) != 0) {
		struct otk_error wrong = err;

		if (rc == 1)
			assert_int_equal(import_row(&map, &columns, &row, stage, &err), 0);
		else
			assert_int_equal(
			        import_row_broken(&columns, &row, stage, wrong.message, &err),
			        0);
	}
	csv_close(csv);
	temporary_remove(path);
	assert_int_equal(stage_sort(stage, &err), 0);
	return stage_refused(stage);
}

/* All cases as "ref[state/reason/team/priority@seconds …] …". */
static const char *cases(void)
{
	static char out[4096];
	struct import_ahead ahead = {.ready = 0};
	Otklik__V1__ImportedCase *c = NULL;
	struct otk_error err;
	int rc;

	out[0] = '\0';
	while ((rc = import_case_next(&map, stage, &ahead, arena, &c, &err)) == 1) {
		(void)snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s(%s)[",
		        out[0] == '\0' ? "" : " ", c->ref, c->title);
		for (size_t i = 0; i < c->n_observations; i++) {
			const Otklik__V1__Observation *o = c->observations[i];

			(void)snprintf(out + strlen(out), sizeof out - strlen(out),
			        "%s%d/%d/%s/%u@%lld", i == 0 ? "" : " ", (int)o->state,
			        (int)o->pending_reason, o->team, o->priority,
			        (long long)(o->at_us / 1000000 % 86400));
		}
		(void)strcat(out, "]");
	}
	assert_int_equal(rc, 0);
	return out;
}

static void values_carry_forward_and_keep_keeps(void **state)
{
	(void)state;
	map_make(true);
	assert_int_equal(
	        log_stage(
	                HEADER "a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t1,3,Hello\n"
	                       "a,2020-01-01T00:00:00Z,2020-01-01T00:00:02Z,2,Wait,?,,\n"
	                       "a,2020-01-01T00:00:00Z,2020-01-01T00:00:03Z,3,-100,t2,?,\n"),
	        0);
	assert_string_equal(cases(), "a(Hello)[1/0/t1/3@1 4/1/t1/3@2 4/1/t2/3@3]");
}

static void without_carrying_an_empty_value_is_empty(void **state)
{
	(void)state;
	map_make(false);
	assert_int_equal(
	        log_stage(
	                HEADER "a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t1,3,Hello\n"
	                       "a,2020-01-01T00:00:00Z,2020-01-01T00:00:02Z,2,,?,,\n"),
	        0);
	assert_string_equal(cases(), "a(log a)[1/0/t1/3@1 1/0//0@2]");
}

static void rows_of_any_order_become_cases_in_order(void **state)
{
	(void)state;
	map_make(true);
	assert_int_equal(
	        log_stage(HEADER "b,2020-01-02T00:00:00Z,2020-01-02T00:00:09Z,,New,,,x\n"
	                         "a,2020-01-01T00:00:00Z,2020-01-01T00:00:05Z,10,Wait,,,x\n"
	                         "b,2020-01-02T00:00:00Z,2020-01-02T00:00:01Z,,New,,,x\n"
	                         "a,2020-01-01T00:00:00Z,2020-01-01T00:00:05Z,9,New,,,x\n"
	                         "c,2020-01-01T00:00:00Z,2020-01-01T00:00:05Z,,New,,,x\n"),
	        0);
	assert_int_equal(stage_cases(stage), 3);
	assert_string_equal(cases(), "a(x)[1/0//0@5 4/1//0@5] c(x)[1/0//0@5] b(x)[1/0//0@1 "
	                             "1/0//0@9]");
}

static void local_times_are_those_of_the_map(void **state)
{
	(void)state;
	map_make(true);
	assert_int_equal(
	        log_stage(HEADER "a,2020-01-01T03:00:00,2020-01-01 03:00:07,,New,,,x\n"), 0);
	assert_string_equal(cases(), "a(x)[1/0//0@7]");
}

#define GOOD "a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3,x\n"

static const struct {
	const char *row;
	const char *reason;
} WRONG[] = {
        {"a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,Odd,t,3,x\n",
                "the map does not say what the state 'Odd' is"},
        {"a,yesterday,2020-01-01T00:00:01Z,1,New,t,3,x\n",
                "the time of creation: 'yesterday' is no time"},
        {"a,2020-01-01T00:00:00Z,,1,New,t,3,x\n", "the time of observation is empty"},
        {"a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,one,New,t,3,x\n",
                "'one' is no number to order by"},
        {"a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,6,x\n",
                "priority: '6' must be a number from 1 to 5"},
        {"a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3\n",
                "the row has 7 columns, the header 8"},
        {"a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3,x,y\n",
                "the row has 9 columns, the header 8"},
        {"a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3,\"x\"y\n",
                "text follows a closing quote in column 8"},
        {"a,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3,\xFF\n",
                "the row is not UTF-8"},
};

static void a_case_with_a_wrong_row_is_held_back_whole(void **state)
{
	(void)state;
	map_make(true);
	for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
		char log[1024];
		struct stage_row row;
		struct otk_error err;

		(void)snprintf(log, sizeof log,
		        HEADER GOOD
		        "%sb,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3,x\n",
		        WRONG[i].row);
		assert_int_equal(log_stage(log), 2);
		assert_int_equal(stage_next_refused(stage, &row, &err), 1);
		assert_int_equal(row.line, 2);
		assert_string_equal(row.texts[0], "another row of this case is wrong");
		assert_int_equal(stage_next_refused(stage, &row, &err), 1);
		assert_int_equal(row.line, 3);
		if (strncmp(row.texts[0], WRONG[i].reason, strlen(WRONG[i].reason)) != 0)
			fail_msg("%s", row.texts[0]);
		assert_int_equal(stage_next_refused(stage, &row, &err), 0);
		assert_string_equal(cases(), "b(x)[1/0/t/3@1]");
	}
}

static void rows_without_a_number_hold_nothing_back(void **state)
{
	(void)state;
	map_make(true);
	assert_int_equal(log_stage(HEADER GOOD
	                         ",2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3,x\n"),
	        1);
	assert_string_equal(cases(), "a(x)[1/0/t/3@1]");
}

static void cases_with_two_births_are_held_back(void **state)
{
	(void)state;
	map_make(true);
	assert_int_equal(log_stage(HEADER GOOD
	                         "a,2020-01-01T00:00:09Z,2020-01-01T00:00:10Z,1,New,t,3,x\n"),
	        2);
	assert_string_equal(cases(), "");
}

static void a_case_may_have_a_thousand_observations_and_no_more(void **state)
{
	char *log = calloc(1, 200000);

	(void)state;
	assert_non_null(log);
	map_make(true);
	(void)strcpy(log, HEADER);
	for (int i = 0; i < 1000; i++)
		(void)sprintf(log + strlen(log),
		        "a,2020-01-01T00:00:00Z,2020-01-01T00:%02d:%02dZ,%d,New,,,\n", i / 60,
		        i % 60, i);
	assert_int_equal(log_stage(log), 0);
	assert_int_equal(stage_cases(stage), 1);
	(void)strcat(log, GOOD);
	assert_int_equal(log_stage(log), 1001);
	assert_int_equal(stage_cases(stage), 0);
	free(log);
}

static void the_rows_of_one_case_can_be_had_again(void **state)
{
	struct stage_row row;
	struct otk_error err;

	(void)state;
	map_make(true);
	assert_int_equal(log_stage(HEADER GOOD GOOD
	                         "b,2020-01-01T00:00:00Z,2020-01-01T00:00:01Z,1,New,t,3,x\n"),
	        0);
	stage_find(stage, "a");
	assert_int_equal(stage_next_row(stage, &row, &err), 1);
	assert_int_equal(row.line, 2);
	assert_int_equal(stage_next_row(stage, &row, &err), 1);
	assert_int_equal(stage_next_row(stage, &row, &err), 0);
	stage_find(stage, "nobody");
	assert_int_equal(stage_next_row(stage, &row, &err), 0);
}

static void a_column_that_is_missing_is_told(void **state)
{
	struct csv_row header = {.count = 1, .fields = {"number"}};
	struct import_columns columns;
	struct otk_error err;

	(void)state;
	map_make(true);
	assert_true(import_columns_find(&map, &header, &columns, &err) < 0);
	assert_non_null(strstr(err.message,
	        "the log has no column created, which the map names for `columns.created`"));
	COLUMNS.created = TEXT("");
	assert_true(import_columns_find(&map, &header, &columns, &err) < 0);
	assert_non_null(
	        strstr(err.message, "the map must name the column of `columns.created`"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(values_carry_forward_and_keep_keeps),
	        cmocka_unit_test(without_carrying_an_empty_value_is_empty),
	        cmocka_unit_test(rows_of_any_order_become_cases_in_order),
	        cmocka_unit_test(local_times_are_those_of_the_map),
	        cmocka_unit_test(a_case_with_a_wrong_row_is_held_back_whole),
	        cmocka_unit_test(rows_without_a_number_hold_nothing_back),
	        cmocka_unit_test(cases_with_two_births_are_held_back),
	        cmocka_unit_test(a_case_may_have_a_thousand_observations_and_no_more),
	        cmocka_unit_test(the_rows_of_one_case_can_be_had_again),
	        cmocka_unit_test(a_column_that_is_missing_is_told),
	};
	int failed;

	arena = arena_new(64 * 1024 * 1024);
	failed = cmocka_run_group_tests_name("cli_import_read", tests, NULL, NULL);
	stage_free(stage);
	arena_free(arena);
	return failed;
}
