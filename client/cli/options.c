/* Options of a verb as a table. */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/time_text.h"
#include "base/tz.h"

bool options_list_only;

static const char GLOBAL_HELP[] =
        "Everywhere:\n"
        "  --profile NAME        which server, as whom (default: $OTKLIK_PROFILE, else "
        "\"default\")\n"
        "  --format table|json|csv\n"
        "  --color auto|always|never\n"
        "  --zone ZONE           show times in this IANA zone (default: this computer's)\n"
        "  --help\n";

static bool is_positional(const struct cli_option *o)
{
	return o->name[0] == '<';
}

static void help_print(const char *words, const char *summary, const char *examples,
        const struct cli_option *options)
{
	printf("otklik %s: %s\n\nUsage: otklik %s", words, summary, words);
	for (const struct cli_option *o = options; o->name != NULL; o++) {
		if (is_positional(o))
			printf(o->required ? " %s" : " [%s]", o->name);
	}
	printf(" [option]...\n\n");
	for (const struct cli_option *o = options; o->name != NULL; o++) {
		char left[64];

		if (is_positional(o))
			(void)snprintf(left, sizeof left, "%s", o->name);
		else if (o->letter != 0)
			(void)snprintf(left, sizeof left, "-%c, --%s%s", o->letter, o->name,
			        o->kind == OPTION_FLAG ? "" : " ...");
		else
			(void)snprintf(left, sizeof left, "    --%s%s", o->name,
			        o->kind == OPTION_FLAG ? "" : " ...");
		printf("  %-26s %s%s\n", left, o->help, o->required ? " (required)" : "");
	}
	printf("\n%s\nExamples:\n%s", GLOBAL_HELP, examples);
}

static int local_to_utc(int64_t local_us, int64_t *us)
{
	struct tm tm = {.tm_isdst = -1};
	int64_t seconds = local_us / CLOCK_SECOND;
	int64_t year;
	time_t t;

	time_civil_from_days(seconds / 86400, &year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_year = (int)(year - 1900);
	tm.tm_mon -= 1;
	tm.tm_hour = (int)(seconds % 86400 / 3600);
	tm.tm_min = (int)(seconds % 3600 / 60);
	tm.tm_sec = (int)(seconds % 60);
	t = mktime(&tm);
	if (t == (time_t)-1)
		return -OTK_INVALID_ARGUMENT;
	*us = (int64_t)t * CLOCK_SECOND + local_us % CLOCK_SECOND;
	return 0;
}

static int list_add(const struct cli_option *o, char *value)
{
	struct option_list *list = o->value;
	size_t before = list->count;
	char *save = NULL;

	for (char *item = strtok_r(value, ",", &save); item != NULL;
	        item = strtok_r(NULL, ",", &save)) {
		if (list->count == OPTION_LIST_MAX)
			return -OTK_INVALID_ARGUMENT;
		list->items[list->count++] = item;
	}
	return list->count > before ? 0 : -OTK_NOT_FOUND;
}

static int time_set(const char *words, const struct cli_option *o, const char *value)
{
	int local = 0;
	int64_t us;
	int64_t days;

	if (time_parse(value, &us, &local) != 0) {
		if (time_parse_date(value, &days) != 0)
			return cli_usage(words,
			        "%s: '%s' is no time; write 2026-12-31T18:00 (yours) or "
			        "2026-12-31T18:00:00Z",
			        o->name, value);
		us = days * 86400 * CLOCK_SECOND;
		local = 1;
	}
	if (local && local_to_utc(us, &us) != 0)
		return cli_usage(words, "%s: '%s' is no time here", o->name, value);
	*(int64_t *)o->value = us;
	return 0;
}

static int value_set(const char *words, const struct cli_option *o, char *value)
{
	switch (o->kind) {
	case OPTION_TEXT:
		if (!text_is_utf8(value, strlen(value)))
			return cli_usage(words, "%s is not UTF-8 text", o->name);
		*(const char **)o->value = value;
		return 0;
	case OPTION_NUMBER:
		if (text_to_i64(value, o->min, o->max, o->value) != 0)
			return cli_usage(words,
			        "%s: '%s' must be a whole number from %lld to %lld", o->name,
			        value, (long long)o->min, (long long)o->max);
		return 0;
	case OPTION_FLAG:
		*(bool *)o->value = true;
		return 0;
	case OPTION_LIST:
		if (!text_is_utf8(value, strlen(value)))
			return cli_usage(words, "%s is not UTF-8 text", o->name);
		switch (list_add(o, value)) {
		case 0:
			return 0;
		case -OTK_NOT_FOUND:
			return cli_usage(words, "%s names nothing", o->name);
		default:
			return cli_usage(
			        words, "%s: at most %d values", o->name, OPTION_LIST_MAX);
		}
	case OPTION_TIME:
		return time_set(words, o, value);
	}
	return EXIT_SOFTWARE;
}

static int global_set(struct cli *cli, const char *name, const char *value)
{
	if (strcmp(name, "profile") == 0) {
		cli->profile_name = value;
	} else if (strcmp(name, "format") == 0) {
		if (strcmp(value, "table") == 0)
			cli->format = FORMAT_TABLE;
		else if (strcmp(value, "json") == 0)
			cli->format = FORMAT_JSON;
		else if (strcmp(value, "csv") == 0)
			cli->format = FORMAT_CSV;
		else
			return cli_usage("", "--format must be table, json or csv");
	} else if (strcmp(name, "color") == 0) {
		if (strcmp(value, "always") == 0)
			cli->color = true;
		else if (strcmp(value, "never") == 0)
			cli->color = false;
		else if (strcmp(value, "auto") != 0)
			return cli_usage("", "--color must be auto, always or never");
	} else {
		const struct tz *zone;
		struct otk_error err;

		/* libc takes an unknown zone for UTC without a word. */
		if (tz_find(value, &zone, &err) != 0)
			return cli_usage("", "--zone: %s", err.message);
		if (setenv("TZ", value, 1) != 0)
			return EXIT_SOFTWARE;
		tzset();
	}
	return 0;
}

/* One global option at argv[0]; how many arguments it took, 0: none, negative: exit code. */
static int global_read(struct cli *cli, int argc, char **argv)
{
	static const char *const NAMES[] = {"profile", "format", "color", "zone"};
	const char *word = argv[0];

	if (strncmp(word, "--", 2) != 0)
		return 0;
	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
		size_t n = strlen(NAMES[i]);
		int rc;

		if (strncmp(word + 2, NAMES[i], n) != 0)
			continue;
		if (word[2 + n] == '=') {
			rc = global_set(cli, NAMES[i], word + 3 + n);
			return rc == 0 ? 1 : -rc;
		}
		if (word[2 + n] != '\0')
			continue;
		if (argc < 2)
			return -cli_usage("", "--%s needs a value", NAMES[i]);
		rc = global_set(cli, NAMES[i], argv[1]);
		return rc == 0 ? 2 : -rc;
	}
	return 0;
}

int options_global(struct cli *cli, int argc, char **argv)
{
	int taken = 0;

	while (taken < argc) {
		int n = global_read(cli, argc - taken, argv + taken);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		taken += n;
	}
	return taken;
}

static const struct cli_option *option_find(
        const struct cli_option *options, const char *word, char **value)
{
	for (const struct cli_option *o = options; o->name != NULL; o++) {
		size_t n = strlen(o->name);

		if (is_positional(o))
			continue;
		if (word[1] != '-') {
			if (o->letter != 0 && word[1] == o->letter && word[2] == '\0')
				return o;
			continue;
		}
		if (strncmp(word + 2, o->name, n) != 0)
			continue;
		if (word[2 + n] == '\0')
			return o;
		if (word[2 + n] == '=' && o->kind != OPTION_FLAG) {
			*value = (char *)(uintptr_t)word + 3 + n;
			return o;
		}
	}
	return NULL;
}

static const struct cli_option *positional_at(const struct cli_option *options, size_t index)
{
	for (const struct cli_option *o = options; o->name != NULL; o++) {
		if (is_positional(o) && index-- == 0)
			return o;
	}
	return NULL;
}

enum { OPTIONS_MAX = 64 };

/* What was given, by the option's place in the table. */
struct given {
	bool seen[OPTIONS_MAX];
	char *times[OPTIONS_MAX]; /* read at the end: --zone may follow */
};

static int given_add(const char *words, const struct cli_option *options, size_t i, char *value,
        struct given *g)
{
	g->seen[i] = true;
	if (options[i].kind != OPTION_TIME)
		return value_set(words, &options[i], value);
	g->times[i] = value;
	return 0;
}

static int word_read(const char *words, const struct cli_option *options, int left, char **argv,
        struct given *given, int *taken)
{
	char *value = NULL;
	const struct cli_option *o = option_find(options, argv[0], &value);

	*taken = 1;
	if (o == NULL)
		return cli_usage(words, "there is no option %s", argv[0]);
	if (o->kind != OPTION_FLAG && value == NULL) {
		if (left < 2)
			return cli_usage(words, "--%s needs a value", o->name);
		value = argv[1];
		*taken = 2;
	}
	return given_add(words, options, (size_t)(o - options), value, given);
}

/* Times are read, and what is required must be there. */
static int given_end(
        const char *words, const struct cli_option *options, const struct given *given)
{
	for (size_t i = 0; options[i].name != NULL; i++) {
		const struct cli_option *o = &options[i];
		int rc = given->times[i] == NULL ? 0 : value_set(words, o, given->times[i]);

		if (rc != 0)
			return rc;
		if (o->required && !given->seen[i])
			return cli_usage(words, "%s%s is needed: %s",
			        is_positional(o) ? "" : "--", o->name, o->help);
	}
	return 0;
}

int options_read(struct cli *cli, const char *words, const char *summary, const char *examples,
        const struct cli_option *options, int argc, char **argv)
{
	struct given given = {.seen = {false}};
	size_t positional = 0;
	bool only_arguments = false;

	if (options_list_only) {
		for (const struct cli_option *o = options; o->name != NULL; o++) {
			if (!is_positional(o))
				printf("--%s\n", o->name);
		}
		return -1;
	}
	for (int i = 1; i < argc;) {
		const struct cli_option *o;
		int taken = 0;
		int rc = 0;

		if (!only_arguments && strcmp(argv[i], "--") == 0) {
			only_arguments = true;
			i++;
			continue;
		}
		if (!only_arguments &&
		        (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			help_print(words, summary, examples, options);
			return -1;
		}
		if (!only_arguments && argv[i][0] == '-' && argv[i][1] != '\0') {
			taken = global_read(cli, argc - i, argv + i);
			if (taken < 0)
				return -taken;
			if (taken == 0)
				rc = word_read(
				        words, options, argc - i, argv + i, &given, &taken);
			if (rc != 0)
				return rc;
			i += taken;
			continue;
		}
		o = positional_at(options, positional);
		if (o == NULL)
			return cli_usage(words, "'%s' is one argument too many", argv[i]);
		rc = given_add(words, options, (size_t)(o - options), argv[i++], &given);
		if (rc != 0)
			return rc;
		/* A list takes all arguments that follow. */
		if (o->kind != OPTION_LIST)
			positional++;
	}
	return given_end(words, options, &given);
}
