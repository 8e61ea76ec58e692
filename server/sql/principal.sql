-- The caller named by a certificate, with grants as two arrays in the same order.
-- name: principal_by_uri
SELECT p.principal_id, p.kind, p.customer_id, p.site_id,
	coalesce(p.team_id, (SELECT min(m.team_id) FROM team_member m
		WHERE m.principal_id = p.principal_id)),
	p.code, p.name, coalesce(nullif(p.zone, ''), c.zone), p.disabled OR c.retired,
	ARRAY(SELECT g.role FROM principal_grant g WHERE g.principal_id = p.principal_id
		ORDER BY g.role, g.customer_id),
	ARRAY(SELECT g.customer_id FROM principal_grant g WHERE g.principal_id = p.principal_id
		ORDER BY g.role, g.customer_id)
FROM principal p JOIN customer c USING (customer_id)
WHERE p.uri = $1;

-- Customers of a principal's grants by code, and its own, for WhoAmI.
-- name: principal_customers
SELECT c.customer_id, c.code FROM customer c WHERE c.customer_id = ANY($1);

-- Grows with every change of reference data.
-- name: principal_epoch
SELECT epoch FROM installation;

-- The first administrator ($1 code, $2 URI) of an installation called $3, while there is
-- nobody at all.
-- name: principal_bootstrap
WITH named AS (
	UPDATE installation SET name = $3, epoch = epoch + 1
	WHERE NOT EXISTS (SELECT FROM principal)
), added AS (
	INSERT INTO principal (kind, customer_id, code, name, uri)
	SELECT 1, 0, $1, $1, $2 WHERE NOT EXISTS (SELECT FROM principal)
	RETURNING principal_id
)
INSERT INTO principal_grant (principal_id, role, customer_id)
SELECT principal_id, 5, 0 FROM added;
