/* See field.h. */
#include "rpc/field.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

static bool is_empty(const char *text)
{
	return text == NULL || *text == '\0';
}

void field_line(struct otk_error *err, const char *field, const char *text, size_t max)
{
	if (text == NULL)
		return;
	for (const char *c = text; *c != '\0'; c++) {
		if (text_unwanted(c, true) != 0) {
			error_field(err, field, "must be one line without control characters");
			return;
		}
	}
	if (text_utf8_count(text, strlen(text)) > max)
		error_field(err, field, "must not be longer than %zu characters", max);
}

void field_text(struct otk_error *err, const char *field, const char *text, size_t max)
{
	if (text == NULL)
		return;
	for (const char *c = text; *c != '\0'; c++) {
		if (text_unwanted(c, false) != 0) {
			error_field(err, field, "must not hold control characters");
			return;
		}
	}
	if (strlen(text) > max)
		error_field(err, field, "must not be longer than %zu bytes", max);
}

void field_scale(struct otk_error *err, const char *field, uint32_t value, uint32_t max)
{
	if (value > max)
		error_field(err, field, "must be 1 to %" PRIu32 ", 1 is the gravest", max);
}

void field_ticket_id(struct otk_error *err, const char *field, int64_t value)
{
	if (value <= 0)
		error_field(err, field, "must be the number of a ticket");
}

int32_t field_site(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code)
{
	const struct ref_site *site;

	if (is_empty(code))
		return 0;
	site = reference_site_by_code(ref, customer_id, code);
	if (site == NULL || site->retired) {
		error_field(err, field, "the customer has no site '%s'", code);
		return 0;
	}
	return site->id;
}

int32_t field_service(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code)
{
	const struct ref_service *service;

	if (is_empty(code))
		return 0;
	service = reference_service_by_code(ref, customer_id, code);
	if (service == NULL || service->retired) {
		error_field(err, field, "the customer has no service '%s'", code);
		return 0;
	}
	return service->id;
}

int32_t field_team(
        struct otk_error *err, const char *field, const struct reference *ref, const char *code)
{
	const struct ref_team *team;

	if (is_empty(code))
		return 0;
	team = reference_team_by_code(ref, code);
	if (team == NULL || team->retired) {
		error_field(err, field, "there is no team '%s'", code);
		return 0;
	}
	return team->id;
}

int32_t field_requester(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code)
{
	const struct ref_principal *principal;

	if (is_empty(code))
		return 0;
	principal = reference_principal_by_code(ref, code);
	if (principal == NULL || principal->disabled || principal->kind == PRINCIPAL_AGENT ||
	        !(principal->customer_id == customer_id ||
	                access_may(
	                        &principal->access, PERMISSION_TICKET_CREATE, customer_id))) {
		error_field(err, field, "the customer has no requester '%s'", code);
		return 0;
	}
	return principal->id;
}

int32_t field_assignee(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code)
{
	const struct ref_principal *principal;

	if (is_empty(code))
		return 0;
	principal = reference_principal_by_code(ref, code);
	if (principal == NULL || principal->disabled || principal->kind != PRINCIPAL_PERSON ||
	        !access_may(&principal->access, PERMISSION_TICKET_WORK, customer_id)) {
		error_field(err, field, "'%s' is nobody who works for this customer", code);
		return 0;
	}
	return principal->id;
}
