/* What a declaration adds, changes and retires. */
#include "desk/installation.h"

#include <string.h>

#include "cmocka_test.h"

#define NOW INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

struct world {
	struct thing_list declared;
	struct thing_list stored;
	struct thing_change *changes;
	size_t count;
	struct otk_error err;
};

static int setup(void **state)
{
	static struct world world;

	world = (struct world){0};
	world.declared.arena = arena_new(1 << 20);
	world.stored.arena = world.declared.arena;
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	arena_free(world->declared.arena);
	return 0;
}

static int run(struct world *world)
{
	return installation_diff(&world->declared, &world->stored, NOW, &world->changes,
	        &world->count, &world->err);
}

static struct thing *put(
        struct thing_list *list, enum thing_kind kind, const char *code, const char *name)
{
	struct thing *thing = thing_add(list, kind, code);

	assert_non_null(thing);
	thing->texts[0] = name;
	return thing;
}

static void equal_things_are_no_change(void **state)
{
	struct world *world = *state;

	put(&world->declared, THING_TEAM, "a", "A");
	put(&world->stored, THING_TEAM, "a", "A");
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 0);
}

/* However much differs, what the change does is told. */
static void a_long_detail_keeps_its_remarks(void **state)
{
	static const char LONG[] =
	        "Aпример "
	        "пример пример пример пример пример пример пример пример пример пример "
	        "пример пример пример пример пример пример пример пример пример пример";
	struct world *world = *state;
	struct thing *to = put(&world->declared, THING_CONTRACT, "c", "acme");
	struct thing *from = put(&world->stored, THING_CONTRACT, "c", "acme");
	const char *detail;

	for (int i = 1; thing_text_name(THING_CONTRACT, i) != NULL; i++)
		to->texts[i] = LONG;
	to->separate = true;
	to->note = "warning: missing: something";
	from->separate = false;
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 1);
	detail = world->changes[0].detail;
	assert_non_null(strstr(detail, "…; declared by the installation: its next apply puts "
	                               "back what it says; a new version for new tickets"));
	assert_non_null(strstr(detail, "; warning: missing: something"));
}

static void changes_come_in_order_of_kind_and_code(void **state)
{
	static const struct {
		enum change_action action;
		const char *code;
	} wanted[] = {{ACTION_ADD, "acme"}, {ACTION_RETIRE, "zeta"}, {ACTION_ADD, "acme/hq"},
	        {ACTION_CHANGE, "a"}, {ACTION_RETIRE, "b"}};
	struct world *world = *state;

	put(&world->declared, THING_TEAM, "a", "New");
	put(&world->stored, THING_TEAM, "b", "B");
	put(&world->stored, THING_TEAM, "a", "Old");
	put(&world->declared, THING_SITE, "acme/hq", "HQ");
	put(&world->stored, THING_CUSTOMER, "zeta", "Zeta");
	put(&world->declared, THING_CUSTOMER, "acme", "Acme");
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, sizeof wanted / sizeof *wanted);
	for (size_t i = 0; i < world->count; i++) {
		const struct thing_change *change = &world->changes[i];
		const struct thing *thing =
		        change->declared != NULL ? change->declared : change->stored;

		assert_int_equal(change->action, wanted[i].action);
		assert_string_equal(thing->code, wanted[i].code);
	}
	assert_string_equal(world->changes[3].detail, "name: 'Old' → 'New'");
	assert_string_equal(change_action_name(ACTION_RETIRE), "retire");
}

static void what_an_import_made_is_left_alone_until_it_is_declared(void **state)
{
	struct world *world = *state;

	put(&world->stored, THING_TEAM, "seen", "Seen")->imported = true;
	put(&world->stored, THING_PERSON, "old-jane", "Jane")->placeholder = true;
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 0);
	put(&world->declared, THING_TEAM, "seen", "Seen");
	put(&world->declared, THING_PERSON, "old-jane", "Jane");
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 2);
	assert_int_equal(world->changes[0].action, ACTION_CHANGE);
	assert_non_null(strstr(world->changes[0].detail, "declared from now on"));
	assert_non_null(strstr(world->changes[1].detail, "becomes a person"));
}

static void retired_things_come_back_and_stay_retired_otherwise(void **state)
{
	struct world *world = *state;

	put(&world->stored, THING_CUSTOMER, "acme", "Acme")->retired = true;
	put(&world->stored, THING_PERSON, "rui", "Rui")->texts[PERSON_DISABLED] = "yes";
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 0);
	put(&world->declared, THING_CUSTOMER, "acme", "Acme");
	put(&world->declared, THING_PERSON, "rui", "Rui");
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 2);
	assert_int_equal(world->changes[0].action, ACTION_ADD);
	assert_string_equal(world->changes[0].detail, "in use again");
	assert_string_equal(world->changes[1].detail, "disabled: 'yes' → nothing");
}

static void at_once_has_come_true_for_a_contract_in_force(void **state)
{
	struct world *world = *state;
	struct thing *contract = put(&world->stored, THING_CONTRACT, "c", "acme");

	put(&world->declared, THING_CONTRACT, "c", "acme");
	contract->texts[CONTRACT_VALID_FROM] = "2025-05-05T05:05:05Z";
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 0);
	world->stored.things[0].texts[CONTRACT_VALID_FROM] = "2027-01-01T00:00:00Z";
	assert_int_equal(run(world), 0);
	assert_int_equal(world->count, 1);
	assert_non_null(strstr(world->changes[0].detail, "new version"));
}

static void contracts_and_agents_stay_with_their_customer(void **state)
{
	struct world *world = *state;

	put(&world->declared, THING_AGENT, "a", "bravo/hq");
	put(&world->stored, THING_AGENT, "a", "acme/hq");
	put(&world->declared, THING_CONTRACT, "c", "bravo");
	put(&world->stored, THING_CONTRACT, "c", "acme");
	assert_int_equal(run(world), -OTK_INVALID_ARGUMENT);
	assert_int_equal(world->err.violation_count, 2);
	assert_string_equal(world->err.violations[0].field, "agents");
	assert_non_null(strstr(world->err.violations[1].description, "'acme'"));
}

static void a_long_text_is_cut_in_the_detail(void **state)
{
	struct world *world = *state;
	char text[2001];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	put(&world->declared, THING_TEAM, "a", text);
	put(&world->stored, THING_TEAM, "a", "A");
	assert_int_equal(run(world), 0);
	assert_in_range(strlen(world->changes[0].detail), 160, 200);
}

static void without_memory_it_says_so(void **state)
{
	struct world *world = *state;
	struct thing_list small = {.arena = arena_new(64)};

	assert_null(thing_add(&small, THING_TEAM, "a"));
	put(&world->stored, THING_TEAM, "a", "A");
	assert_int_equal(installation_diff(&small, &world->stored, NOW, &world->changes,
	                         &world->count, &world->err),
	        -OTK_RESOURCE_EXHAUSTED);
	arena_free(small.arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_long_detail_keeps_its_remarks),
	        TEST(equal_things_are_no_change),
	        TEST(changes_come_in_order_of_kind_and_code),
	        TEST(what_an_import_made_is_left_alone_until_it_is_declared),
	        TEST(retired_things_come_back_and_stay_retired_otherwise),
	        TEST(at_once_has_come_true_for_a_contract_in_force),
	        TEST(contracts_and_agents_stay_with_their_customer),
	        TEST(a_long_text_is_cut_in_the_detail),
	        TEST(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
