/* Looking up reference data, choosing the contract of a ticket, the priority matrix. */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/priority.h"
#include "world.h"

static int begin(void **state)
{
	*state = world_new();
	return 0;
}

static int end(void **state)
{
	world_free(*state);
	return 0;
}

static void everything_is_found_by_id(void **state)
{
	const struct reference *ref = &((struct world *)*state)->ref;

	assert_string_equal(reference_customer(ref, WORLD_PROVIDER)->code, "provider");
	assert_string_equal(reference_site(ref, SITE_DACHA)->code, "hq");
	assert_string_equal(reference_team(ref, TEAM_OFFICE)->code, "office");
	assert_string_equal(reference_service(ref, SERVICE_MAIL)->code, "mail");
	assert_string_equal(reference_principal(ref, PERSON_GLEB)->code, "gleb");
	assert_string_equal(reference_contract(ref, CONTRACT_BAR)->code, "bar-2026");
	assert_string_equal(reference_calendar(ref, CALENDAR_OFFICE)->zone, "Europe/Moscow");
	assert_null(reference_team(ref, 0));
	assert_null(reference_contract(ref, 12345));
}

static void everything_is_found_by_code_within_its_customer(void **state)
{
	const struct reference *ref = &((struct world *)*state)->ref;
	const char *uri = "otklik://test/person/vera";

	assert_int_equal(reference_customer_by_code(ref, "acme")->id, WORLD_ACME);
	assert_int_equal(reference_site_by_code(ref, WORLD_DACHA, "hq")->id, SITE_DACHA);
	assert_int_equal(reference_site_by_code(ref, WORLD_ACME, "hq")->id, SITE_ACME);
	assert_null(reference_site_by_code(ref, WORLD_BAR, "hq"));
	assert_int_equal(reference_team_by_code(ref, "net")->id, TEAM_NET);
	assert_int_equal(
	        reference_service_by_code(ref, WORLD_DACHA, "mail")->id, SERVICE_OTHER);
	assert_int_equal(reference_principal_by_code(ref, "boris")->id, PERSON_BORIS);
	assert_int_equal(reference_principal_by_uri(ref, uri, strlen(uri))->id, PERSON_VERA);
	assert_null(reference_principal_by_uri(ref, uri, strlen(uri) - 1));
	assert_null(reference_customer_by_code(ref, "nobody"));
	assert_null(reference_customer_by_code(ref, ""));
	assert_null(reference_customer_by_code(ref, NULL));
	assert_null(reference_team_by_code(ref, "NET"));
	assert_null(reference_service_by_code(ref, WORLD_ACME, "fax"));
	assert_null(reference_principal_by_code(ref, "zoya"));
}

static void thousands_of_codes_are_found(void **state)
{
	enum { COUNT = 5000 };
	struct ref_team *teams = calloc(COUNT, sizeof *teams);
	struct reference ref = {.teams = teams, .team_count = COUNT};

	(void)state;
	assert_null(reference_team_by_code(&ref, "before the index there is nothing"));
	for (int32_t i = 0; i < COUNT; i++) {
		teams[i].id = i + 1;
		snprintf(teams[i].code, sizeof teams[i].code, "team-%d", i);
	}
	assert_int_equal(reference_index(&ref), 0);
	assert_int_equal(reference_index(&ref), 0); /* again: no leak */
	for (int32_t i = 0; i < COUNT; i++)
		assert_int_equal(reference_team_by_code(&ref, teams[i].code)->id, i + 1);
	reference_index_free(&ref);
	reference_index_free(&ref);
	free(teams);
}

static void a_ticket_gets_the_contract_that_names_its_site_and_service(void **state)
{
	struct world *world = *state;
	int32_t site = SITE_ACME;
	int32_t service = SERVICE_MAIL;
	struct ref_contract contracts[4];
	struct reference ref = {.contracts = contracts, .contract_count = 4};

	for (int32_t i = 0; i < 4; i++) {
		contracts[i] = *world->acme;
		contracts[i].id = 100 + i;
	}
	contracts[1].site_ids = &site;
	contracts[1].site_count = 1;
	contracts[2].service_ids = &service;
	contracts[2].service_count = 1;
	contracts[3] = contracts[2];
	contracts[3].id = 103;
	contracts[3].site_ids = &site;
	contracts[3].site_count = 1;
	assert_int_equal(reference_contract_for(&ref, WORLD_ACME, 0, 0, 1)->id, 100);
	assert_int_equal(reference_contract_for(&ref, WORLD_ACME, site, 0, 1)->id, 101);
	assert_int_equal(reference_contract_for(&ref, WORLD_ACME, 0, service, 1)->id, 102);
	assert_int_equal(reference_contract_for(&ref, WORLD_ACME, site, service, 1)->id, 103);
	assert_int_equal(reference_contract_for(&ref, WORLD_ACME, 99, 99, 1)->id, 100);
	assert_null(reference_contract_for(&ref, WORLD_BAR, 0, 0, 1));
	contracts[0].withdrawn = true;
	assert_null(reference_contract_for(&ref, WORLD_ACME, 0, 0, 1));
	contracts[0].withdrawn = false;
	contracts[0].current = false;
	assert_null(reference_contract_for(&ref, WORLD_ACME, 0, 0, 1));
	contracts[0].current = true;
	contracts[0].valid_from = 2;
	assert_null(reference_contract_for(&ref, WORLD_ACME, 0, 0, 1));
	assert_non_null(reference_contract_for(&ref, WORLD_ACME, 0, 0, 2));
}

static void priority_follows_the_matrix_of_the_contract_or_the_default(void **state)
{
	struct ref_contract contract = {0};
	static const int16_t WANTED[3][3] = {{1, 2, 3}, {2, 3, 4}, {3, 4, 5}};

	(void)state;
	for (int16_t impact = 1; impact <= 3; impact++) {
		for (int16_t urgency = 1; urgency <= 3; urgency++) {
			assert_int_equal(priority_of(NULL, impact, urgency),
			        WANTED[impact - 1][urgency - 1]);
			assert_int_equal(priority_of(&contract, impact, urgency),
			        WANTED[impact - 1][urgency - 1]);
		}
	}
	contract.matrix[5] = 1; /* impact 2, urgency 3 */
	assert_int_equal(priority_of(&contract, 2, 3), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(everything_is_found_by_id, begin, end),
	        cmocka_unit_test_setup_teardown(
	                everything_is_found_by_code_within_its_customer, begin, end),
	        cmocka_unit_test(thousands_of_codes_are_found),
	        cmocka_unit_test_setup_teardown(
	                a_ticket_gets_the_contract_that_names_its_site_and_service, begin, end),
	        cmocka_unit_test(priority_follows_the_matrix_of_the_contract_or_the_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
