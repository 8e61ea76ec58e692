/* otklik ticket show. */
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
	(void)json_put(object, true, stdout);
	(void)fputc('\n', stdout);
	return output_check(stdout);
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
	if (ticket == NULL)
		return cli_lacks("ticket");
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
