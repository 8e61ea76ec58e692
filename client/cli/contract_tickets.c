/* otklik contract apply-to: open tickets put under another version, previewed first. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/contract_calls.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"

struct run {
	struct cli *cli;
	struct table *table;
	bool dry_run;
	int64_t looked_at;
	int64_t moved;
	int64_t skipped;
	int64_t broken; /* clocks that the change itself breaks */
	int64_t total;
	time_t begun;
	time_t told;
};

static void columns(struct table *t)
{
	table_column(t, "ticket", TABLE_RIGHT);
	table_column(t, "from", 0);
	table_column(t, "clock", 0);
	table_column(t, "change", 0);
	table_column(t, "old_due", 0);
	table_column(t, "new_due", 0);
	table_column(t, "breached", 0);
	table_column(t, "title", TABLE_CUT);
}

static void row_put(
        struct table *t, const Otklik__V1__TicketMove *m, const Otklik__V1__ClockMove *clock)
{
	char name[32] = "";

	table_row(t);
	table_number(t, m->ticket_id);
	table_text(t, m->from);
	if (clock != NULL)
		json_enum_word(&otklik__v1__clock_kind__descriptor, (int)clock->clock, name,
		        sizeof name);
	table_text(t, clock == NULL ? NULL : name);
	table_text(t, clock != NULL         ? clock->what
	              : *m->skipped != '\0' ? m->skipped
	                                    : "no clock");
	table_time(t, clock == NULL ? 0 : clock->old_due_us);
	table_time(t, clock == NULL ? 0 : clock->new_due_us);
	table_text(t, clock != NULL && clock->breached ? "yes" : NULL);
	table_color(t, clock != NULL && clock->breached ? "red" : "");
	table_text(t, m->title);
}

static void tickets_put(struct run *run, const Otklik__V1__ApplyContractToTicketsResponse *out)
{
	for (size_t i = 0; i < out->n_tickets; i++) {
		const Otklik__V1__TicketMove *m = out->tickets[i];

		run->looked_at++;
		run->skipped += *m->skipped != '\0';
		run->moved += *m->skipped == '\0';
		for (size_t k = 0; k < m->n_clocks; k++) {
			run->broken += m->clocks[k]->breached;
			row_put(run->table, m, m->clocks[k]);
		}
		if (m->n_clocks == 0)
			row_put(run->table, m, NULL);
	}
	if (run->total == 0)
		run->total = out->total;
}

/* Whoever waits is told how far it is. */
static void progress(struct run *run)
{
	time_t now = time(NULL);

	if (now - run->begun < 2 || now == run->told)
		return;
	run->told = now;
	(void)fprintf(stderr, "%lld of %lld tickets\n", (long long)run->looked_at,
	        (long long)run->total);
}

static int run_pages(struct run *run, Otklik__V1__ApplyContractToTicketsRequest *in)
{
	int rc = 0;

	do {
		const Otklik__V1__ApplyContractToTicketsResponse *out;
		const ProtobufCMessage *reply = NULL;

		rc = cli_call(run->cli, METHOD_APPLY_CONTRACT_TO_TICKETS, &in->base, &reply);
		if (rc != 0)
			break;
		out = (const Otklik__V1__ApplyContractToTicketsResponse *)(const void *)reply;
		in->version = out->version; /* also if another comes into force meanwhile */
		in->after_ticket_id = out->next_after_ticket_id;
		tickets_put(run, out);
		rc = table_flush(run->table, stdout);
		client_release(run->cli->client);
		progress(run);
	} while (rc == 0 && in->after_ticket_id != 0);
	return rc;
}

static int told(const struct run *run, int rc)
{
	(void)fprintf(stderr,
	        "%lld ticket%s %s, %lld stay%s as %s; %lld clock%s broken by the change "
	        "itself\n",
	        (long long)run->moved, run->moved == 1 ? "" : "s",
	        run->dry_run ? "would be moved" : "moved", (long long)run->skipped,
	        run->skipped == 1 ? "s" : "", run->skipped == 1 ? "it is" : "they are",
	        (long long)run->broken, run->broken == 1 ? "" : "s");
	if (rc != 0 && !run->dry_run)
		(void)fputs(
		        "it broke off: run it again, what is done is passed over\n", stderr);
	else if (run->dry_run)
		(void)fputs("nothing was changed; --yes does it\n", stderr);
	return rc;
}

static int ids_read(struct cli *cli, const struct option_list *list,
        Otklik__V1__ApplyContractToTicketsRequest *in)
{
	in->ticket_ids = arena_calloc(cli->arena, list->count + 1, sizeof *in->ticket_ids);
	for (size_t i = 0; in->ticket_ids != NULL && i < list->count; i++) {
		if (text_to_i64(list->items[i], 1, INT64_MAX, &in->ticket_ids[i]) < 0)
			return cli_usage("contract apply-to", "--tickets %s: no ticket number",
			        list->items[i]);
		in->n_ticket_ids++;
	}
	return 0;
}

int verb_contract_apply_to(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ApplyContractToTicketsRequest in =
	        OTKLIK__V1__APPLY_CONTRACT_TO_TICKETS_REQUEST__INIT;
	struct run run = {.cli = cli, .begun = time(NULL)};
	struct option_list ids = {.count = 0};
	const char *code = NULL, *reason = "";
	int64_t version = 0;
	bool yes = false;
	const struct cli_option options[] = {
	        {"<code>", 0, OPTION_TEXT, &code, "the contract", true, 0, 0},
	        {"version", 0, OPTION_NUMBER, &version, "this one (default: the one in force)",
	                false, 1, 1000000},
	        {"tickets", 0, OPTION_LIST, &ids,
	                "these (default: open tickets of its other versions)", false, 0, 0},
	        {"reason", 0, OPTION_TEXT, &reason, "why, for the journal", false, 0, 0},
	        {"dry-run", 'n', OPTION_FLAG, &run.dry_run,
	                "only list what would change (the default)", false, 0, 0},
	        {"yes", 'y', OPTION_FLAG, &yes, "do it", false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "contract apply-to",
	        "put open tickets under another version of their contract; lists old and new "
	        "due of each clock",
	        "  otklik --profile admin contract apply-to verf-standard\n"
	        "  otklik --profile admin contract apply-to verf-standard --version 3 --yes\n"
	        "  otklik --profile admin contract apply-to verf-standard --tickets "
	        "1040,1041\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (yes && run.dry_run)
		return cli_usage("contract apply-to", "--dry-run and --yes exclude each other");
	rc = ids_read(cli, &ids, &in);
	if (rc != 0)
		return rc;
	run.dry_run = !yes;
	in.code = (char *)(uintptr_t)code;
	in.version = (uint32_t)version;
	in.reason = (char *)(uintptr_t)reason;
	in.dry_run = run.dry_run;
	run.table = table_new(cli);
	columns(run.table);
	rc = run_pages(&run, &in);
	if (rc == 0 && (run.looked_at > 0 || cli->format != FORMAT_TABLE))
		rc = table_print(run.table, stdout);
	table_free(run.table);
	return run.looked_at > 0 || rc == 0 ? told(&run, rc) : rc;
}
