/* otklik ticket promise, ticket promises: dates given to the customer, and the ledger of them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "cli/clean.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"
#include "cli/when.h"
#include "otklik/v1/promise.pb-c.h"

enum { DATE_SIZE = 80 };

static const char *const MOVE_WORDS[] = {
        "", "first", "earlier", "later", "withdrawn", "given again"};
static const char *const STATE_WORDS[] = {
        "never promised", "open", "kept", "broken", "void", "withdrawn"};

static const char *word_of(const char *const *words, size_t count, int value)
{
	return value >= 0 && (size_t)value < count ? words[value] : "?";
}

static const char *move_word(Otklik__V1__PromiseMove move)
{
	return word_of(MOVE_WORDS, sizeof MOVE_WORDS / sizeof MOVE_WORDS[0], (int)move);
}

/* "Mon 2026-03-02 18:00:00 +0300": nobody has to guess the day or the zone. */
static const char *date_text(int64_t us, char out[DATE_SIZE])
{
	time_t t = (time_t)(us / CLOCK_SECOND);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	        strftime(out, DATE_SIZE, "%a %Y-%m-%d %H:%M:%S %z", &tm) == 0)
		return time_format_utc(us, out);
	return out;
}

/* The same where the customer is; "" where his clock shows the same. */
static const char *customer_date(int64_t us, const char *zone, char out[DATE_SIZE])
{
	static const char *const DAYS[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	time_t t = (time_t)(us / CLOCK_SECOND);
	const struct tz *tz;
	int64_t local;
	int64_t year;
	int month;
	int day;
	struct tm tm;

	out[0] = '\0';
	if (zone[0] == '\0' || tz_find(zone, &tz, NULL) != 0 || localtime_r(&t, &tm) == NULL ||
	        tm.tm_gmtoff == tz_offset_at(tz, us))
		return out;
	local = tz_to_local(tz, us) / CLOCK_SECOND;
	time_civil_from_days(local / 86400, &year, &month, &day);
	(void)snprintf(out, DATE_SIZE, "%s %04d-%02d-%02d %02d:%02d %s",
	        DAYS[local / 86400 % 7], (int)year, month, day, (int)(local % 86400 / 3600),
	        (int)(local % 3600 / 60), zone);
	return out;
}

/* ---- the record ------------------------------------------------------------------------ */

static void share_print(
        const char *name, uint32_t kept, uint32_t n, double low, double high, bool too_few)
{
	if (n == 0)
		return;
	(void)printf("  %-12s %u of %u kept", name, kept, n);
	if (!too_few)
		(void)printf(
		        ", %.0f %% (%.0f to %.0f %%)", 100.0 * kept / n, 100 * low, 100 * high);
	(void)fputc('\n', stdout);
}

static void record_print(const Otklik__V1__PromiseRecord *record)
{
	char text[TABLE_TIME_SIZE];
	int64_t slip;

	if (record == NULL) {
		(void)puts(
		        "Nothing like it was promised in the last year: there is no record.");
		return;
	}
	clean_printf(stdout, "Such promises (%s, last year)", record->description);
	if (record->too_few)
		(void)printf(": too few (n=%u)", record->first_n);
	(void)fputc('\n', stdout);
	share_print("first date", record->first_kept, record->first_n, record->first_low,
	        record->first_high, record->too_few);
	share_print("last date", record->last_kept, record->last_n, record->last_low,
	        record->last_high, record->too_few || record->last_n < 10);
	slip = record->median_slip_us;
	(void)printf("  %-12s half of them done %s %s the first date or %s\n", "slip",
	        table_duration_text(slip < 0 ? -slip : slip, text),
	        slip < 0 ? "before" : "after", slip < 0 ? "earlier" : "later");
}

/* ---- an entry -------------------------------------------------------------------------- */

static void entry_old(const Otklik__V1__PromiseEntry *e)
{
	char date[DATE_SIZE];
	char text[TABLE_TIME_SIZE];
	bool after = e->lead_us < 0;

	(void)printf("  was          %s, told %s %s\n", date_text(e->old_promise_at_us, date),
	        table_duration_text(after ? -e->lead_us : e->lead_us, text),
	        after ? "after it" : "before");
	if (e->by_customer)
		(void)printf(
		        "  by           the customer (entry %lld)\n", (long long)e->cited_seq);
}

static void entry_offence(const struct cli *cli, const Otklik__V1__PromiseEntry *e)
{
	char text[TABLE_TIME_SIZE];

	if (!e->offensive)
		return;
	(void)printf("  %soffensive%s    ", cli->color ? "\033[31m" : "",
	        cli->color ? "\033[0m" : "");
	if (e->after_date)
		(void)puts("the date had passed: it was broken");
	else if (e->notice_us != 0)
		(void)printf("too late: %s before the date would have been right\n",
		        table_duration_text(e->notice_us, text));
	else
		(void)puts("told too late");
}

static void entry_print(const struct cli *cli, const Otklik__V1__Ticket *ticket,
        const Otklik__V1__PromiseEntry *e, int64_t now)
{
	char date[DATE_SIZE];
	char text[TABLE_TIME_SIZE];

	if (e->promise_at_us != 0) {
		(void)printf("#%lld promised %s, in %s (%s)\n", (long long)ticket->id,
		        date_text(e->promise_at_us, date),
		        table_duration_text(e->promise_at_us - now, text), move_word(e->move));
		if (customer_date(e->promise_at_us, ticket->zone, date)[0] != '\0')
			(void)printf("  customer     %s\n", date);
	} else {
		(void)printf("#%lld no date is promised any more\n", (long long)ticket->id);
	}
	if (e->old_promise_at_us != 0)
		entry_old(e);
	entry_offence(cli, e);
	if (e->warn_at_us != 0)
		(void)printf("  warning      %s\n", date_text(e->warn_at_us, date));
}

static struct table *ledger_table(const struct cli *cli)
{
	struct table *t = table_new(cli);

	table_column(t, "seq", TABLE_RIGHT);
	table_column(t, "at", 0);
	table_column(t, "actor", 0);
	table_column(t, "what", 0);
	table_column(t, "promise", 0);
	table_column(t, "was", 0);
	table_column(t, "lead", TABLE_RIGHT);
	table_column(t, "by", 0);
	table_column(t, "offensive", 0);
	table_column(t, "reason", TABLE_CUT);
	return t;
}

static void ledger_row(struct table *t, const Otklik__V1__PromiseEntry *e)
{
	bool given = e->kind == OTKLIK__V1__EVENT_KIND__EVENT_KIND_PROMISED;
	bool changed = given && e->move != OTKLIK__V1__PROMISE_MOVE__PROMISE_MOVE_FIRST;

	table_row(t);
	table_number(t, e->seq);
	table_time(t, e->occurred_at_us);
	table_text(t, e->actor);
	table_text(t, given ? move_word(e->move)
	                    : (e->kind == OTKLIK__V1__EVENT_KIND__EVENT_KIND_PROMISE_BROKEN
	                                      ? "broken"
	                                      : "warned"));
	if (e->kind == OTKLIK__V1__EVENT_KIND__EVENT_KIND_PROMISE_BROKEN)
		table_color(t, "red");
	table_time(t, e->promise_at_us);
	table_time(t, e->old_promise_at_us);
	if (changed && e->old_promise_at_us != 0)
		table_duration(t, e->lead_us);
	else
		table_absent(t);
	table_text(t, !changed ? NULL : e->by_customer ? "customer" : "us");
	table_text(t, !changed ? NULL : e->offensive ? "yes" : "no");
	if (e->offensive)
		table_color(t, "red");
	table_text(t, e->reason);
}

static int ledger_print(
        const struct cli *cli, Otklik__V1__PromiseEntry *const *entries, size_t count)
{
	struct table *t = ledger_table(cli);
	int rc;

	for (size_t i = 0; i < count; i++)
		ledger_row(t, entries[i]);
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

/* ---- ticket promises ------------------------------------------------------------------- */

static int record_get(struct cli *cli, const Otklik__V1__GetPromiseRecordRequest *in,
        const Otklik__V1__GetPromiseRecordResponse **out)
{
	const ProtobufCMessage *reply = NULL;
	int rc = cli_call(cli, METHOD_GET_PROMISE_RECORD, &in->base, &reply);

	*out = (const Otklik__V1__GetPromiseRecordResponse *)(const void *)reply;
	if (rc == 0 && (*out)->ticket == NULL)
		return cli_lacks("ticket");
	return rc;
}

static void head_print(const Otklik__V1__GetPromiseRecordResponse *out)
{
	const Otklik__V1__Ticket *t = out->ticket;
	char date[DATE_SIZE];

	(void)printf("#%lld %s", (long long)t->id,
	        word_of(STATE_WORDS, sizeof STATE_WORDS / sizeof STATE_WORDS[0],
	                (int)out->state));
	if (t->promise_at_us != 0)
		(void)printf(": %s", date_text(t->promise_at_us, date));
	if (t->promise_changes > 0)
		(void)printf("; first %s, changed %u time%s",
		        date_text(t->promise_first_at_us, date), t->promise_changes,
		        t->promise_changes == 1 ? "" : "s");
	(void)fputc('\n', stdout);
	if (customer_date(t->promise_at_us, t->promise_at_us == 0 ? "" : t->zone, date)[0] !=
	        '\0')
		(void)printf("  customer     %s\n", date);
	if (out->truncated)
		(void)puts("  older entries are left out: see ticket show");
}

int verb_ticket_promises(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__GetPromiseRecordRequest in = OTKLIK__V1__GET_PROMISE_RECORD_REQUEST__INIT;
	const Otklik__V1__GetPromiseRecordResponse *out;
	const struct cli_option options[] = {
	        {"<ticket>", 0, OPTION_NUMBER, &in.ticket_id, "number of the ticket", true, 1,
	                INT64_MAX},
	        {.name = NULL},
	};
	int rc = options_read(cli, "ticket promises",
	        "the ledger of promised dates: given, moved by whom, kept or broken",
	        "  otklik ticket promises 1042\n"
	        "  otklik ticket promises 1042 --format json\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	rc = record_get(cli, &in, &out);
	if (rc != 0)
		return rc;
	if (cli->format == FORMAT_JSON)
		return json_print_message(&out->base, stdout);
	if (cli->format == FORMAT_TABLE)
		head_print(out);
	return out->n_entries == 0 && cli->format == FORMAT_TABLE
	               ? output_check(stdout)
	               : ledger_print(cli, out->entries, out->n_entries);
}

/* ---- ticket promise -------------------------------------------------------------------- */

struct promise {
	int64_t ticket;
	const char *when;
	const char *time;
	const char *reason;
	int64_t at_request;
	int64_t version;
	bool withdraw;
	bool dry_run;
	bool quiet;
};

static const char WORDS[] = "ticket promise";

static int promise_options(struct cli *cli, struct promise *p, int argc, char **argv)
{
	const struct cli_option options[] = {
	        {"<ticket>", 0, OPTION_NUMBER, &p->ticket, "number of the ticket", true, 1,
	                INT64_MAX},
	        {"<when>", 0, OPTION_TEXT, &p->when,
	                "the date, here where you are: 2026-12-31 18:00, +4h, tomorrow 18:00",
	                false, 0, 0},
	        {"<time>", 0, OPTION_TEXT, &p->time, "the time of day, if <when> is only a day",
	                false, 0, 0},
	        {"reason", 'r', OPTION_TEXT, &p->reason,
	                "public; needed for a later date and to withdraw", false, 0, 0},
	        {"at-request", 0, OPTION_NUMBER, &p->at_request,
	                "the customer asked for it: number of his message in the journal",
	                false, 1, INT64_MAX},
	        {"withdraw", 0, OPTION_FLAG, &p->withdraw, "no date is promised any more",
	                false, 0, 0},
	        {"dry-run", 'n', OPTION_FLAG, &p->dry_run,
	                "only show how such promises were kept, and what this one would be",
	                false, 0, 0},
	        {"version", 0, OPTION_NUMBER, &p->version,
	                "refuse if the ticket has changed since this version", false, 1,
	                INT64_MAX},
	        {"quiet", 'q', OPTION_FLAG, &p->quiet, "print nothing but errors", false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, WORDS, "give the customer a date, move it, or take it back",
	        "  otklik ticket promise 1042 tomorrow 18:00\n"
	        "  otklik ticket promise 1042 +4h --dry-run\n"
	        "  otklik ticket promise 1042 '2026-12-31 18:00' --reason 'The part comes "
	        "tomorrow.'\n"
	        "  otklik ticket promise 1042 fri 12:00 --at-request 17 --reason 'As you "
	        "asked.'\n"
	        "  otklik ticket promise 1042 --withdraw --reason 'The vendor gives no "
	        "date.'\n",
	        options, argc, argv);

	if (rc != 0)
		return rc;
	if (p->withdraw == (p->when != NULL))
		return cli_usage(WORDS, p->withdraw
		                                ? "--withdraw goes without a date"
		                                : "<when> is needed: the date, or --withdraw");
	return 0;
}

/* "tomorrow 18:00" may come as two words. */
static int when_read(struct cli *cli, const struct promise *p, int64_t now, int64_t *at)
{
	char error[WHEN_ERROR_SIZE];
	char *text = NULL;

	*at = 0;
	if (p->withdraw)
		return 0;
	text = arena_printf(cli->arena, "%s%s%s", p->when, p->time == NULL ? "" : " ",
	        p->time == NULL ? "" : p->time);
	if (text == NULL)
		return EXIT_SOFTWARE;
	return when_parse(text, now, at, error) == 0 ? 0 : cli_usage(WORDS, "%s", error);
}

/* {"record": …, "entry" or "preview": …, "ticket": …} */
static int promise_json(const Otklik__V1__PromiseRecord *record, const char *name,
        const Otklik__V1__PromiseEntry *entry, const Otklik__V1__Ticket *ticket)
{
	json_t *object = json_object();

	(void)json_object_set_new(object, "record",
	        record == NULL ? json_null() : json_of_message(&record->base));
	(void)json_object_set_new(
	        object, name, entry == NULL ? json_null() : json_of_message(&entry->base));
	(void)json_object_set_new(object, "ticket", json_of_message(&ticket->base));
	(void)json_put(object, true, stdout);
	(void)fputc('\n', stdout);
	return output_check(stdout);
}

static int promise_show(const struct cli *cli, const Otklik__V1__PromiseRecord *record,
        const char *name, Otklik__V1__PromiseEntry *entry, const Otklik__V1__Ticket *ticket,
        int64_t now)
{
	if (cli->format == FORMAT_JSON)
		return promise_json(record, name, entry, ticket);
	if (cli->format == FORMAT_CSV)
		return ledger_print(cli, &entry, entry == NULL ? 0 : 1);
	if (entry == NULL) /* the same command was done before */
		return ticket_print(cli, ticket);
	entry_print(cli, ticket, entry, now);
	return output_check(stdout);
}

static int promise_dry_run(struct cli *cli, const struct promise *p, int64_t at)
{
	Otklik__V1__GetPromiseRecordRequest in = OTKLIK__V1__GET_PROMISE_RECORD_REQUEST__INIT;
	const Otklik__V1__GetPromiseRecordResponse *out;
	int rc;

	in.ticket_id = p->ticket;
	in.promise_at_us = at;
	in.withdraw = p->withdraw;
	in.at_request_seq = p->at_request;
	rc = record_get(cli, &in, &out);
	if (rc != 0)
		return rc;
	if (out->preview == NULL)
		return cli_lacks("preview");
	if (cli->format == FORMAT_TABLE)
		(void)puts("Nothing is written; it would be:");
	return promise_show(
	        cli, out->record, "preview", out->preview, out->ticket, out->now_us);
}

static int promise_make(struct cli *cli, const struct promise *p, int64_t at,
        const Otklik__V1__GetPromiseRecordResponse *before)
{
	Otklik__V1__PromiseTicketRequest in = OTKLIK__V1__PROMISE_TICKET_REQUEST__INIT;
	const Otklik__V1__PromiseTicketResponse *out;
	const ProtobufCMessage *reply = NULL;
	int rc;

	in.ticket_id = p->ticket;
	in.expected_version = p->version;
	in.promise_at_us = at;
	in.withdraw = p->withdraw;
	in.at_request_seq = p->at_request;
	if (p->reason != NULL)
		in.text = cli_strdup(cli, p->reason);
	rc = cli_call(cli, METHOD_PROMISE_TICKET, &in.base, &reply);
	if (rc != 0 || p->quiet)
		return rc;
	out = (const Otklik__V1__PromiseTicketResponse *)(const void *)reply;
	if (out->ticket == NULL)
		return cli_lacks("ticket");
	return promise_show(
	        cli, before->record, "entry", out->entry, out->ticket, before->now_us);
}

int verb_ticket_promise(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__GetPromiseRecordRequest in = OTKLIK__V1__GET_PROMISE_RECORD_REQUEST__INIT;
	const Otklik__V1__GetPromiseRecordResponse *before;
	struct promise p = {.ticket = 0};
	int64_t at;
	int rc = promise_options(cli, &p, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	cli->text_option = "reason";
	/* "+4h" is from the server's now; and the record is read before the promise is made. */
	in.ticket_id = p.ticket;
	rc = record_get(cli, &in, &before);
	if (rc == 0)
		rc = when_read(cli, &p, before->now_us, &at);
	if (rc != 0)
		return rc;
	if (!p.quiet && cli->format == FORMAT_TABLE)
		record_print(before->record);
	return p.dry_run ? promise_dry_run(cli, &p, at) : promise_make(cli, &p, at, before);
}
