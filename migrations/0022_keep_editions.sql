-- Names of holidays and special working days; who was on call in the past, and duties swapped.

SET LOCAL ROLE otklik_owner;

ALTER TABLE calendar_edition ADD COLUMN names text NOT NULL DEFAULT '';
COMMENT ON COLUMN calendar_edition.names IS
	'Names of its days and rules, an entry a line: server/core/calendar_plan.h';

CREATE TABLE oncall_rota_edition (
	rota_id integer NOT NULL REFERENCES oncall_rota,
	edition integer NOT NULL,
	from_at timestamptz NOT NULL, -- acts from here on, up to the next one
	retired boolean NOT NULL,
	team_id integer NOT NULL REFERENCES team,
	layer smallint NOT NULL CHECK (layer BETWEEN 1 AND 3),
	zone text NOT NULL,
	people integer[] NOT NULL,
	period text NOT NULL,
	hand_over text NOT NULL,
	start text NOT NULL,
	coverage text NOT NULL,
	PRIMARY KEY (rota_id, edition)
);
COMMENT ON TABLE oncall_rota_edition IS
	'class: reference. What each rota said from when on; never changed, only added to.';
GRANT SELECT, INSERT ON oncall_rota_edition TO otklik_app;
GRANT SELECT ON oncall_rota_edition TO otklik_batch;

-- Nobody knows any more what they said before.
INSERT INTO oncall_rota_edition
	SELECT rota_id, 1, '-infinity', retired, team_id, layer, zone, people, period, hand_over, start,
		coverage FROM oncall_rota;

-- A swap makes several under one key.
ALTER TABLE oncall_override
	ADD COLUMN part smallint NOT NULL DEFAULT 1,
	ADD COLUMN in_place_of integer REFERENCES principal, -- whose duty it was in a swap
	ADD COLUMN over boolean NOT NULL DEFAULT false, -- servers know it no more
	DROP CONSTRAINT oncall_override_made_by_key_key,
	ADD UNIQUE (made_by, key, part);
COMMENT ON COLUMN oncall_override.over IS
	'It ended before another was made, so that what servers hold does not grow for ever.';
UPDATE oncall_override SET over = true WHERE least(to_at, withdrawn_at) < now() - interval '1 day';
CREATE INDEX oncall_override_ahead ON oncall_override (override_id) WHERE NOT over;
CREATE INDEX oncall_override_by_time ON oncall_override (to_at);

RESET ROLE;
SET LOCAL ROLE otklik_batch;

-- As before (0011), and more: a paused clock whose target is business days is as long as the calendar
-- makes it, so an edit may break it or bring it to a level while it is paused; a paused clock of a
-- site that moves to another calendar moves with it.
--
-- One step after a change of reference data: brings forward the timers of at most about `most`
-- tickets, so that the sweep looks at them. `leads`: whether the caller is the one that sweeps;
-- another makes a step only where none was made for five seconds. `done`: the timers know the data
-- of `epoch`; else there is more to do, now if `mine`. What an edit means to a ticket is the rules'
-- to say, and looking in vain does no harm: an edition from shortly before a clock was last counted
-- may have come too late for it.
CREATE OR REPLACE FUNCTION rearm_step(most integer, leads boolean)
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
						WHERE e.calendar_id = c.calendar_id AND NOT c.wall
							AND (c.state = 1 OR c.target_bd <> 0)
							AND e.edition > 1 AND e.from_at > c.anchor_at - interval '1 hour'
					UNION ALL
					SELECT greatest(s.from_at, c.anchor_at) FROM site_calendar s
						WHERE s.site_id = k.site_id AND NOT c.wall
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

RESET ROLE;
