/*
 * Checks of fields from outside, each with a violation that names path and remedy. The decoder
 * has already refused what is no UTF-8 or no value of an enum.
 */
#ifndef OTKLIK_RPC_FIELD_H
#define OTKLIK_RPC_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "core/reference.h"

/* One line: not longer than `max` characters, no control characters. */
void field_line(struct otk_error *err, const char *field, const char *text, size_t max);
/* Lines: not longer than `max` bytes; of control characters only tab, CR and LF. */
void field_text(struct otk_error *err, const char *field, const char *text, size_t max);
/* 0 is "not given". */
void field_scale(struct otk_error *err, const char *field, uint32_t value, uint32_t max);
void field_ticket_id(struct otk_error *err, const char *field, int64_t value);

/*
 * Codes → ids; "" is 0. Unknown and retired ones, and those of another customer, are a
 * violation that does not tell them apart.
 */
int32_t field_site(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code);
int32_t field_service(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code);
int32_t field_team(struct otk_error *err, const char *field, const struct reference *ref,
        const char *code);
/* One for whom a ticket of this customer may be filed. */
int32_t field_requester(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code);
/* One who may work on tickets of this customer. */
int32_t field_assignee(struct otk_error *err, const char *field, const struct reference *ref,
        int32_t customer_id, const char *code);

#endif
