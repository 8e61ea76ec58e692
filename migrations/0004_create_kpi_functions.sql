-- One transaction of the fold: contributions, per-ticket states and the watermark together.

SET LOCAL ROLE otklik_owner;

-- Moves the watermark from old_rev to new_rev and adds the contributions; false, with nothing
-- changed, when another fold was there first. Arrays s_* are states, one an element; arrays
-- c_* contributions: n times `value` in a cell. Quarter-hours before new_from are dropped.
CREATE FUNCTION kpi_fold_save(old_rev bigint, new_rev bigint, new_from timestamptz,
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
	SELECT k.quarter_from INTO old_from FROM kpi_fold k WHERE k.rev = old_rev FOR UPDATE;
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

REVOKE ALL ON FUNCTION kpi_fold_save FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kpi_fold_save TO otklik_app;

RESET ROLE;
