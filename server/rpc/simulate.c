/* SimulateContract, ForecastSla: who may ask; the rest is done by a compute process. */
#include "desk/desk.h"
#include "rpc/caller.h"
#include "rpc/compute.h"
#include "rpc/field.h"
#include "rpc/handlers.h"
#include "rpc/service.h"

#define YEAR_US (INT64_C(366) * 86400 * 1000000)
enum { YEARS_MAX = 20, FORECAST_ROWS_MAX = 10000 };

static enum step not_yours(struct request *r)
{
	return request_error(r, OTK_PERMISSION_DENIED, "NOT_PERMITTED",
	        "only the provider's own may ask this");
}

enum step simulate_contract_begin(
        struct request *r, const Otklik__V1__SimulateContractRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const struct ref_customer *customer;
	int64_t to = in->to_us != 0 ? in->to_us : r->now;
	struct otk_error err = {0};
	char *scope;

	if (ref == NULL)
		return caller_no_reference(r);
	if (in->contract == NULL)
		error_field(&err, "contract", "say which contract");
	if (in->to_us < 0 || in->to_us > r->now)
		error_field(&err, "to_us", "must not lie ahead: the past is simulated");
	else if (in->from_us < 0 || in->from_us >= to)
		error_field(&err, "from_us", "must be before the end%s",
		        in->to_us != 0 ? "" : ", which is now");
	else if (in->from_us != 0 && to - in->from_us > YEARS_MAX * YEAR_US)
		error_field(&err, "from_us", "at most %d years are simulated", YEARS_MAX);
	if (in->history_us < 0 || in->history_us > YEARS_MAX * YEAR_US)
		error_field(&err, "history_us", "must be from 0 to %d years", YEARS_MAX);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (caller_customer(
	            r, ref, in->contract->customer, PERMISSION_KPI_READ, &customer, &err) < 0)
		return request_fail(r, &err);
	if (!caller_is_provider(r->principal, customer->id))
		return not_yours(r);
	scope = arena_printf(r->arena, "{%d}", (int)customer->id);
	return scope == NULL ? request_no_memory(r) : compute_run(r, scope);
}

enum step forecast_sla_begin(struct request *r, const Otklik__V1__ForecastSlaRequest *in)
{
	const struct reference *ref = desk_reference(r->service->desk);
	const char *scope = desk_scope(r->arena, &r->principal->access, PERMISSION_KPI_READ);
	const struct ref_customer *customer = NULL;
	struct otk_error err = {0};

	if (ref == NULL)
		return caller_no_reference(r);
	if (scope == NULL)
		return request_no_memory(r);
	if (in->limit > FORECAST_ROWS_MAX)
		error_field(&err, "limit", "at most %d", FORECAST_ROWS_MAX);
	if (in->within_us < 0 || in->within_us > YEAR_US)
		error_field(&err, "within_us", "must be from 0 to a year");
	if (in->history_us < 0 || in->history_us > YEARS_MAX * YEAR_US)
		error_field(&err, "history_us", "must be from 0 to %d years", YEARS_MAX);
	if (*in->team != '\0' && reference_team_by_code(ref, in->team) == NULL)
		error_field(&err, "team", "there is no team '%.64s'", in->team);
	if (err.code != OTK_OK)
		return request_fail(r, &err);
	if (*in->customer != '\0' &&
	        caller_customer(r, ref, in->customer, PERMISSION_KPI_READ, &customer, &err) < 0)
		return request_fail(r, &err);
	if (r->principal->customer_id != 0)
		return not_yours(r);
	return compute_run(r, scope);
}
