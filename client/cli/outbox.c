/* otklik outbox list and outbox replay. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "otklik/v1/outbox.pb-c.h"

static const char *const COLUMNS[] = {"id", "customer", "ticket", "kind", "channel", "person",
        "recipient", "state", "message", "attempts", "created", "next", "sent", "error",
        "reason"};

static void notice_put(struct table *t, const Otklik__V1__OutboxNotice *n)
{
	char state[32];

	json_enum_word(
	        &otklik__v1__outbox_state__descriptor, (int)n->state, state, sizeof state);
	table_row(t);
	table_number(t, n->id);
	table_text(t, n->customer);
	table_number(t, n->ticket_id);
	table_text(t, n->kind);
	table_text(t, n->channel);
	table_text(t, n->person);
	table_text(t, n->recipient);
	table_text(t, state);
	if (n->message == 0)
		table_absent(t);
	else
		table_number(t, n->message);
	table_number(t, n->attempts);
	table_time(t, n->created_at_us);
	table_time(t,
	        n->state == OTKLIK__V1__OUTBOX_STATE__OUTBOX_STATE_WAITING ? n->next_at_us : 0);
	table_time(t, n->sent_at_us);
	table_text(t, n->last_error);
	table_text(t, n->reason);
}

/* All pages, into the table. */
static int list_fetch(struct cli *cli, Otklik__V1__ListOutboxRequest *in, struct table *t)
{
	int rc = 0;

	do {
		const Otklik__V1__ListOutboxResponse *out;
		const ProtobufCMessage *reply = NULL;

		rc = cli_call(cli, METHOD_LIST_OUTBOX, &in->base, &reply);
		if (rc != 0)
			return rc;
		out = (const Otklik__V1__ListOutboxResponse *)(const void *)reply;
		for (size_t i = 0; i < out->n_notices; i++)
			notice_put(t, out->notices[i]);
		in->after_id = out->next_after_id;
	} while (in->after_id != 0);
	return 0;
}

int verb_outbox_list(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ListOutboxRequest in = OTKLIK__V1__LIST_OUTBOX_REQUEST__INIT;
	const char *customer = "";
	const char *state = "";
	const struct cli_option options[] = {
	        {"customer", 0, OPTION_TEXT, &customer, "only this one", false, 0, 0},
	        {"state", 0, OPTION_TEXT, &state, "waiting, sent or dead (default: any)", false,
	                0, 0},
	        {.name = NULL},
	};
	struct table *t;
	int value = 0;
	int rc = options_read(cli, "outbox list", "notices on their way, sent, and put aside",
	        "  otklik --profile admin outbox list --state dead\n"
	        "  otklik --profile admin outbox list --customer verf --format csv\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (*state != '\0')
		value = json_enum_value(&otklik__v1__outbox_state__descriptor, state);
	if (value < 0)
		return cli_usage(
		        "outbox list", "--state %s: must be waiting, sent or dead", state);
	in.customer = (char *)(uintptr_t)customer;
	in.state = (Otklik__V1__OutboxState)value;
	in.page_size = 500;
	t = table_new(cli);
	for (size_t i = 0; i < sizeof COLUMNS / sizeof COLUMNS[0]; i++)
		table_column(t, COLUMNS[i], 0);
	rc = list_fetch(cli, &in, t);
	if (rc == 0)
		rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_outbox_replay(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ReplayOutboxRequest in = OTKLIK__V1__REPLAY_OUTBOX_REQUEST__INIT;
	const Otklik__V1__ReplayOutboxResponse *out;
	const ProtobufCMessage *reply = NULL;
	struct option_list ids = {.count = 0};
	const char *customer = "";
	bool all = false;
	int64_t numbers[OPTION_LIST_MAX];
	const struct cli_option options[] = {
	        {"id", 0, OPTION_LIST, &ids, "these, and what belongs to their messages", false,
	                0, 0},
	        {"all", 0, OPTION_FLAG, &all, "all that were put aside", false, 0, 0},
	        {"customer", 0, OPTION_TEXT, &customer, "with --all: only of this one", false,
	                0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "outbox replay",
	        "send again what was put aside, under the message ids it had",
	        "  otklik --profile admin outbox replay --id 1041,1042\n"
	        "  otklik --profile admin outbox replay --all --customer verf\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (all == (ids.count > 0))
		return cli_usage("outbox replay", "say which: --id or --all");
	for (size_t i = 0; i < ids.count; i++) {
		if (text_to_i64(ids.items[i], 1, INT64_MAX, &numbers[i]) != 0)
			return cli_usage(
			        "outbox replay", "--id %s: must be a number", ids.items[i]);
	}
	in.ids = numbers;
	in.n_ids = ids.count;
	in.customer = (char *)(uintptr_t)customer;
	rc = cli_call(cli, METHOD_REPLAY_OUTBOX, &in.base, &reply);
	if (rc != 0)
		return rc;
	out = (const Otklik__V1__ReplayOutboxResponse *)(const void *)reply;
	if (cli->format == FORMAT_JSON)
		return json_print_message(reply, stdout);
	(void)printf("%lld notices will be sent again\n", (long long)out->replayed);
	return 0;
}
