/* Plans as data; their text forms are in calendar_text.c. */
#include "core/calendar_plan.h"

#include <stdlib.h>
#include <string.h>

size_t plan_weekday(int64_t date)
{
	int64_t weekday = (date + 3) % 7; /* 1970-01-01 was a Thursday */

	return (size_t)(weekday < 0 ? weekday + 7 : weekday);
}

/* Index of the first exception on or after a date. */
static size_t exception_find(const struct calendar_plan *plan, int64_t date)
{
	size_t lo = 0;
	size_t hi = plan->exception_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (plan->exceptions[mid].date < date)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct plan_day *plan_on(
        const struct calendar_plan *plan, const struct rule_days *days, int64_t date)
{
	size_t i = exception_find(plan, date);

	if (i < plan->exception_count && plan->exceptions[i].date == date)
		return plan->exceptions[i].day;
	if (rule_days_has(days, date))
		return NULL;
	return &plan->week[plan_weekday(date)];
}

const struct plan_exception *plan_exception_on(const struct calendar_plan *plan, int64_t date)
{
	size_t i = exception_find(plan, date);

	return i < plan->exception_count && plan->exceptions[i].date == date
	               ? &plan->exceptions[i]
	               : NULL;
}

static size_t day_size(const struct plan_day *day)
{
	return offsetof(struct plan_day, spans) + day->count * sizeof day->spans[0];
}

/* NULL with *failed unset for NULL. Allocates no more than the spans in use. */
static struct plan_day *day_copy(const struct plan_day *day, bool *failed)
{
	struct plan_day *copy;

	if (day == NULL)
		return NULL;
	copy = malloc(day_size(day));
	if (copy == NULL)
		*failed = true;
	else
		memcpy(copy, day, day_size(day));
	return copy;
}

int plan_set_exception(struct calendar_plan *plan, int64_t date, const struct plan_day *day)
{
	size_t i = exception_find(plan, date);
	bool failed = false;
	struct plan_day *copy = day_copy(day, &failed);

	if (failed)
		return -OTK_RESOURCE_EXHAUSTED;
	if (i < plan->exception_count && plan->exceptions[i].date == date) {
		free(plan->exceptions[i].day);
		free(plan->exceptions[i].name);
		plan->exceptions[i].day = copy;
		plan->exceptions[i].name = NULL;
		return 0;
	}
	if (plan->exception_count == PLAN_EXCEPTIONS_MAX) {
		free(copy);
		return -OTK_OUT_OF_RANGE;
	}
	/* Grows at powers of two: 1, 2, 4... */
	if ((plan->exception_count & (plan->exception_count - 1)) == 0) {
		size_t cap = plan->exception_count == 0 ? 1 : plan->exception_count * 2;
		struct plan_exception *exceptions =
		        realloc(plan->exceptions, cap * sizeof *exceptions);

		if (exceptions == NULL) {
			free(copy);
			return -OTK_RESOURCE_EXHAUSTED;
		}
		plan->exceptions = exceptions;
	}
	memmove(plan->exceptions + i + 1, plan->exceptions + i,
	        (plan->exception_count - i) * sizeof *plan->exceptions);
	plan->exceptions[i].date = date;
	plan->exceptions[i].day = copy;
	plan->exceptions[i].name = NULL;
	plan->exception_count++;
	return 0;
}

static int name_set(char **name, const char *text)
{
	char *copy = text == NULL || *text == '\0' ? NULL : strdup(text);

	if (copy == NULL && text != NULL && *text != '\0')
		return -OTK_RESOURCE_EXHAUSTED;
	free(*name);
	*name = copy;
	return 0;
}

int plan_set_name(struct calendar_plan *plan, int64_t date, const char *name)
{
	size_t i = exception_find(plan, date);

	if (i == plan->exception_count || plan->exceptions[i].date != date)
		return -OTK_NOT_FOUND;
	return name_set(&plan->exceptions[i].name, name);
}

int plan_set_rule_name(struct calendar_plan *plan, size_t rule, const char *name)
{
	if (rule >= plan->rule_count)
		return -OTK_NOT_FOUND;
	return name_set(&plan->rule_names[rule], name);
}

int plan_copy(const struct calendar_plan *plan, struct calendar_plan *out)
{
	struct calendar_plan copy = *plan;
	int rc = 0;

	copy.exceptions = NULL;
	copy.exception_count = 0;
	memset(copy.rule_names, 0, sizeof copy.rule_names);
	for (size_t i = 0; rc == 0 && i < plan->exception_count; i++) {
		const struct plan_exception *from = &plan->exceptions[i];

		rc = plan_set_exception(&copy, from->date, from->day);
		if (rc == 0)
			rc = plan_set_name(&copy, from->date, from->name);
	}
	for (size_t i = 0; rc == 0 && i < plan->rule_count; i++)
		rc = plan_set_rule_name(&copy, i, plan->rule_names[i]);
	if (rc != 0) {
		plan_release(&copy);
		return rc;
	}
	*out = copy;
	return 0;
}

void plan_clear_exceptions(struct calendar_plan *plan)
{
	for (size_t i = 0; i < plan->exception_count; i++) {
		free(plan->exceptions[i].day);
		free(plan->exceptions[i].name);
	}
	free(plan->exceptions);
	plan->exceptions = NULL;
	plan->exception_count = 0;
}

void plan_release(struct calendar_plan *plan)
{
	plan_clear_exceptions(plan);
	for (size_t i = 0; i < plan->rule_count; i++)
		free(plan->rule_names[i]);
	memset(plan, 0, sizeof *plan);
}
