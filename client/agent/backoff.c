/* Exponential backoff with jitter. */
#include "agent/backoff.h"

int64_t backoff_next(struct backoff *backoff, uint32_t retry_after_ms, uint32_t random)
{
	int64_t wait = 1000000;
	int64_t least = (int64_t)retry_after_ms * 1000;

	for (uint32_t i = 0; i < backoff->failures && wait < 120000000; i++)
		wait = wait * 8 / 5;
	if (wait > 120000000)
		wait = 120000000;
	if (backoff->failures < UINT32_MAX)
		backoff->failures++;
	wait = wait * 4 / 5 + (int64_t)((uint64_t)(wait * 2 / 5) * random / UINT32_MAX);
	/* The jitter goes on top of what the server asked for, or all agents come at once. */
	return wait > least ? wait
	                    : least + (int64_t)((uint64_t)(least / 5) * random / UINT32_MAX);
}
