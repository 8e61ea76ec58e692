/* The durable queue. */
#include "agent/queue.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

#define DAY (INT64_C(24) * 3600 * 1000000)
#define T0 (INT64_C(1700000000) * 1000000)

static char dir[64];
static struct otk_error err;

static int dir_make(void **state)
{
	/* The runner removes its folder even after a kill. */
	const char *parent = getenv("OTKLIK_TEST_DIR");

	(void)state;
	log_setup(
	        open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR_LEVEL, LOG_LOGFMT, "t", "");
	(void)snprintf(dir, sizeof dir, "%s/queue.XXXXXX", parent == NULL ? "/tmp" : parent);
	return mkdtemp(dir) == NULL;
}

static int dir_remove(void **state)
{
	DIR *open_dir = opendir(dir);
	struct dirent *entry;

	(void)state;
	while (open_dir != NULL && (entry = readdir(open_dir)) != NULL) {
		char path[400];

		(void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		(void)unlink(path);
	}
	if (open_dir != NULL)
		(void)closedir(open_dir);
	(void)rmdir(dir);
	return 0;
}

static struct queue *queue_opened(int64_t cap, bool verify)
{
	const struct queue_options options = {
	        .dir = dir, .agent = "a1", .cap_bytes = cap, .verify = verify};
	struct queue *queue = NULL;

	if (queue_open(&options, T0, &queue, &err) != 0)
		fail_msg("%s", err.message);
	return queue;
}

static int put_text(struct queue *queue, const char *text, int64_t *seq)
{
	const struct queue_entry entry = {
	        .severity = QUEUE_HIGH, .queued_at = T0, .payload = text, .size = strlen(text)};

	return queue_put(queue, &entry, NULL, T0, seq, &err);
}

static struct queue_state looked(struct queue *queue)
{
	struct queue_state state;

	assert_int_equal(queue_look(queue, &state, &err), 0);
	return state;
}

static void numbers_run_from_one_without_gaps_over_restarts(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	struct uuid epoch = looked(queue).epoch;
	int64_t seq = 0;

	(void)state;
	for (int64_t i = 1; i <= 5; i++) {
		assert_int_equal(put_text(queue, "x", &seq), 0);
		assert_int_equal(seq, i);
	}
	queue_close(queue);
	queue = queue_opened(1 << 20, true);
	assert_memory_equal(looked(queue).epoch.bytes, epoch.bytes, 16);
	assert_int_equal(put_text(queue, "x", &seq), 0);
	assert_int_equal(seq, 6);
	assert_int_equal(looked(queue).head, 6);
	assert_int_equal(looked(queue).oldest_unacked_at, T0);
	queue_close(queue);
}

static void reading_gives_the_order_within_limits(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	struct queue_batch batch;
	char text[32];
	int64_t seq;

	(void)state;
	for (int i = 1; i <= 9; i++) {
		(void)snprintf(text, sizeof text, "report %d", i);
		assert_int_equal(put_text(queue, text, &seq), 0);
	}
	assert_int_equal(queue_read(queue, 2, 4, 1000, &batch, &err), 0);
	assert_int_equal(batch.count, 4);
	assert_int_equal(batch.entries[0].seq, 3);
	assert_memory_equal(batch.entries[3].payload, "report 6", 8);
	queue_batch_free(&batch);
	assert_int_equal(queue_read(queue, 0, 64, 20, &batch, &err), 0);
	assert_int_equal(batch.count, 2);
	queue_batch_free(&batch);
	assert_int_equal(queue_read(queue, 0, 64, 1, &batch, &err), 0);
	assert_int_equal(batch.count, 1);
	queue_batch_free(&batch);
	assert_int_equal(queue_read(queue, 9, 64, 1000, &batch, &err), 0);
	assert_int_equal(batch.count, 0);
	queue_batch_free(&batch);
	queue_close(queue);
}

static void acked_reports_are_kept_seven_days_and_unacked_ones_forever(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	int64_t seq;
	int64_t gap = 0;

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(put_text(queue, "x", &seq), 0);
	assert_int_equal(queue_mark(queue, 2, T0, &gap, &err), 0);
	assert_int_equal(queue_mark(queue, 4, T0 + 2 * DAY, &gap, &err), 0);
	assert_int_equal(queue_trim(queue, T0 + 6 * DAY, &err), 0);
	assert_int_equal(looked(queue).oldest, 1);
	assert_int_equal(queue_trim(queue, T0 + 8 * DAY, &err), 0);
	assert_int_equal(looked(queue).oldest, 3);
	assert_int_equal(queue_trim(queue, T0 + 4000 * DAY, &err), 0);
	assert_int_equal(looked(queue).oldest, 5);
	assert_int_equal(looked(queue).mark, 4);
	queue_close(queue);
}

static void a_restored_server_is_refilled_from_its_mark(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	struct queue_batch batch;
	int64_t seq;
	int64_t gap = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(put_text(queue, "x", &seq), 0);
	assert_int_equal(queue_mark(queue, 10, T0, &gap, &err), 0);
	assert_int_equal(queue_mark(queue, 3, T0 + DAY, &gap, &err), 0);
	assert_int_equal(gap, 0);
	assert_int_equal(looked(queue).mark, 3);
	assert_int_equal(queue_read(queue, 3, 64, 1000, &batch, &err), 0);
	assert_int_equal(batch.count, 7);
	queue_batch_free(&batch);
	/* rewound reports are unacked again: age does not touch them */
	assert_int_equal(queue_trim(queue, T0 + 30 * DAY, &err), 0);
	assert_int_equal(queue_trim(queue, T0 + 30 * DAY, &err), 0);
	assert_int_equal(looked(queue).oldest, 4);
	queue_close(queue);
}

static void a_rewind_past_what_is_kept_records_the_gap_and_an_epoch_renumbers(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	struct uuid epoch = looked(queue).epoch;
	struct queue_gap record;
	struct queue_batch batch;
	int64_t seq;
	int64_t gap = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(put_text(queue, i < 7 ? "old" : "new", &seq), 0);
	assert_int_equal(queue_mark(queue, 7, T0, &gap, &err), 0);
	assert_int_equal(queue_trim(queue, T0 + 8 * DAY, &err), 0);
	assert_int_equal(queue_mark(queue, 2, T0 + 8 * DAY, &gap, &err), 0);
	assert_int_equal(gap, 7);
	assert_int_equal(queue_gap_first(queue, &record, &err), 0);
	assert_int_equal(record.from_seq, 3);
	assert_int_equal(record.to_seq, 7);
	assert_int_equal(queue_begin_epoch(queue, "why", T0 + 8 * DAY, &err), 0);
	assert_int_equal(looked(queue).mark, 0);
	assert_int_equal(looked(queue).head, 3);
	assert_memory_not_equal(looked(queue).epoch.bytes, epoch.bytes, 16);
	assert_int_equal(queue_read(queue, 0, 64, 1000, &batch, &err), 0);
	assert_int_equal(batch.count, 3);
	assert_int_equal(batch.entries[0].seq, 1);
	assert_memory_equal(batch.entries[0].payload, "new", 3);
	queue_batch_free(&batch);
	assert_int_equal(put_text(queue, "x", &seq), 0);
	assert_int_equal(seq, 4);
	assert_int_equal(looked(queue).gaps, 2);
	queue_close(queue);
}

static void a_told_gap_is_told_once(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	const struct queue_entry entry = {.payload = "gap", .size = 3, .severity = QUEUE_HIGH};
	struct queue_gap record;
	int64_t seq = 0;

	(void)state;
	assert_int_equal(queue_gap_first(queue, &record, &err), -OTK_NOT_FOUND);
	assert_int_equal(queue_begin_epoch(queue, "why", T0, &err), 0);
	assert_int_equal(queue_gap_first(queue, &record, &err), 0);
	assert_string_equal(record.reason, "why");
	assert_int_equal(queue_put_gap(queue, &entry, record.id, T0, &seq, &err), 0);
	assert_int_equal(queue_put_gap(queue, &entry, record.id, T0, &seq, &err), -OTK_ABORTED);
	assert_int_equal(looked(queue).head, 1);
	assert_int_equal(queue_gap_first(queue, &record, &err), -OTK_NOT_FOUND);
	queue_close(queue);
}

static void a_mark_beyond_the_head_is_refused(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	int64_t gap = 0;

	(void)state;
	assert_int_equal(queue_mark(queue, 1, T0, &gap, &err), -OTK_OUT_OF_RANGE);
	assert_int_equal(looked(queue).mark, 0);
	queue_close(queue);
}

static int put_bulk(struct queue *queue, enum queue_severity severity, int64_t now)
{
	static char bulk[4000];
	const struct queue_entry entry = {
	        .severity = severity, .queued_at = now, .payload = bulk, .size = sizeof bulk};
	int64_t seq;

	return queue_put(queue, &entry, NULL, now, &seq, &err);
}

static void at_the_cap_low_severities_are_refused_first_and_the_record_is_durable(void **state)
{
	struct queue *queue = queue_opened(512 * 1024, false);
	const struct queue_entry told = {.payload = "r", .size = 1, .severity = QUEUE_HIGH};
	struct queue_refusal refusal;
	int64_t heads[3];
	int64_t seq;
	int64_t gap;

	(void)state;
	for (int s = QUEUE_LOW; s <= QUEUE_HIGH; s++) {
		while (put_bulk(queue, (enum queue_severity)s, T0 + s) == 0)
			;
		assert_int_equal(err.code, OTK_RESOURCE_EXHAUSTED);
		heads[s] = looked(queue).head;
		assert_true(looked(queue).used_bytes <= looked(queue).cap_bytes);
	}
	assert_true(heads[0] < heads[1] && heads[1] < heads[2]);
	queue_close(queue);
	queue = queue_opened(512 * 1024, true);
	refusal = looked(queue).refusal;
	assert_int_equal(refusal.count, 3);
	assert_int_equal(refusal.from_at, T0);
	assert_int_equal(refusal.to_at, T0 + 2);
	/* a repetition of a refused report is not counted again */
	{
		static char bulk[4000];
		const struct queue_entry again = {
		        .payload = bulk, .size = sizeof bulk, .again = true};

		assert_int_equal(queue_put(queue, &again, NULL, T0, &seq, &err),
		        -OTK_RESOURCE_EXHAUSTED);
		assert_int_equal(looked(queue).refusal.count, 3);
	}
	/* acked reports make room, and the record becomes a report */
	assert_int_equal(queue_mark(queue, heads[0], T0, &gap, &err), 0);
	assert_int_equal(put_bulk(queue, QUEUE_LOW, T0), 0);
	assert_true(looked(queue).oldest > 1);
	refusal.count++;
	assert_int_equal(
	        queue_put_refusal(queue, &told, &refusal, T0, &seq, &err), -OTK_ABORTED);
	refusal.count--;
	assert_int_equal(queue_put_refusal(queue, &told, &refusal, T0, &seq, &err), 0);
	assert_int_equal(looked(queue).refusal.count, 0);
	queue_close(queue);
}

static void a_full_disk_refuses_and_is_told_of_when_there_is_room(void **state)
{
	struct queue *queue = queue_opened(8 << 20, false);
	const struct rlimit small = {.rlim_cur = 200 * 1024, .rlim_max = RLIM_INFINITY};
	const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
	int64_t head;
	int rc = 0;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 200 && rc == 0; i++)
		rc = put_bulk(queue, QUEUE_HIGH, T0);
	assert_true(rc < 0);
	head = looked(queue).head;
	assert_true(put_bulk(queue, QUEUE_HIGH, T0) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(put_bulk(queue, QUEUE_HIGH, T0), 0);
	assert_int_equal(looked(queue).head, head + 1);
	assert_int_equal(looked(queue).refusal.count, 2);
	queue_close(queue);
}

static void too_large_a_report_is_refused(void **state)
{
	static char big[QUEUE_PAYLOAD_MAX + 1];
	struct queue *queue = queue_opened(1 << 20, false);
	const struct queue_entry entry = {.payload = big, .size = sizeof big};
	int64_t seq;

	(void)state;
	assert_int_equal(queue_put(queue, &entry, NULL, T0, &seq, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(looked(queue).refusal.count, 0);
	queue_close(queue);
}

static void a_check_is_saved_with_its_report(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	const struct queue_entry entry = {.payload = "c", .size = 1};
	struct queue_check check = {.host = "h", .name = "disk"};
	struct queue_check back = {.host = "h", .name = "disk"};
	int64_t seq;

	(void)state;
	assert_int_equal(queue_check_load(queue, &check, &err), 0);
	assert_int_equal(check.counter, T0 / 1000000);
	check.counter++;
	check.reported = true;
	check.reported_state = CHECK_CRITICAL;
	check.life = (struct check_life){.ran = true,
	        .state = CHECK_CRITICAL,
	        .hard = true,
	        .attempt = 3,
	        .known = true,
	        .hard_state = CHECK_CRITICAL,
	        .ring_count = CHECK_RING,
	        .ring = {[20] = 2}};
	check.changed_at = T0;
	assert_int_equal(queue_put(queue, &entry, &check, T0, &seq, &err), 0);
	queue_close(queue);
	queue = queue_opened(1 << 20, false);
	assert_int_equal(queue_check_load(queue, &back, &err), 0);
	assert_memory_equal(&back.life, &check.life, sizeof back.life);
	assert_int_equal(back.counter, check.counter);
	assert_true(back.reported && back.reported_state == CHECK_CRITICAL);
	queue_close(queue);
}

static void another_agent_name_begins_a_new_epoch_and_keeps_reports(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	const struct queue_options options = {.dir = dir, .agent = "a2", .cap_bytes = 1 << 20};
	struct uuid epoch = looked(queue).epoch;
	int64_t seq;

	(void)state;
	assert_int_equal(put_text(queue, "x", &seq), 0);
	queue_close(queue);
	assert_int_equal(queue_open(&options, T0, &queue, &err), 0);
	assert_memory_not_equal(looked(queue).epoch.bytes, epoch.bytes, 16);
	assert_int_equal(looked(queue).head, 1);
	assert_string_equal(looked(queue).agent, "a2");
	queue_close(queue);
}

/* Overwrites `length` bytes at `offset` of the queue's file. */
static void file_spoil(off_t offset, size_t length)
{
	static char garbage[16384];
	char path[100];
	int fd;

	(void)snprintf(path, sizeof path, "%s/queue.db", dir);
	fd = open(path, O_WRONLY);
	memset(garbage, 0x5A, sizeof garbage);
	assert_int_equal(pwrite(fd, garbage, length, offset), (ssize_t)length);
	(void)close(fd);
}

static int files_set_aside(void)
{
	DIR *open_dir = opendir(dir);
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(open_dir)) != NULL)
		count += strstr(entry->d_name, ".corrupt-") != NULL;
	(void)closedir(open_dir);
	return count;
}

static void a_corrupt_file_is_set_aside_and_a_new_epoch_begun(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	struct uuid epoch = looked(queue).epoch;
	int64_t seq;

	(void)state;
	assert_int_equal(put_text(queue, "x", &seq), 0);
	queue_close(queue);
	file_spoil(0, 4096);
	queue = queue_opened(1 << 20, false);
	assert_memory_not_equal(looked(queue).epoch.bytes, epoch.bytes, 16);
	assert_true(files_set_aside() >= 1);
	assert_int_equal(looked(queue).gaps, 1);
	assert_int_equal(looked(queue).head, 0);
	assert_int_equal(put_text(queue, "y", &seq), 0);
	assert_int_equal(seq, 1);
	queue_close(queue);
}

static void readable_reports_of_a_corrupt_file_are_saved(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	struct queue_batch batch;
	int64_t gap;
	int64_t seq;

	(void)state;
	for (int i = 0; i < 40; i++)
		assert_int_equal(put_bulk(queue, QUEUE_HIGH, T0), 0);
	assert_int_equal(put_text(queue, "last", &seq), 0);
	assert_int_equal(queue_mark(queue, 10, T0, &gap, &err), 0);
	queue_close(queue);
	file_spoil(35 * 4096, 4096); /* some page of the middle of `entry` */
	queue = queue_opened(1 << 20, true);
	assert_true(files_set_aside() >= 1);
	assert_in_range(looked(queue).head, 5, 30);
	assert_int_equal(queue_read(queue, 0, 64, 1 << 20, &batch, &err), 0);
	assert_int_equal(batch.count, looked(queue).head);
	queue_batch_free(&batch);
	queue_close(queue);
}

static void corruption_met_while_running_does_not_stop_intake(void **state)
{
	struct queue *queue = queue_opened(1 << 20, false);
	int64_t seq = 0;
	int rc = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		assert_int_equal(put_bulk(queue, QUEUE_HIGH, T0), 0);
	queue_close(queue);
	queue = queue_opened(1 << 20, false);
	file_spoil(4096, 16384);
	for (int i = 0; i < 50 && rc == 0; i++)
		rc = put_bulk(queue, QUEUE_HIGH, T0);
	assert_int_equal(rc, 0);
	assert_int_equal(put_text(queue, "y", &seq), 0);
	assert_true(files_set_aside() >= 1);
	queue_close(queue);
}

static void a_file_of_a_newer_format_is_left_alone(void **state)
{
	const struct queue_options options = {.dir = dir, .agent = "a1", .cap_bytes = 1 << 20};
	struct queue *queue = queue_opened(1 << 20, false);
	unsigned char version[4] = {0, 0, 0, 9};
	char path[100];
	int fd;

	(void)state;
	queue_close(queue);
	(void)snprintf(path, sizeof path, "%s/queue.db", dir);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, version, 4, 60), 4);
	(void)close(fd);
	assert_int_equal(queue_open(&options, T0, &queue, &err), -OTK_FAILED_PRECONDITION);
	assert_int_equal(files_set_aside(), 0);
}

static void bad_options_are_refused(void **state)
{
	struct queue_options options = {.dir = dir, .agent = "a", .cap_bytes = 1000};
	struct queue *queue;

	(void)state;
	assert_int_equal(queue_open(&options, T0, &queue, &err), -OTK_INVALID_ARGUMENT);
	options.cap_bytes = 1 << 20;
	options.dir = "/nonexistent/deeper";
	assert_int_equal(queue_open(&options, T0, &queue, &err), -OTK_FAILED_PRECONDITION);
	queue_close(NULL);
}

/* The child tells each number through a pipe only after queue_put returned. */
static void child_puts_until_killed(int out)
{
	struct queue *queue = queue_opened(8 << 20, false);
	char text[32];
	int64_t seq = 0;

	for (;;) {
		(void)snprintf(text, sizeof text, "report %lld", (long long)seq + 1);
		if (put_text(queue, text, &seq) != 0 ||
		        write(out, &seq, sizeof seq) != (ssize_t)sizeof seq)
			_exit(1);
	}
}

static void kill_nine_loses_nothing_that_was_accepted(void **state)
{
	int64_t accepted = 0;
	struct queue *queue;
	struct queue_batch batch;

	(void)state;
	for (int round = 0; round < 8; round++) {
		int ends[2];
		int64_t seq;
		pid_t child;

		assert_int_equal(pipe(ends), 0);
		child = fork();
		if (child == 0) {
			(void)close(ends[0]);
			child_puts_until_killed(ends[1]);
		}
		(void)close(ends[1]);
		for (int i = 0; i < 3 + round * 5; i++) {
			assert_int_equal(read(ends[0], &seq, sizeof seq), sizeof seq);
			accepted = seq;
		}
		(void)kill(child, SIGKILL);
		while (read(ends[0], &seq, sizeof seq) == (ssize_t)sizeof seq)
			accepted = seq;
		(void)close(ends[0]);
		(void)waitpid(child, NULL, 0);
	}
	queue = queue_opened(8 << 20, true);
	assert_in_range(looked(queue).head, accepted, accepted + 8);
	for (int64_t after = 0; after < accepted;) {
		assert_int_equal(queue_read(queue, after, 16, 1 << 20, &batch, &err), 0);
		assert_true(batch.count > 0);
		for (size_t i = 0; i < batch.count; i++)
			assert_int_equal(batch.entries[i].seq, ++after);
		queue_batch_free(&batch);
	}
	assert_int_equal(files_set_aside(), 0);
	queue_close(queue);
}

static void two_processes_share_one_order(void **state)
{
	struct queue *queue = queue_opened(8 << 20, false);
	int64_t seq;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		struct queue *own = queue_opened(8 << 20, false);
		int rc = 0;

		for (int i = 0; i < 50 && rc == 0; i++)
			rc = put_text(own, "child", &seq);
		_exit(rc != 0);
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(put_text(queue, "parent", &seq), 0);
	{
		int status = 1;

		(void)waitpid(child, &status, 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(looked(queue).head, 100);
	queue_close(queue);
}

static int opens_and_puts(void)
{
	const struct queue_options options = {.dir = dir, .agent = "a1", .cap_bytes = 8 << 20};
	struct queue *queue = NULL;
	int64_t seq;

	if (queue_open(&options, T0, &queue, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	return put_text(queue, "first", &seq) != 0;
}

static void a_queue_may_be_made_by_several_at_once(void **state)
{
	enum { ROUNDS = 10, CHILDREN = 6 };

	for (int round = 0; round < ROUNDS; round++) {
		struct queue *queue;
		int failed = 0;

		for (int i = 0; i < CHILDREN; i++) {
			pid_t child = fork();

			if (child == 0)
				_exit(opens_and_puts());
		}
		for (int i = 0; i < CHILDREN; i++) {
			int status = 1;

			(void)wait(&status);
			failed += status != 0;
		}
		assert_int_equal(failed, 0);
		queue = queue_opened(8 << 20, true);
		assert_int_equal(looked(queue).head, CHILDREN);
		queue_close(queue);
		(void)dir_remove(state);
		assert_int_equal(dir_make(state), 0);
	}
}

#define QUEUE_TEST(f) cmocka_unit_test_setup_teardown(f, dir_make, dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        QUEUE_TEST(numbers_run_from_one_without_gaps_over_restarts),
	        QUEUE_TEST(reading_gives_the_order_within_limits),
	        QUEUE_TEST(acked_reports_are_kept_seven_days_and_unacked_ones_forever),
	        QUEUE_TEST(a_restored_server_is_refilled_from_its_mark),
	        QUEUE_TEST(a_rewind_past_what_is_kept_records_the_gap_and_an_epoch_renumbers),
	        QUEUE_TEST(a_told_gap_is_told_once),
	        QUEUE_TEST(a_mark_beyond_the_head_is_refused),
	        QUEUE_TEST(
	                at_the_cap_low_severities_are_refused_first_and_the_record_is_durable),
	        QUEUE_TEST(a_full_disk_refuses_and_is_told_of_when_there_is_room),
	        QUEUE_TEST(too_large_a_report_is_refused),
	        QUEUE_TEST(a_check_is_saved_with_its_report),
	        QUEUE_TEST(another_agent_name_begins_a_new_epoch_and_keeps_reports),
	        QUEUE_TEST(a_corrupt_file_is_set_aside_and_a_new_epoch_begun),
	        QUEUE_TEST(readable_reports_of_a_corrupt_file_are_saved),
	        QUEUE_TEST(corruption_met_while_running_does_not_stop_intake),
	        QUEUE_TEST(a_file_of_a_newer_format_is_left_alone),
	        QUEUE_TEST(bad_options_are_refused),
	        QUEUE_TEST(kill_nine_loses_nothing_that_was_accepted),
	        QUEUE_TEST(two_processes_share_one_order),
	        QUEUE_TEST(a_queue_may_be_made_by_several_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
