-- Reference data, loaded whole by every process. Epoch first and last: when the two differ
-- somebody changed the data in between, and they are read again.

-- name: reference_epoch
SELECT epoch, name, secret, additions, (SELECT address FROM mail_policy) FROM installation;

-- Taken by whoever changes reference data, before reading what it decides on: until its commit
-- no ticket is saved that was decided under the old ones (desk_save holds it shared).
-- name: reference_lock
SELECT true FROM (SELECT pg_advisory_xact_lock(hashtext('otklik.reference'))) locked;

-- name: reference_customers
SELECT customer_id, code, name, zone, retired FROM customer ORDER BY customer_id;

-- name: reference_sites
SELECT site_id, customer_id, code, name, zone, retired FROM site ORDER BY site_id;

-- name: reference_site_calendars
SELECT site_id, from_at, calendar_id FROM site_calendar ORDER BY site_id, edition;

-- name: reference_teams
SELECT team_id, code, name, retired FROM team ORDER BY team_id;

-- name: reference_services
SELECT service_id, customer_id, code, retired FROM service ORDER BY service_id;

-- People without a team of their own get the first they are a member of.
-- name: reference_principals
SELECT p.principal_id, p.kind, p.customer_id, p.code, p.name, p.zone, p.uri, p.site_id,
	coalesce(p.team_id, (SELECT min(m.team_id) FROM team_member m
		WHERE m.principal_id = p.principal_id)) AS team_id,
	p.disabled
FROM principal p ORDER BY p.principal_id;

-- name: reference_grants
SELECT principal_id, role, customer_id FROM principal_grant
ORDER BY principal_id, role, customer_id;

-- name: reference_calendars
SELECT calendar_id, code FROM calendar ORDER BY calendar_id;

-- Zones as they were when an edition began. Those of editions that name none are the first known.
-- name: reference_zones
SELECT z.zone, z.edition, z.version, z.data FROM zone_edition z
WHERE EXISTS (SELECT FROM calendar_edition e
	WHERE e.zone = z.zone AND coalesce(e.zone_edition, 1) = z.edition)
ORDER BY z.zone, z.edition;

-- name: reference_editions
SELECT calendar_id, from_at, zone, week,
	array_to_string(
		ARRAY(SELECT to_char(h, 'YYYY-MM-DD') FROM unnest(holidays) h)
		|| ARRAY(SELECT to_char(d, 'YYYY-MM-DD') || ' ' || s
			FROM unnest(special_dates, special_spans) AS x(d, s)), '; ') AS exceptions,
	array_to_string(rules, '; ') AS rules, names, coalesce(zone_edition, 1) AS zone_edition
FROM calendar_edition ORDER BY calendar_id, from_at, edition;

-- name: reference_contracts
SELECT v.contract_version_id, v.version, c.customer_id, c.code, v.calendar_id, v.valid_from,
	v.withdrawn_at IS NOT NULL AS withdrawn, v.site_ids, v.service_ids, v.matrix, v.pauses,
	v.auto_close, v.reopen_window, v.contract_id, v.withdrawn_at, v.valid_until, v.ack_stops,
	v.fee, v.currency, v.period, v.credit_cap
FROM contract_version v JOIN contract c USING (contract_id) ORDER BY v.contract_version_id;

-- name: reference_targets
SELECT contract_version_id, type, priority, service_id, clock, target, team_id FROM contract_target
ORDER BY contract_version_id, position;

-- Disabled people keep their turn: that nobody answers must show, not shift everybody's weeks.
-- name: reference_rotas
SELECT r.rota_id, r.code, r.team_id, r.layer, r.people, r.zone, r.period, r.hand_over, r.start,
	r.coverage
FROM oncall_rota r WHERE NOT r.retired ORDER BY r.code;

-- Of now and ahead; a withdrawn one held until then.
-- name: reference_overrides
SELECT override_id, team_id, layer, person_id, from_at,
	least(to_at, coalesce(withdrawn_at, to_at)) AS to_at, reason, made_by, in_place_of
FROM oncall_override WHERE NOT over AND (withdrawn_at IS NULL OR withdrawn_at > from_at)
ORDER BY override_id;

-- name: reference_levels
SELECT contract_version_id, clock, level, at, name, actions FROM contract_level
ORDER BY contract_version_id, clock, level;

-- name: reference_credits
SELECT contract_version_id, type, priority, service_id, clock, below, credit FROM contract_credit
ORDER BY contract_version_id, position;
