/* A message written as YAML is read back as it was, whatever its texts are. */
#include "cli/yaml_write.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/yaml_message.h"
#include "cmocka_test.h"
#include "otklik/v1/installation.pb-c.h"

#define T(constant) ((char *)(uintptr_t)(constant))

/* Writes it, reads it, and compares both as packed bytes. */
static void comes_back(const Otklik__V1__Contract *contract)
{
	char path[] = "/tmp/otk-yaml-XXXXXX";
	struct arena *arena = arena_new(1 << 20);
	ProtobufCMessage *back = NULL;
	struct otk_error err = {0};
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	uint8_t left[4096], right[4096];
	size_t size;

	assert_int_equal(yaml_write_message(&contract->base, file), 0);
	(void)fclose(file);
	if (yaml_message_read(
	            arena, path, &otklik__v1__contract__descriptor, &back, NULL, &err) != 0)
		fail_msg("%s", err.message);
	(void)unlink(path);
	size = protobuf_c_message_get_packed_size(&contract->base);
	assert_true(size <= sizeof left);
	assert_int_equal(protobuf_c_message_get_packed_size(back), size);
	(void)protobuf_c_message_pack(&contract->base, left);
	(void)protobuf_c_message_pack(back, right);
	assert_memory_equal(left, right, size);
	arena_free(arena);
}

static void whatever_is_written_is_read_back(void **state)
{
	static const char *const TEXTS[] = {"plain", "two words", " led", "trailed ", "yes",
	        "null", "-30m", "+2h", "50%", "a: b", "a #b", "[x]", "{y}", "\"quoted\"",
	        "back\\slash", "line\nline", "tab\there",
	        "\xd0\x9f\xd0\xb5\xd1\x87\xd0\xb0\xd1\x82\xd1\x8c", "\x1b[31m", "\xe2\x80\xae",
	        "'", "*alias", "&anchor", "!tag", "%", "1500.00"};
	Otklik__V1__Contract contract = OTKLIK__V1__CONTRACT__INIT;
	Otklik__V1__Level level = OTKLIK__V1__LEVEL__INIT, *levels[1] = {&level};
	char *actions[2] = {T("notify lead"), T("assign team network")};
	uint32_t matrix[3] = {1, 2, 5};

	(void)state;
	level.actions = actions;
	level.n_actions = 2;
	level.clock = T("response");
	contract.levels = levels;
	contract.n_levels = 1;
	contract.priority_matrix = matrix;
	contract.n_priority_matrix = 3;
	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
		contract.code = T(TEXTS[i]);
		level.name = T(TEXTS[i]);
		comes_back(&contract);
	}
}

static void long_elements_are_blocks(void **state)
{
	Otklik__V1__Contract contract = OTKLIK__V1__CONTRACT__INIT;
	Otklik__V1__Level first = OTKLIK__V1__LEVEL__INIT, second = OTKLIK__V1__LEVEL__INIT;
	Otklik__V1__Level *levels[2] = {&first, &second};
	char name[151];

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	first.name = name;
	first.clock = T("response");
	second.clock = T("update");
	second.at = T("50%");
	contract.levels = levels;
	contract.n_levels = 2;
	comes_back(&contract);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(whatever_is_written_is_read_back),
	        cmocka_unit_test(long_elements_are_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
