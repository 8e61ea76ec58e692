/* Checks on the timetable: real loop and plugins, virtual clock. */
#include "agent/watcher.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "otklik/v1/agent.pb-c.h"

#define T0 (INT64_C(1700000000) * 1000000)

static char dir[64];
static char state_path[100];
static struct otk_clock *test_clock;
static struct loop *loop;
static struct queue *queue;
static struct watcher *watcher;
static struct loop_timer *limit;
static struct otk_error err;
static int reported;

static char script[400];
static char *argv_of_check[] = {"/bin/sh", "-c", script, NULL};
static struct check_spec spec = {.name = "c",
        .host = "h",
        .service = "",
        .category = "",
        .argv = argv_of_check,
        .impact = 2,
        .urgency = 2,
        .timeout_s = 5,
        .rules = {.max_attempts = 2,
                .check_interval = 60 * CLOCK_SECOND,
                .retry_interval = 10 * CLOCK_SECOND,
                .flap_start_permil = 300,
                .flap_stop_permil = 200}};
static const struct check_list LIST = {.count = 1, .checks = &spec};

static void on_reported(void *arg)
{
	(void)arg;
	reported++;
}

static void on_limit(void *arg)
{
	(void)arg;
	fail_msg("the check did not run in time");
}

static void watcher_start(void)
{
	watcher = watcher_new(&(struct watcher_options){.loop = loop,
	                              .queue = queue,
	                              .clock = test_clock,
	                              .checks = &LIST,
	                              .concurrency = 2,
	                              .reported = on_reported},
	        &err);
	assert_non_null(watcher);
}

static int setup(void **state)
{
	struct queue_options options = {.agent = "a1", .cap_bytes = 1 << 20};
	char clock_path[100];

	(void)state;
	log_setup(
	        open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR_LEVEL, LOG_LOGFMT, "t", "");
	(void)strcpy(dir, "/tmp/otklik-watcher.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	options.dir = dir;
	(void)snprintf(clock_path, sizeof clock_path, "%s/clock", dir);
	(void)snprintf(state_path, sizeof state_path, "%s/state", dir);
	(void)snprintf(script, sizeof script, "echo run >> %s.runs; echo told; exit $(cat %s)",
	        state_path, state_path);
	test_clock = clock_open_virtual(clock_path, T0);
	loop = loop_new();
	if (test_clock == NULL || loop == NULL || queue_open(&options, T0, &queue, &err) != 0)
		return -1;
	limit = loop_timer_new(loop, on_limit, NULL);
	reported = 0;
	return 0;
}

static int teardown(void **state)
{
	DIR *open_dir;
	struct dirent *item;

	(void)state;
	watcher_free(watcher);
	watcher = NULL;
	loop_timer_free(limit);
	loop_free(loop);
	queue_close(queue);
	clock_free(test_clock);
	open_dir = opendir(dir);
	while (open_dir != NULL && (item = readdir(open_dir)) != NULL) {
		char path[400];

		(void)snprintf(path, sizeof path, "%s/%s", dir, item->d_name);
		(void)unlink(path);
	}
	if (open_dir != NULL)
		(void)closedir(open_dir);
	(void)rmdir(dir);
	return 0;
}

static void plugin_says(int state)
{
	FILE *file = fopen(state_path, "w");

	assert_non_null(file);
	(void)fprintf(file, "%d", state);
	(void)fclose(file);
}

/* Moves the clock by `seconds` and turns the loop until the check has run again. */
static struct watcher_look after(int64_t seconds)
{
	struct watcher_look look;
	int64_t until = clock_now(test_clock) + seconds * CLOCK_SECOND;

	assert_int_equal(clock_move(test_clock, until), 0);
	loop_timer_set(limit, 20 * CLOCK_SECOND);
	do {
		assert_int_equal(loop_turn(loop, true), 0);
		watcher_look(watcher, 0, &look);
	} while (look.ran_at < until);
	loop_timer_clear(limit);
	return look;
}

static void hard_states_become_reports_with_a_growing_counter(void **state)
{
	struct queue_batch batch;
	struct watcher_look look;
	uint64_t counter;
	uint64_t last = 0;
	static const Otklik__V1__CheckState STATES[] = {OTKLIK__V1__CHECK_STATE__CHECK_STATE_OK,
	        OTKLIK__V1__CHECK_STATE__CHECK_STATE_CRITICAL,
	        OTKLIK__V1__CHECK_STATE__CHECK_STATE_OK};

	(void)state;
	plugin_says(0);
	watcher_start();
	assert_int_equal(watcher_count(watcher), 1);
	look = after(60);
	assert_int_equal(look.check->life.state, CHECK_OK);
	assert_string_equal(look.output, "told");
	counter = look.check->counter;
	plugin_says(2);
	look = after(60);
	assert_false(look.check->life.hard);
	assert_int_equal(reported, 1);
	look = after(10); /* the retry interval */
	assert_true(look.check->life.hard);
	assert_int_equal(reported, 2);
	/* past seventy seconds, so that a copy of the queue cannot stay behind */
	assert_int_equal(look.check->counter, counter + 70);
	(void)after(60); /* still bad: nothing new to say */
	assert_int_equal(reported, 2);
	plugin_says(0);
	(void)after(60);
	assert_int_equal(reported, 3);
	assert_int_equal(queue_read(queue, 0, 64, 1 << 20, &batch, &err), 0);
	assert_int_equal(batch.count, 3);
	for (size_t i = 0; i < 3; i++) {
		Otklik__V1__Report *report = otklik__v1__report__unpack(
		        NULL, batch.entries[i].size, batch.entries[i].payload);

		assert_int_equal(report->state, STATES[i]);
		assert_true(report->counter > last);
		last = report->counter;
		otklik__v1__report__free_unpacked(report, NULL);
	}
	/* a recovery matters as much as its problem */
	assert_int_equal(batch.entries[0].severity, QUEUE_LOW);
	assert_int_equal(batch.entries[1].severity, QUEUE_HIGH);
	assert_int_equal(batch.entries[2].severity, QUEUE_HIGH);
	queue_batch_free(&batch);
}

static void a_restart_forgets_no_problem_and_reports_its_recovery(void **state)
{
	(void)state;
	plugin_says(2);
	watcher_start();
	(void)after(60);
	(void)after(10);
	assert_int_equal(reported, 1);
	watcher_free(watcher);
	watcher_start();
	(void)after(60);
	assert_int_equal(reported, 1);
	plugin_says(0);
	(void)after(60);
	assert_int_equal(reported, 2);
}

static void what_the_full_queue_refused_is_reported_when_there_is_room(void **state)
{
	static char bulk[4000];
	struct queue_entry entry = {
	        .payload = bulk, .size = sizeof bulk, .severity = QUEUE_HIGH};
	struct queue_state look;
	int64_t seq;
	int64_t gap;

	(void)state;
	while (queue_put(queue, &entry, NULL, T0, &seq, &err) == 0)
		;
	entry.size = 1;
	while (queue_put(queue, &entry, NULL, T0, &seq, &err) == 0)
		;
	plugin_says(2);
	watcher_start();
	(void)after(60);
	(void)after(10);
	(void)after(60);
	assert_int_equal(reported, 0);
	assert_int_equal(queue_look(queue, &look, &err), 0);
	assert_int_equal(look.refusal.count, 3); /* the fillers, and the check once */
	assert_int_equal(queue_mark(queue, look.head, T0, &gap, &err), 0);
	(void)after(60);
	assert_int_equal(reported, 1);
}

static void a_hanging_plugin_is_killed_and_critical(void **state)
{
	struct watcher_look look;

	(void)state;
	(void)strcpy(script, "sleep 60");
	spec.timeout_s = 1;
	spec.rules.max_attempts = 1;
	watcher_start();
	look = after(60);
	spec.timeout_s = 5;
	spec.rules.max_attempts = 2;
	assert_int_equal(look.check->life.hard_state, CHECK_CRITICAL);
	assert_string_equal(look.output, "killed: no answer within 1 s");
	assert_int_equal(reported, 1);
}

static void a_missing_plugin_is_critical(void **state)
{
	static char missing[] = "/nonexistent/x";
	struct watcher_look look;

	(void)state;
	argv_of_check[0] = missing;
	watcher_start();
	look = after(60);
	look = after(10);
	argv_of_check[0] = "/bin/sh";
	assert_true(look.check->life.hard);
	assert_int_equal(look.check->life.hard_state, CHECK_CRITICAL);
}

static void a_running_plugin_ends_with_the_watcher(void **state)
{
	(void)state;
	(void)strcpy(script, "sleep 60");
	watcher_start();
	assert_int_equal(clock_move(test_clock, clock_now(test_clock) + 60 * CLOCK_SECOND), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_turn(loop, true), 0);
}

#define WATCHER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WATCHER_TEST(hard_states_become_reports_with_a_growing_counter),
	        WATCHER_TEST(a_restart_forgets_no_problem_and_reports_its_recovery),
	        WATCHER_TEST(what_the_full_queue_refused_is_reported_when_there_is_room),
	        WATCHER_TEST(a_hanging_plugin_is_killed_and_critical),
	        WATCHER_TEST(a_missing_plugin_is_critical),
	        WATCHER_TEST(a_running_plugin_ends_with_the_watcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
