-- The sequencer finds what is new by the index on xid, however large the journal is. The planner
-- cannot know that nearly nothing lies behind the last snapshot (least of all where much of the
-- journal was written by few transactions): it prefers to read all of it, many times a second.

SET LOCAL ROLE otklik_owner;

ALTER FUNCTION feed_sequence() SET enable_seqscan = off;
ALTER FUNCTION feed_sequence() SET jit = off;

-- Whether feed_sequence would find anything. Takes no lock and no transaction id, so it may be
-- asked often. A snapshot of the future is one of another cluster: then it has to rebase.
CREATE FUNCTION feed_pending() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
	last pg_snapshot;
BEGIN
	SELECT snapshot INTO STRICT last FROM feed_state;
	RETURN pg_snapshot_xmax(last) > pg_snapshot_xmax(pg_current_snapshot())
		OR EXISTS (SELECT FROM event e WHERE e.xid >= pg_snapshot_xmax(last))
		OR EXISTS (SELECT FROM event e
			WHERE e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(last))));
END
$$;

REVOKE ALL ON FUNCTION feed_pending FROM PUBLIC;
GRANT EXECUTE ON FUNCTION feed_pending TO otklik_app;

RESET ROLE;
