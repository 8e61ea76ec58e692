-- Import of observed history (rpc/import.c).

-- Cases of $3 that were imported before.
-- name: import_find
SELECT ref, ticket_id, hash FROM import_case
WHERE customer_id = $1 AND source = $2 AND ref = ANY ($3::text[]);

-- Ids of names, in their order; what does not exist is made.
-- name: import_names
SELECT id FROM import_names($1, $2, $3, $4, $5);

-- name: import_claim
SELECT import_claim($1, $2, $3, $4, $5);
