-- report_mark and report_save: each number of a queue once, in order, or nothing at all.
BEGIN;
SELECT no_plan();

INSERT INTO customer (customer_id, code, name, zone) VALUES (7, 'acme', 'Acme', 'UTC');
INSERT INTO principal (principal_id, kind, customer_id, code, name) VALUES (70, 2, 7, 'a', 'A');

-- What the server says in short: customer, agent, queue and lane are always the same.
CREATE FUNCTION pg_temp.take(old_mark bigint, kinds smallint[], before bigint DEFAULT NULL,
	counter bigint DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT report_save(7, 70, '11111111-1111-1111-1111-111111111111', 1::smallint, old_mark, 9, '2026-03-02',
		kinds, array_fill(6::smallint, ARRAY[cardinality(kinds)]), '{}', '{}', '{}', '{}', '{}', '{}',
		'{}', array_fill('2026-03-01'::timestamptz, ARRAY[cardinality(kinds)]),
		array_fill(0::bigint, ARRAY[cardinality(kinds)]), '{}',
		CASE WHEN counter IS NULL THEN '{}' ELSE ARRAY['web'] END,
		CASE WHEN counter IS NULL THEN '{}' ELSE ARRAY['http'] END,
		CASE WHEN counter IS NULL THEN '{}' ELSE ARRAY[before] END,
		CASE WHEN counter IS NULL THEN '{}' ELSE ARRAY[counter] END,
		CASE WHEN counter IS NULL THEN '{}' ELSE ARRAY[3::smallint] END,
		CASE WHEN counter IS NULL THEN '{}' ELSE ARRAY['2026-03-02'::timestamptz] END,
		CASE WHEN counter IS NULL THEN '{}' ELSE ARRAY[NULL::bigint] END)
$$;
CREATE FUNCTION pg_temp.announce(queue uuid, head bigint) RETURNS text LANGUAGE sql AS $$
	SELECT mark || ' ' || coalesce(quarantined, 'fine')
		FROM report_mark(7, 70, queue, 1::smallint, head, '2026-03-02')
$$;

SET LOCAL otklik.scope = '{7}';
SET LOCAL ROLE otklik_app;

SELECT throws_ok($$SELECT pg_temp.take(0, '{2}')$$, 'OT010', NULL, 'a queue announces itself first');
SELECT is(pg_temp.announce('11111111-1111-1111-1111-111111111111', 3), '0 fine', 'a new queue starts at 0');
SELECT is(pg_temp.take(0, '{2,1}', NULL, 5), 2::bigint, 'two reports move the mark by two');
SELECT results_eq('SELECT seq, kind FROM report ORDER BY seq', 'VALUES (1::bigint, 2::smallint), (2, 1::smallint)',
	'and are kept');
SELECT throws_ok($$SELECT pg_temp.take(0, '{2}')$$, 'OT010', NULL, 'the same again is refused');
SELECT throws_ok($$SELECT pg_temp.take(3, '{2}')$$, 'OT010', NULL, 'so is what lies beyond the mark');
SELECT throws_ok($$SELECT pg_temp.take(2, '{1}', NULL, 6)$$, 'OT010', NULL,
	'a check thought new that is known is a conflict');
SELECT throws_ok($$SELECT pg_temp.take(2, '{1}', 4, 6)$$, 'OT010', NULL,
	'so is one that is not where it was');
SELECT results_eq('SELECT mark, head FROM agent_mark', 'VALUES (2::bigint, 9::bigint)',
	'a conflict moves no mark');
SELECT is((SELECT count(*) FROM report), 2::bigint, 'and keeps no report');
SELECT is(pg_temp.take(2, '{1}', 5, 6), 3::bigint, 'the right one is taken');
SELECT is((SELECT counter FROM monitored_check), 6::bigint, 'and the check moves');


-- What waits of a backlog (number NULL: it has served), and its report's row.
CREATE FUNCTION pg_temp.wait(queue uuid, number bigint, outcome smallint DEFAULT NULL,
	ticket bigint DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	SELECT report_wait(7, 70, queue, 1::smallint, '{web}', '{http}', ARRAY[number],
		ARRAY[3::smallint], ARRAY['x'::bytea], ARRAY[number], ARRAY[NULL::bytea],
		ARRAY[outcome], ARRAY[ticket])
$$;
CREATE FUNCTION pg_temp.became() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(outcome || coalesce(':' || ticket_id, ''), ' ' ORDER BY seq) FROM report
$$;
SELECT lives_ok($$SELECT pg_temp.wait('11111111-1111-1111-1111-111111111111', 2)$$, 'a check waits');
SELECT lives_ok($$SELECT pg_temp.wait('11111111-1111-1111-1111-111111111111', 3)$$, 'with a later report');
SELECT results_eq('SELECT epoch, lane, last_seq FROM check_backlog',
	$$VALUES ('11111111-1111-1111-1111-111111111111'::uuid, 1::smallint, 3::bigint)$$,
	'of which the row is known');
SELECT is(pg_temp.became(), '6 6 6', 'waiting says nothing of reports');
SELECT lives_ok($$SELECT pg_temp.wait('22222222-2222-2222-2222-222222222222', NULL, 1::smallint, 90)$$,
	'it serves, in the transaction of another queue');
SELECT is(pg_temp.became(), '6 6 1:90', 'its last report says what became of it');
SELECT is_empty('SELECT FROM check_backlog', 'and nothing waits');
SELECT lives_ok($$SELECT pg_temp.wait('11111111-1111-1111-1111-111111111111', 3),
	pg_temp.wait('11111111-1111-1111-1111-111111111111', NULL, 2::smallint, 91),
	pg_temp.wait('11111111-1111-1111-1111-111111111111', 2),
	pg_temp.wait('11111111-1111-1111-1111-111111111111', NULL)$$, 'more of them');
SELECT is(pg_temp.became(), '6 6 1:90', 'what is known stays, what cannot be read says nothing');
SELECT throws_ok('UPDATE report SET outcome = 1', '42501', NULL, 'the application changes no report');

SELECT is(pg_temp.announce('11111111-1111-1111-1111-111111111111', 3), '3 fine', 'the mark is kept');
SELECT matches(pg_temp.announce('11111111-1111-1111-1111-111111111111', 2), '^3 it ends at report 2',
	'a head below the mark is quarantined');
SELECT matches(pg_temp.announce('11111111-1111-1111-1111-111111111111', 9), '^3 it ends at report 2',
	'for good');
SELECT throws_ok($$SELECT pg_temp.take(3, '{2}')$$, 'OT009', NULL, 'nothing more is taken from it');
SELECT is(pg_temp.announce('22222222-2222-2222-2222-222222222222', 0), '0 fine', 'another queue is welcome');
SELECT is(pg_temp.announce('33333333-3333-3333-3333-333333333333', 0), '0 fine', 'and a third');
SELECT matches(pg_temp.announce('22222222-2222-2222-2222-222222222222', 0), '^0 another queue',
	'which ends the one before');
SELECT lives_ok($$SELECT report_quarantine(7, 70, '33333333-3333-3333-3333-333333333333', 1::smallint,
	'twice', '2026-03-02')$$, 'a queue may be quarantined');
SELECT matches(pg_temp.announce('33333333-3333-3333-3333-333333333333', 5), '^0 twice', 'and says why');

SELECT * FROM finish();
ROLLBACK;
