-- How far feed and fold have come, and what is due at $1 (counted no further than 10,000).
-- name: server_status
SELECT f.epoch::text, f.rev, k.rev,
	(SELECT count(*) FROM (SELECT FROM timer WHERE at < $1 LIMIT 10000) due),
	(SELECT min(at) FROM timer WHERE at < $1)
FROM feed_state f, kpi_fold k;
