-- desk_save: every outcome, each item apart from the others, nothing written for a refused one.
BEGIN;
SELECT no_plan();

INSERT INTO customer (customer_id, code, name, zone, retired) VALUES
	(1, 'acme', 'Acme', 'UTC', false), (2, 'bravo', 'Bravo', 'UTC', false),
	(3, 'gone', 'Gone', 'UTC', true);
INSERT INTO site (site_id, customer_id, code, name, zone) VALUES
	(1, 1, 'hq', 'HQ', 'UTC'), (2, 2, 'hq', 'HQ', 'UTC');
INSERT INTO service (service_id, customer_id, code, name) VALUES (1, 1, 'mail', 'Mail');
INSERT INTO principal (principal_id, kind, customer_id, code, name, disabled) VALUES
	(1001, 1, 1, 'olga', 'Olga', false), (1002, 1, 0, 'eva', 'Eva', false),
	(1003, 1, 0, 'off', 'Off', true), (1004, 2, 1, 'agent', 'Agent', false);
INSERT INTO principal_grant VALUES (1001, 1, 1), (1002, 2, 0), (1003, 2, 0);

-- One item with one event, one clock and a timer; what is not said is usual.
CREATE FUNCTION pg_temp.save(tickets bigint[], loaded bigint DEFAULT 0,
	customer integer DEFAULT 1, principal integer DEFAULT 1002, keys uuid[] DEFAULT '{}',
	hash bytea DEFAULT '\x01', site integer DEFAULT NULL, stale integer DEFAULT 0,
	title text DEFAULT 'No light', timer timestamptz DEFAULT '2026-03-02 10:00:00+00',
	content text DEFAULT NULL, strict boolean DEFAULT false, more text DEFAULT NULL)
RETURNS SETOF text LANGUAGE sql AS $$
	SELECT d.outcome || ' ' || d.saved_id || ' ' || d.saved_version
	FROM (SELECT cardinality(tickets) AS n) c,
		(SELECT epoch FROM installation) i,
		(SELECT array_agg(g::integer) AS places FROM generate_series(1, cardinality(tickets)) g) p,
		desk_save(item_customer => array_fill(customer, ARRAY[n]), item_ticket => tickets,
			item_loaded => array_fill(loaded, ARRAY[n]),
			item_epoch => array_fill(i.epoch - stale, ARRAY[n]),
			item_principal => array_fill(principal, ARRAY[n]), item_key => keys,
			item_hash => array_fill(hash, ARRAY[n]), item_timer => array_fill(timer, ARRAY[n]),
			ticket_version => array_fill(loaded + 1, ARRAY[n]),
			ticket_type => array_fill(1::smallint, ARRAY[n]),
			ticket_state => array_fill(1::smallint, ARRAY[n]),
			ticket_impact => array_fill(2::smallint, ARRAY[n]),
			ticket_urgency => array_fill(2::smallint, ARRAY[n]),
			ticket_priority => array_fill(3::smallint, ARRAY[n]),
			ticket_flags => array_fill((66 + CASE WHEN more IS NULL THEN 0 ELSE 128 END)::smallint,
				ARRAY[n]), ticket_more => array_fill(more, ARRAY[n]),
			ticket_title => array_fill(title, ARRAY[n]),
			ticket_zone => array_fill('UTC'::text, ARRAY[n]),
			ticket_site => array_fill(site, ARRAY[n]),
			ticket_created => array_fill('2026-03-02 09:00:00+00'::timestamptz, ARRAY[n]),
			ticket_updated => array_fill('2026-03-02 09:00:00+00'::timestamptz, ARRAY[n]),
			event_item => p.places, event_seq => array_fill(loaded + 1, ARRAY[n]),
			event_kind => array_fill(1::smallint, ARRAY[n]),
			event_side => array_fill(1::smallint, ARRAY[n]),
			event_public => array_fill(true, ARRAY[n]),
			event_occurred => array_fill('2026-03-02 09:00:00+00'::timestamptz, ARRAY[n]),
			event_recorded => array_fill('2026-03-02 09:00:00+00'::timestamptz, ARRAY[n]),
			event_related => ARRAY[7::bigint], event_flags => ARRAY[2::smallint],
			event_person => ARRAY[1001],
			event_content_hash => CASE WHEN content IS NULL THEN '{}'::bytea[]
				ELSE ARRAY[sha256('saltsaltsaltsaltsaltsaltsaltsalt' || content::bytea)] END,
			content_event => CASE WHEN content IS NULL THEN '{}'::integer[] ELSE ARRAY[1] END,
			content_salt => ARRAY['saltsaltsaltsaltsaltsaltsaltsalt'::bytea],
			content_text => ARRAY[content],
			sla_item => p.places, sla_kind => array_fill(1::smallint, ARRAY[n]),
			sla_state => array_fill(1::smallint, ARRAY[n]),
			sla_target => array_fill(1800000000, ARRAY[n]),
			sla_calendar => array_fill(1, ARRAY[n]),
			sla_started => array_fill('2026-03-02 09:00:00+00'::timestamptz, ARRAY[n]),
			sla_consumed => array_fill(loaded, ARRAY[n]),
			sla_waived => ARRAY['2026-03-02 11:00:00+00'::timestamptz],
			sla_level_from => ARRAY[1, 3], sla_level_to => ARRAY[2, 2],
			level_at => ARRAY['2026-03-02 09:15:00+00'::timestamptz, NULL],
			level_state => ARRAY[0, 1]::smallint[], all_or_nothing => strict) d
$$;
SET LOCAL ROLE otklik_app;
SELECT set_config('otklik.scope', '*', true);

-- Saved
SELECT results_eq($$SELECT pg_temp.save('{1000,1001}', content => 'It is dark')$$,
	ARRAY['0 1000 1', '0 1001 1'], 'new tickets are saved, in the order of the items');
SELECT results_eq($$SELECT machine_filed, check_bad, human_touched, site_id, title, zone
	FROM ticket WHERE ticket_id = 1000$$,
	$$VALUES (true, true, false, NULL::integer, 'No light', 'UTC')$$, 'flags and absent columns');
SELECT results_eq($$SELECT level_at[1], level_at[2], level_state FROM sla_clock
	WHERE ticket_id = 1000$$,
	$$VALUES ('2026-03-02 09:15:00+00'::timestamptz, NULL::timestamptz, '{0,1}'::smallint[])$$,
	'a clock has its slice of the levels');
SELECT is((SELECT cardinality(level_at) FROM sla_clock WHERE ticket_id = 1001), 0,
	'and one without levels has none');
SELECT results_eq($$SELECT x.content, e.content_hash = sha256(x.salt || x.content::bytea)
	FROM event e JOIN event_content x USING (customer_id, ticket_id, seq)$$,
	$$VALUES ('It is dark', true)$$, 'a text is kept apart, under its hash');
SELECT results_eq($$SELECT pg_temp.save('{1000}', 1, title => 'Dark', timer => NULL)$$,
	ARRAY['0 1000 2'], 'a stored ticket is changed');
SELECT results_eq($$SELECT t.title, t.version, c.consumed_us, (SELECT count(*) FROM event e
	WHERE e.ticket_id = 1000), (SELECT count(*) FROM timer m WHERE m.ticket_id = 1000)
	FROM ticket t JOIN sla_clock c USING (ticket_id) WHERE t.ticket_id = 1000$$,
	$$VALUES ('Dark', 2::bigint, 1::bigint, 2::bigint, 0::bigint)$$,
	'with its clock, a second entry, and no timer any more');

-- What few tickets have
SELECT results_eq($$SELECT merged_into, promise_at, promise_broken, promise_changes, raised,
	watchers FROM ticket WHERE ticket_id = 1001$$,
	$$VALUES (NULL::bigint, NULL::timestamptz, false, 0::smallint, 0::smallint, '{}'::integer[])$$,
	'a usual ticket has none of it');
SELECT results_eq($$SELECT pg_temp.save('{1010}', more => '{"merged_into":1000,
	"promise_at":"2026-03-03T09:00:00.000001Z","promise_changes":2,"raised":8,
	"watchers":[1001,1002]}')$$, ARRAY['0 1010 1'], 'a new ticket with more');
SELECT results_eq($$SELECT pg_temp.save('{1001}', 1, more => '{"promise_warn_at":
	"2026-03-03T08:00:00Z","promise_first_at":"2026-03-01T00:00:00Z",
	"promise_given_at":"2026-03-02T00:00:00Z"}')$$, ARRAY['0 1001 2'], 'a stored one with more');
SELECT results_eq($$SELECT ticket_id, merged_into, promise_at, promise_given_at,
	promise_first_at, promise_warn_at, promise_broken, promise_changes, raised, watchers
	FROM ticket WHERE ticket_id IN (1001, 1010) ORDER BY ticket_id$$,
	$$VALUES (1001::bigint, NULL::bigint, NULL::timestamptz,
		'2026-03-02 00:00:00+00'::timestamptz, '2026-03-01 00:00:00+00'::timestamptz,
		'2026-03-03 08:00:00+00'::timestamptz, true, 0::smallint, 0::smallint, '{}'::integer[]),
	(1010, 1000, '2026-03-03 09:00:00.000001+00', NULL, NULL, NULL, true, 2::smallint,
		8::smallint, '{1001,1002}')$$, 'it is in its columns');
SELECT results_eq($$SELECT pg_temp.save('{1010}', 1)$$, ARRAY['0 1010 2'], 'and without it again');
SELECT results_eq($$SELECT merged_into, promise_at, promise_broken, promise_changes, watchers
	FROM ticket WHERE ticket_id = 1010$$,
	$$VALUES (NULL::bigint, NULL::timestamptz, false, 0::smallint, '{}'::integer[])$$,
	'it is cleared');
SELECT results_eq($$SELECT related_id, flags, person_id FROM event WHERE ticket_id = 1010
	AND seq = 1$$, $$VALUES (7::bigint, 2::smallint, 1001)$$, 'an entry says whom and what');
SELECT results_eq($$SELECT waived_at FROM sla_clock WHERE ticket_id = 1010$$,
	$$VALUES ('2026-03-02 11:00:00+00'::timestamptz)$$, 'a waived clock');

-- Conflict
SELECT results_eq($$SELECT pg_temp.save('{1000}', 1)$$, ARRAY['3 1000 2'],
	'an older version is a conflict that tells the version');
SELECT results_eq($$SELECT pg_temp.save('{1000}', 5)$$, ARRAY['3 1000 2'], 'a later one too');
SELECT results_eq($$SELECT pg_temp.save('{77}', 1)$$, ARRAY['3 77 0'], 'nowhere is version 0');
SELECT results_eq($$SELECT pg_temp.save('{1000}', 2, customer => 2)$$, ARRAY['3 1000 0'],
	'under another customer it is nowhere');
SELECT results_eq($$SELECT pg_temp.save('{1000,1000}', 2)$$, ARRAY['0 1000 3', '3 1000 2'],
	'the second item for a ticket in one call is a conflict');

-- Keys
SELECT results_eq($$SELECT pg_temp.save('{1100}',
	keys => ARRAY['00000000-0000-4000-8000-000000000001']::uuid[])$$,
	ARRAY['0 1100 1'], 'a new key');
SELECT results_eq($$SELECT pg_temp.save('{1101}',
	keys => ARRAY['00000000-0000-4000-8000-000000000001']::uuid[])$$,
	ARRAY['1 1100 1'], 'the same key and hash: the first ticket');
SELECT results_eq($$SELECT pg_temp.save('{1101}', hash => '\x02',
	keys => ARRAY['00000000-0000-4000-8000-000000000001']::uuid[])$$,
	ARRAY['2 1100 1'], 'the same key with another hash');
SELECT results_eq($$SELECT pg_temp.save('{1101}', principal => 1001,
	keys => ARRAY['00000000-0000-4000-8000-000000000001']::uuid[])$$,
	ARRAY['0 1101 1'], 'a key is its principal''s');
SELECT results_eq($$SELECT pg_temp.save('{1102,1103,1104}', keys => ARRAY[
	'00000000-0000-4000-8000-000000000009', '00000000-0000-4000-8000-000000000002',
	'00000000-0000-4000-8000-000000000009']::uuid[])$$,
	ARRAY['0 1102 1', '0 1103 1', '1 1102 1'], 'equal keys in one call: the first wins');
SELECT results_eq($$SELECT pg_temp.save('{1100}', 1,
	keys => ARRAY['00000000-0000-4000-8000-000000000003']::uuid[])$$,
	ARRAY['0 1100 2'], 'a change with a key');
SELECT results_eq($$SELECT pg_temp.save('{1100}', 1,
	keys => ARRAY['00000000-0000-4000-8000-000000000003']::uuid[])$$,
	ARRAY['1 1100 2'], 'its replay is a duplicate, not a conflict');
SELECT results_eq($$SELECT pg_temp.save('{1100}', 1,
	keys => ARRAY['00000000-0000-4000-8000-000000000004']::uuid[])$$,
	ARRAY['3 1100 2'], 'a conflict keeps no key');
SELECT is_empty($$SELECT FROM idempotency WHERE key = '00000000-0000-4000-8000-000000000004'$$,
	'so it can be used when the change is done again');
SELECT is_empty($$SELECT FROM ticket WHERE ticket_id = 1104$$, 'a duplicate makes no ticket');

-- Stale and foreign
SELECT results_eq($$SELECT pg_temp.save('{1200}', stale => 1)$$, ARRAY['4 1200 1'],
	'decided under older reference data');
SELECT results_eq($$SELECT pg_temp.save('{1200}', customer => 2, principal => 1001)$$,
	ARRAY['5 1200 1'], 'a principal of another customer');
SELECT results_eq($$SELECT pg_temp.save('{1200}', principal => 1003)$$, ARRAY['5 1200 1'],
	'a disabled principal');
SELECT results_eq($$SELECT pg_temp.save('{1200}', site => 2)$$, ARRAY['5 1200 1'],
	'a site of another customer');
SELECT results_eq($$SELECT pg_temp.save('{1200}', customer => 3)$$, ARRAY['5 1200 1'],
	'a retired customer gets no new ticket');
SELECT results_eq($$SELECT pg_temp.save('{1200}', customer => 99)$$, ARRAY['5 1200 1'],
	'an unknown customer');
SELECT is_empty($$SELECT FROM event WHERE ticket_id = 1200$$, 'nothing of it is written');
SELECT results_eq($$SELECT pg_temp.save('{1200}', principal => 1004, site => 1)$$,
	ARRAY['0 1200 1'], 'an agent needs no grant at its own customer');
SELECT results_eq($$SELECT pg_temp.save('{1201}', principal => NULL)$$, ARRAY['0 1201 1'],
	'the system is nobody''s');

-- All or nothing
SELECT throws_ok($$SELECT pg_temp.save('{1300,1000}', 2, strict => true)$$, 'OT010', NULL,
	'one conflict refuses all');
SELECT is_empty($$SELECT FROM ticket WHERE ticket_id = 1300$$, 'and writes none');
SELECT throws_ok($$SELECT pg_temp.save('{1300}', stale => 1, strict => true)$$, 'OT010', NULL,
	'stale data too');

-- Walls
SELECT throws_ok($$INSERT INTO event (customer_id, ticket_id, seq, kind, side, is_public,
	occurred_at, recorded_at) VALUES (1, 1000, 99, 1, 1, true, now(), now())$$, '42501', NULL,
	'the application cannot write the journal');
SELECT throws_ok($$UPDATE ticket SET title = ''$$, '42501', NULL, 'nor tickets');
SELECT throws_ok($$DELETE FROM event$$, '42501', NULL, 'nor delete entries');
SELECT set_config('otklik.scope', '{2}', true);
SELECT is_empty('SELECT FROM ticket', 'a reader of another customer sees nothing');
SELECT set_config('otklik.scope', '', true);
SELECT is_empty('SELECT FROM event', 'without a scope nobody sees anything');

RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
