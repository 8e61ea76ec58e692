-- Tickets and their clocks. Columns of ticket_load are read by desk/load.c in this order; every
-- statement that gives whole tickets has the same. The scope of the reader holds (row security).

-- name: ticket_load
SELECT t.customer_id, t.ticket_id, t.version, t.type, t.state, t.pending_reason,
	t.pending_until, t.impact, t.urgency, t.priority, t.priority_overridden, t.title,
	t.category, t.subcategory, t.channel, t.external_ref, t.zone, t.site_id, t.service_id,
	t.team_id, t.assignee_id, t.requester_id, t.contract_version_id, t.created_at,
	t.updated_at, t.acknowledged_at, t.first_reply_at, t.first_resolved_at, t.resolved_at,
	t.closed_at, t.auto_close_at, t.recheck_at, t.reopen_count, t.machine_filed,
	t.human_touched, t.self_recovered, t.observed, t.no_sla, t.check_bad
FROM ticket t WHERE t.ticket_id = ANY ($1::bigint[]) ORDER BY t.ticket_id;

-- name: clock_load
SELECT c.ticket_id, c.kind, c.state, c.target_us, c.target_bd, c.wall, c.calendar_id,
	c.started_at, c.anchor_at, c.consumed_us, c.due_at, c.breached_at, c.detected_at,
	c.stopped_at, c.level_at, c.level_state
FROM ticket t JOIN sla_clock c ON c.customer_id = t.customer_id AND c.ticket_id = t.ticket_id
WHERE t.ticket_id = ANY ($1::bigint[]) ORDER BY c.ticket_id, c.kind;

-- The next $1 blocks of 64 ticket ids: the first of each.
-- name: ticket_numbers
SELECT nextval('ticket_number') FROM generate_series(1, $1::integer);
