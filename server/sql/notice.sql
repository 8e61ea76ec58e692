-- What people wish to be told, words of notices, webhooks of customers.

-- Of everybody: whether declared, and the wishes; mute as bits 1 << notice.
-- name: preference_all
SELECT p.code, f.declared, f.channel, f.digest, f.digest_at, f.quiet_from, f.quiet_to,
	(SELECT coalesce(sum(1 << k), 0)::integer FROM unnest(f.mute) k), f.breaches_only
FROM preference f JOIN principal p USING (principal_id);

-- name: preference_declare
INSERT INTO preference (principal_id, channel, digest, digest_at, quiet_from, quiet_to, mute,
	breaches_only, declared, changed_at, changed_by)
SELECT p.principal_id, x.channel::smallint, x.digest::smallint, x.digest_at::smallint,
	x.quiet_from::smallint, x.quiet_to::smallint, x.mute::smallint[], x.breaches_only::boolean,
	true, $14::timestamptz, $15::integer
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
		$8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
		AS x(code, t1, t2, t3, t4, t5, channel, digest, digest_at, quiet_from, quiet_to, mute,
			breaches_only)
	JOIN principal p ON p.code = x.code
ON CONFLICT (principal_id) DO UPDATE SET channel = excluded.channel, digest = excluded.digest,
	digest_at = excluded.digest_at, quiet_from = excluded.quiet_from,
	quiet_to = excluded.quiet_to, mute = excluded.mute, breaches_only = excluded.breaches_only,
	declared = true, changed_at = excluded.changed_at, changed_by = excluded.changed_by;

-- name: preference_retire
DELETE FROM preference f USING principal p
WHERE p.principal_id = f.principal_id AND p.code = ANY ($1::text[]);

-- The person of code $1, or of id $2 where that is NULL, and the wishes: NULL where there are none.
-- name: preference_get
SELECT p.code, p.email, coalesce(nullif(p.zone, ''), c.zone), f.declared, f.channel, f.digest,
	f.digest_at, f.quiet_from, f.quiet_to,
	(SELECT coalesce(sum(1 << k), 0)::integer FROM unnest(f.mute) k), f.breaches_only
FROM principal p JOIN customer c USING (customer_id) LEFT JOIN preference f USING (principal_id)
WHERE p.kind = 1 AND NOT p.disabled
	AND ($1::text IS NULL AND p.principal_id = $2::integer OR p.code = $1::text);

-- What the person himself, or an administrator, wishes.
-- name: preference_put
INSERT INTO preference (principal_id, channel, digest, digest_at, quiet_from, quiet_to, mute,
	breaches_only, declared, changed_at, changed_by)
SELECT p.principal_id, $3::smallint, $4::smallint, $5::smallint, $6::smallint, $7::smallint,
	$8::text::smallint[], $9::boolean, false, $10::timestamptz, $11::integer
FROM principal p WHERE p.kind = 1 AND NOT p.disabled
	AND ($1::text IS NULL AND p.principal_id = $2::integer OR p.code = $1::text)
ON CONFLICT (principal_id) DO UPDATE SET channel = excluded.channel, digest = excluded.digest,
	digest_at = excluded.digest_at, quiet_from = excluded.quiet_from,
	quiet_to = excluded.quiet_to, mute = excluded.mute, breaches_only = excluded.breaches_only,
	declared = false, changed_at = excluded.changed_at, changed_by = excluded.changed_by
RETURNING (SELECT p.code FROM principal p WHERE p.principal_id = preference.principal_id);

-- name: template_all
SELECT n.name || '/' || n.language || CASE WHEN n.customer_id = 0 THEN '' ELSE '/' || c.code END,
	n.subject, n.body
FROM notice_template n JOIN customer c USING (customer_id);

-- name: template_put
INSERT INTO notice_template (customer_id, language, name, subject, body)
SELECT coalesce(c.customer_id, 0), split_part(x.code, '/', 2), split_part(x.code, '/', 1),
	x.subject, x.body
FROM unnest($1::text[], $2::text[], $3::text[]) AS x(code, subject, body)
	LEFT JOIN customer c ON c.code = split_part(x.code, '/', 3) AND c.customer_id <> 0
ON CONFLICT (customer_id, language, name) DO UPDATE SET subject = excluded.subject,
	body = excluded.body;

-- name: template_retire
DELETE FROM notice_template n USING customer c
WHERE c.customer_id = n.customer_id
	AND n.name || '/' || n.language || CASE WHEN n.customer_id = 0 THEN '' ELSE '/' || c.code END
		= ANY ($1::text[]);

-- name: template_list
SELECT n.name, n.language, CASE WHEN n.customer_id = 0 THEN '' ELSE c.code END, n.subject, n.body,
	n.customer_id
FROM notice_template n JOIN customer c USING (customer_id)
ORDER BY n.name, n.language, c.code;

-- name: webhook_all
SELECT c.code, c.webhook_url, c.webhook_secret,
	(SELECT coalesce(sum(1 << k), 0)::integer FROM unnest(c.webhook_kinds) k)
FROM customer c WHERE c.webhook_url <> '';

-- name: webhook_put
UPDATE customer c SET webhook_url = x.url, webhook_secret = x.secret,
	webhook_kinds = x.kinds::smallint[]
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
	AS x(code, url, secret, notices, kinds)
WHERE c.code = x.code AND c.customer_id <> 0;

-- name: webhook_retire
UPDATE customer SET webhook_url = '', webhook_secret = '', webhook_kinds = '{}'
WHERE code = ANY ($1::text[]);

-- What a notice about ticket $1 says: of the last entry of kind $2, of any kind where there is
-- none; then of a level (15) the one that would come first, best of the resolution. Who asks (22)
-- waits for the update clock. Columns as outbox_message from the ticket on.
-- name: notice_facts
SELECT t.customer_id, t.ticket_id, r.name, coalesce(nullif(r.language, ''), k.language),
	coalesce(nullif(r.zone, ''), k.zone), k.code, k.name, t.title, t.priority, e.occurred_at,
	a.name, CASE WHEN e.is_public THEN left(x.content, 4000) END,
	w.clock, l.name,
	(SELECT s.due_at FROM sla_clock s WHERE s.customer_id = t.customer_id
		AND s.ticket_id = t.ticket_id AND s.kind = w.clock),
	(SELECT s.due_at FROM sla_clock s WHERE s.customer_id = t.customer_id
		AND s.ticket_id = t.ticket_id AND s.kind = 1),
	(SELECT s.due_at FROM sla_clock s WHERE s.customer_id = t.customer_id
		AND s.ticket_id = t.ticket_id AND s.kind = 3),
	t.promise_at, e.old_due_at, e.related_id
FROM ticket t
	JOIN customer k ON k.customer_id = t.customer_id
	JOIN LATERAL (SELECT * FROM event y WHERE y.customer_id = t.customer_id
		AND y.ticket_id = t.ticket_id
		ORDER BY y.kind = $2::smallint DESC, y.seq DESC LIMIT 1) e ON true
	LEFT JOIN principal r ON r.principal_id = t.requester_id
	LEFT JOIN principal a ON a.principal_id = e.actor_id
	LEFT JOIN event_content x ON x.customer_id = t.customer_id AND x.ticket_id = t.ticket_id
		AND x.seq = e.seq
	LEFT JOIN LATERAL (SELECT y.clock, y.name FROM contract_level y
		WHERE CASE WHEN e.kind = 15 THEN y.clock = e.clock AND y.level = e.level
				AND y.contract_version_id = event_contract(e.customer_id, e.ticket_id, e.seq,
					t.contract_version_id)
			ELSE $2::smallint = 15 AND y.contract_version_id = t.contract_version_id END
		ORDER BY y.clock = 3 DESC, y.clock, y.level LIMIT 1) l ON true
	CROSS JOIN LATERAL (SELECT coalesce(CASE WHEN e.kind = $2::smallint THEN e.clock END, l.clock,
		CASE WHEN $2::smallint = 22 THEN 2 END)::smallint AS clock) w
WHERE t.ticket_id = $1::bigint;
