/* Messages as JSON. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli_capture.h"
#include "cmocka_test.h"
#include "otklik/v1/kpi.pb-c.h"
#include "otklik/v1/ticket.pb-c.h"

static char *text_of(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(value);
	return text;
}

static void a_ticket_has_words_instants_and_seconds(void **state)
{
	Otklik__V1__Ticket ticket = OTKLIK__V1__TICKET__INIT;
	Otklik__V1__Clock clock = OTKLIK__V1__CLOCK__INIT;
	Otklik__V1__Clock *clocks[] = {&clock};
	json_t *object;
	const json_t *first;

	(void)state;
	ticket.id = INT64_MAX;
	ticket.title = (char *)(uintptr_t) "Принтер \"молчит\"";
	ticket.state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_IN_PROGRESS;
	ticket.created_at_us = INT64_C(1772442000000000);
	ticket.clocks = clocks;
	ticket.n_clocks = 1;
	clock.kind = OTKLIK__V1__CLOCK_KIND__CLOCK_KIND_RESPONSE;
	clock.consumed_us = 1500000;
	object = json_of_message(&ticket.base);
	assert_int_equal(json_integer_value(json_object_get(object, "id")), INT64_MAX);
	assert_string_equal(
	        json_string_value(json_object_get(object, "title")), "Принтер \"молчит\"");
	assert_string_equal(json_string_value(json_object_get(object, "state")), "in_progress");
	assert_string_equal(json_string_value(json_object_get(object, "created_at")),
	        "2026-03-02T09:00:00Z");
	assert_true(json_is_null(json_object_get(object, "resolved_at")));
	assert_true(json_is_null(json_object_get(object, "pending_reason")));
	assert_true(json_is_false(json_object_get(object, "no_sla")));
	first = json_array_get(json_object_get(object, "clocks"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "kind")), "response");
	assert_true(fabs(json_real_value(json_object_get(first, "consumed_s")) - 1.5) <
	            DBL_EPSILON);
	json_decref(object);
}

static void of_a_oneof_only_what_is_set_is_told(void **state)
{
	Otklik__V1__KpiCell cell = OTKLIK__V1__KPI_CELL__INIT;
	char *text;

	(void)state;
	cell.value_case = OTKLIK__V1__KPI_CELL__VALUE_INTEGER;
	cell.integer = 7;
	text = text_of(json_of_message(&cell.base));
	assert_string_equal(text, "{\"integer\":7}");
	free(text);
	cell.value_case = OTKLIK__V1__KPI_CELL__VALUE_REAL;
	cell.real = NAN;
	text = text_of(json_of_message(&cell.base));
	assert_string_equal(text, "{\"real\":null}");
	free(text);
}

static void bytes_are_hex(void **state)
{
	Otklik__V1__ListTicketsResponse reply = OTKLIK__V1__LIST_TICKETS_RESPONSE__INIT;
	uint8_t bytes[] = {0x00, 0xAF};
	json_t *object;

	(void)state;
	reply.next_cursor.data = bytes;
	reply.next_cursor.len = sizeof bytes;
	object = json_of_message(&reply.base);
	assert_string_equal(json_string_value(json_object_get(object, "next_cursor")), "00af");
	json_decref(object);
}

static void enum_words_go_both_ways(void **state)
{
	char word[64];

	(void)state;
	json_enum_word(&otklik__v1__ticket_state__descriptor, 3, word, sizeof word);
	assert_string_equal(word, "in_progress");
	assert_int_equal(
	        json_enum_value(&otklik__v1__ticket_state__descriptor, "in_progress"), 3);
	assert_int_equal(json_enum_value(&otklik__v1__ticket_state__descriptor, ""), -1);
	assert_int_equal(
	        json_enum_value(&otklik__v1__ticket_state__descriptor, "unspecified"), -1);
	assert_int_equal(json_enum_value(&otklik__v1__ticket_state__descriptor, "New"), -1);
	json_enum_word(&otklik__v1__ticket_state__descriptor, 99, word, sizeof word);
	assert_string_equal(word, "");
	json_enum_word(&otklik__v1__ticket_state__descriptor, 3, word, 4);
	assert_string_equal(word, "in_");
}

static void what_drives_a_terminal_is_escaped_and_comes_back(void **state)
{
	static const char TEXT[] = "я\033\xC2\x9B"
	                           "31m\x7F\xE2\x80\xAE😀";
	struct capture c;
	json_t *back;

	(void)state;
	capture_begin(&c);
	assert_int_equal(json_put(json_string(TEXT), true, stdout), 0);
	capture_end(&c);
	assert_string_equal(c.out, "\"я\\u001B\\u009b31m\\u007f\\u202e😀\"");
	back = json_loads(c.out, JSON_DECODE_ANY, NULL);
	assert_string_equal(json_string_value(back), TEXT);
	json_decref(back);
	assert_int_equal(json_put(NULL, true, stdout), EXIT_IO);
}

static void a_list_is_written_item_by_item(void **state)
{
	struct capture c;
	struct json_list list = {.out = stdout};
	struct json_list empty = {.out = stdout};

	(void)state;
	capture_begin(&c);
	json_list_end(&empty);
	json_list_add(&list, json_integer(1));
	json_list_add(&list, json_real(0.1));
	json_list_end(&list);
	capture_end(&c);
	assert_string_equal(c.out, "[]\n[\n1,\n0.1\n]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_ticket_has_words_instants_and_seconds),
	        cmocka_unit_test(of_a_oneof_only_what_is_set_is_told),
	        cmocka_unit_test(bytes_are_hex),
	        cmocka_unit_test(enum_words_go_both_ways),
	        cmocka_unit_test(what_drives_a_terminal_is_escaped_and_comes_back),
	        cmocka_unit_test(a_list_is_written_item_by_item),
	};

	return cmocka_run_group_tests_name("cli_json", tests, NULL, NULL);
}
