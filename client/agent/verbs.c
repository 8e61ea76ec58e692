/* What the verbs share; and run, check-config, run-check. */
#include "agent/verbs.h"

#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/certificate.h"
#include "agent/check_perf.h"
#include "agent/check_run.h"
#include "agent/daemon.h"
#include "base/time_text.h"

enum { OPTIONS_MAX = 16 };

static int exit_code(enum otk_status code)
{
	switch (code) {
	case OTK_INVALID_ARGUMENT:
		return EX_CONFIG;
	case OTK_NOT_FOUND:
		return EX_NOINPUT;
	case OTK_PERMISSION_DENIED:
		return EX_NOPERM;
	case OTK_UNAVAILABLE:
	case OTK_DEADLINE_EXCEEDED:
	case OTK_DATA_LOSS:
	case OTK_RESOURCE_EXHAUSTED:
	case OTK_ALREADY_EXISTS:
		return EX_TEMPFAIL;
	case OTK_FAILED_PRECONDITION:
		return EX_CANTCREAT;
	default:
		return EX_SOFTWARE;
	}
}

int verb_fail(const struct otk_error *err)
{
	(void)fprintf(stderr, "otklik-agent: %s\n", err->message);
	for (size_t i = 1; i < err->violation_count; i++)
		(void)fprintf(stderr, "otklik-agent: %s: %s\n", err->violations[i].field,
		        err->violations[i].description);
	/* A violation is a wrong option of this command, not a wrong settings file. */
	return err->violation_count > 0 ? EX_USAGE : exit_code(err->code);
}

int verb_options(int argc, char **argv, const struct verb_option *options, size_t count,
        const char *help, const char **config, char ***operands)
{
	struct option table[OPTIONS_MAX] = {
	        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}};
	int choice;
	int index = 0;

	*config = SETTINGS_PATH;
	for (size_t i = 0; i < count; i++) {
		table[i + 2].name = options[i].name;
		table[i + 2].has_arg = options[i].flag ? no_argument : required_argument;
	}
	while ((choice = getopt_long(argc, argv, "", table, &index)) != -1) {
		if (choice == 'h') {
			(void)fputs(help, stdout);
			return 0;
		}
		if (choice == '?') {
			(void)fprintf(stderr, "try `otklik-agent %s --help`\n", argv[0]);
			return EX_USAGE;
		}
		if (choice == 'c')
			*config = optarg;
		else
			*options[index - 2].value = optarg != NULL ? optarg : "";
	}
	*operands = argv + optind;
	return -1;
}

static void thresholds_set(struct check_list *checks, const struct settings *settings)
{
	for (size_t i = 0; i < checks->count; i++) {
		checks->checks[i].rules.flap_start_permil = (uint32_t)settings->flap_start * 10;
		checks->checks[i].rules.flap_stop_permil = (uint32_t)settings->flap_stop * 10;
	}
}

int verb_load(const char *config, struct settings *settings, struct check_list *checks)
{
	struct otk_error err = {0};

	*checks = (struct check_list){0};
	if (settings_load(config, settings, &err) != 0)
		return verb_fail(&err);
	if (settings->checks[0] == '\0' ||
	        check_list_load(settings->checks, checks, &err) == 0) {
		thresholds_set(checks, settings);
		return 0;
	}
	settings_release(settings);
	return verb_fail(&err);
}

static int operands_refuse(char **argv, char **operands)
{
	if (*operands == NULL)
		return 0;
	(void)fprintf(stderr, "otklik-agent %s: `%s` is one too many\n", argv[0], *operands);
	return EX_USAGE;
}

int verb_run(int argc, char **argv)
{
	static const char HELP[] =
	        "usage: otklik-agent run [--config FILE]\n\n"
	        "Runs the checks, takes local reports and forwards everything, in the\n"
	        "foreground, until SIGTERM. The log goes to standard error.\n\n"
	        "example: otklik-agent run --config /etc/otklik/agent.conf\n";
	struct settings settings;
	struct check_list checks;
	struct otk_error err = {0};
	const char *config;
	char **operands;
	int code = verb_options(argc, argv, NULL, 0, HELP, &config, &operands);

	if (code < 0)
		code = operands_refuse(argv, operands);
	else
		return code;
	if (code == 0)
		code = verb_load(config, &settings, &checks);
	if (code != 0)
		return code;
	if (daemon_run(&settings, &checks, &err) != 0)
		code = verb_fail(&err);
	check_list_free(&checks);
	settings_release(&settings);
	return code;
}

static int file_readable(const char *option, const char *path)
{
	if (access(path, R_OK) == 0)
		return 0;
	(void)fprintf(stderr, "otklik-agent: %s = %s: cannot be read\n", option, path);
	return EX_CONFIG;
}

/* An expired certificate is an error, one that ends soon a warning. */
static int certificate_check(const struct settings *settings)
{
	struct otk_clock *clock;
	struct otk_error err = {0};
	char text[TIME_TEXT_SIZE];
	int64_t until = 0;
	int64_t now;

	if (certificate_until(settings->certificate, &until, &err) != 0) {
		(void)verb_fail(&err);
		return EX_CONFIG;
	}
	clock = settings_clock(settings, &err);
	if (clock == NULL)
		return verb_fail(&err);
	now = clock_now(clock);
	clock_free(clock);
	if (until - now < CERTIFICATE_WARN)
		(void)fprintf(stderr, "otklik-agent: certificate = %s: %s %s\n",
		        settings->certificate, until <= now ? "expired" : "expires soon,",
		        time_format_utc(until, text));
	return until <= now ? EX_CONFIG : 0;
}

static int programs_check(const struct check_list *checks)
{
	int code = 0;

	for (size_t i = 0; i < checks->count; i++) {
		const struct check_spec *check = &checks->checks[i];

		if (access(check->argv[0], X_OK) == 0)
			continue;
		(void)fprintf(stderr, "otklik-agent: check %s of %s: %s cannot be executed\n",
		        check->name, check->host, check->argv[0]);
		code = EX_CONFIG;
	}
	return code;
}

int verb_check_config(int argc, char **argv)
{
	static const char HELP[] =
	        "usage: otklik-agent check-config [--config FILE] [--print]\n\n"
	        "Reads the settings and the file of checks, looks whether certificates and\n"
	        "plugins are there, and names file and line of what is wrong.\n"
	        "--print writes the settings with every default, annotated.\n\n"
	        "example: otklik-agent check-config --config agent.conf\n";
	const char *print = NULL;
	const struct verb_option options[] = {{"print", &print, true}};
	struct settings settings;
	struct check_list checks;
	const char *config;
	char **operands;
	int code = verb_options(argc, argv, options, 1, HELP, &config, &operands);

	if (code >= 0)
		return code;
	code = operands_refuse(argv, operands);
	if (code == 0)
		code = verb_load(config, &settings, &checks);
	if (code != 0)
		return code;
	code = file_readable("ca", settings.ca) | certificate_check(&settings) |
	       file_readable("key", settings.key) | programs_check(&checks);
	if (print != NULL)
		settings_print(&settings, stdout);
	else if (code == 0)
		(void)printf("%s: fine, %zu checks\n", config, checks.count);
	check_list_free(&checks);
	settings_release(&settings);
	return code;
}

static void range_print(const char *what, const struct perf_range *range)
{
	if (!range->set)
		return;
	(void)printf(", %s %s", what, range->inside ? "inside " : "outside ");
	if (isinf(range->start))
		(void)printf("~:");
	else
		(void)printf("%g:", range->start);
	if (!isinf(range->end))
		(void)printf("%g", range->end);
}

static void result_print(const struct check_spec *spec, const struct check_result *result)
{
	static struct perf_item items[PERF_ITEMS_MAX];
	size_t dropped;
	size_t count = perf_parse(result->output.perfdata, strlen(result->output.perfdata),
	        items, PERF_ITEMS_MAX, &dropped);

	(void)printf("%s %s: %s\n%s\n", spec->host, spec->name, check_state_name(result->state),
	        result->output.text);
	if (result->output.long_text[0] != '\0')
		(void)printf("%s\n", result->output.long_text);
	for (size_t i = 0; i < count; i++) {
		if (items[i].known)
			(void)printf(
			        "  %s = %g%s", items[i].label, items[i].value, items[i].uom);
		else
			(void)printf("  %s unknown", items[i].label);
		range_print("warning", &items[i].warn);
		range_print("critical", &items[i].crit);
		(void)putchar('\n');
	}
	if (dropped > 0)
		(void)printf("  %zu malformed items of perfdata left out\n", dropped);
}

/* Runs the plugin to its end, as the daemon would. */
static int check_run_now(
        const struct check_spec *spec, struct check_result *result, struct otk_error *err)
{
	int64_t until = clock_monotonic() + spec->timeout_s * CLOCK_SECOND;
	struct check_run *run;
	int rc = check_run_start(spec->argv, true, &run, err);

	if (rc != 0)
		return rc;
	for (;;) {
		int64_t left = (until - clock_monotonic()) / 1000;
		struct pollfd watched[2] = {
		        {.fd = check_run_output_fd(run), .events = POLLIN},
		        {.fd = check_run_exit_fd(run), .events = POLLIN},
		};

		(void)poll(watched, 2, left > 0 ? (int)left : 100);
		if (watched[0].revents != 0)
			check_run_read(run);
		if (watched[1].revents != 0 && check_run_finish(run, result))
			break;
		if (clock_monotonic() >= until)
			check_run_kill(run, spec->timeout_s);
	}
	check_run_free(run);
	return 0;
}

int verb_run_check(int argc, char **argv)
{
	static const char HELP[] =
	        "usage: otklik-agent run-check [--config FILE] NAME\n\n"
	        "Runs one check now, exactly as the daemon runs it, and shows its state, text\n"
	        "and perfdata. Reports nothing. The exit code is the state: 0 OK, 1 WARNING,\n"
	        "2 CRITICAL, 3 UNKNOWN. NAME is the check's name, or HOST/NAME.\n\n"
	        "examples: otklik-agent run-check disk\n"
	        "          otklik-agent run-check db1/disk\n";
	static struct check_result result;
	struct settings settings;
	struct check_list checks;
	struct otk_error err = {0};
	const struct check_spec *spec;
	const char *config;
	char **operands;
	int code = verb_options(argc, argv, NULL, 0, HELP, &config, &operands);

	if (code >= 0)
		return code;
	if (operands[0] == NULL || operands[1] != NULL) {
		(void)fputs("otklik-agent run-check: give the name of one check\n", stderr);
		return EX_USAGE;
	}
	code = verb_load(config, &settings, &checks);
	if (code != 0)
		return code;
	spec = check_list_find(&checks, operands[0]);
	if (spec == NULL) {
		(void)fprintf(stderr,
		        "otklik-agent: no single check is called `%s` in %s: give HOST/NAME\n",
		        operands[0], settings.checks);
		code = EX_NOINPUT;
	} else {
		if (check_run_now(spec, &result, &err) != 0)
			check_run_failed(&err, &result);
		result_print(spec, &result);
		code = (int)result.state;
	}
	check_list_free(&checks);
	settings_release(&settings);
	return code;
}
