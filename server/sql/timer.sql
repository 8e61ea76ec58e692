-- Due times: when time itself acts on a ticket next.

-- Timers that have passed at $1, from behind ($2, $3) on, at most $4.
-- name: timer_due
SELECT at, ticket_id FROM timer
WHERE at < $1::timestamptz AND (at, ticket_id) > ($2::timestamptz, $3::bigint)
ORDER BY at, ticket_id LIMIT $4::integer;

-- name: timer_next
SELECT at FROM timer ORDER BY at LIMIT 1;

-- Whether this session is the one that sweeps. A session that has the lock gets it again.
-- name: sweep_lock
SELECT pg_try_advisory_lock(hashtext('otklik.sweep'));

-- For every epoch of the reference data until it is done: at most about $1 tickets at a time; $2:
-- whether this process is the one that sweeps.
-- name: sweep_rearm
SELECT epoch, done, mine, moved FROM rearm_step($1::integer, $2::boolean);
