-- Changing reference data: the guard under which a declaration is written, the record of what
-- was applied, and what an import adds. The writes themselves are statements of
-- server/sql/installation.sql in the same transaction as the guard.

SET LOCAL ROLE otklik_owner;

CREATE TABLE installation_change (
	epoch bigint PRIMARY KEY, -- the one it made
	principal_id integer NOT NULL REFERENCES principal,
	key uuid NOT NULL,
	hash bytea NOT NULL,
	applied_at timestamptz NOT NULL,
	-- what was answered, one element a change
	actions text[] NOT NULL,
	kinds text[] NOT NULL,
	codes text[] NOT NULL,
	details text[] NOT NULL,
	UNIQUE (principal_id, key)
);
COMMENT ON TABLE installation_change IS
	'class: reference. Who applied which changes of the installation, and when.';
GRANT SELECT, INSERT ON installation_change TO otklik_app;
GRANT SELECT ON installation_change TO otklik_batch;

-- The first statement of a change of reference data: holds off every writer of tickets until
-- the commit, refuses what was decided under another epoch than `decided`, and starts a new one,
-- which it returns. Whoever listens reads the data again.
CREATE FUNCTION installation_begin(decided bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
	made bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('otklik.reference'));
	UPDATE installation SET epoch = epoch + 1 WHERE epoch = decided RETURNING epoch INTO made;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'reference data were changed meanwhile; try again'
			USING ERRCODE = 'OT010', DETAIL = 'STALE_REFERENCE';
	END IF;
	PERFORM pg_notify('otklik_reference', '');
	RETURN made;
END
$$;

REVOKE ALL ON FUNCTION installation_begin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION installation_begin TO otklik_app;

RESET ROLE;
