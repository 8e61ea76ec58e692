-- Keys of mutations done.

-- Of a command on a ticket that the reader sees.
-- name: idempotency_of_ticket
SELECT k.hash, k.ticket_id, k.version FROM ticket t JOIN idempotency k
	ON k.customer_id = t.customer_id AND k.principal_id = $2 AND k.key = $3
WHERE t.ticket_id = $1;

-- Older than $1, at most $2; the sweep of expiry repeats it until nothing is left.
-- name: idempotency_expire
DELETE FROM idempotency WHERE (customer_id, principal_id, key) IN (
	SELECT customer_id, principal_id, key FROM idempotency WHERE created_at < $1::timestamptz
	ORDER BY created_at LIMIT $2::integer);
