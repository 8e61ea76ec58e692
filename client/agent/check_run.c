/* Runs a plugin: posix_spawn, a pipe and a pidfd. */
#include "agent/check_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

struct check_run {
	pid_t pid; /* also the process group; not reaped before `ended` */
	int pid_fd;
	int output_fd;
	bool ended;
	bool output_ended; /* the descriptor stays open for its watcher until the end */
	long timed_out_s;  /* 0: in time */
	size_t length;
	char raw[CHECK_OUTPUT_MAX];
};

static char *const CLEAN_ENVIRONMENT[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C",
        "TZ=UTC",
        NULL,
};

static int spawn_actions(posix_spawn_file_actions_t *actions, int output, bool show_stderr)
{
	int rc = posix_spawn_file_actions_addopen(
	        actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
	if (rc == 0 && !show_stderr)
		rc = posix_spawn_file_actions_addopen(
		        actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addchdir_np(actions, "/");
	return rc;
}

static int spawn_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attributes, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attributes,
		        POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

/* 0 or an errno value. */
static int spawn_plugin(char *const argv[], int output, bool show_stderr, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc != 0)
		goto out_actions;
	rc = spawn_actions(&actions, output, show_stderr);
	if (rc == 0)
		rc = spawn_attributes(&attributes);
	if (rc == 0)
		rc = posix_spawn(pid, argv[0], &actions, &attributes, argv, CLEAN_ENVIRONMENT);
	(void)posix_spawnattr_destroy(&attributes);
out_actions:
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* Whether the leader has ended. Leaves it a zombie, so that its group number stays ours. */
static bool leader_has_ended(pid_t pid, int options)
{
	siginfo_t info = {.si_pid = 0};

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | options) != 0) {
		if (errno != EINTR)
			return true; /* ECHILD: nothing to wait for any more */
	}
	return info.si_pid == pid;
}

static void group_end(pid_t pid, int *status)
{
	(void)kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR) {
			*status = W_EXITCODE(127, 0); /* unknown must not look like OK */
			return;
		}
	}
}

int check_run_start(
        char *const argv[], bool show_stderr, struct check_run **out, struct otk_error *err)
{
	struct check_run *run = calloc(1, sizeof *run);
	int ends[2];
	int rc;

	if (run == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "MEMORY", "out of memory");
	if (pipe2(ends, O_CLOEXEC) != 0) {
		rc = error_set(
		        err, OTK_RESOURCE_EXHAUSTED, "PIPE", "pipe: %s", strerror(errno));
		goto out_free;
	}
	/* Only our end is non-blocking: plugins expect a blocking standard output. */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	rc = spawn_plugin(argv, ends[1], show_stderr, &run->pid);
	(void)close(ends[1]);
	if (rc != 0) {
		rc = error_set(err, OTK_FAILED_PRECONDITION, "EXEC", "cannot run %.300s: %s",
		        argv[0], strerror(rc));
		goto out_close;
	}
	run->pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	if (run->pid_fd < 0) {
		int status;

		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "PIDFD", "pidfd_open: %s",
		        strerror(errno));
		group_end(run->pid, &status);
		goto out_close;
	}
	run->output_fd = ends[0];
	*out = run;
	return 0;
out_close:
	(void)close(ends[0]);
out_free:
	free(run);
	return rc;
}

int check_run_output_fd(const struct check_run *run)
{
	return run->output_ended ? -1 : run->output_fd;
}

int check_run_exit_fd(const struct check_run *run)
{
	return run->pid_fd;
}

void check_run_read(struct check_run *run)
{
	char waste[4096];

	/* Bounded: a plugin that writes without end must not hold the loop. */
	for (int turns = 0; turns < 16 && !run->output_ended; turns++) {
		size_t room = sizeof run->raw - run->length;
		char *to = room > 0 ? run->raw + run->length : waste;
		ssize_t n = read(run->output_fd, to, room > 0 ? room : sizeof waste);

		if (n > 0) {
			if (room > 0)
				run->length += (size_t)n;
		} else if (n == 0) {
			run->output_ended = true;
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			run->output_ended = true;
		}
	}
}

void check_run_kill(struct check_run *run, long timeout_s)
{
	if (run->ended)
		return;
	run->timed_out_s = timeout_s > 0 ? timeout_s : 1;
	(void)kill(-run->pid, SIGKILL);
}

/* Puts our own remark before what the plugin printed. */
static void result_remark(struct check_result *out, const char *remark)
{
	char text[CHECK_OUTPUT_MAX + 1];
	int n = snprintf(text, sizeof text, "%s%s%s", remark,
	        out->output.text[0] != '\0' ? ": " : "", out->output.text);

	if (n > CHECK_OUTPUT_MAX)
		n = CHECK_OUTPUT_MAX;
	memcpy(out->output.text, text, (size_t)n + 1);
	text_cut_utf8(out->output.text, CHECK_OUTPUT_MAX);
}

static void result_judge(const struct check_run *run, int status, struct check_result *out)
{
	char remark[128];

	out->state = CHECK_CRITICAL;
	out->timed_out = run->timed_out_s > 0;
	out->abnormal = !out->timed_out && !(WIFEXITED(status) && WEXITSTATUS(status) <= 3);
	if (out->timed_out) {
		(void)snprintf(remark, sizeof remark, "killed: no answer within %ld s",
		        run->timed_out_s);
	} else if (WIFSIGNALED(status)) {
		(void)snprintf(remark, sizeof remark, "plugin died of signal %d (%s)",
		        WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else if (out->abnormal) {
		(void)snprintf(remark, sizeof remark,
		        "plugin ended with exit code %d, not 0 to 3", WEXITSTATUS(status));
	} else {
		out->state = (enum check_state)WEXITSTATUS(status);
		return;
	}
	result_remark(out, remark);
}

bool check_run_finish(struct check_run *run, struct check_result *out)
{
	int status = 0;

	if (!leader_has_ended(run->pid, WNOHANG))
		return false;
	check_run_read(run);
	group_end(run->pid, &status);
	run->ended = true;
	output_parse(run->raw, run->length, &out->output);
	result_judge(run, status, out);
	return true;
}

void check_run_free(struct check_run *run)
{
	int status;

	if (run == NULL)
		return;
	if (!run->ended)
		group_end(run->pid, &status);
	(void)close(run->output_fd);
	(void)close(run->pid_fd);
	free(run);
}

void check_run_failed(const struct otk_error *err, struct check_result *out)
{
	*out = (struct check_result){.state = CHECK_CRITICAL, .abnormal = true};
	(void)snprintf(out->output.text, sizeof out->output.text, "%s", err->message);
}
