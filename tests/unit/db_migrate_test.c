/* The migration runner against a real server, and the splitter it uses. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/migrate.h"
#include "db/migrate_split.h"
#include "db_fixture.h"
#include "sql/statements.h"

#define FILE_OF(n, name, sql)                                                                  \
	{                                                                                      \
		n, name, sql, sizeof sql - 1                                                   \
	}

static struct otk_error err;
static char conninfo[160];

static int test_setup(void **state)
{
	(void)state;
	fixture_sql("DROP DATABASE IF EXISTS fresh");
	fixture_sql("CREATE DATABASE fresh");
	snprintf(conninfo, sizeof conninfo, "%.*s dbname=fresh",
	        (int)(strstr(fixture_conninfo(), " dbname") - fixture_conninfo()),
	        fixture_conninfo());
	error_clear(&err);
	return 0;
}

static const char *value(const char *sql)
{
	static char out[256];
	PGconn *pg = PQconnectdb(conninfo);
	PGresult *result = PQexec(pg, sql);

	snprintf(out, sizeof out, "%s",
	        PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : PQerrorMessage(pg));
	PQclear(result);
	PQfinish(pg);
	return out;
}

static int migrate(const struct migration *list, size_t count)
{
	struct db_migrate_options options = {.conninfo = conninfo,
	        .list = list,
	        .count = count,
	        .attempts = 2,
	        .lock_timeout_ms = 50};

	error_clear(&err);
	return db_migrate(&options, &err);
}

static void missing_ones_are_applied_once_and_in_order(void **state)
{
	static const struct migration list[] = {
	        FILE_OF(1, "0001_create_role",
	                "CREATE TABLE a (x int);\nSET LOCAL ROLE pg_monitor;"),
	        FILE_OF(2, "0002_fill_a", "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)"),
	        FILE_OF(4, "0004_fill_a", "UPDATE a SET x = x + 10"),
	};
	char *text = NULL;
	size_t size = 0;
	struct db_migrate_options options = {.conninfo = conninfo,
	        .list = list,
	        .count = 3,
	        .progress = open_memstream(&text, &size),
	        .last = 2};
	int version = -1;

	(void)state;
	assert_int_equal(db_schema_version(conninfo, &version, &err), 0);
	assert_int_equal(version, 0);
	assert_int_equal(db_migrate(&options, &err), 0);
	assert_int_equal(db_schema_version(conninfo, &version, &err), 0);
	assert_int_equal(version, 2);
	options.last = 0;
	assert_int_equal(db_migrate(&options, &err), 0);
	assert_int_equal(db_migrate(&options, &err), 0);
	fclose(options.progress);
	assert_string_equal(text,
	        "0001_create_role: applied\n0002_fill_a: applied\n0004_fill_a: applied\n");
	free(text);
	assert_string_equal(
	        value("SELECT string_agg(x::text, ',' ORDER BY x) FROM a"), "11,12");
	assert_string_equal(value("SELECT sha256 FROM schema_migration WHERE number = 4"),
	        value("SELECT encode(sha256('UPDATE a SET x = x + 10'), 'hex')"));
	assert_int_equal(db_schema_check(conninfo, 4, 4, &err), 0);
	assert_int_equal(db_schema_check(conninfo, 5, 6, &err), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "SCHEMA_TOO_OLD");
	assert_int_equal(db_schema_check(conninfo, 1, 3, &err), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "SCHEMA_TOO_NEW");
}

static void a_changed_file_is_refused(void **state)
{
	static const struct migration before[] = {
	        FILE_OF(1, "0001_make_a", "CREATE TABLE a ()")};
	static const struct migration after[] = {
	        FILE_OF(1, "0001_make_a", "CREATE TABLE b ()")};

	(void)state;
	assert_int_equal(migrate(before, 1), 0);
	assert_int_equal(migrate(after, 1), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "MIGRATION_CHANGED");
	assert_int_equal(migrate(before, 0), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "MIGRATION_UNKNOWN");
}

static void one_that_was_left_out_is_refused(void **state)
{
	static const struct migration whole[] = {FILE_OF(1, "0001_make_a", "CREATE TABLE a ()"),
	        FILE_OF(2, "0002_make_b", "CREATE TABLE b ()"),
	        FILE_OF(3, "0003_make_c", "CREATE TABLE c ()")};
	const struct migration holed[] = {whole[0], whole[2]};

	(void)state;
	assert_int_equal(migrate(holed, 2), 0);
	assert_int_equal(migrate(whole, 3), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "MIGRATION_MISSING");
	assert_non_null(strstr(err.message, "0003 and not 0002_make_b"));
	assert_string_equal(value("SELECT count(*) FROM schema_migration"), "2");
}

static void a_failure_leaves_nothing_and_names_the_line(void **state)
{
	static const struct migration list[] = {
	        FILE_OF(1, "0001_make_a", "CREATE TABLE a (x int)"),
	        FILE_OF(2, "0002_break", "CREATE TABLE b ();\n-- тест\nSELECT нет FROM a;\n"),
	};
	static const struct migration data[] = {
	        list[0],
	        FILE_OF(2, "0002_refuse",
	                "INSERT INTO a VALUES (1);"
	                "ALTER TABLE a ADD CHECK (x > 1)"),
	};
	static const struct migration commits[] = {
	        list[0], FILE_OF(2, "0002_commit", "CREATE TABLE b (); COMMIT;")};

	(void)state;
	assert_int_equal(migrate(list, 2), -OTK_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "MIGRATION_FAILED");
	assert_non_null(strstr(err.message, "0002_break.sql:3: "));
	assert_string_equal(value("SELECT to_regclass('b') IS NULL"), "t");
	assert_string_equal(value("SELECT max(number) FROM schema_migration"), "1");
	assert_int_equal(migrate(data, 2), -OTK_FAILED_PRECONDITION);
	assert_non_null(strstr(err.message, "0002_refuse.sql: "));
	assert_int_equal(migrate(commits, 2), -OTK_FAILED_PRECONDITION);
	assert_non_null(strstr(err.message, "-- no-transaction"));
}

static void a_marked_file_runs_outside_of_a_transaction(void **state)
{
	static const struct migration list[] = {
	        FILE_OF(1, "0001_make_a", "CREATE TABLE a (x int)"),
	        FILE_OF(2, "0002_index_a",
	                "-- no-transaction\nDROP INDEX IF EXISTS i;\n"
	                "CREATE INDEX CONCURRENTLY i ON a (x);\n"
	                "DO $$ BEGIN PERFORM 1; END $$;\n"),
	        FILE_OF(3, "0003_break", "-- no-transaction\nSELECT 1;\nSELECT\n nothing;\n"),
	};

	(void)state;
	assert_int_equal(migrate(list, 2), 0);
	assert_string_equal(
	        value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
	assert_int_equal(migrate(list, 3), -OTK_FAILED_PRECONDITION);
	assert_non_null(strstr(err.message, "0003_break.sql:4: "));
}

static void locks_of_others_are_waited_for_but_not_for_ever(void **state)
{
	static const struct migration list[] = {
	        FILE_OF(1, "0001_make_a", "CREATE TABLE a (x int)"),
	        FILE_OF(2, "0002_alter_a", "ALTER TABLE a ADD COLUMN y int"),
	};
	PGconn *pg;

	(void)state;
	assert_int_equal(migrate(list, 1), 0);
	pg = PQconnectdb(conninfo);
	PQclear(PQexec(pg, "BEGIN"));
	PQclear(PQexec(pg, "LOCK TABLE a"));
	assert_int_equal(migrate(list, 2), -OTK_UNAVAILABLE);
	assert_string_equal(err.reason, "MIGRATION_LOCKED");
	PQfinish(pg);
	assert_int_equal(migrate(list, 2), 0);
}

static void *migrate_too(void *arg)
{
	static const struct migration list[] = {
	        FILE_OF(1, "0001_make_a", "CREATE TABLE a (x int); SELECT pg_sleep(0.1)"),
	        FILE_OF(2, "0002_make_b", "CREATE TABLE b (x int)"),
	};
	struct db_migrate_options options = {.conninfo = conninfo,
	        .list = list,
	        .count = 2,
	        .progress = fopen("/dev/null", "w")};

	*(int *)arg = db_migrate(&options, NULL);
	fclose(options.progress);
	return NULL;
}

static void several_may_start_at_once(void **state)
{
	pthread_t threads[3];
	int results[3] = {1, 1, 1};

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, migrate_too, &results[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(results[i], 0);
	assert_string_equal(value("SELECT count(*) FROM schema_migration"), "2");
}

static void without_a_server_it_says_so(void **state)
{
	struct db_migrate_options options = {.conninfo = "host=/nowhere"};
	int version;

	(void)state;
	assert_int_equal(db_migrate(&options, &err), -OTK_UNAVAILABLE);
	assert_int_equal(db_schema_version("host=/nowhere", &version, &err), -OTK_UNAVAILABLE);
	assert_int_equal(db_schema_check("host=/nowhere", 1, 2, &err), -OTK_UNAVAILABLE);
	assert_string_equal(err.reason, "DB_DOWN");
}

static void our_own_migrations_apply_to_an_empty_database(void **state)
{
	(void)state;
	if (migrate(migrations, migration_count) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(migrate(migrations, migration_count), 0);
}

static void note_ready(void *context)
{
	++*(int *)context;
}

/* The log names each statement that does not fit. */
static void our_own_statements_fit_our_schema(void **state)
{
	struct db_pool_options options = {.conninfo = conninfo,
	        .statements = sql_statements,
	        .statement_count = SQL_STATEMENT_COUNT,
	        .connections = 1};
	struct loop *loop = loop_new();
	struct db_pool_stats stats;
	struct db_pool *pool;
	int ready = 0;

	(void)state;
	if (migrate(migrations, migration_count) < 0)
		fail_msg("%s", err.message);
	pool = db_pool_new(loop, &options, &err);
	db_pool_on_ready(pool, note_ready, &ready);
	assert_true(fixture_wait(loop, &ready, 1, 10000));
	db_pool_stats(pool, &stats);
	db_pool_free(pool);
	loop_free(loop);
	assert_int_equal(stats.drifted, 0);
	fixture_sql("DROP DATABASE fresh");
}

static const struct {
	const char *text;
	const char *parts[4];
} splits[] = {
        {"", {NULL}},
        {" ;; -- nothing\n /* ; /* nested ; */ */ ;", {NULL}},
        {"a; b", {"a", "b"}},
        {"a 'x;''y;' b; c", {"a 'x;''y;' b", "c"}},
        {"a E'x\\';' b; c", {"a E'x\\';' b", "c"}},
        {"a \"x;\"\"y\" b; c", {"a \"x;\"\"y\" b", "c"}},
        {"do $$ a; b $$; c", {"do $$ a; b $$", "c"}},
        {"do $t$ a; $$; $t$; c", {"do $t$ a; $$; $t$", "c"}},
        {"a $1; b$x; c", {"a $1", "b$x", "c"}},
        {"a -- x; y\n b; c", {"a -- x; y\n b", "c"}},
        {"a /* ; */ b; 'open ;", {"a /* ; */ b", "'open ;"}},
        {"$$ open ;", {"$$ open ;"}},
        {"a $ b; c", {"a $ b", "c"}},
        {"a /* open ;", {"a /* open ;"}},
};

static void statements_are_cut_as_postgresql_would(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
		size_t at = 0, length, part = 0;
		const char *statement;

		while (migrate_split(splits[i].text, &at, &statement, &length)) {
			const char *wanted = splits[i].parts[part++];

			if (wanted == NULL || strlen(wanted) != length ||
			        strncmp(wanted, statement, length) != 0)
				fail_msg("%s: part %zu is %.*s", splits[i].text, part,
				        (int)length, statement);
		}
		assert_null(splits[i].parts[part]);
	}
}

static void the_marker_is_a_line_of_its_own(void **state)
{
	(void)state;
	assert_true(migrate_is_bare("-- no-transaction\nx"));
	assert_true(migrate_is_bare("x\n-- no-transaction\r\n"));
	assert_true(migrate_is_bare("-- no-transaction"));
	assert_false(migrate_is_bare("x -- no-transaction\n"));
	assert_false(migrate_is_bare("-- no-transactions\n"));
	assert_false(migrate_is_bare(""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, test_setup)
	const struct CMUnitTest tests[] = {
	        TEST(missing_ones_are_applied_once_and_in_order),
	        TEST(a_changed_file_is_refused),
	        TEST(one_that_was_left_out_is_refused),
	        TEST(a_failure_leaves_nothing_and_names_the_line),
	        TEST(a_marked_file_runs_outside_of_a_transaction),
	        TEST(locks_of_others_are_waited_for_but_not_for_ever),
	        TEST(several_may_start_at_once),
	        TEST(without_a_server_it_says_so),
	        TEST(our_own_migrations_apply_to_an_empty_database),
	        TEST(our_own_statements_fit_our_schema),
	        cmocka_unit_test(statements_are_cut_as_postgresql_would),
	        cmocka_unit_test(the_marker_is_a_line_of_its_own),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
