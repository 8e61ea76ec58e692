/* Restart delays. */
#include "net/backoff.h"

int64_t backoff_next(struct backoff *backoff, int64_t lived_us)
{
	int64_t delay = BACKOFF_FIRST_US;

	if (lived_us >= BACKOFF_HEALTHY_US)
		backoff->deaths = 0;
	for (unsigned i = 0; i < backoff->deaths && delay < BACKOFF_LAST_US; i++)
		delay *= 2;
	if (backoff->deaths < 32)
		backoff->deaths++;
	return delay < BACKOFF_LAST_US ? delay : BACKOFF_LAST_US;
}
