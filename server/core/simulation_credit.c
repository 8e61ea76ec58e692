/* What a contract gives back for the months of a simulation. */
#include "core/simulation.h"

static bool credit_is_for(const struct ref_credit *credit, const struct simulation_key *key)
{
	return credit->clock == key->clock &&
	       (credit->type == 0 || credit->type == (int16_t)key->type) &&
	       (credit->priority == 0 || credit->priority == key->priority) &&
	       (credit->service_id == 0 || credit->service_id == key->service_id);
}

static bool same_steps(const struct ref_credit *a, const struct ref_credit *b)
{
	return a->clock == b->clock && a->type == b->type && a->priority == b->priority &&
	       a->service_id == b->service_id;
}

/* Whether this step holds in the months [first, end) of cells, which are of one month. */
static bool step_holds(
        const struct simulation *s, size_t first, size_t end, const struct ref_credit *credit)
{
	int64_t met = 0, n = 0;

	for (size_t i = first; i < end; i++) {
		const struct simulation_month *month = &s->months[i];

		if (!credit_is_for(credit, &month->key))
			continue;
		met += month->met;
		n += month->met + month->breached;
	}
	return n > 0 && met * 10000 < (int64_t)credit->below * n;
}

/* The share (1/10000) of a month's part of the fee, rounded to the nearest smallest unit,
 * halves up: once, at the end, and without overflow for the greatest of fees. */
static int64_t part_of_fee(const struct ref_contract *contract, int64_t share)
{
	int64_t whole = (int64_t)contract->period * 10000;

	return contract->fee / whole * share +
	       (contract->fee % whole * share + whole / 2) / whole;
}

static void give_credit(const struct simulation *s, const struct ref_contract *contract,
        size_t first, size_t end, struct simulation_sum *sum)
{
	int64_t share = 0;

	for (size_t i = 0; i < contract->credit_count; i++) {
		const struct ref_credit *credit = &contract->credits[i];
		bool lowest = step_holds(s, first, end, credit);

		for (size_t k = 0; lowest && k < contract->credit_count; k++) {
			const struct ref_credit *other = &contract->credits[k];

			if (same_steps(credit, other) && other->below < credit->below &&
			        step_holds(s, first, end, other))
				lowest = false;
		}
		share += lowest ? credit->credit : 0;
	}
	if (contract->credit_cap > 0 && share > contract->credit_cap)
		share = contract->credit_cap;
	if (share > 10000)
		share = 10000;
	sum->credit_share = (int32_t)share;
	if (contract->period > 0)
		sum->credit = part_of_fee(contract, share);
}

size_t simulation_sums(const struct simulation *s, const struct ref_contract *contract,
        struct simulation_sum *out, size_t cap)
{
	size_t count = 0;

	for (size_t first = 0, end; first < s->month_count; first = end) {
		struct simulation_sum sum = {.month = s->months[first].month};

		for (end = first; end < s->month_count && s->months[end].month == sum.month;
		        end++) {
			if (s->months[end].key.clock > CLOCK_RESOLUTION)
				continue;
			sum.met += s->months[end].met;
			sum.breached += s->months[end].breached;
		}
		if (contract != NULL)
			give_credit(s, contract, first, end, &sum);
		if (count < cap)
			out[count] = sum;
		count++;
	}
	return count;
}
