/* Time zones: names, hostile files, rules after the table, gaps and overlaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc_fail.h"
#include "base/time_text.h"
#include "base/tz_file.h"

static int64_t at(const char *text)
{
	int64_t us = 0;
	int local;

	assert_int_equal(time_parse(text, &us, &local), 0);
	return us;
}

static void local_times_follow_the_rule_of_postgresql(void **state)
{
	static const struct {
		const char *zone;
		const char *local;
		const char *utc;
	} CASES[] = {
	        {"Europe/Berlin", "2026-01-15 12:00", "2026-01-15T11:00:00Z"},
	        {"Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z"},
	        {"Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00Z"},
	        {"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z"},
	        {"Europe/Berlin", "2026-10-25 01:59", "2026-10-24T23:59:00Z"},
	        {"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T01:30:00Z"},
	        {"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z"},
	        {"Europe/Berlin", "2099-07-01 12:00", "2099-07-01T10:00:00Z"},
	        {"Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:45:00Z"},
	        {"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T15:15:00Z"},
	        {"America/Sao_Paulo", "2018-11-04 00:30", "2018-11-04T03:30:00Z"},
	        {"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T22:00:00Z"},
	        {"Asia/Kathmandu", "2026-01-01 00:00:00.5", "2025-12-31T18:15:00.5Z"},
	        {"UTC", "1970-01-01 00:00", "1970-01-01T00:00:00Z"},
	};
	char text[TIME_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		const struct tz *tz;
		const struct tz *again;

		assert_int_equal(tz_find(CASES[i].zone, &tz, NULL), 0);
		assert_int_equal(tz_find(CASES[i].zone, &again, NULL), 0);
		assert_ptr_equal(tz, again);
		assert_string_equal(tz_name(tz), CASES[i].zone);
		assert_string_equal(
		        time_format_utc(tz_from_local(tz, at(CASES[i].local)), text),
		        CASES[i].utc);
	}
}

static void instants_have_one_local_time(void **state)
{
	const struct tz *tz;
	int64_t transition = 0;

	(void)state;
	assert_int_equal(tz_find("America/New_York", &tz, NULL), 0);
	assert_int_equal(tz_offset_at(tz, at("2026-01-01T00:00:00Z")), -18000);
	assert_int_equal(tz_offset_at(tz, at("2100-07-01T00:00:00Z")), -14400);
	assert_int_equal(tz_to_local(tz, at("2026-07-01T04:00:00Z")), at("2026-07-01T00:00"));
	assert_true(tz_next_transition(tz, at("2026-01-01T00:00:00Z"), &transition));
	assert_int_equal(transition, at("2026-03-08T07:00:00Z"));
	assert_int_equal(tz_offset_at(tz, transition - 1), -18000);
	assert_int_equal(tz_offset_at(tz, transition), -14400);
	assert_true(tz_next_transition(tz, transition, &transition));
	assert_int_equal(transition, at("2026-11-01T06:00:00Z"));
	assert_int_equal(tz_find("UTC", &tz, NULL), 0);
	assert_false(tz_next_transition(tz, 0, &transition));
	assert_int_equal(tz_offset_at(tz, -1), 0);
}

static void the_fingerprint_tells_zones_apart(void **state)
{
	const struct tz *berlin;
	const struct tz *paris;
	const struct tz *utc;
	struct tz *again;

	(void)state;
	assert_int_equal(tz_find("Europe/Berlin", &berlin, NULL), 0);
	assert_int_equal(tz_find("Europe/Paris", &paris, NULL), 0);
	assert_int_equal(tz_find("UTC", &utc, NULL), 0);
	assert_int_equal(tz_load("/usr/share/zoneinfo", "Europe/Berlin", &again, NULL), 0);
	assert_true(tz_fingerprint(berlin) != tz_fingerprint(paris));
	assert_true(tz_fingerprint(berlin) != tz_fingerprint(utc));
	assert_true(tz_fingerprint(berlin) == tz_fingerprint(again));
	tz_free(again);
	tz_free(NULL);
}

static void a_zone_as_it_was_is_kept_by_its_bytes(void **state)
{
	const struct tz *berlin, *kept, *again;
	void *data, *other;
	size_t size, other_size;

	(void)state;
	assert_int_equal(tz_read("Europe/Berlin", &data, &size, NULL), 0);
	assert_int_equal(tz_read("Asia/Tokyo", &other, &other_size, NULL), 0);
	assert_int_equal(
	        tz_read("../Berlin", &other, &other_size, NULL), -OTK_INVALID_ARGUMENT);
	assert_int_equal(tz_read("Europe/Nowhere", &other, &other_size, NULL), -OTK_NOT_FOUND);
	assert_int_equal(tz_find("Europe/Berlin", &berlin, NULL), 0);
	assert_int_equal(tz_keep("Europe/Berlin", data, size, &kept), 0);
	assert_string_equal(tz_name(kept), "Europe/Berlin");
	assert_true(tz_fingerprint(kept) == tz_fingerprint(berlin));
	assert_int_equal(tz_keep("Europe/Berlin", data, size, &again), 0);
	assert_ptr_equal(kept, again);
	/* what Berlin may have been on another machine */
	assert_int_equal(tz_keep("Europe/Berlin", other, other_size, &again), 0);
	assert_ptr_not_equal(kept, again);
	assert_int_equal(tz_offset_at(again, 0), 32400);
	assert_int_equal(tz_keep("Europe/Berlin", "TZif", 4, &again), -OTK_DATA_LOSS);
	free(data);
	free(other);
}

static void newer_data_with_other_transitions_replace(void **state)
{
	static const struct {
		const char *version, *other_version;
		bool same, replaces;
	} cases[] = {
	        {"2026b", "2026a", false, true},
	        {"2026a", "2026a", false, true}, /* as patched by a distribution */
	        {"2026a", "2026b", false, false},
	        {"2025c", "2026a", false, false},
	        {"", "2026a", false, true},
	        {"2026a", "", false, true},
	        {"2026b", "2026a", true, false},
	};
	void *data, *other;
	size_t size, other_size;

	(void)state;
	assert_int_equal(tz_read("Europe/Berlin", &data, &size, NULL), 0);
	assert_int_equal(tz_read("Asia/Tokyo", &other, &other_size, NULL), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(
		        tz_replaces(data, size, cases[i].version, cases[i].same ? data : other,
		                cases[i].same ? size : other_size, cases[i].other_version),
		        cases[i].replaces);
	assert_false(tz_replaces("TZif", 4, "2026b", data, size, "2026a"));
	assert_false(tz_replaces(data, size, "2026b", "TZif", 4, "2026a"));
	free(data);
	free(other);
}

/* Writes the first line of tzdata.zi; NULL: there is none. */
static void version_of(const char *line, char out[TZ_VERSION_MAX + 1])
{
	char folder[] = "/tmp/tz_test_XXXXXX";
	char path[64];
	FILE *file;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/tzdata.zi", folder);
	if (line != NULL) {
		file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs(line, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	tz_use_folder(folder);
	tz_version(out);
	tz_use_folder(NULL);
	(void)unlink(path);
	(void)rmdir(folder);
}

static void the_edition_of_the_database_is_read(void **state)
{
	static const char *const cases[][2] = {
	        {"# version 2026a\n# more\n", "2026a"},
	        {"# version 2026a-dirty\n", "2026a"},
	        {"# version 20260000000000000000000000a\n", "202600000000000"},
	        {"R d 1916\n", ""},
	        {"", ""},
	        {NULL, ""},
	};
	char version[TZ_VERSION_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		version_of(cases[i][0], version);
		assert_string_equal(version, cases[i][1]);
	}
}

static void names_that_are_no_zones_are_refused(void **state)
{
	static const char *const BAD[] = {"", "/etc/passwd", "../../etc/passwd", "Europe/..",
	        "Europe//Berlin", "Europe/", "Europe/Ber lin", "Euröpe",
	        "A123456789B123456789C123456789D123456789E123456789F123456789G1234"};
	struct otk_error err;
	const struct tz *tz = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
		assert_int_equal(tz_find(BAD[i], &tz, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(tz_find(NULL, &tz, &err), -OTK_INVALID_ARGUMENT);
	assert_int_equal(tz_find("Europe/Atlantis", &tz, &err), -OTK_NOT_FOUND);
	assert_string_equal(err.reason, "NO_TIME_ZONE");
	assert_int_equal(tz_find("Europe", &tz, &err), -OTK_NOT_FOUND);
	assert_int_equal(tz_find("right/UTC", &tz, &err), -OTK_DATA_LOSS);
	assert_null(tz);
}

/* A file being made; offsets of the 64-bit header and what follows. */
struct file {
	unsigned char bytes[1024];
	size_t size;
};

static void put(struct file *f, const void *data, size_t size)
{
	memcpy(f->bytes + f->size, data, size);
	f->size += size;
}

static void put32(struct file *f, uint32_t value)
{
	unsigned char bytes[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
	        (unsigned char)(value >> 8), (unsigned char)value};

	put(f, bytes, 4);
}

static void put_header(struct file *f, char version, uint32_t leaps, uint32_t times,
        uint32_t types, uint32_t chars)
{
	unsigned char zero[15] = {0};

	put(f, "TZif", 4);
	put(f, &version, 1);
	put(f, zero, 15);
	put32(f, 0);
	put32(f, 0);
	put32(f, leaps);
	put32(f, times);
	put32(f, types);
	put32(f, chars);
}

/* Two types (0 and 3600 s), `times` transitions at 1000, 2000, ... alternating. */
static void file_make(struct file *f, uint32_t times, const char *footer)
{
	f->size = 0;
	put_header(f, '2', 0, 0, 0, 0);
	put_header(f, '2', 0, times, 2, 4);
	for (uint32_t i = 0; i < times; i++) {
		put32(f, 0);
		put32(f, (i + 1) * 1000);
	}
	for (uint32_t i = 0; i < times; i++)
		put(f, i % 2 == 0 ? "\1" : "\0", 1);
	put32(f, 0);
	put(f, "\0\0", 2);
	put32(f, 3600);
	put(f, "\1\0", 2);
	put(f, "UTC", 4);
	put(f, footer, strlen(footer));
}

static int file_parse(const struct file *f)
{
	struct tz *tz;
	int rc = tz_parse(f->bytes, f->size, &tz);

	if (rc == 0)
		tz_free(tz);
	return rc;
}

static void damaged_files_are_refused(void **state)
{
	enum { HEADER2 = 44, DATA = 88 };
	struct file good;
	struct file f;

	(void)state;
	file_make(&good, 3, "\nAAA0\n");
	assert_int_equal(file_parse(&good), 0);
	for (size_t size = 0; size < good.size; size++) {
		f = good;
		f.size = size;
		assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	}
	for (size_t i = 0; i < 4; i++) { /* both magics, the version */
		f = good;
		f.bytes[HEADER2 + i] = 'x';
		assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	}
	f = good;
	f.bytes[4] = '\0';
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	for (size_t i = 20; i < 44; i += 4) { /* every count, far too great */
		f = good;
		f.bytes[HEADER2 + i] = 0x7F;
		assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	}
	f = good;
	f.bytes[DATA + 24] = 2; /* a type that is not there */
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	f = good;
	f.bytes[DATA + 15] = 0; /* the second transition not after the first */
	f.bytes[DATA + 14] = 0;
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	f = good;
	f.bytes[DATA + 27] = 0x7F; /* an offset of thousands of days */
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	f.bytes[DATA + 27] = 0x80;
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	f.size = 0;
	put_header(&f, '2', 0, 0, 0, 0);
	put_header(&f, '2', 0, 0, 0, 0); /* no type at all */
	put(&f, "\n\n", 2);
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	file_make(&f, 1, "no newline\n");
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	file_make(&f, 1, "\nAAA0");
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	file_make(&f, 1, "\n?\n");
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	file_make(&f, 1,
	        "\n<AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA>0\n");
	assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
}

static void a_footer_may_be_missing_or_fixed(void **state)
{
	struct file f;
	struct tz *tz;

	(void)state;
	file_make(&f, 3, "\n\n");
	assert_int_equal(tz_parse(f.bytes, f.size, &tz), 0);
	assert_int_equal(tz->count, 3);
	assert_int_equal(tz_offset_at(tz, 0), 0);
	assert_int_equal(tz_offset_at(tz, at("2100-01-01T00:00:00Z")), 3600);
	tz_free(tz);
	file_make(&f, 0, "\n<+05>-5\n"); /* no table: the footer holds */
	assert_int_equal(tz_parse(f.bytes, f.size, &tz), 0);
	assert_int_equal(tz_offset_at(tz, 0), 18000);
	tz_free(tz);
	/* trailing transitions that change nothing are dropped, as PostgreSQL does */
	file_make(&f, 3, "\n\n");
	f.bytes[88 + 24 + 1] = 1;
	assert_int_equal(tz_parse(f.bytes, f.size, &tz), 0);
	assert_int_equal(tz->count, 1);
	tz_free(tz);
}

static void the_footer_speaks_for_later_years(void **state)
{
	static const struct {
		const char *footer;
		const char *when;
		int32_t offset;
	} CASES[] = {
	        {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2077-03-28T00:59:59Z", 3600},
	        {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2077-03-28T01:00:00Z", 7200},
	        {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2077-10-31T00:59:59Z", 7200},
	        {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2077-10-31T01:00:00Z", 3600},
	        {"\nNZST-12NZDT,M9.5.0,M4.1.0/3\n", "2077-01-01T00:00:00Z", 46800},
	        {"\n<-03>3<-02>,J60/0,J300/0\n", "2076-03-01T02:59:59Z", -10800},
	        {"\n<-03>3<-02>,J60/0,J300/0\n", "2076-03-01T03:00:00Z", -7200},
	        {"\nAAA0BBB-0:20:30,59/-1,300/26:00:05\n", "2075-02-28T22:59:59Z", 0},
	        {"\nAAA0BBB-0:20:30,59/-1,300/26:00:05\n", "2075-02-28T23:00:00Z", 1230},
	        {"\nAAA0BBB-0:20:30,59/-1,300/26:00:05\n", "2075-10-29T01:39:34Z", 1230},
	        {"\nAAA0BBB-0:20:30,59/-1,300/26:00:05\n", "2075-10-29T01:39:35Z", 0},
	        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2077-01-01T00:00:00Z", 0},
	        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2077-07-01T00:00:00Z", 3600},
	        {"\nXXX3EDT4,0/0,J365/23\n", "2077-01-01T03:00:00Z", -14400},
	        {"\nAAA0BBB,M12.5.0,M1.1.0\n", "2077-12-31T00:00:00Z", 3600},
	};
	static const char *const BAD[] = {"\nAA0\n", "\n<+05\n", "\nAAA\n", "\nAAA25\n",
	        "\nAAA0:60\n", "\nAAA0:1:60\n", "\nAAA0BB\n", "\nAAA0BBB\n", "\nAAA0BBB25\n",
	        "\nAAA0BBB-1:x,J1,J2\n", "\nAAA0BBB,J0,J2\n", "\nAAA0BBB,J1,J366\n",
	        "\nAAA0BBB,366,J2\n", "\nAAA0BBB,x,J2\n", "\nAAA0BBB,M13.1.0,J2\n",
	        "\nAAA0BBB,M1,J2\n", "\nAAA0BBB,M1.6.0,J2\n", "\nAAA0BBB,M1.1,J2\n",
	        "\nAAA0BBB,M1.1.7,J2\n", "\nAAA0BBB,J1/168,J2\n", "\nAAA0BBB,J1,J2x\n",
	        "\nAAA0BBB,J1\n", "\nAAA0BBB,J1234,J2\n"};
	struct file f;
	struct tz *tz;

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		file_make(&f, 0, CASES[i].footer);
		assert_int_equal(tz_parse(f.bytes, f.size, &tz), 0);
		assert_int_equal(tz_offset_at(tz, at(CASES[i].when)), CASES[i].offset);
		tz_free(tz);
	}
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		file_make(&f, 0, BAD[i]);
		assert_int_equal(file_parse(&f), -OTK_DATA_LOSS);
	}
}

static void another_folder_can_be_used(void **state)
{
	char folder[] = "/tmp/tz_test.XXXXXX";
	char long_folder[600];
	char path[64];
	const struct tz *tz;
	struct tz *loaded;
	struct file f;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/Mine", folder);
	file_make(&f, 0, "\nAAA-7\n");
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(f.bytes, 1, f.size, file), f.size);
	assert_int_equal(fclose(file), 0);
	tz_forget_all();
	tz_use_folder(folder);
	assert_int_equal(tz_find("Mine", &tz, NULL), 0);
	assert_int_equal(tz_offset_at(tz, 0), 25200);
	assert_int_equal(tz_find("UTC", &tz, NULL), -OTK_NOT_FOUND);
	/* a file without end is bounded */
	assert_int_equal(truncate(path, 300000), 0);
	assert_int_equal(tz_load(folder, "Mine", &loaded, NULL), -OTK_NOT_FOUND);
	memset(long_folder, 'x', sizeof long_folder - 1);
	long_folder[sizeof long_folder - 1] = '\0';
	assert_int_equal(tz_load(long_folder, "Mine", &loaded, NULL), -OTK_NOT_FOUND);
	tz_forget_all();
	tz_use_folder(NULL);
	assert_int_equal(tz_find("UTC", &tz, NULL), 0);
	(void)unlink(path);
	(void)rmdir(folder);
}

static void zones_survive_memory_running_out(void **state)
{
	(void)state;
	for (long n = 0; alloc_fail_next(n); n++) {
		const struct tz *tz;
		struct otk_error err = {0};
		int rc;

		tz_forget_all();
		rc = tz_find("Europe/Berlin", &tz, &err);
		assert_int_equal(rc, alloc_failed() ? -OTK_RESOURCE_EXHAUSTED : 0);
	}
	tz_forget_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(local_times_follow_the_rule_of_postgresql),
	        cmocka_unit_test(instants_have_one_local_time),
	        cmocka_unit_test(the_fingerprint_tells_zones_apart),
	        cmocka_unit_test(a_zone_as_it_was_is_kept_by_its_bytes),
	        cmocka_unit_test(newer_data_with_other_transitions_replace),
	        cmocka_unit_test(the_edition_of_the_database_is_read),
	        cmocka_unit_test(names_that_are_no_zones_are_refused),
	        cmocka_unit_test(damaged_files_are_refused),
	        cmocka_unit_test(a_footer_may_be_missing_or_fixed),
	        cmocka_unit_test(the_footer_speaks_for_later_years),
	        cmocka_unit_test(another_folder_can_be_used),
	        cmocka_unit_test(zones_survive_memory_running_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
