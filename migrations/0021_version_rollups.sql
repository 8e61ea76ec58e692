-- Rollups know by which edition of the fold's rules they were made (KPI_RULES in
-- server/core/kpi_fold.h), so that those of an older release are completed from the journal.

SET LOCAL ROLE otklik_owner;

-- Where the completion has come to: entries up to this one are folded under the next edition.
ALTER TABLE kpi_fold ADD COLUMN rules smallint NOT NULL DEFAULT 2,
	ADD COLUMN up_customer integer NOT NULL DEFAULT 0,
	ADD COLUMN up_ticket bigint NOT NULL DEFAULT 0,
	ADD COLUMN up_seq bigint NOT NULL DEFAULT 0;
UPDATE kpi_fold SET rules = 3 WHERE rev = 0; -- nothing is folded yet

-- As before (0004), and: nothing is saved by other rules than those of the rollups. An older
-- process, which knows of no rules, finds no function to call.
DROP FUNCTION kpi_fold_save;
CREATE FUNCTION kpi_fold_save(by_rules smallint, old_rev bigint, new_rev bigint,
	new_from timestamptz,
	s_customer integer[], s_ticket bigint[], s_seq bigint[], s_state bytea[],
	c_customer integer[], c_day date[], c_quarter integer[], c_site integer[], c_team integer[],
	c_priority smallint[], c_type smallint[], c_metric smallint[], c_bucket integer[],
	c_n integer[], c_value bigint[]) RETURNS boolean
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
	SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	old_from timestamptz;
BEGIN
	SELECT k.quarter_from INTO old_from FROM kpi_fold k
	WHERE k.rev = old_rev AND k.rules = by_rules FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE kpi_fold SET rev = new_rev, quarter_from = greatest(old_from, new_from);

	INSERT INTO kpi_ticket AS t (customer_id, ticket_id, seq, state)
	SELECT * FROM unnest(s_customer, s_ticket, s_seq, s_state)
	ON CONFLICT (customer_id, ticket_id)
		DO UPDATE SET seq = excluded.seq, state = excluded.state;

	INSERT INTO kpi_cell AS k (customer_id, day, site_id, team_id, priority, type, metric, bucket,
		n, sum, sum2)
	SELECT c.customer, c.day, c.site, c.team, c.priority, c.type, c.metric, c.bucket,
		sum(c.n), sum(c.n * c.value::numeric), sum(c.n * c.value::numeric * c.value)
	FROM unnest(c_customer, c_day, c_site, c_team, c_priority, c_type, c_metric, c_bucket, c_n,
		c_value) AS c(customer, day, site, team, priority, type, metric, bucket, n, value)
	GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
	ON CONFLICT (customer_id, day, site_id, team_id, priority, type, metric, bucket)
		DO UPDATE SET n = k.n + excluded.n, sum = k.sum + excluded.sum,
			sum2 = k.sum2 + excluded.sum2;

	INSERT INTO kpi_quarter AS k (customer_id, quarter, site_id, team_id, priority, type, metric,
		bucket, n, sum, sum2)
	SELECT c.customer, to_timestamp(c.quarter * 900.0), c.site, c.team, c.priority, c.type,
		c.metric, c.bucket,
		sum(c.n), sum(c.n * c.value::numeric), sum(c.n * c.value::numeric * c.value)
	FROM unnest(c_customer, c_quarter, c_site, c_team, c_priority, c_type, c_metric, c_bucket,
		c_n, c_value) AS c(customer, quarter, site, team, priority, type, metric, bucket, n,
		value)
	WHERE c.quarter * 900.0 >= extract(epoch FROM greatest(old_from, new_from))
	GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
	ON CONFLICT (customer_id, quarter, site_id, team_id, priority, type, metric, bucket)
		DO UPDATE SET n = k.n + excluded.n, sum = k.sum + excluded.sum,
			sum2 = k.sum2 + excluded.sum2;

	IF new_from > old_from THEN
		DELETE FROM kpi_quarter WHERE quarter < new_from;
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION kpi_fold_save IS
	'Adds folded contributions and moves the watermark, or does nothing and says false.';

-- One step of the completion: what the entries behind the old place up to the new one contribute
-- under the new rules alone, with the states of their tickets; no tickets: it is done. A ticket
-- may be folded in several steps: seq says where it ends, its state where it stands. False, with
-- nothing changed, when another process was there first.
CREATE FUNCTION kpi_fold_complete(old_rules smallint, new_rules smallint, old_customer integer,
	old_ticket bigint, old_seq bigint, new_customer integer, new_ticket bigint, new_seq bigint,
	s_customer integer[], s_ticket bigint[], s_seq bigint[], s_state bytea[],
	c_customer integer[], c_day date[], c_quarter integer[], c_site integer[], c_team integer[],
	c_priority smallint[], c_type smallint[], c_metric smallint[], c_bucket integer[],
	c_n integer[], c_value bigint[]) RETURNS boolean
	LANGUAGE plpgsql
	SET search_path = pg_catalog, public
AS $$
DECLARE
	k kpi_fold;
BEGIN
	SELECT * INTO k FROM kpi_fold f WHERE f.rules = old_rules AND f.up_customer = old_customer
		AND f.up_ticket = old_ticket AND f.up_seq = old_seq FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF cardinality(s_ticket) = 0 THEN
		UPDATE kpi_fold SET rules = new_rules, up_customer = 0, up_ticket = 0, up_seq = 0;
		RETURN true;
	END IF;
	UPDATE kpi_fold SET up_customer = new_customer, up_ticket = new_ticket, up_seq = new_seq;
	RETURN kpi_fold_save(old_rules, k.rev, k.rev, k.quarter_from, s_customer, s_ticket, s_seq,
		s_state, c_customer, c_day, c_quarter, c_site, c_team, c_priority, c_type, c_metric,
		c_bucket, c_n, c_value);
END
$$;
COMMENT ON FUNCTION kpi_fold_complete IS
	'Adds what newer rules count of tickets already folded, or does nothing and says false.';

REVOKE ALL ON FUNCTION kpi_fold_save, kpi_fold_complete FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kpi_fold_save, kpi_fold_complete TO otklik_app;

RESET ROLE;
