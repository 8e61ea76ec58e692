/* The table of verbs. */
#include "cli/verbs.h"

#include "cli/calendar_due.h"
#include "cli/options.h"

static int verb_calendar_due(struct cli *cli, int argc, char **argv)
{
	(void)cli;
	if (options_list_only)
		calendar_due_options();
	return options_list_only ? 0 : cmd_calendar_due(argc, argv);
}

/* Two words stand before one where both begin alike: the first that matches runs. */
const struct cli_verb CLI_VERBS[] = {
        {"ticket create", "file an incident or a request", verb_ticket_create},
        {"ticket list", "tickets by state, team, person, due time", verb_ticket_list},
        {"ticket show", "one ticket with its clocks and journal", verb_ticket_show},
        {"ticket take", "acknowledge and work on it yourself", verb_ticket_take},
        {"ticket assign", "hand over to a team or person", verb_ticket_assign},
        {"ticket reply", "a public answer", verb_ticket_reply},
        {"ticket note", "an internal note", verb_ticket_note},
        {"ticket pend", "wait for the customer, a date, a supplier, a change",
                verb_ticket_pend},
        {"ticket resume", "end the waiting", verb_ticket_resume},
        {"ticket resolve", "it is solved: says how, publicly", verb_ticket_resolve},
        {"ticket close", "confirm the solution", verb_ticket_close},
        {"ticket reopen", "it is not solved after all", verb_ticket_reopen},
        {"ticket cancel", "it was no ticket", verb_ticket_cancel},
        {"ticket classify", "change priority, type, service, category, site",
                verb_ticket_classify},
        {"ticket attach", "hang a file on it", verb_ticket_attach},
        {"ticket attachment", "its files: list them, get one", verb_ticket_attachment},
        {"ticket promise", "give the customer a date, move it, or take it back",
                verb_ticket_promise},
        {"ticket promises", "the ledger of promised dates", verb_ticket_promises},
        {"ticket ask", "how does it stand? (the customer's people)", verb_ticket_ask},
        {"ticket waive", "take a breach out of compliance (leads)", verb_ticket_waive},
        {"ticket merge", "make it part of an older ticket", verb_ticket_merge},
        {"ticket unmerge", "undo a merge", verb_ticket_unmerge},
        {"ticket follow", "be told what happens to it", verb_ticket_follow},
        {"ticket unfollow", "do not be told any more", verb_ticket_unfollow},
        {"watch", "what happens, as it happens", verb_watch},
        {"sla explain", "how each deadline came about, interval by interval", verb_sla_explain},
        {"sla forecast", "open tickets by how likely they break their targets",
                verb_sla_forecast},
        {"contract apply", "make the next version of a contract from its file",
                verb_contract_apply},
        {"contract apply-to", "put open tickets under another version", verb_contract_apply_to},
        {"contract withdraw", "end a contract at once", verb_contract_withdraw},
        {"contract show", "a contract as a file that makes it", verb_contract_show},
        {"contract diff", "what differs between two versions, or a file and one",
                verb_contract_diff},
        {"contract list", "contracts and their versions in force", verb_contract_list},
        {"contract history", "every version of a contract", verb_contract_history},
        {"contract simulate", "a draft contract over real past tickets",
                verb_contract_simulate},
        {"calendar show", "calendars, and the days of one that differ", verb_calendar_show},
        {"calendar ics", "the holidays that an iCalendar file gives", verb_calendar_ics},
        {"calendar holidays", "the dates that rules for holidays make", verb_calendar_holidays},
        {"calendar due", "due times in a calendar, without a server", verb_calendar_due},
        {"kpi list", "the figures that can be asked for", verb_kpi_list},
        {"kpi verify", "rebuild the figures from the journal and compare", verb_kpi_verify},
        {"kpi", "a figure by dimension and period", verb_kpi},
        {"import event-log", "import another system's history", verb_import_event_log},
        {"apply", "make the installation as a file declares it", verb_apply},
        {"mail-intake", "hand in a message, for a mail server's pipe", verb_mail_intake},
        {"mail list", "mail that filed no ticket", verb_mail_list},
        {"outbox list", "notices on their way, sent, and put aside", verb_outbox_list},
        {"outbox replay", "send again what was put aside", verb_outbox_replay},
        {"preference show", "what you wish to be told, and when", verb_preference_show},
        {"preference set", "wish to be told less, later, or all at once", verb_preference_set},
        {"template list", "words of notices by language and customer", verb_template_list},
        {"template show", "the words of one notice in full", verb_template_show},
        {"template preview", "a notice as the requester of a ticket would get it",
                verb_template_preview},
        {"oncall show", "who is on call, until when, and who is next", verb_oncall_show},
        {"oncall list", "all duties of a stretch of time, and the gaps", verb_oncall_list},
        {"oncall override", "somebody takes a duty over", verb_oncall_override},
        {"oncall swap", "two people exchange duties, or one takes over", verb_oncall_swap},
        {"oncall withdraw", "end an override", verb_oncall_withdraw},
        {"whoami", "who the server takes you for", verb_whoami},
        {"server status", "the server's version, clock and queues", verb_server_status},
        {"completion", "shell completion: completion bash", verb_completion},
        {.words = NULL},
};
