/* otklik mail list. */
#include <stdio.h>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "otklik/v1/mail.pb-c.h"

static const char *const COLUMNS[] = {
        "id", "received", "outcome", "customer", "from", "subject", "why", "ticket"};

static void mail_put(struct table *t, const Otklik__V1__ReceivedMail *m)
{
	char word[32];

	json_enum_word(
	        &otklik__v1__mail_outcome__descriptor, (int)m->outcome, word, sizeof word);
	table_row(t);
	table_number(t, m->id);
	table_time(t, m->received_at_us);
	table_text(t, word);
	table_text(t, m->customer);
	table_text(t, m->from[0] == '\0' ? NULL : m->from);
	table_text(t, m->subject[0] == '\0' ? NULL : m->subject);
	table_text(t, m->why[0] == '\0' ? NULL : m->why);
	if (m->ticket_id == 0)
		table_absent(t);
	else
		table_number(t, m->ticket_id);
}

int verb_mail_list(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ListMailRequest in = OTKLIK__V1__LIST_MAIL_REQUEST__INIT;
	const struct cli_option options[] = {
	        {.name = NULL},
	};
	struct table *t;
	int rc = options_read(cli, "mail list",
	        "mail that filed no ticket: of machines, and bounces",
	        "  otklik --profile admin mail list --format csv\n", options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.page_size = 500;
	t = table_new(cli);
	for (size_t i = 0; i < sizeof COLUMNS / sizeof COLUMNS[0]; i++)
		table_column(t, COLUMNS[i], 0);
	do {
		const Otklik__V1__ListMailResponse *out;
		const ProtobufCMessage *reply = NULL;

		rc = cli_call(cli, METHOD_LIST_MAIL, &in.base, &reply);
		if (rc != 0)
			break;
		out = (const Otklik__V1__ListMailResponse *)(const void *)reply;
		for (size_t i = 0; i < out->n_mails; i++)
			mail_put(t, out->mails[i]);
		in.after_id = out->next_after_id;
	} while (in.after_id != 0);
	if (rc == 0)
		rc = table_print(t, stdout);
	table_free(t);
	return rc;
}
