-- Promises: the ledger of one ticket, and how often they were kept for others like it.

-- Entry $2 of a ticket's journal, without its text; columns as event_list.
-- name: event_cited
SELECT e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at, e.recorded_at,
	e.state, e.pending_reason, e.until_at, e.type, e.impact, e.urgency, e.priority, e.site_id,
	e.service_id, e.team_id, e.assignee_id, e.requester_id, e.contract_version_id, e.category,
	e.subcategory, e.zone, e.clock, e.level, e.clock_state, e.target_us, e.consumed_us, e.due_at,
	e.old_due_at, e.related_id, e.flags, e.person_id, NULL::text
FROM ticket t JOIN event e ON e.customer_id = t.customer_id AND e.ticket_id = t.ticket_id
	AND e.seq = $2
WHERE t.ticket_id = $1;

-- The ledger: given, moved and withdrawn (19), warned of (20; $4: internal ones too), broken
-- (21). The newest $3, and none behind half a megabyte of text; newest first; columns as
-- event_list.
-- name: promise_ledger
SELECT e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at, e.recorded_at,
	e.state, e.pending_reason, e.until_at, e.type, e.impact, e.urgency, e.priority, e.site_id,
	e.service_id, e.team_id, e.assignee_id, e.requester_id, e.contract_version_id, e.category,
	e.subcategory, e.zone, e.clock, e.level, e.clock_state, e.target_us, e.consumed_us, e.due_at,
	e.old_due_at, e.related_id, e.flags, e.person_id, e.content
FROM (SELECT v.*, x.content, sum(octet_length(x.content)) OVER (ORDER BY v.seq DESC
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
		FROM event v LEFT JOIN event_content x
			ON x.customer_id = v.customer_id AND x.ticket_id = v.ticket_id AND x.seq = v.seq
		WHERE v.customer_id = $1 AND v.ticket_id = $2 AND v.kind IN (19, 20, 21)
			AND (v.is_public OR $4)
		ORDER BY v.seq DESC LIMIT $3::integer) e
WHERE coalesce(e.before, 0) < 524288 ORDER BY e.seq DESC;

-- Tickets like one, narrowest group first: 1 of its service, 2 of its team, 3 of its priority,
-- each of type $1 and priority $2 ($3 service, $4 team; NULL: it has none), 4 of its type. Those
-- promised between $6 and $7 (now) without ticket $5, the newest $8 of each group (of group 4:
-- of each priority). Of the first date: how many are known to be kept or broken, and kept; of
-- the last one likewise; and the middle of how much later than the first date they were done (or
-- are by now, where they are not).
-- name: promise_record
WITH near (place, ticket_id, state, resolved_at, promise_at, promise_first_at, promise_broken) AS (
	SELECT 1, t.* FROM (
		SELECT t.ticket_id, t.state, t.resolved_at, t.promise_at, t.promise_first_at, t.promise_broken
		FROM ticket t
		WHERE t.type = $1::smallint AND t.priority = $2::smallint AND t.service_id = $3::integer
			AND t.promise_first_at IS NOT NULL
			AND t.promise_given_at BETWEEN $6::timestamptz AND $7::timestamptz
		ORDER BY t.promise_given_at DESC LIMIT $8::integer) t
	UNION ALL
	SELECT 2, t.* FROM (
		SELECT t.ticket_id, t.state, t.resolved_at, t.promise_at, t.promise_first_at, t.promise_broken
		FROM ticket t
		WHERE t.type = $1::smallint AND t.priority = $2 AND t.team_id = $4::integer
			AND t.promise_first_at IS NOT NULL
			AND t.promise_given_at BETWEEN $6::timestamptz AND $7::timestamptz
		ORDER BY t.promise_given_at DESC LIMIT $8::integer) t
	UNION ALL
	SELECT 3, t.* FROM (
		SELECT t.ticket_id, t.state, t.resolved_at, t.promise_at, t.promise_first_at, t.promise_broken
		FROM ticket t
		WHERE t.type = $1::smallint AND t.priority = $2
			AND t.promise_first_at IS NOT NULL
			AND t.promise_given_at BETWEEN $6::timestamptz AND $7::timestamptz
		ORDER BY t.promise_given_at DESC LIMIT $8::integer) t
	UNION ALL
	SELECT 4, t.* FROM generate_series(1, 5) p(priority) CROSS JOIN LATERAL (
		SELECT t.ticket_id, t.state, t.resolved_at, t.promise_at, t.promise_first_at, t.promise_broken
		FROM ticket t
		WHERE t.type = $1::smallint AND t.priority = p.priority
			AND t.promise_first_at IS NOT NULL
			AND t.promise_given_at BETWEEN $6::timestamptz AND $7::timestamptz
		ORDER BY t.promise_given_at DESC LIMIT $8::integer) t
)
SELECT place, count(*), count(*) FILTER (WHERE done_at <= promise_first_at),
	count(*) FILTER (WHERE last_known), count(*) FILTER (WHERE last_known AND done_at <= promise_at),
	percentile_disc(0.5) WITHIN GROUP (ORDER BY
		(extract(epoch FROM coalesce(done_at, $7) - promise_first_at) * 1000000)::bigint)
FROM (SELECT *, promise_at IS NOT NULL AND (done_at IS NOT NULL OR promise_broken) AS last_known
	FROM (SELECT *, CASE WHEN state IN (5, 6) THEN resolved_at END AS done_at FROM near) n
	WHERE ticket_id <> $5::bigint AND state <> 7
		AND (done_at IS NOT NULL OR promise_first_at < $7 OR promise_broken)) n
GROUP BY place ORDER BY place;

-- As promise_record for a reader of the customers $9 only, among the newest $8 of each of them:
-- the scope would sift the others out one by one.
-- name: promise_record_of
WITH near AS (
	SELECT t.* FROM unnest($9::integer[]) c(customer_id) CROSS JOIN LATERAL (
		SELECT t.ticket_id, t.priority, t.service_id, t.team_id, t.state, t.resolved_at,
			t.promise_at, t.promise_first_at, t.promise_broken
		FROM ticket t
		WHERE t.customer_id = c.customer_id AND t.type = $1::smallint
			AND t.promise_first_at IS NOT NULL
			AND t.promise_given_at BETWEEN $6::timestamptz AND $7::timestamptz
		ORDER BY t.promise_given_at DESC LIMIT $8::integer) t
)
SELECT place, count(*), count(*) FILTER (WHERE done_at <= promise_first_at),
	count(*) FILTER (WHERE last_known), count(*) FILTER (WHERE last_known AND done_at <= promise_at),
	percentile_disc(0.5) WITHIN GROUP (ORDER BY
		(extract(epoch FROM coalesce(done_at, $7) - promise_first_at) * 1000000)::bigint)
FROM (SELECT *, promise_at IS NOT NULL AND (done_at IS NOT NULL OR promise_broken) AS last_known
	FROM (SELECT *, CASE WHEN state IN (5, 6) THEN resolved_at END AS done_at FROM near) n
	WHERE ticket_id <> $5::bigint AND state <> 7
		AND (done_at IS NOT NULL OR promise_first_at < $7 OR promise_broken)) n
	JOIN (VALUES (1), (2), (3), (4)) g(place) ON place = 4 OR priority = $2::smallint
		AND (place = 3 OR place = 1 AND service_id = $3::integer
			OR place = 2 AND team_id = $4::integer)
GROUP BY place ORDER BY place;
