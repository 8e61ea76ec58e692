/*
 * A question about figures, resolved: which, by which dimensions and periods, within what the
 * caller may see. Private to kpi.c, which answers it.
 */
#ifndef OTKLIK_RPC_KPI_QUERY_H
#define OTKLIK_RPC_KPI_QUERY_H

#include "core/kpi_catalogue.h"
#include "otklik/v1/kpi.pb-c.h"
#include "rpc/kpi_open.h"
#include "rpc/request.h"

enum kpi_dimension { BY_CUSTOMER, BY_SITE, BY_TEAM, BY_PRIORITY, BY_TYPE, BY_PERIOD, BY_COUNT };

enum { KPI_SCOPE_MAX = 256 };

/* What is asked, resolved. */
struct kpi_query {
	const struct kpi_spec *spec;
	const struct reference *ref;
	enum kpi_dimension order[BY_COUNT]; /* columns of the answer */
	size_t order_count;
	bool by[BY_COUNT];
	const char *period; /* "month", "week", "day", "hour" or NULL */
	int64_t from;       /* days, or instants by hour */
	int64_t to;
	const char *zone;
	bool all_customers;
	int64_t customers[KPI_SCOPE_MAX];
	size_t customer_count;
	bool internal; /* the caller sees what is the provider's own */
	int32_t site_id;
	int32_t team_id;
	int32_t priority;
	int32_t type;
	struct kpi_open open;
	Otklik__V1__QueryKpiResponse out;
};

/* Resolves the request under q->ref. 0, or negative with the error filled. */
int kpi_query_read(struct kpi_query *q, const struct request *r,
        const Otklik__V1__QueryKpiRequest *in, struct otk_error *err);

/* "customer" … "type", or the period asked for. */
const char *kpi_query_dimension(const struct kpi_query *q, enum kpi_dimension dimension);
bool kpi_query_by_hour(const struct kpi_query *q);

/* The read of the rollups, with the open clocks of q->open: sums by group, and the position.
 * And that of the open clocks, for kpi_open_start. NULL when the arena is out. */
struct db_unit *kpi_query_unit(const struct kpi_query *q, struct request *r);
struct db_unit *kpi_query_open_unit(const struct kpi_query *q, struct request *r);

#endif
