/* Settings of otklikd: defaults, and errors that say what would be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings.h"

static const char REQUIRED[] = "installation = demo\n"
                               "certificate = /c\nkey = /k\nca = /a\n"
                               "database = host=/tmp\n";

static int loaded(const char *more, struct settings *settings, struct otk_error *err)
{
	char path[] = "/tmp/otk-settings-XXXXXX";
	int fd = mkstemp(path);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, REQUIRED, strlen(REQUIRED)), strlen(REQUIRED));
	assert_int_equal(write(fd, more, strlen(more)), strlen(more));
	assert_int_equal(close(fd), 0);
	rc = settings_load(path, settings, err);
	assert_int_equal(unlink(path), 0);
	return rc;
}

static void the_required_ones_suffice(void **state)
{
	struct settings settings;
	struct otk_error err;

	(void)state;
	assert_int_equal(loaded("", &settings, &err), 0);
	assert_string_equal(settings.installation, "demo");
	assert_string_equal(settings.clock, "real");
	assert_int_equal(settings.api_processes, 2);
	assert_int_equal(settings.log_level, LOG_INFO_LEVEL);
	assert_int_equal(settings.log_format, LOG_LOGFMT);
	assert_string_equal(settings.run_dir, "");
	settings_release(&settings);
}

static void given_values_are_taken(void **state)
{
	struct settings settings;
	struct otk_error err;

	(void)state;
	assert_int_equal(
	        loaded("log_level = debug\nlog_format = json\nlisten = *:1, [::1]:2\n"
	               "api_processes = 0\nclock = /tmp/clock\nrun_dir = /run/otklik\n",
	                &settings, &err),
	        0);
	assert_int_equal(settings.log_level, LOG_DEBUG_LEVEL);
	assert_int_equal(settings.log_format, LOG_JSON);
	assert_int_equal(settings.api_processes, 0);
	assert_string_equal(settings.run_dir, "/run/otklik");
	settings_release(&settings);
}

static void no_process_runs_where_nothing_could_be_sent(void **state)
{
	static const struct {
		const char *lines;
		unsigned processes;
	} CASES[] = {{"", 0}, {"notify_processes = 2\n", 0},
	        {"smtp_url = smtp://mail\nsmtp_from = a@b\n", 1},
	        {"webhook_url = http://x\nwebhook_secret_file = /s\nnotify_processes = 3\n", 3},
	        {"smtp_url = smtps://mail\nsmtp_from = a@b\nnotify_processes = 0\n", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct settings settings;
		struct otk_error err;

		assert_int_equal(loaded(CASES[i].lines, &settings, &err), 0);
		assert_int_equal(settings_notify_processes(&settings), CASES[i].processes);
		settings_release(&settings);
	}
}

static void bad_values_are_named(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} CASES[] = {
	        {"log_level = loud\n", "debug, info, warn or error"},
	        {"log_format = xml\n", "logfmt or json"},
	        {"listen = localhost\n", "address:port"},
	        {"clock = tomorrow\n", "real or an absolute path"},
	        {"run_dir = run\n", "absolute path"},
	        {"bootstrap_admin = Big Boss\n", "a-z 0-9"},
	        {"smtp_url = mail\n", "smtp://"},
	        {"smtp_url = smtp://mail\n", "smtp_from"},
	        {"smtp_url = smtp://mail\nsmtp_from = a b@c\n", "an address such as"},
	        {"smtp_tls = maybe\n", "none, try or require"},
	        {"smtp_url = smtp://mail\nsmtp_from = a@b\nsmtp_user = u\n", "must be require"},
	        {"webhook_url = file:///etc/passwd\n", "http://"},
	        {"webhook_url = http://x\n", "webhook_secret_file"},
	        {"api_processes = 1000\n", "from 0 to 256"},
	        {"api_procesess = 1\n", "there is no option named api_procesess"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct settings settings;
		struct otk_error err;

		assert_int_equal(loaded(CASES[i].line, &settings, &err), -OTK_INVALID_ARGUMENT);
		if (strstr(err.message, CASES[i].words) == NULL)
			fail_msg("%s says: %s", CASES[i].line, err.message);
		settings_release(&settings);
	}
}

static void what_is_printed_reads_back(void **state)
{
	struct settings settings;
	struct settings again;
	struct otk_error err;
	char path[] = "/tmp/otk-settings-XXXXXX";
	int fd = mkstemp(path);
	FILE *out = fdopen(fd, "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(loaded("drain = 7\nlisten = *:1\n", &settings, &err), 0);
	settings_print(&settings, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(settings_load(path, &again, &err), 0);
	assert_int_equal(again.drain, 7);
	assert_string_equal(again.listen, "*:1");
	assert_int_equal(unlink(path), 0);
	settings_release(&settings);
	settings_release(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_required_ones_suffice),
	        cmocka_unit_test(given_values_are_taken),
	        cmocka_unit_test(no_process_runs_where_nothing_could_be_sent),
	        cmocka_unit_test(bad_values_are_named),
	        cmocka_unit_test(what_is_printed_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
