/* How long to wait before trying the server again. Pure. */
#ifndef OTKLIK_AGENT_BACKOFF_H
#define OTKLIK_AGENT_BACKOFF_H

#include <stdint.h>

/* Zero-initialise; set back to zero after a success. */
struct backoff {
	uint32_t failures;
};

/*
 * Microseconds to wait after one more failure: 1 s × 1.6 for each failure before it, up to
 * 120 s, ±20 % by `random` (0 the least, UINT32_MAX the most), and never less than what the
 * server asked for (`retry_after_ms`, 0: nothing).
 */
int64_t backoff_next(struct backoff *backoff, uint32_t retry_after_ms, uint32_t random);

#endif
