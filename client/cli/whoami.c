/* otklik whoami and server status. */
#include <stdio.h>

#include "cli/clean.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "otklik/v1/server.pb-c.h"

static const struct cli_option NO_OPTIONS[] = {{.name = NULL}};

int verb_whoami(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__WhoAmIRequest in = OTKLIK__V1__WHO_AM_IREQUEST__INIT;
	const Otklik__V1__WhoAmIResponse *out;
	const ProtobufCMessage *reply = NULL;
	int rc =
	        options_read(cli, "whoami", "who the server takes you for, and what you may do",
	                "  otklik whoami\n  otklik --profile manager whoami --format json\n",
	                NO_OPTIONS, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = cli_call(cli, METHOD_WHO_AM_I, &in.base, &reply);
	if (rc != 0)
		return rc;
	if (cli->format == FORMAT_JSON)
		return json_print_message(reply, stdout);
	out = (const Otklik__V1__WhoAmIResponse *)(const void *)reply;
	if (cli->format == FORMAT_TABLE) {
		clean_printf(stdout, "%s (%s)%s%s", out->principal, out->name,
		        out->customer[0] != '\0' ? ", of customer " : "", out->customer);
		(void)fputc('\n', stdout);
	}
	{
		struct table *t = table_new(cli);

		table_column(t, "role", 0);
		table_column(t, "customer", 0);
		for (size_t i = 0; i < out->n_grants; i++) {
			table_row(t);
			table_text(t, out->grants[i]->role);
			table_text(t, out->grants[i]->customer[0] != '\0'
			                      ? out->grants[i]->customer
			                      : "every");
		}
		rc = table_print(t, stdout);
		table_free(t);
	}
	return rc;
}

static int status_csv(const struct cli *cli, const Otklik__V1__GetServerStatusResponse *out)
{
	static const char *const NAMES[] = {"build", "pid", "server_time", "virtual_clock",
	        "database_up", "schema_version", "connections", "requests_in_flight",
	        "requests_total", "feed_rev", "fold_rev", "due_timers", "oldest_due"};
	struct table *t = table_new(cli);
	int rc;

	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
		table_column(t, NAMES[i], 0);
	table_row(t);
	table_text(t, out->build);
	table_number(t, out->pid);
	table_time(t, out->server_time_us);
	table_text(t, out->virtual_clock ? "true" : "false");
	table_text(t, out->database_up ? "true" : "false");
	table_number(t, out->schema_version);
	table_number(t, out->connections);
	table_number(t, out->requests_in_flight);
	table_number(t, (int64_t)out->requests_total);
	table_number(t, out->feed_rev);
	table_number(t, out->fold_rev);
	table_number(t, out->due_timers);
	table_time(t, out->oldest_due_us);
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_server_status(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__GetServerStatusRequest in = OTKLIK__V1__GET_SERVER_STATUS_REQUEST__INIT;
	const Otklik__V1__GetServerStatusResponse *out;
	const ProtobufCMessage *reply = NULL;
	char time[TABLE_TIME_SIZE];
	int rc = options_read(cli, "server status",
	        "version, clock, database and queues of the process that answers",
	        "  otklik server status\n  otklik server status --format json\n", NO_OPTIONS,
	        argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = cli_call(cli, METHOD_GET_SERVER_STATUS, &in.base, &reply);
	if (rc != 0)
		return rc;
	out = (const Otklik__V1__GetServerStatusResponse *)(const void *)reply;
	switch (cli->format) {
	case FORMAT_JSON:
		return json_print_message(reply, stdout);
	case FORMAT_CSV:
		return status_csv(cli, out);
	case FORMAT_TABLE:
		break;
	}
	clean_printf(
	        stdout, "  build         %s, process %lld", out->build, (long long)out->pid);
	(void)printf("\n  time          %s%s\n", table_time_text(out->server_time_us, time),
	        out->virtual_clock ? " (virtual)" : "");
	(void)printf("  database      %s, schema %d\n", out->database_up ? "up" : "away",
	        out->schema_version);
	(void)printf("  connections   %u, %u requests under way, %llu served\n",
	        out->connections, out->requests_in_flight,
	        (unsigned long long)out->requests_total);
	(void)printf("  feed          %lld, folded to %lld\n", (long long)out->feed_rev,
	        (long long)out->fold_rev);
	(void)printf("  timers        %lld due", (long long)out->due_timers);
	if (out->oldest_due_us != 0)
		(void)printf(
		        ", the oldest since %s", table_time_text(out->oldest_due_us, time));
	(void)printf("\n");
	return 0;
}
