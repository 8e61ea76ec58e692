-- How agents' reports come in exactly once: a queue announces itself (report_mark) and its
-- reports are taken in order (report_save), in one transaction with the tickets they changed.

SET LOCAL ROLE otklik_batch;

-- A queue says who it is and how far it goes; answers the last report taken from it, 0: none.
--
-- An agent has one queue at a time: one that was never seen before closes the others of its
-- agent, so that of two that run under one name only one is believed. A queue whose head lies
-- below its mark does not know what it has sent: it was restored from a copy, or is one. Either
-- is kept as quarantined, and why; nothing more is taken from it, nothing of it is lost.
CREATE FUNCTION report_mark(for_customer integer, for_agent integer, for_epoch uuid,
	for_lane smallint, new_head bigint, now_at timestamptz)
RETURNS TABLE (mark bigint, quarantined text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('otklik.agent'), for_agent);
	INSERT INTO agent_mark (customer_id, agent_id, epoch, lane, mark, head, updated_at)
		VALUES (for_customer, for_agent, for_epoch, for_lane, 0, new_head, now_at)
		ON CONFLICT DO NOTHING;
	IF FOUND THEN
		UPDATE agent_mark m SET quarantined = 'another queue of this agent took its place',
				updated_at = now_at
			WHERE m.customer_id = for_customer AND m.agent_id = for_agent
				AND m.epoch <> for_epoch AND m.quarantined IS NULL;
	ELSE
		UPDATE agent_mark m SET updated_at = now_at,
				head = CASE WHEN new_head < m.mark THEN m.head ELSE new_head END,
				quarantined = CASE WHEN new_head < m.mark THEN
					format('it ends at report %s, but %s were taken from it: it was restored '
						'from a copy, or is a copy', new_head, m.mark) END
			WHERE m.customer_id = for_customer AND m.agent_id = for_agent
				AND m.epoch = for_epoch AND m.lane = for_lane AND m.quarantined IS NULL;
	END IF;
	RETURN QUERY SELECT m.mark, m.quarantined FROM agent_mark m
		WHERE m.customer_id = for_customer AND m.agent_id = for_agent
			AND m.epoch = for_epoch AND m.lane = for_lane;
END
$$;

-- A number came twice with different contents: two queues use one name.
CREATE FUNCTION report_quarantine(for_customer integer, for_agent integer, for_epoch uuid,
	for_lane smallint, why text, now_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
	UPDATE agent_mark SET quarantined = why, updated_at = now_at
		WHERE customer_id = for_customer AND agent_id = for_agent AND epoch = for_epoch
			AND lane = for_lane AND quarantined IS NULL;
END
$$;

-- Takes the reports old_mark + 1 … of one queue and moves its mark behind them. report_* have
-- one element a report in order; moved_* one a check whose last state they moved, with the
-- counter (NULL: none) that the state they were judged by had.
--
-- Stands in one transaction with the desk_save of the tickets they changed, before it. Raises
-- ABORTED (MARK_MOVED) when the queue or a check is not where it was when the reports were
-- judged, FAILED_PRECONDITION (QUEUE_QUARANTINED), or fails on the key of a report taken before.
CREATE FUNCTION report_save(
	for_customer integer, for_agent integer, for_epoch uuid, for_lane smallint,
	old_mark bigint, new_head bigint, now_at timestamptz,
	report_kind smallint[], report_outcome smallint[], report_reason text[],
	report_ticket bigint[], report_host text[], report_check text[], report_state smallint[],
	report_counter bigint[], report_output text[], report_occurred timestamptz[],
	report_age bigint[], report_boot text[],
	moved_host text[], moved_name text[], moved_before bigint[], moved_counter bigint[],
	moved_state smallint[], moved_changed timestamptz[], moved_ticket bigint[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	known record;
	new_mark bigint := old_mark + cardinality(report_kind);
	inserted bigint;
	updated bigint;
BEGIN
	SELECT m.mark, m.quarantined INTO known FROM agent_mark m
		WHERE m.customer_id = for_customer AND m.agent_id = for_agent
			AND m.epoch = for_epoch AND m.lane = for_lane
		FOR UPDATE;
	IF NOT FOUND OR known.mark <> old_mark THEN
		RAISE EXCEPTION 'the queue is not where it was; try again'
			USING ERRCODE = 'OT010', DETAIL = 'MARK_MOVED';
	END IF;
	IF known.quarantined IS NOT NULL THEN
		RAISE EXCEPTION '%', known.quarantined
			USING ERRCODE = 'OT009', DETAIL = 'QUEUE_QUARANTINED';
	END IF;

	UPDATE agent_mark m SET mark = new_mark, head = greatest(m.head, new_head, new_mark),
			updated_at = now_at
		WHERE m.customer_id = for_customer AND m.agent_id = for_agent
			AND m.epoch = for_epoch AND m.lane = for_lane;
	INSERT INTO report (customer_id, agent_id, epoch, lane, seq, kind, outcome, reason,
			ticket_id, host, check_name, check_state, counter, output, occurred_at,
			received_at, age_us, boot_id)
		SELECT for_customer, for_agent, for_epoch, for_lane, old_mark + s.i, s.kind, s.outcome,
				s.reason, s.ticket, s.host, s.name, s.state, s.counter, s.output,
				s.occurred, now_at, s.age, s.boot
			FROM unnest(report_kind, report_outcome, report_reason, report_ticket,
				report_host, report_check, report_state, report_counter, report_output,
				report_occurred, report_age, report_boot) WITH ORDINALITY
				AS s(kind, outcome, reason, ticket, host, name, state, counter, output,
					occurred, age, boot, i);

	IF cardinality(moved_host) > 0 THEN
		-- Another lane may have moved a check since: then its row is not the one judged by.
		INSERT INTO monitored_check (customer_id, agent_id, host, check_name, counter,
				state, changed_at, ticket_id)
			SELECT for_customer, for_agent, s.host, s.name, s.counter, s.state, s.changed,
					s.ticket
				FROM unnest(moved_host, moved_name, moved_before, moved_counter, moved_state,
					moved_changed, moved_ticket)
					AS s(host, name, before, counter, state, changed, ticket)
				WHERE s.before IS NULL
				ORDER BY s.host, s.name
			ON CONFLICT DO NOTHING;
		GET DIAGNOSTICS inserted = ROW_COUNT;
		UPDATE monitored_check c SET counter = s.counter, state = s.state,
				changed_at = s.changed, ticket_id = s.ticket
			FROM unnest(moved_host, moved_name, moved_before, moved_counter, moved_state,
				moved_changed, moved_ticket)
				AS s(host, name, before, counter, state, changed, ticket)
			WHERE c.customer_id = for_customer AND c.agent_id = for_agent
				AND c.host = s.host AND c.check_name = s.name AND c.counter = s.before;
		GET DIAGNOSTICS updated = ROW_COUNT;
		IF inserted + updated <> cardinality(moved_host) THEN
			RAISE EXCEPTION 'a check is not where it was; try again'
				USING ERRCODE = 'OT010', DETAIL = 'MARK_MOVED';
		END IF;
	END IF;
	RETURN new_mark;
END
$$;

REVOKE ALL ON FUNCTION report_mark, report_quarantine, report_save FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_mark, report_quarantine, report_save TO otklik_app;

RESET ROLE;
