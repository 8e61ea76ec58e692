/* otklik ticket create. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/tz.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"

/* Who files is told the dues in the requester's zone, wherever this runs. */
static void use_zone(const Otklik__V1__Ticket *ticket)
{
	const struct tz *known;

	if (ticket == NULL || tz_find(ticket->zone, &known, NULL) != 0)
		return;
	(void)setenv("TZ", ticket->zone, 1);
	tzset();
}

int verb_ticket_create(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__CreateTicketRequest in = OTKLIK__V1__CREATE_TICKET_REQUEST__INIT;
	const char *type = "incident";
	const char *title = "";
	const char *text = "";
	const char *customer = "";
	const char *site = "";
	const char *category = "";
	const char *subcategory = "";
	const char *service = "";
	const char *requester = "";
	const char *team = "";
	const char *channel = "cli";
	int64_t impact = 2;
	int64_t urgency = 2;
	int64_t linked = 0;
	bool live = false;
	const struct cli_option options[] = {
	        {"title", 0, OPTION_TEXT, &title, "what is wrong or wanted, in one line", true,
	                0, 0},
	        {"text", 't', OPTION_TEXT, &text, "more about it", false, 0, 0},
	        {"type", 0, OPTION_TEXT, &type, "incident (default) or service_request", false,
	                0, 0},
	        {"impact", 'i', OPTION_NUMBER, &impact, "1 all, 2 many (default), 3 one", false,
	                1, 3},
	        {"urgency", 'u', OPTION_NUMBER, &urgency, "1 now, 2 soon (default), 3 later",
	                false, 1, 3},
	        {"customer", 0, OPTION_TEXT, &customer, "needed where you serve several", false,
	                0, 0},
	        {"site", 0, OPTION_TEXT, &site, "code of the site", false, 0, 0},
	        {"service", 0, OPTION_TEXT, &service, "code of the service", false, 0, 0},
	        {"category", 0, OPTION_TEXT, &category, "what it is about", false, 0, 0},
	        {"subcategory", 0, OPTION_TEXT, &subcategory, "more exactly", false, 0, 0},
	        {"requester", 0, OPTION_TEXT, &requester, "for whom, where not for yourself",
	                false, 0, 0},
	        {"team", 0, OPTION_TEXT, &team, "team that it goes to", false, 0, 0},
	        {"channel", 0, OPTION_TEXT, &channel,
	                "how it came: cli (default), phone, mail...", false, 0, 0},
	        {"linked", 0, OPTION_NUMBER, &linked,
	                "a ticket that this one follows, as one too late to reopen", false, 1,
	                INT64_MAX},
	        {"live", 0, OPTION_FLAG, &live, "filed in live contact: answered at once",
	                false, 0, 0},
	        {.name = NULL},
	};
	const ProtobufCMessage *reply = NULL;
	const Otklik__V1__Ticket *ticket;
	int value;
	int rc = options_read(cli, "ticket create", "file an incident or a service request",
	        "  otklik ticket create --title 'Printer on the 2nd floor is dead' --site "
	        "lisbon\n"
	        "  otklik ticket create --type service_request --title 'A laptop for Anna'\n"
	        "  otklik ticket create --customer verf --requester olga --live --title "
	        "'...'\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	value = json_enum_value(&otklik__v1__ticket_type__descriptor, type);
	if (value < 0)
		return cli_usage("ticket create", "--type must be incident or service_request");
	in.type = (Otklik__V1__TicketType)value;
	in.title = (char *)(uintptr_t)title;
	in.text = (char *)(uintptr_t)text;
	in.customer = (char *)(uintptr_t)customer;
	in.site = (char *)(uintptr_t)site;
	in.service = (char *)(uintptr_t)service;
	in.category = (char *)(uintptr_t)category;
	in.subcategory = (char *)(uintptr_t)subcategory;
	in.requester = (char *)(uintptr_t)requester;
	in.team = (char *)(uintptr_t)team;
	in.channel = (char *)(uintptr_t)channel;
	in.impact = (uint32_t)impact;
	in.urgency = (uint32_t)urgency;
	in.live_contact = live;
	in.linked_ticket_id = linked;
	rc = cli_call(cli, METHOD_CREATE_TICKET, &in.base, &reply);
	if (rc != 0)
		return rc;
	ticket = ((const Otklik__V1__CreateTicketResponse *)(const void *)reply)->ticket;
	use_zone(ticket);
	return ticket_print(cli, ticket);
}
