/* YAML files read into messages, and what is said of wrong ones. */
#include <string.h>

#include "cli/yaml_message.h"
#include "cli_capture.h"
#include "cmocka_test.h"
#include "otklik/v1/import_map.pb-c.h"
#include "otklik/v1/installation.pb-c.h"

static struct arena *arena;

static int read_as(const ProtobufCMessageDescriptor *type, const char *text, size_t size,
        ProtobufCMessage **message, struct yaml_lines **lines, struct otk_error *err)
{
	char *path = temporary_file(text, size);
	int rc;

	error_clear(err);
	rc = yaml_message_read(arena, path, type, message, lines, err);
	temporary_remove(path);
	return rc;
}

static void values_of_every_kind_are_read(void **state)
{
	static const char TEXT[] =
	        "source: журнал\n"
	        "type: service_request\n"
	        "carry_forward: yes\n"
	        "empty: '?'\n"
	        "columns: {number: no, created: opened}\n"
	        "states:\n"
	        "  - {from: New, state: new}\n"
	        "  - {from: X, state: pending, reason: customer, keep: false}\n";
	ProtobufCMessage *message = NULL;
	struct yaml_lines *lines = NULL;
	const Otklik__V1__ImportMap *map;
	struct otk_error err;

	(void)state;
	assert_int_equal(read_as(&otklik__v1__import_map__descriptor, TEXT, sizeof TEXT - 1,
	                         &message, &lines, &err),
	        0);
	map = (const Otklik__V1__ImportMap *)(const void *)message;
	assert_string_equal(map->source, "журнал");
	assert_int_equal(map->type, OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_SERVICE_REQUEST);
	assert_true(map->carry_forward);
	assert_int_equal(map->n_empty, 1);
	assert_string_equal(map->empty[0], "?");
	assert_string_equal(map->columns->number, "no");
	assert_int_equal(map->n_states, 2);
	assert_int_equal(
	        map->states[1]->reason, OTKLIK__V1__PENDING_REASON__PENDING_REASON_CUSTOMER);
	assert_false(map->states[1]->keep);
	assert_int_equal(yaml_line_of(lines, "states[1].state"), 8);
	assert_int_equal(yaml_line_of(lines, "states[1].nothing"), 8);
	assert_int_equal(yaml_line_of(lines, "columns.created"), 5);
	assert_int_equal(yaml_line_of(lines, "unheard_of"), 1);
}

#define BAD(text, said)                                                                        \
	{                                                                                      \
		text, sizeof text - 1, said                                                    \
	}

static const struct {
	const char *text;
	size_t size;
	const char *said;
} WRONG[] = {
        BAD("source: a\nsorce: b\n", ":2: sorce: there is no such key here; it may be source"),
        BAD("source: a\nsource: b\n", ":2: source: is given twice"),
        BAD("source: &x a\ncustomer: *x\n", ":2: aliases (*name) are not taken"),
        BAD("source: [a, b]\n", ":1: source: must be a single value"),
        BAD("columns: text\n", ":1: columns: must be a mapping"),
        BAD("- a\n", ":1: must be a mapping"),
        BAD("type: banana\n",
                ":1: type: is none of its words; it must be one of incident service_request"),
        BAD("carry_forward: maybe\n", ":1: carry_forward: is neither true nor false"),
        BAD("states:\n  - {from: x, state: new}\n  - {from: y, stat: new}\n",
                ":3: states[1].stat: there is no such key"),
        BAD("[1]: a\n", ":1: a key must be a word"),
        BAD("", ": is empty"),
        BAD("# nothing\n", ": is empty"),
        BAD("source: a\n---\nsource: b\n", "a second document begins"),
        BAD("source: a\0b\n", ":1: has a NUL character"),
        BAD("source: \"a\\0b\"\n", ":1: source: has a NUL character"),
        BAD("source: \xFF\n", ": is not UTF-8"),
        BAD("source: a\nzone: b\ntype: \x01\n", ":3: control characters are not allowed"),
        BAD("source: 'a\n", ":2: found unexpected end of stream"),
        BAD("source: a\n\tzone: b\n", ":2: "),
};

static void mistakes_are_told_with_file_and_line(void **state)
{
	ProtobufCMessage *message = NULL;
	struct otk_error err;

	(void)state;
	for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
		assert_true(read_as(&otklik__v1__import_map__descriptor, WRONG[i].text,
		                    WRONG[i].size, &message, NULL, &err) < 0);
		if (strstr(err.message, "/tmp/cli_test_") != err.message ||
		        strstr(err.message, WRONG[i].said) == NULL)
			fail_msg("%s: %s", WRONG[i].text, err.message);
	}
}

static void numbers_have_bounds(void **state)
{
	static const char GOOD[] =
	        "contracts:\n  - code: a\n    targets:\n      - {priority: 3}\n";
	static const char BAD_NUMBER[] =
	        "contracts:\n  - code: a\n    targets:\n      - {priority: three}\n";
	ProtobufCMessage *message = NULL;
	struct otk_error err;

	(void)state;
	assert_int_equal(read_as(&otklik__v1__installation__descriptor, GOOD, sizeof GOOD - 1,
	                         &message, NULL, &err),
	        0);
	assert_true(read_as(&otklik__v1__installation__descriptor, BAD_NUMBER,
	                    sizeof BAD_NUMBER - 1, &message, NULL, &err) < 0);
	assert_non_null(strstr(err.message,
	        ":4: contracts[0].targets[0].priority: is no such number; it must be a whole "
	        "number from 0 to 4294967295"));
}

static void what_is_too_deep_or_too_big_is_refused(void **state)
{
	enum { DEEP = 3000, BIG = YAML_FILE_MAX + 1 };
	char *text = malloc(BIG);
	ProtobufCMessage *message = NULL;
	struct otk_error err;

	(void)state;
	assert_non_null(text);
	memset(text, '[', BIG);
	memcpy(text, "empty: ", 7);
	assert_true(read_as(&otklik__v1__import_map__descriptor, text, DEEP, &message, NULL,
	                    &err) < 0);
	memset(text, '#', BIG);
	assert_true(read_as(&otklik__v1__import_map__descriptor, text, BIG, &message, NULL,
	                    &err) < 0);
	assert_non_null(strstr(err.message, "at most 4194304 bytes"));
	free(text);
}

static void an_arena_too_small_is_told(void **state)
{
	static const char TEXT[] =
	        "source: abcdefgh\nstates: [{from: a}, {from: b}, {from: c}]\n";
	char *path = temporary_file(TEXT, sizeof TEXT - 1);

	(void)state;
	for (size_t budget = 0; budget < 4096; budget += 16) {
		struct arena *small = arena_new(budget);
		ProtobufCMessage *message = NULL;
		struct otk_error err;
		int rc = yaml_message_read(
		        small, path, &otklik__v1__import_map__descriptor, &message, NULL, &err);

		if (rc != 0)
			assert_int_equal(err.code, OTK_RESOURCE_EXHAUSTED);
		arena_free(small);
	}
	temporary_remove(path);
}

static void what_cannot_be_read_is_not_found(void **state)
{
	ProtobufCMessage *message = NULL;
	struct otk_error err;

	(void)state;
	assert_int_equal(yaml_message_read(arena, "/tmp/no/such.yaml",
	                         &otklik__v1__import_map__descriptor, &message, NULL, &err),
	        -OTK_NOT_FOUND);
	assert_int_equal(yaml_message_read(arena, "/tmp", &otklik__v1__import_map__descriptor,
	                         &message, NULL, &err),
	        -OTK_INVALID_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(values_of_every_kind_are_read),
	        cmocka_unit_test(mistakes_are_told_with_file_and_line),
	        cmocka_unit_test(numbers_have_bounds),
	        cmocka_unit_test(what_is_too_deep_or_too_big_is_refused),
	        cmocka_unit_test(an_arena_too_small_is_told),
	        cmocka_unit_test(what_cannot_be_read_is_not_found),
	};
	int failed;

	arena = arena_new(64 * 1024 * 1024);
	failed = cmocka_run_group_tests_name("cli_yaml_message", tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
