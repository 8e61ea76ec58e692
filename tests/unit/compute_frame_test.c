/* Jobs and answers of compute processes as bytes. */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/compute_frame.h"
#include "wire/methods.h"
#include "wire/schema.h"
#include "wire/status_message.h"

static void a_job_comes_out_as_it_went_in(void **state)
{
	Otklik__V1__ForecastSlaRequest in = OTKLIK__V1__FORECAST_SLA_REQUEST__INIT;
	struct compute_job job = {.method = METHOD_FORECAST_SLA,
	        .now = INT64_C(1772435000000000),
	        .scope = "{1,7}",
	        .message = &in.base};
	struct arena *arena = arena_new(1 << 20);
	const Otklik__V1__ForecastSlaRequest *out;
	struct compute_job read_back;
	struct otk_error err;
	int fd;

	(void)state;
	in.customer = (char *)(uintptr_t) "верфь 12 34";
	in.within_us = 5;
	fd = compute_job_write(&job);
	assert_true(fd >= 0);
	assert_int_equal(compute_job_read(fd, arena, &read_back, &err), 0);
	assert_int_equal(read_back.method, METHOD_FORECAST_SLA);
	assert_int_equal(read_back.now, job.now);
	assert_string_equal(read_back.scope, "{1,7}");
	out = (const void *)read_back.message;
	assert_string_equal(out->customer, in.customer);
	assert_int_equal(out->within_us, 5);
	(void)close(fd);
	arena_free(arena);
}

static void bytes_that_are_no_job_are_refused(void **state)
{
	static const char *const WRONG[] = {"41", "41 1 99999 x", "9999 1 1 *",
	        "41 1 1 *\xff\xff", "x", "41 1 18446744073709551615 *"};

	(void)state;
	for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
		struct arena *arena = arena_new(1 << 20);
		char path[] = "/tmp/otk-frame-XXXXXX";
		int fd = mkstemp(path);
		struct compute_job job;
		struct otk_error err;

		assert_true(fd >= 0);
		(void)unlink(path);
		assert_int_equal(
		        write(fd, WRONG[i], strlen(WRONG[i])), (ssize_t)strlen(WRONG[i]));
		(void)lseek(fd, 0, SEEK_SET);
		assert_true(compute_job_read(fd, arena, &job, &err) < 0);
		assert_string_equal(err.reason, "JOB_DAMAGED");
		(void)close(fd);
		arena_free(arena);
	}
}

static void an_answer_is_frames(void **state)
{
	Otklik__V1__ForecastSlaResponse item = OTKLIK__V1__FORECAST_SLA_RESPONSE__INIT;
	Otklik__V1__Status *status;
	struct otk_error err, told;
	uint8_t bytes[4096];
	size_t size;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	item.clocks = 7;
	(void)error_set(&err, OTK_OUT_OF_RANGE, "HISTORY_TOO_LONG", "too much of it");
	assert_int_equal(compute_tell_item(ends[1], &item.base), 0);
	assert_int_equal(compute_tell_error(ends[1], &err), 0);
	assert_int_equal(compute_tell_end(ends[1]), 0);
	(void)close(ends[1]);
	size = (size_t)read(ends[0], bytes, sizeof bytes);
	assert_int_equal(bytes[4], COMPUTE_ITEM);
	assert_int_equal(bytes[3], 2);
	assert_int_equal(bytes[COMPUTE_HEAD_SIZE + 2 + 4], COMPUTE_ERROR);
	status = otklik__v1__status__unpack(
	        NULL, bytes[COMPUTE_HEAD_SIZE + 2 + 3], bytes + 2 * COMPUTE_HEAD_SIZE + 2);
	assert_non_null(status);
	assert_int_equal(status_message_read(status, &told), -OTK_OUT_OF_RANGE);
	assert_string_equal(told.reason, "HISTORY_TOO_LONG");
	otklik__v1__status__free_unpacked(status, NULL);
	assert_int_equal(bytes[size - 1], COMPUTE_END);
	(void)close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_job_comes_out_as_it_went_in),
	        cmocka_unit_test(bytes_that_are_no_job_are_refused),
	        cmocka_unit_test(an_answer_is_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
