/*
 * What promises contribute to the rollups: random lives under the real rules are folded entry
 * by entry, and what comes out is compared with what the definitions say of the finished
 * journal.
 */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/kpi_fold.h"
#include "core/promise.h"
#include "world.h"

enum { LIVES = 1500, COMMANDS = 14 };

struct tally {
	int64_t n[KPI_METRIC_MAX + 1];
	int64_t sum[KPI_METRIC_MAX + 1];
};

static void tally_add(void *context, const struct kpi_delta *d)
{
	struct tally *t = context;

	t->n[d->key.metric] += d->n;
	t->sum[d->key.metric] += d->n * d->value;
}

/* Folds; the state is stored and read again after each entry. */
static void fold(const struct change *c, struct tally *t)
{
	struct kpi_state s;

	memset(t, 0, sizeof *t);
	kpi_fold_begin(&s);
	for (size_t i = 0; i < c->event_count; i++) {
		struct buf bytes = {0};
		struct kpi_state again;

		assert_int_equal(kpi_fold_event(&s, &c->events[i], tally_add, t), 0);
		assert_int_equal(kpi_state_encode(&s, &bytes), 0);
		kpi_fold_begin(&again);
		assert_int_equal(kpi_state_decode(&again, bytes.data, bytes.len), 0);
		kpi_fold_end(&s);
		s = again;
		buf_free(&bytes);
	}
	kpi_fold_end(&s);
}

/* The definitions, over the whole journal. */

static bool is_resolve(const struct event *e)
{
	return e->kind == EVENT_STATE_CHANGED && e->state == TICKET_RESOLVED;
}

/* Did the date pass unresolved, in entries from `from` on? */
static bool passed(const struct change *c, size_t from, int64_t date)
{
	for (size_t i = from; i < c->event_count; i++) {
		const struct event *e = &c->events[i];

		if ((is_resolve(e) && e->occurred_at > date) ||
		        (e->kind == EVENT_PROMISE_BROKEN && e->occurred_at >= date))
			return true;
	}
	return false;
}

static const struct event *first_promise(const struct change *c)
{
	for (size_t i = 0; i < c->event_count; i++) {
		if (c->events[i].kind == EVENT_PROMISED)
			return &c->events[i];
	}
	return NULL;
}

/* The entry of the promise that is judged in the end; NULL where none is. */
static const struct event *judged_promise(const struct change *c)
{
	const struct event *last = NULL;
	bool broken = false;

	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *e = &c->events[i];

		if (e->kind == EVENT_PROMISE_BROKEN)
			broken = true;
		if (e->kind != EVENT_PROMISED || (e->until_at == 0 && broken))
			continue;
		last = e->until_at == 0 ? NULL : e;
		broken = false;
	}
	return last;
}

static void count_changes(const struct change *c, struct tally *t)
{
	int64_t churn = 0;

	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *e = &c->events[i];

		if (e->kind == EVENT_PROMISE_BROKEN)
			t->n[KPI_PROMISE_BREAKS]++;
		if (e->kind != EVENT_PROMISED || (e->flags & PROMISE_FIRST) != 0)
			continue;
		t->n[e->cause == CAUSE_CUSTOMER_ASKED ? KPI_PROMISE_BY_THEM
		                                      : KPI_PROMISE_BY_US]++;
		t->n[KPI_PROMISE_OFFENSIVE] += (e->flags & PROMISE_OFFENSIVE) != 0;
		t->n[KPI_PROMISE_WITHDRAWN] += e->until_at == 0;
		if (e->until_at == 0 || e->old_due_at == 0)
			continue;
		t->n[e->until_at > e->old_due_at ? KPI_PROMISE_LATER : KPI_PROMISE_EARLIER]++;
		churn += llabs(e->until_at - e->old_due_at);
	}
	t->sum[KPI_PROMISE_CHURN] = churn / 1000;
}

/* The date in force at half of the first one's span, or at the resolve if that came before. */
static int64_t date_at_half(const struct change *c, const struct event *first)
{
	int64_t half = first->occurred_at + (first->until_at - first->occurred_at) / 2;
	int64_t date = 0;

	for (size_t i = 0; i < c->event_count; i++) {
		if (c->events[i].kind == EVENT_PROMISED && c->events[i].occurred_at <= half)
			date = c->events[i].until_at;
	}
	return date;
}

static void judge_resolved(const struct change *c, const struct event *first,
        const struct event *last, struct tally *t)
{
	int64_t at = c->ticket.resolved_at;
	int64_t half = date_at_half(c, first);

	t->n[KPI_PROMISE_FIRST_KEPT] = at <= first->until_at;
	t->n[KPI_PROMISE_CHURN] = 1;
	if (half != 0) {
		t->n[KPI_PROMISE_ACCURACY] = 1;
		t->sum[KPI_PROMISE_ACCURACY] = (at - half) / 1000;
	}
	if (last == NULL)
		return;
	t->n[KPI_PROMISE_LAST_KEPT] = at <= last->until_at;
	t->n[KPI_PROMISE_NET_SLIP] = 1;
	t->sum[KPI_PROMISE_NET_SLIP] = (last->until_at - first->until_at) / 1000;
}

static void define(const struct change *c, struct tally *t)
{
	const struct event *first = first_promise(c);
	const struct event *last = judged_promise(c);
	bool resolved = c->ticket.resolved_at != 0;

	memset(t, 0, sizeof *t);
	if (first == NULL || c->ticket.state == TICKET_CANCELLED)
		return;
	t->n[KPI_PROMISES] = 1;
	count_changes(c, t);
	t->n[KPI_PROMISE_FIRST_BROKEN] = passed(c, 0, first->until_at);
	if (last != NULL)
		t->n[KPI_PROMISE_LAST_BROKEN] =
		        passed(c, (size_t)(last - c->events), last->until_at);
	if (resolved)
		judge_resolved(c, first, last, t);
	else
		t->sum[KPI_PROMISE_CHURN] = 0;
}

static uint64_t seed = 20260825;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(seed >> 33) % below;
}

static struct command random_command(const struct life *life, int64_t now)
{
	static const enum verb VERBS[] = {VERB_REPLY, VERB_PROMISE, VERB_PROMISE, VERB_PROMISE,
	        VERB_PROMISE, VERB_RESOLVE, VERB_REOPEN, VERB_REOPEN, VERB_CLASSIFY};
	struct command cmd = {.verb = VERBS[pick(9)], .actor = VERA, .text = "words"};
	const struct event *words = life_last(life, EVENT_REPLIED);

	if (cmd.verb == VERB_REPLY && pick(2) == 0)
		cmd.actor = ANNA;
	if (cmd.verb == VERB_CLASSIFY)
		cmd.priority = (int16_t)(1 + pick(5));
	if (pick(60) == 0)
		cmd.verb = VERB_CANCEL;
	if (cmd.verb != VERB_PROMISE)
		return cmd;
	cmd.withdraw = pick(6) == 0;
	if (!cmd.withdraw)
		cmd.promise_at = now + MINUTE + (int64_t)pick(3000) * MINUTE;
	if (words != NULL && words->side == SIDE_CUSTOMER && pick(2) == 0) {
		cmd.cited_seq = words->seq;
		cmd.cited = words;
	}
	return cmd;
}

static int64_t live(struct life *life)
{
	int64_t now = at(MONDAY_10);
	int64_t done = 0;

	assert_int_equal(life_file(life), 0);
	for (int i = 0; i < COMMANDS; i++) {
		struct change before;
		struct command cmd;

		now += (int64_t)pick(900) * MINUTE;
		if (pick(3) == 0 && life->c.ticket.promise_at > now)
			now = life->c.ticket.promise_at + (pick(3) - 1) * MINUTE;
		before = life->c;
		cmd = random_command(life, now);
		error_clear(&life->err);
		if (lifecycle_apply(&life->c, &cmd, now, &life->err) == 0)
			done++;
		else
			life->c = before;
	}
	assert_int_equal(lifecycle_tick(&life->c, now + DAY, &life->err), 0);
	return done;
}

static void the_fold_comes_to_what_the_definitions_say(void **state)
{
	int64_t seen[KPI_METRIC_MAX + 1] = {0};
	int64_t commands = 0;

	(void)state;
	for (int i = 0; i < LIVES; i++) {
		void *fixture;
		struct life *life;
		struct tally folded;
		struct tally defined;

		life_begin(&fixture);
		life = fixture;
		commands += live(life);
		fold(&life->c, &folded);
		define(&life->c, &defined);
		for (int m = KPI_PROMISES; m <= KPI_PROMISE_ACCURACY; m++) {
			bool sum = kpi_metric_is_distribution(m);

			if (folded.n[m] != defined.n[m] ||
			        (sum && folded.sum[m] != defined.sum[m]))
				fail_msg("life %d, measure %d: n %lld, not %lld; sum %lld, not "
				         "%lld",
				        i, m, (long long)folded.n[m], (long long)defined.n[m],
				        (long long)folded.sum[m], (long long)defined.sum[m]);
			seen[m] += folded.n[m];
		}
		life_end(&fixture);
	}
	for (int m = KPI_PROMISES; m <= KPI_PROMISE_ACCURACY; m++)
		assert_true(seen[m] > 20); /* the lives are worth looking at */
	assert_true(commands > LIVES * 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_fold_comes_to_what_the_definitions_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
