/* otklik ticket list. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"

enum { PAGE = 500 };

static int states_read(const struct option_list *words, Otklik__V1__ListTicketsRequest *in,
        Otklik__V1__TicketState *states)
{
	for (size_t i = 0; i < words->count; i++) {
		int value =
		        json_enum_value(&otklik__v1__ticket_state__descriptor, words->items[i]);

		if (value < 0)
			return cli_usage("ticket list",
			        "--state: '%s' is none of new, assigned, in_progress, pending, "
			        "resolved, closed, cancelled",
			        words->items[i]);
		states[i] = (Otklik__V1__TicketState)value;
	}
	in->states = states;
	in->n_states = words->count;
	return 0;
}

/* Where the answer goes, a page at a time: nothing is kept but the page on its way. */
struct listing {
	struct cli *cli;
	struct table *table;   /* NULL for JSON */
	struct json_list json; /* whole tickets, more than a table shows */
	int64_t count;
	bool terminal; /* progress may be told */
};

static int page_print(struct listing *l, const Otklik__V1__ListTicketsResponse *page)
{
	l->count += (int64_t)page->n_tickets;
	if (l->table != NULL) {
		tickets_add(l->table, page->tickets, page->n_tickets);
		return page->next_cursor.len > 0 ? table_flush(l->table, stdout) : 0;
	}
	for (size_t i = 0; i < page->n_tickets; i++)
		json_list_add(&l->json, json_of_message(&page->tickets[i]->base));
	return output_check(stdout);
}

static int listing_end(struct listing *l)
{
	if (l->table != NULL)
		return table_print(l->table, stdout);
	json_list_end(&l->json);
	return output_check(stdout);
}

/* The cursor outlives its reply. */
static int cursor_keep(
        struct cli *cli, Otklik__V1__ListTicketsRequest *in, const ProtobufCBinaryData *cursor)
{
	in->cursor.len = cursor->len;
	in->cursor.data = arena_memdup(cli->arena, cursor->data, cursor->len);
	if (cursor->len == 0 || in->cursor.data != NULL)
		return 0;
	(void)fputs("otklik: out of memory\n", stderr);
	return EXIT_SOFTWARE;
}

/* Fetches and prints pages until `limit` (0: all). */
static int tickets_fetch(
        struct listing *l, Otklik__V1__ListTicketsRequest *in, int64_t limit, bool *more)
{
	int rc = 0;

	*more = true;
	while (rc == 0 && *more && (limit == 0 || l->count < limit)) {
		const ProtobufCMessage *reply = NULL;
		const Otklik__V1__ListTicketsResponse *out;
		int64_t left = limit == 0 ? PAGE : limit - l->count;

		in->page_size = (uint32_t)(left < PAGE ? left : PAGE);
		rc = cli_call(l->cli, METHOD_LIST_TICKETS, &in->base, &reply);
		if (rc != 0)
			break;
		out = (const Otklik__V1__ListTicketsResponse *)(const void *)reply;
		rc = page_print(l, out);
		*more = out->next_cursor.len > 0;
		if (rc == 0)
			rc = cursor_keep(l->cli, in, &out->next_cursor);
		client_release(l->cli->client);
		if (l->terminal && *more)
			(void)fprintf(stderr, "\r%lld tickets", (long long)l->count);
	}
	if (l->terminal)
		(void)fputs("\r\033[K", stderr);
	return rc;
}

static int tickets_list(struct cli *cli, Otklik__V1__ListTicketsRequest *in, int64_t limit)
{
	struct listing l = {.cli = cli,
	        .json = {.out = stdout},
	        .terminal = isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) == 0};
	bool more;
	int rc;

	if (cli->format != FORMAT_JSON)
		l.table = tickets_table(cli);
	rc = tickets_fetch(&l, in, limit, &more);
	if (rc == 0)
		rc = listing_end(&l);
	table_free(l.table);
	if (rc == 0 && more)
		(void)fprintf(stderr, "there are more; --limit 0 shows all\n");
	return rc;
}

int verb_ticket_list(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ListTicketsRequest in = OTKLIK__V1__LIST_TICKETS_REQUEST__INIT;
	Otklik__V1__TicketState states[OPTION_LIST_MAX];
	struct option_list words = {.count = 0};
	const char *customer = "";
	const char *site = "";
	const char *team = "";
	const char *assignee = "";
	const char *type = NULL;
	int64_t priority = 0;
	int64_t limit = 50;
	bool due = false;
	bool open = false;
	const struct cli_option options[] = {
	        {"state", 's', OPTION_LIST, &words, "one or several states", false, 0, 0},
	        {"open", 0, OPTION_FLAG, &open, "only what is not resolved, closed, cancelled",
	                false, 0, 0},
	        {"due", 0, OPTION_FLAG, &due, "only running clocks, soonest due first", false,
	                0, 0},
	        {"customer", 0, OPTION_TEXT, &customer, "code", false, 0, 0},
	        {"site", 0, OPTION_TEXT, &site,
	                "code; needs --customer where you serve several", false, 0, 0},
	        {"team", 0, OPTION_TEXT, &team, "code", false, 0, 0},
	        {"assignee", 0, OPTION_TEXT, &assignee, "code of a person", false, 0, 0},
	        {"priority", 'p', OPTION_NUMBER, &priority, "1 to 5", false, 1, 5},
	        {"type", 0, OPTION_TEXT, &type, "incident or service_request", false, 0, 0},
	        {"limit", 'n', OPTION_NUMBER, &limit, "at most so many (default 50); 0: all",
	                false, 0, 1000000},
	        {.name = NULL},
	};
	int rc = options_read(cli, "ticket list", "tickets, newest first",
	        "  otklik ticket list --open --team systems\n"
	        "  otklik ticket list --due --limit 20\n"
	        "  otklik ticket list --state pending,resolved --limit 0 --format csv > "
	        "tickets.csv\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = states_read(&words, &in, states);
	if (rc != 0)
		return rc;
	if (type != NULL) {
		int value = json_enum_value(&otklik__v1__ticket_type__descriptor, type);

		if (value < 0)
			return cli_usage(
			        "ticket list", "--type must be incident or service_request");
		in.type = (Otklik__V1__TicketType)value;
	}
	in.customer = (char *)(uintptr_t)customer;
	in.site = (char *)(uintptr_t)site;
	in.team = (char *)(uintptr_t)team;
	in.assignee = (char *)(uintptr_t)assignee;
	in.priority = (uint32_t)priority;
	in.by_due = due;
	in.open_only = open;
	return tickets_list(cli, &in, limit);
}
