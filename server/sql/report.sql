-- Reports of site agents; read by desk/report_load.c. $1 customer, $2 agent, $3 queue epoch.

-- name: report_mark
SELECT mark, quarantined FROM report_mark($1, $2, $3, $4, $5, $6);

-- name: report_quarantine
SELECT report_quarantine($1, $2, $3, $4, $5, $6);

-- Where a queue stands.
-- name: report_position
SELECT mark, quarantined FROM agent_mark
WHERE customer_id = $1 AND agent_id = $2 AND epoch = $3 AND lane = $4;

-- What became of the reports $5 to $6.
-- name: report_stored
SELECT seq, outcome, ticket_id, reason, occurred_at FROM report
WHERE customer_id = $1 AND agent_id = $2 AND epoch = $3 AND lane = $4 AND seq BETWEEN $5 AND $6
ORDER BY seq;

-- Last states of checks, and what waits of them; $3 hosts and $4 names run in parallel.
-- name: report_checks
SELECT w.host, w.name, m.counter, m.state, m.changed_at, m.ticket_id, k.counter, k.state, k.last,
	k.began
FROM (SELECT DISTINCT * FROM unnest($3::text[], $4::text[])) w(host, name)
	LEFT JOIN monitored_check m ON m.customer_id = $1::integer AND m.agent_id = $2::integer
		AND m.host = w.host AND m.check_name = w.name
	LEFT JOIN check_backlog k ON k.customer_id = $1 AND k.agent_id = $2
		AND k.host = w.host AND k.check_name = w.name
WHERE m.agent_id IS NOT NULL OR k.agent_id IS NOT NULL;

-- Checks that wait, at most $3.
-- name: report_waiting
SELECT last FROM check_backlog WHERE customer_id = $1 AND agent_id = $2
ORDER BY host, check_name LIMIT $3::integer;

-- name: report_wait
SELECT report_wait($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- Their incidents, in the columns of ticket_load and clock_load.
-- name: report_tickets
SELECT t.customer_id, t.ticket_id, t.version, t.type, t.state, t.pending_reason,
	t.pending_until, t.impact, t.urgency, t.priority, t.priority_overridden, t.title,
	t.category, t.subcategory, t.channel, t.external_ref, t.zone, t.site_id, t.service_id,
	t.team_id, t.assignee_id, t.requester_id, t.contract_version_id, t.created_at,
	t.updated_at, t.acknowledged_at, t.first_reply_at, t.first_resolved_at, t.resolved_at,
	t.closed_at, t.auto_close_at, t.recheck_at, t.reopen_count, t.machine_filed,
	t.human_touched, t.self_recovered, t.observed, t.no_sla, t.check_bad,
	t.merged_into, t.merged_at, t.merged_state, t.merged_clocks, t.promise_at,
	t.promise_given_at, t.promise_first_at, t.promise_warn_at,
	t.promise_broken, t.promise_changes, t.raised, t.watchers
FROM ticket t WHERE t.customer_id = $1::integer AND t.ticket_id = ANY (ARRAY(
	SELECT m.ticket_id FROM monitored_check m JOIN unnest($3::text[], $4::text[]) w(host, name)
		ON m.host = w.host AND m.check_name = w.name
	WHERE m.customer_id = $1 AND m.agent_id = $2::integer))
ORDER BY t.ticket_id;

-- name: report_clocks
SELECT c.ticket_id, c.kind, c.state, c.target_us, c.target_bd, c.wall, c.calendar_id,
	c.started_at, c.anchor_at, c.consumed_us, c.due_at, c.breached_at, c.detected_at,
	c.stopped_at, c.waived_at, c.level_at, c.level_state
FROM sla_clock c WHERE c.customer_id = $1::integer AND c.ticket_id = ANY (ARRAY(
	SELECT m.ticket_id FROM monitored_check m JOIN unnest($3::text[], $4::text[]) w(host, name)
		ON m.host = w.host AND m.check_name = w.name
	WHERE m.customer_id = $1 AND m.agent_id = $2::integer))
ORDER BY c.ticket_id, c.kind;

-- name: report_save
SELECT report_save($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
	$18, $19, $20, $21, $22, $23, $24, $25, $26);
