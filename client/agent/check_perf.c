/* Performance data: a bounded, forgiving scanner. */
#include "agent/check_perf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"

enum { NUMBER_MAX = 40 };

/* What is left to read. */
struct scan {
	const char *at;
	const char *end;
};

static bool char_is_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool char_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A decimal of 1*[-0-9.]; locale-independent because only those characters reach strtod. */
static int number_parse(const char *text, size_t length, double *out)
{
	char copy[NUMBER_MAX + 1];
	char *rest;
	double value;

	if (length == 0 || length > NUMBER_MAX)
		return -OTK_INVALID_ARGUMENT;
	for (size_t i = 0; i < length; i++) {
		if (!char_is_number(text[i]))
			return -OTK_INVALID_ARGUMENT;
		copy[i] = text[i];
	}
	copy[length] = '\0';
	value = strtod(copy, &rest);
	if (*rest != '\0' || !isfinite(value))
		return -OTK_INVALID_ARGUMENT;
	*out = value;
	return 0;
}

int perf_range_parse(const char *text, size_t length, struct perf_range *out)
{
	struct perf_range range = {.set = true, .start = 0, .end = INFINITY};
	const char *colon;
	size_t head;

	if (length == 0) {
		*out = (struct perf_range){0};
		return 0;
	}
	if (*text == '@') {
		range.inside = true;
		text++;
		length--;
	}
	colon = memchr(text, ':', length);
	if (colon != NULL) {
		head = (size_t)(colon - text);
		if (head == 1 && *text == '~')
			range.start = -INFINITY;
		else if (head > 0 && number_parse(text, head, &range.start) != 0)
			return -OTK_INVALID_ARGUMENT;
		text = colon + 1;
		length -= head + 1;
	} else if (length == 0) {
		return -OTK_INVALID_ARGUMENT;
	}
	if (length > 0 && number_parse(text, length, &range.end) != 0)
		return -OTK_INVALID_ARGUMENT;
	if (range.start > range.end)
		return -OTK_INVALID_ARGUMENT;
	*out = range;
	return 0;
}

bool perf_range_alerts(const struct perf_range *range, double value)
{
	bool outside = value < range->start || value > range->end;

	return range->set && outside != range->inside;
}

/* Reads a bare or quoted label and its "="; the scan then stands on the value. */
static int label_scan(struct scan *scan, char out[PERF_LABEL_SIZE])
{
	size_t n = 0;
	bool quoted = scan->at < scan->end && *scan->at == '\'';

	if (quoted)
		scan->at++;
	for (; scan->at < scan->end; scan->at++) {
		char c = *scan->at;

		if (quoted && c == '\'') {
			if (scan->at + 1 < scan->end && scan->at[1] == '\'') {
				scan->at++;
			} else {
				scan->at++;
				quoted = false;
				break;
			}
		} else if (!quoted && (c == '=' || c == '\'' || char_is_space(c))) {
			break;
		}
		if (n + 1 >= PERF_LABEL_SIZE)
			return -OTK_INVALID_ARGUMENT;
		out[n++] = c;
	}
	if (quoted || n == 0 || scan->at >= scan->end || *scan->at != '=')
		return -OTK_INVALID_ARGUMENT;
	scan->at++;
	out[n] = '\0';
	return text_is_utf8(out, n) ? 0 : -OTK_INVALID_ARGUMENT;
}

/* The next field of "value;warn;crit;min;max"; the scan then stands after its ";". */
static size_t field_scan(struct scan *scan, const char **field)
{
	const char *from = scan->at;
	size_t length;

	while (scan->at < scan->end && *scan->at != ';')
		scan->at++;
	length = (size_t)(scan->at - from);
	if (scan->at < scan->end)
		scan->at++;
	*field = from;
	return length;
}

static int value_parse(const char *text, size_t length, struct perf_item *item)
{
	size_t n = 0;
	size_t rest;

	if (length > 0 && *text == 'U') {
		/* "U" stands alone: what follows it would be a unit of nothing. */
		item->known = false;
		return length == 1 ? 0 : -OTK_INVALID_ARGUMENT;
	}
	while (n < length && char_is_number(text[n]))
		n++;
	if (number_parse(text, n, &item->value) != 0)
		return -OTK_INVALID_ARGUMENT;
	item->known = true;
	rest = length - n;
	if (rest >= PERF_UOM_SIZE)
		return -OTK_INVALID_ARGUMENT;
	for (size_t i = n; i < length; i++) {
		if ((text[i] >= '0' && text[i] <= '9') || text[i] == '\'' || text[i] == '"')
			return -OTK_INVALID_ARGUMENT;
	}
	memcpy(item->uom, text + n, rest);
	item->uom[rest] = '\0';
	return text_is_utf8(item->uom, rest) ? 0 : -OTK_INVALID_ARGUMENT;
}

static int bound_parse(const char *text, size_t length, struct perf_bound *out)
{
	if (length == 0)
		return 0;
	out->set = true;
	return number_parse(text, length, &out->value);
}

static int fields_parse(struct scan fields, struct perf_item *item)
{
	const char *field;
	size_t length = field_scan(&fields, &field);

	if (value_parse(field, length, item) != 0)
		return -OTK_INVALID_ARGUMENT;
	length = field_scan(&fields, &field);
	if (perf_range_parse(field, length, &item->warn) != 0)
		return -OTK_INVALID_ARGUMENT;
	length = field_scan(&fields, &field);
	if (perf_range_parse(field, length, &item->crit) != 0)
		return -OTK_INVALID_ARGUMENT;
	length = field_scan(&fields, &field);
	if (bound_parse(field, length, &item->min) != 0)
		return -OTK_INVALID_ARGUMENT;
	length = field_scan(&fields, &field);
	if (bound_parse(field, length, &item->max) != 0)
		return -OTK_INVALID_ARGUMENT;
	return fields.at == fields.end ? 0 : -OTK_INVALID_ARGUMENT;
}

/* One item; always moves the scan past it. */
static int item_scan(struct scan *scan, struct perf_item *item)
{
	struct scan fields = {.at = scan->at};
	int rc;

	memset(item, 0, sizeof *item);
	rc = label_scan(scan, item->label);
	fields.at = scan->at;
	while (scan->at < scan->end && !char_is_space(*scan->at))
		scan->at++;
	fields.end = scan->at;
	return rc != 0 ? rc : fields_parse(fields, item);
}

size_t perf_parse(
        const char *text, size_t length, struct perf_item *items, size_t max, size_t *dropped)
{
	struct scan scan = {.at = text, .end = text + length};
	struct perf_item item;
	size_t count = 0;

	*dropped = 0;
	for (;;) {
		while (scan.at < scan.end && char_is_space(*scan.at))
			scan.at++;
		if (scan.at >= scan.end)
			return count;
		if (item_scan(&scan, &item) == 0 && count < max)
			items[count++] = item;
		else
			(*dropped)++;
	}
}
