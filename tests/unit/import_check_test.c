/* What cases may be imported, which are the same, and what names become. */
#include "rpc/import_check.h"

#include <stdio.h>
#include <string.h>

#include "cmocka_test.h"

#define NOW INT64_C(1767225600000000)

static Otklik__V1__Observation observations[2];
static Otklik__V1__Observation *list[] = {&observations[0], &observations[1]};
static Otklik__V1__ImportedCase good;

static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		otklik__v1__observation__init(&observations[i]);
		observations[i].at_us = NOW - 100 + i;
		observations[i].state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_NEW;
	}
	otklik__v1__imported_case__init(&good);
	good.ref = text("A1");
	good.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_INCIDENT;
	good.created_at_us = NOW - 200;
	good.observations = list;
	good.n_observations = 2;
	return 0;
}

static void refused(const char *why)
{
	struct arena *arena = arena_new(1 << 16);
	const char *reason = import_check(arena, &good, NOW);

	if (why == NULL)
		assert_null(reason);
	else if (reason == NULL || strstr(reason, why) == NULL)
		fail_msg("'%s' does not say '%s'", reason == NULL ? "taken" : reason, why);
	arena_free(arena);
	(void)setup(NULL);
}

static void limits_are_told_with_the_observation(void **state)
{
	static char longest[302];

	(void)state;
	memset(longest, 'x', sizeof longest - 1);
	refused(NULL);
	good.ref = text("");
	refused("ref");
	good.created_at_us = NOW + 1;
	refused("created_at_us");
	good.created_at_us = -1;
	refused("created_at_us");
	good.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_UNSPECIFIED;
	refused("type");
	good.title = longest;
	refused("title");
	good.n_observations = 0;
	refused("1 to 1000");
	observations[1].at_us = NOW - 101;
	refused("observations[1]: comes before");
	observations[1].at_us = NOW + 1;
	refused("not in the past");
	observations[0].state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_UNSPECIFIED;
	refused("observations[0]: has no state");
	observations[0].state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_PENDING;
	refused("without a reason");
	observations[0].priority = 6;
	refused("priority");
	observations[0].urgency = 4;
	refused("impact and urgency");
	observations[1].team = longest;
	refused("observations[1].team");
	observations[1].category = longest;
	refused("observations[1].category");
}

static void every_field_is_part_of_the_hash(void **state)
{
	uint8_t hashes[24][IMPORT_HASH_SIZE];
	size_t count = 0;

	(void)state;
#define HASH(change)                                                                           \
	do {                                                                                   \
		(void)setup(NULL);                                                             \
		change;                                                                        \
		assert_int_equal(import_hash(&good, "UTC", hashes[count++]), 0);               \
	} while (0)
	HASH((void)0);
	HASH(good.ref = text("A2"));
	HASH(good.created_at_us++);
	HASH(good.type = OTKLIK__V1__TICKET_TYPE__TICKET_TYPE_SERVICE_REQUEST);
	HASH(good.title = text("x"));
	HASH(good.channel = text("x"));
	HASH(good.n_observations = 1);
	HASH(observations[0].at_us++);
	HASH(observations[0].state = OTKLIK__V1__TICKET_STATE__TICKET_STATE_CLOSED);
	HASH(observations[0].pending_reason =
	                OTKLIK__V1__PENDING_REASON__PENDING_REASON_CUSTOMER);
	HASH(observations[0].team = text("x"));
	HASH(observations[0].assignee = text("x"));
	HASH(observations[0].site = text("x"));
	HASH(observations[0].requester = text("x"));
	HASH(observations[0].category = text("x"));
	HASH(observations[0].subcategory = text("x"));
	HASH(observations[0].priority = 1);
	HASH(observations[0].impact = 1);
	HASH(observations[0].urgency = 1);
	(void)setup(NULL);
	assert_int_equal(import_hash(&good, "Europe/Paris", hashes[count++]), 0);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(hashes[i], hashes[k], IMPORT_HASH_SIZE);
	}
	(void)setup(NULL);
	assert_int_equal(import_hash(&good, "UTC", hashes[1]), 0);
	assert_memory_equal(hashes[0], hashes[1], IMPORT_HASH_SIZE);
}

static void names_become_codes(void **state)
{
	static const struct {
		enum import_name_kind kind;
		const char *name;
		const char *slug; /* NULL: the hashed one */
	} cases[] = {{IMPORT_TEAM, "Group 24", "group-24"}, {IMPORT_SITE, "143", "143"},
	        {IMPORT_REQUESTER, "Jane  Doe ", "old-jane-doe"},
	        {IMPORT_ASSIGNEE, "Solver_7", "old-solver_7"}, {IMPORT_TEAM, "Отдел", NULL},
	        {IMPORT_TEAM, "--", NULL},
	        {IMPORT_TEAM,
	                "a name that is far too long to be a code, so that it is cut off and "
	                "gets a mark of its own",
	                NULL}};
	char slug[CODE_MAX + 1], hashed[CODE_MAX + 1], other[CODE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(
		        import_slug(cases[i].kind, 1, "old", cases[i].name, slug, hashed), 0);
		assert_string_equal(slug, cases[i].slug == NULL ? hashed : cases[i].slug);
		assert_in_range(strlen(hashed), 12, CODE_MAX);
		assert_int_equal(strspn(hashed, "abcdefghijklmnopqrstuvwxyz0123456789._-"),
		        strlen(hashed));
	}
	/* a requester belongs to a customer, a team does not */
	import_slug(IMPORT_REQUESTER, 1, "old", "x", slug, hashed);
	import_slug(IMPORT_REQUESTER, 2, "old", "x", slug, other);
	assert_string_not_equal(hashed, other);
	import_slug(IMPORT_TEAM, 1, "old", "x", slug, hashed);
	import_slug(IMPORT_TEAM, 2, "new", "x", slug, other);
	assert_string_equal(hashed, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(limits_are_told_with_the_observation, setup),
	        cmocka_unit_test(every_field_is_part_of_the_hash),
	        cmocka_unit_test(names_become_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
