/*
 * Random lives of tickets, more than 20,000 commands: what must hold however they go.
 * Every life is lived twice, without looking at the clock between commands and with ticks at
 * random instants: the journals must not differ.
 */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "core/explain.h"
#include "world.h"

enum { LIVES = 1500, COMMANDS = 20, OLDER = 900 };

static uint64_t random_state = 20260302;

/* Knuth's MMIX constants; the high bits are the good ones. */
static uint32_t draw(uint32_t below)
{
	random_state =
	        random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % below);
}

struct step {
	int64_t at;
	int kind; /* 0: command, 1: check, 2: merge into an older ticket, 3: its undo */
	struct command cmd;
	bool bad;
};

/* The next instant: often exactly when something is owed. */
static int64_t next_instant(const struct change *c, int64_t now)
{
	static const int64_t GAPS[] = {0, SECOND, MINUTE, 20 * MINUTE, HOUR, 5 * HOUR, DAY};
	int64_t timer = change_next_timer(c);

	if (timer >= now && draw(4) == 0)
		return timer + draw(2);
	return now + GAPS[draw(7)] + (draw(3) == 0 ? (int64_t)draw(3600) * SECOND : 0);
}

/* What stands beside the work. */
static struct command random_aside(void)
{
	static const struct actor LEAD = {
	        .principal_id = PERSON_GLEB, .side = SIDE_PROVIDER, .lead = true};
	struct command cmd = {.text = "words", .actor = LEAD};

	switch (draw(4)) {
	case 0:
		cmd.verb = VERB_WAIVE;
		cmd.clock = (enum clock_kind)(CLOCK_RESPONSE + draw(3));
		break;
	case 1:
		cmd.verb = VERB_ASK;
		cmd.actor = ANNA;
		break;
	case 2:
		cmd.verb = draw(2) == 0 ? VERB_FOLLOW : VERB_UNFOLLOW;
		cmd.person_id = PERSON_ANNA + (int32_t)draw(4);
		break;
	default:
		cmd.verb = VERB_APPLY_CONTRACT;
		cmd.contract_id = draw(5) == 0 ? 0 : CONTRACT_ACME + (int32_t)draw(4);
		break;
	}
	return cmd;
}

static struct command random_command(int64_t now)
{
	static const struct actor *const ACTORS[] = {&VERA, &VERA, &VERA, &GLEB, &ANNA, &ANNA};
	struct command cmd = {
	        .verb = (enum verb)(VERB_TAKE + draw(VERB_CLASSIFY)),
	        .actor = *ACTORS[draw(6)],
	        .text = draw(4) == 0 ? NULL : "words",
	};

	if (draw(6) == 0)
		return random_aside();
	if (cmd.verb == VERB_CANCEL && draw(4) != 0)
		cmd.verb = VERB_REPLY;
	if (draw(8) == 0)
		cmd.verb = VERB_PROMISE;
	if (cmd.verb == VERB_PROMISE) {
		cmd.withdraw = draw(6) == 0;
		if (!cmd.withdraw)
			cmd.promise_at = now + MINUTE + (int64_t)draw(3000) * MINUTE;
	}
	if (cmd.verb == VERB_PEND || (cmd.verb == VERB_REPLY && draw(4) == 0))
		cmd.pend = (enum pending_reason)(1 + draw(4));
	if (cmd.pend == PENDING_SCHEDULED)
		cmd.until = now + MINUTE + (int64_t)draw(3000) * MINUTE;
	if (cmd.verb == VERB_ASSIGN) {
		cmd.team_id = draw(2) == 0 ? 0 : TEAM_NET + (int32_t)draw(2);
		cmd.assignee_id = draw(2) == 0 ? 0 : PERSON_VERA + (int32_t)draw(2);
		cmd.clear_assignee = cmd.assignee_id == 0 && draw(3) == 0;
	}
	if (cmd.verb == VERB_CLASSIFY) {
		cmd.impact = (int16_t)draw(4);
		cmd.urgency = (int16_t)draw(4);
		cmd.priority = cmd.text != NULL && draw(3) == 0 ? (int16_t)(1 + draw(5)) : 0;
		cmd.type = (int16_t)draw(3);
		cmd.service_id = draw(4) == 0 ? SERVICE_MAIL : 0;
		cmd.title = draw(6) == 0 ? "another title" : NULL;
	}
	return cmd;
}

static void assert_clocks_equal(const struct sla_clock *a, const struct sla_clock *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->target_us, b->target_us);
	assert_int_equal(a->target_bd, b->target_bd);
	assert_int_equal(a->wall, b->wall);
	assert_int_equal(a->calendar_id, b->calendar_id);
	assert_int_equal(a->started_at, b->started_at);
	assert_int_equal(a->anchor_at, b->anchor_at);
	assert_int_equal(a->consumed_us, b->consumed_us);
	assert_int_equal(a->due_at, b->due_at);
	assert_int_equal(a->breached_at, b->breached_at);
	assert_int_equal(a->stopped_at, b->stopped_at);
	assert_int_equal(a->level_count, b->level_count);
	for (int i = 0; i < a->level_count; i++) {
		assert_int_equal(a->levels[i].at, b->levels[i].at);
		assert_int_equal(a->levels[i].state, b->levels[i].state);
	}
}

static void assert_text_equal(const char *a, const char *b)
{
	assert_string_equal(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* Equal but for the texts, which are compared as such. */
static void assert_tickets_equal(const struct ticket *a, const struct ticket *b)
{
	struct ticket x = *a;
	struct ticket y = *b;

	assert_text_equal(x.category, y.category);
	assert_text_equal(x.subcategory, y.subcategory);
	assert_text_equal(x.zone, y.zone);
	x.title = x.category = x.subcategory = x.channel = x.external_ref = x.zone = NULL;
	y.title = y.category = y.subcategory = y.channel = y.external_ref = y.zone = NULL;
	assert_memory_equal(&x, &y, sizeof x);
}

static void assert_journal_makes_the_ticket(const struct change *c)
{
	struct change again;

	change_init(&again, c->arena, c->ref);
	again.ticket.customer_id = c->ticket.customer_id;
	again.ticket.ticket_id = c->ticket.ticket_id;
	for (size_t i = 0; i < c->event_count; i++) {
		assert_int_equal(c->events[i].seq, i + 1);
		assert_int_equal(projection_apply(&again, &c->events[i]), 0);
	}
	assert_tickets_equal(&again.ticket, &c->ticket);
	assert_int_equal(c->ticket.version, c->event_count);
	for (int kind = 1; kind < CLOCK_KIND_COUNT; kind++) {
		assert_clocks_equal(&again.clocks[kind], &c->clocks[kind]);
		assert_int_equal(again.clocks[kind].detected_at, c->clocks[kind].detected_at);
	}
}

static void assert_explained(const struct change *c, struct arena *arena, int64_t now)
{
	for (int kind = 1; kind < CLOCK_KIND_COUNT; kind++) {
		const struct sla_clock *clock = &c->clocks[kind];
		struct explanation x;
		int64_t reached;
		int64_t counted = 0;

		if (clock->state == CLOCK_NONE)
			continue;
		assert_int_equal(explain_clock(c, (enum clock_kind)kind, c->events,
		                         c->event_count, now, arena, &x),
		        0);
		reached = x.from;
		for (size_t i = 0; i < x.count; i++) {
			const struct explain_interval *interval = &x.intervals[i];

			assert_int_equal(interval->from, reached);
			assert_true(interval->to > interval->from);
			reached = interval->to;
			if (interval->kind == INTERVAL_COUNTED)
				counted += interval->to - interval->from;
			assert_int_equal(interval->consumed_us, counted);
		}
		assert_int_equal(reached, x.until);
		assert_int_equal(x.consumed_us, counted);
		if (clock->state != CLOCK_RUNNING)
			assert_int_equal(counted, clock->consumed_us);
		if (clock->due_at != 0 && clock_state_name(clock->state)[0] == 'r')
			assert_int_equal(x.due_at, clock->due_at);
	}
}

/* A level fires once an arming; only these events arm. */
static bool arms(const struct event *e)
{
	return e->kind == EVENT_CLOCK_STARTED || e->kind == EVENT_CLOCK_RETARGETED ||
	       (e->kind == EVENT_CLOCK_RESUMED &&
	               (e->cause == CAUSE_REOPEN || e->cause == CAUSE_RETARGET ||
	                       e->cause == CAUSE_CONTRACT));
}

static void assert_levels_fire_once(const struct change *c)
{
	bool fired[CLOCK_KIND_COUNT][LEVELS_MAX + 1] = {{false}};

	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *e = &c->events[i];

		if (e->clock > 0 && arms(e))
			memset(fired[e->clock], 0, sizeof fired[e->clock]);
		if (e->kind != EVENT_LEVEL_FIRED && e->kind != EVENT_LEVEL_SKIPPED)
			continue;
		assert_false(fired[e->clock][e->level]);
		fired[e->clock][e->level] = true;
	}
}

static void assert_outcomes(const struct change *c)
{
	bool broken[CLOCK_KIND_COUNT] = {false};
	int64_t last = 0;

	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *e = &c->events[i];

		/* An undone merge lives again what would have been since. */
		if (e->kind == EVENT_STATE_CHANGED && e->cause == CAUSE_UNMERGED)
			last = e->occurred_at;
		assert_true(e->occurred_at >= last);
		assert_true(e->recorded_at >= e->occurred_at);
		last = e->occurred_at;
		if (e->kind == EVENT_CLOCK_STARTED)
			broken[e->clock] = false;
		if (e->kind == EVENT_CLOCK_BREACHED) {
			assert_false(broken[e->clock]);
			assert_int_equal(e->occurred_at, e->due_at);
			broken[e->clock] = true;
		}
		if (e->kind != EVENT_CLOCK_STOPPED)
			continue;
		if (e->clock_state == CLOCK_MET)
			assert_true(!broken[e->clock] &&
			            (e->due_at == 0 || e->occurred_at <= e->due_at));
		else
			assert_true(broken[e->clock]);
	}
}

/* With LIVES_TRACE in the environment the journal of a life is shown before it is judged. */
static void trace(const struct change *c)
{
	char when[TIME_TEXT_SIZE];
	char due[TIME_TEXT_SIZE];

	if (getenv("LIVES_TRACE") == NULL)
		return;
	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *e = &c->events[i];

		fprintf(stderr,
		        "%3lld %s %s %s state %d reason %d prio %d %s.%d %s due %s "
		        "target %lld consumed %lld\n",
		        (long long)e->seq, time_format_utc(e->occurred_at, when),
		        event_kind_name(e->kind), event_cause_name(e->cause), e->state,
		        e->pending_reason, e->priority,
		        e->clock > 0 ? clock_kind_name((enum clock_kind)e->clock) : "",
		        e->level,
		        e->clock_state > 0 ? clock_state_name((enum clock_state)e->clock_state)
		                           : "",
		        time_format_utc(e->due_at > 0 ? e->due_at : 0, due),
		        (long long)e->target_us / SECOND, (long long)e->consumed_us / SECOND);
	}
}

static void file(struct change *c, bool machine, int64_t now)
{
	struct new_ticket in = world_incident();
	const struct actor *actor = machine ? &ACME_AGENT : &ANNA;
	struct otk_error err;

	in.machine_filed = machine;
	if (machine)
		in.requester_id = 0;
	in.customer_id = random_state % 5 == 0 ? WORLD_BAR : WORLD_ACME;
	if (in.customer_id == WORLD_BAR)
		in.site_id = 0;
	error_clear(&err);
	assert_int_equal(lifecycle_create(c, &in, actor, now, &err), 0);
}

/* Takes one step; a refused one leaves the ticket as it was. */
static bool take_step(struct change *c, const struct step *step)
{
	struct change before = *c;
	struct otk_error err;
	enum check_effect effect;
	struct change older;
	int rc;

	error_clear(&err);
	if (step->kind > 1) {
		change_init(&older, c->arena, c->ref);
		file(&older, false, at("2026-02-26T05:00:00Z"));
		older.ticket.ticket_id = OLDER;
		older.ticket.customer_id = c->ticket.customer_id;
	}
	if (step->kind > 1)
		rc = (step->kind == 2 ? lifecycle_merge : lifecycle_unmerge)(
		        c, &older, &VERA, NULL, step->at, &err);
	else if (step->kind == 1)
		rc = lifecycle_check(
		        c, step->bad, "output", &ACME_AGENT, step->at, &effect, &err);
	else
		rc = lifecycle_apply(c, &step->cmd, step->at, &err);
	if (rc == 0)
		return true;
	assert_true(err.code != OTK_OK && err.code != OTK_INTERNAL);
	assert_true(err.message[0] != '\0' && err.reason[0] != '\0');
	*c = before;
	return false;
}

static void live_with_ticks(struct change *c, const struct step *steps, int count, int64_t from)
{
	struct otk_error err;

	for (int i = 0; i < count; i++) {
		int64_t gap = steps[i].at - from;

		for (uint32_t ticks = draw(4); gap > 0 && ticks > 0; ticks--) {
			int64_t now = from + (int64_t)(draw(1000)) * gap / 1000;

			if (now >= c->ticket.updated_at)
				assert_int_equal(lifecycle_tick(c, now, &err), 0);
		}
		if (draw(3) == 0)
			assert_int_equal(lifecycle_tick(c, steps[i].at, &err), 0);
		take_step(c, &steps[i]);
		from = steps[i].at;
	}
}

static void assert_same_life(const struct change *a, const struct change *b)
{
	assert_int_equal(a->event_count, b->event_count);
	for (size_t i = 0; i < a->event_count; i++) {
		struct event x = a->events[i];
		struct event y = b->events[i];

		x.recorded_at = y.recorded_at = 0;
		x.category = x.subcategory = x.zone = x.text = NULL;
		y.category = y.subcategory = y.zone = y.text = NULL;
		assert_memory_equal(&x, &y, sizeof x);
	}
	assert_tickets_equal(&a->ticket, &b->ticket);
	for (int kind = 1; kind < CLOCK_KIND_COUNT; kind++)
		assert_clocks_equal(&a->clocks[kind], &b->clocks[kind]);
}

/* Both customers have a second contract with other targets, levels, pauses and hours. */
static void sign_more(struct world *world)
{
	struct ref_contract *all = arena_calloc(world->arena, 4, sizeof *all);

	assert_non_null(all);
	all[0] = *world->acme;
	all[1] = *world->bar;
	all[2] = *world->bar;
	all[3] = *world->acme;
	all[2].customer_id = WORLD_ACME;
	all[3].customer_id = WORLD_BAR;
	for (int i = 2; i < 4; i++) {
		all[i].id = CONTRACT_ACME + i;
		all[i].current = false;
		all[i].level_count = 4;
		all[i].pauses[CLOCK_RESOLUTION] = 1 << PENDING_SUPPLIER;
	}
	world->acme = &all[0];
	world->bar = &all[1];
	world->ref.contracts = all;
	world->ref.contract_count = 4;
}

/* In some lives levels act on the ticket, and rest once it is taken up. */
static void let_levels_act(struct world *world, int number)
{
	static const char *const ACTIONS[] = {"notify lead, raise priority",
	        "assign office, watch gleb", "raise priority, assign vera", "notify team",
	        "assign person gleb, quiet send", "assign dasha"};

	for (size_t i = 0; i < world->ref.contract_count; i++) {
		struct ref_contract *contract = &world->ref.contracts[i];
		struct ref_level *levels = arena_memdup(
		        world->arena, contract->levels, contract->level_count * sizeof *levels);

		assert_non_null(levels);
		for (size_t k = 0; k < contract->level_count; k++)
			levels[k].actions =
			        (char *)(uintptr_t)ACTIONS[((size_t)number / 4 + i + k) % 6];
		contract->levels = levels;
		contract->ack_stops =
		        (uint8_t)((number / 4 + (int)i) % 4 == 0   ? 0
		                  : (number / 4 + (int)i) % 4 == 1 ? 1 << CLOCK_RESPONSE
		                                                   : 0xff);
	}
}

static size_t escalated, stopped; /* how often it came to that */

static void live(struct world *world, int number)
{
	struct arena *arena = arena_new(1 << 26);
	struct arena *scratch = arena_new(1 << 26);
	int64_t born = at("2026-02-26T06:00:00Z") + (int64_t)draw(7 * 24 * 60) * MINUTE;
	struct step steps[COMMANDS];
	struct change c;
	struct change ticked;
	struct otk_error err;
	bool machine = number % 3 == 0;
	int64_t now = born;
	uint64_t seed = random_state;

	change_init(&c, arena, &world->ref);
	file(&c, machine, now);
	for (int i = 0; i < COMMANDS; i++) {
		struct change before = c;

		/* Ask what is owed as somebody would who had ticked until now. */
		assert_int_equal(lifecycle_tick(&before, now, &err), 0);
		now = next_instant(&before, now);
		steps[i] = (struct step){.at = now, .cmd = random_command(now)};
		if (machine && draw(3) == 0) {
			steps[i].kind = 1;
			steps[i].bad = draw(2) == 0;
		}
		if (c.ticket.merged_into != 0 ? draw(2) == 0 : draw(12) == 0)
			steps[i].kind = c.ticket.merged_into != 0 ? 3 : 2;
		before = c;
		c.events = arena_calloc(arena, c.event_cap, sizeof *c.events);
		memcpy(c.events, before.events, c.event_count * sizeof *c.events);
		take_step(&c, &steps[i]);
		assert_journal_makes_the_ticket(&c);
		arena_reset(scratch);
		if (i == COMMANDS - 1)
			trace(&c);
		if (c.ticket.updated_at == now)
			assert_explained(&c, scratch, now);
	}
	now += 30 * DAY;
	assert_int_equal(lifecycle_tick(&c, now, &err), 0);
	assert_int_equal(change_next_timer(&c), 0);
	assert_journal_makes_the_ticket(&c);
	assert_explained(&c, scratch, now);
	assert_levels_fire_once(&c);
	assert_outcomes(&c);
	for (size_t i = 0; i < c.event_count; i++) {
		escalated += c.events[i].cause == CAUSE_ESCALATED;
		stopped += c.events[i].cause == CAUSE_ACKNOWLEDGED;
	}

	change_init(&ticked, arena, &world->ref);
	random_state = seed;
	file(&ticked, machine, born);
	live_with_ticks(&ticked, steps, COMMANDS, born);
	assert_int_equal(lifecycle_tick(&ticked, now, &err), 0);
	assert_same_life(&c, &ticked);
	arena_free(arena);
	arena_free(scratch);
}

static void whatever_happens_the_journal_tells_all_and_ticks_change_nothing(void **state)
{
	(void)state;
	for (int number = 0; number < LIVES; number++) {
		struct world *world = world_new();
		uint64_t seed = random_state;

		sign_more(world);
		if (number % 4 == 1)
			let_levels_act(world, number);
		if (number % 2 == 0)
			world_edit_office(world,
			        at("2026-03-02T05:00:00Z") +
			                (int64_t)draw(4 * 24 * 60) * MINUTE,
			        draw(2) == 0 ? "mon-fri 10:00-16:00" : "mon-sat 08:00-20:00");
		if (getenv("LIVES_TRACE") != NULL)
			fprintf(stderr, "life %d seed %llu\n", number,
			        (unsigned long long)seed);
		live(world, number);
		world_free(world);
	}
	assert_true(escalated > 300 && stopped > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                whatever_happens_the_journal_tells_all_and_ticks_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
