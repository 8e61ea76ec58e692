-- Folding the feed into rollups, asking them, and rebuilding them to compare.

-- The watermark and the events behind it, oldest first; one row without an event when there
-- are none. The first event of each ticket brings what the fold remembers of it: all in one
-- statement, because another fold may save between two. As a value and not a join: that read all
-- of kpi_ticket where the plan took the limit for a tenth of the feed.
-- name: kpi_fold_read
SELECT k.rev, k.quarter_from, x.rev AS event_rev, x.customer_id, x.ticket_id, x.seq, x.kind,
	x.cause, x.side, x.is_public, x.occurred_at, x.state, x.pending_reason, x.type, x.priority,
	x.site_id, x.team_id, x.contract_version_id, x.zone, x.clock, x.clock_state, x.consumed_us,
	x.until_at, x.old_due_at, x.flags, x.target_us, x.first,
	CASE WHEN x.first THEN (SELECT t.state FROM kpi_ticket t WHERE t.customer_id = x.customer_id
		AND t.ticket_id = x.ticket_id) END AS remembered, k.rules
FROM kpi_fold k LEFT JOIN LATERAL (
	SELECT f.rev, e.customer_id, e.ticket_id, e.seq, e.kind, e.cause, e.side, e.is_public,
		e.occurred_at, e.state, e.pending_reason, e.type, e.priority, e.site_id, e.team_id,
		e.contract_version_id, e.zone, e.clock, e.clock_state, e.consumed_us, e.until_at,
		e.old_due_at, e.flags, e.target_us,
		row_number() OVER (PARTITION BY e.customer_id, e.ticket_id ORDER BY f.rev) = 1 AS first
	FROM (SELECT * FROM feed WHERE rev > k.rev ORDER BY rev LIMIT $1::integer) f
		JOIN event e USING (customer_id, ticket_id, seq)) x ON true
ORDER BY x.rev;

-- name: kpi_fold_save
SELECT kpi_fold_save($1::smallint, $2::bigint, $3::bigint, $4::timestamptz, $5::integer[],
	$6::bigint[], $7::bigint[], $8::bytea[], $9::integer[], $10::date[], $11::integer[],
	$12::integer[], $13::integer[], $14::smallint[], $15::smallint[], $16::smallint[],
	$17::integer[], $18::integer[], $19::bigint[]);

-- The next $1 entries to be folded again under newer rules, of tickets already folded and as far
-- as they were. Where it stands in any case; columns as in kpi_fold_read. The ticket on which the
-- last step ended brings what it came to.
-- name: kpi_complete_read
SELECT k.rules, NULL::timestamptz AS quarter_from, x.seq AS event_rev, x.customer_id, x.ticket_id,
	x.seq, x.kind, x.cause, x.side, x.is_public, x.occurred_at, x.state, x.pending_reason, x.type,
	x.priority, x.site_id, x.team_id, x.contract_version_id, x.zone, x.clock, x.clock_state,
	x.consumed_us, x.until_at, x.old_due_at, x.flags, x.target_us,
	x.seq = 1 OR x.seq = k.up_seq + 1 AND x.ticket_id = k.up_ticket
		AND x.customer_id = k.up_customer AS first,
	CASE WHEN x.seq = k.up_seq + 1 AND x.ticket_id = k.up_ticket AND x.customer_id = k.up_customer
		THEN x.remembered END, x.folded, k.up_customer, k.up_ticket, k.up_seq
FROM kpi_fold k LEFT JOIN LATERAL (
	SELECT e.*, t.seq AS folded, t.state AS remembered
	FROM event e JOIN kpi_ticket t ON t.customer_id = e.customer_id
		AND t.ticket_id = e.ticket_id AND e.seq <= t.seq
	WHERE (e.customer_id, e.ticket_id, e.seq) > (k.up_customer, k.up_ticket, k.up_seq)
	ORDER BY e.customer_id, e.ticket_id, e.seq LIMIT $1::integer) x ON true
ORDER BY x.customer_id, x.ticket_id, x.seq;

-- name: kpi_fold_complete
SELECT kpi_fold_complete($1::smallint, $2::smallint, $3::integer, $4::bigint, $5::bigint,
	$6::integer, $7::bigint, $8::bigint, $9::integer[], $10::bigint[], $11::bigint[],
	$12::bytea[], $13::integer[], $14::date[], $15::integer[], $16::integer[], $17::integer[],
	$18::smallint[], $19::smallint[], $20::smallint[], $21::integer[], $22::integer[],
	$23::bigint[]);

-- Everything folded so far, ticket by ticket, for a rebuild. The states say how far: the feed
-- may have been trimmed.
-- name: kpi_verify_events
SELECT 0::bigint AS rev, NULL::timestamptz AS quarter_from, 0::bigint AS event_rev,
	e.customer_id, e.ticket_id, e.seq, e.kind,
	e.cause, e.side, e.is_public, e.occurred_at, e.state, e.pending_reason, e.type, e.priority,
	e.site_id, e.team_id, e.contract_version_id, e.zone, e.clock, e.clock_state, e.consumed_us,
	e.until_at, e.old_due_at, e.flags, e.target_us
FROM event e JOIN kpi_ticket t USING (customer_id, ticket_id)
WHERE e.seq <= t.seq
ORDER BY e.customer_id, e.ticket_id, e.seq;

-- name: kpi_verify_start
SELECT k.rev, k.quarter_from, (SELECT coalesce(sum(seq), 0)::bigint FROM kpi_ticket), k.rules
FROM kpi_fold k;

-- name: kpi_verify_cells
SELECT customer_id, day - '1970-01-01'::date, site_id, team_id, priority, type, metric, bucket, n,
	sum::text, sum2::text
FROM kpi_cell WHERE n <> 0 OR sum <> 0 OR sum2 <> 0;

-- name: kpi_verify_quarters
SELECT customer_id, (extract(epoch FROM quarter) / 900)::integer, site_id, team_id, priority, type,
	metric, bucket, n, sum::text, sum2::text
FROM kpi_quarter WHERE n <> 0 OR sum <> 0 OR sum2 <> 0;

-- Sums by group. Flags say which dimensions make groups; filters are NULL where not given.
-- Buckets are merged unless asked for. Stocks are summed from the beginning of time: their
-- rows before $from come with a NULL period. The arrays are cells that are not stored
-- (rpc/kpi_open.c), by day or by quarter-hour.
-- name: kpi_by_day
SELECT CASE WHEN $1::boolean THEN customer_id END, CASE WHEN $2::boolean THEN site_id END,
	CASE WHEN $3::boolean THEN team_id END, CASE WHEN $4::boolean THEN priority::integer END,
	CASE WHEN $5::boolean THEN type::integer END,
	CASE WHEN day >= $8::date THEN
		CASE $6::text WHEN 'day' THEN day
			WHEN 'week' THEN date_trunc('week', day::timestamp)::date
			WHEN 'month' THEN date_trunc('month', day::timestamp)::date END END AS period,
	metric::integer, bucket, sum(n)::bigint, sum(sum)::bigint
FROM (SELECT customer_id, site_id, team_id, priority, type, day, metric, bucket, n, sum
	FROM kpi_cell
	UNION ALL
	SELECT c::integer, s::integer, t::integer, p::smallint, y::smallint,
		'1970-01-01'::date + d::integer, m::smallint, 0, cn, cs
	FROM unnest($16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
		$21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[])
		AS o(c, d, s, t, p, y, m, cn, cs)) k
WHERE metric = ANY ($7::smallint[]) AND (day >= $8::date OR $10::boolean) AND day < $9::date
	AND ($11::integer[] IS NULL OR customer_id = ANY ($11::integer[]))
	AND ($12::integer IS NULL OR site_id = $12::integer)
	AND ($13::integer IS NULL OR team_id = $13::integer)
	AND ($14::integer IS NULL OR priority = $14::integer)
	AND ($15::integer IS NULL OR type = $15::integer)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
HAVING sum(n) <> 0
ORDER BY 1, 2, 3, 4, 5, 6 NULLS FIRST, 7, 8;

-- The same by hour of a viewer's zone, from the quarter-hours kept.
-- name: kpi_by_hour
SELECT CASE WHEN $1::boolean THEN customer_id END, CASE WHEN $2::boolean THEN site_id END,
	CASE WHEN $3::boolean THEN team_id END, CASE WHEN $4::boolean THEN priority::integer END,
	CASE WHEN $5::boolean THEN type::integer END,
	date_trunc('hour', quarter, $6::text) AS period,
	metric::integer, bucket, sum(n)::bigint, sum(sum)::bigint
FROM (SELECT customer_id, site_id, team_id, priority, type, quarter, metric, bucket, n, sum
	FROM kpi_quarter
	UNION ALL
	SELECT c::integer, s::integer, t::integer, p::smallint, y::smallint,
		to_timestamp(d * 900.0), m::smallint, 0, cn, cs
	FROM unnest($15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
		$20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[])
		AS o(c, d, s, t, p, y, m, cn, cs)) k
WHERE metric = ANY ($7::smallint[]) AND quarter >= $8::timestamptz AND quarter < $9::timestamptz
	AND ($10::integer[] IS NULL OR customer_id = ANY ($10::integer[]))
	AND ($11::integer IS NULL OR site_id = $11::integer)
	AND ($12::integer IS NULL OR team_id = $12::integer)
	AND ($13::integer IS NULL OR priority = $13::integer)
	AND ($14::integer IS NULL OR type = $14::integer)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
HAVING sum(n) <> 0
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8;

-- Clocks that are open now, of the kinds up to $6; only those past their due at $7 where it is
-- given. Filters as above. Columns are read by rpc/kpi_open.c.
-- name: kpi_open_clocks
SELECT t.customer_id, t.site_id, t.team_id, t.priority, t.type, t.zone, c.kind, c.state, c.wall,
	c.target_us, c.consumed_us, c.anchor_at, c.calendar_id, c.breached_at IS NOT NULL,
	c.waived_at IS NOT NULL
FROM sla_clock c JOIN ticket t ON t.customer_id = c.customer_id AND t.ticket_id = c.ticket_id
WHERE c.state IN (1, 2) AND c.kind <= $6::integer
	AND ($7::timestamptz IS NULL OR c.breached_at IS NOT NULL OR c.due_at < $7::timestamptz)
	AND ($1::integer[] IS NULL OR t.customer_id = ANY ($1::integer[]))
	AND ($2::integer IS NULL OR t.site_id = $2::integer)
	AND ($3::integer IS NULL OR t.team_id = $3::integer)
	AND ($4::integer IS NULL OR t.priority = $4::integer)
	AND ($5::integer IS NULL OR t.type = $5::integer);

-- How far the fold has come, for the answer's as_of_rev, and by which rules.
-- name: kpi_position
SELECT rev, quarter_from, rules FROM kpi_fold;
