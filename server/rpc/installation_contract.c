/* Contracts of a declaration: targets, pauses, levels, the matrix, and what they cover. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/time_text.h"
#include "base/tz.h"
#include "core/duration.h"
#include "core/lifecycle.h"
#include "core/priority.h"
#include "rpc/field.h"
#include "rpc/installation_declare_internal.h"

enum { CONTRACTS_MAX = 1000, TARGETS_MAX = 200, ACTIONS_MAX = 8, LEVEL_PERCENT_MAX = 1000 };
enum { SPAN_DAYS_MAX = 3653 };

/* What is used while one contract is read. */
struct reading {
	struct declare *d;
	const Otklik__V1__Contract *in;
	size_t index;
	struct contract_terms *terms;
};

static const char *at(const struct reading *r, const char *part)
{
	return declare_path(r->d, "contracts[%zu].%s", r->index, part);
}

static bool parse_clock(const char *text, enum clock_kind *out)
{
	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++) {
		if (strcmp(text, clock_kind_name((enum clock_kind)kind)) == 0) {
			*out = (enum clock_kind)kind;
			return true;
		}
	}
	return false;
}

static void bad_clock(struct declare *d, const char *path, const char *text)
{
	error_field(d->err, path, "'%.40s' must be response, update or resolution", text);
}

/* --- what it covers ---------------------------------------------------------------------- */

static const char **read_covers(const struct reading *r, const struct names *names,
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

/* --- targets ----------------------------------------------------------------------------- */

static void read_target(const struct reading *r, size_t i)
{
	const Otklik__V1__Target *in = r->in->targets[i];
	struct term_target *out = &r->terms->targets[r->terms->target_count];
	const char *prefix = declare_path(r->d, "contracts[%zu].targets[%zu]", r->index, i);
	struct declare *d = r->d;
	char text[DURATION_TEXT_SIZE];
	struct target length;

	*out = (struct term_target){.priority = (int16_t)in->priority, .service = in->service};
	if (strcmp(in->type, "incident") == 0)
		out->type = TICKET_INCIDENT;
	else if (strcmp(in->type, "service_request") == 0)
		out->type = TICKET_SERVICE_REQUEST;
	else if (*in->type != '\0')
		error_field(d->err, declare_path(d, "%s.type", prefix),
		        "'%.40s' must be incident or service_request, or left out for both",
		        in->type);
	if (in->priority > PRIORITY_MAX)
		error_field(d->err, declare_path(d, "%s.priority", prefix),
		        "must be 1 to %d, or left out for every priority", PRIORITY_MAX);
	if (*in->service != '\0')
		(void)declare_known(d, &d->services,
		        declare_pair(d, r->in->customer, in->service),
		        declare_path(d, "%s.service", prefix), "service");
	if (!parse_clock(in->clock, &out->clock)) {
		bad_clock(d, declare_path(d, "%s.clock", prefix), in->clock);
		return;
	}
	if (target_parse(in->target, declare_path(d, "%s.target", prefix), &length, d->err) < 0)
		return;
	if (length.us == 0 && length.business_days == 0)
		error_field(d->err, declare_path(d, "%s.target", prefix),
		        "must be longer than nothing");
	out->target = arena_strdup(d->arena, target_format(&length, text));
	if (out->target == NULL) {
		d->no_memory = true;
		return;
	}
	for (size_t k = 0; k < r->terms->target_count; k++) {
		const struct term_target *other = &r->terms->targets[k];

		if (other->type == out->type && other->priority == out->priority &&
		        other->clock == out->clock && strcmp(other->service, out->service) == 0)
			error_field(d->err, declare_path(d, "%s.target", prefix),
			        "there is one for this type, priority, service and clock "
			        "already: %s",
			        other->target);
	}
	r->terms->target_count++;
}

static void read_targets(const struct reading *r)
{
	if (r->in->n_targets > TARGETS_MAX)
		error_field(r->d->err, at(r, "targets"), "at most %d", TARGETS_MAX);
	r->terms->targets = declare_take(r->d, r->in->n_targets, sizeof *r->terms->targets);
	for (size_t i = 0; !r->d->no_memory && i < r->in->n_targets && i < TARGETS_MAX; i++)
		read_target(r, i);
}

/* A response later than the resolution of the same tickets is allowed, but told. */
static const char *contradiction(const struct reading *r)
{
	const struct contract_terms *terms = r->terms;

	for (size_t i = 0; i < terms->target_count; i++) {
		for (size_t k = 0; k < terms->target_count; k++) {
			const struct term_target *a = &terms->targets[i],
			                         *b = &terms->targets[k];
			struct target response, resolution;

			if (a->clock != CLOCK_RESPONSE || b->clock != CLOCK_RESOLUTION ||
			        a->type != b->type || a->priority != b->priority ||
			        strcmp(a->service, b->service) != 0 ||
			        target_parse(a->target, "", &response, NULL) < 0 ||
			        target_parse(b->target, "", &resolution, NULL) < 0 ||
			        response.wall != resolution.wall)
				continue;
			if ((response.business_days != 0) != (resolution.business_days != 0))
				continue;
			if (response.us > resolution.us ||
			        response.business_days > resolution.business_days)
				return arena_printf(r->d->arena,
				        "warning: the response target %s is longer than the "
				        "resolution "
				        "target %s",
				        a->target, b->target);
		}
	}
	return NULL;
}

/* --- pauses ------------------------------------------------------------------------------ */

static int reason_of(const char *text)
{
	for (int reason = PENDING_CUSTOMER; reason < PENDING_REASON_COUNT; reason++) {
		if (strcmp(text, pending_reason_name((enum pending_reason)reason)) == 0)
			return reason;
	}
	return 0;
}

static void read_pause(const struct reading *r, size_t i)
{
	const Otklik__V1__Pause *in = r->in->pauses[i];
	int reason = reason_of(in->reason);

	if (reason == 0)
		error_field(r->d->err,
		        declare_path(r->d, "contracts[%zu].pauses[%zu].reason", r->index, i),
		        "'%.40s' must be customer, scheduled, supplier or change", in->reason);
	if (in->n_clocks == 0)
		error_field(r->d->err,
		        declare_path(r->d, "contracts[%zu].pauses[%zu].clocks", r->index, i),
		        "name the clocks that it pauses");
	for (size_t k = 0; k < in->n_clocks; k++) {
		enum clock_kind kind;

		if (!parse_clock(in->clocks[k], &kind))
			bad_clock(r->d,
			        declare_path(r->d, "contracts[%zu].pauses[%zu].clocks[%zu]",
			                r->index, i, k),
			        in->clocks[k]);
		else
			r->terms->pauses[kind] |= (uint8_t)(1U << reason);
	}
}

/* The update clock always rests while the customer or a date is waited for. */
static void read_pauses(const struct reading *r)
{
	const uint8_t waiting = 1U << PENDING_CUSTOMER | 1U << PENDING_SCHEDULED;

	r->terms->pauses[CLOCK_UPDATE] = waiting;
	if (r->in->n_pauses == 0)
		r->terms->pauses[CLOCK_RESOLUTION] = waiting;
	for (size_t i = 0; i < r->in->n_pauses; i++)
		read_pause(r, i);
}

/* --- levels ------------------------------------------------------------------------------ */

/* "50%", or an offset: as the server reads it from the database. */
static bool level_at(struct declare *d, const char *text, const char *path, const char **out)
{
	char digits[8], length[DURATION_TEXT_SIZE];
	size_t size = strlen(text);
	int64_t number;

	if (size > 1 && size < sizeof digits && text[size - 1] == '%') {
		memcpy(digits, text, size - 1);
		digits[size - 1] = '\0';
		if (text_to_i64(digits, 1, LEVEL_PERCENT_MAX, &number) == 0) {
			*out = arena_printf(d->arena, "%d%%", (int)number);
			return true;
		}
	}
	if (duration_parse_offset(text, path, &number, NULL) < 0) {
		error_field(d->err, path,
		        "'%.40s' must be a percentage from 1%% to %d%% of the target, or a "
		        "time "
		        "from due such as -30m or +2h",
		        text, LEVEL_PERCENT_MAX);
		return false;
	}
	*out = arena_printf(
	        d->arena, "%s%s", number < 0 ? "" : "+", duration_format(number, length));
	return true;
}

static const char *level_actions(const struct reading *r, size_t i)
{
	static const char *const KNOWN[] = {"notify assignee", "notify team", "notify lead",
	        "notify manager", "notify contact"};
	enum { KNOWN_COUNT = sizeof KNOWN / sizeof *KNOWN };
	const Otklik__V1__Level *in = r->in->levels[i];
	struct buf text = {0};
	const char *copy;

	for (size_t k = 0; k < in->n_actions; k++) {
		size_t n = 0;

		while (n < KNOWN_COUNT && strcmp(KNOWN[n], in->actions[k]) != 0)
			n++;
		if (n == KNOWN_COUNT || k >= ACTIONS_MAX)
			error_field(r->d->err,
			        declare_path(r->d, "contracts[%zu].levels[%zu].actions[%zu]",
			                r->index, i, k),
			        "must be notify assignee, notify team, notify lead, notify "
			        "manager or "
			        "notify contact, at most %d of them",
			        ACTIONS_MAX);
		buf_printf(&text, "%s%s", k > 0 ? ", " : "", in->actions[k]);
	}
	copy = text.failed ? NULL : arena_strdup(r->d->arena, buf_text(&text));
	buf_free(&text);
	if (copy == NULL)
		r->d->no_memory = true;
	return copy;
}

static void read_level(const struct reading *r, size_t i)
{
	const Otklik__V1__Level *in = r->in->levels[i];
	const char *prefix = declare_path(r->d, "contracts[%zu].levels[%zu]", r->index, i);
	struct term_level level = {.number = 1};
	struct declare *d = r->d;

	field_line(d->err, declare_path(d, "%s.name", prefix), in->name, NAME_TEXT_MAX);
	level.actions = level_actions(r, i);
	if (!parse_clock(in->clock, &level.clock)) {
		bad_clock(d, declare_path(d, "%s.clock", prefix), in->clock);
		return;
	}
	if (!level_at(d, in->at, declare_path(d, "%s.at", prefix), &level.at))
		return;
	level.name = *in->name == '\0' ? level.at : in->name;
	if (level.at == NULL || level.actions == NULL) {
		d->no_memory = true;
		return;
	}
	for (size_t k = 0; k < r->terms->level_count; k++) {
		const struct term_level *other = &r->terms->levels[k];

		if (other->clock != level.clock)
			continue;
		level.number++;
		if (strcmp(other->at, level.at) == 0)
			error_field(d->err, declare_path(d, "%s.at", prefix),
			        "this clock has a level at %s already", level.at);
	}
	if (level.number > LEVELS_MAX)
		error_field(d->err, prefix, "at most %d levels a clock", LEVELS_MAX);
	r->terms->levels[r->terms->level_count++] = level;
}

static int compare_levels(const void *a, const void *b)
{
	const struct term_level *left = a, *right = b;

	if (left->clock != right->clock)
		return left->clock < right->clock ? -1 : 1;
	return left->number - right->number;
}

/* Ordered by clock, as they are stored. */
static void read_levels(const struct reading *r)
{
	enum { MOST = LEVELS_MAX * CLOCK_KIND_COUNT };

	r->terms->levels = declare_take(r->d, r->in->n_levels, sizeof *r->terms->levels);
	if (r->in->n_levels > MOST)
		error_field(
		        r->d->err, at(r, "levels"), "at most %d levels a clock", LEVELS_MAX);
	for (size_t i = 0; !r->d->no_memory && i < r->in->n_levels && i < MOST; i++)
		read_level(r, i);
	if (r->terms->level_count > 1)
		qsort(r->terms->levels, r->terms->level_count, sizeof *r->terms->levels,
		        compare_levels);
}

/* --- the rest ---------------------------------------------------------------------------- */

static void read_matrix(const struct reading *r)
{
	for (int i = 0; i < 9; i++)
		r->terms->matrix[i] = PRIORITY_MATRIX[i];
	if (r->in->n_priority_matrix == 0)
		return;
	if (r->in->n_priority_matrix != 9) {
		error_field(r->d->err, at(r, "priority_matrix"),
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
static const char *read_span(const struct reading *r, const char *field, const char *text,
        const char *fallback, bool business)
{
	const char *path = at(r, field);
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

static void read_valid_from(const struct reading *r, struct thing *thing)
{
	const char *zone = declare_calendar_zone(r->d, r->in->calendar);
	char text[TIME_TEXT_SIZE];
	const struct tz *tz;
	int64_t days;

	if (*r->in->valid_from == '\0')
		return;
	if (time_parse_date(r->in->valid_from, &days) < 0) {
		error_field(r->d->err, at(r, "valid_from"),
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

static void write_texts(const struct reading *r, struct thing *thing)
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
	thing->note = contradiction(r);
	for (int i = CONTRACT_SITES; i <= CONTRACT_MATRIX; i++) {
		if (thing->texts[i] == NULL)
			r->d->no_memory = true;
	}
}

static const struct contract_terms *declare_contract(struct declare *d, size_t i)
{
	struct reading r = {.d = d, .in = d->in->contracts[i], .index = i};
	struct thing *thing = declare_thing(d, THING_CONTRACT, r.in->code);
	size_t wrong = d->err->violation_count;

	r.terms = declare_take(d, 1, sizeof *r.terms);
	if (thing == NULL || r.terms == NULL)
		return NULL;
	if (declare_known(d, &d->customers, r.in->customer, at(&r, "customer"), "customer")) {
		r.terms->sites = read_covers(&r, &d->sites, r.in->n_sites, r.in->sites, "site",
		        &r.terms->site_count);
		r.terms->services = read_covers(&r, &d->services, r.in->n_services,
		        r.in->services, "service", &r.terms->service_count);
	}
	(void)declare_known(d, &d->calendars, r.in->calendar, at(&r, "calendar"), "calendar");
	read_targets(&r);
	read_pauses(&r);
	read_levels(&r);
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
