/* otklik contract simulate: what a draft would have made of real past tickets. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/calendar_ics.h"
#include "cli/clean.h"
#include "cli/file_errors.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/span.h"
#include "cli/table.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"
#include "cli/yaml_message.h"
#include "otklik/v1/simulation.pb-c.h"

enum { HUNDRED = 100, SECOND_US = 1000000 };

typedef Otklik__V1__SimulateContractResponse response;

/* --- a simulation as it comes ------------------------------------------------------------- */

/* Without JSON the parts are tables that grow; with it an object of arrays. */
struct simulation_output {
	const struct cli *cli;
	bool terminal; /* progress is shown */
	bool ended;
	struct table *targets;
	struct table *reasons;
	struct table *months;
	json_t *json;
	int64_t credits;
};

static void part_put(struct simulation_output *out, const char *part, const ProtobufCMessage *m)
{
	json_t *list = json_object_get(out->json, part);

	if (list == NULL) {
		list = json_array();
		(void)json_object_set_new(out->json, part, list);
	}
	(void)json_array_append_new(list, json_of_message(m));
}

static void figures_columns(struct table *t, const char *const names[])
{
	for (size_t i = 0; names[i] != NULL; i++)
		table_column(t, names[i], i % 8 == 0 ? 0 : TABLE_RIGHT);
}

static struct table *targets_table(const struct cli *cli)
{
	static const char *const DRAFT[] = {"draft", "n", "met", "broken", "kept_%", "interval",
	        "p50", "p90", "p95", "p99", "safe_90", "safe_95", "safe_99", "broken_by", NULL};
	static const char *const IN_FORCE[] = {"in_force", "in_force_n", "in_force_met",
	        "in_force_broken", "in_force_kept_%", NULL};
	struct table *t = table_new(cli);

	table_column(t, "clock", 0);
	table_column(t, "type", 0);
	table_column(t, "priority", 0);
	table_column(t, "service", 0);
	figures_columns(t, DRAFT);
	figures_columns(t, IN_FORCE);
	return t;
}

static void kept_put(struct table *t, const Otklik__V1__SimulatedFigures *f)
{
	if (f->met + f->breached > 0)
		table_real(t, f->compliance * HUNDRED, 2);
	else
		table_absent(t);
}

static void text_put(struct table *t, const char *text)
{
	table_text(t, *text == '\0' ? NULL : text);
}

static void length_put(struct table *t, const Otklik__V1__SimulatedFigures *f, int64_t seconds)
{
	if (f->ended > 0)
		table_duration(t, seconds * SECOND_US);
	else
		table_absent(t);
}

static void target_add(struct table *t, const Otklik__V1__SimulatedTarget *in)
{
	const Otklik__V1__SimulatedFigures *d = in->draft, *f = in->in_force;
	char text[64];

	table_row(t);
	table_text(t, clock_word(in->clock));
	json_enum_word(&otklik__v1__ticket_type__descriptor, (int)in->type, text, sizeof text);
	table_text(t, text);
	(void)snprintf(text, sizeof text, "P%u", in->priority);
	table_text(t, text);
	text_put(t, in->service);
	text_put(t, d->target);
	table_number(t, d->met + d->breached);
	table_number(t, d->met);
	table_number(t, d->breached);
	kept_put(t, d);
	(void)snprintf(text, sizeof text, "%.1f-%.1f", d->compliance_low * HUNDRED,
	        d->compliance_high * HUNDRED);
	table_text(t, d->met + d->breached > 0 ? text : NULL);
	length_put(t, d, d->p50_s);
	length_put(t, d, d->p90_s);
	length_put(t, d, d->p95_s);
	length_put(t, d, d->p99_s);
	text_put(t, d->safe_90);
	text_put(t, d->safe_95);
	text_put(t, d->safe_99);
	table_duration(t, d->breach_s * SECOND_US);
	text_put(t, f->target);
	table_number(t, f->met + f->breached);
	table_number(t, f->met);
	table_number(t, f->breached);
	kept_put(t, f);
}

static void reason_add(struct table *t, const Otklik__V1__SimulatedReason *in)
{
	table_row(t);
	table_text(t, in->kind);
	table_text(t, in->what);
	table_real(t, in->share * HUNDRED, 1);
	table_duration(t, in->counted_s * SECOND_US);
	table_number(t, in->clocks);
}

static void money_put(struct table *t, int64_t amount, int32_t share)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%lld.%02lld", (long long)(amount / HUNDRED),
	        (long long)(amount % HUNDRED));
	table_text(t, text);
	table_real(t, (double)share / HUNDRED, 2);
}

static void month_add(struct table *t, const Otklik__V1__SimulatedMonth *in)
{
	table_row(t);
	table_text(t, in->month);
	table_number(t, in->met);
	table_number(t, in->breached);
	money_put(t, in->credit, in->credit_share);
	table_number(t, in->in_force_met);
	table_number(t, in->in_force_breached);
	money_put(t, in->in_force_credit, in->in_force_credit_share);
}

static void progress_show(const struct simulation_output *out, const response *item)
{
	if (out->terminal && item->tickets_total > 0)
		(void)fprintf(stderr, "\r%lld of %lld tickets\033[K",
		        (long long)item->tickets_done, (long long)item->tickets_total);
}

static void summary_text(FILE *out, const Otklik__V1__SimulationSummary *s)
{
	int64_t n = s->met + s->breached, was = s->in_force_met + s->in_force_breached;
	char from[TABLE_TIME_SIZE];
	char to[TABLE_TIME_SIZE];

	clean_printf(out, "%s against %s, tickets of %s to %s", s->contract, s->in_force,
	        table_time_text(s->from_us, from), table_time_text(s->to_us, to));
	(void)fprintf(out,
	        "\n%lld tickets under the draft, %lld under other contracts, %lld cancelled, "
	        "%lld self-recovered, %lld imported (only their resolution is known)\n",
	        (long long)s->tickets, (long long)s->uncovered, (long long)s->cancelled,
	        (long long)s->self_recovered, (long long)s->observed);
	(void)fprintf(out, "draft: %lld of %lld kept (%.2f %%), broken by %s in all\n",
	        (long long)s->met, (long long)n,
	        n == 0 ? 0 : (double)s->met * HUNDRED / (double)n,
	        table_duration_text(s->breach_s * SECOND_US, from));
	if (s->in_force_tickets > 0)
		(void)fprintf(out,
		        "in force: %lld of %lld kept (%.2f %%), broken by %s in all\n",
		        (long long)s->in_force_met, (long long)was,
		        was == 0 ? 0 : (double)s->in_force_met * HUNDRED / (double)was,
		        table_duration_text(s->in_force_breach_s * SECOND_US, from));
	if (*s->currency != '\0') {
		(void)fprintf(out, "credits: %.2f ", (double)s->credit / HUNDRED);
		clean_printf(out, "%s", s->currency);
		(void)fprintf(out, ", in force %.2f\n", (double)s->in_force_credit / HUNDRED);
	}
	for (size_t i = 0; i < s->n_notes; i++) {
		clean_printf(out, "note: %s", s->notes[i]);
		(void)fputc('\n', out);
	}
}

static bool simulation_item(void *arg, const ProtobufCMessage *message)
{
	const response *item = (const response *)(const void *)message;
	struct simulation_output *out = arg;
	bool json = out->cli->format == FORMAT_JSON;

	if (item->target != NULL && item->target->draft != NULL &&
	        item->target->in_force != NULL) {
		if (json)
			part_put(out, "targets", &item->target->base);
		else
			target_add(out->targets, item->target);
	} else if (item->reason != NULL) {
		if (json)
			part_put(out, "reasons", &item->reason->base);
		else
			reason_add(out->reasons, item->reason);
	} else if (item->month != NULL) {
		if (json)
			part_put(out, "months", &item->month->base);
		else
			month_add(out->months, item->month);
	} else if (item->summary != NULL) {
		out->ended = true;
		out->credits = *item->summary->currency != '\0';
		if (json)
			(void)json_object_set_new(
			        out->json, "summary", json_of_message(&item->summary->base));
		else
			summary_text(out->cli->format == FORMAT_TABLE ? stdout : stderr,
			        item->summary);
	} else {
		progress_show(out, item);
	}
	return true;
}

/* --- printing it -------------------------------------------------------------------------- */

static void output_begin(struct simulation_output *out)
{
	static const char *const REASONS[] = {
	        "where", "what", "share_%", "time", "clocks", NULL};
	static const char *const MONTHS[] = {"month", "met", "broken", "credit", "credit_%",
	        "in_force_met", "in_force_broken", "in_force_credit", "in_force_credit_%",
	        NULL};

	out->targets = targets_table(out->cli);
	out->reasons = table_new(out->cli);
	out->months = table_new(out->cli);
	figures_columns(out->reasons, REASONS);
	figures_columns(out->months, MONTHS);
	out->json = json_object();
	for (size_t i = 0; i < 3; i++) {
		static const char *const PARTS[] = {"targets", "reasons", "months"};

		(void)json_object_set_new(out->json, PARTS[i], json_array());
	}
}

/* CSV is one table: the targets. */
static int output_print(struct simulation_output *out)
{
	int rc;

	if (out->cli->format == FORMAT_JSON) {
		rc = json_put(out->json, true, stdout);
		out->json = NULL;
		(void)fputc('\n', stdout);
		return rc == 0 ? output_check(stdout) : rc;
	}
	rc = table_print(out->targets, stdout);
	if (rc != 0 || out->cli->format == FORMAT_CSV)
		return rc;
	(void)printf("\nwhere the time of the draft's broken clocks went\n");
	rc = table_print(out->reasons, stdout);
	if (rc == 0)
		(void)printf("\n");
	return rc == 0 ? table_print(out->months, stdout) : rc;
}

static void output_end(struct simulation_output *out)
{
	table_free(out->targets);
	table_free(out->reasons);
	table_free(out->months);
	json_decref(out->json);
}

/* --- the draft ---------------------------------------------------------------------------- */

struct draft_files {
	const char *contract;
	struct yaml_lines *contract_lines;
	const char *calendars; /* NULL: all are stored */
	struct yaml_lines *calendar_lines;
};

static int unreadable(const struct otk_error *err)
{
	(void)cli_fail(err);
	return err->code == OTK_NOT_FOUND ? EXIT_NO_INPUT : EXIT_DATA;
}

/* The calendars of a file as an installation's are; of its other parts nothing is wanted. */
static int calendars_read(struct cli *cli, struct draft_files *files,
        Otklik__V1__SimulateContractRequest *in, struct otk_error *err)
{
	ProtobufCMessage *message = NULL;
	Otklik__V1__Installation *installation;
	int rc = yaml_message_read(cli->arena, files->calendars,
	        &otklik__v1__installation__descriptor, &message, &files->calendar_lines, err);

	if (rc != 0)
		return rc;
	installation = (Otklik__V1__Installation *)(void *)message;
	if (installation->n_calendars == 0)
		return error_set(err, OTK_INVALID_ARGUMENT, "NO_CALENDAR",
		        "%s:1: calendars: there is none; write them as in an installation",
		        files->calendars);
	rc = calendar_ics_take(cli->arena, files->calendars, installation, err);
	in->calendars = installation->calendars;
	in->n_calendars = installation->n_calendars;
	return rc;
}

static int draft_read(
        struct cli *cli, struct draft_files *files, Otklik__V1__SimulateContractRequest *in)
{
	ProtobufCMessage *contract = NULL;
	struct otk_error err;

	error_clear(&err);
	if (yaml_message_read(cli->arena, files->contract, &otklik__v1__contract__descriptor,
	            &contract, &files->contract_lines, &err) != 0 ||
	        (files->calendars != NULL && calendars_read(cli, files, in, &err) != 0))
		return unreadable(&err);
	in->contract = (Otklik__V1__Contract *)(void *)contract;
	return 0;
}

/* What the server found wrong is of one file or of the other: calendars are judged first. */
static int draft_errors_print(const struct draft_files *files, const struct otk_error *err)
{
	if (files->calendars != NULL && err->violation_count > 0 &&
	        strncmp(err->violations[0].field, "calendars", strlen("calendars")) == 0)
		return file_errors_print(files->calendars, files->calendar_lines, "", err);
	return file_errors_print(files->contract, files->contract_lines, "contract.", err);
}

static int simulate(
        struct cli *cli, struct draft_files *files, Otklik__V1__SimulateContractRequest *in)
{
	struct simulation_output out = {.cli = cli, .terminal = isatty(STDERR_FILENO) != 0};
	struct otk_error err;
	int rc = draft_read(cli, files, in);

	if (rc == 0)
		rc = cli_connect(cli);
	if (rc != 0)
		return rc;
	error_clear(&err);
	output_begin(&out);
	rc = client_stream(
	        cli->client, METHOD_SIMULATE_CONTRACT, &in->base, simulation_item, &out, &err);
	if (out.terminal)
		(void)fprintf(stderr, "\r\033[K");
	if (rc != 0)
		rc = draft_errors_print(files, &err);
	else
		rc = out.ended ? output_print(&out) : cli_lacks("end of the simulation");
	output_end(&out);
	return rc;
}

int verb_contract_simulate(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__SimulateContractRequest in = OTKLIK__V1__SIMULATE_CONTRACT_REQUEST__INIT;
	struct draft_files files = {0};
	const char *history = NULL;
	int64_t span = 0;
	const struct cli_option options[] = {
	        {"<file>", 0, OPTION_TEXT, &files.contract,
	                "YAML file with the draft of one contract", true, 0, 0},
	        {"calendar", 0, OPTION_TEXT, &files.calendars,
	                "YAML file with `calendars` as an installation has them: the draft "
	                "counts by these, stored or not",
	                false, 0, 0},
	        {"history", 0, OPTION_TEXT, &history,
	                "how far back tickets are taken: 90d, 2w (default 90d)", false, 0, 0},
	        {"from", 0, OPTION_TIME, &in.from_us, "tickets made at or after", false, 0, 0},
	        {"to", 0, OPTION_TIME, &in.to_us, "tickets made before (default now)", false, 0,
	                0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "contract simulate",
	        "what a draft contract would have made of real past tickets, beside the one in "
	        "force; nothing is changed",
	        "  otklik contract simulate gold.yaml --history 90d\n"
	        "  otklik contract simulate gold.yaml --calendar evenings.yaml\n"
	        "  otklik contract simulate gold.yaml --from 2026-01-01 --to 2026-04-01 "
	        "--format "
	        "json\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (history != NULL && in.from_us != 0)
		return cli_usage("contract simulate", "say --history or --from, not both");
	if (history != NULL) {
		rc = cli_span_read("contract simulate", "history", history, &span);
		if (rc != 0)
			return rc;
		in.history_us = span;
	}
	return simulate(cli, &files, &in);
}
