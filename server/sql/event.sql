-- The journal. Columns of event_list are read by load_event of desk/load.c in this order;
-- statements that give whole events have the same, others may follow behind.

-- Entries of one ticket after $3, at most $4 and none behind a megabyte of text (more than a
-- reply holds); $5: internal ones too.
-- name: event_list
SELECT e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at, e.recorded_at,
	e.state, e.pending_reason, e.until_at, e.type, e.impact, e.urgency, e.priority, e.site_id,
	e.service_id, e.team_id, e.assignee_id, e.requester_id, e.contract_version_id, e.category,
	e.subcategory, e.zone, e.clock, e.level, e.clock_state, e.target_us, e.consumed_us, e.due_at,
	e.old_due_at, e.related_id, e.flags, e.person_id, e.content
FROM (SELECT v.*, x.content, sum(octet_length(x.content)) OVER (ORDER BY v.seq
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
		FROM event v LEFT JOIN event_content x
			ON x.customer_id = v.customer_id AND x.ticket_id = v.ticket_id AND x.seq = v.seq
		WHERE v.customer_id = $1 AND v.ticket_id = $2 AND v.seq > $3 AND (v.is_public OR $5)
		ORDER BY v.seq LIMIT $4::integer) e
WHERE coalesce(e.before, 0) < 1048576 ORDER BY e.seq;

-- The journal of one ticket up to $3, at most $4, without the texts.
-- name: event_journal
SELECT e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at, e.recorded_at,
	e.state, e.pending_reason, e.until_at, e.type, e.impact, e.urgency, e.priority, e.site_id,
	e.service_id, e.team_id, e.assignee_id, e.requester_id, e.contract_version_id, e.category,
	e.subcategory, e.zone, e.clock, e.level, e.clock_state, e.target_us, e.consumed_us, e.due_at,
	e.old_due_at, e.related_id, e.flags, e.person_id, NULL::text
FROM event e WHERE e.customer_id = $1 AND e.ticket_id = $2 AND e.seq <= $3
ORDER BY e.seq LIMIT $4::integer;
