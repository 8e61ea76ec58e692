-- What holds for every table, checked against the catalogue: classes, keys, row security,
-- privileges. A new table needs no change here.
BEGIN;
SELECT no_plan();

CREATE TEMP VIEW tables AS
	SELECT c.oid, c.relname AS name, c.relrowsecurity, c.relforcerowsecurity, c.relowner,
		substring(obj_description(c.oid, 'pg_class') FROM '^class: (\w+)') AS class
	FROM pg_class c
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
		AND NOT c.relispartition
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e');

SELECT isnt_empty('SELECT FROM tables', 'there are tables');
SELECT is_empty(
	$$SELECT name FROM tables WHERE class IS NULL
		OR class NOT IN ('tenant', 'reference', 'coordinator')$$,
	'the comment of every table starts with its class');

-- Keys: the same schema distributes by customer.
SELECT is_empty(
	$$SELECT name FROM tables t WHERE NOT EXISTS (
		SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)$$,
	'every table has a primary key');
SELECT is_empty(
	$$SELECT t.name, i.indexrelid::regclass FROM tables t JOIN pg_index i ON i.indrelid = t.oid
		WHERE t.class = 'tenant' AND (i.indisunique OR i.indisprimary)
		AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid
			AND a.attnum = i.indkey[0] AND a.attname = 'customer_id')$$,
	'customer_id leads every primary and unique key of a tenant table');
SELECT is_empty(
	$$SELECT t.name FROM tables t WHERE t.class = 'tenant' AND NOT EXISTS (
		SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'customer_id'
			AND a.attnotnull AND a.atttypid = 'integer'::regtype)$$,
	'customer_id of a tenant table is an integer and never NULL');
SELECT is_empty(
	$$SELECT t.name, k.conname FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid
		JOIN tables target ON target.oid = k.confrelid
		JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.conkey[1]
		WHERE k.contype = 'f' AND t.class = 'tenant' AND target.class = 'tenant'
		AND a.attname <> 'customer_id'$$,
	'customer_id leads every foreign key between tenant tables');
SELECT is_empty(
	$$SELECT t.name, k.conname FROM tables t JOIN pg_constraint k ON k.confrelid = t.oid
		OR k.conrelid = t.oid
		WHERE k.contype = 'f' AND t.class = 'tenant' AND k.confdeltype <> 'a'$$,
	'nothing cascades into a tenant table');

-- The second wall.
SELECT is_empty(
	$$SELECT name FROM tables
		WHERE class = 'tenant' AND NOT (relrowsecurity AND relforcerowsecurity)$$,
	'row-level security is forced on every tenant table');
SELECT is_empty(
	$$SELECT name FROM tables t WHERE class = 'tenant' AND NOT EXISTS (
		SELECT FROM pg_policy p WHERE p.polrelid = t.oid
			AND 'otklik_app'::regrole = ANY (p.polroles)
			AND pg_get_expr(p.polqual, p.polrelid) LIKE '%otklik_scope%')$$,
	'the application sees a tenant table through its scope');
SELECT is_empty(
	$$SELECT t.name, p.polname FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
		WHERE 0 = ANY (p.polroles)$$,
	'no policy is for everybody');
SELECT is_empty(
	$$SELECT name FROM tables WHERE relowner = 'otklik_app'::regrole UNION
		SELECT proname FROM pg_proc WHERE proowner = 'otklik_app'::regrole UNION
		SELECT nspname FROM pg_namespace WHERE nspowner = 'otklik_app'::regrole$$,
	'the application owns nothing');
SELECT is_empty(
	$$SELECT rolname FROM pg_roles WHERE rolname = 'otklik_app'
		AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)$$,
	'the application has no power of its own');
SELECT is_empty(
	$$SELECT roleid::regrole FROM pg_auth_members WHERE member = 'otklik_app'::regrole$$,
	'the application is a member of nothing');
SELECT is_empty(
	$$SELECT r, t, p FROM unnest(ARRAY['otklik_app', 'otklik_batch']) r,
		unnest(ARRAY['event', 'event_content']) t, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) p
		WHERE has_table_privilege(r, t, p)
		UNION ALL SELECT r, t, 'UPDATE' FROM unnest(ARRAY['otklik_app', 'otklik_batch']) r,
		unnest(ARRAY['event', 'event_content']) t WHERE has_any_column_privilege(r, t, 'UPDATE')$$,
	'neither the application nor its batches can change or delete the journal');
SELECT is_empty(
	$$SELECT name FROM tables WHERE has_table_privilege('otklik_app', oid, 'TRUNCATE')$$,
	'the application truncates nothing');
SELECT is_empty(
	$$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		AND prosecdef AND NOT EXISTS (
			SELECT FROM unnest(proconfig) s WHERE s LIKE 'search\_path=%')$$,
	'every SECURITY DEFINER function has a fixed search_path');
SELECT is_empty(
	$$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		AND prosecdef AND has_function_privilege('public', oid, 'EXECUTE')$$,
	'no SECURITY DEFINER function is for everybody');
SELECT is_empty(
	$$SELECT has_schema_privilege('otklik_app', 'public', 'CREATE') AS can
		WHERE has_schema_privilege('otklik_app', 'public', 'CREATE')$$,
	'the application creates nothing');

-- Types.
SELECT is_empty(
	$$SELECT t.name, a.attname FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid
		WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('timestamp'::regtype,
			'timetz'::regtype, 'interval'::regtype, 'money'::regtype, 'char(1)'::regtype)$$,
	'instants are timestamptz, durations bigint');

-- The walls stand up to a push.
INSERT INTO event (customer_id, ticket_id, seq, kind, side, is_public, occurred_at, recorded_at)
	SELECT c, 1, 1, 1, 1, true, 'epoch', 'epoch' FROM generate_series(1, 3) c;
SET LOCAL ROLE otklik_app;
SELECT is((SELECT count(*) FROM event), 0::bigint, 'without a scope nothing is seen');
SET LOCAL otklik.scope = '{1,3}';
SELECT is((SELECT array_agg(customer_id ORDER BY 1) FROM event), '{1,3}',
	'a scope shows its customers');
SET LOCAL otklik.scope = '*';
SELECT is((SELECT count(*) FROM event), 3::bigint, 'the whole scope shows all');
SELECT throws_ok('UPDATE event SET seq = 2', '42501', NULL, 'the journal refuses UPDATE');
SELECT throws_ok('DELETE FROM event', '42501', NULL, 'the journal refuses DELETE');
SELECT throws_ok('TRUNCATE event', '42501', NULL, 'the journal refuses TRUNCATE');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
