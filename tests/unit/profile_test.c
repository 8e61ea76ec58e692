/* Connection profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "lib/profile.h"

static char dir[64];

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/profiles/%s.conf", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/otk-profile.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/profiles", dir);
	(void)unsetenv("OTKLIK_PROFILE");
	return mkdir(path, 0700) | setenv("OTKLIK_CONFIG_DIR", dir, 1);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static const struct split {
	const char *server;
	const char *host; /* NULL: refused */
	uint16_t port;
} SPLITS[] = {
        {"desk.example:9000", "desk.example", 9000},
        {"desk.example", "desk.example", CLIENT_PORT_DEFAULT},
        {"127.0.0.1:1", "127.0.0.1", 1},
        {"[::1]:65535", "::1", 65535},
        {"[::1]", "::1", CLIENT_PORT_DEFAULT},
        {"::1", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]x", NULL, 0},
        {"[]:1", NULL, 0},
        {":1", NULL, 0},
        {"", NULL, 0},
        {"host:", NULL, 0},
        {"host:0", NULL, 0},
        {"host:65536", NULL, 0},
        {"host:1x", NULL, 0},
};

static void a_server_is_host_and_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof SPLITS / sizeof SPLITS[0]; i++) {
		char *host = NULL;
		uint16_t port = 0;
		int rc = profile_split_server(SPLITS[i].server, &host, &port);

		if ((rc == 0) != (SPLITS[i].host != NULL))
			fail_msg("%s: %d", SPLITS[i].server, rc);
		if (rc == 0) {
			assert_string_equal(host, SPLITS[i].host);
			assert_int_equal(port, SPLITS[i].port);
		}
		free(host);
	}
}

static void a_profile_names_server_and_files(void **state)
{
	struct profile profile;
	struct client_options options;
	struct otk_error err;
	char expected[128];

	(void)state;
	put("default", "server = desk.example:9000\nca = /etc/ca.crt\ncert = me.crt\n"
	               "key = me.key\n");
	assert_int_equal(profile_load(NULL, &profile, &err), 0);
	options = profile_options(&profile, "test/1");
	assert_string_equal(options.host, "desk.example");
	assert_int_equal(options.port, 9000);
	assert_null(options.server_name);
	assert_string_equal(options.ca_file, "/etc/ca.crt");
	(void)snprintf(expected, sizeof expected, "%s/profiles/me.crt", dir);
	assert_string_equal(options.cert_file, expected);
	assert_true(options.fail_fast);
	profile_print(&profile, stderr);
	profile_release(&profile);
	put("other", "server = [::1]\nserver_name = desk.example\n");
	assert_int_equal(setenv("OTKLIK_PROFILE", "other", 1), 0);
	assert_int_equal(profile_load(NULL, &profile, &err), 0);
	options = profile_options(&profile, "test/1");
	assert_string_equal(options.host, "::1");
	assert_string_equal(options.server_name, "desk.example");
	profile_release(&profile);
}

static void a_wrong_profile_says_what_to_do(void **state)
{
	struct profile profile;
	struct otk_error err;

	(void)state;
	assert_int_equal(profile_load("absent", &profile, &err), -OTK_NOT_FOUND);
	assert_non_null(strstr(err.message, "/profiles/absent.conf"));
	assert_int_equal(profile_load("../x", &profile, &err), -OTK_INVALID_ARGUMENT);
	put("empty", "# nothing\n");
	assert_true(profile_load("empty", &profile, &err) < 0);
	put("bad", "server = ::1\n");
	assert_int_equal(profile_load("bad", &profile, &err), -OTK_INVALID_ARGUMENT);
	assert_non_null(strstr(err.message, "[address]:port"));
	put("unknown", "server = x\nport = 1\n");
	assert_true(profile_load("unknown", &profile, &err) < 0);
}

static void folders_follow_the_environment(void **state)
{
	struct profile profile;
	struct otk_error err;

	(void)state;
	assert_int_equal(setenv("OTKLIK_CONFIG_DIR", "", 1), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/nowhere/xdg", 1), 0);
	assert_int_equal(profile_load("p", &profile, &err), -OTK_NOT_FOUND);
	assert_non_null(strstr(err.message, "/nowhere/xdg/otklik/profiles/p.conf"));
	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
	assert_int_equal(setenv("HOME", "/nowhere/home", 1), 0);
	assert_int_equal(profile_load("p", &profile, &err), -OTK_NOT_FOUND);
	assert_non_null(strstr(err.message, "/nowhere/home/.config/otklik/profiles/p.conf"));
}

static void without_memory_a_profile_is_refused_cleanly(void **state)
{
	(void)state;
	put("default",
	        "server = desk.example:9000\nca = ca.crt\ncert = me.crt\nkey = me.key\n");
	(void)unsetenv("OTKLIK_PROFILE");
	for (long n = 0; alloc_fail_next(n); n++) {
		struct profile profile;
		struct otk_error err;
		int rc = profile_load(NULL, &profile, &err);

		if (rc == 0)
			profile_release(&profile);
		else
			assert_true(alloc_failed() && err.message[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_server_is_host_and_port, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                a_profile_names_server_and_files, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                a_wrong_profile_says_what_to_do, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                without_memory_a_profile_is_refused_cleanly, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                folders_follow_the_environment, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
