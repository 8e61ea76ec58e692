-- The feed: the journal in the order of commits.

-- No row: there was nothing to do.
-- name: feed_sequence
SELECT head, added FROM feed_sequence() WHERE feed_pending();

-- After the commit, in a transaction that writes nothing: waking listeners flushes no log.
-- name: feed_notify
SELECT true FROM (SELECT pg_notify('otklik_feed', $1::text)) told;

-- Where a watch may begin: epoch, head, and the oldest entry still there (NULL: none).
-- name: feed_position
SELECT epoch, rev, (SELECT f.rev FROM feed f ORDER BY f.rev LIMIT 1) FROM feed_state;

-- name: feed_head
SELECT rev FROM feed_state;

-- Entries after $1 up to $2 that a watcher may see: $3 one customer and $4 one ticket, or NULL;
-- $5 whose internal entries it sees, NULL: everybody's. Columns as event_list, then those of the
-- feed. The reader's scope holds.
-- name: feed_read
SELECT e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at, e.recorded_at,
	e.state, e.pending_reason, e.until_at, e.type, e.impact, e.urgency, e.priority, e.site_id,
	e.service_id, e.team_id, e.assignee_id, e.requester_id, e.contract_version_id, e.category,
	e.subcategory, e.zone, e.clock, e.level, e.clock_state, e.target_us, e.consumed_us, e.due_at,
	e.old_due_at, e.related_id, e.flags, e.person_id, x.content, f.rev, f.customer_id, f.ticket_id, t.title
FROM feed f
	JOIN event e ON e.customer_id = f.customer_id AND e.ticket_id = f.ticket_id AND e.seq = f.seq
	JOIN ticket t ON t.customer_id = f.customer_id AND t.ticket_id = f.ticket_id
	LEFT JOIN event_content x
		ON x.customer_id = f.customer_id AND x.ticket_id = f.ticket_id AND x.seq = f.seq
WHERE f.rev > $1 AND f.rev <= $2 AND ($3::integer IS NULL OR f.customer_id = $3)
	AND ($4::bigint IS NULL OR f.ticket_id = $4)
	AND (e.is_public OR $5::integer[] IS NULL OR f.customer_id = ANY ($5))
ORDER BY f.rev;

-- Drops at most $2 of the oldest entries, all recorded before $1, folded and dispatched.
-- name: feed_trim
DELETE FROM feed WHERE rev <= (
	SELECT max(rev) FROM (
		SELECT f.rev, bool_and(e.recorded_at < $1::timestamptz) OVER (ORDER BY f.rev) AS old
		FROM (SELECT * FROM feed ORDER BY rev LIMIT $2::integer) f JOIN event e
			ON e.customer_id = f.customer_id AND e.ticket_id = f.ticket_id AND e.seq = f.seq
	) oldest WHERE old AND rev <= (SELECT rev FROM kpi_fold)
		AND rev <= (SELECT rev FROM dispatch));
