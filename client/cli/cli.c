/* What every verb shares: connection, errors, exit codes. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/clean.h"

enum { WAITING_AFTER_US = 2 * 1000 * 1000 };

int cli_exit_code(enum otk_status code)
{
	switch (code) {
	case OTK_OK:
		return 0;
	case OTK_INVALID_ARGUMENT:
	case OTK_OUT_OF_RANGE:
		return EXIT_DATA;
	case OTK_NOT_FOUND:
		return EXIT_NOT_FOUND;
	case OTK_ALREADY_EXISTS:
	case OTK_FAILED_PRECONDITION:
	case OTK_ABORTED:
	case OTK_CANCELLED:
		return EXIT_REFUSED;
	case OTK_PERMISSION_DENIED:
	case OTK_UNAUTHENTICATED:
		return EXIT_PERMISSION;
	case OTK_UNAVAILABLE:
		return EXIT_UNAVAILABLE;
	case OTK_DEADLINE_EXCEEDED:
	case OTK_RESOURCE_EXHAUSTED:
		return EXIT_TEMPORARY;
	case OTK_UNKNOWN:
	case OTK_UNIMPLEMENTED:
	case OTK_INTERNAL:
	case OTK_DATA_LOSS:
		break;
	}
	return EXIT_SOFTWARE;
}

/* A field of a request as the command line calls it: where the two differ. */
static const char *shown_field(
        const char *field, const char *text_option, char *out, size_t size)
{
	static const struct {
		const char *field;
		const char *shown;
	} NAMES[] = {{"into_ticket_id", "into"}, {"promise_at", "when"},
	        {"at_request_seq", "at-request"}, {"at_request", "at-request"},
	        {"live_contact", "live"}, {"quiet_hours", "quiet"}};
	size_t length = strlen(field);

	if (strcmp(field, "text") == 0 && text_option != NULL)
		return text_option;
	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
		if (strcmp(field, NAMES[i].field) == 0)
			return NAMES[i].shown;
	}
	if (length <= 3 || strcmp(field + length - 3, "_us") != 0)
		return field;
	(void)snprintf(out, size, "%.*s", (int)(length - 3), field);
	return out;
}

/* Whether the message is that of the first violation. */
static bool is_of_fields(const struct otk_error *err)
{
	return err->violation_count > 0 &&
	       strstr(err->message, err->violations[0].description) != NULL;
}

static int fail(const struct otk_error *err, const char *text_option)
{
	bool fields = is_of_fields(err);

	(void)fflush(stdout);
	if (!fields) {
		clean_printf(stderr, "otklik: %s",
		        err->message[0] != '\0' ? err->message : status_name(err->code));
		(void)fputc('\n', stderr);
	}
	for (size_t i = 0; i < err->violation_count; i++) {
		char name[OTK_FIELD_SIZE];

		clean_printf(stderr, "%s%s: %s", fields ? "otklik: " : "  ",
		        shown_field(err->violations[i].field, text_option, name, sizeof name),
		        err->violations[i].description);
		(void)fputc('\n', stderr);
	}
	if (err->retry_after_ms > 0)
		(void)fprintf(stderr, "  try again in %.1f s\n", err->retry_after_ms / 1000.0);
	/* Files that the profile names. */
	return strcmp(err->reason, "BAD_CREDENTIALS") == 0 ? EXIT_CONFIG
	                                                   : cli_exit_code(err->code);
}

int cli_fail(const struct otk_error *err)
{
	return fail(err, NULL);
}

int cli_usage(const char *words, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "otklik%s%s: ", words[0] == '\0' ? "" : " ", words);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(
	        stderr, "; `otklik%s%s --help` explains\n", words[0] == '\0' ? "" : " ", words);
	return EXIT_USAGE;
}

char *cli_strdup(struct cli *cli, const char *text)
{
	char *copy = arena_strdup(cli->arena, text);

	if (copy == NULL) {
		(void)fputs("otklik: out of memory\n", stderr);
		exit(EXIT_SOFTWARE);
	}
	return copy;
}

int cli_connect(struct cli *cli)
{
	struct client_options options;
	struct otk_error err;

	if (cli->client != NULL)
		return 0;
	if (!cli->profile_loaded) {
		if (profile_load(cli->profile_name, &cli->profile, &err) != 0) {
			(void)cli_fail(&err);
			return EXIT_CONFIG;
		}
		cli->profile_loaded = true;
	}
	if (cli->loop == NULL)
		cli->loop = loop_new();
	if (cli->loop == NULL) {
		(void)fputs("otklik: no event loop: out of memory or descriptors\n", stderr);
		return EXIT_SOFTWARE;
	}
	options = profile_options(&cli->profile, "otklik/" OTKLIK_VERSION);
	options.fail_fast = true;
	cli->client = client_new(cli->loop, &options, &err);
	return cli->client == NULL ? cli_fail(&err) : 0;
}

static void still_waiting(void *arg)
{
	bool *told = arg;

	(void)fputs("waiting for the server...", stderr);
	*told = true;
}

int cli_call(struct cli *cli, uint16_t method, const ProtobufCMessage *request,
        const ProtobufCMessage **reply)
{
	struct loop_timer *timer = NULL;
	struct otk_error err;
	bool told = false;
	int rc = cli_connect(cli);

	if (rc != 0)
		return rc;
	/* A person is told after a while that it is not the keyboard that hangs. */
	if (isatty(STDERR_FILENO) != 0)
		timer = loop_timer_new(cli->loop, still_waiting, &told);
	if (timer != NULL)
		loop_timer_set(timer, WAITING_AFTER_US);
	error_clear(&err);
	rc = client_call(cli->client, method, request, reply, &err);
	loop_timer_free(timer);
	if (told)
		(void)fputs("\r\033[K", stderr);
	if (rc == 0)
		return 0;
	rc = fail(&err, cli->text_option);
	if (rc == EXIT_UNAVAILABLE)
		(void)fprintf(stderr, "  the server is %s, says %s\n", cli->profile.server,
		        cli->profile.path);
	return rc;
}

int cli_lacks(const char *what)
{
	(void)fprintf(stderr,
	        "otklik: the server's answer lacks the %s; is it of another edition? `otklik "
	        "server status` tells\n",
	        what);
	return EXIT_SOFTWARE;
}
