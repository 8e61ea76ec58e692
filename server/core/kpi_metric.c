/* Which measures are distributions. */
#include "core/kpi_metric.h"

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
