/* Words of notices, their headers and signatures, how long to wait, where not to go. */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/text.h"
#include "core/webhook_url.h"
#include "notify/delivery.h"
#include "notify/mail.h"
#include "notice/message.h"
#include "notice/template.h"
#include "notify/silence.h"
#include "notify/webhook.h"

static void every_template_knows_its_variables(void **state)
{
	struct otk_error err;

	(void)state;
	assert_int_equal(template_check(&err), 0);
	assert_int_equal(template_try("{title", &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(template_try("title}", &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(template_try("{titel}", &err), -OTK_INVALID_ARGUMENT);
	assert_non_null(strstr(err.message, "{titel}"));
	assert_int_equal(template_try(NULL, &err), -OTK_INVALID_ARGUMENT);
}

static void languages_are_found_by_tag(void **state)
{
	static const struct {
		const char *tag;
		const char *code;
	} CASES[] = {{"ru", "ru"}, {"ru-RU", "ru"}, {"ru_RU", "ru"}, {"en", "en"}, {"pt", "en"},
	        {"", "en"}, {NULL, "en"}, {"r", "en"}, {"rus", "en"}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_string_equal(language_find(CASES[i].tag)->code, CASES[i].code);
}

/* 2026-03-02T09:00:00Z */
#define START INT64_C(1772442000000000)

static struct notice_item item_of(enum notice kind)
{
	return (struct notice_item){.kind = kind,
	        .customer_id = 1,
	        .ticket_id = 1000,
	        .customer = "Верфь",
	        .title = "Нет света",
	        .priority = 2,
	        .actor = "Ева",
	        .text = "Уже едем",
	        .occurred_at = START,
	        .response_due = START + INT64_C(1800000000),
	        .clock = CLOCK_RESPONSE,
	        .level = "half",
	        .clock_due = START + INT64_C(1800000000)};
}

static void written(const struct message *m, struct buf *subject, struct buf *text)
{
	*subject = (struct buf){0};
	*text = (struct buf){0};
	assert_int_equal(message_write(m, subject, text), 0);
}

static void filing_names_the_dues_in_the_recipients_zone(void **state)
{
	const struct notice_item item = item_of(NOTICE_CREATED);
	struct message m = {.batch = 1,
	        .language = "ru",
	        .zone = "Europe/Moscow",
	        .items = &item,
	        .count = 1};
	struct buf subject;
	struct buf text;

	(void)state;
	written(&m, &subject, &text);
	assert_string_equal(buf_text(&subject), "[#1000] Нет света");
	assert_non_null(strstr(buf_text(&text), "2026-03-02 12:30 (Europe/Moscow)"));
	assert_non_null(strstr(buf_text(&text), "не обещано"));
	buf_free(&subject);
	buf_free(&text);
	m.zone = "No/Where";
	m.language = "en";
	written(&m, &subject, &text);
	assert_non_null(strstr(buf_text(&text), "2026-03-02 09:30 (UTC)"));
	buf_free(&subject);
	buf_free(&text);
}

static void notices_of_one_ticket_are_one_message(void **state)
{
	struct notice_item items[] = {item_of(NOTICE_REPLIED), item_of(NOTICE_QUESTION),
	        item_of(NOTICE_LEVEL), item_of(NOTICE_ANSWERED), item_of(NOTICE_REOPENED)};
	const struct message m = {.language = "en", .zone = "UTC", .items = items, .count = 5};
	struct buf subject;
	struct buf text;

	(void)state;
	items[4].actor = NULL;
	written(&m, &subject, &text);
	assert_string_equal(buf_text(&subject), "[#1000] Question: Нет света");
	assert_non_null(strstr(buf_text(&text), "Ева answered on ticket #1000:\n\nУже едем\n"));
	assert_non_null(strstr(buf_text(&text), "waits for your answer"));
	assert_non_null(
	        strstr(buf_text(&text), "half: the response of ticket #1000 (Верфь, P2)"));
	assert_non_null(strstr(buf_text(&text), "by the system"));
	buf_free(&subject);
	buf_free(&text);
}

static void many_tickets_are_a_summary(void **state)
{
	static struct notice_item items[500];
	const struct message m = {
	        .language = "en", .zone = "UTC", .items = items, .count = 500};
	struct buf subject;
	struct buf text;

	(void)state;
	for (int i = 0; i < 500; i++) {
		items[i] = item_of(NOTICE_CREATED);
		items[i].ticket_id = 1000 + i / 2;
	}
	written(&m, &subject, &text);
	assert_string_equal(buf_text(&subject), "500 notices on 250 tickets");
	assert_non_null(strstr(buf_text(&text), "#1000 Нет света (Верфь): filed\n"));
	assert_non_null(strstr(buf_text(&text), "and 300 more\n"));
	buf_free(&subject);
	buf_free(&text);
}

static void a_letter_stays_small_enough_to_be_taken(void **state)
{
	static struct notice_item items[1000];
	static char words[4001];
	const struct own_template line = {0, "en", "line", "", "{text}{text}{text}\n"};
	struct message m = {.language = "en",
	        .zone = "UTC",
	        .items = items,
	        .count = 1000,
	        .own = &line,
	        .own_count = 1};
	struct buf subject;
	struct buf text;

	(void)state;
	memset(words, 'w', sizeof words - 1);
	for (int i = 0; i < 1000; i++) {
		items[i] = item_of(NOTICE_REPLIED);
		items[i].text = words;
	}
	written(&m, &subject, &text);
	assert_in_range(text.len, 250000, 300000);
	assert_non_null(strstr(buf_text(&text), "and 9")); /* hundred and some more */
	buf_free(&subject);
	buf_free(&text);
	for (int i = 0; i < 1000; i++)
		items[i].ticket_id = i;
	written(&m, &subject, &text);
	assert_in_range(text.len, 250000, 300000);
	assert_non_null(strstr(buf_text(&text), "and 9"));
	buf_free(&subject);
	buf_free(&text);
}

static void one_message_names_all_levels(void **state)
{
	struct notice_item items[] = {
	        item_of(NOTICE_LEVEL), item_of(NOTICE_LEVEL), item_of(NOTICE_LEVEL)};
	const struct message m = {.language = "en", .zone = "UTC", .items = items, .count = 3};
	struct buf subject;
	struct buf text;

	(void)state;
	items[1].level = "soon";
	written(&m, &subject, &text);
	assert_string_equal(buf_text(&subject), "[#1000] half, soon: Нет света");
	assert_non_null(strstr(buf_text(&text), "half: the response"));
	assert_non_null(strstr(buf_text(&text), "soon: the response"));
	buf_free(&subject);
	buf_free(&text);
}

static void promises_and_questions_have_words(void **state)
{
	static const struct {
		enum notice kind;
		const char *language;
		const char *words;
	} CASES[] = {
	        {NOTICE_PROMISED, "en",
	                "for ticket #1000: 2026-03-02 10:00 (UTC)\nBefore: not"},
	        {NOTICE_PROMISED, "ru", "#1000: 2026-03-02 10:00 (UTC)\nПрежний: не обещано"},
	        {NOTICE_PROMISE_WARNED, "en", "promised for 2026-03-02 10:00"},
	        {NOTICE_PROMISE_WARNED, "ru", "сроку 2026-03-02 10:00"},
	        {NOTICE_PROMISE_BROKEN, "en", "was promised for 2026-03-02 10:00"},
	        {NOTICE_PROMISE_BROKEN, "ru", "была обещана"},
	        {NOTICE_ASKED, "en", "asks what is happening"},
	        {NOTICE_ASKED, "ru", "спрашивает, что происходит"},
	        {NOTICE_MERGED, "en", "the same as #993"},
	        {NOTICE_MERGED, "ru", "о том же, что и #993"},
	        {NOTICE_UNMERGED, "en", "apart from #993"},
	        {NOTICE_UNMERGED, "ru", "отдельно от #993"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct notice_item item = item_of(CASES[i].kind);
		const struct message m = {.language = CASES[i].language,
		        .zone = "UTC",
		        .items = &item,
		        .count = 1};
		struct buf subject;
		struct buf text;

		item.promise = START + INT64_C(3600000000);
		item.other = 993;
		written(&m, &subject, &text);
		assert_non_null(strstr(buf_text(&text), CASES[i].words));
		buf_free(&subject);
		buf_free(&text);
	}
}

static void declared_words_come_before_built_in_ones(void **state)
{
	static const struct own_template OWN[] = {
	        {0, "en", "created", "all en", "body"},
	        {0, "pt-BR", "created", "all pt-BR", "body"},
	        {7, "pt", "created", "seven pt", ""},
	        {7, "en", "summary", "seven summary", "body"},
	};
	static const struct {
		int32_t customer;
		const char *language;
		int template;
		const char *subject;
	} CASES[] = {
	        {1, "en", NOTICE_CREATED, "all en"},
	        {7, "en-GB", NOTICE_CREATED, "all en"},
	        {1, "pt-br", NOTICE_CREATED, "all pt-BR"},
	        {7, "pt-BR", NOTICE_CREATED, "seven pt"},
	        {7, "pt", NOTICE_CREATED, "seven pt"},
	        {1, "pt", NOTICE_CREATED, "[#{ticket}] {title}"},
	        {1, "ru", NOTICE_CREATED, "[#{ticket}] {title}"},
	        {7, "en", TEMPLATE_SUMMARY, "seven summary"},
	        {1, "en", TEMPLATE_SUMMARY, "{count} notices on {tickets} tickets"},
	        {7, NULL, TEMPLATE_SUMMARY, "seven summary"},
	};
	const struct template built = template_choose(NULL, 0, 7, "pt", NOTICE_CREATED);

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_string_equal(template_choose(OWN, 4, CASES[i].customer,
		                            CASES[i].language, CASES[i].template)
		                            .subject,
		        CASES[i].subject);
	assert_string_equal(template_choose(OWN, 4, 7, "pt", NOTICE_CREATED).body, built.body);
	for (int t = 1; t < TEMPLATE_COUNT; t++)
		assert_int_equal(template_find(template_name(t)), t);
	assert_int_equal(template_find("news"), -1);
	assert_string_equal(template_name(TEMPLATE_COUNT), "");
}

static void a_digest_says_that_it_is_one(void **state)
{
	struct notice_item items[] = {item_of(NOTICE_REPLIED), item_of(NOTICE_CREATED)};
	const struct own_template line = {0, "ru", "line", "", "* {ticket}\n"};
	struct message m = {.language = "ru",
	        .zone = "UTC",
	        .items = items,
	        .count = 2,
	        .digest = true,
	        .own = &line,
	        .own_count = 1};
	struct buf subject;
	struct buf text;

	(void)state;
	items[1].ticket_id = 1001;
	written(&m, &subject, &text);
	assert_string_equal(buf_text(&text),
	        "Накопилось для вас: уведомлений 2, заявок 2.\n\n* 1000\n* 1001\n");
	buf_free(&subject);
	buf_free(&text);
	subject = (struct buf){0};
	text = (struct buf){0};
	assert_int_equal(message_part(&m, TEMPLATE_REST, &subject, &text), 0);
	assert_string_equal(buf_text(&text), "и ещё 2\n");
	buf_free(&subject);
	buf_free(&text);
}

static void html_says_the_same_and_nothing_else(void **state)
{
	struct buf html = {0};

	(void)state;
	assert_int_equal(message_html("a <b> & c\nd\n\ne\n", &html), 0);
	assert_non_null(
	        strstr(buf_text(&html), "<p>a &lt;b&gt; &amp; c<br>\nd</p>\n<p>e<br>\n</p>"));
	buf_free(&html);
}

static void plain_headers_stay_and_others_are_encoded(void **state)
{
	struct buf out = {0};
	char longer[1200];

	(void)state;
	assert_int_equal(mail_header_text(&out, "Printer on fire"), 0);
	assert_string_equal(buf_text(&out), "Printer on fire");
	buf_reset(&out);
	assert_int_equal(mail_header_text(&out, "свет"), 0);
	assert_string_equal(buf_text(&out), "=?UTF-8?B?0YHQstC10YI=?=");
	buf_reset(&out);
	/* No header can be smuggled in, and no encoded word. */
	assert_int_equal(mail_header_text(&out, "a\r\nBcc: x@y"), 0);
	assert_null(strstr(buf_text(&out), "Bcc"));
	buf_reset(&out);
	assert_int_equal(mail_header_text(&out, "=?x"), 0);
	assert_int_equal(strncmp(buf_text(&out), "=?UTF-8?B?", 10), 0);
	buf_reset(&out);
	longer[0] = '\0';
	for (int i = 0; i < 200; i++)
		(void)snprintf(longer + strlen(longer), 7, "%s", i % 3 == 0 ? "x" : "ж");
	assert_int_equal(mail_header_text(&out, longer), 0);
	for (const char *line = buf_text(&out); line != NULL;) {
		const char *end = strstr(line, "\r\n");

		assert_true((end == NULL ? strlen(line) : (size_t)(end - line)) <= 76);
		line = end == NULL ? NULL : end + 2;
	}
	buf_free(&out);
}

static void addresses_that_could_smuggle_are_refused(void **state)
{
	static const char *const GOOD[] = {"a@b", "olga.n+x@verf.example", "ю@пример.рф"};
	static const char *const BAD[] = {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nRCPT",
	        "<a@b>", "a@b,c@d", "\"a\"@b"};

	(void)state;
	for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++)
		assert_true(mail_address_ok(GOOD[i]));
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
		assert_false(mail_address_ok(BAD[i]));
}

static void retries_double_up_to_an_hour(void **state)
{
	(void)state;
	assert_int_equal(delivery_retry_us(1, 200), 10000000);
	assert_int_equal(delivery_retry_us(2, 200), 20000000);
	assert_int_equal(delivery_retry_us(9, 200), 2560000000);
	assert_int_equal(delivery_retry_us(10, 200), INT64_C(3600000000));
	assert_int_equal(delivery_retry_us(1000, 200), INT64_C(3600000000));
	assert_int_equal(delivery_retry_us(1, 0), 8000000);
	assert_int_equal(delivery_retry_us(1, 400), 12000000);
	for (uint32_t r = 0; r < 100000; r += 17) {
		assert_true(delivery_retry_us(1, r) >= 8000000);
		assert_true(delivery_retry_us(1, r) <= 12000000);
	}
}

static void each_webhook_is_silent_by_itself(void **state)
{
	struct silence s = {.count = 0};
	char url[32];

	(void)state;
	assert_int_equal(silence_failed(&s, "http://a"), 1);
	assert_int_equal(silence_failed(&s, "http://b"), 1);
	assert_int_equal(silence_failed(&s, "http://a"), 2);
	silence_broken(&s, "http://a");
	silence_broken(&s, "http://c");
	assert_int_equal(silence_failed(&s, "http://a"), 1);
	assert_int_equal(silence_failed(&s, "http://b"), 2);
	for (int i = 0; i < SILENCE_MAX - 1; i++) {
		(void)snprintf(url, sizeof url, "http://%d", i);
		assert_int_equal(silence_failed(&s, url), 1);
	}
	assert_int_equal(silence_failed(&s, "http://b"), 3);
	assert_int_equal(silence_failed(&s, "http://a"), 1); /* it failed longest ago */
}

static void private_addresses_are_told(void **state)
{
	static const struct {
		const char *ip;
		bool public;
	} CASES[] = {{"127.0.0.1", false}, {"127.255.1.1", false}, {"10.1.2.3", false},
	        {"172.16.0.1", false}, {"172.31.255.255", false}, {"172.32.0.1", true},
	        {"192.168.1.1", false}, {"169.254.169.254", false}, {"100.64.0.1", false},
	        {"0.0.0.0", false}, {"224.0.0.1", false}, {"255.255.255.255", false},
	        {"8.8.8.8", true}, {"93.184.216.34", true}, {"::1", false}, {"::", false},
	        {"fe80::1", false}, {"fc00::1", false}, {"fd12::1", false}, {"ff02::1", false},
	        {"::ffff:127.0.0.1", false}, {"::ffff:8.8.8.8", true},
	        {"64:ff9b::7f00:1", false}, {"64:ff9b::808:808", true},
	        {"2002:7f00:1::", false}, {"2001:db8::1", false}, {"2001:0:1::", false},
	        {"::127.0.0.1", false}, {"::ffff:0:127.0.0.1", false},
	        {"64:ff9b:1::7f00:1", false}, {"64:ff9b::a9fe:a9fe", false},
	        {"2002:a9fe:a9fe::", false}, {"fd00:ec2::254", false}, {"fec0::1", false},
	        {"::ffff:0.0.0.0", false}, {"2606:2800:220:1:248:1893:25c8:1946", true}};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct sockaddr_in in = {.sin_family = AF_INET};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
		bool found;

		if (inet_pton(AF_INET, CASES[i].ip, &in.sin_addr) == 1) {
			found = webhook_address_public((const struct sockaddr *)(void *)&in);
		} else {
			assert_int_equal(inet_pton(AF_INET6, CASES[i].ip, &in6.sin6_addr), 1);
			found = webhook_address_public((const struct sockaddr *)(void *)&in6);
		}
		if (found != CASES[i].public)
			fail_msg("%s", CASES[i].ip);
	}
	{
		const struct sockaddr other = {.sa_family = AF_UNIX};

		assert_false(webhook_address_public(&other));
	}
}

/* Made by: printf '1772442000.{"a":1}' | openssl dgst -sha256 -hmac secret */
static void a_signature_covers_time_and_body(void **state)
{
	char out[WEBHOOK_SIGNATURE_SIZE];

	(void)state;
	assert_int_equal(webhook_sign("secret", 1772442000, "{\"a\":1}", out), 0);
	assert_string_equal(
	        out, "v1=8f80f9670d98717774d3e3034f8cbfc9e2eb0e240c45cee1d09d044ed1170a30");
}

static void a_secret_is_the_first_line(void **state)
{
	char path[] = "/tmp/otk-secret-XXXXXX";
	int fd = mkstemp(path);
	char *secret;

	(void)state;
	assert_null(delivery_secret(path)); /* empty */
	assert_int_equal(write(fd, "abc\r\nd\n", 7), 7);
	assert_int_equal(close(fd), 0);
	secret = delivery_secret(path);
	assert_string_equal(secret, "abc");
	free(secret);
	assert_int_equal(unlink(path), 0);
	assert_null(delivery_secret(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_template_knows_its_variables),
	        cmocka_unit_test(a_letter_stays_small_enough_to_be_taken),
	        cmocka_unit_test(one_message_names_all_levels),
	        cmocka_unit_test(promises_and_questions_have_words),
	        cmocka_unit_test(declared_words_come_before_built_in_ones),
	        cmocka_unit_test(a_digest_says_that_it_is_one),
	        cmocka_unit_test(languages_are_found_by_tag),
	        cmocka_unit_test(filing_names_the_dues_in_the_recipients_zone),
	        cmocka_unit_test(notices_of_one_ticket_are_one_message),
	        cmocka_unit_test(many_tickets_are_a_summary),
	        cmocka_unit_test(html_says_the_same_and_nothing_else),
	        cmocka_unit_test(plain_headers_stay_and_others_are_encoded),
	        cmocka_unit_test(addresses_that_could_smuggle_are_refused),
	        cmocka_unit_test(retries_double_up_to_an_hour),
	        cmocka_unit_test(each_webhook_is_silent_by_itself),
	        cmocka_unit_test(private_addresses_are_told),
	        cmocka_unit_test(a_signature_covers_time_and_body),
	        cmocka_unit_test(a_secret_is_the_first_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
