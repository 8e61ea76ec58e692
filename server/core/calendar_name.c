/* Names of holidays and special working days: what may be one, and the text of all of a plan.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time_text.h"
#include "core/calendar_plan.h"

enum { DATE_LENGTH = 10 };

int plan_name_check(const char *name, const char *field, struct otk_error *err)
{
	size_t length = strlen(name);

	if (length > PLAN_NAME_MAX)
		return error_field(err, field, "a name has at most %d bytes, this one %zu",
		        PLAN_NAME_MAX, length);
	if (!text_is_utf8(name, length))
		return error_field(err, field, "a name is UTF-8 text");
	for (const char *c = name; *c != '\0'; c++) {
		if (text_unwanted(c, true) != 0)
			return error_field(
			        err, field, "a name is one line without control characters");
	}
	if (text_is_blank(name))
		return error_field(err, field, "the name is empty");
	return 0;
}

void plan_name_clean(const char *text, char out[PLAN_NAME_MAX + 1])
{
	size_t length = 0;

	while (*text != '\0' && length < PLAN_NAME_MAX) {
		size_t unwanted = text_unwanted(text, true);

		if (unwanted == 0 && *text != ' ')
			out[length++] = *text;
		else if (length > 0 && out[length - 1] != ' ')
			out[length++] = ' ';
		text += unwanted > 0 ? unwanted : 1;
	}
	while (length > 0 && out[length - 1] == ' ')
		length--;
	out[length] = '\0';
	text_cut_utf8(out, PLAN_NAME_MAX);
	if (text_is_blank(out))
		out[0] = '\0';
}

static int wrong(struct otk_error *err, const char *entry)
{
	return error_field(err, "names", "'%.60s' names nothing that the calendar has", entry);
}

/* "2026-01-01" or "2026-01-01..2026-01-08"; false: neither. */
static bool dates_read(const char *text, int64_t *first, int64_t *last)
{
	size_t length = strlen(text);
	char date[DATE_LENGTH + 1];

	if (length != DATE_LENGTH && length != 2 * DATE_LENGTH + 2)
		return false;
	(void)snprintf(date, sizeof date, "%s", text);
	if (time_parse_date(date, first) != 0)
		return false;
	*last = *first;
	if (length == DATE_LENGTH)
		return true;
	text += DATE_LENGTH;
	return strncmp(text, "..", 2) == 0 && time_parse_date(text + 2, last) == 0 &&
	       *last > *first && *last - *first < PLAN_EXCEPTIONS_MAX;
}

static int rule_named(
        struct calendar_plan *plan, const char *what, const char *name, struct otk_error *err)
{
	struct holiday_rule rule;

	if (rule_parse(what, "names", &rule, err) < 0)
		return -OTK_INVALID_ARGUMENT;
	for (size_t i = 0; i < plan->rule_count; i++) {
		if (rule_equals(&plan->rules[i], &rule))
			return plan_set_rule_name(plan, i, name);
	}
	return -OTK_NOT_FOUND;
}

/* "what: name", taken apart in place. */
static int entry_read(struct calendar_plan *plan, char *entry, struct otk_error *err)
{
	char *colon = strstr(entry, ": ");
	int64_t first, last;
	int rc = 0;

	if (colon == NULL)
		return wrong(err, entry);
	*colon = '\0';
	if (plan_name_check(colon + 2, "names", err) < 0)
		return -OTK_INVALID_ARGUMENT;
	if (!dates_read(entry, &first, &last))
		rc = rule_named(plan, entry, colon + 2, err);
	else
		for (int64_t date = first; rc == 0 && date <= last; date++)
			rc = plan_set_name(plan, date, colon + 2);
	return rc == -OTK_NOT_FOUND ? wrong(err, entry) : rc;
}

int plan_parse_names(const char *text, struct calendar_plan *plan, struct otk_error *err)
{
	int rc = 0;

	if (text != NULL && strlen(text) > PLAN_NAMES_TEXT_MAX)
		return error_field(
		        err, "names", "the text is longer than %d bytes", PLAN_NAMES_TEXT_MAX);
	while (rc == 0 && text != NULL && *text != '\0') {
		char entry[RULE_TEXT_MAX + PLAN_NAME_MAX + 3];
		size_t length = strcspn(text, "\n");

		if (length >= sizeof entry)
			return wrong(err, text);
		memcpy(entry, text, length);
		entry[length] = '\0';
		rc = entry_read(plan, entry, err);
		text += length + (text[length] == '\n');
	}
	if (rc == -OTK_RESOURCE_EXHAUSTED)
		return error_set(err, OTK_RESOURCE_EXHAUSTED, "NO_MEMORY", "out of memory");
	return rc;
}
