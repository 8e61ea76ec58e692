-- Statements of the tests of the database room.

-- name: echo
SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float8, $6::text, $7::bytea,
	$8::timestamptz, $9::date, $10::uuid;

-- name: echo_arrays
SELECT $1::bool[], $2::int2[], $3::int4[], $4::int8[], $5::float8[], $6::text[], $7::bytea[],
	$8::timestamptz[], $9::date[], $10::uuid[];

-- name: echo_others
-- Types that have no builder of their own: text is read as their literal.
SELECT $1::numeric::text, $2::interval::text, $3::jsonb, $4::varchar, $5::oid, $6::name, '$7';

-- name: thing_insert
INSERT INTO thing (id, name, size) VALUES ($1, $2, $3);

-- name: thing_get
SELECT id, name, size FROM thing WHERE id = $1;

-- name: thing_all
SELECT * FROM thing ORDER BY id;

-- name: thing_refuse
SELECT thing_refuse($1);

-- name: thing_conflict
SELECT thing_conflict($1);

-- name: thing_deadlock
SELECT thing_deadlock($1, $2);

-- name: thing_save
SELECT id, outcome FROM thing_save($1, $2, $3);

-- name: thing_series
SELECT n, repeat('x', $2) FROM generate_series(1::bigint, $1) AS n;

-- name: blob_put
INSERT INTO blob (id, data) VALUES ($1, $2) RETURNING data;

-- name: sleep
SELECT pg_sleep($1);

-- name: backend
SELECT pg_backend_pid();

-- name: scope
SELECT current_setting('otklik.scope', true), pg_current_xact_id_if_assigned()::text;

-- name: drifted
SELECT no_such_column FROM thing WHERE id = $1;
