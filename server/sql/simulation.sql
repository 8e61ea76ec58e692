-- The past for simulations and forecasts. Read in one snapshot, by a stream.

-- name: simulation_count
SELECT count(*) FROM ticket
WHERE customer_id = $1::integer AND created_at >= $2::timestamptz AND created_at < $3::timestamptz;

-- What people and checks did to the tickets of a customer created in a span, ticket by ticket;
-- events of clocks and levels are left out, but not that a breach was forgiven. Columns are read by compute/past.c.
-- name: simulation_events
SELECT e.ticket_id, e.seq, e.kind, e.cause, e.actor_id, e.side, e.is_public, e.occurred_at,
	e.state, e.pending_reason, e.type, e.impact, e.urgency, e.priority, e.site_id, e.service_id,
	e.team_id, e.contract_version_id, e.clock
FROM ticket t JOIN event e ON e.customer_id = t.customer_id AND e.ticket_id = t.ticket_id
WHERE t.customer_id = $1::integer AND t.created_at >= $2::timestamptz
	AND t.created_at < $3::timestamptz AND (e.kind <= 7 OR e.kind IN (17, 18, 19, 22, 27))
ORDER BY e.ticket_id, e.seq;

-- Response and resolution clocks of tickets that began after $1: what they consumed and whether
-- they had ended. $2 at most, the newest first.
-- name: forecast_history
SELECT c.kind, t.type, t.priority, t.service_id, t.team_id, t.customer_id, c.state, c.wall,
	c.consumed_us, c.anchor_at, c.calendar_id
FROM sla_clock c JOIN ticket t ON t.customer_id = c.customer_id AND t.ticket_id = c.ticket_id
WHERE c.kind IN (1, 3) AND c.started_at >= $1::timestamptz AND c.state <> 5
	AND NOT t.self_recovered AND t.state <> 7
ORDER BY c.started_at DESC LIMIT $2::integer;

-- Open ones as they stand: $1 customer, $2 team, $3 due before, each NULL for any. Paused ones
-- have no due and are there where no end is asked for.
-- name: forecast_open
SELECT c.kind, t.type, t.priority, t.service_id, t.team_id, t.customer_id, c.state, c.wall,
	c.consumed_us, c.anchor_at, c.calendar_id, t.ticket_id, t.title, c.target_us, c.due_at,
	c.breached_at
FROM sla_clock c JOIN ticket t ON t.customer_id = c.customer_id AND t.ticket_id = c.ticket_id
WHERE c.kind IN (1, 3) AND c.state IN (1, 2) AND ($1::integer IS NULL OR t.customer_id = $1)
	AND ($2::integer IS NULL OR t.team_id = $2)
	AND ($3::timestamptz IS NULL OR c.due_at < $3)
ORDER BY c.due_at NULLS LAST, t.ticket_id LIMIT $4::integer;
