-- On-call: rotas as declared, who takes whose duty over, and whom a level reaches at night.

SET LOCAL ROLE otklik_owner;

-- Texts as they are declared; core/rota reads them.
CREATE TABLE oncall_rota (
	rota_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	code text NOT NULL UNIQUE,
	team_id integer NOT NULL REFERENCES team,
	layer smallint NOT NULL CHECK (layer BETWEEN 1 AND 3),
	zone text NOT NULL,
	people integer[] NOT NULL, -- principals, in order
	period text NOT NULL,
	hand_over text NOT NULL,
	start text NOT NULL,
	coverage text NOT NULL,
	retired boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE oncall_rota IS 'class: reference. Who is on call for a team, in turns.';

CREATE TABLE oncall_override (
	override_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	team_id integer NOT NULL REFERENCES team,
	layer smallint NOT NULL CHECK (layer BETWEEN 1 AND 3),
	person_id integer NOT NULL REFERENCES principal,
	from_at timestamptz NOT NULL,
	to_at timestamptz NOT NULL CHECK (to_at > from_at),
	reason text NOT NULL,
	made_by integer NOT NULL REFERENCES principal,
	made_at timestamptz NOT NULL,
	key uuid NOT NULL,
	hash bytea NOT NULL,
	withdrawn_by integer REFERENCES principal,
	withdrawn_at timestamptz, -- it held until then, or not at all
	UNIQUE (made_by, key)
);
COMMENT ON TABLE oncall_override IS
	'class: reference. Duties that somebody else takes over for a while.';

GRANT SELECT, INSERT, UPDATE ON oncall_rota, oncall_override TO otklik_app;
GRANT SELECT ON oncall_rota, oncall_override TO otklik_batch;

ALTER TABLE outbox ADD COLUMN reason text NOT NULL DEFAULT ''; -- why this one, why now or later
COMMENT ON COLUMN outbox.reason IS 'By which word this person is told, and what quiet hours did.';

-- Until when somebody's quiet hours last that hold at an instant; NULL: none do.
CREATE FUNCTION notice_quiet_until(person integer, at timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, public
AS $$
	SELECT NULL::timestamptz
$$;

DROP FUNCTION outbox_dispatch;

-- As before (0007), and more people: those who watch (64), who is on call (128: n_on_call, 0
-- nobody; then the lead), those whom a level names (x_person from n_named_from to n_named_to).
-- What meets somebody's quiet hours waits for their end; of a level n_quiet says what else:
-- 1 whoever is on call is told instead, 2 it goes at once, as all levels of P1 tickets do.
-- Whoever is on call has no quiet hours for levels.
CREATE FUNCTION outbox_dispatch(old_rev bigint, new_rev bigint, now_at timestamptz, mail boolean,
	hook text, n_customer integer[], n_ticket bigint[], n_seq bigint[], n_kind smallint[],
	n_audience integer[], n_actor integer[], n_quiet smallint[] DEFAULT '{}',
	n_on_call integer[] DEFAULT '{}', n_named_from integer[] DEFAULT '{}',
	n_named_to integer[] DEFAULT '{}', x_person integer[] DEFAULT '{}') RETURNS boolean
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
		reason, created_at, next_at)
	SELECT customer, ticket, seq, kind, channel, recipient_id, recipient, reason, now_at, next_at
	FROM ((
		SELECT DISTINCT ON (n.nr, p.principal_id) n.nr, n.customer, n.ticket, n.seq, n.kind,
			1 AS channel, p.principal_id AS recipient_id, p.email AS recipient,
			whom.why || CASE WHEN d.instead THEN ', in quiet hours: on call instead'
				WHEN d.sends AND n.quiet = 2 THEN ', in quiet hours: sent all the same'
				WHEN d.sends THEN ', in quiet hours: P1, sent'
				WHEN q.until IS NULL THEN ''
				WHEN n.quiet = 1 THEN ', in quiet hours: nobody on call, waits'
				ELSE ', in quiet hours: waits' END AS reason,
			CASE WHEN q.until IS NULL OR d.instead OR d.sends THEN now_at
				ELSE q.until END AS next_at
		FROM unnest(n_customer, n_ticket, n_seq, n_kind, n_audience, n_actor, n_quiet,
				n_on_call, n_named_from, n_named_to) WITH ORDINALITY
				AS n(customer, ticket, seq, kind, audience, actor, quiet, on_call, named_from,
					named_to, nr)
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
					AND duty.principal_id IS NOT NULL AS instead) d
			JOIN principal p ON p.principal_id
					= CASE WHEN d.instead THEN duty.principal_id ELSE whom.id END
				AND p.kind = 1 AND NOT p.disabled AND p.email <> ''
		WHERE mail
		ORDER BY n.nr, p.principal_id, d.instead, whom.rank
	) UNION ALL
		SELECT n.nr, n.customer, n.ticket, n.seq, n.kind, 2, NULL, hook, '', now_at
		FROM unnest(n_customer, n_ticket, n_seq, n_kind) WITH ORDINALITY
			AS n(customer, ticket, seq, kind, nr)
		WHERE hook <> ''
	) rows
	ORDER BY nr, recipient_id NULLS LAST;
	RETURN true;
END
$$;
COMMENT ON FUNCTION outbox_dispatch IS
	'Files notices and moves the watermark, or does nothing and says false.';

REVOKE ALL ON FUNCTION outbox_dispatch, notice_quiet_until FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_dispatch, notice_quiet_until TO otklik_app;

-- What an agent's backlog says of a check until all of it is stored: the last report, and the one
-- with which the check began to fail in it. server/desk/report.h tells the rules.
CREATE TABLE check_backlog (
	customer_id integer NOT NULL,
	agent_id integer NOT NULL,
	host text NOT NULL,
	check_name text NOT NULL,
	counter bigint NOT NULL,
	state smallint NOT NULL,
	last bytea NOT NULL, -- otklik.v1.Report, …
	epoch uuid NOT NULL, -- … and its row in report
	lane smallint NOT NULL,
	last_seq bigint NOT NULL,
	began bytea,
	PRIMARY KEY (customer_id, agent_id, host, check_name)
);
COMMENT ON TABLE check_backlog IS
	'class: tenant. Last states of checks in a backlog that is not whole yet.';
ALTER TABLE check_backlog ENABLE ROW LEVEL SECURITY;
ALTER TABLE check_backlog FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON check_backlog TO otklik_app USING
	((SELECT otklik_scope_all()) OR customer_id = ANY ((SELECT otklik_scope())::integer[]));
CREATE POLICY batch ON check_backlog TO otklik_batch USING (true) WITH CHECK (true);
GRANT SELECT ON check_backlog TO otklik_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON check_backlog TO otklik_batch;
GRANT UPDATE (outcome, ticket_id) ON report TO otklik_batch;

RESET ROLE;
SET LOCAL ROLE otklik_batch;

-- Keeps what waits and drops what has served (counter NULL), whose report says from now on what
-- became of it (outcome NULL: nothing can be said); stands behind report_save, which holds the
-- queue's row. What served may have come by another queue of the agent.
CREATE FUNCTION report_wait(for_customer integer, for_agent integer, for_epoch uuid,
	for_lane smallint, wait_host text[], wait_name text[], wait_counter bigint[],
	wait_state smallint[], wait_last bytea[], wait_seq bigint[], wait_began bytea[],
	wait_outcome smallint[], wait_ticket bigint[]) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER
	SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
	WITH served AS (
		DELETE FROM check_backlog k
			USING unnest(wait_host, wait_name, wait_counter, wait_outcome, wait_ticket)
				AS s(host, name, counter, outcome, ticket)
			WHERE k.customer_id = for_customer AND k.agent_id = for_agent AND k.host = s.host
				AND k.check_name = s.name AND s.counter IS NULL
			RETURNING k.epoch, k.lane, k.last_seq, s.outcome, s.ticket)
	UPDATE report r SET outcome = s.outcome, ticket_id = s.ticket
		FROM served s
		WHERE r.customer_id = for_customer AND r.agent_id = for_agent AND r.epoch = s.epoch
			AND r.lane = s.lane AND r.seq = s.last_seq AND r.outcome = 6
			AND s.outcome IS NOT NULL;
	INSERT INTO check_backlog AS k (customer_id, agent_id, host, check_name, counter, state, last,
			epoch, lane, last_seq, began)
		SELECT for_customer, for_agent, s.host, s.name, s.counter, s.state, s.last, for_epoch,
				for_lane, s.seq, s.began
			FROM unnest(wait_host, wait_name, wait_counter, wait_state, wait_last, wait_seq,
				wait_began) AS s(host, name, counter, state, last, seq, began)
			WHERE s.counter IS NOT NULL
			ORDER BY s.host, s.name
		ON CONFLICT (customer_id, agent_id, host, check_name) DO UPDATE
			SET counter = excluded.counter, state = excluded.state, last = excluded.last,
				epoch = excluded.epoch, lane = excluded.lane, last_seq = excluded.last_seq,
				began = excluded.began;
END
$$;
REVOKE ALL ON FUNCTION report_wait FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_wait TO otklik_app;

RESET ROLE;
