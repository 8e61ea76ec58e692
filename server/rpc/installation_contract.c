/* Contracts of a declaration: what they cover, the matrix, validity; ties between them. */
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

const char *contract_at(const struct contract_reading *r, const char *part)
{
	return declare_path(r->d, "contracts[%zu].%s", r->index, part);
}

bool contract_clock(struct declare *d, const char *path, const char *text, enum clock_kind *out)
{
	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		if (strcmp(text, clock_kind_name((enum clock_kind)kind)) == 0) {
			*out = (enum clock_kind)kind;
			return true;
		}
	}
	error_field(d->err, path, "'%.40s' must be response, update or resolution", text);
	return false;
}

/* --- what it covers ---------------------------------------------------------------------- */

static const char **read_covers(const struct contract_reading *r, const struct names *names,
        size_t count, char *const *codes, const char *what, size_t *out)
{
	const char **kept = declare_take(r->d, count, sizeof *kept);

	for (size_t i = 0; kept != NULL && i < count; i++) {
		const char *path =
		        declare_path(r->d, "contracts[%zu].%ss[%zu]", r->index, what, i);
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

static bool share(const char **a, size_t a_count, const char **b, size_t b_count)
{
	for (size_t i = 0; i < a_count; i++) {
		for (size_t k = 0; k < b_count; k++) {
			if (strcmp(a[i], b[k]) == 0)
				return true;
		}
	}
	return false;
}

/* Two contracts of one customer that would fit a ticket equally well. */
static const char *tie_of(const struct contract_terms *a, const struct contract_terms *b)
{
	bool sites = share(a->sites, a->site_count, b->sites, b->site_count);
	bool services = share(a->services, a->service_count, b->services, b->service_count);

	if ((a->site_count > 0) != (b->site_count > 0) ||
	        (a->service_count > 0) != (b->service_count > 0))
		return NULL;
	if (a->site_count == 0 && a->service_count == 0)
		return "both are the customer's default, for they name no site and no service";
	if (a->service_count == 0)
		return sites ? "both cover the same site" : NULL;
	if (a->site_count == 0)
		return services ? "both cover the same service" : NULL;
	return sites && services ? "both cover the same service at the same site" : NULL;
}

static void check_ties(struct declare *d, const struct contract_terms *const *terms)
{
	for (size_t i = 0; i < d->in->n_contracts; i++) {
		for (size_t k = 0; k < i; k++) {
			const char *tie;

			if (strcmp(d->in->contracts[i]->customer,
			            d->in->contracts[k]->customer) != 0 ||
			        terms[i] == NULL || terms[k] == NULL)
				continue;
			tie = tie_of(terms[i], terms[k]);
			if (tie != NULL)
				error_field(d->err, declare_path(d, "contracts[%zu].sites", i),
				        "'%s' ties with '%s': %s", d->in->contracts[i]->code,
				        d->in->contracts[k]->code, tie);
		}
	}
}

/* --- the rest ---------------------------------------------------------------------------- */

static void read_matrix(const struct contract_reading *r)
{
	for (int i = 0; i < 9; i++)
		r->terms->matrix[i] = PRIORITY_MATRIX[i];
	if (r->in->n_priority_matrix == 0)
		return;
	if (r->in->n_priority_matrix != 9) {
		error_field(r->d->err, contract_at(r, "priority_matrix"),
		        "has nine priorities, impact 1 to 3 by urgency 1 to 3, or none; not "
		        "%zu",
		        r->in->n_priority_matrix);
		return;
	}
	for (size_t i = 0; i < 9; i++) {
		uint32_t value = r->in->priority_matrix[i];

		if (value < 1 || value > PRIORITY_MAX)
			error_field(r->d->err,
			        declare_path(r->d, "contracts[%zu].priority_matrix[%zu]",
			                r->index, i),
			        "must be 1 to %d", PRIORITY_MAX);
		r->terms->matrix[i] = (int16_t)value;
	}
}

/* "10d" of wall time, or as a target is written; `days`: business days are allowed. */
static const char *read_span(const struct contract_reading *r, const char *field,
        const char *text, const char *fallback, bool business)
{
	const char *path = contract_at(r, field);
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

static void read_valid_from(const struct contract_reading *r, struct thing *thing)
{
	const char *zone = declare_calendar_zone(r->d, r->in->calendar);
	char text[TIME_TEXT_SIZE];
	const struct tz *tz;
	int64_t days;

	if (*r->in->valid_from == '\0')
		return;
	if (time_parse_date(r->in->valid_from, &days) < 0) {
		error_field(r->d->err, contract_at(r, "valid_from"),
		        "must be a date such as 2026-01-01, or left out for at once");
		return;
	}
	if (zone == NULL || tz_find(zone, &tz, NULL) < 0)
		return; /* told elsewhere */
	r->terms->valid_from = tz_from_local(tz, days * INT64_C(86400000000));
	thing->texts[CONTRACT_VALID_FROM] =
	        arena_strdup(r->d->arena, time_format_utc(r->terms->valid_from, text));
	if (thing->texts[CONTRACT_VALID_FROM] == NULL)
		r->d->no_memory = true;
}

static void write_texts(const struct contract_reading *r, struct thing *thing)
{
	struct arena *arena = r->d->arena;
	struct contract_terms *terms = r->terms;

	thing->terms.contract = terms;
	thing->texts[CONTRACT_CUSTOMER] = r->in->customer;
	thing->texts[CONTRACT_CALENDAR] = r->in->calendar;
	thing->texts[CONTRACT_SITES] = terms_join(arena, terms->sites, terms->site_count);
	thing->texts[CONTRACT_SERVICES] =
	        terms_join(arena, terms->services, terms->service_count);
	thing->texts[CONTRACT_TARGETS] = terms_targets(arena, terms);
	thing->texts[CONTRACT_PAUSES] = terms_pauses(arena, terms);
	thing->texts[CONTRACT_LEVELS] = terms_levels(arena, terms);
	thing->texts[CONTRACT_MATRIX] = terms_matrix(arena, terms);
	thing->note = contract_remark(r);
	for (int i = CONTRACT_SITES; i <= CONTRACT_MATRIX; i++) {
		if (thing->texts[i] == NULL)
			r->d->no_memory = true;
	}
}

static const struct contract_terms *declare_contract(struct declare *d, size_t i)
{
	struct contract_reading r = {.d = d, .in = d->in->contracts[i], .index = i};
	struct thing *thing = declare_thing(d, THING_CONTRACT, r.in->code);
	size_t wrong = d->err->violation_count;

	r.terms = declare_take(d, 1, sizeof *r.terms);
	if (thing == NULL || r.terms == NULL)
		return NULL;
	if (declare_known(d, &d->customers, r.in->customer, contract_at(&r, "customer"),
	            "customer")) {
		r.terms->sites = read_covers(&r, &d->sites, r.in->n_sites, r.in->sites, "site",
		        &r.terms->site_count);
		r.terms->services = read_covers(&r, &d->services, r.in->n_services,
		        r.in->services, "service", &r.terms->service_count);
	}
	(void)declare_known(
	        d, &d->calendars, r.in->calendar, contract_at(&r, "calendar"), "calendar");
	contract_read_targets(&r);
	contract_read_pauses(&r);
	contract_read_levels(&r);
	read_matrix(&r);
	read_valid_from(&r, thing);
	thing->texts[CONTRACT_AUTO_CLOSE] =
	        read_span(&r, "auto_close", r.in->auto_close, "3bd", true);
	thing->texts[CONTRACT_REOPEN_WINDOW] =
	        read_span(&r, "reopen_window", r.in->reopen_window, "10d", false);
	if (d->err->violation_count != wrong || d->no_memory)
		return NULL;
	write_texts(&r, thing);
	return r.terms;
}

void declare_contracts(struct declare *d)
{
	const struct contract_terms **terms;

	if (d->in->n_contracts > CONTRACTS_MAX) {
		error_field(d->err, "contracts", "at most %d", CONTRACTS_MAX);
		return;
	}
	terms = declare_take(d, d->in->n_contracts, sizeof *terms);
	for (size_t i = 0; !d->no_memory && i < d->in->n_contracts; i++)
		terms[i] = declare_contract(d, i);
	if (!d->no_memory)
		check_ties(d, terms);
}
