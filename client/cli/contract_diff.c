/* otklik contract diff: two versions of a contract, or a file and the version in force. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/contract_calls.h"
#include "cli/contract_terms.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"

struct side {
	const char *title;
	struct contract_term *terms;
	size_t count;
};

static const struct contract_term *term_find(const struct side *side, const char *name)
{
	for (size_t i = 0; i < side->count; i++) {
		if (strcmp(side->terms[i].name, name) == 0)
			return &side->terms[i];
	}
	return NULL;
}

static void row_put(struct table *t, const char *name, const char *from, const char *to)
{
	table_row(t);
	table_text(t, from == NULL ? "added" : to == NULL ? "removed" : "changed");
	table_color(t, from == NULL ? "green" : to == NULL ? "red" : "yellow");
	table_text(t, name);
	table_text(t, from);
	table_text(t, to);
}

static int sides_print(const struct cli *cli, const struct side *a, const struct side *b)
{
	struct table *t = table_new(cli);
	size_t different = 0;
	int rc = 0;

	table_column(t, "change", 0);
	table_column(t, "term", 0);
	table_column(t, cli->format == FORMAT_TABLE ? a->title : "from", TABLE_WRAP);
	table_column(t, cli->format == FORMAT_TABLE ? b->title : "to", TABLE_WRAP);
	for (size_t i = 0; i < a->count; i++) {
		const struct contract_term *other = term_find(b, a->terms[i].name);

		if (other != NULL && strcmp(other->value, a->terms[i].value) == 0)
			continue;
		row_put(t, a->terms[i].name, a->terms[i].value,
		        other == NULL ? NULL : other->value);
		different++;
	}
	for (size_t i = 0; i < b->count; i++) {
		if (term_find(a, b->terms[i].name) != NULL)
			continue;
		row_put(t, b->terms[i].name, NULL, b->terms[i].value);
		different++;
	}
	if (different > 0 || cli->format != FORMAT_TABLE)
		rc = table_print(t, stdout);
	table_free(t);
	(void)fprintf(stderr, "%zu term%s differ%s\n", different, different == 1 ? "" : "s",
	        different == 1 ? "s" : "");
	return rc;
}

static struct side side_of(struct cli *cli, const Otklik__V1__Contract *contract, char *title)
{
	struct side side = {.title = title};

	side.count = contract_terms_of(cli->arena, contract, &side.terms);
	return side;
}

static int side_get(struct cli *cli, const char *code, int64_t version, struct side *out)
{
	const Otklik__V1__GetContractResponse *reply = NULL;
	int rc = contract_get(cli, code, version, &reply);

	if (rc == 0)
		*out = side_of(cli, reply->contract,
		        arena_printf(cli->arena, "version %u", reply->version->version));
	return rc;
}

static int diff_file(struct cli *cli, const char *file)
{
	const Otklik__V1__ApplyContractResponse *out = NULL;
	struct side from, to;
	int rc = contract_apply_file(cli, file, true, &out);

	if (rc != 0)
		return rc;
	if (out->contract == NULL)
		return cli_lacks("contract");
	to = side_of(cli, out->contract, arena_strdup(cli->arena, "file"));
	if (out->n_changes > 0 && strcmp(out->changes[0]->action, "add") == 0)
		from = (struct side){.title = "nothing"};
	else
		rc = side_get(cli, cli_strdup(cli, out->contract->code), 0, &from);
	return rc == 0 ? sides_print(cli, &from, &to) : rc;
}

static bool version_read(const char *text, int64_t *out)
{
	return text_to_i64(text, 1, 1000000, out) == 0;
}

int verb_contract_diff(struct cli *cli, int argc, char **argv)
{
	const char *what = NULL, *first = "", *second = "";
	const struct cli_option options[] = {
	        {"<code-or-file>", 0, OPTION_TEXT, &what,
	                "a contract; or a file, to be compared with the version in force", true,
	                0, 0},
	        {"<a>", 0, OPTION_TEXT, &first, "a version of it", false, 0, 0},
	        {"<b>", 0, OPTION_TEXT, &second, "another one (default: the one in force)",
	                false, 0, 0},
	        {.name = NULL},
	};
	struct side from, to;
	int64_t a = 0, b = 0;
	int rc = options_read(cli, "contract diff", "what differs between two versions",
	        "  otklik contract diff verf-standard 1 2\n"
	        "  otklik --profile admin contract diff verf.yaml\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (*first == '\0' && access(what, R_OK) == 0)
		return diff_file(cli, what);
	if (*first == '\0' || !version_read(first, &a) ||
	        (*second != '\0' && !version_read(second, &b)))
		return cli_usage("contract diff",
		        "write a contract and one or two versions (1 2), or a file that can be "
		        "read");
	rc = side_get(cli, what, a, &from);
	if (rc == 0)
		rc = side_get(cli, what, b, &to);
	return rc == 0 ? sides_print(cli, &from, &to) : rc;
}
