/* What handlers share: cursors, fields, sides, sealed texts, scopes. */
#include "cmocka_test.h"

#include <string.h>

#include "desk/content.h"
#include "desk/desk.h"
#include "rpc/caller.h"
#include "rpc/cursor.h"
#include "rpc/field.h"
#include "world.h"

/* ---- cursors --------------------------------------------------------------------------- */

static const struct cursor_binding EVAS = {.secret = "secret",
        .secret_size = 6,
        .principal_id = 7,
        .filter = "open",
        .filter_size = 4};

static void a_cursor_reads_as_it_was_written(void **state)
{
	static const struct cursor cases[] = {
	        {.id = 1, .at = 0}, {.id = INT64_MAX, .at = INT64_MAX}, {.id = 7, .at = -1}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t bytes[CURSOR_SIZE];
		struct cursor out;

		assert_int_equal(cursor_write(&cases[i], &EVAS, bytes), 0);
		assert_int_equal(cursor_read(&out, &EVAS, bytes, sizeof bytes), 0);
		assert_int_equal(out.id, cases[i].id);
		assert_int_equal(out.at, cases[i].at);
	}
}

static void a_cursor_is_of_one_caller_list_and_installation(void **state)
{
	const struct cursor cursor = {.id = 42, .at = 4711};
	struct cursor_binding others[] = {EVAS, EVAS, EVAS, EVAS};
	uint8_t bytes[CURSOR_SIZE + 1] = {0};
	struct cursor out;

	(void)state;
	others[0].principal_id = 8;
	others[1].filter = "shut";
	others[2].secret = "sacred";
	others[3].filter_size = 3;
	assert_int_equal(cursor_write(&cursor, &EVAS, bytes), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(cursor_read(&out, &others[i], bytes, CURSOR_SIZE),
		        -OTK_INVALID_ARGUMENT);
	for (size_t size = 0; size < CURSOR_SIZE; size++)
		assert_int_equal(cursor_read(&out, &EVAS, bytes, size), -OTK_INVALID_ARGUMENT);
	assert_int_equal(
	        cursor_read(&out, &EVAS, bytes, CURSOR_SIZE + 1), -OTK_INVALID_ARGUMENT);
	for (size_t i = 0; i < CURSOR_SIZE; i++) {
		bytes[i] ^= 0x10;
		assert_int_equal(
		        cursor_read(&out, &EVAS, bytes, CURSOR_SIZE), -OTK_INVALID_ARGUMENT);
		bytes[i] ^= 0x10;
	}
}

/* ---- fields ---------------------------------------------------------------------------- */

static void lines_and_texts_have_limits(void **state)
{
	static const struct {
		const char *text;
		bool line;
		bool good;
	} cases[] = {
	        {NULL, true, true},
	        {"", true, true},
	        {"four", true, true},
	        {"\xd1\x91\xd0\xb6\xd0\xb8\xd0\xba", true,
	                true}, /* four letters, eight bytes */
	        {"fives", true, false},
	        {"a\nb", true, false},
	        {"a\x7f", true, false},
	        {"a\nb", false, true},
	        {"\t\r\n", false, true},
	        {"a\x01", false, false},
	        {"fives", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct otk_error err = {0};

		if (cases[i].line)
			field_line(&err, "f", cases[i].text, 4);
		else
			field_text(&err, "f", cases[i].text, 4);
		assert_int_equal(err.code == OTK_OK, cases[i].good);
	}
}

static void codes_are_resolved_within_their_customer(void **state)
{
	struct world *world = world_new();
	const struct reference *ref = &world->ref;
	const struct ref_site *site = reference_site(ref, SITE_ACME);
	const struct ref_service *service = reference_service(ref, SERVICE_MAIL);
	const struct ref_team *retired = reference_team(ref, TEAM_RETIRED);
	const struct ref_principal *anna = reference_principal(ref, PERSON_ANNA);
	const struct ref_principal *vera = reference_principal(ref, PERSON_VERA);
	const struct ref_principal *dasha = reference_principal(ref, PERSON_DASHA);
	struct otk_error err = {0};

	(void)state;
	assert_int_equal(field_site(&err, "f", ref, WORLD_ACME, site->code), SITE_ACME);
	assert_int_equal(
	        field_service(&err, "f", ref, WORLD_ACME, service->code), SERVICE_MAIL);
	assert_int_equal(field_requester(&err, "f", ref, WORLD_ACME, anna->code), PERSON_ANNA);
	assert_int_equal(field_assignee(&err, "f", ref, WORLD_ACME, vera->code), PERSON_VERA);
	assert_int_equal(field_site(&err, "f", ref, WORLD_ACME, ""), 0);
	assert_int_equal(err.code, OTK_OK);
	field_site(&err, "a", ref, WORLD_BAR, site->code);
	field_service(&err, "b", ref, WORLD_BAR, service->code);
	field_team(&err, "c", ref, retired->code);
	field_requester(&err, "d", ref, WORLD_BAR, anna->code);
	field_assignee(&err, "e", ref, WORLD_ACME, anna->code);
	field_assignee(&err, "f", ref, WORLD_ACME, dasha->code);
	assert_int_equal(err.violation_count, 6);
	for (size_t i = 0; i < err.violation_count; i++)
		assert_int_equal(err.violations[i].field[0], 'a' + (int)i);
	world_free(world);
}

/* ---- sides ----------------------------------------------------------------------------- */

static void only_who_works_for_a_customer_sees_its_internal_entries(void **state)
{
	static const struct {
		int32_t home;
		enum role role;
		int32_t granted;
		bool provider_of_1;
		int internal; /* -1: of everybody's */
	} cases[] = {
	        {1, ROLE_REQUESTER, 1, false, 0},
	        {0, ROLE_REQUESTER, 1, false, 0},
	        {1, ROLE_MANAGER, 1, false, 0},
	        {0, ROLE_MANAGER, 1, true, 1},
	        {0, ROLE_MANAGER, 0, true, -1},
	        {0, ROLE_ENGINEER, 1, true, 1},
	        {0, ROLE_ENGINEER, 2, false, 1},
	        {2, ROLE_ENGINEER, 1, true, 1},
	        {0, ROLE_LEAD, 0, true, -1},
	        {0, ROLE_ADMIN, 0, true, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct principal who = {.kind = PRINCIPAL_PERSON, .customer_id = cases[i].home};
		int32_t internal[ACCESS_GRANTS_MAX];

		who.access.grants[0].role = cases[i].role;
		who.access.grants[0].customer_id = cases[i].granted;
		who.access.count = 1;
		assert_int_equal(caller_is_provider(&who, 1), cases[i].provider_of_1);
		assert_int_equal(caller_actor(&who, 1).side,
		        cases[i].provider_of_1 ? SIDE_PROVIDER : SIDE_CUSTOMER);
		assert_int_equal(caller_internal_scope(&who, internal), cases[i].internal);
	}
}

static void scopes_are_written_as_the_database_reads_them(void **state)
{
	struct access access = {.count = 3,
	        .grants = {{.role = ROLE_ENGINEER, .customer_id = 7},
	                {.role = ROLE_REQUESTER, .customer_id = 2},
	                {.role = ROLE_LEAD, .customer_id = 7}}};
	struct arena *arena = arena_new(4096);

	(void)state;
	assert_string_equal(desk_scope(arena, &access, PERMISSION_TICKET_READ), "{2,7}");
	assert_string_equal(desk_scope(arena, &access, PERMISSION_TICKET_WORK), "{7}");
	assert_string_equal(desk_scope(arena, &access, PERMISSION_ADMIN), "{}");
	access.grants[1].customer_id = ACCESS_ALL_CUSTOMERS;
	assert_string_equal(desk_scope(arena, &access, PERMISSION_TICKET_READ), "*");
	arena_free(arena);
}

/* ---- texts ----------------------------------------------------------------------------- */

static void a_sealed_text_has_a_salt_of_its_own_and_the_hash_of_both(void **state)
{
	/* SHA-256 of 32 zero bytes and "abc": computed with coreutils' sha256sum */
	static const uint8_t known[CONTENT_HASH_SIZE] = {0x36, 0x5a, 0xa7, 0xd8, 0xf7, 0xf9,
	        0x40, 0x2c, 0x4b, 0x94, 0x34, 0x50, 0x2b, 0x4c, 0xc8, 0x9d, 0xdb, 0x09, 0xfe,
	        0x50, 0xd7, 0xcd, 0x95, 0xb4, 0x93, 0xb8, 0x34, 0xc6, 0x2d, 0x5a, 0x53, 0x70};
	uint8_t zero[CONTENT_SALT_SIZE] = {0}, salt[2][CONTENT_SALT_SIZE];
	uint8_t hash[CONTENT_HASH_SIZE], again[CONTENT_HASH_SIZE];

	(void)state;
	assert_int_equal(content_hash(zero, "abc", 3, hash), 0);
	assert_memory_equal(hash, known, sizeof known);
	assert_int_equal(content_seal("abc", 3, salt[0], hash), 0);
	assert_int_equal(content_hash(salt[0], "abc", 3, again), 0);
	assert_memory_equal(hash, again, sizeof hash);
	assert_int_equal(content_seal("abc", 3, salt[1], again), 0);
	assert_memory_not_equal(salt[0], salt[1], sizeof salt[0]);
	assert_memory_not_equal(hash, again, sizeof hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_cursor_reads_as_it_was_written),
	        cmocka_unit_test(a_cursor_is_of_one_caller_list_and_installation),
	        cmocka_unit_test(lines_and_texts_have_limits),
	        cmocka_unit_test(codes_are_resolved_within_their_customer),
	        cmocka_unit_test(only_who_works_for_a_customer_sees_its_internal_entries),
	        cmocka_unit_test(scopes_are_written_as_the_database_reads_them),
	        cmocka_unit_test(a_sealed_text_has_a_salt_of_its_own_and_the_hash_of_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
