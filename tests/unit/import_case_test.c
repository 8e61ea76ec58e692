/* Observations become a journal of their differences, and the ticket that it makes. */
#include "desk/import_case.h"

#include <string.h>

#include "cmocka_test.h"

static const struct actor ADMIN = {.principal_id = 7, .side = SIDE_PROVIDER};
static const struct reference EMPTY;

struct built {
	struct arena *arena;
	struct change change;
};

static struct built build(const struct import_observation *observations, size_t count)
{
	struct built b = {.arena = arena_new(1 << 20)};
	struct import_case in = {.customer_id = 1,
	        .ticket_id = 64,
	        .ref = "A1",
	        .title = "A title",
	        .channel = "Phone",
	        .zone = "Europe/Moscow",
	        .type = TICKET_INCIDENT,
	        .created_at = 1000,
	        .observations = observations,
	        .count = count};

	change_init(&b.change, b.arena, &EMPTY);
	assert_int_equal(import_case_build(&b.change, &in, &ADMIN, 9000), 0);
	assert_int_equal(b.change.ticket.version, b.change.event_count);
	return b;
}

static void the_first_observation_makes_the_ticket(void **state)
{
	const struct import_observation one = {.at = 1500,
	        .state = TICKET_NEW,
	        .team_id = 3,
	        .assignee_id = 4,
	        .site_id = 5,
	        .requester_id = 6,
	        .impact = 1,
	        .urgency = 1,
	        .category = "net"};
	struct built b = build(&one, 1);
	const struct ticket *t = &b.change.ticket;
	const struct event *e = &b.change.events[0];

	(void)state;
	assert_int_equal(b.change.event_count, 1);
	assert_int_equal(e->kind, EVENT_CREATED);
	assert_int_equal(e->cause, CAUSE_IMPORT);
	assert_int_equal(e->occurred_at, 1000);
	assert_int_equal(e->recorded_at, 9000);
	assert_string_equal(e->zone, "Europe/Moscow");
	assert_true(t->observed && t->no_sla);
	assert_int_equal(t->priority, 1); /* of the matrix */
	assert_int_equal(t->team_id, 3);
	assert_string_equal(t->external_ref, "A1");
	assert_string_equal(t->category, "net");
	assert_null(t->subcategory);
	assert_int_equal(change_next_timer(&b.change), 0);
	arena_free(b.arena);
}

static void only_differences_are_journalled_at_their_time(void **state)
{
	const struct import_observation seen[] = {
	        {.at = 1500, .state = TICKET_IN_PROGRESS, .team_id = 3, .priority = 2},
	        {.at = 1600, .state = TICKET_IN_PROGRESS, .team_id = 3, .priority = 2},
	        {.at = 1700, .state = TICKET_RESOLVED, .team_id = 4, .priority = 1},
	};
	static const struct {
		enum event_kind kind;
		int64_t at;
	} wanted[] = {{EVENT_CREATED, 1000}, {EVENT_STATE_CHANGED, 1500},
	        {EVENT_ASSIGNED, 1700}, {EVENT_CLASSIFIED, 1700}, {EVENT_STATE_CHANGED, 1700}};
	struct built b = build(seen, 3);

	(void)state;
	assert_int_equal(b.change.event_count, sizeof wanted / sizeof *wanted);
	for (size_t i = 0; i < b.change.event_count; i++) {
		assert_int_equal(b.change.events[i].kind, wanted[i].kind);
		assert_int_equal(b.change.events[i].occurred_at, wanted[i].at);
		assert_int_equal(b.change.events[i].seq, i + 1);
	}
	assert_int_equal(b.change.events[2].team_id, 4);
	assert_int_equal(b.change.events[2].assignee_id, -1); /* not touched */
	assert_int_equal(b.change.ticket.updated_at, 1700);
	arena_free(b.arena);
}

static void resolve_and_reopen_follow_the_states(void **state)
{
	static const struct {
		enum ticket_state states[6];
		int64_t first, last;
		int reopened;
	} cases[] = {
	        {{TICKET_NEW, TICKET_RESOLVED, TICKET_CLOSED}, 2000, 2000, 0},
	        {{TICKET_CLOSED}, 1000, 1000, 0},
	        {{TICKET_RESOLVED, TICKET_IN_PROGRESS, TICKET_CLOSED}, 1000, 3000, 1},
	        {{TICKET_CLOSED, TICKET_RESOLVED, TICKET_CLOSED}, 1000, 1000, 0},
	        {{TICKET_RESOLVED, TICKET_PENDING}, 1000, 0, 1},
	        {{TICKET_CLOSED, TICKET_NEW, TICKET_RESOLVED, TICKET_ASSIGNED}, 1000, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct import_observation seen[6] = {0};
		struct built b;
		size_t count = 0;

		for (; count < 6 && cases[i].states[count] != 0; count++)
			seen[count] =
			        (struct import_observation){.at = (int64_t)(count + 1) * 1000,
			                .state = cases[i].states[count],
			                .pending_reason = PENDING_CUSTOMER};
		b = build(seen, count);
		assert_int_equal(b.change.ticket.first_resolved_at, cases[i].first);
		assert_int_equal(b.change.ticket.resolved_at, cases[i].last);
		assert_int_equal(b.change.ticket.reopen_count, cases[i].reopened);
		assert_int_equal(b.change.ticket.state, cases[i].states[count - 1]);
		arena_free(b.arena);
	}
}

static void a_change_of_reason_stays_pending(void **state)
{
	const struct import_observation seen[] = {
	        {.at = 1100, .state = TICKET_PENDING, .pending_reason = PENDING_CUSTOMER},
	        {.at = 1200, .state = TICKET_PENDING, .pending_reason = PENDING_SUPPLIER},
	        {.at = 1300, .state = TICKET_ASSIGNED, .pending_reason = PENDING_SUPPLIER},
	};
	struct built b = build(seen, 3);

	(void)state;
	assert_int_equal(b.change.event_count, 4);
	assert_int_equal(b.change.events[2].pending_reason, PENDING_SUPPLIER);
	assert_int_equal(b.change.events[3].pending_reason, PENDING_NONE);
	assert_int_equal(b.change.ticket.pending_reason, PENDING_NONE);
	arena_free(b.arena);
}

static void texts_can_be_cleared(void **state)
{
	const struct import_observation seen[] = {
	        {.at = 1100, .state = TICKET_NEW, .category = "net", .subcategory = "lan"},
	        {.at = 1200, .state = TICKET_NEW, .category = "", .subcategory = "wan"},
	};
	struct built b = build(seen, 2);

	(void)state;
	assert_string_equal(b.change.events[1].category, "");
	assert_null(b.change.ticket.category);
	assert_string_equal(b.change.ticket.subcategory, "wan");
	arena_free(b.arena);
}

static void without_memory_it_says_so(void **state)
{
	const struct import_observation one = {.at = 1500, .state = TICKET_NEW};
	struct import_case in = {.observations = &one, .count = 1, .zone = "UTC", .ref = "x"};
	struct arena *arena = arena_new(64);
	struct change change;

	(void)state;
	change_init(&change, arena, &EMPTY);
	assert_int_equal(
	        import_case_build(&change, &in, &ADMIN, 9000), -OTK_RESOURCE_EXHAUSTED);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_first_observation_makes_the_ticket),
	        cmocka_unit_test(only_differences_are_journalled_at_their_time),
	        cmocka_unit_test(resolve_and_reopen_follow_the_states),
	        cmocka_unit_test(a_change_of_reason_stays_pending),
	        cmocka_unit_test(texts_can_be_cleared),
	        cmocka_unit_test(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
