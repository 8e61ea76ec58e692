/* What the files that read one contract of a declaration share; nobody else includes this. */
#ifndef OTKLIK_RPC_INSTALLATION_CONTRACT_INTERNAL_H
#define OTKLIK_RPC_INSTALLATION_CONTRACT_INTERNAL_H

#include "rpc/installation_declare_internal.h"

/* What is used while one contract is read. */
struct contract_reading {
	struct declare *d;
	const Otklik__V1__Contract *in;
	const char *prefix; /* of its fields: "contracts[3].", or "" where it stands alone */
	struct contract_terms *terms;
};

/* "contracts[3].targets[0]" */
const char *contract_path(const struct contract_reading *r, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* What is allowed, but told: joins the warnings of the declaration. */
void contract_warn(const struct contract_reading *r, const char *path, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The clock that a text names; false: a violation of `path` was told. */
bool contract_clock(
        struct declare *d, const char *path, const char *text, enum clock_kind *out);

/* Type, priority and service as targets and credits name them, under `prefix`. */
void contract_tickets(const struct contract_reading *r, const char *prefix, const char *type,
        uint32_t priority, const char *service, int16_t *out_type);

/* installation_target.c: fills terms->targets. */
void contract_read_targets(const struct contract_reading *r);
/* The target of such a ticket, or NULL: as sla_target() chooses. */
const struct term_target *contract_target(const struct contract_terms *terms,
        enum clock_kind clock, int16_t type, int16_t priority, const char *service);

/* installation_level.c: fills terms->pauses, ack_stops and levels. */
void contract_read_pauses(const struct contract_reading *r);
void contract_read_acknowledge(const struct contract_reading *r);
void contract_read_levels(const struct contract_reading *r);

/* installation_action.c: the actions of level i, checked; NULL when the arena is out. */
const char *contract_read_actions(const struct contract_reading *r, size_t i);

/* installation_fee.c: fills fee, currency, period, credits and their cap. */
void contract_read_fee(const struct contract_reading *r);

/* installation_check.c: what is missing, contradictory or cannot be met. */
void contract_check(const struct contract_reading *r);

#endif
