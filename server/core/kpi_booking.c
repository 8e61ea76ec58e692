/* Contributions of an event, and the notes that let them be taken back. */
#include "core/kpi_booking.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/tz.h"
#include "core/kpi_bucket.h"

#define QUARTER_US (INT64_C(900) * CLOCK_SECOND)
#define DAY_US (INT64_C(86400) * CLOCK_SECOND)

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct kpi_cell_key kpi_cell_here(const struct fold *f, int metric, int64_t value)
{
	const struct kpi_state *s = f->s;
	int64_t at = f->e->occurred_at;
	int64_t local = f->tz == NULL ? at : tz_to_local(f->tz, at);

	return (struct kpi_cell_key){
	        .day = (int32_t)floor_div(local, DAY_US),
	        .quarter = (int32_t)floor_div(at, QUARTER_US),
	        .site_id = s->site_id,
	        .team_id = s->team_id,
	        .priority = s->priority,
	        .type = s->type,
	        .metric = (int16_t)metric,
	        .bucket = kpi_metric_is_distribution(metric) ? kpi_bucket_of(value) : 0,
	};
}

void kpi_put(const struct fold *f, const struct kpi_cell_key *key, int32_t n, int64_t value)
{
	struct kpi_delta delta = {.key = *key, .n = n, .value = value};

	f->emit(f->context, &delta);
}

static bool same_cell(const struct kpi_cell_key *a, const struct kpi_cell_key *b)
{
	return a->day == b->day && a->quarter == b->quarter && a->site_id == b->site_id &&
	       a->team_id == b->team_id && a->priority == b->priority && a->type == b->type &&
	       a->metric == b->metric && a->bucket == b->bucket;
}

static struct kpi_delta *note_like(
        const struct kpi_state *s, const struct kpi_cell_key *key, int64_t value)
{
	if (kpi_metric_is_of_round(key->metric))
		return NULL;
	for (size_t i = 0; i < s->note_count; i++) {
		if (s->notes[i].value == value && same_cell(&s->notes[i].key, key))
			return &s->notes[i];
	}
	return NULL;
}

/* Remembers a contribution so that it can be taken back. */
static int note_add(struct kpi_state *s, const struct kpi_cell_key *key, int64_t value)
{
	struct kpi_delta *like = note_like(s, key, value);

	if (like != NULL) {
		like->n++;
		return 0;
	}
	if (s->note_count == s->note_cap) {
		size_t cap = s->note_cap == 0 ? 16 : s->note_cap * 2;
		struct kpi_delta *notes = realloc(s->notes, cap * sizeof *notes);

		if (notes == NULL)
			return -OTK_RESOURCE_EXHAUSTED;
		s->notes = notes;
		s->note_cap = cap;
	}
	s->notes[s->note_count++] = (struct kpi_delta){.key = *key, .n = 1, .value = value};
	return 0;
}

void kpi_book_at(struct fold *f, const struct kpi_cell_key *key, int64_t value)
{
	if (f->s->cancelled || f->s->merged || f->rc != 0)
		return;
	f->rc = note_add(f->s, key, value);
	if (f->rc == 0)
		kpi_put(f, key, 1, value);
}

void kpi_book(struct fold *f, int metric, int64_t value)
{
	struct kpi_cell_key key = kpi_cell_here(f, metric, value);

	kpi_book_at(f, &key, value);
}

void kpi_book_count(struct fold *f, int metric)
{
	kpi_book(f, metric, 1);
}

void kpi_book_duration(struct fold *f, int metric, int64_t us)
{
	kpi_book(f, metric, us > 0 ? us / 1000 : 0);
}

void kpi_retract(struct fold *f, int metric)
{
	struct kpi_state *s = f->s;
	size_t kept = 0;

	for (size_t i = 0; i < s->note_count; i++) {
		if (metric == 0 || s->notes[i].key.metric == metric)
			kpi_put(f, &s->notes[i].key, -s->notes[i].n, s->notes[i].value);
		else
			s->notes[kept++] = s->notes[i];
	}
	s->note_count = kept;
}

void kpi_put_notes(const struct fold *f, int32_t sign)
{
	const struct kpi_state *s = f->s;

	for (size_t i = 0; i < s->note_count; i++)
		kpi_put(f, &s->notes[i].key, sign * s->notes[i].n, s->notes[i].value);
}

size_t kpi_note_last(const struct kpi_state *s, int metric)
{
	for (size_t i = s->note_count; i-- > 0;) {
		if (s->notes[i].key.metric == metric)
			return i;
	}
	return s->note_count;
}

void kpi_note_take(struct fold *f, size_t at)
{
	struct kpi_state *s = f->s;

	if (!s->merged)
		kpi_put(f, &s->notes[at].key, -1, s->notes[at].value);
	if (--s->notes[at].n > 0)
		return;
	s->note_count--;
	memmove(&s->notes[at], &s->notes[at + 1], (s->note_count - at) * sizeof s->notes[0]);
}

void kpi_note_give(struct fold *f, const struct kpi_cell_key *key, int64_t value)
{
	if (f->s->merged)
		f->rc = note_add(f->s, key, value);
	else
		kpi_book_at(f, key, value);
}
