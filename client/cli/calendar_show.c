/* otklik calendar show: calendars, and the holidays and special working days of one. */
#include <stdio.h>

#include "base/time_text.h"
#include "cli/clean.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "core/calendar_plan.h"
#include "otklik/v1/calendar.pb-c.h"

static const char *const WEEKDAYS[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static void text_or_absent(struct table *t, const char *text)
{
	table_text(t, *text == '\0' ? NULL : text);
}

static int all_print(const struct cli *cli, const Otklik__V1__GetCalendarResponse *out)
{
	struct table *t = table_new(cli);
	int rc;

	table_column(t, "calendar", 0);
	table_column(t, "zone", 0);
	table_column(t, "tzdata", 0);
	table_column(t, "week", 0);
	table_column(t, "edition", TABLE_RIGHT);
	table_column(t, "since", 0);
	for (size_t i = 0; i < out->n_calendars; i++) {
		const Otklik__V1__CalendarView *c = out->calendars[i];

		table_row(t);
		table_text(t, c->code);
		table_text(t, c->zone);
		text_or_absent(t, c->zone_version);
		table_text(t, c->week);
		table_number(t, c->edition);
		table_time(t, c->since_us);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

static void day_put(struct table *t, const Otklik__V1__CalendarDay *day)
{
	int64_t date;

	table_row(t);
	table_text(t, day->date);
	table_text(t,
	        time_parse_date(day->date, &date) == 0 ? WEEKDAYS[plan_weekday(date)] : NULL);
	table_text(t, day->kind == OTKLIK__V1__CALENDAR_DAY_KIND__CALENDAR_DAY_KIND_SPECIAL
	                      ? "special working day"
	                      : "holiday");
	text_or_absent(t, day->name);
	text_or_absent(t, day->spans);
	text_or_absent(t, day->rule);
}

static int one_print(const struct cli *cli, const Otklik__V1__CalendarView *c)
{
	struct table *t = table_new(cli);
	char since[TABLE_TIME_SIZE];
	int rc;

	if (cli->format == FORMAT_TABLE) {
		clean_printf(stdout, "%s: %s, zone %s", c->code, c->week, c->zone);
		if (*c->zone_version != '\0')
			clean_printf(stdout, " (tzdata %s)", c->zone_version);
		(void)printf(", edition %u of %u", c->edition, c->editions);
		if (c->since_us != 0)
			(void)printf(" since %s", table_time_text(c->since_us, since));
		(void)printf("\n");
	}
	table_column(t, "date", 0);
	table_column(t, "day", 0);
	table_column(t, "what", 0);
	table_column(t, "name", 0);
	table_column(t, "hours", 0);
	table_column(t, "rule", 0);
	for (size_t i = 0; i < c->n_days; i++)
		day_put(t, c->days[i]);
	rc = c->n_days > 0 || cli->format != FORMAT_TABLE ? table_print(t, stdout) : 0;
	table_free(t);
	return rc;
}

int verb_calendar_show(struct cli *cli, int argc, char **argv)
{
	Otklik__V1__GetCalendarRequest in = OTKLIK__V1__GET_CALENDAR_REQUEST__INIT;
	const Otklik__V1__GetCalendarResponse *out;
	const ProtobufCMessage *reply = NULL;
	const char *code = "", *from = "", *to = "";
	const struct cli_option options[] = {
	        {"<calendar>", 0, OPTION_TEXT, &code, "this one and its days (default: all)",
	                false, 0, 0},
	        {"at", 0, OPTION_TIME, &in.at_us, "as it was in force then (default: now)",
	                false, 0, 0},
	        {"from", 0, OPTION_TEXT, &from, "days from this date on (default: today)",
	                false, 0, 0},
	        {"to", 0, OPTION_TEXT, &to, "up to this date (default: a year)", false, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "calendar show",
	        "calendars in force; of one its holidays and special working days, by name",
	        "  otklik calendar show\n"
	        "  otklik calendar show verf-hours --from 2027-01-01 --to 2027-12-31\n"
	        "  otklik calendar show verf-hours --at 2026-11-01 --format json\n",
	        options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	in.code = (char *)(uintptr_t)code;
	in.from = (char *)(uintptr_t)from;
	in.to = (char *)(uintptr_t)to;
	rc = cli_call(cli, METHOD_GET_CALENDAR, &in.base, &reply);
	if (rc != 0)
		return rc;
	if (cli->format == FORMAT_JSON)
		return json_print_message(reply, stdout);
	out = (const Otklik__V1__GetCalendarResponse *)(const void *)reply;
	if (*code == '\0')
		return all_print(cli, out);
	return out->n_calendars == 1 ? one_print(cli, out->calendars[0])
	                             : cli_lacks("calendar");
}
