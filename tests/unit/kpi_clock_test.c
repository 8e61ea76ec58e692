/*
 * What clocks and escalations contribute to the rollups: random lives under the real rules are
 * folded entry by entry, and what comes out is compared with what the definitions say of the
 * finished journal.
 */
#include "cmocka_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/kpi_fold.h"
#include "world.h"

enum { LIVES = 1500, COMMANDS = 16, ROUNDS_MAX = 200, TEAMS = 32 };

/* Net contributions, by the team they stand under as well. */
struct tally {
	int64_t n[KPI_METRIC_MAX + 1][TEAMS];
	int64_t sum[KPI_METRIC_MAX + 1];
};

static void tally_add(void *context, const struct kpi_delta *d)
{
	struct tally *t = context;

	assert_in_range(d->key.team_id, 0, TEAMS - 1);
	t->n[d->key.metric][d->key.team_id] += d->n;
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

/* --- the definitions, over the whole journal -------------------------------------------- */

/* One life of a clock: from its start to its last end, reopens included. */
struct round {
	int clock;
	int32_t team; /* that had the ticket when it began */
	int32_t team_broken, team_ended;
	bool broken, met, ended, waived;
	int64_t consumed_us, target_us;
};

static void ends(struct round *r, const struct event *e, int32_t team)
{
	r->ended = true;
	r->met = e->kind == EVENT_CLOCK_STOPPED && e->clock_state == CLOCK_MET;
	r->consumed_us = e->consumed_us;
	r->team_ended = team;
}

static size_t rounds_of(const struct change *c, struct round *rounds)
{
	struct round *now[CLOCK_KIND_COUNT] = {NULL};
	size_t count = 0;
	int32_t team = 0;

	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *e = &c->events[i];
		struct round *r = e->clock > 0 ? now[e->clock] : NULL;

		if (e->team_id >= 0)
			team = e->team_id;
		if (e->kind == EVENT_CLOCK_STARTED) {
			assert_true(count < ROUNDS_MAX);
			r = now[e->clock] = &rounds[count++];
			*r = (struct round){.clock = e->clock, .team = team};
		}
		if (r == NULL)
			continue;
		if (e->target_us >= 0)
			r->target_us = e->target_us;
		if (e->kind == EVENT_CLOCK_BREACHED && !r->broken) {
			r->broken = true;
			r->team_broken = team;
		}
		if (e->kind == EVENT_CLOCK_STOPPED || e->kind == EVENT_CLOCK_VOIDED)
			ends(r, e, team);
		else if (e->kind == EVENT_CLOCK_RESUMED || e->kind == EVENT_CLOCK_PAUSED)
			r->ended = false;
		else if (e->kind == EVENT_CLOCK_WAIVED)
			r->waived = true;
	}
	return count;
}

static const struct {
	int met, breached, waived;
} METRICS[CLOCK_KIND_COUNT] = {
        [CLOCK_RESPONSE] = {KPI_RESPONSE_MET, KPI_RESPONSE_BREACHED, KPI_RESPONSE_WAIVED},
        [CLOCK_UPDATE] = {KPI_UPDATE_MET, KPI_UPDATE_BREACHED, KPI_UPDATE_WAIVED},
        [CLOCK_RESOLUTION] = {KPI_RESOLUTION_MET, KPI_RESOLUTION_BREACHED,
                KPI_RESOLUTION_WAIVED},
        [CLOCK_OPERATIONAL] = {KPI_OPERATIONAL_MET, KPI_OPERATIONAL_BREACHED,
                KPI_OPERATIONAL_WAIVED},
        [CLOCK_SUPPLIER] = {KPI_SUPPLIER_MET, KPI_SUPPLIER_BREACHED, KPI_SUPPLIER_WAIVED},
};

static void count_round(const struct round *r, struct tally *t)
{
	bool own = r->clock == CLOCK_OPERATIONAL;
	int64_t over = r->consumed_us - r->target_us;

	if (r->broken)
		t->n[r->waived ? METRICS[r->clock].waived : METRICS[r->clock].breached]
		    [own ? r->team : r->team_broken]++;
	if (r->ended && r->met)
		t->n[METRICS[r->clock].met][own ? r->team : r->team_ended]++;
	if (!r->ended || !r->broken || r->waived)
		return;
	t->n[KPI_OVERRUN_BASE + r->clock][own ? r->team : r->team_ended]++;
	t->sum[KPI_OVERRUN_BASE + r->clock] += over > 0 ? over / 1000 : 0;
}

/* The first entry of each kind of escalation, under the team before it. */
static void count_escalations(const struct change *c, struct tally *t)
{
	bool seen[4] = {false};
	int32_t team = 0, last = 0, before = 0;
	int16_t priority = 0;

	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *e = &c->events[i];
		bool by_level = e->cause == CAUSE_ESCALATED;
		bool is[4] = {false};

		is[1] = e->kind == EVENT_ASSIGNED &&
		        (by_level || (e->team_id > 0 && last != 0 && e->team_id != last &&
		                             e->team_id != before));
		is[2] = (e->kind == EVENT_CLASSIFIED && e->priority > 0 &&
		                e->priority < priority &&
		                (by_level || e->cause == CAUSE_OVERRIDE)) ||
		        (e->kind == EVENT_LEVEL_FIRED && e->clock == CLOCK_RESOLUTION);
		is[3] = e->kind == EVENT_LEVEL_FIRED;
		is[0] = is[1] || is[2] || is[3];
		for (int k = 0; k < 4; k++) {
			if (is[k] && !seen[k])
				t->n[KPI_ESCALATED + k][team]++;
			seen[k] = seen[k] || is[k];
		}
		if (e->priority > 0)
			priority = e->priority;
		if (e->team_id >= 0)
			team = e->team_id;
		if (e->team_id > 0 && e->team_id != last) {
			before = last;
			last = e->team_id;
		}
	}
}

static void define(const struct change *c, struct tally *t)
{
	struct round rounds[ROUNDS_MAX];
	size_t count = rounds_of(c, rounds);

	memset(t, 0, sizeof *t);
	if (c->ticket.state == TICKET_CANCELLED)
		return;
	for (size_t i = 0; i < count; i++)
		count_round(&rounds[i], t);
	count_escalations(c, t);
	for (int k = KPI_ESCALATED; k <= KPI_ESCALATED_AUTOMATIC; k++) {
		for (int team = 0; team < TEAMS; team++)
			t->sum[k] += t->n[k][team];
	}
}

/* --- lives ------------------------------------------------------------------------------ */

static struct ref_target targets[] = {
        {.clock = CLOCK_RESPONSE, .target_us = 2 * HOUR},
        {.clock = CLOCK_UPDATE, .target_us = 2 * HOUR},
        {.clock = CLOCK_RESOLUTION, .target_us = 16 * HOUR},
        {.clock = CLOCK_RESOLUTION, .priority = 2, .target_us = 8 * HOUR},
        {.clock = CLOCK_OPERATIONAL, .target_us = 6 * HOUR},
        {.clock = CLOCK_OPERATIONAL, .team_id = TEAM_NET, .target_us = 3 * HOUR},
        {.clock = CLOCK_SUPPLIER, .target_us = 4 * HOUR},
};
static char net[] = "assign net, watch vera", above[] = "raise priority, notify manager";
static struct ref_level levels[] = {
        {.clock = CLOCK_UPDATE, .number = 1, .percent = 150, .actions = net},
        {.clock = CLOCK_RESOLUTION, .number = 1, .percent = 75, .actions = above},
};

static uint64_t seed = 20261122;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(seed >> 33) % below;
}

static struct command random_command(void)
{
	static const enum verb VERBS[] = {VERB_REPLY, VERB_ASSIGN, VERB_ASSIGN, VERB_PEND,
	        VERB_PEND, VERB_RESUME, VERB_RESOLVE, VERB_REOPEN, VERB_REOPEN, VERB_WAIVE,
	        VERB_WAIVE, VERB_CLASSIFY};
	static const int32_t GIVEN_TO[] = {TEAM_NET, TEAM_OFFICE};
	struct command cmd = {.verb = VERBS[pick(12)], .actor = VERA, .text = "words"};

	if (pick(80) == 0)
		cmd.verb = VERB_CANCEL;
	if (cmd.verb == VERB_ASSIGN)
		cmd.team_id = GIVEN_TO[pick(2)];
	if (cmd.verb == VERB_PEND)
		cmd.pend = pick(2) ? PENDING_SUPPLIER : PENDING_CUSTOMER;
	if (cmd.verb == VERB_CLASSIFY)
		cmd.priority = (int16_t)(1 + pick(5));
	if (cmd.verb == VERB_WAIVE) {
		cmd.actor.lead = true;
		cmd.clock = (enum clock_kind)(1 + pick(5));
	}
	return cmd;
}

/* Into an older ticket and, mostly, back: as the undo of a merge or for good. */
static void merge(struct life *life, int64_t now)
{
	struct life *other;
	void *fixture;

	life_begin(&fixture);
	other = fixture;
	assert_int_equal(life_file(other), 0);
	other->c.ticket.ticket_id = life->c.ticket.ticket_id - 1;
	error_clear(&life->err);
	if (lifecycle_merge(&life->c, &other->c, &VERA, "one", now, &life->err) == 0 &&
	        pick(4) != 0)
		assert_int_equal(lifecycle_unmerge(&life->c, &other->c, &VERA, "two",
		                         now + (int64_t)pick(900) * MINUTE, &life->err),
		        0);
	life_end(&fixture);
}

static void live(struct life *life)
{
	int64_t now = at(MONDAY_10);

	life->world->acme->targets = targets;
	life->world->acme->target_count = sizeof targets / sizeof *targets;
	life->world->acme->levels = levels;
	life->world->acme->level_count = sizeof levels / sizeof *levels;
	life->world->acme->pauses[CLOCK_OPERATIONAL] = 1 << PENDING_CUSTOMER;
	assert_int_equal(life_file(life), 0);
	life->c.ticket.ticket_id = 1000;
	for (int i = 0; i < COMMANDS && life->c.ticket.merged_into == 0; i++) {
		struct change before;
		struct command cmd = random_command();

		now += (int64_t)(1 + pick(240)) * MINUTE;
		if (now < life->c.ticket.updated_at)
			now = life->c.ticket.updated_at;
		before = life->c;
		error_clear(&life->err);
		if (pick(15) == 0)
			merge(life, now);
		else if (lifecycle_apply(&life->c, &cmd, now, &life->err) != 0)
			life->c = before;
	}
	if (now < life->c.ticket.updated_at)
		now = life->c.ticket.updated_at;
	assert_int_equal(lifecycle_tick(&life->c, now + DAY, &life->err), 0);
}

static bool is_defined_here(int metric)
{
	for (int clock = CLOCK_RESPONSE; clock < CLOCK_KIND_COUNT; clock++) {
		if (metric == METRICS[clock].breached || metric == METRICS[clock].waived ||
		        (metric == METRICS[clock].met && clock != CLOCK_RESOLUTION))
			return true;
	}
	return metric > KPI_OVERRUN_BASE && metric <= KPI_METRIC_STORED_MAX;
}

static void compare(int life, const struct tally *folded, const struct tally *defined,
        int64_t seen[KPI_METRIC_MAX + 1])
{
	for (int m = 1; m <= KPI_METRIC_MAX; m++) {
		if (!is_defined_here(m))
			continue;
		for (int team = 0; team < TEAMS; team++) {
			if (folded->n[m][team] != defined->n[m][team])
				fail_msg("life %d, measure %d, team %d: %lld, not %lld", life,
				        m, team, (long long)folded->n[m][team],
				        (long long)defined->n[m][team]);
			seen[m] += folded->n[m][team];
		}
		if (m > KPI_OVERRUN_BASE && folded->sum[m] != defined->sum[m])
			fail_msg("life %d, measure %d: sum %lld, not %lld", life, m,
			        (long long)folded->sum[m], (long long)defined->sum[m]);
	}
}

static void the_fold_comes_to_what_the_definitions_say(void **state)
{
	static struct tally folded, defined;
	int64_t seen[KPI_METRIC_MAX + 1] = {0};

	(void)state;
	for (int i = 0; i < LIVES; i++) {
		struct life *life;
		void *fixture;

		life_begin(&fixture);
		life = fixture;
		live(life);
		fold(&life->c, &folded);
		define(&life->c, &defined);
		compare(i, &folded, &defined, seen);
		life_end(&fixture);
	}
	for (int m = 1; m <= KPI_METRIC_MAX; m++) {
		if (is_defined_here(m) && seen[m] <= 20)
			fail_msg("measure %d was seen %lld times", m, (long long)seen[m]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_fold_comes_to_what_the_definitions_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
