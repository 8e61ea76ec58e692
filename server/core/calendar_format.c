/* Plans written in their canonical text form. */
#include "core/calendar_plan.h"

#include <string.h>

#include "base/time_text.h"

static const char *const DAY_NAMES[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static bool days_equal(const struct plan_day *a, const struct plan_day *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->count == b->count &&
	       memcmp(a->spans, b->spans, a->count * sizeof a->spans[0]) == 0;
}

static void spans_write(const struct plan_day *day, struct buf *out)
{
	for (size_t i = 0; i < day->count; i++) {
		int32_t start = day->spans[i].start / 60;
		int32_t end = day->spans[i].end / 60;

		if (end > 24 * 60)
			end -= 24 * 60;
		(void)buf_printf(out, "%s%02d:%02d-%02d:%02d", i > 0 ? "," : "", start / 60,
		        start % 60, end / 60, end % 60);
	}
}

static int buf_status(const struct buf *out)
{
	return out->failed ? -OTK_RESOURCE_EXHAUSTED : 0;
}

/* "mon-fri", "sat,sun", "mon,wed-fri": runs of three days or more are ranges. */
static void days_write(unsigned days, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < 7; i++) {
		size_t last = i;

		if ((days & 1U << i) == 0)
			continue;
		while (last < 6 && (days & 1U << (last + 1)) != 0)
			last++;
		(void)buf_printf(out, "%s%s", first ? "" : ",", DAY_NAMES[i]);
		first = false;
		if (last >= i + 2) {
			(void)buf_printf(out, "-%s", DAY_NAMES[last]);
			i = last;
		}
	}
}

int plan_format_week(const struct calendar_plan *plan, struct buf *out)
{
	unsigned written = 0;

	if (plan->always) {
		(void)buf_puts(out, "always");
		return buf_status(out);
	}
	for (size_t i = 0; i < 7; i++) {
		unsigned days = 0;

		if ((written & 1U << i) != 0 || plan->week[i].count == 0)
			continue;
		for (size_t k = i; k < 7; k++) {
			if (days_equal(&plan->week[i], &plan->week[k]))
				days |= 1U << k;
		}
		if (written != 0)
			(void)buf_puts(out, "; ");
		written |= days;
		days_write(days, out);
		(void)buf_putc(out, ' ');
		spans_write(&plan->week[i], out);
	}
	return buf_status(out);
}

static void date_write(int64_t date, struct buf *out)
{
	int64_t year;
	int month;
	int day;

	time_civil_from_days(date, &year, &month, &day);
	(void)buf_printf(out, "%04d-%02d-%02d", (int)year, month, day);
}

int plan_format_exceptions(const struct calendar_plan *plan, struct buf *out)
{
	for (size_t i = 0; i < plan->exception_count;) {
		const struct plan_exception *first = &plan->exceptions[i];
		size_t next = i + 1;

		while (next < plan->exception_count &&
		        plan->exceptions[next].date == first->date + (int64_t)(next - i) &&
		        days_equal(first->day, plan->exceptions[next].day))
			next++;
		if (i > 0)
			(void)buf_puts(out, "; ");
		date_write(first->date, out);
		if (next - i > 1) {
			(void)buf_puts(out, "..");
			date_write(plan->exceptions[next - 1].date, out);
		}
		if (first->day != NULL) {
			(void)buf_putc(out, ' ');
			spans_write(first->day, out);
		}
		i = next;
	}
	return buf_status(out);
}

int plan_format_rules(const struct calendar_plan *plan, struct buf *out)
{
	for (size_t i = 0; i < plan->rule_count; i++) {
		if (i > 0)
			(void)buf_puts(out, "; ");
		(void)rule_format(&plan->rules[i], out);
	}
	return buf_status(out);
}

static bool names_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Names are kept apart from what they name: a run of dates of one name is an entry. */
int plan_format_names(const struct calendar_plan *plan, struct buf *out)
{
	bool first = true;

	for (size_t i = 0, next; i < plan->exception_count; i = next) {
		const struct plan_exception *e = &plan->exceptions[i];

		for (next = i + 1; next < plan->exception_count; next++) {
			if (plan->exceptions[next].date != e->date + (int64_t)(next - i) ||
			        !names_equal(e->name, plan->exceptions[next].name))
				break;
		}
		if (e->name == NULL)
			continue;
		(void)buf_puts(out, first ? "" : "\n");
		date_write(e->date, out);
		if (next - i > 1) {
			(void)buf_puts(out, "..");
			date_write(plan->exceptions[next - 1].date, out);
		}
		(void)buf_printf(out, ": %s", e->name);
		first = false;
	}
	for (size_t i = 0; i < plan->rule_count; i++) {
		if (plan->rule_names[i] == NULL)
			continue;
		(void)buf_puts(out, first ? "" : "\n");
		(void)rule_format(&plan->rules[i], out);
		(void)buf_printf(out, ": %s", plan->rule_names[i]);
		first = false;
	}
	return buf_status(out);
}
