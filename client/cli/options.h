/*
 * Options of a verb as a table: reads the command line, prints the help, feeds completion.
 * `--name value`, `--name=value`, `-x value`, flags without value, positional arguments by
 * order; `--` ends options. The global options are understood everywhere.
 */
#ifndef OTKLIK_CLI_OPTIONS_H
#define OTKLIK_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

enum option_kind {
	OPTION_TEXT,   /* const char * */
	OPTION_NUMBER, /* int64_t, from min to max */
	OPTION_FLAG,   /* bool */
	OPTION_LIST,   /* struct option_list: may be repeated, values split at commas */
	OPTION_TIME,   /* int64_t microseconds: RFC 3339, or local time of the viewer */
};

enum { OPTION_LIST_MAX = 32 };

struct option_list {
	size_t count;
	const char *items[OPTION_LIST_MAX];
};

struct cli_option {
	const char
	        *name; /* "team"; a positional argument when it begins with '<': "<ticket>" */
	char letter;   /* 0: none */
	enum option_kind kind;
	void *value;
	const char *help;
	bool required;
	int64_t min;
	int64_t max;
};

/*
 * Reads argv[1…]. Values point into argv. 0; or an exit code: EXIT_USAGE with the error
 * printed, or -1 after --help was printed (the verb then returns 0). `examples` is printed at
 * the end of the help; `words` is the verb as typed.
 */
int options_read(struct cli *cli, const char *words, const char *summary, const char *examples,
        const struct cli_option *options, int argc, char **argv);

/* The global options (--profile, --format, --color, --zone) at the head of argv; returns how
 * many arguments they took, or a negative exit code. */
int options_global(struct cli *cli, int argc, char **argv);

/* When set, options_read prints the names of the options and returns -1: for completion. */
extern bool options_list_only;

#endif
