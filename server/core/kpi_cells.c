/* A hash table of cells, open addressing, doubling at 70 per cent. */
#include "core/kpi_cells.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

enum { CELLS_FIRST = 1024 };

struct kpi_cells {
	struct kpi_cell *slots;
	bool *used;
	size_t size; /* a power of two */
	size_t count;
};

struct kpi_cells *kpi_cells_new(void)
{
	struct kpi_cells *cells = calloc(1, sizeof *cells);

	if (cells == NULL)
		return NULL;
	cells->size = CELLS_FIRST;
	cells->slots = calloc(cells->size, sizeof *cells->slots);
	cells->used = calloc(cells->size, sizeof *cells->used);
	if (cells->slots == NULL || cells->used == NULL) {
		kpi_cells_free(cells);
		return NULL;
	}
	return cells;
}

void kpi_cells_free(struct kpi_cells *cells)
{
	if (cells == NULL)
		return;
	free(cells->slots);
	free(cells->used);
	free(cells);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	/* A step of the splitmix64 generator (S. Vigna, public domain), as a mixer. */
	hash += value + UINT64_C(0x9E3779B97F4A7C15);
	hash = (hash ^ (hash >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	hash = (hash ^ (hash >> 27)) * UINT64_C(0x94D049BB133111EB);
	return hash ^ (hash >> 31);
}

static uint64_t cell_hash(const struct kpi_cell *k)
{
	uint64_t hash = mix(0, (uint64_t)(uint32_t)k->customer_id << 32 | (uint32_t)k->period);

	hash = mix(hash, (uint64_t)(uint32_t)k->site_id << 32 | (uint32_t)k->team_id);
	hash = mix(hash, (uint64_t)(uint16_t)k->priority << 48 |
	                         (uint64_t)(uint16_t)k->type << 32 | (uint32_t)k->bucket);
	return mix(hash, (uint64_t)(uint16_t)k->metric);
}

static bool same_address(const struct kpi_cell *a, const struct kpi_cell *b)
{
	return a->customer_id == b->customer_id && a->period == b->period &&
	       a->site_id == b->site_id && a->team_id == b->team_id &&
	       a->priority == b->priority && a->type == b->type && a->metric == b->metric &&
	       a->bucket == b->bucket;
}

static size_t slot_of(const struct kpi_cells *cells, const struct kpi_cell *key)
{
	size_t i = (size_t)cell_hash(key) & (cells->size - 1);

	while (cells->used[i] && !same_address(&cells->slots[i], key))
		i = (i + 1) & (cells->size - 1);
	return i;
}

static int grow(struct kpi_cells *cells)
{
	struct kpi_cells bigger = {.size = cells->size * 2, .count = cells->count};

	bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
	bigger.used = calloc(bigger.size, sizeof *bigger.used);
	if (bigger.slots == NULL || bigger.used == NULL) {
		free(bigger.slots);
		free(bigger.used);
		return -OTK_RESOURCE_EXHAUSTED;
	}
	for (size_t i = 0; i < cells->size; i++) {
		size_t to;

		if (!cells->used[i])
			continue;
		to = slot_of(&bigger, &cells->slots[i]);
		bigger.slots[to] = cells->slots[i];
		bigger.used[to] = true;
	}
	free(cells->slots);
	free(cells->used);
	*cells = bigger;
	return 0;
}

struct kpi_cell *kpi_cells_at(struct kpi_cells *cells, const struct kpi_cell *key)
{
	size_t i;

	if (cells->count * 10 >= cells->size * 7 && grow(cells) != 0)
		return NULL;
	i = slot_of(cells, key);
	if (!cells->used[i]) {
		cells->used[i] = true;
		cells->count++;
		cells->slots[i] = *key;
		cells->slots[i].n = 0;
		cells->slots[i].sum = 0;
		cells->slots[i].sum2 = 0;
	}
	return &cells->slots[i];
}

static int add(struct kpi_cells *cells, int32_t customer_id, int32_t period,
        const struct kpi_delta *delta)
{
	const struct kpi_cell key = {
	        .customer_id = customer_id,
	        .period = period,
	        .site_id = delta->key.site_id,
	        .team_id = delta->key.team_id,
	        .priority = delta->key.priority,
	        .type = delta->key.type,
	        .metric = delta->key.metric,
	        .bucket = delta->key.bucket,
	};
	struct kpi_cell *cell = kpi_cells_at(cells, &key);

	if (cell == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	cell->n += delta->n;
	cell->sum += delta->n * delta->value;
	cell->sum2 += (kpi_wide)delta->n * delta->value * delta->value;
	return 0;
}

int kpi_cells_add_day(
        struct kpi_cells *cells, int32_t customer_id, const struct kpi_delta *delta)
{
	return add(cells, customer_id, delta->key.day, delta);
}

int kpi_cells_add_quarter(
        struct kpi_cells *cells, int32_t customer_id, const struct kpi_delta *delta)
{
	return add(cells, customer_id, delta->key.quarter, delta);
}

struct kpi_cell *kpi_cells_next(struct kpi_cells *cells, size_t *position)
{
	while (*position < cells->size) {
		size_t i = (*position)++;

		if (cells->used[i])
			return &cells->slots[i];
	}
	return NULL;
}
