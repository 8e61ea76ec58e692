/* See db_fixture.h. */
#include "db_fixture.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "db_test_statements.h"

static char directory[64];
static char conninfo[128];

static const char tables[] =
        "CREATE TABLE thing (id bigint PRIMARY KEY, name text, size int NOT NULL DEFAULT 0"
        " CHECK (size < 1000), lane int);"
        "CREATE TABLE blob (id bigint PRIMARY KEY, data bytea);"
        "CREATE FUNCTION thing_deadlock(a bigint, b bigint) RETURNS void LANGUAGE plpgsql AS $$"
        "BEGIN UPDATE thing SET size = size + 1 WHERE id = a; PERFORM pg_sleep(0.2);"
        " UPDATE thing SET size = size + 1 WHERE id = b; END $$;"
        "CREATE FUNCTION thing_refuse(code text) RETURNS void LANGUAGE plpgsql AS $$"
        "BEGIN RAISE EXCEPTION 'no %', code USING ERRCODE = code, DETAIL = 'THING_REFUSED';"
        " END $$;"
        "CREATE SEQUENCE tries;"
        "CREATE FUNCTION thing_conflict(times bigint) RETURNS bigint LANGUAGE plpgsql AS $$"
        "BEGIN IF nextval('tries') <= times THEN RAISE EXCEPTION 'conflict'"
        " USING ERRCODE = '40001'; END IF; RETURN times; END $$;"
        "CREATE FUNCTION thing_save(ids bigint[], names text[], sizes int[]) RETURNS"
        " TABLE (id bigint, outcome text) LANGUAGE plpgsql AS $$"
        "BEGIN IF -7 = ANY (sizes) THEN RAISE EXCEPTION 'moved' USING ERRCODE = 'OT010';"
        " END IF; RETURN QUERY WITH want AS (SELECT * FROM unnest(ids, names, sizes)"
        " WITH ORDINALITY AS u(i, n, s, o)), got AS (INSERT INTO thing (id, name, size)"
        " SELECT i, n, s FROM want ORDER BY i ON CONFLICT DO NOTHING RETURNING thing.id)"
        " SELECT w.i, CASE WHEN g.id IS NULL THEN 'duplicate' ELSE 'created' END"
        " FROM want w LEFT JOIN got g ON g.id = w.i ORDER BY w.o; END $$;";

static int run_cluster(const char *command, const char *options)
{
	char line[512];
	int status;

	snprintf(line, sizeof line, "%s/deploy/pg_cluster %s %s/pg %s", OTKLIK_SOURCE_DIR,
	        command, directory, options);
	status = system(line); /* NOLINT: our own words */
	if (status != 0)
		fprintf(stderr, "failed: %s\n", line);
	return status;
}

void fixture_cluster(const char *command)
{
	assert_int_equal(run_cluster(command, ""), 0);
}

int fixture_setup(void **state)
{
	/* The runner removes its folder even after a kill. */
	const char *parent = getenv("OTKLIK_TEST_DIR");
	char options[256];

	(void)state;
	snprintf(directory, sizeof directory, "%s/otk-db-XXXXXX",
	        parent == NULL ? "/tmp" : parent);
	if (mkdtemp(directory) == NULL || chmod(directory, 0711) != 0)
		return -1;
	snprintf(options, sizeof options,
	        "--fsync off --template %s/build/pg-template --set deadlock_timeout=100ms",
	        OTKLIK_SOURCE_DIR);
	if (run_cluster("create", options) != 0 || run_cluster("start", "") != 0)
		return -1;
	snprintf(conninfo, sizeof conninfo, "host=%s/pg/sock user=postgres dbname=postgres",
	        directory);
	fixture_sql(tables);
	return 0;
}

int fixture_teardown(void **state)
{
	char line[128];

	(void)state;
	run_cluster("destroy", "");
	snprintf(line, sizeof line, "rm -rf %s", directory);
	return system(line); /* NOLINT: our own words */
}

const char *fixture_conninfo(void)
{
	return conninfo;
}

static PGresult *run_sql(const char *sql, PGconn **pg)
{
	PGresult *result;
	ExecStatusType status;

	*pg = PQconnectdb(conninfo);
	result = PQexec(*pg, sql);
	status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(*pg));
	return result;
}

void fixture_sql(const char *sql)
{
	PGconn *pg;

	PQclear(run_sql(sql, &pg));
	PQfinish(pg);
}

const char *fixture_value(const char *sql)
{
	static char value[256];
	PGconn *pg;
	PGresult *result = run_sql(sql, &pg);

	snprintf(value, sizeof value, "%s",
	        PQntuples(result) == 0 ? "" : PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(pg);
	return value;
}

static void tick(void *arg)
{
	(void)arg;
}

bool fixture_wait(struct loop *loop, const int *flag, int wanted, int ms)
{
	struct loop_timer *timer = loop_timer_new(loop, tick, NULL);
	int64_t until = clock_monotonic() + (int64_t)ms * 1000;

	while (*flag < wanted && clock_monotonic() < until) {
		loop_timer_set(timer, 10000);
		loop_turn(loop, true);
	}
	loop_timer_free(timer);
	return *flag >= wanted;
}

void fixture_idle(struct loop *loop, int ms)
{
	int never = 0;

	fixture_wait(loop, &never, 1, ms);
}

static void note_ready(void *context)
{
	++*(int *)context;
}

struct db_pool *fixture_pool(struct loop *loop, const struct db_pool_options *options)
{
	struct db_pool_options all = options == NULL ? (struct db_pool_options){0} : *options;
	struct otk_error err = {0};
	struct db_pool *pool;
	int ready = 0;

	if (all.conninfo == NULL)
		all.conninfo = conninfo;
	all.statements = db_test_statements;
	all.statement_count = DB_TEST_STATEMENT_COUNT;
	pool = db_pool_new(loop, &all, &err);
	if (pool == NULL)
		fail_msg("no pool: %s", err.message);
	db_pool_on_ready(pool, note_ready, &ready);
	assert_true(fixture_wait(loop, &ready, 1, 10000));
	return pool;
}

void answer_done(void *context, struct db_unit *unit)
{
	struct answer *answer = context;

	answer->done++;
	answer->unit = unit;
}

enum otk_status fixture_run(struct loop *loop, struct db_pool *pool, struct db_unit *unit)
{
	struct answer answer = {0};

	db_pool_submit(pool, unit, 10000, answer_done, &answer);
	assert_int_equal(answer.done, 0);
	assert_true(fixture_wait(loop, &answer.done, 1, 12000));
	assert_int_equal(answer.done, 1);
	assert_ptr_equal(answer.unit, unit);
	return db_unit_error(unit)->code;
}
