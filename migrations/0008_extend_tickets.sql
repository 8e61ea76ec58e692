-- What a ticket may have beyond its first edition: a merge, a promised date, people who follow
-- it, waived breaches, and the provider's own clocks. desk_save (0002) writes all of it.

SET LOCAL ROLE otklik_owner;

ALTER TABLE ticket
	ADD COLUMN merged_into bigint, -- the older ticket it went into
	ADD COLUMN merged_at timestamptz,
	ADD COLUMN merged_state smallint NOT NULL DEFAULT 0, -- what the undo goes back to
	ADD COLUMN merged_clocks smallint NOT NULL DEFAULT 0, -- 1 << clock ran, 256 << clock stood
	ADD COLUMN promise_at timestamptz, -- the date given to the customer
	ADD COLUMN promise_given_at timestamptz,
	ADD COLUMN promise_first_at timestamptz,
	ADD COLUMN promise_warn_at timestamptz,
	ADD COLUMN promise_broken boolean NOT NULL DEFAULT false,
	ADD COLUMN promise_changes smallint NOT NULL DEFAULT 0,
	ADD COLUMN raised smallint NOT NULL DEFAULT 0, -- bits 1 << clock
	ADD COLUMN watchers integer[] NOT NULL DEFAULT '{}'; -- principals, ascending
ALTER TABLE event
	ADD COLUMN related_id bigint, -- another ticket, an entry's seq, an attachment: by kind
	ADD COLUMN flags smallint,
	ADD COLUMN person_id integer;
ALTER TABLE sla_clock ADD COLUMN waived_at timestamptz;

-- 4 operational, 5 supplier: the provider's own.
ALTER TABLE contract_target DROP CONSTRAINT contract_target_clock_check,
	ADD CONSTRAINT contract_target_clock_check CHECK (clock BETWEEN 1 AND 5);
ALTER TABLE contract_level DROP CONSTRAINT contract_level_clock_check,
	ADD CONSTRAINT contract_level_clock_check CHECK (clock BETWEEN 1 AND 5);
ALTER TABLE contract_version DROP CONSTRAINT contract_version_pauses_check,
	ADD CONSTRAINT contract_version_pauses_check CHECK (array_length(pauses, 1) BETWEEN 4 AND 6);

RESET ROLE;
SET LOCAL ROLE otklik_batch;

DROP FUNCTION desk_save;

-- As before (0002 tells the rules), with what is new. PostgreSQL takes 100 parameters at most:
-- what few tickets have comes together in ticket_more.
CREATE FUNCTION desk_save(
	item_customer integer[], item_ticket bigint[], item_loaded bigint[], item_epoch bigint[],
	item_principal integer[] DEFAULT '{}', -- whose key and whose scope; NULL: the system
	item_key uuid[] DEFAULT '{}', item_hash bytea[] DEFAULT '{}',
	item_timer timestamptz[] DEFAULT '{}', -- when time acts next; NULL: never

	ticket_version bigint[] DEFAULT '{}', ticket_type smallint[] DEFAULT '{}',
	ticket_state smallint[] DEFAULT '{}', ticket_pending_reason smallint[] DEFAULT '{}',
	ticket_pending_until timestamptz[] DEFAULT '{}', ticket_impact smallint[] DEFAULT '{}',
	ticket_urgency smallint[] DEFAULT '{}', ticket_priority smallint[] DEFAULT '{}',
	-- 1 priority_overridden, 2 machine_filed, 4 human_touched, 8 self_recovered, 16 observed,
	-- 32 no_sla, 64 check_bad, 128 promise_broken
	ticket_flags smallint[] DEFAULT '{}',
	ticket_title text[] DEFAULT '{}', ticket_category text[] DEFAULT '{}',
	ticket_subcategory text[] DEFAULT '{}', ticket_channel text[] DEFAULT '{}',
	ticket_external_ref text[] DEFAULT '{}',
	ticket_zone text[] DEFAULT '{}', -- of new tickets; it never changes
	ticket_site integer[] DEFAULT '{}',
	ticket_service integer[] DEFAULT '{}', ticket_team integer[] DEFAULT '{}',
	ticket_assignee integer[] DEFAULT '{}', ticket_requester integer[] DEFAULT '{}',
	ticket_contract integer[] DEFAULT '{}', ticket_created timestamptz[] DEFAULT '{}',
	ticket_updated timestamptz[] DEFAULT '{}', ticket_acknowledged timestamptz[] DEFAULT '{}',
	ticket_first_reply timestamptz[] DEFAULT '{}',
	ticket_first_resolved timestamptz[] DEFAULT '{}',
	ticket_resolved timestamptz[] DEFAULT '{}', ticket_closed timestamptz[] DEFAULT '{}',
	ticket_auto_close timestamptz[] DEFAULT '{}', ticket_recheck timestamptz[] DEFAULT '{}',
	ticket_reopen_count smallint[] DEFAULT '{}',
	ticket_more text[] DEFAULT '{}', -- JSON: the members of `m` below; NULL: none of them

	event_item integer[] DEFAULT '{}', event_seq bigint[] DEFAULT '{}',
	event_kind smallint[] DEFAULT '{}', event_cause smallint[] DEFAULT '{}',
	event_actor integer[] DEFAULT '{}', event_side smallint[] DEFAULT '{}',
	event_public boolean[] DEFAULT '{}', event_occurred timestamptz[] DEFAULT '{}',
	event_recorded timestamptz[] DEFAULT '{}', event_state smallint[] DEFAULT '{}',
	event_pending_reason smallint[] DEFAULT '{}', event_until timestamptz[] DEFAULT '{}',
	event_type smallint[] DEFAULT '{}', event_impact smallint[] DEFAULT '{}',
	event_urgency smallint[] DEFAULT '{}', event_priority smallint[] DEFAULT '{}',
	event_site integer[] DEFAULT '{}', event_service integer[] DEFAULT '{}',
	event_team integer[] DEFAULT '{}', event_assignee integer[] DEFAULT '{}',
	event_requester integer[] DEFAULT '{}', event_contract integer[] DEFAULT '{}',
	event_category text[] DEFAULT '{}', event_subcategory text[] DEFAULT '{}',
	event_zone text[] DEFAULT '{}',
	event_clock smallint[] DEFAULT '{}', event_level smallint[] DEFAULT '{}',
	event_clock_state smallint[] DEFAULT '{}', event_target bigint[] DEFAULT '{}',
	event_consumed bigint[] DEFAULT '{}', event_due timestamptz[] DEFAULT '{}',
	event_old_due timestamptz[] DEFAULT '{}', event_related bigint[] DEFAULT '{}',
	event_flags smallint[] DEFAULT '{}', event_person integer[] DEFAULT '{}',
	event_content_hash bytea[] DEFAULT '{}',

	content_event integer[] DEFAULT '{}', content_salt bytea[] DEFAULT '{}',
	content_text text[] DEFAULT '{}',

	sla_item integer[] DEFAULT '{}', sla_kind smallint[] DEFAULT '{}',
	sla_state smallint[] DEFAULT '{}', sla_target bigint[] DEFAULT '{}',
	sla_target_bd integer[] DEFAULT '{}', sla_wall boolean[] DEFAULT '{}',
	sla_calendar integer[] DEFAULT '{}', sla_started timestamptz[] DEFAULT '{}',
	sla_anchor timestamptz[] DEFAULT '{}', sla_consumed bigint[] DEFAULT '{}',
	sla_due timestamptz[] DEFAULT '{}', sla_breached timestamptz[] DEFAULT '{}',
	sla_detected timestamptz[] DEFAULT '{}', sla_stopped timestamptz[] DEFAULT '{}',
	sla_waived timestamptz[] DEFAULT '{}',
	-- The levels of all clocks behind each other; each clock says from where to where its are.
	sla_level_from integer[] DEFAULT '{}', sla_level_to integer[] DEFAULT '{}',
	level_at timestamptz[] DEFAULT '{}', level_state smallint[] DEFAULT '{}',

	all_or_nothing boolean DEFAULT false)
RETURNS TABLE (outcome smallint, saved_id bigint, saved_version bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	outcomes smallint[];
	ids bigint[] := item_ticket;
	versions bigint[]; -- 0 until a stored item is found
	fresh boolean; -- some item is a new ticket
	stored boolean; -- some item changes a stored one
	keys integer := 0; -- items with a key
	winners bigint[] := '{}'; -- places of items whose key was new
	in_force bigint; -- epoch of the reference data
	previous bigint;
	found record;
BEGIN
	PERFORM pg_advisory_xact_lock_shared(hashtext('otklik.reference'));
	SELECT epoch INTO STRICT in_force FROM installation;

	-- Judge each item by itself.
	SELECT array_agg(
			CASE WHEN s.epoch IS DISTINCT FROM in_force THEN 4
				WHEN NOT (EXISTS (SELECT FROM customer c WHERE c.customer_id = s.customer
						AND (s.loaded > 0 OR NOT c.retired))
					AND (s.principal IS NULL OR EXISTS (SELECT FROM principal p
						WHERE p.principal_id = s.principal AND NOT p.disabled
						AND (p.kind = 2 AND p.customer_id = s.customer
							OR EXISTS (SELECT FROM principal_grant g
								WHERE g.principal_id = s.principal
								AND g.customer_id IN (0, s.customer)))))
					AND (s.site IS NULL OR EXISTS (SELECT FROM site x
						WHERE x.site_id = s.site AND x.customer_id = s.customer))
					AND (s.service IS NULL OR EXISTS (SELECT FROM service x
						WHERE x.service_id = s.service AND x.customer_id = s.customer)))
				THEN 5
				WHEN s.loaded > 0 THEN 3 -- until it is found below
				ELSE 0 END::smallint ORDER BY s.i),
			array_agg(CASE WHEN s.loaded > 0 THEN 0 ELSE s.version END ORDER BY s.i),
			coalesce(bool_or(s.loaded = 0), false), coalesce(bool_or(s.loaded > 0), false),
			count(s.key)
		INTO outcomes, versions, fresh, stored, keys
		FROM unnest(item_customer, item_loaded, item_epoch, item_principal, item_key,
			ticket_version, ticket_site, ticket_service) WITH ORDINALITY
			AS s(customer, loaded, epoch, principal, key, version, site, service, i);

	IF stored THEN
		FOR found IN
			SELECT s.i, s.loaded, t.ticket_id, t.version
				FROM unnest(item_customer, item_ticket, item_loaded) WITH ORDINALITY
					AS s(customer, ticket, loaded, i)
				JOIN ticket t ON t.customer_id = s.customer AND t.ticket_id = s.ticket
				WHERE s.loaded > 0 AND outcomes[s.i] = 3
				ORDER BY t.ticket_id, s.i
				FOR NO KEY UPDATE OF t
		LOOP
			-- A second item for a ticket in one call would overwrite the first.
			IF found.version = found.loaded AND found.ticket_id IS DISTINCT FROM previous THEN
				outcomes[found.i] := 0;
				versions[found.i] := ticket_version[found.i];
				previous := found.ticket_id;
			ELSE
				versions[found.i] := found.version;
			END IF;
		END LOOP;
	END IF;

	IF keys > 0 THEN
		WITH won AS (
			INSERT INTO idempotency
				(customer_id, principal_id, key, hash, attempt, ticket_id, version, created_at)
				SELECT s.customer, s.principal, s.key, s.hash, s.i, s.ticket, s.version, s.updated
					FROM unnest(item_customer, item_principal, item_key, item_hash, item_ticket,
						ticket_version, ticket_updated) WITH ORDINALITY
						AS s(customer, principal, key, hash, ticket, version, updated, i)
					WHERE s.key IS NOT NULL AND outcomes[s.i] = 0
					ORDER BY s.customer, s.principal, s.key, s.i
				ON CONFLICT DO NOTHING
				RETURNING attempt)
			SELECT coalesce(array_agg(attempt), '{}') INTO winners FROM won;
	END IF;

	IF cardinality(winners) < keys THEN
		FOR found IN
			SELECT s.i, k.hash = s.hash AS same, k.ticket_id, k.version
				FROM unnest(item_customer, item_principal, item_key, item_hash) WITH ORDINALITY
					AS s(customer, principal, key, hash, i)
				LEFT JOIN idempotency k ON k.customer_id = s.customer
					AND k.principal_id = s.principal AND k.key = s.key
				WHERE s.key IS NOT NULL AND outcomes[s.i] IN (0, 3) AND s.i <> ALL (winners)
		LOOP
			IF found.same IS NOT NULL THEN
				outcomes[found.i] := CASE WHEN found.same THEN 1 ELSE 2 END;
				ids[found.i] := found.ticket_id;
				versions[found.i] := found.version;
			ELSIF outcomes[found.i] = 0 THEN
				-- It lost against a key that has expired since: do it again.
				outcomes[found.i] := 3;
				versions[found.i] := 0;
			END IF;
		END LOOP;
	END IF;

	IF all_or_nothing AND (SELECT bool_or(o NOT IN (0, 1)) FROM unnest(outcomes) o) THEN
		RAISE EXCEPTION 'a concurrent change won; try again'
			USING ERRCODE = 'OT010', DETAIL = CASE WHEN 4 = ANY (outcomes)
				THEN 'STALE_REFERENCE' ELSE 'SAVE_CONFLICT' END;
	END IF;

	IF fresh THEN
		INSERT INTO ticket (customer_id, ticket_id, version, type, state, pending_reason,
				pending_until, impact, urgency, priority, priority_overridden, machine_filed,
				human_touched, self_recovered, observed, no_sla, check_bad, title, category,
				subcategory, channel, external_ref, zone, site_id, service_id, team_id, assignee_id,
				requester_id, contract_version_id, created_at, updated_at, acknowledged_at,
				first_reply_at, first_resolved_at, resolved_at, closed_at, auto_close_at,
				recheck_at, reopen_count, promise_broken, merged_into, merged_at, merged_state,
				merged_clocks, promise_at,
				promise_given_at, promise_first_at, promise_warn_at, promise_changes, raised,
				watchers)
			SELECT s.customer, s.ticket, s.version, s.type, s.state, coalesce(s.reason, 0::smallint),
					s.until, s.impact, s.urgency, s.priority, s.flags & 1 <> 0, s.flags & 2 <> 0,
					s.flags & 4 <> 0, s.flags & 8 <> 0, s.flags & 16 <> 0, s.flags & 32 <> 0,
					s.flags & 64 <> 0, s.title, s.category, s.subcategory, s.channel, s.external,
					s.zone, s.site, s.service, s.team, s.assignee, s.requester, s.contract, s.created,
					s.updated, s.acknowledged, s.first_reply, s.first_resolved, s.resolved,
					s.closed, s.auto_close, s.recheck, coalesce(s.reopened, 0::smallint),
					s.flags & 128 <> 0, m.merged_into, m.merged_at,
					coalesce(m.merged_state, 0::smallint),
					coalesce(m.merged_clocks, 0::smallint), m.promise_at, m.promise_given_at,
					m.promise_first_at, m.promise_warn_at, coalesce(m.promise_changes, 0::smallint),
					coalesce(m.raised, 0::smallint), coalesce(m.watchers, '{}')
				FROM unnest(item_customer, item_ticket, item_loaded, ticket_version, ticket_type,
					ticket_state, ticket_pending_reason, ticket_pending_until, ticket_impact,
					ticket_urgency, ticket_priority, ticket_flags, ticket_title, ticket_category,
					ticket_subcategory, ticket_channel, ticket_external_ref, ticket_zone, ticket_site,
					ticket_service, ticket_team, ticket_assignee, ticket_requester,
					ticket_contract, ticket_created, ticket_updated, ticket_acknowledged,
					ticket_first_reply, ticket_first_resolved, ticket_resolved, ticket_closed,
					ticket_auto_close, ticket_recheck, ticket_reopen_count, ticket_more) WITH ORDINALITY
					AS s(customer, ticket, loaded, version, type, state, reason, until, impact,
						urgency, priority, flags, title, category, subcategory, channel, external,
						zone, site, service, team, assignee, requester, contract, created, updated,
						acknowledged, first_reply, first_resolved, resolved, closed, auto_close,
						recheck, reopened, more, i)
					LEFT JOIN LATERAL jsonb_to_record(s.more::jsonb) AS m(merged_into bigint,
					merged_at timestamptz, merged_state smallint, merged_clocks smallint,
						promise_at timestamptz, promise_given_at timestamptz,
						promise_first_at timestamptz, promise_warn_at timestamptz,
						promise_changes smallint, raised smallint, watchers integer[]) ON true
				WHERE s.loaded = 0 AND outcomes[s.i] = 0;
	END IF;
	IF stored THEN
		UPDATE ticket t SET version = s.version, type = s.type, state = s.state,
				pending_reason = coalesce(s.reason, 0::smallint), pending_until = s.until,
				impact = s.impact, urgency = s.urgency, priority = s.priority,
				priority_overridden = s.flags & 1 <> 0, machine_filed = s.flags & 2 <> 0,
				human_touched = s.flags & 4 <> 0, self_recovered = s.flags & 8 <> 0,
				observed = s.flags & 16 <> 0, no_sla = s.flags & 32 <> 0,
				check_bad = s.flags & 64 <> 0, title = s.title, category = s.category,
				subcategory = s.subcategory, site_id = s.site, service_id = s.service,
				team_id = s.team, assignee_id = s.assignee, requester_id = s.requester,
				contract_version_id = s.contract, updated_at = s.updated,
				acknowledged_at = s.acknowledged, first_reply_at = s.first_reply,
				first_resolved_at = s.first_resolved, resolved_at = s.resolved,
				closed_at = s.closed, auto_close_at = s.auto_close, recheck_at = s.recheck,
				reopen_count = coalesce(s.reopened, 0::smallint),
				promise_broken = s.flags & 128 <> 0, merged_into = m.merged_into,
				merged_at = m.merged_at, merged_state = coalesce(m.merged_state, 0::smallint),
				merged_clocks = coalesce(m.merged_clocks, 0::smallint),
				promise_at = m.promise_at, promise_given_at = m.promise_given_at,
				promise_first_at = m.promise_first_at, promise_warn_at = m.promise_warn_at,
				promise_changes = coalesce(m.promise_changes, 0::smallint),
				raised = coalesce(m.raised, 0::smallint), watchers = coalesce(m.watchers, '{}')
			FROM unnest(item_customer, item_ticket, item_loaded, ticket_version, ticket_type,
				ticket_state, ticket_pending_reason, ticket_pending_until, ticket_impact,
				ticket_urgency, ticket_priority, ticket_flags, ticket_title, ticket_category,
				ticket_subcategory, ticket_site, ticket_service, ticket_team, ticket_assignee,
				ticket_requester, ticket_contract, ticket_updated, ticket_acknowledged,
				ticket_first_reply, ticket_first_resolved, ticket_resolved, ticket_closed,
				ticket_auto_close, ticket_recheck, ticket_reopen_count, ticket_more) WITH ORDINALITY
				AS s(customer, ticket, loaded, version, type, state, reason, until, impact,
					urgency, priority, flags, title, category, subcategory, site, service, team,
					assignee, requester, contract, updated, acknowledged, first_reply,
					first_resolved, resolved, closed, auto_close, recheck, reopened, more, i)
				LEFT JOIN LATERAL jsonb_to_record(s.more::jsonb) AS m(merged_into bigint,
					merged_at timestamptz, merged_state smallint, merged_clocks smallint,
					promise_at timestamptz, promise_given_at timestamptz,
					promise_first_at timestamptz, promise_warn_at timestamptz,
					promise_changes smallint, raised smallint, watchers integer[]) ON true
			WHERE t.customer_id = s.customer AND t.ticket_id = s.ticket
				AND s.loaded > 0 AND outcomes[s.i] = 0;
	END IF;

	INSERT INTO event (customer_id, ticket_id, seq, kind, cause, actor_id, side, is_public,
			occurred_at, recorded_at, state, pending_reason, until_at, type, impact, urgency,
			priority, site_id, service_id, team_id, assignee_id, requester_id,
			contract_version_id, category, subcategory, zone, clock, level, clock_state, target_us,
			consumed_us, due_at, old_due_at, related_id, flags, person_id, content_hash)
		SELECT item_customer[s.item], item_ticket[s.item], s.seq, s.kind,
				coalesce(s.cause, 0::smallint), s.actor, s.side, s.public, s.occurred, s.recorded,
				s.state, s.reason, s.until, s.type, s.impact, s.urgency, s.priority, s.site,
				s.service, s.team, s.assignee, s.requester, s.contract, s.category, s.subcategory,
				s.zone, s.clock, s.level, s.clock_state, s.target, s.consumed, s.due, s.old_due,
				s.related, s.flags, s.person, s.hash
			FROM unnest(event_item, event_seq, event_kind, event_cause, event_actor, event_side,
				event_public, event_occurred, event_recorded, event_state, event_pending_reason,
				event_until, event_type, event_impact, event_urgency, event_priority, event_site,
				event_service, event_team, event_assignee, event_requester, event_contract,
				event_category, event_subcategory, event_zone, event_clock, event_level, event_clock_state,
				event_target, event_consumed, event_due, event_old_due, event_related, event_flags,
				event_person, event_content_hash)
				AS s(item, seq, kind, cause, actor, side, public, occurred, recorded, state,
					reason, until, type, impact, urgency, priority, site, service, team, assignee,
					requester, contract, category, subcategory, zone, clock, level, clock_state, target,
					consumed, due, old_due, related, flags, person, hash)
			WHERE outcomes[s.item] = 0;

	INSERT INTO event_content (customer_id, ticket_id, seq, salt, content)
		SELECT item_customer[event_item[s.event]], item_ticket[event_item[s.event]],
				event_seq[s.event], s.salt, s.content
			FROM unnest(content_event, content_salt, content_text) AS s(event, salt, content)
			WHERE outcomes[event_item[s.event]] = 0;

	IF fresh THEN
		INSERT INTO sla_clock (customer_id, ticket_id, kind, state, target_us, target_bd, wall,
				calendar_id, started_at, anchor_at, consumed_us, due_at, breached_at, detected_at,
				stopped_at, waived_at, level_at, level_state)
			SELECT item_customer[s.item], item_ticket[s.item], s.kind, s.state, s.target,
					coalesce(s.target_bd, 0), coalesce(s.wall, false), s.calendar, s.started,
					s.anchor, s.consumed, s.due, s.breached, s.detected, s.stopped, s.waived,
					level_at[s.level_from:s.level_to], level_state[s.level_from:s.level_to]
				FROM unnest(sla_item, sla_kind, sla_state, sla_target, sla_target_bd, sla_wall,
					sla_calendar, sla_started, sla_anchor, sla_consumed, sla_due, sla_breached,
					sla_detected, sla_stopped, sla_waived, sla_level_from, sla_level_to)
					AS s(item, kind, state, target, target_bd, wall, calendar, started, anchor,
						consumed, due, breached, detected, stopped, waived, level_from, level_to)
				WHERE item_loaded[s.item] = 0 AND outcomes[s.item] = 0;
		INSERT INTO timer (customer_id, ticket_id, at)
			SELECT s.customer, s.ticket, s.at
				FROM unnest(item_customer, item_ticket, item_loaded, item_timer) WITH ORDINALITY
					AS s(customer, ticket, loaded, at, i)
				WHERE s.loaded = 0 AND s.at IS NOT NULL AND outcomes[s.i] = 0;
	END IF;
	IF stored THEN
		INSERT INTO sla_clock AS c (customer_id, ticket_id, kind, state, target_us, target_bd,
				wall, calendar_id, started_at, anchor_at, consumed_us, due_at, breached_at,
				detected_at, stopped_at, waived_at, level_at, level_state)
			SELECT item_customer[s.item], item_ticket[s.item], s.kind, s.state, s.target,
					coalesce(s.target_bd, 0), coalesce(s.wall, false), s.calendar, s.started,
					s.anchor, s.consumed, s.due, s.breached, s.detected, s.stopped, s.waived,
					level_at[s.level_from:s.level_to], level_state[s.level_from:s.level_to]
				FROM unnest(sla_item, sla_kind, sla_state, sla_target, sla_target_bd, sla_wall,
					sla_calendar, sla_started, sla_anchor, sla_consumed, sla_due, sla_breached,
					sla_detected, sla_stopped, sla_waived, sla_level_from, sla_level_to)
					AS s(item, kind, state, target, target_bd, wall, calendar, started, anchor,
						consumed, due, breached, detected, stopped, waived, level_from, level_to)
				WHERE item_loaded[s.item] > 0 AND outcomes[s.item] = 0
			ON CONFLICT (customer_id, ticket_id, kind) DO UPDATE SET state = excluded.state,
				target_us = excluded.target_us, target_bd = excluded.target_bd,
				wall = excluded.wall, calendar_id = excluded.calendar_id,
				started_at = excluded.started_at, anchor_at = excluded.anchor_at,
				consumed_us = excluded.consumed_us, due_at = excluded.due_at,
				breached_at = excluded.breached_at, detected_at = excluded.detected_at,
				stopped_at = excluded.stopped_at, waived_at = excluded.waived_at,
				level_at = excluded.level_at,
				level_state = excluded.level_state;
		DELETE FROM timer t
			USING unnest(item_customer, item_ticket, item_loaded, item_timer) WITH ORDINALITY
				AS s(customer, ticket, loaded, at, i)
			WHERE t.customer_id = s.customer AND t.ticket_id = s.ticket
				AND s.loaded > 0 AND s.at IS NULL AND outcomes[s.i] = 0;
		INSERT INTO timer AS t (customer_id, ticket_id, at)
			SELECT s.customer, s.ticket, s.at
				FROM unnest(item_customer, item_ticket, item_loaded, item_timer) WITH ORDINALITY
					AS s(customer, ticket, loaded, at, i)
				WHERE s.loaded > 0 AND s.at IS NOT NULL AND outcomes[s.i] = 0
			ON CONFLICT (customer_id, ticket_id) DO UPDATE SET at = excluded.at
				WHERE t.at <> excluded.at;
	END IF;

	RETURN QUERY SELECT s.outcome, s.id, s.version
		FROM unnest(outcomes, ids, versions) AS s(outcome, id, version);
END
$$;

REVOKE ALL ON FUNCTION desk_save FROM PUBLIC;
GRANT EXECUTE ON FUNCTION desk_save TO otklik_app;

RESET ROLE;
