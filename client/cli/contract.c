/* otklik contract apply, withdraw, show, list and history. */
#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/contract_calls.h"
#include "cli/contract_terms.h"
#include "cli/file_errors.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/yaml_message.h"
#include "cli/yaml_write.h"

static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* --- apply, withdraw --------------------------------------------------------------------- */

/* Reads the file of a contract. 0 or an exit code, the error being printed. */
static int contract_read_file(struct cli *cli, const char *file,
        Otklik__V1__Contract **contract, struct yaml_lines **lines)
{
	ProtobufCMessage *message = NULL;
	struct otk_error err;

	error_clear(&err);
	if (yaml_message_read(cli->arena, file, &otklik__v1__contract__descriptor, &message,
	            lines, &err) != 0) {
		(void)cli_fail(&err);
		return err.code == OTK_NOT_FOUND ? EXIT_NO_INPUT : EXIT_DATA;
	}
	*contract = (Otklik__V1__Contract *)(void *)message;
	return 0;
}

static void warnings_print(const Otklik__V1__ApplyContractResponse *out, const char *file,
        const struct yaml_lines *lines)
{
	for (size_t i = 0; i < out->n_warnings; i++) {
		clean_printf(stderr, "otklik: %s:%u: warning: %s: %s", file,
		        yaml_line_of(lines, out->warnings[i]->field), out->warnings[i]->field,
		        out->warnings[i]->text);
		(void)fputc('\n', stderr);
	}
}

static int changes_print(const struct cli *cli, const Otklik__V1__ApplyContractResponse *out)
{
	struct table *t;
	int rc = 0;

	if (cli->format == FORMAT_JSON)
		return json_print_message(&out->base, stdout);
	t = table_new(cli);
	table_column(t, "action", 0);
	table_column(t, "code", 0);
	table_column(t, "detail", TABLE_WRAP);
	for (size_t i = 0; i < out->n_changes; i++) {
		table_row(t);
		table_text(t, out->changes[i]->action);
		table_text(t, out->changes[i]->code);
		table_text(t, out->changes[i]->detail);
	}
	if (out->n_changes > 0 || cli->format != FORMAT_TABLE)
		rc = table_print(t, stdout);
	table_free(t);
	if (out->n_changes == 0)
		(void)fputs("it is as the last version says: nothing changes\n", stderr);
	else if (out->applied && strcmp(out->changes[0]->action, "retire") == 0)
		(void)fputs("withdrawn; its clocks fall silent, breaches stay\n", stderr);
	else if (out->applied)
		(void)fputs("applied; tickets filed before keep their version\n", stderr);
	else
		(void)fputs("nothing was changed\n", stderr);
	return rc;
}

int contract_apply_file(struct cli *cli, const char *file, bool dry_run,
        const Otklik__V1__ApplyContractResponse **out)
{
	Otklik__V1__ApplyContractRequest in = OTKLIK__V1__APPLY_CONTRACT_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	struct yaml_lines *lines = NULL;
	struct otk_error err;
	int rc = contract_read_file(cli, file, &in.contract, &lines);

	if (rc == 0)
		rc = cli_connect(cli);
	if (rc != 0)
		return rc;
	error_clear(&err);
	in.dry_run = dry_run;
	if (client_call(cli->client, METHOD_APPLY_CONTRACT, &in.base, &reply, &err) != 0)
		return file_errors_print(file, lines, "contract.", &err);
	*out = (const Otklik__V1__ApplyContractResponse *)(const void *)reply;
	warnings_print(*out, file, lines);
	return 0;
}

int verb_contract_apply(struct cli *cli, int argc, char **argv)
{
	const Otklik__V1__ApplyContractResponse *out = NULL;
	const char *file = NULL;
	bool dry_run = false;
	const struct cli_option options[] = {
	        {"<file>", 0, OPTION_TEXT, &file, "YAML file with one contract", true, 0, 0},
	        {"dry-run", 'n', OPTION_FLAG, &dry_run, "only check it and print what changes",
	                false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "contract apply",
	        "make the next version of a contract from its file; what is missing or "
	        "contradictory is told with file and line",
	        "  otklik --profile admin contract apply verf.yaml --dry-run\n"
	        "  otklik --profile admin contract apply verf.yaml\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = contract_apply_file(cli, file, dry_run, &out);
	return rc == 0 ? changes_print(cli, out) : rc;
}

int verb_contract_withdraw(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ApplyContractRequest in = OTKLIK__V1__APPLY_CONTRACT_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	const char *code = NULL;
	bool dry_run = false;
	const struct cli_option options[] = {
	        {"<code>", 0, OPTION_TEXT, &code, "the contract", true, 0, 0},
	        {"dry-run", 'n', OPTION_FLAG, &dry_run, "only print what changes", false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "contract withdraw",
	        "end a contract at once: its clocks fall silent, breaches stay",
	        "  otklik --profile admin contract withdraw verf-standard --dry-run\n", options,
	        argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.dry_run = dry_run;
	in.withdraw = text_of(code);
	rc = cli_call(cli, METHOD_APPLY_CONTRACT, &in.base, &reply);
	if (rc != 0)
		return rc;
	return changes_print(
	        cli, (const Otklik__V1__ApplyContractResponse *)(const void *)reply);
}

/* --- show -------------------------------------------------------------------------------- */

int contract_get(struct cli *cli, const char *code, int64_t version,
        const Otklik__V1__GetContractResponse **out)
{
	Otklik__V1__GetContractRequest in = OTKLIK__V1__GET_CONTRACT_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	int rc;

	in.code = text_of(code);
	in.version = (uint32_t)version;
	rc = cli_call(cli, METHOD_GET_CONTRACT, &in.base, &reply);
	if (rc != 0)
		return rc;
	*out = (const Otklik__V1__GetContractResponse *)(const void *)reply;
	if ((*out)->contract == NULL || (*out)->version == NULL)
		return cli_lacks("contract");
	return 0;
}

static int terms_print(const struct cli *cli, const Otklik__V1__Contract *contract)
{
	struct contract_term *terms;
	size_t count = contract_terms_of(cli->arena, contract, &terms);
	struct table *t = table_new(cli);
	int rc;

	table_column(t, "term", 0);
	table_column(t, "value", TABLE_WRAP);
	for (size_t i = 0; i < count; i++) {
		table_row(t);
		table_text(t, terms[i].name);
		table_text(t, terms[i].value);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

static const char *state_of(const Otklik__V1__ContractVersion *v)
{
	static const char *const WORDS[] = {
	        "", "in force", "to come", "ended", "replaced", "withdrawn"};

	return (size_t)v->state < sizeof WORDS / sizeof WORDS[0] ? WORDS[v->state] : "";
}

/* What the file does not say, as its comment. */
static void head_print(const Otklik__V1__ContractVersion *v)
{
	char at[TABLE_TIME_SIZE];

	clean_printf(stdout, "# %s, version %u, %s", v->code, v->version, state_of(v));
	clean_printf(stdout, "; applied %s", table_time_text(v->applied_us, at));
	if (*v->applied_by != '\0')
		clean_printf(stdout, " by %s", v->applied_by);
	if (v->withdrawn_us != 0)
		clean_printf(stdout, "; withdrawn %s", table_time_text(v->withdrawn_us, at));
	clean_printf(stdout, "; %lld open tickets", (long long)v->open_tickets);
	(void)fputc('\n', stdout);
}

int verb_contract_show(struct cli *cli, int argc, char **argv)
{
	const Otklik__V1__GetContractResponse *out = NULL;
	const char *code = NULL;
	int64_t version = 0;
	bool table = false;
	const struct cli_option options[] = {
	        {"<code>", 0, OPTION_TEXT, &code, "the contract", true, 0, 0},
	        {"version", 0, OPTION_NUMBER, &version,
	                "this one (default: the one in force, else the last)", false, 1,
	                1000000},
	        {"table", 0, OPTION_FLAG, &table, "its terms as a table, not as a file", false,
	                0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "contract show", "a contract as a file that makes it",
	        "  otklik contract show verf-standard\n"
	        "  otklik contract show verf-standard --version 2 > verf.yaml\n"
	        "  otklik contract show verf-standard --table\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = contract_get(cli, code, version, &out);
	if (rc != 0)
		return rc;
	if (cli->format == FORMAT_JSON)
		return json_print_message(&out->base, stdout);
	if (table || cli->format == FORMAT_CSV)
		return terms_print(cli, out->contract);
	head_print(out->version);
	return yaml_write_message(&out->contract->base, stdout);
}

/* --- list, history ----------------------------------------------------------------------- */

static int versions_print(struct cli *cli, const char *code, bool history)
{
	Otklik__V1__ListContractsRequest in = OTKLIK__V1__LIST_CONTRACTS_REQUEST__INIT;
	const Otklik__V1__ListContractsResponse *out;
	const ProtobufCMessage *reply = NULL;
	struct table *t;
	int rc;

	in.code = text_of(code);
	rc = cli_call(cli, METHOD_LIST_CONTRACTS, &in.base, &reply);
	if (rc != 0)
		return rc;
	out = (const Otklik__V1__ListContractsResponse *)(const void *)reply;
	t = table_new(cli);
	table_column(t, "code", 0);
	table_column(t, "customer", 0);
	table_column(t, "version", TABLE_RIGHT);
	table_column(t, "state", 0);
	table_column(t, "valid_from", 0);
	table_column(t, "valid_until", 0);
	table_column(t, "applied", 0);
	table_column(t, "by", 0);
	table_column(t, "open_tickets", TABLE_RIGHT);
	if (history)
		table_column(t, "changes", TABLE_WRAP);
	for (size_t i = 0; i < out->n_versions; i++) {
		const Otklik__V1__ContractVersion *v = out->versions[i];

		table_row(t);
		table_text(t, v->code);
		table_text(t, v->customer);
		table_number(t, v->version);
		table_text(t, state_of(v));
		table_time(t, v->valid_from_us);
		table_time(t, v->valid_until_us);
		table_time(t, v->applied_us);
		table_text(t, v->applied_by);
		table_number(t, v->open_tickets);
		if (history)
			table_text(t, v->changes);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_contract_list(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{.name = NULL}};
	int rc = options_read(cli, "contract list", "contracts, of each the version in force",
	        "  otklik contract list --format csv\n", options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	return versions_print(cli, "", false);
}

int verb_contract_history(struct cli *cli, int argc, char **argv)
{
	const char *code = NULL;
	const struct cli_option options[] = {
	        {"<code>", 0, OPTION_TEXT, &code, "the contract", true, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "contract history",
	        "every version of a contract: valid when, applied by whom, what it changed",
	        "  otklik contract history verf-standard\n", options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	return versions_print(cli, code, true);
}
