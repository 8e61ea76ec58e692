/* otklik calendar ics and calendar holidays; .ics files of a declaration. */
#include "cli/calendar_ics.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time_text.h"
#include "cli/clean.h"
#include "cli/ics.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "core/calendar_plan.h"
#include "core/calendar_rule.h"

enum { DATE_LENGTH = 10, CALENDAR_FILES_MAX = 16 };

static const char *const WEEKDAYS[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static void date_text(int64_t date, char out[TIME_TEXT_SIZE])
{
	(void)time_format_utc(date * INT64_C(86400000000), out);
	out[DATE_LENGTH] = '\0';
}

static void notes_tell(const char *file, const struct ics *ics)
{
	for (size_t i = 0; i < ics->note_count && i < ICS_NOTES_MAX; i++) {
		clean_printf(stderr, "note: %s:%u: %s", file, ics->notes[i].line,
		        ics->notes[i].text);
		(void)fputc('\n', stderr);
	}
	if (ics->note_count > ICS_NOTES_MAX) {
		clean_printf(stderr, "note: %s: %zu more events are passed over", file,
		        ics->note_count - ICS_NOTES_MAX);
		(void)fputc('\n', stderr);
	}
}

/* ---- verbs ------------------------------------------------------------------------------ */

int verb_calendar_ics(struct cli *cli, int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = {
	        {"<file>", 0, OPTION_TEXT, &file, "iCalendar file (.ics)", true, 0, 0},
	        {.name = NULL},
	};
	int rc = options_read(cli, "calendar ics",
	        "the holidays that an iCalendar file gives: the dates of its all-day events",
	        "  otklik calendar ics holidays-2027.ics\n"
	        "  otklik --format csv calendar ics holidays-2027.ics\n"
	        "A calendar of an installation names such files: `ics: [holidays-2027.ics]`.\n"
	        "Events with a time of day and cancelled ones are passed over, and told.\n",
	        options, argc, argv);
	struct otk_error err;
	struct table *t;
	struct ics ics;

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	error_clear(&err);
	if (ics_file_read(cli->arena, file, &ics, &err) < 0) {
		(void)cli_fail(&err);
		return err.code == OTK_NOT_FOUND ? EXIT_NO_INPUT : EXIT_DATA;
	}
	t = table_new(cli);
	table_column(t, "date", 0);
	table_column(t, "day", 0);
	table_column(t, "holiday", 0);
	table_column(t, "line", TABLE_RIGHT);
	for (size_t i = 0; i < ics.count; i++) {
		char date[TIME_TEXT_SIZE];

		date_text(ics.days[i].date, date);
		table_row(t);
		table_text(t, date);
		table_text(t, WEEKDAYS[plan_weekday(ics.days[i].date)]);
		table_text(t, ics.days[i].summary);
		table_number(t, ics.days[i].line);
	}
	rc = ics.count > 0 || cli->format != FORMAT_TABLE ? table_print(t, stdout) : 0;
	table_free(t);
	notes_tell(file, &ics);
	(void)fprintf(stderr, "%zu date%s\n", ics.count, ics.count == 1 ? "" : "s");
	return rc;
}

static int days_print(struct cli *cli, const struct rule_days *days, int64_t from, int64_t to)
{
	struct table *t = table_new(cli);
	int rc;

	table_column(t, "date", 0);
	table_column(t, "day", 0);
	for (int64_t date = time_days_from_civil(from, 1, 1);
	        date < time_days_from_civil(to + 1, 1, 1); date++) {
		char text[TIME_TEXT_SIZE];

		if (!rule_days_has(days, date))
			continue;
		date_text(date, text);
		table_row(t);
		table_text(t, text);
		table_text(t, WEEKDAYS[plan_weekday(date)]);
	}
	rc = table_print(t, stdout);
	table_free(t);
	return rc;
}

int verb_calendar_holidays(struct cli *cli, int argc, char **argv)
{
	struct option_list rules = {0};
	int64_t from = 0, to = 0;
	const struct cli_option options[] = {
	        {"rule", 'r', OPTION_LIST, &rules,
	                "a rule, may be repeated: jan 1-8; last mon of may; easter+1; orthodox "
	                "easter; dec 25 observed next weekday",
	                true, 0, 0},
	        {"from", 0, OPTION_NUMBER, &from, "first year", true, 1970, 2100},
	        {"to", 0, OPTION_NUMBER, &to, "last year (as --from)", false, 1970, 2100},
	        {.name = NULL},
	};
	int rc = options_read(cli, "calendar holidays",
	        "the dates that rules for holidays make, without a server",
	        "  otklik calendar holidays --rule 'easter-2' --rule 'easter+1' --from 2027\n"
	        "  otklik calendar holidays -r 'dec 25-26 observed next weekday' --from 2026 "
	        "--to 2030\n",
	        options, argc, argv);
	struct calendar_plan plan = {0};
	struct rule_days *days = NULL;
	struct otk_error err;

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	error_clear(&err);
	for (size_t i = 0; i < rules.count; i++) {
		if (plan_parse_rules(rules.items[i], &plan, &err) < 0) {
			(void)cli_fail(&err);
			return EXIT_DATA;
		}
	}
	if (to == 0)
		to = from;
	if (to < from)
		return cli_usage("calendar holidays", "--to is before --from");
	days = rule_days_new(plan.rules, plan.rule_count);
	if (days == NULL) {
		(void)error_set(&err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
		return cli_fail(&err);
	}
	rc = days_print(cli, days, from, to);
	rule_days_free(days);
	return rc;
}

/* ---- declarations ----------------------------------------------------------------------- */

/* A name of the file's folder, unless it begins at the root. */
static const char *path_beside(struct arena *arena, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	if (*name == '/' || slash == NULL)
		return name;
	return arena_printf(arena, "%.*s/%s", (int)(slash - file), file, name);
}

static bool speaks_of(const Otklik__V1__Calendar *c, size_t holidays, const char *date)
{
	/* A date may have a name behind it. */
	for (size_t i = 0; i < holidays; i++) {
		if (strncmp(c->holidays[i], date, DATE_LENGTH) == 0)
			return true;
	}
	for (size_t i = 0; i < c->n_special_days; i++) {
		if (strcmp(c->special_days[i]->date, date) == 0)
			return true;
	}
	return false;
}

static int no_memory(struct otk_error *err)
{
	return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
}

static int file_take(
        struct arena *arena, const char *path, Otklik__V1__Calendar *c, struct otk_error *err)
{
	struct ics ics;
	char **holidays;
	size_t own = c->n_holidays;
	int rc = ics_file_read(arena, path, &ics, err);

	if (rc < 0)
		return rc;
	notes_tell(path, &ics);
	holidays = arena_calloc(arena, own + ics.count + 1, sizeof *holidays);
	if (holidays == NULL)
		return no_memory(err);
	if (own > 0)
		memcpy(holidays, c->holidays, own * sizeof *holidays);
	c->holidays = holidays;
	for (size_t i = 0; i < ics.count; i++) {
		char date[TIME_TEXT_SIZE];
		char name[PLAN_NAME_MAX + 1];

		date_text(ics.days[i].date, date);
		if (speaks_of(c, own, date))
			continue;
		plan_name_clean(ics.days[i].summary, name);
		holidays[c->n_holidays] =
		        arena_printf(arena, "%s%s%s", date, *name == '\0' ? "" : ": ", name);
		if (holidays[c->n_holidays++] == NULL)
			return no_memory(err);
	}
	return 0;
}

/* The file itself is missing or closed: said where it is named. */
static int unreadable(const char *file, const struct yaml_lines *lines, size_t calendar,
        size_t at, struct otk_error *err)
{
	char path[64], why[sizeof err->message];

	(void)snprintf(path, sizeof path, "calendars[%zu].ics[%zu]", calendar, at);
	(void)snprintf(why, sizeof why, "%s", err->message);
	return error_set(err, OTK_NOT_FOUND, "UNREADABLE", "%.200s:%u: %s: %.400s", file,
	        yaml_line_of(lines, path), path, why);
}

int calendar_ics_take(struct arena *arena, const char *file, const struct yaml_lines *lines,
        Otklik__V1__Installation *in, struct otk_error *err)
{
	for (size_t i = 0; i < in->n_calendars; i++) {
		Otklik__V1__Calendar *c = in->calendars[i];

		if (c->n_ics > CALENDAR_FILES_MAX)
			return error_field(err, "calendars", "'%.64s' names more than %d files",
			        c->code, CALENDAR_FILES_MAX);
		for (size_t k = 0; k < c->n_ics; k++) {
			const char *path = path_beside(arena, file, c->ics[k]);
			int rc = path == NULL ? no_memory(err) : file_take(arena, path, c, err);

			if (rc == -OTK_NOT_FOUND)
				return unreadable(file, lines, i, k, err);
			if (rc < 0)
				return rc;
		}
		c->n_ics = 0;
	}
	return 0;
}
