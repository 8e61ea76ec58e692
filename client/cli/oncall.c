/* otklik oncall show, list, override, swap, withdraw: who is on call, and who takes over. */
#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "otklik/v1/oncall.pb-c.h"

static const char *const COLUMNS[] = {
        "team", "layer", "from", "until", "person", "name", "rota", "override", "reason"};
/* For programs; people find them in the reason. */
static const char *const MORE[] = {"by", "in_place_of"};

static void text_or_absent(struct table *t, const char *text)
{
	if (*text == '\0')
		table_absent(t);
	else
		table_text(t, text);
}

static void duty_put(const struct cli *cli, struct table *t, const Otklik__V1__Duty *d)
{
	table_row(t);
	table_text(t, d->team);
	table_number(t, d->layer);
	table_time(t, d->from_us);
	table_time(t, d->until_us);
	/* A gap must be seen; programs get an absent person. */
	if (*d->person == '\0' && cli->format == FORMAT_TABLE) {
		table_text(t, "nobody");
		table_color(t, "red");
	} else {
		text_or_absent(t, d->person);
	}
	text_or_absent(t, d->person_name);
	text_or_absent(t, d->rota);
	if (d->override_id == 0)
		table_absent(t);
	else
		table_number(t, d->override_id);
	if (d->disabled)
		table_text(t, "disabled: gets no notices");
	else if (cli->format == FORMAT_TABLE && *d->in_place_of != '\0')
		table_text(t, arena_printf(cli->arena, "in place of %s%s%s", d->in_place_of,
		                      *d->reason == '\0' ? "" : ": ", d->reason));
	else
		text_or_absent(t, d->reason);
	if (cli->format == FORMAT_TABLE)
		return;
	text_or_absent(t, d->arranged_by);
	text_or_absent(t, d->in_place_of);
}

static int duties_print(struct cli *cli, const Otklik__V1__GetOnCallRequest *in)
{
	const ProtobufCMessage *reply = NULL;
	const Otklik__V1__GetOnCallResponse *out;
	int rc = cli_call(cli, METHOD_GET_ON_CALL, &in->base, &reply);
	struct table *t;

	if (rc != 0)
		return rc;
	out = (const Otklik__V1__GetOnCallResponse *)(const void *)reply;
	t = table_new(cli);
	for (size_t i = 0; i < sizeof COLUMNS / sizeof COLUMNS[0]; i++)
		table_column(t, COLUMNS[i], 0);
	for (size_t i = 0; cli->format != FORMAT_TABLE && i < sizeof MORE / sizeof MORE[0]; i++)
		table_column(t, MORE[i], 0);
	for (size_t i = 0; i < out->n_duties; i++)
		duty_put(cli, t, out->duties[i]);
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_oncall_show(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__GetOnCallRequest in = OTKLIK__V1__GET_ON_CALL_REQUEST__INIT;
	const char *team = "";
	const struct cli_option options[] = {
	        {"<team>", 0, OPTION_TEXT, &team, "only this one (default: all)", false, 0, 0},
	        {"at", 0, OPTION_TIME, &in.at_us, "then (default: now)", false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "oncall show", "who is on call, until when, and who is next",
	        "  otklik oncall show systems\n"
	        "  otklik oncall show --at '2026-12-24 22:00'\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.team = (char *)(uintptr_t)team;
	return duties_print(cli, &in);
}

int verb_oncall_list(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__GetOnCallRequest in = OTKLIK__V1__GET_ON_CALL_REQUEST__INIT;
	const char *team = "";
	const struct cli_option options[] = {
	        {"<team>", 0, OPTION_TEXT, &team, "only this one (default: all)", false, 0, 0},
	        {"from", 0, OPTION_TIME, &in.from_us, "duties from then on", true, 0, 0},
	        {"to", 0, OPTION_TIME, &in.to_us, "up to then, at most a year later", true, 0,
	                0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "oncall list",
	        "all duties of a stretch of time, and the gaps between them",
	        "  otklik oncall list systems --from 2026-12-01 --to 2027-01-01\n"
	        "  otklik oncall list --from 2026-12-01 --to 2027-01-01 --format csv\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.team = (char *)(uintptr_t)team;
	return duties_print(cli, &in);
}

int verb_oncall_override(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__SetOnCallOverrideRequest in =
	        OTKLIK__V1__SET_ON_CALL_OVERRIDE_REQUEST__INIT;
	const Otklik__V1__SetOnCallOverrideResponse *out;
	const ProtobufCMessage *reply = NULL;
	const char *team = "", *person = "", *reason = "";
	int64_t layer = 1;
	const struct cli_option options[] = {
	        {"<team>", 0, OPTION_TEXT, &team, "whose duty", true, 0, 0},
	        {"person", 0, OPTION_TEXT, &person, "who takes it over", true, 0, 0},
	        {"from", 0, OPTION_TIME, &in.from_us, "from then on (default: now)", false, 0,
	                0},
	        {"to", 0, OPTION_TIME, &in.to_us, "up to then", true, 0, 0},
	        {"reason", 0, OPTION_TEXT, &reason, "why, for the others", false, 0, 0},
	        {"layer", 0, OPTION_NUMBER, &layer, "1 is asked first (default)", false, 1, 3},
	        {.name = NULL},
	};
	int rc = options_read(cli, "oncall override",
	        "somebody takes a duty over, whatever the rota says; of several the one made "
	        "last counts",
	        "  otklik oncall override systems --person pavel --to '2026-12-25 08:00'\n"
	        "  otklik oncall override systems --person marta --from 2026-12-24 \\\n"
	        "      --to 2026-12-27 --reason 'Pavel is on holiday'\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.team = (char *)(uintptr_t)team;
	in.person = (char *)(uintptr_t)person;
	in.reason = (char *)(uintptr_t)reason;
	in.layer = (uint32_t)layer;
	rc = cli_call(cli, METHOD_SET_ON_CALL_OVERRIDE, &in.base, &reply);
	if (rc != 0)
		return rc;
	out = (const Otklik__V1__SetOnCallOverrideResponse *)(const void *)reply;
	if (cli->format == FORMAT_JSON)
		return json_print_message(reply, stdout);
	(void)printf("override %lld\n", (long long)out->override_id);
	return 0;
}

static int swaps_print(const struct cli *cli, const Otklik__V1__SwapOnCallResponse *out)
{
	struct table *t = table_new(cli);
	int rc;

	table_column(t, "from", 0);
	table_column(t, "until", 0);
	table_column(t, "was", 0);
	table_column(t, "becomes", 0);
	table_column(t, "override", 0);
	for (size_t i = 0; i < out->n_swaps; i++) {
		const Otklik__V1__DutySwap *swap = out->swaps[i];

		table_row(t);
		table_time(t, swap->from_us);
		table_time(t, swap->until_us);
		table_text(t, swap->in_place_of);
		table_text(t, swap->person);
		if (swap->override_id == 0)
			table_absent(t);
		else
			table_number(t, swap->override_id);
	}
	rc = table_print(t, stdout);
	table_free(t);
	(void)fprintf(stderr, "%zu dut%s %s\n", out->n_swaps, out->n_swaps == 1 ? "y" : "ies",
	        out->applied ? "swapped" : "would be swapped; nothing was changed");
	return rc;
}

int verb_oncall_swap(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__SwapOnCallRequest in = OTKLIK__V1__SWAP_ON_CALL_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	const char *team = "", *person = "", *with = "", *reason = "";
	bool take_over = false, dry_run = false;
	int64_t layer = 1;
	const struct cli_option options[] = {
	        {"<team>", 0, OPTION_TEXT, &team, "whose duties", true, 0, 0},
	        {"person", 0, OPTION_TEXT, &person, "one of the two", true, 0, 0},
	        {"with", 0, OPTION_TEXT, &with, "the other", true, 0, 0},
	        {"from", 0, OPTION_TIME, &in.from_us, "from then on (default: now)", false, 0,
	                0},
	        {"to", 0, OPTION_TIME, &in.to_us, "up to then, at most a year later", true, 0,
	                0},
	        {"take-over", 0, OPTION_FLAG, &take_over,
	                "--with takes the duties over and gives none", false, 0, 0},
	        {"reason", 0, OPTION_TEXT, &reason, "why, for the others", false, 0, 0},
	        {"layer", 0, OPTION_NUMBER, &layer, "1 is asked first (default)", false, 1, 3},
	        {"dry-run", 'n', OPTION_FLAG, &dry_run, "only tell who would be on call", false,
	                0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "oncall swap",
	        "two people exchange their duties of a stretch of time, or one takes over the "
	        "other's",
	        "  otklik oncall swap systems --person pavel --with marta \\\n"
	        "      --from 2026-12-21 --to 2027-01-04 --dry-run\n"
	        "  otklik oncall swap systems --person pavel --with marta \\\n"
	        "      --from 2026-12-24 --to 2026-12-26 --take-over --reason 'Christmas'\n"
	        "Each duty becomes an override, which `oncall withdraw` ends; all are made or "
	        "none.\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.team = (char *)(uintptr_t)team;
	in.person = (char *)(uintptr_t)person;
	in.with = (char *)(uintptr_t)with;
	in.reason = (char *)(uintptr_t)reason;
	in.layer = (uint32_t)layer;
	in.take_over = take_over;
	in.dry_run = dry_run;
	rc = cli_call(cli, METHOD_SWAP_ON_CALL, &in.base, &reply);
	if (rc != 0)
		return rc;
	return swaps_print(cli, (const Otklik__V1__SwapOnCallResponse *)(const void *)reply);
}

int verb_oncall_withdraw(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__DeleteOnCallOverrideRequest in =
	        OTKLIK__V1__DELETE_ON_CALL_OVERRIDE_REQUEST__INIT;
	const Otklik__V1__DeleteOnCallOverrideResponse *out;
	const ProtobufCMessage *reply = NULL;
	const struct cli_option options[] = {
	        {"<override>", 0, OPTION_NUMBER, &in.override_id, "its number", true, 1,
	                INT64_MAX},
	        {.name = NULL},
	};
	int rc = options_read(cli, "oncall withdraw",
	        "end an override now: from here on the rota counts again",
	        "  otklik oncall withdraw 12\n", options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = cli_call(cli, METHOD_DELETE_ON_CALL_OVERRIDE, &in.base, &reply);
	if (rc != 0)
		return rc;
	out = (const Otklik__V1__DeleteOnCallOverrideResponse *)(const void *)reply;
	if (cli->format == FORMAT_JSON)
		rc = json_print_message(reply, stdout);
	else if (out->withdrawn)
		(void)puts("withdrawn");
	if (rc != 0 || out->withdrawn)
		return rc;
	(void)fprintf(stderr, "otklik: there is no override %lld in force\n",
	        (long long)in.override_id);
	return EXIT_NOT_FOUND;
}
