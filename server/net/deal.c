/* Dealing policy. */
#include "net/deal.h"

int deal_choose(const struct deal_seat *seats, size_t count, size_t last)
{
	int best = -1;

	for (size_t i = 1; i <= count; i++) {
		size_t at = (last + i) % count;
		const struct deal_seat *seat = &seats[at];

		if (!seat->ready || seat->draining || seat->unconfirmed >= DEAL_UNCONFIRMED_MAX)
			continue;
		if (best < 0 || seat->live < seats[best].live)
			best = (int)at;
	}
	return best;
}
