-- On-call: overrides made and withdrawn.

-- What the caller ($1) made under a key ($2) before.
-- name: oncall_override_made
SELECT hash, override_id FROM oncall_override WHERE made_by = $1 AND key = $2;

-- name: oncall_override_add
INSERT INTO oncall_override
	(team_id, layer, person_id, from_at, to_at, reason, made_by, made_at, key, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING override_id;

-- Run again it changes nothing: what was withdrawn stays so.
-- name: oncall_override_withdraw
UPDATE oncall_override SET withdrawn_by = $2, withdrawn_at = $3
WHERE override_id = $1 AND withdrawn_at IS NULL;
