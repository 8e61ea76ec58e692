/* A ticket for people and for programs. */
#include "cli/ticket_print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/clean.h"
#include "cli/json.h"
#include "cli/table.h"

static const char *const STATE_WORDS[] = {
        "", "new", "assigned", "in_progress", "pending", "resolved", "closed", "cancelled"};
static const char *const CLOCK_WORDS[] = {
        "", "response", "update", "resolution", "operational", "supplier"};
static const char *const CLOCK_STATE_WORDS[] = {"", "running", "paused", "met", "late", "void"};
static const char *const REASON_WORDS[] = {"", "customer", "scheduled", "supplier", "change"};

static const char *word_of(const char *const *words, size_t count, int value)
{
	return value >= 0 && (size_t)value < count ? words[value] : "?";
}

const char *state_word(Otklik__V1__TicketState state)
{
	return word_of(STATE_WORDS, sizeof STATE_WORDS / sizeof STATE_WORDS[0], (int)state);
}

const char *clock_word(Otklik__V1__ClockKind kind)
{
	return word_of(CLOCK_WORDS, sizeof CLOCK_WORDS / sizeof CLOCK_WORDS[0], (int)kind);
}

const char *clock_state_word(Otklik__V1__ClockState state)
{
	return word_of(CLOCK_STATE_WORDS,
	        sizeof CLOCK_STATE_WORDS / sizeof CLOCK_STATE_WORDS[0], (int)state);
}

static const char *reason_word(Otklik__V1__PendingReason reason)
{
	return word_of(REASON_WORDS, sizeof REASON_WORDS / sizeof REASON_WORDS[0], (int)reason);
}

static const char *clock_color(const Otklik__V1__Clock *clock)
{
	if (clock->breached_at_us != 0 && clock->waived_at_us == 0)
		return "red";
	return clock->state == OTKLIK__V1__CLOCK_STATE__CLOCK_STATE_MET ? "green" : "yellow";
}

static bool any_waived(const Otklik__V1__Ticket *ticket)
{
	for (size_t i = 0; i < ticket->n_clocks; i++) {
		if (ticket->clocks[i]->waived_at_us != 0)
			return true;
	}
	return false;
}

static int clocks_print(const struct cli *cli, const Otklik__V1__Ticket *ticket)
{
	struct table *t = table_new(cli);
	bool waived = any_waived(ticket);
	int rc;

	table_column(t, "clock", 0);
	table_column(t, "state", 0);
	table_column(t, "target", TABLE_RIGHT);
	table_column(t, "consumed", TABLE_RIGHT);
	table_column(t, "due", 0);
	table_column(t, "breached", 0);
	if (waived)
		table_column(t, "waived", 0);
	table_column(t, "level", TABLE_RIGHT);
	for (size_t i = 0; i < ticket->n_clocks; i++) {
		const Otklik__V1__Clock *c = ticket->clocks[i];

		table_row(t);
		table_text(t, clock_word(c->kind));
		table_text(t, clock_state_word(c->state));
		table_color(t, clock_color(c));
		if (c->target[0] != '\0')
			table_text(t, c->target);
		else
			table_service(t, c->target_us);
		table_service(t, c->consumed_us);
		table_time(t, c->due_at_us);
		table_time(t, c->breached_at_us);
		if (waived)
			table_time(t, c->waived_at_us);
		table_number(t, c->level);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

static void field(const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	clean_printf(stdout, "  %-11s %s", name, value);
	(void)fputc('\n', stdout);
}

static void field_time(const char *name, int64_t us)
{
	char text[TABLE_TIME_SIZE];

	if (us != 0)
		field(name, table_time_text(us, text));
}

void ticket_promise_print(const Otklik__V1__Ticket *t)
{
	char date[TABLE_TIME_SIZE];
	char first[TABLE_TIME_SIZE];
	char text[160];

	if (t->promise_first_at_us == 0)
		return;
	(void)snprintf(text, sizeof text, "%s%s",
	        t->promise_at_us == 0 ? "withdrawn" : table_time_text(t->promise_at_us, date),
	        t->promise_broken ? ", broken" : "");
	if (t->promise_changes > 0)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text),
		        " (first %s, changed %u time%s)",
		        table_time_text(t->promise_first_at_us, first), t->promise_changes,
		        t->promise_changes == 1 ? "" : "s");
	field("promised", text);
}

static int ticket_for_people(const struct cli *cli, const Otklik__V1__Ticket *t)
{
	const char *bold = cli->color ? "\033[1m" : "";
	const char *plain = cli->color ? "\033[0m" : "";
	char text[160];

	(void)fputs(bold, stdout);
	clean_printf(stdout, "#%lld  %s", (long long)t->id, t->title);
	(void)printf("%s\n", plain);
	(void)snprintf(text, sizeof text, "%s%s%s%s", state_word(t->state),
	        t->pending_reason != 0 ? " (" : "", reason_word(t->pending_reason),
	        t->pending_reason != 0 ? ")" : "");
	field("state", text);
	field_time("until", t->pending_until_us);
	(void)snprintf(text, sizeof text, "P%u (impact %u, urgency %u)", t->priority, t->impact,
	        t->urgency);
	field("priority", text);
	json_enum_word(&otklik__v1__ticket_type__descriptor, (int)t->type, text, sizeof text);
	field("type", text);
	field("customer", t->customer);
	field("site", t->site);
	field("service", t->service);
	field("category", t->category);
	field("team", t->team);
	field("assignee", t->assignee);
	field("requester", t->requester);
	if (t->contract[0] != '\0') {
		(void)snprintf(text, sizeof text, "%.100s, version %u", t->contract,
		        t->contract_version);
		field("contract", text);
	}
	if (t->no_sla)
		field("contract", "none: no promised times");
	if (t->observed || t->external_ref[0] != '\0')
		field("imported", t->external_ref[0] != '\0' ? t->external_ref : "yes");
	if (t->self_recovered)
		field("recovered", "by itself");
	if (t->merged_into != 0) {
		(void)snprintf(text, sizeof text, "into #%lld", (long long)t->merged_into);
		field("merged", text);
	}
	for (size_t i = 0; i < t->n_watchers; i++)
		field(i == 0 ? "followed by" : "", t->watchers[i]);
	field_time("created", t->created_at_us);
	field_time("updated", t->updated_at_us);
	field_time("answered", t->first_reply_at_us);
	ticket_promise_print(t);
	field_time("resolved", t->resolved_at_us);
	field_time("closed", t->closed_at_us);
	if (t->reopen_count > 0) {
		(void)snprintf(text, sizeof text, "%u", t->reopen_count);
		field("reopened", text);
	}
	(void)snprintf(text, sizeof text, "%lld", (long long)t->version);
	field("version", text);
	return t->n_clocks == 0 ? output_check(stdout) : clocks_print(cli, t);
}

/* The due time that matters next: the soonest of the running clocks. */
static const Otklik__V1__Clock *next_due(const Otklik__V1__Ticket *t)
{
	const Otklik__V1__Clock *next = NULL;

	for (size_t i = 0; i < t->n_clocks; i++) {
		const Otklik__V1__Clock *c = t->clocks[i];

		if (c->state == OTKLIK__V1__CLOCK_STATE__CLOCK_STATE_RUNNING &&
		        c->due_at_us != 0 && (next == NULL || c->due_at_us < next->due_at_us))
			next = c;
	}
	return next;
}

/* Whether anything is broken, and whether all that is was waived. */
static const char *breached_word(const Otklik__V1__Ticket *t)
{
	const char *word = "";

	for (size_t i = 0; i < t->n_clocks; i++) {
		if (t->clocks[i]->breached_at_us == 0)
			continue;
		if (t->clocks[i]->waived_at_us == 0)
			return "yes";
		word = "waived";
	}
	return word;
}

static void ticket_row(struct table *t, const Otklik__V1__Ticket *ticket)
{
	const Otklik__V1__Clock *due = next_due(ticket);

	table_row(t);
	table_number(t, ticket->id);
	table_text(t, state_word(ticket->state));
	table_number(t, ticket->priority);
	if (ticket->priority == 1)
		table_color(t, "red");
	table_text(t, ticket->customer);
	table_text(t, ticket->site);
	table_text(t, ticket->team);
	table_text(t, ticket->assignee);
	table_text(t, due == NULL ? NULL : clock_word(due->kind));
	table_time(t, due == NULL ? 0 : due->due_at_us);
	table_text(t, breached_word(ticket));
	table_color(t, strcmp(breached_word(ticket), "yes") == 0 ? "red" : "yellow");
	table_time(t, ticket->created_at_us);
	table_text(t, ticket->title);
}

struct table *tickets_table(const struct cli *cli)
{
	struct table *t = table_new(cli);

	table_column(t, "id", TABLE_RIGHT);
	table_column(t, "state", 0);
	table_column(t, "priority", TABLE_RIGHT);
	table_column(t, "customer", 0);
	table_column(t, "site", 0);
	table_column(t, "team", 0);
	table_column(t, "assignee", 0);
	table_column(t, "clock", 0);
	table_column(t, "due", 0);
	table_column(t, "breached", 0);
	table_column(t, "created", 0);
	table_column(t, "title", TABLE_CUT);
	return t;
}

void tickets_add(struct table *t, Otklik__V1__Ticket *const *tickets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ticket_row(t, tickets[i]);
}

int ticket_print(const struct cli *cli, const Otklik__V1__Ticket *ticket)
{
	if (ticket == NULL)
		return cli_lacks("ticket");
	switch (cli->format) {
	case FORMAT_JSON:
		return json_print_message(&ticket->base, stdout);
	case FORMAT_CSV: {
		struct table *t = tickets_table(cli);
		int rc;

		ticket_row(t, ticket);
		rc = table_print(t, stdout);
		table_free(t);
		return rc;
	}
	case FORMAT_TABLE:
		break;
	}
	return ticket_for_people(cli, ticket);
}

static const char *kind_word(Otklik__V1__EventKind kind, char *out, size_t size)
{
	json_enum_word(&otklik__v1__event_kind__descriptor, (int)kind, out, size);
	for (char *p = out; *p != '\0'; p++) {
		if (*p == '_')
			*p = ' ';
	}
	return out;
}

/* Appends ", " and a formatted piece; what does not fit is cut between characters. */
__attribute__((format(printf, 2, 3))) static void piece(char *out, const char *format, ...)
{
	char text[4 * EVENT_WORDS_SIZE];
	size_t used = strlen(out);
	va_list args;

	if (used > 0 && used < EVENT_WORDS_SIZE - 3) {
		(void)strcpy(out + used, ", ");
		used += 2;
	}
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_cut_utf8(text, EVENT_WORDS_SIZE - 1 - used);
	(void)strcpy(out + used, text);
}

/* What the flags of the kinds that have some say. */
static void promise_words(const Otklik__V1__TicketEvent *e, char *out)
{
	static const char *const PROMISE[] = {
	        "first", "later", "earlier", "offensive", "after the date"};

	if (e->kind == OTKLIK__V1__EVENT_KIND__EVENT_KIND_WATCHER)
		piece(out, "%s", e->flags == 1 ? "added" : "removed");
	if (e->kind != OTKLIK__V1__EVENT_KIND__EVENT_KIND_PROMISED)
		return;
	for (size_t i = 0; i < sizeof PROMISE / sizeof PROMISE[0]; i++) {
		if ((e->flags & 1U << i) != 0)
			piece(out, "%s", PROMISE[i]);
	}
}

const char *event_words(const Otklik__V1__TicketEvent *e, char out[EVENT_WORDS_SIZE])
{
	char time[TABLE_TIME_SIZE];

	out[0] = '\0';
	if (e->clock != 0)
		piece(out, "%s", clock_word(e->clock));
	if (e->level != 0)
		piece(out, "level %u", e->level);
	if (e->state != 0)
		piece(out, "%s", state_word(e->state));
	if (e->pending_reason != 0)
		piece(out, "for %s", reason_word(e->pending_reason));
	if (e->until_us != 0)
		piece(out, "until %s", table_time_text(e->until_us, time));
	if (e->team[0] != '\0')
		piece(out, "team %s", e->team);
	if (e->assignee[0] != '\0')
		piece(out, "to %s", e->assignee);
	if (e->priority != 0)
		piece(out, "P%u", e->priority);
	if (e->site[0] != '\0')
		piece(out, "site %s", e->site);
	if (e->service[0] != '\0')
		piece(out, "service %s", e->service);
	if (e->old_due_at_us != 0)
		piece(out, "was due %s", table_time_text(e->old_due_at_us, time));
	if (e->due_at_us != 0)
		piece(out, "due %s", table_time_text(e->due_at_us, time));
	if (e->related_id != 0)
		piece(out, "#%lld", (long long)e->related_id);
	if (e->person[0] != '\0')
		piece(out, "%s", e->person);
	if (e->contract[0] != '\0')
		piece(out, "contract %s, version %u", e->contract, e->contract_version);
	promise_words(e, out);
	if (e->cause[0] != '\0')
		piece(out, "%s", e->cause);
	return out;
}

int events_print(const struct cli *cli, Otklik__V1__TicketEvent *const *events, size_t count)
{
	struct table *t = table_new(cli);
	int rc;

	table_column(t, "seq", TABLE_RIGHT);
	table_column(t, "at", 0);
	table_column(t, "actor", 0);
	table_column(t, "visibility", 0);
	table_column(t, "what", 0);
	table_column(t, "detail", 0);
	table_column(t, "text", TABLE_CUT);
	for (size_t i = 0; i < count; i++) {
		const Otklik__V1__TicketEvent *e = events[i];
		char kind[64];
		char words[EVENT_WORDS_SIZE];

		table_row(t);
		table_number(t, e->seq);
		table_time(t, e->occurred_at_us);
		table_text(t, e->actor[0] != '\0' ? e->actor : "otklik");
		table_text(t, e->visibility == OTKLIK__V1__VISIBILITY__VISIBILITY_PUBLIC
		                      ? "public"
		                      : "internal");
		table_text(t, kind_word(e->kind, kind, sizeof kind));
		if (e->kind == OTKLIK__V1__EVENT_KIND__EVENT_KIND_CLOCK_BREACHED)
			table_color(t, "red");
		table_text(t, event_words(e, words));
		table_text(t, e->text);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}
