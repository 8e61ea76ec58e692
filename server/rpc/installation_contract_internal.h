/* What the files that read one contract of a declaration share; nobody else includes this. */
#ifndef OTKLIK_RPC_INSTALLATION_CONTRACT_INTERNAL_H
#define OTKLIK_RPC_INSTALLATION_CONTRACT_INTERNAL_H

#include "rpc/installation_declare_internal.h"

/* What is used while one contract is read. */
struct contract_reading {
	struct declare *d;
	const Otklik__V1__Contract *in;
	size_t index;
	struct contract_terms *terms;
};

/* "contracts[3].part" */
const char *contract_at(const struct contract_reading *r, const char *part);

/* The clock that a text names; false: a violation of `path` was told. */
bool contract_clock(
        struct declare *d, const char *path, const char *text, enum clock_kind *out);

/* installation_target.c: fills terms->targets; a remark on them, or NULL. */
void contract_read_targets(const struct contract_reading *r);
const char *contract_remark(const struct contract_reading *r);

/* installation_level.c: fills terms->pauses and terms->levels. */
void contract_read_pauses(const struct contract_reading *r);
void contract_read_levels(const struct contract_reading *r);

#endif
