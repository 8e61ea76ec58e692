-- rearm_step: a pass over the clocks in small steps, by whoever leads, begun anew by each epoch.
BEGIN;
SELECT no_plan();

INSERT INTO customer (customer_id, code, name, zone) VALUES (1, 'acme', 'Acme', 'UTC');
INSERT INTO site (site_id, customer_id, code, name, zone) VALUES (1, 1, 'hq', 'HQ', 'UTC'),
	(2, 1, 'dock', 'Dock', 'UTC');
INSERT INTO calendar (calendar_id, code) VALUES (1, 'one'), (2, 'two');
INSERT INTO calendar_edition (calendar_id, edition, from_at, zone, week) VALUES
	(1, 1, '2026-03-01Z', 'UTC', 'always'), (1, 2, '2026-03-03Z', 'UTC', 'always'),
	(2, 1, '2026-03-01Z', 'UTC', 'always');
INSERT INTO site_calendar (site_id, edition, from_at, calendar_id) VALUES (2, 1, '2026-03-04Z', 1);
INSERT INTO contract (contract_id, customer_id, code) VALUES (1, 1, 'gold'), (2, 1, 'gone');
INSERT INTO contract_version (contract_version_id, contract_id, version, calendar_id, valid_from,
	applied_at, withdrawn_at, matrix, pauses) SELECT i, i, 1, 1, '2026-03-01Z', '2026-03-01Z',
	CASE WHEN i = 2 THEN '2026-03-05Z'::timestamptz END, '{1,2,3,2,3,4,3,4,5}', '{0,0,6,6,0,0}'
	FROM generate_series(1, 2) i;

-- A ticket with a clock and a timer far ahead.
SET LOCAL otklik.scope = '*';
CREATE FUNCTION pg_temp.file(id bigint, calendar integer, state integer DEFAULT 1,
	site integer DEFAULT 1, contract integer DEFAULT 1, wall boolean DEFAULT false,
	bd integer DEFAULT 0) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO ticket (customer_id, ticket_id, version, type, state, impact, urgency, priority,
			title, zone, site_id, contract_version_id, created_at, updated_at)
		VALUES (1, id, 1, 1, 1, 2, 2, 3, 'No light', 'UTC', site, contract, '2026-03-02Z', '2026-03-02Z');
	INSERT INTO sla_clock (customer_id, ticket_id, kind, state, target_us, target_bd, wall, calendar_id,
			started_at, anchor_at, consumed_us)
		VALUES (1, id, 3, state, 1, bd, wall, calendar, '2026-03-02Z', '2026-03-02Z', 0);
	INSERT INTO timer VALUES (1, id, '2026-04-01Z');
$$;
SELECT pg_temp.file(101, 1), pg_temp.file(102, 2), pg_temp.file(103, 1, 3), pg_temp.file(104, 1, 2),
	pg_temp.file(105, 1, wall => true), pg_temp.file(106, 2, site => 2),
	pg_temp.file(107, 2, 2, contract => 2), pg_temp.file(108, 1),
	pg_temp.file(109, 1, 2, bd => 2), pg_temp.file(110, 2, 2, site => 2),
	pg_temp.file(111, 1, 3, bd => 2);

SELECT results_eq('SELECT done, mine, moved FROM rearm_step(100, true)',
	$$VALUES (true, true, 6::bigint)$$, 'one step follows all of a small desk');
SELECT results_eq($$SELECT ticket_id, at FROM timer WHERE at < '2026-04-01Z' ORDER BY 1$$,
	$$VALUES (101::bigint, '2026-03-03Z'::timestamptz), (106, '2026-03-04Z'), (107, '2026-03-05Z'),
		(108, '2026-03-03Z'), (109, '2026-03-03Z'), (110, '2026-03-04Z')$$,
	'timers of clocks that an edition, a site or the end of a contract acts on');
SELECT results_eq('SELECT epoch, done, mine, moved FROM rearm_step(100, false)',
	'SELECT epoch, true, true, 0::bigint FROM installation', 'whoever asks is told that it is done');

UPDATE timer SET at = '2026-04-01Z';
UPDATE installation SET epoch = epoch + 1;
SELECT results_eq('SELECT done, mine, moved FROM rearm_step(1, false)',
	$$VALUES (false, false, 0::bigint)$$, 'who does not lead leaves it to who does');
SELECT results_eq('SELECT done, mine, moved FROM rearm_step(1, true)',
	$$VALUES (false, true, 1::bigint)$$, 'a new epoch begins anew, a step at a time');
SELECT is((SELECT string_agg(ticket_id::text, ' ') FROM timer WHERE at < '2026-04-01Z'), '101',
	'in order of tickets');
SELECT results_eq('SELECT moved FROM rearm_step(1, true)', $$VALUES (1::bigint)$$,
	'the next goes on behind it');
UPDATE rearm SET stepped_at = stepped_at - interval '6 seconds';
SELECT results_eq('SELECT done, mine, moved FROM rearm_step(100, false)',
	$$VALUES (true, true, 4::bigint)$$, 'another takes over where nobody made a step for long');

SELECT * FROM finish();
ROLLBACK;
