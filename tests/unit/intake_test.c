/* The Unix socket: both ends, the daemon's in a child process. */
#include "agent/intake.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/local.h"

static char dir[64];
static char path[100];
static pid_t child;
static struct otk_error err;

static void handle(void *arg, const Otklik__V1__AgentLocalRequest *request,
        Otklik__V1__AgentLocalResponse *response, struct arena *arena)
{
	struct otk_error refusal = {0};

	(void)arg;
	if (request->report != NULL) {
		response->seq = strlen(request->report->text);
		return;
	}
	(void)error_set(&refusal, OTK_RESOURCE_EXHAUSTED, "QUEUE_FULL", "no room");
	intake_refuse(response, &refusal, arena);
}

static void on_term(void *arg, int signo)
{
	(void)signo;
	loop_stop(arg);
}

static void child_serve(int ready)
{
	struct loop *loop = loop_new();
	struct intake *intake = intake_new(loop, path, handle, NULL, NULL);
	struct loop_signal *term = loop_signal_new(loop, SIGTERM, on_term, loop);

	(void)!write(ready, "", intake != NULL && term != NULL);
	(void)close(ready);
	(void)loop_run(loop);
	intake_free(intake);
	loop_signal_free(term);
	loop_free(loop);
	_exit(0);
}

static int setup(void **state)
{
	int ends[2];
	char byte;

	(void)state;
	(void)strcpy(dir, "/tmp/otklik-intake.XXXXXX");
	if (mkdtemp(dir) == NULL || pipe(ends) != 0)
		return -1;
	(void)snprintf(path, sizeof path, "%s/a.sock", dir);
	child = fork();
	if (child == 0)
		child_serve(ends[1]);
	(void)close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		return -1;
	(void)close(ends[0]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (child > 0) {
		(void)kill(child, SIGTERM);
		(void)waitpid(child, NULL, 0);
	}
	child = 0;
	(void)unlink(path);
	(void)rmdir(dir);
	return 0;
}

static int call(Otklik__V1__Report *report, uint64_t *seq)
{
	Otklik__V1__AgentLocalRequest request = OTKLIK__V1__AGENT_LOCAL_REQUEST__INIT;
	Otklik__V1__AgentLocalResponse *response = NULL;
	struct arena *arena = arena_new(1 << 20);
	int rc;

	request.report = report;
	rc = local_call(path, &request, 5000, arena, &response, &err);
	if (rc == 0 && seq != NULL)
		*seq = response->seq;
	arena_free(arena);
	return rc;
}

static void a_request_gets_its_reply(void **state)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	static char text[60000];
	uint64_t seq = 0;
	struct stat st;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	report.text = text;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(call(&report, &seq), 0);
		assert_int_equal(seq, sizeof text - 1);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void a_refusal_comes_back_as_its_error(void **state)
{
	(void)state;
	assert_int_equal(call(NULL, NULL), -OTK_RESOURCE_EXHAUSTED);
	assert_string_equal(err.reason, "QUEUE_FULL");
	assert_string_equal(err.message, "no room");
}

static void too_large_a_request_is_not_sent(void **state)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	static char text[LOCAL_REQUEST_MAX];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	report.text = text;
	assert_int_equal(call(&report, NULL), -OTK_INVALID_ARGUMENT);
}

static int raw_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void what_is_no_frame_is_dropped_and_others_are_served(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool answered; /* by an error, before the end */
	} CASES[] = {
	        {"\xFF\xFF\xFF\xFF", 4, false},
	        {"\x00\x00\x00\x03\xFF\xFF\xFF", 7, true},
	        {"\x00\x00", 2, false},
	};
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	char reply[600];

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		int fd = raw_connect();

		assert_int_equal(write(fd, CASES[i].bytes, CASES[i].size), CASES[i].size);
		(void)shutdown(fd, SHUT_WR);
		assert_int_equal(read(fd, reply, sizeof reply) > 0, CASES[i].answered);
		(void)close(fd);
	}
	assert_int_equal(call(&report, NULL), 0);
}

static void more_guests_than_places_wait_their_turn(void **state)
{
	Otklik__V1__Report report = OTKLIK__V1__REPORT__INIT;
	int idle[INTAKE_CONNECTIONS + 4];

	(void)state;
	for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
		idle[i] = raw_connect();
	for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
		(void)close(idle[i]);
	assert_int_equal(call(&report, NULL), 0);
}

static void a_dead_socket_is_told_from_a_live_one(void **state)
{
	struct loop *loop = loop_new();
	struct intake *intake;

	(void)state;
	assert_null(intake_new(loop, path, handle, NULL, &err));
	assert_string_equal(err.reason, "SOCKET_IN_USE");
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	child = 0;
	assert_int_equal(call(NULL, NULL), -OTK_UNAVAILABLE);
	assert_string_equal(err.reason, "NO_DAEMON");
	intake = intake_new(loop, path, handle, NULL, &err);
	assert_non_null(intake);
	intake_free(intake);
	assert_int_not_equal(access(path, F_OK), 0);
	loop_free(loop);
}

static void bad_paths_are_refused(void **state)
{
	Otklik__V1__AgentLocalRequest request = OTKLIK__V1__AGENT_LOCAL_REQUEST__INIT;
	Otklik__V1__AgentLocalResponse *response;
	char long_path[200];
	struct arena *arena = arena_new(1 << 20);
	struct loop *loop = loop_new();

	(void)state;
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	assert_null(intake_new(loop, long_path, handle, NULL, &err));
	assert_null(intake_new(loop, "/nonexistent/x.sock", handle, NULL, &err));
	assert_true(local_call(long_path, &request, 100, arena, &response, &err) < 0);
	intake_free(NULL);
	loop_free(loop);
	arena_free(arena);
}

#define INTAKE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        INTAKE_TEST(a_request_gets_its_reply),
	        INTAKE_TEST(a_refusal_comes_back_as_its_error),
	        INTAKE_TEST(too_large_a_request_is_not_sent),
	        INTAKE_TEST(what_is_no_frame_is_dropped_and_others_are_served),
	        INTAKE_TEST(more_guests_than_places_wait_their_turn),
	        INTAKE_TEST(a_dead_socket_is_told_from_a_live_one),
	        INTAKE_TEST(bad_paths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
