/* Fields of a message by name; exit codes of statuses. */
#include <string.h>

#include "cli/cli.h"
#include "cli/message.h"
#include "cli_capture.h"
#include "cmocka_test.h"
#include "otklik/v1/ticket.pb-c.h"

static void fields_are_set_by_name(void **state)
{
	struct arena *arena = arena_new(4096);
	ProtobufCMessage *m = message_new(arena, &otklik__v1__reply_ticket_request__descriptor);
	const Otklik__V1__ReplyTicketRequest *r =
	        (const Otklik__V1__ReplyTicketRequest *)(const void *)m;

	(void)state;
	message_set_number(m, "ticket_id", INT64_MAX);
	message_set_text(m, "text", "да");
	message_set_number(m, "pend", 1);
	message_set_flag(m, "spoken", true);
	assert_int_equal(r->ticket_id, INT64_MAX);
	assert_string_equal(r->text, "да");
	assert_int_equal(r->pend, 1);
	assert_true(r->spoken);
	assert_true(message_has(m, "text"));
	assert_false(message_has(m, "txet"));
	arena_free(arena);
}

static void an_inner_message_is_found(void **state)
{
	Otklik__V1__GetTicketResponse reply = OTKLIK__V1__GET_TICKET_RESPONSE__INIT;
	Otklik__V1__Ticket ticket = OTKLIK__V1__TICKET__INIT;

	(void)state;
	assert_null(message_get(&reply.base, "ticket"));
	reply.ticket = &ticket;
	assert_ptr_equal(message_get(&reply.base, "ticket"), &ticket);
}

static void without_memory_there_is_none(void **state)
{
	struct arena *arena = arena_new(8);

	(void)state;
	assert_null(message_new(arena, &otklik__v1__ticket__descriptor));
	arena_free(arena);
}

static const struct {
	enum otk_status code;
	int exit_code;
} CODES[] = {
        {OTK_OK, 0},
        {OTK_INVALID_ARGUMENT, EXIT_DATA},
        {OTK_OUT_OF_RANGE, EXIT_DATA},
        {OTK_NOT_FOUND, EXIT_NOT_FOUND},
        {OTK_ALREADY_EXISTS, EXIT_REFUSED},
        {OTK_FAILED_PRECONDITION, EXIT_REFUSED},
        {OTK_ABORTED, EXIT_REFUSED},
        {OTK_CANCELLED, EXIT_REFUSED},
        {OTK_PERMISSION_DENIED, EXIT_PERMISSION},
        {OTK_UNAUTHENTICATED, EXIT_PERMISSION},
        {OTK_UNAVAILABLE, EXIT_UNAVAILABLE},
        {OTK_DEADLINE_EXCEEDED, EXIT_TEMPORARY},
        {OTK_RESOURCE_EXHAUSTED, EXIT_TEMPORARY},
        {OTK_UNKNOWN, EXIT_SOFTWARE},
        {OTK_UNIMPLEMENTED, EXIT_SOFTWARE},
        {OTK_INTERNAL, EXIT_SOFTWARE},
        {OTK_DATA_LOSS, EXIT_SOFTWARE},
};

static void every_status_has_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(sizeof CODES / sizeof CODES[0], OTK_STATUS_COUNT);
	for (size_t i = 0; i < OTK_STATUS_COUNT; i++)
		assert_int_equal(cli_exit_code(CODES[i].code), CODES[i].exit_code);
}

static void an_error_is_told_clean_with_its_fields(void **state)
{
	struct otk_error err;
	struct capture c;

	(void)state;
	error_clear(&err);
	(void)error_field(&err, "title", "is \033[2J too long");
	(void)error_field(&err, "site", "there is none");
	err.retry_after_ms = 1500;
	capture_begin(&c);
	assert_int_equal(cli_fail(&err), EXIT_DATA);
	(void)cli_usage("ticket list", "what is %s", "that");
	(void)cli_lacks("ticket");
	capture_end(&c);
	assert_null(strchr(c.err, '\033'));
	assert_non_null(strstr(c.err, "otklik: title: is ?[2J too long\n"));
	assert_non_null(strstr(c.err, "otklik: site: there is none\n"));
	assert_non_null(strstr(c.err, "  try again in 1.5 s\n"));
	assert_non_null(strstr(c.err,
	        "otklik ticket list: what is that; `otklik ticket list --help` explains\n"));
	assert_non_null(strstr(c.err, "lacks the ticket"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(fields_are_set_by_name),
	        cmocka_unit_test(an_inner_message_is_found),
	        cmocka_unit_test(without_memory_there_is_none),
	        cmocka_unit_test(every_status_has_its_exit_code),
	        cmocka_unit_test(an_error_is_told_clean_with_its_fields),
	};

	return cmocka_run_group_tests_name("cli_message", tests, NULL, NULL);
}
