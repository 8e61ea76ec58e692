/* Calendars of a declaration, in their canonical texts. */
#include <string.h>

#include "base/buf.h"
#include "base/time_text.h"
#include "core/calendar.h"
#include "rpc/installation_declare_internal.h"

enum { DATE_SIZE = 11, CALENDARS_MAX = 500 };

static const char *copy(struct declare *d, struct buf *text)
{
	const char *kept = text->failed ? NULL : arena_strdup(d->arena, buf_text(text));

	if (kept == NULL)
		d->no_memory = true;
	buf_free(text);
	return kept == NULL ? "" : kept;
}

const struct thing *declare_calendar_thing(const struct declare *d, const char *code)
{
	const struct thing_list *list = d->stored != NULL ? d->stored : d->list;

	for (size_t i = 0; i < list->count; i++) {
		const struct thing *thing = &list->things[i];

		if (thing->kind == THING_CALENDAR && strcmp(thing->code, code) == 0)
			return thing;
	}
	return NULL;
}

const char *declare_calendar_zone(const struct declare *d, const char *code)
{
	const struct thing *thing = declare_calendar_thing(d, code);

	return thing == NULL ? NULL : thing_text(thing, CALENDAR_ZONE);
}

static const Otklik__V1__Calendar *find(const struct declare *d, const char *code, size_t *at)
{
	for (size_t i = 0; i < d->in->n_calendars; i++) {
		*at = i;
		if (strcmp(d->in->calendars[i]->code, code) == 0)
			return d->in->calendars[i];
	}
	return NULL;
}

/* Its own zone, else that of the calendar it is based on. */
static const char *zone_of(const struct declare *d, const Otklik__V1__Calendar *c)
{
	size_t at;
	const Otklik__V1__Calendar *base =
	        *c->zone != '\0' || *c->based_on == '\0' ? NULL : find(d, c->based_on, &at);

	return base == NULL ? c->zone : base->zone;
}

/* "what: name" taken apart; the name is "" where there is none or it is wrong, which is told.
 */
static const char *take_name(
        struct declare *d, const char *path, const char *text, const char **name)
{
	const char *colon = strchr(text, ':');
	char *what;

	*name = "";
	if (colon == NULL)
		return text;
	what = arena_printf(d->arena, "%.*s", (int)(colon - text), text);
	colon++;
	colon += strspn(colon, " \t");
	if (plan_name_check(colon, path, d->err) == 0)
		*name = colon;
	if (what == NULL)
		d->no_memory = true;
	return what == NULL ? "" : what;
}

/* Sets one exception; `day` NULL: a holiday. */
static void set_day(struct declare *d, struct calendar_plan *plan, const char *path,
        int64_t date, const struct plan_day *day, const char *name)
{
	int rc;

	if (plan_exception_on(plan, date) != NULL) {
		error_field(d->err, path, "this date is declared twice");
		return;
	}
	rc = plan_set_exception(plan, date, day);
	if (rc == 0)
		rc = plan_set_name(plan, date, name);
	if (rc == -OTK_OUT_OF_RANGE)
		error_field(d->err, path, "at most %d dates", PLAN_EXCEPTIONS_MAX);
	else if (rc < 0)
		d->no_memory = true;
}

static void read_special(struct declare *d, struct calendar_plan *plan, size_t i, size_t k)
{
	const Otklik__V1__SpecialDay *special = d->in->calendars[i]->special_days[k];
	const char *path = declare_path(d, "calendars[%zu].special_days[%zu].date", i, k);
	struct calendar_plan part = {0};
	struct otk_error why = {0};
	const char *text;
	int64_t date;

	if (time_parse_date(special->date, &date) < 0) {
		error_field(d->err, path, "must be a date such as 2026-12-31");
		return;
	}
	text = arena_printf(d->arena, "%s %s", special->date, special->spans);
	if (text == NULL) {
		d->no_memory = true;
		return;
	}
	if (*special->spans == '\0' || plan_parse_exceptions(text, &part, &why) < 0 ||
	        part.exception_count != 1 || part.exceptions[0].day == NULL ||
	        plan_check_spans(&part, &why) < 0)
		error_field(d->err,
		        declare_path(d, "calendars[%zu].special_days[%zu].spans", i, k), "%s",
		        why.violation_count > 0
		                ? why.violations[0].description
		                : "must be spans such as 09:00-13:00,14:00-15:00");
	else if (*special->name == '\0' ||
	         plan_name_check(special->name,
	                 declare_path(d, "calendars[%zu].special_days[%zu].name", i, k),
	                 d->err) == 0)
		set_day(d, plan, path, date, part.exceptions[0].day, special->name);
	plan_release(&part);
}

static void read_days(struct declare *d, struct calendar_plan *plan, size_t i)
{
	const Otklik__V1__Calendar *c = d->in->calendars[i];

	for (size_t k = 0; k < c->n_holidays && k < PLAN_EXCEPTIONS_MAX; k++) {
		const char *path = declare_path(d, "calendars[%zu].holidays[%zu]", i, k);
		const char *name;
		int64_t date;

		if (time_parse_date(take_name(d, path, c->holidays[k], &name), &date) < 0)
			error_field(d->err, path,
			        "must be a date such as 2026-12-25, or 2026-12-25: Christmas");
		else
			set_day(d, plan, path, date, NULL, name);
	}
	for (size_t k = 0; k < c->n_special_days && k < PLAN_EXCEPTIONS_MAX; k++)
		read_special(d, plan, i, k);
	if (c->n_holidays > PLAN_EXCEPTIONS_MAX || c->n_special_days > PLAN_EXCEPTIONS_MAX)
		error_field(d->err, declare_path(d, "calendars[%zu].holidays", i),
		        "at most %d dates", PLAN_EXCEPTIONS_MAX);
}

static void read_rules(struct declare *d, struct calendar_plan *plan, size_t i)
{
	const Otklik__V1__Calendar *c = d->in->calendars[i];

	if (c->n_rules > RULES_MAX)
		error_field(d->err, declare_path(d, "calendars[%zu].rules", i),
		        "at most %d rules", RULES_MAX);
	for (size_t k = 0; k < c->n_rules && k < RULES_MAX; k++) {
		const char *path = declare_path(d, "calendars[%zu].rules[%zu]", i, k);
		struct otk_error why = {0};
		const char *name;
		const char *rule = take_name(d, path, c->rules[k], &name);

		if (rule[strspn(rule, " \t\r\n")] == '\0')
			error_field(
			        d->err, path, "the rule is empty; write one such as `jan 1`");
		else if (strchr(rule, ';') != NULL)
			error_field(d->err, path, "one rule an entry: no `;`");
		else if (plan_parse_rules(rule, plan, &why) < 0)
			error_field(d->err, path, "%s", why.violations[0].description);
		else if (plan_set_rule_name(plan, plan->rule_count - 1, name) < 0)
			d->no_memory = true;
	}
}

static void read_plan(struct declare *d, size_t i, struct calendar_plan *plan);

/* Adds the days of the base that the calendar does not speak of itself. */
static void merge_base(struct declare *d, const struct calendar_plan *base, size_t i,
        struct calendar_plan *plan)
{
	const char *path = declare_path(d, "calendars[%zu].based_on", i);
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < base->exception_count; k++) {
		const struct plan_exception *from = &base->exceptions[k];

		if (plan_exception_on(plan, from->date) != NULL)
			continue;
		rc = plan_set_exception(plan, from->date, from->day);
		if (rc == 0)
			rc = plan_set_name(plan, from->date, from->name);
	}
	if (rc == -OTK_OUT_OF_RANGE)
		error_field(d->err, path, "with the days of its base it has more than %d dates",
		        PLAN_EXCEPTIONS_MAX);
	else if (rc < 0)
		d->no_memory = true;
	for (size_t k = 0; k < base->rule_count; k++) {
		bool known = false;

		for (size_t n = 0; n < plan->rule_count; n++)
			known = known || rule_equals(&plan->rules[n], &base->rules[k]);
		if (!known && plan->rule_count == RULES_MAX) {
			error_field(d->err, path,
			        "with the rules of its base it has more than %d", RULES_MAX);
			return;
		}
		if (known)
			continue;
		plan->rules[plan->rule_count++] = base->rules[k];
		if (plan_set_rule_name(plan, plan->rule_count - 1, base->rule_names[k]) < 0)
			d->no_memory = true;
	}
}

/* Names a calendar on which another may be based, or none. */
static bool base_is_sound(struct declare *d, size_t i)
{
	const char *base = d->in->calendars[i]->based_on;
	const char *path = declare_path(d, "calendars[%zu].based_on", i);
	size_t at = 0;

	if (*base == '\0')
		return true;
	if (find(d, base, &at) == NULL)
		error_field(d->err, path, "no calendar '%s' is declared", base);
	else if (*d->in->calendars[at]->based_on != '\0')
		error_field(d->err, path,
		        "'%s' is based on a calendar itself; name one that is not", base);
	else
		return true;
	return false;
}

static void read_base(struct declare *d, struct calendar_plan *plan, size_t i)
{
	const Otklik__V1__Calendar *c = d->in->calendars[i];
	struct calendar_plan base = {0};
	struct otk_error theirs = {0};
	struct declare quiet =
	        *d; /* what is wrong with the base is told where it is declared */
	size_t at = 0;

	if (*c->based_on == '\0' || find(d, c->based_on, &at) == NULL)
		return;
	quiet.err = &theirs;
	read_plan(&quiet, at, &base);
	d->no_memory = d->no_memory || quiet.no_memory;
	if (theirs.code == OTK_OK && !d->no_memory)
		merge_base(d, &base, i, plan);
	plan_release(&base);
}

/* The spans of one special day as the plan writes them, without its date. */
static const char *spans_of(struct declare *d, const struct plan_exception *exception)
{
	struct calendar_plan one = {0};
	struct buf text = {0};
	const char *spans;

	if (plan_set_exception(&one, exception->date, exception->day) < 0 ||
	        plan_format_exceptions(&one, &text) < 0)
		text.failed = 1;
	plan_release(&one);
	spans = copy(d, &text);
	return strlen(spans) > DATE_SIZE ? spans + DATE_SIZE : "";
}

/* Fills texts and terms from the plan, whose dates are in order. */
static void write_terms(
        struct declare *d, struct thing *thing, const struct calendar_plan *plan)
{
	struct calendar_terms *terms = declare_take(d, 1, sizeof *terms);
	struct buf week = {0}, holidays = {0}, specials = {0}, rules = {0}, names = {0};
	size_t count = plan->exception_count;

	if (terms == NULL)
		return;
	terms->holidays = declare_take(d, count, sizeof *terms->holidays);
	terms->special_dates = declare_take(d, count, sizeof *terms->special_dates);
	terms->special_spans = declare_take(d, count, sizeof *terms->special_spans);
	terms->rules = declare_take(d, plan->rule_count, sizeof *terms->rules);
	if (d->no_memory)
		return;
	for (size_t i = 0; i < plan->rule_count; i++) {
		struct buf rule = {0};

		(void)rule_format(&plan->rules[i], &rule);
		terms->rules[terms->rule_count++] = copy(d, &rule);
	}
	for (size_t i = 0; i < count; i++) {
		const struct plan_exception *exception = &plan->exceptions[i];
		int64_t year;
		int month, day;

		time_civil_from_days(exception->date, &year, &month, &day);
		if (exception->day == NULL) {
			buf_printf(&holidays, "%s%04d-%02d-%02d", holidays.len > 0 ? "," : "",
			        (int)year, month, day);
			terms->holidays[terms->holiday_count++] = exception->date;
		} else {
			const char *spans = spans_of(d, exception);

			buf_printf(&specials, "%s%04d-%02d-%02d %s",
			        specials.len > 0 ? "," : "", (int)year, month, day, spans);
			terms->special_dates[terms->special_count] = exception->date;
			terms->special_spans[terms->special_count++] = spans;
		}
	}
	(void)plan_format_week(plan, &week);
	(void)plan_format_rules(plan, &rules);
	(void)plan_format_names(plan, &names);
	thing->terms.calendar = terms;
	thing->texts[CALENDAR_WEEK] = copy(d, &week);
	thing->texts[CALENDAR_HOLIDAYS] = copy(d, &holidays);
	thing->texts[CALENDAR_SPECIAL_DAYS] = copy(d, &specials);
	thing->texts[CALENDAR_RULES] = copy(d, &rules);
	thing->texts[CALENDAR_NAMES] = copy(d, &names);
}

/* The week as it is written, else as the base writes it. */
static const char *week_of(const struct declare *d, const Otklik__V1__Calendar *c)
{
	size_t at;
	const Otklik__V1__Calendar *base =
	        *c->week != '\0' || *c->based_on == '\0' ? NULL : find(d, c->based_on, &at);

	return base == NULL ? c->week : base->week;
}

/* Everything of a calendar; without an error in d->err when it is right. */
static void read_plan(struct declare *d, size_t i, struct calendar_plan *plan)
{
	const Otklik__V1__Calendar *c = d->in->calendars[i];
	const char *prefix = declare_path(d, "calendars[%zu]", i);
	struct otk_error why = {0};

	if (!base_is_sound(d, i))
		return;
	if (plan_parse(zone_of(d, c), week_of(d, c), NULL, plan, &why) < 0 ||
	        plan_check_spans(plan, &why) < 0) {
		declare_adopt(d, prefix, &why);
		return;
	}
	if (c->n_ics > 0)
		error_field(d->err, declare_path(d, "calendars[%zu].ics[0]", i),
		        "files are read by the command line; send their dates as holidays");
	read_days(d, plan, i);
	read_rules(d, plan, i);
	read_base(d, plan, i);
}

static void declare_calendar(struct declare *d, size_t i)
{
	const Otklik__V1__Calendar *c = d->in->calendars[i];
	const char *prefix = declare_path(d, "calendars[%zu]", i);
	struct thing *thing = declare_thing(d, THING_CALENDAR, c->code);
	struct calendar *calendar = NULL;
	struct calendar_plan plan = {0};
	struct otk_error why = {0};
	size_t wrong = d->err->violation_count;

	if (thing == NULL)
		return;
	thing->texts[CALENDAR_ZONE] = zone_of(d, c);
	read_plan(d, i, &plan);
	/* Whether it is ever open can only be told of a whole plan. */
	if (d->err->violation_count == wrong && !d->no_memory) {
		if (calendar_new(&plan, &calendar, &why) < 0 ||
		        calendar_validate(calendar, &why) < 0)
			declare_adopt(d, prefix, &why);
		else
			write_terms(d, thing, &plan);
		calendar_free(calendar);
	}
	plan_release(&plan);
}

void declare_calendars(struct declare *d)
{
	if (d->in->n_calendars > CALENDARS_MAX) {
		error_field(d->err, "calendars", "at most %d", CALENDARS_MAX);
		return;
	}
	for (size_t i = 0; !d->no_memory && i < d->in->n_calendars; i++)
		declare_calendar(d, i);
}
