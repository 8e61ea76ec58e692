/* Reports as they are stored. */
#include "agent/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct buf packed;
static struct queue_entry entry;

static Otklik__V1__Report *unpacked(void)
{
	Otklik__V1__Report *report =
	        otklik__v1__report__unpack(NULL, entry.size, entry.payload);

	assert_non_null(report);
	assert_int_equal(report->occurred_at_us, 77);
	assert_int_equal(strlen(report->boot_id), 36);
	assert_int_equal(entry.queued_at, 77);
	assert_true(entry.mono_at > 0);
	return report;
}

static int reset(void **state)
{
	(void)state;
	buf_free(&packed);
	return 0;
}

static void a_check_report_says_what_the_server_needs(void **state)
{
	static const struct check_output OUTPUT = {.text = "bad", .perfdata = "a=1"};
	struct check_spec spec = {.name = "disk",
	        .host = "db1",
	        .service = "s",
	        .category = "c",
	        .impact = 1,
	        .urgency = 2};
	struct queue_check check = {.counter = 9,
	        .reported_state = CHECK_CRITICAL,
	        .life = {.attempt = 3, .flapping = true}};
	Otklik__V1__Report *report;

	(void)state;
	assert_int_equal(
	        report_check(&spec, &check, &OUTPUT, QUEUE_HIGH, 77, &packed, &entry), 0);
	report = unpacked();
	assert_int_equal(report->kind, OTKLIK__V1__REPORT_KIND__REPORT_KIND_CHECK);
	assert_string_equal(report->host, "db1");
	assert_string_equal(report->check, "disk");
	assert_int_equal(report->state, OTKLIK__V1__CHECK_STATE__CHECK_STATE_CRITICAL);
	assert_int_equal(report->counter, 9);
	assert_string_equal(report->output, "bad");
	assert_string_equal(report->perfdata, "a=1");
	assert_int_equal(report->attempt, 3);
	assert_int_equal(report->impact, 1);
	assert_true(report->flapping);
	assert_int_equal(entry.severity, QUEUE_HIGH);
	otklik__v1__report__free_unpacked(report, NULL);
}

static void refusals_gaps_and_starts_become_reports(void **state)
{
	const struct queue_refusal refusal = {.count = 5, .from_at = 10, .to_at = 20};
	const struct queue_gap gap = {
	        .from_seq = 3, .to_seq = 7, .noted_at = 30, .reason = "restored"};
	Otklik__V1__Report *report;

	(void)state;
	assert_int_equal(report_refused(&refusal, 77, &packed, &entry), 0);
	report = unpacked();
	assert_int_equal(report->kind, OTKLIK__V1__REPORT_KIND__REPORT_KIND_REFUSED);
	assert_int_equal(report->refused, 5);
	assert_int_equal(report->refused_from_us, 10);
	assert_int_equal(report->refused_to_us, 20);
	otklik__v1__report__free_unpacked(report, NULL);
	buf_free(&packed);
	assert_int_equal(report_gap(&gap, 77, &packed, &entry), 0);
	report = unpacked();
	assert_int_equal(report->refused, 5);
	assert_non_null(strstr(report->text, "restored"));
	otklik__v1__report__free_unpacked(report, NULL);
	buf_free(&packed);
	assert_int_equal(report_started("a1", 77, &packed, &entry), 0);
	report = unpacked();
	assert_int_equal(report->kind, OTKLIK__V1__REPORT_KIND__REPORT_KIND_STARTED);
	assert_int_equal(entry.severity, QUEUE_LOW);
	otklik__v1__report__free_unpacked(report, NULL);
}

static void a_persons_report_is_checked_before_it_is_taken(void **state)
{
	static char long_title[300];
	static char bad[] = "\xFF";
	static char spaces[] = "  ";
	Otklik__V1__Report given = OTKLIK__V1__REPORT__INIT;
	struct otk_error err;

	(void)state;
	assert_true(report_person(&given, 77, &packed, &entry, &err) < 0);
	assert_string_equal(err.violations[0].field, "title");
	given.title = spaces;
	assert_true(report_person(&given, 77, &packed, &entry, &err) < 0);
	memset(long_title, 'x', sizeof long_title - 1);
	given.title = long_title;
	given.text = bad;
	given.impact = 4;
	given.urgency = 9;
	assert_int_equal(
	        report_person(&given, 77, &packed, &entry, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(err.violation_count, 4);
}

static void a_persons_report_is_stamped_and_keeps_its_words(void **state)
{
	static char title[] = "Принтер не печатает";
	static char text[] = "с утра";
	Otklik__V1__Report given = OTKLIK__V1__REPORT__INIT;
	Otklik__V1__Report *report;
	struct otk_error err;

	(void)state;
	given.title = title;
	given.text = text;
	given.kind = OTKLIK__V1__REPORT_KIND__REPORT_KIND_CHECK; /* not for people */
	given.occurred_at_us = 5;
	assert_int_equal(report_person(&given, 77, &packed, &entry, &err), 0);
	assert_int_equal(entry.severity, QUEUE_NORMAL);
	report = unpacked();
	assert_int_equal(report->kind, OTKLIK__V1__REPORT_KIND__REPORT_KIND_PERSON);
	assert_string_equal(report->title, title);
	assert_string_equal(report->text, text);
	otklik__v1__report__free_unpacked(report, NULL);
	given.impact = 1;
	assert_int_equal(report_person(&given, 77, &packed, &entry, &err), 0);
	assert_int_equal(entry.severity, QUEUE_HIGH);
}

#define REPORT_TEST(f) cmocka_unit_test_teardown(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        REPORT_TEST(a_check_report_says_what_the_server_needs),
	        REPORT_TEST(refusals_gaps_and_starts_become_reports),
	        REPORT_TEST(a_persons_report_is_checked_before_it_is_taken),
	        REPORT_TEST(a_persons_report_is_stamped_and_keeps_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
