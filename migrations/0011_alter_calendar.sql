-- Calendars: holidays as rules, sites with a calendar of their own, and edits that reach many open
-- clocks in small steps.

SET LOCAL ROLE otklik_owner;

ALTER TABLE calendar_edition ADD COLUMN rules text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN calendar_edition.rules IS 'holidays that come every year: server/core/calendar_rule.h';

CREATE TABLE site_calendar (
	site_id integer NOT NULL REFERENCES site,
	edition integer NOT NULL,
	from_at timestamptz NOT NULL, -- acts from here on
	calendar_id integer REFERENCES calendar, -- NULL: that of the ticket's contract
	PRIMARY KEY (site_id, edition)
);
COMMENT ON TABLE site_calendar IS
	'class: reference. Whose hours count at a site from when on; never changed, only added to.';
GRANT SELECT, INSERT ON site_calendar TO otklik_app;
GRANT SELECT ON site_calendar TO otklik_batch;

-- How far the timers know the reference data. One row: a pass walks the clocks in order of their
-- key, a step at a time, whoever makes the step.
CREATE TABLE rearm (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	epoch bigint NOT NULL, -- of the reference data that the pass is made for
	customer_id integer NOT NULL, -- the last ticket that was looked at
	ticket_id bigint NOT NULL,
	done boolean NOT NULL,
	stepped_at timestamptz NOT NULL -- by the database's clock
);
COMMENT ON TABLE rearm IS 'class: coordinator. The pass that follows edits of calendars and contracts.';
INSERT INTO rearm VALUES (true, -1, 0, 0, false, '-infinity');
GRANT SELECT ON rearm TO otklik_app;
GRANT SELECT, UPDATE ON rearm TO otklik_batch;

RESET ROLE;
SET LOCAL ROLE otklik_batch;

-- One step after a change of reference data: brings forward the timers of at most about `most`
-- tickets, so that the sweep looks at them. `leads`: whether the caller is the one that sweeps;
-- another makes a step only where none was made for five seconds. `done`: the timers know the data
-- of `epoch`; else there is more to do, now if `mine`. What an edit means to a ticket is the rules'
-- to say, and looking in vain does no harm: an edition from shortly before a clock was last counted
-- may have come too late for it.
CREATE FUNCTION rearm_step(most integer, leads boolean)
RETURNS TABLE (epoch bigint, done boolean, mine boolean, moved bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	pass rearm;
	in_force bigint;
	last record;
	pages integer := 0;
	armed bigint := 0;
	changed bigint;
BEGIN
	SELECT i.epoch INTO STRICT in_force FROM installation i;
	-- Looks without the lock first: it shall not be in the way of who leads.
	SELECT * INTO STRICT pass FROM rearm r;
	IF pass.done AND pass.epoch = in_force THEN
		RETURN QUERY SELECT in_force, true, true, 0::bigint;
		RETURN;
	END IF;
	IF leads OR pass.stepped_at <= clock_timestamp() - interval '5 seconds' THEN
		SELECT * INTO pass FROM rearm r FOR NO KEY UPDATE SKIP LOCKED;
	ELSE
		pass := NULL;
	END IF;
	IF pass IS NULL THEN
		RETURN QUERY SELECT in_force, false, false, 0::bigint;
		RETURN;
	END IF;
	IF pass.epoch <> in_force THEN
		pass.epoch := in_force;
		pass.customer_id := -1;
		pass.ticket_id := 0;
		pass.done := false;
	END IF;

	WHILE NOT pass.done AND armed < most AND pages < 8 LOOP
		SELECT c.customer_id, c.ticket_id INTO last
			FROM (SELECT c.customer_id, c.ticket_id FROM sla_clock c
				WHERE (c.customer_id, c.ticket_id) > (pass.customer_id, pass.ticket_id)
				ORDER BY c.customer_id, c.ticket_id LIMIT most) c
			ORDER BY c.customer_id DESC, c.ticket_id DESC LIMIT 1;
		pass.done := NOT FOUND;
		EXIT WHEN pass.done;
		pages := pages + 1;
		INSERT INTO timer AS t (customer_id, ticket_id, at)
			SELECT c.customer_id, c.ticket_id, min(x.acts_at)
				FROM sla_clock c
				JOIN ticket k ON k.customer_id = c.customer_id AND k.ticket_id = c.ticket_id
				CROSS JOIN LATERAL (
					SELECT greatest(e.from_at, c.anchor_at) AS acts_at FROM calendar_edition e
						WHERE e.calendar_id = c.calendar_id AND c.state = 1 AND NOT c.wall
							AND e.edition > 1 AND e.from_at > c.anchor_at - interval '1 hour'
					UNION ALL
					SELECT greatest(s.from_at, c.anchor_at) FROM site_calendar s
						WHERE s.site_id = k.site_id AND c.state = 1 AND NOT c.wall
							AND s.from_at > c.anchor_at - interval '1 hour'
					UNION ALL
					SELECT v.withdrawn_at FROM contract_version v
						WHERE v.contract_version_id = k.contract_version_id
							AND v.withdrawn_at IS NOT NULL) x
				WHERE (c.customer_id, c.ticket_id) > (pass.customer_id, pass.ticket_id)
					AND (c.customer_id, c.ticket_id) <= (last.customer_id, last.ticket_id)
					AND c.state IN (1, 2)
				GROUP BY c.customer_id, c.ticket_id
				ORDER BY c.customer_id, c.ticket_id
			ON CONFLICT (customer_id, ticket_id) DO UPDATE SET at = excluded.at
				WHERE t.at > excluded.at;
		GET DIAGNOSTICS changed = ROW_COUNT;
		armed := armed + changed;
		pass.customer_id := last.customer_id;
		pass.ticket_id := last.ticket_id;
	END LOOP;

	UPDATE rearm r SET epoch = pass.epoch, customer_id = pass.customer_id,
		ticket_id = pass.ticket_id, done = pass.done, stepped_at = clock_timestamp();
	RETURN QUERY SELECT pass.epoch, pass.done, true, armed;
END
$$;

REVOKE ALL ON FUNCTION rearm_step FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rearm_step TO otklik_app;

DROP FUNCTION desk_rearm;

RESET ROLE;
