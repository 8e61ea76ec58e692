-- Notices in SQL: filed once, to whom the audience names; one message a person and ticket; no
-- more messages to a person than there is room for; the same message again after a lease.
BEGIN;
SELECT no_plan();

INSERT INTO customer (customer_id, code, name, zone) VALUES (1, 'acme', 'Acme', 'UTC'),
	(2, 'bravo', 'Bravo', 'UTC');
INSERT INTO team (team_id, code, name) VALUES (1, 'desk', 'Desk'), (2, 'field', 'Field');
INSERT INTO principal (principal_id, kind, customer_id, code, name, email, disabled) VALUES
	(11, 1, 1, 'olga', 'Olga', 'olga@x', false), (13, 1, 0, 'eva', 'Eva', 'eva@x', false),
	(14, 1, 0, 'ivan', 'Ivan', 'ivan@x', false), (15, 1, 0, 'lena', 'Lena', 'lena@x', false),
	(16, 1, 1, 'mark', 'Mark', 'mark@x', false), (17, 1, 0, 'gone', 'Gone', 'gone@x', true),
	(18, 1, 0, 'mute', 'Mute', '', false), (19, 1, 0, 'lead2', 'Lead', 'lead2@x', false);
INSERT INTO principal_grant (principal_id, role, customer_id) VALUES
	(15, 3, 0), (19, 3, 1), (16, 4, 1), (14, 2, 0), (13, 2, 2);
INSERT INTO team_member (team_id, principal_id) VALUES (1, 13), (1, 14), (1, 15), (1, 17), (1, 18);
INSERT INTO ticket (customer_id, ticket_id, version, type, state, impact, urgency, priority, title,
	zone, team_id, assignee_id, requester_id, created_at, updated_at) VALUES
	(1, 100, 1, 1, 1, 2, 2, 3, 'one', 'UTC', 1, NULL, 11, 'epoch', 'epoch'),
	(1, 101, 1, 1, 1, 2, 2, 3, 'two', 'UTC', 2, 13, 11, 'epoch', 'epoch');
UPDATE ticket SET watchers = '{13,14,16}', priority = CASE ticket_id WHEN 101 THEN 1 ELSE 3 END;
UPDATE dispatch SET rev = 0;

SELECT is(notice_quiet_until(11, 'epoch'), NULL, 'nobody sleeps who has not said so');
INSERT INTO preference VALUES (11, 1, 0, 0, 1320, 420, '{}', false, false, 'epoch', NULL);
SELECT is(notice_quiet_until(11, '2026-03-02 23:00Z'), '2026-03-03 07:00Z'::timestamptz, 'who has does');
SELECT is(notice_quiet_until(11, '2026-03-02 12:00Z'), NULL, 'by night');
DELETE FROM preference;

-- Ivan and Lena sleep.
CREATE OR REPLACE FUNCTION notice_quiet_until(person integer, at timestamptz) RETURNS timestamptz
	LANGUAGE sql AS $$
	SELECT CASE WHEN person IN (14, 15) THEN '2026-03-02 10:00Z'::timestamptz END
$$;

SET LOCAL ROLE otklik_app;
SET LOCAL otklik.scope = '*';

CREATE FUNCTION pg_temp.told(audience integer, actor integer, ticket bigint) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	at bigint := (SELECT rev FROM dispatch);
	people text;
BEGIN
	IF NOT outbox_dispatch(at, at + 1, '2026-03-02 09:00Z', true, '', ARRAY[1], ARRAY[ticket],
			ARRAY[1::bigint], ARRAY[1::smallint], ARRAY[audience], ARRAY[actor]) THEN
		RETURN 'not first';
	END IF;
	SELECT string_agg(split_part(recipient, '@', 1), ' ' ORDER BY recipient_id) INTO people FROM outbox;
	DELETE FROM outbox;
	RETURN people;
END
$$;

SELECT is(pg_temp.told(1, NULL, 100), 'olga', 'the requester');
SELECT is(pg_temp.told(1, 11, 100), NULL, 'who did it knows');
SELECT is(pg_temp.told(1 | 32, 11, 100), 'olga', 'unless he is to be told too');
SELECT is(pg_temp.told(2, NULL, 101), 'eva', 'the assignee');
SELECT is(pg_temp.told(2, NULL, 100), 'eva ivan lena', 'the team where nobody is assigned');
SELECT is(pg_temp.told(2 | 4, 13, 100), 'ivan lena', 'each once, not the disabled, not the unreachable');
SELECT is(pg_temp.told(8, NULL, 100), 'lena', 'the lead of the team');
SELECT is(pg_temp.told(8, NULL, 101), 'lena lead2', 'all leads where the team has none');
SELECT is(pg_temp.told(16, NULL, 100), 'mark', 'the manager');
SELECT is(pg_temp.told(0, NULL, 100), NULL, 'nobody');

-- Levels (kind 7): on call, named, quiet hours.
CREATE FUNCTION pg_temp.level(audience integer, ticket bigint, quiet integer, on_call integer,
	named integer[] DEFAULT '{}') RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	at bigint := (SELECT rev FROM dispatch);
	people text;
BEGIN
	PERFORM outbox_dispatch(at, at + 1, '2026-03-02 09:00Z', true, '', ARRAY[1], ARRAY[ticket],
		ARRAY[1::bigint], ARRAY[7::smallint], ARRAY[audience], ARRAY[0], ARRAY[quiet::smallint],
		ARRAY[on_call], '{1}', ARRAY[cardinality(named)], named);
	SELECT string_agg(split_part(recipient, '@', 1) || to_char(next_at AT TIME ZONE 'UTC', ' HH24 ')
		|| reason, '; ' ORDER BY recipient_id) INTO people FROM outbox;
	DELETE FROM outbox;
	RETURN people;
END
$$;
SELECT is(pg_temp.level(128, 100, 0, 13), 'eva 09 on call', 'who is on call');
SELECT is(pg_temp.level(128, 100, 0, 14), 'ivan 09 on call', 'has no quiet hours for levels');
SELECT is(pg_temp.level(128, 100, 2, 0),
	'lena 09 lead, for nobody is on call, in quiet hours: sent all the same', 'nobody: the lead');
SELECT is(pg_temp.level(128, 100, 0, 17), 'lena 10 lead, for nobody is on call, in quiet hours: waits',
	'one who is disabled is nobody');
SELECT is(pg_temp.level(64, 100, 2, 0), 'ivan 09 watches, in quiet hours: sent all the same; mark 09 watches',
	'those who watch, and may read it');
SELECT is(pg_temp.level(0, 100, 0, 0, '{13,15,18}'), 'eva 09 named; lena 10 named, in quiet hours: waits',
	'whom the level names, if he can be reached');
SELECT is(pg_temp.level(4, 100, 1, 13), 'eva 09 team', 'on call instead of two who sleep, once');
SELECT is(pg_temp.level(8, 100, 1, 13), 'eva 09 lead, in quiet hours: on call instead', 'instead of the lead');
SELECT is(pg_temp.level(8, 100, 1, 0), 'lena 10 lead, in quiet hours: nobody on call, waits', 'nobody to ask');
SELECT is(pg_temp.level(8 | 4, 101, 1, 13), 'lena 09 lead, in quiet hours: P1, sent; lead2 09 lead',
	'P1 is sent at once');
SELECT is(pg_temp.told(4, NULL, 100), 'eva ivan lena', 'other notices wait too');

SELECT is(outbox_dispatch(0, 5, 'epoch', true, 'http://x', '{1}', '{100}', '{1}', '{1}', '{1}', '{0}'),
	false, 'a stretch that another one dispatched');
SELECT is((SELECT count(*) FROM outbox), 0::bigint, 'is not filed twice');

-- Claims: two notices of one ticket and one of another, room for two messages in 300 s.
SELECT outbox_dispatch(rev, 50, '2026-03-02 09:00Z', true, '', '{1,1,1}', '{100,101,100}', '{1,1,2}',
	'{1,1,2}', '{1,1,1}', '{0,0,0}') FROM dispatch;
CREATE FUNCTION pg_temp.claim(at timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(o.ticket_id || '/' || o.seq || ' ' || c.o_attempts, ', ' ORDER BY c.o_id)
	FROM outbox_claim(at, at + interval '2 min', 2, 300000000, 1000) c
		JOIN outbox o ON o.outbox_id = c.o_id
$$;
SELECT is(pg_temp.claim('2026-03-02 08:59Z'), NULL, 'nothing is due before its time');
SELECT is(pg_temp.claim('2026-03-02 09:00Z'), '100/1 1, 100/2 1', 'one ticket, one message');
SELECT is(pg_temp.claim('2026-03-02 09:00Z'), '101/1 1', 'then the other');
SELECT is(pg_temp.claim('2026-03-02 09:01Z'), NULL, 'a lease holds');
SELECT is(pg_temp.claim('2026-03-02 09:02Z'), '100/1 2, 100/2 2', 'and ends: the same rows');
SELECT is((SELECT count(DISTINCT batch) FROM outbox), 2::bigint, 'as the same messages');
UPDATE outbox SET state = 2, sent_at = '2026-03-02 09:02Z';
SELECT outbox_dispatch(rev, 60, '2026-03-02 09:03Z', true, '', '{1,1}', '{100,101}', '{3,3}', '{1,1}',
	'{1,1}', '{0,0}') FROM dispatch;
SELECT is(pg_temp.claim('2026-03-02 09:03Z'), NULL, 'there is no room for a third');
SELECT is(pg_temp.claim('2026-03-02 09:06Z'), NULL, 'it waits');
SELECT is(pg_temp.claim('2026-03-02 09:07Z'), '100/3 1', 'until there is');
UPDATE outbox SET state = 2, sent_at = '2026-03-02 09:07Z' WHERE seq = 3 AND ticket_id = 100;
SELECT outbox_dispatch(rev, 70, '2026-03-02 09:07Z', true, '', '{1}', '{100}', '{4}', '{1}',
	'{1}', '{0}') FROM dispatch;
SELECT is(pg_temp.claim('2026-03-02 09:07Z'), '101/3 1, 100/4 1', 'more than there is room for is one summary');

-- Webhooks: some of each destination, which take turns, in order, and no letters.
INSERT INTO outbox (customer_id, ticket_id, seq, kind, channel, recipient, created_at, next_at)
	SELECT 1, 100, n, 1, 2, 'https://' || url, 'epoch', at::timestamptz
	FROM (VALUES (1, 'a', '2026-03-02 09:00Z'), (2, 'a', '2026-03-02 08:00Z'), (3, 'a', '2026-03-02 09:00Z'),
		(4, 'B', '2026-03-02 09:00Z'), (5, 'B', '2026-03-02 09:30Z'), (6, 'c', '2026-03-02 09:00Z'),
		(7, 'c', '2026-03-02 09:00Z'), (8, 'd', '2026-03-02 09:00Z')) x(n, url, at);
CREATE FUNCTION pg_temp.hooks(at timestamptz, busy text[], quick text[], after text, most integer) RETURNS text
	LANGUAGE sql AS $$
	SELECT string_agg(right(o.recipient, 1) || o.seq || ' ' || o.attempts, ', ' ORDER BY o.outbox_id)
	FROM outbox_claim_hooks(at, at + interval '2 min', busy, quick, after, most, 2, 3) c JOIN outbox o ON o.batch = c.o_batch
$$;
-- Two statements: the first leases, the second sees it.
CREATE FUNCTION pg_temp.leased(at timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(right(recipient, 1) || seq || ' ' || attempts, ', ' ORDER BY recipient COLLATE "C", seq)
	FROM outbox WHERE channel = 2 AND next_at = at
$$;
SELECT pg_temp.hooks('2026-03-02 09:00Z', '{https://c}', '{}', '', 100);
SELECT is(pg_temp.leased('2026-03-02 09:02Z'), 'B4 1, a1 1, a2 1, d8 1', 'two of each, the oldest first, none that is busy');
SELECT pg_temp.hooks('2026-03-02 09:01Z', '{}', '{https://c}', 'https://b', 3);
SELECT is(pg_temp.leased('2026-03-02 09:03Z'), 'a3 1, c6 1, c7 1', 'by turns, from the next one around');
SELECT pg_temp.hooks('2026-03-02 09:01Z', '{}', '{}', '', 100);
SELECT is((SELECT count(*) FROM outbox WHERE channel = 2 AND attempts > 1), 0::bigint, 'leases hold');
SELECT pg_temp.hooks('2026-03-02 09:02Z', '{}', '{https://a}', 'https://d', 100);
SELECT is(pg_temp.leased('2026-03-02 09:04Z'), 'B4 2, a1 2, a2 2, d8 2', 'and end');
SELECT is((SELECT count(*) FROM outbox WHERE channel = 2 AND batch = outbox_id), 7::bigint, 'each a message of its own');
DELETE FROM outbox WHERE channel = 2;

-- Wishes: when somebody is told, in his zone.
SELECT is(notice_at(at::timestamptz, zone, digest::smallint, digest_at::smallint, quiet_from::smallint,
	quiet_to::smallint), told::timestamptz, what)
FROM (VALUES
	('2026-03-02 09:10Z', 'UTC', 0, 0, 0, 0, '2026-03-02 09:10Z', 'at once without wishes'),
	('2026-03-02 09:10Z', 'UTC', 1, 0, 0, 0, '2026-03-02 10:00Z', 'hourly: with the end of the hour'),
	('2026-03-02 09:00Z', 'UTC', 1, 0, 0, 0, '2026-03-02 10:00Z', 'at its beginning too'),
	('2026-03-02 09:10Z', 'Asia/Kolkata', 1, 0, 0, 0, '2026-03-02 09:30Z', 'of the local one'),
	('2026-03-02 09:10Z', 'Europe/Moscow', 2, 480, 0, 0, '2026-03-03 05:00Z', 'daily: tomorrow at eight'),
	('2026-03-02 04:10Z', 'Europe/Moscow', 2, 480, 0, 0, '2026-03-02 05:00Z', 'or today'),
	('2026-03-02 20:10Z', 'Europe/Moscow', 0, 0, 1320, 420, '2026-03-03 04:00Z', 'a night ends at seven'),
	('2026-03-02 03:59Z', 'Europe/Moscow', 0, 0, 1320, 420, '2026-03-02 04:00Z', 'after midnight the same day'),
	('2026-03-02 04:00Z', 'Europe/Moscow', 0, 0, 1320, 420, '2026-03-02 04:00Z', 'its end is no part of it'),
	('2026-03-02 10:30Z', 'UTC', 0, 0, 720, 780, '2026-03-02 10:30Z', 'before a quiet noon'),
	('2026-03-02 12:30Z', 'UTC', 0, 0, 720, 780, '2026-03-02 13:00Z', 'in it'),
	('2026-03-02 21:10Z', 'UTC', 1, 0, 1320, 420, '2026-03-03 07:00Z', 'an hourly one waits for the morning'),
	('2026-03-28 21:10Z', 'Europe/Berlin', 0, 0, 1320, 180, '2026-03-29 01:00Z', 'a night that is an hour shorter'),
	('2026-03-02 09:10Z', 'Mars/Olympus', 0, 0, 0, 600, '2026-03-02 10:00Z', 'an unknown zone is UTC'))
	AS x(at, zone, digest, digest_at, quiet_from, quiet_to, told, what);

DELETE FROM outbox;
RESET ROLE;
CREATE OR REPLACE FUNCTION notice_quiet_until(person integer, at timestamptz) RETURNS timestamptz
	LANGUAGE sql AS 'SELECT NULL::timestamptz';
SET LOCAL ROLE otklik_app;
INSERT INTO preference VALUES (11, 1, 1, 0, 0, 0, '{4}', true, false, 'epoch', NULL), -- hourly, no questions
	(13, 2, 0, 0, 0, 0, '{}', false, false, 'epoch', NULL), -- nothing
	(15, 1, 0, 0, 540, 720, '{}', false, false, 'epoch', NULL); -- quiet now
RESET ROLE;
UPDATE ticket SET priority = 1 WHERE ticket_id = 101;
SET LOCAL ROLE otklik_app;
CREATE FUNCTION pg_temp.wished(kind integer, audience integer, ticket bigint, breach boolean, urgent boolean)
	RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	at bigint := (SELECT rev FROM dispatch);
	found text;
BEGIN
	PERFORM outbox_dispatch(at, at + 1, '2026-03-02 09:10Z', true, '', ARRAY[1], ARRAY[ticket],
		ARRAY[1::bigint], ARRAY[kind::smallint], ARRAY[audience], ARRAY[NULL::integer],
		ARRAY[CASE WHEN urgent THEN 2 ELSE 0 END::smallint], '{0}', '{1}', '{2}', '{14,11}',
		ARRAY[breach], true);
	SELECT string_agg(split_part(recipient, '@', 1) || ' ' || to_char(next_at, 'HH24:MI')
		|| CASE WHEN digest THEN ' digest' ELSE '' END, ', ' ORDER BY outbox_id) INTO found FROM outbox;
	DELETE FROM outbox;
	RETURN found;
END
$$;
SET LOCAL timezone = 'UTC';
SELECT is(pg_temp.wished(2, 1 | 8, 100, false, false), 'olga 10:00 digest, ivan 09:10, lena 12:00 digest',
	'each when he wishes, who is named besides once');
SELECT is(pg_temp.wished(4, 1, 100, false, false), 'ivan 09:10', 'what is muted is not told');
SELECT is(pg_temp.wished(2, 2, 101, false, false), 'olga 10:00 digest, ivan 09:10', 'nor to who wants nothing');
SELECT is(pg_temp.wished(7, 2 | 8, 101, false, true), 'ivan 09:10, lena 09:10, lead2 09:10',
	'nothing delays what is urgent; olga wants breaches only');
SELECT is(pg_temp.wished(7, 2, 101, true, true), 'olga 09:10, eva 09:10, ivan 09:10', 'unless it is of a P1');

-- Webhooks of customers: levels only where their actions say so.
RESET ROLE;
UPDATE customer SET webhook_url = 'https://h', webhook_secret = 's', webhook_kinds = '{5}' WHERE customer_id = 1;
SET LOCAL ROLE otklik_app;
DELETE FROM preference;
SELECT is(pg_temp.wished(5, 0, 100, false, false), 'olga 09:10, ivan 09:10, https://h 09:10', 'of the kinds it wants');
SELECT is(pg_temp.wished(4, 0, 100, false, false), 'olga 09:10, ivan 09:10', 'and no others');
SELECT is(pg_temp.wished(7, 1024, 100, false, false), 'olga 09:10, ivan 09:10, https://h 09:10', 'a level that names it');
SELECT is(pg_temp.wished(7, 4, 101, false, false), 'olga 09:10, ivan 09:10', 'not one that does not');

-- What is the provider's own (2048) stays there: olga is named, mark watches.
SELECT is(pg_temp.wished(7, 64 | 1024 | 2048, 100, false, false), 'ivan 09:10', 'nobody of the customer, nor his webhook');
RESET ROLE;
INSERT INTO principal_grant (principal_id, role, customer_id) VALUES (11, 2, 1);
SET LOCAL ROLE otklik_app;
SELECT is(pg_temp.wished(7, 64 | 2048, 100, false, false), 'olga 09:10, ivan 09:10', 'unless he works there');
SELECT is(pg_temp.wished(10, 2048, 100, false, false), 'olga 09:10, ivan 09:10', 'a broken promise is not for a webhook');
RESET ROLE;
UPDATE customer SET webhook_kinds = '{}' WHERE customer_id = 1;
SET LOCAL ROLE otklik_app;
SELECT is(pg_temp.wished(2, 1, 100, false, false), 'olga 09:10, ivan 09:10, https://h 09:10', 'that wants all');
SELECT is(pg_temp.wished(10, 2048, 100, false, false), 'olga 09:10, ivan 09:10', 'not even for one that wants all');
SELECT is(pg_temp.wished(9, 2048, 100, false, false), 'olga 09:10, ivan 09:10', 'nor is a warning');
RESET ROLE;
UPDATE customer SET webhook_kinds = '{9,10}' WHERE customer_id = 1;
SET LOCAL ROLE otklik_app;
SELECT is(pg_temp.wished(10, 2048, 100, false, false), 'olga 09:10, ivan 09:10, https://h 09:10', 'it has to say so');
SELECT is(pg_temp.wished(9, 2048, 100, false, false), 'olga 09:10, ivan 09:10', 'a warning is never told it');

-- The version in force when an entry was made.
RESET ROLE;
INSERT INTO event (customer_id, ticket_id, seq, kind, side, is_public, occurred_at, recorded_at, contract_version_id)
	SELECT 1, ticket, seq, kind, 0, false, 'epoch', 'epoch', version
	FROM (VALUES (100, 1, 1, 5), (100, 2, 15, NULL), (100, 3, 27, 6), (100, 4, 15, NULL), (100, 5, 27, 0),
		(100, 6, 15, NULL), (101, 1, 1, 5), (101, 2, 15, NULL)) x(ticket, seq, kind, version);
SET LOCAL ROLE otklik_app;
SELECT is(string_agg(ticket_id || '/' || seq || ' ' || event_contract(customer_id, ticket_id, seq,
		CASE ticket_id WHEN 100 THEN 0 ELSE 5 END), ', ' ORDER BY ticket_id, seq),
	'100/2 5, 100/4 6, 100/6 0, 101/2 5', 'not that of the ticket now') FROM event WHERE kind = 15;

-- A digest is one message, apart from what goes at once.
INSERT INTO outbox (customer_id, ticket_id, seq, kind, channel, recipient_id, recipient, created_at, next_at, digest)
	VALUES (1, 100, 21, 2, 1, 11, 'olga@x', 'epoch', '2026-04-02 09:00Z', true),
	(1, 101, 22, 2, 1, 11, 'olga@x', 'epoch', '2026-04-02 09:00Z', true),
	(1, 101, 23, 2, 1, 11, 'olga@x', 'epoch', '2026-04-02 09:00Z', false);
SELECT is(pg_temp.claim('2026-04-02 09:00Z'), '100/21 1, 101/22 1', 'the digest');
SELECT is(pg_temp.claim('2026-04-02 09:00Z'), '101/23 1', 'and the rest');

SELECT * FROM finish();
ROLLBACK;
