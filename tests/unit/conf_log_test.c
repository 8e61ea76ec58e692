/* Configuration files and the structured log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc_fail.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/text.h"

struct settings {
	char *name;
	char *folder;
	int64_t port;
	bool loud;
};

static const struct conf_option OPTIONS[] = {
        {"name", CONF_TEXT, offsetof(struct settings, name), NULL, 0, 5, "Who it is."},
        {"folder", CONF_TEXT, offsetof(struct settings, folder), "/tmp", 0, 0, "Where."},
        {"port", CONF_INT, offsetof(struct settings, port), "70", 1, 100, "Which."},
        {"loud", CONF_BOOL, offsetof(struct settings, loud), "no", 0, 0, "Whether."},
};

enum { OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0] };

static char path[64];

static int conf_read(const char *text, size_t length, struct settings *s, struct otk_error *err)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return conf_load(OPTIONS, OPTION_COUNT, path, s, err);
}

static void a_file_is_read_over_the_defaults(void **state)
{
	struct settings s;
	struct otk_error err = {0};
	static const char TEXT[] =
	        "# comment\n\n  name =  a b \t\r\nloud=yes\nport = 99\n   # more\nfolder = ";

	(void)state;
	assert_int_equal(conf_read(TEXT, sizeof TEXT - 1, &s, &err), 0);
	assert_string_equal(s.name, "a b");
	assert_string_equal(s.folder, "");
	assert_int_equal(s.port, 99);
	assert_true(s.loud);
	conf_release(OPTIONS, OPTION_COUNT, &s);
	assert_null(s.name);
	assert_int_equal(conf_read("name = x\nloud = no\n", 18, &s, &err), 0);
	assert_string_equal(s.folder, "/tmp");
	assert_int_equal(s.port, 70);
	assert_false(s.loud);
	conf_release(OPTIONS, OPTION_COUNT, &s);
}

static void a_bad_file_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *reason;
		const char *part;
	} CASES[] = {
	        {"", "MISSING_OPTION", "name is required: Who it is."},
	        {"name = a\nnonsense\n", "BAD_LINE", ":2: "},
	        {"nome = a\n", "UNKNOWN_OPTION", ":1: there is no option named nome"},
	        {"name = a\nname = b\n", "REPEATED_OPTION", ":2: name is set twice"},
	        {"name = abcdef\n", "BAD_VALUE", "at most 5 bytes"},
	        {"name = \xFF\n", "BAD_VALUE", "UTF-8"},
	        {"name = a\nport = 0\n", "BAD_VALUE", "from 1 to 100"},
	        {"name = a\nport = x\n", "BAD_VALUE", ":2: port = x"},
	        {"name = a\nloud = maybe\n", "BAD_VALUE", "yes or no"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct settings s;
		struct otk_error err = {0};

		assert_int_equal(conf_read(CASES[i].text, strlen(CASES[i].text), &s, &err),
		        -OTK_INVALID_ARGUMENT);
		assert_string_equal(err.reason, CASES[i].reason);
		assert_non_null(strstr(err.message, CASES[i].part));
		conf_release(OPTIONS, OPTION_COUNT, &s);
	}
}

static void lines_and_files_are_bounded(void **state)
{
	size_t size = 1024 * 1024 + 4096;
	char *text = malloc(size);
	struct settings s;
	struct otk_error err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, '#', size);
	assert_int_equal(conf_read(text, 9000, &s, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.reason, "TOO_LONG");
	conf_release(OPTIONS, OPTION_COUNT, &s);
	for (size_t i = 80; i < size; i += 80)
		text[i] = '\n';
	assert_int_equal(conf_read(text, size, &s, &err), -OTK_INVALID_ARGUMENT);
	assert_string_equal(err.reason, "TOO_LONG");
	conf_release(OPTIONS, OPTION_COUNT, &s);
	free(text);
	assert_int_equal(
	        conf_load(OPTIONS, OPTION_COUNT, "/nowhere/at/all", &s, &err), -OTK_NOT_FOUND);
	conf_release(OPTIONS, OPTION_COUNT, &s);
	assert_int_equal(conf_load(OPTIONS, OPTION_COUNT, "/tmp", &s, &err), -OTK_NOT_FOUND);
	conf_release(OPTIONS, OPTION_COUNT, &s);
}

static void printed_settings_can_be_read_again(void **state)
{
	struct settings s;
	struct otk_error err = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	assert_int_equal(conf_defaults(OPTIONS, OPTION_COUNT, &s), 0);
	conf_print(OPTIONS, OPTION_COUNT, &s, out);
	assert_int_equal(fflush(out), 0);
	assert_non_null(strstr(text, "# Who it is.\nname = \n\n"));
	assert_non_null(strstr(text, "port = 70\n"));
	assert_non_null(strstr(text, "loud = no\n"));
	assert_int_equal(fclose(out), 0);
	conf_release(OPTIONS, OPTION_COUNT, &s);
	assert_int_equal(conf_read(text, size, &s, &err), 0);
	assert_string_equal(s.folder, "/tmp");
	s.loud = true;
	free(text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	conf_print(OPTIONS, OPTION_COUNT, &s, out);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "loud = yes\n"));
	conf_release(OPTIONS, OPTION_COUNT, &s);
	free(text);
}

static void a_default_that_does_not_fit_is_an_error_of_ours(void **state)
{
	static const struct conf_option WRONG[] = {
	        {"port", CONF_INT, offsetof(struct settings, port), "0", 1, 100, "Which."}};
	static const struct conf_option ODD[] = {{"port", (enum conf_type)9,
	        offsetof(struct settings, port), "0", 1, 100, "Which."}};
	struct settings s;
	struct otk_error err = {0};

	(void)state;
	assert_int_equal(conf_load(WRONG, 1, path, &s, &err), -OTK_INTERNAL);
	assert_int_equal(conf_defaults(ODD, 1, &s), -OTK_INTERNAL);
}

static void settings_survive_memory_running_out(void **state)
{
	static const char TEXT[] = "name = a\nfolder = b\n";

	(void)state;
	for (long n = 0; alloc_fail_next(n); n++) {
		struct settings s;
		struct otk_error err = {0};
		int rc;

		rc = conf_load(OPTIONS, OPTION_COUNT, path, &s, &err);
		if (!alloc_failed())
			assert_int_equal(rc, 0);
		else
			assert_true(rc != 0);
		conf_release(OPTIONS, OPTION_COUNT, &s);
		if (n == 0)
			continue;
		alloc_fail_at(-1);
		assert_int_equal(conf_read(TEXT, sizeof TEXT - 1, &s, &err), 0);
		conf_release(OPTIONS, OPTION_COUNT, &s);
		alloc_fail_at(n);
		rc = conf_load(OPTIONS, OPTION_COUNT, path, &s, &err);
		conf_release(OPTIONS, OPTION_COUNT, &s);
		assert_true(rc == 0 || alloc_failed());
	}
}

/* What one call of log_kv wrote. */
static const char *logged(int fd)
{
	static char text[4096];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return text;
}

static void a_log_line_is_one_line_whatever_it_holds(void **state)
{
	char name[] = "/tmp/conf_log_test.XXXXXX";
	int fd = mkstemp(name);
	const char *line;
	char big[5000];

	(void)state;
	assert_true(fd >= 0);
	log_setup(fd, LOG_INFO_LEVEL, LOG_LOGFMT, "otklikd", "api");
	log_debug("not written");
	assert_string_equal(logged(fd), "");
	log_info("two words", "plain", "x", "empty", "", "none", NULL, "odd",
	        "a\"b\\c\n\x01\x7F=");
	line = logged(fd);
	assert_non_null(strstr(line, " level=info program=otklikd role=api pid="));
	assert_non_null(strstr(line, "msg=\"two words\" plain=x empty=\"\" none=\"\" "
	                             "odd=\"a\\\"b\\\\c\\n\\u0001\\u007f=\"\n"));
	log_setup(fd, LOG_DEBUG_LEVEL, LOG_JSON, "otklikd", "");
	log_debug("m", "k", "v");
	line = logged(fd);
	assert_non_null(strstr(line, "{\"time\":\""));
	assert_null(strstr(line, "role"));
	assert_non_null(strstr(line, "\"msg\":\"m\",\"k\":\"v\"}\n"));
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	log_warn("m", "k", big);
	line = logged(fd);
	assert_true(strlen(line) <= 2048);
	assert_string_equal(line + strlen(line) - 4, "x\"}\n");
	/* full: the rest is left out, and what is there stays well-formed */
	log_warn("m", "k", big, "left", "out");
	line = logged(fd);
	assert_null(strstr(line, "left"));
	assert_string_equal(line + strlen(line) - 4, "x\"}\n");
	for (size_t i = 0; i + 1 < sizeof big; i += 2)
		memcpy(big + i, "\xD0\x9E", 2);
	big[4998] = '\0';
	for (int shift = 0; shift < 2; shift++) {
		log_warn(shift ? "m" : "mm", "k", big);
		line = logged(fd);
		assert_true(text_is_utf8(line, strlen(line)));
		assert_string_equal(line + strlen(line) - 3, "\"}\n");
	}
	log_warn("m", "k", "\xE2\x82\xAC\xF0\x9F\x98\x80", "broken", "\xFF");
	line = logged(fd);
	assert_non_null(strstr(line, "\"k\":\"\xE2\x82\xAC\xF0\x9F\x98\x80\""));
	assert_non_null(strstr(line, "\"broken\":\"\\u00ff\""));
	log_error("m");
	assert_non_null(strstr(logged(fd), "\"level\":\"error\""));
	(void)close(fd);
	(void)unlink(name);
	log_setup(-1, LOG_INFO_LEVEL, LOG_LOGFMT, "otklikd", "");
	log_info("goes nowhere");
	log_setup(STDERR_FILENO, LOG_INFO_LEVEL, LOG_LOGFMT, "otklikd", "");
}

static void levels_have_names(void **state)
{
	enum log_level level = LOG_INFO_LEVEL;

	(void)state;
	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_WARN_LEVEL);
	assert_int_equal(log_level_parse("loud", &level), -OTK_INVALID_ARGUMENT);
	assert_int_equal(level, LOG_WARN_LEVEL);
}

static int path_make(void **state)
{
	char name[] = "/tmp/conf_log_test.XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	if (fd < 0)
		return -1;
	(void)close(fd);
	(void)snprintf(path, sizeof path, "%s", name);
	return 0;
}

static int path_remove(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_file_is_read_over_the_defaults),
	        cmocka_unit_test(a_bad_file_is_told_with_its_line),
	        cmocka_unit_test(lines_and_files_are_bounded),
	        cmocka_unit_test(printed_settings_can_be_read_again),
	        cmocka_unit_test(a_default_that_does_not_fit_is_an_error_of_ours),
	        cmocka_unit_test(settings_survive_memory_running_out),
	        cmocka_unit_test(a_log_line_is_one_line_whatever_it_holds),
	        cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, path_make, path_remove);
}
