/* How long our certificate is good: expiry must be seen coming. */
#ifndef OTKLIK_AGENT_CERTIFICATE_H
#define OTKLIK_AGENT_CERTIFICATE_H

#include <stdint.h>

#include "base/status.h"

/* Life left, below which people are warned: 14 days, in microseconds. */
#define CERTIFICATE_WARN (INT64_C(14) * 24 * 3600 * 1000000)

/* The first certificate of the PEM file ends at *until (wall clock, microseconds). */
int certificate_until(const char *path, int64_t *until, struct otk_error *err);

/* Logs a warning, or an error once it is over, if the end is near. Returns *until or 0. */
int64_t certificate_watch(const char *path, int64_t now);

#endif
