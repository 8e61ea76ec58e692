-- Notices to people and programs: the outbox, filled from the feed, emptied by role `notify`.

SET LOCAL ROLE otklik_owner;

CREATE SEQUENCE outbox_number AS bigint;
COMMENT ON SEQUENCE outbox_number IS 'Numbers of outbox rows: the order in which they are sent.';

CREATE TABLE outbox (
	customer_id integer NOT NULL,
	outbox_id bigint NOT NULL DEFAULT nextval('outbox_number'),
	ticket_id bigint NOT NULL,
	seq bigint NOT NULL, -- the journal entry told of; its text stays there, erasable
	kind smallint NOT NULL, -- enum notice of server/core/notification.h
	channel smallint NOT NULL CHECK (channel IN (1, 2)), -- e-mail, webhook
	recipient_id integer, -- NULL: a webhook
	recipient text NOT NULL, -- address or URL
	state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)), -- waiting, sent, dead
	batch bigint, -- rows of one message; names it, so a repetition is known as one
	attempts smallint NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL,
	next_at timestamptz NOT NULL, -- not before; while it is being sent: the end of the lease
	sent_at timestamptz,
	last_error text,
	PRIMARY KEY (customer_id, outbox_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE outbox IS
	'class: tenant. Notices: who is to be told of which journal entry, and whether he was.';
CREATE INDEX outbox_due ON outbox (next_at, outbox_id) WHERE state = 1;
CREATE INDEX outbox_waiting ON outbox (recipient, next_at) WHERE state = 1 AND batch IS NULL;
CREATE INDEX outbox_by_batch ON outbox (batch) WHERE state = 1 AND batch IS NOT NULL;
CREATE INDEX outbox_sent ON outbox (recipient, sent_at) WHERE state = 2;
CREATE INDEX outbox_by_age ON outbox (sent_at) WHERE state = 2;

CREATE TABLE dispatch (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	rev bigint NOT NULL
);
COMMENT ON TABLE dispatch IS 'class: coordinator. Feed position up to which notices were made.';
-- What happened before there were notices is told to nobody.
INSERT INTO dispatch (rev) SELECT rev FROM feed_state;

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON outbox TO otklik_app USING
	((SELECT otklik_scope_all()) OR customer_id = ANY ((SELECT otklik_scope())::integer[]));
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO otklik_app;
GRANT SELECT, UPDATE ON dispatch TO otklik_app;
GRANT USAGE ON SEQUENCE outbox_number TO otklik_app;

-- Moves the watermark from old_rev to new_rev and files the notices; false, with nothing
-- changed, when another dispatcher was there first. Audience: bits of enum audience. mail:
-- people get e-mail; hook: the URL that gets everything, '' for none.
CREATE FUNCTION outbox_dispatch(old_rev bigint, new_rev bigint, now_at timestamptz, mail boolean,
	hook text, n_customer integer[], n_ticket bigint[], n_seq bigint[], n_kind smallint[],
	n_audience integer[], n_actor integer[]) RETURNS boolean
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
		created_at, next_at)
	SELECT customer, ticket, seq, kind, channel, recipient_id, recipient, now_at, now_at
	FROM (
		SELECT n.nr, n.customer, n.ticket, n.seq, n.kind, 1 AS channel,
			p.principal_id AS recipient_id, p.email AS recipient
		FROM unnest(n_customer, n_ticket, n_seq, n_kind, n_audience, n_actor) WITH ORDINALITY
				AS n(customer, ticket, seq, kind, audience, actor, nr)
			JOIN ticket t ON t.customer_id = n.customer AND t.ticket_id = n.ticket
			JOIN LATERAL (
				SELECT t.requester_id AS id WHERE n.audience & 1 <> 0
				UNION SELECT t.assignee_id WHERE n.audience & 2 <> 0
				UNION SELECT m.principal_id FROM team_member m WHERE m.team_id = t.team_id
					AND (n.audience & 4 <> 0
						OR n.audience & 2 <> 0 AND t.assignee_id IS NULL)
				UNION SELECT g.principal_id FROM principal_grant g
					LEFT JOIN team_member m ON m.principal_id = g.principal_id
						AND m.team_id = t.team_id
					WHERE n.audience & 8 <> 0 AND g.role = 3
						AND g.customer_id IN (0, t.customer_id)
						AND (m.team_id IS NOT NULL OR NOT EXISTS (
							SELECT FROM principal_grant og JOIN team_member om
								ON om.principal_id = og.principal_id AND om.team_id = t.team_id
							WHERE og.role = 3 AND og.customer_id IN (0, t.customer_id)))
				UNION SELECT g.principal_id FROM principal_grant g
					WHERE n.audience & 16 <> 0 AND g.role = 4
						AND g.customer_id IN (0, t.customer_id)
			) whom ON n.audience & 32 <> 0 OR whom.id IS DISTINCT FROM n.actor
			JOIN principal p ON p.principal_id = whom.id AND p.kind = 1 AND NOT p.disabled
				AND p.email <> ''
		WHERE mail
		UNION ALL
		SELECT n.nr, n.customer, n.ticket, n.seq, n.kind, 2, NULL, hook
		FROM unnest(n_customer, n_ticket, n_seq, n_kind) WITH ORDINALITY
			AS n(customer, ticket, seq, kind, nr)
		WHERE hook <> ''
		ORDER BY 1, 7 NULLS LAST
	) rows;
	RETURN true;
END
$$;
COMMENT ON FUNCTION outbox_dispatch IS
	'Files notices and moves the watermark, or does nothing and says false.';

-- Leases the rows of the message that is due first, for one of `channels`, and says which they
-- are; none when nothing is due. Rows of one person and ticket that are due together are one
-- message; where a person has more messages due than `burst` in `window_us` leaves room for,
-- all that is due becomes one; where there is no room at all they wait until there is. A
-- message that was tried before is tried again as it was.
CREATE FUNCTION outbox_claim(now_at timestamptz, lease_until timestamptz, channels smallint[],
	burst integer, window_us bigint, row_limit integer)
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
					AND (due > burst - sent OR i.customer_id = head.customer_id
						AND i.ticket_id = head.ticket_id))
			ORDER BY i.outbox_id <> head.outbox_id, i.outbox_id LIMIT row_limit) mine
		WHERE o.customer_id = mine.customer_id AND o.outbox_id = mine.outbox_id
		RETURNING o.customer_id, o.outbox_id, o.batch, o.attempts;
END
$$;
COMMENT ON FUNCTION outbox_claim IS 'Leases the rows of the next message that is due.';

REVOKE ALL ON FUNCTION outbox_dispatch, outbox_claim FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_dispatch, outbox_claim TO otklik_app;

RESET ROLE;
