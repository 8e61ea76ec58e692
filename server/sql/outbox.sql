-- Notices: filed from the feed, leased, delivered, listed.

-- The watermark, the end of the stretch behind it (NULL: nothing there), and of it the entries
-- that may concern somebody; one row without an entry when there are none. A stretch that is full
-- ends before the ticket that it would part, for what befell a ticket at once is told at once.
-- name: dispatch_read
WITH part AS MATERIALIZED (
	SELECT f.* FROM dispatch d, feed f WHERE f.rev > d.rev ORDER BY f.rev LIMIT $1::integer),
stretch AS (
	SELECT count(*) >= $1::integer AS is_full,
		CASE WHEN count(*) >= $1::integer THEN coalesce(max(rev) FILTER (WHERE ticket_id
				<> (SELECT p.ticket_id FROM part p ORDER BY p.rev DESC LIMIT 1)), max(rev))
			ELSE max(rev) END AS last_rev
	FROM part)
SELECT d.rev, s.last_rev, x.customer_id, x.ticket_id, x.seq, x.kind, x.cause, x.side, x.is_public,
	x.state, x.pending_reason, x.actor_id, x.observed, x.actions, x.team_id, x.at, s.is_full, x.clock
FROM dispatch d CROSS JOIN stretch s
	LEFT JOIN LATERAL (
		SELECT f.rev, e.customer_id, e.ticket_id, e.seq, e.kind, e.cause, e.side, e.is_public,
			e.state, e.pending_reason, e.actor_id, t.observed, l.actions, t.team_id, l.at, e.clock
		FROM part f
			JOIN event e USING (customer_id, ticket_id, seq)
			JOIN ticket t USING (customer_id, ticket_id)
			LEFT JOIN contract_level l ON l.contract_version_id = CASE WHEN e.kind = 15 THEN
					event_contract(e.customer_id, e.ticket_id, e.seq, t.contract_version_id) END
				AND l.clock = e.clock AND l.level = e.level
		WHERE f.rev <= s.last_rev AND e.kind IN (1, 2, 4, 15, 19, 20, 21, 22, 23, 24)) x ON true
ORDER BY x.rev;

-- name: outbox_dispatch
SELECT outbox_dispatch($1::bigint, $2::bigint, $3::timestamptz, $4::boolean, $5::text,
	$6::integer[], $7::bigint[], $8::bigint[], $9::smallint[], $10::integer[], $11::integer[],
	$12::smallint[], $13::integer[], $14::integer[], $15::integer[], $16::integer[],
	$17::boolean[], $18::boolean);

-- No channel: the watermark only follows, so that the feed can be trimmed.
-- name: dispatch_follow
UPDATE dispatch d SET rev = s.rev FROM feed_state s WHERE d.rev < s.rev;

-- Leases the letter that is due next; outbox_message, in the same unit, reads it. Two statements:
-- the function sees rows younger than the statement that calls it.
-- name: outbox_claim
SELECT set_config('otklik.batch', coalesce('{' || max(c.o_batch) || '}', ''), true)
FROM outbox_claim($1::timestamptz, $2::timestamptz, $3::integer, $4::bigint, $5::integer) c;

-- Leases webhooks that are due, likewise.
-- name: outbox_claim_hooks
SELECT set_config('otklik.batch', coalesce(array_agg(c.o_batch)::text, ''), true)
FROM outbox_claim_hooks($1::timestamptz, $2::timestamptz, $3::text[], $4::text[], $5::text,
	$6::integer, $7::integer, $8::integer) c;

-- What was just leased, rows in order with what they tell; none when nothing is due.
-- Long texts are cut: a message is a notice, the ticket has the rest. Who asks (22) waits for the
-- update clock, whichever entry started it.
-- name: outbox_message
SELECT o.batch, o.attempts, o.customer_id, o.ticket_id, o.kind, o.channel, o.recipient,
	p.name, coalesce(nullif(p.language, ''), k.language), coalesce(nullif(p.zone, ''), k.zone),
	k.code, k.name, t.title, t.priority, e.occurred_at, a.name,
	CASE WHEN e.is_public THEN left(x.content, 4000) END, e.clock,
	l.name, (SELECT s.due_at FROM sla_clock s WHERE s.customer_id = o.customer_id
		AND s.ticket_id = o.ticket_id
		AND s.kind = CASE WHEN e.kind = 22 THEN 2 ELSE e.clock END),
	(SELECT s.due_at FROM sla_clock s WHERE s.customer_id = o.customer_id
		AND s.ticket_id = o.ticket_id AND s.kind = 1),
	(SELECT s.due_at FROM sla_clock s WHERE s.customer_id = o.customer_id
		AND s.ticket_id = o.ticket_id AND s.kind = 3),
	CASE o.kind WHEN 8 THEN e.until_at ELSE t.promise_at END, e.old_due_at, o.digest,
	CASE WHEN o.channel = 2 AND o.recipient = k.webhook_url THEN k.webhook_secret END,
	coalesce(o.recipient_id, 0), e.related_id
FROM outbox o
	JOIN ticket t ON t.customer_id = o.customer_id AND t.ticket_id = o.ticket_id
	JOIN customer k ON k.customer_id = o.customer_id
	JOIN event e ON e.customer_id = o.customer_id AND e.ticket_id = o.ticket_id AND e.seq = o.seq
	LEFT JOIN principal p ON p.principal_id = o.recipient_id
	LEFT JOIN principal a ON a.principal_id = e.actor_id
	LEFT JOIN event_content x ON x.customer_id = o.customer_id AND x.ticket_id = o.ticket_id
		AND x.seq = o.seq
	LEFT JOIN contract_level l ON l.contract_version_id = CASE WHEN e.kind = 15 THEN
			event_contract(e.customer_id, e.ticket_id, e.seq, t.contract_version_id) END
		AND l.clock = e.clock AND l.level = e.level
WHERE o.batch = ANY (nullif(current_setting('otklik.batch', true), '')::bigint[]) AND o.state = 1
ORDER BY o.outbox_id;

-- Words in place of the built-in ones, for the customers of the message just leased.
-- name: outbox_templates
SELECT n.customer_id, n.language, n.name, n.subject, n.body FROM notice_template n
WHERE n.customer_id = 0 OR n.customer_id IN (SELECT o.customer_id FROM outbox o
	WHERE o.batch = ANY (nullif(current_setting('otklik.batch', true), '')::bigint[]) AND o.state = 1);

-- What came of messages ($1): waiting, sent or dead ($2), not before or sent at ($3), why ($4). A
-- delivery counts whoever made it, a failure ($5 attempts) only while nobody else has tried since;
-- what was not tried ($6) is as it was before.
-- name: outbox_mark
UPDATE outbox o SET state = x.state, next_at = x.next_at,
	last_error = CASE WHEN x.untried THEN o.last_error ELSE x.error END,
	sent_at = CASE WHEN x.state = 2 THEN x.next_at END,
	attempts = o.attempts - x.untried::integer
FROM unnest($1::bigint[], $2::smallint[], $3::timestamptz[], $4::text[], $5::smallint[],
	$6::boolean[]) AS x(batch, state, next_at, error, attempts, untried)
WHERE o.batch = x.batch AND o.state = 1 AND (x.state = 2 OR o.attempts = x.attempts);

-- What is due ($3: now) and was never tried of webhooks ($1), which do not answer, waits until $2:
-- each once, not all of a heap at every failure.
-- name: outbox_wait
UPDATE outbox o SET next_at = x.until_at
FROM unnest($1::text[], $2::timestamptz[]) AS x(url, until_at)
WHERE o.state = 1 AND o.batch IS NULL AND o.channel = 2 AND o.recipient = x.url
	AND o.next_at <= $3::timestamptz;

-- Drops at most $2 of the messages sent before $1.
-- name: outbox_expire
DELETE FROM outbox o USING (
	SELECT customer_id, outbox_id FROM outbox WHERE state = 2 AND sent_at < $1::timestamptz
	LIMIT $2::integer) old
WHERE o.customer_id = old.customer_id AND o.outbox_id = old.outbox_id;

-- Rows after $1, at most $2: of customers $3 (NULL: all in scope), in state $4 (0: any).
-- name: outbox_list
SELECT o.outbox_id, k.code, o.ticket_id, o.kind, o.channel, coalesce(p.code, ''), o.recipient,
	o.state, coalesce(o.batch, 0), o.attempts, o.created_at, o.next_at, o.sent_at, o.last_error, o.reason
FROM outbox o JOIN customer k USING (customer_id)
	LEFT JOIN principal p ON p.principal_id = o.recipient_id
WHERE o.outbox_id > $1::bigint AND ($3::integer IS NULL OR o.customer_id = $3::integer)
	AND ($4::smallint = 0 OR o.state = $4::smallint)
ORDER BY o.outbox_id LIMIT $2::integer;

-- Dead rows wait again, now ($1), under the message id they had: those numbered $2, or all of
-- customer $3 (NULL: all in scope).
-- name: outbox_replay
UPDATE outbox SET state = 1, attempts = 0, next_at = $1::timestamptz
WHERE state = 3 AND (batch = ANY (SELECT o.batch FROM outbox o
		WHERE o.outbox_id = ANY ($2::bigint[]))
	OR cardinality($2::bigint[]) = 0 AND ($3::integer IS NULL OR customer_id = $3::integer));
