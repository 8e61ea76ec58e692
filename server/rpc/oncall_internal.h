/* What the files about on-call share; nobody else includes this. */
#ifndef OTKLIK_RPC_ONCALL_INTERNAL_H
#define OTKLIK_RPC_ONCALL_INTERNAL_H

#include "core/rota.h"
#include "otklik/v1/oncall.pb-c.h"
#include "rpc/request.h"

enum { ONCALL_DUTIES_MAX = 5000 };
#define ONCALL_YEAR_US (INT64_C(366) * 86400 * 1000000)

/* On-call is told to the provider's own people. */
bool oncall_is_provider(const struct request *r);
enum step oncall_provider_only(struct request *r);

#endif
