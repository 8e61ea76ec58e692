-- On-call: overrides made and withdrawn, and what was in force in the past.

-- What the caller ($1) made under a key ($2) before.
-- name: oncall_override_made
SELECT hash, override_id, person_id, in_place_of, from_at, to_at FROM oncall_override
WHERE made_by = $1 AND key = $2 ORDER BY part;

-- One for each person ($3) in place of another ($4, NULL: whoever it is), from $5 to $6.
-- name: oncall_override_add
INSERT INTO oncall_override (team_id, layer, person_id, in_place_of, from_at, to_at, reason, made_by,
	made_at, key, hash, part)
SELECT $1, $2, x.person, x.place, x.from_at, x.to_at, $7, $8, $9, $10, $11, x.part
FROM unnest($3::integer[], $4::integer[], $5::timestamptz[], $6::timestamptz[]) WITH ORDINALITY
	AS x(person, place, from_at, to_at, part)
RETURNING part, override_id;

-- Servers need not know those that ended some time before $1.
-- name: oncall_override_over
UPDATE oncall_override SET over = true
WHERE NOT over AND least(to_at, withdrawn_at) <= $1::timestamptz - interval '1 hour';

-- Run again it changes nothing: what was withdrawn stays so, and what is over. Who is no lead ($4)
-- ends his own.
-- name: oncall_override_withdraw
UPDATE oncall_override SET withdrawn_by = $2, withdrawn_at = $3
WHERE override_id = $1 AND withdrawn_at IS NULL AND to_at > $3 AND ($4 OR person_id = $2);

-- Rotas of a team ($1; 0: of all) as they were in force in some part of [$2, $3), and in which.
-- name: oncall_past_rotas
SELECT e.rota_id, r.code, e.team_id, e.layer, e.people, e.zone, e.period, e.hand_over, e.start,
	e.coverage, greatest(e.from_at, $2) AS from_at, least(e.until_at, $3) AS until_at
FROM (SELECT x.*, lead(x.from_at) OVER (PARTITION BY x.rota_id ORDER BY x.edition) AS until_at
	FROM oncall_rota_edition x) e
	JOIN oncall_rota r USING (rota_id)
WHERE NOT e.retired AND ($1::integer = 0 OR e.team_id = $1) AND e.from_at < $3
	AND (e.until_at IS NULL OR e.until_at > $2)
ORDER BY r.code, e.edition LIMIT $4;

-- Overrides likewise; a withdrawn one held until then.
-- name: oncall_past_overrides
SELECT o.override_id, o.team_id, o.layer, o.person_id, o.from_at,
	least(o.to_at, o.withdrawn_at) AS to_at, o.reason, o.made_by, o.in_place_of
FROM oncall_override o
WHERE ($1::integer = 0 OR o.team_id = $1) AND o.from_at < $3 AND o.to_at > $2
	AND (o.withdrawn_at IS NULL OR o.withdrawn_at > greatest(o.from_at, $2))
ORDER BY o.override_id LIMIT $4;
