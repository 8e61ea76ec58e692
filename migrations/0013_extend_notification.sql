-- What people want to be told and when, words of their own, and webhooks of customers.

SET LOCAL ROLE otklik_owner;

ALTER TABLE customer
	ADD COLUMN webhook_url text NOT NULL DEFAULT '', -- '': none
	ADD COLUMN webhook_secret text NOT NULL DEFAULT '', -- file in webhook_secret_dir
	ADD COLUMN webhook_kinds smallint[] NOT NULL DEFAULT '{}'; -- enum notice; none: all

CREATE TABLE preference (
	principal_id integer PRIMARY KEY REFERENCES principal,
	channel smallint NOT NULL CHECK (channel IN (1, 2)), -- e-mail, nothing
	digest smallint NOT NULL CHECK (digest IN (0, 1, 2)), -- at once, hourly, daily
	digest_at smallint NOT NULL CHECK (digest_at BETWEEN 0 AND 1439), -- daily: minute of the day
	quiet_from smallint NOT NULL CHECK (quiet_from BETWEEN 0 AND 1439), -- minute of the day
	quiet_to smallint NOT NULL CHECK (quiet_to BETWEEN 0 AND 1439), -- as quiet_from: never quiet
	mute smallint[] NOT NULL, -- enum notice
	breaches_only boolean NOT NULL, -- of levels those at due and after
	declared boolean NOT NULL, -- stands in the installation's file
	changed_at timestamptz NOT NULL,
	changed_by integer REFERENCES principal
);
COMMENT ON TABLE preference IS
	'class: reference. Which notices a person wants, and when; nobody there: all, at once.';
GRANT SELECT, INSERT, UPDATE, DELETE ON preference TO otklik_app;

CREATE TABLE notice_template (
	customer_id integer NOT NULL REFERENCES customer, -- 0: every customer
	language text NOT NULL,
	name text NOT NULL, -- of a notice, or "summary" …
	subject text NOT NULL, -- '': the built-in one
	body text NOT NULL,
	PRIMARY KEY (customer_id, language, name)
);
COMMENT ON TABLE notice_template IS 'class: reference. Words of notices in place of the built-in ones.';
GRANT SELECT, INSERT, UPDATE, DELETE ON notice_template TO otklik_app;

-- What was delayed by its reader's wish is told in one message with the rest of it.
ALTER TABLE outbox ADD COLUMN digest boolean NOT NULL DEFAULT false;

-- When somebody with these wishes is to be told of what happened at `at`: at the end of the hour
-- or at a time of day (digest), and never from quiet_from until quiet_to. In his zone.
CREATE FUNCTION notice_at(at timestamptz, zone text, digest smallint, digest_at smallint,
	quiet_from smallint, quiet_to smallint) RETURNS timestamptz
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, public
AS $$
DECLARE
	local timestamp;
	told timestamp;
	minute integer;
BEGIN
	IF digest = 0 AND quiet_from = quiet_to THEN
		RETURN at;
	END IF;
	BEGIN
		local := at AT TIME ZONE zone;
	EXCEPTION WHEN invalid_parameter_value THEN
		zone := 'UTC'; -- one that PostgreSQL does not know must not stop everybody's notices
		local := at AT TIME ZONE zone;
	END;
	told := CASE digest WHEN 0 THEN local
		WHEN 1 THEN date_trunc('hour', local) + interval '1 hour'
		ELSE date_trunc('day', local) + make_interval(mins => digest_at) END;
	IF digest = 2 AND told <= local THEN
		told := told + interval '1 day';
	END IF;
	minute := extract(hour FROM told) * 60 + extract(minute FROM told);
	IF quiet_from < quiet_to AND minute >= quiet_from AND minute < quiet_to
			OR quiet_from > quiet_to AND (minute >= quiet_from OR minute < quiet_to) THEN
		told := date_trunc('day', told) + make_interval(mins => quiet_to)
			+ CASE WHEN minute >= quiet_to THEN interval '1 day' ELSE interval '0' END;
	END IF;
	IF told = local THEN
		RETURN at;
	END IF;
	RETURN greatest(at, told AT TIME ZONE zone);
END
$$;
COMMENT ON FUNCTION notice_at IS 'When somebody with such wishes is told.';

-- Until when somebody's quiet hours last that hold at an instant; NULL: none do.
CREATE OR REPLACE FUNCTION notice_quiet_until(person integer, at timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, public
AS $$
	SELECT nullif(notice_at(at, coalesce(nullif(p.zone, ''), c.zone), 0::smallint, 0::smallint,
		f.quiet_from, f.quiet_to), at)
	FROM preference f JOIN principal p USING (principal_id) JOIN customer c USING (customer_id)
	WHERE f.principal_id = person
$$;

-- As before (0012), and: people's wishes say whether and when they are told. A level of a P1, one
-- that its contract sends all the same and one for whoever is on call go at once; of a P1 breach
-- (n_breach: at due or after) and of what he is on call for everybody is told whatever he wishes.
-- Customers' own webhooks (`customer_hooks`: whether there are) are told of the kinds they want,
-- and of levels whose actions say so (1024).
DROP FUNCTION outbox_dispatch;
CREATE FUNCTION outbox_dispatch(old_rev bigint, new_rev bigint, now_at timestamptz, mail boolean,
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
					WHERE n.audience & 64 <> 0
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
			AND CASE WHEN n.kind = 7 THEN n.audience & 1024 <> 0
				ELSE c.webhook_kinds = '{}' OR n.kind = ANY (c.webhook_kinds) END
	) rows
	ORDER BY nr, recipient_id NULLS LAST;
	RETURN true;
END
$$;
COMMENT ON FUNCTION outbox_dispatch IS
	'Files notices and moves the watermark, or does nothing and says false.';

-- As before, and: what was delayed by its reader's wish is one message, whatever it is about.
CREATE OR REPLACE FUNCTION outbox_claim(now_at timestamptz, lease_until timestamptz,
	channels smallint[], burst integer, window_us bigint, row_limit integer)
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
		WHERE o.state = 1 AND o.next_at <= now_at AND o.channel = ANY (channels)
		ORDER BY o.next_at, o.outbox_id LIMIT 1 FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			RETURN;
		END IF;
		EXIT WHEN head.batch IS NOT NULL OR head.channel <> 1;

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
	IF head.channel = 1 THEN
		SELECT count(DISTINCT (o.customer_id, o.ticket_id)) INTO due FROM outbox o
		WHERE o.state = 1 AND o.batch IS NULL AND o.channel = 1
			AND o.recipient = head.recipient AND o.next_at <= now_at;
	END IF;
	RETURN QUERY UPDATE outbox o
		SET batch = head.outbox_id, next_at = lease_until, attempts = o.attempts + 1
		FROM (
			SELECT i.customer_id, i.outbox_id FROM outbox i
			WHERE i.state = 1 AND i.batch IS NULL AND i.channel = head.channel
				AND i.recipient = head.recipient AND i.next_at <= now_at
				AND (i.outbox_id = head.outbox_id OR head.channel = 1
					AND (due > burst - sent OR head.digest AND i.digest
						OR NOT head.digest AND i.customer_id = head.customer_id
							AND i.ticket_id = head.ticket_id))
			ORDER BY i.outbox_id <> head.outbox_id, i.outbox_id LIMIT row_limit) mine
		WHERE o.customer_id = mine.customer_id AND o.outbox_id = mine.outbox_id
		RETURNING o.customer_id, o.outbox_id, o.batch, o.attempts;
END
$$;
COMMENT ON FUNCTION outbox_claim IS 'Leases the rows of the next message that is due.';

REVOKE ALL ON FUNCTION outbox_dispatch, notice_at FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_dispatch, notice_at TO otklik_app;

RESET ROLE;
