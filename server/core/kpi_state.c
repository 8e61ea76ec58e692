/* Byte form of the fold's state: the edition of the rules, then fixed little-endian fields. */
#include "core/kpi_fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/status.h"

enum { FLAG_COUNT = 14, NOTE_BYTES = 4 * 4 + 3 * 2 + 4 + 4 + 8 };

static void flags_list(struct kpi_state *s, bool *flags[FLAG_COUNT])
{
	bool *const list[FLAG_COUNT] = {&s->observed, &s->cancelled, &s->acknowledged,
	        &s->replied, &s->resolved_once, &s->reopened, &s->pended, &s->response_clock,
	        &s->resolution_clock, &s->resolution_breached, &s->response_breached,
	        &s->promise.first_broken, &s->promise.last_broken, &s->merged};

	memcpy(flags, list, sizeof list);
}

static void write_int(struct buf *b, int64_t value, size_t bytes)
{
	unsigned char out[8];

	for (size_t i = 0; i < bytes; i++)
		out[i] = (unsigned char)((uint64_t)value >> (8 * i));
	(void)buf_append(b, out, bytes); /* failure stays in b->failed */
}

static void write_key(struct buf *b, const struct kpi_cell_key *key)
{
	write_int(b, key->day, 4);
	write_int(b, key->quarter, 4);
	write_int(b, key->site_id, 4);
	write_int(b, key->team_id, 4);
	write_int(b, key->priority, 2);
	write_int(b, key->type, 2);
	write_int(b, key->metric, 2);
	write_int(b, key->bucket, 4);
}

static void write_clocks(struct buf *out, const struct kpi_state *s)
{
	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++)
		write_int(out, s->target_us[kind], 8);
	write_int(out, s->broken, 2);
	write_int(out, s->waived, 2);
	write_int(out, s->overrun, 2);
	write_int(out, s->held_team, 4);
	write_int(out, s->escalated, 2);
}

int kpi_state_encode(const struct kpi_state *s, struct buf *out)
{
	struct kpi_state copy = *s;
	bool *flags[FLAG_COUNT];
	int64_t bits = 0;
	size_t zone = strlen(s->zone);

	flags_list(&copy, flags);
	for (size_t i = 0; i < FLAG_COUNT; i++)
		bits |= (int64_t)*flags[i] << i;
	write_int(out, KPI_RULES, 1);
	write_int(out, s->seq, 8);
	write_int(out, (int64_t)zone, 1);
	(void)buf_append(out, s->zone, zone);
	write_int(out, s->created_at, 8);
	write_int(out, s->site_id, 4);
	write_int(out, s->team_id, 4);
	write_int(out, s->team_last, 4);
	write_int(out, s->team_before, 4);
	write_int(out, s->priority, 2);
	write_int(out, s->type, 2);
	write_int(out, s->state, 2);
	write_int(out, s->pending_reason, 2);
	write_int(out, bits, 4);
	write_int(out, s->running_since, 8);
	write_int(out, s->consumed_us, 8);
	write_key(out, &s->cohort);
	write_int(out, s->promise.first_at, 8);
	write_int(out, s->promise.last_at, 8);
	write_int(out, s->promise.half_at, 8);
	write_int(out, s->promise.at_half, 8);
	write_int(out, s->promise.churn_us, 8);
	write_clocks(out, s);
	write_int(out, (int64_t)s->note_count, 4);
	for (size_t i = 0; i < s->note_count; i++) {
		write_key(out, &s->notes[i].key);
		write_int(out, s->notes[i].n, 4);
		write_int(out, s->notes[i].value, 8);
	}
	return out->failed ? -OTK_RESOURCE_EXHAUSTED : 0;
}

struct reader {
	const unsigned char *at;
	size_t left;
	bool failed;
};

static int64_t read_int(struct reader *r, size_t bytes)
{
	uint64_t value = 0;

	if (r->left < bytes) {
		r->failed = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)r->at[i] << (8 * i);
	/* Sign-extend. */
	if (bytes < 8 && (value >> (8 * bytes - 1) & 1) != 0)
		value |= UINT64_MAX << (8 * bytes);
	r->at += bytes;
	r->left -= bytes;
	return (int64_t)value;
}

static void read_key(struct reader *r, struct kpi_cell_key *key)
{
	key->day = (int32_t)read_int(r, 4);
	key->quarter = (int32_t)read_int(r, 4);
	key->site_id = (int32_t)read_int(r, 4);
	key->team_id = (int32_t)read_int(r, 4);
	key->priority = (int16_t)read_int(r, 2);
	key->type = (int16_t)read_int(r, 2);
	key->metric = (int16_t)read_int(r, 2);
	key->bucket = (int32_t)read_int(r, 4);
}

static void read_zone(struct reader *r, struct kpi_state *s)
{
	int64_t size = read_int(r, 1);

	if (size < 0 || size > KPI_ZONE_MAX || (size_t)size > r->left) {
		r->failed = true;
		return;
	}
	memcpy(s->zone, r->at, (size_t)size);
	s->zone[size] = '\0';
	r->at += size;
	r->left -= (size_t)size;
}

static void read_promise(struct reader *r, struct kpi_state *s)
{
	s->promise.first_at = read_int(r, 8);
	s->promise.last_at = read_int(r, 8);
	s->promise.half_at = read_int(r, 8);
	s->promise.at_half = read_int(r, 8);
	s->promise.churn_us = read_int(r, 8);
}

static void read_clocks(struct reader *r, struct kpi_state *s)
{
	for (int kind = CLOCK_RESPONSE; kind < CLOCK_KIND_COUNT; kind++)
		s->target_us[kind] = read_int(r, 8);
	s->broken = (int16_t)read_int(r, 2);
	s->waived = (int16_t)read_int(r, 2);
	s->overrun = (int16_t)read_int(r, 2);
	s->held_team = (int32_t)read_int(r, 4);
	s->escalated = (int16_t)read_int(r, 2);
}

static int read_notes(struct reader *r, struct kpi_state *s)
{
	int64_t count = read_int(r, 4);

	if (r->failed || count < 0 || (size_t)count * NOTE_BYTES != r->left)
		return -OTK_DATA_LOSS;
	if (count == 0)
		return 0;
	s->notes = calloc((size_t)count, sizeof *s->notes);
	if (s->notes == NULL)
		return -OTK_RESOURCE_EXHAUSTED;
	s->note_cap = (size_t)count;
	s->note_count = (size_t)count;
	for (size_t i = 0; i < s->note_count; i++) {
		read_key(r, &s->notes[i].key);
		s->notes[i].n = (int32_t)read_int(r, 4);
		s->notes[i].value = read_int(r, 8);
	}
	return 0;
}

int kpi_state_decode(struct kpi_state *s, const void *data, size_t size)
{
	struct reader r = {.at = data, .left = size};
	bool *flags[FLAG_COUNT];
	int64_t bits;

	if (read_int(&r, 1) != KPI_RULES)
		return -OTK_DATA_LOSS;
	s->seq = read_int(&r, 8);
	read_zone(&r, s);
	s->created_at = read_int(&r, 8);
	s->site_id = (int32_t)read_int(&r, 4);
	s->team_id = (int32_t)read_int(&r, 4);
	s->team_last = (int32_t)read_int(&r, 4);
	s->team_before = (int32_t)read_int(&r, 4);
	s->priority = (int16_t)read_int(&r, 2);
	s->type = (int16_t)read_int(&r, 2);
	s->state = (int16_t)read_int(&r, 2);
	s->pending_reason = (int16_t)read_int(&r, 2);
	bits = read_int(&r, 4);
	flags_list(s, flags);
	for (size_t i = 0; i < FLAG_COUNT; i++)
		*flags[i] = (bits >> i & 1) != 0;
	s->running_since = read_int(&r, 8);
	s->consumed_us = read_int(&r, 8);
	read_key(&r, &s->cohort);
	read_promise(&r, s);
	read_clocks(&r, s);
	return read_notes(&r, s);
}
