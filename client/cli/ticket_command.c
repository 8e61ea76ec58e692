/*
 * The commands on a ticket: one reading of options for all, a row of data for each. An option
 * is offered where the request has a field for it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"

struct ticket_command {
	const char *words;
	const char *summary;
	uint16_t method;
	const char *text_help; /* what --text means here; NULL: there is none */
	bool text_required;
	const char *examples;
	const char *text_option; /* what the text is called; NULL: --text, -t */
	const char *flag;        /* a field that this command sets; NULL: none */
};

/* Values of every option that a command on a ticket may have. */
struct values {
	int64_t ticket;
	int64_t version;
	const char *text;
	const char *team;
	const char *assignee;
	const char *reason;
	const char *pend;
	const char *type;
	const char *category;
	const char *subcategory;
	const char *service;
	const char *site;
	const char *title;
	const char *clock;
	const char *person;
	int64_t into;
	int64_t until;
	int64_t impact;
	int64_t urgency;
	int64_t priority;
	bool clear_assignee;
	bool spoken;
	bool quiet;
};

enum { COMMAND_OPTIONS_MAX = 24 };

/* An option for a field: shown and read only where the request has the field. */
struct field_option {
	const char *field;
	struct cli_option option;
};

static size_t options_build(const struct ticket_command *c, const ProtobufCMessage *request,
        struct values *v, struct cli_option *out)
{
	const struct field_option all[] = {
	        {"ticket_id", {"<ticket>", 0, OPTION_NUMBER, &v->ticket, "number of the ticket",
	                              true, 1, INT64_MAX}},
	        {"clock", {"<clock>", 0, OPTION_TEXT, &v->clock,
	                          "response, update, resolution, operational or supplier", true,
	                          0, 0}},
	        {"text", {c->text_option == NULL ? "text" : c->text_option,
	                         c->text_option == NULL ? 't' : 0, OPTION_TEXT, &v->text,
	                         c->text_help, c->text_required, 0, 0}},
	        {"into_ticket_id", {"into", 0, OPTION_NUMBER, &v->into,
	                                   "number of the older ticket", true, 1, INT64_MAX}},
	        {"person", {"person", 0, OPTION_TEXT, &v->person,
	                           "code of a person, where not yourself", false, 0, 0}},
	        {"team", {"team", 0, OPTION_TEXT, &v->team, "code of a team", false, 0, 0}},
	        {"assignee", {"assignee", 0, OPTION_TEXT, &v->assignee, "code of a person",
	                             false, 0, 0}},
	        {"clear_assignee",
	                {"clear-assignee", 0, OPTION_FLAG, &v->clear_assignee,
	                        "back to the team, to nobody in person", false, 0, 0}},
	        {"reason", {"reason", 'r', OPTION_TEXT, &v->reason,
	                           "customer, scheduled, supplier or change", true, 0, 0}},
	        {"pend", {"pend", 0, OPTION_TEXT, &v->pend,
	                         "also wait: customer, scheduled, supplier or change", false, 0,
	                         0}},
	        {"until_us", {"until", 0, OPTION_TIME, &v->until,
	                             "when waiting ends by itself (scheduled)", false, 0, 0}},
	        {"spoken", {"spoken", 0, OPTION_FLAG, &v->spoken,
	                           "it was said by voice and is recorded here", false, 0, 0}},
	        {"impact", {"impact", 0, OPTION_NUMBER, &v->impact, "1 (all) to 3 (one)", false,
	                           1, 3}},
	        {"urgency", {"urgency", 0, OPTION_NUMBER, &v->urgency, "1 (now) to 3", false, 1,
	                            3}},
	        {"priority",
	                {"priority", 0, OPTION_NUMBER, &v->priority,
	                        "1 to 5, against the matrix: --text says why", false, 1, 5}},
	        {"type", {"type", 0, OPTION_TEXT, &v->type, "incident or service_request",
	                         false, 0, 0}},
	        {"category", {"category", 0, OPTION_TEXT, &v->category, "what it is about",
	                             false, 0, 0}},
	        {"subcategory", {"subcategory", 0, OPTION_TEXT, &v->subcategory, "more exactly",
	                                false, 0, 0}},
	        {"service", {"service", 0, OPTION_TEXT, &v->service, "code of a service", false,
	                            0, 0}},
	        {"site", {"site", 0, OPTION_TEXT, &v->site, "code of a site", false, 0, 0}},
	        {"title", {"title", 0, OPTION_TEXT, &v->title, "a new title", false, 0, 0}},
	        {"expected_version",
	                {"version", 0, OPTION_NUMBER, &v->version,
	                        "refuse if the ticket has changed since this version", false, 1,
	                        INT64_MAX}},
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (message_has(request, all[i].field) &&
		        (all[i].option.value != &v->text || c->text_help != NULL))
			out[n++] = all[i].option;
	}
	out[n++] = (struct cli_option){
	        "quiet", 'q', OPTION_FLAG, &v->quiet, "print nothing but errors", false, 0, 0};
	out[n] = (struct cli_option){.name = NULL};
	return n;
}

/* "customer, scheduled or change". */
static void enum_words(const ProtobufCEnumDescriptor *type, char *out, size_t size)
{
	char word[64];
	size_t used = 0;

	*out = '\0';
	for (unsigned i = 0; i < type->n_values && used < size; i++) {
		json_enum_word(type, type->values[i].value, word, sizeof word);
		if (word[0] == '\0')
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s",
		        used == 0                 ? ""
		        : i + 1 == type->n_values ? " or "
		                                  : ", ",
		        word);
	}
}

static int enum_set(const struct ticket_command *c, ProtobufCMessage *request,
        const char *field, const ProtobufCEnumDescriptor *type, const char *word)
{
	char words[128];
	int value;

	if (word == NULL)
		return 0;
	value = json_enum_value(type, word);
	enum_words(type, words, sizeof words);
	if (value < 0)
		return cli_usage(c->words, "%s: '%s' must be %s", field, word, words);
	message_set_number(request, field, value);
	return 0;
}

static void text_set(ProtobufCMessage *request, const char *field, const char *text)
{
	if (text != NULL)
		message_set_text(request, field, text);
}

static void number_set(ProtobufCMessage *request, const char *field, int64_t value)
{
	if (value != 0)
		message_set_number(request, field, value);
}

static int request_fill(
        const struct ticket_command *c, ProtobufCMessage *request, const struct values *v)
{
	int rc;

	message_set_number(request, "ticket_id", v->ticket);
	number_set(request, "expected_version", v->version);
	text_set(request, "text", v->text);
	text_set(request, "team", v->team);
	text_set(request, "assignee", v->assignee);
	text_set(request, "category", v->category);
	text_set(request, "subcategory", v->subcategory);
	text_set(request, "service", v->service);
	text_set(request, "site", v->site);
	text_set(request, "title", v->title);
	text_set(request, "person", v->person);
	number_set(request, "into_ticket_id", v->into);
	number_set(request, "until_us", v->until);
	number_set(request, "impact", v->impact);
	number_set(request, "urgency", v->urgency);
	number_set(request, "priority", v->priority);
	if (v->clear_assignee)
		message_set_flag(request, "clear_assignee", true);
	if (c->flag != NULL)
		message_set_flag(request, c->flag, true);
	if (v->spoken)
		message_set_flag(request, "spoken", true);
	rc = enum_set(c, request, "reason", &otklik__v1__pending_reason__descriptor, v->reason);
	if (rc == 0)
		rc = enum_set(
		        c, request, "pend", &otklik__v1__pending_reason__descriptor, v->pend);
	if (rc == 0)
		rc = enum_set(
		        c, request, "clock", &otklik__v1__clock_kind__descriptor, v->clock);
	if (rc == 0)
		rc = enum_set(
		        c, request, "type", &otklik__v1__ticket_type__descriptor, v->type);
	return rc;
}

static int ticket_command(
        struct cli *cli, const struct ticket_command *c, int argc, char **argv)
{
	const ProtobufCMessage *reply = NULL;
	ProtobufCMessage *request = message_new(cli->arena, method_find(c->method)->in);
	struct cli_option options[COMMAND_OPTIONS_MAX];
	struct values v = {.ticket = 0};
	int rc;

	if (request == NULL)
		return EXIT_SOFTWARE;
	(void)options_build(c, request, &v, options);
	rc = options_read(cli, c->words, c->summary, c->examples, options, argc, argv);
	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = request_fill(c, request, &v);
	if (rc != 0)
		return rc;
	cli->text_option = c->text_option;
	rc = cli_call(cli, c->method, request, &reply);
	if (rc != 0 || v.quiet)
		return rc;
	return ticket_print(
	        cli, (const Otklik__V1__Ticket *)(const void *)message_get(reply, "ticket"));
}

int verb_ticket_take(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket take",
	        "acknowledge the ticket and work on it yourself", METHOD_TAKE_TICKET, NULL,
	        false, "  otklik ticket take 1042\n", NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_assign(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket assign",
	        "hand the ticket over to a team, a person, or both", METHOD_ASSIGN_TICKET,
	        "internal note to those who take over", false,
	        "  otklik ticket assign 1042 --team systems\n"
	        "  otklik ticket assign 1042 --assignee pavel --text 'second disk of the "
	        "mirror'\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_reply(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket reply",
	        "a public answer; a provider's first one stops the response clock",
	        METHOD_REPLY_TICKET, "what is said", true,
	        "  otklik ticket reply 1042 --text 'We are on it.'\n"
	        "  otklik ticket reply 1042 --text 'Which port is it?' --pend customer\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_note(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket note",
	        "an internal note: the customer never sees it", METHOD_NOTE_TICKET, "the note",
	        true, "  otklik ticket note 1042 --text 'same switch as last month'\n", NULL,
	        NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_pend(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket pend",
	        "wait for something; the contract says which clocks pause", METHOD_PEND_TICKET,
	        "public; with --reason customer it is the question and needed", false,
	        "  otklik ticket pend 1042 --reason customer --text 'May we restart it "
	        "tonight?'\n"
	        "  otklik ticket pend 1042 --reason scheduled --until 2026-12-01T09:00\n"
	        "  otklik ticket pend 1042 --reason supplier --text 'A new disk is "
	        "ordered.'\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_resume(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket resume", "end the waiting and go on",
	        METHOD_RESUME_TICKET, "internal note", false, "  otklik ticket resume 1042\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_resolve(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket resolve",
	        "the ticket is solved; the text goes to the customer", METHOD_RESOLVE_TICKET,
	        "public: what was done", true,
	        "  otklik ticket resolve 1042 --text 'The disk is replaced, the array is "
	        "whole.'\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_close(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket close",
	        "confirm that a resolved ticket is solved", METHOD_CLOSE_TICKET, "a last word",
	        false, "  otklik ticket close 1042 --text 'Thank you!'\n", NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_reopen(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket reopen",
	        "a resolved or closed ticket is not solved after all", METHOD_REOPEN_TICKET,
	        "what is still wrong", true,
	        "  otklik ticket reopen 1042 --text 'It fails again since this morning.'\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_cancel(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket cancel",
	        "it was no ticket: a mistake, a duplicate, not wanted any more",
	        METHOD_CANCEL_TICKET, "why", false,
	        "  otklik ticket cancel 1042 --text 'filed twice, see 1041'\n", NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_classify(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket classify",
	        "change priority, type, service, category, site or title; clocks are re-aimed",
	        METHOD_CLASSIFY_TICKET, "internal; needed with --priority", false,
	        "  otklik ticket classify 1042 --impact 1 --urgency 2\n"
	        "  otklik ticket classify 1042 --priority 1 --text 'the director waits'\n"
	        "  otklik ticket classify 1042 --category storage --service network\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_waive(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket waive",
	        "take a breach out of compliance; it is counted beside (leads only)",
	        METHOD_WAIVE_CLOCK, "why the breach is not to count; internal", true,
	        "  otklik ticket waive 1042 resolution --reason 'the customer had no power'\n",
	        "reason", NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_ask(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket ask",
	        "ask how it stands: news is owed from then on (the customer's people)",
	        METHOD_ASK_TICKET, "the question", true,
	        "  otklik ticket ask 1042 'Will it run by Monday?'\n", "<text>", NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_merge(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket merge",
	        "make a ticket part of an older one that tells of the same matter",
	        METHOD_MERGE_TICKET, "internal: why they are one", false,
	        "  otklik ticket merge 1042 --into 1017 --text 'the same switch'\n", NULL,
	        NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_unmerge(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket unmerge",
	        "undo a merge: state and clocks as if it had never been", METHOD_UNMERGE_TICKET,
	        "internal: why they are two", false, "  otklik ticket unmerge 1042\n", NULL,
	        NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_follow(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket follow",
	        "follow a ticket: be told what happens to it", METHOD_WATCH_TICKET, NULL, false,
	        "  otklik ticket follow 1042\n"
	        "  otklik ticket follow 1042 --person pavel\n",
	        NULL, NULL};

	return ticket_command(cli, &c, argc, argv);
}

int verb_ticket_unfollow(struct cli *cli, int argc, char **argv)
{
	static const struct ticket_command c = {"ticket unfollow",
	        "do not follow a ticket any more", METHOD_WATCH_TICKET, NULL, false,
	        "  otklik ticket unfollow 1042 --person pavel\n", NULL, "remove"};

	return ticket_command(cli, &c, argc, argv);
}
