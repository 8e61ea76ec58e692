/* otklik sla explain: the intervals that make a deadline, as a table and a bar. */
#include <stdio.h>
#include <string.h>

#include "cli/clean.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/ticket_print.h"
#include "cli/verbs.h"
#include "otklik/v1/sla.pb-c.h"

enum { BAR_WIDTH = 60 };

static const char *const KIND_WORDS[] = {
        "", "counted", "closed", "holiday", "paused", "resolved"};
/* One sign for each kind in the bar. */
static const char *const KIND_SIGNS[] = {" ", "█", "·", "h", "p", "r"};

static int kind_index(Otklik__V1__IntervalKind kind)
{
	return kind >= 1 && kind <= 5 ? (int)kind : 0;
}

/* A line of BAR_WIDTH signs over the clock's life, the due time marked below. */
static void bar_print(const Otklik__V1__ClockExplanation *x)
{
	const Otklik__V1__Clock *c = x->clock;
	int64_t from = c->started_at_us;
	int64_t to = x->until_us > c->due_at_us ? x->until_us : c->due_at_us;
	char time[TABLE_TIME_SIZE];

	if (from == 0 || to <= from || x->n_intervals == 0)
		return;
	(void)printf("  ");
	for (int i = 0; i < BAR_WIDTH; i++) {
		int64_t at = from + (to - from) / BAR_WIDTH * i + (to - from) / BAR_WIDTH / 2;
		const char *sign = " ";

		for (size_t k = 0; k < x->n_intervals; k++) {
			if (at >= x->intervals[k]->from_us && at < x->intervals[k]->to_us)
				sign = KIND_SIGNS[kind_index(x->intervals[k]->kind)];
		}
		(void)printf("%s", sign);
	}
	(void)printf("\n");
	if (c->due_at_us >= from)
		(void)printf("  %*s^ due %s\n",
		        (int)((c->due_at_us - from) * (BAR_WIDTH - 1) / (to - from)), "",
		        table_time_text(c->due_at_us, time));
	(void)printf("  █ counted  · closed  h holiday  p paused  r resolved\n");
}

/* Since when its breach does not count, and by whose word where the reader may know. */
static void waived_print(const Otklik__V1__ClockExplanation *x)
{
	char time[TABLE_TIME_SIZE];

	if (x->clock->waived_at_us == 0)
		return;
	(void)printf(", waived at %s", table_time_text(x->clock->waived_at_us, time));
	for (size_t i = x->n_events; i-- > 0;) {
		if (x->events[i]->kind != OTKLIK__V1__EVENT_KIND__EVENT_KIND_CLOCK_WAIVED)
			continue;
		clean_printf(stdout, " by %s", x->events[i]->actor);
		return;
	}
}

static void head_print(const Otklik__V1__ClockExplanation *x, int64_t now)
{
	const Otklik__V1__Clock *c = x->clock;
	char a[TABLE_TIME_SIZE];
	char b[TABLE_TIME_SIZE];

	(void)fputc('\n', stdout);
	clean_printf(stdout, "%s: %s, target %s, calendar %s (%s)", clock_word(c->kind),
	        clock_state_word(c->state),
	        c->target[0] != '\0' ? c->target : table_service_text(c->target_us, a),
	        x->calendar[0] != '\0' ? x->calendar : "wall time", x->zone);
	(void)printf("\n  consumed %s of %s", table_service_text(c->consumed_us, a),
	        table_service_text(c->target_us, b));
	if (c->due_at_us != 0)
		(void)printf(", due %s%s", table_time_text(c->due_at_us, a),
		        c->state == OTKLIK__V1__CLOCK_STATE__CLOCK_STATE_RUNNING &&
		                        c->due_at_us < now
		                ? " (past)"
		                : "");
	if (c->breached_at_us != 0)
		(void)printf(", broken at %s", table_time_text(c->breached_at_us, a));
	waived_print(x);
	(void)printf("\n");
}

static struct table *intervals_table(const struct cli *cli)
{
	struct table *t = table_new(cli);

	/* People see a table a clock; a file has them all in one. */
	if (cli->format != FORMAT_TABLE)
		table_column(t, "clock", 0);
	table_column(t, "what", 0);
	table_column(t, "from", 0);
	table_column(t, "to", 0);
	table_column(t, "length", TABLE_RIGHT);
	table_column(t, "consumed", TABLE_RIGHT);
	table_column(t, "why", 0);
	table_column(t, "by", 0);
	return t;
}

static void intervals_add(
        const struct cli *cli, struct table *t, const Otklik__V1__ClockExplanation *x)
{
	for (size_t i = 0; i < x->n_intervals; i++) {
		const Otklik__V1__ClockInterval *v = x->intervals[i];

		table_row(t);
		if (cli->format != FORMAT_TABLE)
			table_text(t, clock_word(x->clock->kind));
		table_text(t, KIND_WORDS[kind_index(v->kind)]);
		if (v->kind == OTKLIK__V1__INTERVAL_KIND__INTERVAL_KIND_COUNTED)
			table_color(t, "green");
		table_time(t, v->from_us);
		table_time(t, v->to_us);
		table_duration(t, v->to_us - v->from_us);
		table_service(t, v->consumed_us);
		table_text(t, v->why);
		table_text(t, v->actor);
	}
}

static int levels_print(const struct cli *cli, const Otklik__V1__ClockExplanation *x)
{
	struct table *t;
	int rc;

	if (x->n_levels == 0)
		return 0;
	t = table_new(cli);
	table_column(t, "level", TABLE_RIGHT);
	table_column(t, "at", 0);
	table_column(t, "instant", 0);
	table_column(t, "state", 0);
	for (size_t i = 0; i < x->n_levels; i++) {
		table_row(t);
		table_number(t, x->levels[i]->number);
		table_text(t, x->levels[i]->spec);
		table_time(t, x->levels[i]->at_us);
		table_text(t, x->levels[i]->state);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

static int clock_print(
        const struct cli *cli, const Otklik__V1__ClockExplanation *x, int64_t now)
{
	struct table *t = intervals_table(cli);
	int rc;

	head_print(x, now);
	bar_print(x);
	intervals_add(cli, t, x);
	rc = table_print(t, stdout);
	table_free(t);
	return rc == 0 ? levels_print(cli, x) : rc;
}

static int clocks_csv(const struct cli *cli, const Otklik__V1__ExplainClockResponse *out)
{
	struct table *t = intervals_table(cli);
	int rc;

	for (size_t i = 0; i < out->n_clocks; i++)
		intervals_add(cli, t, out->clocks[i]);
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

static int explanation_print(const struct cli *cli, const Otklik__V1__ExplainClockResponse *out)
{
	int rc = 0;

	for (size_t i = 0; i < out->n_clocks; i++) {
		if (out->clocks[i]->clock == NULL)
			return cli_lacks("clock");
	}
	if (out->n_clocks == 0)
		(void)fprintf(stderr, "this ticket has no such clock\n");
	if (cli->format == FORMAT_CSV)
		return clocks_csv(cli, out);
	if (out->ticket != NULL) {
		clean_printf(
		        stdout, "#%lld  %s", (long long)out->ticket->id, out->ticket->title);
		(void)fputc('\n', stdout);
		ticket_promise_print(out->ticket);
	}
	for (size_t i = 0; rc == 0 && i < out->n_clocks; i++)
		rc = clock_print(cli, out->clocks[i], out->now_us);
	return rc;
}

int verb_sla_explain(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__ExplainClockRequest in = OTKLIK__V1__EXPLAIN_CLOCK_REQUEST__INIT;
	const ProtobufCMessage *reply = NULL;
	const char *clock = NULL;
	int64_t id = 0;
	const struct cli_option options[] = {
	        {"<ticket>", 0, OPTION_NUMBER, &id, "number of the ticket", true, 1, INT64_MAX},
	        {"<clock>", 0, OPTION_TEXT, &clock,
	                "response, update, resolution, operational or supplier (default: all)",
	                false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "sla explain",
	        "how each deadline came about: what was counted, what was not, and why",
	        "  otklik sla explain 1042\n  otklik sla explain 1042 resolution --format "
	        "json\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.ticket_id = id;
	if (clock != NULL) {
		int value = json_enum_value(&otklik__v1__clock_kind__descriptor, clock);

		if (value < 0)
			return cli_usage("sla explain", "the clock must be response, update, "
			                                "resolution, operational or supplier");
		in.clock = (Otklik__V1__ClockKind)value;
	}
	rc = cli_call(cli, METHOD_EXPLAIN_CLOCK, &in.base, &reply);
	if (rc != 0)
		return rc;
	if (cli->format == FORMAT_JSON)
		return json_print_message(reply, stdout);
	return explanation_print(
	        cli, (const Otklik__V1__ExplainClockResponse *)(const void *)reply);
}
