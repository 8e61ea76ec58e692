-- The one way in which tickets change, desk_save, and the one that puts their journal into the
-- order of commits, feed_sequence.
--
-- A caller loads a ticket, applies the rules in memory and saves what became of it here; many
-- tickets go in one call. Arrays in, a row per item out. The function belongs to a role that
-- may write where the application may not, so the journal cannot be changed by any other road.

SET LOCAL ROLE otklik_batch;

-- Saves n items, each one ticket with the events that took it from version `item_loaded` (0: a
-- new ticket) to `ticket_version`.
--
-- Parameters come in groups of parallel arrays. item_* and ticket_* have one element an item;
-- event_* and sla_* one an event or clock, with its item's place (from 1) in event_item and
-- sla_item; content_* one a text, with its event's place in content_event. An array may be
-- shorter than its group or left out: what is missing is NULL.
--
-- Outcomes, in the order of the items, each item apart from the others:
--	0 saved
--	1 duplicate	its key was used by the same request: saved_id and saved_version are of then
--	2 other hash	its key was used by another request
--	3 conflict	the ticket is not at item_loaded; saved_version is where it is, 0: nowhere
--	4 stale		decided under other reference data than are in force
--	5 foreign	the principal, site or service does not belong to the customer
-- With all_or_nothing anything but 0 and 1 raises ABORTED, so that a unit with other statements
-- stands or falls as one.
--
-- Locks are taken in one order, or two batches would wait for each other: the reference data
-- (shared; whoever changes them takes it exclusively), tickets by id, keys in order. A key is
-- read in a statement after the one that inserts it: only a newer snapshot sees the winner.
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
	-- 32 no_sla, 64 check_bad
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
	event_old_due timestamptz[] DEFAULT '{}', event_content_hash bytea[] DEFAULT '{}',

	content_event integer[] DEFAULT '{}', content_salt bytea[] DEFAULT '{}',
	content_text text[] DEFAULT '{}',

	sla_item integer[] DEFAULT '{}', sla_kind smallint[] DEFAULT '{}',
	sla_state smallint[] DEFAULT '{}', sla_target bigint[] DEFAULT '{}',
	sla_target_bd integer[] DEFAULT '{}', sla_wall boolean[] DEFAULT '{}',
	sla_calendar integer[] DEFAULT '{}', sla_started timestamptz[] DEFAULT '{}',
	sla_anchor timestamptz[] DEFAULT '{}', sla_consumed bigint[] DEFAULT '{}',
	sla_due timestamptz[] DEFAULT '{}', sla_breached timestamptz[] DEFAULT '{}',
	sla_detected timestamptz[] DEFAULT '{}', sla_stopped timestamptz[] DEFAULT '{}',
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
				recheck_at, reopen_count)
			SELECT s.customer, s.ticket, s.version, s.type, s.state, coalesce(s.reason, 0::smallint),
					s.until, s.impact, s.urgency, s.priority, s.flags & 1 <> 0, s.flags & 2 <> 0,
					s.flags & 4 <> 0, s.flags & 8 <> 0, s.flags & 16 <> 0, s.flags & 32 <> 0,
					s.flags & 64 <> 0, s.title, s.category, s.subcategory, s.channel, s.external,
					s.zone, s.site, s.service, s.team, s.assignee, s.requester, s.contract, s.created,
					s.updated, s.acknowledged, s.first_reply, s.first_resolved, s.resolved,
					s.closed, s.auto_close, s.recheck, coalesce(s.reopened, 0::smallint)
				FROM unnest(item_customer, item_ticket, item_loaded, ticket_version, ticket_type,
					ticket_state, ticket_pending_reason, ticket_pending_until, ticket_impact,
					ticket_urgency, ticket_priority, ticket_flags, ticket_title, ticket_category,
					ticket_subcategory, ticket_channel, ticket_external_ref, ticket_zone, ticket_site,
					ticket_service, ticket_team, ticket_assignee, ticket_requester,
					ticket_contract, ticket_created, ticket_updated, ticket_acknowledged,
					ticket_first_reply, ticket_first_resolved, ticket_resolved, ticket_closed,
					ticket_auto_close, ticket_recheck, ticket_reopen_count) WITH ORDINALITY
					AS s(customer, ticket, loaded, version, type, state, reason, until, impact,
						urgency, priority, flags, title, category, subcategory, channel, external,
						zone, site, service, team, assignee, requester, contract, created, updated,
						acknowledged, first_reply, first_resolved, resolved, closed, auto_close,
						recheck, reopened, i)
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
				reopen_count = coalesce(s.reopened, 0::smallint)
			FROM unnest(item_customer, item_ticket, item_loaded, ticket_version, ticket_type,
				ticket_state, ticket_pending_reason, ticket_pending_until, ticket_impact,
				ticket_urgency, ticket_priority, ticket_flags, ticket_title, ticket_category,
				ticket_subcategory, ticket_site, ticket_service, ticket_team, ticket_assignee,
				ticket_requester, ticket_contract, ticket_updated, ticket_acknowledged,
				ticket_first_reply, ticket_first_resolved, ticket_resolved, ticket_closed,
				ticket_auto_close, ticket_recheck, ticket_reopen_count) WITH ORDINALITY
				AS s(customer, ticket, loaded, version, type, state, reason, until, impact,
					urgency, priority, flags, title, category, subcategory, site, service, team,
					assignee, requester, contract, updated, acknowledged, first_reply,
					first_resolved, resolved, closed, auto_close, recheck, reopened, i)
			WHERE t.customer_id = s.customer AND t.ticket_id = s.ticket
				AND s.loaded > 0 AND outcomes[s.i] = 0;
	END IF;

	INSERT INTO event (customer_id, ticket_id, seq, kind, cause, actor_id, side, is_public,
			occurred_at, recorded_at, state, pending_reason, until_at, type, impact, urgency,
			priority, site_id, service_id, team_id, assignee_id, requester_id,
			contract_version_id, category, subcategory, zone, clock, level, clock_state, target_us,
			consumed_us, due_at, old_due_at, content_hash)
		SELECT item_customer[s.item], item_ticket[s.item], s.seq, s.kind,
				coalesce(s.cause, 0::smallint), s.actor, s.side, s.public, s.occurred, s.recorded,
				s.state, s.reason, s.until, s.type, s.impact, s.urgency, s.priority, s.site,
				s.service, s.team, s.assignee, s.requester, s.contract, s.category, s.subcategory,
				s.zone, s.clock, s.level, s.clock_state, s.target, s.consumed, s.due, s.old_due, s.hash
			FROM unnest(event_item, event_seq, event_kind, event_cause, event_actor, event_side,
				event_public, event_occurred, event_recorded, event_state, event_pending_reason,
				event_until, event_type, event_impact, event_urgency, event_priority, event_site,
				event_service, event_team, event_assignee, event_requester, event_contract,
				event_category, event_subcategory, event_zone, event_clock, event_level, event_clock_state,
				event_target, event_consumed, event_due, event_old_due, event_content_hash)
				AS s(item, seq, kind, cause, actor, side, public, occurred, recorded, state,
					reason, until, type, impact, urgency, priority, site, service, team, assignee,
					requester, contract, category, subcategory, zone, clock, level, clock_state, target,
					consumed, due, old_due, hash)
			WHERE outcomes[s.item] = 0;

	INSERT INTO event_content (customer_id, ticket_id, seq, salt, content)
		SELECT item_customer[event_item[s.event]], item_ticket[event_item[s.event]],
				event_seq[s.event], s.salt, s.content
			FROM unnest(content_event, content_salt, content_text) AS s(event, salt, content)
			WHERE outcomes[event_item[s.event]] = 0;

	IF fresh THEN
		INSERT INTO sla_clock (customer_id, ticket_id, kind, state, target_us, target_bd, wall,
				calendar_id, started_at, anchor_at, consumed_us, due_at, breached_at, detected_at,
				stopped_at, level_at, level_state)
			SELECT item_customer[s.item], item_ticket[s.item], s.kind, s.state, s.target,
					coalesce(s.target_bd, 0), coalesce(s.wall, false), s.calendar, s.started,
					s.anchor, s.consumed, s.due, s.breached, s.detected, s.stopped,
					level_at[s.level_from:s.level_to], level_state[s.level_from:s.level_to]
				FROM unnest(sla_item, sla_kind, sla_state, sla_target, sla_target_bd, sla_wall,
					sla_calendar, sla_started, sla_anchor, sla_consumed, sla_due, sla_breached,
					sla_detected, sla_stopped, sla_level_from, sla_level_to)
					AS s(item, kind, state, target, target_bd, wall, calendar, started, anchor,
						consumed, due, breached, detected, stopped, level_from, level_to)
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
				detected_at, stopped_at, level_at, level_state)
			SELECT item_customer[s.item], item_ticket[s.item], s.kind, s.state, s.target,
					coalesce(s.target_bd, 0), coalesce(s.wall, false), s.calendar, s.started,
					s.anchor, s.consumed, s.due, s.breached, s.detected, s.stopped,
					level_at[s.level_from:s.level_to], level_state[s.level_from:s.level_to]
				FROM unnest(sla_item, sla_kind, sla_state, sla_target, sla_target_bd, sla_wall,
					sla_calendar, sla_started, sla_anchor, sla_consumed, sla_due, sla_breached,
					sla_detected, sla_stopped, sla_level_from, sla_level_to)
					AS s(item, kind, state, target, target_bd, wall, calendar, started, anchor,
						consumed, due, breached, detected, stopped, level_from, level_to)
				WHERE item_loaded[s.item] > 0 AND outcomes[s.item] = 0
			ON CONFLICT (customer_id, ticket_id, kind) DO UPDATE SET state = excluded.state,
				target_us = excluded.target_us, target_bd = excluded.target_bd,
				wall = excluded.wall, calendar_id = excluded.calendar_id,
				started_at = excluded.started_at, anchor_at = excluded.anchor_at,
				consumed_us = excluded.consumed_us, due_at = excluded.due_at,
				breached_at = excluded.breached_at, detected_at = excluded.detected_at,
				stopped_at = excluded.stopped_at, level_at = excluded.level_at,
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

-- After a change of reference data: brings forward the timers of tickets on whose open clocks a
-- new edition of their calendar or the end of their contract acts, so that the sweep looks at
-- them then. What it means to them is the rules' to say; looking in vain does no harm. An edition
-- from shortly before a clock was last counted may have come too late for it. Returns how many.
CREATE FUNCTION desk_rearm() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
	moved bigint;
BEGIN
	INSERT INTO timer AS t (customer_id, ticket_id, at)
		SELECT c.customer_id, c.ticket_id, min(x.acts_at)
			FROM sla_clock c
			JOIN ticket k ON k.customer_id = c.customer_id AND k.ticket_id = c.ticket_id
			CROSS JOIN LATERAL (
				SELECT greatest(e.from_at, c.anchor_at) AS acts_at FROM calendar_edition e
					WHERE e.calendar_id = c.calendar_id AND c.state = 1 AND NOT c.wall
						AND e.edition > 1 AND e.from_at > c.anchor_at - interval '1 hour'
				UNION ALL
				SELECT v.withdrawn_at FROM contract_version v
					WHERE v.contract_version_id = k.contract_version_id
						AND v.withdrawn_at IS NOT NULL) x
			WHERE c.state IN (1, 2)
			GROUP BY c.customer_id, c.ticket_id
			ORDER BY c.customer_id, c.ticket_id
		ON CONFLICT (customer_id, ticket_id) DO UPDATE SET at = excluded.at
			WHERE t.at > excluded.at;
	GET DIAGNOSTICS moved = ROW_COUNT;
	RETURN moved;
END
$$;

REVOKE ALL ON FUNCTION desk_rearm FROM PUBLIC;
GRANT EXECUTE ON FUNCTION desk_rearm TO otklik_app;

RESET ROLE;
SET LOCAL ROLE otklik_owner;

-- Gives every journal entry committed since the last call its place in the feed: `head` is the
-- highest place now, `added` how many are new; no row while another sequencer works.
--
-- The snapshot of the last call says what was seen then: new is what has begun since (xid at or
-- above its xmax) or was still running (in its xip) and is visible now. The snapshot must be
-- that of the statement that reads the entries, and the lock must be held before it is taken:
-- hence two statements. Entries of one ticket come in the order of seq; the order of tickets
-- that committed between two calls says nothing.
--
-- Transaction numbers that went back tell of a database restored elsewhere: whatever is not in
-- the feed is added, and the feed gets a new epoch, which sends its readers to read anew.
CREATE FUNCTION feed_sequence() RETURNS TABLE (head bigint, added bigint)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	last feed_state;
BEGIN
	SELECT * INTO last FROM feed_state FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF pg_snapshot_xmax(last.snapshot) > pg_snapshot_xmax(pg_current_snapshot()) THEN
		RETURN QUERY WITH taken AS (
			INSERT INTO feed (rev, customer_id, ticket_id, seq)
				SELECT last.rev + row_number() OVER (ORDER BY e.ticket_id, e.seq),
						e.customer_id, e.ticket_id, e.seq
					FROM event e LEFT JOIN feed f ON f.customer_id = e.customer_id
						AND f.ticket_id = e.ticket_id AND f.seq = e.seq
					WHERE f.rev IS NULL
				RETURNING rev)
			UPDATE feed_state SET rev = last.rev + x.n, snapshot = pg_current_snapshot(),
					epoch = gen_random_uuid()
				FROM (SELECT count(*) AS n FROM taken) x
				RETURNING feed_state.rev, x.n;
		RETURN;
	END IF;
	RETURN QUERY WITH taken AS (
		INSERT INTO feed (rev, customer_id, ticket_id, seq)
			SELECT last.rev + row_number() OVER (ORDER BY e.ticket_id, e.seq),
					e.customer_id, e.ticket_id, e.seq
				FROM event e
				WHERE e.xid >= pg_snapshot_xmax(last.snapshot)
					OR e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(last.snapshot)))
			RETURNING rev)
		UPDATE feed_state SET rev = last.rev + x.n, snapshot = pg_current_snapshot()
			FROM (SELECT count(*) AS n FROM taken) x
			WHERE x.n > 0
			RETURNING feed_state.rev, x.n;
	IF NOT FOUND THEN
		RETURN QUERY SELECT last.rev, 0::bigint;
	END IF;
END
$$;

REVOKE ALL ON FUNCTION feed_sequence FROM PUBLIC;
GRANT EXECUTE ON FUNCTION feed_sequence TO otklik_app;

RESET ROLE;
