/* otklik contract simulate: what a draft would have made of real past tickets. */
#include <stdio.h>
#include <string.h>

#include "cli/calendar_ics.h"
#include "cli/file_errors.h"
#include "cli/options.h"
#include "cli/simulate_print.h"
#include "cli/span.h"
#include "cli/verbs.h"
#include "cli/yaml_message.h"

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
	rc = calendar_ics_take(
	        cli->arena, files->calendars, files->calendar_lines, installation, err);
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
	int rc;

	if (files->calendars != NULL && err->violation_count > 0 &&
	        strncmp(err->violations[0].field, "calendars", strlen("calendars")) == 0)
		return file_errors_print(files->calendars, files->calendar_lines, "", err);
	rc = file_errors_print(files->contract, files->contract_lines, "contract.", err);
	for (size_t i = 0; files->calendars == NULL && i < err->violation_count; i++) {
		if (strcmp(err->violations[i].field, "calendar") == 0)
			(void)fputs("otklik: hours that are not stored are given by --calendar "
			            "FILE\n",
			        stderr);
	}
	return rc;
}

static bool item_came(void *arg, const ProtobufCMessage *message)
{
	simulation_print_item(
	        arg, (const Otklik__V1__SimulateContractResponse *)(const void *)message);
	return true;
}

static int simulate(
        struct cli *cli, struct draft_files *files, Otklik__V1__SimulateContractRequest *in)
{
	struct simulation_print *out;
	struct otk_error err;
	int rc = draft_read(cli, files, in);

	if (rc == 0)
		rc = cli_connect(cli);
	if (rc != 0)
		return rc;
	error_clear(&err);
	out = simulation_print_new(cli);
	rc = client_stream(
	        cli->client, METHOD_SIMULATE_CONTRACT, &in->base, item_came, out, &err);
	if (rc != 0) {
		simulation_print_free(out);
		return draft_errors_print(files, &err);
	}
	rc = simulation_print_end(out);
	simulation_print_free(out);
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
