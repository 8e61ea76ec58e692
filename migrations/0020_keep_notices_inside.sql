-- Notices say what held when they were promised, what is the provider's own stays there, and
-- webhooks are leased many at a time.

SET LOCAL ROLE otklik_owner;

-- Next to nothing stands in it: tickets are seldom put under another version.
CREATE INDEX event_repinned ON event (customer_id, ticket_id, seq) WHERE kind = 27;

-- Under which contract version an entry was made; `current`: that of the ticket now, 0: none.
CREATE FUNCTION event_contract(of_customer integer, of_ticket bigint, of_seq bigint,
	current integer) RETURNS integer
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, public
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM event e WHERE e.customer_id = of_customer
			AND e.ticket_id = of_ticket AND e.seq > of_seq AND e.kind = 27) THEN
		RETURN current;
	END IF;
	RETURN (SELECT e.contract_version_id FROM event e WHERE e.customer_id = of_customer
			AND e.ticket_id = of_ticket AND e.seq <= of_seq
			AND e.contract_version_id IS NOT NULL
		ORDER BY e.seq DESC LIMIT 1);
END
$$;
COMMENT ON FUNCTION event_contract IS 'The contract version in force when a journal entry was made.';

-- As before (0019), and: of what is the provider's own (2048: levels of its own clocks, promises
-- that come near or were broken) nobody of the customer's hears unless he works for the
-- provider there; a customer's webhook hears of a broken promise if it asks for that.
CREATE OR REPLACE FUNCTION outbox_dispatch(old_rev bigint, new_rev bigint, now_at timestamptz, mail boolean,
	hook text, n_customer integer[], n_ticket bigint[], n_seq bigint[], n_kind smallint[],
	n_audience integer[], n_actor integer[], n_quiet smallint[] DEFAULT '{}',
	n_on_call integer[] DEFAULT '{}', n_named_from integer[] DEFAULT '{}',
	n_named_to integer[] DEFAULT '{}', x_person integer[] DEFAULT '{}',
	n_breach boolean[] DEFAULT '{}', customer_hooks boolean DEFAULT false) RETURNS boolean
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
	SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	UPDATE dispatch SET rev = new_rev WHERE rev = old_rev;
	IF NOT FOUND THEN
		RETURN false;
	END IF;

	INSERT INTO outbox (customer_id, ticket_id, seq, kind, channel, recipient_id, recipient,
		reason, created_at, next_at, digest)
	SELECT customer, ticket, seq, kind, channel, recipient_id, recipient, reason, now_at, next_at,
		next_at > now_at
	FROM ((
		SELECT DISTINCT ON (n.nr, p.principal_id) n.nr, n.customer, n.ticket, n.seq, n.kind,
			1 AS channel, p.principal_id AS recipient_id, p.email AS recipient,
			whom.why || CASE WHEN d.instead THEN ', in quiet hours: on call instead'
				WHEN d.sends AND n.quiet = 2 THEN ', in quiet hours: sent all the same'
				WHEN d.sends THEN ', in quiet hours: P1, sent'
				WHEN q.until IS NULL AND w.at > now_at AND NOT d.at_once THEN ', kept for a digest'
				WHEN q.until IS NULL THEN ''
				WHEN n.quiet = 1 THEN ', in quiet hours: nobody on call, waits'
				ELSE ', in quiet hours: waits' END AS reason,
			CASE WHEN d.instead OR d.at_once THEN now_at
				ELSE greatest(now_at, q.until, w.at) END AS next_at
		FROM unnest(n_customer, n_ticket, n_seq, n_kind, n_audience, n_actor, n_quiet,
				n_on_call, n_named_from, n_named_to, n_breach) WITH ORDINALITY
				AS n(customer, ticket, seq, kind, audience, actor, quiet, on_call, named_from,
					named_to, breach, nr)
			JOIN ticket t ON t.customer_id = n.customer AND t.ticket_id = n.ticket
			LEFT JOIN principal duty ON duty.principal_id = n.on_call AND duty.kind = 1
				AND NOT duty.disabled AND duty.email <> ''
			JOIN LATERAL (
				SELECT t.requester_id AS id, 'requester' AS why, 1 AS rank
					WHERE n.audience & 1 <> 0
				UNION ALL SELECT t.assignee_id, 'assignee', 2 WHERE n.audience & 2 <> 0
				UNION ALL SELECT duty.principal_id, 'on call', 3 WHERE n.audience & 128 <> 0
				UNION ALL SELECT x, 'named', 4
					FROM unnest(x_person[n.named_from:n.named_to]) x
				UNION ALL SELECT m.principal_id, 'team', 5 FROM team_member m
					WHERE m.team_id = t.team_id AND (n.audience & 4 <> 0
						OR n.audience & 2 <> 0 AND t.assignee_id IS NULL)
				UNION ALL SELECT g.principal_id,
					CASE WHEN n.audience & 8 <> 0 THEN 'lead' ELSE 'lead, for nobody is on call' END,
					6
					FROM principal_grant g
					LEFT JOIN team_member m ON m.principal_id = g.principal_id
						AND m.team_id = t.team_id
					WHERE (n.audience & 8 <> 0
							OR n.audience & 128 <> 0 AND duty.principal_id IS NULL)
						AND g.role = 3
						AND g.customer_id IN (0, t.customer_id)
						AND (m.team_id IS NOT NULL OR NOT EXISTS (
							SELECT FROM principal_grant og JOIN team_member om
								ON om.principal_id = og.principal_id AND om.team_id = t.team_id
							WHERE og.role = 3 AND og.customer_id IN (0, t.customer_id)))
				UNION ALL SELECT g.principal_id, 'manager', 7 FROM principal_grant g
					WHERE n.audience & 16 <> 0 AND g.role = 4
						AND g.customer_id IN (0, t.customer_id)
				UNION ALL SELECT w, 'watches', 8 FROM unnest(t.watchers) w
					WHERE n.audience & 64 <> 0 AND EXISTS (SELECT FROM principal_grant g
						WHERE g.principal_id = w AND g.customer_id IN (0, t.customer_id))
			) whom ON n.audience & 32 <> 0 OR whom.id IS DISTINCT FROM n.actor
			CROSS JOIN LATERAL (SELECT CASE WHEN n.kind = 7 AND whom.id = n.on_call THEN NULL
				ELSE notice_quiet_until(whom.id, now_at) END AS until) q
			CROSS JOIN LATERAL (SELECT
				q.until IS NOT NULL AND n.kind = 7 AND (n.quiet = 2 OR t.priority = 1) AS sends,
				q.until IS NOT NULL AND n.kind = 7 AND n.quiet = 1 AND t.priority <> 1
					AND duty.principal_id IS NOT NULL AS instead,
				n.kind = 7 AND (n.quiet = 2 OR t.priority = 1 OR whom.id = n.on_call) AS at_once) d
			JOIN principal p ON p.principal_id
					= CASE WHEN d.instead THEN duty.principal_id ELSE whom.id END
				AND p.kind = 1 AND NOT p.disabled AND p.email <> ''
				AND (n.audience & 2048 = 0 OR p.customer_id = 0 OR EXISTS (
					SELECT FROM principal_grant g WHERE g.principal_id = p.principal_id
						AND g.role IN (2, 3, 5) AND g.customer_id IN (0, t.customer_id)))
			JOIN customer c ON c.customer_id = p.customer_id
			LEFT JOIN preference f ON f.principal_id = p.principal_id
			CROSS JOIN LATERAL (SELECT CASE WHEN f.principal_id IS NOT NULL THEN notice_at(now_at,
				coalesce(nullif(p.zone, ''), c.zone), f.digest, f.digest_at, f.quiet_from,
				f.quiet_to) END AS at) w
		WHERE mail AND (f.principal_id IS NULL
			OR n.kind = 7 AND (p.principal_id = n.on_call OR n.breach AND t.priority = 1)
			OR f.channel = 1 AND NOT n.kind = ANY (f.mute)
				AND (n.kind <> 7 OR n.breach OR NOT f.breaches_only))
		ORDER BY n.nr, p.principal_id, d.instead, whom.rank
	) UNION ALL
		SELECT n.nr, n.customer, n.ticket, n.seq, n.kind, 2, NULL, hook, '', now_at
		FROM unnest(n_customer, n_ticket, n_seq, n_kind) WITH ORDINALITY
			AS n(customer, ticket, seq, kind, nr)
		WHERE hook <> ''
	UNION ALL
		SELECT n.nr, n.customer, n.ticket, n.seq, n.kind, 2, NULL, c.webhook_url, '', now_at
		FROM unnest(n_customer, n_ticket, n_seq, n_kind, n_audience) WITH ORDINALITY
				AS n(customer, ticket, seq, kind, audience, nr)
			JOIN customer c ON c.customer_id = n.customer
		WHERE customer_hooks AND c.webhook_url <> '' AND c.webhook_url <> hook
			AND CASE WHEN n.kind = 7 THEN n.audience & (1024 | 2048) = 1024
				WHEN c.webhook_kinds = '{}' THEN n.audience & 2048 = 0
				ELSE n.kind = ANY (c.webhook_kinds) AND n.kind <> 9 END
	) rows
	ORDER BY nr, recipient_id NULLS LAST;
	RETURN true;
END
$$;


-- Letters and webhooks are looked for apart: a heap of one is nothing for the other to wade through.
DROP INDEX outbox_due;
CREATE INDEX outbox_letters ON outbox (next_at, outbox_id) WHERE state = 1 AND channel = 1;
CREATE INDEX outbox_hooks ON outbox (recipient COLLATE "C", next_at, outbox_id)
	WHERE state = 1 AND channel = 2;
CREATE INDEX outbox_hooks_due ON outbox (next_at) WHERE state = 1 AND channel = 2;

-- As before (0013), for letters alone.
DROP FUNCTION outbox_claim;
CREATE FUNCTION outbox_claim(now_at timestamptz, lease_until timestamptz, burst integer,
	window_us bigint, row_limit integer)
	RETURNS TABLE (o_customer integer, o_id bigint, o_batch bigint, o_attempts smallint)
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
AS $$
DECLARE
	head outbox;
	since timestamptz := now_at - window_us * interval '1 microsecond';
	sent bigint;
	room_at timestamptz;
	due bigint;
BEGIN
	-- One at a time: two would count the same room twice. The lock lives for one short statement.
	PERFORM pg_advisory_xact_lock(hashtext('otklik.outbox'));
	FOR turn IN 1..100 LOOP
		SELECT * INTO head FROM outbox o
		WHERE o.state = 1 AND o.next_at <= now_at AND o.channel = 1
		ORDER BY o.next_at, o.outbox_id LIMIT 1 FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			RETURN;
		END IF;
		EXIT WHEN head.batch IS NOT NULL;

		SELECT count(*), min(x.sent_at) + window_us * interval '1 microsecond' INTO sent, room_at
		FROM (SELECT o.batch, max(o.sent_at) AS sent_at FROM outbox o
			WHERE o.state = 2 AND o.recipient = head.recipient AND o.sent_at > since
			GROUP BY o.batch) x;
		EXIT WHEN sent < burst;
		UPDATE outbox o SET next_at = room_at
		WHERE o.state = 1 AND o.batch IS NULL AND o.channel = 1
			AND o.recipient = head.recipient AND o.next_at <= now_at;
		head := NULL;
	END LOOP;
	IF head.outbox_id IS NULL THEN
		RETURN;
	END IF;

	IF head.batch IS NOT NULL THEN
		RETURN QUERY UPDATE outbox o SET next_at = lease_until, attempts = o.attempts + 1
			WHERE o.batch = head.batch AND o.state = 1
			RETURNING o.customer_id, o.outbox_id, o.batch, o.attempts;
		RETURN;
	END IF;
	SELECT count(DISTINCT (o.customer_id, o.ticket_id)) INTO due FROM outbox o
	WHERE o.state = 1 AND o.batch IS NULL AND o.channel = 1
		AND o.recipient = head.recipient AND o.next_at <= now_at;
	RETURN QUERY UPDATE outbox o
		SET batch = head.outbox_id, next_at = lease_until, attempts = o.attempts + 1
		FROM (
			SELECT i.customer_id, i.outbox_id FROM outbox i
			WHERE i.state = 1 AND i.batch IS NULL AND i.channel = 1
				AND i.recipient = head.recipient AND i.next_at <= now_at
				AND (i.outbox_id = head.outbox_id OR due > burst - sent
					OR head.digest AND i.digest
					OR NOT head.digest AND i.customer_id = head.customer_id
						AND i.ticket_id = head.ticket_id)
			ORDER BY i.outbox_id <> head.outbox_id, i.outbox_id LIMIT row_limit) mine
		WHERE o.customer_id = mine.customer_id AND o.outbox_id = mine.outbox_id
		RETURNING o.customer_id, o.outbox_id, o.batch, o.attempts;
END
$$;
COMMENT ON FUNCTION outbox_claim IS 'Leases the rows of the next letter that is due.';

-- Leases webhooks that are due, each a message, and says which: at most row_limit, and of one
-- destination each_limit, or quick_limit where it is known to be `quick`; none of those that are
-- `busy`. Destinations take turns, beginning behind `after`.
CREATE FUNCTION outbox_claim_hooks(now_at timestamptz, lease_until timestamptz, busy text[],
	quick text[], after text, row_limit integer, each_limit integer, quick_limit integer)
	RETURNS TABLE (o_batch bigint)
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
	SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	url text COLLATE "C" := after;
	around boolean := after = '';
	room integer := row_limit;
	taken integer;
BEGIN
	-- Many that wait for their time cost nothing.
	IF NOT EXISTS (SELECT FROM outbox o
			WHERE o.state = 1 AND o.channel = 2 AND o.next_at <= now_at) THEN
		RETURN;
	END IF;
	WHILE room > 0 LOOP
		SELECT o.recipient INTO url FROM outbox o
		WHERE o.state = 1 AND o.channel = 2 AND o.recipient COLLATE "C" > url
		ORDER BY o.recipient COLLATE "C" LIMIT 1;
		IF NOT FOUND OR around AND after <> '' AND url > after THEN
			EXIT WHEN around;
			around := true;
			url := '';
			CONTINUE;
		END IF;
		CONTINUE WHEN url = ANY (busy);
		RETURN QUERY
			WITH mine AS MATERIALIZED (
				SELECT i.customer_id, i.outbox_id FROM outbox i
				WHERE i.state = 1 AND i.channel = 2 AND i.recipient COLLATE "C" = url
					AND i.next_at <= now_at
				ORDER BY i.next_at, i.outbox_id
				LIMIT least(room, CASE WHEN url = ANY (quick) THEN quick_limit ELSE each_limit END)
				FOR UPDATE SKIP LOCKED)
			UPDATE outbox o SET batch = coalesce(o.batch, o.outbox_id), next_at = lease_until,
				attempts = o.attempts + 1
			FROM mine WHERE o.customer_id = mine.customer_id AND o.outbox_id = mine.outbox_id
			RETURNING o.batch;
		GET DIAGNOSTICS taken = ROW_COUNT;
		room := room - taken;
	END LOOP;
END
$$;
COMMENT ON FUNCTION outbox_claim_hooks IS 'Leases webhooks that are due, a few of each destination.';

REVOKE ALL ON FUNCTION event_contract, outbox_claim, outbox_claim_hooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_contract, outbox_claim, outbox_claim_hooks TO otklik_app;

RESET ROLE;
