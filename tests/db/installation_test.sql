-- What guards a change of reference data and an import: epoch, names, claims.
BEGIN;
SELECT no_plan();

INSERT INTO customer (customer_id, code, name, zone) VALUES
	(1, 'acme', 'Acme', 'Europe/Moscow'), (2, 'bravo', 'Bravo', 'UTC');
INSERT INTO team (team_id, code, name) VALUES (500, 'group-7', 'Declared');
INSERT INTO principal (principal_id, kind, customer_id, code, name) VALUES
	(501, 1, 0, 'vera', 'Vera'), (502, 1, 2, 'bob', 'Bob');
SET LOCAL ROLE otklik_app;

-- The guard.
SELECT is(installation_begin(before), before + 1, 'a change starts a new epoch')
	FROM (SELECT epoch AS before FROM installation) x;
SELECT throws_ok('SELECT installation_begin((SELECT epoch - 1 FROM installation))', 'OT010',
	'reference data were changed meanwhile; try again', 'what was decided before is refused');

-- Names.
CREATE FUNCTION pg_temp.names(customer integer, kind smallint, VARIADIC given text[])
RETURNS SETOF integer LANGUAGE sql AS $$
	SELECT id FROM import_names(customer, array_fill(kind, ARRAY[cardinality(given)]), given,
		(SELECT array_agg(CASE WHEN kind > 2 THEN 'old-' ELSE '' END
			|| lower(replace(g, ' ', '-')) ORDER BY i) FROM unnest(given) WITH ORDINALITY u(g, i)),
		(SELECT array_agg('x-' || kind || customer || md5(g) ORDER BY i)
			FROM unnest(given) WITH ORDINALITY u(g, i)))
$$;
SELECT results_eq($$SELECT pg_temp.names(1, 1::smallint, 'Group 7')$$, ARRAY[500],
	'a declared team is found under its code');
SELECT isnt(a, b, 'two names with one slug are two teams') FROM
	(SELECT min(id) AS a, max(id) AS b FROM pg_temp.names(1, 1::smallint, 'Night Shift', 'night-shift') id) x;
SELECT results_eq($$SELECT pg_temp.names(1, 1::smallint, 'night-shift', 'Night Shift')$$,
	$$SELECT team_id FROM team WHERE name IN ('night-shift', 'Night Shift')
		ORDER BY name = 'Night Shift'$$, 'and stay what they were');
SELECT is((SELECT bool_and(imported) FROM team WHERE lower(name) LIKE 'night%'), true,
	'teams of an import are marked');
SELECT isnt((SELECT pg_temp.names(1, 2::smallint, '143')), (SELECT pg_temp.names(2, 2::smallint, '143')),
	'sites are apart by customer');
SELECT results_eq($$SELECT s.zone, s.imported FROM site s
		WHERE site_id = (SELECT pg_temp.names(1, 2::smallint, '143'))$$,
	$$VALUES ('Europe/Moscow', true)$$, 'a site lies in the zone of its customer');
SELECT results_eq($$SELECT pg_temp.names(1, 4::smallint, 'vera')$$, ARRAY[501],
	'a person''s own code means the person');
SELECT isnt((SELECT pg_temp.names(1, 4::smallint, 'bob')), 502, 'but not somebody of another customer');
SELECT isnt((SELECT pg_temp.names(1, 3::smallint, 'Jane')), (SELECT pg_temp.names(2, 3::smallint, 'Jane')),
	'requesters are apart by customer');
SELECT results_eq($$SELECT kind, uri IS NULL, customer_id FROM principal
		WHERE principal_id = (SELECT pg_temp.names(1, 3::smallint, 'Jane'))$$,
	$$VALUES (3::smallint, true, 1)$$, 'placeholders cannot connect');
SELECT is(before, (SELECT additions FROM installation), 'names that exist add nothing')
	FROM (SELECT additions AS before FROM installation) x,
		LATERAL (SELECT count(*) FROM pg_temp.names(1, 3::smallint, 'Jane')) y;

-- Claims.
SET LOCAL otklik.scope = '{1}';
SELECT lives_ok($$SELECT import_claim(1, 'old', ARRAY['b', 'a'], ARRAY[64, 65]::bigint[],
	ARRAY['\x01', '\x02']::bytea[])$$, 'cases are claimed');
SELECT results_eq($$SELECT ref, ticket_id FROM import_case ORDER BY ref$$,
	$$VALUES ('a', 65::bigint), ('b', 64)$$, 'each with its ticket');
SELECT throws_ok($$SELECT import_claim(1, 'old', ARRAY['c', 'a'], ARRAY[66, 67]::bigint[],
	ARRAY['\x01', '\x02']::bytea[])$$, 'OT010', 'a case was imported meanwhile; try again',
	'not twice');
SELECT lives_ok($$SELECT import_claim(1, 'new', ARRAY['a'], ARRAY[68]::bigint[],
	ARRAY['\x01']::bytea[])$$, 'another source has its own numbers');
SELECT throws_ok($$SELECT import_claim(2, 'old', ARRAY['a'], ARRAY[69]::bigint[],
	ARRAY['\x01']::bytea[])$$, 'OT007', 'cases of customer 2 are out of scope',
	'only within the scope');

SELECT * FROM finish();
ROLLBACK;
