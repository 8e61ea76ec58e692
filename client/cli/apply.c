/* otklik apply: sends a declared installation, prints what changes. */
#include <stdio.h>
#include <string.h>

#include "cli/calendar_ics.h"
#include "cli/file_errors.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/yaml_message.h"
#include "otklik/v1/installation.pb-c.h"

static const char *change_color(const char *action)
{
	if (strcmp(action, "add") == 0)
		return "green";
	return strcmp(action, "retire") == 0 ? "red" : "yellow";
}

static int changes_print(
        const struct cli *cli, const Otklik__V1__ApplyInstallationResponse *out)
{
	struct table *t = table_new(cli);
	int rc = 0;

	table_column(t, "action", 0);
	table_column(t, "kind", 0);
	table_column(t, "code", 0);
	table_column(t, "detail", 0);
	for (size_t i = 0; i < out->n_changes; i++) {
		table_row(t);
		table_text(t, out->changes[i]->action);
		table_color(t, change_color(out->changes[i]->action));
		table_text(t, out->changes[i]->kind);
		table_text(t, out->changes[i]->code);
		table_text(t, out->changes[i]->detail);
	}
	if (out->n_changes > 0 || cli->format != FORMAT_TABLE)
		rc = table_print(t, stdout);
	table_free(t);
	(void)fprintf(stderr, "%zu change%s %s\n", out->n_changes,
	        out->n_changes == 1 ? "" : "s",
	        out->applied ? "applied" : "would be made; nothing was changed");
	return rc;
}

int verb_apply(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ApplyInstallationRequest in = OTKLIK__V1__APPLY_INSTALLATION_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	ProtobufCMessage *installation = NULL;
	struct yaml_lines *lines = NULL;
	struct otk_error err;
	const char *file = NULL;
	bool dry_run = false;
	const struct cli_option options[] = {
	        {"file", 'f', OPTION_TEXT, &file, "YAML file with the whole installation", true,
	                0, 0},
	        {"dry-run", 'n', OPTION_FLAG, &dry_run, "only print what would change", false,
	                0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "apply",
	        "make customers, sites, people, calendars and contracts as a file declares "
	        "them",
	        "  otklik --profile admin apply -f installation.yaml --dry-run\n"
	        "  otklik --profile admin apply -f installation.yaml\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	error_clear(&err);
	if (yaml_message_read(cli->arena, file, &otklik__v1__installation__descriptor,
	            &installation, &lines, &err) != 0) {
		(void)cli_fail(&err);
		return err.code == OTK_NOT_FOUND ? EXIT_NO_INPUT : EXIT_DATA;
	}
	in.installation = (Otklik__V1__Installation *)(void *)installation;
	if (calendar_ics_take(cli->arena, file, lines, in.installation, &err) < 0) {
		(void)cli_fail(&err);
		return err.code == OTK_NOT_FOUND ? EXIT_NO_INPUT : EXIT_DATA;
	}
	rc = cli_connect(cli);
	if (rc != 0)
		return rc;
	in.dry_run = dry_run;
	if (client_call(cli->client, METHOD_APPLY_INSTALLATION, &in.base, &reply, &err) != 0)
		return file_errors_print(file, lines, "installation.", &err);
	return changes_print(
	        cli, (const Otklik__V1__ApplyInstallationResponse *)(const void *)reply);
}
