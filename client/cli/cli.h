/* What every verb of the command line shares: options, connection, exit codes. */
#ifndef OTKLIK_CLI_CLI_H
#define OTKLIK_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"
#include "lib/client.h"
#include "lib/profile.h"

/* Exit codes: those of sysexits.h where one fits. Listed in `otklik --help`. */
enum {
	EXIT_REFUSED = 1,      /* the server refused: state, version, precondition */
	EXIT_NOT_FOUND = 2,    /* there is no such thing, or not for you */
	EXIT_USAGE = 64,       /* the command line is wrong */
	EXIT_DATA = 65,        /* a value, a file's content or a row is wrong */
	EXIT_NO_INPUT = 66,    /* a file cannot be read */
	EXIT_UNAVAILABLE = 69, /* the server cannot be reached or serves not now */
	EXIT_SOFTWARE = 70,    /* a fault of ours */
	EXIT_IO = 74,          /* output cannot be written */
	EXIT_TEMPORARY = 75,   /* deadline or limit: try again later */
	EXIT_PERMISSION = 77,  /* not allowed, or the certificate was not accepted */
	EXIT_CONFIG = 78,      /* no profile, or a bad one */
};

enum cli_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

struct cli {
	enum cli_format format;
	bool color; /* on a terminal, or asked for */
	const char *profile_name;
	struct arena *arena; /* of the whole run */
	struct loop *loop;
	struct profile profile;
	bool profile_loaded;
	struct client *client;
	const char *text_option; /* what the field `text` is called here; NULL: text */
};

/* One verb: `words` are its one or two names. */
struct cli_verb {
	const char *words;
	const char *summary;
	int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the last word */
};

extern const struct cli_verb CLI_VERBS[]; /* ended by a row without words */

/* Loads the profile and makes the client, once. 0 or an exit code, the error being printed. */
int cli_connect(struct cli *cli);

/*
 * One call: connects if need be, prints an error with what to do. 0 or an exit code. *reply
 * lives as long as the client.
 */
int cli_call(struct cli *cli, uint16_t method, const ProtobufCMessage *request,
        const ProtobufCMessage **reply);

/* Prints "otklik: …", cleaned, a line for every field violation, in the words of the command
 * line; returns the exit code of the status. */
int cli_fail(const struct otk_error *err);
int cli_exit_code(enum otk_status code);

/* Tells that a reply has not the part that it must have; EXIT_SOFTWARE. */
int cli_lacks(const char *what);

/* Prints a usage error and what helps; returns EXIT_USAGE. */
int cli_usage(const char *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A verb's copy of text in the run's arena; exits with EXIT_SOFTWARE when memory is out. */
char *cli_strdup(struct cli *cli, const char *text);

#endif
