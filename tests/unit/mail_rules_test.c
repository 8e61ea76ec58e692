/* Whose a message is and where it goes; who vouches for its sender; tags that nobody else
 * makes. */
#include "cmocka_test.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "core/mail_rules.h"
#include "desk/mail_token.h"

enum { OLGA = 11, EVA = 13, ACME = 1, BRAVO = 2 };

static void each_message_has_its_place(void **state)
{
	static const struct {
		const char *what;
		struct mail_facts facts;
		enum mail_action action;
		int32_t customer_id;
	} CASES[] = {
	        {"a robot", {.person = false, .senders = 1}, MAIL_JOURNAL, 0},
	        {"a customer's person",
	                {.person = true,
	                        .senders = 1,
	                        .sender_id = OLGA,
	                        .sender_customer_id = ACME},
	                MAIL_FILE, ACME},
	        {"his answer",
	                {.person = true,
	                        .senders = 1,
	                        .sender_customer_id = ACME,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9},
	                MAIL_REPLY, 0},
	        {"his answer to a closed one",
	                {.person = true,
	                        .senders = 1,
	                        .sender_customer_id = ACME,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9,
	                        .ticket_closed = true},
	                MAIL_FILE, ACME},
	        {"an answer of another customer",
	                {.person = true,
	                        .senders = 1,
	                        .sender_customer_id = BRAVO,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9,
	                        .is_signed = true},
	                MAIL_FILE, BRAVO},
	        {"the provider's person, new", {.person = true, .senders = 1, .sender_id = EVA},
	                MAIL_FILE, 0},
	        {"to whom the letter was written",
	                {.person = true,
	                        .senders = 1,
	                        .sender_id = EVA,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9,
	                        .is_signed = true,
	                        .written_to = EVA},
	                MAIL_REPLY, 0},
	        {"with a customer's letter",
	                {.person = true,
	                        .senders = 1,
	                        .sender_id = EVA,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9,
	                        .is_signed = true,
	                        .written_to = OLGA},
	                MAIL_NOTE, 0},
	        {"written to, but not signed",
	                {.person = true,
	                        .senders = 1,
	                        .sender_id = EVA,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9,
	                        .written_to = EVA},
	                MAIL_NOTE, 0},
	        {"confirmed",
	                {.person = true,
	                        .senders = 1,
	                        .sender_id = EVA,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9,
	                        .verified = true},
	                MAIL_REPLY, 0},
	        {"confirmed, closed",
	                {.person = true,
	                        .senders = 1,
	                        .sender_id = EVA,
	                        .ticket_id = 9,
	                        .ticket_closed = true,
	                        .verified = true},
	                MAIL_NOTE, 0},
	        {"forged",
	                {.person = true,
	                        .senders = 1,
	                        .sender_customer_id = ACME,
	                        .forged = true},
	                MAIL_REFUSE, 0},
	        {"forged, a signed answer",
	                {.person = true,
	                        .senders = 1,
	                        .sender_id = EVA,
	                        .ticket_customer_id = ACME,
	                        .ticket_id = 9,
	                        .is_signed = true,
	                        .written_to = EVA,
	                        .forged = true},
	                MAIL_NOTE, 0},
	        {"forged, queued",
	                {.person = true,
	                        .senders = 1,
	                        .sender_customer_id = ACME,
	                        .forged = true,
	                        .unknown = MAIL_UNKNOWN_QUEUE},
	                MAIL_FILE, 0},
	        {"forged where it must be confirmed",
	                {.person = true,
	                        .senders = 1,
	                        .verify = true,
	                        .forged = true,
	                        .unknown = MAIL_UNKNOWN_QUEUE},
	                MAIL_REFUSE, 0},
	        {"unknown", {.person = true}, MAIL_REFUSE, 0},
	        {"unknown, a signed answer",
	                {.person = true, .ticket_id = 9, .is_signed = true}, MAIL_NOTE, 0},
	        {"unknown, refused",
	                {.person = true,
	                        .ticket_id = 9,
	                        .is_signed = true,
	                        .refuse_unknown_reply = true},
	                MAIL_REFUSE, 0},
	        {"unknown, an answer by thread alone", {.person = true, .ticket_id = 9},
	                MAIL_REFUSE, 0},
	        {"unknown, for a customer",
	                {.person = true,
	                        .unknown = MAIL_UNKNOWN_CUSTOMER,
	                        .unknown_customer_id = BRAVO},
	                MAIL_FILE, BRAVO},
	        {"unknown, queued", {.person = true, .unknown = MAIL_UNKNOWN_QUEUE}, MAIL_FILE,
	                0},
	        {"two with one address", {.person = true, .senders = 2, .verified = true},
	                MAIL_REFUSE, 0},
	        {"not confirmed where it must be",
	                {.person = true,
	                        .senders = 1,
	                        .verify = true,
	                        .sender_customer_id = ACME},
	                MAIL_REFUSE, 0},
	        {"confirmed where it must be",
	                {.person = true,
	                        .senders = 1,
	                        .verify = true,
	                        .verified = true,
	                        .sender_customer_id = ACME},
	                MAIL_FILE, ACME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct mail_verdict v = mail_judge(&CASES[i].facts);

		if (v.action != CASES[i].action ||
		        (v.action == MAIL_FILE && v.customer_id != CASES[i].customer_id))
			fail_msg("%s: %d for %d", CASES[i].what, (int)v.action, v.customer_id);
		if ((v.action == MAIL_REFUSE) != (v.reason != NULL))
			fail_msg("%s: a refusal has its reason", CASES[i].what);
	}
}

static void only_a_believed_server_confirms_a_sender(void **state)
{
	static const struct {
		const char *result;
		bool confirms;
	} CASES[] = {
	        {"mx.test; dmarc=pass header.from=acme.test", true},
	        {"mx.test; dmarc=pass (p=none) header.from=acme.test; spf=fail", true},
	        {"mx.test; dkim=pass header.d=acme.test header.s=x", true},
	        {"mx.test; dkim=PASS header.d=ACME.test", true},
	        {"mx.test 1; spf=pass smtp.mailfrom=olga@acme.test", true},
	        {"mx.test; spf=pass smtp.mailfrom=acme.test", true},
	        {"mx.test; spf=pass (a (b; c) \\) \"d) smtp.mailfrom=acme.test", true},
	        {"mx.test; spf=fail (by x; dkim=pass header.d=acme.test) smtp.mailfrom=x",
	                false},
	        {"mx.test; spf=fail (a ( dkim=pass header.d=acme.test)", false},
	        {"mx.test; spf=fail smtp.mailfrom=\"a; dkim=pass header.d=acme.test \"@x",
	                false},
	        {"mx.test; spf=fail smtp.mailfrom=\"\\\"; dkim=pass header.d=acme.test \"@x",
	                false},
	        {"mx.test; dkim=pass header.d=\"acme.test\"", false},
	        {"mx.test; none", false},
	        {"mx.test", false},
	        {"", false},
	        {"mx.test; dkim=fail header.d=acme.test", false},
	        {"mx.test; dkim=pass header.d=evil.test", false},
	        {"mx.test; dkim=pass header.d=test", false},
	        {"mx.test; dkim=pass header.d=notacme.test", false},
	        {"mx.test; dkim=pass", false},
	        {"mx.test; dkim=passed header.d=acme.test", false},
	        {"mx.test; xdkim=pass header.d=acme.test", false},
	        {"mx.test; spf=pass smtp.mailfrom=olga@evil.test", false},
	        {"mx.test.evil; dkim=pass header.d=acme.test", false},
	        {"evil.test; dkim=pass header.d=acme.test", false},
	};
	const char *two[] = {"mx.test; dkim=fail header.d=acme.test",
	        "mx.test; dkim=pass header.d=acme.test"};
	const char *below[] = {
	        "other.test; dkim=fail", "mx.test; dkim=pass header.d=acme.test"};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		if ((mail_proof("mx.test", &CASES[i].result, 1, "olga@acme.test") ==
		            MAIL_CONFIRMED) != CASES[i].confirms)
			fail_msg("%s", CASES[i].result);
	}
	assert_int_equal(mail_proof("mx.test", &CASES[2].result, 1, "olga@sub.acme.test"),
	        MAIL_CONFIRMED);
	assert_int_equal(mail_proof("mx.test", two, 2, "olga@acme.test"), MAIL_UNPROVEN);
	assert_int_equal(mail_proof("mx.test", below, 2, "olga@acme.test"), MAIL_CONFIRMED);
	assert_int_equal(mail_proof("", &CASES[0].result, 1, "olga@acme.test"), MAIL_UNPROVEN);
}

static void a_believed_server_says_that_a_sender_is_forged(void **state)
{
	static const struct {
		const char *result;
		bool forged;
	} CASES[] = {
	        {"mx.test; dmarc=fail (p=reject) header.from=acme.test", true},
	        {"mx.test; dmarc=FAIL header.from=ACME.test", true},
	        {"mx.test; dmarc=fail", true},
	        {"mx.test; spf=pass smtp.mailfrom=acme.test; dmarc=fail header.from=acme.test",
	                true},
	        {"mx.test; dmarc=fail header.from=other.test", false},
	        {"mx.test; dmarc=none header.from=acme.test", false},
	        {"mx.test; dmarc=temperror header.from=acme.test", false},
	        {"mx.test; spf=fail smtp.mailfrom=acme.test; dkim=fail header.d=acme.test",
	                false},
	        {"mx.test; spf=none (dmarc=fail)", false},
	        {"evil.test; dmarc=fail header.from=acme.test", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		if ((mail_proof("mx.test", &CASES[i].result, 1, "olga@acme.test") ==
		            MAIL_FORGED) != CASES[i].forged)
			fail_msg("%s", CASES[i].result);
	}
}

static void our_own_address_has_any_token(void **state)
{
	static const struct {
		const char *from;
		bool own;
	} CASES[] = {
	        {"desk@acme.test", true},
	        {"DESK@Acme.test", true},
	        {"desk+7.11.abc@acme.test", true},
	        {"desk@acme.test.evil.test", false},
	        {"helpdesk@acme.test", false},
	        {"desks@acme.test", false},
	        {"desk+7", false},
	        {"desk", false},
	        {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		if (mail_is_own("desk@acme.test", CASES[i].from) != CASES[i].own)
			fail_msg("%s", CASES[i].from);
	}
	assert_false(mail_is_own("", ""));
}

static void a_tag_is_of_one_number_one_kind_and_one_secret(void **state)
{
	static const char SECRET[] = "secret";
	const struct mail_token token = {.kind = MAIL_TOKEN_REPLY, .number = 1041, .who = 17};
	char text[MAIL_TOKEN_SIZE];
	char address[200];
	struct mail_token read;

	(void)state;
	assert_int_equal(mail_token_write(SECRET, 6, &token, text), 0);
	(void)snprintf(address, sizeof address, "desk+%s@x.test", text);
	assert_true(mail_token_of_address(SECRET, 6, address, &read));
	assert_int_equal(read.number, 1041);
	assert_int_equal(read.who, 17);
	for (char *c = address; *c != '\0'; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
	assert_true(mail_token_of_address(SECRET, 6, address, &read));
	assert_false(mail_token_of_address("Secret", 6, address, &read));
	for (size_t i = 5; i < 5 + strlen(text); i++) {
		char was = address[i];

		address[i] = was == '2' ? '3' : '2';
		assert_false(mail_token_of_address(SECRET, 6, address, &read));
		address[i] = was;
	}
	assert_false(mail_token_of_address(SECRET, 6, "desk@x.test", &read));
	assert_false(mail_token_of_address(SECRET, 6, "desk+1.2@x.test", &read));
	assert_false(mail_token_of_address(
	        SECRET, 6, "desk+99999999999999999999.1.aaaaaaaaaaaaaaaaaaaa@x", &read));
	assert_int_equal(mail_token_write(SECRET, 0, &token, text), -OTK_INTERNAL);
}

static void ids_say_ticket_or_letter(void **state)
{
	static const char SECRET[] = "secret";
	struct mail_token token = {.kind = MAIL_TOKEN_TICKET, .number = 7};
	struct mail_token read;
	char text[MAIL_TOKEN_SIZE];
	char id[200];

	(void)state;
	assert_int_equal(mail_token_write(SECRET, 6, &token, text), 0);
	(void)snprintf(id, sizeof id, "ticket.%s.demo@x.test", text);
	assert_true(mail_token_of_id(SECRET, 6, id, &read));
	assert_int_equal(read.number, 7);
	(void)snprintf(id, sizeof id, "notice.%s.demo@x.test", text);
	assert_false(mail_token_of_id(SECRET, 6, id, &read));
	token.kind = MAIL_TOKEN_NOTICE;
	assert_int_equal(mail_token_write(SECRET, 6, &token, text), 0);
	(void)snprintf(id, sizeof id, "notice.%s.demo@x.test", text);
	assert_true(mail_token_of_id(SECRET, 6, id, &read));
	assert_int_equal(read.kind, MAIL_TOKEN_NOTICE);
	assert_false(mail_token_of_id(SECRET, 6, "other.7.aaaaaaaaaaaaaaaaaaaa", &read));
	(void)snprintf(id, sizeof id, "notice.%sx@x.test", text);
	assert_false(mail_token_of_id(SECRET, 6, id, &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_message_has_its_place),
	        cmocka_unit_test(only_a_believed_server_confirms_a_sender),
	        cmocka_unit_test(a_believed_server_says_that_a_sender_is_forged),
	        cmocka_unit_test(our_own_address_has_any_token),
	        cmocka_unit_test(a_tag_is_of_one_number_one_kind_and_one_secret),
	        cmocka_unit_test(ids_say_ticket_or_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
