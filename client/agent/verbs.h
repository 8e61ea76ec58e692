/* The verbs of otklik-agent, and what they share. */
#ifndef OTKLIK_AGENT_VERBS_H
#define OTKLIK_AGENT_VERBS_H

#include <stddef.h>

#include "agent/check_file.h"
#include "agent/settings.h"

struct verb {
	const char *name;
	const char *prose;
	int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit code */
};

int verb_run(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_check_config(int argc, char **argv);
int verb_run_check(int argc, char **argv);
int verb_new_queue(int argc, char **argv);

/* An option `--name VALUE`, or `--name` where `flag` is set. */
struct verb_option {
	const char *name;
	const char **value; /* set to the argument, or to "" for a flag */
	bool flag;
};

/*
 * Reads the options of a verb, --config and --help among them. -1: go on, with *operands
 * pointing to what is left and *config set; otherwise the exit code to end with (the help was
 * printed, or an error).
 */
int verb_options(int argc, char **argv, const struct verb_option *options, size_t count,
        const char *help, const char **config, char ***operands);

/* Prints "otklik-agent: message" and its violations; returns the exit code (sysexits). */
int verb_fail(const struct otk_error *err);

/* Settings and checks; 0, or the exit code after the error is printed. */
int verb_load(const char *config, struct settings *settings, struct check_list *checks);

#endif
