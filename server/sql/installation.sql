-- The installation as it is declared: read whole and as texts, to be compared with a file, and
-- written by code. Ids stay in the database. desk/installation_load.c and _write.c use these.

-- name: installation_customers
SELECT code, name, zone, language, NOT retired FROM customer WHERE customer_id <> 0;

-- name: installation_sites
SELECT c.code || '/' || s.code, s.name, s.zone,
	coalesce((SELECT k.code FROM site_calendar x LEFT JOIN calendar k USING (calendar_id)
		WHERE x.site_id = s.site_id ORDER BY x.edition DESC LIMIT 1), ''),
	NOT s.retired, s.imported
FROM site s JOIN customer c USING (customer_id);

-- name: installation_teams
SELECT code, name, NOT retired, imported FROM team;

-- name: installation_services
SELECT c.code || '/' || s.code, s.name, NOT s.retired FROM service s JOIN customer c USING (customer_id);

-- People and agents, and of the placeholders those whose codes ($1) are declared now.
-- name: installation_principals
SELECT p.kind, p.code, p.name, p.email,
	CASE WHEN p.customer_id = 0 THEN '' ELSE c.code END, p.zone, p.language, p.disabled,
	(SELECT x.code || '/' || s.code FROM site s JOIN customer x USING (customer_id)
		WHERE s.site_id = p.site_id),
	(SELECT t.code FROM team t WHERE t.team_id = p.team_id),
	ARRAY(SELECT g.role FROM principal_grant g WHERE g.principal_id = p.principal_id
		ORDER BY g.role, g.customer_id),
	ARRAY(SELECT CASE WHEN g.customer_id = 0 THEN '' ELSE y.code END
		FROM principal_grant g JOIN customer y USING (customer_id)
		WHERE g.principal_id = p.principal_id ORDER BY g.role, g.customer_id),
	ARRAY(SELECT t.code FROM team_member m JOIN team t USING (team_id)
		WHERE m.principal_id = p.principal_id)
FROM principal p JOIN customer c USING (customer_id)
WHERE p.kind <> 3 OR p.code = ANY ($1::text[]);

-- Calendars with their last edition.
-- name: installation_calendars
SELECT c.code, NOT c.retired, e.zone, e.week,
	ARRAY(SELECT to_char(h, 'YYYY-MM-DD') FROM unnest(e.holidays) h),
	ARRAY(SELECT to_char(d, 'YYYY-MM-DD') || ' ' || s
		FROM unnest(e.special_dates, e.special_spans) AS x(d, s)),
	array_to_string(e.rules, '; '), e.names
FROM calendar c JOIN LATERAL (SELECT * FROM calendar_edition x
	WHERE x.calendar_id = c.calendar_id ORDER BY x.edition DESC LIMIT 1) e ON true;

-- Contracts with their last version; one alone ($1) and a version of it ($2) where asked for.
-- name: installation_contracts
SELECT c.code, v.withdrawn_at IS NULL, x.code, k.code, v.valid_from,
	ARRAY(SELECT s.code FROM site s WHERE s.site_id = ANY (v.site_ids)),
	ARRAY(SELECT s.code FROM service s WHERE s.service_id = ANY (v.service_ids)),
	v.matrix, v.pauses, v.auto_close, v.reopen_window, t.types, t.priorities, t.services, t.clocks,
	t.targets, l.clocks, l.ats, l.names, l.actions, t.teams, v.valid_until, v.ack_stops, v.fee,
	v.currency, v.period, v.credit_cap, r.types, r.priorities, r.services, r.clocks, r.belows,
	r.credits, c.separate, v.version
FROM contract c
JOIN customer x USING (customer_id)
JOIN LATERAL (SELECT * FROM contract_version y WHERE y.contract_id = c.contract_id
		AND ($2 = 0 OR y.version = $2)
	ORDER BY y.version DESC LIMIT 1) v ON true
JOIN calendar k USING (calendar_id)
CROSS JOIN LATERAL (SELECT array_agg(a.type ORDER BY a.position) AS types,
		array_agg(a.priority ORDER BY a.position) AS priorities,
		array_agg(coalesce(s.code, '') ORDER BY a.position) AS services,
		array_agg(a.clock ORDER BY a.position) AS clocks,
		array_agg(a.target ORDER BY a.position) AS targets,
		array_agg(coalesce(m.code, '') ORDER BY a.position) AS teams
	FROM contract_target a LEFT JOIN service s USING (service_id) LEFT JOIN team m USING (team_id)
	WHERE a.contract_version_id = v.contract_version_id) t
CROSS JOIN LATERAL (SELECT array_agg(a.clock ORDER BY a.clock, a.level) AS clocks,
		array_agg(a.at ORDER BY a.clock, a.level) AS ats,
		array_agg(a.name ORDER BY a.clock, a.level) AS names,
		array_agg(a.actions ORDER BY a.clock, a.level) AS actions
	FROM contract_level a WHERE a.contract_version_id = v.contract_version_id) l
CROSS JOIN LATERAL (SELECT array_agg(a.type ORDER BY a.position) AS types,
		array_agg(a.priority ORDER BY a.position) AS priorities,
		array_agg(coalesce(s.code, '') ORDER BY a.position) AS services,
		array_agg(a.clock ORDER BY a.position) AS clocks,
		array_agg(a.below ORDER BY a.position) AS belows,
		array_agg(a.credit ORDER BY a.position) AS credits
	FROM contract_credit a LEFT JOIN service s USING (service_id)
	WHERE a.contract_version_id = v.contract_version_id) r
WHERE $1 = '' OR c.code = $1;

-- name: installation_rotas
SELECT r.code, NOT r.retired, t.code, r.layer::text, r.zone,
	(SELECT string_agg(p.code, ',' ORDER BY x.i) FROM unnest(r.people) WITH ORDINALITY x(id, i)
		JOIN principal p ON p.principal_id = x.id),
	r.period, r.hand_over, r.start, r.coverage
FROM oncall_rota r JOIN team t USING (team_id);

-- Versions of a contract ($1), or of every contract the one whose number is in $2 (version ids).
-- name: contract_versions
SELECT c.code, v.version, v.contract_version_id, v.valid_from, v.valid_until, v.withdrawn_at,
	v.applied_at, coalesce(p.code, ''), c.separate, coalesce(d.detail, ''),
	(SELECT count(*) FROM ticket t WHERE t.contract_version_id = v.contract_version_id
		AND t.state < 5)
FROM contract c
JOIN contract_version v USING (contract_id)
LEFT JOIN LATERAL (SELECT i.principal_id, x.action || coalesce(': ' || nullif(x.detail, ''), '') AS detail
	FROM installation_change i, unnest(i.kinds, i.codes, i.actions, i.details)
		AS x(kind, code, action, detail)
	WHERE (i.epoch = v.epoch OR v.epoch IS NULL AND i.applied_at = v.applied_at)
		AND x.kind = 'contract' AND x.code = c.code
	LIMIT 1) d ON true
LEFT JOIN principal p ON p.principal_id = coalesce(v.applied_by, d.principal_id)
WHERE c.code = $1 OR v.contract_version_id = ANY ($2::integer[])
ORDER BY c.code, v.version;

-- What the caller ($1) applied under a key ($2) before.
-- name: installation_applied
SELECT hash, actions, kinds, codes, details FROM installation_change
WHERE principal_id = $1 AND key = $2;

-- How many clocks of a calendar ($1) ran within spans of time ($2, $3), and of how many tickets;
-- $4: now.
-- name: installation_past
SELECT count(*), count(DISTINCT (c.customer_id, c.ticket_id))
FROM sla_clock c JOIN calendar k USING (calendar_id)
WHERE k.code = $1 AND NOT c.wall
	AND tstzrange(c.started_at, greatest(c.started_at, coalesce(c.stopped_at, $4)))
		&& (SELECT range_agg(tstzrange(x.since, x.until))
			FROM unnest($2::timestamptz[], $3::timestamptz[]) AS x(since, until));

-- name: installation_begin
SELECT installation_begin($1);

-- name: installation_record
INSERT INTO installation_change
	(epoch, principal_id, key, hash, applied_at, actions, kinds, codes, details)
SELECT epoch, $1, $2, $3, $4, $5, $6, $7, $8 FROM installation;

-- name: installation_put_customers
INSERT INTO customer (code, name, zone, language)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (code) DO UPDATE SET name = excluded.name, zone = excluded.zone,
	language = excluded.language, retired = false;

-- name: installation_retire_customers
UPDATE customer SET retired = true WHERE code = ANY ($1::text[]);

-- name: installation_put_sites
INSERT INTO site (customer_id, code, name, zone)
SELECT c.customer_id, x.code, x.name, x.zone
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS x(customer, code, name, zone)
	JOIN customer c ON c.code = x.customer
ON CONFLICT (customer_id, code) DO UPDATE SET name = excluded.name, zone = excluded.zone,
	retired = false, imported = false;

-- name: installation_retire_sites
UPDATE site s SET retired = true FROM customer c
WHERE c.customer_id = s.customer_id AND c.code || '/' || s.code = ANY ($1::text[]);

-- name: installation_put_teams
INSERT INTO team (code, name) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (code) DO UPDATE SET name = excluded.name, retired = false, imported = false;

-- name: installation_retire_teams
UPDATE team SET retired = true WHERE code = ANY ($1::text[]);

-- name: installation_put_services
INSERT INTO service (customer_id, code, name)
SELECT c.customer_id, x.code, x.name
FROM unnest($1::text[], $2::text[], $3::text[]) AS x(customer, code, name)
	JOIN customer c ON c.code = x.customer
ON CONFLICT (customer_id, code) DO UPDATE SET name = excluded.name, retired = false;

-- name: installation_retire_services
UPDATE service s SET retired = true FROM customer c
WHERE c.customer_id = s.customer_id AND c.code || '/' || s.code = ANY ($1::text[]);

-- A placeholder becomes the person who is declared under its code.
-- name: installation_put_people
INSERT INTO principal (kind, customer_id, code, name, email, zone, language, uri, disabled)
SELECT 1, c.customer_id, x.code, x.name, x.email, x.zone, x.language,
	'otklik://' || i.name || '/person/' || x.code, x.disabled
FROM installation i, unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
		$6::text[], $7::boolean[])
		AS x(customer, code, name, email, zone, language, disabled)
	JOIN customer c ON c.code = x.customer AND c.customer_id <> 0
		OR c.customer_id = 0 AND x.customer = ''
ON CONFLICT (code) DO UPDATE SET kind = 1, customer_id = excluded.customer_id,
	name = excluded.name, email = excluded.email, zone = excluded.zone,
	language = excluded.language, uri = excluded.uri, disabled = excluded.disabled;

-- name: installation_put_agents
INSERT INTO principal (kind, customer_id, code, name, uri, site_id, team_id, disabled)
SELECT 2, c.customer_id, x.code, x.code, 'otklik://' || i.name || '/agent/' || x.code,
	s.site_id, t.team_id, x.disabled
FROM installation i, unnest($1::text[], $2::text[], $3::text[], $4::boolean[])
		AS x(code, site, team, disabled)
	JOIN (site s JOIN customer c USING (customer_id)) ON c.code || '/' || s.code = x.site
	LEFT JOIN team t ON t.code = x.team
ON CONFLICT (code) DO UPDATE SET site_id = excluded.site_id, team_id = excluded.team_id,
	uri = excluded.uri, disabled = excluded.disabled;

-- name: installation_retire_principals
UPDATE principal SET disabled = true WHERE code = ANY ($1::text[]);

-- name: installation_clear_grants
DELETE FROM principal_grant g USING principal p
WHERE p.principal_id = g.principal_id AND p.code = ANY ($1::text[]);

-- name: installation_put_grants
INSERT INTO principal_grant (principal_id, role, customer_id)
SELECT p.principal_id, x.role, c.customer_id
FROM unnest($1::text[], $2::smallint[], $3::text[]) AS x(code, role, customer)
	JOIN principal p ON p.code = x.code
	JOIN customer c ON c.code = x.customer AND c.customer_id <> 0
		OR c.customer_id = 0 AND x.customer = '';

-- name: installation_clear_members
DELETE FROM team_member m USING principal p
WHERE p.principal_id = m.principal_id AND p.code = ANY ($1::text[]);

-- name: installation_put_members
INSERT INTO team_member (team_id, principal_id)
SELECT t.team_id, p.principal_id FROM unnest($1::text[], $2::text[]) AS x(code, team)
	JOIN principal p ON p.code = x.code JOIN team t ON t.code = x.team;

-- A calendar and its next edition, in force from $2 on.
-- name: installation_put_calendar
WITH c AS (
	INSERT INTO calendar (code) VALUES ($1)
	ON CONFLICT (code) DO UPDATE SET retired = false RETURNING calendar_id)
INSERT INTO calendar_edition
	(calendar_id, edition, from_at, zone, week, holidays, special_dates, special_spans, rules,
	names, zone_edition)
SELECT c.calendar_id, 1 + coalesce((SELECT max(e.edition) FROM calendar_edition e
		WHERE e.calendar_id = c.calendar_id), 0), $2, $3, $4, $5, $6, $7, $8, $9,
	(SELECT max(z.edition) FROM zone_edition z WHERE z.zone = $3)
FROM c;

-- Whose hours count at sites ($1) from $3 on, where that changes; '': those of the contract.
-- name: installation_put_site_calendars
INSERT INTO site_calendar (site_id, edition, from_at, calendar_id)
SELECT s.site_id, 1 + coalesce(o.edition, 0), $3, k.calendar_id
FROM unnest($1::text[], $2::text[]) AS x(site, calendar)
	JOIN (site s JOIN customer c USING (customer_id)) ON c.code || '/' || s.code = x.site
	LEFT JOIN calendar k ON k.code = x.calendar
	LEFT JOIN LATERAL (SELECT y.edition, y.calendar_id FROM site_calendar y
		WHERE y.site_id = s.site_id ORDER BY y.edition DESC LIMIT 1) o ON true
WHERE k.calendar_id IS DISTINCT FROM o.calendar_id;

-- name: installation_retire_calendars
UPDATE calendar SET retired = true WHERE code = ANY ($1::text[]);

-- A contract and its next version, with targets, levels and credits.
-- name: installation_put_contract
WITH c AS (
	INSERT INTO contract (customer_id, code, separate)
	SELECT customer_id, $1, $35 FROM customer WHERE code = $2
	ON CONFLICT (code) DO UPDATE SET customer_id = excluded.customer_id,
		separate = excluded.separate
	RETURNING contract_id, customer_id),
v AS (
	INSERT INTO contract_version (contract_id, version, calendar_id, valid_from, applied_at,
		site_ids, service_ids, matrix, pauses, auto_close, reopen_window, valid_until,
		ack_stops, fee, currency, period, credit_cap, applied_by, epoch)
	SELECT c.contract_id, 1 + coalesce((SELECT max(o.version) FROM contract_version o
			WHERE o.contract_id = c.contract_id), 0),
		(SELECT k.calendar_id FROM calendar k WHERE k.code = $3), $4, $5,
		ARRAY(SELECT s.site_id FROM site s
			WHERE s.customer_id = c.customer_id AND s.code = ANY ($6::text[]) ORDER BY 1),
		ARRAY(SELECT s.service_id FROM service s
			WHERE s.customer_id = c.customer_id AND s.code = ANY ($7::text[]) ORDER BY 1),
		$8, $9, $10, $11, $22, $23, $24, $25, $26, $27, $28,
		(SELECT i.epoch FROM installation i)
	FROM c RETURNING contract_version_id),
t AS (
	INSERT INTO contract_target
		(contract_version_id, position, type, priority, service_id, clock, target, team_id)
	SELECT v.contract_version_id, x.i, x.type, x.priority, s.service_id, x.clock, x.target,
		m.team_id
	FROM v CROSS JOIN c CROSS JOIN unnest($12::smallint[], $13::smallint[], $14::text[],
			$15::smallint[], $16::text[], $36::text[])
			WITH ORDINALITY AS x(type, priority, service, clock, target, team, i)
		LEFT JOIN service s ON s.customer_id = c.customer_id AND s.code = x.service
		LEFT JOIN team m ON m.code = x.team),
r AS (
	INSERT INTO contract_credit
		(contract_version_id, position, type, priority, service_id, clock, below, credit)
	SELECT v.contract_version_id, x.i, x.type, x.priority, s.service_id, x.clock, x.below,
		x.credit
	FROM v CROSS JOIN c CROSS JOIN unnest($29::smallint[], $30::smallint[], $31::text[],
			$32::smallint[], $33::smallint[], $34::smallint[])
			WITH ORDINALITY AS x(type, priority, service, clock, below, credit, i)
		LEFT JOIN service s ON s.customer_id = c.customer_id AND s.code = x.service)
INSERT INTO contract_level (contract_version_id, clock, level, at, name, actions)
SELECT v.contract_version_id, x.clock, x.level, x.at, x.name, x.actions
FROM v, unnest($17::smallint[], $18::smallint[], $19::text[], $20::text[], $21::text[])
	AS x(clock, level, at, name, actions);

-- Withdrawn from $2 on: clocks of tickets pinned to it fall silent.
-- name: installation_retire_contracts
UPDATE contract_version v SET withdrawn_at = $2 FROM contract c
WHERE c.contract_id = v.contract_id AND c.code = ANY ($1::text[]) AND v.withdrawn_at IS NULL;

-- People in the order of $5, codes joined by ",". What a rota says is an edition of it from $10 on.
-- name: installation_put_rotas
WITH put AS (
	INSERT INTO oncall_rota
		(code, team_id, layer, zone, people, period, hand_over, start, coverage)
	SELECT x.code, t.team_id, x.layer::smallint, x.zone,
		ARRAY(SELECT p.principal_id
			FROM unnest(string_to_array(x.people, ',')) WITH ORDINALITY y(code, i)
			JOIN principal p ON p.code = y.code ORDER BY y.i),
		x.period, x.hand_over, x.start, x.coverage
	FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
			$8::text[], $9::text[])
			AS x(code, team, layer, zone, people, period, hand_over, start, coverage)
		JOIN team t ON t.code = x.team
	ON CONFLICT (code) DO UPDATE SET team_id = excluded.team_id, layer = excluded.layer,
		zone = excluded.zone, people = excluded.people, period = excluded.period,
		hand_over = excluded.hand_over, start = excluded.start, coverage = excluded.coverage,
		retired = false
	RETURNING *)
INSERT INTO oncall_rota_edition (rota_id, edition, from_at, retired, team_id, layer, zone, people,
	period, hand_over, start, coverage)
SELECT rota_id, 1 + coalesce((SELECT max(e.edition) FROM oncall_rota_edition e
		WHERE e.rota_id = put.rota_id), 0), $10, false, team_id, layer, zone, people, period,
	hand_over, start, coverage
FROM put;

-- name: installation_retire_rotas
WITH put AS (
	UPDATE oncall_rota SET retired = true WHERE code = ANY ($1::text[]) RETURNING *)
INSERT INTO oncall_rota_edition (rota_id, edition, from_at, retired, team_id, layer, zone, people,
	period, hand_over, start, coverage)
SELECT rota_id, 1 + coalesce((SELECT max(e.edition) FROM oncall_rota_edition e
		WHERE e.rota_id = put.rota_id), 0), $2, true, team_id, layer, zone, people, period,
	hand_over, start, coverage
FROM put;
