/*
 * Plans, targets and pauses as text, parted by newlines: week, exceptions, target, rules,
 * names. What parses has a canonical form that parses to itself, and its due agrees with what
 * it counts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_history.h"
#include "core/calendar_mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void rule_is_stable(const struct holiday_rule *rule)
{
	struct holiday_rule again;
	struct buf text = {0};

	expect(rule_format(rule, &text) == 0);
	expect(rule_parse(buf_text(&text), "rules", &again, NULL) == 0);
	expect(rule_equals(rule, &again));
	buf_free(&text);
}

static void canonical_form_is_stable(const struct calendar_plan *plan)
{
	struct calendar_plan again = {0};
	struct buf week = {0};
	struct buf exceptions = {0};
	struct buf second = {0};

	for (size_t i = 0; i < plan->rule_count; i++)
		rule_is_stable(&plan->rules[i]);
	expect(plan_format_week(plan, &week) == 0);
	expect(plan_format_exceptions(plan, &exceptions) == 0);
	if (week.len <= PLAN_WEEK_TEXT_MAX && exceptions.len <= PLAN_EXCEPTION_TEXT_MAX) {
		expect(plan_parse("UTC", buf_text(&week), buf_text(&exceptions), &again,
		               NULL) == 0);
		expect(plan_format_week(&again, &second) == 0);
		expect(strcmp(buf_text(&week), buf_text(&second)) == 0);
		buf_reset(&second);
		expect(plan_format_exceptions(&again, &second) == 0);
		expect(strcmp(buf_text(&exceptions), buf_text(&second)) == 0);
		plan_release(&again);
	}
	buf_free(&week);
	buf_free(&exceptions);
	buf_free(&second);
}

static void names_are_stable(const struct calendar_plan *plan)
{
	struct calendar_plan again = {0};
	struct buf text = {0};
	struct buf second = {0};

	expect(plan_copy(plan, &again) == 0);
	expect(plan_format_names(plan, &text) == 0);
	expect(plan_parse_names(buf_text(&text), &again, NULL) == 0);
	expect(plan_format_names(&again, &second) == 0);
	expect(strcmp(buf_text(&text), buf_text(&second)) == 0);
	plan_release(&again);
	buf_free(&text);
	buf_free(&second);
}

/* What is told of an interval goes on to its end. */
static void marks_tile(struct calendar *calendar)
{
	int64_t start = INT64_C(1774659600000000);
	struct calendar_edition edition = {0, calendar};
	struct calendar_history history = {&edition, 1};
	struct calendar_iter iter;
	struct calendar_interval piece;

	calendar_iter_start(&iter, &history, start, start + INT64_C(1209600000000));
	while (calendar_iter_next(&iter, &piece) == 1) {
		struct calendar_mark mark;

		for (int64_t at = piece.from; at < piece.to; at = mark.until) {
			expect(history_mark(&history, piece.kind, at, piece.to, &mark) == 0);
			expect(mark.until > at && mark.until <= piece.to);
			expect(piece.kind != CALENDAR_HOLIDAY || mark.kind == MARK_HOLIDAY);
		}
	}
}

static void due_agrees_with_consumed(struct calendar *calendar, const struct target *target)
{
	int64_t start = INT64_C(1774659600000000); /* 2026-03-28, before a change of offset */
	struct interval pauses[] = {
	        {start + 3600000000, start + 9000000000}, {start - 5000000, start + 60000000}};
	struct calendar_edition edition = {0, calendar};
	struct calendar_history history = {&edition, 1};
	int64_t due;
	int64_t us;
	int64_t consumed;

	if (history_due(&history, start, target, pauses, 2, &due) != 0)
		return;
	expect(due >= start);
	expect(history_target_us(&history, start, target, &us) == 0);
	expect(history_consumed(&history, start, due, target->wall, pauses, 2, &consumed) == 0);
	expect(consumed == us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct calendar_plan plan;
	struct calendar *calendar;
	struct target target = {.us = 3600000000};
	char *text = malloc(size + 1);
	char *rest = text;
	const char *week;
	const char *exceptions;
	const char *length;
	const char *rules;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	week = strsep(&rest, "\n");
	exceptions = rest == NULL ? "" : strsep(&rest, "\n");
	length = rest == NULL ? "" : strsep(&rest, "\n");
	rules = rest == NULL ? "" : strsep(&rest, "\n");
	(void)target_parse(length, "target", &target, NULL);
	if (plan_parse("Europe/Berlin", week, exceptions, &plan, NULL) == 0) {
		(void)plan_parse_rules(rules, &plan, NULL);
		(void)plan_parse_names(rest, &plan, NULL);
		names_are_stable(&plan);
		canonical_form_is_stable(&plan);
		(void)plan_check_spans(&plan, NULL);
		if (calendar_new(&plan, &calendar, NULL) == 0) {
			due_agrees_with_consumed(calendar, &target);
			marks_tile(calendar);
			calendar_free(calendar);
		}
		plan_release(&plan);
	}
	free(text);
	return 0;
}
