/* The YAML file of checks, and the settings. */
#include "agent/check_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/settings.h"

static char path[64];
static struct otk_error err;

static void file_make(const char *text)
{
	int fd;

	(void)strcpy(path, "/tmp/otklik-checks.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static int load(const char *text, struct check_list *list)
{
	int rc;

	file_make(text);
	rc = check_list_load(path, list, &err);
	(void)unlink(path);
	return rc;
}

static void a_whole_check_is_read(void **state)
{
	struct check_list list;
	const struct check_spec *check;

	(void)state;
	assert_int_equal(
	        load("checks:\n"
	             "- name: disk\n"
	             "  host: db1\n"
	             "  command: [/usr/lib/nagios/plugins/check_disk, -w, 5%, \"a b\"]\n"
	             "  service: storage\n"
	             "  category: disk\n"
	             "  impact: 1\n"
	             "  urgency: 3\n"
	             "  max_attempts: 4\n"
	             "  check_interval: 5m\n"
	             "  retry_interval: 30\n"
	             "  timeout: 1h\n"
	             "- {name: disk, host: db2, command: [/bin/true]}\n"
	             "- {name: load, host: db2, command: [/bin/true]}\n",
	                &list),
	        0);
	assert_int_equal(list.count, 3);
	check = &list.checks[0];
	assert_string_equal(check->argv[2], "5%");
	check = check_list_find(&list, "db1/disk");
	assert_ptr_equal(check, &list.checks[0]);
	assert_string_equal(check->argv[1], "-w");
	assert_string_equal(check->argv[3], "a b");
	assert_null(check->argv[4]);
	assert_string_equal(check->service, "storage");
	assert_int_equal(check->impact, 1);
	assert_int_equal(check->urgency, 3);
	assert_int_equal(check->rules.max_attempts, 4);
	assert_int_equal(check->rules.check_interval, INT64_C(300000000));
	assert_int_equal(check->rules.retry_interval, INT64_C(30000000));
	assert_int_equal(check->timeout_s, 3600);
	assert_null(check_list_find(&list, "disk"));
	assert_ptr_equal(check_list_find(&list, "load"), &list.checks[2]);
	assert_null(check_list_find(&list, "nothing"));
	check = &list.checks[1];
	assert_string_equal(check->service, "");
	assert_int_equal(check->timeout_s, 60);
	assert_int_equal(check->rules.max_attempts, 3);
	check_list_free(&list);
	assert_int_equal(list.count, 0);
}

#define OK_CHECK "- {name: a, host: h, command: [/bin/true]}\n"

static void an_error_names_the_line_and_what_would_be_right(void **state)
{
	static const struct {
		const char *text;
		const char *line;
		const char *says;
	} CASES[] = {
	        {"", ":1:", "`checks:`"},
	        {"[]", ":1:", "`checks:`"},
	        {"check: []", ":1:", "`checks:`"},
	        {"checks: []\nmore: 1", ":1:", "`checks:`"},
	        {"checks: {}", ":1:", "a list"},
	        {"checks:\n- 7\n", ":2:", "a mapping"},
	        {"checks:\n- {host: h, command: [/x]}\n", ":2:", "name"},
	        {"checks:\n- {name: a, host: h}\n", ":2:", "command"},
	        {"checks:\n- name: a\n  host: h\n  comand: [/x]\n", ":4:", "one of name"},
	        {"checks:\n- name: a\n  name: b\n", ":3:", "once"},
	        {"checks:\n- name: ''\n", ":2:", "1 to 127"},
	        {"checks:\n- name: \"a\\0b\"\n", ":2:", "1 to 127"},
	        {"checks:\n- command: /bin/x y\n", ":2:", "a list"},
	        {"checks:\n- command: []\n", ":2:", "a list"},
	        {"checks:\n- command: [check_disk]\n", ":2:", "absolute"},
	        {"checks:\n- command: [/x, [y]]\n", ":2:", "a list"},
	        {"checks:\n- impact: 4\n", ":2:", "1 (greatest) to 3"},
	        {"checks:\n- urgency: high\n", ":2:", "1 (greatest) to 3"},
	        {"checks:\n- max_attempts: 0\n", ":2:", "1 to 100"},
	        {"checks:\n- check_interval: 5d\n", ":2:", "5m"},
	        {"checks:\n- retry_interval: 0s\n", ":2:", "5m"},
	        {"checks:\n- timeout: 99999999999999999999\n", ":2:", "10s"},
	        {"checks:\n- timeout: [1]\n", ":2:", "10s"},
	        {"checks:\n" OK_CHECK OK_CHECK, ":3:", "once for each host"},
	        {"checks:\n- {a: b\n\t", ":3:", "not YAML"},
	        {"checks:\n- [x]: y\n", ":2:", "one of name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct check_list list;

		if (load(CASES[i].text, &list) == 0)
			fail_msg("accepted: %s", CASES[i].text);
		if (strstr(err.message, CASES[i].line) == NULL ||
		        strstr(err.message, CASES[i].says) == NULL ||
		        strstr(err.message, path) == NULL)
			fail_msg("%s: %s", CASES[i].text, err.message);
		assert_int_equal(list.count, 0);
	}
}

static void a_missing_file_is_said_so(void **state)
{
	struct check_list list;

	(void)state;
	assert_int_equal(check_list_load("/nonexistent/x.yaml", &list, &err), -OTK_NOT_FOUND);
}

static void the_example_files_are_right(void **state)
{
	struct check_list list;
	struct settings settings;

	(void)state;
	if (check_list_load(OTKLIK_SOURCE_DIR "/deploy/example/checks.yaml", &list, &err) != 0)
		fail_msg("%s", err.message);
	assert_true(list.count > 0);
	check_list_free(&list);
	file_make("server = s\nca = a\ncertificate = b\nkey = c\n");
	if (settings_load(path, &settings, &err) != 0)
		fail_msg("%s", err.message);
	(void)unlink(path);
	assert_int_equal(settings.queue_cap_mib, 256);
	{
		struct otk_clock *clock = settings_clock(&settings, &err);

		assert_non_null(clock);
		clock_free(clock);
	}
	settings_release(&settings);
}

static void wrong_settings_are_refused(void **state)
{
	static const char *const CASES[] = {
	        "",
	        "flap_start = 20\nflap_stop = 30\n",
	        "log_level = loud\n",
	        "log_format = xml\n",
	        "queue_cap_mib = 0\n",
	        "unheard = of\n",
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct settings settings;

		(void)snprintf(text, sizeof text, "%s%s",
		        i == 0 ? "" : "server = s\nca = a\ncertificate = b\nkey = c\n",
		        CASES[i]);
		file_make(text);
		assert_true(settings_load(path, &settings, &err) < 0);
		assert_non_null(strstr(err.message, path));
		(void)unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_whole_check_is_read),
	        cmocka_unit_test(an_error_names_the_line_and_what_would_be_right),
	        cmocka_unit_test(a_missing_file_is_said_so),
	        cmocka_unit_test(the_example_files_are_right),
	        cmocka_unit_test(wrong_settings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
