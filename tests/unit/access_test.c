/* Who may do what: the policy table, grants of one customer and of all, and scopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/status.h"
#include "core/access.h"

static const struct {
	enum role role;
	enum permission permission;
	bool allowed;
} POLICY[] = {
        {ROLE_REQUESTER, PERMISSION_ANY, true},
        {ROLE_REQUESTER, PERMISSION_TICKET_READ, true},
        {ROLE_REQUESTER, PERMISSION_TICKET_CREATE, true},
        {ROLE_REQUESTER, PERMISSION_TICKET_REPLY, true},
        {ROLE_REQUESTER, PERMISSION_TICKET_WORK, false},
        {ROLE_REQUESTER, PERMISSION_KPI_READ, false},
        {ROLE_REQUESTER, PERMISSION_AGENT, false},
        {ROLE_ENGINEER, PERMISSION_TICKET_WORK, true},
        {ROLE_ENGINEER, PERMISSION_TICKET_LEAD, false},
        {ROLE_ENGINEER, PERMISSION_ADMIN, false},
        {ROLE_LEAD, PERMISSION_TICKET_WORK, true},
        {ROLE_LEAD, PERMISSION_TICKET_LEAD, true},
        {ROLE_LEAD, PERMISSION_KPI_READ, true},
        {ROLE_LEAD, PERMISSION_IMPORT, false},
        {ROLE_MANAGER, PERMISSION_KPI_READ, true},
        {ROLE_MANAGER, PERMISSION_TICKET_READ, true},
        {ROLE_MANAGER, PERMISSION_TICKET_REPLY, false},
        {ROLE_MANAGER, PERMISSION_TICKET_WORK, false},
        {ROLE_ADMIN, PERMISSION_ADMIN, true},
        {ROLE_ADMIN, PERMISSION_IMPORT, true},
        {ROLE_ADMIN, PERMISSION_AGENT, false},
        {ROLE_AGENT, PERMISSION_AGENT, true},
        {ROLE_AGENT, PERMISSION_TICKET_READ, false},
        {ROLE_AGENT, PERMISSION_TICKET_CREATE, false},
        {(enum role)0, PERMISSION_TICKET_READ, false},
        {ROLE_MAIL, PERMISSION_MAIL, true},
        {ROLE_MAIL, PERMISSION_TICKET_READ, false},
        {ROLE_MAIL, PERMISSION_TICKET_CREATE, false},
        {ROLE_ADMIN, PERMISSION_MAIL, false},
        {(enum role)8, PERMISSION_TICKET_READ, false},
        {(enum role)8, PERMISSION_ANY, false},
        {ROLE_ADMIN, (enum permission)0, false},
        {ROLE_ADMIN, (enum permission)12, false},
        {ROLE_ADMIN, (enum permission)40, false},
};

static void the_policy_is_the_documented_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof POLICY / sizeof POLICY[0]; i++) {
		struct access access = {.count = 1, .grants = {{POLICY[i].role, 7}}};

		if (access_may(&access, POLICY[i].permission, 7) != POLICY[i].allowed)
			fail_msg("row %zu: role %d, permission %d", i, (int)POLICY[i].role,
			        (int)POLICY[i].permission);
	}
}

static void a_grant_covers_its_customer_only(void **state)
{
	struct access access = {.count = 1, .grants = {{ROLE_REQUESTER, 7}}};

	(void)state;
	assert_true(access_may(&access, PERMISSION_TICKET_READ, 7));
	assert_false(access_may(&access, PERMISSION_TICKET_READ, 8));
	assert_false(access_may(&access, PERMISSION_TICKET_READ, ACCESS_ALL_CUSTOMERS));
	assert_true(access_may_any(&access, PERMISSION_TICKET_READ));
	assert_false(access_may_any(&access, PERMISSION_TICKET_WORK));
	assert_false(access_is_global(&access, PERMISSION_TICKET_READ));
}

static void a_global_grant_covers_everybody(void **state)
{
	struct access access = {
	        .count = 2, .grants = {{ROLE_REQUESTER, 3}, {ROLE_ENGINEER, 0}}};

	(void)state;
	assert_true(access_may(&access, PERMISSION_TICKET_WORK, 7));
	assert_true(access_may(&access, PERMISSION_TICKET_WORK, 0));
	assert_true(access_is_global(&access, PERMISSION_TICKET_WORK));
	assert_false(access_is_global(&access, PERMISSION_ADMIN));
}

static void permissions_of_two_customers_do_not_mix(void **state)
{
	struct access access = {
	        .count = 2, .grants = {{ROLE_ENGINEER, 1}, {ROLE_REQUESTER, 2}}};

	(void)state;
	assert_true(access_may(&access, PERMISSION_TICKET_WORK, 1));
	assert_false(access_may(&access, PERMISSION_TICKET_WORK, 2));
	assert_true(access_may(&access, PERMISSION_TICKET_READ, 2));
}

static void without_grants_one_may_only_ask_who_one_is(void **state)
{
	struct access access = {.count = 0};

	(void)state;
	assert_true(access_may_any(&access, PERMISSION_ANY));
	for (int i = PERMISSION_TICKET_READ; i <= PERMISSION_TICKET_LEAD; i++)
		assert_false(access_may_any(&access, (enum permission)i));
}

static void a_scope_is_ascending_without_repeats(void **state)
{
	struct access access = {.count = 6,
	        .grants = {{ROLE_ENGINEER, 9}, {ROLE_REQUESTER, 4}, {ROLE_LEAD, 9},
	                {ROLE_AGENT, 1}, {ROLE_ENGINEER, 2}, {ROLE_ENGINEER, 0}}};
	int32_t customers[ACCESS_GRANTS_MAX];

	(void)state;
	assert_int_equal(
	        access_customers(&access, PERMISSION_TICKET_READ, customers, ACCESS_GRANTS_MAX),
	        3);
	assert_int_equal(customers[0], 2);
	assert_int_equal(customers[1], 4);
	assert_int_equal(customers[2], 9);
	assert_int_equal(
	        access_customers(&access, PERMISSION_ADMIN, customers, ACCESS_GRANTS_MAX), 0);
	assert_int_equal(access_customers(&access, PERMISSION_TICKET_READ, customers, 2), 2);
	assert_int_equal(customers[0], 2);
	assert_int_equal(customers[1], 4);
	assert_int_equal(access_customers(&access, PERMISSION_TICKET_READ, customers, 0), 0);
}

static void role_names_round_trip(void **state)
{
	enum role role = ROLE_LEAD;

	(void)state;
	for (int i = ROLE_REQUESTER; i <= ROLE_AGENT; i++) {
		assert_int_equal(role_parse(role_name((enum role)i), &role), 0);
		assert_int_equal(role, i);
	}
	assert_int_equal(role_parse("Engineer", &role), -OTK_INVALID_ARGUMENT);
	assert_int_equal(role_parse("", &role), -OTK_INVALID_ARGUMENT);
	assert_int_equal(role, ROLE_AGENT);
	assert_null(role_name((enum role)0));
	assert_null(role_name((enum role)99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_policy_is_the_documented_table),
	        cmocka_unit_test(a_grant_covers_its_customer_only),
	        cmocka_unit_test(a_global_grant_covers_everybody),
	        cmocka_unit_test(permissions_of_two_customers_do_not_mix),
	        cmocka_unit_test(without_grants_one_may_only_ask_who_one_is),
	        cmocka_unit_test(a_scope_is_ascending_without_repeats),
	        cmocka_unit_test(role_names_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
