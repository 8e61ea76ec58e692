/* What promises contribute to the rollups. */
#include "core/kpi_promise.h"

#include "core/kpi_booking.h"
#include "core/promise.h"

static void first_given(struct fold *f, struct kpi_state *s, const struct event *e)
{
	s->promise.first_at = e->until_at;
	s->promise.half_at = e->occurred_at + (e->until_at - e->occurred_at) / 2;
	s->promise.at_half = e->until_at;
	kpi_book_count(f, KPI_PROMISES);
}

static void changed(struct fold *f, struct kpi_state *s, const struct event *e)
{
	kpi_book_count(
	        f, e->cause == CAUSE_CUSTOMER_ASKED ? KPI_PROMISE_BY_THEM : KPI_PROMISE_BY_US);
	if ((e->flags & PROMISE_LATER) != 0)
		kpi_book_count(f, KPI_PROMISE_LATER);
	if ((e->flags & PROMISE_EARLIER) != 0)
		kpi_book_count(f, KPI_PROMISE_EARLIER);
	if ((e->flags & PROMISE_OFFENSIVE) != 0)
		kpi_book_count(f, KPI_PROMISE_OFFENSIVE);
	if (e->until_at == 0)
		kpi_book_count(f, KPI_PROMISE_WITHDRAWN);
	else if (e->old_due_at > 0)
		s->promise.churn_us += e->until_at > e->old_due_at
		                               ? e->until_at - e->old_due_at
		                               : e->old_due_at - e->until_at;
	if (e->occurred_at <= s->promise.half_at)
		s->promise.at_half = e->until_at;
}

void kpi_promise_given(struct fold *f, struct kpi_state *s, const struct event *e)
{
	if (e->until_at < 0)
		return; /* damaged: no such entry is made */
	if (s->promise.first_at == 0 && e->until_at != 0)
		first_given(f, s, e);
	else
		changed(f, s, e);
	if (e->until_at == 0 && s->promise.last_broken)
		return; /* broken before it was withdrawn: stays so */
	if (s->promise.last_broken)
		kpi_retract(f, KPI_PROMISE_LAST_BROKEN);
	s->promise.last_broken = false;
	s->promise.last_at = e->until_at;
}

static void first_breaks(struct fold *f, struct kpi_state *s)
{
	if (!s->promise.first_broken)
		kpi_book_count(f, KPI_PROMISE_FIRST_BROKEN);
	s->promise.first_broken = true;
}

static void last_breaks(struct fold *f, struct kpi_state *s)
{
	if (!s->promise.last_broken)
		kpi_book_count(f, KPI_PROMISE_LAST_BROKEN);
	s->promise.last_broken = true;
}

void kpi_promise_broken(struct fold *f, struct kpi_state *s, const struct event *e)
{
	kpi_book_count(f, KPI_PROMISE_BREAKS);
	last_breaks(f, s);
	if (e->occurred_at >= s->promise.first_at)
		first_breaks(f, s);
}

void kpi_promise_resolved(struct fold *f, struct kpi_state *s, const struct event *e)
{
	int64_t at = e->occurred_at;

	if (s->promise.first_at == 0)
		return;
	if (at <= s->promise.first_at)
		kpi_book_count(f, KPI_PROMISE_FIRST_KEPT);
	else
		first_breaks(f, s);
	kpi_book(f, KPI_PROMISE_CHURN, s->promise.churn_us / 1000);
	if (s->promise.at_half != 0)
		kpi_book(f, KPI_PROMISE_ACCURACY, (at - s->promise.at_half) / 1000);
	if (s->promise.last_at == 0)
		return;
	if (at <= s->promise.last_at)
		kpi_book_count(f, KPI_PROMISE_LAST_KEPT);
	else
		last_breaks(f, s);
	kpi_book(f, KPI_PROMISE_NET_SLIP, (s->promise.last_at - s->promise.first_at) / 1000);
}

void kpi_promise_reopened(struct fold *f)
{
	static const int TAKEN_BACK[] = {KPI_PROMISE_FIRST_KEPT, KPI_PROMISE_LAST_KEPT,
	        KPI_PROMISE_NET_SLIP, KPI_PROMISE_CHURN, KPI_PROMISE_ACCURACY};

	for (size_t i = 0; i < sizeof TAKEN_BACK / sizeof TAKEN_BACK[0]; i++)
		kpi_retract(f, TAKEN_BACK[i]);
}
