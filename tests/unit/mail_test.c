/* Messages as mail programs write them, and as nobody should: what is read out of them. */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/mail.h"
#include "mail/mail_fold.h"
#include "mail/mail_html.h"

static struct mail *parse(const char *text)
{
	struct otk_error err = {0};
	struct mail *mail = mail_parse(text, strlen(text), &MAIL_LIMITS, &err);

	if (mail == NULL)
		fail_msg("%s: %s", err.reason, err.message);
	return mail;
}

static void assert_refused(const char *text, size_t size, const char *reason)
{
	struct otk_error err = {0};

	assert_null(mail_parse(text, size, &MAIL_LIMITS, &err));
	assert_string_equal(err.reason, reason);
	assert_int_equal(err.code, OTK_INVALID_ARGUMENT);
}

#define FROM "From: Olga <olga@acme.test>\r\nMessage-ID: <1@acme.test>\r\n"

static void russian_is_read_from_every_charset(void **state)
{
	static const struct {
		const char *name;
		const char *message;
	} CASES[] = {
	        {"utf-8, base64", FROM "Subject: =?UTF-8?B?0J3QtdGCINGB0LLQtdGC0LA=?=\r\n"
	                               "Content-Type: text/plain; charset=utf-8\r\n"
	                               "Content-Transfer-Encoding: base64\r\n\r\n"
	                               "0JIg0YbQtdGF0LUg4oSWIDQg0L3QtdGCINGB0LLQtdGC0LA=\r\n"},
	        {"windows-1251, quoted-printable",
	                FROM "Subject: =?windows-1251?Q?=CD=E5=F2_=F1=E2=E5=F2=E0?=\r\n"
	                     "Content-Type: text/plain; charset=\"windows-1251\"\r\n"
	                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	                     "=C2 =F6=E5=F5=E5 =B9 4 =\r\n=ED=E5=F2 =F1=E2=E5=F2=E0\r\n"},
	        {"koi8-r, 8 bits, in two encoded words",
	                FROM "Subject: =?koi8-r?B?7sXU?=\r\n =?koi8-r?B?INPXxdTB?=\r\n"
	                     "Content-Type: text/plain; charset=koi8-r\r\n"
	                     "Content-Transfer-Encoding: 8bit\r\n\r\n"
	                     "\xf7 \xc3\xc5\xc8\xc5 4 \xce\xc5\xd4 \xd3\xd7\xc5\xd4\xc1\r\n"},
	        {"no charset said, koi8-r",
	                FROM "Subject: =?koi8-r?B?7sXUINPXxdTB?=\r\n\r\n"
	                     "\xf7 \xc3\xc5\xc8\xc5 4 \xce\xc5\xd4 \xd3\xd7\xc5\xd4\xc1\r\n"},
	        {"no charset said, windows-1251",
	                FROM "Subject: \xcd\xe5\xf2 \xf1\xe2\xe5\xf2\xe0\r\n\r\n"
	                     "\xc2 \xf6\xe5\xf5\xe5 4 \xed\xe5\xf2 \xf1\xe2\xe5\xf2\xe0\r\n"},
	        {"a charset that there is not, utf-8 in truth",
	                FROM "Subject: Нет света\r\n"
	                     "Content-Type: text/plain; charset=x-unknown\r\n\r\n"
	                     "В цехе 4 нет света\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct mail *mail = parse(CASES[i].message);

		if (strcmp(mail->subject, "Нет света") != 0 ||
		        (strcmp(mail->text, "В цехе № 4 нет света") != 0 &&
		                strcmp(mail->text, "В цехе 4 нет света") != 0))
			fail_msg("%s: '%s' / '%s'", CASES[i].name, mail->subject, mail->text);
		assert_int_equal(mail->kind, MAIL_PERSON);
		assert_string_equal(mail->from, "olga@acme.test");
		assert_string_equal(mail->from_name, "Olga");
		assert_string_equal(mail->message_id, "1@acme.test");
		mail_free(mail);
	}
}

static void history_and_signature_are_cut(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *shown; /* NULL: all of it */
	} CASES[] = {
	        {"nothing to cut", "Hello\n\nIt is dark.\n", NULL},
	        {"above a quotation",
	                "Thanks!\n\nOn Mon, 2 Mar 2026 at 10:00, Desk <d@x.test> wrote:\n> "
	                "old\n> older\n",
	                "Thanks!"},
	        {"an introduction in two lines",
	                "Yes\n\nOn Mon, 2 Mar 2026 at 10:00, A very long "
	                "name\n<desk@provider.test> wrote:\n\n> old\n",
	                "Yes"},
	        {"Russian",
	                "Спасибо\n\n2 марта 2026 г., 10:00, Служба <d@x.test> писал(а):\n\n> "
	                "старое\n",
	                "Спасибо"},
	        {"Russian, no verb known",
	                "Спасибо\n\n02.03.2026 10:00, Служба поддержки:\n> старое\n",
	                "Спасибо"},
	        {"Outlook", "Works now.\n\n-----Original Message-----\nFrom: Desk\nold words\n",
	                "Works now."},
	        {"Outlook, Russian", "Работает\n\n-----Исходное сообщение-----\nОт: Служба\n",
	                "Работает"},
	        {"Outlook, by its header",
	                "Ok\n\n________________________________\nFrom: Desk <d@x>\nSent: "
	                "Monday\nTo: Olga\nSubject: x\n\nold\n",
	                "Ok"},
	        {"Outlook, Russian header",
	                "Хорошо\n\nОт: Служба\nОтправлено: 2 марта\nКому: Ольга\nТема: "
	                "x\n\nстарое\n",
	                "Хорошо"},
	        {"a signature", "Please help\n-- \nOlga\nAcme, +7 495 000\n", "Please help"},
	        {"a signature above history",
	                "Please help\n-- \nOlga\n\nOn 2026-03-02 d@x wrote:\n> x\n",
	                "Please help"},
	        {"no introduction", "Fine\n> a\n> b\n", "Fine"},
	        {"answered between the lines", "> what is it?\nA printer.\n> where?\nHere.\n",
	                NULL},
	        {"a long quotation answered below", "> 1\n> 2\n> 3\n> 4\n> 5\n> 6\n> 7\nYes.\n",
	                "> 1\n> 2\n> [… 5]\nYes."},
	        {"all of it is quoted", "> a\n> b\n", NULL},
	        {"forwarded only", "-----Original Message-----\nFrom: x\nwords\n", NULL},
	        {"a report of what somebody wrote",
	                "Hello\nthe user wrote:\nmy screen is black\n", NULL},
	        {"a rule is no signature",
	                "a\n--\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n",
	                NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct buf out = {0};
		bool cut = mail_fold(CASES[i].text, &out);
		const char *want = CASES[i].shown == NULL ? CASES[i].text : CASES[i].shown;

		if (cut != (CASES[i].shown != NULL) || strcmp(buf_text(&out), want) != 0)
			fail_msg("%s: %d '%s'", CASES[i].name, cut, buf_text(&out));
		buf_free(&out);
	}
}

static void html_becomes_text(void **state)
{
	static const struct {
		const char *html;
		const char *text;
	} CASES[] = {
	        {"<p>One</p><p>Two&nbsp;&mdash; &#1076;&#x430;</p>", "One\n\nTwo — да\n"},
	        {"<html><head><title>x</title><style>p{}</style></head><body>a<br>b</body>",
	                "a\nb\n"},
	        {"<div>a</div><div>b</div>", "a\nb\n"},
	        {"<script>alert('<p>')</script>x<!-- y -->z", "xz\n"},
	        {"<ul><li>a<li>b</ul>", "- a\n- b\n"},
	        {"see <a href=\"https://x.test/a\">here</a>.",
	                "see here <https://x.test/a>.\n"},
	        {"<a href=\"javascript:x\">no</a>", "no\n"},
	        {"yes<blockquote>old<br>older</blockquote>", "yes\n> old\n> older\n"},
	        {"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"},
	        {"1 < 2 and <b>3</b> &amp; &lt;4&gt; &unknown; &#0; &#99999999;",
	                "1 < 2 and 3 & <4> &unknown;\n"},
	        {"<p title='>'>a</p><p x=\"unclosed>b", "a\n\nb\n"},
	        {"<", "<\n"},
	        {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct buf out = {0};

		mail_html_text(CASES[i].html, strlen(CASES[i].html), 1000, &out);
		if (strcmp(buf_text(&out), CASES[i].text) != 0)
			fail_msg("%s: '%s'", CASES[i].html, buf_text(&out));
		buf_free(&out);
	}
}

#define MIXED                                                                                  \
	FROM "Subject: x\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"                 \
	     "--m\r\nContent-Type: multipart/alternative; boundary=\"a b\"\r\n\r\n"            \
	     "--a b\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n"                         \
	     "--a b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--a b--\r\n"                   \
	     "--m\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"         \
	     "Content-Disposition: attachment; "                                               \
	     "filename*=utf-8''%D1%81%D0%BD%D0%B8%D0%BC%D0%BE%D0%BA.png\r\n\r\nAQIDBA==\r\n"   \
	     "--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nwords\r\n"      \
	     "--m--\r\n"

static int count_bytes(void *arg, const void *data, size_t size)
{
	(void)data;
	*(size_t *)arg += size;
	return 0;
}

static void plain_text_is_preferred_and_the_rest_attached(void **state)
{
	static const uint8_t SHA_1234[] = {0x9f, 0x64, 0xa7, 0x47};
	struct mail *mail = parse(MIXED);

	(void)state;
	assert_string_equal(mail->text, "plain");
	assert_false(mail->folded);
	assert_int_equal(mail->attachment_count, 2);
	assert_string_equal(mail->attachments[0].name, "снимок.png");
	assert_string_equal(mail->attachments[0].media_type, "image/png");
	assert_int_equal(mail->attachments[0].size, 4);
	assert_memory_equal(mail->attachments[0].hash, SHA_1234, sizeof SHA_1234);
	assert_string_equal(mail->attachments[1].name, "inner.eml");
	for (size_t i = 0; i < 2; i++) {
		size_t size = 0;

		assert_int_equal(mail_attachment_read(mail, i, count_bytes, &size), 0);
		assert_int_equal(size, mail->attachments[i].size);
	}
	mail_free(mail);
}

static void what_is_cut_or_converted_stays_attached(void **state)
{
	struct mail *mail = parse(FROM "Content-Type: text/html; charset=utf-8\r\n\r\n"
	                               "<div>Да</div><div>On 2026-03-02 d@x.test wrote:</div>"
	                               "<blockquote>old</blockquote>");

	(void)state;
	assert_string_equal(mail->subject, "");
	assert_string_equal(mail->text, "Да");
	assert_true(mail->folded);
	assert_int_equal(mail->attachment_count, 2);
	assert_int_equal(mail->attachments[0].kind, MAIL_ORIGINAL);
	assert_string_equal(mail->attachments[0].name, "message.txt");
	assert_string_equal(mail->attachments[1].name, "message.html");
	mail_free(mail);
}

static void machines_are_known_by_what_they_say(void **state)
{
	static const struct {
		const char *head;
		enum mail_kind kind;
	} CASES[] = {
	        {"", MAIL_PERSON},
	        {"Auto-Submitted: no\r\n", MAIL_PERSON},
	        {"Return-Path: <olga@acme.test>\r\nPrecedence: normal\r\n", MAIL_PERSON},
	        {"Auto-Submitted: auto-replied (vacation)\r\n", MAIL_AUTOMATIC},
	        {"Auto-Submitted: auto-generated\r\n", MAIL_AUTOMATIC},
	        {"Precedence: bulk\r\n", MAIL_AUTOMATIC},
	        {"Precedence: List\r\n", MAIL_AUTOMATIC},
	        {"X-Auto-Response-Suppress: All\r\n", MAIL_AUTOMATIC},
	        {"X-Autoreply: yes\r\n", MAIL_AUTOMATIC},
	        {"Return-Path: <>\r\n", MAIL_AUTOMATIC},
	        {"List-Id: news <news.acme.test>\r\n", MAIL_AUTOMATIC},
	        {"X-Failed-Recipients: anna@acme.test\r\n", MAIL_BOUNCE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char text[1000];
		struct mail *mail;

		(void)snprintf(text, sizeof text, FROM "%s\r\nwords\r\n", CASES[i].head);
		mail = parse(text);
		if (mail->kind != CASES[i].kind ||
		        (mail->kind_why[0] == '\0') != (mail->kind == MAIL_PERSON))
			fail_msg("%s: %d %s", CASES[i].head, (int)mail->kind, mail->kind_why);
		mail_free(mail);
	}
}

#define REPORT(type, action, status)                                                           \
	"From: Mail Delivery System <MAILER-DAEMON@mx.test>\r\nSubject: Undelivered\r\n"       \
	"Content-Type: multipart/report; report-type=" type "; boundary=r\r\n\r\n"             \
	"--r\r\n\r\nIt did not work.\r\n"                                                      \
	"--r\r\nContent-Type: message/delivery-status\r\n\r\n"                                 \
	"Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; anna@acme.test\r\n"       \
	"Action: " action "\r\nStatus: " status "\r\n"                                         \
	"Diagnostic-Code: smtp; 550 no such user\r\n"                                          \
	"--r\r\nContent-Type: message/rfc822\r\n\r\n"                                          \
	"Message-ID: <notice.7.ab@desk.test>\r\nSubject: x\r\n\r\nold\r\n--r--\r\n"

static void a_bounce_says_what_did_not_arrive_where_and_why(void **state)
{
	struct mail *mail = parse(REPORT("delivery-status", "failed", "5.1.1"));

	(void)state;
	assert_int_equal(mail->kind, MAIL_BOUNCE);
	assert_string_equal(mail->bounced_id, "notice.7.ab@desk.test");
	assert_string_equal(mail->bounced_recipient, "anna@acme.test");
	assert_string_equal(mail->bounced_status, "5.1.1");
	assert_string_equal(mail->bounced_why, "550 no such user");
	assert_string_equal(mail->text, "It did not work.");
	mail_free(mail);
	mail = parse(REPORT("delivery-status", "delayed", "4.4.1"));
	assert_int_equal(mail->kind, MAIL_AUTOMATIC);
	mail_free(mail);
	mail = parse(REPORT("disposition-notification", "displayed", "2.0.0"));
	assert_int_equal(mail->kind, MAIL_AUTOMATIC);
	mail_free(mail);
}

static void references_come_nearest_first(void **state)
{
	struct mail *mail =
	        parse(FROM "To: \"Desk\" <desk+1.2.abc@desk.test>, x@y.test\r\nCc: z@y.test\r\n"
	                   "Delivered-To: desk+7.8.def@desk.test\r\n"
	                   "In-Reply-To: <c@x>\r\nReferences: <a@x>\r\n <b@x> <c@x>\r\n"
	                   "Authentication-Results: mx.test; dkim=pass\r\n"
	                   "Authentication-Results: forged; dkim=pass\r\n"
	                   "Date: Mon, 2 Mar 2026 12:00:00 +0300\r\n\r\nx\r\n");

	(void)state;
	assert_int_equal(mail->reference_count, 4);
	assert_string_equal(mail->references[0], "c@x");
	assert_string_equal(mail->references[1], "c@x");
	assert_string_equal(mail->references[3], "a@x");
	assert_int_equal(mail->recipient_count, 4);
	assert_string_equal(mail->recipients[0], "desk+7.8.def@desk.test");
	assert_string_equal(mail->recipients[1], "desk+1.2.abc@desk.test");
	assert_int_equal(mail->result_count, 2);
	assert_string_equal(mail->results[0], "mx.test; dkim=pass");
	assert_int_equal(mail->sent_at, INT64_C(1772442000000000));
	mail_free(mail);
}

static void broken_messages_are_read_as_far_as_they_go(void **state)
{
	static const char *const CASES[] = {
	        FROM "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nwords",
	        FROM "Content-Type: multipart/mixed\r\n\r\nwords",
	        FROM
	        "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
	        FROM "Content-Type: ;;;=;\r\n\r\nwords",
	        FROM "Subject: =?utf-8?B?!!?= =?x?Q?=ZZ?=\r\n\r\nwords",
	        "From olga Mon Mar  2 2026\r\n" FROM "\r\nwords",
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		mail_free(parse(CASES[i]));
	assert_refused("", 0, "MAIL_BROKEN");
	assert_refused("no header at all", 16, "MAIL_BROKEN");
	assert_refused("Subject: x\r\n\r\ny", 15, "MAIL_BROKEN");
	assert_refused("From: =?utf-8?Q?nobody?=\r\n\r\ny", 29, "MAIL_BROKEN");
}

static void repeat(struct buf *b, const char *piece, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)buf_puts(b, piece);
}

static void bombs_are_refused_before_they_go_off(void **state)
{
	static const struct {
		const char *name;
		const char *head;
		const char *piece;
		size_t count;
		const char *reason;
	} CASES[] = {
	        {"parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\n",
	                300000, "MAIL_TOO_COMPLEX"},
	        {"messages within messages", "Content-Type: message/rfc822\r\n\r\n",
	                "Content-Type: message/rfc822\r\n\r\n", 300000, "MAIL_TOO_COMPLEX"},
	        {"header lines", "", "X: y\r\n", 100000, "MAIL_TOO_COMPLEX"},
	        {"one long header line", "X: ", "yyyyyyyy", 100000, "MAIL_TOO_COMPLEX"},
	        {"parameters",
	                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
	                "a/b",
	                ";\r\n a=b", 100000, "MAIL_TOO_COMPLEX"},
	        {"fields of parts", "\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
	                10000, "MAIL_TOO_COMPLEX"},
	        {"a hidden boundary", "Content-Type: multipart/mixed; boundary*0=b\r\n\r\n",
	                "--b\r\n\r\n", 10, "MAIL_TOO_COMPLEX"},
	        {"header lines of a part",
	                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "X: y\r\n",
	                10000, "MAIL_TOO_COMPLEX"},
	        {"header lines of a message within", "Content-Type: message/rfc822\r\n\r\n",
	                "12:y\r\n", 10000, "MAIL_TOO_COMPLEX"},
	        {"header lines of one that hides",
	                "Content-Type:\r\n (a) message (b) / rfc822\r\n\r\n", "X : y\r\n",
	                10000, "MAIL_TOO_COMPLEX"},
	        {"header lines in a digest",
	                "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n",
	                "X: y\r\n", 10000, "MAIL_TOO_COMPLEX"},
	        {"recipients of a message within",
	                "Content-Type: message/rfc822\r\n\r\nTo: a@b", ",\r\n a@b", 200000,
	                "MAIL_TOO_COMPLEX"},
	        {"messages that hide in messages", "Content-Type: message /rfc822\r\n\r\n",
	                "Content-Type: message /rfc822\r\n\r\n", 40, "MAIL_TOO_COMPLEX"},
	        {"groups within groups", "Cc: ", "g:", 20000, "MAIL_TOO_COMPLEX"},
	        {"groups of a message within", "Content-Type: message/rfc822\r\n\r\nCc: ", "g:",
	                20000, "MAIL_TOO_COMPLEX"},
	        {"size", "\r\n", "0123456789abcdef", 2000000, "MAIL_TOO_LARGE"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct otk_error err = {0};
		struct buf text = {0};
		struct mail *mail;

		(void)buf_puts(&text, FROM);
		(void)buf_puts(&text, CASES[i].head);
		repeat(&text, CASES[i].piece, CASES[i].count);
		mail = mail_parse(buf_text(&text), text.len, &MAIL_LIMITS, &err);
		if (mail != NULL || strcmp(err.reason, CASES[i].reason) != 0)
			fail_msg("%s: %s", CASES[i].name, mail != NULL ? "read" : err.message);
		buf_free(&text);
	}
}

/* Lines that only look like a header's: "12:00:01 started". */
static void a_long_log_is_no_header(void **state)
{
	static const char *const HEADS[] = {
	        "\r\n",
	        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	        "Content-Type: text/plain; name=\"message.log\"\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof HEADS / sizeof HEADS[0]; i++) {
		struct otk_error err = {0};
		struct buf text = {0};
		struct mail *mail;

		(void)buf_puts(&text, FROM);
		(void)buf_puts(&text, HEADS[i]);
		repeat(&text, "12:00:01 started\r\n", 30000);
		mail = mail_parse(buf_text(&text), text.len, &MAIL_LIMITS, &err);
		if (mail == NULL)
			fail_msg("%zu: %s", i, err.message);
		mail_free(mail);
		buf_free(&text);
	}
}

/* A message that is refused for want of memory would come again for days. */
static void html_without_text_is_read(void **state)
{
	struct otk_error err = {0};
	struct buf text = {0};
	struct mail *mail;

	(void)state;
	(void)buf_puts(&text, FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 24; i++) {
		(void)buf_puts(&text, "--b\r\nContent-Type: text/html\r\n\r\n<!--");
		repeat(&text, "0123456789abcdef\r\n", 55000);
		(void)buf_puts(&text, "-->\r\n");
	}
	(void)buf_puts(&text, "--b\r\n\r\nwords\r\n--b--\r\n");
	mail = mail_parse(buf_text(&text), text.len, &MAIL_LIMITS, &err);
	if (mail == NULL)
		fail_msg("%s", err.message);
	assert_string_equal(mail->text, "words");
	mail_free(mail);
	buf_free(&text);
}

static void depth_parts_and_attachments_have_limits(void **state)
{
	struct otk_error err = {0};
	struct buf text = {0};
	int level;

	(void)state;
	(void)buf_puts(&text, FROM);
	for (level = 0; level < 12; level++)
		(void)buf_printf(&text,
		        "Content-Type: multipart/mixed; boundary=b%c\r\n\r\n--b%c\r\n",
		        'a' + level, 'a' + level);
	(void)buf_puts(&text, "\r\nx\r\n");
	assert_null(mail_parse(buf_text(&text), text.len, &MAIL_LIMITS, &err));
	assert_string_equal(err.reason, "MAIL_TOO_COMPLEX");
	buf_reset(&text);
	(void)buf_puts(&text, FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	repeat(&text, "--b\r\nContent-Type: image/png\r\n\r\nx\r\n", 60);
	(void)buf_puts(&text, "--b--\r\n");
	assert_null(mail_parse(buf_text(&text), text.len, &MAIL_LIMITS, &err));
	assert_string_equal(err.reason, "MAIL_TOO_MANY");
	buf_free(&text);
}

static void a_long_text_is_cut_and_attached_whole(void **state)
{
	struct buf text = {0};
	struct mail *mail;

	(void)state;
	(void)buf_puts(&text, FROM "Content-Type: text/plain; charset=utf-8\r\n\r\n");
	repeat(&text, "Очень длинная строка\r\n", 5000);
	mail = parse(buf_text(&text));
	assert_true(mail->folded);
	assert_true(strlen(mail->text) < 32768 && strlen(mail->text) > 31000);
	assert_non_null(strstr(mail->text, "[…]"));
	assert_int_equal(mail->attachment_count, 1);
	assert_int_equal(mail->attachments[0].size, 5000 * strlen("Очень длинная строка\n"));
	mail_free(mail);
	buf_free(&text);
}

static void names_and_texts_are_clean(void **state)
{
	struct mail *mail =
	        parse("From: =?utf-8?Q?Ol=1B[31mga=E2=80=AE?= <olga@acme.test>\r\n"
	              "Subject: =?utf-8?Q?a=0D=0AX-Evil:_b=00c?=\r\n"
	              "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	              "--b\r\nContent-Type: text/plain\r\n\r\na\x1b[0m\xe2\x80\xae"
	              "b\r\n"
	              "--b\r\nContent-Type: a/b\r\nContent-Disposition: attachment; "
	              "filename=\"../../etc/pass\twd\"\r\n\r\nx\r\n--b--\r\n");

	(void)state;
	assert_null(strchr(mail->subject, '\n'));
	assert_null(strchr(mail->from_name, '\x1b'));
	assert_string_equal(mail->text, "a[0mb");
	assert_null(strchr(mail->attachments[0].name, '\t'));
	mail_free(mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(russian_is_read_from_every_charset),
	        cmocka_unit_test(history_and_signature_are_cut),
	        cmocka_unit_test(html_becomes_text),
	        cmocka_unit_test(plain_text_is_preferred_and_the_rest_attached),
	        cmocka_unit_test(what_is_cut_or_converted_stays_attached),
	        cmocka_unit_test(machines_are_known_by_what_they_say),
	        cmocka_unit_test(a_bounce_says_what_did_not_arrive_where_and_why),
	        cmocka_unit_test(references_come_nearest_first),
	        cmocka_unit_test(broken_messages_are_read_as_far_as_they_go),
	        cmocka_unit_test(bombs_are_refused_before_they_go_off),
	        cmocka_unit_test(a_long_log_is_no_header),
	        cmocka_unit_test(html_without_text_is_read),
	        cmocka_unit_test(depth_parts_and_attachments_have_limits),
	        cmocka_unit_test(a_long_text_is_cut_and_attached_whole),
	        cmocka_unit_test(names_and_texts_are_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
