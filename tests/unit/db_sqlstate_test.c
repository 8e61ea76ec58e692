/* What each SQLSTATE means to callers and to the pool. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "db/sqlstate.h"

static const struct {
	const char *state;
	enum otk_status code;
	enum db_remedy remedy;
} cases[] = {
        {"23505", OTK_ALREADY_EXISTS, DB_FAIL},
        {"23503", OTK_FAILED_PRECONDITION, DB_FAIL},
        {"23514", OTK_INVALID_ARGUMENT, DB_FAIL},
        {"22001", OTK_INVALID_ARGUMENT, DB_FAIL},
        {"22P03", OTK_INTERNAL, DB_FAIL},
        {"40001", OTK_ABORTED, DB_RETRY},
        {"40P01", OTK_ABORTED, DB_RETRY},
        {"40003", OTK_ABORTED, DB_RETRY},
        {"0A000", OTK_INTERNAL, DB_PREPARE},
        {"26000", OTK_INTERNAL, DB_PREPARE},
        {"25006", OTK_UNAVAILABLE, DB_FAILOVER},
        {"57P01", OTK_UNAVAILABLE, DB_FAILOVER},
        {"57P02", OTK_UNAVAILABLE, DB_FAILOVER},
        {"57P03", OTK_UNAVAILABLE, DB_FAILOVER},
        {"08006", OTK_UNAVAILABLE, DB_FAILOVER},
        {"57014", OTK_DEADLINE_EXCEEDED, DB_FAIL},
        {"42501", OTK_PERMISSION_DENIED, DB_FAIL},
        {"42703", OTK_INTERNAL, DB_FAIL},
        {"53200", OTK_RESOURCE_EXHAUSTED, DB_FAIL},
        {"XX001", OTK_DATA_LOSS, DB_FAIL},
        {"XX000", OTK_INTERNAL, DB_FAIL},
        {"OT005", OTK_NOT_FOUND, DB_FAIL},
        {"OT016", OTK_UNAUTHENTICATED, DB_FAIL},
        {"OT000", OTK_INTERNAL, DB_FAIL},
        {"OT017", OTK_INTERNAL, DB_FAIL},
        {"OT0x1", OTK_INTERNAL, DB_FAIL},
        {"2350", OTK_INTERNAL, DB_FAIL},
        {"", OTK_INTERNAL, DB_FAIL},
        {NULL, OTK_INTERNAL, DB_FAIL},
};

static void every_state_has_its_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct db_sqlstate *found = db_sqlstate_find(cases[i].state);

		if (found->code != cases[i].code || found->remedy != cases[i].remedy)
			fail_msg("%s: %s, %d", cases[i].state, status_name(found->code),
			        found->remedy);
	}
}

static void our_functions_choose_status_reason_and_message(void **state)
{
	struct otk_error err;

	(void)state;
	assert_int_equal(db_sqlstate_error(&err, "OT005", "there is no ticket 7",
	                         "TICKET_NOT_FOUND", NULL),
	        -OTK_NOT_FOUND);
	assert_string_equal(err.message, "there is no ticket 7");
	assert_string_equal(err.reason, "TICKET_NOT_FOUND");
	assert_int_equal(
	        db_sqlstate_error(&err, "OT009", NULL, "", NULL), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "FAILED_PRECONDITION");
}

static void the_servers_words_stay_inside(void **state)
{
	struct otk_error err;

	(void)state;
	db_sqlstate_error(
	        &err, "42703", "column \"secret\" does not exist", "Key (a)=(b)", NULL);
	assert_null(strstr(err.message, "secret"));
	assert_string_equal(err.reason, "DB_ERROR");
	db_sqlstate_error(
	        &err, "23505", "duplicate key", "Key (mail)=(a@b)", "person_mail_key");
	assert_null(strstr(err.message, "a@b"));
	assert_non_null(strstr(err.message, "person_mail_key"));
}

static void what_passes_names_a_delay(void **state)
{
	struct otk_error err;

	(void)state;
	db_sqlstate_error(&err, "57P01", NULL, NULL, NULL);
	assert_int_not_equal(err.retry_after_ms, 0);
	assert_int_equal(db_sqlstate_error(NULL, "57P01", NULL, NULL, NULL), -OTK_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_state_has_its_meaning),
	        cmocka_unit_test(our_functions_choose_status_reason_and_message),
	        cmocka_unit_test(the_servers_words_stay_inside),
	        cmocka_unit_test(what_passes_names_a_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
