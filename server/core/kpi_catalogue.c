/* The KPIs that can be asked for, and their arithmetic. */
#include "core/kpi_catalogue.h"

#include <string.h>

#include "core/statistics.h"
#include "core/ticket.h"

/* Columns every distribution shows. */
#define DURATION_COLUMNS(metric)                                                               \
	{                                                                                      \
		{"n", KPI_COUNT, metric, 0, 0}, {"mean_s", KPI_MEAN, metric, 0, 0},            \
		        {"p50_s", KPI_QUANTILE, metric, 0, 50},                                \
		        {"p90_s", KPI_QUANTILE, metric, 0, 90},                                \
		        {"p95_s", KPI_QUANTILE, metric, 0, 95},                                \
		        {"min_s", KPI_MIN, metric, 0, 0}, {"max_s", KPI_MAX, metric, 0, 0},    \
		        {"sum_s", KPI_SUM, metric, 0, 0},                                      \
	}

/* A share with its interval. */
#define SHARE_COLUMNS(name, yes, no)                                                           \
	{name, KPI_SHARE, yes, no, 0}, {name "_low", KPI_SHARE_LOW, yes, no, 0},               \
	{                                                                                      \
		name "_high", KPI_SHARE_HIGH, yes, no, 0                                       \
	}

/* What one clock ran over, with what open ones have by now; and how many of both. */
#define OVERRUN_COLUMNS(name, clock)                                                           \
	{name "_n", KPI_COUNT, KPI_OVERRUN_BASE + (clock), KPI_OPEN_OVERRUN_BASE + (clock),    \
	        0},                                                                            \
	        {name "_minutes", KPI_MINUTES, KPI_OVERRUN_BASE + (clock),                     \
	                KPI_OPEN_OVERRUN_BASE + (clock), 0},                                   \
	{                                                                                      \
		name "_open_minutes", KPI_MINUTES, KPI_OPEN_OVERRUN_BASE + (clock), 0, 0       \
	}

/* How the open clocks of a kind stand. */
#define RISK_COLUMNS(name, clock)                                                              \
	{name "_open", KPI_COUNT, KPI_OPEN_BASE + (clock), 0, 0},                              \
	        {name "_at_risk", KPI_COUNT, KPI_OPEN_AT_RISK_BASE + (clock), 0, 0},           \
	{                                                                                      \
		name "_broken", KPI_COUNT, KPI_OPEN_BROKEN_BASE + (clock), 0, 0                \
	}

/* Outcomes of the provider's own clocks. */
#define OWN_COLUMNS(clock)                                                                     \
	{                                                                                      \
		{"met", KPI_COUNT, clock##_MET, 0, 0},                                         \
		        {"breached", KPI_COUNT, clock##_BREACHED, 0, 0},                       \
		        SHARE_COLUMNS("share", clock##_MET, clock##_BREACHED),                 \
		        {"waived", KPI_COUNT, clock##_WAIVED, 0, 0},                           \
	}

const struct kpi_spec KPI_CATALOGUE[] = {
        {"arrivals", "Tickets filed", 0,
                {{"arrivals", KPI_COUNT, KPI_ARRIVALS, 0, 0},
                        {"no_sla", KPI_COUNT, KPI_NO_SLA, 0, 0},
                        {"imported", KPI_COUNT, KPI_OBSERVED, 0, 0},
                        {"cancelled", KPI_COUNT, KPI_CANCELLED, 0, 0},
                        {"merged", KPI_COUNT, KPI_MERGED, 0, 0}}},
        {"throughput", "Tickets resolved (last resolve)", 0,
                {{"resolved", KPI_COUNT, KPI_RESOLVES, 0, 0},
                        {"self_recovered", KPI_COUNT, KPI_SELF_RECOVERED, 0, 0},
                        {"closed", KPI_COUNT, KPI_CLOSES, 0, 0}}},
        {"net-flow", "Arrivals less resolves", 0,
                {{"arrivals", KPI_COUNT, KPI_ARRIVALS, 0, 0},
                        {"resolved", KPI_COUNT, KPI_RESOLVES, 0, 0},
                        {"net", KPI_NET, KPI_ARRIVALS, KPI_RESOLVES, 0}}},
        {"backlog", "Open tickets at the end of the period", KPI_STOCK,
                {{"open", KPI_COUNT, 0, 0, 0}, {"new", KPI_COUNT, KPI_STATE_BASE + 1, 0, 0},
                        {"assigned", KPI_COUNT, KPI_STATE_BASE + 2, 0, 0},
                        {"in_progress", KPI_COUNT, KPI_STATE_BASE + 3, 0, 0},
                        {"pending", KPI_COUNT, KPI_STATE_BASE + 4, 0, 0}}},
        {"states", "Tickets in each state at the end of the period", KPI_STOCK,
                {{"new", KPI_COUNT, KPI_STATE_BASE + 1, 0, 0},
                        {"assigned", KPI_COUNT, KPI_STATE_BASE + 2, 0, 0},
                        {"in_progress", KPI_COUNT, KPI_STATE_BASE + 3, 0, 0},
                        {"pending", KPI_COUNT, KPI_STATE_BASE + 4, 0, 0},
                        {"resolved", KPI_COUNT, KPI_STATE_BASE + 5, 0, 0},
                        {"closed", KPI_COUNT, KPI_STATE_BASE + 6, 0, 0},
                        {"cancelled", KPI_COUNT, KPI_STATE_BASE + 7, 0, 0}}},
        {"mtta", "Time to acknowledge, service time", KPI_MEASURED, DURATION_COLUMNS(KPI_MTTA)},
        {"first-response", "Time to first response, service time", KPI_MEASURED,
                DURATION_COLUMNS(KPI_FIRST_RESPONSE)},
        {"first-response-wall", "Time to first response, wall time", KPI_MEASURED,
                DURATION_COLUMNS(KPI_FIRST_RESPONSE_WALL)},
        {"mttr", "Time to resolve, service time", 0, DURATION_COLUMNS(KPI_MTTR)},
        {"mttr-wall", "Time to resolve, wall time", 0, DURATION_COLUMNS(KPI_MTTR_WALL)},
        {"first-resolve", "Time to first resolve, service time", 0,
                DURATION_COLUMNS(KPI_FIRST_RESOLVE)},
        {"compliance", "Promises kept", KPI_MEASURED,
                {{"response_met", KPI_COUNT, KPI_RESPONSE_MET, 0, 0},
                        {"response_breached", KPI_COUNT, KPI_RESPONSE_BREACHED, 0, 0},
                        {"response", KPI_SHARE, KPI_RESPONSE_MET, KPI_RESPONSE_BREACHED, 0},
                        {"update_met", KPI_COUNT, KPI_UPDATE_MET, 0, 0},
                        {"update_breached", KPI_COUNT, KPI_UPDATE_BREACHED, 0, 0},
                        {"update", KPI_SHARE, KPI_UPDATE_MET, KPI_UPDATE_BREACHED, 0},
                        {"resolution_met", KPI_COUNT, KPI_RESOLUTION_MET, 0, 0},
                        {"resolution_breached", KPI_COUNT, KPI_RESOLUTION_BREACHED, 0, 0},
                        {"resolution", KPI_SHARE, KPI_RESOLUTION_MET, KPI_RESOLUTION_BREACHED,
                                0},
                        {"response_waived", KPI_COUNT, KPI_RESPONSE_WAIVED, 0, 0},
                        {"update_waived", KPI_COUNT, KPI_UPDATE_WAIVED, 0, 0},
                        {"resolution_waived", KPI_COUNT, KPI_RESOLUTION_WAIVED, 0, 0}}},
        {"operational-compliance", "Rounds that teams kept within their own targets",
                KPI_MEASURED | KPI_INTERNAL, OWN_COLUMNS(KPI_OPERATIONAL)},
        {"supplier-compliance", "Waits for suppliers within their targets",
                KPI_MEASURED | KPI_INTERNAL, OWN_COLUMNS(KPI_SUPPLIER)},
        {"breach-minutes", "Time over the targets, open clocks included",
                KPI_MEASURED | KPI_OPEN,
                {OVERRUN_COLUMNS("response", CLOCK_RESPONSE),
                        OVERRUN_COLUMNS("update", CLOCK_UPDATE),
                        OVERRUN_COLUMNS("resolution", CLOCK_RESOLUTION),
                        OVERRUN_COLUMNS("operational", CLOCK_OPERATIONAL),
                        OVERRUN_COLUMNS("supplier", CLOCK_SUPPLIER)}},
        {"at-risk", "Open clocks with less than a fifth of the target left", KPI_OPEN | KPI_NOW,
                {RISK_COLUMNS("response", CLOCK_RESPONSE), RISK_COLUMNS("update", CLOCK_UPDATE),
                        RISK_COLUMNS("resolution", CLOCK_RESOLUTION),
                        RISK_COLUMNS("operational", CLOCK_OPERATIONAL),
                        RISK_COLUMNS("supplier", CLOCK_SUPPLIER)}},
        {"update-cadence", "Gaps between public updates, no longer than the cadence",
                KPI_MEASURED,
                {{"kept", KPI_COUNT, KPI_UPDATE_MET, 0, 0},
                        {"broken", KPI_COUNT, KPI_UPDATE_BREACHED, 0, 0},
                        SHARE_COLUMNS("share", KPI_UPDATE_MET, KPI_UPDATE_BREACHED)}},
        {"promise-kept", "Dates promised and kept: the first and the last of a ticket",
                KPI_MEASURED,
                {{"first_kept", KPI_COUNT, KPI_PROMISE_FIRST_KEPT, 0, 0},
                        {"first_broken", KPI_COUNT, KPI_PROMISE_FIRST_BROKEN, 0, 0},
                        SHARE_COLUMNS(
                                "first", KPI_PROMISE_FIRST_KEPT, KPI_PROMISE_FIRST_BROKEN),
                        {"last_kept", KPI_COUNT, KPI_PROMISE_LAST_KEPT, 0, 0},
                        {"last_broken", KPI_COUNT, KPI_PROMISE_LAST_BROKEN, 0, 0},
                        SHARE_COLUMNS("last", KPI_PROMISE_LAST_KEPT, KPI_PROMISE_LAST_BROKEN)}},
        {"promise-changes", "Changes of promised dates, by who wanted them", KPI_MEASURED,
                {{"tickets", KPI_COUNT, KPI_PROMISES, 0, 0},
                        {"ours", KPI_COUNT, KPI_PROMISE_BY_US, 0, 0},
                        {"customer", KPI_COUNT, KPI_PROMISE_BY_THEM, 0, 0},
                        {"ours_per_ticket", KPI_RATE, KPI_PROMISE_BY_US, KPI_PROMISES, 0},
                        {"customer_per_ticket", KPI_RATE, KPI_PROMISE_BY_THEM, KPI_PROMISES, 0},
                        {"later", KPI_COUNT, KPI_PROMISE_LATER, 0, 0},
                        {"earlier", KPI_COUNT, KPI_PROMISE_EARLIER, 0, 0},
                        {"withdrawn", KPI_COUNT, KPI_PROMISE_WITHDRAWN, 0, 0},
                        {"passed", KPI_COUNT, KPI_PROMISE_BREAKS, 0, 0}}},
        {"promise-offensive", "Promised dates that we moved later and announced too late",
                KPI_MEASURED,
                {{"offensive", KPI_COUNT, KPI_PROMISE_OFFENSIVE, 0, 0},
                        {"tickets", KPI_COUNT, KPI_PROMISES, 0, 0},
                        {"per_ticket", KPI_RATE, KPI_PROMISE_OFFENSIVE, KPI_PROMISES, 0}}},
        {"promise-slip", "Last promised date less the first", KPI_MEASURED,
                DURATION_COLUMNS(KPI_PROMISE_NET_SLIP)},
        {"promise-churn", "All moves of promised dates, earlier and later", KPI_MEASURED,
                DURATION_COLUMNS(KPI_PROMISE_CHURN)},
        {"promise-accuracy", "Resolve less the date in force at half of the first span",
                KPI_MEASURED, DURATION_COLUMNS(KPI_PROMISE_ACCURACY)},
        {"reopen-rate", "Resolves that were reopened, by day of the resolve", KPI_COHORT,
                {{"resolves", KPI_COUNT, KPI_RESOLVE_COHORT, 0, 0},
                        {"reopened", KPI_COUNT, KPI_COHORT_REOPENED, 0, 0},
                        {"rate", KPI_RATE, KPI_COHORT_REOPENED, KPI_RESOLVE_COHORT, 0}}},
        {"reopens", "Reopens, by day of the reopen", 0,
                {{"reopens", KPI_COUNT, KPI_REOPENS, 0, 0},
                        {"tickets", KPI_COUNT, KPI_REOPENED_TICKETS, 0, 0}}},
        {"handoffs", "Changes of team, and back at once (A to B to A)", 0,
                {{"handoffs", KPI_COUNT, KPI_HANDOFFS, 0, 0},
                        {"pingpong", KPI_COUNT, KPI_PINGPONG, 0, 0},
                        {"pingpong_share", KPI_RATE, KPI_PINGPONG, KPI_HANDOFFS, 0},
                        {"arrivals", KPI_COUNT, KPI_ARRIVALS, 0, 0},
                        {"per_ticket", KPI_RATE, KPI_HANDOFFS, KPI_ARRIVALS, 0}}},
        {"pingpong", "Back to the team before (A to B to A)", 0,
                {{"pingpong", KPI_COUNT, KPI_PINGPONG, 0, 0},
                        {"handoffs", KPI_COUNT, KPI_HANDOFFS, 0, 0},
                        {"share", KPI_RATE, KPI_PINGPONG, KPI_HANDOFFS, 0}}},
        {"escalation", "Tickets escalated, to those filed", KPI_INTERNAL,
                {{"arrivals", KPI_COUNT, KPI_ARRIVALS, 0, 0},
                        {"escalated", KPI_COUNT, KPI_ESCALATED, 0, 0},
                        {"rate", KPI_RATE, KPI_ESCALATED, KPI_ARRIVALS, 0},
                        {"functional", KPI_COUNT, KPI_ESCALATED_FUNCTIONAL, 0, 0},
                        {"functional_rate", KPI_RATE, KPI_ESCALATED_FUNCTIONAL, KPI_ARRIVALS,
                                0},
                        {"hierarchical", KPI_COUNT, KPI_ESCALATED_HIERARCHICAL, 0, 0},
                        {"hierarchical_rate", KPI_RATE, KPI_ESCALATED_HIERARCHICAL,
                                KPI_ARRIVALS, 0},
                        {"automatic", KPI_COUNT, KPI_ESCALATED_AUTOMATIC, 0, 0},
                        {"automatic_rate", KPI_RATE, KPI_ESCALATED_AUTOMATIC, KPI_ARRIVALS,
                                0}}},
        {"pending", "Tickets that were ever pending, by day of the first time", 0,
                {{"tickets", KPI_COUNT, KPI_EVER_PENDING, 0, 0}}},
        {"self-recovered", "Checks that recovered before anybody acted", 0,
                {{"self_recovered", KPI_COUNT, KPI_SELF_RECOVERED, 0, 0},
                        {"resolved", KPI_COUNT, KPI_RESOLVES, 0, 0},
                        {"share", KPI_RATE, KPI_SELF_RECOVERED, KPI_RESOLVES, 0}}},
        {.name = NULL},
};

const struct kpi_spec *kpi_spec_find(const char *name)
{
	for (const struct kpi_spec *spec = KPI_CATALOGUE; spec->name != NULL; spec++) {
		if (strcmp(spec->name, name) == 0)
			return spec;
	}
	return NULL;
}

static bool column_is_set(const struct kpi_spec *spec, size_t i)
{
	return i < KPI_COLUMNS_MAX && spec->columns[i].name != NULL;
}

int kpi_spec_distribution(const struct kpi_spec *spec)
{
	for (size_t i = 0; column_is_set(spec, i); i++) {
		if (kpi_metric_is_distribution(spec->columns[i].a))
			return spec->columns[i].a;
	}
	return 0;
}

size_t kpi_spec_metrics(const struct kpi_spec *spec, int *out)
{
	bool wanted[KPI_METRIC_MAX + 1] = {false};
	size_t count = 0;

	for (size_t i = 0; column_is_set(spec, i); i++) {
		wanted[spec->columns[i].a] = true;
		wanted[spec->columns[i].b] = true;
	}
	if ((spec->flags & KPI_MEASURED) != 0) {
		wanted[KPI_ARRIVALS] = true;
		wanted[KPI_OBSERVED] = true;
	}
	for (int m = 1; m <= KPI_METRIC_MAX; m++) {
		if (wanted[m])
			out[count++] = m;
	}
	return count;
}

static int64_t open_count(const struct kpi_group *group)
{
	int64_t n = 0;

	for (int state = 1; state <= 4; state++)
		n += group->n[KPI_STATE_BASE + state];
	return n;
}

static struct kpi_value integer(int64_t value)
{
	return (struct kpi_value){.kind = KPI_INTEGER, .integer = value};
}

static struct kpi_value ratio(double numerator, double denominator)
{
	if (!(denominator > 0))
		return (struct kpi_value){.kind = KPI_ABSENT};
	return (struct kpi_value){.kind = KPI_REAL, .real = numerator / denominator};
}

static struct kpi_value interval_end(
        const struct kpi_column_spec *column, int64_t yes, int64_t no)
{
	struct share_interval wilson = wilson_interval(yes, yes + no);

	if (yes + no <= 0)
		return (struct kpi_value){.kind = KPI_ABSENT};
	return (struct kpi_value){
	        .kind = KPI_REAL,
	        .real = column->formula == KPI_SHARE_LOW ? wilson.low : wilson.high,
	};
}

static struct kpi_value seconds(double milliseconds)
{
	return (struct kpi_value){.kind = KPI_REAL, .real = milliseconds / 1000};
}

static struct kpi_value of_distribution(
        const struct kpi_column_spec *column, const struct kpi_group *group)
{
	int64_t total = 0;

	for (size_t i = 0; i < group->count; i++)
		total += group->counts[i].n;
	if (total <= 0)
		return (struct kpi_value){.kind = KPI_ABSENT};
	switch (column->formula) {
	case KPI_MEAN:
		return seconds((double)group->sum[column->a] / (double)total);
	case KPI_SUM:
		return seconds((double)group->sum[column->a]);
	case KPI_QUANTILE:
		return seconds(kpi_quantile(
		        group->counts, group->count, total, (double)column->q / 100));
	case KPI_MIN:
		return seconds(kpi_bucket_middle(group->counts[0].bucket));
	default:
		return seconds(kpi_bucket_middle(group->counts[group->count - 1].bucket));
	}
}

/* Nothing was measured, and everything there was came from a log that cannot tell. */
static bool underivable(const struct kpi_spec *spec, const struct kpi_group *group)
{
	if ((spec->flags & KPI_MEASURED) == 0 || group->n[KPI_OBSERVED] == 0 ||
	        group->n[KPI_OBSERVED] != group->n[KPI_ARRIVALS])
		return false;
	for (size_t i = 0; column_is_set(spec, i); i++) {
		if (group->n[spec->columns[i].a] != 0)
			return false;
	}
	return true;
}

/* Of 0, the measure that is none, there is nothing. */
static int64_t sum_of(const struct kpi_column_spec *column, const struct kpi_group *group)
{
	return group->sum[column->a] + group->sum[column->b];
}

struct kpi_value kpi_evaluate(const struct kpi_spec *spec, const struct kpi_column_spec *column,
        const struct kpi_group *group)
{
	const int64_t *n = group->n;

	if (underivable(spec, group))
		return (struct kpi_value){.kind = KPI_NOT_DERIVABLE};
	switch (column->formula) {
	case KPI_COUNT:
		return integer(
		        column->a == 0 ? open_count(group) : n[column->a] + n[column->b]);
	case KPI_NET:
		return integer(n[column->a] - n[column->b]);
	case KPI_SHARE:
		return ratio((double)n[column->a], (double)(n[column->a] + n[column->b]));
	case KPI_SHARE_LOW:
	case KPI_SHARE_HIGH:
		return interval_end(column, n[column->a], n[column->b]);
	case KPI_RATE:
		return ratio((double)n[column->a], (double)n[column->b]);
	case KPI_MINUTES:
		return (struct kpi_value){
		        .kind = KPI_REAL, .real = (double)sum_of(column, group) / 60000};
	case KPI_MEAN:
	case KPI_SUM:
	case KPI_QUANTILE:
	case KPI_MIN:
	case KPI_MAX:
		break;
	}
	return of_distribution(column, group);
}

const char *kpi_column_unit(const struct kpi_column_spec *column)
{
	switch (column->formula) {
	case KPI_COUNT:
	case KPI_NET:
		return "count";
	case KPI_SHARE:
	case KPI_SHARE_LOW:
	case KPI_SHARE_HIGH:
	case KPI_RATE:
		return "ratio";
	case KPI_MINUTES:
		return "minutes";
	case KPI_MEAN:
	case KPI_SUM:
	case KPI_QUANTILE:
	case KPI_MIN:
	case KPI_MAX:
		break;
	}
	return "seconds";
}

bool kpi_column_is_internal(const struct kpi_column_spec *column)
{
	return kpi_metric_is_internal(column->a) || kpi_metric_is_internal(column->b);
}
