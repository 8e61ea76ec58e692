/* otklik kpi, kpi list and kpi verify. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "core/kpi_catalogue.h"
#include "otklik/v1/kpi.pb-c.h"

static void value_put(struct table *t, const Otklik__V1__KpiCell *cell, const char *unit)
{
	switch (cell->value_case) {
	case OTKLIK__V1__KPI_CELL__VALUE_INTEGER:
		table_number(t, cell->integer);
		break;
	case OTKLIK__V1__KPI_CELL__VALUE_REAL:
		table_real(t, cell->real, strcmp(unit, "ratio") == 0 ? 4 : 3);
		break;
	case OTKLIK__V1__KPI_CELL__VALUE_TEXT:
		table_text(t, cell->text);
		break;
	case OTKLIK__V1__KPI_CELL__VALUE_NOT_DERIVABLE:
		table_text(t, "not derivable");
		break;
	case OTKLIK__V1__KPI_CELL__VALUE_ABSENT:
	case OTKLIK__V1__KPI_CELL__VALUE__NOT_SET:
	default:
		table_absent(t);
		break;
	}
}

static int answer_print(const struct cli *cli, const Otklik__V1__QueryKpiResponse *out)
{
	struct table *t = table_new(cli);
	int rc;

	if (cli->format == FORMAT_TABLE) {
		clean_printf(stdout, "%s (days of: %s)", out->title, out->zone);
		(void)fputc('\n', stdout);
	}
	for (size_t i = 0; i < out->n_columns; i++)
		table_column(t, out->columns[i]->name,
		        strcmp(out->columns[i]->unit, "key") == 0 ? 0 : TABLE_RIGHT);
	for (size_t i = 0; i < out->n_rows; i++) {
		table_row(t);
		for (size_t c = 0; c < out->rows[i]->n_cells && c < out->n_columns; c++)
			value_put(t, out->rows[i]->cells[c], out->columns[c]->unit);
	}
	rc = table_print(t, stdout);
	table_free(t);
	for (size_t i = 0; i < out->n_notes; i++) {
		clean_printf(stderr, "note: %s", out->notes[i]);
		(void)fputc('\n', stderr);
	}
	return rc;
}

int verb_kpi(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__QueryKpiRequest in = OTKLIK__V1__QUERY_KPI_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	struct option_list by = {.count = 0};
	const char *name = "";
	const char *from = "";
	const char *to = "";
	const char *customer = "";
	const char *site = "";
	const char *team = "";
	const char *type = "";
	const char *hours_zone = "";
	int64_t priority = 0;
	const struct cli_option options[] = {
	        {"<name>", 0, OPTION_TEXT, &name, "the figure; `otklik kpi list` names them",
	                true, 0, 0},
	        {"by", 'b', OPTION_LIST, &by,
	                "customer, site, team, priority, type; month, week, day or hour", false,
	                0, 0},
	        {"from", 0, OPTION_TEXT, &from,
	                "first day, 2026-01-01 (by hour: or an instant)", false, 0, 0},
	        {"to", 0, OPTION_TEXT, &to, "day after the last", false, 0, 0},
	        {"customer", 0, OPTION_TEXT, &customer, "only this one", false, 0, 0},
	        {"site", 0, OPTION_TEXT, &site, "only this one (with --customer)", false, 0, 0},
	        {"team", 0, OPTION_TEXT, &team, "only this one", false, 0, 0},
	        {"priority", 'p', OPTION_NUMBER, &priority, "only this one, 1 to 5", false, 1,
	                5},
	        {"type", 0, OPTION_TEXT, &type, "incident or service_request", false, 0, 0},
	        {"hours-in", 0, OPTION_TEXT, &hours_zone, "zone of the hours (default UTC)",
	                false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "kpi", "a figure by dimension and period, from the rollups",
	        "  otklik kpi mttr --by team,month --from 2026-01-01 --to 2026-07-01\n"
	        "  otklik kpi compliance --by customer --format csv\n"
	        "  otklik kpi at-risk --by customer,team,priority\n"
	        "  otklik kpi breach-minutes --by team,week --from 2026-01-01\n"
	        "  otklik kpi arrivals --by hour --hours-in Europe/Riga\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.name = (char *)(uintptr_t)name;
	in.by = (char **)(uintptr_t)by.items;
	in.n_by = by.count;
	in.from = (char *)(uintptr_t)from;
	in.to = (char *)(uintptr_t)to;
	in.customer = (char *)(uintptr_t)customer;
	in.site = (char *)(uintptr_t)site;
	in.team = (char *)(uintptr_t)team;
	in.priority = (uint32_t)priority;
	in.type = (char *)(uintptr_t)type;
	in.zone = (char *)(uintptr_t)hours_zone;
	rc = cli_call(cli, METHOD_QUERY_KPI, &in.base, &reply);
	return rc != 0 ? rc
	               : answer_print(cli,
	                         (const Otklik__V1__QueryKpiResponse *)(const void *)reply);
}

int verb_kpi_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_option options[] = {{.name = NULL}};
	struct table *t;
	int rc = options_read(cli, "kpi list", "the figures that can be asked for",
	        "  otklik kpi list\n", options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	t = table_new(cli);
	table_column(t, "name", 0);
	table_column(t, "what", 0);
	for (const struct kpi_spec *k = KPI_CATALOGUE; k->name != NULL; k++) {
		table_row(t);
		table_text(t, k->name);
		table_text(t, k->title);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

struct verify {
	struct cli *cli;
	struct table *table;
	bool terminal;
	int64_t events;
	int64_t cells;
	int64_t differences;
	int64_t rev;
	bool done;
};

static bool verify_item(void *arg, const ProtobufCMessage *message)
{
	const Otklik__V1__VerifyKpiResponse *item =
	        (const Otklik__V1__VerifyKpiResponse *)(const void *)message;
	struct verify *v = arg;

	if (item->difference != NULL) {
		table_row(v->table);
		table_text(v->table, item->difference->cell);
		table_text(v->table, item->difference->stored);
		table_text(v->table, item->difference->rebuilt);
	} else if (item->done) {
		v->done = true;
		v->events = item->events_folded;
		v->cells = item->cells_compared;
		v->differences = item->differences;
		v->rev = item->as_of_rev;
	} else if (v->terminal) {
		(void)fprintf(stderr, "\rfolding the journal: %lld of %lld",
		        (long long)item->events_folded, (long long)item->events_total);
	}
	return true;
}

int verb_kpi_verify(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__VerifyKpiRequest in = OTKLIK__V1__VERIFY_KPI_REQUEST__INIT;
	struct verify v = {.cli = cli, .terminal = isatty(STDERR_FILENO) != 0};
	struct otk_error err;
	int64_t limit = 0;
	const struct cli_option options[] = {
	        {"limit", 'n', OPTION_NUMBER, &limit,
	                "differences listed at most (default 100)", false, 1, 10000},
	        {.name = NULL},
	};
	int rc = options_read(cli, "kpi verify",
	        "fold the whole journal again and print where the stored figures differ; exits "
	        "1 if "
	        "they do",
	        "  otklik --profile admin kpi verify\n", options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = cli_connect(cli);
	if (rc != 0)
		return rc;
	in.limit = (uint32_t)limit;
	v.table = table_new(cli);
	table_column(v.table, "cell", 0);
	table_column(v.table, "stored", 0);
	table_column(v.table, "rebuilt", 0);
	error_clear(&err);
	rc = client_stream(cli->client, METHOD_VERIFY_KPI, &in.base, verify_item, &v, &err);
	if (v.terminal)
		(void)fprintf(stderr, "\r\033[K");
	if (rc != 0) {
		table_free(v.table);
		return cli_fail(&err);
	}
	if (v.differences > 0 || cli->format != FORMAT_TABLE)
		rc = table_print(v.table, stdout);
	table_free(v.table);
	(void)fprintf(stderr,
	        "%lld journal entries folded, %lld cells compared, %lld differ (rev %lld)\n",
	        (long long)v.events, (long long)v.cells, (long long)v.differences,
	        (long long)v.rev);
	if (!v.done)
		return cli_lacks("end of the comparison");
	return rc == 0 && v.differences > 0 ? EXIT_REFUSED : rc;
}
