-- The journal. Columns of event_list are read by load_event of desk/load.c in this order;
-- statements that give whole events have the same, others may follow behind.

-- Entries of one ticket after $3, at most $4; $5: internal ones too.
-- name: event_list
SELECT e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at, e.recorded_at,
	e.state, e.pending_reason, e.until_at, e.type, e.impact, e.urgency, e.priority, e.site_id,
	e.service_id, e.team_id, e.assignee_id, e.requester_id, e.contract_version_id, e.category,
	e.subcategory, e.zone, e.clock, e.level, e.clock_state, e.target_us, e.consumed_us, e.due_at,
	e.old_due_at, x.content
FROM event e LEFT JOIN event_content x
	ON x.customer_id = e.customer_id AND x.ticket_id = e.ticket_id AND x.seq = e.seq
WHERE e.customer_id = $1 AND e.ticket_id = $2 AND e.seq > $3 AND (e.is_public OR $5)
ORDER BY e.seq LIMIT $4::integer;

-- The journal of one ticket up to $3, at most $4, without the texts.
-- name: event_journal
SELECT e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at, e.recorded_at,
	e.state, e.pending_reason, e.until_at, e.type, e.impact, e.urgency, e.priority, e.site_id,
	e.service_id, e.team_id, e.assignee_id, e.requester_id, e.contract_version_id, e.category,
	e.subcategory, e.zone, e.clock, e.level, e.clock_state, e.target_us, e.consumed_us, e.due_at,
	e.old_due_at, NULL::text
FROM event e WHERE e.customer_id = $1 AND e.ticket_id = $2 AND e.seq <= $3
ORDER BY e.seq LIMIT $4::integer;
