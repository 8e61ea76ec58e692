/* Contracts of a declaration: what they cover, the matrix, validity. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "core/duration.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "rpc/installation_contract_internal.h"

enum { CONTRACTS_MAX = 1000 };
enum { SPAN_DAYS_MAX = 3653 };

enum { WARNINGS_MAX = 50 };

const char *contract_path(const struct contract_reading *r, const char *format, ...)
{
	char part[OTK_FIELD_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(part, sizeof part, format, args);
	va_end(args);
	return declare_path(r->d, "%s%s", r->prefix, part);
}

void contract_warn(const struct contract_reading *r, const char *path, const char *format, ...)
{
	struct declare *d = r->d;
	char text[OTK_VIOLATION_SIZE];
	va_list args;

	if (d->warnings == NULL)
		d->warnings = declare_take(d, WARNINGS_MAX, sizeof *d->warnings);
	if (d->no_memory || d->warning_count == WARNINGS_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_cut_utf8(text, strlen(text));
	d->warnings[d->warning_count].field = path;
	d->warnings[d->warning_count].text = arena_strdup(d->arena, text);
	if (d->warnings[d->warning_count++].text == NULL)
		d->no_memory = true;
}

bool contract_clock(struct declare *d, const char *path, const char *text, enum clock_kind *out)
{
	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		if (strcmp(text, clock_kind_name((enum clock_kind)kind)) == 0) {
			*out = (enum clock_kind)kind;
			return true;
		}
	}
	error_field(d->err, path,
	        "'%.40s' must be response, update, resolution, operational or supplier", text);
	return false;
}

void contract_tickets(const struct contract_reading *r, const char *prefix, const char *type,
        uint32_t priority, const char *service, int16_t *out_type)
{
	struct declare *d = r->d;

	if (strcmp(type, "incident") == 0)
		*out_type = TICKET_INCIDENT;
	else if (strcmp(type, "service_request") == 0)
		*out_type = TICKET_SERVICE_REQUEST;
	else if (*type != '\0')
		error_field(d->err, declare_path(d, "%s.type", prefix),
		        "'%.40s' must be incident or service_request, or left out for both",
		        type);
	if (priority > PRIORITY_MAX)
		error_field(d->err, declare_path(d, "%s.priority", prefix),
		        "must be 1 to %d, or left out for every priority", PRIORITY_MAX);
	if (*service != '\0')
		(void)declare_known(d, &d->services, declare_pair(d, r->in->customer, service),
		        declare_path(d, "%s.service", prefix), "service");
}

/* --- what it covers ---------------------------------------------------------------------- */

static const char **read_covers(const struct contract_reading *r, const struct names *names,
        size_t count, char *const *codes, const char *what, size_t *out)
{
	const char **kept = declare_take(r->d, count, sizeof *kept);

	for (size_t i = 0; kept != NULL && i < count; i++) {
		const char *path = contract_path(r, "%ss[%zu]", what, i);
		const char *pair = declare_pair(r->d, r->in->customer, codes[i]);

		if (!declare_known(r->d, names, pair, path, what))
			continue;
		for (size_t k = 0; k < *out; k++) {
			if (strcmp(kept[k], codes[i]) == 0)
				error_field(r->d->err, path, "'%s' is named twice", codes[i]);
		}
		kept[(*out)++] = codes[i];
	}
	return kept;
}

/* --- the rest ---------------------------------------------------------------------------- */

static void read_matrix(const struct contract_reading *r)
{
	for (int i = 0; i < 9; i++)
		r->terms->matrix[i] = PRIORITY_MATRIX[i];
	if (r->in->n_priority_matrix == 0)
		return;
	if (r->in->n_priority_matrix != 9) {
		error_field(r->d->err, contract_path(r, "priority_matrix"),
		        "has nine priorities, impact 1 to 3 by urgency 1 to 3, or none; not "
		        "%zu",
		        r->in->n_priority_matrix);
		return;
	}
	for (size_t i = 0; i < 9; i++) {
		uint32_t value = r->in->priority_matrix[i];

		if (value < 1 || value > PRIORITY_MAX)
			error_field(r->d->err, contract_path(r, "priority_matrix[%zu]", i),
			        "must be 1 to %d", PRIORITY_MAX);
		r->terms->matrix[i] = (int16_t)value;
	}
}

/* "10d" of wall time, or as a target is written; `days`: business days are allowed. */
static const char *read_span(const struct contract_reading *r, const char *field,
        const char *text, const char *fallback, bool business)
{
	const char *path = contract_path(r, "%s", field);
	char digits[8];
	size_t size = strlen(text);
	struct target target;
	int64_t days;

	if (size == 0)
		return fallback;
	if (size > 1 && size < sizeof digits && text[size - 1] == 'd' &&
	        text[size - 2] != 'b') {
		memcpy(digits, text, size - 1);
		digits[size - 1] = '\0';
		if (text_to_i64(digits, 1, SPAN_DAYS_MAX, &days) == 0)
			return text;
	}
	if (target_parse(text, path, &target, NULL) < 0 ||
	        (target.business_days != 0 && !business) ||
	        (target.business_days == 0 && target.us == 0))
		error_field(r->d->err, path, "'%.40s' must be such as 10d or 12h%s", text,
		        business ? " or 3bd" : "");
	return text;
}

/* The start of a date in the calendar's zone, or of the day after it; 0 where it is wrong. */
static int64_t read_date(
        const struct contract_reading *r, const char *field, const char *text, int after)
{
	const char *zone = declare_calendar_zone(r->d, r->in->calendar);
	const struct tz *tz;
	int64_t days;

	if (*text == '\0')
		return 0;
	if (time_parse_date(text, &days) < 0) {
		error_field(r->d->err, contract_path(r, "%s", field),
		        "must be a date such as 2026-01-01, or left out for %s",
		        after == 0 ? "at once" : "no end");
		return 0;
	}
	if (zone == NULL || tz_find(zone, &tz, NULL) < 0)
		return 0; /* told elsewhere */
	return tz_from_local(tz, (days + after) * INT64_C(86400000000));
}

static const char *instant(const struct contract_reading *r, int64_t at)
{
	char text[TIME_TEXT_SIZE];
	const char *kept = at == 0 ? "" : arena_strdup(r->d->arena, time_format_utc(at, text));

	if (kept == NULL)
		r->d->no_memory = true;
	return kept;
}

static void read_validity(const struct contract_reading *r, struct thing *thing)
{
	struct contract_terms *terms = r->terms;

	terms->valid_from = read_date(r, "valid_from", r->in->valid_from, 0);
	terms->valid_until = read_date(r, "valid_until", r->in->valid_until, 1);
	if (terms->valid_until != 0 && terms->valid_until <= terms->valid_from)
		error_field(r->d->err, contract_path(r, "valid_until"),
		        "%s lies before valid_from, %s", r->in->valid_until, r->in->valid_from);
	thing->texts[CONTRACT_VALID_FROM] = instant(r, terms->valid_from);
	thing->texts[CONTRACT_VALID_UNTIL] = instant(r, terms->valid_until);
}

static void write_texts(const struct contract_reading *r, struct thing *thing)
{
	thing->terms.contract = r->terms;
	thing->texts[CONTRACT_CUSTOMER] = r->in->customer;
	thing->texts[CONTRACT_CALENDAR] = r->in->calendar;
	if (terms_texts(r->d->arena, r->terms, thing) < 0)
		r->d->no_memory = true;
}

/* Its own warnings in one line, for whoever sees only what changes. */
static const char *remark(const struct declare *d, size_t first)
{
	const char *text = NULL;

	for (size_t i = first; i < d->warning_count; i++) {
		text = text == NULL ? arena_printf(d->arena, "warning: %s", d->warnings[i].text)
		                    : arena_printf(d->arena, "%s; warning: %s", text,
		                              d->warnings[i].text);
		if (text == NULL)
			return NULL;
	}
	return text;
}

void declare_contract(struct declare *d, const Otklik__V1__Contract *in, const char *prefix)
{
	struct contract_reading r = {.d = d, .in = in, .prefix = prefix};
	struct thing *thing = declare_thing(d, THING_CONTRACT, in->code);
	size_t wrong = d->err->violation_count, warned = d->warning_count;

	r.terms = declare_take(d, 1, sizeof *r.terms);
	if (thing == NULL || r.terms == NULL)
		return;
	thing->where = prefix;
	if (declare_known(d, &d->customers, in->customer, contract_path(&r, "customer"),
	            "customer")) {
		r.terms->sites = read_covers(
		        &r, &d->sites, in->n_sites, in->sites, "site", &r.terms->site_count);
		r.terms->services = read_covers(&r, &d->services, in->n_services, in->services,
		        "service", &r.terms->service_count);
	}
	(void)declare_known(
	        d, &d->calendars, in->calendar, contract_path(&r, "calendar"), "calendar");
	contract_read_targets(&r);
	contract_read_pauses(&r);
	contract_read_acknowledge(&r);
	contract_read_levels(&r);
	contract_read_fee(&r);
	read_matrix(&r);
	read_validity(&r, thing);
	thing->texts[CONTRACT_AUTO_CLOSE] =
	        read_span(&r, "auto_close", in->auto_close, "3bd", true);
	thing->texts[CONTRACT_REOPEN_WINDOW] =
	        read_span(&r, "reopen_window", in->reopen_window, "10d", false);
	/* Parts that cannot be read are not compared with others. */
	if (d->err->violation_count == wrong && !d->no_memory)
		contract_check(&r);
	if (d->err->violation_count != wrong || d->no_memory)
		return;
	write_texts(&r, thing);
	thing->note = remark(d, warned);
}

void declare_contracts(struct declare *d)
{
	if (d->in->n_contracts > CONTRACTS_MAX) {
		error_field(d->err, "contracts", "at most %d", CONTRACTS_MAX);
		return;
	}
	for (size_t i = 0; !d->no_memory && i < d->in->n_contracts; i++)
		declare_contract(d, d->in->contracts[i], declare_path(d, "contracts[%zu].", i));
}
