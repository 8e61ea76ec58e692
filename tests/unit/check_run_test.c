/* Running plugins: exit codes, time-outs, caps, environment. Uses /bin/sh as the plugin. */
#include "agent/check_run.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* A loop of poll(2) around one run, as the real loop drives it. */
static void run_to_end(struct check_run *run, int timeout_ms, struct check_result *result)
{
	int64_t until = clock_monotonic() + (int64_t)timeout_ms * 1000;
	bool killed = false;

	for (;;) {
		struct pollfd watched[2] = {
		        {.fd = check_run_output_fd(run), .events = POLLIN},
		        {.fd = check_run_exit_fd(run), .events = POLLIN},
		};
		int64_t left = (until - clock_monotonic()) / 1000;

		(void)poll(watched, 2, killed || left < 0 ? 1000 : (int)left);
		if (watched[0].revents != 0)
			check_run_read(run);
		if (watched[1].revents != 0 && check_run_finish(run, result))
			return;
		if (!killed && clock_monotonic() >= until) {
			check_run_kill(run, 7);
			killed = true;
		}
	}
}

static struct check_result result;

static void shell_run(const char *script, int timeout_ms)
{
	char *argv[] = {"/bin/sh", "-c", (char *)(uintptr_t)script, NULL};
	struct otk_error err = {0};
	struct check_run *run;

	assert_int_equal(check_run_start(argv, false, &run, &err), 0);
	run_to_end(run, timeout_ms, &result);
	check_run_free(run);
}

static void the_state_comes_from_the_exit_code_alone(void **state)
{
	static const struct {
		const char *script;
		enum check_state state;
		bool abnormal;
		const char *text;
	} CASES[] = {
	        {"echo fine", CHECK_OK, false, "fine"},
	        {"echo CRITICAL; exit 1", CHECK_WARNING, false, "CRITICAL"},
	        {"echo bad; exit 2", CHECK_CRITICAL, false, "bad"},
	        {"exit 3", CHECK_UNKNOWN, false, ""},
	        {"echo hm; exit 4", CHECK_CRITICAL, true,
	                "plugin ended with exit code 4, not 0 to 3: hm"},
	        {"exit 126", CHECK_CRITICAL, true,
	                "plugin ended with exit code 126, not 0 to 3"},
	        {"exit 127", CHECK_CRITICAL, true,
	                "plugin ended with exit code 127, not 0 to 3"},
	        {"kill -SEGV $$", CHECK_CRITICAL, true,
	                "plugin died of signal 11 (Segmentation fault)"},
	        {"echo out; echo err >&2", CHECK_OK, false, "out"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		shell_run(CASES[i].script, 10000);
		assert_int_equal(result.state, CASES[i].state);
		assert_int_equal(result.abnormal, CASES[i].abnormal);
		assert_string_equal(result.output.text, CASES[i].text);
		assert_false(result.timed_out);
	}
}

static void a_timeout_kills_the_whole_group(void **state)
{
	char path[] = "/tmp/otklik-run.XXXXXX";
	char script[256];
	int64_t from = clock_monotonic();
	long child = 0;
	FILE *file;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(script, sizeof script,
	        "trap '' TERM; sleep 60 & echo $! > %s; echo begun; wait; sleep 60", path);
	shell_run(script, 300);
	assert_true(result.timed_out);
	assert_int_equal(result.state, CHECK_CRITICAL);
	assert_string_equal(result.output.text, "killed: no answer within 7 s: begun");
	assert_true(clock_monotonic() - from < 10 * CLOCK_SECOND);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &child), 1);
	(void)fclose(file);
	(void)unlink(path);
	for (int i = 0; i < 100 && kill((pid_t)child, 0) == 0; i++) {
		char stat_path[64];
		char text[256] = "";

		/* A zombie waiting for init is dead enough. */
		(void)snprintf(stat_path, sizeof stat_path, "/proc/%ld/stat", child);
		file = fopen(stat_path, "r");
		if (file == NULL || fgets(text, sizeof text, file) == NULL ||
		        strstr(text, ") Z") != NULL)
			child = 0;
		if (file != NULL)
			(void)fclose(file);
		if (child == 0)
			break;
		(void)usleep(10000);
	}
	assert_true(child == 0 || kill((pid_t)child, 0) != 0);
}

static void output_is_capped_and_the_plugin_is_not_blocked(void **state)
{
	(void)state;
	shell_run("i=0; while [ $i -lt 3000 ]; do echo "
	          "0123456789012345678901234567890123456789012345678901234567890123456789; "
	          "i=$((i+1)); done; exit 1",
	        20000);
	assert_int_equal(result.state, CHECK_WARNING);
	assert_in_range(strlen(result.output.long_text), 8000, CHECK_OUTPUT_MAX);
}

static void the_environment_is_clean_and_the_plugin_leads_its_group(void **state)
{
	(void)state;
	(void)setenv("OTKLIK_SECRET", "do not leak", 1);
	shell_run("echo \"$OTKLIK_SECRET|$LC_ALL|$PWD\"; read x; echo $?;"
	          " [ -e /proc/$$/fd/5 ] && echo leaked; ps -o pgid= -p $$ | grep -qw $$ &&"
	          " echo leader",
	        10000);
	(void)unsetenv("OTKLIK_SECRET");
	assert_string_equal(result.output.text, "");
	assert_non_null(strstr(result.output.perfdata, "C|/"));
	assert_string_equal(result.output.long_text, "1\nleader");
}

static void what_a_plugin_leaves_behind_is_killed(void **state)
{
	int64_t from = clock_monotonic();

	(void)state;
	shell_run("sleep 30 & echo done", 10000);
	assert_string_equal(result.output.text, "done");
	assert_int_equal(result.state, CHECK_OK);
	assert_true(clock_monotonic() - from < 5 * CLOCK_SECOND);
}

static void a_program_that_cannot_run_is_critical(void **state)
{
	char *argv[] = {"/nonexistent/check_x", NULL};
	struct otk_error err = {0};
	struct check_run *run;

	(void)state;
	assert_true(check_run_start(argv, false, &run, &err) < 0);
	check_run_failed(&err, &result);
	assert_int_equal(result.state, CHECK_CRITICAL);
	assert_non_null(strstr(result.output.text, "/nonexistent/check_x"));
}

static void freeing_a_running_check_kills_it(void **state)
{
	char *argv[] = {"/bin/sleep", "60", NULL};
	struct otk_error err = {0};
	struct check_run *run;

	(void)state;
	check_run_free(NULL);
	assert_int_equal(check_run_start(argv, false, &run, &err), 0);
	assert_false(check_run_finish(run, &result));
	check_run_free(run);
}

static void a_real_plugin_runs(void **state)
{
	char *argv[] = {"/usr/lib/nagios/plugins/check_dummy", "1", "as told|a=1", NULL};
	struct otk_error err = {0};
	struct check_run *run;

	(void)state;
	if (access(argv[0], X_OK) != 0)
		skip();
	assert_int_equal(check_run_start(argv, false, &run, &err), 0);
	run_to_end(run, 10000, &result);
	check_run_free(run);
	assert_int_equal(result.state, CHECK_WARNING);
	assert_string_equal(result.output.text, "WARNING: as told");
	assert_string_equal(result.output.perfdata, "a=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_state_comes_from_the_exit_code_alone),
	        cmocka_unit_test(a_timeout_kills_the_whole_group),
	        cmocka_unit_test(output_is_capped_and_the_plugin_is_not_blocked),
	        cmocka_unit_test(the_environment_is_clean_and_the_plugin_leads_its_group),
	        cmocka_unit_test(what_a_plugin_leaves_behind_is_killed),
	        cmocka_unit_test(a_program_that_cannot_run_is_critical),
	        cmocka_unit_test(freeing_a_running_check_kills_it),
	        cmocka_unit_test(a_real_plugin_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
