-- Tickets and their clocks. Columns of ticket_load are read by desk/load.c in this order; every
-- statement that gives whole tickets has the same. The scope of the reader holds (row security).

-- name: ticket_load
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
FROM ticket t WHERE t.ticket_id = ANY ($1::bigint[]) ORDER BY t.ticket_id;

-- name: clock_load
SELECT c.ticket_id, c.kind, c.state, c.target_us, c.target_bd, c.wall, c.calendar_id,
	c.started_at, c.anchor_at, c.consumed_us, c.due_at, c.breached_at, c.detected_at,
	c.stopped_at, c.waived_at, c.level_at, c.level_state
FROM ticket t JOIN sla_clock c ON c.customer_id = t.customer_id AND c.ticket_id = t.ticket_id
WHERE t.ticket_id = ANY ($1::bigint[]) ORDER BY c.ticket_id, c.kind;

-- The next $1 blocks of 64 ticket ids: the first of each.
-- name: ticket_numbers
SELECT nextval('ticket_number') FROM generate_series(1, $1::integer);

-- For the rest of the transaction: a list whose filters are mostly absent needs a plan for those
-- that are there.
-- name: plan_by_values
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- Lists. $1 customer; then filters, each NULL for any: $2 states, $3 open only, $4 team,
-- $5 assignee, $6 site, $7 priority, $8 type; $9 the last ticket of the page before, NULL on the
-- first; $10 how many. Newest first.
-- name: ticket_list_customer
SELECT t.ticket_id FROM ticket t
WHERE t.customer_id = $1::integer AND ($2::smallint[] IS NULL OR t.state = ANY ($2))
	AND (NOT $3::boolean OR t.state < 5) AND ($4::integer IS NULL OR t.team_id = $4)
	AND ($5::integer IS NULL OR t.assignee_id = $5) AND ($6::integer IS NULL OR t.site_id = $6)
	AND ($7::smallint IS NULL OR t.priority = $7) AND ($8::smallint IS NULL OR t.type = $8)
	AND ($9::bigint IS NULL OR t.ticket_id < $9)
ORDER BY t.ticket_id DESC LIMIT $10::integer;

-- As ticket_list_customer for all customers of the reader ($1 is unused, but there).
-- name: ticket_list_all
SELECT t.ticket_id FROM ticket t
WHERE $1::integer IS NULL AND ($2::smallint[] IS NULL OR t.state = ANY ($2))
	AND (NOT $3::boolean OR t.state < 5) AND ($4::integer IS NULL OR t.team_id = $4)
	AND ($5::integer IS NULL OR t.assignee_id = $5) AND ($6::integer IS NULL OR t.site_id = $6)
	AND ($7::smallint IS NULL OR t.priority = $7) AND ($8::smallint IS NULL OR t.type = $8)
	AND ($9::bigint IS NULL OR t.ticket_id < $9)
ORDER BY t.ticket_id DESC LIMIT $10::integer;

-- As above by the soonest due of a running clock that the customer was promised; $9 and $11 are ticket and due of the last one.
-- name: ticket_list_due
SELECT t.ticket_id, c.due_at FROM sla_clock c
	JOIN ticket t ON t.customer_id = c.customer_id AND t.ticket_id = c.ticket_id
WHERE c.state = 1 AND c.due_at IS NOT NULL AND c.kind <= 3
	AND NOT EXISTS (SELECT FROM sla_clock o WHERE o.customer_id = c.customer_id
		AND o.ticket_id = c.ticket_id AND o.state = 1 AND o.kind <= 3
		AND (o.due_at < c.due_at OR o.due_at = c.due_at AND o.kind < c.kind))
	AND ($1::integer IS NULL OR c.customer_id = $1)
	AND ($2::smallint[] IS NULL OR t.state = ANY ($2))
	AND (NOT $3::boolean OR t.state < 5) AND ($4::integer IS NULL OR t.team_id = $4)
	AND ($5::integer IS NULL OR t.assignee_id = $5) AND ($6::integer IS NULL OR t.site_id = $6)
	AND ($7::smallint IS NULL OR t.priority = $7) AND ($8::smallint IS NULL OR t.type = $8)
	AND ($9::bigint IS NULL OR (c.due_at, c.ticket_id) > ($11::timestamptz, $9))
ORDER BY c.due_at, c.ticket_id LIMIT $10::integer;

-- Open tickets of a customer ($1) under one of some contract versions ($2) behind a number ($3),
-- at most $4; how many there are is counted at the first page alone.
-- name: ticket_under_contracts
SELECT ticket_id, CASE WHEN $3 = 0 THEN (SELECT count(*) FROM ticket
		WHERE customer_id = $1 AND contract_version_id = ANY ($2::integer[]) AND state < 5) END
FROM ticket
WHERE customer_id = $1 AND contract_version_id = ANY ($2::integer[]) AND state < 5
	AND ticket_id > $3
ORDER BY ticket_id LIMIT $4;
