/* otklik ticket show and ticket list. */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"

/* Grows by doubling in the run's arena. */
struct list {
	void **items;
	size_t count;
	size_t cap;
};

static int list_add(struct cli *cli, struct list *list, void *item)
{
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 256 : list->cap * 2;
		void **items = arena_calloc(cli->arena, cap, sizeof *items);

		if (items == NULL)
			return cli_fail(&(struct otk_error){.code = OTK_RESOURCE_EXHAUSTED,
			        .message =
			                "the answer does not fit into memory; ask for less"});
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof *items);
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = item;
	return 0;
}

static int events_fetch(struct cli *cli, int64_t ticket, struct list *events)
{
	Otklik__V1__ListEventsRequest in = OTKLIK__V1__LIST_EVENTS_REQUEST__INIT;
	int rc = 0;

	in.ticket_id = ticket;
	do {
		const ProtobufCMessage *reply = NULL;
		const Otklik__V1__ListEventsResponse *out;

		rc = cli_call(cli, METHOD_LIST_EVENTS, &in.base, &reply);
		if (rc != 0)
			return rc;
		out = (const Otklik__V1__ListEventsResponse *)(const void *)reply;
		for (size_t i = 0; rc == 0 && i < out->n_events; i++)
			rc = list_add(cli, events, out->events[i]);
		in.after_seq = out->next_after_seq;
	} while (rc == 0 && in.after_seq != 0);
	return rc;
}

static int show_json(const Otklik__V1__Ticket *ticket, const struct list *events)
{
	json_t *object = json_object();
	json_t *list = json_array();

	for (size_t i = 0; i < events->count; i++)
		(void)json_array_append_new(list, json_of_message(events->items[i]));
	(void)json_object_set_new(object, "ticket", json_of_message(&ticket->base));
	(void)json_object_set_new(object, "events", list);
	(void)json_dumpf(object, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
	json_decref(object);
	return fflush(stdout) == 0 ? 0 : EXIT_IO;
}

int verb_ticket_show(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__GetTicketRequest in = OTKLIK__V1__GET_TICKET_REQUEST__INIT;
	const Otklik__V1__Ticket *ticket;
	const ProtobufCMessage *reply = NULL;
	struct list events = {.count = 0};
	int64_t id = 0;
	const struct cli_option options[] = {
	        {"<ticket>", 0, OPTION_NUMBER, &id, "number of the ticket", true, 1, INT64_MAX},
	        {.name = NULL},
	};
	int rc = options_read(cli, "ticket show", "one ticket with its clocks and its journal",
	        "  otklik ticket show 1042\n"
	        "  otklik ticket show 1042 --format json\n"
	        "  otklik ticket show 1042 --format csv     the journal as CSV\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.ticket_id = id;
	rc = cli_call(cli, METHOD_GET_TICKET, &in.base, &reply);
	if (rc != 0)
		return rc;
	ticket = ((const Otklik__V1__GetTicketResponse *)(const void *)reply)->ticket;
	rc = events_fetch(cli, id, &events);
	if (rc != 0)
		return rc;
	if (cli->format == FORMAT_JSON)
		return show_json(ticket, &events);
	if (cli->format == FORMAT_TABLE) {
		rc = ticket_print(cli, ticket);
		(void)fputc('\n', stdout);
	}
	if (rc == 0)
		rc = events_print(cli, (Otklik__V1__TicketEvent *const *)(void *)events.items,
		        events.count);
	return rc;
}

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

/* Fetches pages until `limit` (0: all) and prints them as one answer. */
static int tickets_fetch(struct cli *cli, Otklik__V1__ListTicketsRequest *in, int64_t limit)
{
	struct list tickets = {.count = 0};
	bool more = true;
	int rc = 0;

	while (rc == 0 && more && (limit == 0 || (int64_t)tickets.count < limit)) {
		const ProtobufCMessage *reply = NULL;
		const Otklik__V1__ListTicketsResponse *out;
		int64_t left = limit == 0 ? 500 : limit - (int64_t)tickets.count;

		in->page_size = (uint32_t)(left < 500 ? left : 500);
		rc = cli_call(cli, METHOD_LIST_TICKETS, &in->base, &reply);
		if (rc != 0)
			return rc;
		out = (const Otklik__V1__ListTicketsResponse *)(const void *)reply;
		for (size_t i = 0; rc == 0 && i < out->n_tickets; i++)
			rc = list_add(cli, &tickets, out->tickets[i]);
		in->cursor = out->next_cursor;
		more = out->next_cursor.len > 0;
	}
	if (rc != 0)
		return rc;
	rc = tickets_print(
	        cli, (Otklik__V1__Ticket *const *)(void *)tickets.items, tickets.count);
	if (more && cli->format == FORMAT_TABLE)
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
	return tickets_fetch(cli, &in, limit);
}
