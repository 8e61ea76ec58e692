/* `otklik calendar due`: one case from options, or many from a table. */
#include "cli/calendar_due.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/time_text.h"
#include "core/calendar_history.h"

enum { CASE_PAUSES_MAX = 4096, LINE_MAX_BYTES = 1024 * 1024 };

static const char HELP[] =
        "Usage: otklik calendar due --tz ZONE --week WEEK --start TIME --target TARGET\n"
        "                           [--holidays DATES]... [--rule RULE]... [--pause "
        "FROM/TO]...\n"
        "       otklik calendar due --batch FILE\n"
        "\n"
        "Prints when a clock started at TIME comes due, as UTC (RFC 3339). Needs no server.\n"
        "\n"
        "  --tz ZONE          IANA time zone: Europe/Berlin\n"
        "  --week WEEK        `always`, or spans: mon-fri 08:00-13:00,14:00-18:00; sat "
        "10:00-12:00\n"
        "                     (22:00-06:00 crosses midnight, 24:00 is the end of the day)\n"
        "  --holidays DATES   2025-12-25,2026-01-01; ranges 2025-12-29..2026-01-02; special\n"
        "                     working days with their spans: 2025-12-24 09:00-13:00\n"
        "  --rule RULE        a holiday of every year: jan 1-8; last mon of may; easter+1;\n"
        "                     orthodox easter; dec 25 observed next weekday\n"
        "  --start TIME       2025-03-28T16:00:00Z, or without a zone: local time in ZONE\n"
        "  --target TARGET    90s, 15m, 4h, 1h30m: service time; `4h calendar`: wall time;\n"
        "                     2bd: business days\n"
        "  --pause FROM/TO    does not count; `FROM/` has no end yet\n"
        "  --batch FILE       tab-separated, - for standard input; the first line names the\n"
        "                     columns: id tz week holidays start target pauses rules. Prints\n"
        "                     id<TAB>due; a bad row is told on standard error and the rest\n"
        "                     goes on, exit code 65 at the end\n"
        "\n"
        "Examples:\n"
        "  otklik calendar due --tz Europe/Berlin --week 'mon-fri 09:00-17:00' \\\n"
        "      --start 2025-03-28T16:30:00 --target 4h\n"
        "  otklik calendar due --tz UTC --week always --start 2025-01-01T00:00:00Z \\\n"
        "      --target '8h calendar' --pause 2025-01-01T01:00:00Z/2025-01-01T02:00:00Z\n"
        "  otklik calendar due --batch cases.tsv\n";

/* One question as text; the members are the columns of a batch. */
enum column {
	COL_ID,
	COL_TZ,
	COL_WEEK,
	COL_HOLIDAYS,
	COL_START,
	COL_TARGET,
	COL_PAUSES,
	COL_RULES /* parted by `;` */
};

enum { COLUMN_COUNT = COL_RULES + 1 };

static const char *const COLUMN_NAMES[COLUMN_COUNT] = {
        "id", "tz", "week", "holidays", "start", "target", "pauses", "rules"};

struct question {
	const char *text[COLUMN_COUNT];
};

/* The calendar of the row before, which tables tend to repeat. */
struct calendar_cache {
	char *key;
	struct calendar *calendar;
};

/* Names the column in an error that speaks of the engine's field. */
static int column_error(
        struct otk_error *err, enum column column, const struct otk_error *cause)
{
	return error_field(err, COLUMN_NAMES[column], "%s",
	        cause->violation_count > 0 ? cause->violations[0].description : cause->message);
}

static int calendar_get(struct calendar_cache *cache, const struct question *q,
        struct calendar **out, struct otk_error *err)
{
	struct otk_error cause = {0};
	struct calendar_plan plan;
	struct calendar *calendar;
	char *key = NULL;
	int rc;

	if (asprintf(&key, "%s\t%s\t%s\t%s", q->text[COL_TZ], q->text[COL_WEEK],
	            q->text[COL_HOLIDAYS], q->text[COL_RULES]) < 0)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	if (cache->key != NULL && strcmp(cache->key, key) == 0) {
		free(key);
		*out = cache->calendar;
		return 0;
	}
	rc = plan_parse(
	        q->text[COL_TZ], q->text[COL_WEEK], q->text[COL_HOLIDAYS], &plan, &cause);
	if (rc == 0) {
		rc = plan_parse_rules(q->text[COL_RULES], &plan, &cause);
		if (rc == 0)
			rc = calendar_new(&plan, &calendar, &cause);
		plan_release(&plan);
	}
	if (rc != 0) {
		const char *field = cause.violation_count > 0 ? cause.violations[0].field : "";

		free(key);
		return column_error(err,
		        strcmp(field, "zone") == 0    ? COL_TZ
		        : strcmp(field, "week") == 0  ? COL_WEEK
		        : strcmp(field, "rules") == 0 ? COL_RULES
		                                      : COL_HOLIDAYS,
		        &cause);
	}
	free(cache->key);
	calendar_free(cache->calendar);
	cache->key = key;
	cache->calendar = calendar;
	*out = calendar;
	return 0;
}

static int instant_parse(const char *text, const struct tz *tz, enum column column, int64_t *at,
        struct otk_error *err)
{
	int is_local = 0;

	if (time_parse(text, at, &is_local) != 0)
		return error_field(err, COLUMN_NAMES[column],
		        "`%.60s` is not a time: write 2025-03-28T16:00:00Z, or without the "
		        "zone "
		        "for local time, years 1970 to 2100",
		        text);
	if (is_local)
		*at = tz_from_local(tz, *at);
	return 0;
}

/* "A/B" in place; "A/" has no end. */
static int pause_parse(
        char *text, const struct tz *tz, struct interval *out, struct otk_error *err)
{
	char *slash = strchr(text, '/');
	int rc;

	if (slash == NULL)
		return error_field(err, "pauses",
		        "`%.60s` is not a pause: write FROM/TO, or FROM/ for one without end",
		        text);
	*slash = '\0';
	rc = instant_parse(text, tz, COL_PAUSES, &out->from, err);
	if (rc == 0 && slash[1] == '\0')
		out->to = CALENDAR_NEVER;
	else if (rc == 0)
		rc = instant_parse(slash + 1, tz, COL_PAUSES, &out->to, err);
	if (rc == 0 && out->to < out->from)
		rc = error_field(err, "pauses", "a pause ends before it begins: %.60s/%.60s",
		        text, slash + 1);
	return rc;
}

/* The comma-separated pauses; to be freed. */
static int pauses_parse(const char *text, const struct tz *tz, struct interval **out,
        size_t *count, struct otk_error *err)
{
	struct interval *pauses = calloc(CASE_PAUSES_MAX, sizeof *pauses);
	char *copy = strdup(text);
	char *rest = copy;
	char *item;
	size_t n = 0;
	int rc = 0;

	if (pauses == NULL || copy == NULL)
		rc = error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	while (rc == 0 && (item = strsep(&rest, ",")) != NULL) {
		item += strspn(item, " ");
		if (*item == '\0')
			continue;
		if (n == CASE_PAUSES_MAX)
			rc = error_field(err, "pauses", "at most %d pauses", CASE_PAUSES_MAX);
		else
			rc = pause_parse(item, tz, &pauses[n++], err);
	}
	free(copy);
	if (rc != 0) {
		free(pauses);
		return rc;
	}
	*out = pauses;
	*count = n;
	return 0;
}

/* Answers one question; errors name the column. */
static int question_answer(struct calendar_cache *cache, const struct question *q, int64_t *due,
        struct otk_error *err)
{
	struct calendar *calendar = NULL;
	struct calendar_edition edition = {0};
	struct calendar_history history = {&edition, 1};
	struct target target;
	struct otk_error cause = {0};
	struct interval *pauses;
	size_t pause_count;
	int64_t start;
	int rc = calendar_get(cache, q, &calendar, err);

	if (rc != 0)
		return rc;
	edition.calendar = calendar;
	rc = instant_parse(q->text[COL_START], calendar_zone(calendar), COL_START, &start, err);
	if (rc != 0)
		return rc;
	if (target_parse(q->text[COL_TARGET], "target", &target, &cause) != 0)
		return column_error(err, COL_TARGET, &cause);
	rc = pauses_parse(
	        q->text[COL_PAUSES], calendar_zone(calendar), &pauses, &pause_count, err);
	if (rc != 0)
		return rc;
	rc = history_due(&history, start, &target, pauses, pause_count, due);
	free(pauses);
	if (rc == -OTK_OUT_OF_RANGE) {
		if (calendar_validate(calendar, &cause) != 0 &&
		        !calendar_plan_of(calendar)->always)
			return column_error(err, COL_WEEK, &cause);
		return error_field(err, "target",
		        "the due would lie past the year 2100, the end of calendars");
	}
	if (rc != 0)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return 0;
}

static const char *due_text(int64_t due, char out[TIME_TEXT_SIZE])
{
	return due == CALENDAR_NEVER ? "never" : time_format_utc(due, out);
}

/* Which column of the file is which of ours; -1: a column that is not looked at. */
struct header {
	int *columns;
	size_t count;
};

static int header_read(char *line, struct header *header, struct otk_error *err)
{
	unsigned seen = 0;
	char *rest = line;
	char *name;

	header->columns = calloc(strlen(line) + 1, sizeof *header->columns);
	if (header->columns == NULL)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	while ((name = strsep(&rest, "\t")) != NULL) {
		int column = -1;

		for (int i = 0; i < COLUMN_COUNT; i++) {
			if (strcmp(name, COLUMN_NAMES[i]) == 0)
				column = i;
		}
		if (column >= 0 && (seen & 1U << column) != 0)
			return error_field(err, name, "the header names this column twice");
		if (column >= 0)
			seen |= 1U << column;
		header->columns[header->count++] = column;
	}
	for (int i = 0; i < COLUMN_COUNT; i++) {
		if (i != COL_HOLIDAYS && i != COL_PAUSES && i != COL_RULES &&
		        (seen & 1U << i) == 0)
			return error_field(err, COLUMN_NAMES[i],
			        "the header lacks this column; it must name id, tz, week, "
			        "start "
			        "and target, and may name holidays, pauses and rules, "
			        "tab-separated");
	}
	return 0;
}

static int row_split(
        char *line, const struct header *header, struct question *q, struct otk_error *err)
{
	char *rest = line;
	char *value;
	size_t n = 0;

	for (size_t i = 0; i < COLUMN_COUNT; i++)
		q->text[i] = "";
	while ((value = strsep(&rest, "\t")) != NULL) {
		if (n < header->count && header->columns[n] >= 0)
			q->text[header->columns[n]] = value;
		n++;
	}
	if (n > header->count)
		return error_field(
		        err, "row", "it has %zu columns, the header %zu", n, header->count);
	return 0;
}

static void line_error(const char *path, size_t number, const struct otk_error *err)
{
	(void)fprintf(stderr, "%s:%zu: %s\n", path, number, err->message);
}

/* Cuts the line end; false for a line that is to be passed over. */
static bool line_trim(char *line, ssize_t length)
{
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		line[--length] = '\0';
	return length > 0;
}

static int batch_lines(FILE *file, const char *path)
{
	struct calendar_cache cache = {0};
	struct header header = {0};
	struct otk_error err;
	struct question q;
	char stamp[TIME_TEXT_SIZE];
	char *line = NULL;
	size_t cap = 0;
	size_t number = 0;
	ssize_t length;
	int64_t due;
	int code = EX_OK;

	while ((length = getline(&line, &cap, file)) >= 0) {
		int rc;

		number++;
		error_clear(&err);
		if (length > LINE_MAX_BYTES || strlen(line) != (size_t)length) {
			rc = error_field(&err, "row", "a line is text of at most %d bytes",
			        LINE_MAX_BYTES);
		} else if (!line_trim(line, length)) {
			continue;
		} else if (header.columns == NULL) {
			rc = header_read(line, &header, &err);
			if (rc != 0) {
				line_error(path, number, &err);
				code = EX_DATAERR;
				break;
			}
			continue;
		} else {
			rc = row_split(line, &header, &q, &err);
			if (rc == 0)
				rc = question_answer(&cache, &q, &due, &err);
		}
		if (rc == 0) {
			(void)printf("%s\t%s\n", q.text[COL_ID], due_text(due, stamp));
		} else {
			line_error(path, number, &err);
			code = EX_DATAERR;
		}
	}
	if (ferror(file)) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		code = EX_NOINPUT;
	} else if (code == EX_OK && header.columns == NULL) {
		(void)fprintf(
		        stderr, "%s: the file is empty; its first line names columns\n", path);
		code = EX_DATAERR;
	}
	free(line);
	free(header.columns);
	free(cache.key);
	calendar_free(cache.calendar);
	return code;
}

static int batch_run(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int code;

	if (file == NULL) {
		(void)fprintf(stderr, "otklik calendar due: %s: %s\n", path, strerror(errno));
		return EX_NOINPUT;
	}
	code = batch_lines(file, file == stdin ? "stdin" : path);
	if (file != stdin)
		(void)fclose(file);
	return code;
}

static int single_run(const struct question *q)
{
	struct calendar_cache cache = {0};
	struct otk_error err = {0};
	char stamp[TIME_TEXT_SIZE];
	int64_t due;
	int rc = question_answer(&cache, q, &due, &err);

	if (rc == 0) {
		(void)printf("%s\n", due_text(due, stamp));
		if (calendar_plan_of(cache.calendar)->always &&
		        (q->text[COL_HOLIDAYS][0] != '\0' || q->text[COL_RULES][0] != '\0'))
			(void)fprintf(stderr, "note: `always` is open on holidays too; mon-sun "
			                      "00:00-24:00 is "
			                      "not\n");
	} else {
		(void)fprintf(stderr, "otklik calendar due: %s\n", err.message);
	}
	free(cache.key);
	calendar_free(cache.calendar);
	return rc == 0 ? EX_OK : EX_DATAERR;
}

/* Adds a repeated option's value to a list. */
static int list_add(struct buf *list, const char *separator, const char *value)
{
	if (list->len > 0)
		(void)buf_puts(list, separator);
	return buf_puts(list, value);
}

static int usage_error(const char *reason)
{
	if (reason != NULL)
		(void)fprintf(stderr, "otklik calendar due: %s\n", reason);
	(void)fprintf(stderr, "Try `otklik calendar due --help`.\n");
	return EX_USAGE;
}

enum option_id {
	OPT_TZ = 256,
	OPT_WEEK,
	OPT_HOLIDAYS,
	OPT_RULE,
	OPT_START,
	OPT_TARGET,
	OPT_PAUSE,
	OPT_BATCH,
	OPT_HELP
};

static const struct option OPTIONS[] = {
        {"tz", required_argument, NULL, OPT_TZ},
        {"week", required_argument, NULL, OPT_WEEK},
        {"holidays", required_argument, NULL, OPT_HOLIDAYS},
        {"rule", required_argument, NULL, OPT_RULE},
        {"start", required_argument, NULL, OPT_START},
        {"target", required_argument, NULL, OPT_TARGET},
        {"pause", required_argument, NULL, OPT_PAUSE},
        {"batch", required_argument, NULL, OPT_BATCH},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
};

struct settings {
	struct question question;
	struct buf holidays;
	struct buf rules;
	struct buf pauses;
	const char *batch;
	bool help;
};

/* EX_OK or EX_USAGE. */
static int options_read(int argc, char **argv, struct settings *s)
{
	int id;

	optind = 0; /* GNU: start over, the dispatcher may have used getopt too */
	while ((id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		switch (id) {
		case OPT_TZ:
			s->question.text[COL_TZ] = optarg;
			break;
		case OPT_WEEK:
			s->question.text[COL_WEEK] = optarg;
			break;
		case OPT_HOLIDAYS:
			(void)list_add(&s->holidays, ";", optarg);
			break;
		case OPT_RULE:
			(void)list_add(&s->rules, ";", optarg);
			break;
		case OPT_START:
			s->question.text[COL_START] = optarg;
			break;
		case OPT_TARGET:
			s->question.text[COL_TARGET] = optarg;
			break;
		case OPT_PAUSE:
			(void)list_add(&s->pauses, ",", optarg);
			break;
		case OPT_BATCH:
			s->batch = optarg;
			break;
		case OPT_HELP:
			s->help = true;
			break;
		default:
			return usage_error(NULL);
		}
	}
	return optind < argc ? usage_error("there are no arguments besides options") : EX_OK;
}

static int settings_run(struct settings *s)
{
	static const enum column REQUIRED[] = {COL_TZ, COL_WEEK, COL_START, COL_TARGET};
	bool any = s->holidays.len > 0 || s->rules.len > 0 || s->pauses.len > 0;

	if (s->help)
		return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
	for (size_t i = 0; i < sizeof REQUIRED / sizeof REQUIRED[0]; i++)
		any = any || s->question.text[REQUIRED[i]] != NULL;
	if (s->batch != NULL && any)
		return usage_error("--batch takes no other options; they are its columns");
	if (s->batch != NULL)
		return batch_run(s->batch);
	for (size_t i = 0; i < sizeof REQUIRED / sizeof REQUIRED[0]; i++) {
		char reason[64];

		if (s->question.text[REQUIRED[i]] != NULL)
			continue;
		(void)snprintf(
		        reason, sizeof reason, "--%s is missing", COLUMN_NAMES[REQUIRED[i]]);
		return usage_error(reason);
	}
	s->question.text[COL_ID] = "";
	s->question.text[COL_HOLIDAYS] = buf_text(&s->holidays);
	s->question.text[COL_RULES] = buf_text(&s->rules);
	s->question.text[COL_PAUSES] = buf_text(&s->pauses);
	return single_run(&s->question);
}

void calendar_due_options(void)
{
	for (const struct option *o = OPTIONS; o->name != NULL; o++)
		(void)printf("--%s\n", o->name);
}

int cmd_calendar_due(int argc, char **argv)
{
	struct settings s = {.batch = NULL};
	int code = options_read(argc, argv, &s);

	if (code == EX_OK)
		code = settings_run(&s);
	buf_free(&s.holidays);
	buf_free(&s.rules);
	buf_free(&s.pauses);
	if (code == EX_OK && (fflush(stdout) != 0 || ferror(stdout))) {
		(void)fprintf(stderr, "otklik calendar due: the output cannot be written\n");
		code = EX_IOERR;
	}
	return code;
}
