/* A finished simulation as messages. */
#include "compute/tell.h"

#include <stdio.h>
#include <string.h>

#include "core/duration.h"
#include "core/lifecycle.h"
#include "core/sla.h"
#include "core/statistics.h"

enum { REASONS_EACH = 8, MONTHS_MAX = 300, TEXT_SIZE = 64 };
#define SECOND_US INT64_C(1000000)

typedef Otklik__V1__SimulateContractResponse response;

/* --- targets ------------------------------------------------------------------------------ */

struct figure_texts {
	char safe[3][DURATION_TEXT_SIZE];
};

/* The target that the contract writes for tickets of this key; "" where it has none. */
static char *target_text(const struct told *told, const struct ref_contract *contract,
        const struct simulation_key *key)
{
	struct change c = {.ref = &told->draft->ref};
	const struct ref_target *target = NULL;

	if (contract != NULL) {
		c.ticket.contract_id = contract->id;
		c.ticket.type = key->type;
		c.ticket.priority = key->priority;
		c.ticket.service_id = key->service_id;
		c.ticket.team_id = key->team_id;
		target = sla_target(&c, key->clock, 0);
	}
	return target == NULL ? (char *)(uintptr_t) "" : target->text;
}

/* "" where too many have not ended. */
static char *safe_target(
        const struct simulation_cell *cell, int percent, char out[DURATION_TEXT_SIZE])
{
	struct target target = {.wall = cell->wall};
	int64_t us;

	out[0] = '\0';
	if (simulation_safe(cell, percent, &us) == 1) {
		target.us = round_up_target(us);
		(void)target_format(&target, out);
	}
	return out;
}

static void figures(const struct simulation_cell *cell, char *target,
        Otklik__V1__SimulatedFigures *out, struct figure_texts *texts)
{
	struct share_interval interval;

	otklik__v1__simulated_figures__init(out);
	out->target = target;
	out->compliance_high = 1;
	if (cell == NULL)
		return;
	interval = wilson_interval(cell->met, cell->met + cell->breached);
	out->met = cell->met;
	out->breached = cell->breached;
	out->silent = cell->silent;
	out->open = cell->open;
	if (cell->met + cell->breached > 0)
		out->compliance = (double)cell->met / (double)(cell->met + cell->breached);
	out->compliance_low = interval.low;
	out->compliance_high = interval.high;
	out->breach_s = cell->breach_us / SECOND_US;
	out->ended = (int64_t)cell->count;
	out->p50_s = sorted_quantile(cell->consumed, cell->count, 50) / SECOND_US;
	out->p90_s = sorted_quantile(cell->consumed, cell->count, 90) / SECOND_US;
	out->p95_s = sorted_quantile(cell->consumed, cell->count, 95) / SECOND_US;
	out->p99_s = sorted_quantile(cell->consumed, cell->count, 99) / SECOND_US;
	out->waived = cell->waived;
	if (cell->paused_us > 0)
		out->pause_share =
		        (double)cell->paused_us / (double)(cell->paused_us + cell->consumed_us);
	out->safe_90 = safe_target(cell, 90, texts->safe[0]);
	out->safe_95 = safe_target(cell, 95, texts->safe[1]);
	out->safe_99 = safe_target(cell, 99, texts->safe[2]);
}

static bool tell_target(
        struct run *run, const struct told *told, const struct simulation_key *key)
{
	const struct simulation_cell *draft = simulation_find(told->by_draft, key);
	const struct simulation_cell *in_force = simulation_find(told->by_in_force, key);
	const struct ref_service *service = reference_service(run->ref, key->service_id);
	const struct ref_team *team = reference_team(run->ref, key->team_id);
	Otklik__V1__SimulatedTarget target = OTKLIK__V1__SIMULATED_TARGET__INIT;
	Otklik__V1__SimulatedFigures sides[2];
	struct figure_texts texts[2];
	response item = OTKLIK__V1__SIMULATE_CONTRACT_RESPONSE__INIT;

	figures(draft, target_text(told, told->draft->contract, key), &sides[0], &texts[0]);
	figures(in_force, target_text(told, told->in_force, key), &sides[1], &texts[1]);
	target.clock = (Otklik__V1__ClockKind)key->clock;
	target.type = (Otklik__V1__TicketType)key->type;
	target.priority = (uint32_t)key->priority;
	if (service != NULL)
		target.service = (char *)(uintptr_t)service->code;
	if (team != NULL)
		target.team = (char *)(uintptr_t)team->code;
	target.draft = &sides[0];
	target.in_force = &sides[1];
	item.target = &target;
	return run_tell(run, &item.base);
}

static bool tell_targets(struct run *run, const struct told *told)
{
	const struct simulation *a = told->by_draft, *b = told->by_in_force;

	for (size_t i = 0; i < a->cell_count; i++) {
		if (!tell_target(run, told, &a->cells[i].key))
			return false;
	}
	for (size_t i = 0; i < b->cell_count; i++) {
		if (simulation_find(a, &b->cells[i].key) == NULL &&
		        !tell_target(run, told, &b->cells[i].key))
			return false;
	}
	return true;
}

/* --- reasons ------------------------------------------------------------------------------ */

static const char *reason_text(
        const struct run *run, const struct simulation_reason *reason, char out[TEXT_SIZE])
{
	static const char *const DAYS[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	const struct ref_team *team;
	const struct ref_site *site;

	switch (reason->kind) {
	case REASON_STATE:
		(void)snprintf(out, TEXT_SIZE, "%s%s%s",
		        ticket_state_name((enum ticket_state)reason->id),
		        reason->sub == 0 ? "" : ": ",
		        reason->sub == 0
		                ? ""
		                : pending_reason_name((enum pending_reason)reason->sub));
		return out;
	case REASON_TEAM:
		team = reference_team(run->ref, reason->id);
		return team == NULL ? "no team" : team->code;
	case REASON_SITE:
		site = reference_site(run->ref, reason->id);
		return site == NULL ? "no site" : site->code;
	case REASON_HOUR:
		(void)snprintf(out, TEXT_SIZE, "%s %02d:00", DAYS[reason->id / 24 % 7],
		        reason->id % 24);
		return out;
	}
	return "";
}

static bool tell_reasons(struct run *run, const struct told *told)
{
	static const char *const KINDS[] = {"", "state", "team", "site", "hour"};
	const struct simulation *s = told->by_draft;
	int told_of[CLOCK_KIND_COUNT][5] = {0};

	for (size_t i = 0; i < s->reason_count; i++) {
		const struct simulation_reason *reason = &s->reasons[i];
		Otklik__V1__SimulatedReason out = OTKLIK__V1__SIMULATED_REASON__INIT;
		response item = OTKLIK__V1__SIMULATE_CONTRACT_RESPONSE__INIT;
		char text[TEXT_SIZE];

		if (told_of[reason->clock][reason->kind]++ >= REASONS_EACH)
			continue;
		out.clock = (Otklik__V1__ClockKind)reason->clock;
		out.kind = (char *)(uintptr_t)KINDS[reason->kind];
		out.what = (char *)(uintptr_t)reason_text(run, reason, text);
		out.counted_s = reason->counted_us / SECOND_US;
		if (s->broken_us[reason->clock] > 0)
			out.share = (double)reason->counted_us /
			            (double)s->broken_us[reason->clock];
		out.clocks = reason->clocks;
		item.reason = &out;
		if (!run_tell(run, &item.base))
			return false;
	}
	return true;
}

/* --- months ------------------------------------------------------------------------------- */

static char *currency_of(const struct ref_contract *contract)
{
	return (char *)(uintptr_t)(contract == NULL ? "" : contract->currency);
}

static bool tell_month(struct run *run, const struct told *told,
        const struct simulation_sum *draft, const struct simulation_sum *in_force)
{
	int32_t number = draft != NULL ? draft->month : in_force->month;
	Otklik__V1__SimulatedMonth out = OTKLIK__V1__SIMULATED_MONTH__INIT;
	response item = OTKLIK__V1__SIMULATE_CONTRACT_RESPONSE__INIT;
	char text[TEXT_SIZE];

	(void)snprintf(text, sizeof text, "%04d-%02d", number / 12, number % 12 + 1);
	out.month = text;
	out.partial =
	        !simulation_month_whole(&told->draft->ref, told->draft->contract->calendar_id,
	                number, told->summary->from_us, told->summary->to_us);
	out.currency = currency_of(told->draft->contract);
	out.in_force_currency = currency_of(told->in_force);
	if (draft != NULL) {
		out.met = draft->met;
		out.breached = draft->breached;
		out.credit = draft->credit;
		out.credit_share = draft->credit_share;
	}
	if (in_force != NULL) {
		out.in_force_met = in_force->met;
		out.in_force_breached = in_force->breached;
		out.in_force_credit = in_force->credit;
		out.in_force_credit_share = in_force->credit_share;
	}
	item.month = &out;
	return run_tell(run, &item.base);
}

static bool tell_months(struct run *run, const struct told *told)
{
	Otklik__V1__SimulationSummary *summary = told->summary;
	struct simulation_sum a[MONTHS_MAX], b[MONTHS_MAX];
	size_t a_count = simulation_sums(told->by_draft, told->draft->contract, a, MONTHS_MAX);
	size_t b_count = simulation_sums(told->by_in_force, told->in_force, b, MONTHS_MAX);
	size_t i = 0, k = 0;

	a_count = a_count < MONTHS_MAX ? a_count : MONTHS_MAX;
	b_count = b_count < MONTHS_MAX ? b_count : MONTHS_MAX;
	while (i < a_count || k < b_count) {
		bool has_a = i < a_count && (k == b_count || a[i].month <= b[k].month);
		bool has_b = k < b_count && (i == a_count || b[k].month <= a[i].month);

		summary->credit += has_a ? a[i].credit : 0;
		summary->in_force_credit += has_b ? b[k].credit : 0;
		if (!tell_month(run, told, has_a ? &a[i] : NULL, has_b ? &b[k] : NULL))
			return false;
		i += has_a;
		k += has_b;
	}
	return true;
}

/* --- the summary -------------------------------------------------------------------------- */

/* What is promised to the customer, and what the provider's own keep among themselves. */
struct totals {
	int64_t met, breached, waived, breach_us, own_met, own_breached;
};

static struct totals totals(const struct simulation *s)
{
	struct totals sum = {0};

	for (size_t i = 0; i < s->cell_count; i++) {
		const struct simulation_cell *cell = &s->cells[i];

		if (cell->key.clock > CLOCK_RESOLUTION) {
			sum.own_met += cell->met;
			sum.own_breached += cell->breached;
			continue;
		}
		sum.met += cell->met;
		sum.breached += cell->breached;
		sum.waived += cell->waived;
		sum.breach_us += cell->breach_us;
	}
	return sum;
}

static void tell_totals(const struct told *told, Otklik__V1__SimulationSummary *out)
{
	struct totals a = totals(told->by_draft), b = totals(told->by_in_force);

	out->met = a.met;
	out->breached = a.breached;
	out->waived = a.waived;
	out->breach_s = a.breach_us / SECOND_US;
	out->own_met = a.own_met;
	out->own_breached = a.own_breached;
	out->in_force_met = b.met;
	out->in_force_breached = b.breached;
	out->in_force_waived = b.waived;
	out->in_force_breach_s = b.breach_us / SECOND_US;
	out->in_force_own_met = b.own_met;
	out->in_force_own_breached = b.own_breached;
}

static const char *in_force_text(const struct told *told, char out[CODE_MAX + TEXT_SIZE])
{
	const struct ref_contract *contract = told->in_force;

	if (contract == NULL)
		return "no contract";
	(void)snprintf(out, CODE_MAX + TEXT_SIZE, "%s v%d%s", contract->code,
	        (int)contract->version, told->in_force_differ ? " and others" : "");
	return out;
}

void tell_simulation(struct run *run, const struct told *told)
{
	Otklik__V1__SimulationSummary *summary = told->summary;
	response item = OTKLIK__V1__SIMULATE_CONTRACT_RESPONSE__INIT;
	char text[CODE_MAX + TEXT_SIZE];

	if (!tell_targets(run, told) || !tell_reasons(run, told) || !tell_months(run, told))
		return;
	summary->contract = (char *)(uintptr_t)told->draft->contract->code;
	summary->in_force = (char *)(uintptr_t)in_force_text(told, text);
	summary->currency = currency_of(told->draft->contract);
	summary->tickets = told->by_draft->tickets;
	summary->cancelled = told->by_draft->cancelled;
	summary->self_recovered = told->by_draft->self_recovered;
	summary->observed = told->by_draft->observed;
	summary->in_force_tickets = told->by_in_force->tickets;
	summary->in_force_currency = currency_of(told->in_force);
	tell_totals(told, summary);
	item.summary = summary;
	if (run_tell(run, &item.base))
		run_end(run);
}
