/*
 * otklik import event-log: reads the log once into a stage, then sends its cases in order of
 * creation, a few requests at a time. Cases already imported are recognised by the server, so a
 * run that was broken off is finished by running it again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/import_read.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/yaml_message.h"

enum { CASES_PER_REQUEST = 64, REQUESTS_MAX = 4, OBSERVATIONS_PER_REQUEST = 1500 };
enum { REQUEST_ARENA = 32 * 1024 * 1024 };

struct import {
	struct cli *cli;
	const Otklik__V1__ImportMap *map;
	struct csv *csv;
	struct stage *stage;
	struct import_columns columns;
	struct import_ahead ahead;
	const char *rejects; /* path */
	FILE *rejected;
	char *header; /* raw header line, for the rejects file */
	bool terminal;
	int64_t started; /* monotonic us */
	int64_t told;
	int64_t rows;
	int64_t cases;
	int64_t created;
	int64_t unchanged;
	int64_t conflicts;
	int64_t refused;
	int64_t armed;
	bool arm;
	unsigned in_flight;
	bool ended; /* the stage is empty */
	struct otk_error err;
};

/* A request under way. */
struct sending {
	struct import *import;
	struct arena *arena;
	Otklik__V1__ImportCasesRequest request;
	Otklik__V1__ImportedCase *cases[CASES_PER_REQUEST];
};

static void progress(struct import *im, const char *what, double share, int64_t n)
{
	int64_t now = clock_monotonic();

	if (!im->terminal || now - im->told < 200000)
		return;
	im->told = now;
	(void)fprintf(stderr, "\r%s: %3.0f %%, %lld\033[K", what, share * 100, (long long)n);
}

static void progress_end(const struct import *im)
{
	if (im->terminal)
		(void)fprintf(stderr, "\r\033[K");
}

/* --- rejects --------------------------------------------------------------------------- */

static int rejects_open(struct import *im)
{
	if (im->rejected != NULL)
		return 0;
	im->rejected = fopen(im->rejects, "we");
	if (im->rejected == NULL)
		return error_set(&im->err, OTK_FAILED_PRECONDITION, "UNWRITABLE",
		        "%s: %s; --rejects names another file", im->rejects, strerror(errno));
	(void)fprintf(im->rejected, "line,reason,%s\r\n", im->header);
	return 0;
}

static void reject(struct import *im, uint64_t line, const char *reason, const char *raw)
{
	if (rejects_open(im) != 0)
		return;
	(void)fprintf(im->rejected, "%llu,\"", (unsigned long long)line);
	for (; *reason != '\0'; reason++) {
		if (*reason == '"')
			(void)fputc('"', im->rejected);
		(void)fputc(*reason, im->rejected);
	}
	(void)fprintf(im->rejected, "\",%s\r\n", raw);
}

static int rejects_write(struct import *im)
{
	struct stage_row row;
	int rc;

	while ((rc = stage_next_refused(im->stage, &row, &im->err)) == 1)
		reject(im, row.line, row.texts[0], row.raw);
	return rc;
}

/* --- reading --------------------------------------------------------------------------- */

static int header_read(struct import *im)
{
	struct csv_row row;
	int rc = csv_next(im->csv, &row, &im->err);

	if (rc == 0)
		return error_set(
		        &im->err, OTK_INVALID_ARGUMENT, "BAD_FILE", "the log is empty");
	if (rc < 0)
		return rc;
	im->header = cli_strdup(im->cli, row.raw);
	return import_columns_find(im->map, &row, &im->columns, &im->err);
}

static int log_read(struct import *im)
{
	struct csv_row row;
	int rc = header_read(im);

	while (rc == 0) {
		struct otk_error wrong;
		int got;

		error_clear(&wrong);
		got = csv_next(im->csv, &row, &wrong);
		if (got == 0)
			break;
		im->rows++;
		if (got == -OTK_INVALID_ARGUMENT) {
			rc = import_row_broken(
			        &im->columns, &row, im->stage, wrong.message, &im->err);
		} else if (got < 0) {
			im->err = wrong;
			rc = got;
		} else {
			rc = import_row(im->map, &im->columns, &row, im->stage, &im->err);
		}
		progress(im, "reading", csv_progress(im->csv), im->rows);
	}
	return rc == 0 ? stage_sort(im->stage, &im->err) : rc;
}

/* --- sending --------------------------------------------------------------------------- */

static void sending_free(struct sending *s)
{
	arena_free(s->arena);
	free(s);
}

static void result_count(struct import *im, const Otklik__V1__ImportResult *result)
{
	struct stage_row row;

	im->armed += result->armed ? 1 : 0;
	switch (result->outcome) {
	case OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CREATED:
		im->created++;
		return;
	case OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_UNCHANGED:
		im->unchanged++;
		return;
	case OTKLIK__V1__IMPORT_OUTCOME__IMPORT_OUTCOME_CONFLICT:
		im->conflicts++;
		break;
	default:
		im->refused++;
		break;
	}
	stage_find(im->stage, result->ref);
	while (im->err.code == OTK_OK && stage_next_row(im->stage, &row, &im->err) == 1)
		reject(im, row.line, result->reason, row.raw);
}

static void sends_fill(struct import *im);

static void sent(void *arg, const ProtobufCMessage *reply, const struct otk_error *err)
{
	struct sending *s = arg;
	struct import *im = s->import;

	im->in_flight--;
	if (err != NULL) {
		if (im->err.code == OTK_OK)
			im->err = *err;
	} else {
		const Otklik__V1__ImportCasesResponse *out =
		        (const Otklik__V1__ImportCasesResponse *)(const void *)reply;

		for (size_t i = 0; i < out->n_results; i++)
			result_count(im, out->results[i]);
	}
	sending_free(s);
	sends_fill(im);
}

/* Fills a request; 1, 0 when there are no more cases, or negative. */
static int sending_fill(struct import *im, struct sending *s)
{
	size_t observations = 0;
	int rc = 1;

	otklik__v1__import_cases_request__init(&s->request);
	s->request.source = im->map->source;
	s->request.customer = im->map->customer;
	s->request.zone = im->map->zone;
	s->request.cases = s->cases;
	s->request.arm = im->arm;
	while (s->request.n_cases < CASES_PER_REQUEST &&
	        observations < OBSERVATIONS_PER_REQUEST) {
		Otklik__V1__ImportedCase *c = NULL;

		rc = import_case_next(im->map, im->stage, &im->ahead, s->arena, &c, &im->err);
		if (rc <= 0)
			break;
		s->cases[s->request.n_cases++] = c;
		observations += c->n_observations;
	}
	if (rc < 0)
		return rc;
	return s->request.n_cases > 0 ? 1 : 0;
}

static int send_one(struct import *im)
{
	struct client_call_options options = {.deadline_ms = 60000};
	struct sending *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL || (s->arena = arena_new(REQUEST_ARENA)) == NULL) {
		free(s);
		return error_set(
		        &im->err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	}
	s->import = im;
	rc = sending_fill(im, s);
	if (rc == 1 && client_start(im->cli->client, METHOD_IMPORT_CASES, &s->request.base,
	                       &options, sent, s, &im->err) == NULL)
		rc = -OTK_INVALID_ARGUMENT;
	if (rc == 1) {
		im->in_flight++;
		return 1;
	}
	sending_free(s);
	return rc;
}

static void sends_fill(struct import *im)
{
	int64_t done = im->created + im->unchanged + im->conflicts + im->refused;

	progress(im, "importing", im->cases == 0 ? 1 : (double)done / (double)im->cases, done);
	while (im->err.code == OTK_OK && !im->ended && im->in_flight < REQUESTS_MAX)
		im->ended = send_one(im) <= 0;
	if (im->in_flight == 0)
		loop_stop(im->cli->loop);
}

static int cases_send(struct import *im)
{
	im->cases = stage_cases(im->stage);
	sends_fill(im);
	if (im->in_flight > 0)
		(void)loop_run(im->cli->loop);
	return -(int)im->err.code;
}

/* --- the verb -------------------------------------------------------------------------- */

/* Of this program alone: getrusage() would count who started it, too. */
static double peak_mib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[128];
	long kib = 0;

	while (status != NULL && fgets(line, sizeof line, status) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	}
	if (status != NULL)
		(void)fclose(status);
	return (double)kib / 1024;
}

static int summary_print(const struct import *im)
{
	double seconds = (double)(clock_monotonic() - im->started) / 1e6;
	struct table *t = table_new(im->cli);
	int rc;

	table_column(t, "rows", TABLE_RIGHT);
	table_column(t, "cases", TABLE_RIGHT);
	table_column(t, "created", TABLE_RIGHT);
	table_column(t, "unchanged", TABLE_RIGHT);
	table_column(t, "conflicts", TABLE_RIGHT);
	table_column(t, "refused_cases", TABLE_RIGHT);
	table_column(t, "refused_rows", TABLE_RIGHT);
	table_column(t, "armed", TABLE_RIGHT);
	table_column(t, "seconds", TABLE_RIGHT);
	table_column(t, "rows_per_second", TABLE_RIGHT);
	table_column(t, "peak_mib", TABLE_RIGHT);
	table_row(t);
	table_number(t, im->rows);
	table_number(t, im->cases);
	table_number(t, im->created);
	table_number(t, im->unchanged);
	table_number(t, im->conflicts);
	table_number(t, im->refused);
	table_number(t, stage_refused(im->stage));
	table_number(t, im->armed);
	table_real(t, seconds, 2);
	table_real(t, seconds > 0 ? (double)im->rows / seconds : 0, 0);
	table_real(t, peak_mib(), 1);
	rc = table_print(t, stdout);
	table_free(t);
	if (im->rejected != NULL)
		(void)fprintf(stderr, "what was not imported stands in %s\n", im->rejects);
	return rc;
}

static int import_run(struct import *im, const char *file)
{
	int rc;

	im->csv = csv_open(file, &im->err);
	im->stage = im->csv == NULL ? NULL : stage_new(&im->err);
	if (im->stage == NULL)
		return im->err.code == OTK_NOT_FOUND ? (cli_fail(&im->err), EXIT_NO_INPUT)
		                                     : cli_fail(&im->err);
	rc = log_read(im);
	if (rc == 0)
		rc = rejects_write(im);
	if (rc == 0)
		rc = cases_send(im);
	progress_end(im);
	if (im->err.code != OTK_OK) {
		(void)cli_fail(&im->err);
		(void)fprintf(stderr,
		        "  what was sent is kept: run the same command again to go on\n");
		rc = cli_exit_code(im->err.code);
	}
	if (im->cases > 0 || rc == 0) {
		int printed = summary_print(im);

		rc = rc != 0 ? rc : printed;
	}
	if (rc == 0 && im->rejected != NULL)
		rc = EXIT_DATA;
	return rc;
}

int verb_import_event_log(struct cli *cli, int argc, char **argv)
{
	struct import im = {.cli = cli, .terminal = isatty(STDERR_FILENO) != 0};
	ProtobufCMessage *map = NULL;
	const char *file = NULL;
	const char *map_file = NULL;
	const struct cli_option options[] = {
	        {"<file>", 0, OPTION_TEXT, &file, "CSV, plain or .xz, one row an observation",
	                true, 0, 0},
	        {"map", 'm', OPTION_TEXT, &map_file, "YAML file that says how to read it", true,
	                0, 0},
	        {"rejects", 0, OPTION_TEXT, &im.rejects,
	                "where rows that are wrong go (default: FILE.rejects.csv here)", false,
	                0, 0},
	        {"arm", 0, OPTION_FLAG, &im.arm,
	                "open cases come under the contract in force: clocks from their "
	                "creation",
	                false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "import event-log",
	        "import another system's history; a second run changes nothing",
	        "  otklik --profile admin import event-log incidents.csv.xz --map "
	        "servicenow.yaml\n"
	        "  otklik --profile admin import event-log open.csv --map servicenow.yaml "
	        "--arm\n"
	        "A case with a wrong row is held back whole and written to the rejects file "
	        "with line\n"
	        "and reason; exit code 65 then. Mend the rows and import that file.\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	error_clear(&im.err);
	im.started = clock_monotonic();
	if (yaml_message_read(cli->arena, map_file, &otklik__v1__import_map__descriptor, &map,
	            NULL, &im.err) != 0) {
		(void)cli_fail(&im.err);
		return im.err.code == OTK_NOT_FOUND ? EXIT_NO_INPUT : EXIT_DATA;
	}
	im.map = (const Otklik__V1__ImportMap *)(const void *)map;
	if (im.map->source[0] == '\0' || im.map->columns == NULL)
		return cli_usage(
		        "import event-log", "the map must have `source` and `columns`");
	if (im.rejects == NULL)
		im.rejects = arena_printf(cli->arena, "%s.rejects.csv",
		        strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file);
	rc = cli_connect(cli);
	if (rc == 0)
		rc = import_run(&im, file);
	csv_close(im.csv);
	stage_free(im.stage);
	if (im.rejected != NULL && fclose(im.rejected) != 0)
		rc = EXIT_IO;
	return rc;
}
