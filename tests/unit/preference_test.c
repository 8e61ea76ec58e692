/* What people wish to be told: words read, refused by field, and written again. */
#include "cmocka_test.h"

#include <string.h>

#include "core/notification.h"
#include "core/preference.h"

static void wishes_are_read_and_written_alike(void **state)
{
	static const char *const MUTE[] = {"created", "level"};
	static const struct {
		struct preference_words in;
		struct preference out;
		const char *digest; /* as it is written again */
	} CASES[] = {
	        {{"", "", "", NULL, 0, ""}, {.channel = PREFERENCE_MAIL}, "immediate"},
	        {{"mail", "immediate", "", NULL, 0, "all"}, {.channel = PREFERENCE_MAIL},
	                "immediate"},
	        {{"none", "hourly", "22:00-07:30", NULL, 0, "breach"},
	                {.channel = PREFERENCE_NONE,
	                        .digest = DIGEST_HOURLY,
	                        .quiet_from = 1320,
	                        .quiet_to = 450,
	                        .breaches_only = true},
	                "hourly"},
	        {{"", "daily 08:05", "00:00-23:59", MUTE, 2, ""},
	                {.channel = PREFERENCE_MAIL,
	                        .digest = DIGEST_DAILY,
	                        .digest_at = 485,
	                        .quiet_to = 1439,
	                        .mute = 1 << NOTICE_CREATED | 1 << NOTICE_LEVEL},
	                "daily 08:05"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		const struct preference *wanted = &CASES[i].out;
		struct preference found;
		struct otk_error err = {0};
		char text[PREFERENCE_TEXT];

		assert_int_equal(preference_parse(&CASES[i].in, &found, &err), 0);
		assert_int_equal(found.channel, wanted->channel);
		assert_int_equal(found.digest, wanted->digest);
		assert_int_equal(found.digest_at, wanted->digest_at);
		assert_int_equal(found.quiet_from, wanted->quiet_from);
		assert_int_equal(found.quiet_to, wanted->quiet_to);
		assert_int_equal(found.mute, wanted->mute);
		assert_int_equal(found.breaches_only, wanted->breaches_only);
		assert_string_equal(preference_digest_text(&found, text), CASES[i].digest);
		assert_string_equal(preference_quiet_text(&found, text), CASES[i].in.quiet);
		assert_string_equal(preference_channel_name(&found),
		        wanted->channel == PREFERENCE_NONE ? "none" : "mail");
		assert_string_equal(preference_levels_name(&found),
		        wanted->breaches_only ? "breach" : "all");
	}
}

static void what_cannot_be_wished_is_refused_by_field(void **state)
{
	static const char *const NEWS[] = {"created", "news"};
	static const struct {
		struct preference_words in;
		const char *field;
	} CASES[] = {
	        {{"pigeon", "", "", NULL, 0, ""}, "channel"},
	        {{"", "weekly", "", NULL, 0, ""}, "digest"},
	        {{"", "daily", "", NULL, 0, ""}, "digest"},
	        {{"", "daily 24:00", "", NULL, 0, ""}, "digest"},
	        {{"", "daily 08:60", "", NULL, 0, ""}, "digest"},
	        {{"", "daily 08:000", "", NULL, 0, ""}, "digest"},
	        {{"", "daily 8:00", "", NULL, 0, ""}, "digest"},
	        {{"", "", "22:00", NULL, 0, ""}, "quiet_hours"},
	        {{"", "", "22:00-7:00", NULL, 0, ""}, "quiet_hours"},
	        {{"", "", "22:00-07:00x", NULL, 0, ""}, "quiet_hours"},
	        {{"", "", "22:00 07:00", NULL, 0, ""}, "quiet_hours"},
	        {{"", "", "07:00-07:00", NULL, 0, ""}, "quiet_hours"},
	        {{"", "", "", NEWS, 2, ""}, "mute[1]"},
	        {{"", "", "", NULL, 0, "some"}, "levels"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct preference found;
		struct otk_error err = {0};

		assert_int_equal(
		        preference_parse(&CASES[i].in, &found, &err), -OTK_INVALID_ARGUMENT);
		assert_int_equal(err.violation_count, 1);
		assert_string_equal(err.violations[0].field, CASES[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(wishes_are_read_and_written_alike),
	        cmocka_unit_test(what_cannot_be_wished_is_refused_by_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
