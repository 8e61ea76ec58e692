/*
 * The measures that rollups store. A KPI that people ask for is one or a few of them
 * (kpi_catalogue.h). Numbers are stored in kpi_cell.metric and never change meaning.
 */
#ifndef OTKLIK_CORE_KPI_METRIC_H
#define OTKLIK_CORE_KPI_METRIC_H

#include <stdbool.h>
#include <stdint.h>

enum kpi_metric {
	KPI_ARRIVALS = 1,
	KPI_RESOLVES = 2, /* last resolves: retracted by a reopen */
	KPI_CANCELLED = 3,
	KPI_SELF_RECOVERED = 4,
	KPI_OBSERVED = 5,       /* arrivals that were imported: no clocks ran */
	KPI_MTTA = 6,           /* eff(c, a) */
	KPI_FIRST_RESPONSE = 7, /* eff(c, f) */
	KPI_FIRST_RESPONSE_WALL = 8,
	KPI_MTTR = 9, /* eff(c, R) */
	KPI_MTTR_WALL = 10,
	KPI_FIRST_RESOLVE = 11, /* eff(c, r1) */
	KPI_RESPONSE_MET = 12,
	KPI_RESPONSE_BREACHED = 13,
	KPI_RESOLUTION_MET = 14,
	KPI_RESOLUTION_BREACHED = 15,
	KPI_UPDATE_MET = 16,
	KPI_UPDATE_BREACHED = 17,
	KPI_REOPENS = 18,          /* by the day of the reopen */
	KPI_RESOLVE_COHORT = 19,   /* every resolve, by its day */
	KPI_COHORT_REOPENED = 20,  /* of those: reopened later, by the day of the resolve */
	KPI_REOPENED_TICKETS = 21, /* tickets, at their first reopen */
	KPI_HANDOFFS = 22,
	KPI_PINGPONG = 23,
	KPI_EVER_PENDING = 24, /* tickets, at their first pending */
	KPI_NO_SLA = 25,
	KPI_CLOSES = 26,
	/* Breaches out of compliance, by the day and place of the breach. */
	KPI_RESPONSE_WAIVED = 27,
	KPI_RESOLUTION_WAIVED = 28,
	KPI_UPDATE_WAIVED = 29,
	KPI_MERGED = 30, /* tickets that went into another */
	/* Tickets in a state: +1 at entry, -1 at exit; the sum up to a day is the stock then.
	 */
	KPI_STATE_BASE = 40, /* + enum ticket_state: 41 to 47 */
	/* Promises: dates given to the customer. */
	KPI_PROMISES = 48,           /* tickets, at their first promise */
	KPI_PROMISE_FIRST_KEPT = 49, /* last resolve <= the first date; retracted by a reopen */
	KPI_PROMISE_FIRST_BROKEN = 50,
	KPI_PROMISE_LAST_KEPT = 51, /* the same of the date then in force */
	KPI_PROMISE_LAST_BROKEN = 52,
	KPI_PROMISE_BREAKS = 53,  /* every date that passed unresolved */
	KPI_PROMISE_BY_US = 54,   /* changes of a date, by who wanted it */
	KPI_PROMISE_BY_THEM = 55, /* the customer */
	KPI_PROMISE_LATER = 56,
	KPI_PROMISE_EARLIER = 57,
	KPI_PROMISE_WITHDRAWN = 58,
	KPI_PROMISE_OFFENSIVE = 59,
	KPI_PROMISE_NET_SLIP = 60, /* last date - first date; negative: earlier */
	KPI_PROMISE_CHURN = 61,    /* sum of all moves of the date */
	KPI_PROMISE_ACCURACY = 62, /* R - date in force at half of the first one's span */
	/* The provider's own clocks, round by round; operational ones under the team that held
	 * the round. */
	KPI_OPERATIONAL_MET = 63,
	KPI_OPERATIONAL_BREACHED = 64,
	KPI_OPERATIONAL_WAIVED = 65,
	KPI_SUPPLIER_MET = 66,
	KPI_SUPPLIER_BREACHED = 67,
	KPI_SUPPLIER_WAIVED = 68,
	/* Milliseconds over the target of broken clocks that ended, none where it was reached
	 * in closed time; additive. */
	KPI_OVERRUN_BASE = 69, /* + enum clock_kind: 70 to 74 */
	/* Tickets, at the first escalation of the kind (kpi_escalation.h). */
	KPI_ESCALATED = 75, /* of any kind */
	KPI_ESCALATED_FUNCTIONAL = 76,
	KPI_ESCALATED_HIERARCHICAL = 77,
	KPI_ESCALATED_AUTOMATIC = 78,
	/* Not stored: clocks that are open now, + enum clock_kind. */
	KPI_OPEN_BASE = 79,         /* 80 to 84 */
	KPI_OPEN_BROKEN_BASE = 84,  /* 85 to 89: of those past their target */
	KPI_OPEN_AT_RISK_BASE = 89, /* 90 to 94: of those not yet, with < 20 % of it left */
	KPI_OPEN_OVERRUN_BASE = 94, /* 95 to 99: milliseconds over it, without waived ones */
};
enum { KPI_METRIC_STORED_MAX = 78, KPI_METRIC_MAX = 99 };

/* Distributions are stored by bucket of milliseconds; everything else has bucket 0. */
bool kpi_metric_is_distribution(int metric);

/* Outcomes of rounds of which the last may have to be taken back. */
bool kpi_metric_is_of_round(int metric);

/* What the customer's side never sees: the provider's own clocks, and escalations. */
bool kpi_metric_is_internal(int metric);

/* The edition of the fold's rules (KPI_RULES) that first counted it. */
int kpi_metric_since(int metric);

#endif
