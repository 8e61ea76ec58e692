/*
 * One run of a plugin. It never blocks: the caller watches two descriptors with whatever loop
 * it has. check_run_start → output_fd readable: check_run_read → exit_fd readable:
 * check_run_finish → check_run_free. When the time is up: check_run_kill, then as before.
 */
#ifndef OTKLIK_AGENT_CHECK_RUN_H
#define OTKLIK_AGENT_CHECK_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/check_output.h"
#include "agent/check_state.h"
#include "base/status.h"

struct check_run;

struct check_result {
	enum check_state state;
	bool timed_out;
	bool abnormal; /* killed by a signal, or an exit code outside 0..3 */
	struct check_output output;
};

/*
 * Starts argv (NULL-terminated, argv[0] an absolute path) without a shell: environment only
 * PATH, LC_ALL=C and TZ, directory "/", standard input empty, a process group of its own, no
 * inherited descriptors. Standard error goes nowhere, or to ours with `show_stderr`.
 * On failure returns the negative status with err filled; a program that cannot be executed is
 * a failure whose meaning for the check is CRITICAL (see check_run_failed).
 */
int check_run_start(
        char *const argv[], bool show_stderr, struct check_run **out, struct otk_error *err);

/* Descriptors to watch for reading; output_fd is -1 after the plugin closed its output. */
int check_run_output_fd(const struct check_run *run);
int check_run_exit_fd(const struct check_run *run); /* a pidfd */

/* Reads what is there, keeping at most CHECK_OUTPUT_MAX bytes. Never blocks. */
void check_run_read(struct check_run *run);

/* The time (`timeout_s`, for the message) is up: SIGKILL to the process group. */
void check_run_kill(struct check_run *run, long timeout_s);

/*
 * If the plugin has ended: reads the rest, kills what it left behind in its group, fills *out
 * and returns true. False while it still runs.
 */
bool check_run_finish(struct check_run *run, struct check_result *out);

/* Kills the group if it still runs; waits for its leader. check_run_free(NULL) is harmless. */
void check_run_free(struct check_run *run);

/* The result of a check whose program could not be started: CRITICAL with the reason. */
void check_run_failed(const struct otk_error *err, struct check_result *out);

#endif
