/* otklik template list, show, preview: the words of notices. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/clean.h"
#include "cli/file_errors.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/yaml_message.h"
#include "otklik/v1/notice.pb-c.h"

static int fetch(struct cli *cli, bool built_in, const Otklik__V1__ListTemplatesResponse **out)
{
	Otklik__V1__ListTemplatesRequest in = OTKLIK__V1__LIST_TEMPLATES_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	int rc;

	in.built_in = built_in;
	rc = cli_call(cli, METHOD_LIST_TEMPLATES, &in.base, &reply);
	*out = (const Otklik__V1__ListTemplatesResponse *)(const void *)reply;
	return rc;
}

static void template_put(
        struct table *t, const Otklik__V1__TemplateInForce *item, bool with_text)
{
	const Otklik__V1__Template *w = item->template_;

	table_row(t);
	table_text(t, w->name);
	table_text(t, w->language);
	if (*w->customer == '\0')
		table_absent(t);
	else
		table_text(t, w->customer);
	table_text(t, item->built_in ? "built in" : "declared");
	table_text(t, w->subject);
	if (with_text)
		table_text(t, w->text);
}

static struct table *table_begin(struct cli *cli, bool with_text)
{
	struct table *t = table_new(cli);

	table_column(t, "name", 0);
	table_column(t, "language", 0);
	table_column(t, "customer", 0);
	table_column(t, "from", 0);
	table_column(t, "subject", TABLE_CUT);
	if (with_text)
		table_column(t, "text", TABLE_WRAP);
	return t;
}

int verb_template_list(struct cli *cli, int argc, char **argv)
{
	const Otklik__V1__ListTemplatesResponse *found;
	bool declared = false;
	const struct cli_option options[] = {
	        {"declared", 0, OPTION_FLAG, &declared, "without the built-in ones", false, 0,
	                0},
	        {.name = NULL},
	};
	struct table *t;
	int rc = options_read(cli, "template list",
	        "words of notices, by language and customer: declared ones and built-in ones",
	        "  otklik --profile admin template list\n"
	        "  otklik --profile admin template list --declared --format csv\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = fetch(cli, !declared, &found);
	if (rc != 0)
		return rc;
	t = table_begin(cli, false);
	for (size_t i = 0; i < found->n_templates; i++)
		template_put(t, found->templates[i], false);
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_template_show(struct cli *cli, int argc, char **argv)
{
	const Otklik__V1__ListTemplatesResponse *found;
	const char *name = "", *language = "", *customer = "";
	const struct cli_option options[] = {
	        {"<name>", 0, OPTION_TEXT, &name, "such as created, level, digest", true, 0, 0},
	        {"language", 0, OPTION_TEXT, &language, "only in this one", false, 0, 0},
	        {"customer", 0, OPTION_TEXT, &customer, "only this customer's", false, 0, 0},
	        {.name = NULL},
	};
	size_t shown = 0;
	struct table *t;
	int rc = options_read(cli, "template show", "the words of one notice in full",
	        "  otklik --profile admin template show resolved --language ru\n"
	        "  otklik --profile admin template show created --customer verf --format "
	        "json\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = fetch(cli, true, &found);
	if (rc != 0)
		return rc;
	t = table_begin(cli, true);
	for (size_t i = 0; i < found->n_templates; i++) {
		const Otklik__V1__Template *w = found->templates[i]->template_;

		if (strcmp(w->name, name) != 0 ||
		        (*language != '\0' && strcmp(w->language, language) != 0) ||
		        (*customer != '\0' && strcmp(w->customer, customer) != 0))
			continue;
		template_put(t, found->templates[i], true);
		shown++;
	}
	if (shown > 0) {
		rc = table_print(t, stdout);
	} else {
		clean_printf(stderr, "otklik: there is no such template '%s'", name);
		(void)fputs("; `otklik template list` names them\n", stderr);
		rc = EXIT_NOT_FOUND;
	}
	table_free(t);
	return rc;
}

/* What is wrong with the draft is told with its file's line, the rest as ever. */
static int preview_fetch(struct cli *cli, const Otklik__V1__PreviewTemplateRequest *in,
        const char *file, const struct yaml_lines *lines,
        const Otklik__V1__PreviewTemplateResponse **out)
{
	const ProtobufCMessage *reply = NULL;
	struct otk_error err;
	int rc;

	if (file == NULL) {
		rc = cli_call(cli, METHOD_PREVIEW_TEMPLATE, &in->base, &reply);
	} else {
		error_clear(&err);
		rc = cli_connect(cli);
		if (rc == 0 && client_call(cli->client, METHOD_PREVIEW_TEMPLATE, &in->base,
		                       &reply, &err) != 0)
			rc = err.violation_count > 0 &&
			                     strncmp(err.violations[0].field, "draft.", 6) == 0
			             ? file_errors_print(file, lines, "draft.", &err)
			             : cli_fail(&err);
	}
	*out = (const Otklik__V1__PreviewTemplateResponse *)(const void *)reply;
	return rc;
}

static int preview_print(
        const struct cli *cli, const Otklik__V1__PreviewTemplateResponse *out, bool html)
{
	struct table *t;
	int rc;

	if (cli->format == FORMAT_JSON)
		return json_print_message(&out->base, stdout);
	if (cli->format == FORMAT_TABLE) {
		clean_printf(stdout, "Subject: %s", out->subject);
		(void)fputs("\n\n", stdout);
		clean_print_lines(stdout, html ? out->html : out->text);
		return output_check(stdout);
	}
	t = table_new(cli);
	table_column(t, "subject", 0);
	table_column(t, html ? "html" : "text", 0);
	table_row(t);
	table_text(t, out->subject);
	table_text(t, html ? out->html : out->text);
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_template_preview(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__PreviewTemplateRequest in = OTKLIK__V1__PREVIEW_TEMPLATE_REQUEST__INIT;
	const Otklik__V1__PreviewTemplateResponse *out;
	ProtobufCMessage *draft = NULL;
	struct yaml_lines *lines = NULL;
	const char *name = "", *language = "", *customer = "", *file = NULL;
	bool html = false;
	const struct cli_option options[] = {
	        {"<name>", 0, OPTION_TEXT, &name, "such as created, level, digest", true, 0, 0},
	        {"ticket", 0, OPTION_NUMBER, &in.ticket_id, "a real one, which gives the facts",
	                true, 1, INT64_MAX},
	        {"language", 0, OPTION_TEXT, &language, "(default: the requester's)", false, 0,
	                0},
	        {"customer", 0, OPTION_TEXT, &customer,
	                "in this one's words (default: the ticket's customer's)", false, 0, 0},
	        {"file", 'f', OPTION_TEXT, &file,
	                "YAML file with subject and text, to be tried before it is applied",
	                false, 0, 0},
	        {"html", 0, OPTION_FLAG, &html, "print the HTML form", false, 0, 0},
	        {.name = NULL},
	};
	struct otk_error err;
	int rc = options_read(cli, "template preview",
	        "what the requester of a ticket would be sent",
	        "  otklik --profile admin template preview resolved --ticket 1042\n"
	        "  otklik --profile admin template preview created --ticket 1042 --language ru "
	        "-f "
	        "created.yaml\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	error_clear(&err);
	if (file != NULL &&
	        yaml_message_read(cli->arena, file, &otklik__v1__template__descriptor, &draft,
	                &lines, &err) != 0) {
		(void)cli_fail(&err);
		return err.code == OTK_NOT_FOUND ? EXIT_NO_INPUT : EXIT_DATA;
	}
	in.name = (char *)(uintptr_t)name;
	in.language = (char *)(uintptr_t)language;
	in.customer = (char *)(uintptr_t)customer;
	in.draft = (Otklik__V1__Template *)(void *)draft;
	if (in.draft != NULL && *in.draft->name == '\0')
		in.draft->name = in.name;
	if (in.draft != NULL && *in.draft->language == '\0')
		in.draft->language = (char *)(uintptr_t)(*language == '\0' ? "en" : language);
	rc = preview_fetch(cli, &in, file, lines, &out);
	return rc != 0 ? rc : preview_print(cli, out, html);
}
