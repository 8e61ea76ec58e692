/* What measures are. */
#include "core/kpi_metric.h"

#include "core/ticket.h"

bool kpi_metric_is_distribution(int metric)
{
	switch (metric) {
	case KPI_MTTA:
	case KPI_FIRST_RESPONSE:
	case KPI_FIRST_RESPONSE_WALL:
	case KPI_MTTR:
	case KPI_MTTR_WALL:
	case KPI_FIRST_RESOLVE:
	case KPI_PROMISE_NET_SLIP:
	case KPI_PROMISE_CHURN:
	case KPI_PROMISE_ACCURACY:
		return true;
	default:
		return false;
	}
}

bool kpi_metric_is_of_round(int metric)
{
	return metric == KPI_OPERATIONAL_BREACHED || metric == KPI_SUPPLIER_BREACHED ||
	       (metric > KPI_OVERRUN_BASE && metric < KPI_OVERRUN_BASE + CLOCK_KIND_COUNT);
}

bool kpi_metric_is_internal(int metric)
{
	static const int BASES[] = {KPI_OVERRUN_BASE, KPI_OPEN_BASE, KPI_OPEN_BROKEN_BASE,
	        KPI_OPEN_AT_RISK_BASE, KPI_OPEN_OVERRUN_BASE};

	for (unsigned i = 0; i < sizeof BASES / sizeof BASES[0]; i++) {
		if (metric == BASES[i] + CLOCK_OPERATIONAL ||
		        metric == BASES[i] + CLOCK_SUPPLIER)
			return true;
	}
	return (metric >= KPI_OPERATIONAL_MET && metric <= KPI_SUPPLIER_WAIVED) ||
	       (metric >= KPI_ESCALATED && metric <= KPI_ESCALATED_AUTOMATIC);
}

int kpi_metric_since(int metric)
{
	return metric < KPI_OPERATIONAL_MET || metric > KPI_METRIC_STORED_MAX ? 1 : 3;
}
