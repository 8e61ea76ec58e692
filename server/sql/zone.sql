-- Time zones, as they were and as they become.

-- The zones of all calendars, each with the last that is known of it.
-- name: zone_known
SELECT z.zone, coalesce(d.edition, 0) AS edition, coalesce(d.version, '') AS version, d.data
FROM (SELECT DISTINCT e.zone FROM calendar_edition e) z
	LEFT JOIN LATERAL (SELECT y.edition, y.version, y.data FROM zone_edition y
		WHERE y.zone = z.zone ORDER BY y.edition DESC LIMIT 1) d ON true
ORDER BY z.zone;

-- Editions ($2) of zones ($1), as they are from $5 on.
-- name: zone_put
INSERT INTO zone_edition (zone, edition, version, data, from_at)
SELECT x.zone, x.edition, x.version, x.data, $5
FROM unnest($1::text[], $2::integer[], $3::text[], $4::bytea[]) AS x(zone, edition, version, data)
ON CONFLICT DO NOTHING;

-- The calendars in zones ($1) that became others ($2) are edited from $3 on: all else stays.
-- name: zone_edit_calendars
INSERT INTO calendar_edition (calendar_id, edition, from_at, zone, week, holidays, special_dates,
	special_spans, rules, names, zone_edition)
SELECT e.calendar_id, e.edition + 1, greatest($3, e.from_at), e.zone, e.week, e.holidays,
	e.special_dates, e.special_spans, e.rules, e.names, x.edition
FROM unnest($1::text[], $2::integer[]) AS x(zone, edition)
	JOIN calendar_edition e ON e.zone = x.zone
WHERE e.edition = (SELECT max(y.edition) FROM calendar_edition y WHERE y.calendar_id = e.calendar_id)
	AND coalesce(e.zone_edition, 1) < x.edition;
