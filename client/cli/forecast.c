/* otklik sla forecast: which open tickets may break their targets, by how long others took. */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/span.h"
#include "cli/table.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"
#include "otklik/v1/simulation.pb-c.h"

enum { HUNDRED = 100 };

static void code_put(struct table *t, const char *text)
{
	table_text(t, *text == '\0' ? NULL : text);
}

struct forecast_output {
	const struct cli *cli;
	struct table *table;
	int64_t clocks;
	int64_t history;
	int64_t rows;
	bool done;
};

static void forecast_add(struct table *t, const Otklik__V1__ForecastRow *row)
{
	char text[64];

	table_row(t);
	table_number(t, row->ticket_id);
	table_text(t, row->customer);
	table_text(t, clock_word(row->clock));
	(void)snprintf(text, sizeof text, "P%u", row->priority);
	table_text(t, text);
	code_put(t, row->team);
	if (row->breached) {
		table_real(t, HUNDRED, 1);
	} else if (row->beyond) {
		table_absent(t);
	} else {
		table_real(t, row->probability * HUNDRED, 1);
	}
	(void)snprintf(text, sizeof text, "%.0f-%.0f", row->low * HUNDRED, row->high * HUNDRED);
	table_text(t, row->breached ? NULL : text);
	table_time(t, row->due_at_us);
	table_service(t, row->consumed_us);
	table_service(t, row->target_us);
	table_number(t, row->at_risk);
	table_number(t, row->similar);
	table_text(t, row->group);
	table_text(t, row->title);
}

/* What the similar ones have in common beside the kind of clock, the closest of it: "team". */
static const char *nearest_word(const char *group)
{
	const char *last = strrchr(group, ' ');

	return last == NULL ? group : last + 1;
}

/* For people: what fits in a line of 80. The rest is in JSON and CSV. */
static void forecast_add_short(struct table *t, const Otklik__V1__ForecastRow *row)
{
	char text[TABLE_TIME_SIZE];

	table_row(t);
	table_number(t, row->ticket_id);
	table_text(t, clock_word(row->clock));
	(void)snprintf(text, sizeof text, "P%u", row->priority);
	table_text(t, text);
	if (row->breached) {
		table_text(t, "broken");
		table_color(t, "red");
	} else if (row->beyond) {
		table_text(t, "?");
	} else {
		table_real(t, row->probability * HUNDRED, 1);
	}
	(void)snprintf(text, sizeof text, "%.0f-%.0f", row->low * HUNDRED, row->high * HUNDRED);
	table_text(t, row->breached ? NULL : text);
	table_number(t, row->at_risk);
	table_text(t, row->breached ? NULL : nearest_word(row->group));
	if (row->due_at_us != 0) {
		/* Without seconds, year and zone: nobody looks further ahead than that. */
		(void)table_time_text(row->due_at_us, text);
		text[16] = '\0';
		table_text(t, text + 5);
	} else {
		table_absent(t);
	}
	table_text(t, row->customer);
	code_put(t, row->team);
	table_text(t, row->title);
}

static bool forecast_item(void *arg, const ProtobufCMessage *message)
{
	const Otklik__V1__ForecastSlaResponse *item =
	        (const Otklik__V1__ForecastSlaResponse *)(const void *)message;
	struct forecast_output *out = arg;

	if (item->row != NULL) {
		if (out->cli->format == FORMAT_TABLE)
			forecast_add_short(out->table, item->row);
		else
			forecast_add(out->table, item->row);
		out->rows++;
	}
	if (item->done) {
		out->done = true;
		out->clocks = item->clocks;
		out->history = item->history;
	}
	return true;
}

static void columns_short(struct table *t)
{
	table_column(t, "ticket", TABLE_RIGHT);
	table_column(t, "clock", 0);
	table_column(t, "pri", 0);
	table_column(t, "breaks_%", TABLE_RIGHT);
	table_column(t, "interval", TABLE_RIGHT);
	table_column(t, "n", TABLE_RIGHT);
	table_column(t, "alike_in", 0);
	table_column(t, "due", 0);
	table_column(t, "customer", TABLE_CUT);
	table_column(t, "team", TABLE_CUT);
	table_column(t, "title", TABLE_CUT);
}

static void columns_all(struct table *t)
{
	static const char *const RIGHT[] = {"breaks_%", "interval", "due", "consumed", "target",
	        "lasted_longer", "similar", NULL};

	table_column(t, "ticket", TABLE_RIGHT);
	table_column(t, "customer", 0);
	table_column(t, "clock", 0);
	table_column(t, "priority", 0);
	table_column(t, "team", 0);
	for (size_t i = 0; RIGHT[i] != NULL; i++)
		table_column(t, RIGHT[i], TABLE_RIGHT);
	table_column(t, "alike_in", 0);
	table_column(t, "title", TABLE_CUT);
}

static int forecast(struct cli *cli, const Otklik__V1__ForecastSlaRequest *in)
{
	struct forecast_output out = {.cli = cli};
	struct otk_error err;
	int rc = cli_connect(cli);

	if (rc != 0)
		return rc;
	out.table = table_new(cli);
	if (cli->format == FORMAT_TABLE)
		columns_short(out.table);
	else
		columns_all(out.table);
	error_clear(&err);
	rc = client_stream(
	        cli->client, METHOD_FORECAST_SLA, &in->base, forecast_item, &out, &err);
	if (rc != 0)
		rc = cli_fail(&err);
	else if (!out.done)
		rc = cli_lacks("end of the forecast");
	else
		rc = table_print(out.table, stdout);
	table_free(out.table);
	if (rc == 0)
		(void)fprintf(stderr,
		        "%lld of %lld open clocks, by %lld of the past; n lasted as long, "
		        "interval of 95 %%\n",
		        (long long)out.rows, (long long)out.clocks, (long long)out.history);
	return rc;
}

int verb_sla_forecast(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ForecastSlaRequest in = OTKLIK__V1__FORECAST_SLA_REQUEST__INIT;
	const char *customer = NULL, *team = NULL, *within = NULL, *history = NULL;
	int64_t limit = 0;
	const struct cli_option options[] = {
	        {"customer", 'c', OPTION_TEXT, &customer, "of this customer only", false, 0, 0},
	        {"team", 't', OPTION_TEXT, &team, "of this team only", false, 0, 0},
	        {"within", 'w', OPTION_TEXT, &within, "due within so long: 8h, 2d", false, 0,
	                0},
	        {"history", 0, OPTION_TEXT, &history,
	                "how far back similar tickets are looked for (default 180d)", false, 0,
	                0},
	        {"limit", 'n', OPTION_NUMBER, &limit, "rows at most (default 100)", false, 1,
	                10000},
	        {.name = NULL},
	};
	int rc = options_read(cli, "sla forecast",
	        "open tickets by how likely they break their targets, from how long similar "
	        "ones "
	        "took that had lasted as long",
	        "  otklik sla forecast --within 8h\n"
	        "  otklik sla forecast --customer alfa --team network --format csv\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (within != NULL)
		rc = cli_span_read("sla forecast", "within", within, &in.within_us);
	if (rc == 0 && history != NULL)
		rc = cli_span_read("sla forecast", "history", history, &in.history_us);
	if (rc != 0)
		return rc;
	if (customer != NULL)
		in.customer = cli_strdup(cli, customer);
	if (team != NULL)
		in.team = cli_strdup(cli, team);
	in.limit = (uint32_t)limit;
	return forecast(cli, &in);
}
