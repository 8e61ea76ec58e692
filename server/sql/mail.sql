-- Mail taken, and files that hang on tickets.

-- How mail is taken; no row: it is not.
-- name: mail_policy
SELECT address, unknown, unknown_reply, authserv_id, unverified FROM mail_policy;

-- name: mail_policy_clear
DELETE FROM mail_policy;

-- name: mail_policy_put
INSERT INTO mail_policy AS p (address, unknown, unknown_reply, authserv_id, unverified)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text)
ON CONFLICT (singleton) DO UPDATE SET address = excluded.address, unknown = excluded.unknown,
	unknown_reply = excluded.unknown_reply, authserv_id = excluded.authserv_id,
	unverified = excluded.unverified;

-- Was this message ($1) taken before?
-- name: mail_seen
SELECT customer_id, outcome, coalesce(ticket_id, 0) FROM mail_message
WHERE hash = $1::bytea;

-- People with the address $1: two at most, more is as ambiguous.
-- name: mail_sender
SELECT principal_id, customer_id FROM principal
WHERE lower(email) = lower($1::text) AND email <> '' AND kind = 1 AND NOT disabled
ORDER BY principal_id LIMIT 2;

-- Tickets of customer $1 whose messages have these ids ($2, in order): the first.
-- name: mail_thread
SELECT m.ticket_id FROM unnest($2::bytea[]) WITH ORDINALITY AS x(id_hash, nr)
	JOIN mail_message m ON m.customer_id = $1::integer AND m.id_hash = x.id_hash
WHERE m.ticket_id IS NOT NULL ORDER BY x.nr LIMIT 1;

-- Which of these files ($2) of customer $1 are not whole: their places, from 0.
-- name: mail_missing
SELECT (x.nr - 1)::integer FROM unnest($2::bytea[]) WITH ORDINALITY AS x(hash, nr)
WHERE NOT EXISTS (SELECT FROM attachment_content c
	WHERE c.customer_id = $1::integer AND c.hash = x.hash AND c.complete)
ORDER BY x.nr;

-- name: mail_record
INSERT INTO mail_message (customer_id, hash, id_hash, outcome, ticket_id, received_at, sender,
	subject, why)
VALUES ($1::integer, $2::bytea, $3::bytea, $4::smallint, $5::bigint, $6::timestamptz, $7::text,
	$8::text, $9::text);

-- A letter came back: its notices are put aside, to be listed and sent again. Says whose.
-- name: mail_bounced
UPDATE outbox SET state = 3, last_error = $2::text
WHERE batch = $1::bigint AND channel = 1 AND state IN (1, 2)
RETURNING customer_id, ticket_id;

-- The ticket that a letter was about, whatever became of the letter.
-- name: mail_letter
SELECT customer_id, ticket_id FROM outbox WHERE batch = $1::bigint ORDER BY outbox_id LIMIT 1;

-- name: mail_list
SELECT m.mail_id, k.code, m.outcome, coalesce(m.sender, ''), coalesce(m.subject, ''),
	coalesce(m.why, ''), coalesce(m.ticket_id, 0), m.received_at
FROM mail_message m JOIN customer k USING (customer_id)
WHERE m.mail_id > $1::bigint AND m.outcome = 4
ORDER BY m.mail_id LIMIT $2::integer;

-- name: attachment_put
SELECT attachment_put($1::integer, $2::bytea, $3::bigint, $4::integer, $5::bytea,
	$6::timestamptz, $7::bigint);

-- name: attachment_link
SELECT attachment_link($1::integer, $2::bigint, $3::integer, $4::timestamptz, $5::bigint[],
	$6::bytea[], $7::smallint[], $8::text[], $9::text[], $10::boolean[]) IS NULL;

-- Of ticket $2 of customer $1 after $3, at most $4; $5: internal ones too.
-- name: attachment_list
SELECT seq, hash, kind, name, media_type, size, is_public, actor_id, attached_at FROM attachment
WHERE customer_id = $1::integer AND ticket_id = $2::bigint AND seq > $3::bigint
	AND (is_public OR $5::boolean)
ORDER BY seq LIMIT $4::integer;

-- name: attachment_piece
SELECT data FROM attachment_piece
WHERE customer_id = $1::integer AND hash = $2::bytea AND nr = $3::integer;

-- name: attachment_expire
SELECT attachment_expire($1::timestamptz, $2::integer);
