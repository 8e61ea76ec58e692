/*
 * A simulation for people and programs. People get several tables that a terminal of 80 columns
 * bears; CSV is one table of everything that is known of each target; JSON is an object of
 * arrays.
 */
#include "cli/simulate_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/clean.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/ticket_print.h"
#include "core/currency.h"

enum { HUNDRED = 100, SECOND_US = 1000000, TEXT_SIZE = 256, REASONS_EACH = 3 };
enum { QUIET_US = 2 * 1000 * 1000 }; /* nobody wonders before that */

typedef Otklik__V1__SimulateContractResponse response;
typedef Otklik__V1__SimulatedFigures figures;

struct simulation_print {
	const struct cli *cli;
	bool terminal;
	bool shown; /* progress */
	int64_t began;
	bool ended;
	bool credits;       /* a fee is written */
	struct table *kept; /* CSV: everything */
	struct table *took; /* people */
	struct table *reasons;
	struct table *months;
	json_t *json;
	/* Of the reasons of one clock and kind, the rows told. */
	int reason_clock;
	char reason_kind[16];
	int reason_rows;
};

/* Bits of `left`: columns of words; what is told of tickets may be cut. */
static void columns(struct table *t, const char *const names[], unsigned left)
{
	for (unsigned i = 0; names[i] != NULL; i++)
		table_column(t, names[i],
		        (left >> i & 1) == 0               ? TABLE_RIGHT
		        : strcmp(names[i], "tickets") == 0 ? TABLE_CUT
		                                           : 0);
}

static void text_put(struct table *t, const char *text)
{
	table_text(t, *text == '\0' ? NULL : text);
}

static void kept_put(struct table *t, const figures *f, int decimals)
{
	if (f->met + f->breached > 0)
		table_real(t, f->compliance * HUNDRED, decimals);
	else
		table_absent(t);
}

static void interval_put(struct table *t, const figures *f)
{
	char text[TEXT_SIZE];

	(void)snprintf(text, sizeof text, "%.1f-%.1f", f->compliance_low * HUNDRED,
	        f->compliance_high * HUNDRED);
	table_text(t, f->met + f->breached > 0 ? text : NULL);
}

static void length_put(struct table *t, const figures *f, int64_t seconds)
{
	if (f->ended > 0)
		table_service(t, seconds * SECOND_US);
	else
		table_absent(t);
}

/* --- targets ------------------------------------------------------------------------------ */

static const char *const ALL[] = {"clock", "type", "priority", "service", "team", "draft", "n",
        "met", "broken", "waived", "open", "kept_%", "interval", "p50", "p90", "p95", "p99",
        "paused_%", "safe_90", "safe_95", "safe_99", "broken_by", "in_force", "in_force_n",
        "in_force_met", "in_force_broken", "in_force_waived", "in_force_kept_%",
        "in_force_interval", "in_force_p50", "in_force_p90", "in_force_p99", NULL};

static void all_add(struct table *t, const Otklik__V1__SimulatedTarget *in)
{
	const figures *d = in->draft, *f = in->in_force;
	char text[TEXT_SIZE];

	table_row(t);
	table_text(t, clock_word(in->clock));
	json_enum_word(&otklik__v1__ticket_type__descriptor, (int)in->type, text, sizeof text);
	table_text(t, text);
	(void)snprintf(text, sizeof text, "P%u", in->priority);
	table_text(t, text);
	text_put(t, in->service);
	text_put(t, in->team);
	text_put(t, d->target);
	table_number(t, d->met + d->breached);
	table_number(t, d->met);
	table_number(t, d->breached);
	table_number(t, d->waived);
	table_number(t, d->open);
	kept_put(t, d, 2);
	interval_put(t, d);
	length_put(t, d, d->p50_s);
	length_put(t, d, d->p90_s);
	length_put(t, d, d->p95_s);
	length_put(t, d, d->p99_s);
	table_real(t, d->pause_share * HUNDRED, 2);
	text_put(t, d->safe_90);
	text_put(t, d->safe_95);
	text_put(t, d->safe_99);
	table_service(t, d->breach_s * SECOND_US);
	text_put(t, f->target);
	table_number(t, f->met + f->breached);
	table_number(t, f->met);
	table_number(t, f->breached);
	table_number(t, f->waived);
	kept_put(t, f, 2);
	interval_put(t, f);
	length_put(t, f, f->p50_s);
	length_put(t, f, f->p90_s);
	length_put(t, f, f->p99_s);
}

/* "P2 incident mail", "P2 request (network)". */
static void tickets_put(struct table *t, const Otklik__V1__SimulatedTarget *in)
{
	bool request = in->type == OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_SERVICE_REQUEST;
	char type[TEXT_SIZE];
	char text[2 * TEXT_SIZE];

	json_enum_word(&otklik__v1__ticket_type__descriptor, (int)in->type, type, sizeof type);
	(void)snprintf(text, sizeof text, "P%u %s%s%.80s%s%.80s%s", in->priority,
	        request ? "request" : type, *in->service == '\0' ? "" : " ", in->service,
	        *in->team == '\0' ? "" : " (", in->team, *in->team == '\0' ? "" : ")");
	table_text(t, text);
}

/* Of two units at most: "35m", "10h48m", "3d7h". */
static void short_put(struct table *t, const figures *f, int64_t s)
{
	char text[TEXT_SIZE];

	if (s >= 86400)
		(void)snprintf(text, sizeof text, "%lldd%lldh", (long long)(s / 86400),
		        (long long)(s % 86400 / 3600));
	else if (s >= 3600)
		(void)snprintf(text, sizeof text, "%lldh%02lldm", (long long)(s / 3600),
		        (long long)(s % 3600 / 60));
	else if (s >= 60)
		(void)snprintf(text, sizeof text, "%lldm", (long long)(s / 60));
	else
		(void)snprintf(text, sizeof text, "%llds", (long long)s);
	table_text(t, f->ended > 0 ? text : NULL);
}

/* The most of 90, 95 and 99 of a hundred that were kept; "~": the interval reaches below. */
static void holds_put(struct table *t, const figures *f)
{
	static const int SHARES[] = {99, 95, 90};
	char text[TEXT_SIZE];

	for (size_t i = 0; f->met + f->breached > 0 && i < sizeof SHARES / sizeof SHARES[0];
	        i++) {
		if (f->compliance * HUNDRED < SHARES[i])
			continue;
		(void)snprintf(text, sizeof text, "%s%d",
		        f->compliance_low * HUNDRED < SHARES[i] ? "~" : "", SHARES[i]);
		table_text(t, text);
		return;
	}
	table_text(t, f->met + f->breached > 0 ? "no" : NULL);
	if (f->met + f->breached > 0)
		table_color(t, "red");
}

static void target_add(struct simulation_print *out, const Otklik__V1__SimulatedTarget *in)
{
	const figures *d = in->draft, *f = in->in_force;
	char text[TEXT_SIZE];

	if (out->cli->format == FORMAT_CSV) {
		all_add(out->kept, in);
		return;
	}
	table_row(out->kept);
	table_text(out->kept, clock_word(in->clock));
	tickets_put(out->kept, in);
	text_put(out->kept, d->target);
	table_number(out->kept, d->met + d->breached);
	kept_put(out->kept, d, 1);
	interval_put(out->kept, d);
	holds_put(out->kept, d);
	text_put(out->kept, f->target);
	if (*f->target != '\0' || f->met + f->breached > 0)
		table_number(out->kept, f->met + f->breached);
	else
		table_absent(out->kept);
	kept_put(out->kept, f, 1);
	table_row(out->took);
	table_text(out->took, clock_word(in->clock));
	tickets_put(out->took, in);
	short_put(out->took, d, d->p50_s);
	short_put(out->took, d, d->p90_s);
	short_put(out->took, d, d->p99_s);
	(void)snprintf(text, sizeof text, "%.0f %%", d->pause_share * HUNDRED);
	table_text(out->took, text);
	text_put(out->took, d->safe_90);
	text_put(out->took, d->safe_95);
	text_put(out->took, d->safe_99);
}

/* --- reasons, months ---------------------------------------------------------------------- */

/* People get the first few of each kind; that nobody and no place is named at all is left out.
 */
static void reason_add(struct simulation_print *out, const Otklik__V1__SimulatedReason *in)
{
	if ((int)in->clock != out->reason_clock || strcmp(in->kind, out->reason_kind) != 0) {
		out->reason_clock = (int)in->clock;
		(void)snprintf(out->reason_kind, sizeof out->reason_kind, "%s", in->kind);
		out->reason_rows = 0;
	}
	if (out->reason_rows++ >= REASONS_EACH ||
	        (strcmp(in->what, "no site") == 0 && in->share >= 1))
		return;
	table_row(out->reasons);
	table_text(out->reasons, clock_word(in->clock));
	table_text(out->reasons, in->kind);
	table_text(out->reasons, in->what);
	table_real(out->reasons, in->share * HUNDRED, 1);
	table_service(out->reasons, in->counted_s * SECOND_US);
	table_number(out->reasons, in->clocks);
}

static const char *money_text(int64_t amount, const char *currency, char out[TEXT_SIZE])
{
	int digits = currency_digits(currency);
	char number[AMOUNT_TEXT_SIZE];

	(void)snprintf(out, TEXT_SIZE, "%s %.3s",
	        amount_format(amount, digits < 0 ? 2 : digits, number), currency);
	return out;
}

static void money_put(struct table *t, int64_t amount, int32_t share, const char *currency)
{
	char text[TEXT_SIZE];

	if (*currency == '\0') {
		table_absent(t);
		table_absent(t);
		return;
	}
	table_text(t, money_text(amount, currency, text));
	table_real(t, (double)share / HUNDRED, 2);
}

static void month_add(struct simulation_print *out, const Otklik__V1__SimulatedMonth *in)
{
	struct table *t = out->months;
	char text[TEXT_SIZE];

	table_row(t);
	(void)snprintf(text, sizeof text, "%.16s%s", in->month, in->partial ? " (part)" : "");
	table_text(t, text);
	table_number(t, in->met);
	table_number(t, in->breached);
	money_put(t, in->credit, in->credit_share, in->currency);
	table_number(t, in->in_force_met);
	table_number(t, in->in_force_breached);
	money_put(t, in->in_force_credit, in->in_force_credit_share, in->in_force_currency);
}

/* --- the summary -------------------------------------------------------------------------- */

static void side_text(FILE *out, const char *who, int64_t met, int64_t breached, int64_t waived,
        int64_t breach_s)
{
	int64_t n = met + breached;
	char over[TABLE_TIME_SIZE];

	if (n == 0) {
		(void)fprintf(out, "%s: nothing was promised of these\n", who);
		return;
	}
	(void)fprintf(out, "%s: %lld of %lld kept (%.2f %%), broken by %s in all", who,
	        (long long)met, (long long)n, (double)met * HUNDRED / (double)n,
	        table_service_text(breach_s * SECOND_US, over));
	if (waived > 0)
		(void)fprintf(out, ", %lld more forgiven", (long long)waived);
	(void)fputc('\n', out);
}

static const char *money_or_none(int64_t amount, const char *currency, char out[TEXT_SIZE])
{
	return *currency == '\0' ? "none written" : money_text(amount, currency, out);
}

static void summary_text(FILE *out, const Otklik__V1__SimulationSummary *s)
{
	char from[TABLE_TIME_SIZE];
	char to[TABLE_TIME_SIZE];
	char draft[TEXT_SIZE];
	char in_force[TEXT_SIZE];

	clean_printf(out, "%s against %s", s->contract, s->in_force);
	(void)fprintf(out, "\ntickets made from %s to %s\n", table_time_text(s->from_us, from),
	        table_time_text(s->to_us, to));
	(void)fprintf(out,
	        "%lld under the draft, %lld under other contracts, %lld cancelled,\n"
	        "%lld self-recovered, %lld imported (only their resolution is known)\n",
	        (long long)s->tickets, (long long)s->uncovered, (long long)s->cancelled,
	        (long long)s->self_recovered, (long long)s->observed);
	side_text(out, "draft", s->met, s->breached, s->waived, s->breach_s);
	if (s->in_force_tickets > 0)
		side_text(out, "in force", s->in_force_met, s->in_force_breached,
		        s->in_force_waived, s->in_force_breach_s);
	if (s->own_met + s->own_breached > 0)
		(void)fprintf(out, "teams and suppliers: %lld of %lld kept\n",
		        (long long)s->own_met, (long long)(s->own_met + s->own_breached));
	if (*s->currency != '\0' || *s->in_force_currency != '\0') {
		clean_printf(out, "credits: %s, in force %s",
		        money_or_none(s->credit, s->currency, draft),
		        money_or_none(s->in_force_credit, s->in_force_currency, in_force));
		(void)fputc('\n', out);
	}
	for (size_t i = 0; i < s->n_notes; i++) {
		clean_printf(out, "note: %s", s->notes[i]);
		(void)fputc('\n', out);
	}
}

/* --- items -------------------------------------------------------------------------------- */

static void part_put(struct simulation_print *out, const char *part, const ProtobufCMessage *m)
{
	(void)json_array_append_new(json_object_get(out->json, part), json_of_message(m));
}

static void progress_show(struct simulation_print *out, const response *item)
{
	if (!out->terminal || item->tickets_total == 0 ||
	        clock_monotonic() - out->began < QUIET_US)
		return;
	(void)fprintf(stderr, "\r%lld of %lld tickets\033[K", (long long)item->tickets_done,
	        (long long)item->tickets_total);
	out->shown = true;
}

static void progress_end(struct simulation_print *out)
{
	if (out->shown)
		(void)fprintf(stderr, "\r\033[K");
	out->shown = false;
}

static void summary_add(struct simulation_print *out, const Otklik__V1__SimulationSummary *in)
{
	out->ended = true;
	out->credits = *in->currency != '\0' || *in->in_force_currency != '\0';
	if (out->cli->format == FORMAT_JSON)
		(void)json_object_set_new(out->json, "summary", json_of_message(&in->base));
	else
		summary_text(out->cli->format == FORMAT_TABLE ? stdout : stderr, in);
}

void simulation_print_item(struct simulation_print *out, const response *item)
{
	bool json = out->cli->format == FORMAT_JSON;

	if (item->tickets_total == 0)
		progress_end(out);
	if (item->summary != NULL)
		summary_add(out, item->summary);
	else if (item->target != NULL && json)
		part_put(out, "targets", &item->target->base);
	else if (item->target != NULL && item->target->draft != NULL &&
	         item->target->in_force != NULL)
		target_add(out, item->target);
	else if (item->reason != NULL && json)
		part_put(out, "reasons", &item->reason->base);
	else if (item->reason != NULL)
		reason_add(out, item->reason);
	else if (item->month != NULL && json)
		part_put(out, "months", &item->month->base);
	else if (item->month != NULL)
		month_add(out, item->month);
	else
		progress_show(out, item);
}

/* --- begin and end ------------------------------------------------------------------------ */

struct simulation_print *simulation_print_new(const struct cli *cli)
{
	static const char *const KEPT[] = {"clock", "tickets", "draft", "n", "kept_%",
	        "interval", "holds", "in_force", "n", "kept_%", NULL};
	static const char *const TOOK[] = {"clock", "tickets", "p50", "p90", "p99", "paused",
	        "safe_90", "safe_95", "safe_99", NULL};
	static const char *const REASONS[] = {
	        "clock", "where", "what", "share_%", "time", "clocks", NULL};
	static const char *const MONTHS[] = {"month", "met", "broken", "credit", "%",
	        "in_force_met", "broken", "credit", "%", NULL};
	static const char *const PARTS[] = {"targets", "reasons", "months"};
	struct simulation_print *out = calloc(1, sizeof *out);

	if (out == NULL) {
		(void)fputs("otklik: out of memory\n", stderr);
		exit(EXIT_SOFTWARE);
	}
	out->cli = cli;
	out->terminal = isatty(STDERR_FILENO) != 0;
	out->began = clock_monotonic();
	out->kept = table_new(cli);
	out->took = table_new(cli);
	out->reasons = table_new(cli);
	out->months = table_new(cli);
	columns(out->kept, cli->format == FORMAT_CSV ? ALL : KEPT,
	        cli->format == FORMAT_CSV ? 0x40003F : 0x87);
	columns(out->took, TOOK, 0x3);
	columns(out->reasons, REASONS, 0x7);
	columns(out->months, MONTHS, 0x1);
	out->json = json_object();
	for (size_t i = 0; i < 3; i++)
		(void)json_object_set_new(out->json, PARTS[i], json_array());
	return out;
}

static int tables_print(struct simulation_print *out)
{
	int rc;

	(void)printf("\nwhat would be kept, with an interval of 95 %%; `holds`: so many of a "
	             "hundred,\n~ where the interval reaches below\n");
	rc = table_print(out->kept, stdout);
	if (rc != 0)
		return rc;
	(void)printf("\nhow long it took, how much of it was paused, and targets that 90, 95 "
	             "and 99\nof a hundred would have kept (none: too many have not ended)\n");
	rc = table_print(out->took, stdout);
	if (rc != 0)
		return rc;
	(void)printf("\nwhere the time of the draft's broken clocks went (the most of each)\n");
	rc = table_print(out->reasons, stdout);
	if (rc != 0)
		return rc;
	(void)printf("\nby month; credits are of a month's fee\n");
	return table_print(out->months, stdout);
}

int simulation_print_end(struct simulation_print *out)
{
	int rc;

	if (!out->ended)
		return cli_lacks("end of the simulation");
	if (out->cli->format == FORMAT_TABLE)
		return tables_print(out);
	if (out->cli->format == FORMAT_CSV)
		return table_print(out->kept, stdout);
	rc = json_put(out->json, true, stdout);
	out->json = NULL;
	(void)fputc('\n', stdout);
	return rc == 0 ? output_check(stdout) : rc;
}

void simulation_print_free(struct simulation_print *out)
{
	progress_end(out);
	table_free(out->kept);
	table_free(out->took);
	table_free(out->reasons);
	table_free(out->months);
	json_decref(out->json);
	free(out);
}
